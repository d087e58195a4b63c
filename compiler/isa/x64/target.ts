// x86-64 as a Target.

import { flags, lower, through } from "../../gen/x64-lower.ts";
import * as x from "../../gen/x64-ops.ts";
import { F32, F64, I32, TYPE_NAMES } from "../../ir/ops.ts";
import { Moves, Psabi, type Target, ZEROS } from "../../mach/target.ts";
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
    i32: ZEROS,
    expansion: (image) => new X64Expansion(image),
    lister: () => new Disassembler(),
  };
}
