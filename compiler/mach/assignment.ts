// Where each virtual register is at each position, after the scan: its ranges with their places, flat and sorted.

import { grown, IntColumn } from "../base/columns.ts";
import { SPILLED } from "./code.ts";
import { IN_MEMORY, type Intervals } from "./intervals.ts";
import type { Liveness } from "./liveness.ts";

/** The place of a constant that is in no register: it is made again where it is wanted. */
export const REPEATABLE = -1;

export class Assignment {
  /** Pieces of virtual register v: first[v] … first[v + 1]. */
  first: Int32Array<ArrayBuffer>;
  start: Int32Array<ArrayBuffer>;
  end: Int32Array<ArrayBuffer>;
  /** A register; a slot; REPEATABLE; IN_MEMORY until slots are known. */
  place: Int32Array<ArrayBuffer>;

  /** By virtual register: the place of its pieces in memory. */
  private memory: Int32Array<ArrayBuffer>;
  // the pieces while they are written anew
  private nextFirst: Int32Array<ArrayBuffer>;
  private readonly nextStart: IntColumn;
  private readonly nextEnd: IntColumn;
  private readonly nextPlace: IntColumn;

  constructor() {
    this.first = new Int32Array(0);
    this.start = new Int32Array(0);
    this.end = new Int32Array(0);
    this.place = new Int32Array(0);
    this.memory = new Int32Array(0);
    this.nextFirst = new Int32Array(0);
    this.nextStart = new IntColumn();
    this.nextEnd = new IntColumn();
    this.nextPlace = new IntColumn();
  }

  private reserve(n: number): void {
    if (this.start.length >= n) return;
    this.start = grown(this.start, n);
    this.end = new Int32Array(this.start.length);
    this.place = new Int32Array(this.start.length);
  }

  collect(live: Liveness, intervals: Intervals): void {
    const total = live.rangeStart.length;
    if (this.first.length < live.vregs + 1) {
      this.first = grown(this.first, live.vregs + 1);
      this.nextFirst = new Int32Array(this.first.length);
      this.memory = new Int32Array(this.first.length);
    }
    this.reserve(total);
    const { first, start, end, place } = this;
    const { rangeStart, rangeEnd, rangeNext } = live;
    let n = 0;
    for (let v = 0; v < live.vregs; v++) {
      first[v] = n;
      for (let s = intervals.firstOf.get(v); s >= 0; s = intervals.next.data[s]) {
        for (let r = intervals.firstRange.data[s]; r >= 0; r = rangeNext.data[r]) {
          start[n] = rangeStart.data[r];
          end[n] = rangeEnd.data[r];
          place[n++] = intervals.place.data[s];
        }
      }
    }
    first[live.vregs] = n;
  }

  /** Tells pieces in memory where that is. */
  setSlot(v: number, slot: number): void {
    const place = slot < 0 ? REPEATABLE : SPILLED - slot;
    this.memory[v] = place;
    for (let n = this.first[v]; n < this.first[v + 1]; n++)
      if (this.place[n] === IN_MEMORY) this.place[n] = place;
  }

  /** The place of v where it is in no register, after setSlot. */
  memoryOf(v: number): number {
    return this.memory[v];
  }

  // --- writing anew: for each register in order `begin` and some `put`, or `keep`; then `finish` -----------------

  begin(v: number): void {
    if (v === 0) {
      this.nextStart.clear();
      this.nextEnd.clear();
      this.nextPlace.clear();
    }
    this.nextFirst[v] = this.nextStart.length;
  }

  put(start: number, end: number, place: number): void {
    this.nextStart.push(start);
    this.nextEnd.push(end);
    this.nextPlace.push(place);
  }

  keep(v: number): void {
    this.begin(v);
    for (let n = this.first[v]; n < this.first[v + 1]; n++)
      this.put(this.start[n], this.end[n], this.place[n]);
  }

  finish(vregs: number): void {
    const n = this.nextStart.length;
    this.nextFirst[vregs] = n;
    this.first.set(this.nextFirst.subarray(0, vregs + 1));
    this.reserve(n);
    this.start.set(this.nextStart.data.subarray(0, n));
    this.end.set(this.nextEnd.data.subarray(0, n));
    this.place.set(this.nextPlace.data.subarray(0, n));
  }

  /** The piece of v that covers a position, or -1: v is not live there. */
  pieceAt(v: number, position: number): number {
    let low = this.first[v];
    let high = this.first[v + 1];
    // the last piece that starts at or before the position
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.start[middle] <= position) low = middle;
      else high = middle;
    }
    return low < high && this.start[low] <= position && position < this.end[low] ? low : -1;
  }

  /** True when the two are never live at once; gives up, with false, after `patience` steps. */
  areDisjoint(v: number, w: number, patience: number): boolean {
    let a = this.first[v];
    let b = this.first[w];
    for (let steps = 0; a < this.first[v + 1] && b < this.first[w + 1]; steps++) {
      if (steps > patience) return false;
      if (this.end[a] <= this.start[b]) a++;
      else if (this.end[b] <= this.start[a]) b++;
      else return false;
    }
    return true;
  }
}
