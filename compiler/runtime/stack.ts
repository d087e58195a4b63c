// The stack limit of the running thread, and the slow path behind what prologues and loops test: the limit, and the
// breaker (breaker.ts).
//
// Bounds come from the C library, which takes up to 30 µs; the context remembers the last few stacks. A stack may be
// unmapped when its thread ends and the addresses be used by a smaller one: so a thread that entered has a
// destructor (CONTEXT_THREAD_KEY) that makes the context forget its stack.
//
// The margin below the limit is for the frame of a signal handler (AVX-512 state), for this slow path, and for the
// Python code and C functions that wasm code calls when it is near the limit.

import {
  CONTEXT_BREAKER,
  CONTEXT_LIMIT,
  CONTEXT_NEXT_STACK,
  CONTEXT_PUT_OFF,
  CONTEXT_STACK_LOW,
  CONTEXT_STACK_SIZE,
  CONTEXT_STACKS,
  CONTEXT_THREAD_KEY,
  STACK_BREAKER,
  STACK_BYTES,
  STACK_LOW,
  STACK_SIZE,
  STACKS,
} from "../abi/layout.ts";
import { CELL_BYTES, type Field, RecordType } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import { REGION_C } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { I64, PTR } from "../ir/ops.ts";
import { PYTHON_EXCEPTION, STACK_EXHAUSTED } from "../ir/traps.ts";
import type { Body } from "./body.ts";
import { giveWay, isSet, isTooEarly } from "./breaker.ts";
import { continued, hasLittleStack, suspend } from "./handover.ts";
import * as os from "./linux.ts";

const SMALL_STACK = 512 * 1024;
const SMALL_MARGIN = 64 * 1024;
const MARGIN = 128 * 1024;
/**
 * The main thread's stack grows into addresses that mappings leave free: 128 MiB at least, of which half is safe. Also
 * what an unlimited one may use: recursion without end shall not take all of the machine's memory.
 */
const MOST_MAIN_STACK = 64 * 1024 * 1024;
/** The kernel lets no stack grow this near to another mapping (1 MiB unless it is told otherwise). */
const GUARD_GAP = 2 * 1024 * 1024;

/** How often an answer is put off: some 20 ms of polls. Other threads may run after every 1,024 of them. */
const MOST_PUT_OFF = 1 << 20;
const PUT_OFF_QUIETLY = (1 << 10) - 1;

/** Where a stack lies: what is measured of it. */
const bounds = new RecordType("bounds", REGION_C, CELL_BYTES);
const BOUNDS_LOW = bounds.pointer("low");
const BOUNDS_SIZE = bounds.word("size");

/** A field of the `i`th stack that the context knows. */
function knownStack(i: number, field: Field): Field {
  return CONTEXT_STACKS.of(field, i, STACK_BYTES);
}

/** (context) → 0, or -1: exception. The running thread is another than the context knows. */
export function stackEnter(c: Body): void {
  const context = c.argument(0);
  const sp = c.op(op.SP);
  const low = c.variable(PTR);
  const size = c.variable(I64);
  const breaker = c.variable(PTR);
  const found = c.block();
  for (let i = 0; i < STACKS; i++) {
    c.set(low, c.field(context, knownStack(i, STACK_LOW)));
    c.set(size, c.field(context, knownStack(i, STACK_SIZE)));
    c.set(breaker, c.field(context, knownStack(i, STACK_BREAKER)));
    const next = c.block();
    c.brIf(c.isWithin(sp, c.get(low), c.get(size)), found, [], next, []);
    c.seal(next);
    c.switchTo(next);
  }

  const measured = c.room(bounds.bytes);
  c.run("stack_measure", measured);
  c.set(low, c.fieldInRoom(measured, BOUNDS_LOW));
  c.set(size, c.fieldInRoom(measured, BOUNDS_SIZE));
  const failed = c.coldBlock();
  const inside = c.block();
  c.brIf(c.isWithin(sp, c.get(low), c.get(size)), inside, [], failed, []);
  c.seal(inside);
  c.switchTo(inside);
  const unknown = c.api("pthread_setspecific", c.field(context, CONTEXT_THREAD_KEY), context);
  c.whenRarely(unknown, () => {
    c.api("PyErr_NoMemory");
    c.ret([c.i32(-1)]);
  });
  letFaultsThrough(c);
  const place = c.field(context, CONTEXT_NEXT_STACK);
  const offset = c.op(op.I64_MUL, place, c.number(STACK_BYTES));
  const entry = c.addressOf(c.op(op.PTR_ADD, context, offset), CONTEXT_STACKS);
  c.set(breaker, c.run("breaker", context));
  c.setField(entry, STACK_LOW, c.get(low));
  c.setField(entry, STACK_SIZE, c.get(size));
  c.setField(entry, STACK_BREAKER, c.get(breaker));
  const following = c.op(op.I64_ADD, place, c.number(1));
  c.setField(context, CONTEXT_NEXT_STACK, c.op(op.I64_AND, following, c.number(STACKS - 1)));
  c.jump(found, []);

  c.seal(found);
  c.switchTo(found);
  const isSmall = c.op(op.I64_LT_U, c.get(size), c.number(SMALL_STACK));
  const margin = c.op(op.I64_SELECT, isSmall, c.number(SMALL_MARGIN), c.number(MARGIN));
  const limit = c.op(op.PTR_ADD, c.get(low), margin);
  const enough = c.block();
  c.brIf(c.op(op.PTR_LT_U, sp, limit), failed, [], enough, []);
  c.seal(enough);
  c.switchTo(enough);
  c.setField(context, CONTEXT_STACK_LOW, c.get(low));
  c.setField(context, CONTEXT_STACK_SIZE, c.get(size));
  c.setField(context, CONTEXT_LIMIT, limit);
  c.setField(context, CONTEXT_BREAKER, c.get(breaker));
  c.ret([c.i32(0)]);

  c.seal(failed);
  c.switchTo(failed);
  // Nothing that this thread's stack pointer lies in: the next entry asks again.
  c.setField(context, CONTEXT_STACK_SIZE, c.number(0));
  const message = c.text("too little stack left for WebAssembly code");
  c.api("PyErr_SetString", c.variableOf("PyExc_RecursionError"), message);
  c.ret([c.i32(-1)]);
}

/** A fault in a thread that blocks its signal ends the process, whatever handler there is. */
function letFaultsThrough(c: Body): void {
  const set = c.room(os.SIGNALS.bytes(c.model));
  c.api("memset", set, c.i32(0), c.number(os.SIGNALS.bytes(c.model)));
  c.setMemberInRoom(set, os.SIGNALS_FIRST, c.number(2 ** (os.SIGSEGV - 1) + 2 ** (os.SIGBUS - 1)));
  c.api("pthread_sigmask", c.i32(os.SIG_UNBLOCK), set, c.null());
}

/**
 * (context): the stacks may be others than the context knows. The threads of a parent process are not in its forked
 * child; limits are changed; signals are blocked.
 */
export function stacksForget(c: Body): void {
  forgetStacks(c, c.argument(0), () => c.i32(1));
  letFaultsThrough(c);
  c.ret([]);
}

/** Makes the context forget the stacks of the threads whose breaker `isIt`: their next entry asks again. */
export function forgetStacks(c: Body, context: Value, isIt: (breaker: Value) => Value): void {
  const forget = (breakerAt: Field, sizeAt: Field) => {
    c.when(isIt(c.field(context, breakerAt)), () => {
      c.setField(context, sizeAt, c.number(0));
    });
  };
  forget(CONTEXT_BREAKER, CONTEXT_STACK_SIZE);
  for (let i = 0; i < STACKS; i++) {
    forget(knownStack(i, STACK_BREAKER), knownStack(i, STACK_SIZE));
  }
}

/** (two words): lowest address and size of the running thread's stack; zeros if they cannot be told. */
export function stackMeasure(c: Body): void {
  const measured = c.argument(0);
  c.setField(measured, BOUNDS_LOW, c.null());
  c.setField(measured, BOUNDS_SIZE, c.number(0));
  const attributes = c.room(os.PTHREAD_ATTR_BYTES);
  c.whenRarely(c.api("pthread_getattr_np", c.api("pthread_self"), attributes), () => c.ret([]));
  c.api(
    "pthread_attr_getstack",
    attributes,
    c.addressOf(measured, BOUNDS_LOW),
    c.addressOf(measured, BOUNDS_SIZE),
  );
  c.api("pthread_attr_destroy", attributes);

  const low = c.field(measured, BOUNDS_LOW);
  const size = c.field(measured, BOUNDS_SIZE);
  const most = c.number(MOST_MAIN_STACK);
  const limits = c.room(os.RLIMIT.bytes(c.model));
  const setSize = (wanted: Value) => {
    const shift = c.op(op.I64_SUB, size, wanted); // the upper end stays
    c.setField(measured, BOUNDS_LOW, c.op(op.PTR_ADD, low, shift));
    c.setField(measured, BOUNDS_SIZE, wanted);
    c.ret([]);
  };
  const stackEnd = c.apiAddress("__libc_stack_end");
  c.when(c.isThere(stackEnd), () => {
    // glibc knows the limit of the main thread's stack, less what arguments and environment take, and the next mapping.
    const isMain = c.isWithin(c.content(PTR, stackEnd), low, size);
    c.when(c.op(op.I32_AND, isMain, c.op(op.I64_LT_U, most, size)), () => {
      c.whenRarely(c.api("getrlimit", c.i32(os.RLIMIT_STACK), limits), () => setSize(most));
      const isUnlimited = c.op(op.I64_EQ, c.memberInRoom(limits, os.RLIMIT_CURRENT), c.number(-1));
      setSize(c.op(op.I64_SELECT, isUnlimited, most, c.op(op.I64_SUB, size, c.number(GUARD_GAP))));
    });
    c.ret([]);
  });
  // musl tells how far the main thread's stack has grown yet. Arguments and environment take at most a quarter.
  c.when(isMainThread(c), () => {
    c.whenRarely(c.api("getrlimit", c.i32(os.RLIMIT_STACK), limits), () => c.ret([]));
    const allowed = c.lesser(c.memberInRoom(limits, os.RLIMIT_CURRENT), most);
    const usable = c.op(op.I64_SUB, allowed, c.op(op.I64_SHR_U, allowed, c.number(2)));
    c.when(c.op(op.I64_LT_U, size, usable), () => setSize(usable));
  });
  c.ret([]);
}

export function isMainThread(c: Body): Value {
  const self = c.api("syscall", c.number(c.system.gettid));
  return c.op(op.I32_EQ, c.api("getpid"), c.op(op.I32_WRAP_I64, self));
}

/** (context): the destructor of CONTEXT_THREAD_KEY. Runs without the GIL: all it does is to forget. */
export function threadExit(c: Body): void {
  const context = c.argument(0);
  const sp = c.op(op.SP);
  const forget = (lowAt: Field, sizeAt: Field) => {
    const isOwn = c.isWithin(sp, c.field(context, lowAt), c.field(context, sizeAt));
    c.when(isOwn, () => c.setField(context, sizeAt, c.number(0)));
  };
  forget(CONTEXT_STACK_LOW, CONTEXT_STACK_SIZE);
  for (let i = 0; i < STACKS; i++) {
    forget(knownStack(i, STACK_LOW), knownStack(i, STACK_SIZE));
  }
  c.ret([]);
}

/** CPython wants something, or there is no stack left. Returns, or unwinds. */
export function stackSlow(c: Body): void {
  const context = c.context();
  slowPath(c, context, {
    concerns: (byte) => isSet(c, byte),
    giveWay: () => {
      const record = suspend(c, context);
      giveWay(c);
      continued(c, context, record);
    },
    answer: () => c.run("answer", context),
  });
}

/** How the slow path deals with CPython. */
export interface Conversation {
  /** Whether what the thread's byte says concerns it. */
  readonly concerns: (byte: Value) => Value;
  /** Lets other threads run, without an answer. */
  readonly giveWay: () => void;
  /** Not 0: exception. */
  readonly answer: () => Value;
}

export function slowPath(c: Body, context: Value, cpython: Conversation): void {
  const unwind = (code: number) => {
    c.run("unwind", c.i32(code), c.op(op.RETURN_ADDRESS), c.op(op.CALLER_SP));
    c.unreachable();
  };
  const returnUnlessExhausted = () => {
    const limit = c.field(context, CONTEXT_LIMIT);
    c.whenRarely(c.op(op.PTR_LT_U, c.op(op.CALLER_SP), limit), () => unwind(STACK_EXHAUSTED));
    c.ret([]);
  };
  c.when(cpython.concerns(c.field(context, CONTEXT_BREAKER)), () => {
    c.when(isTooEarly(c, context), returnUnlessExhausted);
    // An answer runs Python code. Where there is too little stack for it, it is put off until there is, or until
    // it has been long enough: then it is given where wasm code was entered (trap_to_exception).
    const times = c.field(context, CONTEXT_PUT_OFF);
    c.setField(context, CONTEXT_PUT_OFF, c.number(0));
    c.whenRarely(hasLittleStack(c, context), () => {
      c.when(c.op(op.I64_EQZ, c.op(op.I64_AND, times, c.number(PUT_OFF_QUIETLY))), cpython.giveWay);
      // In other threads no handler runs.
      c.whenRarely(c.op(op.I64_LE_U, c.number(MOST_PUT_OFF), times), () => {
        c.when(isMainThread(c), () => unwind(STACK_EXHAUSTED));
      });
      c.setField(context, CONTEXT_PUT_OFF, c.op(op.I64_ADD, times, c.number(1)));
      returnUnlessExhausted();
    });
    c.whenRarely(cpython.answer(), () => unwind(PYTHON_EXCEPTION));
  });
  returnUnlessExhausted();
}
