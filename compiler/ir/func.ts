// One function in SSA form, as columns. A value is the number of the instruction that makes it; a block is a
// number too, with a doubly linked list of instructions whose last is its terminator. Block parameters are
// values that stand in no list. Edges carry the arguments of the parameters of the block they lead to.
// One Func serves function after function: `reset` keeps the storage.

import { grown, grown8, grown16, IntColumn } from "../base/columns.ts";
import { COPY, PARAM } from "../gen/ir-ops.ts";
import { ARITY, EDGES, FLAGS, TERMINATOR, VARIADIC } from "./ops.ts";

declare const valueBrand: unique symbol;
declare const blockBrand: unique symbol;
declare const edgeBrand: unique symbol;
export type Value = number & { readonly [valueBrand]: true };
export type Block = number & { readonly [blockBrand]: true };
export type Edge = number & { readonly [edgeBrand]: true };

export const NO_VALUE: Value = -1 as Value;
export const NO_BLOCK: Block = -1 as Block;

/** The entry block; its parameters are the function's. */
export const ENTRY: Block = 0 as Block;

export class Func {
  name: string;
  /** Number of the function's own symbol in its Program. */
  symbol: number;
  /** Number of its signature in its Program. */
  signature: number;

  // instructions
  count: number;
  op: Uint16Array<ArrayBuffer>;
  type: Uint8Array<ArrayBuffer>;
  /** Inline operands; for variadic operations: start in `pool`, count, and the symbol of a call. */
  a: Int32Array<ArrayBuffer>;
  b: Int32Array<ArrayBuffer>;
  c: Int32Array<ArrayBuffer>;
  imm: Int32Array<ArrayBuffer>;
  imm2: Int32Array<ArrayBuffer>;
  /** Memory operations: access.ts; calls: signature; parameters: block. */
  aux: Int32Array<ArrayBuffer>;
  /** Byte offset of the wasm instruction it comes from, or -1. */
  loc: Int32Array<ArrayBuffer>;
  block: Int32Array<ArrayBuffer>;
  prev: Int32Array<ArrayBuffer>;
  next: Int32Array<ArrayBuffer>;

  // blocks
  readonly first: IntColumn;
  readonly last: IntColumn;
  /** Parameters of each block: a range of `paramPool`. */
  readonly paramStart: IntColumn;
  readonly paramCount: IntColumn;
  /** 1 where the block is unlikely to run. */
  readonly cold: IntColumn;

  // edges
  readonly edgeBlock: IntColumn;
  readonly edgeStart: IntColumn;
  readonly edgeCount: IntColumn;

  /** Operands of variadic operations and arguments of edges. */
  readonly pool: IntColumn;
  readonly paramPool: IntColumn;

  /** Immediates of 128 bits (WIDE), four words each; the first is 0. */
  readonly wide: IntColumn;

  /** Sizes in bytes of the function's stack slots; each is 16-byte aligned. */
  readonly slots: IntColumn;

  /** Block numbers in the order of code, ENTRY first; empty until opt/layout.ts has run: in order of number. */
  readonly layout: IntColumn;

  constructor() {
    this.name = "";
    this.symbol = -1;
    this.signature = -1;
    this.count = 0;
    this.op = new Uint16Array(256);
    this.type = new Uint8Array(256);
    this.a = new Int32Array(256);
    this.b = new Int32Array(256);
    this.c = new Int32Array(256);
    this.imm = new Int32Array(256);
    this.imm2 = new Int32Array(256);
    this.aux = new Int32Array(256);
    this.loc = new Int32Array(256);
    this.block = new Int32Array(256);
    this.prev = new Int32Array(256);
    this.next = new Int32Array(256);
    this.first = new IntColumn();
    this.last = new IntColumn();
    this.paramStart = new IntColumn();
    this.paramCount = new IntColumn();
    this.cold = new IntColumn();
    this.edgeBlock = new IntColumn();
    this.edgeStart = new IntColumn();
    this.edgeCount = new IntColumn();
    this.pool = new IntColumn();
    this.paramPool = new IntColumn();
    this.wide = new IntColumn();
    this.slots = new IntColumn();
    this.layout = new IntColumn();
  }

  reset(name: string, symbol: number, signature: number): void {
    this.name = name;
    this.symbol = symbol;
    this.signature = signature;
    this.count = 0;
    this.first.clear();
    this.last.clear();
    this.paramStart.clear();
    this.paramCount.clear();
    this.cold.clear();
    this.edgeBlock.clear();
    this.edgeStart.clear();
    this.edgeCount.clear();
    this.pool.clear();
    this.paramPool.clear();
    this.wide.clear();
    this.newWide(0, 0, 0, 0);
    this.slots.clear();
    this.layout.clear();
  }

  private grow(): void {
    const n = this.count + 1;
    this.op = grown16(this.op, n);
    this.type = grown8(this.type, n);
    this.a = grown(this.a, n);
    this.b = grown(this.b, n);
    this.c = grown(this.c, n);
    this.imm = grown(this.imm, n);
    this.imm2 = grown(this.imm2, n);
    this.aux = grown(this.aux, n);
    this.loc = grown(this.loc, n);
    this.block = grown(this.block, n);
    this.prev = grown(this.prev, n);
    this.next = grown(this.next, n);
  }

  // --- making -----------------------------------------------------------------------------------------

  newBlock(): Block {
    this.first.push(-1);
    this.last.push(-1);
    this.paramStart.push(0);
    this.paramCount.push(0);
    this.cold.push(0);
    return (this.first.length - 1) as Block;
  }

  get blockCount(): number {
    return this.first.length;
  }

  get edgeTotal(): number {
    return this.edgeBlock.length;
  }

  /** A new instruction that stands in no block yet. */
  make(op: number, type: number, a = -1, b = -1, c = -1): Value {
    const v = this.count;
    if (v === this.op.length) this.grow();
    this.op[v] = op;
    this.type[v] = type;
    this.a[v] = a;
    this.b[v] = b;
    this.c[v] = c;
    this.imm[v] = 0;
    this.imm2[v] = 0;
    this.aux[v] = 0;
    this.loc[v] = -1;
    this.block[v] = -1;
    this.prev[v] = -1;
    this.next[v] = -1;
    this.count = v + 1;
    return v as Value;
  }

  /** A new instruction in front of `at`, with its place in the source. */
  makeBefore(at: Value, op: number, type: number, a = -1, b = -1, c = -1): Value {
    const v = this.make(op, type, a, b, c);
    this.loc[v] = this.loc[at];
    this.insertBefore(at, v);
    return v;
  }

  append(block: Block, v: Value): void {
    const last = this.last.get(block);
    this.block[v] = block;
    this.prev[v] = last;
    this.next[v] = -1;
    if (last < 0) this.first.set(block, v);
    else this.next[last] = v;
    this.last.set(block, v);
  }

  insertBefore(at: Value, v: Value): void {
    const block = this.block[at];
    const before = this.prev[at];
    this.block[v] = block;
    this.prev[v] = before;
    this.next[v] = at;
    this.prev[at] = v;
    if (before < 0) this.first.set(block, v);
    else this.next[before] = v;
  }

  /** Takes `v` out of its block; it may be inserted again. */
  unlink(v: Value): void {
    const block = this.block[v];
    const before = this.prev[v];
    const after = this.next[v];
    if (before < 0) this.first.set(block, after);
    else this.next[before] = after;
    if (after < 0) this.last.set(block, before);
    else this.prev[after] = before;
    this.block[v] = -1;
  }

  /** A new edge to `to` with the arguments pool[start, start + count). Edges of one terminator are made in a row. */
  newEdge(to: Block, start: number, count: number): Edge {
    this.edgeBlock.push(to);
    this.edgeStart.push(start);
    this.edgeCount.push(count);
    return (this.edgeBlock.length - 1) as Edge;
  }

  /** Gives `block` the parameters `params`, replacing what it had. */
  setParams(block: Block, params: readonly Value[]): void {
    this.paramStart.set(block, this.paramPool.length);
    this.paramCount.set(block, params.length);
    for (const p of params) this.paramPool.push(p);
  }

  /** The place of an immediate of 128 bits, its least word first. */
  newWide(a: number, b: number, c: number, d: number): number {
    const place = this.wide.push(a);
    this.wide.push(b);
    this.wide.push(c);
    this.wide.push(d);
    return place;
  }

  newSlot(size: number): number {
    return this.slots.push(size);
  }

  // --- reading ----------------------------------------------------------------------------------------

  terminator(block: Block): Value {
    return this.last.get(block) as Value;
  }

  param(block: Block, i: number): Value {
    return this.paramPool.get(this.paramStart.get(block) + i) as Value;
  }

  operandCount(v: Value): number {
    const n = ARITY[this.op[v]];
    return n === VARIADIC ? this.b[v] : n;
  }

  operand(v: Value, i: number): Value {
    if (ARITY[this.op[v]] === VARIADIC) return this.pool.get(this.a[v] + i) as Value;
    return (i === 0 ? this.a[v] : i === 1 ? this.b[v] : this.c[v]) as Value;
  }

  setOperand(v: Value, i: number, x: Value): void {
    if (ARITY[this.op[v]] === VARIADIC) this.pool.set(this.a[v] + i, x);
    else if (i === 0) this.a[v] = x;
    else if (i === 1) this.b[v] = x;
    else this.c[v] = x;
  }

  /** Number of successor edges of the block that `terminator` ends. */
  successorCount(terminator: Value): number {
    return (FLAGS[this.op[terminator]] & EDGES) !== 0 ? this.imm2[terminator] : 0;
  }

  successor(terminator: Value, i: number): Edge {
    return (this.imm[terminator] + i) as Edge;
  }

  target(edge: Edge): Block {
    return this.edgeBlock.get(edge) as Block;
  }

  argument(edge: Edge, i: number): Value {
    return this.pool.get(this.edgeStart.get(edge) + i) as Value;
  }

  isTerminator(v: Value): boolean {
    return (FLAGS[this.op[v]] & TERMINATOR) !== 0;
  }

  // --- replacing --------------------------------------------------------------------------------------

  /** Makes `v` a copy of `by`: uses of v mean `by` from now on, through `resolve`. */
  replace(v: Value, by: Value): void {
    this.op[v] = COPY;
    this.a[v] = by;
  }

  /** The value that `v` stands for, with copies followed (and shortened). */
  resolve(v: Value): Value {
    let root = v as number;
    while (this.op[root] === COPY) root = this.a[root];
    let at = v as number;
    while (this.op[at] === COPY) {
      const up = this.a[at];
      this.a[at] = root;
      at = up;
    }
    return root as Value;
  }

  isParam(v: Value): boolean {
    return this.op[v] === PARAM;
  }
}
