// Removes loads of what is known: loaded or stored before at the same address, with nothing in between that may
// have changed it; and stores of what is there already.
//
// Each class of memory (effects.ts) has a version number, which a write replaces by a fresh one. The blocks are
// walked in preorder of the dominator tree: a block starts with the versions its immediate dominator ended with,
// and fresh ones for what may be written on any way in between. What is known is a list per base value: offset,
// size, value, version. An entry counts if its version is the current one and its block dominates. A store to
// base + offset replaces the version, but entries of the same base that it does not overlap are carried over.
//
// What is written between a block and its immediate dominator: for a loop header, what the loop writes; and for each
// edge in, what is written on the dominator path above its source. (With idom(b) = d, any way from d to b stays
// among blocks that d dominates, so that the paths and loops met cover it.) Irreducible edges and long paths count
// as writing everything.
// requires: Order, Dominators, Loops
// leaves: every use resolved

import { grown, IntColumn } from "../base/columns.ts";
import * as op from "../gen/ir-ops.ts";
import { SWAPPED, sizeOf } from "../ir/access.ts";
import { type Block, Func, NO_VALUE, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, CALL, F32, F64, FLAGS, I32, I64, PTR, REF, TYPE_SIZE, WRITES } from "../ir/ops.ts";
import { Context, type Pass } from "./context.ts";
import { Effects, EVERYTHING } from "./effects.ts";
import { resolveArguments, resolveOperands } from "./resolve.ts";

/** Entries of one base that are looked at, and dominators on the way up. */
const REACH = 16;
const LONGEST_PATH = 64;

export class Loads implements Pass {
  private f: Func;
  private c: Context;
  private readonly effects: Effects;
  private between: Int32Array<ArrayBuffer>; // block → classes written between its immediate dominator and it
  private row: Int32Array<ArrayBuffer>; // block → its row of `versions`
  private readonly versions: IntColumn; // at the end of each block, one per class
  private now: Int32Array<ArrayBuffer>; // current versions
  private fresh: number;
  // What is known, newest first for each base.
  private head: Int32Array<ArrayBuffer>; // base → entry, or -1
  private readonly next: IntColumn;
  private readonly offset: IntColumn;
  private readonly access: IntColumn; // size and byte order, as in aux
  private readonly class: IntColumn;
  private readonly version: IntColumn;
  private readonly home: IntColumn; // block
  private readonly value: IntColumn;
  private readonly code: IntColumn; // the operation that loaded it, or NOP for stored values

  constructor() {
    this.f = new Func();
    this.c = new Context();
    this.effects = new Effects();
    this.between = new Int32Array(64);
    this.row = new Int32Array(64);
    this.versions = new IntColumn();
    this.now = new Int32Array(32);
    this.fresh = 0;
    this.head = new Int32Array(256);
    this.next = new IntColumn();
    this.offset = new IntColumn();
    this.access = new IntColumn();
    this.class = new IntColumn();
    this.version = new IntColumn();
    this.home = new IntColumn();
    this.value = new IntColumn();
    this.code = new IntColumn();
  }

  run(c: Context): void {
    const { func: f, dominators } = c;
    this.f = f;
    this.c = c;
    this.effects.compute(c);
    if (this.between.length < f.blockCount) {
      this.between = grown(this.between, f.blockCount);
      this.row = grown(this.row, f.blockCount);
    }
    if (this.head.length < f.count) this.head = grown(this.head, f.count);
    this.head.fill(-1, 0, f.count);
    this.clearEntries();
    this.findBetween();
    this.versions.clear();
    this.now.fill(0);
    this.fresh = 1;
    const blocks = dominators.preorder;
    for (let i = 0; i < blocks.length; i++) this.block(blocks.data[i] as Block);
    c.valuesChanged();
  }

  private clearEntries(): void {
    this.next.clear();
    this.offset.clear();
    this.access.clear();
    this.class.clear();
    this.version.clear();
    this.home.clear();
    this.value.clear();
    this.code.clear();
  }

  private findBetween(): void {
    const { order, dominators, loops } = this.c;
    const { writes, loopWrites } = this.effects;
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      const up = dominators.parent[b];
      let bits = loops.isHeader(b) ? loopWrites.data[loops.innermost[b]] : 0;
      for (let n = order.predecessorCount(b) - 1; n >= 0 && bits !== EVERYTHING; n--) {
        const from = order.predecessor(b, n);
        if (order.place[from] >= i) {
          if (!dominators.dominates(b, from)) bits = EVERYTHING;
          continue;
        }
        let steps = 0;
        for (let at: number = from; at !== up; at = dominators.parent[at]) {
          bits |= writes[at] | this.between[at];
          if (++steps > LONGEST_PATH) {
            bits = EVERYTHING;
            break;
          }
        }
      }
      this.between[b] = bits;
    }
  }

  private block(b: Block): void {
    const { f, now, versions } = this;
    const { classes } = this.effects;
    const up = this.c.dominators.parent[b];
    if (up >= 0) {
      const bits = this.between[b];
      for (let k = 1; k < classes; k++) {
        now[k] = (bits & (1 << k)) !== 0 ? this.fresh++ : versions.data[this.row[up] + k];
      }
    }
    let next = -1;
    for (let v = f.first.data[b]; v >= 0; v = next) {
      next = f.next[v];
      if (f.op[v] === op.COPY) {
        f.unlink(v as Value);
        continue;
      }
      resolveOperands(f, v as Value);
      const flags = FLAGS[f.op[v]];
      if ((flags & CALL) !== 0) this.change(this.effects.shared);
      else if (f.op[v] === op.POLL) this.change(this.effects.polled);
      else if (ACCESS_SIZE[f.op[v]] === 0) continue;
      else if ((flags & WRITES) !== 0) this.store(v as Value, b);
      else this.load(v as Value, b);
    }
    resolveArguments(f, f.terminator(b));
    this.row[b] = versions.length;
    for (let k = 0; k < classes; k++) versions.push(now[k]);
  }

  private change(classes: number): void {
    for (let k = 1; k < this.effects.classes; k++) {
      if ((classes & (1 << k)) !== 0) this.now[k] = this.fresh++;
    }
  }

  /** True when the access has an offset that is tracked, and a base made before the pass. */
  private isTracked(v: Value): boolean {
    const { f } = this;
    return f.imm2[v] === 0 && f.imm[v] >= 0 && f.a[v] < this.head.length;
  }

  private load(v: Value, b: Block): void {
    const { f } = this;
    if (!this.isTracked(v)) return;
    const k = this.effects.classOf(f, v);
    const e = this.find(v, b, k);
    if (e >= 0) {
      const by = convert(f, v, this.value.data[e] as Value, this.code.data[e]);
      if (by !== NO_VALUE) {
        f.replace(v, by);
        f.unlink(v);
        return;
      }
    }
    this.note(f.a[v] as Value, f.imm[v], f.aux[v], k, b, v, f.op[v]);
  }

  private store(v: Value, b: Block): void {
    const { f, now } = this;
    const k = this.effects.classOf(f, v);
    const before = now[k];
    if (!this.isTracked(v)) {
      now[k] = this.fresh++;
      return;
    }
    const known = this.find(v, b, k);
    if (known >= 0 && this.value.data[known] === f.b[v]) {
      // The cell holds just the bytes of the value that this would store.
      f.unlink(v);
      return;
    }
    now[k] = this.fresh++;
    const base = f.a[v] as Value;
    const from = f.imm[v];
    const size = sizeOf(f.aux[v]);
    let left = REACH;
    for (let e = this.head[base]; e >= 0 && left > 0; e = this.next.data[e], left--) {
      if (this.class.data[e] !== k || this.version.data[e] !== before) continue;
      const other = this.offset.data[e];
      if (other < from + size && from < other + sizeOf(this.access.data[e])) continue;
      if (!this.c.dominators.dominates(this.home.data[e] as Block, b)) continue;
      const { access, value, code } = this;
      this.note(
        base,
        other,
        access.data[e],
        k,
        this.home.data[e] as Block,
        value.data[e] as Value,
        code.data[e],
      );
    }
    this.note(base, from, f.aux[v], k, b, f.b[v] as Value, op.NOP);
  }

  private note(base: Value, offset: number, aux: number, k: number, b: Block, x: Value, code: number): void {
    const e = this.next.push(this.head[base]);
    this.offset.push(offset);
    this.access.push(aux);
    this.class.push(k);
    this.version.push(this.now[k]);
    this.home.push(b);
    this.value.push(x);
    this.code.push(code);
    this.head[base] = e;
  }

  /** The newest entry that says what `v`, of class `k`, finds in its cell; or -1. */
  private find(v: Value, b: Block, k: number): number {
    const { f } = this;
    let left = REACH;
    for (let e = this.head[f.a[v]]; e >= 0 && left > 0; e = this.next.data[e], left--) {
      if (this.offset.data[e] !== f.imm[v] || this.class.data[e] !== k) continue;
      if (this.version.data[e] !== this.now[k]) continue;
      const aux = this.access.data[e];
      if (sizeOf(aux) !== sizeOf(f.aux[v]) || ((aux ^ f.aux[v]) & SWAPPED) !== 0) continue;
      if (this.c.dominators.dominates(this.home.data[e] as Block, b)) return e;
    }
    return -1;
  }
}

/**
 * What load `v` yields from a cell whose bytes are the low ones of `x`: `x` was stored, or loaded by `code`. New
 * instructions stand before `v`. NO_VALUE where that would take more than one.
 */
function convert(f: Func, v: Value, x: Value, code: number): Value {
  const to = f.type[v];
  const from = f.type[x];
  const size = sizeOf(f.aux[v]);
  if (f.op[v] === code && from === to) return x;
  const full = to === PTR || to === REF || size === TYPE_SIZE[to];
  if (from === to && full) return x;
  if ((f.aux[v] & SWAPPED) !== 0) return NO_VALUE;
  const before = (code: number, a: Value, b: Value): Value => f.makeBefore(v, code, to, a, b);
  const signed = isSignedLoad(f.op[v]);
  if (from === to) {
    if (signed) return before(extension(to, size), x, NO_VALUE);
    const mask = f.make(to === I32 ? op.I32_CONST : op.I64_CONST, to);
    f.imm[mask] = size === 4 ? -1 : (1 << (8 * size)) - 1;
    f.insertBefore(v, mask);
    return before(to === I32 ? op.I32_AND : op.I64_AND, x, mask);
  }
  if (size === 4) {
    if (from === I32 && to === I64)
      return before(signed ? op.I64_EXTEND_I32_S : op.I64_EXTEND_I32_U, x, NO_VALUE);
    if (from === I64 && to === I32) return before(op.I32_WRAP_I64, x, NO_VALUE);
    if (from === I32 && to === F32) return before(op.F32_REINTERPRET_I32, x, NO_VALUE);
    if (from === F32 && to === I32) return before(op.I32_REINTERPRET_F32, x, NO_VALUE);
  }
  if (size === 8) {
    if (from === I64 && to === F64) return before(op.F64_REINTERPRET_I64, x, NO_VALUE);
    if (from === F64 && to === I64) return before(op.I64_REINTERPRET_F64, x, NO_VALUE);
  }
  return NO_VALUE;
}

function isSignedLoad(code: number): boolean {
  switch (code) {
    case op.I32_LOAD8_S:
    case op.I32_LOAD16_S:
    case op.I64_LOAD8_S:
    case op.I64_LOAD16_S:
    case op.I64_LOAD32_S:
      return true;
    default:
      return false;
  }
}

function extension(type: number, size: number): number {
  if (type === I32) return size === 1 ? op.I32_EXTEND8_S : op.I32_EXTEND16_S;
  return size === 1 ? op.I64_EXTEND8_S : size === 2 ? op.I64_EXTEND16_S : op.I64_EXTEND32_S;
}
