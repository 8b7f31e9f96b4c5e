// Reads the files that the page and the command line write, independently of both.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";

/** A fresh temporary folder. */
export const temporaryFolder = () => mkdtempSync(join(tmpdir(), "medcontext-"));

/** Runs the command line and returns what it prints. */
export function core(...words) {
  const program = process.env.MEDCONTEXT_CORE ?? "target/debug/core";
  return execFileSync(program, words, { encoding: "utf8" });
}

/** Writes synthetic scans into a folder, by the options of `core phantom`. */
export function phantom(out, options) {
  return core("phantom", "--out", out, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]));
}

/** The bytes of a file, unwrapped if it is gzip. */
export function readBytes(path) {
  const bytes = readFileSync(path);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
}

/** A little-endian NIfTI-1 label file: the header fields that must be right, and the voxels. */
export function readLabels(path) {
  const bytes = readBytes(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dims = [0, 1, 2, 3].map((axis) => view.getInt16(40 + 2 * axis, true));
  const [rank, ...size] = dims;
  const count = size.reduce((product, length) => product * length, 1);
  const offset = view.getFloat32(108, true);
  const datatype = view.getInt16(70, true);
  const voxel = { 2: (i) => view.getUint8(offset + i), 512: (i) => view.getUint16(offset + 2 * i, true) }[datatype];
  return {
    headerSize: view.getInt32(0, true),
    magic: bytes.toString("latin1", 344, 347),
    rank,
    size,
    intent: view.getInt16(68, true),
    datatype,
    voxels: Array.from({ length: count }, (_, i) => voxel(i)),
    geometry: geometry(bytes),
  };
}

/** The header bytes that place a grid in space: dim, pixdim, units, and both forms. */
export function geometry(bytes) {
  const part = (start, end) => bytes.toString("hex", start, end);
  return { dim: part(40, 48), pixdim: part(76, 92), units: part(123, 124), forms: part(252, 328) };
}

/** The files of an archive whose entries are stored, by name. */
export function readArchive(path) {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  const files = {};
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [method, size, name, extra, comment] = [
      bytes.readUInt16LE(at + 10),
      bytes.readUInt32LE(at + 24),
      bytes.readUInt16LE(at + 28),
      bytes.readUInt16LE(at + 30),
      bytes.readUInt16LE(at + 32),
    ];
    if (method !== 0) throw new Error("a compressed entry");
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    files[bytes.toString("utf8", at + 46, at + 46 + name)] = bytes.subarray(start, start + size);
    at += 46 + name + extra + comment;
  }
  return files;
}

/** Writes an archive's files into a folder. */
export function unpack(archive, folder) {
  const files = readArchive(archive);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return Object.keys(files).sort();
}

/** The only tensor of a safetensors file that holds 32-bit floats. */
export function readLogits(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__, ...tensors } = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  const {
    dtype,
    shape,
    data_offsets: [start, end],
  } = tensors.logits;
  const data = bytes.subarray(8 + length + start, 8 + length + end);
  return { dtype, shape, values: new Float32Array(Uint8Array.from(data).buffer) };
}
