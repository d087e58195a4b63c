// Ownership of references. A cell that Python code can reach (of a table or global) owns a reference to the
// owner of what it holds: an externref is its own owner, a function's is the instance that its record lies in
// (abi/layout.ts). Element arrays borrow.
//
// What lies on the wasm stack is owned by the context's list of pairs
//     { key: what lies on the stack, object: its owner }
// which grows to some size, then is swept conservatively: a pair whose key is found neither between here and the
// entry record nor in a callee-saved register is released. The list is the running entry's own (handover.ts).
//
// Releasing may run any Python code, so it comes last, when every structure is consistent, and always through
// `release`, which suspends.

import { helper } from "../abi/helpers.ts";
import {
  CONTEXT_DROPPED,
  CONTEXT_ENTRY_SP,
  CONTEXT_REFS,
  CONTEXT_REFS_CAPACITY,
  CONTEXT_REFS_COUNT,
  FUNC_OBJECT,
  FUNC_VMCTX,
  VMCTX_MODULE,
} from "../abi/layout.ts";
import { CELL_BYTES, RecordType } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import { access, REGION_C } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { I64, REF } from "../ir/ops.ts";
import { PYTHON_EXCEPTION, STACK_EXHAUSTED } from "../ir/traps.ts";
import type { Body } from "./body.ts";
import { continued, hasLittleStack, suspend } from "./handover.ts";

const pair = new RecordType("held reference", REGION_C, CELL_BYTES);
const PAIR_KEY = pair.pointer("key");
const PAIR_OBJECT = pair.pointer("object");
const PAIR_SHIFT = 4;
const FIRST_CAPACITY = 32;
/** From this capacity on, a full list is swept before it grows. */
const SWEPT_CAPACITY = 1024;

/** What the sweep found on the stack, as a filter of 2¹⁶ bits: hashes of words that could be keys. */
const FILTER_BITS = 16;
const BYTE: number = access(REGION_C, 0, 1, 0);

/** (reference, 1 for function references) → owner, borrowed */
export function owner(c: Body): void {
  const ref = c.op(op.PTR_FROM_REF, c.argument(0));
  c.when(c.op(op.I32_OR, c.isNull(ref), c.op(op.I32_EQZ, c.argument(1))), () => c.ret([ref]));
  const vmctx = c.field(ref, FUNC_VMCTX);
  c.when(c.isThere(vmctx), () => c.ret([c.field(vmctx, VMCTX_MODULE)]));
  c.ret([c.field(ref, FUNC_OBJECT)]);
}

/**
 * (context, object or null). Where too little stack is left for the Python code that may run, wasm code is left first
 * (trap_to_exception).
 */
export function release(c: Body): void {
  const [context, object] = [c.argument(0), c.argument(1)];
  c.when(c.isNull(object), () => c.ret([]));
  c.whenRarely(hasLittleStack(c, context), () => dropOutside(c, context, object));
  drop(c, context, object);
  c.ret([]);
}

/** Leaves wasm code, and releases the object there. */
function dropOutside(c: Body, context: Value, object: Value): void {
  c.setField(context, CONTEXT_DROPPED, object);
  c.trap(STACK_EXHAUSTED);
}

function drop(c: Body, context: Value, object: Value): void {
  const record = suspend(c, context);
  c.api("Py_DecRef", object);
  continued(c, context, record);
}

/** Puts `value` into the cell and takes its owner; the result is the owner of what was there, still to be released. */
export function exchange(c: Body, cell: Value, value: Value, isFunc: Value): Value {
  const old = c.run("owner", c.content(REF, cell), isFunc);
  c.api("Py_IncRef", c.run("owner", value, isFunc));
  c.setContent(REF, cell, value);
  return old;
}

/** (cell, value, 1 for function references): for wasm code. */
export function refSet(c: Body): void {
  c.run("release", c.context(), exchange(c, c.argument(0), c.argument(1), c.argument(2)));
  c.ret([]);
}

/** The same, for callers that are no wasm code. */
export function refStore(c: Body): void {
  c.api("Py_DecRef", exchange(c, c.argument(0), c.argument(1), c.argument(2)));
  c.ret([]);
}

// --- what lies on the wasm stack --------------------------------------------------------------------------

/** (externref) → the same */
export function refHold(c: Body): void {
  const ref = c.argument(0);
  hold(c, ref, c.op(op.PTR_FROM_REF, ref), () => {});
}

/**
 * (funcref) → the same. The running instance needs nobody to hold it. Of a function that is running the stack may
 * have no more than its instance, so that is a key too.
 */
export function funcHold(c: Body): void {
  const ref = c.argument(0);
  const object = c.run("owner", ref, c.i32(1));
  c.when(c.op(op.PTR_EQ, object, c.field(c.vmctx(), VMCTX_MODULE)), () => c.ret([ref]));
  hold(c, ref, object, (context, key) => {
    const vmctx = c.field(key, FUNC_VMCTX);
    c.when(c.isThere(vmctx), () => {
      c.api("Py_IncRef", object);
      push(c, context, vmctx, object);
    });
  });
}

/** Returns `ref`, with `object` held for it unless it is null or was the latest; `also` holds what else it must. */
function hold(c: Body, ref: Value, object: Value, also: (context: Value, key: Value) => void): void {
  c.when(c.isNull(object), () => c.ret([ref]));
  const context = c.context();
  const key = c.op(op.PTR_FROM_REF, ref);
  const count = c.field(context, CONTEXT_REFS_COUNT);
  c.when(c.isTrue(count), () => {
    const behind = c.element(c.field(context, CONTEXT_REFS), count, PAIR_SHIFT);
    const latest = c.field(c.plus(behind, -pair.bytes), PAIR_KEY);
    c.when(c.op(op.PTR_EQ, latest, key), () => c.ret([ref]));
  });
  also(context, key);
  c.api("Py_IncRef", object);
  push(c, context, key, object);
  c.ret([ref]);
}

function push(c: Body, context: Value, key: Value, object: Value): void {
  c.whenRarely(c.run("refs_push", context, key, object), () => c.trap(PYTHON_EXCEPTION));
}

/** (object with a reference, or null) → the same */
export function refAdopt(c: Body): void {
  const ref = c.argument(0);
  c.when(c.op(op.REF_IS_NULL, ref), () => c.ret([ref]));
  const object = c.op(op.PTR_FROM_REF, ref);
  push(c, c.context(), object, object);
  c.ret([ref]);
}

/** (context, key, object: taken over) → 0, or -1: exception */
export function refsPush(c: Body): void {
  const [context, key, object] = [c.argument(0), c.argument(1), c.argument(2)];
  const full = c.op(op.I64_EQ, c.field(context, CONTEXT_REFS_COUNT), c.field(context, CONTEXT_REFS_CAPACITY));
  c.whenRarely(full, () => {
    const isSwept = c.op(op.I64_LE_U, c.number(SWEPT_CAPACITY), c.field(context, CONTEXT_REFS_CAPACITY));
    c.whenRarely(c.op(op.I32_AND, isSwept, hasLittleStack(c, context)), () => {
      dropOutside(c, context, object);
    });
    c.whenRarely(c.run("refs_room", context), () => {
      c.run("release", context, object);
      c.api("PyErr_NoMemory");
      c.ret([c.i32(-1)]);
    });
  });
  const count = c.field(context, CONTEXT_REFS_COUNT);
  const pushed = c.element(c.field(context, CONTEXT_REFS), count, PAIR_SHIFT);
  c.setField(pushed, PAIR_KEY, key);
  c.setField(pushed, PAIR_OBJECT, object);
  c.setField(context, CONTEXT_REFS_COUNT, c.op(op.I64_ADD, count, c.number(1)));
  c.ret([c.i32(0)]);
}

/** (context) → 0, or -1: the list is full and cannot grow */
export function refsRoom(c: Body): void {
  const context = c.argument(0);
  const capacity = c.field(context, CONTEXT_REFS_CAPACITY);
  c.when(c.op(op.I64_LE_U, c.number(SWEPT_CAPACITY), capacity), () => {
    c.run("refs_sweep", context);
    // Half free at least, so that the price of sweeps stays in proportion to what is pushed.
    const half = c.op(op.I64_SHR_U, capacity, c.number(1));
    const isEnough = c.op(op.I64_LE_U, c.field(context, CONTEXT_REFS_COUNT), half);
    c.when(isEnough, () => c.ret([c.i32(0)]));
  });
  const doubled = c.op(op.I64_SHL, capacity, c.number(1));
  const wanted = c.op(op.I64_SELECT, c.isTrue(capacity), doubled, c.number(FIRST_CAPACITY));
  const bytes = c.op(op.I64_SHL, wanted, c.number(PAIR_SHIFT));
  const grown = c.api("realloc", c.field(context, CONTEXT_REFS), bytes);
  c.whenRarely(c.isNull(grown), () => {
    const isFull = c.op(op.I64_EQ, c.field(context, CONTEXT_REFS_COUNT), capacity);
    c.ret([c.op(op.I32_SUB, c.i32(0), isFull)]);
  });
  c.setField(context, CONTEXT_REFS, grown);
  c.setField(context, CONTEXT_REFS_CAPACITY, wanted);
  c.ret([c.i32(0)]);
}

/**
 * (context). References may lie in callee-saved registers only: an invoke makes this frame save all of them (its
 * exceptional edge destroys every register), so that the scan of the stack meets them.
 */
export function refsSweep(c: Body): void {
  const context = c.argument(0);
  const after = c.block();
  const never = c.coldBlock();
  const from = c.op(op.SP);
  c.invoke(helper(c.program, "refs_scan"), [context, from], after, never);
  for (const block of [after, never]) {
    c.seal(block);
    c.switchTo(block);
    c.ret([]);
  }
}

/** (context, where the stack begins) */
export function refsScan(c: Body): void {
  const context = c.argument(0);
  const filter = c.api("calloc", c.number(1), c.number((1 << FILTER_BITS) / 8));
  c.whenRarely(c.isNull(filter), () => c.ret([]));
  const list = c.field(context, CONTEXT_REFS);
  const count = c.field(context, CONTEXT_REFS_COUNT);
  const keyAt = (i: Value) => c.op(op.I64_FROM_PTR, c.field(c.element(list, i, PAIR_SHIFT), PAIR_KEY));

  // Only words between the least and the greatest key can be keys.
  const least = c.variable(I64);
  const greatest = c.variable(I64);
  c.set(least, c.number(-1));
  c.set(greatest, c.number(0));
  c.repeat(count, (i) => {
    const key = keyAt(i);
    c.set(least, c.lesser(key, c.get(least)));
    c.set(greatest, c.op(op.I64_SELECT, c.op(op.I64_LT_U, c.get(greatest), key), key, c.get(greatest)));
  });
  const low = c.get(least);
  const span = c.op(op.I64_SUB, c.get(greatest), low);
  const from = c.argument(1);
  const depth = c.op(op.PTR_SUB, c.field(context, CONTEXT_ENTRY_SP), from);
  c.repeat(c.op(op.I64_SHR_U, depth, c.number(3)), (i) => {
    const word = c.content(I64, c.element(from, i, 3));
    c.when(c.op(op.I64_LE_U, c.op(op.I64_SUB, word, low), span), () => {
      const bit = new FilterBit(c, filter, word);
      c.store(op.I32_STORE8, bit.byte, c.op(op.I32_OR, bit.value, bit.mask), 0, BYTE);
    });
  });

  // Living ones to the front, the others behind them.
  const next = c.variable(I64);
  const end = c.variable(I64);
  c.set(next, c.number(0));
  c.set(end, count);
  c.whileTrue(
    () => c.op(op.I64_LT_U, c.get(next), c.get(end)),
    () => {
      const i = c.get(next);
      const bit = new FilterBit(c, filter, keyAt(i));
      c.choose(
        c.op(op.I32_AND, bit.value, bit.mask),
        () => c.set(next, c.op(op.I64_ADD, i, c.number(1))),
        () => {
          const last = c.op(op.I64_SUB, c.get(end), c.number(1));
          c.set(end, last);
          const here = c.element(list, i, PAIR_SHIFT);
          const there = c.element(list, last, PAIR_SHIFT);
          for (const half of [PAIR_KEY, PAIR_OBJECT]) {
            const x = c.field(here, half);
            c.setField(here, half, c.field(there, half));
            c.setField(there, half, x);
          }
        },
      );
    },
  );
  c.api("free", filter);
  const living = c.get(next);
  c.setField(context, CONTEXT_REFS_COUNT, living);
  // Nobody else pushes to this list meanwhile: it is taken out of the context while Python code runs.
  c.repeat(c.op(op.I64_SUB, count, living), (i) => {
    const dead = c.element(list, c.op(op.I64_ADD, living, i), PAIR_SHIFT);
    drop(c, context, c.field(dead, PAIR_OBJECT)); // refs_push has seen that there is stack for it
  });
  c.ret([]);
}

/** Where the filter has the bit of a word. */
class FilterBit {
  readonly byte: Value;
  readonly value: Value;
  readonly mask: Value;

  constructor(c: Body, filter: Value, word: Value) {
    // Fibonacci hashing: the upper bits of the product with 2⁶⁴ / φ.
    const product = c.op(op.I64_MUL, word, c.i64(0x7f4a7c15, 0x9e3779b9 | 0));
    const hash = c.op(op.I64_SHR_U, product, c.number(64 - FILTER_BITS));
    this.byte = c.element(filter, c.op(op.I64_SHR_U, hash, c.number(3)), 0);
    this.value = c.byte(this.byte);
    const low = c.op(op.I32_AND, c.op(op.I32_WRAP_I64, hash), c.i32(7));
    this.mask = c.op(op.I32_SHL, c.i32(1), low);
  }
}

/** (context): wasm code has been left. */
export function refsRelease(c: Body): void {
  const context = c.argument(0);
  const list = c.field(context, CONTEXT_REFS);
  const count = c.field(context, CONTEXT_REFS_COUNT);
  c.setField(context, CONTEXT_REFS, c.null());
  c.setField(context, CONTEXT_REFS_COUNT, c.number(0));
  c.setField(context, CONTEXT_REFS_CAPACITY, c.number(0));
  c.repeat(count, (i) => {
    c.api("Py_DecRef", c.field(c.element(list, i, PAIR_SHIFT), PAIR_OBJECT));
  });
  c.api("free", list);
  c.ret([]);
}
