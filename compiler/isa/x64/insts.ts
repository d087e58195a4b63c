// The machine instructions of x86-64, one line each: name, operands with their roles, encoding as the manual
// writes it (Intel SDM volume 2). Encoder, constraints, printer and the Capstone test read these rows; tools/gen.ts
// makes the constants of gen/x64-ops.ts from their order.
//
//   i("lzcnt32", "w:r32, r:rm32", "F3 0F BD /r", WRITES_FLAGS, LZCNT)
//
// Operands: role (r read, w written, rw both), kind, width in bits; @reg where the instruction fixes the register.
//   r   general register in ModRM.reg, or in the opcode where the encoding says +r
//   rm  general register or memory in ModRM.rm: the row also makes a memory form, NAME_m (NAME_mi of NAME_i)
//   n   general register in ModRM.rm, never memory
//   m   memory in ModRM.rm
//   v   general register in VEX.vvvv
//   f fm fn fv   the same for float registers
//
// In Code (mach/code.ts) the operands of an instruction are: a DEF per register that is written, in the order of
// the row, then the USEs: a register that is read, or base and index of the address, at their place in the row.
// What is both read and written is a DEF that reuses the place of its USE. A written memory operand is no DEF.
// A `spillable` operand may be ANYWHERE: in a spill slot the encoder takes the row's memory form.
//
// Encoding: prefixes, W (REX.W or VEX.W), VEX, map (0F, 0F38, 0F3A), opcode, /r or /digit, immediate:
//   ib iw id iq  of that size;  ix  imm8 where the value fits, with the opcode + 2, else imm32 (imm16)
//   +r  opcode holds the register;  +cc  opcode holds the condition
//
// Float constants and masks are memory operands of address form LITERAL (mach/code.ts); a row with one and no USE
// (movss_m, movsd_m) may be repeated like a CONSTANT.
//
// Columns of Code: the immediate in `imm` (and `imm2` for 64 bits); the condition always in `imm2`.

import { unreachable } from "../../base/fail.ts";
import { CONSTANT, COPIES, PSEUDO, READS_FLAGS, WRITES_FLAGS } from "../../mach/pseudo.ts";
import { KEEPS, ZEROS } from "../../mach/target.ts";
import { registerName } from "./regs.ts";

// --- conditions -----------------------------------------------------------------------------------------

export const CC_O = 0;
export const CC_NO = 1;
export const CC_B = 2;
export const CC_AE = 3;
export const CC_E = 4;
export const CC_NE = 5;
export const CC_BE = 6;
export const CC_A = 7;
export const CC_S = 8;
export const CC_NS = 9;
export const CC_P = 10;
export const CC_NP = 11;
export const CC_L = 12;
export const CC_GE = 13;
export const CC_LE = 14;
export const CC_G = 15;
/** After ucomiss/ucomisd: equal and ordered (two tests); its inverse. Not for cmov with CC_FEQ. */
export const CC_FEQ = 16;
export const CC_FNE = 17;
export const CC_NAMES: readonly string[] = [
  ..."o no b ae e ne be a s ns p np l ge le g".split(" "),
  "feq",
  "fne",
];

/** The condition that holds exactly when `cc` does not. */
export function invert(cc: number): number {
  return cc ^ 1;
}

// --- flags and features: those of mach/pseudo.ts, and ------------------------------------------------------

/** Leaves the old upper part of its destination, so that emission clears it first (no false dependency). */
export const MERGES = 64;
/** The operand pairs commute. */
export const COMMUTES = 256;

/** Features beyond plain x86-64 (isa/x64/features.ts), as bits of the target's set. */
export const LZCNT = 1;
export const BMI1 = 2;
export const BMI2 = 4;
export const MOVBE = 8;
export const POPCNT = 32;
export const SSE41 = 64;

// --- rows -------------------------------------------------------------------------------------------------

export const READ = 1;
export const WRITE = 2;

/** Where an operand is encoded. */
export const IMPLICIT = 0;
export const IN_REG = 1;
export const IN_RM = 2;
export const IN_VVVV = 3;

export class Operand {
  readonly access: number; // READ | WRITE
  readonly field: number;
  readonly float: boolean;
  readonly memory: boolean;
  /** Register form of `rm` up to 64 bits wide: may lie in a spill slot. */
  readonly spillable: boolean;
  readonly width: number;
  /** The register it must be in, or -1. */
  readonly fixed: number;
  /** An instruction of 32 bits clears the upper half of its general register; narrower ones keep what is there. */
  readonly above: number;

  constructor(
    access: number,
    field: number,
    float: boolean,
    memory: boolean,
    spillable: boolean,
    width: number,
    fixed: number,
  ) {
    this.access = access;
    this.field = field;
    this.float = float;
    this.memory = memory;
    this.spillable = spillable;
    this.width = width;
    this.fixed = fixed;
    this.above = !float && !memory && width === 32 ? ZEROS : KEEPS;
  }
}

/** Immediates. */
export const NO_IMM = 0;
export const IMM8 = 1;
export const IMM16 = 2;
export const IMM32 = 3;
export const IMM64 = 4;
export const IMM_SHORTEST = 5;

export class Encoding {
  prefix: number; // 0, 0x66, 0xf2, 0xf3
  wide: boolean;
  vex: boolean;
  map: number; // 0 one byte, 1 0F, 2 0F38, 3 0F3A
  opcode: number;
  digit: number; // of ModRM.reg, or -1
  modrm: boolean;
  plusRegister: boolean;
  plusCondition: boolean;
  immediate: number;

  constructor() {
    this.prefix = 0;
    this.wide = false;
    this.vex = false;
    this.map = 0;
    this.opcode = -1;
    this.digit = -1;
    this.modrm = false;
    this.plusRegister = false;
    this.plusCondition = false;
    this.immediate = NO_IMM;
  }
}

export class Row {
  readonly name: string;
  readonly operands: readonly Operand[];
  /** Null: a pseudo-instruction (mach/pseudo.ts). */
  readonly encoding: Encoding | null;
  readonly flags: number;
  readonly feature: number;
  /** Numbers of the encoded register operands, as `operandAt` reads them. */
  readonly reg: number;
  readonly rm: number;
  readonly vvvv: number;
  /** Width in bits of the operand in ModRM.reg and ModRM.rm; 0 where it is a float register or absent. */
  readonly regWidth: number;
  readonly rmWidth: number;
  readonly memory: boolean;

  constructor(
    name: string,
    operands: readonly Operand[],
    encoding: Encoding | null,
    flags: number,
    feature: number,
  ) {
    this.name = name;
    this.operands = operands;
    this.encoding = encoding;
    this.flags = flags;
    this.feature = feature;
    this.reg = placeOf(operands, IN_REG);
    this.rm = placeOf(operands, IN_RM);
    this.vvvv = placeOf(operands, IN_VVVV);
    this.regWidth = widthIn(operands, IN_REG);
    this.rmWidth = widthIn(operands, IN_RM);
    this.memory = operands.some((o) => o.memory);
  }
}

/** In Row.reg, rm, vvvv: no such register operand. */
export const NO_OPERAND = 127;

/**
 * Which of the instruction's operands is the register in `field`: DEFs come first, so a read and written one is
 * its DEF. Negative numbers count from the end: an address before it has as many operands as its form needs.
 */
function placeOf(operands: readonly Operand[], field: number): number {
  const written = operands.filter((o) => !o.memory && (o.access & WRITE) !== 0);
  const read = operands.filter((o) => o.memory || (o.access & READ) !== 0);
  const def = written.findIndex((o) => o.field === field);
  if (def >= 0) return def;
  const use = read.findIndex((o) => !o.memory && o.field === field);
  if (use < 0) return NO_OPERAND;
  const address = read.findIndex((o) => o.memory);
  return address >= 0 && address < use ? use - read.length : written.length + use;
}

/** The number within an instruction of `count` operands that `place` (Row.reg, rm or vvvv) stands for. */
export function operandAt(place: number, count: number): number {
  return place < 0 ? count + place : place;
}

function widthIn(operands: readonly Operand[], field: number): number {
  const o = operands.find((p) => p.field === field && !p.float && !p.memory);
  return o === undefined ? 0 : o.width;
}

// --- reading the notation ---------------------------------------------------------------------------------

const FIXED_NAMES: readonly string[] = Array.from({ length: 16 }, (_, r) => registerName(r, 64));

/** Splits at `separator`, without empty parts. */
function words(text: string, separator: string): string[] {
  return text.split(separator).filter((w) => w !== "");
}

/** One operand: `rw:rm32`, `r:r8@rcx`; `memory`: the memory form of `rm` and `fm`. */
function operand(text: string, memory: boolean): Operand {
  const [access, rest] = text.split(":");
  const [kindAndWidth, register] = rest.split("@");
  let letters = 0;
  while (kindAndWidth.charCodeAt(letters) > 57) letters++;
  const kind = kindAndWidth.slice(0, letters);
  const width = Number(kindAndWidth.slice(letters)) | 0;
  const fixed = register === undefined ? -1 : FIXED_NAMES.indexOf(register);
  const either = kind === "rm" || kind === "fm";
  let field = IN_RM;
  if (fixed >= 0) field = IMPLICIT;
  else if (kind === "r" || kind === "f") field = IN_REG;
  else if (kind === "v" || kind === "fv") field = IN_VVVV;
  return new Operand(
    (access.includes("r") ? READ : 0) | (access.includes("w") ? WRITE : 0),
    field,
    kind.startsWith("f"),
    kind === "m" || (either && memory),
    either && !memory && width <= 64,
    width,
    fixed,
  );
}

function encoding(text: string): Encoding {
  const e = new Encoding();
  for (const word of words(text, " ")) {
    if (word === "W") e.wide = true;
    else if (word === "VEX") e.vex = true;
    else if (e.map === 0 && e.opcode < 0 && (word === "66" || word === "F2" || word === "F3")) {
      e.prefix = Number.parseInt(word, 16) | 0;
    } else if (e.opcode < 0 && word === "0F") e.map = 1;
    else if (e.opcode < 0 && word === "0F38") e.map = 2;
    else if (e.opcode < 0 && word === "0F3A") e.map = 3;
    else if (e.opcode < 0) {
      const [hex, plus] = word.split("+");
      e.opcode = Number.parseInt(hex, 16) | 0;
      e.plusRegister = plus === "r";
      e.plusCondition = plus === "cc";
    } else if (word === "/r") e.modrm = true;
    else if (word.startsWith("/")) {
      e.modrm = true;
      e.digit = Number(word.slice(1)) | 0;
    } else e.immediate = 1 + ["ib", "iw", "id", "iq", "ix"].indexOf(word);
  }
  return e;
}

/** A row, and its memory form where it has one. */
function i(name: string, operands: string, code: string, flags = 0, feature = 0): Row[] {
  const e = encoding(code);
  const texts = words(operands, ",").map((t) => t.trim());
  const row = (formName: string, memory: boolean) =>
    new Row(
      formName,
      texts.map((t) => operand(t, memory)),
      e,
      flags & (memory ? ~COPIES : -1),
      feature,
    );
  if (!operands.includes(":rm") && !operands.includes(":fm")) return [row(name, false)];
  return [row(name, false), row(name.endsWith("_i") ? `${name.slice(0, -1)}mi` : `${name}_m`, true)];
}

function pseudo(name: string, operands: string, flags = 0): Row[] {
  return [
    new Row(
      name,
      words(operands, ",").map((t) => operand(t.trim(), false)),
      null,
      flags,
      0,
    ),
  ];
}

/** The prefixes and opcode for integers of `width` bits; `byte` is the opcode for 8 bits, the next one is for the rest. */
function sized(width: number, byte: number): string {
  const opcode = width === 8 ? byte : byte + 1;
  return `${width === 16 ? "66 " : width === 64 ? "W " : ""}${opcode.toString(16)}`;
}

const WIDTHS = [8, 16, 32, 64];
const WORDS = [32, 64];
/** REX.W where the width asks for it. */
const W = (width: number): string => (width === 64 ? "W " : "");

/** The group of add: register, memory and immediate forms in four widths; narrow ones are for memory. */
function arithmetic(name: string, digit: number, flags: number): Row[] {
  const access = name === "cmp" ? "r" : "rw";
  return WIDTHS.flatMap((w) => [
    ...i(`${name}${w}`, `${access}:r${w}, r:rm${w}`, `${sized(w, digit * 8 + 2)} /r`, flags),
    ...i(`${name}${w}_mr`, `${access}:m${w}, r:r${w}`, `${sized(w, digit * 8)} /r`, flags),
    ...i(`${name}${w}_i`, `${access}:rm${w}`, `${sized(w, 0x80)} /${digit} ${w === 8 ? "ib" : "ix"}`, flags),
  ]);
}

function shift(name: string, digit: number): Row[] {
  return WORDS.flatMap((w) => [
    ...i(`${name}${w}_i`, `rw:rm${w}`, `${W(w)}C1 /${digit} ib`, WRITES_FLAGS),
    ...i(`${name}${w}_cl`, `rw:rm${w}, r:r8@rcx`, `${W(w)}D3 /${digit}`, WRITES_FLAGS),
  ]);
}

/** Scalar operation of both float types: F3 for f32, F2 for f64. */
function scalar(name: string, opcode: string, access: string, flags = 0): Row[] {
  return [
    ...i(`${name}ss`, `${access}:f32, r:fm32`, `F3 0F ${opcode} /r`, flags),
    ...i(`${name}sd`, `${access}:f64, r:fm64`, `F2 0F ${opcode} /r`, flags),
  ];
}

/** Bitwise operation on whole float registers. */
function bitwise(name: string, opcode: string, flags = 0): Row[] {
  return [
    ...i(`${name}ps`, "rw:f128, r:fm128", `0F ${opcode} /r`, flags),
    ...i(`${name}pd`, "rw:f128, r:fm128", `66 0F ${opcode} /r`, flags),
  ];
}

/** The same row in 32 and 64 bits: `#` stands for the width in name and operands. */
function both(name: string, operands: string, code: string, flags = 0, feature = 0): Row[] {
  return WORDS.flatMap((w) =>
    i(name.replaceAll("#", `${w}`), operands.replaceAll("#", `${w}`), `${W(w)}${code}`, flags, feature),
  );
}

export const ROWS: readonly Row[] = [
  ...PSEUDO.flatMap(({ name, operands, flags }) => pseudo(name, operands, flags)),

  // --- what pseudo-instructions and frames are made of; selection has no use for these -------------------------
  ...i("push", "r:r64", "50+r"),
  ...i("pop", "w:r64", "58+r"),
  ...i("call_rel", "", "E8 id"),
  ...i("call_abs", "r:rm64", "FF /2"),
  ...i("jmp_rel", "", "E9 id"),
  ...i("jmp_abs", "r:rm64", "FF /4"),
  ...i("ret_near", "", "C3"),
  ...i("ret_pop", "", "C2 iw"),
  ...i("int3", "", "CC"),
  ...i("ud2", "", "0F 0B"),

  // --- moves ------------------------------------------------------------------------------------------------
  ...i("mov32", "w:r32, r:rm32", "8B /r"),
  ...i("mov64", "w:r64, r:rm64", "W 8B /r", COPIES),
  ...i("mov8_mr", "w:m8, r:r8", "88 /r"),
  ...i("mov16_mr", "w:m16, r:r16", "66 89 /r"),
  ...i("mov32_mr", "w:m32, r:r32", "89 /r"),
  ...i("mov64_mr", "w:m64, r:r64", "W 89 /r"),
  ...i("mov8_mi", "w:m8", "C6 /0 ib"),
  ...i("mov16_mi", "w:m16", "66 C7 /0 iw"),
  ...i("mov32_mi", "w:m32", "C7 /0 id"),
  ...i("mov64_mi", "w:m64", "W C7 /0 id"),
  ...i("mov32_ri", "w:r32", "B8+r id", CONSTANT),
  ...i("mov64_ri", "w:r64", "W B8+r iq", CONSTANT),
  ...i("mov64_si", "w:n64", "W C7 /0 id", CONSTANT),
  ...both("movzx8_#", "w:r#, r:rm8", "0F B6 /r"),
  ...both("movzx16_#", "w:r#, r:rm16", "0F B7 /r"),
  ...both("movsx8_#", "w:r#, r:rm8", "0F BE /r"),
  ...both("movsx16_#", "w:r#, r:rm16", "0F BF /r"),
  ...i("movsxd", "w:r64, r:rm32", "W 63 /r"),
  ...both("lea#", "w:r#, r:m#", "8D /r"),
  ...both("cmov#", "rw:r#, r:rm#", "0F 40+cc /r", READS_FLAGS),
  ...i("setcc", "w:rm8", "0F 90+cc /0", READS_FLAGS),
  ...both("bswap#", "rw:r#", "0F C8+r"),
  ...i("rol16_i", "rw:rm16", "66 C1 /0 ib", WRITES_FLAGS),
  ...both("movbe#_m", "w:r#, r:m#", "0F38 F0 /r", 0, MOVBE),
  ...both("movbe#_mr", "w:m#, r:r#", "0F38 F1 /r", 0, MOVBE),

  // --- integers ---------------------------------------------------------------------------------------------
  ...arithmetic("add", 0, WRITES_FLAGS | COMMUTES),
  ...arithmetic("or", 1, WRITES_FLAGS | COMMUTES),
  ...arithmetic("adc", 2, WRITES_FLAGS | READS_FLAGS | COMMUTES),
  ...arithmetic("sbb", 3, WRITES_FLAGS | READS_FLAGS),
  ...arithmetic("and", 4, WRITES_FLAGS | COMMUTES),
  ...arithmetic("sub", 5, WRITES_FLAGS),
  ...arithmetic("xor", 6, WRITES_FLAGS | COMMUTES),
  ...arithmetic("cmp", 7, WRITES_FLAGS),
  ...WIDTHS.flatMap((w) => [
    ...i(`test${w}`, `r:rm${w}, r:r${w}`, `${sized(w, 0x84)} /r`, WRITES_FLAGS),
    ...i(
      `test${w}_i`,
      `r:rm${w}`,
      `${sized(w, 0xf6)} /0 ${w === 8 ? "ib" : w === 16 ? "iw" : "id"}`,
      WRITES_FLAGS,
    ),
  ]),
  ...both("inc#", "rw:rm#", "FF /0", WRITES_FLAGS),
  ...both("dec#", "rw:rm#", "FF /1", WRITES_FLAGS),
  ...both("neg#", "rw:rm#", "F7 /3", WRITES_FLAGS),
  ...both("not#", "rw:rm#", "F7 /2"),
  ...both("imul#", "rw:r#, r:rm#", "0F AF /r", WRITES_FLAGS | COMMUTES),
  ...both("imul#_i", "w:r#, r:rm#", "69 /r ix", WRITES_FLAGS),
  /** rdx:rax = rax × operand. */
  ...both("mulwide#", "w:r#@rdx, rw:r#@rax, r:rm#", "F7 /4", WRITES_FLAGS),
  ...both("imulwide#", "w:r#@rdx, rw:r#@rax, r:rm#", "F7 /5", WRITES_FLAGS),
  /** rax = rdx:rax / operand, rdx the remainder. */
  ...both("div#", "rw:r#@rax, rw:r#@rdx, r:rm#", "F7 /6", WRITES_FLAGS),
  ...both("idiv#", "rw:r#@rax, rw:r#@rdx, r:rm#", "F7 /7", WRITES_FLAGS),
  /** rdx = the sign of rax, which stays: what a division takes is then in place. */
  ...i("cdq", "w:r32@rdx, rw:r32@rax", "99"),
  ...i("cqo", "w:r64@rdx, rw:r64@rax", "W 99"),
  ...shift("rol", 0),
  ...shift("ror", 1),
  ...shift("shl", 4),
  ...shift("shr", 5),
  ...shift("sar", 7),
  ...both("shld#_i", "rw:rm#, r:r#", "0F A4 /r ib", WRITES_FLAGS),
  ...both("shrd#_i", "rw:rm#, r:r#", "0F AC /r ib", WRITES_FLAGS),
  /** With a zero source the destination keeps its value. */
  ...both("bsf#", "rw:r#, r:rm#", "0F BC /r", WRITES_FLAGS),
  ...both("bsr#", "rw:r#, r:rm#", "0F BD /r", WRITES_FLAGS),
  ...both("popcnt#", "w:r#, r:rm#", "F3 0F B8 /r", WRITES_FLAGS | MERGES, POPCNT),
  ...both("lzcnt#", "w:r#, r:rm#", "F3 0F BD /r", WRITES_FLAGS, LZCNT),
  ...both("tzcnt#", "w:r#, r:rm#", "F3 0F BC /r", WRITES_FLAGS, BMI1),
  /** Leaf and subleaf in; four words out. */
  ...i("cpuid", "rw:r32@rax, w:r32@rbx, rw:r32@rcx, w:r32@rdx", "0F A2"),
  ...both("bt#", "r:n#, r:r#", "0F A3 /r", WRITES_FLAGS),
  ...both("bts#", "rw:n#, r:r#", "0F AB /r", WRITES_FLAGS),
  ...both("btr#", "rw:n#, r:r#", "0F B3 /r", WRITES_FLAGS),
  ...both("btc#", "rw:n#, r:r#", "0F BB /r", WRITES_FLAGS),
  ...both("bt#_i", "r:rm#", "0F BA /4 ib", WRITES_FLAGS),
  ...both("bts#_i", "rw:rm#", "0F BA /5 ib", WRITES_FLAGS),
  ...both("btr#_i", "rw:rm#", "0F BA /6 ib", WRITES_FLAGS),
  ...both("btc#_i", "rw:rm#", "0F BA /7 ib", WRITES_FLAGS),
  /** andn: second operand inverted, third not: ~v & rm. */
  ...both("andn#", "w:r#, r:v#, r:rm#", "VEX 0F38 F2 /r", WRITES_FLAGS, BMI1),
  ...both("blsr#", "w:v#, r:rm#", "VEX 0F38 F3 /1", WRITES_FLAGS, BMI1),
  ...both("blsmsk#", "w:v#, r:rm#", "VEX 0F38 F3 /2", WRITES_FLAGS, BMI1),
  ...both("blsi#", "w:v#, r:rm#", "VEX 0F38 F3 /3", WRITES_FLAGS, BMI1),
  ...both("bextr#", "w:r#, r:rm#, r:v#", "VEX 0F38 F7 /r", WRITES_FLAGS, BMI1),
  ...both("bzhi#", "w:r#, r:rm#, r:v#", "VEX 0F38 F5 /r", WRITES_FLAGS, BMI2),
  ...both("shlx#", "w:r#, r:rm#, r:v#", "VEX 66 0F38 F7 /r", 0, BMI2),
  ...both("sarx#", "w:r#, r:rm#, r:v#", "VEX F3 0F38 F7 /r", 0, BMI2),
  ...both("shrx#", "w:r#, r:rm#, r:v#", "VEX F2 0F38 F7 /r", 0, BMI2),
  ...both("rorx#_i", "w:r#, r:rm#", "VEX F2 0F3A F0 /r ib", 0, BMI2),
  /** High word, low word = rdx × operand. */
  ...both("mulx#", "w:r#, w:v#, r:r#@rdx, r:rm#", "VEX F2 0F38 F6 /r", 0, BMI2),

  // --- floats -----------------------------------------------------------------------------------------------
  ...i("movaps", "w:f128, r:fm128", "0F 28 /r", COPIES),
  ...i("movaps_mr", "w:m128, r:f128", "0F 29 /r"),
  ...i("movups_m", "w:f128, r:m128", "0F 10 /r"),
  ...i("movups_mr", "w:m128, r:f128", "0F 11 /r"),
  ...i("movss_m", "w:f32, r:m32", "F3 0F 10 /r"),
  ...i("movss_mr", "w:m32, r:f32", "F3 0F 11 /r"),
  ...i("movsd_m", "w:f64, r:m64", "F2 0F 10 /r"),
  ...i("movsd_mr", "w:m64, r:f64", "F2 0F 11 /r"),
  /** Between the classes: bits unchanged. */
  ...i("movd_fr", "w:f32, r:rm32", "66 0F 6E /r"),
  ...i("movq_fr", "w:f64, r:rm64", "66 W 0F 6E /r"),
  ...i("movd_rf", "w:rm32, r:f32", "66 0F 7E /r"),
  ...i("movq_rf", "w:rm64, r:f64", "66 W 0F 7E /r"),
  ...scalar("add", "58", "rw", COMMUTES),
  ...scalar("mul", "59", "rw", COMMUTES),
  ...scalar("sub", "5C", "rw"),
  ...scalar("min", "5D", "rw"),
  ...scalar("div", "5E", "rw"),
  ...scalar("max", "5F", "rw"),
  ...scalar("sqrt", "51", "w", MERGES),
  ...i("cmpss", "rw:f32, r:fm32", "F3 0F C2 /r ib"),
  ...i("cmpsd", "rw:f64, r:fm64", "F2 0F C2 /r ib"),
  ...i("roundss", "w:f32, r:fm32", "66 0F3A 0A /r ib", MERGES, SSE41),
  ...i("roundsd", "w:f64, r:fm64", "66 0F3A 0B /r ib", MERGES, SSE41),
  ...i("ucomiss", "r:f32, r:fm32", "0F 2E /r", WRITES_FLAGS),
  ...i("ucomisd", "r:f64, r:fm64", "66 0F 2E /r", WRITES_FLAGS),
  ...bitwise("and", "54", COMMUTES),
  ...bitwise("andn", "55"), // ~first & second
  ...bitwise("or", "56", COMMUTES),
  ...bitwise("xor", "57", COMMUTES),
  ...i("movmskps", "w:r32, r:fn128", "0F 50 /r"),
  ...i("movmskpd", "w:r32, r:fn128", "66 0F 50 /r"),
  ...both("cvtsi2ss_#", "w:f32, r:rm#", "F3 0F 2A /r", MERGES),
  ...both("cvtsi2sd_#", "w:f64, r:rm#", "F2 0F 2A /r", MERGES),
  ...both("cvttss2si_#", "w:r#, r:fm32", "F3 0F 2C /r"),
  ...both("cvttsd2si_#", "w:r#, r:fm64", "F2 0F 2C /r"),
  ...i("cvtss2sd", "w:f64, r:fm32", "F3 0F 5A /r", MERGES),
  ...i("cvtsd2ss", "w:f32, r:fm64", "F2 0F 5A /r", MERGES),
];

const BY_NAME: ReadonlyMap<string, number> = new Map(ROWS.map((row, op) => [row.name, op]));

/** The number of the instruction `name`. */
export function instructionNamed(name: string): number {
  const op = BY_NAME.get(name);
  return op === undefined ? unreachable(`no instruction ${name}`) : op;
}
