// FunctionText by itself: what was written at a position is found again where everything that refers to it says, after
// branches were shortened and loops moved to a cache line.

import { expect, test } from "vitest";
import { Program, SYM_FUNC } from "../ir/program.ts";
import { CC_E } from "../isa/x64/insts.ts";
import { JUMP, JUMP_IF, NOPS, REL_PC32, TEXT_RULES } from "../isa/x64/text.ts";
import { Image, TEXT } from "../mach/image.ts";
import { FAULT_TRAPS, PcTable } from "../mach/pctable.ts";
import { FunctionText } from "../mach/text.ts";

const LINE = 64;

function random(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One instruction of a listing: where it stands, behind it, its opcode, where it branches to or -1. */
interface Read {
  at: number;
  end: number;
  opcode: number;
  to: number;
}

/** Reads code of nops, of branches, and of `mov eax, number` for all else. */
function read(code: Uint8Array, from: number): { instructions: Read[]; nops: Map<number, number> } {
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  const instructions: Read[] = [];
  /** Bytes of nops, by where they end. */
  const nops = new Map<number, number>();
  let padded = 0;
  for (let at = from; at < code.length; ) {
    const nop = NOPS.findLast((n) => n.every((byte, k) => code[at + k] === byte));
    if (nop !== undefined) {
      at += nop.length;
      padded += nop.length;
      continue;
    }
    if (padded > 0) nops.set(at, padded);
    padded = 0;
    const opcode = code[at];
    let end = at + 5;
    let to = -1;
    if (opcode === 0xeb || opcode >> 4 === 7) {
      end = at + 2;
      to = end + view.getInt8(at + 1);
    } else if (opcode === 0xe9) {
      to = end + view.getInt32(at + 1, true);
    } else if (opcode === 0x0f) {
      end = at + 6;
      to = end + view.getInt32(at + 2, true);
    } else {
      expect(opcode).toBe(0xb8);
    }
    instructions.push({ at, end, opcode, to });
    at = end;
  }
  return { instructions, nops };
}

/** What was written: for each instruction its target's number or -1, and what refers to the place before it. */
class Written {
  readonly image = new Image(new Program());
  readonly pcs = new PcTable();
  readonly text = new FunctionText(TEXT_RULES);
  readonly targets: number[] = [];
  readonly symbol = this.image.program.symbol("f", SYM_FUNC);
  /** Numbers of the instructions behind a call, before an access, where frames begin, that hold a relocation. */
  readonly calls: number[] = [];
  readonly accesses: number[] = [];
  readonly frames: number[] = [];
  readonly relocations: number[] = [];

  constructor(labels: number, before: number) {
    const section = this.image.sections[TEXT];
    while (section.length < before) section.u8(0xcc);
    this.text.reset(labels);
  }

  plain(): void {
    this.text.out.u8(0xb8);
    this.text.out.u32(0);
    this.targets.push(-1);
  }

  jump(label: number): void {
    this.targets.push(label);
    this.text.branch(JUMP, 0, label);
  }

  jumpIf(label: number): void {
    this.targets.push(label);
    this.text.branch(JUMP_IF, CC_E, label);
  }

  commit(): Uint8Array {
    this.text.commit(this.image, this.pcs, this.symbol, 7);
    return this.image.sections[TEXT].view();
  }
}

/** A loop of `size` bytes that begins `offset` bytes into a cache line. */
function loop(offset: number, size: number): number {
  const w = new Written(1, 0);
  for (let at = 0; at < offset; at += 5) w.plain();
  w.text.bind(0);
  for (let at = 0; at + 2 < size; at += 5) w.plain();
  w.jumpIf(0);
  const { instructions } = read(w.commit(), 0);
  return instructions[instructions.length - 1].to;
}

test("a loop in more lines than it needs begins the next line", () => {
  expect(loop(10, 52)).toBe(10);
  expect(loop(15, 52)).toBe(64);
  expect(loop(60, 7)).toBe(64);
  expect(loop(10, 117)).toBe(10);
  expect(loop(15, 117)).toBe(64);
  // of three lines: left where it is
  expect(loop(60, 132)).toBe(60);
});

test("only the inner one of two loops is moved, and branches over the nops reach", () => {
  const w = new Written(3, 0);
  w.jump(2);
  w.text.bind(0);
  for (let k = 0; k < 9; k++) w.plain();
  w.text.bind(1);
  for (let k = 0; k < 10; k++) w.plain();
  w.jumpIf(1);
  w.jumpIf(0);
  w.text.bind(2);
  w.plain();
  const { instructions, nops } = read(w.commit(), 0);
  expect(instructions[0]).toEqual({ at: 0, end: 2, opcode: 0xeb, to: 118 });
  expect([...nops]).toEqual([[64, 17]]);
  expect(instructions.slice(-3).map((i) => i.to)).toEqual([64, 2, -1]);
});

test("a branch that no longer reaches over the nops is long", () => {
  const w = new Written(2, 0);
  w.jump(1);
  for (let k = 0; k < 10; k++) w.plain();
  w.text.bind(0);
  for (let k = 0; k < 10; k++) w.plain();
  w.jumpIf(0);
  for (let k = 0; k < 4; k++) w.plain();
  w.text.bind(1);
  w.plain();
  const { instructions } = read(w.commit(), 0);
  // 122 bytes, and 9 of nops before the loop
  expect(instructions[0]).toEqual({ at: 0, end: 5, opcode: 0xe9, to: 64 + 52 + 20 });
});

test("what jumps back from code that hardly ever runs is no loop", () => {
  const w = new Written(2, 0);
  for (let k = 0; k < 11; k++) w.plain();
  w.text.bind(0);
  w.plain();
  w.jumpIf(1);
  w.text.rare();
  w.text.bind(1);
  w.jump(0);
  const { instructions, nops } = read(w.commit(), 0);
  expect(nops.size).toBe(0);
  expect(instructions[13].to).toBe(55);
});

test.for(Array.from({ length: 400 }, (_, seed) => seed))("random functions, seed %i", (seed) => {
  const below = random(seed);
  const labels = 1 + below(12);
  const w = new Written(labels, 16 * below(5));
  const count = 10 + below(120);
  /** The number of the instruction at each label. */
  const places = Array.from({ length: labels }, () => below(count));
  for (let k = 0; k < count; k++) {
    if (k > 0 && below(8) === 0) {
      w.text.callSite(k);
      w.calls.push(k);
    }
    if (below(10) === 0) {
      w.text.frame(8 * below(1000), k);
      if (w.text.out.length > 0) w.frames.push(k);
    }
    for (let label = 0; label < labels; label++) if (places[label] === k) w.text.bind(label);
    if (below(8) === 0 && w.calls[w.calls.length - 1] !== k) {
      w.text.memorySite(k);
      w.accesses.push(k);
    }
    const kind = below(6);
    if (kind === 0) w.jump(below(labels));
    else if (kind < 3) w.jumpIf(below(labels));
    else {
      if (below(4) === 0) {
        w.text.relocate(w.text.out.length + 1, REL_PC32, w.symbol, k);
        w.relocations.push(k);
      }
      w.plain();
    }
  }
  const code = w.commit();
  const { offset: base, size } = w.image.definitions.get(w.symbol) ?? { offset: -1, size: 0 };
  expect(base + size).toBe(code.length);
  const { instructions, nops } = read(code, base);
  expect(instructions.length).toBe(count);

  // branches
  for (let k = 0; k < count; k++) {
    const label = w.targets[k];
    expect(instructions[k].to).toBe(label < 0 ? -1 : instructions[places[label]].at);
  }

  // sites, frames, relocations
  const sites = Array.from({ length: w.pcs.siteOffset.length }, (_, k) => [
    w.pcs.siteOffset.get(k),
    w.pcs.siteInfo.get(k),
  ]);
  const expected = [
    ...w.calls.map((k) => [instructions[k - 1].end, k + 1]),
    ...w.accesses.map((k) => [instructions[k].at, (k + 1) | FAULT_TRAPS]),
  ];
  expect(sites).toEqual(expected.sort((a, b) => a[0] - b[0]));
  const starts = Array.from({ length: w.pcs.start.length }, (_, k) => w.pcs.start.get(k));
  for (const k of w.frames) expect(starts.includes(instructions[k - 1].end) || starts[0] === base).toBe(true);
  expect(w.image.relocations.map((r) => [r.offset, r.addend])).toEqual(
    w.relocations.map((k) => [instructions[k].at + 1, k]),
  );

  // nops stand before loops only, and bring them to a line
  for (const [at] of nops) {
    expect(at % LINE).toBe(0);
    const head = instructions.findIndex((i) => i.at === at);
    expect(instructions.some((i, k) => k >= head && i.to === at)).toBe(true);
  }
});
