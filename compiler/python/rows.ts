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

/** PyMethodDef: name, function, flags (int), doc. */
export const METHOD_NAME = 0;
export const METHOD_FUNCTION = 8;
export const METHOD_FLAGS = 16;
export const METHOD_DOC = 24;
export const METHOD_BYTES = 32;

export const METH_NOARGS = 4;
export const METH_O = 8;
export const METH_FASTCALL = 0x80;
