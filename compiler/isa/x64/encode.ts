// Rows of insts.ts to bytes: prefixes, REX or VEX, opcode, ModRM, SIB, displacement, immediate (Intel SDM volume
// 2, chapter 2). The Assembler writes one function's code into a FunctionText. First an address form is set
// (`base`, `baseIndex`, `symbolic`) where the row has memory, then the row is written.
//
// Requires: every operand of Code has its place; the frame's offsets are known.

import { unreachable } from "../../base/fail.ts";
import { TEST8_I, TEST32_I, TEST64_I } from "../../gen/x64-ops.ts";
import {
  BASE,
  BASE_INDEX,
  type Code,
  INCOMING,
  inRegister,
  LITERAL,
  OUTGOING,
  SPILLED,
  STACK_SLOT,
  SYMBOL,
} from "../../mach/code.ts";
import { constantSymbol } from "../../mach/constants.ts";
import type { Frame } from "../../mach/frame.ts";
import type { Image } from "../../mach/image.ts";
import type { FunctionText } from "../../mach/text.ts";
import { SITE_FAULT } from "../../mach/writer.ts";
import {
  type Encoding,
  IMM_SHORTEST,
  IMM8,
  IMM16,
  IMM32,
  IMM64,
  MERGES,
  NO_OPERAND,
  operandAt,
  ROWS,
  type Row,
} from "./insts.ts";
import { RSP, XMM0 } from "./regs.ts";
import { REL_PC32 } from "./text.ts";

/** In the assembler's address: relative to the program counter; no register. */
const RIP = -2;
const NONE = -1;
/** In place of a relocation kind: a label of the same function. */
const TO_LABEL = -1;

const REX = 0x40;
const REX_W = 8;
const REX_R = 4;
const REX_X = 2;
const REX_B = 1;

export class Assembler {
  readonly text: FunctionText;
  /** Where constants go. */
  image: Image;
  // the address that the next memory form uses
  private baseRegister: number;
  private indexRegister: number;
  private scale: number;
  private disp: number;
  private symbolOrLabel: number;
  private relocation: number;

  constructor(text: FunctionText, image: Image) {
    this.text = text;
    this.image = image;
    this.baseRegister = NONE;
    this.indexRegister = NONE;
    this.scale = 0;
    this.disp = 0;
    this.symbolOrLabel = -1;
    this.relocation = REL_PC32;
  }

  // --- addresses ----------------------------------------------------------------------------------------

  base(register: number, disp: number): void {
    this.baseRegister = register;
    this.indexRegister = NONE;
    this.scale = 0;
    this.disp = disp;
  }

  baseIndex(base: number, index: number, scale: number, disp: number): void {
    this.baseRegister = base;
    this.indexRegister = index;
    this.scale = scale;
    this.disp = disp;
  }

  /** [symbol + disp], through the relocation REL_PC32 or REL_GOT_PC32. */
  symbolic(symbol: number, disp: number, relocation: number): void {
    this.baseRegister = RIP;
    this.indexRegister = NONE;
    this.disp = disp;
    this.symbolOrLabel = symbol;
    this.relocation = relocation;
  }

  /** [label] */
  label(label: number): void {
    this.baseRegister = RIP;
    this.indexRegister = NONE;
    this.symbolOrLabel = label;
    this.relocation = TO_LABEL;
  }

  /** Sets the address of instruction `i`. */
  addressOf(code: Code, i: number, frame: Frame): void {
    const address = code.address[i];
    const disp = code.disp[i];
    const at = code.operandStart[i] + (address >> 8);
    switch (address & 15) {
      case BASE:
        this.base(inRegister(code.place.get(at)), disp);
        break;
      case BASE_INDEX:
        this.baseIndex(
          inRegister(code.place.get(at)),
          inRegister(code.place.get(at + 1)),
          (address >> 4) & 3,
          disp,
        );
        break;
      case SYMBOL:
        this.symbolic(code.symbol[i], disp, REL_PC32);
        break;
      case STACK_SLOT:
        this.base(RSP, frame.slot(code.symbol[i]) + disp);
        break;
      case LITERAL: {
        // the words of the constant stand in place of displacement and symbol
        const size = 1 << ((address >> 4) & 15);
        this.symbolic(constantSymbol(this.image, size, disp, code.symbol[i]), 0, REL_PC32);
        break;
      }
      case INCOMING:
        this.base(RSP, frame.incoming + disp);
        break;
      case OUTGOING:
        this.base(RSP, disp);
        break;
      default:
        unreachable(`${ROWS[code.op[i]].name} without an address`);
    }
  }

  // --- instructions ---------------------------------------------------------------------------------------

  /** Writes the real instruction `i` of Code (not a pseudo-instruction). */
  instruction(code: Code, i: number, frame: Frame): void {
    let row = ROWS[code.op[i]];
    const encoding = row.encoding;
    if (encoding === null) unreachable(`${row.name} has no encoding`);
    const count = code.operandCount[i];
    const start = code.operandStart[i];
    const reg = row.reg === NO_OPERAND ? NONE : code.place.get(start + operandAt(row.reg, count));
    const vvvv = row.vvvv === NO_OPERAND ? NONE : code.place.get(start + operandAt(row.vvvv, count));
    let rm = NONE;
    let memory = row.memory;
    if (memory) this.addressOf(code, i, frame);
    else if (row.rm !== NO_OPERAND) {
      rm = code.place.get(start + operandAt(row.rm, count));
      if (rm <= SPILLED) {
        memory = true;
        this.base(RSP, frame.slot(SPILLED - rm));
      }
    }
    if ((row.flags & MERGES) !== 0) this.clear(row, reg, rm, memory);
    if ((code.site[i] & SITE_FAULT) !== 0) this.text.memorySite(code.loc[i]);
    // flags are the same for the low byte; memory may not be accessed in another width
    if (!memory && (code.op[i] === TEST32_I || code.op[i] === TEST64_I) && code.imm[i] >>> 0 < 128)
      row = ROWS[TEST8_I];
    if (memory) this.write(row, reg, RSP, true, vvvv, code.imm[i], code.imm2[i]);
    else this.write(row, reg, rm, false, vvvv, code.imm[i], code.imm2[i]);
  }

  /** Makes the old value of a destination that the next instruction only partly writes irrelevant. */
  private clear(row: Row, reg: number, rm: number, memory: boolean): void {
    if (memory ? reg === this.baseRegister || reg === this.indexRegister : reg === rm) return;
    const { out } = this.text;
    const low = reg & 7;
    if (row.operands[0].float) {
      if (reg - XMM0 >= 8) out.u8(REX | REX_R | REX_B);
      out.u16(0x570f); // xorps reg, reg
    } else {
      if (reg >= 8) out.u8(REX | REX_R | REX_B);
      out.u8(0x33); // xor reg, reg
    }
    out.u8(0xc0 | (low << 3) | low);
  }

  /** reg, rm: registers of the row's operands, -1 for one it does not have. */
  registers(op: number, reg: number, rm: number): void {
    this.write(ROWS[op], reg, rm, false, NONE, 0, 0);
  }

  /** The same with the address set before as ModRM.rm. */
  memory(op: number, reg: number): void {
    this.write(ROWS[op], reg, NONE, true, NONE, 0, 0);
  }

  /** A row with an immediate (or a condition in `imm2`), and a register in ModRM.rm, or in ModRM.reg or opcode. */
  immediate(op: number, register: number, imm: number, imm2: number): void {
    const row = ROWS[op];
    if (row.rm !== NO_OPERAND) this.write(row, NONE, register, false, NONE, imm, imm2);
    else this.write(row, register, NONE, false, NONE, imm, imm2);
  }

  /** An opcode and the 32-bit distance to a symbol. */
  toSymbol(op: number, symbol: number): void {
    this.write(ROWS[op], NONE, NONE, false, NONE, 0, 0);
    this.text.relocate(this.text.out.length - 4, REL_PC32, symbol, -4);
  }

  /** Writes one row. `reg`, `rm`, `vvvv`: registers as mach/ numbers them; `memory`: rm is the current address. */
  private write(
    row: Row,
    reg: number,
    rm: number,
    memory: boolean,
    vvvv: number,
    imm: number,
    imm2: number,
  ): void {
    const e = row.encoding!;
    const { out } = this.text;
    const short = e.immediate === IMM_SHORTEST && fitsByte(imm, e.prefix === 0x66);
    const r = reg & 15;
    let opcode = e.opcode;
    if (short) opcode |= 2;
    if (e.plusCondition) opcode |= imm2 & 15;
    let bits = e.wide ? REX_W : 0;
    if (e.plusRegister) {
      opcode |= r & 7;
      if (r >= 8) bits |= REX_B;
    } else if (e.digit < 0 && e.modrm && r >= 8) bits |= REX_R;
    if (memory) {
      if (this.baseRegister >= 8) bits |= REX_B;
      if (this.indexRegister >= 8) bits |= REX_X;
    } else if (e.modrm && (rm & 15) >= 8) bits |= REX_B;
    if (e.vex) this.vex(e, bits, vvvv);
    else {
      if (e.prefix !== 0) out.u8(e.prefix);
      if (
        bits !== 0 ||
        (row.regWidth === 8 && needsRex(reg)) ||
        (!memory && row.rmWidth === 8 && needsRex(rm))
      )
        out.u8(REX | bits);
      if (e.map !== 0) out.u8(0x0f);
      if (e.map === 2) out.u8(0x38);
      if (e.map === 3) out.u8(0x3a);
    }
    out.u8(opcode);
    let pcRelative = -1;
    if (e.modrm) {
      const middle = (e.digit >= 0 ? e.digit : r & 7) << 3;
      if (!memory) out.u8(0xc0 | middle | (rm & 7));
      else if (this.baseRegister === RIP) {
        out.u8(0x05 | middle);
        pcRelative = out.length;
        out.u32(0);
      } else this.address(middle);
    }
    switch (short ? IMM8 : e.immediate) {
      case IMM8:
        out.u8(imm);
        break;
      case IMM16:
        out.u16(imm);
        break;
      case IMM_SHORTEST:
        if (e.prefix === 0x66) out.u16(imm);
        else out.u32(imm);
        break;
      case IMM32:
        out.u32(imm);
        break;
      case IMM64:
        out.u64(imm, imm2);
        break;
    }
    // the processor counts from the end of the instruction
    if (pcRelative < 0) return;
    if (this.relocation === TO_LABEL) this.text.distance(this.symbolOrLabel);
    else
      this.text.relocate(
        pcRelative,
        this.relocation,
        this.symbolOrLabel,
        this.disp - (out.length - pcRelative),
      );
  }

  private vex(e: Encoding, bits: number, vvvv: number): void {
    const { out } = this.text;
    const pp = e.prefix === 0x66 ? 1 : e.prefix === 0xf3 ? 2 : e.prefix === 0xf2 ? 3 : 0;
    const inverted = ~bits & (REX_R | REX_X | REX_B);
    const v = ~(vvvv < 0 ? 0 : vvvv & 15) & 15;
    if (e.map === 1 && (bits & (REX_W | REX_X | REX_B)) === 0) {
      out.u8(0xc5);
      out.u8(((inverted & REX_R) << 5) | (v << 3) | pp);
      return;
    }
    out.u8(0xc4);
    out.u8((inverted << 5) | e.map);
    out.u8((e.wide ? 0x80 : 0) | (v << 3) | pp);
  }

  /** ModRM, SIB and displacement of the current address. rsp and r12 as base need a SIB, rbp and r13 a displacement. */
  private address(middle: number): void {
    const { out } = this.text;
    const low = this.baseRegister & 7;
    const indexed = this.indexRegister >= 0;
    if (this.baseRegister < 0 || this.indexRegister === RSP) unreachable("address");
    const mod = this.disp === 0 && low !== 5 ? 0 : fitsByte(this.disp, false) ? 0x40 : 0x80;
    if (indexed || low === 4) {
      out.u8(mod | middle | 4);
      out.u8((this.scale << 6) | ((indexed ? this.indexRegister & 7 : 4) << 3) | low);
    } else out.u8(mod | middle | low);
    if (mod === 0x40) out.u8(this.disp);
    else if (mod === 0x80) out.u32(this.disp);
  }
}

/** True where a byte register can only be named with a REX prefix: spl, bpl, sil, dil. */
function needsRex(register: number): boolean {
  return register >= 4 && register < 8;
}

/** True when the sign-extended low byte is the immediate (of 16 bits, or of 32). */
function fitsByte(imm: number, half: boolean): boolean {
  const value = half ? (imm << 16) >> 16 : imm | 0;
  return value === (imm << 24) >> 24;
}
