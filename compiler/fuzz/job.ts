// One seed on its way: tree, binary, what V8 makes of it, the image. Half of the settings come from the seed.

import { writeFileSync } from "node:fs";
import { compile, Options } from "../driver.ts";
import { cpuFeatures } from "../isa/x64/target.ts";
import { WASM_3_0 } from "../wasm/features.ts";
import { type Foreign, foreignOf, observe } from "./observe.ts";
import type { Tree } from "./tree.ts";

/** Seeds that a worker process runs: all with or all without guarded memories. */
export const BLOCK = 256;

export interface Job {
  readonly seed: number;
  readonly image: string;
  /** Name, arguments, number of results. */
  readonly calls: readonly (readonly [string, readonly string[], number])[];
  readonly foreign: Foreign;
  readonly expected: readonly string[];
  readonly settings: string;
  /** Instead of the image. */
  readonly error?: string;
}

export interface Settings {
  readonly level: number;
  readonly checked: boolean;
  readonly cpu: number;
}

export function settingsOf(seed: number, host: readonly string[]): Settings {
  return {
    level: seed % 4 === 0 ? 0 : 2,
    checked: Math.floor(seed / BLOCK) % 2 === 1,
    cpu: seed % 3 === 0 ? 0 : cpuFeatures(host),
  };
}

export function job(seed: number, tree: Tree, binary: Uint8Array, settings: Settings, path: string): Job {
  const expected = observe(binary, tree);
  const { level, checked, cpu } = settings;
  const compiled = compile(binary, new Options("wasm", WASM_3_0, level, checked, false, true, cpu, true));
  const results = (name: string) =>
    tree.types[tree.funcs.find((f) => f.exported === name)!.type].results.length;
  const made = {
    seed,
    image: path,
    calls: tree.calls.map(({ name, args }) => [name, args, results(name)] as const),
    foreign: foreignOf(tree),
    expected,
    settings: `level ${level}${checked ? ", checked" : ""}, cpu ${cpu}`,
  };
  const { diagnostic } = compiled;
  if (diagnostic !== null) return { ...made, error: `${diagnostic.message}: ${diagnostic.detail}` };
  writeFileSync(path, compiled.bytes);
  return made;
}
