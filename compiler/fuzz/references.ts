// References: tables are read, nulls looked for.

import { IDENTITY } from "./boundary.ts";
import { EMPTY, type ExpressionShape, type Grow, node, type StatementShape } from "./grow.ts";
import { lowered } from "./rows.ts";
import { EXTERNREF, FUNCREF, I32, I64, Node, REF_NULL, type Type } from "./tree.ts";
import { int, nullOf, prefix } from "./values.ts";

/** An index into a table, likely within. */
export function index(g: Grow, table: number, depth: number): Node {
  const { r } = g;
  const { min, address } = g.tree.tables[table];
  if (r.chance(g.mood.risk)) {
    if (r.chance(50)) return g.expr(address, depth - 1, false);
    return int(address, r.pick([min, min + 5, -1, 100, ...(address === I64 ? [2 ** 32] : [])]));
  }
  if (r.chance(40)) return int(address, r.below(min));
  const name = prefix(address);
  return node(`${name}.rem_u`, [], [g.expr(address, depth - 1, false), int(address, min)], address);
}

export function reference(g: Grow, type: Type, depth: number): Node {
  const { r } = g;
  if (type >= REF_NULL) {
    const cast = lowered("ref.as_non_null");
    if (cast >= 0 && r.chance(g.mood.risk)) return new Node(cast, [], [g.leaf(type, true)], type);
    return g.leaf(type, true);
  }
  const tables = g.tree.tables.flatMap((t, i) => (t.type === type ? [i] : []));
  if (tables.length === 0 || r.chance(40)) return g.leaf(type, true);
  const table = r.pick(tables);
  return node("table.get", [table], [index(g, table, depth)], type);
}

function isNull(g: Grow, type: Type): Node | null {
  if (type !== I32) return null;
  return node("ref.is_null", [], [g.expr(g.referenceType(), 1, true)], I32);
}

function identity(g: Grow, type: Type): Node | null {
  if (type !== I32) return null;
  return node("call", [IDENTITY], [g.expr(EXTERNREF, 1, true)], I32);
}

/** br_on_null and br_on_non_null, whose other way out carries the reference. */
function nullBranch(g: Grow, depth: number): Node[] | null {
  const { r, tree } = g;
  if (lowered("br_on_null") < 0) return null;
  const type = r.pick([FUNCREF, REF_NULL + r.below(tree.types.length)]);
  const block = node("block", [EMPTY], []);
  if (r.chance(50)) {
    block.bodies.push(
      g.block([], false, () => [
        node("br_on_null", [0], [g.expr(type, 2, true)]),
        ...(r.chance(50) ? [node("drop", [], [])] : g.takeOff([type], true)),
        ...g.statements(depth - 1),
      ]),
    );
    return [block];
  }
  block.immediates[0] = g.blockType([], [type]);
  block.bodies.push(
    g.block([type], false, () => [
      node("br_on_non_null", [0], [g.expr(type, 2, true)]),
      ...g.statements(depth - 1),
      nullOf(type),
    ]),
  );
  return [block, ...g.takeOff([type], true)];
}

export const REFERENCES: readonly ExpressionShape[] = [
  { weight: () => 1, make: isNull },
  { weight: () => 1, make: identity },
];

export const REFERENCE_STATEMENTS: readonly StatementShape[] = [
  { isDeep: true, weight: () => 2, make: nullBranch },
];
