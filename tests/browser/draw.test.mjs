// Labels drawn in the page: what is drawn is what is saved, and what is kept.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { geometry, phantom, readArchive, readBytes, readLabels, temporaryFolder } from "./files.mjs";
import { download, drop, limit, noWebgpu, reopen, screenshot, withPage } from "./page.mjs";

const drawn = "drawings/phantom_002.nii.gz";

/** The drawing in the session's archive, as a file. */
async function savedDrawing(page, folder, name) {
  const archive = readArchive(await download(page, "#save-session", folder));
  const path = join(folder, name);
  writeFileSync(path, archive[drawn]);
  return path;
}

test("draw, undo, redo, save as truth, and find it again", { timeout: limit }, async (context) => {
  const folder = temporaryFolder();
  const data = join(folder, "phantom");
  phantom(data, { cases: "1", unlabeled: "1", seed: "5", voxels: "18,22" });
  const image = join(data, "imagesTs", "phantom_002.nii.gz");

  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [data]);
    await page.locator("#cases [data-case=phantom_002][data-role=predict] .show").click();
    await page.locator("#viewer[data-case=phantom_002]").waitFor();

    await page.locator("#edit").click();
    await page.locator("#editor").waitFor();
    await page.locator("#pen-size").fill("3");
    const { x, y, width, height } = await page.locator("#canvas").boundingBox();
    const [from, to] = [
      [0.22, 0.24],
      [0.28, 0.27],
    ].map(([right, down]) => [x + right * width, y + down * height]);
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move(...to, { steps: 8 });
    await page.mouse.up();
    const end = (await page.locator("#readout").innerText())
      .match(/-?\d+\.\d/g)
      .slice(0, 3)
      .map(Number);
    await page.locator("#undo:enabled").click();
    await page.locator("#undo:disabled").waitFor();
    await page.locator("#redo:enabled").click();
    await page.locator("#undo:enabled").waitFor();
    await screenshot(page, "draw-1-editing");
    await page.locator("#edit-save").click();
    await page.locator("#cases [data-case=phantom_002][data-role=train]").waitFor();
    await page.locator("#editor").waitFor({ state: "detached" });

    const first = await savedDrawing(page, folder, "first.nii.gz");
    const { voxels, geometry: place } = readLabels(first);
    const painted = voxels.filter((voxel) => voxel !== 0);
    context.diagnostic(`${painted.length} voxels`);
    assert.ok(painted.length >= 9 && painted.length < voxels.length / 4, `${painted.length} voxels`);
    assert.deepEqual([...new Set(painted)], [1]);
    assert.deepEqual(place, geometry(readBytes(image)), "dims and affine, bit for bit");

    // The last point of the stroke, where the viewer said that it was, is in a painted voxel.
    const { size, toMm, sides } = grid(readBytes(first));
    const places = voxels.flatMap((voxel, index) =>
      voxel
        ? [toMm(index % size[0], Math.floor(index / size[0]) % size[1], Math.floor(index / size[0] / size[1]))]
        : [],
    );
    const inside = (place) => place.every((mm, axis) => Math.abs(mm - end[axis]) <= sides[axis] / 2 + 0.1);
    assert.ok(places.some(inside), `${end} is in none of ${JSON.stringify(places)}`);
    const milliliters = (painted.length * sides[0] * sides[1] * sides[2]) / 1000;
    const shown = await page.locator("#legend tr[data-label='1'] .truth").innerText();
    assert.ok(Math.abs(Number.parseFloat(shown) - milliliters) < 0.1, `${shown} and ${milliliters} mL`);
    await screenshot(page, "draw-2-saved");

    await reopen(page);
    await page.locator("#cases [data-case=phantom_002][data-role=train]").waitFor();
    const second = await savedDrawing(page, folder, "second.nii.gz");
    assert.deepEqual(readBytes(second), readBytes(first), "the same bytes after a reload");

    // What is taken back by hand does not return.
    await page.locator("#pairing summary").click();
    await page.locator("#pairing [data-pair=phantom_002] select").selectOption("");
    await page.locator("#cases [data-case=phantom_002][data-role=predict]").waitFor();
    await reopen(page);
    await page.locator("#cases [data-case=phantom_002][data-role=predict]").waitFor();
    const kept = readArchive(await download(page, "#save-session", folder));
    assert.equal(kept[drawn], undefined, "the drawing is gone");
  });
});

/** Where the voxels of an axis-parallel file lie: their number, RAS mm by index, and sides in mm along R, A and S. */
function grid(bytes) {
  const size = [1, 2, 3].map((axis) => bytes.readInt16LE(40 + 2 * axis));
  const rows = [0, 1, 2].map((row) => [0, 1, 2, 3].map((column) => bytes.readFloatLE(280 + 16 * row + 4 * column)));
  const toMm = (i, j, k) => rows.map(([a, b, c, d]) => a * i + b * j + c * k + d);
  const sides = rows.map((row) => Math.hypot(...row.slice(0, 3)));
  return { size, toMm, sides };
}
