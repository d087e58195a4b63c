// What the flags are known to say while a block is emitted: sign and zero of a register that was just computed. Then
// a test of it against itself is not written. The additions, logic and shifts below set both flags by their result
// (Intel SDM volume 1, appendix A); carry and overflow are their own, so only some conditions will do.
//
// Instructions between the two may be moves of the allocator, which change no flags but perhaps the register.

import * as x from "../../gen/x64-ops.ts";
import { type Code, DEF, roleOf } from "../../mach/code.ts";
import { READS_FLAGS, TERMINATES, WRITES_FLAGS } from "../../mach/pseudo.ts";
import { CC_E, CC_NE, CC_NS, CC_S, ROWS } from "./insts.ts";

/** How far ahead is looked for an instruction that reads or writes the flags. */
const LOOK_AHEAD = 16;

const UNKNOWN = -1;

export class KnownFlags {
  /** The register whose sign and zero the flags tell, or UNKNOWN. */
  private register: number;
  private wide: boolean;

  constructor() {
    this.register = UNKNOWN;
    this.wide = false;
  }

  forget(): void {
    this.register = UNKNOWN;
  }

  tell(register: number, wide: boolean): void {
    this.register = register;
    this.wide = wide;
  }

  /** `place` gets another value; the flags stay. */
  overwrite(place: number): void {
    if (place === this.register) this.register = UNKNOWN;
  }

  /** Instruction `i` was written. */
  follow(code: Code, i: number): void {
    const start = code.operandStart[i];
    const op = code.op[i];
    const { flags, encoding } = ROWS[op];
    if ((flags & WRITES_FLAGS) !== 0 || (encoding === null && !isPlain(op))) {
      const width = widthTold(op, code.imm[i]);
      if (width === 0) this.forget();
      else this.tell(code.place.get(start), width === 64);
      return;
    }
    for (let k = start; k < start + code.operandCount[i]; k++) {
      if (roleOf(code.constraint.get(k)) === DEF) this.overwrite(code.place.get(k));
    }
  }

  /** True when instruction `i` tests a register for what the flags say, and nothing else is asked of them. */
  makeNeedless(code: Code, i: number): boolean {
    const op = i < code.count ? code.op[i] : -1;
    if (this.register === UNKNOWN || op !== (this.wide ? x.TEST64 : x.TEST32)) return false;
    const start = code.operandStart[i];
    if (code.place.get(start) !== this.register || code.place.get(start + 1) !== this.register) return false;
    for (let k = i + 1; k < code.count; k++) {
      const { flags } = ROWS[code.op[k]];
      if ((flags & READS_FLAGS) !== 0) {
        const cc = code.imm2[k];
        if (cc !== CC_E && cc !== CC_NE && cc !== CC_S && cc !== CC_NS) return false;
      }
      if ((flags & (WRITES_FLAGS | TERMINATES)) !== 0) break;
    }
    return true;
  }
}

/** The first instruction from `i` on in its block that writes the flags or ends it, if none reads them; else -1. */
export function nextFlags(code: Code, i: number): number {
  const last = Math.min(i + LOOK_AHEAD, code.count);
  for (let k = i; k < last; k++) {
    const { flags } = ROWS[code.op[k]];
    if ((flags & READS_FLAGS) !== 0) return -1;
    if ((flags & (WRITES_FLAGS | TERMINATES)) !== 0) return k;
  }
  return -1;
}

/** Pseudo-instructions that only move. */
function isPlain(op: number): boolean {
  return op === x.COPY || op === x.SP || op === x.SYMBOL_ADDR || op === x.CODE_ADDR || op === x.TRAP_IF;
}

/** 32 or 64 where sign and zero are those of the result in the first operand; else 0. */
function widthTold(op: number, imm: number): number {
  switch (op) {
    case x.ADD32:
    case x.ADD32_I:
    case x.ADD32_M:
    case x.SUB32:
    case x.SUB32_I:
    case x.SUB32_M:
    case x.AND32:
    case x.AND32_I:
    case x.AND32_M:
    case x.OR32:
    case x.OR32_I:
    case x.OR32_M:
    case x.XOR32:
    case x.XOR32_I:
    case x.XOR32_M:
    case x.NEG32:
      return 32;
    case x.ADD64:
    case x.ADD64_I:
    case x.ADD64_M:
    case x.SUB64:
    case x.SUB64_I:
    case x.SUB64_M:
    case x.AND64:
    case x.AND64_I:
    case x.AND64_M:
    case x.OR64:
    case x.OR64_I:
    case x.OR64_M:
    case x.XOR64:
    case x.XOR64_I:
    case x.XOR64_M:
    case x.NEG64:
      return 64;
    // a count of zero leaves the flags alone
    case x.SHL32_I:
    case x.SHR32_I:
    case x.SAR32_I:
      return (imm & 31) !== 0 ? 32 : 0;
    case x.SHL64_I:
    case x.SHR64_I:
    case x.SAR64_I:
      return (imm & 63) !== 0 ? 64 : 0;
    default:
      return 0;
  }
}
