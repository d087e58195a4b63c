// A decoded module (spec, "Modules"): what decode.ts leaves and everything later reads. Index spaces hold
// imports first. Function bodies and constant expressions stay bytes until walk/ reads them.

import type { f64, u32 } from "../base/numbers.ts";
import type { DefType, GlobalType, MemoryType, TableType, ValType } from "./types.ts";

export const EXT_FUNC = 0;
export const EXT_TABLE = 1;
export const EXT_MEMORY = 2;
export const EXT_GLOBAL = 3;
export const EXT_TAG = 4;

export class Import {
  readonly module: string;
  readonly name: string;
  readonly kind: number; // EXT_…
  /** Index into the space of its kind. */
  readonly index: number;
  readonly at: number;

  constructor(module: string, name: string, kind: number, index: number, at: number) {
    this.module = module;
    this.name = name;
    this.kind = kind;
    this.index = index;
    this.at = at;
  }
}

export class Export {
  readonly name: string;
  readonly kind: number; // EXT_…
  readonly index: u32;
  readonly at: number;

  constructor(name: string, kind: number, index: u32, at: number) {
    this.name = name;
    this.kind = kind;
    this.index = index;
    this.at = at;
  }
}

/** A range of bytes of the module: `start` inclusive, `end` exclusive. */
export class Range {
  readonly start: number;
  readonly end: number;

  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
  }
}

export const NO_RANGE: Range = new Range(0, 0);

export class Func {
  readonly type: u32; // type index
  /** Local declarations and code, without the size; NO_RANGE when imported. */
  readonly body: Range;
  readonly imported: boolean;

  constructor(type: u32, body: Range, imported: boolean) {
    this.type = type;
    this.body = body;
    this.imported = imported;
  }
}

export class Table {
  readonly type: TableType;
  /** Constant expression of the initial value; NO_RANGE: ref.null, or imported. */
  readonly init: Range;
  readonly imported: boolean;

  constructor(type: TableType, init: Range, imported: boolean) {
    this.type = type;
    this.init = init;
    this.imported = imported;
  }
}

export class Memory {
  readonly type: MemoryType;
  readonly imported: boolean;

  constructor(type: MemoryType, imported: boolean) {
    this.type = type;
    this.imported = imported;
  }
}

export class Global {
  readonly type: GlobalType;
  readonly init: Range; // NO_RANGE when imported
  readonly imported: boolean;

  constructor(type: GlobalType, init: Range, imported: boolean) {
    this.type = type;
    this.init = init;
    this.imported = imported;
  }
}

export class Tag {
  readonly type: u32; // type index
  readonly imported: boolean;

  constructor(type: u32, imported: boolean) {
    this.type = type;
    this.imported = imported;
  }
}

export const PASSIVE = 0;
export const ACTIVE = 1;
export const DECLARATIVE = 2;

/** Either `funcs` (the short form) or `exprs` holds the elements; the other is empty. */
export class Elem {
  readonly mode: number; // PASSIVE, ACTIVE, DECLARATIVE
  readonly table: u32;
  readonly offset: Range;
  readonly type: ValType;
  readonly funcs: Uint32Array;
  readonly exprs: readonly Range[];
  readonly at: number;

  constructor(
    mode: number,
    table: u32,
    offset: Range,
    type: ValType,
    funcs: Uint32Array,
    exprs: readonly Range[],
    at: number,
  ) {
    this.mode = mode;
    this.table = table;
    this.offset = offset;
    this.type = type;
    this.funcs = funcs;
    this.exprs = exprs;
    this.at = at;
  }
}

export class Data {
  readonly mode: number; // PASSIVE or ACTIVE
  readonly memory: u32;
  readonly offset: Range;
  readonly bytes: Range;
  readonly at: number;

  constructor(mode: number, memory: u32, offset: Range, bytes: Range, at: number) {
    this.mode = mode;
    this.memory = memory;
    this.offset = offset;
    this.bytes = bytes;
    this.at = at;
  }
}

export class Custom {
  readonly name: string;
  readonly range: Range;

  constructor(name: string, range: Range) {
    this.name = name;
    this.range = range;
  }
}

export class Module {
  /** The whole binary. All ranges point into it. */
  readonly bytes: Uint8Array;
  readonly types: DefType[];
  readonly imports: Import[];
  readonly funcs: Func[];
  readonly tables: Table[];
  readonly memories: Memory[];
  readonly globals: Global[];
  readonly tags: Tag[];
  readonly exports: Export[];
  readonly elems: Elem[];
  readonly datas: Data[];
  readonly customs: Custom[];
  /** Function index, or -1. */
  start: f64;
  /** Declared count of data segments, or -1 without a data count section. */
  dataCount: f64;
  /** From the name section, lenient: malformed names are ignored. Function index → name. */
  readonly funcNames: Map<number, string>;
  /** Function index → local index → name. */
  readonly localNames: Map<number, Map<number, string>>;
  moduleName: string;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.types = [];
    this.imports = [];
    this.funcs = [];
    this.tables = [];
    this.memories = [];
    this.globals = [];
    this.tags = [];
    this.exports = [];
    this.elems = [];
    this.datas = [];
    this.customs = [];
    this.start = -1;
    this.dataCount = -1;
    this.funcNames = new Map();
    this.localNames = new Map();
    this.moduleName = "";
  }
}
