// Modules to try a compiler on: golden files, scripts of the test suites, files, seeds of the fuzzer. Each has a name
// that says where it is from, and bytes: a binary, or a text.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/fail.ts";
import { encode } from "../fuzz/encode.ts";
import { generate } from "../fuzz/generate.ts";
import { WASM_3_0 } from "../wasm/features.ts";
import type { Command } from "../wat/commands.ts";
import { ScriptParser } from "../wat/wast.ts";

export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Scripts (`.wast`) of which each module that assembles becomes a binary; other files as they are. */
const SOURCE = /\.(wast|wat|wasm)$/;

function filesUnder(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).sort();
  return names.flatMap((name) => filesUnder(join(path, name))).filter((file) => SOURCE.test(file));
}

/** The commands of a script; none where one cannot be read. */
function commandsOf(file: string): Command[] {
  try {
    const parser = new ScriptParser(readFileSync(file));
    const commands: Command[] = [];
    for (let command = parser.next(); command !== null; command = parser.next()) commands.push(command);
    return commands;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [];
  }
}

function* modulesOf(file: string): Generator<Sample> {
  for (const [k, { module }] of commandsOf(file).entries()) {
    if (module === null) continue;
    try {
      yield { name: `${file}#${k}`, bytes: module.assemble(WASM_3_0).bytes.slice() };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
}

/** `what`: files, folders, and ranges of seeds as `seeds:FROM-TO`. */
export function* samples(what: readonly string[]): Generator<Sample> {
  for (const word of what) {
    const range = /^seeds:(\d+)-(\d+)$/.exec(word);
    if (range === null) {
      for (const file of filesUnder(word)) {
        if (file.endsWith(".wast")) yield* modulesOf(file);
        else yield { name: file, bytes: readFileSync(file) };
      }
      continue;
    }
    for (let seed = Number(range[1]); seed < Number(range[2]); seed++) {
      for (const [i, tree] of generate(seed).trees.entries()) {
        yield { name: `seed ${seed}.${i}`, bytes: encode(tree) };
      }
    }
  }
}
