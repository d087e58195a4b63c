// What the run time calls of the process it lives in: the C library and CPython, with C signatures in IR types.
// `long` and sizes are i64, pthread_t too. All of CPython's are in the stable ABI from 3.10 on.

import { unreachable } from "../base/fail.ts";
import { I32, I64, PTR } from "../ir/ops.ts";
import { CONV_C, type Program, SYM_IMPORT, SYM_IMPORT_WEAK } from "../ir/program.ts";

class ImportRow {
  readonly name: string;
  readonly params: readonly number[];
  readonly results: readonly number[];

  constructor(name: string, params: readonly number[], results: readonly number[]) {
    this.name = name;
    this.params = params;
    this.results = results;
  }
}

function f(name: string, params: readonly number[], results: readonly number[]): ImportRow {
  return new ImportRow(name, params, results);
}

const FUNCTIONS: readonly ImportRow[] = [
  // memory
  f("mmap", [PTR, I64, I32, I32, I32, I64], [PTR]),
  f("munmap", [PTR, I64], [I32]),
  f("mprotect", [PTR, I64, I32], [I32]),
  f("memcpy", [PTR, PTR, I64], [PTR]),
  f("memmove", [PTR, PTR, I64], [PTR]),
  f("memset", [PTR, I32, I64], [PTR]),
  f("malloc", [I64], [PTR]),
  f("calloc", [I64, I64], [PTR]),
  f("realloc", [PTR, I64], [PTR]),
  f("free", [PTR], []),
  // signals and processes
  f("sigaction", [I32, PTR, PTR], [I32]),
  f("raise", [I32], [I32]),
  f("getpid", [], [I32]),
  f("syscall", [I64], [I64]),
  f("getrlimit", [I32, PTR], [I32]),
  // threads
  f("pthread_self", [], [I64]),
  f("pthread_getattr_np", [I64, PTR], [I32]),
  f("pthread_attr_getstack", [PTR, PTR, PTR], [I32]),
  f("pthread_attr_destroy", [PTR], [I32]),
  f("pthread_key_create", [PTR, PTR], [I32]),
  f("pthread_key_delete", [I32], [I32]),
  f("pthread_setspecific", [I32, PTR], [I32]),
  f("pthread_mutex_lock", [PTR], [I32]),
  f("pthread_mutex_unlock", [PTR], [I32]),
  // CPython
  f("PyInterpreterState_Get", [], [PTR]),
  f("PyInterpreterState_GetDict", [PTR], [PTR]),
  f("PyDict_GetItemString", [PTR, PTR], [PTR]),
  f("PyDict_SetItemString", [PTR, PTR, PTR], [I32]),
  f("PyCapsule_New", [PTR, PTR, PTR], [PTR]),
  f("PyCapsule_GetPointer", [PTR, PTR], [PTR]),
  f("Py_IncRef", [PTR], []),
  f("Py_DecRef", [PTR], []),
  f("PyErr_Occurred", [], [PTR]),
  f("PyErr_SetString", [PTR, PTR], []),
  f("PyErr_SetObject", [PTR, PTR], []),
  f("PyErr_NoMemory", [], [PTR]),
  f("PyErr_Clear", [], []),
  f("PyErr_CheckSignals", [], [I32]),
  f("PyEval_SaveThread", [], [PTR]),
  f("PyEval_RestoreThread", [PTR], []),
  f("PyBytes_FromStringAndSize", [PTR, I64], [PTR]),
  f("PyLong_FromLong", [I64], [PTR]),
  f("PyLong_FromVoidPtr", [PTR], [PTR]),
  f("PyTuple_New", [I64], [PTR]),
  f("PyTuple_SetItem", [PTR, I64, PTR], [I32]),
  f("PyObject_CallObject", [PTR, PTR], [PTR]),
  f("PyObject_IsInstance", [PTR, PTR], [I32]),
  f("PyObject_Type", [PTR], [PTR]),
];

/** Variables, each a pointer. */
const VARIABLES: readonly string[] = [
  "PyExc_BaseException",
  "PyExc_RuntimeError",
  "PyExc_SystemError",
  "PyExc_RecursionError",
];

/** Variables that need not exist: the highest stack address that glibc's loader saw on the main thread. */
const WEAK_VARIABLES: readonly string[] = ["__libc_stack_end"];

/** The number of the imported function `name`'s symbol. */
export function importedFunction(program: Program, name: string): number {
  const row = FUNCTIONS.find((r) => r.name === name);
  if (row === undefined) return unreachable(`no import ${name}`);
  return program.symbol(name, SYM_IMPORT, program.signature(row.params, row.results, CONV_C));
}

/** The number of the imported variable `name`'s symbol. */
export function importedVariable(program: Program, name: string): number {
  if (VARIABLES.includes(name)) return program.symbol(name, SYM_IMPORT);
  if (WEAK_VARIABLES.includes(name)) return program.symbol(name, SYM_IMPORT_WEAK);
  return unreachable(`no import ${name}`);
}
