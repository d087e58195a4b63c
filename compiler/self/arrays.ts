// Arrays of cells, and typed arrays. What is given a function calls it with the element and its index, in order.

import type { f64 } from "../base/numbers.ts";
import {
  type Cell,
  copy,
  fill,
  impossible,
  load32,
  newTyped,
  store8,
  store16,
  store32,
  storeDouble,
} from "./machine.ts";

function clamp(i: number, length: number): number {
  return i < 0 ? Math.max(0, length + i) : Math.min(i, length);
}

export function sliceArray(a: readonly Cell[], from: number, to: number): Cell[] {
  const made: Cell[] = [];
  const end = clamp(to, a.length);
  for (let i = clamp(from, a.length); i < end; i++) made.push(a[i]);
  return made;
}

export function concatArrays(a: readonly Cell[], b: readonly Cell[]): Cell[] {
  const made = sliceArray(a, 0, 0x7fffffff);
  made.push(...b);
  return made;
}

export function fillArray(a: Cell[], x: Cell, from: number, to: number): Cell[] {
  const end = clamp(to, a.length);
  for (let i = clamp(from, a.length); i < end; i++) a[i] = x;
  return a;
}

export function mapArray(a: readonly Cell[], f: (x: Cell, i: number, a: readonly Cell[]) => Cell): Cell[] {
  const made: Cell[] = [];
  for (let i = 0; i < a.length; i++) made.push(f(a[i], i, a));
  return made;
}

/** `Array.from({ length }, f)` */
export function generate(length: number, f: (x: Cell, i: number) => Cell): Cell[] {
  const made: Cell[] = [];
  for (let i = 0; i < length; i++) made.push(f(0, i));
  return made;
}

export function forEachElement(a: readonly Cell[], f: (x: Cell, i: number) => void): void {
  for (let i = 0; i < a.length; i++) f(a[i], i);
}

export function filterArray(a: readonly Cell[], f: (x: Cell, i: number) => boolean): Cell[] {
  const made: Cell[] = [];
  for (let i = 0; i < a.length; i++) {
    const x = a[i];
    if (f(x, i)) made.push(x);
  }
  return made;
}

export function flatMapArray(a: readonly Cell[], f: (x: Cell, i: number) => readonly Cell[]): Cell[] {
  const made: Cell[] = [];
  for (let i = 0; i < a.length; i++) made.push(...f(a[i], i));
  return made;
}

export function someElement(a: readonly Cell[], f: (x: Cell, i: number) => boolean): boolean {
  for (let i = 0; i < a.length; i++) if (f(a[i], i)) return true;
  return false;
}

export function everyElement(a: readonly Cell[], f: (x: Cell, i: number) => boolean): boolean {
  for (let i = 0; i < a.length; i++) if (!f(a[i], i)) return false;
  return true;
}

export function findIndex(a: readonly Cell[], f: (x: Cell, i: number) => boolean): number {
  for (let i = 0; i < a.length; i++) if (f(a[i], i)) return i;
  return -1;
}

export function findElement(a: readonly Cell[], f: (x: Cell, i: number) => boolean): Cell | undefined {
  for (let i = 0; i < a.length; i++) {
    const x = a[i];
    if (f(x, i)) return x;
  }
  return undefined;
}

export function reduceArray(
  a: readonly Cell[],
  f: (sum: Cell, x: Cell, i: number) => Cell,
  start: Cell,
): Cell {
  let sum = start;
  for (let i = 0; i < a.length; i++) sum = f(sum, a[i], i);
  return sum;
}

/** The same, begun with the first element, which there must be. */
export function reduceFromFirst(a: readonly Cell[], f: (sum: Cell, x: Cell, i: number) => Cell): Cell {
  let sum = a[0];
  for (let i = 1; i < a.length; i++) sum = f(sum, a[i], i);
  return sum;
}

export function indexOfElement(a: readonly Cell[], wanted: Cell): number {
  for (let i = 0; i < a.length; i++) if (a[i] === wanted) return i;
  return -1;
}

export function includesElement(a: readonly Cell[], wanted: Cell): boolean {
  return indexOfElement(a, wanted) >= 0;
}

export function popElement(a: Cell[]): Cell | undefined {
  const n = a.length - 1;
  if (n < 0) return undefined;
  const x = a[n];
  a.length = n;
  return x;
}

/** Rows of index and element. */
export function arrayEntries(a: readonly Cell[]): Cell[][] {
  const made: Cell[][] = [];
  for (let i = 0; i < a.length; i++) made.push([i, a[i]]);
  return made;
}

/** A stable merge sort, in place. */
export function sortArray(a: Cell[], f: (x: Cell, y: Cell) => number): Cell[] {
  const n = a.length;
  let from = sliceArray(a, 0, n);
  let to = sliceArray(a, 0, n);
  for (let width = 1; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const middle = Math.min(start + width, n);
      const end = Math.min(start + 2 * width, n);
      let i = start;
      let j = middle;
      for (let k = start; k < end; k++) {
        if (i < middle && (j >= end || f(from[i], from[j]) <= 0)) to[k] = from[i++];
        else to[k] = from[j++];
      }
    }
    const other = from;
    from = to;
    to = other;
  }
  for (let i = 0; i < n; i++) a[i] = from[i];
  return a;
}

// --- typed arrays: an address and a length; `size`: bytes of an element

/** The header of the elements of `a` from `from` up to `to`. */
export function subarray(a: number, from: number, to: number, size: number): number {
  const n = load32(a + 4);
  const start = clamp(from, n);
  const made = newTyped(0, size);
  store32(made, load32(a) + start * size);
  store32(made + 4, Math.max(start, clamp(to, n)) - start);
  return made;
}

export function sliceTyped(a: number, from: number, to: number, size: number): number {
  const n = load32(a + 4);
  const start = clamp(from, n);
  const length = Math.max(start, clamp(to, n)) - start;
  const made = newTyped(length, size);
  copy(load32(made), load32(a) + start * size, length * size);
  return made;
}

/** `b` has elements of the same size. */
export function setTyped(a: number, b: number, at: number, size: number): void {
  const n = load32(b + 4);
  if (at < 0 || at > load32(a + 4) - n) impossible(0);
  copy(load32(a) + at * size, load32(b), n * size);
}

export function fillTyped(a: number, x: number, from: number, to: number, size: number): number {
  const n = load32(a + 4);
  const start = clamp(from, n);
  const end = clamp(to, n);
  if (end <= start) return a;
  const at = load32(a) + start * size;
  if (size === 1 || x === 0 || x === -1) {
    fill(at, x, (end - start) * size);
    return a;
  }
  const last = load32(a) + end * size;
  if (size === 2) for (let p = at; p < last; p += 2) store16(p, x);
  else for (let p = at; p < last; p += 4) store32(p, x);
  return a;
}

export function fillDoubles(a: number, x: f64, from: number, to: number): number {
  const n = load32(a + 4);
  const end = load32(a) + clamp(to, n) * 8;
  for (let p = load32(a) + clamp(from, n) * 8; p < end; p += 8) storeDouble(p, x);
  return a;
}

/** A typed array of the elements of an array. */
export function typedFrom(list: readonly Cell[], size: number): number {
  const made = newTyped(list.length, size);
  const at = load32(made);
  for (let i = 0; i < list.length; i++) {
    if (size === 1) store8(at + i, list[i]);
    else if (size === 2) store16(at + 2 * i, list[i]);
    else store32(at + 4 * i, list[i]);
  }
  return made;
}

export function listOfWords(a: Int32Array): Cell[] {
  const made: Cell[] = [];
  for (let i = 0; i < a.length; i++) made.push(a[i]);
  return made;
}

export function listOfBytes(a: Uint8Array): Cell[] {
  const made: Cell[] = [];
  for (let i = 0; i < a.length; i++) made.push(a[i]);
  return made;
}

/** The same memory as bytes. */
export function bytesOfWords(a: number): number {
  const made = newTyped(0, 1);
  store32(made, load32(a));
  store32(made + 4, load32(a + 4) * 4);
  return made;
}

export function forEachWord(a: Int32Array, f: (x: Cell, i: number) => void): void {
  for (let i = 0; i < a.length; i++) f(a[i], i);
}

export function includesWord(a: Int32Array, wanted: number): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] === wanted) return true;
  return false;
}

export function includesByte(a: Uint8Array, wanted: number): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] === wanted) return true;
  return false;
}

export function reverseWords(a: Int32Array): Int32Array {
  for (let i = 0, j = a.length - 1; i < j; i++, j--) {
    const x = a[i];
    a[i] = a[j];
    a[j] = x;
  }
  return a;
}

export function copyWithin(a: Int32Array, to: number, from: number, end: number): Int32Array {
  const n = a.length;
  const start = clamp(from, n);
  const target = clamp(to, n);
  const count = Math.min(clamp(end, n) - start, n - target);
  if (count > 0) a.set(a.slice(start, start + count), target);
  return a;
}

export function withShort(a: Int16Array, i: number, x: number): Int16Array {
  const made = a.slice();
  made[i] = x;
  return made;
}

/** In place; stable, as the language says, where `f` is given; in order of numbers where it is null. */
export function sortWords(a: Int32Array, f: ((x: Cell, y: Cell) => number) | null): Int32Array {
  const list = listOfWords(a);
  if (f === null) sortArray(list, (x, y) => (x < y ? -1 : x > y ? 1 : 0));
  else sortArray(list, f);
  for (let i = 0; i < list.length; i++) a[i] = list[i];
  return a;
}
