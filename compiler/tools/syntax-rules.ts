// The part of the core's lint that looks at constructs (docs/architecture.md, "Ten rules for the core"). What values
// are, and what is kept of them: value-rules.ts.

import ts from "typescript";
import type { Report } from "./value-rules.ts";

const THROWS = "base/fail.ts"; // the only file with `throw`
const CATCHES = "driver.ts"; // the only file with `try`
const FORBIDDEN_GLOBALS = new Set([
  "eval",
  "Proxy",
  "Reflect",
  "Date",
  "Intl",
  "globalThis",
  "process",
  "Function",
]);

export class SyntaxRules {
  private readonly program: ts.Program;
  private readonly checker: ts.TypeChecker;
  private readonly report: Report;

  constructor(program: ts.Program, report: Report) {
    this.program = program;
    this.checker = program.getTypeChecker();
    this.report = report;
  }

  private isIndexable(type: ts.Type): boolean {
    if (type.isUnion()) return type.types.every((t) => this.isIndexable(t));
    if (this.checker.isArrayType(type) || this.checker.isTupleType(type)) return true;
    if ((type.flags & ts.TypeFlags.StringLike) !== 0) return true;
    return this.checker.getIndexInfoOfType(type, ts.IndexKind.Number) !== undefined;
  }

  private checkMapKey(node: ts.NewExpression | ts.TypeReferenceNode, name: string): void {
    // `new Map()` without type arguments takes them from where it goes; `new Map(rows)` from its rows.
    const context = ts.isNewExpression(node) ? this.checker.getContextualType(node) : undefined;
    const key = this.checker.getTypeArguments(
      (context ?? this.checker.getTypeAtLocation(node)) as ts.TypeReference,
    )[0];
    if (key === undefined || (key.flags & ts.TypeFlags.Any) !== 0) {
      if (ts.isNewExpression(node) && (node.arguments ?? []).length === 0)
        this.report(node, 9, `${name} of unknown keys`);
      return;
    }
    const kinds = kindsOfUnion(key);
    if (kinds.size !== 1 || !(kinds.has("number") || kinds.has("string"))) {
      this.report(node, 9, `${name} keyed by ${this.checker.typeToString(key)}: only numbers or strings`);
    }
  }

  /** Looks at one node of the file `path`; the caller visits all of them. */
  visit(node: ts.Node, path: string): void {
    switch (node.kind) {
      case ts.SyntaxKind.AnyKeyword:
        this.report(node, 1, "any");
        break;
      case ts.SyntaxKind.DeleteExpression:
        this.report(node, 1, "delete");
        break;
      case ts.SyntaxKind.Decorator:
        this.report(node, 1, "decorator");
        break;
      case ts.SyntaxKind.BigIntLiteral:
      case ts.SyntaxKind.BigIntKeyword:
        this.report(node, 4, "bigint: two words and base/int64.ts");
        break;
      case ts.SyntaxKind.ThrowStatement:
        if (path !== THROWS) this.report(node, 7, "throw: call fail()");
        break;
      case ts.SyntaxKind.TryStatement:
        if (path !== CATCHES) this.report(node, 7, "try: only the driver catches");
        break;
      case ts.SyntaxKind.RegularExpressionLiteral:
        this.report(node, 8, "regular expression");
        break;
      case ts.SyntaxKind.AwaitExpression:
      case ts.SyntaxKind.YieldExpression:
      case ts.SyntaxKind.AsyncKeyword:
        this.report(node, 10, "asynchronous code or generator");
        break;
    }
    if (ts.isIdentifier(node) && FORBIDDEN_GLOBALS.has(node.text)) {
      const symbol = this.checker.getSymbolAtLocation(node);
      const declaration = symbol?.declarations?.[0];
      if (declaration !== undefined && this.program.isSourceFileDefaultLibrary(declaration.getSourceFile())) {
        this.report(node, node.text === "eval" || node.text === "Proxy" ? 1 : 8, node.text);
      }
    }
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const { text } = node.moduleSpecifier;
      if (!text.startsWith(".")) this.report(node, 8, `import of ${text}`);
    }
    if (ts.isPropertyDeclaration(node) && node.questionToken !== undefined)
      this.report(node, 2, "optional field");
    if (ts.isElementAccessExpression(node)) {
      const type = this.checker.getTypeAtLocation(node.expression);
      if (!this.isIndexable(type)) this.report(node, 1, `dynamic key of ${this.checker.typeToString(type)}`);
    }
    if (ts.isUnionTypeNode(node)) {
      const kinds = kindsOfUnion(this.checker.getTypeAtLocation(node));
      if (kinds.has("number") && kinds.size > 1)
        this.report(node, 6, "a union of numbers and something else");
    }
    if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
      const name = node.expression.text;
      if (name === "Map" || name === "Set") this.checkMapKey(node, name);
      if (name === "WeakMap" || name === "WeakSet" || name === "Promise") this.report(node, 9, name);
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const method = node.expression.name.text;
      if (method === "sort" && node.arguments.length === 0) {
        const type = this.checker.getTypeAtLocation(node.expression.expression);
        if (this.checker.isArrayType(type)) this.report(node, 9, "sort without a comparator");
      }
      if (method.startsWith("toLocale") || method === "localeCompare") this.report(node, 8, method);
    }
    if (ts.isVariableStatement(node) && node.parent.kind === ts.SyntaxKind.SourceFile) {
      const flags = node.declarationList.flags;
      if ((flags & ts.NodeFlags.Const) === 0) this.report(node, 10, "mutable state of a module");
    }
  }
}

function kindsOfUnion(type: ts.Type): Set<string> {
  const kinds = new Set<string>();
  for (const part of type.isUnion() ? type.types : [type]) {
    if ((part.flags & ts.TypeFlags.NumberLike) !== 0) kinds.add("number");
    else if ((part.flags & ts.TypeFlags.StringLike) !== 0) kinds.add("string");
    else if ((part.flags & ts.TypeFlags.BooleanLike) !== 0) kinds.add("boolean");
    else if ((part.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)) === 0) kinds.add("object");
  }
  return kinds;
}
