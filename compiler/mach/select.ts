// Instruction selection: SSA to machine instructions with virtual registers, one block after the other, each from
// its end (after Cranelift's machinst/lower.rs). A value gets instructions only if one emitted before (that is,
// of later position) asked for its register, or if it has an effect. What a rule matches beside its root is
// emitted only if something else asks for it: so pure values fold into all their users, loads into a sole one.
//
// The instructions of one value are a group, written forwards into `buffer` (writer.ts); at the end the groups of each block
// are copied to Code in reverse. Blocks are taken in postorder, so that uses come before definitions whatever
// the layout; Code has them in the order of func.layout.
//
// Flags never live longer than from the end of a group of instructions to the next: who needs a condition calls
// `flags` and emits the consumer at once.
//
// requires: no critical edges, no COPY in use, no unreachable block in func.layout
// leaves: Code without places; every virtual register has one definition, but for block parameters

import { grown, IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import * as op from "../gen/ir-ops.ts";
import { MAY_TRAP, READONLY, regionOf, SWAPPED } from "../ir/access.ts";
import { Dominators } from "../ir/dominators.ts";
import { type Block, type Edge, ENTRY, Func, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, CALL, EFFECT, FLAGS, PURE, READS, TERMINATOR, TRAPS, WRITES } from "../ir/ops.ts";
import { Order } from "../ir/order.ts";
import type { Program } from "../ir/program.ts";
import { Loops } from "../opt/loops.ts";
import { enter, lowerCall } from "./calls.ts";
import type { Code } from "./code.ts";
import { type CallLayout, layoutOf, type Target } from "./target.ts";
import { InstructionWriter, MEMORY, NONE } from "./writer.ts";

/** Effects are counted per kind of region, and all together. */
const REGIONS = 8;
const ALL = 8;

export class Selection extends InstructionWriter {
  readonly program: Program;
  func: Func;
  readonly order: Order;
  private readonly dominators: Dominators;
  private readonly loops: Loops;

  /** True if the function makes another instance current: then pinned registers hold still only locally. */
  changesInstance: boolean;

  // per value
  private vreg: Int32Array<ArrayBuffer>; // 0: nobody has asked for it
  private uses: Int32Array<ArrayBuffer>;
  private seen: Int32Array<ArrayBuffer>; // loads: effects counted before them
  private folded: Uint8Array<ArrayBuffer>; // loads that became memory operands
  private slot: Int32Array<ArrayBuffer>; // calls: stack slot of the results in memory, or -1

  /** Block → its place in the order of code. */
  private place: Int32Array<ArrayBuffer>;
  private readonly groupStart: IntColumn;
  private readonly blockGroups: IntColumn; // block in order of code → first group, one past its last
  private readonly effects: Int32Array<ArrayBuffer>;
  private current: Block;
  /** False while matching below a value that has other users, who will be given instructions of their own. */
  private exclusive: boolean;

  private readonly layouts: (CallLayout | undefined)[];
  /** The hidden parameter that says where results in memory go, or NONE. */
  resultPointer: number;

  constructor(program: Program, target: Target) {
    super(target);
    this.program = program;
    this.func = new Func();
    this.order = new Order();
    this.dominators = new Dominators();
    this.loops = new Loops();
    this.changesInstance = false;
    this.vreg = new Int32Array(256);
    this.uses = new Int32Array(256);
    this.seen = new Int32Array(256);
    this.folded = new Uint8Array(256);
    this.slot = new Int32Array(256);
    this.place = new Int32Array(64);
    this.groupStart = new IntColumn();
    this.blockGroups = new IntColumn();
    this.effects = new Int32Array(ALL + 1);
    this.current = ENTRY;
    this.exclusive = true;
    this.layouts = [];
    this.resultPointer = NONE;
  }

  /** Fills `code` with the instructions of `func`. */
  run(func: Func, code: Code): void {
    this.func = func;
    this.code = code;
    code.reset();
    this.buffer.reset();
    this.groupStart.clear();
    this.resultPointer = NONE;
    this.changesInstance = false;
    this.order.compute(func);
    this.dominators.compute(func, this.order);
    this.loops.compute(func, this.order, this.dominators);
    this.survey();
    this.declareBlocks();
    const blocks = this.order.blocks;
    for (let i = blocks.length - 1; i >= 0; i--) this.block(blocks.get(i) as Block);
    this.copyBlocks();
  }

  // --- before -------------------------------------------------------------------------------------------

  /** Counts uses, where a value that is only another name is used by whoever uses the name. */
  private survey(): void {
    const f = this.func;
    if (this.vreg.length < f.count) {
      this.vreg = grown(this.vreg, f.count);
      this.uses = grown(this.uses, f.count);
      this.seen = grown(this.seen, f.count);
      this.slot = grown(this.slot, f.count);
      this.folded = new Uint8Array(this.vreg.length);
    }
    this.vreg.fill(0, 0, f.count);
    this.uses.fill(0, 0, f.count);
    this.slot.fill(-1, 0, f.count);
    this.folded.fill(0, 0, f.count);
    for (let k = 0; k < this.order.blocks.length; k++) {
      const b = this.order.blocks.get(k) as Block;
      for (let v = f.first.get(b) as Value; v >= 0; v = f.next[v] as Value) {
        const code = f.op[v];
        if (code === op.SET_VMCTX) this.changesInstance = true;
        if (this.target.through(this, v) >= 0) continue;
        for (let i = f.operandCount(v) - 1; i >= 0; i--) this.uses[this.strip(f.operand(v, i))]++;
        for (let i = f.successorCount(v) - 1; i >= 0; i--) {
          const e = f.successor(v, i);
          for (let j = f.edgeCount.get(e) - 1; j >= 0; j--) this.uses[this.strip(f.argument(e, j))]++;
        }
      }
    }
  }

  /** Counts the effects of a block forwards, so that each load knows how many stand before it. */
  private countEffects(b: Block): void {
    const f = this.func;
    this.effects.fill(0);
    for (let v = f.first.get(b) as Value; v >= 0; v = f.next[v] as Value) {
      if ((FLAGS[f.op[v]] & READS) !== 0) this.seen[v] = this.effects[this.counterOf(v)];
      this.step(v, 1);
    }
  }

  /** Which effects a load may not be moved over: a trapping one over any, others over those on their region. */
  private counterOf(load: Value): number {
    const aux = this.func.aux[load];
    return (aux & MAY_TRAP) !== 0 ? ALL : regionOf(aux);
  }

  /** Adds the effects of `v` to the counters, or takes them back. */
  private step(v: Value, by: number): void {
    const flags = FLAGS[this.func.op[v]];
    if ((flags & PURE) !== 0 || (flags & (WRITES | TRAPS | CALL | EFFECT)) === 0) return;
    const e = this.effects;
    e[ALL] += by;
    if ((flags & (CALL | EFFECT)) !== 0) for (let r = 0; r < REGIONS; r++) e[r] += by;
    else if ((flags & WRITES) !== 0) e[regionOf(this.func.aux[v])] += by;
  }

  private declareBlocks(): void {
    const f = this.func;
    const { code, order } = this;
    if (this.place.length < f.blockCount) this.place = grown(this.place, f.blockCount);
    this.place.fill(-1);
    let n = 0;
    const total = f.layout.length > 0 ? f.layout.length : f.blockCount;
    for (let i = 0; i < total; i++) {
      const b = (f.layout.length > 0 ? f.layout.get(i) : i) as Block;
      if (!order.isReachable(b)) continue;
      this.place[b] = n++;
      code.paramStart.push(code.paramPool.length);
      // Those of the entry are the function's: the instruction `params` defines them.
      const params = b === ENTRY ? 0 : f.paramCount.get(b);
      code.paramCount.push(params);
      for (let k = 0; k < params; k++) code.paramPool.push(this.demand(f.param(b, k)));
      code.loopDepth.push(this.loops.depthOf(b));
      code.cold.push(f.cold.get(b));
    }
    this.blockGroups.clear();
    this.blockGroups.resize(2 * n, 0);
    for (let i = 0; i < f.slots.length; i++) code.slots.push((f.slots.get(i) + 15) & ~15);
  }

  // --- the walk -----------------------------------------------------------------------------------------

  private block(b: Block): void {
    const f = this.func;
    this.current = b;
    this.countEffects(b);
    const at = 2 * this.place[b];
    this.blockGroups.set(at, this.groupStart.length);
    for (let v = f.last.get(b) as Value; v >= 0; v = f.prev[v] as Value) {
      this.step(v, -1);
      if (!this.isNeeded(v)) continue;
      this.loc = f.loc[v];
      this.exclusive = true;
      const start = this.buffer.count;
      if (!lowerCall(this, v) && !this.target.lower(this, v)) unreachable(`no rule for operation ${f.op[v]}`);
      if (this.buffer.count > start) this.groupStart.push(start);
    }
    if (b === ENTRY) {
      this.loc = -1;
      const start = this.buffer.count;
      enter(this);
      this.groupStart.push(start);
    }
    this.blockGroups.set(at + 1, this.groupStart.length);
  }

  private isNeeded(v: Value): boolean {
    if (this.vreg[v] !== 0) return true;
    const flags = FLAGS[this.func.op[v]];
    if ((flags & PURE) !== 0) return false;
    if ((flags & (WRITES | TRAPS | CALL | EFFECT | TERMINATOR)) !== 0) return true;
    return (flags & READS) !== 0 && (this.func.aux[v] & MAY_TRAP) !== 0 && this.folded[v] === 0;
  }

  /** Copies the groups to Code: blocks in the order of code, their groups last first. */
  private copyBlocks(): void {
    const { code, groupStart } = this;
    groupStart.push(this.buffer.count);
    for (let b = 0; b < this.blockGroups.length; b += 2) {
      code.blockStart.push(code.count);
      for (let g = this.blockGroups.get(b + 1) - 1; g >= this.blockGroups.get(b); g--) {
        const end = groupStart.get(g + 1);
        for (let i = groupStart.get(g); i < end; i++) this.copyInstruction(i);
      }
    }
    code.blockStart.push(code.count);
  }

  // --- registers of values --------------------------------------------------------------------------------

  /** The register of `v`, which will be defined where `v` stands. */
  private demand(v: Value): number {
    if (this.vreg[v] === 0) this.vreg[v] = this.code.newVreg(this.func.type[v]);
    return this.vreg[v];
  }

  /** True if somebody asked for the register of `v`. */
  isDemanded(v: Value): boolean {
    return this.vreg[v] !== 0;
  }

  /** Where the instruction of `v` is to put its result. */
  result(v: Value): number {
    return this.demand(v);
  }

  /** The value whose register holds what `v` is. */
  strip(v: Value): Value {
    let at = v;
    for (;;) {
      const below = this.target.through(this, at);
      if (below < 0) return at;
      at = below;
    }
  }

  /** A register that holds `v` here; constants are made on the spot. */
  use(v: Value): number {
    const x = this.strip(v);
    const made = this.target.constant(this, x);
    return made >= 0 ? made : this.demand(x);
  }

  /** A register whose low 32 bits are those of `v`. */
  low(v: Value): number {
    let x = v;
    while (this.func.op[x] === op.I32_WRAP_I64) x = this.func.a[x] as Value;
    return this.use(x);
  }

  /** True if `v` has one user. */
  once(v: Value): boolean {
    return this.uses[v] === 1;
  }

  /**
   * True if the load can be done by its sole user, at the place of the root. A comparison with several users may
   * have asked for the load's register already.
   */
  foldable(load: Value): boolean {
    const aux = this.func.aux[load];
    if (!this.exclusive || this.uses[load] !== 1 || this.vreg[load] !== 0) return false;
    if (this.func.block[load] !== this.current) return false;
    if ((aux & SWAPPED) !== 0) return false;
    if ((aux & (MAY_TRAP | READONLY)) === READONLY) return true;
    return this.seen[load] === this.effects[this.counterOf(load)];
  }

  /** True if `placed` would yield MEMORY: `v` is a load of exactly `width` bits, or a float constant. */
  inMemory(v: Value, width: number): boolean {
    const f = this.func;
    switch (f.op[v]) {
      case op.F32_CONST:
      case op.F64_CONST:
        return width <= 64 && (f.imm[v] | f.imm2[v]) !== 0;
      case op.I32_LOAD:
      case op.I64_LOAD:
      case op.PTR_LOAD:
      case op.REF_LOAD:
      case op.F32_LOAD:
      case op.F64_LOAD:
        return ACCESS_SIZE[f.op[v]] * 8 === width && this.foldable(v);
      default:
        return false;
    }
  }

  /**
   * A register that holds `v`, or MEMORY with its address staged. `exclusive`: what stands between the root and
   * `v` has no other user. To be called last before the instruction is put.
   */
  placed(v: Value, width: number, exclusive: boolean): number {
    const x = this.strip(v);
    const code = this.func.op[x];
    if (exclusive && this.inMemory(x, width)) {
      if (code === op.F32_CONST || code === op.F64_CONST) {
        this.stageLiteral(width, this.func.imm[x], this.func.imm2[x]);
        return MEMORY;
      }
      this.fold(x);
      this.target.address(this, x);
      return MEMORY;
    }
    return width <= 32 ? this.low(x) : this.use(x);
  }

  /** The load's sole user does it. */
  fold(load: Value): void {
    this.folded[load] = 1;
  }

  /** Sets the flags for the truth of `v`, at once before the instruction that uses the condition it yields. */
  flags(v: Value): number {
    const outer = this.exclusive;
    this.exclusive = outer && this.once(v);
    const cc = this.target.flags(this, v);
    this.exclusive = outer;
    return cc;
  }

  /** The same where `v` itself is the root. */
  flagsOfRoot(v: Value): number {
    return this.target.flags(this, v);
  }

  // --- addresses --------------------------------------------------------------------------------------------

  /** The access whose address is staged next: whether a fault is a trap, and where it comes from. */
  stageAccess(access: Value): void {
    this.stageFault((this.func.aux[access] & MAY_TRAP) !== 0, this.func.loc[access]);
  }

  // --- edges, calls -------------------------------------------------------------------------------------------

  /** The place in the order of code of an IR block. */
  blockNumber(b: Block): number {
    return this.place[b];
  }

  /** Makes the edges of terminator `v`; their first. Arguments that are constants are made here. */
  edges(v: Value): number {
    const { func, code } = this;
    const n = func.successorCount(v);
    const first = code.edgeFrom.length;
    for (let i = 0; i < n; i++) {
      const e: Edge = func.successor(v, i);
      const count = func.edgeCount.get(e);
      code.edgeFrom.push(this.place[this.current]);
      code.edgeTo.push(this.place[func.target(e)]);
      code.edgeStart.push(code.argPool.length);
      code.edgeCount.push(count);
      for (let k = 0; k < count; k++) code.argPool.push(this.use(func.argument(e, k)));
    }
    return first;
  }

  /** How calls of the signature travel. */
  layout(signature: number): CallLayout {
    let layout = this.layouts[signature];
    if (layout === undefined) {
      const s = this.program.signatures[signature];
      layout = layoutOf(s, this.target.conventions[s.convention]);
      while (this.layouts.length <= signature) this.layouts.push(undefined);
      this.layouts[signature] = layout;
    }
    return layout;
  }

  /** The stack slot that takes those results of `call` that have no register. */
  resultSlot(call: Value, bytes: number): number {
    if (this.slot[call] < 0) this.slot[call] = this.code.slots.push((bytes + 15) & ~15);
    return this.slot[call];
  }

  /** The projection number `i` of `call`, or -1: behind it, or where its normal successor begins. */
  projection(call: Value, i: number): Value {
    const f = this.func;
    const ends = f.isTerminator(call);
    let v = ends ? f.first.get(f.target(f.successor(call, 0))) : f.next[call];
    while (v >= 0 && f.op[v] === op.PROJ && f.a[v] === call) {
      if (f.imm[v] === i) return v as Value;
      v = f.next[v];
    }
    return -1 as Value;
  }
}

/** Selects instructions for `func`. Who has many functions keeps a Selection and calls its `run`. */
export function select(func: Func, program: Program, target: Target, code: Code): void {
  new Selection(program, target).run(func, code);
}
