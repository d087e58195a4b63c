// Moves reloads towards the uses that want them. The scan leaves a register whose value was reloaded filled until the
// end of its segment, in order of code; each edge that leads into the middle of the segment from where the value is
// in memory then needs a reload, wanted or not. Here a value whose slot is filled (or that is a constant) goes back to
// memory from the start of a block up to its first use there, wherever that costs no more: then one reload before the
// use replaces those on the edges, or where there is no use, those on the edges out of the block that still need it.
// Each such step sinks reloads; where they sink into a branch that needs none, they vanish. (The dual of hoisting
// loads in partial redundancy elimination; the sum over edges never grows.)
//
// Requires: Assignment with slots. Leaves: pieces of registers divided at EARLY of instructions and at blocks.

import { grown, IntColumn } from "../base/columns.ts";
import type { f64 } from "../base/numbers.ts";
import type { Assignment } from "./assignment.ts";
import type { Code } from "./code.ts";
import { EARLY, type Flow } from "./flow.ts";
import { LIKES_REGISTER, type Liveness } from "./liveness.ts";

// What happens to a register in a block in which it is not used: it is there at the end, too; it goes on in another
// one; it does not.
const PASSES = -1;
const MOVES = -2;
const LEAVES = -3;

export class Sinking {
  private readonly flow: Flow;
  private readonly live: Liveness;
  private readonly assignment: Assignment;

  // blocks at whose start the register in hand is in a physical one: nodes
  private readonly block: IntColumn;
  private readonly piece: IntColumn;
  /** Instruction of the first use in the block, or PASSES, MOVES, LEAVES. */
  private readonly use: IntColumn;
  /** 1: in memory now, up to the use. */
  private readonly sunk: IntColumn;
  private readonly waiting: IntColumn;
  /** Node of each block; -1: none. */
  private nodeOf: Int32Array<ArrayBuffer>;

  constructor(flow: Flow, live: Liveness, assignment: Assignment) {
    this.flow = flow;
    this.live = live;
    this.assignment = assignment;
    this.block = new IntColumn();
    this.piece = new IntColumn();
    this.use = new IntColumn();
    this.sunk = new IntColumn();
    this.waiting = new IntColumn();
    this.nodeOf = new Int32Array(0);
  }

  /** `spilled`: 1 for virtual registers that are in memory somewhere. */
  run(code: Code, spilled: Uint8Array): void {
    const { live, assignment, flow } = this;
    if (!spilled.subarray(0, live.vregs).includes(1)) return;
    if (this.nodeOf.length < flow.blocks) this.nodeOf = grown(this.nodeOf, flow.blocks);
    this.nodeOf.fill(-1, 0, flow.blocks);
    for (let v = 0; v < live.vregs; v++) {
      const changed = spilled[v] !== 0 && this.sink(code, v);
      if (changed) this.write(v);
      else assignment.keep(v);
      for (let n = 0; n < this.block.length; n++) this.nodeOf[this.block.get(n)] = -1;
      this.block.clear();
    }
    assignment.finish(live.vregs);
  }

  /** Sinks reloads of v; false if nothing changed. */
  private sink(code: Code, v: number): boolean {
    this.findNodes(v);
    const { waiting, block } = this;
    let changed = false;
    for (let n = block.length - 1; n >= 0; n--) waiting.push(n);
    while (waiting.length > 0) {
      const n = waiting.pop();
      if (this.sunk.get(n) !== 0 || !this.pays(code, v, n)) continue;
      this.sunk.set(n, 1);
      changed = true;
      if (this.use.get(n) >= 0) continue;
      const b = block.get(n);
      for (let k = this.flow.succStart[b]; k < this.flow.succStart[b + 1]; k++) {
        const next = this.nodeOf[code.edgeTo.get(this.flow.succ[k])];
        if (next >= 0) waiting.push(next);
      }
    }
    return changed;
  }

  private findNodes(v: number): void {
    const { flow, live, assignment } = this;
    const { start, end, place } = assignment;
    this.piece.clear();
    this.use.clear();
    this.sunk.clear();
    for (let p = assignment.first[v]; p < assignment.first[v + 1]; p++) {
      if (place[p] < 0) continue;
      const last = flow.blockAt(end[p] - 1);
      let b = flow.blockAt(start[p]);
      if (start[p] !== flow.startOf(b)) b++;
      for (; b <= last; b++) {
        const begin = flow.startOf(b);
        if (begin === live.def[v]) continue;
        const until = Math.min(end[p], flow.endOf(b));
        let u = live.firstUse(v, begin);
        while (
          u < live.useStart[v + 1] &&
          live.usePosition[u] < until &&
          (live.useKind[u] & 3) < LIKES_REGISTER
        )
          u++;
        const isUsed = u < live.useStart[v + 1] && live.usePosition[u] < until;
        this.nodeOf[b] = this.block.push(b);
        this.piece.push(p);
        this.sunk.push(0);
        if (isUsed) this.use.push(live.usePosition[u] >> 2);
        else if (until === flow.endOf(b)) this.use.push(PASSES);
        else this.use.push(until === start[p + 1] && place[p + 1] >= 0 ? MOVES : LEAVES);
      }
    }
  }

  /** The share of an edge in what leads to or from a block, up to a factor. */
  private weightOf(code: Code, edge: number): f64 {
    const { weight, succStart } = this.flow;
    const from = code.edgeFrom.get(edge);
    return Math.min(weight[from], weight[code.edgeTo.get(edge)]) / (succStart[from + 1] - succStart[from]);
  }

  /** True when v is in a register at the end of block b. */
  private isOutInRegister(v: number, b: number): boolean {
    const n = this.nodeOf[b];
    if (n >= 0 && this.use.get(n) === PASSES) return this.sunk.get(n) === 0;
    const piece = this.assignment.pieceAt(v, this.flow.endOf(b) - 1);
    return piece >= 0 && this.assignment.place[piece] >= 0;
  }

  /** True when it costs no more to have v in memory from the start of node n's block on. */
  private pays(code: Code, v: number, n: number): boolean {
    const { flow } = this;
    const b = this.block.get(n);
    let count = 0;
    let reloaded: f64 = 0;
    let all: f64 = 0;
    for (let k = flow.predStart[b]; k < flow.predStart[b + 1]; k++) {
      const weight = this.weightOf(code, flow.pred[k]);
      all += weight;
      if (this.isOutInRegister(v, code.edgeFrom.get(flow.pred[k]))) continue;
      reloaded += weight;
      count++;
    }
    if (count === 0) return false;
    const use = this.use.get(n);
    if (use === LEAVES) return true;
    if (use !== PASSES) return reloaded === all;
    const now: f64 = reloaded / all;
    reloaded = 0;
    all = 0;
    let later = 0;
    for (let k = flow.succStart[b]; k < flow.succStart[b + 1]; k++) {
      const weight = this.weightOf(code, flow.succ[k]);
      const next = this.nodeOf[code.edgeTo.get(flow.succ[k])];
      all += weight;
      if (next < 0 || this.sunk.get(next) !== 0) continue;
      reloaded += weight;
      later++;
    }
    // as often made, but in fewer places; or less often, and not in many more
    return reloaded < now * all ? later <= 2 * count : reloaded === now * all && later <= count;
  }

  /** Writes the pieces of v as they are now. */
  private write(v: number): void {
    const { assignment, flow } = this;
    const { start, end, place } = assignment;
    assignment.begin(v);
    let n = 0; // nodes are in order
    for (let p = assignment.first[v]; p < assignment.first[v + 1]; p++) {
      let from = start[p];
      for (; n < this.block.length && this.piece.get(n) === p; n++) {
        if (this.sunk.get(n) === 0) continue;
        const b = this.block.get(n);
        const begin = flow.startOf(b);
        const use = this.use.get(n);
        const until = use >= 0 ? 4 * use + EARLY : Math.min(end[p], flow.endOf(b));
        if (from < begin) assignment.put(from, begin, place[p]);
        assignment.put(begin, until, assignment.memoryOf(v));
        from = until;
      }
      if (from < end[p]) assignment.put(from, end[p], place[p]);
    }
  }
}
