// The order of blocks: reverse postorder from ENTRY, and predecessor edges. Iterative, in reused columns.
// requires: every reachable block ends in its terminator
// leaves: a snapshot; edges and blocks changed later are not seen

import { grown, IntColumn } from "../base/columns.ts";
import { type Block, type Edge, ENTRY, type Func } from "./func.ts";

export class Order {
  /** Reachable blocks in reverse postorder, ENTRY first. */
  readonly blocks: IntColumn;
  /** Block → its place in `blocks`, or -1 when it cannot be reached. */
  place: Int32Array<ArrayBuffer>;
  /** Edge → the block it leaves, or -1 when no reachable terminator has it. */
  from: Int32Array<ArrayBuffer>;
  private predStart: Int32Array<ArrayBuffer>; // block → its range of predEdges ends where the next begins
  private readonly predEdges: IntColumn;
  private readonly stack: IntColumn;
  private nextEdge: Int32Array<ArrayBuffer>; // block → successor to visit next

  constructor() {
    this.blocks = new IntColumn();
    this.place = new Int32Array(64);
    this.from = new Int32Array(64);
    this.predStart = new Int32Array(64);
    this.predEdges = new IntColumn();
    this.stack = new IntColumn();
    this.nextEdge = new Int32Array(64);
  }

  compute(f: Func): void {
    const n = f.blockCount;
    if (this.place.length < n + 1) {
      this.place = grown(this.place, n + 1);
      this.predStart = grown(this.predStart, n + 1);
      this.nextEdge = grown(this.nextEdge, n + 1);
    }
    if (this.from.length < f.edgeTotal) this.from = grown(this.from, f.edgeTotal);
    this.place.fill(-1, 0, n);
    this.from.fill(-1, 0, f.edgeTotal);
    this.visit(f);
    this.collectPredecessors(f);
  }

  private visit(f: Func): void {
    const { blocks, stack, place, nextEdge } = this;
    const postorder = blocks;
    postorder.clear();
    stack.clear();
    stack.push(ENTRY);
    place[ENTRY] = 0;
    // The last successor is visited first, so that the first comes first in reverse postorder.
    nextEdge[ENTRY] = f.successorCount(f.terminator(ENTRY));
    while (stack.length > 0) {
      const b = stack.data[stack.length - 1] as Block;
      const i = --nextEdge[b];
      if (i < 0) {
        stack.length--;
        postorder.push(b);
        continue;
      }
      const to = f.target(f.successor(f.terminator(b), i));
      if (place[to] >= 0) continue;
      place[to] = 0;
      nextEdge[to] = f.successorCount(f.terminator(to));
      stack.push(to);
    }
    blocks.data.subarray(0, blocks.length).reverse();
    for (let i = 0; i < blocks.length; i++) place[blocks.data[i]] = i;
  }

  private collectPredecessors(f: Func): void {
    const { blocks, predStart, predEdges, from } = this;
    predStart.fill(0, 0, f.blockCount + 1);
    let edges = 0;
    for (let i = 0; i < blocks.length; i++) {
      const b = blocks.data[i] as Block;
      const t = f.terminator(b);
      for (let k = f.successorCount(t) - 1; k >= 0; k--) {
        const e = f.successor(t, k);
        from[e] = b;
        predStart[f.target(e) + 1]++;
        edges++;
      }
    }
    for (let b = 0; b < f.blockCount; b++) predStart[b + 1] += predStart[b];
    predEdges.resize(edges, -1);
    const fill = this.nextEdge;
    fill.fill(0, 0, f.blockCount);
    for (let i = 0; i < blocks.length; i++) {
      const t = f.terminator(blocks.data[i] as Block);
      const count = f.successorCount(t);
      for (let k = 0; k < count; k++) {
        const e = f.successor(t, k);
        const to = f.target(e);
        predEdges.data[predStart[to] + fill[to]++] = e;
      }
    }
  }

  isReachable(b: Block): boolean {
    return this.place[b] >= 0;
  }

  predecessorCount(b: Block): number {
    return this.predStart[b + 1] - this.predStart[b];
  }

  /** Predecessor edge `i` of `b`, in the order of their blocks. */
  predecessorEdge(b: Block, i: number): Edge {
    return this.predEdges.data[this.predStart[b] + i] as Edge;
  }

  predecessor(b: Block, i: number): Block {
    return this.from[this.predecessorEdge(b, i)] as Block;
  }
}
