// Back end of tools/rules.ts for IR → IR: makes `simplify` of gen/simplify.ts.
//
// The right side of a rule is a name, an IR operation (nested; an immediate is a number, a name or {…}), or
// {…} that yields a value. In scope: f (the Func), v (the value to replace), w (the Rewriter), the names.
// A memory operation or bounds check that is made takes its `aux` from the one of the left side.

import { IMMEDIATE, OPS, opNamed, READS, TYPE_NAMES, WRITES } from "../ir/ops.ts";
import {
  byRoot,
  constantOf,
  type Expr,
  failAt,
  functionName,
  guardSteps,
  isWide,
  type Match,
  matches,
  mentions,
  nest,
  type Rule,
  type RuleFile,
  rootOperands,
  scoped,
} from "./rules.ts";

const RESERVED = ["f", "v", "w"];

function hasRegion(op: number): boolean {
  return (OPS[op].flags & (READS | WRITES)) !== 0 || OPS[op].name.startsWith("bounds_check");
}

/** The expression that makes `e`. */
function construct(rule: Rule, match: Match, e: Expr): string {
  switch (e.kind) {
    case "name":
      return e.name;
    case "snippet":
      return e.text;
    case "literal":
      return failAt(rule.at, "a number must be the immediate of a constant");
    case "term":
      break;
  }
  const op = opNamed(e.head);
  if (op < 0) return failAt(rule.at, `no operation is called ${e.head}`);
  const row = OPS[op];
  const hasImmediate = (row.flags & IMMEDIATE) !== 0;
  const wanted = row.operands.length + (hasImmediate ? 1 : 0);
  if (row.variadic || row.result > 7) failAt(rule.at, `rules cannot make ${e.head}`);
  if (e.args.length !== wanted) failAt(rule.at, `${e.head} takes ${wanted} arguments`);
  const operands = [0, 1, 2].map((i) => (i < row.operands.length ? construct(rule, match, e.args[i]) : "-1"));
  let imm = "0";
  let imm2 = "0";
  if (hasImmediate) {
    const x = e.args[wanted - 1];
    const wide = isWide(op);
    if (x.kind === "literal") {
      imm = `${x.lo}`;
      imm2 = wide ? `${x.hi}` : "0";
    } else if (x.kind === "name" || x.kind === "snippet") {
      const text = x.kind === "name" ? x.name : x.text;
      if (!wide) imm = text;
      else if (x.kind === "name") {
        imm = `${text}.lo`;
        imm2 = `${text}.hi`;
      } else {
        return `make64(w, ${constantOf(op)}, ${typeOf(op)}, ${operands.join(", ")}, ${text}, ${aux(match, op)})`;
      }
    } else return failAt(rule.at, `the immediate of ${e.head} must be a number, a name or {…}`);
  }
  const args = [constantOf(op), typeOf(op), ...operands, imm, imm2, aux(match, op)];
  return `w.make(${args.join(", ")})`;
}

function typeOf(op: number): string {
  const result = OPS[op].result;
  return `TYPE_${result <= 0 ? "VOID" : TYPE_NAMES[result].toUpperCase()}`;
}

function aux(match: Match, op: number): string {
  if (!hasRegion(op)) return "0";
  for (const [name, matched] of match.ops) if (hasRegion(matched)) return `f.aux[${name}]`;
  return "0";
}

function read(of: string, i: number): string {
  return `f.resolve(f.${"abc"[i]}[${of}] as Value)`;
}

function ruleText(rule: Rule): string[] {
  const lines = [`  // ${rule.at}: ${rule.text}`];
  for (const match of matches(rule, read, RESERVED)) {
    const lets = rule.lets.map(({ names, value, effect }) => {
      if (effect) return `${construct(rule, match, value)};`;
      if (names.length !== 1) return failAt(rule.at, "one name expected behind let");
      return `const ${names[0]} = ${construct(rule, match, value)};`;
    });
    const body = [...lets, `return ${construct(rule, match, rule.result)};`];
    lines.push(...scoped(nest([...match.steps, ...guardSteps(rule, RESERVED)], body, "  "), "  "));
  }
  return lines;
}

const INT64 =
  "I64 add64 sub64 mul64 neg64 and64 or64 xor64 shl64 shrU64 shrS64 rotl64 clz64 ctz32 ctz64 " +
  "popcnt32 popcnt64 ltu ltU64 ltS64 eq64 isZero fitsInt32 fromInt32 fromUint32 divU64 divS64 mulWide ZERO64";

/** The text of gen/simplify.ts. */
export function simplifySource(file: RuleFile): string {
  const groups = byRoot(file.rules, "");
  const functions: string[] = [];
  for (const [op, rules] of groups) {
    const body = rules.flatMap(ruleText);
    const lines = [...rootOperands(body, read), ...body];
    const rewriter = mentions(lines.join("\n"), "w") ? "w" : "_w";
    functions.push(
      `function ${functionName(op)}(f: Func, ${rewriter}: Rewriter, v: Value): Value {\n${lines.join("\n")}\n  return NO_VALUE;\n}`,
    );
  }
  const cases = [...groups.keys()].map(
    (op) => `    case ${constantOf(op)}:\n      return ${functionName(op)}(f, w, v);`,
  );
  const main = `/** What may stand for \`v\` instead, or NO_VALUE: the first rule of ${file.name} that matches. */
export function simplify(f: Func, w: Rewriter, v: Value): Value {
  switch (f.op[v]) {
${cases.join("\n")}
    default:
      return NO_VALUE;
  }
}`;
  const code = functions.join("\n\n");
  const helpers: string[] = [];
  if (mentions(code, "make64")) {
    helpers.push(`function make64(
  w: Rewriter,
  op: number,
  type: number,
  a: number,
  b: number,
  c: number,
  imm: I64,
  aux: number,
): Value {
  return w.make(op, type, a, b, c, imm.lo, imm.hi, aux);
}`);
  }
  if (mentions(code, "isImmediate")) {
    helpers.push(`function isImmediate(f: Func, v: Value, x: I64): boolean {
  return f.imm[v] === x.lo && f.imm2[v] === x.hi;
}`);
  }
  const all = [main, ...functions, ...helpers].join("\n\n");
  const imported = file.imports.join("\n");
  const from = (names: readonly string[], path: string) => {
    const list = names.filter((n) => {
      const local = n.slice(n.lastIndexOf(" ") + 1);
      return mentions(all, local) && !mentions(imported, local);
    });
    return list.length === 0 ? [] : [`import { ${list.join(", ")} } from "${path}";`];
  };
  const types = ["VOID", ...TYPE_NAMES.slice(1).map((t) => t.toUpperCase())].map((t) => `${t} as TYPE_${t}`);
  return [
    `// Written by tools/gen.ts from ${file.name}.`,
    "",
    ...from(INT64.split(" "), "../base/int64.ts"),
    `import { type Func, NO_VALUE, type Value } from "../ir/func.ts";`,
    ...from(types, "../ir/ops.ts"),
    `import type { Rewriter } from "../ir/rewriter.ts";`,
    ...file.imports,
    ...from(
      OPS.map((_, op) => constantOf(op)),
      "./ir-ops.ts",
    ),
    "",
    all,
    "",
  ].join("\n");
}
