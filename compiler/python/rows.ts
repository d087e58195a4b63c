// Read-only tables of the image: rows of functions and of globals.

import { RecordType, SMALL_BYTES } from "../abi/records.ts";
import { REGION_C } from "../ir/access.ts";

/**
 * A row describes a function that may become a builtin: distances (data.ts, self32) to its stub (0: it never
 * becomes one), to its name and doc string, to its bare code (0: none) and to what other instances call; its
 * type index.
 */
const row = new RecordType("row", REGION_C, SMALL_BYTES);
export const ROW_STUB = row.i32("stub");
export const ROW_NAME = row.i32("name");
export const ROW_DOC = row.i32("doc");
export const ROW_CODE = row.i32("code");
export const ROW_FOREIGN = row.i32("foreign");
export const ROW_TYPE = row.i32("type");
export const ROW_BYTES = row.bytes;

/** The table of rows, read-only: imported functions, then own ones that escape. */
export const ROWS = "wasmpy_rows";

/** The table of globals, read-only. Each: offset of its cell (or of the pointer to it), code of its type, flags. */
export const GLOBALS = "wasmpy_globals";
const global = new RecordType("row of a global", REGION_C, SMALL_BYTES);
export const GLOBAL_ROW_SHIFT = 4;
export const GLOBAL_ROW_PLACE = global.i32("place");
export const GLOBAL_ROW_CODE = global.i32("code");
export const GLOBAL_ROW_MUTABLE = global.i32("mutable");
export const GLOBAL_ROW_IMPORTED = global.i32("imported");
