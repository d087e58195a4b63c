// Machine code before and after register allocation, as columns: what selection writes, the allocator reads
// and completes, and emission encodes. Nothing here knows an instruction set.
//
// Registers 0…63 are physical, as the target numbers them (0–31 general, 32–63 float/vector); from FIRST_VREG
// on they are virtual. A virtual register has exactly one definition, but for block parameters, which the
// edges define. Physical registers may appear as operands only where the target pinned or reserved them.
//
// An operand is two words: register and constraint. Its place after allocation is `place[i]`, i its number in
// the pool: a physical register, or SPILLED - slot.
//
// How an instruction happens: (1) its uses are read, and definitions with OVERLAPS or REUSES occupy their
// registers; (2) its clobbers are destroyed; (3) its other definitions are written. Hence a use without
// OVERLAPS may be in a clobbered register or share the one of a definition; a use with OVERLAPS may not. A
// FIXED definition may be in a clobbered register, another definition is not. A use that a definition REUSES is in
// that definition's register, and so may be other uses of the same virtual register. A value that an instruction
// asks for as ANYWHERE | OVERLAPS while it destroys all registers of the class is not also asked for IN_REGISTER.
//
// The first block has no parameters and no predecessors: values from outside are defined by instructions. A
// terminator with one successor (jump) has no operands. A terminator that defines (invoke, site 2) does so for
// its first edge only; on its other edges every register is destroyed.
//
// Moves stand before instruction `moveAt`, in the order in which they are to be made, and may stand between any
// two instructions: making them leaves the flags alone. Three groups can meet before one instruction:
// (1) if it is the first of a block with one predecessor, whose terminator has other successors: the moves of
//     that edge; (2) reloads, spills and the moves that its own constraints ask for; (3) if it is a jump (one
//     successor), the moves of its edge.
// A move is register to register of one class, register to slot, or slot to register: never slot to slot.
// General registers are moved, spilled and reloaded whole (8 bytes), whatever the type: an i32 in a slot may be read
// as the i64 it extends to. The scratch registers occur in moves only, and hold nothing from one instruction to
// the next.

import { grown, grown16, IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";

export const FIRST_VREG = 64;

/** Register classes. */
export const GENERAL = 0;
export const FLOAT = 1;

// --- constraints: role | late | policy | argument << 8 --------------------------------------------------

/** Roles. */
export const USE = 0;
export const DEF = 1;
/** Set: a USE that must survive the instruction's definitions; a DEF that must not share with any use. */
export const OVERLAPS = 2;
/** Policies. */
export const IN_REGISTER = 0 << 2;
/** A register or a spill slot, as it comes (the instruction has a memory form, or does not care). */
export const ANYWHERE = 1 << 2;
/** The physical register in bits 8–15. */
export const FIXED = 2 << 2;
/** DEF: the same register as the USE operand, not FIXED, whose index within the instruction is in bits 8–15. */
export const REUSES = 3 << 2;

export function fixed(role: number, register: number): number {
  return role | FIXED | (register << 8);
}

export function reuses(operand: number): number {
  return DEF | REUSES | (operand << 8);
}

export function roleOf(constraint: number): number {
  return constraint & 1;
}

export function policyOf(constraint: number): number {
  return constraint & 12;
}

export function argumentOf(constraint: number): number {
  return (constraint >> 8) & 255;
}

/** `place` of an operand in spill slot k: SPILLED - k. */
export const SPILLED = -2;

/** A place that must be a register. */
export function inRegister(place: number): number {
  return place < 0 ? unreachable("operand not in a register") : place;
}

// --- address forms: how a memory instruction computes its address -----------------------------------------

/** No memory operand. */
export const NO_ADDRESS = 0;
/** [base + disp]: one operand. */
export const BASE = 1;
/** [base + index << scale + disp]: two operands. */
export const BASE_INDEX = 2;
/** [symbol + disp], relative to the program counter: no operand. */
export const SYMBOL = 3;
/** [stack slot `symbol` + disp]: no operand. */
export const STACK_SLOT = 4;
/** [incoming stack argument at byte disp]: no operand. */
export const INCOMING = 5;
/** [outgoing stack argument at byte disp]: no operand. */
export const OUTGOING = 6;
/**
 * [constant of 1 << scale bytes in read-only data]: no operand. Its low word is `disp`, its high word `symbol`;
 * one of 16 bytes is made of that twice.
 */
export const LITERAL = 7;

/** A set of physical registers: bit r of `general` for r < 32, bit r - 32 of `float` for the rest. */
export class RegisterSet {
  readonly general: number;
  readonly float: number;

  constructor(general: number, float: number) {
    this.general = general;
    this.float = float;
  }

  has(register: number): boolean {
    return ((register < 32 ? this.general >>> register : this.float >>> (register - 32)) & 1) !== 0;
  }
}

export const EMPTY_SET: RegisterSet = new RegisterSet(0, 0);

export class Code {
  // instructions, in block order
  count: number;
  op: Uint16Array<ArrayBuffer>; // the target's instruction number
  operandStart: Int32Array<ArrayBuffer>;
  operandCount: Int32Array<ArrayBuffer>;
  /** Immediate, low and high word; for branches `imm` is the first edge. */
  imm: Int32Array<ArrayBuffer>;
  imm2: Int32Array<ArrayBuffer>;
  /** Address form | scale << 4 | number of the first address operand << 8. */
  address: Int32Array<ArrayBuffer>;
  disp: Int32Array<ArrayBuffer>;
  /** Symbol, stack slot, or -1. */
  symbol: Int32Array<ArrayBuffer>;
  /** Number in `clobberSets`, or -1: registers whose content the instruction destroys. */
  clobbers: Int32Array<ArrayBuffer>;
  /** Byte offset of the wasm instruction it comes from, or -1. */
  loc: Int32Array<ArrayBuffer>;
  /** 1: a fault here is an out of bounds memory access; 2: a call (its return address goes into the PC table). */
  site: Int32Array<ArrayBuffer>;

  // operand pool
  readonly register: IntColumn;
  readonly constraint: IntColumn;
  /** Written by the allocator. */
  readonly place: IntColumn;

  // virtual registers: type (ir/ops.ts) of register FIRST_VREG + i
  readonly vregType: IntColumn;

  // blocks, in layout order; `blockStart` has one more entry than there are blocks
  readonly blockStart: IntColumn;
  /** Block parameters: a range of `paramPool`. */
  readonly paramStart: IntColumn;
  readonly paramCount: IntColumn;
  readonly loopDepth: IntColumn;
  readonly cold: IntColumn;
  readonly paramPool: IntColumn;

  // edges; no edge is critical (either its source has one successor or its target one predecessor)
  readonly edgeFrom: IntColumn;
  readonly edgeTo: IntColumn;
  readonly edgeStart: IntColumn; // range of `argPool`, one per parameter of the target
  readonly edgeCount: IntColumn;
  readonly argPool: IntColumn;

  /** Sizes in bytes of stack slots (16-aligned): first the function's own, then those of the allocator. */
  readonly slots: IntColumn;
  readonly clobberSets: RegisterSet[];

  // moves that the allocator inserts, in order of position: before instruction `moveAt`
  readonly moveAt: IntColumn;
  /** A place; for a rematerialisation the number of the instruction to repeat. */
  readonly moveFrom: IntColumn;
  /** A place; for a rematerialisation always a register. */
  readonly moveTo: IntColumn;
  readonly moveType: IntColumn;
  /** Register whose constant definition is repeated (rematerialised) instead of moved, or -1. */
  readonly moveRemat: IntColumn;

  constructor() {
    this.count = 0;
    this.op = new Uint16Array(256);
    this.operandStart = new Int32Array(256);
    this.operandCount = new Int32Array(256);
    this.imm = new Int32Array(256);
    this.imm2 = new Int32Array(256);
    this.address = new Int32Array(256);
    this.disp = new Int32Array(256);
    this.symbol = new Int32Array(256);
    this.clobbers = new Int32Array(256);
    this.loc = new Int32Array(256);
    this.site = new Int32Array(256);
    this.register = new IntColumn();
    this.constraint = new IntColumn();
    this.place = new IntColumn();
    this.vregType = new IntColumn();
    this.blockStart = new IntColumn();
    this.paramStart = new IntColumn();
    this.paramCount = new IntColumn();
    this.loopDepth = new IntColumn();
    this.cold = new IntColumn();
    this.paramPool = new IntColumn();
    this.edgeFrom = new IntColumn();
    this.edgeTo = new IntColumn();
    this.edgeStart = new IntColumn();
    this.edgeCount = new IntColumn();
    this.argPool = new IntColumn();
    this.slots = new IntColumn();
    this.clobberSets = [];
    this.moveAt = new IntColumn();
    this.moveFrom = new IntColumn();
    this.moveTo = new IntColumn();
    this.moveType = new IntColumn();
    this.moveRemat = new IntColumn();
  }

  reset(): void {
    this.count = 0;
    for (const column of [
      this.register,
      this.constraint,
      this.place,
      this.vregType,
      this.blockStart,
      this.paramStart,
      this.paramCount,
      this.loopDepth,
      this.cold,
      this.paramPool,
      this.edgeFrom,
      this.edgeTo,
      this.edgeStart,
      this.edgeCount,
      this.argPool,
      this.slots,
      this.moveAt,
      this.moveFrom,
      this.moveTo,
      this.moveType,
      this.moveRemat,
    ]) {
      column.clear();
    }
    this.clobberSets.length = 0;
  }

  newVreg(type: number): number {
    return FIRST_VREG + this.vregType.push(type);
  }

  typeOf(vreg: number): number {
    return this.vregType.get(vreg - FIRST_VREG);
  }

  /** Appends an instruction whose operands are pushed next, with `operand`. */
  instruction(op: number): number {
    const i = this.count;
    if (i === this.op.length) this.grow();
    this.op[i] = op;
    this.operandStart[i] = this.register.length;
    this.operandCount[i] = 0;
    this.imm[i] = 0;
    this.imm2[i] = 0;
    this.address[i] = NO_ADDRESS;
    this.disp[i] = 0;
    this.symbol[i] = -1;
    this.clobbers[i] = -1;
    this.loc[i] = -1;
    this.site[i] = 0;
    this.count = i + 1;
    return i;
  }

  /** Adds an operand to the latest instruction. */
  operand(register: number, constraint: number): void {
    this.register.push(register);
    this.constraint.push(constraint);
    this.place.push(register < FIRST_VREG ? register : -1);
    this.operandCount[this.count - 1]++;
  }

  private grow(): void {
    const n = this.count + 1;
    this.op = grown16(this.op, n);
    this.operandStart = grown(this.operandStart, n);
    this.operandCount = grown(this.operandCount, n);
    this.imm = grown(this.imm, n);
    this.imm2 = grown(this.imm2, n);
    this.address = grown(this.address, n);
    this.disp = grown(this.disp, n);
    this.symbol = grown(this.symbol, n);
    this.clobbers = grown(this.clobbers, n);
    this.loc = grown(this.loc, n);
    this.site = grown(this.site, n);
  }
}
