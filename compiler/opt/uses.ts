// How often each value is used by what can be reached: operands, and arguments of edges.
// requires: Order

import { grown } from "../base/columns.ts";
import type { Block, Func, Value } from "../ir/func.ts";
import { ARITY, VARIADIC } from "../ir/ops.ts";
import type { Order } from "../ir/order.ts";

export class Uses {
  count: Int32Array<ArrayBuffer>;

  constructor() {
    this.count = new Int32Array(256);
  }

  compute(f: Func, order: Order): void {
    if (this.count.length < f.count) this.count = grown(this.count, f.count);
    const { count } = this;
    count.fill(0, 0, f.count);
    const pool = f.pool.data;
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      for (let v = f.first.data[b]; v >= 0; v = f.next[v]) {
        const arity = ARITY[f.op[v]];
        if (arity === VARIADIC) {
          const end = f.a[v] + f.b[v];
          for (let k = f.a[v]; k < end; k++) count[f.resolve(pool[k] as Value)]++;
          continue;
        }
        if (arity > 0) count[f.resolve(f.a[v] as Value)]++;
        if (arity > 1) count[f.resolve(f.b[v] as Value)]++;
        if (arity > 2) count[f.resolve(f.c[v] as Value)]++;
      }
      const t = f.terminator(b);
      for (let k = f.successorCount(t) - 1; k >= 0; k--) {
        const e = f.successor(t, k);
        const end = f.edgeStart.data[e] + f.edgeCount.data[e];
        for (let j = f.edgeStart.data[e]; j < end; j++) count[f.resolve(pool[j] as Value)]++;
      }
    }
  }
}
