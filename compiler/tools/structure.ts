// Lints the structure (docs/architecture.md): a stage imports only itself and stages to its left, and what is exported
// is imported somewhere.

import { dirname, join, relative } from "node:path";
import ts from "typescript";

/** In the order in which data passes them; gen/ belongs to where its tables and rules are. */
const STAGES = [
  "base",
  "self",
  "ir",
  "wasm",
  "wat",
  "abi",
  "lower",
  "walk",
  "opt",
  "mach",
  "isa",
  "obj",
  "runtime",
  "python",
];
/** The only file that knows the machines of isa/, which do not know each other. */
const TARGETS = "targets.ts";
const GENERATED: ReadonlyMap<string, string> = new Map([
  ["gen/wasm-ops.ts", "wasm"],
  ["gen/wat-words.ts", "wat"],
  ["gen/ir-ops.ts", "ir"],
  ["gen/walk.ts", "walk"],
  ["gen/simplify.ts", "opt"],
  ["gen/pseudo-ops.ts", "mach"],
]);
/** What is made of a machine's tables and rules: gen/MACHINE-ops.ts, gen/MACHINE-lower.ts. */
const OF_MACHINE = /^gen\/(\w+)-(?:ops|lower)\.ts$/;

/** The folder that a file belongs to: `isa/MACHINE` for what is a machine's own. */
function folderOf(path: string): string {
  const machine = OF_MACHINE.exec(path)?.[1];
  return GENERATED.get(path) ?? (machine === undefined ? dirname(path) : `isa/${machine}`);
}

/** The place of a folder's stage; that of the root, which knows all stages, is behind the last. */
function placeOf(folder: string): number {
  return folder === "." ? STAGES.length : STAGES.indexOf(folder.startsWith("isa/") ? "isa" : folder);
}

/** What is wrong with the import of `specifier` by the file `path`; "" if nothing is. */
export function misplacedImport(path: string, specifier: string): string {
  const target = join(dirname(path), specifier);
  const [own, other] = [folderOf(path), folderOf(target)];
  const [from, to] = [placeOf(own), placeOf(other)];
  if (from < 0) return `${path} belongs to no stage: tools/structure.ts lists them`;
  if (to < 0 || to > from) return `import of ${target}, which is not to the left of ${STAGES[from]}/`;
  if (other.startsWith("isa/") && other !== own && path !== TARGETS)
    return `import of ${target}: only ${TARGETS} knows machines`;
  return "";
}

/**
 * Types are there for whoever names them, and numbers are members of families of constants: only functions and other
 * constants must have a user.
 */
function needsUser(declaration: ts.Declaration, checker: ts.TypeChecker): boolean {
  if (ts.isFunctionDeclaration(declaration)) return true;
  if (!ts.isVariableDeclaration(declaration)) return false;
  return (checker.getTypeAtLocation(declaration).flags & ts.TypeFlags.NumberLike) === 0;
}

/** Generated constants, the run time of the translation and programs for its tests have no importers. */
function isCalledByName(path: string): boolean {
  return ["gen/", "self/", "tests/self/"].some((folder) => path.startsWith(folder));
}

/** What is exported by files under `root`, those of gen/ aside, and mentioned by no other file. */
export function unusedExports(program: ts.Program, root: string): ts.Declaration[] {
  const checker = program.getTypeChecker();
  const behind = (symbol: ts.Symbol) =>
    (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
  const files = program
    .getSourceFiles()
    .filter((file) => !file.isDeclarationFile && !relative(root, file.fileName).startsWith(".."));
  const mentioned = new Set<ts.Declaration>();
  for (const file of files) {
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node)) {
        const symbol = ts.isBindingElement(node.parent)
          ? checker.getTypeAtLocation(node.parent.parent).getProperty(node.text) // of an `await import(…)`
          : checker.getSymbolAtLocation(node);
        for (const declaration of symbol === undefined ? [] : (behind(symbol).declarations ?? [])) {
          if (declaration.getSourceFile() !== file) mentioned.add(declaration);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  const unused: ts.Declaration[] = [];
  for (const file of files) {
    const module = checker.getSymbolAtLocation(file);
    if (module === undefined || isCalledByName(relative(root, file.fileName))) continue;
    for (const symbol of checker.getExportsOfModule(module)) {
      const declaration = behind(symbol).declarations?.[0];
      if (declaration === undefined || mentioned.has(declaration)) continue;
      if (needsUser(declaration, checker)) unused.push(declaration);
    }
  }
  return unused;
}
