// Writes, as JSON, every row of isa/x64/insts.ts with many operands and the bytes the encoder makes of them. The
// Python test tests/test_encoder.py disassembles the bytes with Capstone and compares; also what our own disassembler
// reads. Not a vitest file.

import * as fs from "node:fs";
import { Program } from "../ir/program.ts";
import { Disassembler } from "../isa/x64/disassemble.ts";
import { Assembler } from "../isa/x64/encode.ts";
import * as insts from "../isa/x64/insts.ts";
import { CC_NAMES, type Operand, READ, ROWS, type Row, WRITE } from "../isa/x64/insts.ts";
import { RSP, registerName } from "../isa/x64/regs.ts";
import { TEXT_RULES } from "../isa/x64/text.ts";
import {
  BASE,
  BASE_INDEX,
  Code,
  DEF,
  EMPTY_SET,
  fixed,
  INCOMING,
  OUTGOING,
  STACK_SLOT,
  SYMBOL,
  USE,
} from "../mach/code.ts";
import { Frame } from "../mach/frame.ts";
import { Image } from "../mach/image.ts";
import { FunctionText } from "../mach/text.ts";

class Address {
  readonly form: number;
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  readonly disp: number;

  constructor(form: number, base: number, index: number, scale: number, disp: number) {
    this.form = form;
    this.base = base;
    this.index = index;
    this.scale = scale;
    this.disp = disp;
  }
}

const DISPS = [0, 1, -1, 127, -128, 128, -129, 0x12345678, 0x7fffffff, -0x80000000];
const ADDRESSES: Address[] = [];
for (let r = 0; r < 16; r++)
  for (const k of [0, 2, 5]) ADDRESSES.push(new Address(BASE, r, -1, 0, DISPS[(k + r) % 10]));
for (const r of [4, 5, 12, 13]) for (const d of DISPS) ADDRESSES.push(new Address(BASE, r, -1, 0, d));
for (let b = 0; b < 16; b++) {
  const index = (b * 5 + 3) % 16 === RSP ? 12 : (b * 5 + 3) % 16;
  for (const d of [0, -8, 4096]) ADDRESSES.push(new Address(BASE_INDEX, b, index, (b + d) & 3, d));
}
for (const index of [0, 5, 8, 12, 13, 15]) ADDRESSES.push(new Address(BASE_INDEX, 13, index, index & 3, 0));
ADDRESSES.push(new Address(SYMBOL, -1, -1, 0, 0));
ADDRESSES.push(new Address(SYMBOL, -1, -1, 0, -24));
ADDRESSES.push(new Address(STACK_SLOT, -1, -1, 0, 4));
ADDRESSES.push(new Address(INCOMING, -1, -1, 0, 16));
ADDRESSES.push(new Address(OUTGOING, -1, -1, 0, 0));
ADDRESSES.push(new Address(OUTGOING, -1, -1, 0, 200));

/** Immediates by kind of the row. */
const IMMEDIATES: readonly (readonly (readonly [number, number])[])[] = [
  [[0, 0]],
  [0, 1, 31, 63, 127, 255].map((x) => [x, 0] as const),
  [0, 1, 127, 0x1234, 0xffff].map((x) => [x, 0] as const),
  [0, 1, -1, 127, -128, 128, 0x7fffffff, -0x80000000].map((x) => [x, x >> 31] as const),
  [
    [0x12345678, 0x1abcdef0],
    [-1, -1],
    [0, -0x80000000],
    [1, 0],
  ],
  [0, 1, -1, 127, -128, 128, -129, 0x7fff, -0x8000].map((x) => [x, x >> 31] as const),
];

const text = new FunctionText(TEXT_RULES);
const assembler = new Assembler(text, new Image(new Program()));
const code = new Code();
const frame = new Frame(TEXT_RULES.pushed);
const disassembler = new Disassembler();

/** The frame of the vectors: slot 0 takes 4096 bytes, slot 1 lies above it; nothing is pushed. */
function prepare(): void {
  text.reset(0);
  code.reset();
  code.slots.push(4096);
  code.slots.push(16);
  frame.layout(code, EMPTY_SET, EMPTY_SET, false);
}

type Expected = { reg: string } | { mem: [string, string, number, number]; bytes: number } | { imm: string };

/** What Capstone should say of the address. `end`: 0 where the instruction counter does not matter. */
function addressText(a: Address): [string, string, number, number] {
  switch (a.form) {
    case BASE:
      return [registerName(a.base, 64), "", 1, a.disp];
    case BASE_INDEX:
      return [registerName(a.base, 64), registerName(a.index, 64), 1 << a.scale, a.disp];
    case SYMBOL:
      return ["rip", "", 1, 0];
    case STACK_SLOT:
      return ["rsp", "", 1, 4096 + a.disp];
    case INCOMING:
      return ["rsp", "", 1, 4120 + 8 + a.disp];
    default:
      return ["rsp", "", 1, a.disp];
  }
}

/** Encodes `row` with registers chosen by `turn`; memory operands are `address`; `spilled`: rm lies in slot 1. */
function vector(
  row: Row,
  op: number,
  turn: number,
  address: Address | null,
  imm: readonly [number, number],
  cc: number,
  spilled: boolean,
) {
  prepare();
  const i = code.instruction(op);
  const registers = row.operands.map((o, k) => choose(o, turn, k));
  const written = (o: Operand) => !o.memory && (o.access & WRITE) !== 0;
  const inSlot = (o: Operand) => spilled && o.spillable;
  const expected: Expected[] = [];
  // the encoder may test the low byte only
  const narrow = /^test(32|64)_i$/.test(row.name) && !spilled && imm[0] >= 0 && imm[0] < 128;
  row.operands.forEach((o, k) => {
    if (!written(o)) return;
    code.operand(registers[k], o.fixed >= 0 ? fixed(DEF, o.fixed) : DEF);
    if (inSlot(o)) code.place.set(code.place.length - 1, -3);
  });
  row.operands.forEach((o, k) => {
    if (o.memory && address !== null) {
      code.address[i] = address.form | (address.scale << 4) | (code.operandCount[i] << 8);
      code.disp[i] = address.disp;
      code.symbol[i] = address.form === SYMBOL ? 7 : address.form === STACK_SLOT ? 1 : -1;
      if (address.base >= 0) code.operand(address.base, USE);
      if (address.index >= 0) code.operand(address.index, USE);
    } else if ((o.access & READ) !== 0) {
      code.operand(registers[k], USE);
      if (inSlot(o)) code.place.set(code.place.length - 1, -3);
    }
  });
  row.operands.forEach((o, k) => {
    if (o.memory && address !== null) expected.push({ mem: addressText(address), bytes: o.width / 8 });
    else if (inSlot(o)) expected.push({ mem: ["rsp", "", 1, 4096], bytes: o.width / 8 });
    else expected.push({ reg: registerName(registers[k], narrow ? 8 : o.width) });
  });
  code.imm[i] = imm[0];
  code.imm2[i] = cc >= 0 ? cc : imm[1];
  assembler.instruction(code, i, frame);
  const e = row.encoding!;
  const value = (BigInt(imm[1]) << 32n) | BigInt(imm[0] >>> 0);
  if (e.immediate !== insts.NO_IMM) expected.push({ imm: value.toString() });
  return {
    name: row.name,
    cc: cc >= 0 ? CC_NAMES[cc] : "",
    hex: Buffer.from(text.out.view()).toString("hex"),
    text: disassembler.listing(text.out.view()),
    operands: expected,
    fixed: row.operands.map((o) => o.fixed >= 0),
    disp: address?.form === SYMBOL ? address.disp : 0,
    relocation: text.relocations(),
  };
}

function choose(o: Operand, turn: number, k: number): number {
  if (o.fixed >= 0) return o.fixed;
  const r = [turn, turn * 7 + 3, turn * 3 + 5, turn + 9][k] & 15;
  return o.float ? 32 + r : r;
}

const vectors = [];
for (let op = 0; op < ROWS.length; op++) {
  const row = ROWS[op];
  if (row.encoding === null) continue;
  const imms = IMMEDIATES[row.encoding.immediate];
  const ccs = row.encoding.plusCondition ? Array.from({ length: 16 }, (_, cc) => cc) : [-1];
  const addresses = row.memory ? ADDRESSES : [null];
  const turns = Math.max(16, imms.length, ccs.length, addresses.length);
  for (let t = 0; t < turns; t++) {
    const [imm, cc, address] = [imms[t % imms.length], ccs[t % ccs.length], addresses[t % addresses.length]];
    vectors.push(vector(row, op, t, address, imm, cc, false));
    if (row.operands.some((o) => o.spillable)) vectors.push(vector(row, op, t, address, imm, cc, true));
  }
}
fs.writeSync(
  1,
  JSON.stringify({ rows: ROWS.filter((r) => r.encoding !== null).map((r) => r.name), vectors }),
);
