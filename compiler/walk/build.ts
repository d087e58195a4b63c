// Builds the IR of a module's functions, and of the function that instantiates it. One FunctionBuild serves
// function after function; bodies are validated on the way.
// Requires: validateSurface (validate.ts) found nothing. Leaves: functions as opt/ takes them.

import { functionSymbols, type Layout } from "../abi/layout.ts";
import { Bytes } from "../base/bytes.ts";
import { fail } from "../base/fail.ts";
import * as w from "../gen/wasm-ops.ts";
import { type Func, NO_VALUE, type Value } from "../ir/func.ts";
import { F32, F64, I32, I64 } from "../ir/ops.ts";
import { CONV_WASM, type Program, SYM_FUNC, SYM_RODATA } from "../ir/program.ts";
import { callFunction } from "../lower/calls.ts";
import { set as setGlobal } from "../lower/globals.ts";
import { type BuildOptions, Constant, Lowering } from "../lower/lowering.ts";
import * as memory from "../lower/memory.ts";
import { dataSymbol } from "../lower/memory.ts";
import * as tables from "../lower/tables.ts";
import { escapingFunctions } from "../wasm/escape.ts";
import { BULK_MEMORY, has } from "../wasm/features.ts";
import { INSTRUCTIONS, ROW_OF_BYTE } from "../wasm/instructions.ts";
import type { Elem, Module, Range } from "../wasm/module.ts";
import * as m from "../wasm/module.ts";
import { Reader } from "../wasm/reader.ts";
import { TypeSpace } from "../wasm/subtyping.ts";
import { type DefType, type Limits, V128 } from "../wasm/types.ts";
import { type Facts, ownTables } from "./facts.ts";
import { addressType } from "./immediates.ts";
import { importedGlobals, validateModule, visibleGlobals } from "./validate.ts";
import { Walk } from "./walk.ts";

export { BuildOptions } from "../lower/lowering.ts";

/** Read-only bytes that the built functions refer to. */
export class Blob {
  readonly symbol: number;
  readonly bytes: Uint8Array;
  readonly alignment: number;

  constructor(symbol: number, bytes: Uint8Array, alignment: number) {
    this.symbol = symbol;
    this.bytes = bytes;
    this.alignment = alignment;
  }
}

/** The symbol of the instantiation function. */
function initSymbol(program: Program): number {
  return program.symbol("wasmpy_init", SYM_FUNC, program.signature([], [], CONV_WASM));
}

export class FunctionBuild {
  private readonly module: Module;
  private readonly program: Program;
  private readonly layout: Layout;
  private readonly options: BuildOptions;
  private readonly lowering: Lowering;
  private readonly walk: Walk;
  /** Element segment → RODATA symbol of its offsets; -1 where it needs values. */
  private readonly elemLists: Int32Array;

  /** `facts` of validateModule, if it was run, allow for shorter indirect calls. */
  constructor(
    module: Module,
    program: Program,
    layout: Layout,
    options: BuildOptions,
    facts: Facts | null = null,
  ) {
    this.module = module;
    this.program = program;
    this.layout = layout;
    this.options = options;
    this.checkSupported();
    const symbols = functionSymbols(module, program);
    const constants = constantGlobals(module);
    const own = facts === null ? new Uint8Array(module.tables.length) : ownTables(module, facts);
    this.lowering = new Lowering(program, module, layout, options, symbols, constants, own);
    const space = new TypeSpace(module.types);
    this.walk = new Walk(module, options.features, space, escapingFunctions(module), this.lowering);
    this.elemLists = new Int32Array(module.elems.length).fill(-1);
    for (let i = 0; i < module.elems.length; i++) {
      if (this.functionsOf(module.elems[i]) !== null) {
        this.elemLists[i] = program.symbol(`wasmpy_elem_${i}`, SYM_RODATA);
      }
    }
  }

  /** Validates and builds own function `index`. */
  build(index: number, func: Func): void {
    const { lowering, walk } = this;
    const { start, end } = this.module.funcs[index].body;
    lowering.func = func;
    lowering.beginFunction(index, end - start);
    walk.body(index);
    this.finish();
    if (!lowering.isOverwhelmed) return;
    lowering.beginFunctionWithFrame(index);
    walk.body(index);
    this.finish();
  }

  /**
   * Builds the instantiation function: globals, element segments, lengths of data segments, initial values of
   * tables, active segments, start function (spec 4.7.2). It expects zeroed cells and tables.
   */
  init(func: Func): void {
    this.lowering.func = func;
    this.lowering.beginInit(initSymbol(this.program));
    this.initGlobals();
    this.initElems();
    this.initTables();
    this.initSegments();
    if (this.walk.missing < 0) {
      if (this.module.start >= 0) callFunction(this.lowering, this.module.start | 0, []);
      this.lowering.ret([]);
    }
    this.finish();
  }

  /** What the functions refer to besides each other. */
  rodata(): Blob[] {
    const { module } = this;
    const blobs: Blob[] = [];
    for (let i = 0; i < module.datas.length; i++) {
      const { start, end } = module.datas[i].bytes;
      blobs.push(new Blob(dataSymbol(this.program, i), module.bytes.subarray(start, end), 16));
    }
    for (let i = 0; i < module.elems.length; i++) {
      const functions = this.functionsOf(module.elems[i]);
      if (functions === null) continue;
      const out = new Bytes(4 * functions.length);
      for (const index of functions) {
        const offset = this.layout.func[index];
        out.u32(module.funcs[index].imported ? ~offset : offset);
      }
      blobs.push(new Blob(this.elemLists[i], out.take(), 4));
    }
    return blobs;
  }

  /** A miss ends the job, so that the walk never needs to be set right again. */
  private finish(): void {
    const { walk } = this;
    if (walk.missing >= 0) this.unsupported(walk.missingAt, INSTRUCTIONS[walk.missing].name);
    this.lowering.finish();
  }

  /** What is invalid anywhere is reported before what is only missing. */
  private unsupported(at: number, what: string): never {
    validateModule(this.module, this.options.features);
    return fail("instruction not supported yet", at, what);
  }

  /** What is missing besides instructions. Where one of these is missing too, it is what gets named. */
  private checkSupported(): void {
    const feature = missingFeature(this.module);
    if (feature === "") return;
    const { missing, missingAt } = validateModule(this.module, this.options.features);
    if (missing >= 0) fail("instruction not supported yet", missingAt, INSTRUCTIONS[missing].name);
    fail("feature not supported yet", -1, feature);
  }

  // --- instantiation ----------------------------------------------------------------------------------

  private initGlobals(): void {
    const { walk } = this;
    const { globals } = this.module;
    for (let i = 0; i < globals.length; i++) {
      const { type, init, imported } = globals[i];
      if (imported) continue;
      const v = walk.constant(init, type.type, visibleGlobals(this.module, this.options.features, i));
      const { out } = walk;
      if (out !== null) setGlobal(out, i, v);
    }
  }

  private initElems(): void {
    const { lowering, module, walk } = this;
    const visible = visibleGlobals(module, this.options.features, -1);
    for (let i = 0; i < module.elems.length; i++) {
      const elem = module.elems[i];
      if (elem.mode === m.DECLARATIVE || walk.missing >= 0) continue;
      lowering.loc = elem.at;
      tables.newSegment(lowering, i, Math.max(elem.funcs.length, elem.exprs.length));
      if (this.elemLists[i] >= 0) {
        tables.fillSegment(lowering, i, this.elemLists[i]);
        continue;
      }
      for (let k = 0; k < elem.exprs.length; k++) {
        if (ROW_OF_BYTE[module.bytes[elem.exprs[k].start]] === w.REF_NULL) continue; // as elem_new left it
        const v = walk.constant(elem.exprs[k], elem.type, visible);
        const { out } = walk;
        if (out !== null) tables.setInSegment(out, i, k, v);
      }
    }
  }

  private initTables(): void {
    const { lowering, walk } = this;
    const { module } = this;
    const visible = importedGlobals(module);
    for (let i = 0; i < module.tables.length; i++) {
      const { type, init } = module.tables[i];
      if (init === m.NO_RANGE) continue;
      const v = walk.constant(init, type.element, visible);
      const { out } = walk;
      const { minLo, minHi, is64 } = type.limits;
      const number = (lo: number, hi: number) => (is64 ? lowering.i64(lo, hi) : lowering.i32(lo));
      if (out !== null) tables.fill(out, i, number(0, 0), v, number(minLo, minHi));
    }
  }

  private initSegments(): void {
    const { lowering, module, options, walk } = this;
    const visible = visibleGlobals(module, options.features, -1);
    const offsetOf = (range: Range, limits: Limits) => walk.constant(range, addressType(limits), visible);
    const elemOffsets: Value[] = module.elems.map((elem) =>
      elem.mode === m.ACTIVE ? offsetOf(elem.offset, module.tables[elem.table].type.limits) : NO_VALUE,
    );
    const dataOffsets: Value[] = module.datas.map((data) =>
      data.mode === m.ACTIVE ? offsetOf(data.offset, module.memories[data.memory].type.limits) : NO_VALUE,
    );
    if (walk.missing >= 0) return;
    if (!has(options.features, BULK_MEMORY)) this.checkFits(elemOffsets, dataOffsets);
    for (let i = 0; i < module.elems.length; i++) {
      const elem = module.elems[i];
      if (elem.mode !== m.ACTIVE) continue;
      lowering.loc = elem.at;
      const n = lowering.i32(Math.max(elem.funcs.length, elem.exprs.length));
      tables.init(lowering, elem.table | 0, i, elemOffsets[i], lowering.i32(0), n);
      tables.dropSegment(lowering, i);
    }
    for (let i = 0; i < module.datas.length; i++) {
      const data = module.datas[i];
      lowering.loc = data.at;
      const n = lowering.i32(data.bytes.end - data.bytes.start);
      if (data.mode === m.PASSIVE) memory.setDataLength(lowering, i, n);
      else memory.copySegment(lowering, data.memory | 0, i, n, dataOffsets[i], lowering.i32(0), n);
    }
  }

  /** Version 1.0 (4.5.4): nothing is written unless everything fits. */
  private checkFits(elemOffsets: readonly Value[], dataOffsets: readonly Value[]): void {
    const { lowering, module } = this;
    for (let i = 0; i < module.elems.length; i++) {
      const { table, funcs, at } = module.elems[i];
      lowering.loc = at;
      tables.checkFits(lowering, table | 0, elemOffsets[i], funcs.length);
    }
    for (let i = 0; i < module.datas.length; i++) {
      const { memory: index, bytes, at } = module.datas[i];
      lowering.loc = at;
      memory.checkFits(lowering, index | 0, dataOffsets[i], bytes.end - bytes.start);
    }
  }

  /** The functions of a segment that holds nothing else, else null. */
  private functionsOf(elem: Elem): Uint32Array | null {
    if (elem.exprs.length === 0) return elem.funcs;
    const functions = new Uint32Array(elem.exprs.length);
    for (let i = 0; i < functions.length; i++) {
      const { start, end } = elem.exprs[i];
      const r = new Reader(this.module.bytes, start, end);
      if (ROW_OF_BYTE[r.u8()] !== w.REF_FUNC) return null;
      functions[i] = r.u32();
    }
    return functions;
  }
}

/** A feature that the module needs and that is not supported yet, or "". */
function missingFeature(module: Module): string {
  if (module.tags.length > 0) return "tag";
  if (module.globals.some((global) => global.type.type === V128)) return "v128";
  return module.funcs.some((func) => usesVectors(module.types[func.type])) ? "v128" : "";
}

function usesVectors({ params, results }: DefType): boolean {
  return params.includes(V128) || results.includes(V128);
}

/** Own immutable globals whose initialiser is one numeric constant. */
function constantGlobals(module: Module): Map<number, Constant> {
  const constants = new Map<number, Constant>();
  for (let i = 0; i < module.globals.length; i++) {
    const { type, init, imported } = module.globals[i];
    if (imported || type.mutable) continue;
    const r = new Reader(module.bytes, init.start, init.end);
    const constant = readConstant(r);
    if (constant !== null && r.at === init.end - 1) constants.set(i, constant);
  }
  return constants;
}

function readConstant(r: Reader): Constant | null {
  switch (ROW_OF_BYTE[r.u8()]) {
    case w.I32_CONST:
      return new Constant(I32, r.s32(), 0);
    case w.I64_CONST:
      r.s64();
      return new Constant(I64, r.lo, r.hi);
    case w.F32_CONST:
      return new Constant(F32, r.word(), 0);
    case w.F64_CONST: {
      const lo = r.word();
      return new Constant(F64, lo, r.word());
    }
    default:
      return null;
  }
}
