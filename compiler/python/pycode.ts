// Code that talks to the C API: calls by name, null checks, references, exceptions, loops. Functions written
// with it follow C-API manners: null (or -1) with an exception set means failure.

import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, PTR } from "../ir/ops.ts";
import { CONV_C, type Program } from "../ir/program.ts";
import { Code } from "../runtime/code.ts";
import type { ImageData } from "./data.ts";

export class PyCode extends Code {
  private readonly data: ImageData;

  constructor(program: Program, data: ImageData) {
    super(program, data.image.model);
    this.data = data;
  }

  /** Calls a C function through its address. */
  callC(code: Value, params: readonly number[], results: readonly number[], args: readonly Value[]): Value {
    return this.callPtr(code, this.program.signature(params, results, CONV_C), args);
  }

  text(s: string): Value {
    return this.symbol(this.data.text(s));
  }

  // --- values -------------------------------------------------------------------------------------------

  none(): Value {
    return this.apiAddress("_Py_NoneStruct");
  }

  isNone(x: Value): Value {
    return this.op(op.PTR_EQ, x, this.none());
  }

  /** What lies behind a 32-bit distance from its own place (data.ts, self32); null for 0. */
  behind(place: Value, field: Field): Value {
    const at = this.addressOf(place, field);
    const distance = this.signExtend(this.content(I32, at));
    const target = this.op(op.PTR_ADD, at, distance);
    return this.op(op.PTR_SELECT, this.op(op.I64_EQZ, distance), this.null(), target);
  }

  signExtend(x: Value): Value {
    return this.op(op.I64_EXTEND_I32_S, x);
  }

  // --- control ------------------------------------------------------------------------------------------

  retNull(): void {
    this.ret([this.null()]);
  }

  /** Returns null if `x` is, having released what is given. */
  needs(x: Value, ...release: Value[]): void {
    this.whenRarely(this.isNull(x), () => {
      for (const r of release) this.decref(r);
      this.retNull();
    });
  }

  /** Returns null if the status `x` (i32) is not 0, having released what is given. */
  needsZero(x: Value, ...release: Value[]): void {
    this.whenRarely(x, () => {
      for (const r of release) this.decref(r);
      this.retNull();
    });
  }

  // --- objects ------------------------------------------------------------------------------------------

  incref(x: Value): void {
    this.api("Py_IncRef", x);
  }

  decref(x: Value): void {
    this.api("Py_DecRef", x);
  }

  retNone(): void {
    const none = this.none();
    this.incref(none);
    this.ret([none]);
  }

  /** Sets an exception of the class PyExc_… with a fixed text. */
  raise(exception: string, message: string): void {
    this.api("PyErr_SetString", this.content(PTR, this.apiAddress(exception)), this.text(message));
  }

  /** The integer `x` (an int object) as i64; `fail` runs where it is none or too large. */
  integer(x: Value, fail: () => void): Value {
    const v = this.api("PyLong_AsLongLong", x);
    this.whenRarely(this.op(op.I64_EQ, v, this.number(-1)), () => {
      this.whenRarely(this.op(op.PTR_NE, this.api("PyErr_Occurred"), this.null()), fail);
    });
    return v;
  }

  /**
   * A new tuple of the objects, whose references it takes; null ones mean that an exception is set. Where that
   * fails, returns null, having released what else is given.
   */
  tuple(items: readonly Value[], ...release: Value[]): Value {
    const tuple = this.api("PyTuple_New", this.number(items.length));
    this.needs(tuple, ...items, ...release);
    let missing = this.i32(0);
    items.forEach((item, i) => {
      this.api("PyTuple_SetItem", tuple, this.number(i), item);
      missing = this.op(op.I32_OR, missing, this.isNull(item));
    });
    this.needsZero(missing, tuple, ...release);
    return tuple;
  }
}
