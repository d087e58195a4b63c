// Machine code to bytes: one function is appended to the image, with its moves, its symbol and its rows of the
// PC table. What a target's instructions look like is the business of its Expansion.
//
// Blocks that only jump are not written: whoever leads to them leads to where they go.
//
// Requires: places and moves of the allocation; blocks in layout order. Leaves Code as it was.

import { IntColumn, lowerBound } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import {
  CALL,
  CALL_M,
  CALL_R,
  COPY,
  INVOKE,
  INVOKE_M,
  INVOKE_R,
  JCC,
  JMP,
  JUMP_TABLE,
  PARAMS,
  POLL,
  RET,
  TAIL_CALL,
  TAIL_CALL_R,
  TRAP,
  TRAP_IF,
  UNREACHABLE,
} from "../gen/pseudo-ops.ts";
import { I64, V128 } from "../ir/ops.ts";
import { CONV_WASM } from "../ir/program.ts";
import { type Code, DEF, inRegister, type RegisterSet, roleOf } from "./code.ts";
import { Control } from "./control.ts";
import type { Frame } from "./frame.ts";
import type { Image } from "./image.ts";
import type { PcTable } from "./pctable.ts";
import { Stubs } from "./stubs.ts";
import type { Convention, Target } from "./target.ts";
import type { FunctionText } from "./text.ts";

/**
 * What emission asks of a machine: to write pieces of the function into its FunctionText. Registers are places of the
 * allocation; a label may be bound later. Between two instructions of Code nothing but scratch registers may change.
 */
export interface Expansion {
  readonly text: FunctionText;
  readonly frame: Frame;
  /** The general register that is free between two instructions. */
  readonly scratch: number;
  /** Starts a function; `blockLabel`: the label of each block. */
  begin(code: Code, image: Image, blockLabel: IntColumn): void;
  /** The next instruction is the first of its block. */
  enterBlock(): void;
  /** Instruction `i`, which mach/ knows, is written next by the functions below. */
  note(i: number): void;
  /** Any other instruction: a row, or a pseudo-instruction; `following`: that which comes next. */
  instruction(i: number, following: number): void;
  /** Copies a value of a type (ir/ops.ts) between places: registers of one class, slots. */
  move(from: number, to: number, type: number): void;

  /** Makes the frame: saves registers, lowers the stack pointer. */
  prologue(): void;
  /** Leaves the frame and returns, popping so many bytes of stack arguments. */
  ret(popped: number): void;
  /** Leaves the frame for another function: `target`, or the instruction's symbol where that is -1. */
  tailCall(i: number, target: number): void;
  /** Adds to the stack pointer. */
  addToStack(bytes: number): void;

  jump(label: number): void;
  /** To `label` if the condition holds, with the operands of instruction `i` if it has some. */
  branch(i: number, condition: number, label: number): void;
  /** The condition that holds exactly when the other does not. */
  invert(condition: number): number;
  /** Through a table of distances from its start, or to `otherwise` where the index is not below `cases`. */
  tableJump(temporary: number, index: number, cases: number, table: number, otherwise: number): void;
  callSymbol(symbol: number): void;
  callRegister(register: number): void;
  /** Where the target's moves say that calls may: through the memory operand of instruction `i`. */
  callMemory(i: number): void;

  /** The context of the thread, into the scratch register; from there, the address of the breaker. */
  loadContext(): void;
  loadBreaker(): void;
  /** Branches where the byte at the address in the register is not 0. */
  testBreaker(address: number, label: number): void;
  /** With the context in the scratch register: branches where the stack pointer is below the limit. */
  checkLimit(exhausted: number): void;
  /**
   * The same, where it is below the limit plus `size`, a sum that may overflow; otherwise to `enough`, or on where
   * that is -1. Loses the context.
   */
  checkRoom(size: number, enough: number, exhausted: number): void;
  /**
   * Before a call from a place where the frame has `size` bytes (0: the function has just been entered): aligns the
   * stack pointer, and keeps what the call would lose. Yields the bytes taken, which `giveBack` gives back.
   */
  makeRoom(size: number): number;
  giveBack(bytes: number): void;
  /** The code of a trap, as the first argument of the helper. */
  trapCode(code: number): void;
  /** Never reached. */
  stop(): void;
}

/** Writes function after function, with the same storage. */
export class Emitter {
  private readonly conventions: readonly Convention[];
  private readonly pinned: RegisterSet;
  private readonly expansion: Expansion;
  private readonly control: Control;
  private readonly stubs: Stubs;
  /** By block: the label that leads there; a block that only jumps has that of its target. */
  private readonly blockLabel: IntColumn;

  constructor(target: Target, image: Image) {
    this.conventions = target.conventions;
    this.pinned = target.pinned;
    this.expansion = target.expansion(image);
    this.control = new Control(this.expansion, image.program);
    this.stubs = new Stubs(this.expansion, this.control, image.program);
    this.blockLabel = new IntColumn();
  }

  /** Whether the function appended last checks the stack. */
  get checksStack(): boolean {
    return this.expansion.frame.checked;
  }

  /** Appends the function `symbol` of `convention`; `index`: its number in the wasm module, or -1. */
  emit(code: Code, symbol: number, convention: number, index: number, image: Image, pcs: PcTable): void {
    const { expansion } = this;
    const { text, frame } = expansion;
    const blocks = code.blockStart.length - 1;
    text.reset(blocks);
    frame.layout(code, this.conventions[convention].saved, this.pinned, convention === CONV_WASM);
    this.labelBlocks(code);
    const { program } = image;
    expansion.begin(code, image, this.blockLabel);
    this.control.begin(code, program, program.symbols[symbol].name, this.blockLabel);
    this.stubs.begin(program);
    this.stubs.inFrame();
    if (frame.checked) this.stubs.checkStack(firstLoc(code));
    expansion.prologue();
    let move = 0;
    let block = 0;
    while (block < blocks) {
      // cold blocks come last
      if (block > 0 && code.cold.get(block) !== 0) text.rare();
      text.bind(block);
      let next = block + 1;
      while (next < blocks && this.blockLabel.get(next) !== next) next++;
      expansion.enterBlock();
      const end = code.blockStart.get(block + 1);
      for (let i = code.blockStart.get(block); i < end; i++) {
        move = this.writeMoves(code, move, i);
        this.instruction(code, i, next < blocks ? next : -1);
      }
      block = next;
    }
    text.rare();
    this.stubs.write();
    text.commit(image, pcs, symbol, index);
  }

  /**
   * Gives each block its label, from the last on, so that a chain forwards is followed in one step. A block that
   * jumps backwards to another such one stays; the entry does too, since the prologue runs into it.
   */
  private labelBlocks(code: Code): void {
    const { blockLabel } = this;
    const blocks = code.blockStart.length - 1;
    blockLabel.resize(blocks, 0);
    for (let b = blocks - 1; b >= 0; b--) {
      const to = b === 0 ? 0 : this.onlyTarget(code, b);
      if (to > b) blockLabel.set(b, blockLabel.get(to));
      else blockLabel.set(b, this.onlyTarget(code, to) === to ? to : b);
    }
  }

  /** Where block `b` goes, when it does nothing else; else `b`. */
  private onlyTarget(code: Code, b: number): number {
    const i = code.blockStart.get(b);
    if (b === 0 || code.blockStart.get(b + 1) !== i + 1 || code.op[i] !== JMP) return b;
    return hasMoves(code, i) ? b : code.edgeTo.get(code.imm[i]);
  }

  /** Writes instruction `i`; `next`: label of the block that follows, or -1. */
  private instruction(code: Code, i: number, next: number): void {
    const { expansion, control, stubs } = this;
    const op = code.op[i];
    // what selection puts most often, and what the machine alone knows
    if (op >= UNREACHABLE && op !== POLL) {
      expansion.instruction(i, i + 1);
      return;
    }
    expansion.note(i);
    switch (op) {
      case PARAMS:
        return;
      case COPY:
        this.copy(code, i);
        return;
      case JMP:
        control.jump(control.edge(code.imm[i]), next);
        return;
      case JCC:
        control.twoWay(i, code.imm2[i], control.edge(code.imm[i]), control.edge(code.imm[i] + 1), next);
        return;
      case JUMP_TABLE:
        control.jumpTable(i, placeAt(code, i, 0), placeAt(code, i, 1));
        return;
      case CALL:
      case CALL_R:
      case CALL_M:
        this.call(code, i);
        return;
      case INVOKE:
      case INVOKE_R:
      case INVOKE_M:
        this.call(code, i);
        control.jump(control.edge(code.imm[i]), next);
        return;
      case TAIL_CALL:
        expansion.tailCall(i, -1);
        return;
      case TAIL_CALL_R:
        expansion.tailCall(i, firstUse(code, i));
        return;
      case RET:
        expansion.ret(code.imm2[i]);
        return;
      case TRAP:
        stubs.trap(code.imm[i], code.loc[i]);
        stubs.inFrame();
        return;
      case TRAP_IF:
        expansion.branch(i, code.imm2[i], stubs.trapAt(code.imm[i], code.loc[i]));
        return;
      case POLL: {
        const breaker = code.place.get(code.operandStart[i]);
        if (breaker < 0) expansion.move(breaker, expansion.scratch, I64);
        stubs.poll(breaker < 0 ? expansion.scratch : breaker, code.loc[i]);
        return;
      }
      default:
        unreachable("a pseudo-instruction that nobody writes");
    }
  }

  private copy(code: Code, i: number): void {
    const start = code.operandStart[i];
    const register = code.register.get(start);
    const other = code.register.get(start + 1);
    const type = register >= 64 ? code.typeOf(register) : other >= 64 ? code.typeOf(other) : V128;
    this.expansion.move(code.place.get(start + 1), code.place.get(start), type);
  }

  private call(code: Code, i: number): void {
    const { expansion } = this;
    switch (code.op[i]) {
      case CALL_R:
      case INVOKE_R:
        expansion.callRegister(firstUse(code, i));
        break;
      case CALL_M:
      case INVOKE_M:
        expansion.callMemory(i);
        break;
      default:
        expansion.callSymbol(code.symbol[i]);
    }
    expansion.text.callSite(code.loc[i]);
    if (code.imm2[i] > 0) expansion.addToStack(-code.imm2[i]);
  }

  /** Repeats the constant that instruction `i` defines, in front of instruction `at`, into the register `to`. */
  private rematerialise(code: Code, i: number, to: number, at: number): void {
    const start = code.operandStart[i];
    const place = code.place.get(start);
    code.place.set(start, to);
    this.expansion.instruction(i, at);
    code.place.set(start, place);
  }

  private writeMoves(code: Code, from: number, i: number): number {
    let m = from;
    for (; m < code.moveAt.length && code.moveAt.get(m) === i; m++) {
      const from = code.moveFrom.get(m);
      const to = code.moveTo.get(m);
      if (code.moveRemat.get(m) >= 0) this.rematerialise(code, from, to, i);
      else this.expansion.move(from, to, code.moveType.get(m));
    }
    return m;
  }
}

/** True when the allocator put moves in front of instruction `i`. */
export function hasMoves(code: Code, i: number): boolean {
  const first = lowerBound(code.moveAt, i);
  return first < code.moveAt.length && code.moveAt.get(first) === i;
}

function placeAt(code: Code, i: number, operand: number): number {
  return inRegister(code.place.get(code.operandStart[i] + operand));
}

/** The register that a call or tail call goes to. */
function firstUse(code: Code, i: number): number {
  const start = code.operandStart[i];
  for (let k = start; k < start + code.operandCount[i]; k++) {
    if (roleOf(code.constraint.get(k)) !== DEF) return inRegister(code.place.get(k));
  }
  return unreachable("call without a target");
}

/** The first wasm instruction of the function: where its prologue belongs. */
function firstLoc(code: Code): number {
  for (let i = 0; i < code.count; i++) if (code.loc[i] >= 0) return code.loc[i];
  return -1;
}
