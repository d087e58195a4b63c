// Memories and tables as wholes in the walk (spec 3.4.5 and 3.4.6): size, growth, bulk operations, segments.

import * as w from "../gen/wasm-ops.ts";
import { NO_VALUE } from "../ir/func.ts";
import { I32 } from "../wasm/types.ts";
import type { Walk } from "./walk.ts";

/** False: the row is none of these. */
export function walkBulk(walk: Walk, row: number): boolean {
  const { module } = walk;
  switch (row) {
    case w.MEMORY_SIZE: {
      const memory = walk.memoryIndex();
      walk.push(walk.memoryAddress(memory), walk.out?.memorySize(memory) ?? NO_VALUE);
      return true;
    }
    case w.MEMORY_GROW: {
      const memory = walk.memoryIndex();
      const pages = walk.pop(walk.memoryAddress(memory));
      walk.push(walk.memoryAddress(memory), walk.out?.memoryGrow(memory, pages) ?? NO_VALUE);
      return true;
    }
    case w.MEMORY_INIT: {
      const data = walk.r.u32();
      const memory = walk.memoryIndex();
      walk.checkData(data);
      const n = walk.pop(I32);
      const from = walk.pop(I32);
      const to = walk.pop(walk.memoryAddress(memory));
      walk.out?.memoryInit(memory, data | 0, to, from, n);
      return true;
    }
    case w.DATA_DROP: {
      const data = walk.dataIndex();
      walk.out?.dataDrop(data);
      return true;
    }
    case w.MEMORY_COPY: {
      const target = walk.memoryIndex();
      const source = walk.memoryIndex();
      const n = walk.pop(walk.smaller(walk.memoryAddress(target), walk.memoryAddress(source)));
      const from = walk.pop(walk.memoryAddress(source));
      const to = walk.pop(walk.memoryAddress(target));
      walk.out?.memoryCopy(target, source, to, from, n);
      return true;
    }
    case w.MEMORY_FILL: {
      const memory = walk.memoryIndex();
      const n = walk.pop(walk.memoryAddress(memory));
      const byte = walk.pop(I32);
      const to = walk.pop(walk.memoryAddress(memory));
      walk.out?.memoryFill(memory, to, byte, n);
      return true;
    }
    case w.TABLE_GET: {
      const table = walk.tableIndex();
      const index = walk.pop(walk.tableAddress(table));
      walk.push(module.tables[table].type.element, walk.out?.tableGet(table, index) ?? NO_VALUE);
      return true;
    }
    case w.TABLE_SET: {
      const table = walk.tableIndex();
      walk.facts.tableWritten[table] = 1;
      const v = walk.pop(module.tables[table].type.element);
      const index = walk.pop(walk.tableAddress(table));
      walk.out?.tableSet(table, index, v);
      return true;
    }
    case w.TABLE_SIZE: {
      const table = walk.tableIndex();
      walk.push(walk.tableAddress(table), walk.out?.tableSize(table) ?? NO_VALUE);
      return true;
    }
    case w.TABLE_GROW: {
      const table = walk.tableIndex();
      walk.facts.tableWritten[table] = 1;
      const n = walk.pop(walk.tableAddress(table));
      const v = walk.pop(module.tables[table].type.element);
      walk.push(walk.tableAddress(table), walk.out?.tableGrow(table, v, n) ?? NO_VALUE);
      return true;
    }
    case w.TABLE_FILL: {
      const table = walk.tableIndex();
      walk.facts.tableWritten[table] = 1;
      const n = walk.pop(walk.tableAddress(table));
      const v = walk.pop(module.tables[table].type.element);
      const index = walk.pop(walk.tableAddress(table));
      walk.out?.tableFill(table, index, v, n);
      return true;
    }
    case w.TABLE_COPY: {
      const target = walk.tableIndex();
      walk.facts.tableWritten[target] = 1;
      const source = walk.tableIndex();
      walk.expectMatch(module.tables[source].type.element, module.tables[target].type.element);
      const n = walk.pop(walk.smaller(walk.tableAddress(target), walk.tableAddress(source)));
      const from = walk.pop(walk.tableAddress(source));
      const to = walk.pop(walk.tableAddress(target));
      walk.out?.tableCopy(target, source, to, from, n);
      return true;
    }
    case w.TABLE_INIT: {
      const elem = walk.r.u32();
      const table = walk.tableIndex();
      walk.checkElem(elem);
      walk.expectMatch(module.elems[elem].type, module.tables[table].type.element);
      const n = walk.pop(I32);
      const from = walk.pop(I32);
      const to = walk.pop(walk.tableAddress(table));
      walk.out?.tableInit(table, elem | 0, to, from, n);
      return true;
    }
    case w.ELEM_DROP: {
      const elem = walk.elemIndex();
      walk.out?.elemDrop(elem);
      return true;
    }
    default:
      return false;
  }
}
