// Assignments, and what counts up and down: a place is evaluated once, then read, then written.

import ts from "typescript";
import { BITWISE, ELEMENTS, Expressions, SUMS, type Use } from "./expressions.ts";
import { isBitwise, simpleOperator } from "./numbers.ts";
import type { Rep } from "./output.ts";
import { bare, isTyped } from "./types.ts";
import { type Form, get, i32, repOf, set, tee, Value, type Want } from "./values.ts";

const K = ts.SyntaxKind;

/** Something that can be assigned: what runs first, and how it is read and written then. */
class Place {
  readonly before: string;
  readonly form: Form;
  /** What a value must be to be written. */
  readonly want: Want;
  readonly read: () => Value;
  readonly write: (text: string) => string;

  constructor(before: string, form: Form, want: Want, read: () => Value, write: (text: string) => string) {
    this.before = before;
    this.form = form;
    this.want = want;
    this.read = read;
    this.write = write;
  }
}

export abstract class Assignments extends Expressions {
  private place(whole: ts.Expression, isRead: boolean): Place {
    const target = bare(whole);
    if (ts.isIdentifier(target)) {
      const declaration = this.types.declaration(target);
      const variable = declaration === undefined ? undefined : this.variables.get(declaration);
      if (variable !== undefined) {
        const { form } = variable;
        return new Place(
          "",
          form,
          form as Want,
          () => this.read(variable),
          (text) => this.write(variable, text),
        );
      }
      const global = declaration === undefined ? undefined : this.moduleVariable(declaration);
      if (global === undefined) return this.refuse(target, `${target.text} cannot be assigned here`);
      const { form, name } = global;
      const read = (): Value => new Value(`(${repOf(form)}.load ${name})`, form);
      return new Place("", form, form as Want, read, (text) => `(${repOf(form)}.store ${name} ${text})`);
    }
    if (ts.isPropertyAccessExpression(target)) return this.fieldPlace(target, isRead);
    if (ts.isElementAccessExpression(target)) return this.elementPlace(target, isRead);
    return this.refuse(target, "this cannot be assigned");
  }

  private fieldPlace(target: ts.PropertyAccessExpression, isRead: boolean): Place {
    const { expression, name } = target;
    if (name.text === "length" && this.types.receiverAt(expression) === "Array") {
      const object = this.as(expression, "ref");
      const site = i32(this.site(target, "longer than the array"));
      const write = (text: string): string => `(call $set_length ${object} ${text} ${site})`;
      return new Place(
        "",
        "i32",
        "i32",
        () => this.refuse(target, "the length of an array is changed"),
        write,
      );
    }
    const field = this.shared.classes.field(this.types.at(expression), name.text);
    if (field === undefined) return this.refuse(target, `no field ${name.text} to assign`);
    const text = this.as(expression, "ref");
    const [before, object] = isRead ? this.once(text) : ["", text];
    const store = (value: string): string =>
      `(${repOf(field.form)}.store offset=${field.offset} ${object} ${value})`;
    return new Place(before, field.form, field.form as Want, () => this.load(object, field), store);
  }

  private elementPlace(target: ts.ElementAccessExpression, isRead: boolean): Place {
    const { expression, argumentExpression } = target;
    const receiver = this.types.receiverAt(expression);
    if (receiver !== "Array" && (receiver === undefined || !isTyped(receiver))) {
      return this.refuse(target, "an element of this cannot be assigned");
    }
    const { before: setArray, array, at, length } = this.elements(expression);
    const i = this.temp("i32");
    const site = i32(this.site(target, "outside of the array"));
    const check = `(if (i32.ge_u ${get(i)} ${length}) (then (call $outside ${site}) (unreachable)))`;
    const before = `${setArray} ${set(i, this.index(argumentExpression))}${isRead ? ` ${check}` : ""}`;
    if (receiver === "Array") {
      const shape = this.types.shapeAt(target);
      const form: Form = shape === "number" ? "i32" : "ref";
      if (shape === "optional number") this.refuse(target, "a number or nothing in an array");
      const read = (): Value => new Value(`(i32.load ${this.addressOf(at, get(i), 4)})`, form);
      const write = (text: string): string => `(call $set_element ${array} ${get(i)} ${text} ${site})`;
      return new Place(before, form, "cell", read, write);
    }
    const form = this.elementForm(receiver);
    const [size, load, store] = ELEMENTS[receiver];
    const address = this.addressOf(at, get(i), size);
    const write = (text: string): string => {
      if (isRead) return `(${store} ${address} ${text})`;
      // the value is evaluated before the index is judged
      const t = this.temp(repOf(form));
      return `${set(t, text)} ${check} (${store} ${address} ${get(t)})`;
    };
    const read = (): Value => new Value(`(${load} ${address})`, form);
    return new Place(before, form, form === "f64" ? "f64" : "bits", read, write);
  }

  /** Writes `text`, which is as the place wants it. */
  private finish(place: Place, text: string, use: Use): Value {
    if (use === "nothing") return new Value(`${place.before} ${place.write(text)}`, "void");
    const form: Form =
      place.want === "bits" || place.want === "cell" ? (place.form === "ref" ? "ref" : "i32") : place.form;
    const rep = repOf(form);
    const t = this.temp(rep);
    return new Value(
      `(block (result ${rep}) ${place.before} ${set(t, text)} ${place.write(get(t))} ${get(t)})`,
      form,
    );
  }

  protected assign(node: ts.BinaryExpression, use: Use): Value {
    const { left, right } = node;
    const operator = node.operatorToken.kind;
    const place = this.place(left, operator !== K.EqualsToken);
    // What a typed array makes of a value is not what the expression yields.
    if (
      use !== "nothing" &&
      place.want === "bits" &&
      operator === K.EqualsToken &&
      this.numbers.kind(right) !== "i32"
    ) {
      this.refuse(node, "the value of an assignment that truncates");
    }
    if (operator === K.EqualsToken) return this.finish(place, this.as(right, place.want), use);
    const op = simpleOperator(operator);
    if (this.types.shapeAt(left) === "string" && op === K.PlusToken) {
      return this.finish(place, `(call $concatenate ${place.read().text} ${this.text(right)})`, use);
    }
    if (op === K.BarBarToken && this.types.shapeAt(left) === "boolean") {
      const text = `(if (result i32) ${place.read().text} (then (i32.const 1)) (else ${this.condition(right)}))`;
      return this.finish(place, text, use);
    }
    const old = (want: Want): string => this.convert(place.read(), want, node);
    const value = this.compound(node, op, old, place.want);
    return this.finish(place, this.convert(value, place.want, node), use);
  }

  private compound(
    node: ts.BinaryExpression,
    op: ts.SyntaxKind,
    old: (want: Want) => string,
    want: Want,
  ): Value {
    const { right } = node;
    if (isBitwise(op))
      return new Value(`(i32.${BITWISE.get(op)} ${old("bits")} ${this.as(right, "bits")})`, "i32");
    switch (op) {
      case K.GreaterThanGreaterThanGreaterThanToken:
        return new Value(`(i32.shr_u ${old("bits")} ${this.as(right, "bits")})`, this.numbers.kind(node));
      case K.SlashToken:
        return new Value(`(f64.div ${old("f64")} ${this.as(right, "f64")})`, "f64");
      case K.PlusToken:
      case K.MinusToken:
      case K.AsteriskToken:
        return this.sum(SUMS.get(op)!, node, want, () => [old, (w) => this.as(right, w)]);
      default:
        return this.refuse(node, `the operator ${node.operatorToken.getText()}`);
    }
  }

  /** `++` and `--`. `isSafe`: the value is known to stay an int32. */
  protected step(target: ts.Expression, operator: ts.SyntaxKind, use: Use, isSafe = false): Value {
    const place = this.place(target, true);
    const isUp = operator === K.PlusPlusToken;
    const { form } = place;
    const next = (old: string): string => {
      if (form === "f64") return `(f64.${isUp ? "add" : "sub"} ${old} (f64.const 1))`;
      const sum = `(i32.${isUp ? "add" : "sub"} ${old} (i32.const 1))`;
      if (isSafe || place.want === "bits" || !this.shared.checksSums) return sum;
      // only one value can have been left behind
      const t = this.temp("i32");
      const wrapped = form === "u32" ? (isUp ? 0 : -1) : isUp ? -2147483648 : 2147483647;
      const fail = `(call $overflow ${i32(this.site(target, "does not fit"))}) (unreachable)`;
      return `(block (result i32) (if (i32.eq ${tee(t, sum)} ${i32(wrapped)}) (then ${fail})) ${get(t)})`;
    };
    if (form !== "i32" && form !== "u32" && form !== "f64")
      return this.refuse(target, "this cannot be counted");
    const rep: Rep = repOf(form);
    if (use === "nothing")
      return new Value(`${place.before} ${place.write(next(place.read().text))}`, "void");
    const t = this.temp(rep);
    const body =
      use === "old value"
        ? `${set(t, place.read().text)} ${place.write(next(get(t)))}`
        : `${set(t, next(place.read().text))} ${place.write(get(t))}`;
    return new Value(`(block (result ${rep}) ${place.before} ${body} ${get(t)})`, form);
  }
}
