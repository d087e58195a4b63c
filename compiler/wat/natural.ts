// Natural numbers of any size, just enough of them to round a ratio of two to a binary float: the exact path of
// number parsing. 24-bit limbs, little-endian, so that products with a small factor stay exact doubles.

import type { f64 } from "../base/numbers.ts";

const LIMB = 24;
const BASE = 1 << LIMB;

export class Natural {
  private limbs: Int32Array<ArrayBuffer>;
  private length: number; // without leading zeros; 0 for zero

  constructor(x: number) {
    this.limbs = new Int32Array(64);
    this.length = 0;
    this.multiplyAdd(1, x);
  }

  private grow(n: number): void {
    if (n <= this.limbs.length) return;
    const next = new Int32Array(n * 2);
    next.set(this.limbs);
    this.limbs = next;
  }

  isZero(): boolean {
    return this.length === 0;
  }

  /** this = this × factor + addend, both below 2²⁴. */
  multiplyAdd(factor: number, addend: number): void {
    const { limbs } = this;
    let carry: f64 = addend;
    for (let i = 0; i < this.length; i++) {
      const x: f64 = limbs[i] * factor + carry;
      carry = Math.floor(x / BASE);
      limbs[i] = x - carry * BASE;
    }
    if (carry === 0) return;
    this.grow(this.length + 1);
    this.limbs[this.length++] = carry;
  }

  /** this = this × 10ⁿ. */
  scale10(n: number): void {
    for (; n >= 7; n -= 7) this.multiplyAdd(10000000, 0);
    for (; n > 0; n--) this.multiplyAdd(10, 0);
  }

  bitLength(): number {
    if (this.length === 0) return 0;
    return this.length * LIMB - (Math.clz32(this.limbs[this.length - 1]) - (32 - LIMB));
  }

  shiftLeft(n: number): void {
    if (this.length === 0) return;
    const words = (n / LIMB) | 0;
    this.multiplyAdd(1 << (n % LIMB), 0);
    if (words === 0) return;
    this.grow(this.length + words);
    this.limbs.copyWithin(words, 0, this.length);
    this.limbs.fill(0, 0, words);
    this.length += words;
  }

  /** Negative, zero or positive as this is less than, equal to or greater than `other`. */
  compare(other: Natural): number {
    if (this.length !== other.length) return this.length - other.length;
    for (let i = this.length - 1; i >= 0; i--) {
      if (this.limbs[i] !== other.limbs[i]) return this.limbs[i] - other.limbs[i];
    }
    return 0;
  }

  /** this = this − other, which must not be greater. */
  subtract(other: Natural): void {
    const { limbs } = this;
    let borrow = 0;
    for (let i = 0; i < this.length; i++) {
      let x = limbs[i] - borrow - (i < other.length ? other.limbs[i] : 0);
      borrow = x < 0 ? 1 : 0;
      if (x < 0) x += BASE;
      limbs[i] = x;
    }
    while (this.length > 0 && limbs[this.length - 1] === 0) this.length--;
  }
}
