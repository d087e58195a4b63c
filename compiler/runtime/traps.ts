// From a trap to a Python exception. `raise` and `fault` say where and why; `unwind` copies the stack between the
// trap and the entry record, before anything can overwrite it, and goes on at the entry record; the thunk that
// stands there calls `trap_to_exception`, which hands code, PC, stack pointer and the copy to the Python side. An
// exception that is set already only gets the frames.

import {
  CONTEXT_DROPPED,
  CONTEXT_ENTRY_PC,
  CONTEXT_ENTRY_SP,
  CONTEXT_RAISE,
  CONTEXT_TRAP_CODE,
  CONTEXT_TRAP_PC,
  CONTEXT_TRAP_SP,
  CONTEXT_TRAP_STACK,
  CONTEXT_TRAP_VMCTX,
} from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, PTR } from "../ir/ops.ts";
import { SYM_RODATA } from "../ir/program.ts";
import { MEMORY_OUT_OF_BOUNDS, PYTHON_EXCEPTION, STACK_EXHAUSTED, TRAP_MESSAGES } from "../ir/traps.ts";
import { RODATA } from "../mach/image.ts";
import type { Body } from "./body.ts";
import { Fetched } from "./errors.ts";
import { continued, suspend } from "./handover.ts";

/** The innermost frames are what a traceback of a runaway recursion needs. */
const MOST_STACK_BYTES = 256 * 1024;

/** (code): the target of the cold stubs. */
export function raise(c: Body): void {
  c.run("unwind", c.argument(0), c.op(op.RETURN_ADDRESS), c.op(op.CALLER_SP));
  c.unreachable();
}

/** Where the handler of faults lets execution go on. */
export function fault(c: Body): void {
  const context = c.context();
  const pc = c.field(context, CONTEXT_TRAP_PC);
  const sp = c.field(context, CONTEXT_TRAP_SP);
  c.run("unwind", c.i32(MEMORY_OUT_OF_BOUNDS), pc, sp);
  c.unreachable();
}

/** (code, pc, sp) */
export function unwind(c: Body): void {
  const code = c.argument(0);
  const sp = c.argument(2);
  const vmctx = c.vmctx();
  const context = c.context();
  c.setField(context, CONTEXT_TRAP_CODE, code);
  c.setField(context, CONTEXT_TRAP_PC, c.argument(1));
  c.setField(context, CONTEXT_TRAP_SP, sp);
  c.setField(context, CONTEXT_TRAP_VMCTX, vmctx);
  const depth = c.op(op.PTR_SUB, c.field(context, CONTEXT_ENTRY_SP), sp);
  const stack = c.api("PyBytes_FromStringAndSize", sp, c.lesser(depth, c.number(MOST_STACK_BYTES)));
  // Without memory the traceback has no frames; but then an exception that was set is a MemoryError now.
  c.whenRarely(c.isNull(stack), () => {
    c.when(c.op(op.I32_NE, code, c.i32(PYTHON_EXCEPTION)), () => c.api("PyErr_Clear"));
  });
  const left = c.field(context, CONTEXT_TRAP_STACK);
  c.setField(context, CONTEXT_TRAP_STACK, stack);
  c.api("Py_DecRef", left); // a bytes object: no Python code runs
  c.resume(c.field(context, CONTEXT_ENTRY_SP), c.field(context, CONTEXT_ENTRY_PC));
}

/** (context). Runs Python code: what the thread holds is not in the context meanwhile. */
export function trapToException(c: Body): void {
  const context = c.argument(0);
  const record = suspend(c, context);
  const copy = c.field(context, CONTEXT_TRAP_STACK);
  c.setField(context, CONTEXT_TRAP_STACK, c.null());
  catchUp(c, context);
  const code = c.field(context, CONTEXT_TRAP_CODE);
  const callable = c.field(context, CONTEXT_RAISE);
  const isCalled = c.op(op.I32_AND, c.isThere(callable), c.isThere(copy));
  c.choose(
    c.op(op.I32_EQ, code, c.i32(PYTHON_EXCEPTION)),
    () => {
      c.whenRarely(c.isNull(c.api("PyErr_Occurred")), () => {
        const message = c.text("a call out of WebAssembly failed without an exception");
        c.api("PyErr_SetString", c.variableOf("PyExc_SystemError"), message);
      });
      c.choose(
        isCalled,
        () => addFrames(c, context, callable, copy),
        () => c.api("Py_DecRef", copy),
      );
    },
    () => setTrap(c, context, code, callable, copy),
  );
  continued(c, context, record);
  c.ret([]);
}

/** Sets the exception for a trap. `copy`, of the stack, is taken over; it and `callable` may be null. */
function setTrap(c: Body, context: Value, code: Value, callable: Value, copy: Value): void {
  c.choose(
    c.isThere(callable),
    () => {
      const stack = c.variable(PTR);
      c.set(stack, copy);
      c.when(c.isNull(copy), () => {
        c.set(stack, c.api("PyBytes_FromStringAndSize", c.null(), c.number(0)));
      });
      const exception = callPython(c, callable, [...place(c, context), c.get(stack)]);
      c.when(c.isThere(exception), () => {
        // Set here and not raised there: the traceback shows the frames it brings, and none of the callable's.
        const isOne = c.api("PyObject_IsInstance", exception, c.variableOf("PyExc_BaseException"));
        c.when(c.op(op.I32_EQ, isOne, c.i32(1)), () => {
          const type = c.api("PyObject_Type", exception);
          c.api("PyErr_SetObject", type, exception);
          c.api("Py_DecRef", type);
        });
        c.api("Py_DecRef", exception);
      });
    },
    () => c.api("Py_DecRef", copy),
  );
  c.whenRarely(c.isNull(c.api("PyErr_Occurred")), () => {
    c.api("PyErr_SetString", c.variableOf("PyExc_RuntimeError"), message(c, code));
  });
}

/**
 * Where the stack was used up, there was none for Python code: for the finalizer of what was released, for handlers of
 * signals (stack_slow), and what these raise takes the place of the trap.
 */
function catchUp(c: Body, context: Value): void {
  c.when(c.op(op.I32_EQ, c.field(context, CONTEXT_TRAP_CODE), c.i32(STACK_EXHAUSTED)), () => {
    // Handlers may call wasm code, which may trap.
    const pc = c.field(context, CONTEXT_TRAP_PC);
    const sp = c.field(context, CONTEXT_TRAP_SP);
    const dropped = c.field(context, CONTEXT_DROPPED);
    c.setField(context, CONTEXT_DROPPED, c.null());
    c.api("Py_DecRef", dropped);
    const raised = c.api("PyErr_CheckSignals");
    const now = c.op(op.I32_SELECT, raised, c.i32(PYTHON_EXCEPTION), c.i32(STACK_EXHAUSTED));
    c.setField(context, CONTEXT_TRAP_CODE, now);
    c.setField(context, CONTEXT_TRAP_PC, pc);
    c.setField(context, CONTEXT_TRAP_SP, sp);
  });
}

/** Code, PC and stack pointer of the trap as new references. */
function place(c: Body, context: Value): Value[] {
  return [
    c.api("PyLong_FromLong", c.widen(c.field(context, CONTEXT_TRAP_CODE))),
    c.api("PyLong_FromVoidPtr", c.field(context, CONTEXT_TRAP_PC)),
    c.api("PyLong_FromVoidPtr", c.field(context, CONTEXT_TRAP_SP)),
  ];
}

/**
 * Puts the frames of wasm code in front of the traceback of the exception that is set: the Python side makes the new
 * traceback from the old one. Where it fails for want of memory or stack the exception stays as it was; anything else that
 * comes from there is of a signal's handler, and takes its place.
 */
function addFrames(c: Body, context: Value, callable: Value, copy: Value): void {
  const error = new Fetched(c);
  const old = error.traceback;
  const given = c.op(op.PTR_SELECT, c.isNull(old), c.apiAddress("_Py_NoneStruct"), old);
  c.api("Py_IncRef", given);
  const traceback = callPython(c, callable, [...place(c, context), copy, given]);
  c.choose(
    c.isNull(traceback),
    () => {
      const isOurs = c.op(
        op.I32_OR,
        c.api("PyErr_ExceptionMatches", c.variableOf("PyExc_MemoryError")),
        c.api("PyErr_ExceptionMatches", c.variableOf("PyExc_RecursionError")),
      );
      c.choose(
        isOurs,
        () => {
          c.api("PyErr_Clear");
          error.restore();
        },
        () => supersede(c, error),
      );
    },
    () => {
      c.api("Py_DecRef", old);
      error.setTraceback(traceback);
      error.restore();
    },
  );
}

/** Gives the exception that is set the fetched one `error`, whose references are taken, as its context. */
function supersede(c: Body, error: Fetched): void {
  const newer = new Fetched(c);
  for (const one of [error, newer]) one.normalize();
  c.api("PyException_SetContext", newer.value, error.value);
  c.api("Py_DecRef", error.type);
  c.api("Py_DecRef", error.traceback);
  newer.restore();
}

/**
 * Calls the Python side with new references `items`, which are dropped; null ones mean that an exception is set. What
 * it returns is a new reference; null: exception.
 */
function callPython(c: Body, callable: Value, items: readonly Value[]): Value {
  const result = c.variable(PTR);
  c.set(result, c.null());
  const args = c.api("PyTuple_New", c.number(items.length));
  let failed = c.isNull(args);
  for (const item of items) failed = c.op(op.I32_OR, failed, c.isNull(item));
  c.choose(
    failed,
    () => {
      for (const item of items) c.api("Py_DecRef", item);
      c.api("Py_DecRef", args);
    },
    () => {
      items.forEach((item, i) => {
        c.api("PyTuple_SetItem", args, c.number(i), item);
      });
      c.api("Py_IncRef", callable);
      c.set(result, c.api("PyObject_CallObject", callable, args));
      c.api("Py_DecRef", callable);
      c.api("Py_DecRef", args);
    },
  );
  return c.get(result);
}

/** The address of the text of trap `code`: its offset is in a table in front of the texts. */
function message(c: Body, code: Value): Value {
  const name = "wasmpy_trap_messages";
  let id = c.program.find(name);
  if (id < 0) {
    id = c.program.symbol(name, SYM_RODATA);
    const bytes = c.image.sections[RODATA];
    bytes.align(4);
    const start = bytes.length;
    let at = TRAP_MESSAGES.length * 4;
    for (const text of TRAP_MESSAGES) {
      bytes.u32(at);
      at += text.length + 1;
    }
    for (const text of TRAP_MESSAGES) {
      for (let i = 0; i < text.length; i++) bytes.u8(text.charCodeAt(i));
      bytes.u8(0);
    }
    c.image.define(id, RODATA, start, at);
  }
  const table = c.symbol(id);
  const offset = c.content(I32, c.element(table, c.widen(code), 2));
  return c.op(op.PTR_ADD, table, c.widen(offset));
}
