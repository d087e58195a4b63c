// Random code: every allocation passes the checker, and runs as the code with virtual registers does.

import { expect, test } from "vitest";
import { findErrors } from "../mach/checker.ts";
import { Limits } from "../mach/limits.ts";
import { Allocator } from "../mach/regalloc.ts";
import {
  describe,
  LARGE,
  type Machine,
  Random,
  randomCode,
  run,
  type Shape,
  SMALL,
  TINY,
} from "./regalloc-machine.ts";

const wide = new Allocator();
/** Few sets at a time, holes filled, segments short. */
const narrow = new Allocator(new Limits(8, 0, 0, 2));

function verify(allocator: Allocator, seed: number, machine: Machine, shape: Shape): void {
  const random = new Random(seed);
  const code = randomCode(random, machine, shape);
  const before = [1, 2, 3].map((input) => run(code, machine, input, false));
  let text = describe(code);
  try {
    allocator.allocate(code, machine.info);
    text = describe(code);
  } catch (error) {
    throw new Error(
      `seed ${seed}: ${(error as Error).message} ${(error as { detail?: string }).detail ?? ""}\n${text}\n${(error as Error).stack}`,
    );
  }
  const errors = findErrors(code, machine.info);
  if (errors.length > 0) throw new Error(`seed ${seed}: ${errors.map((e) => e.message).join("\n")}\n${text}`);
  before.forEach((trace, k) => {
    const after = run(code, machine, k + 1, true);
    const at = trace.findIndex((x, n) => x !== after[n]);
    if (at >= 0 || after.length !== trace.length)
      throw new Error(`seed ${seed}: runs differ at instruction ${trace[at - 1]}\n${text}`);
  });
}

const SHAPES: [string, Shape][] = [
  ["straight code", { blocks: 1, length: 12, inputs: 5, locality: 40 }],
  ["few blocks", { blocks: 4, length: 6, inputs: 4, locality: 40 }],
  ["many blocks", { blocks: 16, length: 4, inputs: 6, locality: 30 }],
  ["high pressure", { blocks: 6, length: 10, inputs: 24, locality: 5 }],
];

for (const [name, shape] of SHAPES) {
  test.each([
    ["tiny", TINY],
    ["small", SMALL],
    ["large", LARGE],
  ])(`${name} on a %s machine`, (_, machine) => {
    for (let seed = 0; seed < Number(process.env.SEEDS ?? 400); seed++)
      verify(seed % 4 === 3 ? narrow : wide, seed, machine, shape);
    expect(true).toBe(true);
  });
}
