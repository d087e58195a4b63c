// x86-64 as a Target.

import { flags, lower, through } from "../../gen/x64-lower.ts";
import * as x from "../../gen/x64-ops.ts";
import { F32, F64, I32, TYPE_NAMES } from "../../ir/ops.ts";
import type { Code } from "../../mach/code.ts";
import { Moves, Psabi, type Target } from "../../mach/target.ts";
import { CONVENTIONS, EVERYTHING, PINNED, REGISTERS } from "./abi.ts";
import { Disassembler } from "./disassemble.ts";
import { X64Expansion } from "./expand.ts";
import { address, constant, isZero, testFlags } from "./lower.ts";
import { DWARF, MEMORY0 } from "./regs.ts";
import { INSTRUCTIONS } from "./table.ts";
import { RELOCATIONS, TEXT_RULES } from "./text.ts";

/** By type, as ir/ops.ts numbers them; `general` for all that are not listed. */
function byType(rows: ReadonlyMap<number, number>, general: number): number[] {
  return TYPE_NAMES.map((_, type) => rows.get(type) ?? general);
}

const MOVES = new Moves(
  byType(
    new Map([
      [I32, x.MOV32_M],
      [F32, x.MOVSS_M],
      [F64, x.MOVSD_M],
    ]),
    x.MOV64_M,
  ),
  byType(
    new Map([
      [I32, x.MOV32_MR],
      [F32, x.MOVSS_MR],
      [F64, x.MOVSD_MR],
    ]),
    x.MOV64_MR,
  ),
  x.MOV32,
  x.LEA64,
  true,
);

/**
 * For the index of an access: what lower.rules make of the operations of opt/bits.ts, evidentBits, and the sum of an
 * index and an offset that is no displacement; for an i32, the upper half of an i64.
 */
function significantBits(code: Code, i: number, of: (register: number) => number): number {
  switch (code.op[i]) {
    case x.MOVZX8_32:
    case x.MOVZX8_32_M:
      return 8;
    case x.MOVZX16_32:
    case x.MOVZX16_32_M:
      return 16;
    case x.AND32_I:
      return 32 - Math.clz32(code.imm[i]);
    case x.SHR32_I:
      return 32 - (code.imm[i] & 31);
    case x.SHR64_I:
      return 64 - (code.imm[i] & 63);
    case x.CONST64:
      return code.imm2[i] === 0 ? 32 - Math.clz32(code.imm[i]) : 64;
    case x.ADD64:
      return Math.min(64, Math.max(of(operand(code, i, 1)), of(operand(code, i, 2))) + 1);
    default:
      return 64;
  }
}

function operand(code: Code, i: number, k: number): number {
  return code.register.get(code.operandStart[i] + k);
}

const PSABI = new Psabi(62, 0, 4096, 8, 6, 1, DWARF, 7, 16, TEXT_RULES.pushed, RELOCATIONS);

/** `features`: bits of features.ts. */
export function x64Target(features: number): Target {
  return {
    name: "x64",
    psabi: PSABI,
    text: TEXT_RULES,
    features,
    instructions: INSTRUCTIONS,
    conventions: CONVENTIONS,
    registers: REGISTERS,
    moves: MOVES,
    everything: EVERYTHING,
    pinned: PINNED,
    lower,
    address,
    flags: (s, v) => testFlags(s, v, flags(s, v)),
    isZero,
    through,
    constant,
    memoryBase: MEMORY0,
    significantBits,
    expansion: (image) => new X64Expansion(image),
    lister: () => new Disassembler(),
  };
}
