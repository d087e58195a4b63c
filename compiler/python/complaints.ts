// What is wrong with a call, in words: conversions raise what Python raises; here the Python side
// (wasmpy/_complaints.py) learns of which function, argument or result that was, and says so. Only where calls fail.

import { FUNC_OBJECT, FUNC_RECORD_BYTES, FUNC_VMCTX, VMCTX_MODULE } from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I64, PTR } from "../ir/ops.ts";
import { Fetched } from "../runtime/errors.ts";
import { SHAPE_IMPORT_RECORDS, shape } from "../runtime/shape.ts";
import type { Glue } from "./glue.ts";
import type { PyCode } from "./pycode.ts";
import { ROW_DOC, ROW_NAME } from "./rows.ts";

/**
 * Lets the function of wasmpy._complaints replace the exception that is set: it is called with that and `values` (new
 * references; null: an exception). Where it cannot be called the exception stays as it is.
 */
function explain(c: PyCode, name: string, values: () => readonly Value[]): void {
  const error = new Fetched(c);
  error.normalize();
  c.when(c.isThere(error.traceback), () => c.api("PyException_SetTraceback", error.value, error.traceback));
  const better = c.variable(PTR);
  c.set(better, c.null());
  const module = c.api("PyImport_ImportModule", c.text("wasmpy._complaints"));
  c.when(c.isThere(module), () => {
    const function_ = c.api("PyObject_GetAttrString", module, c.text(name));
    c.decref(module);
    c.when(c.isThere(function_), () => {
      c.incref(error.value);
      const items = [error.value, ...values()];
      const args = c.api("PyTuple_New", c.number(items.length));
      let missing = c.isNull(args);
      for (const item of items) missing = c.op(op.I32_OR, missing, c.isNull(item));
      c.choose(
        missing,
        () => {
          for (const item of items) c.decref(item);
        },
        () => {
          items.forEach((item, i) => {
            c.api("PyTuple_SetItem", args, c.number(i), item);
          });
          c.set(better, c.api("PyObject_Call", function_, args, c.null()));
        },
      );
      c.decref(args);
      c.decref(function_);
    });
  });
  const drop = () => {
    error.each((part) => c.decref(part));
  };
  c.choose(
    c.isThere(c.get(better)),
    () => {
      const type = c.api("PyObject_Type", c.get(better));
      c.api("PyErr_SetObject", type, c.get(better));
      c.decref(type);
      c.decref(c.get(better));
      drop();
    },
    () => {
      const isMatch = (exception: string) =>
        c.api("PyErr_ExceptionMatches", c.content(PTR, c.apiAddress(exception)));
      const isMemory = isMatch("PyExc_MemoryError");
      const isRecursion = isMatch("PyExc_RecursionError");
      const isImport = isMatch("PyExc_ImportError");
      const isOurs = c.op(op.I32_OR, c.op(op.I32_OR, isMemory, isRecursion), isImport);
      c.choose(
        isOurs,
        () => {
          c.api("PyErr_Clear");
          error.restore();
        },
        drop, // of a handler of signals, say
      );
    },
  );
}

function text(c: PyCode, row: Value, field: Field): Value {
  return c.api("PyUnicode_FromString", c.behind(row, field));
}

/** (row, position, object) → null: the argument could not be converted, as the exception that is set says. */
export function argumentError(g: Glue): number {
  return g.defineC("wasmpy_argument_error", [PTR, I64, PTR], [PTR], (c) => {
    const [row, position, object] = [c.argument(0), c.argument(1), c.argument(2)];
    explain(c, "argument", () => {
      c.incref(object);
      return [text(c, row, ROW_NAME), text(c, row, ROW_DOC), c.api("PyLong_FromLongLong", position), object];
    });
    c.retNull();
  });
}

/** (row, number of parameters, number of arguments) → null, with a TypeError like Python's own. */
export function arityError(g: Glue): number {
  return g.defineC("wasmpy_arity_error", [PTR, I64, I64], [PTR], (c) => {
    const [row, wanted, given] = [c.argument(0), c.argument(1), c.argument(2)];
    c.raise("PyExc_TypeError", "wrong number of arguments");
    explain(c, "arity", () => [
      text(c, row, ROW_NAME),
      text(c, row, ROW_DOC),
      c.api("PyLong_FromLongLong", wanted),
      c.api("PyLong_FromLongLong", given),
    ]);
    c.retNull();
  });
}

/** Of the record of an imported Python callable: module object, its index among the imported functions, callable. */
function origin(c: PyCode, record: Value): Value[] {
  const vmctx = c.field(record, FUNC_VMCTX);
  const first = c.op(op.PTR_ADD, vmctx, shape(c, SHAPE_IMPORT_RECORDS));
  const offset = c.op(op.PTR_SUB, record, first);
  const [module, callable] = [c.field(vmctx, VMCTX_MODULE), c.field(record, FUNC_OBJECT)];
  for (const object of [module, callable]) c.incref(object);
  const index = c.op(op.I64_DIV_U, offset, c.number(FUNC_RECORD_BYTES));
  return [module, c.api("PyLong_FromLongLong", index), callable];
}

/** (record, position, object): the result of an imported function could not be converted, as the exception says. */
export function resultError(g: Glue): number {
  return g.defineC("wasmpy_result_error", [PTR, I64, PTR], [], (c) => {
    const [record, position, object] = [c.argument(0), c.argument(1), c.argument(2)];
    explain(c, "result", () => {
      c.incref(object);
      return [...origin(c, record), c.api("PyLong_FromLongLong", position), object];
    });
    c.ret([]);
  });
}

/**
 * (record, object, number of results) → a tuple of so many, which the function that is imported has returned in any
 * iterable; null: exception. No more than one too many is asked for.
 */
export function takeResults(g: Glue): number {
  return g.defineC("wasmpy_take_results", [PTR, PTR, I64], [PTR], (c) => {
    const [record, object, wanted] = [c.argument(0), c.argument(1), c.argument(2)];
    const type = c.api("PyObject_Type", object);
    c.decref(type); // the object has one of its own
    c.when(c.op(op.PTR_EQ, type, c.apiAddress("PyTuple_Type")), () => {
      c.when(c.op(op.I64_EQ, c.api("PyTuple_Size", object), wanted), () => {
        c.incref(object);
        c.ret([object]);
      });
    });
    const iterator = c.api("PyObject_GetIter", object);
    c.whenRarely(c.isNull(iterator), () => {
      c.call(resultError(g), [record, c.number(-1), object]);
      c.retNull();
    });
    const tuple = c.api("PyTuple_New", wanted);
    c.needs(tuple, iterator);
    const failed = () => {
      c.decref(iterator);
      c.decref(tuple);
      c.retNull();
    };
    const wrong = (given: Value) => {
      c.raise("PyExc_TypeError", "wrong number of results");
      explain(c, "results", () => [
        ...origin(c, record),
        c.api("PyLong_FromLongLong", wanted),
        c.api("PyLong_FromLongLong", given),
      ]);
      failed();
    };
    c.repeat(wanted, (i) => {
      const item = c.api("PyIter_Next", iterator);
      c.whenRarely(c.isNull(item), () => {
        c.when(c.isThere(c.api("PyErr_Occurred")), failed);
        wrong(i);
      });
      c.api("PyTuple_SetItem", tuple, i, item);
    });
    const more = c.api("PyIter_Next", iterator);
    c.whenRarely(c.isThere(more), () => {
      c.decref(more);
      const size = c.api("PyObject_Size", object);
      c.when(c.op(op.I64_LT_S, size, c.number(0)), () => c.api("PyErr_Clear"));
      wrong(size);
    });
    c.whenRarely(c.isThere(c.api("PyErr_Occurred")), failed);
    c.decref(iterator);
    c.ret([tuple]);
  });
}

/** Declares the functions above, which every image has. */
export function declareComplaints(g: Glue): void {
  argumentError(g);
  arityError(g);
  resultError(g);
  takeResults(g);
}
