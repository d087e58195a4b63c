import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkOrder, PASSES, type PassRow } from "../opt/passes.ts";
import { readCases, runPasses, writeCases } from "./optpasses.ts";

const FILES = readdirSync(join(import.meta.dirname, "golden")).filter((name) => name.endsWith(".ir"));

describe.each(FILES)("%s", (file) => {
  const cases = readCases(file);
  if (process.env.UPDATE === "1") writeCases(file, cases);
  for (const c of readCases(file)) {
    test(c.name, () => expect(runPasses(c.input, c.passes)).toBe(c.expected));
  }
});

test("the table of passes is checked", () => {
  const find = (name: string) => PASSES.find((row) => row.name === name) as PassRow;
  expect(() => checkOrder([find("dce"), find("params"), find("layout")])).toThrow();
  expect(() => checkOrder(PASSES.slice(0, -1))).toThrow();
  checkOrder(PASSES);
});

test("every pass has a golden case", () => {
  const covered = new Set(FILES.flatMap((file) => readCases(file).flatMap((c) => c.passes)));
  for (const row of PASSES) expect(covered).toContain(row.name.split(" ")[0]);
});
