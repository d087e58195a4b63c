// Calls: of functions and methods of our own, of function values, of the language's library (library.ts); `new`; and
// function values themselves: records of a number in the table of functions and of what is captured.

import ts from "typescript";
import { Assignments } from "./assignments.ts";
import type { Closure } from "./captures.ts";
import { ELEMENTS } from "./expressions.ts";
import { Variable } from "./frame.ts";
import { type Inlined, MOST_DEPTH } from "./inlining.ts";
import { libraryCall, type Parameter, type Row } from "./library.ts";
import { instruction } from "./machine.ts";
import type { Kind } from "./numbers.ts";
import { bare, functionOf, isTyped, namedArrow, type Typed } from "./types.ts";
import { type Form, get, i32, NOTHING, repOf, set, Value, type Want } from "./values.ts";

const K = ts.SyntaxKind;

/** How many arguments function values take: the machine's function gets so many, whatever it uses. */
export const VALUE_ARGUMENTS = 6;
/** Where the first captured variable lies in the record of a function value, behind its number and `this`. */
export const FIRST_CAPTURED = 8;

export abstract class Calls extends Assignments {
  protected abstract plain(node: ts.Statement): string;

  // --- our own ------------------------------------------------------------------------------------------

  protected call(node: ts.CallExpression): Value {
    const { expression } = node;
    if (expression.kind === K.SuperKeyword) return this.superCall(node);
    const callee = this.types.callee(node);
    if (callee === undefined) return this.callValue(node);
    if (this.types.isLibrary(callee)) return this.callLibrary(node);
    if (ts.isFunctionDeclaration(callee)) {
      if (callee.body === undefined) return this.instruction(callee, node);
      return this.callFunction(callee, "", node.arguments, node);
    }
    const arrow = namedArrow(callee);
    if (arrow !== undefined && this.shared.captures.isLifted(arrow)) return this.callLifted(arrow, node);
    if (!ts.isPropertyAccessExpression(expression)) return this.callValue(node);
    if (ts.isMethodDeclaration(callee)) {
      return this.onObject(expression, node, (object) =>
        this.callFunction(callee, object, node.arguments, node),
      );
    }
    if (ts.isMethodSignature(callee)) return this.callSignature(callee, expression, node);
    return this.callValue(node);
  }

  /** A method of what stands in front of the dot, which may be nothing where `?.` says so. */
  private onObject(
    f: ts.PropertyAccessExpression,
    node: ts.CallExpression,
    call: (object: string) => Value,
  ): Value {
    const object = this.as(f.expression, "ref");
    return f.questionDotToken === undefined ? call(object) : this.optional(object, node, call);
  }

  private callSignature(
    signature: ts.MethodSignature,
    f: ts.PropertyAccessExpression,
    node: ts.CallExpression,
  ): Value {
    const { classes } = this.shared;
    const declared = signature.parent as ts.InterfaceDeclaration;
    if (classes.isLiteral(declared)) return this.callValue(node);
    const classesOfIt = this.types.implementations(declared);
    const [only] = classesOfIt;
    if (only === undefined) return this.refuse(node, `nothing implements ${declared.name.text}`);
    if (classesOfIt.length === 1) {
      const method = classes.method(only, signature.name.getText());
      if (method === undefined) return this.refuse(node, `${only.name?.text} lacks the method`);
      return this.onObject(f, node, (object) => this.callFunction(method, object, node.arguments, node));
    }
    const name = classes.dispatcher(signature, this.out, (m) => this.shared.function(m));
    return this.onObject(f, node, (object) => this.callNamed(name, signature, object, node.arguments, node));
  }

  /** `object`: the text of `this`, or "". */
  protected callFunction(
    fn: ts.FunctionLikeDeclaration,
    object: string,
    given: readonly ts.Expression[],
    node: ts.Node,
  ): Value {
    const inlined = this.inlined(fn);
    if (inlined === undefined) return this.callNamed(this.shared.function(fn), fn, object, given, node);
    const { statements, result } = inlined;
    const form = this.resultForm(fn);
    const [begin, self] = object === "" ? ["", ""] : this.once(object);
    const variables = fn.parameters.map((p) => {
      const kept = this.parameterForm(p);
      return new Variable(this.temp(repOf(kept)), kept, false);
    });
    const parts = [begin];
    for (const [i, text] of this.argumentsFor(fn, given, node).entries()) {
      parts.push(set(variables[i].name, text));
    }
    for (const [i, p] of fn.parameters.entries()) this.variables.set(p, variables[i]);
    const outer = this.self;
    if (self !== "") this.self = /^\(local\.get (\S+)\)$/.exec(self)![1];
    this.open.push(fn);
    for (const s of statements) parts.push(this.plain(s));
    if (result !== undefined) parts.push(this.as(result, form as Want));
    this.open.pop();
    this.self = outer;
    if (result === undefined) return new Value(parts.join(" "), "void");
    return new Value(`(block (result ${repOf(form)}) ${parts.join(" ")})`, form);
  }

  /** What is to be written instead of a call. */
  private inlined(fn: ts.FunctionLikeDeclaration): Inlined | undefined {
    if (this.open.length === MOST_DEPTH || this.open.includes(fn)) return undefined;
    const inlined = this.shared.inlining.of(fn);
    const hasResult = repOf(this.resultForm(fn)) !== "";
    return inlined !== undefined && hasResult === (inlined.result !== undefined) ? inlined : undefined;
  }

  private callNamed(
    name: string,
    fn: ts.SignatureDeclaration,
    object: string,
    given: readonly ts.Expression[],
    node: ts.Node,
  ): Value {
    const text = `(call ${name} ${object} ${this.argumentsFor(fn, given, node).join(" ")})`;
    const form = this.resultForm(fn);
    return form === "never" ? new Value(`${text} (unreachable)`, "never") : new Value(text, form);
  }

  protected resultForm(fn: ts.SignatureDeclaration): Form {
    return this.shared.classes.form(fn, this.types.returned(fn));
  }

  protected parameterForm(parameter: ts.ParameterDeclaration): Form {
    return this.shared.classes.form(parameter, this.types.at(parameter.name));
  }

  private argumentsFor(
    fn: ts.SignatureDeclaration,
    given: readonly ts.Expression[],
    node: ts.Node,
  ): string[] {
    const texts: string[] = [];
    let spread: string[] = []; // what is left of a tuple
    for (const [i, parameter] of fn.parameters.entries()) {
      if (parameter.dotDotDotToken !== undefined) {
        texts.push(this.arrayOf(given.slice(i)).text);
        return texts;
      }
      const want = this.parameterForm(parameter) as Want;
      const argument = given[i];
      if (spread.length > 0) texts.push(spread.shift()!);
      else if (argument === undefined) texts.push(this.standIn(parameter, want, node));
      else if (ts.isSpreadElement(argument)) {
        spread = this.tuple(argument.expression, fn.parameters.length - i);
        texts.push(spread.shift()!);
      } else texts.push(this.as(argument, want));
    }
    if (given.length > fn.parameters.length) this.refuse(node, "more arguments than parameters");
    return texts;
  }

  /** The elements of a tuple as arguments. */
  private tuple(node: ts.Expression, count: number): string[] {
    if (this.types.arguments(this.types.at(node)).length !== count)
      this.refuse(node, "a tuple of another length");
    const t = this.temp("i32");
    return Array.from({ length: count }, (_, k) => {
      const array = k === 0 ? `(local.tee ${t} ${this.as(node, "ref")})` : get(t);
      return `(i32.load offset=${4 * k} (i32.load ${array}))`;
    });
  }

  /** What stands in for an argument that is left out: something that is the same wherever it is evaluated. */
  private standIn(parameter: ts.ParameterDeclaration, want: Want, node: ts.Node): string {
    const { initializer } = parameter;
    if (initializer === undefined) {
      if (parameter.questionToken === undefined) return this.refuse(node, "an argument is missing");
      return want === "optional"
        ? NOTHING
        : want === "ref"
          ? i32(0)
          : this.refuse(node, "an argument is missing");
    }
    const plain = bare(initializer);
    const isSame =
      this.numbers.constant(plain) !== undefined ||
      ts.isStringLiteral(plain) ||
      ts.isNoSubstitutionTemplateLiteral(plain) ||
      [K.TrueKeyword, K.FalseKeyword, K.NullKeyword].includes(plain.kind) ||
      (ts.isArrayLiteralExpression(plain) && plain.elements.length === 0) ||
      this.isModuleConstant(plain);
    if (!isSame) this.refuse(parameter, "a default that is no constant");
    return this.as(initializer, want);
  }

  private isModuleConstant(node: ts.Expression): boolean {
    const d = ts.isIdentifier(node) ? this.types.declaration(node) : undefined;
    if (d === undefined || !ts.isVariableDeclaration(d)) return false;
    return (d.parent.flags & ts.NodeFlags.Const) !== 0 && functionOf(d) === undefined;
  }

  private superCall(node: ts.CallExpression): Value {
    const derived = functionOf(node)?.parent;
    if (derived === undefined || !ts.isClassDeclaration(derived)) return this.refuse(node, "super here");
    const base = this.types.base(derived);
    if (base === undefined) {
      if (!this.shared.classes.extendsError(derived)) return this.refuse(node, "super without a class");
      const { offset } = this.shared.classes.layout(derived).fields.get("message")!;
      return new Value(
        `(i32.store offset=${offset} (local.get $this) ${this.as(node.arguments[0], "ref")})`,
        "void",
      );
    }
    const maker = this.types.maker(base);
    if (maker === undefined) return new Value("", "void");
    return new Value(
      this.callNamed(this.shared.function(maker), maker, "(local.get $this)", node.arguments, node).text,
      "void",
    );
  }

  /** An instruction of the machine that the run time declares as a function. */
  private instruction(fn: ts.FunctionDeclaration, node: ts.CallExpression): Value {
    const row = instruction(fn.name?.text ?? "");
    if (row === undefined) return this.refuse(node, `${fn.name?.text} is declared, but not written`);
    const given = row.wants.map((want, i) => {
      const argument = node.arguments[i];
      return want === "ref" && this.types.shapeAt(argument) === "number"
        ? this.as(argument, "i32")
        : this.as(argument, want);
    });
    const isNumber = this.types.shape(this.types.returned(fn)) === "number";
    const form = row.form === "i32" && !isNumber ? "ref" : row.form;
    return new Value(
      row.text.replace(/\$(\d)/g, (_, k) => given[Number(k)]),
      form,
    );
  }

  // --- function values ----------------------------------------------------------------------------------

  private callValue(node: ts.CallExpression): Value {
    const t = this.temp("i32");
    const record = `(local.tee ${t} ${this.as(node.expression, "ref")})`;
    if (node.arguments.length > VALUE_ARGUMENTS) this.refuse(node, "too many arguments for a function value");
    const given = node.arguments.map((a) =>
      ts.isSpreadElement(a) ? this.refuse(a, "`...`") : this.as(a, "cell"),
    );
    while (given.length < VALUE_ARGUMENTS) given.push(i32(0));
    const text = `(call_indirect (type $closure) ${record} ${given.join(" ")} (i32.load ${get(t)}))`;
    switch (this.types.shapeAt(node)) {
      case "void":
        return new Value(`(drop ${text})`, "void");
      case "never":
        return new Value(`(drop ${text}) (unreachable)`, "never");
      case "number":
        return new Value(text, "i32");
      case "optional number":
        return this.refuse(node, "a function value that yields a number or nothing");
      default:
        return new Value(text, "ref");
    }
  }

  private callLifted(arrow: ts.ArrowFunction, node: ts.CallExpression): Value {
    const { variables, self } = this.shared.captures.of(arrow);
    const given = variables.map((v) => this.capturedArgument(v, node));
    const own = this.argumentsFor(arrow, node.arguments, node);
    const before = self ? ["(local.get $this)", ...given] : given;
    const text = `(call ${this.shared.function(arrow)} ${[...before, ...own].join(" ")})`;
    const form = this.resultForm(arrow);
    return form === "never" ? new Value(`${text} (unreachable)`, "never") : new Value(text, form);
  }

  /** A variable as it is captured: its value, or the address of its box. */
  private capturedArgument(declaration: ts.Declaration, node: ts.Node): string {
    const variable = this.variables.get(declaration);
    if (variable === undefined) {
      const name = "name" in declaration ? (declaration.name as ts.Node).getText() : "a variable";
      return this.refuse(node, `${name} is captured before it is declared`);
    }
    return get(variable.name);
  }

  protected closure(node: Closure): Value {
    const { variables, self } = this.shared.captures.of(node);
    const number = this.shared.tableIndex(node);
    if (variables.length === 0 && !self) return new Value(i32(this.out.words([number, 0])), "ref");
    const t = this.temp("i32");
    const size = FIRST_CAPTURED + 8 * variables.length;
    const parts = [set(t, `(call $allocate ${i32(size)})`), `(i32.store ${get(t)} ${i32(number)})`];
    if (self) parts.push(`(i32.store offset=4 ${get(t)} (local.get $this))`);
    for (const [i, declaration] of variables.entries()) {
      const value = this.capturedArgument(declaration, node);
      const { form, isBoxed } = this.variables.get(declaration)!;
      const rep = isBoxed ? "i32" : repOf(form);
      parts.push(`(${rep}.store offset=${FIRST_CAPTURED + 8 * i} ${get(t)} ${value})`);
    }
    return new Value(`(block (result i32) ${parts.join(" ")} ${get(t)})`, "ref");
  }

  protected functionValue(fn: ts.FunctionDeclaration): Value {
    return new Value(i32(this.out.words([this.shared.tableIndex(fn), 0])), "ref");
  }

  // --- arrays and `new` ---------------------------------------------------------------------------------

  protected arrayOf(elements: readonly ts.Expression[]): Value {
    const t = this.temp("i32");
    const parts = [set(t, `(call $new_array ${i32(elements.length)})`)];
    for (const e of elements) {
      if (ts.isSpreadElement(e)) parts.push(`(call $extend ${get(t)} ${this.list(e.expression)})`);
      else parts.push(`(drop (call $push ${get(t)} ${this.as(e, "cell")}))`);
    }
    return new Value(`(block (result i32) ${parts.join(" ")} ${get(t)})`, "ref");
  }

  /** Whatever can be iterated, as an array. */
  protected list(node: ts.Expression): string {
    const receiver = this.types.receiverAt(node);
    const text = this.as(node, "ref");
    switch (receiver) {
      case "Array":
        return text;
      case "Map":
        return `(call ${this.runtimeName("tableEntries")} ${text})`;
      case "Set":
        return `(call ${this.runtimeName("tableKeys")} ${text})`;
      case "string":
        return `(call ${this.runtimeName("characters")} ${text})`;
      case "Int32Array":
        return `(call ${this.runtimeName("listOfWords")} ${text})`;
      case "Uint8Array":
        return `(call ${this.runtimeName("listOfBytes")} ${text})`;
      default:
        return this.refuse(node, `the elements of a ${receiver}`);
    }
  }

  protected construct(node: ts.NewExpression): Value {
    const type = this.types.at(node);
    const given = node.arguments ?? [];
    const declared = this.types.declared(type);
    if (declared !== undefined && ts.isClassDeclaration(declared)) {
      const maker = this.types.maker(declared);
      const texts = maker === undefined ? [] : this.argumentsFor(maker, given, node);
      return new Value(`(call ${this.shared.function(declared)} ${texts.join(" ")})`, "ref");
    }
    const receiver = this.types.receiver(type);
    if (receiver !== undefined && isTyped(receiver)) return this.newTyped(receiver, given, node);
    if (receiver === "Map" || receiver === "Set") return this.newTable(receiver, node);
    if (receiver === "ArrayBuffer") return new Value(this.typed(this.as(given[0], "i32"), 1, node), "ref");
    if (receiver === "DataView" && given.length === 1) return this.value(given[0], "ref");
    return this.refuse(node, `new ${this.types.text(type)}`);
  }

  private typed(length: string, size: number, node: ts.Node): string {
    return `(call $new_typed ${length} ${i32(size)} ${i32(this.site(node, "a length"))})`;
  }

  private newTyped(receiver: Typed, given: readonly ts.Expression[], node: ts.Node): Value {
    const [size] = ELEMENTS[receiver];
    const [first] = given;
    if (first === undefined) return new Value(this.typed(i32(0), size, node), "ref");
    if (given.length === 1 && this.types.shapeAt(first) === "number") {
      return new Value(this.typed(this.as(first, "i32"), size, node), "ref");
    }
    // The bytes of words: `new Uint8Array(words.buffer, words.byteOffset, words.byteLength)`.
    const words = given.map((g, i) => {
      const names = ["buffer", "byteOffset", "byteLength"];
      return ts.isPropertyAccessExpression(g) && g.name.text === names[i] ? g.expression : undefined;
    });
    const [array] = words;
    const isView =
      given.length === 3 && words.every((w) => w !== undefined && w.getText() === array?.getText());
    if (
      !isView ||
      receiver !== "Uint8Array" ||
      array === undefined ||
      this.types.receiverAt(array) !== "Int32Array"
    ) {
      return this.refuse(node, `new ${receiver} of this`);
    }
    return new Value(`(call ${this.runtimeName("bytesOfWords")} ${this.as(array, "ref")})`, "ref");
  }

  private newTable(receiver: "Map" | "Set", node: ts.NewExpression): Value {
    let [key] = this.types.arguments(this.types.at(node));
    if (key === undefined || (key.flags & ts.TypeFlags.Any) !== 0)
      [key] = this.types.arguments(this.goal(node));
    const shape = key === undefined ? "object" : this.types.shape(key);
    if (shape !== "string" && shape !== "number")
      return this.refuse(node, `a ${receiver} with keys of kind ${shape}`);
    const table = this.shared.function(this.shared.runtimeClass("Table"));
    const empty = `(call ${table} ${i32(shape === "string" ? 1 : 0)})`;
    const [rows] = node.arguments ?? [];
    if (rows === undefined) return new Value(empty, "ref");
    const fill = receiver === "Map" ? "fillMap" : "fillSet";
    return new Value(`(call ${this.runtimeName(fill)} ${empty} ${this.list(rows)})`, "ref");
  }

  /** The type of where an expression goes. */
  private goal(node: ts.Expression): ts.Type {
    const { parent } = node;
    if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === K.EqualsToken)
      return this.types.at(parent.left);
    if (ts.isBinaryExpression(parent)) return this.goal(parent);
    if (ts.isVariableDeclaration(parent)) return this.types.at(parent.name);
    return this.types.expected(node);
  }

  // --- the library --------------------------------------------------------------------------------------

  private callLibrary(node: ts.CallExpression): Value {
    const call = libraryCall(this.types, node);
    const { name, row, receiver } = call;
    if (!call.isKnown) return this.refuse(node, `${name} is not in the table of library.ts`);
    if (row === undefined) return this.builtIn(name, node);
    if (row.joined) return this.joined(row, node);
    if (name === "Array.push") return this.push(node);
    if (receiver === undefined) return this.callRow(row, undefined, node);
    if (row.name.startsWith("number.")) {
      const value = this.as(receiver, "f64");
      const rest = this.rowArguments(row.parameters.slice(1), node.arguments, node);
      return new Value(`(call ${this.runtimeName(row.code)} ${[value, ...rest].join(" ")})`, "ref");
    }
    const f = node.expression as ts.PropertyAccessExpression;
    const object = this.as(receiver, "ref");
    if (f.questionDotToken === undefined) return this.callRow(row, object, node);
    return this.optional(object, node, (there) => this.callRow(row, there, node));
  }

  private callRow(row: Row, object: string | undefined, node: ts.CallExpression): Value {
    const given = this.rowArguments(row.parameters, node.arguments, node);
    if (object !== undefined) given.unshift(object);
    for (const word of row.extra) {
      const receiver = this.types.receiverAt((node.expression as ts.PropertyAccessExpression).expression);
      if (word !== "size" || receiver === undefined || !isTyped(receiver))
        return this.refuse(node, `${word} of this`);
      given.push(i32(ELEMENTS[receiver][0]));
    }
    const text = row.code.startsWith("(")
      ? row.code.replace(/\$(\d)/g, (_, k) => given[Number(k)])
      : `(call ${this.runtimeName(row.code)} ${given.join(" ")})`;
    return this.rowResult(row, text, node);
  }

  private rowResult(row: Row, text: string, node: ts.CallExpression): Value {
    const shape = this.types.shapeAt(node);
    switch (row.result) {
      case "void":
        return new Value(text, "void");
      case "cell?":
        return shape === "optional number"
          ? new Value(text, "optional")
          : new Value(`(i32.wrap_i64 ${text})`, "ref");
      case "cell":
        return new Value(text, shape === "number" ? "i32" : "ref");
      case "i32":
        return new Value(text, shape === "number" ? "i32" : "ref");
      case "u32":
      case "f64":
        return new Value(text, row.result);
      default:
        return new Value(text, "ref");
    }
  }

  private rowArguments(
    parameters: readonly Parameter[],
    given: readonly ts.Expression[],
    node: ts.CallExpression,
  ): string[] {
    if (given.length > parameters.length) this.refuse(node, "more arguments than the table has");
    return parameters.flatMap((parameter, i) => {
      const argument = given[i];
      if (parameter.isLittle) {
        return argument?.kind === K.TrueKeyword ? [] : this.refuse(node, "a byte order that is not `true`");
      }
      if (argument !== undefined) return [this.as(argument, parameter.want)];
      const { otherwise } = parameter;
      if (otherwise === "") return this.refuse(node, "an argument is missing");
      return [/^\d+$/.test(otherwise) ? i32(Number(otherwise)) : i32(this.out.string(otherwise))];
    });
  }

  private push(node: ts.CallExpression): Value {
    const array = (node.expression as ts.PropertyAccessExpression).expression;
    const [only] = node.arguments;
    if (node.arguments.length === 1 && only !== undefined && !ts.isSpreadElement(only)) {
      return new Value(`(call $push ${this.as(array, "ref")} ${this.as(only, "cell")})`, "i32");
    }
    const [before, object] = this.once(this.as(array, "ref"));
    const parts = node.arguments.map((a) =>
      ts.isSpreadElement(a)
        ? `(call $extend ${object} ${this.list(a.expression)})`
        : `(drop (call $push ${object} ${this.as(a, "cell")}))`,
    );
    return new Value(
      `(block (result i32) ${before} ${parts.join(" ")} (i32.load offset=4 ${object}))`,
      "i32",
    );
  }

  /** Math.min and the like: with the kind that their arguments have together. */
  private joined(row: Row, node: ts.CallExpression): Value {
    const given = [...node.arguments];
    if (given.some((a) => ts.isSpreadElement(a))) return this.refuse(node, "`...` here");
    const kind: Kind = this.numbers.join(given);
    const [first, ...rest] = given;
    switch (row.code) {
      case "min":
      case "max": {
        const join = (a: string, b: string): string =>
          kind === "f64" ? `(f64.${row.code} ${a} ${b})` : `(call $${row.code}_${kind} ${a} ${b})`;
        return new Value(
          rest.reduce((text, a) => join(text, this.as(a, kind)), this.as(first, kind)),
          kind,
        );
      }
      case "abs":
        if (kind === "u32") return this.value(first, "u32");
        if (kind === "f64") return new Value(`(f64.abs ${this.as(first, "f64")})`, "f64");
        return new Value(`(call $abs ${this.as(first, "i32")})`, "u32");
      default:
        if (kind !== "f64") return this.value(first, kind);
        return new Value(`(f64.${row.code} ${this.as(first, "f64")})`, "f64");
    }
  }

  private builtIn(name: string, node: ts.CallExpression): Value {
    const [what, made] = name.split(".");
    const given = node.arguments;
    if (name === "global.String") return new Value(this.text(given[0]), "ref");
    if (made === "of" && what === "Float64Array") {
      const t = this.temp("i32");
      const parts = [set(t, this.typed(i32(given.length), 8, node))];
      for (const [i, x] of given.entries()) {
        parts.push(`(f64.store offset=${8 * i} (i32.load ${get(t)}) ${this.as(x, "f64")})`);
      }
      return new Value(`(block (result i32) ${parts.join(" ")} ${get(t)})`, "ref");
    }
    const list = made === "of" ? this.arrayOf(given).text : this.listFrom(node);
    if (what === "Array") return new Value(list, "ref");
    return new Value(
      `(call ${this.runtimeName("typedFrom")} ${list} ${i32(ELEMENTS[what as Typed][0])})`,
      "ref",
    );
  }

  /** The first argument of `from` as a new array, each element as the second makes it. */
  private listFrom(node: ts.CallExpression): string {
    const [source, each] = node.arguments;
    if (ts.isObjectLiteralExpression(source)) {
      const [length] = source.properties;
      const isLength = ts.isPropertyAssignment(length) && length.name.getText() === "length";
      if (!isLength || source.properties.length !== 1 || each === undefined) return this.refuse(node, "this");
      return `(call ${this.runtimeName("generate")} ${this.as(length.initializer, "i32")} ${this.as(each, "ref")})`;
    }
    if (each !== undefined)
      return `(call ${this.runtimeName("mapArray")} ${this.list(source)} ${this.as(each, "ref")})`;
    return `(call ${this.runtimeName("sliceArray")} ${this.list(source)} ${i32(0)} ${i32(0x7fffffff)})`;
  }
}
