// Control: blocks, branches and the SSA they become. The block behind a frame is made when the first branch to it is
// met, so that what is never branched to costs none; branches carry operands as block parameters. Code that cannot be
// reached is validated, but makes nothing: `out` is null there.

import { irType } from "../abi/layout.ts";
import { I32_EQZ } from "../gen/ir-ops.ts";
import { type Block, NO_BLOCK, NO_VALUE, type Value } from "../ir/func.ts";
import * as lower from "../lower/control.ts";
import type { Lowering } from "../lower/lowering.ts";
import { isNull } from "../lower/references.ts";
import { has, REFERENCE_TYPES } from "../wasm/features.ts";
import { checkLimit, MAX_BR_TABLE } from "../wasm/limits.ts";
import { BLOCK_EMPTY, BLOCK_VALUE } from "../wasm/typereader.ts";
import { heapOf, I32, ref } from "../wasm/types.ts";
import { checkFuncType, checkType } from "./immediates.ts";
import { FRAME_BLOCK, FRAME_ELSE, FRAME_IF, FRAME_LOOP, NO_TYPES, type Types } from "./operands.ts";
import type { Walk } from "./walk.ts";

export function unreachable(walk: Walk): void {
  const { out } = walk;
  if (out !== null) lower.unreachable(out);
  walk.setUnreachable();
}

export function nop(_: Walk): void {}

// --- blocks ---------------------------------------------------------------------------------------

/** The types of the block that is entered: its parameters and, in `blockResults`, results. */
export function blockParams(walk: Walk): Types {
  const { block } = walk;
  block.read(walk.r, walk.features);
  if (block.form === BLOCK_EMPTY) {
    walk.blockResults = NO_TYPES;
    return NO_TYPES;
  }
  if (block.form === BLOCK_VALUE) {
    const type = block.value | 0;
    checkType(walk, type);
    walk.blockResults = walk.single(type);
    return NO_TYPES;
  }
  const type = checkFuncType(walk, block.value);
  walk.blockResults = type.results;
  return type.params;
}

export function block(walk: Walk): void {
  enterBlock(walk, FRAME_BLOCK, blockParams(walk));
}

/** Enters a `block` or `try_table` with the parameters that `blockParams` found. */
export function enterBlock(walk: Walk, kind: number, params: Types): void {
  const args = walk.take(params);
  walk.enter(kind, params, walk.blockResults, walk.locals.changes, NO_BLOCK);
  walk.pushValues(params, args);
}

export function loop(walk: Walk): void {
  const params = blockParams(walk);
  const args = walk.take(params);
  walk.enter(FRAME_LOOP, params, walk.blockResults, walk.locals.changes, NO_BLOCK);
  const { out } = walk;
  if (out === null) {
    walk.pushTypes(params);
    return;
  }
  const header = targetOf(walk, walk.depth - 1, out);
  out.jump(header, args);
  out.switchTo(header);
  lower.poll(out);
  pushParams(walk, walk.depth - 1, params);
}

export function ifThen(walk: Walk): void {
  const params = blockParams(walk);
  const condition = walk.pop(I32);
  const args = walk.take(params);
  const { out } = walk;
  walk.enter(FRAME_IF, params, walk.blockResults, walk.locals.changes, NO_BLOCK);
  for (const x of args) walk.savedValues.push(x);
  if (out !== null) walk.otherwise.set(walk.depth - 1, lower.fork(out, condition));
  walk.pushValues(params, args);
}

export function otherwise(walk: Walk): void {
  const frame = walk.depth - 1;
  if (walk.kind.get(frame) !== FRAME_IF) walk.error("misplaced ELSE opcode");
  walk.checkEnd();
  jumpTo(walk, frame);
  walk.locals.forget(walk.initCount.get(frame));
  walk.restart();
  walk.kind.set(frame, FRAME_ELSE);
  resumeOtherwise(walk, frame);
  pushSaved(walk, frame);
}

export function end(walk: Walk): void {
  const frame = walk.depth - 1;
  const kind = walk.kind.get(frame);
  const results = walk.ends[frame];
  walk.checkEnd();
  if (kind === FRAME_IF) {
    // without `else`, the parameters are the results
    if (!walk.space.listMatches(walk.starts[frame], results)) {
      walk.error("type mismatch", "an if without else must leave what it takes");
    }
    jumpTo(walk, frame);
    walk.restart();
    resumeOtherwise(walk, frame);
    pushSaved(walk, frame);
  }
  walk.locals.forget(walk.initCount.get(frame));
  if (walk.depth === 1) {
    endFunction(walk, results);
    return;
  }
  const target = walk.target.get(frame) as Block;
  if (kind !== FRAME_LOOP && walk.emitting && target !== NO_BLOCK) {
    const first = walk.firstParam.get(frame);
    jumpTo(walk, frame);
    continueAt(walk, target);
    walk.leave();
    for (let i = 0; i < results.length; i++) walk.push(results[i], (first + i) as Value);
    return;
  }
  if (kind === FRAME_LOOP && walk.emitting && target !== NO_BLOCK) walk.lowering?.seal(target);
  const values = walk.out !== null ? walk.topValues(results.length) : [];
  walk.leave();
  walk.pushValues(results, values);
}

function endFunction(walk: Walk, results: Types): void {
  const target = walk.target.get(0) as Block;
  if (walk.emitting && target !== NO_BLOCK) {
    const first = walk.firstParam.get(0);
    jumpTo(walk, 0);
    continueAt(walk, target);
    walk.lowering?.ret(results.map((_, i) => (first + i) as Value));
  } else {
    walk.out?.ret(walk.topValues(results.length));
  }
  walk.leave();
}

/** Jumps with the results on the stack to what follows `frame`. */
function jumpTo(walk: Walk, frame: number): void {
  const { out } = walk;
  if (out === null) return;
  const values = walk.topValues(walk.ends[frame].length);
  out.jump(targetOf(walk, frame, out), values);
}

function continueAt(walk: Walk, block: Block): void {
  walk.lowering?.seal(block);
  walk.lowering?.switchTo(block);
}

/** Goes on in the block for a false condition, if the `if` could be reached. */
function resumeOtherwise(walk: Walk, frame: number): void {
  const otherwise = walk.otherwise.get(frame) as Block;
  if (walk.emitting && otherwise !== NO_BLOCK) walk.lowering?.switchTo(otherwise);
}

function pushSaved(walk: Walk, frame: number): void {
  const params = walk.starts[frame];
  const from = walk.saved.get(frame);
  const live = walk.out !== null;
  for (let i = 0; i < params.length; i++) {
    walk.push(params[i], live ? (walk.savedValues.get(from + i) as Value) : NO_VALUE);
  }
}

/** The block that branches to `frame` lead to, made at its first use, with a parameter for each operand. */
function targetOf(walk: Walk, frame: number, out: Lowering): Block {
  const known = walk.target.get(frame) as Block;
  if (known !== NO_BLOCK) return known;
  const made = out.block();
  walk.target.set(frame, made);
  walk.firstParam.resize(Math.max(walk.firstParam.length, frame + 1), 0);
  walk.firstParam.set(frame, out.func.count);
  for (const type of walk.labelTypes(frame)) out.param(made, irType(type));
  return made;
}

function pushParams(walk: Walk, frame: number, types: Types): void {
  const first = walk.firstParam.get(frame);
  for (let i = 0; i < types.length; i++) walk.push(types[i], (first + i) as Value);
}

export function br(walk: Walk): void {
  branchTo(walk, frameOf(walk));
}

export function returns(walk: Walk): void {
  branchTo(walk, 0);
}

/** The frame that the label means which comes next. */
export function frameOf(walk: Walk): number {
  return walk.frameOf(walk.r.u32());
}

function branchTo(walk: Walk, frame: number): void {
  const types = walk.labelTypes(frame);
  walk.checkTop(types);
  const { out } = walk;
  if (out !== null) {
    const values = walk.topValues(types.length);
    if (frame === 0) out.ret(values);
    else out.jump(targetOf(walk, frame, out), values);
  }
  walk.setUnreachable();
}

export function brIf(walk: Walk): void {
  const frame = frameOf(walk);
  const condition = walk.pop(I32);
  const types = walk.labelTypes(frame);
  walk.retype(types);
  const { out } = walk;
  if (out !== null) lower.branchIf(out, condition, targetOf(walk, frame, out), walk.topValues(types.length));
}

export function brOnNull(walk: Walk): void {
  const frame = frameOf(walk);
  const v = walk.popRef();
  const type = ref(heapOf(walk.popped), false);
  const types = walk.labelTypes(frame);
  walk.retype(types);
  const { out } = walk;
  if (out !== null)
    lower.branchIf(out, isNull(out, v), targetOf(walk, frame, out), walk.topValues(types.length));
  walk.push(type, v);
}

export function brOnNonNull(walk: Walk): void {
  const frame = frameOf(walk);
  const v = walk.popRef();
  walk.push(ref(heapOf(walk.popped), false), v);
  const rest = checkReferenceLabel(walk, frame);
  const { out } = walk;
  if (out === null) return;
  const isThere = out.op(I32_EQZ, isNull(out, v));
  lower.branchIf(out, isThere, targetOf(walk, frame, out), [...walk.topValues(rest), v]);
}

/**
 * Checks a branch to `frame` that takes the reference on top as its last operand, and pops that. How many other
 * operands there are; they stay.
 */
export function checkReferenceLabel(walk: Walk, frame: number): number {
  const types = walk.labelTypes(frame);
  if (types.length === 0) walk.error("type mismatch", "the label takes no reference");
  walk.checkTop(types);
  walk.popAny();
  walk.retype(types.slice(0, -1));
  return types.length - 1;
}

export function brTable(walk: Walk): void {
  const { labels, occurrences } = walk;
  labels.clear();
  const length = walk.r.u32();
  checkLimit(length, MAX_BR_TABLE, "branch table too large", walk.at);
  const n = length | 0;
  for (let i = 0; i <= n; i++) labels.push(frameOf(walk));
  const index = walk.pop(I32);
  const types = walk.labelTypes(labels.get(n));
  occurrences.resize(Math.max(occurrences.length, walk.depth), 0);
  for (let i = 0; i <= n; i++) {
    const frame = labels.get(i);
    occurrences.set(frame, occurrences.get(frame) + 1);
    if (occurrences.get(frame) === 1) checkTableLabel(walk, walk.labelTypes(frame), types);
  }
  const { out } = walk;
  if (out !== null) dispatch(walk, out, index, walk.topValues(types.length));
  for (let i = 0; i <= n; i++) occurrences.set(labels.get(i), 0);
  walk.setUnreachable();
}

function checkTableLabel(walk: Walk, types: Types, last: Types): void {
  if (types.length !== last.length) walk.error("type mismatch", "labels of one table differ in arity");
  // before references, the operands' types had to be those of all labels even in unreachable code
  if (!has(walk.features, REFERENCE_TYPES) && types.some((type, i) => type !== last[i])) {
    walk.error("type mismatch", "labels of one table differ in type");
  }
  walk.checkTop(types);
}

/**
 * The jump of a br_table. Frames that take operands, or that occur often, are reached through a block of
 * their own, so that operands and loop variables are passed once and not for each entry.
 */
function dispatch(walk: Walk, out: Lowering, index: Value, args: readonly Value[]): void {
  const { labels, occurrences, stops } = walk;
  const targets: Block[] = [];
  stops.resize(Math.max(stops.length, walk.depth), NO_BLOCK);
  for (let i = 0; i < labels.length; i++) {
    const frame = labels.get(i);
    if (args.length === 0 && occurrences.get(frame) === 1 && frame !== 0) {
      targets.push(targetOf(walk, frame, out));
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
    continueAt(walk, stop);
    if (frame === 0) out.ret(args);
    else out.jump(targetOf(walk, frame, out), args);
  }
}
