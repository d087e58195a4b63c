// Texts: units of UTF-16, as the language has them. A text is its length and its units.

import {
  allocate,
  asCell,
  asText,
  copy,
  load16,
  load32,
  outside,
  sameText,
  store16,
  store32,
} from "./machine.ts";

function lengthOf(text: string): number {
  return load32(asCell(text));
}

function unit(text: string, i: number): number {
  return load16((asCell(text) + 4 + 2 * i) | 0);
}

function newText(length: number): string {
  const at = allocate(4 + 2 * length);
  store32(at, length);
  return asText(at);
}

function setUnit(text: string, i: number, x: number): void {
  store16((asCell(text) + 4 + 2 * i) | 0, x);
}

/** Units from `from` up to `to`, which lie in the text. */
function part(text: string, from: number, to: number): string {
  if (from === 0 && to === lengthOf(text)) return text;
  const made = newText(to - from);
  copy((asCell(made) + 4) | 0, (asCell(text) + 4 + 2 * from) | 0, 2 * (to - from));
  return made;
}

function clamp(i: number, length: number): number {
  return i < 0 ? Math.max(0, length + i) : Math.min(i, length);
}

export function sliceText(text: string, from: number, to: number): string {
  const n = lengthOf(text);
  const start = clamp(from, n);
  return part(text, start, Math.max(start, clamp(to, n)));
}

export function unitAt(text: string, i: number): number {
  if (i < 0 || i >= lengthOf(text)) outside(0);
  return unit(text, i);
}

/** The text of one unit: `text[i]`. */
export function characterAt(text: string, i: number, site: number): string {
  if (i < 0 || i >= lengthOf(text)) outside(site);
  return part(text, i, i + 1);
}

export function textAt(text: string, i: number): string {
  return i < 0 || i >= lengthOf(text) ? "" : part(text, i, i + 1);
}

export function pointAt(text: string, i: number): number | undefined {
  const n = lengthOf(text);
  if (i < 0 || i >= n) return undefined;
  return point(text, i);
}

/** The code point that begins at unit `i`. */
function point(text: string, i: number): number {
  const high = unit(text, i);
  if (high < 0xd800 || high >= 0xdc00 || i + 1 >= lengthOf(text)) return high;
  const low = unit(text, i + 1);
  return low < 0xdc00 || low >= 0xe000 ? high : 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/** The text as an array of characters, each a code point: what `for … of` sees. */
export function characters(text: string): string[] {
  const made: string[] = [];
  for (let i = 0; i < lengthOf(text); ) {
    const n = point(text, i) > 0xffff ? 2 : 1;
    made.push(part(text, i, i + n));
    i += n;
  }
  return made;
}

export function textOfUnit(x: number): string {
  const made = newText(1);
  setUnit(made, 0, x);
  return made;
}

export function textOfPoint(x: number): string {
  if (x < 0 || x > 0x10ffff) outside(0);
  if (x < 0x10000) return textOfUnit(x);
  const made = newText(2);
  setUnit(made, 0, 0xd800 + ((x - 0x10000) >> 10));
  setUnit(made, 1, 0xdc00 + ((x - 0x10000) & 1023));
  return made;
}

/** Whether `part` stands in `text` at `at`, where it has room. */
function stands(text: string, wanted: string, at: number): boolean {
  const n = lengthOf(wanted);
  for (let k = 0; k < n; k++) if (unit(text, at + k) !== unit(wanted, k)) return false;
  return true;
}

export function indexOfText(text: string, wanted: string, from: number): number {
  const last = lengthOf(text) - lengthOf(wanted);
  for (let i = Math.min(Math.max(from, 0), lengthOf(text)); i <= last; i++)
    if (stands(text, wanted, i)) return i;
  return -1;
}

export function lastIndexOfText(text: string, wanted: string): number {
  for (let i = lengthOf(text) - lengthOf(wanted); i >= 0; i--) if (stands(text, wanted, i)) return i;
  return -1;
}

export function includesText(text: string, wanted: string): boolean {
  return indexOfText(text, wanted, 0) >= 0;
}

export function startsWith(text: string, wanted: string): boolean {
  return lengthOf(wanted) <= lengthOf(text) && stands(text, wanted, 0);
}

export function endsWith(text: string, wanted: string): boolean {
  const at = lengthOf(text) - lengthOf(wanted);
  return at >= 0 && stands(text, wanted, at);
}

export function splitText(text: string, separator: string): string[] {
  const made: string[] = [];
  const n = lengthOf(separator);
  if (n === 0) {
    for (let i = 0; i < lengthOf(text); i++) made.push(part(text, i, i + 1));
    return made;
  }
  let at = 0;
  for (let next = indexOfText(text, separator, 0); next >= 0; next = indexOfText(text, separator, at)) {
    made.push(part(text, at, next));
    at = next + n;
  }
  made.push(part(text, at, lengthOf(text)));
  return made;
}

/** White space and ends of lines, as the language has them. */
function isSpace(x: number): boolean {
  if (x < 0x80) return x === 0x20 || (x >= 9 && x <= 13);
  if (x >= 0x2000 && x <= 0x200a) return true;
  switch (x) {
    case 0xa0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202f:
    case 0x205f:
    case 0x3000:
    case 0xfeff:
      return true;
    default:
      return false;
  }
}

export function trimText(text: string): string {
  let start = 0;
  let end = lengthOf(text);
  while (start < end && isSpace(unit(text, start))) start++;
  while (end > start && isSpace(unit(text, end - 1))) end--;
  return part(text, start, end);
}

/** `by` is taken as it is: the language gives `$` a meaning there. */
export function replaceAll(text: string, wanted: string, by: string): string {
  if (lengthOf(wanted) === 0 || includesText(by, "$")) outside(0);
  return joinTexts(splitText(text, wanted), by);
}

export function repeatText(text: string, times: number): string {
  if (times < 0) outside(0);
  const parts: string[] = [];
  for (let i = 0; i < times; i++) parts.push(text);
  return joinTexts(parts, "");
}

export function padStart(text: string, length: number, filler: string): string {
  const missing = length - lengthOf(text);
  const n = lengthOf(filler);
  if (missing <= 0 || n === 0) return text;
  const made = newText(missing);
  for (let i = 0; i < missing; i++) setUnit(made, i, unit(filler, i % n));
  return made + text;
}

/** Nothing in an array is the empty text. */
export function joinTexts(parts: readonly string[], separator: string): string {
  let length = 0;
  for (let i = 0; i < parts.length; i++) {
    const cell = asCell(parts[i]);
    if (cell !== 0) length += load32(cell);
  }
  const gap = lengthOf(separator);
  if (parts.length > 1) length += gap * (parts.length - 1);
  const made = newText(length);
  let to = asCell(made) + 4;
  for (let i = 0; i < parts.length; i++) {
    if (i > 0) {
      copy(to, (asCell(separator) + 4) | 0, 2 * gap);
      to += 2 * gap;
    }
    const cell = asCell(parts[i]);
    if (cell === 0) continue;
    const bytes = 2 * load32(cell);
    copy(to, cell + 4, bytes);
    to += bytes;
  }
  return made;
}

export function hashText(text: string): number {
  let h = 0x811c9dc5 | 0;
  const n = lengthOf(text);
  for (let i = 0; i < n; i++) h = Math.imul(h ^ unit(text, i), 0x01000193);
  return h ^ (h >>> 15);
}

export function includesString(a: readonly string[], wanted: string): boolean {
  return indexOfString(a, wanted) >= 0;
}

export function indexOfString(a: readonly string[], wanted: string): number {
  for (let i = 0; i < a.length; i++) if (sameText(a[i], wanted)) return i;
  return -1;
}
