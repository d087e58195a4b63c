// The code of one function while it is written: bytes with long branches, and in order of position everything
// that refers to a position. `commit` shortens the branches whose targets are near and appends the result to
// the image.
//
// Shortening (as Szymanski, "Assembling code for machines with span-dependent instructions", CACM 1978, but from
// above): all branches begin long; one whose distance fits a byte becomes short, which brings other targets
// nearer. Since code only shrinks, a decision never has to be taken back; a few rounds find nearly all.
//
// A branch is written in its long form, a one-byte or two-byte opcode and a 32-bit distance; its short form is
// one byte, given with it, and an 8-bit distance.

import { Bytes } from "../base/bytes.ts";
import { IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import { type Image, REL_SELF32, RODATA, TEXT } from "./image.ts";
import { FAULT_TRAPS, type PcTable } from "./pctable.ts";

const ROUNDS = 4;

export class FunctionText {
  readonly out: Bytes;
  /** Position of each label, or -1: blocks first, then others. */
  private readonly label: IntColumn;
  // branches: position of the 32-bit distance, size of the opcode before it, short opcode, target
  private readonly branchAt: IntColumn;
  private readonly branchOpcode: IntColumn;
  private readonly branchShort: IntColumn;
  private readonly branchTo: IntColumn;
  /** Bytes saved by all branches up to this one. */
  private readonly saved: IntColumn;
  // other 32-bit distances to labels, counted from behind the word
  private readonly distanceAt: IntColumn;
  private readonly distanceTo: IntColumn;
  private readonly relocationAt: IntColumn;
  private readonly relocationKind: IntColumn;
  private readonly relocationSymbol: IntColumn;
  private readonly relocationAddend: IntColumn;
  private readonly siteAt: IntColumn;
  private readonly siteInfo: IntColumn;
  // where another frame size begins to hold
  private readonly frameAt: IntColumn;
  private readonly frameSize: IntColumn;
  private readonly frameSaved: IntColumn;
  // jump tables: symbol, first label (in `tableLabels`), count
  private readonly tableSymbol: IntColumn;
  private readonly tableStart: IntColumn;
  private readonly tableCount: IntColumn;
  private readonly tableLabels: IntColumn;

  constructor() {
    this.out = new Bytes(4096);
    this.label = new IntColumn();
    this.branchAt = new IntColumn();
    this.branchOpcode = new IntColumn();
    this.branchShort = new IntColumn();
    this.branchTo = new IntColumn();
    this.saved = new IntColumn();
    this.distanceAt = new IntColumn();
    this.distanceTo = new IntColumn();
    this.relocationAt = new IntColumn();
    this.relocationKind = new IntColumn();
    this.relocationSymbol = new IntColumn();
    this.relocationAddend = new IntColumn();
    this.siteAt = new IntColumn();
    this.siteInfo = new IntColumn();
    this.frameAt = new IntColumn();
    this.frameSize = new IntColumn();
    this.frameSaved = new IntColumn();
    this.tableSymbol = new IntColumn();
    this.tableStart = new IntColumn();
    this.tableCount = new IntColumn();
    this.tableLabels = new IntColumn();
  }

  /** Empties the text and makes the labels 0 … blocks - 1. */
  reset(blocks: number): void {
    this.out.clear();
    for (const column of [
      this.label,
      this.branchAt,
      this.branchOpcode,
      this.branchShort,
      this.branchTo,
      this.saved,
      this.distanceAt,
      this.distanceTo,
      this.relocationAt,
      this.relocationKind,
      this.relocationSymbol,
      this.relocationAddend,
      this.siteAt,
      this.siteInfo,
      this.frameAt,
      this.frameSize,
      this.frameSaved,
      this.tableSymbol,
      this.tableStart,
      this.tableCount,
      this.tableLabels,
    ]) {
      column.clear();
    }
    this.label.resize(blocks, -1);
  }

  // --- writing --------------------------------------------------------------------------------------------

  newLabel(): number {
    return this.label.push(-1);
  }

  /** Puts the label here. */
  bind(label: number): void {
    this.label.set(label, this.out.length);
  }

  /** A branch: its long opcode (a second byte above the first; `size` bytes), its short one. */
  branch(opcode: number, size: number, short: number, label: number): void {
    this.out.u8(opcode);
    if (size === 2) this.out.u8(opcode >> 8);
    this.branchAt.push(this.out.length);
    this.branchOpcode.push(size);
    this.branchShort.push(short);
    this.branchTo.push(label);
    this.out.u32(0);
  }

  /** The 32-bit word at `at` becomes the distance to `label`, from behind the word. */
  distance(at: number, label: number): void {
    this.distanceAt.push(at);
    this.distanceTo.push(label);
  }

  /** The 32-bit word at `at` is to be patched. */
  relocate(at: number, kind: number, symbol: number, addend: number): void {
    this.relocationAt.push(at);
    this.relocationKind.push(kind);
    this.relocationSymbol.push(symbol);
    this.relocationAddend.push(addend);
  }

  /**
   * The next instruction accesses a memory: a fault of it is a trap of the wasm instruction at `loc`. Where a
   * return address has the same position, a nop keeps the two sites apart.
   */
  memorySite(loc: number): void {
    const last = this.siteAt.length - 1;
    if (last >= 0 && this.siteAt.get(last) === this.out.length) this.out.u8(0x90);
    this.siteAt.push(this.out.length);
    this.siteInfo.push((loc + 1) | FAULT_TRAPS);
  }

  /** A call of the wasm instruction at `loc` returns to here. */
  callSite(loc: number): void {
    this.siteAt.push(this.out.length);
    this.siteInfo.push(loc + 1);
  }

  /** From here on the frame has `size` bytes below the return address, and holds the general registers `saved`. */
  frame(size: number, saved: number): void {
    const last = this.frameAt.length - 1;
    if (last >= 0 && this.frameSize.get(last) === size && this.frameSaved.get(last) === saved) return;
    this.frameAt.push(this.out.length);
    this.frameSize.push(size);
    this.frameSaved.push(saved);
  }

  /** A table in RODATA of distances from its start to labels, which `addTarget` appends. */
  jumpTable(symbol: number): void {
    this.tableSymbol.push(symbol);
    this.tableStart.push(this.tableLabels.length);
    this.tableCount.push(0);
  }

  addTarget(label: number): void {
    const last = this.tableCount.length - 1;
    this.tableLabels.push(label);
    this.tableCount.set(last, this.tableCount.get(last) + 1);
  }

  /** For tests: [position, kind, symbol, addend] of each relocation so far. */
  relocations(): number[][] {
    return Array.from({ length: this.relocationAt.length }, (_, k) => [
      this.relocationAt.get(k),
      this.relocationKind.get(k),
      this.relocationSymbol.get(k),
      this.relocationAddend.get(k),
    ]);
  }

  // --- finishing ------------------------------------------------------------------------------------------

  /** Appends the function to the image and its rows to the PC table. `index`: its number in the module, or -1. */
  commit(image: Image, pcs: PcTable, symbol: number, index: number): void {
    const text = image.sections[TEXT];
    text.align(16, 0xcc);
    const base = text.length;
    this.shorten();
    this.copy(image);
    const size = text.length - base;
    image.define(symbol, TEXT, base, size);

    // what stands in order of position is mapped in one walk along the branches
    let before = 0;
    for (let k = 0; k < this.relocationAt.length; k++) {
      const at = this.relocationAt.get(k);
      before = this.branchesBefore(at, before);
      image.relocate(
        TEXT,
        base + at - this.savedBefore(before),
        this.relocationKind.get(k),
        this.relocationSymbol.get(k),
        this.relocationAddend.get(k),
      );
    }
    before = 0;
    for (let k = 0; k < this.siteAt.length; k++) {
      const at = this.siteAt.get(k);
      before = this.branchesBefore(at, before);
      pcs.addSite(base + at - this.savedBefore(before), this.siteInfo.get(k));
    }
    before = 0;
    let from = base;
    for (let k = 0; k < this.frameAt.length; k++) {
      let to = base + size;
      if (k + 1 < this.frameAt.length) {
        const at = this.frameAt.get(k + 1);
        before = this.branchesBefore(at, before);
        to = base + at - this.savedBefore(before);
      }
      pcs.addRange(from, to, this.frameSize.get(k), index, this.frameSaved.get(k));
      from = to;
    }
    this.writeTables(image, symbol);
  }

  private isShort(branch: number): boolean {
    return this.saved.get(branch) !== (branch === 0 ? 0 : this.saved.get(branch - 1));
  }

  /** Number of branches whose distance word lies before `at`, counted on from `from`. */
  private branchesBefore(at: number, from: number): number {
    let n = from;
    while (n < this.branchAt.length && this.branchAt.get(n) < at) n++;
    return n;
  }

  private savedBefore(branches: number): number {
    return branches === 0 ? 0 : this.saved.get(branches - 1);
  }

  /** Final position of a label, by binary search among the branches. */
  private position(label: number): number {
    const at = this.label.get(label);
    if (at < 0) return unreachable("branch to a label that stands nowhere");
    let low = 0;
    let high = this.branchAt.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.branchAt.get(middle) < at) low = middle + 1;
      else high = middle;
    }
    return at - this.savedBefore(low);
  }

  private shorten(): void {
    const n = this.branchAt.length;
    this.saved.resize(n, 0);
    const short = new Uint8Array(n);
    for (let round = 0; round < ROUNDS; round++) {
      let changed = false;
      for (let b = 0; b < n; b++) {
        if (short[b] !== 0) continue;
        // seen from behind the branch; one that goes back comes nearer by what it loses itself
        const end = this.branchAt.get(b) + 4 - this.savedBefore(b);
        const d = this.position(this.branchTo.get(b)) - end;
        const own = this.branchOpcode.get(b) + 2;
        if (d < 0 ? d + own >= -128 : d <= 127) {
          short[b] = 1;
          changed = true;
        }
      }
      if (!changed) break;
      let sum = 0;
      for (let b = 0; b < n; b++) {
        if (short[b] !== 0) sum += this.branchOpcode.get(b) + 2;
        this.saved.set(b, sum);
      }
    }
  }

  /** Copies the code with every branch in its final form. */
  private copy(image: Image): void {
    const text = image.sections[TEXT];
    const base = text.length;
    const code = this.out.view();
    let from = 0;
    for (let b = 0; b < this.branchAt.length; b++) {
      const at = this.branchAt.get(b);
      const opcode = at - this.branchOpcode.get(b);
      const target = this.position(this.branchTo.get(b));
      if (this.isShort(b)) {
        append(text, code, from, opcode);
        text.u8(this.branchShort.get(b));
        text.u8(target - (text.length - base + 1));
      } else {
        append(text, code, from, at);
        text.u32(target - (text.length - base + 4));
      }
      from = at + 4;
    }
    append(text, code, from, code.length);
    let before = 0;
    for (let k = 0; k < this.distanceAt.length; k++) {
      const at = this.distanceAt.get(k);
      before = this.branchesBefore(at, before);
      const here = at - this.savedBefore(before);
      text.setU32(base + here, this.position(this.distanceTo.get(k)) - (here + 4));
    }
  }

  private writeTables(image: Image, symbol: number): void {
    const data = image.sections[RODATA];
    for (let t = 0; t < this.tableSymbol.length; t++) {
      data.align(4);
      const start = data.length;
      const count = this.tableCount.get(t);
      for (let k = 0; k < count; k++) {
        // symbol + position - start of the table
        const position = this.position(this.tableLabels.get(this.tableStart.get(t) + k));
        image.relocate(RODATA, data.length, REL_SELF32, symbol, position + 4 * k);
        data.u32(0);
      }
      image.define(this.tableSymbol.get(t), RODATA, start, 4 * count);
    }
  }
}

/** Appends code[from, to); most pieces are too short for `set` to pay. */
function append(text: Bytes, code: Uint8Array, from: number, to: number): void {
  text.reserve(to - from);
  const { data } = text;
  let at = text.length;
  for (let k = from; k < to; k++) data[at++] = code[k];
  text.length = at;
}
