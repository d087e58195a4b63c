// Makes the graph of blocks simple: branches on constants become jumps, edges go around blocks that only jump (or
// that branch on a parameter for which the edge passes a constant), chains of blocks become one, and traps that
// are certain end their block.
//
// A block that only jumps is passed on all edges that may pass it; this contracts an edge of the graph. A block
// that branches is passed edge by edge, which makes a copy of it; this could give a loop a second entry only at its
// header, and so headers are left alone. Edges of invokes stay: code addresses and results belong to them.
// requires: Order, Uses
// leaves: no br_if or br_table on a constant, no chain of two blocks with one edge between them; every use resolved

import { grown8 } from "../base/columns.ts";
import type { u32 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import { type Block, type Edge, ENTRY, type Func, type Value } from "../ir/func.ts";
import type { Order } from "../ir/order.ts";
import { type Context, ORDER, type Pass, USES } from "./context.ts";
import { resolveUses } from "./resolve.ts";
import type { Uses } from "./uses.ts";

/** Blocks that an edge is led around at most: an endless chain ends. */
const LONGEST_THREAD = 8;
/** Blocks with more parameters are not looked through: the search below is quadratic in them. */
const MOST_PARAMS = 16;

export class Branches implements Pass {
  /** Block → 1 when some edge leads backwards to it. */
  private header: Uint8Array<ArrayBuffer>;

  constructor() {
    this.header = new Uint8Array(64);
  }

  run(c: Context): void {
    const { func: f, order } = c;
    for (let i = 0; i < order.blocks.length; i++) foldBranch(f, order.blocks.data[i] as Block);
    c.flowChanged();
    c.need(ORDER | USES);
    this.findHeaders(f, order);
    this.thread(f, order, c.uses);
    c.flowChanged();
    c.need(ORDER);
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      foldBranch(f, b);
    }
    c.flowChanged();
    c.need(ORDER);
    this.merge(f, order);
    c.flowChanged();
    c.need(ORDER);
    resolveUses(f, order);
  }

  private findHeaders(f: Func, order: Order): void {
    if (this.header.length < f.blockCount) this.header = grown8(this.header, f.blockCount);
    this.header.fill(0, 0, f.blockCount);
    for (let e = f.edgeTotal - 1; e >= 0; e--) {
      const from = order.from[e];
      if (from < 0) continue;
      const to = f.edgeBlock.data[e];
      if (order.place[from] >= order.place[to]) this.header[to] = 1;
    }
  }

  private thread(f: Func, order: Order, uses: Uses): void {
    for (let i = 0; i < order.blocks.length; i++) {
      const t = f.terminator(order.blocks.data[i] as Block);
      if (f.op[t] === op.INVOKE || f.op[t] === op.INVOKE_PTR) continue;
      const count = f.successorCount(t);
      for (let k = 0; k < count; k++) {
        const e = f.successor(t, k);
        for (let n = 0; n < LONGEST_THREAD && this.goAround(f, uses, e); n++);
      }
    }
  }

  /** Leads `e` to where its target would go on without doing anything; true when that changed it. */
  private goAround(f: Func, uses: Uses, e: Edge): boolean {
    const b = f.target(e);
    const t = f.first.data[b] as Value;
    let onward: Edge;
    if (f.op[t] === op.JUMP) onward = f.successor(t, 0);
    else if (f.op[t] === op.BR_IF && this.header[b] === 0) {
      const condition = f.resolve(f.a[t] as Value);
      if (f.op[condition] !== op.PARAM || f.aux[condition] !== b) return false;
      const passed = f.resolve(f.argument(e, indexOf(f, b, condition)));
      if (f.op[passed] !== op.I32_CONST) return false;
      onward = f.successor(t, f.imm[passed] !== 0 ? 0 : 1);
    } else return false;
    const to = f.target(onward);
    if (to === b || f.paramCount.data[b] > MOST_PARAMS || !staysInside(f, uses, b, t)) return false;
    const count = f.edgeCount.data[onward];
    const start = f.pool.length;
    for (let i = 0; i < count; i++) {
      const x = f.resolve(f.argument(onward, i));
      const own = f.op[x] === op.PARAM && f.aux[x] === b;
      const passed = own ? f.resolve(f.argument(e, indexOf(f, b, x))) : x;
      uses.count[passed]++;
      f.pool.push(passed);
    }
    for (let i = f.edgeCount.data[e] - 1; i >= 0; i--) uses.count[f.resolve(f.argument(e, i))]--;
    if (this.header[b] !== 0) this.header[to] = 1;
    f.edgeBlock.set(e, to);
    f.edgeStart.set(e, start);
    f.edgeCount.set(e, count);
    return true;
  }

  /** Appends to each block the blocks that only it leads to. Copies of their parameters are resolved later. */
  private merge(f: Func, order: Order): void {
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      // Already part of a block before it.
      if (f.first.data[b] < 0) continue;
      for (;;) {
        const t = f.terminator(b);
        if (f.op[t] !== op.JUMP) break;
        const e = f.successor(t, 0);
        const to = f.target(e);
        if (to === b || to === ENTRY || order.predecessorCount(to) !== 1) break;
        for (let k = f.paramCount.data[to] - 1; k >= 0; k--) f.replace(f.param(to, k), f.argument(e, k));
        f.paramCount.set(to, 0);
        f.unlink(t);
        append(f, b, to);
      }
    }
  }
}

/** Moves the instructions of `from` to the end of `b`. */
function append(f: Func, b: Block, from: Block): void {
  const first = f.first.data[from];
  const last = f.last.data[b];
  for (let v = first; v >= 0; v = f.next[v]) f.block[v] = b;
  if (last < 0) f.first.set(b, first);
  else f.next[last] = first;
  f.prev[first] = last;
  f.last.set(b, f.last.data[from]);
  f.first.set(from, -1);
  f.last.set(from, -1);
  if (f.cold.data[from] !== 0) f.cold.set(b, 1);
}

/** Decides what the end of `b` can tell by itself. */
function foldBranch(f: Func, b: Block): void {
  for (let v = f.first.data[b]; v >= 0; v = f.next[v]) {
    if (f.op[v] !== op.TRAP_IF) continue;
    const condition = f.resolve(f.a[v] as Value);
    if (f.op[condition] !== op.I32_CONST) continue;
    if (f.imm[condition] === 0) f.unlink(v as Value);
    else {
      endInTrap(f, b, v as Value);
      return;
    }
  }
  const t = f.terminator(b);
  switch (f.op[t]) {
    case op.BR_IF: {
      const condition = f.resolve(f.a[t] as Value);
      const first = f.successor(t, 0);
      if (f.op[condition] === op.I32_CONST) toJump(f, t, f.imm[condition] !== 0 ? 0 : 1);
      else if (sameEdges(f, first, f.successor(t, 1))) toJump(f, t, 0);
      return;
    }
    case op.BR_TABLE:
      foldTable(f, t);
      return;
    default:
      return;
  }
}

function foldTable(f: Func, t: Value): void {
  const index = f.resolve(f.a[t] as Value);
  const last = f.successorCount(t) - 1;
  if (f.op[index] === op.I32_CONST) {
    const i: u32 = f.imm[index] >>> 0;
    toJump(f, t, i < last ? i | 0 : last);
    return;
  }
  let same = 1;
  while (same <= last && sameEdges(f, f.successor(t, 0), f.successor(t, same))) same++;
  if (same > last) toJump(f, t, 0);
  else if (last === 1) {
    // Index 0 or not: the default is taken when it is not.
    const [x, y] = [f.imm[t], f.imm[t] + 1];
    for (const column of [f.edgeBlock, f.edgeStart, f.edgeCount]) {
      const swap = column.data[x];
      column.data[x] = column.data[y];
      column.data[y] = swap;
    }
    f.op[t] = op.BR_IF;
  }
}

/** Ends `b` with a trap where `v`, a trap_if, stands. */
function endInTrap(f: Func, b: Block, v: Value): void {
  for (let at = f.last.data[b]; at !== v; ) {
    const before = f.prev[at];
    f.unlink(at as Value);
    at = before;
  }
  f.op[v] = op.TRAP;
  f.a[v] = -1;
}

function toJump(f: Func, t: Value, k: number): void {
  f.op[t] = op.JUMP;
  f.a[t] = -1;
  f.imm[t] += k;
  f.imm2[t] = 1;
}

function sameEdges(f: Func, e: Edge, other: Edge): boolean {
  if (f.target(e) !== f.target(other)) return false;
  for (let i = f.edgeCount.data[e] - 1; i >= 0; i--) {
    if (f.resolve(f.argument(e, i)) !== f.resolve(f.argument(other, i))) return false;
  }
  return true;
}

function indexOf(f: Func, b: Block, p: Value): number {
  let i = 0;
  while (f.param(b, i) !== p) i++;
  return i;
}

/** True when the parameters of `b` are used by its terminator `t` only. */
function staysInside(f: Func, uses: Uses, b: Block, t: Value): boolean {
  for (let i = f.paramCount.data[b] - 1; i >= 0; i--) {
    const p = f.param(b, i);
    let inside = f.op[t] === op.BR_IF && f.resolve(f.a[t] as Value) === p ? 1 : 0;
    for (let k = f.successorCount(t) - 1; k >= 0; k--) {
      const e = f.successor(t, k);
      for (let j = f.edgeCount.data[e] - 1; j >= 0; j--) {
        if (f.resolve(f.argument(e, j)) === p) inside++;
      }
    }
    if (inside !== uses.count[p]) return false;
  }
  return true;
}
