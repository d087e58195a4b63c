// How a module is to be compiled.

import type { Features } from "./wasm/features.ts";

export class Options {
  /** Last component of the Python module's name: the image's init function is named after it. */
  readonly leaf: string;
  readonly features: Features;
  /** 0: only what is needed; 2: all passes. */
  readonly level: number;
  /** Memories are bounds-checked instead of guarded. */
  readonly checked: boolean;
  /** Integers from Python that do not fit wrap around instead of raising OverflowError. */
  readonly wrap: boolean;
  /** Loops test for interrupts. */
  readonly interrupts: boolean;
  /** Bits of the target's features beyond its baseline. */
  readonly cpu: number;
  /** Verify IR and allocations: for tests and fuzzing. */
  readonly verified: boolean;
  /** Calls run without the lock of the interpreter: a module that imports nothing (python/nogil.ts). */
  readonly nogil: boolean;

  constructor(
    leaf: string,
    features: Features,
    level: number,
    checked: boolean,
    wrap: boolean,
    interrupts: boolean,
    cpu: number,
    verified: boolean,
    nogil: boolean,
  ) {
    this.leaf = leaf;
    this.features = features;
    this.level = level;
    this.checked = checked;
    this.wrap = wrap;
    this.interrupts = interrupts;
    this.cpu = cpu;
    this.verified = verified;
    this.nogil = nogil;
  }
}
