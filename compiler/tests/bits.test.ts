// What opt/bits.ts says of random expressions holds for what they yield.

import fc from "fast-check";
import { expect, test } from "vitest";
import * as op from "../gen/ir-ops.ts";
import { Builder } from "../ir/builder.ts";
import { Func, type Value } from "../ir/func.ts";
import { I32, I64 } from "../ir/ops.ts";
import { CONV_WASM, Program } from "../ir/program.ts";
import { evidentBits, possibleBits, possibleHigh, possibleLow } from "../opt/bits.ts";
import { FlatMemory, interpret } from "./interpret.ts";

type Expression =
  | { kind: "argument"; n: number }
  | { kind: "constant"; x: number }
  | { kind: "unary"; code: number; a: Expression }
  | { kind: "binary"; code: number; a: Expression; b: Expression };

const UNARY: readonly number[][] = [
  [op.I32_CLZ, op.I32_POPCNT, op.I32_EXTEND8_S, op.I32_EXTEND16_S, op.I32_EQZ, op.I32_WRAP_I64],
  [op.I64_CTZ, op.I64_EXTEND8_S, op.I64_EXTEND32_S, op.I64_EXTEND_I32_S, op.I64_EXTEND_I32_U],
];
const BINARY: readonly number[][] = [
  [op.I32_ADD, op.I32_SUB, op.I32_MUL, op.I32_AND, op.I32_OR, op.I32_XOR, op.I32_LT_U],
  [op.I64_ADD, op.I64_MUL, op.I64_AND, op.I64_OR, op.I64_XOR],
];
/** With a constant on the right. */
const SHIFTS: readonly number[][] = [
  [op.I32_SHL, op.I32_SHR_U, op.I32_SHR_S, op.I32_DIV_U, op.I32_REM_U, op.I32_AND],
  [op.I64_SHL, op.I64_SHR_U, op.I64_SHR_S, op.I64_AND],
];
const constant = fc.oneof(
  fc.constantFrom(
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    31,
    32,
    33,
    40,
    63,
    255,
    0xfffc,
    0xffff,
    0x10000,
    -1,
    -2,
    -4,
    0x7fffffff,
  ),
  fc.integer(),
);

/** Expressions of i32 (`wide` 0) or i64 (1). */
function expressions(wide: number, depth: number): fc.Arbitrary<Expression> {
  const leaf = fc.oneof(
    fc.record({ kind: fc.constant("argument" as const), n: fc.constantFrom(wide, wide + 2) }),
    fc.record({ kind: fc.constant("constant" as const), x: constant }),
  );
  if (depth === 0) return leaf;
  const unary = (code: number) => {
    const widens = code === op.I64_EXTEND_I32_S || code === op.I64_EXTEND_I32_U;
    const from = code === op.I32_WRAP_I64 ? 1 : widens ? 0 : wide;
    return fc.record({
      kind: fc.constant("unary" as const),
      code: fc.constant(code),
      a: expressions(from, depth - 1),
    });
  };
  return fc.oneof(
    { arbitrary: leaf, weight: 1 },
    { arbitrary: fc.constantFrom(...UNARY[wide]).chain(unary), weight: 3 },
    {
      arbitrary: fc.record({
        kind: fc.constant("binary" as const),
        code: fc.constantFrom(...SHIFTS[wide]),
        a: expressions(wide, depth - 1),
        b: fc.record({ kind: fc.constant("constant" as const), x: constant }),
      }),
      weight: 4,
    },
    {
      arbitrary: fc.record({
        kind: fc.constant("binary" as const),
        code: fc.constantFrom(...BINARY[wide]),
        a: expressions(wide, depth - 1),
        b: expressions(wide, depth - 1),
      }),
      weight: 3,
    },
  );
}

const program = new Program();
const build = new Builder(program, new Func());

function make(e: Expression, wide: number): Value {
  switch (e.kind) {
    case "argument":
      return build.argument(e.n);
    case "constant":
      return wide === 1 ? build.i64(e.x, e.x >> 31) : build.i32(e.x);
    case "unary": {
      const widens = e.code === op.I64_EXTEND_I32_S || e.code === op.I64_EXTEND_I32_U;
      return build.op(e.code, make(e.a, e.code === op.I32_WRAP_I64 ? 1 : widens ? 0 : wide));
    }
    default: {
      const divides = e.code === op.I32_DIV_U || e.code === op.I32_REM_U;
      const b = divides && e.b.kind === "constant" && e.b.x === 0 ? { ...e.b, x: 5 } : e.b;
      return build.op(e.code, make(e.a, wide), make(b, wide));
    }
  }
}

test.each([
  ["i32", 0],
  ["i64", 1],
] as const)("%s", (_, wide) => {
  const word = fc.oneof(
    fc.constantFrom(0n, 1n, 0xffffffffn, 0xffffffffffffffffn, 1n << 63n),
    fc.bigInt(0n, (1n << 64n) - 1n),
  );
  const inputs = fc.array(fc.tuple(word, word), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(expressions(wide, 4), inputs, (e, cases) => {
      const signature = program.signature([I32, I64, I32, I64], [wide === 1 ? I64 : I32], CONV_WASM);
      build.begin("f", program.symbol("f", 0, signature), signature);
      const v = make(e, wide);
      build.ret([v]);
      const f = build.finish();
      for (const [a, b] of cases) {
        const [r] = interpret(f, [a & 0xffffffffn, b, b >> 32n, a], new FlatMemory());
        const lower = Number(BigInt.asIntN(32, r));
        const upper = Number(BigInt.asIntN(32, r >> 32n));
        if (wide === 0) {
          expect(lower & ~possibleBits(f, v)).toBe(0);
          expect(lower & ~evidentBits(f, v)).toBe(0);
        } else {
          expect(lower & ~possibleLow(f, v)).toBe(0);
          expect(upper & ~possibleHigh(f, v)).toBe(0);
        }
      }
    }),
    { numRuns: 2000 },
  );
});
