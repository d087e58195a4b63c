// Control flow as selection writes it, on every machine: jumps, branches, jump tables, traps. The rules of a machine name
// these functions. A condition is a number of the target's, with operands where the machine has no flags: those that were
// staged when it was made follow the instruction that asks for it (writer.ts).

import { CODE_ADDR, JCC, JMP, JUMP_TABLE, SETCC32, TRAP, TRAP_IF } from "../gen/pseudo-ops.ts";
import type { Block, Value } from "../ir/func.ts";
import { I32, I64 } from "../ir/ops.ts";
import type { Selection } from "./select.ts";
import { NONE } from "./writer.ts";

export function jump(s: Selection, v: Value): void {
  s.put(JMP, NONE, NONE, NONE, NONE, s.edges(v));
}

export function branch(s: Selection, v: Value): void {
  const edges = s.edges(v);
  const cc = s.flags(s.func.a[v] as Value);
  s.putCondition(JCC, NONE, edges, cc);
}

export function branchTable(s: Selection, v: Value): void {
  const count = s.func.successorCount(v);
  const edges = s.edges(v);
  if (count === 1) {
    s.put(JMP, NONE, NONE, NONE, NONE, edges);
    return;
  }
  const index = s.low(s.func.a[v] as Value);
  if (count === 2) s.putCondition(JCC, NONE, edges, s.target.isZero(s, index));
  else s.put(JUMP_TABLE, s.temp(I64), canonical(s, index), NONE, NONE, edges, count);
}

/** The register itself where it holds an i32; a copy of its low half where `low` dropped a wrap. */
function canonical(s: Selection, register: number): number {
  return s.code.typeOf(register) === I32 ? register : s.put(s.target.moves.canonical, s.temp(I32), register);
}

export function trapIf(s: Selection, v: Value): void {
  const cc = s.flags(s.func.a[v] as Value);
  s.putCondition(TRAP_IF, NONE, s.func.imm[v], cc);
}

export function trap(s: Selection, v: Value): void {
  s.put(TRAP, NONE, NONE, NONE, NONE, s.func.imm[v]);
}

export function codeAddress(s: Selection, v: Value): void {
  s.put(CODE_ADDR, s.result(v), NONE, NONE, NONE, s.blockNumber(s.func.imm[v] as Block));
}

/** A comparison as a value: 0 or 1. */
export function truth(s: Selection, v: Value): void {
  const cc = s.flagsOfRoot(v);
  s.putCondition(SETCC32, s.result(v), 0, cc);
}
