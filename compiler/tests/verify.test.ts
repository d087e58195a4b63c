// The check of addresses and of i32 registers on made-up machines that compute addresses in instructions of their own,
// and keep an i32 with zeros or with its sign above.

import { describe, expect, test } from "vitest";
import { SET_VMCTX } from "../gen/pseudo-ops.ts";
import { F64, I32, I64, PTR } from "../ir/ops.ts";
import { x64Target } from "../isa/x64/target.ts";
import { BASE, BASE_INDEX, Code, DEF, USE } from "../mach/code.ts";
import { PSEUDO } from "../mach/pseudo.ts";
import {
  ANY,
  BITS8,
  Constraints,
  IMMEDIATE,
  InstructionTable,
  KEEPS,
  MASKED,
  SHIFTED,
  SIGNS,
  SUM,
  SUM_EXTENDED,
  SUM_IMMEDIATE,
  type Target,
  ZEROS,
} from "../mach/target.ts";
import { verifyCode } from "../mach/verify.ts";
import { SITE_FAULT } from "../mach/writer.ts";

const MEMORY = 14;

interface Row {
  /** Type of the result, what it leaves above its width, types of what is read; memory: behind them. */
  readonly def: number;
  readonly above: number;
  readonly reads: readonly number[];
  readonly memory?: boolean;
  readonly result?: number;
  /** The type of another result, of which nothing is known. */
  readonly second?: number;
}

const ROWS: Readonly<Record<string, Row>> = {
  add: { def: I64, above: KEEPS, reads: [I64, I64], result: SUM },
  addx: { def: I64, above: KEEPS, reads: [I64, I32], result: SUM_EXTENDED },
  addi: { def: I64, above: KEEPS, reads: [I64], result: SUM_IMMEDIATE },
  li: { def: I64, above: KEEPS, reads: [], result: IMMEDIATE },
  andi: { def: I32, above: ZEROS, reads: [I32], result: MASKED },
  andw: { def: I64, above: KEEPS, reads: [I64], result: MASKED },
  shri: { def: I64, above: KEEPS, reads: [I64], result: SHIFTED },
  byte: { def: I64, above: KEEPS, reads: [I64], result: BITS8 },
  zext: { def: I32, above: ZEROS, reads: [I32] },
  sext: { def: I32, above: SIGNS, reads: [I32] },
  half: { def: I32, above: KEEPS, reads: [I32] },
  pair: { def: I64, above: KEEPS, reads: [I64], result: BITS8, second: I64 },
  mul: { def: I64, above: KEEPS, reads: [I64, I64] },
  load: { def: I64, above: KEEPS, reads: [], memory: true },
};
const NAMES = Object.keys(ROWS);

function machine(i32: number): Target {
  const none = PSEUDO.map(() => new Constraints([], [], [], 0, -1));
  const rows = Object.values(ROWS).map(({ def, above, reads, memory, second }) => {
    const defs = second === undefined ? [def] : [def, second];
    const list = [...defs.map(() => DEF), ...reads.map(() => USE)];
    const types = [...defs, ...reads];
    return new Constraints(list, types, [above, KEEPS], defs.length, memory ? list.length : -1);
  });
  const names = [...PSEUDO.map((p) => p.name), ...NAMES];
  const results = [...PSEUDO.map(() => ANY), ...Object.values(ROWS).map((row) => row.result ?? ANY)];
  const table = new InstructionTable(
    names,
    [...none, ...rows],
    new Int16Array(names.length).fill(-1),
    new Uint8Array(names.length),
    Uint8Array.from(results),
  );
  return { ...x64Target(0), instructions: table, memoryBase: MEMORY, i32 };
}

class Written {
  readonly code = new Code();
  private readonly i32: number;

  constructor(i32: number) {
    this.i32 = i32;
    this.code.blockStart.push(0);
  }

  /** A parameter. */
  given(type: number): number {
    const v = this.code.newVreg(type);
    this.code.instruction(0);
    this.code.operand(v, DEF);
    return v;
  }

  put(name: string, type: number, uses: readonly number[], imm = 0, imm2 = 0): number {
    const { code } = this;
    const i = code.instruction(PSEUDO.length + NAMES.indexOf(name));
    const v = code.newVreg(type);
    code.operand(v, DEF);
    for (const use of uses) code.operand(use, USE);
    code.imm[i] = imm;
    code.imm2[i] = imm2;
    return v;
  }

  /** The second result of a `pair`. */
  second(type: number, use: number): number {
    const { code } = this;
    code.instruction(PSEUDO.length + NAMES.indexOf("pair"));
    code.operand(code.newVreg(I64), DEF);
    const v = code.newVreg(type);
    code.operand(v, DEF);
    code.operand(use, USE);
    return v;
  }

  load(form: number, address: readonly number[], disp = 0, scale = 0): void {
    const i = this.code.count;
    this.put("load", I64, address);
    this.code.address[i] = form | (scale << 4) | (1 << 8);
    this.code.disp[i] = disp;
    this.code.site[i] = SITE_FAULT;
  }

  get faults(): string[] {
    return verifyCode(this.code, machine(this.i32));
  }
}

/** What is wrong with a load, at `disp`, from what `write` computes of an i32 and an i64. */
function loadOf(write: (w: Written, i: number, l: number) => number, disp = 0, i32 = ZEROS): string[] {
  const w = new Written(i32);
  const i = w.given(I32);
  const l = w.given(I64);
  w.load(BASE, [write(w, i, l)], disp);
  return w.faults.map((fault) => fault.replace(/^instruction \d+ \(\w+\): /, ""));
}

const OUTSIDE = ["guarded memory, but not from its base"];

describe("an address that an instruction of its own computes", () => {
  test("is the base and an index of 32 bits", () => {
    expect(loadOf((w, i) => w.put("add", PTR, [MEMORY, i]))).toEqual([]);
    expect(loadOf((w, i) => w.put("add", PTR, [i, MEMORY]), 0x7fffffff)).toEqual([]);
    expect(loadOf((w, i) => w.put("addx", PTR, [MEMORY, i]), 4095)).toEqual([]);
    expect(loadOf((w, _, l) => w.put("addx", PTR, [MEMORY, l]), 4095)).toEqual([]);
    expect(loadOf(() => MEMORY, 8)).toEqual([]);
  });

  test("is not the base and any number, nor twice the base, nor anything else", () => {
    expect(loadOf((w, _, l) => w.put("add", PTR, [MEMORY, l]))).toEqual(OUTSIDE);
    expect(loadOf((w) => w.put("add", PTR, [MEMORY, MEMORY]))).toEqual(OUTSIDE);
    expect(loadOf((w, i) => w.put("mul", PTR, [MEMORY, i]))).toEqual(OUTSIDE);
    expect(loadOf((_w, _i, l) => l)).toEqual(OUTSIDE);
    expect(loadOf((w, _, l) => w.put("add", PTR, [MEMORY, w.put("andw", I64, [l], -1)]))).toEqual(OUTSIDE);
    expect(loadOf((w, _, l) => w.put("add", PTR, [MEMORY, w.put("andw", I64, [l], 255)]))).toEqual([]);
    expect(loadOf((w, i) => w.put("addx", PTR, [i, i]))).toEqual(OUTSIDE);
  });

  test("nor the base and what another result of an instruction is, nor a number of two words", () => {
    expect(loadOf((w, _, l) => w.put("add", PTR, [MEMORY, w.second(I64, l)]))).toEqual(OUTSIDE);
    expect(loadOf((w) => w.put("add", PTR, [MEMORY, w.put("li", I64, [], 5, 1)]))).toEqual(OUTSIDE);
    expect(loadOf((w) => w.put("add", PTR, [MEMORY, w.put("li", I64, [], 5)]))).toEqual([]);
  });

  test("has no negative displacement, and none where the index has 33 bits", () => {
    const far = (w: Written, i: number) =>
      w.put("add", PTR, [MEMORY, w.put("add", I64, [i, w.put("li", I64, [], -1)])]);
    expect(loadOf(far)).toEqual([]);
    expect(loadOf(far, 1)).toEqual(["an index of 33 bits in guarded memory"]);
    expect(loadOf((w, i) => w.put("add", PTR, [MEMORY, i]), -1)).toEqual([
      "a negative displacement in guarded memory",
    ]);
    const farther = (w: Written, i: number) => w.put("add", PTR, [far(w, i), w.put("byte", I64, [i])]);
    expect(loadOf(farther)).toEqual(OUTSIDE);
  });

  test("may be added to while it stays below 2^33", () => {
    const more = (imm: number) => (w: Written, i: number) =>
      w.put("addi", PTR, [w.put("add", PTR, [MEMORY, i])], imm);
    expect(loadOf(more(4096))).toEqual([]);
    expect(loadOf(more(4096), 1)).toEqual(["an index of 33 bits in guarded memory"]);
    expect(loadOf(more(-1))).toEqual(OUTSIDE);
    expect(loadOf((w, i) => w.put("add", PTR, [w.put("li", I64, [], 1, 1), more(0)(w, i)]))).toEqual(OUTSIDE);
  });

  test("has a scale where no bits are lost", () => {
    const scaled = (imm: number, k: number) => (w: Written, i: number) =>
      w.put("addx", PTR, [MEMORY, w.put("andi", I32, [i], imm)], k);
    expect(loadOf(scaled(0x0fffffff, 3))).toEqual(OUTSIDE.slice(1));
    expect(loadOf(scaled(0x3fffffff, 3))).toEqual(OUTSIDE);
    expect(loadOf((w, i) => w.put("addx", PTR, [MEMORY, i], 1))).toEqual(OUTSIDE);
    expect(loadOf((w, _, l) => w.put("add", PTR, [MEMORY, w.put("shri", I64, [l], 32)]))).toEqual([]);
    expect(loadOf((w, _, l) => w.put("add", PTR, [MEMORY, w.put("shri", I64, [l], 30)]))).toEqual(OUTSIDE);
  });

  test("is not indexed once more", () => {
    const w = new Written(ZEROS);
    const i = w.given(I32);
    w.load(BASE_INDEX, [w.put("add", PTR, [MEMORY, i]), i]);
    w.load(BASE_INDEX, [i, MEMORY]);
    expect(w.faults).toHaveLength(3);
  });

  test("is none where the instance may change", () => {
    const written = (changes: boolean) => {
      const w = new Written(ZEROS);
      const address = w.put("add", PTR, [MEMORY, w.given(I32)]);
      if (changes) {
        w.code.instruction(SET_VMCTX);
        w.code.operand(w.code.register.get(0), USE);
      }
      w.load(BASE, [address]);
      return w.faults;
    };
    expect(written(false)).toEqual([]);
    expect(written(true)).toEqual([expect.stringContaining(OUTSIDE[0])]);
  });
});

describe("an i32 with its sign above", () => {
  test("is no index before it is extended", () => {
    expect(loadOf((w, i) => w.put("add", PTR, [MEMORY, i]), 0, SIGNS)).toEqual(OUTSIDE);
    expect(loadOf((w, i) => w.put("add", PTR, [MEMORY, w.put("zext", I64, [i])]), 0, SIGNS)).toEqual([]);
    expect(loadOf((w, i) => w.put("addx", PTR, [MEMORY, i]), 0, SIGNS)).toEqual([]);
  });
});

describe.each([
  ["zeros", ZEROS],
  ["sign", SIGNS],
])("a register of an i32, %s above", (_, i32) => {
  const made = (name: string, type: number, imm = 0) => {
    const w = new Written(i32);
    const reads = ROWS[name].reads.map((t) => w.given(t));
    w.put(name, type, reads, imm);
    return w.faults;
  };
  const wrong = [expect.stringContaining("does not make one")];

  test("is what its instruction says", () => {
    expect(made("zext", I32)).toEqual(i32 === ZEROS ? [] : wrong);
    expect(made("sext", I32)).toEqual(i32 === SIGNS ? [] : wrong);
    expect(made("half", I32)).toEqual(wrong);
    expect(made("mul", I32)).toEqual(wrong);
    expect(made("zext", I64)).toEqual([]);
    expect(made("sext", F64)).toEqual([expect.stringContaining("of the other class")]);
  });

  test("not what another result says", () => {
    const w = new Written(i32);
    w.second(I32, w.given(I64));
    expect(w.faults).toEqual(wrong);
  });

  test("or what few bits it has", () => {
    expect(made("li", I32, 7)).toEqual([]);
    expect(made("byte", I32)).toEqual([]);
    expect(made("li", I32, -1)).toEqual(i32 === ZEROS ? [] : wrong);
    expect(made("shri", I32, 32)).toEqual(i32 === ZEROS ? [] : wrong);
    expect(made("shri", I32, 33)).toEqual([]);
    expect(made("shri", I32, 31)).toEqual(wrong);
  });
});
