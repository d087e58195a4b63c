// What of the instruction table the generator can use: every row that is lowered, by its type rule. New rows of
// plain value types are generated without a change here; others need a statement or expression of body.ts.

import * as imm from "../wasm/imm.ts";
import { INSTRUCTIONS, rowNamed } from "../wasm/instructions.ts";
import { F32, F64, I32, I64, type Type } from "./tree.ts";

const TYPES: ReadonlyMap<string, Type> = new Map([
  ["i32", I32],
  ["i64", I64],
  ["f32", F32],
  ["f64", F64],
]);

/** An instruction without immediates, from values to one value. */
export class PlainRow {
  readonly row: number;
  readonly name: string;
  readonly operands: readonly Type[];
  readonly result: Type;

  constructor(row: number, name: string, operands: readonly Type[], result: Type) {
    this.row = row;
    this.name = name;
    this.operands = operands;
    this.result = result;
  }
}

/** A load or store of `width` bytes. */
export class AccessRow {
  readonly row: number;
  readonly name: string;
  readonly type: Type;
  readonly width: number;

  constructor(row: number, name: string, type: Type, width: number) {
    this.row = row;
    this.name = name;
    this.type = type;
    this.width = width;
  }
}

/** The number of a row; -1 if it is not lowered. */
export function lowered(name: string): number {
  const row = INSTRUCTIONS.findIndex((r) => r.name === name);
  return row >= 0 && INSTRUCTIONS[row].lowering !== "?" ? row : -1;
}

/** All rows that have a lowering. */
export const LOWERED: readonly number[] = INSTRUCTIONS.flatMap((r, i) => (r.lowering === "?" ? [] : [i]));

const plain = new Map<Type, PlainRow[]>();
const loads = new Map<Type, AccessRow[]>();
const stores = new Map<Type, AccessRow[]>();

function add<T>(to: Map<Type, T[]>, type: Type, row: T): void {
  const list = to.get(type);
  if (list === undefined) to.set(type, [row]);
  else list.push(row);
}

for (const row of LOWERED) {
  const { name, rule, kinds, align } = INSTRUCTIONS[row];
  if (rule.startsWith("@")) continue;
  const [from, to] = rule.split("->").map((side) => side.trim().split(" ").filter(Boolean));
  const result = TYPES.get(to[0] ?? "") ?? -1;
  if (kinds.length === 0) {
    const operands = from.map((t) => TYPES.get(t) ?? -1);
    if (result >= 0 && operands.length > 0 && !operands.includes(-1))
      add(plain, result, new PlainRow(row, name, operands, result));
  } else if (kinds.length === 1 && kinds[0] === imm.MEMARG) {
    if (from.length === 1 && result >= 0) add(loads, result, new AccessRow(row, name, result, align));
    const stored = TYPES.get(from[1] ?? "") ?? -1;
    if (from.length === 2 && to.length === 0 && stored >= 0)
      add(stores, stored, new AccessRow(row, name, stored, align));
  }
}

export const PLAIN: ReadonlyMap<Type, readonly PlainRow[]> = plain;
export const LOADS: ReadonlyMap<Type, readonly AccessRow[]> = loads;
export const STORES: ReadonlyMap<Type, readonly AccessRow[]> = stores;

const known = new Map<string, number>();

/** The number of the row with this name; it must exist. */
export function rowOf(name: string): number {
  let row = known.get(name);
  if (row === undefined) {
    row = INSTRUCTIONS.findIndex((r) => r.name === name);
    if (row < 0) row = rowNamed(name);
    if (row < 0) throw new Error(`no instruction ${name}`);
    known.set(name, row);
  }
  return row;
}
