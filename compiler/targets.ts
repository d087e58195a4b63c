// What code is made for: machines under systems. Nothing else names them; what a machine is to the compiler is a Target
// (mach/target.ts), made in its folder of isa/, and what a system is to the run time a System (runtime/).

import { fail } from "./base/fail.ts";
import { FEATURES } from "./isa/x64/features.ts";
import { x64Target } from "./isa/x64/target.ts";
import type { Feature, Target } from "./mach/target.ts";
import { LINUX_X64, type System } from "./runtime/linux.ts";

export const X86_64_LINUX = "x86_64-linux";

export interface TargetRow {
  readonly name: string;
  /** What CPUs of the machine may lack. */
  readonly features: readonly Feature[];
  /** The machine with the system's conventions; for CPUs with these features, as bits. */
  readonly target: (features: number) => Target;
  readonly system: System;
}

const TARGETS: readonly TargetRow[] = [
  { name: X86_64_LINUX, features: FEATURES, target: x64Target, system: LINUX_X64 },
];

/** The row of that name. Fails where there is none. */
export function targetNamed(name: string): TargetRow {
  const row = TARGETS.find((r) => r.name === name);
  if (row === undefined) {
    const known = TARGETS.map((r) => r.name).join(", ");
    return fail("no such target", -1, `${name}; there are ${known}`);
  }
  return row;
}

/** The bits of a target's features by their names; unknown ones do not count. */
export function cpuFeatures(target: string, names: readonly string[]): number {
  let features = 0;
  for (const f of targetNamed(target).features) {
    if (names.includes(f.name)) features |= f.bit;
  }
  return features;
}
