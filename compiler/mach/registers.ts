// What the allocator knows of a machine: its registers, for the function being allocated, and which
// instructions can be repeated. A target's abi.ts builds one per calling convention.

import { F32, F64, V128 } from "../ir/ops.ts";
import { FLOAT, GENERAL, type RegisterSet } from "./code.ts";

export class RegisterInfo {
  /** By class: the registers the allocator may use, in order of preference (those that cost nothing first). */
  readonly allocatable: readonly Int32Array[];
  /** By class: the register that breaks cycles of moves and carries slots to slots. Never allocatable. */
  readonly scratch: Int32Array;
  /** Registers that this function has to save before it writes them, and that calls keep for it. */
  readonly calleeSaved: RegisterSet;
  /** Names by register number, for printers and diagnostics. */
  readonly names: readonly string[];
  /**
   * By instruction number: 1 where the instruction may be repeated instead of keeping its result: it has one
   * DEF, no USE, no effect, and neither reads nor writes flags.
   */
  readonly rematerialisable: Uint8Array;

  constructor(
    allocatable: readonly Int32Array[],
    scratch: Int32Array,
    calleeSaved: RegisterSet,
    names: readonly string[],
    rematerialisable: Uint8Array,
  ) {
    this.allocatable = allocatable;
    this.scratch = scratch;
    this.calleeSaved = calleeSaved;
    this.names = names;
    this.rematerialisable = rematerialisable;
  }
}

/** The register class of values of an IR type. */
export function classOf(type: number): number {
  return type === F32 || type === F64 || type === V128 ? FLOAT : GENERAL;
}

/** The class of a physical register. */
export function classOfRegister(register: number): number {
  return register < 32 ? GENERAL : FLOAT;
}

/** Bytes of the spill slot of a value of an IR type. */
export function slotSizeOf(type: number): number {
  return type === V128 ? 16 : 8;
}
