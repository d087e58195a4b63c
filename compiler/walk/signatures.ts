// What a row's signature says is done: operands are popped, the operation is made, results are pushed.

import { irType } from "../abi/layout.ts";
import { lowered } from "../gen/walk.ts";
import { laneBits } from "../ir/access.ts";
import { NO_VALUE, type Value } from "../ir/func.ts";
import { access as accessMemory } from "../lower/accesses.ts";
import { memarg, memoryAddress } from "./immediates.ts";
import * as rules from "./rules.ts";
import type { Walk } from "./walk.ts";

/** Operands that an operation has columns for. */
const MOST_INLINE = 3;
/** Bits of lanes, four in a word, that those of a shuffle, being below 32, do not have. */
const UNSHUFFLED = 0xe0e0e0e0 | 0;

/** Operands to results; the operation, if one was made. */
export function plain(walk: Walk, row: number): Value {
  const types = rules.TYPE_START[row];
  const count = rules.OPERAND_COUNT[row];
  if (count > MOST_INLINE || rules.RESULT_COUNT[row] > 1) return general(walk, row);
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
  return v;
}

/** The same for any number of operands and results. */
function general(walk: Walk, row: number): Value {
  const types = rules.TYPE_START[row];
  const count = rules.OPERAND_COUNT[row];
  const operands: Value[] = [];
  for (let i = 0; i < count; i++) operands.push(NO_VALUE);
  for (let i = count - 1; i >= 0; i--) operands[i] = walk.pop(rules.TYPES[types + i]);
  const { out } = walk;
  const first = out === null ? NO_VALUE : out.operation(rules.LOWERING[row], operands);
  for (let i = 0; i < rules.RESULT_COUNT[row]; i++) {
    const type = rules.TYPES[types + count + i];
    walk.push(type, i === 0 || out === null ? first : out.projection(first, i, irType(type)));
  }
  return first;
}

/** Loads, stores and what does both: an address and values; a result or none. A lane may follow the memarg. */
export function access(walk: Walk, row: number): void {
  const memory = memarg(walk, row);
  const { lo, hi } = walk.r;
  const lane = rules.LANES[row] === 0 ? 0 : laneOf(walk, row);
  const types = rules.TYPE_START[row];
  const count = rules.OPERAND_COUNT[row];
  const y = count > 2 ? walk.pop(rules.TYPES[types + 2]) : NO_VALUE;
  const x = count > 1 ? walk.pop(rules.TYPES[types + 1]) : NO_VALUE;
  const index = walk.pop(memoryAddress(walk, memory));
  const { out } = walk;
  let v = NO_VALUE;
  if (out !== null) {
    v = accessMemory(out, memory, rules.LOWERING[row], index, x, y, lo, hi);
    if (lane !== 0) out.func.aux[v] |= laneBits(lane);
  }
  if (rules.RESULT_COUNT[row] > 0) walk.push(rules.TYPES[types + count], v);
}

/** The same as `plain` with a lane, or the lanes of a shuffle, first: the operation's immediate. */
export function onLanes(walk: Walk, row: number): void {
  if (rules.LANES[row] === rules.SHUFFLED) {
    const { r } = walk;
    const [a, b, c, d] = [r.word(), r.word(), r.word(), r.word()];
    if (((a | b | c | d) & UNSHUFFLED) !== 0) walk.error("invalid lane index");
    const v = plain(walk, row);
    const { out } = walk;
    if (out !== null) out.func.imm[v] = out.func.newWide(a, b, c, d);
    return;
  }
  const lane = laneOf(walk, row);
  const v = plain(walk, row);
  const { out } = walk;
  if (out !== null) out.func.imm[v] = lane;
}

function laneOf(walk: Walk, row: number): number {
  const lane = walk.r.u8();
  if (lane >= rules.LANES[row]) walk.error("invalid lane index");
  return lane;
}
