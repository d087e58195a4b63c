// Machine code as text, before or after register allocation. For people and tests; nothing reads it back.
//
//   b1(v70, v71) depth 1:
//     v72 = add32 v70, [r14 + v71 + 8]
//     v73@rax, v74@rdx = idiv32 v75@rax, v76@rdx, v77
//     jcc #0 #4 -> b2(v72), b3
//
// v64 and up are virtual registers; `@rax` the register an operand must be in, `/rax` or `/s3` the place it was
// given. `#` precedes immediates, which are shown where they are not 0.

import { TYPE_NAMES } from "../ir/ops.ts";
import type { Program } from "../ir/program.ts";
import {
  argumentOf,
  BASE,
  BASE_INDEX,
  type Code,
  DEF,
  FIRST_VREG,
  FIXED,
  INCOMING,
  LITERAL,
  NO_ADDRESS,
  OUTGOING,
  policyOf,
  roleOf,
  SPILLED,
  STACK_SLOT,
  SYMBOL,
} from "./code.ts";
import type { Target } from "./target.ts";
import { SITE_FAULT } from "./writer.ts";

class Printer {
  private readonly code: Code;
  private readonly program: Program;
  private readonly target: Target;
  private readonly names: readonly string[];

  constructor(code: Code, program: Program, target: Target) {
    this.code = code;
    this.program = program;
    this.target = target;
    this.names = target.registers[0].names;
  }

  private register(register: number): string {
    return register < FIRST_VREG ? this.names[register] : `v${register}`;
  }

  private place(place: number): string {
    return place >= 0 ? this.names[place] : `s${SPILLED - place}`;
  }

  private operand(at: number): string {
    const { code } = this;
    const register = code.register.get(at);
    const constraint = code.constraint.get(at);
    const place = code.place.get(at);
    const name = this.register(register);
    if (policyOf(constraint) === FIXED) return `${name}@${this.names[argumentOf(constraint)]}`;
    return register >= FIRST_VREG && place !== -1 ? `${name}/${this.place(place)}` : name;
  }

  /** The memory operand, whose registers are the pool's from `at` on. */
  private address(i: number, at: number): string {
    const { code } = this;
    const word = code.address[i];
    const disp = code.disp[i];
    const symbol = code.symbol[i];
    const plus = disp === 0 ? "" : disp < 0 ? ` - ${-disp}` : ` + ${disp}`;
    const scale = (word >> 4) & 15;
    switch (word & 15) {
      case BASE:
        return `[${this.operand(at)}${plus}]`;
      case BASE_INDEX:
        return `[${this.operand(at)} + ${this.operand(at + 1)}${scale > 0 ? ` << ${scale}` : ""}${plus}]`;
      case SYMBOL:
        return `[${this.program.symbols[symbol].name}${plus}]`;
      case STACK_SLOT:
        return `[slot ${symbol}${plus}]`;
      case INCOMING:
        return `[incoming${plus}]`;
      case OUTGOING:
        return `[outgoing${plus}]`;
      case LITERAL:
        return `[literal${1 << scale} ${hex(scale === 2 ? 0 : symbol, disp)}]`;
      default:
        return "[?]";
    }
  }

  instruction(i: number): string {
    const { code } = this;
    const start = code.operandStart[i];
    const end = start + code.operandCount[i];
    const form = code.address[i] & 15;
    const addressAt = form === NO_ADDRESS ? -1 : start + (code.address[i] >> 8);
    const addressOperands = form === BASE ? 1 : form === BASE_INDEX ? 2 : 0;
    const defs: string[] = [];
    const uses: string[] = [];
    for (let k = start; k <= end; k++) {
      if (k === addressAt) {
        uses.push(this.address(i, k));
        k += addressOperands;
      }
      if (k >= end) break;
      (roleOf(code.constraint.get(k)) === DEF ? defs : uses).push(this.operand(k));
    }
    let text = this.target.instructions.names[code.op[i]];
    if (uses.length > 0) text += ` ${uses.join(", ")}`;
    if (form === NO_ADDRESS && code.symbol[i] >= 0) text += ` ${this.program.symbols[code.symbol[i]].name}`;
    if (code.imm[i] !== 0 || code.imm2[i] !== 0) text += ` #${code.imm[i]}`;
    if (code.imm2[i] !== 0) text += ` #${code.imm2[i]}`;
    if ((code.site[i] & SITE_FAULT) !== 0) text += " trap";
    return defs.length > 0 ? `${defs.join(", ")} = ${text}` : text;
  }

  block(b: number): string {
    const { code } = this;
    const lines: string[] = [];
    const params: string[] = [];
    const first = code.paramStart.get(b);
    for (let k = 0; k < code.paramCount.get(b); k++) {
      const register = code.paramPool.get(first + k);
      params.push(`${this.register(register)} ${TYPE_NAMES[code.typeOf(register)]}`);
    }
    const depth = code.loopDepth.get(b);
    lines.push(
      `b${b}${params.length > 0 ? `(${params.join(", ")})` : ""}${depth > 0 ? ` depth ${depth}` : ""}${
        code.cold.get(b) !== 0 ? " cold" : ""
      }:`,
    );
    let move = 0;
    while (move < code.moveAt.length && code.moveAt.get(move) < code.blockStart.get(b)) move++;
    for (let i = code.blockStart.get(b); i < code.blockStart.get(b + 1); i++) {
      for (; move < code.moveAt.length && code.moveAt.get(move) === i; move++) lines.push(this.move(move));
      lines.push(`  ${this.instruction(i)}`);
    }
    const edges: string[] = [];
    for (let e = 0; e < code.edgeFrom.length; e++) {
      if (code.edgeFrom.get(e) !== b) continue;
      const args: string[] = [];
      for (let k = 0; k < code.edgeCount.get(e); k++) {
        args.push(this.register(code.argPool.get(code.edgeStart.get(e) + k)));
      }
      edges.push(`b${code.edgeTo.get(e)}${args.length > 0 ? `(${args.join(", ")})` : ""}`);
    }
    if (edges.length > 0) lines[lines.length - 1] += ` -> ${edges.join(", ")}`;
    return lines.join("\n");
  }

  private move(m: number): string {
    const { code } = this;
    const to = this.place(code.moveTo.get(m));
    const constant = code.moveRemat.get(m);
    return `  ${to} <- ${constant >= 0 ? this.register(constant) : this.place(code.moveFrom.get(m))}`;
  }
}

/** 64 bits in two words. */
function hex(hi: number, lo: number): string {
  const low = (lo >>> 0).toString(16);
  return hi === 0 ? `0x${low}` : `0x${(hi >>> 0).toString(16)}${low.padStart(8, "0")}`;
}

/** The text of a whole function. */
export function printCode(code: Code, program: Program, target: Target): string {
  const printer = new Printer(code, program, target);
  const blocks: string[] = [];
  for (let b = 0; b + 1 < code.blockStart.length; b++) blocks.push(printer.block(b));
  return `${blocks.join("\n")}\n`;
}
