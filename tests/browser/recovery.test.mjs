// What outlives a dead worker and a closed tab.

import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, limit, losses, noWebgpu, ready, screenshot, withPage } from "./page.mjs";

const iterations = 400;
const every = 5;

const number = async (page, name) => Number(await page.locator("#progress").getAttribute(name));

/** Waits until the run has taken `steps` more steps than `from`. */
function steps(page, from) {
  return page.waitForFunction((from) => Number(document.querySelector("#progress").dataset.iteration) >= from, from);
}

async function stop(page) {
  await page.locator("#stop").click();
  await page.locator("#progress[data-state=stopped]").waitFor();
}

test("a dead worker and a closed tab cost a few steps", { timeout: limit }, async () => {
  await withPage(
    noWebgpu,
    "",
    async (page) => {
      await page.locator("#sample").click();
      await page.locator("#cases [data-case]").nth(7).waitFor();
      await configure(page, {
        size: "tiny",
        patch: [16, 16, 16],
        iterations,
        learningRate: 0.002,
        medcontext: true,
        batchSize: 1,
        seed: 1,
      });
      await page.locator("#checkpoint-every").fill(String(every));
      await page.locator("#train").click();
      await steps(page, 12);

      const [worker] = page.workers();
      await worker.evaluate(() =>
        setTimeout(() => {
          throw new Error("killed by a test");
        }),
      );
      await page.locator("#restart").waitFor();
      const reached = await number(page, "data-iteration");
      await screenshot(page, "recovery-1-dead");
      await page.locator("#restart").click();
      await ready(page);
      const kept = await number(page, "data-kept");
      assert.ok(kept > 0 && reached - kept <= every, `${reached} steps were done, ${kept} were kept`);
      assert.equal(await page.locator("#continue").innerText(), `Resume from ${kept} of ${iterations}`);
      await page.locator("#continue:enabled").click();
      await steps(page, kept + 7);
      await stop(page);
      const done = await number(page, "data-iteration");
      assert.equal((await losses(page, "total")).length, done, "every step has one loss");
      assert.equal(await number(page, "data-kept"), done, "a run that is stopped can go on from there");
      // What the page knows is kept a moment later.
      await page.waitForTimeout(2500);

      await page.reload();
      await ready(page);
      await page.locator("#welcome").waitFor();
      await screenshot(page, "recovery-2-offered");
      await page.locator("#restore:enabled").click();
      await page.locator("#cases [data-case]").nth(7).waitFor();
      await page.locator("#continue:enabled").waitFor();
      assert.equal(await page.locator("#welcome").count(), 0);
      assert.match(await page.locator("#weights").innerText(), /UNETR/);
      assert.equal((await losses(page, "total")).length, done);
      await page.locator("#continue").click();
      await steps(page, done + 2);
      await stop(page);
      await screenshot(page, "recovery-3-restored");

      // Forgotten is forgotten.
      await page.waitForTimeout(2500);
      await page.reload();
      await ready(page);
      await page.locator("#forget").click();
      await page.waitForTimeout(1000);
      await page.reload();
      await ready(page);
      await page.waitForTimeout(500);
      assert.equal(await page.locator("#welcome").count(), 0);
    },
    { tolerated: /killed by a test/ },
  );
});
