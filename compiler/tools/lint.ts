// All rules for the core, applied to one file after the other of a program.

import ts from "typescript";
import { Types } from "./self/types.ts";
import { misplacedImport } from "./structure.ts";
import { SyntaxRules } from "./syntax-rules.ts";
import { ValueRules } from "./value-rules.ts";

export class Lint {
  private readonly values: ValueRules;
  private readonly syntax: SyntaxRules;
  private found: string[];

  /** `root`: the folder of the core. */
  constructor(program: ts.Program, root: string) {
    const report = (node: ts.Node, rule: number, text: string): void =>
      this.say(node, `rule ${rule}: ${text}`);
    this.values = new ValueRules(new Types(program, root), report);
    this.syntax = new SyntaxRules(program, report);
    this.found = [];
  }

  private say(node: ts.Node, text: string): void {
    const { line, character } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart());
    this.found.push(`${line + 1}:${character + 1}: ${text}`);
  }

  /** Complaints about a file, as "line:column: text". `path`: its name in the core. */
  complaints(file: ts.SourceFile, path: string): string[] {
    this.found = [];
    this.visit(file, path);
    return this.found;
  }

  private visit(node: ts.Node, path: string): void {
    this.values.visit(node);
    this.syntax.visit(node, path);
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const { text } = node.moduleSpecifier;
      const misplaced = text.startsWith(".") ? misplacedImport(path, text) : "";
      if (misplaced !== "") this.say(node, misplaced);
    }
    ts.forEachChild(node, (child) => this.visit(child, path));
  }
}
