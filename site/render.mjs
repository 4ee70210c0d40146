// Typesets formulas for katex_math.py: a line of JSON in, a line of JSON out, until the input ends.
import { createInterface } from "node:readline";
import katex from "./katex.mjs";

function typeset({ tex, display, output }) {
  try {
    const options = { displayMode: display, output, strict: "error" };
    return { html: katex.renderToString(tex, options) };
  } catch (error) {
    return { error: `KaTeX: ${error.rawMessage ?? error.message}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(typeset(JSON.parse(line)))}\n`);
}
