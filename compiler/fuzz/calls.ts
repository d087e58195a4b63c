// Calls: direct, through tables, through references; and tail calls. A function pays for its call with fuel, and
// returns zeros when there is none left.

import { FUEL, TRACE } from "./boundary.ts";
import { EMPTY, type ExpressionShape, type Grow, isFloat, node, type StatementShape } from "./grow.ts";
import { canonical } from "./observed.ts";
import { index } from "./references.ts";
import { lowered, rowOf } from "./rows.ts";
import { ACTIVE, FUNCREF, I32, Node, REF_NULL, type Tree, type Type } from "./tree.ts";
import { i32, int, zero } from "./values.ts";

export function payFuel(results: readonly Type[]): Node {
  const fuel = () => node("global.get", [FUEL], [], I32);
  const check = node("if", [EMPTY], [node("i32.lt_s", [], [fuel(), i32(0)], I32)]);
  check.bodies.push([...results.map(zero), node("return", [], [])]);
  const pay = node("global.set", [FUEL], [node("i32.sub", [], [fuel(), i32(1)], I32)]);
  const both = node("block", [EMPTY], []);
  both.bodies.push([pay, check]);
  return both;
}

/** Slots of a table that hold a function of the type, in the beginning. */
export function slotsOf(tree: Tree, table: number, type: number): number[] {
  const slots: number[] = [];
  for (const elem of tree.elems) {
    const [offset] = elem.offset;
    if (elem.mode !== ACTIVE || elem.table !== table) continue;
    for (const [i, item] of elem.items.entries()) {
      const isOne = item.row === rowOf("ref.func") && tree.typeOf(item.immediates[0] as number) === type;
      if (isOne) slots.push(Number(offset.immediates[0]) + i);
    }
  }
  return slots;
}

/** The operands of a call and the call; `type` must be of a function or a type index. */
function call(g: Grow, type: number, depth: number): Node {
  const { r, tree } = g;
  const { params, results } = tree.types[type];
  const kids = g.values(params, depth - 1);
  const result = results.length === 1 ? results[0] : -1;
  const direct = tree.functions((t) => t === type);
  if (direct.length > 0 && r.chance(50)) return node("call", [r.pick(direct)], kids, result);
  if (r.chance(30) && lowered("call_ref") >= 0) {
    const callee = g.expr(REF_NULL + type, 1, true);
    const isThere = callee.row === rowOf("ref.func") || callee.row === rowOf("ref.as_non_null");
    const certain = isThere || direct.length === 0 || r.chance(g.mood.risk);
    const func = certain ? callee : node("ref.func", [r.pick(direct)], [], REF_NULL + type);
    return node("call_ref", [type], [...kids, func], result);
  }
  const tables = tree.tables.flatMap((t, i) => (t.type === FUNCREF ? [i] : []));
  const right = tables.filter((t) => slotsOf(tree, t, type).length > 0);
  const safe = right.length > 0 && !r.chance(g.mood.risk);
  if (!safe && direct.length > 0 && !r.chance(g.mood.risk + 5))
    return node("call", [r.pick(direct)], kids, result);
  const table = r.pick(safe ? right : tables);
  const slots = slotsOf(tree, table, type);
  const slot = safe ? int(tree.tables[table].address, r.pick(slots)) : index(g, table, depth);
  return node("call_indirect", [type, table], [...kids, slot], result);
}

function callFor(g: Grow, type: Type, depth: number, exact: boolean): Node {
  const { tree } = g;
  const fits = tree.types.flatMap((t, i) => (t.results.length === 1 && t.results[0] === type ? [i] : []));
  const called = fits.filter((t) => tree.functions((other) => other === t).length > 0);
  if (called.length === 0) return g.leaf(type, exact);
  const made = call(g, g.r.pick(called), depth);
  return exact && isFloat(type) ? canonical(g, made, type) : made;
}

function callStatement(g: Grow, depth: number): Node[] | null {
  const { r, tree } = g;
  // With outer loops calls multiply.
  if (g.loops > 1 && r.chance(70)) return null;
  const type = tree.typeOf(r.below(tree.imports.length + tree.funcs.length));
  return [call(g, type, depth), ...g.takeOff(tree.types[type].results, false)];
}

function trace(g: Grow, depth: number): Node[] {
  const { params } = g.tree.types[g.tree.imports[TRACE].type];
  return [node("drop", [], [node("call", [TRACE], g.values(params, depth), I32)])];
}

export function tailCall(g: Grow, depth: number): Node | null {
  const { tree, results } = g;
  if (lowered("return_call") < 0) return null;
  const fits = (t: readonly Type[]) => t.length === results.length && t.every((x, i) => x === results[i]);
  const types = tree.types.flatMap((t, i) =>
    fits(t.results) && tree.functions((f) => f === i).length > 0 ? [i] : [],
  );
  if (types.length === 0) return null;
  const { r } = g;
  const inTables = types.filter((t) =>
    tree.tables.some((x, i) => x.type === FUNCREF && slotsOf(tree, i, t).length > 0),
  );
  const longest = types.reduce((x, y) => (tree.types[y].params.length > tree.types[x].params.length ? y : x));
  // Rather one that a table has: else all of them would be direct. Or one with arguments on the stack.
  const type = r.chance(30) ? longest : r.pick(inTables.length > 0 && r.chance(70) ? inTables : types);
  const { row, immediates, kids } = call(g, type, depth);
  const name =
    row === rowOf("call")
      ? "return_call"
      : row === rowOf("call_ref")
        ? "return_call_ref"
        : "return_call_indirect";
  return new Node(rowOf(name), immediates, kids, -1);
}

export const CALL: ExpressionShape = { weight: () => 3, make: callFor };

export const CALLS: readonly StatementShape[] = [
  { isDeep: false, weight: () => 6, make: callStatement },
  { isDeep: false, weight: () => 2, make: trace },
];
