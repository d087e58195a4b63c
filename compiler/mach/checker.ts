// Proves an allocation symbolically: walks the allocated code by abstract interpretation, where the value of a
// place (register or slot) is the set of virtual registers whose value it holds for certain, and asks of each use
// that its place holds its register, and of each operand that its constraint is kept. Independent of the allocator:
// it reads the Code alone, as code.ts describes it. After regalloc2's checker (src/checker.rs). For tests and for
// compilation with verification: it takes its time and allocates freely.
//
// A register that is pinned (neither allocatable nor scratch) always holds itself, under its own number.
// State at an edge: the meet, place by place the intersection, over all edges into a block. On an edge the virtual
// registers are renamed, not the places: a parameter is held by whatever held its argument.

import { unreachable } from "../base/fail.ts";
import { TYPE_SIZE } from "../ir/ops.ts";
import {
  ANYWHERE,
  argumentOf,
  type Code,
  DEF,
  FIRST_VREG,
  FIXED,
  GENERAL,
  OVERLAPS,
  policyOf,
  REUSES,
  roleOf,
  SPILLED,
  STACK_SLOT,
  USE,
} from "./code.ts";
import { classOf, classOfRegister, type RegisterInfo, slotSizeOf } from "./registers.ts";

/** A sorted set of virtual registers; never changed once made. */
type Held = readonly number[];
const NOTHING: Held = [];

/** Bit of `site`: the instruction is a call. */
const CALL_SITE = 2;

export class AllocationError {
  readonly instruction: number;
  readonly message: string;

  constructor(instruction: number, message: string) {
    this.instruction = instruction;
    this.message = message;
  }
}

/** The errors of the allocation of `code`, each with the instruction where it shows; empty: it is right. */
export function findErrors(code: Code, registers: RegisterInfo): AllocationError[] {
  return new Checker(code, registers).run();
}

/** Ends the compilation if the allocation of `code` is wrong. */
export function check(code: Code, registers: RegisterInfo): void {
  const errors = findErrors(code, registers);
  if (errors.length > 0) unreachable(`wrong allocation: ${errors[0].message}`);
}

class Checker {
  private readonly code: Code;
  private readonly registers: RegisterInfo;
  private readonly places: number;
  private readonly allocatable: Uint8Array;
  /** Slots that the function itself uses. */
  private readonly foreign: Uint8Array;
  /** Defining instruction of each virtual register, -1: a parameter. */
  private readonly definedAt: Int32Array;
  private readonly moveStart: Int32Array;
  private readonly edges: number[][];
  /** The only edge to the block that begins at an instruction; -1: none, or several. */
  private readonly entering: Int32Array;
  /** Blocks with the states at their starts, null: not reached yet. */
  private readonly entry: (Held[] | null)[];
  private readonly errors: AllocationError[];
  private readonly blamed: Uint8Array;
  private state: Held[];
  private at: number;

  constructor(code: Code, registers: RegisterInfo) {
    const blocks = code.blockStart.length - 1;
    this.code = code;
    this.registers = registers;
    this.places = FIRST_VREG + code.slots.length;
    this.allocatable = new Uint8Array(FIRST_VREG);
    for (const list of registers.allocatable) for (const r of list) this.allocatable[r] = 1;
    this.foreign = new Uint8Array(code.slots.length);
    this.definedAt = new Int32Array(code.vregType.length).fill(-1);
    this.moveStart = new Int32Array(code.count + 1);
    this.edges = [];
    this.entering = new Int32Array(code.count + 1).fill(-1);
    this.entry = [];
    for (let b = 0; b < blocks; b++) {
      this.edges.push([]);
      this.entry.push(null);
    }
    for (let e = 0; e < code.edgeFrom.length; e++) this.edges[code.edgeFrom.get(e)].push(e);
    const seen = new Uint8Array(blocks);
    for (let e = 0; e < code.edgeFrom.length; e++) {
      const target = code.edgeTo.get(e);
      this.entering[code.blockStart.get(target)] = seen[target] === 0 ? e : -1;
      seen[target] = 1;
    }
    this.errors = [];
    this.blamed = new Uint8Array(code.count + 1);
    this.state = [];
    this.at = 0;
  }

  private blame(message: string): void {
    if (this.blamed[this.at] !== 0) return;
    this.blamed[this.at] = 1;
    this.errors.push(new AllocationError(this.at, `instruction ${this.at}: ${message}`));
  }

  private valueName(register: number): string {
    return register < FIRST_VREG ? this.nameOf(register) : `v${register - FIRST_VREG}`;
  }

  private isPinned(place: number): boolean {
    return (
      place >= 0 &&
      place < FIRST_VREG &&
      this.allocatable[place] === 0 &&
      !this.registers.scratch.includes(place)
    );
  }

  private nameOf(place: number): string {
    if (place <= SPILLED) return `slot ${SPILLED - place}`;
    return place < 0 ? "nowhere" : (this.registers.names[place] ?? `register ${place}`);
  }

  run(): AllocationError[] {
    const { code } = this;
    this.prepare();
    if (this.errors.length > 0) return this.errors;
    const start: Held[] = [];
    for (let p = 0; p < this.places; p++) start.push(this.isPinned(p) ? [p] : NOTHING);
    this.entry[0] = start;
    const waiting = new Uint8Array(this.entry.length);
    waiting[0] = 1;
    for (let again = true; again; ) {
      again = false;
      for (let b = 0; b < this.entry.length; b++) {
        if (waiting[b] === 0) continue;
        waiting[b] = 0;
        this.walkBlock(b);
        for (const e of this.edges[b]) {
          const target = code.edgeTo.get(e);
          if (!this.meet(target, this.stateOn(e))) continue;
          waiting[target] = 1;
          again = true;
        }
      }
    }
    for (let b = 0; b < this.entry.length; b++) {
      this.at = code.blockStart.get(b);
      if (this.entry[b] === null) this.blame("its block cannot be reached");
    }
    return this.errors;
  }

  private prepare(): void {
    const { code } = this;
    for (let i = 0; i < code.count; i++) {
      if ((code.address[i] & 15) === STACK_SLOT) this.foreign[code.symbol[i]] = 1;
      const to = code.operandStart[i] + code.operandCount[i];
      for (let k = code.operandStart[i]; k < to; k++) {
        const v = code.register.get(k) - FIRST_VREG;
        if (v >= 0 && roleOf(code.constraint.get(k)) === DEF) this.definedAt[v] = i;
      }
    }
    let m = 0;
    for (let i = 0; i <= code.count; i++) {
      this.moveStart[i] = m;
      while (m < code.moveAt.length && code.moveAt.get(m) === i) m++;
    }
    this.at = code.count;
    if (m !== code.moveAt.length) this.blame("moves are not in order, or behind the last instruction");
  }

  /** The number of a place in a state, or -1: no such place. */
  private indexOf(place: number): number {
    if (place >= 0) return place < FIRST_VREG ? place : -1;
    const slot = SPILLED - place;
    return slot >= 0 && slot < this.code.slots.length ? FIRST_VREG + slot : -1;
  }

  private walkBlock(b: number): void {
    this.state = (this.entry[b] ?? []).slice();
    const last = this.code.blockStart.get(b + 1) - 1;
    for (this.at = this.code.blockStart.get(b); this.at <= last; this.at++) {
      for (let m = this.moveStart[this.at]; m < this.moveStart[this.at + 1]; m++) this.move(m);
      for (const r of this.registers.scratch) this.state[r] = NOTHING;
      this.checkOperands();
      this.destroy();
      if (this.at < last) this.define();
    }
    this.at = last;
  }

  // --- moves ------------------------------------------------------------------------------------------------

  private move(m: number): void {
    const { code, registers } = this;
    const from = code.moveFrom.get(m);
    const to = code.moveTo.get(m);
    const type = code.moveType.get(m);
    const remat = code.moveRemat.get(m);
    if (!this.isMovePlace(to, type)) return;
    if (remat >= 0) {
      const i = this.definedAt[remat - FIRST_VREG];
      if (to < 0) this.blame("a constant is repeated into a slot");
      if (i < 0 || i !== from || registers.rematerialisable[code.op[i]] === 0 || code.operandCount[i] !== 1)
        this.blame(`v${remat - FIRST_VREG} cannot be repeated`);
      this.state[this.indexOf(to)] = this.equals(remat);
      return;
    }
    if (from <= SPILLED && to <= SPILLED) this.blame("a move from slot to slot");
    if (!this.isPinned(from) && !this.isMovePlace(from, type)) return;
    // a narrow move makes a wide value useless
    const size = widthOf(type);
    const held = this.state[this.indexOf(from)];
    this.state[this.indexOf(to)] = held.filter((v) => v < FIRST_VREG || widthOf(code.typeOf(v)) <= size);
  }

  /** The constant, and the parameters that it was passed to on the only edge to the block that begins here. */
  private equals(constant: number): Held {
    const { code } = this;
    const e = this.entering[this.at];
    const held = new Set([constant]);
    if (e >= 0) {
      const params = code.paramStart.get(code.edgeTo.get(e));
      for (let k = 0; k < code.edgeCount.get(e); k++)
        if (code.argPool.get(code.edgeStart.get(e) + k) === constant)
          held.add(code.paramPool.get(params + k));
    }
    return [...held].sort((a, b) => a - b);
  }

  private isMovePlace(place: number, type: number): boolean {
    const { code, registers } = this;
    if (this.indexOf(place) < 0) {
      this.blame(`a move from or to ${place}, which is no place`);
      return false;
    }
    if (place >= 0) {
      if (classOfRegister(place) !== classOf(type))
        this.blame(`a move of the wrong class: ${this.nameOf(place)}`);
      if (this.allocatable[place] !== 0 || registers.scratch.includes(place)) return true;
      this.blame(`a move with ${this.nameOf(place)}, which is not allocatable`);
      return false;
    }
    const slot = SPILLED - place;
    if (this.foreign[slot] !== 0)
      this.blame(`a move with ${this.nameOf(place)}, which is the function's own`);
    if (code.slots.get(slot) < slotSizeOf(type)) this.blame(`${this.nameOf(place)} is too small`);
    return true;
  }

  // --- instructions -----------------------------------------------------------------------------------------

  private checkOperands(): void {
    const { code, at } = this;
    const from = code.operandStart[at];
    const to = from + code.operandCount[at];
    for (let k = from; k < to; k++) {
      const c = code.constraint.get(k);
      const place = code.place.get(k);
      const register = code.register.get(k);
      this.checkPlace(k);
      if (roleOf(c) === USE) {
        if (this.indexOf(place) >= 0 && !this.state[this.indexOf(place)].includes(register))
          this.blame(`${this.nameOf(place)} does not hold ${this.valueName(register)}`);
        if ((c & OVERLAPS) !== 0 && this.isDestroyed(place))
          this.blame(`${this.nameOf(place)} is destroyed while it is used`);
        continue;
      }
      if (register < FIRST_VREG) continue;
      if (policyOf(c) !== FIXED && this.isDestroyed(place))
        this.blame(`${this.nameOf(place)} is defined and destroyed`);
      for (let n = from; n < to; n++) if (n !== k) this.checkSharing(k, n, from);
    }
  }

  private isDestroyed(place: number): boolean {
    const set = this.code.clobbers[this.at];
    return place >= 0 && set >= 0 && this.code.clobberSets[set].has(place);
  }

  /** Definition k against another operand of the instruction that begins at operand `from`. */
  private checkSharing(k: number, other: number, from: number): void {
    const { code } = this;
    const place = code.place.get(k);
    if (code.place.get(other) !== place) return;
    const c = code.constraint.get(k);
    const d = code.constraint.get(other);
    if (roleOf(d) === DEF) {
      this.blame(`two definitions in ${this.nameOf(place)}`);
      return;
    }
    if ((d & OVERLAPS) !== 0) {
      this.blame(`${this.nameOf(place)} is defined while it is used`);
    } else if (policyOf(c) === REUSES) {
      const reused = from + argumentOf(c);
      if (other !== reused && code.register.get(other) !== code.register.get(reused))
        this.blame(`${this.nameOf(place)} is reused by a definition and holds another use`);
    } else if ((c & OVERLAPS) !== 0) {
      this.blame(`${this.nameOf(place)} is defined before it is used`);
    }
  }

  private checkPlace(k: number): void {
    const { code, at } = this;
    const register = code.register.get(k);
    const place = code.place.get(k);
    const c = code.constraint.get(k);
    if (policyOf(c) === REUSES && place !== code.place.get(code.operandStart[at] + argumentOf(c)))
      this.blame(`the operand that ${this.nameOf(place)} reuses is elsewhere`);
    if (register < FIRST_VREG) {
      if (place !== register && !this.isReused(k))
        this.blame(`a pinned register became ${this.nameOf(place)}`);
      return;
    }
    const type = code.typeOf(register);
    if (this.indexOf(place) < 0) {
      this.blame(`v${register - FIRST_VREG} has no place`);
    } else if (place < 0) {
      const slot = SPILLED - place;
      if (policyOf(c) !== ANYWHERE && !this.isReused(k))
        this.blame(`v${register - FIRST_VREG} must be in a register`);
      if (this.foreign[slot] !== 0) this.blame(`${this.nameOf(place)} is the function's own`);
      if (code.slots.get(slot) < slotSizeOf(type)) this.blame(`${this.nameOf(place)} is too small`);
    } else {
      if (classOfRegister(place) !== classOf(type)) this.blame(`${this.nameOf(place)} is of the wrong class`);
      if (this.allocatable[place] === 0) this.blame(`${this.nameOf(place)} is not allocatable`);
      if (policyOf(c) === FIXED && place !== argumentOf(c))
        this.blame(`v${register - FIRST_VREG} is in ${this.nameOf(place)}, not where it is fixed`);
    }
  }

  private isReused(k: number): boolean {
    const { code, at } = this;
    const from = code.operandStart[at];
    for (let d = from; d < from + code.operandCount[at]; d++) {
      const c = code.constraint.get(d);
      if (roleOf(c) === DEF && policyOf(c) === REUSES && from + argumentOf(c) === k) return true;
    }
    return false;
  }

  private destroy(): void {
    const set = this.code.clobbers[this.at];
    if (set < 0) return;
    for (let r = 0; r < FIRST_VREG; r++)
      if (this.code.clobberSets[set].has(r) && !this.isPinned(r)) this.state[r] = NOTHING;
  }

  private define(): void {
    const { code, at, state } = this;
    const to = code.operandStart[at] + code.operandCount[at];
    for (let k = code.operandStart[at]; k < to; k++) {
      const register = code.register.get(k);
      if (roleOf(code.constraint.get(k)) !== DEF) continue;
      // what is left of an earlier turn of the loop is another value
      for (let p = 0; p < state.length; p++)
        if (state[p].includes(register)) state[p] = without(state[p], register);
      const place = this.indexOf(code.place.get(k));
      if (place >= 0) state[place] = [register];
    }
  }

  // --- edges ------------------------------------------------------------------------------------------------

  /** The state on edge e, at the end of the block just walked. */
  private stateOn(e: number): Held[] {
    const { code, at } = this;
    const before = this.state;
    const first = e === this.edges[code.edgeFrom.get(e)][0];
    this.state = before.slice();
    if (first) this.define();
    else if ((code.site[at] & CALL_SITE) !== 0) this.loseRegisters();
    const target = code.edgeTo.get(e);
    const count = code.edgeCount.get(e);
    if (count > 0) {
      const params = code.paramStart.get(target);
      const args = code.edgeStart.get(e);
      for (let p = 0; p < this.places; p++) {
        const held = this.state[p];
        const next = new Set(held);
        for (let k = 0; k < count; k++) next.delete(code.paramPool.get(params + k));
        for (let k = 0; k < count; k++) {
          const arg = code.argPool.get(args + k);
          if (held.includes(arg)) next.add(code.paramPool.get(params + k));
        }
        this.state[p] = [...next].sort((a, b) => a - b);
      }
    }
    const after = this.state;
    this.state = before;
    return after;
  }

  private loseRegisters(): void {
    for (let r = 0; r < FIRST_VREG; r++) if (!this.isPinned(r)) this.state[r] = NOTHING;
  }

  /** Meets `state` into the start of block b; true if that changed it. */
  private meet(b: number, state: Held[]): boolean {
    const known = this.entry[b];
    if (known === null) {
      this.entry[b] = state;
      return true;
    }
    let changed = false;
    for (let p = 0; p < known.length; p++) {
      const common = known[p].filter((v) => state[p].includes(v));
      if (common.length === known[p].length) continue;
      known[p] = common;
      changed = true;
    }
    return changed;
  }
}

/** Bytes that a move of a type carries: general registers and their slots whole. */
function widthOf(type: number): number {
  return classOf(type) === GENERAL ? 8 : TYPE_SIZE[type];
}

function without(held: Held, register: number): Held {
  return held.filter((v) => v !== register);
}
