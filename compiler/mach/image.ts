// The image being written: sections of bytes, where each symbol lies in them, and what must be patched when
// addresses are known. Targets append code, runtime and python append data; obj/elf (pe, macho) lays it out.

import { type DataModel, LP64 } from "../abi/model.ts";
import { Bytes } from "../base/bytes.ts";
import type { Program } from "../ir/program.ts";
import { checkLimit, MAX_CODE_BYTES, MAX_IMAGE_BYTES } from "../wasm/limits.ts";

/** Sections: executable, read-only, writable (with relocations at load). */
export const TEXT = 0;
export const RODATA = 1;
export const DATA = 2;

/** Relocation kinds of data. S symbol address, A addend, P place. */
export const REL_ABS64 = 0; // 64 bits in DATA: S + A, by the loader
export const REL_SELF32 = 1; // 32 bits in RODATA or DATA: S + A - P
/** From here on those of the machine's code, by the rows of its target. */
export const REL_OF_MACHINE = 2;

/** A kind of relocation in code: which bits of which instructions say where a symbol is. */
export class RelocationRow {
  readonly name: string;
  /** Whether it is the address of the symbol's GOT slot that counts, which the loader writes. */
  readonly isGot: boolean;
  /** Writes the address `to` (addend included) into the instructions at `place`: both within the image. */
  readonly patch: (out: Bytes, place: number, to: number) => void;

  constructor(name: string, isGot: boolean, patch: (out: Bytes, place: number, to: number) => void) {
    this.name = name;
    this.isGot = isGot;
    this.patch = patch;
  }
}

export class Relocation {
  readonly section: number;
  readonly offset: number;
  readonly kind: number;
  readonly symbol: number; // of the Program
  readonly addend: number;

  constructor(section: number, offset: number, kind: number, symbol: number, addend: number) {
    this.section = section;
    this.offset = offset;
    this.kind = kind;
    this.symbol = symbol;
    this.addend = addend;
  }
}

/** Where a symbol of this image lies. */
export class Definition {
  readonly section: number;
  readonly offset: number;
  readonly size: number;

  constructor(section: number, offset: number, size: number) {
    this.section = section;
    this.offset = offset;
    this.size = size;
  }
}

export class Image {
  readonly program: Program;
  /** How C code lays out its data on the target, and the byte order of all sections. */
  readonly model: DataModel;
  readonly sections: readonly Bytes[]; // indexed by TEXT, RODATA, DATA
  readonly relocations: Relocation[];
  /** Symbol → definition. */
  readonly definitions: Map<number, Definition>;
  /** Symbols that the dynamic symbol table exports (PyInit_…), in order. */
  readonly exported: number[];
  /** Call frame instructions of DWARF for all of TEXT (mach/callframes.ts); empty: none. */
  readonly callFrames: Bytes;
  /** File name the loader reports (DT_SONAME). */
  soname: string;
  /** Stands between functions. */
  readonly filler: number;

  constructor(program: Program, filler = 0, model = LP64) {
    this.program = program;
    this.filler = filler;
    this.model = model;
    const big = !model.littleEndian;
    this.sections = [new Bytes(4096, big), new Bytes(1024, big), new Bytes(1024, big)];
    this.relocations = [];
    this.definitions = new Map();
    this.exported = [];
    this.callFrames = new Bytes(1024);
    this.soname = "";
  }

  /** Ends where there is more than an image may hold. */
  checkSize(): void {
    let size = 0;
    for (const section of this.sections) size += section.length;
    checkLimit(this.sections[TEXT].length, MAX_CODE_BYTES, "compiled code too large", -1);
    checkLimit(size, MAX_IMAGE_BYTES, "compiled module too large", -1);
  }

  define(symbol: number, section: number, offset: number, size: number): void {
    this.definitions.set(symbol, new Definition(section, offset, size));
  }

  relocate(section: number, offset: number, kind: number, symbol: number, addend: number): void {
    this.relocations.push(new Relocation(section, offset, kind, symbol, addend));
  }
}
