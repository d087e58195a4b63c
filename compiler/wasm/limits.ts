// Limits of this implementation: those of the WebAssembly JavaScript Interface ("Implementation-defined
// Limits"), so that what browsers take, we take. `checkLimit` gives each its own error of kind LIMIT.

import type { ErrorText } from "../base/errors.ts";
import { fail } from "../base/fail.ts";
import type { f64 } from "../base/numbers.ts";

export const MAX_MODULE_BYTES = 0x40000000;
export const MAX_TYPES = 1_000_000;
export const MAX_SUBTYPING_DEPTH = 63;
export const MAX_FUNCTIONS = 1_000_000;
export const MAX_IMPORTS = 1_000_000;
export const MAX_EXPORTS = 1_000_000;
export const MAX_GLOBALS = 1_000_000;
export const MAX_TAGS = 1_000_000;
export const MAX_DATA_SEGMENTS = 100_000;
export const MAX_ELEM_SEGMENTS = 10_000_000;
export const MAX_ELEMENTS = 10_000_000;
export const MAX_TABLES = 100_000;
/** Of a table, and of all that an instance begins with. */
export const MAX_TABLE_SIZE = 10_000_000;
export const MAX_MEMORIES = 100;
export const MAX_MEMORY_PAGES = 65_536;
export const MAX_PARAMS = 1_000;
export const MAX_RESULTS = 1_000;
export const MAX_FIELDS = 10_000;
export const MAX_BODY_BYTES = 7_654_321;
export const MAX_LOCALS = 50_000;
export const MAX_BR_TABLE = 65_520;
export const MAX_ARRAY_NEW_FIXED = 10_000;
export const MAX_CATCHES = 65_520;
/** Of import, export and custom section names. */
export const MAX_NAME_BYTES = 100_000;

// What browsers leave to chance: code that is small but means much more. Parts are values, edges, and operands of a
// function's first SSA form (`parts` of ir/builder.ts).
export const MAX_PARTS = 1_500_000;
/** Of the function that instantiates the module. */
export const MAX_INIT_PARTS = 4_000_000;
export const PARTS_AT_LEAST = 1 << 18;
export const PARTS_PER_BYTE = 16;
/** Of machine code, and of the extension module that a module becomes. */
export const MAX_CODE_BYTES = 0x8000000;
export const MAX_IMAGE_BYTES = 0x10000000;

/** Ends with `text` when there are more of something than its limit. */
export function checkLimit(count: f64, limit: number, text: ErrorText, at: number): void {
  if (count > limit) fail(text, at, `${count}, the limit is ${limit}`);
}
