// The dominator tree: Lengauer and Tarjan, "A Fast Algorithm for Finding Dominators in a Flowgraph", TOPLAS 1979,
// the simple version (path compression only), O(edges · log blocks) on any graph. Everything is iterative.
// requires: Order

import { grown, IntColumn } from "../base/columns.ts";
import { type Block, ENTRY, type Func, NO_BLOCK, type Value } from "./func.ts";
import type { Order } from "./order.ts";

export class Dominators {
  /** Block → its immediate dominator; NO_BLOCK for ENTRY and for what cannot be reached. */
  parent: Int32Array<ArrayBuffer>;
  /** Reachable blocks in preorder of the tree: a subtree is contiguous. */
  readonly preorder: IntColumn;
  /** Block → place in `preorder`, and the first place behind its subtree. */
  private enter: Int32Array<ArrayBuffer>;
  private leave: Int32Array<ArrayBuffer>;

  // Work space. Vertices are numbered in depth-first preorder from 0.
  private vertex: Int32Array<ArrayBuffer>; // number → block
  private number: Int32Array<ArrayBuffer>; // block → number, or -1
  private ancestor: Int32Array<ArrayBuffer>; // the rest: number → number
  private tree: Int32Array<ArrayBuffer>;
  private semi: Int32Array<ArrayBuffer>;
  private label: Int32Array<ArrayBuffer>;
  private dom: Int32Array<ArrayBuffer>;
  private bucket: Int32Array<ArrayBuffer>; // head of the list of vertices with this semidominator
  private bucketNext: Int32Array<ArrayBuffer>;
  private readonly stack: IntColumn;

  constructor() {
    this.parent = new Int32Array(64);
    this.preorder = new IntColumn();
    this.enter = new Int32Array(64);
    this.leave = new Int32Array(64);
    this.vertex = new Int32Array(64);
    this.number = new Int32Array(64);
    this.ancestor = new Int32Array(64);
    this.tree = new Int32Array(64);
    this.semi = new Int32Array(64);
    this.label = new Int32Array(64);
    this.dom = new Int32Array(64);
    this.bucket = new Int32Array(64);
    this.bucketNext = new Int32Array(64);
    this.stack = new IntColumn();
  }

  compute(f: Func, order: Order): void {
    const blocks = f.blockCount;
    if (this.parent.length < blocks) {
      this.parent = grown(this.parent, blocks);
      this.enter = grown(this.enter, blocks);
      this.leave = grown(this.leave, blocks);
      this.vertex = grown(this.vertex, blocks);
      this.number = grown(this.number, blocks);
      this.ancestor = grown(this.ancestor, blocks);
      this.tree = grown(this.tree, blocks);
      this.semi = grown(this.semi, blocks);
      this.label = grown(this.label, blocks);
      this.dom = grown(this.dom, blocks);
      this.bucket = grown(this.bucket, blocks);
      this.bucketNext = grown(this.bucketNext, blocks);
    }
    const n = this.search(f);
    this.solve(order, n);
    this.parent.fill(NO_BLOCK, 0, blocks);
    for (let w = 1; w < n; w++) this.parent[this.vertex[w]] = this.vertex[this.dom[w]];
    this.walk(f, n);
  }

  /** Numbers the reachable blocks depth first; returns how many there are. */
  private search(f: Func): number {
    const { vertex, number, tree, stack } = this;
    number.fill(-1, 0, f.blockCount);
    stack.clear();
    stack.push(ENTRY);
    stack.push(-1);
    let n = 0;
    while (stack.length > 0) {
      const from = stack.pop();
      const b = stack.pop() as Block;
      if (number[b] >= 0) continue;
      number[b] = n;
      vertex[n] = b;
      tree[n] = from;
      const t = f.terminator(b);
      for (let i = f.successorCount(t) - 1; i >= 0; i--) {
        const to = f.target(f.successor(t, i));
        if (number[to] >= 0) continue;
        stack.push(to);
        stack.push(n);
      }
      n++;
    }
    return n;
  }

  private solve(order: Order, n: number): void {
    const { vertex, number, ancestor, tree, semi, label, dom, bucket, bucketNext } = this;
    for (let v = 0; v < n; v++) {
      semi[v] = v;
      label[v] = v;
      ancestor[v] = -1;
      bucket[v] = -1;
    }
    for (let w = n - 1; w > 0; w--) {
      const b = vertex[w] as Block;
      for (let i = order.predecessorCount(b) - 1; i >= 0; i--) {
        const s = semi[this.evaluate(number[order.predecessor(b, i)])];
        if (s < semi[w]) semi[w] = s;
      }
      bucketNext[w] = bucket[semi[w]];
      bucket[semi[w]] = w;
      const p = tree[w];
      ancestor[w] = p;
      for (let v = bucket[p]; v >= 0; v = bucketNext[v]) {
        const u = this.evaluate(v);
        dom[v] = semi[u] < semi[v] ? u : p;
      }
      bucket[p] = -1;
    }
    dom[0] = -1;
    for (let w = 1; w < n; w++) if (dom[w] !== semi[w]) dom[w] = dom[dom[w]];
  }

  /** The vertex of least semidominator on the way from `v` up the forest, its root excluded. */
  private evaluate(v: number): number {
    const { ancestor, label, semi, stack } = this;
    if (ancestor[v] < 0) return label[v];
    stack.clear();
    for (let at = v; ancestor[ancestor[at]] >= 0; at = ancestor[at]) stack.push(at);
    while (stack.length > 0) {
      const at = stack.pop();
      const up = ancestor[at];
      if (semi[label[up]] < semi[label[at]]) label[at] = label[up];
      ancestor[at] = ancestor[up];
    }
    return label[v];
  }

  /** Preorder of the tree. Children come in order of their depth-first number. */
  private walk(f: Func, n: number): void {
    const { vertex, dom, bucket, bucketNext, enter, leave, preorder, stack } = this;
    bucket.fill(-1, 0, n);
    for (let w = 1; w < n; w++) {
      bucketNext[w] = bucket[dom[w]];
      bucket[dom[w]] = w;
    }
    enter.fill(-1, 0, f.blockCount);
    preorder.clear();
    stack.clear();
    stack.push(0);
    while (stack.length > 0) {
      const w = stack.pop();
      if (w < 0) {
        leave[vertex[~w]] = preorder.length;
        continue;
      }
      enter[vertex[w]] = preorder.push(vertex[w]);
      stack.push(~w);
      for (let c = bucket[w]; c >= 0; c = bucketNext[c]) stack.push(c);
    }
  }

  /** True when every way to `b` leads through `a`; a block dominates itself. Both must be reachable. */
  dominates(a: Block, b: Block): boolean {
    return this.enter[a] <= this.enter[b] && this.enter[b] < this.leave[a];
  }

  /** True when the definition of `v` stands in a block that dominates `b` (or is `b`). */
  reaches(f: Func, v: Value, b: Block): boolean {
    const home = f.isParam(v) ? f.aux[v] : f.block[v];
    return home >= 0 && this.enter[home] >= 0 && this.dominates(home as Block, b);
  }
}
