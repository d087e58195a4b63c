import { expect, test } from "vitest";
import { checkOrder, PASSES, type PassRow } from "../opt/passes.ts";

test("the table of passes is checked", () => {
  const find = (name: string) => PASSES.find((row) => row.name === name) as PassRow;
  expect(() => checkOrder([find("dce"), find("params"), find("layout")])).toThrow();
  expect(() => checkOrder(PASSES.slice(0, -1))).toThrow();
  checkOrder(PASSES);
});
