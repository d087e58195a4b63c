// Layouts of structures of the image: rows of functions, and what CPython reads.

/**
 * A row describes a function that may become a builtin: distances (data.ts, self32) to its stub (0: it never
 * becomes one), to its name and doc string, to its bare code (0: none) and to what other instances call; its
 * type index.
 */
export const ROW_STUB = 0;
export const ROW_NAME = 4;
export const ROW_DOC = 8;
export const ROW_CODE = 12;
export const ROW_FOREIGN = 16;
export const ROW_TYPE = 20;
export const ROW_BYTES = 24;

/** The table of rows, read-only: imported functions, then own ones that escape. */
export const ROWS = "wasmpy_rows";

/** The table of globals, read-only. Each: offset of its cell (or of the pointer to it), code of its type, flags. */
export const GLOBALS = "wasmpy_globals";
export const GLOBAL_ROW_SHIFT = 4;
export const GLOBAL_ROW_CODE = 4;
export const GLOBAL_ROW_MUTABLE = 8;
export const GLOBAL_ROW_IMPORTED = 12;

/** PyMethodDef: name, function, flags (int), doc. */
export const METHOD_NAME = 0;
export const METHOD_FUNCTION = 8;
export const METHOD_FLAGS = 16;
export const METHOD_DOC = 24;
export const METHOD_BYTES = 32;

export const METH_NOARGS = 4;
export const METH_O = 8;
export const METH_FASTCALL = 0x80;
