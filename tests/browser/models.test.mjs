// Weights that come with the page: named in its address, they segment the sample volumes at once.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, press, screenshot, withPage } from "./page.mjs";

const folder = new URL("../../public/models/", import.meta.url);
const registry = JSON.parse(readFileSync(new URL("registry.json", folder)));

test("the list of models says what their files are", () => {
  for (const { name, file, bytes, sha256 } of registry) {
    const content = readFileSync(new URL(file, folder));
    assert.equal(content.length, bytes, name);
    assert.ok(bytes < 6_000_000, name);
    assert.equal(createHash("sha256").update(content).digest("hex"), sha256, name);
  }
});

test(
  "the sample volumes and their model, from the address, give a real result",
  { timeout: limit },
  async (context) => {
    await withPage(noWebgpu, "?sample&model=sample", async (page) => {
      await page.locator("#cases [data-case]").nth(7).waitFor();
      await page.locator("#save-weights:enabled").waitFor();
      assert.match(await page.locator(".models p").innerText(), /synthetic/);
      await page.locator("#cases [data-role=train] .role").first().selectOption("validate");
      await page.locator("#predict-scope").selectOption("held-out");
      assert.equal(await press(page, "predict"), "done");
      await page.locator("#measure").waitFor();
      const dice = await page.locator("#measure tr[data-label=mean] .dice").innerText();
      context.diagnostic(`Dice ${dice}`);
      assert.ok(Number.parseFloat(dice) > 0.9, dice);
      const mean = (measure) => page.locator(`#measure tr[data-label=mean] .${measure}`);
      const surface = await mean("surface-dice").innerText();
      context.diagnostic(`surface Dice ${surface}`);
      assert.ok(Number.parseFloat(surface) > 0.7, surface);
      assert.equal(await mean("iou").count(), 0);
      await page.locator("#all-measures").check();
      const iou = Number.parseFloat(await mean("iou").innerText());
      assert.ok(iou > 0.8 && iou < Number.parseFloat(dice), `${iou}`);
      await screenshot(page, "models-1-segmented");
    });
  },
);

const scans = fileURLToPath(new URL("../../../shared/data/hippocampus/", import.meta.url));
const absent = existsSync(scans) ? false : "there are no real scans beside this repository";

test(
  "real scans: the hippocampus weights segment cases that they were not trained on",
  { timeout: limit, skip: absent },
  async (context) => {
    const names = ["hippocampus_006", "hippocampus_025", "hippocampus_026"];
    const folder = temporaryFolder();
    const files = names.flatMap((name) =>
      [
        ["imagesTr", name],
        ["labelsTr", `${name}_seg`],
      ].map(([kind, as]) => {
        copyFileSync(join(scans, kind, `${name}.nii.gz`), join(folder, `${as}.nii.gz`));
        return join(folder, `${as}.nii.gz`);
      }),
    );
    await withPage(noWebgpu, "?model=hippocampus", async (page) => {
      await drop(page, files);
      for (const name of names) await page.locator(`#cases [data-case=${name}] .role`).selectOption("validate");
      await page.locator("#predict-scope").selectOption("held-out");
      await page.locator("#predict:enabled").waitFor();
      assert.equal(await press(page, "predict"), "done");
      const dice = await page.locator("#measure tr[data-label=mean] .dice").innerText();
      context.diagnostic(`Dice ${dice}`);
      assert.ok(Number.parseFloat(dice) > 0.8, dice);
      // Both labels are read out, under the names that the weights know.
      await page.locator("#readout", { hasText: /truth: .*prediction: / }).waitFor();
      assert.match(await page.locator("#measure").innerText(), /Anterior[^]*Posterior/);
      await screenshot(page, "models-2-hippocampus");
    });
  },
);
