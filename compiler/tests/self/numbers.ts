// Programs for tests of the translator: each exported function is run by Node and translated, and both must yield the
// same text. Here: numbers.

import type { f64, u32 } from "../../base/numbers.ts";

const EDGES: readonly number[] = [
  0, 1, -1, 2, -2, 7, 255, 65535, 65536, 2147483647, -2147483648, 123456789, -987654321,
];

function show(x: f64): string {
  return Number.isNaN(x) ? "NaN" : `${Math.floor(x)}|${(x * 8) & 7}`;
}

function all(f: (a: number, b: number) => string): string {
  const parts: string[] = [];
  for (const a of EDGES) for (const b of EDGES) parts.push(f(a, b));
  return parts.join(" ");
}

export function sumsTruncated(): string {
  return all(
    (a, b) =>
      `${(a + b) | 0},${(a - b) | 0},${(a * 3 - b) | 0},${(a * b) | 0},${-a | 0},${(a * 100000007) | 0}`,
  );
}

export function sumsUnsigned(): string {
  return all((a, b) => `${(a + b) >>> 0},${(a - b) >>> 0},${((a >>> 0) + (b >>> 0)) >>> 0}`);
}

export function sumsWide(): string {
  return all((a, b) => {
    const sum: f64 = a + b;
    const difference: f64 = (a >>> 0) - (b >>> 0);
    const product: f64 = a * b;
    return `${show(sum)},${show(difference)},${product < 0 ? "-" : "+"}`;
  });
}

/** A product and something small, as an int32: also where the product alone is none. */
export function products(): string {
  const cells = Int32Array.from(EDGES);
  const parts: string[] = [];
  const stride = EDGES[3];
  for (let a = 0; a < 5; a++) {
    for (let b = 0; b < 3; b++) parts.push(`${cells[a * stride + b]} ${cells[8 - a * stride + b]}`);
  }
  const half = EDGES[8] + 1;
  const index = half * EDGES[2] + half; // 65537 · -1 + 65537
  const largest = half * (EDGES[8] - 1) + EDGES[10]; // 65537 · 65535 - 2147483648
  const [a, b, c] = [half * 16384 + 1, half * 16384, half * 16384 + 2];
  const rounded = a * a - b * c; // 1, were there no rounding
  return `${parts.join()} ${cells[index]} ${largest} ${rounded}`;
}

export function comparisons(): string {
  return all((a, b) => {
    const rows = [
      a < b,
      a + b > a,
      a + 1 <= b,
      a >>> 0 < b >>> 0,
      a === b,
      a !== b,
      a * 2 >= b,
      a >>> 0 === b,
      (a >>> 0) + 1 > b,
    ];
    return rows.map((x) => (x ? "1" : "0")).join("");
  });
}

export function bits(): string {
  return all(
    (a, b) =>
      `${a & b},${a | b},${a ^ b},${a << (b & 31)},${a >> (b & 31)},${a >>> (b & 31)},${~a},${a << b}`,
  );
}

export function quotients(): string {
  return all((a, b) => {
    if (b === 0) return "-";
    const q: f64 = a / b;
    return `${(a / b) | 0},${(a / 3) | 0},${a % b},${(a >>> 0) % (b >>> 0)},${show(Math.trunc(q))},${show(Math.floor(q))}`;
  });
}

export function imul(): string {
  return all(
    (a, b) => `${Math.imul(a, b)},${Math.clz32(a)},${Math.min(a, b)},${Math.max(a, b, 3)},${Math.abs(a)}`,
  );
}

export function truncations(): string {
  const rows = Float64Array.of(
    0.5,
    -0.5,
    1.9,
    -1.9,
    2147483648,
    4294967295,
    4294967296,
    -4294967297.5,
    2 ** 53,
    2 ** 63,
    2 ** 64,
    -(2 ** 63),
    3 * 2 ** 70,
    2 ** 84,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  );
  const parts: string[] = [];
  for (const x of rows) parts.push(`${x | 0},${x >>> 0},${~x},${x & 0xff}`);
  return parts.join(" ");
}

export function floats(): string {
  const x: f64 = 1 / 3;
  const parts = [
    show(x * 3),
    show(2 ** 10),
    show(10 ** 5),
    show(2 ** -2 * 4),
    show(Math.ceil(1.2)),
    show(-x),
  ];
  const zero: f64 = -0;
  parts.push(
    Object.is(zero, 0) ? "plus" : "minus",
    Number.isNaN(x) ? "nan" : "number",
    Number.isInteger(x) ? "int" : "part",
  );
  parts.push(show(Math.min(x, 0.25)), show(Math.max(x, 7)), show(Math.sqrt(16)), show(1e15 % 1000));
  return parts.join(" ");
}

export function counting(): string {
  let a = 5;
  let f: f64 = 0.5;
  const list = [1, 2, 3];
  const cells = new Uint8Array(2);
  cells[0] = 255;
  const parts = [`${a++} ${++a} ${a--} ${--a}`];
  f++;
  list[1]++;
  cells[0]++;
  cells[1] = 300;
  cells[1] += 300;
  a += 3;
  a -= 1;
  a *= 4;
  a |= 1;
  a ^= 6;
  a <<= 2;
  a >>= 1;
  a &= 0xff;
  f /= 4;
  f *= 2;
  parts.push(`${a} ${show(f)} ${list[1]} ${cells[0]} ${cells[1]}`);
  let u: u32 = 0xffffffff;
  u >>>= 4;
  u = (u * 16 + 15) >>> 0;
  parts.push(`${u} ${u % 10} ${u >>> 31} ${u - 1 > 4294967293 ? "big" : "small"}`);
  return parts.join(" ");
}

export function text(): string {
  const u: u32 = 4000000000;
  const f: f64 = 2 ** 40 + 1;
  return `${u} ${f} ${-5} ${(255).toString(16)} ${u.toString(16)} ${(-255).toString(16)} ${0} ${(5).toString(2)} ${-2147483648}`;
}

export function parsing(): string {
  const read = (t: string): string => `${Number(t)},${Number.parseInt(t, 10)},${Number.parseInt(t, 16)}`;
  return ["12", "-7", " 3 ", "", "0x1F", "12x", "-", "ff", "-0x10", "+5", "4294967296"].map(read).join(" ");
}

export function conditions(): string {
  const parts: string[] = [];
  for (const x of EDGES) {
    if (x) parts.push("t");
    else parts.push("f");
    if (x & 1) parts.push("odd");
    parts.push((x || 9) > 1 ? "." : ":", `${(x - 7) | 0 || 3}`);
  }
  return parts.join("");
}
