// A further thread of the compute worker: the same program, which comes compiled in the first message.
import init from "./worker.js";

addEventListener("message", ({ data }) => init({ module_or_path: data }), { once: true });
