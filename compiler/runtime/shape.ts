// What functions that are the same in every image must know of its module: counts, and offsets in the instance.
// Each image has them as a table of 32-bit words in RODATA, the symbol SHAPE; python/state.ts writes it. Code that
// reads them here instead of being written for one module can be compiled long before it (mach/library.ts).

import { type Field, RecordType, SMALL_BYTES } from "../abi/records.ts";
import { REGION_C } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { SYM_RODATA } from "../ir/program.ts";
import type { Code } from "./code.ts";

export const SHAPE = "wasmpy_shape";

const indexSpace = new RecordType("index space", REGION_C, SMALL_BYTES);
/**
 * An index space: how many of it are bound from outside, the first of as many pointers, the first of as many objects
 * that own what those point to (python/state.ts).
 */
export const SPACE_COUNT = indexSpace.i32("count");
export const SPACE_POINTERS = indexSpace.i32("pointers");
export const SPACE_OWNERS = indexSpace.i32("owners");
export const SPACE_BYTES = indexSpace.bytes;

const table = new RecordType("shape", REGION_C, SMALL_BYTES);
/** Functions, tables, memories, globals: by kind of the binary format. */
export const SHAPE_SPACES = table.area("spaces", 4 * SPACE_BYTES);
/** Functions in all; rows of python/functions.ts, of which the imported functions' come first. */
export const SHAPE_FUNCS = table.i32("funcs");
export const SHAPE_ROWS = table.i32("rows");
/** First record for a Python callable, first own record, first builtin of an imported function. */
export const SHAPE_IMPORT_RECORDS = table.i32("import_records");
export const SHAPE_OWN_RECORDS = table.i32("own_records");
export const SHAPE_WRAPPERS = table.i32("wrappers");
/** Types, the first one's canonical number. */
export const SHAPE_TYPES = table.i32("types");
export const SHAPE_TYPE = table.i32("type");
/** Element segments, the first one's cells. */
export const SHAPE_ELEMS = table.i32("elems");
export const SHAPE_ELEM = table.i32("elem");
/** Globals in all; own ones that hold references: rows of REFERENCES. */
export const SHAPE_GLOBALS = table.i32("globals");
export const SHAPE_REFERENCES = table.i32("references");
/** Owners of all four spaces, which follow one another. */
export const SHAPE_OWNERS = table.i32("owners");
/** The cell that is 1 once the instance was initialized. */
export const SHAPE_INITIALIZED = table.i32("initialized");
/** Rows of THUNK_CELLS. */
export const SHAPE_THUNK_CELLS = table.i32("thunk_cells");
/** Bytes of the module's description. */
export const SHAPE_META = table.i32("meta");
/** 1 if unchecked code relies on the reservation of memory 0. */
export const SHAPE_GUARDED = table.i32("guarded");
/** What the code needs of the CPU: bits of the target's features. */
export const SHAPE_CPU = table.i32("cpu");
export const SHAPE_BYTES = table.bytes;

/** RODATA: own globals that hold references, each offset in the instance, 1 for function references. */
export const REFERENCES = "wasmpy_references";
const reference = new RecordType("reference", REGION_C, SMALL_BYTES);
export const REFERENCE_PLACE = reference.i32("place");
export const REFERENCE_IS_FUNC = reference.i32("is_func");
export const REFERENCE_SHIFT = 3;

/** RODATA: distances, each from its own place, to a cell and to the thunks that it may lead to (python/thunks.ts). */
export const THUNK_CELLS = "wasmpy_thunk_cells";
const thunkCell = new RecordType("thunk cell", REGION_C, SMALL_BYTES);
export const THUNK_CELL_PLACE = thunkCell.i32("place");
export const THUNK_CELL_DIGITS = thunkCell.i32("digits");
export const THUNK_CELL_TAGGED = thunkCell.i32("tagged");
export const THUNK_CELL_BYTES = thunkCell.bytes;

/** The address of the table. */
export function shapeTable(c: Code): Value {
  return c.symbol(c.program.symbol(SHAPE, SYM_RODATA));
}

/** A word of it, as i64. */
export function shape(c: Code, word: Field): Value {
  return c.widen(c.constantField(shapeTable(c), word));
}

/** A word of an index space. */
export function space(c: Code, kind: number, word: Field): Value {
  return shape(c, SHAPE_SPACES.of(word, kind, SPACE_BYTES));
}
