// Checks what selection leaves, in every compilation: every virtual register has one definition, operands agree
// with the instruction table, no instruction needs more of the CPU than the target says, i32 registers are
// zero-extended, and accesses to guarded memory cannot leave the reservation, whatever the stages before did. No later
// stage repeats the last.
//
// requires: Code before allocation

import { F32, F64, I32, I64, V128 } from "../ir/ops.ts";
import {
  BASE,
  BASE_INDEX,
  type Code,
  DEF,
  FIRST_VREG,
  FIXED,
  NO_ADDRESS,
  policyOf,
  roleOf,
  USE,
} from "./code.ts";
import { classOf, classOfRegister } from "./registers.ts";
import type { Target } from "./target.ts";
import { SITE_FAULT } from "./writer.ts";

class Verifier {
  private readonly code: Code;
  private readonly target: Target;
  private readonly definitions: Int32Array;
  /** Virtual register → the instruction that defines it, or -1. */
  private readonly definedAt: Int32Array;
  readonly faults: string[];

  constructor(code: Code, target: Target) {
    this.code = code;
    this.target = target;
    this.definitions = new Int32Array(code.vregType.length);
    this.definedAt = new Int32Array(code.vregType.length).fill(-1);
    this.faults = [];
  }

  private fault(i: number, text: string): void {
    this.faults.push(`instruction ${i} (${this.target.instructions.names[this.code.op[i]]}): ${text}`);
  }

  run(): void {
    const { code } = this;
    for (let k = 0; k < code.paramPool.length; k++) this.define(code.paramPool.get(k), -1);
    for (let i = 0; i < code.count; i++) {
      const start = code.operandStart[i];
      for (let k = start; k < start + code.operandCount[i]; k++) {
        if (roleOf(code.constraint.get(k)) === DEF) this.define(code.register.get(k), i);
      }
    }
    for (let i = 0; i < code.count; i++) this.instruction(i);
    for (let e = 0; e < code.edgeFrom.length; e++) this.edge(e);
    this.definitions.forEach((n, v) => {
      if (n > 1) this.faults.push(`v${v + FIRST_VREG} has ${n} definitions`);
    });
  }

  private define(register: number, at: number): void {
    if (register < FIRST_VREG) return;
    this.definitions[register - FIRST_VREG]++;
    this.definedAt[register - FIRST_VREG] = at;
  }

  private isDefined(register: number): boolean {
    return register < FIRST_VREG || this.definitions[register - FIRST_VREG] > 0;
  }

  private instruction(i: number): void {
    const { code } = this;
    const table = this.target.instructions;
    const op = code.op[i];
    if ((table.features[op] & ~this.target.features) !== 0)
      this.fault(i, "not an instruction of every CPU that the code is for");
    const start = code.operandStart[i];
    const form = code.address[i] & 15;
    const addressOperands = form === BASE ? 1 : form === BASE_INDEX ? 2 : 0;
    const addressAt = form === NO_ADDRESS ? -1 : code.address[i] >> 8;
    const wanted = table.start[op + 1] - table.start[op];
    const hasRow = wanted > 0 || table.memoryAt[op] >= 0;
    if (hasRow && wanted + addressOperands !== code.operandCount[i]) {
      this.fault(i, `${code.operandCount[i]} operands`);
      return;
    }
    if (hasRow && table.memoryAt[op] !== addressAt) this.fault(i, "no memory operand, or a wrong one");
    let row = table.start[op];
    for (let k = 0; k < code.operandCount[i]; k++) {
      const register = code.register.get(start + k);
      const constraint = code.constraint.get(start + k);
      if (roleOf(constraint) === USE && !this.isDefined(register)) this.fault(i, `v${register} is undefined`);
      if (addressAt >= 0 && k >= addressAt && k < addressAt + addressOperands) {
        if (this.classAt(register) !== classOf(I64)) this.fault(i, "a float in an address");
        continue;
      }
      if (policyOf(constraint) === FIXED && classOfRegister(constraint >> 8) !== this.classAt(register)) {
        this.fault(i, "a fixed register of the other class");
      }
      if (hasRow) this.operand(i, register, roleOf(constraint), table.type[row++]);
    }
    const isGuarded = (code.site[i] & SITE_FAULT) !== 0;
    if (isGuarded && addressOperands === 0) this.fault(i, "guarded memory, but no register in the address");
    else if (isGuarded) this.access(i, start + addressAt);
  }

  private classAt(register: number): number {
    return register < FIRST_VREG ? classOfRegister(register) : classOf(this.code.typeOf(register));
  }

  private operand(i: number, register: number, role: number, type: number): void {
    if (this.classAt(register) !== classOf(type)) this.fault(i, `v${register} is of the other class`);
    if (register < FIRST_VREG) return;
    const own = this.code.typeOf(register);
    // an i32 has zeros above it
    if (role === DEF && own === I32 && type !== I32 && this.resultBits(i) > 32) {
      this.fault(i, `v${register} is an i32, but the instruction is not 32 bits wide`);
    }
  }

  /**
   * An access that nothing but the guard keeps inside memory 0: [its base + index << scale + disp], where the index
   * has 32 bits and disp 31, or the sum of both is the index. So it stays below 2^33 + 2^16, the reservation.
   */
  private access(i: number, at: number): void {
    const { code } = this;
    const disp = code.disp[i];
    if (code.register.get(at) !== this.target.memoryBase)
      this.fault(i, "guarded memory, but not from its base");
    if (disp < 0) this.fault(i, "a negative displacement in guarded memory");
    if ((code.address[i] & 15) === BASE) return;
    const scale = (code.address[i] >> 4) & 15;
    const bits = this.significantBits(code.register.get(at + 1)) + scale;
    // The sum of an index and an offset has 33 bits; an index that is scaled must not, since it would have wrapped.
    if (bits > (scale === 0 && disp === 0 ? 33 : 32))
      this.fault(i, `an index of ${bits} bits in guarded memory`);
  }

  /** How many low bits of a register may be set at most, by its type and by the instruction that defines it. */
  private significantBits(register: number): number {
    if (register < FIRST_VREG) return 64;
    const { code } = this;
    const at = this.definedAt[register - FIRST_VREG];
    const most = code.typeOf(register) === I32 ? 32 : 64;
    if (at < 0 || code.register.get(code.operandStart[at]) !== register) return most;
    return Math.min(most, this.resultBits(at));
  }

  /** The same of what instruction `i` defines, by the instruction alone. */
  private resultBits(i: number): number {
    return this.target.significantBits(this.code, i, (r) => this.significantBits(r));
  }

  private edge(e: number): void {
    const { code } = this;
    const to = code.edgeTo.get(e);
    const count = code.edgeCount.get(e);
    if (count !== code.paramCount.get(to)) {
      this.faults.push(`edge ${e}: ${count} arguments for block ${to}`);
      return;
    }
    for (let k = 0; k < count; k++) {
      const argument = code.argPool.get(code.edgeStart.get(e) + k);
      const param = code.paramPool.get(code.paramStart.get(to) + k);
      if (!this.isDefined(argument)) this.faults.push(`edge ${e}: v${argument} is undefined`);
      if (!fits(code.typeOf(argument), code.typeOf(param))) this.faults.push(`edge ${e}: types`);
    }
  }
}

/** A register of type `from` may be copied into one of type `to`: an i32 serves as 64 bits, not the reverse. */
function fits(from: number, to: number): boolean {
  if (to === I32 || to === F32 || to === F64 || to === V128) return from === to;
  return classOf(from) === classOf(to);
}

/** What is wrong with the code, in words; nothing if all is well. */
export function verifyCode(code: Code, target: Target): string[] {
  const verifier = new Verifier(code, target);
  verifier.run();
  return verifier.faults;
}
