// From TypeScript to a WebAssembly module: translates, and assembles with the compiler's own assembler.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { assemble } from "../../driver.ts";
import { WASM_3_0 } from "../../wasm/features.ts";
import { translate } from "./module.ts";
import type { Site } from "./output.ts";

export const ROOT: string = join(import.meta.dirname, "..", "..");

/** Of the folder of the run time, but none of its files: what the compiler exports, and what is text already. */
const OTHERS: ReadonlySet<string> = new Set(["exports.ts", "prelude.ts"]);

function runtimeFiles(): string[] {
  const folder = join(ROOT, "self");
  const names = readdirSync(folder).filter((name) => name.endsWith(".ts") && !OTHERS.has(name));
  return names.sort().map((name) => join(folder, name));
}

export class Built {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly sites: readonly Site[];

  constructor(text: string, bytes: Uint8Array, sites: readonly Site[]) {
    this.text = text;
    this.bytes = bytes;
    this.sites = sites;
  }
}

/** Throws what the translator refuses, with file and line. `replaced`: text instead of that of files, by path. */
export function build(entry: string, replaced: ReadonlyMap<string, string>): Built {
  const { text, sites } = translate(ROOT, runtimeFiles(), entry, { replaced, checksSums: true });
  const { bytes, diagnostic } = assemble(new TextEncoder().encode(text), WASM_3_0);
  if (diagnostic !== null) {
    const { line, column, message, detail } = diagnostic;
    const around = text.split("\n")[line - 1]?.slice(Math.max(0, column - 200), column + 200);
    throw new Error(`translated text, ${line}:${column}: ${message} ${detail}\n${around}`);
  }
  return new Built(text, bytes, sites);
}
