// Numbers on their way to where they are kept: each flow that loses what its number may be is a complaint of the lint.

import ts from "typescript";
import { libraryCall } from "./self/library.ts";
import type { Numbers, Slot } from "./self/numbers.ts";
import { bare, functionOf, isAssignment, namedArrow, type Types } from "./self/types.ts";

const K = ts.SyntaxKind;

/** A number on its way to a slot; `slot` is undefined where only int32 can be kept: in arrays, maps, closures. */
export class Flow {
  readonly slot: Slot | undefined;
  readonly value: ts.Expression;
  /** What the slot is, for people. */
  readonly place: string;

  constructor(slot: Slot | undefined, value: ts.Expression, place: string) {
    this.slot = slot;
    this.value = value;
    this.place = place;
  }
}

export class Flows {
  private readonly numbers: Numbers;
  private readonly types: Types;

  constructor(numbers: Numbers) {
    this.numbers = numbers;
    this.types = numbers.types;
  }

  /** Whether a slot's kind is written where it is declared. */
  private isDeclared(slot: Slot): boolean {
    return "type" in slot && slot.type !== undefined;
  }

  /** Whether a value says by itself what it is: it comes from a slot or a function that is declared. */
  private isNamed(whole: ts.Expression): boolean {
    const node = bare(whole);
    if (ts.isConditionalExpression(node)) {
      return [node.whenTrue, node.whenFalse].every((n) => this.numbers.kind(n) === "i32" || this.isNamed(n));
    }
    return (
      ts.isIdentifier(node) ||
      ts.isPropertyAccessExpression(node) ||
      ts.isElementAccessExpression(node) ||
      ts.isCallExpression(node)
    );
  }

  /** Every number in the subtree of `node` that goes where it is kept, itself only. */
  of(node: ts.Node): Flow[] {
    const flows: Flow[] = [];
    const add = (slot: Slot | undefined, value: ts.Expression | undefined, place: string): void => {
      if (value === undefined) return;
      const shape = this.types.shapeAt(value);
      if (shape === "number" || shape === "optional number") flows.push(new Flow(slot, value, place));
    };
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name)) {
      add(node, node.initializer, `\`${node.name.text}\``);
    } else if (ts.isPropertyDeclaration(node)) {
      add(node, node.initializer, `\`${node.name.getText()}\``);
    } else if (ts.isParameter(node)) {
      add(node, node.initializer, `\`${node.name.getText()}\``);
    } else if (ts.isReturnStatement(node)) {
      add(functionOf(node), node.expression, "the function's result");
    } else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
      add(node, node.body, "the function's result");
    } else if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) {
      this.assignment(node, add);
    } else if (ts.isCallExpression(node)) {
      this.callFlows(node, add);
    } else if (ts.isNewExpression(node)) {
      const made = this.types.declared(this.types.at(node));
      const maker = made !== undefined && ts.isClassDeclaration(made) ? this.types.maker(made) : undefined;
      if (maker !== undefined) this.parameters(maker, node.arguments ?? [], add);
    } else if (ts.isArrayLiteralExpression(node)) {
      for (const e of node.elements) if (!ts.isSpreadElement(e)) add(undefined, e, "an array");
    } else if (ts.isPropertyAssignment(node)) {
      const declared = this.types.declared(this.types.expected(node.parent));
      const name = node.name.getText();
      const property =
        declared === undefined ? undefined : this.types.property(this.types.expected(node.parent), name);
      add(property, node.initializer, `\`${name}\``);
    }
    return flows;
  }

  /** What is wrong with a flow; "" if nothing is. */
  fault({ slot, value, place }: Flow): string {
    if (this.types.shapeAt(value) !== "number") return "";
    const from = this.numbers.kind(value);
    const into = slot === undefined ? "i32" : this.numbers.slot(slot);
    const begins = slot !== undefined && ts.isVariableDeclaration(slot) && slot.initializer === value;
    if (begins && !this.isDeclared(slot)) {
      const isConst = (slot.parent.flags & ts.NodeFlags.Const) !== 0;
      const saysIt =
        from === "i32" || this.isNamed(value) || (isConst && this.numbers.constant(value) !== undefined);
      return saysIt
        ? ""
        : `${place} may be more than an int32: name it (\`: ${from}\`), or truncate it (\`| 0\`)`;
    }
    if (from === into || into === "f64" || from === "i32") return "";
    const cut = into === "i32" ? "| 0" : ">>> 0";
    if (slot === undefined) return `${place} holds int32: truncate what may be ${from} (\`${cut}\`)`;
    return `${place} is ${into}, the value may be ${from}: name it (\`: ${from}\`), or truncate it (\`${cut}\`)`;
  }

  private assignment(node: ts.BinaryExpression, add: AddFlow): void {
    const target = bare(node.left);
    const value = node.operatorToken.kind === K.EqualsToken ? node.right : node;
    if (ts.isElementAccessExpression(target)) {
      // A typed array truncates; what it makes of fractions is the language's.
      if (this.types.receiverAt(target.expression) === "Array") add(undefined, value, "an array");
      return;
    }
    const name = ts.isPropertyAccessExpression(target) ? target.name : target;
    add(this.types.declaration(name), value, `\`${name.getText()}\``);
  }

  private callFlows(node: ts.CallExpression, add: AddFlow): void {
    if (node.expression.kind === K.SuperKeyword) {
      const derived = functionOf(node)?.parent;
      const base =
        derived !== undefined && ts.isClassDeclaration(derived) ? this.types.base(derived) : undefined;
      const maker = base === undefined ? undefined : this.types.maker(base);
      if (maker !== undefined) this.parameters(maker, node.arguments, add);
      return;
    }
    const callee = this.types.callee(node);
    if (callee !== undefined && this.types.isLibrary(callee)) {
      const { row } = libraryCall(this.types, node);
      if (row === undefined || row.joined) return;
      for (const [i, { want }] of row.parameters.entries()) {
        if (want === "i32" || want === "cell")
          add(undefined, node.arguments[i], `an argument of ${row.name}`);
      }
      return;
    }
    const fn = namedArrow(callee) ?? callee;
    if (fn !== undefined && ts.isFunctionLike(fn)) this.parameters(fn, node.arguments, add);
    else for (const argument of node.arguments) add(undefined, argument, "an argument of a function value");
  }

  private parameters(fn: ts.SignatureDeclaration, given: readonly ts.Expression[], add: AddFlow): void {
    for (const [i, argument] of given.entries()) {
      const parameter = fn.parameters[Math.min(i, fn.parameters.length - 1)];
      if (ts.isSpreadElement(argument) || parameter === undefined) continue;
      const isRest = parameter.dotDotDotToken !== undefined;
      add(isRest ? undefined : parameter, argument, `\`${parameter.name.getText()}\``);
    }
  }
}

type AddFlow = (slot: Slot | undefined, value: ts.Expression | undefined, place: string) => void;
