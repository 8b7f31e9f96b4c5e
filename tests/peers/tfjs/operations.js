// The operations of tests/bench/gpu.rs in TensorFlow.js on WebGPU, under the same names.

import "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-core/dist/register_all_gradients";

// Runs of an operation: this many, or as many as are begun in so many seconds; at least one.
const RUNS = 3;
const SECONDS = 20;

/** Seconds of each run after a first one that compiles; a run ends when its results were read. */
async function time(run) {
  const once = async () => {
    const began = performance.now();
    const results = tf.tidy(run);
    for (const result of results) await result.data();
    results.forEach((result) => result.dispose());
    return (performance.now() - began) / 1000;
  };
  await once();
  const seconds = [];
  const begun = performance.now();
  do seconds.push(await once());
  while (seconds.length < RUNS && performance.now() - begun < 1000 * SECONDS);
  return seconds;
}

/** Measures all operations whose name starts with `wanted`, and hands each to `window.report`. */
window.measure = async (wanted) => {
  await tf.setBackend("webgpu");
  await tf.ready();
  const operation = async (name, inputs, function_) => {
    if (!name.startsWith(wanted)) return;
    const sum = (...inputs) => function_(...inputs).sum();
    window.report({ name: `${name} forward`, seconds: await time(() => [sum(...inputs)]) });
    window.report({
      name: `${name} both`,
      seconds: await time(() => tf.grads(sum)(inputs).map((gradient) => gradient.sum())),
    });
  };
  const noise = (...shape) => tf.randomNormal(shape);
  for (const [channels, side] of [
    [16, 32],
    [32, 16],
    [64, 8],
    [128, 12],
  ]) {
    const inputs = [noise(1, side, side, side, channels), noise(3, 3, 3, channels, channels)];
    await operation(`conv ${channels}→${channels} ${side}³`, inputs, (x, w) => tf.conv3d(x, w, 1, "same"));
  }
  await operation("linear 216×768→3072", [noise(216, 768), noise(768, 3072)], (a, b) => tf.matMul(a, b));
};
