// The run time as a whole: every function verifies, order and names hold.

import { expect, test } from "vitest";
import { HELPERS, helper } from "../../abi/helpers.ts";
import { OPS } from "../../ir/ops.ts";
import { Program, SYM_DATA, SYM_FUNC, SYM_RODATA } from "../../ir/program.ts";
import { Image } from "../../mach/image.ts";
import { Body, TEXT_END, TEXT_START } from "../../runtime/body.ts";
import * as os from "../../runtime/linux.ts";
import { buildRuntime, FUNCTIONS, WITHOUT_LOCK } from "../../runtime/runtime.ts";
import { Machine } from "./machine.ts";
import { build } from "./process.ts";

test("every function verifies", () => {
  const program = new Program();
  const machine = new Machine(program, new Image(program));
  build(machine);
});

test("each helper that is declared has a body, and each body is declared", () => {
  const names = (rows: readonly { name: string }[]) => rows.map(({ name }) => name).sort();
  const all = new Set([...names(FUNCTIONS), ...names(WITHOUT_LOCK)]);
  expect([...all].sort()).toEqual(names(HELPERS.rows));
  expect(names(FUNCTIONS).filter((name) => names(WITHOUT_LOCK).includes(name))).toHaveLength(9 + 1);
});

test("callers stand before what they call, and all they call is there", () => {
  const program = new Program();
  const image = new Image(program);
  const place = new Map(FUNCTIONS.map(({ name }, i) => [helper(program, name), i]));
  expect(place.size).toBe(FUNCTIONS.length);
  const outside = new Set([TEXT_START, TEXT_END]);
  buildRuntime(program, image, os.LINUX_X64).each(
    (func) => {
      const at = place.get(func.symbol) ?? -1;
      for (let b = 0; b < func.blockCount; b++) {
        for (let v = func.first.get(b); v >= 0; v = func.next[v]) {
          const { name } = OPS[func.op[v]];
          const symbol =
            name === "symbol" ? func.imm[v] : name === "call" || name === "invoke" ? func.c[v] : -1;
          if (symbol < 0 || program.symbols[symbol].kind !== SYM_FUNC) continue;
          if (outside.has(program.symbols[symbol].name) || symbol === func.symbol) continue;
          expect(place.get(symbol) ?? -1, `${func.name} → ${program.symbols[symbol].name}`).toBeGreaterThan(
            at,
          );
        }
      }
    },
    () => true,
  );
});

test("only what is asked for is written", () => {
  const program = new Program();
  const written: string[] = [];
  const wanted = new Set([helper(program, "memory_grow")]);
  buildRuntime(program, new Image(program), os.LINUX_X64).each(
    (func) => {
      written.push(func.name);
      wanted.add(helper(program, "memory_extend"));
    },
    (symbol) => wanted.has(symbol),
  );
  expect(written).toEqual(["wasmpy_memory_grow", "wasmpy_memory_extend"]);
});

test("data of the image: strings are shared, variables are zero", () => {
  const program = new Program();
  const image = new Image(program);
  const c = new Body(program, image, os.LINUX_X64);
  c.start(program.symbol("test_data", SYM_FUNC, program.signature([], [], 1)));
  c.text("abc");
  const before = image.sections[1].length;
  c.text("abc");
  expect(image.sections[1].length).toBe(before);
  c.global("wasmpy_test_cell", 8);
  expect(program.symbols[program.find("wasmpy_test_cell")].kind).toBe(SYM_DATA);
  expect(program.symbols[program.find("wasmpy_text abc")].kind).toBe(SYM_RODATA);
});
