// Machine code to bytes: one function is appended to the image, with its moves, its symbol and its rows of the
// PC table. What a target's instructions look like is the business of its Expansion.
//
// Blocks that only jump are not written: whoever leads to them leads to where they go.
//
// Requires: places and moves of the allocation; blocks in layout order. Leaves Code as it was.

import { IntColumn, lowerBound } from "../base/columns.ts";
import { JMP } from "../gen/pseudo-ops.ts";
import { CONV_WASM } from "../ir/program.ts";
import type { Code, RegisterSet } from "./code.ts";
import type { Frame } from "./frame.ts";
import type { Image } from "./image.ts";
import type { PcTable } from "./pctable.ts";
import type { Convention, Target } from "./target.ts";
import type { FunctionText } from "./text.ts";

/** What emission asks of a target: to write pieces of the function into its FunctionText. */
export interface Expansion {
  readonly text: FunctionText;
  readonly frame: Frame;
  /** Starts a function; `blockLabel`: the label of each block. */
  begin(code: Code, image: Image, name: string, blockLabel: IntColumn): void;
  prologue(loc: number): void;
  /** The next instruction is the first of its block. */
  enterBlock(): void;
  move(from: number, to: number, type: number): void;
  rematerialise(i: number, to: number, at: number): void;
  instruction(i: number, next: number): void;
  stubs(): void;
}

/** Writes function after function, with the same storage. */
export class Emitter {
  private readonly conventions: readonly Convention[];
  private readonly pinned: RegisterSet;
  private readonly expansion: Expansion;
  /** By block: the label that leads there; a block that only jumps has that of its target. */
  private readonly blockLabel: IntColumn;

  constructor(target: Target, expansion: Expansion) {
    this.conventions = target.conventions;
    this.pinned = target.pinned;
    this.expansion = expansion;
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
    expansion.begin(code, image, image.program.symbols[symbol].name, this.blockLabel);
    text.frame(frame.size, frame.saved.general);
    expansion.prologue(firstLoc(code));
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
        expansion.instruction(i, next < blocks ? next : -1);
      }
      block = next;
    }
    text.rare();
    expansion.stubs();
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

  private writeMoves(code: Code, from: number, i: number): number {
    let m = from;
    for (; m < code.moveAt.length && code.moveAt.get(m) === i; m++) {
      const from = code.moveFrom.get(m);
      const to = code.moveTo.get(m);
      if (code.moveRemat.get(m) >= 0) this.expansion.rematerialise(from, to, i);
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

/** The first wasm instruction of the function: where its prologue belongs. */
function firstLoc(code: Code): number {
  for (let i = 0; i < code.count; i++) if (code.loc[i] >= 0) return code.loc[i];
  return -1;
}
