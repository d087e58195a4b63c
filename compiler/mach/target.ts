// What a target is to the machine-independent stages: selection asks it for rules and conventions, the register
// allocator for register sets, both for the constraints of its instructions. isa/<name>/target.ts makes one.

import type { Value } from "../ir/func.ts";
import { F32, F64, I32, I64 } from "../ir/ops.ts";
import type { Signature } from "../ir/program.ts";
import { ANYWHERE, DEF, FLOAT, fixed, IN_REGISTER, OVERLAPS, type RegisterSet, reuses, USE } from "./code.ts";
import type { Expansion } from "./emit.ts";
import type { Image, RelocationRow } from "./image.ts";
import type { PcTable } from "./pctable.ts";
import { classOf, type RegisterInfo, slotSizeOf } from "./registers.ts";
import type { Selection } from "./select.ts";
import type { TextRules } from "./text.ts";

// --- instructions -----------------------------------------------------------------------------------------

/** What constraints need to know of an operand in an instruction's row; `access` has bits READ and WRITE. */
export interface OperandRow {
  readonly access: number;
  /** Part of a memory operand: a place where base and index are USEs. */
  readonly memory: boolean;
  readonly spillable: boolean;
  /** Its only register, or -1. */
  readonly fixed: number;
  readonly float: boolean;
  /** In bits. */
  readonly width: number;
  /** What a general register that is written holds above the width: KEEPS, ZEROS or SIGNS. */
  readonly above: number;
}

/** Whatever was there; zeros; copies of the sign. */
export const KEEPS = 0;
export const ZEROS = 1;
export const SIGNS = 2;

// What the check of addresses (verify.ts) may know of an instruction's first result, besides what lies above its width.
export const ANY = 0;
/** A number of 8, or 16 bits, with zeros above. */
export const BITS8 = 1;
export const BITS16 = 2;
/** Of the bits of the immediate no others. */
export const MASKED = 3;
/** The number, shifted right by the immediate, zeros from above. */
export const SHIFTED = 4;
/** The immediate, of two words. */
export const IMMEDIATE = 5;
/** The 64-bit sum of the first two registers that are read. */
export const SUM = 6;
/** The same with the low half of the second one, zero-extended and then shifted left by the immediate. */
export const SUM_EXTENDED = 7;
/** The sum of the first register and the immediate, which is not negative. */
export const SUM_IMMEDIATE = 8;

export const READ = 1;
export const WRITE = 2;

export class Constraints {
  /** Of the DEFs, then of the USEs, without base and index of an address. */
  readonly list: readonly number[];
  /** The type (ir/ops.ts) that stands for class and width of each. */
  readonly types: readonly number[];
  /** What each DEF leaves above its width. */
  readonly above: readonly number[];
  readonly defs: number;
  /** How many operands stand before base and index; -1: no memory operand. */
  readonly memoryAt: number;

  constructor(
    list: readonly number[],
    types: readonly number[],
    above: readonly number[],
    defs: number,
    memoryAt: number,
  ) {
    this.list = list;
    this.types = types;
    this.above = above;
    this.defs = defs;
    this.memoryAt = memoryAt;
  }
}

/**
 * The constraints of a row's operands in the order they have in Code: a DEF for each register that is written, in
 * the row's order; then, again in its order, a USE for each register that is read and base and index of the memory
 * operand. What is read and written is both, the DEF reusing the USE unless the register is fixed anyway.
 * Only what is just read may lie in a slot: an i32 written to one would leave the upper half as it was.
 * `early`: the instruction stands for several, so that its DEFs may not share with its USEs.
 */
export function constraintsOf(operands: readonly OperandRow[], early: boolean): Constraints {
  const written = operands.filter((o) => !o.memory && (o.access & WRITE) !== 0);
  const read = operands.filter((o) => o.memory || (o.access & READ) !== 0);
  const address = read.findIndex((o) => o.memory);
  const list: number[] = [];
  for (const o of written) {
    const both = (o.access & READ) !== 0;
    if (o.fixed >= 0) list.push(fixed(DEF, o.fixed));
    else if (both) list.push(reuses(written.length + read.filter((p) => !p.memory).indexOf(o)));
    else list.push(DEF | (early ? OVERLAPS : 0) | IN_REGISTER);
  }
  for (const o of read) {
    if (o.memory) continue;
    const anywhere = o.spillable && (o.access & WRITE) === 0;
    list.push(o.fixed >= 0 ? fixed(USE, o.fixed) : USE | (anywhere ? ANYWHERE : IN_REGISTER));
  }
  const types = [...written, ...read.filter((o) => !o.memory)].map((o) => typeOf(o.float, o.width));
  const above = written.map((o) => o.above);
  return new Constraints(list, types, above, written.length, address < 0 ? -1 : written.length + address);
}

/** The type of a register that an operand of that class and width fills; wide float operands hold an f64. */
export function typeOf(float: boolean, width: number): number {
  if (float) return width === 32 ? F32 : F64;
  return width === 64 ? I64 : I32;
}

/** The instructions of a target as columns, indexed by instruction number. */
export class InstructionTable {
  readonly names: readonly string[];
  /** Where the constraints of an instruction start in `constraint`; one more entry than instructions. */
  readonly start: Int32Array;
  readonly constraint: Int32Array;
  readonly defs: Uint8Array;
  readonly memoryAt: Int8Array;
  /** The instruction that has memory where this one has its `rm` register, or -1. */
  readonly memoryForm: Int16Array;
  /** What an instruction needs of the CPU: bits of the target's features. */
  readonly features: Uint8Array;
  /** Beside `constraint`: types of the operands (see `typeOf`); of DEFs, what they leave above their widths. */
  readonly type: Uint8Array;
  readonly above: Uint8Array;
  /** What is known of the first result: ANY, BITS8 … */
  readonly result: Uint8Array;

  constructor(
    names: readonly string[],
    constraints: readonly Constraints[],
    memoryForm: Int16Array,
    features: Uint8Array,
    result: Uint8Array,
  ) {
    this.names = names;
    this.start = new Int32Array(constraints.length + 1);
    constraints.forEach((c, op) => {
      this.start[op + 1] = this.start[op] + c.list.length;
    });
    this.constraint = Int32Array.from(constraints.flatMap((c) => c.list));
    this.type = Uint8Array.from(constraints.flatMap((c) => c.types));
    this.defs = Uint8Array.from(constraints, (c) => c.defs);
    this.memoryAt = Int8Array.from(constraints, (c) => c.memoryAt);
    this.above = Uint8Array.from(
      constraints.flatMap((c) => c.list.map((_, k) => (k < c.defs ? c.above[k] : KEEPS))),
    );
    this.result = result;
    this.memoryForm = memoryForm;
    this.features = features;
  }
}

// --- for the generator of rules ------------------------------------------------------------------------------

/** What a rule has to give for a register or memory operand. */
export interface OperandShape {
  readonly memory: boolean;
  /** A register that is only read, and has a memory form. */
  readonly either: boolean;
  readonly float: boolean;
  readonly width: number;
}

/** What a rule may say of an instruction. */
export interface InstructionShape {
  readonly reads: readonly OperandShape[];
  /** Types of what it defines. */
  readonly defs: readonly number[];
  readonly immediate: boolean;
  readonly condition: boolean;
}

// --- registers and conventions ----------------------------------------------------------------------------

/** A calling convention, as data. */
export class Convention {
  readonly generalParams: readonly number[];
  readonly floatParams: readonly number[];
  readonly generalResults: readonly number[];
  readonly floatResults: readonly number[];
  /** What a call destroys. */
  readonly clobbers: RegisterSet;
  /** What a function of this convention must restore. */
  readonly saved: RegisterSet;
  readonly calleePops: boolean;
  /** True: an i32 arrives as the target keeps it in a register. */
  readonly canonical: boolean;

  constructor(
    generalParams: readonly number[],
    floatParams: readonly number[],
    generalResults: readonly number[],
    floatResults: readonly number[],
    clobbers: RegisterSet,
    saved: RegisterSet,
    calleePops: boolean,
    canonical: boolean,
  ) {
    this.generalParams = generalParams;
    this.floatParams = floatParams;
    this.generalResults = generalResults;
    this.floatResults = floatResults;
    this.clobbers = clobbers;
    this.saved = saved;
    this.calleePops = calleePops;
    this.canonical = canonical;
  }
}

/** Where parameters and results of one signature travel: a register, or MEMORY_PLACE - byte offset. */
export class CallLayout {
  readonly convention: Convention;
  readonly params: Int32Array;
  readonly results: Int32Array;
  /** Bytes of parameters on the stack, a multiple of 16 so that frames stay aligned. */
  readonly stackBytes: number;
  /** Bytes of the buffer for results that have no register; its address is the hidden first parameter. */
  readonly resultBytes: number;

  constructor(
    convention: Convention,
    params: Int32Array,
    results: Int32Array,
    stackBytes: number,
    resultBytes: number,
  ) {
    this.convention = convention;
    this.params = params;
    this.results = results;
    this.stackBytes = stackBytes;
    this.resultBytes = resultBytes;
  }

  /** The register of the hidden parameter; only where `resultBytes` > 0. */
  get hidden(): number {
    return this.convention.generalParams[0];
  }
}

/** Places below 0: in memory, at byte MEMORY_PLACE - place. */
export const MEMORY_PLACE = -1;

/** Puts each type in the next free register of its class, or in memory, 8 bytes each (16 for v128). */
function assign(
  types: readonly number[],
  general: readonly number[],
  float: readonly number[],
  firstGeneral: number,
  places: Int32Array,
): number {
  let g = firstGeneral;
  let f = 0;
  let bytes = 0;
  types.forEach((type, i) => {
    const isFloat = classOf(type) === FLOAT;
    const list = isFloat ? float : general;
    const used = isFloat ? f++ : g++;
    if (used < list.length) {
      places[i] = list[used];
      return;
    }
    const size = slotSizeOf(type);
    bytes = (bytes + size - 1) & -size;
    places[i] = MEMORY_PLACE - bytes;
    bytes += size;
  });
  return bytes;
}

/** How a signature's parameters and results travel in a convention. */
export function layoutOf(signature: Signature, convention: Convention): CallLayout {
  const results = new Int32Array(signature.results.length);
  const resultBytes = assign(
    signature.results,
    convention.generalResults,
    convention.floatResults,
    0,
    results,
  );
  const params = new Int32Array(signature.params.length);
  const stackBytes = assign(
    signature.params,
    convention.generalParams,
    convention.floatParams,
    resultBytes > 0 ? 1 : 0,
    params,
  );
  return new CallLayout(convention, params, results, (stackBytes + 15) & ~15, resultBytes);
}

// --- numbers -----------------------------------------------------------------------------------------------

/** Instructions that a CPU may lack. Code for the plain machine needs none of these. */
export class Feature {
  /** As options have it (python/wasmpy/_target.py); as the manual has it. */
  readonly name: string;
  readonly title: string;
  readonly bit: number;
  /** The lowest level of the machine's ABI that has it. */
  readonly level: number;
  /** Where the CPU says so, in its own numbers (python/cpu.ts): leaf of cpuid (subleaf 0), register, bit. */
  readonly leaf: number;
  readonly register: number;
  readonly shift: number;

  constructor(
    name: string,
    title: string,
    bit: number,
    level: number,
    leaf: number,
    register: number,
    shift: number,
  ) {
    this.name = name;
    this.title = title;
    this.bit = bit;
    this.level = level;
    this.leaf = leaf;
    this.register = register;
    this.shift = shift;
  }
}

/** The numbers of a machine's psABI: what files and debuggers call it and its relocations. */
export class Psabi {
  /** e_machine and e_flags of ELF. */
  readonly machine: number;
  readonly flags: number;
  /** Alignment of segments. */
  readonly pageSize: number;
  /** What the loader does: relocate an address, store that of a symbol in the GOT, or anywhere. */
  readonly relRelative: number;
  readonly relGlobDat: number;
  readonly relAbs64: number;
  /** DWARF's numbers of the general registers, of the stack pointer and of the return address. */
  readonly registers: readonly number[];
  readonly stackPointer: number;
  readonly returnAddress: number;
  /** Bytes that a call pushes: the return address; 0 where it is in a register. */
  readonly pushed: number;
  /** The kinds of relocations in code, from REL_OF_MACHINE on. */
  readonly relocations: readonly RelocationRow[];

  constructor(
    machine: number,
    flags: number,
    pageSize: number,
    relRelative: number,
    relGlobDat: number,
    relAbs64: number,
    registers: readonly number[],
    stackPointer: number,
    returnAddress: number,
    pushed: number,
    relocations: readonly RelocationRow[],
  ) {
    this.machine = machine;
    this.flags = flags;
    this.pageSize = pageSize;
    this.relRelative = relRelative;
    this.relGlobDat = relGlobDat;
    this.relAbs64 = relAbs64;
    this.registers = registers;
    this.stackPointer = stackPointer;
    this.returnAddress = returnAddress;
    this.pushed = pushed;
    this.relocations = relocations;
  }
}

// --- the target -------------------------------------------------------------------------------------------

/** The instructions that stages before emission use without rules, by number. */
export class Moves {
  /** Loads and stores of a register of each type, as ir/ops.ts numbers them. */
  private readonly loads: readonly number[];
  private readonly stores: readonly number[];
  /** Makes of a general register whose low half is an i32 one as the target keeps it. */
  readonly canonical: number;
  /** The address of a memory operand. */
  readonly address: number;
  /** Whether a call may take the address of the callee from memory. */
  readonly callsMemory: boolean;

  constructor(
    loads: readonly number[],
    stores: readonly number[],
    canonical: number,
    address: number,
    callsMemory: boolean,
  ) {
    this.loads = loads;
    this.stores = stores;
    this.canonical = canonical;
    this.address = address;
    this.callsMemory = callsMemory;
  }

  loadOf(type: number): number {
    return this.loads[type];
  }

  storeOf(type: number): number {
    return this.stores[type];
  }
}

/** Prints code that was emitted. */
export interface Lister {
  /** The function defined last, `symbol`. */
  last(image: Image, pcs: PcTable, symbol: number): string;
}

/** A machine as the stages before and behind it see it. */
export interface Target {
  readonly name: string;
  readonly psabi: Psabi;
  readonly text: TextRules;
  /** Features beyond the baseline, as the target numbers their bits. */
  readonly features: number;
  readonly instructions: InstructionTable;
  /** Both indexed by CONV_… of ir/program.ts. */
  readonly conventions: readonly Convention[];
  readonly registers: readonly RegisterInfo[];
  readonly moves: Moves;
  /** All registers that may be allocated: what an exceptional return destroys. */
  readonly everything: RegisterSet;
  /** What a function need not keep that changes the instance, or catches: pinned registers. */
  readonly pinned: RegisterSet;
  /** Emits the instructions of `v` through the selection; false where no rule matches. */
  lower(s: Selection, v: Value): boolean;
  /** Stages the address of the load or store `access`. */
  address(s: Selection, access: Value): void;
  /**
   * Emits instructions that set the flags for the i32 `v` as a truth value, or stages what is to be compared; yields the
   * condition.
   */
  flags(s: Selection, v: Value): number;
  /** The same for the low half of a register being 0. */
  isZero(s: Selection, register: number): number;
  /** The value that the register of `v` holds anyway, or -1. */
  through(s: Selection, v: Value): Value;
  /** A register that holds the constant (or other cheap, pure) value, made just here; -1: is not one. */
  constant(s: Selection, v: Value): number;
  /** The physical register that holds the base of memory 0. */
  readonly memoryBase: number;
  /** What lies above an i32 in a register: ZEROS or SIGNS. */
  readonly i32: number;
  /** For code of the image: what writes it, and what prints it. */
  expansion(image: Image): Expansion;
  lister(): Lister;
}
