// A map from pairs of non-negative int32 to int32: open addressing in typed columns, cleared in O(used).

export const ABSENT = -1;

export class PairMap {
  private first: Int32Array<ArrayBuffer>;
  private second: Int32Array<ArrayBuffer>;
  private value: Int32Array<ArrayBuffer>;
  private used: number;
  private mask: number;

  constructor() {
    this.first = new Int32Array(64).fill(ABSENT);
    this.second = new Int32Array(64);
    this.value = new Int32Array(64);
    this.used = 0;
    this.mask = 63;
  }

  private slot(a: number, b: number): number {
    let at = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
    at = (at ^ (at >>> 15)) & this.mask;
    while (this.first[at] !== ABSENT && (this.first[at] !== a || this.second[at] !== b))
      at = (at + 1) & this.mask;
    return at;
  }

  /** The value of (a, b), or ABSENT. */
  get(a: number, b: number): number {
    const at = this.slot(a, b);
    return this.first[at] === ABSENT ? ABSENT : this.value[at];
  }

  set(a: number, b: number, x: number): void {
    const at = this.slot(a, b);
    this.value[at] = x;
    if (this.first[at] !== ABSENT) return;
    this.first[at] = a;
    this.second[at] = b;
    if (++this.used * 2 > this.mask) this.grow();
  }

  private grow(): void {
    const { first, second, value } = this;
    const size = first.length * 2;
    this.first = new Int32Array(size).fill(ABSENT);
    this.second = new Int32Array(size);
    this.value = new Int32Array(size);
    this.mask = size - 1;
    for (let i = 0; i < first.length; i++) {
      if (first[i] === ABSENT) continue;
      const at = this.slot(first[i], second[i]);
      this.first[at] = first[i];
      this.second[at] = second[i];
      this.value[at] = value[i];
    }
  }

  clear(): void {
    if (this.used > 0) this.first.fill(ABSENT);
    this.used = 0;
  }
}
