// 64-bit integers as two int32 words: the one place of the core that knows about carries.
// An I64 is immutable; hot code keeps `lo` and `hi` in columns and makes an I64 only to compute.

import type { f64, u32 } from "./numbers.ts";

export class I64 {
  readonly lo: number;
  readonly hi: number;

  constructor(lo: number, hi: number) {
    this.lo = lo;
    this.hi = hi;
  }
}

const ZERO64: I64 = new I64(0, 0);

/** True when a < b as uint32. */
export function ltu(a: number, b: number): boolean {
  return a >>> 0 < b >>> 0;
}

export function fromInt32(x: number): I64 {
  return new I64(x, x >> 31);
}

export function eq64(a: I64, b: I64): boolean {
  return a.lo === b.lo && a.hi === b.hi;
}

export function isZero(a: I64): boolean {
  return (a.lo | a.hi) === 0;
}

/** True when the value is the sign extension of its low word. */
export function fitsInt32(a: I64): boolean {
  return a.hi === a.lo >> 31;
}

export function add64(a: I64, b: I64): I64 {
  const lo = (a.lo + b.lo) | 0;
  return new I64(lo, (a.hi + b.hi + (ltu(lo, a.lo) ? 1 : 0)) | 0);
}

export function neg64(a: I64): I64 {
  return new I64(-a.lo | 0, (~a.hi + (a.lo === 0 ? 1 : 0)) | 0);
}

export function sub64(a: I64, b: I64): I64 {
  return new I64((a.lo - b.lo) | 0, (a.hi - b.hi - (ltu(a.lo, b.lo) ? 1 : 0)) | 0);
}

/** The full 64-bit product of two uint32. */
function mulWide(a: number, b: number): I64 {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const ll: u32 = al * bl;
  const mid: f64 = ah * bl + (ll >>> 16);
  const mid2: f64 = al * bh + (mid & 0xffff);
  const hi: f64 = ah * bh + Math.floor(mid / 0x10000) + Math.floor(mid2 / 0x10000);
  return new I64(Math.imul(a, b), hi | 0);
}

export function mul64(a: I64, b: I64): I64 {
  const low = mulWide(a.lo, b.lo);
  return new I64(low.lo, (low.hi + Math.imul(a.lo, b.hi) + Math.imul(a.hi, b.lo)) | 0);
}

/** The upper half of the 128-bit product of unsigned numbers. */
export function mulHighU64(a: I64, b: I64): I64 {
  const cross = mulWide(a.lo, b.hi);
  // at most (2³² - 1)² + 2³² - 1 each: no overflow
  const mid = add64(mulWide(a.hi, b.lo), new I64(mulWide(a.lo, b.lo).hi, 0));
  const mid2 = add64(cross, new I64(mid.lo, 0));
  return add64(add64(mulWide(a.hi, b.hi), new I64(mid.hi, 0)), new I64(mid2.hi, 0));
}

/** The same of signed ones: each negative factor counts 2⁶⁴ times the other too much. */
export function mulHighS64(a: I64, b: I64): I64 {
  const high = sub64(mulHighU64(a, b), a.hi < 0 ? b : ZERO64);
  return sub64(high, b.hi < 0 ? a : ZERO64);
}

export function and64(a: I64, b: I64): I64 {
  return new I64(a.lo & b.lo, a.hi & b.hi);
}

export function or64(a: I64, b: I64): I64 {
  return new I64(a.lo | b.lo, a.hi | b.hi);
}

export function xor64(a: I64, b: I64): I64 {
  return new I64(a.lo ^ b.lo, a.hi ^ b.hi);
}

/** Shifts take their count modulo 64, as wasm does. */
export function shl64(a: I64, count: number): I64 {
  const n = count & 63;
  if (n === 0) return a;
  if (n >= 32) return new I64(0, a.lo << (n - 32));
  return new I64(a.lo << n, (a.hi << n) | (a.lo >>> (32 - n)));
}

export function shrU64(a: I64, count: number): I64 {
  const n = count & 63;
  if (n === 0) return a;
  if (n >= 32) return new I64((a.hi >>> (n - 32)) | 0, 0);
  return new I64((a.lo >>> n) | (a.hi << (32 - n)), (a.hi >>> n) | 0);
}

export function shrS64(a: I64, count: number): I64 {
  const n = count & 63;
  if (n === 0) return a;
  if (n >= 32) return new I64(a.hi >> (n - 32), a.hi >> 31);
  return new I64((a.lo >>> n) | (a.hi << (32 - n)), a.hi >> n);
}

export function rotl64(a: I64, count: number): I64 {
  return or64(shl64(a, count), shrU64(a, -count));
}

export function clz64(a: I64): number {
  return a.hi !== 0 ? Math.clz32(a.hi) : 32 + Math.clz32(a.lo);
}

export function ctz32(x: number): number {
  return x === 0 ? 32 : 31 - Math.clz32(x & -x);
}

export function ctz64(a: I64): number {
  return a.lo !== 0 ? ctz32(a.lo) : 32 + ctz32(a.hi);
}

export function popcnt32(x: number): number {
  const pairs = (x - ((x >>> 1) & 0x55555555)) | 0;
  const nibbles = ((pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)) | 0;
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

export function popcnt64(a: I64): number {
  return popcnt32(a.lo) + popcnt32(a.hi);
}

export function ltU64(a: I64, b: I64): boolean {
  return a.hi === b.hi ? ltu(a.lo, b.lo) : ltu(a.hi, b.hi);
}

export function ltS64(a: I64, b: I64): boolean {
  return a.hi === b.hi ? ltu(a.lo, b.lo) : a.hi < b.hi;
}

/** Quotient and remainder of unsigned division; `b` must not be zero. Schoolbook, bit by bit. */
export class Division {
  readonly quotient: I64;
  readonly remainder: I64;

  constructor(quotient: I64, remainder: I64) {
    this.quotient = quotient;
    this.remainder = remainder;
  }
}

export function divU64(a: I64, b: I64): Division {
  let quotient = ZERO64;
  let remainder = ZERO64;
  for (let i = 63; i >= 0; i--) {
    const carry = remainder.hi < 0;
    remainder = or64(shl64(remainder, 1), and64(shrU64(a, i), new I64(1, 0)));
    if (carry || !ltU64(remainder, b)) {
      remainder = sub64(remainder, b);
      quotient = or64(quotient, shl64(new I64(1, 0), i));
    }
  }
  return new Division(quotient, remainder);
}

/** Truncating signed division; `b` must not be zero. MIN / -1 wraps to MIN, remainder 0. */
export function divS64(a: I64, b: I64): Division {
  const unsigned = divU64(a.hi < 0 ? neg64(a) : a, b.hi < 0 ? neg64(b) : b);
  return new Division(
    (a.hi ^ b.hi) < 0 ? neg64(unsigned.quotient) : unsigned.quotient,
    a.hi < 0 ? neg64(unsigned.remainder) : unsigned.remainder,
  );
}

const BILLION = new I64(1_000_000_000, 0);

/** A uint64 in decimal. */
export function decimal64(a: I64): string {
  if (a.hi === 0) return `${a.lo >>> 0}`;
  const { quotient, remainder } = divU64(a, BILLION);
  return `${decimal64(quotient)}${`${remainder.lo}`.padStart(9, "0")}`;
}
