// Random programs with loops, branches, tables, memory, globals, slots, calls and traps do the same after each pass
// as before it, and stay valid.

import fc from "fast-check";
import { describe, test } from "vitest";
import { LP64 } from "../abi/model.ts";
import * as op from "../gen/ir-ops.ts";
import {
  access,
  MAY_TRAP,
  READONLY,
  REGION_GLOBAL,
  REGION_MEMORY,
  REGION_STACK,
  REGION_VMCTX,
} from "../ir/access.ts";
import type { Variable } from "../ir/builder.ts";
import type { Func, Value } from "../ir/func.ts";
import { I32, PTR } from "../ir/ops.ts";
import { print } from "../ir/print.ts";
import { CONV_WASM, Program, SYM_FUNC } from "../ir/program.ts";
import { DIVIDE_BY_ZERO, UNREACHABLE } from "../ir/traps.ts";
import { verify } from "../ir/verify.ts";
import { FULL, Optimizer, QUICK } from "../opt/passes.ts";
import { Code } from "../runtime/code.ts";
import { FlatMemory, interpret, Trap } from "./interpret.ts";

type Statement =
  | { kind: "set"; to: number; e: Expression }
  | { kind: "load"; to: number; code: number; at: number; offset: number }
  | { kind: "store"; code: number; at: number; offset: number; from: number }
  | { kind: "global"; n: number; from: number }
  | { kind: "slot"; n: number; from: number }
  | { kind: "call"; x: number; leak: boolean }
  | { kind: "trap"; e: Expression }
  | { kind: "divide"; to: number; a: number; b: number }
  | { kind: "if"; e: Expression; cold: boolean; yes: Statement[]; no: Statement[] }
  | { kind: "loop"; times: number; top: boolean; body: Statement[] }
  | { kind: "leave"; e: Expression }
  | { kind: "switch"; x: number; cases: Statement[][] }
  | { kind: "return"; e: Expression };

type Expression =
  | { kind: "variable"; n: number }
  | { kind: "constant"; x: number }
  | { kind: "binary"; code: number; a: Expression; b: Expression }
  | { kind: "unary"; code: number; a: Expression }
  | { kind: "wide"; code: number; a: Expression; b: Expression }
  | { kind: "select"; c: Expression; a: Expression; b: Expression }
  | { kind: "field"; readonly: boolean; n: number }
  | { kind: "global"; n: number }
  | { kind: "slot"; n: number };

const VARIABLES = 4;
const variable = fc.nat(VARIABLES - 1);
const small = fc.constantFrom(0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 255, -1, -2147483648);

const BINARY = [
  op.I32_ADD,
  op.I32_SUB,
  op.I32_MUL,
  op.I32_AND,
  op.I32_OR,
  op.I32_XOR,
  op.I32_SHL,
  op.I32_SHR_U,
  op.I32_SHR_S,
  op.I32_EQ,
  op.I32_NE,
  op.I32_LT_S,
  op.I32_LT_U,
  op.I32_GE_U,
];
const UNARY = [op.I32_EQZ, op.I32_EXTEND8_S, op.I32_CLZ];
const WIDE = [op.I64_ADD, op.I64_MUL, op.I64_SHR_U, op.I64_XOR];
const LOADS = [op.I32_LOAD, op.I32_LOAD8_S, op.I32_LOAD8_U, op.I32_LOAD16_S, op.I32_LOAD16_U];
const STORES = [op.I32_STORE, op.I32_STORE8, op.I32_STORE16];
const SIZE = new Map([
  [op.I32_LOAD, 4],
  [op.I32_STORE, 4],
  [op.I32_LOAD8_S, 1],
  [op.I32_LOAD8_U, 1],
  [op.I32_STORE8, 1],
  [op.I32_LOAD16_S, 2],
  [op.I32_LOAD16_U, 2],
  [op.I32_STORE16, 2],
]);

const { statements } = fc.letrec<{ expression: Expression; statement: Statement; statements: Statement[] }>(
  (tie) => ({
    expression: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      variable.map((n): Expression => ({ kind: "variable", n })),
      small.map((x): Expression => ({ kind: "constant", x })),
      fc.record({
        kind: fc.constant("binary" as const),
        code: fc.constantFrom(...BINARY),
        a: tie("expression"),
        b: tie("expression"),
      }),
      fc.record({
        kind: fc.constant("unary" as const),
        code: fc.constantFrom(...UNARY),
        a: tie("expression"),
      }),
      fc.record({
        kind: fc.constant("wide" as const),
        code: fc.constantFrom(...WIDE),
        a: tie("expression"),
        b: tie("expression"),
      }),
      fc.record({
        kind: fc.constant("select" as const),
        c: tie("expression"),
        a: tie("expression"),
        b: tie("expression"),
      }),
      fc.record({ kind: fc.constant("field" as const), readonly: fc.boolean(), n: fc.nat(2) }),
      fc.record({ kind: fc.constant("global" as const), n: fc.nat(2) }),
      fc.record({ kind: fc.constant("slot" as const), n: fc.nat(1) }),
    ),
    statement: fc.oneof(
      { depthSize: "medium", withCrossShrink: true },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant("set" as const), to: variable, e: tie("expression") }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant("load" as const),
          to: variable,
          code: fc.constantFrom(...LOADS),
          at: variable,
          offset: fc.nat(6),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant("store" as const),
          code: fc.constantFrom(...STORES),
          at: variable,
          offset: fc.nat(6),
          from: variable,
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant("global" as const), n: fc.nat(2), from: variable }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant("slot" as const), n: fc.nat(1), from: variable }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant("call" as const), x: variable, leak: fc.boolean() }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("trap" as const), e: tie("expression") }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("divide" as const),
          to: variable,
          a: variable,
          b: variable,
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), e: tie("expression") }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("return" as const), e: tie("expression") }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant("if" as const),
          e: tie("expression"),
          cold: fc.boolean(),
          yes: tie("statements"),
          no: tie("statements"),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant("loop" as const),
          times: fc.nat(4),
          top: fc.boolean(),
          body: tie("statements"),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("switch" as const),
          x: variable,
          cases: fc.array(tie("statements"), { minLength: 1, maxLength: 4 }),
        }),
      },
    ),
    statements: fc.array(tie("statement"), { maxLength: 6, depthIdentifier: "s" }),
  }),
);

class Writer {
  readonly code: Code;
  readonly program: Program;
  private readonly variables: Variable[];
  private readonly exits: { block: ReturnType<Code["block"]> }[];
  private readonly callee: number;

  constructor() {
    this.program = new Program();
    this.code = new Code(this.program, LP64);
    this.callee = this.program.symbol("g", SYM_FUNC, this.program.signature([I32, PTR], [I32], CONV_WASM));
    this.variables = [];
    this.exits = [];
  }

  write(body: readonly Statement[]): Func {
    const { code } = this;
    const signature = this.program.signature([I32, I32], [I32], CONV_WASM);
    code.start(this.program.symbol("f", SYM_FUNC, signature));
    code.func.newSlot(16);
    code.func.newSlot(16);
    for (let i = 0; i < VARIABLES; i++) {
      this.variables.push(code.variable(I32));
      code.set(this.variables[i], i < 2 ? code.argument(i) : code.i32(i));
    }
    this.statements(body);
    if (!code.terminated) code.ret([this.sum()]);
    return code.finish();
  }

  private sum(): Value {
    const { code } = this;
    let x = code.get(this.variables[0]);
    for (let i = 1; i < VARIABLES; i++) {
      x = code.op(op.I32_ADD, code.op(op.I32_MUL, x, code.i32(31)), code.get(this.variables[i]));
    }
    return x;
  }

  private statements(list: readonly Statement[]): void {
    for (const s of list) {
      if (this.code.terminated) return;
      this.code.loc++;
      this.statement(s);
    }
  }

  private address(n: number, size: number, offset: number): Value {
    const { code } = this;
    const index = code.op(op.I32_AND, code.get(this.variables[n]), code.i32(3));
    const v = code.op(op.BOUNDS_CHECK32, index);
    code.func.imm[v] = offset;
    code.func.aux[v] = access(REGION_MEMORY, 0, size, MAY_TRAP);
    return v;
  }

  private statement(s: Statement): void {
    const { code } = this;
    switch (s.kind) {
      case "set":
        code.set(this.variables[s.to], this.expression(s.e));
        return;
      case "load": {
        const size = SIZE.get(s.code) as number;
        const aux = access(REGION_MEMORY, 0, size, MAY_TRAP);
        code.set(this.variables[s.to], code.load(s.code, this.address(s.at, size, s.offset), s.offset, aux));
        return;
      }
      case "store": {
        const size = SIZE.get(s.code) as number;
        const aux = access(REGION_MEMORY, 0, size, MAY_TRAP);
        const at = this.address(s.at, size, s.offset);
        code.store(s.code, at, code.get(this.variables[s.from]), s.offset, aux);
        return;
      }
      case "global": {
        const cell = access(REGION_GLOBAL, s.n, 4, 0);
        code.store(op.I32_STORE, code.op(op.VMCTX), code.get(this.variables[s.from]), 64 + 16 * s.n, cell);
        return;
      }
      case "slot":
        code.store(
          op.I32_STORE,
          code.slot(s.n),
          code.get(this.variables[s.from]),
          4,
          access(REGION_STACK, 0, 4, 0),
        );
        return;
      case "call": {
        const to = s.leak ? code.slot(1) : code.zero(PTR);
        code.set(this.variables[s.x], code.call(this.callee, [code.get(this.variables[s.x]), to]));
        return;
      }
      case "trap":
        code.trapIf(this.expression(s.e), UNREACHABLE);
        return;
      case "divide": {
        const b = code.get(this.variables[s.b]);
        code.trapIf(code.op(op.I32_EQZ, b), DIVIDE_BY_ZERO);
        code.set(this.variables[s.to], code.op(op.I32_DIV_U, code.get(this.variables[s.a]), b));
        return;
      }
      case "if": {
        const e = this.expression(s.e);
        if (s.cold) code.whenRarely(e, () => this.statements(s.yes));
        else {
          code.choose(
            e,
            () => this.statements(s.yes),
            () => this.statements(s.no),
          );
        }
        return;
      }
      case "loop":
        this.loop(s.times, s.top, s.body);
        return;
      case "leave": {
        if (this.exits.length === 0) return;
        const on = code.block();
        code.brIf(this.expression(s.e), this.exits[this.exits.length - 1].block, [], on, []);
        code.seal(on);
        code.switchTo(on);
        return;
      }
      case "switch": {
        const blocks = s.cases.map(() => code.block());
        const after = code.block();
        code.brTable(code.get(this.variables[s.x]), [...blocks, blocks[0], after], []);
        s.cases.forEach((body, i) => {
          code.seal(blocks[i]);
          code.switchTo(blocks[i]);
          this.statements(body);
          if (!code.terminated) code.jump(after, []);
        });
        code.seal(after);
        code.switchTo(after);
        return;
      }
      case "return":
        code.ret([this.expression(s.e)]);
        return;
    }
  }

  /** Runs at most `times` times, tested at the top or at the bottom. */
  private loop(times: number, top: boolean, body: readonly Statement[]): void {
    const { code } = this;
    const count = code.variable(I32);
    code.set(count, code.i32(times));
    const head = code.block();
    const after = code.block();
    code.jump(head, []);
    code.switchTo(head);
    if (top) {
      const inside = code.block();
      code.brIf(code.get(count), inside, [], after, []);
      code.seal(inside);
      code.switchTo(inside);
    }
    code.set(count, code.op(op.I32_SUB, code.get(count), code.i32(1)));
    this.exits.push({ block: after });
    this.statements(body);
    this.exits.pop();
    if (!code.terminated) {
      if (top) code.jump(head, []);
      else code.brIf(code.op(op.I32_GT_S, code.get(count), code.i32(0)), head, [], after, []);
    }
    code.seal(head);
    code.seal(after);
    if (code.predecessorCount(after) > 0) code.switchTo(after);
  }

  private expression(e: Expression): Value {
    const { code } = this;
    switch (e.kind) {
      case "variable":
        return code.get(this.variables[e.n]);
      case "constant":
        return code.i32(e.x);
      case "binary":
        return code.op(e.code, this.expression(e.a), this.expression(e.b));
      case "unary":
        return code.op(e.code, this.expression(e.a));
      case "wide": {
        const a = code.op(op.I64_EXTEND_I32_S, this.expression(e.a));
        const b = code.op(op.I64_EXTEND_I32_U, this.expression(e.b));
        return code.op(op.I32_WRAP_I64, code.op(e.code, a, b));
      }
      case "select":
        return code.op(op.I32_SELECT, this.expression(e.c), this.expression(e.a), this.expression(e.b));
      case "field": {
        const record = code.load(
          op.PTR_LOAD,
          code.op(op.VMCTX),
          8 * e.n,
          access(REGION_VMCTX, 0, 8, READONLY),
        );
        return code.load(op.I32_LOAD, record, 8, access(REGION_VMCTX, 0, 4, e.readonly ? READONLY : 0));
      }
      case "global":
        return code.load(op.I32_LOAD, code.op(op.VMCTX), 64 + 16 * e.n, access(REGION_GLOBAL, e.n, 4, 0));
      case "slot":
        return code.load(op.I32_LOAD, code.slot(e.n), 4, access(REGION_STACK, 0, 4, 0));
    }
  }
}

/** A machine whose calls change memory, globals and what was leaked to them. */
class Machine extends FlatMemory {
  private calls: number;

  constructor() {
    super();
    this.calls = 0;
    for (let i = 0; i < 24; i++)
      this.write(this.memory(0, BigInt(i)), BigInt(i * 37 + 1), 1, access(REGION_MEMORY, 0, 1, 0));
  }

  call(symbol: number, args: readonly bigint[]): bigint[] {
    super.call(symbol, args);
    this.calls++;
    const x = (args[0] * 7n + BigInt(this.calls)) & 0xffffffffn;
    this.write(this.memory(0, x & 7n), x, 4, access(REGION_MEMORY, 0, 4, 0));
    this.write(this.vmctx + 64n + 16n * (x % 3n), x, 4, access(REGION_GLOBAL, Number(x % 3n), 4, 0));
    if (args[1] !== 0n) this.write(args[1] + 4n, x + 1n, 4, access(REGION_STACK, 0, 4, 0));
    return [x ^ 5n];
  }
}

function outcome(f: Func, args: readonly bigint[]): string {
  const machine = new Machine();
  let end: string;
  try {
    end = `returns ${interpret(f, args, machine).join(" ")}`;
  } catch (e) {
    if (!(e instanceof Trap)) throw e;
    end = `trap ${e.code}`;
  }
  // A zero that was stored is as good as none.
  const bytes = [...machine.bytes].filter(([at, x]) => x !== 0 && at >> 64n !== BigInt(REGION_STACK * 65536));
  bytes.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return `${end}\n${machine.log.join("\n")}\n${bytes.map(([a, x]) => `${a.toString(16)}:${x}`).join(" ")}`;
}

describe.each([
  ["quick", QUICK],
  ["full", FULL],
] as const)("level %s", (_, level) => {
  test("keeps the meaning of random programs, pass by pass", { timeout: 600_000 }, () => {
    const optimizer = new Optimizer();
    const runs = Number(process.env.FUZZ ?? 400);
    const inputs = [
      [0n, 0n],
      [1n, 5n],
      [0xffffffffn, 2n],
    ];
    fc.assert(
      fc.property(statements, (body) => {
        const writer = new Writer();
        const f = writer.write(body);
        verify(f, writer.program);
        const expected = inputs.map((args) => outcome(f, args));
        let text = print(f, writer.program);
        optimizer.run(f, writer.program, level, (pass) => {
          const before = text;
          try {
            verify(f, writer.program);
          } catch (e) {
            throw new Error(`${pass}: ${(e as { detail: string }).detail}\n${before}`);
          }
          text = print(f, writer.program);
          inputs.forEach((args, i) => {
            const out = outcome(f, args);
            if (out !== expected[i])
              throw new Error(`${pass}: ${out}\ninstead of ${expected[i]}\n${before}\n${text}`);
          });
        });
      }),
      { numRuns: runs },
    );
  });
});
