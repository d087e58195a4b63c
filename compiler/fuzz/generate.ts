// A seed becomes a valid module with calls to make: own generator, in the manner of wasm-smith, aimed at what this
// compiler does. Exported functions take and give integers and references only; `obs` gives what globals hold.

import { BodyBuild, FUEL, get, HASH, IDENTITY, node, set } from "./body.ts";
import { Random } from "./random.ts";
import { lowered, rowOf } from "./rows.ts";
import {
  ACTIVE,
  Call,
  Data,
  DECLARATIVE,
  Elem,
  EXTERNREF,
  F32,
  F64,
  Fn,
  FUNCREF,
  Global,
  I32,
  I64,
  Limits,
  Node,
  PASSIVE,
  REF_NULL,
  Table,
  Tree,
  type Type,
} from "./tree.ts";
import {
  constant,
  f32,
  f64,
  float32,
  float64,
  i32,
  i64,
  isReference,
  nullOf,
  number32,
  number64,
} from "./values.ts";

const FUEL_OF_A_CALL = 40;
/** h.t, h.x, h.y: see observe.ts. */
const IMPORTS: readonly { name: string; params: readonly Type[]; results: readonly Type[] }[] = [
  { name: "t", params: [I32, I64], results: [I32] },
  { name: "x", params: [I32], results: [EXTERNREF] },
  { name: "y", params: [EXTERNREF], results: [I32] },
];

export function generate(seed: number): Tree {
  const r = new Random(seed);
  const tree = new Tree();
  for (const { name, params, results } of IMPORTS)
    tree.imports.push({ name, type: tree.typeIndex(params, results) });
  signatures(r, tree);
  const count = r.range(2, 7);
  const own: number[] = [];
  for (let i = 0; i < count; i++)
    own.push(i > 0 && r.chance(30) ? r.pick(own) : r.range(3, tree.types.length - 1));
  for (const type of own) tree.funcs.push(new Fn(type));
  state(r, tree);
  const size = r.pick([30, 60, 100, 150, 300]);
  for (const fn of tree.funcs) new BodyBuild(r, tree, fn, r.range(size >> 1, size * 2)).run();
  for (let i = 0; i < count; i++) wrapper(r, tree, i);
  observer(tree);
  if (r.chance(10)) start(r, tree);
  declare(tree);
  return tree;
}

function signatures(r: Random, tree: Tree): void {
  const type = (): Type => {
    if (r.chance(4)) return r.pick([FUNCREF, EXTERNREF, REF_NULL + r.below(tree.types.length)]);
    return r.pick([I32, I32, I32, I64, I64, F32, F64]);
  };
  const types = (most: number) => Array.from({ length: r.below(most + 1) }, type);
  for (let i = r.range(3, 6); i > 0; i--)
    tree.typeIndex(types(r.pick([1, 3, 5, 5, 9, 20])), types(r.pick([1, 1, 1, 2, 4, 20])));
  // So that there is one at least beyond those of the imports.
  for (const t of [I32, I64]) tree.typeIndex([t, I32], [t]);
}

function state(r: Random, tree: Tree): void {
  const memories = r.chance(80) ? 1 : 2;
  for (let i = 0; i < memories; i++) {
    const min = r.pick([1, 1, 1, 2, i === 0 ? 1 : 0]);
    tree.memories.push(new Limits(min, min + r.range(0, 2)));
  }
  for (const type of [FUNCREF, EXTERNREF, ...(r.chance(30) ? [FUNCREF] : [])]) {
    const min = r.range(2, 12);
    tree.tables.push(new Table(type, min, r.chance(80) ? min + r.range(0, 8) : 30));
  }
  tree.globals.push(new Global(I32, true, [i32(0)]), new Global(I64, true, [i64(0n)]));
  const { foreign } = tree;
  foreign.memories = r.chance(20) ? 1 : 0;
  foreign.tables = r.chance(20) ? 1 : 0;
  foreign.globals = r.chance(25) ? r.range(2, 5) : 0;
  for (let n = Math.max(r.below(6), foreign.globals - 2); n > 0; n--) {
    const isForeign = tree.globals.length < foreign.globals;
    const type = isForeign
      ? r.pick([I32, I64])
      : r.chance(85)
        ? r.pick([I32, I64, F32, F64])
        : r.pick([FUNCREF, EXTERNREF]);
    const init = isForeign ? constant(r, type) : initial(r, tree, type);
    tree.globals.push(new Global(type, r.chance(75), [init]));
  }
  for (const global of tree.globals) global.exported = r.chance(25);
  for (let n = r.below(4); n > 0; n--) {
    const memory = r.below(memories);
    const bytes = Uint8Array.from({ length: r.pick([0, 1, 8, 40, 200]) }, () => r.below(256));
    const passive = r.chance(50) || tree.memories[memory].min === 0;
    tree.datas.push(new Data(passive ? PASSIVE : ACTIVE, memory, [i32(r.below(0x8000))], bytes));
  }
  const some = (type: Type, n: number) =>
    Array.from({ length: n }, () => (type === FUNCREF && r.chance(80) ? anyFunction(r, tree) : nullOf(type)));
  for (const [i, table] of tree.tables.entries()) {
    if (table.type !== FUNCREF) continue;
    const n = r.range(1, table.min);
    tree.elems.push(new Elem(ACTIVE, i, FUNCREF, [i32(r.below(table.min - n + 1))], some(FUNCREF, n)));
  }
  for (let n = r.below(3); n > 0; n--) {
    const type = r.pick([FUNCREF, FUNCREF, EXTERNREF]);
    tree.elems.push(new Elem(PASSIVE, 0, type, [], some(type, r.below(6))));
  }
}

function anyFunction(r: Random, tree: Tree): Node {
  return node("ref.func", [r.below(tree.imports.length + tree.funcs.length)], [], FUNCREF);
}

/** A constant expression. */
function initial(r: Random, tree: Tree, type: Type): Node {
  if (type === FUNCREF && r.chance(60)) return anyFunction(r, tree);
  if (r.chance(20)) {
    const before = tree.globals.flatMap((g, i) => (g.type === type && !g.mutable ? [i] : []));
    if (before.length > 0) return node("global.get", [r.pick(before)], [], type);
  }
  if (type === I32 && r.chance(20))
    return node(r.pick(["i32.add", "i32.sub", "i32.mul"]), [], [constant(r, I32), constant(r, I32)], I32);
  if (type === I64 && r.chance(20))
    return node(r.pick(["i64.add", "i64.sub", "i64.mul"]), [], [constant(r, I64), constant(r, I64)], I64);
  return constant(r, type);
}

/** From outside floats are integers, and of references only those to outside are. */
function outer(type: Type): Type {
  return type === F32 ? I32 : type === F64 ? I64 : type;
}

function wrapper(r: Random, tree: Tree, index: number): void {
  const { params, results } = tree.types[tree.funcs[index].type];
  const given = params.filter((t) => t < REF_NULL && t !== FUNCREF);
  const taken = results.map((t) =>
    isReference(t) && t !== EXTERNREF ? (t === FUNCREF ? t : I32) : outer(t),
  );
  const fn = new Fn(tree.typeIndex(given.map(outer), taken));
  let at = 0;
  const kids = params.map((type) => {
    if (!given.includes(type)) {
      const fits = tree.funcs.flatMap((f, i) =>
        type === FUNCREF || f.type === type - REF_NULL ? [i + tree.imports.length] : [],
      );
      return fits.length > 0 && r.chance(70) ? node("ref.func", [r.pick(fits)], [], type) : nullOf(type);
    }
    const value = get(at++, outer(type));
    if (type === F32) return node("f32.reinterpret_i32", [], [value], F32);
    return type === F64 ? node("f64.reinterpret_i64", [], [value], F64) : value;
  });
  const local = (i: number) => given.length + i;
  fn.locals = [...results];
  fn.body = [
    node("global.set", [FUEL], [i32(FUEL_OF_A_CALL)]),
    node("call", [tree.imports.length + index], kids, results.length === 1 ? results[0] : -1),
    ...results.map((_, i) => set(local(results.length - 1 - i), [])),
    ...results.map((type, i) => seen(get(local(i), type), type)),
  ];
  fn.exported = `w${index}`;
  tree.funcs.push(fn);
  for (let n = r.range(2, 4); n > 0; n--)
    tree.calls.push(
      new Call(
        fn.exported,
        given.map((t) => argument(r, t)),
      ),
    );
}

/** What outside may see of a value that can be read twice. */
function seen(value: Node, type: Type): Node {
  const again = () => new Node(value.row, value.immediates, [], type);
  if (type === F32 || type === F64) {
    const name = type === F32 ? "f32" : "f64";
    const other = type === F32 ? f32(0x7fc00000) : f64(0x7ff8000000000000n);
    const isNumber = node(`${name}.eq`, [], [again(), again()], I32);
    const canonical = node("select", [], [value, other, isNumber], type);
    return node(type === F32 ? "i32.reinterpret_f32" : "i64.reinterpret_f64", [], [canonical], outer(type));
  }
  return type >= REF_NULL ? node("ref.is_null", [], [value], I32) : value;
}

function argument(r: Random, type: Type): string {
  switch (type) {
    case I32:
      return `${number32(r) | 0}`;
    case I64:
      return `${BigInt.asIntN(64, number64(r))}n`;
    case F32:
      return `${float32(r) | 0}`;
    case F64:
      return `${BigInt.asIntN(64, float64(r))}n`;
    default:
      return `x${r.below(8)}`;
  }
}

/** Globals, sizes of memories and tables. */
function observer(tree: Tree): void {
  const results: Type[] = [];
  const body: Node[] = [];
  for (const [i, { type }] of tree.globals.entries()) {
    if (i === FUEL) continue;
    if (type === FUNCREF) {
      body.push(node("ref.is_null", [], [node("global.get", [i], [], type)], I32));
      results.push(I32);
    } else {
      body.push(seen(node("global.get", [i], [], type), type));
      results.push(outer(type));
    }
  }
  for (let i = 0; i < tree.memories.length; i++) body.push(node("memory.size", [i], [], I32));
  for (let i = 0; i < tree.tables.length; i++) body.push(node("table.size", [i], [], I32));
  for (let i = tree.memories.length + tree.tables.length; i > 0; i--) results.push(I32);
  const fn = new Fn(tree.typeIndex([], results));
  fn.body = body;
  fn.exported = "obs";
  tree.funcs.push(fn);
}

function start(r: Random, tree: Tree): void {
  const fn = new Fn(tree.typeIndex([], []));
  fn.body.push(node("global.set", [FUEL], [i32(10)]));
  new BodyBuild(r, tree, fn, 40).run();
  tree.start = tree.imports.length + tree.funcs.push(fn) - 1;
}

/** What ref.func names in a body must stand in a segment, too; and who gets out of the module gets a name. */
export function declare(tree: Tree): void {
  const referred = new Set<number>();
  const row = rowOf("ref.func");
  const visit = (n: Node) => {
    if (n.row === row) referred.add(n.immediates[0] as number);
    n.kids.forEach(visit);
    for (const body of n.bodies) body.forEach(visit);
  };
  for (const fn of tree.funcs) fn.body.forEach(visit);
  if (referred.size > 0) {
    const items = [...referred].sort((a, b) => a - b).map((f) => node("ref.func", [f], [], FUNCREF));
    tree.elems.push(new Elem(DECLARATIVE, 0, FUNCREF, [], items));
  }
  for (const elem of tree.elems) elem.items.forEach(visit);
  for (const global of tree.globals) global.init.forEach(visit);
  for (const func of referred) {
    if (func < tree.imports.length) continue;
    const fn = tree.funcs[func - tree.imports.length];
    if (fn.exported === "") fn.exported = `f${func}`;
  }
}

export { HASH, IDENTITY, lowered };
