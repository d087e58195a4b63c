// The context of an interpreter: found in the interpreter's dictionary under a versioned key, made by the first
// image that asks. Signal handlers and ending threads may look at it at any moment, so its few hundred bytes are
// never freed; the end of the interpreter only takes back the references it owns.

import {
  CONTEXT_ALWAYS,
  CONTEXT_BYTES,
  CONTEXT_FUNCS,
  CONTEXT_GLOBAL_TYPE,
  CONTEXT_LEDGER,
  CONTEXT_MEMORY_TYPE,
  CONTEXT_NOTHING,
  CONTEXT_RAISE,
  CONTEXT_TABLE_TYPE,
  CONTEXT_THREAD_END,
  CONTEXT_THREAD_KEY,
  CONTEXT_TRAP_STACK,
  CONTEXT_TYPES,
  IMAGE_STAYS,
  LEDGER_COLLECT,
  LEDGER_LIMIT,
} from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Body } from "./body.ts";
import { LEAST } from "./ledger.ts";

/** Names the layout of the context (abi/layout.ts) and the protocol of runtime/: a change of either needs another. */
export const CONTEXT_KEY = "wasmpy/context/6";

const OWNED: readonly Field[] = [
  CONTEXT_RAISE,
  CONTEXT_MEMORY_TYPE,
  CONTEXT_TABLE_TYPE,
  CONTEXT_GLOBAL_TYPE,
  CONTEXT_TYPES,
  CONTEXT_FUNCS,
  CONTEXT_TRAP_STACK,
  CONTEXT_NOTHING,
  CONTEXT_LEDGER.of(LEDGER_COLLECT),
];

export function context(c: Body): void {
  const dict = c.api("PyInterpreterState_GetDict", c.api("PyInterpreterState_Get"));
  c.whenRarely(c.isNull(dict), () => {
    c.api("PyErr_SetString", c.variableOf("PyExc_SystemError"), c.text("the interpreter has no dictionary"));
    c.ret([c.null()]);
  });
  const key = c.text(CONTEXT_KEY);
  const known = c.api("PyDict_GetItemString", dict, key);
  c.when(c.isThere(known), () => c.ret([c.api("PyCapsule_GetPointer", known, key)]));

  const fresh = c.api("calloc", c.number(1), c.number(CONTEXT_BYTES));
  c.whenRarely(c.isNull(fresh), () => c.ret([c.api("PyErr_NoMemory")]));
  c.setField(fresh, CONTEXT_ALWAYS, c.number(1));
  c.setField(fresh, CONTEXT_THREAD_END, c.address("thread_state_end"));
  c.setField(fresh, CONTEXT_LEDGER.of(LEDGER_LIMIT), c.number(LEAST));
  const threadKey = c.api(
    "pthread_key_create",
    c.addressOf(fresh, CONTEXT_THREAD_KEY),
    c.address("thread_exit"),
  );
  c.whenRarely(threadKey, () => {
    c.api("free", fresh);
    c.ret([c.api("PyErr_NoMemory")]);
  });
  const capsule = c.api("PyCapsule_New", fresh, key, c.address("context_release"));
  c.whenRarely(c.isNull(capsule), () => {
    c.api("pthread_key_delete", c.field(fresh, CONTEXT_THREAD_KEY));
    c.api("free", fresh);
    c.ret([c.null()]);
  });
  // The destructors of capsules and threads, and the capsule's name, are of this image.
  const image = c.run("image", fresh);
  c.whenRarely(c.isNull(image), () => {
    c.api("Py_DecRef", capsule);
    c.ret([c.null()]);
  });
  c.setField(image, IMAGE_STAYS, c.number(1));
  // If the dictionary does not take it, the capsule's end does the rest.
  const failed = c.api("PyDict_SetItemString", dict, key, capsule);
  c.api("Py_DecRef", capsule);
  c.whenRarely(failed, () => c.ret([c.null()]));
  c.ret([fresh]);
}

/** The capsule's destructor. */
export function contextRelease(c: Body): void {
  const old = c.api("PyCapsule_GetPointer", c.argument(0), c.text(CONTEXT_KEY));
  c.whenRarely(c.isNull(old), () => {
    c.api("PyErr_Clear");
    c.ret([]);
  });
  c.api("pthread_key_delete", c.field(old, CONTEXT_THREAD_KEY));
  for (const field of OWNED) {
    const object = c.field(old, field);
    c.setField(old, field, c.op(op.PTR_CONST));
    c.api("Py_DecRef", object);
  }
  c.ret([]);
}
