// Whether weights were trained on a case is said by their file, not by what the case is for here.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { core, temporaryFolder } from "./files.mjs";
import { drop, limit, noWebgpu, press, screenshot, withPage } from "./page.mjs";

/** A phantom folder with cases of its own numbers. */
function phantom(folder, name, cases) {
  const data = join(folder, name);
  core("phantom", "--out", data, "--cases", String(cases), "--unlabeled", "0", "--seed", "7", "--voxels", "18,22");
  return data;
}

/** The metadata of a weights file, and the same file with other metadata. */
function metadata(path, change) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  const told = JSON.parse(header.__metadata__.medcontext);
  if (!change) return told;
  change(told);
  header.__metadata__.medcontext = JSON.stringify(told);
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([size, Buffer.from(text), bytes.subarray(8 + length)]);
}

test(
  "measured on cases that the weights have seen, have not seen, and of which they say nothing",
  { timeout: limit },
  async () => {
    const folder = temporaryFolder();
    const data = phantom(folder, "phantom", 2);
    const [out, split] = [join(folder, "run"), join(folder, "split.json")];
    writeFileSync(split, JSON.stringify({ first: ["phantom_001"] }));
    core(
      "train",
      "--data",
      data,
      "--split",
      `${split}:first`,
      "--out",
      out,
      "--iterations",
      "2",
      "--size",
      "tiny",
      "--patch",
      "16,16,16",
    );
    const weights = join(out, "last.safetensors");
    assert.deepEqual(metadata(weights).training.case_names, ["phantom_001"]);
    const versions = {
      "others.safetensors": (told) => (told.training.case_names = ["case_7"]),
      "both.safetensors": (told) => (told.training.case_names = ["phantom_001", "phantom_002"]),
      "silent.safetensors": (told) => delete told.training.case_names,
    };
    for (const [name, change] of Object.entries(versions)) writeFileSync(join(folder, name), metadata(weights, change));
    const expected = [
      // The one that was seen is left out where there is another.
      [weights, "Measured on 1 case that was not trained on"],
      [
        join(folder, "both.safetensors"),
        "Measured on 2 cases that were trained on, mean ± standard deviation: new ones will be worse",
      ],
      [join(folder, "others.safetensors"), "Measured on 2 cases that were not trained on, mean ± standard deviation"],
      [
        join(folder, "silent.safetensors"),
        "Measured on 2 cases, mean ± standard deviation; the weights do not say whether they were trained on them",
      ],
    ];
    await withPage(noWebgpu, "", async (page) => {
      await drop(page, [data]);
      await page.locator("#cases [data-case=phantom_002][data-role=train]").waitFor();
      await page.locator("#predict-scope").selectOption("all");
      for (const [file, words] of expected) {
        const before = (await page.locator("#save-weights").isEnabled())
          ? await page.locator("#weights").innerText()
          : "";
        await drop(page, [file]);
        await page.locator("#predict:enabled").waitFor();
        // Weights that differ in their list alone are told apart by nothing in the page: give the worker its time.
        await page.waitForTimeout(before ? 1500 : 0);
        assert.equal(await press(page, "predict"), "done");
        assert.equal(await page.locator("#measure caption").innerText(), words, file);
      }
      // One case alone.
      await page.locator("#cases [data-case=phantom_001] .remove").click();
      await page.waitForFunction(() => document.querySelectorAll("#cases tr[data-case]").length === 1);
      assert.equal(
        await page.locator("#measure caption").innerText(),
        "Measured on 1 case; the weights do not say whether they were trained on it",
      );
      await screenshot(page, "seen-1-unknown");
    });
  },
);

test("the momentum that a run will use is shown before it starts", { timeout: limit }, async () => {
  await withPage(noWebgpu, "", async (page) => {
    await page.locator("#medcontext").setChecked(true);
    const momentum = page.locator("#momentum");
    for (const iterations of [300, 1000, 5000]) {
      await page.locator("#iterations").fill(String(iterations));
      await page.locator("#iterations").blur();
      // The random start's share, exp(−(1 − m) · steps / 2), is a thousandth; the paper's 0.996 is the most.
      const expected = Math.min(0.996, 1 - (2 * Math.log(1000)) / iterations);
      const text = await momentum.innerText();
      assert.ok(Math.abs(Number(text.match(/0\.\d+/)[0]) - expected) < 5e-5, `${iterations} iterations: ${text}`);
    }
    await page.locator("#medcontext").setChecked(false);
    await momentum.waitFor({ state: "detached" });
  });
});
