// A session archive of an earlier version opens; tests/fixtures/earlier/README.md tells how it was made.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { drop, limit, noWebgpu, screenshot, withPage } from "./page.mjs";

const archive = join(import.meta.dirname, "..", "fixtures", "earlier", "session.zip");

test("a session that an earlier version saved opens", { timeout: limit }, async () => {
  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [archive]);
    await page.locator("#cases [data-case]").nth(3).waitFor();
    await page.locator("#results [data-case=phantom_004]").waitFor();
    const roles = await page
      .locator("#cases tr[data-case]")
      .evaluateAll((rows) => Object.fromEntries(rows.map((row) => [row.dataset.case, row.dataset.role])));
    assert.deepEqual(roles, {
      phantom_001: "train",
      phantom_002: "train",
      phantom_003: "validate",
      phantom_004: "predict",
    });
    assert.match(await page.locator("#weights").innerText(), /UNETR.*liver, kidney/);
    assert.equal(await page.locator("#iterations").inputValue(), "60");
    assert.equal(await page.locator("#patch-depth").inputValue(), "16");
    assert.match(await page.locator("#results [data-case=phantom_004]").innerText(), /kidney/);
    await screenshot(page, "earlier");
  });
});
