// node tools/self/compare.ts DIRECTORY WHAT...: compares the translated compiler, which tools/self.ts wrote to the
// directory, with the one that Node runs: images, texts, binaries, diagnostics of the modules of tools/corpus.ts.
// `mutate:N` changes N modules in places and compares what becomes of them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assemble, compile, disassemble, Options, validate } from "../../driver.ts";
import type { Compiled } from "../../options.ts";
import { prebuild } from "../../prebuilt.ts";
import { commonTypes } from "../../shared.ts";
import { WASM_3_0 } from "../../wasm/features.ts";
import { type Sample, samples } from "../corpus.ts";
import { TranslatedCompiler } from "./compiler.ts";
import { Site } from "./output.ts";

const [directory, ...what] = process.argv.slice(2);
const sites = readFileSync(join(directory, "compiler.sites"), "utf8")
  .split("\n")
  .map((line) => new Site(line.split(" ")[0], line.slice(line.indexOf(" ") + 1)));
const translated = new TranslatedCompiler(readFileSync(join(directory, "compiler.wasm")), sites);
prebuild(commonTypes());

let same = 0;
let failures = 0;
const differences = new Map<string, string[]>();

function describe({ bytes, diagnostic: d }: Compiled): string {
  if (d === null) return `${bytes.length} bytes`;
  return JSON.stringify([d.kind, d.message, d.detail.slice(0, 300), d.at, d.line, d.column, d.function]);
}

function compare(name: string, a: Compiled, b: Compiled): void {
  const [x, y] = [describe(a), describe(b)];
  if (x === y && Buffer.compare(a.bytes, b.bytes) === 0) {
    if (a.diagnostic === null) same++;
    else failures++;
    return;
  }
  const key = y.replace(/\d+/g, "#");
  differences.set(key, [...(differences.get(key) ?? []), `${name}: ${x} / ${y}`]);
}

let count = 0;
function all({ name, bytes }: Sample): void {
  const cpu = count++ & 31;
  const optimised = new Options("m", WASM_3_0, 2, false, false, true, cpu, false);
  const quick = new Options("m", WASM_3_0, 0, true, true, false, 0, true);
  for (const options of [optimised, quick]) {
    compare(`${name} level ${options.level}`, compile(bytes, options), translated.compile(bytes, options));
  }
  compare(`${name} text`, disassemble(bytes, WASM_3_0), translated.run("disassemble", bytes, WASM_3_0));
  if (bytes[0] !== 0)
    compare(`${name} binary`, assemble(bytes, WASM_3_0), translated.run("assemble", bytes, WASM_3_0));
}

/** Numbers that are the same each time. */
let state = 12345;
function random(below: number): number {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state >>> 8) % below;
}

const SPECIAL: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x1f],
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
];
const WORDS: readonly string[] = [
  ...["(", ")", "(;", ";)", ";;", '"', "\\", "$", "(@", "0x", "-", "nan:0x", "4294967296", "1e999999999"],
  ...[
    "0x1p-99999",
    "18446744073709551616",
    "(module",
    "(func",
    "(param i32)",
    "(type 4294967295)",
    "(memory 65537)",
  ],
  ...[
    "(table 4294967295 funcref)",
    "\u00ff",
    "(rec",
    "(sub",
    "local.get 4294967295",
    "block",
    "end",
    "2147483648",
  ],
  ...["-2147483649", "0x80000000", "offset=4294967295", "align=2147483648"],
];

function changed(bytes: Uint8Array): Uint8Array {
  const isText = bytes[0] !== 0;
  const inserted = isText ? [...Buffer.from(WORDS[random(WORDS.length)])] : SPECIAL[random(SPECIAL.length)];
  const at = random(bytes.length);
  const rest = [...bytes.subarray(at + (random(3) === 0 ? random(8) : 0))];
  const begin = [...bytes.subarray(0, at)];
  switch (random(5)) {
    case 0:
      return Uint8Array.from(begin);
    case 1:
      return Uint8Array.from([...begin, random(256), ...rest.slice(1)]);
    case 2:
      return Uint8Array.from([...begin, (rest[0] ?? 0) ^ (1 << random(8)), ...rest.slice(1)]);
    case 3:
      return Uint8Array.from([...begin, ...inserted, ...rest]);
    default:
      return Uint8Array.from([...begin, ...inserted, ...rest.slice(inserted.length)]);
  }
}

const wanted = what.find((w) => w.startsWith("mutate:"));
const pool: Uint8Array[] = [];
for (const sample of samples(what.filter((w) => w !== wanted))) {
  if (wanted === undefined) all(sample);
  else if (sample.bytes.length > 8 && sample.bytes.length < 20000) pool.push(sample.bytes);
}
for (let k = 0; k < Number(wanted?.slice(7) ?? 0); k++) {
  const bytes = changed(pool[random(pool.length)]);
  const options = new Options("m", WASM_3_0, 2, false, false, true, 0, false);
  count++;
  compare(`mutation ${k}`, compile(bytes, options), translated.compile(bytes, options));
  compare(`mutation ${k} check`, validate(bytes, WASM_3_0), translated.run("validate", bytes, WASM_3_0));
}
const all_ = [...differences.values()].reduce((n, rows) => n + rows.length, 0);
console.log(`${count} modules: ${same} results and ${failures} diagnostics are equal, ${all_} are not`);
for (const rows of [...differences.values()].sort((a, b) => b.length - a.length).slice(0, 20)) {
  console.log(rows.length, rows[0].slice(0, 1200));
}
if (all_ > 0) process.exit(1);
