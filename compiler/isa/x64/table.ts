// The rows of insts.ts as selection and the generator of rules see them: constraints, memory forms, shapes.

import { constraintsOf, type InstructionShape, InstructionTable, typeOf } from "../../mach/target.ts";
import { IN_RM, NO_IMM, READ, ROWS, WRITE } from "./insts.ts";

/** The number of the form of instruction `i` with memory in place of its `rm` register, or -1. */
function memoryFormOf(i: number): number {
  const row = ROWS[i];
  const next = i + 1 < ROWS.length ? ROWS[i + 1] : row;
  const isForm = row.encoding !== null && next !== row && next.encoding === row.encoding;
  return isForm && next.memory && !row.memory ? i + 1 : -1;
}

export const INSTRUCTIONS: InstructionTable = new InstructionTable(
  ROWS.map((row) => row.name),
  ROWS.map((row) => constraintsOf(row.operands, row.encoding === null)),
  Int16Array.from(ROWS, (_, i) => memoryFormOf(i)),
  Uint8Array.from(ROWS, (row) => row.feature),
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
