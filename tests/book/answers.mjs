// Verdicts of the page's script on answers, for a test: JSON from standard input, JSON out.
import { argv, stdin } from "node:process";
import { json } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

await import(pathToFileURL(argv[2]));
const { grade, reveal } = globalThis.EmAnswers;
const asked = await json(stdin);
console.log(JSON.stringify(asked.map(({ key, texts }) => texts.map((text) => grade(text, reveal(key))))));
