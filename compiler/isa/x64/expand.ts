// What is more than one row of insts.ts: the machine's answers to mach/emit.ts. Prologue and epilogue, moves of the
// allocator, calls and branches, the pseudo-instructions that are the machine's own.
//
// Between two instructions of Code only r11 and xmm15 may change, and the flags may not, since a comparison and
// its branch are two instructions. At a tail call xmm14 is free too.

import { CONTEXT_BREAKER, CONTEXT_LIMIT, VMCTX_BASE, VMCTX_CONTEXT } from "../../abi/layout.ts";
import { IntColumn } from "../../base/columns.ts";
import { unreachable } from "../../base/fail.ts";
import * as x from "../../gen/x64-ops.ts";
import { F32, F64, I32, I64, V128 } from "../../ir/ops.ts";
import { type Program, SYM_IMPORT, SYM_IMPORT_WEAK } from "../../ir/program.ts";
import { BASE, BASE_INDEX, Code, inRegister, SPILLED } from "../../mach/code.ts";
import type { Expansion } from "../../mach/emit.ts";
import { Frame } from "../../mach/frame.ts";
import type { Image } from "../../mach/image.ts";
import { FunctionText } from "../../mach/text.ts";
import { Assembler } from "./encode.ts";
import { KnownFlags, nextFlags } from "./flags.ts";
import { CC_AE, CC_B, CC_E, CC_FEQ, CC_FNE, CC_NE, CC_NP, CC_P, invert, ROWS } from "./insts.ts";
import { FLOAT_SCRATCH, MEMORY0, RDI, RSP, SCRATCH, VMCTX, XMM0, XMM14 } from "./regs.ts";
import { JUMP, JUMP_IF, REL_GOT_PC32, REL_PC32, TEXT_RULES } from "./text.ts";

export class X64Expansion implements Expansion {
  readonly text: FunctionText;
  readonly frame: Frame;
  readonly scratch: number;
  private readonly asm: Assembler;
  private program: Program;
  private code: Code;
  private blockLabel: IntColumn;
  private readonly flags: KnownFlags;

  constructor(image: Image) {
    this.text = new FunctionText(TEXT_RULES);
    this.frame = new Frame(TEXT_RULES.pushed);
    this.scratch = SCRATCH;
    this.asm = new Assembler(this.text, image);
    this.program = image.program;
    this.code = new Code();
    this.blockLabel = new IntColumn();
    this.flags = new KnownFlags();
  }

  begin(code: Code, image: Image, blockLabel: IntColumn): void {
    this.code = code;
    this.program = image.program;
    this.asm.image = image;
    this.blockLabel = blockLabel;
  }

  // --- frame ------------------------------------------------------------------------------------------------

  prologue(): void {
    const { frame, asm } = this;
    for (let r = 0; r < 16; r++) {
      if (frame.saved.has(r)) asm.registers(x.PUSH, r, -1);
    }
    if (frame.local > 0) asm.immediate(x.SUB64_I, RSP, frame.local, 0);
    this.floats(x.MOVUPS_MR);
  }

  loadContext(): void {
    this.asm.base(VMCTX, VMCTX_CONTEXT.offset);
    this.asm.memory(x.MOV64_M, SCRATCH);
  }

  loadBreaker(): void {
    this.asm.base(SCRATCH, CONTEXT_BREAKER.offset);
    this.asm.memory(x.MOV64_M, SCRATCH);
  }

  checkLimit(exhausted: number): void {
    this.asm.base(SCRATCH, CONTEXT_LIMIT.offset);
    this.asm.memory(x.CMP64_M, RSP);
    this.branch(-1, CC_B, exhausted);
  }

  /** Limit plus size, not stack pointer less size, since only the sum tells by its carry. */
  checkRoom(size: number, enough: number, exhausted: number): void {
    const { asm } = this;
    asm.base(SCRATCH, CONTEXT_LIMIT.offset);
    asm.memory(x.MOV64_M, SCRATCH);
    asm.immediate(x.ADD64_I, SCRATCH, size, 0);
    this.branch(-1, CC_B, exhausted);
    asm.registers(x.CMP64, RSP, SCRATCH);
    if (enough < 0) this.branch(-1, CC_B, exhausted);
    else this.branch(-1, CC_AE, enough);
  }

  /**
   * Branches where the byte at the address is not 0: not what the lowest byte of memory 0's base is. Compared with a
   * register the two instructions are one for the processor; with a constant they are two, which costs matmul 3 %.
   */
  testBreaker(address: number, label: number): void {
    this.asm.base(address, 0);
    this.asm.memory(x.CMP8_MR, MEMORY0);
    this.branch(-1, CC_NE, label);
  }

  /** Stores or loads the saved float registers. */
  private floats(op: number): void {
    let at = this.frame.floatSaves;
    for (let r = XMM0; r < XMM0 + 16; r++) {
      if (!this.frame.saved.has(r)) continue;
      this.asm.base(RSP, at);
      this.asm.memory(op, r);
      at += 16;
    }
  }

  /** Leaves the frame: the stack pointer is what it was at entry. */
  private epilogue(): void {
    const { frame, asm } = this;
    this.floats(x.MOVUPS_M);
    if (frame.local > 0) asm.immediate(x.ADD64_I, RSP, frame.local, 0);
    for (let r = 15; r >= 0; r--) {
      if (frame.saved.has(r)) asm.registers(x.POP, r, -1);
    }
  }

  ret(popped: number): void {
    this.epilogue();
    if (popped === 0) this.asm.registers(x.RET_NEAR, -1, -1);
    else if (popped < 0x10000) this.asm.immediate(x.RET_POP, -1, popped, 0);
    else {
      // more than the instruction can pop: the return address moves up instead
      this.asm.registers(x.POP, SCRATCH, -1);
      this.asm.immediate(x.ADD64_I, RSP, popped, 0);
      this.asm.registers(x.JMP_ABS, -1, SCRATCH);
    }
  }

  /**
   * Leaves the frame for another function. Where one of the two has stack arguments, the new ones are copied from
   * the bottom of the frame to where the old ones end, and the return address below them: always upwards, so from
   * the last one on.
   */
  tailCall(i: number, target: number): void {
    const { asm, frame, code } = this;
    const own = code.imm[i];
    const bytes = code.imm2[i];
    if (target >= 0) this.move(target, SCRATCH, I64);
    if (own === 0 && bytes === 0) this.epilogue();
    else {
      const up = frame.size + own - bytes;
      this.floats(x.MOVUPS_M);
      let at = frame.local;
      for (let r = 15; r >= 0; r--) {
        if (!frame.saved.has(r)) continue;
        asm.base(RSP, at);
        asm.memory(x.MOV64_M, r);
        at += 8;
      }
      if (own !== bytes) this.copyWord(XMM14, frame.size, -1);
      for (let k = bytes - 8; k >= 0; k -= 8) this.copyWord(FLOAT_SCRATCH, k, up + 8 + k);
      if (own !== bytes) this.copyWord(XMM14, -1, up);
      if (up !== 0) {
        asm.base(RSP, up);
        asm.memory(x.LEA64, RSP);
      }
    }
    if (target >= 0) asm.registers(x.JMP_ABS, -1, SCRATCH);
    else if (this.isImport(code.symbol[i])) {
      asm.symbolic(code.symbol[i], 0, REL_GOT_PC32);
      asm.memory(x.JMP_ABS_M, -1);
    } else asm.toSymbol(x.JMP_REL, code.symbol[i]);
  }

  /** [rsp + from] → `through` → [rsp + to]; -1: not that half. */
  private copyWord(through: number, from: number, to: number): void {
    if (from >= 0) {
      this.asm.base(RSP, from);
      this.asm.memory(x.MOVSD_M, through);
    }
    if (to >= 0) {
      this.asm.base(RSP, to);
      this.asm.memory(x.MOVSD_MR, through);
    }
  }

  enterBlock(): void {
    this.flags.forget();
  }

  // --- moves ------------------------------------------------------------------------------------------------

  /** Copies between two places a value of a type (ir/ops.ts). Flags and all other places stay. */
  move(from: number, to: number, type: number): void {
    if (from === to) return;
    const { asm, frame } = this;
    this.flags.overwrite(to);
    if (from >= 0 && to >= 0) {
      if (from < XMM0 !== to < XMM0) unreachable("move between register classes");
      asm.registers(from >= XMM0 ? x.MOVAPS : type === I32 ? x.MOV32 : x.MOV64, to, from);
    } else if (to >= 0) {
      asm.base(RSP, frame.slot(SPILLED - from));
      asm.memory(loadOf(type, to), to);
    } else if (from >= 0) {
      asm.base(RSP, frame.slot(SPILLED - to));
      asm.memory(storeOf(type, from), from);
    } else {
      // only instructions copy between slots; the moves of the allocator do not
      const through = type === V128 ? FLOAT_SCRATCH : SCRATCH;
      this.move(from, through, type);
      this.move(through, to, type);
    }
  }

  // --- instructions -------------------------------------------------------------------------------------------

  note(i: number): void {
    this.flags.follow(this.code, i);
  }

  instruction(i: number, following: number): void {
    const { code, asm, frame } = this;
    const op = code.op[i];
    const row = ROWS[op];
    if (row.encoding !== null) {
      if (this.doesNothing(i) || this.addsInPlace(i, following)) return;
      asm.instruction(code, i, frame);
      this.flags.follow(code, i);
      return;
    }
    if (op === x.CONST32 || op === x.CONST64) {
      this.constant(this.placeAt(i, 0), code.imm[i], op === x.CONST64 ? code.imm2[i] : 0, following);
      return;
    }
    this.flags.follow(code, i);
    switch (op) {
      case x.UNREACHABLE:
        asm.registers(x.UD2, -1, -1);
        break;
      case x.RESUME:
        asm.registers(x.MOV64, RSP, this.placeAt(i, 0));
        asm.registers(x.JMP_ABS, -1, this.placeAt(i, 1));
        break;
      case x.SET_VMCTX:
        this.move(this.placeAt(i, 0), VMCTX, I64);
        asm.base(VMCTX, VMCTX_BASE.offset);
        asm.memory(x.MOV64_M, MEMORY0);
        break;
      case x.SP:
        asm.registers(x.MOV64, this.placeAt(i, 0), RSP);
        break;
      case x.SYMBOL_ADDR:
        this.symbolAddress(this.placeAt(i, 0), code.symbol[i], code.disp[i]);
        break;
      case x.CODE_ADDR:
        asm.label(this.blockLabel.get(code.imm[i]));
        asm.memory(x.LEA64, this.placeAt(i, 0));
        break;
      case x.ZERO_F:
        asm.registers(x.XORPS, this.placeAt(i, 0), this.placeAt(i, 0));
        break;
      case x.SETCC32:
        this.truth(code.imm2[i], this.placeAt(i, 0));
        break;
      default:
        unreachable(`no expansion of ${row.name}`);
    }
  }

  private placeAt(i: number, operand: number): number {
    return inRegister(this.code.place.get(this.code.operandStart[i] + operand));
  }

  private constant(to: number, lo: number, hi: number, following: number): void {
    const { asm, flags } = this;
    flags.overwrite(to);
    if ((lo | hi) === 0 && this.mayChangeFlags(following)) {
      asm.registers(x.XOR32, to, to);
      flags.forget();
    } else if (hi === 0) asm.immediate(x.MOV32_RI, to, lo, 0);
    else if (hi === lo >> 31) asm.immediate(x.MOV64_SI, to, lo, 0);
    else asm.immediate(x.MOV64_RI, to, lo, hi);
  }

  /** True when nobody from instruction `following` on wants the flags as they are. */
  private mayChangeFlags(following: number): boolean {
    const writer = nextFlags(this.code, following);
    return writer >= 0 && !this.flags.makeNeedless(this.code, writer);
  }

  /** True for a copy to the same register, and a test of what the flags tell already. */
  private doesNothing(i: number): boolean {
    const { code } = this;
    const op = code.op[i];
    if (op === x.MOV64 || op === x.MOVAPS) {
      const start = code.operandStart[i];
      return code.place.get(start) === code.place.get(start + 1);
    }
    return this.flags.makeNeedless(code, i);
  }

  /** Writes a lea whose result takes the place of its base as an addition, if the flags are free. */
  private addsInPlace(i: number, following: number): boolean {
    const { code, asm } = this;
    const wide = code.op[i] === x.LEA64;
    if (!wide && code.op[i] !== x.LEA32) return false;
    const start = code.operandStart[i];
    const to = code.place.get(start);
    const form = code.address[i] & 15;
    if ((form !== BASE && form !== BASE_INDEX) || code.place.get(start + 1) !== to) return false;
    const adds = form === BASE ? code.disp[i] !== 0 : code.address[i] >> 4 === 1 << 4 && code.disp[i] === 0;
    if (!adds || !this.mayChangeFlags(following)) return false;
    if (form === BASE) asm.immediate(wide ? x.ADD64_I : x.ADD32_I, to, code.disp[i], 0);
    else asm.registers(wide ? x.ADD64 : x.ADD32, to, inRegister(code.place.get(start + 2)));
    this.flags.tell(to, wide);
    return true;
  }

  private symbolAddress(to: number, symbol: number, disp: number): void {
    const { asm } = this;
    if (!this.isImport(symbol)) {
      asm.symbolic(symbol, disp, REL_PC32);
      asm.memory(x.LEA64, to);
      return;
    }
    asm.symbolic(symbol, 0, REL_GOT_PC32);
    asm.memory(x.MOV64_M, to);
    if (disp === 0) return;
    asm.base(to, disp);
    asm.memory(x.LEA64, to);
  }

  private isImport(symbol: number): boolean {
    const { kind } = this.program.symbols[symbol];
    return kind === SYM_IMPORT || kind === SYM_IMPORT_WEAK;
  }

  private truth(cc: number, to: number): void {
    const { asm } = this;
    if (cc === CC_FEQ || cc === CC_FNE) {
      asm.immediate(x.SETCC, SCRATCH, 0, cc === CC_FEQ ? CC_NP : CC_P);
      asm.immediate(x.SETCC, to, 0, cc === CC_FEQ ? CC_E : CC_NE);
      asm.registers(cc === CC_FEQ ? x.AND8 : x.OR8, to, SCRATCH);
    } else asm.immediate(x.SETCC, to, 0, cc);
    asm.registers(x.MOVZX8_32, to, to);
  }

  // --- control ------------------------------------------------------------------------------------------------

  jump(label: number): void {
    this.text.branch(JUMP, 0, label);
  }

  invert(cc: number): number {
    return invert(cc);
  }

  /** To `label` if the condition holds. */
  branch(_: number, cc: number, label: number): void {
    const { text } = this;
    if (cc === CC_FNE) {
      this.branch(-1, CC_P, label);
      this.branch(-1, CC_NE, label);
    } else if (cc === CC_FEQ) {
      const past = text.newLabel();
      this.branch(-1, CC_P, past);
      this.branch(-1, CC_E, label);
      text.bind(past);
    } else text.branch(JUMP_IF, cc, label);
  }

  tableJump(temporary: number, index: number, cases: number, table: number, otherwise: number): void {
    const { asm } = this;
    asm.immediate(x.CMP32_I, index, cases, 0);
    this.branch(-1, CC_AE, otherwise);
    asm.symbolic(table, 0, REL_PC32);
    asm.memory(x.LEA64, SCRATCH);
    asm.baseIndex(SCRATCH, index, 2, 0);
    asm.memory(x.MOVSXD_M, temporary);
    asm.registers(x.ADD64, temporary, SCRATCH);
    asm.registers(x.JMP_ABS, -1, temporary);
  }

  callRegister(register: number): void {
    this.asm.registers(x.CALL_ABS, -1, register);
  }

  callMemory(i: number): void {
    this.asm.addressOf(this.code, i, this.frame);
    this.asm.memory(x.CALL_ABS_M, -1);
  }

  addToStack(bytes: number): void {
    if (bytes < 0) this.asm.immediate(x.SUB64_I, RSP, -bytes, 0);
    else this.asm.immediate(x.ADD64_I, RSP, bytes, 0);
  }

  /** The call pushes eight bytes more. */
  makeRoom(size: number): number {
    if ((size & 15) === 8) return 0;
    this.addToStack(-8);
    return 8;
  }

  giveBack(bytes: number): void {
    this.addToStack(bytes);
  }

  trapCode(code: number): void {
    this.asm.immediate(x.MOV32_RI, RDI, code, 0);
  }

  stop(): void {
    this.asm.registers(x.INT3, -1, -1);
  }

  callSymbol(symbol: number): void {
    if (this.isImport(symbol)) {
      this.asm.symbolic(symbol, 0, REL_GOT_PC32);
      this.asm.memory(x.CALL_ABS_M, -1);
    } else this.asm.toSymbol(x.CALL_REL, symbol);
  }
}

function loadOf(type: number, register: number): number {
  if (register < XMM0) return type === I32 ? x.MOV32_M : x.MOV64_M;
  return type === F32 ? x.MOVSS_M : type === F64 ? x.MOVSD_M : x.MOVUPS_M;
}

/** An i32 is stored with the zeros above it, so that its slot serves as a 64-bit operand too. */
function storeOf(type: number, register: number): number {
  if (register < XMM0) return x.MOV64_MR;
  return type === F32 ? x.MOVSS_MR : type === F64 ? x.MOVSD_MR : x.MOVUPS_MR;
}
