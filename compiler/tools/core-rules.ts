// Lints the ten rules of the core (docs/architecture.md, "Ten rules for the core") on the TypeScript checker:
// everything but the command line, tools and tests must stay statically compilable. Constructs: syntax-rules.ts; what
// numbers are, and what is kept: value-rules.ts; the structure: structure.ts. "Indices in bounds" of rule 5 is beyond
// a linter.

import { join, relative } from "node:path";
import ts from "typescript";
import { Lint } from "./lint.ts";
import { unusedExports } from "./structure.ts";

const ROOT = join(import.meta.dirname, "..");
const OUTSIDE = [
  "tools/",
  "tests/",
  "node_modules/",
  "gen/",
  "fuzz/",
  "self/exports.ts",
  "main.ts",
  "service.ts",
  "pool.ts",
  "prebuilt.ts",
  "vitest.config.ts",
];

/** The compiler's own program. */
function ownProgram(): ts.Program {
  const host: ts.ParseConfigFileHost = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (d) => {
      throw new Error(ts.flattenDiagnosticMessageText(d.messageText, "\n"));
    },
  };
  const config = ts.getParsedCommandLineOfConfigFile(join(ROOT, "tsconfig.json"), {}, host);
  if (config === undefined) throw new Error("no tsconfig.json");
  return ts.createProgram(config.fileNames, config.options);
}

const program = ownProgram();
const lint = new Lint(program, ROOT);
const complaints: string[] = [];
let files = 0;
for (const file of program.getSourceFiles()) {
  const path = relative(ROOT, file.fileName);
  if (file.isDeclarationFile || path.startsWith("..") || OUTSIDE.some((prefix) => path.startsWith(prefix)))
    continue;
  files++;
  complaints.push(...lint.complaints(file, path).map((c) => `${path}:${c}`));
}
for (const declaration of unusedExports(program, ROOT)) {
  const file = declaration.getSourceFile();
  const { line, character } = file.getLineAndCharacterOfPosition(declaration.getStart());
  const where = `${relative(ROOT, file.fileName)}:${line + 1}:${character + 1}`;
  complaints.push(`${where}: exported, but used by no other file`);
}
for (const complaint of complaints) console.error(complaint);
console.log(`core rules: ${files} files, ${complaints.length} complaints`);
if (complaints.length > 0) process.exit(1);
