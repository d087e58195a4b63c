// The fields of a module (spec 3.0, 6.6) into sections. Three walks: the first binds identifiers and checks that
// imports come first, the second defines types, the third writes everything else, in the order of the text, each
// field into the buffers of its sections.

import { Bytes } from "../base/bytes.ts";
import { IntColumn } from "../base/columns.ts";
import { fail } from "../base/fail.ts";
import type { f64, u32 } from "../base/numbers.ts";
import * as word from "../gen/wat-words.ts";
import { has, MEMORY64 } from "../wasm/features.ts";
import { EXT_FUNC, EXT_GLOBAL, EXT_MEMORY, EXT_TABLE, EXT_TAG } from "../wasm/module.ts";
import { IMPORT_KIND, MEMORY_LIMITS, TABLE_LIMITS } from "../wasm/proposals.ts";
import * as notes from "./annotations.ts";
import { AnnotationParser } from "./annotations.ts";
import * as out from "./assembled.ts";
import { type Assembled, Marked } from "./assembled.ts";
import type { Cursor } from "./cursor.ts";
import { FieldDeclarations } from "./declare.ts";
import { CodeParser } from "./instructions.ts";
import { END, ID, KEYWORD, LPAR, NUMBER, RPAR } from "./lexer.ts";
import { NameSection } from "./namesection.ts";
import { SegmentParser } from "./segments.ts";
import { Spaces } from "./spaces.ts";
import { TypeParser, writeValType } from "./types.ts";

const PAGE_BITS = 16;

// flags of limits (spec 5.3.15)
const HAS_MAX = 1;
const SHARED = 2;
const IS_64 = 4;

export class ModuleParser {
  private readonly cursor: Cursor;
  private readonly spaces: Spaces;
  private readonly types: TypeParser;
  private readonly code: CodeParser;
  private readonly names: NameSection;
  private readonly annotations: AnnotationParser;
  private readonly imports: Marked;
  private readonly funcs: Marked;
  private readonly tables: Marked;
  private readonly memories: Marked;
  private readonly tags: Marked;
  private readonly globals: Marked;
  private readonly exports: Marked;
  private readonly codes: Marked;
  private readonly segments: SegmentParser;
  private readonly body: Marked; // scratch
  private readonly locals: IntColumn;
  private readonly scratch: Bytes;
  private start: f64; // function index, or -1
  private startAt: number;
  /** How many of each kind the third walk has met. */
  private funcCount: number;
  private tableCount: number;
  private memoryCount: number;
  private globalCount: number;
  private tagCount: number;

  constructor(cursor: Cursor) {
    this.cursor = cursor;
    this.spaces = new Spaces();
    this.types = new TypeParser(cursor, this.spaces);
    this.code = new CodeParser(cursor, this.spaces, this.types);
    this.names = new NameSection(cursor.symbols);
    this.annotations = new AnnotationParser(cursor.source, cursor.features, cursor.at);
    this.imports = new Marked();
    this.funcs = new Marked();
    this.tables = new Marked();
    this.memories = new Marked();
    this.tags = new Marked();
    this.globals = new Marked();
    this.exports = new Marked();
    this.codes = new Marked();
    this.segments = new SegmentParser(cursor, this.spaces, this.types, this.code);
    this.body = new Marked();
    this.locals = new IntColumn();
    this.scratch = new Bytes();
    this.start = -1;
    this.startAt = 0;
    this.funcCount = 0;
    this.tableCount = 0;
    this.memoryCount = 0;
    this.globalCount = 0;
    this.tagCount = 0;
  }

  /**
   * Assembles the fields from the cursor up to a closing parenthesis or the end. The module begins at byte
   * `start` of the text; `id` is its symbol, or -1.
   */
  assemble(start: number, id: number): Assembled {
    const { cursor, annotations } = this;
    const declarations = new FieldDeclarations(cursor, this.spaces, annotations);
    const fields = new IntColumn(); // all but types
    const definitions = new IntColumn();
    const name = annotations.name(cursor.at);
    annotations.between(cursor.at);
    while (cursor.kind() === LPAR) {
      const isType = cursor.opens(word.TYPE) || cursor.opens(word.REC);
      (isType ? definitions : fields).push(cursor.at);
      const next = cursor.value() + 1;
      declarations.field();
      cursor.at = next;
      annotations.between(next);
    }
    if (cursor.kind() !== RPAR && cursor.kind() !== END) cursor.unexpected();
    const last = cursor.at;
    for (let i = 0; i < definitions.length; i++) {
      cursor.at = definitions.get(i);
      this.types.define();
    }
    for (let i = 0; i < fields.length; i++) {
      cursor.at = fields.get(i);
      this.field();
    }
    cursor.at = last;
    return this.write(start, name >= 0 ? name : id);
  }

  // ---- third walk

  private field(): void {
    const { cursor } = this;
    cursor.source.progress?.mayGoOn();
    const start = cursor.start();
    const keyword = cursor.tokens.values.get(cursor.at + 1);
    cursor.at += 2;
    switch (keyword) {
      case word.IMPORT:
        this.importField(start);
        break;
      case word.FUNC:
        this.func(start);
        break;
      case word.TABLE:
        this.table(start);
        break;
      case word.MEMORY:
        this.memory(start);
        break;
      case word.GLOBAL:
        this.global(start);
        break;
      case word.TAG:
        this.tag(start);
        break;
      case word.EXPORT:
        this.exportField(start);
        break;
      case word.START:
        if (this.start >= 0) fail("multiple start sections", start);
        this.start = this.spaces.funcs.index(cursor);
        this.startAt = start;
        break;
      case word.ELEM:
        this.segments.elem(start);
        break;
      default:
        this.segments.data(start);
    }
    cursor.expectClose();
  }

  private importField(start: number): void {
    const { cursor, imports } = this;
    this.beginImport(start);
    if (cursor.kind() !== LPAR) cursor.unexpected();
    cursor.at++;
    const keyword = cursor.value();
    cursor.at++;
    cursor.takeId();
    switch (keyword) {
      case word.FUNC:
        this.funcCount++;
        this.importedFunc();
        break;
      case word.TABLE:
        this.tableCount++;
        imports.bytes.u8(EXT_TABLE);
        this.tableType(imports.bytes);
        break;
      case word.MEMORY:
        this.memoryCount++;
        imports.bytes.u8(EXT_MEMORY);
        this.memoryType(imports.bytes);
        break;
      case word.GLOBAL:
        this.globalCount++;
        imports.bytes.u8(EXT_GLOBAL);
        this.globalType(imports.bytes);
        break;
      default:
        this.tagCount++;
        this.importedTag();
    }
    cursor.expectClose();
  }

  /** The two names of an import at the cursor. */
  private beginImport(start: number): void {
    const { imports, cursor } = this;
    imports.mark(start);
    imports.count++;
    cursor.name(imports.bytes);
    cursor.name(imports.bytes);
  }

  private importedFunc(): void {
    this.imports.bytes.u8(EXT_FUNC);
    this.imports.bytes.leb(this.types.typeUse(true));
    if (this.cursor.kind() === LPAR) this.cursor.refuse(IMPORT_KIND);
  }

  private importedTag(): void {
    this.imports.bytes.u8(EXT_TAG);
    this.imports.bytes.u8(0);
    this.imports.bytes.leb(this.types.typeUse(true));
  }

  /** Inline exports of index `index`, then an inline import if there is one: its names are written. */
  private inlines(kind: number, index: number, start: number): boolean {
    const { cursor, exports } = this;
    while (cursor.opens(word.EXPORT)) {
      exports.mark(cursor.start());
      exports.count++;
      cursor.at += 2;
      cursor.name(exports.bytes);
      cursor.expectClose();
      exports.bytes.u8(kind);
      exports.bytes.leb(index);
    }
    if (!cursor.takeOpen(word.IMPORT)) return false;
    this.beginImport(start);
    cursor.expectClose();
    return true;
  }

  private func(start: number): void {
    const { cursor, types, funcs, codes, body, names } = this;
    const index = this.funcCount++;
    cursor.takeId();
    if (this.inlines(EXT_FUNC, index, start)) {
      this.importedFunc();
      return;
    }
    const { locals } = this.spaces;
    locals.clear();
    funcs.mark(start);
    funcs.count++;
    const type = types.typeUse(true);
    funcs.bytes.leb(type);
    for (let i = 0; i < types.names.length; i++) locals.declareAs(cursor, types.names.get(i));
    locals.declareUnnamed(types.paramsOf(type) - types.names.length);
    body.clear();
    body.mark(start);
    this.localTypes(body.bytes);
    this.code.expression(body);
    names.locals(index, locals.names);
    codes.count++;
    codes.mark(start);
    codes.bytes.leb(body.bytes.length);
    codes.append(body);
  }

  /** `(local …)*` as runs of one type. */
  private localTypes(target: Bytes): void {
    const { cursor, locals, types } = this;
    locals.clear();
    while (cursor.takeOpen(word.LOCAL)) {
      if (cursor.kind() === ID) {
        this.spaces.locals.declare(cursor);
        locals.push(types.valType());
      } else {
        while (cursor.kind() !== RPAR) {
          this.spaces.locals.declareAs(cursor, -1);
          locals.push(types.valType());
        }
      }
      cursor.expectClose();
    }
    const { length } = locals;
    let runs = 0;
    for (let i = 0; i < length; i++) if (i === 0 || locals.get(i) !== locals.get(i - 1)) runs++;
    target.leb(runs);
    for (let i = 0; i < length; ) {
      const type = locals.get(i);
      const first = i;
      while (i < length && locals.get(i) === type) i++;
      target.leb(i - first);
      writeValType(type, target);
    }
  }

  // ---- tables and memories

  /** `i32` or `i64` or nothing: true for the second. */
  private addressType(): boolean {
    const { cursor } = this;
    if (!has(cursor.features, MEMORY64)) return false;
    if (cursor.take(word.I64)) return true;
    cursor.take(word.I32);
    return false;
  }

  /** Size limits at the cursor, with the flags that are known already; `place`: what proposals add to them. */
  private limits(is64: boolean, place: number, bytes: Bytes): void {
    const { cursor } = this;
    if (cursor.kind() !== NUMBER) cursor.refuse(place);
    this.size();
    const { lo, hi } = cursor.number;
    const bounded = cursor.kind() === NUMBER;
    if (bounded) this.size();
    const shared = cursor.take(word.SHARED);
    if (place === MEMORY_LIMITS && cursor.kind() === LPAR) cursor.refuse(place);
    bytes.u8((bounded ? HAS_MAX : 0) | (shared ? SHARED : 0) | (is64 ? IS_64 : 0));
    bytes.leb64(lo, hi);
    if (bounded) bytes.leb64(cursor.number.lo, cursor.number.hi);
  }

  /** One size, into the cursor's number. */
  private size(): void {
    const { cursor } = this;
    if (has(cursor.features, MEMORY64)) {
      cursor.natural64();
    } else {
      cursor.natural32();
      cursor.number.hi = 0;
    }
  }

  /** address type? limits reftype: in the binary the other way round. */
  private tableType(bytes: Bytes): void {
    const { scratch } = this;
    scratch.clear();
    const is64 = this.addressType();
    this.limits(is64, TABLE_LIMITS, scratch);
    writeValType(this.types.refType(), bytes);
    bytes.bytes(scratch.view());
  }

  private table(start: number): void {
    const { cursor, tables, types, segments } = this;
    const index = this.tableCount++;
    cursor.takeId();
    if (this.inlines(EXT_TABLE, index, start)) {
      this.imports.bytes.u8(EXT_TABLE);
      this.tableType(this.imports.bytes);
      return;
    }
    tables.mark(start);
    tables.count++;
    const typeAt = cursor.at;
    const is64 = this.addressType();
    if (types.isRefType()) {
      // reftype (elem …): as large as the segment, which begins at 0
      const type = types.refType();
      const at = cursor.start();
      cursor.expectOpen(word.ELEM);
      const count = segments.inlineElem(at, index, type, is64);
      cursor.expectClose();
      writeValType(type, tables.bytes);
      tables.bytes.u8(HAS_MAX | (is64 ? IS_64 : 0));
      tables.bytes.leb(count);
      tables.bytes.leb(count);
      return;
    }
    cursor.at = typeAt;
    const bytesAt = tables.bytes.length;
    this.tableType(tables.bytes);
    if (cursor.kind() === RPAR) return;
    // an initial value follows: 0x40 0x00 stand before the type
    const { scratch } = this;
    scratch.clear();
    scratch.bytes(tables.bytes.data.subarray(bytesAt, tables.bytes.length));
    tables.bytes.length = bytesAt;
    tables.bytes.u8(0x40);
    tables.bytes.u8(0x00);
    tables.bytes.bytes(scratch.view());
    this.code.expression(tables);
  }

  private memoryType(bytes: Bytes): void {
    this.limits(this.addressType(), MEMORY_LIMITS, bytes);
  }

  private memory(start: number): void {
    const { cursor, memories, segments } = this;
    const index = this.memoryCount++;
    cursor.takeId();
    if (this.inlines(EXT_MEMORY, index, start)) {
      this.imports.bytes.u8(EXT_MEMORY);
      this.memoryType(this.imports.bytes);
      return;
    }
    memories.mark(start);
    memories.count++;
    const typeAt = cursor.at;
    const is64 = this.addressType();
    const at = cursor.start();
    if (!cursor.takeOpen(word.DATA)) {
      cursor.at = typeAt;
      this.memoryType(memories.bytes);
      return;
    }
    // as many pages as the data need, which begin at 0
    const pages = Math.ceil(segments.inlineData(at, index, is64) / (1 << PAGE_BITS)) | 0;
    cursor.expectClose();
    memories.bytes.u8(HAS_MAX | (is64 ? IS_64 : 0));
    memories.bytes.leb(pages);
    memories.bytes.leb(pages);
  }

  // ---- globals, tags, exports

  private globalType(bytes: Bytes): void {
    const { cursor } = this;
    const mutable = cursor.takeOpen(word.MUT);
    writeValType(this.types.valType(), bytes);
    if (mutable) cursor.expectClose();
    bytes.u8(mutable ? 1 : 0);
  }

  private global(start: number): void {
    const { globals, cursor } = this;
    const index = this.globalCount++;
    cursor.takeId();
    if (this.inlines(EXT_GLOBAL, index, start)) {
      this.imports.bytes.u8(EXT_GLOBAL);
      this.globalType(this.imports.bytes);
      return;
    }
    globals.mark(start);
    globals.count++;
    this.globalType(globals.bytes);
    this.code.expression(globals);
  }

  private tag(start: number): void {
    const { tags, cursor } = this;
    const index = this.tagCount++;
    cursor.takeId();
    if (this.inlines(EXT_TAG, index, start)) {
      this.importedTag();
      return;
    }
    tags.mark(start);
    tags.count++;
    tags.bytes.u8(0);
    tags.bytes.leb(this.types.typeUse(true));
  }

  private exportField(start: number): void {
    const { exports, cursor } = this;
    exports.mark(start);
    exports.count++;
    cursor.name(exports.bytes);
    if (cursor.kind() !== LPAR) cursor.unexpected();
    cursor.at++;
    const keyword = cursor.kind() === KEYWORD ? cursor.value() : -1;
    const space = this.spaces.named(keyword) ?? cursor.refuse(IMPORT_KIND);
    cursor.at++;
    exports.bytes.u8(externKind(keyword));
    exports.bytes.leb(space.index(cursor));
    cursor.expectClose();
  }

  // ---- the whole

  private write(start: number, name: number): Assembled {
    const whole = new Marked();
    whole.mark(start);
    for (const byte of out.HEADER) whole.bytes.u8(byte);
    this.section(whole, notes.AT_TYPES, out.TYPE_SECTION, this.types.section);
    this.section(whole, notes.AT_IMPORTS, out.IMPORT_SECTION, this.imports);
    this.section(whole, notes.AT_FUNCS, out.FUNCTION_SECTION, this.funcs);
    this.section(whole, notes.AT_TABLES, out.TABLE_SECTION, this.tables);
    this.section(whole, notes.AT_MEMORIES, out.MEMORY_SECTION, this.memories);
    this.section(whole, notes.AT_TAGS, out.TAG_SECTION, this.tags);
    this.section(whole, notes.AT_GLOBALS, out.GLOBAL_SECTION, this.globals);
    this.section(whole, notes.AT_EXPORTS, out.EXPORT_SECTION, this.exports);
    this.annotations.write(whole, notes.AT_START);
    if (this.start >= 0) {
      whole.mark(this.startAt);
      this.writeNumber(whole, out.START_SECTION, this.start >>> 0);
    }
    this.section(whole, notes.AT_ELEMS, out.ELEMENT_SECTION, this.segments.elems);
    this.annotations.write(whole, notes.AT_DATA_COUNT);
    if (this.code.usesData) this.writeNumber(whole, out.DATA_COUNT_SECTION, this.segments.datas.count);
    this.section(whole, notes.AT_CODE, out.CODE_SECTION, this.codes);
    this.section(whole, notes.AT_DATA, out.DATA_SECTION, this.segments.datas);
    this.annotations.write(whole, notes.AT_LAST);
    this.names.write(whole, name, this.spaces.funcs.names);
    this.annotations.write(whole, notes.AT_LAST + 1);
    return new out.Assembled(
      whole.bytes.take(),
      whole.offsets.data.slice(0, whole.offsets.length),
      whole.texts.data.slice(0, whole.texts.length),
    );
  }

  /** Appends a section, and the custom sections that stand before it. */
  private section(whole: Marked, place: number, id: number, entries: Marked): void {
    this.annotations.write(whole, place);
    out.writeSection(whole, id, entries);
  }

  private writeNumber(whole: Marked, section: number, n: u32): void {
    const { scratch } = this;
    scratch.clear();
    scratch.leb(n);
    out.writeRawSection(whole, section, scratch);
  }
}

function externKind(keyword: number): number {
  switch (keyword) {
    case word.FUNC:
      return EXT_FUNC;
    case word.TABLE:
      return EXT_TABLE;
    case word.MEMORY:
      return EXT_MEMORY;
    case word.GLOBAL:
      return EXT_GLOBAL;
    default:
      return EXT_TAG;
  }
}
