// Small NIfTI files, written byte by byte.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

/** Datatypes by name: NIfTI's code, and how JavaScript holds them. */
const types = { u8: [2, Uint8Array], i16: [4, Int16Array], f32: [16, Float32Array] };

/** Rows of a matrix from voxels to mm whose axes grow to the left, back and head, with 1.5 × 1.5 × 3 mm. */
export const lps = [
  [-1.5, 0, 0, 20],
  [0, -1.5, 0, 10],
  [0, 0, 3, -30],
];
/** The same grid's first and last voxel with its axes turned to right, front and head. */
export const ras = ([i, j]) => [
  [1.5, 0, 0, 20 - 1.5 * (i - 1)],
  [0, 1.5, 0, 10 - 1.5 * (j - 1)],
  [0, 0, 3, -30],
];
export const identity = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
];

/** A NIfTI-1 file of these voxels, i running fastest; `frames` of them behind each other are a series. */
export function nifti({ size, affine = lps, type = "i16", values, frames = 1 }) {
  const [code, Values] = types[type];
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [frames > 1 ? 4 : 3, ...size, frames, 1, 1, 1].forEach((side, axis) => header.writeInt16LE(side, 40 + 2 * axis));
  header.writeInt16LE(code, 70);
  header.writeInt16LE(8 * Values.BYTES_PER_ELEMENT, 72);
  header.writeFloatLE(1, 76);
  [0, 1, 2].forEach((axis) => header.writeFloatLE(Math.hypot(...affine.map((row) => row[axis])), 80 + 4 * axis));
  header.writeFloatLE(352, 108);
  header.writeUInt8(2, 123);
  header.writeInt16LE(1, 254);
  affine.flat().forEach((value, i) => header.writeFloatLE(value, 280 + 4 * i));
  header.write("n+1\0", 344, "latin1");
  return Buffer.concat([header, Buffer.from(Values.from(values).buffer)]);
}

/** A value for every voxel of a grid. */
export function voxels([ni, nj, nk], value) {
  return Array.from({ length: ni * nj * nk }, (_, n) =>
    value(n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))),
  );
}

/** Writes files below a folder, by their paths; what ends in `.gz` is compressed. */
export function write(folder, files) {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), /\.gz$/i.test(path) ? gzipSync(content) : content);
  }
}
