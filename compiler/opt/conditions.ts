// What is known about conditions: behind a trap_if its condition is zero; behind an edge of br_if that is the only
// way into a block the condition is known there. A condition known this way becomes a constant where it is tested
// again (br_if, trap_if, select, eqz), and a trap_if that cannot trap goes.
//
// Blocks are walked in preorder of the dominator tree. A fact holds where its block dominates, and, in its own
// block, from its instruction on; each value has one fact, the latest, and an older one that still holds is kept.
// requires: Order, Dominators
// leaves: constant conditions for opt/branches.ts

import { grown, grown8 } from "../base/columns.ts";
import * as op from "../gen/ir-ops.ts";
import type { Dominators } from "../ir/dominators.ts";
import { type Block, type Func, NO_BLOCK, NO_VALUE, type Value } from "../ir/func.ts";
import { I32 } from "../ir/ops.ts";
import type { Order } from "../ir/order.ts";
import type { Context, Pass } from "./context.ts";

const UNKNOWN = 0;
const ZERO = 1;
const NOT_ZERO = 2;

function opposite(fact: number): number {
  return fact === ZERO ? NOT_ZERO : ZERO;
}

export class Conditions implements Pass {
  private home: Int32Array<ArrayBuffer>; // value → the block whose fact it has, or NO_BLOCK
  private fact: Uint8Array<ArrayBuffer>;
  /** Values from here on were made by this pass: constants. */
  private limit: number;

  constructor() {
    this.home = new Int32Array(256);
    this.fact = new Uint8Array(256);
    this.limit = 0;
  }

  run(c: Context): void {
    const { func: f, order, dominators } = c;
    if (this.home.length < f.count) {
      this.home = grown(this.home, f.count);
      this.fact = grown8(this.fact, f.count);
    }
    this.limit = f.count;
    this.home.fill(NO_BLOCK, 0, f.count);
    const blocks = dominators.preorder;
    for (let i = 0; i < blocks.length; i++) {
      const b = blocks.data[i] as Block;
      this.enter(f, order, dominators, b);
      let next = -1;
      for (let v = f.first.data[b]; v >= 0; v = next) {
        next = f.next[v];
        this.visit(f, dominators, b, v as Value);
      }
    }
    c.valuesChanged();
  }

  /** What the only edge into `b` says. */
  private enter(f: Func, order: Order, dominators: Dominators, b: Block): void {
    if (order.predecessorCount(b) !== 1) return;
    const e = order.predecessorEdge(b, 0);
    const t = f.terminator(order.predecessor(b, 0));
    if (f.op[t] !== op.BR_IF) return;
    this.learn(f, dominators, b, f.resolve(f.a[t] as Value), e === f.successor(t, 0) ? NOT_ZERO : ZERO);
  }

  private known(f: Func, dominators: Dominators, b: Block, v: Value): number {
    let isNegated = false;
    let at = v;
    for (;;) {
      if (at >= this.limit) return UNKNOWN;
      const home = this.home[at];
      if (home !== NO_BLOCK && dominators.dominates(home as Block, b))
        return isNegated ? opposite(this.fact[at]) : this.fact[at];
      if (f.op[at] !== op.I32_EQZ) return UNKNOWN;
      at = f.resolve(f.a[at] as Value);
      isNegated = !isNegated;
    }
  }

  private learn(f: Func, dominators: Dominators, b: Block, v: Value, fact: number): void {
    let at = v;
    let what = fact;
    for (;;) {
      if (this.known(f, dominators, b, at) !== UNKNOWN || f.op[at] === op.I32_CONST) return;
      this.home[at] = b;
      this.fact[at] = what;
      // Zero or not passes through negation.
      if (f.op[at] !== op.I32_EQZ) return;
      at = f.resolve(f.a[at] as Value);
      what = opposite(what);
    }
  }

  private visit(f: Func, dominators: Dominators, b: Block, v: Value): void {
    switch (f.op[v]) {
      case op.TRAP_IF: {
        const condition = f.resolve(f.a[v] as Value);
        const what = this.known(f, dominators, b, condition);
        if (what === ZERO || (f.op[condition] === op.I32_CONST && f.imm[condition] === 0)) f.unlink(v);
        else if (what === UNKNOWN) this.learn(f, dominators, b, condition, ZERO);
        return;
      }
      case op.BR_IF:
        this.settle(f, dominators, b, v);
        return;
      case op.I32_EQZ: {
        const what = this.known(f, dominators, b, f.resolve(f.a[v] as Value));
        if (what === UNKNOWN) return;
        f.op[v] = op.I32_CONST;
        f.a[v] = NO_VALUE;
        f.imm[v] = what === ZERO ? 1 : 0;
        return;
      }
      case op.I32_SELECT:
      case op.I64_SELECT:
      case op.F32_SELECT:
      case op.F64_SELECT:
      case op.PTR_SELECT:
      case op.REF_SELECT:
        this.settle(f, dominators, b, v);
        return;
      default:
        return;
    }
  }

  /** Makes the condition of `v`, its first operand, a constant where it is known. */
  private settle(f: Func, dominators: Dominators, b: Block, v: Value): void {
    const condition = f.resolve(f.a[v] as Value);
    const what = this.known(f, dominators, b, condition);
    if (what === UNKNOWN) return;
    const constant = f.make(op.I32_CONST, I32);
    f.imm[constant] = what === ZERO ? 0 : 1;
    f.insertBefore(v, constant);
    f.a[v] = constant;
  }
}
