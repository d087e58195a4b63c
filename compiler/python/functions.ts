// The functions of the module as Python sees them: one row per function that may become a builtin (imported ones,
// then own ones that escape, both in order of index), the records that references point to, and the builtins,
// which are made when asked for. When an instance is closed, whatever leads into it leads to an error from then on;
// nothing of it is freed, for its code may be running.

import {
  FUNC_CODE,
  FUNC_FOREIGN,
  FUNC_OBJECT,
  FUNC_RECORD_BYTES,
  FUNC_TYPE,
  FUNC_VMCTX,
  IMAGE_METHODS,
  VMCTX_FUNCS,
  VMCTX_IMAGE,
  VMCTX_MODULE,
} from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, I64, PTR } from "../ir/ops.ts";
import { CONV_WASM, SYM_RODATA } from "../ir/program.ts";
import { PYTHON_EXCEPTION } from "../ir/traps.ts";
import { Fetched } from "../runtime/errors.ts";
import {
  SHAPE_FUNCS,
  SHAPE_IMPORT_RECORDS,
  SHAPE_INITIALIZED,
  SHAPE_OWN_RECORDS,
  SHAPE_ROWS,
  SHAPE_TYPE,
  SHAPE_WRAPPERS,
  SPACE_COUNT,
  SPACE_OWNERS,
  SPACE_POINTERS,
  shape,
  space,
} from "../runtime/shape.ts";
import { EXT_FUNC, type Module } from "../wasm/module.ts";
import * as wasm from "../wasm/types.ts";
import { type DefType, heapOf, isNullable, isRef, type ValType } from "../wasm/types.ts";
import type { Glue, ModuleGlue } from "./glue.ts";
import { importCode, importThunk, trampoline } from "./imports.ts";
import type { PyCode } from "./pycode.ts";
import { ROW_BYTES, ROW_CODE, ROW_DOC, ROW_FOREIGN, ROW_NAME, ROW_STUB, ROW_TYPE, ROWS } from "./rows.ts";
import {
  METH_FASTCALL,
  METHOD_DEF,
  METHOD_DOC,
  METHOD_FLAGS,
  METHOD_FUNCTION,
  METHOD_NAME,
} from "./structures.ts";
import { stub } from "./thunks.ts";

// --- data ---------------------------------------------------------------------------------------------------

/** Function indices in order of rows. */
function rowIndices(g: ModuleGlue): number[] {
  const indices: number[] = [];
  g.module.funcs.forEach((f, i) => {
    if (f.imported || g.input.escaping[i] !== 0) indices.push(i);
  });
  return indices;
}

/** Offset in the instance of the first own record; own records follow one another as rows do. */
export function firstOwnRecord(g: ModuleGlue): number {
  const first = rowIndices(g).find((i) => !g.module.funcs[i].imported);
  return first === undefined ? 0 : g.layout.func[first];
}

export function rowCount(g: ModuleGlue): number {
  return rowIndices(g).length;
}

/** Per own function: offset of its record in the instance, or -1. */
const RECORD_OFFSETS = "wasmpy_record_offsets";

/** Writes the rows; declares stubs, import thunks and trampolines. */
export function writeFunctions(g: ModuleGlue): void {
  const indices = rowIndices(g);
  const names = builtinNames(g.module);
  const foreign = new ForeignCode(g);
  const docs = new DocStrings(g.module);
  const rows = indices.map((index, row) => {
    const { imported } = g.module.funcs[index];
    const escapes = g.input.escaping[index] !== 0;
    g.image.checkSize();
    return [
      escapes ? stub(g, index, row) : -1,
      g.data.text(names[index]),
      g.data.text(docs.of(index, names[index])),
      imported ? (escapes ? importCode(g, index) : -1) : g.input.functions[index],
      foreign.of(index),
    ];
  });
  const table = g.data.constant(ROWS);
  rows.forEach((symbols, row) => {
    for (const symbol of symbols) table.self32(symbol);
    table.u32(g.module.funcs[indices[row]].type | 0);
  });
  table.end();
  const offsets = g.data.constant(RECORD_OFFSETS);
  g.module.funcs.forEach((f, i) => {
    if (!f.imported) offsets.u32(g.layout.func[i]);
  });
  offsets.end();
}

/** What other instances call, made once for each type. */
class ForeignCode {
  private readonly g: ModuleGlue;
  /** Twice the type index, one more for imported functions → symbol. */
  private readonly known: Map<number, number>;

  constructor(g: ModuleGlue) {
    this.g = g;
    this.known = new Map();
  }

  of(index: number): number {
    const { g } = this;
    const { imported, type } = g.module.funcs[index];
    const key = (2 * type + (imported ? 1 : 0)) | 0;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const t = g.module.types[type];
    const made = imported ? importThunk(g, t) : trampoline(g, t);
    this.known.set(key, made);
    return made;
  }
}

/** What builtins are called: the first export name, the name section's, or the index, as in JavaScript. */
function builtinNames(module: Module): string[] {
  const names: string[] = module.funcs.map(() => "");
  for (const e of module.exports) if (e.kind === EXT_FUNC && names[e.index] === "") names[e.index] = e.name;
  return names.map((name, i) => (name !== "" ? name : (module.funcNames.get(i) ?? `${i}`)));
}

const KEYWORDS: readonly string[] =
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield module".split(
    " ",
  );

function isIdentifier(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i) | 32;
    const isLetter = (c >= 97 && c <= 122) || name.charCodeAt(i) === 95;
    const isDigit = c >= 48 && c <= 57 && name.charCodeAt(i) >= 48;
    if (!isLetter && !(isDigit && i > 0)) return false;
  }
  return name !== "" && !KEYWORDS.includes(name);
}

/** Parameters that every doc string names, and types that it lists of the parameters and of the results. */
const MOST_IN_DOC = 20;
/** Characters in the doc strings of a module that name more. */
const LONG_DOCS = 1 << 16;

/**
 * The doc strings of a module's functions. A signature begins with the function's name, so that functions of one type
 * do not share the text: there is an end to those that are long.
 */
class DocStrings {
  private readonly module: Module;
  private left: number;

  constructor(module: Module) {
    this.module = module;
    this.left = LONG_DOCS;
  }

  of(index: number, name: string): string {
    const { params } = this.module.types[this.module.funcs[index].type];
    if (params.length <= MOST_IN_DOC || this.left <= 0)
      return docString(this.module, index, name, MOST_IN_DOC);
    const text = docString(this.module, index, name, params.length);
    this.left -= text.length;
    return text;
  }
}

/**
 * `add($module, a, b, /)` for __text_signature__, and the wasm type. Without a signature, and only the beginning of the
 * type, where there are more than `most` parameters.
 */
export function docString(module: Module, index: number, name: string, most: number): string {
  const t = module.types[module.funcs[index].type];
  if (t.params.length > most) return functionType(t, most);
  const locals = module.localNames.get(index);
  const wanted = t.params.map((_, i) => locals?.get(i) ?? "");
  const usable = wanted.every(isIdentifier) && new Set(wanted).size === wanted.length;
  const params = t.params.map((_, i) => (usable ? `${wanted[i]}, ` : `p${i}, `)).join("");
  // The interpreter compares with what follows the last dot of the name.
  const last = name.slice(name.lastIndexOf(".") + 1);
  return `${last}($module, ${params}/)\n--\n\n${functionType(t, most)}`;
}

function functionType(t: DefType, most: number): string {
  return `(func${listText("param", t.params, most)}${listText("result", t.results, most)})`;
}

function listText(word: string, types: readonly ValType[], most: number): string {
  if (types.length === 0) return "";
  const names = types.slice(0, most).map(typeName).join(" ");
  return ` (${word} ${names}${types.length > most ? " …" : ""})`;
}

const NUMBER_NAMES: readonly string[] = ["", "i32", "i64", "f32", "f64", "v128"];
/** By -heap. */
const HEAP_NAMES: readonly string[] =
  " func extern any eq i31 struct array exn nofunc noextern none noexn".split(" ");

function typeName(t: ValType): string {
  if (!isRef(t)) return NUMBER_NAMES[t] ?? "";
  const heap = heapOf(t);
  if (isNullable(t) && (heap === wasm.FUNC || heap === wasm.EXTERN)) return `${HEAP_NAMES[-heap]}ref`;
  return `(ref ${isNullable(t) ? "null " : ""}${heap < 0 ? (HEAP_NAMES[-heap] ?? "") : heap})`;
}

// --- records ------------------------------------------------------------------------------------------------

function importedRows(c: PyCode): Value {
  return space(c, EXT_FUNC, SPACE_COUNT);
}

function ownRows(c: PyCode): Value {
  return c.op(op.I64_SUB, shape(c, SHAPE_ROWS), importedRows(c));
}

/** The address of what the shape says lies at an offset of the instance. */
function placeOf(c: PyCode, vmctx: Value, word: Field): Value {
  return c.op(op.PTR_ADD, vmctx, shape(c, word));
}

/** Element `i` (i64) of an array of records. */
function recordAt(c: PyCode, first: Value, i: Value): Value {
  return c.op(op.PTR_ADD, first, c.op(op.I64_MUL, i, c.number(FUNC_RECORD_BYTES)));
}

/** Row number `i` (i64). */
function rowAt(c: PyCode, g: Glue, i: Value): Value {
  const table = c.symbol(g.program.symbol(ROWS, SYM_RODATA));
  return c.op(op.PTR_ADD, table, c.op(op.I64_MUL, i, c.number(ROW_BYTES)));
}

function fillRecord(c: PyCode, record: Value, row: Value, vmctx: Value): void {
  c.setField(record, FUNC_CODE, c.behind(row, ROW_CODE));
  c.setField(record, FUNC_VMCTX, vmctx);
  c.setField(record, FUNC_FOREIGN, c.behind(row, ROW_FOREIGN));
}

function eachOwnRecord(c: PyCode, g: Glue, vmctx: Value, body: (record: Value, row: Value) => void): void {
  const first = placeOf(c, vmctx, SHAPE_OWN_RECORDS);
  const imported = importedRows(c);
  c.repeat(ownRows(c), (i) => {
    body(recordAt(c, first, i), rowAt(c, g, c.op(op.I64_ADD, i, imported)));
  });
}

/** (vmctx): fills the records of own functions, but for their types. */
export function fillRecords(g: Glue): number {
  return g.defineC(FILL_RECORDS, [PTR], [], (c) => {
    fillOwnRecords(c, g);
    c.ret([]);
  });
}

const FILL_RECORDS = "wasmpy_fill_records";

function fillOwnRecords(c: PyCode, g: Glue): void {
  const vmctx = c.argument(0);
  eachOwnRecord(c, g, vmctx, (record, row) => fillRecord(c, record, row, vmctx));
}

/**
 * For an instance that runs without the lock of the interpreter: only itself knows its functions as such. Others take the
 * builtins for any Python callables, and so do not call past the instance's lock. Without memory it knows none.
 */
export function replaceFillRecords(g: Glue): void {
  g.replace(FILL_RECORDS, [PTR], [], (c) => {
    fillOwnRecords(c, g);
    const vmctx = c.argument(0);
    const shared = c.field(vmctx, VMCTX_FUNCS);
    c.setField(vmctx, VMCTX_FUNCS, c.api("PyDict_New"));
    c.decref(shared);
    c.ret([]);
  });
}

/** The canonical type in the instance of a row's type. */
function rowType(c: PyCode, row: Value, vmctx: Value): Value {
  const types = placeOf(c, vmctx, SHAPE_TYPE);
  return c.cell(I64, c.element(types, c.widen(c.field(row, ROW_TYPE)), 3));
}

/** (vmctx): the canonical types are known: into the records of own functions with them. */
export function typeRecords(g: Glue): number {
  return g.defineC("wasmpy_type_records", [PTR], [], (c) => {
    const vmctx = c.argument(0);
    eachOwnRecord(c, g, vmctx, (record, row) => {
      c.setField(record, FUNC_TYPE, rowType(c, row, vmctx));
    });
    c.ret([]);
  });
}

/** The instance's record for a Python callable that is bound to imported function `i` (i64): filled in. */
export function importRecord(c: PyCode, g: Glue, vmctx: Value, i: Value, callable: Value): Value {
  const record = recordAt(c, placeOf(c, vmctx, SHAPE_IMPORT_RECORDS), i);
  const row = rowAt(c, g, i);
  fillRecord(c, record, row, vmctx);
  c.setField(record, FUNC_TYPE, rowType(c, row, vmctx));
  c.setField(record, FUNC_OBJECT, callable);
  return record;
}

/**
 * (vmctx, function index) → its record; null with an exception for an index out of range, an unbound import, or an
 * own function without record.
 */
export function recordOf(g: Glue): number {
  return g.defineC("wasmpy_record_of", [PTR, I64], [PTR], (c) => {
    const vmctx = c.argument(0);
    const index = c.argument(1);
    const imported = importedRows(c);
    c.whenRarely(c.op(op.I64_GE_U, index, shape(c, SHAPE_FUNCS)), () => {
      c.raise("PyExc_IndexError", "no function of this index");
      c.retNull();
    });
    c.when(c.op(op.I64_LT_U, index, imported), () => {
      const pointers = c.op(op.PTR_ADD, vmctx, space(c, EXT_FUNC, SPACE_POINTERS));
      const record = c.cell(PTR, c.element(pointers, index, 3));
      c.whenRarely(c.isNull(record), () => c.raise("PyExc_ValueError", "the imported function is not bound"));
      c.ret([record]);
    });
    const offsets = c.symbol(g.program.symbol(RECORD_OFFSETS, SYM_RODATA));
    const own = c.op(op.I64_SUB, index, imported);
    const offset = c.content(I32, c.element(offsets, own, 2));
    c.whenRarely(c.op(op.I32_LT_S, offset, c.i32(0)), () => {
      c.raise("PyExc_ValueError", "nothing refers to the function");
      c.retNull();
    });
    c.ret([c.op(op.PTR_ADD, vmctx, c.widen(offset))]);
  });
}

// --- builtins -----------------------------------------------------------------------------------------------

/** The image's maker (VMCTX_FUNCTION): (record of this image's instance) → new reference to its builtin. */
export function makeBuiltin(g: Glue): number {
  return g.defineC("wasmpy_make_builtin", [PTR], [PTR], (c) => {
    const record = c.argument(0);
    const vmctx = c.field(record, FUNC_VMCTX);
    const cell = c.variable(PTR); // where the instance keeps the builtin
    const rowNumber = c.variable(I64);
    const number = (word: Field) => {
      const offset = c.op(op.PTR_SUB, record, placeOf(c, vmctx, word));
      return c.op(op.I64_DIV_U, offset, c.number(FUNC_RECORD_BYTES));
    };
    const imported = importedRows(c);
    c.set(cell, c.addressOf(record, FUNC_OBJECT));
    c.set(rowNumber, c.op(op.I64_ADD, number(SHAPE_OWN_RECORDS), imported));
    const index = number(SHAPE_IMPORT_RECORDS);
    c.when(c.op(op.I64_LT_U, index, imported), () => {
      c.set(cell, c.element(placeOf(c, vmctx, SHAPE_WRAPPERS), index, 3));
      c.set(rowNumber, index);
    });
    const known = c.content(PTR, c.get(cell));
    c.when(c.isThere(known), () => {
      c.incref(known);
      c.ret([known]);
    });
    const row = rowAt(c, g, c.get(rowNumber));
    const code = c.behind(row, ROW_STUB);
    c.whenRarely(c.isNull(code), () => {
      c.raise("PyExc_ValueError", "nothing refers to the function");
      c.retNull();
    });
    const method = c.variable(PTR);
    c.choose(
      isClosed(c, vmctx),
      () => c.set(method, closedMethod(c, g, vmctx, c.get(rowNumber))),
      () => c.set(method, fillMethod(c, openMethod(c, vmctx, c.get(rowNumber)), row, code)),
    );
    const module = c.field(vmctx, VMCTX_MODULE);
    const name = c.api("PyModule_GetNameObject", module);
    c.whenRarely(c.isNull(name), () => c.api("PyErr_Clear"));
    const builtin = c.api("PyCFunction_NewEx", c.get(method), module, name);
    c.decref(name);
    c.needs(builtin);
    // Making it may have collected garbage, whose finalizers may have asked for it too.
    const other = c.content(PTR, c.get(cell));
    c.whenRarely(c.isThere(other), () => {
      c.incref(other);
      c.decref(builtin);
      c.ret([other]);
    });
    const key = c.api("PyLong_FromVoidPtr", builtin);
    c.needs(key, builtin);
    const address = c.api("PyLong_FromVoidPtr", record);
    c.needs(address, key, builtin);
    const status = c.api("PyDict_SetItem", c.field(vmctx, VMCTX_FUNCS), key, address);
    c.decref(key);
    c.decref(address);
    c.needsZero(status, builtin);
    c.setContent(PTR, c.get(cell), builtin);
    c.incref(builtin);
    c.ret([builtin]);
  });
}

// The image's array of methods has all of its rows twice: as they are, and for instances that are closed.

/** The method of row `i` (i64). */
function openMethod(c: PyCode, vmctx: Value, i: Value): Value {
  const methods = c.field(c.field(vmctx, VMCTX_IMAGE), IMAGE_METHODS);
  return c.op(op.PTR_ADD, methods, c.op(op.I64_MUL, i, c.number(METHOD_DEF.bytes(c.model))));
}

/** The method that row `i` (i64) has in instances that are closed: filled in. */
function closedMethod(c: PyCode, g: Glue, vmctx: Value, i: Value): Value {
  const method = openMethod(c, vmctx, c.op(op.I64_ADD, i, shape(c, SHAPE_ROWS)));
  return fillMethod(c, method, rowAt(c, g, i), c.symbol(closedStub(g)));
}

function fillMethod(c: PyCode, method: Value, row: Value, code: Value): Value {
  c.setMember(method, METHOD_NAME, c.behind(row, ROW_NAME));
  c.setMember(method, METHOD_FUNCTION, code);
  c.setMember(method, METHOD_FLAGS, c.i32(METH_FASTCALL));
  c.setMember(method, METHOD_DOC, c.behind(row, ROW_DOC));
  return method;
}

/** Methods in the image's array; one at least. */
export function methodCount(c: PyCode): Value {
  const rows = shape(c, SHAPE_ROWS);
  return c.op(op.I64_ADD, c.op(op.I64_ADD, rows, rows), c.number(1));
}

// --- closed instances ---------------------------------------------------------------------------------------

/** What the cell at SHAPE_INITIALIZED holds once the instance is closed. */
const CLOSED = 2;

function isClosed(c: PyCode, vmctx: Value): Value {
  return c.op(op.I64_EQ, c.cell(I64, placeOf(c, vmctx, SHAPE_INITIALIZED)), c.number(CLOSED));
}

function raiseClosed(c: PyCode): void {
  c.raise("PyExc_ValueError", "the function's WebAssembly instance is closed");
}

/** What a builtin of a closed instance calls. */
function closedStub(g: Glue): number {
  return g.defineC("wasmpy_closed_stub", [PTR, PTR, I64], [PTR], (c) => {
    raiseClosed(c);
    c.retNull();
  });
}

/** What other instances call: whatever the function's type is, it never returns. */
function closedForeign(g: Glue): number {
  return g.define("wasmpy_closed_foreign", g.program.signature([PTR], [], CONV_WASM), (c) => {
    raiseClosed(c);
    c.trap(PYTHON_EXCEPTION);
  });
}

/** Words of a builtin in which the pointer to its method may be: behind the header of an object. */
const METHOD_PLACES: readonly number[] = [2, 3, 4];

/**
 * (vmctx): from now on builtins of the instance raise, and so do its functions where other instances call them. Its own
 * code that is running goes on: it calls its own functions, and what it imports, as before.
 */
export function closeFunctions(g: Glue): number {
  return g.defineC("wasmpy_close_functions", [PTR], [], (c) => {
    const vmctx = c.argument(0);
    c.setCell(I64, placeOf(c, vmctx, SHAPE_INITIALIZED), c.number(CLOSED));
    const imported = importedRows(c);
    const close = (cell: Value, i: Value) => {
      const builtin = c.content(PTR, cell);
      c.when(c.isThere(builtin), () => {
        const open = openMethod(c, vmctx, i);
        const closed = closedMethod(c, g, vmctx, i);
        for (const place of METHOD_PLACES) {
          const isHere = c.op(op.PTR_EQ, c.pointerAt(builtin, place), open);
          c.when(isHere, () => c.setPointerAt(builtin, place, closed));
        }
        c.call(forgetBuiltin(g), [vmctx, cell]);
      });
    };
    const wrappers = placeOf(c, vmctx, SHAPE_WRAPPERS);
    c.repeat(imported, (i) => close(c.element(wrappers, i, 3), i));
    const first = placeOf(c, vmctx, SHAPE_OWN_RECORDS);
    c.repeat(ownRows(c), (i) => {
      const record = recordAt(c, first, i);
      c.setField(record, FUNC_FOREIGN, c.symbol(closedForeign(g)));
      close(c.addressOf(record, FUNC_OBJECT), c.op(op.I64_ADD, i, imported));
    });
    c.ret([]);
  });
}

/** (vmctx, cell of a builtin): the instance lets it go; from then on it is no function reference any more. */
export function forgetBuiltin(g: Glue): number {
  return g.defineC("wasmpy_forget_builtin", [PTR, PTR], [], (c) => {
    const builtin = c.content(PTR, c.argument(1));
    c.when(c.isNull(builtin), () => c.ret([]));
    c.setContent(PTR, c.argument(1), c.null());
    const kept = new Fetched(c); // the exception that may be set
    const key = c.api("PyLong_FromVoidPtr", builtin);
    c.when(c.isThere(key), () => {
      c.api("PyDict_DelItem", c.field(c.argument(0), VMCTX_FUNCS), key);
      c.decref(key);
    });
    kept.restore();
    c.decref(builtin);
    c.ret([]);
  });
}

/** Runs `body` for the cell of each builtin that the instance may have: those of own functions, then of imports. */
export function eachBuiltin(c: PyCode, vmctx: Value, body: (cell: Value) => void): void {
  const own = c.addressOf(placeOf(c, vmctx, SHAPE_OWN_RECORDS), FUNC_OBJECT);
  c.repeat(ownRows(c), (i) => body(recordAt(c, own, i)));
  const imported = placeOf(c, vmctx, SHAPE_WRAPPERS);
  c.repeat(importedRows(c), (i) => body(c.element(imported, i, 3)));
}

/**
 * Runs `body` for the cell of each imported function that may hold a Python callable, and for the cell that owns what
 * was bound to it.
 */
export function eachImported(c: PyCode, vmctx: Value, body: (cell: Value, owner: Value) => void): void {
  const first = c.addressOf(placeOf(c, vmctx, SHAPE_IMPORT_RECORDS), FUNC_OBJECT);
  const owners = c.op(op.PTR_ADD, vmctx, space(c, EXT_FUNC, SPACE_OWNERS));
  c.repeat(importedRows(c), (i) => body(recordAt(c, first, i), c.element(owners, i, 3)));
}
