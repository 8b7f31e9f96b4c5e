// Where the numbers are computed: the person's choice, and what stays when it changes.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, temporaryFolder } from "./files.mjs";
import { configure, drop, limit, losses, press, ready, webgpu, withPage } from "./page.mjs";

const device = (page) => page.locator("#device").getAttribute("data-device");

/** Presses the button and waits for the other device. */
async function change(page) {
  const before = await device(page);
  await page.locator("#switch-device").click();
  await page.locator(`#device:not([data-device=${before}])`).waitFor();
  await ready(page);
}

test("from the GPU to the CPU and back: files and weights stay", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  phantom(join(folder, "phantom"), { cases: "2", unlabeled: "1", seed: "7", voxels: "18,22" });
  await withPage(webgpu, "", async (page) => {
    assert.equal(await device(page), "webgpu");
    await drop(page, [join(folder, "phantom")]);
    await page.locator("#cases [data-case=phantom_003][data-role=predict]").waitFor();
    await change(page);
    assert.equal(await device(page), "cpu");
    assert.equal(await page.locator("#cases [data-role=train]").count(), 2);

    await configure(page, {
      size: "tiny",
      patch: [16, 16, 32],
      iterations: 3,
      learningRate: 0.002,
      medcontext: true,
      batchSize: 1,
      seed: 1,
    });
    assert.equal(await press(page, "train"), "done");
    assert.equal((await losses(page, "total")).length, 3);
    const weights = await page.locator("#weights").innerText();
    assert.equal(await press(page, "predict"), "done");

    await change(page);
    assert.equal(await device(page), "webgpu");
    assert.equal(await page.locator("#weights").innerText(), weights);
    assert.equal(await page.locator("#cases [data-state=done]").count(), 1);
    await page.locator("#predict:enabled").waitFor();
  });
  for (const [threads, told] of [
    [1, "CPU, one thread"],
    [3, "CPU, 3 threads"],
  ]) {
    await withPage(webgpu, `?device=cpu&threads=${threads}`, async (page) => {
      assert.equal(await device(page), "cpu");
      assert.equal(await page.locator("#device").innerText(), told);
    });
  }
});
