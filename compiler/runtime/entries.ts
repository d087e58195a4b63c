// The functions of the run time that are neither helpers of generated code (ir/helpers.ts) nor called by the glue
// (python/runtime.ts), by name with their signatures; `entry` finds all three sorts. The C convention, but for
// what must run in the instance of wasm code.

import { findHelper } from "../ir/helpers.ts";
import { I32, PTR, REF } from "../ir/ops.ts";
import { CONV_C, CONV_WASM, type Program, SYM_FUNC } from "../ir/program.ts";
import { runtime } from "../python/runtime.ts";

class EntryRow {
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

function e(
  name: string,
  params: readonly number[],
  results: readonly number[],
  convention = CONV_C,
): EntryRow {
  return new EntryRow(name, params, results, convention);
}

const ROWS: readonly EntryRow[] = [
  // capsule: gives back what the interpreter's context owns, at its end
  e("context_release", [PTR], []),
  // context: the running thread ends
  e("thread_exit", [PTR], []),
  // low and size (two words): the running thread's stack; zeros if it cannot be told
  e("stack_measure", [PTR], []),

  // context: asks for an interrupt. Async-signal-safe
  e("interrupt", [PTR], []),
  // context: makes the image and the context known to each other; 0, or -1: exception
  e("know_image", [PTR], [I32]),
  // signal, siginfo_t, ucontext_t: handlers. Signal 0 tells them of a context: see handlers.ts
  e("on_fault", [I32, PTR, PTR], []),
  e("on_interrupt", [I32, PTR, PTR], []),
  // siginfo_t, ucontext_t → 1 if it is a trap of this image, and execution will go on in `fault`
  e("catch_fault", [PTR, PTR], [I32]),
  e("fault", [], []),
  // context, signal: has on_fault installed; 0, or -1: exception
  e("watch_fault", [PTR, I32], [I32]),
  // context: wraps Python's signal handler; 0, or -1: exception
  e("watch_interrupts", [PTR], [I32]),

  // code, PC, stack pointer of the trap: goes on at the context's entry record. Runs in the instance
  e("unwind", [I32, PTR, PTR], []),

  // reference, 1 for function references → the Python object (borrowed) that keeps it alive; null for null
  e("owner", [REF, I32], [PTR]),
  // context, object or null: drops a reference while wasm code is suspended
  e("release", [PTR, PTR], []),
  // object with a reference to it that is taken over (null allowed) → the same, safe on the wasm stack. For
  // results of imported functions; traps when out of memory
  e("ref_adopt", [REF], [REF], CONV_WASM),
  // context, what lies on the wasm stack, object (taken over): 0, or -1: exception
  e("refs_push", [PTR, PTR, PTR], [I32]),
  // context: makes room for another pair; 0, or -1 without an exception
  e("refs_room", [PTR], [I32]),
  // context: releases what is no longer on the wasm stack
  e("refs_sweep", [PTR], []),
  // the same for the stack from the address on
  e("refs_scan", [PTR, PTR], []),
  // context: wasm code has been left: releases all (to be called only when the count is not zero)
  e("refs_release", [PTR], []),
];

/** The number of the symbol `wasmpy_<name>` of the run time. */
export function entry(program: Program, name: string): number {
  const row = ROWS.find((r) => r.name === name);
  if (row === undefined) return findHelper(program, name) ?? runtime(program, name);
  return program.symbol(
    `wasmpy_${name}`,
    SYM_FUNC,
    program.signature(row.params, row.results, row.convention),
  );
}
