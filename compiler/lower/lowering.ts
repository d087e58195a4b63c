// The builder of a module's functions: it knows the module, and keeps the function's locals. What the instructions
// become is in the other files of this folder, by concept: functions that take it as `out`. The walk has validated
// the instruction and hands over values; nothing here knows about types of the stack.

import { irType, type Layout } from "../abi/layout.ts";
import { IntColumn } from "../base/columns.ts";
import { access, REGION_STACK } from "../ir/access.ts";
import { Builder, type Variable } from "../ir/builder.ts";
import { Func, type Value } from "../ir/func.ts";
import { LOAD_OF, STORE_OF, TYPE_SIZE, V128 } from "../ir/ops.ts";
import type { Program } from "../ir/program.ts";
import type { Features } from "../wasm/features.ts";
import { checkLimit, MAX_INIT_PARTS, MAX_PARTS, PARTS_AT_LEAST, PARTS_PER_BYTE } from "../wasm/limits.ts";
import type { Module } from "../wasm/module.ts";

/** Steps of making SSA that a function may take: its locals stay in memory where these do not suffice. */
const STEPS_AT_LEAST = 1 << 20;
const STEPS_PER_BYTE = 8;

/** What a module is built with. */
export class BuildOptions {
  readonly features: Features;
  /** Loops test for interrupts. */
  readonly interrupts: boolean;
  /** Accesses to memory 0 are checked by code, not by guard pages. */
  readonly checked: boolean;

  constructor(features: Features, interrupts: boolean, checked: boolean) {
    this.features = features;
    this.interrupts = interrupts;
    this.checked = checked;
  }
}

export class Lowering extends Builder {
  readonly module: Module;
  readonly layout: Layout;
  readonly options: BuildOptions;
  /** Function index → its symbol; -1 for imported ones. */
  readonly symbols: Int32Array;
  /** Table index → 1 where every function in it is this instance's. */
  readonly ownTables: Uint8Array;
  /** Own immutable global → its value as the words of a constant, where it is one. */
  readonly constants: ReadonlyMap<number, Constant>;
  /** Stack slot that holds the locals, or -1: they are variables of the builder. */
  private frame: number;
  private mostParts: number;
  /** Local → its IR type; where there is a frame, its place there. */
  private readonly localTypes: IntColumn;
  private readonly localOffsets: IntColumn;

  constructor(
    program: Program,
    module: Module,
    layout: Layout,
    options: BuildOptions,
    symbols: Int32Array,
    constants: ReadonlyMap<number, Constant>,
    ownTables: Uint8Array,
  ) {
    super(program, new Func());
    this.module = module;
    this.layout = layout;
    this.options = options;
    this.symbols = symbols;
    this.constants = constants;
    this.ownTables = ownTables;
    this.frame = -1;
    this.mostParts = MAX_PARTS;
    this.localTypes = new IntColumn();
    this.localOffsets = new IntColumn();
  }

  /** Tells of the instruction that comes next, at `offset`. */
  goOn(offset: number): void {
    this.loc = offset;
    checkLimit(this.parts, this.mostParts, "function too complex", offset);
  }

  /** As `begin`, for the own function `index` of so many bytes. */
  beginFunction(index: number, bytes: number): void {
    this.frame = -1;
    const { name, signature } = this.program.symbols[this.symbols[index]];
    this.begin(name, this.symbols[index], signature, STEPS_AT_LEAST + STEPS_PER_BYTE * bytes);
    this.mostParts = Math.min(MAX_PARTS, PARTS_AT_LEAST + PARTS_PER_BYTE * bytes);
  }

  /** As `begin`, for the function that instantiates the module. */
  beginInit(symbol: number): void {
    this.frame = -1;
    this.begin("wasmpy_init", symbol, this.program.symbols[symbol].signature);
    this.mostParts = MAX_INIT_PARTS;
  }

  /** As `beginFunction`, with the locals in a stack slot: no SSA to be made, however large the function. */
  beginFunctionWithFrame(index: number): void {
    const { name, signature } = this.program.symbols[this.symbols[index]];
    this.begin(name, this.symbols[index], signature);
    this.frame = this.func.newSlot(0);
  }

  /** Variables with the numbers of the locals. Those that are no parameters start as zero: the builder's default. */
  declareLocals(types: IntColumn, params: number): void {
    for (let i = 0; i < types.length; i++) this.variable(irType(types.get(i)));
    if (this.frame >= 0) this.layOutLocals(types, params);
    for (let i = 0; i < params; i++) this.setLocal(i, this.argument(i));
  }

  private layOutLocals(types: IntColumn, params: number): void {
    const { func, localOffsets, localTypes } = this;
    localTypes.clear();
    localOffsets.clear();
    let size = 0;
    for (let i = 0; i < types.length; i++) {
      const type = irType(types.get(i));
      localTypes.push(type);
      localOffsets.push(size);
      size += Math.max(TYPE_SIZE[type], 8);
    }
    func.slots.set(this.frame, size);
    for (let i = params; i < types.length; i++) this.setLocal(i, this.zero(localTypes.get(i)));
  }

  getLocal(index: number): Value {
    const type = this.frame < 0 ? V128 : this.localTypes.get(index);
    if (type === V128) return this.get(index as Variable); // vectors are in no slot
    const aux = access(REGION_STACK, 0, TYPE_SIZE[type], 0);
    return this.load(LOAD_OF[type], this.slot(this.frame), this.localOffsets.get(index), aux);
  }

  setLocal(index: number, v: Value): void {
    const type = this.frame < 0 ? V128 : this.localTypes.get(index);
    if (type === V128) {
      this.set(index as Variable, v);
      return;
    }
    const aux = access(REGION_STACK, 0, TYPE_SIZE[type], 0);
    this.store(STORE_OF[type], this.slot(this.frame), v, this.localOffsets.get(index), aux);
  }
}

/** The value of a constant: type of ops.ts, and its words or bits. */
export class Constant {
  readonly type: number;
  readonly lo: number;
  readonly hi: number;

  constructor(type: number, lo: number, hi: number) {
    this.type = type;
    this.lo = lo;
    this.hi = hi;
  }
}
