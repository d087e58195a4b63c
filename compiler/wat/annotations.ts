// The annotations that mean something to the assembler (spec 3.0, appendix "Custom Sections and Annotations"):
// `(@custom "name" (before|after section)? "bytes"…)` between fields is a custom section, `(@name "text")` after
// the identifier of a module or of what a field defines is its name in the name section.
//
// They are read in the order of the text, by the first walk over the fields; one that is passed over is misplaced.

import { Bytes } from "../base/bytes.ts";
import { fail } from "../base/fail.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import * as word from "../gen/wat-words.ts";
import { CUSTOM_SECTION, type Marked, writeRawSection } from "./assembled.ts";
import { Cursor } from "./cursor.ts";
import { type Annotations, internId, KEYWORD, RPAR, Source, STRING } from "./lexer.ts";

// places of sections in a module, as `before` and `after` name them
export const AT_TYPES = 1;
export const AT_IMPORTS = 2;
export const AT_FUNCS = 3;
export const AT_TABLES = 4;
export const AT_MEMORIES = 5;
export const AT_TAGS = 6;
export const AT_GLOBALS = 7;
export const AT_EXPORTS = 8;
export const AT_START = 9;
export const AT_ELEMS = 10;
export const AT_DATA_COUNT = 11;
export const AT_CODE = 12;
export const AT_DATA = 13;
export const AT_LAST = 14;

/** The place of a section's word, or -1. */
function placeNamed(keyword: number): number {
  switch (keyword) {
    case word.FIRST:
      return 0;
    case word.TYPE:
      return AT_TYPES;
    case word.IMPORT:
      return AT_IMPORTS;
    case word.FUNC:
      return AT_FUNCS;
    case word.TABLE:
      return AT_TABLES;
    case word.MEMORY:
      return AT_MEMORIES;
    case word.TAG:
      return AT_TAGS;
    case word.GLOBAL:
      return AT_GLOBALS;
    case word.EXPORT:
      return AT_EXPORTS;
    case word.START:
      return AT_START;
    case word.ELEM:
      return AT_ELEMS;
    case word.DATACOUNT:
      return AT_DATA_COUNT;
    case word.CODE:
      return AT_CODE;
    case word.DATA:
      return AT_DATA;
    case word.LAST:
      return AT_LAST;
    default:
      return -1;
  }
}

class CustomSection {
  readonly text: number;
  readonly content: Bytes;

  constructor(text: number, content: Bytes) {
    this.text = text;
    this.content = content;
  }
}

export class AnnotationParser {
  private readonly notes: Annotations;
  private readonly cursor: Cursor;
  /** By twice the place of a section for those before it, or that plus one for those after it. */
  private readonly customs: CustomSection[][];
  /** Custom sections before this place, doubled likewise, are written. */
  private written: number;
  private next: number;

  /** For the annotations of a text from token `from` on. */
  constructor(source: Source, features: number, from: number) {
    this.notes = source.annotations;
    this.cursor = new Cursor(
      new Source(source.symbols, source.annotations.tokens, source.annotations, source.progress),
      features,
      0,
    );
    this.customs = [];
    for (let place = 0; place <= AT_LAST * 2 + 1; place++) this.customs.push([]);
    this.written = 0;
    this.next = 0;
    const { before } = this.notes;
    while (this.next < before.length && before.get(this.next) < from) this.next++;
  }

  /** Custom sections given between fields, before this token. */
  between(token: number): void {
    while (this.stands(token)) {
      if (this.notes.ids.get(this.next) !== word.AT_CUSTOM) this.misplaced();
      this.custom();
    }
  }

  /** The symbol of a name given before this token, with the "$" of an identifier; -1 without one. */
  name(token: number): number {
    if (!this.stands(token) || this.notes.ids.get(this.next) !== word.AT_NAME) return -1;
    const { cursor } = this;
    const name = new Bytes(32);
    this.begin();
    const start = cursor.start();
    name.u8(0x24);
    this.utf8(name);
    if (cursor.kind() !== RPAR) fail("malformed annotation", cursor.start(), "unexpected token");
    return internId(cursor.symbols, name.data, 0, name.length, start);
  }

  /** An annotation stands before this token; those before earlier ones were passed over. */
  private stands(token: number): boolean {
    const { before } = this.notes;
    if (this.next >= before.length || before.get(this.next) > token) return false;
    if (before.get(this.next) < token) this.misplaced();
    return true;
  }

  private misplaced(): never {
    const { first, tokens } = this.notes;
    return fail("misplaced annotation", tokens.starts.get(first.get(this.next)));
  }

  /** Sets the cursor behind the id of the next annotation. */
  private begin(): void {
    this.cursor.at = this.notes.first.get(this.next++);
  }

  /** A string that must be UTF-8. */
  private utf8(out: Bytes): void {
    const { cursor } = this;
    const start = cursor.start();
    const from = out.length;
    if (cursor.kind() !== STRING) fail("malformed annotation", start, "missing name");
    cursor.string(out);
    if (decodeUtf8(out.data, from, out.length) === null) fail("malformed UTF-8 encoding", start);
  }

  private custom(): void {
    const { cursor } = this;
    const name = new Bytes(32);
    const content = new Bytes(32);
    this.begin();
    const start = cursor.start();
    this.utf8(name);
    let place = AT_LAST * 2 + 1;
    if (cursor.opens(word.BEFORE) || cursor.opens(word.AFTER)) {
      const after = cursor.opens(word.AFTER) ? 1 : 0;
      cursor.at += 2;
      const section = cursor.kind() === KEYWORD ? placeNamed(cursor.value()) : -1;
      if (section < 0) fail("malformed annotation", cursor.start(), "malformed section kind");
      place = section * 2 + after;
      cursor.at++;
      cursor.expectClose();
    }
    content.leb(name.length);
    content.bytes(name.view());
    cursor.strings(content);
    if (cursor.kind() !== RPAR) fail("malformed annotation", cursor.start(), "unexpected token");
    this.customs[place].push(new CustomSection(start, content));
  }

  /** Appends the custom sections that stand before the section at `place`, and were not written yet. */
  write(whole: Marked, place: number): void {
    for (; this.written < this.customs.length && this.written <= place * 2; this.written++) {
      for (const custom of this.customs[this.written]) {
        whole.mark(custom.text);
        writeRawSection(whole, CUSTOM_SECTION, custom.content);
      }
    }
  }
}
