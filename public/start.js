// Starts the page. An external file, because the page's policy forbids inline scripts.
// The build writes the names of the two generated files into this script's own address.
const names = new URL(import.meta.url).searchParams;
const starting = document.getElementById("starting");
try {
  const { default: init } = await import(`./${names.get("js")}`);
  await init({ module_or_path: new URL(names.get("wasm"), import.meta.url) });
  starting.remove();
  // So that the page opens without a network from now on. Where it cannot be, the page works all the same.
  navigator.serviceWorker?.register("service-worker.js").catch(() => {});
} catch (error) {
  starting.setAttribute("role", "alert");
  starting.textContent =
    `MedContext could not start (${error.message ?? error}). ` +
    "Please reload the page, or use a current Chrome, Edge, Firefox or Safari.";
  throw error;
}
