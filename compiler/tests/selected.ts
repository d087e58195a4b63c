// Writes, as JSON, a blob of machine code that went through selection, allocation and emission, with entry points,
// arguments and expected results: every pure operation of the IR on edge values, with operands in registers, in
// memory and constant, and every condition with every consumer. tests/test_selection.py runs them. The results come
// from tests/semantics.ts. Not a vitest file. Argument: names of CPU features, with commas.

import * as op from "../gen/ir-ops.ts";
import { access, REGION_STACK } from "../ir/access.ts";
import { Builder, type Variable } from "../ir/builder.ts";
import { Func, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, F32, F64, FLAGS, I32, I64, IMMEDIATE, OPS, PTR, PURE, REF } from "../ir/ops.ts";
import { CONV_C, SYM_FUNC } from "../ir/program.ts";
import { x64Target } from "../isa/x64/target.ts";
import { check } from "../mach/checker.ts";
import { Code } from "../mach/code.ts";
import { allocate } from "../mach/regalloc.ts";
import { Selection } from "../mach/select.ts";
import { verifyCode } from "../mach/verify.ts";
import { cpuFeatures, X86_64_LINUX } from "../targets.ts";
import { interpret } from "./interpret.ts";
import { Machine } from "./machine.ts";
import { evaluate, normalized, toF32, toF64 } from "./semantics.ts";

const REGISTER = 0;
const IN_MEMORY = 1;
const CONSTANT = 2;

const machine = new Machine();
const { program } = machine;
const target = x64Target(cpuFeatures(X86_64_LINUX, (process.argv[2] ?? "").split(",")));
const selection = new Selection(program, target);
const code = new Code();
const build = new Builder(program, new Func());
const signature = program.signature([I64, I64, I64], [I64], CONV_C);

/** Symbol, arguments, expected result (hexadecimal, or nan32, nan64: any quiet one), what it is. */
const cases: [number, string[], string, string][] = [];

const VALUES: Record<number, bigint[]> = {
  [I32]: [
    0n,
    1n,
    2n,
    5n,
    31n,
    32n,
    0x7fn,
    0x80n,
    0xffn,
    0x7fffn,
    0x8000n,
    0xffffn,
    0x7fffffffn,
    0x80000000n,
    0xffffff80n,
    0xfffffffen,
    0xffffffffn,
    0x12345678n,
  ],
  [I64]: [
    0n,
    1n,
    3n,
    31n,
    63n,
    64n,
    0x80n,
    0xffffn,
    0x7fffffffn,
    0x80000000n,
    0xffffffffn,
    0x100000000n,
    0x7fffffffffffffffn,
    0x8000000000000000n,
    0xffffffff80000000n,
    0xfffffffffffffff0n,
    0xffffffffffffffffn,
    0x8000000000000401n,
    0xfffffffffffffbffn,
    0x123456789abcdef0n,
    0x20000000000001n,
  ],
  [F32]: [
    0n,
    0x80000000n,
    0x3f800000n,
    0xbf800000n,
    0x3f000000n,
    0xbf000000n,
    0x3fc00000n,
    0x40200000n,
    0x00000001n,
    0x807fffffn,
    0x7f7fffffn,
    0x7f800000n,
    0xff800000n,
    0x7fc00000n,
    0xffc00000n,
    0x7fc12345n,
    0x4effffffn,
    0x4f000000n,
    0xcf000000n,
    0x4f7fffffn,
    0x4f800000n,
    0x5effffffn,
    0x5f000000n,
    0xdf000000n,
    0x5f7fffffn,
    0x5f800000n,
    0x4b7fffffn,
  ],
  [F64]: [
    0n,
    0x8000000000000000n,
    0x3ff0000000000000n,
    0xbff0000000000000n,
    0x3fe0000000000000n,
    0xbfe0000000000000n,
    0x4004000000000000n,
    0xbfefffffffffffffn,
    0x1n,
    0x800fffffffffffffn,
    0x7fefffffffffffffn,
    0x7ff0000000000000n,
    0xfff0000000000000n,
    0x7ff8000000000000n,
    0xfff8000000000000n,
    0x7ff8000000012345n,
    0x41dfffffffc00000n,
    0x41dfffffffe00000n,
    0x41e0000000000000n,
    0xc1e0000000000000n,
    0xc1e00000001fffffn,
    0xc1e0000000200000n,
    0x41efffffffe00000n,
    0x41effffffffffff0n,
    0x41f0000000000000n,
    0x43dfffffffffffffn,
    0x43e0000000000000n,
    0xc3e0000000000000n,
    0xc3e0000000000001n,
    0x43efffffffffffffn,
    0x43f0000000000000n,
    0x3ff199999999999an,
    0x4330000000000001n,
  ],
  [PTR]: [0n, 1n, 0x7fffffffffffn, 0xffffffffffffffffn, 0x8000000000000000n],
  [REF]: [0n, 16n, 0xfffffffffffffff0n],
};
const WIDTH: Record<number, number> = { [I32]: 32, [I64]: 64, [F32]: 32, [F64]: 64, [PTR]: 64, [REF]: 64 };
const CONST: Record<number, number> = {
  [I32]: op.I32_CONST,
  [I64]: op.I64_CONST,
  [F32]: op.F32_CONST,
  [F64]: op.F64_CONST,
  [PTR]: op.PTR_CONST,
};
const LOAD: Record<number, number> = {
  [I32]: op.I32_LOAD,
  [I64]: op.I64_LOAD,
  [F32]: op.F32_LOAD,
  [F64]: op.F64_LOAD,
  [PTR]: op.PTR_LOAD,
  [REF]: op.REF_LOAD,
};
const SELECT: Record<number, number> = {
  [I32]: op.I32_SELECT,
  [I64]: op.I64_SELECT,
  [F32]: op.F32_SELECT,
  [F64]: op.F64_SELECT,
  [PTR]: op.PTR_SELECT,
  [REF]: op.REF_SELECT,
};

/** Some of the values, the same ones each time: two for one case, all pairs being too many. */
function some(type: number, every: number, offset: number): bigint[] {
  return VALUES[type].filter((_, i) => i % every === offset % every);
}

// --- building -------------------------------------------------------------------------------------------------

let count = 0;

function begin(): void {
  build.begin(`f${count}`, program.symbol(`f${count}`, SYM_FUNC, signature), signature);
  count++;
}

function finish(): number {
  const f = build.finish();
  selection.run(f, code);
  const faults = verifyCode(code, target);
  if (faults.length > 0) throw new Error(`${describe(f)}: ${faults.join("; ")}`);
  const registers = target.registers[CONV_C];
  allocate(code, registers);
  check(code, registers);
  machine.emitter.emit(code, f.symbol, CONV_C, -1, machine.image, machine.pcs);
  return f.symbol;
}

function describe(f: Func): string {
  return Array.from(f.op.subarray(0, f.count), (o) => OPS[o].name).join(" ");
}

/** An i64 as a value of `type`, by its bits. */
function fromWord(word: Value, type: number): Value {
  switch (type) {
    case I32:
      return build.op(op.I32_WRAP_I64, word);
    case F32:
      return build.op(op.F32_REINTERPRET_I32, build.op(op.I32_WRAP_I64, word));
    case F64:
      return build.op(op.F64_REINTERPRET_I64, word);
    case PTR:
      return build.op(op.PTR_FROM_I64, word);
    case REF:
      return build.op(op.REF_FROM_PTR, build.op(op.PTR_FROM_I64, word));
    default:
      return word;
  }
}

/** The bits of a value as i64. */
function toWord(x: Value, type: number): Value {
  switch (type) {
    case I32:
      return build.op(op.I64_EXTEND_I32_U, x);
    case F32:
      return build.op(op.I64_EXTEND_I32_U, build.op(op.I32_REINTERPRET_F32, x));
    case F64:
      return build.op(op.I64_REINTERPRET_F64, x);
    case PTR:
      return build.op(op.I64_FROM_PTR, x);
    case REF:
      return build.op(op.I64_FROM_PTR, build.op(op.PTR_FROM_REF, x));
    default:
      return x;
  }
}

function constant(type: number, bits: bigint): Value {
  const v = type === REF ? build.op(op.REF_NULL) : build.op(CONST[type]);
  build.func.imm[v] = Number(BigInt.asIntN(32, bits));
  if (WIDTH[type] === 64) build.func.imm2[v] = Number(BigInt.asIntN(32, bits >> 32n));
  return v;
}

/** Operand `i` of type `type`, in the given way. */
function operand(i: number, type: number, how: number, bits: bigint): Value {
  if (how === CONSTANT) return constant(type, bits);
  if (how === REGISTER) return fromWord(build.argument(i), type);
  const slot = build.slot(build.func.newSlot(16));
  const region = access(REGION_STACK, 0, 8, 0);
  build.store(op.I64_STORE, slot, build.argument(i), 8, region);
  return build.load(LOAD[type], slot, 8, access(REGION_STACK, 0, WIDTH[type] / 8, 0));
}

// --- what is defined --------------------------------------------------------------------------------------------

function isDefined(code: number, args: readonly bigint[]): boolean {
  const { name } = OPS[code];
  const [a, b] = args;
  const width = name.startsWith("i64") ? 64 : 32;
  if (/\.(div|rem)_/.test(name)) {
    if (b === 0n) return false;
    return !name.endsWith("div_s") || a !== 1n << BigInt(width - 1) || b !== (1n << BigInt(width)) - 1n;
  }
  if (name === "i32.shl_nuw") return a << (b & 31n) < 1n << 32n;
  const truncation = /^i(\d\d)\.trunc_f(\d\d)_([su])$/.exec(name);
  if (truncation === null) return true;
  const x = Math.trunc(truncation[2] === "32" ? toF32(a) : toF64(a));
  const bits = Number(truncation[1]);
  if (truncation[3] === "u") return x > -1 && x < 2 ** bits;
  return x >= -(2 ** (bits - 1)) && x < 2 ** (bits - 1);
}

/** Operations that move bits of floats yield NaNs unchanged. */
function keepsNaN(code: number): boolean {
  return /\.(abs|neg|copysign|select|reinterpret_f(32|64)|reinterpret_i(32|64))$/.test(OPS[code].name);
}

/** Whether `x` is a NaN with another payload than the canonical one. */
function isOddNaN(type: number, x: bigint): boolean {
  if (type === F32) return normalized(F32, x) === "nan" && (x & 0x7fffffffn) !== 0x7fc00000n;
  return type === F64 && normalized(F64, x) === "nan" && (x & 0x7fffffffffffffffn) !== 0x7ff8000000000000n;
}

function expected(code: number, args: readonly bigint[]): string {
  const result = evaluate(code, args);
  const { result: type, operands } = OPS[code];
  if (keepsNaN(code) || normalized(type, result) !== "nan") return result.toString(16);
  const odd = operands.some((t, i) => isOddNaN(t, args[i]));
  return `${odd ? "nan" : "canonical"}${type === F32 ? 32 : 64}`;
}

function addCase(symbol: number, code: number, args: readonly bigint[], what: string): void {
  // The upper halves of narrow arguments hold rubbish.
  const words = args.map((x, i) => {
    const rubbish = WIDTH[OPS[code].operands[i]] === 32 ? 0xdeadbeefn << 32n : 0n;
    return (x | rubbish).toString(16);
  });
  cases.push([symbol, words, expected(code, args), what]);
}

// --- every operation -------------------------------------------------------------------------------------------------

function operation(code: number, how: readonly number[], fixed: readonly bigint[]): number {
  begin();
  const { operands, result } = OPS[code];
  const values = operands.map((t, i) => operand(i, t, how[i], fixed[i]));
  const v = build.op(code, ...values);
  build.ret([toWord(v, result)]);
  return finish();
}

function testOperation(code: number): void {
  const { operands, name } = OPS[code];
  if (operands.length === 1) {
    for (const how of [REGISTER, IN_MEMORY]) {
      const symbol = operation(code, [how], []);
      for (const a of VALUES[operands[0]])
        if (isDefined(code, [a])) addCase(symbol, code, [a], `${name} ${how}`);
    }
    return;
  }
  const [s, t] = operands;
  for (const how of [
    [REGISTER, REGISTER],
    [IN_MEMORY, REGISTER],
    [REGISTER, IN_MEMORY],
    [IN_MEMORY, IN_MEMORY],
  ]) {
    const symbol = operation(code, how, []);
    for (const a of VALUES[s]) {
      for (const b of VALUES[t]) if (isDefined(code, [a, b])) addCase(symbol, code, [a, b], `${name} ${how}`);
    }
  }
  for (const b of VALUES[t]) {
    if (t === REF && b !== 0n) continue;
    for (const how of [REGISTER, IN_MEMORY]) {
      if (!some(s, 1, 0).some((a) => isDefined(code, [a, b]))) continue;
      const symbol = operation(code, [how, CONSTANT], [0n, b]);
      for (const a of VALUES[s])
        if (isDefined(code, [a, b])) addCase(symbol, code, [a, b], `${name} const ${b}`);
    }
  }
  for (const a of some(s, 3, 1)) {
    const symbol = operation(code, [CONSTANT, REGISTER], [a, 0n]);
    for (const b of VALUES[t])
      if (isDefined(code, [a, b])) addCase(symbol, code, [a, b], `${name} const left`);
  }
}

// --- every condition --------------------------------------------------------------------------------------------------

function isCondition(code: number): boolean {
  const row = OPS[code];
  return row.result === I32 && /\.(eqz|is_null|eq|ne|[lg][te](_[su])?)$/.test(row.name);
}

/** The condition chooses by a branch, the inverse too, by selects of all types, and by a comparison of its truth. */
const CONSUMERS = ["br_if", "br_if eqz", "i32", "i64", "f32", "f64", "ptr", "twice"];

function consumer(code: number, how: readonly number[], fixed: readonly bigint[], by: string): number {
  begin();
  const values = OPS[code].operands.map((t, i) => operand(i, t, how[i], fixed[i]));
  const condition = build.op(code, ...values);
  const type = ["i32", "i64", "f32", "f64", "ptr"].indexOf(by);
  if (type >= 0) {
    const t = [I32, I64, F32, F64, PTR][type];
    const v = build.op(SELECT[t], condition, constant(t, 1n), constant(t, 2n));
    build.ret([toWord(v, t)]);
  } else if (by === "twice") {
    const sum = build.op(
      op.I32_ADD,
      build.op(op.I32_SELECT, condition, build.i32(5), build.i32(7)),
      condition,
    );
    build.ret([toWord(build.op(op.I32_SUB, sum, build.i32(4)), I32)]);
  } else {
    const yes = build.block();
    const no = build.block();
    const test = by === "br_if" ? condition : build.op(op.I32_EQZ, condition);
    build.brIf(test, yes, [], no, []);
    build.seal(yes);
    build.seal(no);
    build.switchTo(yes);
    build.ret([build.i64(by === "br_if" ? 1 : 2, 0)]);
    build.switchTo(no);
    build.ret([build.i64(by === "br_if" ? 2 : 1, 0)]);
  }
  return finish();
}

function testCondition(code: number): void {
  const { operands, name } = OPS[code];
  for (const by of CONSUMERS) {
    const ways =
      operands.length === 1
        ? [[REGISTER], [IN_MEMORY]]
        : [
            [REGISTER, REGISTER],
            [IN_MEMORY, REGISTER],
            [REGISTER, IN_MEMORY],
            [REGISTER, CONSTANT],
            [IN_MEMORY, CONSTANT],
          ];
    for (const how of ways) {
      const constants =
        how[1] === CONSTANT ? some(operands[1], 2, 0).slice(0, operands[1] === REF ? 1 : 99) : [0n];
      for (const c of constants) {
        const symbol = consumer(code, how, [0n, c], by);
        for (const a of some(operands[0], 2, 1)) {
          for (const b of operands.length === 1
            ? [0n]
            : how[1] === CONSTANT
              ? [c]
              : some(operands[1], 2, 0)) {
            const args = [a, b].slice(0, operands.length);
            const truth = evaluate(code, args) !== 0n;
            // "twice": 5 + 1 - 4 or 7 + 0 - 4
            const result = by === "twice" ? (truth ? "2" : "3") : truth ? "1" : "2";
            cases.push([symbol, args.map((x) => x.toString(16)), result, `${name} ${by} ${how}`]);
          }
        }
      }
    }
  }
}

for (let o = 0; o < OPS.length; o++) {
  const row = OPS[o];
  const isScalar = row.result !== 5 && row.operands.every((t) => t in VALUES);
  if ((FLAGS[o] & PURE) === 0 || (FLAGS[o] & IMMEDIATE) !== 0 || !isScalar || row.operands.length === 0)
    continue;
  if (row.name === "copy" || row.operands.length > 2) continue;
  testOperation(o);
  if (isCondition(o)) testCondition(o);
}

// --- random functions ------------------------------------------------------------------------------------------------

let seed = 12345;

/** A number below `n`, the same sequence each time. */
function random(n: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed >>> 8) % n;
}

/** Operations that are defined everywhere, and whose results do not depend on payloads of NaNs. */
const TOTAL = OPS.map((_, o) => o).filter((o) => {
  const { name, operands, result, flags } = OPS[o];
  const isScalar = result in VALUES && operands.length > 0 && operands.every((t) => t in VALUES);
  if ((flags & PURE) === 0 || (flags & IMMEDIATE) !== 0 || !isScalar) return false;
  return !/copy|_nuw|\.(div|rem)_|trunc_f|reinterpret_f|ref/.test(name);
});
const INTEGER = TOTAL.filter((o) => !/f32|f64/.test(OPS[o].name));
const ACCESSES = OPS.map((_, o) => o).filter((o) => /^(i32|i64)\.(load|store)/.test(OPS[o].name));
const CELLS = 8;

class RandomFunction {
  private readonly values: Map<number, Value[]>;
  private readonly variables: Variable[];
  private readonly slot: number;

  constructor() {
    begin();
    this.values = new Map();
    this.slot = build.func.newSlot(CELLS * 8);
    this.variables = [build.variable(I32), build.variable(I64)];
    this.startBlock();
    for (let i = 0; i < 3; i++) this.add(I64, build.argument(i));
    for (let k = 0; k < CELLS; k++) {
      const x = k < 3 ? build.argument(k) : build.i64(k * 0x01020304, k);
      build.store(op.I64_STORE, build.slot(this.slot), x, k * 8, access(REGION_STACK, 0, 8, 0));
    }
    this.setVariables();
    for (let b = random(5); b > 0; b--) this.diamond();
    this.straight(12);
    const sum = build.op(op.I64_ADD, this.some(I64), build.op(op.I64_EXTEND_I32_U, this.some(I32)));
    const cell = build.load(op.I64_LOAD, build.slot(this.slot), 8, access(REGION_STACK, 0, 8, 0));
    build.ret([build.op(op.I64_XOR, sum, cell)]);
  }

  /** Values of other blocks need not dominate this one. */
  private startBlock(): void {
    this.values.clear();
  }

  private add(type: number, v: Value): void {
    const list = this.values.get(type);
    if (list === undefined) this.values.set(type, [v]);
    else list.push(v);
  }

  /** A value of the type: one of the latest, or a constant. */
  private some(type: number): Value {
    const list = this.values.get(type) ?? [];
    if (list.length === 0 || random(4) === 0) {
      return constant(type, type === REF ? 0n : VALUES[type][random(VALUES[type].length)]);
    }
    return list[Math.max(0, list.length - 1 - random(6))];
  }

  private setVariables(): void {
    build.set(this.variables[0], this.some(I32));
    build.set(this.variables[1], this.some(I64));
  }

  private getVariables(): void {
    this.add(I32, build.get(this.variables[0]));
    this.add(I64, build.get(this.variables[1]));
  }

  private operation(): void {
    const o = random(4) === 0 ? TOTAL[random(TOTAL.length)] : INTEGER[random(INTEGER.length)];
    this.add(OPS[o].result, build.op(o, ...OPS[o].operands.map((t) => this.some(t))));
  }

  private access(): void {
    const o = ACCESSES[random(ACCESSES.length)];
    const size = ACCESS_SIZE[o];
    const aux = access(REGION_STACK, 0, size, 0);
    const offset = random(CELLS * 8 - size + 1);
    const { result, operands } = OPS[o];
    const loads = operands.length === 1;
    if (loads) this.add(result, build.load(o, build.slot(this.slot), offset, aux));
    else build.store(o, build.slot(this.slot), this.some(operands[1]), offset, aux);
  }

  private straight(n: number): void {
    for (let i = 0; i < n; i++) {
      if (random(4) === 0) this.access();
      else this.operation();
    }
  }

  private diamond(): void {
    this.straight(random(10));
    const condition = this.some(I32);
    this.setVariables();
    const arms = [build.block(), build.block()];
    const after = build.block();
    build.brIf(condition, arms[0], [], arms[1], []);
    for (const arm of arms) {
      build.seal(arm);
      build.switchTo(arm);
      this.startBlock();
      this.getVariables();
      this.straight(random(6));
      this.setVariables();
      build.jump(after, []);
    }
    build.seal(after);
    build.switchTo(after);
    this.startBlock();
    this.getVariables();
  }
}

for (let n = 0; n < 600; n++) {
  new RandomFunction();
  const symbol = finish();
  const { func } = build;
  for (let k = 0; k < 8; k++) {
    const args = [0, 1, 2].map(() => VALUES[I64][random(VALUES[I64].length)]);
    const [result] = interpret(func, args);
    cases.push([symbol, args.map((x) => x.toString(16)), result.toString(16), `random ${n}`]);
  }
}

const entries: Record<string, number> = {};
for (const [symbol] of cases) entries[symbol] = machine.image.definitions.get(symbol)!.offset;
const blob = Buffer.from(machine.link()).toString("hex");
process.stdout.write(JSON.stringify({ blob, entries, cases }));
