// Control of the walk: blocks, branches and the SSA they become. The block behind a frame is made when the
// first branch to it is met, so that what is never branched to costs none; branches carry operands as block
// parameters. Code that cannot be reached is validated, but makes nothing: `out` is null there.

import { irType } from "../abi/layout.ts";
import { IntColumn } from "../base/columns.ts";
import { I32_EQZ } from "../gen/ir-ops.ts";
import { type Block, NO_BLOCK, NO_VALUE, type Value } from "../ir/func.ts";
import type { Lowering } from "../lower/lowering.ts";
import { type Features, has, REFERENCE_TYPES } from "../wasm/features.ts";
import { checkLimit, MAX_BR_TABLE } from "../wasm/limits.ts";
import type { Module } from "../wasm/module.ts";
import type { TypeSpace } from "../wasm/subtyping.ts";
import { BLOCK_EMPTY, BLOCK_VALUE, BlockType } from "../wasm/typereader.ts";
import { heapOf, I32, ref, type ValType } from "../wasm/types.ts";
import { Immediates } from "./immediates.ts";
import { Locals } from "./locals.ts";
import { FRAME_ELSE, FRAME_IF, FRAME_LOOP, type Types } from "./operands.ts";

export const NO_TYPES: Types = [];

export class Control extends Immediates {
  readonly locals: Locals;
  private readonly lowering: Lowering | null;
  /** False where only validation is left to do. */
  private emitting: boolean;
  /** Row of the first instruction without a lowering, and its offset; -1. */
  missing: number;
  missingAt: number;
  private readonly block: BlockType;
  private blockResults: Types;
  private readonly singles: Map<ValType, Types>;
  /** Frame → its target's first parameter; the others follow it. */
  private readonly firstParam: IntColumn;
  // for br_table
  private readonly labels: IntColumn; // its frames
  private readonly occurrences: IntColumn; // frame → how often it occurs
  private readonly stops: IntColumn; // frame → block on the way to it, or NO_BLOCK

  constructor(module: Module, features: Features, space: TypeSpace, lowering: Lowering | null) {
    super(module, features, space);
    this.locals = new Locals();
    this.lowering = lowering;
    this.emitting = lowering !== null;
    this.missing = -1;
    this.missingAt = -1;
    this.block = new BlockType();
    this.blockResults = NO_TYPES;
    this.singles = new Map();
    this.firstParam = new IntColumn();
    this.labels = new IntColumn();
    this.occurrences = new IntColumn();
    this.stops = new IntColumn();
  }

  /** Where code goes; null where none is made. */
  get out(): Lowering | null {
    const { lowering } = this;
    return this.emitting && lowering !== null && !lowering.terminated ? lowering : null;
  }

  /** Remembers that `row` has no lowering; from here on the walk only validates. */
  miss(row: number): void {
    if (this.out === null) return;
    this.missing = row;
    this.missingAt = this.at;
    this.emitting = false;
  }

  // --- operands in lists ------------------------------------------------------------------------------

  /** Pops operands of these types; their values where code is made, else no values. */
  take(types: Types): Value[] {
    if (this.out === null) {
      this.popTypes(types);
      return [];
    }
    this.checkTop(types);
    const values = this.topValues(types.length);
    this.popTypes(types);
    return values;
  }

  pushValues(types: Types, values: readonly Value[]): void {
    if (values.length < types.length) this.pushTypes(types);
    else for (let i = 0; i < types.length; i++) this.push(types[i], values[i]);
  }

  single(type: ValType): Types {
    const known = this.singles.get(type);
    if (known !== undefined) return known;
    const made = [type];
    this.singles.set(type, made);
    return made;
  }

  // --- blocks ---------------------------------------------------------------------------------------

  /** The types of the block that is entered: its parameters and, in `blockResults`, results. */
  blockParams(): Types {
    const { block } = this;
    block.read(this.r, this.features);
    if (block.form === BLOCK_EMPTY) {
      this.blockResults = NO_TYPES;
      return NO_TYPES;
    }
    if (block.form === BLOCK_VALUE) {
      const type = block.value | 0;
      this.checkType(type);
      this.blockResults = this.single(type);
      return NO_TYPES;
    }
    const type = this.checkFuncType(block.value);
    this.blockResults = type.results;
    return type.params;
  }

  /** Enters a `block` or `try_table` with the parameters that `blockParams` found. */
  enterBlock(kind: number, params: Types): void {
    const args = this.take(params);
    this.enter(kind, params, this.blockResults, this.locals.changes, NO_BLOCK);
    this.pushValues(params, args);
  }

  loop(): void {
    const params = this.blockParams();
    const args = this.take(params);
    this.enter(FRAME_LOOP, params, this.blockResults, this.locals.changes, NO_BLOCK);
    const { out } = this;
    if (out === null) {
      this.pushTypes(params);
      return;
    }
    const header = this.targetOf(this.depth - 1, out);
    out.jump(header, args);
    out.switchTo(header);
    out.poll();
    this.pushParams(this.depth - 1, params);
  }

  if(): void {
    const params = this.blockParams();
    const condition = this.pop(I32);
    const args = this.take(params);
    const { out } = this;
    this.enter(FRAME_IF, params, this.blockResults, this.locals.changes, NO_BLOCK);
    for (const x of args) this.savedValues.push(x);
    if (out !== null) this.otherwise.set(this.depth - 1, out.fork(condition));
    this.pushValues(params, args);
  }

  else(): void {
    const frame = this.depth - 1;
    if (this.kind.get(frame) !== FRAME_IF) this.error("misplaced ELSE opcode");
    this.checkEnd();
    this.jumpTo(frame);
    this.locals.forget(this.initCount.get(frame));
    this.restart();
    this.kind.set(frame, FRAME_ELSE);
    this.resumeOtherwise(frame);
    this.pushSaved(frame);
  }

  end(): void {
    const frame = this.depth - 1;
    const kind = this.kind.get(frame);
    const results = this.ends[frame];
    this.checkEnd();
    if (kind === FRAME_IF) {
      // without `else`, the parameters are the results
      if (!this.space.listMatches(this.starts[frame], results)) {
        this.error("type mismatch", "an if without else must leave what it takes");
      }
      this.jumpTo(frame);
      this.restart();
      this.resumeOtherwise(frame);
      this.pushSaved(frame);
    }
    this.locals.forget(this.initCount.get(frame));
    if (this.depth === 1) {
      this.endFunction(results);
      return;
    }
    const target = this.target.get(frame) as Block;
    if (kind !== FRAME_LOOP && this.emitting && target !== NO_BLOCK) {
      const first = this.firstParam.get(frame);
      this.jumpTo(frame);
      this.continueAt(target);
      this.leave();
      for (let i = 0; i < results.length; i++) this.push(results[i], (first + i) as Value);
      return;
    }
    if (kind === FRAME_LOOP && this.emitting && target !== NO_BLOCK) this.lowering?.seal(target);
    const values = this.out !== null ? this.topValues(results.length) : [];
    this.leave();
    this.pushValues(results, values);
  }

  private endFunction(results: Types): void {
    const target = this.target.get(0) as Block;
    if (this.emitting && target !== NO_BLOCK) {
      const first = this.firstParam.get(0);
      this.jumpTo(0);
      this.continueAt(target);
      this.lowering?.ret(results.map((_, i) => (first + i) as Value));
    } else {
      this.out?.ret(this.topValues(results.length));
    }
    this.leave();
  }

  /** Jumps with the results on the stack to what follows `frame`. */
  private jumpTo(frame: number): void {
    const { out } = this;
    if (out === null) return;
    const values = this.topValues(this.ends[frame].length);
    out.jump(this.targetOf(frame, out), values);
  }

  private continueAt(block: Block): void {
    this.lowering?.seal(block);
    this.lowering?.switchTo(block);
  }

  /** Goes on in the block for a false condition, if the `if` could be reached. */
  private resumeOtherwise(frame: number): void {
    const otherwise = this.otherwise.get(frame) as Block;
    if (this.emitting && otherwise !== NO_BLOCK) this.lowering?.switchTo(otherwise);
  }

  private pushSaved(frame: number): void {
    const params = this.starts[frame];
    const from = this.saved.get(frame);
    const live = this.out !== null;
    for (let i = 0; i < params.length; i++) {
      this.push(params[i], live ? (this.savedValues.get(from + i) as Value) : NO_VALUE);
    }
  }

  /** The block that branches to `frame` lead to, made at its first use, with a parameter for each operand. */
  private targetOf(frame: number, out: Lowering): Block {
    const known = this.target.get(frame) as Block;
    if (known !== NO_BLOCK) return known;
    const made = out.block();
    this.target.set(frame, made);
    this.firstParam.resize(Math.max(this.firstParam.length, frame + 1), 0);
    this.firstParam.set(frame, out.func.count);
    for (const type of this.labelTypes(frame)) out.param(made, irType(type));
    return made;
  }

  private pushParams(frame: number, types: Types): void {
    const first = this.firstParam.get(frame);
    for (let i = 0; i < types.length; i++) this.push(types[i], (first + i) as Value);
  }

  branch(frame: number): void {
    const types = this.labelTypes(frame);
    this.checkTop(types);
    const { out } = this;
    if (out !== null) {
      const values = this.topValues(types.length);
      if (frame === 0) out.ret(values);
      else out.jump(this.targetOf(frame, out), values);
    }
    this.setUnreachable();
  }

  branchIf(): void {
    const frame = this.frameOf(this.r.u32());
    const condition = this.pop(I32);
    const types = this.labelTypes(frame);
    this.retype(types);
    const { out } = this;
    if (out !== null) out.branchIf(condition, this.targetOf(frame, out), this.topValues(types.length));
  }

  branchOnNull(): void {
    const frame = this.frameOf(this.r.u32());
    const v = this.popRef();
    const type = ref(heapOf(this.popped), false);
    const types = this.labelTypes(frame);
    this.retype(types);
    const { out } = this;
    if (out !== null) out.branchIf(out.isNull(v), this.targetOf(frame, out), this.topValues(types.length));
    this.push(type, v);
  }

  branchOnNonNull(): void {
    const frame = this.frameOf(this.r.u32());
    const v = this.popRef();
    this.push(ref(heapOf(this.popped), false), v);
    const rest = this.checkReferenceLabel(frame);
    const { out } = this;
    if (out === null) return;
    const isThere = out.op(I32_EQZ, out.isNull(v));
    out.branchIf(isThere, this.targetOf(frame, out), [...this.topValues(rest), v]);
  }

  /**
   * Checks a branch to `frame` that takes the reference on top as its last operand, and pops that. How many other
   * operands there are; they stay.
   */
  checkReferenceLabel(frame: number): number {
    const types = this.labelTypes(frame);
    if (types.length === 0) this.error("type mismatch", "the label takes no reference");
    this.checkTop(types);
    this.popAny();
    this.retype(types.slice(0, -1));
    return types.length - 1;
  }

  branchTable(): void {
    const { r, labels, occurrences } = this;
    labels.clear();
    const length = r.u32();
    checkLimit(length, MAX_BR_TABLE, "branch table too large", this.at);
    const n = length | 0;
    for (let i = 0; i <= n; i++) labels.push(this.frameOf(r.u32()));
    const index = this.pop(I32);
    const types = this.labelTypes(labels.get(n));
    occurrences.resize(Math.max(occurrences.length, this.depth), 0);
    for (let i = 0; i <= n; i++) {
      const frame = labels.get(i);
      occurrences.set(frame, occurrences.get(frame) + 1);
      if (occurrences.get(frame) === 1) this.checkTableLabel(this.labelTypes(frame), types);
    }
    const { out } = this;
    if (out !== null) this.dispatch(out, index, this.topValues(types.length));
    for (let i = 0; i <= n; i++) occurrences.set(labels.get(i), 0);
    this.setUnreachable();
  }

  private checkTableLabel(types: Types, last: Types): void {
    if (types.length !== last.length) this.error("type mismatch", "labels of one table differ in arity");
    // before references, the operands' types had to be those of all labels even in unreachable code
    if (!has(this.features, REFERENCE_TYPES) && types.some((type, i) => type !== last[i])) {
      this.error("type mismatch", "labels of one table differ in type");
    }
    this.checkTop(types);
  }

  /**
   * The jump of a br_table. Frames that take operands, or that occur often, are reached through a block of
   * their own, so that operands and loop variables are passed once and not for each entry.
   */
  private dispatch(out: Lowering, index: Value, args: readonly Value[]): void {
    const { labels, occurrences, stops } = this;
    const targets: Block[] = [];
    stops.resize(Math.max(stops.length, this.depth), NO_BLOCK);
    for (let i = 0; i < labels.length; i++) {
      const frame = labels.get(i);
      if (args.length === 0 && occurrences.get(frame) === 1 && frame !== 0) {
        targets.push(this.targetOf(frame, out));
      } else {
        if (stops.get(frame) === NO_BLOCK) stops.set(frame, out.block());
        targets.push(stops.get(frame) as Block);
      }
    }
    out.brTable(index, targets, []);
    for (let i = 0; i < labels.length; i++) {
      const frame = labels.get(i);
      const stop = stops.get(frame) as Block;
      if (stop === NO_BLOCK) continue;
      stops.set(frame, NO_BLOCK);
      this.continueAt(stop);
      if (frame === 0) out.ret(args);
      else out.jump(this.targetOf(frame, out), args);
    }
  }
}
