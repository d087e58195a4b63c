// Back end of tools/rules.ts for IR → machine instructions: makes the functions of gen/<target>-lower.ts.
//
// Rules of the main table lower the value their root stands for. The right side is
//   (insn …)   a row of the target's instructions, as named there; its operands in the order of the row: those
//              read, then the immediate, then the condition. Nested instructions go first.
//   name       one of a `let`; or of the left side, for a rule `(op x) => x`: the register of x holds the value
//   {…}        a statement that does everything
// `let a b (insn …)` names the results of an instruction. Operands are:
//   registers   a value of the left side, something named by `let`, (insn …), or {…} that yields a register
//   rm, fm      the same; a value that is a load or a float constant becomes a memory operand where that is right
//   m           the name of a load or store of the left side (v: the root itself), whose address it is; or a
//               constant: (f32 bits), (f64 bits), and (mask32 bits), (mask64 bits), which fill 16 bytes
//   immediates  a number, a name, or {…}
// A load in the pattern below the root matches only if it may be done at the root, and then belongs to it.
// Rules `(flags (op …)) => do (insn …) {condition}` set the flags for a value taken as a condition.
//
// In scope: s (the Selection), f (the Func), v (the root), the names. 32-bit operands drop a wrap_i64.

import { FLAGS, OPS, READS, TYPE_NAMES, WRITES } from "../ir/ops.ts";
import type { InstructionShape, OperandShape } from "../mach/target.ts";
import {
  byRoot,
  constantOf,
  type Expr,
  failAt,
  functionName,
  guardSteps,
  type Match,
  matches,
  mentions,
  nest,
  type Rule,
  type RuleFile,
  rootOperands,
  type Step,
  scoped,
  type Term,
} from "./rules.ts";

/** The shape of the row called `name`, or undefined. */
export type Shapes = (name: string) => InstructionShape | undefined;

const RESERVED = ["f", "v", "s", "X"];
const LITERALS: ReadonlyMap<string, number> = new Map([
  ["f32", 32],
  ["f64", 64],
  ["mask32", 128],
  ["mask64", 128],
]);

function isAccess(op: number): boolean {
  return (FLAGS[op] & (READS | WRITES)) !== 0;
}

/** `mov32_m` → `MOV32_M`, as tools/gen.ts names the constants. */
function instructionConstant(name: string): string {
  return `X.${name.replace(/[^A-Za-z0-9]/g, "_").toUpperCase()}`;
}

function typeText(type: number): string {
  return `TYPE_${TYPE_NAMES[type].toUpperCase()}`;
}

class Writer {
  readonly lines: string[];
  private readonly rule: Rule;
  private readonly match: Match;
  private readonly shapes: Shapes;
  private readonly registers: Set<string>;
  private fresh: number;

  constructor(rule: Rule, match: Match, shapes: Shapes) {
    this.lines = [];
    this.rule = rule;
    this.match = match;
    this.shapes = shapes;
    this.registers = new Set();
    this.fresh = 0;
  }

  private fail(message: string): never {
    return failAt(this.rule.at, message);
  }

  shape(t: Term): InstructionShape {
    return this.shapes(t.head) ?? this.fail(`no instruction is called ${t.head}`);
  }

  /** The names of a `let` hold registers. */
  bind(names: readonly string[]): void {
    for (const name of names) {
      if (this.match.above.has(name) || RESERVED.includes(name)) this.fail(`${name} means something already`);
      this.registers.add(name);
    }
  }

  private exclusive(name: string): string {
    const path = this.match.above.get(name) ?? [];
    return path.length === 0 ? "true" : path.map((p) => `s.once(${p})`).join(" && ");
  }

  /** How often the right side mentions a name: what it mentions twice cannot become a memory operand. */
  private occurrences(name: string): number {
    const count = (e: Expr): number => {
      switch (e.kind) {
        case "name":
          return e.name === name ? 1 : 0;
        case "snippet":
          return mentions(e.text, name) ? 2 : 0;
        case "literal":
          return 0;
        case "term":
          return e.args.map(count).reduce((a, b) => a + b, 0);
      }
    };
    return [...this.rule.lets.map((clause) => clause.value), this.rule.result]
      .map(count)
      .reduce((a, b) => a + b, 0);
  }

  /** A register that holds `e`. */
  private register(e: Expr, operand: OperandShape): string {
    switch (e.kind) {
      case "name":
        if (this.registers.has(e.name)) return e.name;
        if (!this.match.above.has(e.name)) this.fail(`${e.name} is not bound`);
        if (operand.either && this.occurrences(e.name) === 1)
          return `s.placed(${e.name}, ${operand.width}, ${this.exclusive(e.name)})`;
        return operand.width <= 32 && !operand.float ? `s.low(${e.name})` : `s.use(${e.name})`;
      case "snippet":
        return e.text;
      case "literal":
        return this.fail("a number cannot be a register operand");
      case "term": {
        if (LITERALS.has(e.head)) return this.literal(e);
        const shape = this.shape(e);
        if (shape.defs.length === 0) this.fail(`${e.head} has no result`);
        const name = `r${++this.fresh}`;
        this.lines.push(`const ${name} = s.temp(${typeText(shape.defs[0])});`);
        this.instruction(e, name, []);
        return name;
      }
    }
  }

  /** Stages a constant in memory. */
  private literal(t: Term): string {
    const width = LITERALS.get(t.head) ?? 0;
    const [x] = t.args;
    if (t.args.length !== 1 || x.kind !== "literal") return this.fail(`(${t.head} number) expected`);
    const hi = t.head.endsWith("32") ? (width === 128 ? x.lo : 0) : x.hi;
    this.lines.push(`s.stageLiteral(${width}, ${x.lo}, ${hi});`);
    return "MEMORY";
  }

  private memory(e: Expr): string {
    if (e.kind === "term" && LITERALS.has(e.head)) {
      this.literal(e);
      return "";
    }
    if (e.kind !== "name") return this.fail("the name of a load or store expected");
    const op = this.match.ops.get(e.name);
    if (op === undefined || !isAccess(op)) return this.fail(`${e.name} is no load or store`);
    if (e.name !== "v" && this.occurrences(e.name) !== 1) this.fail(`${e.name} can be done only once`);
    this.lines.push(`s.target.address(s, ${e.name});`);
    return "";
  }

  private immediate(e: Expr): [string, string] {
    switch (e.kind) {
      case "literal":
        return [`${e.lo}`, `${e.hi}`];
      case "snippet":
        return [e.text, "0"];
      case "name":
        return this.match.wide.has(e.name) ? [`${e.name}.lo`, `${e.name}.hi`] : [e.name, "0"];
      case "term":
        return this.fail("an immediate must be a number, a name or {…}");
    }
  }

  /** Appends the instruction, which puts its results into the registers `def` and `others`. */
  instruction(t: Term, def: string, others: readonly string[]): void {
    const shape = this.shape(t);
    const wanted = shape.reads.length + (shape.immediate ? 1 : 0) + (shape.condition ? 1 : 0);
    if (t.args.length !== wanted) this.fail(`${t.head} takes ${wanted} arguments, not ${t.args.length}`);
    const constant = instructionConstant(t.head);
    const uses: string[] = shape.reads.map(() => "");
    // What stages an address comes last: everything else may need instructions of its own.
    const stages = (i: number) =>
      shape.reads[i].memory || (shape.reads[i].either && !this.isRegister(t.args[i], shape.reads[i]));
    const order = [...uses.keys()].sort((a, b) => Number(stages(a)) - Number(stages(b)));
    for (const i of order) {
      const operand = shape.reads[i];
      const text = operand.memory ? this.memory(t.args[i]) : this.register(t.args[i], operand);
      // an operand may need instructions too: before what is said of the next one
      if (!text.startsWith("s.") || (order.length === 1 && others.length === 0)) uses[i] = text;
      else {
        const name = `r${++this.fresh}`;
        this.lines.push(`const ${name} = ${text};`);
        uses[i] = name;
      }
    }
    let imm: [string, string] = ["0", "0"];
    if (shape.immediate) imm = this.immediate(t.args[shape.reads.length]);
    if (shape.condition) imm[1] = this.immediate(t.args[wanted - 1])[0];
    for (const other of others) this.lines.push(`s.later(${other});`);
    const inRegisters = uses.filter((u) => u !== "");
    const args = [constant, def, ...inRegisters];
    if (imm[0] !== "0" || imm[1] !== "0") {
      while (args.length < 5) args.push("NONE");
      args.push(imm[0]);
      if (imm[1] !== "0") args.push(imm[1]);
    }
    this.lines.push(`s.put(${args.join(", ")});`);
  }

  private isRegister(e: Expr, operand: OperandShape): boolean {
    return (
      (e.kind === "name" && (this.registers.has(e.name) || !operand.either)) ||
      e.kind === "snippet" ||
      (e.kind === "term" && !LITERALS.has(e.head))
    );
  }

  body(table: string): string[] {
    const { rule } = this;
    for (const [name, op] of this.match.ops) {
      if (name !== "v" && isAccess(op)) this.lines.push(`s.fold(${name});`);
    }
    const result = rule.result;
    for (const { names, value, effect } of rule.lets) {
      if (effect) {
        if (value.kind === "snippet") this.lines.push(`${value.text};`);
        else if (value.kind === "term") this.instruction(value, "NONE", []);
        else this.fail("(insn …) or {…} expected behind do");
        continue;
      }
      if (value.kind === "snippet") {
        this.lines.push(`const ${names[0]} = ${value.text};`);
        this.bind(names);
        continue;
      }
      if (value.kind !== "term") return this.fail("(insn …) or {…} expected behind let");
      const { defs } = this.shape(value);
      if (names.length > defs.length) this.fail(`${value.head} has ${defs.length} results`);
      names.forEach((name, i) => {
        const isResult = result.kind === "name" && result.name === name;
        this.lines.push(`const ${name} = ${isResult ? "s.result(v)" : `s.temp(${typeText(defs[i])})`};`);
      });
      this.instruction(value, names[0], names.slice(1));
      this.bind(names);
    }
    if (table === "flags") {
      if (result.kind !== "snippet") this.fail("a rule of flags must end in {condition}");
      else this.lines.push(`return ${result.text};`);
      return this.lines;
    }
    if (result.kind === "snippet") this.lines.push(`${result.text};`);
    else if (result.kind === "term") {
      this.instruction(result, this.shape(result).defs.length > 0 ? "s.result(v)" : "NONE", []);
    } else if (result.kind === "literal" || !this.registers.has(result.name)) {
      this.fail("the result must be made by an instruction");
    }
    this.lines.push("return true;");
    return this.lines;
  }
}

/** `(op x) => x`: the register of the operand holds the value. */
function isThrough(rule: Rule): boolean {
  const { pattern, result } = rule;
  return (
    rule.table === "" &&
    result.kind === "name" &&
    rule.lets.length === 0 &&
    pattern.operands.length === 1 &&
    pattern.operands[0].kind === "name" &&
    pattern.operands[0].name === result.name
  );
}

function foldCondition(name: string, op: number, path: readonly string[]): string {
  if (!isAccess(op)) return "";
  return [`s.foldable(${name})`, ...path.map((p) => `s.once(${p})`)].join(" && ");
}

function read(of: string, i: number): string {
  return `s.strip(f.${"abc"[i]}[${of}] as Value)`;
}

function ruleText(rule: Rule, shapes: Shapes): string[] {
  const lines = [`  // ${rule.at}: ${rule.text}`];
  for (const match of matches(rule, read, RESERVED, foldCondition)) {
    const steps: Step[] = [...match.steps, ...guardSteps(rule, RESERVED)];
    lines.push(...scoped(nest(steps, new Writer(rule, match, shapes).body(rule.table), "  "), "  "));
  }
  return lines;
}

function capital(name: string): string {
  return name[0].toUpperCase() + name.slice(1);
}

function table(file: RuleFile, name: string, shapes: Shapes): { functions: string[]; cases: string[] } {
  const functions: string[] = [];
  const cases: string[] = [];
  const rules = file.rules.filter((r) => !isThrough(r));
  for (const [op, group] of byRoot(rules, name)) {
    const own = `${name === "" ? "lower" : name}${capital(functionName(op))}`;
    const body = group.flatMap((rule) => ruleText(rule, shapes));
    const lines = [...rootOperands(body, read), ...body];
    const text = lines.join("\n");
    const param = (p: string, type: string) => `${mentions(text, p) ? p : `_${p}`}: ${type}`;
    const params = `${param("s", "Selection")}, ${param("f", "Func")}, ${param("v", "Value")}`;
    const otherwise = name === "" ? "false" : "-1";
    const ends = lines[lines.length - 1].startsWith("  return");
    functions.push(
      `function ${own}(${params}): ${name === "" ? "boolean" : "number"} {\n${text}\n${
        ends ? "" : `  return ${otherwise};\n`
      }}`,
    );
    cases.push(`    case ${constantOf(op)}:\n      return ${own}(s, s.func, v);`);
  }
  return { functions, cases };
}

/** The text of gen/<target>-lower.ts; `ops` is the file of the instructions' constants. */
export function selectSource(file: RuleFile, shapes: Shapes, ops: string): string {
  const main = table(file, "", shapes);
  const flags = table(file, "flags", shapes);
  const through = file.rules.filter(isThrough).map((r) => `    case ${constantOf(r.pattern.op)}:`);
  const code = [
    `/** Emits the instructions of \`v\` after the first rule that matches; false where none does. */
export function lower(s: Selection, v: Value): boolean {
  switch (s.func.op[v]) {
${main.cases.join("\n")}
    default:
      return false;
  }
}`,
    `/** Sets the flags for \`v\` taken as a condition, and yields the condition code; -1 where no rule matches. */
export function flags(s: Selection, v: Value): number {
  switch (s.func.op[v]) {
${flags.cases.join("\n")}
    default:
      return -1;
  }
}`,
    `/** The value whose register holds \`v\` anyway, or NO_VALUE. */
export function through(s: Selection, v: Value): Value {
  switch (s.func.op[v]) {
${through.join("\n")}
      return s.func.a[v] as Value;
    default:
      return NO_VALUE;
  }
}`,
    ...main.functions,
    ...flags.functions,
  ].join("\n\n");
  const imported = file.imports.join("\n");
  const from = (names: readonly string[], path: string) => {
    const list = names.filter((n) => {
      const local = n.slice(n.lastIndexOf(" ") + 1);
      return mentions(code, local) && !mentions(imported, local);
    });
    return list.length === 0 ? [] : [`import { ${list.join(", ")} } from "${path}";`];
  };
  const types = TYPE_NAMES.slice(1).map((t) => `${t.toUpperCase()} as TYPE_${t.toUpperCase()}`);
  return [
    `// Written by tools/gen.ts from ${file.name}.`,
    "",
    ...from(["ctz32", "fitsInt32", "I64", "isZero"], "../base/int64.ts"),
    `import { type Func, NO_VALUE, type Value } from "../ir/func.ts";`,
    ...from(types, "../ir/ops.ts"),
    ...from(["MEMORY", "NONE"], "../mach/writer.ts"),
    `import type { Selection } from "../mach/select.ts";`,
    ...file.imports,
    ...from(
      OPS.map((_, op) => constantOf(op)),
      "./ir-ops.ts",
    ),
    `import * as X from "./${ops}";`,
    "",
    code,
    "",
  ].join("\n");
}

/** The operations that need a rule: those the table of rules has no case for. */
export function uncovered(file: RuleFile): string[] {
  const covered = new Set(file.rules.filter((r) => r.table === "").map((r) => r.pattern.op));
  return OPS.filter((_, op) => !covered.has(op)).map((row) => row.name);
}
