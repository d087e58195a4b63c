// A function being written: its variables, and what the translation of all functions shares.

import ts from "typescript";
import type { Captures } from "./captures.ts";
import type { Classes } from "./classes.ts";
import type { Inlining } from "./inlining.ts";
import type { Numbers } from "./numbers.ts";
import { type Output, type Rep, refuse } from "./output.ts";
import { isTyped, type Types } from "./types.ts";
import { type Form, get, i32, repOf, set, Value } from "./values.ts";

const K = ts.SyntaxKind;

/** Locals that hold the address of a typed array's elements and their number: these never change. */
class Header {
  readonly at: string;
  readonly length: string;

  constructor(at: string, length: string) {
    this.at = at;
    this.length = length;
  }
}

export class Variable {
  readonly name: string;
  readonly form: Form;
  /** The local holds the address of the value. */
  readonly isBoxed: boolean;
  header: Header | undefined;

  constructor(name: string, form: Form, isBoxed: boolean) {
    this.name = name;
    this.form = form;
    this.isBoxed = isBoxed;
    this.header = undefined;
  }
}

/** What all functions of a translation know. */
export interface Shared {
  readonly types: Types;
  readonly numbers: Numbers;
  readonly classes: Classes;
  readonly captures: Captures;
  readonly inlining: Inlining;
  readonly out: Output;
  /** The name of the function that a declaration becomes; from here on it is translated. */
  function(declaration: ts.Node): string;
  /** The name of a function of the run time, and its declaration. */
  runtime(name: string): ts.FunctionDeclaration;
  /** A class of the run time. */
  runtimeClass(name: string): ts.ClassDeclaration;
  /** The number in the table of functions of an arrow, or of what calls a declared function. */
  tableIndex(fn: ts.ArrowFunction | ts.FunctionExpression | ts.FunctionDeclaration): number;
  /** The address of a variable of a module. */
  moduleVariable(declaration: ts.VariableDeclaration): Variable;
  /** Whether checks of sums are written. */
  readonly checksSums: boolean;
}

export class Frame {
  protected readonly shared: Shared;
  protected readonly types: Types;
  protected readonly numbers: Numbers;
  protected readonly out: Output;
  protected readonly variables: Map<ts.Node, Variable>;
  /** The local that holds `this`. */
  protected self: string;
  /** Functions that are being written where they are called. */
  protected readonly open: ts.Node[];
  private readonly locals: string[];
  private readonly used: Set<string>;
  /** Locals that never change after their declaration. */
  private readonly stable: Set<string>;
  /** Temporary locals: those that are free, and those that the statement at hand has taken. */
  private readonly free: Map<Rep, string[]>;
  private taken: [Rep, string][];

  constructor(shared: Shared) {
    this.shared = shared;
    this.types = shared.types;
    this.numbers = shared.numbers;
    this.out = shared.out;
    this.variables = new Map();
    this.self = "$this";
    this.open = [];
    this.locals = [];
    this.used = new Set(["$this", "$env"]);
    this.stable = new Set(["$this"]);
    this.free = new Map();
    this.taken = [];
  }

  protected where(node: ts.Node): string {
    return this.types.where(node);
  }

  protected refuse(node: ts.Node, text: string): never {
    return refuse(this.where(node), text);
  }

  protected site(node: ts.Node, what: string): number {
    return this.out.site(this.where(node), what);
  }

  private know(declaration: ts.Declaration, variable: Variable): void {
    this.variables.set(declaration, variable);
    if (!variable.isBoxed && !this.shared.captures.isAssigned(declaration)) this.stable.add(variable.name);
  }

  /** An object: what must run first, and text that yields it as often as it is needed. */
  protected once(text: string): [string, string] {
    const name = /^\(local\.get ([^() ]*)\)$/.exec(text)?.[1];
    if (name !== undefined && (this.stable.has(name) || /^\$\.\d+$/.test(name))) return ["", text];
    const t = this.temp("i32");
    return [set(t, text), get(t)];
  }

  /** A local that holds what the statement at hand needs. */
  protected temp(rep: Rep): string {
    const free = this.free.get(rep);
    const name = free?.pop() ?? this.temporary(rep);
    this.taken.push([rep, name]);
    return name;
  }

  private temporary(rep: Rep): string {
    const name = `$.${this.locals.length}`; // no variable has such a name
    this.locals.push(`(local ${name} ${rep})`);
    return name;
  }

  /** Frees what `body` takes, when it is done; not within expressions, of which more may be needed. */
  protected scoped<T>(body: () => T): T {
    if (this.open.length > 0) return body();
    const outer = this.taken;
    this.taken = [];
    const result = body();
    for (const [rep, name] of this.taken) this.free.set(rep, [...(this.free.get(rep) ?? []), name]);
    this.taken = outer;
    return result;
  }

  private unique(wish: string): string {
    const plain = `$${wish.replace(/[^A-Za-z0-9_]/g, "_")}`;
    let name = plain;
    for (let k = 2; this.used.has(name); k++) name = `${plain}.${k}`;
    this.used.add(name);
    return name;
  }

  protected local(wish: string, rep: Rep): string {
    const name = this.unique(wish);
    this.locals.push(`(local ${name} ${rep})`);
    return name;
  }

  /** A local with a name of the translator's. */
  protected own(name: string): void {
    this.locals.push(`(local ${name} i32)`);
  }

  /** Text for all locals. */
  protected localsText(): string {
    return this.locals.join(" ");
  }

  /** Makes a variable: a local, or a box. Its text is what must run where it is declared. */
  protected makeVariable(declaration: ts.Declaration, wish: string, form: Form): string {
    const isBoxed = this.shared.captures.isBoxed(declaration);
    const known = this.variables.get(declaration);
    const name = known?.name ?? this.local(wish, isBoxed ? "i32" : repOf(form));
    if (known === undefined) this.know(declaration, new Variable(name, form, isBoxed));
    return isBoxed ? set(name, `(call $allocate ${i32(8)})`) : "";
  }

  /** Loads the header of a variable that has just got its value, if it is a typed array whose elements are asked for. */
  protected loadHeader(declaration: ts.Declaration & { readonly name: ts.Node }): string {
    const variable = this.variables.get(declaration)!;
    const { captures } = this.shared;
    if (variable.isBoxed || captures.isAssigned(declaration) || !captures.isIndexed(declaration)) return "";
    const type = this.types.at(declaration.name);
    const receiver = this.types.receiver(type);
    if (type !== this.types.present(type) || receiver === undefined || !isTyped(receiver)) return "";
    const { name } = variable;
    variable.header ??= new Header(
      this.local(`${name.slice(1)}_at`, "i32"),
      this.local(`${name.slice(1)}_n`, "i32"),
    );
    const { at, length } = variable.header;
    return `${set(at, `(i32.load ${get(name)})`)} ${set(length, `(i32.load offset=4 ${get(name)})`)}`;
  }

  /** The header of what an expression names, if it is in locals. */
  protected headerOf(node: ts.Node): Header | undefined {
    const declaration = node.kind === K.Identifier ? this.types.declaration(node) : undefined;
    return declaration === undefined ? undefined : this.variables.get(declaration)?.header;
  }

  /** A parameter of the machine's function: its text, and what must run first. */
  protected parameter(declaration: ts.Declaration, wish: string, form: Form): [string, string] {
    const given = this.unique(wish);
    const text = `(param ${given} ${repOf(form)})`;
    if (!this.shared.captures.isBoxed(declaration)) {
      this.know(declaration, new Variable(given, form, false));
      return [text, ""];
    }
    const box = this.makeVariable(declaration, `${wish}_box`, form);
    return [text, `${box} ${this.write(this.variables.get(declaration)!, get(given))}`];
  }

  /** A captured variable that comes as it is: its value, or the address of its box. */
  protected captured(declaration: ts.Declaration, wish: string, form: Form): string {
    const isBoxed = this.shared.captures.isBoxed(declaration);
    const name = this.unique(wish);
    this.know(declaration, new Variable(name, form, isBoxed));
    return `(param ${name} ${isBoxed ? "i32" : repOf(form)})`;
  }

  /** The same as a local of the function: its name. */
  protected capturedLocal(declaration: ts.Declaration, wish: string, form: Form): string {
    const isBoxed = this.shared.captures.isBoxed(declaration);
    const name = this.local(wish, isBoxed ? "i32" : repOf(form));
    this.know(declaration, new Variable(name, form, isBoxed));
    return name;
  }

  protected read(variable: Variable): Value {
    const { name, form, isBoxed } = variable;
    return new Value(isBoxed ? `(${repOf(form)}.load ${get(name)})` : get(name), form);
  }

  /** `text` has the variable's form. */
  protected write(variable: Variable, text: string): string {
    const { name, form, isBoxed } = variable;
    return isBoxed ? `(${repOf(form)}.store ${get(name)} ${text})` : set(name, text);
  }
}
