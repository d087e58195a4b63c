import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Layout } from "../abi/layout.ts";
import { Bytes } from "../base/bytes.ts";
import { INVALID, MALFORMED, PROPOSED, UNSUPPORTED } from "../base/errors.ts";
import { Failure } from "../base/fail.ts";
import { Func } from "../ir/func.ts";
import { print } from "../ir/print.ts";
import { Program } from "../ir/program.ts";
import { verify } from "../ir/verify.ts";
import { BuildOptions, FunctionBuild } from "../walk/build.ts";
import type { Facts } from "../walk/facts.ts";
import { validateModule, validateSurface } from "../walk/validate.ts";
import { decode } from "../wasm/decode.ts";
import { escapingFunctions } from "../wasm/escape.ts";
import { type Features, WASM_1_0, WASM_2_0, WASM_3_0 } from "../wasm/features.ts";
import type { Module } from "../wasm/module.ts";
import * as wast from "../wat/commands.ts";
import { parseModule } from "../wat/parse.ts";
import { parseScript } from "./wat-engine.ts";

function assemble(text: string, features: Features): Uint8Array {
  return parseModule(Buffer.from(text), features).bytes;
}

interface Options {
  features?: Features;
  interrupts?: boolean;
  checked?: boolean;
  facts?: Facts | null;
}

/** The IR of all own functions and, last, of the instantiation; each verified. */
function buildAll(
  module: Module,
  { features = WASM_3_0, interrupts = true, checked = false, facts = null }: Options = {},
) {
  const program = new Program();
  const layout = new Layout(module, escapingFunctions(module));
  const built = new FunctionBuild(
    module,
    program,
    layout,
    new BuildOptions(features, interrupts, checked),
    facts,
  );
  const func = new Func();
  const texts: string[] = [];
  for (let i = 0; i < module.funcs.length; i++) {
    if (module.funcs[i].imported) continue;
    built.build(i, func);
    verify(func, program);
    texts.push(print(func, program));
  }
  built.init(func);
  verify(func, program);
  texts.push(print(func, program));
  return { texts, blobs: built.rodata(), program, layout };
}

function build(text: string, options: Options = {}) {
  const module = decode(assemble(text, options.features ?? WASM_3_0), options.features ?? WASM_3_0);
  validateSurface(module, options.features ?? WASM_3_0);
  return buildAll(module, options);
}

/** IR of the first own function, without value numbers: `v12` and `b3` are written `v` and `b`. */
function ir(text: string, options: Options = {}): string {
  return build(text, options).texts[0].replace(/\b([vb])\d+/g, "$1");
}

function failureOf(action: () => void): Failure {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it is valid");
}

function verdict(text: string, features = WASM_3_0): string {
  const module = decode(assemble(text, features), features);
  try {
    validateModule(module, features);
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
  return "valid";
}

describe("validation", () => {
  test("errors carry the offset of their instruction, and what was expected", () => {
    const bytes = assemble("(module (func (result i32) i32.const 1 f32.const 0 i32.add))", WASM_1_0);
    const failure = failureOf(() => validateModule(decode(bytes, WASM_1_0), WASM_1_0));
    expect(failure.at).toBe(bytes.length - 2);
    expect(failure.detail).toBe("expected i32, found f32");
  });

  test("versions differ", () => {
    const blockParams = "(module (func i32.const 1 block (param i32) drop end))";
    expect(verdict(blockParams, WASM_2_0)).toBe("valid");
    const twoMemories = "(module (memory 1) (memory 1))";
    expect(verdict(twoMemories, WASM_3_0)).toBe("valid");
    expect(verdict(twoMemories, WASM_2_0)).toBe("multiple memories");
    const earlierGlobal = "(module (global i32 (i32.const 1)) (global i32 (global.get 0)))";
    expect(verdict(earlierGlobal, WASM_3_0)).toBe("valid");
    expect(verdict(earlierGlobal, WASM_2_0)).toBe("unknown global");
    const sum = "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))";
    expect(verdict(sum, WASM_3_0)).toBe("valid");
    expect(verdict(sum, WASM_2_0)).toBe("constant expression required");
  });

  test("equal recursion groups are equal types, others are not", () => {
    const call = (first: string, second: string) => `(module
      (rec ${first}) (rec ${second})
      (func (param (ref $a)) (call $g (local.get 0))) (func $g (param (ref $b))))`;
    const struct = (a: string, b: string) => `(type $${a} (struct (field (ref $${b}))))`;
    const self = call(struct("a", "a"), struct("b", "b"));
    expect(verdict(self)).toBe("valid");
    expect(verdict(call(struct("a", "a"), struct("b", "a")))).toBe("type mismatch");
    const pair = call(
      "(type $a (struct (field i32))) (type $x (struct))",
      "(type $b (struct (field i32))) (type $y (struct))",
    );
    expect(verdict(pair)).toBe("valid");
    expect(verdict(pair.replace("(type $y (struct))", ""))).toBe("type mismatch");
  });

  test("locals without a default", () => {
    const body = (code: string) =>
      `(module (type $f (func)) (func $x (export "x")) (func (local $r (ref $f)) ${code}))`;
    expect(verdict(body("(local.set $r (ref.func $x)) (drop (local.get $r))"))).toBe("valid");
    expect(verdict(body("(drop (local.get $r))"))).toBe("uninitialized local");
    expect(verdict(body("(block (local.set $r (ref.func $x))) (drop (local.get $r))"))).toBe(
      "uninitialized local",
    );
    expect(
      verdict(
        body("(local.set $r (ref.func $x)) (block (local.set $r (ref.func $x))) (drop (local.get $r))"),
      ),
    ).toBe("valid");
    expect(
      verdict(body("(if (i32.const 1) (then (local.set $r (ref.func $x))) (else (drop (local.get $r))))")),
    ).toBe("uninitialized local");
  });

  test("what is invalid in a later function is reported before what is not supported in an earlier", () => {
    const unsupported = "(func (drop (struct.new_default $s)))";
    const module = (last: string) => `(module (type $s (struct)) ${unsupported} ${last})`;
    const missing = failureOf(() => build(module("")));
    expect([missing.kind, missing.detail]).toEqual([UNSUPPORTED, "struct.new_default"]);
    expect(failureOf(() => build(module("(func (result i32))"))).message).toBe("type mismatch");
    // in code that cannot be reached, nothing is missing
    build("(module (type $s (struct)) (func unreachable (drop (struct.new_default $s))))");
  });
});

describe("hostile sizes", () => {
  /** A module of one function () → () with this body. */
  function withBody(code: Bytes): Module {
    code.u8(0x0b);
    const out = new Bytes();
    for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0]) out.u8(b);
    const body = new Bytes();
    body.u8(0);
    body.bytes(code.take());
    const section = new Bytes();
    section.leb(1);
    section.leb(body.length);
    section.bytes(body.take());
    out.u8(10);
    out.leb(section.length);
    out.bytes(section.take());
    return decode(out.take(), WASM_3_0);
  }

  test("a million nested blocks and loops", () => {
    const code = new Bytes();
    const depth = 1_000_000;
    for (let i = 0; i < depth; i++) {
      code.u8(i % 2 === 0 ? 0x02 : 0x03);
      code.u8(0x40);
    }
    for (let i = 0; i < depth; i++) code.u8(0x0b);
    validateModule(withBody(code), WASM_3_0);
  });

  test("the largest br_table over a loop with many variables passes them once", () => {
    const entries = Array.from({ length: 65_520 }, (_, i) => (i % 2 === 0 ? "$l" : "$b")).join(" ");
    const locals = Array.from(
      { length: 300 },
      (_, i) => `(local.set ${i} (i32.add (local.get ${i}) (local.get 0)))`,
    );
    const { texts } = build(`(module (func ${"(local i32)".repeat(300)} (block $b (loop $l
      ${locals.join(" ")} (br_table ${entries} $b (local.get 299))))))`);
    expect(texts[0].length).toBeLessThan(2_000_000);
    expect(
      failureOf(() => build(`(module (func (br_table ${"0 ".repeat(65_522)} (i32.const 0))))`)).message,
    ).toBe("branch table too large");
  });
});

describe("control", () => {
  test("a block that nobody branches to makes no block", () => {
    expect(ir("(module (func (result i32) (block (result i32) (block (result i32) (i32.const 7)))))")).toBe(
      `func "func[0]" wasm() -> i32 {
b:
  v = i32.const 7  @28
  return (v)  @32
}
`,
    );
  });

  test("results of blocks are parameters", () => {
    const text = ir(`(module (func (param i32) (result i32)
      (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2)))))`);
    expect(text).toMatch(/br_if v b b/);
    expect(text.match(/jump b\(v\)/g)?.length).toBe(2);
    expect(text).toMatch(/b\(v i32\):\n {2}return \(v\)/);
  });

  test("an if without else passes its parameters on", () => {
    const text = ir(`(module (func (param i32) (result i32)
      (local.get 0) (if (param i32) (result i32) (local.get 0) (then (drop) (i32.const 5)))))`);
    expect(text.match(/jump b\(v\)/g)?.length).toBe(2);
  });

  test("loops poll, unless asked not to", () => {
    const loop = "(module (func (param i32) (loop $l (br_if $l (local.get 0)))))";
    expect(ir(loop)).toMatch(
      /b\(v i32\):\n {2}v = vmctx.*\n {2}v = ptr.load v \+0 vmctx readonly.*\n {2}v = ptr.load v \+24 context readonly.*\n {2}poll v/,
    );
    expect(ir(loop, { interrupts: false })).not.toMatch(/poll/);
  });

  test("code that cannot be reached makes nothing", () => {
    const text = ir(`(module (func (result i32)
      (block (result i32) (br 0 (i32.const 1)) (i32.div_s (i32.const 1)) (loop (br 0)) (i32.add))))`);
    expect(text).not.toMatch(/div_s|poll|add/);
  });

  test("operands of a br_table are passed once for each label", () => {
    const text = ir(`(module (func (param i32) (result i32) (block $a (result i32) (block $b (result i32)
      (br_table $a $b $a $b $a (i32.const 9) (local.get 0))) (drop) (i32.const 3))))`);
    expect(text).toMatch(/br_table v b b b b b/);
    expect(text.match(/jump b\(v\)/g)?.length).toBe(3);
  });
});

describe("numbers", () => {
  const divide = (op: string, divisor: string) =>
    ir(`(module (func (param i32 i32) (result i32) (i32.${op} (local.get 0) ${divisor})))`);

  test("divisions test for what traps, but not where a constant rules it out", () => {
    expect(divide("div_s", "(local.get 1)")).toMatch(/integer_divide_by_zero[\s\S]*integer_overflow/);
    expect(divide("div_u", "(local.get 1)").match(/trap_if/g)?.length).toBe(1);
    expect(divide("div_s", "(i32.const 7)")).not.toMatch(/trap_if/);
    expect(divide("div_s", "(i32.const -1)")).toMatch(/trap_if v integer_overflow/);
    expect(divide("div_s", "(i32.const -1)")).not.toMatch(/divide_by_zero/);
    expect(divide("rem_u", "(i32.const 0)")).toMatch(/trap_if v integer_divide_by_zero/);
  });

  test("x rem -1 is an operation of the IR", () => {
    expect(divide("rem_s", "(local.get 1)").match(/trap_if/g)?.length).toBe(1);
    expect(divide("rem_s", "(local.get 1)")).not.toMatch(/overflow|select/);
    expect(divide("rem_s", "(i32.const 10)")).not.toMatch(/select|trap_if/);
  });

  test("truncations have exact bounds", () => {
    const bounds: Record<string, [string, number, number]> = {
      "i32.trunc_f32_s": ["lt", -2147483648, 2147483648],
      "i32.trunc_f32_u": ["le", -1, 4294967296],
      "i32.trunc_f64_s": ["le", -2147483649, 2147483648],
      "i32.trunc_f64_u": ["le", -1, 4294967296],
      "i64.trunc_f32_s": ["lt", -(2 ** 63), 2 ** 63],
      "i64.trunc_f32_u": ["le", -1, 2 ** 64],
      "i64.trunc_f64_s": ["lt", -(2 ** 63), 2 ** 63],
      "i64.trunc_f64_u": ["le", -1, 2 ** 64],
    };
    for (const [name, [low, from, to]] of Object.entries(bounds)) {
      const [int, float] = [name.slice(0, 3), name.slice(10, 13)];
      const text = ir(`(module (func (param ${float}) (result ${int}) (${name} (local.get 0))))`);
      const constants = [...text.matchAll(/\.const 0x\w+ \(([^)]*)\)/g)].map((m) => Number(m[1]));
      expect([name, constants]).toEqual([name, [from, to]]);
      expect(text).toMatch(
        new RegExp(
          `${float}.ne v v[\\s\\S]*invalid_conversion[\\s\\S]*${float}.${low} v v[\\s\\S]*${float}.ge`,
        ),
      );
      expect(text).toMatch(/trap_if v integer_overflow/);
    }
  });
});

describe("memories", () => {
  const load = (memory: string, options: Options = {}) =>
    ir(
      `(module ${memory} (func (param i32) (result i32) (i32.load16_u offset=4294967295 (local.get 0))))`,
      options,
    );

  test("guarded: the check yields the address, the access traps", () => {
    const text = load("(memory 1)");
    expect(text).toMatch(/v = bounds_check32 v \+4294967295 memory 0 size 2/);
    expect(text).toMatch(/v = i32.load16_u v \+4294967295 memory 0 trap/);
    expect(text).not.toMatch(/trap_if/);
  });

  test("checked: the check yields the address, and traps unless index + offset + size is in bounds", () => {
    const text = load("(memory 1)", { checked: true });
    expect(text).toMatch(/v = bounds_check v v 0x0000000100000001/); // offset + 2
    expect(text).toMatch(/v = i32.load16_u v \+4294967295 memory 0 *(@|$)/m);
    expect(text).not.toMatch(/trap_if| trap /);
  });

  test("the end of an access with i64 addresses does not wrap around", () => {
    const at = (offset: string) =>
      ir(`(module (memory i64 1) (func (param i64) (result i64) (i64.load offset=${offset} (local.get 0))))`);
    expect(at("0xfffffffffffffff7")).toMatch(/bounds_check v v -1\b/);
    expect(at("0xfffffffffffffff8")).toMatch(/bounds_check v v -1\b/);
    expect(at("0xffffffffffffffff")).toMatch(/bounds_check v v -1\b/);
    expect(at("0xfffffff8")).toMatch(/bounds_check v v 0x0000000100000000/);
  });

  test("memories other than the first are checked; imported ones share a region", () => {
    const text = ir(`(module (import "m" "a" (memory 1)) (import "m" "b" (memory 1)) (memory 1)
      (func (param i32) (i32.store 1 (local.get 0) (i32.load 2 (local.get 0)))))`);
    expect(text).toMatch(/i32.load v \+0 memory 2/);
    expect(text).toMatch(/i32.store v v \+0 memory 0/);
    expect(text.match(/bounds_check /g)?.length).toBe(2);
  });
});

describe("functions", () => {
  test("own ones are called by name, imported ones through their record", () => {
    const { texts } = build(`(module (import "m" "f" (func $f (param i64) (result i32 f64)))
      (func $g (result i32 f64) (call $f (i64.const 1))) (func (result i32 f64) (call $g)))`);
    expect(texts[0]).toMatch(
      /v4: i32 = call_ptr wasm\(ptr i64\) -> i32 f64 \(v3, v2, v0\).*\n {2}v5: f64 = proj v4 1/,
    );
    expect(texts[1]).toMatch(/call .*"g"/);
  });

  test("an indirect call tests bounds, null, type; and whose function it is", () => {
    const text = ir(`(module (type $t (func (param i32) (result i32))) (table 4 funcref)
      (func (param i32) (result i32) (call_indirect (type $t) (i32.const 5) (local.get 0))))`);
    expect(text).toMatch(
      /undefined_element[\s\S]*uninitialized_element[\s\S]*indirect_call_type[\s\S]*ptr.eq[\s\S]*call_ptr[\s\S]*call_ptr/,
    );
  });

  test("a table that only own functions can be in needs no test of whose they are", () => {
    const calls = (rest: string, body = "") => {
      const module = decode(
        assemble(
          `(module (import "m" "f" (func $i)) (table $t 4 funcref) ${rest}
        (func $o (call_indirect (i32.const 0))) (func (param funcref) ${body}))`,
          WASM_3_0,
        ),
        WASM_3_0,
      );
      const facts = validateModule(module, WASM_3_0);
      return buildAll(module, { facts }).texts[0].match(/call_ptr/g)?.length;
    };
    expect(calls("(elem (i32.const 0) $o)")).toBe(1);
    expect(calls("(elem (i32.const 0) funcref (ref.func $o) (ref.null func))")).toBe(1);
    expect(calls("")).toBe(1);
    expect(calls("(elem (i32.const 0) $i)")).toBe(2);
    expect(calls("(elem func $i)")).toBe(2);
    expect(calls('(export "t" (table $t))')).toBe(2);
    expect(calls("", "(table.set (i32.const 0) (local.get 0))")).toBe(2);
    expect(calls("", "(drop (table.grow (local.get 0) (i32.const 1)))")).toBe(2);
    expect(calls("", "(table.fill (i32.const 0) (local.get 0) (i32.const 1))")).toBe(2);
    expect(
      calls("(table $u 1 funcref)", "(table.copy $t $u (i32.const 0) (i32.const 0) (i32.const 1))"),
    ).toBe(2);
  });

  test("tail calls, own, imported, through references", () => {
    const text = ir(`(module (type $t (func (result i32))) (import "m" "f" (func $i (type $t)))
      (func (param (ref null $t) i32) (result i32)
        (if (local.get 1) (then (return_call $o)))
        (if (local.get 1) (then (return_call $i)))
        (return_call_ref $t (local.get 0)))
      (func $o (result i32) (i32.const 1)))`);
    expect(text.match(/return_call_ptr/g)?.length).toBe(3);
    expect(text).toMatch(/return_call "o"/);
    expect(text).toMatch(/trap_if v null_function_reference/);
  });

  test("branches on null and on others", () => {
    const text = ir(`(module (type $t (func)) (func (param (ref null $t)) (result i32)
      (block $null (drop (block $there (result (ref $t)) (br_on_non_null $there (local.get 0)) (br $null)))
        (drop (br_on_null $null (local.get 0))) (return (i32.const 1))) (i32.const 2)))`);
    expect(text).toMatch(/ref.is_null v.*\n {2}v = i32.eqz v.*\n {2}br_if v b\(v\) b /);
    expect(text).toMatch(/ref.is_null v.*\n {2}br_if v b b /);
  });

  test("which functions escape", () => {
    const text = `(module (func $exported (export "e")) (func $listed) (func $initial) (func $own)
      (func $started) (start $started) (elem func $listed) (global funcref (ref.func $initial)))`;
    expect([...escapingFunctions(decode(assemble(text, WASM_3_0), WASM_3_0))]).toEqual([1, 1, 1, 0, 0]);
  });
});

describe("globals", () => {
  test("constants are known, imported mutable ones share a region", () => {
    const text = ir(`(module (import "m" "a" (global $a (mut i32))) (import "m" "b" (global $b (mut i32)))
      (import "m" "c" (global $c i32)) (global $k i32 (i32.const 77)) (global $d (mut i32) (i32.const 1))
      (func (global.set $a (global.get $k)) (global.set $b (global.get $c)) (global.set $d (global.get $d))))`);
    expect(text).toMatch(/i32.const 77/);
    const regions = [...text.matchAll(/i32.(?:load|store) .* global (\d+)( readonly)?/g)].map(
      (m) => m[1] + (m[2] ?? ""),
    );
    expect(regions).toEqual(["65535", "2 readonly", "65535", "4", "4"]);
  });
});

describe("instantiation", () => {
  const instance = (text: string, features: Features) => build(text, { features }).texts.at(-1) ?? "";
  const segments = `(module (memory 1) (table 4 funcref) (func $f) (func $s) (start $s)
    (global (mut i64) (i64.const 5)) (elem (i32.const 1) $f $f) (data (i32.const 10) "abc"))`;

  test("globals, tables, memories, then the start function", () => {
    const text = instance(segments, WASM_2_0);
    expect(text).toMatch(
      /i64.store[\s\S]*elem_new[\s\S]*elem_funcs[\s\S]*table_init[\s\S]*elem_drop[\s\S]*memory_init[\s\S]*"\$?s"|call/,
    );
    expect(text).not.toMatch(/fit/);
  });

  test("version 1.0 checks all before it writes any", () => {
    const text = instance(segments, WASM_1_0);
    expect(text).toMatch(
      /elements_segment_does_not_fit[\s\S]*data_segment_does_not_fit[\s\S]*table_init[\s\S]*memory_init/,
    );
  });

  test("passive segments have a length, active ones have not", () => {
    const text = instance('(module (memory 1) (data "abcde") (data (i32.const 0) "xyz"))', WASM_2_0);
    expect([...text.matchAll(/i32.const (\d+)/g)].map((m) => m[1])).toContain("5");
    expect(text.match(/i32.store/g)?.length).toBe(1);
  });

  test("bytes of the image", () => {
    const { blobs, layout, program } = build(`(module (import "m" "f" (func $i)) (func $f) (table 2 funcref)
      (elem (i32.const 0) $f $i) (elem funcref (ref.func $f) (ref.null func)) (data "abc"))`);
    const byName = new Map(blobs.map((blob) => [program.symbols[blob.symbol].name, blob.bytes]));
    expect(Buffer.from(byName.get("wasmpy_data_0") ?? []).toString()).toBe("abc");
    const offsets = byName.get("wasmpy_elem_0") ?? new Uint8Array();
    expect([...new Int32Array(offsets.slice().buffer)]).toEqual([layout.func[1], ~layout.func[0]]);
    expect(byName.has("wasmpy_elem_1")).toBe(false); // it has a null, so values are stored one by one
  });
});

// --- the specification's suite ---------------------------------------------------------------------------------

const SUITE = process.env.WASMPY_SPEC ?? join(import.meta.dirname, "../../../shared/spec");

function scripts(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) return scripts(path);
      return name.endsWith(".wast") ? [path] : [];
    });
}

const ACCEPTED = [wast.MODULE, wast.DEFINITION, wast.ASSERT_UNLINKABLE, wast.ASSERT_TRAP];

/** What is wrong with our verdict about the module of a command, or "". */
function misjudgement(command: wast.Command, features: Features): string {
  if (command.module === null) return "";
  const rejected = command.kind === wast.ASSERT_INVALID || command.kind === wast.ASSERT_MALFORMED;
  if (!rejected && !ACCEPTED.includes(command.kind)) return "";
  try {
    const module = decode(command.module.assemble(features).bytes, features);
    validateModule(module, features);
    if (rejected) return `accepted, but: ${command.message}`;
    buildAll(module, { features });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.kind === UNSUPPORTED) return "";
    if (rejected && [INVALID, MALFORMED, PROPOSED].includes(error.kind)) return "";
    return `${error.message} (${error.detail})`;
  }
  return "";
}

describe.skipIf(!existsSync(SUITE))("the whole suite is judged rightly, and builds verify", () => {
  const versions: [string, Features, number][] = [
    ["1.0", WASM_1_0, 2800],
    ["2.0", WASM_2_0, 5500],
    ["3.0", WASM_3_0, 6900],
  ];
  test.each(versions)("version %s", { timeout: 120_000 }, (version, features, least) => {
    let judged = 0;
    const wrong: string[] = [];
    for (const path of scripts(join(SUITE, version))) {
      for (const command of parseScript(readFileSync(path))) {
        if (command.module !== null) judged++;
        const complaint = misjudgement(command, features);
        if (complaint !== "") wrong.push(`${path}:${command.line}: ${complaint}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(judged).toBeGreaterThan(least);
  });
});
