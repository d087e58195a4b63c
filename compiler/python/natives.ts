// The native types MemoryBase, TableBase and GlobalBase (kernel.ts has their methods): heap types, made once per
// interpreter by the first image that needs them and kept in the context. The Python side subclasses them.
//
// The fields of objects start behind the largest object header there is (free-threaded builds: 32 bytes), so that
// one layout serves all.

import {
  CONTEXT_FUNCS,
  CONTEXT_GLOBAL_TYPE,
  CONTEXT_LEDGER,
  CONTEXT_MEMORY_TYPE,
  CONTEXT_TABLE_TYPE,
  GLOBAL_BYTES,
  IMAGE_STAYS,
  MEMORY_BASE,
  MEMORY_LEDGER,
  MEMORY_RECORD_BYTES,
  MEMORY_RESERVED,
  MEMORY_SIZE,
  TABLE_BASE,
  TABLE_IS_FUNC,
  TABLE_LEDGER,
  TABLE_RECORD_BYTES,
  TABLE_SIZE,
} from "../abi/layout.ts";
import { CELL_BYTES, type Field, RecordType } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import { REGION_C } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { F32, F64, I32, I64, PTR, REF } from "../ir/ops.ts";
import { isOver } from "../runtime/ledger.ts";
import { EXT_GLOBAL, EXT_MEMORY, EXT_TABLE } from "../wasm/module.ts";
import * as wasm from "../wasm/types.ts";
import type { Glue } from "./glue.ts";
import { MethodList } from "./methods.ts";
import type { PyCode } from "./pycode.ts";
import {
  SLOT,
  SLOT_NUMBER,
  SLOT_VALUE,
  SPEC_BASICSIZE,
  SPEC_FLAGS,
  SPEC_NAME,
  SPEC_SLOTS,
  TYPE_SPEC,
} from "./structures.ts";
import {
  boxExtern,
  boxFunc,
  boxOpaque,
  EXTERN_CODE,
  FUNC_CODE,
  NO_PYTHON_FORM,
  OPAQUE_CODE,
  toF64,
  toFunc,
  toI32,
  toI64,
} from "./values.ts";

const HEADER = 32;

/** A memory object: its record, the declared maximum in pages or -1. */
const memoryObject = new RecordType("memory object", REGION_C, CELL_BYTES, HEADER);
const MEMORY_RECORD = memoryObject.area("record", MEMORY_RECORD_BYTES);
const MEMORY_DECLARED = memoryObject.i64("declared");
const PAGE_SHIFT = 16;
const MOST_PAGES = 65536;

/** A table object: its record, the declared maximum or -1. */
const tableObject = new RecordType("table object", REGION_C, CELL_BYTES, HEADER);
const TABLE_RECORD = tableObject.area("record", TABLE_RECORD_BYTES);
const TABLE_DECLARED = tableObject.i64("declared");

/** A global object: address of the cell, whose it is (owned; null: its own), code of the type, mutable, own cell. */
const globalObject = new RecordType("global object", REGION_C, CELL_BYTES, HEADER);
const GLOBAL_CELL = globalObject.pointer("cell");
const GLOBAL_OWNER = globalObject.pointer("owner");
const GLOBAL_TYPE = globalObject.word("type");
const GLOBAL_MUTABLE = globalObject.word("mutable");
const GLOBAL_OWN_CELL = globalObject.area("own cell", GLOBAL_BYTES);

// PyType_Slot
const BF_GETBUFFER = 1;
const TP_CLEAR = 51;
const TP_DEALLOC = 52;
const TP_METHODS = 64;
const TP_NEW = 65;
const TP_TRAVERSE = 71;
const TP_FREE = 74;
// Py_TPFLAGS_…
const BASETYPE = 1 << 10;
const HAVE_GC = 1 << 14;

const NEW: readonly number[] = [PTR, PTR, PTR]; // type, arguments, keywords
const TRAVERSE: readonly number[] = [PTR, PTR, PTR]; // object, visit, its argument

/**
 * (context, record of the image) → 0, or -1: exception. Makes the types and the dictionary of functions if the context
 * lacks them; the image whose code they refer to stays.
 */
export function makeTypes(g: Glue): number {
  const memory = memoryType(g);
  const table = tableType(g);
  const global = globalType(g);
  return g.defineC("wasmpy_make_types", [PTR, PTR], [I32], (c) => {
    const [context, image] = [c.argument(0), c.argument(1)];
    // Of an image that made the context but failed before it had made all types, the context refers to code, too.
    c.when(c.isNull(c.field(context, CONTEXT_FUNCS)), () => {
      c.setField(image, IMAGE_STAYS, c.number(1));
    });
    const make = (field: Field, value: () => Value) => {
      c.when(c.isNull(c.field(context, field)), () => {
        const made = value();
        c.whenRarely(c.isNull(made), () => c.ret([c.i32(-1)]));
        c.setField(context, field, made);
      });
    };
    make(CONTEXT_MEMORY_TYPE, () => c.api("PyType_FromSpec", c.symbol(memory)));
    make(CONTEXT_TABLE_TYPE, () => c.api("PyType_FromSpec", c.symbol(table)));
    make(CONTEXT_GLOBAL_TYPE, () => c.api("PyType_FromSpec", c.symbol(global)));
    make(CONTEXT_FUNCS, () => c.api("PyDict_New"));
    c.ret([c.i32(0)]);
  });
}

/**
 * What instances know of a native object: of a memory or table the record, of a global the cell. Null if the object
 * is not of the type that belongs to the kind of import, whatever its `__class__` says.
 */
export function nativeAddress(c: PyCode, context: Value, kind: Value, object: Value): Value {
  const address = c.variable(PTR);
  c.set(address, c.null());
  const type = c.api("PyObject_Type", object);
  c.decref(type); // the object has one of its own
  const rows: readonly (readonly [number, Field, () => Value])[] = [
    [EXT_TABLE, CONTEXT_TABLE_TYPE, () => c.addressOf(object, TABLE_RECORD)],
    [EXT_MEMORY, CONTEXT_MEMORY_TYPE, () => c.addressOf(object, MEMORY_RECORD)],
    [EXT_GLOBAL, CONTEXT_GLOBAL_TYPE, () => c.field(object, GLOBAL_CELL)],
  ];
  for (const [known, field, value] of rows) {
    c.when(c.op(op.I64_EQ, kind, c.number(known)), () => {
      const isOne = c.api("PyType_IsSubtype", type, c.field(context, field));
      c.when(isOne, () => c.set(address, value()));
    });
  }
  return c.get(address);
}

// --- what the types share -----------------------------------------------------------------------------------

/** PyType_Spec and its slots: pairs of slot number and symbol. */
function typeSpec(
  g: Glue,
  name: string,
  bytes: number,
  flags: number,
  slots: readonly (readonly [number, number])[],
): number {
  const text = g.data.text(`wasmpy.${name}`);
  const list = g.data.variable(`wasmpy_${name}_slots`);
  for (const [slot, symbol] of slots) list.put(SLOT_NUMBER, slot).point(SLOT_VALUE, symbol).next(SLOT);
  const slotArray = list.next(SLOT).end();
  return g.data
    .variable(`wasmpy_${name}_spec`)
    .point(SPEC_NAME, text)
    .put(SPEC_BASICSIZE, bytes)
    .put(SPEC_FLAGS, BASETYPE | flags)
    .point(SPEC_SLOTS, slotArray)
    .next(TYPE_SPEC)
    .end();
}

/** The i-th argument of a constructor as an integer; returns null from here if it is none. */
function integerArgument(c: PyCode, args: Value, i: number): Value {
  return c.integer(c.api("PyTuple_GetItem", args, c.number(i)), () => c.retNull());
}

/** Returns null with TypeError unless a constructor got `count` arguments. */
function needsArguments(c: PyCode, args: Value, count: number, message: string): void {
  c.whenRarely(c.op(op.I64_NE, c.api("PyTuple_Size", args), c.number(count)), () => {
    c.raise("PyExc_TypeError", message);
    c.retNull();
  });
}

/** Returns null with ValueError unless min ≥ 0 and max is -1 or min ≤ max. How much there can be is not asked here. */
function needsLimits(c: PyCode, min: Value, max: Value): void {
  const isBad = c.op(
    op.I32_OR,
    c.op(op.I64_LT_S, min, c.number(0)),
    c.op(op.I32_AND, c.op(op.I64_NE, max, c.number(-1)), c.op(op.I64_LT_S, max, min)),
  );
  c.whenRarely(isBad, () => {
    c.raise("PyExc_ValueError", "invalid limits");
    c.retNull();
  });
}

/** Ends a dealloc: frees the object's storage and drops its reference to its type. */
function freeObject(c: PyCode, self: Value): void {
  const type = c.api("PyObject_Type", self);
  c.callC(c.api("PyType_GetSlot", type, c.i32(TP_FREE)), [PTR], [], [self]);
  c.decref(type); // the one just taken
  c.decref(type); // the object's
  c.ret([]);
}

/** Calls visit(object, argument) of a traverse function, which returns what it returns if that is not 0. */
export function visit(c: PyCode, object: Value, visitor: Value, argument: Value): void {
  c.when(c.isThere(object), () => {
    const status = c.callC(visitor, [PTR, PTR], [I32], [object, argument]);
    c.whenRarely(status, () => c.ret([status]));
  });
}

function visitType(c: PyCode): void {
  const type = c.api("PyObject_Type", c.argument(0));
  c.decref(type); // the object has one of its own
  visit(c, type, c.argument(1), c.argument(2));
}

function owner(c: PyCode, ref: Value, isFunc: Value): Value {
  return c.run("owner", ref, isFunc);
}

function retInteger(c: PyCode, x: Value): void {
  c.ret([c.api("PyLong_FromLongLong", x)]);
}

function retAddress(c: PyCode, x: Value): void {
  c.ret([c.api("PyLong_FromVoidPtr", x)]);
}

function retPair(c: PyCode, x: Value, y: Value): void {
  c.ret([c.tuple([c.api("PyLong_FromLongLong", x), c.api("PyLong_FromLongLong", y)])]);
}

function refOf(c: PyCode, address: Value): Value {
  return c.op(op.REF_FROM_PTR, address);
}

/** The reference for an object, 1 if a function is wanted; returns null from here if it is not one. */
function referenceFor(c: PyCode, g: Glue, object: Value, isFunc: Value): Value {
  const ref = c.variable(PTR);
  c.choose(
    isFunc,
    () => {
      const context = c.run("context");
      c.needs(context);
      const out = c.room(8);
      c.needsZero(c.call(toFunc(g), [c.field(context, CONTEXT_FUNCS), object, out]));
      c.set(ref, c.inRoom(PTR, out));
    },
    () => c.set(ref, c.op(op.PTR_SELECT, c.isNone(object), c.null(), object)),
  );
  return refOf(c, c.get(ref));
}

/** A new reference to the object for a reference (as address); null: exception. */
function objectFor(c: PyCode, g: Glue, ref: Value, isFunc: Value): Value {
  const object = c.variable(PTR);
  c.choose(
    isFunc,
    () => c.set(object, c.call(boxFunc(g), [ref])),
    () => c.set(object, boxExtern(c, ref)),
  );
  return c.get(object);
}

/** Enters the interpreter's ledger into a fresh object's record; returns null from here if there is none. */
function setLedger(c: PyCode, self: Value, field: Field): void {
  const context = c.run("context");
  c.needs(context, self);
  c.setField(self, field, c.addressOf(context, CONTEXT_LEDGER));
}

/** The object at `field` of whose record the ledger is has grown; returns null from here after an exception. */
function settle(c: PyCode, self: Value, field: Field, ...release: Value[]): void {
  const ledger = c.field(self, field);
  c.whenRarely(isOver(c, ledger), () => c.needsZero(c.run("ledger_settle", ledger), ...release));
}

// --- MemoryBase ---------------------------------------------------------------------------------------------

function memoryType(g: Glue): number {
  const methods = new MethodList(g, "wasmpy_memory_object_");
  methods.add("grow", 1, (c, self, [pages]) => {
    const count = c.integer(pages, () => c.retNull());
    c.whenRarely(c.op(op.I64_GT_U, count, c.number(MOST_PAGES)), () => retInteger(c, c.number(-1)));
    const before = c.run("memory_extend", c.addressOf(self, MEMORY_RECORD), count);
    settle(c, self, MEMORY_RECORD.of(MEMORY_LEDGER));
    retInteger(c, before);
  });
  methods.add("_size", 0, (c, self) => retInteger(c, c.field(self, MEMORY_RECORD.of(MEMORY_SIZE))));
  methods.add("_limits", 0, (c, self) => {
    const size = c.field(self, MEMORY_RECORD.of(MEMORY_SIZE));
    const pages = c.op(op.I64_SHR_U, size, c.number(PAGE_SHIFT));
    retPair(c, pages, c.field(self, MEMORY_DECLARED));
  });
  methods.add("_reserved", 0, (c, self) => retInteger(c, c.field(self, MEMORY_RECORD.of(MEMORY_RESERVED))));
  methods.add("_address", 0, (c, self) => retAddress(c, c.addressOf(self, MEMORY_RECORD)));

  const make = g.defineC("wasmpy_memory_object_new", NEW, [PTR], (c) => {
    const args = c.argument(1);
    needsArguments(c, args, 2, "a memory needs its minimum and maximum");
    const min = integerArgument(c, args, 0);
    const max = integerArgument(c, args, 1);
    needsLimits(c, min, max);
    const self = c.api("PyType_GenericAlloc", c.argument(0), c.number(0));
    c.needs(self);
    c.setField(self, MEMORY_DECLARED, max);
    setLedger(c, self, MEMORY_RECORD.of(MEMORY_LEDGER));
    c.needsZero(c.run("memory_create", c.addressOf(self, MEMORY_RECORD), min, max), self);
    settle(c, self, MEMORY_RECORD.of(MEMORY_LEDGER), self);
    c.ret([self]);
  });
  const dealloc = g.defineC("wasmpy_memory_object_dealloc", [PTR], [], (c) => {
    const self = c.argument(0);
    c.when(c.isThere(c.field(self, MEMORY_RECORD.of(MEMORY_BASE))), () => {
      c.run("memory_destroy", c.addressOf(self, MEMORY_RECORD));
    });
    freeObject(c, self);
  });
  const getBuffer = g.defineC("wasmpy_memory_object_buffer", [PTR, PTR, I32], [I32], (c) => {
    const self = c.argument(0);
    const base = c.field(self, MEMORY_RECORD.of(MEMORY_BASE));
    const size = c.field(self, MEMORY_RECORD.of(MEMORY_SIZE));
    c.ret([c.api("PyBuffer_FillInfo", c.argument(1), self, base, size, c.i32(0), c.argument(2))]);
  });
  return typeSpec(g, "MemoryBase", memoryObject.bytes, 0, [
    [TP_NEW, make],
    [TP_DEALLOC, dealloc],
    [TP_METHODS, methods.write("wasmpy_memory_methods")],
    [BF_GETBUFFER, getBuffer],
  ]);
}

// --- TableBase ----------------------------------------------------------------------------------------------

function tableType(g: Glue): number {
  const isFunc = (c: PyCode, self: Value) => c.field(self, TABLE_RECORD.of(TABLE_IS_FUNC));
  const size = (c: PyCode, self: Value) => c.field(self, TABLE_RECORD.of(TABLE_SIZE));
  const cell = (c: PyCode, self: Value, i: Value) =>
    c.element(c.field(self, TABLE_RECORD.of(TABLE_BASE)), i, 3);
  const checkedIndex = (c: PyCode, self: Value, object: Value) => {
    const index = c.integer(object, () => c.retNull());
    c.whenRarely(c.op(op.I64_GE_U, index, size(c, self)), () => {
      c.raise("PyExc_IndexError", "table index out of range");
      c.retNull();
    });
    return index;
  };

  const clear = g.defineC("wasmpy_table_object_clear", [PTR], [I32], (c) => {
    const self = c.argument(0);
    // A finalizer may grow the table, which moves its array: the cell is looked up for each.
    c.repeat(size(c, self), (i) => {
      c.run("ref_store", cell(c, self, i), c.zero(REF), isFunc(c, self));
    });
    c.ret([c.i32(0)]);
  });

  const methods = new MethodList(g, "wasmpy_table_object_");
  methods.add("_get", 1, (c, self, [index]) => {
    const ref = c.content(PTR, cell(c, self, checkedIndex(c, self, index)));
    c.ret([objectFor(c, g, ref, isFunc(c, self))]);
  });
  methods.add("_set", 2, (c, self, [index, object]) => {
    const i = checkedIndex(c, self, index);
    const ref = referenceFor(c, g, object, isFunc(c, self));
    c.run("ref_store", cell(c, self, i), ref, isFunc(c, self));
    c.retNone();
  });
  methods.add("grow", 2, (c, self, [count, object]) => {
    const n = c.integer(count, () => c.retNull());
    const ref = referenceFor(c, g, object, isFunc(c, self));
    c.whenRarely(c.op(op.I64_LT_S, n, c.number(0)), () => retInteger(c, c.number(-1)));
    const before = c.run("table_extend", c.addressOf(self, TABLE_RECORD), ref, n);
    settle(c, self, TABLE_RECORD.of(TABLE_LEDGER));
    retInteger(c, before);
  });
  methods.add("_clear", 0, (c, self) => {
    c.call(clear, [self]);
    c.retNone();
  });
  methods.add("_size", 0, (c, self) => retInteger(c, size(c, self)));
  methods.add("_limits", 0, (c, self) => retPair(c, size(c, self), c.field(self, TABLE_DECLARED)));
  methods.add("_functions", 0, (c, self) => c.ret([c.api("PyBool_FromLong", c.widen(isFunc(c, self)))]));
  methods.add("_address", 0, (c, self) => retAddress(c, c.addressOf(self, TABLE_RECORD)));

  const make = g.defineC("wasmpy_table_object_new", NEW, [PTR], (c) => {
    const args = c.argument(1);
    needsArguments(c, args, 3, "a table needs its kind, minimum and maximum");
    const functions = c.api("PyObject_IsTrue", c.api("PyTuple_GetItem", args, c.number(0)));
    c.whenRarely(c.op(op.I32_LT_S, functions, c.i32(0)), () => c.retNull());
    const min = integerArgument(c, args, 1);
    const max = integerArgument(c, args, 2);
    needsLimits(c, min, max);
    const self = c.api("PyType_GenericAlloc", c.argument(0), c.number(0));
    c.needs(self);
    c.setField(self, TABLE_DECLARED, max);
    setLedger(c, self, TABLE_RECORD.of(TABLE_LEDGER));
    c.needsZero(c.run("table_create", c.addressOf(self, TABLE_RECORD), functions, min, max), self);
    settle(c, self, TABLE_RECORD.of(TABLE_LEDGER), self);
    c.ret([self]);
  });
  const dealloc = g.defineC("wasmpy_table_object_dealloc", [PTR], [], (c) => {
    const self = c.argument(0);
    c.api("PyObject_GC_UnTrack", self);
    c.when(c.isThere(c.field(self, TABLE_RECORD.of(TABLE_BASE))), () => {
      c.run("table_destroy", c.addressOf(self, TABLE_RECORD));
    });
    freeObject(c, self);
  });
  const traverse = g.defineC("wasmpy_table_object_traverse", TRAVERSE, [I32], (c) => {
    const self = c.argument(0);
    visitType(c);
    c.repeat(size(c, self), (i) => {
      const ref = c.content(REF, cell(c, self, i));
      visit(c, owner(c, ref, isFunc(c, self)), c.argument(1), c.argument(2));
    });
    c.ret([c.i32(0)]);
  });
  return typeSpec(g, "TableBase", tableObject.bytes, HAVE_GC, [
    [TP_NEW, make],
    [TP_DEALLOC, dealloc],
    [TP_TRAVERSE, traverse],
    [TP_CLEAR, clear],
    [TP_METHODS, methods.write("wasmpy_table_methods")],
  ]);
}

// --- GlobalBase ---------------------------------------------------------------------------------------------

/** Runs `body` for the codes of types that are references; `isFunc` is 1 for functions. */
function whenReference(c: PyCode, type: Value, body: (isFunc: Value) => void): void {
  c.when(c.op(op.I64_GE_U, type, c.number(EXTERN_CODE)), () =>
    body(c.op(op.I64_EQ, type, c.number(FUNC_CODE))),
  );
}

/** (cell, code of the type) → new reference to its value; null: exception */
function readCell(g: Glue): number {
  return g.defineC("wasmpy_read_cell", [PTR, I64], [PTR], (c) => {
    const [cell, type] = [c.argument(0), c.argument(1)];
    const whenType = (code: number, value: () => Value) =>
      c.when(c.op(op.I64_EQ, type, c.number(code)), () => c.ret([value()]));
    const float = (x: Value) => c.api("PyFloat_FromDouble", x);
    whenType(wasm.I32, () => c.api("PyLong_FromLongLong", c.signExtend(c.content(I32, cell))));
    whenType(wasm.I64, () => c.api("PyLong_FromLongLong", c.content(I64, cell)));
    whenType(wasm.F32, () => float(c.op(op.F64_PROMOTE_F32, c.content(F32, cell))));
    whenType(wasm.F64, () => float(c.content(F64, cell)));
    whenType(OPAQUE_CODE, () => c.call(boxOpaque(g), [c.content(PTR, cell)]));
    c.ret([objectFor(c, g, c.content(PTR, cell), c.op(op.I64_EQ, type, c.number(FUNC_CODE)))]);
  });
}

/** (cell, code of the type, object) → None; null: exception */
function writeCell(g: Glue): number {
  return g.defineC("wasmpy_write_cell", [PTR, I64, PTR], [PTR], (c) => {
    const [cell, type, object] = [c.argument(0), c.argument(1), c.argument(2)];
    const whenType = (code: number, store: () => void) =>
      c.when(c.op(op.I64_EQ, type, c.number(code)), () => {
        store();
        c.retNone();
      });
    whenType(wasm.I32, () => c.needsZero(c.call(toI32(g, false), [object, cell])));
    whenType(wasm.I64, () => c.needsZero(c.call(toI64(g, false), [object, cell])));
    whenType(wasm.F64, () => c.needsZero(c.call(toF64(g), [object, cell])));
    whenType(wasm.F32, () => {
      const out = c.room(8);
      c.needsZero(c.call(toF64(g), [object, out]));
      c.setContent(F32, cell, c.op(op.F32_DEMOTE_F64, c.inRoom(F64, out)));
    });
    const isOpaque = c.op(op.I64_EQ, type, c.number(OPAQUE_CODE));
    c.whenRarely(c.op(op.I32_AND, isOpaque, c.op(op.I32_EQZ, c.isNone(object))), () => {
      c.raise("PyExc_TypeError", NO_PYTHON_FORM);
      c.retNull();
    });
    const isFunc = c.op(op.I64_EQ, type, c.number(FUNC_CODE));
    c.run("ref_store", cell, referenceFor(c, g, object, isFunc), isFunc);
    c.retNone();
  });
}

function globalType(g: Glue): number {
  const type = (c: PyCode, self: Value) => c.field(self, GLOBAL_TYPE);
  const cell = (c: PyCode, self: Value) => c.field(self, GLOBAL_CELL);

  const methods = new MethodList(g, "wasmpy_global_object_");
  methods.add("_get", 0, (c, self) => c.ret([c.call(readCell(g), [cell(c, self), type(c, self)])]));
  methods.add("_set", 1, (c, self, [object]) => {
    c.whenRarely(c.op(op.I64_EQZ, c.field(self, GLOBAL_MUTABLE)), () => {
      c.raise("PyExc_TypeError", "the global is immutable");
      c.retNull();
    });
    c.ret([c.call(writeCell(g), [cell(c, self), type(c, self), object])]);
  });
  methods.add("_type", 0, (c, self) => {
    const isMutable = c.api("PyBool_FromLong", c.field(self, GLOBAL_MUTABLE));
    c.ret([c.tuple([c.api("PyLong_FromLongLong", type(c, self)), isMutable])]);
  });
  methods.add("_address", 0, (c, self) => retAddress(c, cell(c, self)));

  const make = g.defineC("wasmpy_global_object_new", NEW, [PTR], (c) => {
    const args = c.argument(1);
    needsArguments(c, args, 3, "a global needs its type, whether it is mutable, and its value");
    const code = integerArgument(c, args, 0);
    const isKnown = [wasm.I32, wasm.I64, wasm.F32, wasm.F64, EXTERN_CODE, FUNC_CODE, OPAQUE_CODE]
      .map((known) => c.op(op.I64_EQ, code, c.number(known)))
      .reduce((a, b) => c.op(op.I32_OR, a, b));
    c.whenRarely(c.op(op.I32_EQZ, isKnown), () => {
      c.raise("PyExc_ValueError", "unknown type of a global");
      c.retNull();
    });
    const mutable = c.api("PyObject_IsTrue", c.api("PyTuple_GetItem", args, c.number(1)));
    c.whenRarely(c.op(op.I32_LT_S, mutable, c.i32(0)), () => c.retNull());
    const self = c.api("PyType_GenericAlloc", c.argument(0), c.number(0));
    c.needs(self);
    const own = c.addressOf(self, GLOBAL_OWN_CELL);
    c.setField(self, GLOBAL_CELL, own);
    c.setField(self, GLOBAL_TYPE, code);
    c.setField(self, GLOBAL_MUTABLE, c.widen(mutable));
    const value = c.api("PyTuple_GetItem", args, c.number(2));
    const none = c.call(writeCell(g), [own, code, value]);
    c.needs(none, self);
    c.decref(none);
    c.ret([self]);
  });
  const dropOwn = (c: PyCode, self: Value) => {
    c.when(c.isNull(c.field(self, GLOBAL_OWNER)), () => {
      whenReference(c, type(c, self), (isFunc) => {
        c.run("ref_store", c.addressOf(self, GLOBAL_OWN_CELL), c.zero(REF), isFunc);
      });
    });
  };
  const dealloc = g.defineC("wasmpy_global_object_dealloc", [PTR], [], (c) => {
    const self = c.argument(0);
    c.api("PyObject_GC_UnTrack", self);
    dropOwn(c, self);
    c.decref(c.field(self, GLOBAL_OWNER));
    freeObject(c, self);
  });
  const traverse = g.defineC("wasmpy_global_object_traverse", TRAVERSE, [I32], (c) => {
    const self = c.argument(0);
    visitType(c);
    const aliased = c.field(self, GLOBAL_OWNER);
    visit(c, aliased, c.argument(1), c.argument(2));
    c.when(c.isNull(aliased), () => {
      whenReference(c, type(c, self), (isFunc) => {
        const ref = c.content(REF, c.addressOf(self, GLOBAL_OWN_CELL));
        visit(c, owner(c, ref, isFunc), c.argument(1), c.argument(2));
      });
    });
    c.ret([c.i32(0)]);
  });
  // The owner of an alias stays: the cell must not vanish under an instance that uses it. Cycles through it are
  // broken where the owning instance is cleared.
  const clear = g.defineC("wasmpy_global_object_clear", [PTR], [I32], (c) => {
    dropOwn(c, c.argument(0));
    c.ret([c.i32(0)]);
  });
  return typeSpec(g, "GlobalBase", globalObject.bytes, HAVE_GC, [
    [TP_NEW, make],
    [TP_DEALLOC, dealloc],
    [TP_TRAVERSE, traverse],
    [TP_CLEAR, clear],
    [TP_METHODS, methods.write("wasmpy_global_methods")],
  ]);
}

/** (type object, cell, owner, code of the type, mutable) → new alias of an instance's cell; null: exception */
export function aliasGlobal(g: Glue): number {
  return g.defineC("wasmpy_alias_global", [PTR, PTR, PTR, I64, I64], [PTR], (c) => {
    const self = c.api("PyType_GenericAlloc", c.argument(0), c.number(0));
    c.needs(self);
    c.setField(self, GLOBAL_CELL, c.argument(1));
    c.setField(self, GLOBAL_OWNER, c.argument(2));
    c.setField(self, GLOBAL_TYPE, c.argument(3));
    c.setField(self, GLOBAL_MUTABLE, c.argument(4));
    c.incref(c.argument(2));
    c.ret([self]);
  });
}
