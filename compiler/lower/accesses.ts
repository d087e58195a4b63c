// Loads and stores of memories: bounds, and the address. In a guarded memory the access itself traps; elsewhere code
// in front of it compares index + offset + size with the memory's size.

import * as at from "../abi/layout.ts";
import type { f64 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import { MAY_TRAP, REGION_MEMORY, access as word } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { ACCESS_SIZE } from "../ir/ops.ts";
import * as trap from "../ir/traps.ts";
import { memoryRecord, recordField } from "./instance.ts";
import type { Lowering } from "./lowering.ts";

/** Imported memories may be one and the same, so they share a region. */
function regionOf(out: Lowering, memory: number): number {
  return out.module.memories[memory].imported ? 0 : memory;
}

export function isGuarded(out: Lowering, memory: number): boolean {
  return at.isGuarded(out.module, memory, out.options.checked);
}

/** The address that an access of `size` bytes at index + offset has, less the offset. Traps out of bounds. */
export function addressIn(
  out: Lowering,
  memory: number,
  index: Value,
  lo: number,
  hi: number,
  size: number,
): Value {
  if (isGuarded(out, memory)) {
    const aux = word(REGION_MEMORY, regionOf(out, memory), size, 0);
    return out.load(op.BOUNDS_CHECK32, index, lo, aux, hi);
  }
  const record = memoryRecord(out, memory);
  const available = recordField(out, op.I64_LOAD, record, at.MEMORY_SIZE);
  const end: f64 = (lo >>> 0) + size; // of offset 0's access
  const endLo = end | 0;
  const endHi = hi + (end > 0xffffffff ? 1 : 0);
  let wideIndex = index;
  if (out.module.memories[memory].type.limits.is64) {
    // index + end may wrap around: compare with what end leaves. Where end itself does, there is never so much
    const wraps = hi === -1 && end > 0xffffffff;
    const needed = wraps ? out.i64(-1, -1) : out.i64(endLo, endHi);
    out.trapIf(out.op(op.I64_LT_U, available, needed), trap.MEMORY_OUT_OF_BOUNDS);
    const last = out.op(op.I64_SUB, available, needed);
    out.trapIf(out.op(op.I64_GT_U, index, last), trap.MEMORY_OUT_OF_BOUNDS);
  } else {
    wideIndex = out.op(op.I64_EXTEND_I32_U, index);
    const last = out.op(op.I64_ADD, wideIndex, out.i64(endLo, endHi));
    out.trapIf(out.op(op.I64_GT_U, last, available), trap.MEMORY_OUT_OF_BOUNDS);
  }
  return out.op(op.PTR_ADD, recordField(out, op.PTR_LOAD, record, at.MEMORY_BASE), wideIndex);
}

export function accessAux(out: Lowering, memory: number, size: number): number {
  return word(REGION_MEMORY, regionOf(out, memory), size, isGuarded(out, memory) ? MAY_TRAP : 0);
}

/** The load, store or both that `code` is, with the values that it takes besides the address. */
export function access(
  out: Lowering,
  memory: number,
  code: number,
  index: Value,
  x: Value,
  y: Value,
  lo: number,
  hi: number,
): Value {
  const size = ACCESS_SIZE[code];
  const address = addressIn(out, memory, index, lo, hi, size);
  return out.access(code, address, x, y, lo, accessAux(out, memory, size), hi);
}
