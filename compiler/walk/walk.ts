// One walk over a function body or constant expression: decodes, validates (spec 3.4 and the appendix
// "Validation Algorithm") and, where `lowering` is given and the code can be reached, makes SSA through it.
// Without it the walk validates only. An instruction that is valid but has no lowering yet is remembered in
// `missing`; from there on the walk only validates, so that what is invalid is reported before what is missing.
// Rows of wasm/instructions.ts say what is done with each instruction: gen/walk.ts calls the function of this folder
// that a row names, or signatures.ts does what its signature says.
// Requires: the module's types and index spaces have been validated (validate.ts) as far as they are visible.

import { IntColumn } from "../base/columns.ts";
import { fail } from "../base/fail.ts";
import type { f64 } from "../base/numbers.ts";
import { applyRule } from "../gen/walk.ts";
import { NO_BLOCK, NO_VALUE, type Value } from "../ir/func.ts";
import type { Lowering } from "../lower/lowering.ts";
import { type Features, has } from "../wasm/features.ts";
import { checkLimit, MAX_LOCALS } from "../wasm/limits.ts";
import type { Module, Range } from "../wasm/module.ts";
import { Reader } from "../wasm/reader.ts";
import { readOpcode } from "../wasm/scan.ts";
import type { TypeSpace } from "../wasm/subtyping.ts";
import { BlockType } from "../wasm/typereader.ts";
import type { ValType } from "../wasm/types.ts";
import { Facts } from "./facts.ts";
import { valType } from "./immediates.ts";
import { Locals } from "./locals.ts";
import { FRAME_BLOCK, FRAME_FUNC, NO_TYPES, Operands, type Types } from "./operands.ts";
import * as rules from "./rules.ts";
import { access, onLanes, plain } from "./signatures.ts";

/** Outside constant expressions. */
const ALL_GLOBALS = -1;

export class Walk extends Operands {
  readonly module: Module;
  readonly features: Features;
  readonly r: Reader;
  /** In constant expressions: how many globals are visible; else ALL_GLOBALS. */
  visibleGlobals: number;
  /** The row at hand. */
  row: number;
  readonly locals: Locals;
  /** Functions that `ref.func` may name in bodies. */
  readonly declared: Uint8Array;
  readonly facts: Facts;
  /** What the body must leave. */
  results: Types;
  readonly lowering: Lowering | null;
  /** False where only validation is left to do. */
  emitting: boolean;
  /** Row of the first instruction without a lowering, and its offset; -1. */
  missing: number;
  missingAt: number;
  private readonly singles: Map<ValType, Types>;

  // for control.ts
  readonly block: BlockType;
  blockResults: Types;
  /** Frame → its target's first parameter; the others follow it. */
  readonly firstParam: IntColumn;
  // for br_table
  readonly labels: IntColumn; // its frames
  readonly occurrences: IntColumn; // frame → how often it occurs
  readonly stops: IntColumn; // frame → block on the way to it, or NO_BLOCK

  constructor(
    module: Module,
    features: Features,
    space: TypeSpace,
    declared: Uint8Array,
    lowering: Lowering | null,
  ) {
    super(space);
    this.module = module;
    this.features = features;
    this.r = new Reader(module.bytes, 0, 0);
    this.visibleGlobals = ALL_GLOBALS;
    this.row = 0;
    this.locals = new Locals();
    this.declared = declared;
    this.facts = new Facts(module);
    this.results = NO_TYPES;
    this.lowering = lowering;
    this.emitting = lowering !== null;
    this.missing = -1;
    this.missingAt = -1;
    this.singles = new Map();
    this.block = new BlockType();
    this.blockResults = NO_TYPES;
    this.firstParam = new IntColumn();
    this.labels = new IntColumn();
    this.occurrences = new IntColumn();
    this.stops = new IntColumn();
  }

  // --- entry points -----------------------------------------------------------------------------------

  /** Walks own function `index`. With a lowering, its function has been begun. */
  body(index: number): void {
    const { type, body } = this.module.funcs[index];
    const { params, results } = this.module.types[type];
    this.start(body, results);
    this.declareLocals(params);
    this.enter(FRAME_FUNC, NO_TYPES, results, 0, NO_BLOCK);
    while (this.depth > 0) this.step();
    if (!this.r.done) fail("END opcode expected", this.r.at);
  }

  /**
   * Walks a constant expression that must yield a `type` and may read the first `visibleGlobals` globals.
   * Its value, when there is a lowering.
   */
  constant(range: Range, type: ValType, visibleGlobals: number): Value {
    this.start(range, this.single(type));
    this.visibleGlobals = visibleGlobals;
    this.enter(FRAME_BLOCK, NO_TYPES, this.results, 0, NO_BLOCK);
    while (this.depth > 1 || !this.atLastEnd(range)) {
      this.step();
      if (this.depth === 0) fail("END opcode expected", this.at);
    }
    this.checkEnd();
    return this.values.length > 0 ? this.topValues(1)[0] : NO_VALUE;
  }

  private atLastEnd(range: Range): boolean {
    return this.r.at === range.end - 1;
  }

  private start(range: Range, results: Types): void {
    this.clearStacks();
    this.r.restart(range.start, range.end);
    this.at = range.start;
    this.results = results;
    this.visibleGlobals = ALL_GLOBALS;
    this.locals.clear();
  }

  private declareLocals(params: Types): void {
    const { r, locals } = this;
    const { types } = locals;
    for (const type of params) types.push(type);
    let count: f64 = params.length;
    for (let groups = r.u32(); groups > 0; groups--) {
      const at = r.at;
      const n = r.u32();
      const type = valType(this);
      count += n;
      if (count > 0xffffffff) fail("too many locals", at);
      // what is too much is counted, but not kept
      if (count <= MAX_LOCALS) for (let i = 0; i < n; i++) types.push(type);
    }
    checkLimit(count, MAX_LOCALS, "too many local variables", this.at);
    locals.declared(params.length);
    this.out?.declareLocals(types, params.length);
  }

  private step(): void {
    const { r } = this;
    this.at = r.at;
    const row = readOpcode(r, this.features);
    this.row = row;
    if (rules.LOWERING[row] === rules.UNSUPPORTED) {
      this.facts.miss(row, this.at);
      this.miss();
    }
    if (this.isConstant) this.checkConstant(row);
    this.out?.goOn(this.at);
    switch (rules.SHAPE[row]) {
      case rules.SHAPE_PLAIN:
        plain(this, row);
        break;
      case rules.SHAPE_MEMORY:
        access(this, row);
        break;
      case rules.SHAPE_LANES:
        onLanes(this, row);
        break;
      default:
        applyRule(this, row);
    }
  }

  private checkConstant(row: number): void {
    const since = rules.CONSTANT_SINCE[row];
    if (since < 0 || !has(this.features, since)) this.error("constant expression required");
  }

  // --- for the rules ----------------------------------------------------------------------------------

  get isConstant(): boolean {
    return this.visibleGlobals !== ALL_GLOBALS;
  }

  /** Where code goes; null where none is made. */
  get out(): Lowering | null {
    const { lowering } = this;
    return this.emitting && lowering !== null && !lowering.terminated ? lowering : null;
  }

  /** Remembers that the instruction at hand has no lowering; from here on the walk only validates. */
  miss(): void {
    if (this.out === null) return;
    this.missing = this.row;
    this.missingAt = this.at;
    this.emitting = false;
  }

  /** Pops operands of these types; their values where code is made, else no values. */
  take(types: Types): Value[] {
    if (this.out === null) {
      this.popTypes(types);
      return [];
    }
    this.checkTop(types);
    const values = this.topValues(types.length);
    this.popTypes(types);
    return values;
  }

  pushValues(types: Types, values: readonly Value[]): void {
    if (values.length < types.length) this.pushTypes(types);
    else for (let i = 0; i < types.length; i++) this.push(types[i], values[i]);
  }

  single(type: ValType): Types {
    const known = this.singles.get(type);
    if (known !== undefined) return known;
    const made = [type];
    this.singles.set(type, made);
    return made;
  }
}
