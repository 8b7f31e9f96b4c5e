// The colors over the image are the legend's, whatever comes first on a busy machine.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { phantom, temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, screenshot, withPage } from "./page.mjs";

const tries = 5;

/** Keeps every core busy until it is told to stop. */
function load() {
  const loops = cpus().map(() => spawn(process.execPath, ["-e", "for (;;);"]));
  return () => loops.forEach((loop) => loop.kill());
}

/** The legend's colors by label, as [r, g, b]. */
function legend(page) {
  return page
    .locator("#legend tr[data-label]")
    .evaluateAll((rows) =>
      Object.fromEntries(
        rows.map((row) => [
          row.dataset.label,
          getComputedStyle(row.querySelector("i")).backgroundColor.match(/\d+/g).map(Number),
        ]),
      ),
    );
}

/** How many pixels of the canvas, as it stands on the screen, have each color; greys are left out. */
async function colors(page) {
  const picture = [...(await page.locator("#canvas").screenshot())];
  return page.evaluate(async (bytes) => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(bytes)], { type: "image/png" }));
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const counts = {};
    for (let i = 0; i < data.length; i += 4) {
      const [r, g, b] = data.subarray(i, i + 3);
      if (Math.max(r, g, b) - Math.min(r, g, b) < 40) continue;
      counts[[r, g, b]] = (counts[[r, g, b]] ?? 0) + 1;
    }
    return counts;
  }, picture);
}

const near = (a, b) => a.every((value, i) => Math.abs(value - b[i]) <= 2);

test(
  "images and labels without names, dropped on a busy machine: the overlay has the legend's colors",
  { timeout: limit },
  async (context) => {
    const folder = temporaryFolder();
    phantom(join(folder, "phantom"), { cases: "3", unlabeled: "0", seed: "5", voxels: "36,44" });
    const files = [1, 2, 3].flatMap((n) =>
      [
        ["imagesTr", ""],
        ["labelsTr", "_seg"],
      ].map(([kind, ending]) => {
        const path = join(folder, `case_${n}${ending}.nii.gz`);
        copyFileSync(join(folder, "phantom", kind, `phantom_00${n}.nii.gz`), path);
        return path;
      }),
    );
    const relieve = load();
    try {
      for (let attempt = 1; attempt <= tries; attempt += 1) {
        await withPage(noWebgpu, "", async (page) => {
          await page.locator("#opacity").fill("1");
          await drop(page, files);
          await page.locator("#viewer[data-case=case_1][data-ready=true]").waitFor();
          await page.locator("#legend tr[data-label='2']").waitFor();
          await page.waitForFunction(() => /truth: /.test(document.querySelector("#readout").innerText));
          await page.waitForTimeout(500);
          const expected = await legend(page);
          assert.deepEqual(Object.keys(expected), ["1", "2"]);
          const drawn = Object.entries(await colors(page)).map(([key, count]) => [key.split(",").map(Number), count]);
          const most = drawn.sort(([, a], [, b]) => b - a).slice(0, 6);
          context.diagnostic(`try ${attempt}: legend ${JSON.stringify(expected)}, drawn ${JSON.stringify(most)}`);
          await screenshot(page, `colors-${attempt}`);
          for (const [label, color] of Object.entries(expected)) {
            const count = drawn.filter(([found]) => near(found, color)).reduce((sum, [, count]) => sum + count, 0);
            assert.ok(count > 50, `try ${attempt}: ${count} pixels of label ${label} have its color ${color}`);
          }
          // Flat areas have the legend's colors and no others; the crosshair and the edges of labels are few pixels.
          for (const [color, count] of most.filter(([, count]) => count > 400)) {
            const known = Object.values(expected).some((of) => near(color, of));
            assert.ok(known, `try ${attempt}: ${count} pixels are ${color}, which the legend has not`);
          }
        });
      }
    } finally {
      relieve();
    }
  },
);
