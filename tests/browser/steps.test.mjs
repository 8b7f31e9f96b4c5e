// The steps of the page: one visible at a time, reached by tabs, keys and buttons; what runs stays in sight.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, temporaryFolder } from "./files.mjs";
import { configure, drop, limit, noWebgpu, ready, screenshot, withPage } from "./page.mjs";
import { visibleStep } from "./steps.mjs";

const steps = ["step-cases", "step-train", "step-segment", "step-measure", "step-take-away"];

/** Ids of the panels that can be seen, and of the element that has the focus. */
const seen = (page) =>
  page.evaluate(() => ({
    visible: [...document.querySelectorAll(".step")].filter((one) => one.checkVisibility()).map(({ id }) => id),
    focused: document.activeElement.id,
    selected: [...document.querySelectorAll("[role=tab][aria-selected=true]")].map(({ id }) => id),
    reachable: [...document.querySelectorAll("[role=tab][tabindex='0']")].map(({ id }) => id),
    fragment: location.hash,
  }));

/** What `seen` gives when a step is visible and its tab has the focus. */
const at = (step) => ({
  visible: [step],
  focused: `${step}-tab`,
  selected: [`${step}-tab`],
  reachable: [`${step}-tab`],
  fragment: `#${step}`,
});

test("tabs by the keyboard, buttons to the next step, and a reload that returns", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  phantom(join(folder, "phantom"), { cases: "2", unlabeled: "1", seed: "3", voxels: "18,22" });
  await withPage(noWebgpu, "", async (page) => {
    assert.equal(await visibleStep(page), "step-cases");
    await page.locator("#step-cases-tab").focus();
    for (const [key, step] of [
      ["ArrowRight", 1],
      ["ArrowRight", 2],
      ["End", 4],
      ["ArrowRight", 0],
      ["ArrowLeft", 4],
      ["Home", 0],
      ["Alt+3", 2],
      ["Alt+1", 0],
    ]) {
      await page.keyboard.press(key);
      assert.deepEqual(await seen(page), at(steps[step]), key);
    }
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", "the focus can be seen");

    const next = page.locator("#step-cases-next");
    assert.equal(await next.innerText(), "Next: Plan and train");
    assert.ok(await next.isDisabled());
    assert.equal(await page.locator("#step-cases-missing").innerText(), "Add scans first.");
    await drop(page, [join(folder, "phantom", "imagesTs")]);
    await page.locator("#cases [data-case=phantom_003]").waitFor();
    assert.match(await page.locator("#step-cases-missing").innerText(), /^No case to train on/);
    await drop(page, [join(folder, "phantom")]);
    await page.locator("#step-cases-next:enabled").click();
    assert.deepEqual(await seen(page), at("step-train"));
    assert.match(await page.locator("#step-train-missing").innerText(), /^No weights yet/);

    await page.locator("#step-measure-tab").click();
    await page.waitForTimeout(2500);
    await page.reload();
    await ready(page);
    assert.equal(await visibleStep(page), "step-measure");
    // A key that presses a button leads to the button's step.
    await page.locator("#restore:enabled").click();
    await page.locator("#cases [data-case=phantom_002]").waitFor({ state: "attached" });
    assert.equal(await visibleStep(page), "step-measure", "an earlier session does not lead away");
  });
});

test("what runs stays in sight on every step, and leads to its own", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  phantom(join(folder, "phantom"), { cases: "2", unlabeled: "1", seed: "3", voxels: "18,22" });
  await withPage(noWebgpu, "", async (page) => {
    await page.setViewportSize({ width: 1280, height: 720 });
    await drop(page, [join(folder, "phantom")]);
    await page.locator("#viewer[data-ready=true]").waitFor();
    await configure(page, {
      size: "tiny",
      patch: [16, 16, 16],
      iterations: 5000,
      learningRate: 0.002,
      medcontext: false,
      batchSize: 1,
      seed: 1,
    });
    // By its key, from another step.
    await page.locator("#step-measure-tab").click();
    await page.locator("#train:enabled").waitFor({ state: "attached" });
    await page.keyboard.press("t");
    assert.equal(await visibleStep(page), "step-train");
    await page.waitForFunction(() => Number(document.querySelector("#progress").dataset.iteration) >= 3);
    const viewer = await page.locator("#viewer").boundingBox();
    for (const step of steps) {
      await page.locator(`#${step}-tab`).click();
      const words = await page.locator("#progress").innerText();
      assert.match(words, /Training .* on 2 cases\s+\d+ of 5000 iterations.*(it\/s|s\/it).* left/, step);
      for (const id of ["pause", "stop"]) assert.ok(await page.locator(`#${id}`).isEnabled(), `${step}: ${id}`);
      const { y, height } = await page.locator("#stop").boundingBox();
      assert.ok(y > 0 && y + height < 720, `${step}: the button to stop is on the screen`);
      assert.deepEqual(await page.locator("#viewer").boundingBox(), viewer, `${step}: the viewer keeps its place`);
      await screenshot(page, `steps-training-${step}`);
    }
    await page.locator("#progress .words").click();
    assert.equal(await visibleStep(page), "step-train");
    await page.locator("#step-take-away-tab").click();
    await page.locator("#stop").click();
    await page.locator("#progress[data-state=stopped]").waitFor();
    assert.equal(await visibleStep(page), "step-take-away");
  });
});
