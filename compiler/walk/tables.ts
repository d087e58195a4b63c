// Tables (spec 3.4.5): elements, size, growth, bulk operations; element segments.

import { NO_VALUE } from "../ir/func.ts";
import * as lower from "../lower/tables.ts";
import { I32 } from "../wasm/types.ts";
import { checkElem, elemIndex, expectMatch, smaller, tableAddress, tableIndex } from "./immediates.ts";
import type { Walk } from "./walk.ts";

export function get(walk: Walk): void {
  const { out } = walk;
  const table = tableIndex(walk);
  const index = walk.pop(tableAddress(walk, table));
  walk.push(walk.module.tables[table].type.element, out === null ? NO_VALUE : lower.get(out, table, index));
}

export function set(walk: Walk): void {
  const { out } = walk;
  const table = tableIndex(walk);
  walk.facts.tableWritten[table] = 1;
  const v = walk.pop(walk.module.tables[table].type.element);
  const index = walk.pop(tableAddress(walk, table));
  if (out !== null) lower.set(out, table, index, v);
}

export function size(walk: Walk): void {
  const { out } = walk;
  const table = tableIndex(walk);
  walk.push(tableAddress(walk, table), out === null ? NO_VALUE : lower.size(out, table));
}

export function grow(walk: Walk): void {
  const { out } = walk;
  const table = tableIndex(walk);
  walk.facts.tableWritten[table] = 1;
  const n = walk.pop(tableAddress(walk, table));
  const v = walk.pop(walk.module.tables[table].type.element);
  walk.push(tableAddress(walk, table), out === null ? NO_VALUE : lower.grow(out, table, v, n));
}

export function fill(walk: Walk): void {
  const { out } = walk;
  const table = tableIndex(walk);
  walk.facts.tableWritten[table] = 1;
  const n = walk.pop(tableAddress(walk, table));
  const v = walk.pop(walk.module.tables[table].type.element);
  const index = walk.pop(tableAddress(walk, table));
  if (out !== null) lower.fill(out, table, index, v, n);
}

export function copy(walk: Walk): void {
  const { out } = walk;
  const target = tableIndex(walk);
  walk.facts.tableWritten[target] = 1;
  const source = tableIndex(walk);
  expectMatch(walk, walk.module.tables[source].type.element, walk.module.tables[target].type.element);
  const n = walk.pop(smaller(tableAddress(walk, target), tableAddress(walk, source)));
  const from = walk.pop(tableAddress(walk, source));
  const to = walk.pop(tableAddress(walk, target));
  if (out !== null) lower.copy(out, target, source, to, from, n);
}

export function init(walk: Walk): void {
  const { out } = walk;
  const elem = walk.r.u32();
  const table = tableIndex(walk);
  checkElem(walk, elem);
  expectMatch(walk, walk.module.elems[elem].type, walk.module.tables[table].type.element);
  const n = walk.pop(I32);
  const from = walk.pop(I32);
  const to = walk.pop(tableAddress(walk, table));
  if (out !== null) lower.init(out, table, elem | 0, to, from, n);
}

export function dropSegment(walk: Walk): void {
  const { out } = walk;
  const elem = elemIndex(walk);
  if (out !== null) lower.dropSegment(out, elem);
}
