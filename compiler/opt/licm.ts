// Moves what a loop computes over and over in front of it: into the only block that leads to its header from outside,
// which is made where there is none. Moved are
//   pure operations that need no guard, but for those that cost nothing (constants, widening, comparisons next to
//     their branch: they are made again where something moved needs them), and only so many per loop that they are likely to keep their registers,
//   loads that cannot trap from cells that the loop does not write, at addresses that are good whenever the function
//     runs: fields of the instance, of what it points to, and stack slots,
//   and, at the start of the header, where they would run first of all anyway: trap_if, guarded operations, and any
//     load from cells that the loop does not write.
// Blocks are visited in reverse postorder, so that operands have moved before their users are looked at.
// requires: Order, Dominators, Loops

import { IntColumn } from "../base/columns.ts";
import * as op from "../gen/ir-ops.ts";
import { MAY_TRAP, READONLY, REGION_VMCTX, regionOf } from "../ir/access.ts";
import { type Block, Func, NO_BLOCK, type Value } from "../ir/func.ts";
import {
  ACCESS_SIZE,
  ARITY,
  FLAGS,
  GUARDED,
  I32,
  I64,
  PTR,
  PURE,
  READS,
  RESULT,
  VARIADIC,
  VOID,
  WRITES,
} from "../ir/ops.ts";
import { SYM_DATA, SYM_RODATA } from "../ir/program.ts";
import { Context, type Pass } from "./context.ts";
import { hasEffect } from "./dce.ts";
import { retarget } from "./edges.ts";
import { CONSTANT, Effects } from "./effects.ts";
import { keepsInstance } from "./gvn.ts";
import { NO_LOOP } from "./loops.ts";
import { isCompare } from "./values.ts";

/** Values that are moved out of one loop: at most so many of one machine instruction, so many in all. */
const MOST_CHEAP = 4;
const MOST = 12;
/** Operands of operands that are made again. */
const DEEPEST = 3;

export class LoopInvariants implements Pass {
  private f: Func;
  private c: Context;
  private readonly effects: Effects;
  private readonly front: IntColumn; // loop → the block in front of it, or NO_BLOCK while unknown
  private readonly moved: IntColumn; // loop → how many values were moved out of it
  private oneInstance: boolean;
  private changedFlow: boolean;

  constructor() {
    this.f = new Func();
    this.c = new Context();
    this.effects = new Effects();
    this.front = new IntColumn();
    this.moved = new IntColumn();
    this.oneInstance = true;
    this.changedFlow = false;
  }

  run(c: Context): void {
    const { func: f, order, loops } = c;
    if (loops.count === 0) return;
    this.f = f;
    this.c = c;
    this.effects.compute(c);
    this.oneInstance = keepsInstance(c);
    this.front.clear();
    this.front.resize(loops.count, NO_BLOCK);
    this.moved.clear();
    this.moved.resize(loops.count, 0);
    this.changedFlow = false;
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      if (loops.innermost[b] !== NO_LOOP) this.block(b);
    }
    if (this.changedFlow) c.flowChanged();
    else c.valuesChanged();
  }

  private block(b: Block): void {
    const { f } = this;
    const { loops } = this.c;
    const loop = loops.innermost[b];
    // True while nothing before in this iteration could be noticed. An interrupt may come at any time.
    let first = loops.header.data[loop] === b;
    let next = -1;
    for (let v = f.first.data[b]; v >= 0; v = next) {
      next = f.next[v];
      const target = this.highest(v as Value, loop, first);
      if (target !== NO_LOOP) this.move(v as Value, target);
      else if (first && f.op[v] !== op.POLL && hasEffect(f, v as Value)) first = false;
    }
  }

  /** The outermost loop that `v` may be moved out of, or NO_LOOP. */
  private highest(v: Value, inner: number, first: boolean): number {
    const { f } = this;
    const { loops } = this.c;
    const code = f.op[v];
    const flags = FLAGS[code];
    if (ARITY[code] === 0 || ARITY[code] === VARIADIC || (flags & WRITES) !== 0) return NO_LOOP;
    let certain = false; // only where it runs anyway
    let bit = 0;
    if (ACCESS_SIZE[code] !== 0) {
      const k = this.effects.classOf(f, v);
      if (k !== CONSTANT) bit = 1 << k;
      certain = (f.aux[v] & MAY_TRAP) !== 0 || !this.isGoodAddress(f.a[v] as Value);
    } else if (code === op.TRAP_IF) certain = true;
    else if ((flags & PURE) === 0 || isFree(f, v)) return NO_LOOP;
    else certain = (flags & GUARDED) !== 0;
    if (certain && !first) return NO_LOOP;
    let target = NO_LOOP;
    for (let loop = inner; loop !== NO_LOOP; loop = loops.parent.data[loop]) {
      if ((this.effects.loopWrites.data[loop] & bit) !== 0 || !this.hasRoom(v, loop)) break;
      if (!this.isInvariant(v, loop, DEEPEST)) break;
      target = loop;
      if (certain) break;
    }
    return target;
  }

  private hasRoom(v: Value, loop: number): boolean {
    if (this.f.type[v] === VOID) return true;
    return this.moved.data[loop] < (isCheap(this.f.op[v]) ? MOST_CHEAP : MOST);
  }

  /** True when the operands of `v` come from outside of `loop`, or can be made again in front of it for nothing. */
  private isInvariant(v: Value, loop: number, depth: number): boolean {
    const { f } = this;
    for (let i = f.operandCount(v) - 1; i >= 0; i--) {
      const x = f.operand(v, i);
      if (!this.isInside(x, loop)) continue;
      if (depth === 0 || !this.costsNothing(x) || !this.isInvariant(x, loop, depth - 1)) return false;
    }
    return true;
  }

  private isInside(x: Value, loop: number): boolean {
    const { f } = this;
    const home = f.isParam(x) ? f.aux[x] : f.block[x];
    return this.c.loops.contains(loop, home as Block);
  }

  private costsNothing(x: Value): boolean {
    const { f } = this;
    const code = f.op[x];
    if (code === op.VMCTX) return this.oneInstance;
    if ((FLAGS[code] & PURE) === 0) return false;
    return ARITY[code] === 0 || isFree(f, x);
  }

  /** True for addresses at which there is something whenever the function runs. */
  private isGoodAddress(x: Value, depth = 2): boolean {
    const { f } = this;
    switch (f.op[x]) {
      case op.SLOT:
      case op.VMCTX:
        return true;
      case op.SYMBOL: {
        const { kind } = this.c.program.symbols[f.imm[x]];
        return kind === SYM_RODATA || kind === SYM_DATA;
      }
      // What an instance points to and never changes: records, the context.
      case op.PTR_LOAD:
        return (
          (f.aux[x] & READONLY) !== 0 &&
          regionOf(f.aux[x]) === REGION_VMCTX &&
          f.op[f.resolve(f.a[x] as Value)] === op.VMCTX
        );
      case op.PTR_ADD:
        return (
          depth > 0 &&
          f.op[f.resolve(f.b[x] as Value)] === op.I64_CONST &&
          this.isGoodAddress(f.resolve(f.a[x] as Value), depth - 1)
        );
      default:
        return false;
    }
  }

  // --- moving -------------------------------------------------------------------------------------------

  private move(v: Value, loop: number): void {
    const { f } = this;
    const front = this.frontOf(loop);
    const end = f.terminator(front);
    this.repeatOperands(v, loop, end);
    f.unlink(v);
    f.insertBefore(end, v);
    if (f.type[v] === VOID) return;
    this.moved.data[loop]++;
  }

  /** Gives `v` its own copies, before `end`, of operands that still stand in the loop. */
  private repeatOperands(v: Value, loop: number, end: Value): void {
    const { f } = this;
    for (let i = f.operandCount(v) - 1; i >= 0; i--) {
      const x = f.operand(v, i);
      if (!this.isInside(x, loop)) continue;
      const copy = f.make(f.op[x], f.type[x], f.a[x], f.b[x], f.c[x]);
      f.imm[copy] = f.imm[x];
      f.imm2[copy] = f.imm2[x];
      f.aux[copy] = f.aux[x];
      f.loc[copy] = f.loc[x];
      this.repeatOperands(copy, loop, end);
      f.insertBefore(end, copy);
      f.setOperand(v, i, copy);
    }
  }

  /** The block that alone leads to the loop from outside, and nowhere else. */
  private frontOf(loop: number): Block {
    const known = this.front.data[loop];
    if (known !== NO_BLOCK) return known as Block;
    const { f } = this;
    const { order, loops } = this.c;
    const header = loops.header.data[loop] as Block;
    let outside = 0;
    let sole = NO_BLOCK;
    const count = order.predecessorCount(header);
    for (let n = 0; n < count; n++) {
      const from = order.predecessor(header, n);
      if (loops.contains(loop, from)) continue;
      outside++;
      sole = from;
    }
    if (outside !== 1 || f.op[f.terminator(sole)] !== op.JUMP) sole = this.makeFront(loop, header);
    this.front.set(loop, sole);
    return sole;
  }

  private makeFront(loop: number, header: Block): Block {
    const { f } = this;
    const { order, loops } = this.c;
    const front = f.newBlock();
    f.cold.set(front, f.cold.data[header]);
    const params: Value[] = [];
    for (let i = 0; i < f.paramCount.data[header]; i++) {
      const p = f.make(op.PARAM, f.type[f.param(header, i)]);
      f.aux[p] = front;
      params.push(p);
    }
    const start = f.pool.length;
    const count = order.predecessorCount(header);
    for (let n = 0; n < count; n++) {
      const from = order.predecessor(header, n);
      if (loops.contains(loop, from)) continue;
      const e = order.predecessorEdge(header, n);
      const t = f.terminator(from);
      retarget(f, t, e - f.successor(t, 0), front);
    }
    f.setParams(front, params);
    for (const p of params) f.pool.push(p);
    const jump = f.make(op.JUMP, VOID);
    f.loc[jump] = f.loc[f.first.data[header]];
    f.imm[jump] = f.newEdge(header, start, params.length);
    f.imm2[jump] = 1;
    f.append(front, jump);
    loops.addBlock(front, loops.parent.data[loop]);
    this.changedFlow = true;
    return front;
  }
}

/** What selection makes part of another instruction, or nothing of. */
function isFree(f: Func, v: Value): boolean {
  const code = f.op[v];
  if (isCompare(code)) return true;
  switch (code) {
    case op.I64_EXTEND_I32_U:
    case op.I32_WRAP_I64:
    case op.PTR_FROM_I64:
    case op.I64_FROM_PTR:
    case op.PTR_FROM_REF:
    case op.REF_FROM_PTR:
    case op.BOUNDS_CHECK32:
      return true;
    case op.PTR_ADD:
      return f.op[f.resolve(f.b[v] as Value)] === op.I64_CONST;
    default:
      return false;
  }
}

/** True for what takes one cycle. */
function isCheap(code: number): boolean {
  if (RESULT[code] !== I32 && RESULT[code] !== I64 && RESULT[code] !== PTR) return false;
  if ((FLAGS[code] & (READS | GUARDED)) !== 0) return false;
  return !isMultiplication(code) && FLAGS[code] !== 0;
}

function isMultiplication(code: number): boolean {
  return code === op.I32_MUL || code === op.I64_MUL || code === op.I64_MULHI_S || code === op.I64_MULHI_U;
}
