// node tools/self.ts OUT: the compiler compiled by itself, as far as WebAssembly: OUT/compiler.wat, compiler.wasm, and
// compiler.sites, whose line n says where check n stands.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, ROOT } from "./self/build.ts";
import { prebuiltSource } from "./self/prebuilt.ts";

const out = process.argv[2];
if (out === undefined) throw new Error("usage: node tools/self.ts OUT");
mkdirSync(out, { recursive: true });
const begun = process.cpuUsage();
const entry = join(ROOT, "self", "exports.ts");
const { text, bytes, sites } = build(entry, new Map([[join(ROOT, "prebuilt.ts"), prebuiltSource()]]));
writeFileSync(join(out, "compiler.wat"), text);
writeFileSync(join(out, "compiler.wasm"), bytes);
writeFileSync(join(out, "compiler.sites"), sites.map(({ where, what }) => `${where} ${what}\n`).join(""));
const { user, system } = process.cpuUsage(begun);
const seconds = ((user + system) / 1e6).toFixed(1);
console.log(
  `${text.length} bytes of text, ${bytes.length} of WebAssembly, ${sites.length} checks; ${seconds} s of CPU`,
);
