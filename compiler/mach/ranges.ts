// Live ranges: a backward data flow over bit sets, for as many registers at a time as fit a fixed amount of memory;
// blocks are revisited only when a successor changed, so that any order of blocks is right and a good one is fast.
// Comparing the sets of neighbouring blocks by words then yields maximal ranges without touching the blocks in
// between (the quadratic part of the usual construction: Wimmer & Franz, "Linear Scan Register Allocation on SSA
// Form", CGO 2010, section 4.1). Registers that live in one block only need none of this.
//
// Requires: Flow; uses of Liveness. Leaves: the ranges of each register sorted and disjoint.

import { grown, grown8, IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import { ctz32, popcnt32 } from "../base/int64.ts";
import type { Code } from "./code.ts";
import type { Flow } from "./flow.ts";
import type { Limits } from "./limits.ts";
import type { Liveness } from "./liveness.ts";

export class RangeFinder {
  private readonly live: Liveness;
  private readonly limits: Limits;
  private mostRanges: number;
  /** Registers that are live at the start of some block. */
  private readonly crossing: IntColumn;
  /** By register: the first use not passed; the start of the range that is open. */
  private cursor: Int32Array<ArrayBuffer>;
  private openStart: Int32Array<ArrayBuffer>;
  // words of bits, block by block: registers live at the start, and defined in it
  private liveIn: Int32Array<ArrayBuffer>;
  private killed: Int32Array<ArrayBuffer>;
  /** 1: a successor of the block has changed. */
  private dirty: Uint8Array<ArrayBuffer>;
  private readonly wordOut: IntColumn;

  constructor(live: Liveness, limits: Limits) {
    this.live = live;
    this.limits = limits;
    this.mostRanges = 0;
    this.crossing = new IntColumn();
    this.cursor = new Int32Array(0);
    this.openStart = new Int32Array(0);
    this.liveIn = new Int32Array(0);
    this.killed = new Int32Array(0);
    this.dirty = new Uint8Array(0);
    this.wordOut = new IntColumn();
  }

  /** Gives the registers of `live`, whose uses are known, their ranges. */
  find(code: Code, flow: Flow): void {
    const vregs = this.live.vregs;
    this.mostRanges = this.limits.ranges + this.limits.rangesEach * vregs;
    if (this.cursor.length < vregs) {
      this.cursor = grown(this.cursor, vregs);
      this.openStart = new Int32Array(this.cursor.length);
    }
    const { crossing } = this;
    const { useStart, usePosition, defBlock } = this.live;
    crossing.clear();
    for (let v = 0; v < this.live.vregs; v++) {
      const from = useStart[v];
      const to = useStart[v + 1];
      this.cursor[v] = from;
      if (from === to) continue;
      if (this.live.def[v] < 0) unreachable("a virtual register has no definition");
      const start = this.live.def[v];
      const b = defBlock[v];
      if (usePosition[from] >= start && usePosition[to - 1] < flow.endOf(b)) {
        this.live.addRange(v, start, Math.max(start + 1, this.endInBlock(v, b, flow)));
      } else {
        crossing.push(v);
      }
    }
    const blocks = flow.blocks;
    if (this.dirty.length < blocks) this.dirty = grown8(this.dirty, blocks);
    const most = Math.max(1, (this.limits.liveWords / blocks) | 0);
    for (let first = 0; first < crossing.length; ) {
      const n = Math.min(crossing.length - first, most * 32);
      this.solve(code, flow, first, n);
      first += n;
    }
  }

  /** Ranges of the n registers from crossing[first] on. */
  private solve(code: Code, flow: Flow, first: number, n: number): void {
    const { dirty } = this;
    const { useStart, usePosition, defBlock } = this.live;
    const crossing = this.crossing.data;
    const words = (n + 31) >> 5;
    const size = flow.blocks * words;
    if (this.liveIn.length < size) {
      this.liveIn = grown(this.liveIn, size);
      this.killed = new Int32Array(this.liveIn.length);
    }
    const { liveIn, killed } = this;
    liveIn.fill(0, 0, size);
    killed.fill(0, 0, size);
    dirty.fill(0, 0, flow.blocks);
    // upward exposed uses and definitions
    let low = flow.blocks;
    let high = -1;
    for (let n2 = 0; n2 < n; n2++) {
      const v = crossing[first + n2];
      const bit = 1 << (n2 & 31);
      const word = n2 >> 5;
      const home = defBlock[v];
      low = Math.min(low, home);
      high = Math.max(high, home);
      killed[home * words + word] |= bit;
      let previous = home;
      for (let u = useStart[v]; u < useStart[v + 1]; u++) {
        const b = flow.blockAt(usePosition[u]);
        if (b === previous || b === home) continue;
        previous = b;
        liveIn[b * words + word] |= bit;
        low = Math.min(low, b);
        high = Math.max(high, b);
        for (let k = flow.predStart[b]; k < flow.predStart[b + 1]; k++) {
          const p = code.edgeFrom.get(flow.pred[k]);
          dirty[p] = 1;
          low = Math.min(low, p);
          high = Math.max(high, p);
        }
      }
    }
    // sweep backward over what changed, until nothing does
    let top = high;
    let bottom = low;
    while (top >= bottom) {
      let nextTop = -1;
      let nextBottom = flow.blocks;
      for (let b = top; b >= bottom; b--) {
        if (dirty[b] === 0) continue;
        dirty[b] = 0;
        let changed = 0;
        for (let k = flow.succStart[b]; k < flow.succStart[b + 1]; k++) {
          const s = code.edgeTo.get(flow.succ[k]) * words;
          for (let w = 0; w < words; w++) {
            const added = liveIn[s + w] & ~killed[b * words + w] & ~liveIn[b * words + w];
            liveIn[b * words + w] |= added;
            changed |= added;
          }
        }
        if (changed === 0) continue;
        high = Math.max(high, b);
        low = Math.min(low, b);
        for (let k = flow.predStart[b]; k < flow.predStart[b + 1]; k++) {
          const p = code.edgeFrom.get(flow.pred[k]);
          if (dirty[p] !== 0) continue;
          dirty[p] = 1;
          if (p < b) {
            bottom = Math.min(bottom, p);
          } else {
            nextTop = Math.max(nextTop, p);
            nextBottom = Math.min(nextBottom, p);
          }
        }
      }
      top = nextTop;
      bottom = nextBottom;
    }
    if (this.live.rangeStart.length + this.countChanges(code, flow, words, low, high) > this.mostRanges)
      this.emitHulls(code, flow, first, words, low, high);
    else this.emitRanges(code, flow, first, words, low, high);
  }

  /** Turns live-in sets into ranges: only where neighbouring sets differ is there anything to do. */
  private emitRanges(code: Code, flow: Flow, first: number, words: number, low: number, high: number): void {
    const { liveIn, openStart } = this;
    const crossing = this.crossing.data;
    this.wordOut.clear();
    this.wordOut.resize(words, 0);
    const before = this.wordOut.data;
    for (let b = low; b <= high; b++) {
      const begin = flow.startOf(b);
      for (let w = 0; w < words; w++) {
        const into = liveIn[b * words + w];
        const out = this.liveOut(code, flow, b, words, w);
        const was = before[w];
        before[w] = out;
        let changes = (was ^ into) | (into ^ out);
        while (changes !== 0) {
          const bit = changes & -changes;
          changes ^= bit;
          const v = crossing[first + (w << 5) + ctz32(bit)];
          if ((was & bit) !== 0 && (into & bit) === 0) this.live.addRange(v, openStart[v], begin);
          if ((was & bit) === 0 && (into & bit) !== 0) openStart[v] = begin;
          if ((into & bit) === 0 && (out & bit) !== 0) openStart[v] = this.live.def[v];
          if ((into & bit) !== 0 && (out & bit) === 0)
            this.live.addRange(v, openStart[v], this.endInBlock(v, b, flow));
        }
      }
    }
    for (let w = 0; w < words; w++) {
      for (let rest = before[w]; rest !== 0; rest &= rest - 1) {
        const v = crossing[first + (w << 5) + ctz32(rest)];
        this.live.addRange(v, openStart[v], flow.endOf(high));
      }
    }
  }

  /** What `solve` found to be live over all blocks between the first and the last; as words at `low` … `high`. */
  private countChanges(code: Code, flow: Flow, words: number, low: number, high: number): number {
    const { liveIn } = this;
    let changes = 0;
    this.wordOut.clear();
    this.wordOut.resize(words, 0);
    const before = this.wordOut.data;
    for (let b = low; b <= high; b++) {
      for (let w = 0; w < words; w++) {
        const into = liveIn[b * words + w];
        changes += popcnt32(before[w] ^ into);
        before[w] = this.liveOut(code, flow, b, words, w);
      }
    }
    return changes;
  }

  private liveOut(code: Code, flow: Flow, b: number, words: number, w: number): number {
    let out = 0;
    for (let k = flow.succStart[b]; k < flow.succStart[b + 1]; k++)
      out |= this.liveIn[code.edgeTo.get(flow.succ[k]) * words + w];
    return out;
  }

  /**
   * For code with very many ranges: the holes are filled. That is as right (where a register is not live, moving it
   * or keeping a place for it does nothing), needs one range, but makes worse code.
   */
  private emitHulls(code: Code, flow: Flow, first: number, words: number, low: number, high: number): void {
    const { openStart } = this;
    const crossing = this.crossing.data;
    this.wordOut.clear();
    this.wordOut.resize(words, 0);
    const seen = this.wordOut.data;
    for (let b = low; b <= high; b++) {
      for (let w = 0; w < words; w++) {
        const into = this.liveIn[b * words + w];
        for (let rest = into & ~seen[w]; rest !== 0; rest &= rest - 1)
          openStart[crossing[first + (w << 5) + ctz32(rest)]] = flow.startOf(b);
        const out = this.liveOut(code, flow, b, words, w);
        for (let rest = out & ~into & ~seen[w]; rest !== 0; rest &= rest - 1) {
          const v = crossing[first + (w << 5) + ctz32(rest)];
          openStart[v] = this.live.def[v];
        }
        seen[w] |= into | out;
      }
    }
    seen.fill(0, 0, words);
    for (let b = high; b >= low; b--) {
      for (let w = 0; w < words; w++) {
        const into = this.liveIn[b * words + w];
        const out = this.liveOut(code, flow, b, words, w);
        for (let rest = (into | out) & ~seen[w]; rest !== 0; rest &= rest - 1) {
          const v = crossing[first + (w << 5) + ctz32(rest)];
          const end = (out & rest & -rest) !== 0 ? flow.endOf(b) : this.endInBlock(v, b, flow);
          // where it is defined it is not live before
          const home = flow.startOf(this.live.defBlock[v]);
          if (openStart[v] < home) this.live.addRange(v, openStart[v], Math.min(end, home));
          if (this.live.def[v] < end) this.live.addRange(v, Math.max(openStart[v], this.live.def[v]), end);
        }
        seen[w] |= into | out;
      }
    }
  }

  /** The end of the last use of v in block b; the cursor `fill` moves over the uses up to there. */
  private endInBlock(v: number, b: number, flow: Flow): number {
    const end = flow.endOf(b);
    let latest = 0;
    let u = this.cursor[v];
    for (; u < this.live.useStart[v + 1] && this.live.usePosition[u] < end; u++)
      latest = Math.max(latest, this.live.useEnd(u));
    this.cursor[v] = u;
    return latest;
  }
}
