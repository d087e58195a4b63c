// Deterministic pseudo-random numbers: sfc32 (Chris Doty-Humphrey, PractRand), seeded by one integer.

export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  constructor(seed: number) {
    this.a = seed | 0;
    this.b = (seed / 0x100000000) | 0;
    this.c = 0x9e3779b9 | 0;
    this.counter = 1;
    for (let i = 0; i < 12; i++) this.int32();
  }

  int32(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t;
  }

  int64(): bigint {
    return BigInt.asIntN(64, (BigInt(this.int32()) << 32n) | BigInt(this.int32() >>> 0));
  }

  /** In [0, n). */
  below(n: number): number {
    return (this.int32() >>> 0) % n;
  }

  /** In [from, to]. */
  range(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.below(1000) < percent * 10;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }

  /** An index, each as often as its weight says. */
  weighted(weights: readonly number[]): number {
    let at = this.below(weights.reduce((sum, w) => sum + w, 0));
    for (let i = 0; ; i++) {
      at -= weights[i];
      if (at < 0) return i;
    }
  }
}
