// What arrow functions take from around them. A variable that is captured and assigned lives in a box; all others are
// captured by value. An arrow that has a name and is only ever called needs no record: it becomes a function that gets
// what it captures as further arguments.

import ts from "typescript";
import { refuse } from "./output.ts";
import { functionOf, isAssignment, namedArrow, type Types } from "./types.ts";

const K = ts.SyntaxKind;

export type Closure = ts.ArrowFunction | ts.FunctionExpression;

export class Captured {
  readonly variables: readonly ts.Declaration[];
  /** Whether `this` is captured. */
  readonly self: boolean;

  constructor(variables: readonly ts.Declaration[], self: boolean) {
    this.variables = variables;
    this.self = self;
  }
}

/** What stands in an arrow, arrows inside of it included. */
class Contents {
  readonly variables: Set<ts.Declaration>;
  readonly called: Set<Closure>;
  self: boolean;

  constructor() {
    this.variables = new Set();
    this.called = new Set();
    this.self = false;
  }
}

export class Captures {
  private readonly types: Types;
  private readonly contents: Map<ts.Node, Contents>;
  private readonly assigned: Set<ts.Declaration>;
  /** Variables that are used in a function other than the one that declares them. */
  private readonly shared: Set<ts.Declaration>;
  /** Captured in what they begin with. */
  private readonly circular: Set<ts.Declaration>;
  /** How often elements of a variable are asked for by the function that declares it: more often in loops. */
  private readonly indexed: Map<ts.Declaration, number>;
  /** Arrows with a name that is used as a value. */
  private readonly escaping: Set<ts.Node>;
  private readonly results: Map<ts.Node, Captured>;

  constructor(types: Types) {
    this.types = types;
    this.contents = new Map();
    this.assigned = new Set();
    this.shared = new Set();
    this.circular = new Set();
    this.indexed = new Map();
    this.escaping = new Set();
    this.results = new Map();
  }

  survey(files: readonly ts.SourceFile[]): void {
    for (const file of files) this.visit(file, []);
  }

  private visit(node: ts.Node, around: readonly Closure[]): void {
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    if (node.kind === K.ThisKeyword) for (const a of around) this.contentsOf(a).self = true;
    if (ts.isIdentifier(node)) this.identifier(node, around);
    if (ts.isFunctionDeclaration(node) && functionOf(node) !== undefined) {
      refuse(this.types.where(node), "a function declared in a function");
    }
    const inside = ts.isArrowFunction(node) || ts.isFunctionExpression(node) ? [...around, node] : around;
    ts.forEachChild(node, (child) => this.visit(child, inside));
  }

  private contentsOf(closure: Closure): Contents {
    let contents = this.contents.get(closure);
    if (contents === undefined) {
      contents = new Contents();
      this.contents.set(closure, contents);
    }
    return contents;
  }

  private identifier(node: ts.Identifier, around: readonly Closure[]): void {
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) return;
    const declaration = this.types.declaration(node);
    if (declaration === undefined || !isLocal(declaration) || declaration.name === node) return;
    if (isWritten(node)) this.assigned.add(declaration);
    if (ts.isElementAccessExpression(parent) && parent.expression === node) {
      this.indexed.set(declaration, (this.indexed.get(declaration) ?? 0) + weightOf(node, declaration));
    }
    const arrow = namedArrow(declaration);
    const isCall = ts.isCallExpression(parent) && parent.expression === node;
    if (arrow !== undefined && !isCall) this.escaping.add(arrow);
    for (const a of around) {
      const contents = this.contentsOf(a);
      if (arrow !== undefined) contents.called.add(arrow);
      if (isInside(declaration, a)) continue;
      contents.variables.add(declaration);
      this.shared.add(declaration);
      if (isInside(a, declaration)) this.circular.add(declaration);
    }
  }

  isLifted(closure: Closure): boolean {
    return (
      namedArrow(closure.parent) === closure &&
      functionOf(closure) !== undefined &&
      !this.escaping.has(closure)
    );
  }

  isBoxed(declaration: ts.Declaration): boolean {
    const arrow = namedArrow(declaration);
    if (arrow !== undefined && this.isLifted(arrow)) return false;
    return this.circular.has(declaration) || (this.shared.has(declaration) && this.assigned.has(declaration));
  }

  /** Whether anything but its declaration gives the variable a value. */
  isAssigned(declaration: ts.Declaration): boolean {
    return this.assigned.has(declaration);
  }

  /** Whether to have what its elements need at hand. */
  isIndexed(declaration: ts.Declaration): boolean {
    return (this.indexed.get(declaration) ?? 0) > 1;
  }

  of(closure: Closure): Captured {
    const known = this.results.get(closure);
    if (known !== undefined) return known;
    const variables = new Set<ts.Declaration>();
    const seen = new Set<Closure>();
    let self = false;
    const collect = (c: Closure): void => {
      if (seen.has(c)) return;
      seen.add(c);
      const contents = this.contentsOf(c);
      self ||= contents.self;
      for (const v of contents.variables) {
        const arrow = namedArrow(v);
        if (arrow !== undefined && this.isLifted(arrow)) continue;
        if (!isInside(v, closure)) variables.add(v);
      }
      for (const called of contents.called) if (this.isLifted(called)) collect(called);
    };
    collect(closure);
    const result = new Captured([...variables], self);
    this.results.set(closure, result);
    return result;
  }
}

type Local = ts.VariableDeclaration | ts.ParameterDeclaration | ts.BindingElement;

function isLocal(node: ts.Declaration): node is Local {
  const isVariable = ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node);
  return isVariable && functionOf(node) !== undefined;
}

/** 2 in a loop that the declaration is not in, else 1; 0 in another function. */
function weightOf(node: ts.Node, declaration: ts.Declaration): number {
  let weight = 1;
  for (let at = node; !isInside(declaration, at); at = at.parent) {
    if (ts.isFunctionLike(at)) return 0;
    if (ts.isIterationStatement(at, false)) weight = 2;
  }
  return weight;
}

function isInside(node: ts.Node, outer: ts.Node): boolean {
  return node.getSourceFile() === outer.getSourceFile() && node.pos >= outer.pos && node.end <= outer.end;
}

/** Whether a name stands where it gets a value. */
export function isWritten(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isBinaryExpression(parent)) return parent.left === node && isAssignment(parent.operatorToken.kind);
  const isUnary = ts.isPostfixUnaryExpression(parent) || ts.isPrefixUnaryExpression(parent);
  return isUnary && (parent.operator === K.PlusPlusToken || parent.operator === K.MinusMinusToken);
}
