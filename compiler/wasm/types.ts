// WebAssembly types (spec 3.0, "Types"). A value type is one int32, so that stacks and columns of types
// are plain integers:
//   numeric and vector types are small constants;
//   a reference is  heap << 4 | REF  or  heap << 4 | REF_NULL, where heap ≥ 0 is a type index of the module
//   and heap < 0 one of the abstract heap types below.

import type { f64 } from "../base/numbers.ts";

export type ValType = number;
export type HeapType = number;

export const BOT: ValType = 0; // the type of everything in unreachable code
export const I32: ValType = 1;
export const I64: ValType = 2;
export const F32: ValType = 3;
export const F64: ValType = 4;
export const V128: ValType = 5;
export const I8: ValType = 6; // packed: storage of fields only
export const I16: ValType = 7;
const REF = 8;
const REF_NULL = 9;

export const FUNC: HeapType = -1;
export const EXTERN: HeapType = -2;
export const ANY: HeapType = -3;
export const EQ: HeapType = -4;
export const I31: HeapType = -5;
export const STRUCT: HeapType = -6;
export const ARRAY: HeapType = -7;
export const EXN: HeapType = -8;
export const NOFUNC: HeapType = -9;
export const NOEXTERN: HeapType = -10;
export const NONE: HeapType = -11;
export const NOEXN: HeapType = -12;
/** The bottom of every heap hierarchy: what `ref.as_non_null` and friends leave in unreachable code. */
export const BOT_HEAP: HeapType = -13;

/** Type indices that no module can have, however large, are cut to one that none has: a type has 28 bits for them. */
export function ref(heap: f64, nullable: boolean): ValType {
  return (Math.min(heap, 0x7ffffff) << 4) | (nullable ? REF_NULL : REF);
}

export const FUNCREF: ValType = (FUNC << 4) | REF_NULL;
export const EXTERNREF: ValType = (EXTERN << 4) | REF_NULL;

export function isRef(t: ValType): boolean {
  return (t & 14) === 8;
}

export function isNullable(t: ValType): boolean {
  return (t & 15) === REF_NULL;
}

export function heapOf(t: ValType): HeapType {
  return t >> 4;
}

export function isNumeric(t: ValType): boolean {
  return t >= I32 && t <= F64;
}

/** A storage type that is no value type. */
export function isPacked(t: ValType): boolean {
  return t === I8 || t === I16;
}

export class FieldType {
  readonly storage: ValType;
  readonly mutable: boolean;

  constructor(storage: ValType, mutable: boolean) {
    this.storage = storage;
    this.mutable = mutable;
  }
}

export const COMP_FUNC = 0;
export const COMP_STRUCT = 1;
export const COMP_ARRAY = 2;

/** One defined type: a sub type with its composite type. Fields that its kind does not have are empty. */
export class DefType {
  readonly kind: number; // COMP_…
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  readonly fields: readonly FieldType[];
  readonly final: boolean;
  /** Type index of the declared supertype, or -1. */
  readonly supertype: number;
  /** First type index and size of its recursion group. */
  readonly groupStart: number;
  readonly groupSize: number;

  constructor(
    kind: number,
    params: readonly ValType[],
    results: readonly ValType[],
    fields: readonly FieldType[],
    final: boolean,
    supertype: number,
    groupStart: number,
    groupSize: number,
  ) {
    this.kind = kind;
    this.params = params;
    this.results = results;
    this.fields = fields;
    this.final = final;
    this.supertype = supertype;
    this.groupStart = groupStart;
    this.groupSize = groupSize;
  }
}

/** min and max are uint64 in two words (number of pages, or of elements); `hasMax` false: no maximum. */
export class Limits {
  readonly minLo: number;
  readonly minHi: number;
  readonly hasMax: boolean;
  readonly maxLo: number;
  readonly maxHi: number;
  readonly is64: boolean;
  readonly shared: boolean;

  constructor(
    minLo: number,
    minHi: number,
    hasMax: boolean,
    maxLo: number,
    maxHi: number,
    is64: boolean,
    shared: boolean,
  ) {
    this.minLo = minLo;
    this.minHi = minHi;
    this.hasMax = hasMax;
    this.maxLo = maxLo;
    this.maxHi = maxHi;
    this.is64 = is64;
    this.shared = shared;
  }
}

export class TableType {
  readonly element: ValType;
  readonly limits: Limits;

  constructor(element: ValType, limits: Limits) {
    this.element = element;
    this.limits = limits;
  }
}

export class MemoryType {
  readonly limits: Limits;

  constructor(limits: Limits) {
    this.limits = limits;
  }
}

export class GlobalType {
  readonly type: ValType;
  readonly mutable: boolean;

  constructor(type: ValType, mutable: boolean) {
    this.type = type;
    this.mutable = mutable;
  }
}
