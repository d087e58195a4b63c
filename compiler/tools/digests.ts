// node tools/digests.ts WHAT...: for each module (corpus.ts) a line with its name, a digest of its bytes, and of its
// image in every setting; where there is none, the diagnostic. tests/images.py records and compares them: what must not
// change generated code is proved that way.

import { createHash } from "node:crypto";
import { type Compiled, compile, DEFAULTS, type Options } from "../driver.ts";
import { prebuild } from "../prebuilt.ts";
import { commonTypes } from "../shared.ts";
import { cpuFeatures } from "../targets.ts";
import { samples } from "./corpus.ts";

const CPU = cpuFeatures(DEFAULTS.target, ["sse41", "popcnt", "bmi1", "bmi2", "lzcnt"]);

const MODULE: Options = { ...DEFAULTS, leaf: "m", cpu: CPU };

/** By name; without the lock only modules compile that import nothing. */
const SETTINGS: ReadonlyMap<string, Options> = new Map([
  ["fast", MODULE],
  ["quick", { ...MODULE, level: 0, checked: true, wrap: true, interrupts: false, verified: true }],
  ["checked", { ...MODULE, checked: true }],
  ["baseline", { ...MODULE, cpu: 0, interrupts: false }],
  ["nogil", { ...MODULE, nogil: true }],
]);

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

/** A failure's stack is no part of it: it names lines of the compiler. */
function resultOf({ bytes, diagnostic }: Compiled): string {
  if (diagnostic === null) return digest(bytes);
  const { kind, message, detail, at, line, column, function: name } = diagnostic;
  return JSON.stringify([kind, message, kind === 4 ? "" : detail, at, line, column, name]);
}

prebuild(commonTypes());
const seen = new Set<string>();
for (const { name, bytes } of samples(process.argv.slice(2))) {
  const input = digest(bytes);
  if (seen.has(input)) continue; // the suites repeat each other's modules
  seen.add(input);
  const results = [...SETTINGS].map(([setting, options]) => [setting, resultOf(compile(bytes, options))]);
  console.log(JSON.stringify([name, input, Object.fromEntries(results)]));
}
