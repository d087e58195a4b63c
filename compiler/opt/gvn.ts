// Global value numbering: of equal pure operations on equal operands, one that dominates another stands for it. The
// blocks are walked in preorder of the dominator tree, so that one hash table serves: an entry whose block does not
// dominate the current one never will again, and is overwritten. Constants take part, and loads of cells that never
// change. A bounds check yields its address whatever the offset, because only guarded memories have them in opt/
// (checked ones are plain arithmetic by then): the offset is not compared, so that accesses share their base.
// requires: Order, Dominators
// leaves: every use resolved

import * as op from "../gen/ir-ops.ts";
import { MAY_TRAP, numberOf, READONLY } from "../ir/access.ts";
import type { Dominators } from "../ir/dominators.ts";
import type { Block, Func, Value } from "../ir/func.ts";
import { ACCESS_SIZE, COMMUTATIVE, FLAGS, IMMEDIATE, PURE, VOID, WIDE } from "../ir/ops.ts";
import type { Context, Pass } from "./context.ts";
import { resolveArguments, resolveOperands } from "./resolve.ts";

const EMPTY = -1;

export class ValueNumbering implements Pass {
  private table: Int32Array<ArrayBuffer>; // hash → value, or EMPTY
  private mask: number;
  /** True when the function never changes its instance: then `vmctx` is a constant. */
  private oneInstance: boolean;

  constructor() {
    this.table = new Int32Array(256);
    this.mask = 255;
    this.oneInstance = true;
  }

  run(c: Context): void {
    const { func: f, dominators } = c;
    let size = 256;
    while (size < f.count) size *= 2;
    if (this.table.length < size) this.table = new Int32Array(size);
    this.mask = size - 1;
    this.table.fill(EMPTY, 0, size);
    this.oneInstance = keepsInstance(c);
    const blocks = dominators.preorder;
    for (let i = 0; i < blocks.length; i++) {
      const b = blocks.data[i] as Block;
      let next = -1;
      for (let v = f.first.data[b]; v >= 0; v = next) {
        next = f.next[v];
        if (f.op[v] === op.COPY) {
          f.unlink(v as Value);
          continue;
        }
        resolveOperands(f, v as Value);
        if (f.type[v] !== VOID && this.takesPart(f, v as Value)) this.number(f, dominators, v as Value, b);
      }
      resolveArguments(f, f.terminator(b));
    }
    c.valuesChanged();
  }

  private takesPart(f: Func, v: Value): boolean {
    const code = f.op[v];
    if ((FLAGS[code] & PURE) !== 0) return true;
    if (code === op.VMCTX) return this.oneInstance;
    return ACCESS_SIZE[code] !== 0 && (f.aux[v] & (READONLY | MAY_TRAP)) === READONLY;
  }

  private number(f: Func, dominators: Dominators, v: Value, b: Block): void {
    const { table, mask } = this;
    let at = hash(f, v) & mask;
    for (;;) {
      const known = table[at];
      if (known === EMPTY) break;
      if (equal(f, known as Value, v)) {
        if (!dominators.dominates(f.block[known] as Block, b)) break;
        f.replace(v, known as Value);
        f.unlink(v);
        return;
      }
      at = (at + 1) & mask;
    }
    table[at] = v;
  }
}

/** True when the function never makes another instance current. */
export function keepsInstance(c: Context): boolean {
  const { func: f, order } = c;
  for (let i = 0; i < order.blocks.length; i++) {
    for (let v = f.first.data[order.blocks.data[i]]; v >= 0; v = f.next[v]) {
      if (f.op[v] === op.SET_VMCTX) return false;
    }
  }
  return true;
}

function isBoundsCheck(code: number): boolean {
  return code === op.BOUNDS_CHECK32;
}

function hash(f: Func, v: Value): number {
  const code = f.op[v];
  const a = f.a[v];
  const b = f.b[v];
  let h = Math.imul(code, 0x9e3779b1);
  // Both orders of a commutative operation have one hash.
  if ((FLAGS[code] & COMMUTATIVE) !== 0) h ^= Math.imul(a + b, 0x85ebca6b) ^ Math.imul(a ^ b, 0xc2b2ae35);
  else h ^= Math.imul(a, 0x85ebca6b) ^ Math.imul(b, 0x27d4eb2f) ^ Math.imul(f.c[v], 0x165667b1);
  if ((FLAGS[code] & WIDE) !== 0) {
    for (let k = 0; k < 4; k++) h = Math.imul(h, 31) ^ f.wide.data[f.imm[v] + k];
  } else if ((FLAGS[code] & IMMEDIATE) !== 0 && !isBoundsCheck(code)) {
    h ^= Math.imul(f.imm[v], 0xc2b2ae35) ^ Math.imul(f.imm2[v], 0x9e3779b9);
  }
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

function equal(f: Func, x: Value, y: Value): boolean {
  const code = f.op[x];
  if (code !== f.op[y] || f.type[x] !== f.type[y] || f.c[x] !== f.c[y]) return false;
  if (f.a[x] !== f.a[y] || f.b[x] !== f.b[y]) {
    if ((FLAGS[code] & COMMUTATIVE) === 0 || f.a[x] !== f.b[y] || f.b[x] !== f.a[y]) return false;
  }
  if (isBoundsCheck(code)) return numberOf(f.aux[x]) === numberOf(f.aux[y]);
  if ((FLAGS[code] & WIDE) !== 0) return sameWide(f, f.imm[x], f.imm[y]);
  return (FLAGS[code] & IMMEDIATE) === 0
    ? true
    : f.imm[x] === f.imm[y] && f.imm2[x] === f.imm2[y] && f.aux[x] === f.aux[y];
}

function sameWide(f: Func, x: number, y: number): boolean {
  const { data } = f.wide;
  for (let k = 0; k < 4; k++) if (data[x + k] !== data[y + k]) return false;
  return true;
}
