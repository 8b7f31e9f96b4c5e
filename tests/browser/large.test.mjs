// Many cases, and large ones: the page stays usable, and refuses what does not fit.

import assert from "node:assert/strict";
import { closeSync, copyFileSync, linkSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, readBytes, temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, screenshot, sentences, withPage } from "./page.mjs";

/** The most memory that a page's process has had so far, in MB, as Linux counts it. */
function peakMemory() {
  const renderers = readdirSync("/proc").filter((id) => {
    try {
      return /--type=renderer/.test(readFileSync(`/proc/${id}/cmdline`, "utf8"));
    } catch {
      return false;
    }
  });
  const peak = (id) => Number(readFileSync(`/proc/${id}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]) / 1000;
  return Math.round(Math.max(...renderers.map(peak)));
}

const unread = (page) =>
  page.locator("#cases .labels").evaluateAll((cells) => cells.filter((cell) => cell.innerText === "…").length);

test(
  "a hundred cases: all are listed at once, and one can be looked at while the others are read",
  { timeout: limit },
  async (context) => {
    const folder = temporaryFolder();
    phantom(join(folder, "phantom"), { cases: "1", unlabeled: "0", seed: "2", voxels: "40,48" });
    const names = Array.from({ length: 100 }, (_, i) => `case_${String(i + 1).padStart(3, "0")}`);
    const files = names.flatMap((name, i) => {
      const [image, label] = [join(folder, `${name}.nii.gz`), join(folder, `${name}_seg.nii.gz`)];
      copyFileSync(join(folder, "phantom/imagesTr/phantom_001.nii.gz"), image);
      if (i >= 60) return [image];
      copyFileSync(join(folder, "phantom/labelsTr/phantom_001.nii.gz"), label);
      return [image, label];
    });

    await withPage(noWebgpu, "", async (page) => {
      const dropped = Date.now();
      const since = () => `${((Date.now() - dropped) / 1000).toFixed(1)} s`;
      await drop(page, files);
      await page.waitForFunction(() => document.querySelectorAll("#cases tr[data-case]").length === 100);
      context.diagnostic(`listed after ${since()}`);
      context.diagnostic(`${await unread(page)} label maps are unread then`);
      await page.locator("#cases [data-case=case_100] .show").click();
      await page.locator("#viewer[data-case=case_100][data-ready=true]").waitFor();
      context.diagnostic(`the last one is on screen after ${since()}, ${await unread(page)} label maps still unread`);
      await page.waitForFunction(() =>
        [...document.querySelectorAll("#cases .labels")].every((cell) => cell.innerText !== "…"),
      );
      await page.locator("#train:enabled").waitFor();
      assert.equal(await page.locator("#train").innerText(), "Train on 60 cases");
      assert.deepEqual(await sentences(page), []);
      await page.waitForFunction(() =>
        [...document.querySelectorAll("#cases .picture canvas")].every((one) => one.width > 1),
      );
      context.diagnostic(`all read after ${since()}; the page's process had at most ${peakMemory()} MB`);
      await screenshot(page, "large-1-hundred");
    });
  },
);

/** A volume of 512 × 512 × 600 voxels of 0.7 × 0.7 × 1 mm: the header of a small one, and a pattern. */
function writeLarge(path, small, bytesPerVoxel, pattern) {
  const header = Buffer.from(small.subarray(0, small.readFloatLE(108)));
  [512, 512, 600].forEach((size, axis) => header.writeInt16LE(size, 42 + 2 * axis));
  [0.7, 0.7, 1].forEach((mm, axis) => header.writeFloatLE(mm, 80 + 4 * axis));
  // An sform of its own, straight.
  header.writeInt16LE(0, 252);
  header.writeInt16LE(1, 254);
  [
    [0.7, 0, 0, -180],
    [0, 0.7, 0, -180],
    [0, 0, 1, -300],
  ]
    .flat()
    .forEach((value, i) => header.writeFloatLE(value, 280 + 4 * i));
  const slice = Buffer.alloc(512 * 512 * bytesPerVoxel);
  const file = openSync(path, "w");
  writeSync(file, header);
  for (let k = 0; k < 600; k += 1) {
    pattern(slice, k);
    writeSync(file, slice);
  }
  closeSync(file);
}

test(
  "volumes of 512 × 512 × 600 are read one by one, and refused for training where they do not fit",
  { timeout: limit },
  async (context) => {
    const folder = temporaryFolder();
    context.after(() => rmSync(folder, { recursive: true }));
    phantom(join(folder, "phantom"), { cases: "1", unlabeled: "0", seed: "2", voxels: "18,22" });
    const small = (kind) => readBytes(join(folder, "phantom", kind, "phantom_001.nii.gz"));
    const [image, label] = [join(folder, "large_1.nii"), join(folder, "large_1_seg.nii")];
    writeLarge(image, small("imagesTr"), 2, (slice, k) => {
      for (let j = 0; j < 512; j += 1) slice.writeInt16LE((k % 100) * 8 - 400, 2 * (512 * j + j));
    });
    writeLarge(label, small("labelsTr"), 1, (slice, k) => slice.fill(k === 300 ? 1 : 0));
    const copies = [2, 3].flatMap((n) => [
      [image, `large_${n}.nii`],
      [label, `large_${n}_seg.nii`],
    ]);
    for (const [source, name] of copies) linkSync(source, join(folder, name));

    await withPage(noWebgpu, "", async (page) => {
      // Something small is in view, and stays there.
      await drop(page, [join(folder, "phantom/imagesTr/phantom_001.nii.gz")]);
      await page.locator("#viewer[data-case=phantom_001][data-ready=true]").waitFor();
      const started = Date.now();
      const since = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
      await drop(page, [image, label, ...copies.map(([, name]) => join(folder, name))]);
      await page.locator("#cases [data-case=large_3]").waitFor();
      context.diagnostic(`listed after ${since()}`);
      await page.locator("#train:enabled").waitFor({ timeout: limit });
      context.diagnostic(`read after ${since()}; the page's process had at most ${peakMemory()} MB`);
      await page.locator("#train").click();
      await page.locator("#progress[data-state=failed]").waitFor();
      // Beside what the browser may say about its storage, which is small in a test's profile.
      const sentence = (await sentences(page)).find((sentence) => /memory/.test(sentence));
      context.diagnostic(sentence);
      assert.match(sentence, /these 3 cases take \d\.\d GiB of memory .* train on fewer of them/);

      // On a software driver drawing one takes minutes, in which the page's thread waits for the browser.
      if (process.env.MEDCONTEXT_GPU !== "all") return;
      await page.locator("#cases [data-case=large_1] .show").click();
      await page.locator("#viewer[data-case=large_1][data-ready=true]").waitFor({ timeout: limit });
      context.diagnostic(`shown after ${since()}; the page's process had at most ${peakMemory()} MB`);
      await screenshot(page, "large-2-shown");
    });
  },
);
