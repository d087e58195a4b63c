// Data of the glue in the image: strings, C structures, arrays. A record is written word by word and becomes a
// symbol; pointers in it are relocations.

import type { Member, Structure } from "../abi/structures.ts";
import { unreachable } from "../base/fail.ts";
import { encodeUtf8 } from "../base/utf8.ts";
import { type Program, SYM_DATA, SYM_RODATA } from "../ir/program.ts";
import { DATA, type Image, REL_ABS64, REL_SELF32, RODATA } from "../mach/image.ts";

/** A structure under way. */
export class DataRecord {
  private readonly image: Image;
  private readonly section: number;
  private readonly symbol: number;
  private readonly start: number;
  /** Where the structure of C under way begins. */
  private structure: number;

  constructor(image: Image, section: number, symbol: number) {
    this.image = image;
    this.section = section;
    this.symbol = symbol;
    image.sections[section].align(16);
    this.start = image.sections[section].length;
    this.structure = this.start;
  }

  private get at(): number {
    return this.image.sections[this.section].length;
  }

  /** Goes on to a member of the structure of C under way, past others that are zero. */
  private goTo(member: Member): void {
    const gap = this.structure + member.offset(this.image.model) - this.at;
    if (gap < 0) unreachable(`${member.name} comes too late`);
    this.zeros(gap);
  }

  /** A number as a member of a structure; members come in the order of their declarations, and others are zero. */
  put(member: Member, x: number): this {
    const out = this.image.sections[this.section];
    this.goTo(member);
    const bytes = member.bytes(this.image.model);
    if (bytes === 8) out.u64(x, x >> 31);
    else if (bytes === 4) out.u32(x);
    else if (bytes === 2) out.u16(x);
    else out.u8(x);
    return this;
  }

  /** The address of a symbol as a member, filled in by the loader. */
  point(member: Member, symbol: number): this {
    this.goTo(member);
    return this.pointer(symbol);
  }

  /** Ends an element: the next one of the array, if there is one, begins here. */
  next(structure: Structure): this {
    const gap = this.structure + structure.bytes(this.image.model) - this.at;
    if (gap < 0) unreachable(`${structure.name} is too long`);
    this.zeros(gap);
    this.structure = this.at;
    return this;
  }

  u16(x: number): this {
    this.image.sections[this.section].u16(x);
    return this;
  }

  u32(x: number): this {
    this.image.sections[this.section].u32(x);
    return this;
  }

  /** A 64-bit word, sign-extended from an int32. */
  word(x: number): this {
    this.image.sections[this.section].u64(x, x >> 31);
    return this;
  }

  word64(lo: number, hi: number): this {
    this.image.sections[this.section].u64(lo, hi);
    return this;
  }

  zeros(bytes: number): this {
    this.image.sections[this.section].zeros(bytes);
    return this;
  }

  bytes(b: Uint8Array): this {
    this.image.sections[this.section].bytes(b);
    return this;
  }

  /** The address of a symbol, filled in by the loader: writable section only. */
  pointer(symbol: number): this {
    this.image.relocate(this.section, this.at, REL_ABS64, symbol, 0);
    return this.word(0);
  }

  /** The distance from this place to a symbol of the image, or 0 for none (-1). */
  self32(symbol: number): this {
    if (symbol >= 0) this.image.relocate(this.section, this.at, REL_SELF32, symbol, 0);
    return this.u32(0);
  }

  /** Ends the record: its symbol. */
  end(): number {
    this.image.define(this.symbol, this.section, this.start, this.at - this.start);
    return this.symbol;
  }
}

/** Writes records and strings into an image. */
export class ImageData {
  private readonly program: Program;
  readonly image: Image;
  /** What names of strings begin with. */
  private readonly prefix: string;
  private readonly strings: Map<string, number>;

  constructor(program: Program, image: Image, prefix: string) {
    this.program = program;
    this.image = image;
    this.prefix = prefix;
    this.strings = new Map();
  }

  /** A constant that needs no loader; one record at a time per section. */
  constant(name: string): DataRecord {
    return new DataRecord(this.image, RODATA, this.program.symbol(name, SYM_RODATA));
  }

  /** A record that may hold pointers and be written to. */
  variable(name: string): DataRecord {
    return new DataRecord(this.image, DATA, this.program.symbol(name, SYM_DATA));
  }

  /** The symbol of a zero-terminated string in UTF-8. */
  text(s: string): number {
    const known = this.strings.get(s);
    if (known !== undefined) return known;
    const section = this.image.sections[RODATA];
    const symbol = this.program.symbol(`${this.prefix}${this.strings.size}`, SYM_RODATA);
    const start = section.length;
    section.bytes(encodeUtf8(s));
    section.u8(0);
    this.image.define(symbol, RODATA, start, section.length - start);
    this.strings.set(s, symbol);
    return symbol;
  }
}
