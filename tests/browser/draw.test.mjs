// Labels drawn in the page: what is drawn is what is saved, and what is kept.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { core, geometry, readArchive, readBytes, readLabels, temporaryFolder } from "./files.mjs";
import { download, drop, limit, noWebgpu, ready, screenshot, withPage } from "./page.mjs";

const drawn = "cases/drawn/phantom_002.nii.gz";

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
  core("phantom", "--out", data, "--cases", "1", "--unlabelled", "1", "--seed", "5", "--voxels", "18,22");
  const image = join(data, "imagesTs", "phantom_002.nii.gz");

  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [data]);
    await page.locator("#cases [data-case=phantom_002][data-role=predict] .show").click();
    await page.locator("#viewer[data-case=phantom_002]").waitFor();

    await page.locator("#edit").click();
    await page.locator("#editor").waitFor();
    await page.locator("#pen-size").fill("3");
    const { x, y, width, height } = await page.locator("#canvas").boundingBox();
    const [from, to] = [[0.22, 0.24], [0.28, 0.27]].map(([right, down]) => [x + right * width, y + down * height]);
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move(...to, { steps: 8 });
    await page.mouse.up();
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

    // The viewer shows the label where it was drawn, and nothing where it was not.
    const name = await page.locator("#legend tr[data-label='1'] th").innerText();
    await page.locator("#overlay input[value=truth]").check({ force: true });
    await page.mouse.click(...to);
    await page.waitForFunction((name) => document.querySelector("#readout").innerText.includes(name), name.trim());
    await page.mouse.click(x + 0.05 * width, y + 0.3 * height);
    await page.waitForFunction((name) => !document.querySelector("#readout").innerText.includes(name), name.trim());

    // What the page knows is kept a moment later.
    await page.waitForTimeout(2500);
    await page.reload();
    await ready(page);
    await page.locator("#restore:enabled").click();
    await page.locator("#cases [data-case=phantom_002][data-role=train]").waitFor();
    const second = await savedDrawing(page, folder, "second.nii.gz");
    assert.deepEqual(readBytes(second), readBytes(first), "the same bytes after a reload");
  });
});
