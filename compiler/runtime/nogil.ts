// Instances whose calls run without the lock of the interpreter (the GIL): what stands in their images in the place of
// functions of the same names, and what their thunks call.
//
// Such an instance has a context of its own, to which its `vmctx` leads from the first call on: other threads use the
// interpreter's meanwhile. It has a lock too, so that one thread at a time is inside, and that may come in again: a
// handler of a signal runs in the midst of a call. Nobody waits for the instance's lock who has the interpreter's; so
// whoever has the instance's may wait for the interpreter's.
//
// OWN_THREAD tells which locks a thread inside has: null where it has both. Whatever touches Python objects takes the
// lock of the interpreter by it, and a trap always does: it goes on in the thunk with both.

import {
  CONTEXT_ALWAYS,
  CONTEXT_BREAKER,
  CONTEXT_LEDGER,
  CONTEXT_LIMIT,
  CONTEXT_NOTHING,
  CONTEXT_PUT_OFF,
  CONTEXT_RAISE,
  CONTEXT_SKIP,
  CONTEXT_STACK_LOW,
  CONTEXT_STACK_SIZE,
  CONTEXT_THREAD_END,
  CONTEXT_TICK,
  OWN_ANSWERED,
  OWN_BYTES,
  OWN_DEPTH,
  OWN_GROWN,
  OWN_HOLDER,
  OWN_LOCK,
  OWN_PAGE,
  OWN_PRESENT,
  OWN_SHARED,
  OWN_THREAD,
  VMCTX_CONTEXT,
} from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, PTR } from "../ir/ops.ts";
import type { Body } from "./body.ts";
import { isOfThreads, isSet, isTooEarly, tick } from "./breaker.ts";
import { enter, isOver } from "./ledger.ts";
import * as os from "./linux.ts";
import { extend } from "./memory.ts";
import { isMainThread, slowPath } from "./stack.ts";
import * as traps from "./traps.ts";

/** How long a thread waits for an instance before it looks for signals, in microseconds. */
const PATIENCE = 20_000;
/** Bits of a thread's breaker, from 3.13 on: signals, pending calls, an exception that another thread raises in it. */
const CONCERNS = 2 + 4 + 8;
/** Up to 3.12: from the interpreter's breaker to the word that says that a thread wants the lock. */
const DROP_REQUEST = 4;
/** Up to 3.12: nanoseconds after which the main thread looks for signals, where it may have missed one. */
const MISSED = 30_000_000;

/** What a thread has of the interpreter's context while it runs. */
const OF_THREAD: readonly Field[] = [CONTEXT_LIMIT, CONTEXT_BREAKER, CONTEXT_STACK_LOW, CONTEXT_STACK_SIZE];

/** 1 for the context of an instance; that of an interpreter has a destructor for ending threads. */
function isOwn(c: Body, context: Value): Value {
  return c.isNull(c.field(context, CONTEXT_THREAD_END));
}

/** Takes the lock of the interpreter, unless the thread has it. */
function take(c: Body, context: Value): void {
  const thread = c.field(context, OWN_THREAD);
  c.when(c.isThere(thread), () => {
    c.api("PyEval_RestoreThread", thread);
    c.setField(context, OWN_THREAD, c.null());
  });
}

/** Lets go of the lock of the interpreter. */
function letGo(c: Body, context: Value): void {
  c.setField(context, OWN_THREAD, c.api("PyEval_SaveThread"));
}

// --- calls ------------------------------------------------------------------------------------------------

/** (instance) → its context; null: exception */
export function enterCall(c: Body): void {
  const vmctx = c.argument(0);
  const fail = () => c.ret([c.null()]);
  const made = c.variable(PTR);
  c.set(made, c.field(vmctx, VMCTX_CONTEXT));
  c.whenRarely(c.op(op.I32_EQZ, isOwn(c, c.get(made))), () => c.set(made, c.run("nogil_context", vmctx)));
  const context = c.get(made);
  c.whenRarely(c.isNull(context), fail);

  const shared = c.field(context, OWN_SHARED);
  const low = c.field(shared, CONTEXT_STACK_LOW);
  const isKnown = c.isWithin(c.op(op.SP), low, c.field(shared, CONTEXT_STACK_SIZE));
  c.whenRarely(c.op(op.I32_EQZ, isKnown), () => c.whenRarely(c.run("stack_enter", shared), fail));
  const words = OF_THREAD.map((word) => c.field(shared, word));
  // The collector, for one: it is no concern of the thread once it is without the lock, but would keep the byte set.
  c.whenRarely(isSet(c, c.field(shared, CONTEXT_BREAKER)), () => {
    c.when(c.op(op.I32_EQZ, isTooEarly(c, shared)), () => c.whenRarely(c.run("answer", shared), fail));
  });

  const self = c.api("PyThread_get_thread_ident");
  const thread = c.variable(PTR);
  c.set(thread, c.api("PyEval_SaveThread"));
  c.choose(
    c.op(op.I64_EQ, c.field(context, OWN_HOLDER), self),
    () => {},
    () => {
      acquire(c, context, c.get(thread), (state) => c.set(thread, state), fail);
      c.setField(context, OWN_HOLDER, self);
    },
  );
  c.setField(context, OWN_PRESENT, c.number(1));
  const depth = c.field(context, OWN_DEPTH);
  c.setField(context, OWN_DEPTH, c.op(op.I64_ADD, depth, c.number(1)));
  OF_THREAD.forEach((word, i) => {
    c.setField(context, word, words[i]);
  });
  for (const word of [CONTEXT_SKIP, CONTEXT_TICK, CONTEXT_PUT_OFF]) {
    c.setField(context, word, c.zero(word.type));
  }
  c.setField(context, OWN_THREAD, c.get(thread));
  c.ret([context]);
}

/**
 * Waits for the instance's lock, in the thread of the state `thread`, without the interpreter's; `resume` takes the state
 * after an interruption. `fail` runs with the lock of the interpreter and an exception.
 */
function acquire(
  c: Body,
  context: Value,
  thread: Value,
  resume: (thread: Value) => void,
  fail: () => void,
): void {
  const lock = c.field(context, OWN_LOCK);
  const isOurs = c.variable(I32);
  const attempt = (microseconds: number) => {
    c.set(isOurs, c.api("PyThread_acquire_lock_timed", lock, c.number(microseconds), c.i32(0)));
  };
  const isMissed = () => c.op(op.I32_EQZ, c.get(isOurs));
  attempt(0);
  c.whileTrue(isMissed, () => {
    c.whenRarely(c.op(op.I64_EQZ, c.field(context, OWN_PRESENT)), () => {
      c.api("PyEval_RestoreThread", thread);
      const message =
        "another thread was inside the WebAssembly instance when the process was forked: make another instance";
      c.api("PyErr_SetString", c.variableOf("PyExc_RuntimeError"), c.text(message));
      fail();
    });
    attempt(PATIENCE);
    // Only the main thread has handlers of signals to run.
    c.when(c.op(op.I32_AND, isMissed(), isMainThread(c)), () => {
      c.api("PyEval_RestoreThread", thread);
      c.whenRarely(c.api("PyErr_CheckSignals"), fail);
      resume(c.api("PyEval_SaveThread"));
    });
  });
}

/** Ends a call, and takes the interpreter's lock where the thread has let it go. */
function leave(c: Body, context: Value): void {
  const thread = c.field(context, OWN_THREAD);
  c.setField(context, OWN_THREAD, c.null());
  const grown = c.field(context, OWN_GROWN);
  c.setField(context, OWN_GROWN, c.number(0));
  const depth = c.op(op.I64_SUB, c.field(context, OWN_DEPTH), c.number(1));
  c.setField(context, OWN_DEPTH, depth);
  c.when(c.op(op.I64_EQZ, depth), () => {
    c.setField(context, OWN_HOLDER, c.number(0));
    c.api("PyThread_release_lock", c.field(context, OWN_LOCK));
  });
  c.when(c.isThere(thread), () => c.api("PyEval_RestoreThread", thread));
  enter(c, c.addressOf(c.field(context, OWN_SHARED), CONTEXT_LEDGER), grown);
}

/** (context) → 0, or -1: exception */
export function leaveCall(c: Body): void {
  leave(c, c.argument(0));
  const ledger = c.addressOf(c.field(c.argument(0), OWN_SHARED), CONTEXT_LEDGER);
  c.whenRarely(isOver(c, ledger), () =>
    c.whenRarely(c.run("ledger_settle", ledger), () => c.ret([c.i32(-1)])),
  );
  c.ret([c.i32(0)]);
}

/** (context): a trap has ended the call. */
export function trapped(c: Body): void {
  const context = c.argument(0);
  borrow(c, context, CONTEXT_RAISE);
  c.run("trap_to_exception", context);
  leave(c, context);
  c.ret([]);
}

/** Brings a field of the interpreter's context up to date, whose reference stays the interpreter's. */
function borrow(c: Body, context: Value, field: Field): void {
  const shared = c.field(context, OWN_SHARED);
  c.setField(context, field, c.field(shared, field));
}

/** (instance) → its context; null: exception */
export function makeContext(c: Body): void {
  const vmctx = c.argument(0);
  const fail = () => c.ret([c.api("PyErr_NoMemory")]);
  const flags = c.i32(os.MAP_RESERVE);
  const context = c.api(
    "mmap",
    c.null(),
    c.number(OWN_BYTES),
    c.i32(os.PROT_READ_WRITE),
    flags,
    c.i32(-1),
    c.number(0),
  );
  c.whenRarely(c.op(op.PTR_EQ, context, c.ptr(-1, -1)), fail);
  const lock = c.api("PyThread_allocate_lock");
  c.whenRarely(c.isNull(lock), () => {
    c.api("munmap", context, c.number(OWN_BYTES));
    fail();
  });
  // On a kernel that cannot do that, a forked child waits for a thread that it does not have, until it is interrupted.
  const page = c.number(OWN_BYTES - OWN_PAGE);
  c.api("madvise", c.plus(context, OWN_PAGE), page, c.i32(os.MADV_WIPEONFORK));
  c.setField(context, CONTEXT_ALWAYS, c.number(1));
  c.setField(context, OWN_SHARED, c.field(vmctx, VMCTX_CONTEXT));
  c.setField(context, OWN_LOCK, lock);
  c.setField(vmctx, VMCTX_CONTEXT, context);
  c.ret([context]);
}

/** (instance): no code of it can be running. */
export function freeContext(c: Body): void {
  const vmctx = c.argument(0);
  const context = c.field(vmctx, VMCTX_CONTEXT);
  c.when(c.isNull(context), () => c.ret([]));
  c.when(isOwn(c, context), () => {
    c.setField(vmctx, VMCTX_CONTEXT, c.field(context, OWN_SHARED));
    c.api("PyThread_free_lock", c.field(context, OWN_LOCK));
    c.api("munmap", context, c.number(OWN_BYTES));
  });
  c.ret([]);
}

// --- while wasm code runs ---------------------------------------------------------------------------------

/** The slow path of prologues and polls. */
export function stackSlow(c: Body): void {
  const context = c.context();
  slowPath(c, context, {
    concerns: (byte) => concerns(c, context, byte),
    giveWay: () => {},
    answer: () => {
      const isHeld = c.isNull(c.field(context, OWN_THREAD));
      take(c, context);
      borrow(c, context, CONTEXT_NOTHING);
      const raised = c.run("answer", context);
      // A handler may have forked: this thread is inside in the child too.
      c.setField(context, OWN_PRESENT, c.number(1));
      c.setField(context, OWN_ANSWERED, tick(c));
      c.when(c.op(op.I32_EQZ, c.op(op.I32_OR, raised, isHeld)), () => letGo(c, context));
      return raised;
    },
  });
}

/**
 * Whether a thread without the lock has to do what its byte asks for. Up to 3.12 all threads have one, which is set for
 * others that want the lock, too; and whoever takes the lock clears it of signals, which only the main thread handles. A
 * poll will see it before, most likely; else the main thread sees those requests, and looks for signals now and then.
 */
function concerns(c: Body, context: Value, byte: Value): Value {
  const isOurs = c.variable(I32);
  const bits = c.byte(byte);
  c.set(isOurs, c.op(op.I32_NE, bits, c.i32(0)));
  const always = c.addressOf(c.field(context, OWN_SHARED), CONTEXT_ALWAYS);
  c.when(c.op(op.I32_AND, c.get(isOurs), c.op(op.PTR_NE, byte, always)), () => {
    c.choose(
      isOfThreads(c),
      () => c.set(isOurs, c.op(op.I32_NE, c.op(op.I32_AND, bits, c.i32(CONCERNS)), c.i32(0))),
      () => {
        c.when(c.content(I32, c.plus(byte, DROP_REQUEST)), () => {
          const since = c.op(op.I64_SUB, tick(c), c.field(context, OWN_ANSWERED));
          c.set(isOurs, c.op(op.I64_LT_U, c.number(MISSED), since));
          c.when(c.get(isOurs), () => c.set(isOurs, isMainThread(c)));
        });
      },
    );
  });
  return c.get(isOurs);
}

/** (code, pc, sp): with the lock of the interpreter from here on. */
export function unwind(c: Body): void {
  take(c, c.context());
  traps.unwind(c);
}

/** (record, pages) → old number of pages, or -1 */
export function memoryGrow(c: Body): void {
  const context = c.context();
  extend(c, (_, added) => {
    const grown = c.field(context, OWN_GROWN);
    c.setField(context, OWN_GROWN, c.op(op.I64_ADD, grown, added));
  });
}

/** Does what the helper `name` does, which counts references, with the lock of the interpreter. */
export function withLock(c: Body, name: string): void {
  const context = c.context();
  const { params, results } = c.program.signatures[c.func.signature];
  const operands = params.map((_, i) => c.argument(i));
  take(c, context);
  const result = c.run(name, ...operands);
  letGo(c, context);
  c.ret(results.length === 0 ? [] : [result]);
}
