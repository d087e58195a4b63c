// The body of one function while it grows: its locals, the labels around, what may still be spent; and the choice
// among the shapes of expressions and statements, which other files describe (shapes.ts lists them).
//
// What is not deterministic in WebAssembly is the sign and payload of a NaN that arithmetic makes. An expression is
// "exact" if its bits are determined; where bits can be seen (reinterpretation, stores, the sign for copysign),
// an exact expression is grown, or a NaN is replaced by one constant. Locals are exact or not for good.

import { FUEL, HASH, OBJECT } from "./boundary.ts";
import type { Random } from "./random.ts";
import { rowOf } from "./rows.ts";
import {
  EXTERNREF,
  F32,
  F64,
  type Fn,
  FUNCREF,
  I32,
  I64,
  type Immediate,
  Node,
  REF_NULL,
  type Tree,
  type Type,
} from "./tree.ts";
import { constant, i32 } from "./values.ts";

/** The block type of neither parameters nor results. */
export const EMPTY = -64;

export function node(name: string, immediates: Immediate[], kids: Node[], type: Type = -1): Node {
  return new Node(rowOf(name), immediates, kids, type);
}

export function get(local: number, type: Type): Node {
  return node("local.get", [local], [], type);
}

export function set(local: number, kids: Node[]): Node {
  return node("local.set", [local], kids);
}

export function isFloat(type: Type): boolean {
  return type === F32 || type === F64;
}

export class Local {
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

export class Label {
  readonly types: readonly Type[];
  /** A branch to it may not end the loop: nobody takes it. */
  readonly hidden: boolean;

  constructor(types: readonly Type[], hidden: boolean) {
    this.types = types;
    this.hidden = hidden;
  }
}

/** Chances in percent, and weights, that vary from function to function. */
export class Mood {
  /** Of what may trap. */
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

/** One kind of expression; `make` gives null where it does not fit, and the first of all kinds takes its place. */
export interface ExpressionShape {
  weight(g: Grow): number;
  make(g: Grow, type: Type, depth: number, exact: boolean): Node | null;
}

/** One kind of statement; `isDeep`: it has statements within. null: an assignment instead. */
export interface StatementShape {
  readonly isDeep: boolean;
  weight(g: Grow): number;
  make(g: Grow, depth: number): Node[] | null;
}

export interface Shapes {
  readonly expressions: readonly ExpressionShape[];
  /** The first is an assignment. */
  readonly statements: readonly StatementShape[];
}

export class Grow {
  readonly r: Random;
  readonly tree: Tree;
  readonly fn: Fn;
  readonly params: readonly Type[];
  readonly results: readonly Type[];
  readonly mood: Mood;
  readonly locals: Local[] = [];
  labels: Label[] = [];
  /** Nodes that may still be made. */
  budget: number;
  /** Loops around. */
  loops = 0;
  private readonly shapes: Shapes;
  private readonly scratch = new Map<Type, number>();

  constructor(r: Random, tree: Tree, fn: Fn, budget: number, shapes: Shapes) {
    this.r = r;
    this.tree = tree;
    this.fn = fn;
    this.budget = budget;
    this.shapes = shapes;
    this.mood = new Mood(r);
    const { params, results } = tree.types[fn.type];
    this.params = params;
    this.results = results;
    for (const [i, type] of params.entries()) this.locals.push(new Local(i, type, false, r.chance(80)));
  }

  // --- types and locals ---------------------------------------------------------------------------------------

  anyType(): Type {
    const { r, mood } = this;
    if (r.chance(mood.floats)) return r.chance(50) ? F32 : F64;
    if (r.chance(4)) return this.referenceType();
    return r.chance(55) ? I32 : I64;
  }

  referenceType(): Type {
    return this.r.pick([FUNCREF, EXTERNREF, REF_NULL + this.r.below(this.tree.types.length)]);
  }

  someTypes(most: number): Type[] {
    return Array.from({ length: this.r.below(most + 1) }, () => this.anyType());
  }

  newLocal(type: Type, exact: boolean, writable: boolean): number {
    const index = this.params.length + this.fn.locals.push(type) - 1;
    this.locals.push(new Local(index, type, exact || !isFloat(type), writable));
    return index;
  }

  /** A local for a value that is read again at once. */
  scratchOf(type: Type): number {
    let local = this.scratch.get(type);
    if (local === undefined) {
      local = this.params.length + this.fn.locals.push(type) - 1;
      this.scratch.set(type, local);
    }
    return local;
  }

  local(type: Type, exact: boolean): Node | null {
    const fit = this.locals.filter((l) => l.type === type && (l.exact || !exact));
    if (fit.length === 0) return null;
    // Recent ones more often, all of them sometimes.
    const at = this.r.chance(50) ? this.r.below(fit.length) : Math.max(0, fit.length - 1 - this.r.below(4));
    return get(fit[at].index, type);
  }

  writable(type: Type): Local | null {
    const fit = this.locals.filter((l) => l.type === type && l.writable);
    return fit.length === 0 ? null : this.r.pick(fit);
  }

  // --- expressions --------------------------------------------------------------------------------------------

  expr(type: Type, depth: number, exact: boolean): Node {
    this.budget--;
    if (depth <= 0 || this.budget <= 0 || this.r.chance(8)) return this.leaf(type, exact);
    const { expressions } = this.shapes;
    const shape = expressions[this.r.weighted(expressions.map((s) => s.weight(this)))];
    return shape.make(this, type, depth, exact) ?? expressions[0].make(this, type, depth, exact)!;
  }

  exact(type: Type, depth: number): Node {
    return this.expr(type, depth, true);
  }

  values(types: readonly Type[], depth: number): Node[] {
    return types.map((t) => this.expr(t, depth, false));
  }

  leaf(type: Type, exact: boolean): Node {
    const { r } = this;
    this.budget--;
    if (r.chance(78)) {
      const local = this.local(type, exact);
      if (local !== null) return local;
    }
    if (r.chance(20) && !(exact && isFloat(type))) {
      const globals = this.globals((i) => this.tree.globals[i].type === type);
      if (globals.length > 0) return node("global.get", [r.pick(globals)], [], type);
    }
    if (type === FUNCREF && r.chance(70)) return this.func();
    if (type === EXTERNREF && r.chance(70)) return node("call", [OBJECT], [i32(r.below(8))], EXTERNREF);
    if (type >= REF_NULL && r.chance(80)) {
      const fits = this.tree.functions((t) => t === type - REF_NULL);
      if (fits.length > 0) return node("ref.func", [r.pick(fits)], [], type);
    }
    return constant(r, type);
  }

  /** Globals that are not for a purpose of their own. */
  globals(passes: (index: number) => boolean): number[] {
    return this.tree.globals.flatMap((_, i) => (i !== FUEL && i !== HASH && passes(i) ? [i] : []));
  }

  private func(): Node {
    // Seldom an imported one: a reference to it needs a thunk of its own.
    const { imports, funcs } = this.tree;
    const at = this.r.chance(3) ? this.r.below(imports.length) : imports.length + this.r.below(funcs.length);
    return node("ref.func", [at], [], FUNCREF);
  }

  // --- statements ---------------------------------------------------------------------------------------------

  blockType(params: readonly Type[], results: readonly Type[]): number {
    if (params.length === 0 && results.length === 0) return EMPTY;
    if (params.length === 0 && results.length === 1 && results[0] < 128 && this.r.chance(90))
      return results[0] - 128;
    return this.tree.typeIndex(params, results);
  }

  block(types: readonly Type[], hidden: boolean, body: () => Node[]): Node[] {
    this.labels.push(new Label(types, hidden));
    const list = body();
    this.labels.pop();
    return list;
  }

  statement(depth: number): Node[] {
    this.budget -= 2;
    const { statements } = this.shapes;
    const isDeep = depth > 0 && this.budget > 0;
    const weights = statements.map((s) => (s.isDeep && !isDeep ? 0 : s.weight(this)));
    const shape = statements[this.r.weighted(weights)];
    return shape.make(this, depth) ?? statements[0].make(this, depth)!;
  }

  statements(depth: number): Node[] {
    const list: Node[] = [];
    for (let n = this.r.range(1, 4); n > 0 && this.budget > 0; n--) list.push(...this.statement(depth));
    return list;
  }

  /** Takes values off the stack, the last first. */
  takeOff(types: readonly Type[], exact: boolean): Node[] {
    return [...types].reverse().map((type) => {
      const fits = this.locals.filter(
        (l) => l.type === type && l.writable && (exact || !l.exact || !isFloat(type)),
      );
      if (fits.length === 0 || this.r.chance(5)) return node("drop", [], []);
      return set(this.r.pick(fits).index, []);
    });
  }

  /** Relative numbers of the labels that may be branched to and carry what passes. */
  targets(passes: (types: readonly Type[]) => boolean): number[] {
    const { labels } = this;
    return labels.flatMap((l, i) => (!l.hidden && passes(l.types) ? [labels.length - 1 - i] : []));
  }
}
