// One phantom in ten orientations: the crosshair is at the same millimeters, over the same voxel, as nibabel says
// (see fixtures/reoriented.py).

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readBytes, temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, press, screenshot, withPage } from "./page.mjs";

const folder = join(import.meta.dirname, "..", "fixtures", "reoriented");
const volumes = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));

/** Voxels of the phantom along R, A and S. */
const sides = [12, 15, 18];

/** What moves the crosshair by one voxel along R, A and S, back and forth: keys, and the wheel on the axial slice. */
const moves = [
  ["h", "l"],
  ["j", "k"],
  [-1, 1],
];

/** Small pictures are drawn quickly. */
const small = { width: 1100, height: 600 };

/** Half of the last digit of a printed position in mm, and what 32-bit headers may be off. */
const rounding = 0.0501;

/** Moves the crosshair by a number of voxels along one of the patient's axes. */
async function move(page, axis, voxels) {
  const way = moves[axis][voxels < 0 ? 0 : 1];
  for (let left = Math.abs(voxels); left > 0; left -= 1) {
    if (axis === 2) await page.mouse.wheel(0, way * 100);
    else await page.locator("#canvas").press(way);
  }
}

/** What is printed about the voxel under the crosshair. */
async function readout(page) {
  const text = await page.locator("#readout").innerText();
  const number = String.raw`(-?\d+(?:\.\d+)?)`;
  const found = text.match(
    new RegExp(String.raw`(?:^|\s)${number}, ${number}, ${number} mm \(RAS\)\s+value ${number}`),
  );
  assert.ok(found, `a position and a value: "${text}"`);
  const [x, y, z, value] = found.slice(1).map(Number);
  // The index in the file, where it is printed before the position.
  const ijk = text
    .match(/^(\d+), (\d+), (\d+)\s/)
    ?.slice(1)
    .map(Number);
  return { text, ijk, mm: [x, y, z], value };
}

test(
  "the same voxel is under the crosshair at the same mm, in ten orientations",
  { timeout: limit },
  async (context) => {
    await withPage(noWebgpu, "", async (page) => {
      await page.setViewportSize(small);
      await drop(
        page,
        volumes.flatMap(({ name }) => [`${name}.nii.gz`, `${name}_seg.nii.gz`].map((file) => join(folder, file))),
      );
      await page
        .locator("#cases [data-case]")
        .nth(volumes.length - 1)
        .waitFor();
      let at;
      for (const [index, { name, landmarks }] of volumes.entries()) {
        await show(page, name);
        at ??= await goToCorner(page);
        // There and back: the crosshair stays where it is when another volume is shown.
        const [first, second] = landmarks;
        for (const landmark of index % 2 === 0 ? [first, second] : [second, first]) {
          for (const axis of [0, 1, 2]) await move(page, axis, landmark.ras[axis] - at[axis]);
          at = landmark.ras;
          await page.locator("#readout", { hasText: `truth: label ${landmark.label}` }).waitFor();
          const found = await readout(page);
          context.diagnostic(`${name}: ${found.text}`);
          const off = found.mm.map((mm, axis) => Math.abs(mm - landmark.mm[axis]));
          assert.ok(Math.max(...off) < rounding, `${name}: "${found.text}" and not ${landmark.mm}`);
          assert.equal(found.value, landmark.value, `${name}: "${found.text}"`);
          if (found.ijk) assert.deepEqual(found.ijk, landmark.ijk, `${name}: "${found.text}"`);
        }
        await screenshot(page, `orientation-${name}`);
      }
    });
  },
);

test("the last voxel of 32-bit integers has its value", { timeout: limit }, async () => {
  await withPage(noWebgpu, "", async (page) => {
    await page.setViewportSize(small);
    await drop(page, [join(folder, "ial.nii.gz")]);
    await show(page, "ial");
    await goToCorner(page);
    await move(page, 1, sides[1] - 1);
    const { text, value } = await readout(page);
    assert.equal(value, sides[0] * (sides[1] - 1), text);
  });
});

test(
  "a file without orientation is shown where it is read, and so is its segmentation",
  { timeout: limit },
  async () => {
    const bytes = readBytes(join(folder, "ras.nii.gz"));
    // The codes of qform and sform.
    bytes.fill(0, 252, 256);
    const path = join(temporaryFolder(), "nowhere.nii");
    writeFileSync(path, bytes);
    await withPage(noWebgpu, "?model=sample", async (page) => {
      await page.setViewportSize(small);
      await drop(page, [path]);
      await show(page, "nowhere");
      await goToCorner(page);
      const { text, mm, value } = await readout(page);
      // As nibabel has it: the middle is at the origin, and i runs to the left.
      assert.deepEqual({ mm, value }, { mm: [-8.8, -9.1, -8.5], value: sides[0] - 1 }, text);
      // Off its own place it would have nothing here.
      await page.locator("#predict:enabled").waitFor();
      assert.equal(await press(page, "predict"), "done");
      await page.locator("#readout", { hasText: "prediction: " }).waitFor();
    });
  },
);

/** Shows a case; not with the mouse, which stays on the canvas: once it has left, NiiVue needs a click to heed keys. */
async function show(page, name) {
  await page.locator(`#cases [data-case=${name}] .show`).press("Enter");
  await page.locator(`#viewer[data-case=${name}]`).waitFor();
}

/** Puts the mouse on the axial slice, the crosshair on the first voxel left, back and bottom; gives the index. */
async function goToCorner(page) {
  const { x, y, width, height } = await page.locator("#canvas").boundingBox();
  await page.mouse.move(x + 0.4 * width, y + 0.75 * height);
  for (const axis of [0, 1, 2]) await move(page, axis, -sides[axis]);
  return [0, 0, 0];
}
