// What CPython wants from the thread that runs wasm code: handlers of signals, the lock of the interpreter for another
// thread, pending calls, an exception that another thread raises in this one (PyThreadState_SetAsyncExc), the garbage
// collector. CPython's own evaluation loop learns of all of it from one word, the eval breaker; prologues and loops
// of wasm code test the byte of that word which holds the requests.
//
// No API tells where the word is: up to 3.12 in the state of the interpreter, from 3.13 in that of the thread. Its place
// is known for each version, and is only used after it has been seen to follow requests. Where it does not, all threads
// test a byte that is never 0, and the slow path asks CPython at every tick of a clock.
//
// A thread state may be freed while its thread lives and enters wasm code again (PyGILState_Release). So the state's
// dictionary holds a capsule whose destructor makes the context forget the address.

import {
  CONTEXT_ALWAYS,
  CONTEXT_BREAKER,
  CONTEXT_BREAKER_AT,
  CONTEXT_NOTHING,
  CONTEXT_SKIP,
  CONTEXT_THREAD_END,
  CONTEXT_TICK,
} from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, I64, PTR } from "../ir/ops.ts";
import type { Body } from "./body.ts";
import { CONTEXT_KEY } from "./context.ts";
import { Fetched } from "./errors.ts";
import { continued, suspend } from "./handover.ts";
import * as os from "./linux.ts";
import { forgetStacks } from "./stack.ts";

const VERSION_3_11 = 0x030b_0000;
const VERSION_3_12 = 0x030c_0000;
const VERSION_3_13 = 0x030d_0000;

/** Offsets of the eval breaker's lowest byte: in PyInterpreterState, and from 3.13 on in PyThreadState. */
const AT_3_10 = 68;
const AT_3_11 = 100;
const AT_3_12 = 368;
const AT_3_13 = 24;

/** The byte must follow so many requests, out of so many trials: other threads may make requests meanwhile. */
const ENOUGH_TRIALS = 3;
const MOST_TRIALS = 16;

/** Polls of which one looks at the clock, where an answer has not made the byte 0. */
const SKIPPED = 64;

/** Py_eval_input */
const EVAL_INPUT = 258;
/** 1 if the byte at the address is not 0. */
export function isSet(c: Body, byte: Value): Value {
  return c.op(op.I32_NE, c.byte(byte), c.i32(0));
}

/** Py_Version, which 3.10 does not have: 0. */
function version(c: Body): Value {
  const known = c.variable(I32);
  c.set(known, c.i32(0));
  const at = c.apiAddress("Py_Version");
  c.when(c.isThere(at), () => c.set(known, c.content(I32, at)));
  return c.get(known);
}

/** 1 if each thread has an eval breaker of its own. */
export function isOfThreads(c: Body): Value {
  return c.op(op.I32_GE_U, version(c), c.i32(VERSION_3_13));
}

/** (context) → 0, or -1: exception. Looks for the eval breaker, where its place is not known yet. */
export function breakerFind(c: Body): void {
  const context = c.argument(0);
  const done = () => c.ret([c.i32(0)]);
  const fail = () => c.ret([c.i32(-1)]);
  c.when(c.isTrue(c.field(context, CONTEXT_BREAKER_AT)), done);
  c.when(c.isNull(c.field(context, CONTEXT_NOTHING)), () => {
    const code = c.api("Py_CompileString", c.text("0"), c.text("<wasmpy>"), c.i32(EVAL_INPUT));
    c.whenRarely(c.isNull(code), fail);
    c.setField(context, CONTEXT_NOTHING, code);
  });

  const at = c.variable(I64);
  const base = c.variable(PTR);
  // What to raise in this thread as another thread would. From 3.13 on nothing will do: up to 3.12 that would leave the
  // request behind for ever.
  const exception = c.variable(PTR);
  c.set(exception, c.null());
  c.choose(
    isOfThreads(c),
    () => {
      c.set(at, c.number(AT_3_13));
      c.set(base, c.api("PyThreadState_Get"));
    },
    () => {
      const now = version(c);
      const is = (least: number) => c.op(op.I32_GE_U, now, c.i32(least));
      const before = c.op(op.I64_SELECT, is(VERSION_3_11), c.number(AT_3_11), c.number(AT_3_10));
      c.set(at, c.op(op.I64_SELECT, is(VERSION_3_12), c.number(AT_3_12), before));
      c.set(base, c.api("PyInterpreterState_Get"));
      // A tracing function would be the first to run, and be thrown out by the exception. Another image asks again.
      for (const name of ["gettrace", "getprofile"]) {
        const get = c.api("PySys_GetObject", c.text(name));
        c.whenRarely(c.isNull(get), done);
        const tracer = c.api("PyObject_CallObject", get, c.null());
        c.whenRarely(c.isNull(tracer), fail);
        c.api("Py_DecRef", tracer);
        c.whenRarely(c.op(op.PTR_NE, tracer, c.apiAddress("_Py_NoneStruct")), done);
      }
      const own = c.api("PyErr_NewException", c.text("wasmpy.Request"), c.null(), c.null());
      c.whenRarely(c.isNull(own), fail);
      c.set(exception, own);
    },
  );

  const byte = c.op(op.PTR_ADD, c.get(base), c.get(at));
  const failed = c.variable(I32);
  const followed = c.variable(I32);
  c.set(failed, c.i32(0));
  c.set(followed, c.i32(0));
  c.repeat(c.number(MOST_TRIALS), () => {
    const goesOn = c.op(op.I32_LT_U, c.get(followed), c.i32(ENOUGH_TRIALS));
    c.when(c.op(op.I32_AND, goesOn, c.op(op.I32_EQZ, c.get(failed))), () => {
      const before = isSet(c, byte);
      request(c, c.get(exception));
      const asked = isSet(c, byte);
      c.set(failed, evaluateNothing(c, context));
      c.when(c.isThere(c.get(exception)), () => {
        // That is as it must be, unless it is something else, which a handler raised first.
        const isRequest = c.variable(I32);
        c.set(isRequest, c.i32(0));
        c.when(c.get(failed), () => c.set(isRequest, c.api("PyErr_ExceptionMatches", c.get(exception))));
        c.choose(
          c.get(isRequest),
          () => {
            c.api("PyErr_Clear");
            c.set(failed, c.i32(0));
          },
          () => request(c, c.null()),
        );
      });
      const after = isSet(c, byte);
      const hasFollowed = c.op(op.I32_GT_U, asked, c.op(op.I32_OR, before, after));
      c.set(followed, c.op(op.I32_ADD, c.get(followed), hasFollowed));
    });
  });
  c.api("Py_DecRef", c.get(exception));
  c.whenRarely(c.get(failed), fail);
  c.when(c.op(op.I32_GE_U, c.get(followed), c.i32(ENOUGH_TRIALS)), () => {
    c.setField(context, CONTEXT_BREAKER_AT, c.get(at));
    forgetStacks(c, context, () => c.i32(1));
  });
  done();
}

/** Raises the exception in this thread, as another thread would; null takes it back. */
function request(c: Body, exception: Value): void {
  c.api("PyThreadState_SetAsyncExc", c.api("PyThread_get_thread_ident"), exception);
}

/** Not 0 if the evaluation loop, called to do nothing, raised something that was asked for. */
function evaluateNothing(c: Body, context: Value): Value {
  const failed = c.variable(I32);
  c.set(failed, c.i32(0));
  const code = c.field(context, CONTEXT_NOTHING);
  c.when(c.isThere(code), () => {
    const globals = c.api("PyDict_New");
    c.set(failed, c.isNull(globals));
    c.when(c.isThere(globals), () => {
      const result = c.api("PyEval_EvalCode", code, globals, globals);
      c.api("Py_DecRef", globals);
      c.set(failed, c.isNull(result));
      c.api("Py_DecRef", result);
    });
  });
  return c.get(failed);
}

/** (context) → the byte of the running thread. */
export function breaker(c: Body): void {
  const context = c.argument(0);
  const unknown = () => c.ret([c.addressOf(context, CONTEXT_ALWAYS)]);
  const unknownWithout = (condition: Value) =>
    c.whenRarely(condition, () => {
      c.api("PyErr_Clear");
      unknown();
    });
  const at = c.field(context, CONTEXT_BREAKER_AT);
  c.whenRarely(c.op(op.I64_EQZ, at), unknown);
  c.when(c.op(op.I32_EQZ, isOfThreads(c)), () => {
    c.ret([c.op(op.PTR_ADD, c.api("PyInterpreterState_Get"), at)]);
  });
  const byte = c.op(op.PTR_ADD, c.api("PyThreadState_Get"), at);
  const dict = c.api("PyThreadState_GetDict");
  c.whenRarely(c.isNull(dict), unknown);
  const key = c.text(CONTEXT_KEY);
  c.when(c.isThere(c.api("PyDict_GetItemString", dict, key)), () => c.ret([byte]));
  // Without a name, which would be a text of this image: it may be closed before the thread ends.
  const capsule = c.api("PyCapsule_New", byte, c.null(), c.field(context, CONTEXT_THREAD_END));
  unknownWithout(c.isNull(capsule));
  c.api("PyCapsule_SetContext", capsule, context);
  const failed = c.api("PyDict_SetItemString", dict, key, capsule);
  c.api("Py_DecRef", capsule);
  unknownWithout(failed);
  c.ret([byte]);
}

/** (capsule): its destructor. The thread state is no more to be looked at. */
export function threadStateEnd(c: Body): void {
  const byte = c.api("PyCapsule_GetPointer", c.argument(0), c.null());
  const context = c.api("PyCapsule_GetContext", c.argument(0));
  forgetStacks(c, context, (breaker) => c.op(op.PTR_EQ, breaker, byte));
  c.ret([]);
}

/**
 * (context) → 0, or -1: exception. Does what CPython wants from the running thread. What functions of the API can do they
 * do, in the frame of the Python code that called wasm code; the rest takes a frame of its own.
 */
export function answer(c: Body): void {
  const context = c.argument(0);
  const byte = c.field(context, CONTEXT_BREAKER);
  const record = suspend(c, context);
  const raised = c.variable(I32);
  c.set(raised, c.api("PyErr_CheckSignals"));
  c.when(c.op(op.I32_EQZ, c.get(raised)), () => {
    giveWay(c);
    c.when(isSet(c, byte), () => {
      c.set(raised, c.api("Py_MakePendingCalls"));
      const isLeft = c.op(op.I32_AND, c.op(op.I32_EQZ, c.get(raised)), isSet(c, byte));
      c.when(isLeft, () => {
        c.set(raised, evaluateNothing(c, context));
        c.when(c.get(raised), () => hideFrame(c));
      });
    });
  });
  continued(c, context, record);
  const stays = c.op(op.I32_AND, c.op(op.I32_EQZ, c.get(raised)), isSet(c, byte));
  c.setField(context, CONTEXT_TICK, c.number(0));
  c.whenRarely(stays, () => c.setField(context, CONTEXT_TICK, tick(c)));
  c.ret([c.get(raised)]);
}

/**
 * 1 if an answer has not made the byte 0 and it is too early for another one. Up to 3.12 the byte is not 0 for any thread
 * while one of them has a signal or an exception to handle; and see above.
 */
export function isTooEarly(c: Body, context: Value): Value {
  const isEarly = c.variable(I32);
  c.set(isEarly, c.i32(0));
  const last = c.field(context, CONTEXT_TICK);
  c.when(c.isTrue(last), () => {
    const skip = c.field(context, CONTEXT_SKIP);
    c.choose(
      c.isTrue(skip),
      () => {
        c.setField(context, CONTEXT_SKIP, c.op(op.I64_SUB, skip, c.number(1)));
        c.set(isEarly, c.i32(1));
      },
      () => {
        c.setField(context, CONTEXT_SKIP, c.number(SKIPPED));
        c.set(isEarly, c.op(op.I64_EQ, tick(c), last));
      },
    );
  });
  return c.get(isEarly);
}

/** The time on the clock, in nanoseconds. */
export function tick(c: Body): Value {
  const now = c.room(os.TIMESPEC.bytes(c.model));
  c.api("clock_gettime", c.i32(os.CLOCK_MONOTONIC_COARSE), now);
  const seconds = c.op(op.I64_MUL, c.memberInRoom(now, os.TIMESPEC_SECONDS), c.number(1_000_000_000));
  return c.op(op.I64_ADD, seconds, c.memberInRoom(now, os.TIMESPEC_NANOSECONDS));
}

/** Lets other threads run that wait for the lock. */
export function giveWay(c: Body): void {
  c.api("PyEval_RestoreThread", c.api("PyEval_SaveThread"));
}

/** Takes the frame that did nothing out of the traceback of the exception that is set. */
function hideFrame(c: Body): void {
  const error = new Fetched(c);
  error.normalize();
  c.api("PyException_SetTraceback", error.value, c.apiAddress("_Py_NoneStruct"));
  c.api("Py_DecRef", error.traceback);
  c.api("PyErr_Restore", error.type, error.value, c.null());
}
