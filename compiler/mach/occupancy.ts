// Which ranges of which physical register are taken: by instructions (Liveness: calls, FIXED operands) and by the
// segments assigned so far. Assigned ranges of one register are disjoint and kept, sorted, in a skip list whose
// nodes are the ranges (Pugh, "Skip lists", CACM 1990; the levels are a hash of the range's number, so that output
// is reproducible). Questions are about positions from the current one of the scan on, which only grows: ranges
// that it has passed are dropped on the way.

import { IntColumn } from "../base/columns.ts";
import { ctz32 } from "../base/int64.ts";
import { FIRST_VREG } from "./code.ts";
import { NOWHERE_AHEAD } from "./flow.ts";
import type { Intervals } from "./intervals.ts";
import type { Limits } from "./limits.ts";
import type { Liveness } from "./liveness.ts";

const LEVELS = 8;

export class Occupancy {
  private readonly live: Liveness;
  private readonly intervals: Intervals;
  /** How many ranges of a segment are looked at: no segment with more is ever assigned. */
  private readonly segmentRanges: number;
  /** First node of each level of each register. */
  private readonly heads: Int32Array<ArrayBuffer>;
  /** Levels in use of each register. */
  private readonly height: Int32Array<ArrayBuffer>;
  /** Next node at level 0; where the pointers of the levels above are; the segment of a node. By range. */
  private readonly after: IntColumn;
  private readonly tower: IntColumn;
  private readonly owner: IntColumn;
  private readonly towers: IntColumn;
  /** First range that an instruction takes and the scan has not passed. */
  private readonly cursor: Int32Array<ArrayBuffer>;
  /** Position of the scan. */
  now: number;

  constructor(live: Liveness, intervals: Intervals, limits: Limits) {
    this.live = live;
    this.intervals = intervals;
    this.segmentRanges = limits.segmentRanges;
    this.heads = new Int32Array(FIRST_VREG * LEVELS);
    this.height = new Int32Array(FIRST_VREG);
    this.after = new IntColumn();
    this.tower = new IntColumn();
    this.owner = new IntColumn();
    this.towers = new IntColumn();
    this.cursor = new Int32Array(FIRST_VREG);
    this.now = 0;
  }

  prepare(): void {
    this.heads.fill(-1);
    this.height.fill(1);
    this.after.clear();
    this.tower.clear();
    this.owner.clear();
    this.towers.clear();
    this.cursor.set(this.live.fixedStart);
    this.now = 0;
  }

  /** The node after `node` (-1: the head) at a level. */
  private nextAt(register: number, node: number, level: number): number {
    if (node < 0) return this.heads[register * LEVELS + level];
    return level === 0 ? this.after.data[node] : this.towers.data[this.tower.data[node] + level];
  }

  private link(register: number, node: number, level: number, to: number): void {
    if (node < 0) this.heads[register * LEVELS + level] = to;
    else if (level === 0) this.after.data[node] = to;
    else this.towers.data[this.tower.data[node] + level] = to;
  }

  private levelOf(range: number): number {
    return Math.min(ctz32(Math.imul(range + 1, 0x9e3779b1) >>> 8) >> 1, LEVELS - 1);
  }

  private insert(register: number, range: number, segment: number): void {
    const { after, tower, owner } = this;
    const starts = this.live.rangeStart.data;
    if (range >= after.length) {
      const n = Math.max(this.live.rangeStart.length, range + 1);
      after.resize(n, -1);
      tower.resize(n, -1);
      owner.resize(n, -1);
    }
    owner.data[range] = segment;
    const level = this.levelOf(range);
    if (level > 0 && tower.data[range] < 0) {
      tower.data[range] = this.towers.length - 1;
      for (let l = 0; l < level; l++) this.towers.push(-1);
    }
    if (level >= this.height[register]) this.height[register] = level + 1;
    const start = starts[range];
    let at = -1;
    for (let l = this.height[register] - 1; l >= 0; l--) {
      let n = this.nextAt(register, at, l);
      while (n >= 0 && starts[n] < start) {
        at = n;
        n = this.nextAt(register, n, l);
      }
      if (l > level) continue;
      this.link(register, range, l, n);
      this.link(register, at, l, range);
    }
  }

  /** Takes a node out; nothing happens if it has been dropped already. */
  private remove(register: number, range: number): void {
    const starts = this.live.rangeStart.data;
    const start = starts[range];
    let at = -1;
    for (let l = this.height[register] - 1; l >= 0; l--) {
      let n = this.nextAt(register, at, l);
      while (n >= 0 && starts[n] < start) {
        at = n;
        n = this.nextAt(register, n, l);
      }
      if (n === range) this.link(register, at, l, this.nextAt(register, n, l));
    }
  }

  /** The first node that ends after the current position, or -1. */
  private head(register: number): number {
    const ends = this.live.rangeEnd.data;
    const base = register * LEVELS;
    for (;;) {
      const first = this.heads[base];
      if (first < 0 || ends[first] > this.now) return first;
      for (let l = this.levelOf(first); l >= 0; l--)
        if (this.heads[base + l] === first) this.heads[base + l] = this.nextAt(register, first, l);
    }
  }

  /** The first node that ends after `position`, at or after `node`, or -1. */
  private seek(register: number, node: number, position: number): number {
    const ends = this.live.rangeEnd.data;
    for (let steps = 0; steps < 4; steps++) {
      if (node < 0 || ends[node] > position) return node;
      node = this.after.data[node];
    }
    let at = -1;
    for (let l = this.height[register] - 1; l >= 0; l--) {
      let n = this.nextAt(register, at, l);
      while (n >= 0 && ends[n] <= position) {
        at = n;
        n = this.nextAt(register, n, l);
      }
    }
    return this.nextAt(register, at, 0);
  }

  /** Assigns segment s to a register: no other segment has any of its ranges. */
  occupy(register: number, s: number): void {
    this.intervals.place.data[s] = register;
    const next = this.live.rangeNext.data;
    for (let range = this.intervals.firstRange.data[s]; range >= 0; range = next[range])
      this.insert(register, range, s);
  }

  /** Takes the ranges of segment s that start at `position` or later away from its register. */
  vacate(s: number, position: number): void {
    const register = this.intervals.place.data[s];
    const { rangeStart, rangeNext } = this.live;
    for (let range = this.intervals.firstRange.data[s]; range >= 0; range = rangeNext.data[range])
      if (rangeStart.data[range] >= position) this.remove(register, range);
  }

  /** The segment that is in a register at the current position, or -1. */
  occupant(register: number): number {
    const node = this.head(register);
    return node >= 0 && this.live.rangeStart.data[node] <= this.now ? this.owner.data[node] : -1;
  }

  /**
   * The first position, from the current one on, at which segment s cannot be in a register because another
   * segment, but `except`, or an instruction has it; NOWHERE_AHEAD if it can be there all its life. Of segments
   * with very many ranges it looks at the first of them, and reports the next as a conflict.
   */
  conflict(register: number, s: number, except: number): number {
    const first = this.intervals.firstRange.data[s];
    const last = this.horizon(first);
    const limit = Math.min(last, this.instructionConflict(register, s, first, last));
    const starts = this.live.rangeStart.data;
    const ends = this.live.rangeEnd.data;
    const next = this.live.rangeNext.data;
    let own = first;
    let node = this.head(register);
    while (node >= 0 && own >= 0) {
      if (starts[own] >= limit) break;
      if (ends[node] <= starts[own]) {
        node = this.seek(register, node, starts[own]);
      } else if (ends[own] <= starts[node]) {
        own = next[own];
      } else if (this.owner.data[node] === except) {
        node = this.after.data[node];
      } else {
        return Math.min(limit, Math.max(starts[own], starts[node]));
      }
    }
    return limit;
  }

  /** The start of the range that is too many to look at. */
  private horizon(first: number): number {
    const next = this.live.rangeNext.data;
    let range = first;
    for (let n = 0; range >= 0 && n < this.segmentRanges; n++) range = next[range];
    return range < 0 ? NOWHERE_AHEAD : this.live.rangeStart.data[range];
  }

  private instructionConflict(register: number, s: number, first: number, horizon: number): number {
    const { takenStart, takenEnd, takenFor } = this.live;
    const starts = this.live.rangeStart.data;
    const ends = this.live.rangeEnd.data;
    const v = this.intervals.vreg.data[s];
    const last = this.live.fixedEnd[register];
    let at = this.cursor[register];
    while (at < last && takenEnd[at] <= this.now) at++;
    this.cursor[register] = at;
    for (let own = first; own >= 0 && starts[own] < horizon; own = this.live.rangeNext.data[own]) {
      at = firstAfter(takenEnd, at, last, starts[own]);
      while (at < last && takenStart[at] < ends[own]) {
        if (takenFor[at] !== v) return Math.max(takenStart[at], starts[own]);
        at++;
      }
      if (at === last) break;
    }
    return NOWHERE_AHEAD;
  }
}

/** The first index in [from, to) whose entry is above x: by doubling steps, as it tends to be near. */
function firstAfter(sorted: Int32Array, from: number, to: number, x: number): number {
  if (from >= to || sorted[from] > x) return from;
  let step = 1;
  let low = from; // sorted[low] <= x
  while (low + step < to && sorted[low + step] <= x) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, to);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= x) low = middle;
    else high = middle;
  }
  return high;
}
