// The image as an extension module, the code: the two doors PyInit_… (before 3.15) and PyModExport_… (from 3.15),
// the exec slot, and the functions with which CPython looks after the module state. The data, and the names of the
// doors, are in moduledef.ts.
//
// One image serves every CPython from 3.10 on. What differs is decided when the image is loaded: the slots by
// Py_Version, the reading of ints and floats by trying it, the place of the state pointer in a
// module object by looking for it.

import {
  CONTEXT_FUNCS,
  ELEM_BYTES,
  IMAGE_ENDED,
  IMAGE_MADE,
  IMAGE_METHODS,
  VMCTX_CONTEXT,
  VMCTX_FUNCS,
  VMCTX_FUNCTION,
  VMCTX_IMAGE,
  VMCTX_MODULE,
} from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, I64, PTR, REF } from "../ir/ops.ts";
import { SYM_DATA, SYM_RODATA } from "../ir/program.ts";
import { count } from "../runtime/images.ts";
import {
  REFERENCE_IS_FUNC,
  REFERENCE_PLACE,
  REFERENCE_SHIFT,
  REFERENCES,
  SHAPE_ELEM,
  SHAPE_ELEMS,
  SHAPE_META,
  SHAPE_OWNERS,
  SHAPE_REFERENCES,
  SHAPE_THUNK_CELLS,
  SPACE_OWNERS,
  shape,
  space,
  THUNK_CELL_BYTES,
  THUNK_CELL_DIGITS,
  THUNK_CELL_PLACE,
  THUNK_CELL_TAGGED,
  THUNK_CELLS,
} from "../runtime/shape.ts";
import { EXT_FUNC } from "../wasm/module.ts";
import { requireCpu } from "./cpu.ts";
import {
  eachBuiltin,
  eachImported,
  fillRecords,
  forgetBuiltin,
  makeBuiltin,
  methodCount,
} from "./functions.ts";
import type { Glue } from "./glue.ts";
import { vectorcallCell } from "./imports.ts";
import { KERNEL_METHODS, kernel } from "./kernel.ts";
import {
  CLEAR,
  DEFINITION,
  DOOR_EXPORT,
  DOOR_INIT,
  EXEC,
  FREE,
  META,
  SLOTS_3_12,
  SLOTS_3_15,
  TRAVERSE,
} from "./moduledef.ts";
import { makeTypes, visit } from "./natives.ts";
import type { PyCode } from "./pycode.ts";
import { DEF_SLOTS, FLOAT_BITS, METHOD_DEF, METHOD_NAME, OBJECT_TYPE } from "./structures.ts";
import { stateOffsetCell } from "./thunks.ts";
import { compactInt, DIGITS, TAGGED } from "./values.ts";

const VERSION_3_12 = 0x030c0000;

/** Numbers around every edge of the representations of int; only those of one digit are ever read directly. */
const PROBES = Float64Array.of(
  0,
  1,
  -1,
  2,
  255,
  256,
  257,
  -5,
  -6,
  1023,
  1024,
  1025,
  32767,
  -32768,
  32768,
  123456789,
  -123456789,
  536870912,
  1073741823,
  -1073741823,
  1073741824,
  -1073741824,
  2147483647,
  -2147483648,
  4294967295,
  1099511627776,
  -(2 ** 59),
  2 ** 60,
  2 ** 53,
  -(2 ** 63),
);
/** So many of them must have been read, each right. */
const ENOUGH_PROBES = 20;
/** Words of a module object in which the pointer to its state may be. */
const STATE_PLACES: readonly number[] = [6, 5, 4, 3, 2];
const FLOAT_PROBE_HIGH = 0x40934a00; // 1234.5

/** Declares what CPython calls. */
export function declareModule(g: Glue): void {
  execFunction(g);
  traverseFunction(g);
  freeFunction(g);
  initDoor(g);
  exportDoor(g);
}

// --- doors --------------------------------------------------------------------------------------------------

function initDoor(g: Glue): void {
  g.defineC(DOOR_INIT, [], [PTR], (c) => {
    // A PyModuleDef of this layout would crash a free-threaded interpreter; from 3.15 it enters by the other door.
    c.whenRarely(c.isThere(c.apiAddress("_Py_DecRefShared")), () => {
      c.raise("PyExc_ImportError", "this WebAssembly image needs CPython 3.15 or a build with the GIL");
      c.retNull();
    });
    const symbol = (name: string) => c.symbol(g.program.symbol(name, SYM_DATA));
    const definition = symbol(DEFINITION);
    const version = c.apiAddress("Py_Version");
    c.when(c.isThere(version), () => {
      const isNew = c.op(op.I32_GE_U, c.content(I32, version), c.i32(VERSION_3_12));
      c.when(isNew, () => c.setMember(definition, DEF_SLOTS, symbol(SLOTS_3_12)));
    });
    c.ret([c.api("PyModuleDef_Init", definition)]);
  });
}

function exportDoor(g: Glue): void {
  g.defineC(DOOR_EXPORT, [], [PTR], (c) => {
    c.ret([c.symbol(g.program.symbol(SLOTS_3_15, SYM_DATA))]);
  });
}

// --- exec ---------------------------------------------------------------------------------------------------

/** (module) → 0, or -1: exception. Fills the instance and hands it over to the Python side. */
function execFunction(g: Glue): void {
  const builtins = kernel(g);
  builtins.write(KERNEL_METHODS);
  const build = g.defineC("wasmpy_attach", [PTR], [PTR], (c) => {
    const module = c.argument(0);
    const link = c.api("PyImport_ImportModule", c.text("wasmpy._link"));
    c.needs(link);
    const attach = c.api("PyObject_GetAttrString", link, c.text("attach"));
    c.decref(link);
    c.needs(attach);
    const dict = c.api("PyDict_New");
    c.needs(dict, attach);
    const methods = c.symbol(g.program.symbol(KERNEL_METHODS, SYM_DATA));
    c.repeat(c.number(builtins.methods.length), (i) => {
      const method = c.op(op.PTR_ADD, methods, c.op(op.I64_MUL, i, c.number(METHOD_DEF.bytes(c.model))));
      const builtin = c.api("PyCFunction_NewEx", method, module, c.null());
      c.needs(builtin, dict, attach);
      const status = c.api("PyDict_SetItemString", dict, c.member(method, METHOD_NAME), builtin);
      c.decref(builtin);
      c.needsZero(status, dict, attach);
    });
    const meta = c.symbol(g.program.symbol(META, SYM_RODATA));
    const text = c.api("PyUnicode_DecodeUTF8", meta, shape(c, SHAPE_META), c.null());
    c.needs(text, dict, attach);
    c.incref(module);
    const args = c.tuple([module, dict, text], attach);
    const result = c.api("PyObject_Call", attach, args, c.null());
    c.decref(attach);
    c.decref(args);
    c.ret([result]);
  });
  g.defineC(EXEC, [PTR], [I32], (c) => {
    const module = c.argument(0);
    const failIf = (condition: Value) => c.whenRarely(condition, () => c.ret([c.i32(-1)]));
    const vmctx = c.api("PyModule_GetState", module);
    failIf(c.isNull(vmctx));
    failIf(c.call(probe(g), [module, vmctx]));
    const context = c.run("context");
    failIf(c.isNull(context));
    failIf(c.run("breaker_find", context));
    const image = c.run("image", context);
    failIf(c.isNull(image));
    // From here on it counts, however the rest goes: the end of the module takes it back.
    count(c, image, IMAGE_MADE);
    c.setField(vmctx, VMCTX_IMAGE, image);
    failIf(c.call(makeTypes(g), [context, image]));
    failIf(c.call(makeMethods(g), [image]));
    failIf(c.run("watch_faults", c.i32(0)));
    const functions = c.field(context, CONTEXT_FUNCS);
    c.incref(functions);
    c.setField(vmctx, VMCTX_FUNCS, functions);
    c.setField(vmctx, VMCTX_CONTEXT, context);
    c.setField(vmctx, VMCTX_MODULE, module);
    c.setField(vmctx, VMCTX_FUNCTION, c.symbol(makeBuiltin(g)));
    c.call(fillRecords(g), [vmctx]);
    const result = c.call(build, [module]);
    failIf(c.isNull(result));
    c.decref(result);
    c.ret([c.i32(0)]);
  });
}

/** (record of the image) → 0, or -1: exception. */
function makeMethods(g: Glue): number {
  return g.defineC("wasmpy_make_methods", [PTR], [I32], (c) => {
    const image = c.argument(0);
    c.when(c.isThere(c.field(image, IMAGE_METHODS)), () => c.ret([c.i32(0)]));
    const methods = c.api("calloc", methodCount(c), c.number(METHOD_DEF.bytes(c.model)));
    c.whenRarely(c.isNull(methods), () => {
      c.api("PyErr_NoMemory");
      c.ret([c.i32(-1)]);
    });
    c.setField(image, IMAGE_METHODS, methods);
    c.ret([c.i32(0)]);
  });
}

/**
 * (module, its state) → 0, or -1: exception. Sets the cells of the image that tell what this interpreter is like:
 * once per process, or several times to the same values.
 */
function probe(g: Glue): number {
  const numbers = g.data.constant("wasmpy_probes");
  for (const x of PROBES) numbers.word64(x | 0, Math.floor(x / 0x1_0000_0000) | 0);
  const table = numbers.end();
  const digits = layoutProbe(g, table, DIGITS);
  const tagged = layoutProbe(g, table, TAGGED);
  const done = g.cell("wasmpy_probed");
  return g.defineC("wasmpy_probe", [PTR, PTR], [I32], (c) => {
    c.when(c.isTrue(c.content(I64, c.symbol(done))), () => c.ret([c.i32(0)]));
    c.whenRarely(c.call(requireCpu(g), []), () => c.ret([c.i32(-1)]));
    const vectorcall = c.apiAddress("PyObject_Vectorcall");
    const older = c.apiAddress("PyObject_VectorcallDict");
    const chosen = c.op(op.PTR_SELECT, c.isNull(vectorcall), older, vectorcall);
    c.setContent(PTR, c.symbol(vectorcallCell(g)), chosen);

    const offset = c.variable(I64);
    c.set(offset, c.number(0));
    for (const word of STATE_PLACES) {
      const found = c.op(op.PTR_EQ, c.pointerAt(c.argument(0), word), c.argument(1));
      c.set(offset, c.op(op.I64_SELECT, found, c.number(word * c.model.wordBytes), c.get(offset)));
    }
    const x = c.api("PyFloat_FromDouble", c.f64(0, FLOAT_PROBE_HIGH));
    c.whenRarely(c.isNull(x), () => c.ret([c.i32(-1)]));
    const isFloat = c.op(op.PTR_EQ, c.member(x, OBJECT_TYPE), c.apiAddress("PyFloat_Type"));
    const isValue = c.op(op.I64_EQ, c.member(x, FLOAT_BITS), c.i64(0, FLOAT_PROBE_HIGH));
    c.decref(x);
    c.when(c.op(op.I32_AND, c.isTrue(c.get(offset)), c.op(op.I32_AND, isFloat, isValue)), () => {
      c.setContent(I64, c.symbol(stateOffsetCell(g)), c.get(offset));
      const table = c.symbol(g.program.symbol(THUNK_CELLS, SYM_RODATA));
      const choose = (works: number, thunk: Field) => {
        const status = c.call(works, []);
        c.whenRarely(c.op(op.I32_LT_S, status, c.i32(0)), () => c.ret([c.i32(-1)]));
        c.when(status, () => {
          c.repeat(shape(c, SHAPE_THUNK_CELLS), (i) => {
            const row = c.op(op.PTR_ADD, table, c.op(op.I64_MUL, i, c.number(THUNK_CELL_BYTES)));
            c.setContent(PTR, c.behind(row, THUNK_CELL_PLACE), c.behind(row, thunk));
          });
        });
      };
      choose(digits, THUNK_CELL_DIGITS);
      choose(tagged, THUNK_CELL_TAGGED);
    });
    c.setContent(I64, c.symbol(done), c.number(1));
    c.ret([c.i32(0)]);
  });
}

/** () → 1 if ints can be read as `variant` says, 0 if not, -1: exception. */
function layoutProbe(g: Glue, table: number, variant: number): number {
  return g.defineC(`wasmpy_probe_${variant === DIGITS ? "digits" : "tagged"}`, [], [I32], (c) => {
    const wrong = c.variable(I32);
    const read = c.variable(I64);
    c.set(wrong, c.i32(0));
    c.set(read, c.number(0));
    c.repeat(c.number(PROBES.length), (i) => {
      const value = c.content(I64, c.element(c.symbol(table), i, 3));
      const object = c.api("PyLong_FromLongLong", value);
      c.whenRarely(c.isNull(object), () => c.ret([c.i32(-1)]));
      const isOther = c.op(op.PTR_NE, c.member(object, OBJECT_TYPE), c.apiAddress("PyLong_Type"));
      c.set(wrong, c.op(op.I32_OR, c.get(wrong), isOther));
      const larger = c.block();
      const direct = compactInt(c, variant, object, larger);
      c.set(wrong, c.op(op.I32_OR, c.get(wrong), c.op(op.I64_NE, direct, value)));
      c.set(read, c.op(op.I64_ADD, c.get(read), c.number(1)));
      c.jump(larger, []);
      c.seal(larger);
      c.switchTo(larger);
      c.decref(object);
    });
    const isEnough = c.op(op.I64_GE_U, c.get(read), c.number(ENOUGH_PROBES));
    c.ret([c.op(op.I32_AND, isEnough, c.op(op.I32_EQZ, c.get(wrong)))]);
  });
}

// --- the module state ---------------------------------------------------------------------------------------

/** Runs `body` for the state of the module, the first argument; returns 0 at once if it has none. */
function stateOf(c: PyCode, ret: () => void): Value {
  const vmctx = c.api("PyModule_GetState", c.argument(0));
  c.whenRarely(c.isNull(vmctx), ret);
  return vmctx;
}

/** Runs `body` for the cell of each own global that holds a reference; `isFunc`: 1 for function references. */
function eachReference(c: PyCode, vmctx: Value, body: (cell: Value, isFunc: Value) => void): void {
  const table = c.symbol(c.program.symbol(REFERENCES, SYM_RODATA));
  c.repeat(shape(c, SHAPE_REFERENCES), (i) => {
    const row = c.element(table, i, REFERENCE_SHIFT);
    const cell = c.op(op.PTR_ADD, vmctx, c.widen(c.field(row, REFERENCE_PLACE)));
    body(cell, c.field(row, REFERENCE_IS_FUNC));
  });
}

/** Runs `body` for each cell that owns what was bound. */
function eachOwner(c: PyCode, vmctx: Value, body: (cell: Value) => void): void {
  const first = c.op(op.PTR_ADD, vmctx, space(c, EXT_FUNC, SPACE_OWNERS));
  c.repeat(shape(c, SHAPE_OWNERS), (i) => body(c.element(first, i, 3)));
}

/** (module, visit, argument) */
function traverseFunction(g: Glue): void {
  g.defineC(TRAVERSE, [PTR, PTR, PTR], [I32], (c) => {
    const vmctx = stateOf(c, () => c.ret([c.i32(0)]));
    const visitCell = (cell: Value) => visit(c, c.content(PTR, cell), c.argument(1), c.argument(2));
    visitCell(c.addressOf(vmctx, VMCTX_FUNCS));
    eachBuiltin(c, vmctx, visitCell);
    eachOwner(c, vmctx, visitCell);
    eachReference(c, vmctx, (cell, isFunc) => {
      const owner = c.run("owner", c.content(REF, cell), isFunc);
      visit(c, owner, c.argument(1), c.argument(2));
    });
    c.ret([c.i32(0)]);
  });
}

/**
 * (module). Breaks the cycles that go through the instance and leaves it usable: finalizers may still call it.
 * Memories, tables, globals and linked instances stay: cycles through them are broken on their side.
 */
function clearFunction(g: Glue): number {
  return g.defineC(CLEAR, [PTR], [I32], (c) => {
    const vmctx = stateOf(c, () => c.ret([c.i32(0)]));
    eachBuiltin(c, vmctx, (cell) => c.call(forgetBuiltin(g), [vmctx, cell]));
    eachImported(c, vmctx, (cell, owner) => {
      // Python callables become None, which is not callable.
      const callable = c.content(PTR, owner);
      const isPython = c.op(op.PTR_EQ, callable, c.content(PTR, cell));
      c.when(c.op(op.I32_AND, isPython, c.isThere(callable)), () => {
        c.setContent(PTR, cell, c.none());
        c.setContent(PTR, owner, c.null());
        c.decref(callable);
      });
    });
    eachReference(c, vmctx, (cell, isFunc) => c.run("ref_store", cell, c.zero(REF), isFunc));
    c.ret([c.i32(0)]);
  });
}

/** (module): the end of the instance. No code of it can be running. */
function freeFunction(g: Glue): void {
  const clear = clearFunction(g);
  g.defineC(FREE, [PTR], [], (c) => buildFree(c, clear, () => {}));
}

/** For an instance that runs without the lock of the interpreter. */
export function replaceFree(g: Glue): void {
  const clear = clearFunction(g);
  g.replace(FREE, [PTR], [], (c) => buildFree(c, clear, (vmctx) => c.run("nogil_free", vmctx)));
}

/** `also`: what else is to be freed. */
function buildFree(c: PyCode, clear: number, also: (vmctx: Value) => void): void {
  const vmctx = stateOf(c, () => c.ret([]));
  c.call(clear, [c.argument(0)]);
  const drop = (cell: Value) => {
    const object = c.content(PTR, cell);
    c.setContent(PTR, cell, c.null());
    c.decref(object);
  };
  eachOwner(c, vmctx, drop);
  const elems = c.op(op.PTR_ADD, vmctx, shape(c, SHAPE_ELEM));
  c.repeat(shape(c, SHAPE_ELEMS), (i) => {
    c.run("elem_free", c.op(op.PTR_ADD, elems, c.op(op.I64_MUL, i, c.number(ELEM_BYTES))));
  });
  drop(c.addressOf(vmctx, VMCTX_FUNCS));
  also(vmctx);
  const image = c.field(vmctx, VMCTX_IMAGE);
  c.when(c.isThere(image), () => count(c, image, IMAGE_ENDED));
  c.ret([]);
}
