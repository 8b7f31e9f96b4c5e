// A further thread of the compute worker: the same program, which comes compiled in the first message.
import init from "./worker.js";

const start = async ({ data }) => {
  // Where there is no memory for it, the thread that started this one has to know.
  await init({ module_or_path: data }).catch(() => postMessage(false));
};
addEventListener("message", start, { once: true });
