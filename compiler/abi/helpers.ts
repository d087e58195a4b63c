// The functions of the run time by name, with their signatures; runtime/ writes their bodies. Addresses and counts
// are i64: those of 32-bit memories and tables are extended.

import { I32, I64, PTR, REF } from "../ir/ops.ts";
import { CONV_C, CONV_PRESERVE_ALL, CONV_WASM, type Program, SYM_FUNC } from "../ir/program.ts";
import { Declaration, Declarations } from "./declarations.ts";

function wasm(name: string, params: readonly number[], results: readonly number[]): Declaration {
  return new Declaration(name, SYM_FUNC, params, results, CONV_WASM);
}

function c(name: string, params: readonly number[], results: readonly number[]): Declaration {
  return new Declaration(name, SYM_FUNC, params, results, CONV_C);
}

/** What generated code and thunks of imports call: they run in the caller's instance and trap by themselves. */
const FOR_WASM: readonly Declaration[] = [
  // memory record, number of pages → old number of pages, or -1
  wasm("memory_grow", [PTR, I64], [I64]),
  // record, destination, byte, count
  wasm("memory_fill", [PTR, I64, I32, I64], []),
  // destination record, source record, destination, source, count
  wasm("memory_copy", [PTR, PTR, I64, I64, I64], []),
  // record, bytes of the segment, its current length, destination, source, count: segments have 32-bit lengths
  wasm("memory_init", [PTR, PTR, I32, I64, I32, I32], []),
  // table record, index, value: with the ownership of references settled
  wasm("table_set", [PTR, I64, REF], []),
  // table record, index: traps out of bounds; the reference is safe on the wasm stack
  wasm("table_get", [PTR, I64], [REF]),
  // record, value, count → old size, or -1
  wasm("table_grow", [PTR, REF, I64], [I64]),
  // record, index, value, count
  wasm("table_fill", [PTR, I64, REF, I64], []),
  // destination record, source record, destination, source, count
  wasm("table_copy", [PTR, PTR, I64, I64, I64], []),
  // record, elem cell of the instance, destination, source, count
  wasm("table_init", [PTR, PTR, I64, I32, I32], []),
  // elem cell of the instance, number of elements: allocates the array (all null). The array borrows what it
  // holds (its sources live as long as the instance does): plain stores, no ref_set
  wasm("elem_new", [PTR, I32], []),
  // elem cell: frees the array, length 0
  wasm("elem_drop", [PTR], []),
  // elem cell, offsets of function records or imported pointers in the instance (RODATA i32 array: ≥ 0 an own
  // record at that offset, < 0 the pointer at ~offset): fills the array
  wasm("elem_funcs", [PTR, PTR], []),
  // cell of a global that holds a reference, new value, 1 if function references
  wasm("ref_set", [PTR, REF, I32], []),
  // reference (no function) just read from a cell that others may overwrite: makes it safe on the wasm stack
  wasm("ref_hold", [REF], [REF]),
  // the same for a function reference: keeps the instance that its record lies in
  wasm("func_hold", [REF], [REF]),
  // object with a reference to it that is taken over (null allowed) → the same, safe on the wasm stack. For
  // results of imported functions; traps when out of memory
  wasm("ref_adopt", [REF], [REF]),
  // slow path of prologues and of poll: CPython wants something, or the stack is exhausted; returns, or traps
  new Declaration("stack_slow", SYM_FUNC, [], [], CONV_PRESERVE_ALL),
  // a trap with its code; the return address is its site. Never returns. (A stub calls it, with the code where
  // both conventions have it; the C convention has no stack check, which a trap must not fail.)
  c("raise", [I32], []),
];

/**
 * What the glue calls: they need no current instance, never trap, and report failure as C-API functions do, by their
 * result with an exception set.
 */
const FOR_GLUE: readonly Declaration[] = [
  // → the context of the running interpreter, made at first and never freed; null: exception
  c("context", [], [PTR]),
  // context: the stack pointer is outside the bounds that the context knows: another thread runs. Sets the
  // bounds and limits for it; 0, or -1: exception (too little stack left)
  c("stack_enter", [PTR], [I32]),
  // context: the stacks of threads, and which signals they block, may be others than it knows
  c("stacks_forget", [PTR], []),
  // context: sets the Python exception for the trap under way (none new for PYTHON_EXCEPTION)
  c("trap_to_exception", [PTR], []),
  // 1 if the handler that displaced us last has given up: puts our handlers in front of all others of memory faults,
  // where they are not there; 0, or -1: exception
  c("watch_faults", [I32], [I32]),
  // context: learns where CPython says that it wants something, unless that is known; 0, or -1: exception
  c("breaker_find", [PTR], [I32]),
  // context → the record of this image in the interpreter; null: exception
  c("image", [PTR], [PTR]),
  // record, path (C string) → 1 if the image that was opened by the path is closed now, 0 if it may not be
  c("image_close", [PTR, PTR], [I32]),
  // memory record (zeros but for the ledger), pages, maximum in pages or -1: reserves and commits; 0, or -1: exception
  c("memory_create", [PTR, I64, I64], [I32]),
  c("memory_destroy", [PTR], []),
  // memory record, pages → old pages, or -1 without an exception
  c("memory_extend", [PTR, I64], [I64]),
  // table record (zeros but for the ledger), 1 if of function references, elements, maximum or -1; 0, or -1: exception
  c("table_create", [PTR, I32, I64, I64], [I32]),
  // drops the references and frees the array
  c("table_destroy", [PTR], []),
  // table record, value, count → old size, or -1 without an exception
  c("table_extend", [PTR, REF, I64], [I64]),
  // ledger: looks for garbage where more is held than it allows; 0, or -1: exception
  c("ledger_settle", [PTR], [I32]),
  // cell, value, 1 for function references: stores with the ownership of references settled
  c("ref_store", [PTR, REF, I32], []),
  // elem cell: drops the references it owns and frees the array, length 0
  c("elem_free", [PTR], []),
  // reference, 1 for function references → the Python object (borrowed) that keeps it alive; null for null
  c("owner", [REF, I32], [PTR]),
  // context: wasm code has been left: releases all (to be called only when the count is not zero)
  c("refs_release", [PTR], []),
];

/** What the run time calls itself or hands out: signal handlers, destructors. */
const AMONG_THEMSELVES: readonly Declaration[] = [
  // capsule: gives back what the interpreter's context owns, at its end
  c("context_release", [PTR], []),
  // context: the running thread ends
  c("thread_exit", [PTR], []),
  // low and size (two words): the running thread's stack; zeros if it cannot be told
  c("stack_measure", [PTR], []),

  // capsule: a thread state that entered ends
  c("thread_state_end", [PTR], []),
  // context → the running thread's byte (CONTEXT_BREAKER)
  c("breaker", [PTR], [PTR]),
  // context: does what CPython wants from the running thread; 0, or -1: exception
  c("answer", [PTR], [I32]),
  // context: before a handler of this image is installed; 0, or -1: exception
  c("serve_signals", [PTR], [I32]),
  // signal, siginfo_t, ucontext_t: the handler. Signal 0 tells it of a context: see handlers.ts
  c("on_fault", [I32, PTR, PTR], []),
  // address, ucontext_t → where a fault there, in that state, goes on as a trap: of any image, of this image; else null
  c("find_trap", [PTR, PTR], [PTR]),
  c("is_trap", [PTR, PTR], [PTR]),
  // ucontext_t, restorer → 1 if the signal came while a foreign handler ran for a trap
  c("follows_trap", [PTR, PTR], [I32]),
  // where the handler lets traps go on
  c("fault", [], []),
  // context, signal, 1 if who displaced us last has given up: has on_fault installed; 0, or -1: exception
  c("watch_fault", [PTR, I32, I32], [I32]),

  // code, PC, stack pointer of the trap: goes on at the context's entry record. Runs in the instance
  c("unwind", [I32, PTR, PTR], []),

  // context, object or null: drops a reference while wasm code is suspended
  c("release", [PTR, PTR], []),
  // context, what lies on the wasm stack, object (taken over): 0, or -1: exception
  c("refs_push", [PTR, PTR, PTR], [I32]),
  // context: makes room for another pair; 0, or -1 without an exception
  c("refs_room", [PTR], [I32]),
  // context: releases what is no longer on the wasm stack
  c("refs_sweep", [PTR], []),
  // the same for the stack from the address on
  c("refs_scan", [PTR, PTR], []),
];

/** What images whose calls run without the lock of the interpreter have besides (runtime/nogil.ts). */
const WITHOUT_LOCK: readonly Declaration[] = [
  // instance → its context, set up for the running thread, which has the instance's lock now and the interpreter's no
  // longer; null: exception
  c("nogil_enter", [PTR], [PTR]),
  // context: the end of the call: 0, or -1: exception; or of one that trapped, whose exception is set
  c("nogil_leave", [PTR], [I32]),
  c("nogil_trapped", [PTR], []),
  // instance → its context, made; null: exception
  c("nogil_context", [PTR], [PTR]),
  // instance: the end of it
  c("nogil_free", [PTR], []),
  // helpers of the same names, which need the lock of the interpreter
  ...[
    wasm("table_set", [PTR, I64, REF], []),
    wasm("table_grow", [PTR, REF, I64], [I64]),
    wasm("table_fill", [PTR, I64, REF, I64], []),
    wasm("table_copy", [PTR, PTR, I64, I64, I64], []),
    wasm("table_init", [PTR, PTR, I64, I32, I32], []),
    wasm("elem_new", [PTR, I32], []),
    wasm("ref_set", [PTR, REF, I32], []),
  ].map(({ name, params, results }) => wasm(`${name}_locked`, params ?? [], results)),
];

export const HELPERS = new Declarations("wasmpy_", [
  ...FOR_WASM,
  ...FOR_GLUE,
  ...AMONG_THEMSELVES,
  ...WITHOUT_LOCK,
]);

/** The number of the symbol of the run time's function `name`. */
export function helper(program: Program, name: string): number {
  return HELPERS.symbol(program, name);
}
