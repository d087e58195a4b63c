// The compiler compiled by itself, in V8: of the same modules it makes the same images, texts, binaries and diagnostics
// as the compiler that Node runs. `node tests/self/compare.ts` does the same with whole suites.

import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { stageNamed } from "../../backend.ts";
import { STOPPED } from "../../base/errors.ts";
import { assemble, type Compiled, compile, readScript, requireBinary, show } from "../../driver.ts";
import { DEFAULTS } from "../../options.ts";
import { prebuild } from "../../prebuilt.ts";
import { commonTypes } from "../../shared.ts";
import { samples } from "../../tools/corpus.ts";
import { type Built, build, ROOT } from "../../tools/self/build.ts";
import { prebuiltSource } from "../../tools/self/prebuilt.ts";
import { WASM_3_0 } from "../../wasm/features.ts";
import { Comparison, changed, random } from "./comparison.ts";
import { TranslatedCompiler } from "./compiler.ts";

const GOLDEN = join(ROOT, "tests", "golden");

const OPTIONS = { ...DEFAULTS, leaf: "m", wrap: true, cpu: 3, verified: true };

let built: Built;
let translated: TranslatedCompiler;
let comparison: Comparison;

beforeAll(() => {
  prebuild(commonTypes());
  built = build(join(ROOT, "self", "exports.ts"), new Map([[join(ROOT, "prebuilt.ts"), prebuiltSource()]]));
  translated = new TranslatedCompiler(built.bytes, built.sites);
}, 300000);

test("golden files", { timeout: 120000 }, () => {
  comparison = new Comparison(translated);
  for (const sample of samples([GOLDEN])) comparison.all(sample);
  expect(comparison.differences).toEqual([]);
  expect(comparison.results).toBeGreaterThan(100);
});

test("modules of the fuzzer", { timeout: 120000 }, () => {
  for (const sample of samples(["seeds:0-12"])) comparison.all(sample);
  expect(comparison.differences).toEqual([]);
});

test("modules that were changed", { timeout: 120000 }, () => {
  const pool = [...samples([GOLDEN, "seeds:20-24"])].filter(({ bytes }) => bytes.length < 10000);
  for (let k = 0; k < 300; k++) {
    comparison.briefly({ name: `change ${k}`, bytes: changed(pool[random(pool.length)].bytes) });
  }
  expect(comparison.differences).toEqual([]);
  expect(comparison.diagnostics).toBeGreaterThan(100);
});

function equal(made: Compiled, wanted: Compiled): void {
  expect(made.diagnostic).toEqual(wanted.diagnostic);
  expect(Buffer.compare(made.bytes, wanted.bytes)).toBe(0);
}

/** Functions for several chunks: each has constants and a jump table of its own, and names that are no ASCII. */
function large(count: number): Uint8Array {
  const functions = Array.from({ length: count }, (_, i) => {
    const sum = Array.from(
      { length: 40 },
      (_, k) => `(i32.store offset=${4 * k} (local.get $x) (i32.const ${i * k}))`,
    );
    return `(func $"f\u{1f600}${i}" (export "f${i}") (param $x i32) (result f64) (local $y f64)
      (block $a (block $b (block $c (br_table $a $b $c $a (local.get $x))) (local.set $y (f64.const ${i}.5))))
      (drop (call ${i >> 1} (local.get $x))) ${sum.join(" ")} (f64.add (local.get $y) (f64.const 0.25)))`;
  });
  return new TextEncoder().encode(`(module (memory 1) (data (i32.const 0) "abc") ${functions.join("\n")})`);
}

test("chunks of other instances", { timeout: 120000 }, () => {
  const source = large(700);
  const helpers = [0, 1].map(() => new TranslatedCompiler(built.bytes, built.sites));
  const wanted = compile(source, OPTIONS);
  expect(wanted.diagnostic).toBeNull();
  equal(translated.compileShared(source, OPTIONS, helpers), wanted);
  expect(translated.chunks).toBeGreaterThan(2);
  equal(translated.compileShared(source, OPTIONS, []), wanted);
  expect(translated.done).toBe(700);
});

test("nothing that stays refers to what a chunk has allocated", () => {
  for (const { bytes } of [...samples([GOLDEN, "seeds:0-6"]), { bytes: large(700) }]) {
    if (compile(bytes, OPTIONS).diagnostic !== null) continue;
    expect(translated.dangling(bytes, OPTIONS)).toEqual([]);
  }
});

test("memory is freed when a chunk is done, and when a job is", () => {
  const binary = assemble(large(700), WASM_3_0).bytes;
  const options = { ...DEFAULTS, leaf: "m", wrap: true, cpu: 3 };
  const used = (bytes: Uint8Array): number => {
    expect(translated.compile(bytes, options).diagnostic).toBeNull();
    return translated.used;
  };
  const small = used(large(1));
  const most = used(binary);
  expect(most).toBeLessThan(25 * compile(binary, options).bytes.length); // 19; without freeing 39
  expect([used(large(1)), used(binary)]).toEqual([small, most]);
});

test("whoever wants no more of it", () => {
  const text = large(1);
  for (const bytes of [text, assemble(text, WASM_3_0).bytes]) {
    translated.stop(1);
    const stopped = translated.compile(bytes, OPTIONS).diagnostic;
    translated.stop(0);
    expect(stopped).toMatchObject({ kind: STOPPED, message: "stopped" });
    expect(translated.compile(bytes, OPTIONS).diagnostic).toBeNull();
  }
});

test.each(["ir", "opt", "code", "asm"])("functions as %s", (stage) => {
  for (const { bytes } of samples([join(GOLDEN, "patterns")])) {
    equal(translated.show(bytes, OPTIONS, stage, "f"), show(bytes, OPTIONS, stageNamed(stage), "f"));
  }
});

test.each(["", "(module)", "\0as", "\0asm", "{}", "\x89PNG"])("files that must be binaries: %j", (text) => {
  const bytes = Buffer.from(text, "latin1");
  equal(translated.requireBinary(bytes), requireBinary(bytes));
});

test.each([
  [
    `(module $M (global (export "g") i64 (i64.const 1)) (func (export "a\u{1f600}\\n\\22") (param f32 externref) (result i64)
     (i64.const 0)))
   (assert_return (invoke "f" (i64.const -1) (i32.const -1) (f32.const nan:0x7fffff)) (f64.const nan:canonical))
   (assert_return (invoke "f" (v128.const i32x4 1 -2 3 4)) (either (i32.const 1) (ref.extern 3) (ref.func)))
   (assert_invalid (module (func $f (result i32))) "type mismatch")
   (assert_malformed (module quote "(func") "unexpected token")
   (nothing "at all")
   (assert_malformed (module binary "") "unexpected end")
   (invoke "f" (i64.const 12345678901234567890))`,
    8,
  ],
  ["(module) (", 1],
  ["(; no end", 1],
  ["", 0],
])("a script with as many commands: %#", (text, count) => {
  const bytes = new TextEncoder().encode(text);
  const script = readScript(bytes, WASM_3_0);
  const [commands, payload] = translated.script(bytes, WASM_3_0);
  expect(new TextDecoder().decode(commands)).toBe(new TextDecoder().decode(script.take()));
  expect(Buffer.compare(payload, script.takePayload())).toBe(0);
  expect(JSON.parse(new TextDecoder().decode(commands)).commands.length).toBe(count);
});
