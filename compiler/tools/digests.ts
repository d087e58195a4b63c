// node tools/digests.ts WHAT...: a line for each module (corpus.ts) and way to compile it, with a digest of the image
// or the diagnostic. What must not change generated code is tried by comparing the lines before and after.

import { createHash } from "node:crypto";
import { type Compiled, compile, disassemble, Options } from "../driver.ts";
import { prebuild } from "../prebuilt.ts";
import { commonTypes } from "../shared.ts";
import { WASM_3_0 } from "../wasm/features.ts";
import { samples } from "./corpus.ts";

function digest({ bytes, diagnostic }: Compiled): string {
  if (diagnostic === null) return createHash("sha256").update(bytes).digest("hex").slice(0, 24);
  const { kind, message, detail, at, line, column, function: name } = diagnostic;
  return JSON.stringify([kind, message, kind === 4 ? "" : detail, at, line, column, name]);
}

prebuild(commonTypes());
let seed = 0;
for (const { name, bytes } of samples(process.argv.slice(2))) {
  const cpu = seed++ & 31;
  const optimised = new Options("m", WASM_3_0, 2, false, false, true, cpu, false, false);
  const quick = new Options("m", WASM_3_0, 0, true, true, false, 0, true, false);
  const digests = [compile(bytes, optimised), compile(bytes, quick), disassemble(bytes, WASM_3_0)];
  console.log(name, ...digests.map(digest));
}
