// The table of IR operations: nothing else lists them. Printer, parser, verifier, builder, passes and the rule
// generator read it; `npm run gen` derives the constants of gen/ir-ops.ts from the order of rows.
//
// A row:  op(name, operand types, result types, flags)
//   operand types  space-separated; "*" alone: any number of operands (calls, returns). What is more than three is kept
//                  in the pool
//   result types   "" none; "*": whatever the `type` column says (parameters, projections, calls). The value of an
//                  operation is the first; a `proj` that follows it is each of the others
// Operations named as a wasm instruction mean what the instruction means, except that
//   loads and stores take an address of type ptr and an offset,
//   divisions and truncations do not trap: lower/numbers.ts guards them with trap_if.

export const VOID = 0;
export const I32 = 1;
export const I64 = 2;
export const F32 = 3;
export const F64 = 4;
export const V128 = 5;
/** A machine address; as wide as the target's registers. */
export const PTR = 6;
/** A wasm reference: a PyObject* or null for externref, a function record or null for funcref. */
export const REF = 7;
export const TYPE_NAMES: readonly string[] = ["", "i32", "i64", "f32", "f64", "v128", "ptr", "ref"];
/** By type: bytes of a value in memory, where pointers and references count as 8. */
export const TYPE_SIZE: Uint8Array = Uint8Array.of(0, 4, 8, 4, 8, 16, 8, 8);
/** In a table row: any type. */
export const ANY = 8;

/** No effect, depends on its operands only: may be removed, merged and moved. */
export const PURE = 1;
export const COMMUTATIVE = 2;
/** With PURE: must not run where it did not run before (its guard would be skipped); merging is fine. */
export const GUARDED = 4;
/** Reads or writes the region named by `aux`. */
export const READS = 8;
export const WRITES = 16;
/** May end in a trap, and so may not be removed, or moved over effects. */
export const TRAPS = 32;
/** Reads and writes every region but those of stack slots whose address never left the function. */
export const CALL = 64;
export const TERMINATOR = 128;
/** Some other effect: keeps its place among effects. */
export const EFFECT = 256;
/** `imm` and `imm2` (low and high word) are an immediate: printed and compared. */
export const IMMEDIATE = 512;
/** `imm` is the first of `imm2` edges. */
export const EDGES = 1024;
/** With IMMEDIATE: `imm` is the place of four words in the function's `wide`. */
export const WIDE = 2048;

export class Op {
  readonly name: string;
  readonly operands: readonly number[];
  /** Any number of operands. */
  readonly variadic: boolean;
  /** The first of the results. */
  readonly result: number;
  /** All results that are the same for each such operation: `proj` has those from the second on. */
  readonly results: readonly number[];
  readonly flags: number;

  constructor(
    name: string,
    operands: readonly number[],
    variadic: boolean,
    results: readonly number[],
    flags: number,
  ) {
    this.name = name;
    this.operands = operands;
    this.variadic = variadic;
    this.result = results.length === 0 ? VOID : results[0];
    this.results = results;
    this.flags = flags;
  }
}

function typeNamed(name: string): number {
  return name === "*" || name === "any" ? ANY : TYPE_NAMES.indexOf(name);
}

function typesNamed(names: string): number[] {
  return names === "" ? [] : names.split(" ").map(typeNamed);
}

function op(name: string, operands: string, results: string, flags: number): Op {
  const isVariadic = operands === "*";
  return new Op(name, isVariadic ? [] : typesNamed(operands), isVariadic, typesNamed(results), flags);
}

function integer(t: string): Op[] {
  const binary = (name: string, flags: number) => op(`${t}.${name}`, `${t} ${t}`, t, PURE | flags);
  const unary = (name: string) => op(`${t}.${name}`, t, t, PURE);
  const compare = (name: string, flags: number) => op(`${t}.${name}`, `${t} ${t}`, "i32", PURE | flags);
  return [
    op(`${t}.const`, "", t, PURE | IMMEDIATE),
    binary("add", COMMUTATIVE),
    binary("sub", 0),
    binary("mul", COMMUTATIVE),
    binary("div_s", GUARDED),
    binary("div_u", GUARDED),
    binary("rem_s", GUARDED),
    binary("rem_u", GUARDED),
    binary("and", COMMUTATIVE),
    binary("or", COMMUTATIVE),
    binary("xor", COMMUTATIVE),
    binary("shl", 0),
    binary("shr_s", 0),
    binary("shr_u", 0),
    binary("rotl", 0),
    binary("rotr", 0),
    unary("clz"),
    unary("ctz"),
    unary("popcnt"),
    unary("extend8_s"),
    unary("extend16_s"),
    op(`${t}.eqz`, t, "i32", PURE),
    compare("eq", COMMUTATIVE),
    compare("ne", COMMUTATIVE),
    compare("lt_s", 0),
    compare("lt_u", 0),
    compare("gt_s", 0),
    compare("gt_u", 0),
    compare("le_s", 0),
    compare("le_u", 0),
    compare("ge_s", 0),
    compare("ge_u", 0),
  ];
}

function float(t: string): Op[] {
  const binary = (name: string, flags: number) => op(`${t}.${name}`, `${t} ${t}`, t, PURE | flags);
  const unary = (name: string) => op(`${t}.${name}`, t, t, PURE);
  const compare = (name: string, flags: number) => op(`${t}.${name}`, `${t} ${t}`, "i32", PURE | flags);
  return [
    op(`${t}.const`, "", t, PURE | IMMEDIATE), // the bits in imm (and imm2)
    binary("add", COMMUTATIVE),
    binary("sub", 0),
    binary("mul", COMMUTATIVE),
    binary("div", 0),
    binary("min", COMMUTATIVE),
    binary("max", COMMUTATIVE),
    binary("copysign", 0),
    unary("abs"),
    unary("neg"),
    unary("ceil"),
    unary("floor"),
    unary("trunc"),
    unary("nearest"),
    unary("sqrt"),
    compare("eq", COMMUTATIVE),
    compare("ne", COMMUTATIVE),
    compare("lt", 0),
    compare("gt", 0),
    compare("le", 0),
    compare("ge", 0),
  ];
}

function convert(to: string, name: string, from: string): Op {
  return op(`${to}.${name}`, from, to, PURE);
}

function memory(t: string): Op[] {
  return [
    op(`${t}.load`, "ptr", t, READS | IMMEDIATE),
    op(`${t}.store`, `ptr ${t}`, "", WRITES | IMMEDIATE),
    op(`${t}.select`, `i32 ${t} ${t}`, t, PURE), // condition, value if non-zero, value if zero
  ];
}

export const OPS: readonly Op[] = [
  op("nop", "", "", 0),
  /** A value that was replaced by its operand; passes resolve it and dead code removal drops it. */
  op("copy", "any", "*", PURE),
  /** Block parameter; `aux` = its block. Not in the block's list of instructions. */
  op("param", "", "*", 0),
  /**
   * Result number `imm` ≥ 1 of what has several (result 0 is the operation itself). Follows the operation; that of an
   * invoke begins its normal successor.
   */
  op("proj", "any", "*", IMMEDIATE),
  ...integer("i32"),
  /** A shift left of which it is known that no set bit is lost: as a 64-bit shift would do. */
  op("i32.shl_nuw", "i32 i32", "i32", PURE),
  ...integer("i64"),
  op("i64.extend32_s", "i64", "i64", PURE),
  /** The upper half of the product of 128 bits. */
  op("i64.mulhi_s", "i64 i64", "i64", PURE | COMMUTATIVE),
  op("i64.mulhi_u", "i64 i64", "i64", PURE | COMMUTATIVE),
  ...float("f32"),
  ...float("f64"),
  op("v128.const", "", "v128", PURE | IMMEDIATE | WIDE),
  convert("i32", "wrap_i64", "i64"),
  convert("i64", "extend_i32_s", "i32"),
  convert("i64", "extend_i32_u", "i32"),
  convert("i32", "trunc_f32_s", "f32"),
  convert("i32", "trunc_f32_u", "f32"),
  convert("i32", "trunc_f64_s", "f64"),
  convert("i32", "trunc_f64_u", "f64"),
  convert("i64", "trunc_f32_s", "f32"),
  convert("i64", "trunc_f32_u", "f32"),
  convert("i64", "trunc_f64_s", "f64"),
  convert("i64", "trunc_f64_u", "f64"),
  convert("i32", "trunc_sat_f32_s", "f32"),
  convert("i32", "trunc_sat_f32_u", "f32"),
  convert("i32", "trunc_sat_f64_s", "f64"),
  convert("i32", "trunc_sat_f64_u", "f64"),
  convert("i64", "trunc_sat_f32_s", "f32"),
  convert("i64", "trunc_sat_f32_u", "f32"),
  convert("i64", "trunc_sat_f64_s", "f64"),
  convert("i64", "trunc_sat_f64_u", "f64"),
  convert("f32", "convert_i32_s", "i32"),
  convert("f32", "convert_i32_u", "i32"),
  convert("f32", "convert_i64_s", "i64"),
  convert("f32", "convert_i64_u", "i64"),
  convert("f64", "convert_i32_s", "i32"),
  convert("f64", "convert_i32_u", "i32"),
  convert("f64", "convert_i64_s", "i64"),
  convert("f64", "convert_i64_u", "i64"),
  convert("f32", "demote_f64", "f64"),
  convert("f64", "promote_f32", "f32"),
  convert("i32", "reinterpret_f32", "f32"),
  convert("i64", "reinterpret_f64", "f64"),
  convert("f32", "reinterpret_i32", "i32"),
  convert("f64", "reinterpret_i64", "i64"),
  // addresses
  op("ptr.const", "", "ptr", PURE | IMMEDIATE),
  op("ptr.add", "ptr i64", "ptr", PURE),
  op("ptr.sub", "ptr ptr", "i64", PURE),
  op("ptr.eq", "ptr ptr", "i32", PURE | COMMUTATIVE),
  op("ptr.ne", "ptr ptr", "i32", PURE | COMMUTATIVE),
  op("ptr.lt_u", "ptr ptr", "i32", PURE),
  op("ptr.eqz", "ptr", "i32", PURE),
  convert("ptr", "from_i64", "i64"),
  convert("i64", "from_ptr", "ptr"),
  convert("ptr", "from_ref", "ref"),
  convert("ref", "from_ptr", "ptr"),
  op("ref.null", "", "ref", PURE),
  op("ref.is_null", "ref", "i32", PURE),
  /** The address of the symbol `imm`. */
  op("symbol", "", "ptr", PURE | IMMEDIATE),
  /** The address of the function's stack slot `imm`. */
  op("slot", "", "ptr", PURE | IMMEDIATE),
  /** The stack pointer of this function's body. */
  op("sp", "", "ptr", PURE),
  /** The address that this function returns to. */
  op("return_address", "", "ptr", PURE),
  /** The stack pointer of the caller's body, as it was before the call: just above the return address. */
  op("caller_sp", "", "ptr", PURE),
  /** The code address of block `imm`, the exceptional successor of the invoke that ends the same block. */
  op("code_addr", "", "ptr", EFFECT | IMMEDIATE),
  /** The instance: the pinned register. Changes only at set_vmctx, which is a barrier. */
  op("vmctx", "", "ptr", READS),
  /** Makes another instance current: the pinned register, and what the target derives from it. */
  op("set_vmctx", "ptr", "", EFFECT),
  /**
   * The address at which an access of `aux`'s size to memory `aux` at index + `imm:imm2` may be made. With a
   * guarded memory the access itself traps; with a checked one this does. Yields base + index: the access adds
   * the offset.
   */
  op("bounds_check32", "i32", "ptr", PURE | GUARDED | TRAPS | IMMEDIATE),
  /**
   * The same of a memory that is not guarded, by its record and the index, i32 or i64: traps unless index + `imm:imm2`,
   * the access's end, is in bounds, and yields base + index. Made by lower/, expanded by opt/checks.ts.
   */
  op("bounds_check", "ptr any", "ptr", TRAPS | EFFECT | IMMEDIATE),
  /**
   * x86's cpuid: for a leaf and a subleaf, one of the four words (eax, ebx, ecx, edx) that tell what the CPU is. The
   * target's own: nothing but isa/x64 and what it needs of the machine knows it.
   */
  ...["a", "b", "c", "d"].map((register) => op(`i32.cpuid_${register}`, "i32 i32", "i32", EFFECT)),
  // memory
  ...memory("i32"),
  ...memory("i64"),
  ...memory("f32"),
  ...memory("f64"),
  ...memory("ptr"),
  ...memory("ref"),
  ...memory("v128"),
  op("i32.load8_s", "ptr", "i32", READS | IMMEDIATE),
  op("i32.load8_u", "ptr", "i32", READS | IMMEDIATE),
  op("i32.load16_s", "ptr", "i32", READS | IMMEDIATE),
  op("i32.load16_u", "ptr", "i32", READS | IMMEDIATE),
  op("i64.load8_s", "ptr", "i64", READS | IMMEDIATE),
  op("i64.load8_u", "ptr", "i64", READS | IMMEDIATE),
  op("i64.load16_s", "ptr", "i64", READS | IMMEDIATE),
  op("i64.load16_u", "ptr", "i64", READS | IMMEDIATE),
  op("i64.load32_s", "ptr", "i64", READS | IMMEDIATE),
  op("i64.load32_u", "ptr", "i64", READS | IMMEDIATE),
  op("i32.store8", "ptr i32", "", WRITES | IMMEDIATE),
  op("i32.store16", "ptr i32", "", WRITES | IMMEDIATE),
  op("i64.store8", "ptr i64", "", WRITES | IMMEDIATE),
  op("i64.store16", "ptr i64", "", WRITES | IMMEDIATE),
  op("i64.store32", "ptr i64", "", WRITES | IMMEDIATE),
  // control
  /** Traps with code `imm` if the operand is not zero. */
  op("trap_if", "i32", "", TRAPS | IMMEDIATE),
  /** Loop back-edges: compares the stack pointer with the limit word at the operand (a context). */
  op("poll", "ptr", "", TRAPS | EFFECT),
  /** Call of the symbol in column `c` with signature `aux`. The type is that of the first result. */
  op("call", "*", "*", CALL | TRAPS | EFFECT),
  /** The same through an address, the first operand. */
  op("call_ptr", "*", "*", CALL | TRAPS | EFFECT),
  /** Calls that end their block. Edges: the normal successor, the exceptional one. */
  op("invoke", "*", "*", CALL | TRAPS | EFFECT | TERMINATOR | EDGES),
  op("invoke_ptr", "*", "*", CALL | TRAPS | EFFECT | TERMINATOR | EDGES),
  op("return_call", "*", "", CALL | TRAPS | EFFECT | TERMINATOR),
  op("return_call_ptr", "*", "", CALL | TRAPS | EFFECT | TERMINATOR),
  op("jump", "", "", TERMINATOR | EDGES),
  /** Edges: taken if the operand is not zero, else. */
  op("br_if", "i32", "", TERMINATOR | EDGES),
  /** Edges: one per index, the last is the default. */
  op("br_table", "i32", "", TERMINATOR | EDGES),
  op("return", "*", "", TERMINATOR),
  op("trap", "", "", TRAPS | TERMINATOR | IMMEDIATE),
  /** After a call that never returns. */
  op("unreachable", "", "", TERMINATOR),
  /**
   * Leaves this frame and every frame below the one whose stack pointer is the first operand, and goes on at
   * the code address that is the second: the end of every trap.
   */
  op("resume", "ptr ptr", "", EFFECT | TERMINATOR),
];

const BY_NAME: ReadonlyMap<string, number> = new Map(OPS.map((row, code) => [row.name, code]));

/** The code of the operation `name`, or -1. */
export function opNamed(name: string): number {
  return BY_NAME.get(name) ?? -1;
}

export const FLAGS: Uint16Array = Uint16Array.from(OPS, (row) => row.flags);
export const RESULT: Uint8Array = Uint8Array.from(OPS, (row) => Math.max(row.result, 0));
/** Number of inline operands, or VARIADIC: they are in the pool. */
export const VARIADIC = 255;
const MOST_INLINE = 3;
export const ARITY: Uint8Array = Uint8Array.from(OPS, (row) =>
  row.variadic || row.operands.length > MOST_INLINE ? VARIADIC : row.operands.length,
);

/** Bytes that a load, a store or what does both accesses; 0 for everything else. */
export const ACCESS_SIZE: Uint8Array = Uint8Array.from(OPS, accessSize);

/** Of `i32.load8_s`, `v128.load8x8_u`, `i64.atomic.rmw16.cmpxchg_u`. */
function accessSize(row: Op): number {
  const words = row.name.split(".");
  const action = words[words[1] === "atomic" ? 2 : 1] ?? "";
  for (const kind of ["load", "store", "rmw"]) {
    if (!action.startsWith(kind)) continue;
    const width = action.slice(kind.length);
    if (width === "") return TYPE_SIZE[kind === "store" ? row.operands[1] : row.result];
    return width.indexOf("x") > 0 ? 8 : (Number.parseInt(width, 10) | 0) >> 3;
  }
  return 0;
}

/** By type: its operation of that name, or -1. */
function ofTypes(action: string): Int16Array {
  return Int16Array.from(TYPE_NAMES, (type) => opNamed(`${type}.${action}`));
}

export const LOAD_OF: Int16Array = ofTypes("load");
export const STORE_OF: Int16Array = ofTypes("store");
export const SELECT_OF: Int16Array = ofTypes("select");
/** References have but one constant. */
export const CONST_OF: Int16Array = ofTypes("const").with(REF, opNamed("ref.null"));
