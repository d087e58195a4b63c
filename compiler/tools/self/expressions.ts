// Expressions: values, arithmetic, comparisons, fields, elements, assignments. Calls are in calls.ts. Operands are
// evaluated from left to right, as the language says; what is read and then written is evaluated once.

import ts from "typescript";
import type { Field } from "./classes.ts";
import { Frame, type Variable } from "./frame.ts";
import { isKnownProperty } from "./library.ts";
import { EXACT_BITS, fitsInt32, isBitwise, isMissing, type Kind, simpleOperator } from "./numbers.ts";
import { bare, isAssignment, isTyped, type Receiver, type Typed } from "./types.ts";
import {
  convert,
  type Form,
  f64Text,
  get,
  i32,
  NOTHING,
  repOf,
  set,
  tee,
  Value,
  type Want,
} from "./values.ts";

const K = ts.SyntaxKind;

/** Of elements of typed arrays: bytes, and how they are read and written. */
export const ELEMENTS: Record<Typed, readonly [number, string, string]> = {
  Int8Array: [1, "i32.load8_s", "i32.store8"],
  Uint8Array: [1, "i32.load8_u", "i32.store8"],
  Int16Array: [2, "i32.load16_s", "i32.store16"],
  Uint16Array: [2, "i32.load16_u", "i32.store16"],
  Int32Array: [4, "i32.load", "i32.store"],
  Uint32Array: [4, "i32.load", "i32.store"],
  Float64Array: [8, "f64.load", "f64.store"],
};

/** What becomes of an assignment's value. */
export type Use = "value" | "old value" | "nothing";

const COMPARISONS: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.LessThanToken, "lt"],
  [K.GreaterThanToken, "gt"],
  [K.LessThanEqualsToken, "le"],
  [K.GreaterThanEqualsToken, "ge"],
  [K.EqualsEqualsEqualsToken, "eq"],
  [K.ExclamationEqualsEqualsToken, "ne"],
]);

export const BITWISE: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.BarToken, "or"],
  [K.AmpersandToken, "and"],
  [K.CaretToken, "xor"],
  [K.LessThanLessThanToken, "shl"],
  [K.GreaterThanGreaterThanToken, "shr_s"],
]);

export const SUMS: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.PlusToken, "add"],
  [K.MinusToken, "sub"],
  [K.AsteriskToken, "mul"],
]);

/** An array, the address of its elements, and their number: text, as often as it is needed after `before`. */
export class Elements {
  readonly before: string;
  readonly array: string;
  readonly at: string;
  readonly length: string;

  constructor(before: string, array: string, at: string, length: string) {
    this.before = before;
    this.array = array;
    this.at = at;
    this.length = length;
  }
}

export abstract class Expressions extends Frame {
  protected abstract assign(node: ts.BinaryExpression, use: Use): Value;
  protected abstract step(target: ts.Expression, operator: ts.SyntaxKind, use: Use): Value;
  protected abstract call(node: ts.CallExpression): Value;
  protected abstract callFunction(
    fn: ts.FunctionLikeDeclaration,
    object: string,
    given: readonly ts.Expression[],
    node: ts.Node,
  ): Value;
  protected abstract construct(node: ts.NewExpression): Value;
  protected abstract closure(node: ts.ArrowFunction | ts.FunctionExpression): Value;
  protected abstract functionValue(node: ts.FunctionDeclaration): Value;
  protected abstract arrayOf(elements: readonly ts.Expression[]): Value;

  /** Text that yields an expression's value as it is wanted. */
  as(node: ts.Expression, want: Want): string {
    if (this.types.shapeAt(node) === "number") {
      const constant = this.numbers.constant(node);
      if (constant !== undefined) return this.literal(constant, want, node);
    }
    return this.convert(this.value(node, want), want, node);
  }

  protected convert(value: Value, want: Want, node: ts.Node): string {
    if (value.form === "wide" && (want === "i32" || want === "cell")) return this.narrowed(value.text, node);
    return convert(value, want, this.where(node), () => this.site(node, `does not fit ${want}`));
  }

  /** A sum as an int32, which it must fit. */
  private narrowed(text: string, node: ts.Node): string {
    const t = this.temp("i64");
    const fits = `(i64.eq (i64.extend32_s ${tee(t, text)}) ${get(t)})`;
    const fail = `(call $overflow ${i32(this.site(node, "does not fit an int32"))}) (unreachable)`;
    return `(if (result i32) ${fits} (then (i32.wrap_i64 ${get(t)})) (else ${fail}))`;
  }

  private literal(x: number, want: Want, node: ts.Node): string {
    const fits =
      want === "f64" ||
      want === "bits" ||
      (want === "u32"
        ? Number.isInteger(x) && x >= 0 && x < 2 ** 32
        : want === "wide"
          ? Number.isSafeInteger(x)
          : fitsInt32(x));
    if (!fits) return this.refuse(node, `${x} where ${want} is wanted`);
    switch (want) {
      case "f64":
        return f64Text(x);
      case "wide":
      case "optional":
        return `(i64.const ${x})`;
      case "ref":
        return this.refuse(node, "a number where an object is wanted");
      default:
        return i32(x | 0);
    }
  }

  /** The form that an expression has by itself. */
  protected natural(node: ts.Expression): Form {
    return this.formOf(node, this.types.at(node));
  }

  private formOf(node: ts.Expression, type: ts.Type): Form {
    const shape = this.types.shape(type);
    if (shape === "number") return this.numbers.kind(node);
    if (shape === "optional number") return "optional";
    return shape === "void" || shape === "never" ? shape : "ref";
  }

  /** Text without a value. */
  effect(whole: ts.Expression): string {
    const node = bare(whole);
    if (ts.isBinaryExpression(node)) {
      if (isAssignment(node.operatorToken.kind)) return this.assign(node, "nothing").text;
      if (node.operatorToken.kind === K.CommaToken)
        return `${this.effect(node.left)} ${this.effect(node.right)}`;
      if (node.operatorToken.kind === K.AmpersandAmpersandToken) {
        return `(if ${this.condition(node.left)} (then ${this.effect(node.right)}))`;
      }
    }
    if (ts.isPostfixUnaryExpression(node) || ts.isPrefixUnaryExpression(node)) {
      if (isStep(node.operator)) return this.step(node.operand, node.operator, "nothing").text;
    }
    if (ts.isConditionalExpression(node)) {
      const then = this.effect(node.whenTrue);
      return `(if ${this.condition(node.condition)} (then ${then}) (else ${this.effect(node.whenFalse)}))`;
    }
    const value = this.value(node, undefined);
    return value.form === "void" || value.form === "never" ? value.text : `(drop ${value.text})`;
  }

  /** An expression's value, in the form that comes easiest; `want` is a hint. */
  protected value(whole: ts.Expression, want: Want | undefined): Value {
    const node = bare(whole);
    const shape = this.types.shapeAt(node);
    if (shape === "number") {
      const constant = this.numbers.constant(node);
      if (constant !== undefined) {
        const kind = this.numbers.kind(node);
        return new Value(this.literal(constant, kind, node), kind);
      }
    }
    switch (node.kind) {
      case K.TrueKeyword:
        return new Value(i32(1), "ref");
      case K.FalseKeyword:
        return new Value(i32(0), "ref");
      case K.NullKeyword:
        return this.nothing(want);
      case K.ThisKeyword:
        return new Value(get(this.self), "ref");
    }
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      return new Value(i32(this.out.string(node.text)), "ref");
    }
    if (ts.isTemplateExpression(node)) return this.template(node);
    if (ts.isIdentifier(node)) return this.identifier(node, want);
    if (ts.isPropertyAccessExpression(node)) return this.property(node);
    if (ts.isElementAccessExpression(node)) return this.element(node);
    if (ts.isConditionalExpression(node)) return this.conditional(node, want);
    if (ts.isPrefixUnaryExpression(node)) return this.unary(node, want);
    if (ts.isPostfixUnaryExpression(node)) return this.step(node.operand, node.operator, "old value");
    if (ts.isBinaryExpression(node)) return this.binary(node, want);
    if (ts.isCallExpression(node)) return this.call(node);
    if (ts.isNewExpression(node)) return this.construct(node);
    if (ts.isArrayLiteralExpression(node)) return this.arrayOf(node.elements);
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return this.closure(node);
    if (ts.isObjectLiteralExpression(node)) return this.object(node);
    return this.refuse(node, `an expression of kind ${K[node.kind]}`);
  }

  private nothing(want: Want | undefined): Value {
    return want === "optional" ? new Value(NOTHING, "optional") : new Value(i32(0), "ref");
  }

  private identifier(node: ts.Identifier, want: Want | undefined): Value {
    if (node.text === "undefined") return this.nothing(want);
    const declaration = this.types.declaration(node);
    if (declaration === undefined) return this.refuse(node, `unknown name ${node.text}`);
    const variable = this.variables.get(declaration);
    if (variable !== undefined) return this.read(variable);
    return this.global(declaration, node);
  }

  /** A name of a module. */
  private global(declaration: ts.Declaration, node: ts.Node): Value {
    if (ts.isFunctionDeclaration(declaration)) return this.functionValue(declaration);
    const variable = this.moduleVariable(declaration);
    if (variable === undefined) return this.refuse(node, `${node.getText()} is not in scope here`);
    return new Value(`(${repOf(variable.form)}.load ${variable.name})`, variable.form);
  }

  protected moduleVariable(declaration: ts.Node): Variable | undefined {
    const isVariable =
      ts.isVariableDeclaration(declaration) && ts.isVariableDeclarationList(declaration.parent);
    if (!isVariable || !ts.isSourceFile(declaration.parent.parent.parent)) return undefined;
    return this.shared.moduleVariable(declaration);
  }

  // --- text ---------------------------------------------------------------------------------------------

  private template(node: ts.TemplateExpression): Value {
    let text = i32(this.out.string(node.head.text));
    for (const { expression, literal } of node.templateSpans) {
      text = `(call $concatenate ${text} ${this.text(expression)})`;
      if (literal.text !== "") text = `(call $concatenate ${text} ${i32(this.out.string(literal.text))})`;
    }
    return new Value(text, "ref");
  }

  /** Text of a number or text. */
  protected text(whole: ts.Expression): string {
    const node = bare(whole);
    const type = this.types.at(node);
    if (type !== this.types.present(type)) this.refuse(node, "the text of what may be nothing");
    if (ts.isConditionalExpression(node)) {
      const ways = `(then ${this.text(node.whenTrue)}) (else ${this.text(node.whenFalse)})`;
      return `(if (result i32) ${this.condition(node.condition)} ${ways})`;
    }
    const shape = this.types.shape(type);
    if (shape === "string") return this.as(node, "ref");
    if (shape !== "number") return this.refuse(node, `the text of a ${shape}`);
    const isInt = this.numbers.kind(node) === "i32" && !this.numbers.isSum(node);
    if (isInt) return `(call ${this.runtimeName("integerText")} ${this.as(node, "i32")})`;
    return `(call ${this.runtimeName("numberText")} ${this.as(node, "f64")} ${i32(10)})`;
  }

  protected runtimeName(name: string): string {
    return this.shared.function(this.shared.runtime(name));
  }

  // --- conditions ---------------------------------------------------------------------------------------

  /** Text that yields whether an expression is true. */
  protected condition(whole: ts.Expression): string {
    const node = bare(whole);
    const shape = this.types.shapeAt(node);
    if (shape === "boolean") return this.as(node, "ref");
    if (shape !== "number") return this.refuse(node, `a condition of a ${shape}`);
    if (this.numbers.bits(node) <= 32 && !this.numbers.isSum(node)) return this.as(node, "bits");
    return `(f64.gt (f64.abs ${this.as(node, "f64")}) (f64.const 0))`;
  }

  private conditional(node: ts.ConditionalExpression, want: Want | undefined): Value {
    const form = want === undefined || want === "cell" ? this.natural(node) : want;
    const rep = repOf(form);
    if (rep === "") return new Value(this.effect(node), form as Form);
    const ways = [node.whenTrue, node.whenFalse].map((way) => this.as(way, form as Want));
    const text = `(if (result ${rep}) ${this.condition(node.condition)} (then ${ways[0]}) (else ${ways[1]}))`;
    return new Value(text, form === "bits" ? "i32" : (form as Form));
  }

  private unary(node: ts.PrefixUnaryExpression, want: Want | undefined): Value {
    switch (node.operator) {
      case K.ExclamationToken:
        return new Value(`(i32.eqz ${this.condition(node.operand)})`, "ref");
      case K.TildeToken:
        return new Value(`(i32.xor ${this.as(node.operand, "bits")} (i32.const -1))`, "i32");
      case K.PlusToken:
        return this.value(node.operand, want);
      case K.MinusToken:
        return this.negative(node, want);
      default:
        return this.step(node.operand, node.operator, "value");
    }
  }

  private negative(node: ts.PrefixUnaryExpression, want: Want | undefined): Value {
    const isWhole = this.numbers.bits(node) <= EXACT_BITS;
    if (want === "f64" || !isWhole) return new Value(`(f64.neg ${this.as(node.operand, "f64")})`, "f64");
    if (want === "bits") return new Value(`(i32.sub (i32.const 0) ${this.as(node.operand, "bits")})`, "i32");
    return new Value(`(i64.sub (i64.const 0) ${this.as(node.operand, "wide")})`, "wide");
  }

  // --- operators ----------------------------------------------------------------------------------------

  private binary(node: ts.BinaryExpression, want: Want | undefined): Value {
    const { left, right } = node;
    const op = node.operatorToken.kind;
    if (isAssignment(op)) return this.assign(node, "value");
    if (op === K.CommaToken) {
      const form = this.natural(right);
      const text = `(block (result ${repOf(form)}) ${this.effect(left)} ${this.as(right, form as Want)})`;
      return new Value(text, form);
    }
    if (op === K.AmpersandAmpersandToken || op === K.BarBarToken) return this.logical(node);
    if (op === K.QuestionQuestionToken) return this.otherwise(node, want);
    if (COMPARISONS.has(op)) return this.comparison(node);
    if (op === K.PlusToken && this.types.shapeAt(node) === "string") {
      return new Value(`(call $concatenate ${this.text(left)} ${this.text(right)})`, "ref");
    }
    if (isBitwise(op)) {
      const [a, b] = [this.as(left, "bits"), this.as(right, "bits")];
      if (op === K.BarToken && this.numbers.constant(right) === 0) return new Value(a, "i32");
      return new Value(`(i32.${BITWISE.get(op)} ${a} ${b})`, "i32");
    }
    return this.arithmetic(node, want);
  }

  private logical(node: ts.BinaryExpression): Value {
    const { left, right } = node;
    const isAnd = node.operatorToken.kind === K.AmpersandAmpersandToken;
    const shape = this.types.shapeAt(node);
    if (shape === "number" && !isAnd && this.numbers.kind(node) === "i32") {
      const t = this.temp("i32");
      const text = `(if (result i32) ${tee(t, this.as(left, "i32"))} (then ${get(t)}) (else ${this.as(right, "i32")}))`;
      return new Value(text, "i32");
    }
    if (shape !== "boolean") return this.refuse(node, `\`${node.operatorToken.getText()}\` of a ${shape}`);
    const [then, otherwise] = isAnd ? [this.condition(right), i32(0)] : [i32(1), this.condition(right)];
    return new Value(`(if (result i32) ${this.condition(left)} (then ${then}) (else ${otherwise}))`, "ref");
  }

  /** `??` */
  private otherwise(node: ts.BinaryExpression, want: Want | undefined): Value {
    const { left, right } = node;
    if (this.types.shapeAt(left) === "boolean") this.refuse(node, "a truth value or nothing");
    const value = this.value(left, undefined);
    const isNumber = value.form === "optional";
    if (!isNumber && value.form !== "ref") return this.refuse(node, "`??` behind what is always there");
    const wanted = want === undefined || want === "cell" ? this.natural(node) : want;
    const form = (wanted === "bits" ? "i32" : wanted) as Form;
    const t = this.temp(isNumber ? "i64" : "i32");
    const isThere = isNumber ? `(i64.ne ${tee(t, value.text)} ${NOTHING})` : tee(t, value.text);
    const found = this.convert(new Value(get(t), value.form), form as Want, node);
    if (this.types.isNever(right)) {
      return new Value(
        `(if (result ${repOf(form)}) ${isThere} (then ${found}) (else ${this.effect(right)}))`,
        form,
      );
    }
    return new Value(
      `(if (result ${repOf(form)}) ${isThere} (then ${found}) (else ${this.as(right, form as Want)}))`,
      form,
    );
  }

  private comparison(node: ts.BinaryExpression): Value {
    const { left, right } = node;
    const op = node.operatorToken.kind;
    const isEquality = op === K.EqualsEqualsEqualsToken || op === K.ExclamationEqualsEqualsToken;
    const name = COMPARISONS.get(op)!;
    if (isEquality && (isMissing(left) || isMissing(right))) {
      return this.isThere(isMissing(right) ? left : right, op === K.ExclamationEqualsEqualsToken);
    }
    const shapes = [this.types.shapeAt(left), this.types.shapeAt(right)];
    if (isEquality && shapes.includes("optional number")) {
      return new Value(`(i64.${name} ${this.as(left, "optional")} ${this.as(right, "optional")})`, "ref");
    }
    if (shapes[0] === "number" && shapes[1] === "number")
      return this.numberComparison(name, isEquality, left, right);
    if (!isEquality || shapes.includes("number")) {
      return this.refuse(node, `a comparison of a ${shapes[0]} and a ${shapes[1]}`);
    }
    const [a, b] = [this.as(left, "ref"), this.as(right, "ref")];
    if (shapes[0] === "string" && shapes[1] === "string") {
      const text = `(call $same_text ${a} ${b})`;
      return new Value(name === "eq" ? text : `(i32.eqz ${text})`, "ref");
    }
    return new Value(`(i32.${name} ${a} ${b})`, "ref");
  }

  /** Whether something is neither null nor undefined, or the reverse. */
  private isThere(node: ts.Expression, wanted: boolean): Value {
    if (this.types.shapeAt(node) === "boolean") this.refuse(node, "a truth value or nothing");
    const value = this.value(node, undefined);
    if (value.form === "optional") {
      return new Value(`(i64.${wanted ? "ne" : "eq"} ${value.text} ${NOTHING})`, "ref");
    }
    if (value.form !== "ref") return this.refuse(node, "a number that is compared with nothing");
    return new Value(wanted ? `(i32.ne ${value.text} (i32.const 0))` : `(i32.eqz ${value.text})`, "ref");
  }

  private numberComparison(
    name: string,
    isEquality: boolean,
    left: ts.Expression,
    right: ts.Expression,
  ): Value {
    const signed = isEquality ? name : `${name}_s`;
    const plain = (want: Kind): boolean =>
      [left, right].every((n) => {
        const constant = this.numbers.constant(n);
        if (constant !== undefined)
          return want === "i32"
            ? fitsInt32(constant)
            : Number.isInteger(constant) && constant >= 0 && constant < 2 ** 32;
        return this.numbers.kind(n) === want && !this.numbers.isSum(n);
      });
    if (plain("i32"))
      return new Value(`(i32.${signed} ${this.as(left, "i32")} ${this.as(right, "i32")})`, "ref");
    if (plain("u32")) {
      const unsigned = isEquality ? name : `${name}_u`;
      return new Value(`(i32.${unsigned} ${this.as(left, "u32")} ${this.as(right, "u32")})`, "ref");
    }
    if (this.numbers.bits(left) <= EXACT_BITS && this.numbers.bits(right) <= EXACT_BITS) {
      return new Value(`(i64.${signed} ${this.as(left, "wide")} ${this.as(right, "wide")})`, "ref");
    }
    return new Value(`(f64.${name} ${this.as(left, "f64")} ${this.as(right, "f64")})`, "ref");
  }

  private arithmetic(node: ts.BinaryExpression, want: Want | undefined): Value {
    const { left, right } = node;
    const op = node.operatorToken.kind;
    switch (op) {
      case K.GreaterThanGreaterThanGreaterThanToken: {
        const kind = this.numbers.kind(node);
        const [a, b] = [this.as(left, "bits"), this.as(right, "bits")];
        return new Value(this.numbers.constant(right) === 0 ? a : `(i32.shr_u ${a} ${b})`, kind);
      }
      case K.SlashToken: {
        const divisor = this.numbers.constant(right);
        const isShort = this.numbers.kind(left) === "i32" && !this.numbers.isSum(left);
        if (want === "bits" && isShort && divisor !== undefined && divisor >= 2 && fitsInt32(divisor)) {
          return new Value(`(i32.div_s ${this.as(left, "i32")} ${i32(divisor)})`, "i32");
        }
        return new Value(`(f64.div ${this.as(left, "f64")} ${this.as(right, "f64")})`, "f64");
      }
      case K.AsteriskAsteriskToken:
        return new Value(
          `(call ${this.runtimeName("power")} ${this.as(left, "f64")} ${this.as(right, "f64")})`,
          "f64",
        );
      case K.PercentToken:
        return this.remainder(left, right);
      case K.PlusToken:
      case K.MinusToken:
      case K.AsteriskToken:
        return this.sum(SUMS.get(op)!, node, want, () =>
          [left, right].map((n) => (w: Want) => this.as(n, w)),
        );
      default:
        return this.refuse(node, `the operator ${node.operatorToken.getText()}`);
    }
  }

  private remainder(left: ts.Expression, right: ts.Expression): Value {
    const kinds = [this.numbers.kind(left), this.numbers.kind(right)];
    if (kinds[0] === "i32" && kinds[1] === "i32") {
      return new Value(`(i32.rem_s ${this.as(left, "i32")} ${this.as(right, "i32")})`, "i32");
    }
    if (kinds[0] === "u32" && kinds[1] === "u32") {
      return new Value(`(i32.rem_u ${this.as(left, "u32")} ${this.as(right, "u32")})`, "u32");
    }
    return new Value(`(call $remainder ${this.as(left, "f64")} ${this.as(right, "f64")})`, "f64");
  }

  /** A sum, difference or product, `operands` of which are asked for in the form that suits. */
  protected sum(
    name: string,
    node: ts.BinaryExpression,
    want: Want | undefined,
    operands: () => ((want: Want) => string)[],
  ): Value {
    const [a, b] = operands();
    const bits = this.sumBits(node);
    const isFloat = this.numbers.kind(node) === "f64" || !this.isExact(node, bits);
    if (isFloat || want === "f64" || (bits > EXACT_BITS && (want === "bits" || want === undefined))) {
      return new Value(`(f64.${name} ${a("f64")} ${b("f64")})`, "f64");
    }
    if (want === "bits" || !this.shared.checksSums)
      return new Value(`(i32.${name} ${a("bits")} ${b("bits")})`, "i32");
    return new Value(`(i64.${name} ${a("wide")} ${b("wide")})`, "wide");
  }

  /**
   * Whether 64 bits hold the sum, or what it is without the rounding of floats fits no int32 as the rounded sum does:
   * the same of a product and something small.
   */
  private isExact({ left, right }: ts.BinaryExpression, bits: number): boolean {
    if (bits <= 62) return true;
    return bits === 63 && Math.min(this.numbers.bits(left), this.numbers.bits(right)) < EXACT_BITS;
  }

  /** Like Numbers.bits, of `a + b` and `a += b`. */
  private sumBits(node: ts.BinaryExpression): number {
    const [a, b] = [this.numbers.bits(node.left), this.numbers.bits(node.right)];
    return simpleOperator(node.operatorToken.kind) === K.AsteriskToken ? a + b : Math.max(a, b) + 1;
  }

  // --- fields -------------------------------------------------------------------------------------------

  private property(node: ts.PropertyAccessExpression): Value {
    const { expression, name } = node;
    const declaration = this.types.declaration(name);
    if (ts.isIdentifier(expression) && this.types.isModule(expression)) {
      if (declaration === undefined) return this.refuse(node, "unknown name");
      return this.global(declaration, node);
    }
    const header = name.text === "length" ? this.headerOf(bare(expression)) : undefined;
    if (header !== undefined) return new Value(get(header.length), "i32");
    const [object, type] = [this.as(expression, "ref"), this.types.at(expression)];
    if (node.questionDotToken === undefined) return this.member(object, type, name.text, node);
    return this.optional(object, node, (there) => this.member(there, type, name.text, node));
  }

  /** A property of an object, the text of which is used once. */
  protected member(object: string, type: ts.Type, name: string, node: ts.Node): Value {
    const declaration = this.types.property(type, name);
    const receiver = this.types.receiver(type);
    if (receiver !== undefined && receiver !== "object" && this.types.isLibrary(declaration)) {
      return this.libraryProperty(object, receiver, name, node);
    }
    if (declaration !== undefined && ts.isGetAccessor(declaration)) {
      return this.callFunction(declaration, object, [], node);
    }
    const field = this.shared.classes.field(type, name);
    if (field === undefined) return this.refuse(node, `no field ${name} in ${this.types.text(type)}`);
    return this.load(object, field);
  }

  /** What `?.` yields: what `there` makes of the object, or nothing. */
  protected optional(object: string, node: ts.Expression, there: (object: string) => Value): Value {
    const t = this.temp("i32");
    const value = there(get(t));
    if (value.form === "void") return new Value(`(if ${tee(t, object)} (then ${value.text}))`, "void");
    const form = value.form === "ref" ? "ref" : "optional";
    if (form === "ref" && this.types.shapeAt(node) === "boolean")
      this.refuse(node, "a truth value or nothing");
    const found = this.convert(value, form, node);
    const missing = form === "optional" ? NOTHING : i32(0);
    return new Value(
      `(if (result ${repOf(form)}) ${tee(t, object)} (then ${found}) (else ${missing}))`,
      form,
    );
  }

  protected load(object: string, field: Field): Value {
    return new Value(`(${repOf(field.form)}.load offset=${field.offset} ${object})`, field.form);
  }

  private libraryProperty(object: string, receiver: Receiver, name: string, node: ts.Node): Value {
    if (!isKnownProperty(receiver, name)) return this.refuse(node, `${receiver}.${name} is not in the table`);
    if (name === "length") {
      return new Value(`(i32.load offset=${receiver === "string" ? 0 : 4} ${object})`, "i32");
    }
    if (name === "size") {
      const table = this.shared.runtimeClass("Table");
      return this.load(object, this.shared.classes.layout(table).fields.get("size")!);
    }
    return this.refuse(node, `${receiver}.${name} here`);
  }

  private object(node: ts.ObjectLiteralExpression): Value {
    const declared = this.types.declared(this.types.expected(node));
    if (declared === undefined || !ts.isInterfaceDeclaration(declared))
      return this.refuse(node, "a literal of no interface");
    const layout = this.shared.classes.layout(declared);
    const t = this.temp("i32");
    const parts = [
      set(t, `(call $allocate ${i32(layout.size)})`),
      `(i32.store ${get(t)} ${i32(layout.number)})`,
    ];
    for (const p of node.properties) {
      const isPlain = ts.isPropertyAssignment(p) || ts.isShorthandPropertyAssignment(p);
      const field = isPlain ? layout.fields.get(p.name.getText()) : undefined;
      if (!isPlain || field === undefined) return this.refuse(p, "what is no field of its interface");
      const value = this.as(ts.isPropertyAssignment(p) ? p.initializer : p.name, field.form as Want);
      parts.push(`(${repOf(field.form)}.store offset=${field.offset} ${get(t)} ${value})`);
    }
    return new Value(`(block (result i32) ${parts.join(" ")} ${get(t)})`, "ref");
  }

  // --- elements -----------------------------------------------------------------------------------------

  /** The form of what a typed array holds. */
  protected elementForm(receiver: Typed): Kind {
    return receiver === "Float64Array" ? "f64" : receiver === "Uint32Array" ? "u32" : "i32";
  }

  /** An index: of a u32 too, since no array is as long as what is negative as an int32. */
  protected index(node: ts.Expression): string {
    const kind = this.numbers.kind(node);
    return this.as(node, kind === "u32" ? "u32" : "i32");
  }

  /** The address of an element; `at`: that of the first. */
  protected addressOf(at: string, index: string, size: number): string {
    const offset = size === 1 ? index : `(i32.shl ${index} ${i32(Math.log2(size))})`;
    return `(i32.add ${at} ${offset})`;
  }

  /** What must run first to get at the elements of an array. */
  protected elements(node: ts.Expression): Elements {
    const header = this.headerOf(bare(node));
    const [before, array] = this.once(this.as(node, "ref"));
    if (header !== undefined) return new Elements("", array, get(header.at), get(header.length));
    return new Elements(before, array, `(i32.load ${array})`, `(i32.load offset=4 ${array})`);
  }

  private element(node: ts.ElementAccessExpression): Value {
    const { expression, argumentExpression } = node;
    const receiver = this.types.receiverAt(expression);
    if (receiver === "string") {
      const site = this.site(node, "outside of the text");
      return new Value(
        `(call ${this.runtimeName("characterAt")} ${this.as(expression, "ref")} ${this.index(argumentExpression)} ${i32(site)})`,
        "ref",
      );
    }
    const isArray = receiver === "Array";
    if (receiver === undefined || !(isArray || isTyped(receiver)))
      return this.refuse(node, "an element of this");
    const { before, at, length } = this.elements(expression);
    const i = this.temp("i32");
    const shape = this.types.shapeAt(node);
    const form: Form = isArray ? (shape === "number" ? "i32" : "ref") : this.elementForm(receiver);
    if (shape === "optional number") return this.refuse(node, "a number or nothing in an array");
    const [size, load] = isArray ? [4, "i32.load"] : ELEMENTS[receiver];
    const inside = `(i32.lt_u ${tee(i, this.index(argumentExpression))} ${length})`;
    const rep = repOf(form);
    const found = `(${load} ${this.addressOf(at, get(i), size)})`;
    const mayMiss = form === "ref" && shape !== "boolean" && !isUsedAtOnce(node);
    const outside = mayMiss
      ? i32(0)
      : `(call $outside ${i32(this.site(node, "outside of the array"))}) (unreachable)`;
    const read = `(if (result ${rep}) ${inside} (then ${found}) (else ${outside}))`;
    return new Value(before === "" ? read : `(block (result ${rep}) ${before} ${read})`, form);
  }
}

function isStep(operator: ts.SyntaxKind): boolean {
  return operator === K.PlusPlusToken || operator === K.MinusMinusToken;
}

/** Whether what an expression yields is used as an object, so that it must be one. */
function isUsedAtOnce(node: ts.Expression): boolean {
  let at: ts.Node = node;
  while (ts.isParenthesizedExpression(at.parent) || ts.isNonNullExpression(at.parent)) at = at.parent;
  const { parent } = at;
  if (ts.isPropertyAccessExpression(parent)) return parent.questionDotToken === undefined;
  if (ts.isElementAccessExpression(parent)) return parent.expression === at;
  return ts.isCallExpression(parent) && parent.expression === at;
}
