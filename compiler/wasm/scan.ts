// Finds the end of a constant expression by skipping instructions: their immediates are checked for form
// only; what they mean is for the walk to say.

import { BLOCK, END, IF, LOOP, TRY_TABLE } from "../gen/wasm-ops.ts";
import { type Features, has } from "./features.ts";
import * as imm from "./imm.ts";
import { INSTRUCTIONS, isPrefix, prefixedRow, ROW_OF_BYTE } from "./instructions.ts";
import { Range } from "./module.ts";
import { INSTRUCTION, refuse } from "./proposals.ts";
import type { Reader } from "./reader.ts";
import { BlockType, readHeapType, readValType } from "./typereader.ts";

/** The row of the instruction that comes next, which the features must allow. */
export function readOpcode(r: Reader, features: Features): number {
  const at = r.at;
  const byte = r.u8();
  let row = ROW_OF_BYTE[byte];
  if (isPrefix(byte)) row = prefixedRow(byte, r.u32());
  if (row < 0 || !has(features, INSTRUCTIONS[row].feature)) illegal(byte, r, features, at);
  return row;
}

/** `r` stands behind the opcode at `at`, but before the number of a prefix that the language does not have. */
function illegal(byte: number, r: Reader, features: Features, at: number): never {
  let code = byte;
  if (isPrefix(byte) || byte === 0xfe) {
    r.at = at + 1;
    const number = r.u32();
    code = number <= 0xffffff ? (byte << 24) | number : -1;
  }
  return refuse(INSTRUCTION, code, features, "illegal opcode", at, hex(byte));
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** The range of the expression at `r`, with its `end`; `r` stands behind it afterwards. */
export function skipExpression(r: Reader, features: Features): Range {
  const start = r.at;
  let depth = 0;
  for (;;) {
    const row = readOpcode(r, features);
    if (row === END) {
      if (depth === 0) return new Range(start, r.at);
      depth--;
    } else if (row === BLOCK || row === LOOP || row === IF || row === TRY_TABLE) {
      depth++;
    }
    skipImmediates(r, row, features);
  }
}

export function skipImmediates(r: Reader, row: number, features: Features): void {
  for (const kind of INSTRUCTIONS[row].kinds) skipImmediate(r, kind, features);
}

function skipImmediate(r: Reader, kind: number, features: Features): void {
  switch (kind) {
    case imm.BLOCKTYPE:
      new BlockType().read(r, features);
      break;
    case imm.LABELS:
      for (let n = r.u32(); n > 0; n--) r.u32();
      break;
    case imm.I32:
      r.s32();
      break;
    case imm.I64:
      r.s64();
      break;
    case imm.F32:
      r.skip(4);
      break;
    case imm.F64:
      r.skip(8);
      break;
    case imm.V128:
    case imm.SHUFFLE:
      r.skip(16);
      break;
    case imm.MEMARG:
      if ((r.u32() & imm.HAS_MEMORY) !== 0) r.u32();
      r.u64();
      break;
    case imm.LANE:
    case imm.CASTFLAGS:
      r.u8();
      break;
    case imm.HEAPTYPE:
      readHeapType(r, features);
      break;
    case imm.VALTYPES:
      for (let n = r.u32(); n > 0; n--) readValType(r, features);
      break;
    case imm.CATCHES:
      for (let n = r.u32(); n > 0; n--) {
        if (r.u8() < imm.CATCH_ALL) r.u32();
        r.u32();
      }
      break;
    default:
      r.u32();
  }
}
