// The lint of the core: each forbidden construct is reported in the line where it stands, and what is allowed is not.

import { join } from "node:path";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import { Lint } from "../tools/lint.ts";

const ROOT = join(import.meta.dirname, "..");
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ["lib.es2023.d.ts"],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  types: [],
  allowImportingTsExtensions: true,
  noEmit: true,
};

/** Lines that end in `// N: text` must be reported with rule N and that text, the others not at all. */
const CASES: Record<string, string> = {
  numbers: `
import type { f64, u32 } from "./numbers.ts";
export class Reader {
  at: number;
  constructor(at: number) { this.at = at; }
  u32(): u32 { return this.at >>> 0; }
  wrong(): number { return this.at >>> 0; } // 3: the function's result is i32, the value may be u32
  half(): number { return this.at / 2; } // 3: the function's result is i32, the value may be f64
  cut(): number { return (this.at / 2) | 0; }
}
export function take(x: number): void {}
export function takes(x: u32): void {}
export function f(r: Reader, big: Uint32Array, list: number[], by: Map<number, number>): f64 {
  const a = r.u32();
  const b = big[0] * 2; // 3: \`b\` may be more than an int32: name it (\`: u32\`)
  const c: f64 = r.at / 3;
  const d = r.at / 3; // 3: \`d\` may be more than an int32
  let e = 0;
  e = a; // 3: \`e\` is i32, the value may be u32
  e += c; // 3: \`e\` is i32, the value may be f64
  take(a); // 3: \`x\` is i32, the value may be u32
  take(a | 0);
  takes(a);
  takes(c); // 3: \`x\` is u32, the value may be f64
  list.push(a); // 3: an argument of Array.push holds int32
  list[0] = c; // 3: an array holds int32
  const f = [1, 2, a]; // 3: an array holds int32
  by.set(1, a >>> 3);
  by.set(1, a); // 3: an argument of Map.set holds int32
  const g = Math.abs(r.at);
  take(g); // 3: \`x\` is i32, the value may be u32
  big[1] = c;
  const MANY = 4294967296;
  return b + d + MANY + f[0] + Math.floor(c);
}
`,
  kept: `
export class Cell {
  one: number | null; // 6: a number or nothing is not kept
  list: (number | undefined)[]; // 6: a number or nothing is not kept
  text: string | null;
  constructor() { this.one = null; this.list = []; this.text = null; }
}
export function sum(rows: readonly { a: number }[]): number { return rows[0].a; } // 2: a parameter of a type without a name
export function g(pair: { a: number }): number { return pair.a; } // 2: a parameter of a type without a name
`,
  text: `
export class Out {
  text: string;
  constructor() { this.text = ""; }
  more(x: string): void { this.text += x; } // 2: a field of text that grows
}
export function h(rows: readonly string[]): string {
  let all = "";
  for (const row of rows) all += row; // 2: text that grows in a loop
  const twice = (x: string, n = 2): string => x + n; // 2: a default parameter of an arrow function
  let line = "a";
  line += "b";
  return twice(all, 1) + line + rows.map((x) => { let y = x; y += x; return y; }).join("");
}
`,
  library: `
export function l(view: DataView, x: number, s: string): number {
  view.setInt32(0, x); // 8: DataView.setInt32 without \`true\` for the byte order
  view.setInt32(0, x, true);
  view.getFloat64(0, false); // 8: DataView.getFloat64 without \`true\`
  s.match("a"); // 8: string.match is not in the table
  [1].map(String).map((x) => String(x)); // 8: String as a value
  const maker = Number; // 8: Number as a value
  [1].toSorted(); // 8: Array.toSorted is not in the table
  Math.random(); // 8: Math.random is not in the table
  const e = Number.EPSILON; // 8: Number.EPSILON is not in the table
  return Math.imul(x, s.charCodeAt(0)) + s.length;
}
`,
  constructs: `
export function c(x: any): number { // 1: any
  try { // 7: try
    throw new Error("x"); // 7: throw
  } finally {
    delete x.a; // 1: delete
  }
  const big = 10n; // 4: bigint
  return /a/.test("a") ? 1 : 0; // 8: regular expression
}
export let state = 0; // 10: mutable state
export const keys = new Map<boolean, number>(); // 9: Map keyed by boolean
export async function wait(): Promise<void> {} // 10: asynchronous
`,
};

let lint: Lint;
let program: ts.Program;

beforeAll(() => {
  const host = ts.createCompilerHost(OPTIONS);
  const pathOf = (name: string): string => join(ROOT, "base", `${name}.case.ts`);
  const texts = new Map(Object.entries(CASES).map(([name, text]) => [pathOf(name), text]));
  const { fileExists, getSourceFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists.call(host, path);
  host.getSourceFile = (path, language, ...rest) => {
    const text = texts.get(path);
    if (text === undefined) return getSourceFile.call(host, path, language, ...rest);
    return ts.createSourceFile(path, text, language, true);
  };
  program = ts.createProgram([...texts.keys()], OPTIONS, host);
  lint = new Lint(program, ROOT);
});

describe("the lint of the core", () => {
  test.each(Object.entries(CASES))("%s", (name, text) => {
    const file = program.getSourceFile(join(ROOT, "base", `${name}.case.ts`));
    expect(file).toBeDefined();
    const found = lint.complaints(file!, `base/${name}.case.ts`);
    const wanted = text.split("\n").flatMap((line, i) => {
      const mark = /\/\/ (\d+): (.*)$/.exec(line);
      return mark === null ? [] : [{ line: i + 1, begins: `rule ${mark[1]}: ${mark[2]}` }];
    });
    for (const { line, begins } of wanted) {
      const here = found.filter((f) => f.startsWith(`${line}:`));
      expect(here.map((f) => f.replace(/^\d+:\d+: /, "")).join("\n")).toContain(begins);
    }
    const lines = new Set(wanted.map(({ line }) => line));
    expect(found.filter((f) => !lines.has(Number(f.split(":")[0])))).toEqual([]);
  });
});
