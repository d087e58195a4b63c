// Tables and element segments. Single elements and whole ranges are the run time's affair, since cells own what they
// refer to; only the look-up of a callee is made here.

import * as at from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import { access, READONLY, REGION_TABLE, REGION_VMCTX } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import * as trap from "../ir/traps.ts";
import type { Limits } from "../wasm/types.ts";
import {
  addressOfCell,
  checkEnd,
  help,
  instance,
  narrow,
  recordField,
  tableRecord,
  wide,
} from "./instance.ts";
import type { Lowering } from "./lowering.ts";

function regionOf(out: Lowering, table: number): number {
  return out.module.tables[table].imported ? 0 : table;
}

/** The number of elements, as i64. */
function lengthOf(out: Lowering, table: number): Value {
  return recordField(out, tableRecord(out, table), at.TABLE_SIZE);
}

export function size(out: Lowering, table: number): Value {
  return narrow(out, lengthOf(out, table), limitsOf(out, table));
}

function limitsOf(out: Lowering, table: number): Limits {
  return out.module.tables[table].type.limits;
}

export function get(out: Lowering, table: number, index: Value): Value {
  return help(out, "table_get", [tableRecord(out, table), wide(out, index, limitsOf(out, table))]);
}

export function set(out: Lowering, table: number, index: Value, v: Value): void {
  help(out, "table_set", [tableRecord(out, table), wide(out, index, limitsOf(out, table)), v]);
}

export function grow(out: Lowering, table: number, v: Value, n: Value): Value {
  const limits = limitsOf(out, table);
  const old = help(out, "table_grow", [tableRecord(out, table), v, wide(out, n, limits)]);
  return narrow(out, old, limits);
}

export function fill(out: Lowering, table: number, index: Value, v: Value, n: Value): void {
  const limits = limitsOf(out, table);
  const [place, count] = [wide(out, index, limits), wide(out, n, limits)];
  help(out, "table_fill", [tableRecord(out, table), place, v, count]);
}

export function copy(out: Lowering, target: number, source: number, to: Value, from: Value, n: Value): void {
  const [limits, others] = [limitsOf(out, target), limitsOf(out, source)];
  help(out, "table_copy", [
    tableRecord(out, target),
    tableRecord(out, source),
    wide(out, to, limits),
    wide(out, from, others),
    wide(out, n, limits.is64 ? others : limits),
  ]);
}

export function init(out: Lowering, table: number, elem: number, to: Value, from: Value, n: Value): void {
  const place = wide(out, to, limitsOf(out, table));
  help(out, "table_init", [tableRecord(out, table), elemCell(out, elem), place, from, n]);
}

function elemCell(out: Lowering, elem: number): Value {
  return addressOfCell(out, out.layout.elem[elem]);
}

export function dropSegment(out: Lowering, elem: number): void {
  help(out, "elem_drop", [elemCell(out, elem)]);
}

/** An array for the references of the segment, all null. */
export function newSegment(out: Lowering, elem: number, length: number): void {
  help(out, "elem_new", [elemCell(out, elem), out.i32(length)]);
}

export function fillSegment(out: Lowering, elem: number, offsets: number): void {
  help(out, "elem_funcs", [elemCell(out, elem), out.symbol(offsets)]);
}

/** Element `i` of the segment's array, which borrows it. */
export function setInSegment(out: Lowering, elem: number, i: number, v: Value): void {
  const array = recordField(out, instance(out), at.ELEM_ARRAY, out.layout.elem[elem]);
  out.store(op.REF_STORE, array, v, 8 * i, access(REGION_TABLE, 0, 8, 0));
}

export function checkFits(out: Lowering, table: number, index: Value, n: number): void {
  checkEnd(out, lengthOf(out, table), index, n, trap.ELEM_DOES_NOT_FIT);
}

/** The record that a call_indirect finds at `index`: there, not null, of the type. */
export function recordAt(out: Lowering, table: number, type: number, index: Value): Value {
  const place = wide(out, index, limitsOf(out, table));
  out.trapIf(out.op(op.I64_GE_U, place, lengthOf(out, table)), trap.UNDEFINED_ELEMENT);
  const base = recordField(out, tableRecord(out, table), at.TABLE_BASE);
  const slot = out.op(op.PTR_ADD, base, out.op(op.I64_SHL, place, out.i64(3, 0)));
  const record = out.load(op.PTR_LOAD, slot, 0, access(REGION_TABLE, regionOf(out, table), 8, 0));
  out.trapIf(out.op(op.PTR_EQZ, record), trap.UNINITIALIZED_ELEMENT);
  const expected = access(REGION_VMCTX, 0, 8, READONLY);
  const wanted = out.load(op.I64_LOAD, instance(out), out.layout.type[type], expected);
  const actual = recordField(out, record, at.FUNC_TYPE);
  out.trapIf(out.op(op.I64_NE, actual, wanted), trap.INDIRECT_CALL_TYPE);
  return record;
}
