// The run-time helpers that generated code calls by name, with their signatures: ir/build refers to them,
// runtime/ writes their bodies. All use the wasm convention, run in the caller's instance, and trap by
// themselves. Addresses and counts are i64: those of 32-bit memories and tables are extended.

import { unreachable } from "../base/fail.ts";
import { I32, I64, PTR, REF } from "./ops.ts";
import { CONV_C, CONV_PRESERVE_ALL, CONV_WASM, type Program, SYM_FUNC } from "./program.ts";

class HelperRow {
  readonly name: string;
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly convention: number;

  constructor(name: string, params: readonly number[], results: readonly number[], convention: number) {
    this.name = name;
    this.params = params;
    this.results = results;
    this.convention = convention;
  }
}

function h(
  name: string,
  params: readonly number[],
  results: readonly number[],
  convention = CONV_WASM,
): HelperRow {
  return new HelperRow(name, params, results, convention);
}

const ROWS: readonly HelperRow[] = [
  // memory record, number of pages → old number of pages, or -1
  h("memory_grow", [PTR, I64], [I64]),
  // record, destination, byte, count
  h("memory_fill", [PTR, I64, I32, I64], []),
  // destination record, source record, destination, source, count
  h("memory_copy", [PTR, PTR, I64, I64, I64], []),
  // record, bytes of the segment, its current length, destination, source, count: segments have 32-bit lengths
  h("memory_init", [PTR, PTR, I32, I64, I32, I32], []),
  // table record, index, value: with the ownership of references settled
  h("table_set", [PTR, I64, REF], []),
  // table record, index: traps out of bounds; the reference is safe on the wasm stack
  h("table_get", [PTR, I64], [REF]),
  // record, value, count → old size, or -1
  h("table_grow", [PTR, REF, I64], [I64]),
  // record, index, value, count
  h("table_fill", [PTR, I64, REF, I64], []),
  // destination record, source record, destination, source, count
  h("table_copy", [PTR, PTR, I64, I64, I64], []),
  // record, elem cell of the instance, destination, source, count
  h("table_init", [PTR, PTR, I64, I32, I32], []),
  // elem cell of the instance, number of elements: allocates the array (all null). The array borrows what it
  // holds (its sources live as long as the instance does): plain stores, no ref_set
  h("elem_new", [PTR, I32], []),
  // elem cell: frees the array, length 0
  h("elem_drop", [PTR], []),
  // elem cell, offsets of function records or imported pointers in the instance (RODATA i32 array: ≥ 0 an own
  // record at that offset, < 0 the pointer at ~offset): fills the array
  h("elem_funcs", [PTR, PTR], []),
  // cell of a global that holds a reference, new value, 1 if function references
  h("ref_set", [PTR, REF, I32], []),
  // reference (no function) just read from a cell that others may overwrite: makes it safe on the wasm stack
  h("ref_hold", [REF], [REF]),
  // the same for a function reference: keeps the instance or callable behind it
  h("func_hold", [REF], [REF]),
  // slow path of prologues and of poll: interrupt, or stack exhausted; returns, or traps
  h("stack_slow", [], [], CONV_PRESERVE_ALL),
  // a trap with its code; the return address is its site. Never returns. (A stub calls it, with the code where
  // both conventions have it; the C convention has no stack check, which a trap must not fail.)
  h("raise", [I32], [], CONV_C),
];

/** The number of helper `name`'s symbol, or null if there is none of that name. */
export function findHelper(program: Program, name: string): number | null {
  const row = ROWS.find((r) => r.name === name);
  if (row === undefined) return null;
  return program.symbol(
    `wasmpy_${name}`,
    SYM_FUNC,
    program.signature(row.params, row.results, row.convention),
  );
}

/** The number of helper `name`'s symbol. */
export function helper(program: Program, name: string): number {
  return findHelper(program, name) ?? unreachable(`no helper ${name}`);
}
