// Scripts of the test suite: their commands, constants and result patterns.

import { describe, expect, test } from "vitest";
import { WASM_3_0 } from "../wasm/features.ts";
import * as w from "../wat/commands.ts";
import { parseScript, validate } from "./wat-engine.ts";

function commands(text: string): readonly w.Command[] {
  return parseScript(new TextEncoder().encode(text));
}

function value(text: string): w.Value {
  return commands(`(assert_return (invoke "f") ${text})`)[0].expected[0];
}

describe("commands", () => {
  test("kinds, lines and names", () => {
    const script = commands(`(module $M (func (export "f")))
      (register "m" $M)
      (invoke $M "f" (i32.const 1))
      (get "g")
      (module definition $D (func)) (module instance $I $D)
      (assert_trap (module (func $s unreachable) (start $s)) "unreachable")
      (assert_invalid (module (func (result i32))) "type mismatch")
      (assert_malformed (module quote "(func") "unexpected token")
      (assert_malformed (module binary "") "unexpected end")
      (assert_exhaustion (invoke "f") "call stack exhausted")
      (assert_exception (invoke "f"))
      (assert_unlinkable (module (import "a" "b" (func))) "unknown import")`);
    expect(script.map((c) => [c.kind, c.line, c.name, c.of])).toEqual([
      [w.MODULE, 1, "M", ""],
      [w.REGISTER, 2, "m", "M"],
      [w.ACTION, 3, "", ""],
      [w.ACTION, 4, "", ""],
      [w.DEFINITION, 5, "D", ""],
      [w.INSTANCE, 5, "I", "D"],
      [w.ASSERT_TRAP, 6, "", ""],
      [w.ASSERT_INVALID, 7, "", ""],
      [w.ASSERT_MALFORMED, 8, "", ""],
      [w.ASSERT_MALFORMED, 9, "", ""],
      [w.ASSERT_EXHAUSTION, 10, "", ""],
      [w.ASSERT_EXCEPTION, 11, "", ""],
      [w.ASSERT_UNLINKABLE, 12, "", ""],
    ]);
    expect(script[2].action).toMatchObject({ isGet: false, module: "M", name: "f" });
    expect(script[2].action?.args[0].words[0]).toBe(1);
    expect(script[3].action?.isGet).toBe(true);
    expect(script.map((c) => c.module?.form ?? -1)).toEqual([0, -1, -1, -1, 0, -1, 0, 0, 2, 1, -1, -1, 0]);
    expect(() => script[8].module?.assemble(WASM_3_0)).toThrow("unexpected token");
    expect(script[9].module?.assemble(WASM_3_0).bytes.length).toBe(0);
    expect(script[7].message).toBe("type mismatch");
  });

  test("a module without a wrapper", () => {
    const script = commands('(func) (memory 0) (func (export "f"))');
    expect(script.length).toBe(1);
    expect(validate(Uint8Array.from(script[0].module?.assemble(WASM_3_0).bytes ?? []))).toBe(true);
  });

  test("threads, nested", () => {
    const script = commands(`(module $M) (thread $T1 (shared (module $M)) (register "m" $M)
      (thread $T2 (shared (module $M)) (invoke "f")) (wait $T2)) (wait $T1)`);
    expect(script.map((c) => [c.kind, c.name])).toEqual([
      [w.MODULE, "M"],
      [w.THREAD, "T1"],
      [w.REGISTER, "m"],
      [w.THREAD, "T2"],
      [w.ACTION, ""],
      [w.END_THREAD, "T2"],
      [w.WAIT, "T2"],
      [w.END_THREAD, "T1"],
      [w.WAIT, "T1"],
    ]);
  });

  test("names are text", () => {
    expect(commands('(invoke "\\u{fc}\\00")')[0].action?.name).toBe("ü\0");
    expect(() => commands('(invoke "\\ff")')).toThrow("malformed UTF-8 encoding");
    expect(() => commands("(assert_foo)")).toThrow("unknown operator");
  });
});

describe("values", () => {
  test("constants are exact bits", () => {
    expect(value("(i64.const -2)").words).toEqual(Int32Array.of(-2, -1, 0, 0));
    expect(value("(f32.const nan:0x200001)").words[0]).toBe(0x7fa00001);
    expect(value("(f64.const -0x1p-1074)").words).toEqual(Int32Array.of(1, -0x80000000, 0, 0));
    expect(value("(v128.const i8x16 0 1 2 3 -1 5 6 7 8 9 10 11 12 13 14 255)").words).toEqual(
      Int32Array.of(0x03020100, 0x070605ff, 0x0b0a0908, 0xff0e0d0c | 0),
    );
    expect(value("(v128.const i64x2 1 -1)").words).toEqual(Int32Array.of(1, 0, -1, -1));
  });

  test("patterns", () => {
    const lanes = value("(v128.const f32x4 1 nan:canonical nan:arithmetic -0)");
    expect([...lanes.nans.subarray(0, 4)]).toEqual([w.EXACT, w.CANONICAL, w.ARITHMETIC, w.EXACT]);
    expect([lanes.laneBits, lanes.words[0], lanes.words[3]]).toEqual([32, 0x3f800000, -0x80000000]);
    expect(value("(v128.const f64x2 nan:canonical 1)").words[3]).toBe(0x3ff00000);
    expect(value("(f64.const nan:arithmetic)").nans[0]).toBe(w.ARITHMETIC);
    expect(commands('(assert_return_canonical_nan (invoke "f"))')[0].expected[0]).toMatchObject({
      kind: w.V_NAN,
      nans: Uint8Array.of(w.CANONICAL),
    });
    const either = value("(either (i32.const 1) (i32.const 2))");
    expect(either.alternatives.map((v) => v.words[0])).toEqual([1, 2]);
    expect(value("(ref.extern 7)")).toMatchObject({ kind: w.V_REF_EXTERN, any: false });
    expect(value("(ref.extern)")).toMatchObject({ kind: w.V_REF_EXTERN, any: true });
    for (const [text, kind] of [
      ["(ref.null)", w.V_REF_NULL],
      ["(ref.null extern)", w.V_REF_NULL],
      ["(ref.func)", w.V_REF_FUNC],
      ["(ref.i31)", w.V_REF_I31],
      ["(ref.eq)", w.V_REF_EQ],
      ["(ref.struct)", w.V_REF_STRUCT],
      ["(ref.array)", w.V_REF_ARRAY],
      ["(ref.host 1)", w.V_REF_HOST],
    ] as const) {
      expect(value(text).kind).toBe(kind);
    }
  });
});
