// Growable typed-array columns: bulk data of the compiler lives in these (docs/decisions.md, "Columns").
// `clear` keeps the storage, so that one column serves function after function.

export class IntColumn {
  data: Int32Array<ArrayBuffer>;
  length: number;

  constructor(capacity = 64) {
    this.data = new Int32Array(capacity);
    this.length = 0;
  }

  push(x: number): number {
    if (this.length === this.data.length) this.data = grown(this.data, this.length + 1);
    this.data[this.length] = x;
    return this.length++;
  }

  get(i: number): number {
    return this.data[i];
  }

  set(i: number, x: number): void {
    this.data[i] = x;
  }

  /** Makes the column `n` long; new cells hold `fill`. */
  resize(n: number, fill: number): void {
    if (n > this.data.length) this.data = grown(this.data, n);
    if (n > this.length) this.data.fill(fill, this.length, n);
    this.length = n;
  }

  pop(): number {
    return this.data[--this.length];
  }

  clear(): void {
    this.length = 0;
  }
}

/** Index of the first of the ascending values that is not below `value`; their number if there is none. */
export function lowerBound(ascending: IntColumn, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending.get(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `old` with room for at least `needed` elements, doubling. */
export function grown(old: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(Math.max(needed, old.length * 2, 16));
  next.set(old);
  return next;
}

export function grown8(old: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(Math.max(needed, old.length * 2, 16));
  next.set(old);
  return next;
}

export function grown16(old: Uint16Array<ArrayBuffer>, needed: number): Uint16Array<ArrayBuffer> {
  const next = new Uint16Array(Math.max(needed, old.length * 2, 16));
  next.set(old);
  return next;
}

/** A set of small integers as bit words. */
export class BitSet {
  words: Int32Array<ArrayBuffer>;

  constructor(size: number) {
    this.words = new Int32Array((size + 31) >> 5);
  }

  has(i: number): boolean {
    return (this.words[i >> 5] & (1 << (i & 31))) !== 0;
  }

  add(i: number): void {
    this.words[i >> 5] |= 1 << (i & 31);
  }

  remove(i: number): void {
    this.words[i >> 5] &= ~(1 << (i & 31));
  }

  /** Adds all of `other`; true when that changed this set. Both must have the same size. */
  union(other: BitSet): boolean {
    let changed = 0;
    for (let i = 0; i < this.words.length; i++) {
      const next = this.words[i] | other.words[i];
      changed |= next ^ this.words[i];
      this.words[i] = next;
    }
    return changed !== 0;
  }

  clear(): void {
    this.words.fill(0);
  }
}
