// Numbers of the text format (spec 3.0, 6.3.1–6.3.2): integers with range checks for their width, floats rounded
// exactly to the nearest, ties to even. Decimal floats go to f32 directly, never through f64. Where one operation
// on exact doubles is enough (Clinger's fast path) it is taken; otherwise value = numerator / denominator as
// naturals, divided bit by bit. Digits beyond those that can matter only leave a sticky digit, so that the time
// is linear in the token.

import { byteAt } from "../base/bytes.ts";
import type { f64, u32 } from "../base/numbers.ts";
import { hexDigit } from "./lexer.ts";
import { Natural } from "./natural.ts";

// results
export const OK = 0;
/** Not a number of this kind. */
export const NOT_A_NUMBER = 1;
/** A number, but too large for the type. */
export const OUT_OF_RANGE = 2;

const TWO32 = 0x100000000;
const UNDERSCORE = 0x5f;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;

/** Significant digits kept: halfway points of f64 have at most 767 decimal digits. */
const MAX_DIGITS = 800;

/** Four bits for each digit of a text are less: an exponent cut to this is an overflow or underflow all the same. */
const HUGE_EXPONENT = 1e12;

export class FloatFormat {
  /** Bits of the significand, the implicit one included. */
  readonly precision: number;
  readonly minExponent: number;
  readonly maxExponent: number;
  /** Largest integer below which integers, and largest n for which 10ⁿ, are exact. */
  readonly exactInteger: f64;
  readonly exactPower: number;

  constructor(
    precision: number,
    minExponent: number,
    maxExponent: number,
    exactInteger: f64,
    exactPower: number,
  ) {
    this.precision = precision;
    this.minExponent = minExponent;
    this.maxExponent = maxExponent;
    this.exactInteger = exactInteger;
    this.exactPower = exactPower;
  }
}

const FORMAT32: FloatFormat = new FloatFormat(24, -126, 127, 2 ** 24, 10);
const FORMAT64: FloatFormat = new FloatFormat(53, -1022, 1023, 2 ** 53, 22);

/** Reads one number at a time; the bits of the last one are `lo` and `hi`. */
export class NumberReader {
  lo: number;
  hi: number;
  private text: Uint8Array;
  private at: number;
  private end: number;
  /** The significant digits of a float, how many of them lie before the point, and whether the rest is zero. */
  private readonly digits: Uint8Array;
  private count: number;
  private pointAt: number;
  private sticky: boolean;
  private readonly view: DataView;

  constructor() {
    this.lo = 0;
    this.hi = 0;
    this.text = new Uint8Array(0);
    this.at = 0;
    this.end = 0;
    this.digits = new Uint8Array(MAX_DIGITS);
    this.count = 0;
    this.pointAt = 0;
    this.sticky = false;
    this.view = new DataView(new ArrayBuffer(8));
  }

  /** An unsigned integer of up to 64 bits: no sign. */
  natural(text: Uint8Array, start: number, end: number, bits: number): number {
    const c = text[start];
    if (c === PLUS || c === MINUS) return NOT_A_NUMBER;
    return this.integer(text, start, end, bits);
  }

  /** An integer of `bits` bits, signed or unsigned: −2ⁿ⁻¹ … 2ⁿ − 1. */
  integer(text: Uint8Array, start: number, end: number, bits: number): number {
    let at = start;
    const negative = text[at] === MINUS;
    if (negative || text[at] === PLUS) at++;
    const hex = end - at > 2 && text[at] === 0x30 && text[at + 1] === 0x78;
    if (hex) at += 2;
    const radix = hex ? 16 : 10;
    let lo: u32 = 0;
    let hi: f64 = 0; // may leave 32 bits, and is then too large
    let overflow = false;
    let wanted = true; // a digit must follow
    for (; at < end; at++) {
      const c = text[at];
      if (c === UNDERSCORE) {
        if (wanted) return NOT_A_NUMBER;
        wanted = true;
        continue;
      }
      const digit = hexDigit(c);
      if (digit < 0 || digit >= radix) return NOT_A_NUMBER;
      wanted = false;
      const low: f64 = lo * radix + digit;
      const carry: f64 = Math.floor(low / TWO32);
      lo = low >>> 0;
      hi = hi * radix + carry;
      if (hi >= TWO32) {
        overflow = true;
        hi = 0;
      }
    }
    if (wanted) return NOT_A_NUMBER;
    if (overflow) return OUT_OF_RANGE;
    if (bits === 64) {
      if (negative && (hi > 0x80000000 || (hi === 0x80000000 && lo !== 0))) return OUT_OF_RANGE;
    } else if (hi !== 0 || lo > (negative ? 2 ** (bits - 1) : 2 ** bits - 1)) {
      return OUT_OF_RANGE;
    }
    this.lo = negative ? -lo | 0 : lo | 0;
    this.hi = negative ? (~hi + (lo === 0 ? 1 : 0)) | 0 : hi | 0;
    return OK;
  }

  /** An f32: its bits in `lo`. */
  float32(text: Uint8Array, start: number, end: number): number {
    return this.float(text, start, end, FORMAT32);
  }

  /** An f64: its bits in `lo` and `hi`. */
  float64(text: Uint8Array, start: number, end: number): number {
    return this.float(text, start, end, FORMAT64);
  }

  private float(text: Uint8Array, start: number, end: number, format: FloatFormat): number {
    this.text = text;
    this.at = start;
    this.end = end;
    this.lo = 0;
    this.hi = 0;
    const negative = text[start] === MINUS;
    if (negative || text[start] === PLUS) this.at++;
    const result = this.magnitude(format);
    if (result !== OK) return result;
    if (negative) {
      if (format.precision === 24) this.lo |= 0x80000000;
      else this.hi |= 0x80000000;
    }
    return OK;
  }

  private magnitude(format: FloatFormat): number {
    const { text, at, end } = this;
    if (this.isWord("inf")) {
      this.setInfinity(format);
      return OK;
    }
    if (this.isWord("nan")) {
      this.setInfinity(format);
      if (format.precision === 24) this.lo |= 1 << 22;
      else this.hi |= 1 << 19;
      return OK;
    }
    if (byteAt(text, at) === 0x6e) return this.nanPayload(format);
    if (end - at > 2 && text[at] === 0x30 && text[at + 1] === 0x78) {
      this.at += 2;
      return this.hexadecimal(format);
    }
    return this.decimal(format);
  }

  private isWord(word: string): boolean {
    if (this.end - this.at !== word.length) return false;
    for (let i = 0; i < word.length; i++) if (this.text[this.at + i] !== word.charCodeAt(i)) return false;
    return true;
  }

  private setInfinity(format: FloatFormat): void {
    if (format.precision === 24) this.lo = 0x7f800000;
    else this.hi = 0x7ff00000;
  }

  /** `nan:0x…`. */
  private nanPayload(format: FloatFormat): number {
    const { text, at, end } = this;
    const prefix = "nan:0x";
    if (end - at <= prefix.length) return NOT_A_NUMBER;
    for (let i = 0; i < prefix.length; i++) if (text[at + i] !== prefix.charCodeAt(i)) return NOT_A_NUMBER;
    const result = this.natural(text, at + 4, end, 64);
    if (result !== OK) return result;
    const { lo, hi } = this;
    const single = format.precision === 24;
    const bound = single ? hi !== 0 || lo >>> 0 >= 1 << 23 : hi >>> 0 >= 1 << 20;
    if (bound || (lo | hi) === 0) return OUT_OF_RANGE;
    this.setInfinity(format);
    if (single) this.lo |= lo;
    else this.hi |= hi;
    return OK;
  }

  /** Reads digits up to something else; false where an underscore does not stand between digits. */
  private readDigits(radix: number, fraction: boolean): boolean {
    const { text } = this;
    let wanted = true;
    for (; this.at < this.end; this.at++) {
      const c = text[this.at];
      if (c === UNDERSCORE) {
        if (wanted) return false;
        wanted = true;
        continue;
      }
      const digit = hexDigit(c);
      if (digit < 0 || digit >= radix) break;
      wanted = false;
      if (digit === 0 && this.count === 0) {
        if (fraction) this.pointAt--; // leading zeros do not count
        continue;
      }
      if (this.count < MAX_DIGITS) this.digits[this.count++] = digit;
      else if (digit !== 0) this.sticky = true;
      if (!fraction) this.pointAt++;
    }
    return !wanted;
  }

  /** num ('.' frac?)? into `digits`, `count` and `pointAt`. */
  private readSignificand(radix: number): boolean {
    this.count = 0;
    this.pointAt = 0;
    this.sticky = false;
    if (!this.readDigits(radix, false)) return false;
    if (this.at === this.end || this.text[this.at] !== DOT) return true;
    this.at++;
    if (this.at === this.end || hexDigit(this.text[this.at]) < 0) return true;
    // "1.e5": an exponent, not a fraction
    if (radix === 10 && hexDigit(this.text[this.at]) >= 10) return true;
    return this.readDigits(radix, true);
  }

  /** The exponent after `letter`, if any, up to the end; HUGE_EXPONENT + 1 where it is malformed. */
  private readExponent(letter: number): f64 {
    if (this.at === this.end) return 0;
    if ((this.text[this.at] | 0x20) !== letter) return HUGE_EXPONENT + 1;
    this.at++;
    const c = byteAt(this.text, this.at);
    const negative = c === MINUS;
    if (negative || c === PLUS) this.at++;
    let value: f64 = 0;
    let wanted = true;
    for (; this.at < this.end; this.at++) {
      const digit = this.text[this.at] - 0x30;
      if (this.text[this.at] === UNDERSCORE && !wanted) {
        wanted = true;
        continue;
      }
      if (digit < 0 || digit > 9) return HUGE_EXPONENT + 1;
      wanted = false;
      value = Math.min(value * 10 + digit, HUGE_EXPONENT);
    }
    if (wanted) return HUGE_EXPONENT + 1;
    return negative ? -value : value;
  }

  private decimal(format: FloatFormat): number {
    if (!this.readSignificand(10)) return NOT_A_NUMBER;
    const written = this.readExponent(0x65);
    if (written > HUGE_EXPONENT) return NOT_A_NUMBER;
    while (this.count > 0 && !this.sticky && this.digits[this.count - 1] === 0) this.count--;
    if (this.count === 0) return OK; // zero
    const magnitude: f64 = this.pointAt + written; // 10^(magnitude − 1) ≤ value < 10^magnitude
    if (magnitude > 310) return OUT_OF_RANGE;
    if (magnitude < -330) return OK;
    const exponent = (magnitude - this.count) | 0;
    if (this.count <= 15 && Math.abs(exponent) <= format.exactPower) {
      let significand: f64 = 0;
      for (let i = 0; i < this.count; i++) significand = significand * 10 + this.digits[i];
      if (significand <= format.exactInteger) {
        const power: f64 = 10 ** Math.abs(exponent); // exact: at most 10²²
        return this.setNumber(exponent < 0 ? significand / power : significand * power, format);
      }
    }
    const numerator = new Natural(0);
    for (let i = 0; i < this.count; i++) numerator.multiplyAdd(10, this.digits[i]);
    let scale = exponent;
    if (this.sticky) {
      numerator.multiplyAdd(10, 1);
      scale--;
    }
    const denominator = new Natural(1);
    if (scale > 0) numerator.scale10(scale);
    else denominator.scale10(-scale);
    return this.round(numerator, denominator, 0, format);
  }

  private hexadecimal(format: FloatFormat): number {
    if (!this.readSignificand(16)) return NOT_A_NUMBER;
    const written = this.readExponent(0x70);
    if (written > HUGE_EXPONENT) return NOT_A_NUMBER;
    if (this.count === 0) return OK;
    const numerator = new Natural(0);
    for (let i = 0; i < this.count; i++) numerator.multiplyAdd(16, this.digits[i]);
    let exponent: f64 = written + 4 * (this.pointAt - this.count);
    if (this.sticky) {
      numerator.multiplyAdd(16, 1);
      exponent -= 4;
    }
    return this.round(numerator, new Natural(1), exponent, format);
  }

  /** A number that is already rounded to f64; for f32 one more rounding of a result whose operands were exact. */
  private setNumber(x: f64, format: FloatFormat): number {
    if (format.precision === 24) {
      this.view.setFloat32(0, x, true);
      this.lo = this.view.getInt32(0, true);
      return (this.lo & 0x7f800000) === 0x7f800000 ? OUT_OF_RANGE : OK;
    }
    this.view.setFloat64(0, x, true);
    this.lo = this.view.getInt32(0, true);
    this.hi = this.view.getInt32(4, true);
    return OK;
  }

  /** Rounds numerator / denominator × 2^exponent. Consumes both. */
  private round(numerator: Natural, denominator: Natural, exponent: f64, format: FloatFormat): number {
    // bring the ratio into [1, 2)
    const shift = numerator.bitLength() - denominator.bitLength();
    let binary: f64 = shift + exponent;
    if (shift > 0) denominator.shiftLeft(shift);
    else numerator.shiftLeft(-shift);
    if (numerator.compare(denominator) < 0) {
      numerator.shiftLeft(1);
      binary--;
    }
    if (binary > format.maxExponent) return OUT_OF_RANGE;
    // subnormals have fewer bits, down to none
    const bits: f64 = Math.min(format.precision, format.precision - format.minExponent + binary);
    if (bits < 0) return OK;
    let significand: f64 = 0; // below 2⁵³: exact
    for (let i = 0; i < bits; i++) {
      significand *= 2;
      if (numerator.compare(denominator) >= 0) {
        numerator.subtract(denominator);
        significand += 1;
      }
      numerator.shiftLeft(1);
    }
    // what is left, doubled, against one unit: above, at or below half
    const rest = numerator.compare(denominator);
    if (rest > 0 || (rest === 0 && significand % 2 === 1)) significand += 1;
    // adding the significand carries into the exponent where rounding reached the next power of two
    const biased = binary < format.minExponent ? 0 : (binary - format.minExponent) | 0;
    if (format.precision === 24) {
      this.lo = (significand + biased * 0x800000) | 0;
      return this.lo >= 0x7f800000 ? OUT_OF_RANGE : OK;
    }
    this.lo = significand | 0;
    this.hi = (Math.floor(significand / TWO32) + biased * 0x100000) | 0;
    return this.hi >= 0x7ff00000 ? OUT_OF_RANGE : OK;
  }
}
