// Numbers that turn a division of 64-bit integers by a constant into a multiplication, of which the upper half is
// wanted: as opt/magic.ts, but with a product of 128 bits.

import { add64, divU64, I64, isZero, ltU64, neg64, shl64, sub64 } from "../base/int64.ts";
import { isPowerOfTwo64 } from "./values.ts";

const ONE: I64 = new I64(1, 0);

export class Reciprocal {
  /** floor(2^(64 + shift) / d) + 1, modulo 2^64. */
  readonly factor: I64;
  readonly shift: number;
  /** The factor is too large for its type (unsigned: by 2^64; signed: it is negative). */
  readonly isLong: boolean;

  constructor(factor: I64, shift: number, isLong: boolean) {
    this.factor = factor;
    this.shift = shift;
    this.isLong = isLong;
  }
}

/** True for what the functions below take: no power of two, nor the negative of one, nor 0. */
export function hasReciprocal(d: I64): boolean {
  return !isZero(d) && !isPowerOfTwo64(d) && !isPowerOfTwo64(neg64(d));
}

/** 2^(64 + s) divided by d, for s from 0 on; d is no power of two. */
class Doubling {
  private readonly d: I64;
  /** Modulo 2^64. */
  quotient: I64;
  remainder: I64;

  constructor(d: I64) {
    this.d = d;
    const most = divU64(new I64(-1, -1), d);
    this.quotient = most.quotient;
    this.remainder = add64(most.remainder, ONE);
  }

  double(): void {
    const rest = sub64(this.d, this.remainder);
    const carries = !ltU64(this.remainder, rest);
    this.quotient = add64(shl64(this.quotient, 1), new I64(carries ? 1 : 0, 0));
    this.remainder = carries ? sub64(this.remainder, rest) : shl64(this.remainder, 1);
  }

  /** True if the factor exceeds 2^(64 + s) / d by at most 2^k / d. */
  isWithin(k: number): boolean {
    return k >= 64 || !ltU64(shl64(ONE, k), sub64(this.d, this.remainder));
  }

  factor(): I64 {
    return add64(this.quotient, ONE);
  }
}

/** Least l with 2^l ≥ d. */
function log2Ceiling64(d: I64): number {
  let l = 0;
  while (l < 64 && ltU64(shl64(ONE, l), d)) l++;
  return l;
}

/**
 * x / d is the upper half of x · factor, shifted by `shift`. With a long factor x itself, and so the sum of both; that
 * has 65 bits: (((x - t) >> 1) + t) >> (shift - 1), where t is the upper half.
 */
export function unsignedReciprocal(d: I64): Reciprocal {
  const division = new Doubling(d);
  const end = log2Ceiling64(d);
  for (let s = 0; s < end; s++) {
    if (division.isWithin(s)) return new Reciprocal(division.factor(), s, false);
    division.double();
  }
  return new Reciprocal(division.factor(), end, true);
}

/**
 * For |d|: x / |d| is the upper half of x · factor, shifted by `shift`, plus one for negative x. A long factor is
 * negative, that is, too small by 2^64: x is added to the upper half.
 */
export function signedReciprocal(d: I64): Reciprocal {
  const positive = d.hi < 0 ? neg64(d) : d;
  const division = new Doubling(positive);
  const end = log2Ceiling64(positive) - 1;
  for (let s = 0; s < end; s++) {
    const factor = division.factor();
    if (factor.hi >= 0 && division.isWithin(s + 1)) return new Reciprocal(factor, s, false);
    division.double();
  }
  const factor = division.factor();
  return new Reciprocal(factor, end, factor.hi < 0);
}
