// Which parts of memory each block and each loop may write. Parts ("classes") are the regions of ir/access.ts that
// the function mentions, up to a number: the rest share the last one. Cells that never change are a class of their
// own, and so is every stack slot whose address is only used to access it: calls cannot reach these.
// requires: Order, Loops

import { grown, grown8, IntColumn } from "../base/columns.ts";
import * as op from "../gen/ir-ops.ts";
import { READONLY, REGION_GLOBAL, REGION_MEMORY, regionOf } from "../ir/access.ts";
import type { Block, Func, Value } from "../ir/func.ts";
import { ACCESS_SIZE, CALL, FLAGS, WRITES } from "../ir/ops.ts";
import { type Context, LOOPS, ORDER } from "./context.ts";
import { NO_LOOP } from "./loops.ts";

/** The class of cells that never change. */
export const CONSTANT = 0;
const MOST_CLASSES = 31;
/** Slots that get a class of their own. */
const MOST_SLOTS = 12;

/** Every class but CONSTANT. */
export const EVERYTHING: number = ~1;

/** In `writes` while it is computed: the block polls. CONSTANT is never written. */
const POLLS = 1 << CONSTANT;

export class Effects {
  /** Number of classes. */
  classes: number;
  /** The classes that a call may change. */
  shared: number;
  /**
   * The classes that a poll may change. It can run Python, which can come back into the instance and grow a table
   * (its array moves) or drop what a cell refers to. Numbers in memories and globals are left out: a loop may see
   * them late.
   */
  polled: number;
  /** Block → classes written in it, as bits. */
  writes: Int32Array<ArrayBuffer>;
  /** Loop → classes written in it and the loops inside. */
  readonly loopWrites: IntColumn;
  private readonly region: IntColumn; // class - 1 → region and number, as in aux
  private escaped: Uint8Array<ArrayBuffer>; // slot → 1 when it may be reached otherwise
  private readonly slotClass: IntColumn; // slot → its class, or 0

  constructor() {
    this.classes = 1;
    this.shared = 0;
    this.polled = 0;
    this.writes = new Int32Array(64);
    this.loopWrites = new IntColumn();
    this.region = new IntColumn();
    this.escaped = new Uint8Array(16);
    this.slotClass = new IntColumn();
  }

  compute(c: Context): void {
    const { func: f, order, loops } = c;
    c.need(ORDER | LOOPS);
    this.region.clear();
    this.classes = 1;
    this.findSlots(c);
    // Slots have taken the first classes; calls reach all the others.
    this.shared = EVERYTHING & ~((1 << this.classes) - 1);
    if (this.writes.length < f.blockCount) this.writes = grown(this.writes, f.blockCount);
    this.loopWrites.clear();
    this.loopWrites.resize(loops.count, 0);
    let references = 0;
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      let bits = 0;
      for (let v = f.first.data[b]; v >= 0; v = f.next[v]) {
        const flags = FLAGS[f.op[v]];
        if ((flags & CALL) !== 0) bits |= this.shared;
        else if (f.op[v] === op.POLL) bits |= POLLS;
        else if (ACCESS_SIZE[f.op[v]] !== 0) {
          const one = 1 << this.classOf(f, v as Value);
          if ((flags & WRITES) !== 0) bits |= one;
          if (f.op[v] === op.REF_LOAD) references |= one;
        }
      }
      this.writes[b] = bits;
    }
    this.settlePolls(c, references);
    // Inner loops have lower numbers.
    for (let loop = 0; loop < loops.count; loop++) {
      const up = loops.parent.data[loop];
      if (up !== NO_LOOP) this.loopWrites.data[up] |= this.loopWrites.data[loop];
    }
  }

  /** Now that all classes are known, says what the polls of each block change, and sums up the loops. */
  private settlePolls(c: Context, references: number): void {
    const { order, loops } = c;
    let numbers = 0;
    for (let i = 0; i < this.region.length; i++) {
      const k = this.firstRegion() + i;
      const region = regionOf(this.region.data[i]);
      if ((region === REGION_MEMORY || region === REGION_GLOBAL) && k < MOST_CLASSES - 1) numbers |= 1 << k;
    }
    this.polled = this.shared & ~(numbers & ~references);
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i];
      if ((this.writes[b] & POLLS) !== 0) this.writes[b] = (this.writes[b] & ~POLLS) | this.polled;
      const loop = loops.innermost[b];
      if (loop !== NO_LOOP) this.loopWrites.data[loop] |= this.writes[b];
    }
  }

  /** The class that memory operation `v` accesses. A store is never to CONSTANT. */
  classOf(f: Func, v: Value): number {
    const aux = f.aux[v];
    if ((aux & READONLY) !== 0 && (FLAGS[f.op[v]] & WRITES) === 0) return CONSTANT;
    const address = f.resolve(f.a[v] as Value);
    if (f.op[address] === op.SLOT) {
      const own = this.slotClass.data[f.imm[address]];
      if (own !== 0) return own;
    }
    const key = aux & 0xfffff;
    const first = this.classes;
    for (let i = 0; i < this.region.length; i++)
      if (this.region.data[i] === key) return this.firstRegion() + i;
    if (first === MOST_CLASSES) return MOST_CLASSES - 1;
    this.region.push(key);
    return this.classes++;
  }

  private firstRegion(): number {
    return this.classes - this.region.length;
  }

  /** Gives a class to each slot that is used as the address of loads and stores only. */
  private findSlots(c: Context): void {
    const { func: f, order } = c;
    this.slotClass.clear();
    this.slotClass.resize(f.slots.length, 0);
    if (f.slots.length === 0) return;
    if (this.escaped.length < f.slots.length) this.escaped = grown8(this.escaped, f.slots.length);
    this.escaped.fill(0, 0, f.slots.length);
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      for (let v = f.first.data[b]; v >= 0; v = f.next[v]) {
        const isAccess = ACCESS_SIZE[f.op[v]] !== 0;
        for (let k = f.operandCount(v as Value) - 1; k >= (isAccess ? 1 : 0); k--) {
          this.escape(f, f.operand(v as Value, k));
        }
      }
      const t = f.terminator(b);
      for (let k = f.successorCount(t) - 1; k >= 0; k--) {
        const e = f.successor(t, k);
        for (let j = f.edgeCount.data[e] - 1; j >= 0; j--) this.escape(f, f.argument(e, j));
      }
    }
    for (let slot = 0; slot < f.slots.length && this.classes <= MOST_SLOTS; slot++) {
      if (this.escaped[slot] === 0) this.slotClass.data[slot] = this.classes++;
    }
  }

  private escape(f: Func, x: Value): void {
    const v = f.resolve(x);
    if (f.op[v] === op.SLOT) this.escaped[f.imm[v]] = 1;
  }
}
