// Opens the page in Chromium and drives it as a person would.
//
// Elements that the tests rely on (ids unless marked otherwise). Those marked * are there where the address has ?test,
// as the addresses of these tests have:
//   device            data-device = starting | webgpu | cpu | failed; its text names the device; switch-device
//   step-cases, step-train, step-segment, step-measure, step-take-away: the steps, all but one hidden; each has a tab
//                     (-tab), a button to the next (-next) and what that still needs (-missing). A locator that is
//                     used goes to its step first (steps.mjs)
//   plan              one li[data-setting] per decision; minutes, plan-summary, plan-missing, plan-reset,
//                     measure-device, refused, use-nearest
//   folder            the folder chooser; files can also be dropped anywhere
//   cases             one tr[data-case] per case: data-role = train | validate | predict, data-state,
//                     .dims, .labels, .role; each li.problem in the row below it holds one sentence about the case
//   stop-reading      while cases are being read
//   save-cases        the list of cases as JSON, if the address ends in ?cases
//   leftovers         one li[data-path] per file that is not used; all-leftovers shows those after the tenth
//   messages          one li per sentence, li[data-kind = error | note]
//   backbone, size, patch-depth, patch-height, patch-width, iterations, learning-rate, medcontext,
//   batch-size, seed (the last two inside #advanced)
//   train, continue, pause, stop, predict-scope, predict, save-weights, weights
//   progress          data-state = idle | training | paused | stopping | predicting | done | stopped | failed,
//                     data-task* = train | predict, data-iteration*, data-kept* = steps of the kept state
//   losses            one li per term of the loss (class total, supervised, masked, consistency):
//                     data-losses* = its value at every iteration so far
//   dice              data-validations* = how often the held-out cases were measured
//   mirror, largest-component, fill-holes, smallest-ml: settings of inference, those of the weights until changed
//   measure           one tr[data-label] per label, and one for the mean: .dice, .hd95, .surface-dice, .dice-before;
//                     all-measures adds .iou, .precision, .recall
//   save-results, save-session, button[data-table]
//   welcome           an earlier session: restore, forget
//   results           one [data-case] per segmented case with button[data-download] and, if the address
//                     ends in ?logits, button[data-logits]
//   viewer            data-ready = true once a volume is shown

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";
import { followSteps } from "./steps.mjs";

const flags = [
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** WebGPU on the software adapter: slow, and the same everywhere. */
export const webgpu = [...flags, "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** A browser without WebGPU. */
export const noWebgpu = [...flags, "--disable-gpu", "--disable-features=WebGPU"];

/** The longest that one test may take, in ms: twice what a quiet machine with two cores needs. */
export const limit = 10 * 60_000;

const screenshots = process.env.MEDCONTEXT_SCREENSHOTS ?? "target/screenshots";

/**
 * Opens the page in a fresh profile, runs `body` with it and closes everything. Afterwards, whatever
 * `body` did, no other origin may have been asked for anything and nothing may have been thrown but
 * what is `tolerated`. Without `hooks` the address is a person's, and what only tests read is absent. With a
 * `profile`, a folder, the browser keeps what it loads on disk, as people's do. The address names a speed, so that no
 * time is spent on finding out how fast this machine is, unless it is to be `measured`.
 */
export async function withPage(args, query, body, { tolerated = /^$/, profile, hooks = true, measured = false } = {}) {
  const server = await serve();
  const browser = { executablePath: process.env.CHROME, chromiumSandbox: false, args };
  const viewport = { width: 1360, height: 900 };
  const context = profile
    ? await chromium.launchPersistentContext(profile, { ...browser, viewport })
    : await chromium.launch(browser).then((opened) => opened.newContext({ viewport }));
  const page = await context.newPage();
  followSteps(page);
  const foreign = [];
  const thrown = [];
  try {
    context.on("request", (request) => {
      const url = new URL(request.url());
      if (url.origin !== server.origin && !["blob:", "data:"].includes(url.protocol)) foreign.push(url.href);
    });
    page.on("pageerror", (error) => thrown.push(String(error)));
    page.on(
      "console",
      (message) => message.type() === "error" && thrown.push(`${message.text()} ${message.location().url}`),
    );
    const test = `${query ? `${query}&` : "?"}test${measured ? "" : "&speed=25e9"}`;
    await page.goto(server.address + (hooks ? test : query));
    await ready(page);
    await body(page, server);
    assert.deepEqual(foreign, [], "requests to other origins");
    assert.deepEqual(
      thrown.filter((error) => !tolerated.test(error)),
      [],
      "errors in the page",
    );
    await assertPolicy(page);
  } catch (error) {
    await screenshot(page, "failed");
    error.message += `\nErrors in the page: ${thrown.join("\n") || "none"}`;
    throw error;
  } finally {
    await (context.browser() ?? context).close();
    server.close();
  }
}

/** Waits until the page has found what to compute on. */
export function ready(page) {
  return page.locator("#device:not([data-device=starting])").waitFor();
}

/** The page forbids itself to contact anyone, and the browser enforces it. */
async function assertPolicy(page) {
  const policy = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  assert.match(policy, /connect-src 'self';/);
  assert.doesNotMatch(policy, /script-src[^;]*'unsafe-(inline|eval)'/);
  const outcome = await page.evaluate(() => {
    const blocked = new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), {
        once: true,
      });
    });
    return fetch("https://example.org/").then(
      () => "sent",
      () => blocked,
    );
  });
  assert.equal(outcome, "connect-src", "a request to another origin must be refused by the policy");
}

/** Drops files and folders from the disk onto the page, as from a file manager. */
export async function drop(page, paths) {
  const client = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await client.send("Input.dispatchDragEvent", { type, x: 400, y: 300, data });
  }
  await client.detach();
}

/** Loads the page anew, once the session had time to be stored, and brings the session back. */
export async function reopen(page) {
  await page.waitForTimeout(2500);
  await page.reload();
  await ready(page);
  await page.locator("#restore:enabled").click();
}

/** Types into a field and leaves it, upon which the page takes the value: others may follow from it. */
export async function type(page, id, text) {
  await page.locator(`#${id}`).fill(text);
  await page.locator(`#${id}`).blur();
}

/** Fills the training form. */
export async function configure(
  page,
  { backbone = "unetr", size, patch, iterations, learningRate, medcontext, batchSize, seed },
) {
  await page.locator("#advanced").evaluate((details) => (details.open = true));
  // What the tests' numbers were chosen with.
  await page.locator("#augmentation").selectOption("light");
  await page.locator("#backbone").selectOption(backbone);
  await page.locator("#size").selectOption(size);
  for (const [i, axis] of ["depth", "height", "width"].entries())
    await type(page, `patch-${axis}`, String(patch[i]));
  await type(page, "iterations", String(iterations));
  await type(page, "learning-rate", String(learningRate));
  await type(page, "batch-size", String(batchSize));
  await type(page, "seed", String(seed));
  await page.locator("#medcontext").setChecked(medcontext);
}

/** Presses a button and waits until the work that it starts has ended; returns how it ended. */
export async function press(page, button) {
  // Watched from before the click: a small case is segmented before a locator has looked twice.
  const began = page.evaluate(
    (task) =>
      new Promise((resolve) => {
        const progress = document.querySelector("#progress");
        const look = () => {
          const { task: current, state } = progress.dataset;
          if (current === task && ["training", "predicting"].includes(state)) resolve();
        };
        new MutationObserver(look).observe(progress, { attributes: true });
      }),
    button,
  );
  await page.locator(`#${button}`).click();
  await began;
  const task = `#progress[data-task=${button}]`;
  const ended = ["done", "stopped", "failed"].map((state) => `${task}[data-state=${state}]`).join(", ");
  await page.locator(ended).waitFor({ timeout: limit });
  return page.locator("#progress").getAttribute("data-state");
}

/**
 * Notes from the press of a button on when the page says how far it is: `window.seen`, pairs of milliseconds and of
 * steps or windows done.
 */
export function noteProgress(page, button) {
  return page.evaluate((button) => {
    const progress = document.querySelector("#progress");
    const seen = (window.seen = []);
    const look = () => seen.push([performance.now(), Number(progress.dataset.iteration)]);
    document
      .querySelector(`#${button}`)
      .addEventListener("click", () => seen.push([performance.now(), 0]), { once: true });
    new MutationObserver(look).observe(progress, { attributes: true, attributeFilter: ["data-iteration"] });
  }, button);
}

/** One term of the loss (total, supervised, masked or consistency) at every iteration so far. */
export async function losses(page, term) {
  const text = await page.locator(`#losses li.${term}`).getAttribute("data-losses");
  return text.split(",").map(Number);
}

/** Every sentence that the page shows: about files by themselves, files that are not used, and a case below its row. */
export function sentences(page) {
  return page.locator("#messages li, #leftovers li, #cases li.problem").evaluateAll((items) =>
    items.map((item) => {
      const row = item.closest("tr")?.previousElementSibling;
      return (row ? `${row.dataset.case}: ` : "") + item.innerText.trim();
    }),
  );
}

/** Clicks what saves a file and returns where the file now lies. */
export async function download(page, selector, folder) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.locator(selector).click()]);
  const path = join(folder, file.suggestedFilename());
  await file.saveAs(path);
  return path;
}

/** Takes a picture of the page for people to look at. */
export async function screenshot(page, name) {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

/**
 * Uses the page from the keyboard for as long as it trains, and counts the presses that took effect
 * before the next iteration was reported. A page that computes on its own thread answers to none.
 */
export async function useWhileTraining(page) {
  await page.locator("#progress[data-state=training]").waitFor();
  await page.locator("#advanced summary").focus();
  const look = () =>
    page.evaluate(() => ({
      training: document.querySelector("#progress").dataset.state === "training",
      open: document.querySelector("#advanced").open,
      losses: document.querySelector("#losses li.total")?.dataset.losses ?? "",
    }));
  let answered = 0;
  for (let before = await look(); before.training;) {
    await page.keyboard.press("Space");
    const after = await look();
    if (after.open !== before.open && after.losses === before.losses) answered += 1;
    await page.waitForTimeout(1000);
    before = await look();
  }
  return answered;
}
