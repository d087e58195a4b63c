// Objects in memory: a number that says the class, then the fields at fixed offsets, those of the base class first.
// No method is overridden, so a call knows its function; an interface is the class that implements it, the literals
// that are made of it, or a dispatch by the number.

import ts from "typescript";
import type { Numbers } from "./numbers.ts";
import { type Output, refuse } from "./output.ts";
import type { Types } from "./types.ts";
import { type Form, repOf } from "./values.ts";

const K = ts.SyntaxKind;
const HEADER = 4;

export class Field {
  readonly offset: number;
  readonly form: Form;

  constructor(offset: number, form: Form) {
    this.offset = offset;
    this.form = form;
  }
}

export class ClassLayout {
  readonly number: number;
  readonly size: number;
  readonly fields: ReadonlyMap<string, Field>;

  constructor(number: number, size: number, fields: ReadonlyMap<string, Field>) {
    this.number = number;
    this.size = size;
    this.fields = fields;
  }
}

type Declared = ts.ClassDeclaration | ts.InterfaceDeclaration;

export class Classes {
  private readonly types: Types;
  private readonly numbers: Numbers;
  private readonly layouts: Map<Declared, ClassLayout>;
  private readonly dispatchers: Map<ts.Node, string>;
  /** Interfaces that some object literal is made of. */
  private readonly literal: Set<ts.Node>;
  private classes: readonly ts.ClassDeclaration[];
  private readonly concrete: Map<Declared, Declared | undefined>;

  constructor(types: Types, numbers: Numbers) {
    this.types = types;
    this.numbers = numbers;
    this.layouts = new Map();
    this.dispatchers = new Map();
    this.literal = new Set();
    this.classes = [];
    this.concrete = new Map();
  }

  /** Notes the classes of the files, and what their object literals are made of. */
  survey(files: readonly ts.SourceFile[]): void {
    const classes: ts.ClassDeclaration[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isClassDeclaration(node)) classes.push(node);
      if (ts.isObjectLiteralExpression(node)) {
        const declared = this.types.declared(this.types.expected(node));
        if (declared !== undefined) this.literal.add(declared);
      }
      ts.forEachChild(node, visit);
    };
    for (const file of files) visit(file);
    this.classes = classes;
    this.types.survey(files);
    this.refuseOverriding();
  }

  private refuseOverriding(): void {
    for (const derived of this.classes) {
      for (let base = this.types.base(derived); base !== undefined; base = this.types.base(base)) {
        for (const member of derived.members) {
          if (!ts.isMethodDeclaration(member) || !ts.isIdentifier(member.name)) continue;
          const { text } = member.name;
          const other = base.members.find((m) => ts.isMethodDeclaration(m) && m.name.getText() === text);
          if (other !== undefined && (other as ts.MethodDeclaration).body !== undefined) {
            refuse(this.types.where(member), `${text} overrides a method of ${base.name?.text}`);
          }
        }
      }
    }
  }

  /** The form of what a slot keeps. */
  form(slot: ts.Declaration, type: ts.Type): Form {
    const shape = this.types.shape(type);
    if (shape === "number") return this.numbers.slot(slot);
    if (shape === "optional number") return "optional";
    if (shape === "void" || shape === "never") return shape;
    return "ref";
  }

  layout(declared: Declared): ClassLayout {
    const known = this.layouts.get(declared);
    if (known !== undefined) return known;
    const fields = new Map<string, Field>();
    let size = HEADER;
    if (ts.isClassDeclaration(declared)) {
      const base = this.types.base(declared);
      if (base !== undefined) {
        const { fields: inherited, size: before } = this.layout(base);
        for (const [name, field] of inherited) fields.set(name, field);
        size = before;
      } else if (this.extendsError(declared)) {
        fields.set("message", new Field(size, "ref"));
        size += 4;
      }
    }
    for (const member of declared.members) {
      const isField = ts.isPropertyDeclaration(member) || ts.isPropertySignature(member);
      if (!isField && !ts.isMethodSignature(member)) continue;
      if (member.modifiers?.some((m) => m.kind === K.DeclareKeyword)) continue;
      const form = isField ? this.form(member, this.types.at(member)) : "ref";
      const bytes = repOf(form) === "i32" ? 4 : 8;
      size = (size + bytes - 1) & -bytes;
      fields.set(member.name.getText(), new Field(size, form));
      size += bytes;
    }
    const layout = new ClassLayout(this.layouts.size + 1, (size + 7) & ~7, fields);
    this.layouts.set(declared, layout);
    return layout;
  }

  extendsError(declared: ts.ClassDeclaration): boolean {
    const clause = declared.heritageClauses?.find((h) => h.token === K.ExtendsKeyword);
    return clause !== undefined && clause.types[0].expression.getText() === "Error";
  }

  /** The class or interface whose layout the objects of a type have, if they all have the same. */
  one(type: ts.Type): Declared | undefined {
    const declared = this.types.declared(type);
    if (declared === undefined || ts.isClassDeclaration(declared) || this.literal.has(declared))
      return declared;
    if (this.concrete.has(declared)) return this.concrete.get(declared);
    let classes = this.types.implementations(declared);
    if (classes.length === 0)
      classes = this.classes.filter((c) => this.types.fits(c, this.types.present(type)));
    const found = classes.length === 1 ? classes[0] : undefined;
    this.concrete.set(declared, found);
    return found;
  }

  isLiteral(declared: ts.Node): boolean {
    return this.literal.has(declared);
  }

  field(type: ts.Type, name: string): Field | undefined {
    const declared = this.one(type);
    return declared === undefined ? undefined : this.layout(declared).fields.get(name);
  }

  /** A method of a class or of those it extends. */
  method(declared: ts.ClassDeclaration, name: string): ts.MethodDeclaration | undefined {
    for (let c: ts.ClassDeclaration | undefined = declared; c !== undefined; c = this.types.base(c)) {
      const found = c.members.find((m) => ts.isMethodDeclaration(m) && m.name.getText() === name);
      if (found !== undefined) return found as ts.MethodDeclaration;
    }
    return undefined;
  }

  /** The name of a function that calls the method of whichever class the object has. */
  dispatcher(
    signature: ts.MethodSignature,
    out: Output,
    nameOf: (m: ts.MethodDeclaration) => string,
  ): string {
    const known = this.dispatchers.get(signature);
    if (known !== undefined) return known;
    const declared = signature.parent as ts.InterfaceDeclaration;
    const method = signature.name.getText();
    const name = out.unique(`${declared.name.text}.${method}`);
    this.dispatchers.set(signature, name);
    const params = signature.parameters.map((p) => repOf(this.form(p, this.types.at(p))));
    const result = repOf(this.form(signature, this.types.returned(signature)));
    const given = params.map((_, i) => `(local.get ${i + 1})`).join(" ");
    const ways = this.types.implementations(declared).map((c) => {
      const own = this.method(c, method);
      if (own === undefined) return refuse(this.types.where(c), `no method ${method}`);
      const isIt = `(i32.eq (i32.load (local.get 0)) (i32.const ${this.layout(c).number}))`;
      return `(if ${isIt} (then (return (call ${nameOf(own)} (local.get 0) ${given}))))`;
    });
    const head = `(func ${name} (param i32 ${params.join(" ")})${result === "" ? "" : ` (result ${result})`}`;
    out.functions.push(`${head} ${ways.join(" ")} (unreachable))`);
    return name;
  }
}
