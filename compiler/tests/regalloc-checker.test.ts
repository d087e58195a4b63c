// The checker itself: what is planted must be found. A mutation of a right allocation either is found or makes no
// difference in execution; and most are found.

import { expect, test } from "vitest";
import { I32, I64, V128 } from "../ir/ops.ts";
import { check, findErrors } from "../mach/checker.ts";
import {
  ANYWHERE,
  Code,
  DEF,
  FIRST_VREG,
  fixed,
  IN_REGISTER,
  OVERLAPS,
  reuses,
  SPILLED,
  USE,
} from "../mach/code.ts";
import { Allocator } from "../mach/regalloc.ts";
import {
  JUMP,
  LARGE,
  type Machine,
  PINNED,
  RAX,
  Random,
  RBX,
  RCX,
  RDX,
  RETURN,
  randomCode,
  run,
  SCRATCH,
  SMALL,
  TINY,
  XMM,
} from "./regalloc-machine.ts";

const PLAIN = 10;

/** One block; an instruction is an op and operands [register, constraint, place]. */
function straight(instructions: [number, ...[number, number, number][]][], types: number[]): Code {
  const code = new Code();
  for (const t of types) code.newVreg(t);
  code.blockStart.push(0);
  code.paramStart.push(0);
  code.paramCount.push(0);
  code.loopDepth.push(0);
  code.cold.push(0);
  for (const [op, ...operands] of instructions) {
    code.instruction(op);
    for (const [register, constraint, place] of operands) {
      code.operand(register, constraint);
      code.place.set(code.place.length - 1, place);
    }
  }
  code.blockStart.push(code.count);
  return code;
}

function move(code: Code, at: number, from: number, to: number, type = I64): void {
  code.moveAt.push(at);
  code.moveFrom.push(from);
  code.moveTo.push(to);
  code.moveType.push(type);
  code.moveRemat.push(-1);
}

const A = FIRST_VREG;
const B = FIRST_VREG + 1;
const C = FIRST_VREG + 2;
const R = USE | IN_REGISTER;
const D = DEF | IN_REGISTER;

function firstError(code: Code, machine: Machine = SMALL): string {
  return findErrors(code, machine.info)[0]?.message ?? "";
}

test("a right allocation passes", () => {
  const code = straight(
    [
      [PLAIN, [A, D, RAX]],
      [PLAIN, [B, D, RCX]],
      [PLAIN, [C, reuses(1), RDX], [A, R, RDX], [B, fixed(USE, RCX), RCX]],
      [RETURN, [C, fixed(USE, RAX), RAX]],
    ],
    [I64, I64, I64],
  );
  move(code, 2, RAX, RDX);
  move(code, 3, RDX, RAX);
  expect(firstError(code)).toBe("");
  expect(() => check(code, SMALL.info)).not.toThrow();
});

test.each<[string, RegExp, () => Code]>([
  [
    "a wrong register",
    /instruction 1: r1 does not hold v0/,
    () =>
      straight(
        [
          [PLAIN, [A, D, RAX]],
          [RETURN, [A, R, RCX]],
        ],
        [I64],
      ),
  ],
  [
    "an overwritten register",
    /instruction 2: r0 does not hold v0/,
    () =>
      straight(
        [
          [PLAIN, [A, D, RAX]],
          [PLAIN, [B, D, RAX]],
          [RETURN, [A, R, RAX], [B, R, RAX]],
        ],
        [I64, I64],
      ),
  ],
  ["a missing place", /v0 has no place/, () => straight([[PLAIN, [A, D, -1]], [RETURN]], [I64])],
  [
    "a slot for a register",
    /must be in a register/,
    () => {
      const code = straight([[PLAIN, [A, D, SPILLED]], [RETURN]], [I64]);
      code.slots.push(8);
      return code;
    },
  ],
  [
    "a slot too small",
    /too small/,
    () => {
      const code = straight([[PLAIN, [A, DEF | ANYWHERE, SPILLED]], [RETURN]], [V128]);
      code.slots.push(8);
      return code;
    },
  ],
  [
    "a slot of the function",
    /the function's own/,
    () => {
      const code = straight([[PLAIN, [A, DEF | ANYWHERE, SPILLED]], [PLAIN], [RETURN]], [I64]);
      code.slots.push(8);
      code.address[1] = 4;
      code.symbol[1] = 0;
      return code;
    },
  ],
  [
    "a fixed use elsewhere",
    /not where it is fixed/,
    () =>
      straight(
        [
          [PLAIN, [A, D, RAX]],
          [RETURN, [A, fixed(USE, RCX), RAX]],
        ],
        [I64],
      ),
  ],
  [
    "a reuse elsewhere",
    /reuses is elsewhere/,
    () => straight([[PLAIN, [A, D, RAX]], [PLAIN, [B, reuses(1), RCX], [A, R, RAX]], [RETURN]], [I64, I64]),
  ],
  [
    "a reused register with another use",
    /holds another use/,
    () =>
      straight(
        [
          [PLAIN, [A, D, RAX]],
          [PLAIN, [B, D, RCX]],
          [PLAIN, [C, reuses(1), RAX], [A, R, RAX], [B, R, RAX]],
          [RETURN],
        ],
        [I64, I64, I64],
      ),
  ],
  [
    "an early definition in a use",
    /defined before it is used/,
    () =>
      straight([[PLAIN, [A, D, RAX]], [PLAIN, [B, D | OVERLAPS, RAX], [A, R, RAX]], [RETURN]], [I64, I64]),
  ],
  [
    "a definition in an overlapping use",
    /defined while it is used/,
    () =>
      straight([[PLAIN, [A, D, RAX]], [PLAIN, [B, D, RAX], [A, R | OVERLAPS, RAX]], [RETURN]], [I64, I64]),
  ],
  [
    "two definitions in one",
    /two definitions/,
    () => straight([[PLAIN, [A, D, RAX], [B, D, RAX]], [RETURN]], [I64, I64]),
  ],
  [
    "a value across a call",
    /r0 does not hold v0/,
    () => {
      const code = straight([[PLAIN, [A, D, RAX]], [PLAIN], [RETURN, [A, R, RAX]]], [I64]);
      code.clobberSets.push(SMALL.clobbers);
      code.clobbers[1] = 0;
      return code;
    },
  ],
  [
    "a definition that is destroyed",
    /defined and destroyed/,
    () => {
      const code = straight([[PLAIN, [A, D, RAX]], [RETURN]], [I64]);
      code.clobberSets.push(SMALL.clobbers);
      code.clobbers[0] = 0;
      return code;
    },
  ],
  ["the wrong class", /wrong class/, () => straight([[PLAIN, [A, D, XMM]], [RETURN]], [I64])],
  ["a scratch register", /not allocatable/, () => straight([[PLAIN, [A, D, SCRATCH]], [RETURN]], [I64])],
  ["a pinned register", /not allocatable/, () => straight([[PLAIN, [A, D, PINNED]], [RETURN]], [I64])],
  [
    "a move to a pinned register",
    /not allocatable/,
    () => {
      const code = straight([[PLAIN, [A, D, RAX]], [RETURN]], [I64]);
      move(code, 1, RAX, PINNED);
      return code;
    },
  ],
  [
    "a value left in the scratch register",
    /r11 is not allocatable|does not hold/,
    () => {
      const code = straight([[PLAIN, [A, D, RAX]], [PLAIN], [RETURN, [A, R, RCX]]], [I64]);
      move(code, 1, RAX, SCRATCH);
      move(code, 2, SCRATCH, RCX);
      return code;
    },
  ],
  [
    "a narrow move",
    /does not hold v0/,
    () => {
      const code = straight(
        [
          [PLAIN, [A, D, XMM]],
          [RETURN, [A, R, XMM + 1]],
        ],
        [V128],
      );
      move(code, 1, XMM, XMM + 1, 4);
      return code;
    },
  ],
  [
    "moves out of order",
    /not in order/,
    () => {
      const code = straight([[PLAIN, [A, D, RAX]], [PLAIN], [RETURN]], [I64]);
      move(code, 2, RAX, RCX);
      move(code, 1, RAX, RCX);
      return code;
    },
  ],
  [
    "a repeated instruction that is no constant",
    /cannot be repeated/,
    () => {
      const code = straight(
        [
          [PLAIN, [A, D, RAX]],
          [RETURN, [A, R, RCX]],
        ],
        [I64],
      );
      move(code, 1, 0, RCX);
      code.moveRemat.set(0, A);
      return code;
    },
  ],
])("finds %s", (_, message, make) => {
  expect(firstError(make())).toMatch(message);
});

test("finds the value of an earlier turn of a loop", () => {
  // b0: a = …; b1(p): use p in rcx; b = …; back with b: but rcx is not filled again
  const code = new Code();
  for (let k = 0; k < 3; k++) code.newVreg(I32);
  const [a, p, b] = [FIRST_VREG, FIRST_VREG + 1, FIRST_VREG + 2];
  const block = (params: number[]) => {
    code.blockStart.push(code.count);
    code.paramStart.push(code.paramPool.length);
    code.paramCount.push(params.length);
    for (const x of params) code.paramPool.push(x);
    code.loopDepth.push(0);
    code.cold.push(0);
  };
  const edge = (from: number, to: number, args: number[]) => {
    code.edgeFrom.push(from);
    code.edgeTo.push(to);
    code.edgeStart.push(code.argPool.length);
    code.edgeCount.push(args.length);
    for (const x of args) code.argPool.push(x);
  };
  const operand = (r: number, c: number, place: number) => {
    code.operand(r, c);
    code.place.set(code.place.length - 1, place);
  };
  block([]);
  code.instruction(PLAIN);
  operand(a, D, RCX);
  code.instruction(JUMP);
  block([p]);
  code.instruction(PLAIN);
  operand(p, R, RCX);
  code.instruction(PLAIN);
  operand(b, D, RBX);
  code.instruction(JUMP);
  code.blockStart.push(code.count);
  edge(0, 1, [a]);
  edge(1, 1, [b]);
  expect(firstError(code)).toMatch(/instruction 2: r1 does not hold v1/);
  move(code, 4, RBX, RCX);
  expect(firstError(code)).toBe("");
});

// --- mutations ------------------------------------------------------------------------------------------------

const KINDS = ["drop", "swap", "target", "source", "place", "places"] as const;

/** Changes the allocation of `code` in one way; false: there was nothing to change. */
function mutate(code: Code, kind: (typeof KINDS)[number], random: Random, machine: Machine): boolean {
  const columns = [code.moveAt, code.moveFrom, code.moveTo, code.moveType, code.moveRemat];
  const moves = code.moveAt.length;
  const registers = [...machine.general, ...machine.float];
  const vregOperands = Array.from({ length: code.place.length }, (_, k) => k).filter(
    (k) => code.register.get(k) >= FIRST_VREG,
  );
  switch (kind) {
    case "drop": {
      if (moves === 0) return false;
      const m = random.below(moves);
      for (const column of columns) {
        column.data.copyWithin(m, m + 1, moves);
        column.length--;
      }
      return true;
    }
    case "swap": {
      if (moves < 2) return false;
      const m = random.below(moves - 1);
      for (const column of columns.slice(1)) {
        const x = column.get(m);
        column.set(m, column.get(m + 1));
        column.set(m + 1, x);
      }
      return code.moveAt.get(m) === code.moveAt.get(m + 1);
    }
    case "target":
    case "source": {
      if (moves === 0) return false;
      const m = random.below(moves);
      const column = kind === "target" ? code.moveTo : code.moveFrom;
      if (kind === "source" && code.moveRemat.get(m) >= 0) return false;
      const before = column.get(m);
      const other = before < 0 ? SPILLED - random.below(code.slots.length) : random.pick(registers);
      column.set(m, other);
      return other !== before;
    }
    case "place": {
      const k = random.pick(vregOperands);
      const other = random.pick(registers);
      const before = code.place.get(k);
      code.place.set(k, other);
      return other !== before;
    }
    case "places": {
      const k = random.pick(vregOperands);
      const n = random.pick(vregOperands);
      const [x, y] = [code.place.get(k), code.place.get(n)];
      code.place.set(k, y);
      code.place.set(n, x);
      return x !== y;
    }
  }
}

/** True when the executions of `code` differ from those with virtual registers. */
function differs(code: Code, machine: Machine, before: number[][]): boolean {
  return before.some((trace, k) => {
    const after = run(code, machine, k, true);
    return after.length !== trace.length || trace.some((x, n) => x !== after[n]);
  });
}

test.each(KINDS)("planted bugs: %s", (kind) => {
  const allocator = new Allocator();
  const inputs = [0, 1, 2, 3];
  let found = 0;
  let harmful = 0;
  let total = 0;
  for (let seed = 0; seed < 300; seed++) {
    const machine = [TINY, SMALL, LARGE][seed % 3];
    const shape = { blocks: 1 + (seed % 7), length: 6, inputs: 8, locality: 20 };
    const code = randomCode(new Random(seed), machine, shape);
    const before = inputs.map((input) => run(code, machine, input, false));
    allocator.allocate(code, machine.info);
    if (!mutate(code, kind, new Random(seed + 1000), machine)) continue;
    total++;
    const noticed = findErrors(code, machine.info).length > 0;
    if (noticed) found++;
    const harm = differs(code, machine, before);
    if (harm) harmful++;
    // what the checker passes is right, as far as execution can tell
    if (!noticed) expect(harm, `seed ${seed}`).toBe(false);
  }
  expect(total).toBeGreaterThan(100);
  expect(harmful).toBeGreaterThan(kind === "swap" ? 5 : 100); // few orders of moves matter
  expect(found).toBeGreaterThanOrEqual(harmful);
});
