// A position in the tokens, and the questions every part of the parser asks there.

import { Bytes } from "../base/bytes.ts";
import { fail } from "../base/fail.ts";
import type { u32 } from "../base/numbers.ts";
import { decodeUtf8, sequenceLength } from "../base/utf8.ts";
import { type Features, has, MEMORY64 } from "../wasm/features.ts";
import { proposalOfWord, refuseProposal } from "../wasm/proposals.ts";
import {
  decodeString,
  END,
  ID,
  KEYWORD,
  LPAR,
  NUMBER,
  RESERVED,
  RPAR,
  type Source,
  STRING,
  type Tokens,
} from "./lexer.ts";
import { NOT_A_NUMBER, NumberReader, OK, OUT_OF_RANGE } from "./numbers.ts";
import type { Scope, Symbols } from "./symbols.ts";
import { isWord } from "./words.ts";

/** Tokens in messages are cut after this many bytes. */
const SHOWN = 40;

export class Cursor {
  readonly source: Source;
  readonly tokens: Tokens;
  readonly text: Uint8Array;
  readonly symbols: Symbols;
  readonly features: Features;
  readonly number: NumberReader;
  /** The current token. */
  at: number;
  private readonly scratch: Bytes;

  constructor(source: Source, features: Features, at: number) {
    this.source = source;
    this.tokens = source.tokens;
    this.text = source.tokens.text;
    this.symbols = source.symbols;
    this.features = features;
    this.number = new NumberReader();
    this.at = at;
    this.scratch = new Bytes();
  }

  kind(): number {
    return this.tokens.kinds[this.at];
  }

  /** Symbol of a keyword or identifier, or the other parenthesis. */
  value(): number {
    return this.tokens.values.data[this.at];
  }

  /** Byte offset of the current token. */
  start(): number {
    return this.tokens.starts.data[this.at];
  }

  end(): number {
    return this.tokens.ends.data[this.at];
  }

  /** The current token is this keyword. */
  is(keyword: number): boolean {
    return this.kind() === KEYWORD && this.value() === keyword;
  }

  /** Here stands `(keyword`. */
  opens(keyword: number): boolean {
    const { kinds, values } = this.tokens;
    return kinds[this.at] === LPAR && kinds[this.at + 1] === KEYWORD && values.data[this.at + 1] === keyword;
  }

  /** Steps over the keyword if it stands here. */
  take(keyword: number): boolean {
    if (!this.is(keyword)) return false;
    this.at++;
    return true;
  }

  /** Steps over `(keyword` if it stands here. */
  takeOpen(keyword: number): boolean {
    if (!this.opens(keyword)) return false;
    this.at += 2;
    return true;
  }

  expectOpen(keyword: number): void {
    if (this.kind() !== LPAR) this.unexpected();
    this.at++;
    if (!this.take(keyword)) this.unexpected();
  }

  expectClose(): void {
    if (this.kind() !== RPAR) this.unexpected();
    this.at++;
  }

  /** The current token cannot stand here. */
  unexpected(): never {
    fail(this.isUnknown() ? "unknown operator" : "unexpected token", this.start(), this.shown());
  }

  /** Ends if a proposal has the keyword here, perhaps behind a parenthesis: `place` of proposals.ts. */
  refuseAny(place: number): void {
    const at = this.kind() === LPAR ? this.at + 1 : this.at;
    if (this.tokens.kinds[at] !== KEYWORD) return;
    refuseProposal(proposalOfWord(place, this.shownAt(at)), this.features, this.tokens.starts.get(at));
  }

  /** The current token cannot stand here, whatever proposals say. */
  refuse(place: number): never {
    this.refuseAny(place);
    return this.unexpected();
  }

  /** No token of the language: what looks like a number or a word and is none. */
  private isUnknown(): boolean {
    const kind = this.kind();
    if (kind === NUMBER || (kind === KEYWORD && !isWord(this.value()))) {
      return this.number.float64(this.text, this.start(), this.end()) === NOT_A_NUMBER;
    }
    return kind === RESERVED;
  }

  /** The current token for a message. */
  shown(): string {
    return this.shownAt(this.at);
  }

  shownAt(token: number): string {
    if (this.tokens.kinds[token] === END) return "end of text";
    const start = this.tokens.starts.get(token);
    let end = this.tokens.ends.get(token);
    if (end - start > SHOWN) {
      end = start + SHOWN;
      while (end > start && (this.text[end] & 0xc0) === 0x80) end--;
    }
    return decodeUtf8(this.text, start, end) ?? "";
  }

  /** The symbol of the identifier here, stepping over it; -1 when there is none. */
  takeId(): number {
    if (this.kind() !== ID) return -1;
    return this.tokens.values.data[this.at++];
  }

  /** An index of a space begins here. */
  isIndex(): boolean {
    const kind = this.kind();
    return kind === NUMBER || kind === ID;
  }

  /** An index, or an identifier bound in `scope`; `space` names it in messages. */
  index(scope: Scope, space: string): u32 {
    if (this.kind() !== ID) return this.natural32();
    const index = scope.find(this.value());
    if (index < 0) fail("unknown identifier", this.start(), `${space} ${this.shown()}`);
    this.at++;
    return index;
  }

  natural32(): u32 {
    if (this.kind() !== NUMBER) this.unexpected();
    this.check(this.number.natural(this.text, this.start(), this.end(), 32), "u32");
    this.at++;
    return this.number.lo >>> 0;
  }

  /** An unsigned 64-bit integer into `number.lo` and `number.hi`. */
  natural64(): void {
    if (this.kind() !== NUMBER) this.unexpected();
    this.check(this.number.natural(this.text, this.start(), this.end(), 64), "u64");
    this.at++;
  }

  /** The token is a keyword that begins with `prefix`. */
  hasPrefix(token: number, prefix: string): boolean {
    const { kinds, starts, ends } = this.tokens;
    const start = starts.get(token);
    if (kinds[token] !== KEYWORD || ends.get(token) - start < prefix.length) return false;
    for (let i = 0; i < prefix.length; i++) if (this.text[start + i] !== prefix.charCodeAt(i)) return false;
    return true;
  }

  /** The rest of the token after `prefix` bytes: an offset or alignment, into `number`. */
  naturalAfter(prefix: number): void {
    const { number } = this;
    const start = this.start();
    const result = number.natural(this.text, start + prefix, this.end(), 64);
    if (result === NOT_A_NUMBER) fail("unknown operator", start, this.shown());
    if (result === OUT_OF_RANGE || (number.hi !== 0 && !has(this.features, MEMORY64))) {
      fail("constant out of range", start, this.shown());
    }
    this.at++;
  }

  /** An integer of 8, 16, 32 or 64 bits, signed or not, into `number`. */
  integer(bits: number): void {
    if (this.kind() !== NUMBER) this.unexpected();
    this.check(this.number.integer(this.text, this.start(), this.end(), bits), `i${bits}`);
    this.at++;
  }

  /** A float of 32 or 64 bits, its bits into `number`. */
  float(bits: number): void {
    const kind = this.kind();
    if (kind !== NUMBER && kind !== KEYWORD) this.unexpected();
    const { text, number } = this;
    const result =
      bits === 32
        ? number.float32(text, this.start(), this.end())
        : number.float64(text, this.start(), this.end());
    this.check(result, `f${bits}`);
    this.at++;
  }

  private check(result: number, type: string): void {
    if (result === OK) return;
    if (result === OUT_OF_RANGE) fail("constant out of range", this.start(), `${type} ${this.shown()}`);
    this.unexpected();
  }

  /** Appends the bytes of the string here to `out`. */
  string(out: Bytes): void {
    if (this.kind() !== STRING) this.unexpected();
    decodeString(this.text, this.start(), this.end(), out);
    this.at++;
  }

  /** Appends strings up to what is none. */
  strings(out: Bytes): void {
    while (this.kind() === STRING) this.string(out);
  }

  /** Writes a name: a string that must be UTF-8, with its length before it. */
  name(out: Bytes): void {
    const { scratch } = this;
    const start = this.start();
    scratch.clear();
    this.string(scratch);
    for (let i = 0; i < scratch.length; ) {
      const n = sequenceLength(scratch.data, i, scratch.length);
      if (n === 0) fail("malformed UTF-8 encoding", start);
      i += n;
    }
    out.leb(scratch.length);
    out.bytes(scratch.view());
  }
}
