// Lints the ten rules of the core (docs/architecture.md, "Ten rules for the core") on the TypeScript checker:
// everything but the command line, tools and tests must stay statically compilable. And the structure (structure.ts).
// Rule 3 (numbers are int32 or, named so, float64) and "indices in bounds" of rule 5 are beyond a linter.

import { join, relative } from "node:path";
import ts from "typescript";
import { misplacedImport, unusedExports } from "./structure.ts";

const ROOT = join(import.meta.dirname, "..");
const OUTSIDE = [
  "tools/",
  "tests/",
  "node_modules/",
  "gen/",
  "fuzz/",
  "main.ts",
  "service.ts",
  "script.ts",
  "pool.ts",
  "prebuilt.ts",
  "vitest.config.ts",
];
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

const config = ts.getParsedCommandLineOfConfigFile(
  join(ROOT, "tsconfig.json"),
  {},
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (d) => {
      throw new Error(ts.flattenDiagnosticMessageText(d.messageText, "\n"));
    },
  },
);
if (config === undefined) throw new Error("no tsconfig.json");
const program = ts.createProgram(config.fileNames, config.options);
const checker = program.getTypeChecker();
const complaints: string[] = [];

function complain(node: ts.Node, rule: number, text: string): void {
  report(node, `rule ${rule}: ${text}`);
}

function report(node: ts.Node, text: string): void {
  const file = node.getSourceFile();
  const { line, character } = file.getLineAndCharacterOfPosition(node.getStart());
  complaints.push(`${relative(ROOT, file.fileName)}:${line + 1}:${character + 1}: ${text}`);
}

function isIndexable(type: ts.Type): boolean {
  if (type.isUnion()) return type.types.every(isIndexable);
  if (checker.isArrayType(type) || checker.isTupleType(type)) return true;
  if ((type.flags & ts.TypeFlags.StringLike) !== 0) return true;
  return checker.getIndexInfoOfType(type, ts.IndexKind.Number) !== undefined;
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

function checkMapKey(node: ts.NewExpression | ts.TypeReferenceNode, name: string): void {
  // `new Map()` without type arguments takes them from where it goes; `new Map(rows)` from its rows.
  const context = ts.isNewExpression(node) ? checker.getContextualType(node) : undefined;
  const key = checker.getTypeArguments((context ?? checker.getTypeAtLocation(node)) as ts.TypeReference)[0];
  if (key === undefined || (key.flags & ts.TypeFlags.Any) !== 0) {
    if (ts.isNewExpression(node) && (node.arguments ?? []).length === 0)
      complain(node, 9, `${name} of unknown keys`);
    return;
  }
  const kinds = kindsOfUnion(key);
  if (kinds.size !== 1 || !(kinds.has("number") || kinds.has("string"))) {
    complain(node, 9, `${name} keyed by ${checker.typeToString(key)}: only numbers or strings`);
  }
}

function visit(node: ts.Node, path: string): void {
  switch (node.kind) {
    case ts.SyntaxKind.AnyKeyword:
      complain(node, 1, "any");
      break;
    case ts.SyntaxKind.DeleteExpression:
      complain(node, 1, "delete");
      break;
    case ts.SyntaxKind.Decorator:
      complain(node, 1, "decorator");
      break;
    case ts.SyntaxKind.BigIntLiteral:
    case ts.SyntaxKind.BigIntKeyword:
      complain(node, 4, "bigint: two words and base/int64.ts");
      break;
    case ts.SyntaxKind.ThrowStatement:
      if (path !== THROWS) complain(node, 7, "throw: call fail()");
      break;
    case ts.SyntaxKind.TryStatement:
      if (path !== CATCHES) complain(node, 7, "try: only the driver catches");
      break;
    case ts.SyntaxKind.RegularExpressionLiteral:
      complain(node, 8, "regular expression");
      break;
    case ts.SyntaxKind.AwaitExpression:
    case ts.SyntaxKind.YieldExpression:
    case ts.SyntaxKind.AsyncKeyword:
      complain(node, 10, "asynchronous code or generator");
      break;
  }
  if (ts.isIdentifier(node) && FORBIDDEN_GLOBALS.has(node.text)) {
    const symbol = checker.getSymbolAtLocation(node);
    const declaration = symbol?.declarations?.[0];
    if (declaration !== undefined && program.isSourceFileDefaultLibrary(declaration.getSourceFile())) {
      complain(node, node.text === "eval" || node.text === "Proxy" ? 1 : 8, node.text);
    }
  }
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const { text } = node.moduleSpecifier;
    if (!text.startsWith(".")) complain(node, 8, `import of ${text}`);
    const misplaced = text.startsWith(".") ? misplacedImport(path, text) : "";
    if (misplaced !== "") report(node, misplaced);
  }
  if (ts.isPropertyDeclaration(node) && node.questionToken !== undefined) complain(node, 2, "optional field");
  if (ts.isElementAccessExpression(node)) {
    const type = checker.getTypeAtLocation(node.expression);
    if (!isIndexable(type)) complain(node, 1, `dynamic key of ${checker.typeToString(type)}`);
  }
  if (ts.isUnionTypeNode(node)) {
    const kinds = kindsOfUnion(checker.getTypeAtLocation(node));
    if (kinds.has("number") && kinds.size > 1) complain(node, 6, "a union of numbers and something else");
  }
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
    const name = node.expression.text;
    if (name === "Map" || name === "Set") checkMapKey(node, name);
    if (name === "WeakMap" || name === "WeakSet" || name === "Promise") complain(node, 9, name);
  }
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const method = node.expression.name.text;
    if (method === "sort" && node.arguments.length === 0) {
      const type = checker.getTypeAtLocation(node.expression.expression);
      if (checker.isArrayType(type)) complain(node, 9, "sort without a comparator");
    }
    if (method.startsWith("toLocale") || method === "localeCompare") complain(node, 8, method);
  }
  if (ts.isVariableStatement(node) && node.parent.kind === ts.SyntaxKind.SourceFile) {
    const flags = node.declarationList.flags;
    if ((flags & ts.NodeFlags.Const) === 0) complain(node, 10, "mutable state of a module");
  }
  ts.forEachChild(node, (child) => visit(child, path));
}

let files = 0;
for (const file of program.getSourceFiles()) {
  const path = relative(ROOT, file.fileName);
  if (file.isDeclarationFile || path.startsWith("..") || OUTSIDE.some((prefix) => path.startsWith(prefix)))
    continue;
  files++;
  visit(file, path);
}
for (const declaration of unusedExports(program, ROOT))
  report(declaration, "exported, but used by no other file");
for (const complaint of complaints) console.error(complaint);
console.log(`core rules: ${files} files, ${complaints.length} complaints`);
if (complaints.length > 0) process.exit(1);
