// What the TypeScript checker knows, in the words of the translator: what a value is in memory, which declaration a
// name means, what belongs to the language's library. The only file that asks the checker.

import { dirname, join, relative } from "node:path";
import ts from "typescript";

/** What a value of a type is: how it is kept, whatever the number is. */
export type Shape = "void" | "never" | "number" | "optional number" | "string" | "boolean" | "object";

/** What a receiver of methods is, as the table of the library names it; "object" for classes of our own. */
export type Receiver =
  | "string"
  | "number"
  | "Array"
  | "Map"
  | "Set"
  | "DataView"
  | "ArrayBuffer"
  | "function"
  | "object"
  | Typed;

export type Typed =
  | "Int8Array"
  | "Uint8Array"
  | "Int16Array"
  | "Uint16Array"
  | "Int32Array"
  | "Uint32Array"
  | "Float64Array";

const TYPED: ReadonlySet<string> = new Set<Typed>([
  "Int8Array",
  "Uint8Array",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float64Array",
]);

/** Interfaces of the library that are what another one is. */
const SAME: ReadonlyMap<string, Receiver> = new Map([
  ["ReadonlyMap", "Map"],
  ["ReadonlySet", "Set"],
  ["ArrayIterator", "Array"],
  ["MapIterator", "Array"],
  ["SetIterator", "Array"],
  ["ReadonlyArray", "Array"],
]);

export function isTyped(receiver: Receiver): receiver is Typed {
  return TYPED.has(receiver);
}

/** A program of TypeScript. `root`: the folder that its files are named from. */
export class Types {
  readonly program: ts.Program;
  readonly root: string;
  private readonly checker: ts.TypeChecker;
  private readonly types: Map<ts.Node, ts.Type>;
  private readonly declarations: Map<ts.Node, ts.Declaration | undefined>;
  /** Classes that implement an interface, and interfaces that object literals are made of. */
  private readonly implementers: Map<ts.Node, ts.ClassDeclaration[]>;

  constructor(program: ts.Program, root: string) {
    this.program = program;
    this.root = root;
    this.checker = program.getTypeChecker();
    this.types = new Map();
    this.declarations = new Map();
    this.implementers = new Map();
  }

  /** The files that `entries` import, themselves and others, in the order in which they are evaluated. */
  order(entries: readonly string[]): ts.SourceFile[] {
    const order: ts.SourceFile[] = [];
    const seen = new Set<ts.SourceFile>();
    const load = (file: ts.SourceFile): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const s of file.statements) {
        const isImport =
          ts.isImportDeclaration(s) && s.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword;
        const isExport = ts.isExportDeclaration(s) && !s.isTypeOnly && s.moduleSpecifier !== undefined;
        if (!(isImport || isExport)) continue;
        const name = (s as ts.ImportDeclaration).moduleSpecifier as ts.StringLiteral;
        const imported = this.program.getSourceFile(join(dirname(file.fileName), name.text));
        if (imported !== undefined) load(imported);
      }
      order.push(file);
    };
    for (const entry of entries) {
      const file = this.program.getSourceFile(entry);
      if (file === undefined) throw new Error(`no file ${entry}`);
      load(file);
    }
    return order;
  }

  /** "file:line" of a node. */
  where(node: ts.Node): string {
    const file = node.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(node.getStart());
    return `${relative(this.root, file.fileName)}:${line + 1}`;
  }

  text(type: ts.Type): string {
    return this.checker.typeToString(type);
  }

  at(node: ts.Node): ts.Type {
    let type = this.types.get(node);
    if (type === undefined) {
      type = this.evident(node) ?? this.checker.getTypeAtLocation(node);
      this.types.set(node, type);
    }
    return type;
  }

  /**
   * The type of an expression where declarations tell it, whatever conditions it stands under: the checker looks
   * through all of them each time it is asked, which in functions of thousands of lines takes most of the time.
   */
  private evident(node: ts.Node): ts.Type | undefined {
    if (ts.isIdentifier(node) && ts.isExpression(node) && !isDeclaredName(node)) {
      const declaration = this.declaration(node);
      const isVariable =
        declaration !== undefined && (ts.isVariableDeclaration(declaration) || ts.isParameter(declaration));
      return isVariable && !this.isLibrary(declaration) ? this.fixed(declaration) : undefined;
    }
    if (ts.isPropertyAccessExpression(node)) {
      const declaration = this.declaration(node.name);
      const isField =
        declaration !== undefined &&
        (ts.isPropertyDeclaration(declaration) || ts.isPropertySignature(declaration));
      if (!isField || node.questionDotToken !== undefined || this.isLibrary(declaration)) return undefined;
      return this.fixed(declaration);
    }
    if (ts.isElementAccessExpression(node)) {
      const array = this.receiver(this.at(node.expression));
      return array !== undefined && isTyped(array) ? this.checker.getNumberType() : undefined;
    }
    if (ts.isBinaryExpression(node)) {
      const op = node.operatorToken.kind;
      if (ARITHMETIC.has(op)) return this.checker.getNumberType();
      if (COMPARISONS.has(op)) return this.checker.getBooleanType();
      const isLogical = op === ts.SyntaxKind.AmpersandAmpersandToken || op === ts.SyntaxKind.BarBarToken;
      const isTruth =
        isLogical && scalar(this.at(node.left)) === "boolean" && scalar(this.at(node.right)) === "boolean";
      return isTruth ? this.checker.getBooleanType() : undefined;
    }
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
      return this.checker.getBooleanType();
    }
    if (ts.isParenthesizedExpression(node)) return this.at(node.expression);
    if (ts.isCallExpression(node) && isPlainCall(node)) {
      const callee = this.callee(node);
      const isOwn =
        callee !== undefined &&
        !this.isLibrary(callee) &&
        (ts.isFunctionDeclaration(callee) || ts.isMethodDeclaration(callee));
      if (!isOwn || callee.type === undefined || callee.type.kind === ts.SyntaxKind.ThisType)
        return undefined;
      return ts.isTypePredicateNode(callee.type) ? undefined : this.checker.getTypeFromTypeNode(callee.type);
    }
    return undefined;
  }

  /** The declared type, if no condition can make it narrower in a way that matters. */
  private fixed(
    declaration:
      | ts.VariableDeclaration
      | ts.ParameterDeclaration
      | ts.PropertyDeclaration
      | ts.PropertySignature,
  ): ts.Type | undefined {
    if (!ts.isIdentifier(declaration.name)) return undefined;
    const symbol = this.checker.getSymbolAtLocation(declaration.name);
    if (symbol === undefined) return undefined;
    const type = this.checker.getTypeOfSymbol(symbol);
    const isPlain = !type.isUnion() || scalar(type) !== undefined;
    const isKnown =
      (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.TypeParameter)) === 0;
    return isPlain && isKnown && !isNothing(type) ? type : undefined;
  }

  /** The type that an expression should have where it stands; its own where nothing is expected. */
  expected(node: ts.Expression): ts.Type {
    return this.checker.getContextualType(node) ?? this.at(node);
  }

  /** Without null and undefined. */
  present(type: ts.Type): ts.Type {
    return type.isUnion() ? this.checker.getNonNullableType(type) : type;
  }

  returned(fn: ts.SignatureDeclaration): ts.Type {
    const signature = this.checker.getSignatureFromDeclaration(fn);
    if (signature === undefined) throw new Error(`${this.where(fn)}: no signature`);
    return this.checker.getReturnTypeOfSignature(signature);
  }

  /** Type arguments of an array, a tuple, a Map or a Set. */
  arguments(type: ts.Type): readonly ts.Type[] {
    return this.checker.getTypeArguments(this.present(type) as ts.TypeReference);
  }

  shape(type: ts.Type): Shape {
    const { flags } = type;
    if ((flags & ts.TypeFlags.Never) !== 0) return "never";
    if (!type.isUnion()) {
      if ((flags & (ts.TypeFlags.Void | ts.TypeFlags.Undefined)) !== 0) return "void";
      return scalar(type) ?? "object";
    }
    const parts = type.types.filter((t) => !isNothing(t));
    const kinds = new Set(parts.map((t) => scalar(t) ?? "object"));
    if (kinds.size !== 1) return "object";
    const [kind] = kinds;
    if (kind === "number" && parts.length < type.types.length) return "optional number";
    return kind;
  }

  shapeAt(node: ts.Node): Shape {
    return this.shape(this.at(node));
  }

  isNever(node: ts.Node): boolean {
    return (this.at(node).flags & ts.TypeFlags.Never) !== 0;
  }

  receiver(whole: ts.Type): Receiver | undefined {
    const type = this.present(whole);
    const kind = scalar(type);
    if (kind === "string" || kind === "number") return kind;
    if (kind === "boolean") return undefined;
    if (this.checker.isTupleType(type) || this.checker.isArrayType(type)) return "Array";
    if (type.isUnion()) {
      const kinds = new Set(type.types.map((t) => this.receiver(t)));
      return kinds.size === 1 ? [...kinds][0] : undefined;
    }
    const name = type.symbol?.name;
    if (name !== undefined && this.isLibraryType(type)) {
      if (TYPED.has(name)) return name as Typed;
      if (name === "Map" || name === "Set" || name === "DataView" || name === "ArrayBuffer") return name;
      const same = SAME.get(name);
      if (same !== undefined) return same;
    }
    if (type.getCallSignatures().length > 0) return "function";
    return "object";
  }

  receiverAt(node: ts.Node): Receiver | undefined {
    return this.receiver(this.at(node));
  }

  private isLibraryType(type: ts.Type): boolean {
    return (type.symbol?.declarations ?? []).some((d) => this.isLibrary(d));
  }

  /** Whether the declaration stands in the language's library. */
  isLibrary(declaration: ts.Node | undefined): boolean {
    if (declaration === undefined) return false;
    const file = declaration.getSourceFile();
    return this.program.isSourceFileDefaultLibrary(file) || file.fileName.includes("/@types/node/");
  }

  /** The declaration that a name, or the name behind a dot, means. */
  declaration(node: ts.Node): ts.Declaration | undefined {
    if (this.declarations.has(node)) return this.declarations.get(node);
    const { parent } = node;
    // A field or method of a class of our own, without asking for the type of what stands in front of the dot twice.
    if (ts.isPropertyAccessExpression(parent) && parent.name === node && !this.isModule(parent.expression)) {
      const own = this.declared(this.at(parent.expression));
      const found =
        own === undefined
          ? undefined
          : this.property(this.at(parent.expression), (node as ts.Identifier).text);
      if (found !== undefined) {
        this.declarations.set(node, found);
        return found;
      }
    }
    let symbol =
      ts.isShorthandPropertyAssignment(parent) && parent.name === node
        ? this.checker.getShorthandAssignmentValueSymbol(parent)
        : this.checker.getSymbolAtLocation(node);
    if (symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0) {
      symbol = this.checker.getAliasedSymbol(symbol);
    }
    const declaration = symbol?.valueDeclaration ?? symbol?.declarations?.[0];
    this.declarations.set(node, declaration);
    return declaration;
  }

  /** Whether the name is that of a whole module: `import * as name`. */
  isModule(node: ts.Node): boolean {
    if (!ts.isIdentifier(node)) return false;
    const symbol = this.checker.getSymbolAtLocation(node);
    return (symbol?.declarations ?? []).some(ts.isNamespaceImport);
  }

  /** The declaration of a type's property. */
  property(type: ts.Type, name: string): ts.Declaration | undefined {
    const symbol = this.checker.getPropertyOfType(this.present(type), name);
    return symbol?.valueDeclaration ?? symbol?.declarations?.[0];
  }

  /** The property that an element of an object pattern reads. */
  boundProperty(element: ts.BindingElement): ts.Declaration | undefined {
    const name = (element.propertyName ?? element.name) as ts.Identifier;
    return this.property(this.at(element.parent), name.text);
  }

  /** The class or interface of our own that declares a type. */
  declared(type: ts.Type): ts.ClassDeclaration | ts.InterfaceDeclaration | undefined {
    const declarations = this.present(type).symbol?.declarations ?? [];
    const own = declarations.filter((d) => !this.isLibrary(d));
    return own.find((d) => ts.isClassDeclaration(d)) ?? own.find((d) => ts.isInterfaceDeclaration(d));
  }

  /** Whether objects of a class may be used as the type. */
  fits(declaration: ts.ClassDeclaration, type: ts.Type): boolean {
    const { name } = declaration;
    const symbol = name === undefined ? undefined : this.checker.getSymbolAtLocation(name);
    return (
      symbol !== undefined &&
      this.checker.isTypeAssignableTo(this.checker.getDeclaredTypeOfSymbol(symbol), type)
    );
  }

  /** The class that a class extends. */
  base(declaration: ts.ClassDeclaration): ts.ClassDeclaration | undefined {
    const clause = declaration.heritageClauses?.find((h) => h.token === ts.SyntaxKind.ExtendsKeyword);
    if (clause === undefined) return undefined;
    const base = this.declaration(clause.types[0].expression);
    return base !== undefined && ts.isClassDeclaration(base) ? base : undefined;
  }

  /** The constructor that `new` of the class calls, if one is written. */
  maker(declaration: ts.ClassDeclaration): ts.ConstructorDeclaration | undefined {
    for (let c: ts.ClassDeclaration | undefined = declaration; c !== undefined; c = this.base(c)) {
      const own = c.members.find(ts.isConstructorDeclaration);
      if (own !== undefined) return own;
    }
    return undefined;
  }

  /** Notes which classes implement which interfaces; before `implementations` is asked. */
  survey(files: readonly ts.SourceFile[]): void {
    for (const file of files) {
      for (const s of file.statements) {
        if (!ts.isClassDeclaration(s)) continue;
        for (const clause of s.heritageClauses ?? []) {
          if (clause.token !== ts.SyntaxKind.ImplementsKeyword) continue;
          for (const { expression } of clause.types) {
            const declaration = this.declaration(expression);
            if (declaration === undefined) continue;
            const known = this.implementers.get(declaration) ?? [];
            this.implementers.set(declaration, [...known, s]);
          }
        }
      }
    }
  }

  implementations(declaration: ts.Node): readonly ts.ClassDeclaration[] {
    return this.implementers.get(declaration) ?? [];
  }

  /** The declaration that a call enters: a function, a method, a local arrow; or undefined for values. */
  callee(call: ts.CallExpression): ts.Declaration | undefined {
    const { expression } = call;
    if (ts.isIdentifier(expression)) return this.declaration(expression);
    if (ts.isPropertyAccessExpression(expression)) return this.declaration(expression.name);
    return undefined;
  }
}

const ARITHMETIC: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.MinusToken,
  ts.SyntaxKind.AsteriskToken,
  ts.SyntaxKind.SlashToken,
  ts.SyntaxKind.PercentToken,
  ts.SyntaxKind.BarToken,
  ts.SyntaxKind.AmpersandToken,
  ts.SyntaxKind.CaretToken,
  ts.SyntaxKind.LessThanLessThanToken,
  ts.SyntaxKind.GreaterThanGreaterThanToken,
  ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
]);

const COMPARISONS: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
]);

function isDeclaredName(node: ts.Identifier): boolean {
  const { parent } = node;
  return "name" in parent && parent.name === node;
}

/** Without `?.` anywhere in front. */
function isPlainCall(node: ts.CallExpression): boolean {
  return (node.flags & ts.NodeFlags.OptionalChain) === 0;
}

function isNothing(type: ts.Type): boolean {
  return (type.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined | ts.TypeFlags.Void)) !== 0;
}

/** The scalar that every part of a type is. */
function scalar(type: ts.Type): "number" | "string" | "boolean" | undefined {
  if (type.isUnion()) {
    const kinds = new Set(type.types.map(scalar));
    return kinds.size === 1 ? [...kinds][0] : undefined;
  }
  if ((type.flags & ts.TypeFlags.NumberLike) !== 0) return "number";
  if ((type.flags & ts.TypeFlags.StringLike) !== 0) return "string";
  if ((type.flags & ts.TypeFlags.BooleanLike) !== 0) return "boolean";
  if (type.isIntersection() && type.types.some((t) => (t.flags & ts.TypeFlags.NumberLike) !== 0))
    return "number";
  return undefined;
}

/** The function that a node stands in, or undefined at the top of a module. */
export function functionOf(node: ts.Node): ts.FunctionLikeDeclaration | undefined {
  let at = node.parent;
  while (at !== undefined && !ts.isFunctionLike(at)) at = at.parent;
  return at as ts.FunctionLikeDeclaration | undefined;
}

/** Without parentheses, casts and exclamation marks. */
export function bare(node: ts.Expression): ts.Expression {
  let at = node;
  while (
    ts.isParenthesizedExpression(at) ||
    ts.isAsExpression(at) ||
    ts.isNonNullExpression(at) ||
    ts.isSatisfiesExpression(at)
  ) {
    at = at.expression;
  }
  return at;
}

/** The arrow that a `const` names. */
export function namedArrow(declaration: ts.Node | undefined): ts.ArrowFunction | undefined {
  if (declaration === undefined || !ts.isVariableDeclaration(declaration)) return undefined;
  const { initializer } = declaration;
  return initializer !== undefined && ts.isArrowFunction(initializer) ? initializer : undefined;
}

export function isAssignment(operator: ts.SyntaxKind): boolean {
  return operator >= ts.SyntaxKind.FirstAssignment && operator <= ts.SyntaxKind.LastAssignment;
}
