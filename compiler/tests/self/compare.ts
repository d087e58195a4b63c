// node tests/self/compare.ts DIRECTORY WHAT...: compares the translated compiler, which tools/self.ts wrote to the
// directory, with the one that Node runs, on the modules of tools/corpus.ts. `mutate:N` changes N modules in places and
// compares what becomes of them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { prebuild } from "../../prebuilt.ts";
import { commonTypes } from "../../shared.ts";
import { samples } from "../../tools/corpus.ts";
import { Site } from "../../tools/self/output.ts";
import { Comparison, changed, random } from "./comparison.ts";
import { TranslatedCompiler } from "./compiler.ts";

/** Changed modules are no larger, so that there can be many. */
const MOST_BYTES = 20000;

const [directory, ...what] = process.argv.slice(2);
const sites = readFileSync(join(directory, "compiler.sites"), "utf8")
  .split("\n")
  .map((line) => new Site(line.split(" ")[0], line.slice(line.indexOf(" ") + 1)));
const translated = new TranslatedCompiler(readFileSync(join(directory, "compiler.wasm")), sites);
const comparison = new Comparison(translated);
prebuild(commonTypes());

const mutate = what.find((w) => w.startsWith("mutate:"));
const pool: Uint8Array[] = [];
for (const sample of samples(what.filter((w) => w !== mutate))) {
  if (mutate === undefined) comparison.all(sample);
  else if (sample.bytes.length > 8 && sample.bytes.length < MOST_BYTES) pool.push(sample.bytes);
}
for (let k = 0; k < Number(mutate?.slice("mutate:".length) ?? 0); k++) {
  comparison.briefly({ name: `change ${k}`, bytes: changed(pool[random(pool.length)]) });
}
const { modules, results, diagnostics, differences } = comparison;
console.log(
  `${modules} modules: ${results} results and ${diagnostics} diagnostics are equal, ${differences.length} are not`,
);
for (const difference of differences.slice(0, 20)) console.log(difference);
if (differences.length > 0) process.exit(1);
