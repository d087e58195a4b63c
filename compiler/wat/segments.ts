// Element and data segments (spec 3.0, 6.6.9–6.6.10), also those that tables and memories hold inline.

import { Bytes } from "../base/bytes.ts";
import type { u32 } from "../base/numbers.ts";
import * as op from "../gen/wasm-ops.ts";
import * as word from "../gen/wat-words.ts";
import { BULK_MEMORY, has } from "../wasm/features.ts";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import { ACTIVE, DECLARATIVE, PASSIVE } from "../wasm/module.ts";
import { DATA_KIND, ELEM_KIND, NUMBERS } from "../wasm/proposals.ts";
import { FUNCREF, type ValType } from "../wasm/types.ts";
import { Marked } from "./assembled.ts";
import type { Cursor } from "./cursor.ts";
import type { CodeParser } from "./instructions.ts";
import { KEYWORD, LPAR } from "./lexer.ts";
import type { Spaces } from "./spaces.ts";
import { type TypeParser, writeValType } from "./types.ts";

export class SegmentParser {
  /** The two sections. */
  readonly elems: Marked;
  readonly datas: Marked;
  private readonly cursor: Cursor;
  private readonly spaces: Spaces;
  private readonly types: TypeParser;
  private readonly code: CodeParser;
  /** Of the segment at hand: its offset, its elements, its bytes. */
  private readonly offset: Marked;
  private readonly body: Marked;
  private readonly scratch: Bytes;

  constructor(cursor: Cursor, spaces: Spaces, types: TypeParser, code: CodeParser) {
    this.elems = new Marked();
    this.datas = new Marked();
    this.cursor = cursor;
    this.spaces = spaces;
    this.types = types;
    this.code = code;
    this.offset = new Marked();
    this.body = new Marked();
    this.scratch = new Bytes();
  }

  /** The list of `(table reftype (elem …))`, as a segment of table `table` at 0. The number of its elements. */
  inlineElem(start: number, table: number, type: ValType, is64: boolean): number {
    const { cursor, elems, body } = this;
    const short = cursor.kind() !== LPAR && type === FUNCREF;
    if (cursor.kind() === LPAR) this.elementExprs();
    else this.elementFuncs(!short);
    this.zeroOffset(start, is64);
    elems.mark(start);
    this.writeElem(ACTIVE, table, short, type);
    return body.count;
  }

  /** The strings of `(memory (data …))`, as a segment of memory `memory` at 0. Their length. */
  inlineData(start: number, memory: number, is64: boolean): number {
    const { scratch, datas } = this;
    this.strings();
    this.zeroOffset(start, is64);
    datas.mark(start);
    this.writeData(ACTIVE, memory);
    return scratch.length;
  }

  /** `offset` becomes the constant 0. */
  private zeroOffset(text: number, is64: boolean): void {
    const { offset } = this;
    offset.clear();
    offset.mark(text);
    offset.bytes.u8(INSTRUCTIONS[is64 ? op.I64_CONST : op.I32_CONST].code);
    offset.bytes.u8(0);
    offset.bytes.u8(INSTRUCTIONS[op.END].code);
  }

  /** `(offset …)`, or one folded instruction, into `offset`. */
  private offsetExpr(): void {
    const { cursor, offset } = this;
    offset.clear();
    if (cursor.takeOpen(word.OFFSET)) {
      this.code.expression(offset);
      cursor.expectClose();
    } else {
      this.code.single(offset);
    }
  }

  /** The rest of the field `(elem …` up to its end. */
  elem(start: number): void {
    const { cursor, spaces, types, elems } = this;
    let table: u32 = 0;
    let mode = PASSIVE;
    let isTable = false; // the short list of functions without `func` may stand only without a table use
    if (!has(cursor.features, BULK_MEMORY)) {
      mode = ACTIVE;
      if (cursor.isIndex()) table = spaces.tables.index(cursor);
    } else {
      cursor.takeId();
      if (cursor.take(word.DECLARE)) {
        mode = DECLARATIVE;
      } else {
        isTable = cursor.takeOpen(word.TABLE);
        if (isTable) {
          table = spaces.tables.index(cursor);
          cursor.expectClose();
        }
        if (isTable || (cursor.kind() === LPAR && !types.isRefType())) mode = ACTIVE;
      }
    }
    if (mode === ACTIVE) this.offsetExpr();
    let type = FUNCREF;
    let short = true;
    if (types.isRefType()) {
      type = types.refType();
      short = false;
      this.elementExprs();
    } else {
      if (!cursor.take(word.FUNC) && (mode !== ACTIVE || isTable)) cursor.refuse(ELEM_KIND);
      this.elementFuncs(false);
    }
    elems.mark(start);
    this.writeElem(mode, table, short, type);
  }

  /** Function indices into `body`, as they are or as expressions. */
  private elementFuncs(exprs: boolean): void {
    const { cursor, body } = this;
    body.clear();
    for (; cursor.isIndex(); body.count++) {
      body.mark(cursor.start());
      if (exprs) body.bytes.u8(INSTRUCTIONS[op.REF_FUNC].code);
      body.bytes.leb(this.spaces.funcs.index(cursor));
      if (exprs) body.bytes.u8(INSTRUCTIONS[op.END].code);
    }
  }

  /** `(item …)` or single folded instructions into `body`. */
  private elementExprs(): void {
    const { cursor, body } = this;
    body.clear();
    for (; cursor.kind() === LPAR; body.count++) {
      if (cursor.takeOpen(word.ITEM)) {
        this.code.expression(body);
        cursor.expectClose();
      } else {
        this.code.single(body);
      }
    }
  }

  /** Writes the segment whose elements are in `body` and whose offset is in `offset`, in the shortest of the eight forms (spec 5.5.12). */
  private writeElem(mode: number, table: u32, short: boolean, type: ValType): void {
    const { elems, body, offset } = this;
    const { bytes } = elems;
    elems.count++;
    // without table index and type only what the form says by itself: table 0 of functions
    const plain = mode === ACTIVE && table === 0 && (short || type === FUNCREF);
    const form = mode === ACTIVE ? (plain ? 0 : 2) : mode === PASSIVE ? 1 : 3;
    bytes.u8(form | (short ? 0 : 4));
    if (form === 2) bytes.leb(table);
    if (mode === ACTIVE) elems.append(offset);
    if (form !== 0) {
      if (short) bytes.u8(0);
      else writeValType(type, bytes);
    }
    bytes.leb(body.count);
    elems.append(body);
  }

  /** The rest of the field `(data …` up to its end. */
  data(start: number): void {
    const { cursor, spaces, datas } = this;
    let memory: u32 = 0;
    let mode = PASSIVE;
    if (!has(cursor.features, BULK_MEMORY)) {
      mode = ACTIVE;
      if (cursor.isIndex()) memory = spaces.memories.index(cursor);
    } else {
      cursor.takeId();
      const isMemory = cursor.takeOpen(word.MEMORY);
      if (isMemory) {
        memory = spaces.memories.index(cursor);
        cursor.expectClose();
      }
      if (isMemory || cursor.kind() === LPAR) mode = ACTIVE;
    }
    if (mode === ACTIVE) {
      cursor.refuseAny(NUMBERS);
      this.offsetExpr();
    }
    this.strings();
    datas.mark(start);
    this.writeData(mode, memory);
  }

  /** What is left of a data segment, into `scratch`. */
  private strings(): void {
    const { cursor, scratch } = this;
    scratch.clear();
    cursor.strings(scratch);
    if (cursor.kind() === LPAR) cursor.refuse(NUMBERS);
    if (cursor.kind() === KEYWORD) cursor.refuse(DATA_KIND);
  }

  /** Writes the segment whose bytes are in `scratch`, and whose offset in `offset`. */
  private writeData(mode: number, memory: u32): void {
    const { datas, scratch, offset } = this;
    const { bytes } = datas;
    datas.count++;
    bytes.u8(mode === PASSIVE ? 1 : memory === 0 ? 0 : 2);
    if (mode === ACTIVE) {
      if (memory !== 0) bytes.leb(memory);
      datas.append(offset);
    }
    bytes.leb(scratch.length);
    bytes.bytes(scratch.view());
  }
}
