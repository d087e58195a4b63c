// What a thread owns of the context while it runs wasm code must be kept in its own frame whenever Python code may
// run: other threads then enter and leave wasm code as they like. So:
//
//   suspend   before anything that may run Python code: keeps the words in a record of the frame, and leaves the
//             context without held references
//   continued after it: brings them back
//
// Hence entry thunks need not restore the entry record when they leave, every entry starts with no held
// references, and a sweep of them concerns the stack from here to the entry record and no other.

import {
  CONTEXT_BREAKER,
  CONTEXT_ENTRY_PC,
  CONTEXT_ENTRY_SP,
  CONTEXT_LIMIT,
  CONTEXT_REFS,
  CONTEXT_REFS_CAPACITY,
  CONTEXT_REFS_COUNT,
  CONTEXT_STACK_LOW,
  CONTEXT_STACK_SIZE,
} from "../abi/layout.ts";
import { CELL_BYTES, Field, WORD } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import { REGION_STACK } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import type { Code } from "./code.ts";

/** What the context holds for the running thread. */
const WORDS: readonly Field[] = [
  CONTEXT_LIMIT,
  CONTEXT_BREAKER,
  CONTEXT_ENTRY_SP,
  CONTEXT_ENTRY_PC,
  CONTEXT_STACK_LOW,
  CONTEXT_STACK_SIZE,
  CONTEXT_REFS,
  CONTEXT_REFS_COUNT,
  CONTEXT_REFS_CAPACITY,
];
const HELD: readonly Field[] = [CONTEXT_REFS, CONTEXT_REFS_COUNT, CONTEXT_REFS_CAPACITY];

/** Where it is kept: the `i`th cell of a record in the frame. */
function kept(word: Field, i: number): Field {
  return new Field(word.name, WORD, i * CELL_BYTES, CELL_BYTES, REGION_STACK);
}

/** Keeps the running thread's words in a new slot of the frame, whose address is the result. */
export function suspend(code: Code, context: Value): Value {
  const record = code.room(WORDS.length * CELL_BYTES);
  WORDS.forEach((word, i) => {
    code.setFieldInRoom(record, kept(word, i), code.field(context, word.asWord));
  });
  for (const word of HELD) code.setField(context, word.asWord, code.number(0));
  return record;
}

/**
 * 1 if the running thread has used up half of its stack. Python code needs the other half, however deep the wasm code is
 * that it is called from: CPython's own limits count calls, and take it for granted that there is stack for as many.
 */
export function hasLittleStack(code: Code, context: Value): Value {
  const left = code.op(op.PTR_SUB, code.op(op.SP), code.field(context, CONTEXT_STACK_LOW));
  const size = code.field(context, CONTEXT_STACK_SIZE);
  return code.op(op.I64_LT_U, left, code.op(op.I64_SHR_U, size, code.number(1)));
}

/** Brings back what `suspend` kept. */
export function continued(code: Code, context: Value, record: Value): void {
  WORDS.forEach((word, i) => {
    code.setField(context, word.asWord, code.fieldInRoom(record, kept(word, i)));
  });
}
