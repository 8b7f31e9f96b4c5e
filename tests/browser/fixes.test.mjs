// Labels that do not fit their image, and the buttons that make them fit.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { geometry, phantom, readArchive, readBytes, readLabels, temporaryFolder } from "./files.mjs";
import { download, drop, limit, noWebgpu, screenshot, withPage } from "./page.mjs";

test(
  "labels of another shape and labels that are no whole numbers are mended by a button",
  { timeout: limit },
  async () => {
    const folder = temporaryFolder();
    const data = join(folder, "phantom");
    phantom(data, { cases: "1", seed: "4", voxels: "18,22" });
    const image = readBytes(join(data, "imagesTr", "phantom_001.nii.gz"));
    const label = readBytes(join(data, "labelsTr", "phantom_001.nii.gz"));
    const original = readLabels(join(data, "labelsTr", "phantom_001.nii.gz"));
    const paths = ["short.nii", "short_seg.nii", "soft.nii", "soft_seg.nii"].map((name) => join(folder, name));

    // One plane less, on the same affine; and every label a little below its number.
    const short = Buffer.from(label);
    short.writeInt16LE(original.size[2] - 1, 46);
    const start = label.readFloatLE(108);
    const soft = Buffer.concat([
      label.subarray(0, start),
      Buffer.from(Float32Array.from(original.voxels, (voxel) => (voxel ? voxel - 0.3 : 0)).buffer),
    ]);
    soft.writeInt16LE(16, 70);
    soft.writeInt16LE(32, 72);
    [image, short, image, soft].forEach((bytes, i) => writeFileSync(paths[i], bytes));

    await withPage(noWebgpu, "", async (page) => {
      await drop(page, paths);
      for (const id of ["short", "soft"]) {
        await page.locator(`#cases [data-case=${id}][data-role=predict]`).waitFor();
      }
      await screenshot(page, "fixes-1-offered");
      // A row's problems stand in the row below it.
      for (const id of ["short", "soft"]) {
        await page.locator(`#cases [data-case=${id}] + tr.problems .fix`).click();
        await page.locator(`#cases [data-case=${id}][data-role=train]`).waitFor();
      }
      assert.equal(await page.locator("#cases .fix").count(), 0);
      const archive = readArchive(await download(page, "#save-session", folder));
      const plane = original.size[0] * original.size[1];
      const expected = {
        short: original.voxels.map((voxel, i) => (i < plane * (original.size[2] - 1) ? voxel : 0)),
        soft: original.voxels,
      };
      for (const [id, voxels] of Object.entries(expected)) {
        const path = join(folder, `${id}_mended.nii.gz`);
        writeFileSync(path, archive[`drawings/${id}.nii.gz`]);
        const mended = readLabels(path);
        assert.deepEqual(mended.voxels, voxels, id);
        assert.deepEqual(mended.geometry, geometry(image), id);
      }
    });
  },
);
