// Moves arithmetic on the index of an access to guarded memory 0 to where the machine does it for nothing. The index
// is 32 bits wide and wraps around; the address is not, so each step needs its proof that nothing wraps.
//
//   index + c, c a constant   goes into the offset of the access, which has no wrap either, if the bits that the
//                             index may have leave room for c, and the offset stays below 2³¹
//   index | c                 the same where they share no bit
//   index << k, k of 1 to 3   becomes i32.shl_nuw, "no unsigned wrap", which selection folds, if no set bit is lost:
//                             this must be evident from the operation that made the index, since a wrong scale
//                             would leave the reservation, and mach/verify.ts proves it again
//
// Only indices are scaled of which nobody wants the shifted value. A mask around a shift moves inside it.
// requires: Order
// leaves: dead instructions

import { grown } from "../base/columns.ts";
import { add64, I64 } from "../base/int64.ts";
import type { f64, u32 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import { numberOf } from "../ir/access.ts";
import { type Block, Func, NO_VALUE, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, I32, PTR } from "../ir/ops.ts";
import { evidentBits, possibleBits } from "./bits.ts";
import { type Context, type Pass, USES } from "./context.ts";

const TWO32 = 4294967296;
/** An offset is a displacement of any machine below this. */
const OFFSETS = 0x80000000;
/** How much arithmetic on one index is looked through. */
const MOST_STEPS = 4;

export class Addresses implements Pass {
  private f: Func;
  private uses: Int32Array<ArrayBuffer>;
  private limit: number; // values made by this pass have no columns
  // value → for a bounds check: what stands for it, and how much is to be added to the offsets of its accesses
  private to: Int32Array<ArrayBuffer>;
  private delta: Int32Array<ArrayBuffer>;
  // value → how many of its users are bounds checks, or sums for one alone; its scaled form once that is made
  private wanted: Int32Array<ArrayBuffer>;
  private scaled: Int32Array<ArrayBuffer>;
  // the index that was walked to, and the constant on the way
  private sum: number;

  constructor() {
    this.f = new Func();
    this.uses = new Int32Array(0);
    this.limit = 0;
    this.to = new Int32Array(64);
    this.delta = new Int32Array(64);
    this.wanted = new Int32Array(64);
    this.scaled = new Int32Array(64);
    this.sum = 0;
  }

  run(c: Context): void {
    const { order } = c;
    const f = c.func;
    c.need(USES);
    this.f = f;
    this.uses = c.uses.count;
    this.limit = f.count;
    if (this.to.length < f.count) {
      this.to = grown(this.to, f.count);
      this.delta = grown(this.delta, f.count);
      this.wanted = grown(this.wanted, f.count);
      this.scaled = grown(this.scaled, f.count);
    }
    this.to.fill(NO_VALUE, 0, f.count);
    this.wanted.fill(0, 0, f.count);
    this.scaled.fill(NO_VALUE, 0, f.count);
    for (let i = 0; i < order.blocks.length; i++) this.each(order.blocks.data[i] as Block, true);
    for (let i = 0; i < order.blocks.length; i++) this.each(order.blocks.data[i] as Block, false);
    c.valuesChanged();
  }

  /** Counts who wants scaled indices, or rewrites. Bounds checks come before their accesses in this order. */
  private each(b: Block, counts: boolean): void {
    const { f } = this;
    let next = -1;
    for (let v = f.first.data[b]; v >= 0; v = next) {
      next = f.next[v];
      if (f.op[v] === op.BOUNDS_CHECK32 && numberOf(f.aux[v]) === 0 && v < this.limit) {
        if (counts) this.survey(v as Value);
        else this.rewrite(v as Value);
      } else if (!counts && ACCESS_SIZE[f.op[v]] !== 0) this.access(v as Value);
    }
  }

  /** The index below additions of constants whose sum, `sum`, cannot wrap around. */
  private base(index: Value): Value {
    const { f } = this;
    let at = index;
    this.sum = 0;
    for (let step = 0; step < MOST_STEPS; step++) {
      const code = f.op[at];
      if (code !== op.I32_ADD && code !== op.I32_OR) break;
      const x = f.resolve(f.a[at] as Value);
      const b = f.resolve(f.b[at] as Value);
      if (f.op[b] !== op.I32_CONST) break;
      const c: u32 = f.imm[b] >>> 0;
      const bits = possibleBits(f, x);
      if (this.sum + c >= OFFSETS) break;
      if (code === op.I32_OR ? (bits & c) !== 0 : (bits >>> 0) + c >= TWO32) break;
      this.sum += c | 0;
      at = x;
    }
    return at;
  }

  private survey(check: Value): void {
    const { f } = this;
    const index = f.resolve(f.a[check] as Value);
    const at = this.base(index);
    if (this.scaleOf(at) === 0) return;
    for (let x = index; x !== at; x = f.resolve(f.a[x] as Value)) if (this.uses[x] !== 1) return;
    this.wanted[at]++;
  }

  /** k if `v` is something shifted left by k, of which no bit is lost; else 0. */
  private scaleOf(v: Value): number {
    const { f } = this;
    const mask = this.maskOf(v);
    const shift = mask === -1 ? v : f.resolve(f.a[v] as Value);
    if (f.op[shift] !== op.I32_SHL || (shift !== v && this.uses[shift] !== 1)) return 0;
    const count = f.resolve(f.b[shift] as Value);
    const k = f.op[count] === op.I32_CONST ? f.imm[count] & 31 : 0;
    if (k < 1 || k > 3) return 0;
    // Inside the shift, the mask is so much shorter.
    const bits = mask === -1 ? evidentBits(f, f.resolve(f.a[shift] as Value)) : (mask >>> k) | 0;
    return bits >>> (32 - k) === 0 ? k : 0;
  }

  /** The constant of `x & constant`, -1 for everything else. */
  private maskOf(v: Value): number {
    const { f } = this;
    if (f.op[v] !== op.I32_AND) return -1;
    const b = f.resolve(f.b[v] as Value);
    return f.op[b] === op.I32_CONST ? f.imm[b] : -1;
  }

  private rewrite(check: Value): void {
    const { f } = this;
    const at = this.base(f.resolve(f.a[check] as Value));
    const { sum } = this;
    const index = this.wanted[at] > 0 && this.wanted[at] === this.uses[at] ? this.scale(at) : at;
    if (sum === 0) {
      f.a[check] = index;
      return;
    }
    const offset = add64(new I64(f.imm[check], f.imm2[check]), new I64(sum, 0));
    const other = this.make(check, op.BOUNDS_CHECK32, PTR, index, NO_VALUE, offset.lo);
    f.imm2[other] = offset.hi;
    f.aux[other] = f.aux[check];
    this.to[check] = other;
    this.delta[check] = sum;
  }

  /** `v` with its shift as i32.shl_nuw, made in front of `v`. */
  private scale(v: Value): Value {
    const { f } = this;
    if (this.scaled[v] !== NO_VALUE) return this.scaled[v] as Value;
    const mask = this.maskOf(v);
    const shift = mask === -1 ? v : f.resolve(f.a[v] as Value);
    const count = f.resolve(f.b[shift] as Value);
    let x = f.resolve(f.a[shift] as Value);
    if (mask !== -1) {
      const inside = this.make(v, op.I32_CONST, I32, NO_VALUE, NO_VALUE, (mask >>> (f.imm[count] & 31)) | 0);
      x = this.make(v, op.I32_AND, I32, x, inside, 0);
    }
    const made = this.make(v, op.I32_SHL_NUW, I32, x, count, 0);
    this.scaled[v] = made;
    return made;
  }

  private make(at: Value, code: number, type: number, a: number, b: number, imm: number): Value {
    const { f } = this;
    const v = f.makeBefore(at, code, type, a, b);
    f.imm[v] = imm;
    return v;
  }

  private access(v: Value): void {
    const { f } = this;
    const check = f.resolve(f.a[v] as Value);
    if (f.op[check] !== op.BOUNDS_CHECK32 || check >= this.limit || this.to[check] === NO_VALUE) return;
    const offset: f64 = (f.imm[v] >>> 0) + this.delta[check];
    if (f.imm2[v] !== 0 || offset >= OFFSETS) return;
    f.a[v] = this.to[check];
    f.imm[v] = offset | 0;
  }
}
