// Times a forward pass of UNETR `small` in the page beside ONNX Runtime Web's, in one browser: a line of JSON.
//
// `cargo xtask bench --browser` runs it. By itself: CHROME, MEDCONTEXT_CORE, ONNX_RUNTIME (the folder of
// onnxruntime-web's files) and NETWORK (what tests/peers/export_onnx.py wrote) are to be set.

import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { core, temporaryFolder } from "../browser/files.mjs";
import { drop, noteProgress, noWebgpu, press, webgpu, withPage } from "../browser/page.mjs";
import { serve } from "../browser/server.mjs";

const { CHROME, ONNX_RUNTIME, NETWORK } = process.env;
const patch = [32, 48, 32];
const runs = 5;

const folder = temporaryFolder();

const weights = join(folder, "unetr.safetensors");
core("convert", join(NETWORK, "unetr.pt"), weights, "--patch", patch.join(), "--heads", "6");
core(
  "phantom",
  "--out",
  join(folder, "phantom"),
  "--cases",
  "0",
  "--unlabeled",
  "1",
  "--voxels",
  "34,40",
  "--seed",
  "7",
);
const image = join(folder, "phantom/imagesTs/phantom_001.nii.gz");

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Seconds of a window of the page, from the second on: in the first, a GPU's programs are compiled. */
async function ours(browser) {
  let seconds;
  await withPage(browser, "", async (page) => {
    await drop(page, [weights, image]);
    await page.locator("#predict:enabled").waitFor();
    await noteProgress(page, "predict");
    await press(page, "predict");
    const times = (await page.evaluate(() => window.seen)).filter(([, done]) => done > 0).map(([time]) => time / 1000);
    seconds = median(times.slice(1).map((time, window) => time - times[window]));
  });
  return { seconds };
}

/** Seconds of a forward pass of ONNX Runtime Web, and that it computes the same logits; or why it cannot. */
async function theirs(args, provider, threads) {
  // Threads need a page that shares no process with others.
  const isolated = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
  const server = await serve(folder, isolated);
  const browser = await chromium.launch({ executablePath: CHROME, chromiumSandbox: false, args });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.address}empty.html`);
    const { seconds, difference } = await page.evaluate(measure, { provider, threads, patch, runs });
    assert.ok(difference < 1e-3, `its logits differ by ${difference}`);
    return { seconds: median(seconds) };
  } catch (error) {
    return { failure: `fails: ${String(error).split("\n")[0].split("Error: ").at(-1)}` };
  } finally {
    await browser.close();
    server.close();
  }
}

async function measure({ provider, threads, patch, runs }) {
  const ort = await import("./ort/ort.all.min.mjs");
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL("ort/", location.href).href;
  const floats = async (name) => new Float32Array(await (await fetch(name)).arrayBuffer());
  const session = await ort.InferenceSession.create("network/unetr.onnx", { executionProviders: [provider] });
  const image = new ort.Tensor("float32", await floats("network/input.f32"), [1, 1, ...patch]);
  const expected = await floats("network/logits.f32");
  const seconds = [];
  let difference = 0;
  for (let run = 0; run <= runs; run++) {
    const start = performance.now();
    const { logits } = await session.run({ image });
    const values = await logits.getData();
    seconds.push((performance.now() - start) / 1000);
    difference = values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
  }
  return { seconds: seconds.slice(1), difference };
}

cpSync(ONNX_RUNTIME, join(folder, "ort"), { recursive: true });
cpSync(NETWORK, join(folder, "network"), { recursive: true });
writeFileSync(join(folder, "empty.html"), "<!doctype html><title>ONNX Runtime Web</title>");
const { version } = JSON.parse(readFileSync(join(ONNX_RUNTIME, "../package.json"), "utf8"));

// In turn, since a machine is not equally fast all the time; a GPU of software is measured once.
const works = [
  { name: "page, WebAssembly, 1 thread", rounds: 3, run: () => ours(noWebgpu) },
  { name: `ONNX Runtime Web ${version}, WebAssembly, 1 thread`, rounds: 3, run: () => theirs(noWebgpu, "wasm", 1) },
  {
    name: `ONNX Runtime Web ${version}, WebAssembly, ${cpus().length} threads`,
    rounds: 3,
    run: () => theirs(noWebgpu, "wasm", cpus().length),
  },
  { name: "page, WebGPU", rounds: 1, run: () => ours(webgpu) },
  { name: `ONNX Runtime Web ${version}, WebGPU`, rounds: 1, run: () => theirs(webgpu, "webgpu", 1) },
];
const found = new Map(works.map(({ name }) => [name, []]));
for (let round = 0; round < 3; round++) {
  for (const { name, rounds, run } of works) if (round < rounds) found.get(name).push(await run());
}
const rows = [...found].map(([name, results]) => {
  const { failure } = results[0];
  return failure ? { name, failure } : { name, seconds: median(results.map(({ seconds }) => seconds)) };
});
console.log(JSON.stringify({ onnx: rows }));
