// The code of one function while it is written: bytes with long branches, and in order of position everything
// that refers to a position. `commit` shortens the branches whose targets are near and appends the result to
// the image.
//
// Shortening (as Szymanski, "Assembling code for machines with span-dependent instructions", CACM 1978, but from
// above): all branches begin long; one whose distance fits a byte becomes short, which brings other targets
// nearer. Since code only shrinks, a decision never has to be taken back; a few rounds find nearly all.
//
// Alignment: processors fetch code by cache lines. A small innermost loop that lies in one line more than it needs is
// moved to the next line by nops before its head; of such a loop everything is known from the branches that go back.
// The few short branches that no longer reach over the nops become long again, until all do.
//
// What a branch looks like is a row of the target's: a long form that reaches everything there may be in a function (where
// the machine's own does not, a branch over a jump, with the condition inverted), and a short one.

import { Bytes } from "../base/bytes.ts";
import { IntColumn, lowerBound } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import { type Image, REL_SELF32, RODATA, TEXT } from "./image.ts";
import { FAULT_TRAPS, type PcTable } from "./pctable.ts";

const ROUNDS = 4;
/** Bytes of a return address. */
const WORD = 8;
/** Bytes of a cache line, which every section of code begins with. */
const LINE = 64;
/** Loops longer than this many bytes gain nothing worth their nops. */
const MOST_ALIGNED = 2 * LINE;

// A position where nops are added means two: where what stands before it ends, and where what stands there begins.
const END = 0;
const BEGIN = 1;

/** A kind of branch of a machine. Distances are counted from behind the branch. */
export class BranchRow {
  /** Bytes of the long form; of the short one: as many where there is only one. */
  readonly long: number;
  readonly short: number;
  /** Distances that the short one reaches. */
  readonly least: number;
  readonly most: number;
  /** Writes it; `condition`: what it was given, in the target's numbers. */
  readonly write: (out: Bytes, condition: number, distance: number, isShort: boolean) => void;

  constructor(
    long: number,
    short: number,
    least: number,
    most: number,
    write: (out: Bytes, condition: number, distance: number, isShort: boolean) => void,
  ) {
    this.long = long;
    this.short = short;
    this.least = least;
    this.most = most;
    this.write = write;
  }
}

/** What a machine's code is made of that belongs to no row of instructions. */
export class TextRules {
  /** By kind. */
  readonly branches: readonly BranchRow[];
  /** Writes the distance to a label, from behind it, into the instructions that end at `end`. */
  readonly patchDistance: (out: Bytes, end: number, distance: number) => void;
  /** Instructions that do nothing, the shortest first: each a step longer than the one before. */
  readonly nops: readonly Uint8Array[];
  /** A byte for where nothing runs. */
  readonly filler: number;
  /** Bytes that a call pushes: the return address; 0 where it is in a register. */
  readonly pushed: number;

  constructor(
    branches: readonly BranchRow[],
    patchDistance: (out: Bytes, end: number, distance: number) => void,
    nops: readonly Uint8Array[],
    filler: number,
    pushed: number,
  ) {
    this.branches = branches;
    this.patchDistance = patchDistance;
    this.nops = nops;
    this.filler = filler;
    this.pushed = pushed;
  }
}

export class FunctionText {
  readonly out: Bytes;
  readonly rules: TextRules;
  /** Position of each label, or -1: blocks first, then others. */
  private readonly label: IntColumn;
  /** The labels that have one, in order of position. */
  private readonly bound: IntColumn;
  // branches: where the long form ends, kind, condition, target; bytes that the short form saves
  private readonly branchEnd: IntColumn;
  private readonly branchKind: IntColumn;
  private readonly branchCondition: IntColumn;
  private readonly branchTo: IntColumn;
  /** Bytes saved by all branches up to this one. */
  private readonly saved: IntColumn;
  /** Where the code begins that hardly ever runs: what jumps back from there is no loop. */
  private rareAt: number;
  // loops that may be aligned: position of the head, bytes from it to the end of the last branch back, nops before it
  private readonly loopAt: IntColumn;
  private readonly loopSize: IntColumn;
  private readonly loopNops: IntColumn;
  // in order: a position doubled, one more if the nops before what stands there count; how far it moves from there on
  private readonly movedAt: IntColumn;
  private readonly moved: IntColumn;
  // other distances to labels: where the instructions that hold them end
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

  constructor(rules: TextRules) {
    this.rules = rules;
    this.out = new Bytes(4096);
    this.label = new IntColumn();
    this.bound = new IntColumn();
    this.branchEnd = new IntColumn();
    this.branchKind = new IntColumn();
    this.branchCondition = new IntColumn();
    this.branchTo = new IntColumn();
    this.saved = new IntColumn();
    this.rareAt = 0;
    this.loopAt = new IntColumn();
    this.loopSize = new IntColumn();
    this.loopNops = new IntColumn();
    this.movedAt = new IntColumn();
    this.moved = new IntColumn();
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
      this.bound,
      this.branchEnd,
      this.branchKind,
      this.branchCondition,
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
    this.rareAt = -1;
  }

  // --- writing --------------------------------------------------------------------------------------------

  newLabel(): number {
    return this.label.push(-1);
  }

  /** Puts the label here. */
  bind(label: number): void {
    this.label.set(label, this.out.length);
    this.bound.push(label);
  }

  /** What follows hardly ever runs. */
  rare(): void {
    if (this.rareAt < 0) this.rareAt = this.out.length;
  }

  /** A branch of a kind of the target's to a label. */
  branch(kind: number, condition: number, label: number): void {
    const { long } = this.rules.branches[kind];
    this.out.reserve(long);
    this.out.length += long;
    this.branchEnd.push(this.out.length);
    this.branchKind.push(kind);
    this.branchCondition.push(condition);
    this.branchTo.push(label);
  }

  /** The instructions that end here hold the distance to `label`, from here. */
  distance(label: number): void {
    this.distanceAt.push(this.out.length);
    this.distanceTo.push(label);
  }

  /** The instructions at `at` are to be patched. */
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
    if (last >= 0 && this.siteAt.get(last) === this.out.length) this.out.bytes(this.rules.nops[0]);
    this.siteAt.push(this.out.length);
    this.siteInfo.push((loc + 1) | FAULT_TRAPS);
  }

  /** A call of the wasm instruction at `loc` returns to here. */
  callSite(loc: number): void {
    this.siteAt.push(this.out.length);
    this.siteInfo.push(loc + 1);
  }

  /** From here on the frame has `size` bytes below the stack pointer at entry, and holds the general registers `saved`. */
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
    text.align(16, this.rules.filler);
    const base = text.length;
    this.shorten();
    this.findLoops();
    do this.move(base);
    while (this.lengthen());
    this.copy(text);
    const size = text.length - base;
    image.define(symbol, TEXT, base, size);

    // what stands in order of position is mapped in one walk
    let move = 0;
    for (let k = 0; k < this.relocationAt.length; k++) {
      const at = this.relocationAt.get(k);
      move = this.movesUpTo(at, BEGIN, move);
      image.relocate(
        TEXT,
        base + at + this.movedBy(move),
        this.relocationKind.get(k),
        this.relocationSymbol.get(k),
        this.relocationAddend.get(k),
      );
    }
    move = 0;
    for (let k = 0; k < this.siteAt.length; k++) {
      const at = this.siteAt.get(k);
      const info = this.siteInfo.get(k);
      // a return address is the end of a call
      move = this.movesUpTo(at, (info & FAULT_TRAPS) === 0 ? END : BEGIN, move);
      pcs.addSite(base + at + this.movedBy(move), info);
    }
    move = 0;
    let from = base;
    const { pushed } = this.rules;
    for (let k = 0; k < this.frameAt.length; k++) {
      let to = base + size;
      if (k + 1 < this.frameAt.length) {
        const at = this.frameAt.get(k + 1);
        move = this.movesUpTo(at, END, move);
        to = base + at + this.movedBy(move);
      }
      pcs.addRange(from, to, this.frameSize.get(k) + pushed - WORD, index, this.frameSaved.get(k));
      from = to;
    }
    this.writeTables(image, symbol);
  }

  // Branches.

  private isShort(branch: number): boolean {
    return this.saved.get(branch) !== (branch === 0 ? 0 : this.saved.get(branch - 1));
  }

  private savedBefore(branches: number): number {
    return branches === 0 ? 0 : this.saved.get(branches - 1);
  }

  /** Where the label was written. */
  private written(label: number): number {
    const at = this.label.get(label);
    return at < 0 ? unreachable("branch to a label that stands nowhere") : at;
  }

  /** Position after shortening of what was written at `at`. */
  private shortened(at: number): number {
    return at - this.savedBefore(lowerBound(this.branchEnd, at + 1));
  }

  private shorten(): void {
    const n = this.branchEnd.length;
    this.saved.resize(n, 0);
    const short = new Uint8Array(n);
    for (let round = 0; round < ROUNDS; round++) {
      let changed = false;
      for (let b = 0; b < n; b++) {
        if (short[b] !== 0) continue;
        // seen from behind the branch; one that goes back comes nearer by what it loses itself
        const end = this.branchEnd.get(b) - this.savedBefore(b);
        const d = this.shortened(this.written(this.branchTo.get(b))) - end;
        const { long, short: size, least, most } = this.rules.branches[this.branchKind.get(b)];
        if (size < long && (d < 0 ? d + (long - size) >= least : d <= most)) {
          short[b] = 1;
          changed = true;
        }
      }
      if (!changed) break;
      this.sum(short);
    }
  }

  /** Bytes that the short form of a branch saves. */
  private savedBy(b: number): number {
    const row = this.rules.branches[this.branchKind.get(b)];
    return row.long - row.short;
  }

  /** Sets what is saved by the branches that are short. */
  private sum(short: Uint8Array): void {
    let sum = 0;
    for (let b = 0; b < short.length; b++) {
      if (short[b] !== 0) sum += this.savedBy(b);
      this.saved.set(b, sum);
    }
  }

  /** Makes the short branches long that do not reach their targets. Returns whether there were any. */
  private lengthen(): boolean {
    if (this.loopAt.length === 0) return false;
    const n = this.branchEnd.length;
    const short = new Uint8Array(n);
    let changed = false;
    for (let b = 0; b < n; b++) {
      if (!this.isShort(b)) continue;
      const end = this.position(this.branchEnd.get(b), END);
      const d = this.position(this.written(this.branchTo.get(b)), BEGIN) - end;
      const row = this.rules.branches[this.branchKind.get(b)];
      if (d >= row.least && d <= row.most) short[b] = 1;
      else changed = true;
    }
    if (changed) this.sum(short);
    return changed;
  }

  // Loops.

  /** Finds the small innermost loops: a branch back, and no other branch back that ends between its target and it. */
  private findLoops(): void {
    for (const column of [this.loopAt, this.loopSize, this.loopNops]) column.clear();
    const n = this.branchEnd.length;
    const last = new IntColumn();
    const end = this.rareAt < 0 ? this.out.length : this.rareAt;
    for (let b = 0; b < n && this.branchEnd.get(b) <= end; b++) {
      const to = this.branchTo.get(b);
      if (this.written(to) >= this.branchEnd.get(b)) continue;
      if (last.length === 0) last.resize(this.label.length, -1);
      last.set(to, b);
    }
    if (last.length === 0) return;
    for (let k = 0; k < this.bound.length; k++) {
      const label = this.bound.get(k);
      const branch = last.get(label);
      if (branch < 0) continue;
      const at = this.written(label);
      // the loop found before it holds this one, or begins with it
      const outer = this.loopAt.length - 1;
      if (outer >= 0 && this.loopAt.get(outer) + this.loopSize.get(outer) > at) {
        this.loopAt.pop();
        this.loopSize.pop();
      }
      this.loopAt.push(at);
      this.loopSize.push(this.branchEnd.get(branch) - at);
    }
    this.loopNops.resize(this.loopAt.length, 0);
  }

  /** Sets the nops before each loop, and how far everything moves by them and by the short branches. */
  private move(base: number): void {
    const { movedAt, moved } = this;
    movedAt.clear();
    moved.clear();
    const n = this.branchEnd.length;
    let sum = 0;
    let b = 0;
    for (let k = 0; k <= this.loopAt.length; k++) {
      const at = k < this.loopAt.length ? this.loopAt.get(k) : this.out.length;
      for (; b < n && this.branchEnd.get(b) <= at; b++) {
        if (!this.isShort(b)) continue;
        sum -= this.savedBy(b);
        movedAt.push(2 * this.branchEnd.get(b) + END);
        moved.push(sum);
      }
      if (k === this.loopAt.length) break;
      const size = this.shortened(at + this.loopSize.get(k)) - this.shortened(at);
      const nops = nopsBefore(base + at + sum, size);
      this.loopNops.set(k, nops);
      if (nops === 0) continue;
      sum += nops;
      movedAt.push(2 * at + BEGIN);
      moved.push(sum);
    }
  }

  /** Number of moves that count for this side of what was written at `at`; at least `from`. */
  private movesUpTo(at: number, side: number, from: number): number {
    let n = from;
    while (n < this.movedAt.length && this.movedAt.get(n) <= 2 * at + side) n++;
    return n;
  }

  private movedBy(moves: number): number {
    return moves === 0 ? 0 : this.moved.get(moves - 1);
  }

  /** Final position of what was written at `at`. */
  private position(at: number, side: number): number {
    return at + this.movedBy(lowerBound(this.movedAt, 2 * at + side + 1));
  }

  // Writing.

  /** Copies the code with every branch in its final form and every loop where it belongs. */
  private copy(text: Bytes): void {
    const base = text.length;
    const code = this.out.view();
    let from = 0;
    let loop = 0;
    for (let b = 0; b <= this.branchEnd.length; b++) {
      const last = b === this.branchEnd.length;
      const row = this.rules.branches[last ? 0 : this.branchKind.get(b)];
      const to = last ? code.length : this.branchEnd.get(b) - row.long;
      for (; loop < this.loopAt.length && this.loopAt.get(loop) <= to; loop++) {
        append(text, code, from, this.loopAt.get(loop));
        from = this.loopAt.get(loop);
        this.fill(text, this.loopNops.get(loop));
      }
      append(text, code, from, to);
      if (last) break;
      const target = base + this.position(this.written(this.branchTo.get(b)), BEGIN);
      const isShort = this.isShort(b);
      const end = text.length + (isShort ? row.short : row.long);
      row.write(text, this.branchCondition.get(b), target - end, isShort);
      from = to + row.long;
    }
    let move = 0;
    for (let k = 0; k < this.distanceAt.length; k++) {
      const at = this.distanceAt.get(k);
      move = this.movesUpTo(at, END, move);
      const end = at + this.movedBy(move);
      const to = this.position(this.written(this.distanceTo.get(k)), BEGIN);
      this.rules.patchDistance(text, base + end, to - end);
    }
  }

  /** Writes nops of `size` bytes. */
  private fill(text: Bytes, size: number): void {
    const { nops } = this.rules;
    const step = nops[0].length;
    const longest = nops.length * step;
    for (let left = size; left > 0; ) {
      const nop = nops[(((left < longest ? left : longest) / step) | 0) - 1];
      text.bytes(nop);
      left -= nop.length;
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
        const label = this.tableLabels.get(this.tableStart.get(t) + k);
        const position = this.position(this.written(label), BEGIN);
        image.relocate(RODATA, data.length, REL_SELF32, symbol, position + 4 * k);
        data.u32(0);
      }
      image.define(this.tableSymbol.get(t), RODATA, start, 4 * count);
    }
  }
}

/** Bytes that a loop of `size` bytes at `at` is to be moved, so that it lies in as few cache lines as it can. */
function nopsBefore(at: number, size: number): number {
  if (size > MOST_ALIGNED) return 0;
  const offset = at & (LINE - 1);
  const lines = (size + LINE - 1) & -LINE;
  return offset + size > lines ? LINE - offset : 0;
}

/** Appends code[from, to); most pieces are too short for `set` to pay. */
function append(text: Bytes, code: Uint8Array, from: number, to: number): void {
  text.reserve(to - from);
  const { data } = text;
  let at = text.length;
  for (let k = from; k < to; k++) data[at++] = code[k];
  text.length = at;
}
