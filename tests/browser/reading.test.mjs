// Reading many cases: how far it is, and a way to stop it that names what is left out.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, withPage } from "./page.mjs";

test("cases that are not read yet are left out when reading is stopped", { timeout: limit }, async () => {
  const data = join(temporaryFolder(), "phantom");
  phantom(data, { cases: "40", unlabeled: "0", seed: "3", voxels: "48,48" });
  await withPage(noWebgpu, "", async (page) => {
    // Pressed as soon as it is there: these small cases are read before a locator has looked twice.
    await page.evaluate(() => {
      const watch = new MutationObserver(() => {
        const stop = document.querySelector("#stop-reading");
        if (!stop) return;
        watch.disconnect();
        stop.click();
      });
      watch.observe(document.body, { subtree: true, childList: true });
    });
    await drop(page, [data]);
    const sentence = page.locator("#messages li", { hasText: "reading was stopped before" });
    const left = Number((await sentence.innerText()).match(/before (\d+) of the cases/)[1]);
    await page.locator("#stop-reading").waitFor({ state: "detached" });
    const cases = page.locator("#cases [data-case]");
    assert.ok(left > 0, "all were read before it was pressed");
    assert.equal(await cases.count(), 40 - left);
    // The others are dropped again.
    await drop(page, [data]);
    await page.waitForFunction(() => document.querySelectorAll("#cases [data-role=train]").length === 40);
  });
});
