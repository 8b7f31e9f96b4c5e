// Every backbone on WebGPU: reference weights and input, dropped as files, give the reference's logits.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { core, readLogits, temporaryFolder } from "./files.mjs";
import { openFixture, procedural, weightsOf, writeNifti, writeSafetensors } from "./fixture.mjs";
import { download, drop, limit, press, webgpu, withPage } from "./page.mjs";

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The names of a case's channels, in their order. */
const contrasts = ["flair", "t1ce", "t1", "t2"];

/** Where the input comes from, what is stored of the output, and every how manyth. */
const references = [
  { name: "unetr_plain", size: [32, 32, 32], output: "logits", step: [1, 1, 1], told: ["--heads", "4"] },
  {
    name: "swinunetr_v1_64",
    key: 715360n,
    size: [64, 64, 64],
    output: "logits_stride3",
    step: [3, 3, 3],
    told: ["--merging", "monai-1.5", "--patch", "64,64,64"],
    large: true,
  },
  {
    name: "nnformer_synapse",
    key: 1370720n,
    size: [32, 64, 64],
    output: "logits0_strided",
    step: [3, 3, 3],
    told: ["--patch", "32,64,64"],
  },
  {
    name: "pcrlv2_seg_gn",
    key: 2026080n,
    channels: 4,
    size: [16, 32, 24],
    output: "prob",
    step: [1, 1, 1],
    activation: sigmoid,
    told: ["--patch", "16,32,24"],
  },
];

/** The stored part of the first sample of `[class, depth, height, width]`. */
function strided(logits, size, step) {
  const [d, h, w] = size;
  const classes = logits.length / (d * h * w);
  const picked = [];
  for (let c = 0; c < classes; c++) {
    for (let z = 0; z < d; z += step[0]) {
      for (let y = 0; y < h; y += step[1]) {
        for (let x = 0; x < w; x += step[2]) picked.push(logits[((c * d + z) * h + y) * w + x]);
      }
    }
  }
  return picked;
}

// The larger ones keep a software adapter busy for minutes.
const all = process.env.MEDCONTEXT_GPU === "all";

for (const { name, key, channels = 1, size, output, step, activation = (x) => x, told, large } of references) {
  const skip = large && !all && "it takes long: set MEDCONTEXT_GPU=all";
  test(`WebGPU: ${name} gives the reference's logits`, { timeout: limit, skip }, async (context) => {
    const folder = temporaryFolder();
    const fixture = openFixture(name);
    const [plain, weights] = ["plain.safetensors", "weights.safetensors"].map((file) => join(folder, file));
    writeSafetensors(plain, weightsOf(fixture));
    core("convert", plain, weights, ...told, "--axes", "zyx", "--normalization", "none", "-q");
    const count = size.reduce((product, side) => product * side, 1);
    const input = key ? procedural(key, 0, 1, channels * count) : fixture.tensors.get("x").values;
    const images = Array.from({ length: channels }, (_, channel) => {
      const image = join(folder, channels === 1 ? "input.nii" : `input_${contrasts[channel]}.nii`);
      writeNifti(image, size, Float32Array.from(input.subarray(channel * count, (channel + 1) * count)));
      return image;
    });

    await withPage(webgpu, "?logits", async (page) => {
      await drop(page, [weights, ...images]);
      await page.locator("#cases [data-case=input][data-role=predict]").waitFor();
      assert.equal(await press(page, "predict"), "done");
      const { values } = readLogits(await download(page, '#results [data-logits="input"]', folder));
      const found = strided(values, size, step).map(activation);
      const expected = fixture.tensors.get(output).values.subarray(0, found.length);
      assert.equal(expected.length, found.length);
      const difference = found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
      context.diagnostic(`largest difference ${difference}`);
      assert.ok(difference <= 1e-3, `${name} differs by ${difference}`);
    });
  });
}
