// Numbers that turn a division of 32-bit integers by a constant into a multiplication: Granlund and Montgomery,
// "Division by Invariant Integers using Multiplication", PLDI 1994 (sections 4 and 5), with a 64-bit product.

import { add64, divU64, I64 } from "../base/int64.ts";
import type { u32 } from "../base/numbers.ts";

/** Least k with 2^k ≥ d, for 1 ≤ d < 2³². */
export function log2Ceiling(d: number): number {
  return d >>> 0 === 1 ? 0 : 32 - Math.clz32((d - 1) | 0);
}

/** 2^(32 + s) for s < 32. */
function power(s: number): I64 {
  return new I64(0, 1 << s);
}

/** floor(2^(32 + s) / d) + 1. */
function multiplier(d: number, s: number): I64 {
  return add64(divU64(power(s), new I64(d, 0)).quotient, new I64(1, 0));
}

/**
 * Least s for which floor(x · m / 2^(32 + s)) = floor(x / d) for all x with m = multiplier(d, s) of 32 bits, or -1
 * when there is none. d is no power of two.
 */
export function unsignedShift(d: number): number {
  const end = log2Ceiling(d);
  for (let s = 0; s < end; s++) {
    const rest = divU64(power(s), new I64(d, 0)).remainder;
    // The multiplier exceeds 2^(32 + s) / d by (d - rest) / d, which must stay within 2^s / d.
    const excess: u32 = ((d >>> 0) - (rest.lo >>> 0)) >>> 0;
    if (excess <= 2 ** s && multiplier(d, s).hi === 0) return s;
  }
  return -1;
}

/** The multiplier for `unsignedShift(d)`. */
export function unsignedMultiplier(d: number): I64 {
  return multiplier(d, unsignedShift(d));
}

/** The low 32 bits of the 33-bit multiplier for the shift log2Ceiling(d), where `unsignedShift` has none. */
export function longMultiplier(d: number): I64 {
  const l = log2Ceiling(d);
  const whole = l === 32 ? divHigh(d) : multiplier(d, l);
  return new I64(whole.lo, 0);
}

/** floor(2^64 / d) + 1, modulo 2^64. */
function divHigh(d: number): I64 {
  const most = divU64(new I64(-1, -1), new I64(d, 0));
  // d is no power of two, so it does not divide 2^64.
  return add64(most.quotient, new I64(1, 0));
}

/** |d| ≥ 3 and no power of two: the multiplier of signed division, below 2³². */
export function signedMultiplier(d: number): I64 {
  return multiplier(Math.abs(d) | 0, log2Ceiling(Math.abs(d) | 0) - 1);
}

/** The shift of the 64-bit product that goes with it. */
export function signedShift(d: number): I64 {
  return new I64(31 + log2Ceiling(Math.abs(d) | 0), 0);
}

/** True for what the signed functions take: no power of two, nor the negative of one, nor 0. */
export function hasSignedMultiplier(d: number): boolean {
  return d !== 0 && (d & (d - 1)) !== 0 && (-d & (-d - 1)) !== 0;
}
