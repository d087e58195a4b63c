// The rows of insts.ts as selection and the generator of rules see them: constraints, memory forms, shapes.

import {
  ANY,
  BITS8,
  BITS16,
  constraintsOf,
  IMMEDIATE,
  type InstructionShape,
  InstructionTable,
  MASKED,
  SHIFTED,
  SUM,
  typeOf,
} from "../../mach/target.ts";
import { IN_RM, NO_IMM, READ, ROWS, WRITE } from "./insts.ts";

/** The number of the form of instruction `i` with memory in place of its `rm` register, or -1. */
function memoryFormOf(i: number): number {
  const row = ROWS[i];
  const next = i + 1 < ROWS.length ? ROWS[i + 1] : row;
  const isForm = row.encoding !== null && next !== row && next.encoding === row.encoding;
  return isForm && next.memory && !row.memory ? i + 1 : -1;
}

/** Of instructions that make indices: what the operations of opt/bits.ts, evidentBits, become, and far offsets. */
const RESULTS: ReadonlyMap<string, number> = new Map([
  ["movzx8_32", BITS8],
  ["movzx8_32_m", BITS8],
  ["movzx16_32", BITS16],
  ["movzx16_32_m", BITS16],
  ["and32_i", MASKED],
  ["shr32_i", SHIFTED],
  ["shr64_i", SHIFTED],
  ["const64", IMMEDIATE],
  ["add64", SUM],
]);

export const INSTRUCTIONS: InstructionTable = new InstructionTable(
  ROWS.map((row) => row.name),
  ROWS.map((row) => constraintsOf(row.operands, row.encoding === null)),
  Int16Array.from(ROWS, (_, i) => memoryFormOf(i)),
  Uint8Array.from(ROWS, (row) => row.feature),
  Uint8Array.from(ROWS, (row) => RESULTS.get(row.name) ?? ANY),
);

/** Pseudo-instructions that rules may use have an immediate or a condition by name. */
const WITH_IMMEDIATE: readonly string[] = ["const32", "const64"];
const WITH_CONDITION: readonly string[] = ["setcc32"];

export function shapeOf(name: string): InstructionShape | undefined {
  const i = ROWS.findIndex((row) => row.name === name);
  if (i < 0) return undefined;
  const row = ROWS[i];
  const hasForm = memoryFormOf(i) >= 0;
  return {
    reads: row.operands
      .filter((o) => o.memory || (o.access & READ) !== 0)
      .map((o) => ({
        memory: o.memory,
        either: hasForm && o.field === IN_RM && o.access === READ,
        float: o.float,
        width: o.width,
      })),
    defs: row.operands
      .filter((o) => !o.memory && (o.access & WRITE) !== 0)
      .map((o) => typeOf(o.float, o.width)),
    immediate: row.encoding === null ? WITH_IMMEDIATE.includes(name) : row.encoding.immediate !== NO_IMM,
    condition: row.encoding === null ? WITH_CONDITION.includes(name) : row.encoding.plusCondition,
  };
}
