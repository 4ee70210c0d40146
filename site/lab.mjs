// Opens the copies of the chapters in a running JupyterLab and does what a reader would:
// node lab.mjs ADDRESS PICTURES BROWSER
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { chromium } from "playwright-core";

const [address, pictures, executablePath] = argv.slice(2);
mkdirSync(pictures, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
page.setDefaultTimeout(60_000);
let passed = 0;
let failed = 0;

async function expect(what, doing) {
  try {
    const found = await doing();
    if (found !== true) throw new Error(`it is not so: ${JSON.stringify(found)}`);
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`JupyterLab, ${what}: ${error.message.split("\n")[0]}`);
    await page.screenshot({ path: join(pictures, `lab-failed-${failed}.png`) });
  }
}

const panel = () => page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)");

async function follow(name) {
  await panel().getByRole("link", { name, exact: true }).first().click();
  await panel().locator("h1", { hasText: name }).waitFor();
}

await page.goto(address);
await expect("the contents lead to a chapter", async () => {
  await follow("EM by hand");
  return true;
});
await expect("a link leads from chapter to chapter", async () => {
  await follow("Latent variables");
  await follow("EM by hand");
  return true;
});

// JupyterLab draws only the cells in view, so the whole chapter is scrolled through.
const SOLUTION = /Solution of Exercise \d+\.1\b/;
const SOLVED = "the odds are 1.5 times those of set 1";
const seen = { prose: new Set(), keys: [], spoilt: false, folded: new Set(), moved: false };
const scroller = panel().locator(".jp-WindowedPanel-outer");
for (let more = true; more; ) {
  for (const text of await panel().locator(".jp-MarkdownCell:visible").allInnerTexts()) {
    seen.prose.add(text);
    if (text.includes(SOLVED)) seen.spoilt = true;
    seen.keys.push(...(text.match(/\{(?:eq|numref|ref|prf:ref|cite:.)\}|:::|\$\$/g) ?? []));
  }
  for (const cell of await panel().locator(".jp-CodeCell:has(.jp-InputPlaceholder)").all()) {
    seen.folded.add(await cell.getAttribute("data-windowed-list-index"));
  }
  const player = panel().locator(".em-player:has(input)").first();
  if (!seen.moved && (await player.count())) {
    await player.scrollIntoViewIfNeeded();
    const alt = () => player.locator("img:visible").first().getAttribute("alt");
    const before = await alt();
    await player.getByTitle("Forward").click();
    seen.moved = before !== (await alt());
  }
  more = await scroller.evaluate((element) => {
    const before = element.scrollTop;
    element.scrollTop += element.clientHeight * 0.8;
    return element.scrollTop > before;
  });
  await page.waitForTimeout(150);
}
await page.screenshot({ path: join(pictures, "lab-em_by_hand-end.png") });

// To a cell that is not drawn yet, a part of the window at a time.
async function scrollTo(cell, part) {
  for (let steps = 0; steps < 60 && !(await cell.count()); steps++) {
    await scroller.evaluate((element, step) => (element.scrollTop += element.clientHeight * step), part);
    await page.waitForTimeout(100);
  }
}

await expect("prose has no raw key", async () => {
  const { prose, keys } = seen;
  return (prose.size > 30 && keys.length === 0) || { cells: prose.size, keys };
});
await expect("checks are folded", async () => seen.folded.size > 7 || [...seen.folded]);
await expect("a solution is folded until it is opened", async () => {
  const heading = panel().locator(".jp-MarkdownCell", { hasText: SOLUTION });
  await scrollTo(heading, -0.8);
  await heading.locator(".jp-showHiddenCellsButton").click();
  await panel().locator("p:visible", { hasText: SOLVED }).waitFor();
  const isPassed = [...seen.prose].some((text) => SOLUTION.test(text));
  return (isPassed && !seen.spoilt) || { isPassed, isOpenAtOnce: seen.spoilt };
});
await expect("a figure moves before anything is run", async () => seen.moved);
await expect("the first cell runs", async () => {
  await scroller.evaluate((element) => (element.scrollTop = 0));
  const first = panel().locator(".jp-CodeCell").first();
  await first.locator(".jp-InputPrompt").click();
  await page.keyboard.press("Shift+Enter");
  await first.locator(".jp-InputPrompt", { hasText: "[1]:" }).waitFor();
  const kinds = await first.locator("[data-mime-type]").evaluateAll((all) => all.map((one) => one.dataset.mimeType));
  return kinds.join() === "image/png" || kinds;
});
await page.screenshot({ path: join(pictures, "lab-em_by_hand.png") });
await expect("a reader's change breaks a check, and the rest runs", async () => {
  const call = panel().locator(".jp-CodeCell", { hasText: "start = np.array([0.6, 0.5])" }).first();
  await scrollTo(call, 0.8);
  await call.locator(".cm-line", { hasText: "start = np.array([0.6, 0.5])" }).click();
  await page.keyboard.press("End");
  await page.keyboard.type("; start = np.array([0.9, 0.5])");
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
  const status = (word) => page.getByText(`Python 3 (ipykernel) | ${word}`).waitFor({ timeout: 240_000 });
  await status("Busy");
  await status("Idle");
  await page.waitForTimeout(3000);
  // Where a failure ended the run, the cells after it have no number.
  let failures = 0;
  const numbers = new Set();
  await scroller.evaluate((element) => (element.scrollTop = 0));
  for (let more = true; more; ) {
    failures += await panel().getByText("Not equal to tolerance").count();
    const answers = panel().locator(".jp-CodeCell", { hasText: "answer = ..." });
    for (const cell of await answers.all()) numbers.add(await cell.locator(".jp-InputPrompt").innerText());
    more = await scroller.evaluate((element) => {
      const before = element.scrollTop;
      element.scrollTop += element.clientHeight * 0.8;
      return element.scrollTop > before;
    });
    await page.waitForTimeout(150);
  }
  numbers.delete(""); // a cell that is being drawn
  const isRun = numbers.size > 5 && [...numbers].every((text) => /\d/.test(text));
  return (failures > 0 && isRun) || { failures, numbers: [...numbers] };
});
await page.screenshot({ path: join(pictures, "lab-em_by_hand-changed.png") });
await browser.close();
console.log(`JupyterLab: ${passed} passed, ${failed} failed`);
exit(failed ? 1 : 0);
