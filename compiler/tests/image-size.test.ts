// What a module says of itself may be too much for an image: the error comes before all of it is written, and names
// no function. The limit is lowered, so that small modules reach it.

import { expect, test, vi } from "vitest";
import { LIMIT } from "../base/errors.ts";
import { compile, DEFAULTS, describeModule } from "../driver.ts";
import { ImageData } from "../python/data.ts";
import { WASM_3_0 } from "../wasm/features.ts";

vi.setConfig({ testTimeout: 60_000 });

vi.mock("../wasm/limits.ts", async (original) => ({
  ...(await original<typeof import("../wasm/limits.ts")>()),
  MAX_IMAGE_BYTES: 1 << 20,
}));

const OPTIONS = { ...DEFAULTS, leaf: "m", level: 0 };
const TOO_LARGE = { kind: LIMIT, message: "compiled module too large", at: -1, function: "" };

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test("doc strings", () => {
  const written = vi.spyOn(ImageData.prototype, "text");
  const types = "i32 ".repeat(20);
  const count = 10_000;
  const functions = Array.from({ length: count }, (_, i) => `(func (export "${i}") (param ${types}))`);
  const { diagnostic } = compile(encode(`(module ${functions.join("")})`), OPTIONS);
  expect(diagnostic).toMatchObject(TOO_LARGE);
  expect(written.mock.calls.length).toBeLessThan(count);
  written.mockRestore();
});

test("doc strings of many parameters are one for each type", () => {
  const types = "i32 ".repeat(1000);
  const functions = Array.from({ length: 1000 }, (_, i) => `(func (export "${i}") (param ${types}))`);
  expect(compile(encode(`(module ${functions.join("")})`), OPTIONS).diagnostic).toBe(null);
});

test("texts of types", () => {
  const types = `(type (func (param ${"i32 ".repeat(1000)})))`.repeat(300);
  expect(describeModule(encode(`(module ${types})`), WASM_3_0).diagnostic).toMatchObject(TOO_LARGE);
});
