// Removes what nothing needs: instructions without effect, and parameters with the arguments they receive, also
// those that only feed each other around a loop; blocks that cannot be reached are emptied. Marks from the roots (effects, traps, terminators) backwards.
// requires: Order
// leaves: no dead value; every use resolved

import { grown, grown8, IntColumn } from "../base/columns.ts";
import * as op from "../gen/ir-ops.ts";
import { MAY_TRAP } from "../ir/access.ts";
import { type Block, ENTRY, type Func, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, CALL, EFFECT, FLAGS, PURE, TERMINATOR, TRAPS, WRITES } from "../ir/ops.ts";
import type { Order } from "../ir/order.ts";
import type { Context, Pass } from "./context.ts";
import { dropParams, resolveUses } from "./resolve.ts";

/** True when `v` does something besides yielding its value. A bounds check does not: its access traps. */
export function hasEffect(f: Func, v: Value): boolean {
  const code = f.op[v];
  const flags = FLAGS[code];
  if ((flags & PURE) !== 0) return false;
  if ((flags & (TERMINATOR | WRITES | CALL | EFFECT | TRAPS)) !== 0) return true;
  return ACCESS_SIZE[code] !== 0 && (f.aux[v] & MAY_TRAP) !== 0;
}

export class DeadCode implements Pass {
  private live: Uint8Array<ArrayBuffer>;
  private index: Int32Array<ArrayBuffer>; // parameter → its place among those of its block
  private readonly work: IntColumn;

  constructor() {
    this.live = new Uint8Array(256);
    this.index = new Int32Array(256);
    this.work = new IntColumn();
  }

  run(c: Context): void {
    const { func: f, order } = c;
    if (this.live.length < f.count) {
      this.live = grown8(this.live, f.count);
      this.index = grown(this.index, f.count);
    }
    this.live.fill(0, 0, f.count);
    resolveUses(f, order);
    this.roots(f, order);
    while (this.work.length > 0) this.visit(f, order, this.work.pop() as Value);
    this.sweep(f, order);
    c.valuesChanged();
  }

  private mark(v: number): void {
    if (this.live[v] !== 0) return;
    this.live[v] = 1;
    this.work.push(v);
  }

  private roots(f: Func, order: Order): void {
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      for (let k = f.paramCount.data[b] - 1; k >= 0; k--) this.index[f.param(b, k)] = k;
      for (let v = f.first.data[b]; v >= 0; v = f.next[v]) if (hasEffect(f, v as Value)) this.mark(v);
    }
  }

  private visit(f: Func, order: Order, v: Value): void {
    if (f.op[v] !== op.PARAM) {
      for (let i = f.operandCount(v) - 1; i >= 0; i--) this.mark(f.operand(v, i));
      return;
    }
    const b = f.aux[v] as Block;
    if (b === ENTRY) return;
    for (let n = order.predecessorCount(b) - 1; n >= 0; n--) {
      this.mark(f.argument(order.predecessorEdge(b, n), this.index[v]));
    }
  }

  private sweep(f: Func, order: Order): void {
    let dropped = 0;
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      let next = -1;
      for (let v = f.first.data[b]; v >= 0; v = next) {
        next = f.next[v];
        if (this.live[v] === 0) f.unlink(v as Value);
      }
      if (b === ENTRY) continue;
      for (let k = f.paramCount.data[b] - 1; k >= 0; k--) {
        const p = f.param(b, k);
        if (this.live[p] !== 0) continue;
        f.op[p] = op.NOP;
        dropped++;
      }
    }
    if (dropped > 0) dropParams(f, order);
    for (let b = 0; b < f.blockCount; b++) {
      if (order.place[b] >= 0) continue;
      f.first.set(b, -1);
      f.last.set(b, -1);
      f.paramCount.set(b, 0);
    }
  }
}
