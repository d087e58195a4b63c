// Numbers of the text format: integers against BigInt, floats against JavaScript's own conversion (f64) and against
// exact rational comparison (f32).

import { describe, expect, test } from "vitest";
import { NOT_A_NUMBER, NumberReader, OK, OUT_OF_RANGE } from "../wat/numbers.ts";

const reader = new NumberReader();
const view = new DataView(new ArrayBuffer(8));

function read(kind: "float32" | "float64", text: string): string {
  const bytes = new TextEncoder().encode(text);
  const result = reader[kind](bytes, 0, bytes.length);
  if (result === NOT_A_NUMBER) return "no number";
  if (result === OUT_OF_RANGE) return "range";
  const hex = (x: number) => (x >>> 0).toString(16).padStart(8, "0");
  return kind === "float32" ? hex(reader.lo) : hex(reader.hi) + hex(reader.lo);
}

function bits64(x: number): string {
  view.setFloat64(0, x);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

function integer(text: string, bits: number): bigint | string {
  const bytes = new TextEncoder().encode(text);
  const result = reader.integer(bytes, 0, bytes.length, bits);
  if (result !== OK) return result === OUT_OF_RANGE ? "range" : "no number";
  return (BigInt(reader.hi >>> 0) << 32n) | BigInt(reader.lo >>> 0);
}

describe("integers", () => {
  test.each([
    ["0", 32, 0n],
    ["4294967295", 32, 0xffffffffn],
    ["4294967296", 32, "range"],
    ["-2147483648", 32, 0x80000000n],
    ["-2147483649", 32, "range"],
    ["0x7fff_ffff", 32, 0x7fffffffn],
    ["255", 8, 255n],
    ["256", 8, "range"],
    ["-129", 8, "range"],
    ["18446744073709551615", 64, 0xffffffff_ffffffffn],
    ["18446744073709551616", 64, "range"],
    ["-9223372036854775808", 64, 0x80000000_00000000n],
    ["-9223372036854775809", 64, "range"],
    ["-4294967296", 64, 0xffffffff_00000000n],
    ["1__0", 32, "no number"],
    ["_1", 32, "no number"],
    ["1_", 32, "no number"],
    ["0x", 32, "no number"],
    ["0x_1", 32, "no number"],
    ["+", 32, "no number"],
    ["0xg", 32, "no number"],
    ["1.0", 32, "no number"],
    ["99999999999999999999999999999999999999x", 64, "no number"],
  ])("%s as i%i", (text, bits, expected) => {
    const value = integer(text, bits);
    if (typeof expected === "string" || typeof value === "string") expect(value).toBe(expected);
    else expect(BigInt.asUintN(bits, value)).toBe(BigInt.asUintN(bits, expected));
  });
});

describe("f64", () => {
  const known = [
    "0.1",
    "1e23",
    "9007199254740993",
    "9007199254740993.00000000000000000000000000000001",
    "1.7976931348623157e308",
    "4.9e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "2.2250738585072011e-308",
    "2.2250738585072014e-308",
    "6.8985865317742005e-310",
    "123456789012345678901234567890e-20",
    "0.000000000000000000000000000000000000000000000000000001e-300",
  ];
  test.each(known)("%s", (text) => {
    expect(read("float64", text)).toBe(bits64(Number(text)));
    expect(read("float64", `-${text}`)).toBe(bits64(-Number(text)));
  });

  test("random numbers and the points half way between neighbours", () => {
    let seed = 12345;
    const random = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0;
      return seed;
    };
    for (let i = 0; i < 4000; i++) {
      view.setInt32(0, random());
      view.setInt32(4, random());
      const x = Math.abs(view.getFloat64(0));
      if (!Number.isFinite(x)) continue;
      for (const text of [x.toExponential(), x.toExponential(30), x.toExponential(5)]) {
        if (Number.isFinite(Number(text))) expect(read("float64", text)).toBe(bits64(Number(text)));
      }
    }
  });

  test("a million digits", () => {
    const digits = "0".repeat(1000000);
    expect(read("float64", `1${digits}e-1000000`)).toBe(bits64(1));
    expect(read("float64", `9007199254740993.${digits}`)).toBe(bits64(9007199254740992));
    expect(read("float64", `9007199254740993.${digits}1`)).toBe(bits64(9007199254740994));
    expect(read("float64", `0x1.${digits}1`)).toBe(bits64(1));
  });

  test.each([
    ["1.7976931348623159e308", "range"],
    ["0x1p1024", "range"],
    ["0x1.fffffffffffff8p1023", "range"],
    ["0x1.fffffffffffff7p1023", "7fefffffffffffff"],
    ["0x1p-1074", "0000000000000001"],
    ["0x1p-1075", "0000000000000000"],
    ["0x1.00001p-1075", "0000000000000001"],
    ["0x1.8p-1074", "0000000000000002"],
    ["0x0.0000000000001p-1022", "0000000000000001"],
    ["0x1p-999999999999", "0000000000000000"],
    ["0x0p999999999999", "0000000000000000"],
    ["1e999999999999", "range"],
    ["1e-999999999999", "0000000000000000"],
    ["inf", "7ff0000000000000"],
    ["-inf", "fff0000000000000"],
    ["nan", "7ff8000000000000"],
    ["-nan", "fff8000000000000"],
    ["nan:0x1", "7ff0000000000001"],
    ["nan:0xf_ffff_ffff_ffff", "7fffffffffffffff"],
    ["nan:0x10_0000_0000_0000", "range"],
    ["nan:0x0", "range"],
    ["nan:1", "no number"],
    ["nan:0x", "no number"],
    ["infinity", "no number"],
    [".5", "no number"],
    ["5.", bits64(5)],
    ["5.e1", bits64(50)],
    ["0x5.p1", bits64(10)],
    ["1e", "no number"],
    ["1e+", "no number"],
    ["1._5", "no number"],
    ["1_000.000_1e0_1", bits64(10000.001)],
    ["0x1e5", bits64(0x1e5)],
    ["1p5", "no number"],
    ["0x1e+5", "no number"],
    ["", "no number"],
  ])("%s", (text, expected) => expect(read("float64", text)).toBe(expected));
});

describe("f32", () => {
  /** The nearest f32 by exact comparison of rationals. */
  function nearest(text: string): string {
    const [mantissa, exponent = "0"] = text.split("e");
    const [whole, fraction = ""] = mantissa.split(".");
    let numerator = BigInt(whole + fraction);
    let denominator = 1n;
    const scale = Number(exponent) - fraction.length;
    if (scale > 0) numerator *= 10n ** BigInt(scale);
    else denominator = 10n ** BigInt(-scale);
    view.setFloat32(0, Math.fround(Number(text)));
    const guess = view.getInt32(0);
    let best = 0;
    let bestError = -1n;
    let bestScale = 1n;
    for (const bits of [guess - 1, guess, guess + 1]) {
      if (bits < 0 || bits >= 0x7f800000) continue;
      const biased = bits >>> 23;
      let n = BigInt(biased === 0 ? bits : (bits & 0x7fffff) | 0x800000);
      let d = 1n;
      const power = (biased === 0 ? 1 : biased) - 150;
      if (power > 0) n <<= BigInt(power);
      else d <<= BigInt(-power);
      let error = n * denominator - numerator * d;
      if (error < 0n) error = -error;
      const closer = error * bestScale - bestError * d;
      if (bestError < 0n || closer < 0n || (closer === 0n && bits % 2 === 0)) {
        best = bits;
        bestError = error;
        bestScale = d;
      }
    }
    return best.toString(16).padStart(8, "0");
  }

  test("double rounding: what goes wrong through f64", () => {
    // just above half way between two f32, by less than an f64 can tell
    const text = "1.00000005960464477539062500000000000001";
    view.setFloat32(0, Math.fround(Number(text)));
    expect(view.getInt32(0)).toBe(0x3f800000);
    expect(read("float32", text)).toBe("3f800001");
    expect(read("float32", "0x1.000001000000000001p0")).toBe("3f800001");
    expect(read("float32", "0x1.000001p0")).toBe("3f800000");
    expect(read("float32", "0x1.000003p0")).toBe("3f800002");
  });

  test("random numbers and half way points", () => {
    let seed = 99;
    for (let i = 0; i < 3000; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0;
      view.setInt32(0, seed & 0x7effffff);
      const x = view.getFloat32(0);
      view.setInt32(0, view.getInt32(0) + 1);
      const middle = (x + view.getFloat32(0)) / 2;
      for (const text of [x.toExponential(8), middle.toExponential(20), middle.toExponential(60)]) {
        const plain = text.replace("e+", "e");
        expect([plain, read("float32", plain)]).toEqual([plain, nearest(plain)]);
      }
    }
  });

  test.each([
    ["3.4028234e38", "7f7fffff"],
    ["3.4028235677973367e38", "range"],
    ["3.4028235677973365e38", "7f7fffff"],
    ["0x1p128", "range"],
    ["0x1.ffffffp127", "range"],
    ["0x1.fffffefp127", "7f7fffff"],
    ["1.4e-45", "00000001"],
    ["7.006492321624085e-46", "00000000"],
    ["7.006492321624086e-46", "00000001"],
    ["16777217", "4b800000"],
    ["nan:0x7fffff", "7fffffff"],
    ["nan:0x800000", "range"],
    ["-0", "80000000"],
  ])("%s", (text, expected) => expect(read("float32", text)).toBe(expected));
});
