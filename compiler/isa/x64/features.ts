// What instructions a CPU may lack. Code for plain x86-64 needs none of these.

import { Feature } from "../../mach/target.ts";
import { BMI1, BMI2, LZCNT, POPCNT, SSE41 } from "./insts.ts";

/** Registers that cpuid writes, by the number in IR: ir/ops.ts. */
const B = 1;
const C = 2;

/** Those of one leaf and register follow one another. */
export const FEATURES: readonly Feature[] = [
  new Feature("sse41", "SSE4.1", SSE41, 2, 1, C, 19),
  new Feature("popcnt", "POPCNT", POPCNT, 2, 1, C, 23),
  new Feature("bmi1", "BMI1", BMI1, 3, 7, B, 3),
  new Feature("bmi2", "BMI2", BMI2, 3, 7, B, 8),
  new Feature("lzcnt", "LZCNT", LZCNT, 3, 0x80000001 | 0, C, 5),
];

/** What x86-64-v2 has of them: all but old CPUs, and some that virtual machines imitate. */
export const X86_64_V2: number = POPCNT | SSE41;
