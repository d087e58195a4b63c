// Live intervals: the pieces into which allocation cuts the life of a virtual register, each with one place. A
// register's segments form a list in order of position; a segment is a list of ranges of Liveness, so that
// cutting moves no ranges but at most divides one.

import { IntColumn } from "../base/columns.ts";
import type { Liveness } from "./liveness.ts";

/** Places of segments besides physical registers: not decided; in the slot of the register (or rematerialised). */
export const UNDECIDED = -1;
export const IN_MEMORY = -2;

export class Intervals {
  private live: Liveness;
  readonly vreg: IntColumn;
  readonly firstRange: IntColumn;
  readonly start: IntColumn;
  readonly end: IntColumn;
  readonly place: IntColumn;
  /** The following segment of the same register, or -1. */
  readonly next: IntColumn;
  /** First segment of each virtual register, or -1. */
  readonly firstOf: IntColumn;

  constructor(live: Liveness) {
    this.live = live;
    this.vreg = new IntColumn();
    this.firstRange = new IntColumn();
    this.start = new IntColumn();
    this.end = new IntColumn();
    this.place = new IntColumn();
    this.next = new IntColumn();
    this.firstOf = new IntColumn();
  }

  /** Makes one segment of each virtual register that is live anywhere. */
  prepare(): void {
    const live = this.live;
    for (const column of [
      this.vreg,
      this.firstRange,
      this.start,
      this.end,
      this.place,
      this.next,
      this.firstOf,
    ])
      column.clear();
    for (let v = 0; v < live.vregs; v++) {
      let range = live.firstRange[v];
      if (range < 0) {
        this.firstOf.push(-1);
        continue;
      }
      const first = range;
      while (live.rangeNext.data[range] >= 0) range = live.rangeNext.data[range];
      this.firstOf.push(this.add(v, first, live.rangeEnd.data[range], -1));
    }
  }

  private add(v: number, range: number, end: number, next: number): number {
    this.vreg.push(v);
    this.firstRange.push(range);
    this.start.push(this.live.rangeStart.data[range]);
    this.end.push(end);
    this.place.push(UNDECIDED);
    return this.next.push(next);
  }

  /** Cuts segment s at a position inside it; yields the part after, which may start later: behind a hole. */
  split(s: number, position: number): number {
    const { rangeStart, rangeEnd, rangeNext } = this.live;
    let range = this.firstRange.data[s];
    let previous = -1;
    while (rangeEnd.data[range] <= position) {
      previous = range;
      range = rangeNext.data[range];
    }
    let tail = range;
    if (rangeStart.data[range] < position) {
      tail = this.live.newRange(position, rangeEnd.data[range], rangeNext.data[range]);
      rangeEnd.data[range] = position;
      previous = range;
    }
    rangeNext.data[previous] = -1;
    const rest = this.add(this.vreg.data[s], tail, this.end.data[s], this.next.data[s]);
    this.end.data[s] = rangeEnd.data[previous];
    this.next.data[s] = rest;
    return rest;
  }
}
