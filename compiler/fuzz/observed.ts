// What can be seen of values without seeing more than WebAssembly determines: a NaN of unknown bits becomes one
// constant. And the hash of all locals.

import { HASH } from "./boundary.ts";
import { type Grow, get, isFloat, node } from "./grow.ts";
import { F32, I32, I64, Node, type Type } from "./tree.ts";
import { f32, f64, i64 } from "./values.ts";

/** `x` unless it is a NaN; `again` is the same value without effects. */
function unlessNaN(x: Node, again: () => Node, type: Type): Node {
  const other = type === F32 ? f32(0x7fc00000) : f64(0x7ff8000000000000n);
  const isNumber = node(type === F32 ? "f32.eq" : "f64.eq", [], [again(), again()], I32);
  return node("select", [], [x, other, isNumber], type);
}

/** A NaN of unknown bits becomes one of known bits. */
export function canonical(g: Grow, x: Node, type: Type): Node {
  const scratch = g.scratchOf(type);
  return unlessNaN(node("local.tee", [scratch], [x], type), () => get(scratch, type), type);
}

/** What outside may see of a value that can be read twice: an integer, or a reference that has a name outside. */
export function seen(value: Node, type: Type): Node {
  if (isFloat(type)) {
    const again = () => new Node(value.row, value.immediates, [], type);
    return bitsOf(unlessNaN(value, again, type), type);
  }
  return type > 128 ? node("ref.is_null", [], [value], I32) : value;
}

/** A float as the integer of its bits. */
export function bitsOf(value: Node, type: Type): Node {
  return type === F32
    ? node("i32.reinterpret_f32", [], [value], I32)
    : node("i64.reinterpret_f64", [], [value], I64);
}

/** An integer as an i64. */
export function widened(value: Node, name = "i64.extend_i32_u"): Node {
  return value.type === I64 ? value : node(name, [], [value], I64);
}

/** All locals go into the hash that is observed. */
export function mix(g: Grow): Node[] {
  const hash = () => node("global.get", [HASH], [], I64);
  const list: Node[] = [];
  let sum: Node = hash();
  let n = 0;
  for (const { index, type, exact } of g.locals) {
    const rotated = node("i64.rotl", [], [sum, i64(7n)], I64);
    sum = node(g.r.pick(["i64.xor", "i64.add", "i64.sub"]), [], [rotated, bits(g, index, type, exact)], I64);
    g.budget -= 2;
    if (++n % 12 === 0) {
      list.push(node("global.set", [HASH], [sum]));
      sum = hash();
    }
  }
  list.push(node("global.set", [HASH], [sum]));
  return list;
}

function bits(g: Grow, local: number, type: Type, exact: boolean): Node {
  const value = get(local, type);
  if (isFloat(type)) return widened(bitsOf(exact ? value : canonical(g, value, type), type));
  if (type === I32) return widened(value, g.r.pick(["i64.extend_i32_s", "i64.extend_i32_u"]));
  return type === I64 ? value : widened(node("ref.is_null", [], [value], I32));
}
