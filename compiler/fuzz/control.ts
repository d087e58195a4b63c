// Blocks, branches and loops. Every loop has a counter that only its head or its end changes.

import { condition } from "./arithmetic.ts";
import { tailCall } from "./calls.ts";
import {
  EMPTY,
  type ExpressionShape,
  type Grow,
  get,
  isFloat,
  Label,
  node,
  type StatementShape,
  set,
} from "./grow.ts";
import { I32, I64, type Node, type Type } from "./tree.ts";
import { i32, int, prefix } from "./values.ts";

// --- expressions ----------------------------------------------------------------------------------------------

function valued(g: Grow, type: Type, depth: number, exact: boolean): Node[] {
  const list: Node[] = [];
  if (g.r.chance(40)) list.push(...g.statement(depth - 2));
  list.push(g.expr(type, depth - 1, exact));
  return list;
}

function ifValue(g: Grow, type: Type, depth: number, exact: boolean): Node {
  const result = node("if", [g.blockType([], [type])], [condition(g, depth - 1)], type);
  for (let i = 0; i < 2; i++) result.bodies.push(valueBody(g, type, depth, exact));
  return result;
}

function blockValue(g: Grow, type: Type, depth: number, exact: boolean): Node {
  const result = node("block", [g.blockType([], [type])], [], type);
  result.bodies.push(valueBody(g, type, depth, exact));
  return result;
}

/** Where exact bits are wanted nobody may branch out with others. */
function valueBody(g: Grow, type: Type, depth: number, exact: boolean): Node[] {
  return g.block([type], exact && isFloat(type), () => valued(g, type, depth, exact));
}

/** A branch that takes the value along, or leaves it. */
function branchValue(g: Grow, type: Type, depth: number, exact: boolean): Node | null {
  const fits = g.targets((types) => types.length === 1 && types[0] === type);
  if (fits.length === 0) return null;
  const kids = [g.expr(type, depth - 1, exact), condition(g, depth - 1)];
  return node("br_if", [g.r.pick(fits)], kids, type);
}

export const CONTROL: readonly ExpressionShape[] = [
  { weight: () => 4, make: ifValue },
  { weight: () => 3, make: blockValue },
  { weight: () => 2, make: branchValue },
];

// --- statements -----------------------------------------------------------------------------------------------

function branching(g: Grow, depth: number): Node[] {
  const { r } = g;
  const cond = condition(g, depth);
  if (r.chance(25)) {
    // Parameters and results.
    const params = g.someTypes(3);
    const results = g.someTypes(4);
    const result = node("if", [g.blockType(params, results)], [...g.values(params, depth - 1), cond]);
    const body = () => [
      ...g.takeOff(params, false),
      ...g.statements(depth - 1),
      ...g.values(results, depth - 1),
    ];
    for (let i = 0; i < 2; i++) result.bodies.push(g.block(results, false, body));
    return [result, ...g.takeOff(results, false)];
  }
  const result = node("if", [EMPTY], [cond]);
  for (let i = r.chance(60) ? 0 : 1; i < 2; i++)
    result.bodies.push(g.block([], false, () => g.statements(depth - 1)));
  return [result];
}

function block(g: Grow, depth: number): Node[] {
  const { r } = g;
  const results = r.chance(50) ? [] : g.someTypes(4);
  const params = r.chance(70) ? [] : g.someTypes(3);
  const result = node("block", [g.blockType(params, results)], g.values(params, depth - 1));
  result.bodies.push(
    g.block(results, false, () => {
      const list = [...g.takeOff(params, false), ...g.statements(depth - 1)];
      if (r.chance(60)) {
        // A way out in the middle.
        list.push(node("br_if", [0], [...g.values(results, 1), condition(g, depth)]));
        for (let i = 0; i < results.length; i++) list.push(node("drop", [], []));
        list.push(...g.statements(depth - 1));
      }
      list.push(...g.values(results, depth - 1));
      return list;
    }),
  );
  return [result, ...g.takeOff(results, false)];
}

function loop(g: Grow, depth: number): Node[] {
  g.loops++;
  const made = g.r.pick([countdown, countdown, forLoop, forLoop, loopWithParams])(g, depth);
  g.loops--;
  return made;
}

/** block (loop (br_if 1 (eqz c)) (c -= 1) … (br 0)): branches back are allowed everywhere. */
function countdown(g: Grow, depth: number): Node[] {
  const { r } = g;
  const c = g.newLocal(I32, true, false);
  const inner = node("loop", [EMPTY], []);
  const outer = node("block", [EMPTY], []);
  outer.bodies.push(
    g.block([], false, () => {
      inner.bodies.push(
        g.block([], false, () => [
          node("br_if", [1], [node("i32.eqz", [], [get(c, I32)], I32)]),
          set(c, [node("i32.sub", [], [get(c, I32), i32(1)], I32)]),
          ...g.statements(depth - 1),
          ...(r.chance(50) ? [node("br", [0], [])] : [node("br_if", [0], [condition(g, depth)])]),
        ]),
      );
      return [inner];
    }),
  );
  const count = r.chance(70) ? i32(r.range(1, 7)) : node("i32.and", [], [g.expr(I32, 1, true), i32(7)], I32);
  return [set(c, [count]), outer];
}

/** for (i = from; i ? to; i += step), with i in use within; the test is at the end. */
function forLoop(g: Grow, depth: number): Node[] {
  const { r } = g;
  const type = r.chance(30) ? I64 : I32;
  const name = prefix(type);
  const i = g.newLocal(type, true, false);
  const step = r.pick([1, 1, 1, 2, 4, 8, -1, -4]);
  const from = r.pick([0, 0, 0, 1, -3, 16, 0x7ffffff0, 1000]);
  const to = from + step * r.range(1, 7);
  const ordered = step > 0 ? ["lt_s", "lt_u"] : ["gt_s", "gt_u"];
  const wraps = from < 0 || to < 0 || to > 0x7fffffff;
  const test = wraps || r.chance(40) ? "ne" : r.pick(ordered);
  const body = node("loop", [EMPTY], []);
  body.bodies.push(
    g.block([], true, () => [
      ...g.statements(depth - 1),
      set(i, [node(`${name}.add`, [], [get(i, type), int(type, step)], type)]),
      node("br_if", [0], [node(`${name}.${test}`, [], [get(i, type), int(type, to)], I32)]),
    ]),
  );
  return [set(i, [int(type, from)]), body];
}

function loopWithParams(g: Grow, depth: number): Node[] {
  const types = [g.anyType(), ...g.someTypes(3)];
  const c = g.newLocal(I32, true, false);
  const body = node("loop", [g.tree.typeIndex(types, types)], g.values(types, depth - 1));
  body.bodies.push(
    g.block(types, true, () => [
      ...g.takeOff(types, false),
      ...g.statements(depth - 1),
      set(c, [node("i32.sub", [], [get(c, I32), i32(1)], I32)]),
      ...g.values(types, depth - 1),
      node("br_if", [0], [get(c, I32)]),
    ]),
  );
  return [set(c, [i32(g.r.range(1, 6))]), body, ...g.takeOff(types, false)];
}

/** Nested blocks, a br_table into them, and code behind each. */
function branchTable(g: Grow, depth: number): Node[] {
  const { r } = g;
  const cases = r.range(1, 5);
  const results = r.chance(70) ? [] : [g.anyType()];
  for (let k = 0; k <= cases; k++) g.labels.push(new Label(results, false));
  const outer = g.targets(
    (types) => types.length === results.length && types.every((t, j) => t === results[j]),
  );
  const targets = Array.from({ length: r.pick([1, 2, 3, 4, 8, 20]) }, () => r.pick(outer));
  const selector = r.chance(80)
    ? node("i32.and", [], [g.expr(I32, depth, false), i32(r.pick([3, 7, 15, -1]))], I32)
    : g.expr(I32, depth, false);
  let inner: Node[] = [node("br_table", [targets, r.pick(outer)], [...g.values(results, 1), selector])];
  for (let k = 0; k <= cases; k++) {
    g.labels.pop();
    const around = node("block", [g.blockType([], results)], []);
    around.bodies.push(inner);
    inner = [around, ...g.takeOff(results, false)];
    if (k < cases) {
      inner.push(...g.statements(depth - 2));
      const [out] = g.labels.slice(-1);
      const fits = out !== undefined && out.types.length === results.length;
      if (r.chance(60) && fits) inner.push(node("br", [r.below(cases - k)], g.values(results, 1)));
      else inner.push(...g.values(results, 1));
    }
  }
  return inner;
}

/** Branches, returns, tail calls and traps, mostly under a condition. */
function leave(g: Grow, depth: number): Node[] {
  const { r } = g;
  const usable = g.targets(() => true);
  const typesOf = (label: number) => g.labels[g.labels.length - 1 - label].types;
  if (usable.length > 0 && r.chance(50)) {
    const label = r.pick(usable);
    const types = typesOf(label);
    const branch = node("br_if", [label], [...g.values(types, depth - 1), condition(g, depth)]);
    return [branch, ...g.takeOff(types, false)];
  }
  const way = (): Node => {
    if (r.chance(4) && r.chance(5 + g.mood.risk * 10)) return node("unreachable", [], []);
    const tail = tailCall(g, depth);
    if (tail !== null && r.chance(60)) return tail;
    if (usable.length === 0 || r.chance(20)) return node("return", [], g.values(g.results, depth - 1));
    const label = r.pick(usable) + 1;
    return node("br", [label], g.values(typesOf(label), depth - 1));
  };
  const result = node("if", [EMPTY], [condition(g, depth)]);
  const body = () => {
    const list = [...(r.chance(30) ? g.statements(depth - 1) : []), way()];
    // What nobody executes must be valid all the same.
    if (r.chance(10)) list.push(...g.statement(0));
    return list;
  };
  result.bodies.push(g.block([], false, body));
  return [result];
}

export const CONTROL_STATEMENTS: readonly StatementShape[] = [
  { isDeep: true, weight: () => 9, make: branching },
  { isDeep: true, weight: () => 6, make: block },
  { isDeep: true, weight: (g) => (g.loops < 3 ? 8 : 0), make: loop },
  { isDeep: true, weight: () => 4, make: branchTable },
  { isDeep: false, weight: () => 4, make: leave },
];
