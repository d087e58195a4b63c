// Calling conventions of x86-64, in the order of CONV_… of ir/program.ts, and the registers there are to allocate.

import { EMPTY_SET, RegisterSet } from "../../mach/code.ts";
import { CONSTANT } from "../../mach/pseudo.ts";
import { RegisterInfo } from "../../mach/registers.ts";
import { Convention } from "../../mach/target.ts";
import { ROWS } from "./insts.ts";
import * as r from "./regs.ts";
import { registerName } from "./regs.ts";

const FLOATS: readonly number[] = Array.from({ length: 8 }, (_, i) => r.XMM0 + i);

function setOf(registers: readonly number[]): RegisterSet {
  let general = 0;
  let float = 0;
  for (const register of registers) {
    if (register < 32) general |= 1 << register;
    else float |= 1 << (register - 32);
  }
  return new RegisterSet(general, float);
}

const ALL_FLOATS: readonly number[] = Array.from({ length: 15 }, (_, i) => r.XMM0 + i);
const VOLATILE: readonly number[] = [r.RAX, r.RCX, r.RDX, r.RSI, r.RDI, r.R8, r.R9, r.R10];
const SAVED: readonly number[] = [r.RBX, r.RBP, r.R12, r.R13];

export const EVERYTHING: RegisterSet = setOf([...VOLATILE, ...SAVED, ...ALL_FLOATS]);

/** The instance and the base of its memory 0. */
export const PINNED: RegisterSet = setOf([r.R14, r.R15]);

const CLOBBERS = setOf([...VOLATILE, ...ALL_FLOATS]);

const WASM_PARAMS = [r.RDI, r.RSI, r.RDX, r.RCX, r.R8, r.R9, r.R10, r.RAX];
const WASM_RESULTS = [r.RAX, r.RDX, r.RCX, r.RSI, r.RDI, r.R8, r.R9, r.R10];

const WASM = new Convention(WASM_PARAMS, FLOATS, WASM_RESULTS, FLOATS, CLOBBERS, setOf(SAVED), true, true);

/** System V. */
const C = new Convention(
  [r.RDI, r.RSI, r.RDX, r.RCX, r.R8, r.R9],
  FLOATS,
  [r.RAX, r.RDX],
  [r.XMM0, r.XMM1],
  CLOBBERS,
  setOf([...SAVED, r.R14, r.R15]),
  false,
  false,
);

const PRESERVE_ALL = new Convention(
  WASM_PARAMS,
  FLOATS,
  WASM_RESULTS,
  FLOATS,
  EMPTY_SET,
  EVERYTHING,
  true,
  true,
);

export const CONVENTIONS: readonly Convention[] = [WASM, C, PRESERVE_ALL];

const NAMES: readonly string[] = Array.from({ length: 48 }, (_, register) =>
  register < 16 || register >= r.XMM0 ? registerName(register, 64) : "",
);
const REPEATABLE: Uint8Array = Uint8Array.from(ROWS, (row) => ((row.flags & CONSTANT) !== 0 ? 1 : 0));

export const REGISTERS: readonly RegisterInfo[] = CONVENTIONS.map(
  (convention) =>
    new RegisterInfo(
      [Int32Array.from([...VOLATILE, ...SAVED]), Int32Array.from(ALL_FLOATS)],
      Int32Array.from([r.SCRATCH, r.FLOAT_SCRATCH]),
      convention.saved,
      NAMES,
      REPEATABLE,
    ),
);
