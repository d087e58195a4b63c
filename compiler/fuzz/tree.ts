// A module as the fuzzer sees it: trees that the generator grows, the reducer prunes and encode.ts flattens.
// A node is an instruction with the nodes that make its operands; what is on the stack already (results of a call,
// parameters of a block) has no node.

/** A value type: its byte in the binary format, or one of the two below plus a type index. */
export type Type = number;
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;
export const REF_NULL = 0x1000;
export const REF = 0x2000;

export class MemArg {
  align: number;
  memory: number;
  offset: number | bigint;

  constructor(align: number, memory: number, offset: number | bigint) {
    this.align = align;
    this.memory = memory;
    this.offset = offset;
  }
}

/** f32 and f64 immediates are their bits, heap and block types the number that is encoded. */
export type Immediate = number | bigint | number[] | MemArg;

export class Node {
  row: number;
  immediates: Immediate[];
  kids: Node[];
  /** Of block, loop and if. */
  bodies: Node[][];
  /** Type of the one result; -1 if there is none, or not one. */
  type: Type;

  constructor(row: number, immediates: Immediate[], kids: Node[], type: Type) {
    this.row = row;
    this.immediates = immediates;
    this.kids = kids;
    this.bodies = [];
    this.type = type;
  }
}

export class FuncType {
  readonly params: readonly Type[];
  readonly results: readonly Type[];

  constructor(params: readonly Type[], results: readonly Type[]) {
    this.params = params;
    this.results = results;
  }
}

export class Fn {
  type: number;
  /** Beyond the parameters. */
  locals: Type[] = [];
  body: Node[] = [];
  /** "" if it is not exported. */
  exported = "";

  constructor(type: number) {
    this.type = type;
  }
}

/** Where an import comes from. */
export class Origin {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }
}

/** The namespace of what is no module's: observe.ts and execute.py have it. */
export const HOST = "h";

/** A memory, or part of a table. */
export class Limits {
  readonly min: number;
  readonly max: number;
  /** I32 or I64. */
  readonly address: Type;
  /** null: it is the module's own. */
  readonly origin: Origin | null;

  constructor(min: number, max: number, address: Type, origin: Origin | null = null) {
    this.min = min;
    this.max = max;
    this.address = address;
    this.origin = origin;
  }
}

export class Table extends Limits {
  readonly type: Type;

  constructor(type: Type, min: number, max: number, address: Type, origin: Origin | null = null) {
    super(min, max, address, origin);
    this.type = type;
  }
}

export class Global {
  readonly type: Type;
  readonly mutable: boolean;
  /** Of an import: what it begins with, if the host makes it. */
  init: Node[];
  readonly origin: Origin | null;
  exported = false;

  constructor(type: Type, mutable: boolean, init: Node[], origin: Origin | null = null) {
    this.type = type;
    this.mutable = mutable;
    this.init = init;
    this.origin = origin;
  }
}

export class ImportedFn {
  readonly origin: Origin;
  readonly type: number;
  exported = false;

  constructor(origin: Origin, type: number) {
    this.origin = origin;
    this.type = type;
  }
}

export const ACTIVE = 0;
export const PASSIVE = 1;
export const DECLARATIVE = 2;

export class Data {
  mode: number;
  memory: number;
  offset: Node[];
  bytes: Uint8Array;

  constructor(mode: number, memory: number, offset: Node[], bytes: Uint8Array) {
    this.mode = mode;
    this.memory = memory;
    this.offset = offset;
    this.bytes = bytes;
  }
}

export class Elem {
  mode: number;
  table: number;
  type: Type;
  offset: Node[];
  /** Each a ref.func or ref.null. */
  items: Node[];

  constructor(mode: number, table: number, type: Type, offset: Node[], items: Node[]) {
    this.mode = mode;
    this.table = table;
    this.type = type;
    this.offset = offset;
    this.items = items;
  }
}

/** One call from outside: all arguments are integers or references, in the notation of observe.ts. */
export class Call {
  readonly instance: string;
  readonly name: string;
  readonly args: readonly string[];

  constructor(instance: string, name: string, args: readonly string[]) {
    this.instance = instance;
    this.name = name;
    this.args = args;
  }
}

function same(a: readonly Type[], b: readonly Type[]): boolean {
  return a.length === b.length && a.every((t, i) => t === b[i]);
}

/** Imported memories, tables and globals come first, as functions do. */
export class Tree {
  /** Later modules import from this namespace. */
  readonly name: string;
  types: FuncType[] = [];
  imports: ImportedFn[] = [];
  funcs: Fn[] = [];
  tables: Table[] = [];
  memories: Limits[] = [];
  globals: Global[] = [];
  datas: Data[] = [];
  elems: Elem[] = [];
  start = -1;

  constructor(name: string) {
    this.name = name;
  }

  typeIndex(params: readonly Type[], results: readonly Type[]): number {
    const found = this.types.findIndex((t) => same(t.params, params) && same(t.results, results));
    return found >= 0 ? found : this.types.push(new FuncType([...params], [...results])) - 1;
  }

  /** The type index of a function, imports first. */
  typeOf(func: number): number {
    const n = this.imports.length;
    return func < n ? this.imports[func].type : this.funcs[func - n].type;
  }

  /** All functions whose type index passes. */
  functions(passes: (type: number) => boolean): number[] {
    const found: number[] = [];
    const count = this.imports.length + this.funcs.length;
    for (let func = 0; func < count; func++) if (passes(this.typeOf(func))) found.push(func);
    return found;
  }
}

/** Modules that are instantiated one after another, and calls into them. */
export class Scene {
  trees: Tree[] = [];
  calls: Call[] = [];
}
