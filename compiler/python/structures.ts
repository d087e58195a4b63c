// Structures of CPython's C API, with the types that its headers give their members.

import {
  C_BYTE,
  C_DOUBLE,
  C_INT,
  C_INT64,
  C_POINTER,
  C_SHORT,
  C_SIZE,
  Structure,
} from "../abi/structures.ts";

/** PyObject in builds with the GIL. */
const object = new Structure("PyObject");
object.member("ob_refcnt", C_SIZE);
export const OBJECT_TYPE = object.member("ob_type", C_POINTER);

/** PyLongObject: up to 3.11 the signed number of digits, from 3.12 a tag with it. */
const int = new Structure("PyLongObject");
int.nested("ob_base", object);
export const INT_SIZE = int.member("ob_size", C_SIZE);
export const INT_DIGIT = int.member("ob_digit", C_INT);

const float = new Structure("PyFloatObject");
float.nested("ob_base", object);
export const FLOAT_VALUE = float.member("ob_fval", C_DOUBLE);
/** The same as the bits of it. */
const bits = new Structure("PyFloatObject as bits");
bits.nested("ob_base", object);
export const FLOAT_BITS = bits.member("ob_fval", C_INT64);

export const METHOD_DEF = new Structure("PyMethodDef");
export const METHOD_NAME = METHOD_DEF.member("ml_name", C_POINTER);
export const METHOD_FUNCTION = METHOD_DEF.member("ml_meth", C_POINTER);
export const METHOD_FLAGS = METHOD_DEF.member("ml_flags", C_INT);
export const METHOD_DOC = METHOD_DEF.member("ml_doc", C_POINTER);

export const METH_NOARGS = 4;
export const METH_O = 8;
export const METH_FASTCALL = 0x80;

const base = new Structure("PyModuleDef_Base");
const BASE_REFCOUNT = base.member("ob_refcnt", C_SIZE);
base.member("ob_type", C_POINTER);
base.member("m_init", C_POINTER);
base.member("m_index", C_SIZE);
base.member("m_copy", C_POINTER);

/** Up to 3.14. */
export const MODULE_DEF = new Structure("PyModuleDef");
export const DEF_REFCOUNT = MODULE_DEF.nested("m_base", base).of(BASE_REFCOUNT);
export const DEF_NAME = MODULE_DEF.member("m_name", C_POINTER);
MODULE_DEF.member("m_doc", C_POINTER);
export const DEF_SIZE = MODULE_DEF.member("m_size", C_SIZE);
MODULE_DEF.member("m_methods", C_POINTER);
export const DEF_SLOTS = MODULE_DEF.member("m_slots", C_POINTER);
export const DEF_TRAVERSE = MODULE_DEF.member("m_traverse", C_POINTER);
export const DEF_CLEAR = MODULE_DEF.member("m_clear", C_POINTER);
export const DEF_FREE = MODULE_DEF.member("m_free", C_POINTER);

/** PyModuleDef_Slot and PyType_Slot. */
export const SLOT = new Structure("PyModuleDef_Slot");
export const SLOT_NUMBER = SLOT.member("slot", C_INT);
export const SLOT_VALUE = SLOT.member("value", C_POINTER);

/** PySlot, from 3.15: a union of 64 bits, in which a pointer is the lower half where it has 32. */
export const NEW_SLOT = new Structure("PySlot");
export const NEW_SLOT_ID = NEW_SLOT.member("sl_id", C_SHORT);
export const NEW_SLOT_FLAGS = NEW_SLOT.member("sl_flags", C_SHORT);
NEW_SLOT.member("_sl_reserved", C_INT);
NEW_SLOT.member("union", C_INT64, 0);
export const NEW_SLOT_VALUE = NEW_SLOT.member("sl_size", C_SIZE);
NEW_SLOT.member("end", C_INT64, 0);

export const ABI_INFO = new Structure("PyABIInfo");
export const ABI_MAJOR = ABI_INFO.member("abiinfo_major_version", C_BYTE);
export const ABI_MINOR = ABI_INFO.member("abiinfo_minor_version", C_BYTE);
export const ABI_FLAGS = ABI_INFO.member("flags", C_SHORT);
export const ABI_BUILD_VERSION = ABI_INFO.member("build_version", C_INT);
export const ABI_VERSION = ABI_INFO.member("abi_version", C_INT);

export const TYPE_SPEC = new Structure("PyType_Spec");
export const SPEC_NAME = TYPE_SPEC.member("name", C_POINTER);
export const SPEC_BASICSIZE = TYPE_SPEC.member("basicsize", C_INT);
TYPE_SPEC.member("itemsize", C_INT);
export const SPEC_FLAGS = TYPE_SPEC.member("flags", C_INT);
export const SPEC_SLOTS = TYPE_SPEC.member("slots", C_POINTER);

/** All of them: to be printed, and to be compared with what a C compiler makes of the headers. */
export const STRUCTURES: readonly Structure[] = [
  object,
  int,
  float,
  METHOD_DEF,
  MODULE_DEF,
  SLOT,
  NEW_SLOT,
  ABI_INFO,
  TYPE_SPEC,
];
