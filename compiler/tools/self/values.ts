// Values on their way: text that leaves one on the stack, and how one form becomes another. Nothing is lost here
// without a check, but where `bits` are wanted, which is what operators that truncate want.

import { type Rep, refuse } from "./output.ts";

/**
 * Forms of values: the kinds of numbers; `wide`, an exact integer in 64 bits; `optional`, an int32 or nothing in 64
 * bits; `ref`, an address, null or a truth value; and no value at all.
 */
export type Form = "i32" | "u32" | "f64" | "wide" | "optional" | "ref" | "void" | "never";

/** `bits`: the low 32 of the integer part; `cell`: what arrays, maps and function values hold. */
export type Want = "i32" | "u32" | "f64" | "wide" | "optional" | "ref" | "bits" | "cell";

/** Nothing, as an optional number: its low word is null. */
export const NOTHING = "(i64.const 0x100000000)";

export class Value {
  readonly text: string;
  readonly form: Form;

  constructor(text: string, form: Form) {
    this.text = text;
    this.form = form;
  }
}

export function repOf(form: Form | Want): Rep {
  switch (form) {
    case "f64":
      return "f64";
    case "wide":
    case "optional":
      return "i64";
    case "void":
    case "never":
      return "";
    default:
      return "i32";
  }
}

export function i32(x: number): string {
  return `(i32.const ${x})`;
}

export function get(name: string): string {
  return `(local.get ${name})`;
}

export function set(name: string, text: string): string {
  return `(local.set ${name} ${text})`;
}

export function tee(name: string, text: string): string {
  return `(local.tee ${name} ${text})`;
}

export function f64Text(x: number): string {
  if (Number.isNaN(x)) return "(f64.const nan)";
  if (!Number.isFinite(x)) return `(f64.const ${x < 0 ? "-" : ""}inf)`;
  return `(f64.const ${Object.is(x, -0) ? "-0" : x})`;
}

/** Text that yields the value in the form that is wanted. `site`: a check's number, made where one is needed. */
export function convert(value: Value, want: Want, where: string, site: () => number): string {
  const { text, form } = value;
  if (form === want || form === "never") return text;
  const check = (name: string): string => `(call $${name} ${text} ${i32(site())})`;
  switch (`${form} ${want}`) {
    case "i32 bits":
    case "i32 cell":
    case "u32 bits":
    case "ref cell":
    case "ref bits":
      return text;
    case "i32 u32":
    case "u32 i32":
    case "u32 cell":
      return check("same_sign");
    case "i32 f64":
      return `(f64.convert_i32_s ${text})`;
    case "u32 f64":
      return `(f64.convert_i32_u ${text})`;
    case "i32 wide":
    case "i32 optional":
      return `(i64.extend_i32_s ${text})`;
    case "u32 wide":
      return `(i64.extend_i32_u ${text})`;
    case "u32 optional":
      return `(i64.extend_i32_s ${check("same_sign")})`;
    case "f64 i32":
    case "f64 cell":
      return check("f64_to_i32");
    case "f64 u32":
      return check("f64_to_u32");
    case "f64 bits":
      return `(call $truncate ${text})`;
    case "f64 optional":
      return `(i64.extend_i32_s ${check("f64_to_i32")})`;
    case "wide i32":
    case "wide cell":
      return check("wide_to_i32");
    case "wide u32":
      return check("wide_to_u32");
    case "wide bits":
    case "optional i32":
    case "optional cell":
    case "optional bits":
    case "optional ref":
      return `(i32.wrap_i64 ${text})`;
    case "wide f64":
    case "optional f64":
      return `(f64.convert_i64_s ${text})`;
    case "optional wide":
      return text;
    case "wide optional":
      return `(i64.extend_i32_s ${check("wide_to_i32")})`;
    default:
      return refuse(where, `a value of form ${form} where ${want} is wanted`);
  }
}
