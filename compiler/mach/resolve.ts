// From places of segments to places of operands, and the moves in between: at cuts inside blocks, on edges, for
// parameters of blocks, for FIXED and REUSES operands, and the stores that fill spill slots.
//
// A slot is filled once, where its register is defined, unless storing on each way from a register into memory is
// cheaper (a value that is in memory in cold code only). Edges are visited through the register segments at their
// ends, of which there are at most as many as registers, never through all values live there.
//
// Requires: Flow, Liveness, Assignment with slots. Leaves: code.place, and the moves in their order.

import { grown, IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import type { f64 } from "../base/numbers.ts";
import { PTR } from "../ir/ops.ts";
import { type Assignment, REPEATABLE } from "./assignment.ts";
import {
  argumentOf,
  type Code,
  DEF,
  FIRST_VREG,
  FIXED,
  OVERLAPS,
  policyOf,
  REUSES,
  roleOf,
  SPILLED,
  USE,
} from "./code.ts";
import { EARLY, type Flow, GAP, sortByKey } from "./flow.ts";
import type { Liveness } from "./liveness.ts";
import { ParallelMoves } from "./moves.ts";
import type { RegisterInfo } from "./registers.ts";
import type { Slots } from "./slots.ts";

/** The three groups before one instruction: an edge into its block, its own, an edge out of its block. */
const ENTERING = 0;
const OWN = 1;
const LEAVING = 2;

export class Resolution {
  private readonly flow: Flow;
  private readonly live: Liveness;
  private readonly assignment: Assignment;
  private readonly slots: Slots;
  private readonly parallel: ParallelMoves;

  // moves as they are found: group (3 × instruction + which), places, register whose value it is
  private readonly group: IntColumn;
  private readonly from: IntColumn;
  private readonly to: IntColumn;
  private readonly vreg: IntColumn;
  /** 1: a store into the slot of `vreg`, needless where that was filled at the definition. */
  private readonly isStore: IntColumn;

  /** By virtual register: what storing on the way into memory costs; 1 if its slot is filled at the definition. */
  private cost: Float64Array<ArrayBuffer>;
  private filled: Uint8Array<ArrayBuffer>;

  private groupStart: Int32Array<ArrayBuffer>;
  private sorted: Int32Array<ArrayBuffer>;

  constructor(flow: Flow, live: Liveness, assignment: Assignment, slots: Slots) {
    this.flow = flow;
    this.live = live;
    this.assignment = assignment;
    this.slots = slots;
    this.parallel = new ParallelMoves();
    this.group = new IntColumn();
    this.from = new IntColumn();
    this.to = new IntColumn();
    this.vreg = new IntColumn();
    this.isStore = new IntColumn();
    this.cost = new Float64Array(0);
    this.filled = new Uint8Array(0);
    this.groupStart = new Int32Array(0);
    this.sorted = new Int32Array(0);
  }

  run(code: Code, registers: RegisterInfo, storeEarly: Uint8Array): void {
    const n = this.live.vregs;
    for (const column of [this.group, this.from, this.to, this.vreg, this.isStore]) column.clear();
    if (this.cost.length < n) {
      this.cost = new Float64Array(2 * n);
      this.filled = new Uint8Array(2 * n);
    }
    this.cost.fill(0, 0, n);
    this.filled.fill(0, 0, n);
    this.placeOperands(code);
    for (let v = 0; v < n; v++) {
      const pieces = this.assignment.first[v + 1] - this.assignment.first[v];
      if (pieces > 1) this.connect(code, v);
    }
    this.passArguments(code);
    for (let v = 0; v < n; v++) if (this.slots.of[v] >= 0) this.fillSlot(code, v, storeEarly[v] !== 0);
    this.writeMoves(code, registers);
  }

  private add(group: number, from: number, to: number, v: number, isStore: number): void {
    if (from === to) return;
    this.group.push(group);
    this.from.push(from);
    this.to.push(to);
    this.vreg.push(v);
    this.isStore.push(isStore);
  }

  /** Moves v; into its slot only if need be. */
  private transfer(group: number, from: number, to: number, v: number, weight: f64): void {
    if (from === to || to === REPEATABLE) return;
    if (to <= SPILLED) this.cost[v] += weight;
    this.add(group, from, to, v, to <= SPILLED ? 1 : 0);
  }

  /** Where v is at a position at which it is live. */
  private placeAt(v: number, position: number): number {
    const piece = this.assignment.pieceAt(v, position);
    if (piece < 0) unreachable("a register is used where it is not live");
    return this.assignment.place[piece];
  }

  private placeOperands(code: Code): void {
    const register = code.register.data;
    const constraint = code.constraint.data;
    const place = code.place.data;
    for (let i = 0; i < code.count; i++) {
      const from = code.operandStart[i];
      const to = from + code.operandCount[i];
      const own = 3 * i + OWN;
      let reuse = false;
      for (let k = from; k < to; k++) {
        const c = constraint[k];
        const v = register[k] - FIRST_VREG;
        if (v < 0 || roleOf(c) === USE) continue;
        place[k] = policyOf(c) === FIXED ? argumentOf(c) : this.placeAt(v, this.live.def[v]);
        if (policyOf(c) === REUSES) reuse = true;
      }
      for (let k = from; k < to; k++) {
        const c = constraint[k];
        const v = register[k] - FIRST_VREG;
        if (roleOf(c) === DEF) continue;
        const reusing = reuse ? reuserOf(code, from, to, k) : -1;
        if (reusing >= 0) {
          if (from + argumentOf(constraint[reusing]) === k)
            this.add(own, v < 0 ? register[k] : this.placeAt(v, 4 * i + GAP), place[reusing], v, 0);
          place[k] = place[reusing];
        } else if (v >= 0 && policyOf(c) === FIXED) {
          place[k] = argumentOf(c);
          this.add(own, this.placeAt(v, 4 * i + GAP), place[k], v, 0);
        } else if (v >= 0) {
          place[k] = this.placeAt(v, 4 * i + EARLY);
        }
      }
    }
  }

  /** The group in which the moves of an edge are made. */
  private groupOf(code: Code, edge: number): number {
    const source = code.edgeFrom.get(edge);
    const target = code.edgeTo.get(edge);
    const last = this.flow.lastInstruction(source);
    if (this.flow.successors(source) === 1 && code.operandCount[last] === 0) return 3 * last + LEAVING;
    if (this.flow.predecessors(target) !== 1) unreachable("a critical edge");
    return 3 * this.flow.firstInstruction(target) + ENTERING;
  }

  private weightOf(group: number): f64 {
    return this.flow.weight[this.flow.blockOf[(group / 3) | 0]];
  }

  /** Moves v between its pieces. */
  private connect(code: Code, v: number): void {
    const { assignment, flow } = this;
    const { start, end, place } = assignment;
    for (let n = assignment.first[v]; n < assignment.first[v + 1]; n++) {
      const at = start[n];
      const block = flow.blockAt(at);
      const begins = at === flow.startOf(block);
      if (!begins && n > assignment.first[v] && end[n - 1] === at && (at & 3) === EARLY)
        this.transfer(3 * (at >> 2) + OWN, place[n - 1], place[n], v, flow.weight[block]);
      if (place[n] < 0) continue;
      // edges from and to other places, seen from this register
      const last = flow.blockAt(end[n] - 1);
      for (let b = begins ? block : block + 1; b <= last; b++) {
        if (flow.startOf(b) === this.live.def[v]) continue;
        for (let k = flow.predStart[b]; k < flow.predStart[b + 1]; k++) {
          const edge = flow.pred[k];
          const source = assignment.pieceAt(v, flow.endOf(code.edgeFrom.get(edge)) - 1);
          if (source < 0 || place[source] === place[n]) continue;
          const group = this.groupOf(code, edge);
          this.transfer(group, place[source], place[n], v, this.weightOf(group));
        }
      }
      for (let b = block; b <= last && flow.endOf(b) <= end[n]; b++) {
        for (let k = flow.succStart[b]; k < flow.succStart[b + 1]; k++) {
          const edge = flow.succ[k];
          const target = code.edgeTo.get(edge);
          const piece = assignment.pieceAt(v, flow.startOf(target));
          if (piece < 0 || place[piece] >= 0 || flow.startOf(target) === this.live.def[v]) continue;
          const group = this.groupOf(code, edge);
          this.transfer(group, place[n], place[piece], v, this.weightOf(group));
        }
      }
    }
  }

  /** Moves arguments of edges to parameters. */
  private passArguments(code: Code): void {
    const { flow, assignment } = this;
    for (let e = 0; e < code.edgeFrom.length; e++) {
      const count = code.edgeCount.get(e);
      if (count === 0) continue;
      const target = code.edgeTo.get(e);
      const group = this.groupOf(code, e);
      const last = flow.endOf(code.edgeFrom.get(e)) - 1;
      for (let k = 0; k < count; k++) {
        const param = code.paramPool.get(code.paramStart.get(target) + k) - FIRST_VREG;
        const register = code.argPool.get(code.edgeStart.get(e) + k);
        const arg = register - FIRST_VREG;
        const piece = assignment.pieceAt(param, flow.startOf(target));
        if (piece < 0) continue; // not used
        const to = assignment.place[piece];
        const from = arg < 0 ? register : this.placeAt(arg, last);
        // an argument that shares the slot of the parameter may be there already
        const shares = arg >= 0 && to <= SPILLED && this.slots.of[arg] === SPILLED - to;
        if (shares) this.transfer(group, from, to, arg, this.weightOf(group));
        else this.add(group, from, to, arg, 0);
      }
    }
  }

  /** Decides where the slot of v is filled. */
  private fillSlot(code: Code, v: number, storeEarly: boolean): void {
    const { flow, live } = this;
    const place = this.placeAt(v, live.def[v]);
    const slot = SPILLED - this.slots.of[v];
    if (place === slot) {
      this.filled[v] = 1;
      return;
    }
    if (this.cost[v] === 0 && !storeEarly) return;
    const i = live.defInstruction[v];
    let group = 3 * (i + 1) + OWN;
    if (i < 0) {
      group = 3 * (live.def[v] >> 2) + OWN;
    } else {
      const block = flow.blockOf[i];
      // a terminator defines for its first edge
      if (i === flow.lastInstruction(block)) group = this.groupOf(code, flow.succ[flow.succStart[block]]);
    }
    if (!storeEarly && this.cost[v] < this.weightOf(group)) return;
    this.filled[v] = 1;
    this.add(group, place, slot, v, 0);
  }

  private writeMoves(code: Code, registers: RegisterInfo): void {
    const { group, parallel, live } = this;
    const n = group.length;
    for (const column of [code.moveAt, code.moveFrom, code.moveTo, code.moveType, code.moveRemat])
      column.clear();
    if (n === 0) return;
    const groups = 3 * code.count;
    if (this.groupStart.length < groups + 1) this.groupStart = grown(this.groupStart, groups + 1);
    if (this.sorted.length < n) this.sorted = grown(this.sorted, n);
    sortByKey(group.data, n, groups, this.groupStart, this.sorted);
    parallel.prepare(code);
    let current = -1;
    for (let k = 0; k < n; k++) {
      const m = this.sorted[k];
      const v = this.vreg.get(m);
      if (v >= 0 && this.isStore.get(m) !== 0 && this.filled[v] !== 0) continue;
      if (group.get(m) !== current) {
        if (current >= 0) parallel.flush(code, (current / 3) | 0, registers);
        current = group.get(m);
      }
      const from = this.from.get(m);
      const to = this.to.get(m);
      const type = v >= 0 ? code.vregType.get(v) : PTR; // what is pinned are addresses
      if (from === REPEATABLE) parallel.add(live.defInstruction[v], to, type, FIRST_VREG + v);
      else parallel.add(from, to, type, -1);
    }
    parallel.flush(code, (current / 3) | 0, registers);
  }
}

/**
 * The DEF through whose register operand k, a use, is read: one that reuses it, or another use of the same
 * register; -1 if there is none. Must agree with Liveness.
 */
function reuserOf(code: Code, from: number, to: number, k: number): number {
  const register = code.register.data;
  const constraint = code.constraint.data;
  let other = -1;
  for (let d = from; d < to; d++) {
    if (roleOf(constraint[d]) !== DEF || policyOf(constraint[d]) !== REUSES) continue;
    const reused = from + argumentOf(constraint[d]);
    if (reused === k) return d;
    if (register[reused] === register[k]) other = d;
  }
  const c = constraint[k];
  return (c & OVERLAPS) === 0 && policyOf(c) !== FIXED ? other : -1;
}
