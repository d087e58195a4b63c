// Writes an image as an ELF64 shared object that dlopen takes as an extension module (System V gABI, chapters
// 4 and 5; the machine's psABI for relocation numbers).
//
// Four loadable parts: headers, dynamic tables and RODATA (R) | TEXT (RX) | dynamic section, GOT and DATA (RW);
// then, not loaded, call frames, the symbol table and the section headers, so that objdump, gdb and perf show functions
// by name, and backtraces go through them. No DT_NEEDED and no PLT: C-API and libc symbols resolve in the process, through GOT slots filled at
// load. PT_GNU_STACK must be there, or the loader would make the stack executable (or refuse).
//
// Requires: every symbol that a relocation names is an import or defined. Leaves: bytes that depend on the image only.

import { Bytes } from "../base/bytes.ts";
import { unreachable } from "../base/fail.ts";
import { encodeUtf8 } from "../base/utf8.ts";
import { SYM_IMPORT, SYM_IMPORT_WEAK } from "../ir/program.ts";
import {
  DATA,
  type Image,
  REL_ABS64,
  REL_OF_MACHINE,
  REL_SELF32,
  type Relocation,
  type RelocationRow,
  RODATA,
  TEXT,
} from "../mach/image.ts";
import type { Psabi } from "../mach/target.ts";

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELA_BYTES = 24;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_STACK = 0x6474e551;
const PF_X = 1;
const PF_W = 2;
const PF_R = 4;

const DT_NULL = 0;
const DT_HASH = 4;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_RELA = 7;
const DT_RELASZ = 8;
const DT_RELAENT = 9;
const DT_STRSZ = 10;
const DT_SYMENT = 11;
const DT_SONAME = 14;
const DT_BIND_NOW = 24;
const DT_RELACOUNT = 0x6ffffff9;
const DT_FLAGS_1 = 0x6ffffffb;
const DF_1_NOW = 1;

const STB_LOCAL = 0;
const STB_GLOBAL = 1;
const STB_WEAK = 2;
const STT_NOTYPE = 0;
const STT_OBJECT = 1;
const STT_FUNC = 2;

const SHT_NULL = 0;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_RELA = 4;
const SHT_HASH = 5;
const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;

class StringTable {
  readonly bytes: Bytes;
  private readonly offsets: Map<string, number>;

  constructor() {
    this.bytes = new Bytes();
    this.bytes.u8(0);
    this.offsets = new Map([["", 0]]);
  }

  add(text: string): number {
    const known = this.offsets.get(text);
    if (known !== undefined) return known;
    const at = this.bytes.length;
    this.bytes.bytes(encodeUtf8(text));
    this.bytes.u8(0);
    this.offsets.set(text, at);
    return at;
  }
}

class Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entry: number;

  constructor(
    name: string,
    type: number,
    flags: number,
    offset: number,
    size: number,
    link: number,
    info: number,
    align: number,
    entry: number,
  ) {
    this.name = name;
    this.type = type;
    this.flags = flags;
    this.offset = offset;
    this.size = size;
    this.link = link;
    this.info = info;
    this.align = align;
    this.entry = entry;
  }
}

// Section numbers, in the order of the table that `writeElf` builds.
const SECTION_DYNSYM = 2;
const SECTION_DYNSTR = 3;
const SECTION_RODATA = 5;
const SECTION_TEXT = 6;
const SECTION_DATA = 9;
const SECTION_STRTAB = 11;

/** The next multiple of `to`, a power of two. */
function up(x: number, to: number): number {
  return (x + to - 1) & -to;
}

function symbolEntry(
  out: Bytes,
  name: number,
  bind: number,
  type: number,
  section: number,
  value: number,
  size: number,
): void {
  out.u32(name);
  out.u8((bind << 4) | type);
  out.u8(0);
  out.u16(section);
  out.u64(value, 0);
  out.u64(size, 0);
}

function rela(out: Bytes, offset: number, symbol: number, type: number, addend: number): void {
  out.u64(offset, 0);
  out.u64(type, symbol);
  out.u64(addend, addend >> 31);
}

/** The shared object's bytes. */
export function writeElf(image: Image, machine: Psabi): Uint8Array {
  const { program } = image;
  const isImport = (symbol: number) => {
    const kind = program.symbols[symbol].kind;
    return kind === SYM_IMPORT || kind === SYM_IMPORT_WEAK;
  };

  const isGot = (kind: number) => kind >= REL_OF_MACHINE && machine.relocations[kind - REL_OF_MACHINE].isGot;

  // Which imports are needed at all, and which through the GOT; in order of symbol number.
  const needed = new Set<number>();
  const throughGot = new Set<number>();
  for (const r of image.relocations) {
    if (!isImport(r.symbol)) continue;
    needed.add(r.symbol);
    if (isGot(r.kind)) throughGot.add(r.symbol);
  }
  const imports = [...needed].sort((a, b) => a - b);
  const got = [...throughGot].sort((a, b) => a - b);
  const gotSlot = new Map<number, number>();
  for (let i = 0; i < got.length; i++) gotSlot.set(got[i], i);
  const dynamicSymbols = [...imports, ...image.exported];
  const dynamicIndex = new Map<number, number>();
  for (let i = 0; i < dynamicSymbols.length; i++) dynamicIndex.set(dynamicSymbols[i], i + 1);

  const dynstr = new StringTable();
  const soname = dynstr.add(image.soname);
  for (const s of dynamicSymbols) dynstr.add(program.symbols[s].name);

  let relativeCount = 0;
  let relaCount = got.length;
  for (const r of image.relocations) {
    if (r.kind !== REL_ABS64) continue;
    relaCount++;
    if (!isImport(r.symbol)) relativeCount++;
  }

  // Layout. File offset = address throughout.
  const symbolCount = dynamicSymbols.length + 1;
  const hashBytes = 4 * (2 + 1 + symbolCount);
  const headerCount = 5;
  const hashAt = HEADER_BYTES + headerCount * PROGRAM_HEADER_BYTES;
  const dynsymAt = up(hashAt + hashBytes, 8);
  const dynstrAt = dynsymAt + symbolCount * SYMBOL_BYTES;
  const relaAt = up(dynstrAt + dynstr.bytes.length, 8);
  const rodataAt = up(relaAt + relaCount * RELA_BYTES, 64);
  const readEnd = rodataAt + image.sections[RODATA].length;
  const textAt = up(readEnd, machine.pageSize);
  const textEnd = textAt + image.sections[TEXT].length;
  const dynamicAt = up(textEnd, machine.pageSize);
  const dynamicCount = 13;
  const gotAt = dynamicAt + dynamicCount * 16;
  const dataAt = up(gotAt + got.length * 8, 64);
  const dataEnd = dataAt + image.sections[DATA].length;
  const sectionAt = [textAt, rodataAt, dataAt];

  const address = (symbol: number): number => {
    const d = image.definitions.get(symbol);
    if (d === undefined) return unreachable(`symbol ${program.symbols[symbol].name} is not defined`);
    return sectionAt[d.section] + d.offset;
  };

  const out = new Bytes(dataEnd + 4096);
  // ELF header: the section table's place is patched at the end.
  out.bytes(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  out.u16(3); // ET_DYN
  out.u16(machine.machine);
  out.u32(1);
  out.u64(0, 0);
  out.u64(HEADER_BYTES, 0);
  const sectionTablePatch = out.length;
  out.u64(0, 0);
  out.u32(machine.flags);
  out.u16(HEADER_BYTES);
  out.u16(PROGRAM_HEADER_BYTES);
  out.u16(headerCount);
  out.u16(SECTION_HEADER_BYTES);
  const sectionCountPatch = out.length;
  out.u16(0);
  out.u16(0);

  const programHeader = (type: number, flags: number, at: number, size: number, align: number) => {
    out.u32(type);
    out.u32(flags);
    out.u64(at, 0);
    out.u64(at, 0);
    out.u64(at, 0);
    out.u64(size, 0);
    out.u64(size, 0);
    out.u64(align, 0);
  };
  programHeader(PT_LOAD, PF_R, 0, readEnd, machine.pageSize);
  programHeader(PT_LOAD, PF_R | PF_X, textAt, textEnd - textAt, machine.pageSize);
  programHeader(PT_LOAD, PF_R | PF_W, dynamicAt, dataEnd - dynamicAt, machine.pageSize);
  programHeader(PT_DYNAMIC, PF_R | PF_W, dynamicAt, dynamicCount * 16, 8);
  programHeader(PT_GNU_STACK, PF_R | PF_W, 0, 0, 16);

  // DT_HASH with one bucket: a chain through all symbols. Only PyInit_… is ever looked up here.
  out.u32(1);
  out.u32(symbolCount);
  out.u32(symbolCount > 1 ? symbolCount - 1 : 0);
  for (let i = 0; i < symbolCount; i++) out.u32(i > 1 ? i - 1 : 0);

  out.zeros(dynsymAt - out.length);
  symbolEntry(out, 0, 0, 0, 0, 0, 0);
  for (const s of imports) {
    const { name, kind } = program.symbols[s];
    symbolEntry(out, dynstr.add(name), kind === SYM_IMPORT_WEAK ? STB_WEAK : STB_GLOBAL, STT_NOTYPE, 0, 0, 0);
  }
  for (const s of image.exported) {
    const d = image.definitions.get(s);
    if (d === undefined) return unreachable(`exported symbol ${program.symbols[s].name} is not defined`);
    const isText = d.section === TEXT;
    symbolEntry(
      out,
      dynstr.add(program.symbols[s].name),
      STB_GLOBAL,
      isText ? STT_FUNC : STT_OBJECT,
      isText ? SECTION_TEXT : d.section === RODATA ? SECTION_RODATA : SECTION_DATA,
      address(s),
      d.size,
    );
  }
  out.bytes(dynstr.bytes.view());

  // Relocations for the loader: RELATIVE first, as DT_RELACOUNT promises.
  out.zeros(relaAt - out.length);
  const loaderRelocations = image.relocations.filter((r) => r.kind === REL_ABS64);
  for (const r of loaderRelocations) {
    if (r.section !== DATA) return unreachable("an absolute address outside the writable section");
    if (!isImport(r.symbol))
      rela(out, dataAt + r.offset, 0, machine.relRelative, address(r.symbol) + r.addend);
  }
  for (const r of loaderRelocations) {
    if (isImport(r.symbol))
      rela(out, dataAt + r.offset, dynamicIndex.get(r.symbol) ?? 0, machine.relAbs64, r.addend);
  }
  for (let i = 0; i < got.length; i++) {
    rela(out, gotAt + 8 * i, dynamicIndex.get(got[i]) ?? 0, machine.relGlobDat, 0);
  }

  out.zeros(rodataAt - out.length);
  out.bytes(image.sections[RODATA].view());
  out.zeros(textAt - out.length);
  out.bytes(image.sections[TEXT].view());
  out.zeros(dynamicAt - out.length);
  const dynamic = (tag: number, value: number) => {
    out.u64(tag, 0);
    out.u64(value, 0);
  };
  dynamic(DT_SONAME, soname);
  dynamic(DT_HASH, hashAt);
  dynamic(DT_STRTAB, dynstrAt);
  dynamic(DT_SYMTAB, dynsymAt);
  dynamic(DT_STRSZ, dynstr.bytes.length);
  dynamic(DT_SYMENT, SYMBOL_BYTES);
  dynamic(DT_RELA, relaAt);
  dynamic(DT_RELASZ, relaCount * RELA_BYTES);
  dynamic(DT_RELAENT, RELA_BYTES);
  dynamic(DT_RELACOUNT, relativeCount);
  dynamic(DT_BIND_NOW, 0);
  dynamic(DT_FLAGS_1, DF_1_NOW);
  dynamic(DT_NULL, 0);
  out.zeros(got.length * 8);
  out.zeros(dataAt - out.length);
  out.bytes(image.sections[DATA].view());

  for (const r of image.relocations) {
    if (r.kind === REL_ABS64) continue;
    patch(
      out,
      r,
      sectionAt,
      isGot(r.kind) ? gotAt + 8 * (gotSlot.get(r.symbol) ?? 0) : address(r.symbol),
      machine.relocations,
    );
  }

  // Not loaded: call frames, symbols by name for debuggers, and the section table.
  const framesAt = up(out.length, 8);
  out.zeros(framesAt - out.length);
  debugFrame(out, machine, image.callFrames.view(), textAt, textEnd - textAt);
  const framesEnd = out.length;
  const strtab = new StringTable();
  const symtabAt = up(out.length, 8);
  out.zeros(symtabAt - out.length);
  symbolEntry(out, 0, STB_LOCAL, 0, 0, 0, 0);
  const exported = new Set(image.exported);
  let locals = 1;
  const definitions = [...image.definitions].sort((a, b) => a[0] - b[0]);
  for (const [s, d] of definitions) {
    if (exported.has(s)) continue;
    const isText = d.section === TEXT;
    const section = isText ? SECTION_TEXT : d.section === RODATA ? SECTION_RODATA : SECTION_DATA;
    symbolEntry(
      out,
      strtab.add(program.symbols[s].name),
      STB_LOCAL,
      isText ? STT_FUNC : STT_OBJECT,
      section,
      address(s),
      d.size,
    );
    locals++;
  }
  const symtabEnd = out.length;
  out.bytes(strtab.bytes.view());
  const strtabEnd = out.length;

  const sections: Section[] = [
    new Section("", SHT_NULL, 0, 0, 0, 0, 0, 0, 0),
    new Section(".hash", SHT_HASH, SHF_ALLOC, hashAt, hashBytes, SECTION_DYNSYM, 0, 4, 4),
    new Section(
      ".dynsym",
      SHT_DYNSYM,
      SHF_ALLOC,
      dynsymAt,
      symbolCount * SYMBOL_BYTES,
      SECTION_DYNSTR,
      1,
      8,
      SYMBOL_BYTES,
    ),
    new Section(".dynstr", SHT_STRTAB, SHF_ALLOC, dynstrAt, dynstr.bytes.length, 0, 0, 1, 0),
    new Section(
      ".rela.dyn",
      SHT_RELA,
      SHF_ALLOC,
      relaAt,
      relaCount * RELA_BYTES,
      SECTION_DYNSYM,
      0,
      8,
      RELA_BYTES,
    ),
    new Section(".rodata", SHT_PROGBITS, SHF_ALLOC, rodataAt, readEnd - rodataAt, 0, 0, 64, 0),
    new Section(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, textAt, textEnd - textAt, 0, 0, 16, 0),
    new Section(
      ".dynamic",
      SHT_DYNAMIC,
      SHF_ALLOC | SHF_WRITE,
      dynamicAt,
      dynamicCount * 16,
      SECTION_DYNSTR,
      0,
      8,
      16,
    ),
    new Section(".got", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, gotAt, got.length * 8, 0, 0, 8, 8),
    new Section(".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, dataAt, dataEnd - dataAt, 0, 0, 64, 0),
    new Section(
      ".symtab",
      SHT_SYMTAB,
      0,
      symtabAt,
      symtabEnd - symtabAt,
      SECTION_STRTAB,
      locals,
      8,
      SYMBOL_BYTES,
    ),
    new Section(".strtab", SHT_STRTAB, 0, symtabEnd, strtabEnd - symtabEnd, 0, 0, 1, 0),
    new Section(".debug_frame", SHT_PROGBITS, 0, framesAt, framesEnd - framesAt, 0, 0, 8, 0),
  ];
  const names = new StringTable();
  for (const s of sections) names.add(s.name);
  names.add(".shstrtab");
  const namesAt = out.length;
  out.bytes(names.bytes.view());
  sections.push(new Section(".shstrtab", SHT_STRTAB, 0, namesAt, names.bytes.length, 0, 0, 1, 0));
  out.zeros(up(out.length, 8) - out.length);
  out.setU32(sectionTablePatch, out.length);
  out.data[sectionCountPatch] = sections.length;
  out.data[sectionCountPatch + 2] = sections.length - 1;
  for (const s of sections) {
    const loaded = (s.flags & SHF_ALLOC) !== 0;
    out.u32(names.add(s.name));
    out.u32(s.type);
    out.u64(s.flags, 0);
    out.u64(loaded ? s.offset : 0, 0);
    out.u64(s.offset, 0);
    out.u64(s.size, 0);
    out.u32(s.link);
    out.u32(s.info);
    out.u64(s.align, 0);
    out.u64(s.entry, 0);
  }
  return out.take();
}

/** The section .debug_frame of DWARF: what holds at the entry of every function, and instructions for all of TEXT. */
function debugFrame(out: Bytes, machine: Psabi, frames: Uint8Array, textAt: number, size: number): void {
  const entry = (write: () => void) => {
    const lengthAt = out.length;
    out.u32(0);
    write();
    out.zeros(up(out.length - lengthAt - 4, 8) - (out.length - lengthAt - 4)); // no operations
    out.setU32(lengthAt, out.length - lengthAt - 4);
  };
  entry(() => {
    out.u32(-1); // a common information entry
    out.u8(1); // version
    out.u8(0); // no augmentation
    out.leb(1); // code in units of a byte
    out.sleb(-8); // places in words, downwards
    out.u8(machine.returnAddress);
    out.u8(0x0c); // the frame's address: of the stack pointer, plus
    out.leb(machine.stackPointer);
    out.leb(machine.pushed);
    if (machine.pushed === 0) return; // the return address is in its register
    out.u8(0x80 | machine.returnAddress); // where the return address lies: a word below
    out.leb(1);
  });
  entry(() => {
    out.u32(0); // of that entry
    out.u64(textAt, 0);
    out.u64(size, 0);
    out.bytes(frames);
  });
}

function patch(
  out: Bytes,
  r: Relocation,
  sectionAt: readonly number[],
  target: number,
  rows: readonly RelocationRow[],
): void {
  const place = sectionAt[r.section] + r.offset;
  const to = target + r.addend;
  if (r.kind >= REL_OF_MACHINE) rows[r.kind - REL_OF_MACHINE].patch(out, place, to);
  else if (r.kind === REL_SELF32) out.setU32(place, to - place);
  else unreachable(`relocation kind ${r.kind}`);
}
