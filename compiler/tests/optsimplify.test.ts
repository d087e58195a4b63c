// Rules and constant evaluation against the interpreter: every rule on operands that make it match, and random trees.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as op from "../gen/ir-ops.ts";
import { access, REGION_C } from "../ir/access.ts";
import { Builder } from "../ir/builder.ts";
import { Func, type Value } from "../ir/func.ts";
import {
  ACCESS_SIZE,
  F32,
  F64,
  FLAGS,
  I32,
  I64,
  IMMEDIATE,
  OPS,
  PTR,
  PURE,
  REF,
  RESULT,
  VOID,
} from "../ir/ops.ts";
import { print } from "../ir/print.ts";
import { CONV_WASM, Program, SYM_FUNC } from "../ir/program.ts";
import { verify } from "../ir/verify.ts";
import { Context, ORDER } from "../opt/context.ts";
import { FULL, optimize } from "../opt/passes.ts";
import { Simplify } from "../opt/simplify.ts";
import { type Pattern, parseRules } from "../tools/rules.ts";
import { FlatMemory, interpret, Trap } from "./interpret.ts";
import { f32Bits, f64Bits, normalized } from "./semantics.ts";

const RULES = parseRules(
  "simplify.rules",
  readFileSync(join(import.meta.dirname, "..", "opt", "simplify.rules"), "utf8"),
);

const INTS = [
  0n,
  1n,
  2n,
  3n,
  5n,
  7n,
  8n,
  10n,
  16n,
  24n,
  31n,
  32n,
  33n,
  48n,
  56n,
  63n,
  64n,
  100n,
  127n,
  128n,
  255n,
  256n,
];
const WORDS32 = [
  ...INTS,
  641n,
  1000n,
  32767n,
  65535n,
  65536n,
  0x7fffffffn,
  0x80000000n,
  0x80000001n,
  0xfffffffen,
  0xffffffffn,
  0xfffffff9n,
  0xffffff80n,
];
const WORDS64 = [
  ...WORDS32,
  1n << 32n,
  1n << 33n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
  (1n << 64n) - 2n,
  0xffffffff80000000n,
  0x123456789abcdef0n,
];
const REALS = [
  0,
  -0,
  1,
  -1,
  0.5,
  2,
  3,
  4,
  1.5,
  2.5,
  -2.5,
  0.1,
  1e10,
  -1e10,
  4294967296,
  2147483648,
  -2147483649,
  9.3e18,
  1.9e19,
  1e300,
  -1e300,
  5e-324,
  Infinity,
  -Infinity,
  NaN,
];

function constantsOf(type: number): bigint[] {
  switch (type) {
    case I32:
      return WORDS32;
    case F32:
      return [...REALS.map(f32Bits), 0x7fa00000n, 0x00800000n, 0x3f000001n];
    case F64:
      return [
        ...REALS.map(f64Bits),
        0x7ff4000000000000n,
        0x0010000000000000n,
        0x3fe0000000000001n,
        0x7fe0000000000000n,
      ];
    default:
      return WORDS64;
  }
}

function wordOf(type: number): fc.Arbitrary<bigint> {
  const width = type === I32 || type === F32 ? 32n : 64n;
  return fc.oneof(fc.constantFrom(...constantsOf(type)), fc.bigInt(0n, (1n << width) - 1n));
}

const PARAMS = [I32, I32, I64, I64, F32, F32, F64, F64, PTR, PTR, REF, REF];

function begin(results: readonly number[]): Builder {
  const program = new Program();
  const b = new Builder(program, new Func());
  const signature = program.signature(PARAMS, results, CONV_WASM);
  b.begin("f", program.symbol("f", SYM_FUNC, signature), signature);
  return b;
}

function constant(b: Builder, type: number, x: bigint): Value {
  const lo = Number(BigInt.asIntN(32, x));
  const hi = Number(BigInt.asIntN(32, x >> 32n));
  switch (type) {
    case I32:
      return b.i32(lo);
    case F32:
      return b.f32(lo);
    case I64:
      return b.i64(lo, hi);
    case F64:
      return b.f64(lo, hi);
    case PTR:
      return b.ptr(lo, hi);
    default:
      return b.op(op.REF_NULL);
  }
}

/** What running it does: results, or the trap, and what was stored. Null where a guarded operation misbehaves. */
function outcome(f: Func, args: readonly bigint[]): string | null {
  const memory = new FlatMemory();
  const { results } = f2program(f);
  try {
    const out = interpret(f, args, memory);
    const stored = [...memory.bytes].sort().map(([a, x]) => `${a}:${x}`);
    return `${out.map((x, i) => normalized(results[i], x)).join(" ")} ${stored.join(" ")}`;
  } catch (e) {
    if (e instanceof Trap) return `trap ${e.code}`;
    if (e instanceof RangeError) return null; // division by zero
    throw e;
  }
}

const programs = new WeakMap<Func, Program>();
function f2program(f: Func): { results: readonly number[] } {
  return (programs.get(f) as Program).signatures[f.signature];
}

function simplified(f: Func, program: Program): void {
  const c = new Context();
  c.begin(f, program);
  c.need(ORDER);
  new Simplify().run(c);
  verify(f, program);
}

describe("every rule keeps the meaning", () => {
  // Immediates that a rule leaves open are tried from the constants above.
  for (const rule of RULES.rules) {
    test(`${rule.at} ${rule.text}`, () => {
      let fired = 0;
      const choices = fc.infiniteStream(fc.nat(1_000_000));
      // Until the condition of the rule was met at least once.
      for (let round = 0; round < 50 && fired === 0; round++) {
        fc.assert(
          fc.property(choices, fc.tuple(...PARAMS.map(wordOf)), (stream, args) => {
            const pick = <T>(list: readonly T[]): T => list[(stream.next().value as number) % list.length];
            const type = Math.max(OPS[rule.pattern.op].result, 0);
            const b = begin(type === VOID ? [] : [type]);
            const names = new Map<string, Value>();
            const numbers = new Map<string, bigint>();
            const immediate = (p: Pattern & { kind: "op" }): bigint => {
              const x = p.immediate;
              if (x?.kind === "literal") return (BigInt(x.hi) << 32n) | BigInt(x.lo >>> 0);
              const name = x?.kind === "name" ? x.name : "_";
              const isOffset = ACCESS_SIZE[p.op] !== 0;
              const known = numbers.get(name);
              if (known !== undefined && name !== "_") return known;
              const chosen = isOffset
                ? pick([0n, 8n, 100n])
                : p.op === op.TRAP_IF
                  ? 3n
                  : pick(constantsOf(RESULT[p.op]));
              numbers.set(name, chosen);
              return chosen;
            };
            const build = (p: Pattern, wanted: number): Value => {
              if (p.kind === "name") {
                const known = names.get(p.name);
                if (known !== undefined && p.name !== "_") return known;
                const from = [...PARAMS.keys()].filter((i) => PARAMS[i] === wanted);
                const small = wanted === I32 && pick([true, false]);
                const leaf = small ? b.op(op.I32_EQZ, b.argument(0)) : b.argument(pick(from));
                names.set(p.name, leaf);
                return leaf;
              }
              const operands = p.operands.map((o, i) => build(o, OPS[p.op].operands[i]));
              const size = ACCESS_SIZE[p.op];
              const v = b.op(p.op, ...operands);
              if ((FLAGS[p.op] & IMMEDIATE) !== 0) {
                const x = immediate(p);
                b.func.imm[v] = Number(BigInt.asIntN(32, x));
                b.func.imm2[v] =
                  p.op === op.I32_CONST || p.op === op.F32_CONST ? 0 : Number(BigInt.asIntN(32, x >> 32n));
                if (p.op === op.SLOT) b.func.imm[v] = b.func.newSlot(8);
              }
              if (size !== 0) b.func.aux[v] = access(REGION_C, 0, size, 0);
              if (p.name !== "") names.set(p.name, v);
              return v;
            };
            const root = build(rule.pattern, VOID);
            b.ret(type === VOID ? [] : [root]);
            const f = b.finish();
            programs.set(f, b.program);
            verify(f, b.program);
            const before = outcome(f, args);
            const text = print(f, b.program);
            simplified(f, b.program);
            const after = outcome(f, args);
            if (print(f, b.program) !== text) fired++;
            if (before !== null) expect(after, `${text}\n${print(f, b.program)}`).toBe(before);
          }),
          { numRuns: 60 },
        );
      }
      expect(fired).toBeGreaterThan(0);
    });
  }
});

/** A tree of pure operations as text of choices. */
interface Tree {
  readonly code: number;
  readonly operands: readonly Tree[];
  readonly leaf: number; // parameter ≥ 0, or -1: constant
  readonly value: bigint;
}

const TREE_OPS = OPS.map((_, code) => code).filter((code) => {
  const row = OPS[code];
  const plain = [I32, I64, F32, F64, PTR];
  return (
    (row.flags & PURE) !== 0 &&
    (row.flags & IMMEDIATE) === 0 &&
    row.operands.length > 0 &&
    code !== op.COPY &&
    code !== op.I32_SHL_NUW &&
    [row.result, ...row.operands].every((t) => plain.includes(t))
  );
});

function leafOf(type: number): fc.Arbitrary<Tree> {
  const params = [...PARAMS.keys()].filter((i) => PARAMS[i] === type);
  return fc.oneof(
    fc.constantFrom(...params).map((leaf): Tree => ({ code: -1, operands: [], leaf, value: 0n })),
    wordOf(type).map((value): Tree => ({ code: -1, operands: [], leaf: -1, value })),
  );
}

function treeOf(type: number, depth: number): fc.Arbitrary<Tree> {
  if (depth === 0) return leafOf(type);
  const codes = TREE_OPS.filter((code) => RESULT[code] === type);
  const inner = fc
    .constantFrom(...codes)
    .chain((code) =>
      fc
        .tuple(...OPS[code].operands.map((t) => treeOf(t, depth - 1)))
        .map((operands): Tree => ({ code, operands, leaf: -1, value: 0n })),
    );
  return fc.oneof({ weight: 1, arbitrary: leafOf(type) }, { weight: 4, arbitrary: inner });
}

function buildTree(b: Builder, t: Tree, type: number): Value {
  if (t.code >= 0) {
    return b.op(t.code, ...t.operands.map((o, i) => buildTree(b, o, OPS[t.code].operands[i])));
  }
  return t.leaf >= 0 ? b.argument(t.leaf) : constant(b, type, t.value);
}

describe.each([
  ["i32", I32],
  ["i64", I64],
  ["f32", F32],
  ["f64", F64],
] as const)("random trees of %s", (_, type) => {
  test.each([2, 4])("of depth %i mean the same after optimize", { timeout: 600_000 }, (depth) => {
    const inputs = fc.array(fc.tuple(...PARAMS.map(wordOf)), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(treeOf(type, depth), inputs, (tree, rows) => {
        const b = begin([type]);
        b.ret([buildTree(b, tree, type)]);
        const f = b.finish();
        programs.set(f, b.program);
        const text = print(f, b.program);
        const before = rows.map((args) => outcome(f, args));
        optimize(f, b.program, FULL);
        verify(f, b.program);
        rows.forEach((args, i) => {
          if (before[i] !== null) expect(outcome(f, args), `${text}\n${print(f, b.program)}`).toBe(before[i]);
        });
      }),
      { numRuns: Number(process.env.FUZZ ?? 400) },
    );
  });
});
