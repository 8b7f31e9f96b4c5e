// The same folders through the page and through `core`: the same cases, names, warnings and numbers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { core, temporaryFolder } from "./files.mjs";
import { download, drop, limit, noWebgpu, ready, withPage } from "./page.mjs";
import { identity, lps, nifti, ras, voxels, write } from "./volumes.mjs";

const size = [12, 10, 8];
const image = (options = {}) => nifti({ size, values: voxels(size, (i, j, k) => 40 * i + 7 * j + k), ...options });
/** Label 1 is 3 × 3 × 3 voxels, label 2 is 2 × 4 × 2; off the middle, so that no turn of the axes hides. */
const inside = (i, j, k) =>
  i >= 1 && i < 4 && j >= 2 && j < 5 && k < 3 ? 1 : i >= 8 && i < 10 && j >= 5 && j < 9 && k >= 5 && k < 7 ? 2 : 0;
const label = (options = {}) => nifti({ size, type: "u8", values: voxels(size, inside), ...options });
const empty = () => label({ values: voxels(size, () => 0) });
const json = (value) => Buffer.from(JSON.stringify(value));
/** Sizes of the labels in mL, by id: voxels of 1.5 × 1.5 × 3 mm. */
const both = { 1: (27 * 6.75) / 1000, 2: (16 * 6.75) / 1000 };
const liver = { 1: "liver", 2: "kidney" };

/**
 * The table of folders. `files` are what lies there; `cases` what both fronts have to say of each: role, channels, and
 * the labels' sizes in mL, or nothing without labels. `names` are those of the labels, `says` has to be in what is said
 * of a case or a file. `button` is what the page's button does and `core` does with `options`.
 */
const folders = {
  nnunet: {
    files: {
      "imagesTr/c1_0000.nii.gz": image(),
      "imagesTr/c1_0001.nii.gz": image(),
      "labelsTr/c1.nii.gz": label(),
      "imagesTs/c2_0000.nii.gz": image(),
      "imagesTs/c2_0001.nii.gz": image(),
      "dataset.json": json({
        channel_names: { 0: "T1", 1: "T2" },
        labels: { background: 0, liver: 1, kidney: 2 },
        numTraining: 1,
        file_ending: ".nii.gz",
      }),
    },
    cases: { c1: ["Train", 2, both], c2: ["Predict", 2] },
    names: liver,
  },
  "decathlon-4d": {
    files: {
      "imagesTr/a.nii.gz": image({
        frames: 2,
        values: [0, 1].flatMap((f) => voxels(size, (i, j, k) => 100 * f + i * j + k)),
      }),
      "labelsTr/a.nii.gz": label(),
      "imagesTs/b.nii.gz": image({
        frames: 2,
        values: [0, 1].flatMap((f) => voxels(size, (i, j, k) => 100 * f + i * j + k)),
      }),
      "dataset.json": json({
        modality: { 0: "FLAIR", 1: "T1" },
        labels: { 0: "background", 1: "liver", 2: "kidney" },
        training: [{ image: "./imagesTr/a.nii.gz", label: "./labelsTr/a.nii.gz" }],
        test: ["./imagesTs/b.nii.gz"],
      }),
    },
    cases: { a: ["Train", 2, both], b: ["Predict", 2] },
    names: liver,
  },
  "monai-label": {
    files: { "c1.nii.gz": image(), "c2.nii.gz": image(), "labels/final/c1.nii.gz": label() },
    cases: { c1: ["Train", 1, both], c2: ["Predict", 1] },
  },
  kits: {
    files: {
      "case_00000/imaging.nii.gz": image(),
      "case_00000/segmentation.nii.gz": label(),
      "case_00001/imaging.nii.gz": image(),
    },
    cases: { case_00000: ["Train", 1, both], case_00001: ["Predict", 1] },
  },
  "identity-label": {
    files: { "c.nii.gz": image(), "c_seg.nii.gz": label({ affine: identity }) },
    // Voxel by voxel, with the image's voxels of 6.75 µL and not the label map's of 1.
    cases: { c: ["Train", 1, both] },
    says: [/voxel by voxel/],
  },
  "turned-label": {
    files: {
      "c.nii.gz": image(),
      "c_seg.nii.gz": label({
        affine: ras(size),
        values: voxels(size, (i, j, k) => inside(size[0] - 1 - i, size[1] - 1 - j, k)),
      }),
    },
    cases: { c: ["Train", 1, both] },
  },
  "permuted-label": {
    files: {
      "c.nii.gz": image(),
      // Axes k, i, j of the same grid.
      "c_seg.nii.gz": nifti({
        size: [size[2], size[0], size[1]],
        affine: lps.map(([a, b, c, d]) => [c, a, b, d]),
        type: "u8",
        values: voxels([size[2], size[0], size[1]], (k, i, j) => inside(i, j, k)),
      }),
    },
    cases: { c: ["Train", 1, both] },
  },
  "label-elsewhere": {
    files: {
      "c.nii.gz": image(),
      "c_seg.nii.gz": nifti({ size: [12, 10, 9], type: "u8", values: voxels([12, 10, 9], inside) }),
    },
    cases: { c: ["Predict", 1] },
    says: [/12×10×9/],
    button: "Resample",
    options: ["--resample-labels"],
    mended: { c: ["Train", 1, both] },
  },
  "fractional-label": {
    files: {
      "c.nii.gz": image(),
      "c_seg.nii.gz": label({ type: "f32", values: voxels(size, (i, j, k) => inside(i, j, k) * 0.7) }),
    },
    cases: { c: ["Predict", 1] },
    says: [/whole/],
  },
  "empty-label": {
    files: { "c.nii.gz": image(), "c_seg.nii.gz": empty(), "d.nii.gz": image(), "d_seg.nii.gz": label() },
    cases: { c: undefined, d: ["Train", 1, both] },
  },
  leftovers: {
    files: {
      "c1.nii.gz": image(),
      "c1_seg.nii.gz": label(),
      "c1_mask.nii.gz": label(),
      "patient3_seg.nii.gz": label(),
      "scan.dcm": Buffer.from("of another kind"),
      "scan.nrrd": Buffer.from("NRRD0004"),
      "notes.txt": Buffer.from("of no use"),
      ".hidden/c9.nii.gz": image(),
      "._c1.nii.gz": Buffer.from("of a Mac"),
    },
    cases: { c1: ["Train", 1, both] },
    leftovers: ["c1_seg.nii.gz", "patient3_seg.nii.gz", "scan.dcm", "scan.nrrd", "notes.txt"],
  },
  "gaps-in-channels": {
    files: {
      "imagesTr/c1_0000.nii.gz": image(),
      "imagesTr/c1_0002.nii.gz": image(),
      "labelsTr/c1.nii.gz": label(),
      "imagesTr/c2_0000.nii.gz": image(),
      "labelsTr/c2.nii.gz": label(),
    },
    leftovers: ["imagesTr/c1_0000.nii.gz", "imagesTr/c1_0002.nii.gz"],
  },
  doubles: { files: { "A.nii": image(), "A.nii.gz": image(), "A_seg.nii.gz": label() }, leftovers: ["A.nii.gz"] },
  capitals: { files: { "Case.NII.GZ": image(), "Case_seg.NII.GZ": label() }, cases: { Case: ["Train", 1, both] } },
  "broken-json": {
    files: {
      "imagesTr/c1.nii.gz": image(),
      "labelsTr/c1.nii.gz": label(),
      "dataset.json": Buffer.from('{ // a comment\n"labels": {"1": "liver"} }'),
    },
    cases: { c1: ["Train", 1, both] },
    names: { 1: "label 1", 2: "label 2" },
    leftovers: ["dataset.json"],
  },
  "json-with-bom": {
    files: {
      "imagesTr/c1.nii.gz": image(),
      "labelsTr/c1.nii.gz": label(),
      "dataset.json": Buffer.concat([Buffer.from("\ufeff"), json({ labels: liver })]),
    },
    cases: { c1: ["Train", 1, both] },
    names: liver,
  },
  "validation-list": {
    files: {
      "imagesTr/c1.nii.gz": image(),
      "labelsTr/c1.nii.gz": label(),
      "imagesTr/c2.nii.gz": image(),
      "labelsTr/c2.nii.gz": label(),
      "dataset.json": json({
        labels: liver,
        training: [{ image: "imagesTr/c1.nii.gz", label: "labelsTr/c1.nii.gz" }],
        validation: [{ image: "imagesTr/c2.nii.gz", label: "labelsTr/c2.nii.gz" }],
      }),
    },
    cases: { c1: ["Train", 1, both], c2: ["Validate", 1, both] },
    names: liver,
  },
  "test-labels": {
    files: {
      "imagesTr/c1.nii.gz": image(),
      "labelsTr/c1.nii.gz": label(),
      "imagesTs/c1.nii.gz": image(),
      "labelsTs/c1.nii.gz": label(),
    },
    cases: { c1: ["Train", 1, both], imagesTs_c1: ["Predict", 1, both] },
  },
  structures: {
    files: {
      "s0000/ct.nii.gz": image(),
      "s0000/segmentations/liver.nii.gz": label({ values: voxels(size, (...at) => Number(inside(...at) === 1)) }),
      "s0000/segmentations/spleen.nii.gz": label({ values: voxels(size, (...at) => Number(inside(...at) === 2)) }),
    },
    cases: { s0000: ["Predict", 1] },
    leftovers: ["s0000/segmentations/liver.nii.gz", "s0000/segmentations/spleen.nii.gz"],
    button: "Combine",
    options: ["--combine-structures"],
    mended: { s0000: ["Train", 1, both] },
  },
  "other-channel-elsewhere": {
    files: {
      "imagesTr/c1_0000.nii.gz": image(),
      "imagesTr/c1_0001.nii.gz": nifti({ size: [6, 5, 4], values: voxels([6, 5, 4], (i) => i) }),
      "labelsTr/c1.nii.gz": label(),
    },
    says: [/channel/],
  },
  "holes-in-values": {
    files: {
      "c.nii.gz": image({ type: "f32", values: voxels(size, (i, j, k) => (i + j + k === 9 ? NaN : i)) }),
      "c_seg.nii.gz": label(),
    },
    cases: { c: ["Train", 1, both] },
    says: [/NaN|no number/],
  },
};

/** What both fronts say, in one order: cases by their names, files that are not used by their paths. */
function tidy({ cases, leftovers, problems }) {
  const by = (key) => (a, b) => (a[key] < b[key] ? -1 : 1);
  return {
    cases: cases.map((one) => ({ ...one, warnings: [...one.warnings].sort() })).sort(by("id")),
    leftovers: [...leftovers].sort(by("path")),
    problems: [...problems].sort(),
  };
}

/** What `core` finds in a folder. */
const native = (folder, options = []) => tidy(JSON.parse(core("cases", folder, "--json", ...options)));

/** What the page finds, once everything was read. */
async function shown(page, folder) {
  for (;;) {
    await page.waitForFunction(() => !/Reading/.test(document.querySelector("#cases-title + .aside").innerText));
    const found = tidy(JSON.parse(readFileSync(await download(page, "#save-cases", folder))));
    // A case is listed before its label map is read: then it has labels, a sentence says why not, or it is gone.
    const unread = ({ label, labels, warnings }) => label && !labels && !warnings.length;
    if (found.cases.some(unread)) {
      await page.waitForTimeout(100);
      continue;
    }
    // The viewer may ask for the case that has just turned out to be of no use.
    const asked = (problem) => /is not here any more/.test(problem);
    return { ...found, problems: found.problems.filter((problem) => !asked(problem)) };
  }
}

/** Checks what is found against the table. */
function check(name, { cases, names, leftovers, says = [] }, found) {
  for (const [id, expected] of Object.entries(cases ?? {})) {
    const one = found.cases.find((one) => one.id === id);
    assert.ok(one, `${name}: ${id} is not among ${found.cases.map(({ id }) => id)}`);
    if (!expected) continue;
    const [role, channels, labels] = expected;
    assert.deepEqual([one.role, one.channels], [role, channels], `${name}: ${id}`);
    if (!labels) {
      if (role === "Predict") assert.equal(one.labels, null, `${name}: ${id}`);
      continue;
    }
    assert.deepEqual(
      one.labels.map(({ id }) => String(id)),
      Object.keys(labels),
      `${name}: ${id}`,
    );
    for (const { id: label, name: called, milliliters } of one.labels) {
      assert.ok(Math.abs(milliliters - labels[label]) < 1e-6, `${name}: ${id}, label ${label}: ${milliliters} mL`);
      if (names) assert.equal(called, names[label], `${name}: ${id}`);
    }
  }
  if (cases)
    assert.deepEqual(
      found.cases.map(({ id }) => id),
      Object.keys(cases).sort(),
      `${name}: cases`,
    );
  const said = JSON.stringify([found.problems, found.leftovers, found.cases.map(({ warnings }) => warnings)]);
  for (const words of says) assert.match(said, words, name);
  for (const path of leftovers ?? []) {
    const left = found.leftovers.find((one) => one.path === `${name}/${path}` || one.path === path);
    assert.ok(left?.reason.length > 10, `${name}: ${path} is named, with a reason: ${said}`);
  }
}

test("the same folders through page and core", { timeout: 2 * limit }, async (context) => {
  const folder = temporaryFolder();
  for (const [name, { files }] of Object.entries(folders)) write(join(folder, name), files);
  await withPage(noWebgpu, "?cases", async (page) => {
    for (const [name, row] of Object.entries(folders)) {
      const path = join(folder, name);
      // What is dropped then takes the place of the session that the browser keeps.
      await page.reload();
      await ready(page);
      await drop(page, [path]);
      await page.locator("#save-cases").waitFor();
      const [there, here] = [native(path), await shown(page, folder)];
      assert.deepEqual(here, there, `${name}: page and core`);
      check(name, row, here);
      if (row.mended) {
        await page.locator(row.button === "Combine" ? "#combine" : "#cases .fix").click();
        const [id] = Object.keys(row.mended);
        await page.locator(`#cases [data-case='${id}'][data-role=train]`).waitFor();
        const mended = native(path, row.options);
        const now = await shown(page, folder);
        check(name, { cases: row.mended }, mended);
        check(name, { cases: row.mended }, now);
        const numbers = ({ cases }) => cases.map(({ id, role, channels, labels }) => ({ id, role, channels, labels }));
        if (row.button !== "Combine") assert.deepEqual(numbers(now), numbers(mended), `${name}, mended`);
        else assert.deepEqual(now, mended, `${name}, combined`);
      }
      context.diagnostic(
        `${name}: ${here.cases.map(({ id, role }) => `${id} ${role}`).join(", ")}; not used: ${here.leftovers.length}`,
      );
    }
  });
});
