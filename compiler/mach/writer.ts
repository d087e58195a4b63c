// Writes machine instructions into a buffer, for selection: rows of the target's table with their registers, and with
// the address that was staged for them. A group is what becomes of one value; its instructions stand forwards.

import { unreachable } from "../base/fail.ts";
import {
  argumentOf,
  BASE,
  BASE_INDEX,
  Code,
  IN_REGISTER,
  LITERAL,
  NO_ADDRESS,
  policyOf,
  REUSES,
  type RegisterSet,
  reuses,
  STACK_SLOT,
  SYMBOL,
  USE,
} from "./code.ts";
import type { Target } from "./target.ts";

/** Instead of a register: no operand. */
export const NONE = -1;
/** Instead of a register: the staged address. */
export const MEMORY = -2;

/** An instruction has at most so many DEFs behind the first. */
const MOST_LATER_DEFS = 3;

/** Bits of Code.site. */
export const SITE_FAULT = 1;
export const SITE_CALL = 2;

export class InstructionWriter {
  readonly target: Target;
  /** Where the registers are made, and where the buffer is copied to. */
  code: Code;
  /** Only its instruction columns and operands are used. */
  readonly buffer: Code;
  /** Offset in the source given to the instructions made. */
  loc: number;

  // the staged address
  private form: number;
  private base: number;
  private index: number;
  private scale: number;
  private disp: number;
  private symbol: number;
  private fault: boolean;
  private faultLoc: number;
  // registers that the next condition compares, where the machine has no flags
  private conditionA: number;
  private conditionB: number;
  private readonly laterDefs: Int32Array;
  private laterCount: number;

  constructor(target: Target) {
    this.target = target;
    this.code = new Code();
    this.buffer = new Code();
    this.loc = -1;
    this.form = NO_ADDRESS;
    this.base = NONE;
    this.index = NONE;
    this.scale = 0;
    this.disp = 0;
    this.symbol = -1;
    this.fault = false;
    this.faultLoc = -1;
    this.conditionA = NONE;
    this.conditionB = NONE;
    this.laterDefs = new Int32Array(MOST_LATER_DEFS);
    this.laterCount = 0;
  }

  temp(type: number): number {
    return this.code.newVreg(type);
  }

  // --- addresses --------------------------------------------------------------------------------------------

  /** Of the access whose address is staged next: whether a fault is a trap, and where it comes from. */
  stageFault(isTrap: boolean, loc: number): void {
    this.fault = isTrap;
    this.faultLoc = loc;
  }

  stageBase(base: number, disp: number): void {
    this.form = BASE;
    this.base = base;
    this.disp = disp;
  }

  stageIndex(base: number, index: number, scale: number, disp: number): void {
    this.form = BASE_INDEX;
    this.base = base;
    this.index = index;
    this.scale = scale;
    this.disp = disp;
  }

  stageSymbol(symbol: number, disp: number): void {
    this.form = SYMBOL;
    this.symbol = symbol;
    this.disp = disp;
  }

  stageSlot(slot: number, disp: number): void {
    this.form = STACK_SLOT;
    this.symbol = slot;
    this.disp = disp;
  }

  /** An address in the arguments: `form` is INCOMING or OUTGOING. */
  stageArgument(form: number, disp: number): void {
    this.form = form;
    this.disp = disp;
  }

  /** A constant of `width` bits; of 128: the 64 given bits twice. */
  stageLiteral(width: number, lo: number, hi: number): void {
    this.form = LITERAL;
    this.scale = 28 - Math.clz32(width);
    this.disp = lo;
    this.symbol = hi;
  }

  /** Writes the staged address into instruction `i`, the latest of the buffer. */
  private putAddress(i: number): void {
    const { buffer } = this;
    if (this.form === NO_ADDRESS) unreachable("a memory operand without address");
    buffer.address[i] = this.form | (this.scale << 4) | (buffer.operandCount[i] << 8);
    buffer.disp[i] = this.disp;
    buffer.symbol[i] = this.symbol;
    if (this.form === BASE || this.form === BASE_INDEX) buffer.operand(this.base, USE | IN_REGISTER);
    if (this.form === BASE_INDEX) buffer.operand(this.index, USE | IN_REGISTER);
    if (this.fault) {
      buffer.site[i] |= SITE_FAULT;
      buffer.loc[i] = this.faultLoc;
    }
    this.form = NO_ADDRESS;
    this.base = NONE;
    this.index = NONE;
    this.scale = 0;
    this.disp = 0;
    this.symbol = -1;
    this.fault = false;
  }

  private addressOperands(): number {
    return this.form === BASE ? 1 : this.form === BASE_INDEX ? 2 : 0;
  }

  // --- instructions -----------------------------------------------------------------------------------------

  /** The register of the next DEF behind the first of the instruction that is put next; without, one nobody reads. */
  later(register: number): void {
    this.laterDefs[this.laterCount++] = register;
  }

  /**
   * Appends an instruction of the table: its first DEF (NONE: one nobody reads), its register USEs in order.
   * One of them may be MEMORY: then it is the instruction's memory form.
   */
  put(instruction: number, def: number, a = NONE, b = NONE, c = NONE, imm = 0, imm2 = 0): number {
    const table = this.target.instructions;
    const isMemory = a === MEMORY || b === MEMORY || c === MEMORY;
    const form = isMemory ? table.memoryForm[instruction] : instruction;
    if (form < 0) unreachable(`${table.names[instruction]} has no memory form`);
    const start = table.start[form];
    const count = table.start[form + 1] - start;
    const defs = table.defs[form];
    const memoryAt = table.memoryAt[form];
    const { buffer } = this;
    const shift = memoryAt < 0 ? 0 : this.addressOperands();
    const i = this.append(form);
    let next = 0;
    for (let k = 0; k < count; k++) {
      if (k === memoryAt) this.putAddress(i);
      const constraint = table.constraint[start + k];
      if (k < defs) {
        let register = k === 0 ? def : k <= this.laterCount ? this.laterDefs[k - 1] : NONE;
        if (register < 0) register = this.temp(table.type[start + k]);
        const moved = policyOf(constraint) === REUSES && memoryAt >= 0 && argumentOf(constraint) >= memoryAt;
        buffer.operand(register, moved ? reuses(argumentOf(constraint) + shift) : constraint);
        continue;
      }
      let register = NONE;
      while (register < 0 && next < 3) {
        register = next === 0 ? a : next === 1 ? b : c;
        next++;
      }
      if (register < 0) unreachable(`${table.names[form]} lacks an operand`);
      buffer.operand(register, constraint);
    }
    if (memoryAt === count) this.putAddress(i);
    buffer.imm[i] = imm;
    buffer.imm2[i] = imm2;
    this.laterCount = 0;
    return def;
  }

  /** What the condition made next compares: registers, or NONE; for machines that compare where they branch. */
  stageCondition(a: number, b: number): void {
    this.conditionA = a;
    this.conditionB = b;
  }

  /** As `put`, an instruction that asks for the condition `cc`, made at once before it, with what that compares. */
  putCondition(instruction: number, def: number, imm: number, cc: number): void {
    this.put(instruction, def, NONE, NONE, NONE, imm, cc);
    if (this.conditionA >= 0) this.buffer.operand(this.conditionA, USE | IN_REGISTER);
    if (this.conditionB >= 0) this.buffer.operand(this.conditionB, USE | IN_REGISTER);
    this.stageCondition(NONE, NONE);
  }

  /** Appends an instruction whose operands `operand` gives; its number in the buffer. */
  append(instruction: number): number {
    const i = this.buffer.instruction(instruction);
    this.buffer.loc[i] = this.loc;
    return i;
  }

  /** Gives the latest instruction a symbol that is no address. */
  setSymbol(symbol: number): void {
    this.buffer.symbol[this.buffer.count - 1] = symbol;
  }

  operand(register: number, constraint: number): void {
    this.buffer.operand(register, constraint);
  }

  /** Gives the latest instruction the staged address, behind the operands it has. */
  addressOperand(): void {
    this.putAddress(this.buffer.count - 1);
  }

  /** The number of the set among those of the code. */
  clobberSet(set: RegisterSet): number {
    const sets = this.code.clobberSets;
    for (let i = 0; i < sets.length; i++) if (sets[i] === set) return i;
    sets.push(set);
    return sets.length - 1;
  }

  /** Appends instruction `i` of the buffer to the code. */
  copyInstruction(i: number): void {
    const { buffer, code } = this;
    const k = code.instruction(buffer.op[i]);
    code.imm[k] = buffer.imm[i];
    code.imm2[k] = buffer.imm2[i];
    code.address[k] = buffer.address[i];
    code.disp[k] = buffer.disp[i];
    code.symbol[k] = buffer.symbol[i];
    code.clobbers[k] = buffer.clobbers[i];
    code.loc[k] = buffer.loc[i];
    code.site[k] = buffer.site[i];
    const start = buffer.operandStart[i];
    for (let n = 0; n < buffer.operandCount[i]; n++) {
      code.operand(buffer.register.get(start + n), buffer.constraint.get(start + n));
    }
  }
}
