// Reads the binary format byte by byte: bounds, LEB128, names (spec 5.2). Strict: a LEB128 number is at most
// ⌈N/7⌉ bytes long and the bits beyond N in its last byte repeat the sign (or are zero).
// 64-bit numbers are left in `lo` and `hi`.

import type { ErrorText } from "../base/errors.ts";
import { fail } from "../base/fail.ts";
import type { f64, u32 } from "../base/numbers.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import { MAX_NAME_BYTES } from "./limits.ts";

export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  /** Reading stops here: the end of the module, section or function. */
  end: number;
  /** Words of the 64-bit number, or bits of the float, read last. */
  lo: number;
  hi: number;
  /** The last byte of that number without its continuation bit, and the place of its lowest bit. */
  private lastByte: number;
  private lastShift: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.lo = 0;
    this.hi = 0;
    this.lastByte = 0;
    this.lastShift = 0;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** Goes on with another range of the same bytes. */
  restart(start: number, end: number): void {
    this.at = start;
    this.end = end;
  }

  private ended(): never {
    const text: ErrorText =
      this.end < this.bytes.length ? "unexpected end of section or function" : "unexpected end";
    return fail(text, this.end);
  }

  u8(): number {
    if (this.at >= this.end) this.ended();
    return this.bytes[this.at++];
  }

  /** The byte that `u8` would read. */
  peek(): number {
    if (this.at >= this.end) this.ended();
    return this.bytes[this.at];
  }

  skip(n: number): void {
    if (n > this.end - this.at) this.ended();
    this.at += n;
  }

  /** Fixed four bytes, as int32. */
  word(): number {
    this.skip(4);
    const b = this.bytes;
    const i = this.at;
    return b[i - 4] | (b[i - 3] << 8) | (b[i - 2] << 16) | (b[i - 1] << 24);
  }

  /** A uint32. */
  u32(): u32 {
    if (this.at < this.end && this.bytes[this.at] < 128) return this.bytes[this.at++];
    let x = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const b = this.u8();
      if (shift === 28 && (b & 0x70) !== 0) fail("integer too large", this.at - 1);
      x |= (b & 127) << shift;
      if (b < 128) return x >>> 0;
    }
    return fail("integer representation too long", this.at - 1);
  }

  /** An int32. */
  s32(): number {
    let x = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const b = this.u8();
      if (shift === 28) this.checkSign(b, 0x78);
      x |= (b & 127) << shift;
      if (b < 128) return shift < 28 ? (x << (25 - shift)) >> (25 - shift) : x;
    }
    return fail("integer representation too long", this.at - 1);
  }

  /**
   * A type index given as a signed 33-bit number: the caller has seen that it is not one of the negative
   * numbers of one byte. Those of more bytes are not indices either: -1.
   */
  s33(): f64 {
    let x = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const b = this.u8();
      if (shift === 28) this.checkSign(b, 0x70);
      x |= (b & 127) << shift;
      if (b < 128) return (b & (shift < 28 ? 64 : 16)) !== 0 ? -1 : x >>> 0;
    }
    return fail("integer representation too long", this.at - 1);
  }

  /** A uint64 into `lo` and `hi`. */
  u64(): void {
    this.long();
    if (this.lastShift === 63 && (this.lastByte & 0x7e) !== 0) fail("integer too large", this.at - 1);
  }

  /** An int64 into `lo` and `hi`. */
  s64(): void {
    this.long();
    const shift = this.lastShift;
    if (shift === 63) {
      this.checkSign(this.lastByte, 0x7f);
    } else if ((this.lastByte & 64) !== 0) {
      // the bits from `shift + 7` upwards are copies of the sign
      const from = shift + 7;
      if (from < 32) {
        this.lo |= -1 << from;
        this.hi = -1;
      } else if (from < 64) {
        this.hi |= -1 << (from - 32);
      }
    }
  }

  /** Up to ten bytes of a 64-bit number; what the tenth may hold is for the caller to say. */
  private long(): void {
    let lo = 0;
    let hi = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const b = this.u8();
      const bits = b & 127;
      if (shift < 28) {
        lo |= bits << shift;
      } else if (shift === 28) {
        lo |= bits << 28;
        hi = bits >> 4;
      } else {
        hi |= bits << (shift - 32);
      }
      this.lastByte = bits;
      this.lastShift = shift;
      if (b < 128) {
        this.lo = lo;
        this.hi = hi;
        return;
      }
    }
    fail("integer representation too long", this.at - 1);
  }

  /** The bits of `mask`, those from the sign on, must be all clear or all set. */
  private checkSign(b: number, mask: number): void {
    const sign = b & mask;
    if (sign !== 0 && sign !== mask) fail("integer too large", this.at - 1);
  }

  /** A count of bytes that must fit in what is left. */
  length(): number {
    const n = this.u32();
    if (n > this.end - this.at) fail("length out of bounds", this.at);
    return n | 0;
  }

  name(): string {
    const n = this.length();
    const start = this.at;
    if (n > MAX_NAME_BYTES) fail("name too long", start, `${n} bytes, the limit is ${MAX_NAME_BYTES}`);
    this.at += n;
    return decodeUtf8(this.bytes, start, this.at) ?? fail("malformed UTF-8 encoding", start);
  }
}
