// Functions and calls as selection writes them, on every machine: parameters that arrive, arguments, results, returns and
// tail calls, by the layouts of the target's conventions (target.ts). What travels on the stack or in a buffer is loaded
// and stored by the instructions that the target names (Moves).

import * as op from "../gen/ir-ops.ts";
import {
  CALL,
  CALL_M,
  CALL_R,
  INVOKE,
  INVOKE_M,
  INVOKE_R,
  PARAMS,
  RET,
  TAIL_CALL,
  TAIL_CALL_R,
} from "../gen/pseudo-ops.ts";
import { ENTRY, type Value } from "../ir/func.ts";
import { F64, I32, I64, PTR } from "../ir/ops.ts";
import { DEF, fixed, IN_REGISTER, INCOMING, OUTGOING, USE } from "./code.ts";
import type { Selection } from "./select.ts";
import { type CallLayout, MEMORY_PLACE } from "./target.ts";
import { MEMORY, NONE, SITE_CALL } from "./writer.ts";

/** Emits the instructions of `v` if it calls or returns, which no rule can: it has any number of operands. */
export function lowerCall(s: Selection, v: Value): boolean {
  switch (s.func.op[v]) {
    case op.CALL:
    case op.CALL_PTR:
      call(s, v, CALL, CALL_R, CALL_M);
      return true;
    case op.INVOKE:
    case op.INVOKE_PTR:
      call(s, v, INVOKE, INVOKE_R, INVOKE_M);
      return true;
    case op.RETURN_CALL:
    case op.RETURN_CALL_PTR:
      tailCall(s, v);
      return true;
    case op.RETURN:
      leave(s, v);
      return true;
    default:
      return false;
  }
}

/** Defines the parameters that somebody uses. */
export function enter(s: Selection): void {
  const f = s.func;
  const layout = s.layout(f.signature);
  s.append(PARAMS);
  if (s.resultPointer >= 0) s.operand(s.resultPointer, fixed(DEF, layout.hidden));
  const n = f.paramCount.get(ENTRY);
  const arrived = new Int32Array(n).fill(NONE);
  for (let i = 0; i < n; i++) {
    const p = f.param(ENTRY, i);
    if (!s.isDemanded(p) || layout.params[i] < 0) continue;
    const clean = f.type[p] !== I32 || layout.convention.canonical;
    arrived[i] = clean ? s.result(p) : s.temp(I64);
    s.operand(arrived[i], fixed(DEF, layout.params[i]));
  }
  for (let i = 0; i < n; i++) {
    const p = f.param(ENTRY, i);
    if (!s.isDemanded(p)) continue;
    if (layout.params[i] < 0) {
      s.stageArgument(INCOMING, MEMORY_PLACE - layout.params[i]);
      s.put(s.target.moves.loadOf(f.type[p]), s.result(p));
    } else if (arrived[i] !== s.result(p)) s.put(s.target.moves.canonical, s.result(p), arrived[i]);
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
    s.put(s.target.moves.storeOf(f.type[argument]), NONE, register);
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
function call(s: Selection, v: Value, direct: number, through: number, memory: number): void {
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
    hidden = s.put(s.target.moves.address, s.temp(PTR));
  }
  const target = isDirect ? NONE : s.placed(f.operand(v, 0), 64, s.target.moves.callsMemory);

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
  buffer.clobbers[i] = s.clobberSet(ends ? s.target.everything : layout.convention.clobbers);
  buffer.site[i] |= SITE_CALL;
  if (ends) return;
  if (dirty >= 0) s.put(s.target.moves.canonical, s.result(v), dirty);
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
    if (s.func.type[result] === I32 && !layout.convention.canonical) {
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
  s.put(s.target.moves.loadOf(s.func.type[v]), s.result(v));
}

/** A further result of a call: the call defines it, unless it lies in memory. */
export function projection(s: Selection, v: Value): void {
  const f = s.func;
  const of = f.a[v] as Value;
  if (s.layout(f.aux[of]).results[f.imm[v]] < 0) loadResult(s, v, of, f.imm[v]);
}

function leave(s: Selection, v: Value): void {
  const f = s.func;
  const layout = s.layout(f.signature);
  const n = layout.results.length;
  const registers = new Int32Array(n).fill(NONE);
  for (let i = 0; i < n; i++) {
    const value = f.operand(v, i);
    registers[i] = s.use(value);
    if (layout.results[i] >= 0) continue;
    s.stageBase(resultPointer(s), MEMORY_PLACE - layout.results[i]);
    s.put(s.target.moves.storeOf(f.type[value]), NONE, registers[i]);
  }
  const i = s.append(RET);
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
function tailCall(s: Selection, v: Value): void {
  const f = s.func;
  const layout = s.layout(f.aux[v]);
  const own = s.layout(f.signature);
  const isDirect = f.op[v] === op.RETURN_CALL;
  const first = isDirect ? 0 : 1;
  stackArguments(s, v, first, layout);
  const args = registerArguments(s, v, first, layout);
  const target = isDirect ? NONE : s.use(f.operand(v, 0));
  const i = s.append(isDirect ? TAIL_CALL : TAIL_CALL_R);
  if (target >= 0) s.operand(target, USE | IN_REGISTER);
  if (layout.resultBytes > 0) s.operand(resultPointer(s), fixed(USE, layout.hidden));
  useArguments(s, args, layout);
  if (isDirect) s.buffer.symbol[i] = f.c[v];
  s.buffer.imm[i] = own.convention.calleePops ? own.stackBytes : 0;
  s.buffer.imm2[i] = layout.stackBytes;
}
