// What everyone needs: names, roles, contrast (axe-core), and a page that stays responsive.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { configure, limit, noWebgpu, press, screenshot, withPage } from "./page.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Fails at anything that axe-core calls serious or critical, on every step. */
async function assertAccessible(page, state) {
  for (const tab of await page.getByRole("tab").all()) {
    // A dialog lies over all steps.
    if (await page.locator("dialog[open]").count()) return assertStepAccessible(page, state);
    await tab.click();
    await assertStepAccessible(page, `${state}, ${await tab.innerText()}`);
  }
}

async function assertStepAccessible(page, state) {
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const words = grave.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map(({ target }) => target).join("; ")}`);
  assert.deepEqual(words, [], state);
}

for (const colorScheme of ["light", "dark"]) {
  test(`no serious fault of accessibility, ${colorScheme}`, { timeout: limit }, async () => {
    await withPage(noWebgpu, "", async (page) => {
      await page.emulateMedia({ colorScheme });
      // By the debugger: the page's own policy takes no scripts from elsewhere.
      await page
        .context()
        .newCDPSession(page)
        .then(async (client) => {
          const { readFileSync } = await import("node:fs");
          await client.send("Runtime.evaluate", { expression: readFileSync(axe, "utf8") });
        });
      await assertAccessible(page, "empty");
      await page.locator("#sample").click();
      await page.locator("#cases [data-case]").nth(7).waitFor();
      await page.locator("#viewer[data-ready=true]").waitFor();
      await assertAccessible(page, "with cases");
      await page.locator("#cases [data-role=train] .role").first().selectOption("validate");
      await configure(page, {
        size: "tiny",
        patch: [16, 16, 16],
        iterations: 6,
        learningRate: 0.002,
        medcontext: true,
        batchSize: 1,
        seed: 1,
      });
      await press(page, "train");
      await page.locator("#predict-scope").selectOption("held-out");
      await press(page, "predict");
      await assertAccessible(page, "trained and measured");
      await screenshot(page, `accessible-${colorScheme}`);
      await page.locator("#edit").click();
      await page.locator("#editor").waitFor();
      await assertAccessible(page, "editing");
      await page.locator("#edit-cancel").click();
      await page.locator("#help").click();
      await page.locator("#help-sheet[open]").waitFor();
      await assertAccessible(page, "help");
      await screenshot(page, `accessible-${colorScheme}-help`);
    });
  });
}
