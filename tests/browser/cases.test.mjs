// The table of cases: what is paired by name and by hand, series of frames, pictures, and where things are.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { core, readBytes, temporaryFolder } from "./files.mjs";
import { download, drop, limit, noWebgpu, press, screenshot, sentences, withPage } from "./page.mjs";

/** Synthetic cases in a Decathlon folder, and where their files are. */
function phantom(folder, cases) {
  const data = join(folder, "decathlon");
  core("phantom", "--out", data, "--cases", String(cases), "--unlabeled", "1", "--seed", "6", "--voxels", "18,22");
  return { data, file: (kind, n) => join(data, kind, `phantom_00${n}.nii.gz`) };
}

/** Copies a file to a new name in a folder that may not be there yet. */
function place(source, path) {
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(source, path);
}

/** Each case's use, its sizes and its labels, as the table shows them. */
function table(page) {
  return page
    .locator("#cases tr[data-case]")
    .evaluateAll((rows) =>
      Object.fromEntries(
        rows.map((row) => [row.dataset.case, [row.dataset.role, row.querySelector(".labels").innerText]]),
      ),
    );
}

/** Waits until every case was read: then it has a picture. */
const allRead = (page) =>
  page.waitForFunction(() => [...document.querySelectorAll("#cases .picture canvas")].every((one) => one.width > 1));

test("four layouts are paired by name, the rest by hand, and the choice is kept", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  const { data, file } = phantom(folder, 2);
  place(file("imagesTr", 1), join(folder, "nnunet/imagesTr/liver_007_0000.nii.gz"));
  place(file("labelsTr", 1), join(folder, "nnunet/labelsTr/liver_007.nii.gz"));
  place(file("imagesTr", 2), join(folder, "loose/left.nii.gz"));
  place(file("labelsTr", 2), join(folder, "loose/left-label.nii.gz"));
  for (const contrast of ["flair", "t1ce", "t1", "t2"]) {
    place(file("imagesTr", 1), join(folder, `brats/B01/B01_${contrast}.nii.gz`));
  }
  place(file("labelsTr", 1), join(folder, "brats/B01/B01_seg.nii.gz"));
  place(file("imagesTr", 1), join(folder, "odd/scan of monday.nii.gz"));
  place(file("labelsTr", 1), join(folder, "odd/drawn by anna_mask.nii.gz"));
  let archive;

  await withPage(noWebgpu, "", async (page) => {
    await drop(page, ["nnunet", "loose", "brats", "odd"].map((name) => join(folder, name)).concat(data));
    await page.locator("#cases [data-case='scan of monday']").waitFor();
    await allRead(page);
    const expected = {
      B01: ["train", "1, 2"],
      left: ["train", "1, 2"],
      liver_007: ["train", "1, 2"],
      phantom_001: ["train", "1, 2"],
      phantom_002: ["train", "1, 2"],
      phantom_003: ["predict", "–"],
      "scan of monday": ["predict", "–"],
    };
    assert.deepEqual(await table(page), expected);
    assert.match(await page.locator("#cases [data-case=B01] .dims").innerText(), /4 channels/);
    assert.equal((await sentences(page)).filter((sentence) => /drawn by anna/.test(sentence)).length, 1);

    // Every row has a picture with more than one grey.
    const greys = await page.locator("#cases .picture canvas").evaluateAll((all) =>
      all.map((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(data.filter((_, i) => i % 4 === 0)).size;
      }),
    );
    assert.equal(greys.length, 7);
    assert.ok(
      greys.every((number) => number > 8),
      `greys ${greys}`,
    );

    await page.locator("#pairing summary").click();
    const choice = page.locator("#pairing [data-pair='scan of monday'] select");
    await choice.selectOption("odd/drawn by anna_mask.nii.gz");
    await page.locator("#cases [data-case='scan of monday'][data-role=train]").waitFor();
    await page.locator("#pairing [data-pair=left] select").selectOption("");
    await page.locator("#cases [data-case=left][data-role=predict]").waitFor();
    await allRead(page);
    Object.assign(expected, { "scan of monday": ["train", "1, 2"], left: ["predict", "–"] });
    assert.deepEqual(await table(page), expected);
    await screenshot(page, "cases-1-paired");
    archive = await download(page, "#save-session", folder);
    await page.waitForTimeout(2000);
    await page.reload();
    await page.locator("#restore:not([disabled])").click();
    await page.locator("#cases [data-case='scan of monday'][data-role=train]").waitFor();
    await allRead(page);
    assert.deepEqual(await table(page), expected, "after a reload");
  });

  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [archive]);
    await page.locator("#cases [data-case='scan of monday'][data-role=train]").waitFor();
    await allRead(page);
    assert.equal((await table(page)).left[0], "predict", "in another browser");
  });
});

/** A series over time of an image: frame f is the image plus 1000 f. */
function series(bytes, frames) {
  const start = bytes.readFloatLE(108);
  const header = Buffer.from(bytes.subarray(0, start));
  header.writeInt16LE(4, 40);
  header.writeInt16LE(frames, 48);
  const voxels = Array.from({ length: (bytes.length - start) / 2 }, (_, i) => bytes.readInt16LE(start + 2 * i));
  const frame = (f) => Buffer.from(Int16Array.from(voxels, (voxel) => Math.min(voxel, 400) + 1000 * f).buffer);
  return Buffer.concat([header, ...Array.from({ length: frames }, (_, f) => frame(f))]);
}

/** What the readout says of the voxel under the crosshair. */
async function readout(page) {
  const text = await page.locator("#readout").innerText();
  const [, i, j, k, value] = text.match(/^(\d+), (\d+), (\d+)\s.*value (\S+)/);
  return { ijk: [i, j, k].map(Number), value: Number(value), text };
}

test("a series: one frame, or all as channels", { timeout: limit }, async () => {
  const folder = temporaryFolder();
  const { file } = phantom(folder, 1);
  const image = readBytes(file("imagesTr", 1));
  const dims = [0, 1, 2].map((axis) => image.readInt16LE(42 + 2 * axis));
  const film = series(image, 3);
  for (const [name, bytes] of [
    ["film.nii", film],
    ["echo.nii", series(image, 2)],
    ["echo2.nii", series(image, 2)],
  ]) {
    writeFileSync(join(folder, name), bytes);
  }
  for (const name of ["film", "echo", "echo2"]) place(file("labelsTr", 1), join(folder, `${name}_seg.nii.gz`));
  const files = ["film.nii", "echo.nii", "echo2.nii", "film_seg.nii.gz", "echo_seg.nii.gz", "echo2_seg.nii.gz"];

  await withPage(noWebgpu, "", async (page) => {
    await drop(
      page,
      files.map((name) => join(folder, name)),
    );
    await page.locator("#cases [data-case=film] + tr.problems .frame").waitFor();
    assert.equal(await page.locator("#train").innerText(), "Train", "nothing can be trained on before one decides");
    await page.locator("#cases [data-case=film] + tr.problems .frame").fill("3");
    await page.locator("#cases [data-case=film] + tr.problems .one").click();
    await page.locator("#cases [data-case=echo] + tr.problems .channels").click();
    // The other series of two frames follows.
    await page.waitForFunction(() => document.querySelectorAll("#cases .frame").length === 0);
    await allRead(page);
    const sizes = await page.locator("#cases .dims").allInnerTexts();
    assert.deepEqual(
      sizes.map((text) => /2 channels/.test(text)),
      [true, true, false],
      "echo, echo2, film",
    );

    await page.locator("#cases [data-case=film] .show").click();
    await page.locator("#viewer[data-case=film][data-ready=true]").waitFor();
    await page.waitForFunction(() => /truth: /.test(document.querySelector("#readout").innerText));
    const {
      ijk: [i, j, k],
      value,
      text,
    } = await readout(page);
    const place = (k * dims[1] + j) * dims[0] + i;
    const voxels = dims[0] * dims[1] * dims[2];
    assert.equal(value, film.readInt16LE(film.readFloatLE(108) + 2 * (2 * voxels + place)), text);
    const labels = readBytes(file("labelsTr", 1));
    const label = labels.readUInt8(labels.readFloatLE(108) + place);
    assert.match(text, label === 0 ? /truth: background/ : /truth: (?!background)/);
    assert.deepEqual(await sentences(page), []);
    await screenshot(page, "cases-2-series");
  });
});

test("time and memory are estimated and measured before training", { timeout: limit }, async (context) => {
  const folder = temporaryFolder();
  const { data } = phantom(folder, 2);
  await withPage(noWebgpu, "?threads=2", async (page) => {
    await drop(page, [data]);
    await page.locator("#cases [data-case=phantom_003]").waitFor();
    const estimate = page.locator("#estimate");
    assert.match(await estimate.innerText(), /not measured yet/);
    assert.equal(await estimate.getAttribute("data-light"), "green");
    assert.equal(await press(page, "rehearse"), "done");
    const words = await estimate.locator("p").innerText();
    context.diagnostic(words);
    assert.match(words, /s an iteration, the first .* in all/);
    assert.equal(await page.locator("#progress .words").innerText(), "Ready to train.");
    assert.equal(await page.locator("#losses").count(), 0, "nothing of it is kept");

    // A run that a page hardly has the memory for, and one button that leads to one that it has.
    await page.locator("#backbone").selectOption("unetr");
    await page.locator("#size").selectOption("paper");
    for (const axis of ["depth", "height", "width"]) await page.locator(`#patch-${axis}`).fill("80");
    await page.locator("#patch-width").blur();
    assert.equal(await estimate.getAttribute("data-light"), "amber");
    assert.match(await estimate.innerText(), /About 2\.\d GiB of memory in each thread, which not every machine has/);
    await screenshot(page, "cases-3-too-large");
    for (let presses = 0; (await page.locator("#smaller").count()) > 0; presses += 1) {
      assert.ok(presses < 40, "it never gets small enough");
      await page.locator("#smaller").click();
    }
    assert.equal(await estimate.getAttribute("data-light"), "green");
  });
});
