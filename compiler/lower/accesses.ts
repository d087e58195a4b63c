// Loads and stores of memories: bounds, and the address. In a guarded memory the access itself traps; elsewhere the
// check does, which opt/checks.ts makes code of.

import * as at from "../abi/layout.ts";
import type { f64 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import { MAY_TRAP, REGION_MEMORY, access as word } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { ACCESS_SIZE } from "../ir/ops.ts";
import { memoryRecord } from "./instance.ts";
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
  const end: f64 = (lo >>> 0) + size; // of offset 0's access
  const endHi = hi + (end > 0xffffffff ? 1 : 0);
  // where the end itself wraps around there is never so much
  const wraps = hi === -1 && end > 0xffffffff;
  const v = out.op(op.BOUNDS_CHECK, memoryRecord(out, memory), index);
  out.func.imm[v] = wraps ? -1 : end | 0;
  out.func.imm2[v] = wraps ? -1 : endHi;
  return v;
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
