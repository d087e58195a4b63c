// Where virtual registers are live, where they are used, and which physical registers instructions take away:
// everything the linear scan reads about the code. Registers here are numbered from 0 (virtual register number
// less FIRST_VREG).
//
// Liveness of registers that cross blocks is a backward data flow over bit sets, for as many registers at a time
// as fit a fixed amount of memory; blocks are revisited only when a successor changed, so that any order of blocks
// is right and a good one is fast. Comparing the sets of neighbouring blocks by words then yields maximal ranges
// without touching the blocks in between (the quadratic part of the usual construction: Wimmer & Franz,
// "Linear Scan Register Allocation on SSA Form", CGO 2010, section 4.1).
//
// Requires: Flow. Leaves: ranges of each register sorted and disjoint, uses sorted by position.

import { grown, grown8, IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import { ctz32, popcnt32 } from "../base/int64.ts";
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
import type { RegisterInfo } from "./registers.ts";

// What a use asks for: bits 0–1; bits 2–3: how many positions from its own on it lasts.
/** Nothing: a move reads it from wherever it is. */
export const WHEREVER = 0;
/** A register is better than a slot. */
export const LIKES_REGISTER = 1;
export const NEEDS_REGISTER = 2;

export class Liveness {
  private readonly limits: Limits;
  vregs: number;

  // per virtual register
  /** Position of the definition (the start of its block for a parameter), -1: none. */
  def: Int32Array<ArrayBuffer>;
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
  private defBlock: Int32Array<ArrayBuffer>;
  private lastRange: Int32Array<ArrayBuffer>;
  private liveIn: Int32Array<ArrayBuffer>;
  private killed: Int32Array<ArrayBuffer>;
  private dirty: Uint8Array<ArrayBuffer>;
  private readonly crossing: IntColumn;
  private readonly clobberCount: IntColumn;
  private readonly wordOut: IntColumn;
  private mostRanges: number;
  private openStart: Int32Array<ArrayBuffer>;

  constructor(limits: Limits) {
    this.limits = limits;
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
    this.liveIn = none;
    this.killed = none;
    this.dirty = new Uint8Array(0);
    this.crossing = new IntColumn();
    this.clobberCount = new IntColumn();
    this.wordOut = new IntColumn();
    this.mostRanges = 0;
    this.openStart = none;
  }

  compute(code: Code, flow: Flow, registers: RegisterInfo): void {
    this.vregs = code.vregType.length;
    this.mostRanges = this.limits.ranges + this.limits.rangesEach * this.vregs;
    this.prepare();
    this.count(code, flow, registers);
    this.collect(code, flow, registers);
    this.gatherHints(code, flow);
    this.findRanges(code, flow);
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
      this.openStart = new Int32Array(size);
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

  // --- ranges ---------------------------------------------------------------------------------------------

  private addRange(v: number, start: number, end: number): void {
    const last = this.lastRange[v];
    const range = this.newRange(start, end, -1);
    if (last >= 0) this.rangeNext.data[last] = range;
    else this.firstRange[v] = range;
    this.lastRange[v] = range;
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
          openStart[v] = this.def[v];
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
          const home = flow.startOf(this.defBlock[v]);
          if (openStart[v] < home) this.addRange(v, openStart[v], Math.min(end, home));
          if (this.def[v] < end) this.addRange(v, Math.max(openStart[v], this.def[v]), end);
        }
        seen[w] |= into | out;
      }
    }
  }

  /** The end of the last use of v in block b; the cursor `fill` moves over the uses up to there. */
  private endInBlock(v: number, b: number, flow: Flow): number {
    const end = flow.endOf(b);
    let latest = 0;
    let u = this.fill[v];
    for (; u < this.useStart[v + 1] && this.usePosition[u] < end; u++)
      latest = Math.max(latest, this.useEnd(u));
    this.fill[v] = u;
    return latest;
  }

  private findRanges(code: Code, flow: Flow): void {
    const { crossing, useStart, usePosition, defBlock } = this;
    crossing.clear();
    for (let v = 0; v < this.vregs; v++) {
      const from = useStart[v];
      const to = useStart[v + 1];
      this.fill[v] = from;
      if (from === to) continue;
      if (this.def[v] < 0) unreachable("a virtual register has no definition");
      const start = this.def[v];
      const b = defBlock[v];
      if (usePosition[from] >= start && usePosition[to - 1] < flow.endOf(b)) {
        this.addRange(v, start, Math.max(start + 1, this.endInBlock(v, b, flow)));
      } else {
        crossing.push(v);
      }
    }
    const blocks = flow.blocks;
    if (this.dirty.length < blocks) this.dirty = grown8(this.dirty, blocks);
    const most = Math.max(1, Math.floor(this.limits.liveWords / blocks));
    for (let first = 0; first < crossing.length; ) {
      const n = Math.min(crossing.length - first, most * 32);
      this.solve(code, flow, first, n);
      first += n;
    }
  }

  /** Ranges of the n registers from crossing[first] on. */
  private solve(code: Code, flow: Flow, first: number, n: number): void {
    const { useStart, usePosition, defBlock, dirty } = this;
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
    if (this.rangeStart.length + this.countChanges(code, flow, words, low, high) > this.mostRanges)
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
          if ((was & bit) !== 0 && (into & bit) === 0) this.addRange(v, openStart[v], begin);
          if ((was & bit) === 0 && (into & bit) !== 0) openStart[v] = begin;
          if ((into & bit) === 0 && (out & bit) !== 0) openStart[v] = this.def[v];
          if ((into & bit) !== 0 && (out & bit) === 0)
            this.addRange(v, openStart[v], this.endInBlock(v, b, flow));
        }
      }
    }
    for (let w = 0; w < words; w++) {
      for (let rest = before[w]; rest !== 0; rest &= rest - 1) {
        const v = crossing[first + (w << 5) + ctz32(rest)];
        this.addRange(v, openStart[v], flow.endOf(high));
      }
    }
  }
}
