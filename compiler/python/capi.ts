// The functions and data of the C API (stable ABI of 3.10) that the glue uses, with their C signatures: nothing
// else names them. `long` and Py_ssize_t are i64 here: targets where they are not translate at the call.

import { unreachable } from "../base/fail.ts";
import { F64, I32, I64, PTR } from "../ir/ops.ts";
import { CONV_C, type Program, SYM_IMPORT, SYM_IMPORT_WEAK } from "../ir/program.ts";

class ApiRow {
  readonly name: string;
  readonly isData: boolean;
  readonly isWeak: boolean;
  readonly params: readonly number[];
  readonly results: readonly number[];

  constructor(
    name: string,
    isData: boolean,
    isWeak: boolean,
    params: readonly number[],
    results: readonly number[],
  ) {
    this.name = name;
    this.isData = isData;
    this.isWeak = isWeak;
    this.params = params;
    this.results = results;
  }
}

function f(name: string, params: readonly number[], results: readonly number[]): ApiRow {
  return new ApiRow(name, false, false, params, results);
}

/** Absent from some interpreters: its address is null there. */
function weak(name: string, params: readonly number[], results: readonly number[]): ApiRow {
  return new ApiRow(name, false, true, params, results);
}

function datum(name: string, isWeak = false): ApiRow {
  return new ApiRow(name, true, isWeak, [], []);
}

const ROWS: readonly ApiRow[] = [
  // references
  f("Py_IncRef", [PTR], []), // null is fine, here and below
  f("Py_DecRef", [PTR], []),
  datum("_Py_NoneStruct"),
  // integers and floats
  datum("PyLong_Type"),
  datum("PyFloat_Type"),
  f("PyNumber_Index", [PTR], [PTR]),
  f("PyLong_FromLongLong", [I64], [PTR]),
  f("PyLong_FromVoidPtr", [PTR], [PTR]),
  f("PyLong_AsVoidPtr", [PTR], [PTR]),
  f("PyLong_AsLongLong", [PTR], [I64]),
  f("PyLong_AsLongLongAndOverflow", [PTR, PTR], [I64]),
  f("PyLong_AsUnsignedLongLong", [PTR], [I64]),
  f("PyLong_AsUnsignedLongLongMask", [PTR], [I64]),
  f("PyBool_FromLong", [I64], [PTR]),
  f("PyObject_IsTrue", [PTR], [I32]),
  f("PyFloat_FromDouble", [F64], [PTR]),
  f("PyFloat_AsDouble", [PTR], [F64]),
  // containers and text
  f("PyTuple_New", [I64], [PTR]),
  f("PyTuple_SetItem", [PTR, I64, PTR], [I32]), // steals the item
  f("PyTuple_GetItem", [PTR, I64], [PTR]), // borrowed
  f("PyTuple_Size", [PTR], [I64]),
  f("PySequence_Tuple", [PTR], [PTR]),
  f("PyDict_New", [], [PTR]),
  f("PyDict_SetItem", [PTR, PTR, PTR], [I32]),
  f("PyDict_SetItemString", [PTR, PTR, PTR], [I32]),
  f("PyDict_GetItemWithError", [PTR, PTR], [PTR]), // borrowed
  f("PyDict_DelItem", [PTR, PTR], [I32]),
  f("PyUnicode_FromString", [PTR], [PTR]),
  f("PyUnicode_DecodeUTF8", [PTR, I64, PTR], [PTR]),
  f("PyUnicode_Format", [PTR, PTR], [PTR]),
  f("PyMemoryView_FromMemory", [PTR, I64, I32], [PTR]),
  // errors
  f("PyErr_Occurred", [], [PTR]),
  f("PyErr_Clear", [], []),
  f("PyErr_NoMemory", [], [PTR]),
  f("PyErr_SetString", [PTR, PTR], []),
  f("PyErr_SetObject", [PTR, PTR], []),
  f("PyErr_Fetch", [PTR, PTR, PTR], []),
  f("PyErr_Restore", [PTR, PTR, PTR], []),
  datum("PyExc_TypeError"),
  datum("PyExc_ValueError"),
  datum("PyExc_MemoryError"),
  datum("PyExc_IndexError"),
  datum("PyExc_OverflowError"),
  datum("PyExc_RuntimeError"),
  datum("PyExc_ImportError"),
  // calls
  f("PyCallable_Check", [PTR], [I32]),
  f("PyObject_Call", [PTR, PTR, PTR], [PTR]),
  f("PyObject_VectorcallDict", [PTR, PTR, I64, PTR], [PTR]),
  weak("PyObject_Vectorcall", [PTR, PTR, I64, PTR], [PTR]), // exported from 3.11
  f("PyObject_GetAttrString", [PTR, PTR], [PTR]),
  f("PyImport_ImportModule", [PTR], [PTR]),
  f("PyCFunction_NewEx", [PTR, PTR, PTR], [PTR]),
  // modules
  f("PyModuleDef_Init", [PTR], [PTR]),
  f("PyModule_GetState", [PTR], [PTR]),
  f("PyModule_GetNameObject", [PTR], [PTR]),
  datum("Py_Version", true), // from 3.11
  weak("_Py_DecRefShared", [PTR], []), // free-threaded builds only: their inline Py_DECREF calls it
  // types
  f("PyObject_Type", [PTR], [PTR]),
  f("PyType_FromSpec", [PTR], [PTR]),
  f("PyType_GenericAlloc", [PTR, I64], [PTR]),
  f("PyType_GetSlot", [PTR, I32], [PTR]),
  f("PyObject_GC_UnTrack", [PTR], []),
  f("PyBuffer_FillInfo", [PTR, PTR, PTR, I64, I32, I32], [I32]),
  // libc
  f("calloc", [I64, I64], [PTR]),
];

const BY_NAME: ReadonlyMap<string, ApiRow> = new Map(ROWS.map((row) => [row.name, row]));

/** The number of the symbol `name` of the C API; a function's signature stands with the symbol. */
export function capi(program: Program, name: string): number {
  const row = BY_NAME.get(name);
  if (row === undefined) return unreachable(`no C-API symbol ${name}`);
  const signature = row.isData ? -1 : program.signature(row.params, row.results, CONV_C);
  return program.symbol(name, row.isWeak ? SYM_IMPORT_WEAK : SYM_IMPORT, signature);
}
