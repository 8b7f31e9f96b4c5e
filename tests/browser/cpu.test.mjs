// The same job in a browser without WebGPU, from a chosen folder, and back from saved weights.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, temporaryFolder } from "./files.mjs";
import { configure, drop, limit, noWebgpu, ready, screenshot, withPage } from "./page.mjs";
import { compareWithCommandLine, look, predictAndDownload, trainUntilTheLossFalls } from "./training.mjs";

const iterations = 30;

test("CPU: the page says that it is slower, and does the same", { timeout: limit }, async (context) => {
  const folder = temporaryFolder();
  const data = join(folder, "phantom");
  phantom(data, { cases: "2", unlabeled: "1", seed: "8", voxels: "18,22" });
  const image = join(data, "imagesTs", "phantom_003.nii.gz");

  await withPage(noWebgpu, "?logits", async (page) => {
    const device = page.locator("#device");
    assert.equal(await device.getAttribute("data-device"), "cpu");
    assert.match(await device.innerText(), /slower/);

    await page.locator("#folder").setInputFiles(data);
    await page.locator("#cases [data-case=phantom_003][data-role=predict]").waitFor();
    assert.equal(await page.locator("#cases [data-role=train]").count(), 2, "the folders of a Decathlon data set pair");
    await configure(page, {
      size: "tiny",
      patch: [16, 32, 32],
      iterations,
      learningRate: 0.002,
      medcontext: true,
      batchSize: 1,
      seed: 1,
    });
    context.diagnostic(`losses ${await trainUntilTheLossFalls(page, iterations)}`);

    const result = await predictAndDownload(page, "phantom_003", image, [1, 2], folder);
    await look(page, "cpu-1-predicted");
    const { weights, share, difference } = await compareWithCommandLine(page, "phantom_003", image, result, folder);
    context.diagnostic(`same labels ${(100 * share).toFixed(3)} %, largest difference of logits ${difference}`);

    await page.reload();
    await ready(page);
    await drop(page, [weights, image]);
    await page.locator("#cases [data-case=phantom_003][data-role=predict]").waitFor();
    const again = await predictAndDownload(page, "phantom_003", image, [1, 2], folder);
    assert.deepEqual(again.voxels, result.voxels, "weights that are dropped back in give the same labels");
    await screenshot(page, "cpu-2-weights");
  });
});

test("CPU: a run that is stopped keeps its weights", { timeout: limit }, async () => {
  await withPage(noWebgpu, "", async (page) => {
    await page.locator("#sample").click();
    await page.locator("#cases [data-role=train]").first().waitFor();
    await screenshot(page, "cpu-3-sample");
    await configure(page, {
      size: "tiny",
      patch: [16, 16, 16],
      iterations: 5000,
      learningRate: 0.002,
      medcontext: false,
      batchSize: 1,
      seed: 1,
    });
    await page.locator("#train").click();
    await page.waitForFunction(() => Number(document.querySelector("#progress").dataset.iteration) >= 3);
    await page.locator("#stop").click();
    await page.locator("#progress[data-state=stopped]").waitFor();
    await page.locator("#save-weights:enabled").waitFor();
  });
});

test("CPU: the other networks train and segment too", { timeout: limit }, async (context) => {
  const folder = temporaryFolder();
  const data = join(folder, "phantom");
  phantom(data, { cases: "2", unlabeled: "1", seed: "9", voxels: "18,22" });
  const image = join(data, "imagesTs", "phantom_003.nii.gz");
  const networks = { "swin-unetr": [32, 32, 32], nnformer: [16, 32, 32], pcrlv2: [16, 32, 32] };

  await withPage(noWebgpu, "", async (page) => {
    await page.locator("#folder").setInputFiles(data);
    await page.locator("#cases [data-case=phantom_003][data-role=predict]").waitFor();
    for (const [backbone, patch] of Object.entries(networks)) {
      await configure(page, {
        backbone,
        size: "tiny",
        patch,
        iterations: 12,
        learningRate: 0.002,
        medcontext: true,
        batchSize: 1,
        seed: 1,
      });
      const started = performance.now();
      context.diagnostic(`${backbone}: losses ${await trainUntilTheLossFalls(page, 12)}`);
      await predictAndDownload(page, "phantom_003", image, [1, 2], folder);
      context.diagnostic(`${backbone}: ${Math.round((performance.now() - started) / 1000)} s`);
    }
    await look(page, "cpu-4-networks");
  });
});
