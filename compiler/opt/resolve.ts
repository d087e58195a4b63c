// Writes through copies, so that nothing refers to them any more, and takes them out of their places.

import * as op from "../gen/ir-ops.ts";
import type { Block, Func, Value } from "../ir/func.ts";
import { ARITY, VARIADIC } from "../ir/ops.ts";
import type { Order } from "../ir/order.ts";

/** The operands of one instruction. */
export function resolveOperands(f: Func, v: Value): void {
  const arity = ARITY[f.op[v]];
  if (arity === VARIADIC) {
    const pool = f.pool.data;
    const end = f.a[v] + f.b[v];
    for (let k = f.a[v]; k < end; k++) {
      if (f.op[pool[k]] === op.COPY) pool[k] = f.resolve(pool[k] as Value);
    }
    return;
  }
  if (arity > 0 && f.op[f.a[v]] === op.COPY) f.a[v] = f.resolve(f.a[v] as Value);
  if (arity > 1 && f.op[f.b[v]] === op.COPY) f.b[v] = f.resolve(f.b[v] as Value);
  if (arity > 2 && f.op[f.c[v]] === op.COPY) f.c[v] = f.resolve(f.c[v] as Value);
}

/** The arguments of the edges that leave a block. */
export function resolveArguments(f: Func, terminator: Value): void {
  const pool = f.pool.data;
  for (let i = f.successorCount(terminator) - 1; i >= 0; i--) {
    const e = f.successor(terminator, i);
    const end = f.edgeStart.data[e] + f.edgeCount.data[e];
    for (let k = f.edgeStart.data[e]; k < end; k++) {
      if (f.op[pool[k]] === op.COPY) pool[k] = f.resolve(pool[k] as Value);
    }
  }
}

/** Everywhere; afterwards no copy stands in a block. */
export function resolveUses(f: Func, order: Order): void {
  for (let i = 0; i < order.blocks.length; i++) {
    const b = order.blocks.data[i] as Block;
    let next = -1;
    for (let v = f.first.data[b]; v >= 0; v = next) {
      next = f.next[v];
      if (f.op[v] === op.COPY) f.unlink(v as Value);
      else resolveOperands(f, v as Value);
    }
    resolveArguments(f, f.terminator(b));
  }
}

/** Takes what is no parameter any more out of the lists of their blocks, with the arguments they received. */
export function dropParams(f: Func, order: Order): void {
  const { paramStart, paramCount, paramPool, pool, edgeStart, edgeCount } = f;
  for (let i = 1; i < order.blocks.length; i++) {
    const b = order.blocks.data[i] as Block;
    const start = paramStart.data[b];
    const count = paramCount.data[b];
    let kept = 0;
    for (let k = 0; k < count; k++) if (f.op[paramPool.data[start + k]] === op.PARAM) kept++;
    if (kept === count) continue;
    for (let n = order.predecessorCount(b) - 1; n >= 0; n--) {
      const e = order.predecessorEdge(b, n);
      const from = edgeStart.data[e];
      let to = from;
      for (let k = 0; k < count; k++) {
        if (f.op[paramPool.data[start + k]] === op.PARAM) pool.data[to++] = pool.data[from + k];
      }
      edgeCount.set(e, kept);
    }
    let to = start;
    for (let k = 0; k < count; k++) {
      const p = paramPool.data[start + k];
      if (f.op[p] === op.PARAM) paramPool.data[to++] = p;
    }
    paramCount.set(b, kept);
  }
}
