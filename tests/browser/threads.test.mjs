// Threads that share a task on the CPU: the same numbers as one, less time, and one that dies is replaced.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, temporaryFolder } from "./files.mjs";
import { configure, drop, limit, losses, noWebgpu, press, withPage } from "./page.mjs";
import { predictAndDownload } from "./training.mjs";

const iterations = 4;

/** The further threads that run now. */
const further = (page) => page.workers().filter((worker) => worker.url().includes("pool-worker"));

/** Ends a thread as soon as one is there and has nothing to do. */
async function killOne(page) {
  while (further(page).length === 0) await page.waitForTimeout(20);
  await further(page)[0].evaluate(() =>
    setTimeout(() => {
      throw new Error("killed by a test");
    }),
  );
}

test("threads share training and segmenting, and change no number", { timeout: limit }, async (context) => {
  const folder = temporaryFolder();
  const data = join(folder, "phantom");
  phantom(data, { cases: "2", unlabeled: "1", seed: "8", voxels: "24,32" });
  const image = join(data, "imagesTs", "phantom_003.nii.gz");

  const run = async (threads, meanwhile = async () => {}) => {
    let found;
    await withPage(
      noWebgpu,
      `?threads=${threads}`,
      async (page) => {
        await drop(page, [data]);
        await page.locator("#cases [data-case=phantom_003][data-role=predict]").waitFor();
        await configure(page, {
          size: "tiny",
          patch: [16, 16, 16],
          iterations,
          learningRate: 0.002,
          medcontext: true,
          batchSize: 3,
          seed: 1,
        });
        const began = performance.now();
        const [state] = await Promise.all([press(page, "train"), meanwhile(page)]);
        const trained = performance.now();
        assert.equal(state, "done");
        const terms = {};
        for (const term of ["total", "supervised", "masked", "consistency"]) terms[term] = await losses(page, term);
        assert.equal(terms.total.length, iterations);
        const { voxels } = await predictAndDownload(page, "phantom_003", image, [1, 2], folder);
        const seconds = [trained - began, performance.now() - trained].map((ms) => (ms / 1000).toFixed(1));
        context.diagnostic(`${threads} threads: trained in ${seconds[0]} s, segmented in ${seconds[1]} s`);
        assert.equal(further(page).length, 0, "threads end with their task");
        found = { terms, voxels };
      },
      { tolerated: /killed by a test/ },
    );
    return found;
  };

  const alone = await run(1);
  assert.deepEqual(await run(3), alone);
  assert.deepEqual(await run(2, killOne), alone);
});
