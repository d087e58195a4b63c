// Flattens a module's trees to the binary format.

import * as imm from "../wasm/imm.ts";
import { INSTRUCTIONS, rowNamed } from "../wasm/instructions.ts";
import {
  ACTIVE,
  type Elem,
  I32,
  I64,
  type Immediate,
  type Limits,
  type MemArg,
  type Node,
  type Origin,
  PASSIVE,
  REF,
  REF_NULL,
  type Tree,
  type Type,
} from "./tree.ts";

class Bytes {
  private data = new Uint8Array(4096);
  length = 0;

  byte(b: number): void {
    if (this.length === this.data.length) {
      const grown = new Uint8Array(this.length * 2);
      grown.set(this.data);
      this.data = grown;
    }
    this.data[this.length++] = b;
  }

  bytes(b: Uint8Array): void {
    for (const byte of b) this.byte(byte);
  }

  unsigned(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 128);
    this.byte(rest);
  }

  unsigned64(value: bigint): void {
    let rest = value;
    for (; rest >= 128n; rest >>= 7n) this.byte(Number(rest & 127n) | 128);
    this.byte(Number(rest));
  }

  signed(value: bigint): void {
    for (let rest = value; ; rest >>= 7n) {
      const low = Number(rest & 127n);
      const done = (rest >> 7n === 0n && low < 64) || (rest >> 7n === -1n && low >= 64);
      this.byte(done ? low : low | 128);
      if (done) return;
    }
  }

  little(value: bigint, size: number): void {
    for (let i = 0; i < size; i++) this.byte(Number((value >> BigInt(8 * i)) & 255n));
  }

  name(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.unsigned(encoded.length);
    this.bytes(encoded);
  }

  type(t: Type): void {
    if (t >= REF) {
      this.byte(0x64);
      this.signed(BigInt(t - REF));
    } else if (t >= REF_NULL) {
      this.byte(0x63);
      this.signed(BigInt(t - REF_NULL));
    } else this.byte(t);
  }

  take(): Uint8Array {
    return this.data.slice(0, this.length);
  }
}

/** Straight-line pieces of code, each with the rows it executes: what the counters of an encoding count. */
export class Pieces {
  readonly rows: number[][] = [];
  readonly firstGlobal: number;

  constructor(firstGlobal: number) {
    this.firstGlobal = firstGlobal;
  }
}

const END = rowNamed("end");
const ELSE = rowNamed("else");
const I32_CONST = rowNamed("i32.const");
const I32_ADD = rowNamed("i32.add");
const GLOBAL_GET = rowNamed("global.get");
const GLOBAL_SET = rowNamed("global.set");

class Encoder {
  readonly out: Bytes;
  private readonly pieces: Pieces | null;

  constructor(out: Bytes, pieces: Pieces | null) {
    this.out = out;
    this.pieces = pieces;
  }

  private opcode(row: number): void {
    const { code } = INSTRUCTIONS[row];
    if (code >>> 24 === 0) this.out.byte(code);
    else {
      this.out.byte(code >>> 24);
      this.out.unsigned(code & 0xffffff);
    }
  }

  /** A new piece begins: counts it. */
  private piece(): void {
    const { pieces } = this;
    if (pieces === null) return;
    const global = pieces.firstGlobal + pieces.rows.push([]) - 1;
    this.opcode(GLOBAL_GET);
    this.out.unsigned(global);
    this.opcode(I32_CONST);
    this.out.byte(1);
    this.opcode(I32_ADD);
    this.opcode(GLOBAL_SET);
    this.out.unsigned(global);
  }

  private executes(row: number): void {
    if (this.pieces !== null) this.pieces.rows[this.pieces.rows.length - 1].push(row);
  }

  /** What follows a statement that may leave is a piece of its own. */
  list(nodes: readonly Node[]): void {
    this.piece();
    for (const node of nodes) {
      const leaves = this.node(node);
      if (leaves) this.piece();
    }
  }

  /** True if control may have gone elsewhere in between. */
  node(node: Node): boolean {
    let leaves = false;
    for (const kid of node.kids) leaves = this.node(kid) || leaves;
    if (leaves) this.piece();
    this.executes(node.row);
    const row = INSTRUCTIONS[node.row];
    this.opcode(node.row);
    for (const [i, kind] of row.kinds.entries()) this.immediate(kind, node.immediates[i]);
    if (node.bodies.length === 0) return MAY_LEAVE.has(row.name) || /^(call|br|return)/.test(row.name);
    this.list(node.bodies[0]);
    if (node.bodies.length === 2) {
      this.executes(ELSE);
      this.opcode(ELSE);
      this.list(node.bodies[1]);
    }
    this.opcode(END);
    this.executes(END);
    return true;
  }

  expression(nodes: readonly Node[]): void {
    for (const node of nodes) this.node(node);
    this.opcode(END);
  }

  private immediate(kind: number, value: Immediate): void {
    const { out } = this;
    switch (kind) {
      case imm.I32:
      case imm.I64:
        out.signed(BigInt(value as number | bigint));
        return;
      case imm.F32:
        out.little(BigInt(value as number), 4);
        return;
      case imm.F64:
        out.little(value as bigint, 8);
        return;
      case imm.V128:
        out.little(value as bigint, 16);
        return;
      case imm.BLOCKTYPE:
      case imm.HEAPTYPE: {
        const number = value as number;
        out.signed(BigInt(number));
        return;
      }
      case imm.MEMARG: {
        const { align, memory, offset } = value as MemArg;
        out.unsigned(memory === 0 ? align : align | 64);
        if (memory !== 0) out.unsigned(memory);
        out.unsigned64(BigInt(offset));
        return;
      }
      case imm.LABELS:
        out.unsigned((value as number[]).length);
        for (const v of value as number[]) out.unsigned(v);
        return;
      case imm.VALTYPES:
        out.unsigned((value as number[]).length);
        for (const v of value as number[]) out.type(v);
        return;
      case imm.LANE:
        out.byte(value as number);
        return;
      case imm.SHUFFLE:
        for (const v of value as number[]) out.byte(v);
        return;
      default:
        out.unsigned(value as number);
        return;
    }
  }
}

const MAY_LEAVE = new Set(["unreachable", "throw"]);

function section(out: Bytes, id: number, fill: (s: Bytes) => void): void {
  const s = new Bytes();
  fill(s);
  out.byte(id);
  out.unsigned(s.length);
  out.bytes(s.take());
}

function vector<T>(s: Bytes, items: readonly T[], each: (item: T, i: number) => void): void {
  s.unsigned(items.length);
  items.forEach(each);
}

function limits(s: Bytes, { min, max, address }: Limits): void {
  s.byte(address === I64 ? 5 : 1);
  s.unsigned(min);
  s.unsigned(max);
}

const FUNCTION = 0;
const TABLE = 1;
const MEMORY = 2;
const GLOBAL = 3;

/** The imports among `items`, with their origins. */
function imported<T extends { readonly origin: Origin | null }>(items: readonly T[]): [T, Origin][] {
  return items.flatMap((item): [T, Origin][] => (item.origin === null ? [] : [[item, item.origin]]));
}

/** The binary. With `pieces`, every piece of code counts its executions in a global of its own. */
export function encode(tree: Tree, pieces: Pieces | null = null): Uint8Array {
  const out = new Bytes();
  out.bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const code = new Bytes();
  code.unsigned(tree.funcs.length);
  for (const fn of tree.funcs) {
    const body = new Bytes();
    const runs: [number, Type][] = [];
    for (const type of fn.locals) {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    vector(body, runs, ([count, type]) => {
      body.unsigned(count);
      body.type(type);
    });
    const encoder = new Encoder(body, pieces);
    encoder.list(fn.body);
    body.byte(0x0b);
    code.unsigned(body.length);
    code.bytes(body.take());
  }
  section(out, 1, (s) =>
    vector(s, tree.types, (type) => {
      s.byte(0x60);
      vector(s, type.params, (t) => s.type(t));
      vector(s, type.results, (t) => s.type(t));
    }),
  );
  const memories = imported(tree.memories);
  const tables = imported(tree.tables);
  const globals = imported(tree.globals);
  section(out, 2, (s) => {
    s.unsigned(tree.imports.length + memories.length + tables.length + globals.length);
    const start = ({ module, name }: Origin, kind: number) => {
      s.name(module);
      s.name(name);
      s.byte(kind);
    };
    for (const { origin, type } of tree.imports) {
      start(origin, FUNCTION);
      s.unsigned(type);
    }
    for (const [memory, origin] of memories) {
      start(origin, MEMORY);
      limits(s, memory);
    }
    for (const [table, origin] of tables) {
      start(origin, TABLE);
      s.type(table.type);
      limits(s, table);
    }
    for (const [global, origin] of globals) {
      start(origin, GLOBAL);
      s.type(global.type);
      s.byte(global.mutable ? 1 : 0);
    }
  });
  section(out, 3, (s) => vector(s, tree.funcs, (fn) => s.unsigned(fn.type)));
  section(out, 4, (s) =>
    vector(s, tree.tables.slice(tables.length), (table) => {
      s.type(table.type);
      limits(s, table);
    }),
  );
  section(out, 5, (s) => vector(s, tree.memories.slice(memories.length), (memory) => limits(s, memory)));
  section(out, 6, (s) => {
    s.unsigned(tree.globals.length - globals.length + (pieces === null ? 0 : pieces.rows.length));
    for (const global of tree.globals.slice(globals.length)) {
      s.type(global.type);
      s.byte(global.mutable ? 1 : 0);
      new Encoder(s, null).expression(global.init);
    }
    for (let i = 0; pieces !== null && i < pieces.rows.length; i++)
      s.bytes(Uint8Array.of(I32, 1, 0x41, 0, 0x0b));
  });
  section(out, 7, (s) => {
    const exports: [string, number, number][] = [];
    for (const [i, fn] of tree.funcs.entries())
      if (fn.exported !== "") exports.push([fn.exported, FUNCTION, tree.imports.length + i]);
    for (const [i, { exported }] of tree.imports.entries())
      if (exported) exports.push([`i${i}`, FUNCTION, i]);
    for (let i = 0; i < tree.tables.length; i++) exports.push([`t${i}`, TABLE, i]);
    for (let i = 0; i < tree.memories.length; i++) exports.push([`m${i}`, MEMORY, i]);
    for (const [i, global] of tree.globals.entries()) if (global.exported) exports.push([`g${i}`, GLOBAL, i]);
    for (let i = 0; pieces !== null && i < pieces.rows.length; i++)
      exports.push([`p${i}`, GLOBAL, pieces.firstGlobal + i]);
    vector(s, exports, ([name, kind, index]) => {
      s.name(name);
      s.byte(kind);
      s.unsigned(index);
    });
  });
  if (tree.start >= 0) section(out, 8, (s) => s.unsigned(tree.start));
  section(out, 9, (s) => vector(s, tree.elems, (elem) => encodeElem(s, elem)));
  section(out, 12, (s) => s.unsigned(tree.datas.length));
  out.byte(10);
  out.unsigned(code.length);
  out.bytes(code.take());
  section(out, 11, (s) =>
    vector(s, tree.datas, (data) => {
      s.unsigned(data.mode === PASSIVE ? 1 : data.memory === 0 ? 0 : 2);
      if (data.mode === ACTIVE && data.memory !== 0) s.unsigned(data.memory);
      if (data.mode === ACTIVE) new Encoder(s, null).expression(data.offset);
      s.unsigned(data.bytes.length);
      s.bytes(data.bytes);
    }),
  );
  return out.take();
}

/** Always with expressions (flags 5, 6 and 7). */
function encodeElem(s: Bytes, elem: Elem): void {
  s.unsigned(elem.mode === ACTIVE ? 6 : elem.mode === PASSIVE ? 5 : 7);
  if (elem.mode === ACTIVE) {
    s.unsigned(elem.table);
    new Encoder(s, null).expression(elem.offset);
  }
  s.type(elem.type);
  vector(s, elem.items, (item) => new Encoder(s, null).expression([item]));
}
