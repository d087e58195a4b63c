// Reads types (spec 5.3), each behind the feature that brought it. Type indices are not compared with the
// number of types here: that is validation.

import { fail } from "../base/fail.ts";
import type { f64 } from "../base/numbers.ts";
import {
  type Features,
  FUNCTION_REFERENCES,
  has,
  MEMORY64,
  MULTI_VALUE,
  REFERENCE_TYPES,
} from "./features.ts";
import { HEAP, isProposed, MUTABILITY, refuse } from "./proposals.ts";
import type { Reader } from "./reader.ts";
import * as t from "./types.ts";
import { Limits, ref, type ValType } from "./types.ts";
import { heapCoded, numberCoded } from "./typetable.ts";

/** True for the first byte of a negative number of one byte: the code of an abstract type. */
function isTypeCode(byte: number): boolean {
  return (byte & 0xc0) === 0x40;
}

/** A type index may be any uint32: whether there is such a type is for others to say. */
export function readHeapType(r: Reader, features: Features): f64 {
  const at = r.at;
  if (isTypeCode(r.peek())) {
    const code = r.u8();
    const heap = heapCoded(code, features);
    return heap === t.BOT_HEAP ? refuse(HEAP, code, features, "malformed heap type", at) : heap;
  }
  const index = r.s33();
  if (index < 0 || !has(features, FUNCTION_REFERENCES)) fail("malformed heap type", at);
  return index;
}

/** The reference type that starts with `code`, which was read at `at`; BOT when it is none. */
function refTypeFrom(code: number, r: Reader, features: Features): ValType {
  if ((code === 0x63 || code === 0x64) && has(features, FUNCTION_REFERENCES)) {
    return ref(readHeapType(r, features), code === 0x63);
  }
  const heap = heapCoded(code, features);
  return heap === t.BOT_HEAP ? t.BOT : ref(heap, true);
}

export function readRefType(r: Reader, features: Features): ValType {
  const at = r.at;
  const code = r.u8();
  const type = refTypeFrom(code, r, features);
  return type === t.BOT ? refuse(HEAP, code, features, "malformed reference type", at) : type;
}

/** The value type that starts with `code`; BOT when it is none. */
function valTypeFrom(code: number, r: Reader, features: Features): ValType {
  const type = numberCoded(code, features);
  if (type !== t.BOT) return t.isPacked(type) ? t.BOT : type;
  return has(features, REFERENCE_TYPES) ? refTypeFrom(code, r, features) : t.BOT;
}

export function readValType(r: Reader, features: Features): ValType {
  const at = r.at;
  const code = r.u8();
  const type = valTypeFrom(code, r, features);
  return type === t.BOT ? refuse(HEAP, code, features, "malformed value type", at) : type;
}

export function readStorageType(r: Reader, features: Features): ValType {
  const type = numberCoded(r.peek(), features);
  return t.isPacked(type) ? numberCoded(r.u8(), features) : readValType(r, features);
}

export function readMutability(r: Reader, features: Features): boolean {
  const b = r.u8();
  if (b > 1) refuse(MUTABILITY, b & ~1, features, "malformed mutability", r.at - 1);
  return b === 1;
}

/** What a block's type was given as. */
export const BLOCK_EMPTY = 0;
export const BLOCK_VALUE = 1; // the value type in `value`
export const BLOCK_INDEX = 2; // the type index in `value`

export class BlockType {
  form: number;
  value: f64;

  constructor() {
    this.form = BLOCK_EMPTY;
    this.value = 0;
  }

  read(r: Reader, features: Features): void {
    const at = r.at;
    const first = r.peek();
    if (first === 0x40) {
      r.u8();
      this.form = BLOCK_EMPTY;
      this.value = 0;
    } else if (isTypeCode(first)) {
      this.form = BLOCK_VALUE;
      this.value = readValType(r, features);
    } else {
      this.form = BLOCK_INDEX;
      this.value = r.s33();
      if (this.value < 0 || !has(features, MULTI_VALUE)) fail("malformed value type", at);
    }
  }
}

const HAS_MAX = 1;
const IS_64 = 4;

/** `place`: where proposals.ts lists further flags. */
export function readLimits(r: Reader, features: Features, place: number): Limits {
  const flags = r.u8();
  const known = HAS_MAX | (has(features, MEMORY64) ? IS_64 : 0);
  if ((flags & ~known) !== 0) unknownFlags(flags & ~known, features, place, r.at - 1);
  const is64 = (flags & IS_64) !== 0;
  readBound(r, is64);
  const { lo, hi } = r;
  const hasMax = (flags & HAS_MAX) !== 0;
  if (hasMax) readBound(r, is64);
  return new Limits(lo, hi, hasMax, hasMax ? r.lo : 0, hasMax ? r.hi : 0, is64, false);
}

/** The lowest flag is named if each belongs to a proposal. */
function unknownFlags(flags: number, features: Features, place: number, at: number): never {
  let named = 0;
  for (let flag = 1; flag < 256; flag <<= 1) if (isProposed(place, flag)) named |= flag;
  const flag = (flags & ~named) === 0 ? flags & -flags : flags & ~named;
  return refuse(place, flag, features, "malformed limits flags", at);
}

function readBound(r: Reader, is64: boolean): void {
  if (is64) {
    r.u64();
  } else {
    r.lo = r.u32() | 0;
    r.hi = 0;
  }
}
