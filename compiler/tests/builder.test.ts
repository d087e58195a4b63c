import { describe, expect, test } from "vitest";
import { helper } from "../abi/helpers.ts";
import { V128_STORE } from "../gen/ir-ops.ts";
import { access, laneBits, MAY_TRAP, REGION_MEMORY } from "../ir/access.ts";
import { Builder } from "../ir/builder.ts";
import { Func, NO_BLOCK } from "../ir/func.ts";
import { F32, I32, I64, PTR, V128 } from "../ir/ops.ts";
import { parseFunc } from "../ir/parse.ts";
import { print } from "../ir/print.ts";
import { CONV_WASM, Program, SYM_FUNC } from "../ir/program.ts";
import { verify } from "../ir/verify.ts";
import { Optimizer } from "../opt/passes.ts";

describe("calls with a handler", () => {
  test("end their block, helpers too; what the handler reads is what it was before the call", () => {
    const program = new Program();
    const two = program.symbol("two", SYM_FUNC, program.signature([I32], [I32, F32], CONV_WASM));
    const c = new Builder(program, new Func());
    const signature = program.signature([I32, PTR], [I32], CONV_WASM);
    c.begin("f", program.symbol("f", SYM_FUNC, signature), signature);
    const x = c.variable(I32);
    c.set(x, c.argument(0));
    c.call(two, [c.get(x)]);
    const landing = c.coldBlock();
    c.handler = landing;
    const first = c.call(two, [c.get(x)]);
    c.projection(first, 1, F32);
    c.set(x, first);
    const record = c.argument(1);
    c.call(helper(program, "memory_grow"), [record, c.i64(1, 0)]);
    c.set(x, c.callPtr(record, program.signature([I64], [I32], CONV_WASM), [c.i64(2, 0)]));
    c.handler = NO_BLOCK;
    c.call(two, [c.get(x)]);
    c.ret([c.get(x)]);
    c.seal(landing);
    c.switchTo(landing);
    c.ret([c.get(x)]);
    const func = c.finish();
    verify(func, program);
    expect(print(func, program)).toBe(`func "f" wasm(i32 ptr) -> i32 {
b0(v0 i32, v1 ptr):
  v2: i32 = call "two" wasm(i32) -> i32 f32 (v0)
  v3: i32 = invoke "two" wasm(i32) -> i32 f32 (v0) b2 b1(v0)
b1 cold(v4 i32):
  return (v4)
b2:
  v5: f32 = proj v3 1
  v6 = i64.const 1
  v7: i64 = invoke "wasmpy_memory_grow" wasm(ptr i64) -> i64 (v1, v6) b3 b1(v3)
b3:
  v8 = i64.const 2
  v9: i32 = invoke_ptr wasm(i64) -> i32 (v1, v8) b4 b1(v3)
b4:
  v10: i32 = call "two" wasm(i32) -> i32 f32 (v9)
  return (v9)
}
`);
    for (const level of [0, 1, 2]) {
      new Optimizer().run(func, program, level);
      verify(func, program);
    }
  });
});

describe("immediates of 128 bits", () => {
  test("are read back, equal ones are one value, and zero is the default of vectors", () => {
    const program = new Program();
    const c = new Builder(program, new Func());
    const signature = program.signature([I32, PTR], [], CONV_WASM);
    c.begin("f", program.symbol("f", SYM_FUNC, signature), signature);
    const unset = c.variable(V128);
    const aux = access(REGION_MEMORY, 1, 16, MAY_TRAP) | laneBits(15);
    for (const last of [4, 4, 5]) c.store(V128_STORE, c.argument(1), c.v128(-1, 2, 3, last), 16, aux);
    c.store(V128_STORE, c.argument(1), c.get(unset), 32, aux);
    c.ret([]);
    const func = c.finish();
    verify(func, program);
    const text = print(func, program);
    expect(text).toContain("v128.const 0x000000040000000300000002ffffffff\n");
    expect(text).toContain("v128.const 0x00000000000000000000000000000000\n");
    expect(text).toContain("+16 memory 1 trap lane 15\n");
    expect(print(parseFunc(text, program), program)).toBe(text);
    new Optimizer().run(func, program, 2);
    verify(func, program);
    expect(print(func, program).match(/v128\.const/g)?.length).toBe(3);
    func.imm[func.first.get(0)] = 2;
    expect(() => verify(func, program)).toThrow(
      expect.objectContaining({ detail: expect.stringMatching("no such wide") }),
    );
  });
});
