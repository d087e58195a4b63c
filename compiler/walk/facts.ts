// What a walk over all bodies learns about a module as a whole, for FunctionBuild to rely on.

import { REF_FUNC, REF_NULL } from "../gen/wasm-ops.ts";
import { ROW_OF_BYTE } from "../wasm/instructions.ts";
import type { Elem, Module } from "../wasm/module.ts";
import * as m from "../wasm/module.ts";
import { Reader } from "../wasm/reader.ts";

export class Facts {
  /** Table index → 1 where some body sets, fills or grows it, or copies into it. */
  readonly tableWritten: Uint8Array;
  /** Row of the first instruction without a lowering, reached or not, and its offset; -1. */
  missing: number;
  missingAt: number;

  constructor(module: Module) {
    this.tableWritten = new Uint8Array(module.tables.length);
    this.missing = -1;
    this.missingAt = -1;
  }

  miss(row: number, at: number): void {
    if (this.missing >= 0) return;
    this.missing = row;
    this.missingAt = at;
  }
}

/**
 * Table index → 1 where every function in it is the instance's own: nobody else sees the table, no body writes
 * single elements, and the segments it may be filled from hold own functions and nulls only.
 */
export function ownTables(module: Module, facts: Facts): Uint8Array {
  const own = new Uint8Array(module.tables.length);
  for (let i = 0; i < own.length; i++) {
    const { imported, init } = module.tables[i];
    own[i] = !imported && init === m.NO_RANGE && facts.tableWritten[i] === 0 ? 1 : 0;
  }
  for (const e of module.exports) if (e.kind === m.EXT_TABLE) own[e.index] = 0;
  for (const elem of module.elems) {
    if (elem.mode === m.DECLARATIVE || holdsOwnOnly(module, elem)) continue;
    if (elem.mode === m.ACTIVE) own[elem.table] = 0;
    else own.fill(0); // table.init may take it anywhere
  }
  return own;
}

function holdsOwnOnly(module: Module, elem: Elem): boolean {
  for (const index of elem.funcs) if (module.funcs[index].imported) return false;
  for (const { start, end } of elem.exprs) {
    const r = new Reader(module.bytes, start, end);
    const row = ROW_OF_BYTE[r.u8()];
    if (row !== REF_NULL && (row !== REF_FUNC || module.funcs[r.u32()].imported)) return false;
  }
  return true;
}
