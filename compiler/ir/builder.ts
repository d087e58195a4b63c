// Builds a Func instruction by instruction, with mutable variables that become SSA on the way (Braun et al.,
// "Simple and Efficient Construction of Static Single Assignment Form", CC 2013). Both the wasm walk and the
// run-time helpers use it.
//
// A block is `seal`ed when no further edge will lead to it: before that, a variable read in it becomes a
// parameter at once. Arguments for these parameters are filled in by `finish`. Redundant parameters are left
// for opt/params.ts to remove.
//
// The SSA form of a function can be as large as the number of its variables times that of its blocks. Who cannot
// afford that gives `begin` a budget of steps, and throws away what was built once it `isOverwhelmed`.

import { IntColumn } from "../base/columns.ts";
import { ABSENT, PairMap } from "../base/intmap.ts";
import * as op from "../gen/ir-ops.ts";
import { type Block, type Edge, ENTRY, type Func, NO_BLOCK, NO_VALUE, type Value } from "./func.ts";
import { ARITY, CONST_OF, F32, F64, I32, I64, PTR, RESULT, V128, VARIADIC, VOID } from "./ops.ts";
import type { Program } from "./program.ts";

/** Never used up. */
const ANY_BUDGET = 0x7fffffff;

declare const variableBrand: unique symbol;
export type Variable = number & { readonly [variableBrand]: true };

export class Builder {
  readonly program: Program;
  func: Func;
  /** The block that instructions are appended to; NO_BLOCK after a terminator. */
  current: Block;
  /** Byte offset given to the instructions that follow, or -1. */
  loc: number;
  /** Where calls that follow go on when an exception leaves them, helpers too; NO_BLOCK: it leaves the function. */
  handler: Block;

  private readonly variableType: IntColumn;
  private readonly definitions: PairMap; // (block, variable) → value
  private readonly sealed: IntColumn;
  private readonly predHead: IntColumn; // block → its latest edge, or -1
  private readonly predCount: IntColumn; // predecessors, however many edges lead from each
  private readonly predNext: IntColumn; // edge → the one before
  private readonly edgeFrom: IntColumn; // edge → block
  // parameters made for variables, in order of making
  private readonly phiValue: IntColumn;
  private readonly phiVariable: IntColumn;
  private readonly phiNext: IntColumn; // the block's phi made before it, or -1
  private readonly phiHead: IntColumn; // block → its latest phi, or -1
  private readonly explicitParams: IntColumn; // pairs (block, value)
  /** Steps that may still be taken to find the values of variables; negative: what is built is of no use. */
  private budget: number;
  /** Calls and others with any number of operands. */
  private variadics: number;

  constructor(program: Program, func: Func) {
    this.program = program;
    this.func = func;
    this.current = NO_BLOCK;
    this.loc = -1;
    this.handler = NO_BLOCK;
    this.variableType = new IntColumn();
    this.definitions = new PairMap();
    this.sealed = new IntColumn();
    this.predHead = new IntColumn();
    this.predCount = new IntColumn();
    this.predNext = new IntColumn();
    this.edgeFrom = new IntColumn();
    this.phiValue = new IntColumn();
    this.phiVariable = new IntColumn();
    this.phiNext = new IntColumn();
    this.phiHead = new IntColumn();
    this.explicitParams = new IntColumn();
    this.budget = ANY_BUDGET;
    this.variadics = 0;
  }

  /** Starts the function of `symbol`; the entry block is current, its parameters are those of the signature. */
  begin(name: string, symbol: number, signature: number, budget = ANY_BUDGET): void {
    this.func.reset(name, symbol, signature);
    this.budget = budget;
    this.variadics = 0;
    this.loc = -1;
    this.handler = NO_BLOCK;
    this.variableType.clear();
    this.definitions.clear();
    this.sealed.clear();
    this.predHead.clear();
    this.predCount.clear();
    this.predNext.clear();
    this.edgeFrom.clear();
    this.phiValue.clear();
    this.phiVariable.clear();
    this.phiNext.clear();
    this.phiHead.clear();
    this.explicitParams.clear();
    this.block();
    for (const type of this.program.signatures[signature].params) this.param(ENTRY, type);
    this.seal(ENTRY);
    this.current = ENTRY;
  }

  // --- blocks and variables ---------------------------------------------------------------------------

  block(): Block {
    const b = this.func.newBlock();
    this.sealed.push(0);
    this.predHead.push(-1);
    this.predCount.push(0);
    this.phiHead.push(-1);
    return b;
  }

  /** A block that is unlikely to run. */
  coldBlock(): Block {
    const b = this.block();
    this.func.cold.set(b, 1);
    return b;
  }

  /** Adds a parameter to `b`, in front of those made for variables. */
  param(b: Block, type: number): Value {
    const v = this.func.make(op.PARAM, type);
    this.func.aux[v] = b;
    this.explicitParams.push(b);
    this.explicitParams.push(v);
    return v;
  }

  /** Parameter `i` of the function. Valid while it is being built. */
  argument(i: number): Value {
    return this.explicitParams.get(2 * i + 1) as Value;
  }

  /** No edges to `b` will follow. */
  seal(b: Block): void {
    this.sealed.set(b, 1);
  }

  predecessorCount(b: Block): number {
    return this.predCount.get(b);
  }

  switchTo(b: Block): void {
    this.current = b;
  }

  /** The budget did not suffice: from there on variables have had any value. */
  get isOverwhelmed(): boolean {
    return this.budget < 0;
  }

  /** How large the function is so far, in values; what else there is counts as much as it costs memory later on. */
  get parts(): number {
    const { func, variadics } = this;
    return func.count + func.edgeTotal + 2 * func.pool.length + 4 * variadics;
  }

  get terminated(): boolean {
    return this.current === NO_BLOCK;
  }

  variable(type: number): Variable {
    return this.variableType.push(type) as Variable;
  }

  set(x: Variable, v: Value): void {
    this.definitions.set(this.current, x, v);
  }

  get(x: Variable): Value {
    return this.read(x, this.current);
  }

  private read(x: Variable, from: Block): Value {
    let b = from;
    let v = this.definitions.get(b, x);
    // Up the chain of sole predecessors; each block passed remembers the answer.
    while (v === ABSENT && this.sealed.get(b) === 1 && this.predCount.get(b) === 1) {
      b = this.edgeFrom.get(this.predHead.get(b)) as Block;
      v = this.definitions.get(b, x);
      if (--this.budget < 0) return this.anyValue(x, from);
    }
    if (v === ABSENT) {
      this.budget -= 1 + this.predCount.get(b);
      if (this.budget < 0) return this.anyValue(x, from);
      v =
        this.sealed.get(b) === 1 && this.predCount.get(b) === 0 ? this.undefinedValue(b, x) : this.phi(b, x);
      this.definitions.set(b, x, v);
    }
    for (let at = from; at !== b; at = this.edgeFrom.get(this.predHead.get(at)) as Block) {
      this.definitions.set(at, x, v);
    }
    return v as Value;
  }

  private phi(b: Block, x: Variable): Value {
    const v = this.func.make(op.PARAM, this.variableType.get(x));
    this.func.aux[v] = b;
    const i = this.phiValue.push(v);
    this.phiVariable.push(x);
    this.phiNext.push(this.phiHead.get(b));
    this.phiHead.set(b, i);
    return v;
  }

  /** For the walk to go on with, when it is all in vain. */
  private anyValue(x: Variable, at: Block): Value {
    const v = this.undefinedValue(at, x);
    this.definitions.set(at, x, v);
    return v;
  }

  /** A variable read before it was set: a zero, at the start of the block that has no predecessor. */
  private undefinedValue(b: Block, x: Variable): Value {
    const v = this.func.make(CONST_OF[this.variableType.get(x)], this.variableType.get(x));
    const first = this.func.first.get(b);
    if (first < 0) this.func.append(b, v);
    else this.func.insertBefore(first as Value, v);
    return v;
  }

  /**
   * Ends the function: every block must be terminated. Seals all, gives parameters and arguments their places, unless
   * the budget does not suffice.
   */
  finish(): Func {
    const f = this.func;
    this.sealed.data.fill(1, 0, this.sealed.length);
    // Reading the arguments may make further phis: the list grows while it is walked.
    const start = new IntColumn();
    const values = new IntColumn();
    for (let i = 0; i < this.phiValue.length; i++) {
      if (this.isOverwhelmed) return f;
      start.push(values.length);
      const b = f.aux[this.phiValue.get(i)];
      for (let e = this.predHead.get(b); e >= 0; e = this.predNext.get(e)) {
        values.push(this.read(this.phiVariable.get(i) as Variable, this.edgeFrom.get(e) as Block));
      }
    }
    const params: Value[][] = [];
    for (let b = 0; b < f.blockCount; b++) params.push([]);
    for (let i = 0; i < this.explicitParams.length; i += 2) {
      params[this.explicitParams.get(i)].push(this.explicitParams.get(i + 1) as Value);
    }
    for (let b = 0; b < f.blockCount; b++) {
      const phis: number[] = [];
      for (let i = this.phiHead.get(b); i >= 0; i = this.phiNext.get(i)) phis.push(i);
      let nth = 0;
      for (let e = this.predHead.get(b); e >= 0 && phis.length > 0; e = this.predNext.get(e)) {
        const from = f.edgeStart.get(e);
        const count = f.edgeCount.get(e);
        f.edgeStart.set(e, f.pool.length);
        f.edgeCount.set(e, count + phis.length);
        for (let k = 0; k < count; k++) f.pool.push(f.pool.get(from + k));
        for (const i of phis) f.pool.push(values.get(start.get(i) + nth));
        nth++;
      }
      for (const i of phis) params[b].push(this.phiValue.get(i) as Value);
      if (params[b].length > 0) f.setParams(b as Block, params[b]);
    }
    return f;
  }

  // --- instructions -----------------------------------------------------------------------------------

  private emit(code: number, type: number, a: number, b: number, c: number): Value {
    const v = this.func.make(code, type, a, b, c);
    this.func.loc[v] = this.loc;
    this.func.append(this.current, v);
    return v;
  }

  /** An operation whose result type stands in the table. */
  op(code: number, a = -1, b = -1, c = -1): Value {
    return this.emit(code, RESULT[code], a, b, c);
  }

  /** An operation with any number of operands. */
  operation(code: number, operands: readonly Value[]): Value {
    if (ARITY[code] === VARIADIC) return this.variadic(code, RESULT[code], operands, -1, 0);
    const v = this.op(code);
    for (let i = 0; i < operands.length; i++) this.func.setOperand(v, i, operands[i]);
    return v;
  }

  /** By its bits; a vector: its place in `wide`. */
  constant(type: number, lo: number, hi: number): Value {
    const v = this.op(CONST_OF[type]);
    this.func.imm[v] = lo;
    this.func.imm2[v] = hi;
    return v;
  }

  i32(x: number): Value {
    return this.constant(I32, x, 0);
  }

  i64(lo: number, hi: number): Value {
    return this.constant(I64, lo, hi);
  }

  /** By its bits. */
  f32(bits: number): Value {
    return this.constant(F32, bits, 0);
  }

  f64(lo: number, hi: number): Value {
    return this.constant(F64, lo, hi);
  }

  /** By its bits, the least word first. */
  v128(a: number, b: number, c: number, d: number): Value {
    return this.constant(V128, this.func.newWide(a, b, c, d), 0);
  }

  ptr(lo: number, hi: number): Value {
    return this.constant(PTR, lo, hi);
  }

  /** The zero of a type. */
  zero(type: number): Value {
    return this.constant(type, 0, 0);
  }

  symbol(id: number): Value {
    const v = this.op(op.SYMBOL);
    this.func.imm[v] = id;
    return v;
  }

  slot(slot: number): Value {
    const v = this.op(op.SLOT);
    this.func.imm[v] = slot;
    return v;
  }

  /** What accesses memory, with up to two values. `aux` from access.ts; the offset is unsigned, in two words. */
  access(
    code: number,
    address: Value,
    x: number,
    y: number,
    offset: number,
    aux: number,
    offsetHi: number,
  ): Value {
    const v = this.op(code, address, x, y);
    this.func.imm[v] = offset;
    this.func.imm2[v] = offsetHi;
    this.func.aux[v] = aux;
    return v;
  }

  load(code: number, address: Value, offset: number, aux: number, offsetHi = 0): Value {
    return this.access(code, address, NO_VALUE, NO_VALUE, offset, aux, offsetHi);
  }

  store(code: number, address: Value, x: Value, offset: number, aux: number, offsetHi = 0): Value {
    return this.access(code, address, x, NO_VALUE, offset, aux, offsetHi);
  }

  private variadic(
    code: number,
    type: number,
    operands: readonly Value[],
    symbol: number,
    aux: number,
  ): Value {
    this.variadics++;
    const start = this.func.pool.length;
    for (const x of operands) this.func.pool.push(x);
    const v = this.emit(code, type, start, operands.length, symbol);
    this.func.aux[v] = aux;
    return v;
  }

  /**
   * A call of a function symbol, with its signature. The value is the first result. With a handler it ends the block,
   * and what follows goes to a new one.
   */
  call(symbol: number, operands: readonly Value[]): Value {
    const { handler } = this;
    if (handler !== NO_BLOCK) {
      const next = this.block();
      return this.goOnIn(next, this.invoke(symbol, operands, next, handler));
    }
    const { signature } = this.program.symbols[symbol];
    const type = this.program.signatures[signature].firstResult();
    return this.variadic(op.CALL, type, operands, symbol, signature);
  }

  /** The same of the function at an address. */
  callPtr(code: Value, signature: number, operands: readonly Value[]): Value {
    const { handler } = this;
    if (handler !== NO_BLOCK) {
      const next = this.block();
      return this.goOnIn(next, this.invokePtr(code, signature, operands, next, handler));
    }
    const type = this.program.signatures[signature].firstResult();
    return this.variadic(op.CALL_PTR, type, [code, ...operands], -1, signature);
  }

  /** Goes on in the normal successor of `invoke`, which nothing else leads to. */
  private goOnIn(normal: Block, invoke: Value): Value {
    this.seal(normal);
    this.switchTo(normal);
    return invoke;
  }

  /** Result `i` ≥ 1 of a call, or of what else has several; to be asked for right behind it. */
  projection(call: Value, i: number, type: number): Value {
    const v = this.emit(op.PROJ, type, call, -1, -1);
    this.func.imm[v] = i;
    return v;
  }

  trapIf(condition: Value, code: number): void {
    const v = this.op(op.TRAP_IF, condition);
    this.func.imm[v] = code;
  }

  // --- terminators ------------------------------------------------------------------------------------

  private edge(to: Block, args: readonly Value[]): Edge {
    const start = this.func.pool.length;
    for (const x of args) this.func.pool.push(x);
    const e = this.func.newEdge(to, start, args.length);
    const latest = this.predHead.get(to);
    // edges of one terminator are made in a row, and count as one predecessor
    if (latest < 0 || this.edgeFrom.get(latest) !== this.current) {
      this.predCount.set(to, this.predCount.get(to) + 1);
    }
    this.predNext.push(latest);
    this.edgeFrom.push(this.current);
    this.predHead.set(to, e);
    return e;
  }

  private terminate(v: Value, firstEdge: number, edges: number): void {
    this.func.imm[v] = firstEdge;
    this.func.imm2[v] = edges;
    this.current = NO_BLOCK;
  }

  jump(to: Block, args: readonly Value[]): void {
    const e = this.edge(to, args);
    this.terminate(this.op(op.JUMP), e, 1);
  }

  /** To `then` if the condition is not zero. */
  brIf(
    condition: Value,
    then: Block,
    thenArgs: readonly Value[],
    otherwise: Block,
    elseArgs: readonly Value[],
  ): void {
    const e = this.edge(then, thenArgs);
    this.edge(otherwise, elseArgs);
    this.terminate(this.op(op.BR_IF, condition), e, 2);
  }

  /** The last target is the default. All edges carry `args`. */
  brTable(index: Value, targets: readonly Block[], args: readonly Value[]): void {
    const first = this.func.edgeTotal;
    for (const to of targets) this.edge(to, args);
    this.terminate(this.op(op.BR_TABLE, index), first, targets.length);
  }

  /** A call that ends the block: goes on in `normal`, or in `exceptional` when it is left by a trap or exception. */
  invoke(symbol: number, operands: readonly Value[], normal: Block, exceptional: Block): Value {
    const signature = this.program.symbols[symbol].signature;
    const type = this.program.signatures[signature].firstResult();
    const v = this.variadic(op.INVOKE, type, operands, symbol, signature);
    const e = this.edge(normal, []);
    this.edge(exceptional, []);
    this.terminate(v, e, 2);
    return v;
  }

  invokePtr(
    code: Value,
    signature: number,
    operands: readonly Value[],
    normal: Block,
    exceptional: Block,
  ): Value {
    const type = this.program.signatures[signature].firstResult();
    const v = this.variadic(op.INVOKE_PTR, type, [code, ...operands], -1, signature);
    const e = this.edge(normal, []);
    this.edge(exceptional, []);
    this.terminate(v, e, 2);
    return v;
  }

  returnCall(symbol: number, operands: readonly Value[]): void {
    const signature = this.program.symbols[symbol].signature;
    this.variadic(op.RETURN_CALL, VOID, operands, symbol, signature);
    this.current = NO_BLOCK;
  }

  returnCallPtr(code: Value, signature: number, operands: readonly Value[]): void {
    this.variadic(op.RETURN_CALL_PTR, VOID, [code, ...operands], -1, signature);
    this.current = NO_BLOCK;
  }

  codeAddress(exceptional: Block): Value {
    const v = this.op(op.CODE_ADDR);
    this.func.imm[v] = exceptional;
    return v;
  }

  ret(values: readonly Value[]): void {
    this.variadic(op.RETURN, VOID, values, -1, 0);
    this.current = NO_BLOCK;
  }

  trap(code: number): void {
    const v = this.op(op.TRAP);
    this.func.imm[v] = code;
    this.current = NO_BLOCK;
  }

  unreachable(): void {
    this.op(op.UNREACHABLE);
    this.current = NO_BLOCK;
  }

  resume(sp: Value, code: Value): void {
    this.op(op.RESUME, sp, code);
    this.current = NO_BLOCK;
  }
}
