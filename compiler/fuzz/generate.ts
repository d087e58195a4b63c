// A seed becomes a scene: valid modules, of which later ones import from earlier ones, with calls to make. Own
// generator, in the manner of wasm-smith, aimed at what this compiler does. Exported functions take and give integers
// and references only; `obs` of each module gives a hash of what its globals hold.

import { growBody } from "./body.ts";
import {
  FUEL,
  HASH,
  HOST_FUNCTIONS,
  IDENTITY,
  OBSERVER_TYPE,
  outer,
  SIGNATURES,
  signature,
  wrapperType,
} from "./boundary.ts";
import { addEdges } from "./edges.ts";
import { get, node, set } from "./grow.ts";
import { seen, widened } from "./observed.ts";
import { Random } from "./random.ts";
import { rowOf } from "./rows.ts";
import { addSimple } from "./simple.ts";
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
  HOST,
  I32,
  I64,
  ImportedFn,
  Limits,
  type Node,
  Origin,
  PASSIVE,
  REF_NULL,
  Scene,
  Table,
  Tree,
  type Type,
} from "./tree.ts";
import { constant, float32, float64, i32, i64, int, nullOf, number32, number64 } from "./values.ts";

const FUEL_OF_A_CALL = 40;
const NAMES = ["a", "b", "c"];
/** Percentages: modules whose types are their own, not those of boundary.ts; memories and tables with i64 addresses. */
const PECULIAR = 6;
const WIDE = 15;

export function generate(seed: number): Scene {
  const r = new Random(seed);
  const scene = new Scene();
  const count = r.pick([1, 1, 1, 1, 1, 1, 1, 2, 2, 3]);
  for (let i = 0; i < count; i++) scene.trees.push(module(r, scene, NAMES[i], count));
  // Calls into all modules, in any order.
  for (let i = scene.calls.length - 1; i > 0; i--) {
    const j = r.below(i + 1);
    [scene.calls[i], scene.calls[j]] = [scene.calls[j], scene.calls[i]];
  }
  return scene;
}

function module(r: Random, scene: Scene, name: string, among: number): Tree {
  const tree = new Tree(name);
  for (const [field, { params, results }] of HOST_FUNCTIONS)
    tree.imports.push(new ImportedFn(new Origin(HOST, field), tree.typeIndex(params, results)));
  signatures(r, tree);
  for (const earlier of scene.trees) importFunctions(r, tree, earlier);
  const count = among === 1 ? r.range(2, 5) : r.range(1, 4);
  const own: number[] = [];
  for (let i = 0; i < count; i++)
    own.push(i > 0 && r.chance(30) ? r.pick(own) : r.range(HOST_FUNCTIONS.length, tree.types.length - 1));
  for (const type of own) tree.funcs.push(new Fn(type));
  memories(r, tree, scene);
  tables(r, tree, scene);
  globals(r, tree, scene, among > 1);
  segments(r, tree);
  const size = r.pick([20, 40, 60, 100, 200]);
  for (const fn of tree.funcs) growBody(r, tree, fn, r.range(size >> 1, size * 2));
  for (let i = 0; i < count; i++) wrap(r, tree, scene, i);
  observer(tree);
  for (const { name: exported, calls } of [addEdges(r, tree, r.range(3, 7)), addSimple(r, tree)])
    for (const args of calls) scene.calls.push(new Call(tree.name, exported, args));
  if (r.chance(10)) start(r, tree);
  if (among > 1) for (let i = 0; i < count; i++) if (r.chance(60)) exportFunction(tree, i);
  declare(tree);
  return tree;
}

function signatures(r: Random, tree: Tree): void {
  const peculiar = r.chance(PECULIAR);
  const type = (): Type => {
    if (r.chance(4)) return r.pick([FUNCREF, EXTERNREF, REF_NULL + r.below(tree.types.length)]);
    return r.pick([I32, I32, I32, I64, I64, F32, F64]);
  };
  for (let i = r.range(3, 6); i > 0; i--) {
    const { params, results } = peculiar ? signature(r, type) : r.pick(SIGNATURES);
    tree.typeIndex(params, results);
  }
  // So that there is one at least beyond those of the imports.
  tree.typeIndex([I32, I64], [I64]);
}

// --- what modules share ---------------------------------------------------------------------------------------

function exportFunction(tree: Tree, index: number): void {
  const fn = tree.funcs[index];
  if (fn.exported === "") fn.exported = `f${tree.imports.length + index}`;
}

function importFunctions(r: Random, tree: Tree, from: Tree): void {
  for (const { type, exported } of from.funcs) {
    const { params, results } = from.types[type];
    const isPlain = [...params, ...results].every((t) => t < REF_NULL);
    // Wrappers would fill up the fuel; `edge` traps.
    if (!/^(f\d+|edge)$/.test(exported) || !isPlain || !r.chance(exported === "edge" ? 40 : 80)) continue;
    const origin = new Origin(from.name, exported);
    tree.imports.push(new ImportedFn(origin, tree.typeIndex(params, results)));
  }
}

/** Something of an earlier module, so often; or null. */
function shared<T>(
  r: Random,
  scene: Scene,
  percent: number,
  of: (t: Tree) => readonly T[],
): [Tree, number] | null {
  const fits = scene.trees.filter((t) => of(t).length > 0);
  if (fits.length === 0 || !r.chance(percent)) return null;
  const from = r.pick(fits);
  return [from, r.below(of(from).length)];
}

function memories(r: Random, tree: Tree, scene: Scene): void {
  const count = r.pick([1, 1, 1, 1, 1, 1, 1, 2, 2, 3]);
  const fromHost = r.chance(15);
  for (let i = 0; i < count; i++) {
    const found = shared(r, scene, i === 0 ? 60 : 30, (t) => t.memories);
    const isImport = tree.memories.length === i && tree.memories.every((m) => m.origin !== null);
    if (found !== null && isImport) {
      const [from, index] = found;
      const { min, max, address } = from.memories[index];
      tree.memories.push(new Limits(min, max, address, new Origin(from.name, `m${index}`)));
      continue;
    }
    const min = r.pick([1, 1, 1, 2, i === 0 ? 1 : 0]);
    const max = min + r.range(0, 2);
    if (i === 0 && fromHost) tree.memories.push(new Limits(min, max, I32, new Origin(HOST, "m0")));
    else tree.memories.push(new Limits(min, max, r.chance(WIDE) ? I64 : I32));
  }
}

function tables(r: Random, tree: Tree, scene: Scene): void {
  for (const type of [FUNCREF, EXTERNREF, ...(r.chance(30) ? [FUNCREF] : [])]) {
    const isImport = tree.tables.every((t) => t.origin !== null);
    const found = isImport ? shared(r, scene, 60, (t) => t.tables.filter((x) => x.type === type)) : null;
    if (found !== null) {
      const [from, nth] = found;
      const table = from.tables.filter((t) => t.type === type)[nth];
      const origin = new Origin(from.name, `t${from.tables.indexOf(table)}`);
      tree.tables.push(new Table(type, table.min, table.max, table.address, origin));
      continue;
    }
    const min = r.range(2, 12);
    const max = r.chance(80) ? min + r.range(0, 8) : 30;
    if (tree.tables.length === 0 && r.chance(15))
      tree.tables.push(new Table(type, min, max, I32, new Origin(HOST, "t0")));
    else tree.tables.push(new Table(type, min, max, r.chance(WIDE) ? I64 : I32));
  }
}

function globals(r: Random, tree: Tree, scene: Scene, isShared: boolean): void {
  const [first] = scene.trees;
  const fromHost = r.chance(20);
  for (const [index, init] of [i32(0), i64(0n)].entries()) {
    const origin =
      first !== undefined
        ? new Origin(first.name, `g${index}`)
        : fromHost
          ? new Origin(HOST, `g${index}`)
          : null;
    tree.globals.push(new Global(init.type, true, [init], origin));
  }
  if (first !== undefined) {
    for (const from of scene.trees) {
      for (const [i, { type, mutable, exported }] of from.globals.entries()) {
        if (exported && i > HASH && r.chance(50))
          tree.globals.push(new Global(type, mutable, [], new Origin(from.name, `g${i}`)));
      }
    }
  } else if (fromHost) {
    for (let n = r.below(3); n > 0; n--) {
      const type = r.pick([I32, I64]);
      const origin = new Origin(HOST, `g${tree.globals.length}`);
      tree.globals.push(new Global(type, r.chance(75), [constant(r, type)], origin));
    }
  }
  for (let n = r.below(6); n > 0; n--) {
    const type = r.chance(85) ? r.pick([I32, I64, F32, F64]) : r.pick([FUNCREF, EXTERNREF]);
    tree.globals.push(new Global(type, r.chance(75), [initial(r, tree, type)]));
  }
  for (const [i, global] of tree.globals.entries()) global.exported = (isShared && i <= HASH) || r.chance(25);
}

function segments(r: Random, tree: Tree): void {
  for (let n = r.below(4); n > 0; n--) {
    const memory = r.below(tree.memories.length);
    const { min, address } = tree.memories[memory];
    const bytes = Uint8Array.from({ length: r.pick([0, 1, 8, 40, 200]) }, () => r.below(256));
    const mode = r.chance(50) || min === 0 ? PASSIVE : ACTIVE;
    const beyond = r.chance(2) ? 0x100000 : 0;
    tree.datas.push(new Data(mode, memory, [int(address, r.below(0x8000) + beyond)], bytes));
  }
  const some = (type: Type, n: number) =>
    Array.from({ length: n }, () => (type === FUNCREF && r.chance(80) ? anyFunction(r, tree) : nullOf(type)));
  for (const [i, { type, min, address }] of tree.tables.entries()) {
    if (type !== FUNCREF) continue;
    const n = r.range(1, min);
    const offset = r.below(min - n + 1) + (r.chance(1) ? 30 : 0);
    tree.elems.push(new Elem(ACTIVE, i, FUNCREF, [int(address, offset)], some(FUNCREF, n)));
  }
  for (let n = r.below(3); n > 0; n--) {
    const type = r.pick([FUNCREF, FUNCREF, EXTERNREF]);
    tree.elems.push(new Elem(PASSIVE, 0, type, [], some(type, r.below(6))));
  }
}

function anyFunction(r: Random, tree: Tree): Node {
  const { imports, funcs } = tree;
  // Of the imports those of other modules; of the host's a few.
  const first = r.chance(4) ? 0 : HOST_FUNCTIONS.length;
  return node("ref.func", [r.range(first, imports.length + funcs.length - 1)], [], FUNCREF);
}

/** A constant expression. */
function initial(r: Random, tree: Tree, type: Type): Node {
  if (type === FUNCREF && r.chance(60)) return anyFunction(r, tree);
  if (r.chance(20)) {
    const before = tree.globals.flatMap((g, i) => (g.type === type && !g.mutable ? [i] : []));
    if (before.length > 0) return node("global.get", [r.pick(before)], [], type);
  }
  if ((type === I32 || type === I64) && r.chance(20)) {
    const name = `${type === I32 ? "i32" : "i64"}.${r.pick(["add", "sub", "mul"])}`;
    return node(name, [], [constant(r, type), constant(r, type)], type);
  }
  return constant(r, type);
}

// --- what is called from outside ------------------------------------------------------------------------------

/** Exports function `index` for outside, which sees floats as integers, and calls it. */
function wrap(r: Random, tree: Tree, scene: Scene, index: number): void {
  const type = tree.types[tree.funcs[index].type];
  const { params, results } = type;
  const given = params.filter((t) => t < REF_NULL && t !== FUNCREF);
  const outside = wrapperType(type);
  const fn = new Fn(tree.typeIndex(outside.params, outside.results));
  let at = 0;
  const kids = params.map((t) => {
    if (!given.includes(t)) {
      const own = tree.functions((f) => t === FUNCREF || f === t - REF_NULL);
      const fits = own.filter((f) => f >= HOST_FUNCTIONS.length && f < tree.imports.length + index);
      return fits.length > 0 && r.chance(70) ? node("ref.func", [r.pick(fits)], [], t) : nullOf(t);
    }
    const value = get(at++, outer(t));
    if (t === F32) return node("f32.reinterpret_i32", [], [value], F32);
    return t === F64 ? node("f64.reinterpret_i64", [], [value], F64) : value;
  });
  const local = (i: number) => given.length + i;
  fn.locals = [...results];
  fn.body = [
    node("global.set", [FUEL], [i32(FUEL_OF_A_CALL)]),
    node("call", [tree.imports.length + index], kids, results.length === 1 ? results[0] : -1),
    ...results.map((_, i) => set(local(results.length - 1 - i), [])),
    ...results.map((t, i) => seen(get(local(i), t), t)),
  ];
  fn.exported = `w${index}`;
  tree.funcs.push(fn);
  for (let n = r.range(2, 4); n > 0; n--) {
    const args = given.map((t) => argument(r, t));
    scene.calls.push(new Call(tree.name, fn.exported, args));
  }
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

/** Globals, sizes of memories and tables: all in one number. */
function observer(tree: Tree): void {
  let sum: Node = node("global.get", [HASH], [], I64);
  const mix = (value: Node) => {
    const product = node("i64.mul", [], [sum, i64(0x5851f42d4c957f2dn)], I64);
    sum = node("i64.add", [], [product, widened(value)], I64);
  };
  for (const [i, { type }] of tree.globals.entries()) {
    if (i === FUEL || i === HASH) continue;
    const value = node("global.get", [i], [], type);
    if (type === EXTERNREF) mix(node("call", [IDENTITY], [value], I32));
    else mix(type === FUNCREF ? node("ref.is_null", [], [value], I32) : seen(value, type));
  }
  for (const [i, { address }] of tree.memories.entries()) mix(node("memory.size", [i], [], address));
  for (const [i, { address }] of tree.tables.entries()) mix(node("table.size", [i], [], address));
  const { params, results } = OBSERVER_TYPE;
  const fn = new Fn(tree.typeIndex(params, results));
  fn.body = [sum];
  fn.exported = "obs";
  tree.funcs.push(fn);
}

function start(r: Random, tree: Tree): void {
  const fn = new Fn(tree.typeIndex([], []));
  growBody(r, tree, fn, 40);
  fn.body.unshift(node("global.set", [FUEL], [i32(10)]));
  tree.start = tree.imports.length + tree.funcs.push(fn) - 1;
}

/** What ref.func names in a body must stand in a segment, too; and who gets out of the module gets a name. */
function declare(tree: Tree): void {
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
    if (func < tree.imports.length) tree.imports[func].exported = true;
    else exportFunction(tree, func - tree.imports.length);
  }
}
