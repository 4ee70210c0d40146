// Uses the laboratory as its readers do, by mouse, by touch and by keyboard alone, from disk and
// with the network off, and says what went wrong: node drive.mjs PAGE BROWSER.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { argv, exit } from "node:process";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [file, executablePath] = argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const address = pathToFileURL(file).href;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
let passed = 0;
let failed = 0;

async function expect(what, doing) {
  try {
    const found = await doing();
    if (found !== true) throw new Error(`it is not so: ${JSON.stringify(found)}`);
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`${what}: ${error.message.split("\n")[0]}`);
  }
}

async function open({
  width = 1280,
  height = 900,
  hash = "",
  mode = "light",
  calm = true,
  touch = false,
  script = true,
} = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    offline: true,
    hasTouch: touch,
    colorScheme: mode,
    reducedMotion: calm ? "reduce" : "no-preference",
    javaScriptEnabled: script,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await context.addInitScript((chosen) => {
    localStorage.setItem("mode", chosen);
    localStorage.setItem("theme", chosen);
  }, mode);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on("pageerror", (error) => expect(`script error at ${width} px`, () => error.message));
  page.on("console", (message) => {
    if (/error|warning/.test(message.type())) expect(`the console at ${width} px`, () => message.text());
  });
  page.on("requestfailed", (request) => expect("could not load", () => request.url()));
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) expect("asks another host", () => request.url());
  });
  await page.goto(address + hash);
  return page;
}

/* What the page shows. */

const button = (page, name) => page.getByRole("button", { name, exact: true });
const said = (page) => page.locator(".em-said").textContent();
const shown = (page) =>
  page.evaluate(() => {
    const numbers = (cells) => [...cells].map((cell) => Number(cell.replace("−", "-")));
    const inputs = [...document.querySelectorAll(".em-components tbody tr")];
    return {
      logLikelihood: numbers([document.querySelector(".em-row-logLikelihood td").textContent])[0],
      bound: numbers([document.querySelector(".em-row-bound td").textContent])[0],
      components: inputs.map((row) =>
        numbers([...row.querySelectorAll("input")].map((one) => one.value)),
      ),
      reason: document.querySelector(".em-reason")?.textContent.trim() ?? "",
    };
  });
// A phone has the scenes in a menu, and a wider screen as buttons.
async function choose(page, title, hand) {
  const menu = page.locator(".em-scene-menu select");
  if (await menu.isVisible()) await menu.selectOption({ label: title });
  else await HANDS[hand](page, title);
}
const rested = (page) => button(page, "Run").waitFor({ timeout: 60_000 });

/* The three ways to press a button. */

const HANDS = {
  mouse: (page, name) => button(page, name).click(),
  touch: (page, name) => button(page, name).tap(),
  async keyboard(page, name) {
    for (let i = 0; i < 120; i++) {
      await page.keyboard.press("Tab");
      const focused = page.locator("button:focus");
      if ((await focused.count()) && (await focused.innerText()) === name) {
        await page.keyboard.press("Enter");
        return;
      }
    }
    throw new Error(`the tab key does not lead to ${name}`);
  },
};
const BUTTONS = { E: "E-step", M: "M-step", hard: "Hard step", run: "Run", nudge: "Nudge" };

// Where the mathematics, which has tests of its own, says that a scene ends.
const ends = (page, id) =>
  page.evaluate((name) => {
    const lab = globalThis.emLaboratory;
    const press = {
      E: lab.stepE,
      M: lab.stepM,
      hard: lab.stepHard,
      run: lab.run,
      nudge: lab.nudge,
    };
    const { title, steps, ...scene } = lab.sceneOf(name);
    const end = steps.reduce((state, step) => press[step](state), lab.begin(scene));
    return {
      title,
      steps,
      logLikelihood: end.logLikelihood,
      bound: end.bound,
      reason: end.stop.reason,
    };
  }, id);

async function tryScenes(hand) {
  const page = await open({ touch: hand === "touch", width: hand === "touch" ? 390 : 1280 });
  const ids = await page.evaluate(() => globalThis.emLaboratory.SCENES.map(({ id }) => id));
  for (const id of ids) {
    await expect(`the scene ${id}, by ${hand}`, async () => {
      const end = await ends(page, id);
      await page.evaluate(() => document.activeElement.blur());
      await choose(page, end.title, hand);
      for (const step of end.steps) {
        await HANDS[hand](page, BUTTONS[step]);
        await rested(page);
      }
      const found = await shown(page);
      const isNear = (a, b) => Math.abs(a - b) < 1e-3;
      const agrees =
        isNear(found.logLikelihood, end.logLikelihood) && isNear(found.bound, end.bound);
      const hasReason = end.reason ? found.reason.toLowerCase().startsWith(end.reason) : !found.reason;
      return (agrees && hasReason) || { found, end };
    });
  }
  await page.context().close();
}

/* Hands on the figure. */

const middle = async (locator) => {
  const { x, y, width, height } = await locator.boundingBox();
  return [x + width / 2, y + height / 2];
};

async function dragBy(page, locator, [dx, dy]) {
  await locator.scrollIntoViewIfNeeded();
  const [x, y] = await middle(locator);
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let i = 1; i <= 8; i++) await page.mouse.move(x + (dx * i) / 8, y + (dy * i) / 8);
  await page.mouse.up();
}

async function dragByTouch(page, locator, [dx, dy]) {
  await locator.scrollIntoViewIfNeeded();
  const [x, y] = await middle(locator);
  const client = await page.context().newCDPSession(page);
  const touch = (type, points) =>
    client.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  await touch("touchStart", [{ x, y }]);
  for (let i = 1; i <= 8; i++)
    await touch("touchMove", [{ x: x + (dx * i) / 8, y: y + (dy * i) / 8 }]);
  await touch("touchEnd", []);
}

const handle = (page, label) => page.getByRole("slider", { name: label, exact: true });

async function tryHands() {
  const page = await open();
  const start = (title) => choose(page, title, "mouse");

  await expect("dragging a mean moves it and opens a gap, and Back takes it back", async () => {
    await start("Old Faithful");
    await HANDS.mouse(page, "E-step");
    const before = await shown(page);
    await dragBy(page, handle(page, "Mean of component 1"), [60, 40]);
    const after = await shown(page);
    await HANDS.mouse(page, "‹ Back");
    const again = await shown(page);
    const hasMoved =
      after.components[0][1] > before.components[0][1] &&
      after.components[0][2] < before.components[0][2];
    return (
      (hasMoved &&
        after.bound < after.logLikelihood &&
        JSON.stringify(again) === JSON.stringify(before)) || { before, after, again }
    );
  });
  await expect("arrow keys move a mean, and an axis, and a weight", async () => {
    await start("Old Faithful");
    const before = await shown(page);
    await handle(page, "Mean of component 2").focus();
    await page.keyboard.press("ArrowLeft");
    await handle(page, "Longer axis of component 1").focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
    await handle(page, "Border between the weights of components 1 and 2").focus();
    await page.keyboard.press("ArrowRight");
    const { components } = await shown(page);
    const [first, second] = before.components;
    return (
      (components[1][1] < second[1] &&
        components[0][3] !== first[3] &&
        Math.abs(components[0][0] - 0.51) < 1e-6) ||
      components
    );
  });
  await expect("dragging the border between weights changes them", async () => {
    await start("Two humps");
    await dragBy(page, handle(page, "Border between the weights of components 1 and 2"), [80, 0]);
    const { components } = await shown(page);
    return (
      (components[0][0] > 0.52 && Math.abs(components[0][0] + components[1][0] - 1) < 1e-3) ||
      components
    );
  });
  await expect("dragging a whisker widens a bell", async () => {
    await start("Two humps");
    await dragBy(page, handle(page, "Standard deviation of component 1"), [50, 0]);
    const { components } = await shown(page);
    return components[0][2] > 5.5 || components;
  });
  await expect("no handle hides another", async () => {
    const near = [];
    const counts = [];
    for (const [title, step] of [
      ["A spurious maximum", "E-step"],
      ["k-means is the limit", "E-step"],
      ["Galaxies", "Run"],
      ["Collapse, with the floor off", "Run"],
    ]) {
      await start(title);
      await HANDS.mouse(page, step);
      await rested(page);
      const handles = await page.locator(".em-figure .em-handle").evaluateAll((all) =>
        all.map((one) => {
          const { x, y, width, height } = one.querySelector(".em-knob").getBoundingClientRect();
          return { x: x + width / 2, y: y + height / 2, isMean: one.matches(".em-handle-mean") };
        }),
      );
      counts.push(handles.length);
      for (const [i, a] of handles.entries())
        for (const b of handles.slice(i + 1)) {
          const needs = a.isMean && b.isMean ? 24 : a.isMean || b.isMean ? 19 : 0;
          const distance = Math.hypot(a.x - b.x, a.y - b.y);
          if (distance < needs) near.push(`${title}: ${distance}`);
        }
    }
    return (near.length === 0 && counts.every((count) => count > 2)) || { near, counts };
  });
  await expect("a handle that made room goes where it is dragged, from where it was", async () => {
    await start("Galaxies");
    await HANDS.mouse(page, "Run");
    await rested(page);
    const before = await shown(page);
    await dragBy(page, handle(page, "Standard deviation of component 1"), [40, 0]);
    const wide = await shown(page);
    await dragBy(page, handle(page, "Standard deviation of component 1"), [-40, 0]);
    const after = await shown(page);
    const sd = ({ components }) => components[0][2];
    const isBack = Math.abs(sd(after) - sd(before)) < 0.05;
    return (sd(wide) > 3 * sd(before) && isBack) || { before, wide, after };
  });
  await expect("before an E-step no point has a component's colour", async () => {
    await start("A bad maximum");
    const colours = () =>
      page.locator(".em-point").evaluateAll((all) => [...new Set(all.map((one) => one.getAttribute("fill")))]);
    const before = await colours();
    await HANDS.mouse(page, "E-step");
    const after = await colours();
    return (before.length === 1 && after.length > 3) || { before, after };
  });
  await expect("a place of the landscape is a start", async () => {
    await start("Two free means");
    await HANDS.mouse(page, "Run");
    await rested(page);
    const low = await shown(page);
    await dragBy(page, handle(page, "Both places at once"), [-120, -120]);
    await HANDS.mouse(page, "Run");
    await rested(page);
    const high = await shown(page);
    return high.logLikelihood > low.logLikelihood + 50 || { low, high };
  });
  await expect("a click places a point, Delete deletes it", async () => {
    await start("An outlier");
    const count = () => page.locator(".em-point").count();
    const before = await count();
    await page.getByLabel("A click in the figure places a point").check();
    const box = await page.locator(".em-figure svg").boundingBox();
    await page
      .locator(".em-figure svg")
      .click({ position: { x: box.width - 60, y: box.height - 60 } });
    await page.getByLabel("A click in the figure places a point").uncheck();
    const placed = await count();
    await page.locator(".em-point").last().focus();
    await page.keyboard.press("Delete");
    return (placed === before + 1 && (await count()) === before) || { before, placed };
  });
  await expect("arrows go from point to point, and with Shift they move it", async () => {
    await start("Old Faithful");
    await page.locator(".em-point").first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    const heading = () => page.locator(".em-reading h2").innerText();
    const before = await heading();
    await page.keyboard.press("Shift+ArrowUp");
    const after = await heading();
    return (
      (before.startsWith("Point 3: ") && after.startsWith("Point 3: ") && before !== after) || {
        before,
        after,
      }
    );
  });
  await expect("a point can be dragged, and the axes keep their names", async () => {
    await start("Old Faithful");
    const names = () => page.locator(".em-figure .em-title").allTextContents();
    const given = JSON.stringify(await names());
    const point = page.locator(".em-point").nth(18);
    const heading = () => page.locator(".em-reading h2").innerText();
    await point.hover();
    const before = await heading();
    await dragBy(page, point, [30, -90]);
    const after = await heading();
    const kept = JSON.stringify(await names());
    const isMoved = before !== after && before.split(":")[0] === after.split(":")[0];
    return (isMoved && given === kept && /min/.test(kept)) || { before, after, given, kept };
  });
  await expect("a point's numbers are Bayes' rule, and sum to one", async () => {
    await start("Two coins");
    await HANDS.mouse(page, "E-step");
    await page.locator(".em-point").nth(1).click();
    const cells = await page.locator(".em-reading tbody tr").allInnerTexts();
    const shares = cells.map((text) =>
      Number(
        text
          .match(/= (0\.\d+)\s/g)
          ?.at(-1)
          .slice(2),
      ),
    );
    // 9 heads of 10, coins of 0.6 and 0.5: 0.6^9 0.4 / (0.6^9 0.4 + 0.5^10), Do and Batzoglou (2008)
    return (
      (Math.abs(shares[0] - 0.805) < 1e-3 && Math.abs(shares[0] + shares[1] - 1) < 2e-3) || cells
    );
  });
  await expect("a number can be typed, and a wrong one is refused in words", async () => {
    await start("Two humps");
    const field = page.getByLabel("Component 1, mean");
    await field.fill("22");
    await field.press("Enter");
    const { components } = await shown(page);
    const sd = page.getByLabel("Component 1, sd");
    await sd.fill("-3");
    await sd.press("Enter");
    return (
      (components[0][1] === 22 &&
        (await said(page)).includes("above 0") &&
        (await sd.inputValue()) === "5") ||
      components
    );
  });
  await expect("pasted numbers become points, and a wrong line is named", async () => {
    await start("Two humps");
    await page.getByText("Paste numbers").click();
    const box = page.locator(".em-paste textarea");
    await box.fill("1.5\n2.5\nabc");
    await HANDS.mouse(page, "Use these numbers");
    const error = await page.locator(".em-error").textContent();
    await box.fill("1\n2\n3\n11\n12\n13");
    await HANDS.mouse(page, "Use these numbers");
    const count = await page.locator(".em-point").count();
    return (error.includes("Line 3") && error.includes("abc") && count === 6) || { error, count };
  });
  await expect("what cannot be is said, and changes nothing", async () => {
    await page.locator(".em-paste textarea").fill("1\n1\n1\n2");
    await HANDS.mouse(page, "Use these numbers");
    const picker = page.getByRole("combobox", { name: "Number of components" });
    await picker.selectOption("4");
    const words = await said(page);
    return (words.includes("cannot") && (await picker.inputValue()) === "2") || words;
  });
  await expect("model, form, number of components and start can be chosen", async () => {
    await page.getByRole("combobox", { name: "Model" }).selectOption("plane");
    await page.getByRole("combobox", { name: "Covariances" }).selectOption("spherical");
    await page.getByRole("combobox", { name: "Number of components" }).selectOption("4");
    await HANDS.mouse(page, "random responsibilities");
    const { components } = await shown(page);
    return (
      (components.length === 4 && components.every(([, , , sdX, sdY]) => sdX === sdY)) || components
    );
  });
  await expect("the rule of the scene with the loose tolerance can be changed", async () => {
    await start("Too loose a tolerance");
    await HANDS.mouse(page, "Run");
    await rested(page);
    const early = await shown(page);
    await page.getByRole("combobox", { name: "stopping rule" }).selectOption("remaining gain");
    await HANDS.mouse(page, "Run");
    await rested(page);
    const means = (await shown(page)).components.map(([, mean]) => mean).sort();
    const isEarly = early.components.every(([, mean]) => Math.abs(mean - 34) < 1);
    return (
      (isEarly && Math.abs(means[0] - 20) < 1 && Math.abs(means[1] - 40) < 1) || { early, means }
    );
  });
  await expect("from the bad maximum, a moved mean leads to the best", async () => {
    await start("A bad maximum");
    await HANDS.mouse(page, "Run");
    await rested(page);
    const bad = await shown(page);
    for (const [name, value] of [
      ["mean x", "0"],
      ["mean y", "0"],
    ]) {
      await page.getByLabel(`Component 1, ${name}`).fill(value);
      await page.getByLabel(`Component 1, ${name}`).press("Enter");
    }
    await HANDS.mouse(page, "Run");
    await rested(page);
    const best = await shown(page);
    const ends = await page.locator(".em-ends button").allInnerTexts();
    return (
      (best.logLikelihood - bad.logLikelihood > 36 && ends.length === 2) || { bad, best, ends }
    );
  });
  await expect("a saddle and a maximum are told apart", async () => {
    await start("Equal starts: a saddle");
    await HANDS.mouse(page, "Run");
    await rested(page);
    const stuck = await shown(page);
    await HANDS.mouse(page, "Nudge");
    await HANDS.mouse(page, "Run");
    await rested(page);
    const words = await said(page);
    const listed = (await page.locator(".em-ends button").allInnerTexts()).join("; ");
    return (
      (stuck.reason.includes("a saddle, or near one") &&
        words.includes("a local maximum") &&
        listed === "−31.570, maximum; −32.052, saddle") || { stuck, words, listed }
    );
  });
  await expect("an address brings back a state and its scene", async () => {
    await start("Galaxies");
    await HANDS.mouse(page, "E-step");
    await HANDS.mouse(page, "M-step");
    const before = await shown(page);
    const link = await page.getByLabel("Address of this state").inputValue();
    const other = await open({ hash: new URL(link).hash });
    const after = await shown(other);
    const scene = await other.locator(".em-chip[aria-pressed='true']").allInnerTexts();
    await other.context().close();
    return (
      (scene.join() === "Galaxies" &&
        link.includes("#scene=galaxies&") &&
        before.logLikelihood === after.logLikelihood &&
        JSON.stringify(before.components) === JSON.stringify(after.components)) || { before, after, scene, link }
    );
  });
  await expect("a damaged address is said to be one", async () => {
    const other = await open({ hash: "#scene=nope" });
    const words = await said(other);
    await other.context().close();
    return words.includes("damaged") || words;
  });
  await expect("the same in Python can be copied", async () => {
    await page.getByText("The same in Python").click();
    await page.locator(".em-code button").click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    return copied.includes("import numpy") || copied;
  });
  await expect("letters press the buttons, Ctrl+Z takes a step back, and with Shift again", async () => {
    await start("Two coins");
    await page.keyboard.press("e");
    await page.keyboard.press("m");
    const one = await shown(page);
    await page.keyboard.press("r");
    await rested(page);
    const places = [];
    let whole = 0;
    for (const key of ["Control+z", "Control+z", "Control+Shift+z"]) {
      await page.keyboard.press(key);
      const [place, last] = (await page.locator(".em-moments span").innerText()).split(" of ");
      places.push(last - place);
      whole = Number(last);
    }
    const heads = one.components.map(([, share]) => share.toFixed(2)); // Do and Batzoglou (2008)
    return (heads.join() === "0.71,0.58" && whole > 10 && places.join() === "1,2,1") || { one, whole, places };
  });
  await page.context().close();
}

async function tryTouch() {
  const page = await open({ touch: true, width: 390 });
  await expect("a finger drags a mean", async () => {
    await choose(page, "Old Faithful", "touch");
    const before = await shown(page);
    await dragByTouch(page, handle(page, "Mean of component 1"), [40, 40]);
    const after = await shown(page);
    return after.components[0][1] > before.components[0][1] || { before, after };
  });
  await expect("a tap selects a point, and then a finger drags it", async () => {
    await choose(page, "Old Faithful", "touch");
    const point = page.locator(".em-point").nth(18);
    await point.tap();
    const heading = () => page.locator(".em-reading h2").innerText();
    const before = await heading();
    await dragByTouch(page, point, [20, -60]);
    const after = await heading();
    return (
      (before.startsWith("Point 19") && after.startsWith("Point 19") && before !== after) || {
        before,
        after,
      }
    );
  });
  await page.context().close();
}

/* Every reader, every screen. */

// Picture, buttons and numbers together, and what a press of a button did: on a desk from the top
// of the page, and on smaller screens from the top of the laboratory.
async function tryGlance() {
  for (const [width, height, parts] of [
    [1280, 800, [".em-figure svg", ".em-buttons", ".em-ledger", ".em-side .em-status"]],
    [800, 1000, [".em-figure svg", ".em-buttons", ".em-ledger", ".em-side .em-status"]],
    [390, 844, [".em-figure svg", ".em-buttons", ".em-stage .em-status"]],
  ]) {
    const page = await open({ width, height });
    const titles = await page.evaluate(() => globalThis.emLaboratory.SCENES.map(({ title }) => title));
    for (const title of titles) {
      await expect(`${title} is seen with its buttons at ${width} x ${height}`, async () => {
        await choose(page, title, "mouse");
        if (width < 1000) {
          await page.evaluate(() => document.querySelector(".em-lab").scrollIntoView());
        } else await page.evaluate(() => scrollTo(0, 0));
        await page.waitForTimeout(50);
        const boxes = await Promise.all(parts.map((part) => page.locator(part).boundingBox()));
        return boxes.every((box) => box.y >= 0 && box.y + box.height <= height) || boxes;
      });
    }
    await expect(`nothing lies on the buttons of who comes back to them at ${width} px`, async () => {
      for (const place of [5000, 400, 300]) {
        await page.mouse.wheel(0, place - (await page.evaluate(() => scrollY)));
        await page.waitForTimeout(200);
      }
      return page.evaluate(() => {
        const above = document.querySelector("#pst-back-to-top"); // the theme's
        return !above?.checkVisibility({ visibilityProperty: true });
      });
    });
    await page.context().close();
  }
}

// Every scene as a picture with its sentence: for readers without script, and on paper.
async function tryStills() {
  const seen = (page) =>
    page.locator(".em-stills section").evaluateAll((all) =>
      all
        .filter((one) => one.checkVisibility())
        .map((one) => [one.querySelector("h2").firstChild.textContent, one.querySelector("figcaption").textContent]),
    );
  const whole = await open();
  const scenes = await whole.evaluate(() =>
    globalThis.emLaboratory.SCENES.map(({ title, sentence }) => [title, sentence]),
  );
  await expect("with script, no still is seen or loaded", async () => {
    const loaded = await whole.evaluate(() =>
      [...document.querySelectorAll(".em-stills img")].filter((image) => image.complete && image.naturalWidth),
    );
    return ((await seen(whole)).length === 0 && loaded.length === 0) || loaded.length;
  });
  await expect("paper has all stills", async () => {
    await whole.emulateMedia({ media: "print" });
    const found = await seen(whole);
    return JSON.stringify(found) === JSON.stringify(scenes) || found;
  });
  await whole.context().close();
  const plain = await open({ script: false, width: 390, hash: "#scene=saddle" });
  await expect("without script, all stills are there", async () => {
    const found = await seen(plain);
    return JSON.stringify(found) === JSON.stringify(scenes) || found;
  });
  await expect("without script, the address of a scene leads to its picture", async () => {
    const image = plain.locator("[id='scene=saddle'] img");
    await plain.waitForTimeout(500);
    const { y } = await image.boundingBox();
    const width = await image.evaluate((one) => one.naturalWidth);
    const fits = await plain.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    return (y > 0 && y < 600 && width > 700 && fits) || { y, width, fits };
  });
  await plain.context().close();
}

async function tryScreens() {
  for (const mode of ["light", "dark"]) {
    for (const width of [330, 390, 768, 1280, 1600]) {
      const page = await open({ width, mode });
      await expect(`${mode} at ${width} px`, async () => {
        const theme = await page.evaluate(() => document.documentElement.dataset.theme ?? "none of its own");
        return [mode, "none of its own"].includes(theme) || theme;
      });
      for (const title of ["Two coins", "Two humps", "Collapse, with the floor on"]) {
        await choose(page, title, "mouse");
        await HANDS.mouse(page, "E-step");
        await page.locator(".em-point").nth(1).focus();
        await expect(`${title} fits ${width} px`, () =>
          page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        );
        if (width !== 390 && width !== 1280) continue;
        await page.evaluate(AXE);
        const violations = await page.evaluate(async () => {
          const found = await window.axe.run(".em-lab", {
            resultTypes: ["violations"],
            preload: false,
          });
          return found.violations.map(
            ({ id, nodes }) => `${id}: ${nodes.length} such as ${nodes[0].html.slice(0, 120)}`,
          );
        });
        await expect(
          `axe-core, ${title} at ${width} px, ${mode}`,
          () => violations.length === 0 || violations,
        );
      }
      await page.context().close();
    }
  }
}

// With 500 points and 5 components, while a mean is dragged for a second and a half.
async function tryFrames() {
  const random = (seed) => () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const draw = random(7);
  const points = Array.from({ length: 500 }, (_, i) =>
    [(i % 5) * 2 + draw(), ((i * 3) % 5) * 2 + draw()].map((x) => x.toFixed(3)).join(","),
  );
  const means = [0, 1, 2, 3, 4].map((k) => `${2 * k},${(6 * k) % 10}`).join(";");
  const hash = `#model=plane&form=full&data=${points.join(";")}&weights=0.2,0.2,0.2,0.2,0.2&means=${means}&covariances=${Array(5).fill("1,0,1").join(";")}`;
  const page = await open({ hash, calm: false });
  await HANDS.mouse(page, "E-step");
  await page.evaluate(() => {
    globalThis.frames = [];
    const note = (time) => {
      globalThis.frames.push(time);
      requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
  });
  const knob = handle(page, "Mean of component 3");
  await knob.scrollIntoViewIfNeeded();
  await page.waitForTimeout(600);
  const [x, y] = await middle(knob);
  await page.mouse.move(x, y);
  await page.mouse.down();
  const from = await page.evaluate(() => globalThis.frames.length);
  for (let i = 0; i < 90; i++)
    await page.mouse.move(x + 80 * Math.sin(i / 9), y + 60 * Math.cos(i / 9));
  const times = await page.evaluate((first) => globalThis.frames.slice(first), from);
  await page.mouse.up();
  const [, mx, my] = (await shown(page)).components[2];
  const seconds = (times.at(-1) - times[0]) / 1000;
  const rate = (times.length - 1) / seconds;
  console.log(`dragging with 500 points and 5 components: ${rate.toFixed(0)} frames a second`);
  await expect("dragging is smooth", () => rate > 30 || rate);
  await expect("what is dragged moves", () => mx !== 4 || my !== 2 || { mx, my });
  await page.context().close();
}

async function tryRun() {
  const page = await open({ calm: false });
  const slider = page.getByLabel("Moment");
  const bounds = async () => {
    const [min, max] = [await slider.getAttribute("min"), await slider.getAttribute("max")];
    return [Number(min), Number(max)];
  };
  await expect("a run can be watched, stopped and gone back through", async () => {
    await HANDS.mouse(page, "Slow convergence");
    await HANDS.mouse(page, "Run");
    await page.waitForTimeout(1500);
    await HANDS.mouse(page, "Stop");
    const [first, last] = await bounds();
    const { reason } = await shown(page);
    await page.waitForTimeout(1000);
    const [, still] = await bounds();
    await HANDS.mouse(page, "‹ Back");
    const place = Number(await slider.inputValue());
    return (
      (last - first > 2 && reason === "" && still === last && place === last - 1) || {
        first,
        last,
        reason,
        still,
        place,
      }
    );
  });
  await page.context().close();
}

// To and fro in what has been done.
async function tryMoments() {
  const page = await open();
  const slider = page.getByLabel("Moment");
  const place = () => page.locator(".em-moments span").innerText();
  await expect("a long run is gone back through half-step by half-step", async () => {
    await HANDS.mouse(page, "One component too many");
    await HANDS.mouse(page, "Run");
    await rested(page);
    const wanted = await page.evaluate(() => {
      const lab = globalThis.emLaboratory;
      let state = lab.begin(lab.sceneOf("one-too-many"));
      const found = [];
      for (let i = 1; i <= 2412; i++) {
        state = i % 2 ? lab.stepE(state) : lab.stepM(state);
        if (i > 1001 && i < 1031) found.unshift(state.parameters.means.map((m) => String(Number(m.toPrecision(4)))));
      }
      return { means: found, reason: state.stop.reason };
    });
    const whole = await place();
    const first = Number(await slider.getAttribute("min"));
    await slider.fill(String(first + 1031));
    const found = [];
    for (let i = 0; i < wanted.means.length; i++) {
      await page.keyboard.press("b");
      found.push((await shown(page)).components.map(([, mean]) => String(mean)));
    }
    const isSame = JSON.stringify(found) === JSON.stringify(wanted.means);
    return (
      (whole === "2413 of 2413" && (await place()) === "1003 of 2413" && isSame) || { whole, found }
    );
  });
  await expect("the slider goes through the present scene, and Back beyond its start", async () => {
    await HANDS.mouse(page, "Two coins");
    const fresh = [await place(), await slider.isDisabled()].join();
    await HANDS.mouse(page, "E-step");
    await HANDS.mouse(page, "M-step");
    const three = await place();
    await slider.fill(await slider.getAttribute("min"));
    const start = await shown(page);
    await HANDS.mouse(page, "‹ Back");
    const before = await page.locator(".em-chip[aria-pressed=true]").innerText();
    return (
      (fresh === "1 of 1,true" &&
        three === "3 of 3" &&
        start.components[0][1] === 0.6 &&
        before === "One component too many") || { fresh, three, start, before }
    );
  });
  await expect("Start again, and its key, show a scene as it began", async () => {
    await HANDS.mouse(page, "Two humps");
    const start = await shown(page);
    const isStart = async () => JSON.stringify(await shown(page)) === JSON.stringify(start);
    await HANDS.mouse(page, "Run");
    await rested(page);
    const end = await isStart();
    await HANDS.mouse(page, "Start again");
    const pressed = await isStart();
    await page.keyboard.press("e");
    await page.keyboard.press("m");
    await page.keyboard.press("s");
    const byKey = await isStart();
    return (!end && pressed && byKey) || { end, pressed, byKey };
  });
  await expect("Start again shows where an experiment of one's own began", async () => {
    await HANDS.mouse(page, "random responsibilities");
    const { components } = await shown(page);
    await HANDS.mouse(page, "Run");
    await rested(page);
    await HANDS.mouse(page, "Start again");
    const again = await shown(page);
    return JSON.stringify(again.components) === JSON.stringify(components) || again;
  });
  await expect("Start again, pressed twice, leads back to the scene", async () => {
    await HANDS.mouse(page, "Two humps");
    const start = JSON.stringify(await shown(page));
    await HANDS.mouse(page, "random responsibilities");
    const own = JSON.stringify(await shown(page));
    await HANDS.mouse(page, "E-step");
    await HANDS.mouse(page, "Start again");
    const once = JSON.stringify(await shown(page));
    await HANDS.mouse(page, "Start again");
    const twice = JSON.stringify(await shown(page));
    return (own !== start && once === own && twice === start) || { start, own, once, twice };
  });
  await expect("what is copied is said on its button, until there is something else", async () => {
    const button = page.locator(".em-line button", { hasText: /^\s*Cop/ });
    const before = (await button.innerText()).trim();
    await button.click();
    await page.locator(".em-line button", { hasText: "Copied" }).waitFor();
    const same =
      (await page.evaluate(() => navigator.clipboard.readText())) ===
      (await page.locator(".em-address input").inputValue());
    await HANDS.mouse(page, "E-step");
    await HANDS.mouse(page, "M-step");
    const after = (await button.innerText()).trim();
    return (before === "Copy" && same && after === "Copy") || { before, same, after };
  });
  await expect("in a chapter, a scene starts again, and k-means has its hard step", async () => {
    await page.evaluate(() => {
      for (const scene of ["k-means", "faithful"]) {
        const place = document.body.appendChild(document.createElement("div"));
        place.id = `em-${scene}`;
        globalThis.emLaboratory.mountLaboratory(place, { scene, compact: true });
      }
    });
    const scene = page.locator("#em-k-means");
    const press = (name) => scene.getByRole("button", { name, exact: true }).click();
    await press("Run");
    await scene.getByRole("button", { name: "Run", exact: true }).waitFor();
    await press("Hard step");
    const words = await scene.locator(".em-said").textContent();
    await press("Start again");
    const place = await scene.locator(".em-moments span").innerText();
    const other = await page.locator("#em-faithful").getByRole("button", { name: "Hard step" }).count();
    return (
      (words.startsWith("Hard step") && place === "1 of 1" && other === 0) || { words, place, other }
    );
  });
  await expect("another address in the same page shows another scene", async () => {
    await page.evaluate(() => (location.hash = "#scene=galaxies"));
    await page.waitForTimeout(100);
    const title = await page.locator(".em-chip[aria-pressed=true]").innerText();
    return title === "Galaxies" || title;
  });
  await page.context().close();
}

const PARTS = {
  hands: tryHands,
  touch: tryTouch,
  run: tryRun,
  moments: tryMoments,
  "scenes by mouse": () => tryScenes("mouse"),
  "scenes by touch": () => tryScenes("touch"),
  "scenes by keyboard": () => tryScenes("keyboard"),
  glance: tryGlance,
  stills: tryStills,
  screens: tryScreens,
  frames: tryFrames,
};
for (const [name, tryPart] of Object.entries(PARTS)) {
  const before = passed + failed;
  await tryPart();
  const count = passed + failed - before;
  if (!count) await expect(name, () => "nothing was tried");
}
await browser.close();
console.log(`The laboratory: ${passed} passed, ${failed} failed`);
exit(failed ? 1 : 0);
