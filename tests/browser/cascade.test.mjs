// A weights file with two stages, trained on the command line, segments in the page as it does there.

import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { core, readLabels, temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, withPage } from "./page.mjs";
import { predictAndDownload } from "./training.mjs";

const stage = (name) => `
backbone = "pcrlv2"
size = "tiny"
patch = [16, 16, 16]
batch_size = 1
iterations = 60
learning_rate = 0.01
[${name}medcontext]
enabled = false
`;

/** Coarse voxels first, then the region around what was found. */
const settings = `${stage("")}
[preprocessing.crop.labels]
margin_mm = 20
[coarse]${stage("coarse.")}
[coarse.preprocessing.spacing]
mm = [14.0, 14.0, 14.0]
rule = "nn-unet"
`;

test("two stages segment in the page as on the command line", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  const [data, config, out] = ["phantom", "settings.toml", "run"].map((name) => join(folder, name));
  core("phantom", "--out", data, "--cases", "2", "--unlabeled", "1", "--seed", "7", "--voxels", "24,28");
  writeFileSync(config, settings);
  core("train", "--quiet", "--data", data, "--config", config, "--out", out);
  const image = join(data, "imagesTs", "phantom_003.nii.gz");
  const [weights, output] = [join(out, "last.safetensors"), join(folder, "native")];
  core("predict", "--weights", weights, "--input", image, "--output", output, "--device", "cpu");
  const native = readLabels(join(output, ...readdirSync(output).filter((name) => name.endsWith(".nii.gz"))));
  assert.ok(native.voxels.includes(1), "the first stage found nothing");
  await withPage(noWebgpu, "?threads=2", async (page) => {
    await drop(page, [data, weights]);
    await page.locator("#cases [data-case=phantom_003][data-role=predict]").waitFor();
    await page.locator("#predict:enabled").waitFor();
    const result = await predictAndDownload(page, "phantom_003", image, [1, 2], folder);
    const same = result.voxels.filter((voxel, index) => voxel === native.voxels[index]).length;
    assert.ok(same >= 0.999 * native.voxels.length, `${same} of ${native.voxels.length} voxels have the same label`);
  });
});
