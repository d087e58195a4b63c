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
import * as op from "../gen/ir-ops.ts";
import { REGION_CONTEXT, REGION_STACK } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { I64, PTR } from "../ir/ops.ts";
import type { Code } from "./code.ts";

/** What the context holds for the running thread. */
const WORDS: readonly number[] = [
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
const HELD: readonly number[] = [CONTEXT_REFS, CONTEXT_REFS_COUNT, CONTEXT_REFS_CAPACITY];

/** Keeps the running thread's words in a new slot of the frame, whose address is the result. */
export function suspend(code: Code, context: Value): Value {
  const record = code.slot(code.func.newSlot(WORDS.length * 8));
  WORDS.forEach((word, i) => {
    code.setField(I64, record, i * 8, code.field(I64, context, word, REGION_CONTEXT), REGION_STACK);
  });
  for (const word of HELD) code.setField(I64, context, word, code.number(0), REGION_CONTEXT);
  return record;
}

/**
 * 1 if the running thread has used up half of its stack. Python code needs the other half, however deep the wasm code is
 * that it is called from: CPython's own limits count calls, and take it for granted that there is stack for as many.
 */
export function hasLittleStack(code: Code, context: Value): Value {
  const left = code.op(
    op.PTR_SUB,
    code.op(op.SP),
    code.field(PTR, context, CONTEXT_STACK_LOW, REGION_CONTEXT),
  );
  const size = code.field(I64, context, CONTEXT_STACK_SIZE, REGION_CONTEXT);
  return code.op(op.I64_LT_U, left, code.op(op.I64_SHR_U, size, code.number(1)));
}

/** Brings back what `suspend` kept. */
export function continued(code: Code, context: Value, record: Value): void {
  WORDS.forEach((word, i) => {
    code.setField(I64, context, word, code.field(I64, record, i * 8, REGION_STACK), REGION_CONTEXT);
  });
}
