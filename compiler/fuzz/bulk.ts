// Memories and tables as a whole: sizes, growth, filling, copying, segments.

import { address, PAGE } from "./accesses.ts";
import { type ExpressionShape, type Grow, node, type StatementShape } from "./grow.ts";
import { index } from "./references.ts";
import { ACTIVE, I32, I64, type Node, PASSIVE, type Type } from "./tree.ts";
import { i32, int, prefix } from "./values.ts";

/** A size, as a number of type `type`. */
function sized(x: Node, type: Type): Node {
  if (x.type === type) return x;
  return type === I64 ? node("i64.extend_i32_u", [], [x], I64) : node("i32.wrap_i64", [], [x], I32);
}

function memorySize(g: Grow, type: Type): Node | null {
  if (type !== I32 && type !== I64) return null;
  const memory = g.r.below(g.tree.memories.length);
  return sized(node("memory.size", [memory], [], g.tree.memories[memory].address), type);
}

function tableSize(g: Grow, type: Type): Node | null {
  if (type !== I32 && type !== I64) return null;
  const table = g.r.below(g.tree.tables.length);
  return sized(node("table.size", [table], [], g.tree.tables[table].address), type);
}

function memoryGrow(g: Grow, type: Type): Node | null {
  const { r } = g;
  if (g.loops > 0 || (type !== I32 && type !== I64)) return null;
  const memory = r.below(g.tree.memories.length);
  const its = g.tree.memories[memory].address;
  const by = r.chance(80) ? int(its, r.below(3)) : g.expr(its, 1, true);
  return sized(node("memory.grow", [memory], [by], its), type);
}

function tableGrow(g: Grow, type: Type): Node | null {
  const { r } = g;
  if (g.loops > 0 || (type !== I32 && type !== I64)) return null;
  const table = r.below(g.tree.tables.length);
  const { type: element, address: its } = g.tree.tables[table];
  const by = r.chance(80) ? int(its, r.below(4)) : g.expr(its, 1, true);
  return sized(node("table.grow", [table], [g.expr(element, 1, true), by], its), type);
}

/** A length that both of two sides can take: an i64 if both have i64 addresses. */
function common(x: Type, y: Type): Type {
  return x === I64 && y === I64 ? I64 : I32;
}

function memoryLength(g: Grow, type: Type): Node {
  const { r } = g;
  if (r.chance(g.mood.risk) && g.loops === 0) return int(type, r.pick([0xffff, 0x10000, 0x10001, -1, 0]));
  // Few bytes, if the compiler knows how many, are loads and stores.
  if (r.chance(30)) return int(type, r.below(70));
  const masked = [g.expr(type, 1, false), int(type, r.pick([7, 15, 63, 255]))];
  return node(`${prefix(type)}.and`, [], masked, type);
}

function bulkMemory(g: Grow, depth: number): Node[] {
  const { r, tree } = g;
  const memory = r.below(tree.memories.length);
  const other = r.below(tree.memories.length);
  const its = tree.memories[memory].address;
  const theirs = tree.memories[other].address;
  const at = (m: number) => address(g, m, depth).kid;
  if (tree.datas.length > 0 && r.chance(15)) return [node("data.drop", [r.below(tree.datas.length)], [])];
  if (r.chance(15)) {
    // Up to the end, or a byte more.
    const count = r.below(20);
    const from = int(its, tree.memories[memory].min * PAGE - count);
    const more = count + (r.chance(g.mood.risk) ? 1 : 0);
    if (r.chance(50)) return [node("memory.fill", [memory], [from, g.expr(I32, 1, false), int(its, more)])];
    const source = int(theirs, Math.max(0, tree.memories[other].min * PAGE - 64));
    return [node("memory.copy", [memory, other], [from, source, int(common(its, theirs), more)])];
  }
  switch (r.below(3)) {
    case 0:
      return [node("memory.fill", [memory], [at(memory), g.expr(I32, 1, false), memoryLength(g, its)])];
    case 1: {
      const length = memoryLength(g, common(its, theirs));
      return [node("memory.copy", [memory, other], [at(memory), at(other), length])];
    }
    default: {
      if (tree.datas.length === 0) return [node("nop", [], [])];
      const data = r.below(tree.datas.length);
      const size = tree.datas[data].bytes.length;
      const from = r.below(size + 1);
      const count = r.chance(g.mood.risk) ? size : r.below(size - from + 1);
      // A dropped or active segment is empty: anything but nothing traps.
      const passive = tree.datas[data].mode === PASSIVE || r.chance(g.mood.risk);
      const part = [i32(passive ? from : 0), i32(passive ? count : 0)];
      return [node("memory.init", [data, memory], [at(memory), ...part])];
    }
  }
}

function bulkTable(g: Grow, depth: number): Node[] {
  const { r, tree } = g;
  const table = r.below(tree.tables.length);
  const { type, min, address: its } = tree.tables[table];
  const risky = r.chance(g.mood.risk);
  const start = r.below(min);
  /** At most what fits, mostly. */
  const length = (most: number, of: Type) =>
    int(of, risky ? r.pick([min, min + 1, -1]) : r.below(Math.min(min - start, most) + 1));
  switch (r.below(5)) {
    case 0:
      return [node("table.set", [table], [index(g, table, depth), g.expr(type, 1, true)])];
    case 1:
      return [node("table.fill", [table], [int(its, start), g.expr(type, 1, true), length(min, its)])];
    case 2: {
      const other = r.pick(tree.tables.flatMap((t, i) => (t.type === type ? [i] : [])));
      const { min: size, address: theirs } = tree.tables[other];
      const from = r.below(size);
      const count = length(size - from, common(its, theirs));
      return [node("table.copy", [table, other], [int(its, start), int(theirs, from), count])];
    }
    case 3: {
      const elems = tree.elems.flatMap((e, i) =>
        e.type === type && (e.mode === PASSIVE || risky) ? [i] : [],
      );
      if (elems.length === 0) return [node("nop", [], [])];
      const elem = r.pick(elems);
      const count = tree.elems[elem].items.length;
      const from = r.below(count + 1);
      const part = [i32(from), length(count - from, I32)];
      return [node("table.init", [elem, table], [int(its, start), ...part])];
    }
    default: {
      const elems = tree.elems.flatMap((e, i) => (e.mode === ACTIVE || r.chance(40) ? [i] : []));
      if (elems.length === 0) return [node("nop", [], [])];
      return [node("elem.drop", [r.pick(elems)], [])];
    }
  }
}

export const BULK: readonly ExpressionShape[] = [
  { weight: () => 0.25, make: memorySize },
  { weight: () => 0.25, make: tableSize },
  { weight: () => 0.5, make: memoryGrow },
  { weight: () => 0.5, make: tableGrow },
];

export const BULK_STATEMENTS: readonly StatementShape[] = [
  { isDeep: false, weight: () => 3, make: (g, depth) => bulkMemory(g, depth) },
  { isDeep: false, weight: () => 3, make: (g, depth) => bulkTable(g, depth) },
];
