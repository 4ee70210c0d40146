// Prints, as JSON, what an expression is worth in a page of a real browser that has no network, in
// a window of that many pixels: node evaluate.mjs PAGE BROWSER WIDTH < EXPRESSION. The expression
// is a function's body, and may await.
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [page, executablePath, width] = argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({
  offline: true,
  viewport: { width: Number(width), height: 800 },
});
const tab = await context.newPage();
await tab.goto(pathToFileURL(page).href);
const value = await tab.evaluate(`(async () => { ${readFileSync(0, "utf8")} })()`);
console.log(JSON.stringify(value));
await browser.close();
