// One seed on its way: scene, binaries, what V8 makes of them, the images. The settings come from the seed.

import { writeFileSync } from "node:fs";
import { compile, DEFAULTS } from "../driver.ts";
import { cpuFeatures } from "../targets.ts";
import { encode } from "./encode.ts";
import { type Foreign, foreignOf, observe, shownOf } from "./observe.ts";
import type { Scene } from "./tree.ts";

/** Seeds that a worker process runs: all with or all without guarded memories. */
export const BLOCK = 256;

export interface Part {
  readonly name: string;
  readonly image: string;
  readonly foreign: Foreign;
  /** Memories and tables to look at. */
  readonly shown: readonly string[];
  /** Bytes of the binary, and how many functions it has. */
  readonly size: number;
  readonly functions: number;
}

export interface Job {
  readonly seed: number;
  readonly parts: readonly Part[];
  /** Part, name, arguments, number of results. */
  readonly calls: readonly (readonly [string, string, readonly string[], number])[];
  readonly expected: readonly string[];
  readonly settings: string;
  /** Instead of the images. */
  readonly error?: string;
}

export interface Settings {
  readonly level: number;
  readonly checked: boolean;
  readonly interrupts: boolean;
  readonly cpu: number;
}

export function settingsOf(seed: number, host: readonly string[]): Settings {
  return {
    level: seed % 4 === 0 ? 0 : 2,
    checked: Math.floor(seed / BLOCK) % 2 === 1,
    interrupts: seed % 5 !== 0,
    cpu: seed % 3 === 0 ? 0 : cpuFeatures(DEFAULTS.target, host),
  };
}

/** `path`: how the files of the images begin. */
export function job(seed: number, scene: Scene, settings: Settings, path: string): Job {
  const binaries = scene.trees.map((tree) => encode(tree));
  const expected = observe(scene, binaries);
  const { level, checked, interrupts, cpu } = settings;
  const parts = scene.trees.map((tree, i) => ({
    name: tree.name,
    image: `${path}${tree.name}.so`,
    foreign: foreignOf(tree),
    shown: shownOf(tree),
    size: binaries[i].length,
    functions: tree.funcs.length,
  }));
  const results = (instance: string, name: string) => {
    const tree = scene.trees.find((t) => t.name === instance)!;
    return tree.types[tree.funcs.find((f) => f.exported === name)!.type].results.length;
  };
  const made = {
    seed,
    parts,
    calls: scene.calls.map(
      ({ instance, name, args }) => [instance, name, args, results(instance, name)] as const,
    ),
    expected,
    settings: `level ${level}${checked ? ", checked" : ""}${interrupts ? "" : ", no interrupts"}, cpu ${cpu}`,
  };
  for (const [i, binary] of binaries.entries()) {
    const { bytes, diagnostic } = compile(binary, {
      ...DEFAULTS,
      level,
      checked,
      interrupts,
      cpu,
      verified: true,
    });
    if (diagnostic !== null) return { ...made, error: `${diagnostic.message}: ${diagnostic.detail}` };
    writeFileSync(parts[i].image, bytes);
  }
  return made;
}
