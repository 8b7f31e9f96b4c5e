// After the first visit the page needs no network.

import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryFolder } from "./files.mjs";
import { limit, noWebgpu, ready, withPage } from "./page.mjs";

test("the page opens and works without a network", { timeout: limit }, async (context) => {
  await withPage(
    noWebgpu,
    "",
    async (page, { sent }) => {
      const loaded = await page.evaluate(() => Math.round(performance.now()));
      context.diagnostic(`the page can be used at most ${loaded} ms after it was opened`);
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
      const kept = await page.evaluate(async () =>
        (await (await caches.open("medcontext")).keys()).map(({ url }) => url),
      );
      context.diagnostic(`${kept.length} files are kept`);
      // Browsers fetch icons by themselves, past their own cache.
      const ours = sent.filter((path) => !path.endsWith("icon.svg"));
      const twice = ours.filter((path, i) => ours.indexOf(path) !== i);
      assert.deepEqual(twice, [], "files that were fetched twice");
      await page.context().setOffline(true);
      await page.reload();
      await ready(page);
      await page.locator("#sample").click();
      await page.locator("#cases [data-case]").nth(7).waitFor();
      await page.locator("#viewer[data-ready=true]").waitFor();
      await page.context().setOffline(false);
      assert.ok(kept.some((url) => url.endsWith("worker_bg.wasm")));
    },
    // The page is kept under the address that people open.
    { tolerated: /ERR_INTERNET_DISCONNECTED/, profile: temporaryFolder(), hooks: false },
  );
});
