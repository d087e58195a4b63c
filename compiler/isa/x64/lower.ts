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
import { ENTRY, type Value } from "../../ir/func.ts";
import { F32, F64, I32, I64, PTR } from "../../ir/ops.ts";
import { SYM_IMPORT, SYM_IMPORT_WEAK } from "../../ir/program.ts";
import { DEF, fixed, IN_REGISTER, INCOMING, OUTGOING, USE } from "../../mach/code.ts";
import type { Selection } from "../../mach/select.ts";
import { type CallLayout, MEMORY_PLACE } from "../../mach/target.ts";
import { MEMORY, NONE, SITE_CALL } from "../../mach/writer.ts";
import { EVERYTHING } from "./abi.ts";
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

/** A comparison as a value: 0 or 1. */
export function truth(s: Selection, v: Value): void {
  const cc = s.flagsOfRoot(v);
  s.put(x.SETCC32, s.result(v), NONE, NONE, NONE, 0, cc);
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

// --- control ------------------------------------------------------------------------------------------------

export function jump(s: Selection, v: Value): void {
  s.put(x.JMP, NONE, NONE, NONE, NONE, s.edges(v));
}

export function branch(s: Selection, v: Value): void {
  const edges = s.edges(v);
  const cc = s.flags(s.func.a[v] as Value);
  s.put(x.JCC, NONE, NONE, NONE, NONE, edges, cc);
}

export function branchTable(s: Selection, v: Value): void {
  const count = s.func.successorCount(v);
  const edges = s.edges(v);
  if (count === 1) {
    s.put(x.JMP, NONE, NONE, NONE, NONE, edges);
    return;
  }
  const index = s.low(s.func.a[v] as Value);
  if (count === 2) {
    s.put(x.TEST32, NONE, index, index);
    s.put(x.JCC, NONE, NONE, NONE, NONE, edges, CC_E);
  } else s.put(x.JUMP_TABLE, s.temp(I64), zeroExtended(s, index), NONE, NONE, edges, count);
}

/** The register itself where it holds an i32; a copy of its low half where `low` dropped a wrap. */
function zeroExtended(s: Selection, register: number): number {
  return s.code.typeOf(register) === I32 ? register : s.put(x.MOV32, s.temp(I32), register);
}

export function trapIf(s: Selection, v: Value): void {
  const cc = s.flags(s.func.a[v] as Value);
  s.put(x.TRAP_IF, NONE, NONE, NONE, NONE, s.func.imm[v], cc);
}

export function trap(s: Selection, v: Value): void {
  s.put(x.TRAP, NONE, NONE, NONE, NONE, s.func.imm[v]);
}

export function codeAddress(s: Selection, v: Value): void {
  s.put(x.CODE_ADDR, s.result(v), NONE, NONE, NONE, s.blockNumber(s.func.imm[v] as never));
}

// --- functions and calls ------------------------------------------------------------------------------------

/** The load of a type from memory into its register class; the move between registers that keeps an i32 clean. */
function loadOf(type: number): number {
  return type === I32 ? x.MOV32_M : type === F32 ? x.MOVSS_M : type === F64 ? x.MOVSD_M : x.MOV64_M;
}

function storeOf(type: number): number {
  return type === I32 ? x.MOV32_MR : type === F32 ? x.MOVSS_MR : type === F64 ? x.MOVSD_MR : x.MOV64_MR;
}

/** Defines the parameters that somebody uses. */
export function enter(s: Selection): void {
  const f = s.func;
  const layout = s.layout(f.signature);
  s.append(x.PARAMS);
  if (s.resultPointer >= 0) s.operand(s.resultPointer, fixed(DEF, layout.hidden));
  const n = f.paramCount.get(ENTRY);
  const arrived = new Int32Array(n).fill(NONE);
  for (let i = 0; i < n; i++) {
    const p = f.param(ENTRY, i);
    if (!s.isDemanded(p) || layout.params[i] < 0) continue;
    const clean = f.type[p] !== I32 || layout.convention.zeroExtended;
    arrived[i] = clean ? s.result(p) : s.temp(I64);
    s.operand(arrived[i], fixed(DEF, layout.params[i]));
  }
  for (let i = 0; i < n; i++) {
    const p = f.param(ENTRY, i);
    if (!s.isDemanded(p)) continue;
    if (layout.params[i] < 0) {
      s.stageArgument(INCOMING, MEMORY_PLACE - layout.params[i]);
      s.put(loadOf(f.type[p]), s.result(p));
    } else if (arrived[i] !== s.result(p)) s.put(x.MOV32, s.result(p), arrived[i]);
  }
}

/** Stores the arguments that travel on the stack. */
function stackArguments(s: Selection, v: Value, first: number, layout: CallLayout): void {
  const f = s.func;
  for (let i = 0; i < layout.params.length; i++) {
    if (layout.params[i] >= 0) continue;
    const argument = f.operand(v, first + i);
    const register = s.use(argument);
    s.stageArgument(OUTGOING, MEMORY_PLACE - layout.params[i]);
    s.put(storeOf(f.type[argument]), NONE, register);
  }
}

/** By argument: the register with its value where it travels in one, else NONE. */
function registerArguments(s: Selection, v: Value, first: number, layout: CallLayout): Int32Array {
  const registers = new Int32Array(layout.params.length).fill(NONE);
  for (let i = 0; i < layout.params.length; i++) {
    if (layout.params[i] >= 0) registers[i] = s.use(s.func.operand(v, first + i));
  }
  return registers;
}

function useArguments(s: Selection, registers: Int32Array, layout: CallLayout): void {
  for (let i = 0; i < registers.length; i++) {
    if (registers[i] >= 0) s.operand(registers[i], fixed(USE, layout.params[i]));
  }
}

/** call, call_ptr, invoke, invoke_ptr: `direct`, `through` a register, or memory. */
export function call(s: Selection, v: Value, direct: number, through: number, memory: number): void {
  const f = s.func;
  const layout = s.layout(f.aux[v]);
  const isDirect = f.op[v] === op.CALL || f.op[v] === op.INVOKE;
  const ends = f.isTerminator(v);
  const first = isDirect ? 0 : 1;
  const edges = ends ? s.edges(v) : 0;
  stackArguments(s, v, first, layout);
  const args = registerArguments(s, v, first, layout);
  let hidden = NONE;
  if (layout.resultBytes > 0) {
    s.stageSlot(s.resultSlot(v, layout.resultBytes), 0);
    hidden = s.put(x.LEA64, s.temp(PTR));
  }
  const target = isDirect ? NONE : s.placed(f.operand(v, 0), 64, true);

  const i = s.append(isDirect ? direct : target === MEMORY ? memory : through);
  const dirty = results(s, v, layout);
  if (target === MEMORY) s.addressOperand();
  else if (target >= 0) s.operand(target, USE | IN_REGISTER);
  if (hidden >= 0) s.operand(hidden, fixed(USE, layout.hidden));
  useArguments(s, args, layout);
  const { buffer } = s;
  if (isDirect) buffer.symbol[i] = f.c[v];
  buffer.imm[i] = edges;
  buffer.imm2[i] = layout.convention.calleePops ? layout.stackBytes : 0;
  buffer.clobbers[i] = s.clobberSet(ends ? EVERYTHING : layout.convention.clobbers);
  buffer.site[i] |= SITE_CALL;
  if (ends) return;
  if (dirty >= 0) s.put(x.MOV32, s.result(v), dirty);
  if (s.isDemanded(v) && layout.results[0] < 0) loadResult(s, v, v, 0);
}

/**
 * Adds the DEFs of those results of `v` that somebody uses. Yields the register of an i32 whose upper half must
 * be cleared yet, or NONE.
 */
function results(s: Selection, v: Value, layout: CallLayout): number {
  let dirty = NONE;
  for (let i = 0; i < layout.results.length; i++) {
    if (layout.results[i] < 0) continue;
    const result = i === 0 ? v : s.projection(v, i);
    if (result < 0 || !s.isDemanded(result)) {
      // A result that nobody wants destroys its register all the same.
      const kept = !layout.convention.clobbers.has(layout.results[i]);
      if (kept) s.operand(s.temp(layout.results[i] < 32 ? I64 : F64), fixed(DEF, layout.results[i]));
      continue;
    }
    let register = s.result(result);
    if (s.func.type[result] === I32 && !layout.convention.zeroExtended) {
      dirty = s.temp(I64);
      register = dirty;
    }
    s.operand(register, fixed(DEF, layout.results[i]));
  }
  return dirty;
}

/** Loads result `i` of `call` from the buffer of results. */
function loadResult(s: Selection, v: Value, of: Value, i: number): void {
  const layout = s.layout(s.func.aux[of]);
  s.stageSlot(s.resultSlot(of, layout.resultBytes), MEMORY_PLACE - layout.results[i]);
  s.put(loadOf(s.func.type[v]), s.result(v));
}

/** A further result of a call: the call defines it, unless it lies in memory. */
export function projection(s: Selection, v: Value): void {
  const f = s.func;
  const of = f.a[v] as Value;
  if (s.layout(f.aux[of]).results[f.imm[v]] < 0) loadResult(s, v, of, f.imm[v]);
}

export function leave(s: Selection, v: Value): void {
  const f = s.func;
  const layout = s.layout(f.signature);
  const n = layout.results.length;
  const registers = new Int32Array(n).fill(NONE);
  for (let i = 0; i < n; i++) {
    const value = f.operand(v, i);
    registers[i] = s.use(value);
    if (layout.results[i] >= 0) continue;
    s.stageBase(resultPointer(s), MEMORY_PLACE - layout.results[i]);
    s.put(storeOf(f.type[value]), NONE, registers[i]);
  }
  const i = s.append(x.RET);
  for (let k = 0; k < n; k++) {
    if (layout.results[k] >= 0) s.operand(registers[k], fixed(USE, layout.results[k]));
  }
  s.buffer.imm2[i] = layout.convention.calleePops ? layout.stackBytes : 0;
}

/** Where this function's caller wants the results that have no register. */
function resultPointer(s: Selection): number {
  if (s.resultPointer < 0) s.resultPointer = s.temp(PTR);
  return s.resultPointer;
}

/** return_call and return_call_ptr. The callee has the results of this function, so also its buffer. */
export function tailCall(s: Selection, v: Value): void {
  const f = s.func;
  const layout = s.layout(f.aux[v]);
  const own = s.layout(f.signature);
  const isDirect = f.op[v] === op.RETURN_CALL;
  const first = isDirect ? 0 : 1;
  stackArguments(s, v, first, layout);
  const args = registerArguments(s, v, first, layout);
  const target = isDirect ? NONE : s.use(f.operand(v, 0));
  const i = s.append(isDirect ? x.TAIL_CALL : x.TAIL_CALL_R);
  if (target >= 0) s.operand(target, USE | IN_REGISTER);
  if (layout.resultBytes > 0) s.operand(resultPointer(s), fixed(USE, layout.hidden));
  useArguments(s, args, layout);
  if (isDirect) s.buffer.symbol[i] = f.c[v];
  s.buffer.imm[i] = own.convention.calleePops ? own.stackBytes : 0;
  s.buffer.imm2[i] = layout.stackBytes;
}
