// The body of a function: locals with values, statements until the budget is spent, results. Here is the list of all
// shapes that it can have.

import { ACCESSES, LOAD, load } from "./accesses.ts";
import { ARITHMETIC, pattern } from "./arithmetic.ts";
import { BULK, BULK_STATEMENTS } from "./bulk.ts";
import { CALL, CALLS, payFuel, tailCall } from "./calls.ts";
import { CONTROL, CONTROL_STATEMENTS } from "./control.ts";
import { Grow, get, isFloat, node, type Shapes, set } from "./grow.ts";
import { mix } from "./observed.ts";
import type { Random } from "./random.ts";
import { REFERENCE_STATEMENTS, REFERENCES } from "./references.ts";
import { F32, F64, type Fn, I32, I64, type Node, type Tree } from "./tree.ts";
import { i32, i64, int, prefix } from "./values.ts";

function assign(g: Grow, depth: number): Node[] {
  const local = g.r.pick(g.locals.filter((l) => l.writable));
  return [set(local.index, [g.expr(local.type, depth + 1, local.exact)])];
}

function setGlobal(g: Grow, depth: number): Node[] | null {
  const { globals } = g.tree;
  const fits = g.globals((i) => globals[i].mutable);
  if (fits.length === 0) return null;
  const index = g.r.pick(fits);
  return [node("global.set", [index], [g.expr(globals[index].type, depth, false)])];
}

/** Values go round among locals: moves in parallel. */
function rotate(g: Grow): Node[] | null {
  const { r } = g;
  const type = r.pick([I32, I32, I64, I64, F64, F32]);
  const fit = g.locals.filter((l) => l.type === type && l.writable && (l.exact || isFloat(type)));
  const same = fit.filter((l) => l.exact === fit[0].exact);
  if (same.length < 2) return null;
  const some = Array.from({ length: r.range(2, 4) }, () => r.pick(same).index);
  return [...some.map((l) => get(l, type)), ...some.map((l) => set(l, []))];
}

/** Arithmetic drives values towards 0 and 1: now and then one gets all of its bits back. */
function stir(g: Grow): Node[] {
  const { r } = g;
  const type = r.pick([I32, I32, I64]);
  const name = prefix(type);
  const factor = type === I32 ? i32(0x9e3779b1) : i64(-0x61c8864680b583ebn);
  const seed = int(type, type === I32 ? r.int32() : r.int64());
  const sum = node(`${name}.add`, [], [g.local(type, true)!, seed], type);
  return [set(g.writable(type)!.index, [node(`${name}.mul`, [], [sum, factor], type)])];
}

function dropped(g: Grow, depth: number): Node[] {
  return [node("drop", [], [g.expr(g.anyType(), depth, false)])];
}

const SHAPES: Shapes = {
  expressions: [
    ...ARITHMETIC,
    LOAD,
    ...CONTROL,
    CALL,
    { weight: (g) => g.mood.idioms, make: pattern(load) },
    ...BULK,
    ...REFERENCES,
  ],
  statements: [
    { isDeep: false, weight: () => 40, make: assign },
    { isDeep: false, weight: () => 4, make: setGlobal },
    { isDeep: false, weight: () => 3, make: rotate },
    { isDeep: false, weight: () => 6, make: stir },
    { isDeep: false, weight: () => 2, make: mix },
    { isDeep: false, weight: () => 2, make: dropped },
    { isDeep: false, weight: () => 1, make: () => [node("nop", [], [])] },
    ...ACCESSES,
    ...CONTROL_STATEMENTS,
    ...CALLS,
    ...BULK_STATEMENTS,
    ...REFERENCE_STATEMENTS,
  ],
};

/** `budget`: how many nodes, more or less. */
export function growBody(r: Random, tree: Tree, fn: Fn, budget: number): void {
  const g = new Grow(r, tree, fn, budget, SHAPES);
  const many = r.chance(15);
  const count = many ? r.range(20, 60) : r.range(3, 14);
  for (let i = 0; i < count; i++) g.newLocal(g.anyType(), r.chance(30), true);
  for (const type of [I32, I64]) g.newLocal(type, true, true);
  const body: Node[] = [payFuel(g.results)];
  // Locals start different from each other and from zero.
  for (const local of [...g.locals]) {
    if (local.index < g.params.length || !r.chance(many ? 90 : 60)) continue;
    body.push(set(local.index, [g.expr(local.type, 1, local.exact)]));
  }
  while (g.budget > 0) body.push(...g.statement(r.range(1, 4)));
  if (r.chance(60)) body.push(...mix(g));
  const tail = r.chance(15) ? tailCall(g, 3) : null;
  if (tail !== null) body.push(tail);
  else body.push(...g.values(g.results, 3));
  if (tail === null && r.chance(10)) body.push(node("return", [], []));
  fn.body = body;
}
