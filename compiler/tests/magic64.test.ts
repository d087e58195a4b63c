// Division by constants as multiplication, against division itself: divisors and dividends at all edges, and random.

import fc from "fast-check";
import { expect, test } from "vitest";
import { I64, mulHighS64, mulHighU64 } from "../base/int64.ts";
import { hasReciprocal, signedReciprocal, unsignedReciprocal } from "../opt/magic64.ts";

const words = (x: bigint) => new I64(Number(BigInt.asIntN(32, x)), Number(BigInt.asIntN(32, x >> 32n)));
const unsigned = (x: I64) => (BigInt(x.hi >>> 0) << 32n) | BigInt(x.lo >>> 0);
const signed = (x: I64) => BigInt.asIntN(64, unsigned(x));

const EDGES: bigint[] = [3n, 5n, 6n, 7n, 10n, 11n, 25n, 28n, 641n, 1000n, 86400n, 1000000007n, 6700417n];
for (let k = 0n; k < 64n; k++)
  for (const d of [-1n, 0n, 1n, 3n]) EDGES.push(BigInt.asUintN(64, (1n << k) + d));
const dividends = (d: bigint) => [
  ...EDGES,
  d - 1n,
  d,
  d + 1n,
  d * 2n - 1n,
  (1n << 64n) - d,
  ((1n << 64n) / d) * d - 1n,
];

function divideUnsigned(x: bigint, d: I64): bigint {
  const { factor, shift, isLong } = unsignedReciprocal(d);
  const t = (x * unsigned(factor)) >> 64n;
  return isLong ? (((x - t) >> 1n) + t) >> BigInt(shift - 1) : t >> BigInt(shift);
}

function divideSigned(x: bigint, d: I64): bigint {
  const { factor, shift, isLong } = signedReciprocal(d);
  const t = ((x * signed(factor)) >> 64n) + (isLong ? x : 0n);
  const quotient = (BigInt.asIntN(64, t) >> BigInt(shift)) - (x >> 63n);
  return d.hi < 0 ? -quotient : quotient;
}

function check(d: bigint, xs: readonly bigint[]): void {
  const divisor = words(d);
  if (!hasReciprocal(divisor)) return;
  for (const x of xs.map((each) => BigInt.asUintN(64, each))) {
    if (divideUnsigned(x, divisor) !== x / d) expect.fail(`${x} / ${d} unsigned`);
    const [y, e] = [BigInt.asIntN(64, x), BigInt.asIntN(64, d)];
    if (divideSigned(y, divisor) !== y / e) expect.fail(`${y} / ${e} signed`);
  }
}

const word = fc.bigInt(0n, (1n << 64n) - 1n);

test("edges by edges", () => {
  for (const d of EDGES) if (d !== 0n) check(d, dividends(d));
});

test("random numbers", () => {
  fc.assert(
    fc.property(word, fc.nat(63), word, (a, k, x) => check((a >> BigInt(k)) | 1n, dividends(x + 1n))),
  );
});

test("upper halves of products", () => {
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(unsigned(mulHighU64(words(a), words(b)))).toBe((a * b) >> 64n);
      const product = BigInt.asIntN(64, a) * BigInt.asIntN(64, b);
      expect(signed(mulHighS64(words(a), words(b)))).toBe(product >> 64n);
    }),
  );
});
