// Every error the compiler can report, in the wording of the specification's test suite, with its kind.
// MALFORMED and INVALID become CompileError in Python, UNSUPPORTED UnsupportedError, LIMIT CompileError
// (with its own text), INTERNAL a RuntimeError that asks for a report.

export const MALFORMED = 0;
export const INVALID = 1;
export const UNSUPPORTED = 2;
export const LIMIT = 3;
export const INTERNAL = 4;

const TABLE = [
  // binary format
  ["unexpected end", MALFORMED],
  ["unexpected end of section or function", MALFORMED],
  ["length out of bounds", MALFORMED],
  ["magic header not detected", MALFORMED],
  ["unknown binary version", MALFORMED],
  ["integer representation too long", MALFORMED],
  ["integer too large", MALFORMED],
  ["malformed UTF-8 encoding", MALFORMED],
  ["malformed section id", MALFORMED],
  ["section size mismatch", MALFORMED],
  ["unexpected content after last section", MALFORMED],
  ["function and code section have inconsistent lengths", MALFORMED],
  ["data count and data section have inconsistent lengths", MALFORMED],
  ["data count section required", MALFORMED],
  ["malformed import kind", MALFORMED],
  ["malformed export kind", MALFORMED],
  ["malformed mutability", MALFORMED],
  ["malformed limits flags", MALFORMED],
  ["malformed value type", MALFORMED],
  ["malformed reference type", MALFORMED],
  ["malformed heap type", MALFORMED],
  ["malformed definition type", MALFORMED],
  ["malformed element segment kind", MALFORMED],
  ["malformed data segment kind", MALFORMED],
  ["malformed tag attribute", MALFORMED],
  ["malformed memop flags", MALFORMED],
  ["malformed cast flags", MALFORMED],
  ["malformed catch clause", MALFORMED],
  ["zero byte expected", MALFORMED],
  ["END opcode expected", MALFORMED],
  ["illegal opcode", MALFORMED],
  ["too many locals", MALFORMED],
  ["misplaced ELSE opcode", MALFORMED],
  // validation
  ["type mismatch", INVALID],
  ["unknown type", INVALID],
  ["unknown function", INVALID],
  ["unknown table", INVALID],
  ["unknown memory", INVALID],
  ["unknown global", INVALID],
  ["unknown tag", INVALID],
  ["unknown local", INVALID],
  ["unknown label", INVALID],
  ["unknown data segment", INVALID],
  ["unknown elem segment", INVALID],
  ["unknown field", INVALID],
  ["duplicate export name", INVALID],
  ["start function", INVALID],
  ["size minimum must not be greater than maximum", INVALID],
  ["memory size must be at most 65536 pages (4GiB)", INVALID],
  ["table size must be at most 2^32-1", INVALID],
  ["multiple memories", INVALID],
  ["multiple tables", INVALID],
  ["constant expression required", INVALID],
  ["undeclared function reference", INVALID],
  ["alignment must not be larger than natural", INVALID],
  ["immutable global", INVALID],
  ["immutable field", INVALID],
  ["immutable array", INVALID],
  ["invalid lane index", INVALID],
  ["invalid result arity", INVALID],
  ["non-empty tag result type", INVALID],
  ["offset out of range", INVALID],
  ["sub type", INVALID],
  ["uninitialized local", INVALID],
  ["array types do not match", INVALID],
  ["array type is not numeric or vector", INVALID],
  // limits of this implementation (wasm/limits.ts)
  ["name too long", LIMIT],
  ["module too large", LIMIT],
  ["too many types", LIMIT],
  ["too many functions", LIMIT],
  ["too many imports", LIMIT],
  ["too many exports", LIMIT],
  ["too many globals", LIMIT],
  ["too many tags", LIMIT],
  ["too many data segments", LIMIT],
  ["too many element segments", LIMIT],
  ["too many elements in a segment", LIMIT],
  ["too many tables", LIMIT],
  ["table too large", LIMIT],
  ["too many memories", LIMIT],
  ["too many parameters", LIMIT],
  ["too many results", LIMIT],
  ["too many fields", LIMIT],
  ["function body too large", LIMIT],
  ["too many local variables", LIMIT],
  ["branch table too large", LIMIT],
  ["too many operands of array.new_fixed", LIMIT],
  ["too many catch clauses", LIMIT],
  ["subtyping too deep", LIMIT],
  // what is valid but cannot be compiled yet
  ["instruction not supported yet", UNSUPPORTED],
  ["internal compiler error", INTERNAL],
] as const;

export type ErrorText = (typeof TABLE)[number][0];

const KINDS: ReadonlyMap<string, number> = new Map(TABLE);

export function kindOf(text: ErrorText): number {
  return KINDS.get(text) ?? INTERNAL;
}
