// The table of types that are one word in the text format and one byte in the binary (spec 3.0, 5.3 and 6.4), with
// the feature that brought each. Decoder, text parser and whatever prints types read it.

import { unreachable } from "../base/fail.ts";
import type { f64 } from "../base/numbers.ts";
import { EXCEPTIONS, type Features, GC, has, MVP, REFERENCE_TYPES, SIMD } from "./features.ts";
import type { HeapType, ValType } from "./types.ts";
import * as t from "./types.ts";

class TypeRow {
  /** A ValType in NUMBERS, a HeapType in HEAPS. */
  readonly type: number;
  readonly name: string;
  /** What the text calls the nullable reference to the heap type. */
  readonly reference: string;
  readonly code: number;
  readonly feature: number;

  constructor(type: number, name: string, reference: string, code: number, feature: number) {
    this.type = type;
    this.name = name;
    this.reference = reference;
    this.code = code;
    this.feature = feature;
  }
}

function number(type: ValType, name: string, code: number, feature: number): TypeRow {
  return new TypeRow(type, name, "", code, feature);
}

function heap(type: HeapType, name: string, reference: string, code: number, feature: number): TypeRow {
  return new TypeRow(type, name, reference, code, feature);
}

/** What is no reference, in the order of the types. The packed ones are types of fields only. */
export const NUMBERS: readonly TypeRow[] = [
  number(t.I32, "i32", 0x7f, MVP),
  number(t.I64, "i64", 0x7e, MVP),
  number(t.F32, "f32", 0x7d, MVP),
  number(t.F64, "f64", 0x7c, MVP),
  number(t.V128, "v128", 0x7b, SIMD),
  number(t.I8, "i8", 0x78, GC),
  number(t.I16, "i16", 0x77, GC),
];

/** Abstract heap types, in their order. The code is that of the nullable reference, too. */
export const HEAPS: readonly TypeRow[] = [
  heap(t.FUNC, "func", "funcref", 0x70, MVP),
  heap(t.EXTERN, "extern", "externref", 0x6f, REFERENCE_TYPES),
  heap(t.ANY, "any", "anyref", 0x6e, GC),
  heap(t.EQ, "eq", "eqref", 0x6d, GC),
  heap(t.I31, "i31", "i31ref", 0x6c, GC),
  heap(t.STRUCT, "struct", "structref", 0x6b, GC),
  heap(t.ARRAY, "array", "arrayref", 0x6a, GC),
  heap(t.EXN, "exn", "exnref", 0x69, EXCEPTIONS),
  heap(t.NOFUNC, "nofunc", "nullfuncref", 0x73, GC),
  heap(t.NOEXTERN, "noextern", "nullexternref", 0x72, GC),
  heap(t.NONE, "none", "nullref", 0x71, GC),
  heap(t.NOEXN, "noexn", "nullexnref", 0x74, EXCEPTIONS),
];

if (!NUMBERS.every((row, i) => row.type === t.I32 + i) || !HEAPS.every((row, i) => row.type === -1 - i)) {
  unreachable("the rows of types are not in the order of their numbers");
}

export function numberRow(type: ValType): TypeRow {
  return NUMBERS[type - t.I32];
}

/** Of an abstract heap type. */
export function heapRow(heap: HeapType): TypeRow {
  return HEAPS[-1 - heap];
}

/** By code: the type of the row with that code, else 0. */
function typesByCode(rows: readonly TypeRow[]): Int8Array {
  const types = new Int8Array(256);
  for (const row of rows) types[row.code] = row.type;
  return types;
}

const NUMBER_OF_CODE: Int8Array = typesByCode(NUMBERS);
const HEAP_OF_CODE: Int8Array = typesByCode(HEAPS);

/** The type with that code that is no reference; BOT: none, or not with these features. */
export function numberCoded(code: number, features: Features): ValType {
  const type = NUMBER_OF_CODE[code];
  return type !== t.BOT && has(features, numberRow(type).feature) ? type : t.BOT;
}

/** The abstract heap type with that code; BOT_HEAP: none, or not with these features. */
export function heapCoded(code: number, features: Features): HeapType {
  const type = HEAP_OF_CODE[code];
  return type !== 0 && has(features, heapRow(type).feature) ? type : t.BOT_HEAP;
}

/** A heap type as the text format writes it. */
export function heapText(heap: f64): string {
  if (heap === t.BOT_HEAP) return "bottom";
  return heap < 0 ? heapRow(heap | 0).name : `${heap}`;
}

/** A type of values or fields as the text format writes it, but for the name of its heap type. */
export function typeTextWith(type: ValType, heap: string): string {
  if (type === t.BOT) return "unknown";
  if (!t.isRef(type)) return numberRow(type).name;
  if (type === t.FUNCREF || type === t.EXTERNREF) return heapRow(t.heapOf(type)).reference;
  return t.isNullable(type) ? `(ref null ${heap})` : `(ref ${heap})`;
}

/** A type of values or fields as the text format writes it. */
export function typeText(type: ValType): string {
  return typeTextWith(type, t.isRef(type) ? heapText(t.heapOf(type)) : "");
}
