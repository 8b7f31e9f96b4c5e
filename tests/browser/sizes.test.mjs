// The main states at the sizes of people's screens, in light and dark: nothing is cut off, and pictures are
// taken for the documentation and for whoever wants to look.

import assert from "node:assert/strict";
import { test } from "node:test";
import { limit, noWebgpu, press, screenshot, withPage } from "./page.mjs";

const sizes = { laptop: [1280, 720], desktop: [1920, 1080], phone: [390, 844] };

/** Takes a picture of every step at every size, and checks that nothing sticks out at the side. */
async function look(page, state) {
  for (const [name, size] of Object.entries(sizes)) {
    await page.setViewportSize({ width: size[0], height: size[1] });
    // The viewer draws anew after it was told.
    await page.waitForTimeout(400);
    for (const tab of await page.getByRole("tab").all()) {
      await tab.click();
      await lookAt(page, `${state}-${await tab.getAttribute("id")}`, name, size[0]);
    }
  }
}

/** Takes a picture of one step. */
async function lookAt(page, state, name, width) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `${state} on a ${name}: ${wide} pixels wide`);
  const outside = await page.evaluate((limit) => {
    const visible = [...document.querySelectorAll("button, select, input")].filter(
      (one) => one.checkVisibility() && !one.closest(".unseen, .scroller, table"),
    );
    const sticksOut = (one) => one.getBoundingClientRect().right > limit + 1 && !one.classList.contains("unseen");
    return visible.filter(sticksOut).map((one) => one.id || one.innerText);
  }, width);
  assert.deepEqual(outside, [], `${state} on a ${name}: controls beyond the edge`);
  await screenshot(page, `sizes-${state.replace(/-step|-tab/g, "")}-${name}`);
}

for (const colorScheme of ["light", "dark"]) {
  test(`nothing is cut off on a laptop, a desktop and a phone, ${colorScheme}`, { timeout: limit }, async () => {
    await withPage(noWebgpu, "", async (page) => {
      await page.emulateMedia({ colorScheme });
      await look(page, `1-empty-${colorScheme}`);
    });
    await withPage(noWebgpu, "?sample&model=sample", async (page) => {
      await page.emulateMedia({ colorScheme });
      await page.locator("#cases [data-case]").nth(7).waitFor();
      await page.locator("#viewer[data-ready=true]").waitFor();
      // Left out at first where no GPU draws.
      await page.locator("#look summary").click();
      await page.locator("#multiplanar").click();
      await page.locator("#look summary").click();
      await look(page, `2-cases-${colorScheme}`);
      await page.locator("#cases [data-role=train] .role").first().selectOption("validate");
      await page.locator("#predict-scope").selectOption("held-out");
      await page.locator("#predict:enabled").waitFor();
      assert.equal(await press(page, "predict"), "done");
      await look(page, `3-segmented-${colorScheme}`);
      await page.locator("#edit").click();
      await page.locator("#editor").waitFor();
      await look(page, `4-editing-${colorScheme}`);
    });
  });
}
