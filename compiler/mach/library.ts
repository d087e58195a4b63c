// Functions compiled once and for all, of which an image takes those that it refers to, and what they refer to. A
// library is made of a Fragment without common symbols and stored as names and one array of words, in which its
// definitions stand apart, each with its own relocations and rows of the PC table:
//
//   numbers of definitions, symbols, relocations, ranges, sites; words of signatures; bytes of TEXT, RODATA, DATA
//   symbols       rows of kind, offset among the signatures or -1; those of definitions first, in their order
//   signatures    convention, number of parameters, number of results, their types
//   definitions   rows of section, offset, size, and where its relocations, ranges and sites end
//   relocations   rows of offset in the definition, kind, symbol, addend
//   ranges        rows of start and end in the definition, frame, saved registers
//   sites         rows of offset in the definition, info
//   TEXT, RODATA, DATA   bytes, each filled up to a whole word

import { IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import { type Program, type Signature, SYM_IMPORT } from "../ir/program.ts";
import type { Fragment } from "./fragment.ts";
import { type Image, TEXT } from "./image.ts";
import { FAULT_TRAPS, NO_INDEX, type PcTable } from "./pctable.ts";

const HEADER = 9;
const SYMBOL = 2;
const DEFINITION = 6;
const RELOCATION = 4;
const RANGE = 4;
const SITE = 2;

// columns of a definition's row
const SECTION = 0;
const OFFSET = 1;
const SIZE = 2;
const RELOCATIONS = 3;
const RANGES = 4;
const SITES = 5;

/** Definitions are aligned as they were, up to this: a power of two. */
const MOST_ALIGNMENT = 16;

/** A library as stored. */
export class Packed {
  readonly names: readonly string[];
  readonly words: Int32Array<ArrayBuffer>;

  constructor(names: readonly string[], words: Int32Array<ArrayBuffer>) {
    this.names = names;
    this.words = words;
  }
}

/** `fragment` has no common symbols; `data` is what its image's DATA holds. */
export function pack(fragment: Fragment, data: Uint8Array): Packed {
  const { symbols } = fragment;
  const definitions = new IntColumn();
  const relocations = new IntColumn();
  const ranges = new IntColumn();
  const sites = new IntColumn();
  const defined = fragment.definitions.length >> 2;
  for (let d = 0; d < defined; d++) {
    const [symbol, section, offset, size] = fragment.definitions.subarray(4 * d, 4 * d + 4);
    if (symbol !== d) unreachable("definitions of a library come first");
    const isInside = (at: number) => offset <= at && at < offset + size;
    for (let i = 0; i < fragment.relocations.length; i += 5) {
      const row = fragment.relocations.subarray(i, i + 5);
      if (row[0] === section && isInside(row[1])) {
        pushRow(relocations, [row[1] - offset, row[2], row[3], row[4]]);
      }
    }
    for (let i = 0; section === TEXT && i < fragment.ranges.length; i += 5) {
      const [start, end, frame, , saved] = fragment.ranges.subarray(i, i + 5);
      if (isInside(start)) pushRow(ranges, [start - offset, end - offset, frame, saved]);
    }
    // A call that does not return may end its function.
    for (let i = 0; section === TEXT && i < fragment.sites.length; i += 2) {
      const [at, info] = fragment.sites.subarray(i, i + 2);
      if ((info & FAULT_TRAPS) !== 0) unreachable("a library accesses no memories");
      if (offset < at && at <= offset + size) pushRow(sites, [at - offset, info]);
    }
    pushRow(definitions, [
      ...[section, offset, size],
      ...[rows(relocations, RELOCATION), rows(ranges, RANGE), rows(sites, SITE)],
    ]);
  }
  const isWhole =
    relocations.length / RELOCATION === fragment.relocations.length / 5 &&
    ranges.length / RANGE === fragment.ranges.length / 5 &&
    sites.length / SITE === fragment.sites.length / 2;
  if (!isWhole) unreachable("a library's rows outside of its definitions");

  const symbolRows = new IntColumn();
  const signatures = new IntColumn();
  for (const { kind, signature } of symbols) {
    pushRow(symbolRows, [kind, signature === null ? -1 : pushSignature(signatures, signature)]);
  }
  const words = new IntColumn();
  pushRow(words, [
    ...[defined, symbols.length, rows(relocations, RELOCATION), rows(ranges, RANGE)],
    ...[rows(sites, SITE), signatures.length],
    ...[fragment.text.length, fragment.rodata.length, data.length],
  ]);
  for (const column of [symbolRows, signatures, definitions, relocations, ranges, sites]) {
    for (let i = 0; i < column.length; i++) words.push(column.get(i));
  }
  for (const bytes of [fragment.text, fragment.rodata, data]) {
    for (let i = 0; i < bytes.length; i += 4) {
      const byte = (k: number) => (i + k < bytes.length ? bytes[i + k] : 0);
      words.push(byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24));
    }
  }
  return new Packed(
    symbols.map((s) => s.name),
    words.data.slice(0, words.length),
  );
}

/** How many rows of `width` words a column has. */
function rows(column: IntColumn, width: number): number {
  return (column.length / width) | 0;
}

function pushRow(column: IntColumn, row: readonly number[]): void {
  for (const x of row) column.push(x);
}

function pushSignature(column: IntColumn, { convention, params, results }: Signature): number {
  const at = column.length;
  pushRow(column, [convention, params.length, results.length, ...params, ...results]);
  return at;
}

export class Library {
  private readonly names: readonly string[];
  private readonly words: Int32Array<ArrayBuffer>;
  /** The same, as they lie in memory: little-endian machines only. */
  private readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly defined: number;
  /** Names of definitions → their numbers. */
  private readonly numbers: Map<string, number>;
  // where parts begin among the words
  private readonly symbols: number;
  private readonly signatures: number;
  private readonly definitions: number;
  private readonly relocations: number;
  private readonly ranges: number;
  private readonly sites: number;
  /** By section: where its first word is. */
  private readonly sections: readonly number[];

  constructor({ names, words }: Packed) {
    this.names = names;
    this.words = words;
    this.bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    const [defined, symbols, relocations, ranges, sites, signatures, text, rodata] = words;
    this.defined = defined;
    this.numbers = new Map();
    for (let d = 0; d < defined; d++) this.numbers.set(names[d], d);
    this.symbols = HEADER;
    this.signatures = this.symbols + symbols * SYMBOL;
    this.definitions = this.signatures + signatures;
    this.relocations = this.definitions + defined * DEFINITION;
    this.ranges = this.relocations + relocations * RELOCATION;
    this.sites = this.ranges + ranges * RANGE;
    const first = this.sites + sites * SITE;
    const second = first + ((text + 3) >> 2);
    this.sections = [first, second, second + ((rodata + 3) >> 2)];
  }

  /** Whether it defines the symbol. */
  has(name: string): boolean {
    return this.numbers.has(name);
  }

  /**
   * Appends to the image what it refers to and the library has, and what that refers to. `also`: symbols that are
   * wanted without being referred to.
   */
  link(image: Image, pcs: PcTable, also: readonly number[]): void {
    const taken = this.closure(image, also);
    const symbols = new Int32Array(this.names.length).fill(-1);
    const symbol = (number: number) => {
      if (symbols[number] < 0) symbols[number] = this.symbol(number, image.program);
      return symbols[number];
    };
    for (let d = 0; d < this.defined; d++) {
      if (taken[d] === 0) continue;
      const section = this.column(d, SECTION);
      const offset = this.column(d, OFFSET);
      const size = this.column(d, SIZE);
      const out = image.sections[section];
      out.align(
        offset === 0 ? MOST_ALIGNMENT : Math.min(offset & -offset, MOST_ALIGNMENT),
        section === TEXT ? image.filler : 0,
      );
      const base = out.length;
      image.define(symbol(d), section, base, size);
      const from = this.sections[section] * 4 + offset;
      out.bytes(this.bytes.subarray(from, from + size));
      const { words } = this;
      for (let r = this.first(d, RELOCATIONS); r < this.column(d, RELOCATIONS); r++) {
        const at = this.relocations + r * RELOCATION;
        image.relocate(section, base + words[at], words[at + 1], symbol(words[at + 2]), words[at + 3]);
      }
      for (let r = this.first(d, RANGES); r < this.column(d, RANGES); r++) {
        const at = this.ranges + r * RANGE;
        pcs.addRange(base + words[at], base + words[at + 1], words[at + 2], NO_INDEX, words[at + 3]);
      }
      for (let s = this.first(d, SITES); s < this.column(d, SITES); s++) {
        const at = this.sites + s * SITE;
        pcs.addSite(base + words[at], words[at + 1]);
      }
    }
  }

  /** By definition: 1 if the image needs it and has nothing of that name. */
  private closure(image: Image, also: readonly number[]): Uint8Array {
    const { program } = image;
    const taken = new Uint8Array(this.defined);
    const open = new IntColumn();
    const take = (d: number) => {
      if (taken[d] !== 0) return;
      taken[d] = 1;
      open.push(d);
    };
    const want = (symbol: number) => {
      const { name, kind } = program.symbols[symbol];
      if (kind >= SYM_IMPORT || image.definitions.has(symbol)) return;
      const d = this.numbers.get(name);
      if (d !== undefined) take(d);
    };
    for (const { symbol } of image.relocations) want(symbol);
    for (const symbol of also) want(symbol);
    while (open.length > 0) {
      const d = open.pop();
      for (let r = this.first(d, RELOCATIONS); r < this.column(d, RELOCATIONS); r++) {
        const number = this.words[this.relocations + r * RELOCATION + 2];
        if (number < this.defined && !this.isThere(number, image)) take(number);
      }
    }
    return taken;
  }

  /** Whether the image has a definition of the same name: a constant that other code uses too. */
  private isThere(d: number, image: Image): boolean {
    const symbol = image.program.find(this.names[d]);
    return symbol >= 0 && image.definitions.has(symbol);
  }

  private column(d: number, column: number): number {
    return this.words[this.definitions + d * DEFINITION + column];
  }

  /** The first of a definition's rows of a table: where those of the one before it end. */
  private first(d: number, column: number): number {
    return d === 0 ? 0 : this.column(d - 1, column);
  }

  private symbol(number: number, program: Program): number {
    const { words } = this;
    const row = this.symbols + number * SYMBOL;
    const name = this.names[number];
    const signature = words[row + 1];
    if (signature < 0) return program.symbol(name, words[row]);
    const at = this.signatures + signature;
    const params: number[] = [];
    const results: number[] = [];
    for (let i = 0; i < words[at + 1]; i++) params.push(words[at + 3 + i]);
    for (let i = 0; i < words[at + 2]; i++) results.push(words[at + 3 + params.length + i]);
    return program.symbol(name, words[row], program.signature(params, results, words[at]));
  }
}
