// Functions that cannot trap, call nothing and touch no state, and are exported as they are: the compiler calls them
// without setting anything up (opt/simple.ts).

import { SIMPLE_TYPES } from "./boundary.ts";
import { get } from "./grow.ts";
import type { Random } from "./random.ts";
import { PLAIN, rowOf } from "./rows.ts";
import { Fn, I32, I64, Node, type Tree, type Type } from "./tree.ts";
import { constant, number32, number64 } from "./values.ts";

const DEPTH = 4;
/** Percentage of functions whose values need a large frame, and how many there are then. */
const WIDE = 12;
const LEAST_WIDE = 100;
const MOST_WIDE = 300;

function isInteger(type: Type): boolean {
  return type === I32 || type === I64;
}

function rowsOf(type: Type) {
  return PLAIN.get(type)!.filter((row) => row.operands.every(isInteger) && !/\.(div|rem)_/.test(row.name));
}

const ROWS = new Map([I32, I64].map((type) => [type, rowsOf(type)]));

function expression(r: Random, params: readonly Type[], type: Type, depth: number): Node {
  if (depth === 0 || r.chance(15)) {
    const fits = params.flatMap((t, i) => (t === type ? [i] : []));
    return fits.length > 0 && r.chance(75) ? get(r.pick(fits), type) : constant(r, type);
  }
  const row = r.pick(ROWS.get(type)!);
  const kids = row.operands.map((t) => expression(r, params, t, depth - 1));
  return new Node(row.row, [], kids, type);
}

/** So many values that are all there before the first is used. */
function wide(r: Random, params: readonly Type[], type: Type): Node {
  const word = type === I32 ? "i32" : "i64";
  const made = (name: string, a: Node, b: Node) => new Node(rowOf(`${word}.${name}`), [], [a, b], type);
  const count = r.range(LEAST_WIDE, MOST_WIDE);
  const depth = 1;
  const values = Array.from({ length: count }, () =>
    made(
      "mul",
      expression(r, params, type, depth),
      made("add", expression(r, params, type, 0), constant(r, type)),
    ),
  );
  return values.reduceRight((rest, value) => made("rotl", value, rest));
}

/** Adds a function; gives its name and the arguments of the calls to be made. */
export function addSimple(r: Random, tree: Tree): { name: string; calls: string[][] } {
  const { params, results } = r.pick(SIMPLE_TYPES);
  const fn = new Fn(tree.typeIndex(params, results));
  const isWide = r.chance(WIDE);
  fn.body = results.map((type) => (isWide ? wide(r, params, type) : expression(r, params, type, DEPTH)));
  fn.exported = "simple";
  tree.funcs.push(fn);
  const argument = (type: Type) =>
    type === I32 ? `${number32(r) | 0}` : `${BigInt.asIntN(64, number64(r))}n`;
  return { name: fn.exported, calls: Array.from({ length: 2 }, () => params.map(argument)) };
}
