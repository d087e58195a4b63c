// What is more than one row of insts.ts: prologue and epilogue, moves of the allocator, the pseudo-instructions,
// and the stubs that stand behind a function: traps, polls, the slow path of the stack check.
//
// Between two instructions of Code only r11 and xmm15 may change, and the flags may not, since a comparison and
// its branch are two instructions. At a tail call xmm14 is free too.

import { helper } from "../../abi/helpers.ts";
import { CONTEXT_BREAKER, CONTEXT_LIMIT, VMCTX_BASE, VMCTX_CONTEXT } from "../../abi/layout.ts";
import { IntColumn } from "../../base/columns.ts";
import { unreachable } from "../../base/fail.ts";
import * as x from "../../gen/x64-ops.ts";
import { F32, F64, I32, I64, V128 } from "../../ir/ops.ts";
import { type Program, SYM_IMPORT, SYM_IMPORT_WEAK, SYM_RODATA } from "../../ir/program.ts";
import { STACK_EXHAUSTED } from "../../ir/traps.ts";
import { BASE, BASE_INDEX, Code, DEF, EMPTY_SET, RegisterSet, roleOf, SPILLED } from "../../mach/code.ts";
import { type Expansion, hasMoves } from "../../mach/emit.ts";
import { Frame, type FrameRules } from "../../mach/frame.ts";
import { type Image, REL_GOT_PC32, REL_PC32 } from "../../mach/image.ts";
import { FunctionText } from "../../mach/text.ts";
import { Assembler, inRegister, NOPS } from "./encode.ts";
import { KnownFlags, nextFlags } from "./flags.ts";
import { CALLS, CC_AE, CC_B, CC_E, CC_FEQ, CC_FNE, CC_NE, CC_NP, CC_P, invert, ROWS } from "./insts.ts";
import { FLOAT_SCRATCH, MEMORY0, R14, R15, RDI, RSP, SCRATCH, VMCTX, XMM0, XMM14 } from "./regs.ts";

/** A jump to a return becomes the return where it restores at most this many bytes of registers. */
const RETURNED_INLINE = 16;

const PINNED = new RegisterSet((1 << R14) | (1 << R15), 0);

/** Kinds of stubs. */
const STUB_TRAP = 0; // argument: trap code
const STUB_POLL = 1; // argument: label to go back to
const STUB_CHECK = 2; // the same
const STUB_LARGE_CHECK = 3; // the same

export class X64Frames implements FrameRules {
  calls(op: number): boolean {
    return (ROWS[op].flags & CALLS) !== 0;
  }

  leaves(op: number): boolean {
    return op === x.TAIL_CALL || op === x.TAIL_CALL_R;
  }

  returns(op: number): boolean {
    return op === x.RET;
  }

  argumentBytes(code: Code, i: number): number {
    return this.calls(code.op[i]) || this.leaves(code.op[i]) ? code.imm2[i] : 0;
  }

  changes(op: number): RegisterSet {
    const exceptional = op === x.INVOKE || op === x.INVOKE_R || op === x.INVOKE_M;
    return op === x.SET_VMCTX || exceptional ? PINNED : EMPTY_SET;
  }
}

export class X64Expansion implements Expansion {
  readonly rules: FrameRules;
  readonly text: FunctionText;
  readonly frame: Frame;
  private readonly asm: Assembler;
  private program: Program;
  private name: string;
  private code: Code;
  private blockLabel: IntColumn;
  private tables: number;
  private readonly flags: KnownFlags;
  // stubs to be written behind the function
  private readonly stubKind: IntColumn;
  private readonly stubLabel: IntColumn;
  private readonly stubArgument: IntColumn;
  private readonly stubLoc: IntColumn;

  constructor(image: Image) {
    this.rules = new X64Frames();
    this.text = new FunctionText(NOPS);
    this.frame = new Frame();
    this.asm = new Assembler(this.text, image);
    this.program = image.program;
    this.name = "";
    this.code = new Code();
    this.blockLabel = new IntColumn();
    this.tables = 0;
    this.flags = new KnownFlags();
    this.stubKind = new IntColumn();
    this.stubLabel = new IntColumn();
    this.stubArgument = new IntColumn();
    this.stubLoc = new IntColumn();
  }

  begin(code: Code, image: Image, name: string, blockLabel: IntColumn): void {
    this.code = code;
    this.program = image.program;
    this.asm.image = image;
    this.name = name;
    this.blockLabel = blockLabel;
    this.tables = 0;
    this.stubKind.clear();
    this.stubLabel.clear();
    this.stubArgument.clear();
    this.stubLoc.clear();
  }

  onlyJumps(op: number): boolean {
    return op === x.JMP;
  }

  // --- frame ------------------------------------------------------------------------------------------------

  prologue(loc: number): void {
    const { frame, asm } = this;
    if (frame.checked) this.checkStack(loc);
    for (let r = 0; r < 16; r++) {
      if (frame.saved.has(r)) asm.registers(x.PUSH, r, -1);
    }
    if (frame.local > 0) asm.immediate(x.SUB64_I, RSP, frame.local, 0);
    this.floats(x.MOVUPS_MR);
  }

  /**
   * Goes to the slow path where the frame would reach below the limit, or CPython wants something. Limit plus size, not
   * stack pointer less size, since only the sum tells by its carry.
   */
  private checkStack(loc: number): void {
    const { frame, asm, text } = this;
    const large = frame.size > 1024;
    const back = text.newLabel();
    const slow = this.stub(large ? STUB_LARGE_CHECK : STUB_CHECK, back, loc);
    asm.base(VMCTX, VMCTX_CONTEXT.offset);
    asm.memory(x.MOV64_M, SCRATCH);
    if (large) {
      asm.base(SCRATCH, CONTEXT_LIMIT.offset);
      asm.memory(x.MOV64_M, SCRATCH);
      asm.immediate(x.ADD64_I, SCRATCH, frame.size, 0);
      this.branch(CC_B, slow);
      asm.registers(x.CMP64, RSP, SCRATCH);
      this.branch(CC_B, slow);
      asm.base(VMCTX, VMCTX_CONTEXT.offset);
      asm.memory(x.MOV64_M, SCRATCH);
    } else {
      asm.base(SCRATCH, CONTEXT_LIMIT.offset);
      asm.memory(x.CMP64_M, RSP);
      this.branch(CC_B, slow);
    }
    asm.base(SCRATCH, CONTEXT_BREAKER.offset);
    asm.memory(x.MOV64_M, SCRATCH);
    this.testBreaker(SCRATCH, slow);
    text.bind(back);
  }

  /**
   * Branches where the byte at the address is not 0: not what the lowest byte of memory 0's base is. Compared with a
   * register the two instructions are one for the processor; with a constant they are two, which costs matmul 3 %.
   */
  private testBreaker(address: number, label: number): void {
    this.asm.base(address, 0);
    this.asm.memory(x.CMP8_MR, MEMORY0);
    this.branch(CC_NE, label);
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

  private ret(popped: number): void {
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
  private tailCall(i: number): void {
    const { asm, frame, code } = this;
    const own = code.imm[i];
    const bytes = code.imm2[i];
    const target = code.op[i] === x.TAIL_CALL_R ? this.firstUse(i) : -1;
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

  /** Repeats the constant that instruction `i` defines, in front of instruction `at`, into the register `to`. */
  rematerialise(i: number, to: number, at: number): void {
    const { code } = this;
    const start = code.operandStart[i];
    const place = code.place.get(start);
    code.place.set(start, to);
    this.write(i, at, -1);
    code.place.set(start, place);
  }

  // --- instructions -------------------------------------------------------------------------------------------

  /** Writes instruction `i`; `next`: label of the block that follows, or -1. */
  instruction(i: number, next: number): void {
    this.write(i, i + 1, next);
  }

  private write(i: number, following: number, next: number): void {
    const { code, asm, text, frame } = this;
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
      case x.PARAMS:
        return;
      case x.COPY:
        this.copy(i);
        break;
      case x.JMP:
        this.jump(this.edge(code.imm[i]), next);
        break;
      case x.JCC:
        this.twoWay(code.imm2[i], this.edge(code.imm[i]), this.edge(code.imm[i] + 1), next);
        break;
      case x.JUMP_TABLE:
        this.jumpTable(i);
        break;
      case x.CALL:
      case x.CALL_R:
      case x.CALL_M:
        this.call(i);
        break;
      case x.INVOKE:
      case x.INVOKE_R:
      case x.INVOKE_M:
        this.call(i);
        this.jump(this.edge(code.imm[i]), next);
        break;
      case x.TAIL_CALL:
      case x.TAIL_CALL_R:
        this.tailCall(i);
        break;
      case x.RET:
        this.ret(code.imm2[i]);
        break;
      case x.TRAP:
        this.trap(code.imm[i], code.loc[i]);
        this.inFrame();
        break;
      case x.TRAP_IF:
        this.branch(code.imm2[i], this.stub(STUB_TRAP, code.imm[i], code.loc[i]));
        break;
      case x.UNREACHABLE:
        asm.registers(x.UD2, -1, -1);
        break;
      case x.POLL: {
        const breaker = code.place.get(code.operandStart[i]);
        if (breaker < 0) this.move(breaker, SCRATCH, I64);
        const back = text.newLabel();
        this.testBreaker(breaker < 0 ? SCRATCH : breaker, this.stub(STUB_POLL, back, code.loc[i]));
        text.bind(back);
        break;
      }
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

  private firstUse(i: number): number {
    const { code } = this;
    const start = code.operandStart[i];
    for (let k = start; k < start + code.operandCount[i]; k++) {
      if (roleOf(code.constraint.get(k)) !== DEF) return inRegister(code.place.get(k));
    }
    return unreachable("call without a target");
  }

  private copy(i: number): void {
    const { code } = this;
    const start = code.operandStart[i];
    const register = code.register.get(start);
    const other = code.register.get(start + 1);
    const type = register >= 64 ? code.typeOf(register) : other >= 64 ? code.typeOf(other) : V128;
    this.move(code.place.get(start + 1), code.place.get(start), type);
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

  /** The label that an edge leads to. */
  private edge(edge: number): number {
    return this.blockLabel.get(this.code.edgeTo.get(edge));
  }

  private jump(label: number, next: number): void {
    if (label === next) return;
    const popped = this.bytesPopped(label);
    if (popped >= 0) this.ret(popped);
    else this.text.branch(0xe9, 1, 0xeb, label);
  }

  /** For a block that only returns, in a function that leaves its frame in a few bytes, what it pops; else -1. */
  private bytesPopped(label: number): number {
    const { code, frame } = this;
    if (label >= code.blockStart.length - 1) return -1;
    const i = code.blockStart.get(label);
    if (code.op[i] !== x.RET || hasMoves(code, i)) return -1;
    if (frame.saved.float !== 0 || frame.size - frame.local > RETURNED_INLINE) return -1;
    return code.imm2[i] < 0x10000 ? code.imm2[i] : -1;
  }

  /** To `label` if the condition holds. */
  private branch(cc: number, label: number): void {
    const { text } = this;
    if (cc === CC_FNE) {
      this.branch(CC_P, label);
      this.branch(CC_NE, label);
    } else if (cc === CC_FEQ) {
      const past = text.newLabel();
      this.branch(CC_P, past);
      this.branch(CC_E, label);
      text.bind(past);
    } else text.branch(0x800f | (cc << 8), 2, 0x70 | cc, label);
  }

  private twoWay(cc: number, taken: number, other: number, next: number): void {
    if (taken === other) {
      this.jump(taken, next);
      return;
    }
    if (taken === next) {
      this.branch(invert(cc), other);
      return;
    }
    // Neither follows: the way back into a loop comes first, being taken more often than the way out.
    if (next >= 0 && other < next && taken > next) {
      this.branch(invert(cc), other);
      this.jump(taken, next);
      return;
    }
    this.branch(cc, taken);
    this.jump(other, next);
  }

  private jumpTable(i: number): void {
    const { code, asm, text, program } = this;
    const cases = code.imm2[i] - 1;
    const otherwise = this.edge(code.imm[i] + cases);
    const temporary = this.placeAt(i, 0);
    const index = this.placeAt(i, 1);
    if (cases === 0) {
      this.jump(otherwise, -1);
      return;
    }
    const table = program.symbol(`wasmpy_table${this.tables++}_${this.name}`, SYM_RODATA);
    text.jumpTable(table);
    for (let k = 0; k < cases; k++) text.addTarget(this.edge(code.imm[i] + k));
    asm.immediate(x.CMP32_I, index, cases, 0);
    this.branch(CC_AE, otherwise);
    asm.symbolic(table, 0, REL_PC32);
    asm.memory(x.LEA64, SCRATCH);
    asm.baseIndex(SCRATCH, index, 2, 0);
    asm.memory(x.MOVSXD_M, temporary);
    asm.registers(x.ADD64, temporary, SCRATCH);
    asm.registers(x.JMP_ABS, -1, temporary);
  }

  private call(i: number): void {
    const { code, asm } = this;
    switch (code.op[i]) {
      case x.CALL_R:
      case x.INVOKE_R:
        asm.registers(x.CALL_ABS, -1, this.firstUse(i));
        break;
      case x.CALL_M:
      case x.INVOKE_M:
        asm.addressOf(code, i, this.frame);
        asm.memory(x.CALL_ABS_M, -1);
        break;
      default:
        this.callSymbol(code.symbol[i]);
    }
    this.text.callSite(code.loc[i]);
    if (code.imm2[i] > 0) asm.immediate(x.SUB64_I, RSP, code.imm2[i], 0);
  }

  private callSymbol(symbol: number): void {
    if (this.isImport(symbol)) {
      this.asm.symbolic(symbol, 0, REL_GOT_PC32);
      this.asm.memory(x.CALL_ABS_M, -1);
    } else this.asm.toSymbol(x.CALL_REL, symbol);
  }

  // --- stubs --------------------------------------------------------------------------------------------------

  /** The label of a stub: a new one, but for the same trap of the same instruction. */
  private stub(kind: number, argument: number, loc: number): number {
    const last = this.stubKind.length - 1;
    if (
      last >= 0 &&
      kind === STUB_TRAP &&
      this.stubKind.get(last) === kind &&
      this.stubArgument.get(last) === argument &&
      this.stubLoc.get(last) === loc
    )
      return this.stubLabel.get(last);
    const label = this.text.newLabel();
    this.stubKind.push(kind);
    this.stubLabel.push(label);
    this.stubArgument.push(argument);
    this.stubLoc.push(loc);
    return label;
  }

  stubs(): void {
    const { text, asm, frame } = this;
    for (let s = 0; s < this.stubKind.length; s++) {
      text.bind(this.stubLabel.get(s));
      const argument = this.stubArgument.get(s);
      const loc = this.stubLoc.get(s);
      switch (this.stubKind.get(s)) {
        case STUB_TRAP:
          this.inFrame();
          this.trap(argument, loc);
          break;
        case STUB_POLL:
          this.inFrame();
          this.callSlow(frame.size, frame.saved.general, loc);
          this.jump(argument, -1);
          break;
        case STUB_CHECK:
          this.callSlow(0, 0, loc);
          this.jump(argument, -1);
          break;
        case STUB_LARGE_CHECK: {
          // the slow path knows nothing of this frame: compare again, with the thread's own limit
          const exhausted = text.newLabel();
          this.callSlow(0, 0, loc);
          asm.base(VMCTX, VMCTX_CONTEXT.offset);
          asm.memory(x.MOV64_M, SCRATCH);
          asm.base(SCRATCH, CONTEXT_LIMIT.offset);
          asm.memory(x.MOV64_M, SCRATCH);
          asm.immediate(x.ADD64_I, SCRATCH, frame.size, 0);
          this.branch(CC_B, exhausted);
          asm.registers(x.CMP64, RSP, SCRATCH);
          this.branch(CC_AE, argument);
          text.bind(exhausted);
          text.frame(0, 0);
          this.align(0, 0);
          this.raise(STACK_EXHAUSTED, loc);
          break;
        }
      }
    }
  }

  /** What follows runs in the function's own frame. */
  private inFrame(): void {
    this.text.frame(this.frame.size, this.frame.saved.general);
  }

  /** Moves the stack pointer where a call needs it, out of a frame of `size` that holds `saved`. */
  private align(size: number, saved: number): void {
    if ((size & 15) === 8) return;
    this.asm.immediate(x.SUB64_I, RSP, 8, 0);
    this.text.frame(size + 8, saved);
  }

  private trap(code: number, loc: number): void {
    this.align(this.frame.size, this.frame.saved.general);
    this.raise(code, loc);
  }

  /** The call of no return; a byte behind it keeps its return address inside the function. */
  private raise(code: number, loc: number): void {
    this.asm.immediate(x.MOV32_RI, RDI, code, 0);
    this.callSymbol(helper(this.program, "raise"));
    this.text.callSite(loc);
    this.asm.registers(x.INT3, -1, -1);
  }

  private callSlow(size: number, saved: number, loc: number): void {
    this.text.frame(size, saved);
    this.align(size, saved);
    this.callSymbol(helper(this.program, "stack_slow"));
    this.text.callSite(loc);
    if ((size & 15) === 8) return;
    this.asm.immediate(x.ADD64_I, RSP, 8, 0);
    this.text.frame(size, saved);
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
