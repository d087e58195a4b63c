// Memory faults. A handler of SIGSEGV and SIGBUS turns faults at trap sites inside the instance's reservation into
// traps by rewriting the interrupted registers; every other fault goes to the handler that was there before.
// All of it is async-signal-safe, but for `watchFault`, which installs it. What images share: handlers.ts.
//
// Foreign handlers:
//   - faulthandler, enabled after us without wasmpy/_signals.py noticing, dumps, restores our handler and calls
//     raise(). If what it was called for is a trap of ours, whose state still lies on the stack, that signal is
//     nothing: the instruction faults again, and now we see it.
//   - Who installs a handler over ours may chain to us. Put on top again at the next instantiation we chain to it,
//     and it to us: called, not delivered, with the ucontext that we just passed on, we go to the handler that was
//     there at the very first.
//   - A handler that puts us back and raises the signal, or one that does nothing about a fault however often it
//     recurs, is at its end: we leave to what was there at the very first, or to the default.

import {
  CONTEXT_IMAGES,
  CONTEXT_STACK_LOW,
  CONTEXT_STACK_SIZE,
  CONTEXT_TRAP_PC,
  CONTEXT_TRAP_SP,
  MEMORY_BASE,
  MEMORY_RESERVED,
  VMCTX_CONTEXT,
} from "../abi/layout.ts";
import { PC_FUNCTIONS, PC_HEAD_BYTES, PC_SITES } from "../abi/pctable.ts";
import { CELL_BYTES, CELL_SHIFT, RecordType } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import { REGION_C } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { I32, I64, PTR } from "../ir/ops.ts";
import { CONV_C, SYM_FUNC, SYM_RODATA } from "../ir/program.ts";
import { EXT_MEMORY } from "../wasm/module.ts";
import { type Body, PC_TABLE, TEXT_END, TEXT_START } from "./body.ts";
import {
  contexts,
  eachNode,
  handlerOf,
  handlerSignature,
  isMarked,
  listen,
  newAction,
  newMarkedAction,
  plainSignature,
  takesInfo,
  tell,
} from "./handlers.ts";
import { whoseCode } from "./images.ts";
import * as os from "./linux.ts";
import { SPACE_COUNT, SPACE_POINTERS, space } from "./shape.ts";

/** How often the same fault is passed on to a handler in a row. */
const PATIENCE = 100;
/** Bytes of stack between handlers of two signals at most: of faulthandler, which has just ended its dump. */
const BETWEEN_HANDLERS = 64 * 1024;

/** Per signal, three actions: the one displaced last, the one before, and the first; then 1 once there is a first. */
const LATEST = 0;
const EARLIER = 1;
const FIRST = 2;

/** Bytes of so many actions. */
function actionBytes(c: Body, count: number): number {
  return count * os.SIGACTION.bytes(c.model);
}

/** What was displaced for SIGSEGV or SIGBUS. */
function displaced(c: Body, signal: Value): Value {
  const bytes = actionBytes(c, 3) + CELL_BYTES;
  const both = c.global("wasmpy_fault_actions", 2 * bytes);
  const isBus = c.op(op.I32_EQ, signal, c.i32(os.SIGBUS));
  return c.op(op.PTR_SELECT, isBus, c.plus(both, bytes), both);
}

/**
 * (context, signal, given up) → 0, or -1: exception. Sees to it that a handler of ours, of any image, is installed.
 * `given up`: who displaced us last has ended its work by putting us back, and is no more to be chained to.
 */
export function watchFault(c: Body): void {
  const [context, signal, givenUp] = [c.argument(0), c.argument(1), c.argument(2)];
  const old = displaced(c, signal);
  const hasFirst = new RecordType("actions", REGION_C, CELL_BYTES, actionBytes(c, 3)).word("has_first");
  const copy = (to: number, from: Value) =>
    c.api("memcpy", c.plus(old, actionBytes(c, to)), from, c.number(actionBytes(c, 1)));
  const now = newAction(c);
  c.api("sigaction", signal, c.null(), now);
  c.when(isMarked(c, now), () => {
    c.when(givenUp, () => copy(LATEST, c.plus(old, actionBytes(c, EARLIER))));
    tell(c, handlerOf(c, now), context);
    c.ret([c.i32(0)]);
  });
  copy(EARLIER, c.plus(old, actionBytes(c, LATEST)));
  copy(LATEST, now);
  c.when(c.op(op.I64_EQZ, c.field(old, hasFirst)), () => {
    copy(EARLIER, now);
    copy(FIRST, now);
    c.setField(old, hasFirst, c.number(1));
  });
  c.whenRarely(c.run("serve_signals", context), () => c.ret([c.i32(-1)]));
  c.api("sigaction", signal, newMarkedAction(c, c.address("on_fault")), c.null());
  c.ret([c.i32(0)]);
}

/** (signal, siginfo_t, ucontext_t): the handler. */
export function onFault(c: Body): void {
  const [signal, info, ucontext] = [c.argument(0), c.argument(1), c.argument(2)];
  c.whenRarely(c.op(op.I32_EQZ, signal), () => {
    listen(c, info);
  });
  const target = c.run("find_trap", c.member(info, os.SIGINFO_ADDR), ucontext);
  c.when(c.isThere(target), () => {
    redirect(c, ucontext, target);
    c.ret([]);
  });
  const code = c.member(info, os.SIGINFO_CODE);
  c.when(isOwnRaise(c, info, code), () => {
    c.when(c.run("follows_trap", ucontext, c.op(op.RETURN_ADDRESS)), () => c.ret([]));
  });

  const old = displaced(c, signal);
  const chaining = c.global("wasmpy_fault_chaining", 8);
  const isCalled = c.op(op.PTR_NE, c.plus(c.op(op.CALLER_SP), c.system.frame), ucontext);
  const isCycle = c.op(op.I32_AND, isCalled, c.op(op.PTR_EQ, c.content(PTR, chaining), ucontext));
  c.setContent(PTR, chaining, ucontext);
  const next = c.op(
    op.PTR_SELECT,
    isCycle,
    c.plus(old, actionBytes(c, FIRST)),
    c.plus(old, actionBytes(c, LATEST)),
  );
  const handler = handlerOf(c, next);
  const wasSent = c.op(op.I32_LE_S, code, c.i32(0));
  const isIgnored = c.op(op.PTR_EQ, handler, c.ptr(os.SIG_IGN, 0));
  c.when(c.op(op.I32_AND, isIgnored, wasSent), () => c.ret([]));
  // Default action: the instruction faults again and ends the process; a signal that was sent is sent again. A fault
  // cannot be ignored.
  c.when(c.op(op.I32_OR, isIgnored, c.op(op.PTR_EQ, handler, c.ptr(os.SIG_DFL, 0))), () => {
    c.api("sigaction", signal, newAction(c), c.null());
    c.when(wasSent, () => c.api("raise", signal));
    c.ret([]);
  });
  const pc = c.field(ucontext, c.system.pc);
  c.when(c.op(op.I32_EQZ, wasSent), () => {
    c.when(recurs(c, ucontext, c.member(info, os.SIGINFO_ADDR)), () => {
      leave(c, signal, old);
      c.ret([]);
    });
  });
  c.choose(
    takesInfo(c, next),
    () => c.callPtr(handler, handlerSignature(c), [signal, info, ucontext]),
    () => c.callPtr(handler, plainSignature(c), [signal]),
  );
  // Who sends it somewhere else has done something about it.
  const isMoved = c.op(op.PTR_NE, c.field(ucontext, c.system.pc), pc);
  c.when(isMoved, () => c.setField(lastFault(c), FAULT_TIMES, c.number(0)));
  c.when(isPending(c, signal), () => {
    const now = newAction(c);
    c.api("sigaction", signal, c.null(), now);
    c.when(isMarked(c, now), () => leave(c, signal, old));
  });
  c.ret([]);
}

/** Lets a trap go on at `target`. */
function redirect(c: Body, ucontext: Value, target: Value): void {
  const context = c.field(c.field(ucontext, c.system.vmctx), VMCTX_CONTEXT);
  const sp = c.field(ucontext, c.system.sp);
  c.setField(context, CONTEXT_TRAP_PC, c.field(ucontext, c.system.pc));
  c.setField(context, CONTEXT_TRAP_SP, sp);
  const aligned = c.op(op.I64_AND, c.op(op.I64_FROM_PTR, sp), c.number(-16));
  const entrySp = c.op(op.I64_SUB, aligned, c.number(c.system.entryBias));
  c.setField(ucontext, c.system.sp, c.op(op.PTR_FROM_I64, entrySp));
  c.setField(ucontext, c.system.pc, target);
}

/** The fault passed on last: its address, a sum of the registers, how often it has come again. */
const fault = new RecordType("fault", REGION_C, CELL_BYTES);
const FAULT_ADDRESS = fault.pointer("address");
const FAULT_REGISTERS = fault.i64("registers");
const FAULT_TIMES = fault.word("times");

function lastFault(c: Body): Value {
  return c.global("wasmpy_fault_last", fault.bytes);
}

/** 1 if this fault has come PATIENCE times with all registers the same and without another in between. */
function recurs(c: Body, ucontext: Value, at: Value): Value {
  const last = lastFault(c);
  const sum = c.variable(I64);
  c.set(sum, c.number(0));
  const { fields } = c.system.registers;
  c.repeat(c.number(fields.length), (i) => {
    const word = c.content(I64, c.element(c.addressOf(ucontext, fields[0]), i, CELL_SHIFT));
    c.set(sum, c.op(op.I64_ADD, c.op(op.I64_ROTL, c.get(sum), c.number(5)), word));
  });
  const isSame = c.op(
    op.I32_AND,
    c.op(op.PTR_EQ, c.field(last, FAULT_ADDRESS), at),
    c.op(op.I64_EQ, c.field(last, FAULT_REGISTERS), c.get(sum)),
  );
  const times = c.op(op.I64_ADD, c.field(last, FAULT_TIMES), c.number(1));
  c.setField(last, FAULT_ADDRESS, at);
  c.setField(last, FAULT_REGISTERS, c.get(sum));
  c.setField(last, FAULT_TIMES, c.op(op.I64_SELECT, isSame, times, c.number(0)));
  return c.op(op.I64_LE_U, c.number(PATIENCE), c.field(last, FAULT_TIMES));
}

/** 1 if the signal waits until our handler returns: a handler that we called has raised it. */
function isPending(c: Body, signal: Value): Value {
  const set = c.room(os.SIGNALS.bytes(c.model));
  c.api("sigpending", set);
  const bits = c.memberInRoom(set, os.SIGNALS_FIRST);
  const bit = c.op(op.I64_SHR_U, bits, c.op(op.I64_SUB, c.widen(signal), c.number(1)));
  return c.op(op.I32_AND, c.op(op.I32_WRAP_I64, bit), c.i32(1));
}

/** Puts back what was there at first, unless that is the handler which has just failed. */
function leave(c: Body, signal: Value, old: Value): void {
  const [first, latest] = [FIRST, LATEST].map((which) => c.plus(old, actionBytes(c, which)));
  const isOne = c.op(op.PTR_EQ, handlerOf(c, first), handlerOf(c, latest));
  c.api("sigaction", signal, c.op(op.PTR_SELECT, isOne, newAction(c), first), c.null());
}

/** True for a signal that this process sent to itself with raise(). */
function isOwnRaise(c: Body, info: Value, code: Value): Value {
  const sender = c.member(info, os.SIGINFO_PID);
  return c.op(
    op.I32_AND,
    c.op(op.I32_EQ, code, c.i32(os.SI_TKILL)),
    c.op(op.I32_EQ, sender, c.api("getpid")),
  );
}

/** (address, ucontext_t) → where a fault there, in that state, goes on as a trap of any image; null if it is none. */
export function findTrap(c: Body): void {
  const [at, ucontext] = [c.argument(0), c.argument(1)];
  const tell = (target: Value) => c.when(c.isThere(target), () => c.ret([target]));
  tell(c.run("is_trap", at, ucontext));
  const signature = c.program.signature([PTR, PTR], [PTR], CONV_C);
  const pc = c.field(ucontext, c.system.pc);
  eachNode(c, contexts(c), (context) => {
    whoseCode(c, c.addressOf(context, CONTEXT_IMAGES), pc, (image) => {
      tell(c.callPtr(image, signature, [at, ucontext]));
    });
  });
  c.ret([c.null()]);
}

/** (address, ucontext_t) → this image's `fault` if a fault there, in that state, is a trap of the image; else null. */
export function isTrap(c: Body): void {
  const [at, ucontext] = [c.argument(0), c.argument(1)];
  const pc = c.field(ucontext, c.system.pc);
  const start = c.symbol(c.program.symbol(TEXT_START, SYM_FUNC));
  const end = c.symbol(c.program.symbol(TEXT_END, SYM_FUNC));
  const refuse = () => c.ret([c.null()]);
  c.when(c.op(op.I32_EQZ, c.isWithin(pc, start, c.op(op.PTR_SUB, end, start))), refuse);
  c.when(c.op(op.I32_EQZ, isTrapSite(c, c.op(op.I32_WRAP_I64, c.op(op.PTR_SUB, pc, start)))), refuse);

  const vmctx = c.field(ucontext, c.system.vmctx);
  const pointers = c.op(op.PTR_ADD, vmctx, space(c, EXT_MEMORY, SPACE_POINTERS));
  c.repeat(space(c, EXT_MEMORY, SPACE_COUNT), (i) => {
    const record = c.content(PTR, c.element(pointers, i, 3));
    const base = c.field(record, MEMORY_BASE);
    c.when(c.isWithin(at, base, c.field(record, MEMORY_RESERVED)), () => c.ret([c.address("fault")]));
  });
  refuse();
}

/**
 * (ucontext_t, restorer) → 1 if the signal came while a handler of another one ran, one that the kernel had called for
 * a trap of ours. All handlers return to the restorer, in front of whose address the state that they interrupted lies.
 */
export function followsTrap(c: Body): void {
  const [ucontext, restorer] = [c.argument(0), c.argument(1)];
  const end = c.variable(PTR);
  c.set(end, c.null());
  // The handlers' stack: the alternate one, or that of a thread which runs wasm code.
  const use = (low: Value, size: Value) => {
    c.when(c.isWithin(ucontext, low, size), () => c.set(end, c.op(op.PTR_ADD, low, size)));
  };
  eachNode(c, contexts(c), (context) => {
    use(c.field(context, CONTEXT_STACK_LOW), c.field(context, CONTEXT_STACK_SIZE));
  });
  use(c.member(ucontext, os.UCONTEXT_STACK_LOW), c.member(ucontext, os.UCONTEXT_STACK_SIZE));
  c.when(c.isNull(c.get(end)), () => c.ret([c.i32(0)]));
  const room = c.op(op.PTR_SUB, c.get(end), c.plus(ucontext, c.system.stateBytes));
  const steps = c.op(op.I64_SHR_U, c.lesser(room, c.number(BETWEEN_HANDLERS)), c.number(4));
  c.repeat(steps, (i) => {
    const at = c.element(ucontext, i, 4);
    const isState = c.op(op.PTR_EQ, c.content(PTR, c.plus(at, c.system.restorer)), restorer);
    c.when(isState, () => {
      const target = c.run("find_trap", c.field(at, c.system.address), at);
      c.when(c.isThere(target), () => c.ret([c.i32(1)]));
    });
  });
  c.ret([c.i32(0)]);
}

/** 1 if the PC table has a site at `offset` (i32, from the start of the code) where a memory fault is a trap. */
function isTrapSite(c: Body, offset: Value): Value {
  const table = c.symbol(c.program.symbol(PC_TABLE, SYM_RODATA));
  const functions = c.widen(c.field(table, PC_FUNCTIONS));
  const count = c.field(table, PC_SITES);
  const sites = c.plus(c.element(table, functions, 4), PC_HEAD_BYTES); // behind four words per function
  const infos = c.element(sites, c.widen(count), 2);
  const word = (array: Value, i: Value) => c.content(I32, c.element(array, c.widen(i), 2));

  // The first site that is not below.
  const low = c.variable(I32);
  const high = c.variable(I32);
  c.set(low, c.i32(0));
  c.set(high, count);
  c.whileTrue(
    () => c.op(op.I32_LT_U, c.get(low), c.get(high)),
    () => {
      const middle = c.op(op.I32_SHR_U, c.op(op.I32_ADD, c.get(low), c.get(high)), c.i32(1));
      c.choose(
        c.op(op.I32_LT_U, word(sites, middle), offset),
        () => c.set(low, c.op(op.I32_ADD, middle, c.i32(1))),
        () => c.set(high, middle),
      );
    },
  );
  const isTrap = c.variable(I32);
  c.set(isTrap, c.i32(0));
  const i = c.get(low);
  c.when(c.op(op.I32_LT_U, i, count), () => {
    c.when(c.op(op.I32_EQ, word(sites, i), offset), () => {
      c.set(isTrap, c.op(op.I32_SHR_U, word(infos, i), c.i32(31)));
    });
  });
  return c.get(isTrap);
}
