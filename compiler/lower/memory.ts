// Memories as wholes: size, growth, bulk operations; data segments.

import * as at from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import { access, REGION_VMCTX } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { type Program, SYM_RODATA } from "../ir/program.ts";
import * as trap from "../ir/traps.ts";
import type { Limits } from "../wasm/types.ts";
import { checkEnd, help, instance, memoryRecord, narrow, recordField, wide } from "./instance.ts";
import type { Lowering } from "./lowering.ts";
import { copyPieces, fewBytes, fillPieces } from "./pieces.ts";

/** The symbol of the bytes of data segment `i`. */
export function dataSymbol(program: Program, i: number): number {
  return program.symbol(`wasmpy_data_${i}`, SYM_RODATA);
}

export function size(out: Lowering, memory: number): Value {
  const bytes = recordField(out, memoryRecord(out, memory), at.MEMORY_SIZE);
  const pages = out.op(op.I64_SHR_U, bytes, out.i64(16, 0));
  return narrow(out, pages, limitsOf(out, memory));
}

function limitsOf(out: Lowering, memory: number): Limits {
  return out.module.memories[memory].type.limits;
}

export function grow(out: Lowering, memory: number, pages: Value): Value {
  const limits = limitsOf(out, memory);
  const old = help(out, "memory_grow", [memoryRecord(out, memory), wide(out, pages, limits)]);
  return narrow(out, old, limits);
}

export function fill(out: Lowering, memory: number, to: Value, byte: Value, n: Value): void {
  const few = fewBytes(out, n);
  if (few > 0) {
    fillPieces(out, memory, to, byte, few);
    return;
  }
  const limits = limitsOf(out, memory);
  const [place, count] = [wide(out, to, limits), wide(out, n, limits)];
  help(out, "memory_fill", [memoryRecord(out, memory), place, byte, count]);
}

export function copy(out: Lowering, target: number, source: number, to: Value, from: Value, n: Value): void {
  const few = fewBytes(out, n);
  if (few > 0) {
    copyPieces(out, target, source, to, from, few);
    return;
  }
  const [limits, others] = [limitsOf(out, target), limitsOf(out, source)];
  help(out, "memory_copy", [
    memoryRecord(out, target),
    memoryRecord(out, source),
    wide(out, to, limits),
    wide(out, from, others),
    wide(out, n, limits.is64 ? others : limits),
  ]);
}

export function init(out: Lowering, memory: number, data: number, to: Value, from: Value, n: Value): void {
  copySegment(out, memory, data, dataLength(out, data), to, from, n);
}

/** The same with a given length of the segment. */
export function copySegment(
  out: Lowering,
  memory: number,
  data: number,
  length: Value,
  to: Value,
  from: Value,
  n: Value,
): void {
  const bytes = out.symbol(dataSymbol(out.program, data));
  const place = wide(out, to, limitsOf(out, memory));
  help(out, "memory_init", [memoryRecord(out, memory), bytes, length, place, from, n]);
}

function dataLength(out: Lowering, data: number): Value {
  return out.load(op.I32_LOAD, instance(out), out.layout.data[data], access(REGION_VMCTX, 0, 4, 0));
}

export function setDataLength(out: Lowering, data: number, length: Value): void {
  const aux = access(REGION_VMCTX, 0, 4, 0);
  out.store(op.I32_STORE, instance(out), length, out.layout.data[data], aux);
}

export function dropSegment(out: Lowering, data: number): void {
  setDataLength(out, data, out.i32(0));
}

export function checkFits(out: Lowering, memory: number, index: Value, n: number): void {
  const available = recordField(out, memoryRecord(out, memory), at.MEMORY_SIZE);
  checkEnd(out, available, index, n, trap.DATA_DOES_NOT_FIT);
}
