// What a row's signature says is done: operands are popped, the operation is made, results are pushed.

import { lowered } from "../gen/walk.ts";
import { NO_VALUE } from "../ir/func.ts";
import { access as accessMemory } from "../lower/accesses.ts";
import { memarg, memoryAddress } from "./immediates.ts";
import * as rules from "./rules.ts";
import type { Walk } from "./walk.ts";

/** Operands to a result. */
export function plain(walk: Walk, row: number): void {
  const types = rules.TYPE_START[row];
  const count = rules.OPERAND_COUNT[row];
  const c = count > 2 ? walk.pop(rules.TYPES[types + 2]) : NO_VALUE;
  const b = count > 1 ? walk.pop(rules.TYPES[types + 1]) : NO_VALUE;
  const a = count > 0 ? walk.pop(rules.TYPES[types]) : NO_VALUE;
  const { out } = walk;
  let v = NO_VALUE;
  if (out !== null) {
    const op = rules.LOWERING[row];
    v = op >= 0 ? out.op(op, a, b, c) : lowered(out, row, a, b);
  }
  if (rules.RESULT_COUNT[row] > 0) walk.push(rules.TYPES[types + count], v);
}

/** Loads, stores and what does both: an address and values; a result or none. */
export function access(walk: Walk, row: number): void {
  const memory = memarg(walk, row);
  const { lo, hi } = walk.r;
  if (rules.LANES[row] !== 0) lanes(walk, row);
  const types = rules.TYPE_START[row];
  const count = rules.OPERAND_COUNT[row];
  const y = count > 2 ? walk.pop(rules.TYPES[types + 2]) : NO_VALUE;
  const x = count > 1 ? walk.pop(rules.TYPES[types + 1]) : NO_VALUE;
  const index = walk.pop(memoryAddress(walk, memory));
  const { out } = walk;
  const v = out === null ? NO_VALUE : accessMemory(out, memory, rules.LOWERING[row], index, x, y, lo, hi);
  if (rules.RESULT_COUNT[row] > 0) walk.push(rules.TYPES[types + count], v);
}

/** The same as `plain` with a lane, or lanes, first. */
export function onLanes(walk: Walk, row: number): void {
  lanes(walk, row);
  plain(walk, row);
}

/** A lane, or the lanes of a shuffle. */
function lanes(walk: Walk, row: number): void {
  const count = rules.LANES[row];
  for (let i = count === rules.SHUFFLED ? 16 : 1; i > 0; i--) {
    if (walk.r.u8() >= count) walk.error("invalid lane index");
  }
}
