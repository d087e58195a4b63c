// What the rules of lower.rules leave to TypeScript: addresses, constants, selects, control flow and calls.
//
// Addresses: everything folds that is 64-bit arithmetic by construction. An i32 is held zero-extended, so it is an
// index as it stands; 32-bit additions and shifts never fold, since they wrap, but for i32.shl_nuw, which does not.
// The displacement of an access to guarded memory is between 0 and 2³¹ - 1; larger offsets go through a register.

import { unreachable } from "../../base/fail.ts";
import type { I64 as Int64 } from "../../base/int64.ts";
import type { f64, u32 } from "../../base/numbers.ts";
import * as op from "../../gen/ir-ops.ts";
import * as x from "../../gen/x64-ops.ts";
import { numberOf, SWAPPED } from "../../ir/access.ts";
import type { Value } from "../../ir/func.ts";
import { F32, F64, I32, I64, PTR } from "../../ir/ops.ts";
import { SYM_IMPORT, SYM_IMPORT_WEAK } from "../../ir/program.ts";
import { INCOMING } from "../../mach/code.ts";
import type { Selection } from "../../mach/select.ts";
import { NONE } from "../../mach/writer.ts";
import { CC_E, CC_FEQ, CC_FNE, CC_NE, CC_P } from "./insts.ts";
import { MEMORY0, VMCTX } from "./regs.ts";

// --- constants ----------------------------------------------------------------------------------------------

/** A register with the constant or cheap pure value `v`, made here; NONE for everything else. */
export function constant(s: Selection, v: Value): number {
  const f = s.func;
  switch (f.op[v]) {
    case op.I32_CONST:
      return s.put(x.CONST32, s.temp(I32), NONE, NONE, NONE, f.imm[v]);
    case op.I64_CONST:
    case op.PTR_CONST:
      return s.put(x.CONST64, s.temp(f.type[v]), NONE, NONE, NONE, f.imm[v], f.imm2[v]);
    case op.REF_NULL:
      return s.put(x.CONST64, s.temp(f.type[v]));
    case op.F32_CONST:
      if (f.imm[v] === 0) return s.put(x.ZERO_F, s.temp(F32));
      s.stageLiteral(32, f.imm[v], 0);
      return s.put(x.MOVSS_M, s.temp(F32));
    case op.F64_CONST:
      if ((f.imm[v] | f.imm2[v]) === 0) return s.put(x.ZERO_F, s.temp(F64));
      s.stageLiteral(64, f.imm[v], f.imm2[v]);
      return s.put(x.MOVSD_M, s.temp(F64));
    case op.SYMBOL: {
      const t = s.put(x.SYMBOL_ADDR, s.temp(PTR));
      s.setSymbol(f.imm[v]);
      return t;
    }
    case op.SLOT:
      s.stageSlot(f.imm[v], 0);
      return s.put(x.LEA64, s.temp(PTR));
    case op.SP:
      return s.put(x.SP, s.temp(PTR));
    case op.CALLER_SP:
      s.stageArgument(INCOMING, 0);
      return s.put(x.LEA64, s.temp(PTR));
    case op.RETURN_ADDRESS:
      s.stageArgument(INCOMING, -8);
      return s.put(x.MOV64_M, s.temp(PTR));
    case op.VMCTX:
      return s.changesInstance ? NONE : s.put(x.MOV64, s.temp(PTR), VMCTX);
    default:
      return NONE;
  }
}

// --- addresses ----------------------------------------------------------------------------------------------

/** Stages the address of a load or store. */
export function address(s: Selection, access: Value): void {
  const f = s.func;
  if ((f.aux[access] & SWAPPED) !== 0) unreachable("an access of the other byte order");
  stage(s, f.a[access] as Value, f.imm[access], f.imm2[access]);
  s.stageAccess(access);
}

function fits(disp: f64): boolean {
  return disp === (disp | 0);
}

/** Stages pointer `p` plus an offset of two words. */
function stage(s: Selection, p: Value, lo: number, hi: number): void {
  const f = s.func;
  const pointer = s.strip(p);
  const offset: f64 = hi === 0 ? lo >>> 0 : hi === -1 && lo < 0 ? lo : Number.NaN;
  if (!fits(offset)) {
    const far = s.put(x.CONST64, s.temp(I64), NONE, NONE, NONE, lo, hi);
    if (isIndexed(s, pointer)) {
      s.stageIndex(MEMORY0, s.put(x.ADD64, s.temp(I64), far, s.use(f.a[pointer] as Value)), 0, 0);
    } else s.stageIndex(base(s, pointer), far, 0, 0);
    return;
  }
  // Constants that were added to the pointer, as long as the sum fits.
  let at = pointer;
  let disp = offset | 0;
  while (f.op[at] === op.PTR_ADD) {
    const c = s.strip(f.b[at] as Value);
    if (f.op[c] !== op.I64_CONST || f.imm2[c] !== f.imm[c] >> 31 || !fits(disp + f.imm[c])) break;
    disp += f.imm[c];
    at = s.strip(f.a[at] as Value);
  }
  if (isIndexed(s, at)) {
    if (disp >= 0) stageGuarded(s, s.strip(f.a[at] as Value), disp);
    else s.stageBase(s.use(at), disp);
    return;
  }
  switch (f.op[at]) {
    case op.SLOT:
      s.stageSlot(f.imm[at], disp);
      return;
    case op.SYMBOL: {
      const { kind } = s.program.symbols[f.imm[at]];
      if (kind === SYM_IMPORT || kind === SYM_IMPORT_WEAK) s.stageBase(s.use(at), disp);
      else s.stageSymbol(f.imm[at], disp);
      return;
    }
    case op.PTR_ADD: {
      const index = s.strip(f.b[at] as Value);
      const scale = scaleOf(s, index, op.I64_SHL);
      const register = s.use(scale > 0 ? (f.a[index] as Value) : index);
      s.stageIndex(base(s, s.strip(f.a[at] as Value)), register, scale, disp);
      return;
    }
    default:
      s.stageBase(base(s, at), disp);
  }
}

/** Stages an index of memory 0 plus a displacement, which is not negative. */
function stageGuarded(s: Selection, index: Value, disp: number): void {
  const f = s.func;
  if (f.op[index] === op.I32_CONST) {
    const sum: f64 = (f.imm[index] >>> 0) + disp;
    if (fits(sum)) {
      s.stageBase(MEMORY0, sum | 0);
      return;
    }
  }
  const scale = scaleOf(s, index, op.I32_SHL_NUW);
  s.stageIndex(MEMORY0, s.use(scale > 0 ? (f.a[index] as Value) : index), scale, disp);
}

/** True for an address in memory 0 whose pinned base is the right one wherever the address is used. */
function isIndexed(s: Selection, pointer: Value): boolean {
  return s.func.op[pointer] === op.BOUNDS_CHECK32 && !s.changesInstance;
}

/** k for the operation `shift` by k of 1 to 3, else 0. */
function scaleOf(s: Selection, index: Value, shift: number): number {
  const f = s.func;
  if (f.op[index] !== shift) return 0;
  const count = s.strip(f.b[index] as Value);
  const isConstant = f.op[count] === op.I32_CONST || f.op[count] === op.I64_CONST;
  return isConstant && f.imm[count] >= 1 && f.imm[count] <= 3 ? f.imm[count] : 0;
}

/** The register of a pointer as a base: the pinned one itself for the instance. */
function base(s: Selection, pointer: Value): number {
  return s.func.op[pointer] === op.VMCTX && !s.changesInstance ? VMCTX : s.use(pointer);
}

/** base + index of memory 0 as a value. */
export function boundsCheck(s: Selection, v: Value): void {
  if (numberOf(s.func.aux[v]) !== 0) unreachable("bounds check of another memory than 0");
  stageGuarded(s, s.strip(s.func.a[v] as Value), 0);
  s.put(x.LEA64, s.result(v));
}

/** ptr.add as a value. */
export function pointerSum(s: Selection, v: Value): void {
  stage(s, v, 0, 0);
  s.put(x.LEA64, s.result(v));
}

export function pinnedInstance(s: Selection, v: Value): void {
  s.put(x.MOV64, s.result(v), VMCTX);
}

/** base + index << scale + disp as a number: lea of 32 or 64 bits, from registers of which those bits count. */
export function sum(
  s: Selection,
  v: Value,
  lea: number,
  base: number,
  index: number,
  scale: number,
  disp: number,
): void {
  if (index < 0) s.stageBase(base, disp);
  else s.stageIndex(base, index, scale, disp);
  s.put(lea, s.result(v));
}

export function has(s: Selection, feature: number): boolean {
  return (s.target.features & feature) !== 0;
}

/** True if the store `v` writes the cell that load `l` reads, in one region. */
export function sameCell(s: Selection, v: Value, l: Value): boolean {
  return ((s.func.aux[v] ^ s.func.aux[l]) & (0xfffff | SWAPPED)) === 0 && (s.func.aux[v] & SWAPPED) === 0;
}

// --- conditions ---------------------------------------------------------------------------------------------

/** Sets the flags for an i32 as a truth value: by a rule, else by a test. */
export function testFlags(s: Selection, v: Value, byRule: number): number {
  if (byRule >= 0) return byRule;
  const r = s.low(v);
  s.put(x.TEST32, NONE, r, r);
  return CC_NE;
}

/** Sets the flags for the low half of a register being 0. */
export function isZero(s: Selection, register: number): number {
  s.put(x.TEST32, NONE, register, register);
  return CC_E;
}

/** `condition ? yes : no` in general registers, by cmov of 32 or 64 bits. */
export function choose(s: Selection, v: Value, cmov: number): void {
  const f = s.func;
  const yes = s.use(f.b[v] as Value);
  const no = s.use(f.c[v] as Value);
  conditional(s, cmov, s.result(v), s.flags(f.a[v] as Value), yes, no);
}

/** def = the condition holds ? yes : no; right behind what set the flags. */
function conditional(s: Selection, cmov: number, def: number, cc: number, yes: number, no: number): void {
  if (cc !== CC_FEQ && cc !== CC_FNE) {
    s.put(cmov, def, no, yes, NONE, 0, cc);
    return;
  }
  // Two tests: unequal, or unordered.
  const [same, other] = cc === CC_FEQ ? [yes, no] : [no, yes];
  const first = s.put(cmov, s.temp(cmov === x.CMOV32 ? I32 : I64), same, other, NONE, 0, CC_NE);
  s.put(cmov, def, first, other, NONE, 0, CC_P);
}

/** The same for floats, by way of general registers. */
export function chooseFloat(s: Selection, v: Value, single: boolean): void {
  const f = s.func;
  const type = single ? I32 : I64;
  const out = single ? x.MOVD_RF : x.MOVQ_RF;
  const yes = s.put(out, s.temp(type), s.use(f.b[v] as Value));
  const no = s.put(out, s.temp(type), s.use(f.c[v] as Value));
  const chosen = s.temp(type);
  conditional(s, single ? x.CMOV32 : x.CMOV64, chosen, s.flags(f.a[v] as Value), yes, no);
  s.put(single ? x.MOVD_FR : x.MOVQ_FR, s.result(v), chosen);
}

/** True for the bits of a float constant that is no NaN, nor the zero whose upper word is `zero`. */
export function isBound64(bits: Int64, zero: u32): boolean {
  const size = bits.hi & 0x7fffffff;
  const isNumber = size < 0x7ff00000 || (size === 0x7ff00000 && bits.lo === 0);
  return isNumber && (bits.lo !== 0 || bits.hi !== (zero | 0));
}

export function isBound32(bits: number, zero: u32): boolean {
  return (bits & 0x7fffffff) <= 0x7f800000 && bits !== (zero | 0);
}
