// What instructions a CPU may lack. Code for plain x86-64 needs none of these.

import { BMI1, BMI2, LZCNT, POPCNT, SSE41 } from "./insts.ts";

/** Registers that cpuid writes, by the number in IR: ir/ops.ts. */
const B = 1;
const C = 2;

export class Feature {
  /** As options have it (python/wasmpy/_target.py); as the manual has it. */
  readonly name: string;
  readonly title: string;
  readonly bit: number;
  /** The lowest level of the x86-64 ABI that has it. */
  readonly level: number;
  /** Where cpuid says so: leaf (subleaf 0), register, number of the bit. */
  readonly leaf: number;
  readonly register: number;
  readonly shift: number;

  constructor(
    name: string,
    title: string,
    bit: number,
    level: number,
    leaf: number,
    register: number,
    shift: number,
  ) {
    this.name = name;
    this.title = title;
    this.bit = bit;
    this.level = level;
    this.leaf = leaf;
    this.register = register;
    this.shift = shift;
  }
}

/** Those of one leaf and register follow one another. */
export const FEATURES: readonly Feature[] = [
  new Feature("sse41", "SSE4.1", SSE41, 2, 1, C, 19),
  new Feature("popcnt", "POPCNT", POPCNT, 2, 1, C, 23),
  new Feature("bmi1", "BMI1", BMI1, 3, 7, B, 3),
  new Feature("bmi2", "BMI2", BMI2, 3, 7, B, 8),
  new Feature("lzcnt", "LZCNT", LZCNT, 3, 0x80000001 | 0, C, 5),
];

/** The bits of features by their names; unknown ones do not count. */
export function cpuFeatures(names: readonly string[]): number {
  let features = 0;
  for (const f of FEATURES) {
    if (names.includes(f.name)) features |= f.bit;
  }
  return features;
}

/** What x86-64-v2 has of them: all but old CPUs, and some that virtual machines imitate. */
export const X86_64_V2: number = POPCNT | SSE41;
