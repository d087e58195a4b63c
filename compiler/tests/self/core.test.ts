// The compiler compiled by itself, in V8: of the same modules it makes the same images, texts, binaries and diagnostics
// as the compiler that Node runs. `node tools/self/compare.ts` does the same with whole suites.

import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { prebuild } from "../../prebuilt.ts";
import { commonTypes } from "../../shared.ts";
import { samples } from "../../tools/corpus.ts";
import { type Built, build, ROOT } from "../../tools/self/build.ts";
import { Comparison, changed, random } from "../../tools/self/comparison.ts";
import { TranslatedCompiler } from "../../tools/self/compiler.ts";
import { prebuiltSource } from "../../tools/self/prebuilt.ts";

const GOLDEN = join(ROOT, "tests", "golden");

let built: Built;
let comparison: Comparison;

beforeAll(() => {
  prebuild(commonTypes());
  built = build(join(ROOT, "self", "exports.ts"), new Map([[join(ROOT, "prebuilt.ts"), prebuiltSource()]]));
}, 300000);

test("golden files", { timeout: 120000 }, () => {
  comparison = new Comparison(new TranslatedCompiler(built.bytes, built.sites));
  for (const sample of samples([GOLDEN])) comparison.all(sample);
  expect(comparison.differences).toEqual([]);
  expect(comparison.results).toBeGreaterThan(100);
});

test("modules of the fuzzer", { timeout: 120000 }, () => {
  for (const sample of samples(["seeds:0-12"])) comparison.all(sample);
  expect(comparison.differences).toEqual([]);
});

test("modules that were changed", { timeout: 120000 }, () => {
  const pool = [...samples([GOLDEN, "seeds:20-24"])].filter(({ bytes }) => bytes.length < 10000);
  for (let k = 0; k < 300; k++) {
    comparison.briefly({ name: `change ${k}`, bytes: changed(pool[random(pool.length)].bytes) });
  }
  expect(comparison.differences).toEqual([]);
  expect(comparison.diagnostics).toBeGreaterThan(100);
});
