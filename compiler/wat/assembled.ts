// What the assembler writes: bytes with marks that say which place of the text they come from, and the sections
// of a module put together from them.

import { Bytes } from "../base/bytes.ts";
import { IntColumn } from "../base/columns.ts";

/** A module's bytes, and the text they were assembled from. */
export class Assembled {
  readonly bytes: Uint8Array;
  /** Ascending byte offsets, and for each the text offset of what begins there. */
  readonly offsets: Int32Array;
  readonly texts: Int32Array;

  constructor(bytes: Uint8Array, offsets: Int32Array, texts: Int32Array) {
    this.bytes = bytes;
    this.offsets = offsets;
    this.texts = texts;
  }

  /** The text offset of the innermost item that begins at or before a byte offset; -1 when there is none. */
  textOf(offset: number): number {
    let low = 0;
    let high = this.offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.offsets[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? -1 : this.texts[low - 1];
  }
}

/** Bytes with marks. */
export class Marked {
  readonly bytes: Bytes;
  readonly offsets: IntColumn;
  readonly texts: IntColumn;
  /** Entries of a section, where this is one. */
  count: number;

  constructor() {
    this.bytes = new Bytes();
    this.offsets = new IntColumn();
    this.texts = new IntColumn();
    this.count = 0;
  }

  /** What is written next comes from this place of the text. */
  mark(text: number): void {
    this.offsets.push(this.bytes.length);
    this.texts.push(text);
  }

  append(other: Marked): void {
    const base = this.bytes.length;
    for (let i = 0; i < other.offsets.length; i++) {
      this.offsets.push(other.offsets.data[i] + base);
      this.texts.push(other.texts.data[i]);
    }
    this.bytes.bytes(other.bytes.view());
  }

  clear(): void {
    this.bytes.clear();
    this.offsets.clear();
    this.texts.clear();
    this.count = 0;
  }
}

// section ids (spec 5.5.2)
export const CUSTOM_SECTION = 0;
export const TYPE_SECTION = 1;
export const IMPORT_SECTION = 2;
export const FUNCTION_SECTION = 3;
export const TABLE_SECTION = 4;
export const MEMORY_SECTION = 5;
export const GLOBAL_SECTION = 6;
export const EXPORT_SECTION = 7;
export const START_SECTION = 8;
export const ELEMENT_SECTION = 9;
export const CODE_SECTION = 10;
export const DATA_SECTION = 11;
export const DATA_COUNT_SECTION = 12;
export const TAG_SECTION = 13;

/** Appends a section of `count` entries, unless there are none. */
export function writeSection(out: Marked, id: number, entries: Marked): void {
  if (entries.count === 0) return;
  const count = new Bytes(8);
  count.leb(entries.count);
  out.bytes.u8(id);
  out.bytes.leb(count.length + entries.bytes.length);
  out.bytes.bytes(count.view());
  out.append(entries);
}

/** Appends a section of this content, without a count. */
export function writeRawSection(out: Marked, id: number, content: Bytes): void {
  out.bytes.u8(id);
  out.bytes.leb(content.length);
  out.bytes.bytes(content.view());
}

export const HEADER: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
