// Lets the page open without a network: keeps its own files, and serves them when the network does not answer.
// What the network has is always preferred, since a page and a compute worker from two builds do not fit.

const CACHE = "medcontext";

// Files that others name: "./page-1a2b.js", vendor/niivue/index.js, start.js?js=page-1a2b.js&amp;wasm=…
const REFERENCE = /["'`(=](?:\.\/)?([\w./-]+\.(?:js|wasm|css|svg|webmanifest|txt)(?:\?[^"'`\s]+)?)/g;

/** Takes the page and every file that it leads to into the cache; what the browser has at hand is not fetched again. */
async function fill() {
  const cache = await caches.open(CACHE);
  // From the last to the first: what pool-worker.js names is still being fetched by the page when this begins, and two
  // fetches of one large file at a time may fail both.
  const waiting = ["pool-worker.js", "./", "models/registry.json"];
  const seen = new Set(waiting);
  while (waiting.length > 0) {
    const url = new URL(waiting.pop(), self.registration.scope);
    const response = await fetch(url, { cache: "force-cache" }).catch(() => undefined);
    if (!response?.ok) continue;
    await cache.put(url, response.clone());
    const ours = !url.pathname.includes("/vendor/");
    if (!ours || !/html|javascript/.test(response.headers.get("content-type") ?? "")) continue;
    const folder = url.href.slice(self.registration.scope.length).replace(/[^/]*$/, "");
    const text = (await response.text()).replaceAll("&amp;", "&");
    for (const [, name] of text.matchAll(REFERENCE)) {
      const names = [name, ...new URLSearchParams(name.split("?")[1]).values()];
      for (const path of names.flatMap((name) => [name, folder + name])) {
        if (!seen.has(path)) (waiting.push(path), seen.add(path));
      }
    }
  }
}

self.addEventListener("install", (event) => event.waitUntil(fill().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith(answer(request));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    // The page's address may carry questions that its files do not depend on.
    const kept = await cache.match(request, { ignoreSearch: true });
    // A new answer has no address of its own: scripts then see the one that was asked for.
    if (kept) return new Response(kept.body, kept);
    throw error;
  }
}
