// node tools/self.ts OUT [MODULE...]: the compiler compiled by itself. In OUT:
//   compiler.wat, compiler.wasm  what the translator makes of the TypeScript sources, as text and assembled
//   compiler.sites               line n says where check n stands
//   compiler.so                  what the package opens: the compiler that Node runs made it of compiler.wasm
//   compiler-checked.so          the same with bounds checks, for little address space
//   identity                     what tells this compiler from every other
//   sources                      digest of the sources that it was made of; as old as the beginning of the work
// For those who compare: NAME.image, what the compiler that Node runs makes of each MODULE.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { compile, DEFAULTS } from "../driver.ts";
import { prebuild } from "../prebuilt.ts";
import { commonTypes } from "../shared.ts";
import { build, ROOT } from "./self/build.ts";
import { prebuiltSource } from "./self/prebuilt.ts";

/** Folders whose files the compiler does not depend on, or that are made of others. */
const OTHERS: ReadonlySet<string> = new Set(["node_modules", "tests", "fuzz", "gen"]);

function sourceFiles(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return OTHERS.has(entry.name) ? [] : sourceFiles(path);
    return /\.(ts|rules)$/.test(entry.name) ? [path] : [];
  });
}

/** As the package computes it (python/wasmpy/_identity.py). */
function sourcesDigest(): string {
  const hash = createHash("sha256");
  const names = sourceFiles(ROOT).map((path) => relative(ROOT, path));
  for (const name of names.sort()) {
    const bytes = readFileSync(join(ROOT, name));
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/** The extension module `leaf`, for the baseline. */
function imageOf(path: string, leaf: string, checked: boolean, nogil: boolean): Uint8Array {
  const options = { ...DEFAULTS, leaf, checked, nogil };
  const { bytes, diagnostic } = compile(readFileSync(path), options);
  if (diagnostic !== null) throw new Error(`${path}: ${diagnostic.message} ${diagnostic.detail}`);
  return bytes;
}

const [out, ...modules] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: node tools/self.ts OUT [MODULE...]");

/** Writes a file whole: an image in its place may be open, and must stay as it is. */
function put(name: string, content: Uint8Array | string): void {
  const path = join(out, name);
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

mkdirSync(out, { recursive: true });
rmSync(join(out, "sources"), { force: true });
const started = new Date();
const sources = sourcesDigest();
const begun = process.cpuUsage();
const entry = join(ROOT, "self", "exports.ts");
const { text, bytes, sites } = build(entry, new Map([[join(ROOT, "prebuilt.ts"), prebuiltSource()]]));
put("compiler.wat", text);
put("compiler.wasm", bytes);
put("compiler.sites", sites.map(({ where, what }) => `${where} ${what}\n`).join(""));
const { user, system } = process.cpuUsage(begun);
const seconds = ((user + system) / 1e6).toFixed(1);
console.log(
  `${text.length} bytes of text, ${bytes.length} of WebAssembly, ${sites.length} checks; ${seconds} s of CPU`,
);

prebuild(commonTypes());
const binary = join(out, "compiler.wasm");
put("compiler.so", imageOf(binary, "compiler", false, true));
put("compiler-checked.so", imageOf(binary, "compiler", true, true));
for (const path of modules) put(`${basename(path)}.image`, imageOf(path, "m", false, false));
put("identity", createHash("sha256").update(bytes).digest("hex"));
put("sources", sources);
utimesSync(join(out, "sources"), started, started);
