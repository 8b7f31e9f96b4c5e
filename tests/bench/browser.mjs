// Times training in the page beside the command line on the same kind of device: a line of JSON for each.
//
// `cargo xtask bench --browser` runs it. By itself: CHROME, MEDCONTEXT_CORE and, for native wgpu on Chromium's
// software driver, VK_DRIVER_FILES are to be set; arguments are names of what is measured, "threads" among them.
// ADAPTER=any takes the machine's own GPU in place of the software adapter.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { core, temporaryFolder } from "../browser/files.mjs";
import { configure, drop, noteProgress, noWebgpu, press, type, webgpu, withPage } from "../browser/page.mjs";

const gpu = process.env.ADAPTER === "any" ? webgpu.filter((flag) => !flag.includes("adapter")) : webgpu;

/** Names of what is measured; all if there are none. */
const wanted = process.argv.slice(2);
const wants = (name) => wanted.length === 0 || wanted.includes(name);

const works = [
  { name: "WebGPU, UNETR tiny 16×16×32", browser: gpu, device: "wgpu", backbone: "unetr", patch: [16, 16, 32] },
  { name: "CPU, UNETR tiny 16×16×32", browser: noWebgpu, device: "cpu", backbone: "unetr", patch: [16, 16, 32] },
  { name: "CPU, PCRLv2 tiny 32³", browser: noWebgpu, device: "cpu", backbone: "pcrlv2", patch: [32, 32, 32] },
];

const iterations = 6;

/** Trains in the page; seconds of each step, of which the first counts from the click. */
async function train(page, { backbone, patch, batchSize = 1, spacing }, data) {
  await drop(page, [data]);
  await page.locator("#cases [data-role=train]").nth(1).waitFor();
  await configure(page, {
    backbone,
    size: "tiny",
    patch,
    iterations,
    learningRate: 0.001,
    medcontext: true,
    batchSize,
    seed: 0,
  });
  for (const axis of spacing ? ["depth", "height", "width"] : []) await type(page, `spacing-${axis}`, spacing);
  await noteProgress(page, "train");
  await press(page, "train");
  const seen = await page.evaluate(() => window.seen);
  const times = Array.from({ length: iterations + 1 }, (_, step) => seen.find(([, done]) => done === step)?.[0]);
  return times.slice(1).map((time, step) => (time - times[step]) / 1000);
}

/** Seconds of each step in the page. */
async function inThePage(work, data) {
  let seconds;
  await withPage(work.browser, "", async (page) => {
    seconds = await train(page, work, data);
  });
  return seconds;
}

/**
 * What so many threads of the page take: seconds of each step of two patches, and of segmenting a case, until it is
 * handed to the viewer. The voxels are given: a plan for more threads would choose smaller ones.
 */
async function withThreads(threads, data) {
  const work = { backbone: "unetr", patch: [32, 32, 32], batchSize: 2, spacing: "2" };
  let steps, segmenting;
  await withPage(noWebgpu, `?threads=${threads}`, async (page) => {
    steps = await train(page, work, data);
    await noteProgress(page, "predict");
    await page.evaluate(() => {
      const progress = document.querySelector("#progress");
      // Held by the page, lest it be collected.
      window.done = new Promise((resolve) => {
        const look = () => progress.dataset.state === "done" && resolve(performance.now());
        document.querySelector("#predict").addEventListener("click", () => {
          window.watch = new MutationObserver(look);
          window.watch.observe(progress, { attributes: true, attributeFilter: ["data-state"] });
        });
      });
    });
    await press(page, "predict");
    const [[began]] = await page.evaluate(() => window.seen);
    segmenting = ((await page.evaluate(() => window.done)) - began) / 1000;
  });
  return { threads, steps, segmenting };
}

/** Seconds of each step of the command line, on as many threads as a page has: one. */
function onTheCommandLine({ device, backbone, patch }, data) {
  const out = join(temporaryFolder(), "run");
  process.env.RAYON_NUM_THREADS = "1";
  core(
    "train",
    "--quiet",
    "--data",
    data,
    "--out",
    out,
    "--device",
    device,
    "--backbone",
    backbone,
    "--size",
    "tiny",
    "--patch",
    patch.join(),
    "--iterations",
    String(iterations),
    "--batch-size",
    "1",
    "--medcontext",
    "paper",
    "--seed",
    "0",
  );
  const events = readFileSync(join(out, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return events.filter(({ event }) => event === "step").map(({ seconds }) => seconds);
}

const data = join(temporaryFolder(), "phantom");
core("phantom", "--out", data, "--cases", "2", "--unlabeled", "0", "--seed", "7", "--voxels", "34,40");
for (const work of works.filter(({ name }) => wants(name))) {
  const browser = await inThePage(work, data);
  console.log(JSON.stringify({ name: work.name, browser, native: onTheCommandLine(work, data) }));
}
const larger = join(temporaryFolder(), "larger");
core("phantom", "--out", larger, "--cases", "2", "--unlabeled", "1", "--seed", "7", "--voxels", "120,128");
for (const threads of wants("threads") ? [1, 2] : []) console.log(JSON.stringify(await withThreads(threads, larger)));
