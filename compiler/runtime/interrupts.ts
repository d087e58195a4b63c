// Ctrl-C and every other signal that Python handles must be noticed by loops of wasm code: on_interrupt calls
// Python's own handler, then asks every known context for an interrupt. It is put in front of Python's handler
// wherever that is installed; `signal.signal` displaces it, and puts it back (wasmpy/_signals.py).
//
// Images share handlers (handlers.ts); told of a context, on_interrupt tells Python's handler through the third
// argument.

import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { CONTEXT_INTERRUPT, CONTEXT_LIMIT } from "../ir/layout.ts";
import { I32, I64, PTR } from "../ir/ops.ts";
import type { Body } from "./body.ts";
import {
  contexts,
  eachNode,
  handlerOf,
  INTERRUPT_MARK,
  isMarked,
  listen,
  newAction,
  newMarkedAction,
  plainSignature,
  takesInfo,
  tell,
} from "./handlers.ts";
import * as os from "./linux.ts";

/**
 * A thread that cannot answer Ctrl-C, or another of ENDING_SIGNALS, lets others run at so many polls from then on, about a
 * second's. One is enough for the handler, but a program that ends gives the interpreter's lock away again with each
 * output and each wait.
 */
const POLLS_BEFORE_THE_END = 1 << 22;

/** Python's handler of signals, once seen. */
function pythonHandler(c: Body): Value {
  return c.global("wasmpy_python_handler", 8);
}

/** (context) */
export function interrupt(c: Body): void {
  const context = c.argument(0);
  c.setContextField(I64, context, CONTEXT_INTERRUPT, c.number(1));
  c.setContextField(I64, context, CONTEXT_LIMIT, c.number(-1));
  c.ret([]);
}

/** (signal, siginfo_t, ucontext_t): the handler. */
export function onInterrupt(c: Body): void {
  const python = c.field(PTR, pythonHandler(c), 0);
  c.whenRarely(c.op(op.I32_EQZ, c.argument(0)), () => {
    c.when(c.isThere(c.argument(2)), () => c.setField(PTR, c.argument(2), 0, python));
    listen(c, c.argument(1));
  });
  // Python's first: who sees the interrupt must find the signal pending.
  c.callPtr(python, plainSignature(c), [c.argument(0)]);
  eachNode(c, contexts(c), (context) => {
    c.run("interrupt", context);
    for (const signal of os.ENDING_SIGNALS) {
      c.when(c.op(op.I32_EQ, c.argument(0), c.i32(signal)), () => {
        c.setContextField(I64, context, CONTEXT_INTERRUPT, c.number(POLLS_BEFORE_THE_END));
      });
    }
  });
  c.ret([]);
}

/** (context, signal) → 0, or -1: exception. The signal is one whose handler tells what Python's is. */
export function watchInterrupts(c: Body): void {
  const [context, telling] = [c.argument(0), c.argument(1)];
  const python = pythonHandler(c);
  const now = newAction(c);
  const ours = newMarkedAction(c, c.address("on_interrupt"), INTERRUPT_MARK);

  // It is that, or one of ours that knows it. Where the signal is ignored we may know it from another one.
  c.api("sigaction", telling, c.null(), now);
  c.choose(
    isMarked(c, now, INTERRUPT_MARK),
    () => tell(c, handlerOf(c, now), context, python),
    () => {
      const isFunction = c.op(op.PTR_LT_U, c.ptr(os.SIG_IGN, 0), handlerOf(c, now));
      c.when(c.op(op.I32_AND, isFunction, c.op(op.I32_EQZ, takesInfo(c, now))), () => {
        c.setField(PTR, python, 0, handlerOf(c, now));
      });
    },
  );
  c.when(c.isNull(c.field(PTR, python, 0)), () => c.ret([c.i32(0)]));

  c.repeat(c.number(os.SIGNALS), (i) => {
    const signal = c.op(op.I32_WRAP_I64, i);
    c.when(c.op(op.I32_EQZ, c.api("sigaction", signal, c.null(), now)), () => {
      c.when(isMarked(c, now, INTERRUPT_MARK), () => tell(c, handlerOf(c, now), context, c.null()));
      c.when(c.op(op.PTR_EQ, handlerOf(c, now), c.field(PTR, python, 0)), () => {
        const flags = c.op(op.I32_OR, c.field(I32, now, os.SIGACTION_FLAGS), c.i32(os.SA_SIGINFO));
        c.setField(I32, ours, os.SIGACTION_FLAGS, flags);
        c.whenRarely(c.run("serve_signals", context), () => c.ret([c.i32(-1)]));
        c.api("sigaction", signal, ours, c.null());
      });
    });
  });
  c.ret([c.i32(0)]);
}
