// Scans of which only some slices were labeled, and validation that leaves each case out in turn.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, temporaryFolder } from "./files.mjs";
import { configure, drop, limit, losses, noWebgpu, press, reopen, screenshot, withPage } from "./page.mjs";
import { nifti, voxels, write } from "./volumes.mjs";

const size = [20, 20, 16];
const cases = ["a", "b", "c"];

/** A bright ball in noise that looks random; `elsewhere` is the label of slices that were not drawn. */
function partlyDrawn(folder, labels, elsewhere) {
  const inside = (i, j, k, n) => (i - 9 - n) ** 2 + (j - 9) ** 2 + (k - 8) ** 2 < 30;
  const files = { "dataset.json": JSON.stringify({ channel_names: { 0: "MR" }, labels, file_ending: ".nii.gz" }) };
  for (const [n, name] of cases.entries()) {
    const value = (i, j, k) => ((i * 31 + j * 17 + k * 7 + n) % 23) + (inside(i, j, k, n) ? 60 : 0);
    files[`imagesTr/${name}_0000.nii.gz`] = nifti({ size, values: voxels(size, value) });
    // A slice without the ball was not drawn.
    const drawn = (k) => k % 3 === 2 && (k - 8) ** 2 < 30;
    files[`labelsTr/${name}.nii.gz`] = nifti({
      size,
      type: "u8",
      values: voxels(size, (i, j, k) => (drawn(k) ? Number(inside(i, j, k, n)) : elsewhere)),
    });
  }
  write(folder, files);
}

const settings = {
  backbone: "pcrlv2",
  size: "tiny",
  patch: [16, 16, 16],
  iterations: 2,
  learningRate: 0.001,
  medcontext: false,
  batchSize: 1,
  seed: 3,
};

/** The losses of two steps on a folder, after `choose`. */
async function trained(data, choose) {
  let total;
  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [data]);
    await page.locator("#plan li[data-setting=patch]").waitFor();
    await choose(page);
    await configure(page, settings);
    assert.equal(await press(page, "train"), "done");
    total = await losses(page, "total");
  });
  return total;
}

test("slices that were not drawn count as background, or not at all", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  partlyDrawn(join(folder, "partial"), { background: 0, ball: 1 }, 0);
  partlyDrawn(join(folder, "ignored"), { background: 0, ball: 1, ignore: 2 }, 2);
  const every = await trained(join(folder, "partial"), async () => {});
  const drawn = await trained(join(folder, "partial"), async (page) => {
    await page.locator(".labeled-slices select").selectOption("axial");
    await page.waitForFunction(() => document.querySelector(".labeled-slices select").value === "axial");
    await page.locator("#plan li[data-setting=patch]").waitFor();
    await screenshot(page, "partial-1-drawn");
    // It is remembered.
    await reopen(page);
    await page.locator("#plan li[data-setting=patch]").waitFor();
    assert.equal(await page.locator(".labeled-slices select").inputValue(), "axial", "after a reload");
  });
  const ignored = await trained(join(folder, "ignored"), async () => {});
  assert.deepEqual(drawn, ignored, "as if the other slices had nnU-Net's ignored label");
  assert.ok(Math.abs(drawn[0] - every[0]) > 1e-3, `${drawn} ${every}`);
});

test("each case is left out in turn, and what was found is shown", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  const data = join(folder, "phantom");
  phantom(data, { cases: "3", unlabeled: "0", seed: "8", voxels: "18,22" });
  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [data]);
    await page.locator("#plan li[data-setting=patch]").waitFor();
    await configure(page, { ...settings, iterations: 3 });
    await page.locator("#cross-validate:enabled").click();
    await page.locator("#folds th", { hasText: "3 of 3 folds" }).waitFor({ timeout: limit });
    const names = await page.locator("#folds tbody th").allInnerTexts();
    assert.equal(names.at(-1), "mean");
    const dice = await page.locator("#folds tbody tr").evaluateAll((rows) => rows.map((row) => row.cells[1].innerText));
    for (const text of dice) assert.match(text, /^[01]\.\d{3}/);
    assert.match(await page.locator("#folds .worst").innerText(), /^Worst case: phantom_00\d, Dice [01]\.\d{3}$/);
    const chosen = await page.locator("#folds .post-processing li").allInnerTexts();
    assert.match(chosen[0], /^post-processing chosen on the held-out cases/);
    assert.equal(chosen.length, 4, "and a sentence on each switch");
    await screenshot(page, "partial-2-folds");
  });
});
