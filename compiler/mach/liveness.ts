// Where virtual registers are live, where they are used, and which physical registers instructions take away:
// everything the linear scan reads about the code. Registers here are numbered from 0 (virtual register number
// less FIRST_VREG).
//
// Requires: Flow. Leaves: uses sorted by position; ranges (ranges.ts) sorted and disjoint.

import { grown, grown8, IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import {
  ANYWHERE,
  argumentOf,
  type Code,
  DEF,
  FIRST_VREG,
  FIXED,
  OVERLAPS,
  policyOf,
  REUSES,
  roleOf,
  USE,
} from "./code.ts";
import { EARLY, type Flow, GAP, LATE } from "./flow.ts";
import type { Limits } from "./limits.ts";
import { RangeFinder } from "./ranges.ts";
import type { RegisterInfo } from "./registers.ts";

// What a use asks for: bits 0–1; bits 2–3: how many positions from its own on it lasts.
/** Nothing: a move reads it from wherever it is. */
export const WHEREVER = 0;
/** A register is better than a slot. */
export const LIKES_REGISTER = 1;
export const NEEDS_REGISTER = 2;

export class Liveness {
  private readonly ranges: RangeFinder;
  vregs: number;

  // per virtual register
  /** Position of the definition (the start of its block for a parameter), -1: none. */
  def: Int32Array<ArrayBuffer>;
  defBlock: Int32Array<ArrayBuffer>;
  /** Instruction that defines it, -1 for a parameter. */
  defInstruction: Int32Array<ArrayBuffer>;
  /** Register in which a FIXED definition leaves it, or -1. */
  defFixed: Int32Array<ArrayBuffer>;
  /** 1: its definition can be repeated anywhere, and where it is in no register it is nowhere. */
  constant: Uint8Array<ArrayBuffer>;
  /** Physical register where it will be wanted, or -1. */
  wanted: Int32Array<ArrayBuffer>;
  /** Register that it may continue: the reused operand, an argument of the parameter; or -1. */
  continues: Int32Array<ArrayBuffer>;
  /** Parameter that it becomes on an edge, or -1. */
  becomes: Int32Array<ArrayBuffer>;
  firstRange: Int32Array<ArrayBuffer>;

  // uses and definitions of register v: useStart[v] … useStart[v + 1], by position
  useStart: Int32Array<ArrayBuffer>;
  usePosition: Int32Array<ArrayBuffer>;
  /** What it asks for. */
  useKind: Uint8Array<ArrayBuffer>;
  /** Number of the operand in the pool, -1: argument of an edge. */
  useOperand: Int32Array<ArrayBuffer>;

  // ranges [start, end), linked
  readonly rangeStart: IntColumn;
  readonly rangeEnd: IntColumn;
  readonly rangeNext: IntColumn;

  // what instructions take: ranges of physical register r are numbers fixedStart[r] … fixedEnd[r], by position
  readonly fixedStart: Int32Array<ArrayBuffer>;
  readonly fixedEnd: Int32Array<ArrayBuffer>;
  takenStart: Int32Array<ArrayBuffer>;
  takenEnd: Int32Array<ArrayBuffer>;
  /** The virtual register for which it is taken, and which may stay there; -1: destroyed. */
  takenFor: Int32Array<ArrayBuffer>;
  /** Instructions with clobbers. */
  readonly clobbering: IntColumn;
  /** By physical register: 1 if an instruction clobbers it. */
  readonly clobbered: Uint8Array<ArrayBuffer>;

  // scratch storage
  private fill: Int32Array<ArrayBuffer>;
  private lastRange: Int32Array<ArrayBuffer>;
  private readonly clobberCount: IntColumn;

  constructor(limits: Limits) {
    this.ranges = new RangeFinder(this, limits);
    const none = new Int32Array(0);
    this.vregs = 0;
    this.def = none;
    this.defInstruction = none;
    this.defFixed = none;
    this.constant = new Uint8Array(0);
    this.wanted = none;
    this.continues = none;
    this.becomes = none;
    this.firstRange = none;
    this.useStart = none;
    this.usePosition = none;
    this.useKind = new Uint8Array(0);
    this.useOperand = none;
    this.rangeStart = new IntColumn();
    this.rangeEnd = new IntColumn();
    this.rangeNext = new IntColumn();
    this.fixedStart = new Int32Array(FIRST_VREG);
    this.fixedEnd = new Int32Array(FIRST_VREG);
    this.takenStart = none;
    this.takenEnd = none;
    this.takenFor = none;
    this.clobbering = new IntColumn();
    this.clobbered = new Uint8Array(FIRST_VREG);
    this.fill = none;
    this.defBlock = none;
    this.lastRange = none;
    this.clobberCount = new IntColumn();
  }

  compute(code: Code, flow: Flow, registers: RegisterInfo): void {
    this.vregs = code.vregType.length;
    this.prepare();
    this.count(code, flow, registers);
    this.collect(code, flow, registers);
    this.gatherHints(code, flow);
    this.ranges.find(code, flow);
  }

  /** The position after the use number u. */
  useEnd(u: number): number {
    return this.usePosition[u] + (this.useKind[u] >> 2);
  }

  /** The first use of v, from `position` on: useStart[v + 1] if there is none. */
  firstUse(v: number, position: number): number {
    let low = this.useStart[v];
    let high = this.useStart[v + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.usePosition[middle] < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  newRange(start: number, end: number, next: number): number {
    this.rangeStart.push(start);
    this.rangeEnd.push(end);
    return this.rangeNext.push(next);
  }

  private prepare(): void {
    const n = this.vregs;
    if (this.def.length < n + 1) {
      this.def = grown(this.def, n + 1);
      const size = this.def.length;
      this.defInstruction = new Int32Array(size);
      this.defFixed = new Int32Array(size);
      this.constant = new Uint8Array(size);
      this.wanted = new Int32Array(size);
      this.continues = new Int32Array(size);
      this.becomes = new Int32Array(size);
      this.firstRange = new Int32Array(size);
      this.useStart = new Int32Array(size + 1);
      this.fill = new Int32Array(size);
      this.defBlock = new Int32Array(size);
      this.lastRange = new Int32Array(size);
    }
    for (const column of [this.def, this.defInstruction, this.defFixed, this.wanted, this.continues])
      column.fill(-1, 0, n);
    for (const column of [this.becomes, this.firstRange, this.lastRange]) column.fill(-1, 0, n);
    this.constant.fill(0, 0, n);
    this.useStart.fill(0, 0, n + 2);
    this.fixedStart.fill(0);
    this.rangeStart.clear();
    this.rangeEnd.clear();
    this.rangeNext.clear();
    this.clobbering.clear();
  }

  /** Sizes of the tables of uses and of taken ranges; which registers are constants. */
  private count(code: Code, flow: Flow, registers: RegisterInfo): void {
    const { useStart, fixedStart, clobberCount } = this;
    const register = code.register.data;
    const constraint = code.constraint.data;
    clobberCount.clear();
    clobberCount.resize(code.clobberSets.length, 0);
    for (let i = 0; i < code.count; i++) {
      const from = code.operandStart[i];
      const to = from + code.operandCount[i];
      if (code.clobbers[i] >= 0) clobberCount.data[code.clobbers[i]]++;
      for (let k = from; k < to; k++) {
        const v = register[k] - FIRST_VREG;
        const c = constraint[k];
        if (v < 0) continue;
        useStart[v]++;
        if (policyOf(c) === FIXED) fixedStart[argumentOf(c)]++;
        if (roleOf(c) === USE) continue;
        if (this.def[v] >= 0) unreachable("a virtual register has two definitions");
        this.def[v] = 4 * i;
        if (registers.rematerialisable[code.op[i]] !== 0 && to - from === 1 && policyOf(c) !== FIXED)
          this.constant[v] = 1;
      }
    }
    for (let e = 0; e < code.edgeFrom.length; e++) {
      const from = code.edgeStart.get(e);
      for (let k = from; k < from + code.edgeCount.get(e); k++) {
        const v = code.argPool.get(k) - FIRST_VREG;
        if (v >= 0) useStart[v]++;
      }
    }
    let total = 0;
    for (let v = 0; v < this.vregs; v++) {
      const n = useStart[v];
      useStart[v] = total;
      this.fill[v] = total;
      total += n;
    }
    useStart[this.vregs] = total;
    if (this.usePosition.length < total) {
      this.usePosition = grown(this.usePosition, total);
      this.useOperand = new Int32Array(this.usePosition.length);
      this.useKind = grown8(this.useKind, this.usePosition.length);
    }
    let taken = 0;
    for (let r = 0; r < FIRST_VREG; r++) {
      let n = fixedStart[r];
      this.clobbered[r] = 0;
      for (let s = 0; s < code.clobberSets.length; s++) {
        if (clobberCount.data[s] === 0 || !code.clobberSets[s].has(r)) continue;
        this.clobbered[r] = 1;
        n += clobberCount.data[s];
      }
      fixedStart[r] = taken;
      this.fixedEnd[r] = taken;
      taken += n;
    }
    if (this.takenStart.length < taken) {
      this.takenStart = grown(this.takenStart, taken);
      this.takenEnd = new Int32Array(this.takenStart.length);
      this.takenFor = new Int32Array(this.takenStart.length);
    }
    for (let b = 0; b < flow.blocks; b++) {
      const from = code.paramStart.get(b);
      for (let k = from; k < from + code.paramCount.get(b); k++) {
        const v = code.paramPool.get(k) - FIRST_VREG;
        this.def[v] = flow.startOf(b);
        this.defBlock[v] = b;
      }
    }
  }

  private take(r: number, start: number, end: number, v: number): void {
    const last = this.fixedEnd[r] - 1;
    if (last >= this.fixedStart[r] && this.takenEnd[last] > start) {
      // the same argument twice, or a definition in a clobbered register
      if (this.takenStart[last] === start && this.takenFor[last] === v) return;
      if (v < 0) return;
      unreachable("two operands are fixed to one register");
    }
    this.takenStart[last + 1] = start;
    this.takenEnd[last + 1] = end;
    this.takenFor[last + 1] = v;
    this.fixedEnd[r] = last + 2;
  }

  private addUse(v: number, position: number, kind: number, lasts: number, operand: number): void {
    const { usePosition, useKind, useOperand } = this;
    let at = this.fill[v]++;
    // one instruction may name a register twice, at several positions
    for (; at > this.useStart[v] && usePosition[at - 1] > position; at--) {
      usePosition[at] = usePosition[at - 1];
      useKind[at] = useKind[at - 1];
      useOperand[at] = useOperand[at - 1];
    }
    usePosition[at] = position;
    useKind[at] = kind | (lasts << 2);
    useOperand[at] = operand;
  }

  /** True when operand k, a use, is read through a definition that reuses it or another use of its register. */
  private isReused(code: Code, from: number, to: number, k: number): boolean {
    const register = code.register.data;
    const constraint = code.constraint.data;
    const c = constraint[k];
    for (let d = from; d < to; d++) {
      if (roleOf(constraint[d]) !== DEF || policyOf(constraint[d]) !== REUSES) continue;
      const reused = from + argumentOf(constraint[d]);
      if (reused === k && policyOf(c) === FIXED) unreachable("a FIXED operand is reused");
      if (reused === k) return true;
      if (register[reused] === register[k] && (c & OVERLAPS) === 0 && policyOf(c) !== FIXED) return true;
    }
    return false;
  }

  /** Uses and taken ranges, in order of position. */
  private collect(code: Code, flow: Flow, registers: RegisterInfo): void {
    const register = code.register.data;
    const constraint = code.constraint.data;
    for (let b = 0; b < flow.blocks; b++) {
      const last = flow.lastInstruction(b);
      for (let i = flow.firstInstruction(b); i <= last; i++) {
        const from = code.operandStart[i];
        const to = from + code.operandCount[i];
        const at = 4 * i;
        let reuse = false;
        for (let k = from; k < to; k++)
          if (policyOf(constraint[k]) === REUSES && roleOf(constraint[k]) === DEF) reuse = true;
        for (let k = from; k < to; k++) {
          const c = constraint[k];
          const v = register[k] - FIRST_VREG;
          if (v < 0 || roleOf(c) === DEF) continue;
          const lasts = (c & OVERLAPS) !== 0 ? 2 : 1;
          if (reuse && this.isReused(code, from, to, k)) {
            this.addUse(v, at + GAP, WHEREVER, 1, k);
          } else if (policyOf(c) === FIXED) {
            this.addUse(v, at + GAP, WHEREVER, 1, k);
            this.take(argumentOf(c), at + EARLY, at + EARLY + lasts, v);
          } else {
            const kind = policyOf(c) === ANYWHERE ? LIKES_REGISTER : NEEDS_REGISTER;
            this.addUse(v, at + EARLY, kind, lasts, k);
          }
        }
        for (let k = from; k < to; k++) {
          const c = constraint[k];
          const v = register[k] - FIRST_VREG;
          if (v < 0 || roleOf(c) === USE) continue;
          const policy = policyOf(c);
          const early = policy === REUSES || (c & OVERLAPS) !== 0;
          const position = at + (early ? EARLY : LATE);
          this.def[v] = position;
          this.defInstruction[v] = i;
          this.defBlock[v] = b;
          if (policy === FIXED) {
            this.defFixed[v] = argumentOf(c);
            this.addUse(v, position, WHEREVER, at + 3 - position, k);
            this.take(argumentOf(c), position, this.isUnused(v) ? at + 3 : i === last ? at + 4 : at + 5, v);
          } else {
            this.addUse(
              v,
              position,
              policy === ANYWHERE ? LIKES_REGISTER : NEEDS_REGISTER,
              at + 3 - position,
              k,
            );
          }
        }
        if (code.clobbers[i] >= 0) {
          this.clobbering.push(i);
          const set = code.clobberSets[code.clobbers[i]];
          for (const list of registers.allocatable)
            for (let k = 0; k < list.length; k++)
              if (set.has(list[k])) this.take(list[k], at + LATE, at + LATE + 1, -1);
        }
      }
      for (let k = flow.succStart[b]; k < flow.succStart[b + 1]; k++) {
        const e = flow.succ[k];
        const from = code.edgeStart.get(e);
        for (let n = from; n < from + code.edgeCount.get(e); n++) {
          const v = code.argPool.get(n) - FIRST_VREG;
          if (v >= 0) this.addUse(v, 4 * last + 3, WHEREVER, 1, -1);
        }
      }
    }
  }

  /** True when v has no entry but its definition, which is the first. */
  private isUnused(v: number): boolean {
    return this.useStart[v + 1] - this.useStart[v] === 1;
  }

  /** Where registers will be wanted: later ones first, so that wishes travel from uses to definitions. */
  private gatherHints(code: Code, flow: Flow): void {
    const { wanted, continues, becomes } = this;
    const register = code.register.data;
    const constraint = code.constraint.data;
    for (let b = flow.blocks - 1; b >= 0; b--) {
      for (let k = flow.succStart[b]; k < flow.succStart[b + 1]; k++) {
        const e = flow.succ[k];
        const target = code.edgeTo.get(e);
        for (let n = 0; n < code.edgeCount.get(e); n++) {
          const v = code.argPool.get(code.edgeStart.get(e) + n) - FIRST_VREG;
          const param = code.paramPool.get(code.paramStart.get(target) + n) - FIRST_VREG;
          if (v < 0 || v === param) continue;
          if (target <= b || becomes[v] < 0) becomes[v] = param;
          if (wanted[v] < 0) wanted[v] = wanted[param];
          if (target > b) continues[param] = v;
        }
      }
      for (let i = flow.lastInstruction(b); i >= flow.firstInstruction(b); i--) {
        const from = code.operandStart[i];
        const to = from + code.operandCount[i];
        for (let k = from; k < to; k++) {
          const v = register[k] - FIRST_VREG;
          const c = constraint[k];
          if (v < 0) continue;
          if (policyOf(c) === FIXED && roleOf(c) === USE && wanted[v] < 0) wanted[v] = argumentOf(c);
          if (policyOf(c) !== REUSES || roleOf(c) !== DEF) continue;
          const reused = register[from + argumentOf(c)] - FIRST_VREG;
          if (reused < 0) continue;
          continues[v] = reused;
          if (wanted[reused] < 0) wanted[reused] = wanted[v];
          if (becomes[reused] < 0) becomes[reused] = becomes[v];
        }
      }
    }
  }

  /** Gives v another range, after those it has. */
  addRange(v: number, start: number, end: number): void {
    const last = this.lastRange[v];
    const range = this.newRange(start, end, -1);
    if (last >= 0) this.rangeNext.data[last] = range;
    else this.firstRange[v] = range;
    this.lastRange[v] = range;
  }
}
