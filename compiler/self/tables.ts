// Map and Set: cells in the order in which they came, found by open addressing. A key that was deleted and comes
// again comes last.

import { asText, type Cell, sameText } from "./machine.ts";
import { hashText } from "./texts.ts";

export class Table {
  keys: Int32Array;
  values: Int32Array;
  /** Of rows: 1 where it was deleted. */
  dead: Uint8Array;
  /** Rows, the dead ones included. */
  count: number;
  size: number;
  /** Number of the row + 1 by hash; 0: none. */
  index: Int32Array;
  readonly isText: boolean;

  constructor(isText: boolean) {
    this.keys = new Int32Array(8);
    this.values = new Int32Array(8);
    this.dead = new Uint8Array(8);
    this.count = 0;
    this.size = 0;
    this.index = new Int32Array(16);
    this.isText = isText;
  }

  private hash(key: Cell): number {
    const h = this.isText ? hashText(asText(key)) : Math.imul(key ^ (key >>> 16), 0x45d9f3b);
    return h ^ (h >>> 16);
  }

  private isSame(row: number, key: Cell): boolean {
    return this.isText ? sameText(asText(this.keys[row]), asText(key)) : this.keys[row] === key;
  }

  /** Where the key is among hashes, alive or dead, or would be. */
  private slot(key: Cell): number {
    const mask = this.index.length - 1;
    let at = this.hash(key) & mask;
    while (this.index[at] !== 0 && !this.isSame(this.index[at] - 1, key)) at = (at + 1) & mask;
    return at;
  }

  /** The key's row, or -1. */
  find(key: Cell): number {
    const row = this.index[this.slot(key)] - 1;
    return row >= 0 && this.dead[row] === 0 ? row : -1;
  }

  set(key: Cell, value: Cell): void {
    const found = this.find(key);
    if (found >= 0) {
      this.values[found] = value;
      return;
    }
    if (this.count === this.keys.length)
      this.rebuild(this.size * 2 > this.count ? this.count * 2 : this.count);
    let at = this.slot(key);
    if (this.index[at] !== 0) {
      this.rebuild(this.keys.length); // without the dead row of the same key
      at = this.slot(key);
    }
    this.keys[this.count] = key;
    this.values[this.count] = value;
    this.count++;
    this.index[at] = this.count;
    this.size++;
  }

  private rebuild(room: number): void {
    const { keys, values, dead, count } = this;
    this.keys = new Int32Array(room);
    this.values = new Int32Array(room);
    this.dead = new Uint8Array(room);
    this.index = new Int32Array(room * 2);
    this.count = 0;
    this.size = 0;
    for (let i = 0; i < count; i++) if (dead[i] === 0) this.set(keys[i], values[i]);
  }

  remove(key: Cell): boolean {
    const row = this.find(key);
    if (row < 0) return false;
    this.dead[row] = 1;
    this.size--;
    return true;
  }

  clear(): void {
    this.index.fill(0);
    this.dead.fill(0);
    this.count = 0;
    this.size = 0;
  }
}

export function tableGet(t: Table, key: Cell): Cell | undefined {
  const row = t.find(key);
  return row < 0 ? undefined : t.values[row];
}

export function tableHas(t: Table, key: Cell): boolean {
  return t.find(key) >= 0;
}

export function tableSet(t: Table, key: Cell, value: Cell): Table {
  t.set(key, value);
  return t;
}

export function tableAdd(t: Table, key: Cell): Table {
  t.set(key, 0);
  return t;
}

export function tableDelete(t: Table, key: Cell): boolean {
  return t.remove(key);
}

export function tableClear(t: Table): void {
  t.clear();
}

export function tableKeys(t: Table): Cell[] {
  const made: Cell[] = [];
  for (let i = 0; i < t.count; i++) if (t.dead[i] === 0) made.push(t.keys[i]);
  return made;
}

export function tableValues(t: Table): Cell[] {
  const made: Cell[] = [];
  for (let i = 0; i < t.count; i++) if (t.dead[i] === 0) made.push(t.values[i]);
  return made;
}

export function tableEntries(t: Table): Cell[][] {
  const made: Cell[][] = [];
  for (let i = 0; i < t.count; i++) if (t.dead[i] === 0) made.push([t.keys[i], t.values[i]]);
  return made;
}

/** `new Map(rows)` */
export function fillMap(t: Table, rows: readonly (readonly Cell[])[]): Table {
  for (let i = 0; i < rows.length; i++) t.set(rows[i][0], rows[i][1]);
  return t;
}

/** `new Set(keys)` */
export function fillSet(t: Table, keys: readonly Cell[]): Table {
  for (let i = 0; i < keys.length; i++) t.set(keys[i], 0);
  return t;
}
