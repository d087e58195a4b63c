// Spill slots: one for each spilled register, shared by those that are never live at once. Parameters of blocks
// and their arguments come first: in one slot, they need no move. Then slots are coloured as intervals are, by
// walking from the first position to the last.

import { grown, IntColumn } from "../base/columns.ts";
import type { Assignment } from "./assignment.ts";
import { type Code, FIRST_VREG } from "./code.ts";
import type { Liveness } from "./liveness.ts";
import { slotSizeOf } from "./registers.ts";

/** At most so many registers are united into one bundle, after so many comparisons of ranges each. */
const BUNDLE = 12;
const PATIENCE = 64;

export class Slots {
  /** Slot of each virtual register (a number in code.slots), or -1. */
  of: Int32Array<ArrayBuffer>;
  private leader: Int32Array<ArrayBuffer>;
  private following: Int32Array<ArrayBuffer>;
  private readonly bundles: IntColumn;
  private readonly begin: IntColumn;
  private readonly finish: IntColumn;
  private readonly byStart: IntColumn;
  private readonly busy: IntColumn;
  /** Slots free again, of 8 and of 16 bytes. */
  private readonly free: readonly IntColumn[];

  constructor() {
    this.of = new Int32Array(0);
    this.leader = new Int32Array(0);
    this.following = new Int32Array(0);
    this.bundles = new IntColumn();
    this.begin = new IntColumn();
    this.finish = new IntColumn();
    this.byStart = new IntColumn();
    this.busy = new IntColumn();
    this.free = [new IntColumn(), new IntColumn()];
  }

  /** Appends slots to code.slots for the registers in `spilled` that are no constants, and tells the assignment. */
  assign(code: Code, live: Liveness, assignment: Assignment, spilled: Uint8Array): void {
    const n = live.vregs;
    if (this.of.length < n) {
      this.of = grown(this.of, n);
      this.leader = new Int32Array(this.of.length);
      this.following = new Int32Array(this.of.length);
    }
    this.of.fill(-1, 0, n);
    let any = false;
    for (let v = 0; v < n; v++) {
      const needs = spilled[v] !== 0 && live.constant[v] === 0;
      this.leader[v] = needs ? v : -1;
      this.following[v] = -1;
      any ||= needs;
    }
    if (any) {
      this.unite(code, assignment);
      this.colour(code, live, assignment);
    }
    for (let v = 0; v < n; v++) if (spilled[v] !== 0) assignment.setSlot(v, this.of[v]);
  }

  private find(v: number): number {
    const leader = this.leader;
    while (leader[v] !== v) {
      leader[v] = leader[leader[v]];
      v = leader[v];
    }
    return v;
  }

  private unite(code: Code, assignment: Assignment): void {
    for (let e = 0; e < code.edgeFrom.length; e++) {
      const args = code.edgeStart.get(e);
      const params = code.paramStart.get(code.edgeTo.get(e));
      for (let k = 0; k < code.edgeCount.get(e); k++) {
        const v = code.argPool.get(args + k) - FIRST_VREG;
        const w = code.paramPool.get(params + k) - FIRST_VREG;
        if (v < 0 || this.leader[v] < 0 || this.leader[w] < 0) continue;
        if (slotSizeOf(code.vregType.get(v)) !== slotSizeOf(code.vregType.get(w))) continue;
        const a = this.find(v);
        const b = this.find(w);
        if (a === b || !this.canUnite(a, b, assignment)) continue;
        let last = a;
        while (this.following[last] >= 0) last = this.following[last];
        this.following[last] = b;
        this.leader[b] = a;
      }
    }
  }

  private canUnite(a: number, b: number, assignment: Assignment): boolean {
    let members = 0;
    for (let v = a; v >= 0; v = this.following[v]) {
      for (let w = b; w >= 0; w = this.following[w])
        if (++members > BUNDLE * 3 || !assignment.areDisjoint(v, w, PATIENCE)) return false;
    }
    return true;
  }

  private colour(code: Code, live: Liveness, assignment: Assignment): void {
    const { bundles, begin, finish, byStart, busy } = this;
    for (const column of [bundles, begin, finish, byStart, busy, ...this.free]) column.clear();
    for (let v = 0; v < live.vregs; v++) {
      if (this.leader[v] !== v) continue;
      let from = assignment.start[assignment.first[v]];
      let to = 0;
      for (let w = v; w >= 0; w = this.following[w]) {
        from = Math.min(from, assignment.start[assignment.first[w]]);
        to = Math.max(to, assignment.end[assignment.first[w + 1] - 1]);
      }
      byStart.push(bundles.push(v));
      begin.push(from);
      finish.push(to);
    }
    byStart.data
      .subarray(0, byStart.length)
      .sort((a, b) => begin.data[a] - begin.data[b] || bundles.data[a] - bundles.data[b]);
    for (let k = 0; k < byStart.length; k++) {
      const bundle = byStart.get(k);
      const leader = bundles.get(bundle);
      while (busy.length > 0 && finish.get(busy.get(0)) <= begin.get(bundle)) {
        const done = bundles.get(this.leave());
        this.free[slotSizeOf(code.vregType.get(done)) >> 4].push(this.of[done]);
      }
      const size = slotSizeOf(code.vregType.get(leader));
      const free = this.free[size >> 4];
      const slot = free.length > 0 ? free.pop() : code.slots.push(size);
      for (let w = leader; w >= 0; w = this.following[w]) this.of[w] = slot;
      this.enter(bundle);
    }
  }

  // bundles that have their slots: a binary heap by end

  private enter(bundle: number): void {
    const { busy, finish } = this;
    let at = busy.push(bundle);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (finish.data[busy.data[parent]] <= finish.data[bundle]) break;
      busy.data[at] = busy.data[parent];
      at = parent;
    }
    busy.data[at] = bundle;
  }

  private leave(): number {
    const { busy, finish } = this;
    const top = busy.data[0];
    const bundle = busy.pop();
    const n = busy.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= n) break;
      if (child + 1 < n && finish.data[busy.data[child + 1]] < finish.data[busy.data[child]]) child++;
      if (finish.data[busy.data[child]] >= finish.data[bundle]) break;
      busy.data[at] = busy.data[child];
      at = child;
    }
    if (n > 0) busy.data[at] = bundle;
    return top;
  }
}
