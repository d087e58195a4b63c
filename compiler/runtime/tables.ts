// Tables and element segments. A table's array moves when it grows, and releasing an old reference may run Python
// code that grows it: loops find the array anew for each element. Tables never shrink, so a range that was
// checked once stays inside.

import {
  ELEM_ARRAY,
  ELEM_LENGTH,
  TABLE_BASE,
  TABLE_IS_FUNC,
  TABLE_LEDGER,
  TABLE_MAX,
  TABLE_SIZE,
} from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, I64, PTR, REF } from "../ir/ops.ts";
import { PYTHON_EXCEPTION, TABLE_OUT_OF_BOUNDS } from "../ir/traps.ts";
import { MAX_TABLE_SIZE } from "../wasm/limits.ts";
import type { Body } from "./body.ts";
import { enter, leave, settleInside } from "./ledger.ts";
import { exchange } from "./refs.ts";

const REF_SHIFT = 3;

function inBytes(c: Body, count: Value): Value {
  return c.op(op.I64_SHL, count, c.number(REF_SHIFT));
}

/** (record, 1 for function references, size, maximum) → 0, or -1: exception */
export function tableCreate(c: Body): void {
  const record = c.argument(0);
  const size = c.argument(2);
  const max = c.lesser(c.argument(3), c.number(MAX_TABLE_SIZE));
  const fail = () => {
    c.api("PyErr_NoMemory");
    c.ret([c.i32(-1)]);
  };
  c.whenRarely(c.op(op.I64_LT_U, max, size), fail);
  // One element more, so that there is an array even if there are none.
  const array = c.api("calloc", c.op(op.I64_ADD, size, c.number(1)), c.number(1 << REF_SHIFT));
  c.whenRarely(c.isNull(array), fail);
  c.setField(record, TABLE_BASE, array);
  c.setField(record, TABLE_SIZE, size);
  c.setField(record, TABLE_MAX, max);
  c.setContent(I64, c.addressOf(record, TABLE_IS_FUNC), c.widen(c.argument(1)));
  enter(c, c.field(record, TABLE_LEDGER), inBytes(c, size));
  c.ret([c.i32(0)]);
}

/** (record) */
export function tableDestroy(c: Body): void {
  const record = c.argument(0);
  const array = c.field(record, TABLE_BASE);
  const size = c.field(record, TABLE_SIZE);
  const isFunc = c.field(record, TABLE_IS_FUNC);
  c.setField(record, TABLE_BASE, c.null());
  c.setField(record, TABLE_SIZE, c.number(0));
  leave(c, c.field(record, TABLE_LEDGER), inBytes(c, size));
  c.repeat(size, (i) => {
    c.api("Py_DecRef", c.run("owner", c.content(REF, c.element(array, i, REF_SHIFT)), isFunc));
  });
  c.api("free", array);
  c.ret([]);
}

/** (record, value, count) → old size, or -1 without an exception */
export function tableExtend(c: Body): void {
  const [record, value, count] = [c.argument(0), c.argument(1), c.argument(2)];
  const size = c.field(record, TABLE_SIZE);
  const room = c.op(op.I64_SUB, c.field(record, TABLE_MAX), size);
  const refuse = () => c.ret([c.number(-1)]);
  c.whenRarely(c.op(op.I64_LT_U, room, count), refuse);
  c.when(c.op(op.I64_EQZ, count), () => c.ret([size]));
  const total = c.op(op.I64_ADD, size, count);
  const array = c.api("realloc", c.field(record, TABLE_BASE), inBytes(c, total));
  c.whenRarely(c.isNull(array), refuse);
  c.setField(record, TABLE_BASE, array);
  const owner = c.run("owner", value, c.field(record, TABLE_IS_FUNC));
  c.repeat(count, (i) => {
    c.api("Py_IncRef", owner);
    c.setContent(REF, c.element(array, c.op(op.I64_ADD, size, i), REF_SHIFT), value);
  });
  c.setField(record, TABLE_SIZE, total);
  enter(c, c.field(record, TABLE_LEDGER), inBytes(c, count));
  c.ret([size]);
}

/** (record, value, count) → old size, or -1 */
export function tableGrow(c: Body): void {
  const before = c.run("table_extend", c.argument(0), c.argument(1), c.argument(2));
  settleInside(c, c.field(c.argument(0), TABLE_LEDGER));
  c.ret([before]);
}

/** Traps unless `count` elements from `at` on (both i64) lie in the table or element segment at `record`. */
function check(c: Body, record: Value, sizeAt: Field, at: Value, count: Value): void {
  const size = c.field(record, sizeAt);
  const isTooLong = c.op(op.I64_LT_U, size, count);
  const isTooFar = c.op(op.I64_LT_U, c.op(op.I64_SUB, size, count), at); // at + count may wrap around
  c.trapIf(c.op(op.I32_OR, isTooLong, isTooFar), TABLE_OUT_OF_BOUNDS);
}

/** The address of cell `i` (i64), for now. */
function cell(c: Body, record: Value, i: Value): Value {
  return c.element(c.field(record, TABLE_BASE), i, REF_SHIFT);
}

/** Stores `value` in cell `i`; Python code may run. */
function put(c: Body, record: Value, i: Value, value: Value): void {
  const old = exchange(c, cell(c, record, i), value, c.field(record, TABLE_IS_FUNC));
  c.run("release", c.context(), old);
}

/** (record, index) → reference, held */
export function tableGet(c: Body): void {
  const record = c.argument(0);
  const i = c.argument(1);
  check(c, record, TABLE_SIZE, i, c.number(1));
  const ref = c.content(REF, cell(c, record, i));
  c.when(c.field(record, TABLE_IS_FUNC), () => c.ret([c.run("func_hold", ref)]));
  c.ret([c.run("ref_hold", ref)]);
}

/** (record, index, value) */
export function tableSet(c: Body): void {
  const i = c.argument(1);
  check(c, c.argument(0), TABLE_SIZE, i, c.number(1));
  put(c, c.argument(0), i, c.argument(2));
  c.ret([]);
}

/** Runs `body` with 0, 1, … below `count`, polling. */
function eachElement(c: Body, count: Value, body: (i: Value) => void): void {
  const context = c.context();
  c.repeat(count, (i) => {
    c.poll(context);
    body(i);
  });
  c.ret([]);
}

/** (record, index, value, count) */
export function tableFill(c: Body): void {
  const record = c.argument(0);
  const first = c.argument(1);
  const count = c.argument(3);
  check(c, record, TABLE_SIZE, first, count);
  eachElement(c, count, (i) => put(c, record, c.op(op.I64_ADD, first, i), c.argument(2)));
}

/** (destination record, source record, destination, source, count) */
export function tableCopy(c: Body): void {
  const [to, from] = [c.argument(0), c.argument(1)];
  const [destination, source, count] = [c.argument(2), c.argument(3), c.argument(4)];
  check(c, to, TABLE_SIZE, destination, count);
  check(c, from, TABLE_SIZE, source, count);
  const isBackward = c.op(op.I64_LT_U, source, destination);
  eachElement(c, count, (i) => {
    const last = c.op(op.I64_SUB, c.op(op.I64_SUB, count, i), c.number(1));
    const k = c.op(op.I64_SELECT, isBackward, last, i);
    const value = c.content(REF, cell(c, from, c.op(op.I64_ADD, source, k)));
    put(c, to, c.op(op.I64_ADD, destination, k), value);
  });
}

/** (record, elem cell, destination, source, count) */
export function tableInit(c: Body): void {
  const [record, elem] = [c.argument(0), c.argument(1)];
  const destination = c.argument(2);
  const source = c.widen(c.argument(3));
  const count = c.widen(c.argument(4));
  check(c, elem, ELEM_LENGTH, source, count);
  check(c, record, TABLE_SIZE, destination, count);
  eachElement(c, count, (i) => {
    // Python code may have dropped the segment since the last element.
    const from = c.op(op.I64_ADD, source, i);
    check(c, elem, ELEM_LENGTH, from, c.number(1));
    const value = c.content(REF, c.element(c.field(elem, ELEM_ARRAY), from, REF_SHIFT));
    put(c, record, c.op(op.I64_ADD, destination, i), value);
  });
}

// --- element segments -------------------------------------------------------------------------------------

/** (elem cell, count) */
export function elemNew(c: Body): void {
  const elem = c.argument(0);
  const count = c.widen(c.argument(1));
  const array = c.api("calloc", c.op(op.I64_ADD, count, c.number(1)), c.number(1 << REF_SHIFT));
  c.whenRarely(c.isNull(array), () => {
    c.api("PyErr_NoMemory");
    c.trap(PYTHON_EXCEPTION);
  });
  c.setField(elem, ELEM_ARRAY, array);
  c.setField(elem, ELEM_LENGTH, count);
  c.ret([]);
}

/** (elem cell): for wasm code, and for all others. */
export function elemFree(c: Body): void {
  const elem = c.argument(0);
  const array = c.field(elem, ELEM_ARRAY);
  c.setField(elem, ELEM_ARRAY, c.null());
  c.setField(elem, ELEM_LENGTH, c.number(0));
  c.api("free", array);
  c.ret([]);
}

/** (elem cell, offsets: an own record at that offset of the instance, or the pointer at ~offset to one) */
export function elemFuncs(c: Body): void {
  const [elem, offsets] = [c.argument(0), c.argument(1)];
  const vmctx = c.vmctx();
  const array = c.field(elem, ELEM_ARRAY);
  c.repeat(c.field(elem, ELEM_LENGTH), (i) => {
    const offset = c.op(op.I64_EXTEND_I32_S, c.content(I32, c.element(offsets, i, 2)));
    const record = c.variable(PTR);
    c.choose(
      c.op(op.I64_LT_S, offset, c.number(0)),
      () => {
        const pointer = c.op(op.PTR_ADD, vmctx, c.op(op.I64_XOR, offset, c.number(-1)));
        c.set(record, c.content(PTR, pointer));
      },
      () => c.set(record, c.op(op.PTR_ADD, vmctx, offset)),
    );
    c.setContent(REF, c.element(array, i, REF_SHIFT), c.op(op.REF_FROM_PTR, c.get(record)));
  });
  c.ret([]);
}
