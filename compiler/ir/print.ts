// The text form of a Func, which ir/parse.ts reads back. Values are numbered in the order in which they stand in
// the text, so that text → Func → text is the identity and numbers do not drift with the passes.
//
//   func "max" wasm(i32 i32) -> i32 {
//     slots 16
//   b0(v0 i32, v1 i32):
//     v2 = i32.gt_s v0 v1  @12              byte offset of the wasm instruction
//     br_if v2 b1 b2(v1)
//   b1 cold:
//     v3 = bounds_check32 v0 +8 memory 0 size 4 trap
//     v4 = i32.load v3 +8 memory 0 trap
//     v5: i64 = call import "f" c(i32) -> i64 f64 (v4)
//     v6: f64 = proj v5 1
//     trap_if v4 integer_overflow
//     jump b2(v4)
//   b2(v7 i32):
//     return (v7)
//   }
//
// With `layout` in front of the brace, the order of the blocks in the text is that of func.layout.
// Constants: i32 decimal, i64 and ptr decimal where they fit int32, everything else and floats by their bits,
// with the value of a float behind in brackets, which is not read back. A comment goes from `;` to the end of line.

import * as op from "../gen/ir-ops.ts";
import {
  laneOf,
  MAY_TRAP,
  numberOf,
  READONLY,
  REGION_GLOBAL,
  REGION_MEMORY,
  REGION_NAMES,
  regionOf,
  SWAPPED,
  sizeOf,
} from "./access.ts";
import type { Block, Edge, Func, Value } from "./func.ts";
import {
  ACCESS_SIZE,
  ANY,
  ARITY,
  EDGES,
  FLAGS,
  IMMEDIATE,
  OPS,
  TYPE_NAMES,
  VARIADIC,
  VOID,
  WIDE,
} from "./ops.ts";
import {
  type Program,
  SYM_DATA,
  SYM_FUNC,
  SYM_IMPORT,
  SYM_IMPORT_WEAK,
  SYM_RODATA,
  signatureText,
} from "./program.ts";
import { TRAP_MESSAGES } from "./traps.ts";

/** Words in front of a symbol's name; functions have none. */
function symbolWord(kind: number): string {
  switch (kind) {
    case SYM_RODATA:
      return "rodata ";
    case SYM_DATA:
      return "data ";
    case SYM_IMPORT:
      return "import ";
    case SYM_IMPORT_WEAK:
      return "weak ";
    default:
      return "";
  }
}

/** `integer divide by zero` → `integer_divide_by_zero`. */
export function trapName(code: number): string {
  return TRAP_MESSAGES[code].split(" ").join("_");
}

/** True for the operations whose text names a symbol and a signature, or a signature only. */
export function isCall(code: number): boolean {
  switch (code) {
    case op.CALL:
    case op.CALL_PTR:
    case op.INVOKE:
    case op.INVOKE_PTR:
    case op.RETURN_CALL:
    case op.RETURN_CALL_PTR:
      return true;
    default:
      return false;
  }
}

/** True for calls through a symbol. */
export function callsSymbol(code: number): boolean {
  return code === op.CALL || code === op.INVOKE || code === op.RETURN_CALL;
}

export function print(func: Func, program: Program): string {
  const printer = new Printer(func, program);
  printer.func();
  return printer.text.join("");
}

function hex8(x: number): string {
  return (x >>> 0).toString(16).padStart(8, "0");
}

function int64Text(lo: number, hi: number): string {
  return hi === lo >> 31 ? String(lo) : `0x${hex8(hi)}${hex8(lo)}`;
}

function quoted(name: string): string {
  const text: string[] = [];
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (c === 34 || c === 92) text.push(`\\${name[i]}`);
    else if (c < 32) text.push(`\\u${hex8(c).slice(4)}`);
    else text.push(name[i]);
  }
  return `"${text.join("")}"`;
}

class Printer {
  private readonly f: Func;
  private readonly program: Program;
  private readonly number: Int32Array; // value → number in the text, or -1
  private readonly bits: DataView;
  readonly text: string[];

  constructor(func: Func, program: Program) {
    this.f = func;
    this.program = program;
    this.number = new Int32Array(func.count).fill(-1);
    this.bits = new DataView(new ArrayBuffer(8));
    this.text = [];
  }

  func(): void {
    const { f } = this;
    const name = f.symbol >= 0 ? this.program.symbols[f.symbol].name : f.name;
    const laidOut = f.layout.length > 0;
    this.text.push(`func ${quoted(name)} ${this.signature(f.signature)}${laidOut ? " layout" : ""} {\n`);
    if (f.slots.length > 0) {
      this.text.push("  slots");
      for (let i = 0; i < f.slots.length; i++) this.text.push(` ${f.slots.get(i)}`);
      this.text.push("\n");
    }
    const blocks: Block[] = [];
    if (laidOut) for (let i = 0; i < f.layout.length; i++) blocks.push(f.layout.get(i) as Block);
    else for (let b = 0; b < f.blockCount; b++) if (f.first.get(b) >= 0) blocks.push(b as Block);
    this.numberValues(blocks);
    for (const b of blocks) this.block(b);
    this.text.push("}\n");
  }

  private numberValues(blocks: readonly Block[]): void {
    const { f } = this;
    let next = 0;
    for (const b of blocks) {
      for (let i = 0; i < f.paramCount.get(b); i++) this.number[f.param(b, i)] = next++;
      for (let v = f.first.get(b); v >= 0; v = f.next[v]) if (f.type[v] !== VOID) this.number[v] = next++;
    }
  }

  private value(v: Value): string {
    if (v < 0) return "v?";
    if (this.number[v] >= 0) return `v${this.number[v]}`;
    const root = this.f.resolve(v);
    return this.number[root] >= 0 ? `v${this.number[root]}` : `v?${v}`;
  }

  private signature(id: number): string {
    const s = this.program.signatures[id];
    return signatureText(s.params, s.results, s.convention);
  }

  private block(b: Block): void {
    const { f } = this;
    this.text.push(`b${b}${f.cold.get(b) !== 0 ? " cold" : ""}`);
    const params: string[] = [];
    for (let i = 0; i < f.paramCount.get(b); i++) {
      const v = f.param(b, i);
      params.push(`${this.value(v)} ${TYPE_NAMES[f.type[v]]}`);
    }
    this.text.push(`${params.length > 0 ? `(${params.join(", ")})` : ""}:\n`);
    for (let v = f.first.get(b); v >= 0; v = f.next[v]) this.instruction(v as Value);
  }

  private instruction(v: Value): void {
    const { f } = this;
    const code = f.op[v];
    const line = ["  "];
    if (f.type[v] !== VOID) {
      const type = OPS[code].result === ANY ? `: ${TYPE_NAMES[f.type[v]]}` : "";
      line.push(`${this.value(v)}${type} = `);
    }
    line.push(OPS[code].name);
    if (callsSymbol(code)) line.push(` ${this.symbolName(f.c[v])}`);
    if (isCall(code)) line.push(` ${this.signature(f.aux[v])}`);
    if (ARITY[code] === VARIADIC) {
      const operands: string[] = [];
      for (let i = 0; i < f.operandCount(v); i++) operands.push(this.value(f.operand(v, i)));
      line.push(` (${operands.join(", ")})`);
    } else {
      for (let i = 0; i < ARITY[code]; i++) line.push(` ${this.value(f.operand(v, i))}`);
    }
    if ((FLAGS[code] & IMMEDIATE) !== 0) line.push(this.immediate(v));
    if ((FLAGS[code] & EDGES) !== 0) {
      for (let i = 0; i < f.successorCount(v); i++) line.push(` ${this.edge(f.successor(v, i))}`);
    }
    if (f.loc[v] >= 0) line.push(`  @${f.loc[v]}`);
    this.text.push(line.join(""), "\n");
  }

  private symbolName(id: number): string {
    const s = this.program.symbols[id];
    return symbolWord(s.kind) + quoted(s.name);
  }

  private edge(e: Edge): string {
    const args: string[] = [];
    for (let i = 0; i < this.f.edgeCount.get(e); i++) args.push(this.value(this.f.argument(e, i)));
    return `b${this.f.target(e)}${args.length > 0 ? `(${args.join(", ")})` : ""}`;
  }

  private immediate(v: Value): string {
    const { f } = this;
    const lo = f.imm[v];
    const hi = f.imm2[v];
    const code = f.op[v];
    if ((FLAGS[code] & WIDE) !== 0) {
      const words = [3, 2, 1, 0].map((k) => hex8(f.wide.get(lo + k)));
      return ` 0x${words.join("")}`;
    }
    switch (code) {
      case op.I64_CONST:
      case op.PTR_CONST:
      case op.BOUNDS_CHECK:
        return ` ${int64Text(lo, hi)}`;
      case op.F32_CONST:
        this.bits.setInt32(0, lo, true);
        return ` 0x${hex8(lo)} (${this.bits.getFloat32(0, true)})`;
      case op.F64_CONST:
        this.bits.setInt32(0, lo, true);
        this.bits.setInt32(4, hi, true);
        return ` 0x${hex8(hi)}${hex8(lo)} (${this.bits.getFloat64(0, true)})`;
      case op.SYMBOL: {
        const s = this.program.symbols[lo];
        return ` ${this.symbolName(lo)}${s.signature >= 0 ? ` ${this.signature(s.signature)}` : ""}`;
      }
      case op.TRAP:
      case op.TRAP_IF:
        return ` ${trapName(lo)}`;
      case op.CODE_ADDR:
        return ` b${lo}`;
      default:
        if (ACCESS_SIZE[code] !== 0 || code === op.BOUNDS_CHECK32)
          return ` +${hi === 0 ? lo >>> 0 : int64Text(lo, hi)}${this.access(v)}`;
        return ` ${lo}`;
    }
  }

  /** ` memory 0 size 4 trap`: the size only where the operation leaves it open, the number where it matters. */
  private access(v: Value): string {
    const aux = this.f.aux[v];
    const region = regionOf(aux);
    let text = ` ${REGION_NAMES[region]}`;
    if (numberOf(aux) !== 0 || (region >= REGION_MEMORY && region <= REGION_GLOBAL))
      text += ` ${numberOf(aux)}`;
    if (sizeOf(aux) !== ACCESS_SIZE[this.f.op[v]]) text += ` size ${sizeOf(aux)}`;
    if ((aux & MAY_TRAP) !== 0) text += " trap";
    if ((aux & READONLY) !== 0) text += " readonly";
    if ((aux & SWAPPED) !== 0) text += " swapped";
    if (laneOf(aux) !== 0) text += ` lane ${laneOf(aux)}`;
    return text;
  }
}

/** The kind of symbol that a word of `symbolWord` stands for, or -1. */
export function symbolKind(word: string): number {
  for (const kind of [SYM_FUNC, SYM_RODATA, SYM_DATA, SYM_IMPORT, SYM_IMPORT_WEAK]) {
    if (symbolWord(kind) === `${word} `) return kind;
  }
  return -1;
}
