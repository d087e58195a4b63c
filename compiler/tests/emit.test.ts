import { expect, test } from "vitest";
import { F64, I32, I64, V128 } from "../ir/ops.ts";
import { CONV_C, CONV_PRESERVE_ALL, CONV_WASM, SYM_IMPORT } from "../ir/program.ts";
import { CC_B, CC_E, CC_FEQ, CC_NE, invert } from "../isa/x64/insts.ts";
import {
  R10,
  R11,
  R12,
  R14,
  R15,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  registerName,
  XMM0,
} from "../isa/x64/regs.ts";
import { REL_GOT_PC32 } from "../isa/x64/text.ts";
import { BASE, LITERAL, OUTGOING, SPILLED } from "../mach/code.ts";
import { constantSymbol } from "../mach/constants.ts";
import { RODATA, TEXT } from "../mach/image.ts";
import { FAULT_TRAPS, PC_TABLE_SYMBOL } from "../mach/pctable.ts";
import { Machine } from "./machine.ts";

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function sites(m: Machine): [number, number][] {
  return Array.from({ length: m.pcs.siteOffset.length }, (_, k) => [
    m.pcs.siteOffset.get(k),
    m.pcs.siteInfo.get(k),
  ]);
}

function ranges(m: Machine): [number, number, number, number][] {
  return Array.from({ length: m.pcs.start.length }, (_, k) => [
    m.pcs.start.get(k),
    m.pcs.end.get(k),
    m.pcs.frame.get(k),
    m.pcs.index.get(k),
  ]);
}

// --- branches ---------------------------------------------------------------------------------------------

/** entry: je to block 2; block 1 of `bytes` one-byte instructions; block 2: ret. */
function forward(bytes: number): Machine {
  const m = new Machine();
  m.begin();
  const first = m.edge(2);
  m.edge(1);
  m.put("jcc", [], { imm: first, imm2: CC_E });
  m.block();
  for (let k = 0; k < bytes; k++) m.put("push", [RAX]);
  m.put("jmp", [], { imm: m.edge(2) });
  m.block();
  m.put("ret");
  m.end("f");
  return m;
}

test("a forward branch is short up to 127 bytes", () => {
  expect(hex(forward(127).bytes("f")).slice(0, 4)).toBe("747f");
  expect(hex(forward(128).bytes("f")).slice(0, 12)).toBe("0f8480000000");
});

/** A loop whose body has `bytes` one-byte instructions. */
function backward(bytes: number): Uint8Array {
  const m = new Machine();
  m.begin();
  m.put("jmp", [], { imm: m.edge(1) });
  m.block();
  for (let k = 0; k < bytes; k++) m.put("push", [RAX]);
  const first = m.edge(1);
  m.edge(2);
  m.put("jcc", [], { imm: first, imm2: CC_E });
  m.block();
  m.put("ret");
  m.end("f");
  return m.bytes("f");
}

test("a backward branch is short up to 128 bytes", () => {
  expect(hex(backward(126)).slice(252)).toBe("7480c3");
  expect(hex(backward(127)).slice(254)).toBe("0f847bffffffc3");
});

test("shortening one branch brings another into reach", () => {
  // the outer branch spans the inner: with the inner one long it would be 4 bytes too far
  const m = new Machine();
  m.begin();
  const outer = m.edge(3);
  m.edge(1);
  m.put("jcc", [], { imm: outer, imm2: CC_E });
  m.block();
  for (let k = 0; k < 100; k++) m.put("push", [RAX]);
  const inner = m.edge(3);
  m.edge(2);
  m.put("jcc", [], { imm: inner, imm2: CC_NE });
  m.block();
  for (let k = 0; k < 25; k++) m.put("push", [RAX]);
  m.put("jmp", [], { imm: m.edge(3) });
  m.block();
  m.put("ret");
  m.end("f");
  expect(hex(m.bytes("f")).slice(0, 4)).toBe("747f");
  expect(m.bytes("f").length).toBe(2 + 100 + 2 + 25 + 1);
});

test("blocks that only jump are not written", () => {
  const m = new Machine();
  m.begin();
  const first = m.edge(1);
  m.edge(2);
  m.put("jcc", [], { imm: first, imm2: CC_E });
  m.block();
  m.put("jmp", [], { imm: m.edge(3) });
  m.block();
  m.put("jmp", [], { imm: m.edge(4) });
  m.block();
  m.put("cdq", [2, RAX]);
  m.put("ret");
  m.block();
  m.put("ret");
  m.end("f");
  expect(hex(m.bytes("f"))).toBe("7502" + "99c3" + "c3");
});

test("blocks that only jump but carry moves are written; endless loops of them too", () => {
  const m = new Machine();
  m.begin();
  const first = m.edge(1);
  m.edge(2);
  m.put("jcc", [], { imm: first, imm2: CC_E });
  m.block();
  m.move(RCX, RAX, I32);
  m.put("jmp", [], { imm: m.edge(1) });
  m.block();
  m.put("jmp", [], { imm: m.edge(2) });
  m.end("f");
  expect(hex(m.bytes("f"))).toBe("7504" + "8bc1" + "ebfc" + "ebfe");
});

test("a jump to a return is the return, unless much has to be restored", () => {
  const code = (...saved: number[]) => {
    const m = new Machine();
    m.begin();
    for (const r of saved) m.put("pop", [r]);
    const first = m.edge(1);
    m.edge(2);
    m.put("jcc", [], { imm: first, imm2: CC_E });
    m.block();
    m.put("cdq", [2, RAX]);
    m.put("jmp", [], { imm: m.edge(3) });
    m.block();
    m.put("push", [RAX]);
    m.put("jmp", [], { imm: m.edge(3) });
    m.block();
    m.put("ret", [], { imm2: 16 });
    m.end("f");
    return hex(m.bytes("f"));
  };
  expect(code()).toBe("7504" + "99c21000" + "50" + "c21000");
  expect(code(RBX)).toContain("99" + "5bc21000" + "50" + "5bc21000");
  expect(code(RBX, 5, R12)).toContain("99eb01" + "50");
});

test("where neither target follows, the way back into a loop is the branch", () => {
  const m = new Machine();
  m.begin();
  m.put("jmp", [], { imm: m.edge(1) });
  m.block();
  m.put("push", [RAX]);
  const first = m.edge(3);
  m.edge(1);
  m.put("jcc", [], { imm: first, imm2: CC_E });
  m.block();
  m.put("push", [RCX]);
  m.put("ret");
  m.block();
  m.put("push", [RDX]);
  m.put("ret");
  m.end("f");
  // push rax; jne to it; jmp over push rcx and ret
  expect(hex(m.bytes("f"))).toBe("5075fdeb0251c352c3");
});

test("conditions", () => {
  for (let cc = 0; cc < 18; cc++) expect(invert(invert(cc))).toBe(cc);
  expect(invert(CC_E)).toBe(CC_NE);
  expect(invert(CC_FEQ)).toBe(17);
});

// --- moves ------------------------------------------------------------------------------------------------

/** The bytes of one move in a leaf function whose slots are 8, 8 and 16 bytes. */
function moveBytes(from: number, to: number, type: number): string {
  const m = new Machine();
  m.begin(8, 8, 16);
  m.move(from, to, type);
  m.put("unreachable");
  m.end("f");
  return hex(m.bytes("f")).slice(8, -4); // without sub rsp, 40 and ud2
}

test("moves", () => {
  expect(moveBytes(RCX, RAX, I32)).toBe("8bc1");
  expect(moveBytes(RCX, RAX, I64)).toBe("488bc1");
  expect(moveBytes(XMM0 + 1, XMM0, F64)).toBe("0f28c1");
  expect(moveBytes(RAX, RAX, I64)).toBe("");
  // an i32 is stored with its zeros, and loaded without
  expect(moveBytes(RAX, SPILLED - 1, I32)).toBe("4889442408");
  expect(moveBytes(SPILLED - 1, RAX, I32)).toBe("8b442408");
  expect(moveBytes(XMM0, SPILLED - 2, V128)).toBe("0f11442410");
});

test("a register class is never left", () => {
  expect(() => moveBytes(RAX, XMM0, F64)).toThrow();
});

// --- frames -----------------------------------------------------------------------------------------------

function frameOf(convention: number, fill: (m: Machine) => void, ...slots: number[]): number[] {
  const m = new Machine();
  m.begin(...slots);
  fill(m);
  m.put("ret");
  m.end("f", convention);
  return [m.pcs.frame.get(0), m.bytes("f")[0]];
}

test("a leaf without slots has no frame", () => {
  expect(frameOf(CONV_WASM, (m) => m.put("const32", [RAX], { imm: 1 }))).toEqual([0, 0xb8]);
});

test("frames keep the stack pointer a multiple of 16", () => {
  expect(frameOf(CONV_C, (m) => m.put("call", [], { symbol: m.symbol("g"), site: 2 }))[0]).toBe(8);
  expect(frameOf(CONV_C, () => {}, 8)[0]).toBe(8);
  expect(frameOf(CONV_C, () => {}, 8, 8)[0]).toBe(24);
  expect(frameOf(CONV_C, () => {}, 8, 16)[0]).toBe(40); // the second lies at 16
  expect(frameOf(CONV_C, (m) => m.put("mov32_ri", [RBX], { imm: 1 }))[0]).toBe(8);
  expect(frameOf(CONV_C, (m) => m.put("mov32_ri", [RBX], { imm: 1 }), 8)[0]).toBe(24);
  const outgoing = (m: Machine) => m.put("mov64_mi", [], { form: OUTGOING, disp: 40 });
  expect(frameOf(CONV_C, outgoing)[0]).toBe(56);
});

test("what a convention saves", () => {
  const writes = (...registers: number[]) => {
    return (m: Machine) => {
      for (const r of registers) m.put(r >= XMM0 ? "zero_f" : "mov32_ri", [r]);
    };
  };
  expect(frameOf(CONV_WASM, writes(RAX, RSI, RDI, R10, R11, XMM0))[0]).toBe(0);
  expect(frameOf(CONV_WASM, writes(RBX, R12))[0]).toBe(24);
  expect(frameOf(CONV_PRESERVE_ALL, writes(RCX, R11, XMM0 + 15))[0]).toBe(8);
  expect(frameOf(CONV_PRESERVE_ALL, writes(RCX, XMM0 + 3))[0]).toBe(24);
  // the pinned registers: only the C convention minds
  const sets = (m: Machine) => m.put("set_vmctx", [RDI]);
  expect(frameOf(CONV_C, sets)[0]).toBe(24);
  expect(frameOf(CONV_WASM, sets)[0]).toBe(0);
  const m = new Machine();
  m.begin();
  sets(m);
  m.put("ret");
  m.end("f", CONV_C);
  expect([R14, R15].map((r) => registerName(r, 64))).toEqual(["r14", "r15"]);
  expect(hex(m.bytes("f")).startsWith("4156" + "4157" + "4883ec08")).toBe(true);
  expect(hex(m.bytes("f")).endsWith("4883c408" + "415f" + "415e" + "c3")).toBe(true);
});

test("only leaves with small frames go without a stack check", () => {
  const checked = (convention: number, call: boolean, ...slots: number[]) => {
    const m = new Machine();
    m.begin(...slots);
    if (call) m.put("call", [], { symbol: m.symbol("g"), site: 2 });
    m.put("ret");
    m.end("f", convention);
    return hex(m.bytes("f")).startsWith("4d8b1f"); // mov r11, [r15]
  };
  expect(checked(CONV_WASM, false, 1000)).toBe(false);
  expect(checked(CONV_WASM, false, 1040)).toBe(true);
  expect(checked(CONV_WASM, true)).toBe(true);
  expect(checked(CONV_C, true, 5000)).toBe(false);
  expect(checked(CONV_PRESERVE_ALL, true)).toBe(false);
});

test("a tail call needs the check but no frame", () => {
  const m = new Machine();
  m.begin();
  m.put("tail_call", [], { symbol: m.symbol("g") });
  m.end("f", CONV_WASM, 4);
  expect(hex(m.bytes("f")).startsWith("4d8b1f")).toBe(true);
  // body, then the stub that aligns: sub rsp, 8; call; and add rsp, 8; jmp behind it
  expect(ranges(m).map((r) => r.slice(2))).toEqual([
    [0, 4],
    [8, 4],
    [0, 4],
  ]);
  expect(sites(m).length).toBe(1);
});

test("a frame beyond all bounds is refused", () => {
  const m = new Machine();
  m.begin(0x10000000, 0x10000000);
  m.put("ret");
  expect(() => m.end("f")).toThrow("stack frame too large");
});

// --- sites ------------------------------------------------------------------------------------------------

test("sites of calls, memory accesses and traps", () => {
  const m = new Machine();
  m.begin();
  m.put("call", [], { symbol: m.symbol("g"), site: 2, loc: 10 });
  m.put("mov32_m", [RAX, RCX], { form: BASE, site: 1, loc: 20 });
  m.put("trap_if", [], { imm: 3, imm2: CC_E, loc: 30 });
  m.put("ret");
  m.end("f", CONV_C, 0);
  const code = m.bytes("f");
  // sub rsp, 8; call; nop between the return address and the access; …
  expect(hex(code)).toBe(
    "4883ec08" + "e800000000" + "90" + "8b01" + "7405" + "4883c408c3" + "bf03000000e800000000cc",
  );
  expect(sites(m)).toEqual([
    [9, 11],
    [10, 21 | FAULT_TRAPS],
    [29, 31],
  ]);
  expect(ranges(m)).toEqual([[0, 30, 8, 0]]);
});

test("the access is the site, not what comes before it in the same row", () => {
  const m = new Machine();
  m.begin();
  m.put("cvtsi2sd_32_m", [XMM0, RCX], { form: BASE, site: 1, loc: 1 });
  m.put("ret");
  m.end("f");
  expect(hex(m.bytes("f"))).toBe("0f57c0" + "f20f2a01" + "c3");
  expect(sites(m)).toEqual([[3, 2 | FAULT_TRAPS]]);
});

test("return addresses of calls that do not return lie inside their function", () => {
  const m = new Machine();
  m.begin();
  m.put("trap", [], { imm: 1, loc: 3 });
  m.end("f", CONV_WASM, 2);
  for (const [offset] of sites(m)) {
    expect(ranges(m).filter(([start, end]) => start <= offset && offset < end).length).toBe(1);
  }
  expect(m.bytes("f").at(-1)).toBe(0xcc);
});

test("the table in read-only data", () => {
  const m = new Machine();
  for (const name of ["f", "g"]) {
    m.begin();
    m.put("call", [], { symbol: m.symbol("f"), site: 2, loc: 7 });
    m.put("ret");
    m.end(name, CONV_C, name === "f" ? 5 : -1);
  }
  m.pcs.write(m.image);
  const d = m.image.definitions.get(m.program.find(PC_TABLE_SYMBOL))!;
  const words = new Int32Array(m.image.sections[RODATA].take().buffer, d.offset, d.size / 4);
  expect(Array.from(words)).toEqual([2, 2, 0, 16, 14, 30, 8, 8, 5, -1, 9, 25, 8, 8]);
});

// --- symbols ------------------------------------------------------------------------------------------------

test("imports are called through their slot", () => {
  const m = new Machine();
  const malloc = m.program.symbol("malloc", SYM_IMPORT);
  m.begin();
  m.put("call", [], { symbol: malloc, site: 2 });
  m.put("symbol_addr", [RAX], { symbol: malloc });
  m.put("ret", [RAX]);
  m.end("f", CONV_C);
  expect(hex(m.bytes("f"))).toBe("4883ec08" + "ff1500000000" + "488b0500000000" + "4883c408" + "c3");
  expect(m.image.relocations.map((x) => [x.section, x.offset, x.kind, x.symbol, x.addend])).toEqual([
    [TEXT, 6, REL_GOT_PC32, malloc, -4],
    [TEXT, 13, REL_GOT_PC32, malloc, -4],
  ]);
});

test("constants are merged by their bits and aligned to their size", () => {
  const m = new Machine();
  const a = constantSymbol(m.image, 4, 1, 0);
  const b = constantSymbol(m.image, 8, 1, 0);
  const c = constantSymbol(m.image, 16, 1, 0);
  expect(new Set([a, b, c]).size).toBe(3);
  expect(constantSymbol(m.image, 8, 1, 0)).toBe(b);
  expect([a, b, c].map((s) => m.image.definitions.get(s)!.offset)).toEqual([0, 8, 16]);
  expect(m.image.sections[RODATA].length).toBe(32);
  m.begin();
  m.put("movsd_m", [XMM0], { form: LITERAL | (3 << 4), disp: 1, symbol: 0 });
  m.put("ret");
  m.end("f");
  expect(m.image.relocations[0].symbol).toBe(b);
});

test("functions start at multiples of 16 and know their size", () => {
  const m = new Machine();
  for (const name of ["a", "b"]) {
    m.begin();
    m.put("ret");
    m.end(name);
  }
  expect(m.offset("b")).toBe(16);
  expect(m.image.definitions.get(m.symbol("a"))!.size).toBe(1);
  expect(hex(m.image.sections[TEXT].take())).toBe(`c3${"cc".repeat(15)}c3`);
});

test("a poll finds the breaker's address in a register or in a slot", () => {
  const poll = (place: number) => {
    const m = new Machine();
    m.begin(8);
    m.put("poll", [place]);
    m.put("ret");
    m.end("f");
    return hex(m.bytes("f"));
  };
  // cmp [rcx], r14b
  expect(poll(RCX)).toContain("443831");
  // mov r11, [rsp]; cmp [r11], r14b
  expect(poll(SPILLED)).toContain("4c8b1c24453833");
});

// --- flags ------------------------------------------------------------------------------------------------

/** A block of `body` that ends in a branch under condition `cc` to a return, and falls into another. */
function tested(cc: number, body: (m: Machine) => void): string {
  const m = new Machine();
  m.begin();
  body(m);
  const first = m.edge(2);
  m.edge(1);
  m.put("jcc", [], { imm: first, imm2: cc });
  m.block();
  m.put("int3");
  m.put("ret");
  m.block();
  m.put("ret");
  m.end("f");
  return hex(m.bytes("f"));
}

const TEST_EAX = "85c0";

test("a lea onto its base is an addition, whose flags serve the test behind it", () => {
  const counts = (m: Machine) => m.put("lea32", [RAX, RAX], { form: BASE, disp: -8 });
  const countsAndTests = (m: Machine) => {
    counts(m);
    m.put("test32", [RAX, RAX]);
  };
  expect(tested(CC_NE, countsAndTests)).toMatch(/^83c0f875/);
  // unsigned conditions ask for more than sign and zero
  expect(tested(CC_B, countsAndTests)).toContain(TEST_EAX);
  // the flags of a comparison stay
  expect(
    tested(CC_E, (m) => {
      m.put("cmp32", [RCX, RDI]);
      counts(m);
    }),
  ).toMatch(/^39f98d40f874|^3bcf8d40f874/);
});

test("a test is written where the flags say something else", () => {
  const sum = (m: Machine) => m.put("add32_i", [RAX, RAX], { imm: 4 });
  const testEax = (m: Machine) => m.put("test32", [RAX, RAX]);
  const cases: [boolean, (m: Machine) => void][] = [
    [true, () => undefined],
    [true, (m) => m.store(R14, 8, RAX)],
    [true, (m) => m.move(RAX, RCX, I64)],
    [false, (m) => m.move(RCX, RAX, I64)],
    [false, (m) => m.put("xor32", [RCX, RCX, RDI])],
    [false, (m) => m.put("const32", [RAX], { imm: 5 })],
    [false, (m) => m.put("poll", [RCX])],
    [false, (m) => m.put("shl32_cl", [RAX, RAX, RCX])],
  ];
  for (const [goes, between] of cases) {
    const code = tested(CC_E, (m) => {
      sum(m);
      between(m);
      testEax(m);
    });
    expect(code.includes(TEST_EAX)).toBe(!goes);
  }
  // another width, another block
  expect(
    tested(CC_E, (m) => {
      sum(m);
      m.put("test64", [RAX, RAX]);
    }),
  ).toContain("4885c0");
  expect(
    tested(CC_E, (m) => {
      sum(m);
      m.put("jmp", [], { imm: m.edge(1) });
      m.block();
      testEax(m);
    }),
  ).toContain(TEST_EAX);
});

test("a zero between a sum and its branch does not destroy the flags", () => {
  const code = tested(CC_NE, (m) => {
    m.put("add32_i", [RAX, RAX], { imm: 4 });
    m.put("const32", [RCX], { imm: 0 });
    m.put("test32", [RAX, RAX]);
  });
  expect(code).toMatch(/^83c004b90000000075/);
});
