// Checks what selection leaves, in every compilation: every virtual register has one definition, operands agree
// with the instruction table, no instruction needs more of the CPU than the target says, i32 registers hold what the
// target says above the i32, and accesses to guarded memory cannot leave the reservation, whatever the stages before did.
// No later stage repeats the last.
//
// A register is, to this check, the base of memory 0, a number of so many bits with zeros above, or the base plus such a
// number: by the type of the register, and by the instruction that defines it (`above` and `result` of the table). A
// number of 64 bits is anything. Block parameters, results of calls and what lies in memory are known by their types alone.
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
import { changesInstance } from "./frame.ts";
import { classOf, classOfRegister } from "./registers.ts";
import {
  BITS8,
  BITS16,
  IMMEDIATE,
  MASKED,
  SHIFTED,
  SUM,
  SUM_EXTENDED,
  SUM_IMMEDIATE,
  type Target,
  ZEROS,
} from "./target.ts";
import { SITE_FAULT } from "./writer.ts";

/** A value from here on: the base of memory 0, plus a number of so many bits. */
const AT_BASE = 128;
/** So many definitions are looked through: more than an address is made of. */
const DEEPEST = 8;

class Verifier {
  private readonly code: Code;
  private readonly target: Target;
  private readonly definitions: Int32Array;
  /** Virtual register → the instruction that defines it, or -1. */
  private readonly definedAt: Int32Array;
  /** Whether the function makes another instance current, or may find that one did. */
  private changesInstance: boolean;
  readonly faults: string[];

  constructor(code: Code, target: Target) {
    this.code = code;
    this.target = target;
    this.definitions = new Int32Array(code.vregType.length);
    this.definedAt = new Int32Array(code.vregType.length).fill(-1);
    this.changesInstance = false;
    this.faults = [];
  }

  private fault(i: number, text: string): void {
    this.faults.push(`instruction ${i} (${this.target.instructions.names[this.code.op[i]]}): ${text}`);
  }

  run(): void {
    const { code } = this;
    for (let k = 0; k < code.paramPool.length; k++) this.define(code.paramPool.get(k), -1);
    for (let i = 0; i < code.count; i++) {
      if (changesInstance(code.op[i])) this.changesInstance = true;
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
      if (hasRow) {
        this.operand(i, register, roleOf(constraint), table.type[row], table.above[row]);
        row++;
      }
    }
    const isGuarded = (code.site[i] & SITE_FAULT) !== 0;
    if (isGuarded && addressOperands === 0) this.fault(i, "guarded memory, but no register in the address");
    else if (isGuarded) this.access(i, start + addressAt);
  }

  private classAt(register: number): number {
    return register < FIRST_VREG ? classOfRegister(register) : classOf(this.code.typeOf(register));
  }

  private operand(i: number, register: number, role: number, type: number, above: number): void {
    if (this.classAt(register) !== classOf(type)) this.fault(i, `v${register} is of the other class`);
    if (register < FIRST_VREG || role !== DEF || this.code.typeOf(register) !== I32) return;
    const bits = this.code.register.get(this.code.operandStart[i]) === register ? this.result(i, 0) : 64;
    const isWhole = type === I32 && above === this.target.i32;
    // zeros above, of which the uppermost of 31 bits is the sign
    if (!isWhole && bits > (this.target.i32 === ZEROS ? 32 : 31))
      this.fault(i, `v${register} is an i32, but the instruction does not make one`);
  }

  /**
   * An access that nothing but the guard keeps inside memory 0: its base plus less than 2^33, so that it stays below
   * 2^33 + 2^16, the reservation. The displacement has 31 bits; what it is added to has 32, or 33 where it is 0.
   */
  private access(i: number, at: number): void {
    const { code } = this;
    const disp = code.disp[i];
    const scale = (code.address[i] >> 4) & 15;
    const address = this.valueOf(code.register.get(at), 0);
    if (address < AT_BASE) this.fault(i, "guarded memory, but not from its base");
    if (disp < 0) this.fault(i, "a negative displacement in guarded memory");
    const isIndexed = (code.address[i] & 15) === BASE_INDEX;
    // An index that is scaled has 32 bits, since it would have wrapped; so has one that lies in an address.
    const index = isIndexed ? this.valueOf(code.register.get(at + 1), 0) : 0;
    const bits = isIndexed ? index + scale : address - AT_BASE;
    const isSum = isIndexed && address > AT_BASE;
    if (isSum || bits > (scale === 0 && disp === 0 ? 33 : 32))
      this.fault(i, `an index of ${bits} bits in guarded memory`);
  }

  /** What a register holds: a number of bits, or AT_BASE plus one. `depth`: of definitions that were looked through. */
  private valueOf(register: number, depth: number): number {
    const { code } = this;
    if (register === this.target.memoryBase) return AT_BASE;
    if (register < FIRST_VREG) return 64;
    const most = code.typeOf(register) === I32 && this.target.i32 === ZEROS ? 32 : 64;
    const at = this.definedAt[register - FIRST_VREG];
    if (depth > DEEPEST || at < 0 || code.register.get(code.operandStart[at]) !== register) return most;
    const value = this.result(at, depth + 1);
    return value >= AT_BASE ? value : Math.min(most, value);
  }

  /** The same of the first DEF of instruction `i`, by the instruction alone. */
  private result(i: number, depth: number): number {
    const { code } = this;
    const table = this.target.instructions;
    const op = code.op[i];
    const at = table.start[op];
    const width = table.type[at] === I32 ? 32 : 64;
    const most = width === 32 && table.above[at] === ZEROS ? 32 : 64;
    const use = code.operandStart[i] + table.defs[op];
    switch (table.result[op]) {
      case BITS8:
        return 8;
      case BITS16:
        return 16;
      case MASKED:
        // as an immediate of 64 bits it may have its sign above
        return width === 64 && code.imm[i] < 0 ? 64 : Math.min(most, 32 - Math.clz32(code.imm[i]));
      case SHIFTED:
        return width - (code.imm[i] & (width - 1));
      case IMMEDIATE:
        return code.imm2[i] === 0 ? 32 - Math.clz32(code.imm[i]) : 64;
      case SUM:
        return this.sum(
          this.valueOf(code.register.get(use), depth),
          this.valueOf(code.register.get(use + 1), depth),
        );
      case SUM_EXTENDED: {
        // what is scaled has 32 bits, since it would have wrapped
        const index = Math.min(32, this.valueOf(code.register.get(use + 1), depth)) + code.imm[i];
        return index > 32 ? 64 : this.sum(this.valueOf(code.register.get(use), depth), index);
      }
      case SUM_IMMEDIATE:
        return code.imm[i] < 0
          ? 64
          : this.sum(this.valueOf(code.register.get(use), depth), 32 - Math.clz32(code.imm[i]));
      default:
        return most;
    }
  }

  /** Of two numbers, or of the base, or the base plus a number, and a number. */
  private sum(a: number, b: number): number {
    if (a < AT_BASE && b < AT_BASE) return Math.min(64, Math.max(a, b) + 1);
    const number = a < AT_BASE ? a : b;
    const base = a < AT_BASE ? b : a;
    // what was the base is not the base of another instance
    if (this.changesInstance) return 64;
    const bits = base === AT_BASE ? number : Math.max(base - AT_BASE, number) + 1;
    return bits > 33 ? 64 : AT_BASE + bits;
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
