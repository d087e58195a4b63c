// Which functions may be the operand of a reference. `ref.func` in a body may only name a function that occurs
// outside bodies (spec 3.4, C.refs): in exports, element segments, or constant expressions; so the module's
// surface tells, and bodies need not be read.

import type { u32 } from "../base/numbers.ts";
import { REF_FUNC } from "../gen/wasm-ops.ts";
import { WASM_3_0 } from "./features.ts";
import { EXT_FUNC, type Module, type Range } from "./module.ts";
import { Reader } from "./reader.ts";
import { readOpcode, skipImmediates } from "./scan.ts";

/** Function index → 1 where it is exported or occurs in an element segment or constant expression. */
export function escapingFunctions(module: Module): Uint8Array {
  const escapes = new Uint8Array(module.funcs.length);
  const r = new Reader(module.bytes, 0, 0);
  // what is out of bounds is an error that the validator reports
  const mark = (index: u32) => {
    if (index < escapes.length) escapes[index] = 1;
  };
  const scan = (range: Range) => {
    r.restart(range.start, range.end);
    while (!r.done) {
      const row = readOpcode(r, WASM_3_0);
      if (row === REF_FUNC) mark(r.u32());
      else skipImmediates(r, row, WASM_3_0);
    }
  };
  for (const e of module.exports) if (e.kind === EXT_FUNC) mark(e.index);
  for (const table of module.tables) scan(table.init);
  for (const global of module.globals) scan(global.init);
  for (const elem of module.elems) {
    scan(elem.offset);
    for (const index of elem.funcs) mark(index);
    for (const range of elem.exprs) scan(range);
  }
  for (const data of module.datas) scan(data.offset);
  return escapes;
}
