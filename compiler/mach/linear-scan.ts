// Linear scan over live intervals: walks segments by start, gives each a register, and where there is none for all
// its life chooses the cheapest of: one that is free for a while (the segment is cut there), one whose occupant is
// evicted, or the slot until the next use that needs a register.
//
// After Wimmer & Mössenböck, "Optimized Interval Splitting in a Linear Scan Register Allocator" (VEE 2005), with
// costs instead of distances: what a choice makes the program execute, by the frequencies of Flow. Cuts, spills and
// reloads move out of the loops that do not use the register. Distances decide between equal costs (Belady).
//
// Requires: Flow, Liveness. Leaves: every segment with a place; segments that begin in the middle of an instruction
// are in memory and their registers marked in `storeEarly`. A segment in a register begins at a definition, at the
// start of a block, or at EARLY of an instruction, where moves can be made.

import { grown, grown8, IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import type { f64 } from "../base/numbers.ts";
import { type Code, FIRST_VREG } from "./code.ts";
import { EARLY, type Flow, NOWHERE_AHEAD } from "./flow.ts";
import { IN_MEMORY, type Intervals, UNDECIDED } from "./intervals.ts";
import type { Limits } from "./limits.ts";
import { LIKES_REGISTER, type Liveness, NEEDS_REGISTER } from "./liveness.ts";
import { Occupancy } from "./occupancy.ts";
import { classOf, classOfRegister, type RegisterInfo } from "./registers.ts";

/** A use from a slot costs this much of a reload; a repeated constant this much of one. */
const FROM_SLOT = 0.25;
const REPEATED = 0.5;
/** How many uses the cost of spilling looks at. */
const FORESIGHT = 12;
/** How many segments of a register are looked through to find where it was. */
const PATIENCE = 32;

export class LinearScan {
  private readonly flow: Flow;
  private readonly live: Liveness;
  private readonly intervals: Intervals;
  private readonly occupancy: Occupancy;

  /** By virtual register: 1 if some segment is in memory; if its slot must be written where it is defined. */
  spilled: Uint8Array<ArrayBuffer>;
  storeEarly: Uint8Array<ArrayBuffer>;
  /** Class of each virtual register, and the physical one it was last given, or -1. */
  private classes: Uint8Array<ArrayBuffer>;
  private latest: Int32Array<ArrayBuffer>;

  /** Physical registers, as bits: that may be allocated, that cost nothing (any more), that are in use. */
  private readonly allocatable: Uint8Array<ArrayBuffer>;
  private readonly gratis: Uint8Array<ArrayBuffer>;
  readonly used: Uint8Array<ArrayBuffer>;
  /** By class: registers in order of preference of segments that no call destroys, and that one does. */
  private readonly plain: IntColumn[];
  private readonly across: IntColumn[];

  private order: Int32Array<ArrayBuffer>;
  private readonly bucket: IntColumn;
  private readonly queue: IntColumn;
  private now: number;
  private nextClobber: number;

  constructor(flow: Flow, live: Liveness, intervals: Intervals, limits: Limits) {
    this.flow = flow;
    this.live = live;
    this.intervals = intervals;
    this.occupancy = new Occupancy(live, intervals, limits);
    this.spilled = new Uint8Array(0);
    this.storeEarly = new Uint8Array(0);
    this.classes = new Uint8Array(0);
    this.latest = new Int32Array(0);
    this.allocatable = new Uint8Array(FIRST_VREG);
    this.gratis = new Uint8Array(FIRST_VREG);
    this.used = new Uint8Array(FIRST_VREG);
    this.plain = [new IntColumn(), new IntColumn()];
    this.across = [new IntColumn(), new IntColumn()];
    this.order = new Int32Array(0);
    this.bucket = new IntColumn();
    this.queue = new IntColumn();
    this.now = 0;
    this.nextClobber = 0;
  }

  run(code: Code, registers: RegisterInfo): void {
    this.prepare(code, registers);
    const starts = this.intervals.start;
    const count = this.sortByStart(code.count);
    const queue = this.queue;
    let at = 0;
    let block = 0;
    for (;;) {
      const ahead = at < count ? starts.get(this.order[at]) : NOWHERE_AHEAD;
      const queued = queue.length > 0 ? starts.get(queue.get(0)) : NOWHERE_AHEAD;
      const next = Math.min(ahead, queued);
      if (block < this.flow.blocks && this.flow.startOf(block) <= next) {
        this.reach(this.flow.startOf(block));
        this.enter(code, block++);
        continue;
      }
      if (next === NOWHERE_AHEAD) break;
      this.reach(next);
      // what goes on from elsewhere comes first: it is in a register already
      if (queued <= ahead) this.allocate(this.dequeue());
      else this.allocate(this.order[at++]);
    }
  }

  private reach(position: number): void {
    this.now = position;
    this.occupancy.now = position;
  }

  private prepare(code: Code, registers: RegisterInfo): void {
    const n = this.live.vregs;
    if (this.spilled.length < n) {
      this.spilled = grown8(this.spilled, n);
      this.storeEarly = new Uint8Array(this.spilled.length);
      this.classes = new Uint8Array(this.spilled.length);
      this.latest = new Int32Array(this.spilled.length);
    }
    this.spilled.fill(0, 0, n);
    this.storeEarly.fill(0, 0, n);
    this.latest.fill(-1, 0, n);
    for (let v = 0; v < n; v++) this.classes[v] = classOf(code.vregType.get(v));
    this.allocatable.fill(0);
    this.gratis.fill(1);
    this.used.fill(0);
    for (let c = 0; c < this.plain.length; c++) {
      const list = registers.allocatable[c];
      this.plain[c].clear();
      this.across[c].clear();
      for (let k = 0; k < list.length; k++) {
        this.allocatable[list[k]] = 1;
        this.gratis[list[k]] = registers.calleeSaved.has(list[k]) ? 0 : 1;
        this.plain[c].push(list[k]);
        if (this.gratis[list[k]] === 0) this.across[c].push(list[k]);
      }
      for (let k = 0; k < list.length; k++) if (this.gratis[list[k]] !== 0) this.across[c].push(list[k]);
    }
    this.queue.clear();
    this.nextClobber = 0;
    this.intervals.prepare();
    this.occupancy.prepare();
    this.placeFixedDefinitions();
  }

  /** What FIXED definitions leave in their registers stays there until moves can be made. */
  private placeFixedDefinitions(): void {
    const { intervals, live, flow } = this;
    for (let v = 0; v < live.vregs; v++) {
      const r = live.defFixed[v];
      let s = intervals.firstOf.get(v);
      if (r < 0 || s < 0) continue;
      // in blocks laid out before the definition it may be live too
      if (intervals.start.get(s) < live.def[v]) s = intervals.split(s, live.def[v]);
      const i = live.defInstruction[v];
      const until = flow.lastInstruction(flow.blockOf[i]) === i ? 4 * i + 4 : 4 * i + 5;
      if (intervals.end.get(s) > until) this.enqueue(intervals.split(s, until));
      intervals.place.set(s, r);
      this.latest[v] = r;
      this.use(r);
    }
    // a register that an instruction destroys must be saved anyway, if it has to be
    for (let r = 0; r < FIRST_VREG; r++)
      if (live.clobbered[r] !== 0 && this.allocatable[r] !== 0) this.use(r);
  }

  private use(register: number): void {
    this.used[register] = 1;
    this.gratis[register] = 1;
  }

  /** Numbers of the segments not placed yet, in order of start, into `order`. */
  private sortByStart(instructions: number): number {
    const { intervals, bucket } = this;
    const starts = intervals.start.data;
    const segments = intervals.start.length;
    if (this.order.length < segments) this.order = grown(this.order, segments);
    bucket.clear();
    bucket.resize(instructions + 1, 0);
    const count = bucket.data;
    for (let v = 0; v < this.live.vregs; v++) {
      const s = intervals.firstOf.get(v);
      if (s >= 0 && intervals.place.get(s) < 0) count[starts[s] >> 2]++;
    }
    let sum = 0;
    for (let i = 0; i <= instructions; i++) {
      const n = count[i];
      count[i] = sum;
      sum += n;
    }
    for (let phase = 0; phase < 4; phase++) {
      for (let v = 0; v < this.live.vregs; v++) {
        const s = intervals.firstOf.get(v);
        if (s >= 0 && intervals.place.get(s) < 0 && (starts[s] & 3) === phase)
          this.order[count[starts[s] >> 2]++] = s;
      }
    }
    return sum;
  }

  // --- the queue of cut-off segments: a binary heap by start, then number ------------------------------------

  private before(a: number, b: number): boolean {
    const starts = this.intervals.start.data;
    return starts[a] < starts[b] || (starts[a] === starts[b] && a < b);
  }

  private enqueue(s: number): void {
    const queue = this.queue;
    let at = queue.push(s);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(s, queue.data[parent])) break;
      queue.data[at] = queue.data[parent];
      at = parent;
    }
    queue.data[at] = s;
  }

  private dequeue(): number {
    const queue = this.queue;
    const top = queue.get(0);
    const s = queue.pop();
    const n = queue.length;
    if (n === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= n) break;
      if (child + 1 < n && this.before(queue.data[child + 1], queue.data[child])) child++;
      if (!this.before(queue.data[child], s)) break;
      queue.data[at] = queue.data[child];
      at = child;
    }
    queue.data[at] = s;
    return top;
  }

  // --- blocks ---------------------------------------------------------------------------------------------------

  /**
   * At the start of a block, what is in a register in the block before, in order of code, may be elsewhere at the
   * end of all blocks that lead here: it had better stay there.
   */
  private enter(code: Code, b: number): void {
    const { flow, intervals, occupancy, now } = this;
    let differs = false;
    let isHeader = false;
    for (let k = flow.predStart[b]; k < flow.predStart[b + 1]; k++) {
      const source = code.edgeFrom.get(flow.pred[k]);
      if (source >= b) isHeader = true;
      else if (source !== b - 1) differs = true;
    }
    if (!differs) return;
    for (const list of this.plain) {
      for (let k = 0; k < list.length; k++) {
        const register = list.get(k);
        const s = occupancy.occupant(register);
        if (s < 0 || intervals.start.get(s) === now) continue;
        const v = intervals.vreg.get(s);
        if (intervals.firstOf.get(v) === s && intervals.next.get(s) < 0) continue;
        const place = this.placeBefore(code, v, b);
        if (place === IN_MEMORY && !isHeader) {
          occupancy.vacate(s, now);
          this.spill(intervals.split(s, now), now);
        } else if (place >= 0 && place !== register) {
          const limit = occupancy.conflict(place, s, -1);
          if (this.allocatable[place] === 0 || limit < flow.endOf(b)) continue;
          occupancy.vacate(s, now);
          const rest = intervals.split(s, now);
          if (limit < intervals.end.get(rest)) this.cut(rest, v, limit);
          this.give(rest, v, place);
        }
      }
    }
  }

  /** Where v is at the end of all blocks that lead to b and precede it; UNDECIDED if it differs, or there is none. */
  private placeBefore(code: Code, v: number, b: number): number {
    const { flow, intervals } = this;
    let place = UNDECIDED;
    for (let k = flow.predStart[b]; k < flow.predStart[b + 1]; k++) {
      const source = code.edgeFrom.get(flow.pred[k]);
      if (source >= b) continue;
      const last = flow.endOf(source) - 1;
      let s = intervals.firstOf.get(v);
      for (let steps = 0; s >= 0 && intervals.end.get(s) <= last; steps++) {
        if (steps === PATIENCE) return UNDECIDED;
        s = intervals.next.get(s);
      }
      const there = s < 0 ? UNDECIDED : intervals.place.get(s);
      if (there === UNDECIDED || (place !== UNDECIDED && place !== there)) return UNDECIDED;
      place = there;
    }
    return place;
  }

  // --- one segment --------------------------------------------------------------------------------------------

  private allocate(s: number): void {
    const v = this.intervals.vreg.get(s);
    if (this.takeIfFree(s, v, this.latest[v])) return;
    if (this.takeIfFree(s, v, this.live.wanted[v])) return;
    const continues = this.live.continues[v];
    if (continues >= 0 && this.takeIfFree(s, v, this.latest[continues])) return;
    const becomes = this.live.becomes[v];
    if (becomes >= 0 && this.takeIfFree(s, v, this.latest[becomes])) return;
    // the way back into a loop may be laid out before the loop: what the parameter was before it entered
    const before = becomes >= 0 ? this.live.continues[becomes] : -1;
    if (before >= 0 && this.takeIfFree(s, v, this.latest[before])) return;
    const list = this.isDestroyed(s) ? this.across[this.classes[v]] : this.plain[this.classes[v]];
    for (let k = 0; k < list.length; k++) if (this.takeIfFree(s, v, list.get(k))) return;
    this.takeCheapest(s, v, list);
  }

  private takeIfFree(s: number, v: number, register: number): boolean {
    if (register < 0 || this.allocatable[register] === 0 || this.gratis[register] === 0) return false;
    if (classOfRegister(register) !== this.classes[v]) return false;
    if (this.occupancy.conflict(register, s, -1) < this.intervals.end.get(s)) return false;
    this.give(s, v, register);
    return true;
  }

  private give(s: number, v: number, register: number): void {
    this.occupancy.occupy(register, s);
    this.latest[v] = register;
    this.use(register);
  }

  /** True when an instruction with clobbers stands between the segment's ends. */
  private isDestroyed(s: number): boolean {
    const list = this.live.clobbering;
    while (this.nextClobber < list.length && list.get(this.nextClobber) * 4 < this.now - 3)
      this.nextClobber++;
    return this.nextClobber < list.length && list.get(this.nextClobber) * 4 + 2 < this.intervals.end.get(s);
  }

  private takeCheapest(s: number, v: number, list: IntColumn): void {
    const { intervals, occupancy } = this;
    const end = intervals.end.get(s);
    const needed = this.askedUntil(v, NEEDS_REGISTER);
    const asked = this.askedUntil(v, LIKES_REGISTER);
    let best = -1;
    let bestCost: f64 = needed > 0 ? Number.POSITIVE_INFINITY : this.costOfSpilling(s, this.now);
    let bestDistance = -1;
    let bestLimit = 0;
    const useful = needed > 0 ? 0 : this.nextLiking(s, this.now);
    for (let k = 0; k < list.length; k++) {
      const register = list.get(k);
      const occupant = occupancy.occupant(register);
      if (occupant >= 0 && !this.isEvictable(occupant)) continue;
      let cost: f64 = occupant >= 0 ? this.costOfSpilling(occupant, this.now) : 0;
      if (this.gratis[register] === 0) cost += 2 * this.flow.weight[0];
      if (cost > bestCost) continue;
      const limit = occupancy.conflict(register, s, occupant);
      if (limit <= this.now || limit < asked) continue;
      if (limit < end) {
        if (useful >= limit) continue;
        cost += this.costOfSpilling(s, limit);
      }
      const distance = occupant >= 0 ? this.nextLiking(occupant, this.now) : limit;
      if (cost < bestCost || (cost === bestCost && (best < 0 || distance > bestDistance))) {
        best = register;
        bestCost = cost;
        bestDistance = distance;
        bestLimit = limit;
      }
    }
    if (best < 0) {
      if (needed > 0) unreachable("an instruction needs more registers than there are");
      this.spill(s, this.now);
      return;
    }
    const occupant = occupancy.occupant(best);
    if (occupant >= 0) this.evict(occupant);
    if (bestLimit < end) this.cut(s, v, bestLimit);
    this.give(s, v, best);
  }

  /** If uses at the current position ask for a register, at least that much: until when; else 0. */
  private askedUntil(v: number, kind: number): number {
    const { live, now } = this;
    let until = 0;
    for (let u = live.firstUse(v, now); u < live.useStart[v + 1] && live.usePosition[u] === now; u++)
      if ((live.useKind[u] & 3) >= kind) until = Math.max(until, live.useEnd(u));
    return until;
  }

  /** The position of the next use of segment s that is better made from a register, or NOWHERE_AHEAD. */
  private nextLiking(s: number, from: number): number {
    const { live, intervals } = this;
    const v = intervals.vreg.get(s);
    const last = Math.min(live.useStart[v + 1], live.firstUse(v, from) + FORESIGHT);
    for (let u = live.firstUse(v, from); u < last; u++)
      if ((live.useKind[u] & 3) >= LIKES_REGISTER)
        return live.usePosition[u] < intervals.end.get(s) ? live.usePosition[u] : NOWHERE_AHEAD;
    return NOWHERE_AHEAD;
  }

  /** True unless a use or definition at the current position asks for the register of segment s. */
  private isEvictable(s: number): boolean {
    const { live, now } = this;
    const v = this.intervals.vreg.get(s);
    for (let u = live.firstUse(v, now + 1) - 1; u >= live.useStart[v]; u--) {
      const position = live.usePosition[u];
      if (position < now - 2) break;
      const kind = live.useKind[u] & 3;
      if (position === now ? kind === NEEDS_REGISTER : kind >= LIKES_REGISTER && live.useEnd(u) > now)
        return false;
    }
    return true;
  }

  /** What it costs if segment s is in memory from position `from` on. */
  private costOfSpilling(s: number, from: number): f64 {
    const { live, flow } = this;
    const v = this.intervals.vreg.get(s);
    const end = this.intervals.end.get(s);
    const first = live.firstUse(v, from);
    const last = Math.min(live.useStart[v + 1], first + FORESIGHT);
    const reload: f64 = live.constant[v] !== 0 ? REPEATED : 1;
    let cost: f64 = 0;
    for (let u = first; u < last && live.usePosition[u] < end; u++) {
      const position = live.usePosition[u];
      const kind = live.useKind[u] & 3;
      if (kind === NEEDS_REGISTER || (kind === LIKES_REGISTER && live.constant[v] !== 0)) {
        cost += flow.weightAt(flow.outsideLoops(from, position)) * reload;
        break;
      }
      if (kind === LIKES_REGISTER) cost += flow.weight[flow.blockAt(position)] * FROM_SLOT;
    }
    // used earlier in a loop around which it is live: reloaded at each turn
    if (first > live.useStart[v]) {
      const previous = live.usePosition[first - 1];
      for (let r = flow.regionOf[flow.blockAt(from)]; r !== 0; r = flow.regionParent.get(r)) {
        const start = flow.startOf(flow.regionFirst.get(r));
        if (start > previous) continue;
        if (live.def[v] < start && end >= flow.endOf(flow.regionLast.get(r)))
          cost += flow.weight[flow.regionFirst.get(r)] * reload;
        break;
      }
    }
    if (live.constant[v] === 0 && this.spilled[v] === 0)
      cost += Math.min(flow.weight[flow.blockAt(live.def[v])], flow.weight[flow.blockAt(from)]);
    return cost;
  }

  /** The last position up to this one at which moves can be made. */
  private movable(position: number): number {
    const phase = position & 3;
    if (phase !== 0) return position - phase + EARLY;
    return position === this.flow.startOf(this.flow.blockAt(position)) ? position : position - 4 + EARLY;
  }

  /** The end of the last use of v that begins before `position` and from `from` on; -1 if there is none. */
  private lastUseBefore(v: number, from: number, position: number): number {
    const { live } = this;
    let end = -1;
    for (let u = live.firstUse(v, position) - 1; u >= live.useStart[v]; u--) {
      if (live.usePosition[u] < from || live.usePosition[u] < position - 4) {
        if (end < 0 && live.usePosition[u] >= from) end = live.useEnd(u);
        break;
      }
      end = Math.max(end, live.useEnd(u));
    }
    return end;
  }

  /** Ends segment s, about to be given a register that it can have only up to `limit`, before there. */
  private cut(s: number, v: number, limit: number): void {
    const low = Math.max(this.now, this.lastUseBefore(v, this.now, limit));
    const high = this.movable(limit);
    if (high > this.now) {
      this.enqueue(this.intervals.split(s, low < high ? this.flow.outsideLoops(low, high) : high));
      return;
    }
    this.storeEarly[v] = 1;
    this.spill(this.intervals.split(s, limit), limit);
  }

  /** Puts segment s, in a register now, into memory: from after its last use on. */
  private evict(s: number): void {
    const { intervals, occupancy, now } = this;
    const v = intervals.vreg.get(s);
    const start = intervals.start.get(s);
    const low = this.lastUseBefore(v, start, now);
    if (low < 0) {
      occupancy.vacate(s, start);
      this.spill(s, now);
      return;
    }
    const high = this.movable(now);
    let position = now;
    if (low < high) position = this.flow.outsideLoops(low, high);
    else if (low === high) position = high;
    else this.storeEarly[v] = 1;
    occupancy.vacate(s, position);
    this.spill(intervals.split(s, position), now);
  }

  /** Leaves segment s in memory, up to the next use after `from` that is worth a reload. */
  private spill(s: number, from: number): void {
    const { intervals, live, flow } = this;
    const v = intervals.vreg.get(s);
    intervals.place.set(s, IN_MEMORY);
    this.spilled[v] = 1;
    const low = Math.max(from, intervals.start.get(s));
    const end = intervals.end.get(s);
    for (let u = live.firstUse(v, low); u < live.useStart[v + 1] && live.usePosition[u] < end; u++) {
      const position = live.usePosition[u];
      const kind = live.useKind[u] & 3;
      if (kind < LIKES_REGISTER) continue;
      if (kind === LIKES_REGISTER && position === low) {
        live.constant[v] = 0; // is used from a slot, and so needs one
        continue;
      }
      const reload = flow.outsideLoops(low, position);
      if (
        kind === LIKES_REGISTER &&
        live.constant[v] === 0 &&
        flow.weightAt(reload) >= flow.weight[flow.blockAt(position)]
      )
        continue;
      this.enqueue(intervals.split(s, reload));
      return;
    }
  }
}
