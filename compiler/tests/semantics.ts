// For tests: an independent statement of what the operations mean that have neither memory, control nor immediates,
// with bigint and DataView, apart from opt/fold.ts. Values are bigints: integers and addresses by their unsigned bits,
// floats by their bits, too.

import { F32, F64, OPS } from "../ir/ops.ts";

const view = new DataView(new ArrayBuffer(8));
const u32 = (x: bigint) => BigInt.asUintN(32, x);
const u64 = (x: bigint) => BigInt.asUintN(64, x);
const s32 = (x: bigint) => BigInt.asIntN(32, x);

export function f32Bits(x: number): bigint {
  view.setFloat32(0, x);
  return BigInt(view.getUint32(0));
}

export function f64Bits(x: number): bigint {
  view.setFloat64(0, x);
  return view.getBigUint64(0);
}

export function toF32(x: bigint): number {
  view.setUint32(0, Number(x));
  return view.getFloat32(0);
}

export function toF64(x: bigint): number {
  view.setBigUint64(0, x);
  return view.getFloat64(0);
}

function isNaN32(x: bigint): boolean {
  return (x & 0x7fffffffn) > 0x7f800000n;
}

function isNaN64(x: bigint): boolean {
  return (x & 0x7fffffffffffffffn) > 0x7ff0000000000000n;
}

/** NaNs that arithmetic yields count as one: the payload is not determined. */
export function normalized(type: number, x: bigint): string {
  if (type === F32 && isNaN32(x)) return "nan";
  if (type === F64 && isNaN64(x)) return "nan";
  return x.toString(16);
}

/** Rounds a rational integer exactly to the nearest float of `bits` significant bits. */
function roundInteger(x: bigint, bits: number): number {
  const negative = x < 0n;
  let m = negative ? -x : x;
  const extra = m.toString(2).length - bits;
  if (extra > 0) {
    const half = 1n << BigInt(extra - 1);
    const low = m & (2n * half - 1n);
    m >>= BigInt(extra);
    if (low > half || (low === half && (m & 1n) === 1n)) m += 1n;
    m <<= BigInt(extra);
  }
  return negative ? -Number(m) : Number(m);
}

function integer(name: string, width: number, a: bigint, b: bigint): bigint | null {
  const w = BigInt(width);
  const s = (x: bigint) => BigInt.asIntN(width, x);
  const u = (x: bigint) => BigInt.asUintN(width, x);
  const truth = (x: boolean) => (x ? 1n : 0n);
  const bits = () => a.toString(2).padStart(width, "0");
  const n = b % w;
  switch (name) {
    case "add":
      return u(a + b);
    case "sub":
      return u(a - b);
    case "mul":
      return u(a * b);
    case "mulhi_s":
      return u((s(a) * s(b)) >> w);
    case "mulhi_u":
      return (a * b) >> w;
    case "div_s":
      return u(s(a) / s(b));
    case "div_u":
      return a / b;
    case "rem_s":
      return u(s(a) % s(b));
    case "rem_u":
      return a % b;
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "shl_nuw":
      if (a << (b & 31n) !== u(a << (b & 31n)))
        throw new Error("a shift that was to lose no bits loses some");
      return a << (b & 31n);
    case "shl":
      return u(a << n);
    case "shr_s":
      return u(s(a) >> n);
    case "shr_u":
      return a >> n;
    case "rotl":
      return u((a << n) | (a >> (w - n)));
    case "rotr":
      return u((a >> n) | (a << (w - n)));
    case "clz":
      return a === 0n ? w : BigInt(bits().indexOf("1"));
    case "ctz":
      return a === 0n ? w : BigInt(width - 1 - bits().lastIndexOf("1"));
    case "popcnt":
      return BigInt([...bits()].filter((c) => c === "1").length);
    case "extend8_s":
      return u(BigInt.asIntN(8, a));
    case "extend16_s":
      return u(BigInt.asIntN(16, a));
    case "extend32_s":
      return u(BigInt.asIntN(32, a));
    case "eqz":
      return truth(a === 0n);
    case "eq":
      return truth(a === b);
    case "ne":
      return truth(a !== b);
    case "lt_s":
      return truth(s(a) < s(b));
    case "lt_u":
      return truth(a < b);
    case "gt_s":
      return truth(s(a) > s(b));
    case "gt_u":
      return truth(a > b);
    case "le_s":
      return truth(s(a) <= s(b));
    case "le_u":
      return truth(a <= b);
    case "ge_s":
      return truth(s(a) >= s(b));
    case "ge_u":
      return truth(a >= b);
    default:
      return null;
  }
}

function nearest(x: number): number {
  if (!Number.isFinite(x) || Number.isInteger(x)) return x;
  const low = Math.floor(x);
  const result = x - low < 0.5 || (x - low === 0.5 && low % 2 === 0) ? low : low + 1;
  return result === 0 && x < 0 ? -0 : result;
}

function float(name: string, wide: boolean, a: bigint, b: bigint): bigint | null {
  const x = wide ? toF64(a) : toF32(a);
  const y = wide ? toF64(b) : toF32(b);
  // Which NaN arithmetic yields is not determined: here it is always the canonical one.
  const bits = (r: number) => {
    const known = Number.isNaN(r) ? Number.NaN : r;
    return wide ? f64Bits(known) : f32Bits(known);
  };
  const sign = wide ? 1n << 63n : 1n << 31n;
  const truth = (t: boolean) => (t ? 1n : 0n);
  switch (name) {
    case "add":
      return bits(x + y);
    case "sub":
      return bits(x - y);
    case "mul":
      return bits(x * y);
    case "div":
      return bits(x / y);
    case "min":
      return bits(Math.min(x, y));
    case "max":
      return bits(Math.max(x, y));
    case "copysign":
      return (a & (sign - 1n)) | (b & sign);
    case "abs":
      return a & (sign - 1n);
    case "neg":
      return a ^ sign;
    case "ceil":
      return bits(Math.ceil(x));
    case "floor":
      return bits(Math.floor(x));
    case "trunc":
      return bits(Math.trunc(x));
    case "nearest":
      return bits(nearest(x));
    case "sqrt":
      return bits(Math.sqrt(x));
    case "eq":
      return truth(x === y);
    case "ne":
      return truth(x !== y);
    case "lt":
      return truth(x < y);
    case "gt":
      return truth(x > y);
    case "le":
      return truth(x <= y);
    case "ge":
      return truth(x >= y);
    default:
      return null;
  }
}

/** `trunc_f64_s`, `trunc_sat_f32_u`. */
function truncate(name: string, width: number, a: bigint): bigint {
  const x = name.includes("f64") ? toF64(a) : toF32(a);
  const signed = name.endsWith("_s");
  const least = signed ? -(1n << BigInt(width - 1)) : 0n;
  const most = signed ? (1n << BigInt(width - 1)) - 1n : (1n << BigInt(width)) - 1n;
  if (Number.isNaN(x)) return 0n;
  if (x === Number.POSITIVE_INFINITY) return BigInt.asUintN(width, most);
  if (x === Number.NEGATIVE_INFINITY) return BigInt.asUintN(width, least);
  const whole = BigInt(Math.trunc(x));
  return BigInt.asUintN(width, whole < least ? least : whole > most ? most : whole);
}

/** Operations without memory, control or immediates. */
export function evaluate(code: number, operands: readonly bigint[]): bigint {
  const [type, ...rest] = OPS[code].name.split(".");
  const name = rest.join(".");
  const [a = 0n, b = 0n, c = 0n] = operands;
  if (name === "select") return a !== 0n ? b : c;
  if (type === "i32" || type === "i64") {
    const width = type === "i32" ? 32 : 64;
    if (name.startsWith("trunc")) return truncate(name, width, a);
    const x = integer(name, width, a, b);
    if (x !== null) return x;
  }
  if (type === "f32" || type === "f64") {
    const wide = type === "f64";
    if (name.startsWith("convert_")) {
      const from = name.includes("i64") ? 64 : 32;
      const whole = name.endsWith("_s") ? BigInt.asIntN(from, a) : a;
      return wide ? f64Bits(roundInteger(whole, 53)) : f32Bits(roundInteger(whole, 24));
    }
    const x = float(name, wide, a, b);
    if (x !== null) return x;
  }
  switch (OPS[code].name) {
    case "i32.wrap_i64":
      return u32(a);
    case "i64.extend_i32_s":
      return u64(s32(a));
    case "f32.demote_f64":
      return isNaN64(a) ? f32Bits(Number.NaN) : f32Bits(toF64(a));
    case "f64.promote_f32":
      return isNaN32(a) ? f64Bits(Number.NaN) : f64Bits(toF32(a));
    case "i64.extend_i32_u":
    case "i32.reinterpret_f32":
    case "i64.reinterpret_f64":
    case "f32.reinterpret_i32":
    case "f64.reinterpret_i64":
    case "ptr.from_i64":
    case "i64.from_ptr":
    case "ptr.from_ref":
    case "ref.from_ptr":
    case "copy":
      return a;
    case "ptr.add":
      return u64(a + b);
    case "ptr.sub":
      return u64(a - b);
    case "ptr.eq":
      return a === b ? 1n : 0n;
    case "ptr.ne":
      return a !== b ? 1n : 0n;
    case "ptr.lt_u":
      return a < b ? 1n : 0n;
    case "ptr.eqz":
    case "ref.is_null":
      return a === 0n ? 1n : 0n;
    case "ref.null":
      return 0n;
    default:
      throw new Error(`interpreter: no meaning for ${OPS[code].name}`);
  }
}
