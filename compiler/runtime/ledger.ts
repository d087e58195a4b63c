// How many bytes the memories and tables of an interpreter hold. An instance is a cycle of references, which only the
// cyclic collector ends; and that counts objects, not bytes. So we count bytes, and have it look for garbage when they
// exceed a limit: twice what was left the last time (as the collector's own rule for old objects), but at least some.
// So what is garbage is never more than what lives, or that least; and what looking costs stays in proportion to what
// is taken, however often nothing is found.
//
// The ledger lies in the context; the record of each memory and table points to it.

import { LEDGER_BYTES, LEDGER_COLLECT, LEDGER_LIMIT } from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { PYTHON_EXCEPTION } from "../ir/traps.ts";
import type { Body } from "./body.ts";
import type { Code } from "./code.ts";
import { continued, hasLittleStack, suspend } from "./handover.ts";

/** For so little, garbage is never looked for. */
export const LEAST = 64 * 1024 * 1024;

/** The limit where so many bytes are left. */
function limitFor(c: Code, bytes: Value): Value {
  const twice = c.op(op.I64_SHL, bytes, c.number(1));
  return c.op(op.I64_SELECT, c.op(op.I64_LT_U, twice, c.number(LEAST)), c.number(LEAST), twice);
}

/** So many bytes more are held. */
export function enter(c: Code, ledger: Value, bytes: Value): void {
  c.setField(ledger, LEDGER_BYTES, c.op(op.I64_ADD, c.field(ledger, LEDGER_BYTES), bytes));
}

/** So many bytes are given back. */
export function leave(c: Code, ledger: Value, bytes: Value): void {
  const left = c.op(op.I64_SUB, c.field(ledger, LEDGER_BYTES), bytes);
  c.setField(ledger, LEDGER_BYTES, left);
  const limit = c.lesser(c.field(ledger, LEDGER_LIMIT), limitFor(c, left));
  c.setField(ledger, LEDGER_LIMIT, limit);
}

/** 1 if garbage should be looked for. */
export function isOver(c: Code, ledger: Value): Value {
  return c.op(op.I64_LT_U, c.field(ledger, LEDGER_LIMIT), c.field(ledger, LEDGER_BYTES));
}

/** (ledger) → 0, or -1: exception. Looks for garbage, which runs Python code, and sets the limit anew. */
export function ledgerSettle(c: Body): void {
  const ledger = c.argument(0);
  const callable = c.field(ledger, LEDGER_COLLECT);
  c.when(c.isThere(callable), () => {
    c.api("Py_IncRef", callable);
    const result = c.api("PyObject_CallObject", callable, c.null());
    c.api("Py_DecRef", callable);
    c.whenRarely(c.isNull(result), () => c.ret([c.i32(-1)]));
    c.api("Py_DecRef", result);
  });
  c.when(isOver(c, ledger), () => {
    c.setField(ledger, LEDGER_LIMIT, limitFor(c, c.field(ledger, LEDGER_BYTES)));
  });
  c.ret([c.i32(0)]);
}

/** For wasm code, where what it holds has grown. With too little stack for Python code it is left to the next time. */
export function settleInside(c: Body, ledger: Value): void {
  c.whenRarely(isOver(c, ledger), () => {
    const context = c.context();
    c.when(c.op(op.I32_EQZ, hasLittleStack(c, context)), () => {
      const record = suspend(c, context);
      const failed = c.run("ledger_settle", ledger);
      continued(c, context, record);
      c.whenRarely(failed, () => c.trap(PYTHON_EXCEPTION));
    });
  });
}
