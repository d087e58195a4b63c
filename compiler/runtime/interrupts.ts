// Ctrl-C and every other signal that Python handles must be noticed by loops of wasm code: on_interrupt calls
// Python's own handler, then asks every known context for an interrupt. It is put in front of Python's handler
// wherever that is installed; `signal.signal` displaces it, and the next instantiation puts it back.
//
// Images share handlers as in signals.ts: signal 0 registers a context (a node of its list), and tells Python's
// handler through the third argument.

import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { CONTEXT_INTERRUPT, CONTEXT_LIMIT } from "../ir/layout.ts";
import { I32, I64, PTR } from "../ir/ops.ts";
import { CONV_C } from "../ir/program.ts";
import type { Body } from "./body.ts";
import * as os from "./linux.ts";
import { admit, eachNode, isMarked, newAction, register } from "./signals.ts";

/** Signals 42 44 48 51 57 60 63. */
const INTERRUPT_MASK_LO = 0;
const INTERRUPT_MASK_HI = 0x4904_8a00;

function contexts(c: Body): Value {
  return c.global("wasmpy_interrupt_contexts", 8);
}

/** Python's handler of signals, once seen. */
function pythonHandler(c: Body): Value {
  return c.global("wasmpy_python_handler", 8);
}

/** (context) */
export function interrupt(c: Body): void {
  const context = c.argument(0);
  c.note(I64, context, CONTEXT_INTERRUPT, c.number(1));
  c.note(I64, context, CONTEXT_LIMIT, c.number(-1));
  c.ret([]);
}

/** (signal, siginfo_t, ucontext_t): the handler. */
export function onInterrupt(c: Body): void {
  const list = contexts(c);
  const python = c.field(PTR, pythonHandler(c), 0);
  c.whenRarely(c.op(op.I32_EQZ, c.argument(0)), () => {
    c.when(c.isThere(c.argument(2)), () => c.setField(PTR, c.argument(2), 0, python));
    admit(c, list, c.argument(1), c.null());
  });
  // Python's first: who sees the interrupt must find the signal pending.
  c.callPtr(python, c.program.signature([I32], [], CONV_C), [c.argument(0)]);
  eachNode(c, list, (context) => c.own("interrupt", [context]));
  c.ret([]);
}

/** () → 0, or -1: exception */
export function watchSignals(c: Body): void {
  for (const signal of [os.SIGSEGV, os.SIGBUS]) {
    c.whenRarely(c.own("watch_fault", [c.i32(signal)]), () => c.ret([c.i32(-1)]));
  }
  const context = c.own("context");
  c.whenRarely(c.isNull(context), () => c.ret([c.i32(-1)]));
  c.ret([c.own("watch_interrupts", [context])]);
}

/** (context) → 0, or -1: exception */
export function watchInterrupts(c: Body): void {
  const context = c.argument(0);
  const python = pythonHandler(c);
  const action = newAction(c);
  const handler = () => c.field(PTR, action, os.SIGACTION_HANDLER);
  const ours = () => c.address("on_interrupt");
  const isForeign = () =>
    c.op(
      op.I32_AND,
      c.op(op.PTR_NE, handler(), ours()),
      isMarked(c, action, INTERRUPT_MASK_LO, INTERRUPT_MASK_HI),
    );

  // Who handles SIGINT tells Python's handler: it is that, or another image that knows it.
  c.c("sigaction", [c.i32(os.SIGINT), c.null(), action]);
  c.choose(
    isForeign(),
    () => register(c, handler(), context, python),
    () => {
      const takesInfo = c.op(op.I32_AND, c.field(I32, action, os.SIGACTION_FLAGS), c.i32(os.SA_SIGINFO));
      const isAddress = c.op(op.PTR_LT_U, c.ptr(os.SIG_IGN, 0), handler());
      c.when(c.op(op.I32_AND, isAddress, c.op(op.I32_EQZ, takesInfo)), () => {
        c.setField(PTR, python, 0, handler());
      });
    },
  );
  c.when(c.isNull(c.field(PTR, python, 0)), () => c.ret([c.i32(0)]));
  register(c, ours(), context, c.null());

  const action2 = newAction(c);
  c.setField(PTR, action2, os.SIGACTION_HANDLER, ours());
  c.setField(I64, action2, os.SIGACTION_MASK, c.i64(INTERRUPT_MASK_LO, INTERRUPT_MASK_HI));
  c.repeat(c.number(os.SIGNALS), (i) => {
    const signal = c.op(op.I32_WRAP_I64, i);
    c.when(c.op(op.I32_EQZ, c.c("sigaction", [signal, c.null(), action])), () => {
      c.when(isForeign(), () => register(c, handler(), context, c.null()));
      c.when(c.op(op.PTR_EQ, handler(), c.field(PTR, python, 0)), () => {
        const flags = c.op(op.I32_OR, c.field(I32, action, os.SIGACTION_FLAGS), c.i32(os.SA_SIGINFO));
        c.setField(I32, action2, os.SIGACTION_FLAGS, flags);
        c.c("sigaction", [signal, action2, c.null()]);
      });
    });
  });
  c.ret([c.i32(0)]);
}
