// Removes block parameters that always receive one and the same value (or themselves): the redundant phis that
// SSA construction leaves (Braun et al., CC 2013, section 3.1), to a fixed point. A parameter that was removed
// hands the parameters it flows into, a linked list, to the value in its place, and they are looked at again.
// Parameters that always receive equal constants become that constant.
// requires: Order
// leaves: no redundant parameter, but in functions so large that looking again would take too long; every use resolved

import { grown, IntColumn } from "../base/columns.ts";
import * as op from "../gen/ir-ops.ts";
import { type Block, ENTRY, type Func, NO_VALUE, type Value } from "../ir/func.ts";
import type { Order } from "../ir/order.ts";
import type { Context, Pass } from "./context.ts";
import { dropParams, resolveUses } from "./resolve.ts";

/** How often, in the mean, an argument may be looked at again: not too often in nests of thousands of loops. */
const LOOKS = 64;

export class Params implements Pass {
  private index: Int32Array<ArrayBuffer>; // parameter → its place among those of its block
  private head: Int32Array<ArrayBuffer>; // parameter → cells of the parameters it flows into
  private tail: Int32Array<ArrayBuffer>;
  private waiting: Int32Array<ArrayBuffer>; // parameter → 1 while in the worklist
  private readonly cellParam: IntColumn;
  private readonly cellNext: IntColumn;
  private readonly work: IntColumn;

  constructor() {
    this.index = new Int32Array(256);
    this.head = new Int32Array(256);
    this.tail = new Int32Array(256);
    this.waiting = new Int32Array(256);
    this.cellParam = new IntColumn();
    this.cellNext = new IntColumn();
    this.work = new IntColumn();
  }

  run(c: Context): void {
    const { func: f, order } = c;
    if (this.index.length < f.count) {
      this.index = grown(this.index, f.count);
      this.head = grown(this.head, f.count);
      this.tail = grown(this.tail, f.count);
      this.waiting = grown(this.waiting, f.count);
    }
    this.collect(f, order);
    let removed = 0;
    let looks = LOOKS * (f.count + f.pool.length);
    while (this.work.length > 0 && looks > 0) {
      const p = this.work.pop() as Value;
      this.waiting[p] = 0;
      if (f.op[p] !== op.PARAM) continue;
      const b = f.aux[p] as Block;
      looks -= order.predecessorCount(b);
      const by = this.soleArgument(f, order, b, p);
      if (by === NO_VALUE) continue;
      if (f.block[by] >= 0 && isConstant(f.op[by]) && !isSole(f, order, b, this.index[p], by)) {
        becomeConstant(f, b, p, by);
      } else f.replace(p, by);
      removed++;
      looks -= this.moveUsers(p, f.op[by] === op.PARAM ? by : p);
    }
    if (removed === 0) return;
    dropParams(f, order);
    resolveUses(f, order);
    c.valuesChanged();
  }

  /** All parameters into the worklist, and who flows into whom. */
  private collect(f: Func, order: Order): void {
    const { blocks } = order;
    this.work.clear();
    this.cellParam.clear();
    this.cellNext.clear();
    // Backwards, so that the worklist yields parameters in the order of blocks.
    for (let i = blocks.length - 1; i > 0; i--) {
      const b = blocks.data[i] as Block;
      for (let k = f.paramCount.data[b] - 1; k >= 0; k--) {
        const p = f.param(b, k);
        this.index[p] = k;
        this.head[p] = -1;
        this.waiting[p] = 1;
        this.work.push(p);
      }
    }
    for (let k = f.paramCount.data[ENTRY] - 1; k >= 0; k--) this.head[f.param(ENTRY, k)] = -1;
    for (let i = 1; i < blocks.length; i++) {
      const b = blocks.data[i] as Block;
      const count = f.paramCount.data[b];
      if (count === 0) continue;
      for (let n = order.predecessorCount(b) - 1; n >= 0; n--) {
        const e = order.predecessorEdge(b, n);
        for (let k = 0; k < count; k++) {
          const x = f.resolve(f.argument(e, k));
          if (f.op[x] === op.PARAM) this.addUser(x, f.param(b, k));
        }
      }
    }
  }

  private addUser(of: Value, user: Value): void {
    const cell = this.cellParam.push(user);
    this.cellNext.push(this.head[of]);
    if (this.head[of] < 0) this.tail[of] = cell;
    this.head[of] = cell;
  }

  /** Queues the users of `from`, and makes them users of `to`. How many they are. */
  private moveUsers(from: Value, to: Value): number {
    const { cellParam, cellNext, waiting, work } = this;
    let count = 0;
    if (this.head[from] < 0) return count;
    for (let cell = this.head[from]; cell >= 0; cell = cellNext.data[cell]) {
      count++;
      const p = cellParam.data[cell];
      if (waiting[p] !== 0) continue;
      waiting[p] = 1;
      work.push(p);
    }
    if (to === from) return count;
    cellNext.set(this.tail[from], this.head[to]);
    if (this.head[to] < 0) this.tail[to] = this.tail[from];
    this.head[to] = this.head[from];
    return count;
  }

  /** What all edges to `b` pass for `p`, itself aside; NO_VALUE if they do not agree. */
  private soleArgument(f: Func, order: Order, b: Block, p: Value): Value {
    const k = this.index[p];
    let sole = NO_VALUE;
    for (let n = order.predecessorCount(b) - 1; n >= 0; n--) {
      const x = f.resolve(f.argument(order.predecessorEdge(b, n), k));
      if (x === p || x === sole) continue;
      if (sole !== NO_VALUE && !equalConstants(f, x, sole)) return NO_VALUE;
      sole = x;
    }
    return sole;
  }
}

function isConstant(code: number): boolean {
  switch (code) {
    case op.I32_CONST:
    case op.I64_CONST:
    case op.F32_CONST:
    case op.F64_CONST:
    case op.PTR_CONST:
    case op.REF_NULL:
    case op.SYMBOL:
      return true;
    default:
      return false;
  }
}

function equalConstants(f: Func, x: Value, y: Value): boolean {
  return f.op[x] === f.op[y] && isConstant(f.op[x]) && f.imm[x] === f.imm[y] && f.imm2[x] === f.imm2[y];
}

/** True when every edge passes the value `by` itself, which therefore dominates `b`. */
function isSole(f: Func, order: Order, b: Block, k: number, by: Value): boolean {
  const p = f.param(b, k);
  for (let n = order.predecessorCount(b) - 1; n >= 0; n--) {
    const x = f.resolve(f.argument(order.predecessorEdge(b, n), k));
    if (x !== by && x !== p) return false;
  }
  return true;
}

/** Makes `p` a copy of a constant at the start of `b`, equal to `like`. */
function becomeConstant(f: Func, b: Block, p: Value, like: Value): void {
  const v = f.make(f.op[like], f.type[like]);
  f.imm[v] = f.imm[like];
  f.imm2[v] = f.imm2[like];
  let at = f.first.get(b) as Value;
  // Projections begin their block.
  while (f.op[at] === op.PROJ) at = f.next[at] as Value;
  f.insertBefore(at, v);
  f.replace(p, v);
}
