// The part of the module state that follows the instance (abi/layout.ts): what only the glue reads. All cells are
// 8 bytes, zero at first. Where what lies is told in the shape of the image (runtime/shape.ts).

import { isFuncRef, isGuarded, type Layout } from "../abi/layout.ts";
import { unreachable } from "../base/fail.ts";
import { REFERENCES, SHAPE, SHAPE_BYTES } from "../runtime/shape.ts";
import type { Module } from "../wasm/module.ts";
import { isRef } from "../wasm/types.ts";
import type { ModuleGlue } from "./glue.ts";
import { GLOBALS } from "./rows.ts";
import { typeCode } from "./values.ts";

export class State {
  /** 1 once `initialize` was called. */
  readonly initialized: number;
  /** Per imported function: the builtin that stands for it (owned), made when asked for. */
  readonly wrappers: number;
  /** Objects bound by `bind` (owned): imported functions, tables, memories, imported globals. */
  readonly boundFuncs: number;
  readonly boundTables: number;
  readonly boundMemories: number;
  readonly boundGlobals: number;
  readonly importedFuncs: number;
  readonly importedGlobals: number;
  /** Number of cells from `boundFuncs` on. */
  readonly boundCount: number;
  /** Size of the whole module state. */
  readonly bytes: number;

  constructor(module: Module, layout: Layout) {
    this.importedFuncs = module.funcs.filter((f) => f.imported).length;
    this.importedGlobals = module.globals.filter((g) => g.imported).length;
    let at = (layout.bytes + 15) & ~15;
    const take = (cells: number) => {
      const place = at;
      at += 8 * cells;
      return place;
    };
    this.initialized = take(1);
    this.wrappers = take(this.importedFuncs);
    this.boundFuncs = take(this.importedFuncs);
    this.boundTables = take(module.tables.length);
    this.boundMemories = take(module.memories.length);
    this.boundGlobals = take(this.importedGlobals);
    this.boundCount = (at - this.boundFuncs) >> 3;
    this.bytes = at;
  }
}

/** Writes the module's shape (runtime/shape.ts). `rows`: of functions.ts; `ownRecords`: where the first one lies. */
export function writeShape(g: ModuleGlue, rows: number, ownRecords: number): void {
  const { module, layout, state, input } = g;
  // Where there is none, what is there does not matter.
  const first = (offsets: readonly number[]) => (offsets.length === 0 ? 0 : offsets[0]);
  const references = g.data.constant(REFERENCES);
  let referenceCount = 0;
  module.globals.forEach(({ imported, type }, i) => {
    if (imported || !isRef(type.type)) return;
    references.u32(layout.global[i]).u32(isFuncRef(type.type, module) ? 1 : 0);
    referenceCount++;
  });
  references.end();
  const words = [
    ...[state.importedFuncs, first(layout.func), state.boundFuncs],
    ...[module.tables.length, first(layout.table), state.boundTables],
    ...[module.memories.length, first(layout.memory), state.boundMemories],
    ...[state.importedGlobals, first(layout.global), state.boundGlobals],
    ...[module.funcs.length, rows],
    ...[first(layout.importRecord), ownRecords, state.wrappers],
    ...[module.types.length, first(layout.type)],
    ...[module.elems.length, first(layout.elem)],
    ...[module.globals.length, referenceCount, state.boundCount],
    ...[state.initialized, g.thunkCells.length, input.meta.length],
    isGuarded(module, 0, input.checked) ? 1 : 0,
    input.cpu,
  ];
  if (words.length * 4 !== SHAPE_BYTES) unreachable("the shape has other words");
  const table = g.data.constant(SHAPE);
  for (const word of words) table.u32(word);
  table.end();
}

/** Writes the table GLOBALS. */
export function writeGlobals(g: ModuleGlue): void {
  const table = g.data.constant(GLOBALS);
  g.module.globals.forEach(({ type, imported }, i) => {
    table.u32(g.layout.global[i]).u32(typeCode(type.type, g.module));
    table.u32(type.mutable ? 1 : 0).u32(imported ? 1 : 0);
  });
  table.end();
}
