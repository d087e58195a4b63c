// The image as an extension module: the two doors PyInit_… (before 3.15) and PyModExport_… (from 3.15), the exec
// slot, and the functions with which CPython looks after the module state.
//
// One image serves every CPython from 3.10 on. What differs is decided when the image is loaded: the slots by
// Py_Version, the reading of ints and floats by trying it (docs: cpython), the place of the state pointer in a
// module object by looking for it.

import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import {
  CONTEXT_FUNCS,
  FUNC_OBJECT,
  FUNC_RECORD_BYTES,
  isFuncRef,
  VMCTX_CONTEXT,
  VMCTX_FUNCS,
  VMCTX_FUNCTION,
  VMCTX_MODULE,
} from "../ir/layout.ts";
import { I32, I64, PTR, REF } from "../ir/ops.ts";
import { SYM_RODATA } from "../ir/program.ts";
import { entry } from "../runtime/entries.ts";
import { isRef } from "../wasm/types.ts";
import { eachBuiltin, fillRecords, forgetBuiltin, makeBuiltin, methodsCell, rowCount } from "./functions.ts";
import type { Glue } from "./glue.ts";
import { vectorcallCell } from "./imports.ts";
import { kernel } from "./kernel.ts";
import { makeTypes, visit } from "./natives.ts";
import { initSuffix } from "./punycode.ts";
import type { PyCode } from "./pycode.ts";
import { METHOD_BYTES } from "./rows.ts";
import { stateOffsetCell } from "./thunks.ts";
import { compactInt, DIGITS, OBJECT_TYPE, OBJECT_VALUE, TAGGED } from "./values.ts";

// PyModuleDef_Slot, up to 3.14
const SLOT_EXEC = 2;
const SLOT_MULTIPLE_INTERPRETERS = 3;
const PER_INTERPRETER_GIL_SUPPORTED = 2;
const DEF_SLOTS = 72; // offset of m_slots in PyModuleDef

// PySlot, from 3.15
const MOD_EXEC = 85;
const MOD_MULTIPLE_INTERPRETERS = 86;
const MOD_NAME = 100;
const MOD_STATE_SIZE = 102;
const MOD_STATE_TRAVERSE = 104;
const MOD_STATE_CLEAR = 105;
const MOD_STATE_FREE = 106;
const MOD_ABI = 109;
const SLOT_STATIC = 2;
const SLOT_INTPTR = 4;
// PyABIInfo flags
const ABI_STABLE = 1;
const ABI_FREETHREADING_AGNOSTIC = 6;

const VERSION_3_12 = 0x030c0000;
const VERSION_3_15 = 0x030f0000;

/** Numbers around every edge of the representations of int; only those of one digit are ever read directly. */
const PROBES: readonly number[] = [
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
];
/** So many of them must have been read, each right. */
const ENOUGH_PROBES = 20;
const FLOAT_PROBE_HIGH = 0x40934a00; // 1234.5

/** Writes everything that the loader and CPython look at, and declares what it leads to. */
export function writeModule(g: Glue): void {
  const suffix = initSuffix(g.input.leaf);
  const name = g.data.text(g.input.leaf);
  const exec = execFunction(g);
  const traverse = traverseFunction(g);
  const clear = clearFunction(g);
  const free = freeFunction(g);

  const oldSlots = g.data.variable("wasmpy_slots_3_10").word(SLOT_EXEC).pointer(exec).zeros(16).end();
  const newSlots = g.data
    .variable("wasmpy_slots_3_12")
    .word(SLOT_EXEC)
    .pointer(exec)
    .word(SLOT_MULTIPLE_INTERPRETERS)
    .word(PER_INTERPRETER_GIL_SUPPORTED)
    .zeros(16)
    .end();
  const definition = g.data
    .variable("wasmpy_module_def")
    .word(1) // reference count
    .zeros(32) // type, m_init, m_index, m_copy
    .pointer(name)
    .word(0) // m_doc
    .word(g.state.bytes)
    .word(0) // m_methods
    .pointer(oldSlots)
    .pointer(traverse)
    .pointer(clear)
    .pointer(free)
    .end();
  const init = g.defineC(`PyInit${suffix}`, [], [PTR], (c) => {
    // A PyModuleDef of this layout would crash a free-threaded interpreter; from 3.15 it enters by the other door.
    c.whenRarely(c.isThere(c.apiAddress("_Py_DecRefShared")), () => {
      c.raise("PyExc_ImportError", "this WebAssembly image needs CPython 3.15 or a build with the GIL");
      c.retNull();
    });
    const version = c.apiAddress("Py_Version");
    c.when(c.isThere(version), () => {
      const isNew = c.op(op.I32_GE_U, c.field(I32, version, 0), c.i32(VERSION_3_12));
      c.when(isNew, () => c.setField(PTR, c.symbol(definition), DEF_SLOTS, c.symbol(newSlots)));
    });
    c.ret([c.api("PyModuleDef_Init", c.symbol(definition))]);
  });

  const abi = g.data
    .variable("wasmpy_abi_info")
    .u16(1) // version of the structure: 1.0
    .u16(ABI_STABLE | ABI_FREETHREADING_AGNOSTIC)
    .u32(VERSION_3_15) // built for
    .u32(VERSION_3_15) // needs
    .end();
  const slots = g.data.variable("wasmpy_slots_3_15");
  const slot = (id: number, flags: number) => slots.u16(id).u16(flags).u32(0);
  slot(MOD_ABI, SLOT_STATIC).pointer(abi);
  slot(MOD_NAME, SLOT_STATIC).pointer(name);
  slot(MOD_STATE_SIZE, 0).word(g.state.bytes);
  slot(MOD_EXEC, 0).pointer(exec);
  slot(MOD_STATE_TRAVERSE, 0).pointer(traverse);
  slot(MOD_STATE_CLEAR, 0).pointer(clear);
  slot(MOD_STATE_FREE, 0).pointer(free);
  slot(MOD_MULTIPLE_INTERPRETERS, SLOT_INTPTR).word(PER_INTERPRETER_GIL_SUPPORTED);
  const slotArray = slots.zeros(16).end();
  const modExport = g.defineC(`PyModExport${suffix}`, [], [PTR], (c) => c.ret([c.symbol(slotArray)]));
  g.image.exported.push(init, modExport);
}

// --- exec ---------------------------------------------------------------------------------------------------

/** (module) → 0, or -1: exception. Fills the instance and hands it over to the Python side. */
function execFunction(g: Glue): number {
  const builtins = kernel(g);
  const methods = builtins.write("wasmpy_kernel_methods");
  const { meta } = g.input;
  g.data.constant("wasmpy_meta").bytes(meta).end();
  const build = g.defineC("wasmpy_attach", [PTR], [PTR], (c) => {
    const module = c.argument(0);
    const link = c.api("PyImport_ImportModule", c.text("wasmpy._link"));
    c.needs(link);
    const attach = c.api("PyObject_GetAttrString", link, c.text("attach"));
    c.decref(link);
    c.needs(attach);
    const dict = c.api("PyDict_New");
    c.needs(dict, attach);
    builtins.methods.forEach((method, i) => {
      const at = c.plus(c.symbol(methods), i * METHOD_BYTES);
      const builtin = c.api("PyCFunction_NewEx", at, module, c.null());
      c.needs(builtin, dict, attach);
      const status = c.api("PyDict_SetItemString", dict, c.text(method.name), builtin);
      c.decref(builtin);
      c.needsZero(status, dict, attach);
    });
    const bytes = c.symbol(g.program.symbol("wasmpy_meta", SYM_RODATA));
    const text = c.api("PyUnicode_DecodeUTF8", bytes, c.number(meta.length), c.null());
    c.needs(text, dict, attach);
    c.incref(module);
    const args = c.tuple([module, dict, text], attach);
    const result = c.api("PyObject_Call", attach, args, c.null());
    c.decref(attach);
    c.decref(args);
    c.ret([result]);
  });
  return g.defineC("wasmpy_exec", [PTR], [I32], (c) => {
    const module = c.argument(0);
    const failIf = (condition: Value) => c.whenRarely(condition, () => c.ret([c.i32(-1)]));
    const vmctx = c.api("PyModule_GetState", module);
    failIf(c.isNull(vmctx));
    failIf(c.call(probe(g), [module, vmctx]));
    const context = c.run("context");
    failIf(c.isNull(context));
    failIf(c.call(makeTypes(g), [context]));
    failIf(c.run("watch_signals"));
    const functions = c.contextField(PTR, context, CONTEXT_FUNCS);
    c.incref(functions);
    c.setVmctxField(PTR, vmctx, VMCTX_FUNCS, functions);
    c.setVmctxField(PTR, vmctx, VMCTX_CONTEXT, context);
    c.setVmctxField(PTR, vmctx, VMCTX_MODULE, module);
    c.setVmctxField(PTR, vmctx, VMCTX_FUNCTION, c.symbol(makeBuiltin(g)));
    c.call(fillRecords(g), [vmctx]);
    const result = c.call(build, [module]);
    failIf(c.isNull(result));
    c.decref(result);
    c.ret([c.i32(0)]);
  });
}

/**
 * (module, its state) → 0, or -1: exception. Sets the cells of the image that tell what this interpreter is like:
 * once per process, or several times to the same values.
 */
function probe(g: Glue): number {
  const numbers = g.data.constant("wasmpy_probes");
  for (const x of PROBES) numbers.word64(x | 0, Math.floor(x / 0x1_0000_0000));
  const table = numbers.end();
  const digits = layoutProbe(g, table, DIGITS);
  const tagged = layoutProbe(g, table, TAGGED);
  const done = g.cell("wasmpy_probed");
  return g.defineC("wasmpy_probe", [PTR, PTR], [I32], (c) => {
    c.when(c.isTrue(c.field(I64, c.symbol(done), 0)), () => c.ret([c.i32(0)]));
    if (rowCount(g) > 0) {
      const methods = c.api("calloc", c.number(rowCount(g)), c.number(METHOD_BYTES));
      c.whenRarely(c.isNull(methods), () => {
        c.api("PyErr_NoMemory");
        c.ret([c.i32(-1)]);
      });
      c.setField(PTR, c.symbol(methodsCell(g)), 0, methods);
    }
    const vectorcall = c.apiAddress("PyObject_Vectorcall");
    const older = c.apiAddress("PyObject_VectorcallDict");
    const chosen = c.op(op.PTR_SELECT, c.isNull(vectorcall), older, vectorcall);
    c.setField(PTR, c.symbol(vectorcallCell(g)), 0, chosen);

    const offset = c.variable(I64);
    c.set(offset, c.number(0));
    for (const candidate of [48, 40, 32, 24, 16]) {
      const found = c.op(op.PTR_EQ, c.field(PTR, c.argument(0), candidate), c.argument(1));
      c.set(offset, c.op(op.I64_SELECT, found, c.number(candidate), c.get(offset)));
    }
    const x = c.api("PyFloat_FromDouble", c.f64(0, FLOAT_PROBE_HIGH));
    c.whenRarely(c.isNull(x), () => c.ret([c.i32(-1)]));
    const isFloat = c.op(op.PTR_EQ, c.field(PTR, x, OBJECT_TYPE), c.apiAddress("PyFloat_Type"));
    const isValue = c.op(op.I64_EQ, c.field(I64, x, OBJECT_VALUE), c.i64(0, FLOAT_PROBE_HIGH));
    c.decref(x);
    c.when(c.op(op.I32_AND, c.isTrue(c.get(offset)), c.op(op.I32_AND, isFloat, isValue)), () => {
      c.setField(I64, c.symbol(stateOffsetCell(g)), 0, c.get(offset));
      const choose = (works: number, thunkOf: (cell: (typeof g.thunkCells)[number]) => number) => {
        const status = c.call(works, []);
        c.whenRarely(c.op(op.I32_LT_S, status, c.i32(0)), () => c.ret([c.i32(-1)]));
        c.when(status, () => {
          for (const cell of g.thunkCells) c.setField(PTR, c.symbol(cell.cell), 0, c.symbol(thunkOf(cell)));
        });
      };
      choose(digits, (cell) => cell.digits);
      choose(tagged, (cell) => cell.tagged);
    });
    c.setField(I64, c.symbol(done), 0, c.number(1));
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
      const value = c.field(I64, c.element(c.symbol(table), i, 3), 0);
      const object = c.api("PyLong_FromLongLong", value);
      c.whenRarely(c.isNull(object), () => c.ret([c.i32(-1)]));
      const isOther = c.op(op.PTR_NE, c.field(PTR, object, OBJECT_TYPE), c.apiAddress("PyLong_Type"));
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

/** Indices of own globals that hold references. */
function ownReferences(g: Glue): number[] {
  const indices: number[] = [];
  g.module.globals.forEach((global, i) => {
    if (!global.imported && isRef(global.type.type)) indices.push(i);
  });
  return indices;
}

function isFunc(g: Glue, global: number): boolean {
  return isFuncRef(g.module.globals[global].type.type, g.module);
}

/** (module, visit, argument) */
function traverseFunction(g: Glue): number {
  return g.defineC("wasmpy_traverse", [PTR, PTR, PTR], [I32], (c) => {
    const vmctx = stateOf(c, () => c.ret([c.i32(0)]));
    const visitCell = (cell: Value) => visit(c, c.field(PTR, cell, 0), c.argument(1), c.argument(2));
    visitCell(c.plus(vmctx, VMCTX_FUNCS));
    eachBuiltin(c, g, vmctx, visitCell);
    c.repeat(c.number(g.state.boundCount), (i) =>
      visitCell(c.element(c.plus(vmctx, g.state.boundFuncs), i, 3)),
    );
    for (const i of ownReferences(g)) {
      const ref = c.field(REF, vmctx, g.layout.global[i]);
      const owner = c.call(entry(c.program, "owner"), [ref, c.i32(isFunc(g, i) ? 1 : 0)]);
      visit(c, owner, c.argument(1), c.argument(2));
    }
    c.ret([c.i32(0)]);
  });
}

/**
 * (module). Breaks the cycles that go through the instance and leaves it usable: finalizers may still call it.
 * Memories, tables, globals and linked instances stay: cycles through them are broken on their side.
 */
function clearFunction(g: Glue): number {
  return g.defineC("wasmpy_clear", [PTR], [I32], (c) => {
    const vmctx = stateOf(c, () => c.ret([c.i32(0)]));
    eachBuiltin(c, g, vmctx, (cell) => c.call(forgetBuiltin(g), [vmctx, cell]));
    if (g.state.importedFuncs > 0) {
      // Python callables become None, which is not callable.
      const first = c.plus(vmctx, g.layout.importRecord[0] + FUNC_OBJECT);
      c.repeat(c.number(g.state.importedFuncs), (i) => {
        const cell = c.op(op.PTR_ADD, first, c.op(op.I64_MUL, i, c.number(FUNC_RECORD_BYTES)));
        const owner = c.element(c.plus(vmctx, g.state.boundFuncs), i, 3);
        const callable = c.field(PTR, owner, 0);
        const isPython = c.op(op.PTR_EQ, callable, c.field(PTR, cell, 0));
        c.when(c.op(op.I32_AND, isPython, c.isThere(callable)), () => {
          c.setField(PTR, cell, 0, c.none());
          c.setField(PTR, owner, 0, c.null());
          c.decref(callable);
        });
      });
    }
    for (const i of ownReferences(g)) {
      c.run("ref_store", c.plus(vmctx, g.layout.global[i]), c.zero(REF), c.i32(isFunc(g, i) ? 1 : 0));
    }
    c.ret([c.i32(0)]);
  });
}

/** (module): the end of the instance. No code of it can be running. */
function freeFunction(g: Glue): number {
  const clear = clearFunction(g);
  return g.defineC("wasmpy_free", [PTR], [], (c) => {
    const vmctx = stateOf(c, () => c.ret([]));
    c.call(clear, [c.argument(0)]);
    const drop = (cell: Value) => {
      const object = c.field(PTR, cell, 0);
      c.setField(PTR, cell, 0, c.null());
      c.decref(object);
    };
    c.repeat(c.number(g.state.boundCount), (i) => drop(c.element(c.plus(vmctx, g.state.boundFuncs), i, 3)));
    for (const offset of g.layout.elem) c.run("elem_free", c.plus(vmctx, offset));
    drop(c.plus(vmctx, VMCTX_FUNCS));
    c.ret([]);
  });
}
