// Back end of wasm/instructions.ts: gen/walk.ts, which calls the functions of walk/ and lower/ that rows name.

import type { Instruction } from "../wasm/instructions.ts";

/** A function that a row names: `@file.function`, and what follows it. */
class Named {
  readonly row: Instruction;
  readonly number: number;
  readonly file: string;
  readonly name: string;
  readonly rest: string;

  constructor(row: Instruction, number: number, text: string) {
    const match = /^@(\w+)\.(\w+) ?(.*)$/.exec(text);
    if (match === null) throw new Error(`${row.name}: ${text} names no function`);
    this.row = row;
    this.number = number;
    this.file = match[1];
    this.name = match[2];
    this.rest = match[3];
  }
}

function named(rows: readonly Instruction[], column: (row: Instruction) => string): Named[] {
  return rows.flatMap((row, i) => (column(row).startsWith("@") ? [new Named(row, i, column(row))] : []));
}

function imports(folder: string, functions: readonly Named[]): string {
  const files = [...new Set(functions.map(({ file }) => file))].sort();
  return files.map((file) => `import * as ${folder}_${file} from "../${folder}/${file}.ts";\n`).join("");
}

/** The cases of a switch over rows; those that have the same body stand together. */
function cases(functions: readonly Named[], body: (f: Named) => string): string {
  const rows = new Map<string, Named[]>();
  for (const f of functions) rows.set(body(f), [...(rows.get(body(f)) ?? []), f]);
  return [...rows]
    .map(([text, those]) => {
      const labels = those.map((f) => `    case ${f.number}: // ${f.row.name}\n`).join("");
      return `${labels}      ${text}\n`;
    })
    .join("");
}

export function walkSource(rows: readonly Instruction[], operation: (name: string) => number): string {
  const rules = named(rows, (row) => row.rule);
  const lowerings = named(rows, (row) => row.lowering);
  const lowered = (f: Named) => {
    const code = operation(f.rest);
    if (code < 0) throw new Error(`${f.row.name}: no operation is called ${f.rest}`);
    const count = f.row.rule.split("->")[0].split(" ").filter(Boolean).length;
    return `return lower_${f.file}.${f.name}(out, ${[code, "a", "b"].slice(0, count + 1).join(", ")});`;
  };
  return `// Written by tools/gen.ts from wasm/instructions.ts.

import { unreachable } from "../base/fail.ts";
import type { Value } from "../ir/func.ts";
import type { Lowering } from "../lower/lowering.ts";
import type { Walk } from "../walk/walk.ts";
${imports("lower", lowerings)}${imports("walk", rules)}
/** Reads the immediates of an instruction that has a rule of its own, validates it, and has its code made. */
export function applyRule(walk: Walk, row: number): void {
  switch (row) {
${cases(rules, (f) => `return walk_${f.file}.${f.name}(walk);`)}    default:
      unreachable(\`row \${row} has no rule\`);
  }
}

/** The value of an instruction with a signature that is more than one operation. */
export function lowered(out: Lowering, row: number, a: Value, b: Value): Value {
  switch (row) {
${cases(lowerings, lowered)}    default:
      return unreachable(\`row \${row} has no lowering\`);
  }
}
`;
}
