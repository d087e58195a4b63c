// The type rules and lowerings of the instruction table as typed columns, parsed once: row → operand types,
// result type, IR operation.

import { opNamed } from "../ir/ops.ts";
import { INSTRUCTIONS, type Instruction } from "../wasm/instructions.ts";
import { F32, F64, I32, I64, V128, type ValType } from "../wasm/types.ts";

/** In OPERANDS and RESULTS: the address type of the memory or table that is the instruction's immediate. */
export const ADDR0: ValType = -1;
/** In RESULTS: the instruction has none. */
export const NONE: ValType = 0;

/** In LOWERING: a function of its own makes the code; or nothing does so far. */
export const OWN = -1;
export const UNSUPPORTED = -2;

/** What the walk does with a row. */
export const SHAPE_RULE = 0; // a case of its own
export const SHAPE_PLAIN = 1; // no immediates: operands → result
export const SHAPE_MEMORY = 2; // a memarg first
export const SHAPE_LANE = 3; // a lane or a shuffle

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
    default:
      return ADDR0;
  }
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

function shapeOf(row: Instruction): number {
  if (row.rule.startsWith("@")) return SHAPE_RULE;
  if (row.immediates.length === 0) return SHAPE_PLAIN;
  if (row.align !== 0) return SHAPE_MEMORY;
  return row.lanes !== 0 || row.immediates[0] === "shuffle" ? SHAPE_LANE : SHAPE_RULE;
}

function operandsOf(row: Instruction): ValType[] {
  return row.rule.startsWith("@") ? [] : words(row.rule.split("->")[0]).map(typeNamed);
}

function resultOf(row: Instruction): ValType {
  const results = row.rule.startsWith("@") ? [] : words(row.rule.split("->")[1]);
  return results.length === 0 ? NONE : typeNamed(results[0]);
}

/** The longest rule: three operands. */
export const MAX_OPERANDS = 3;

export const SHAPE: Uint8Array = Uint8Array.from(INSTRUCTIONS, shapeOf);
export const OPERAND_COUNT: Uint8Array = Uint8Array.from(INSTRUCTIONS, (row) => operandsOf(row).length);
/** MAX_OPERANDS for each row. */
export const OPERANDS: Int8Array = Int8Array.from(
  INSTRUCTIONS.flatMap((row) => [...operandsOf(row), 0, 0, 0].slice(0, MAX_OPERANDS)),
);
export const RESULTS: Int8Array = Int8Array.from(INSTRUCTIONS, resultOf);
/** log2 of the natural alignment of a memarg. */
export const ALIGNMENT: Uint8Array = Uint8Array.from(INSTRUCTIONS, (row) => 31 - Math.clz32(row.align | 1));
export const LANES: Uint8Array = Uint8Array.from(INSTRUCTIONS, (row) => row.lanes);

/** IR operation, OWN or UNSUPPORTED. */
export const LOWERING: Int16Array = Int16Array.from(INSTRUCTIONS, (row) =>
  row.lowering === "" ? OWN : row.lowering === "?" ? UNSUPPORTED : opNamed(row.lowering),
);
/** The IR operation with the name of a load or store. */
export const ACCESS_OP: Int16Array = Int16Array.from(INSTRUCTIONS, (row) =>
  row.align === 0 ? -1 : opNamed(row.name),
);
