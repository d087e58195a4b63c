// Division and truncation: the IR operations do not trap, so the cases in which wasm does are tested before.

import { unreachable } from "../base/fail.ts";
import type { u32 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import type { Builder } from "../ir/builder.ts";
import type { Value } from "../ir/func.ts";
import { I32, RESULT } from "../ir/ops.ts";
import * as trap from "../ir/traps.ts";

/** A division or remainder. */
export function divide(out: Builder, code: number, a: Value, b: Value): Value {
  const { func } = out;
  const narrow = RESULT[code] === I32;
  const isConstant = func.op[b] === (narrow ? op.I32_CONST : op.I64_CONST);
  const lo = func.imm[b];
  const hi = narrow ? lo >> 31 : func.imm2[b];
  const mayBeZero = !isConstant || (lo | hi) === 0;
  const mayBeMinusOne = !isConstant || (lo & hi) === -1;
  if (mayBeZero) out.trapIf(out.op(narrow ? op.I32_EQZ : op.I64_EQZ, b), trap.DIVIDE_BY_ZERO);
  if (mayBeMinusOne && (code === op.I32_DIV_S || code === op.I64_DIV_S)) {
    out.trapIf(narrow ? overflows32(out, a, b) : overflows64(out, a, b), trap.INTEGER_OVERFLOW);
  }
  return out.op(code, a, b);
}

/** Whether a is the least number and b is -1: both sums are 0 then, and only then. */
function overflows32(out: Builder, a: Value, b: Value): Value {
  const sums = out.op(op.I32_OR, out.op(op.I32_ADD, a, out.i32(1 << 31)), out.op(op.I32_ADD, b, out.i32(1)));
  return out.op(op.I32_EQZ, sums);
}

function overflows64(out: Builder, a: Value, b: Value): Value {
  const least = out.i64(0, 1 << 31);
  const sums = out.op(op.I64_OR, out.op(op.I64_ADD, a, least), out.op(op.I64_ADD, b, out.i64(1, 0)));
  return out.op(op.I64_EQZ, sums);
}

/**
 * For each truncation: whether its operand is an f64; whether the lower bound itself is out of
 * range (the largest float at or below the least integer minus one) or in range (that float is the least
 * integer, as the next one below is farther away); the bounds by their bits, the upper one being out of range.
 */
class Truncation {
  readonly isF64: boolean;
  readonly excludesLow: boolean;
  /** Bits of the bounds: the word of an f32, the high word of an f64. */
  readonly low: number;
  readonly lowLo: number;
  readonly high: number;

  constructor(isF64: boolean, excludesLow: boolean, low: u32, lowLo: number, high: u32) {
    this.isF64 = isF64;
    this.excludesLow = excludesLow;
    this.low = low | 0;
    this.lowLo = lowLo;
    this.high = high | 0;
  }
}

function truncationOf(code: number): Truncation {
  switch (code) {
    case op.I32_TRUNC_F32_S: // x < -2^31, x >= 2^31
      return new Truncation(false, false, 0xcf000000, 0, 0x4f000000);
    case op.I32_TRUNC_F32_U: // x <= -1, x >= 2^32
      return new Truncation(false, true, 0xbf800000, 0, 0x4f800000);
    case op.I32_TRUNC_F64_S: // x <= -2^31 - 1, x >= 2^31
      return new Truncation(true, true, 0xc1e00000, 0x00200000, 0x41e00000);
    case op.I32_TRUNC_F64_U:
      return new Truncation(true, true, 0xbff00000, 0, 0x41f00000);
    case op.I64_TRUNC_F32_S: // x < -2^63, x >= 2^63
      return new Truncation(false, false, 0xdf000000, 0, 0x5f000000);
    case op.I64_TRUNC_F32_U: // x <= -1, x >= 2^64
      return new Truncation(false, true, 0xbf800000, 0, 0x5f800000);
    case op.I64_TRUNC_F64_S:
      return new Truncation(true, false, 0xc3e00000, 0, 0x43e00000);
    case op.I64_TRUNC_F64_U:
      return new Truncation(true, true, 0xbff00000, 0, 0x43f00000);
    default:
      return unreachable(`${code} is no truncation`);
  }
}

/** A truncation that traps for what does not fit. */
export function truncate(out: Builder, code: number, x: Value): Value {
  const t = truncationOf(code);
  const low = t.isF64 ? out.f64(t.lowLo, t.low) : out.f32(t.low);
  const high = t.isF64 ? out.f64(0, t.high) : out.f32(t.high);
  out.trapIf(out.op(t.isF64 ? op.F64_NE : op.F32_NE, x, x), trap.INVALID_CONVERSION);
  const isBelow = t.isF64 ? (t.excludesLow ? op.F64_LE : op.F64_LT) : t.excludesLow ? op.F32_LE : op.F32_LT;
  out.trapIf(out.op(isBelow, x, low), trap.INTEGER_OVERFLOW);
  out.trapIf(out.op(t.isF64 ? op.F64_GE : op.F32_GE, x, high), trap.INTEGER_OVERFLOW);
  return out.op(code, x);
}
