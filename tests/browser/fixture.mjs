// Reference tensors as files that a person could drop: weights in safetensors, an input as NIfTI.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..", "fixtures");
const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")).meta;

/** One fixture file: `tensors` by name, and the rules that make its weights where they are not stored. */
export function openFixture(name) {
  const bytes = readFileSync(join(folder, `${name}.safetensors`));
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__, ...entries } = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  const tensors = new Map();
  for (const [
    key,
    {
      dtype,
      shape,
      data_offsets: [start, end],
    },
  ] of Object.entries(entries)) {
    if (dtype !== "F32") continue;
    const data = Uint8Array.from(bytes.subarray(8 + length + start, 8 + length + end));
    tensors.set(key, { shape, values: new Float32Array(data.buffer) });
  }
  return { tensors, rules: manifest[name]?.weights };
}

/** The network's weights, stored as `w.NAME` or made by the manifest's rule. */
export function weightsOf({ tensors, rules }) {
  if (rules) {
    return rules.map(({ name, shape, key, base, scale }) => {
      const count = shape.reduce((product, side) => product * side, 1);
      return { name, shape, values: procedural(BigInt(key), base, scale, count) };
    });
  }
  const stored = [...tensors].filter(([name]) => name.startsWith("w."));
  return stored.map(([name, tensor]) => ({ name: name.slice(2), ...tensor }));
}

/** `base + scale · u`, u in [−1, 1) from splitmix64 of `key · 2⁴⁰ + index`, each step rounded to f32. */
export function procedural(key, base, scale, count) {
  const mask = (1n << 64n) - 1n;
  const f32 = Math.fround;
  return Float32Array.from({ length: count }, (_, index) => {
    let z = ((key << 40n) + BigInt(index) + 0x9e3779b97f4a7c15n) & mask;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    z ^= z >> 31n;
    const u = f32(f32(Number(z >> 40n) / 2 ** 23) - 1);
    return f32(f32(base) + f32(f32(scale) * u));
  });
}

/** Writes named tensors as safetensors. */
export function writeSafetensors(path, tensors) {
  const header = {};
  let end = 0;
  for (const { name, shape, values } of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, (end += values.byteLength)] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const data = tensors.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  writeFileSync(path, Buffer.concat([length, text, ...data]));
}

/** Writes float voxels, the last axis fastest, as a NIfTI-1 volume of 1 mm whose axes a network takes as they are. */
export function writeNifti(path, [depth, height, width], values) {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [3, width, height, depth, 1, 1, 1, 1].forEach((side, i) => header.writeInt16LE(side, 40 + 2 * i));
  header.writeInt16LE(16, 70);
  header.writeInt16LE(32, 72);
  [1, 1, 1, 1].forEach((size, i) => header.writeFloatLE(size, 76 + 4 * i));
  header.writeFloatLE(352, 108);
  header.writeUInt8(2, 123);
  header.writeInt16LE(1, 254);
  [0, 1, 2].forEach((axis) => header.writeFloatLE(1, 280 + 16 * axis + 4 * axis));
  header.write("n+1\0", 344, "latin1");
  writeFileSync(path, Buffer.concat([header, Buffer.from(values.buffer)]));
}
