// Prints a line of JSON for each operation, measured in the Chromium that the browser tests use, on its software
// adapter: node run.mjs [NAME]. `npm install && npm run bundle` before it.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const bundle = readFileSync(new URL("bundle.js", import.meta.url));
const server = createServer((request, response) => {
  const script = request.url === "/bundle.js";
  response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
  response.end(script ? bundle : '<!doctype html><script src="bundle.js"></script>');
});
await new Promise((listening) => server.listen(0, "localhost", listening));
const browser = await chromium.launch({
  executablePath: process.env.CHROME,
  chromiumSandbox: false,
  args: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"],
});
try {
  const page = await browser.newPage();
  await page.goto(`http://localhost:${server.address().port}/`);
  await page.exposeFunction("report", (line) => console.log(JSON.stringify(line)));
  await page.evaluate((wanted) => window.measure(wanted), process.argv[2] ?? "");
} finally {
  await browser.close();
  server.close();
}
