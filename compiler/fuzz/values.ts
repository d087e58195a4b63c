// Constants worth trying, and nodes for them.

import type { Random } from "./random.ts";
import { rowOf } from "./rows.ts";
import { EXTERNREF, F32, F64, FUNCREF, I32, I64, Node, REF, REF_NULL, type Type } from "./tree.ts";

const EDGES32 = [
  0, 1, -1, 2, -2, 3, 5, 7, 9, 10, 15, 16, 24, 31, 32, 33, 63, 64, 100, 127, 128, -128, -129, 255, 256, 641,
  1000, 0x7fff, 0x8000, -0x8000, 0xfff0, 0xffff, 0x10000, 0xfffff, 0x7ffffff, 0x7fffffff, -0x80000000,
  -0x7fffffff, 0x55555555, 0x33333333, 0x01010101, -0x01010102, 0x12345678, -0x10000, -0x100, -16, -8,
];
const EDGES64 = [
  ...EDGES32.map(BigInt),
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x1ffffffffn,
  -0x80000001n,
  0xffffffff00000000n,
  0x7fffffffffffffffn,
  -0x8000000000000000n,
  -0x7fffffffffffffffn,
  0x5555555555555555n,
  0x0123456789abcdefn,
  0x8000000000n,
  0x3ff0000000000000n,
  // Halfway between two floats, and just beyond.
  0x8000000000000400n,
  0x8000000000000401n,
  0x8000000000000c00n,
  0x8000008000000000n,
  0x8000008000000001n,
  0x20000000000001n,
  0x4000004000000001n,
  16777217n,
  0x00ff00ff00ff00ffn,
];
const FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  -1.5,
  2.5,
  3,
  10,
  100,
  0.1,
  1e10,
  -1e10,
  2147483647,
  2147483648,
  -2147483648,
  -2147483649,
  4294967295,
  4294967296,
  -1 / 3,
  -0.99999,
  2 ** 63 - 1024,
  2 ** 63,
  -(2 ** 63),
  2 ** 64 - 2048,
  2 ** 64,
  16777216,
  16777217,
  2 ** 51 + 0.5,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1e38,
  3.4028234663852886e38,
  1.7976931348623157e308,
];
/** What min, max, copysign and comparisons treat apart. */
const SPECIAL = [0, -0, 0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, -1];
/** Denormals, NaNs with payloads and signs, signalling ones. */
const BITS32 = [
  1, 0x007fffff, 0x80000001, 0x00800000, 0x7fc00000, 0xffc00000, 0x7fa00000, 0x7f800001, 0xffffffff,
];
const BITS64 = [
  1n,
  0x000fffffffffffffn,
  0x8000000000000001n,
  0x0010000000000000n,
  0x7ff8000000000000n,
  0xfff8000000000000n,
  0x7ff4000000000000n,
  0x7ff0000000000001n,
  0xffffffffffffffffn,
  0x3690000000000000n,
  0x47efffffe0000000n,
];

const view = new DataView(new ArrayBuffer(8));

function bits32(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}

function bits64(value: number): bigint {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

export function number32(r: Random): number {
  switch (r.below(4)) {
    case 0:
      return r.pick(EDGES32);
    case 1:
      return r.range(-16, 16);
    case 2:
      return (1 << r.below(32)) + r.range(-1, 1);
    default:
      return r.int32() >> r.below(32);
  }
}

export function number64(r: Random): bigint {
  switch (r.below(4)) {
    case 0:
      return r.pick(EDGES64);
    case 1:
      return BigInt(r.range(-16, 16));
    case 2:
      return (1n << BigInt(r.below(64))) + BigInt(r.range(-1, 1));
    default:
      return r.int64() >> BigInt(r.below(64));
  }
}

export function float32(r: Random): number {
  const kind = r.below(10);
  if (kind < 3) return bits32(r.pick(SPECIAL));
  return kind < 6 ? bits32(r.pick(FLOATS)) : kind < 8 ? r.pick(BITS32) : r.int32() >>> 0;
}

export function float64(r: Random): bigint {
  const kind = r.below(10);
  if (kind < 3) return bits64(r.pick(SPECIAL));
  if (kind < 6) return bits64(r.pick(FLOATS));
  return kind < 8 ? r.pick(BITS64) : BigInt.asUintN(64, r.int64());
}

export function i32(value: number): Node {
  return new Node(rowOf("i32.const"), [value | 0], [], I32);
}

export function i64(value: bigint): Node {
  return new Node(rowOf("i64.const"), [BigInt.asIntN(64, value)], [], I64);
}

export function f32(bits: number): Node {
  return new Node(rowOf("f32.const"), [bits], [], F32);
}

export function f64(bits: bigint): Node {
  return new Node(rowOf("f64.const"), [bits], [], F64);
}

export function int(type: Type, value: number | bigint): Node {
  return type === I64 ? i64(BigInt(value)) : i32(Number(BigInt.asIntN(32, BigInt(value))));
}

/** The first part of names of instructions. */
export function prefix(type: Type): string {
  return type === I32 ? "i32" : type === I64 ? "i64" : type === F32 ? "f32" : "f64";
}

function heapOf(type: Type): number {
  return type >= REF_NULL ? type - REF_NULL : type - 128;
}

export function nullOf(type: Type): Node {
  return new Node(rowOf("ref.null"), [heapOf(type)], [], type);
}

/** A reference type that has null. */
export function isReference(type: Type): boolean {
  return type === FUNCREF || type === EXTERNREF || (type >= REF_NULL && type < REF);
}

export function constant(r: Random, type: Type): Node {
  switch (type) {
    case I32:
      return i32(number32(r));
    case I64:
      return i64(number64(r));
    case F32:
      return f32(float32(r));
    case F64:
      return f64(float64(r));
    default:
      return nullOf(type);
  }
}

export function zero(type: Type): Node {
  switch (type) {
    case I32:
      return i32(0);
    case I64:
      return i64(0n);
    case F32:
      return f32(0);
    case F64:
      return f64(0n);
    default:
      return nullOf(type);
  }
}
