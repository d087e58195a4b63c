// The control flow of machine code as allocation sees it: edges by source and by target, the block of an
// instruction, how often a block runs, and loops as regions.
//
// A region is a maximal run of blocks, in layout order, whose loop depth is at least d: with loops laid out
// contiguously it is a loop, and where they are not it merely costs quality. Regions nest.
//
// Positions: instruction i owns 4i … 4i + 3. At 4i (GAP) the moves before it have not been made, at EARLY it reads
// its uses, at LATE it writes its definitions. Block b spans the positions from startOf(b) to endOf(b).

import { grown, IntColumn } from "../base/columns.ts";
import type { f64 } from "../base/numbers.ts";
import type { Code } from "./code.ts";

export const GAP = 0;
export const EARLY = 1;
export const LATE = 2;

export const NOWHERE_AHEAD = 0x7fffffff;

/** A run of a block at depth 0 counts this much; a cold one 1. */
const ONCE = 64;
const DEEPEST = 8;

export class Flow {
  blocks: number;
  private blockStart: Int32Array<ArrayBuffer>;
  /** Block of each instruction. */
  blockOf: Int32Array<ArrayBuffer>;
  /** Edges by source: successors of b are edge numbers succ[succStart[b] … succStart[b + 1]]; in order. */
  succStart: Int32Array<ArrayBuffer>;
  succ: Int32Array<ArrayBuffer>;
  predStart: Int32Array<ArrayBuffer>;
  pred: Int32Array<ArrayBuffer>;
  /** How often a block runs, relative to others. */
  weight: Float64Array<ArrayBuffer>;
  /** Innermost region of each block; region 0 is everything. */
  regionOf: Int32Array<ArrayBuffer>;
  readonly regionFirst: IntColumn;
  readonly regionLast: IntColumn;
  readonly regionParent: IntColumn;
  private readonly open: IntColumn;
  /** Edges, without all but one of those that share source and target (of a br_table; they have no arguments). */
  private readonly edges: IntColumn;
  private readonly from: IntColumn;
  private readonly to: IntColumn;
  private seen: Int32Array<ArrayBuffer>;

  constructor() {
    this.blocks = 0;
    this.blockStart = new Int32Array(0);
    this.blockOf = new Int32Array(0);
    this.succStart = new Int32Array(0);
    this.succ = new Int32Array(0);
    this.predStart = new Int32Array(0);
    this.pred = new Int32Array(0);
    this.weight = new Float64Array(0);
    this.regionOf = new Int32Array(0);
    this.regionFirst = new IntColumn();
    this.regionLast = new IntColumn();
    this.regionParent = new IntColumn();
    this.open = new IntColumn();
    this.edges = new IntColumn();
    this.from = new IntColumn();
    this.to = new IntColumn();
    this.seen = new Int32Array(0);
  }

  /** First position of block b. */
  startOf(b: number): number {
    return this.blockStart[b] << 2;
  }

  /** Position after the last of block b. */
  endOf(b: number): number {
    return this.blockStart[b + 1] << 2;
  }

  firstInstruction(b: number): number {
    return this.blockStart[b];
  }

  lastInstruction(b: number): number {
    return this.blockStart[b + 1] - 1;
  }

  blockAt(position: number): number {
    return this.blockOf[position >> 2];
  }

  successors(b: number): number {
    return this.succStart[b + 1] - this.succStart[b];
  }

  predecessors(b: number): number {
    return this.predStart[b + 1] - this.predStart[b];
  }

  prepare(code: Code): void {
    const blocks = code.blockStart.length - 1;
    const edges = code.edgeFrom.length;
    this.blocks = blocks;
    this.blockStart = code.blockStart.data;
    if (this.blockOf.length <= code.count) this.blockOf = grown(this.blockOf, code.count + 1);
    if (this.succStart.length < blocks + 1) {
      this.succStart = grown(this.succStart, blocks + 1);
      this.predStart = grown(this.predStart, blocks + 1);
      this.regionOf = grown(this.regionOf, blocks + 1);
      this.weight = new Float64Array(this.succStart.length);
      this.seen = new Int32Array(this.succStart.length);
    }
    if (this.succ.length < edges) {
      this.succ = grown(this.succ, edges);
      this.pred = grown(this.pred, edges);
    }
    for (let b = 0; b < blocks; b++) {
      this.blockOf.fill(b, this.blockStart[b], this.blockStart[b + 1]);
      const depth = Math.min(code.loopDepth.get(b), DEEPEST);
      this.weight[b] = (code.cold.get(b) !== 0 ? 1 : ONCE) * 8 ** depth;
    }
    this.blockOf[code.count] = blocks - 1;
    this.findEdges(code);
    this.findRegions(code);
  }

  private findEdges(code: Code): void {
    const { edges, from, to, seen } = this;
    edges.clear();
    from.clear();
    to.clear();
    seen.fill(-1, 0, this.blocks);
    for (let e = 0; e < code.edgeFrom.length; e++) {
      const source = code.edgeFrom.get(e);
      const target = code.edgeTo.get(e);
      if (code.edgeCount.get(e) === 0) {
        if (seen[target] === source) continue;
        seen[target] = source;
      }
      edges.push(e);
      from.push(source);
      to.push(target);
    }
    sortByKey(from.data, edges.length, this.blocks, this.succStart, this.succ);
    sortByKey(to.data, edges.length, this.blocks, this.predStart, this.pred);
    for (let k = 0; k < edges.length; k++) {
      this.succ[k] = edges.get(this.succ[k]);
      this.pred[k] = edges.get(this.pred[k]);
    }
  }

  private findRegions(code: Code): void {
    const { regionFirst, regionLast, regionParent, open } = this;
    const depths = code.loopDepth.data;
    regionFirst.clear();
    regionLast.clear();
    regionParent.clear();
    open.clear();
    open.push(regionFirst.push(0));
    regionLast.push(this.blocks - 1);
    regionParent.push(-1);
    let depth = 0;
    for (let b = 0; b < this.blocks; b++) {
      for (; depth > depths[b]; depth--) regionLast.set(open.pop(), b - 1);
      for (; depth < depths[b]; depth++) {
        regionParent.push(open.get(open.length - 1));
        regionLast.push(this.blocks - 1);
        open.push(regionFirst.push(b));
      }
      this.regionOf[b] = open.get(open.length - 1);
    }
  }

  /**
   * The best position in (low, high] for a move that may stand anywhere there, with a liking for high: the start of
   * the outermost loop that began after low, else high.
   */
  outsideLoops(low: number, high: number): number {
    let best = high;
    for (
      let region = this.regionOf[this.blockAt(high)];
      region !== 0;
      region = this.regionParent.get(region)
    ) {
      const start = this.startOf(this.regionFirst.get(region));
      if (start <= low) break;
      if (start <= high) best = start;
    }
    return best;
  }

  /** How often a move at this position is made; at the start of a block it stands on the edges into it. */
  weightAt(position: number): f64 {
    const b = this.blockAt(position);
    return position === this.startOf(b) && b > 0
      ? Math.min(this.weight[b], this.weight[b - 1])
      : this.weight[b];
  }
}

/** Counting sort: the numbers 0 … n by key, stable; `start` gets keys + 1 entries. */
export function sortByKey(
  key: Int32Array,
  n: number,
  keys: number,
  start: Int32Array<ArrayBuffer>,
  sorted: Int32Array<ArrayBuffer>,
): void {
  start.fill(0, 0, keys + 1);
  for (let i = 0; i < n; i++) start[key[i]]++;
  let sum = 0;
  for (let k = 0; k < keys; k++) {
    sum += start[k];
    start[k] = sum;
  }
  start[keys] = sum;
  for (let i = n - 1; i >= 0; i--) sorted[--start[key[i]]] = i;
}
