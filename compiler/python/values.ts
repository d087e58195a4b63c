// Values between Python and wasm. Into wasm: integers and floats are read directly from the object where its
// layout was recognised when the image was loaded (modinit.ts), with the C API as slow path; out of wasm: by the
// C API. References to functions are looked up in the interpreter's dictionary of wasmpy's builtins.

import { FUNC_TYPE, FUNC_VMCTX, VMCTX_FUNCS, VMCTX_FUNCTION } from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import { access, REGION_C } from "../ir/access.ts";
import { type Block, NO_BLOCK, type Value } from "../ir/func.ts";
import { F64, I32, I64, PTR, REF } from "../ir/ops.ts";
import { Fetched } from "../runtime/errors.ts";
import type { Module } from "../wasm/module.ts";
import * as wasm from "../wasm/types.ts";
import { COMP_FUNC, heapOf, isNullable, isRef, type ValType } from "../wasm/types.ts";
import type { Glue, ModuleGlue } from "./glue.ts";
import type { PyCode } from "./pycode.ts";
import { FLOAT_VALUE, INT_DIGIT, INT_SIZE, OBJECT_TYPE } from "./structures.ts";

// --- kinds of values ------------------------------------------------------------------------------------

/** Codes of types as GlobalBase knows them: those of numbers are the ones of wasm/types.ts. */
export const EXTERN_CODE = 6;
export const FUNC_CODE = 7;
/** References whose values have no Python form yet: only null crosses. */
export const OPAQUE_CODE = 8;
/** What cannot cross the boundary yet. */
export const NO_CODE = 0;

export function typeCode(t: ValType, module: Module): number {
  if (wasm.isNumeric(t)) return t;
  if (!isRef(t)) return NO_CODE;
  const heap = heapOf(t);
  if (heap === wasm.EXTERN || heap === wasm.NOEXTERN) return EXTERN_CODE;
  if (heap === wasm.FUNC || heap === wasm.NOFUNC) return FUNC_CODE;
  return heap >= 0 && module.types[heap].kind === COMP_FUNC ? FUNC_CODE : OPAQUE_CODE;
}

// --- layouts of int and float objects ---------------------------------------------------------------------

/** Unknown: everything goes through the C API. */
export const BY_API = 0;
/** Up to 3.11: reference count, type, signed number of digits, digits. */
export const DIGITS = 1;
/** From 3.12: reference count, type, tag (sign in bits 0–1, number of digits from bit 3), digits. */
export const TAGGED = 2;
export const VARIANT_NAMES: readonly string[] = ["api", "digits", "tagged"];

/** The int object `x` as i64 if it has at most one digit; goes to `otherwise` if it has more. */
export function compactInt(c: PyCode, variant: number, x: Value, otherwise: Block): Value {
  const head = c.member(x, INT_SIZE);
  const inside = c.block();
  const isCompact =
    variant === DIGITS
      ? c.op(op.I64_LT_U, c.op(op.I64_ADD, head, c.number(1)), c.number(3))
      : c.op(op.I64_LT_U, head, c.number(16));
  c.brIf(isCompact, inside, [], otherwise, []);
  c.seal(inside);
  c.switchTo(inside);
  const sign = variant === DIGITS ? head : c.op(op.I64_SUB, c.number(1), c.op(op.I64_AND, head, c.number(3)));
  return c.op(
    op.I64_MUL,
    sign,
    c.load(op.I64_LOAD32_U, x, INT_DIGIT.offset(c.model), access(REGION_C, 0, 4, 0)),
  );
}

// --- into wasm --------------------------------------------------------------------------------------------

/** How a function converts objects: what it knows of their layouts, and where it stands. */
export class Unboxing {
  readonly variant: number;
  /** 8 bytes of stack that conversions write to. */
  readonly out: Value;
  /** The instance; a null pointer if there are no references among the values. */
  readonly vmctx: Value;
  /** Leaves the function, with the exception that is set. */
  readonly fail: () => void;
  /** Where layouts are known: objects of others go there, before anything was done. Else NO_BLOCK. */
  readonly otherwise: Block;

  constructor(variant: number, out: Value, vmctx: Value, fail: () => void, otherwise: Block = NO_BLOCK) {
    this.variant = variant;
    this.out = out;
    this.vmctx = vmctx;
    this.fail = fail;
    this.otherwise = otherwise;
  }
}

/** The object `x` as a value of type `t`; references stay borrowed. */
export function unbox(c: PyCode, g: ModuleGlue, u: Unboxing, x: Value, t: ValType): Value {
  switch (typeCode(t, g.module)) {
    case wasm.I32:
      return unboxInteger(c, g, u, x, I32);
    case wasm.I64:
      return unboxInteger(c, g, u, x, I64);
    case wasm.F32:
      return c.op(op.F32_DEMOTE_F64, unboxFloat(c, g, u, x));
    case wasm.F64:
      return unboxFloat(c, g, u, x);
    case EXTERN_CODE:
      return unboxExtern(c, u, x, t);
    case FUNC_CODE:
      return unboxFunc(c, g, u, x, t);
    default:
      refuse(c, u, isNullable(t) ? c.op(op.I32_EQZ, c.isNone(x)) : c.i32(1), NO_PYTHON_FORM);
      return c.zero(REF);
  }
}

function slowly(c: PyCode, u: Unboxing, convert: number, x: Value, type: number): Value {
  c.whenRarely(c.call(convert, [x, u.out]), u.fail);
  return c.inRoom(type, u.out);
}

function unboxInteger(c: PyCode, g: ModuleGlue, u: Unboxing, x: Value, type: number): Value {
  if (u.otherwise === NO_BLOCK) {
    return slowly(c, u, type === I32 ? toI32(g, g.input.wrap) : toI64(g, g.input.wrap), x, type);
  }
  const isInt = c.block();
  c.brIf(hasType(c, x, "PyLong_Type"), isInt, [], u.otherwise, []);
  c.seal(isInt);
  c.switchTo(isInt);
  const n = compactInt(c, u.variant, x, u.otherwise);
  return type === I32 ? c.op(op.I32_WRAP_I64, n) : n;
}

function unboxFloat(c: PyCode, g: Glue, u: Unboxing, x: Value): Value {
  if (u.otherwise === NO_BLOCK) return slowly(c, u, toF64(g), x, F64);
  const value = c.variable(F64);
  const isFloat = c.block();
  const noFloat = c.block();
  const isInt = c.block();
  const done = c.block();
  c.brIf(hasType(c, x, "PyFloat_Type"), isFloat, [], noFloat, []);
  c.seal(isFloat);
  c.seal(noFloat);
  c.switchTo(isFloat);
  c.set(value, c.member(x, FLOAT_VALUE));
  c.jump(done, []);
  c.switchTo(noFloat);
  c.brIf(hasType(c, x, "PyLong_Type"), isInt, [], u.otherwise, []);
  c.seal(isInt);
  c.switchTo(isInt);
  c.set(value, c.op(op.F64_CONVERT_I64_S, compactInt(c, u.variant, x, u.otherwise)));
  c.jump(done, []);
  c.seal(done);
  c.switchTo(done);
  return c.get(value);
}

function hasType(c: PyCode, x: Value, type: string): Value {
  return c.op(op.PTR_EQ, c.member(x, OBJECT_TYPE), c.apiAddress(type));
}

function unboxExtern(c: PyCode, u: Unboxing, x: Value, t: ValType): Value {
  const isNone = c.isNone(x);
  if (!isNullable(t)) refuse(c, u, isNone, "None cannot be a non-null externref");
  const ref = c.op(op.PTR_SELECT, isNone, c.null(), x);
  if (heapOf(t) === wasm.NOEXTERN) refuse(c, u, c.op(op.I32_EQZ, isNone), "only None is a nullexternref");
  return c.op(op.REF_FROM_PTR, ref);
}

function unboxFunc(c: PyCode, g: ModuleGlue, u: Unboxing, x: Value, t: ValType): Value {
  c.whenRarely(c.call(toFunc(g), [c.field(u.vmctx, VMCTX_FUNCS), x, u.out]), u.fail);
  const record = c.inRoom(PTR, u.out);
  const isNull = c.isNull(record);
  if (!isNullable(t)) refuse(c, u, isNull, "None cannot be a non-null function reference");
  const heap = heapOf(t);
  if (heap === wasm.NOFUNC) refuse(c, u, c.op(op.I32_EQZ, isNull), "only None is a nullfuncref");
  if (heap >= 0) {
    c.when(c.op(op.I32_EQZ, isNull), () => {
      const wanted = c.cell(I64, u.vmctx, g.layout.type[heap]);
      const isOther = c.op(op.I64_NE, c.field(record, FUNC_TYPE), wanted);
      refuse(c, u, isOther, "the function has another type");
    });
  }
  return c.op(op.REF_FROM_PTR, record);
}

export const NO_PYTHON_FORM = "only null references of this type can be passed, as None";

function refuse(c: PyCode, u: Unboxing, condition: Value, message: string): void {
  c.whenRarely(condition, () => {
    c.raise("PyExc_TypeError", message);
    u.fail();
  });
}

/** Declares the functions below that thunks and imports call. */
export function declareConversions(g: Glue): void {
  toI32(g, false);
  toI64(g, false);
  toF64(g);
  toFunc(g);
  boxOpaque(g);
  boxFunc(g);
}

// Slow paths: (object, where to store) → 0, or -1 with an exception and nothing stored.

const FAILED = -1;

function failIf(c: PyCode, condition: Value): void {
  c.whenRarely(condition, () => c.ret([c.i32(FAILED)]));
}

/** Any integer −2³¹…2³²−1; any at all where it wraps around. */
export function toI32(g: Glue, wrap: boolean): number {
  return g.defineC(wrap ? "wasmpy_wrap_i32" : "wasmpy_to_i32", [PTR, PTR], [I32], (c) => {
    const index = c.api("PyNumber_Index", c.argument(0));
    failIf(c, c.isNull(index));
    const n = c.variable(I64);
    if (wrap) {
      c.set(n, c.api("PyLong_AsUnsignedLongLongMask", index));
      c.decref(index);
    } else {
      const overflow = c.room(8);
      c.set(n, c.api("PyLong_AsLongLongAndOverflow", index, overflow));
      c.decref(index);
      const shifted = c.op(op.I64_ADD, c.get(n), c.i64(0x80000000 | 0, 0));
      const outside = c.op(op.I64_GE_U, shifted, c.i64(0x80000000 | 0, 1));
      c.whenRarely(c.op(op.I32_OR, c.inRoom(I32, overflow), outside), () => {
        c.raise("PyExc_OverflowError", "int out of range of i32 (-2**31 to 2**32-1)");
        c.ret([c.i32(FAILED)]);
      });
    }
    c.setContent(I32, c.argument(1), c.op(op.I32_WRAP_I64, c.get(n)));
    c.ret([c.i32(0)]);
  });
}

/** Any integer −2⁶³…2⁶⁴−1; any at all where it wraps around. */
export function toI64(g: Glue, wrap: boolean): number {
  return g.defineC(wrap ? "wasmpy_wrap_i64" : "wasmpy_to_i64", [PTR, PTR], [I32], (c) => {
    const index = c.api("PyNumber_Index", c.argument(0));
    failIf(c, c.isNull(index));
    const n = c.variable(I64);
    if (wrap) {
      c.set(n, c.api("PyLong_AsUnsignedLongLongMask", index));
      c.decref(index);
    } else {
      const overflow = c.room(8);
      c.set(n, c.api("PyLong_AsLongLongAndOverflow", index, overflow));
      c.whenRarely(c.inRoom(I32, overflow), () => {
        // Negative and too large raises as well.
        c.set(n, c.api("PyLong_AsUnsignedLongLong", index));
        c.when(c.op(op.PTR_NE, c.api("PyErr_Occurred"), c.null()), () => {
          c.decref(index);
          c.raise("PyExc_OverflowError", "int out of range of i64 (-2**63 to 2**64-1)");
          c.ret([c.i32(FAILED)]);
        });
      });
      c.decref(index);
    }
    c.setContent(I64, c.argument(1), c.get(n));
    c.ret([c.i32(0)]);
  });
}

/** Floats, ints and whatever has __float__; ints that are too large become infinite, as larger floats do for f32. */
export function toF64(g: Glue): number {
  return g.defineC("wasmpy_to_f64", [PTR, PTR], [I32], (c) => {
    const x = c.api("PyFloat_AsDouble", c.argument(0));
    c.whenRarely(c.op(op.F64_EQ, x, c.f64(0, 0xbff00000 | 0)), () => {
      c.when(c.op(op.PTR_NE, c.api("PyErr_Occurred"), c.null()), () => {
        const overflow = c.content(PTR, c.apiAddress("PyExc_OverflowError"));
        failIf(c, c.op(op.I32_EQZ, c.api("PyErr_ExceptionMatches", overflow)));
        infinity(c, c.argument(0), c.argument(1));
      });
    });
    c.setContent(F64, c.argument(1), x);
    c.ret([c.i32(0)]);
  });
}

/** The infinity of the sign of an int that has overflowed; returns from here, with the exception where it is none. */
function infinity(c: PyCode, object: Value, out: Value): void {
  const kept = new Fetched(c);
  const index = c.api("PyNumber_Index", object);
  const sign = c.room(8);
  c.setInRoom(I64, sign, c.number(0));
  c.when(c.isThere(index), () => c.api("PyLong_AsLongLongAndOverflow", index, sign));
  c.decref(index);
  const overflow = c.inRoom(I32, sign);
  c.api("PyErr_Clear");
  const parts = kept.parts();
  c.when(c.op(op.I32_EQZ, overflow), () => {
    c.api("PyErr_Restore", ...parts);
    c.ret([c.i32(FAILED)]);
  });
  for (const part of parts) c.decref(part);
  const infinite = c.f64(0, 0x7ff00000);
  const isNegative = c.op(op.I32_LT_S, overflow, c.i32(0));
  c.choose(
    isNegative,
    () => c.setContent(F64, out, c.op(op.F64_NEG, infinite)),
    () => c.setContent(F64, out, infinite),
  );
  c.ret([c.i32(0)]);
}

/** (dictionary of functions, object) → the record of a builtin of wasmpy; null: none, or an exception. */
export function findRecord(g: Glue): number {
  return g.defineC("wasmpy_find_record", [PTR, PTR], [PTR], (c) => {
    const key = c.api("PyLong_FromVoidPtr", c.argument(1));
    c.needs(key);
    const address = c.api("PyDict_GetItemWithError", c.argument(0), key);
    c.decref(key);
    c.whenRarely(c.isNull(address), () => c.retNull());
    c.ret([c.api("PyLong_AsVoidPtr", address)]);
  });
}

/** (dictionary of functions, object, where to store): None is null, everything but wasmpy's builtins a TypeError. */
export function toFunc(g: Glue): number {
  return g.defineC("wasmpy_to_func", [PTR, PTR, PTR], [I32], (c) => {
    const record = c.variable(PTR);
    c.set(record, c.null());
    c.when(c.op(op.PTR_NE, c.argument(1), c.none()), () => {
      c.set(record, c.call(findRecord(g), [c.argument(0), c.argument(1)]));
      c.whenRarely(c.isNull(c.get(record)), () => {
        c.when(c.isNull(c.api("PyErr_Occurred")), () => {
          c.raise("PyExc_TypeError", "a function reference must be a WebAssembly function or None");
        });
        c.ret([c.i32(FAILED)]);
      });
    });
    c.setContent(PTR, c.argument(2), c.get(record));
    c.ret([c.i32(0)]);
  });
}

// --- out of wasm ------------------------------------------------------------------------------------------

/** A new reference to the object that stands for `x`; null: exception. */
export function box(c: PyCode, g: ModuleGlue, x: Value, t: ValType): Value {
  switch (typeCode(t, g.module)) {
    case wasm.I32:
      return c.api("PyLong_FromLongLong", c.signExtend(x));
    case wasm.I64:
      return c.api("PyLong_FromLongLong", x);
    case wasm.F32:
      return c.api("PyFloat_FromDouble", c.op(op.F64_PROMOTE_F32, x));
    case wasm.F64:
      return c.api("PyFloat_FromDouble", x);
    case EXTERN_CODE:
      return boxExtern(c, c.op(op.PTR_FROM_REF, x));
    case FUNC_CODE:
      return c.call(boxFunc(g), [c.op(op.PTR_FROM_REF, x)]);
    default:
      return c.call(boxOpaque(g), [c.op(op.PTR_FROM_REF, x)]);
  }
}

/** (reference without Python form) → None for null; null: exception. */
export function boxOpaque(g: Glue): number {
  return g.defineC("wasmpy_box_opaque", [PTR], [PTR], (c) => {
    c.whenRarely(c.isThere(c.argument(0)), () => {
      c.raise("PyExc_TypeError", NO_PYTHON_FORM);
      c.retNull();
    });
    c.retNone();
  });
}

export function boxExtern(c: PyCode, ref: Value): Value {
  const object = c.op(op.PTR_SELECT, c.isNull(ref), c.none(), ref);
  c.incref(object);
  return object;
}

/** (record or null) → new reference to its builtin, which its instance's image makes; None for null. */
export function boxFunc(g: Glue): number {
  return g.defineC("wasmpy_box_func", [PTR], [PTR], (c) => {
    const record = c.argument(0);
    c.when(c.isNull(record), () => c.retNone());
    const vmctx = c.field(record, FUNC_VMCTX);
    c.ret([c.callC(c.field(vmctx, VMCTX_FUNCTION), [PTR], [PTR], [record])]);
  });
}

/** True if some of the types are references. */
export function hasReferences(types: readonly ValType[]): boolean {
  return types.some(isRef);
}

/** True if values of all the types can cross. */
export function canCross(types: readonly ValType[], module: Module): boolean {
  return types.every((t) => typeCode(t, module) !== NO_CODE);
}

/** As `typesKey`, for values that go into wasm: they are converted otherwise where integers wrap around. */
export function argumentsKey(g: ModuleGlue, types: readonly ValType[]): string {
  const wraps = g.input.wrap && types.some((t) => t === wasm.I32 || t === wasm.I64);
  return wraps ? `${typesKey(types)} wrap` : typesKey(types);
}

/** Equal for lists of types whose conversions are equal, in the scope of one module. */
export function typesKey(types: readonly ValType[]): string {
  return types.map((t) => (isRef(t) ? `${heapOf(t)}${isNullable(t) ? "?" : "!"}` : `${t}`)).join(",");
}
