// Bytes: a growing buffer, little-endian unless it is told otherwise. Everything the compiler writes goes through it.

import { grown8 } from "./columns.ts";
import type { u32 } from "./numbers.ts";

export class Bytes {
  data: Uint8Array<ArrayBuffer>;
  length: number;

  /** Words have their high byte first. */
  private readonly big: boolean;

  constructor(capacity = 256, big = false) {
    this.big = big;
    this.data = new Uint8Array(capacity);
    this.length = 0;
  }

  /** Makes room for `n` more bytes. */
  reserve(n: number): void {
    if (this.length + n > this.data.length) this.data = grown8(this.data, this.length + n);
  }

  /** The low byte of `x`. */
  u8(x: number): void {
    if (this.length === this.data.length) this.data = grown8(this.data, this.length + 1);
    this.data[this.length++] = x;
  }

  u16(x: number): void {
    this.reserve(2);
    this.data[this.length++] = this.big ? x >> 8 : x;
    this.data[this.length++] = this.big ? x : x >> 8;
  }

  u32(x: number): void {
    this.reserve(4);
    this.setU32(this.length, x);
    this.length += 4;
  }

  /** A 64-bit word from its two halves. */
  u64(lo: number, hi: number): void {
    this.u32(this.big ? hi : lo);
    this.u32(this.big ? lo : hi);
  }

  setU32(at: number, x: number): void {
    if (this.big) {
      this.data[at] = x >> 24;
      this.data[at + 1] = x >> 16;
      this.data[at + 2] = x >> 8;
      this.data[at + 3] = x;
      return;
    }
    this.data[at] = x;
    this.data[at + 1] = x >> 8;
    this.data[at + 2] = x >> 16;
    this.data[at + 3] = x >> 24;
  }

  bytes(b: Uint8Array): void {
    this.reserve(b.length);
    this.data.set(b, this.length);
    this.length += b.length;
  }

  zeros(n: number): void {
    this.reserve(n);
    this.data.fill(0, this.length, this.length + n);
    this.length += n;
  }

  /** Appends `fill` bytes until the length is a multiple of `to`, a power of two. */
  align(to: number, fill = 0): void {
    while (this.length & (to - 1)) this.u8(fill);
  }

  /** Unsigned LEB128 of a uint32. */
  leb(x: u32): void {
    let rest: u32 = x >>> 0;
    while (rest > 127) {
      this.u8((rest & 127) | 128);
      rest >>>= 7;
    }
    this.u8(rest | 0);
  }

  /** Signed LEB128 of an int32. */
  sleb(x: number): void {
    let rest = x | 0;
    for (;;) {
      const low = rest & 127;
      rest >>= 7;
      if ((rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0)) {
        this.u8(low);
        return;
      }
      this.u8(low | 128);
    }
  }

  /** Unsigned LEB128 of a uint64 in two words. */
  leb64(lo: number, hi: number): void {
    let low: u32 = lo >>> 0;
    let high: u32 = hi >>> 0;
    while (high !== 0 || low > 127) {
      this.u8((low & 127) | 128);
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.u8(low | 0);
  }

  /** Signed LEB128 of an int64 in two words. */
  sleb64(lo: number, hi: number): void {
    let low = lo | 0;
    let high = hi | 0;
    for (;;) {
      const bits = low & 127;
      low = (low >>> 7) | (high << 25);
      high >>= 7;
      const sign = (bits & 64) !== 0;
      if ((low === 0 && high === 0 && !sign) || (low === -1 && high === -1 && sign)) {
        this.u8(bits);
        return;
      }
      this.u8(bits | 128);
    }
  }

  /** A copy of what was written so far. */
  take(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.length);
  }

  /** What was written so far, without a copy: valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.data.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}

/** The byte at `at`, or -1 behind the last one. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return at < bytes.length ? bytes[at] : -1;
}
