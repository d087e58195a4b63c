// Facts about single values that rules ask for.

import { I64 } from "../base/int64.ts";
import type { f64 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import { REGION_MEMORY, regionOf } from "../ir/access.ts";
import type { Func, Value } from "../ir/func.ts";

/** True for exactly one bit, that of the sign included. */
export function isPowerOfTwo(x: number): boolean {
  return x !== 0 && (x & (x - 1)) === 0;
}

export function isPowerOfTwo64(x: I64): boolean {
  return x.hi === 0 ? isPowerOfTwo(x.lo) : x.lo === 0 && isPowerOfTwo(x.hi);
}

/** True for the operations that yield 0 or 1. */
export function isCompare(code: number): boolean {
  return (
    (code >= op.I32_EQZ && code <= op.I32_GE_U) ||
    (code >= op.I64_EQZ && code <= op.I64_GE_U) ||
    (code >= op.F32_EQ && code <= op.F32_GE) ||
    (code >= op.F64_EQ && code <= op.F64_GE) ||
    (code >= op.PTR_EQ && code <= op.PTR_EQZ) ||
    code === op.REF_IS_NULL
  );
}

/** True when `v` is certainly 0 or 1. */
export function isBoolean(f: Func, v: Value): boolean {
  return isBooleanWithin(f, v, 3);
}

function isBooleanWithin(f: Func, v: Value, depth: number): boolean {
  const code = f.op[v];
  if (isCompare(code)) return true;
  switch (code) {
    case op.I32_CONST:
      return f.imm[v] >>> 0 <= 1;
    case op.I32_AND:
    case op.I32_OR:
    case op.I32_XOR: {
      if (depth === 0) return false;
      const a = isBooleanWithin(f, f.resolve(f.a[v] as Value), depth - 1);
      if (a && code === op.I32_AND) return true;
      const b = isBooleanWithin(f, f.resolve(f.b[v] as Value), depth - 1);
      return code === op.I32_AND ? b : a && b;
    }
    default:
      return false;
  }
}

/** True when 1 / x is exact and normal, so that dividing by x is multiplying by it. */
export function hasReciprocal64(x: I64): boolean {
  const exponent = (x.hi >>> 20) & 0x7ff;
  return x.lo === 0 && (x.hi & 0xfffff) === 0 && exponent > 1 && exponent < 2045;
}

export function hasReciprocal32(bits: number): boolean {
  const exponent = (bits >>> 23) & 0xff;
  return (bits & 0x7fffff) === 0 && exponent > 1 && exponent < 253;
}

/** Bits of 1 / x where `hasReciprocal` holds. */
export function reciprocal64(x: I64): I64 {
  return new I64(0, (x.hi & 0x80000000) | ((2046 - ((x.hi >>> 20) & 0x7ff)) << 20));
}

export function reciprocal32(bits: number): number {
  return (bits & 0x80000000) | ((254 - ((bits >>> 23) & 0xff)) << 23);
}

/**
 * True when a constant `a` that was added to the address of access `v` may go into its offset. Addresses in
 * memories come from bounds checks and have nothing added; the sum must stay a displacement of any machine.
 */
export function joinsOffset(f: Func, v: Value, offset: I64, a: I64): boolean {
  if (regionOf(f.aux[v]) === REGION_MEMORY || offset.hi !== 0 || a.hi !== a.lo >> 31) return false;
  const sum: f64 = (offset.lo >>> 0) + a.lo;
  return sum >= 0 && sum <= 0x7fffffff;
}
