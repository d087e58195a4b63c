// What the handlers of memory faults share. Each image has handlers of its own, but for each signal only one of ours is
// installed at a time, so that a thousand images do not make a chain of a thousand calls: it is known by its signal
// mask, which nobody would choose by chance, and serves all images.
//
// An image's handlers reach everything through a list of the contexts that they were told of; a context lists
// the images that have instances in its interpreter (images.ts). Calling a handler with signal 0 tells it of a
// context: the second argument is a node that it takes over, unless it knows the context and zeroes the node's subject.
//
// Lists are made of nodes { next, subject } that are never taken out, and are whole at any moment: signals may come
// while a node is added.

import { IMAGE_STAYS, NODE_BYTES, NODE_NEXT, NODE_SUBJECT } from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, PTR } from "../ir/ops.ts";
import { CONV_C } from "../ir/program.ts";
import type { Body } from "./body.ts";
import * as os from "./linux.ts";

/** (given up) → 0, or -1: exception. Sees to it that faults reach our handlers. */
export function watchFaults(c: Body): void {
  const fail = () => c.ret([c.i32(-1)]);
  const context = c.run("context");
  c.whenRarely(c.isNull(context), fail);
  for (const signal of [os.SIGSEGV, os.SIGBUS]) {
    c.whenRarely(c.run("watch_fault", context, c.i32(signal), c.argument(0)), fail);
  }
  c.ret([c.i32(0)]);
}

/**
 * (context) → 0, or -1: exception. To be called before a handler of this image is installed: they know the context, and
 * the image stays.
 */
export function serveSignals(c: Body): void {
  const context = c.argument(0);
  const image = c.run("image", context);
  c.whenRarely(c.isNull(image), () => c.ret([c.i32(-1)]));
  c.setField(image, IMAGE_STAYS, c.number(1));
  tell(c, c.address("on_fault"), context);
  c.ret([c.i32(0)]);
}

/** A node with the subject. Without memory the function returns -1 with the exception. */
function newNode(c: Body, subject: Value): Value {
  const node = c.api("malloc", c.number(NODE_BYTES));
  c.whenRarely(c.isNull(node), () => {
    c.api("PyErr_NoMemory");
    c.ret([c.i32(-1)]);
  });
  c.setField(node, NODE_SUBJECT, subject);
  return node;
}

export function link(c: Body, head: Value, node: Value): void {
  c.setField(node, NODE_NEXT, c.content(PTR, head));
  c.setContent(PTR, head, node);
}

/** Tells `handler`, one of ours, of the context. Without memory the function returns -1 with the exception. */
export function tell(c: Body, handler: Value, context: Value): void {
  const node = newNode(c, context);
  c.callPtr(handler, handlerSignature(c), [c.i32(0), node, c.null()]);
  c.when(c.isNull(c.field(node, NODE_SUBJECT)), () => c.api("free", node));
}

/** The handler's side of it, which ends the function. Interpreters with their own GIL may be here at once. */
export function listen(c: Body, node: Value): void {
  const lock = c.global("wasmpy_contexts_lock", os.PTHREAD_MUTEX_BYTES);
  const leave = () => {
    c.api("pthread_mutex_unlock", lock);
    c.ret([]);
  };
  c.api("pthread_mutex_lock", lock);
  const context = c.field(node, NODE_SUBJECT);
  eachNode(c, contexts(c), (known) => {
    c.when(c.op(op.PTR_EQ, known, context), () => {
      c.setField(node, NODE_SUBJECT, c.null());
      leave();
    });
  });
  link(c, contexts(c), node);
  leave();
}

/** The list of the contexts that this image's handlers were told of. */
export function contexts(c: Body): Value {
  return c.global("wasmpy_contexts", 8);
}

/** Runs `body` with each node of the list at `head`, and its subject. */
export function eachNode(c: Body, head: Value, body: (subject: Value, node: Value) => void): void {
  const node = c.variable(PTR);
  c.set(node, c.content(PTR, head));
  c.whileTrue(
    () => c.isThere(c.get(node)),
    () => {
      const at = c.get(node);
      body(c.field(at, NODE_SUBJECT), at);
      c.set(node, c.field(at, NODE_NEXT));
    },
  );
}

// --- actions ----------------------------------------------------------------------------------------------

/**
 * Signals that are blocked while a handler of ours runs, by which images know each other: 40 43 47 53 59 61 62, in the
 * upper half of the mask's first word. Others for each protocol between images (context.ts).
 */
export const MARK = 0x3410_4480;

/** A struct sigaction in the frame, all zero: the default action. */
export function newAction(c: Body): Value {
  const action = c.room(os.SIGACTION.bytes(c.model));
  c.api("memset", action, c.i32(0), c.number(os.SIGACTION.bytes(c.model)));
  return action;
}

/** An action that calls `handler` and carries the mark. */
export function newMarkedAction(c: Body, handler: Value): Value {
  const action = newAction(c);
  c.setMember(action, os.SIGACTION_HANDLER, handler);
  c.setMember(action, os.SIGACTION_MASK, c.i64(0, MARK));
  c.setMember(action, os.SIGACTION_FLAGS, c.i32(os.SA_SIGINFO | os.SA_ONSTACK));
  return action;
}

export function isMarked(c: Body, action: Value): Value {
  return c.op(op.I64_EQ, c.member(action, os.SIGACTION_MASK), c.i64(0, MARK));
}

export function handlerOf(c: Body, action: Value): Value {
  return c.member(action, os.SIGACTION_HANDLER);
}

/** Not 0 if the handler takes three arguments. */
export function takesInfo(c: Body, action: Value): Value {
  return c.op(op.I32_AND, c.member(action, os.SIGACTION_FLAGS), c.i32(os.SA_SIGINFO));
}

/** The signature of such handlers. */
export function handlerSignature(c: Body): number {
  return c.program.signature([I32, PTR, PTR], [], CONV_C);
}

/** The signature of all others. */
export function plainSignature(c: Body): number {
  return c.program.signature([I32], [], CONV_C);
}
