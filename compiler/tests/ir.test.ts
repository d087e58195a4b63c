import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as op from "../gen/ir-ops.ts";
import { access, MAY_TRAP, READONLY, REGION_C, REGION_MEMORY, REGION_VMCTX, SWAPPED } from "../ir/access.ts";
import { Builder } from "../ir/builder.ts";
import { Dominators } from "../ir/dominators.ts";
import { type Block, ENTRY, Func } from "../ir/func.ts";
import { F32, F64, I32, I64, PTR, REF } from "../ir/ops.ts";
import { Order } from "../ir/order.ts";
import { parse, parseFunc } from "../ir/parse.ts";
import { print } from "../ir/print.ts";
import { CONV_C, CONV_WASM, Program, SYM_FUNC, SYM_IMPORT, SYM_RODATA } from "../ir/program.ts";
import { INTEGER_OVERFLOW } from "../ir/traps.ts";
import { verify } from "../ir/verify.ts";

const EVERYTHING = `func "f \\"\\u0001\\\\" wasm(i32 i64 ptr ref) -> i32 f64 {
  slots 16 8
b0(v0 i32, v1 i64, v2 ptr, v3 ref):
  v4 = i32.const -5  @17
  v5 = i64.const -5
  v6 = i64.const 0x123456789abcdef0
  v7 = i64.const 0x00000000ffffffff
  v8 = f32.const 0x7fa00000 (NaN)
  v9 = f64.const 0x3ff8000000000000 (1.5)
  v10 = ptr.const 0
  v11 = symbol rodata "table"
  v12 = symbol import "PyLong_Type"
  v13 = slot 1
  v14 = vmctx
  v15 = bounds_check32 v0 +4294967295 memory 0 size 4 trap
  v16 = i32.load v15 +4294967295 memory 0 trap
  v17 = i32.load8_s v2 +0 c swapped
  v18 = ptr.load v14 +8 vmctx readonly
  v19 = ptr.load v14 +8 vmctx size 4
  i64.store v13 v6 +0x0000000100000000 stack
  f32.store v2 v8 +16 global 3
  v20: i64 = call import "g" c(ptr f64) -> i64 f32 (v10, v9)  @3
  v21: f32 = proj v20 1
  call_ptr wasm(i64) -> () (v11, v6)
  trap_if v16 integer_divide_by_zero
  v22 = code_addr b4
  v23: i32 = invoke "h" wasm() -> i32 f64 () b1 b4
b1:
  v24: f64 = proj v23 1
  br_if v23 b2(v24, v0) b3
b2(v25 f64, v26 i32):
  br_table v0 b3 b5(v26) b3
b3:
  return (v4, v9)
b4 cold:
  trap unreachable
b5(v27 i32):
  return_call "k" wasm(i32) -> i32 f64 (v27)
}
`;

describe("text form", () => {
  test("is read back to the same text", () => {
    const program = new Program();
    const f = parseFunc(EVERYTHING, program);
    verify(f, program);
    expect(print(f, program)).toBe(EVERYTHING);
    expect(f.imm2[f.first.get(0)]).toBe(0);
    expect(program.symbols[program.find("g")].kind).toBe(SYM_IMPORT);
    expect(program.symbols[program.find("table")].kind).toBe(SYM_RODATA);
  });

  test("keeps every column that means something", () => {
    const program = new Program();
    const b = new Builder(program, new Func());
    const signature = program.signature([I32, PTR, F32, F64, REF], [I64], CONV_WASM);
    b.begin("f", program.symbol("f", SYM_FUNC, signature), signature);
    b.loc = 42;
    const word = access(REGION_MEMORY, 7, 8, MAY_TRAP | SWAPPED);
    const x = b.load(op.I64_LOAD, b.argument(1), -1, word);
    const y = b.load(op.I64_LOAD32_S, b.argument(1), 0, access(REGION_VMCTX, 0, 4, READONLY), 1);
    b.store(op.I64_STORE, b.argument(1), y, 8, access(REGION_C, 3, 8, 0));
    b.trapIf(b.argument(0), INTEGER_OVERFLOW);
    const c = program.symbol("c", SYM_IMPORT, program.signature([I64], [I64], CONV_C));
    b.ret([b.op(op.I64_ADD, b.call(c, [x]), y)]);
    const f = b.finish();
    verify(f, program);
    const text = print(f, program);
    const again = new Program();
    const g = parseFunc(text, again);
    expect(print(g, again)).toBe(text);
    const loads = [...g.op.subarray(0, g.count).keys()].filter((v) => g.op[v] === op.I64_LOAD);
    expect(g.aux[loads[0]]).toBe(word);
    expect(g.imm[loads[0]]).toBe(-1);
    expect(g.loc[loads[0]]).toBe(42);
  });

  test("keeps the layout, gaps between block numbers, and forward references", () => {
    const text = `func "f" wasm(i32) -> i32 layout {
b0(v0 i32):
  jump b7
b3:
  v1 = i32.add v2 v0
  return (v1)
b7:
  v2 = i32.eqz v0
  jump b3
}
`;
    const program = new Program();
    const f = parseFunc(text, program);
    verify(f, program);
    expect([...f.layout.data.subarray(0, f.layout.length)]).toEqual([0, 3, 7]);
    expect(print(f, program)).toBe(text);
  });

  test("reads several functions, comments, and the symbols of the program", () => {
    const program = new Program();
    const known = program.symbol("g", SYM_IMPORT, program.signature([], [], CONV_C));
    const funcs = parse(
      `; two of them\nfunc "a" wasm() -> () {\nb0: ; the entry\n call import "g" c() -> () () return ()\n}
       func "b" c() -> () {\nb0:\n return ()\n}`,
      program,
    );
    expect(funcs.map((f) => f.name)).toEqual(["a", "b"]);
    expect(funcs[0].c[funcs[0].first.get(0)]).toBe(known);
  });

  test.each([
    ['func "f" wasm() -> () {\nb0:\n  foo v1\n}', "line 3: no operation 'foo'"],
    ['func "f" wasm() -> () {\nb0:\n  trap_if v1 unreachable\n  return ()\n}', "v1 is not defined"],
    ['func "f" wasm() -> () {\nb0:\n  v0 = sp\n  v0 = sp\n}', "v0 is defined twice"],
    ['func "f" wasm() -> () {\nb0:\n  v0 = return ()\n}', "return has no result"],
    ['func "f" wasm() -> () {\nb0:\n  trap nonsense\n}', "no trap 'nonsense'"],
  ])("refuses %j", (text, message) => {
    expect(failureOf(() => parse(text, new Program()))).toContain(message);
  });
});

function failureOf(action: () => void): string {
  try {
    action();
  } catch (e) {
    return (e as { detail: string }).detail;
  }
  return "no failure";
}

describe("verifier", () => {
  const wrap = (body: string) => `func "f" wasm(i32 i64) -> i32 {\nb0(v0 i32, v1 i64):\n${body}\n}`;
  test.each([
    ["type of an operand", "v2 = i32.add v0 v1\n return (v2)", "has type i64, not i32"],
    ["use before definition", "v2 = i32.add v3 v0\n v3 = i32.eqz v0\n return (v2)", "used before"],
    [
      "use in a block",
      "br_if v0 b1 b2\nb1:\n v2 = i32.eqz v0\n jump b2\nb2:\n return (v2)",
      "does not dominate",
    ],
    ["index of a check", "v2 = sp\n v3 = bounds_check v2 v2 4\n return (v0)", "type of an index"],
    ["missing terminator", "v2 = i32.eqz v0", "terminators stand at the end"],
    ["early terminator", "return (v0)\n return (v0)", "terminators stand at the end"],
    ["edge without block", "jump b4", "leads to no block"],
    ["arguments of an edge", "jump b1(v0)\nb1:\n return (v0)", "has 1 arguments"],
    ["type of an argument", "jump b1(v1)\nb1(v2 i32):\n return (v2)", "has type i64, not i32"],
    ["predecessor of the entry", "jump b0(v0, v1)", "entry block has a predecessor"],
    ["results of a return", "return (v0, v0)", "number of operands"],
    ["operands of a call", 'v2: i32 = call "g" wasm(i64) -> i32 (v0)\n return (v2)', "has type i32, not i64"],
    ["type of a call", 'v2: i64 = call "g" wasm() -> i32 ()\n return (v0)', "type of the first result"],
    [
      "projection apart from its call",
      'v2: i32 = call "g" wasm() -> i32 i32 ()\n v3 = sp\n v4: i32 = proj v2 1\n return (v4)',
      "must follow its operation",
    ],
    [
      "number of a projection",
      'v2: i32 = call "g" wasm() -> i32 ()\n v4: i32 = proj v2 1\n return (v4)',
      "no such result",
    ],
    [
      "result of a failed invoke",
      'v2: i32 = invoke "g" wasm() -> i32 () b1 b2\nb1:\n return (v2)\nb2:\n return (v2)',
      "where it may have failed",
    ],
    ["code_addr alone", "v2 = code_addr b1\n jump b1\nb1:\n return (v0)", "code_addr without its invoke"],
    [
      "size of an access",
      "v2 = ptr.const 0\n v3 = i32.load v2 +0 c size 8\n return (v3)",
      "size of the access",
    ],
    ["slot", "v2 = slot 0\n return (v0)", "no such slot"],
    ["results of a tail call", 'return_call "g" wasm() -> i64 ()', "results of the tail call"],
    ["targets of br_if", "br_if v0 b1\nb1:\n return (v0)", "number of edges"],
  ])("%s", (_, body, message) => {
    const program = new Program();
    const f = parseFunc(wrap(body), program);
    expect(failureOf(() => verify(f, program))).toContain(message);
  });

  test("a layout has no critical edges, no copies, every block, the entry first", () => {
    const program = new Program();
    const check = (text: string) => failureOf(() => verify(parseFunc(text, program), program));
    const head = 'func "f" wasm(i32) -> i32 layout {\nb0(v0 i32):\n';
    expect(check(`${head} br_if v0 b1 b2\nb1:\n jump b2\nb2:\n return (v0)\n}`)).toContain("is critical");
    expect(check(`${head} v1: i32 = copy v0\n return (v1)\n}`)).toContain("a copy is used");
    const f = parseFunc(`${head} jump b1\nb1:\n return (v0)\n}`, program);
    f.layout.length = 1;
    expect(failureOf(() => verify(f, program))).toContain("lacks a block");
    expect(check('func "f" wasm() -> () layout {\nb1:\n return ()\nb0:\n jump b1\n}')).toContain(
      "entry block",
    );
  });

  test("blocks that cannot be reached do not matter", () => {
    const program = new Program();
    const f = parseFunc('func "f" wasm() -> () {\nb0:\n return ()\nb1:\n jump b9\n}', program);
    f.newBlock();
    verify(f, program);
  });
});

/** A function of `n` blocks with the given pairs of successors. */
function graph(successors: readonly (readonly number[])[]): Func {
  const blocks = successors.map((to, b) => {
    const name = (i: number) => `b${i + 1}`;
    if (to.length === 0) return `b${b + 1}:\n return ()`;
    if (to.length === 1) return `b${b + 1}:\n jump ${name(to[0])}`;
    return `b${b + 1}:\n br_table v0 ${to.map(name).join(" ")}`;
  });
  return parseFunc(
    `func "f" wasm(i32) -> () {\nb0(v0 i32):\n jump b1\n${blocks.join("\n")}\n}`,
    new Program(),
  );
}

describe("order and dominators", () => {
  test("agree with the definition on random graphs", () => {
    const graphs = fc.integer({ min: 1, max: 12 }).chain((n) =>
      fc.array(fc.array(fc.integer({ min: 0, max: n - 1 }), { maxLength: 3 }), {
        minLength: n,
        maxLength: n,
      }),
    );
    const order = new Order();
    const dominators = new Dominators();
    fc.assert(
      fc.property(graphs, (successors) => {
        const f = graph(successors);
        order.compute(f);
        dominators.compute(f, order);
        const reach = (without: number) => {
          const seen = new Set<number>();
          const visit = (b: number) => {
            if (b === without || seen.has(b)) return;
            seen.add(b);
            for (const to of b === 0 ? [0] : successors[b - 1]) visit(to + 1);
          };
          visit(0);
          return seen;
        };
        const reachable = reach(-1);
        const { blocks } = order;
        expect(new Set(blocks.data.subarray(0, blocks.length))).toEqual(reachable);
        expect(blocks.get(0)).toBe(ENTRY);
        expect(dominators.preorder.length).toBe(blocks.length);
        for (const a of reachable) {
          const left = reach(a);
          for (const b of reachable) {
            expect(dominators.dominates(a as Block, b as Block)).toBe(!left.has(b));
          }
          const idom = dominators.parent[a];
          if (a !== 0) {
            const strict = [...reachable].filter((d) => d !== a && !reach(d).has(a));
            expect(strict).toContain(idom);
            for (const d of strict) expect(dominators.dominates(d as Block, idom as Block)).toBe(true);
          }
        }
        // In a forward direction but for cycles: some predecessor of each block stands before it.
        for (let i = 1; i < blocks.length; i++) {
          const b = blocks.get(i) as Block;
          let before = 0;
          for (let k = 0; k < order.predecessorCount(b); k++) {
            if (order.place[order.predecessor(b, k)] < i) before++;
          }
          expect(before).toBeGreaterThan(0);
          expect(order.place[dominators.parent[b]]).toBeLessThan(i);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("take 100,000 blocks", () => {
    const n = 100_000;
    const chain = graph(Array.from({ length: n }, (_, i) => (i + 1 < n ? [i + 1, n - 1] : [])));
    const order = new Order();
    const dominators = new Dominators();
    order.compute(chain);
    dominators.compute(chain, order);
    expect(dominators.parent[n]).toBe(1);
    expect(dominators.parent[n - 1]).toBe(n - 2);
  });
});
