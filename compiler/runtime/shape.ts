// What functions that are the same in every image must know of its module: counts, and offsets in the instance.
// Each image has them as a table of 32-bit words in RODATA, the symbol SHAPE; python/state.ts writes it. Code that
// reads them here instead of being written for one module can be compiled long before it (mach/library.ts).

import type { Value } from "../ir/func.ts";
import { I32 } from "../ir/ops.ts";
import { SYM_RODATA } from "../ir/program.ts";
import type { Code } from "./code.ts";

export const SHAPE = "wasmpy_shape";

/**
 * Four index spaces (functions, tables, memories, globals: by kind of the binary format), each three words: how many
 * of it are bound from outside, the first of as many pointers, the first of as many objects that own what those
 * point to (python/state.ts).
 */
export const SHAPE_SPACES = 0;
export const SPACE_COUNT = 0;
export const SPACE_POINTERS = 4;
export const SPACE_OWNERS = 8;
export const SPACE_BYTES = 12;
/** Functions in all; rows of python/functions.ts, of which the imported functions' come first. */
export const SHAPE_FUNCS = 48;
export const SHAPE_ROWS = 52;
/** First record for a Python callable, first own record, first builtin of an imported function. */
export const SHAPE_IMPORT_RECORDS = 56;
export const SHAPE_OWN_RECORDS = 60;
export const SHAPE_WRAPPERS = 64;
/** Types, the first one's canonical number. */
export const SHAPE_TYPES = 68;
export const SHAPE_TYPE = 72;
/** Element segments, the first one's cells. */
export const SHAPE_ELEMS = 76;
export const SHAPE_ELEM = 80;
/** Globals in all; own ones that hold references: rows of REFERENCES. */
export const SHAPE_GLOBALS = 84;
export const SHAPE_REFERENCES = 88;
/** Owners of all four spaces, which follow one another. */
export const SHAPE_OWNERS = 92;
/** The cell that is 1 once the instance was initialized. */
export const SHAPE_INITIALIZED = 96;
/** Rows of THUNK_CELLS. */
export const SHAPE_THUNK_CELLS = 100;
/** Bytes of the module's description. */
export const SHAPE_META = 104;
/** 1 if unchecked code relies on the reservation of memory 0. */
export const SHAPE_GUARDED = 108;
/** What the code needs of the CPU: bits of the target's features. */
export const SHAPE_CPU = 112;
export const SHAPE_BYTES = 116;

/** RODATA: own globals that hold references, each offset in the instance, 1 for function references. */
export const REFERENCES = "wasmpy_references";
export const REFERENCE_IS_FUNC = 4;
export const REFERENCE_SHIFT = 3;

/** RODATA: distances, each from its own place, to a cell and to the thunks that it may lead to (python/thunks.ts). */
export const THUNK_CELLS = "wasmpy_thunk_cells";
export const THUNK_CELL_DIGITS = 4;
export const THUNK_CELL_TAGGED = 8;
export const THUNK_CELL_BYTES = 12;

/** The address of the table. */
export function shapeTable(c: Code): Value {
  return c.symbol(c.program.symbol(SHAPE, SYM_RODATA));
}

/** A word of it, as i64. */
export function shape(c: Code, offset: number): Value {
  return c.widen(c.constantField(I32, shapeTable(c), offset));
}

/** A word of an index space. */
export function space(c: Code, kind: number, offset: number): Value {
  return shape(c, SHAPE_SPACES + kind * SPACE_BYTES + offset);
}
