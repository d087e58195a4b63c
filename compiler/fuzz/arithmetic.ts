// Expressions of numbers: every plain row of the instruction table, patterns, choices, conditions. Divisions and
// truncations are guarded, so that they trap only sometimes.

import { type ExpressionShape, type Grow, get, isFloat, node } from "./grow.ts";
import { canonical } from "./observed.ts";
import { F32_PATTERNS, I32_PATTERNS, I64_PATTERNS, type Pattern } from "./patterns.ts";
import { reference } from "./references.ts";
import { PLAIN, type PlainRow, rowOf } from "./rows.ts";
import { F32, F64, I32, I64, Node, type Type } from "./tree.ts";
import {
  constant,
  f32,
  f64,
  i32,
  i64,
  int,
  isReference,
  number32,
  number64,
  prefix,
  zero,
} from "./values.ts";

/** Operations of floats whose result's bits are determined; arithmetic's are not. */
function isExact(row: PlainRow): boolean {
  return /^f(32|64)\.(abs|neg|copysign|reinterpret|convert)/.test(row.name);
}

function plain(g: Grow, type: Type, depth: number, exact: boolean): Node {
  const rows = PLAIN.get(type);
  if (rows === undefined) return reference(g, type, depth);
  const row = g.r.pick(rows);
  const operands = row.operands.map((t, i) => operand(g, row, t, i, depth - 1, exact));
  const result = new Node(row.row, [], operands, type);
  if (!isFloat(type) || !exact || isExact(row)) return guarded(g, row, result);
  return canonical(g, result, type);
}

function operand(g: Grow, row: PlainRow, type: Type, i: number, depth: number, exact: boolean): Node {
  // Bits that can be seen.
  const isSeen = row.name.includes("reinterpret_f") || (row.name.includes("copysign") && i === 1);
  if (isSeen || (exact && isExact(row))) return g.exact(type, depth);
  // Second operands of integer operations are constants often.
  if (i === 1 && !isFloat(type) && g.r.chance(30)) return constant(g.r, type);
  return g.expr(type, depth, false);
}

function guarded(g: Grow, row: PlainRow, result: Node): Node {
  if (g.r.chance(g.mood.risk)) return result;
  if (/\.(div|rem)_[su]$/.test(row.name)) guardDivisor(g, row, result.kids);
  else if (/\.trunc_f(32|64)_[su]$/.test(row.name)) guardTruncated(g, row, result.kids);
  return result;
}

function isTrapFree(row: PlainRow, value: bigint): boolean {
  return value !== 0n && (value !== -1n || row.name.includes("_u") || row.name.includes("rem"));
}

function guardDivisor(g: Grow, row: PlainRow, kids: Node[]): void {
  const { r } = g;
  const [type] = row.operands;
  const divisor = kids[1];
  const isConstant = divisor.row === rowOf("i32.const") || divisor.row === rowOf("i64.const");
  if (isConstant && isTrapFree(row, BigInt(divisor.immediates[0] as number | bigint))) return;
  if (r.chance(40)) {
    const value = type === I64 ? number64(r) : BigInt(number32(r));
    kids[1] = int(type, isTrapFree(row, BigInt.asIntN(type === I64 ? 64 : 32, value)) ? value : 7n);
    return;
  }
  // Odd, and positive: neither 0 nor -1.
  const mask =
    type === I64 ? i64(0x7fffffffffffffffn >> BigInt(r.below(60))) : i32(0x7fffffff >> r.below(28));
  const name = prefix(type);
  kids[1] = node(`${name}.or`, [], [node(`${name}.and`, [], [divisor, mask], type), int(type, 1)], type);
}

/** Between 0 and 2³⁰, or the conversion of an integer. */
function guardTruncated(g: Grow, row: PlainRow, kids: Node[]): void {
  const { r } = g;
  const [type] = row.operands;
  const name = prefix(type);
  const isSigned = row.name.endsWith("_s");
  if (r.chance(30)) {
    const mask = i32(isSigned ? -1 << r.below(20) : 0x7fffffff);
    const x = node("i32.and", [], [g.expr(I32, 1, true), mask], I32);
    const y = row.name.startsWith("i32") ? node("i32.shr_s", [], [x, i32(r.range(1, 8))], I32) : x;
    kids[0] = node(`${name}.convert_i32_s`, [], [y], type);
    return;
  }
  const scratch = g.scratchOf(type);
  const low = type === F32 ? f32(isSigned ? 0xcf000000 : 0) : f64(isSigned ? 0xc1e0000000000000n : 0n);
  const high = type === F32 ? f32(0x4effffff) : f64(0x41dfffffffc00000n);
  // min and max keep a NaN: it is compared away first.
  const clamped = node(
    `${name}.min`,
    [],
    [node(`${name}.max`, [], [get(scratch, type), low], type), high],
    type,
  );
  const kept = node("local.tee", [scratch], [kids[0]], type);
  const isNumber = node(`${name}.eq`, [], [kept, get(scratch, type)], I32);
  const choice = node("if", [type - 128], [isNumber], type);
  choice.bodies = [[clamped], [zero(type)]];
  kids[0] = choice;
}

const PATTERNS: ReadonlyMap<Type, readonly Pattern[]> = new Map([
  [I32, I32_PATTERNS],
  [I64, I64_PATTERNS],
  [F32, F32_PATTERNS],
  [F64, F32_PATTERNS],
]);

/** `load`: an expression that reads a memory. */
export function pattern(load: (g: Grow, type: Type, depth: number) => Node): ExpressionShape["make"] {
  return (g, type, depth) => {
    const patterns = PATTERNS.get(type);
    if (patterns === undefined) return null;
    // Shared operands are locals; exact ones, as patterns do not look.
    const grow = (t: Type) => (g.r.chance(60) ? g.leaf(t, true) : g.expr(t, depth - 2, true));
    const shared = (t: Type) => g.local(t, true) ?? constant(g.r, t);
    const made = g.r.pick(patterns)(g.r, type, grow, shared, (t) => load(g, t, depth - 1));
    return isFloat(type) ? canonical(g, made, type) : made;
  };
}

function select(g: Grow, type: Type, depth: number, exact: boolean): Node {
  const x = g.expr(type, depth - 1, exact);
  const y = g.expr(type, depth - 1, exact);
  const kids = [x, y, condition(g, depth - 1)];
  if (isReference(type) || g.r.chance(15)) return node("select t", [[type]], kids, type);
  return node("select", [], kids, type);
}

function tee(g: Grow, type: Type, depth: number, exact: boolean): Node | null {
  const local = g.writable(type);
  if (local === null || (exact && !local.exact)) return null;
  return node("local.tee", [local.index], [g.expr(type, depth - 1, local.exact)], type);
}

const COMPARISONS = PLAIN.get(I32)!.filter((row) => /\.(eqz|eq|ne|[lg][te](_[su])?)$/.test(row.name));

/** An i32 that is likely a comparison. */
export function condition(g: Grow, depth: number): Node {
  const { r } = g;
  if (r.chance(25)) return g.expr(I32, depth, false);
  if (r.chance(6)) {
    const wide = r.pick(["i64.add", "i64.sub", "i64.and", "i64.or", "i64.xor"]);
    const x = node(wide, [], [g.expr(I64, depth - 1, false), g.leaf(I64, true)], I64);
    return node("i32.wrap_i64", [], [x], I32);
  }
  const row = r.pick(COMPARISONS);
  if (isFloat(row.operands[0]) && r.chance(70 - g.mood.floats)) return condition(g, depth);
  const operands = row.operands.map((t, i) => operand(g, row, t, i, depth - 1, false));
  const compared = new Node(row.row, [], operands, I32);
  return r.chance(8) ? node("i32.eqz", [], [compared], I32) : compared;
}

/** The first is what takes the place of any other. */
export const ARITHMETIC: readonly ExpressionShape[] = [
  { weight: () => 60, make: plain },
  { weight: () => 6, make: select },
  { weight: () => 5, make: tee },
];
