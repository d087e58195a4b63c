// Checks everything that a Func promises: lists, types, dominance, edges, calls, immediates. Between passes
// operands may be copies, which count as what they stand for; a function with a layout is finished: no copies,
// no critical edges. Blocks that cannot be reached are not looked at, but may not appear in the layout.

import { unreachable } from "../base/fail.ts";
import * as op from "../gen/ir-ops.ts";
import { REGION_HEAP, regionOf, sizeOf } from "./access.ts";
import { Dominators } from "./dominators.ts";
import { type Block, type Edge, ENTRY, type Func, type Value } from "./func.ts";
import {
  ACCESS_SIZE,
  ANY,
  ARITY,
  EDGES,
  FLAGS,
  I32,
  I64,
  OPS,
  PTR,
  TERMINATOR,
  TYPE_NAMES,
  VARIADIC,
  WIDE,
} from "./ops.ts";
import { Order } from "./order.ts";
import { callsSymbol, isCall } from "./print.ts";
import type { Program } from "./program.ts";
import { TRAP_MESSAGES } from "./traps.ts";

export function verify(func: Func, program: Program): void {
  new Verifier(func, program).run();
}

class Verifier {
  private readonly f: Func;
  private readonly program: Program;
  private readonly order: Order;
  private readonly dominators: Dominators;
  /** Value → its place among the instructions of its block (from 1), 0 for parameters in place, -1 not found. */
  private readonly place: Int32Array;

  constructor(func: Func, program: Program) {
    this.f = func;
    this.program = program;
    this.order = new Order();
    this.dominators = new Dominators();
    this.place = new Int32Array(func.count).fill(-1);
  }

  private wrong(what: string, v = -1): never {
    const { f } = this;
    const where = v >= 0 ? ` (value ${v}, ${OPS[f.op[v]].name} in block ${f.block[v]})` : "";
    return unreachable(`IR of ${f.name}: ${what}${where}`);
  }

  /** For messages that are constants: others are built where they are needed. */
  private check(truth: boolean, what: string, v = -1): void {
    if (!truth) this.wrong(what, v);
  }

  run(): void {
    const { f, order } = this;
    this.check(f.blockCount > 0 && f.first.get(ENTRY) >= 0, "no entry block");
    // Lists and edges first: the orders below walk them.
    this.lists();
    order.compute(f);
    this.dominators.compute(f, order);
    this.check(order.predecessorCount(ENTRY) === 0, "the entry block has a predecessor");
    const blocks: Block[] = [];
    for (let i = 0; i < order.blocks.length; i++) blocks.push(order.blocks.get(i) as Block);
    for (const b of blocks) this.parameters(b);
    for (const b of blocks) {
      for (let v = f.first.get(b); v >= 0; v = f.next[v]) this.instruction(v as Value);
      this.edges(b);
    }
    if (f.layout.length > 0) this.layout(blocks);
  }

  private lists(): void {
    const { f } = this;
    const seen = new Uint8Array(f.blockCount);
    const left: Block[] = [ENTRY];
    seen[ENTRY] = 1;
    for (let b = left.pop(); b !== undefined; b = left.pop()) {
      this.list(b);
      const t = f.terminator(b);
      for (let k = 0; k < f.successorCount(t); k++) {
        const to = f.target(f.successor(t, k));
        if (seen[to] === 0) left.push(to);
        seen[to] = 1;
      }
    }
  }

  /** The links of `b`, and that its only terminator stands last. */
  private list(b: Block): void {
    const { f, place } = this;
    let before = -1;
    let n = 0;
    for (let v = f.first.get(b); v >= 0; v = f.next[v]) {
      this.check(v < f.count && place[v] < 0, "an instruction stands in two places", v);
      place[v] = ++n;
      this.check(f.block[v] === b, "an instruction does not know its block", v);
      this.check(f.prev[v] === before, "a broken list", v);
      this.check(f.op[v] !== op.PARAM, "a parameter in a list", v);
      const terminates = (FLAGS[f.op[v]] & TERMINATOR) !== 0;
      this.check(terminates === f.next[v] < 0, "terminators stand at the end of blocks, and only there", v);
      before = v;
    }
    if (before < 0 || f.last.get(b) !== before) this.wrong(`block ${b} has a wrong end`);
    if ((FLAGS[f.op[before]] & EDGES) === 0) return;
    const first = f.imm[before];
    const count = f.imm2[before];
    const least = f.op[before] === op.JUMP || f.op[before] === op.BR_TABLE ? 1 : 2;
    this.check(first >= 0 && first + count <= f.edgeTotal, "edges out of range", before);
    this.check(count === least || (count > least && f.op[before] === op.BR_TABLE), "number of edges", before);
    for (let e = first; e < first + count; e++) {
      const to = f.edgeBlock.get(e);
      this.check(to >= 0 && to < f.blockCount && f.first.get(to) >= 0, "an edge leads to no block", before);
    }
  }

  private parameters(b: Block): void {
    const { f, place } = this;
    const count = f.paramCount.get(b);
    for (let i = 0; i < count; i++) {
      const v = f.param(b, i);
      const isParameter = v >= 0 && v < f.count && f.op[v] === op.PARAM;
      if (!isParameter) this.wrong(`block ${b}: parameter ${i} is none`);
      this.check(f.aux[v] === b, "a parameter of another block", v);
      this.check(place[v] < 0, "a parameter twice", v);
      place[v] = 0;
    }
    if (b !== ENTRY) return;
    const { params } = this.program.signatures[f.signature];
    this.check(count === params.length, "number of parameters of the entry block");
    params.forEach((type, i) => {
      this.check(f.type[f.param(b, i)] === type, "type of an entry parameter", f.param(b, i));
    });
  }

  /** The value that a use of `x` means, which must be defined where `user` stands in block `b`. */
  private use(x: Value, type: number, b: Block, placeOfUse: number, user: Value): Value {
    const { f } = this;
    this.check(x >= 0 && x < f.count, "an operand is missing", user);
    if (f.layout.length > 0) this.check(f.op[x] !== op.COPY, "a copy is used after the last pass", user);
    const v = f.resolve(x);
    if (this.place[v] < 0) this.wrong(`operand ${v} stands nowhere`, user);
    const fits = f.type[v] === type || (type === ANY && f.type[v] !== 0);
    if (!fits) this.wrong(this.typeText(v, type), user);
    const home = (f.isParam(v) ? f.aux[v] : f.block[v]) as Block;
    if (!this.order.isReachable(home)) this.wrong(`operand ${v} is in a block that cannot be reached`, user);
    if (home === b && this.place[v] >= placeOfUse)
      this.wrong(`operand ${v} is used before its definition`, user);
    if (home !== b && !this.dominators.dominates(home, b))
      this.wrong(`operand ${v} does not dominate its use`, user);
    if (f.op[v] === op.INVOKE || f.op[v] === op.INVOKE_PTR) this.afterInvoke(v, b, user);
    return v;
  }

  private typeText(v: Value, type: number): string {
    return `operand ${v} has type ${TYPE_NAMES[this.f.type[v]]}, not ${type === ANY ? "any" : TYPE_NAMES[type]}`;
  }

  /** Results of an invoke exist behind its normal edge only. */
  private afterInvoke(invoke: Value, b: Block, user: Value): void {
    const normal = this.f.target(this.f.successor(invoke, 0));
    this.check(
      this.order.predecessorCount(normal) === 1 && this.dominators.dominates(normal, b),
      "the result of an invoke is used where it may have failed",
      user,
    );
  }

  private instruction(v: Value): void {
    const { f } = this;
    const code = f.op[v];
    const row = OPS[code];
    const b = f.block[v] as Block;
    if (row.result !== ANY) this.check(f.type[v] === Math.max(row.result, 0), "type of the result", v);
    if (ARITY[code] === VARIADIC) {
      const { length } = f.pool;
      this.check(f.a[v] >= 0 && f.b[v] >= 0 && f.a[v] + f.b[v] <= length, "operands out of range", v);
      this.operandsOfVariadic(v);
    } else {
      for (let i = 0; i < ARITY[code]; i++) this.use(f.operand(v, i), row.operands[i], b, this.place[v], v);
    }
    this.immediate(v);
  }

  private operandsOfVariadic(v: Value): void {
    const { f, program } = this;
    const code = f.op[v];
    const types: number[] = [];
    const own = program.signatures[f.signature];
    if (isCall(code)) {
      this.check(f.aux[v] >= 0 && f.aux[v] < program.signatures.length, "no such signature", v);
      const signature = program.signatures[f.aux[v]];
      if (callsSymbol(code)) {
        this.check(f.c[v] >= 0 && f.c[v] < program.symbols.length, "no such symbol", v);
      } else types.push(PTR);
      types.push(...signature.params);
      if ((FLAGS[code] & TERMINATOR) === 0 || (FLAGS[code] & EDGES) !== 0) {
        this.check(f.type[v] === signature.firstResult(), "type of the first result", v);
      } else {
        this.check(signature.results.join() === own.results.join(), "results of the tail call", v);
      }
    } else types.push(...(code === op.RETURN ? own.results : OPS[code].operands));
    this.check(types.length === f.operandCount(v), "number of operands", v);
    types.forEach((type, i) => {
      this.use(f.operand(v, i), type, f.block[v] as Block, this.place[v], v);
    });
  }

  private immediate(v: Value): void {
    const { f } = this;
    const code = f.op[v];
    if (ACCESS_SIZE[code] !== 0) {
      const full = ACCESS_SIZE[code];
      const size = sizeOf(f.aux[v]);
      const isAddress =
        code === op.PTR_LOAD || code === op.PTR_STORE || code === op.REF_LOAD || code === op.REF_STORE;
      this.check(size === full || (isAddress && size === 4), "size of the access", v);
      this.check(regionOf(f.aux[v]) <= REGION_HEAP, "no such region", v);
    }
    if ((FLAGS[code] & WIDE) !== 0) {
      const isPlace = f.imm[v] >= 0 && f.imm[v] % 4 === 0 && f.imm[v] < f.wide.length;
      this.check(isPlace, "no such wide immediate", v);
    }
    switch (code) {
      case op.PROJ:
        this.projection(v);
        return;
      case op.COPY: {
        const of = f.resolve(v);
        if (f.type[v] !== f.type[of]) this.wrong(this.typeText(of, f.type[v]), v);
        return;
      }
      case op.SYMBOL:
        this.check(f.imm[v] >= 0 && f.imm[v] < this.program.symbols.length, "no such symbol", v);
        return;
      case op.SLOT:
        this.check(f.imm[v] >= 0 && f.imm[v] < f.slots.length, "no such slot", v);
        return;
      case op.TRAP:
      case op.TRAP_IF:
        this.check(f.imm[v] >= 0 && f.imm[v] < TRAP_MESSAGES.length, "no such trap", v);
        return;
      case op.BOUNDS_CHECK: {
        const type = f.type[f.resolve(f.b[v] as Value)];
        this.check(type === I32 || type === I64, "type of an index", v);
        return;
      }
      case op.CODE_ADDR: {
        const t = f.terminator(f.block[v] as Block);
        const isInvoke = f.op[t] === op.INVOKE || f.op[t] === op.INVOKE_PTR;
        this.check(isInvoke && f.target(f.successor(t, 1)) === f.imm[v], "code_addr without its invoke", v);
        return;
      }
      default:
        return;
    }
  }

  private projection(v: Value): void {
    const { f } = this;
    const call = f.resolve(f.a[v] as Value);
    const code = f.op[call];
    const isPlain = code !== op.INVOKE && code !== op.INVOKE_PTR;
    const results = isCall(code) ? this.program.signatures[f.aux[call]].results : OPS[code].results;
    this.check(f.imm[v] >= 1 && f.imm[v] < results.length, "no such result", v);
    this.check(f.type[v] === results[f.imm[v]], "type of the result", v);
    let before = f.prev[v];
    while (before >= 0 && f.op[before] === op.PROJ) before = f.prev[before];
    if (isPlain) this.check(before === call, "a projection must follow its operation", v);
    else {
      const normal = f.target(f.successor(call, 0));
      this.check(before < 0 && f.block[v] === normal, "a projection must begin the normal successor", v);
    }
  }

  private edges(b: Block): void {
    const { f } = this;
    const t = f.terminator(b);
    for (let k = 0; k < f.successorCount(t); k++) {
      const e = f.successor(t, k);
      const to = f.target(e);
      const count = f.edgeCount.get(e);
      if (count !== f.paramCount.get(to)) this.wrong(`an edge to block ${to} has ${count} arguments`, t);
      this.check(f.edgeStart.get(e) + count <= f.pool.length, "arguments out of range", t);
      for (let i = 0; i < count; i++) this.use(f.argument(e, i), f.type[f.param(to, i)], b, this.place[t], t);
    }
  }

  /** The finished function. */
  private layout(blocks: readonly Block[]): void {
    const { f, order } = this;
    this.check(f.layout.get(0) === ENTRY, "the layout does not begin with the entry block");
    const seen = new Uint8Array(f.blockCount);
    for (let i = 0; i < f.layout.length; i++) {
      const b = f.layout.get(i) as Block;
      if (seen[b] !== 0 || !order.isReachable(b)) this.wrong(`block ${b} may not stand in the layout here`);
      seen[b] = 1;
    }
    this.check(f.layout.length === blocks.length, "the layout lacks a block");
    for (const b of blocks) {
      const t = f.terminator(b);
      if (f.successorCount(t) < 2) continue;
      for (let k = 0; k < f.successorCount(t); k++) this.notCritical(f.successor(t, k), t);
    }
  }

  /** Several edges from one block to one other are fine as long as they carry nothing. */
  private notCritical(e: Edge, t: Value): void {
    const { f, order } = this;
    const to = f.target(e);
    const count = order.predecessorCount(to);
    if (count === 1) return;
    if (f.edgeCount.get(e) !== 0) this.wrong(`the edge to block ${to} is critical`, t);
    for (let i = 0; i < count; i++) {
      if (order.predecessor(to, i) !== f.block[t]) this.wrong(`the edge to block ${to} is critical`, t);
    }
  }
}
