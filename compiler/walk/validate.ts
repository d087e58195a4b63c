// Validation of a module (spec 3.5): everything outside bodies and constant expressions is done here, these by
// the walk. In the order of sections, so that what a later one refers to is known to be right.

import { fail } from "../base/fail.ts";
import type { u32 } from "../base/numbers.ts";
import type { Progress } from "../base/progress.ts";
import { escapingFunctions } from "../wasm/escape.ts";
import { type Features, GC, has, MULTI_MEMORY, MULTI_VALUE, REFERENCE_TYPES } from "../wasm/features.ts";
import { checkLimit, MAX_SUBTYPING_DEPTH } from "../wasm/limits.ts";
import type { Module } from "../wasm/module.ts";
import * as m from "../wasm/module.ts";
import { TypeSpace } from "../wasm/subtyping.ts";
import {
  COMP_FUNC,
  type DefType,
  heapOf,
  isNullable,
  isRef,
  type Limits,
  type ValType,
} from "../wasm/types.ts";
import { typeText } from "../wasm/typetable.ts";
import type { Facts } from "./facts.ts";
import { addressType, expectMatch } from "./immediates.ts";
import { Walk } from "./walk.ts";

/** Validates everything: the module, its constant expressions, all bodies. What these tell, for FunctionBuild. */
export function validateModule(module: Module, features: Features, progress: Progress | null = null): Facts {
  const walk = new ModuleCheck(module, features).check();
  for (let i = 0; i < module.funcs.length; i++) {
    if (module.funcs[i].imported) continue;
    progress?.mayGoOn();
    walk.body(i);
  }
  return walk.facts;
}

/** Validates everything but bodies. */
export function validateSurface(module: Module, features: Features): void {
  new ModuleCheck(module, features).check();
}

/** How many globals an initialiser may see: that of global `index`; -1: what follows the global section. */
export function visibleGlobals(module: Module, features: Features, index: number): number {
  const imported = module.globals.findIndex((global) => !global.imported);
  if (!has(features, GC)) return imported < 0 ? module.globals.length : imported;
  return index < 0 ? module.globals.length : index;
}

/** The same for the initial value of a table: the section stands before that of globals. */
export function importedGlobals(module: Module): number {
  return visibleGlobals(module, 0, 0);
}

class ModuleCheck {
  private readonly module: Module;
  private readonly features: Features;
  /** EXT_… → offsets of the imports of that kind, which come first in their index space. */
  private readonly importPlaces: readonly number[][];

  constructor(module: Module, features: Features) {
    this.module = module;
    this.features = features;
    this.importPlaces = [[], [], [], [], []];
    for (const i of module.imports) this.importPlaces[i.kind].push(i.at);
  }

  /** The walk that validated the constant expressions, for the bodies. */
  check(): Walk {
    const { module } = this;
    this.typeIndices();
    const space = new TypeSpace(module.types);
    this.subtypes(space);
    this.definitions();
    const walk = new Walk(module, this.features, space, escapingFunctions(module), null);
    this.initialisers(walk);
    this.exports();
    this.start();
    this.elems(walk);
    this.datas(walk);
    return walk;
  }

  // --- types ------------------------------------------------------------------------------------------

  private checkType(type: ValType, count: number, at: number): void {
    if (isRef(type) && heapOf(type) >= count) fail("unknown type", at, `${heapOf(type)}`);
  }

  private typeIndices(): void {
    const { types } = this.module;
    for (const def of types) {
      const visible = def.groupStart + def.groupSize;
      for (const type of def.params) this.checkType(type, visible, -1);
      for (const type of def.results) this.checkType(type, visible, -1);
      for (const field of def.fields) this.checkType(field.storage, visible, -1);
      if (def.results.length > 1 && !has(this.features, MULTI_VALUE)) fail("invalid result arity", -1);
    }
  }

  private subtypes(space: TypeSpace): void {
    const { types } = this.module;
    for (const depth of space.depth) checkLimit(depth, MAX_SUBTYPING_DEPTH, "subtyping too deep", -1);
    for (let i = 0; i < types.length; i++) {
      const { supertype } = types[i];
      if (supertype < 0) continue;
      if (types[supertype].final) fail("sub type", -1, `type ${i}: its supertype ${supertype} is final`);
      if (!space.structureMatches(i, supertype)) {
        fail("sub type", -1, `type ${i} does not match its supertype ${supertype}`);
      }
    }
  }

  private funcType(index: u32, at: number): DefType {
    const { types } = this.module;
    if (index >= types.length) fail("unknown type", at, `${index}`);
    return types[index].kind === COMP_FUNC
      ? types[index]
      : fail("type mismatch", at, `type ${index} is not a function type`);
  }

  /** Where the import stands that brings this definition; for the module's own, where `content` starts. */
  private placeOf(kind: number, index: number, content: m.Range): number {
    const imports = this.importPlaces[kind];
    if (index < imports.length) return imports[index];
    return content === m.NO_RANGE ? -1 : content.start;
  }

  // --- definitions and imports ------------------------------------------------------------------------

  private definitions(): void {
    const { module, features } = this;
    const { funcs, tables, memories, tags, globals } = module;
    const count = module.types.length;
    for (let i = 0; i < funcs.length; i++) {
      this.funcType(funcs[i].type, this.placeOf(m.EXT_FUNC, i, funcs[i].body));
    }
    if (tables.length > 1 && !has(features, REFERENCE_TYPES)) fail("multiple tables", -1);
    for (let i = 0; i < tables.length; i++) {
      const { type, init, imported } = tables[i];
      const at = this.placeOf(m.EXT_TABLE, i, init);
      this.checkType(type.element, count, at);
      this.limits(type.limits, at);
      if (!imported && init === m.NO_RANGE && !isNullable(type.element)) {
        fail("type mismatch", at, `a table of ${typeText(type.element)} needs an initial value`);
      }
    }
    if (memories.length > 1 && !has(features, MULTI_MEMORY)) fail("multiple memories", -1);
    for (let i = 0; i < memories.length; i++) {
      const at = this.placeOf(m.EXT_MEMORY, i, m.NO_RANGE);
      this.limits(memories[i].type.limits, at);
      this.memorySize(memories[i].type.limits, at);
    }
    for (let i = 0; i < tags.length; i++) {
      const at = this.placeOf(m.EXT_TAG, i, m.NO_RANGE);
      if (this.funcType(tags[i].type, at).results.length > 0) fail("non-empty tag result type", at);
    }
    for (let i = 0; i < globals.length; i++) {
      this.checkType(globals[i].type.type, count, this.placeOf(m.EXT_GLOBAL, i, globals[i].init));
    }
  }

  private limits(limits: Limits, at: number): void {
    if (!limits.hasMax) return;
    if (isLess(limits.maxLo, limits.maxHi, limits.minLo, limits.minHi)) {
      fail("size minimum must not be greater than maximum", at);
    }
  }

  /** 2³² bytes, or 2⁶⁴ with 64-bit addresses, in pages. */
  private memorySize(limits: Limits, at: number): void {
    const lo = limits.is64 ? 0 : 0x10000;
    const hi = limits.is64 ? 0x10000 : 0;
    const exceeds =
      isLess(lo, hi, limits.minLo, limits.minHi) ||
      (limits.hasMax && isLess(lo, hi, limits.maxLo, limits.maxHi));
    if (!exceeds) return;
    if (limits.is64) fail("memory size must be at most 2^48 pages", at);
    fail("memory size must be at most 65536 pages (4GiB)", at);
  }

  // --- constant expressions ---------------------------------------------------------------------------

  private initialisers(walk: Walk): void {
    const { module, features } = this;
    const imported = importedGlobals(module);
    for (const { type, init } of module.tables) {
      if (init !== m.NO_RANGE) walk.constant(init, type.element, imported);
    }
    for (let i = 0; i < module.globals.length; i++) {
      const global = module.globals[i];
      if (global.imported) continue;
      walk.constant(global.init, global.type.type, visibleGlobals(module, features, i));
    }
  }

  private exports(): void {
    const { module } = this;
    const names = new Map<string, number>();
    for (const e of module.exports) {
      if (names.has(e.name)) fail("duplicate export name", e.at, e.name);
      names.set(e.name, e.kind);
      switch (e.kind) {
        case m.EXT_FUNC:
          if (e.index >= module.funcs.length) fail("unknown function", e.at, `${e.index}`);
          break;
        case m.EXT_TABLE:
          if (e.index >= module.tables.length) fail("unknown table", e.at, `${e.index}`);
          break;
        case m.EXT_MEMORY:
          if (e.index >= module.memories.length) fail("unknown memory", e.at, `${e.index}`);
          break;
        case m.EXT_GLOBAL:
          if (e.index >= module.globals.length) fail("unknown global", e.at, `${e.index}`);
          break;
        default:
          if (e.index >= module.tags.length) fail("unknown tag", e.at, `${e.index}`);
      }
    }
  }

  private start(): void {
    const { module } = this;
    if (module.start < 0) return;
    if (module.start >= module.funcs.length) fail("unknown function", -1, `${module.start}`);
    const { params, results } = module.types[module.funcs[module.start].type];
    if (params.length + results.length > 0) fail("start function", -1, "it has parameters or results");
  }

  private elems(walk: Walk): void {
    const { module } = this;
    const visible = visibleGlobals(module, this.features, -1);
    for (const elem of module.elems) {
      this.checkType(elem.type, module.types.length, elem.at);
      if (elem.mode === m.ACTIVE) {
        if (elem.table >= module.tables.length) fail("unknown table", elem.at, `${elem.table}`);
        const { type } = module.tables[elem.table];
        walk.at = elem.at;
        expectMatch(walk, elem.type, type.element);
        walk.constant(elem.offset, addressType(type.limits), visible);
      }
      for (const index of elem.funcs) {
        if (index >>> 0 >= module.funcs.length) fail("unknown function", elem.at, `${index >>> 0}`);
      }
      for (const range of elem.exprs) walk.constant(range, elem.type, visible);
    }
  }

  private datas(walk: Walk): void {
    const { module } = this;
    const visible = visibleGlobals(module, this.features, -1);
    for (const data of module.datas) {
      if (data.mode !== m.ACTIVE) continue;
      if (data.memory >= module.memories.length) fail("unknown memory", data.at, `${data.memory}`);
      walk.constant(data.offset, addressType(module.memories[data.memory].type.limits), visible);
    }
  }
}

/** a < b as uint64. */
function isLess(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi >>> 0 < bHi >>> 0;
}
