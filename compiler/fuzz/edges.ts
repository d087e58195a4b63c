// Functions that make one operation at its edge, chosen by their first parameter: where truncations, divisions,
// accesses, bulk operations and calls begin to trap, and what lies just before. Operands are parameters, which the
// compiler knows nothing of, or constants, which it folds. A body that grows by chance rarely gets there, and never
// beyond its first trap.

import { PAGE } from "./accesses.ts";
import { EDGE_TYPE } from "./boundary.ts";
import { slotsOf } from "./calls.ts";
import { EMPTY, get, isFloat, node } from "./grow.ts";
import { bitsOf, widened } from "./observed.ts";
import type { Random } from "./random.ts";
import { LOADS, PLAIN, type PlainRow, rowOf, STORES } from "./rows.ts";
import {
  F32,
  F64,
  Fn,
  FUNCREF,
  I32,
  I64,
  MemArg,
  Node,
  PASSIVE,
  REF_NULL,
  type Tree,
  type Type,
} from "./tree.ts";
import { constant, float32, float64, i32, i64, int, nullOf, number32, number64, prefix } from "./values.ts";

/** One edge: an expression, or a statement, of the operands, and pairs of operands that lie on both sides. */
interface Edge {
  readonly made: Node;
  readonly operands: readonly (readonly [number, bigint])[];
}

type EdgeShape = (r: Random, tree: Tree) => Edge | null;

const X = 1;
const Y = 2;

const view = new DataView(new ArrayBuffer(8));

/** Bits of the float next to `value`, `by` steps away from zero; of `value` itself for 0. */
function bitsNear(type: Type, value: number, by: number): bigint {
  if (type === F32) {
    view.setFloat32(0, value);
    return BigInt(view.getUint32(0) + by);
  }
  view.setFloat64(0, value);
  return view.getBigUint64(0) + BigInt(by);
}

/** A float of these bits. */
function float(type: Type, bits: bigint): Node {
  return new Node(rowOf(`${prefix(type)}.const`), [type === F32 ? Number(bits) : bits], [], type);
}

/** The operand that holds numbers of a type, as a value of this type. */
function given(type: Type): Node {
  switch (type) {
    case I32:
      return get(X, I32);
    case I64:
      return get(Y, I64);
    case F32:
      return node("f32.reinterpret_i32", [], [get(X, I32)], F32);
    default:
      return node("f64.reinterpret_i64", [], [get(Y, I64)], F64);
  }
}

function pair(type: Type, bits: bigint): [number, bigint] {
  const narrow = type === I32 || type === F32;
  return [narrow ? Number(BigInt.asIntN(32, bits)) : 0, narrow ? 0n : BigInt.asIntN(64, bits)];
}

const ROWS: readonly PlainRow[] = [...PLAIN.values()].flat();
const TRUNCATIONS = ROWS.filter((row) => row.name.includes(".trunc_"));
const DIVISIONS = ROWS.filter((row) => /\.(div|rem)_[su]$/.test(row.name));
const OTHERS = ROWS.filter((row) => !TRUNCATIONS.includes(row) && !DIVISIONS.includes(row));

/** From where on a truncation has no result. */
function bounds(row: PlainRow): number[] {
  const width = row.name.startsWith("i32") ? 32 : 64;
  return row.name.endsWith("_s")
    ? [2 ** (width - 1), -(2 ** (width - 1)), -(2 ** (width - 1)) - 1]
    : [2 ** width, -1];
}

function truncation(r: Random): Edge {
  const row = r.pick(TRUNCATIONS);
  const [type] = row.operands;
  const values = bounds(row).flatMap((bound) => [-1, 0, 1].map((by) => bitsNear(type, bound, by)));
  values.push(bitsNear(type, Number.NaN, 0), bitsNear(type, -0.5, 0));
  const value = r.pick(values);
  const x = r.chance(40) ? float(type, value) : given(type);
  return {
    made: new Node(row.row, [], [x], row.result),
    operands: [pair(type, value), pair(type, r.pick(values)), pair(type, r.pick(values))],
  };
}

function division(r: Random): Edge {
  const row = r.pick(DIVISIONS);
  const [type] = row.operands;
  const width = type === I32 ? 32 : 64;
  const least = -1n << BigInt(width - 1);
  const power = 1n << BigInt(r.below(width));
  const divisor = int(type, r.pick([0n, -1n, 1n, least, power, power, -power]));
  const near = (by: bigint) => pair(type, -power * BigInt(r.range(1, 3)) + by);
  if (r.chance(75)) {
    return {
      made: new Node(row.row, [], [given(type), divisor], type),
      operands: [pair(type, least), near(1n), near(-1n), pair(type, -1n)],
    };
  }
  return {
    made: new Node(row.row, [], [int(type, r.pick([least, -1n, 1n, -7n])), given(type)], type),
    operands: [pair(type, -1n), pair(type, 0n), pair(type, least)],
  };
}

const ROUNDINGS = ROWS.filter((row) => /\.convert_i|\.demote/.test(row.name));

/** Integers and doubles halfway between two floats, and one beside that. */
function rounding(r: Random): Edge {
  const row = r.pick(ROUNDINGS);
  const [type] = row.operands;
  const bits = row.result === F32 ? 24 : 53;
  const width = type === I32 ? 32 : 64;
  // A number of so many bits, of which the last is lost; odd or even before that.
  const length = r.range(Math.min(bits + 1, width - 1), width);
  const half = 1n << BigInt(Math.max(0, length - bits - 1));
  const top = (1n << BigInt(length - 1)) + 2n * half * BigInt(r.below(4));
  const near = (by: bigint) => {
    const value = top + half + by;
    if (type !== F64) return pair(type, r.chance(30) ? -value : value);
    // Of a double's 53 bits 29 are lost.
    view.setFloat64(0, r.pick([1, -1, 2 ** 100, 2 ** -130]));
    return pair(type, view.getBigUint64(0) + (BigInt(r.below(4)) << 29n) + (1n << 28n) + by);
  };
  return {
    made: new Node(row.row, [], [given(type)], row.result),
    operands: [near(0n), near(1n), near(-1n), near(0n)],
  };
}

/** Any other operation on numbers, of operands worth trying: one given, the others constants or the same again. */
function operation(r: Random): Edge {
  const row = r.pick(OTHERS);
  const kids = row.operands.map((t) => (r.chance(60) ? given(t) : constant(r, t)));
  // A NaN has unknown bits, unless the operation does not compute.
  const isSafe = !isFloat(row.result) || /\.(abs|neg|copysign|reinterpret)/.test(row.name);
  const made = new Node(row.row, [], kids, row.result);
  const any = (): [number, bigint] =>
    r.chance(50)
      ? [number32(r) | 0, BigInt.asIntN(64, number64(r))]
      : [float32(r) | 0, BigInt.asIntN(64, float64(r))];
  return {
    made: isSafe ? made : node(`${prefix(row.result)}.eq`, [], [made, constant(r, row.result)], I32),
    operands: [any(), any(), any()],
  };
}

/** An index as arithmetic on the operand, and the operand that makes it this index, or one near it. */
interface Index {
  readonly made: Node;
  operand(index: bigint): bigint;
}

type IndexShape = (r: Random, type: Type) => Index;

const INDICES: readonly IndexShape[] = [
  (_, type) => ({ made: given(type), operand: (index) => index }),
  // Sums wrap around where the operand is large: what is folded into an offset does not.
  (r, type) => {
    const c = r.pick([8n, 16n, 0x1000n, 0x10000n, 0x7ffffff0n, 0x7fffffffn, 0x80000000n, -8n]);
    const made = node(`${prefix(type)}.add`, [], [given(type), int(type, c)], type);
    return { made, operand: (index) => index - c };
  },
  // Upper bits are lost: where a scale does it they are not.
  (r, type) => {
    const k = BigInt(r.range(1, 3));
    const made = node(`${prefix(type)}.shl`, [], [given(type), int(type, k)], type);
    return {
      made,
      operand: (index) => (index >> k) - (r.chance(50) ? 1n << BigInt(type === I64 ? 62 : 30) : 0n),
    };
  },
  (r, type) => {
    const c = BigInt(r.pick([4, 8, 16]));
    const sum = node(`${prefix(type)}.add`, [], [given(type), int(type, c)], type);
    const made = node(`${prefix(type)}.shl`, [], [sum, int(type, 2)], type);
    return { made, operand: (index) => (index >> 2n) - c };
  },
];

/** The last access that fits, and the first that does not; the sum of index and offset is the same for all splits. */
function access(r: Random, tree: Tree): Edge {
  const memory = r.below(tree.memories.length);
  const { min, address } = tree.memories[memory];
  const type = r.pick([I32, I64, F32, F64]);
  const isStore = r.chance(40);
  const row = r.pick((isStore ? STORES : LOADS).get(type)!);
  const last = BigInt(min * PAGE - row.width);
  const most = address === I64 ? 64n : 32n;
  const offset = r.pick([
    0n,
    0n,
    1n,
    last > 0n ? last : 0n,
    0x7fffffffn,
    0x80000000n,
    (1n << most) - 1n,
    4096n,
  ]);
  const at = (by: bigint) => BigInt.asUintN(Number(most), last + by - offset);
  const arg = new MemArg(0, memory, offset);
  const { made, operand } = r.pick(INDICES)(r, address);
  const index = r.chance(20) ? int(address, at(BigInt(r.range(-1, 1)))) : made;
  const value = isStore ? [constant(r, type)] : [];
  return {
    made: new Node(row.row, [arg], [index, ...value], isStore ? -1 : type),
    operands: [0n, 1n, BigInt(r.range(-9, 9)), -BigInt(r.below(min * PAGE + 1))].map((by) =>
      pair(address, operand(at(by))),
    ),
  };
}

/** Up to the end, and one beyond: of a memory, a table, a segment. */
function bulk(r: Random, tree: Tree): Edge | null {
  const memory = r.below(tree.memories.length);
  const table = r.below(tree.tables.length);
  const { min, address } = tree.memories[memory];
  const { type, min: slots, address: theirs } = tree.tables[table];
  const ends = (of: Type, end: number): Edge["operands"] =>
    [0, 1, -1].map((by) => pair(of, BigInt(end + by)));
  const count = r.pick([0, 1, r.range(2, 70), r.range(2, 70), 100]);
  switch (r.below(7)) {
    case 0:
      return {
        made: node("memory.fill", [memory], [given(address), i32(r.int32()), int(address, count)]),
        operands: ends(address, min * PAGE - count),
      };
    case 1: {
      const kids = [given(address), int(address, 0), int(address, count)];
      return {
        made: node("memory.copy", [memory, memory], r.chance(50) ? kids : [kids[1], kids[0], kids[2]]),
        operands: ends(address, min * PAGE - count),
      };
    }
    case 2: {
      if (tree.datas.length === 0) return null;
      const data = r.below(tree.datas.length);
      const { length } = tree.datas[data].bytes;
      const size = tree.datas[data].mode === PASSIVE ? length : 0;
      return {
        made: node("memory.init", [data, memory], [int(address, 0), given(I32), i32(Math.min(count, size))]),
        operands: ends(I32, size - Math.min(count, size)),
      };
    }
    case 3:
      return {
        made: node("table.fill", [table], [given(theirs), nullOf(type), int(theirs, Math.min(count, 1))]),
        operands: ends(theirs, slots - Math.min(count, 1)),
      };
    case 4: {
      const kids = [given(theirs), int(theirs, 0), int(theirs, 1)];
      return {
        made: node("table.copy", [table, table], r.chance(50) ? kids : [kids[1], kids[0], kids[2]]),
        operands: ends(theirs, slots - 1),
      };
    }
    case 5: {
      const elems = tree.elems.flatMap((e, i) => (e.type === type ? [i] : []));
      if (elems.length === 0) return null;
      const elem = r.pick(elems);
      const size = tree.elems[elem].mode === PASSIVE ? tree.elems[elem].items.length : 0;
      return {
        made: node("table.init", [elem, table], [int(theirs, 0), given(I32), i32(Math.min(1, size))]),
        operands: ends(I32, size - Math.min(1, size)),
      };
    }
    default: {
      const get = node("table.get", [table], [given(theirs)], type);
      return {
        made: r.chance(50)
          ? node("ref.is_null", [], [get], I32)
          : node("table.set", [table], [given(theirs), nullOf(type)]),
        operands: ends(theirs, slots),
      };
    }
  }
}

/** Nothing is left of a segment that was dropped. */
function dropped(r: Random, tree: Tree): Edge | null {
  const block = node("block", [EMPTY], []);
  if (r.chance(50)) {
    if (tree.datas.length === 0) return null;
    const data = r.below(tree.datas.length);
    const memory = r.below(tree.memories.length);
    const to = int(tree.memories[memory].address, 0);
    const init = node("memory.init", [data, memory], [to, i32(0), given(I32)]);
    block.bodies.push([node("data.drop", [data], []), init]);
  } else {
    const table = r.below(tree.tables.length);
    const elems = tree.elems.flatMap((e, i) => (e.type === tree.tables[table].type ? [i] : []));
    if (elems.length === 0) return null;
    const elem = r.pick(elems);
    const to = int(tree.tables[table].address, 0);
    const init = node("table.init", [elem, table], [to, i32(0), given(I32)]);
    block.bodies.push([node("elem.drop", [elem], []), init]);
  }
  return { made: block, operands: [pair(I32, 1n), pair(I32, 0n)] };
}

/** Bytes are copied to where some of them lie. */
function overlapping(r: Random, tree: Tree): Edge | null {
  const memory = r.below(tree.memories.length);
  const { min, address } = tree.memories[memory];
  if (min === 0) return null;
  const from = 64 + r.below(PAGE - 128);
  const arg = (offset: number) => new MemArg(0, memory, offset);
  const at = () => int(address, from);
  const to = node(`${prefix(address)}.add`, [], [given(address), at()], address);
  const read = (offset: number) => node("i64.load", [arg(offset)], [at()], I64);
  // Few bytes, a number that the compiler knows; or more, which it does not.
  const isKnown = r.chance(50);
  const other =
    address === I64
      ? node("i64.extend_i32_u", [], [get(X, I32)], I64)
      : node("i32.wrap_i64", [], [get(Y, I64)], I32);
  const length = isKnown
    ? int(address, r.range(1, 16))
    : node(`${prefix(address)}.and`, [], [other, int(address, 31)], address);
  const block = node("block", [I64 - 128], [], I64);
  block.bodies.push([
    node("i64.store", [arg(0)], [at(), constant(r, I64)]),
    node("i64.store", [arg(8)], [at(), i64(r.int64())]),
    node("memory.copy", [memory, memory], [to, at(), length]),
    node("i64.xor", [], [node("i64.rotl", [], [read(0), i64(9n)], I64), read(8)], I64),
  ]);
  const near = (): [number, bigint] => {
    const [by, count] = [r.range(-9, 9), r.range(1, 31)];
    return address === I64 ? [count, BigInt(by)] : [by, BigInt(count)];
  };
  return { made: block, operands: [near(), near(), near()] };
}

/** The same bytes are read twice; some of them are written before, some in between. */
function rewritten(r: Random, tree: Tree): Edge | null {
  const memory = r.below(tree.memories.length);
  const { min, address } = tree.memories[memory];
  if (min === 0) return null;
  const row = r.pick(LOADS.get(r.pick([I32, I64]))!);
  const offset = 16 + r.below(8);
  const read = () => widened(new Node(row.row, [new MemArg(0, memory, offset)], [given(address)], row.type));
  const write = () => {
    const { row: to, type, width } = r.pick(STORES.get(r.pick([I32, I64, F32, F64]))!);
    const at = r.range(offset - width + 1, offset + row.width - 1);
    return new Node(to, [new MemArg(0, memory, at)], [given(address), constant(r, type)], -1);
  };
  const between = node("block", [I64 - 128], [], I64);
  between.bodies.push([write(), read()]);
  const block = node("block", [I64 - 128], [], I64);
  const first = node("i64.rotl", [], [read(), i64(9n)], I64);
  block.bodies.push([write(), node("i64.xor", [], [first, between], I64)]);
  const near = () => pair(address, BigInt(r.below(PAGE - 64)));
  return { made: block, operands: [near(), near()] };
}

/** Growth to the most that is allowed, and beyond. */
function growth(r: Random, tree: Tree): Edge {
  if (r.chance(50)) {
    const memory = r.below(tree.memories.length);
    const { min, max, address } = tree.memories[memory];
    return {
      made: node("memory.grow", [memory], [given(address)], address),
      operands: [pair(address, BigInt(max - min + 1)), pair(address, 0n), pair(address, -1n)],
    };
  }
  const table = r.below(tree.tables.length);
  const { type, min, max, address } = tree.tables[table];
  return {
    made: node("table.grow", [table], [nullOf(type), given(address)], address),
    operands: [pair(address, BigInt(max - min + 1)), pair(address, 0n), pair(address, -1n)],
  };
}

/** A function without parameters or with numbers only, through a table or a reference: the right one, another, none. */
function callee(r: Random, tree: Tree): Edge | null {
  const numbers = (types: readonly Type[]) => types.every((t) => t >= F64 && t <= I32);
  const fits = tree.types.flatMap((t, i) => (numbers(t.params) && t.results.length <= 1 ? [i] : []));
  if (fits.length === 0) return null;
  const type = r.pick(fits);
  const { params, results } = tree.types[type];
  const args = params.map((t) => constant(r, t));
  const visible = results.length === 1 && (results[0] === I32 || results[0] === I64);
  const shown = (call: Node) => {
    if (results.length === 0 || visible) return call;
    call.type = -1;
    return node("drop", [], [call]);
  };
  const result = visible ? results[0] : -1;
  if (r.chance(30)) {
    const its = REF_NULL + type;
    const funcs = tree.functions((t) => t === type);
    const there = funcs.length > 0 ? node("ref.func", [r.pick(funcs)], [], its) : nullOf(its);
    const choice = node("select t", [[its]], [there, nullOf(its), get(X, I32)], its);
    if (r.chance(30)) {
      const kept = node("ref.as_non_null", [], [choice], its);
      return { made: node("drop", [], [kept]), operands: [pair(I32, 1n), pair(I32, 0n)] };
    }
    const called = node("call_ref", [type], [...args, choice], result);
    return { made: shown(called), operands: [pair(I32, 1n), pair(I32, 0n)] };
  }
  const table = r.pick(tree.tables.flatMap((t, i) => (t.type === FUNCREF ? [i] : [])));
  const { min, address } = tree.tables[table];
  const right = slotsOf(tree, table, type).map(BigInt);
  const called = node("call_indirect", [type, table], [...args, given(address)], result);
  const slots = [...right, BigInt(r.below(min)), BigInt(min), -1n, ...(address === I64 ? [1n << 32n] : [])];
  return {
    made: shown(called),
    operands: [pair(address, slots[0]), pair(address, r.pick(slots)), pair(address, r.pick(slots))],
  };
}

function unreachable(): Edge {
  return { made: node("unreachable", [], []), operands: [[0, 0n]] };
}

const SHAPES: readonly EdgeShape[] = [
  ...[truncation, truncation, truncation, division, division, division, operation, operation, rounding],
  ...[access, access, access, bulk, bulk, dropped, overlapping, rewritten, callee, callee, growth],
];

/** Adds the function with `count` edges; gives the operands of the calls to be made. */
export function addEdges(r: Random, tree: Tree, count: number): { name: string; calls: string[][] } {
  const edges: Edge[] = r.chance(10) ? [unreachable()] : [];
  while (edges.length < count) {
    const edge = r.pick(SHAPES)(r, tree);
    if (edge !== null) edges.push(edge);
  }
  const fn = new Fn(tree.typeIndex(EDGE_TYPE.params, EDGE_TYPE.results));
  const targets = edges.map((_, i) => i);
  // Other modules call it with any number.
  const which = node("i32.and", [], [get(0, I32), i32(7)], I32);
  let inner: Node[] = [node("br_table", [targets, edges.length], [which])];
  for (const { made } of edges) {
    const block = node("block", [EMPTY], []);
    block.bodies.push(inner);
    inner = [block, ...returned(made)];
  }
  const last = node("block", [EMPTY], []);
  last.bodies.push(inner);
  fn.body = [last, i64(0n)];
  fn.exported = "edge";
  tree.funcs.push(fn);
  const calls = edges.flatMap(({ operands }, k) => {
    const some = operands.filter((_, i) => i === 0 || r.chance(70));
    return some.map(([x, y]) => [`${k}`, `${x}`, `${y}n`]);
  });
  return { name: fn.exported, calls };
}

function returned(made: Node): Node[] {
  const { type } = made;
  if (type < 0) return [made, node("return", [], [i64(-1n)])];
  return [node("return", [], [widened(isFloat(type) ? bitsOf(made, type) : made)])];
}
