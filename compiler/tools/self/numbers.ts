// Which kind each number has. `number` is an int32; what may be another one is declared `u32` or `f64`
// (base/numbers.ts). Nothing is inferred but that a variable without a type is what it begins with. Values
// on their way to where they are kept: the lint rejects those that lose what they may be (tools/flows.ts), the
// translator checks them.

import ts from "typescript";
import { libraryCall } from "./library.ts";
import { bare, isAssignment, namedArrow, type Types } from "./types.ts";

export type Kind = "i32" | "u32" | "f64";

const NAMES = "base/numbers.ts";
const K = ts.SyntaxKind;

/** Operators that truncate their operands to 32 bits; of `>>>` the result is unsigned. */
const BITWISE: ReadonlySet<ts.SyntaxKind> = new Set([
  K.BarToken,
  K.AmpersandToken,
  K.CaretToken,
  K.LessThanLessThanToken,
  K.GreaterThanGreaterThanToken,
]);

const SIMPLE_OF_COMPOUND: ReadonlyMap<ts.SyntaxKind, ts.SyntaxKind> = new Map([
  [K.PlusEqualsToken, K.PlusToken],
  [K.MinusEqualsToken, K.MinusToken],
  [K.AsteriskEqualsToken, K.AsteriskToken],
  [K.SlashEqualsToken, K.SlashToken],
  [K.PercentEqualsToken, K.PercentToken],
  [K.AsteriskAsteriskEqualsToken, K.AsteriskAsteriskToken],
  [K.BarEqualsToken, K.BarToken],
  [K.AmpersandEqualsToken, K.AmpersandToken],
  [K.CaretEqualsToken, K.CaretToken],
  [K.LessThanLessThanEqualsToken, K.LessThanLessThanToken],
  [K.GreaterThanGreaterThanEqualsToken, K.GreaterThanGreaterThanToken],
  [K.GreaterThanGreaterThanGreaterThanEqualsToken, K.GreaterThanGreaterThanGreaterThanToken],
  [K.QuestionQuestionEqualsToken, K.QuestionQuestionToken],
  [K.BarBarEqualsToken, K.BarBarToken],
  [K.AmpersandAmpersandEqualsToken, K.AmpersandAmpersandToken],
]);

/** The operator whose result `op` stores: `+` of `+=`; itself where it stores none. */
export function simpleOperator(op: ts.SyntaxKind): ts.SyntaxKind {
  return SIMPLE_OF_COMPOUND.get(op) ?? op;
}

export function isBitwise(op: ts.SyntaxKind): boolean {
  return BITWISE.has(op);
}

export function fitsInt32(x: number): boolean {
  return (x | 0) === x && !Object.is(x, -0);
}

/** Integers of so many bits, and their sums, are exact in JavaScript. */
export const EXACT_BITS = 53;

/** What keeps a number. */
export type Slot = ts.Declaration;

export class Numbers {
  readonly types: Types;
  private readonly constants: Map<ts.Node, number | undefined>;
  private readonly slots: Map<ts.Node, Kind>;
  private readonly kinds: Map<ts.Node, Kind>;

  constructor(types: Types) {
    this.types = types;
    this.constants = new Map();
    this.slots = new Map();
    this.kinds = new Map();
  }

  /** The value of an expression that is the same each time, or undefined. */
  constant(node: ts.Expression): number | undefined {
    if (this.constants.has(node)) return this.constants.get(node);
    this.constants.set(node, undefined); // what refers to itself is not constant
    const value = this.evaluate(node);
    this.constants.set(node, value);
    return value;
  }

  private evaluate(whole: ts.Expression): number | undefined {
    const node = bare(whole);
    if (ts.isNumericLiteral(node)) return Number(node.text);
    if (ts.isPrefixUnaryExpression(node)) {
      const x = this.constant(node.operand);
      if (x === undefined) return undefined;
      if (node.operator === K.MinusToken) return -x;
      if (node.operator === K.TildeToken) return ~x;
      return node.operator === K.PlusToken ? x : undefined;
    }
    if (ts.isBinaryExpression(node)) {
      if (isAssignment(node.operatorToken.kind)) return undefined;
      const a = this.constant(node.left);
      const b = a === undefined ? undefined : this.constant(node.right);
      return a === undefined || b === undefined ? undefined : operate(node.operatorToken.kind, a, b);
    }
    if (ts.isIdentifier(node)) {
      if (node.text === "Infinity") return Number.POSITIVE_INFINITY;
      return this.constantOf(this.types.declaration(node));
    }
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      if (this.types.isModule(node.expression)) return this.constantOf(this.types.declaration(node.name));
      if (node.expression.text === "Number") {
        if (node.name.text === "NaN") return Number.NaN;
        if (node.name.text === "POSITIVE_INFINITY") return Number.POSITIVE_INFINITY;
      }
    }
    return undefined;
  }

  /** Of a `const`, wherever it stands. */
  private constantOf(declaration: ts.Declaration | undefined): number | undefined {
    if (declaration === undefined || !ts.isVariableDeclaration(declaration)) return undefined;
    const isConst = (declaration.parent.flags & ts.NodeFlags.Const) !== 0;
    if (!isConst || declaration.initializer === undefined || !ts.isIdentifier(declaration.name))
      return undefined;
    return this.constant(declaration.initializer);
  }

  /** What a type as written says of numbers; undefined where it says nothing. */
  private named(type: ts.TypeNode | undefined): Kind | undefined {
    if (type === undefined) return undefined;
    if (ts.isTypePredicateNode(type)) return "i32";
    if (ts.isTypeReferenceNode(type) && ts.isIdentifier(type.typeName)) {
      const alias = this.types.declaration(type.typeName);
      if (alias !== undefined && ts.isTypeAliasDeclaration(alias)) {
        const { text } = alias.name;
        const isOurs = alias.getSourceFile().fileName.endsWith(NAMES);
        if (isOurs && (text === "u32" || text === "f64")) return text;
      }
    }
    return "i32";
  }

  /** The kind of what is kept in a variable, field or parameter, or returned by a function. */
  slot(slot: Slot): Kind {
    let kind = this.slots.get(slot);
    if (kind === undefined) {
      this.slots.set(slot, "i32"); // a variable that begins with itself is an error elsewhere
      kind = this.findSlot(slot);
      this.slots.set(slot, kind);
    }
    return kind;
  }

  private findSlot(slot: Slot): Kind {
    if (ts.isBindingElement(slot)) {
      if (ts.isObjectBindingPattern(slot.parent)) {
        const property = this.types.boundProperty(slot);
        return property === undefined || this.types.isLibrary(property) ? "i32" : this.slot(property);
      }
      return this.element(slot.parent);
    }
    const type = (slot as { type?: ts.TypeNode }).type;
    if (ts.isVariableDeclaration(slot) && type === undefined) {
      const list = slot.parent;
      if (ts.isVariableDeclarationList(list) && ts.isForOfStatement(list.parent)) {
        return this.element(list.parent.expression);
      }
      const { initializer } = slot;
      if (initializer === undefined || this.types.shapeAt(initializer) !== "number") return "i32";
      return this.kind(initializer);
    }
    if (ts.isArrowFunction(slot) && type === undefined && !ts.isBlock(slot.body)) {
      return this.types.shapeAt(slot.body) === "number" ? this.kind(slot.body) : "i32";
    }
    return this.named(type) ?? "i32";
  }

  /** Of the elements of what can be iterated. */
  private element(node: ts.Node): Kind {
    const receiver = this.types.receiverAt(node);
    return receiver === "Uint32Array" ? "u32" : receiver === "Float64Array" ? "f64" : "i32";
  }

  /** Requires: the type of `node` is a number, perhaps an optional one. */
  kind(node: ts.Expression): Kind {
    let kind = this.kinds.get(node);
    if (kind === undefined) {
      const constant = this.constant(node);
      kind = constant === undefined ? this.find(bare(node)) : kindOfConstant(constant);
      this.kinds.set(node, kind);
    }
    return kind;
  }

  private find(node: ts.Expression): Kind {
    if (ts.isPrefixUnaryExpression(node)) {
      return node.operator === K.TildeToken ? "i32" : negated(node.operator, this.kind(node.operand));
    }
    if (ts.isPostfixUnaryExpression(node)) return this.kind(node.operand);
    if (ts.isConditionalExpression(node)) return this.join([node.whenTrue, node.whenFalse]);
    if (ts.isBinaryExpression(node)) return this.binary(node.operatorToken.kind, node.left, node.right);
    if (ts.isIdentifier(node)) {
      const declaration = this.types.declaration(node);
      return declaration === undefined ? "i32" : this.slot(declaration);
    }
    if (ts.isPropertyAccessExpression(node)) {
      const declaration = this.types.declaration(node.name);
      return declaration === undefined || this.types.isLibrary(declaration) ? "i32" : this.slot(declaration);
    }
    if (ts.isElementAccessExpression(node)) return this.element(node.expression);
    if (ts.isCallExpression(node)) return this.call(node);
    return "i32";
  }

  private binary(operator: ts.SyntaxKind, left: ts.Expression, right: ts.Expression): Kind {
    if (operator === K.EqualsToken || operator === K.CommaToken) return this.kind(right);
    const op = simpleOperator(operator);
    if (op === K.QuestionQuestionToken || op === K.BarBarToken || op === K.AmpersandAmpersandToken) {
      return this.join([left, right]);
    }
    if (isBitwise(op)) return "i32";
    if (op === K.GreaterThanGreaterThanGreaterThanToken) {
      const count = this.constant(right);
      return count !== undefined && (count & 31) !== 0 ? "i32" : "u32";
    }
    if (op === K.SlashToken || op === K.AsteriskAsteriskToken) return "f64";
    const [a, b] = [this.kind(left), this.kind(right)];
    if (a === "f64" || b === "f64") return "f64";
    // a remainder is no larger than either, with the sign of the first
    if (op === K.PercentToken) return a;
    return a === "u32" || b === "u32" ? "u32" : "i32";
  }

  private call(node: ts.CallExpression): Kind {
    const callee = this.types.callee(node);
    if (callee === undefined) return "i32";
    if (!this.types.isLibrary(callee)) {
      const arrow = namedArrow(callee);
      if (arrow !== undefined) return this.slot(arrow);
      return ts.isFunctionLike(callee) ? this.slot(callee) : "i32";
    }
    const { row } = libraryCall(this.types, node);
    if (row === undefined) return "i32";
    if (!row.joined) return row.result === "u32" || row.result === "f64" ? row.result : "i32";
    const all = this.join([...node.arguments]);
    return row.code === "abs" && all === "i32" ? "u32" : all; // of the least int32 it is 2³¹
  }

  /** The kind that holds all of some values. */
  join(nodes: readonly ts.Expression[]): Kind {
    let all: Kind | undefined;
    for (const node of nodes) {
      if (this.types.isNever(node) || isMissing(node)) continue;
      const kind = ts.isSpreadElement(node) ? this.element(node.expression) : this.kind(node);
      if (all === undefined || all === kind) all = kind;
      else if (all === "f64" || kind === "f64") all = "f64";
      else all = nodes.every((n) => isMissing(n) || this.isUnsigned(n)) ? "u32" : "f64";
    }
    return all ?? "i32";
  }

  private isUnsigned(node: ts.Expression): boolean {
    const constant = this.constant(node);
    return constant !== undefined ? constant >= 0 && constant < 2 ** 32 : this.kind(node) === "u32";
  }

  /**
   * An n such that the integer that an expression is lies between -2ⁿ and 2ⁿ; Infinity if it may be none. Where n is no
   * more than EXACT_BITS it is exact in JavaScript, and in 64 bits.
   */
  bits(whole: ts.Expression): number {
    const constant = this.constant(whole);
    if (constant !== undefined) {
      if (!Number.isInteger(constant) || Object.is(constant, -0)) return Number.POSITIVE_INFINITY;
      return constant === 0 ? 0 : Math.floor(Math.log2(Math.abs(constant))) + 1;
    }
    const node = bare(whole);
    if (this.types.shapeAt(node) !== "number") return Number.POSITIVE_INFINITY;
    if (ts.isBinaryExpression(node)) {
      const { left, right } = node;
      switch (node.operatorToken.kind) {
        case K.PlusToken:
        case K.MinusToken:
          return Math.max(this.bits(left), this.bits(right)) + 1;
        case K.AsteriskToken:
          return this.bits(left) + this.bits(right);
      }
    }
    if (ts.isPrefixUnaryExpression(node) && node.operator === K.MinusToken) return this.bits(node.operand);
    const kind = this.kind(node);
    return kind === "f64" ? Number.POSITIVE_INFINITY : kind === "u32" ? 32 : 31;
  }

  /** Whether it is a sum, difference, product or negation, whose value may not fit its operands' kind. */
  isSum(whole: ts.Expression): boolean {
    const node = bare(whole);
    if (this.constant(node) !== undefined) return false;
    if (ts.isPrefixUnaryExpression(node)) return node.operator === K.MinusToken;
    if (!ts.isBinaryExpression(node)) return false;
    const op = node.operatorToken.kind;
    return op === K.PlusToken || op === K.MinusToken || op === K.AsteriskToken;
  }
}

/** null or undefined, as written. */
export function isMissing(whole: ts.Expression): boolean {
  const node = bare(whole);
  return node.kind === K.NullKeyword || (ts.isIdentifier(node) && node.text === "undefined");
}

function kindOfConstant(x: number): Kind {
  if (fitsInt32(x)) return "i32";
  return Number.isInteger(x) && x >= 2 ** 31 && x < 2 ** 32 ? "u32" : "f64";
}

function negated(operator: ts.SyntaxKind, kind: Kind): Kind {
  return operator === K.MinusToken && kind === "u32" ? "f64" : kind;
}

function operate(op: ts.SyntaxKind, a: number, b: number): number | undefined {
  switch (op) {
    case K.PlusToken:
      return a + b;
    case K.MinusToken:
      return a - b;
    case K.AsteriskToken:
      return a * b;
    case K.SlashToken:
      return a / b;
    case K.PercentToken:
      return a % b;
    case K.AsteriskAsteriskToken:
      return a ** b;
    case K.BarToken:
      return a | b;
    case K.AmpersandToken:
      return a & b;
    case K.CaretToken:
      return a ^ b;
    case K.LessThanLessThanToken:
      return a << b;
    case K.GreaterThanGreaterThanToken:
      return a >> b;
    case K.GreaterThanGreaterThanGreaterThanToken:
      return a >>> b;
    default:
      return undefined;
  }
}
