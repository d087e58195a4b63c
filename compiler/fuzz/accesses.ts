// Loads and stores. Addresses lie within the smallest size of the memory, or are risky: at its end, wrapping around,
// with large offsets. Accesses beside and over each other, of different widths, in one block and across blocks.

import { condition } from "./arithmetic.ts";
import { HASH } from "./boundary.ts";
import { EMPTY, type ExpressionShape, type Grow, get, node, type StatementShape, set } from "./grow.ts";
import { bitsOf, widened } from "./observed.ts";
import type { Random } from "./random.ts";
import { type AccessRow, LOADS, STORES } from "./rows.ts";
import { F32, F64, I32, I64, type Immediate, MemArg, Node, type Type } from "./tree.ts";
import { constant, i32, i64, int, prefix } from "./values.ts";

export const PAGE = 65536;

/** Where an access goes: the operand and the offset. */
interface Address {
  readonly kid: Node;
  readonly offset: number | bigint;
}

/** What shapes of addresses are made of, for one memory. */
class Place {
  readonly g: Grow;
  readonly r: Random;
  readonly type: Type;
  readonly size: number;
  private readonly depth: number;

  constructor(g: Grow, memory: number, depth: number) {
    const { min, address } = g.tree.memories[memory];
    this.g = g;
    this.r = g.r;
    this.type = address;
    this.size = min * PAGE;
    this.depth = depth;
  }

  get is64(): boolean {
    return this.type === I64;
  }

  int(value: number | bigint): Node {
    return int(this.type, value);
  }

  op(name: string, x: Node, y: Node): Node {
    return node(`${prefix(this.type)}.${name}`, [], [x, y], this.type);
  }

  any(): Node {
    return this.g.expr(this.type, this.depth - 1, false);
  }

  masked(mask: number): Node {
    return this.op("and", this.any(), this.int(mask));
  }

  mask(): number {
    return this.r.pick([0xff, 0xf8, 0xfff, 0x3ff0, 0x7fff, 7, 0]);
  }

  offset(): number {
    return this.r.pick([0, 0, 0, 1, 4, 8, 12, 16, 100, 255, 1024, 4095]);
  }
}

type AddressShape = (p: Place) => Address;

const RISKY: readonly AddressShape[] = [
  (p) => ({ kid: p.any(), offset: p.offset() }),
  (p) => ({ kid: p.int(p.size - p.r.below(9)), offset: p.r.pick([0, 1, 4]) }),
  (p) => {
    const far = p.is64 ? [2 ** 32, 0xffffffffffffffffn, 0x8000000000000000n, 0xfffffffffffffff8n] : [];
    const offset = p.r.pick([
      ...[0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, Math.max(0, p.size - 4), p.size],
      ...far,
    ]);
    return { kid: p.masked(p.mask()), offset };
  },
  (p) => {
    // The sum wraps, or just does not; with an offset that brings it back if wrapping is forgotten.
    const by = p.r.pick([0x10, 0x100, 0x1000]);
    return { kid: p.op("add", p.masked(by * 2 - 1), p.int(-by)), offset: p.r.pick([0, by]) };
  },
  (p) => ({ kid: p.op("shl", p.any(), p.int(p.r.pick([1, 2, 3, 16]))), offset: p.offset() }),
  (p) => ({ kid: p.op("mul", p.masked(p.mask()), p.g.leaf(p.type, true)), offset: p.offset() }),
];

const SAFE: readonly AddressShape[] = [
  (p) => ({ kid: p.int(p.r.below(p.size - 64)), offset: p.r.pick([0, 0, 4, 16]) }),
  // Up to the last byte.
  (p) => ({ kid: p.int(p.size - 8 - p.r.below(9)), offset: 0 }),
  (p) => {
    // Wraps around once: x + c + (2³² − c + d).
    const c = p.r.pick([0x10n, 0x7fffffffn, 0x80000000n, 0xfffffff0n, ...(p.is64 ? [-1n << 63n, -16n] : [])]);
    const back = p.int(BigInt(p.r.pick([0, 64])) - c);
    return { kid: p.op("add", p.op("add", p.masked(p.mask()), p.int(c)), back), offset: p.offset() };
  },
  (p) => {
    const scaled = p.op("shl", p.masked(0xff), p.int(p.r.range(1, 3)));
    return { kid: p.r.chance(50) ? p.op("add", p.masked(0xfff), scaled) : scaled, offset: p.offset() };
  },
  (p) => {
    // The upper bits are shifted out.
    const up = p.is64 ? 52 : 20;
    const shifted = p.op("shl", p.any(), p.int(up));
    return { kid: p.op("shr_u", shifted, p.int(p.r.range(up - 3, up + 4))), offset: p.offset() };
  },
  (p) => {
    // Odd multiples of 2³¹ + 1 wrap for even factors.
    const even = p.op("and", p.any(), p.int(0xffe));
    const factor = p.r.pick([p.is64 ? 0x8000000000000001n : 0x80000001n, 3n, 5n, 8n]);
    return { kid: p.op("mul", even, p.int(factor)), offset: p.offset() };
  },
  (p) => ({ kid: p.op("add", p.masked(0xff), p.int(p.r.below(p.size - 0x2000))), offset: p.offset() }),
  (p) => {
    // Half of a wider or narrower number.
    if (p.is64) {
      const narrow = node("i32.and", [], [p.g.expr(I32, 1, false), i32(p.mask())], I32);
      return { kid: widened(narrow), offset: p.offset() };
    }
    const mask = i64(-0x100000000n | BigInt(p.mask()));
    const wide = node("i64.and", [], [p.g.expr(I64, 1, false), mask], I64);
    return { kid: node("i32.wrap_i64", [], [wide], I32), offset: p.offset() };
  },
  // Wraps around, and nothing but the sum says so.
  (p) => {
    const by = p.r.pick([0x10, 0x100, 0x1000, 0x4000]);
    return { kid: p.op("add", p.op("or", p.any(), p.int(-by)), p.int(by)), offset: p.offset() };
  },
  (p) => ({ kid: p.masked(p.mask()), offset: p.offset() }),
];

export function address(g: Grow, memory: number, depth: number): Address {
  const place = new Place(g, memory, depth);
  return g.r.pick(place.size === 0 || g.r.chance(g.mood.risk) ? RISKY : SAFE)(place);
}

function alignment(g: Grow, width: number): number {
  const natural = Math.log2(width);
  return g.r.chance(70) ? natural : g.r.range(0, natural);
}

export function load(g: Grow, type: Type, depth: number): Node {
  const row = g.r.pick(LOADS.get(type)!);
  const memory = g.r.below(g.tree.memories.length);
  const { kid, offset } = address(g, memory, depth);
  return new Node(row.row, [new MemArg(alignment(g, row.width), memory, offset)], [kid], type);
}

function store(g: Grow, depth: number): Node[] {
  const row = g.r.pick(STORES.get(g.r.pick([I32, I64, I32, I64, F32, F64]))!);
  const memory = g.r.below(g.tree.memories.length);
  const { kid, offset } = address(g, memory, depth);
  const value = g.exact(row.type, depth);
  return [new Node(row.row, [new MemArg(alignment(g, row.width), memory, offset)], [kid, value], -1)];
}

/** A memory that is not empty, and a new local that holds an address in it; null if there is none. */
function heldAddress(g: Grow, depth: number) {
  const memory = g.r.below(g.tree.memories.length);
  const { min, address: type } = g.tree.memories[memory];
  if (min === 0) return null;
  const { kid, offset } = address(g, memory, depth);
  const local = g.newLocal(type, true, false);
  return { memory, offset, at: () => get(local, type), hold: set(local, [kid]) };
}

function readModifyWrite(g: Grow, depth: number): Node[] | null {
  const { r } = g;
  const held = heldAddress(g, depth);
  if (held === null) return null;
  const type = r.chance(40) ? I64 : I32;
  const name = prefix(type);
  const width = r.pick(["", "", "8", "16", ...(type === I64 ? ["32"] : [])]);
  // Now and then of the cell beside it.
  const aside = r.chance(25) ? r.pick([1, 4, 8]) : 0;
  const sign = width === "" ? "" : r.pick(["_u", "_u", "_s"]);
  const arg = new MemArg(0, held.memory, held.offset);
  const read = node(`${name}.load${width}${sign}`, [arg], [held.at()], type);
  const other = r.chance(50) ? constant(r, type) : g.expr(type, depth - 1, true);
  const operation = r.pick(["add", "sub", "and", "or", "xor", "shl", "rotl"]);
  const operands = r.chance(80) ? [read, other] : [other, read];
  const changed = node(`${name}.${operation}`, [], operands, type);
  const beside = new MemArg(0, held.memory, clipped(BigInt(held.offset) + BigInt(aside), held.at().type));
  return [held.hold, node(`${name}.store${width}`, [beside], [held.at(), changed])];
}

/** An offset that the memory's type admits. */
function clipped(offset: bigint, type: Type): bigint {
  const most = type === I64 ? 0xffffffffffffffffn : 0xffffffffn;
  return offset > most ? most : offset;
}

/** Of accesses that overlap: all within so many bytes. */
const WINDOW = 8;
/** What is read is mostly one of so many cells, so that it is read again after some of it has changed. */
const CELLS = 2;

/**
 * Loads and stores of all widths at one address and a few bytes beside, whose values go into the hash: so that it
 * shows which store a load has seen. Some stand in branches and loops, and behind calls of nobody knows what.
 */
function overlaps(g: Grow, depth: number): Node[] | null {
  const held = heldAddress(g, depth);
  if (held === null) return null;
  const { r } = g;
  const arg = (row: AccessRow): Immediate[] => {
    const offset = BigInt(held.offset) + BigInt(r.below(WINDOW));
    return [new MemArg(alignment(g, row.width), held.memory, clipped(offset, held.at().type))];
  };
  const write = (): Node => {
    const row = r.pick(STORES.get(r.pick([I32, I32, I64, I64, F32, F64]))!);
    return new Node(row.row, arg(row), [held.at(), g.exact(row.type, 1)], -1);
  };
  const cell = () => {
    const row = r.pick(LOADS.get(r.pick([I32, I32, I64, I64, F32, F64]))!);
    return { row, immediates: arg(row) };
  };
  const cells = Array.from({ length: CELLS }, cell);
  const read = (): Node => {
    const { row, immediates } = r.chance(80) ? r.pick(cells) : cell();
    const value = new Node(row.row, immediates, [held.at()], row.type);
    const bits = row.type === F32 || row.type === F64 ? bitsOf(value, row.type) : value;
    const rotated = node("i64.rotl", [], [node("global.get", [HASH], [], I64), i64(9n)], I64);
    return node("global.set", [HASH], [node("i64.xor", [], [rotated, widened(bits)], I64)]);
  };
  const some = (most: number, inner: number): Node[] => {
    const list: Node[] = [];
    for (let n = r.range(2, most); n > 0; n--) {
      g.budget -= 3;
      const kind = r.below(inner > 0 ? 12 : 10);
      if (kind < 4) list.push(write());
      else if (kind < 9) list.push(read());
      else if (kind === 9) list.push(...(r.chance(30) && g.loops === 0 ? g.statement(0) : [read()]));
      else if (kind === 10) list.push(branch(inner - 1));
      else list.push(...repeated(inner - 1));
    }
    return list;
  };
  const branch = (inner: number): Node => {
    const result = node("if", [EMPTY], [condition(g, 1)]);
    for (let i = r.below(2); i < 2; i++) result.bodies.push(g.block([], false, () => some(3, inner)));
    return result;
  };
  const repeated = (inner: number): Node[] => {
    const c = g.newLocal(I32, true, false);
    const loop = node("loop", [EMPTY], []);
    g.loops++;
    loop.bodies.push(
      g.block([], true, () => [
        ...some(4, inner),
        set(c, [node("i32.sub", [], [get(c, I32), i32(1)], I32)]),
        node("br_if", [0], [get(c, I32)]),
      ]),
    );
    g.loops--;
    return [set(c, [i32(r.range(1, 4))]), loop];
  };
  return [held.hold, ...some(7, 2)];
}

export const LOAD: ExpressionShape = {
  weight: (g) => g.mood.memory,
  make: (g, type, depth) => (LOADS.has(type) ? load(g, type, depth) : null),
};

export const ACCESSES: readonly StatementShape[] = [
  { isDeep: false, weight: () => 9, make: store },
  { isDeep: false, weight: () => 3, make: readModifyWrite },
  { isDeep: true, weight: () => 3, make: overlaps },
];
