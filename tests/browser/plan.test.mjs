// The plan of a training run: what it says, what a person changes of it, and how long there is.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { core, phantom, temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, press, reopen, screenshot, type, withPage } from "./page.mjs";

const folder = temporaryFolder();
phantom(join(folder, "phantom"), { cases: "3", unlabeled: "1", seed: "11", voxels: "28,34" });
const data = join(folder, "phantom");

/** The rows of the card: value and reason by setting. */
const rows = (page) =>
  page.locator("#plan li[data-setting]").evaluateAll((all) =>
    Object.fromEntries(
      all.map((row) => [
        row.dataset.setting,
        { value: row.querySelector("b").textContent, why: row.querySelector("small").textContent },
      ]),
    ),
  );

const value = (page, id) => page.locator(`#${id}`).inputValue();

/** Opens the page's plan for the three labeled phantoms. */
async function plan(page) {
  await drop(page, [data]);
  await page.locator("#plan li[data-setting=patch]").waitFor();
}

const steps = async (page) => Number((await rows(page)).iterations.value);

test("a plan for labeled cases, changed by hand and given back", { timeout: limit }, async (context) => {
  await withPage(noWebgpu, "", async (page) => {
    assert.match(await page.locator("#plan-missing").innerText(), /^Add scans with label maps/);
    await drop(page, [join(data, "imagesTs")]);
    await page.locator("#cases [data-case=phantom_004]").waitFor();
    assert.match(await page.locator("#plan-missing").innerText(), /^No case is labeled/);
    await plan(page);
    const planned = await rows(page);
    context.diagnostic(JSON.stringify(planned, null, 1));
    for (const setting of ["preprocessing.normalization", "preprocessing.spacing", "patch", "backbone", "iterations"]) {
      assert.ok(planned[setting].why.length > 10, `${setting} has its reason`);
    }
    // The form holds what the card says.
    const sides = await Promise.all(["depth", "height", "width"].map((axis) => value(page, `patch-${axis}`)));
    assert.equal(planned.patch.value, `${sides.join(" × ")} voxels`);
    assert.equal(await value(page, "iterations"), planned.iterations.value);
    assert.equal(await page.locator("#medcontext").isChecked(), false);
    assert.match(
      await page.locator("#plan-summary").innerText(),
      new RegExp(`^30 minutes: ${planned.iterations.value} steps of [\\d.]+ s`),
    );
    await screenshot(page, "plan-1-planned");

    // Twice the time, twice the steps, as long as a step computes the same.
    await type(page, "minutes", "60");
    const other = (before) => document.querySelector("#iterations").value !== before;
    await page.waitForFunction(other, planned.iterations.value);
    assert.deepEqual((await rows(page)).patch, planned.patch);
    assert.ok(Math.abs((await steps(page)) / planned.iterations.value - 2) < 0.01);

    // A change stays, whatever is planned anew, and planned steps follow what it costs.
    await page.locator("#plan li[data-setting=patch] .edit").click();
    assert.equal(await page.evaluate(() => document.activeElement.id), "patch-depth");
    await type(page, "patch-depth", "16");
    const changed = (await rows(page)).patch;
    assert.match(changed.value, /^16\s×/);
    assert.equal(changed.why, `changed by you; planned: ${planned.patch.value}`);
    assert.ok((await steps(page)) > 2.2 * planned.iterations.value, "smaller patches leave time for more steps");
    await page.getByRole("button", { name: "30 min", exact: true }).click();
    await page.waitForFunction(() => /^30 minutes/.test(document.querySelector("#plan-summary").innerText));
    assert.equal(await value(page, "patch-depth"), "16");
    await type(page, "iterations", "7");
    assert.match(await page.locator("#plan-summary").innerText(), /^7 steps of/);
    await screenshot(page, "plan-2-changed");

    await reopen(page);
    await page.locator("#plan li[data-setting=patch].changed").waitFor();
    const kept = [await value(page, "patch-depth"), await value(page, "iterations")];
    assert.deepEqual(kept, ["16", "7"], "after a reload");

    await page.locator("#plan li[data-setting=iterations] .reset").click();
    assert.ok((await steps(page)) > 1.1 * planned.iterations.value);
    await page.locator("#plan-reset").click();
    assert.deepEqual(await rows(page), planned);
    assert.equal(await page.locator("#plan li.changed").count(), 0);
  });
});

test("every setting of the card has its field", { timeout: limit }, async () => {
  await withPage(noWebgpu, "", async (page) => {
    await plan(page);
    await page.locator("#normalization").selectOption("window");
    await type(page, "foreground-share", "80");
    // Organs of phantoms have their places: none is planned.
    for (const axis of ["depth", "height"]) await page.locator(`#mirror-${axis}`).check();
    await page.locator("#augmentation").selectOption("light");
    await page.locator("#medcontext").setChecked(true);
    await page.locator("#backbone").selectOption("unetr");
    await type(page, "spacing-depth", "3.5");
    const now = await rows(page);
    const found = (setting) => now[setting].value;
    assert.equal(found("preprocessing.normalization"), "window from -160 to 240");
    assert.match(found("preprocessing.spacing"), /^3\.5\s×/);
    assert.equal(found("sampling.center"), "80 % of the patches on a label");
    assert.equal(found("augmentation.mirror_axes"), "along depth and height");
    assert.equal(found("augmentation"), "light");
    assert.equal(found("medcontext.enabled"), "on");
    assert.equal(found("backbone"), "UNETR, tiny");
    await type(page, "iterations", "2");
    assert.equal(await press(page, "train"), "done");
    await screenshot(page, "plan-3-own");
  });
});

test("what memory does not allow is refused, with the nearest that works", { timeout: limit }, async () => {
  await withPage(noWebgpu, "", async (page) => {
    await plan(page);
    const before = await value(page, "patch-depth");
    await type(page, "patch-depth", String(Number(before) + 1));
    assert.equal(await value(page, "patch-depth"), before, "not a size that the network takes");
    assert.match(await page.locator("#refused").innerText(), /the nearest that works is/);
    await type(page, "patch-depth", "4000");
    assert.equal(await value(page, "patch-depth"), before);
    assert.match(await page.locator("#refused").innerText(), /GB of memory/);
    await page.locator("#use-nearest").click();
    assert.ok(Number(await value(page, "patch-depth")) >= Number(before));
    assert.equal(await page.locator("#refused").count(), 0);

    for (const axis of ["depth", "height"]) await type(page, `spacing-${axis}`, "0.01");
    const width = await value(page, "spacing-width");
    await type(page, "spacing-width", "0.01");
    assert.match(await page.locator("#refused").innerText(), /the cases take .* GB/);
    assert.equal(await value(page, "spacing-width"), width);
    await screenshot(page, "plan-4-refused");
    await page.locator("#use-nearest").click();
    assert.ok(Number(await value(page, "spacing-width")) > 0.01);
  });
});

test("a run that starts from weights has their network, whatever is planned", { timeout: limit }, async () => {
  const [run, config] = [join(folder, "run"), join(folder, "run.toml")];
  writeFileSync(config, "[preprocessing.spacing]\nmm = [3.0, 3.0, 3.0]\n");
  const network = ["--backbone", "unetr", "--size", "tiny", "--patch", "16,32,16", "--config", config];
  core("train", "--quiet", "--data", data, "--out", run, ...network, "--iterations", "1", "--device", "cpu");
  await withPage(noWebgpu, "", async (page) => {
    await plan(page);
    const planned = await rows(page);
    await drop(page, [join(run, "last.safetensors")]);
    await page.locator("#start-from option[value=weights]:enabled").waitFor({ state: "attached" });
    assert.deepEqual(await rows(page), planned, "weights that are only there change nothing");

    await page.locator("#start-from").selectOption("weights");
    await page.locator("#plan li[data-setting=patch] b", { hasText: /16\s×\s32\s×\s16/ }).waitFor();
    const continued = await rows(page);
    for (const [setting, of] of [
      ["backbone", /^UNETR, tiny/],
      ["patch", /^16\s×\s32\s×\s16/],
      ["preprocessing.spacing", /^3\s×\s3\s×\s3/],
    ]) {
      assert.match(continued[setting].value, of);
      assert.equal(continued[setting].why, "that of the weights to start from");
      assert.notEqual(planned[setting].value, continued[setting].value);
    }
    assert.equal(continued.augmentation.why, planned.augmentation.why, "the rest is as planned");
    await screenshot(page, "plan-6-from-weights");
    await type(page, "iterations", "2");
    assert.equal(await press(page, "train"), "done");

    await page.locator("#plan li[data-setting=iterations] .reset").click();
    await page.locator("#start-from").selectOption("scratch");
    await page.locator("#plan li[data-setting=patch] b", { hasText: planned.patch.value }).waitFor();
    assert.deepEqual(await rows(page), planned);
  });
});

test("the device is measured once its plan is looked at", { timeout: limit }, async (context) => {
  await withPage(
    noWebgpu,
    "",
    async (page) => {
      await drop(page, [data]);
      await page.locator("#cases [data-case=phantom_003][data-role=train]").waitFor();
      await page.locator("#plan").waitFor({ state: "attached" });
      assert.equal(await page.locator("#progress").getAttribute("data-task"), "", "not before");
      const measuring = page.locator("#plan-summary", { hasText: "measuring your device …" }).waitFor();
      await page.locator("#step-train-tab").click();
      await measuring;
      await page.locator("#plan-summary", { hasText: "measured on this device" }).waitFor({ timeout: limit });
      const words = await page.locator("#plan-summary").innerText();
      context.diagnostic(words);
      const [, count, seconds] = words.match(/^30 minutes: (\d+) steps? of ([\d.]+) s/);
      assert.ok(Math.abs((count * seconds) / 1800 - 1) < 0.05, words);
      await page.locator("#train:enabled").waitFor();
      await type(page, "minutes", "10");
      await page.locator("#plan-summary", { hasText: "10 minutes" }).waitFor();
      assert.match(await page.locator("#plan-summary").innerText(), /measured on this device/, "not measured again");
      await screenshot(page, "plan-5-measured");
    },
    { measured: true },
  );
});
