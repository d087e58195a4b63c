// Reads rule files and compiles their left sides to TypeScript: what tools/simplify-rules.ts (IR to IR) and
// tools/select-rules.ts (IR to machine instructions) share. After Go's cmd/compile/internal/ssa/_gen/rulegen.go.
//
// A rule starts in the first column and goes on over indented lines; `;;` starts a comment.
//
//   (i32.add x (i32.const 0)) => x
//   (i{32,64}.{and,or} x x) => x
//   (i32.mul x (i32.const c)) if {isPowerOfTwo(c)} let k {ctz32(c)} => (i32.shl x (i32.const k))
//
// Left side: operations of ir/ops.ts with a pattern per operand: a name, `_`, or an operation again, which
// `name:(…)` gives a name too. A name met twice must be the same value. An operation with an immediate has it
// as one more argument: a number, a name, or `_`. The immediates of i64.const, ptr.const and f64.const, and the
// offsets of memory operations and bounds checks, are I64s (base/int64.ts); all others are int32. Floats are
// given by their bits. Operands of a commutative operation match in both orders, unless `!` follows its name.
// Braces hold TypeScript in which all names bound so far can be used. `if {…}` must be true; `let name {…}`
// binds. Right sides: see the back ends; `let name… (…)` before the result binds what it makes, `do (…)` makes
// something for its effect.
//
// `{a,b,…}` without spaces is alternation: the rule stands for one rule per alternative, where lists of equal
// length go together, lists of different length are independent; `[a,b,…]` is the same, independent of braces.
// A line `import …` is copied into the output. Of several rules that match, the first wins.

import { COMMUTATIVE, FLAGS, IMMEDIATE, OPS, opNamed } from "../ir/ops.ts";

/** A word of an immediate given by number. */
export interface Literal {
  readonly kind: "literal";
  readonly lo: number;
  readonly hi: number;
}

export interface Name {
  readonly kind: "name";
  readonly name: string;
}

/** TypeScript between braces. */
export interface Snippet {
  readonly kind: "snippet";
  readonly text: string;
}

export interface OpPattern {
  readonly kind: "op";
  /** The name given to the value, or "". */
  readonly name: string;
  readonly op: number;
  readonly ordered: boolean;
  readonly operands: readonly Pattern[];
  readonly immediate: Name | Literal | Snippet | null;
}

/** A name of "_" matches anything. */
export type Pattern = Name | OpPattern;

/** The right side: `head` is an operation of the IR, or a machine instruction. */
export interface Term {
  readonly kind: "term";
  readonly head: string;
  readonly args: readonly Expr[];
}

export type Expr = Name | Literal | Snippet | Term;

/** `if` when `names` is empty. */
export interface Clause {
  readonly names: readonly string[];
  readonly value: Expr;
  /** The rule goes on at `value` just for its effect. */
  readonly effect: boolean;
}

export interface Rule {
  /** file:line, for comments and errors. */
  readonly at: string;
  readonly text: string;
  /** The word before the pattern's operation, where a back end has several tables ("" for the main one). */
  readonly table: string;
  readonly pattern: OpPattern;
  readonly guards: readonly Clause[];
  readonly lets: readonly Clause[];
  readonly result: Expr;
}

export interface RuleFile {
  readonly name: string;
  readonly imports: readonly string[];
  readonly rules: readonly Rule[];
}

export class RuleError extends Error {}

function failAt(at: string, message: string): never {
  throw new RuleError(`${at}: ${message}`);
}

// --- reading --------------------------------------------------------------------------------------------

/** Parses `source`; `tables` are the words that may stand before a pattern as `(word (op …))`. */
export function parseRules(name: string, source: string, tables: readonly string[] = []): RuleFile {
  const imports: string[] = [];
  const rules: Rule[] = [];
  let text = "";
  let start = 0;
  const flush = () => {
    if (text.trim() !== "") {
      for (const one of alternatives(text, `${name}:${start}`)) {
        rules.push(new Parser(name, start, one, tables).rule());
      }
    }
    text = "";
  };
  source.split("\n").forEach((raw, i) => {
    const line = raw.replace(/;;.*$/, "").trimEnd();
    if (/^\s/.test(line) || line === "") {
      if (line !== "" && text === "") failAt(`${name}:${i + 1}`, "an indented line, but no rule to continue");
      text += `${line}\n`;
      return;
    }
    flush();
    if (line.startsWith("import ")) imports.push(line);
    else {
      text = `${line}\n`;
      start = i + 1;
    }
  });
  flush();
  return { name, imports, rules };
}

const ALTERNATION = /\{([^\s{},()]*(?:,[^\s{},()]*)+)\}|\[([^\s[\],()]*(?:,[^\s[\],()]*)+)\]/g;

/** The rule's texts, with every alternation replaced by one of its alternatives. */
function alternatives(text: string, at: string): string[] {
  // Bracket and length of a list: what goes together.
  const group = (whole: string, list: string) => `${whole[0]}${list.split(",").length}`;
  const groups = [...new Set([...text.matchAll(ALTERNATION)].map((m) => group(m[0], m[1] ?? m[2])))];
  let texts = [text];
  for (const one of groups) {
    texts = texts.flatMap((t) =>
      Array.from({ length: Number(one.slice(1)) }, (_, i) =>
        t.replace(ALTERNATION, (whole: string, braces?: string, brackets?: string) => {
          const list = braces ?? brackets ?? "";
          return group(whole, list) === one ? list.split(",")[i] : whole;
        }),
      ),
    );
  }
  if (texts.length > 256) failAt(at, `stands for ${texts.length} rules`);
  return texts;
}

const TOKEN = /\s+|=>|[()]|:(?=\()|[^\s(){}:]+/y;

class Parser {
  private readonly file: string;
  private readonly firstLine: number;
  private readonly text: string;
  private readonly tables: readonly string[];
  private readonly tokens: { text: string; at: number }[];
  private next: number;

  constructor(file: string, line: number, text: string, tables: readonly string[]) {
    this.file = file;
    this.firstLine = line;
    this.text = text;
    this.tables = tables;
    this.tokens = [];
    this.next = 0;
    this.tokenize();
  }

  private where(offset: number): string {
    const lines = this.text.slice(0, offset).split("\n").length - 1;
    return `${this.file}:${this.firstLine + lines}`;
  }

  private fail(message: string): never {
    const at = this.tokens[Math.min(this.next, this.tokens.length - 1)]?.at ?? 0;
    return failAt(this.where(at), message);
  }

  private tokenize(): void {
    let at = 0;
    while (at < this.text.length) {
      if (this.text[at] === "{") {
        let depth = 0;
        let end = at;
        do {
          if (end === this.text.length) failAt(this.where(at), "this brace is not closed");
          if (this.text[end] === "{") depth++;
          if (this.text[end] === "}") depth--;
          end++;
        } while (depth > 0);
        this.tokens.push({ text: this.text.slice(at, end), at });
        at = end;
        continue;
      }
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(this.text) ?? failAt(this.where(at), `stray ${this.text[at]}`);
      if (match[0].trim() !== "") this.tokens.push({ text: match[0], at });
      at += match[0].length;
    }
  }

  private peek(): string {
    return this.next < this.tokens.length ? this.tokens[this.next].text : "";
  }

  private take(): string {
    if (this.next === this.tokens.length) this.fail("the rule ends too early");
    return this.tokens[this.next++].text;
  }

  private expect(text: string): void {
    if (this.peek() !== text) this.fail(`${text} expected, not ${this.peek() || "the end"}`);
    this.next++;
  }

  rule(): Rule {
    let table = "";
    this.expect("(");
    if (this.tables.includes(this.peek())) {
      table = this.take();
      this.expect("(");
    }
    const pattern = this.opPattern("");
    if (table !== "") this.expect(")");
    const guards: Clause[] = [];
    while (this.peek() === "if" || this.peek() === "let") guards.push(this.clause());
    this.expect("=>");
    const lets: Clause[] = [];
    while (this.peek() === "let" || this.peek() === "do") lets.push(this.clause());
    const result = this.expr();
    if (this.next < this.tokens.length) this.fail(`the rule should have ended before ${this.peek()}`);
    const text = this.text.replace(/\s+/g, " ").trim();
    return { at: this.where(0), text, table, pattern, guards, lets, result };
  }

  private clause(): Clause {
    const names: string[] = [];
    const keyword = this.take();
    if (keyword === "do") return { names, value: this.expr(), effect: true };
    if (keyword === "let") {
      while (/^[A-Za-z_]\w*$/.test(this.peek())) names.push(this.take());
      if (names.length === 0) this.fail("a name expected behind let");
      return { names, value: this.expr(), effect: false };
    }
    const value = this.expr();
    if (value.kind !== "snippet") this.fail("{condition} expected behind if");
    return { names, value, effect: false };
  }

  /** Behind the opening parenthesis. */
  private opPattern(name: string): OpPattern {
    const head = this.peek();
    const ordered = head.endsWith("!");
    const op = opNamed(ordered ? head.slice(0, -1) : head);
    if (op < 0) this.fail(`no operation is called ${head || "nothing"}`);
    const row = OPS[op];
    if (row.variadic) this.fail(`${head} has operands that rules cannot name`);
    this.next++;
    const operands: Pattern[] = row.operands.map(() => this.pattern());
    let immediate: Name | Literal | Snippet | null = null;
    if ((row.flags & IMMEDIATE) !== 0) {
      const e = this.expr();
      if (e.kind === "term") return this.fail(`${head} has an immediate, not an operand, here`);
      immediate = e;
    }
    this.expect(")");
    return { kind: "op", name, op, ordered, operands, immediate };
  }

  private pattern(): Pattern {
    const token = this.take();
    if (token === "(") return this.opPattern("");
    if (!/^[A-Za-z_]\w*$/.test(token)) {
      this.next--;
      this.fail(`a pattern expected, not ${token}`);
    }
    if (this.peek() !== ":") return { kind: "name", name: token };
    this.next++;
    this.expect("(");
    return this.opPattern(token);
  }

  private expr(): Expr {
    const token = this.take();
    if (token.startsWith("{")) return { kind: "snippet", text: token.slice(1, -1).trim() };
    if (token === "(") {
      const head = this.take();
      const args: Expr[] = [];
      while (this.peek() !== ")") args.push(this.expr());
      this.next++;
      return { kind: "term", head, args };
    }
    if (/^-?(\d+|0x[\da-fA-F]+)$/.test(token)) {
      const value = token.startsWith("-") ? -BigInt(token.slice(1)) : BigInt(token);
      return {
        kind: "literal",
        lo: Number(BigInt.asIntN(32, value)),
        hi: Number(BigInt.asIntN(32, value >> 32n)),
      };
    }
    if (/^[A-Za-z_]\w*$/.test(token)) return { kind: "name", name: token };
    this.next--;
    return this.fail(`unexpected ${token}`);
  }
}

// --- matching -------------------------------------------------------------------------------------------

/** `i32.add` → `I32_ADD`, as tools/gen.ts names the constants of gen/ir-ops.ts. */
export function constantOf(op: number): string {
  return OPS[op].name.replace(/[^A-Za-z0-9]/g, "_").toUpperCase();
}

/** True where both words of the immediate count. */
export function isWide(op: number): boolean {
  const name = OPS[op].name;
  return /^(i64|f64|ptr)\.const$|\.(load|store)\d*(_[su])?$|^bounds_check/.test(name);
}

/** One step of a match: a test, or (with a name) a constant. */
export interface Step {
  readonly name: string;
  readonly text: string;
}

/**
 * How a back end reads operand `i` of the value called `of`. Those of the root are read once for all rules: they
 * are called v0, v1 and v2 (`rootOperands`).
 */
export type OperandReader = (of: string, i: number) => string;

/** What else must hold to match operation `op`, called `name`, below the values of `path`; "" if nothing. */
export type Condition = (name: string, op: number, path: readonly string[]) => string;

/**
 * A pattern with its commutative operations put in one of their orders: the steps that match it against the
 * value `v`, and the names they bind, with the values that stand above each one in the pattern ("v" excluded).
 */
export interface Match {
  readonly steps: readonly Step[];
  readonly above: ReadonlyMap<string, readonly string[]>;
  /** Name of a matched operation → its number. */
  readonly ops: ReadonlyMap<string, number>;
  readonly wide: ReadonlySet<string>;
}

function plain(p: Pattern): boolean {
  return p.kind === "name";
}

/** The orders in which operands may match. */
function orders(p: Pattern, guarded: boolean): Pattern[] {
  if (p.kind === "name") return [p];
  let lists: Pattern[][] = [[]];
  for (const operand of p.operands) {
    const choices = orders(operand, guarded);
    lists = lists.flatMap((list) => choices.map((c) => [...list, c]));
  }
  const straight: Pattern[] = lists.map((operands) => ({ ...p, operands }));
  const [a, b] = p.operands;
  if ((FLAGS[p.op] & COMMUTATIVE) === 0 || p.ordered) return straight;
  if (plain(a) && plain(b) && !guarded) return straight;
  return [...straight, ...lists.map(([x, y]): Pattern => ({ ...p, operands: [y, x] }))];
}

/** All ways to match the rule, in order of preference. */
export function matches(
  rule: Rule,
  read: OperandReader,
  reserved: readonly string[],
  condition: Condition = () => "",
): Match[] {
  const again = new Set<string>();
  const repeats = (p: Pattern): boolean =>
    p.kind === "name"
      ? p.name !== "_" && (again.has(p.name) || !again.add(p.name))
      : p.operands.map(repeats).includes(true);
  // A condition, or a name that stands twice, can tell the two operands of a commutative operation apart.
  const guarded = repeats(rule.pattern) || rule.guards.length > 0;
  const all = orders(rule.pattern, guarded).map((p) =>
    matchOne(rule, p as OpPattern, read, reserved, condition),
  );
  const texts = all.map((m) => JSON.stringify(m.steps));
  return all.filter((_, i) => texts.indexOf(texts[i]) === i);
}

function matchOne(
  rule: Rule,
  root: OpPattern,
  read: OperandReader,
  reserved: readonly string[],
  condition: Condition,
): Match {
  const steps: Step[] = [];
  const above = new Map<string, readonly string[]>();
  const ops = new Map<string, number>();
  const wide = new Set<string>();
  let fresh = 0;
  const bind = (name: string, text: string) => {
    if (reserved.includes(name) || /^[nv]\d+$/.test(name)) failAt(rule.at, `${name} is a reserved name`);
    steps.push({ name, text });
  };
  const test = (text: string) => steps.push({ name: "", text });

  const operandOf = (of: string, i: number) => (of === "v" ? `v${i}` : read(of, i));

  const immediate = (p: OpPattern, of: string) => {
    const x = p.immediate;
    if (x === null || (x.kind === "name" && x.name === "_")) return;
    const both = isWide(p.op);
    if (x.kind === "literal") {
      if (!both && x.hi !== x.lo >> 31 && x.hi !== 0) failAt(rule.at, "this number has more than 32 bits");
      test(`f.imm[${of}] === ${x.lo}${both ? ` && f.imm2[${of}] === ${x.hi}` : ""}`);
    } else if (x.kind === "snippet") {
      test(both ? `isImmediate(f, ${of}, ${x.text})` : `f.imm[${of}] === ${x.text}`);
    } else if (above.has(x.name)) {
      if (wide.has(x.name) !== both) failAt(rule.at, `${x.name} is both an I64 and an int32`);
      test(
        both
          ? `f.imm[${of}] === ${x.name}.lo && f.imm2[${of}] === ${x.name}.hi`
          : `f.imm[${of}] === ${x.name}`,
      );
    } else {
      above.set(x.name, []);
      if (both) wide.add(x.name);
      bind(x.name, both ? `new I64(f.imm[${of}], f.imm2[${of}])` : `f.imm[${of}]`);
    }
  };

  const operands = (p: OpPattern, of: string, path: readonly string[]) => {
    p.operands.forEach((operand, i) => {
      if (operand.kind === "name") {
        if (operand.name === "_") return;
        if (above.has(operand.name)) test(`${operandOf(of, i)} === ${operand.name}`);
        else {
          above.set(operand.name, path);
          bind(operand.name, operandOf(of, i));
        }
        return;
      }
      const name = operand.name !== "" ? operand.name : `n${++fresh}`;
      if (operand.name !== "") bind(name, operandOf(of, i));
      else steps.push({ name, text: operandOf(of, i) });
      above.set(name, path);
      ops.set(name, operand.op);
      test(`f.op[${name}] === ${constantOf(operand.op)}`);
      const more = condition(name, operand.op, path);
      if (more !== "") test(more);
      immediate(operand, name);
      operands(operand, name, [...path, name]);
    });
  };

  ops.set("v", root.op);
  immediate(root, "v");
  operands(root, "v", []);
  return { steps, above, ops, wide };
}

// --- writing --------------------------------------------------------------------------------------------

/** True when `name` occurs in `text` as a word. */
export function mentions(text: string, name: string): boolean {
  return new RegExp(`(^|[^\\w.])${name}(?!\\w)`).test(text);
}

/**
 * Nested ifs around `body` (lines), which ends by returning. Constants that nothing mentions are left out.
 */
export function nest(steps: readonly Step[], body: readonly string[], indent: string): string[] {
  let lines = [...body];
  const conditions: string[] = [];
  const close = () => {
    if (conditions.length === 0) return;
    const all = conditions.splice(0).reverse();
    const parts = all.length === 1 ? all : all.map((c) => (/\|\||\?/.test(c) ? `(${c})` : c));
    lines = [`if (${parts.join(" && ")}) {`, ...lines.map((l) => `  ${l}`), "}"];
  };
  for (const step of [...steps].reverse()) {
    if (step.name === "") conditions.push(step.text);
    else {
      close();
      if (mentions(lines.join("\n"), step.name)) lines = [`const ${step.name} = ${step.text};`, ...lines];
    }
  }
  close();
  return lines.map((l) => indent + l);
}

/** Makes `const` lines at the head of a rule's text a block of their own. */
export function scoped(lines: readonly string[], indent: string): string[] {
  if (!lines.some((l) => l.startsWith(`${indent}const `))) return [...lines];
  return [`${indent}{`, ...lines.map((l) => `  ${l}`), `${indent}}`];
}

/** Reads those operands of the root that the rules of a function, `lines`, make use of. */
export function rootOperands(lines: readonly string[], read: OperandReader): string[] {
  const text = lines.join("\n");
  return [0, 1, 2].filter((i) => mentions(text, `v${i}`)).map((i) => `  const v${i} = ${read("v", i)};`);
}

/** The steps of a rule's `if` and `let` clauses. */
export function guardSteps(rule: Rule, reserved: readonly string[]): Step[] {
  return rule.guards.map(({ names, value }) => {
    if (value.kind !== "snippet") return failAt(rule.at, "{…} expected before =>");
    if (names.length === 0) return { name: "", text: value.text };
    if (names.length > 1 || reserved.includes(names[0]))
      return failAt(rule.at, "one name expected behind let");
    return { name: names[0], text: value.text };
  });
}

/** Rules by table and operation of the root, both in order of first mention. */
export function byRoot(rules: readonly Rule[], table: string): Map<number, Rule[]> {
  const groups = new Map<number, Rule[]>();
  for (const rule of rules) {
    if (rule.table !== table) continue;
    const group = groups.get(rule.pattern.op);
    if (group === undefined) groups.set(rule.pattern.op, [rule]);
    else group.push(rule);
  }
  return groups;
}

/** `i32.trunc_sat_f32_s` → `i32TruncSatF32S`. */
export function functionName(op: number): string {
  return OPS[op].name.replace(/[._](\w)/g, (_, c: string) => c.toUpperCase());
}

export { failAt };
