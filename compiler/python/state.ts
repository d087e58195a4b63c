// The part of the module state that follows the instance (ir/layout.ts): what only the glue reads. All cells are
// 8 bytes, zero at first.

import type { Layout } from "../ir/layout.ts";
import type { Module } from "../wasm/module.ts";

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
