// Scripts of the specification's test suite (.wast: spec interpreter's README, "Scripts") into a list of commands.
// Modules stay tokens until `assemble`, since many of them are there to be rejected.

import { Bytes } from "../base/bytes.ts";
import { fail } from "../base/fail.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import * as op from "../gen/wasm-ops.ts";
import * as word from "../gen/wat-words.ts";
import { type Features, WASM_3_0 } from "../wasm/features.ts";
import { FIELD, INSTRUCTION } from "../wasm/proposals.ts";
import type { Assembled } from "./assembled.ts";
import {
  ACTION,
  Action,
  ARITHMETIC,
  ARITHMETIC_NAN,
  type Assertion,
  CANONICAL,
  CANONICAL_NAN,
  Command,
  DEFINITION,
  END_THREAD,
  INSTANCE,
  MESSAGE,
  MODULE,
  REGISTER,
  RESULTS,
  THREAD,
  V_EITHER,
  V_F32,
  V_F64,
  V_I32,
  V_I64,
  V_NAN,
  V_REF_ARRAY,
  V_REF_EQ,
  V_REF_EXTERN,
  V_REF_FUNC,
  V_REF_HOST,
  V_REF_I31,
  V_REF_NULL,
  V_REF_STRUCT,
  V_V128,
  Value,
  WAIT,
} from "./commands.ts";
import { Cursor } from "./cursor.ts";
import { ModuleParser } from "./fields.ts";
import { END, ID, KEYWORD, LPAR, lex, NUMBER, RPAR, type Source, STRING } from "./lexer.ts";
import { Lines } from "./lines.ts";
import { assembleModule } from "./parse.ts";
import { laneOf } from "./vectors.ts";
import { assertionNamed, newSymbols } from "./words.ts";

export const TEXT = 0;
export const BINARY = 1;
export const QUOTE = 2;

/** A module of a script, not yet assembled. */
export class ModuleSource {
  readonly form: number; // TEXT, BINARY, QUOTE
  /** Its identifier without "$", or "". */
  readonly id: string;
  /** Byte offset in the script. */
  readonly start: number;
  private readonly source: Source;
  private readonly token: number;
  private readonly bare: boolean;

  /** `bare`: the script is the fields of one module. */
  constructor(form: number, id: string, source: Source, token: number, bare: boolean) {
    this.form = form;
    this.id = id;
    this.start = source.tokens.starts.get(token);
    this.source = source;
    this.token = token;
    this.bare = bare;
  }

  /** The script. */
  get text(): Uint8Array {
    return this.source.tokens.text;
  }

  /** The binary; fails where the module is malformed. */
  assemble(features: Features): Assembled {
    const cursor = new Cursor(this.source, features, this.token);
    return this.bare ? new ModuleParser(cursor).assemble(this.start, -1) : assembleModule(cursor);
  }
}

/** Reads a script command by command, so that its reader can go on behind one that cannot be read. */
export class ScriptParser {
  private readonly cursor: Cursor;
  private readonly lines: Lines;
  private readonly scratch: Bytes;
  /** The token that the command at hand begins with. */
  private first: number;
  /** Open threads: the tokens that close them, and their names. */
  private readonly threadEnds: number[];
  private readonly threadNames: string[];

  /** Fails where the text has no tokens. */
  constructor(text: Uint8Array) {
    this.cursor = new Cursor(lex(text, newSymbols(), WASM_3_0, null), WASM_3_0, 0);
    this.lines = new Lines(text);
    this.scratch = new Bytes();
    this.first = 0;
    this.threadEnds = [];
    this.threadNames = [];
  }

  /** The next command, or null at the end. Fails where there is something else. */
  next(): Command | null {
    const { cursor } = this;
    this.first = cursor.at;
    if (cursor.kind() === END) return null;
    if (cursor.at === 0 && isField(cursor.kind() === LPAR ? cursor.tokens.values.get(1) : -1)) {
      cursor.at = cursor.tokens.starts.length - 1;
      return this.made(MODULE, 0, "", "", new ModuleSource(TEXT, "", cursor.source, 0, true), null, [], "");
    }
    const depth = this.threadEnds.length;
    if (depth === 0 || cursor.at !== this.threadEnds[depth - 1]) return this.command();
    this.threadEnds.pop();
    const start = cursor.start();
    cursor.at++;
    return this.made(END_THREAD, start, this.threadNames.pop() ?? "", "", null, null, [], "");
  }

  /** Steps over what `next` failed at. Its line. */
  skip(): number {
    const { cursor } = this;
    cursor.at = this.first;
    const line = this.lines.line(cursor.start());
    cursor.at = cursor.kind() === LPAR ? cursor.value() + 1 : cursor.at + 1;
    return line;
  }

  private made(
    kind: number,
    start: number,
    name: string,
    of: string,
    module: ModuleSource | null,
    action: Action | null,
    expected: readonly Value[],
    message: string,
  ): Command {
    return new Command(kind, this.lines.line(start), name, of, module, action, expected, message);
  }

  private command(): Command {
    const { cursor } = this;
    const start = cursor.start();
    if (cursor.kind() !== LPAR) cursor.unexpected();
    if (cursor.opens(word.MODULE)) return this.moduleCommand(start);
    if (cursor.opens(word.INVOKE) || cursor.opens(word.GET)) {
      return this.made(ACTION, start, "", "", null, this.action(), [], "");
    }
    cursor.at++;
    const keyword = cursor.kind() === KEYWORD ? cursor.value() : -1;
    cursor.at++;
    const assertion = assertionNamed(keyword);
    if (keyword === word.THREAD) return this.thread(start);
    const command = assertion === null ? this.other(keyword, start) : this.assertion(assertion, start);
    cursor.expectClose();
    return command;
  }

  private other(keyword: number, start: number): Command {
    if (keyword === word.REGISTER) {
      const name = this.text();
      return this.made(REGISTER, start, name, this.id(), null, null, [], "");
    }
    if (keyword === word.WAIT) return this.made(WAIT, start, this.id(), "", null, null, [], "");
    this.cursor.at--;
    return this.cursor.refuse(FIELD);
  }

  private assertion(row: Assertion, start: number): Command {
    const isModule = row.ofModules && this.cursor.opens(word.MODULE);
    const module = isModule ? this.module() : null;
    const action = isModule ? null : this.action();
    const expected = this.expected(row.follows);
    const message = row.follows === MESSAGE && this.cursor.kind() === STRING ? this.text() : "";
    return this.made(row.kind, start, "", "", module, action, expected, message);
  }

  private expected(follows: number): Value[] {
    switch (follows) {
      case RESULTS:
        return this.values();
      case CANONICAL_NAN:
        return [nan(CANONICAL)];
      case ARITHMETIC_NAN:
        return [nan(ARITHMETIC)];
      default:
        return [];
    }
  }

  private moduleCommand(start: number): Command {
    const { cursor } = this;
    const at = cursor.at;
    cursor.at += 2;
    if (cursor.take(word.INSTANCE)) {
      const name = this.id();
      const of = this.id();
      cursor.expectClose();
      return this.made(INSTANCE, start, name, of, null, null, [], "");
    }
    const kind = cursor.is(word.DEFINITION) ? DEFINITION : MODULE;
    cursor.at = at;
    const module = this.module();
    return this.made(kind, start, module.id, "", module, null, [], "");
  }

  /** The module at the cursor, stepping over it. */
  private module(): ModuleSource {
    const { cursor } = this;
    const at = cursor.at;
    const close = cursor.value();
    cursor.expectOpen(word.MODULE);
    cursor.take(word.DEFINITION);
    const id = this.id();
    const form = cursor.is(word.BINARY) ? BINARY : cursor.is(word.QUOTE) ? QUOTE : TEXT;
    cursor.at = close + 1;
    return new ModuleSource(form, id, cursor.source, at, false);
  }

  /** `(thread id? (shared (module id))* command*)`: its commands follow one by one. */
  private thread(start: number): Command {
    const { cursor } = this;
    const end = cursor.tokens.values.get(cursor.at - 2);
    const name = this.id();
    while (cursor.takeOpen(word.SHARED)) {
      cursor.expectOpen(word.MODULE);
      this.id();
      cursor.expectClose();
      cursor.expectClose();
    }
    this.threadEnds.push(end);
    this.threadNames.push(name);
    return this.made(THREAD, start, name, "", null, null, [], "");
  }

  private action(): Action {
    const { cursor } = this;
    const isGet = cursor.takeOpen(word.GET);
    if (!isGet && !cursor.takeOpen(word.INVOKE)) cursor.refuse(FIELD);
    const module = this.id();
    const name = this.text();
    const args = isGet ? [] : this.values();
    cursor.expectClose();
    return new Action(isGet, module, name, args);
  }

  private id(): string {
    const { cursor } = this;
    if (cursor.kind() !== ID) return "";
    const bytes = cursor.symbols.bytes(cursor.takeId());
    return decodeUtf8(bytes, 1, bytes.length) ?? "";
  }

  /** A string that must be UTF-8. */
  private text(): string {
    const { cursor, scratch } = this;
    const start = cursor.start();
    scratch.clear();
    cursor.string(scratch);
    return decodeUtf8(scratch.data, 0, scratch.length) ?? fail("malformed UTF-8 encoding", start);
  }

  private values(): Value[] {
    const values: Value[] = [];
    while (this.cursor.kind() === LPAR) values.push(this.value());
    return values;
  }

  private value(): Value {
    const { cursor } = this;
    if (!cursor.takeOpen(word.EITHER)) return this.simpleValue();
    const alternatives: Value[] = [];
    while (cursor.kind() === LPAR) alternatives.push(this.simpleValue());
    cursor.expectClose();
    return new Value(V_EITHER, new Int32Array(4), new Uint8Array(16), 0, false, alternatives);
  }

  private simpleValue(): Value {
    const { cursor } = this;
    const words = new Int32Array(4);
    const nans = new Uint8Array(16);
    let any = false;
    let laneBits = 0;
    cursor.at++;
    const keyword = cursor.kind() === KEYWORD ? cursor.value() : -1;
    cursor.at++;
    let kind = V_REF_NULL;
    switch (keyword) {
      case op.I32_CONST:
        kind = V_I32;
        this.integer(32, words, 0);
        break;
      case op.I64_CONST:
        kind = V_I64;
        this.integer(64, words, 0);
        break;
      case op.F32_CONST:
        kind = V_F32;
        this.float(32, words, nans, 0);
        break;
      case op.F64_CONST:
        kind = V_F64;
        this.float(64, words, nans, 0);
        break;
      case op.V128_CONST:
        kind = V_V128;
        laneBits = this.vector(words, nans);
        break;
      case op.REF_NULL:
        if (cursor.kind() !== RPAR) cursor.at++; // any heap type: null is null
        break;
      case word.REF_EXTERN:
        kind = V_REF_EXTERN;
        any = this.hostNumber(words);
        break;
      case word.REF_HOST:
        kind = V_REF_HOST;
        any = this.hostNumber(words);
        break;
      case op.REF_FUNC:
        kind = V_REF_FUNC;
        if (cursor.isIndex()) cursor.at++;
        break;
      case op.REF_I31:
        kind = V_REF_I31;
        break;
      case op.REF_EQ:
        kind = V_REF_EQ;
        break;
      case word.REF_STRUCT:
        kind = V_REF_STRUCT;
        break;
      case word.REF_ARRAY:
        kind = V_REF_ARRAY;
        break;
      default:
        cursor.at--;
        cursor.refuse(INSTRUCTION);
    }
    cursor.expectClose();
    return new Value(kind, words, nans, laneBits, any, []);
  }

  private integer(bits: number, words: Int32Array, word: number): void {
    this.cursor.integer(bits);
    words[word] = this.cursor.number.lo;
    if (bits === 64) words[word + 1] = this.cursor.number.hi;
  }

  private float(bits: number, words: Int32Array, nans: Uint8Array, lane: number): void {
    const { cursor } = this;
    if (cursor.take(word.NAN_CANONICAL)) {
      nans[lane] = CANONICAL;
    } else if (cursor.take(word.NAN_ARITHMETIC)) {
      nans[lane] = ARITHMETIC;
    } else {
      const at = (lane * bits) >> 5;
      cursor.float(bits);
      words[at] = cursor.number.lo;
      if (bits === 64) words[at + 1] = cursor.number.hi;
    }
  }

  /** A shape and its lanes; the width of the lanes. */
  private vector(words: Int32Array, nans: Uint8Array): number {
    const { cursor } = this;
    const width = cursor.kind() === KEYWORD ? laneOf(cursor.value()) : 0;
    if (width === 0) cursor.unexpected();
    cursor.at++;
    const bits = Math.abs(width) | 0;
    for (let lane = 0; lane < 128 / bits; lane++) {
      if (width < 0) {
        this.float(bits, words, nans, lane);
      } else if (bits >= 32) {
        this.integer(bits, words, (lane * bits) >> 5);
      } else {
        cursor.integer(bits);
        const low = lane * bits;
        words[low >> 5] |= (cursor.number.lo & ((1 << bits) - 1)) << (low & 31);
      }
    }
    return bits;
  }

  /** The number of a host reference into words[0]; true when there is none. */
  private hostNumber(words: Int32Array): boolean {
    if (this.cursor.kind() !== NUMBER) return true;
    words[0] = this.cursor.natural32();
    return false;
  }
}

function nan(pattern: number): Value {
  return new Value(V_NAN, new Int32Array(4), Uint8Array.of(pattern), 0, false, []);
}

/** The keyword of a module field: a script that begins with one is a single module. */
function isField(keyword: number): boolean {
  switch (keyword) {
    case word.TYPE:
    case word.REC:
    case word.IMPORT:
    case word.FUNC:
    case word.TABLE:
    case word.MEMORY:
    case word.GLOBAL:
    case word.TAG:
    case word.EXPORT:
    case word.START:
    case word.ELEM:
    case word.DATA:
      return true;
    default:
      return false;
  }
}
