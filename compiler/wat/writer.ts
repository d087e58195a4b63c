// Text being written: lines with indentation, and the lexical forms of the text format.

import { Bytes } from "../base/bytes.ts";
import type { f64, u32 } from "../base/numbers.ts";
import { encodeUtf8 } from "../base/utf8.ts";

/** Deeper lines are not indented further, so that the text stays linear in the nesting. */
const MAX_INDENT = 40;

const HEX = "0123456789abcdef";
const TWO32 = 0x100000000;

export class TextWriter {
  readonly out: Bytes;

  constructor() {
    this.out = new Bytes(4096);
  }

  /** Appends ASCII text. */
  text(s: string): void {
    this.out.reserve(s.length);
    for (let i = 0; i < s.length; i++) this.out.data[this.out.length + i] = s.charCodeAt(i);
    this.out.length += s.length;
  }

  /** Begins a line at this depth. */
  line(depth: number): void {
    this.out.u8(0x0a);
    for (let i = Math.min(depth, MAX_INDENT); i > 0; i--) this.text("  ");
  }

  /** A number below 2⁵³, or an int32, in decimal. */
  number(x: f64): void {
    this.text(String(x));
  }

  /** A string of these bytes, in quotes; what is not printable ASCII is escaped. */
  string(bytes: Uint8Array, start: number, end: number): void {
    const { out } = this;
    out.u8(0x22);
    for (let i = start; i < end; i++) {
      const c = bytes[i];
      if (c >= 0x20 && c < 0x7f && c !== 0x22 && c !== 0x5c) {
        out.u8(c);
      } else {
        out.u8(0x5c);
        this.hexByte(c);
      }
    }
    out.u8(0x22);
  }

  name(name: string): void {
    const bytes = encodeUtf8(name);
    this.string(bytes, 0, bytes.length);
  }

  /** `$name`, quoted where it must be. Requires: not empty. */
  id(name: string): void {
    const bytes = encodeUtf8(name);
    let plain = true;
    for (const c of bytes) plain = plain && isIdChar(c);
    this.text("$");
    if (plain) this.text(name);
    else this.string(bytes, 0, bytes.length);
  }

  private hexByte(x: number): void {
    this.out.u8(HEX.charCodeAt((x >> 4) & 15));
    this.out.u8(HEX.charCodeAt(x & 15));
  }

  /** 0x and eight digits. */
  hex32(x: number): void {
    this.text("0x");
    for (let shift = 24; shift >= 0; shift -= 8) this.hexByte(x >> shift);
  }

  /** A uint64 in decimal while it is exact, else in hexadecimal. */
  natural64(lo: number, hi: number): void {
    const high: u32 = hi >>> 0;
    if (high < 0x200000) this.number(high * TWO32 + (lo >>> 0));
    else {
      this.hex32(hi);
      for (let shift = 24; shift >= 0; shift -= 8) this.hexByte(lo >> shift);
    }
  }

  /** An int64. */
  integer64(lo: number, hi: number): void {
    if (hi >= 0) {
      this.natural64(lo, hi);
    } else {
      this.text("-");
      this.natural64(-lo | 0, (~hi + (lo === 0 ? 1 : 0)) | 0);
    }
  }

  /** An f32 by its bits. */
  float32(bits: number): void {
    const fraction = bits & 0x7fffff;
    this.float(bits < 0, (bits >>> 23) & 255, fraction << 29, fraction >>> 3, 255, 127);
  }

  /** An f64 by its bits. */
  float64(lo: number, hi: number): void {
    this.float(hi < 0, (hi >>> 20) & 2047, lo, hi & 0xfffff, 2047, 1023);
  }

  /** Small integers in decimal, everything else exactly, in hexadecimal. The fraction has 52 bits. */
  private float(
    negative: boolean,
    exponent: number,
    lo: number,
    hi: number,
    top: number,
    bias: number,
  ): void {
    if (negative) this.text("-");
    if (exponent === top) {
      this.special(lo, hi, top === 255);
      return;
    }
    const fraction: f64 = hi * TWO32 + (lo >>> 0);
    const power = (exponent === 0 ? 1 : exponent) - bias;
    const value: f64 = (fraction / 2 ** 52 + (exponent === 0 ? 0 : 1)) * 2 ** power;
    if (value === Math.floor(value) && value < 1000000000) {
      this.number(value);
      return;
    }
    this.text(exponent === 0 ? "0x0" : "0x1");
    if (fraction !== 0) {
      this.text(".");
      for (let place = 48; place >= 0; place -= 4) {
        const digit = Math.floor(fraction / 2 ** place) & 15;
        this.text(HEX.charAt(digit));
        if (fraction % 2 ** place === 0) break;
      }
    }
    this.text(power < 0 ? "p" : "p+");
    this.number(power);
  }

  private special(lo: number, hi: number, single: boolean): void {
    if (lo === 0 && hi === 0) {
      this.text("inf");
      return;
    }
    this.text("nan");
    if (lo === 0 && hi === 0x80000) return;
    this.text(":");
    if (single) this.hex32((hi << 3) | (lo >>> 29));
    else this.payload64(lo, hi);
  }

  private payload64(lo: number, hi: number): void {
    this.hex32(hi);
    for (let shift = 24; shift >= 0; shift -= 8) this.hexByte(lo >> shift);
  }
}

function isIdChar(c: number): boolean {
  if (c <= 0x20 || c >= 0x7f) return false;
  switch (c) {
    case 0x22: // "
    case 0x28: // (
    case 0x29: // )
    case 0x2c: // ,
    case 0x3b: // ;
    case 0x5b: // [
    case 0x5d: // ]
    case 0x7b: // {
    case 0x7d: // }
      return false;
    default:
      return true;
  }
}
