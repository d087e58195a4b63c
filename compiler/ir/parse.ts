// Reads the text form of functions (ir/print.ts has the grammar by example). Symbols and signatures go into the
// Program, which may know them already. Operands may stand before the definition of their value: a value named
// first gets its instruction at once, and its definition fills it in.

import { unreachable } from "../base/fail.ts";
import type { f64 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import { access, laneBits, MAY_TRAP, READONLY, REGION_NAMES, SWAPPED } from "./access.ts";
import { type Block, Func, type Value } from "./func.ts";
import {
  ACCESS_SIZE,
  ANY,
  ARITY,
  EDGES,
  FLAGS,
  IMMEDIATE,
  OPS,
  opNamed,
  RESULT,
  TYPE_NAMES,
  VARIADIC,
  VOID,
  WIDE,
} from "./ops.ts";
import { callsSymbol, isCall, symbolKind, trapName } from "./print.ts";
import { CONV_NAMES, type Program, SYM_FUNC } from "./program.ts";
import { TRAP_MESSAGES } from "./traps.ts";

/** All functions of `text`. */
export function parse(text: string, program: Program): Func[] {
  const parser = new Parser(text, program);
  const funcs: Func[] = [];
  while (!parser.atEnd()) funcs.push(parser.func());
  return funcs;
}

/** The only function of `text`. */
export function parseFunc(text: string, program: Program): Func {
  const funcs = parse(text, program);
  if (funcs.length !== 1) unreachable(`IR text: one function expected, not ${funcs.length}`);
  return funcs[0];
}

const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;
const SEMICOLON = 59;

class Parser {
  private readonly text: string;
  private readonly program: Program;
  private f: Func;
  private at: number;
  private line: number;
  /** The token under the cursor; "" at the end. A string's keeps its opening quote. */
  private token: string;
  private firstOnLine: boolean;
  private readonly values: Map<number, Value>;
  private readonly defined: Set<number>;

  constructor(text: string, program: Program) {
    this.text = text;
    this.program = program;
    this.f = new Func();
    this.at = 0;
    this.line = 1;
    this.token = "";
    this.firstOnLine = true;
    this.values = new Map();
    this.defined = new Set();
    this.advance();
  }

  atEnd(): boolean {
    return this.token === "";
  }

  // --- tokens -------------------------------------------------------------------------------------------

  private fail(what: string): never {
    return unreachable(`IR text, line ${this.line}: ${what}`);
  }

  private skipBlanks(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c === SEMICOLON) {
        while (this.at < this.text.length && this.text.charCodeAt(this.at) !== NEWLINE) this.at++;
      } else if (c <= 32) {
        if (c === NEWLINE) this.line++;
        this.at++;
      } else return;
    }
  }

  private advance(): void {
    const { line } = this;
    this.skipBlanks();
    this.firstOnLine = this.line !== line;
    const start = this.at;
    if (start >= this.text.length) {
      this.token = "";
      return;
    }
    if (this.text.charCodeAt(start) === QUOTE) {
      this.token = this.quoted();
      return;
    }
    while (this.at < this.text.length && isWordPart(this.text.charCodeAt(this.at))) this.at++;
    if (this.at === start) this.at++;
    if (this.text.slice(start, start + 2) === "->") this.at = start + 2;
    this.token = this.text.slice(start, this.at);
  }

  private quoted(): string {
    const token = ['"'];
    for (this.at++; ; this.at++) {
      if (this.at >= this.text.length) this.fail("unterminated string");
      const c = this.text.charCodeAt(this.at);
      if (c === QUOTE) break;
      if (c !== BACKSLASH) {
        token.push(this.text[this.at]);
        continue;
      }
      this.at++;
      if (this.text[this.at] !== "u") {
        token.push(this.text[this.at]);
        continue;
      }
      token.push(String.fromCharCode(Number.parseInt(this.text.slice(this.at + 1, this.at + 5), 16) | 0));
      this.at += 4;
    }
    this.at++;
    return token.join("");
  }

  private take(): string {
    const { token } = this;
    this.advance();
    return token;
  }

  private accept(token: string): boolean {
    if (this.token !== token) return false;
    this.advance();
    return true;
  }

  private expect(token: string): void {
    if (!this.accept(token)) this.fail(`'${token}' expected before '${this.token}'`);
  }

  private number(): f64 {
    const token = this.take();
    const x = Number(token);
    if (token === "" || Number.isNaN(x)) this.fail(`number expected, not '${token}'`);
    return x;
  }

  /** A number with a prefix letter: b12, v7. */
  private numbered(letter: string): number {
    const token = this.take();
    const x: f64 = Number(token.slice(1));
    if (token[0] !== letter || token.length < 2 || !Number.isInteger(x)) {
      this.fail(`${letter}… expected, not '${token}'`);
    }
    return x | 0;
  }

  /** Not so `v128.store`. */
  private isNumbered(letter: string): boolean {
    const c = this.token.charCodeAt(1);
    return this.token[0] === letter && c >= 48 && c <= 57 && this.token.indexOf(".") < 0;
  }

  private name(): string {
    const token = this.take();
    if (token[0] !== '"') this.fail(`string expected, not '${token}'`);
    return token.slice(1);
  }

  // --- names --------------------------------------------------------------------------------------------

  private isType(): boolean {
    return this.token !== "" && TYPE_NAMES.indexOf(this.token) > 0;
  }

  private type(): number {
    if (!this.isType()) this.fail(`type expected, not '${this.token}'`);
    return TYPE_NAMES.indexOf(this.take());
  }

  private signature(): number {
    const convention = CONV_NAMES.indexOf(this.take());
    if (convention < 0) this.fail("calling convention expected");
    const params: number[] = [];
    const results: number[] = [];
    this.expect("(");
    while (!this.accept(")")) params.push(this.type());
    this.expect("->");
    if (this.accept("(")) this.expect(")");
    else
      do results.push(this.type());
      while (this.isType());
    return this.program.signature(params, results, convention);
  }

  private block(): Block {
    const b = this.numbered("b");
    while (this.f.blockCount <= b) this.f.newBlock();
    return b as Block;
  }

  /** The value numbered `n` in the text; a forward reference makes it. */
  private valueNumbered(n: number): Value {
    let v = this.values.get(n);
    if (v === undefined) {
      v = this.f.make(op.NOP, VOID);
      this.values.set(n, v);
    }
    return v;
  }

  private value(): Value {
    return this.valueNumbered(this.numbered("v"));
  }

  private define(n: number, code: number, type: number): Value {
    if (this.defined.has(n)) this.fail(`v${n} is defined twice`);
    this.defined.add(n);
    const v = this.valueNumbered(n);
    this.f.op[v] = code;
    this.f.type[v] = type;
    return v;
  }

  // --- functions ----------------------------------------------------------------------------------------

  func(): Func {
    const f = new Func();
    this.f = f;
    this.values.clear();
    this.defined.clear();
    this.expect("func");
    const name = this.name();
    const signature = this.signature();
    f.reset(name, this.program.symbol(name, SYM_FUNC, signature), signature);
    const laidOut = this.accept("layout");
    this.expect("{");
    if (this.accept("slots")) while (!this.isNumbered("b")) f.newSlot(this.number() | 0);
    while (!this.accept("}")) this.blockWithBody(laidOut);
    for (const n of this.values.keys()) if (!this.defined.has(n)) this.fail(`v${n} is not defined`);
    return f;
  }

  private blockWithBody(laidOut: boolean): void {
    const { f } = this;
    const b = this.block();
    if (f.first.get(b) >= 0) this.fail(`b${b} is defined twice`);
    if (laidOut) f.layout.push(b);
    if (this.accept("cold")) f.cold.set(b, 1);
    const params: Value[] = [];
    if (this.accept("(")) {
      do {
        const n = this.numbered("v");
        const v = this.define(n, op.PARAM, this.type());
        f.aux[v] = b;
        params.push(v);
      } while (this.accept(","));
      this.expect(")");
    }
    this.expect(":");
    if (params.length > 0) f.setParams(b, params);
    while (this.token !== "}" && !this.isNumbered("b")) this.instruction(b);
  }

  private instruction(b: Block): void {
    const { f } = this;
    let n = -1;
    let type = VOID;
    if (this.isNumbered("v")) {
      n = this.numbered("v");
      if (this.accept(":")) type = this.type();
      this.expect("=");
    }
    const word = this.take();
    const code = opNamed(word);
    if (code < 0) this.fail(`no operation '${word}'`);
    if (OPS[code].result !== ANY) type = RESULT[code];
    if ((type !== VOID) !== n >= 0) this.fail(`${word} has ${n >= 0 ? "no result" : "a result"}`);
    const v = n >= 0 ? this.define(n, code, type) : f.make(code, VOID);
    if (isCall(code)) this.callee(v);
    this.operands(v);
    if ((FLAGS[code] & IMMEDIATE) !== 0) this.immediate(v);
    if ((FLAGS[code] & EDGES) !== 0) this.edges(v);
    if (this.accept("@")) f.loc[v] = this.number();
    f.append(b, v);
  }

  private callee(v: Value): void {
    const { f } = this;
    if (!callsSymbol(f.op[v])) {
      f.aux[v] = this.signature();
      return;
    }
    const kind = this.symbolKind();
    const name = this.name();
    f.aux[v] = this.signature();
    f.c[v] = this.program.symbol(name, kind, f.aux[v]);
  }

  private symbolKind(): number {
    if (this.token[0] === '"') return SYM_FUNC;
    const kind = symbolKind(this.take());
    if (kind < 0) this.fail("symbol expected");
    return kind;
  }

  private operands(v: Value): void {
    const { f } = this;
    const arity = ARITY[f.op[v]];
    if (arity !== VARIADIC) {
      for (let i = 0; i < arity; i++) f.setOperand(v, i, this.value());
      return;
    }
    const operands = this.valuesInBrackets();
    f.a[v] = f.pool.length;
    f.b[v] = operands.length;
    for (const x of operands) f.pool.push(x);
  }

  private valuesInBrackets(): Value[] {
    const list: Value[] = [];
    this.expect("(");
    while (!this.accept(")")) {
      list.push(this.value());
      if (this.token !== ")") this.expect(",");
    }
    return list;
  }

  private edges(v: Value): void {
    const { f } = this;
    f.imm[v] = f.edgeTotal;
    // Targets stand on the line of their terminator; a name that begins a line begins a block.
    while (this.isNumbered("b") && !this.firstOnLine) {
      const to = this.block();
      const args = this.token === "(" ? this.valuesInBrackets() : [];
      const start = f.pool.length;
      for (const x of args) f.pool.push(x);
      f.newEdge(to, start, args.length);
      f.imm2[v]++;
    }
  }

  /** Writes a 64-bit immediate into imm and imm2. */
  private int64(v: Value): void {
    const { f } = this;
    const token = this.take();
    if (token.startsWith("0x")) {
      const digits = token.slice(2).padStart(16, "0");
      f.imm[v] = Number.parseInt(digits.slice(-8), 16) | 0;
      f.imm2[v] = Number.parseInt(digits.slice(-16, -8), 16) | 0;
      return;
    }
    const x = Number(token);
    if (token === "" || x !== Math.trunc(x) || Math.abs(x) >= 2 ** 53)
      this.fail(`number expected, not '${token}'`);
    f.imm[v] = x | 0;
    f.imm2[v] = Math.floor(x / 2 ** 32) | 0;
  }

  private immediate(v: Value): void {
    const { f } = this;
    const code = f.op[v];
    if ((FLAGS[code] & WIDE) !== 0) {
      const token = this.take();
      if (!token.startsWith("0x")) this.fail(`hexadecimal digits expected, not '${token}'`);
      const digits = token.slice(2).padStart(32, "0");
      const [d, c, b, a] = [0, 8, 16, 24].map((k) => Number.parseInt(digits.slice(k, k + 8), 16) | 0);
      f.imm[v] = f.newWide(a, b, c, d);
      return;
    }
    switch (code) {
      case op.I64_CONST:
      case op.PTR_CONST:
      case op.BOUNDS_CHECK:
        this.int64(v);
        return;
      case op.F32_CONST:
      case op.F64_CONST:
        this.int64(v);
        if (code === op.F32_CONST) f.imm2[v] = 0;
        if (this.accept("(")) while (!this.accept(")")) this.advance();
        return;
      case op.SYMBOL: {
        const kind = this.symbolKind();
        const name = this.name();
        const typed = CONV_NAMES.includes(this.token);
        f.imm[v] = this.program.symbol(name, kind, typed ? this.signature() : -1);
        return;
      }
      case op.TRAP:
      case op.TRAP_IF: {
        const name = this.take();
        f.imm[v] = TRAP_MESSAGES.findIndex((_, trap) => trapName(trap) === name);
        if (f.imm[v] < 0) this.fail(`no trap '${name}'`);
        return;
      }
      case op.CODE_ADDR:
        f.imm[v] = this.block();
        return;
      default:
        if (ACCESS_SIZE[code] !== 0 || code === op.BOUNDS_CHECK32) this.access(v);
        else f.imm[v] = this.number();
    }
  }

  private access(v: Value): void {
    const { f } = this;
    this.expect("+");
    this.int64(v);
    const region = REGION_NAMES.indexOf(this.take());
    if (region < 0) this.fail("region expected");
    const c = this.token.charCodeAt(0);
    const number = c >= 48 && c <= 57 ? this.number() | 0 : 0;
    const size = this.accept("size") ? this.number() | 0 : ACCESS_SIZE[f.op[v]];
    let flags = 0;
    if (this.accept("trap")) flags |= MAY_TRAP;
    if (this.accept("readonly")) flags |= READONLY;
    if (this.accept("swapped")) flags |= SWAPPED;
    const lane = this.accept("lane") ? this.number() | 0 : 0;
    f.aux[v] = access(region, number, size, flags) | laneBits(lane);
  }
}

/** Letters, digits, `_`, `.`, and the sign in front of a number. */
function isWordPart(c: number): boolean {
  return (
    (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 95 || c === 46 || c === 45
  );
}
