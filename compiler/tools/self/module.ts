// A whole translation: the files in the order in which they are evaluated, the functions that are reached from what
// is exported and from what modules do when they are loaded, and the module in the text format.

import { join, relative } from "node:path";
import ts from "typescript";
import { PRELUDE } from "../../self/prelude.ts";
import { Captures } from "./captures.ts";
import { Classes } from "./classes.ts";
import { type Shared, Variable } from "./frame.ts";
import { Inlining } from "./inlining.ts";
import { Numbers } from "./numbers.ts";
import { Output, Refusal, refuse, type Site } from "./output.ts";
import { Statements } from "./statements.ts";
import { Types } from "./types.ts";

const K = ts.SyntaxKind;

export class Translated {
  /** The module as text. */
  readonly text: string;
  /** By number: where a check that failed stands, and what it is about. */
  readonly sites: readonly Site[];

  constructor(text: string, sites: readonly Site[]) {
    this.text = text;
    this.sites = sites;
  }
}

export interface Settings {
  /** Text instead of that of a file, by its path. */
  readonly replaced: ReadonlyMap<string, string>;
  /** Sums that do not fit fail. */
  readonly checksSums: boolean;
}

/** The program of `entries`, under the compiler options of tsconfig.json in `root`. */
function programOf(
  root: string,
  entries: readonly string[],
  replaced: ReadonlyMap<string, string>,
): ts.Program {
  const read = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(
    read.config,
    { ...ts.sys, readDirectory: () => [] },
    root,
  );
  const host = ts.createCompilerHost({ ...options, types: [] });
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => replaced.has(path) || fileExists.call(host, path);
  host.getSourceFile = (path, language, ...rest) => {
    const text = replaced.get(path);
    if (text === undefined) return getSourceFile.call(host, path, language, ...rest);
    return ts.createSourceFile(path, text, language, true);
  };
  return ts.createProgram([...entries], { ...options, types: [] }, host);
}

class Translation implements Shared {
  readonly types: Types;
  readonly numbers: Numbers;
  readonly classes: Classes;
  readonly captures: Captures;
  readonly inlining: Inlining;
  readonly out: Output;
  readonly checksSums: boolean;
  private readonly root: string;
  private readonly waiting: ts.Node[];
  private readonly thunks: Map<ts.Node, number>;
  private readonly variables: Map<ts.Node, Variable>;
  private readonly runtimes: Map<string, ts.Declaration>;

  constructor(types: Types, root: string, checksSums: boolean) {
    this.types = types;
    this.numbers = new Numbers(types);
    this.classes = new Classes(types, this.numbers);
    this.captures = new Captures(types);
    this.inlining = new Inlining(this.captures);
    this.out = new Output();
    this.root = root;
    this.checksSums = checksSums;
    this.waiting = [];
    this.thunks = new Map();
    this.variables = new Map();
    this.runtimes = new Map();
  }

  private wish(node: ts.Node): string {
    const { name } = node as { name?: ts.Node };
    const path = relative(this.root, node.getSourceFile().fileName).replace(/\.ts$/, "");
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) {
      const around = ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : "function";
      const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart());
      return `${path}:${line + 1}:${around}`;
    }
    if (ts.isClassDeclaration(node)) return `${path}.${name?.getText()}.new`;
    if (ts.isClassDeclaration(node.parent)) {
      return `${path}.${node.parent.name?.text}.${ts.isConstructorDeclaration(node) ? "init" : name?.getText()}`;
    }
    return `${path}.${name?.getText()}`;
  }

  function(declaration: ts.Node): string {
    if (!this.out.hasName(declaration)) this.waiting.push(declaration);
    return this.out.name(declaration, this.wish(declaration));
  }

  tableIndex(fn: ts.ArrowFunction | ts.FunctionExpression | ts.FunctionDeclaration): number {
    const known = this.thunks.get(fn);
    if (known !== undefined) return known;
    if (!ts.isFunctionDeclaration(fn)) {
      const index = this.out.tabled(this.function(fn));
      this.thunks.set(fn, index);
      return index;
    }
    const name = this.out.unique(`${this.wish(fn)}:value`);
    const index = this.out.tabled(name);
    this.thunks.set(fn, index);
    this.out.functions.push(new Statements(this).thunk(fn, name));
    return index;
  }

  private runtimeNamed(name: string): ts.Declaration {
    return this.runtimes.get(name) ?? refuse("the run time", `nothing is named ${name}`);
  }

  runtime(name: string): ts.FunctionDeclaration {
    return this.runtimeNamed(name) as ts.FunctionDeclaration;
  }

  runtimeClass(name: string): ts.ClassDeclaration {
    return this.runtimeNamed(name) as ts.ClassDeclaration;
  }

  moduleVariable(declaration: ts.VariableDeclaration): Variable {
    let variable = this.variables.get(declaration);
    if (variable === undefined) {
      const form = this.classes.form(declaration, this.types.at(declaration.name));
      variable = new Variable(`(i32.const ${this.out.room(8)})`, form, false);
      this.variables.set(declaration, variable);
    }
    return variable;
  }

  /** `runtime`: the files of the run time, `entry`: the one whose exports the module has. */
  run(runtime: readonly string[], entry: string): Translated {
    const files = this.types.order([...runtime, entry]);
    for (const path of runtime) {
      for (const s of this.types.program.getSourceFile(path)!.statements) {
        const isNamed = ts.isFunctionDeclaration(s) || ts.isClassDeclaration(s);
        if (isNamed && s.name !== undefined) this.runtimes.set(s.name.text, s);
      }
    }
    this.classes.survey(files);
    this.captures.survey(files);
    const refusals: string[] = [];
    const write = (text: () => string): void => {
      try {
        this.out.functions.push(text());
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refusals.push(error.message);
      }
    };
    const inits = files.map((file) => {
      const name = this.out.unique(`${relative(this.root, file.fileName)}:load`);
      write(() => new Statements(this).module(file, name));
      return name;
    });
    for (const s of this.types.program.getSourceFile(entry)!.statements) {
      if (!ts.isFunctionDeclaration(s) || !s.modifiers?.some((m) => m.kind === K.ExportKeyword)) continue;
      this.out.exports.push(`(export "${s.name!.text}" (func ${this.function(s)}))`);
    }
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      const node = next;
      write(() => new Statements(this).function(node, this.function(node)));
    }
    if (refusals.length > 0) throw new Refusal(refusals.join("\n"));
    this.out.exports.push(`(func (export "load") ${inits.map((name) => `(call ${name})`).join(" ")})`);
    return new Translated(this.out.module(PRELUDE), this.out.sites);
  }
}

/** Translates `entry` and all that it needs. `root`: the folder that names are relative to. */
export function translate(
  root: string,
  runtime: readonly string[],
  entry: string,
  settings: Settings,
): Translated {
  const program = programOf(root, [...runtime, entry], settings.replaced);
  return new Translation(new Types(program, root), root, settings.checksSums).run(runtime, entry);
}
