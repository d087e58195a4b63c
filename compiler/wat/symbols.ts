// Byte strings interned as small integers: keywords, identifiers, and whatever else the assembler compares by
// content. Open addressing over FNV-1a hashes; the bytes lie in one pool, so that interning allocates nothing.

import { Bytes } from "../base/bytes.ts";
import { IntColumn } from "../base/columns.ts";

export class Symbols {
  private readonly pool: Bytes;
  /** Symbol → where its bytes start in the pool; they end where the next symbol's start. */
  private readonly starts: IntColumn;
  private readonly hashes: IntColumn;
  /** Slot → symbol + 1, or 0. */
  private slots: Int32Array<ArrayBuffer>;

  constructor() {
    this.pool = new Bytes(1024);
    this.starts = new IntColumn(256);
    this.starts.push(0);
    this.hashes = new IntColumn(256);
    this.slots = new Int32Array(2048);
  }

  /** How many there are: the next new one gets this number. */
  get count(): number {
    return this.hashes.length;
  }

  /** The number of the byte string; the same for equal strings. */
  intern(text: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5 | 0;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text[i], 0x01000193);
    const mask = this.slots.length - 1;
    let at = (hash ^ (hash >>> 15)) & mask;
    while (this.slots[at] !== 0) {
      const symbol = this.slots[at] - 1;
      if (this.hashes.data[symbol] === hash && this.equals(symbol, text, start, end)) return symbol;
      at = (at + 1) & mask;
    }
    const symbol = this.hashes.push(hash);
    this.pool.bytes(text.subarray(start, end));
    this.starts.push(this.pool.length);
    this.slots[at] = symbol + 1;
    if (this.hashes.length * 2 > mask) this.rehash();
    return symbol;
  }

  /** The bytes of a symbol: a view, valid until the next one is interned. */
  bytes(symbol: number): Uint8Array {
    return this.pool.data.subarray(this.starts.get(symbol), this.starts.get(symbol + 1));
  }

  private equals(symbol: number, text: Uint8Array, start: number, end: number): boolean {
    const from = this.starts.data[symbol];
    if (this.starts.data[symbol + 1] - from !== end - start) return false;
    for (let i = start; i < end; i++) if (this.pool.data[from + i - start] !== text[i]) return false;
    return true;
  }

  private rehash(): void {
    const size = this.slots.length * 2;
    this.slots = new Int32Array(size);
    for (let symbol = 0; symbol < this.hashes.length; symbol++) {
      const hash = this.hashes.data[symbol];
      let at = (hash ^ (hash >>> 15)) & (size - 1);
      while (this.slots[at] !== 0) at = (at + 1) & (size - 1);
      this.slots[at] = symbol + 1;
    }
  }
}

/** Symbol → index in one index space. Reused scope after scope: `clear` costs what was bound. */
export class Scope {
  private readonly indices: IntColumn; // index + 1, or 0
  private readonly bound: IntColumn;

  constructor() {
    this.indices = new IntColumn();
    this.bound = new IntColumn();
  }

  /** The index of `symbol`, or -1. */
  find(symbol: number): number {
    return symbol < this.indices.length ? this.indices.data[symbol] - 1 : -1;
  }

  /** Binds a symbol, replacing an earlier binding; -1 unbinds. */
  bind(symbol: number, index: number): void {
    if (symbol >= this.indices.length) this.indices.resize(symbol + 1, 0);
    this.indices.data[symbol] = index + 1;
    this.bound.push(symbol);
  }

  clear(): void {
    for (let i = 0; i < this.bound.length; i++) this.indices.data[this.bound.data[i]] = 0;
    this.bound.clear();
  }
}
