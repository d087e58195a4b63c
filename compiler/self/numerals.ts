// Numbers as text, and text as numbers: integers only, which is all that the compiler writes and reads this way.

import type { f64 } from "../base/numbers.ts";
import { impossible, outside } from "./machine.ts";
import { joinTexts, textOfUnit, trimText } from "./texts.ts";

export function isWhole(x: f64): boolean {
  return Math.floor(x) === x && Math.abs(x) < Number.POSITIVE_INFINITY;
}

function digit(x: number): string {
  return textOfUnit(x < 10 ? 48 + x : 87 + x);
}

export function integerText(x: number): string {
  if (x >= 0 && x < 10) return digit(x);
  const size: f64 = Math.abs(x);
  return x < 0 ? `-${natural(size, 10)}` : natural(size, 10);
}

/** Of an integer below 2⁵³ and not negative. */
function natural(x: f64, radix: number): string {
  const digits: string[] = [];
  let rest: f64 = x;
  do {
    const next: f64 = Math.floor(rest / radix);
    digits.push(digit((rest - next * radix) | 0));
    rest = next;
  } while (rest > 0);
  for (let i = 0, j = digits.length - 1; i < j; i++, j--) {
    const d = digits[i];
    digits[i] = digits[j];
    digits[j] = d;
  }
  return joinTexts(digits, "");
}

/** `String(x)`, `x.toString(radix)`: of integers up to 2⁵³, and what is no number. */
export function numberText(x: f64, radix: number): string {
  if (Number.isNaN(x)) return "NaN";
  if (x === Number.POSITIVE_INFINITY) return "Infinity";
  if (x === -Number.POSITIVE_INFINITY) return "-Infinity";
  if (Math.floor(x) !== x || Math.abs(x) > 9007199254740992) impossible(0);
  return x < 0 ? `-${natural(-x, radix)}` : natural(Math.abs(x), radix);
}

export function joinNumbers(a: readonly number[], separator: string): string {
  const texts: string[] = [];
  for (let i = 0; i < a.length; i++) texts.push(integerText(a[i]));
  return joinTexts(texts, separator);
}

/** The value of a digit, 99 of what is none. */
function digitValue(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 97 && c <= 122) return c - 87;
  return c >= 65 && c <= 90 ? c - 55 : 99;
}

/** `Number.parseInt`: the digits that the text begins with. */
export function parseInteger(text: string, radix: number): f64 {
  const t = trimText(text);
  let at = 0;
  let sign: f64 = 1;
  if (t.length > 0 && (t.charCodeAt(0) === 45 || t.charCodeAt(0) === 43)) {
    if (t.charCodeAt(0) === 45) sign = -1;
    at = 1;
  }
  if (radix === 16 && at + 1 < t.length && t.charCodeAt(at) === 48 && (t.charCodeAt(at + 1) | 32) === 120)
    at += 2;
  const start = at;
  let x: f64 = 0;
  for (; at < t.length; at++) {
    const d = digitValue(t.charCodeAt(at));
    if (d >= radix) break;
    x = x * radix + d;
    if (x > 9007199254740992) outside(0);
  }
  return at === start ? Number.NaN : sign * x;
}

/** `Number(text)`: of integers, decimal or with 0x in front; the rest is for nobody. */
export function numberOf(text: string): f64 {
  const t = trimText(text);
  if (t.length === 0) return 0;
  const isHex = t.length > 2 && t.charCodeAt(0) === 48 && (t.charCodeAt(1) | 32) === 120;
  let at = isHex ? 2 : 0;
  if (!isHex && (t.charCodeAt(0) === 45 || t.charCodeAt(0) === 43)) at = 1;
  if (at === t.length) return Number.NaN;
  for (let i = at; i < t.length; i++) {
    if (digitValue(t.charCodeAt(i)) < (isHex ? 16 : 10)) continue;
    const c = t.charCodeAt(i);
    if (!isHex && (c === 46 || c === 101 || c === 69)) impossible(0); // fractions and exponents
    return Number.NaN;
  }
  return parseInteger(t, isHex ? 16 : 10);
}

/** Powers of two, and others that integers multiply to below 2⁵³ or 10²². */
export function power(base: f64, exponent: f64): f64 {
  if (Math.floor(exponent) !== exponent || Math.abs(exponent) > 2000) impossible(0);
  let n = exponent | 0;
  if (n < 0 && base !== 2) impossible(0);
  let result: f64 = 1;
  for (; n > 0; n--) result *= base;
  for (; n < 0; n++) result *= 0.5;
  return result;
}
