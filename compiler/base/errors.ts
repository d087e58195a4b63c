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
  // validation
  ["type mismatch", INVALID],
  // what is valid but cannot be compiled yet
  ["instruction not supported yet", UNSUPPORTED],
  ["internal compiler error", INTERNAL],
] as const;

export type ErrorText = (typeof TABLE)[number][0];

const KINDS: ReadonlyMap<string, number> = new Map(TABLE);

export function kindOf(text: ErrorText): number {
  return KINDS.get(text) ?? INTERNAL;
}
