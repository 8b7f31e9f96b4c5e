// What a worker that takes over has to know: everything that was decided by hand, and the case in view.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { phantom, readBytes, temporaryFolder } from "./files.mjs";
import { configure, drop, limit, noWebgpu, ready, screenshot, webgpu, withPage } from "./page.mjs";

/** Copies a file to a new name in a folder that may not be there yet. */
function place(source, path) {
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(source, path);
}

/** A series of frames, each the same image. */
function series(bytes, frames) {
  const start = bytes.readFloatLE(108);
  const header = Buffer.from(bytes.subarray(0, start));
  header.writeInt16LE(4, 40);
  header.writeInt16LE(frames, 48);
  return Buffer.concat([header, ...Array.from({ length: frames }, () => bytes.subarray(start))]);
}

/** Each case as the table shows it, once everything was read. */
async function table(page) {
  await page.waitForFunction(() => !/Reading/.test(document.querySelector("#cases-title + .aside").innerText));
  return page
    .locator("#cases tr[data-case]")
    .evaluateAll((rows) =>
      Object.fromEntries(
        rows.map((row) => [
          row.dataset.case,
          [row.dataset.role, row.querySelector(".dims").innerText, row.querySelector(".labels").innerText],
        ]),
      ),
    );
}

/** Gives a case a label map, or none, and waits until the worker has done so. */
async function choose(page, id, label, role) {
  if (!(await page.locator("#pairing table").count())) await page.locator("#pairing summary").click();
  await page.locator(`#pairing [data-pair='${id}'] select`).selectOption(label);
  await page.locator(`#cases [data-case='${id}'][data-role=${role}]`).waitFor();
}

/** Waits until the worker has read something that it was given last: everything before is done then. */
async function settled(page, folder, name) {
  const path = join(folder, `${name}.nii.gz`);
  copyFileSync(join(folder, "phantom/imagesTr/phantom_001.nii.gz"), path);
  await drop(page, [path]);
  await page.waitForFunction(
    (id) => document.querySelector(`#cases [data-case='${id}'] .picture canvas`)?.width > 1,
    name,
  );
}

/** Starts a worker that takes over from one that dies. */
async function killAndRestart(page) {
  const [worker] = page.workers();
  await worker.evaluate(() =>
    setTimeout(() => {
      throw new Error("killed by a test");
    }),
  );
  await page.locator("#restart").click();
  await ready(page);
}

test(
  "pairs and frames that were chosen by hand outlive the device, the worker and the tab",
  { timeout: limit },
  async () => {
    const folder = temporaryFolder();
    phantom(join(folder, "phantom"), { cases: "1", unlabeled: "0", seed: "6", voxels: "18,22" });
    const [image, label] = ["imagesTr", "labelsTr"].map((kind) => join(folder, "phantom", kind, "phantom_001.nii.gz"));
    place(image, join(folder, "odd/scan of monday.nii.gz"));
    place(label, join(folder, "odd/drawn by anna_mask.nii.gz"));
    place(image, join(folder, "odd/left.nii.gz"));
    place(label, join(folder, "odd/left_seg.nii.gz"));
    writeFileSync(join(folder, "odd/film.nii"), series(readBytes(image), 3));
    place(label, join(folder, "odd/film_seg.nii.gz"));
    writeFileSync(join(folder, "odd/echo.nii"), series(readBytes(image), 2));
    place(label, join(folder, "odd/echo_seg.nii.gz"));

    await withPage(
      webgpu,
      "",
      async (page) => {
        await drop(page, [join(folder, "odd")]);
        await page.locator("#cases [data-case=film] + tr.problems .one").click();
        await page.locator("#cases [data-case=echo] + tr.problems .channels").click();
        await page.waitForFunction(() => document.querySelectorAll("#cases .frame").length === 0);
        await choose(page, "scan of monday", "odd/drawn by anna_mask.nii.gz", "train");
        await choose(page, "left", "", "predict");
        const decided = await table(page);
        assert.deepEqual(Object.keys(decided), ["echo", "film", "left", "scan of monday"]);
        assert.deepEqual(
          decided["scan of monday"].filter((_, i) => i !== 1),
          ["train", "1, 2"],
        );
        assert.deepEqual(
          decided.left.filter((_, i) => i !== 1),
          ["predict", "–"],
        );
        assert.match(decided.echo[1], /2 channels/);
        assert.doesNotMatch(decided.film[1], /channels/);

        await page.locator("#switch-device").click();
        await page.locator("#device[data-device=cpu]").waitFor();
        await settled(page, folder, "one");
        const { one, ...others } = await table(page);
        assert.deepEqual(others, decided, "on another device");

        await killAndRestart(page);
        await settled(page, folder, "two");
        const { one: first, two, ...again } = await table(page);
        assert.deepEqual(again, decided, "after a breakdown");
        assert.deepEqual([first, two], [one, one]);
        await screenshot(page, "restart-1-decided");

        // A choice that is made now does not cost the earlier ones.
        await choose(page, "film", "", "predict");
        await page.waitForTimeout(2500);
        await page.reload();
        await page.locator("#restore:not([disabled])").click();
        await page.locator("#cases [data-case=film][data-role=predict]").waitFor();
        const restored = await table(page);
        assert.deepEqual(restored, { ...again, one, two, film: ["predict", decided.film[1], "–"] }, "after a reload");
      },
      { tolerated: /killed by a test/ },
    );
  },
);

test("a run that goes on in another worker shows what it makes of the case in view", { timeout: limit }, async () => {
  await withPage(
    noWebgpu,
    "",
    async (page) => {
      await page.locator("#sample").click();
      await page.locator("#cases [data-case]").nth(7).waitFor();
      const held = page.locator("#cases tr[data-case][data-role=train]").last();
      const id = await held.getAttribute("data-case");
      await held.locator("select.role").selectOption("validate");
      await page.locator(`#cases [data-case='${id}'] .show`).click();
      await configure(page, {
        size: "tiny",
        patch: [16, 16, 16],
        iterations: 400,
        learningRate: 0.002,
        medcontext: true,
        batchSize: 1,
        seed: 1,
      });
      await page.locator("#checkpoint-every").fill("5");
      await page.locator("#train").click();
      const preview = page.locator("#preview");
      await preview.waitFor();
      // Without a saved state there is nothing to go on from.
      await page.locator("#progress[data-kept]").waitFor();
      await killAndRestart(page);
      assert.ok(Number(await preview.getAttribute("data-iteration")) >= 5, "what was shown stays");
      await page.locator("#continue:enabled").click();
      const before = Number(await page.locator("#progress").getAttribute("data-kept"));
      await page.waitForFunction(
        (before) => Number(document.querySelector("#preview")?.dataset.iteration) > before,
        before,
      );
      await page.locator("#stop").click();
      await page.locator("#progress[data-state=stopped]").waitFor();
    },
    { tolerated: /killed by a test/ },
  );
});
