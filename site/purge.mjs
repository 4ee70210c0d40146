// Reads style sheets, and the words of pages and scripts, as JSON; prints the sheets, as JSON, without
// what no page can use. Attributes change while a page is read, so their rules stay.
import { readFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

const { words, sheets } = JSON.parse(readFileSync(0, "utf8"));
const attributes = new Set(sheets.flatMap((sheet) => [...sheet.matchAll(/\[([\w-]+)/g)].map(([, name]) => name)));
const results = await new PurgeCSS().purge({
  content: [{ raw: words, extension: "txt" }],
  css: sheets.map((raw) => ({ raw })),
  defaultExtractor: (text) => text.split(" "),
  dynamicAttributes: [...attributes],
  keyframes: true,
});
process.stdout.write(JSON.stringify(results.map(({ css }) => css)));
