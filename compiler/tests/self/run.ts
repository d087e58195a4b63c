// node tests/self/run.ts: the programs of programs.test.ts without vitest, for plant.ts. Ends with 1 where one differs.

import { join } from "node:path";
import { build } from "../../tools/self/build.ts";
import { Machine } from "./instance.ts";
import * as numbers from "./numbers.ts";
import * as objects from "./objects.ts";

const PROGRAMS: Record<string, Record<string, () => string>> = { numbers, objects };

for (const [name, functions] of Object.entries(PROGRAMS)) {
  const { bytes, sites } = build(join(import.meta.dirname, `${name}.ts`), new Map());
  const machine = new Machine(bytes, sites);
  for (const [f, program] of Object.entries(functions)) {
    const made = machine.text(machine.call(f));
    if (made !== program()) throw new Error(`${f}: ${made}, not ${program()}`);
  }
}
