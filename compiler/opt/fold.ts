// Evaluates an operation on constants, exactly as the machine would. Floats: + - * / and sqrt are exact IEEE in
// doubles, and for f32 too, because rounding twice is harmless with 53 ≥ 2·24 + 2 bits (Figueroa, "When is double
// rounding innocuous?", 1995). Arithmetic that yields a NaN is left to the machine, whose NaN it would have to be.
// Divisions and truncations that a guard keeps from running are left alone as well.

import {
  add64,
  and64,
  clz64,
  ctz32,
  ctz64,
  divS64,
  divU64,
  eq64,
  I64,
  isZero,
  ltS64,
  ltU64,
  ltu,
  mul64,
  mulHighS64,
  mulHighU64,
  or64,
  popcnt32,
  popcnt64,
  rotl64,
  shl64,
  shrS64,
  shrU64,
  sub64,
  xor64,
} from "../base/int64.ts";
import type { f64, u32 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import type { Func, Value } from "../ir/func.ts";
import { RESULT, I64 as TYPE_I64 } from "../ir/ops.ts";

const TWO32 = 4294967296;
const TWO63 = (TWO32 * TWO32) / 2;

/** True for the operations whose result is a number known now: the bits in imm and imm2. */
export function isNumber(code: number): boolean {
  switch (code) {
    case op.I32_CONST:
    case op.I64_CONST:
    case op.F32_CONST:
    case op.F64_CONST:
    case op.PTR_CONST:
      return true;
    default:
      return false;
  }
}

export class Fold {
  /** The result's words. */
  lo: number;
  hi: number;
  private readonly bits: DataView<ArrayBuffer>;

  constructor() {
    this.lo = 0;
    this.hi = 0;
    this.bits = new DataView(new ArrayBuffer(8));
  }

  /** Evaluates `v`, whose operands must all be resolved; true when `lo` and `hi` are its value. */
  evaluate(f: Func, v: Value): boolean {
    const code = f.op[v];
    const a = f.a[v];
    const b = f.b[v];
    // Of variadic operations these are no values, but where their operands are, and how many.
    if (a < 0 || a >= f.count || b >= f.count || !isNumber(f.op[a])) return false;
    if (b >= 0 && (!isNumber(f.op[b]) || f.c[v] >= 0)) return false;
    switch (f.op[a]) {
      case op.I32_CONST:
        return b < 0 ? this.unary32(code, f.imm[a]) : this.binary32(code, f.imm[a], f.imm[b]);
      case op.F32_CONST:
        if (b < 0) return this.unaryF32(code, f.imm[a]);
        return this.binaryF32(code, f.imm[a], f.imm[b]);
      case op.F64_CONST:
        if (b < 0) return this.unaryF64(code, f.imm[a], f.imm2[a]);
        return this.binaryF64(code, f.imm[a], f.imm2[a], f.imm[b], f.imm2[b]);
      default: {
        const x = new I64(f.imm[a], f.imm2[a]);
        return b < 0 ? this.unary64(code, x) : this.binary64(code, x, new I64(f.imm[b], f.imm2[b]));
      }
    }
  }

  private yield32(x: number): boolean {
    this.lo = x;
    this.hi = 0;
    return true;
  }

  private yieldBool(truth: boolean): boolean {
    return this.yield32(truth ? 1 : 0);
  }

  private yield64(x: I64): boolean {
    this.lo = x.lo;
    this.hi = x.hi;
    return true;
  }

  private yieldSigned(x: number): boolean {
    this.lo = x;
    this.hi = x >> 31;
    return true;
  }

  private f32(bits: number): f64 {
    this.bits.setInt32(0, bits, true);
    return this.bits.getFloat32(0, true);
  }

  private f64(lo: number, hi: number): f64 {
    this.bits.setInt32(0, lo, true);
    this.bits.setInt32(4, hi, true);
    return this.bits.getFloat64(0, true);
  }

  private yieldF32(x: f64): boolean {
    if (Number.isNaN(x)) return false;
    this.bits.setFloat32(0, x, true);
    return this.yield32(this.bits.getInt32(0, true));
  }

  private yieldF64(x: f64): boolean {
    if (Number.isNaN(x)) return false;
    this.bits.setFloat64(0, x, true);
    this.lo = this.bits.getInt32(0, true);
    this.hi = this.bits.getInt32(4, true);
    return true;
  }

  // --- integers ---------------------------------------------------------------------------------------

  private unary32(code: number, x: number): boolean {
    switch (code) {
      case op.I32_CLZ:
        return this.yield32(Math.clz32(x));
      case op.I32_CTZ:
        return this.yield32(ctz32(x));
      case op.I32_POPCNT:
        return this.yield32(popcnt32(x));
      case op.I32_EXTEND8_S:
        return this.yield32((x << 24) >> 24);
      case op.I32_EXTEND16_S:
        return this.yield32((x << 16) >> 16);
      case op.I32_EQZ:
        return this.yieldBool(x === 0);
      case op.I64_EXTEND_I32_S:
        return this.yieldSigned(x);
      case op.I64_EXTEND_I32_U:
      case op.F32_REINTERPRET_I32:
        return this.yield32(x);
      case op.F32_CONVERT_I32_S:
        return this.yieldF32(x);
      case op.F32_CONVERT_I32_U:
        return this.yieldF32(x >>> 0);
      case op.F64_CONVERT_I32_S:
        return this.yieldF64(x);
      case op.F64_CONVERT_I32_U:
        return this.yieldF64(x >>> 0);
      default:
        return false;
    }
  }

  private binary32(code: number, a: number, b: number): boolean {
    switch (code) {
      case op.I32_ADD:
        return this.yield32((a + b) | 0);
      case op.I32_SUB:
        return this.yield32((a - b) | 0);
      case op.I32_MUL:
        return this.yield32(Math.imul(a, b));
      case op.I32_DIV_S:
        return b !== 0 && (a !== -0x80000000 || b !== -1) && this.yield32((a / b) | 0);
      case op.I32_DIV_U:
        return b !== 0 && this.yield32(((a >>> 0) / (b >>> 0)) | 0);
      case op.I32_REM_S:
        return b !== 0 && this.yield32(a % b);
      case op.I32_REM_U:
        return b !== 0 && this.yield32(((a >>> 0) % (b >>> 0)) | 0);
      case op.I32_AND:
        return this.yield32(a & b);
      case op.I32_OR:
        return this.yield32(a | b);
      case op.I32_XOR:
        return this.yield32(a ^ b);
      case op.I32_SHL:
        return this.yield32(a << b);
      case op.I32_SHR_S:
        return this.yield32(a >> b);
      case op.I32_SHR_U:
        return this.yield32((a >>> b) | 0);
      case op.I32_ROTL:
        return this.yield32((a << b) | (a >>> -b));
      case op.I32_ROTR:
        return this.yield32((a >>> b) | (a << -b));
      case op.I32_EQ:
        return this.yieldBool(a === b);
      case op.I32_NE:
        return this.yieldBool(a !== b);
      case op.I32_LT_S:
        return this.yieldBool(a < b);
      case op.I32_LT_U:
        return this.yieldBool(ltu(a, b));
      case op.I32_GT_S:
        return this.yieldBool(a > b);
      case op.I32_GT_U:
        return this.yieldBool(ltu(b, a));
      case op.I32_LE_S:
        return this.yieldBool(a <= b);
      case op.I32_LE_U:
        return this.yieldBool(!ltu(b, a));
      case op.I32_GE_S:
        return this.yieldBool(a >= b);
      case op.I32_GE_U:
        return this.yieldBool(!ltu(a, b));
      default:
        return false;
    }
  }

  private unary64(code: number, x: I64): boolean {
    switch (code) {
      case op.I64_CLZ:
        return this.yield32(clz64(x));
      case op.I64_CTZ:
        return this.yield32(ctz64(x));
      case op.I64_POPCNT:
        return this.yield32(popcnt64(x));
      case op.I64_EXTEND8_S:
        return this.yieldSigned((x.lo << 24) >> 24);
      case op.I64_EXTEND16_S:
        return this.yieldSigned((x.lo << 16) >> 16);
      case op.I64_EXTEND32_S:
        return this.yieldSigned(x.lo);
      case op.I64_EQZ:
      case op.PTR_EQZ:
        return this.yieldBool(isZero(x));
      case op.I32_WRAP_I64:
        return this.yield32(x.lo);
      case op.F64_REINTERPRET_I64:
      case op.PTR_FROM_I64:
      case op.I64_FROM_PTR:
        return this.yield64(x);
      case op.F64_CONVERT_I64_S:
        return this.yieldF64(x.hi * TWO32 + (x.lo >>> 0));
      case op.F64_CONVERT_I64_U:
        return this.yieldF64((x.hi >>> 0) * TWO32 + (x.lo >>> 0));
      case op.F32_CONVERT_I64_S:
        return this.yieldF32(x.hi * TWO32 + lowForF32(x, x.hi ^ (x.hi >> 31)));
      case op.F32_CONVERT_I64_U:
        return this.yieldF32((x.hi >>> 0) * TWO32 + lowForF32(x, x.hi));
      default:
        return false;
    }
  }

  private binary64(code: number, a: I64, b: I64): boolean {
    switch (code) {
      case op.I64_ADD:
      case op.PTR_ADD:
        return this.yield64(add64(a, b));
      case op.I64_SUB:
      case op.PTR_SUB:
        return this.yield64(sub64(a, b));
      case op.I64_MUL:
        return this.yield64(mul64(a, b));
      case op.I64_MULHI_S:
        return this.yield64(mulHighS64(a, b));
      case op.I64_MULHI_U:
        return this.yield64(mulHighU64(a, b));
      case op.I64_DIV_S: {
        const overflows = a.lo === 0 && a.hi === -0x80000000 && (b.lo & b.hi) === -1;
        return !isZero(b) && !overflows && this.yield64(divS64(a, b).quotient);
      }
      case op.I64_DIV_U:
        return !isZero(b) && this.yield64(divU64(a, b).quotient);
      case op.I64_REM_S:
        return !isZero(b) && this.yield64(divS64(a, b).remainder);
      case op.I64_REM_U:
        return !isZero(b) && this.yield64(divU64(a, b).remainder);
      case op.I64_AND:
        return this.yield64(and64(a, b));
      case op.I64_OR:
        return this.yield64(or64(a, b));
      case op.I64_XOR:
        return this.yield64(xor64(a, b));
      case op.I64_SHL:
        return this.yield64(shl64(a, b.lo));
      case op.I64_SHR_S:
        return this.yield64(shrS64(a, b.lo));
      case op.I64_SHR_U:
        return this.yield64(shrU64(a, b.lo));
      case op.I64_ROTL:
        return this.yield64(rotl64(a, b.lo));
      case op.I64_ROTR:
        return this.yield64(rotl64(a, -b.lo));
      case op.I64_EQ:
      case op.PTR_EQ:
        return this.yieldBool(eq64(a, b));
      case op.I64_NE:
      case op.PTR_NE:
        return this.yieldBool(!eq64(a, b));
      case op.I64_LT_S:
        return this.yieldBool(ltS64(a, b));
      case op.I64_LT_U:
      case op.PTR_LT_U:
        return this.yieldBool(ltU64(a, b));
      case op.I64_GT_S:
        return this.yieldBool(ltS64(b, a));
      case op.I64_GT_U:
        return this.yieldBool(ltU64(b, a));
      case op.I64_LE_S:
        return this.yieldBool(!ltS64(b, a));
      case op.I64_LE_U:
        return this.yieldBool(!ltU64(b, a));
      case op.I64_GE_S:
        return this.yieldBool(!ltS64(a, b));
      case op.I64_GE_U:
        return this.yieldBool(!ltU64(a, b));
      default:
        return false;
    }
  }

  // --- floats -----------------------------------------------------------------------------------------

  private unaryF32(code: number, bits: number): boolean {
    const x = this.f32(bits);
    switch (code) {
      case op.F32_ABS:
        return this.yield32(bits & 0x7fffffff);
      case op.F32_NEG:
        return this.yield32(bits ^ 0x80000000);
      case op.F32_CEIL:
        return this.yieldF32(Math.ceil(x));
      case op.F32_FLOOR:
        return this.yieldF32(Math.floor(x));
      case op.F32_TRUNC:
        return this.yieldF32(Math.trunc(x));
      case op.F32_NEAREST:
        return this.yieldF32(nearest(x));
      case op.F32_SQRT:
        return this.yieldF32(Math.sqrt(x));
      case op.F64_PROMOTE_F32:
        return this.yieldF64(x);
      case op.I32_REINTERPRET_F32:
        return this.yield32(bits);
      case op.I32_TRUNC_F32_S:
      case op.I32_TRUNC_SAT_F32_S:
      case op.I32_TRUNC_F32_U:
      case op.I32_TRUNC_SAT_F32_U:
      case op.I64_TRUNC_F32_S:
      case op.I64_TRUNC_SAT_F32_S:
      case op.I64_TRUNC_F32_U:
      case op.I64_TRUNC_SAT_F32_U:
        return this.truncate(code, x);
      default:
        return false;
    }
  }

  private binaryF32(code: number, aBits: number, bBits: number): boolean {
    const a = this.f32(aBits);
    const b = this.f32(bBits);
    switch (code) {
      case op.F32_ADD:
        return this.yieldF32(a + b);
      case op.F32_SUB:
        return this.yieldF32(a - b);
      case op.F32_MUL:
        return this.yieldF32(a * b);
      case op.F32_DIV:
        return this.yieldF32(a / b);
      case op.F32_MIN:
        return this.yieldF32(Math.min(a, b));
      case op.F32_MAX:
        return this.yieldF32(Math.max(a, b));
      case op.F32_COPYSIGN:
        return this.yield32((aBits & 0x7fffffff) | (bBits & 0x80000000));
      case op.F32_EQ:
        return this.yieldBool(a === b);
      case op.F32_NE:
        return this.yieldBool(a !== b);
      case op.F32_LT:
        return this.yieldBool(a < b);
      case op.F32_GT:
        return this.yieldBool(a > b);
      case op.F32_LE:
        return this.yieldBool(a <= b);
      case op.F32_GE:
        return this.yieldBool(a >= b);
      default:
        return false;
    }
  }

  private unaryF64(code: number, lo: number, hi: number): boolean {
    const x = this.f64(lo, hi);
    switch (code) {
      case op.F64_ABS:
        return this.yield64(new I64(lo, hi & 0x7fffffff));
      case op.F64_NEG:
        return this.yield64(new I64(lo, hi ^ 0x80000000));
      case op.F64_CEIL:
        return this.yieldF64(Math.ceil(x));
      case op.F64_FLOOR:
        return this.yieldF64(Math.floor(x));
      case op.F64_TRUNC:
        return this.yieldF64(Math.trunc(x));
      case op.F64_NEAREST:
        return this.yieldF64(nearest(x));
      case op.F64_SQRT:
        return this.yieldF64(Math.sqrt(x));
      case op.F32_DEMOTE_F64:
        return this.yieldF32(x);
      case op.I64_REINTERPRET_F64:
        return this.yield64(new I64(lo, hi));
      case op.I32_TRUNC_F64_S:
      case op.I32_TRUNC_SAT_F64_S:
      case op.I32_TRUNC_F64_U:
      case op.I32_TRUNC_SAT_F64_U:
      case op.I64_TRUNC_F64_S:
      case op.I64_TRUNC_SAT_F64_S:
      case op.I64_TRUNC_F64_U:
      case op.I64_TRUNC_SAT_F64_U:
        return this.truncate(code, x);
      default:
        return false;
    }
  }

  private binaryF64(code: number, aLo: number, aHi: number, bLo: number, bHi: number): boolean {
    const a = this.f64(aLo, aHi);
    const b = this.f64(bLo, bHi);
    switch (code) {
      case op.F64_ADD:
        return this.yieldF64(a + b);
      case op.F64_SUB:
        return this.yieldF64(a - b);
      case op.F64_MUL:
        return this.yieldF64(a * b);
      case op.F64_DIV:
        return this.yieldF64(a / b);
      case op.F64_MIN:
        return this.yieldF64(Math.min(a, b));
      case op.F64_MAX:
        return this.yieldF64(Math.max(a, b));
      case op.F64_COPYSIGN:
        return this.yield64(new I64(aLo, (aHi & 0x7fffffff) | (bHi & 0x80000000)));
      case op.F64_EQ:
        return this.yieldBool(a === b);
      case op.F64_NE:
        return this.yieldBool(a !== b);
      case op.F64_LT:
        return this.yieldBool(a < b);
      case op.F64_GT:
        return this.yieldBool(a > b);
      case op.F64_LE:
        return this.yieldBool(a <= b);
      case op.F64_GE:
        return this.yieldBool(a >= b);
      default:
        return false;
    }
  }

  /** Float to integer: a guarded truncation only where it would not have trapped, a saturating one always. */
  private truncate(code: number, x: f64): boolean {
    const wide = RESULT[code] === TYPE_I64;
    const signed = isSignedTruncation(code);
    const limit: f64 = wide ? (signed ? TWO63 : 2 * TWO63) : signed ? TWO32 / 2 : TWO32;
    const whole: f64 = Math.trunc(x);
    const least: f64 = signed ? -limit : 0;
    if (whole >= least && whole < limit) {
      const hi: f64 = Math.floor(whole / TWO32);
      this.lo = (whole - hi * TWO32) | 0;
      this.hi = wide ? hi | 0 : 0;
      return true;
    }
    if (!isSaturating(code)) return false;
    const high = x >= limit;
    if (!high && (Number.isNaN(x) || !signed)) return this.yield64(new I64(0, 0));
    const top = signed ? (high ? 0x7fffffff : -0x80000000) : -1;
    if (!wide) return this.yield32(top);
    return this.yield64(new I64(high ? -1 : 0, top));
  }
}

/**
 * The low word of an int64 on its way to f32 through a double: where the integer may have more than 53 bits, the
 * lowest 11 are rounded to odd, so that the double holds it and rounds to f32 as the integer itself would.
 */
function lowForF32(x: I64, magnitude: number): u32 {
  const low: u32 = x.lo >>> 0;
  if (magnitude >>> 21 === 0 || (low & 0x7ff) === 0) return low;
  return ((low & ~0x7ff) | 0x800) >>> 0;
}

/** Rounds to the nearest integer, ties to even, and keeps the sign of zero. */
function nearest(x: f64): f64 {
  if (Math.abs(x) >= 4503599627370496) return x;
  const down: f64 = Math.floor(x);
  const part: f64 = x - down;
  const up = part > 0.5 || (part === 0.5 && down % 2 !== 0);
  const whole: f64 = up ? down + 1 : down;
  return whole === 0 && (x < 0 || Object.is(x, -0)) ? -0 : whole;
}

function isSignedTruncation(code: number): boolean {
  switch (code) {
    case op.I32_TRUNC_F32_S:
    case op.I32_TRUNC_F64_S:
    case op.I64_TRUNC_F32_S:
    case op.I64_TRUNC_F64_S:
    case op.I32_TRUNC_SAT_F32_S:
    case op.I32_TRUNC_SAT_F64_S:
    case op.I64_TRUNC_SAT_F32_S:
    case op.I64_TRUNC_SAT_F64_S:
      return true;
    default:
      return false;
  }
}

function isSaturating(code: number): boolean {
  return code >= op.I32_TRUNC_SAT_F32_S && code <= op.I64_TRUNC_SAT_F64_U;
}
