// The table of what published proposals add to WebAssembly 3.0 and this compiler cannot compile yet: nothing else
// lists it. Where decoder or text parser meet something that the language has no meaning for they call `refuse`: what
// stands here is UNSUPPORTED and named, anything else is malformed under every proposal and remains so. Codes and
// words are those of the proposals' documents; of drafts that gave one code to two things both are named.
//
// A row:  row(place, code, names, proposal)
//   place     where it may stand: one of the constants below
//   code      what the binary format has there: an opcode as in instructions.ts, an id, a byte, a flag's bit; the codes
//             of several names follow each other; TEXT where there is none
//   names     space-separated; in the text format the words themselves; "-" for a code that is free
// When a proposal is implemented its rows move to the tables of the language.

import type { ErrorText } from "../base/errors.ts";
import { fail } from "../base/fail.ts";
import { type Features, has, PROPOSALS } from "./features.ts";

export const INSTRUCTION = 0; // an opcode; a keyword where an instruction may begin
export const LAYER = 1; // the second word of a file
export const SECTION = 2; // the id of a section
export const DEFINITION = 3; // the form of a type definition
export const HEAP = 4; // the code of a heap type or of the reference to it
export const IMPORT_KIND = 5;
export const GROUPED_IMPORT = 6; // the kind of an import with an empty name
export const MEMORY_LIMITS = 7; // a flag
export const TABLE_LIMITS = 8; // a flag
export const MUTABILITY = 9; // a flag
export const ELEM_KIND = 10; // a flag of an element segment
export const DATA_KIND = 11; // a flag of a data segment
export const MEMARG = 12; // a flag of the alignment
export const FIELD = 13; // the keyword of a module's field, or of a file
export const NUMBERS = 14; // a keyword where strings of a data segment stand

export const TEXT = -1;

/** What the places are called in messages, by constant. */
const WHAT: readonly string[] = [
  "instruction",
  "binary layer",
  "section",
  "type",
  "type",
  "import",
  "import",
  "memory type",
  "table type",
  "global or field type",
  "element segment",
  "data segment",
  "memory access",
  "field",
  "data segment",
];

/** `names` are the words of the codes from `code` on. */
export class Row {
  readonly place: number;
  readonly code: number;
  readonly names: string;
  readonly proposal: string;

  constructor(place: number, code: number, names: string, proposal: string) {
    this.place = place;
    this.code = code;
    this.names = names;
    this.proposal = proposal;
  }
}

function row(place: number, code: number, names: string, proposal: string): Row {
  return new Row(place, code, names, proposal);
}

const FB = 0xfb << 24;
const FC = 0xfc << 24;
const FD = 0xfd << 24;
const FE = 0xfe << 24;

const LEGACY_EXCEPTIONS = "legacy exception handling";
const THREADS = "threads";
const SHARED = "shared-everything threads";
const RELEASE = "acquire-release atomics";
const WIDE = "wide arithmetic";
const STACKS = "stack switching";
const DESCRIPTORS = "custom descriptors";
const PAGES = "custom page sizes";
const IMPORTS = "compact import section";
const ARRAYS = "multibyte array access";
const FP16 = "half precision (FP16)";
const ROUNDING = "rounding variants";
const MEMORY = "memory control";
const STRINGS = "reference-typed strings";
const TYPE_IMPORTS = "type imports";
const COMPONENTS = "component model";
const WAT_NUMBERS = "numeric values in WAT data segments";

const RMW = "add sub and or xor xchg cmpxchg";

/** "i32.atomic.rmw.add i64.atomic.rmw.add i32.atomic.rmw8.add_u …", in the order of the codes. */
function rmw(): string {
  const names: string[] = [];
  for (const operation of RMW.split(" ")) {
    for (const width of ["i32 ", "i64 ", "i32 8", "i32 16", "i64 8", "i64 16", "i64 32"]) {
      const [type, bits] = width.split(" ");
      names.push(`${type}.atomic.rmw${bits}.${operation}${bits === "" ? "" : "_u"}`);
    }
  }
  return names.join(" ");
}

/** Read-modify-write instructions of things other than memories. */
function rmwOf(thing: string): string {
  return RMW.split(" ")
    .map((operation) => `${thing}.atomic.rmw.${operation}`)
    .join(" ");
}

/** The instructions that round in one direction, in the order of the codes. */
function rounded(direction: string): string {
  const arithmetic = "sqrt add sub mul div".split(" ");
  const sources = "f32_s f32_u f64_s f64_u".split(" ");
  const conversions =
    "f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64 " +
    "f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32";
  return [
    ...["f32", "f64"].flatMap((type) => arithmetic.map((name) => `${type}.${name}_${direction}`)),
    ...["i32", "i64"].flatMap((type) => sources.map((source) => `${type}.${direction}_${source}`)),
    ...conversions.split(" ").map((name) => `${name}_${direction}`),
  ].join(" ");
}

/** Of two rows with the same code or word the first is named first. */
export const ROWS: readonly Row[] = [
  row(INSTRUCTION, 0x06, "try catch - rethrow", LEGACY_EXCEPTIONS),
  row(INSTRUCTION, 0x18, "delegate catch_all", LEGACY_EXCEPTIONS),
  row(INSTRUCTION, TEXT, "do", LEGACY_EXCEPTIONS),

  row(
    INSTRUCTION,
    FE | 0x00,
    "memory.atomic.notify memory.atomic.wait32 memory.atomic.wait64 atomic.fence",
    THREADS,
  ),
  row(INSTRUCTION, FE | 0x04, "pause", RELEASE),
  row(
    INSTRUCTION,
    FE | 0x10,
    "i32.atomic.load i64.atomic.load i32.atomic.load8_u i32.atomic.load16_u i64.atomic.load8_u i64.atomic.load16_u " +
      "i64.atomic.load32_u i32.atomic.store i64.atomic.store i32.atomic.store8 i32.atomic.store16 i64.atomic.store8 " +
      "i64.atomic.store16 i64.atomic.store32",
    THREADS,
  ),
  row(INSTRUCTION, FE | 0x1e, rmw(), THREADS),
  row(INSTRUCTION, TEXT, "atomic.notify memory.atomic.load memory.atomic.store", THREADS),
  row(INSTRUCTION, TEXT, "i32.atomic.wait i64.atomic.wait", THREADS),
  row(MEMORY_LIMITS, 2, "shared", THREADS),

  row(INSTRUCTION, FE | 0x4f, `global.atomic.get global.atomic.set ${rmwOf("global")}`, SHARED),
  row(
    INSTRUCTION,
    FE | 0x58,
    "table.atomic.get table.atomic.set table.atomic.rmw.xchg table.atomic.rmw.cmpxchg",
    SHARED,
  ),
  row(
    INSTRUCTION,
    FE | 0x5c,
    `struct.atomic.get struct.atomic.get_s struct.atomic.get_u struct.atomic.set ${rmwOf("struct")}`,
    SHARED,
  ),
  row(
    INSTRUCTION,
    FE | 0x67,
    `array.atomic.get array.atomic.get_s array.atomic.get_u array.atomic.set ${rmwOf("array")}`,
    SHARED,
  ),
  row(INSTRUCTION, FE | 0x72, "ref.i31_shared", SHARED),
  row(INSTRUCTION, FB | 0x1f, "ref.i31_shared", SHARED),
  row(INSTRUCTION, TEXT, "waitqueue.new waitqueue.wait waitqueue.notify", SHARED),
  row(DEFINITION, 0x65, "shared", SHARED),
  row(HEAP, 0x65, "shared", SHARED),
  row(TABLE_LIMITS, 2, "shared", SHARED),
  row(MUTABILITY, 2, "shared", SHARED),
  row(ELEM_KIND, 8, "shared", SHARED),
  row(DATA_KIND, 8, "shared", SHARED),

  row(INSTRUCTION, FC | 0x13, "i64.add128 i64.sub128 i64.mul_wide_s i64.mul_wide_u", WIDE),

  row(INSTRUCTION, 0xe0, "cont.new cont.bind suspend resume resume_throw resume_throw_ref switch", STACKS),
  row(DEFINITION, 0x5d, "cont", STACKS),
  row(HEAP, 0x68, "cont", STACKS),
  row(HEAP, 0x75, "nocont", STACKS),
  row(HEAP, TEXT, "contref nullcontref", STACKS),
  row(HEAP, 0x68, "waitqueue", SHARED),
  row(HEAP, TEXT, "waitqueueref", SHARED),

  row(
    INSTRUCTION,
    FB | 32,
    "struct.new_desc struct.new_default_desc ref.get_desc ref.cast_desc_eq ref.cast_desc_eq br_on_cast_desc_eq " +
      "br_on_cast_desc_eq_fail",
    DESCRIPTORS,
  ),
  row(INSTRUCTION, TEXT, "ref.cast_desc br_on_cast_desc br_on_cast_desc_fail", DESCRIPTORS),
  row(DEFINITION, 0x4c, "describes descriptor", DESCRIPTORS),
  row(HEAP, 0x62, "exact", DESCRIPTORS),
  row(IMPORT_KIND, 0x20, "exact", DESCRIPTORS),

  row(MEMORY_LIMITS, 8, "pagesize", PAGES),

  row(GROUPED_IMPORT, 0x7e, "item item", IMPORTS),

  row(MEMARG, 32, "type", ARRAYS),

  row(INSTRUCTION, FC | 0x30, "f32.load_f16 f32.store_f16", FP16),
  row(INSTRUCTION, FD | 0x120, "f16x8.splat f16x8.extract_lane f16x8.replace_lane", FP16),
  row(
    INSTRUCTION,
    FD | 0x130,
    "f16x8.abs f16x8.neg f16x8.sqrt f16x8.ceil f16x8.floor f16x8.trunc f16x8.nearest f16x8.eq f16x8.ne f16x8.lt " +
      "f16x8.gt f16x8.le f16x8.ge f16x8.add f16x8.sub f16x8.mul f16x8.div f16x8.min f16x8.max f16x8.pmin f16x8.pmax " +
      "i16x8.trunc_sat_f16x8_s i16x8.trunc_sat_f16x8_u f16x8.convert_i16x8_s f16x8.convert_i16x8_u " +
      "f16x8.demote_f32x4_zero f16x8.demote_f64x2_zero f32x4.promote_f16x8_low i16x8.trunc_f16x8_s " +
      "i16x8.trunc_f16x8_u f16x8.madd f16x8.nmadd",
    FP16,
  ),

  row(INSTRUCTION, FC | 0x12, "memory.discard", MEMORY),

  row(
    INSTRUCTION,
    FC | 0x1c,
    "f32.binary_sign i32.trinary_sign_f32 f64.binary_sign i32.trinary_sign_f64",
    ROUNDING,
  ),
  row(INSTRUCTION, FC | 0x20, rounded("ceil"), ROUNDING),
  row(INSTRUCTION, FC | 0x40, rounded("floor"), ROUNDING),
  row(INSTRUCTION, FC | 0x60, rounded("trunc"), ROUNDING),

  row(
    INSTRUCTION,
    FB | 0x80,
    "string.new_utf8 string.new_wtf16 string.const string.measure_utf8 string.measure_wtf8 string.measure_wtf16 " +
      "string.encode_utf8 string.encode_wtf16 string.concat string.eq string.is_usv_sequence string.new_lossy_utf8 " +
      "string.new_wtf8 string.encode_lossy_utf8 string.encode_wtf8 - string.as_wtf8 stringview_wtf8.advance " +
      "stringview_wtf8.encode_utf8 stringview_wtf8.slice stringview_wtf8.encode_lossy_utf8 " +
      "stringview_wtf8.encode_wtf8 - - string.as_wtf16 stringview_wtf16.length stringview_wtf16.get_codeunit " +
      "stringview_wtf16.encode stringview_wtf16.slice - - - string.as_iter stringview_iter.next " +
      "stringview_iter.advance stringview_iter.rewind stringview_iter.slice - - - string.compare " +
      "string.from_code_point",
    STRINGS,
  ),
  row(
    INSTRUCTION,
    FB | 0xb0,
    "string.new_utf8_array string.new_wtf16_array string.encode_utf8_array string.encode_wtf16_array " +
      "string.new_lossy_utf8_array string.new_wtf8_array string.encode_lossy_utf8_array string.encode_wtf8_array",
    STRINGS,
  ),
  row(SECTION, 14, "strings", STRINGS),
  row(HEAP, 0x67, "string", STRINGS),
  row(HEAP, 0x66, "stringview_wtf8", STRINGS),
  row(HEAP, 0x61, "stringview_iter", STRINGS),
  row(HEAP, 0x60, "stringview_wtf16", STRINGS),
  row(HEAP, TEXT, "stringref", STRINGS),

  row(INSTRUCTION, TEXT, "private.new private.get", TYPE_IMPORTS),
  row(DEFINITION, TEXT, "private", TYPE_IMPORTS),
  row(IMPORT_KIND, TEXT, "type", TYPE_IMPORTS),

  row(LAYER, 0x1000d, "component", COMPONENTS),
  row(FIELD, TEXT, "component", COMPONENTS),

  row(NUMBERS, TEXT, "i8 i16 i32 i64 f32 f64 v128", WAT_NUMBERS),
];

/** `names` has the word, or has something at the place. */
function nameAt(names: string, index: number): string {
  const name = names.split(" ")[index];
  return name === undefined || name === "-" ? "" : name;
}

function described(place: number, name: string, proposal: string): string {
  return `${WHAT[place]} "${name}" of the proposal "${proposal}"`;
}

/** What stands for the code at the place, in words; "" where no proposal gives it a meaning. */
function ofCode(place: number, code: number): string {
  const found: string[] = [];
  for (const { place: at, code: first, names, proposal } of ROWS) {
    if (at !== place || first === TEXT) continue;
    const name = code < first ? "" : nameAt(names, code - first);
    if (name !== "") found.push(described(place, name, proposal));
  }
  return found.join(", or ");
}

export function isProposed(place: number, code: number): boolean {
  return ofCode(place, code) !== "";
}

/** The same for a word of the text format. */
export function proposalOfWord(place: number, word: string): string {
  const found: string[] = [];
  for (const { place: at, names, proposal } of ROWS) {
    if (at !== place || !names.split(" ").includes(word)) continue;
    const text = described(place, word, proposal);
    if (!found.includes(text)) found.push(text);
  }
  return found.join(", or ");
}

const COMPONENT_ADVICE =
  "this is a component: take the core module out of it (wasm-tools component unbundle), or build a core module " +
  "(for wasm32-unknown-unknown or wasm32-wasip1)";

/** Ends with what `ofCode` or `proposalOfWord` found, if it found something. */
export function refuseProposal(found: string, features: Features, at: number): void {
  if (found === "" || !has(features, PROPOSALS)) return;
  fail("not supported yet", at, found.includes(COMPONENTS) ? COMPONENT_ADVICE : found);
}

/** `code` has no meaning at the place: ends naming the proposal that gives it one, else with `text`. */
export function refuse(
  place: number,
  code: number,
  features: Features,
  text: ErrorText,
  at: number,
  detail = "",
): never {
  refuseProposal(ofCode(place, code), features, at);
  return fail(text, at, detail);
}
