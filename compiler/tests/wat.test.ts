// The text assembler: tokens, encodings, names, source places, messages, and that size and depth do no harm.

import { describe, expect, test } from "vitest";
import { Failure } from "../base/fail.ts";
import { disassemble } from "../driver.ts";
import { type Features, WASM_1_0, WASM_2_0, WASM_3_0 } from "../wasm/features.ts";
import { INSTRUCTIONS, prefixedRow, ROW_OF_BYTE, rowNamed } from "../wasm/instructions.ts";
import { MAX_NAME_BYTES } from "../wasm/limits.ts";
import { Lines } from "../wat/lines.ts";
import { parseModule } from "../wat/parse.ts";
import { customSection, instantiate, validate } from "./wat-engine.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function assemble(text: string, features: Features = WASM_3_0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parseModule(bytesOf(text), features).bytes);
}

function hex(text: string, features: Features = WASM_3_0): string {
  return Buffer.from(assemble(text, features).subarray(8)).toString("hex");
}

/** "message @ what stands there (detail)". */
function errorOf(text: string, features: Features = WASM_3_0): string {
  try {
    parseModule(bytesOf(text), features);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return `${error.message} @ ${Buffer.from(bytesOf(text).subarray(error.at, error.at + 8)).toString()}`;
  }
  return "accepted";
}

function exportsOf(text: string): Record<string, (...args: unknown[]) => unknown> {
  return instantiate(assemble(text));
}

describe("instruction table", () => {
  test("codes and names find their rows", () => {
    for (const [row, instruction] of INSTRUCTIONS.entries()) {
      const prefix = instruction.code >>> 24;
      const number = instruction.code & 0xffffff;
      expect(prefix === 0 ? ROW_OF_BYTE[number] : prefixedRow(prefix, number)).toBe(row);
      expect(INSTRUCTIONS[rowNamed(instruction.keyword)].keyword).toBe(instruction.keyword);
    }
    expect(prefixedRow(0xfd, 0x114)).toBe(-1);
    expect(prefixedRow(0xfd, 0xffffffff)).toBe(-1);
    expect(prefixedRow(0xfe, 0)).toBe(-1);
    expect(ROW_OF_BYTE[0x06]).toBe(-1);
  });

  const IMMEDIATES = new Map([
    ["i32", "-1"],
    ["i64", "-1"],
    ["f32", "1.5"],
    ["f64", "1.5"],
    ["v128", "i64x2 1 2"],
    ["shuffle", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31"],
    ["data", "0"],
    ["elem", "0"],
  ]);
  const signatures = INSTRUCTIONS.filter((row) => row.rule.includes("->"));

  test.each(signatures.map((row) => [row.name, row] as const))("V8 agrees about %s", (_, row) => {
    const [params, results] = row.rule.replace(/^@\S+/, "").replaceAll("addr0", "i32").split("->");
    const immediates = row.immediates.map((name) =>
      name.startsWith("lane") ? `${row.lanes - 1}` : (IMMEDIATES.get(name) ?? ""),
    );
    const text = `(module (memory 1) (table 1 funcref) (data "a") (elem func)
      (func (param ${params}) (result ${results})
      ${
        params.trim() === ""
          ? ""
          : params
              .trim()
              .split(/\s+/)
              .map((_, k) => `local.get ${k} `)
              .join("")
      }
      ${row.name} ${immediates.join(" ")}))`;
    const module = assemble(text);
    expect(validate(module)).toBe(true);
    // and one lane more, one bit of alignment more, are too much
    if (row.lanes > 0) {
      expect(validate(assemble(text.replace(`${row.lanes - 1}))`, `${row.lanes}))`)))).toBe(false);
    }
    if (row.align > 0) {
      const aligned = (n: number) => assemble(text.replace(row.name, `${row.name} align=${n}`));
      expect(validate(aligned(row.align))).toBe(true);
      expect(aligned(row.align)).toEqual(module);
      expect(validate(aligned(row.align * 2))).toBe(false);
    }
  });
});

describe("encodings", () => {
  test("empty modules", () => {
    expect(hex("")).toBe("");
    expect(hex("(module)")).toBe("");
    expect(hex("(module definition $m)")).toBe("0009046e616d65000201 6d".replaceAll(" ", ""));
  });

  test("MVP forms wherever they are enough", () => {
    const text = `(table 2 funcref) (memory 1) (func) (elem (i32.const 0) 0) (elem (table 0) (offset i32.const 1) func 0)
      (data (i32.const 0) "a") (data (memory 0) (i32.const 1) "b")`;
    expect(hex(text)).toBe(
      "01040160000003020100040401700002050301000109 0d02 0041000b0100 0041010b0100 0a040102000b 0b0d02 0041000b0161 0041010b0162".replaceAll(
        " ",
        "",
      ),
    );
  });

  test("a data count section only where code needs it", () => {
    expect(hex('(memory 1) (data "a")')).not.toContain("0c0101");
    expect(hex('(memory 1) (data "a") (func (data.drop 0))')).toContain("0c0101");
  });

  test("segments: all eight forms of elements", () => {
    const forms: [string, string][] = [
      ["(elem (i32.const 0) func 0)", "0041000b0100"],
      ["(elem func 0)", "01000100"],
      ["(elem (table 1) (i32.const 0) func 0)", "020141000b000100"],
      ["(elem declare func 0)", "03000100"],
      ["(elem (i32.const 0) funcref (ref.func 0))", "0441000b01d2000b"],
      ["(elem funcref (item ref.func 0))", "057001d2000b"],
      ["(elem (i32.const 0) (ref func) (ref.func 0))", "060041000b647001d2000b"],
      ["(elem (table 1) (i32.const 0) funcref)", "060141000b7000"],
      ["(elem declare externref (ref.null extern))", "076f01d06f0b"],
      ["(table (ref null 0) (elem 0))", "060241000b630001d2000b"],
      ["(table i64 funcref (elem 0))", "020242000b000100"],
    ];
    for (const [field, bytes] of forms) {
      const size = (bytes.length / 2 + 1).toString(16).padStart(2, "0");
      const text = `(table 1 funcref) (table 1 funcref) (func) ${field}`;
      expect([field, hex(text)]).toEqual([field, expect.stringContaining(`09${size}01${bytes}`)]);
      expect(validate(assemble(text))).toBe(true);
    }
  });

  test("folded is flat", () => {
    expect(
      hex(
        "(func (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2))))",
      ),
    ).toBe(
      hex("(func (param i32) (result i32) local.get 0 if (result i32) i32.const 1 else i32.const 2 end)"),
    );
    expect(hex("(func (drop (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3)))))")).toBe(
      hex("(func i32.const 1 i32.const 2 i32.const 3 i32.mul i32.add drop)"),
    );
  });

  test("implicit types come after the explicit ones, in the order of their uses", () => {
    const text = `(func (param i32)) (type $t (func)) (rec (type (func (param i64)))) (func (param i64))
      (func (param f32)) (rec (type (func (param f32))) (type (func)))`;
    // types: () ; (i64) ; rec {(f32), ()} ; (i32) ; (f32)
    expect(hex(text).slice(0, 60)).toBe(
      "0119056000006001 7e004e0260017d00600000 60017f00 60017d00 030403".replaceAll(" ", "").slice(0, 60),
    );
  });

  test("implicit blocks and calls", () => {
    const e = exportsOf(`(module
      (table 2 funcref) (elem (i32.const 0) $inc $neg)
      (func $inc (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func $neg (param i32) (result i32) (i32.sub (i32.const 0) (local.get 0)))
      (func (export "call") (param i32 i32) (result i32)
        (call_indirect (param i32) (result i32) (local.get 0) (local.get 1)))
      (func (export "two") (param i32) (result i32)
        local.get 0
        block $b (param i32) (result i32 i32)
          i32.const 10
        end
        i32.mul))`);
    expect(e.call(5, 0)).toBe(6);
    expect(e.call(5, 1)).toBe(-5);
    expect(e.two(4)).toBe(40);
  });

  test("parameters of a type that is named alone come before the locals", () => {
    const e = exportsOf(`(module
      (type $t (func (param i32 i32) (result i32)))
      (func (export "f") (type $t) (local $x i32)
        (local.set $x (i32.const 5))
        (i32.add (local.get 0) (i32.mul (local.get 1) (local.get 2))))
      (func (export "g") (type $t) (param $a i32) (param i32) (result i32) (local $x i32)
        (local.set $x (local.get $a))
        (i32.sub (local.get $x) (local.get 1))))`);
    expect(e.f(1, 2)).toBe(11);
    expect(e.g(7, 2)).toBe(5);
    expect(errorOf("(type (struct)) (func (type 0) (local i32))")).toBe("accepted");
    expect(errorOf("(func (type 4294967295) (local i32))")).toBe("accepted");
  });

  test("labels: inner ones shadow, catches look outside", () => {
    const e = exportsOf(`(module (func (export "f") (result i32)
      (block $l (result i32) (block $l (result i32) (br $l (i32.const 1))) (br $l (i32.add (i32.const 41))))))`);
    expect(e.f()).toBe(42);
  });

  test("vectors", () => {
    expect(hex("(func v128.const i16x8 1 -1 0xffff 3 4 5 6 7 drop)")).toContain(
      "fd0c0100ffffffff03000400050006000700",
    );
    expect(hex("(func v128.const f64x2 1 nan drop)")).toContain("fd0c000000000000f03f000000000000f87f");
    expect(
      hex("(memory 1) (memory 1) (func (param v128) i32.const 0 local.get 0 v128.store8_lane 1 offset=2 3)"),
    ).toContain("fd584001 02 03".replaceAll(" ", ""));
    expect(
      hex("(memory 1) (func (param v128) i32.const 0 local.get 0 v128.store8_lane 3 i32.const 1 drop)"),
    ).toContain("fd58000003");
  });

  test("modules given as bytes and as quotations", () => {
    expect(hex('(module binary "\\00asm" "\\01\\00\\00\\00")')).toBe("");
    expect(hex('(module quote "(func)" "(func)")')).toBe(hex("(func) (func)"));
    expect(hex('(module quote "(module (func))")')).toBe(hex("(func)"));
    expect(hex('(module quote "(module binary \\"\\\\00asm\\" \\"\\\\01\\\\00\\\\00\\\\00\\")")')).toBe("");
    expect(errorOf('(module quote "(module quote \\"\\")")')).toMatch(/^unexpected token/);
  });

  test("names", () => {
    const text =
      '(module $m (func $f (param $x i32) (local i32) (local $"y z" i32)) (import "a" "b" (func)))';
    expect(errorOf(text)).toMatch(/^import after function/);
    const section = customSection(
      assemble('(module $m (func $f (param $x i32) (local i32) (local $"y z" i32)) (func))'),
      "name",
    );
    expect(Buffer.from(section).toString("latin1")).toBe(
      "\x00\x02\x01m" + "\x01\x04\x01\x00\x01f" + "\x02\x0b\x01\x00\x02\x00\x01x\x02\x03y z",
    );
  });
});

describe("annotations", () => {
  const section = (text: string, name: string) =>
    Buffer.from(customSection(assemble(text), name)).toString("latin1");

  test("custom sections, in their places", () => {
    const text =
      '(module (@custom "a" (before func) "1" "2") (func) (@custom "b") (@custom "c" (after code) "x"))';
    expect(section(text, "a")).toBe("12");
    expect(section(text, "c")).toBe("x");
    const bytes = Buffer.from(assemble(text)).toString("hex");
    expect(bytes).toContain("0004016131320302"); // before the function section
    expect(bytes).toMatch(/0a040102000b0003016378000201 ?62$/);
  });

  test("custom sections of all places, each in the order of the text", () => {
    const places =
      "first type import func table memory tag global export start elem datacount code data last";
    const expected = places
      .split(" ")
      .flatMap((place) => ["before", "after"].map((side) => `${side} ${place}`));
    const field = (place: string, name: string) => `(@custom "${place} ${name}" (${place}))`;
    const fields = (name: string) =>
      [...expected]
        .reverse()
        .map((place) => field(place, name))
        .join("");
    const bytes = assemble(
      `(module ${fields("1")} (memory 1) (func) (data "a") (func (data.drop 0)) ${fields("2")})`,
    );
    const found = Buffer.from(bytes)
      .toString("latin1")
      .match(/(before|after) [a-z]+ \d/g);
    expect(found).toEqual(expected.flatMap((place) => [`${place} 1`, `${place} 2`]));
  });

  test("names instead of identifiers", () => {
    const text = '(module $m (@name "M!") (func $f (@name "a func") (param i32)) (func $g))';
    expect(section(text, "name")).toBe("\x00\x03\x02M!\x01\x0c\x02\x00\x06a func\x01\x01g");
  });

  test.each([
    ['(func (@custom "a"))', "misplaced annotation"],
    ['(func) (@name "a")', "misplaced annotation"],
    ["(@custom)", "malformed annotation"],
    ['(@custom "a" (before functions))', "malformed annotation"],
    ['(@custom "\\ff")', "malformed UTF-8 encoding"],
    ['(func (@other (@custom "a")))', "accepted"],
    ['(@"custom" 1)', "accepted"],
  ])("%s", (text, message) => expect(errorOf(text).split(" @")[0]).toBe(message));
});

describe("places in the text", () => {
  test("every instruction leads back to its token", () => {
    const text = `(module
      (func (param i32) (result i32)
        (i32.add
          (local.get 0)
          (i32.const 7))))`;
    const assembled = parseModule(bytesOf(text), WASM_3_0);
    const lines = new Lines(bytesOf(text));
    const at = Buffer.from(assembled.bytes).indexOf(Buffer.from("200041076a0b", "hex"));
    const place = (k: number) => {
      const offset = assembled.textOf(at + k);
      return `${lines.line(offset)}:${lines.column(offset)}`;
    };
    expect([0, 1, 2, 4, 5].map(place)).toEqual(["4:11", "4:11", "5:11", "3:9", "5:25"]);
    for (let i = 1; i < assembled.offsets.length; i++) {
      expect(assembled.offsets[i]).toBeGreaterThanOrEqual(assembled.offsets[i - 1]);
    }
    expect(assembled.textOf(0)).toBe(0);
  });

  test("lines end as the text format says", () => {
    const lines = new Lines(bytesOf("a\nb\r\nc\rd"));
    expect([0, 2, 5, 7].map((at) => lines.line(at))).toEqual([1, 2, 3, 4]);
    expect(lines.column(7)).toBe(1);
  });
});

describe("messages", () => {
  test.each([
    ["(func (foo))", "unknown operator @ foo))"],
    ["(func (i32.const 1__0))", "unknown operator @ 1__0))"],
    ["(func (i32.const 0x1_0000_0000))", "constant out of range @ 0x1_0000"],
    ["(func (local.get $x))", "unknown identifier @ $x))"],
    ["(func (param $x i32) (local $x i32))", "duplicate identifier @ $x i32))"],
    ["(func $f) (func $f)", "duplicate identifier @ $f)"],
    ["(type (struct (field $a i32) (field $a i32)))", "duplicate identifier @ $a i32))"],
    ["(func block $a end $b)", "mismatching label @ $b)"],
    ["(func (br $l))", "unknown identifier @ $l))"],
    ['(func) (memory 1) (import "a" "b" (func))', "import after memory @ (import "],
    ["(type $t (func)) (func (type $t) (param i32))", "inline function type @ (type $t"],
    ["(memory 1) (func (i32.load align=3 (i32.const 0)))", "alignment must be a power of two @ align=3 "],
    ["(func (result i32) (param i32))", "unexpected token @ param i3"],
    ["(func end)", "unexpected token @ end)"],
    ["(func block)", "unexpected token @ )"],
    ["(func (if (i32.const 0)))", "unexpected token @ ))"],
    ["(func (i32.add (i32.const 1) i32.const 2))", "unexpected token @ i32.cons"],
    ["(func (then))", "unexpected token @ then))"],
    ["(func) )", "unexpected token @ )"],
    ["(func", "unexpected token @ (func"],
    ["(start 0) (func) (start 0)", "multiple start sections @ (start 0"],
    ['(data "a', 'unclosed string @ "a'],
    ['(data "\\q")', 'illegal escape @ \\q")'],
    ['(data "\\u{d800}")', "illegal escape @ \\u{d800}"],
    ['(data "\\u{110000}")', "illegal escape @ \\u{11000"],
    ['(data "\\u{1__0}")', "illegal escape @ \\u{1__0}"],
    ['(func (export "\\ff"))', 'malformed UTF-8 encoding @ "\\ff"))'],
    ["(; (; ;)", "unclosed comment @ (; (; ;)"],
    ["(@a", "unclosed annotation @ (@a"],
    ["(func $)", "empty identifier @ $)"],
    ['(data "a""b")', 'unknown operator @ "a""b")'],
    ["(module) (module)", "unexpected token @ (module)"],
    ["(func (i32.wrap/i64))", "unknown operator @ i32.wrap"],
    ["(func (get_local 0))", "unknown operator @ get_loca"],
    ["(func i8x16.shuffle 0 1)", "invalid lane length @ )"],
    ["(func (v128.const i32x4 1 2 3))", "wrong number of lane literals @ ))"],
  ])("%s", (text, expected) => expect(errorOf(text)).toBe(expected));

  test("features", () => {
    expect(errorOf("(func (i32.extend8_s (i32.const 0)))", WASM_1_0)).toMatch(/^unknown operator/);
    expect(errorOf("(func (block (param i32)))", WASM_1_0)).toMatch(/^unexpected token/);
    expect(errorOf("(func (param v128))", WASM_1_0)).toMatch(/^unexpected token/);
    expect(errorOf("(func (param (ref func)))", WASM_2_0)).toMatch(/^unexpected token/);
    expect(errorOf("(func (return_call 0))", WASM_2_0)).toMatch(/^unknown operator/);
    expect(errorOf("(memory i64 1)", WASM_2_0)).toMatch(/^unexpected token/);
    expect(errorOf("(memory 0x1_0000_0000)", WASM_2_0)).toMatch(/^constant out of range/);
    expect(errorOf("(@a)", WASM_2_0)).not.toBe("accepted");
    expect(errorOf("(memory $m 1) (data $m (i32.const 0))", WASM_1_0)).toBe("accepted");
  });

  test("malformed UTF-8 in the source", () => {
    for (const text of ["(;\xff;)", ";;\xc0\x80\n", '(data "\xed\xa0\x80")', "\xff"]) {
      const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
      expect(() => parseModule(bytes, WASM_3_0)).toThrow("malformed UTF-8 encoding");
    }
    expect(hex("(; \u{1f600} ;) ;; ü\n")).toBe("");
  });
});

/** Quotations in quotations, n deep. */
function quotations(n: number): string {
  const quote = (k: number) => (k === 1 ? '"' : `\\${"5c".repeat(k - 2)}22`);
  let opening = "";
  let closing = "";
  for (let k = 1; k <= n; k++) {
    opening += `(module quote ${quote(k)}`;
    closing = `${quote(k)})${closing}`;
  }
  return `${opening}(module)${closing}`;
}

describe("identifiers that are too long", () => {
  const long = "x".repeat(MAX_NAME_BYTES + 1);
  test.each([
    ["of a function", `(func $${long})`, "name too long @ $xxxxxxx"],
    ["of a label", `(func (block $${long}))`, "name too long @ $xxxxxxx"],
    ["in quotes", `(func $"${long}")`, 'name too long @ "xxxxxxx'],
    ["in an annotation", `(func (@name "${long}"))`, 'name too long @ "xxxxxxx'],
    ["in quotes, with escapes", `(func $"${"\\78".repeat(MAX_NAME_BYTES)}")`, "accepted"],
    ["but no identifier", `(data "${long}")`, "accepted"],
  ])("%s", (_, text, expected) => expect(errorOf(text)).toBe(expected));

  test("are not printed either", () => {
    const leb = (n: number) => [(n & 127) | 128, ((n >> 7) & 127) | 128, n >> 14].map(escaped).join("");
    const escaped = (byte: number) => `\\${byte.toString(16).padStart(2, "0")}`;
    const printed = (n: number) => {
      const names = `\\01${leb(n + 5)}\\01\\00${leb(n)}${"x".repeat(n)}`;
      const bytes = assemble(`(func) (func (call 0)) (@custom "name" "${names}")`);
      return Buffer.from(disassemble(bytes, WASM_3_0).bytes).toString();
    };
    expect(printed(MAX_NAME_BYTES)).toContain("call $x");
    expect(printed(MAX_NAME_BYTES + 1)).toContain("call 0");
    expect(errorOf(printed(MAX_NAME_BYTES))).toBe("accepted");
  });
});

describe("size and depth", () => {
  const n = 100000;
  const cases: [string, string, string][] = [
    ["folded blocks", `(func ${"(block ".repeat(n)}${")".repeat(n)})`, "accepted"],
    ["folded operands", `(func (drop ${"(i32.eqz ".repeat(n)}(i32.const 0)${")".repeat(n)}))`, "accepted"],
    ["folded ifs", `(func ${"(if (i32.const 1) (then ".repeat(n)}${"))".repeat(n)})`, "accepted"],
    ["flat blocks", `(func ${"block $l br $l ".repeat(n)}${"end $l ".repeat(n)})`, "accepted"],
    ["comments", "(;".repeat(n) + ";)".repeat(n), "accepted"],
    ["annotations", `${"(@a ".repeat(n)}${")".repeat(n)}`, "accepted"],
    ["parentheses", "(".repeat(n) + ")".repeat(n), "unexpected token @ (((((((("],
    ["identifier", `(func $${"x".repeat(MAX_NAME_BYTES)})`, "accepted"],
    ["word", `(${"x".repeat(1000000)})`, "unknown operator @ xxxxxxxx"],
    ["number like a word", `(func (drop (f32.const nan:0x${"0".repeat(1000000)}1)))`, "accepted"],
    [
      "offset",
      `(memory 1) (func (drop (i32.load offset=${"0".repeat(1000000)}1 (i32.const 0))))`,
      "accepted",
    ],
    ["string", `(data "${"x".repeat(1000000)}")`, "accepted"],
    ["number", `(func (drop (i64.const 0x${"0".repeat(1000000)}1)))`, "accepted"],
    ["labels", `(func (i32.const 0) (br_table ${"0 ".repeat(n)}))`, "accepted"],
    ["quotations", quotations(1300), 'unexpected token @ quote "('],
    [
      "parameters",
      `(type (func (param ${"i32 ".repeat(n)}))) ${"(func (type 0))".repeat(n)}`,
      "too many parameters @ (param i",
    ],
    [
      "results",
      `(type (func (result ${"i32 ".repeat(n)}))) ${"(func (type 0))".repeat(n)}`,
      "too many results @ (result ",
    ],
    [
      "parameters of a block",
      `(func (block (param ${"i32 ".repeat(n)}) (unreachable)))`,
      "too many parameters @ (param i",
    ],
    [
      "uses of a type",
      `(type (func (param ${"i32 ".repeat(1000)}))) ${"(func (type 0) (drop (i32.const 0)))".repeat(n)}`,
      "accepted",
    ],
    [
      "custom sections from last to first",
      `(module ${'(@custom "a" (after data))'.repeat(n)} ${'(@custom "a" (before type))'.repeat(n)})`,
      "accepted",
    ],
  ];
  test.each(cases)("%s", (_, text, expected) => {
    const start = performance.now();
    expect(errorOf(text)).toBe(expected);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
