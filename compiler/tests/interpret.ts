// Runs a Func, for tests: an independent statement of what the operations mean, with bigint and DataView, apart from
// opt/fold.ts. Values are bigints: integers and addresses by their unsigned bits, floats by their bits, too.
// Memory and calls are the caller's, through hooks.

import { numberOf, regionOf, SWAPPED, sizeOf } from "../ir/access.ts";
import { type Block, ENTRY, type Func, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, F32, F64, I32, OPS, VOID } from "../ir/ops.ts";

export class Trap extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`trap ${code}`);
    this.code = code;
  }
}

/** Left to the caller. Addresses are byte addresses in one flat space unless `load` and `store` say otherwise. */
export interface Hooks {
  /** `size` bytes at `address` in the region that `aux` names, little-endian. */
  load(address: bigint, size: number, aux: number): bigint;
  store(address: bigint, size: number, x: bigint, aux: number): void;
  /** A call of a symbol, or (with symbol -1) of the first argument; returns the results. */
  call(symbol: number, args: bigint[], signature: number): bigint[];
  symbol(id: number): bigint;
  /** The address that index of memory `number` stands for. */
  memory(number: number, index: bigint): bigint;
  vmctx(): bigint;
}

/** Hooks over a flat memory: slots from 2^40 on, memory 0 at 2^32, everything else where the address says. */
export class FlatMemory implements Hooks {
  readonly bytes: Map<bigint, number>;
  readonly log: string[];

  constructor() {
    this.bytes = new Map();
    this.log = [];
  }

  load(address: bigint, size: number, aux: number): bigint {
    let x = 0n;
    for (let i = size - 1; i >= 0; i--) {
      x = (x << 8n) | BigInt(this.bytes.get(this.key(address + BigInt(i), aux)) ?? 0);
    }
    return x;
  }

  store(address: bigint, size: number, x: bigint, aux: number): void {
    for (let i = 0; i < size; i++) {
      this.bytes.set(this.key(address + BigInt(i), aux), Number((x >> BigInt(8 * i)) & 255n));
    }
  }

  private key(address: bigint, aux: number): bigint {
    return address + (BigInt(regionOf(aux) * 65536 + numberOf(aux)) << 64n);
  }

  call(symbol: number, args: bigint[], _signature: number): bigint[] {
    this.log.push(`call ${symbol} ${args.join(" ")}`);
    return [];
  }

  symbol(id: number): bigint {
    return BigInt(id + 1) << 48n;
  }

  memory(number: number, index: bigint): bigint {
    return BigInt(number + 1) * 2n ** 36n + index;
  }

  vmctx(): bigint {
    return 1n << 44n;
  }
}

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

/**
 * Runs `f` and returns its results. Throws Trap; throws an Error after `fuel` instructions. Instances, `resume` and
 * exceptional edges are not modelled: an invoke goes on normally.
 */
export function interpret(
  f: Func,
  args: readonly bigint[],
  hooks: Hooks = new FlatMemory(),
  fuel = 100_000,
): bigint[] {
  const value = new Map<number, bigint>();
  const results = new Map<number, bigint[]>();
  const read = (v: Value): bigint => {
    const x = value.get(f.resolve(v));
    if (x === undefined) throw new Error(`interpreter: v${v} has no value`);
    return x;
  };
  const set = (v: number, x: bigint) => {
    value.set(v, f.type[v] === I32 || f.type[v] === F32 ? u32(x) : u64(x));
  };
  let block: Block = ENTRY;
  args.forEach((x, i) => {
    set(f.param(ENTRY, i), x);
  });
  for (;;) {
    let edge = -1;
    for (let at = f.first.get(block); at >= 0; at = f.next[at]) {
      if (--fuel < 0) throw new Error("interpreter: out of fuel");
      const v = at as Value;
      const code = f.op[v];
      const { name } = OPS[code];
      const operands: bigint[] = [];
      for (let i = 0; i < f.operandCount(v); i++) operands.push(read(f.operand(v, i)));
      const imm64 = (BigInt(f.imm2[v] >>> 0) << 32n) | BigInt(f.imm[v] >>> 0);
      if (ACCESS_SIZE[code] !== 0) {
        access(f, v, name, operands, imm64, hooks, set);
        continue;
      }
      switch (name) {
        case "i32.const":
        case "f32.const":
          set(v, BigInt(f.imm[v]));
          continue;
        case "i64.const":
        case "f64.const":
        case "ptr.const":
          set(v, imm64);
          continue;
        case "symbol":
          set(v, hooks.symbol(f.imm[v]));
          continue;
        case "slot":
          set(v, (1n << 40n) + BigInt(f.imm[v]) * 4096n);
          continue;
        case "sp":
        case "code_addr":
          set(v, 0n);
          continue;
        case "vmctx":
          set(v, hooks.vmctx());
          continue;
        case "bounds_check32":
        case "bounds_check64":
          set(v, hooks.memory(numberOf(f.aux[v]), operands[0]));
          continue;
        case "trap_if":
          if (operands[0] !== 0n) throw new Trap(f.imm[v]);
          continue;
        case "poll":
        case "nop":
        case "set_vmctx":
          continue;
        case "call":
        case "call_ptr":
        case "invoke":
        case "invoke_ptr": {
          const list = hooks.call(name === "call" || name === "invoke" ? f.c[v] : -1, operands, f.aux[v]);
          results.set(v, list);
          if (f.type[v] !== VOID) set(v, list[0] ?? 0n);
          if (name.startsWith("invoke")) edge = f.successor(v, 0);
          continue;
        }
        case "return_call":
        case "return_call_ptr":
          return hooks.call(name === "return_call" ? f.c[v] : -1, operands, f.aux[v]);
        case "proj":
          set(v, results.get(f.resolve(f.a[v] as Value))?.[f.imm[v]] ?? 0n);
          continue;
        case "jump":
          edge = f.successor(v, 0);
          continue;
        case "br_if":
          edge = f.successor(v, operands[0] !== 0n ? 0 : 1);
          continue;
        case "br_table": {
          const last = f.successorCount(v) - 1;
          edge = f.successor(v, operands[0] < BigInt(last) ? Number(operands[0]) : last);
          continue;
        }
        case "return":
          return operands;
        case "trap":
          throw new Trap(f.imm[v]);
        case "unreachable":
        case "resume":
          throw new Error(`interpreter: ${name}`);
        default:
          set(v, evaluate(code, operands));
      }
    }
    const e = edge as Parameters<Func["target"]>[0];
    const to = f.target(e);
    const passed: bigint[] = [];
    for (let i = 0; i < f.edgeCount.get(e); i++) passed.push(read(f.argument(e, i)));
    passed.forEach((x, i) => {
      set(f.param(to, i), x);
    });
    block = to;
  }
}

function swapBytes(x: bigint, size: number): bigint {
  let out = 0n;
  for (let i = 0; i < size; i++) out = (out << 8n) | ((x >> BigInt(8 * i)) & 255n);
  return out;
}

function access(
  f: Func,
  v: Value,
  name: string,
  operands: readonly bigint[],
  offset: bigint,
  hooks: Hooks,
  set: (v: number, x: bigint) => void,
): void {
  const aux = f.aux[v];
  const size = sizeOf(aux);
  const swap = (x: bigint) => ((aux & SWAPPED) !== 0 ? swapBytes(x, size) : x);
  const address = u64(operands[0] + offset);
  if (f.type[v] === VOID) {
    hooks.store(address, size, swap(BigInt.asUintN(8 * size, operands[1])), aux);
    return;
  }
  const x = swap(hooks.load(address, size, aux));
  set(v, name.endsWith("_s") ? BigInt.asIntN(8 * size, x) : x);
}
