// Functions of the run time (bodies in runtime/) that the glue calls, all in the C convention: they need no
// current instance, never trap, and report failure as C-API functions do, by their result with an exception set.

import { unreachable } from "../base/fail.ts";
import { I32, I64, PTR, REF } from "../ir/ops.ts";
import { CONV_C, type Program, SYM_FUNC } from "../ir/program.ts";

class RuntimeRow {
  readonly name: string;
  readonly params: readonly number[];
  readonly results: readonly number[];

  constructor(name: string, params: readonly number[], results: readonly number[]) {
    this.name = name;
    this.params = params;
    this.results = results;
  }
}

function f(name: string, params: readonly number[], results: readonly number[]): RuntimeRow {
  return new RuntimeRow(name, params, results);
}

const ROWS: readonly RuntimeRow[] = [
  // → the context of the running interpreter, made at first and never freed; null: exception
  f("context", [], [PTR]),
  // context: the stack pointer is outside the bounds that the context knows: another thread runs. Sets the
  // bounds and limits for it; 0, or -1: exception (too little stack left)
  f("stack_enter", [PTR], [I32]),
  // context: sets the Python exception for the trap under way (none new for PYTHON_EXCEPTION)
  f("trap_to_exception", [PTR], []),
  // handlers of the signals that Python handles, wrapped again where displaced; 0, or -1: exception
  f("watch_signals", [], [I32]),
  // memory record (zeros), pages, maximum in pages or -1: reserves and commits; 0, or -1: exception
  f("memory_create", [PTR, I64, I64], [I32]),
  f("memory_destroy", [PTR], []),
  // memory record, pages → old pages, or -1 without an exception
  f("memory_extend", [PTR, I64], [I64]),
  // table record (zeros), 1 if of function references, elements, maximum or -1; 0, or -1: exception
  f("table_create", [PTR, I32, I64, I64], [I32]),
  // drops the references and frees the array
  f("table_destroy", [PTR], []),
  // table record, value, count → old size, or -1 without an exception
  f("table_extend", [PTR, REF, I64], [I64]),
  // cell, value, 1 for function references: stores with the ownership of references settled
  f("ref_store", [PTR, REF, I32], []),
  // elem cell: drops the references it owns and frees the array, length 0
  f("elem_free", [PTR], []),
];

/** The number of the symbol `wasmpy_<name>`. */
export function runtime(program: Program, name: string): number {
  const row = ROWS.find((r) => r.name === name);
  if (row === undefined) return unreachable(`no run-time function ${name}`);
  return program.symbol(`wasmpy_${name}`, SYM_FUNC, program.signature(row.params, row.results, CONV_C));
}
