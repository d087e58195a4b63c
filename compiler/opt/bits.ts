// Which bits of an integer may be set: an upper bound, from what computes it, a few operations deep. It holds wherever
// the value does, since it looks at nothing but definitions.

import type { f64, u32 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import type { Func, Value } from "../ir/func.ts";
import { isCompare } from "./values.ts";

const DEPTH = 4;
const TWO32 = 4294967296;

/** The bits of i32 `v` that may be set. */
export function possibleBits(f: Func, v: Value): number {
  return low(f, v, DEPTH);
}

/** The upper word of the bits of i64 `v` that may be set. */
export function possibleHigh(f: Func, v: Value): number {
  return high(f, v, DEPTH);
}

/** The lower word. */
export function possibleLow(f: Func, v: Value): number {
  return low(f, v, DEPTH);
}

/** All bits up to the highest one of `x`. */
function upTo(x: u32): number {
  return x === 0 ? 0 : (-1 >>> Math.clz32(x)) | 0;
}

/** The constant count of shift `v` modulo `width`, or -1. */
function count(f: Func, v: Value, width: number): number {
  const b = f.resolve(f.b[v] as Value);
  return f.op[b] === op.I32_CONST || f.op[b] === op.I64_CONST ? f.imm[b] & (width - 1) : -1;
}

/** The lower word of an i64, all of an i32. */
function low(f: Func, operand: number, depth: number): number {
  const v = f.resolve(operand as Value);
  const code = f.op[v];
  if (code === op.I32_CONST || code === op.I64_CONST) return f.imm[v];
  if (isCompare(code)) return 1;
  if (depth === 0 || f.a[v] < 0) return -1;
  switch (code) {
    case op.I32_LOAD8_U:
    case op.I64_LOAD8_U:
      return 0xff;
    case op.I32_LOAD16_U:
    case op.I64_LOAD16_U:
      return 0xffff;
    case op.I32_CLZ:
    case op.I32_CTZ:
    case op.I32_POPCNT:
      return 0x3f;
    case op.I64_CLZ:
    case op.I64_CTZ:
    case op.I64_POPCNT:
      return 0x7f;
    case op.I32_AND:
    case op.I64_AND:
      return low(f, f.a[v], depth - 1) & low(f, f.b[v], depth - 1);
    case op.I32_OR:
    case op.I64_OR:
    case op.I32_XOR:
    case op.I64_XOR:
      return low(f, f.a[v], depth - 1) | low(f, f.b[v], depth - 1);
    case op.I32_SELECT:
    case op.I64_SELECT:
      return low(f, f.b[v], depth - 1) | low(f, f.c[v], depth - 1);
    case op.I32_ADD:
      return sumOf(low(f, f.a[v], depth - 1), low(f, f.b[v], depth - 1));
    case op.I32_MUL: {
      const product: f64 = (low(f, f.a[v], depth - 1) >>> 0) * (low(f, f.b[v], depth - 1) >>> 0);
      return product < TWO32 ? upTo(product >>> 0) : -1;
    }
    case op.I32_DIV_U:
    case op.I32_REM_U: {
      const b = f.resolve(f.b[v] as Value);
      const a: u32 = low(f, f.a[v], depth - 1) >>> 0;
      if (f.op[b] !== op.I32_CONST || f.imm[b] === 0) return upTo(a);
      const c: u32 = f.imm[b] >>> 0;
      return upTo(code === op.I32_DIV_U ? (a / c) >>> 0 : Math.min(a, c - 1));
    }
    case op.I32_SHL: {
      const n = count(f, v, 32);
      return n < 0 ? -1 : low(f, f.a[v], depth - 1) << n;
    }
    case op.I32_SHR_U: {
      const n = count(f, v, 32);
      return n < 0 ? upTo(low(f, f.a[v], depth - 1) >>> 0) : (low(f, f.a[v], depth - 1) >>> n) | 0;
    }
    case op.I32_SHR_S: {
      const n = count(f, v, 32);
      return n < 0 ? -1 : low(f, f.a[v], depth - 1) >> n;
    }
    case op.I64_SHL: {
      const n = count(f, v, 64);
      return n < 0 ? -1 : n < 32 ? low(f, f.a[v], depth - 1) << n : 0;
    }
    case op.I64_SHR_U: {
      const n = count(f, v, 64);
      if (n < 0) return -1;
      const upper = high(f, f.a[v], depth - 1);
      if (n >= 32) return (upper >>> (n - 32)) | 0;
      return n === 0 ? low(f, f.a[v], depth - 1) : (low(f, f.a[v], depth - 1) >>> n) | (upper << (32 - n));
    }
    case op.I32_EXTEND8_S:
    case op.I64_EXTEND8_S:
      return (low(f, f.a[v], depth - 1) << 24) >> 24;
    case op.I32_EXTEND16_S:
    case op.I64_EXTEND16_S:
      return (low(f, f.a[v], depth - 1) << 16) >> 16;
    case op.I32_WRAP_I64:
    case op.I64_EXTEND_I32_S:
    case op.I64_EXTEND_I32_U:
    case op.I64_EXTEND32_S:
      return low(f, f.a[v], depth - 1);
    default:
      return -1;
  }
}

/** The bits of a sum of two numbers with these bits: where they share none, none carries. */
function sumOf(a: number, b: number): number {
  if ((a & b) === 0) return a | b;
  const sum: f64 = (a >>> 0) + (b >>> 0);
  return sum < TWO32 ? upTo(sum >>> 0) : -1;
}

function high(f: Func, operand: number, depth: number): number {
  const v = f.resolve(operand as Value);
  const code = f.op[v];
  if (code === op.I64_CONST) return f.imm2[v];
  if (depth === 0 || f.a[v] < 0) return -1;
  switch (code) {
    case op.I64_LOAD8_U:
    case op.I64_LOAD16_U:
    case op.I64_LOAD32_U:
    case op.I64_EXTEND_I32_U:
    case op.I64_CLZ:
    case op.I64_CTZ:
    case op.I64_POPCNT:
      return 0;
    case op.I64_EXTEND_I32_S:
    case op.I64_EXTEND32_S:
      return low(f, f.a[v], depth - 1) >> 31;
    case op.I64_AND:
      return high(f, f.a[v], depth - 1) & high(f, f.b[v], depth - 1);
    case op.I64_OR:
    case op.I64_XOR:
      return high(f, f.a[v], depth - 1) | high(f, f.b[v], depth - 1);
    case op.I64_SELECT:
      return high(f, f.b[v], depth - 1) | high(f, f.c[v], depth - 1);
    case op.I64_SHL: {
      const n = count(f, v, 64);
      if (n < 0) return -1;
      const lower = low(f, f.a[v], depth - 1);
      if (n >= 32) return lower << (n - 32);
      return n === 0 ? high(f, f.a[v], depth - 1) : (high(f, f.a[v], depth - 1) << n) | (lower >>> (32 - n));
    }
    case op.I64_SHR_U: {
      const n = count(f, v, 64);
      return n < 0
        ? upTo(high(f, f.a[v], depth - 1) >>> 0)
        : n < 32
          ? (high(f, f.a[v], depth - 1) >>> n) | 0
          : 0;
    }
    default:
      return -1;
  }
}

/** The same for what every target computes in one instruction of which it can be seen again (mach/verify.ts). */
export function evidentBits(f: Func, v: Value): number {
  switch (f.op[v]) {
    case op.I32_LOAD8_U:
      return 0xff;
    case op.I32_LOAD16_U:
      return 0xffff;
    case op.I32_AND: {
      const b = f.resolve(f.b[v] as Value);
      return f.op[b] === op.I32_CONST ? f.imm[b] : -1;
    }
    case op.I32_SHR_U: {
      const n = count(f, v, 32);
      return n < 0 ? -1 : (-1 >>> n) | 0;
    }
    default:
      return -1;
  }
}
