// Hold out, train with a pause, measure, take away, and open the session again in another profile.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { core, phantom, temporaryFolder, unpack } from "./files.mjs";
import { configure, download, drop, limit, losses, noWebgpu, press, screenshot, withPage } from "./page.mjs";

const iterations = 20;

/** The page's table of means, as texts by label. */
function measured(page) {
  return page
    .locator("#measure tbody tr")
    .evaluateAll((rows) =>
      Object.fromEntries(rows.map((row) => [row.dataset.label, [...row.cells].map((cell) => cell.innerText)])),
    );
}

const iteration = (page) => page.locator("#progress").getAttribute("data-iteration").then(Number);

/** Pauses a run in its first steps, sees that nothing goes on, and lets it go on. */
async function pauseOnce(page) {
  await page.waitForFunction(() => Number(document.querySelector("#progress").dataset.iteration) >= 3);
  await page.locator("#pause").click();
  await page.locator("#progress[data-state=paused]").waitFor();
  // The step that was under way may still be reported.
  await page.waitForTimeout(1500);
  const before = await iteration(page);
  await page.waitForTimeout(1500);
  assert.equal(await iteration(page), before, "a paused run goes on");
  assert.ok(before < iterations);
  await page.locator("#pause").click();
}

/** Where the network is least certain, one click leads to. */
async function labelNext(page) {
  const next = page.locator("#label-next");
  assert.match(await next.innerText(), /^phantom_005, slice \d+$/);
  const uncertain = await page.locator("#results [data-case] .uncertainty").allInnerTexts();
  assert.equal(uncertain.length, await page.locator("#results [data-case]").count(), "every case says how sure it is");
  for (const words of uncertain) assert.match(words, /^uncertainty 0\.\d\d$/);
  const before = await page.locator("#readout").innerText();
  await next.click();
  await page.locator("#viewer[data-case=phantom_005][data-ready=true]").waitFor();
  assert.ok(await page.locator("#overlay input[value=uncertainty]").isChecked());
  await page.waitForFunction((before) => document.querySelector("#readout").innerText !== before, before);
  // The crosshair is in the slice that was named: phantoms are stored from the feet to the head.
  const slice = Number((await next.innerText()).match(/slice (\d+)/)[1]);
  await page.waitForFunction(
    (k) => Number(document.querySelector("#readout").innerText.split(",")[2].trim().split(/\s/)[0]) === k,
    slice - 1,
  );
  await screenshot(page, "loop-3-uncertainty");
}

/** Binary STL files of some triangles each. */
function checkSurfaces(names, folder) {
  assert.ok(names.length > 0 && names.every((name) => /^phantom_005_\w+\.stl$/.test(name)), names);
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    assert.equal(bytes.length, 84 + 50 * bytes.readUInt32LE(80), name);
    assert.ok(bytes.readUInt32LE(80) > 3, name);
  }
}

test("the loop: hold out, pause, measure, take away, open again", { timeout: limit }, async (context) => {
  const folder = temporaryFolder();
  const data = join(folder, "phantom");
  phantom(data, { cases: "4", unlabeled: "1", seed: "3", voxels: "18,22" });
  let archive;
  let table;
  let weights;

  await withPage(noWebgpu, "", async (page) => {
    await page.locator("#folder").setInputFiles(data);
    await page.locator("#cases [data-case=phantom_005][data-role=predict]").waitFor();
    for (const held of ["phantom_003", "phantom_004"]) {
      await page.locator(`#cases [data-case=${held}] .role`).selectOption("validate");
    }
    assert.equal(await page.locator("#cases [data-role=validate]").count(), 2);
    await configure(page, {
      size: "tiny",
      patch: [16, 32, 32],
      iterations,
      learningRate: 0.002,
      medcontext: true,
      batchSize: 1,
      seed: 1,
    });
    await page.locator("#checkpoint-every").fill("10");

    // After the start-up, to which the viewer's first pictures belong.
    await page.locator("#viewer[data-ready=true]").waitFor();
    await page.waitForTimeout(3000);
    await watchTasks(page);
    // The case in view is segmented at each validation, as the run stands.
    const preview = page.locator("#preview[data-iteration='10']").waitFor();
    const [outcome] = await Promise.all([press(page, "train"), pauseOnce(page), preview]);
    assert.equal(outcome, "done");
    await page.locator("#preview[data-iteration='20']").waitFor();
    assert.equal((await losses(page, "total")).length, iterations);
    assert.equal(await page.locator("#dice").getAttribute("data-validations"), "2");
    weights = await page.locator("#weights").innerText();
    assert.match(weights, /Dice 0\.\d+ on held-out cases/);

    await page.locator("#predict-scope").selectOption("held-out");
    assert.equal(await press(page, "predict"), "done");
    context.diagnostic(`longest tasks of the page's thread, ms: ${await longestTasks(page)}`);
    table = await measured(page);
    context.diagnostic(JSON.stringify(table));
    await screenshot(page, "loop-1-measured");
    await page.locator("#overlay input[value=difference]").check({ force: true });
    await page.locator("#look summary").click();
    await page.locator("#outline").check();
    await page.locator("#window").selectOption("soft tissue");
    await page.waitForTimeout(1000);
    await screenshot(page, "loop-2-difference");
    await page.locator("#look summary").click();

    // The command line, on the same segmentations, gives the same figures.
    const names = unpack(await download(page, "#save-results", folder), join(folder, "results"));
    assert.deepEqual(names, [
      "config.toml",
      "evaluation.csv",
      "evaluation.json",
      "report.html",
      "segmentations/phantom_003.nii.gz",
      "segmentations/phantom_004.nii.gz",
      "uncertainty/phantom_003.nii.gz",
      "uncertainty/phantom_004.nii.gz",
      "weights.md",
      "weights.safetensors",
    ]);
    const card = readFileSync(join(folder, "results/weights.md"), "utf8");
    assert.match(card, /- 1: liver\n- 2: kidney\n/);
    assert.match(
      card,
      new RegExp(
        createHash("sha256")
          .update(readFileSync(join(folder, "results/weights.safetensors")))
          .digest("hex"),
      ),
    );
    const [mine, native] = ["results/evaluation.json", "native.json"].map((name) => join(folder, name));
    core(
      "evaluate",
      "--prediction",
      join(folder, "results/segmentations"),
      "--truth",
      join(data, "labelsTr"),
      "--json",
      native,
    );
    sameNumbers(JSON.parse(readFileSync(mine)), JSON.parse(readFileSync(native)), "evaluation");
    assert.match(
      readFileSync(join(folder, "results/report.html"), "utf8"),
      /SHA-256 of the weights<\/dt><dd>[0-9a-f]{64}/,
    );
    core("info", join(folder, "results/weights.safetensors"));

    await page.locator("#predict-scope").selectOption("unlabeled");
    assert.equal(await press(page, "predict"), "done");
    await labelNext(page);
    await checkSurfaces(
      unpack(await download(page, "#results [data-surfaces=phantom_005]", folder), join(folder, "stl")),
      join(folder, "stl"),
    );
    archive = await download(page, "#save-session", folder);
  });

  // A session's archive holds a data folder that the command line trains on.
  const opened = join(folder, "session");
  const names = unpack(archive, opened);
  assert.ok(names.includes("cases/phantom/dataset.json") && names.includes("session.json"), names);
  core(
    "train",
    "--data",
    join(opened, "cases/phantom"),
    "--config",
    join(opened, "config.toml"),
    "--iterations",
    "1",
    "--out",
    join(folder, "run"),
  );

  await withPage(noWebgpu, "", async (page) => {
    await drop(page, [archive]);
    await page.locator("#cases [data-role=validate]").nth(1).waitFor();
    assert.deepEqual(await measured(page), table);
    assert.equal(await page.locator("#weights").innerText(), weights);
    assert.equal(await page.locator("#cases [data-role=validate]").count(), 2);
    assert.equal(await page.locator("#cases [data-state=done]").count(), 3);
    assert.equal(await page.locator("#iterations").inputValue(), String(iterations));
    assert.equal((await losses(page, "total")).length, iterations);
    await screenshot(page, "loop-4-opened");
  });
});

/** Begins to note tasks of the page's thread that take longer than 50 ms. */
function watchTasks(page) {
  return page.evaluate(() => {
    globalThis.tasks = [];
    new PerformanceObserver((list) => globalThis.tasks.push(...list.getEntries())).observe({ type: "longtask" });
  });
}

const longestTasks = (page) =>
  page.evaluate(() =>
    globalThis.tasks
      .map(({ duration }) => Math.round(duration))
      .sort((a, b) => b - a)
      .slice(0, 5),
  );

/** Two trees of numbers and words are the same, numbers to 1e-6. */
function sameNumbers(found, expected, where) {
  if (typeof expected === "number") {
    assert.ok(Math.abs(found - expected) <= 1e-6, `${where}: ${found} and ${expected}`);
  } else if (expected && typeof expected === "object") {
    assert.deepEqual(Object.keys(found), Object.keys(expected), where);
    for (const key of Object.keys(expected)) sameNumbers(found[key], expected[key], `${where}.${key}`);
  } else {
    assert.equal(found, expected, where);
  }
}
