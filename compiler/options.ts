// How a module is to be compiled: data, which threads hand to each other.

import { X86_64_LINUX } from "./targets.ts";
import { type Features, WASM_3_0 } from "./wasm/features.ts";

export interface Options {
  /** Last component of the Python module's name: the image's init function is named after it. */
  readonly leaf: string;
  readonly features: Features;
  /** Name of a row of targets.ts. */
  readonly target: string;
  /** Bits of the target's features beyond its baseline. */
  readonly cpu: number;
  /** 0: only what is needed; 2: all passes. */
  readonly level: number;
  /** Memories are bounds-checked instead of guarded. */
  readonly checked: boolean;
  /** Integers from Python that do not fit wrap around instead of raising OverflowError. */
  readonly wrap: boolean;
  /** Loops test for interrupts. */
  readonly interrupts: boolean;
  /** Verify IR and allocations: for tests and fuzzing. */
  readonly verified: boolean;
  /** Calls run without the lock of the interpreter: a module that imports nothing (python/nogil.ts). */
  readonly nogil: boolean;
}

/** What holds where nothing else is said. */
export const DEFAULTS: Options = {
  leaf: "wasm",
  features: WASM_3_0,
  target: X86_64_LINUX,
  cpu: 0,
  level: 2,
  checked: false,
  wrap: false,
  interrupts: true,
  verified: false,
  nogil: false,
};
