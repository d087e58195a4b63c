// The translator, construct by construct: programs that Node runs, and that run translated, must yield the same text.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { build } from "../../tools/self/build.ts";
import { Machine } from "./instance.ts";
import * as numbers from "./numbers.ts";
import * as objects from "./objects.ts";

const PROGRAMS: Record<string, Record<string, () => string>> = { numbers, objects };

describe.each(Object.keys(PROGRAMS))("%s", (name) => {
  const functions = PROGRAMS[name];
  const { bytes, sites } = build(join(import.meta.dirname, `${name}.ts`), new Map());
  const machine = new Machine(bytes, sites);
  test.each(Object.keys(functions))("%s", (f) => {
    expect(machine.text(machine.call(f))).toBe(functions[f]());
  });
});
