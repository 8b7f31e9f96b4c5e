// The main job on WebGPU: drop, train, predict, download, and the same result from the command line.

import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, temporaryFolder } from "./files.mjs";
import { configure, drop, limit, screenshot, sentences, useWhileTraining, webgpu, withPage } from "./page.mjs";
import { compareWithCommandLine, look, predictAndDownload, trainUntilTheLossFalls } from "./training.mjs";

// Enough to see the loss fall: a step takes many seconds on the software adapter.
const iterations = 3;
// Two tokens side by side, of which MedContext masks one.
const patch = [16, 16, 32];

test(
  "WebGPU: train on dropped files, predict, and get the same from the command line",
  { timeout: limit },
  async (context) => {
    const folder = temporaryFolder();
    phantom(join(folder, "phantom"), { cases: "2", unlabeled: "1", seed: "7", voxels: "18,22" });
    const source = (kind, n) => join(folder, "phantom", kind, `phantom_00${n}.nii.gz`);
    // Loose files as people keep them: a label beside its image, and one image without.
    const files = [1, 2].flatMap((n) => {
      const label = join(folder, `phantom_00${n}_seg.nii.gz`);
      copyFileSync(source("labelsTr", n), label);
      return [source("imagesTr", n), label];
    });
    const image = source("imagesTs", 3);

    await withPage(webgpu, "?logits", async (page) => {
      assert.equal(await page.locator("#device").getAttribute("data-device"), "webgpu");
      await screenshot(page, "webgpu-1-empty");
      await drop(page, [...files, image]);
      await page.locator("#cases [data-case=phantom_003][data-role=predict]").waitFor();
      assert.equal(await page.locator("#cases [data-role=train]").count(), 2, "labels and images are paired");
      assert.deepEqual(await sentences(page), []);
      await look(page, "webgpu-2-cases");

      await configure(page, {
        size: "tiny",
        patch,
        iterations,
        learningRate: 0.002,
        medcontext: true,
        batchSize: 1,
        seed: 1,
      });
      const compiling = page.locator("#progress[data-compiling]").waitFor();
      const [losses, answered] = await Promise.all([
        trainUntilTheLossFalls(page, iterations),
        useWhileTraining(page),
        compiling,
      ]);
      assert.equal(await page.locator("#progress[data-compiling]").count(), 0);
      context.diagnostic(`losses ${losses}`);
      context.diagnostic(`key presses that took effect while an iteration ran: ${answered}`);
      assert.ok(answered > 2 * iterations, `the page answered to only ${answered} key presses while it trained`);
      await screenshot(page, "webgpu-3-trained");

      const result = await predictAndDownload(page, "phantom_003", image, [1, 2], folder);
      await look(page, "webgpu-4-predicted");

      const { share, difference } = await compareWithCommandLine(page, "phantom_003", image, result, folder);
      context.diagnostic(`same labels ${(100 * share).toFixed(3)} %, largest difference of logits ${difference}`);
    });
  },
);
