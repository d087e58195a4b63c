// The operand stack and the control stack of validation (spec, appendix "Validation Algorithm"), with the SSA
// value of each operand beside its type. Where no code is made, the values are NO_VALUE.
// The types of a frame are shared arrays and never copied; nothing here recurses, whatever the nesting.

import { IntColumn } from "../base/columns.ts";
import type { ErrorText } from "../base/errors.ts";
import { fail } from "../base/fail.ts";
import type { u32 } from "../base/numbers.ts";
import { type Block, NO_BLOCK, NO_VALUE, type Value } from "../ir/func.ts";
import { checkLimit, MAX_BODY_BYTES } from "../wasm/limits.ts";
import type { TypeSpace } from "../wasm/subtyping.ts";
import * as t from "../wasm/types.ts";
import { BOT, isRef, type ValType } from "../wasm/types.ts";
import { typeText } from "../wasm/typetable.ts";

export const FRAME_FUNC = 0;
export const FRAME_BLOCK = 1;
export const FRAME_LOOP = 2;
export const FRAME_IF = 3;
export const FRAME_ELSE = 4;
export const FRAME_TRY = 5;

export type Types = readonly ValType[];
export const NO_TYPES: Types = [];

/** Only what pushes many operands at once can exceed it. */
const MAX_OPERANDS = MAX_BODY_BYTES;

export class Operands {
  readonly space: TypeSpace;
  /** Byte offset of the instruction at hand: where errors are. */
  at: number;
  /** Type of the operand popped last; BOT when it was imagined. */
  popped: ValType;

  // operands
  readonly types: IntColumn;
  readonly values: IntColumn;

  // frames, the function's first
  depth: number;
  readonly kind: IntColumn;
  /** Height of the operand stack below the frame. */
  private readonly height: IntColumn;
  /** 1 where the rest of the frame cannot be reached: its stack is polymorphic. */
  private readonly polymorphic: IntColumn;
  /** Number of initialised locals to keep when the frame ends (walk.ts). */
  readonly initCount: IntColumn;
  /** Where branches to the frame go: the header of a loop; else what follows it, or NO_BLOCK before the first. */
  readonly target: IntColumn;
  /** FRAME_IF: where `else` goes on. */
  readonly otherwise: IntColumn;
  /** FRAME_IF: its parameters, from here in `saved`. */
  readonly saved: IntColumn;
  readonly savedValues: IntColumn;
  readonly starts: Types[];
  readonly ends: Types[];

  constructor(space: TypeSpace) {
    this.space = space;
    this.at = 0;
    this.popped = BOT;
    this.types = new IntColumn(256);
    this.values = new IntColumn(256);
    this.depth = 0;
    this.kind = new IntColumn();
    this.height = new IntColumn();
    this.polymorphic = new IntColumn();
    this.initCount = new IntColumn();
    this.target = new IntColumn();
    this.otherwise = new IntColumn();
    this.saved = new IntColumn();
    this.savedValues = new IntColumn();
    this.starts = [];
    this.ends = [];
  }

  clearStacks(): void {
    this.types.clear();
    this.values.clear();
    this.depth = 0;
    this.kind.clear();
    this.height.clear();
    this.polymorphic.clear();
    this.initCount.clear();
    this.target.clear();
    this.otherwise.clear();
    this.saved.clear();
    this.savedValues.clear();
    this.starts.length = 0;
    this.ends.length = 0;
  }

  error(text: ErrorText, detail = ""): never {
    return fail(text, this.at, detail);
  }

  private mismatch(expected: string, actual: string): never {
    return fail("type mismatch", this.at, `expected ${expected}, found ${actual}`);
  }

  // --- operands ---------------------------------------------------------------------------------------

  push(type: ValType, value: Value): void {
    this.types.push(type);
    this.values.push(value);
  }

  /** True when the innermost frame has no operand left and every type may be imagined below. */
  get bottomless(): boolean {
    return (
      this.types.length === this.height.data[this.depth - 1] && this.polymorphic.data[this.depth - 1] === 1
    );
  }

  /** True when the innermost frame has no operand left. */
  private get empty(): boolean {
    return this.types.length === this.height.data[this.depth - 1];
  }

  pop(expected: ValType): Value {
    this.popped = BOT;
    if (this.empty) {
      return this.bottomless ? NO_VALUE : this.mismatch(typeText(expected), "nothing");
    }
    const actual = this.types.pop();
    this.popped = actual;
    if (actual !== expected && !this.space.matches(actual, expected)) {
      this.mismatch(typeText(expected), typeText(actual));
    }
    return this.values.pop() as Value;
  }

  /** Any one operand; its type is in `popped`. */
  popAny(): Value {
    this.popped = BOT;
    if (this.empty) return this.bottomless ? NO_VALUE : this.mismatch("an operand", "nothing");
    this.popped = this.types.pop();
    return this.values.pop() as Value;
  }

  /** Any reference; its type is in `popped`, where an imagined one has the bottom of all heap types. */
  popRef(): Value {
    const v = this.popAny();
    if (this.popped === BOT) this.popped = t.ref(t.BOT_HEAP, false);
    if (!isRef(this.popped)) this.mismatch("a reference", typeText(this.popped));
    return v;
  }

  /** Pops operands of these types, the last from the top. */
  popTypes(types: Types): void {
    this.checkTop(types);
    this.dropTo(Math.max(this.types.length - types.length, this.height.data[this.depth - 1]));
  }

  /** Pushes operands without values. */
  pushTypes(types: Types): void {
    checkLimit(this.types.length + types.length, MAX_OPERANDS, "function too complex", this.at);
    for (const type of types) this.push(type, NO_VALUE);
  }

  /** The values of the `n` topmost operands, which must be there. */
  topValues(n: number): Value[] {
    const values: Value[] = [];
    for (let i = this.values.length - n; i < this.values.length; i++)
      values.push(this.values.data[i] as Value);
    return values;
  }

  /** Checks that operands of these types lie on top, and leaves them there. */
  checkTop(types: Types): void {
    const bottom = this.height.data[this.depth - 1];
    for (let i = types.length - 1, at = this.types.length - 1; i >= 0; i--, at--) {
      if (at < bottom) {
        if (this.polymorphic.data[this.depth - 1] === 1) return;
        this.mismatch(typeText(types[i]), "nothing");
      }
      if (!this.space.matches(this.types.data[at], types[i])) {
        this.mismatch(typeText(types[i]), typeText(this.types.data[at]));
      }
    }
  }

  /** Checks the same, and gives the operands just these types, imagined ones too. */
  retype(types: Types): void {
    this.checkTop(types);
    const bottom = this.height.data[this.depth - 1];
    const present = Math.min(types.length, this.types.length - bottom);
    const missing = types.length - present;
    if (missing > 0) {
      // only where the stack is polymorphic, so that no value is lost
      this.dropTo(bottom);
      this.pushTypes(types);
      return;
    }
    const from = this.types.length - types.length;
    for (let i = 0; i < types.length; i++) this.types.data[from + i] = types[i];
  }

  private dropTo(height: number): void {
    this.types.length = height;
    this.values.length = height;
  }

  // --- frames -----------------------------------------------------------------------------------------

  /** Enters a frame, its parameters being popped; they are for the caller to push again. */
  enter(kind: number, start: Types, end: Types, inits: number, target: Block): void {
    this.kind.push(kind);
    this.height.push(this.types.length);
    this.polymorphic.push(0);
    this.initCount.push(inits);
    this.target.push(target);
    this.otherwise.push(NO_BLOCK);
    this.saved.push(this.savedValues.length);
    this.starts.push(start);
    this.ends.push(end);
    this.depth++;
  }

  /** Checks that the innermost frame leaves its results and nothing else. */
  checkEnd(): void {
    const top = this.depth - 1;
    const end = this.ends[top];
    this.checkTop(end);
    const extra = this.types.length - this.height.data[top] - end.length;
    if (extra > 0) this.error("type mismatch", `${extra} values remain on the stack at the end of the block`);
  }

  /** Drops the operands of the innermost frame, which goes on with an empty stack. */
  restart(): void {
    this.dropTo(this.height.data[this.depth - 1]);
    this.polymorphic.data[this.depth - 1] = 0;
  }

  leave(): void {
    const top = this.depth - 1;
    this.dropTo(this.height.data[top]);
    this.kind.pop();
    this.height.pop();
    this.polymorphic.pop();
    this.initCount.pop();
    this.target.pop();
    this.otherwise.pop();
    this.savedValues.length = this.saved.pop();
    this.starts.pop();
    this.ends.pop();
    this.depth = top;
  }

  /** The rest of the innermost frame cannot be reached. */
  setUnreachable(): void {
    this.dropTo(this.height.data[this.depth - 1]);
    this.polymorphic.data[this.depth - 1] = 1;
  }

  /** The frame that label `n` means. */
  frameOf(label: u32): number {
    if (label >= this.depth) this.error("unknown label", `${label}`);
    return this.depth - 1 - (label | 0);
  }

  /** What a branch to `frame` takes along. */
  labelTypes(frame: number): Types {
    return this.kind.data[frame] === FRAME_LOOP ? this.starts[frame] : this.ends[frame];
  }
}
