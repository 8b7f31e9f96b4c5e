// The whole job in the page, on whichever device: the tests choose the browser and the numbers.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { core, geometry, readBytes, readLabels, readLogits } from "./files.mjs";
import { download, losses, press, screenshot } from "./page.mjs";

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Trains with MedContext, and checks that every loss is a number, that the total falls (last third
 * below first third) and that the masked view is another than the clean one.
 */
export async function trainUntilTheLossFalls(page, iterations) {
  assert.equal(await press(page, "train"), "done");
  const total = await losses(page, "total");
  assert.equal(total.length, iterations);
  assert.ok(total.every(Number.isFinite), `losses ${total}`);
  const third = Math.ceil(iterations / 3);
  assert.ok(mean(total.slice(-third)) < mean(total.slice(0, third)), `the loss did not fall: ${total}`);
  assert.notDeepEqual(await losses(page, "masked"), await losses(page, "supervised"), "nothing was masked");
  return total;
}

/** Segments the unlabeled case and checks the downloaded file against the image that was dropped. */
export async function predictAndDownload(page, id, image, labels, folder) {
  assert.equal(await press(page, "predict"), "done");
  const path = await download(page, `#results [data-download="${id}"]`, folder);
  const result = readLabels(path);
  assert.equal(result.headerSize, 348);
  assert.equal(result.magic, "n+1");
  assert.equal(result.intent, 1002, "the intent says that these are labels");
  assert.equal(result.rank, 3);
  assert.deepEqual(result.geometry, geometry(readBytes(image)), "dims and affine, bit for bit");
  const strange = [...new Set(result.voxels)].filter((voxel) => voxel !== 0 && !labels.includes(voxel));
  assert.deepEqual(strange, [], "label ids that no training case has");
  return result;
}

/** Saves the weights, predicts with the command line on the CPU, and compares labels and logits. */
export async function compareWithCommandLine(page, id, image, result, folder) {
  const weights = await download(page, "#save-weights", folder);
  const logits = readLogits(await download(page, `#results [data-logits="${id}"]`, folder));
  const output = join(folder, "native");
  core("predict", "--weights", weights, "--input", image, "--output", output, "--device", "cpu", "--logits");
  const written = (ending) =>
    join(
      output,
      readdirSync(output).find((name) => name.endsWith(ending)),
    );

  const native = readLabels(written(".nii.gz"));
  const same = native.voxels.filter((voxel, i) => voxel === result.voxels[i]).length;
  const share = same / result.voxels.length;
  assert.equal(native.voxels.length, result.voxels.length);
  assert.ok(share >= 0.999, `${(100 * share).toFixed(3)} % of the voxels have the same label`);

  const reference = readLogits(written(".safetensors"));
  assert.deepEqual(logits.shape, reference.shape);
  const difference = logits.values.reduce((most, value, i) => Math.max(most, Math.abs(value - reference.values[i])), 0);
  assert.ok(difference <= 1e-3, `logits differ by ${difference}`);
  return { weights, share, difference };
}

/** Waits until the viewer shows the case, and takes a picture. */
export async function look(page, name) {
  await page.locator("#viewer[data-ready=true]").waitFor();
  await screenshot(page, name);
}
