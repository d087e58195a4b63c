// Grows the body of one function: typed expressions over its locals, and statements.
//
// What is not deterministic in WebAssembly is the sign and payload of a NaN that arithmetic makes. An expression is
// "exact" if its bits are determined; where bits can be seen (reinterpretation, stores, the sign for copysign),
// an exact expression is grown, or a NaN is replaced by one constant. Locals are exact or not for good.
//
// Every loop has a counter that only its head or its end changes; every function pays for its calls with fuel.

import { F32_PATTERNS, I32_PATTERNS, I64_PATTERNS, type Pattern } from "./patterns.ts";
import type { Random } from "./random.ts";
import { LOADS, lowered, PLAIN, type PlainRow, rowOf, STORES } from "./rows.ts";
import {
  EXTERNREF,
  F32,
  F64,
  type Fn,
  FUNCREF,
  I32,
  I64,
  type Immediate,
  MemArg,
  Node,
  REF_NULL,
  type Tree,
  type Type,
} from "./tree.ts";
import { constant, f32, f64, i32, i64, isReference, nullOf, number32, number64, zero } from "./values.ts";

export const FUEL = 0;
export const HASH = 1;
/** Imported functions. */
export const TRACE = 0;
export const OBJECT = 1;
export const IDENTITY = 2;

const PAGE = 65536;
const EMPTY = -64;

export function node(name: string, immediates: Immediate[], kids: Node[], type: Type = -1): Node {
  return new Node(rowOf(name), immediates, kids, type);
}

export function get(local: number, type: Type): Node {
  return node("local.get", [local], [], type);
}

export function set(local: number, kids: Node[]): Node {
  return node("local.set", [local], kids);
}

class Local {
  readonly index: number;
  readonly type: Type;
  readonly exact: boolean;
  readonly writable: boolean;

  constructor(index: number, type: Type, exact: boolean, writable: boolean) {
    this.index = index;
    this.type = type;
    this.exact = exact;
    this.writable = writable;
  }
}

class Label {
  readonly types: readonly Type[];
  /** A branch to it may not end the loop: nobody takes it. */
  readonly hidden: boolean;

  constructor(types: readonly Type[], hidden: boolean) {
    this.types = types;
    this.hidden = hidden;
  }
}

/** Chances in percent that vary from function to function. */
class Mood {
  readonly risk: number;
  readonly floats: number;
  readonly idioms: number;
  readonly memory: number;

  constructor(r: Random) {
    this.risk = r.pick([0, 0, 0, 1, 2, 10]);
    this.floats = r.pick([0, 10, 25, 60]);
    this.idioms = r.pick([10, 40, 120]);
    this.memory = r.pick([2, 8, 20]);
  }
}

export class BodyBuild {
  private readonly r: Random;
  private readonly tree: Tree;
  private readonly fn: Fn;
  private readonly results: readonly Type[];
  private readonly locals: Local[] = [];
  private labels: Label[] = [];
  /** Nodes that may still be made. */
  private budget: number;
  private loops = 0;
  private readonly mood: Mood;
  private scratch = new Map<Type, number>();
  private readonly params: number;

  constructor(r: Random, tree: Tree, fn: Fn, budget: number) {
    this.r = r;
    this.tree = tree;
    this.fn = fn;
    this.budget = budget;
    this.mood = new Mood(r);
    const { params, results } = tree.types[fn.type];
    this.results = results;
    this.params = params.length;
    for (const [i, type] of params.entries()) this.locals.push(new Local(i, type, false, r.chance(80)));
  }

  run(): void {
    const { r } = this;
    const many = r.chance(15);
    const count = many ? r.range(20, 60) : r.range(3, 14);
    for (let i = 0; i < count; i++) this.newLocal(this.anyType(), r.chance(30), true);
    for (const type of [I32, I64]) this.newLocal(type, true, true);
    const body: Node[] = [this.payFuel()];
    // Locals start different from each other and from zero.
    for (const local of this.locals) {
      if (local.index < this.params || !r.chance(many ? 90 : 60)) continue;
      body.push(set(local.index, [this.expr(local.type, 1, local.exact)]));
    }
    while (this.budget > 0) body.push(...this.statement(r.range(1, 4)));
    if (r.chance(60)) body.push(...this.mix());
    body.push(...this.values(this.results, 3));
    if (r.chance(10)) body.push(node("return", [], []));
    this.fn.body = body;
  }

  // --- types and locals ---------------------------------------------------------------------------------------

  private anyType(): Type {
    const { r, mood } = this;
    if (r.chance(mood.floats)) return r.chance(50) ? F32 : F64;
    if (r.chance(4)) return r.pick([FUNCREF, EXTERNREF, REF_NULL + r.below(this.tree.types.length)]);
    return r.chance(55) ? I32 : I64;
  }

  private newLocal(type: Type, exact: boolean, writable: boolean): number {
    this.fn.locals.push(type);
    const index = this.params + this.fn.locals.length - 1;
    this.locals.push(new Local(index, type, exact || type === I32 || type === I64, writable));
    return index;
  }

  private scratchOf(type: Type): number {
    let local = this.scratch.get(type);
    if (local === undefined) {
      this.fn.locals.push(type);
      local = this.params + this.fn.locals.length - 1;
      this.scratch.set(type, local);
    }
    return local;
  }

  private local(type: Type, exact: boolean): Node | null {
    const fit = this.locals.filter((l) => l.type === type && (l.exact || !exact));
    if (fit.length === 0) return null;
    // Recent ones more often, all of them sometimes.
    const at = this.r.chance(50) ? this.r.below(fit.length) : Math.max(0, fit.length - 1 - this.r.below(4));
    return get(fit[at].index, type);
  }

  private writable(type: Type): Local | null {
    const fit = this.locals.filter((l) => l.type === type && l.writable);
    return fit.length === 0 ? null : this.r.pick(fit);
  }

  // --- expressions --------------------------------------------------------------------------------------------

  /** A NaN of unknown bits becomes one of known bits. */
  private canonical(x: Node, type: Type): Node {
    const scratch = this.scratchOf(type);
    const name = type === F32 ? "f32" : "f64";
    const other = type === F32 ? f32(0x7fc00000) : f64(0x7ff8000000000000n);
    const isNumber = node(`${name}.eq`, [], [get(scratch, type), get(scratch, type)], I32);
    return node("select", [], [node("local.tee", [scratch], [x], type), other, isNumber], type);
  }

  private exact(type: Type, depth: number): Node {
    return this.expr(type, depth, true);
  }

  private values(types: readonly Type[], depth: number): Node[] {
    return types.map((t) => this.expr(t, depth, false));
  }

  private leaf(type: Type, exact: boolean): Node {
    const { r } = this;
    this.budget--;
    if (r.chance(78)) {
      const local = this.local(type, exact);
      if (local !== null) return local;
    }
    if (r.chance(20) && !(exact && (type === F32 || type === F64))) {
      const globals = this.tree.globals.flatMap((g, i) => (g.type === type && i > HASH ? [i] : []));
      if (globals.length > 0) return node("global.get", [r.pick(globals)], [], type);
    }
    if (type === FUNCREF && r.chance(70)) return this.func();
    if (type === EXTERNREF && r.chance(70)) return node("call", [OBJECT], [i32(r.below(8))], EXTERNREF);
    if (type >= REF_NULL && r.chance(80)) {
      const fits = this.functions((t) => t === type - REF_NULL);
      if (fits.length > 0) return node("ref.func", [r.pick(fits)], [], type);
    }
    return constant(r, type);
  }

  /** All functions, imports too, whose type index passes. */
  private functions(passes: (type: number) => boolean): number[] {
    const { imports, funcs } = this.tree;
    return [...imports.map((f) => f.type), ...funcs.map((f) => f.type)].flatMap((t, i) =>
      passes(t) ? [i] : [],
    );
  }

  private func(): Node {
    return node("ref.func", [this.r.pick(this.functions(() => true))], [], FUNCREF);
  }

  expr(type: Type, depth: number, exact: boolean): Node {
    const { r, mood } = this;
    this.budget--;
    if (depth <= 0 || this.budget <= 0 || r.chance(8)) return this.leaf(type, exact);
    const inexact = exact && (type === F32 || type === F64);
    switch (r.weighted([60, mood.memory, 6, 4, 3, 3, 2, 5, mood.idioms, 1])) {
      case 0:
        return this.plain(type, depth, exact);
      case 1:
        return this.load(type, depth) ?? this.plain(type, depth, exact);
      case 2:
        return this.select(type, depth, exact);
      case 3: {
        // if … else … with a value
        const cond = this.condition(depth - 1);
        const result = node("if", [this.blockType([], [type])], [cond], type);
        for (let i = 0; i < 2; i++)
          result.bodies.push(this.block([type], inexact, () => this.valued(type, depth, exact)));
        return result;
      }
      case 4: {
        const result = node("block", [this.blockType([], [type])], [], type);
        result.bodies.push(this.block([type], inexact, () => this.valued(type, depth, exact)));
        return result;
      }
      case 5:
        return inexact ? this.canonical(this.callFor(type, depth), type) : this.callFor(type, depth);
      case 6: {
        // A branch that takes the value along, or leaves it.
        const fits = this.labels.flatMap((l, i) =>
          !l.hidden && l.types.length === 1 && l.types[0] === type ? [this.labels.length - 1 - i] : [],
        );
        if (fits.length === 0) return this.plain(type, depth, exact);
        const kids = [this.expr(type, depth - 1, exact), this.condition(depth - 1)];
        return node("br_if", [r.pick(fits)], kids, type);
      }
      case 7: {
        const local = this.writable(type);
        if (local === null || (exact && !local.exact)) return this.plain(type, depth, exact);
        return node("local.tee", [local.index], [this.expr(type, depth - 1, local.exact)], type);
      }
      case 8:
        return this.pattern(type, depth) ?? this.plain(type, depth, exact);
      default:
        return this.rare(type) ?? this.plain(type, depth, exact);
    }
  }

  private pattern(type: Type, depth: number): Node | null {
    const patterns: readonly Pattern[] | null =
      type === I32
        ? I32_PATTERNS
        : type === I64
          ? I64_PATTERNS
          : type === F32 || type === F64
            ? F32_PATTERNS
            : null;
    if (patterns === null) return null;
    // Shared operands are locals; exact ones, as patterns do not look.
    const grow = (t: Type) => (this.r.chance(60) ? this.leaf(t, true) : this.expr(t, depth - 2, true));
    const shared = (t: Type) => this.local(t, true) ?? constant(this.r, t);
    const load = (t: Type) => this.load(t, depth - 1) ?? this.leaf(t, true);
    const made = this.r.pick(patterns)(this.r, type, grow, shared, load);
    return type === F32 || type === F64 ? this.canonical(made, type) : made;
  }

  private valued(type: Type, depth: number, exact: boolean): Node[] {
    const list: Node[] = [];
    if (this.r.chance(40)) list.push(...this.statement(depth - 2));
    list.push(this.expr(type, depth - 1, exact));
    return list;
  }

  /** Operations whose result's bits arithmetic does not determine: everything on floats but these. */
  private static isExact(row: PlainRow): boolean {
    return /^f(32|64)\.(abs|neg|copysign|reinterpret|convert)/.test(row.name);
  }

  private plain(type: Type, depth: number, exact: boolean): Node {
    const { r } = this;
    const rows = PLAIN.get(type);
    if (rows === undefined) return this.reference(type, depth);
    const row = r.pick(rows);
    const isFloat = type === F32 || type === F64;
    const operands = row.operands.map((t, i) => this.operand(row, t, i, depth - 1, exact));
    const result = new Node(row.row, [], operands, type);
    if (!isFloat || !exact || BodyBuild.isExact(row)) return this.guarded(row, result);
    return this.canonical(result, type);
  }

  private operand(row: PlainRow, type: Type, i: number, depth: number, exact: boolean): Node {
    const { r } = this;
    // Bits that can be seen.
    const seen = row.name.includes("reinterpret_f") || (row.name.includes("copysign") && i === 1);
    if (seen || (exact && BodyBuild.isExact(row))) return this.exact(type, depth);
    // Second operands of integer operations are constants often.
    if (i === 1 && (type === I32 || type === I64) && r.chance(30)) return constant(r, type);
    return this.expr(type, depth, false);
  }

  /** Divisions and truncations trap only sometimes. */
  private guarded(row: PlainRow, result: Node): Node {
    const { r } = this;
    const { kids } = result;
    if (r.chance(this.mood.risk)) return result;
    if (/\.(div|rem)_[su]$/.test(row.name)) {
      const is64 = row.operands[0] === I64;
      const divisor = kids[1];
      const [value] = divisor.immediates;
      const isConstant = divisor.row === rowOf("i32.const") || divisor.row === rowOf("i64.const");
      if (isConstant && BigInt(value as number | bigint) !== 0n) {
        if (BigInt(value as number | bigint) !== -1n || row.name.includes("_u") || row.name.includes("rem"))
          return result;
        if (r.chance(50)) return result;
      }
      if (r.chance(40)) {
        const c = is64 ? i64(number64(r)) : i32(number32(r));
        if (c.immediates[0] === 0 || c.immediates[0] === 0n) c.immediates[0] = is64 ? 7n : 7;
        if (c.immediates[0] !== -1 && c.immediates[0] !== -1n) {
          kids[1] = c;
          return result;
        }
      }
      // Odd, and positive: neither 0 nor -1.
      const mask = is64 ? i64(0x7fffffffffffffffn >> BigInt(r.below(60))) : i32(0x7fffffff >> r.below(28));
      const one = is64 ? i64(1n) : i32(1);
      const name = is64 ? "i64" : "i32";
      const type = is64 ? I64 : I32;
      kids[1] = node(`${name}.or`, [], [node(`${name}.and`, [], [divisor, mask], type), one], type);
      return result;
    }
    if (/\.trunc_f(32|64)_[su]$/.test(row.name)) {
      // Between 0 and 2³⁰, or the conversion of an integer.
      const type = row.operands[0];
      const name = type === F32 ? "f32" : "f64";
      const signed = row.name.endsWith("_s");
      if (r.chance(30)) {
        const x = node(
          "i32.and",
          [],
          [this.expr(I32, 1, true), i32(signed ? -1 << r.below(20) : 0x7fffffff)],
          I32,
        );
        const y = row.name.startsWith("i32") ? node("i32.shr_s", [], [x, i32(r.range(1, 8))], I32) : x;
        kids[0] = node(`${name}.convert_i32_s`, [], [y], type);
        return result;
      }
      const scratch = this.scratchOf(type);
      const low = type === F32 ? f32(signed ? 0xcf000000 : 0) : f64(signed ? 0xc1e0000000000000n : 0n);
      const high = type === F32 ? f32(0x4effffff) : f64(0x41dfffffffc00000n);
      // min and max keep a NaN: it is compared away first.
      const clamped = node(
        `${name}.min`,
        [],
        [node(`${name}.max`, [], [get(scratch, type), low], type), high],
        type,
      );
      const isNumber = node(
        `${name}.eq`,
        [],
        [node("local.tee", [scratch], [kids[0]], type), get(scratch, type)],
        I32,
      );
      const choice = node("if", [type - 128], [isNumber], type);
      choice.bodies = [[clamped], [zero(type)]];
      kids[0] = choice;
    }
    return result;
  }

  private select(type: Type, depth: number, exact: boolean): Node {
    const x = this.expr(type, depth - 1, exact);
    const y = this.expr(type, depth - 1, exact);
    const kids = [x, y, this.condition(depth - 1)];
    if (isReference(type) || this.r.chance(15)) return node("select t", [[type]], kids, type);
    return node("select", [], kids, type);
  }

  /** An i32 that is likely a comparison. */
  private condition(depth: number): Node {
    const { r } = this;
    if (r.chance(25)) return this.expr(I32, depth, false);
    if (r.chance(6)) {
      const wide = r.pick(["i64.add", "i64.sub", "i64.and", "i64.or", "i64.xor"]);
      const x = node(wide, [], [this.expr(I64, depth - 1, false), this.leaf(I64, true)], I64);
      return node("i32.wrap_i64", [], [x], I32);
    }
    const rows = PLAIN.get(I32)!.filter((row) => /\.(eqz|eq|ne|[lg][te](_[su])?)$/.test(row.name));
    const row = r.pick(rows);
    if ((row.operands[0] === F32 || row.operands[0] === F64) && r.chance(70 - this.mood.floats))
      return this.condition(depth);
    const compared = new Node(
      row.row,
      [],
      row.operands.map((t, i) => this.operand(row, t, i, depth - 1, false)),
      I32,
    );
    return r.chance(8) ? node("i32.eqz", [], [compared], I32) : compared;
  }

  private reference(type: Type, depth: number): Node {
    const { r } = this;
    if (type === REF_NULL || type > REF_NULL) {
      const cast = lowered("ref.as_non_null");
      if (cast >= 0 && r.chance(this.mood.risk)) return new Node(cast, [], [this.leaf(type, true)], type);
      return this.leaf(type, true);
    }
    const tables = this.tree.tables.flatMap((t, i) => (t.type === type ? [i] : []));
    if (tables.length === 0 || r.chance(40)) return this.leaf(type, true);
    const table = r.pick(tables);
    return node("table.get", [table], [this.index(table, depth)], type);
  }

  private rare(type: Type): Node | null {
    const { r, tree } = this;
    if (type !== I32) return null;
    const memory = r.below(tree.memories.length);
    const table = r.below(tree.tables.length);
    switch (r.below(6)) {
      case 0:
        return node("memory.size", [memory], [], I32);
      case 1:
        return node("table.size", [table], [], I32);
      case 2: {
        const type = r.pick([FUNCREF, EXTERNREF, REF_NULL + r.below(tree.types.length)]);
        return node("ref.is_null", [], [this.expr(type, 1, true)], I32);
      }
      case 3:
        if (this.loops > 0) return null;
        return node("memory.grow", [memory], [r.chance(80) ? i32(r.below(3)) : this.expr(I32, 1, true)], I32);
      case 4: {
        if (this.loops > 0) return null;
        const value = this.expr(tree.tables[table].type, 1, true);
        return node(
          "table.grow",
          [table],
          [value, r.chance(80) ? i32(r.below(4)) : this.expr(I32, 1, true)],
          I32,
        );
      }
      default:
        return node("call", [IDENTITY], [this.expr(EXTERNREF, 1, true)], I32);
    }
  }

  // --- memories and tables ------------------------------------------------------------------------------------

  /** Within the smallest size, more or less: a mask for an index, or −1 for what only constants reach. */
  private address(memory: number, depth: number): { kid: Node; offset: number } {
    const { r } = this;
    const size = this.tree.memories[memory].min * PAGE;
    const risky = r.chance(this.mood.risk) || size === 0;
    const add = (x: Node, y: Node) => node("i32.add", [], [x, y], I32);
    const masked = (mask: number) => node("i32.and", [], [this.expr(I32, depth - 1, false), i32(mask)], I32);
    const mask = () => r.pick([0xff, 0xf8, 0xfff, 0x3ff0, 0x7fff, 7, 0]);
    const small = () => r.pick([0, 0, 0, 1, 4, 8, 12, 16, 100, 255, 1024, 4095]);
    if (risky) {
      switch (r.below(6)) {
        case 0:
          return { kid: this.expr(I32, depth - 1, false), offset: small() };
        case 1:
          return { kid: i32(size - r.below(9)), offset: r.pick([0, 1, 4]) };
        case 2:
          return {
            kid: masked(mask()),
            offset: r.pick([0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, Math.max(0, size - 4), size]),
          };
        case 3: {
          // The sum wraps, or just does not; with an offset that brings it back if wrapping is forgotten.
          const by = r.pick([0x10, 0x100, 0x1000]);
          return { kid: add(masked(by * 2 - 1), i32(-by)), offset: r.pick([0, by]) };
        }
        case 4:
          return {
            kid: node("i32.shl", [], [this.expr(I32, depth - 1, false), i32(r.pick([1, 2, 3, 16]))], I32),
            offset: small(),
          };
        default:
          return { kid: node("i32.mul", [], [masked(mask()), this.leaf(I32, true)], I32), offset: small() };
      }
    }
    switch (r.below(9)) {
      case 0:
        return { kid: i32(r.below(size - 64)), offset: r.pick([0, 0, 4, 16]) };
      case 1:
        // Up to the last byte.
        return { kid: i32(size - 8 - r.below(9)), offset: 0 };
      case 2: {
        // Wraps around once: x + c + (2³² − c + d).
        const c = r.pick([0x10, 0x7fffffff, 0x80000000, 0xfffffff0]);
        return { kid: add(add(masked(mask()), i32(c)), i32(r.pick([0, 64]) - c)), offset: small() };
      }
      case 3: {
        const k = r.range(1, 3);
        const index = node("i32.shl", [], [masked(0xff), i32(k)], I32);
        return { kid: r.chance(50) ? add(masked(0xfff), index) : index, offset: small() };
      }
      case 4:
        // The upper bits are shifted out.
        return {
          kid: node(
            "i32.shr_u",
            [],
            [node("i32.shl", [], [this.expr(I32, depth - 1, false), i32(20)], I32), i32(r.range(17, 24))],
            I32,
          ),
          offset: small(),
        };
      case 5: {
        // Odd multiples of 2³¹ + 1 wrap for even factors.
        const even = node("i32.and", [], [this.expr(I32, depth - 1, false), i32(0xffe)], I32);
        return {
          kid: node("i32.mul", [], [even, i32(r.pick([0x80000001, 3, 5, 8]) | 0)], I32),
          offset: small(),
        };
      }
      case 6:
        return { kid: add(masked(0xff), i32(r.below(size - 0x2000))), offset: small() };
      case 7: {
        const wide = node(
          "i64.and",
          [],
          [this.expr(I64, depth - 1, false), i64(-0x100000000n | BigInt(mask()))],
          I64,
        );
        return { kid: node("i32.wrap_i64", [], [wide], I32), offset: small() };
      }
      default:
        return { kid: masked(mask()), offset: small() };
    }
  }

  private load(type: Type, depth: number): Node | null {
    const rows = LOADS.get(type);
    if (rows === undefined) return null;
    const row = this.r.pick(rows);
    const memory = this.r.below(this.tree.memories.length);
    const { kid, offset } = this.address(memory, depth);
    return new Node(row.row, [new MemArg(this.alignment(row.width), memory, offset)], [kid], type);
  }

  private alignment(width: number): number {
    const natural = Math.log2(width);
    return this.r.chance(70) ? natural : this.r.range(0, natural);
  }

  /** An index into a table, likely within. */
  private index(table: number, depth: number): Node {
    const { r } = this;
    const { min } = this.tree.tables[table];
    if (r.chance(this.mood.risk))
      return r.chance(50) ? i32(r.pick([min, min + 5, -1, 100])) : this.expr(I32, depth - 1, false);
    if (r.chance(40)) return i32(r.below(min));
    return node("i32.rem_u", [], [this.expr(I32, depth - 1, false), i32(min)], I32);
  }

  // --- calls --------------------------------------------------------------------------------------------------

  private payFuel(): Node {
    const check = node(
      "if",
      [EMPTY],
      [node("i32.lt_s", [], [node("global.get", [FUEL], [], I32), i32(0)], I32)],
    );
    check.bodies.push([...this.results.map(zero), node("return", [], [])]);
    const less = node("i32.sub", [], [node("global.get", [FUEL], [], I32), i32(1)], I32);
    const pay = node("global.set", [FUEL], [less]);
    const both = node("block", [EMPTY], []);
    both.bodies.push([pay, check]);
    return both;
  }

  /** The operands of a call and the call; `type` must be of a function or a type index. */
  private call(type: number, depth: number): Node {
    const { r, tree } = this;
    const { params, results } = tree.types[type];
    const kids = this.values(params, depth - 1);
    const result = results.length === 1 ? results[0] : -1;
    const direct = this.functions((t) => t === type);
    if (direct.length > 0 && r.chance(60)) return node("call", [r.pick(direct)], kids, result);
    if (r.chance(25) && lowered("call_ref") >= 0) {
      const callee = this.expr(REF_NULL + type, 1, true);
      const isNull =
        callee.row === rowOf("ref.null") ||
        callee.row === rowOf("local.get") ||
        callee.row === rowOf("global.get");
      if (!isNull || direct.length === 0 || r.chance(this.mood.risk))
        return node("call_ref", [type], [...kids, callee], result);
      return node(
        "call_ref",
        [type],
        [...kids, node("ref.func", [r.pick(direct)], [], REF_NULL + type)],
        result,
      );
    }
    const tables = tree.tables.flatMap((t, i) => (t.type === FUNCREF ? [i] : []));
    const table = r.pick(tables);
    const slots = this.slots(table, type);
    const safe = slots.length > 0 && !r.chance(this.mood.risk);
    if (!safe && direct.length > 0 && !r.chance(this.mood.risk + 5))
      return node("call", [r.pick(direct)], kids, result);
    return node(
      "call_indirect",
      [type, table],
      [...kids, safe ? i32(r.pick(slots)) : this.index(table, depth)],
      result,
    );
  }

  /** Slots of a table that hold a function of the type, in the beginning. */
  private slots(table: number, type: number): number[] {
    const slots: number[] = [];
    for (const elem of this.tree.elems) {
      const [offset] = elem.offset;
      if (elem.mode !== 0 || elem.table !== table || offset.row !== rowOf("i32.const")) continue;
      for (const [i, item] of elem.items.entries()) {
        if (item.row !== rowOf("ref.func")) continue;
        const func = item.immediates[0] as number;
        const { imports, funcs } = this.tree;
        const its = func < imports.length ? imports[func].type : funcs[func - imports.length].type;
        if (its === type) slots.push((offset.immediates[0] as number) + i);
      }
    }
    return slots;
  }

  private callFor(type: Type, depth: number): Node {
    const fits = this.tree.types.flatMap((t, i) =>
      t.results.length === 1 && t.results[0] === type ? [i] : [],
    );
    const called = fits.filter((t) => this.functions((other) => other === t).length > 0);
    if (called.length === 0) return this.leaf(type, false);
    return this.call(this.r.pick(called), depth);
  }

  /** Takes values off the stack, the last first. */
  private takeOff(types: readonly Type[], exact: boolean): Node[] {
    return [...types].reverse().map((type) => {
      const fits = this.locals.filter(
        (l) => l.type === type && l.writable && (exact || !l.exact || type === I32 || type === I64),
      );
      if (fits.length === 0 || this.r.chance(5)) return node("drop", [], []);
      return set(this.r.pick(fits).index, []);
    });
  }

  // --- statements ---------------------------------------------------------------------------------------------

  private blockType(params: readonly Type[], results: readonly Type[]): number {
    if (params.length === 0 && results.length === 0) return EMPTY;
    if (params.length === 0 && results.length === 1 && results[0] < 128 && this.r.chance(90))
      return results[0] - 128;
    return this.tree.typeIndex(params, results);
  }

  private block(types: readonly Type[], hidden: boolean, body: () => Node[]): Node[] {
    this.labels.push(new Label(types, hidden));
    const list = body();
    this.labels.pop();
    return list;
  }

  private statements(depth: number): Node[] {
    const list: Node[] = [];
    for (let n = this.r.range(1, 4); n > 0 && this.budget > 0; n--) list.push(...this.statement(depth));
    return list;
  }

  private assign(depth: number): Node[] {
    const local = this.r.pick(this.locals.filter((l) => l.writable));
    return [set(local.index, [this.expr(local.type, depth + 1, local.exact)])];
  }

  statement(depth: number): Node[] {
    const { r } = this;
    this.budget -= 2;
    const deep = depth > 0 && this.budget > 0 ? 1 : 0;
    const weights = [
      40,
      4,
      9,
      9 * deep,
      6 * deep,
      this.loops < 3 ? 8 * deep : 0,
      4 * deep,
      6,
      3,
      3,
      2,
      4,
      3,
      3,
      2,
      2,
      3,
      1,
      6,
      2 * deep,
    ];
    switch (r.weighted(weights)) {
      case 0:
        return this.assign(depth);
      case 1:
        return this.setGlobal(depth);
      case 2:
        return [this.store(depth)];
      case 3:
        return this.branching(depth);
      case 4:
        return this.blockStatement(depth);
      case 5:
        return this.loop(depth);
      case 6:
        return this.switch(depth);
      case 7:
        return this.callStatement(depth);
      case 8:
        return this.readModifyWrite(depth);
      case 9:
        return this.rotateLocals();
      case 10:
        return this.mix();
      case 11:
        return this.leave(depth);
      case 12:
        return [this.bulkMemory(depth)];
      case 13:
        return [this.bulkTable(depth)];
      case 14:
        return [node("drop", [], [this.expr(this.anyType(), depth, false)])];
      case 15: {
        const type = this.tree.types[this.tree.imports[TRACE].type];
        return [node("drop", [], [node("call", [TRACE], this.values(type.params, depth), I32)])];
      }
      case 16:
        return [set(this.writable(I32)!.index, [this.rare(I32) ?? this.leaf(I32, true)])];
      case 17:
        return [node("nop", [], [])];
      case 18:
        return this.stir();
      default:
        return this.nullBranch(depth);
    }
  }

  /** Arithmetic drives values towards 0 and 1: now and then one gets all of its bits back. */
  private stir(): Node[] {
    const { r } = this;
    const type = r.pick([I32, I32, I64]);
    const name = type === I32 ? "i32" : "i64";
    const factor = type === I32 ? i32(0x9e3779b1) : i64(-0x61c8864680b583ebn);
    const seed = type === I32 ? i32(r.int32()) : i64(r.int64());
    const sum = node(`${name}.add`, [], [this.local(type, true)!, seed], type);
    return [set(this.writable(type)!.index, [node(`${name}.mul`, [], [sum, factor], type)])];
  }

  private setGlobal(depth: number): Node[] {
    const globals = this.tree.globals.flatMap((g, i) => (g.mutable && i > HASH ? [i] : []));
    if (globals.length === 0) return this.assign(depth);
    const index = this.r.pick(globals);
    return [node("global.set", [index], [this.expr(this.tree.globals[index].type, depth, false)])];
  }

  private store(depth: number): Node {
    const { r } = this;
    const row = r.pick(STORES.get(r.pick([I32, I64, I32, I64, F32, F64]))!);
    const memory = r.below(this.tree.memories.length);
    const { kid, offset } = this.address(memory, depth);
    const value = this.exact(row.type, depth);
    return new Node(row.row, [new MemArg(this.alignment(row.width), memory, offset)], [kid, value], -1);
  }

  private readModifyWrite(depth: number): Node[] {
    const { r } = this;
    const memory = r.below(this.tree.memories.length);
    if (this.tree.memories[memory].min === 0) return this.assign(depth);
    const is64 = r.chance(40);
    const name = is64 ? "i64" : "i32";
    const type = is64 ? I64 : I32;
    const widths = is64 ? ["", "8", "16", "32"] : ["", "8", "16"];
    const width = r.pick(["", ...widths]);
    const local = this.newLocal(I32, true, false);
    const at = () => get(local, I32);
    const { kid, offset } = this.address(memory, depth);
    // Now and then of the cell beside it.
    const aside = r.chance(25) ? r.pick([1, 4, 8]) : 0;
    const load = node(
      `${name}.load${width}${width === "" ? "" : r.pick(["_u", "_u", "_s"])}`,
      [new MemArg(0, memory, offset)],
      [at()],
      type,
    );
    const other = r.chance(50) ? constant(r, type) : this.expr(type, depth - 1, true);
    const operands = r.chance(80) ? [load, other] : [other, load];
    const changed = node(
      `${name}.${r.pick(["add", "sub", "and", "or", "xor", "shl", "rotl"])}`,
      [],
      operands,
      type,
    );
    return [
      set(local, [kid]),
      node(
        `${name}.store${width}`,
        [new MemArg(0, memory, Math.min(offset + aside, 0xffffffff))],
        [at(), changed],
      ),
    ];
  }

  private branching(depth: number): Node[] {
    const { r } = this;
    const condition = this.condition(depth);
    if (r.chance(25)) {
      // Parameters and results.
      const params = this.someTypes(3);
      const results = this.someTypes(4);
      const result = node(
        "if",
        [this.blockType(params, results)],
        [...this.values(params, depth - 1), condition],
      );
      for (let i = 0; i < 2; i++) {
        const body = () => [
          ...this.takeOff(params, false),
          ...this.statements(depth - 1),
          ...this.values(results, depth - 1),
        ];
        result.bodies.push(this.block(results, false, body));
      }
      return [result, ...this.takeOff(results, false)];
    }
    const result = node("if", [EMPTY], [condition]);
    for (let i = r.chance(60) ? 0 : 1; i < 2; i++)
      result.bodies.push(this.block([], false, () => this.statements(depth - 1)));
    return [result];
  }

  private someTypes(most: number): Type[] {
    return Array.from({ length: this.r.below(most + 1) }, () => this.anyType());
  }

  private blockStatement(depth: number): Node[] {
    const { r } = this;
    const results = r.chance(50) ? [] : this.someTypes(4);
    const params = r.chance(70) ? [] : this.someTypes(3);
    const result = node("block", [this.blockType(params, results)], this.values(params, depth - 1));
    result.bodies.push(
      this.block(results, false, () => {
        const list = [...this.takeOff(params, false), ...this.statements(depth - 1)];
        if (r.chance(60)) {
          // A way out in the middle.
          list.push(node("br_if", [0], [...this.values(results, 1), this.condition(depth)]));
          for (let i = 0; i < results.length; i++) list.push(node("drop", [], []));
          list.push(...this.statements(depth - 1));
        }
        list.push(...this.values(results, depth - 1));
        return list;
      }),
    );
    return [result, ...this.takeOff(results, false)];
  }

  private loop(depth: number): Node[] {
    const { r } = this;
    this.loops++;
    const made = r
      .pick([this.countdown, this.countdown, this.forLoop, this.forLoop, this.loopWithParams])
      .call(this, depth);
    this.loops--;
    return made;
  }

  /** block (loop (br_if 1 (eqz c)) (c -= 1) … (br 0)): branches back are allowed everywhere. */
  private countdown(depth: number): Node[] {
    const { r } = this;
    const c = this.newLocal(I32, true, false);
    const loop = node("loop", [EMPTY], []);
    const block = node("block", [EMPTY], []);
    block.bodies.push(
      this.block([], false, () => {
        loop.bodies.push(
          this.block([], false, () => [
            node("br_if", [1], [node("i32.eqz", [], [get(c, I32)], I32)]),
            set(c, [node("i32.sub", [], [get(c, I32), i32(1)], I32)]),
            ...this.statements(depth - 1),
            ...(r.chance(50) ? [node("br", [0], [])] : [node("br_if", [0], [this.condition(depth)])]),
          ]),
        );
        return [loop];
      }),
    );
    const count = r.chance(70)
      ? i32(r.range(1, 7))
      : node("i32.and", [], [this.expr(I32, 1, true), i32(7)], I32);
    return [set(c, [count]), block];
  }

  /** for (i = from; i ? to; i += step), with i in use within; the test is at the end. */
  private forLoop(depth: number): Node[] {
    const { r } = this;
    const is64 = r.chance(30);
    const type = is64 ? I64 : I32;
    const name = is64 ? "i64" : "i32";
    const number = (n: number) => (is64 ? i64(BigInt(n)) : i32(n));
    const i = this.newLocal(type, true, false);
    const n = r.range(1, 7);
    const step = r.pick([1, 1, 1, 2, 4, 8, -1, -4]);
    const from = r.pick([0, 0, 0, 1, -3, 16, 0x7ffffff0, 1000]);
    const to = from + step * n;
    const test = r.chance(40)
      ? "ne"
      : step > 0
        ? from < 0 || to > 0x7fffffff
          ? "ne"
          : r.pick(["lt_s", "lt_u"])
        : to < 0 || from < 0
          ? "ne"
          : r.pick(["gt_s", "gt_u"]);
    const loop = node("loop", [EMPTY], []);
    loop.bodies.push(
      this.block([], true, () => [
        ...this.statements(depth - 1),
        set(i, [node(`${name}.add`, [], [get(i, type), number(step)], type)]),
        node("br_if", [0], [node(`${name}.${test}`, [], [get(i, type), number(to)], I32)]),
      ]),
    );
    return [set(i, [number(from)]), loop];
  }

  private loopWithParams(depth: number): Node[] {
    const { r } = this;
    const types = [this.anyType(), ...this.someTypes(3)];
    const c = this.newLocal(I32, true, false);
    const loop = node("loop", [this.tree.typeIndex(types, types)], this.values(types, depth - 1));
    loop.bodies.push(
      this.block(types, true, () => [
        ...this.takeOff(types, false),
        ...this.statements(depth - 1),
        set(c, [node("i32.sub", [], [get(c, I32), i32(1)], I32)]),
        ...this.values(types, depth - 1),
        node("br_if", [0], [get(c, I32)]),
      ]),
    );
    return [set(c, [i32(r.range(1, 6))]), loop, ...this.takeOff(types, false)];
  }

  /** Nested blocks, a br_table into them, and code behind each. */
  private switch(depth: number): Node[] {
    const { r } = this;
    const cases = r.range(1, 5);
    const results = r.chance(70) ? [] : [this.anyType()];
    let inner: Node[] = [];
    for (let k = 0; k <= cases; k++) this.labels.push(new Label(results, false));
    const outer = this.labels.flatMap((l, i) =>
      !l.hidden && l.types.length === results.length && l.types.every((t, j) => t === results[j])
        ? [this.labels.length - 1 - i]
        : [],
    );
    const targets = Array.from({ length: r.pick([1, 2, 3, 4, 8, 20]) }, () => r.pick(outer));
    const selector = r.chance(80)
      ? node("i32.and", [], [this.expr(I32, depth, false), i32(r.pick([3, 7, 15, -1]))], I32)
      : this.expr(I32, depth, false);
    inner.push(node("br_table", [targets, r.pick(outer)], [...this.values(results, 1), selector]));
    for (let k = 0; k <= cases; k++) {
      this.labels.pop();
      const block = node("block", [this.blockType([], results)], []);
      block.bodies.push(inner);
      inner = [block, ...this.takeOff(results, false)];
      if (k < cases) {
        inner.push(...this.statements(depth - 2));
        const [out] = this.labels.slice(-1);
        const fits = out !== undefined && out.types.length === results.length;
        if (r.chance(60) && fits) inner.push(node("br", [r.below(cases - k)], this.values(results, 1)));
        else inner.push(...this.values(results, 1));
      }
    }
    return inner;
  }

  private callStatement(depth: number): Node[] {
    const { r, tree } = this;
    // With outer loops calls multiply.
    if (this.loops > 1 && r.chance(70)) return this.assign(depth);
    const func = r.below(tree.imports.length + tree.funcs.length);
    const n = tree.imports.length;
    const type = func < n ? tree.imports[func].type : tree.funcs[func - n].type;
    return [this.call(type, depth), ...this.takeOff(tree.types[type].results, false)];
  }

  /** Values go round among locals: moves in parallel. */
  private rotateLocals(): Node[] {
    const { r } = this;
    const type = r.pick([I32, I32, I64, I64, F64, F32]);
    const fit = this.locals.filter(
      (l) => l.type === type && l.writable && (l.exact || type === F32 || type === F64),
    );
    const same = fit.filter((l) => l.exact === fit[0].exact);
    if (same.length < 2) return this.assign(1);
    const some = Array.from({ length: r.range(2, 4) }, () => r.pick(same).index);
    return [...some.map((l) => get(l, type)), ...some.map((l) => set(l, []))];
  }

  /** All locals go into the hash that is observed. */
  private mix(): Node[] {
    const hash = () => node("global.get", [HASH], [], I64);
    const list: Node[] = [];
    let sum: Node = hash();
    let n = 0;
    for (const { index, type } of this.locals) {
      const bits = this.bits(index, type);
      const rotated = node("i64.rotl", [], [sum, i64(7n)], I64);
      sum = node(this.r.pick(["i64.xor", "i64.add", "i64.sub"]), [], [rotated, bits], I64);
      this.budget -= 2;
      if (++n % 12 === 0) {
        list.push(node("global.set", [HASH], [sum]));
        sum = hash();
      }
    }
    list.push(node("global.set", [HASH], [sum]));
    return list;
  }

  private bits(local: number, type: Type): Node {
    const value = get(local, type);
    const isExact = this.locals.some((l) => l.index === local && l.exact);
    switch (type) {
      case I32:
        return node(this.r.pick(["i64.extend_i32_s", "i64.extend_i32_u"]), [], [value], I64);
      case I64:
        return value;
      case F32:
        return node(
          "i64.extend_i32_u",
          [],
          [node("i32.reinterpret_f32", [], [isExact ? value : this.canonical(value, F32)], I32)],
          I64,
        );
      case F64:
        return node("i64.reinterpret_f64", [], [isExact ? value : this.canonical(value, F64)], I64);
      default:
        return node("i64.extend_i32_u", [], [node("ref.is_null", [], [value], I32)], I64);
    }
  }

  /** Branches, returns and traps, mostly under a condition. */
  private leave(depth: number): Node[] {
    const { r, tree } = this;
    const usable = this.labels.flatMap((l, i) => (l.hidden ? [] : [this.labels.length - 1 - i]));
    const way = (inner: number): Node[] => {
      if (r.chance(4) && r.chance(5 + this.mood.risk * 10)) return [node("unreachable", [], [])];
      const tail = this.tailCall(depth);
      if (tail !== null && r.chance(45)) return [tail];
      if (usable.length === 0 || r.chance(20))
        return [node("return", [], this.values(this.results, depth - 1))];
      const label = r.pick(usable) + inner;
      const { types } = this.labels[this.labels.length - 1 - label];
      return [node("br", [label], this.values(types, depth - 1))];
    };
    if (usable.length > 0 && r.chance(50)) {
      const label = r.pick(usable);
      const { types } = this.labels[this.labels.length - 1 - label];
      const branch = node("br_if", [label], [...this.values(types, depth - 1), this.condition(depth)]);
      return [branch, ...this.takeOff(types, false)];
    }
    const result = node("if", [EMPTY], [this.condition(depth)]);
    const body = () => {
      const list = [...(r.chance(30) ? this.statements(depth - 1) : []), ...way(1)];
      // What nobody executes must be valid all the same.
      if (r.chance(10) && tree.memories.length > 0) list.push(...this.statement(0));
      return list;
    };
    result.bodies.push(this.block([], false, body));
    return [result];
  }

  private tailCall(depth: number): Node | null {
    const { r, tree } = this;
    if (lowered("return_call") < 0) return null;
    const same = (t: readonly Type[]) =>
      t.length === this.results.length && t.every((x, i) => x === this.results[i]);
    const types = tree.types.flatMap((t, i) =>
      same(t.results) && this.functions((f) => f === i).length > 0 ? [i] : [],
    );
    if (types.length === 0) return null;
    const type = r.pick(types);
    const call = this.call(type, depth);
    switch (call.row) {
      case rowOf("call"):
        return node("return_call", call.immediates, call.kids);
      case rowOf("call_ref"):
        return node("return_call_ref", call.immediates, call.kids);
      default:
        return node("return_call_indirect", call.immediates, call.kids);
    }
  }

  /** br_on_null and br_on_non_null, whose other way out carries the reference. */
  private nullBranch(depth: number): Node[] {
    const { r, tree } = this;
    if (lowered("br_on_null") < 0) return this.assign(depth);
    const index = r.below(tree.types.length);
    const type = r.pick([FUNCREF, REF_NULL + index]);
    const block = node("block", [EMPTY], []);
    if (r.chance(50)) {
      block.bodies.push(
        this.block([], false, () => [
          node("br_on_null", [0], [this.expr(type, 2, true)]),
          ...(r.chance(50) ? [node("drop", [], [])] : this.takeOff([type], true)),
          ...this.statements(depth - 1),
        ]),
      );
      return [block];
    }
    block.immediates[0] = this.blockType([], [type]);
    block.bodies.push(
      this.block([type], false, () => [
        node("br_on_non_null", [0], [this.expr(type, 2, true)]),
        ...this.statements(depth - 1),
        nullOf(type),
      ]),
    );
    return [block, ...this.takeOff([type], true)];
  }

  private bulkMemory(depth: number): Node {
    const { r, tree } = this;
    const memory = r.below(tree.memories.length);
    const other = r.below(tree.memories.length);
    const length = (): Node =>
      r.chance(this.mood.risk) && this.loops === 0
        ? i32(r.pick([0xffff, 0x10000, 0x10001, -1, 0]))
        : node("i32.and", [], [this.expr(I32, 1, false), i32(r.pick([7, 15, 63, 255]))], I32);
    const at = (m: number) => this.address(m, depth).kid;
    const drop = tree.datas.length > 0 && r.chance(15);
    if (drop) return node("data.drop", [r.below(tree.datas.length)], []);
    if (r.chance(15)) {
      // Up to the end, or a byte more.
      const size = tree.memories[memory].min * PAGE;
      const count = r.below(20);
      const kids = [i32(size - count), this.expr(I32, 1, false), i32(count + (r.chance(30) ? 1 : 0))];
      if (r.chance(50)) return node("memory.fill", [memory], kids);
      kids[1] = i32(Math.max(0, tree.memories[other].min * PAGE - 64));
      return node("memory.copy", [memory, other], kids);
    }
    switch (r.below(3)) {
      case 0:
        return node("memory.fill", [memory], [at(memory), this.expr(I32, 1, false), length()]);
      case 1:
        return node("memory.copy", [memory, other], [at(memory), at(other), length()]);
      default: {
        if (tree.datas.length === 0) return node("nop", [], []);
        const data = r.below(tree.datas.length);
        const size = tree.datas[data].bytes.length;
        const from = r.below(size + 1);
        const count = r.chance(this.mood.risk) ? size : r.below(size - from + 1);
        // A dropped or active segment is empty: anything but nothing traps.
        const passive = tree.datas[data].mode === 1 || r.chance(this.mood.risk);
        return node(
          "memory.init",
          [data, memory],
          [at(memory), i32(passive ? from : 0), i32(passive ? count : 0)],
        );
      }
    }
  }

  private bulkTable(depth: number): Node {
    const { r, tree } = this;
    const table = r.below(tree.tables.length);
    const { type, min } = tree.tables[table];
    const risky = r.chance(this.mood.risk);
    const start = r.below(min);
    const length = () => i32(risky ? r.pick([min, min + 1, -1]) : r.below(min - start + 1));
    switch (r.below(5)) {
      case 0:
        return node("table.set", [table], [this.index(table, depth), this.expr(type, 1, true)]);
      case 1:
        return node("table.fill", [table], [i32(start), this.expr(type, 1, true), length()]);
      case 2: {
        const others = tree.tables.flatMap((t, i) => (t.type === type ? [i] : []));
        const other = r.pick(others);
        const from = r.below(tree.tables[other].min);
        const most = Math.min(min - start, tree.tables[other].min - from);
        return node(
          "table.copy",
          [table, other],
          [i32(start), i32(from), risky ? length() : i32(r.below(most + 1))],
        );
      }
      case 3: {
        const elems = tree.elems.flatMap((e, i) => (e.type === type && (e.mode === 1 || risky) ? [i] : []));
        if (elems.length === 0) return node("nop", [], []);
        const elem = r.pick(elems);
        const count = tree.elems[elem].items.length;
        const from = r.below(count + 1);
        const most = Math.min(min - start, count - from);
        return node(
          "table.init",
          [elem, table],
          [i32(start), i32(from), risky ? length() : i32(r.below(most + 1))],
        );
      }
      default:
        if (tree.elems.length === 0 || r.chance(60)) return node("nop", [], []);
        return node("elem.drop", [r.below(tree.elems.length)], []);
    }
  }
}

export { EMPTY };
