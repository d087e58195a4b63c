// Memory faults. A handler of SIGSEGV and SIGBUS turns faults at trap sites inside the instance's reservation into
// traps by rewriting the interrupted registers; every other fault goes to the handler that was there before.
// All of it is async-signal-safe, but for `watchFault`, which installs it. What images share: handlers.ts.
//
// Foreign handlers:
//   - faulthandler, enabled after us, dumps, restores our handler and calls raise(). We let one such signal pass
//     (re-armed by each trap): the instruction faults again, and now we see it. After a fault of somebody else's
//     has been passed on meanwhile, a second raise() is the end: it dies by the default action.
//   - Who installs a handler over ours may chain to us. Put on top again at the next instantiation we chain to it,
//     and it to us: called, not delivered, with the ucontext that we just passed on, we go to the handler that was
//     there at the very first.

import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import {
  CONTEXT_IMAGES,
  CONTEXT_TRAP_PC,
  CONTEXT_TRAP_SP,
  MEMORY_BASE,
  MEMORY_RESERVED,
  VMCTX_CONTEXT,
} from "../ir/layout.ts";
import { I32, I64, PTR } from "../ir/ops.ts";
import { CONV_C, SYM_FUNC, SYM_RODATA } from "../ir/program.ts";
import { EXT_MEMORY } from "../wasm/module.ts";
import { type Body, PC_TABLE, TEXT_END, TEXT_START } from "./body.ts";
import {
  contexts,
  eachNode,
  FAULT_MARK,
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
import * as os from "./linux.ts";
import { SPACE_COUNT, SPACE_POINTERS, space } from "./shape.ts";

/** Phases of the agreement with faulthandler. */
const ARMED = 0;
const PASSED_RAISE = 1;
const PASSED_FAULT = 2;

/** Per signal: the action displaced last, and the first. */
const LATEST = 0;
const FIRST = os.SIGACTION_BYTES;
const HAS_FIRST = 2 * os.SIGACTION_BYTES;
const ACTION_BYTES = 2 * os.SIGACTION_BYTES + 16;

function phase(c: Body): Value {
  return c.global("wasmpy_fault_phase", 8);
}

/** What was displaced for SIGSEGV or SIGBUS. */
function displaced(c: Body, signal: Value): Value {
  const both = c.global("wasmpy_fault_actions", 2 * ACTION_BYTES);
  const isBus = c.op(op.I32_EQ, signal, c.i32(os.SIGBUS));
  return c.op(op.PTR_SELECT, isBus, c.plus(both, ACTION_BYTES), both);
}

/** (context, signal) → 0, or -1: exception. Sees to it that a handler of ours, of any image, is installed. */
export function watchFault(c: Body): void {
  const [context, signal] = [c.argument(0), c.argument(1)];
  const now = newAction(c);
  c.api("sigaction", signal, c.null(), now);
  c.when(isMarked(c, now, FAULT_MARK), () => {
    tell(c, handlerOf(c, now), context, c.null());
    c.ret([c.i32(0)]);
  });
  const old = displaced(c, signal);
  c.api("memcpy", c.plus(old, LATEST), now, c.number(os.SIGACTION_BYTES));
  c.when(c.op(op.I64_EQZ, c.field(I64, old, HAS_FIRST)), () => {
    c.api("memcpy", c.plus(old, FIRST), now, c.number(os.SIGACTION_BYTES));
    c.setField(I64, old, HAS_FIRST, c.number(1));
  });
  c.api("sigaction", signal, newMarkedAction(c, c.address("on_fault"), FAULT_MARK), c.null());
  c.ret([c.i32(0)]);
}

/** (signal, siginfo_t, ucontext_t): the handler. */
export function onFault(c: Body): void {
  const [signal, info, ucontext] = [c.argument(0), c.argument(1), c.argument(2)];
  c.whenRarely(c.op(op.I32_EQZ, signal), () => {
    listen(c, info);
  });
  const state = phase(c);
  const rearm = (isCaught: Value) => {
    c.when(isCaught, () => {
      c.setField(I32, state, 0, c.i32(ARMED));
      c.ret([]);
    });
  };
  rearm(c.run("catch_fault", info, ucontext));
  const catches = c.program.signature([PTR, PTR], [I32], CONV_C);
  eachNode(c, contexts(c), (context) => {
    eachNode(c, c.plus(context, CONTEXT_IMAGES), (image) => {
      rearm(c.callPtr(image, catches, [info, ucontext]));
    });
  });

  const code = c.field(I32, info, os.SIGINFO_CODE);
  c.choose(
    isOwnRaise(c, info, code),
    () => {
      c.when(c.op(op.I32_EQ, c.field(I32, state, 0), c.i32(ARMED)), () => {
        c.setField(I32, state, 0, c.i32(PASSED_RAISE));
        c.ret([]);
      });
      c.when(c.op(op.I32_EQ, c.field(I32, state, 0), c.i32(PASSED_FAULT)), () => {
        c.setField(I32, state, 0, c.i32(ARMED));
        die(c, signal, code);
      });
    },
    () => {
      c.when(c.op(op.I32_EQ, c.field(I32, state, 0), c.i32(PASSED_RAISE)), () => {
        c.setField(I32, state, 0, c.i32(PASSED_FAULT));
      });
    },
  );

  const old = displaced(c, signal);
  const chaining = c.global("wasmpy_fault_chaining", 8);
  const isCalled = c.op(op.PTR_NE, c.plus(c.op(op.CALLER_SP), c.system.frame), ucontext);
  const isCycle = c.op(op.I32_AND, isCalled, c.op(op.PTR_EQ, c.field(PTR, chaining, 0), ucontext));
  c.setField(PTR, chaining, 0, ucontext);
  const next = c.op(op.PTR_SELECT, isCycle, c.plus(old, FIRST), c.plus(old, LATEST));
  const handler = handlerOf(c, next);
  c.when(c.op(op.PTR_EQ, handler, c.ptr(os.SIG_IGN, 0)), () => c.ret([]));
  c.when(c.op(op.PTR_EQ, handler, c.ptr(os.SIG_DFL, 0)), () => die(c, signal, code));
  c.choose(
    takesInfo(c, next),
    () => c.callPtr(handler, handlerSignature(c), [signal, info, ucontext]),
    () => c.callPtr(handler, plainSignature(c), [signal]),
  );
  c.ret([]);
}

/** True for a signal that this process sent to itself with raise(). */
function isOwnRaise(c: Body, info: Value, code: Value): Value {
  const sender = c.field(I32, info, os.SIGINFO_PID);
  return c.op(
    op.I32_AND,
    c.op(op.I32_EQ, code, c.i32(os.SI_TKILL)),
    c.op(op.I32_EQ, sender, c.api("getpid")),
  );
}

/** Default action: the instruction faults again and ends the process; a signal that was sent is sent again. */
function die(c: Body, signal: Value, code: Value): void {
  c.api("sigaction", signal, newAction(c), c.null());
  c.when(c.op(op.I32_LE_S, code, c.i32(0)), () => c.api("raise", signal));
  c.ret([]);
}

/** (siginfo_t, ucontext_t) → 1 if it was a trap of this image: then execution goes on in `fault`. */
export function catchFault(c: Body): void {
  const [info, ucontext] = [c.argument(0), c.argument(1)];
  const pc = c.field(PTR, ucontext, c.system.pc);
  const start = c.symbol(c.program.symbol(TEXT_START, SYM_FUNC));
  const end = c.symbol(c.program.symbol(TEXT_END, SYM_FUNC));
  const refuse = () => c.ret([c.i32(0)]);
  c.when(c.op(op.I32_EQZ, c.isWithin(pc, start, c.op(op.PTR_SUB, end, start))), refuse);
  c.when(c.op(op.I32_EQZ, isTrapSite(c, c.op(op.I32_WRAP_I64, c.op(op.PTR_SUB, pc, start)))), refuse);

  const vmctx = c.field(PTR, ucontext, c.system.vmctx);
  const at = c.field(PTR, info, os.SIGINFO_ADDR);
  const hit = c.block();
  const pointers = c.op(op.PTR_ADD, vmctx, space(c, EXT_MEMORY, SPACE_POINTERS));
  c.repeat(space(c, EXT_MEMORY, SPACE_COUNT), (i) => {
    const record = c.field(PTR, c.element(pointers, i, 3), 0);
    const base = c.field(PTR, record, MEMORY_BASE);
    const next = c.block();
    c.brIf(c.isWithin(at, base, c.field(I64, record, MEMORY_RESERVED)), hit, [], next, []);
    c.seal(next);
    c.switchTo(next);
  });
  refuse();

  c.seal(hit);
  c.switchTo(hit);
  const context = c.field(PTR, vmctx, VMCTX_CONTEXT);
  const sp = c.field(PTR, ucontext, c.system.sp);
  c.setContextField(PTR, context, CONTEXT_TRAP_PC, pc);
  c.setContextField(PTR, context, CONTEXT_TRAP_SP, sp);
  const aligned = c.op(op.I64_AND, c.op(op.I64_FROM_PTR, sp), c.number(-16));
  const entrySp = c.op(op.I64_SUB, aligned, c.number(c.system.entryBias));
  c.setField(I64, ucontext, c.system.sp, entrySp);
  c.setField(PTR, ucontext, c.system.pc, c.address("fault"));
  c.ret([c.i32(1)]);
}

/** 1 if the PC table has a site at `offset` (i32, from the start of the code) where a memory fault is a trap. */
function isTrapSite(c: Body, offset: Value): Value {
  const table = c.symbol(c.program.symbol(PC_TABLE, SYM_RODATA));
  const functions = c.widen(c.field(I32, table, 0));
  const count = c.field(I32, table, 4);
  const sites = c.plus(c.element(table, functions, 4), 8); // behind four words per function
  const infos = c.element(sites, c.widen(count), 2);
  const word = (array: Value, i: Value) => c.field(I32, c.element(array, c.widen(i), 2), 0);

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
