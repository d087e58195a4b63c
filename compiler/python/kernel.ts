// The kernel: builtins through which the Python side (wasmpy/_link.py) completes an instance. The image's exec
// function calls `wasmpy._link.attach(module, kernel, meta)`, where `kernel` is a dict name → builtin of this
// instance (`self` is the module) and `meta` a str. All arguments are positional. A wrong number of them, an
// index out of range or an object of the wrong type raises TypeError, ValueError or IndexError; nothing that
// Python passes here is trusted but addresses.
//
// name                 arguments → result
// bind                 (kind, index, object, address) → None
//     Binds index `index` of index space `kind` (0 function, 1 table, 2 memory, 3 global, as in the binary
//     format) and keeps `object` alive as long as the instance. Imports of every kind, own memories and own tables
//     must be bound before `initialize`; own functions and own globals must not be.
//       function: address 0 and any callable (TypeError if not), or a builtin of any wasmpy image and the address
//                 `resolve` gave for it (link natively; the caller has compared the types).
//       table, memory, global: a native object (below), TypeError for any other; address 0. MemoryError if the image's
//                 code leaves bounds to the reservation of memory 0 (`guarded` in meta) and this one has reserved too
//                 little: the image compiled with checks takes it.
// function             (index) → builtin
//     The builtin that stands for function `index`: the same object each time. Own functions and imported ones;
//     an import that was bound natively gives the builtin of its origin. Only functions that escape (exported,
//     referenced by ref.func, in an element segment or global): others raise ValueError.
// record               (index) → int
//     Address of the function record of an escaping function, as tables hold it.
// resolve              (object) → (address, type) or None
//     Record and canonical type number of a builtin of any wasmpy image of this interpreter; None for all else.
// set_type             (index, number) → None
//     Canonical number (1…2⁶³−1) of the module's type `index`; all types before functions are bound and before
//     `initialize`, which enters them into the records of own functions.
// export_global        (index) → GlobalBase
//     A new global object that is an alias of the instance's global `index` (own or bound) and keeps the module alive.
//     For reading and writing from Python use one object per global.
// initialize           () → None
//     Runs element and data segments, global initialisers and the start function, once. Raises what a trap raises.
// close                () → None
//     From now on the functions of the instance raise ValueError, but for those that its own code calls, which may be
//     running; its builtins are no function references any more.
// clear                () → None
//     What the cyclic collector does to the instance: drops what may be part of a cycle. Imported Python callables and
//     references in its globals are gone then.
// configure            (trap) → None
//     The callable of this interpreter that makes exceptions of traps: trap(code, pc, sp, stack) → exception with
//     its traceback, see runtime/. Replaces the one before. None: traps become a plain RuntimeError.
// code                 () → (start, table, record, generation)
//     Address (int) of the image's code, and its PC table (memoryview), for tracebacks; see mach/pctable.ts. Address of
//     the image's record, for `close`; with its generation it stands for this opening of the image and no other.
// natives              () → (MemoryBase, TableBase, GlobalBase, watch, forget, close, ledger)
//     The native types below, shared by all images of the interpreter: they may be subclassed. And builtins that need no
//     instance: the image that gives them is never closed.
//
// watch                (signal, given_up) → None
//     Puts our signal handlers in front of those that were installed since: of memory faults, and wherever Python's
//     handler is, which the signal's is unless that has none. `given_up`: 1 if who displaced our handler of memory
//     faults last has ended, and may have put it back.
// forget               () → None
//     After a fork, a change of the stack's limit or of a thread's blocked signals: stacks are measured again, and faults
//     come through in this thread.
// close                (record, path) → bool
//     Closes the image that was opened by the path (bytes), if no module of it is left and it need not stay. The memory
//     of `code` is gone then.
// ledger               (collect) → (int, int)
//     Bytes that memories and tables hold, and their limit (runtime/ledger.ts). A `collect` that is not None is called
//     without arguments from now on, when they exceed it, in place of the one before.
//
// MemoryBase(minimum, maximum)       pages of 64 KiB, maximum -1: none. ValueError, MemoryError (as for 65537 pages)
//   .grow(pages) → int               old number of pages, or -1
//   ._size() → int                   bytes
//   ._limits() → (int, int)          pages now, declared maximum or -1
//   ._reserved() → int               bytes of address space: all that unchecked accesses can reach, or what there was
//   ._address() → int                of the memory record
//   buffer protocol                  writable bytes; a view taken before `grow` stays valid and short
// TableBase(functions, minimum, maximum)   functions: true for function references; maximum -1: none
//   ._get(index) → object            IndexError; None for null
//   ._set(index, object) → None      IndexError; TypeError if function references are wanted and it is none
//   .grow(count, object) → int       old size, or -1
//   ._size() → int
//   ._limits() → (int, int)          elements now, declared maximum or -1
//   ._functions() → bool
//   ._clear() → None                 all elements become null
//   ._address() → int
// GlobalBase(type, mutable, value)   type: 1 i32, 2 i64, 3 f32, 4 f64, 6 externref, 7 funcref, 8 other references
//   ._get() → object
//   ._set(object) → None             conversions as for arguments; TypeError if immutable
//   ._type() → (int, bool)           type, mutable
//   ._address() → int                of the cell

import {
  CONTEXT_GLOBAL_TYPE,
  CONTEXT_LEDGER,
  CONTEXT_MEMORY_TYPE,
  CONTEXT_RAISE,
  CONTEXT_TABLE_TYPE,
  FUNC_TYPE,
  GUARDED_RESERVATION,
  IMAGE_GENERATION,
  IMAGE_STAYS,
  LEDGER_BYTES,
  LEDGER_COLLECT,
  LEDGER_LIMIT,
  MEMORY_BASE,
  MEMORY_RESERVED,
  VMCTX_BASE,
  VMCTX_CONTEXT,
  VMCTX_FUNCS,
  VMCTX_IMAGE,
  VMCTX_MODULE,
} from "../abi/layout.ts";
import { PC_FUNCTIONS, PC_HEAD_BYTES, PC_SITES } from "../abi/pctable.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, I64, PTR } from "../ir/ops.ts";
import { CONV_C, CONV_WASM, SYM_DATA, SYM_FUNC, SYM_RODATA } from "../ir/program.ts";
import { PC_TABLE, TEXT_START } from "../runtime/body.ts";
import {
  SHAPE_GLOBALS,
  SHAPE_GUARDED,
  SHAPE_INITIALIZED,
  SHAPE_TYPE,
  SHAPE_TYPES,
  SPACE_BYTES,
  SPACE_COUNT,
  SPACE_OWNERS,
  SPACE_POINTERS,
  shape,
  shapeTable,
} from "../runtime/shape.ts";
import { EXT_FUNC, EXT_GLOBAL, EXT_MEMORY } from "../wasm/module.ts";
import { closeFunctions, importRecord, recordOf, typeRecords } from "./functions.ts";
import type { Glue } from "./glue.ts";
import { MethodList } from "./methods.ts";
import { CLEAR } from "./moduledef.ts";
import { aliasGlobal, nativeAddress } from "./natives.ts";
import type { PyCode } from "./pycode.ts";
import {
  GLOBAL_ROW_CODE,
  GLOBAL_ROW_IMPORTED,
  GLOBAL_ROW_MUTABLE,
  GLOBAL_ROW_PLACE,
  GLOBAL_ROW_SHIFT,
  GLOBALS,
} from "./rows.ts";
import { METHOD_DEF } from "./structures.ts";
import { startThunk } from "./thunks.ts";
import { boxFunc, findRecord, NO_CODE } from "./values.ts";

/** PyMethodDef of each builtin. */
export const KERNEL_METHODS = "wasmpy_kernel_methods";

const PYBUF_READ = 0x100;

/** Declares the builtins; the list, whose names `attach` sees. */
export function kernel(g: Glue): MethodList {
  const list = new MethodList(g, "wasmpy_kernel_");
  const state = (c: PyCode, self: Value) => c.api("PyModule_GetState", self);
  const integer = (c: PyCode, x: Value) => c.integer(x, () => c.retNull());
  const address = (c: PyCode, x: Value) => c.api("PyLong_FromVoidPtr", x);

  list.add("bind", 4, (c, self, [kind, index, object, at]) => {
    bind(
      c,
      g,
      state(c, self),
      integer(c, kind),
      integer(c, index),
      object,
      c.op(op.PTR_FROM_I64, integer(c, at)),
    );
  });

  list.add("function", 1, (c, self, [index]) => {
    const record = c.call(recordOf(g), [state(c, self), integer(c, index)]);
    c.needs(record);
    c.ret([c.call(boxFunc(g), [record])]);
  });

  list.add("record", 1, (c, self, [index]) => {
    const record = c.call(recordOf(g), [state(c, self), integer(c, index)]);
    c.needs(record);
    c.ret([address(c, record)]);
  });

  list.add("resolve", 1, (c, self, [object]) => {
    const functions = c.field(state(c, self), VMCTX_FUNCS);
    const record = c.call(findRecord(g), [functions, object]);
    c.when(c.isNull(record), () => {
      c.whenRarely(c.isThere(c.api("PyErr_Occurred")), () => c.retNull());
      c.retNone();
    });
    c.ret([c.tuple([address(c, record), c.api("PyLong_FromLongLong", c.field(record, FUNC_TYPE))])]);
  });

  list.add("set_type", 2, (c, self, [index, number]) => {
    const vmctx = state(c, self);
    const i = integer(c, index);
    const n = integer(c, number);
    c.whenRarely(c.op(op.I64_GE_U, i, shape(c, SHAPE_TYPES)), () => {
      c.raise("PyExc_IndexError", "no type of this index");
      c.retNull();
    });
    const types = c.op(op.PTR_ADD, vmctx, shape(c, SHAPE_TYPE));
    c.setCell(I64, c.element(types, i, 3), n);
    c.retNone();
  });

  list.add("export_global", 1, (c, self, [index]) => exportGlobal(c, g, state(c, self), integer(c, index)));

  list.add("initialize", 0, (c, self) => {
    const vmctx = state(c, self);
    const once = c.op(op.PTR_ADD, vmctx, shape(c, SHAPE_INITIALIZED));
    c.whenRarely(c.isTrue(c.cell(I64, once)), () => {
      c.raise("PyExc_RuntimeError", "the instance is initialized already");
      c.retNull();
    });
    c.setCell(I64, once, c.number(1));
    c.call(typeRecords(g), [vmctx]);
    const init = g.program.symbol("wasmpy_init", SYM_FUNC, g.program.signature([], [], CONV_WASM));
    c.ret([c.call(startThunk(g.program), [self, c.null(), c.number(0), c.symbol(init), c.null()])]);
  });

  list.add("close", 0, (c, self) => {
    c.call(closeFunctions(g), [state(c, self)]);
    c.retNone();
  });

  list.add("clear", 0, (c, self) => {
    c.call(g.program.symbol(CLEAR, SYM_FUNC, g.program.signature([PTR], [I32], CONV_C)), [self]);
    c.retNone();
  });

  list.add("configure", 1, (c, self, [raise]) => {
    const context = c.field(state(c, self), VMCTX_CONTEXT);
    const old = c.field(context, CONTEXT_RAISE);
    const callable = c.op(op.PTR_SELECT, c.isNone(raise), c.null(), raise);
    c.incref(callable);
    c.setField(context, CONTEXT_RAISE, callable);
    c.decref(old);
    c.retNone();
  });

  list.add("code", 0, (c, self) => {
    const start = c.symbol(g.program.symbol(TEXT_START, SYM_FUNC));
    const table = c.symbol(g.program.symbol(PC_TABLE, SYM_RODATA));
    // Two counts, then four columns of the one and two of the other.
    const functions = c.widen(c.field(table, PC_FUNCTIONS));
    const sites = c.widen(c.field(table, PC_SITES));
    const words = c.op(op.I64_ADD, c.op(op.I64_SHL, functions, c.number(1)), sites);
    const bytes = c.op(op.I64_ADD, c.op(op.I64_SHL, words, c.number(3)), c.number(PC_HEAD_BYTES));
    const view = c.api("PyMemoryView_FromMemory", table, bytes, c.i32(PYBUF_READ));
    const image = c.field(state(c, self), VMCTX_IMAGE);
    const generation = c.api("PyLong_FromLongLong", c.field(image, IMAGE_GENERATION));
    c.ret([c.tuple([address(c, start), view, address(c, image), generation])]);
  });

  const free = builtinsWithoutInstance(g);
  free.write("wasmpy_free_builtins");
  list.add("natives", 0, (c, self) => {
    const vmctx = state(c, self);
    c.setField(c.field(vmctx, VMCTX_IMAGE), IMAGE_STAYS, c.number(1));
    const context = c.field(vmctx, VMCTX_CONTEXT);
    const types = [CONTEXT_MEMORY_TYPE, CONTEXT_TABLE_TYPE, CONTEXT_GLOBAL_TYPE].map((field) =>
      c.field(context, field),
    );
    const methods = c.symbol(g.program.symbol("wasmpy_free_builtins", SYM_DATA));
    const builtins = free.methods.map((_, i) =>
      c.api("PyCFunction_NewEx", c.plus(methods, i * METHOD_DEF.bytes(c.model)), c.null(), c.null()),
    );
    for (const type of types) c.incref(type);
    c.ret([c.tuple([...types, ...builtins])]);
  });
  return list;
}

function builtinsWithoutInstance(g: Glue): MethodList {
  const list = new MethodList(g, "wasmpy_free_");
  const integer = (c: PyCode, x: Value) => c.integer(x, () => c.retNull());

  list.add("watch", 1, (c, _, [givenUp]) => {
    const word = c.op(op.I32_WRAP_I64, integer(c, givenUp));
    c.whenRarely(c.run("watch_faults", word), () => c.retNull());
    c.retNone();
  });

  list.add("forget", 0, (c) => {
    const context = c.run("context");
    c.needs(context);
    c.run("stacks_forget", context);
    c.retNone();
  });

  list.add("close", 2, (c, _, [record, path]) => {
    const text = c.api("PyBytes_AsString", path);
    c.needs(text);
    const isClosed = c.run("image_close", c.op(op.PTR_FROM_I64, integer(c, record)), text);
    c.ret([c.api("PyBool_FromLong", c.widen(isClosed))]);
  });
  list.add("ledger", 1, (c, _, [collect]) => {
    const context = c.run("context");
    c.needs(context);
    const ledger = c.addressOf(context, CONTEXT_LEDGER);
    c.when(c.op(op.I32_EQZ, c.isNone(collect)), () => {
      const old = c.field(ledger, LEDGER_COLLECT);
      c.incref(collect);
      c.setField(ledger, LEDGER_COLLECT, collect);
      c.decref(old);
    });
    const words = [LEDGER_BYTES, LEDGER_LIMIT].map((at) => c.api("PyLong_FromLongLong", c.field(ledger, at)));
    c.ret([c.tuple(words)]);
  });
  return list;
}

/** Binds index `index` of a space; returns None or null from here. */
function bind(
  c: PyCode,
  g: Glue,
  vmctx: Value,
  kind: Value,
  index: Value,
  object: Value,
  address: Value,
): void {
  const refuse = (exception: string, message: string) => {
    c.raise(exception, message);
    c.retNull();
  };
  const isKind = (known: number) => c.op(op.I64_EQ, kind, c.number(known));
  const refuseKind = () => refuse("PyExc_ValueError", "nothing of this kind can be bound");
  c.whenRarely(c.op(op.I64_LT_U, c.number(EXT_GLOBAL), kind), refuseKind);
  const space = c.op(op.PTR_ADD, shapeTable(c), c.op(op.I64_MUL, kind, c.number(SPACE_BYTES)));
  const word = (field: Field) => c.widen(c.field(space, field));
  const cell = (first: Field) => c.element(c.op(op.PTR_ADD, vmctx, word(first)), index, 3);
  const count = word(SPACE_COUNT);
  c.whenRarely(c.op(op.I64_EQZ, count), refuseKind);
  c.whenRarely(c.op(op.I64_GE_U, index, count), () => {
    refuse("PyExc_IndexError", "nothing of this index can be bound");
  });

  const target = c.variable(PTR);
  c.choose(
    isKind(EXT_FUNC),
    () => {
      c.set(target, address);
      c.when(c.isNull(address), () => {
        c.whenRarely(c.op(op.I32_EQZ, c.api("PyCallable_Check", object)), () => {
          refuse("PyExc_TypeError", "an imported function must be callable");
        });
        c.set(target, importRecord(c, g, vmctx, index, object));
      });
    },
    () => {
      const known = nativeAddress(c, c.field(vmctx, VMCTX_CONTEXT), kind, object);
      c.whenRarely(c.isNull(known), () => refuse("PyExc_TypeError", "not a native object of this kind"));
      c.set(target, known);
    },
  );
  c.when(c.op(op.I32_AND, isKind(EXT_MEMORY), c.op(op.I64_EQZ, index)), () => {
    const reserved = c.field(c.get(target), MEMORY_RESERVED);
    const isShort = c.op(op.I64_LT_U, reserved, c.number(GUARDED_RESERVATION));
    c.whenRarely(c.op(op.I32_AND, isShort, c.isTrue(shape(c, SHAPE_GUARDED))), () => {
      refuse("PyExc_MemoryError", "unchecked code needs a memory with all of its index space reserved");
    });
    c.setField(vmctx, VMCTX_BASE, c.field(c.get(target), MEMORY_BASE));
  });
  const owner = cell(SPACE_OWNERS);
  const old = c.content(PTR, owner);
  c.incref(object);
  c.setContent(PTR, owner, object);
  c.setCell(PTR, cell(SPACE_POINTERS), c.get(target));
  c.decref(old);
  c.retNone();
}

function exportGlobal(c: PyCode, g: Glue, vmctx: Value, index: Value): void {
  c.whenRarely(c.op(op.I64_GE_U, index, shape(c, SHAPE_GLOBALS)), () => {
    c.raise("PyExc_IndexError", "no global of this index");
    c.retNull();
  });
  const row = c.element(c.symbol(g.program.symbol(GLOBALS, SYM_RODATA)), index, GLOBAL_ROW_SHIFT);
  const word = (field: Field) => c.field(row, field);
  c.whenRarely(c.op(op.I32_EQ, word(GLOBAL_ROW_CODE), c.i32(NO_CODE)), () => {
    c.raise("PyExc_TypeError", "the global's values cannot be passed to or from Python");
    c.retNull();
  });
  const cell = c.variable(PTR);
  c.set(cell, c.op(op.PTR_ADD, vmctx, c.widen(word(GLOBAL_ROW_PLACE))));
  c.when(word(GLOBAL_ROW_IMPORTED), () => {
    c.set(cell, c.cell(PTR, c.get(cell)));
    c.whenRarely(c.isNull(c.get(cell)), () => {
      c.raise("PyExc_ValueError", "the imported global is not bound");
      c.retNull();
    });
  });
  const type = c.field(c.field(vmctx, VMCTX_CONTEXT), CONTEXT_GLOBAL_TYPE);
  const code = c.widen(word(GLOBAL_ROW_CODE));
  const mutable = c.widen(word(GLOBAL_ROW_MUTABLE));
  const module = c.field(vmctx, VMCTX_MODULE);
  c.ret([c.call(aliasGlobal(g), [type, c.get(cell), module, code, mutable])]);
}
