// Tokens of the text format (spec 3.0, 6.3): one strict pass over the source into typed columns. Parentheses are
// matched here, so that a parser can step over a field without looking into it; keywords and identifiers are
// interned. Annotations do not become tokens; those that mean something here (annotations.ts) are set aside, the
// others are dropped, with their contents lexed as the specification asks.
//
// Leaves: columns that end with an END token, every LPAR with its RPAR.

import { Bytes, byteAt } from "../base/bytes.ts";
import { grown8, IntColumn } from "../base/columns.ts";
import { fail } from "../base/fail.ts";
import type { Progress } from "../base/progress.ts";
import { sequenceLength, writeUtf8 } from "../base/utf8.ts";
import * as word from "../gen/wat-words.ts";
import { ANNOTATIONS, type Features, has } from "../wasm/features.ts";
import { MAX_NAME_BYTES } from "../wasm/limits.ts";
import type { Symbols } from "./symbols.ts";

/** After so many bytes it is asked whether to go on. */
const PIECE = 1 << 16;

// kinds of tokens
export const LPAR = 0; // value: the token of the matching RPAR
export const RPAR = 1; // value: the token of the matching LPAR
export const KEYWORD = 2; // value: symbol
export const ID = 3; // value: symbol of the decoded name with its "$"
export const NUMBER = 4; // starts as a number does: numbers.ts decides whether it is one
export const STRING = 5; // in its quotes, escapes checked
export const RESERVED = 6;
export const END = 7;

// classes of characters
const ILLEGAL = 0; // controls, DEL, and what is not ASCII
const SPACE = 1;
const PAREN = 2;
const IDCHAR = 3;
const QUOTE = 4;
const OTHER = 5; // , ; [ ] { }: parts of reserved tokens only

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const OPEN = 0x28;
const CLOSE = 0x29;
const PLUS = 0x2b;
const MINUS = 0x2d;
const SEMICOLON = 0x3b;
const AT = 0x40;
const BACKSLASH = 0x5c;
const DEL = 0x7f;

function classes(): Uint8Array {
  const table = new Uint8Array(256);
  table.fill(IDCHAR, 0x21, DEL);
  for (const c of [TAB, LF, CR, 0x20]) table[c] = SPACE;
  for (const c of ",;[]{}") table[c.charCodeAt(0)] = OTHER;
  table[OPEN] = PAREN;
  table[CLOSE] = PAREN;
  table[DOUBLE_QUOTE] = QUOTE;
  return table;
}

const CLASS: Uint8Array = classes();

/** The value of a hexadecimal digit, or -1. */
export function hexDigit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The symbol of an identifier, with its "$", which stands at `at`. */
export function internId(
  symbols: Symbols,
  bytes: Uint8Array,
  start: number,
  end: number,
  at: number,
): number {
  const length = end - start - 1;
  if (length > MAX_NAME_BYTES) fail("name too long", at, `${length} bytes, the limit is ${MAX_NAME_BYTES}`);
  return symbols.intern(bytes, start, end);
}

/** Annotations that mean something, each with its own tokens. */
export class Annotations {
  /** The symbol of its id. */
  readonly ids: IntColumn;
  /** The token of the text that follows it. */
  readonly before: IntColumn;
  /** Its first token in `tokens`; an RPAR ends it. */
  readonly first: IntColumn;
  readonly tokens: Tokens;

  constructor(text: Uint8Array) {
    this.ids = new IntColumn(4);
    this.before = new IntColumn(4);
    this.first = new IntColumn(4);
    this.tokens = new Tokens(text);
  }
}

export class Tokens {
  readonly text: Uint8Array;
  kinds: Uint8Array<ArrayBuffer>;
  readonly starts: IntColumn;
  readonly ends: IntColumn;
  readonly values: IntColumn;

  constructor(text: Uint8Array) {
    this.text = text;
    this.kinds = new Uint8Array(256);
    this.starts = new IntColumn(256);
    this.ends = new IntColumn(256);
    this.values = new IntColumn(256);
  }

  push(kind: number, start: number, end: number, value: number): number {
    const token = this.starts.push(start);
    if (token === this.kinds.length) this.kinds = grown8(this.kinds, token + 1);
    this.kinds[token] = kind;
    this.ends.push(end);
    this.values.push(value);
    return token;
  }
}

/** A text that was lexed. */
export class Source {
  readonly symbols: Symbols;
  readonly tokens: Tokens;
  readonly annotations: Annotations;
  /** Of the job that it is read for. */
  readonly progress: Progress | null;

  constructor(symbols: Symbols, tokens: Tokens, annotations: Annotations, progress: Progress | null) {
    this.symbols = symbols;
    this.tokens = tokens;
    this.annotations = annotations;
    this.progress = progress;
  }
}

/** The tokens of `text`; fails where it is malformed. */
export function lex(
  text: Uint8Array,
  symbols: Symbols,
  features: Features,
  progress: Progress | null,
): Source {
  const lexer = new Lexer(text, symbols, has(features, ANNOTATIONS));
  lexer.run(progress);
  return new Source(symbols, lexer.tokens, lexer.notes, progress);
}

class Lexer {
  readonly tokens: Tokens;
  readonly notes: Annotations;
  private readonly text: Uint8Array;
  private readonly symbols: Symbols;
  private readonly annotations: boolean;
  private at: number;
  /** Where tokens go; null inside of annotations that are dropped. */
  private sink: Tokens | null;
  /** Parentheses open inside the annotation around `at`; 0 outside of annotations. */
  private annotationDepth: number;
  private readonly open: IntColumn;
  private readonly scratch: Bytes;

  constructor(text: Uint8Array, symbols: Symbols, annotations: boolean) {
    this.tokens = new Tokens(text);
    this.notes = new Annotations(text);
    this.sink = this.tokens;
    this.text = text;
    this.symbols = symbols;
    this.annotations = annotations;
    this.at = 0;
    this.annotationDepth = 0;
    this.open = new IntColumn();
    this.scratch = new Bytes();
  }

  run(progress: Progress | null): void {
    const { text } = this;
    let annotation = 0;
    let look = 0;
    while (this.at < text.length) {
      if (this.at >= look) {
        progress?.mayGoOn();
        look = this.at + PIECE;
      }
      const c = text[this.at];
      switch (CLASS[c]) {
        case SPACE:
          this.at++;
          break;
        case PAREN:
          if (c === CLOSE) {
            this.close();
          } else if (byteAt(text, this.at + 1) === SEMICOLON) {
            this.blockComment();
          } else if (this.annotationDepth === 0 && this.annotations && byteAt(text, this.at + 1) === AT) {
            annotation = this.at;
            this.annotation();
          } else {
            this.openParenthesis();
          }
          break;
        case ILLEGAL:
          this.illegal(this.at);
          break;
        default:
          if (c === SEMICOLON && byteAt(text, this.at + 1) === SEMICOLON) this.lineComment();
          else this.token();
      }
    }
    if (this.annotationDepth > 0) fail("unclosed annotation", annotation);
    if (this.open.length > 0) {
      const token = this.open.get(this.open.length - 1);
      fail("unexpected token", this.tokens.starts.get(token), "unclosed parenthesis");
    }
    this.tokens.push(END, text.length, text.length, 0);
  }

  private illegal(at: number): never {
    if (sequenceLength(this.text, at, this.text.length) === 0) fail("malformed UTF-8 encoding", at);
    fail("illegal character", at);
  }

  private openParenthesis(): void {
    if (this.annotationDepth > 0) this.annotationDepth++;
    if (this.sink !== null) this.open.push(this.sink.push(LPAR, this.at, this.at + 1, 0));
    this.at++;
  }

  private close(): void {
    const { sink } = this;
    if (this.annotationDepth > 0 && --this.annotationDepth === 0) {
      if (sink !== null) sink.push(RPAR, this.at, this.at + 1, 0);
      this.sink = this.tokens;
    } else if (sink !== null) {
      if (this.open.length === 0) fail("unexpected token", this.at, ")");
      const lpar = this.open.pop();
      sink.values.set(lpar, sink.push(RPAR, this.at, this.at + 1, lpar));
    }
    this.at++;
  }

  /** Steps over `c` inside a comment, where any character may stand that is UTF-8. */
  private commentChar(c: number): void {
    const n = c < 0x80 ? 1 : sequenceLength(this.text, this.at, this.text.length);
    if (n === 0) fail("malformed UTF-8 encoding", this.at);
    this.at += n;
  }

  private lineComment(): void {
    const { text } = this;
    while (this.at < text.length && text[this.at] !== LF && text[this.at] !== CR) {
      this.commentChar(text[this.at]);
    }
  }

  private blockComment(): void {
    const { text } = this;
    const start = this.at;
    let depth = 0;
    while (this.at < text.length) {
      const c = text[this.at];
      const next = byteAt(text, this.at + 1);
      if (c === OPEN && next === SEMICOLON) {
        depth++;
        this.at += 2;
      } else if (c === SEMICOLON && next === CLOSE) {
        this.at += 2;
        if (--depth === 0) return;
      } else {
        this.commentChar(c);
      }
    }
    fail("unclosed comment", start);
  }

  /** `(@id`. */
  private annotation(): void {
    const { text, notes } = this;
    const begin = this.at;
    const start = begin + 2;
    let id = -1;
    this.at = start;
    if (byteAt(text, start) === DOUBLE_QUOTE) {
      this.at = this.string(start);
      if (this.at - start === 2) fail("empty annotation id", start);
      this.name(start, this.at, false);
    } else {
      while (this.at < text.length && CLASS[text[this.at]] === IDCHAR) this.at++;
      if (this.at === start) fail("empty annotation id", start);
      id = this.word(begin + 1); // with its "@", as in words.ts
    }
    const known = id === word.AT_CUSTOM || id === word.AT_NAME;
    if (known) {
      notes.ids.push(id);
      notes.before.push(this.tokens.starts.length);
      notes.first.push(notes.tokens.starts.length);
    }
    this.sink = known ? notes.tokens : null;
    this.annotationDepth = 1;
  }

  /** A maximal run of id characters, strings and other reserved characters, and what it is. */
  private token(): void {
    const { text } = this;
    const start = this.at;
    let at = start;
    let strings = 0;
    let stringStart = 0;
    let reserved = false;
    for (; at < text.length; ) {
      const kind = CLASS[text[at]];
      if (kind === IDCHAR) {
        at++;
      } else if (kind === QUOTE) {
        strings++;
        stringStart = at;
        at = this.string(at);
        // after a string nothing makes a token of this run but its end
        if (at < text.length && (CLASS[text[at]] === IDCHAR || CLASS[text[at]] === QUOTE)) reserved = true;
      } else if (kind === OTHER && (text[at] !== SEMICOLON || byteAt(text, at + 1) !== SEMICOLON)) {
        reserved = true;
        at++;
      } else {
        break;
      }
    }
    this.at = at;
    const tokens = this.sink;
    if (tokens === null) return;
    const first = text[start];
    if (reserved) {
      tokens.push(RESERVED, start, at, 0);
    } else if (strings > 0) {
      if (stringStart === start) tokens.push(STRING, start, at, 0);
      else if (stringStart === start + 1 && first === DOLLAR && this.annotations) {
        tokens.push(ID, start, at, this.name(stringStart, at, true));
      } else tokens.push(RESERVED, start, at, 0);
    } else if (first === DOLLAR) {
      if (at - start === 1) fail("empty identifier", start);
      tokens.push(ID, start, at, internId(this.symbols, text, start, at, start));
    } else if (first >= 0x61 && first <= 0x7a) {
      tokens.push(KEYWORD, start, at, this.word(start));
    } else if ((first >= 0x30 && first <= 0x39) || first === PLUS || first === MINUS) {
      tokens.push(NUMBER, start, at, 0);
    } else {
      tokens.push(RESERVED, start, at, 0);
    }
  }

  /** The symbol of what stands from `start` up to here. Nothing that means something is so long as to be cut. */
  private word(start: number): number {
    return this.symbols.intern(this.text, start, Math.min(this.at, start + MAX_NAME_BYTES));
  }

  /** The symbol of a quoted identifier, which must be UTF-8 and not empty; 0 for an annotation's. */
  private name(start: number, end: number, identifier: boolean): number {
    const { scratch } = this;
    scratch.clear();
    scratch.u8(DOLLAR);
    decodeString(this.text, start, end, scratch);
    if (scratch.length === 1) fail("empty identifier", start);
    for (let i = 1; i < scratch.length; ) {
      const n = sequenceLength(scratch.data, i, scratch.length);
      if (n === 0) fail("malformed UTF-8 encoding", start);
      i += n;
    }
    return identifier ? internId(this.symbols, scratch.data, 0, scratch.length, start) : 0;
  }

  /** The end of the string that starts at `start`, with its escapes checked. */
  private string(start: number): number {
    const { text } = this;
    let at = start + 1;
    while (at < text.length) {
      const c = text[at];
      if (c === DOUBLE_QUOTE) return at + 1;
      if (c === BACKSLASH) {
        at = this.escape(at);
      } else if (c >= 0x80) {
        const n = sequenceLength(text, at, text.length);
        if (n === 0) fail("malformed UTF-8 encoding", at);
        at += n;
      } else {
        if (c === LF || c === CR) fail("unclosed string", start);
        if (c < 0x20 || c === DEL) fail("illegal character", at);
        at++;
      }
    }
    fail("unclosed string", start);
  }

  /** The end of the escape sequence at `start`. */
  private escape(start: number): number {
    const { text } = this;
    const c = byteAt(text, start + 1);
    switch (c) {
      case 0x74: // t
      case 0x6e: // n
      case 0x72: // r
      case 0x22: // "
      case 0x27: // '
      case 0x5c: // \
        return start + 2;
      case 0x75: {
        // u{hexnum}
        let value = 0;
        let at = start + 3;
        if (byteAt(text, start + 2) !== 0x7b || hexDigit(byteAt(text, at)) < 0) fail("illegal escape", start);
        for (; byteAt(text, at) !== 0x7d; at++) {
          if (byteAt(text, at) === 0x5f) at++; // an underscore stands between digits
          const digit = hexDigit(byteAt(text, at));
          if (digit < 0) fail("illegal escape", start);
          value = Math.min(value * 16 + digit, 0x110000);
        }
        if (value >= 0x110000 || (value >= 0xd800 && value < 0xe000)) fail("illegal escape", start);
        return at + 1;
      }
      default:
        if (start + 2 >= text.length || hexDigit(c) < 0 || hexDigit(text[start + 2]) < 0) {
          fail("illegal escape", start);
        }
        return start + 3;
    }
  }
}

/** Appends what a string token means to `out`. Requires: the lexer took it. */
export function decodeString(text: Uint8Array, start: number, end: number, out: Bytes): void {
  for (let at = start + 1; at < end - 1; ) {
    let c = text[at++];
    if (c !== BACKSLASH) {
      out.u8(c);
      continue;
    }
    c = text[at++];
    switch (c) {
      case 0x74:
        out.u8(TAB);
        break;
      case 0x6e:
        out.u8(LF);
        break;
      case 0x72:
        out.u8(CR);
        break;
      case 0x22:
      case 0x27:
      case 0x5c:
        out.u8(c);
        break;
      case 0x75: {
        let value = 0;
        for (at++; text[at] !== 0x7d; at++) if (text[at] !== 0x5f) value = value * 16 + hexDigit(text[at]);
        at++;
        writeUtf8(value, out);
        break;
      }
      default:
        out.u8(hexDigit(c) * 16 + hexDigit(text[at++]));
    }
  }
}
