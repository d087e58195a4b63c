// What the tests of passes share: golden files under tests/golden/passes. A file holds cases:
//
//   ;;; name: pass pass …
//   func … (input)
//   ;;=
//   func … (expected)
//
// `all` stands for everything `optimize` does. UPDATE=1 writes what came out.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/fail.ts";
import { parse } from "../ir/parse.ts";
import { print } from "../ir/print.ts";
import { Program } from "../ir/program.ts";
import { verify } from "../ir/verify.ts";
import { Context } from "../opt/context.ts";
import { FULL, optimize, PASSES } from "../opt/passes.ts";

export interface Case {
  readonly name: string;
  readonly passes: readonly string[];
  readonly input: string;
  readonly expected: string;
}

function pathOf(file: string): string {
  return join(import.meta.dirname, "golden", "passes", file);
}

export function readCases(file: string): Case[] {
  const parts = readFileSync(pathOf(file), "utf8").split(/^;;; /m).slice(1);
  return parts.map((part) => {
    const end = part.indexOf("\n");
    const title = part.slice(0, end);
    const colon = title.lastIndexOf(": ");
    const name = title.slice(0, colon);
    const passes = title.slice(colon + 2);
    const [input, expected = ""] = part.slice(end + 1).split(/^;;=\n/m);
    return { name, passes: passes.split(" "), input: input.trim(), expected: expected.trim() };
  });
}

export function runPasses(text: string, passes: readonly string[]): string {
  const program = new Program();
  try {
    return run(text, passes, program);
  } catch (e) {
    if (e instanceof Failure) throw new Error(e.detail, { cause: e });
    throw e;
  }
}

function run(text: string, passes: readonly string[], program: Program): string {
  return parse(text, program)
    .map((f) => {
      verify(f, program);
      if (passes[0] === "all") {
        optimize(f, program, FULL);
        verify(f, program);
        return print(f, program);
      }
      const c = new Context();
      c.begin(f, program);
      for (const name of passes) {
        const row = PASSES.find((r) => r.name === name);
        if (row === undefined) throw new Error(`no pass ${name}`);
        c.need(row.needs);
        row.make().run(c);
        verify(f, program);
      }
      return print(f, program);
    })
    .join("\n")
    .trim();
}

export function writeCases(file: string, cases: readonly Case[]): void {
  const text = cases.map((c) => {
    const out = runPasses(c.input, c.passes);
    return `;;; ${c.name}: ${c.passes.join(" ")}\n${c.input}\n;;=\n${out}\n`;
  });
  writeFileSync(pathOf(file), text.join("\n"));
}
