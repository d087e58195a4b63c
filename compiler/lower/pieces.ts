// memory.copy and memory.fill of a few bytes, a number that is known: loads and stores instead of a call. All is loaded
// before anything is stored, and the last piece is stored first: what does not fit traps before a byte changes.

import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { accessAux, addressIn, isGuarded } from "./accesses.ts";
import type { Lowering } from "./lowering.ts";

/** For more a call is less work. */
const FEW = 64;

/** The constant `n`, if it is positive and small; else 0. */
export function fewBytes(out: Lowering, n: Value): number {
  const { func } = out;
  const isConstant = func.op[n] === op.I32_CONST || (func.op[n] === op.I64_CONST && func.imm2[n] === 0);
  return isConstant && func.imm[n] > 0 && func.imm[n] <= FEW ? func.imm[n] : 0;
}

export function copyPieces(
  out: Lowering,
  target: number,
  source: number,
  to: Value,
  from: Value,
  n: number,
): void {
  const reading = new Range(out, source, from, n);
  const writing = new Range(out, target, to, n);
  const values = reading.offsets.map((offset) => reading.load(offset));
  for (let k = values.length - 1; k >= 0; k--) writing.store(writing.offsets[k], values[k]);
}

export function fillPieces(out: Lowering, memory: number, to: Value, byte: Value, n: number): void {
  const low = out.op(op.I64_EXTEND_I32_U, out.op(op.I32_AND, byte, out.i32(255)));
  const all = out.op(op.I64_MUL, low, out.i64(0x01010101, 0x01010101));
  const writing = new Range(out, memory, to, n);
  for (let k = writing.offsets.length - 1; k >= 0; k--) writing.store(writing.offsets[k], all);
}

/** `n` bytes from an index on, in pieces of one size, of which the last two may overlap. */
class Range {
  private readonly out: Lowering;
  private readonly memory: number;
  private readonly size: number;
  /** The index where memory is guarded, else the address: the range is checked once, here. */
  private readonly start: Value;
  readonly offsets: number[];

  constructor(out: Lowering, memory: number, index: Value, n: number) {
    this.out = out;
    this.memory = memory;
    this.size = n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
    this.start = isGuarded(out, memory) ? index : addressIn(out, memory, index, 0, 0, n);
    this.offsets = [];
    for (let offset = 0; offset + this.size <= n; offset += this.size) this.offsets.push(offset);
    if (n % this.size !== 0) this.offsets.push(n - this.size);
  }

  private address(offset: number): Value {
    const { out, memory, start, size } = this;
    return isGuarded(out, memory) ? addressIn(out, memory, start, offset, 0, size) : start;
  }

  load(offset: number): Value {
    const { out, memory, size } = this;
    return out.load(loadOf(size), this.address(offset), offset, accessAux(out, memory, size));
  }

  store(offset: number, x: Value): void {
    const { out, memory, size } = this;
    out.store(storeOf(size), this.address(offset), x, offset, accessAux(out, memory, size));
  }
}

function loadOf(size: number): number {
  switch (size) {
    case 8:
      return op.I64_LOAD;
    case 4:
      return op.I64_LOAD32_U;
    case 2:
      return op.I64_LOAD16_U;
    default:
      return op.I64_LOAD8_U;
  }
}

function storeOf(size: number): number {
  switch (size) {
    case 8:
      return op.I64_STORE;
    case 4:
      return op.I64_STORE32;
    case 2:
      return op.I64_STORE16;
    default:
      return op.I64_STORE8;
  }
}
