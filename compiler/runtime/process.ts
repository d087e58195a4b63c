// What the code of an image refers to in the process it lives in: functions and data of CPython's C API (the stable
// ABI of 3.10) and of the C library, with their C signatures in IR types. Nothing else names them, and no function with
// a variable number of arguments is among them: calls do not count floats in a register. `long`, sizes and
// pthread_t are i64 here: targets where they are not translate at the call.

import { Declaration, Declarations } from "../abi/declarations.ts";
import { F64, I32, I64, PTR } from "../ir/ops.ts";
import { CONV_C, type Program, SYM_IMPORT, SYM_IMPORT_WEAK } from "../ir/program.ts";

function f(name: string, params: readonly number[], results: readonly number[]): Declaration {
  return new Declaration(name, SYM_IMPORT, params, results, CONV_C);
}

/** Absent from some processes: its address is null there. */
function weak(name: string, params: readonly number[], results: readonly number[]): Declaration {
  return new Declaration(name, SYM_IMPORT_WEAK, params, results, CONV_C);
}

function datum(name: string): Declaration {
  return new Declaration(name, SYM_IMPORT, null, [], CONV_C);
}

function weakDatum(name: string): Declaration {
  return new Declaration(name, SYM_IMPORT_WEAK, null, [], CONV_C);
}

const C_API: readonly Declaration[] = [
  // references
  f("Py_IncRef", [PTR], []), // null is fine, here and below
  f("Py_DecRef", [PTR], []),
  weak("_Py_DecRefShared", [PTR], []), // free-threaded builds only: their inline Py_DECREF calls it
  datum("_Py_NoneStruct"),
  // integers and floats
  datum("PyLong_Type"),
  datum("PyFloat_Type"),
  f("PyNumber_Index", [PTR], [PTR]),
  f("PyLong_FromLong", [I64], [PTR]),
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
  datum("PyTuple_Type"),
  f("PyObject_Size", [PTR], [I64]),
  f("PyObject_GetIter", [PTR], [PTR]),
  f("PyIter_Next", [PTR], [PTR]), // null with and without an exception
  f("PyDict_New", [], [PTR]),
  f("PyDict_SetItem", [PTR, PTR, PTR], [I32]),
  f("PyDict_SetItemString", [PTR, PTR, PTR], [I32]),
  f("PyDict_GetItemString", [PTR, PTR], [PTR]), // borrowed, as the next
  f("PyDict_GetItemWithError", [PTR, PTR], [PTR]),
  f("PyDict_DelItem", [PTR, PTR], [I32]),
  f("PyBytes_FromStringAndSize", [PTR, I64], [PTR]),
  f("PyBytes_AsString", [PTR], [PTR]),
  f("PyUnicode_FromString", [PTR], [PTR]),
  f("PyUnicode_DecodeUTF8", [PTR, I64, PTR], [PTR]),
  f("PyMemoryView_FromMemory", [PTR, I64, I32], [PTR]),
  f("PyCapsule_New", [PTR, PTR, PTR], [PTR]),
  f("PyCapsule_GetPointer", [PTR, PTR], [PTR]),
  f("PyCapsule_GetContext", [PTR], [PTR]),
  f("PyCapsule_SetContext", [PTR, PTR], [I32]),
  // errors
  f("PyErr_Occurred", [], [PTR]),
  f("PyErr_Clear", [], []),
  f("PyErr_NoMemory", [], [PTR]),
  f("PyErr_SetString", [PTR, PTR], []),
  f("PyErr_SetObject", [PTR, PTR], []),
  f("PyErr_Fetch", [PTR, PTR, PTR], []),
  f("PyErr_Restore", [PTR, PTR, PTR], []),
  f("PyErr_CheckSignals", [], [I32]),
  f("PyErr_NewException", [PTR, PTR, PTR], [PTR]),
  f("PyErr_ExceptionMatches", [PTR], [I32]),
  f("PyErr_NormalizeException", [PTR, PTR, PTR], []),
  f("PyException_SetContext", [PTR, PTR], []), // steals the context
  f("PyException_SetTraceback", [PTR, PTR], [I32]),
  datum("PyExc_BaseException"),
  datum("PyExc_TypeError"),
  datum("PyExc_ValueError"),
  datum("PyExc_MemoryError"),
  datum("PyExc_IndexError"),
  datum("PyExc_OverflowError"),
  datum("PyExc_RuntimeError"),
  datum("PyExc_RecursionError"),
  datum("PyExc_ImportError"),
  datum("PyExc_SystemError"),
  // calls
  f("PyCallable_Check", [PTR], [I32]),
  f("PyObject_Call", [PTR, PTR, PTR], [PTR]),
  f("PyObject_CallObject", [PTR, PTR], [PTR]),
  f("PyObject_VectorcallDict", [PTR, PTR, I64, PTR], [PTR]),
  weak("PyObject_Vectorcall", [PTR, PTR, I64, PTR], [PTR]), // exported from 3.11
  f("PyObject_GetAttrString", [PTR, PTR], [PTR]),
  f("PyImport_ImportModule", [PTR], [PTR]),
  f("PyCFunction_NewEx", [PTR, PTR, PTR], [PTR]),
  // modules
  f("PyModuleDef_Init", [PTR], [PTR]),
  f("PyModule_GetState", [PTR], [PTR]),
  f("PyModule_GetNameObject", [PTR], [PTR]),
  weakDatum("Py_Version"), // from 3.11
  // types
  f("PyObject_Type", [PTR], [PTR]),
  f("PyObject_IsInstance", [PTR, PTR], [I32]),
  f("PyType_IsSubtype", [PTR, PTR], [I32]),
  f("PyType_FromSpec", [PTR], [PTR]),
  f("PyType_GenericAlloc", [PTR, I64], [PTR]),
  f("PyType_GetSlot", [PTR, I32], [PTR]),
  f("PyObject_GC_UnTrack", [PTR], []),
  f("PyBuffer_FillInfo", [PTR, PTR, PTR, I64, I32, I32], [I32]),
  // interpreters and threads
  f("PyInterpreterState_Get", [], [PTR]),
  f("PyInterpreterState_GetDict", [PTR], [PTR]),
  f("PyEval_SaveThread", [], [PTR]),
  f("PyEval_RestoreThread", [PTR], []),
  f("PyThreadState_Get", [], [PTR]),
  f("PyThreadState_GetDict", [], [PTR]), // borrowed
  f("PyThreadState_SetAsyncExc", [I64, PTR], [I32]),
  f("PyThread_get_thread_ident", [], [I64]),
  f("PyThread_allocate_lock", [], [PTR]),
  f("PyThread_free_lock", [PTR], []),
  f("PyThread_acquire_lock_timed", [PTR, I64, I32], [I32]), // microseconds; 1: it is ours
  f("PyThread_release_lock", [PTR], []),
  f("Py_MakePendingCalls", [], [I32]),
  // evaluation
  f("Py_CompileString", [PTR, PTR, I32], [PTR]),
  f("PyEval_EvalCode", [PTR, PTR, PTR], [PTR]),
  f("PySys_GetObject", [PTR], [PTR]), // borrowed
];

const LIBC: readonly Declaration[] = [
  // memory
  f("mmap", [PTR, I64, I32, I32, I32, I64], [PTR]),
  f("munmap", [PTR, I64], [I32]),
  f("mprotect", [PTR, I64, I32], [I32]),
  f("madvise", [PTR, I64, I32], [I32]),
  f("memcpy", [PTR, PTR, I64], [PTR]),
  f("memmove", [PTR, PTR, I64], [PTR]),
  f("memset", [PTR, I32, I64], [PTR]),
  f("malloc", [I64], [PTR]),
  f("calloc", [I64, I64], [PTR]),
  f("realloc", [PTR, I64], [PTR]),
  f("free", [PTR], []),
  // shared objects; glibc before 2.34 has them in a library of their own, as old static programs may not
  weak("dlopen", [PTR, I32], [PTR]),
  weak("dlclose", [PTR], [I32]),
  // signals and processes
  f("sigaction", [I32, PTR, PTR], [I32]),
  f("sigpending", [PTR], [I32]),
  f("raise", [I32], [I32]),
  f("getpid", [], [I32]),
  f("syscall", [I64], [I64]),
  f("getrlimit", [I32, PTR], [I32]),
  f("clock_gettime", [I32, PTR], [I32]),
  // threads
  f("pthread_self", [], [I64]),
  f("pthread_getattr_np", [I64, PTR], [I32]),
  f("pthread_attr_getstack", [PTR, PTR, PTR], [I32]),
  f("pthread_attr_destroy", [PTR], [I32]),
  f("pthread_key_create", [PTR, PTR], [I32]),
  f("pthread_key_delete", [I32], [I32]),
  f("pthread_setspecific", [I32, PTR], [I32]),
  f("pthread_sigmask", [I32, PTR, PTR], [I32]),
  f("pthread_mutex_lock", [PTR], [I32]),
  f("pthread_mutex_unlock", [PTR], [I32]),
  weakDatum("__libc_stack_end"), // the highest stack address that glibc's loader saw on the main thread
];

const PROCESS = new Declarations("", [...C_API, ...LIBC]);

/** The number of the symbol of the process's function or datum `name`. */
export function processSymbol(program: Program, name: string): number {
  return PROCESS.symbol(program, name);
}
