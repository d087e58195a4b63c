// Splits critical edges: afterwards every edge leads from a block with one successor, or to a block that only its
// source leads to. Edges of one br_table to one block with the same arguments share the new block. Where the edge
// of an invoke is split on its exceptional side, the code address follows.
// requires: Order
// leaves: no critical edge; edges that share source and target carry no arguments

import { grown } from "../base/columns.ts";
import * as op from "../gen/ir-ops.ts";
import type { Block, Edge, Func, Value } from "../ir/func.ts";
import { VOID } from "../ir/ops.ts";
import type { Order } from "../ir/order.ts";
import type { Context, Pass } from "./context.ts";

/** Neither a value nor the complement of one. */
const UNJUDGED = -0x80000000;

export class CriticalEdges implements Pass {
  private owner: Int32Array<ArrayBuffer>; // block → the br_table last seen to lead to it through a new block
  private middle: Int32Array<ArrayBuffer>; // block → that new block
  private judged: Int32Array<ArrayBuffer>; // block → the terminator last found to lead to it, ~t if others do too

  constructor() {
    this.judged = new Int32Array(64);
    this.owner = new Int32Array(64);
    this.middle = new Int32Array(64);
  }

  run(c: Context): void {
    const { func: f, order } = c;
    const blocks = order.blocks.length;
    const before = f.blockCount;
    if (this.owner.length < before) {
      this.owner = grown(this.owner, before);
      this.middle = grown(this.middle, before);
      this.judged = grown(this.judged, before);
    }
    this.owner.fill(-1, 0, before);
    this.judged.fill(UNJUDGED, 0, before);
    for (let i = 0; i < blocks; i++) {
      const b = order.blocks.data[i] as Block;
      const t = f.terminator(b);
      const count = f.successorCount(t);
      if (count < 2) continue;
      for (let k = 0; k < count; k++) {
        const e = f.successor(t, k);
        if (this.isCritical(f, order, b, e)) this.split(f, t, k);
      }
    }
    if (f.blockCount !== before) c.flowChanged();
  }

  private isCritical(f: Func, order: Order, from: Block, e: Edge): boolean {
    const to = f.target(e);
    const count = order.predecessorCount(to);
    if (count === 1) return false;
    if (f.edgeCount.data[e] > 0) return true;
    // The edges of a table to one block have one answer.
    const t = f.terminator(from);
    if (this.judged[to] === t || this.judged[to] === ~t) return this.judged[to] < 0;
    let own = 0;
    while (own < count && order.predecessor(to, own) === from) own++;
    this.judged[to] = own < count ? ~t : t;
    return own < count;
  }

  private split(f: Func, t: Value, k: number): void {
    const e = f.successor(t, k);
    const to = f.target(e);
    if (f.op[t] === op.BR_TABLE && this.owner[to] === t) {
      const middle = this.middle[to] as Block;
      if (sameArguments(f, e, f.successor(f.terminator(middle), 0))) {
        f.edgeBlock.set(e, middle);
        f.edgeCount.set(e, 0);
        return;
      }
    }
    this.owner[to] = t;
    this.middle[to] = splitEdge(f, t, k);
  }
}

/** Puts a block on successor edge `k` of `t`, and returns it. */
function splitEdge(f: Func, t: Value, k: number): Block {
  const e = f.successor(t, k);
  const to = f.target(e);
  const middle = f.newBlock();
  f.cold.set(middle, f.cold.data[to] | f.cold.data[f.block[t]]);
  const jump = f.make(op.JUMP, VOID);
  // The layout goes by the order of the source, where the block belongs to its target.
  f.loc[jump] = f.loc[f.first.data[to]];
  f.imm[jump] = f.newEdge(to, f.edgeStart.data[e], f.edgeCount.data[e]);
  f.imm2[jump] = 1;
  f.append(middle, jump);
  retarget(f, t, k, middle);
  f.edgeCount.set(e, 0);
  return middle;
}

/** Leads successor edge `k` of `t` to another block; a code address follows its invoke. */
export function retarget(f: Func, t: Value, k: number, to: Block): void {
  f.edgeBlock.set(f.successor(t, k), to);
  if (k === 0 || (f.op[t] !== op.INVOKE && f.op[t] !== op.INVOKE_PTR)) return;
  for (let v = f.prev[t]; v >= 0; v = f.prev[v]) if (f.op[v] === op.CODE_ADDR) f.imm[v] = to;
}

function sameArguments(f: Func, e: Edge, other: Edge): boolean {
  const count = f.edgeCount.data[e];
  if (f.edgeCount.data[other] !== count) return false;
  for (let i = 0; i < count; i++) if (f.argument(e, i) !== f.argument(other, i)) return false;
  return true;
}
