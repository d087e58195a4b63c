// The first walk over the fields of a module in the text format: binds the identifiers that they declare, so that
// the walks after it find every index, and checks that imports come first.

import type { ErrorText } from "../base/errors.ts";
import { fail } from "../base/fail.ts";
import * as word from "../gen/wat-words.ts";
import { BULK_MEMORY, has } from "../wasm/features.ts";
import { FIELD, GROUPED_IMPORT, IMPORT_KIND } from "../wasm/proposals.ts";
import type { AnnotationParser } from "./annotations.ts";
import type { Cursor } from "./cursor.ts";
import { KEYWORD, LPAR, RPAR, STRING } from "./lexer.ts";
import type { Spaces } from "./spaces.ts";

export class FieldDeclarations {
  private readonly cursor: Cursor;
  private readonly spaces: Spaces;
  private readonly annotations: AnnotationParser;
  /** The message for an import after the definition met last, or null. */
  private tooLate: ErrorText | null;

  constructor(cursor: Cursor, spaces: Spaces, annotations: AnnotationParser) {
    this.cursor = cursor;
    this.spaces = spaces;
    this.annotations = annotations;
    this.tooLate = null;
  }

  /** Binds what the field at the cursor declares. */
  field(): void {
    const { cursor, spaces } = this;
    const lpar = cursor.at;
    const end = cursor.value();
    cursor.at++;
    if (cursor.kind() !== KEYWORD) cursor.unexpected();
    const keyword = cursor.value();
    cursor.at++;
    switch (keyword) {
      case word.TYPE:
        spaces.types.declare(cursor);
        break;
      case word.REC:
        while (cursor.kind() === LPAR) {
          const next = cursor.value() + 1;
          cursor.expectOpen(word.TYPE);
          spaces.types.declare(cursor);
          cursor.at = next;
        }
        if (cursor.kind() !== RPAR) cursor.unexpected();
        break;
      case word.IMPORT:
        this.checkOrder(lpar);
        if (cursor.kind() === STRING) cursor.at++;
        if (cursor.kind() === STRING) cursor.at++;
        if (cursor.kind() !== LPAR) cursor.unexpected();
        cursor.at++;
        this.declareExternal(cursor.kind() === KEYWORD ? cursor.value() : -1);
        break;
      case word.FUNC:
      case word.TABLE:
      case word.MEMORY:
      case word.GLOBAL:
      case word.TAG:
        cursor.at--;
        this.declareExternal(keyword);
        while (cursor.opens(word.EXPORT)) cursor.at = cursor.value() + 1;
        if (cursor.opens(word.IMPORT)) {
          this.checkOrder(lpar);
          break;
        }
        this.tooLate = messageFor(keyword);
        if (keyword === word.TABLE && this.hasChild(word.ELEM, end)) spaces.elems.declareAs(cursor, -1);
        if (keyword === word.MEMORY && this.hasChild(word.DATA, end)) spaces.datas.declareAs(cursor, -1);
        break;
      case word.ELEM:
        if (has(cursor.features, BULK_MEMORY)) spaces.elems.declare(cursor);
        break;
      case word.DATA:
        if (has(cursor.features, BULK_MEMORY)) spaces.datas.declare(cursor);
        break;
      case word.EXPORT:
      case word.START:
        break;
      default:
        cursor.at = lpar + 1;
        cursor.refuse(FIELD);
    }
  }

  private checkOrder(token: number): void {
    if (this.tooLate !== null) fail(this.tooLate, this.cursor.tokens.starts.get(token));
  }

  private declareExternal(keyword: number): void {
    const { cursor } = this;
    const space = this.spaces.named(keyword) ?? this.otherImport();
    cursor.at++;
    space.declare(cursor);
    const name = this.annotations.name(cursor.at);
    if (name >= 0) space.names.set(space.count - 1, name);
  }

  /** `(item …` of imports from one module. */
  private otherImport(): never {
    return this.cursor.refuse(this.cursor.is(word.TYPE) ? IMPORT_KIND : GROUPED_IMPORT);
  }

  /** `(keyword …)` stands between the cursor and `end`, not deeper. */
  private hasChild(keyword: number, end: number): boolean {
    const { kinds, values } = this.cursor.tokens;
    for (let at = this.cursor.at; at < end; at++) {
      if (kinds[at] !== LPAR) continue;
      if (kinds[at + 1] === KEYWORD && values.get(at + 1) === keyword) return true;
      at = values.get(at);
    }
    return false;
  }
}

function messageFor(keyword: number): ErrorText {
  switch (keyword) {
    case word.FUNC:
      return "import after function";
    case word.TABLE:
      return "import after table";
    case word.MEMORY:
      return "import after memory";
    case word.GLOBAL:
      return "import after global";
    default:
      return "import after tag";
  }
}
