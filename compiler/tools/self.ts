// node tools/self.ts OUT [MODULE...]: the compiler compiled by itself, as far as WebAssembly: OUT/compiler.wat,
// compiler.wasm, and compiler.sites, whose line n says where check n stands. For those who compare: OUT/NAME.image, what
// the compiler that Node runs makes of each module and of compiler.wasm, with all passes, for the baseline.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { compile, Options } from "../driver.ts";
import { prebuild } from "../prebuilt.ts";
import { commonTypes } from "../shared.ts";
import { WASM_3_0 } from "../wasm/features.ts";
import { build, ROOT } from "./self/build.ts";
import { prebuiltSource } from "./self/prebuilt.ts";

const [out, ...modules] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: node tools/self.ts OUT [MODULE...]");
mkdirSync(out, { recursive: true });
const begun = process.cpuUsage();
const entry = join(ROOT, "self", "exports.ts");
const { text, bytes, sites } = build(entry, new Map([[join(ROOT, "prebuilt.ts"), prebuiltSource()]]));
const binary = join(out, "compiler.wasm");
writeFileSync(join(out, "compiler.wat"), text);
writeFileSync(binary, bytes);
writeFileSync(join(out, "compiler.sites"), sites.map(({ where, what }) => `${where} ${what}\n`).join(""));
const { user, system } = process.cpuUsage(begun);
const seconds = ((user + system) / 1e6).toFixed(1);
console.log(
  `${text.length} bytes of text, ${bytes.length} of WebAssembly, ${sites.length} checks; ${seconds} s of CPU`,
);

prebuild(commonTypes());
const options = new Options("m", WASM_3_0, 2, false, false, true, 0, false, false);
for (const path of [binary, ...modules]) {
  const { bytes: image, diagnostic } = compile(readFileSync(path), options);
  if (diagnostic !== null) throw new Error(`${path}: ${diagnostic.message} ${diagnostic.detail}`);
  writeFileSync(join(out, `${basename(path)}.image`), image);
}
