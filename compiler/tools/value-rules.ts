// The part of the core's lint that asks what values are: which kind a number has, what is kept where, what of the
// language's library is used. It asks the same files that the translator does (tools/self), so that what passes here
// is what that can translate.

import ts from "typescript";
import { Flows } from "./flows.ts";
import { isKnownProperty, libraryCall } from "./self/library.ts";
import { Numbers } from "./self/numbers.ts";
import { functionOf, type Types } from "./self/types.ts";

const K = ts.SyntaxKind;

export type Report = (node: ts.Node, rule: number, text: string) => void;

export class ValueRules {
  private readonly types: Types;
  private readonly flows: Flows;
  private readonly report: Report;

  constructor(types: Types, report: Report) {
    this.types = types;
    this.flows = new Flows(new Numbers(types));
    this.report = report;
  }

  /** Looks at one node; the caller visits all of them. */
  visit(node: ts.Node): void {
    for (const flow of this.flows.of(node)) {
      const fault = this.flows.fault(flow);
      if (fault !== "") this.report(flow.value, 3, fault);
    }
    if (ts.isCallExpression(node)) this.call(node);
    if (ts.isPropertyAccessExpression(node)) this.property(node);
    if (ts.isPropertyDeclaration(node) || ts.isPropertySignature(node)) this.kept(node, this.types.at(node));
    if (ts.isArrayTypeNode(node)) this.kept(node, this.types.at(node.elementType));
    if (ts.isParameter(node)) this.parameter(node);
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === K.PlusEqualsToken) this.appending(node);
  }

  private call(node: ts.CallExpression): void {
    const callee = this.types.callee(node);
    if (callee === undefined || !this.types.isLibrary(callee)) return;
    const { name, row, isKnown } = libraryCall(this.types, node);
    if (!isKnown) {
      this.report(node, 8, `${name} is not in the table of tools/self/library.ts`);
      return;
    }
    for (const [i, parameter] of (row?.parameters ?? []).entries()) {
      const isGiven =
        node.arguments.length > i || parameter.isLittle || parameter.otherwise !== "" || row?.joined;
      if (!isGiven && row?.name.startsWith("number.") === false) {
        this.report(node, 8, `${name} without an argument that the table of tools/self/library.ts has`);
      }
      if (parameter.isLittle && node.arguments[i]?.kind !== K.TrueKeyword) {
        this.report(node, 8, `${name} without \`true\` for the byte order, as memories have it`);
      }
    }
  }

  private property(node: ts.PropertyAccessExpression): void {
    if (ts.isCallExpression(node.parent) && node.parent.expression === node) return;
    const declaration = this.types.declaration(node.name);
    if (!this.types.isLibrary(declaration) || ts.isTypeNode(node.parent)) return;
    const isError =
      declaration !== undefined && declaration.parent !== undefined && isErrorClass(declaration.parent);
    const isStatic =
      ts.isIdentifier(node.expression) && this.types.isLibrary(this.types.declaration(node.expression));
    const owner = isStatic ? node.expression.getText() : this.types.receiverAt(node.expression);
    if (!isError && !isKnownProperty(`${owner}`, node.name.text)) {
      this.report(node, 8, `${owner}.${node.name.text} is not in the table of tools/self/library.ts`);
    }
  }

  /** A field, or what an array holds. */
  private kept(node: ts.Node, type: ts.Type): void {
    if (this.types.shape(type) === "optional number") {
      this.report(node, 6, "a number or nothing is not kept: -1, NO_VALUE or the like for nothing");
    }
  }

  private parameter(node: ts.ParameterDeclaration): void {
    if (node.type !== undefined && this.isAnonymous(this.types.at(node.type))) {
      this.report(node, 2, "a parameter of a type without a name");
    }
    if (node.initializer !== undefined && ts.isArrowFunction(node.parent)) {
      this.report(node, 2, "a default parameter of an arrow function");
    }
  }

  private isAnonymous(type: ts.Type): boolean {
    const [element] = this.types.receiver(type) === "Array" ? this.types.arguments(type) : [type];
    const declaration = element?.symbol?.declarations?.[0];
    return declaration !== undefined && ts.isTypeLiteralNode(declaration);
  }

  /** Text that grows step by step is copied at each of them. */
  private appending(node: ts.BinaryExpression): void {
    if (this.types.shapeAt(node.left) !== "string") return;
    const ends = functionOf(node);
    for (let at = node.parent; at !== undefined && at !== ends; at = at.parent) {
      if (ts.isIterationStatement(at, false)) {
        this.report(node, 2, "text that grows in a loop: an array of parts and `join`, or Bytes");
        return;
      }
    }
    if (ts.isPropertyAccessExpression(node.left)) {
      this.report(node, 2, "a field of text that grows: an array of parts and `join`, or Bytes");
    }
  }
}

function isErrorClass(node: ts.Node): boolean {
  return ts.isInterfaceDeclaration(node) && node.name.text === "Error";
}
