// The type rules and lowerings of the instruction table as typed columns, parsed once: row → types of operands and
// results, IR operation.

import { unreachable } from "../base/fail.ts";
import { opNamed } from "../ir/ops.ts";
import { SHUFFLE } from "../wasm/imm.ts";
import { INSTRUCTIONS, type Instruction } from "../wasm/instructions.ts";
import { F32, F64, I32, I64, V128, type ValType } from "../wasm/types.ts";

/** In TYPES: the address type of the memory that is the instruction's immediate. */
const ADDRESS: ValType = -1;

/** In LOWERING: a function of its own makes the code; or nothing does so far. */
const OWN = -1;
export const UNSUPPORTED = -2;

/** What the walk does with a row. */
const SHAPE_RULE = 0; // the function that it names
export const SHAPE_PLAIN = 1; // no immediates: operands → result
export const SHAPE_MEMORY = 2; // a memarg first
export const SHAPE_LANES = 3; // a lane, or the lanes of a shuffle, first

/** In LANES: what shuffles choose from. */
export const SHUFFLED = 32;

function typeNamed(name: string): ValType {
  switch (name) {
    case "i32":
      return I32;
    case "i64":
      return I64;
    case "f32":
      return F32;
    case "f64":
      return F64;
    case "v128":
      return V128;
    case "addr0":
      return ADDRESS;
    default:
      return unreachable(`${name} in a signature`);
  }
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

function isOfLanes(row: Instruction): boolean {
  return row.lanes !== 0 || row.kinds.includes(SHUFFLE);
}

function shapeOf(row: Instruction): number {
  if (row.rule.startsWith("@")) return SHAPE_RULE;
  if (row.align !== 0) return SHAPE_MEMORY;
  if (isOfLanes(row)) return SHAPE_LANES;
  return row.immediates.length === 0 ? SHAPE_PLAIN : unreachable(`${row.name} needs a rule`);
}

/** The types in front of the arrow, or behind it. */
function typesOf(row: Instruction, side: number): ValType[] {
  return shapeOf(row) === SHAPE_RULE ? [] : words(row.rule.split("->")[side]).map(typeNamed);
}

function loweringOf({ lowering }: Instruction): number {
  if (lowering === "?") return UNSUPPORTED;
  return lowering === "" || lowering.startsWith("@") ? OWN : opNamed(lowering);
}

/** Row → where its types begin in TYPES. */
function typeStarts(): Int32Array {
  let at = 0;
  return Int32Array.from(INSTRUCTIONS, (_, row) => {
    const start = at;
    at += OPERAND_COUNT[row] + RESULT_COUNT[row];
    return start;
  });
}

export const SHAPE: Uint8Array = Uint8Array.from(INSTRUCTIONS, shapeOf);
export const OPERAND_COUNT: Uint8Array = Uint8Array.from(INSTRUCTIONS, (row) => typesOf(row, 0).length);
export const RESULT_COUNT: Uint8Array = Uint8Array.from(INSTRUCTIONS, (row) => typesOf(row, 1).length);
export const TYPE_START: Int32Array = typeStarts();
/** For each row its operands and then its results. */
export const TYPES: Int8Array = Int8Array.from(
  INSTRUCTIONS.flatMap((row) => [...typesOf(row, 0), ...typesOf(row, 1)]),
);
/** log2 of the natural alignment of a memarg. */
export const ALIGNMENT: Uint8Array = Uint8Array.from(INSTRUCTIONS, (row) => 31 - Math.clz32(row.align | 1));
/** How many lanes the instruction's lane may be one of. */
export const LANES: Uint8Array = Uint8Array.from(INSTRUCTIONS, (row) =>
  row.kinds.includes(SHUFFLE) ? SHUFFLED : row.lanes,
);
/** The feature that allows the instruction in constant expressions, or -1. */
export const CONSTANT_SINCE: Int8Array = Int8Array.from(INSTRUCTIONS, (row) => row.constantSince);
/** IR operation, OWN or UNSUPPORTED. */
export const LOWERING: Int16Array = Int16Array.from(INSTRUCTIONS, loweringOf);
