// Instructions in the text, flat and folded, into bytes (spec 3.0, 6.5). Nesting lives on an explicit stack of
// frames, so that its depth is bounded by memory only. A folded plain instruction is encoded where it is met, into
// `pending`, and moves to the code when its operands are done.

import { Bytes } from "../base/bytes.ts";
import { IntColumn } from "../base/columns.ts";
import { fail } from "../base/fail.ts";
import type { u32 } from "../base/numbers.ts";
import * as op from "../gen/wasm-ops.ts";
import * as word from "../gen/wat-words.ts";
import { has, REFERENCE_TYPES } from "../wasm/features.ts";
import * as imm from "../wasm/imm.ts";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import { INSTRUCTION, MEMARG } from "../wasm/proposals.ts";
import { heapOf, isNullable } from "../wasm/types.ts";
import type { Marked } from "./assembled.ts";
import type { Cursor } from "./cursor.ts";
import { ID, KEYWORD, LPAR, NUMBER, RPAR } from "./lexer.ts";
import type { Space, Spaces } from "./spaces.ts";
import { Scope } from "./symbols.ts";
import { type TypeParser, writeHeapType, writeValType } from "./types.ts";
import { vectorConstant } from "./vectors.ts";
import { isInstruction } from "./words.ts";

// kinds of frames: what is open
const NOTHING = 0;
const FLAT_BLOCK = 1; // block, loop, try_table … end
const FLAT_IF = 2; // if … else or end
const FLAT_ELSE = 3;
const FOLDED_PLAIN = 4; // (op …: operands, then the pending instruction
const FOLDED_BLOCK = 5; // (block …
const FOLDED_IF = 6; // (if …: the condition, then the pending if
const FOLDED_THEN = 7; // inside (then …
const AFTER_THEN = 8; // (else or ) follows
const FOLDED_ELSE = 9; // inside (else …
const AFTER_ELSE = 10; // ) follows

const OFFSET_PREFIX = "offset=";
const ALIGN_PREFIX = "align=";

export class CodeParser {
  /** A data index was used in code: the data count section is needed. */
  usesData: boolean;
  private readonly cursor: Cursor;
  private readonly spaces: Spaces;
  private readonly types: TypeParser;
  // the frames
  private readonly frames: IntColumn; // kind
  private readonly starts: IntColumn; // byte offset into the text
  private readonly pendingAt: IntColumn; // where the pending instruction begins
  private readonly labelIds: IntColumn; // symbol of the label, or -1
  private readonly shadowed: IntColumn; // depth the symbol meant outside, or -1
  private readonly pending: Bytes;
  private readonly labels: Scope; // symbol → depth from outside
  private depth: number; // open labels
  private readonly targets: IntColumn;

  constructor(cursor: Cursor, spaces: Spaces, types: TypeParser) {
    this.usesData = false;
    this.cursor = cursor;
    this.spaces = spaces;
    this.types = types;
    this.frames = new IntColumn();
    this.starts = new IntColumn();
    this.pendingAt = new IntColumn();
    this.labelIds = new IntColumn();
    this.shadowed = new IntColumn();
    this.pending = new Bytes();
    this.labels = new Scope();
    this.depth = 0;
    this.targets = new IntColumn();
  }

  /** Instructions up to the parenthesis that closes what is around them, which stays; then `end`. */
  expression(out: Marked): void {
    this.run(out, false);
    out.mark(this.cursor.start());
    out.bytes.u8(INSTRUCTIONS[op.END].code);
  }

  /** One folded instruction; then `end`. */
  single(out: Marked): void {
    if (this.cursor.kind() !== LPAR) this.cursor.unexpected();
    const end = this.cursor.tokens.starts.get(this.cursor.value());
    this.run(out, true);
    out.mark(end);
    out.bytes.u8(INSTRUCTIONS[op.END].code);
  }

  private run(out: Marked, single: boolean): void {
    const { cursor, frames } = this;
    frames.clear();
    this.labels.clear();
    this.depth = 0;
    for (;;) {
      const top = frames.length === 0 ? NOTHING : frames.get(frames.length - 1);
      switch (cursor.kind()) {
        case RPAR:
          if (top === NOTHING) return;
          this.close(top, out);
          if (single && frames.length === 0) return;
          break;
        case LPAR:
          this.open(top, out);
          break;
        case KEYWORD:
          this.flat(top, out, single);
          break;
        default:
          cursor.unexpected();
      }
    }
  }

  /** A parenthesis closes. */
  private close(top: number, out: Marked): void {
    const { cursor, frames } = this;
    const frame = frames.length - 1;
    switch (top) {
      case FOLDED_PLAIN:
        this.flush(out);
        this.popFrame();
        break;
      case FOLDED_THEN:
        frames.set(frame, AFTER_THEN);
        break;
      case FOLDED_ELSE:
        frames.set(frame, AFTER_ELSE);
        break;
      case FOLDED_BLOCK:
      case AFTER_THEN:
      case AFTER_ELSE:
        out.mark(cursor.start());
        this.endBlock(out);
        break;
      default: // an open flat block, or an if without then
        cursor.unexpected();
    }
    cursor.at++;
  }

  /** A parenthesis opens. */
  private open(top: number, out: Marked): void {
    const { cursor, frames } = this;
    if (top === FOLDED_IF && cursor.takeOpen(word.THEN)) {
      const frame = frames.length - 1;
      this.flush(out);
      frames.set(frame, FOLDED_THEN);
      this.pushLabel(frame);
      return;
    }
    if (top === AFTER_THEN && cursor.opens(op.ELSE)) {
      out.mark(cursor.start());
      out.bytes.u8(INSTRUCTIONS[op.ELSE].code);
      frames.set(frames.length - 1, FOLDED_ELSE);
      cursor.at += 2;
      return;
    }
    if (top === AFTER_THEN || top === AFTER_ELSE) cursor.unexpected();
    const start = cursor.start();
    cursor.at++;
    const row = this.row();
    switch (row) {
      case op.BLOCK:
      case op.LOOP:
      case op.TRY_TABLE:
        this.block(row, FOLDED_BLOCK, start, out);
        break;
      case op.IF: {
        this.pushFrame(FOLDED_IF, start, cursor.takeId());
        this.writeCode(op.IF, this.pending);
        this.types.blockType(this.pending);
        break;
      }
      case op.ELSE:
      case op.END:
        cursor.at--;
        cursor.unexpected();
        break;
      default:
        this.pushFrame(FOLDED_PLAIN, start, -1);
        this.plain(row, this.pending);
    }
  }

  /** An instruction outside of parentheses. */
  private flat(top: number, out: Marked, single: boolean): void {
    const { cursor, frames } = this;
    if (single && top === NOTHING) cursor.unexpected();
    if (top === FOLDED_PLAIN || top === FOLDED_IF || top === AFTER_THEN || top === AFTER_ELSE) {
      cursor.unexpected();
    }
    const start = cursor.start();
    const row = this.row();
    switch (row) {
      case op.BLOCK:
      case op.LOOP:
      case op.TRY_TABLE:
        this.block(row, FLAT_BLOCK, start, out);
        break;
      case op.IF:
        this.block(row, FLAT_IF, start, out);
        break;
      case op.ELSE:
        if (top !== FLAT_IF) this.misplaced();
        this.matchLabel();
        out.mark(start);
        out.bytes.u8(INSTRUCTIONS[op.ELSE].code);
        frames.set(frames.length - 1, FLAT_ELSE);
        break;
      case op.END:
        if (top !== FLAT_BLOCK && top !== FLAT_IF && top !== FLAT_ELSE) this.misplaced();
        this.matchLabel();
        out.mark(start);
        this.endBlock(out);
        break;
      default:
        out.mark(start);
        this.plain(row, out.bytes);
    }
  }

  private misplaced(): never {
    this.cursor.at--;
    this.cursor.unexpected();
  }

  /** The row of the instruction at the cursor, stepping over its keyword. */
  private row(): number {
    const { cursor } = this;
    const row = cursor.value();
    if (cursor.kind() !== KEYWORD || !isInstruction(row)) cursor.refuse(INSTRUCTION);
    if (!has(cursor.features, INSTRUCTIONS[row].feature)) {
      fail("unknown operator", cursor.start(), cursor.shown());
    }
    cursor.at++;
    return row;
  }

  private block(row: number, kind: number, start: number, out: Marked): void {
    this.pushFrame(kind, start, this.cursor.takeId());
    out.mark(start);
    this.writeCode(row, out.bytes);
    this.types.blockType(out.bytes);
    if (row === op.TRY_TABLE) this.catches(out.bytes);
    this.pushLabel(this.frames.length - 1);
  }

  private pushFrame(kind: number, start: number, label: number): void {
    this.frames.push(kind);
    this.starts.push(start);
    this.pendingAt.push(this.pending.length);
    this.labelIds.push(label);
    this.shadowed.push(-1);
  }

  private popFrame(): void {
    this.frames.pop();
    this.starts.pop();
    this.pendingAt.pop();
    this.labelIds.pop();
    this.shadowed.pop();
  }

  /** The label of the innermost frame can be named from here on. */
  private pushLabel(frame: number): void {
    const symbol = this.labelIds.get(frame);
    if (symbol >= 0) {
      this.shadowed.set(frame, this.labels.find(symbol));
      this.labels.bind(symbol, this.depth);
    }
    this.depth++;
  }

  private endBlock(out: Marked): void {
    const frame = this.frames.length - 1;
    const symbol = this.labelIds.get(frame);
    if (symbol >= 0) this.labels.bind(symbol, this.shadowed.get(frame));
    this.depth--;
    this.popFrame();
    out.bytes.u8(INSTRUCTIONS[op.END].code);
  }

  /** An identifier after `else` and `end` repeats the label of the block. */
  private matchLabel(): void {
    const { cursor } = this;
    const start = cursor.start();
    const shown = cursor.at;
    const symbol = cursor.takeId();
    if (symbol >= 0 && symbol !== this.labelIds.get(this.labelIds.length - 1)) {
      fail("mismatching label", start, cursor.shownAt(shown));
    }
  }

  /** Moves the pending instruction of the innermost frame to the code. */
  private flush(out: Marked): void {
    const frame = this.frames.length - 1;
    const from = this.pendingAt.get(frame);
    out.mark(this.starts.get(frame));
    out.bytes.bytes(this.pending.data.subarray(from, this.pending.length));
    this.pending.length = from;
  }

  private writeCode(row: number, out: Bytes): void {
    const { code } = INSTRUCTIONS[row];
    const prefix = code >>> 24;
    if (prefix === 0) {
      out.u8(code);
    } else {
      out.u8(prefix);
      out.leb(code & 0xffffff);
    }
  }

  // ---- plain instructions

  /** An instruction that opens no block, with its immediates. */
  private plain(row: number, out: Bytes): void {
    const { cursor, types } = this;
    switch (row) {
      case op.SELECT:
        if (!cursor.opens(word.RESULT)) {
          this.writeCode(row, out);
          return;
        }
        if (!has(cursor.features, REFERENCE_TYPES)) cursor.unexpected();
        types.resultTypes();
        this.writeCode(op.SELECT_T, out);
        out.leb(types.results.length);
        for (let i = 0; i < types.results.length; i++) writeValType(types.results.get(i), out);
        return;
      case op.REF_TEST:
      case op.REF_CAST: {
        const type = types.refType();
        const nullable = row === op.REF_TEST ? op.REF_TEST_NULL : op.REF_CAST_NULL;
        this.writeCode(isNullable(type) ? nullable : row, out);
        writeHeapType(heapOf(type), out);
        return;
      }
      case op.BR_ON_CAST:
      case op.BR_ON_CAST_FAIL: {
        const label = this.label();
        const from = types.refType();
        const to = types.refType();
        this.writeCode(row, out);
        out.u8((isNullable(from) ? 1 : 0) | (isNullable(to) ? 2 : 0));
        out.leb(label);
        writeHeapType(heapOf(from), out);
        writeHeapType(heapOf(to), out);
        return;
      }
      case op.CALL_INDIRECT:
      case op.RETURN_CALL_INDIRECT: {
        const table = cursor.isIndex() ? this.spaces.tables.index(cursor) : 0;
        this.writeCode(row, out);
        out.leb(types.typeUse(false));
        out.leb(table);
        return;
      }
      case op.MEMORY_INIT:
        this.usesData = true;
        this.segmentOf(row, this.spaces.datas, this.spaces.memories, out);
        return;
      case op.TABLE_INIT:
        this.segmentOf(row, this.spaces.elems, this.spaces.tables, out);
        return;
      case op.MEMORY_COPY:
        this.twoOf(row, this.spaces.memories, out);
        return;
      case op.TABLE_COPY:
        this.twoOf(row, this.spaces.tables, out);
        return;
      case op.STRUCT_GET:
      case op.STRUCT_GET_S:
      case op.STRUCT_GET_U:
      case op.STRUCT_SET: {
        const type = this.spaces.types.index(cursor);
        this.writeCode(row, out);
        out.leb(type);
        out.leb(types.fieldIndex(type));
        return;
      }
      default:
        this.writeCode(row, out);
        this.immediates(row, out);
    }
  }

  /** memory.init, table.init: the segment is written last, and the rest may be missing. */
  private segmentOf(row: number, segments: Space, targets: Space, out: Bytes): void {
    const { cursor } = this;
    const next = cursor.tokens.kinds[cursor.at + 1];
    const both = cursor.isIndex() && (next === NUMBER || next === ID);
    const target = both ? targets.index(cursor) : 0;
    this.writeCode(row, out);
    out.leb(segments.index(cursor));
    out.leb(target);
  }

  private twoOf(row: number, space: Space, out: Bytes): void {
    const { cursor } = this;
    const written = cursor.isIndex();
    this.writeCode(row, out);
    out.leb(written ? space.index(cursor) : 0);
    out.leb(written ? space.index(cursor) : 0);
  }

  /** Immediates that the text has in the order of the table. */
  private immediates(row: number, out: Bytes): void {
    const { cursor, spaces } = this;
    const { kinds, align, lanes } = INSTRUCTIONS[row];
    for (let k = 0; k < kinds.length; k++) {
      switch (kinds[k]) {
        case imm.LABEL:
          out.leb(this.label());
          break;
        case imm.LABELS:
          this.labelList(out);
          return; // the last label is the default
        case imm.FUNC:
          out.leb(spaces.funcs.index(cursor));
          break;
        case imm.TYPE:
          out.leb(spaces.types.index(cursor));
          break;
        case imm.TABLE:
          out.leb(cursor.isIndex() ? spaces.tables.index(cursor) : 0);
          break;
        case imm.MEMORY:
          out.leb(cursor.isIndex() ? spaces.memories.index(cursor) : 0);
          break;
        case imm.LOCAL:
          out.leb(spaces.locals.index(cursor));
          break;
        case imm.GLOBAL:
          out.leb(spaces.globals.index(cursor));
          break;
        case imm.DATA:
          this.usesData = true;
          out.leb(spaces.datas.index(cursor));
          break;
        case imm.ELEM:
          out.leb(spaces.elems.index(cursor));
          break;
        case imm.TAG:
          out.leb(spaces.tags.index(cursor));
          break;
        case imm.COUNT:
          out.leb(cursor.natural32());
          break;
        case imm.I32:
          cursor.integer(32);
          out.sleb(cursor.number.lo);
          break;
        case imm.I64:
          cursor.integer(64);
          out.sleb64(cursor.number.lo, cursor.number.hi);
          break;
        case imm.F32:
          cursor.float(32);
          out.u32(cursor.number.lo);
          break;
        case imm.F64:
          cursor.float(64);
          out.u64(cursor.number.lo, cursor.number.hi);
          break;
        case imm.V128:
          vectorConstant(cursor, out);
          break;
        case imm.MEMARG:
          this.memarg(align, lanes > 0, out);
          break;
        case imm.LANE:
          this.lane(256, out);
          break;
        case imm.SHUFFLE:
          for (let i = 0; i < 16; i++) {
            if (cursor.kind() !== NUMBER) fail("invalid lane length", cursor.start());
            this.lane(256, out);
          }
          if (cursor.kind() === NUMBER) fail("invalid lane length", cursor.start());
          break;
        case imm.HEAPTYPE:
          writeHeapType(this.types.heapType(), out);
          break;
        default:
          cursor.unexpected();
      }
    }
  }

  /** A label as its depth from inside. */
  private label(): u32 {
    const { cursor } = this;
    if (cursor.kind() === NUMBER) return cursor.natural32();
    const depth = cursor.index(this.labels, "label");
    return this.depth - 1 - depth;
  }

  private labelList(out: Bytes): void {
    const { cursor, targets } = this;
    targets.clear();
    do targets.push(this.label() | 0);
    while (cursor.isIndex());
    out.leb(targets.length - 1);
    for (let i = 0; i < targets.length; i++) out.leb(targets.get(i) >>> 0);
  }

  private catches(out: Bytes): void {
    const { cursor } = this;
    const list = new Bytes(16);
    let count = 0;
    for (; ; count++) {
      if (cursor.takeOpen(word.CATCH)) this.catchTag(imm.CATCH, list);
      else if (cursor.takeOpen(word.CATCH_REF)) this.catchTag(imm.CATCH_REF, list);
      else if (cursor.takeOpen(word.CATCH_ALL)) list.u8(imm.CATCH_ALL);
      else if (cursor.takeOpen(word.CATCH_ALL_REF)) list.u8(imm.CATCH_ALL_REF);
      else break;
      list.leb(this.label()); // labels around the block: its own is not open yet
      cursor.expectClose();
    }
    out.leb(count);
    out.bytes(list.view());
  }

  private catchTag(kind: number, out: Bytes): void {
    out.u8(kind);
    out.leb(this.spaces.tags.index(this.cursor));
  }

  /** A lane index, which must be below `bound` to be one byte. */
  private lane(bound: number, out: Bytes): void {
    const { cursor } = this;
    if (cursor.kind() !== NUMBER) cursor.unexpected();
    const start = cursor.start();
    const index = cursor.natural32();
    if (index >= bound) fail("malformed lane index", start, String(index));
    out.u8(index | 0);
  }

  /** memory? offset=…? align=…?; a lane index follows where `laned`, so that one number alone is not a memory. */
  private memarg(natural: number, laned: boolean, out: Bytes): void {
    const { cursor } = this;
    if (cursor.opens(word.TYPE)) cursor.refuse(MEMARG);
    const next = cursor.at + 1;
    const alone =
      laned &&
      cursor.kind() === NUMBER &&
      cursor.tokens.kinds[next] !== NUMBER &&
      !cursor.hasPrefix(next, OFFSET_PREFIX) &&
      !cursor.hasPrefix(next, ALIGN_PREFIX);
    const memory = cursor.isIndex() && !alone ? this.spaces.memories.index(cursor) : 0;
    let lo = 0;
    let hi = 0;
    if (this.takesField(OFFSET_PREFIX)) {
      lo = cursor.number.lo;
      hi = cursor.number.hi;
    }
    let align = 31 - Math.clz32(natural);
    if (this.takesField(ALIGN_PREFIX)) {
      const low = cursor.number.lo;
      const high = cursor.number.hi;
      const power =
        high === 0 ? low !== 0 && (low & (low - 1)) === 0 : low === 0 && (high & (high - 1)) === 0;
      if (!power) {
        fail("alignment must be a power of two", cursor.tokens.starts.get(cursor.at - 1));
      }
      align = high === 0 ? 31 - Math.clz32(low) : 63 - Math.clz32(high);
    }
    if (memory === 0) {
      out.leb(align);
    } else {
      out.leb(align | imm.HAS_MEMORY);
      out.leb(memory);
    }
    out.leb64(lo, hi);
  }

  /** `offset=…` or `align=…`, its value into the cursor's number. */
  private takesField(prefix: string): boolean {
    const { cursor } = this;
    if (!cursor.hasPrefix(cursor.at, prefix)) return false;
    cursor.naturalAfter(prefix.length);
    return true;
  }
}
