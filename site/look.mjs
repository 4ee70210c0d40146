// Opens every page of the built site from disk, with the network off, as readers would see it,
// and reports what they would stumble over: node look.mjs SITE BROWSER [PICTURES [PAGE...]]. With a
// folder for them (not ""), every page is also photographed; with names, these pages alone are opened.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { argv, exit } from "node:process";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [site, executablePath, pictures, ...named] = argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [360, 768, 1280];
const MODES = ["light", "dark"];
// axe-core takes half of a look, so it goes over a page twice and not at every width in every mode:
// what it says of colours hangs on the mode, all else on the width. Missed is a colour that fails in
// one mode only, and in what only the other width shows. Most of that is the frame, the same on every
// page: there axe-core sees it at both widths in both modes.
const AXED = [[360, "light"], [1280, "dark"]];
const AXED_IN_ALL = "chapters/em_by_hand.html";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"];
const QUIET = ["--disable-background-networking", "--disable-component-update"];
const LOCAL = /^(file|data|blob|about):/;

// Runs in the page: opens all that is folded, or shuts it again, and says what stayed as it was.
function fold(isOpen) {
  for (const part of document.querySelectorAll("article details")) part.open = isOpen;
  for (const button of document.querySelectorAll("article .toggle-button")) {
    if ((button.ariaExpanded === "true") !== isOpen) button.click();
  }
  return [...document.querySelectorAll("article .solution.dropdown")]
    .filter((solution) => solution.lastElementChild.checkVisibility({ visibilityProperty: true }) !== isOpen)
    .map(({ id }) => `${id} does not ${isOpen ? "open" : "shut"}`);
}

// Runs in the page: what can be seen to be wrong with it.
async function inspect(mode) {
  const problems = [];
  for (const image of document.images) {
    image.loading = "eager";
    await image.decode().catch(() => problems.push(`broken image ${image.src.slice(0, 200)}`));
    const { width, height } = image.getBoundingClientRect();
    const stretch = (width * image.naturalHeight) / (height * image.naturalWidth);
    const fitted = getComputedStyle(image).objectFit === "contain";
    if (!fitted && Math.abs(stretch - 1) > 0.02) problems.push(`distorted image ${image.src.slice(0, 200)}`);
    // Screens of today have two dots for each pixel of the page.
    if (image.matches("figure img") && image.naturalWidth < 2 * width - 2) {
      problems.push(`${image.naturalWidth} dots on ${Math.round(width)} px: ${image.alt.slice(0, 60)}`);
    }
    if (!image.hasAttribute("alt")) problems.push(`image without alt ${image.src.slice(0, 200)}`);
  }
  for (const error of document.querySelectorAll(".katex-error")) {
    problems.push(`equation not typeset: ${error.textContent}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const isProse = !text.parentElement.closest(".katex, code, pre, script, style");
    if (isProse && /\$.*\$|\\[([]/s.test(text.data)) {
      problems.push(`equation not typeset: ${text.data.slice(0, 60)}`);
    }
  }
  problems.push(...fold(true));
  for (const { scrollWidth, clientWidth } of [document.documentElement, document.body]) {
    if (scrollWidth > clientWidth) problems.push(`page ${scrollWidth - clientWidth} px too wide`);
  }
  for (const element of document.querySelectorAll("article :is(p, li, img, figure, .katex-base, dd)")) {
    const { left, right } = element.getBoundingClientRect();
    const beyond = Math.max(right - innerWidth, -left);
    if (beyond > 1 && !element.closest(".katex-display, .pst-scrollable-table-container")) {
      problems.push(`cut off by ${Math.round(beyond)} px: ${element.textContent.slice(0, 60)}`);
    }
  }
  // On a phone a long table scrolls by itself; on a desk it is seen whole, and equations always are.
  const scrolls = (element) =>
    innerWidth < 600 &&
    !element.matches(".katex-display") &&
    getComputedStyle(element).overflowX === "auto";
  for (const element of document.querySelectorAll(
    ".prev-next-area a, article :is(.katex-display, .pst-scrollable-table-container)",
  )) {
    const beyond = element.scrollWidth - element.clientWidth;
    if (beyond > 1 && !scrolls(element)) {
      problems.push(`${beyond} px too wide: ${element.textContent.slice(0, 60)}`);
    }
  }
  // A live scene says itself what its picture's caption says.
  for (const caption of document.querySelectorAll("article figure:not(.em-live) > figcaption")) {
    const isSeen = caption.offsetHeight || !caption.parentElement.offsetHeight;
    if (!isSeen) problems.push(`a caption is hidden: ${caption.textContent.slice(0, 60)}`);
  }
  problems.push(...typography(), ...fold(false));
  const { theme } = document.documentElement.dataset; // the page for a lost reader has none
  if (document.querySelector("article") && theme !== mode) problems.push(`not in ${mode} mode`);
  return problems;
}

// Runs in the page: lines that break where no reader would break them.
function typography() {
  const problems = [];
  const boxes = (node, from, to) => {
    const range = document.createRange();
    range.setStart(node, from);
    range.setEnd(node, to);
    return [...range.getClientRects()];
  };
  for (const formula of document.querySelectorAll("article span.math")) {
    const after = formula.nextSibling;
    if (after?.nodeType !== Node.TEXT_NODE || !/^[,.;:!?)]/.test(after.data)) continue;
    const [mark] = boxes(after, 0, 1);
    const end = [...formula.querySelectorAll(".katex-html > .katex-base")].at(-1)?.getBoundingClientRect();
    if (mark && end && mark.top > end.bottom - 4) {
      problems.push(`a line begins with "${after.data[0]}" after ${formula.textContent.slice(-20)}`);
    }
  }
  for (const cell of document.querySelectorAll("article :is(td, th)")) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      if (text.parentElement.closest(".katex")) continue;
      for (const word of text.data.matchAll(/[\p{L}\p{N}]+/gu)) {
        const lines = new Set(boxes(text, word.index, word.index + word[0].length).map((b) => b.top));
        if (lines.size > 1) problems.push(`a table breaks the word ${word[0]}`);
      }
    }
  }
  for (const number of document.querySelectorAll("article .eqno")) {
    const short = number.parentElement.getBoundingClientRect().right - number.getBoundingClientRect().right;
    if (number.offsetParent && Math.abs(short) > 2) {
      problems.push(`equation number ${Math.round(short)} px from the margin`);
    }
  }
  if (innerWidth < 600) {
    for (const code of document.querySelectorAll("article .cell_input pre")) {
      if (code.scrollWidth > code.clientWidth + 1) {
        problems.push(`code runs off the edge: ${code.textContent.slice(0, 40)}`);
      }
    }
  }
  return problems;
}

// What axe-core has against the page, best practices included.
async function axe(page) {
  await page.evaluate(AXE);
  // Without preloading: a page from disk may not ask for its own style sheets again.
  const options = { resultTypes: ["violations"], preload: false };
  const { violations } = await page.evaluate((given) => window.axe.run(document, given), options);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.length} such as ${nodes[0].html.slice(0, 120)}`);
}

// A figure that moves must move when its reader asks, and say where it is.
async function tryPlayers(page) {
  const problems = [];
  for (const player of await page.locator(".em-player").all()) {
    const shown = () => player.locator("img:visible").getAttribute("alt");
    await player.scrollIntoViewIfNeeded();
    const before = await shown();
    await player.getByTitle("Forward").click();
    const after = await shown();
    if (after === before) problems.push(`player stays at ${before}`);
    const said = await player.locator("output").textContent();
    const slider = player.getByRole("slider", { name: "Frame" });
    const value = await slider.getAttribute("aria-valuetext");
    if (!said || said !== value) problems.push(`player says ${said} at ${value}`);
    await player.getByRole("button", { name: "Back", exact: true }).click();
    if ((await shown()) !== before) problems.push("player does not go back");
    const play = player.getByRole("button", { name: "Play", exact: true });
    await play.click();
    for (let i = 0; i < 30 && (await shown()) === before; i++) await page.waitForTimeout(100);
    if ((await shown()) === before) problems.push("Play moves nothing");
    await slider.fill("0"); // which stops it
    await play.click();
    await player.getByRole("button", { name: "Pause", exact: true }).click();
    if (!(await play.count())) problems.push("player does not pause");
    const figure = player.locator("xpath=ancestor::figure");
    if (!(await figure.locator(".caption-number").count())) problems.push("player without a number");
  }
  return problems;
}

// An answer is judged where it is typed, is there again when its reader comes back, counts in the
// contents, and can be forgotten.
async function tryAnswers(browser) {
  // Not by `open`: where its script stores a mode as a page begins, Chromium now and then lets that
  // page see nothing of what others have stored.
  const viewport = { width: 360, height: 900 };
  const context = await browser.newContext({ viewport, offline: true });
  const page = await context.newPage();
  const problems = [];
  const expect = (what, is) => is || problems.push(`answers: ${what}`);
  const visit = (file) => page.goto(pathToFileURL(resolve(site, "chapters", file)).href);
  const field = page.getByLabel("Your answer, to three digits").first();
  const said = page.locator(".em-answer").first().getByRole("status");
  await visit("em_by_hand.html");
  await field.fill("55");
  await field.press("Enter");
  expect("per cent is named", (await said.textContent()).includes("per cent"));
  await field.fill("0.55");
  await page.getByRole("button", { name: "Check", exact: true }).first().click();
  expect("the right answer is right", (await said.textContent()) === "Right.");
  const recalled = page.locator(".em-recall-said");
  const choose = async (isRight) => {
    await page.locator(`.em-recall li:first-child details[data-right=${isRight}] summary`).first().focus();
    await page.keyboard.press("Enter");
    await page.getByText("1 of 5 answered").waitFor({ timeout: 5000 }).catch(() => {});
    return recalled.textContent();
  };
  const [wrong, first] = ["1 of 5 answered, 0 right at once.", "Before, 0 of 1 right at once."];
  expect("a wrong choice counts", (await choose(false)) === wrong);
  expect("only the first choice counts", (await choose(true)) === wrong);
  await visit("em_by_hand.html");
  expect("the next visit says so", (await recalled.textContent()).startsWith(first));
  const again = await choose(true);
  expect(`and counts anew: ${again}`, again === `1 of 5 answered, 1 right at once. ${first}`);
  await visit("em_by_hand.html");
  expect("the answer is kept", (await field.inputValue()) === "0.55");
  expect("its verdict too", (await said.textContent()) === "Right.");
  for (const contents of ["intro.html", "study.html"]) {
    await visit(contents);
    const row = await page.locator('td:has(a[href="em_by_hand.html"])').first().textContent();
    expect(`${contents} counts them: ${row}`, /1 of 1 recalled, 1 exercise right/.test(row));
  }
  const forget = page.getByRole("button", { name: /^Forget/ });
  page.once("dialog", (question) => question.dismiss());
  await forget.click();
  await visit("em_by_hand.html");
  expect("nothing is forgotten unless confirmed", (await field.inputValue()) === "0.55");
  await visit("study.html");
  page.once("dialog", (question) => question.accept());
  await forget.click();
  await page.waitForLoadState();
  await visit("em_by_hand.html");
  expect("they can be forgotten", (await field.inputValue()) === "");
  await context.close();
  return problems;
}

// A word of the glossary says what it means: under a mouse, by key, and at the first tap.
async function tryMeanings(browser) {
  const problems = [];
  const expect = (what, is) => is || problems.push(`meanings: ${what}`);
  for (const hasTouch of [false, true]) {
    const viewport = { width: hasTouch ? 360 : 1280, height: 900 };
    const context = await browser.newContext({ viewport, hasTouch, offline: true });
    const page = await context.newPage();
    const home = pathToFileURL(resolve(site, "chapters", "em_by_hand.html")).href;
    await page.goto(home);
    const word = page.locator("a:has(> .glossary)", { hasText: "sufficient statistics" });
    const meaning = page.getByRole("tooltip");
    const isSaid = async () => (await meaning.count()) === 1 && (await meaning.textContent()).startsWith("Sums over");
    await word.scrollIntoViewIfNeeded();
    await (hasTouch ? word.tap() : word.hover());
    expect(`said, ${hasTouch ? "tapped" : "pointed at"}`, await isSaid());
    expect("the word is described by it", (await word.getAttribute("aria-describedby")) === "em-meaning");
    for (const problem of await axe(page)) problems.push(`meanings: ${problem}`);
    expect("the page is kept", page.url() === home);
    await page.keyboard.press("Escape");
    expect("Escape takes it away", (await meaning.count()) === 0);
    if (hasTouch) {
      await word.tap();
      await word.tap();
    } else {
      await page.mouse.move(0, 0);
      await word.focus();
      await page.keyboard.press("Shift+Tab");
      await page.keyboard.press("Tab");
      expect("said to who comes by key", await isSaid());
      await page.keyboard.press("Enter");
    }
    await page.waitForURL(/glossary\.html#term-sufficient-statistics$/, { timeout: 5000 }).catch(() => {});
    expect(`the word leads to its entry, not ${page.url()}`, /glossary\.html#term/.test(page.url()));
    await context.close();
  }
  return problems;
}

// What readers look for, and where it is taught: one of the first three results must lead there.
const TAUGHT = {
  "E-step": /em_by_hand|deriving_em/,
  "M-step": /em_by_hand|deriving_em/,
  responsibility: /latent_variables|em_by_hand/,
  "k-means": /gaussian_mixtures/,
  GaussianMixture: /gaussian_mixtures|mixtures_1d|reference/,
  "mixture of Gaussians": /mixtures_1d|gaussian_mixtures|latent_variables|glossary/,
  "covariance floor": /which_maximum|glossary/,
  "online EM": /em_at_scale/,
  "variational autoencoder": /hard_e_step/,
  "item response": /hard_e_step/,
  "Kalman filter": /kalman/,
  "random walk": /kalman|gaussian_nd/,
  crowdsourcing: /judges/,
  "gold standard": /judges/,
  "Dawid Skene": /judges|glossary/,
  logsumexp: /gaussian_mixtures|latent_variables|glossary/,
  π: /notation/,
  Σ: /notation/,
  initialization: /which_maximum|em_by_hand/,
  initialisation: /which_maximum|em_by_hand/,
  "semi-supervised": /text/,
  regularization: /which_maximum/,
  "label switching": /latent_variables/,
  Jensen: /deriving_em/,
  Kullback: /deriving_em/,
  Viterbi: /hmm/,
  SQUAREM: /faster/,
  BIC: /how_many/,
  saddle: /convergence|misconceptions/,
  "standard error": /faster|maximum_likelihood/,
  underflow: /hmm|gaussian_mixtures|latent_variables|gaussian_nd/,
  "Old Faithful": /mixtures_1d/,
  Dask: /em_at_scale/,
  "missing at random": /missing_data/,
  "Shepp–Vardi": /image_reconstruction/,
  alignment: /text/,
  "hard EM": /em_by_hand/,
  "HMM missing values": /observations-that-are-missing/,
  "number of hidden states": /how-many-states/,
  "MCMC vs EM": /when-a-step-has-no-formula/,
  // As it is asked:
  "What is computed in the E step?": /em_by_hand|deriving_em|glossary/,
  "Why did the log-likelihood decrease?": /misconceptions|deriving_em/,
  "difference between MLE and EM": /maximum_likelihood/,
  "positive log-likelihood": /maximum_likelihood/,
  "EM vs gradient descent": /misconceptions|faster/,
  "LinAlgError singular matrix": /which_maximum|misconceptions/,
  "elbow method": /how_many/,
  sample_weight: /own_data|reference/,
  joblib: /own_data/,
  questionnaire: /own_data/,
  sensor: /own_data/,
  "survey weights": /own_data/,
  "count and binary columns": /own_data/,
  "what to report": /own_data/,
};

// Search works from disk, finds sections, and leads to them with the words marked.
async function trySearch(browser) {
  const context = await open(browser, 1280, "light");
  const page = await context.newPage();
  const problems = [];
  const results = page.locator(".em-search a");
  const search = async (query) => {
    const place = pathToFileURL(resolve(site, "search.html"));
    place.searchParams.set("q", query);
    await page.goto(place.href);
    await results.first().waitFor({ timeout: 20_000 }).catch(() => {});
  };
  // Nothing of it is loaded before it is used.
  const loaded = new Set();
  page.on("request", (request) => loaded.add(request.url().split("/").pop()));
  await page.goto(pathToFileURL(resolve(site, "chapters", "hmm.html")).href);
  if (loaded.has("search-index.js")) problems.push("the index is loaded before anybody searches");
  for (const [query, home] of Object.entries(TAUGHT)) {
    await search(query);
    const links = (await results.all()).slice(0, 3);
    const first = await Promise.all(links.map((link) => link.getAttribute("href")));
    const rank = first.findIndex((link) => home.test(link.split("/").pop()));
    console.log(`search ${query}: ${rank < 0 ? "not among the first three" : rank + 1}`);
    if (rank < 0) problems.push(`${query}: ${first.map((link) => link.split("/").pop())}`);
  }
  await search("Viterbi");
  await results.first().click();
  await page.waitForTimeout(500);
  const top = await page.evaluate(() => scrollY);
  const marked = await page.locator("span.highlighted").allInnerTexts();
  if (!top && !page.url().includes("#hmm")) problems.push("a result leads to the top of its page");
  if (!marked.length) problems.push("no word is marked where a result leads");
  await context.close();
  return problems.map((problem) => `search: ${problem}`);
}

// On the first page a figure moves before anyone scrolls.
async function tryFirstView(browser) {
  const problems = [];
  for (const [width, height] of [[1280, 720], [390, 844]]) {
    const context = await open(browser, width, "light");
    const page = await context.newPage();
    await page.setViewportSize({ width, height });
    await page.goto(pathToFileURL(resolve(site, "index.html")).href);
    const player = page.locator(".em-player").first();
    const play = player.getByRole("button", { name: "Play" });
    const start = page.getByRole("link", { name: "Start reading" });
    for (const control of [start, play]) {
      await control.waitFor();
      const box = await control.boundingBox();
      const beyond = Math.ceil(box.y + box.height - height);
      const name = await control.textContent();
      if (beyond > 0) problems.push(`${name} is ${beyond} px below the fold of ${width} × ${height}`);
    }
    const picture = player.locator("img").first();
    const before = await picture.getAttribute("alt");
    await play.click();
    await page.waitForTimeout(1000);
    if ((await picture.getAttribute("alt")) === before) problems.push("Play moves nothing");
    await context.close();
  }
  return problems.map((problem) => `index.html: ${problem}`);
}

// The contents at the right mark the section that is read, wherever a link leads.
async function tryContents(page) {
  const problems = [];
  if (!(await page.locator(".page-toc").count())) return problems; // as in the laboratory
  const marked = () => page.locator(".page-toc a[aria-current]").evaluateAll((all) => all.map((a) => a.hash));
  const places = await page.evaluate(() =>
    [...document.querySelectorAll("article section > h2, article div.solution, article div.proof")]
      .filter((_, i) => i % 7 === 3)
      .map((element) => {
        const section = element.closest("section:has(> h2)");
        return [element.id || section?.id, section && `#${section.id}`];
      }),
  );
  for (const [place, section] of places.filter(([id, within]) => id && within)) {
    await page.evaluate((id) => (location.hash = id), place);
    const isInside = (outer) => {
      const { hash } = document.querySelector(".page-toc a[aria-current]") ?? {};
      return hash && document.querySelector(outer).contains(document.querySelector(hash));
    };
    const found = await page.waitForFunction(isInside, section, { timeout: 3000 }).catch(() => false);
    if (!found) problems.push(`contents say ${await marked()} at #${place}`);
  }
  return problems;
}

// On paper: the numbered heading, no line that opens code, a player's first and last frame.
async function tryPrint(page) {
  const problems = [];
  await page.emulateMedia({ media: "print" });
  const seen = (selector) => page.locator(selector).evaluateAll((all) => all.filter((e) => e.checkVisibility()).length);
  if ((await seen("article h1")) !== 1 || (await seen("h1")) !== 1) problems.push("print: not one heading");
  if (await seen("details.hide > summary")) problems.push("print: lines that open code");
  if (await seen(".em-controls")) problems.push("print: buttons");
  const players = await page.locator(".em-player").count();
  if ((await seen(".em-player img")) !== 2 * players) problems.push("print: a player without two frames");
  if ((await seen(".em-player .em-still")) !== players) problems.push("print: frames without words");
  for (const beyond of await page.locator(".em-frames").evaluateAll((all) => all.map((e) => e.scrollWidth - e.clientWidth))) {
    if (beyond > 1) problems.push(`print: frames ${beyond} px too wide`);
  }
  await page.emulateMedia({ media: null });
  return problems;
}

async function look(context, file, width, mode) {
  const page = await context.newPage();
  const problems = [];
  page.on("request", (request) => {
    if (!LOCAL.test(request.url())) problems.push(`asks another host: ${request.url()}`);
  });
  page.on("requestfailed", (request) => problems.push(`could not load ${request.url().slice(0, 200)}`));
  page.on("pageerror", (error) => problems.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    if (/error|warning/.test(message.type())) problems.push(`console: ${message.text()}`);
  });
  const address = pathToFileURL(resolve(site, file)).href;
  await page.goto(address);
  await page.waitForTimeout(100); // for what scripts do once a page is there
  for (const part of [fold, typography]) await page.evaluate(`window.${part.name} = ${part}`);
  problems.push(...(await page.evaluate(inspect, mode)));
  if (pictures) {
    const name = `${file.replaceAll(/[\\/]/g, "-").replace(".html", "")}-${width}-${mode}.png`;
    await page.screenshot({ path: join(pictures, name), fullPage: true, animations: "disabled" });
  }
  problems.push(...(await tryPlayers(page)));
  const isAxed = AXED.some(([at, by]) => at === width && by === mode);
  if (isAxed || (pathOf(file) === AXED_IN_ALL && width !== 768)) {
    // axe-core passes over what is folded, and takes what fades in for pale.
    await page.evaluate(() => fold(true) && Promise.all(document.getAnimations().map((one) => one.finished)));
    // The theme marks what can be scrolled 300 ms after something has opened, so that keys reach it.
    await page.evaluate(() => new Promise((done) => setTimeout(done, 500)));
    problems.push(...(await axe(page)));
    await page.evaluate(() => fold(false));
  }
  if (width === 1280) problems.push(...(await tryContents(page)));
  if (width === 768 && (await page.locator("article").count())) problems.push(...(await tryPrint(page)));
  await page.close();
  return [...new Set(problems)].map((problem) => `${file} at ${width} px, ${mode}: ${problem}`);
}

async function open(browser, width, mode) {
  const viewport = { width, height: 900 };
  const context = await browser.newContext({ viewport, colorScheme: mode, offline: true });
  // The theme remembers a reader's choice in these two.
  await context.addInitScript((chosen) => {
    localStorage.setItem("mode", chosen);
    localStorage.setItem("theme", chosen);
  }, mode);
  return context;
}

const pathOf = (file) => file.replaceAll("\\", "/");
const files = readdirSync(site, { recursive: true }).filter((name) => name.endsWith(".html"));
const isNamed = (file) => !named.length || named.includes(basename(file, ".html"));
const pages = files.filter((name) => !name.startsWith("_static") && isNamed(name)).sort();
if (pictures) mkdirSync(pictures, { recursive: true });
const browser = await chromium.launch({ executablePath, args: [...FLAGS, ...QUIET] });
const stopped = (where) => (error) => [`${where}: ${error.message.replaceAll(/\s+/g, " ").slice(0, 300)}`];
let failed = 0;
for (const mode of MODES) {
  for (const width of WIDTHS) {
    const context = await open(browser, width, mode);
    for (const file of pages) {
      const place = `${file} at ${width} px, ${mode}`;
      const problems = await look(context, file, width, mode).catch(stopped(place));
      problems.forEach((problem) => console.log(problem));
      failed += problems.length > 0;
    }
    await context.close();
  }
}
// What a reader does, and the page where it begins.
const TRIES = new Map([
  [trySearch, "search.html"],
  [tryAnswers, "chapters/em_by_hand.html"],
  [tryMeanings, "chapters/em_by_hand.html"],
  [tryFirstView, "index.html"],
]);
const begun = new Set(pages.map(pathOf));
const tries = [...TRIES.keys()].filter((tried) => begun.has(TRIES.get(tried)));
for (const tried of tries) {
  const problems = await tried(browser).catch(stopped(tried.name));
  problems.forEach((problem) => console.log(problem));
  failed += problems.length > 0;
}
await browser.close();
const total = pages.length * WIDTHS.length * MODES.length + tries.length;
if (pictures) console.log(`Screenshots are in ${pictures}`);
const what = named.length ? `${pages.map(pathOf).join(", ")} alone: ` : "";
console.log(`${what}${total - failed} passed, ${failed} failed`);
exit(failed || !pages.length ? 1 : 0);
