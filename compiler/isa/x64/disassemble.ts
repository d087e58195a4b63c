// Machine code back to text, from the rows of insts.ts: what was really emitted, read from the bytes. For people and
// tests. The vendor's syntax; the size of memory is left out where a register tells it.
//
//     test edi, edi
//     je L1
//     mov eax, [r14 + rdi*4 + 16]  ; may trap
//   L1:
//     call wasmpy_raise

import { unreachable } from "../../base/fail.ts";
import type { f64 } from "../../base/numbers.ts";
import type { LinkSymbol } from "../../ir/program.ts";
import { type Image, REL_SELF32, type Relocation, RODATA, TEXT } from "../../mach/image.ts";
import { FAULT_TRAPS, type PcTable } from "../../mach/pctable.ts";
import type { Lister } from "../../mach/target.ts";
import {
  CC_NAMES,
  type Encoding,
  IMM_SHORTEST,
  IMM8,
  IMM16,
  IMM64,
  IN_REG,
  IN_VVVV,
  NO_IMM,
  type Operand,
  ROWS,
  type Row,
} from "./insts.ts";
import { registerName, XMM0 } from "./regs.ts";
import { NOPS, REL_GOT_PC32 } from "./text.ts";

/** The predicates of cmpss and cmpsd. */
const COMPARISONS: readonly string[] = ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"];
/** From here on numbers are hexadecimal. */
const LARGE = 1024;
/** Rows whose mnemonic their name does not begin with. */
const MNEMONICS: ReadonlyMap<string, string> = new Map([
  ["mov64_ri", "movabs"],
  ["mulwide", "mul"],
  ["imulwide", "imul"],
]);

/** Where a row is found: everything of its encoding that comes before ModRM. */
function keyOf(vex: boolean, map: number, prefix: number, wide: boolean, opcode: number): number {
  return (((vex ? 4 : 0) + map) << 17) | (prefix << 9) | (wide ? 1 << 8 : 0) | opcode;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** "add32_mi" is an add. */
function mnemonicOf(row: Row): string {
  const special = MNEMONICS.get(row.name);
  if (special !== undefined) return special;
  const stem = row.name.split("_")[0];
  let end = stem.length;
  while (isDigit(stem.charCodeAt(end - 1))) end--;
  // a width, not the digit of int3 or ud2
  const width = Number(stem.slice(end));
  const name = width >= 8 ? stem.slice(0, end) : stem;
  return MNEMONICS.get(name) ?? name;
}

function sizeName(width: number): string {
  switch (width) {
    case 8:
      return "byte";
    case 16:
      return "word";
    case 32:
      return "dword";
    case 64:
      return "qword";
    default:
      return "xmmword";
  }
}

/** A number as people write it. */
function numeral(n: f64): string {
  const size = Math.abs(n);
  return `${n < 0 ? "-" : ""}${size < LARGE ? size : `0x${size.toString(16)}`}`;
}

/** " + 8", " - 8" or nothing. */
function displacement(n: number): string {
  return n === 0 ? "" : ` ${n < 0 ? "-" : "+"} ${numeral(Math.abs(n))}`;
}

/** One instruction that was read. */
class Line {
  readonly at: number;
  readonly text: string;
  /** Position of the label that follows the text, or -1; what follows the label. */
  readonly target: number;
  readonly tail: string;

  constructor(at: number, text: string, target: number, tail: string) {
    this.at = at;
    this.text = text;
    this.target = target;
    this.tail = tail;
  }
}

export class Disassembler implements Lister {
  /** Rows by `keyOf`. */
  private readonly rows: Map<number, Row[]>;
  private code: Uint8Array;
  private at: number;
  private symbols: readonly LinkSymbol[];
  /** Relocations of the function by position. */
  private readonly relocations: Map<number, Relocation>;
  // of the instruction at hand
  private rex: number;
  private modrm: number;
  private vvvv: number;
  /** What its text refers to: position of a distance from the end of the instruction, or -1. */
  private distanceAt: number;
  private distanceSize: number;

  constructor() {
    this.rows = new Map();
    for (const row of ROWS) this.enter(row);
    this.code = new Uint8Array(0);
    this.at = 0;
    this.symbols = [];
    this.relocations = new Map();
    this.rex = 0;
    this.modrm = 0;
    this.vvvv = 0;
    this.distanceAt = -1;
    this.distanceSize = 0;
  }

  private enter(row: Row): void {
    const e = row.encoding;
    if (e === null) return;
    const opcodes = e.plusCondition ? 16 : e.plusRegister ? 8 : 1;
    for (let k = 0; k < opcodes; k++) this.enterAt(row, e.opcode | k);
    if (e.immediate === IMM_SHORTEST) this.enterAt(row, e.opcode | 2);
  }

  private enterAt(row: Row, opcode: number): void {
    const { vex, map, prefix, wide } = row.encoding!;
    const key = keyOf(vex, map, prefix, wide, opcode);
    const found = this.rows.get(key);
    if (found === undefined) this.rows.set(key, [row]);
    else found.push(row);
  }

  // --- a function of an image -----------------------------------------------------------------------------

  /** The function that was emitted to the image last. */
  last(image: Image, pcs: PcTable, symbol: number): string {
    const place = image.definitions.get(symbol);
    if (place === undefined) return unreachable("no such function in the image");
    const { offset: base, size } = place;
    const tables = this.collect(image, base, symbol);
    const traps = faults(pcs, base);
    this.symbols = image.program.symbols;
    const lines = this.decode(image.sections[TEXT].view().subarray(base, base + size));

    const targets = lines.map((line) => line.target).filter((target) => target >= 0);
    for (const to of tables.values()) targets.push(...to);
    const labels = new Map<number, string>();
    for (const target of targets.sort((a, b) => a - b)) {
      if (!labels.has(target)) labels.set(target, `L${labels.size + 1}`);
    }
    const label = (target: number): string => labels.get(target) ?? "";
    const text: string[] = [];
    for (const { at, text: instruction, target, tail } of lines) {
      if (labels.has(at)) text.push(`${label(at)}:\n`);
      text.push(`  ${instruction}${label(target)}${tail}${traps.has(base + at) ? "  ; may trap" : ""}\n`);
    }
    for (const [table, to] of tables) text.push(`${this.symbols[table].name}: ${to.map(label).join(", ")}\n`);
    return text.join("");
  }

  /** Keeps the relocations of the function; yields the targets of its jump tables, by the tables' symbols. */
  private collect(image: Image, base: number, symbol: number): Map<number, number[]> {
    const { relocations, definitions } = image;
    const tables = new Map<number, number[]>();
    this.relocations.clear();
    for (let k = relocations.length - 1; k >= 0; k--) {
      const r = relocations[k];
      if (r.section === TEXT) {
        if (r.offset < base) break;
        this.relocations.set(r.offset - base, r);
      } else if (r.section === RODATA && r.kind === REL_SELF32 && r.symbol === symbol) {
        for (const [table, { section, offset, size }] of definitions) {
          if (section !== RODATA || r.offset < offset || r.offset >= offset + size) continue;
          tables.set(table, [r.addend - (r.offset - offset), ...(tables.get(table) ?? [])]);
        }
      }
    }
    return tables;
  }

  /** For tests: the instructions of code that stands alone. */
  listing(code: Uint8Array): string[] {
    this.relocations.clear();
    return this.decode(code).map(({ text, tail }) => text + tail);
  }

  private decode(code: Uint8Array): Line[] {
    this.code = code;
    this.at = 0;
    const lines: Line[] = [];
    while (this.at < code.length) {
      const at = this.at;
      this.distanceAt = -1;
      const text = this.instruction();
      if (this.distanceAt < 0) {
        lines.push(new Line(at, text, -1, ""));
        continue;
      }
      const distance =
        this.distanceSize === 1 ? this.signedByte(this.distanceAt) : this.word(this.distanceAt);
      // the label of an address stands in brackets
      const isAddress = text.endsWith("[");
      lines.push(new Line(at, text, this.at + distance, isAddress ? "]" : ""));
    }
    return lines;
  }

  // --- one instruction --------------------------------------------------------------------------------------

  private byte(): number {
    return this.code[this.at++];
  }

  private signedByte(at: number): number {
    return (this.code[at] << 24) >> 24;
  }

  private word(at: number): number {
    const { code } = this;
    return code[at] | (code[at + 1] << 8) | (code[at + 2] << 16) | (code[at + 3] << 24);
  }

  private instruction(): string {
    let prefix = 0;
    let map = 0;
    let vex = false;
    this.rex = 0;
    this.vvvv = 0;
    let byte = this.byte();
    if (this.skipNop()) return "nop";
    if (byte === 0xeb) return this.branch("jmp", 1);
    if (byte >> 4 === 7) return this.branch(`j${CC_NAMES[byte & 15]}`, 1);
    if (byte === 0xe9 && !this.relocations.has(this.at)) return this.branch("jmp", 4);
    if (byte === 0x0f && this.code[this.at] >> 4 === 8)
      return this.branch(`j${CC_NAMES[this.byte() & 15]}`, 4);
    if (byte === 0xc5 || byte === 0xc4) {
      vex = true;
      map = 1;
      const first = this.byte();
      let last = first;
      this.rex = (~first >> 5) & 4;
      if (byte === 0xc4) {
        this.rex = (~first >> 5) & 7;
        map = first & 31;
        last = this.byte();
        this.rex |= (last >> 4) & 8;
      }
      this.vvvv = (~last >> 3) & 15;
      prefix = [0, 0x66, 0xf3, 0xf2][last & 3];
      byte = this.byte();
    } else {
      if (byte === 0x66 || byte === 0xf2 || byte === 0xf3) {
        prefix = byte;
        byte = this.byte();
      }
      if (byte >> 4 === 4) {
        this.rex = byte;
        byte = this.byte();
      }
      if (byte === 0x0f) {
        map = 1;
        byte = this.byte();
        if (byte === 0x38 || byte === 0x3a) {
          map = byte === 0x38 ? 2 : 3;
          byte = this.byte();
        }
      }
    }
    const rows = this.rows.get(keyOf(vex, map, prefix, (this.rex & 8) !== 0, byte));
    if (rows === undefined) return unreachable(`no row for the opcode ${byte.toString(16)}`);
    return this.withOperands(this.choose(rows), byte);
  }

  /** Goes on behind the nop whose first byte has been read, if there is one. */
  private skipNop(): boolean {
    const start = this.at - 1;
    for (const nop of NOPS) {
      let same = 0;
      while (same < nop.length && start + same < this.code.length && this.code[start + same] === nop[same])
        same++;
      if (same < nop.length) continue;
      this.at = start + same;
      return true;
    }
    return false;
  }

  private branch(mnemonic: string, size: number): string {
    this.distanceAt = this.at;
    this.distanceSize = size;
    this.at += size;
    return `${mnemonic} `;
  }

  /** The row that ModRM asks for; reads ModRM where there is one. */
  private choose(rows: readonly Row[]): Row {
    if (!rows[0].encoding!.modrm) return rows[0];
    this.modrm = this.byte();
    const digit = (this.modrm >> 3) & 7;
    const fitting = rows.filter((row) => row.encoding!.digit < 0 || row.encoding!.digit === digit);
    const isMemory = this.modrm >> 6 !== 3;
    return fitting.find((row) => row.memory === isMemory) ?? unreachable("no row for ModRM");
  }

  private withOperands(row: Row, opcode: number): string {
    const e = row.encoding!;
    const isShortest = e.immediate === IMM_SHORTEST;
    const size = isShortest && ((opcode ^ e.opcode) & 2) !== 0 ? 1 : immediateSize(e);
    const address = e.modrm && row.memory ? this.address(size) : "";
    const texts: string[] = [];
    for (const o of row.operands) {
      if (o.memory) texts.push(isSizeEvident(row, o) ? address : `${sizeName(o.width)} ${address}`);
      else if (o.fixed < 0) texts.push(this.register(row, o, opcode));
      else if (row.name.includes("_cl")) texts.push("cl");
    }
    const immediate = this.immediate(size, isShortest);
    let mnemonic = mnemonicOf(row);
    const comparison = Number(immediate);
    if ((mnemonic === "cmpss" || mnemonic === "cmpsd") && comparison < COMPARISONS.length) {
      mnemonic = `cmp${COMPARISONS[comparison]}${mnemonic.slice(3)}`;
    } else if (immediate !== "") texts.push(immediate);
    if (e.plusCondition) mnemonic = `${mnemonic === "setcc" ? "set" : mnemonic}${CC_NAMES[opcode & 15]}`;
    return texts.length === 0 ? mnemonic : `${mnemonic} ${texts.join(", ")}`;
  }

  private register(row: Row, o: Operand, opcode: number): string {
    let low = this.modrm & 7;
    let high = this.rex & 1;
    if (row.encoding!.plusRegister) low = opcode & 7;
    else if (o.field === IN_REG) {
      low = (this.modrm >> 3) & 7;
      high = (this.rex >> 2) & 1;
    }
    const number = o.field === IN_VVVV ? this.vvvv : low | (high << 3);
    return registerName(o.float ? XMM0 + number : number, o.width);
  }

  /** The address of ModRM, before an immediate of `immediate` bytes. */
  private address(immediate: number): string {
    const mod = this.modrm >> 6;
    let base = this.modrm & 7;
    let index = "";
    if (mod === 0 && base === 5) return this.relative(immediate);
    if (base === 4) {
      const sib = this.byte();
      base = sib & 7;
      const x = ((sib >> 3) & 7) | ((this.rex & 2) << 2);
      if (x !== 4) index = ` + ${registerName(x, 64)}${sib >> 6 === 0 ? "" : `*${1 << (sib >> 6)}`}`;
    }
    const disp = mod === 1 ? this.signedByte(this.at) : mod === 2 ? this.word(this.at) : 0;
    this.at += mod === 1 ? 1 : mod === 2 ? 4 : 0;
    return `[${registerName(base | ((this.rex & 1) << 3), 64)}${index}${displacement(disp)}]`;
  }

  /** Relative to the program counter: a symbol, or a label, which is still to come. */
  private relative(immediate: number): string {
    const symbol = this.symbolHere(4 + immediate);
    if (symbol === "") {
      this.distanceAt = this.at;
      this.distanceSize = 4;
    }
    this.at += 4;
    return symbol === "" ? "[" : `[${symbol}]`;
  }

  /** What the relocation of the word here refers to; the instruction ends `rest` bytes further on. */
  private symbolHere(rest: number): string {
    const r = this.relocations.get(this.at);
    if (r === undefined) return "";
    const { name } = this.symbols[r.symbol];
    return `${name}${r.kind === REL_GOT_PC32 ? "@GOT" : displacement(r.addend + rest)}`;
  }

  /** Narrow ones are `signed` where the operation is wider than they are. */
  private immediate(size: number, signed: boolean): string {
    const { at } = this;
    this.at += size;
    switch (size) {
      case 0:
        return "";
      case 1:
        return numeral(signed ? this.signedByte(at) : this.code[at]);
      case 2:
        return numeral(signed ? (this.word(at) << 16) >> 16 : this.word(at) & 0xffff);
      case 4: {
        this.at = at;
        const symbol = this.symbolHere(4);
        this.at += 4;
        return symbol === "" ? numeral(this.word(at)) : symbol;
      }
      default:
        return `0x${hexWord(this.word(at + 4))}${hexWord(this.word(at))}`;
    }
  }
}

function hexWord(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

/** In bytes. */
function immediateSize({ immediate, prefix }: Encoding): number {
  switch (immediate) {
    case NO_IMM:
      return 0;
    case IMM8:
      return 1;
    case IMM16:
      return 2;
    case IMM64:
      return 8;
    default:
      return immediate === IMM_SHORTEST && prefix === 0x66 ? 2 : 4;
  }
}

/** A register is as wide as the memory operand, or nothing is read from the address. */
function isSizeEvident(row: Row, memory: Operand): boolean {
  if (row.name.startsWith("lea")) return true;
  if (row.name.startsWith("cvt")) return false;
  return row.operands.some((o) => !o.memory && o.fixed < 0 && o.width === memory.width);
}

/** Positions from `base` on where a fault is a trap. */
function faults(pcs: PcTable, base: number): Set<number> {
  const found = new Set<number>();
  for (let k = pcs.siteOffset.length - 1; k >= 0 && pcs.siteOffset.get(k) >= base; k--) {
    if ((pcs.siteInfo.get(k) & FAULT_TRAPS) !== 0) found.add(pcs.siteOffset.get(k));
  }
  return found;
}
