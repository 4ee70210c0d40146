// Typesets formulas for katex_math.py: a line of JSON in, a line of JSON out, until the input ends.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import katex from "./katex.mjs";

const macros = JSON.parse(readFileSync(new URL("macros.json", import.meta.url), "utf8"));

function typeset({ tex, display }) {
  try {
    // A copy of the macros, so that no formula can redefine them for the next.
    const options = { displayMode: display, output: "htmlAndMathml", strict: "error" };
    return { html: katex.renderToString(tex, { ...options, macros: { ...macros } }) };
  } catch (error) {
    return { error: `KaTeX: ${error.rawMessage ?? error.message}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(typeset(JSON.parse(line)))}\n`);
}
