// The same folders through the page and through `core`: the same cases, names, warnings and numbers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { core, temporaryFolder } from "./files.mjs";
import { download, drop, limit, noWebgpu, ready, withPage } from "./page.mjs";
import { identity, lps, nifti, ras, voxels, write } from "./volumes.mjs";

/** The table of folders, which `tests/cli/folder_table.rs` runs through the library and through `core`. */
const folders = JSON.parse(readFileSync(new URL("../fixtures/folders.json", import.meta.url)));

/** Voxels of an image along i, j and k, where the table does not say. */
const usual = [12, 10, 8];
/** Values of images at a voxel of frame f, by their names in the table. */
const patterns = {
  ramp: (i, j, k) => 40 * i + 7 * j + k,
  columns: (i) => i,
  frames: (i, j, k, f) => 100 * f + i * j + k,
  holes: (i, j, k) => (i + j + k === 9 ? NaN : i),
};
/** Label 1 is 3 × 3 × 3 voxels, label 2 is 2 × 4 × 2; off the middle, so that no turn of the axes hides. */
const inside = (i, j, k) =>
  i >= 1 && i < 4 && j >= 2 && j < 5 && k < 3 ? 1 : i >= 8 && i < 10 && j >= 5 && j < 9 && k >= 5 && k < 7 ? 2 : 0;

/** The ways in which a file is described in the table, and the bytes that each stands for. */
const kinds = {
  text: (text) => Buffer.from(text),
  json: (value) => Buffer.from(JSON.stringify(value)),
  image: ({ size = usual, type = "i16", values = "ramp", frames = 1 }) => {
    const frame = (_, f) => voxels(size, (i, j, k) => patterns[values](i, j, k, f));
    return nifti({ size, type, values: Array.from({ length: frames }, frame).flat(), frames });
  },
  label: ({ size = usual, type = "u8", grid = "image", only, factor = 1 }) => {
    const kept = (label) => (only ? Number(label === only) : label);
    const at = (i, j, k) => factor * kept(inside(i, j, k));
    const [ni, nj, nk] = size;
    const [dims, affine, value] = {
      image: [size, lps, at],
      identity: [size, identity, at],
      turned: [size, ras(size), (i, j, k) => at(ni - 1 - i, nj - 1 - j, k)],
      permuted: [[nk, ni, nj], lps.map(([a, b, c, d]) => [c, a, b, d]), (k, i, j) => at(i, j, k)],
    }[grid];
    return nifti({ size: dims, affine, type, values: voxels(dims, value) });
  },
};

/** The files of a folder by their paths, each made as the table describes it. */
function made(files) {
  const bytes = ([path, described]) => {
    const [[kind, options]] = Object.entries(described);
    return [path, kinds[kind](options)];
  };
  return Object.fromEntries(Object.entries(files).map(bytes));
}

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
    // Of every folder something is told; the session that the files replace may be gone before they are read.
    const nothing = ![found.cases, found.leftovers, found.problems].some((list) => list.length);
    if (nothing || found.cases.some(unread)) {
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
  for (const [id, expected] of Object.entries(cases)) {
    const one = found.cases.find((one) => one.id === id);
    assert.ok(one, `${name}: ${id} is not among ${found.cases.map(({ id }) => id)}`);
    const { role, channels, labels } = expected;
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
  assert.deepEqual(
    found.cases.map(({ id }) => id),
    Object.keys(cases).sort(),
    `${name}: cases`,
  );
  const said = JSON.stringify([found.problems, found.leftovers, found.cases.map(({ warnings }) => warnings)]);
  for (const words of says) assert.ok(said.includes(words), `${name}: ${words} in ${said}`);
  for (const path of leftovers ?? []) {
    const left = found.leftovers.find((one) => one.path === `${name}/${path}` || one.path === path);
    assert.ok(left?.reason.length > 10, `${name}: ${path} is named, with a reason: ${said}`);
  }
}

test("the same folders through page and core", { timeout: 2 * limit }, async (context) => {
  const folder = temporaryFolder();
  for (const [name, { files }] of Object.entries(folders)) write(join(folder, name), made(files));
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
        check(name, { cases: row.mended, names: row.names }, mended);
        check(name, { cases: row.mended, names: row.names }, now);
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
