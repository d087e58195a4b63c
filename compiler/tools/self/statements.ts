// Statements, and whole functions: what a declaration, an arrow, a constructor or the statements of a module become.

import ts from "typescript";
import { Calls, FIRST_CAPTURED, VALUE_ARGUMENTS } from "./calls.ts";
import { type Closure, isWritten } from "./captures.ts";
import { ELEMENTS } from "./expressions.ts";
import { bare, isTyped, namedArrow } from "./types.ts";
import { type Form, get, i32, NOTHING, repOf, set, Value, type Want } from "./values.ts";

const K = ts.SyntaxKind;

/** Where `break` and `continue` go. */
class Target {
  readonly breaks: string;
  /** "" for `switch`. */
  readonly continues: string;

  constructor(breaks: string, continues: string) {
    this.breaks = breaks;
    this.continues = continues;
  }
}

export class Statements extends Calls {
  /** What the function yields, "cell" if it is called as a value. */
  private result: Want | "void" = "void";
  private targets: Target[] = [];
  private labels = 0;
  /** `i++` of loops whose condition keeps them an int32. */
  private readonly safe: Set<ts.Node> = new Set();

  // --- functions ----------------------------------------------------------------------------------------

  /** The text of a function. Constructors fill an object; a class stands for what makes one. */
  function(node: ts.Node, name: string): string {
    if (ts.isClassDeclaration(node)) return this.maker(node, name);
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) {
      return this.shared.captures.isLifted(node) ? this.lifted(node, name) : this.recorded(node, name);
    }
    if (
      ts.isFunctionDeclaration(node) ||
      ts.isMethodDeclaration(node) ||
      ts.isConstructorDeclaration(node) ||
      ts.isGetAccessor(node)
    ) {
      const isMethod = !ts.isFunctionDeclaration(node);
      if (node.body === undefined) return this.refuse(node, "a function without a body");
      const form = ts.isConstructorDeclaration(node) ? "void" : this.resultForm(node);
      return this.whole(name, isMethod ? ["(param $this i32)"] : [], node, node.body, form);
    }
    return this.refuse(node, `a function of kind ${K[node.kind]}`);
  }

  private whole(
    name: string,
    before: readonly string[],
    node: ts.FunctionLikeDeclaration,
    body: ts.ConciseBody,
    form: Form,
  ): string {
    const isVoid = form === "void" || form === "never";
    this.result = isVoid ? "void" : (form as Want);
    const params: string[] = [];
    const first: string[] = [];
    for (const p of node.parameters) {
      const [param, begin] = this.ownParameter(p);
      params.push(param);
      first.push(begin);
    }
    const text = [...first, this.body(body)].join(" ");
    const result = isVoid ? "" : `(result ${repOf(form)}) `;
    const end = isVoid ? "" : " (unreachable)";
    return `(func ${name} ${[...before, ...params].join(" ")} ${result}${this.localsText()} ${text}${end})`;
  }

  /** A parameter, which may be a pattern. */
  private ownParameter(p: ts.ParameterDeclaration): [string, string] {
    const form = this.parameterForm(p);
    if (ts.isIdentifier(p.name)) {
      const [text, begin] = this.parameter(p, p.name.text, form);
      return [text, `${begin} ${this.loadHeader(p)}`];
    }
    const [param, begin] = this.parameter(p, "given", form);
    const given = /^\(param (\S+) /.exec(param)![1];
    return [param, `${begin} ${this.pattern(p.name, get(given))}`];
  }

  private body(body: ts.ConciseBody): string {
    if (ts.isBlock(body)) return this.scoped(() => this.all(body.statements));
    return this.scoped(() => this.return(body));
  }

  private return(node: ts.Expression): string {
    if (this.result === "void" || this.types.isNever(node)) return `${this.effect(node)} (return)`;
    const shape = this.types.shapeAt(node);
    if (this.result === "cell" && shape === "void") return `${this.effect(node)} (return (i32.const 0))`;
    return `(return ${this.as(node, this.result)})`;
  }

  private lifted(node: Closure, name: string): string {
    const { variables, self } = this.shared.captures.of(node);
    const before = variables.map((v) => this.captured(v, nameOf(v), this.variableForm(v)));
    if (self) before.unshift("(param $this i32)");
    return this.whole(name, before, node, node.body, this.resultForm(node));
  }

  /** An arrow that is called as a value: it finds what it captured in its record. */
  private recorded(node: Closure, name: string): string {
    const { variables, self } = this.shared.captures.of(node);
    const first: string[] = [];
    if (self) {
      this.own("$this");
      first.push(set("$this", "(i32.load offset=4 (local.get $env))"));
    }
    for (const [i, v] of variables.entries()) {
      const form = this.variableForm(v);
      const local = this.capturedLocal(v, nameOf(v), form);
      const rep = this.shared.captures.isBoxed(v) ? "i32" : repOf(form);
      first.push(set(local, `(${rep}.load offset=${FIRST_CAPTURED + 8 * i} (local.get $env))`));
    }
    const params: string[] = [];
    for (const p of node.parameters) {
      const form = this.parameterForm(p);
      if (form !== "i32" && form !== "ref") this.refuse(p, `a parameter of form ${form} of a function value`);
      const [param, begin] = this.ownParameter(p);
      params.push(param);
      first.push(begin);
    }
    while (params.length < VALUE_ARGUMENTS) params.push("(param i32)");
    const form = this.resultForm(node);
    if (form === "f64" || form === "u32" || form === "optional") {
      this.refuse(node, `a result of form ${form} of a function value`);
    }
    this.result = "cell";
    const isVoid = form === "void" || form === "never";
    const text = this.body(node.body);
    const head = `(func ${name} (type $closure) (param $env i32) ${params.join(" ")} (result i32)`;
    return `${head} ${this.localsText()} ${first.join(" ")} ${text} ${isVoid ? "(i32.const 0)" : "(unreachable)"})`;
  }

  /** What calls a declared function as a value. */
  thunk(node: ts.FunctionDeclaration, name: string): string {
    const given = node.parameters.map((p, i) => {
      const form = this.parameterForm(p);
      if (form !== "i32" && form !== "ref")
        return this.refuse(p, `a parameter of form ${form} of a function value`);
      return `(local.get ${i + 1})`;
    });
    const form = this.resultForm(node);
    const call = `(call ${this.shared.function(node)} ${given.join(" ")})`;
    if (form !== "void" && form !== "never" && form !== "i32" && form !== "ref") {
      return this.refuse(node, `a result of form ${form} of a function value`);
    }
    const params = "(param i32 i32 i32 i32 i32 i32 i32)";
    const end = form === "void" || form === "never" ? " (i32.const 0)" : "";
    return `(func ${name} (type $closure) ${params} (result i32) ${call}${end})`;
  }

  private maker(node: ts.ClassDeclaration, name: string): string {
    const { number, size } = this.shared.classes.layout(node);
    for (const m of node.members) {
      if (ts.isPropertyDeclaration(m) && m.initializer !== undefined)
        this.refuse(m, "a field with an initialiser");
    }
    const maker = this.types.maker(node);
    const forms = maker === undefined ? [] : maker.parameters.map((p) => repOf(this.parameterForm(p)));
    const params = forms.map((rep, i) => `(param $${i} ${rep})`).join(" ");
    const given = forms.map((_, i) => get(`$${i}`)).join(" ");
    const make =
      maker === undefined ? "" : `(call ${this.shared.function(maker)} (local.get $this) ${given})`;
    const fill = `(i32.store (local.get $this) ${i32(number)}) ${make} (local.get $this)`;
    return `(func ${name} ${params} (result i32) (local $this i32) (local.set $this (call $allocate ${i32(size)})) ${fill})`;
  }

  /** The statements of a module. */
  module(file: ts.SourceFile, name: string): string {
    const text = this.scoped(() =>
      file.statements
        .filter((s) => !isDeclaration(s))
        .map((s) => (ts.isVariableStatement(s) ? this.moduleVariables(s) : this.statement(s)))
        .join("\n"),
    );
    return `(func ${name} ${this.localsText()} ${text})`;
  }

  private moduleVariables(node: ts.VariableStatement): string {
    if (node.modifiers?.some((m) => m.kind === K.DeclareKeyword)) return "";
    return node.declarationList.declarations
      .map((d) => {
        if (!ts.isIdentifier(d.name)) return this.refuse(d, "a pattern in a module");
        if (d.initializer === undefined) return this.refuse(d, "a variable without a value");
        const shape = this.types.shapeAt(d.name);
        if (shape === "number" && this.numbers.constant(d.initializer) !== undefined && isConst(d)) return "";
        const { name, form } = this.shared.moduleVariable(d);
        const { initializer } = d;
        return this.scoped(() => `(${repOf(form)}.store ${name} ${this.as(initializer, form as Want)})`);
      })
      .join(" ");
  }

  // --- variables ----------------------------------------------------------------------------------------

  private variableForm(declaration: ts.Declaration): Form {
    const { name } = declaration as ts.VariableDeclaration;
    return this.shared.classes.form(declaration, this.types.at(name));
  }

  private variable(d: ts.VariableDeclaration): string {
    const { name, initializer } = d;
    const arrow = namedArrow(d);
    if (arrow !== undefined && this.shared.captures.isLifted(arrow)) return "";
    if (!ts.isIdentifier(name)) {
      if (initializer === undefined) return this.refuse(d, "a pattern without a value");
      return this.pattern(name, this.as(initializer, "ref"));
    }
    const form = this.variableForm(d);
    const begin = this.makeVariable(d, name.text, form);
    const variable = this.variables.get(d)!;
    if (initializer !== undefined) {
      const given = this.write(variable, this.as(initializer, form as Want));
      return `${begin} ${given} ${this.loadHeader(d)}`;
    }
    const empty = form === "f64" ? "(f64.const nan)" : form === "optional" ? NOTHING : i32(0);
    return `${begin} ${this.write(variable, empty)}`;
  }

  /** Takes an object or an array apart. */
  private pattern(name: ts.BindingPattern, value: string): string {
    const type = this.types.at(name);
    const [begin, object] = this.once(value);
    const parts = [begin];
    for (const [i, e] of name.elements.entries()) {
      if (ts.isOmittedExpression(e)) continue;
      if (e.dotDotDotToken !== undefined || e.initializer !== undefined)
        this.refuse(e, "`...` or a default in a pattern");
      const found = ts.isObjectBindingPattern(name)
        ? this.member(object, type, ((e.propertyName ?? e.name) as ts.Identifier).text, e)
        : this.item(e, name, i, object);
      parts.push(this.bind(e, found));
    }
    return parts.join(" ");
  }

  private bind(e: ts.BindingElement | ts.VariableDeclaration, value: Value): string {
    if (!ts.isIdentifier(e.name)) return this.pattern(e.name, this.convert(value, "ref", e));
    const form = this.variableForm(e);
    const begin = this.makeVariable(e, e.name.text, form);
    const given = this.write(this.variables.get(e)!, this.convert(value, form as Want, e));
    return `${begin} ${given} ${this.loadHeader(e)}`;
  }

  /** Element `i` of an array. */
  private item(e: ts.BindingElement, pattern: ts.ArrayBindingPattern, i: number, array: string): Value {
    const source = pattern.parent;
    const from = "initializer" in source && source.initializer !== undefined ? source.initializer : pattern;
    const receiver = this.types.receiver(this.types.at(from));
    const inside = `(i32.gt_u (i32.load offset=4 ${array}) ${i32(i)})`;
    const outside = `(call $outside ${i32(this.site(e, "outside of the array"))}) (unreachable)`;
    if (receiver !== undefined && isTyped(receiver)) {
      const form = this.elementForm(receiver);
      const [size, load] = ELEMENTS[receiver];
      const found = `(${load} offset=${i * size} (i32.load ${array}))`;
      return new Value(`(if (result ${repOf(form)}) ${inside} (then ${found}) (else ${outside}))`, form);
    }
    if (receiver !== "Array") return this.refuse(e, "an element of this");
    const shape = this.types.shapeAt(e.name);
    const isScalar = shape === "number" || shape === "boolean";
    const found = `(i32.load offset=${4 * i} (i32.load ${array}))`;
    const missing = isScalar ? outside : i32(0);
    return new Value(
      `(if (result i32) ${inside} (then ${found}) (else ${missing}))`,
      shape === "number" ? "i32" : "ref",
    );
  }

  // --- statements ---------------------------------------------------------------------------------------

  statement(node: ts.Statement): string {
    return this.scoped(() => this.plain(node));
  }

  private all(nodes: readonly ts.Statement[]): string {
    return nodes.map((s) => this.statement(s)).join("\n");
  }

  private label(name: string): string {
    return `$${name}${this.labels++}`;
  }

  protected plain(node: ts.Statement): string {
    if (ts.isExpressionStatement(node)) return this.effect(node.expression);
    if (ts.isVariableStatement(node))
      return node.declarationList.declarations.map((d) => this.variable(d)).join(" ");
    if (ts.isBlock(node)) return this.all(node.statements);
    if (ts.isIfStatement(node)) {
      const condition = this.condition(node.expression);
      const otherwise =
        node.elseStatement === undefined ? "" : ` (else ${this.statement(node.elseStatement)})`;
      return `(if ${condition} (then ${this.statement(node.thenStatement)})${otherwise})`;
    }
    if (ts.isReturnStatement(node)) {
      if (node.expression !== undefined) return this.return(node.expression);
      return this.result === "cell" ? "(return (i32.const 0))" : "(return)";
    }
    if (ts.isForStatement(node)) return this.for(node);
    if (ts.isForOfStatement(node)) return this.forOf(node);
    if (ts.isWhileStatement(node)) return this.while(node);
    if (ts.isDoStatement(node)) return this.do(node);
    if (ts.isSwitchStatement(node)) return this.switch(node);
    if (ts.isBreakStatement(node) && node.label === undefined) return `(br ${this.targets.at(-1)!.breaks})`;
    if (ts.isContinueStatement(node) && node.label === undefined) {
      const target = this.targets.findLast((t) => t.continues !== "");
      return target === undefined ? this.refuse(node, "continue") : `(br ${target.continues})`;
    }
    if (ts.isThrowStatement(node)) return `(call $throw ${this.as(node.expression, "ref")}) (unreachable)`;
    if (node.kind === K.EmptyStatement) return "";
    return this.refuse(node, `a statement of kind ${K[node.kind]}`);
  }

  /** A loop's body, which `break` and `continue` leave. */
  private loopBody(node: ts.Statement, breaks: string, continues: string): string {
    this.targets.push(new Target(breaks, continues));
    const body = this.statement(node);
    this.targets.pop();
    return `(block ${continues} ${body})`;
  }

  private for(node: ts.ForStatement): string {
    const { initializer, condition, incrementor } = node;
    let begin = "";
    if (initializer !== undefined) {
      begin = ts.isVariableDeclarationList(initializer)
        ? initializer.declarations.map((d) => this.variable(d)).join(" ")
        : this.effect(initializer);
    }
    const [end, next, top] = [this.label("end"), this.label("next"), this.label("loop")];
    if (incrementor !== undefined && this.isBounded(node)) this.safe.add(bare(incrementor));
    const leave = condition === undefined ? "" : `(br_if ${end} (i32.eqz ${this.condition(condition)}))`;
    const body = this.loopBody(node.statement, end, next);
    const step = incrementor === undefined ? "" : this.effect(incrementor);
    return `${begin} (block ${end} (loop ${top} ${leave} ${body} ${this.fresh(initializer)} ${step} (br ${top})))`;
  }

  /** Each turn of a loop has its own variables: those in boxes move to new ones. */
  private fresh(initializer: ts.ForInitializer | undefined): string {
    if (initializer === undefined || !ts.isVariableDeclarationList(initializer)) return "";
    return initializer.declarations
      .map((d) => {
        const variable = this.variables.get(d);
        if (variable === undefined || !variable.isBoxed) return "";
        const t = this.temp(repOf(variable.form));
        const box = set(variable.name, `(call $allocate ${i32(8)})`);
        return `${set(t, this.read(variable).text)} ${box} ${this.write(variable, get(t))}`;
      })
      .join(" ");
  }

  /** Whether the loop is `i < …; i++` with an int32 that nothing else changes: it stays one. */
  private isBounded({ condition, incrementor, statement }: ts.ForStatement): boolean {
    if (condition === undefined || incrementor === undefined) return false;
    const step = bare(incrementor);
    const isUp =
      (ts.isPostfixUnaryExpression(step) || ts.isPrefixUnaryExpression(step)) &&
      step.operator === K.PlusPlusToken;
    if (!isUp || !ts.isIdentifier(step.operand)) return false;
    const declaration = this.types.declaration(step.operand);
    const test = bare(condition);
    const conjuncts: ts.Expression[] = [];
    const split = (e: ts.Expression): void => {
      const b = bare(e);
      if (ts.isBinaryExpression(b) && b.operatorToken.kind === K.AmpersandAmpersandToken) {
        split(b.left);
        split(b.right);
      } else conjuncts.push(b);
    };
    split(test);
    const isBelow = conjuncts.some((c) => {
      const isLess = ts.isBinaryExpression(c) && c.operatorToken.kind === K.LessThanToken;
      if (!isLess || !ts.isIdentifier(c.left) || this.types.declaration(c.left) !== declaration) return false;
      return (
        this.types.shapeAt(c.right) === "number" &&
        this.numbers.kind(c.right) === "i32" &&
        !this.numbers.isSum(c.right)
      );
    });
    if (!isBelow || declaration === undefined || this.numbers.slot(declaration) !== "i32") return false;
    let changes = false;
    const visit = (n: ts.Node): void => {
      if (ts.isIdentifier(n) && this.types.declaration(n) === declaration && isWritten(n)) changes = true;
      ts.forEachChild(n, visit);
    };
    visit(statement);
    return !changes;
  }

  protected override step(
    target: ts.Expression,
    operator: ts.SyntaxKind,
    use: "value" | "old value" | "nothing",
  ): Value {
    return super.step(target, operator, use, this.safe.has(target.parent));
  }

  private while(node: ts.WhileStatement): string {
    const [end, next, top] = [this.label("end"), this.label("next"), this.label("loop")];
    const leave = `(br_if ${end} (i32.eqz ${this.condition(node.expression)}))`;
    return `(block ${end} (loop ${top} ${leave} ${this.loopBody(node.statement, end, next)} (br ${top})))`;
  }

  private do(node: ts.DoStatement): string {
    const [end, next, top] = [this.label("end"), this.label("next"), this.label("loop")];
    const body = this.loopBody(node.statement, end, next);
    return `(block ${end} (loop ${top} ${body} (br_if ${top} ${this.condition(node.expression)})))`;
  }

  /** Arrays are read as they are at each turn; maps and sets as they were at first. */
  private forOf(node: ts.ForOfStatement): string {
    const { initializer, expression } = node;
    if (!ts.isVariableDeclarationList(initializer))
      return this.refuse(node, "for … of without a declaration");
    const [declaration] = initializer.declarations;
    const receiver = this.types.receiverAt(expression);
    const typed = receiver !== undefined && isTyped(receiver) ? receiver : undefined;
    const array = this.temp("i32");
    const i = this.temp("i32");
    const begin = set(array, typed !== undefined ? this.as(expression, "ref") : this.list(expression));
    const [end, next, top] = [this.label("end"), this.label("next"), this.label("loop")];
    const [size, load] = typed !== undefined ? ELEMENTS[typed] : [4, "i32.load"];
    const shape = this.types.shapeAt(declaration.name);
    const form: Form = typed !== undefined ? this.elementForm(typed) : shape === "number" ? "i32" : "ref";
    const item = new Value(`(${load} ${this.addressOf(`(i32.load ${get(array)})`, get(i), size)})`, form);
    const leave = `(br_if ${end} (i32.ge_u ${get(i)} (i32.load offset=4 ${get(array)})))`;
    const bind = this.bind(declaration, item);
    const body = this.loopBody(node.statement, end, next);
    const step = set(i, `(i32.add ${get(i)} (i32.const 1))`);
    return `${begin} ${set(i, i32(0))} (block ${end} (loop ${top} ${leave} ${bind} ${body} ${step} (br ${top})))`;
  }

  // --- switch -------------------------------------------------------------------------------------------

  private switch(node: ts.SwitchStatement): string {
    const { clauses } = node.caseBlock;
    const end = this.label("end");
    const labels = clauses.map(() => this.label("case"));
    const defaultAt = clauses.findIndex((c) => ts.isDefaultClause(c));
    const otherwise = defaultAt >= 0 ? labels[defaultAt] : end;
    let text = this.choose(node, labels, otherwise);
    this.targets.push(new Target(end, ""));
    for (const [k, clause] of clauses.entries()) {
      text = `(block ${labels[k]} ${text})\n${this.all(clause.statements)}`;
    }
    this.targets.pop();
    return `(block ${end} ${text})`;
  }

  private choose(node: ts.SwitchStatement, labels: readonly string[], otherwise: string): string {
    const { clauses } = node.caseBlock;
    const shape = this.types.shapeAt(node.expression);
    if (shape === "string") {
      const t = this.temp("i32");
      const ways = clauses.flatMap((c, k) =>
        ts.isCaseClause(c)
          ? [`(br_if ${labels[k]} (call $same_text ${get(t)} ${this.as(c.expression, "ref")}))`]
          : [],
      );
      return `${set(t, this.as(node.expression, "ref"))} ${ways.join(" ")} (br ${otherwise})`;
    }
    if (shape !== "number" || this.numbers.kind(node.expression) !== "i32") {
      return this.refuse(node, `a switch on a ${shape}`);
    }
    const rows = clauses.flatMap((c, k): [number, string][] => {
      if (!ts.isCaseClause(c)) return [];
      const value = this.numbers.constant(c.expression);
      return [[value ?? this.refuse(c, "a case that is no constant"), labels[k]]];
    });
    if (rows.length === 0) return `(drop ${this.as(node.expression, "i32")}) (br ${otherwise})`;
    return this.jump(this.as(node.expression, "i32"), rows, otherwise);
  }

  /** Jumps by a table where values lie close together, else by comparisons. */
  private jump(value: string, rows: readonly (readonly [number, string])[], otherwise: string): string {
    const least = Math.min(...rows.map(([x]) => x));
    const most = Math.max(...rows.map(([x]) => x));
    const t = this.temp("i32");
    const size = most - least + 1;
    if (rows.length > 3 && size <= 8 * rows.length + 16) {
      const targets = new Array<string>(size).fill(otherwise);
      for (const [x, label] of [...rows].reverse()) targets[x - least] = label;
      const index = least === 0 ? value : `(i32.sub ${value} ${i32(least)})`;
      return `(br_table ${targets.join(" ")} ${otherwise} ${index})`;
    }
    const ways = rows.map(([x, label]) => `(br_if ${label} (i32.eq ${get(t)} ${i32(x)}))`);
    return `${set(t, value)} ${ways.join(" ")} (br ${otherwise})`;
  }
}

function isDeclaration(node: ts.Statement): boolean {
  return (
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node)
  );
}

function isConst(d: ts.VariableDeclaration): boolean {
  return (d.parent.flags & ts.NodeFlags.Const) !== 0;
}

function nameOf(declaration: ts.Declaration): string {
  const { name } = declaration as ts.VariableDeclaration;
  return ts.isIdentifier(name) ? name.text : "captured";
}
