// Natural loops and their nesting. Headers are taken from the innermost outwards (reverse of reverse postorder),
// and each loop is collected backwards from its back-edges, stepping over inner loops by their header; so every
// block is entered once per loop that begins at it. An edge against the order whose target does not dominate its
// source makes no loop.
// requires: Order, Dominators

import { grown, IntColumn } from "../base/columns.ts";
import type { Dominators } from "../ir/dominators.ts";
import type { Block, Func } from "../ir/func.ts";
import type { Order } from "../ir/order.ts";

export const NO_LOOP = -1;

export class Loops {
  /** Loop → its header. An outer loop has a higher number than its inner ones. */
  readonly header: IntColumn;
  /** Loop → the loop around it, or NO_LOOP. */
  readonly parent: IntColumn;
  /** Loop → 1 for outermost loops. */
  readonly depth: IntColumn;
  /** Block → its innermost loop, or NO_LOOP. */
  innermost: Int32Array<ArrayBuffer>;
  private readonly enter: IntColumn; // loop → its place in preorder, and the size of its subtree
  private readonly size: IntColumn;
  private readonly stack: IntColumn;
  private readonly outermost: IntColumn; // loop → some loop around it, as known so far; itself at the root

  constructor() {
    this.header = new IntColumn();
    this.parent = new IntColumn();
    this.depth = new IntColumn();
    this.innermost = new Int32Array(64);
    this.enter = new IntColumn();
    this.size = new IntColumn();
    this.stack = new IntColumn();
    this.outermost = new IntColumn();
  }

  get count(): number {
    return this.header.length;
  }

  compute(f: Func, order: Order, dominators: Dominators): void {
    if (this.innermost.length < f.blockCount) this.innermost = grown(this.innermost, f.blockCount);
    this.innermost.fill(NO_LOOP, 0, f.blockCount);
    this.header.clear();
    this.parent.clear();
    this.depth.clear();
    this.outermost.clear();
    for (let i = order.blocks.length - 1; i >= 0; i--) {
      const h = order.blocks.data[i] as Block;
      this.stack.clear();
      for (let k = 0; k < order.predecessorCount(h); k++) {
        const from = order.predecessor(h, k);
        if (order.place[from] >= i && dominators.dominates(h, from)) this.stack.push(from);
      }
      if (this.stack.length > 0) this.collect(h, order);
    }
    this.number();
  }

  private collect(h: Block, order: Order): void {
    const { innermost, stack } = this;
    const loop = this.header.push(h);
    this.parent.push(NO_LOOP);
    this.depth.push(0);
    this.outermost.push(loop);
    while (stack.length > 0) {
      let b = stack.pop() as Block;
      if (innermost[b] === NO_LOOP) innermost[b] = loop;
      else {
        const inner = this.root(innermost[b]);
        if (inner === loop) continue;
        this.parent.set(inner, loop);
        this.outermost.set(inner, loop);
        b = this.header.data[inner] as Block;
      }
      if (b === h) continue;
      for (let k = 0; k < order.predecessorCount(b); k++) stack.push(order.predecessor(b, k));
    }
    if (innermost[h] === NO_LOOP) innermost[h] = loop;
  }

  /** Depths, and the preorder of the tree of loops. */
  private number(): void {
    const { count } = this;
    const { size, enter, outermost: next, parent, depth } = this;
    size.clear();
    enter.clear();
    size.resize(count, 1);
    enter.resize(count, 0);
    for (let loop = 0; loop < count; loop++) {
      const up = parent.data[loop];
      if (up !== NO_LOOP) size.data[up] += size.data[loop];
    }
    let free = 0; // place of the next outermost loop
    for (let loop = count - 1; loop >= 0; loop--) {
      const up = parent.data[loop];
      if (up === NO_LOOP) {
        depth.data[loop] = 1;
        enter.data[loop] = free;
        free += size.data[loop];
      } else {
        depth.data[loop] = depth.data[up] + 1;
        enter.data[loop] = next.data[up];
        next.data[up] += size.data[loop];
      }
      next.data[loop] = enter.data[loop] + 1;
    }
  }

  private root(loop: number): number {
    const up = this.outermost.data;
    let root = loop;
    while (up[root] !== root) root = up[root];
    for (let at = loop; up[at] !== root; ) {
      const next = up[at];
      up[at] = root;
      at = next;
    }
    return root;
  }

  depthOf(b: Block): number {
    const loop = this.innermost[b];
    return loop === NO_LOOP ? 0 : this.depth.data[loop];
  }

  /** True when `b` belongs to `loop` or a loop inside it. */
  contains(loop: number, b: Block): boolean {
    const inner = this.innermost[b];
    if (inner === NO_LOOP) return false;
    const at = this.enter.data[inner] - this.enter.data[loop];
    return at >= 0 && at < this.size.data[loop];
  }

  /** Tells of a block that was made since: `loop` is its innermost. */
  addBlock(b: Block, loop: number): void {
    if (b >= this.innermost.length) this.innermost = grown(this.innermost, b + 1);
    this.innermost[b] = loop;
  }

  isHeader(b: Block): boolean {
    const loop = this.innermost[b];
    return loop !== NO_LOOP && this.header.data[loop] === b;
  }

  /** Depth of the innermost loop that has both ends of an edge in it. Loops are entered at their headers. */
  depthOfEdge(from: Block, to: Block): number {
    const inner = this.innermost[from];
    const other = this.innermost[to];
    if (inner === NO_LOOP || other === NO_LOOP) return 0;
    if (this.contains(other, from)) return this.depth.data[other];
    return this.contains(inner, to) ? this.depth.data[inner] : this.depth.data[other] - 1;
  }
}
