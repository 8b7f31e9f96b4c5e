// Times training in the page beside the command line on the same kind of device: a line of JSON for each.
//
// `cargo xtask bench --browser` runs it. By itself: CHROME, MEDCONTEXT_CORE and, for native wgpu on Chromium's
// software driver, VK_DRIVER_FILES are to be set. ADAPTER=any takes the machine's own GPU in place of the software
// adapter.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { core, temporaryFolder } from "../browser/files.mjs";
import { configure, drop, noteProgress, noWebgpu, press, webgpu, withPage } from "../browser/page.mjs";

const gpu = process.env.ADAPTER === "any" ? webgpu.filter((flag) => !flag.includes("adapter")) : webgpu;

const works = [
  { name: "WebGPU, UNETR tiny 16×16×32", browser: gpu, device: "wgpu", backbone: "unetr", patch: [16, 16, 32] },
  { name: "CPU, UNETR tiny 16×16×32", browser: noWebgpu, device: "cpu", backbone: "unetr", patch: [16, 16, 32] },
  { name: "CPU, PCRLv2 tiny 32³", browser: noWebgpu, device: "cpu", backbone: "pcrlv2", patch: [32, 32, 32] },
];

const iterations = 6;

/** Seconds of each step in the page; the first counts from the click. */
async function inThePage({ browser, backbone, patch }, data) {
  let seconds;
  await withPage(browser, "", async (page) => {
    await drop(page, [data]);
    await page.locator("#cases [data-role=train]").nth(1).waitFor();
    await configure(page, {
      backbone,
      size: "tiny",
      patch,
      iterations,
      learningRate: 0.001,
      medcontext: true,
      batchSize: 1,
      seed: 0,
    });
    await noteProgress(page, "train");
    await press(page, "train");
    const seen = await page.evaluate(() => window.seen);
    const times = Array.from({ length: iterations + 1 }, (_, step) => seen.find(([, done]) => done === step)?.[0]);
    seconds = times.slice(1).map((time, step) => (time - times[step]) / 1000);
  });
  return seconds;
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
for (const work of works) {
  const browser = await inThePage(work, data);
  console.log(JSON.stringify({ name: work.name, browser, native: onTheCommandLine(work, data) }));
}
