// The instance: its cells, the records they lead to, and the functions of the run time, which take such records.
// Layouts are those of layout.ts. Cells of the instance that are set before any code runs are READONLY; fields of a
// record that a reference leads to are not, since the reference must be tested first.

import { helper } from "../abi/helpers.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import { access, READONLY, REGION_VMCTX } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { LOAD_OF, TYPE_SIZE } from "../ir/ops.ts";
import type { Limits } from "../wasm/types.ts";
import type { Lowering } from "./lowering.ts";

export function instance(out: Lowering): Value {
  return out.op(op.VMCTX);
}

/** The pointer in the instance's cell at `offset`, which never changes. */
export function pointerCell(out: Lowering, offset: number): Value {
  return out.load(op.PTR_LOAD, instance(out), offset, access(REGION_VMCTX, 0, 8, READONLY));
}

export function addressOfCell(out: Lowering, offset: number): Value {
  return out.op(op.PTR_ADD, instance(out), out.i64(offset, 0));
}

export function memoryRecord(out: Lowering, memory: number): Value {
  return pointerCell(out, out.layout.memory[memory]);
}

export function tableRecord(out: Lowering, table: number): Value {
  return pointerCell(out, out.layout.table[table]);
}

/** `at`: where the record begins, from what `base` points to. */
export function recordField(out: Lowering, base: Value, { type, offset }: Field, at = 0): Value {
  return out.load(LOAD_OF[type], base, at + offset, access(REGION_VMCTX, 0, TYPE_SIZE[type], 0));
}

export function help(out: Lowering, name: string, operands: readonly Value[]): Value {
  return out.call(helper(out.program, name), operands);
}

/** An address or count of a memory or table with these limits as i64. */
export function wide(out: Lowering, x: Value, limits: Limits): Value {
  return limits.is64 ? x : out.op(op.I64_EXTEND_I32_U, x);
}

/** The other way round. */
export function narrow(out: Lowering, x: Value, limits: Limits): Value {
  return limits.is64 ? x : out.op(op.I32_WRAP_I64, x);
}

/** Traps with `code` when index + n is more than what is available: version 1.0's link check. */
export function checkEnd(out: Lowering, available: Value, index: Value, n: number, code: number): void {
  const end = out.op(op.I64_ADD, out.op(op.I64_EXTEND_I32_U, index), out.i64(n, 0));
  out.trapIf(out.op(op.I64_GT_U, end, available), code);
}
