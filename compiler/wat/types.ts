// Types in the text: value, reference and heap types, type definitions, and type uses with their abbreviations
// (spec 3.0, 6.4). A type use without an index means the first function type of its shape that is a recursion
// group of its own, final and without supertype; where there is none, one is appended, in the order of the uses.
//
// Requires: all type fields are declared (their ids bound) before `define`, and defined before any `typeUse`.

import { Bytes } from "../base/bytes.ts";
import { IntColumn } from "../base/columns.ts";
import { fail } from "../base/fail.ts";
import { PairMap } from "../base/intmap.ts";
import type { f64, u32 } from "../base/numbers.ts";
import * as word from "../gen/wat-words.ts";
import { FUNCTION_REFERENCES, GC, has, MULTI_VALUE, REFERENCE_TYPES } from "../wasm/features.ts";
import { checkLimit, MAX_PARAMS, MAX_RESULTS } from "../wasm/limits.ts";
import { DEFINITION, HEAP } from "../wasm/proposals.ts";
import * as t from "../wasm/types.ts";
import { heapRow, numberRow } from "../wasm/typetable.ts";
import { Marked } from "./assembled.ts";
import type { Cursor } from "./cursor.ts";
import { ID, KEYWORD, LPAR, RPAR } from "./lexer.ts";
import type { Spaces } from "./spaces.ts";
import { Scope, Symbols } from "./symbols.ts";
import { heapNamed, numberNamed, referenceNamed } from "./words.ts";

export function writeHeapType(heap: f64, out: Bytes): void {
  if (heap >= 0) writeTypeIndex(heap >>> 0, out);
  else out.u8(heapRow(heap | 0).code);
}

/** A type index where s33 is expected. */
function writeTypeIndex(index: u32, out: Bytes): void {
  out.sleb64(index | 0, 0);
}

export function writeValType(type: t.ValType, out: Bytes): void {
  if (!t.isRef(type)) {
    out.u8(numberRow(type).code);
    return;
  }
  const heap = t.heapOf(type);
  if (!t.isNullable(type)) out.u8(0x64);
  else if (heap >= 0) out.u8(0x63); // the abstract ones have a short form
  writeHeapType(heap, out);
}

export class TypeParser {
  readonly section: Marked;
  /** The signature read last, as far as it was written: a type use may be an index alone. */
  readonly params: IntColumn;
  readonly results: IntColumn;
  /** For each of these parameters the token of its identifier, or -1. */
  readonly names: IntColumn;
  private readonly cursor: Cursor;
  private readonly spaces: Spaces;
  /** Type index → where its parameters and results begin in `pool`; -1 when it is no function type. */
  private readonly signatureAt: IntColumn;
  private readonly paramCount: IntColumn;
  private readonly resultCount: IntColumn;
  private readonly pool: IntColumn;
  /** The bytes of plain function types, and for each the first type index. */
  private readonly shapes: Symbols;
  private readonly firstOfShape: Scope;
  /** (type index, symbol) → field index. */
  private readonly fields: PairMap;
  private readonly scratch: Bytes;

  constructor(cursor: Cursor, spaces: Spaces) {
    this.section = new Marked();
    this.params = new IntColumn();
    this.results = new IntColumn();
    this.names = new IntColumn();
    this.cursor = cursor;
    this.spaces = spaces;
    this.signatureAt = new IntColumn();
    this.paramCount = new IntColumn();
    this.resultCount = new IntColumn();
    this.pool = new IntColumn();
    this.shapes = new Symbols();
    this.firstOfShape = new Scope();
    this.fields = new PairMap();
    this.scratch = new Bytes();
  }

  heapType(): f64 {
    const { cursor } = this;
    if (cursor.kind() === LPAR) cursor.refuse(HEAP);
    if (cursor.kind() !== KEYWORD) return this.spaces.types.index(cursor);
    const heap = heapNamed(cursor.value(), cursor.features);
    if (heap === 0) cursor.refuse(HEAP);
    cursor.at++;
    return heap;
  }

  /** A reference type begins here. */
  isRefType(): boolean {
    const { cursor } = this;
    if (cursor.opens(word.REF)) return true;
    return cursor.kind() === KEYWORD && referenceNamed(cursor.value(), cursor.features) !== 0;
  }

  refType(): t.ValType {
    const { cursor } = this;
    if (cursor.kind() === KEYWORD) {
      const heap = referenceNamed(cursor.value(), cursor.features);
      if (heap === 0) cursor.refuse(HEAP);
      cursor.at++;
      return t.ref(heap, true);
    }
    if (!has(cursor.features, FUNCTION_REFERENCES)) cursor.unexpected();
    if (!cursor.opens(word.REF)) cursor.refuse(HEAP);
    cursor.at += 2;
    const nullable = cursor.take(word.NULL);
    const heap = this.heapType();
    cursor.expectClose();
    return t.ref(heap, nullable);
  }

  /** The type at the cursor if it is no reference, else BOT. */
  private numberType(): t.ValType {
    const { cursor } = this;
    return cursor.kind() === KEYWORD ? numberNamed(cursor.value(), cursor.features) : t.BOT;
  }

  valType(): t.ValType {
    const { cursor } = this;
    const number = this.numberType();
    if (number !== t.BOT && !t.isPacked(number)) {
      cursor.at++;
      return number;
    }
    if (!has(cursor.features, REFERENCE_TYPES)) cursor.unexpected();
    return this.refType();
  }

  /** `(param …)* (result …)*` into `params`, `names` and `results`. */
  private signature(named: boolean): void {
    const { cursor, params, results, names } = this;
    const start = cursor.start();
    params.clear();
    results.clear();
    names.clear();
    while (cursor.takeOpen(word.PARAM)) {
      if (named && cursor.kind() === ID) {
        names.push(cursor.at++);
        params.push(this.valType());
      } else {
        while (cursor.kind() !== RPAR) {
          names.push(-1);
          params.push(this.valType());
        }
      }
      cursor.expectClose();
    }
    this.resultTypes();
    // here and not only in the binary, so that what is written once per use stays in proportion to the text
    checkLimit(params.length, MAX_PARAMS, "too many parameters", start);
    checkLimit(results.length, MAX_RESULTS, "too many results", start);
  }

  /** `(result …)*` into `results`; true when there was one, if only `(result)`. */
  resultTypes(): boolean {
    const { cursor, results } = this;
    const found = cursor.opens(word.RESULT);
    results.clear();
    while (cursor.takeOpen(word.RESULT)) {
      while (cursor.kind() !== RPAR) results.push(this.valType());
      cursor.expectClose();
    }
    return found;
  }

  /** What a block could have before multi-value: `(result t)?`. */
  private oneResult(): void {
    this.params.clear();
    if (this.resultTypes() && this.results.length !== 1) this.cursor.unexpected();
  }

  private writeSignature(out: Bytes): void {
    out.u8(0x60);
    for (const types of [this.params, this.results]) {
      out.leb(types.length);
      for (let i = 0; i < types.length; i++) writeValType(types.get(i), out);
    }
  }

  /** Notes type `index`, whose signature is at hand if it is a function type. */
  private enter(isFunc: boolean): number {
    const { params, results, pool } = this;
    this.paramCount.push(isFunc ? params.length : 0);
    this.resultCount.push(isFunc ? results.length : 0);
    if (!isFunc) return this.signatureAt.push(-1);
    const index = this.signatureAt.push(pool.length);
    for (let i = 0; i < params.length; i++) pool.push(params.get(i));
    for (let i = 0; i < results.length; i++) pool.push(results.get(i));
    return index;
  }

  /** The shape of the signature at hand. */
  private shape(): number {
    this.scratch.clear();
    this.writeSignature(this.scratch);
    return this.shapes.intern(this.scratch.data, 0, this.scratch.length);
  }

  /** The field `(type …)` or `(rec …)` at the cursor. */
  define(): void {
    const { cursor, section } = this;
    section.mark(cursor.start());
    section.count++;
    if (cursor.opens(word.TYPE)) {
      const index = this.signatureAt.length;
      if (this.definition() && this.firstOfShape.find(this.shape()) < 0) {
        this.firstOfShape.bind(this.shape(), index);
      }
      return;
    }
    const group = cursor.value(); // its RPAR
    cursor.expectOpen(word.REC);
    let count = 0;
    for (let at = cursor.at; at < group; at = cursor.tokens.values.get(at) + 1) {
      if (cursor.tokens.kinds[at] !== LPAR) {
        cursor.at = at;
        cursor.unexpected();
      }
      count++;
    }
    // a group of one is the same type as the definition alone
    if (count !== 1) {
      section.bytes.u8(0x4e);
      section.bytes.leb(count);
    }
    const index = this.signatureAt.length;
    for (let i = 0; i < count; i++) {
      section.mark(cursor.start());
      const plain = this.definition();
      if (plain && count === 1 && this.firstOfShape.find(this.shape()) < 0) {
        this.firstOfShape.bind(this.shape(), index);
      }
    }
    cursor.expectClose();
  }

  /** `(type id? subtype)`; true when it is a function type, final and without supertype. */
  private definition(): boolean {
    const { cursor } = this;
    const out = this.section.bytes;
    cursor.expectOpen(word.TYPE);
    cursor.takeId();
    if (!cursor.opens(word.SUB)) {
      const plain = this.composite();
      cursor.expectClose();
      return plain;
    }
    if (!has(cursor.features, GC)) cursor.unexpected();
    cursor.at += 2;
    const final = cursor.take(word.FINAL);
    const supertypes = new IntColumn(1);
    while (cursor.isIndex()) supertypes.push(this.spaces.types.index(cursor) | 0);
    const alone = final && supertypes.length === 0; // `(sub final t)` is `t`
    if (!alone) {
      out.u8(final ? 0x4f : 0x50);
      out.leb(supertypes.length);
      for (let i = 0; i < supertypes.length; i++) out.leb(supertypes.get(i) >>> 0);
    }
    const isFunc = this.composite();
    cursor.expectClose();
    cursor.expectClose();
    return isFunc && alone;
  }

  /** `(func …)`, `(struct …)` or `(array …)`; true for the first. */
  private composite(): boolean {
    const { cursor } = this;
    const out = this.section.bytes;
    if (cursor.takeOpen(word.FUNC)) {
      this.signature(true);
      cursor.expectClose();
      this.writeSignature(out);
      this.enter(true);
      return true;
    }
    if (!has(cursor.features, GC)) cursor.unexpected();
    if (cursor.takeOpen(word.ARRAY)) {
      out.u8(0x5e);
      this.fieldType();
      this.enter(false);
    } else {
      if (!cursor.takeOpen(word.STRUCT)) cursor.refuse(DEFINITION);
      this.structFields(this.enter(false));
    }
    cursor.expectClose();
    return false;
  }

  private structFields(type: number): void {
    const { cursor } = this;
    const fields = new Bytes(16);
    const out = this.section.bytes;
    let count = 0;
    out.u8(0x5f);
    const at = out.length;
    while (cursor.takeOpen(word.FIELD)) {
      if (cursor.kind() === ID) {
        const symbol = cursor.value();
        if (this.fields.get(type, symbol) >= 0) {
          fail("duplicate identifier", cursor.start(), `field ${cursor.shown()}`);
        }
        this.fields.set(type, symbol, count++);
        cursor.at++;
        this.fieldType();
      } else {
        for (; cursor.kind() !== RPAR; count++) this.fieldType();
      }
      cursor.expectClose();
    }
    // the count stands before the fields, and is known only now
    fields.bytes(out.data.subarray(at, out.length));
    out.length = at;
    out.leb(count);
    out.bytes(fields.view());
  }

  private fieldType(): void {
    const { cursor } = this;
    const out = this.section.bytes;
    const mutable = cursor.takeOpen(word.MUT);
    const number = this.numberType();
    if (t.isPacked(number)) cursor.at++;
    writeValType(t.isPacked(number) ? number : this.valType(), out);
    out.u8(mutable ? 1 : 0);
    if (mutable) cursor.expectClose();
  }

  /** The index written at the cursor of a field of struct type `type`. */
  fieldIndex(type: u32): u32 {
    const { cursor } = this;
    if (cursor.kind() !== ID) return cursor.natural32();
    const index = this.fields.get(type | 0, cursor.value());
    if (index < 0) fail("unknown identifier", cursor.start(), `field ${cursor.shown()}`);
    cursor.at++;
    return index;
  }

  /**
   * `(type x)? (param …)* (result …)*`: the type index. Leaves what is written of the signature in `params` and
   * `results`, and in `names` the identifiers of parameters, which only `named` uses may have.
   */
  typeUse(named: boolean): u32 {
    const { cursor } = this;
    const start = cursor.start();
    let index: f64 = -1;
    if (cursor.takeOpen(word.TYPE)) {
      index = this.spaces.types.index(cursor);
      cursor.expectClose();
    }
    this.signature(named);
    if (index < 0) return this.plainFunc(start);
    const at = index < this.signatureAt.length ? this.signatureAt.get(index | 0) : -1;
    if (this.params.length + this.results.length > 0) {
      if (index >= this.signatureAt.length) fail("inline function type", start, "unknown type");
      if (at < 0 || !this.matches(index | 0, at)) fail("inline function type", start);
    }
    return index >>> 0;
  }

  /** How many parameters type `index` has; 0 for what is no function type. */
  paramsOf(index: u32): number {
    return index < this.paramCount.length ? this.paramCount.get(index | 0) : 0;
  }

  /** The signature at hand is that of type `index`. */
  private matches(index: number, at: number): boolean {
    const { params, results, pool } = this;
    if (params.length !== this.paramCount.get(index)) return false;
    if (results.length !== this.resultCount.get(index)) return false;
    for (let i = 0; i < params.length; i++) if (pool.get(at + i) !== params.get(i)) return false;
    const first = at + params.length;
    for (let i = 0; i < results.length; i++) if (pool.get(first + i) !== results.get(i)) return false;
    return true;
  }

  /** The type index of the signature at hand, appended to the types if need be. */
  private plainFunc(start: number): number {
    const shape = this.shape();
    const found = this.firstOfShape.find(shape);
    if (found >= 0) return found;
    this.section.mark(start);
    this.section.count++;
    this.writeSignature(this.section.bytes);
    const index = this.enter(true);
    this.firstOfShape.bind(shape, index);
    return index;
  }

  /** The type of a block: none, one result, or a type use without names. */
  blockType(out: Bytes): void {
    const { cursor } = this;
    const start = cursor.start();
    if (cursor.opens(word.TYPE)) {
      if (!has(cursor.features, MULTI_VALUE)) cursor.unexpected();
      writeTypeIndex(this.typeUse(false), out);
      return;
    }
    if (has(cursor.features, MULTI_VALUE)) this.signature(false);
    else this.oneResult();
    if (this.params.length > 0 || this.results.length > 1) writeTypeIndex(this.plainFunc(start), out);
    else if (this.results.length === 0) out.u8(0x40);
    else writeValType(this.results.get(0), out);
  }
}
