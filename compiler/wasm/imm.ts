// The kinds of immediates an instruction can have: a closed set. Rows of instructions.ts name them; decoder,
// validator, text parser and printer switch on the constants.
//
//   name        in the binary format                                          in the text format, if different
//   blocktype   0x40, a value type, or a type index as positive s33           a type use without names
//   label func type table memory local global data elem tag field: u32        index or $id
//   labels      vector of u32
//   count       u32 (array.new_fixed)
//   i32 i64     signed LEB128
//   f32 f64     4 or 8 bytes
//   v128        16 bytes                                                      a shape and its lanes
//   memarg:N    u32 alignment (log2; bit 6: a memory index follows), offset   memory? offset=… align=…
//               as u64; N is the natural alignment in bytes
//   lane:N      one byte; N lanes exist
//   shuffle     16 bytes, lane indices below 32
//   heaptype    s33                                                           a reftype, but for ref.null
//   valtypes    vector of value types                                         (result …)*
//   castflags   one byte: bit 0 first, bit 1 second heap type is nullable     part of the reftypes
//   catches     vector of: kind byte, tag unless kind ≥ 2, label              (catch …)*

export const BLOCKTYPE = 0;
export const LABEL = 1;
export const LABELS = 2;
export const FUNC = 3;
export const TYPE = 4;
export const TABLE = 5;
export const MEMORY = 6;
export const LOCAL = 7;
export const GLOBAL = 8;
export const DATA = 9;
export const ELEM = 10;
export const TAG = 11;
export const FIELD = 12;
export const COUNT = 13;
export const I32 = 14;
export const I64 = 15;
export const F32 = 16;
export const F64 = 17;
export const V128 = 18;
export const MEMARG = 19;
export const LANE = 20;
export const SHUFFLE = 21;
export const HEAPTYPE = 22;
export const VALTYPES = 23;
export const CASTFLAGS = 24;
export const CATCHES = 25;

/** In the order of the constants. */
const NAMES: readonly string[] = [
  "blocktype",
  "label",
  "labels",
  "func",
  "type",
  "table",
  "memory",
  "local",
  "global",
  "data",
  "elem",
  "tag",
  "field",
  "count",
  "i32",
  "i64",
  "f32",
  "f64",
  "v128",
  "memarg",
  "lane",
  "shuffle",
  "heaptype",
  "valtypes",
  "castflags",
  "catches",
];

/** Kinds of catch clauses (spec 5.4.1). */
export const CATCH = 0;
export const CATCH_REF = 1;
export const CATCH_ALL = 2;
export const CATCH_ALL_REF = 3;

/** Bit of a memarg's alignment field: the memory index follows. */
export const HAS_MEMORY = 64;

/** The kind of `memarg:4`, `label`, …; -1 when there is no such kind. */
export function kindNamed(immediate: string): number {
  return NAMES.indexOf(immediate.split(":")[0]);
}

/** The number behind the colon: natural alignment of a memarg, number of lanes; 0 without one. */
export function parameterOf(immediate: string): number {
  const colon = immediate.indexOf(":");
  return colon < 0 ? 0 : Number.parseInt(immediate.slice(colon + 1), 10) | 0;
}
