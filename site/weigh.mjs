// Prints what each page costs its reader on a phone four times slower than this machine, and says
// which are over the budget: node weigh.mjs SITE BROWSER. The site is read from disk, and sizes are
// those of its files, as they are and as a host would send them.
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv, exit } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const [site, executablePath] = argv.slice(2);
const SLOWER = 4;
// For the median page, in kB as sent; and for every page.
const MEDIAN = { first: 350, next: 80 };
// Two thirds of a long chapter's elements are formulas: typeset beforehand, so that no script has to,
// once for the eye and once for those who hear them.
const MOST = { requests: 25, nodes: 24_500 };
const SENT_AS_IT_IS = /\.(png|woff2?|jpe?g)$/;

// Runs in the page, before anything of it: what the browser notices while the page appears.
function watch() {
  window.costs = { lcp: 0, blocked: 0 };
  const each = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  each("largest-contentful-paint", (entry) => (window.costs.lcp = entry.startTime));
  each("longtask", (entry) => (window.costs.blocked += entry.duration - 50));
}

const sizes = new Map();
function size(path) {
  if (!sizes.has(path)) {
    const bytes = readFileSync(path);
    sizes.set(path, [bytes.length, SENT_AS_IT_IS.test(path) ? bytes.length : gzipSync(bytes).length]);
  }
  return sizes.get(path);
}

async function weigh(browser, file) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, offline: true });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await page.addInitScript(watch);
  const asked = new Set();
  page.on("request", (request) => {
    const address = request.url().split(/[?#]/)[0];
    if (address.startsWith("file:")) asked.add(fileURLToPath(address));
  });
  await page.goto(pathToFileURL(resolve(site, file)).href);
  await page.waitForTimeout(300); // for what scripts do, and pictures in sight
  const { lcp, blocked } = await page.evaluate(() => window.costs);
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  await context.close();
  return { file, files: [...asked], nodes, lcp, blocked };
}

const sum = (files, which) => files.reduce((total, path) => total + size(path)[which], 0) / 1000;
const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};
const line = (cells) => console.log(cells.map((cell, i) => (i ? `${cell}`.padStart(9) : `${cell}`.padEnd(32))).join(""));

const found = readdirSync(site, { recursive: true }).filter((name) => name.endsWith(".html"));
const names = found.filter((name) => !/^(_static|index|404)/.test(name)).sort();
if (!names.length) {
  console.log(`There is no page to weigh in ${site}.`);
  exit(1);
}
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const pages = [];
for (const name of names) pages.push(await weigh(browser, name));
await browser.close();

// What a second page needs not load again.
const common = new Set(pages[0].files.filter((path) => pages.every(({ files }) => files.includes(path))));
line(["page", "requests", "kB", "sent", "next kB", "sent", "elements", "LCP ms", "blocked"]);
for (const page of pages) {
  const rest = page.files.filter((path) => !common.has(path) && !/\.(woff2?|css)$/.test(path));
  const html = join(resolve(site), page.file);
  Object.assign(page, { first: sum(page.files, 1), next: sum(rest, 1), html: size(html)[1] / 1000 });
  const kB = [sum(page.files, 0), page.first, sum(rest, 0), page.next].map(Math.round);
  line([page.file, page.files.length, ...kB, page.nodes, Math.round(page.lcp), Math.round(page.blocked)]);
}
const middle = Object.fromEntries(
  ["first", "next", "lcp", "blocked", "nodes"].map((key) => [key, Math.round(median(pages.map((page) => page[key])))]),
);
line(["median", median(pages.map(({ files }) => files.length)), "", middle.first, "", middle.next, middle.nodes, middle.lcp, middle.blocked]);

const over = [];
for (const [key, most] of Object.entries(MEDIAN)) {
  if (middle[key] > most) over.push(`the median ${key} page is ${middle[key]} kB, more than ${most}`);
}
for (const { file, files, nodes } of pages) {
  if (files.length > MOST.requests) over.push(`${file}: ${files.length} requests`);
  if (nodes > MOST.nodes) over.push(`${file}: ${nodes} elements`);
}
over.forEach((words) => console.log(words));
exit(over.length ? 1 : 0);
