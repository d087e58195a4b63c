// Byte strings interned as small integers: keywords, identifiers, and whatever else the assembler compares by
// content. A crit-bit tree (D. J. Bernstein): no hash that a hostile text could make collide, so that interning is
// linear in the text. The strings lie in one pool; nothing is allocated per string.
//
// Requires: strings of less than 2²⁷ bytes, so that a place is an int32.

import { Bytes } from "../base/bytes.ts";
import { IntColumn } from "../base/columns.ts";

/**
 * A string is read as the characters byte + 1, and then 0: 9 bits each, so that no string is a prefix of another.
 * A node tells strings apart by one bit of one character; all strings below it agree before that bit. Children
 * below zero are leaves: ~symbol.
 */
export class Symbols {
  private readonly pool: Bytes;
  /** Symbol → where its bytes start in the pool; they end where the next symbol's start. */
  private readonly starts: IntColumn;
  private readonly places: IntColumn; // node → character << 4 | 8 − bit: ascends on every path
  private readonly children: IntColumn; // node × 2 → child where the bit is 0, then where it is 1
  private root: number;

  constructor() {
    this.pool = new Bytes(1024);
    this.starts = new IntColumn(256);
    this.starts.push(0);
    this.places = new IntColumn(256);
    this.children = new IntColumn(512);
    this.root = 0;
  }

  /** How many there are: the next new one gets this number. */
  get count(): number {
    return this.starts.length - 1;
  }

  /** The number of the byte string; the same for equal strings. */
  intern(text: Uint8Array, start: number, end: number): number {
    const fresh = this.count;
    if (fresh === 0) {
      this.root = ~0;
      return this.add(text, start, end);
    }
    // the only string that can be equal
    const places = this.places.data;
    const children = this.children.data;
    let at = this.root;
    while (at >= 0) at = children[at * 2 + bitAt(text, start, end, places[at])];
    const place = this.difference(~at, text, start, end);
    if (place < 0) return ~at;
    // a new node goes above the first one on the path that looks at a later bit
    let parent = -1;
    at = this.root;
    while (at >= 0 && places[at] < place) {
      parent = at * 2 + bitAt(text, start, end, places[at]);
      at = children[parent];
    }
    const bit = bitAt(text, start, end, place);
    const node = this.places.push(place);
    this.children.push(bit === 0 ? ~fresh : at);
    this.children.push(bit === 0 ? at : ~fresh);
    if (parent < 0) this.root = node;
    else this.children.set(parent, node);
    return this.add(text, start, end);
  }

  /** The bytes of a symbol: a view, valid until the next one is interned. */
  bytes(symbol: number): Uint8Array {
    return this.pool.data.subarray(this.starts.get(symbol), this.starts.get(symbol + 1));
  }

  private add(text: Uint8Array, start: number, end: number): number {
    this.pool.bytes(text.subarray(start, end));
    return this.starts.push(this.pool.length) - 1;
  }

  /** The place of the first bit at which a symbol and the string differ, or -1. */
  private difference(symbol: number, text: Uint8Array, start: number, end: number): number {
    const from = this.starts.data[symbol];
    const length = this.starts.data[symbol + 1] - from;
    const bytes = this.pool.data;
    const common = Math.min(length, end - start);
    let i = 0;
    while (i < common && bytes[from + i] === text[start + i]) i++;
    if (i === length && i === end - start) return -1;
    const a = i < length ? bytes[from + i] + 1 : 0;
    const b = i < end - start ? text[start + i] + 1 : 0;
    return (i << 4) | (Math.clz32(a ^ b) - 23);
  }
}

/** The bit of a string at a place (Symbols.places). */
function bitAt(text: Uint8Array, start: number, end: number, place: number): number {
  const at = start + (place >> 4);
  return at < end ? ((text[at] + 1) >> (8 - (place & 15))) & 1 : 0;
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
