// Small codes whose good allocation is known; what must be refused; parallel moves; large functions.

import { describe, expect, test } from "vitest";
import { F64, I32, I64, V128 } from "../ir/ops.ts";
import { check } from "../mach/checker.ts";
import { ANYWHERE, Code, DEF, fixed, IN_REGISTER, OVERLAPS, reuses, SPILLED, USE } from "../mach/code.ts";
import { ParallelMoves } from "../mach/moves.ts";
import { type AllocationStats, allocate } from "../mach/regalloc.ts";
import {
  CONST,
  INVOKE,
  JUMP,
  LARGE,
  type Machine,
  RAX,
  Random,
  RBX,
  RCX,
  RDX,
  RETURN,
  SCRATCH,
  SMALL,
  TINY,
  XMM,
} from "./regalloc-machine.ts";

const OP = 10;
const BRANCH = 3;
const R = USE | IN_REGISTER;
const D = DEF | IN_REGISTER;

/** Writes code by hand. */
class Writer {
  readonly code: Code;
  private readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
    this.code = new Code();
    this.code.clobberSets.push(machine.clobbers, machine.everything);
  }

  vreg(type = I64): number {
    return this.code.newVreg(type);
  }

  block(params: number[] = [], depth = 0, cold = 0): void {
    const { code } = this;
    code.blockStart.push(code.count);
    code.paramStart.push(code.paramPool.length);
    code.paramCount.push(params.length);
    for (const p of params) code.paramPool.push(p);
    code.loopDepth.push(depth);
    code.cold.push(cold);
  }

  op(op: number, ...operands: [number, number][]): number {
    const i = this.code.instruction(op);
    for (const [register, constraint] of operands) this.code.operand(register, constraint);
    return i;
  }

  call(...operands: [number, number][]): number {
    const i = this.op(22, ...operands);
    this.code.clobbers[i] = 0;
    this.code.site[i] = 2;
    return i;
  }

  /** A fresh value. */
  input(type = I64): number {
    const v = this.vreg(type);
    this.op(OP, [v, D]);
    return v;
  }

  edge(from: number, to: number, args: number[] = []): void {
    const { code } = this;
    code.edgeFrom.push(from);
    code.edgeTo.push(to);
    code.edgeStart.push(code.argPool.length);
    code.edgeCount.push(args.length);
    for (const a of args) code.argPool.push(a);
  }

  allocate(): AllocationStats {
    const { code, machine } = this;
    code.blockStart.push(code.count);
    const stats = allocate(code, machine.info);
    check(code, machine.info);
    return stats;
  }

  /** Places of the operands of instruction i. */
  places(i: number): number[] {
    const { code } = this;
    return Array.from({ length: code.operandCount[i] }, (_, k) => code.place.get(code.operandStart[i] + k));
  }
}

function total(stats: AllocationStats): number {
  return stats.moves + stats.spills + stats.reloads + stats.remats;
}

describe("no moves where none are needed", () => {
  test("a chain of operations that reuse what dies", () => {
    const w = new Writer(TINY);
    w.block();
    let x = w.input();
    const y = w.input();
    for (let n = 0; n < 5; n++) {
      const next = w.vreg();
      w.op(OP, [next, reuses(1)], [x, R], [y, USE | ANYWHERE]);
      x = next;
    }
    w.op(RETURN, [x, fixed(USE, RAX)]);
    expect(total(w.allocate())).toBe(0);
  });

  test("the argument of a call is computed where it travels", () => {
    const w = new Writer(SMALL);
    w.block();
    const a = w.input();
    const b = w.vreg();
    w.op(OP, [b, reuses(1)], [a, R]);
    w.call([b, fixed(USE, RDX)]);
    w.op(RETURN);
    expect(total(w.allocate())).toBe(0);
  });

  test("the result of a call that the next one takes", () => {
    const w = new Writer(SMALL);
    w.block();
    const a = w.vreg();
    w.call([a, fixed(DEF, RAX)]);
    w.call([a, fixed(USE, RAX)]);
    w.op(RETURN);
    expect(total(w.allocate())).toBe(0);
  });

  test("a counter in a loop", () => {
    const w = new Writer(TINY);
    const [i, next] = [w.vreg(I32), w.vreg(I32)];
    w.block();
    const start = w.input(I32);
    w.op(JUMP);
    w.block([i], 1);
    w.op(OP, [next, reuses(1)], [i, R]);
    w.op(BRANCH, [next, R]);
    w.block([], 1);
    w.op(JUMP);
    w.block();
    w.op(RETURN);
    w.edge(0, 1, [start]);
    w.edge(1, 2);
    w.edge(1, 3);
    w.edge(2, 1, [next]);
    expect(total(w.allocate())).toBe(0);
  });

  test("a shift count stays in its register through the loop", () => {
    const w = new Writer(SMALL);
    const [i, next] = [w.vreg(), w.vreg()];
    w.block();
    const count = w.vreg();
    const start = w.vreg();
    w.op(OP, [start, fixed(DEF, RAX)], [count, fixed(DEF, RCX)]);
    w.op(JUMP);
    w.block([i], 1);
    w.op(OP, [next, reuses(1)], [i, R], [count, fixed(USE, RCX)]);
    w.op(BRANCH, [next, R]);
    w.block([], 1);
    w.op(JUMP);
    w.block();
    w.op(RETURN);
    w.edge(0, 1, [start]);
    w.edge(1, 2);
    w.edge(1, 3);
    w.edge(2, 1, [next]);
    expect(total(w.allocate())).toBe(0);
  });
});

describe("across calls", () => {
  test("in a callee-saved register", () => {
    const w = new Writer(SMALL);
    w.block();
    const a = w.input();
    for (let n = 0; n < 4; n++) {
      w.call();
      w.op(OP, [a, R]);
    }
    w.op(RETURN);
    const stats = w.allocate();
    expect(total(stats)).toBe(0);
    expect([RBX, 5].some((r) => stats.used.has(r))).toBe(true);
  });

  test("nothing callee-saved without calls", () => {
    const w = new Writer(SMALL);
    w.block();
    const list = [w.input(), w.input(), w.input()];
    for (const v of list) w.op(OP, [v, R]);
    w.op(RETURN);
    const stats = w.allocate();
    expect(stats.used.has(RBX) || stats.used.has(5)).toBe(false);
  });

  test("one store, at the definition; one reload after each call", () => {
    const w = new Writer(SMALL);
    w.block();
    const list = Array.from({ length: 6 }, () => w.input(F64)); // no float register survives
    for (let n = 0; n < 3; n++) {
      w.call();
      for (const v of list.slice(0, 2)) w.op(OP, [v, R]);
    }
    for (const v of list) w.op(OP, [v, R]);
    w.op(RETURN);
    const stats = w.allocate();
    expect(stats.spills).toBe(6);
    expect(stats.reloads).toBe(3 * 2 + 4);
    expect(stats.slots).toBe(6);
  });

  test("a constant is made again, not stored", () => {
    const w = new Writer(SMALL);
    w.block();
    const c = w.vreg(F64);
    w.op(CONST, [c, D]);
    w.op(OP, [c, R]);
    w.call();
    w.op(OP, [c, R]);
    w.op(RETURN);
    const stats = w.allocate();
    expect([stats.spills, stats.reloads, stats.remats, stats.slots]).toEqual([0, 0, 1, 0]);
    expect(w.code.moveFrom.get(0)).toBe(0);
    expect(w.code.moveRemat.get(0)).toBe(c);
  });

  test("a call in cold code costs the hot path nothing", () => {
    const w = new Writer(SMALL);
    w.block();
    const list = Array.from({ length: 3 }, () => w.input(F64));
    const test_ = w.input();
    w.op(BRANCH, [test_, R]);
    w.block();
    w.op(JUMP);
    w.block();
    for (const v of list) w.op(OP, [v, R]);
    w.op(RETURN);
    w.block([], 0, 1);
    w.call();
    w.op(JUMP);
    w.edge(0, 1);
    w.edge(0, 3);
    w.edge(1, 2);
    w.edge(3, 2);
    const stats = w.allocate();
    const cold = w.code.blockStart.get(3);
    expect(stats.spills).toBe(3);
    for (let m = 0; m < w.code.moveAt.length; m++) expect(w.code.moveAt.get(m)).toBeGreaterThanOrEqual(cold);
  });

  test("a reload leaves the loop that the call is not in", () => {
    const w = new Writer(SMALL);
    w.block();
    const x = w.input(F64);
    w.call();
    w.op(JUMP);
    w.block([], 1);
    w.op(OP, [x, R]);
    const c = w.input();
    w.op(BRANCH, [c, R]);
    w.block([], 1);
    w.op(JUMP);
    w.block();
    w.op(RETURN);
    w.edge(0, 1);
    w.edge(1, 2);
    w.edge(1, 3);
    w.edge(2, 1);
    const stats = w.allocate();
    expect(stats.reloads).toBe(1);
    expect(stats.reloadsRun).toBe(1);
  });

  test("what an exceptional edge needs is in memory, in callee-saved registers not", () => {
    const w = new Writer(SMALL);
    w.block();
    const a = w.input();
    const result = w.vreg();
    const i = w.op(INVOKE, [result, fixed(DEF, RAX)], [a, fixed(USE, RDX)]);
    w.code.clobbers[i] = 1;
    w.code.site[i] = 2;
    w.block();
    w.op(RETURN, [result, fixed(USE, RCX)]);
    w.block();
    w.op(RETURN, [a, R]);
    w.edge(0, 1);
    w.edge(0, 2);
    const stats = w.allocate();
    expect(stats.spills).toBe(1);
    expect(stats.reloads).toBe(1);
    expect(stats.moves).toBeLessThanOrEqual(2);
  });
});

describe("constraints", () => {
  test("one value in two fixed registers", () => {
    const w = new Writer(SMALL);
    w.block();
    const a = w.input();
    const i = w.op(OP, [a, fixed(USE, RAX)], [a, fixed(USE, RCX)], [a, fixed(USE, RCX)]);
    w.op(RETURN, [a, R]);
    w.allocate();
    expect(w.places(i)).toEqual([RAX, RCX, RCX]);
  });

  test("x op x, in place", () => {
    const w = new Writer(TINY);
    w.block();
    const a = w.input();
    const b = w.vreg();
    const i = w.op(OP, [b, reuses(1)], [a, R], [a, R]);
    w.op(RETURN, [b, R]);
    expect(total(w.allocate())).toBe(0);
    expect(new Set(w.places(i)).size).toBe(1);
  });

  test("a reused value that lives on is copied, away from the other use", () => {
    const w = new Writer(TINY);
    w.block();
    const [a, b] = [w.input(), w.input()];
    const c = w.vreg();
    const i = w.op(OP, [c, reuses(1)], [a, R], [b, R]);
    w.op(RETURN, [a, R], [b, R], [c, R]);
    expect(w.allocate().moves).toBe(1);
    const [def, use, other] = w.places(i);
    expect(use).toBe(def);
    expect(other).not.toBe(def);
  });

  test("a use that overlaps a definition", () => {
    const w = new Writer(TINY);
    w.block();
    const a = w.input();
    const b = w.vreg();
    const i = w.op(OP, [b, D], [a, R | OVERLAPS]);
    w.op(RETURN, [b, R]);
    w.allocate();
    expect(w.places(i)[0]).not.toBe(w.places(i)[1]);
  });

  test("as many operands as registers", () => {
    const w = new Writer(TINY);
    w.block();
    const list = Array.from({ length: 9 }, () => w.input());
    for (let n = 0; n + 3 < list.length; n++) {
      const d = w.vreg();
      w.op(OP, [d, D], [list[n], R], [list[n + 1], R], [list[n + 2], R], [list[n + 3], R]);
      w.op(OP, [d, R]);
    }
    for (const v of list) w.op(OP, [v, USE | ANYWHERE]);
    w.op(RETURN);
    const stats = w.allocate();
    expect(stats.spills).toBeGreaterThan(0);
  });

  test("spill slots are shared by values that do not meet, by size", () => {
    const w = new Writer(SMALL);
    w.block();
    for (let n = 0; n < 5; n++) {
      const v = w.input(F64);
      const x = w.input(V128);
      w.call();
      w.op(OP, [v, R], [x, R]);
    }
    w.op(RETURN);
    w.allocate();
    expect([...w.code.slots.data.subarray(0, w.code.slots.length)].sort()).toEqual([16, 8]);
  });
});

describe("refused", () => {
  const refused = (w: Writer) => {
    try {
      w.allocate();
    } catch (error) {
      return (error as { detail: string }).detail;
    }
    return "";
  };

  test("more operands than registers", () => {
    const w = new Writer(TINY);
    w.block();
    const list = Array.from({ length: 5 }, () => w.input());
    w.op(OP, ...list.map((v): [number, number] => [v, R]));
    w.op(RETURN);
    expect(refused(w)).toMatch(/more registers/);
  });

  test("two definitions", () => {
    const w = new Writer(TINY);
    w.block();
    const v = w.input();
    w.op(OP, [v, D]);
    w.op(RETURN);
    expect(refused(w)).toMatch(/two definitions/);
  });

  test("no definition", () => {
    const w = new Writer(TINY);
    w.block();
    w.op(RETURN, [w.vreg(), R]);
    expect(refused(w)).toMatch(/no definition/);
  });

  test("two values fixed to one register", () => {
    const w = new Writer(TINY);
    w.block();
    const [a, b] = [w.input(), w.input()];
    w.op(RETURN, [a, fixed(USE, RAX)], [b, fixed(USE, RAX)]);
    expect(refused(w)).toMatch(/fixed to one register/);
  });

  test("a critical edge", () => {
    const w = new Writer(TINY);
    const p = w.vreg();
    w.block();
    const a = w.input();
    w.op(BRANCH, [a, R]);
    w.block();
    w.op(JUMP);
    w.block([p]);
    w.op(RETURN, [p, R]);
    w.edge(0, 1);
    w.edge(0, 2, [a]);
    w.edge(1, 2, [a]);
    expect(refused(w)).toMatch(/critical edge/);
  });
});

test("parallel moves, in sequence, do what they do at once", () => {
  const random = new Random(5);
  for (let round = 0; round < 2000; round++) {
    const code = new Code();
    for (let k = 0; k < 4; k++) code.slots.push(8);
    const places = [RAX, RCX, RDX, RBX, XMM, XMM + 1, SPILLED, SPILLED - 1, SPILLED - 2, SPILLED - 3];
    const isGeneral = (p: number) => p < 32;
    const parallel = new ParallelMoves();
    parallel.prepare(code);
    const expected = new Map(places.map((p) => [p, p]));
    const constant = 100;
    for (const to of places) {
      if (random.chance(30)) continue;
      const from = random.pick(places);
      if (from >= 0 && to >= 0 && isGeneral(from) !== isGeneral(to)) continue;
      const register = Math.max(from, to);
      if (random.chance(10)) {
        parallel.add(7, to, isGeneral(to) ? I64 : F64, constant);
        expected.set(to, constant);
      } else {
        parallel.add(from, to, register < 0 || isGeneral(register) ? I64 : F64, -1);
        expected.set(to, from);
      }
    }
    parallel.flush(code, 3, SMALL.info);
    const state = new Map(places.map((p) => [p, p]));
    for (let m = 0; m < code.moveAt.length; m++) {
      const [from, to] = [code.moveFrom.get(m), code.moveTo.get(m)];
      const isRepeated = code.moveRemat.get(m) >= 0;
      expect(code.moveAt.get(m)).toBe(3);
      expect(to <= SPILLED && (isRepeated || from <= SPILLED)).toBe(false);
      state.set(to, isRepeated ? constant : (state.get(from) ?? -1));
    }
    for (const p of places) expect(state.get(p)).toBe(expected.get(p));
  }
});

test("two registers change places through the scratch register", () => {
  const w = new Writer(TINY);
  const [p, q] = [w.vreg(), w.vreg()];
  w.block();
  const a = w.vreg();
  const b = w.vreg();
  w.op(OP, [a, fixed(DEF, RAX)], [b, fixed(DEF, RCX)]);
  w.op(JUMP);
  w.block([p, q], 1);
  w.op(BRANCH, [p, R]);
  w.block([], 1);
  w.op(JUMP);
  w.block();
  w.op(RETURN, [p, R], [q, R]);
  w.edge(0, 1, [a, b]);
  w.edge(1, 2);
  w.edge(1, 3);
  w.edge(2, 1, [q, p]);
  expect(w.allocate().moves).toBe(3);
  expect(w.code.moveTo.get(0)).toBe(SCRATCH);
});

/** Processor time, in ms: the machine may be busy. */
function timed(job: () => void): number {
  const before = process.cpuUsage().user;
  job();
  return (process.cpuUsage().user - before) / 1000;
}

describe("large functions take near-linear time", () => {
  /** Values that live from the first block to the last, over a ladder of small blocks; every fourth has a call. */
  const ladder = (values: number, blocks: number) => {
    const w = new Writer(LARGE);
    w.block();
    const list = Array.from({ length: values }, () => w.input());
    w.op(JUMP);
    for (let b = 1; b <= blocks; b++) {
      w.block([], b % 3);
      const x = w.input();
      if (b % 4 === 0) w.call();
      w.op(OP, [list[(b * 7) % values], R]);
      w.op(BRANCH, [x, R]);
      w.block([], 0, 1);
      w.op(RETURN, [list[(b * 13) % values], fixed(USE, RAX)]);
    }
    w.block();
    for (const v of list) w.op(OP, [v, USE | ANYWHERE]);
    w.op(RETURN);
    w.edge(0, 1);
    for (let b = 0; b < blocks; b++) {
      w.edge(2 * b + 1, 2 * b + 3);
      w.edge(2 * b + 1, 2 * b + 2);
    }
    w.code.blockStart.push(w.code.count);
    return w;
  };

  test("many values over many blocks", () => {
    const time = (n: number) => {
      const w = ladder(n, n);
      return timed(() => allocate(w.code, LARGE.info));
    };
    time(500);
    const [small, large] = [time(1000), time(4000)];
    expect(large).toBeLessThan(16 * small + 500); // quadratic would be much more: values × blocks grows by 16
    const w = ladder(300, 300);
    allocate(w.code, LARGE.info);
    check(w.code, LARGE.info);
  }, 60000);

  test("one block of 100,000 instructions", () => {
    const w = new Writer(LARGE);
    w.block();
    const random = new Random(1);
    const list = Array.from({ length: 40 }, () => w.input());
    for (let n = 0; n < 100000; n++) {
      const d = w.vreg();
      w.op(OP, [d, reuses(1)], [random.pick(list), R], [random.pick(list), USE | ANYWHERE]);
      list[random.below(list.length)] = d;
    }
    for (const v of list) w.op(OP, [v, R]);
    w.op(RETURN);
    w.code.blockStart.push(w.code.count);
    const ms = timed(() => allocate(w.code, LARGE.info));
    expect(ms).toBeLessThan(8000);
  }, 60000);

  test("a block with 2,000 parameters that all change places", () => {
    const w = new Writer(LARGE);
    const params = Array.from({ length: 2000 }, () => w.vreg());
    w.block();
    const list = Array.from({ length: 2000 }, () => w.input());
    w.op(JUMP);
    w.block(params, 1);
    w.op(BRANCH, [params[0], R]);
    w.block([], 1);
    w.op(JUMP);
    w.block();
    for (const v of params) w.op(OP, [v, USE | ANYWHERE]);
    w.op(RETURN);
    w.edge(0, 1, list);
    w.edge(1, 2);
    w.edge(1, 3);
    w.edge(2, 1, [...params.slice(1), params[0]]);
    const ms = timed(() => w.allocate());
    expect(ms).toBeLessThan(8000);
  }, 60000);
});
