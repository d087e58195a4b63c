// Writes, as JSON, a blob of machine code made by mach/emit.ts from Code written by hand, with the entry points and
// what they should return. The Python test tests/test_emission.py runs them. Not a vitest file.
//
// Entries have the C convention. Those that need an instance get one as first argument: vmctx = [context, base].

import * as fs from "node:fs";
import * as layout from "../abi/layout.ts";
import { F32, F64, I32, I64, V128 } from "../ir/ops.ts";
import { CONV_C, CONV_PRESERVE_ALL, CONV_WASM } from "../ir/program.ts";
import { CC_A, CC_AE, CC_E, CC_FEQ, CC_FNE, CC_NE } from "../isa/x64/insts.ts";
import * as r from "../isa/x64/regs.ts";
import { BASE, INCOMING, LITERAL, OUTGOING, RegisterSet, SPILLED, STACK_SLOT } from "../mach/code.ts";
import { Machine } from "./machine.ts";

const { RAX, RBP, RBX, RCX, RDI, RDX, RSI, R8, R10, R12, R13, R14, R15, XMM0, XMM1, XMM7 } = r;
const m = new Machine();

interface Case {
  entry: string;
  args: (number | string)[]; // "vmctx", or the text of a float
  result: string; // of 64 bits, unsigned
}
const cases: Case[] = [];
const unsigned = (lo: number, hi: number) => ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString();
const CALLS = new RegisterSet(0x7c7, 0x7fff);
const ALL = new RegisterSet(0xf7ef & ~(1 << R14) & ~(1 << R15), 0x7fff);

// --- constants, with dead and with live flags ---------------------------------------------------------------

for (const [lo, hi] of [
  [0, 0],
  [1, 0],
  [-1, 0],
  [-1, -1],
  [-0x80000000, -1],
  [-0x80000000, 0],
  [0, 1],
  [0x12345678, 0x0abcdef0],
]) {
  const name = `const ${lo} ${hi}`;
  m.begin();
  m.put("const64", [RAX], { imm: lo, imm2: hi });
  m.put("ret", [RAX]);
  m.end(name, CONV_C);
  cases.push({ entry: name, args: [], result: unsigned(lo, hi) });
}

m.begin();
m.put("cmp64", [RDI, RSI]);
const constant = m.put("const64", [RCX]);
m.move(constant, R8, I64, 64);
m.put("setcc32", [RAX], { imm2: CC_A });
m.put("or64", [RAX, RAX, RCX]);
m.put("or64", [RAX, RAX, R8]);
m.put("ret", [RAX]);
m.end("flags live", CONV_C);
cases.push(
  { entry: "flags live", args: [2, 1], result: "1" },
  { entry: "flags live", args: [1, 2], result: "0" },
);

// --- moves and slots ------------------------------------------------------------------------------------------

m.begin(8, 8, 16, 8);
m.put("params", [RDI, RSI]);
m.move(RDI, SPILLED, I64);
m.move(SPILLED, RBX, I64);
m.move(RBX, R12, I64);
m.put("params");
m.put("movq_fr", [XMM0, R12]);
m.move(XMM0, SPILLED - 2, V128);
m.move(SPILLED - 2, XMM1, V128);
m.move(XMM1, XMM7, F64);
m.move(XMM7, SPILLED - 1, F64);
m.move(SPILLED - 1, RAX, I64);
m.put("params");
m.move(RSI, SPILLED - 3, I32);
m.put("add64", [RAX, RAX, SPILLED - 3]); // the slot of an i32 as a 64-bit operand
m.move(SPILLED - 3, RCX, I32);
m.put("add64", [RAX, RAX, RCX]);
m.put("copy", [SPILLED - 1, SPILLED - 3]);
m.put("add64", [RAX, RAX, SPILLED - 1]);
m.put("ret", [RAX]);
m.code.constraint.data[m.code.operandStart[m.code.count - 3]] = 1;
m.end("moves", CONV_C);
cases.push({ entry: "moves", args: [0x100000000, 0xffffffff], result: unsigned(-3, 3) });

m.begin(8);
m.put("movss_m", [XMM0], { form: LITERAL | (2 << 4), disp: 0x40490fdb, symbol: 0 });
m.move(XMM0, SPILLED, F32);
m.move(SPILLED, XMM1, F32);
m.put("movd_rf", [RAX, XMM1]);
m.put("movsd_m", [XMM7], { form: LITERAL | (3 << 4), disp: 0x54442d18, symbol: 0x400921fb });
m.put("movq_rf", [RCX, XMM7]);
m.put("movaps_m", [XMM7], { form: LITERAL | (4 << 4), disp: -1, symbol: 0x7fffffff });
m.put("movq_rf", [RDX, XMM7]);
m.put("add64", [RAX, RAX, RCX]);
m.put("add64", [RAX, RAX, RDX]);
m.put("ret", [RAX]);
m.end("literals", CONV_C);
cases.push({
  entry: "literals",
  args: [],
  result: (0x40490fdbn + 0x400921fb54442d18n + 0x7fffffffffffffffn).toString(),
});

// --- callee-saved registers -------------------------------------------------------------------------------------

m.begin(24);
m.clobber((1 << RBX) | (1 << RBP) | (1 << R12) | (1 << R13), 0x7fff);
for (const register of [RBX, RBP, R12, R13]) m.put("const32", [register], { imm: -1 });
m.put("ret");
m.end("destroys");

m.begin();
[RBX, RBP, R12, R13].forEach((register, k) => {
  m.put("const32", [register], { imm: 1 << k });
});
m.put("call", [], { symbol: m.symbol("destroys"), clobbers: CALLS, site: 2 });
m.put("const32", [RAX]);
for (const register of [RBX, RBP, R12, R13]) m.put("add64", [RAX, RAX, register]);
m.put("ret", [RAX]);
m.end("keeps");

/** A C function that makes its first argument the instance and calls `name`; the rest stay arguments. */
function enter(entry: string, name: string): void {
  m.begin(16);
  m.put("set_vmctx", [RDI]);
  m.put("call", [], { symbol: m.symbol(name), clobbers: CALLS, site: 2 });
  m.put("ret", [RAX]);
  m.end(entry, CONV_C);
}
enter("enter keeps", "keeps");

// preserve_all: keeps everything but its result
m.begin();
m.put("const32", [RAX], { imm: 7 });
for (const register of [RCX, RDX, RSI, RDI, R8, R10, RBX]) m.put("const32", [register], { imm: -1 });
for (let k = 0; k < 15; k++) m.put("zero_f", [XMM0 + k]);
m.put("ret", [RAX]);
m.end("preserves", CONV_PRESERVE_ALL);

m.begin();
[RCX, RDX, RSI, RDI, R8, R10, RBX].forEach((register, k) => {
  m.put("const32", [register], { imm: 1 << k });
});
for (let k = 0; k < 15; k++) m.put("movq_fr", [XMM0 + k, RBX]);
m.put("call", [], { symbol: m.symbol("preserves"), site: 2 });
m.put("const32", [RAX]);
for (const register of [RCX, RDX, RSI, RDI, R8, R10, RBX]) m.put("add64", [RAX, RAX, register]);
for (let k = 0; k < 15; k++) {
  m.put("movq_rf", [RCX, XMM0 + k]);
  m.put("add64", [RAX, RAX, RCX]);
}
m.put("ret", [RAX]);
m.end("is preserved");
enter("enter is preserved", "is preserved");

// --- stack arguments and tail calls -----------------------------------------------------------------------------

/** Sums its `bytes` of stack arguments, each times its number, and what it got in rdi. */
function summing(name: string, bytes: number, slots: number[]): void {
  m.begin(...slots);
  m.put("mov64", [RAX, RDI]);
  for (let k = 0; k < bytes; k += 8) {
    m.put("mov64_m", [RBX], { form: INCOMING, disp: k });
    m.put("imul64_i", [RBX, RBX], { imm: k / 8 + 1 });
    m.put("add64", [RAX, RAX, RBX]);
  }
  m.put("ret", [RAX], { imm2: bytes });
  m.end(name);
}

function sumOf(bytes: number, from: number, start: number): number {
  let sum = start;
  for (let k = 0; k < bytes / 8; k++) sum += (from + k) * (k + 1);
  return sum;
}

/** Stores from, from + 1, … as outgoing arguments. */
function pass(bytes: number, from: number): void {
  for (let k = 0; k < bytes; k += 8) m.put("mov64_mi", [], { form: OUTGOING, disp: k, imm: from + k / 8 });
}

for (const bytes of [0, 16, 32, 64]) {
  summing(`sum ${bytes}`, bytes, []);
  m.begin();
  m.put("sp", [RBX]);
  m.put("const32", [RDI], { imm: 100 });
  pass(bytes, 10);
  m.put("call", [RAX, RDI], { symbol: m.symbol(`sum ${bytes}`), imm2: bytes, clobbers: CALLS, site: 2 });
  m.put("sp", [RCX]);
  m.put("sub64", [RBX, RBX, RCX]);
  m.put("add64", [RAX, RAX, RBX]);
  m.put("ret", [RAX]);
  m.end(`call ${bytes}`, CONV_C);
  cases.push({ entry: `call ${bytes}`, args: [], result: `${sumOf(bytes, 10, 100)}` });
  for (const own of [0, 16, 48]) {
    for (const form of ["tail_call", "tail_call_r"]) {
      for (const slots of [[], [64, 8]]) {
        const name = `${form} ${own} ${bytes} ${slots.length}`;
        m.begin(...slots);
        m.put("params", [RDI]);
        m.put("add64_i", [RDI, RDI], { imm: 1 });
        if (slots.length > 0) m.put("const32", [RBX], { imm: -1 });
        pass(bytes, 20);
        if (form === "tail_call") {
          m.put("tail_call", [RDI], { symbol: m.symbol(`sum ${bytes}`), imm: own, imm2: bytes });
        } else {
          m.put("symbol_addr", [R12], { symbol: m.symbol(`sum ${bytes}`) });
          m.put("tail_call_r", [R12, RDI], { imm: own, imm2: bytes });
        }
        m.end(name);
        m.begin();
        m.put("set_vmctx", [RDI]);
        m.put("sp", [RBX]);
        m.put("const32", [R12], { imm: 5 });
        m.put("const32", [RDI], { imm: 200 });
        pass(own, 70);
        m.put("call", [RAX, RDI], { symbol: m.symbol(name), imm2: own, clobbers: CALLS, site: 2 });
        m.put("sp", [RCX]);
        m.put("sub64", [RBX, RBX, RCX]);
        m.put("add64", [RAX, RAX, RBX]);
        m.put("add64", [RAX, RAX, R12]);
        m.put("ret", [RAX]);
        m.end(`enter ${name}`, CONV_C);
        cases.push({ entry: `enter ${name}`, args: ["vmctx"], result: `${sumOf(bytes, 20, 201) + 5}` });
      }
    }
  }
}

// --- conditions ---------------------------------------------------------------------------------------------------

for (const [name, cc] of [
  ["feq", CC_FEQ],
  ["fne", CC_FNE],
  ["above", CC_A],
] as const) {
  const holds = (a: number, b: number) => (name === "feq" ? a === b : name === "fne" ? a !== b : a > b);
  m.begin();
  m.put("ucomisd", [XMM0, XMM1]);
  m.put("setcc32", [RSI], { imm2: cc });
  m.put("mov32", [RAX, RSI]);
  m.put("ret", [RAX]);
  m.end(`set ${name}`, CONV_C);
  // the taken block first, second, or neither behind the branch
  const orders = [
    [1, 2],
    [2, 1],
    [2, 3],
    [1, 1],
  ];
  orders.forEach(([yes, no], k) => {
    m.begin();
    m.put("ucomisd", [XMM0, XMM1]);
    const first = m.edge(yes);
    m.edge(no);
    m.put("jcc", [], { imm: first, imm2: cc });
    for (let b = 1; b <= 3; b++) {
      m.block();
      m.put("const32", [RAX], { imm: b });
      m.put("ret", [RAX]);
    }
    m.end(`branch ${name} ${k}`, CONV_C);
  });
  for (const [a, b] of [
    [1, 1],
    [1, 2],
    [2, 1],
    [Number.NaN, 1],
  ]) {
    const args = [a, b].map((x) => (Number.isNaN(x) ? "nan" : x.toFixed(1)));
    cases.push({ entry: `set ${name}`, args, result: holds(a, b) ? "1" : "0" });
    orders.forEach(([yes, no], k) => {
      cases.push({ entry: `branch ${name} ${k}`, args, result: `${holds(a, b) ? yes : no}` });
    });
  }
}

// --- jump tables ----------------------------------------------------------------------------------------------------

for (const n of [1, 2, 6]) {
  m.begin();
  const targets = Array.from({ length: n }, (_, k) => 1 + ((k * 2) % n));
  const first = m.code.edgeTo.length;
  for (const t of targets) m.edge(t);
  m.put("jump_table", [RDI, RDI], { imm: first, imm2: n });
  for (let b = 1; b <= n; b++) {
    m.block();
    m.put("const32", [RAX], { imm: 10 * b });
    m.put("ret", [RAX]);
  }
  m.end(`table ${n}`, CONV_C);
  for (const index of [0, 1, 2, 4, 5, 6, 0xffffffff]) {
    cases.push({ entry: `table ${n}`, args: [index], result: `${10 * targets[Math.min(index, n - 1)]}` });
  }
}

// --- branches near and far: blocks of many sizes that jump over each other --------------------------------------

for (const blocks of [3, 40, 300]) {
  let seed = blocks;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % n;
  };
  m.begin();
  m.put("params", [RDI]);
  m.put("const32", [RAX]);
  m.put("jmp", [], { imm: m.edge(1) });
  const plan: { add: number; times: number; bit: number; yes: number; no: number }[] = [];
  for (let b = 1; b <= blocks; b++) {
    const ahead = (limit: number) => Math.min(blocks + 1, b + 1 + random(limit));
    plan.push({
      add: random(1000),
      times: random(5) === 0 ? random(40) : random(6),
      bit: random(31),
      yes: ahead(3),
      no: ahead(9),
    });
  }
  for (const p of plan) {
    m.block();
    for (let k = 0; k < p.times; k++) m.put("add32_i", [RAX, RAX], { imm: p.add });
    if (p.bit < 4) {
      m.put("jmp", [], { imm: m.edge(p.yes) });
      continue;
    }
    m.put("bt32_i", [RDI], { imm: p.bit });
    const first = m.edge(p.yes);
    m.edge(p.no);
    m.put("jcc", [], { imm: first, imm2: 2 });
  }
  m.block();
  m.put("ret", [RAX]);
  m.end(`maze ${blocks}`, CONV_C);
  for (const x of [0, -1, 0x55555555, 0x12345678, 0x0f0f3c3c]) {
    let sum = 0;
    for (let b = 1; b <= blocks; ) {
      const p = plan[b - 1];
      sum = (sum + p.add * p.times) | 0;
      b = p.bit < 4 || ((x >>> p.bit) & 1) === 1 ? p.yes : p.no;
    }
    cases.push({ entry: `maze ${blocks}`, args: [x >>> 0], result: `${sum >>> 0}` });
  }
}

m.begin();
m.put("params", [RDI]);
m.put("const32", [RAX]);
m.put("jmp", [], { imm: m.edge(3) });
m.block(); // 1: far away from its branch
for (let k = 0; k < 30; k++) m.put("add64_i", [RAX, RAX], { imm: 1 });
m.put("jmp", [], { imm: m.edge(2) });
m.block(); // 2 only jumps
m.put("jmp", [], { imm: m.edge(3) });
m.block(); // 3
m.put("sub64_i", [RDI, RDI], { imm: 1 });
{
  const first = m.edge(1);
  m.edge(4);
  m.put("jcc", [], { imm: first, imm2: CC_AE });
}
m.block();
m.put("ret", [RAX]);
m.end("loop", CONV_C);
cases.push({ entry: "loop", args: [0], result: "0" }, { entry: "loop", args: [7], result: "210" });

// --- traps, polls, stack checks: see tests/test_emission.py ---------------------------------------------------

const CONTEXT = { form: BASE, disp: layout.VMCTX_CONTEXT.offset };

// raise: notes code, place and stack pointer of the trap, then leaves through the context's entry record
m.begin();
m.put("params", [RDI]);
m.put("mov64_m", [RAX, R15], CONTEXT);
m.store(RAX, layout.CONTEXT_TRAP_CODE.offset, RDI);
m.put("mov64_m", [RCX], { form: INCOMING, disp: -8 });
m.store(RAX, layout.CONTEXT_TRAP_PC.offset, RCX);
m.put("lea64", [RCX], { form: INCOMING, disp: 0 });
m.store(RAX, layout.CONTEXT_TRAP_SP.offset, RCX);
m.load(RCX, RAX, layout.CONTEXT_ENTRY_SP.offset);
m.load(RDX, RAX, layout.CONTEXT_ENTRY_PC.offset);
m.put("resume", [RCX, RDX]);
m.end("wasmpy_raise", CONV_C);

// stack_slow: counts, notes where it was called from, lowers the limit, and answers the breaker
m.begin();
m.put("mov64_m", [RAX, R15], CONTEXT);
m.put("inc64_m", [RAX], { form: BASE, disp: layout.CONTEXT_REFS_COUNT.offset });
m.put("mov64_m", [RCX], { form: INCOMING, disp: -8 });
m.store(RAX, layout.CONTEXT_TRAP_PC.offset, RCX);
m.put("lea64", [RCX], { form: INCOMING, disp: 0 });
m.store(RAX, layout.CONTEXT_TRAP_SP.offset, RCX);
m.load(RDX, RAX, layout.CONTEXT_PUT_OFF.offset);
m.store(RAX, layout.CONTEXT_LIMIT.offset, RDX);
m.load(RDX, RAX, layout.CONTEXT_BREAKER.offset);
m.put("mov8_mi", [RDX], { form: BASE, disp: 0, imm: 0 });
m.put("ret");
m.end("wasmpy_stack_slow", CONV_PRESERVE_ALL);

/** A C function (vmctx, argument) that calls `name`, or yields 1000 when a trap comes back. */
function guard(entry: string, name: string): void {
  m.begin(16);
  m.put("mov64_mr", [RDI], { form: STACK_SLOT, at: 0, symbol: 0 });
  m.put("set_vmctx", [RDI]);
  m.put("mov64_m", [RCX, R15], CONTEXT);
  m.put("sp", [RAX]);
  m.store(RCX, layout.CONTEXT_ENTRY_SP.offset, RAX);
  m.put("code_addr", [RAX], { imm: 2 });
  m.store(RCX, layout.CONTEXT_ENTRY_PC.offset, RAX);
  m.put("mov64", [RDI, RSI]);
  const first = m.edge(1);
  m.edge(2);
  m.put("invoke", [], { symbol: m.symbol(name), imm: first, clobbers: ALL, site: 2 });
  m.block();
  m.put("ret", [RAX]);
  m.block();
  m.put("mov64_m", [RAX], { form: STACK_SLOT, symbol: 0 });
  m.put("set_vmctx", [RAX]);
  m.put("const32", [RAX], { imm: 1000 });
  m.put("ret", [RAX]);
  m.end(entry, CONV_C);
}

/** Traps with code 3 when its argument is 0; else yields it plus 1. */
function trapping(name: string, slots: number[], calls: boolean, index: number): void {
  m.begin(...slots);
  m.put("params", [RDI]);
  if (calls) {
    m.put("mov64", [RBX, RDI]);
    m.put("call", [], { symbol: m.symbol("destroys"), clobbers: CALLS, site: 2, loc: 50 });
    m.put("mov64", [RDI, RBX]);
  }
  m.put("test64", [RDI, RDI]);
  m.put("trap_if", [], { imm: 3, imm2: CC_E, loc: 77 });
  m.put("lea64", [RAX, RDI], { form: BASE, disp: 1 });
  m.put("ret", [RAX]);
  m.end(name, CONV_WASM, index);
  guard(`guard ${name}`, name);
}
trapping("trap leaf", [], false, 1);
trapping("trap slots", [40, 8], false, 2);
trapping("trap calls", [8], true, 3);

m.begin();
m.put("trap", [], { imm: 9, loc: 5 });
m.end("trap always", CONV_WASM, 4);
guard("guard trap always", "trap always");

// polls until the argument is 0, in a leaf
m.begin();
m.put("params", [RDI]);
m.put("mov64_m", [RCX, R15], CONTEXT);
m.load(RCX, RCX, layout.CONTEXT_BREAKER.offset);
m.put("const32", [RAX]);
m.put("jmp", [], { imm: m.edge(1) });
m.block();
m.put("poll", [RCX], { loc: 31 });
m.put("add64", [RAX, RAX, RDI]);
m.put("sub64_i", [RDI, RDI], { imm: 1 });
{
  const first = m.edge(1);
  m.edge(2);
  m.put("jcc", [], { imm: first, imm2: CC_NE });
}
m.block();
m.put("ret", [RAX]);
m.end("poll", CONV_WASM, 5);
guard("guard poll", "poll");

// prologues
for (const [name, size, index] of [
  ["small frame", 512, 6],
  ["large frame", 5000, 7],
  ["huge frame", 1 << 20, 8],
] as const) {
  m.begin(size, 8);
  m.put("params", [RDI], { loc: 12 });
  m.put("mov64_mr", [RDI], { form: STACK_SLOT, at: 0, symbol: 1 });
  m.put("mov64_mr", [RDI], { form: STACK_SLOT, at: 0, symbol: 0 });
  m.put("call", [], { symbol: m.symbol("destroys"), clobbers: CALLS, site: 2 });
  m.put("mov64_m", [RAX], { form: STACK_SLOT, symbol: 1 });
  m.put("add64_m", [RAX, RAX], { form: STACK_SLOT, symbol: 0, disp: 0 });
  m.put("ret", [RAX]);
  m.end(name, CONV_WASM, index);
  guard(`guard ${name}`, name);
}

const blob = m.link();
const pcs = {
  start: Array.from(m.pcs.start.data.subarray(0, m.pcs.start.length)),
  end: Array.from(m.pcs.end.data.subarray(0, m.pcs.end.length)),
  frame: Array.from(m.pcs.frame.data.subarray(0, m.pcs.frame.length)),
  index: Array.from(m.pcs.index.data.subarray(0, m.pcs.index.length)),
  site: Array.from(m.pcs.siteOffset.data.subarray(0, m.pcs.siteOffset.length)),
  info: Array.from(m.pcs.siteInfo.data.subarray(0, m.pcs.siteInfo.length)),
};
const entries: [string, number][] = [];
for (const [symbol, d] of m.image.definitions) {
  if (d.section === 0) entries.push([m.program.symbols[symbol].name, d.offset]);
}
fs.writeSync(
  1,
  JSON.stringify({
    blob: Buffer.from(blob).toString("hex"),
    entries: Object.fromEntries(entries),
    cases,
    pcs,
  }),
);
