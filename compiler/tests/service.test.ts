// What a diagnostic says is short, however long the names and words of the source are.

import { describe, expect, test } from "vitest";
import { INTERNAL, INVALID } from "../base/errors.ts";
import { Diagnostic, diagnosticText } from "../diagnostic.ts";
import { answer } from "../service.ts";

function described(kind: number, text: string): { detail: string; function: string } {
  return JSON.parse(diagnosticText(new Diagnostic(kind, "type mismatch", text, 0, 0, 0, text)));
}

describe("what a diagnostic shows", () => {
  test("is whole where it is short", () => {
    expect(described(INVALID, "f".repeat(300))).toMatchObject({
      detail: "f".repeat(300),
      function: "f".repeat(300),
    });
  });

  test("is cut where it is long", () => {
    expect(described(INVALID, "f".repeat(301))).toMatchObject({
      detail: `${"f".repeat(300)}…`,
      function: `${"f".repeat(300)}…`,
    });
  });

  test("is not cut within a character", () => {
    expect(described(INVALID, `f${"😀".repeat(200)}`).function).toBe(`f${"😀".repeat(149)}…`);
  });

  test("tells where an internal error happened", () => {
    expect(described(INTERNAL, "at f\n".repeat(200)).detail).toBe("at f\n".repeat(200));
    expect(described(INTERNAL, "at f\n".repeat(2000)).detail.length).toBe(4001);
  });

  test.each([
    `(module (func $${"f".repeat(100_000)} (i32.eqz)))`,
    `(module (func (call $${"f".repeat(100_000)})))`,
  ])("of a source with long names", (text) => {
    const { header } = answer({ do: "validate" }, new TextEncoder().encode(text));
    expect(JSON.stringify(header).length).toBeLessThan(1000);
    expect(header).toMatchObject({ error: { line: 1 } });
  });
});
