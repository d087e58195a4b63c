// What proposals add is known by name, in both formats and at each place, and only with the features that know it.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Bytes } from "../base/bytes.ts";
import { INVALID, MALFORMED, PROPOSED } from "../base/errors.ts";
import { type Diagnostic, validate, validateOne } from "../driver.ts";
import { WASM_2_0, WASM_3_0 } from "../wasm/features.ts";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import { HEAP, INSTRUCTION, ROWS, TEXT } from "../wasm/proposals.ts";
import { HEAPS, NUMBERS } from "../wasm/typetable.ts";
import { DEFINITION, MODULE } from "../wat/commands.ts";
import { ScriptParser } from "../wat/wast.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const CODES = ROWS.filter((row) => row.place === INSTRUCTION && row.code !== TEXT).flatMap((row) =>
  row.names
    .split(" ")
    .map((name, i): [string, number] => [name, row.code + i])
    .filter(([name]) => name !== "-"),
);
const WORDS = [
  ...new Set(ROWS.filter((row) => row.place === INSTRUCTION).flatMap((row) => row.names.split(" "))),
];

function wrongWith(source: Uint8Array | string, features = WASM_3_0): Diagnostic {
  const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
  const { diagnostic } = validate(bytes, features);
  if (diagnostic === null) throw new Error("it is valid");
  return diagnostic;
}

function section(id: number, ...content: number[]): number[] {
  return [id, content.length, ...content];
}

/** A module with one function of the type [] -> [], and this code. */
function withCode(...code: number[]): Uint8Array {
  const body = [0, ...code, 0x0b];
  return Uint8Array.from([
    ...HEADER,
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 1, 0),
    ...section(10, 1, body.length, ...body),
  ]);
}

function bytesOf(code: number): number[] {
  if (code >>> 24 === 0) return [code];
  const number = new Bytes();
  number.leb(code & 0xffffff);
  return [code >>> 24, ...number.take()];
}

describe("instructions", () => {
  test("are those that the language does not have", () => {
    const codes = new Set(INSTRUCTIONS.map((row) => row.code));
    expect(CODES.filter(([, code]) => codes.has(code))).toEqual([]);
    const keywords = new Set(INSTRUCTIONS.map((row) => row.keyword));
    const both = WORDS.filter((word) => keywords.has(word));
    // the rounding variants give names of the language to instructions of their own
    expect(both.every((word) => /^i(32|64)\.trunc_f(32|64)_[su]$/.test(word))).toBe(true);
    expect(CODES.length).toBeGreaterThan(280);
  });

  test.each(CODES)("the code of %s", (name, code) => {
    expect(wrongWith(withCode(...bytesOf(code)))).toMatchObject({ kind: PROPOSED, at: 23 });
    expect(wrongWith(withCode(...bytesOf(code))).detail).toContain(`instruction "${name}" of the proposal "`);
    expect(wrongWith(withCode(...bytesOf(code)), WASM_2_0)).toMatchObject({
      kind: MALFORMED,
      message: "illegal opcode",
    });
  });

  test("but not what no proposal has", () => {
    for (const code of [[0x16], [0x27], [0xe7], [0xfe, 0x05], [0xfe, 0x80, 0x01], [0xfc, 0x7c], [0xff]]) {
      expect(wrongWith(withCode(...code))).toMatchObject({ kind: MALFORMED, message: "illegal opcode" });
    }
    expect(wrongWith(withCode(0xfe)).message).toBe("illegal opcode"); // 0xfe 0x0b
  });

  test.each(WORDS.filter((word) => word !== "-" && !word.includes(".trunc_f")))("the word %s", (word) => {
    expect(wrongWith(`(func (${word}))`)).toMatchObject({ kind: PROPOSED, line: 1, column: 8 });
    expect(wrongWith(`(func ${word})`).detail).toContain(`instruction "${word}" of the proposal "`);
    expect(wrongWith(`(func ${word})`, WASM_2_0).kind).toBe(MALFORMED);
    expect(wrongWith(`(func (i32.const ${word}))`).kind).toBe(MALFORMED);
  });
});

describe("everything else", () => {
  test("types are those that the language does not have", () => {
    const codes = new Set([...HEAPS, ...NUMBERS].map((row) => row.code));
    expect(ROWS.filter((row) => row.place === HEAP && codes.has(row.code))).toEqual([]);
  });

  test.each([
    ["a component", [0x0d, 0, 1, 0], "this is a component: "],
    ["shared memory", section(5, 1, 3, 1, 1), 'memory type "shared" of the proposal "threads"'],
    ["imported shared memory", section(2, 1, 0, 0, 2, 2, 1), '"threads"'],
    ["page size", section(5, 1, 8, 1, 0), 'memory type "pagesize" of the proposal "custom page sizes"'],
    ["both", section(5, 1, 11, 1, 1, 0), '"shared"'],
    ["shared table", section(4, 1, 0x70, 2, 0), 'table type "shared"'],
    ["shared global", section(6, 1, 0x7f, 2, 0x41, 0, 0x0b), 'global or field type "shared"'],
    ["shared field", section(1, 1, 0x5f, 1, 0x7f, 3), '"shared-everything threads"'],
    ["shared type", section(1, 1, 0x65, 0x60, 0, 0), 'type "shared"'],
    ["shared heap type", section(1, 1, 0x60, 1, 0x63, 0x65, 0x6e, 0), 'type "shared"'],
    ["shared elements", section(9, 1, 8, 0), 'element segment "shared"'],
    ["shared data", section(11, 1, 9, 0), 'data segment "shared"'],
    ["continuation", section(1, 2, 0x60, 0, 0, 0x5d, 0), 'type "cont" of the proposal "stack switching"'],
    [
      "reference to continuations",
      section(1, 1, 0x60, 1, 0x68, 0),
      '"cont" of the proposal "stack switching", or',
    ],
    ["no continuation", section(1, 1, 0x60, 1, 0x75, 0), 'type "nocont"'],
    [
      "descriptor",
      section(1, 1, 0x4e, 1, 0x4d, 0, 0x5f, 0),
      'type "descriptor" of the proposal "custom desc',
    ],
    ["described", section(1, 1, 0x4c, 0, 0x5f, 0), 'type "describes"'],
    ["exact", section(1, 1, 0x60, 1, 0x64, 0x62, 0, 0), 'type "exact"'],
    [
      "exact function",
      [...section(1, 1, 0x60, 0, 0), ...section(2, 1, 1, 109, 1, 102, 0x20, 0)],
      'import "exact"',
    ],
    ["imports of one module", section(2, 1, 1, 109, 0, 0x7f, 0), '"compact import section"'],
    ["of one kind", section(2, 1, 1, 109, 0, 0x7e, 0), '"compact import section"'],
    ["strings", section(14, 0, 0), 'section "strings"'],
    ["reference to a string", section(1, 1, 0x60, 1, 0x67, 0), 'type "string"'],
  ])("%s", (_, content, said) => {
    const start = content[2] === 1 && content[0] === 0x0d ? HEADER.slice(0, 4) : HEADER;
    const wrong = wrongWith(Uint8Array.from([...start, ...content]));
    expect(wrong).toMatchObject({ kind: PROPOSED, message: "not supported yet" });
    expect(wrong.detail).toContain(said);
    expect(wrongWith(Uint8Array.from([...start, ...content]), WASM_2_0).kind).toBe(MALFORMED);
  });

  test("an access to an array", () => {
    const wrong = wrongWith(withCode(0x41, 0, 0x28, 0x22, 0, 0, 0x1a));
    expect(wrong).toMatchObject({ kind: PROPOSED });
    expect(wrong.detail).toContain('"multibyte array access"');
    expect(wrongWith(withCode(0x41, 0, 0x28, 0x22, 0, 0, 0x1a), WASM_2_0).kind).toBe(INVALID);
  });

  test.each([
    ["(component)", "a component", 2],
    ["(module (memory 1 1 shared))", '"threads"', 9],
    ["(memory (shared 1 1))", '"threads"', 10],
    ["(memory 1 (pagesize 1))", '"custom page sizes"', 12],
    ["(memory (pagesize 1) (data))", '"custom page sizes"', 10],
    ["(table shared 1 funcref)", '"shared-everything threads"', 8],
    ["(type (shared (func)))", '"shared-everything threads"', 8],
    ["(global (shared i32) (i32.const 1))", '"shared-everything threads"', 10],
    ["(func (param (ref null (shared any))))", '"shared-everything threads"', 25],
    ["(type $f (func)) (type (cont $f))", '"stack switching"', 25],
    ["(func (param contref))", '"stack switching"', 14],
    ["(rec (type (descriptor 1) (struct)) (type (describes 0) (struct)))", '"custom descriptors"', 13],
    ["(type (sub (describes 0) (struct)))", '"custom descriptors"', 13],
    ["(type $s (struct)) (func (param (ref (exact $s))))", '"custom descriptors"', 39],
    ['(import "" "" (func (exact (type 0)))) (type (func))', '"custom descriptors"', 22],
    ['(import "m" (item "f" (func)))', '"compact import section"', 14],
    ['(import "m" "t" (type $t))', '"type imports"', 18],
    ["(func (i32.load (type 0) (local.get 0)))", '"multibyte array access"', 18],
    ["(func (param stringref))", '"reference-typed strings"', 14],
    ["(data (i32 1 2))", '"numeric values in WAT data segments"', 8],
    ['(memory (data "a" (i8 1)))', '"numeric values in WAT data segments"', 20],
  ])("%s", (text, said, column) => {
    const wrong = wrongWith(text);
    expect(wrong).toMatchObject({ kind: PROPOSED, line: 1, column });
    expect(wrong.detail).toContain(said);
    expect(wrongWith(text, WASM_2_0).kind).toBe(MALFORMED);
  });

  test.each([
    "(shared)",
    "(pagesize 1)",
    "(table 1 (pagesize 1) funcref)",
    "(func (param pagesize))",
    "(cont)",
  ])("%s remains malformed", (text) => {
    expect(wrongWith(text).kind).toBe(MALFORMED);
  });
});

const SUITE = process.env.WASMPY_SPEC ?? join(import.meta.dirname, "../../../shared/spec");

/** Modules without a word or code of a proposal: other rules of typing; words that were numbers before 2.0. */
const EXCEPTIONS = ["br_on_cast.wast:211", "br_on_cast_fail.wast:226"].concat(
  ["271", "290", "381", "393"].map((line) => `imports.wast:${line}`),
);

const present = existsSync(join(SUITE, "proposals"));
if (!present) console.log(`skipped: no test suites in ${SUITE} (set WASMPY_SPEC)`);

describe.skipIf(!present)("modules of the proposals' own suites", () => {
  // Also what is skipped is described.
  const folders = present ? readdirSync(join(SUITE, "proposals")).map((name) => `proposals/${name}`) : [];
  test.each([...folders, "legacy-exceptions"])("%s: none is called malformed or invalid", (folder) => {
    const wrong: string[] = [];
    let judged = 0;
    for (const name of readdirSync(join(SUITE, folder), { recursive: true }) as string[]) {
      if (!name.endsWith(".wast")) continue;
      const parser = new ScriptParser(readFileSync(join(SUITE, folder, name)));
      for (;;) {
        try {
          const command = parser.next();
          if (command === null) break;
          if (command.module === null || (command.kind !== MODULE && command.kind !== DEFINITION)) continue;
          judged++;
          const { diagnostic: d } = validateOne(command.module, WASM_3_0);
          const place = `${name}:${command.line}`;
          if ((d?.kind === MALFORMED || d?.kind === INVALID) && !EXCEPTIONS.includes(place)) {
            wrong.push(`${place}: ${d.message}: ${d.detail}`);
          }
        } catch {
          parser.skip();
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(judged).toBeGreaterThan(0);
  });
});
