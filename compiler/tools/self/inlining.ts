// Which functions are written where they are called: short ones that do one thing after another and return at their end,
// like the accessors of columns. Those that need an engine's compiler to be fast.

import ts from "typescript";
import type { Captures } from "./captures.ts";

const K = ts.SyntaxKind;

/** Nodes of the syntax tree that a body has at most. */
const MOST_NODES = 10;
/** Functions in each other. */
export const MOST_DEPTH = 2;

export class Inlined {
  readonly statements: readonly ts.Statement[];
  /** What it returns. */
  readonly result: ts.Expression | undefined;

  constructor(statements: readonly ts.Statement[], result: ts.Expression | undefined) {
    this.statements = statements;
    this.result = result;
  }
}

export class Inlining {
  private readonly captures: Captures;
  private readonly known: Map<ts.Node, Inlined | undefined>;

  constructor(captures: Captures) {
    this.captures = captures;
    this.known = new Map();
  }

  of(fn: ts.Node): Inlined | undefined {
    if (!this.known.has(fn)) this.known.set(fn, this.find(fn));
    return this.known.get(fn);
  }

  private find(fn: ts.Node): Inlined | undefined {
    const isFunction = ts.isFunctionDeclaration(fn) || ts.isMethodDeclaration(fn) || ts.isGetAccessor(fn);
    if (!isFunction || fn.body === undefined) return undefined;
    const isPlain = fn.parameters.every(
      (p) => ts.isIdentifier(p.name) && p.dotDotDotToken === undefined && !this.captures.isAssigned(p),
    );
    if (!isPlain) return undefined;
    let left = MOST_NODES;
    const isShort = (node: ts.Node): boolean =>
      --left >= 0 && !FORBIDDEN.has(node.kind) && ts.forEachChild(node, (n) => !isShort(n)) !== true;
    const { statements } = fn.body;
    const last = statements.at(-1);
    const isReturn = last !== undefined && ts.isReturnStatement(last) && last.expression !== undefined;
    const before = isReturn ? statements.slice(0, -1) : statements;
    const result = isReturn ? last.expression : undefined;
    if (!before.every(isShort) || (result !== undefined && !isShort(result))) return undefined;
    return new Inlined(before, result);
  }
}

/** What would need a function of its own, or is not worth it. */
const FORBIDDEN: ReadonlySet<ts.SyntaxKind> = new Set([
  ...[K.ReturnStatement, K.ThrowStatement, K.SwitchStatement],
  ...[K.ForStatement, K.ForOfStatement, K.WhileStatement, K.DoStatement],
  ...[K.ArrowFunction, K.FunctionExpression, K.SuperKeyword, K.TemplateExpression],
]);
