// Files that cannot be used: one plain sentence each, and everything else is kept.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, readBytes, temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, screenshot, sentences, withPage } from "./page.mjs";

/** A copy of a NIfTI file's bytes with some of them changed. */
function changed(bytes, change) {
  const copy = Buffer.from(bytes);
  return change(copy) ?? copy;
}

/** Voxels as 32-bit floats in place of the file's own 16-bit or 8-bit integers. */
function asFloats(bytes, value) {
  const start = bytes.readFloatLE(108);
  const size = bytes.readInt16LE(72) / 8;
  const floats = Float32Array.from({ length: (bytes.length - start) / size }, (_, i) => value(i));
  const header = Buffer.from(bytes.subarray(0, start));
  header.writeInt16LE(16, 70);
  header.writeInt16LE(32, 72);
  return Buffer.concat([header, Buffer.from(floats.buffer)]);
}

/** A safetensors file without tensors. */
function safetensors(metadata) {
  const header = Buffer.from(JSON.stringify({ __metadata__: metadata }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header]);
}

/** Bad files by name, each made from a good image and its label; `of` is the image that a label goes with. */
const bad = {
  "noise.nii": () => Buffer.from("This is not a volume. ".repeat(40)),
  "cut.nii.gz": (image, label, packed) => packed.subarray(0, packed.length / 2),
  "dims.nii": (image) => changed(image, (copy) => void copy.writeInt16LE(-5, 42)),
  "flat.nii": (image) =>
    changed(
      image,
      (copy) =>
        void [2, image.readInt16LE(42), image.readInt16LE(44), 1].forEach((n, i) => copy.writeInt16LE(n, 40 + 2 * i)),
    ),
  "second.nii": (image) =>
    changed(image, (copy) => {
      copy.writeInt32LE(540, 0);
      copy.write("n+2\0\r\n\x1a\n", 4, "latin1");
    }),
  "huge.nii": (image) =>
    changed(image, (copy) => void [2000, 2000, 2000].forEach((n, i) => copy.writeInt16LE(n, 42 + 2 * i))),
  "other.safetensors": () => safetensors({ backbone: "resnet" }),
};

/** Labels that do not fit their image: the sentence is about the pair, and the image stays usable. */
const badLabels = {
  shape_seg: (label) =>
    changed(label, (copy) => {
      copy.writeInt16LE(copy.readInt16LE(46) - 1, 46);
    }),
  fraction_seg: (label) => asFloats(label, (i) => (i % 7) / 3),
  empty_seg: (label) => changed(label, (copy) => void copy.fill(0, copy.readFloatLE(108))),
};

test("bad files: one plain sentence each, everything else is kept", { timeout: limit }, async (context) => {
  const folder = temporaryFolder();
  phantom(join(folder, "phantom"), { cases: "1", unlabeled: "0", seed: "9", voxels: "18,22" });
  const goodImage = join(folder, "phantom", "imagesTr", "phantom_001.nii.gz");
  const image = readBytes(goodImage);
  const label = readBytes(join(folder, "phantom", "labelsTr", "phantom_001.nii.gz"));
  const write = (name, bytes) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [goodImage]);
    await page.locator("#cases [data-case=phantom_001]").waitFor();
    const cases = () => page.locator("#cases [data-case]").count();

    for (const [name, make] of Object.entries(bad)) {
      await drop(page, [write(name, make(image, label, readFileSync(goodImage)))]);
      const sentence = await oneMore(page, name);
      context.diagnostic(sentence);
      assert.equal(await cases(), 1, `${name} leaves the cases as they were`);
    }

    for (const [stem, make] of Object.entries(badLabels)) {
      const id = stem.replace("_seg", "");
      await drop(page, [write(`${id}.nii`, image), write(`${stem}.nii`, make(label))]);
      context.diagnostic(await oneMore(page, id));
    }

    await drop(page, [
      write(
        "holes.nii",
        asFloats(image, (i) => (i % 100 ? i % 50 : NaN)),
      ),
    ]);
    context.diagnostic(await oneMore(page, "holes"));
    await page.locator("#cases [data-case=holes]").waitFor();
    await screenshot(page, "inputs-1-refused");
  });
});

test("images alone: nothing can be trained, and the page says so", { timeout: limit }, async (context) => {
  const folder = temporaryFolder();
  phantom(join(folder, "phantom"), { cases: "1", unlabeled: "0", seed: "9", voxels: "18,22" });
  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [join(folder, "phantom", "imagesTr", "phantom_001.nii.gz")]);
    await page.locator("#cases [data-case=phantom_001][data-role=predict]").waitFor();
    await page.locator("#train").click();
    await page.locator("#messages li").waitFor();
    const [sentence, ...rest] = await sentences(page);
    context.diagnostic(sentence);
    assert.match(sentence, /label/);
    assert.deepEqual(rest, []);
    assert.equal(await page.locator("#progress").getAttribute("data-state"), "idle");
  });
});

test("every file that is not used is named, with the reason", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  phantom(join(folder, "phantom"), { cases: "1", unlabeled: "0", seed: "9", voxels: "18,22" });
  const strangers = Array.from({ length: 13 }, (_, i) => `slice_${String(i).padStart(2, "0")}.dcm`).concat("scan.nrrd");
  for (const name of strangers) writeFileSync(join(folder, "phantom", name), "of another kind");
  writeFileSync(
    join(folder, "phantom", "nobody_seg.nii.gz"),
    readFileSync(join(folder, "phantom/labelsTr/phantom_001.nii.gz")),
  );
  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [join(folder, "phantom")]);
    await page.locator("#cases [data-case=phantom_001]").waitFor();
    const listed = () => page.locator("#leftovers li").evaluateAll((all) => all.map((one) => one.dataset.path).sort());
    assert.equal((await listed()).length, 10);
    assert.equal(await page.locator("#all-leftovers").innerText(), "Show 5 more");
    await page.locator("#all-leftovers").click();
    assert.equal(await page.locator("#all-leftovers").count(), 0);
    assert.deepEqual(await listed(), [...strangers, "nobody_seg.nii.gz"].map((name) => `phantom/${name}`).sort());
    for (const text of await page.locator("#leftovers li").allInnerTexts())
      assert.match(text, /^phantom\/\S+: \S.{10,}/);
    assert.match(await page.locator(".leftovers summary").innerText(), /^15 files are not used$/);
    await screenshot(page, "inputs-2-not-used");
    await page.locator("#discard-leftovers").click();
    await page.locator("#leftovers").waitFor({ state: "detached" });
    assert.equal(await page.locator("#cases tr[data-case]").count(), 1);
  });
});

const seen = new WeakMap();

/** Waits for the one new sentence, checks that it is plain and names the file, and returns it. */
async function oneMore(page, name) {
  const before = seen.get(page) ?? [];
  const all = page.locator("#messages li, #leftovers li, #cases li.problem");
  await all.nth(before.length).waitFor();
  const now = await sentences(page);
  seen.set(page, now);
  const fresh = now.filter((sentence) => !before.includes(sentence));
  assert.equal(fresh.length, 1, `one sentence about ${name}, not ${JSON.stringify(fresh)}`);
  const [sentence] = fresh;
  assert.ok(sentence.length < 300 && !sentence.includes("\n"), `short and on one line: ${sentence}`);
  assert.doesNotMatch(sentence, /panic|unwrap|Err\(|Some\(|undefined|\[object/);
  assert.ok(sentence.includes(name), `"${sentence}" names ${name}`);
  return sentence;
}
