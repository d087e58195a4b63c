// The code of some functions of a module, compiled apart from the others: what an Image and a PcTable hold, as plain
// data (flat.ts: as bytes). `cut` makes it, `link` appends it to the image of the whole.
//
// Both sides begin with the same symbols, those that every Program of the module starts with (functions and what the
// module declares): their numbers mean the same. All others go by name. A fragment depends on its functions only, not
// on what its thread compiled before: symbols stand in the order in which the fragment mentions them. So linking
// fragments in order gives the same image wherever each was made.

import { IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import type { LinkSymbol, Program, Signature } from "../ir/program.ts";
import { type Image, RODATA, TEXT } from "./image.ts";
import type { PcTable } from "./pctable.ts";

/** Code of a fragment begins at a cache line, so that alignments in it hold in the image. */
const TEXT_ALIGNMENT = 64;

/** A symbol that is not one of the common ones. */
export class NamedSymbol {
  readonly name: string;
  readonly kind: number;
  readonly signature: Signature | null;

  constructor(name: string, kind: number, signature: Signature | null) {
    this.name = name;
    this.kind = kind;
    this.signature = signature;
  }
}

export class Fragment {
  readonly text: Uint8Array;
  readonly rodata: Uint8Array;
  /** Number of common symbols; above it, numbers count the rows of `symbols`. */
  readonly common: number;
  readonly symbols: readonly NamedSymbol[];
  /** Rows of symbol, section, offset, size. */
  readonly definitions: Int32Array<ArrayBuffer>;
  /** Rows of section, offset, kind, symbol, addend. */
  readonly relocations: Int32Array<ArrayBuffer>;
  /** Rows of start, end, frame, index, as in the PC table. */
  readonly ranges: Int32Array<ArrayBuffer>;
  /** Rows of offset, info. */
  readonly sites: Int32Array<ArrayBuffer>;

  constructor(
    text: Uint8Array,
    rodata: Uint8Array,
    common: number,
    symbols: readonly NamedSymbol[],
    definitions: Int32Array<ArrayBuffer>,
    relocations: Int32Array<ArrayBuffer>,
    ranges: Int32Array<ArrayBuffer>,
    sites: Int32Array<ArrayBuffer>,
  ) {
    this.text = text;
    this.rodata = rodata;
    this.common = common;
    this.symbols = symbols;
    this.definitions = definitions;
    this.relocations = relocations;
    this.ranges = ranges;
    this.sites = sites;
  }
}

/** Numbers the symbols of a fragment as it mentions them. */
class Mentions {
  private readonly program: Program;
  private readonly common: number;
  private readonly numbers: Map<number, number>;
  readonly symbols: NamedSymbol[];

  constructor(program: Program, common: number) {
    this.program = program;
    this.common = common;
    this.numbers = new Map();
    this.symbols = [];
  }

  number(symbol: number): number {
    if (symbol < this.common) return symbol;
    const known = this.numbers.get(symbol);
    if (known !== undefined) return known;
    const number = this.common + this.symbols.length;
    this.numbers.set(symbol, number);
    this.symbols.push(this.named(this.program.symbols[symbol]));
    return number;
  }

  private named({ name, kind, signature }: LinkSymbol): NamedSymbol {
    return new NamedSymbol(name, kind, signature < 0 ? null : this.program.signatures[signature]);
  }
}

/** What the image and its PC table hold so far. The first `common` symbols of its Program are common to all. */
export function cut(image: Image, pcs: PcTable, common: number): Fragment {
  const mentions = new Mentions(image.program, common);
  const definitions = new IntColumn(4 * image.definitions.size);
  for (const [symbol, d] of image.definitions) {
    definitions.push(mentions.number(symbol));
    definitions.push(d.section);
    definitions.push(d.offset);
    definitions.push(d.size);
  }
  const relocations = new IntColumn(5 * image.relocations.length);
  for (const r of image.relocations) {
    relocations.push(r.section);
    relocations.push(r.offset);
    relocations.push(r.kind);
    relocations.push(mentions.number(r.symbol));
    relocations.push(r.addend);
  }
  return new Fragment(
    image.sections[TEXT].take(),
    image.sections[RODATA].take(),
    common,
    mentions.symbols,
    definitions.data.slice(0, definitions.length),
    relocations.data.slice(0, relocations.length),
    rows([pcs.start, pcs.end, pcs.frame, pcs.index, pcs.saved]),
    rows([pcs.siteOffset, pcs.siteInfo]),
  );
}

/** Columns of one length, row by row. */
function rows(columns: readonly IntColumn[]): Int32Array<ArrayBuffer> {
  const width = columns.length;
  const count = columns[0].length;
  const out = new Int32Array(width * count);
  for (let k = 0; k < width; k++) {
    const { data } = columns[k];
    for (let i = 0; i < count; i++) out[width * i + k] = data[i];
  }
  return out;
}

/** Appends the fragment to the image. Constants that the image has already are not repeated. */
export function link(fragment: Fragment, image: Image, pcs: PcTable): void {
  const { common, definitions, relocations, ranges, sites } = fragment;
  const numbers = fragment.symbols.map((s) => numberOf(s, image.program));
  const symbol = (number: number) => (number < common ? number : numbers[number - common]);
  const text = image.sections[TEXT];
  text.align(text.length === 0 ? 1 : TEXT_ALIGNMENT, image.filler);
  const base = text.length;
  text.bytes(fragment.text);

  // read-only data piece by piece, since a piece may have come with another fragment
  const pieceStart = new IntColumn();
  const pieceMoved = new IntColumn();
  for (let i = 0; i < definitions.length; i += 4) {
    const s = symbol(definitions[i]);
    const offset = definitions[i + 2];
    const size = definitions[i + 3];
    if (definitions[i + 1] === TEXT) {
      image.define(s, TEXT, base + offset, size);
      continue;
    }
    const out = image.sections[RODATA];
    const known = image.definitions.get(s);
    if (known === undefined) {
      out.align(alignmentOf(offset, size));
      image.define(s, RODATA, out.length, size);
    }
    pieceStart.push(offset);
    pieceMoved.push((known === undefined ? out.length : known.offset) - offset);
    if (known === undefined) out.bytes(fragment.rodata.subarray(offset, offset + size));
  }

  let piece = 0;
  for (let i = 0; i < relocations.length; i += 5) {
    const section = relocations[i];
    const offset = relocations[i + 1];
    let moved = base;
    if (section === RODATA) {
      while (piece + 1 < pieceStart.length && pieceStart.get(piece + 1) <= offset) piece++;
      if (pieceStart.get(piece) > offset) unreachable("relocations of a fragment out of order");
      moved = pieceMoved.get(piece);
    }
    const kind = relocations[i + 2];
    image.relocate(section, moved + offset, kind, symbol(relocations[i + 3]), relocations[i + 4]);
  }
  for (let i = 0; i < ranges.length; i += 5) {
    pcs.addRange(base + ranges[i], base + ranges[i + 1], ranges[i + 2], ranges[i + 3], ranges[i + 4]);
  }
  for (let i = 0; i < sites.length; i += 2) pcs.addSite(base + sites[i], sites[i + 1]);
}

function numberOf({ name, kind, signature }: NamedSymbol, program: Program): number {
  if (signature === null) return program.symbol(name, kind);
  const { params, results, convention } = signature;
  return program.symbol(name, kind, program.signature(params, results, convention));
}

/** A piece's size is a multiple of its alignment, as was its place: up to 16, enough for either. */
function alignmentOf(offset: number, size: number): number {
  const both = offset | size | 16;
  return both & -both;
}
