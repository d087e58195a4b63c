// Calls into wasm. An export is a METH_FASTCALL builtin whose C function is a stub of the function: it adds the
// function's code and its row (functions.ts) to the arguments and jumps to the thunk of the signature. The thunk
// unboxes, makes the instance current with an entry record to which traps return, calls, and boxes. The variant of
// the thunk for the layouts of this interpreter is found through a cell that is set when the image is loaded.

import {
  CONTEXT_ENTRY_PC,
  CONTEXT_ENTRY_SP,
  CONTEXT_REFS_COUNT,
  CONTEXT_STACK_LOW,
  CONTEXT_STACK_SIZE,
  FUNC_FOREIGN,
  VMCTX_CONTEXT,
} from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I64, PTR } from "../ir/ops.ts";
import { CONV_C, type Program, SYM_FUNC, SYM_RODATA } from "../ir/program.ts";
import { THUNK_CELLS } from "../runtime/shape.ts";
import { COMP_FUNC, DefType, type ValType } from "../wasm/types.ts";
import { argumentError, arityError, declareComplaints } from "./complaints.ts";
import type { Glue, ModuleGlue } from "./glue.ts";
import { vectorcallCell } from "./imports.ts";
import type { PyCode } from "./pycode.ts";
import { ROW_BYTES, ROWS } from "./rows.ts";
import { foreignSignature, resultsOf } from "./signatures.ts";
import {
  argumentsKey,
  BY_API,
  box,
  boxExtern,
  canCross,
  DIGITS,
  declareConversions,
  EXTERN_CODE,
  FUNC_CODE,
  hasReferences,
  TAGGED,
  typeCode,
  typesKey,
  Unboxing,
  unbox,
  VARIANT_NAMES,
} from "./values.ts";

/** C parameters of a METH_FASTCALL function: self, arguments, their number. */
const FASTCALL: readonly number[] = [PTR, PTR, I64];
/** C parameters of a thunk: those, code, row. The code of an imported function is the offset of its pointer. */
const THUNK: readonly number[] = [PTR, PTR, I64, PTR, PTR];

/** An own function that may do anything. */
export const ANY_FUNCTION = 0;
/** An own function that needs neither instance nor entry record. */
export const SIMPLE_FUNCTION = 1;
/** An imported function, called through its record. */
export const IMPORTED_FUNCTION = 2;
/** An own function of an instance that runs without the lock of the interpreter (runtime/nogil.ts). */
export const UNLOCKED_FUNCTION = 3;
const KIND_NAMES: readonly string[] = ["call", "simple", "imported", "unlocked"];

/** Parameters and results of the widest types whose thunks know the interpreter's layouts: it is 160 bytes for each. */
const WIDEST = 64;

/** A cell that leads to a thunk, with the thunks that it may lead to besides the first, BY_API. */
export class ThunkCell {
  readonly cell: number;
  readonly digits: number;
  readonly tagged: number;

  constructor(cell: number, digits: number, tagged: number) {
    this.cell = cell;
    this.digits = digits;
    this.tagged = tagged;
  }
}

/** Where the state pointer lies in a module object; set when the image is loaded, 0 if unknown. */
export function stateOffsetCell(g: Glue): number {
  return g.cell("wasmpy_state_offset");
}

/** `params`: key of the parameters' conversions. */
function thunkName(params: string, t: DefType, kind: number, variant: number): string {
  return `wasmpy_${KIND_NAMES[kind]}_${VARIANT_NAMES[variant]}[${params}>${typesKey(t.results)}]`;
}

/** The symbol of the thunk that runs `initialize`: of a function without parameters and results. */
export function startThunk(program: Program): number {
  const signature = program.signature(THUNK, [PTR], CONV_C);
  return program.symbol(thunkName("", NO_PARAMETERS, ANY_FUNCTION, BY_API), SYM_FUNC, signature);
}

/** In place of the one that is the same in every image: an instance's start runs as its calls do. */
export function replaceStartThunk(g: ModuleGlue): void {
  g.replace(thunkName("", NO_PARAMETERS, ANY_FUNCTION, BY_API), THUNK, [PTR], (c) => {
    buildThunk(c, g, NO_PARAMETERS, UNLOCKED_FUNCTION, BY_API);
  });
}

const NO_PARAMETERS: DefType = new DefType(COMP_FUNC, [], [], [], true, -1, 0, 1);

/** Declares what all thunks share, and the thunks that are the same in every image. */
export function declareThunks(g: ModuleGlue): void {
  thunk(g, NO_PARAMETERS, ANY_FUNCTION, BY_API);
  declareComplaints(g);
  stateOffsetCell(g);
  vectorcallCell(g);
  declareConversions(g);
}

/** Declares the thunks of own functions of a type. */
export function declareThunksOf(g: ModuleGlue, t: DefType): void {
  for (const kind of [ANY_FUNCTION, SIMPLE_FUNCTION]) {
    for (const variant of [BY_API, DIGITS, TAGGED]) thunk(g, t, kind, variant);
  }
}

/** The thunk of a wasm signature. */
function thunk(g: ModuleGlue, t: DefType, kind: number, variant: number): number {
  const name = thunkName(argumentsKey(g, t.params), t, kind, variant);
  return g.defineC(name, THUNK, [PTR], (c) => buildThunk(c, g, t, kind, variant), variant !== BY_API);
}

/** Writes the table THUNK_CELLS; all stubs are declared. */
export function writeThunkCells(g: ModuleGlue): void {
  const table = g.data.constant(THUNK_CELLS);
  for (const { cell, digits, tagged } of g.thunkCells) table.self32(cell).self32(digits).self32(tagged);
  table.end();
}

function thunkCell(g: ModuleGlue, t: DefType, kind: number): number {
  const name = `wasmpy_${KIND_NAMES[kind]}[${argumentsKey(g, t.params)}>${typesKey(t.results)}]`;
  const known = g.program.find(name);
  if (known >= 0) return known;
  const cell = g.cell(name, thunk(g, t, kind, BY_API));
  if (t.params.length + t.results.length <= WIDEST && canCross([...t.params, ...t.results], g.module)) {
    g.thunkCells.push(new ThunkCell(cell, thunk(g, t, kind, DIGITS), thunk(g, t, kind, TAGGED)));
  }
  return cell;
}

/** The stub of function `index`, whose row is number `row`: what the builtin of the function calls. */
export function stub(g: ModuleGlue, index: number, row: number): number {
  const { imported, type } = g.module.funcs[index];
  const isSimple = g.input.simple[index] !== 0 && !imported;
  const anyFunction = g.input.nogil ? UNLOCKED_FUNCTION : ANY_FUNCTION;
  const kind = imported ? IMPORTED_FUNCTION : isSimple ? SIMPLE_FUNCTION : anyFunction;
  const cell = thunkCell(g, g.module.types[type], kind);
  return g.defineC(
    `wasmpy_stub_${index}`,
    FASTCALL,
    [PTR],
    (c) => {
      const code = imported ? c.ptr(g.layout.func[index], 0) : c.symbol(g.input.functions[index]);
      c.returnCallPtr(c.content(PTR, c.symbol(cell)), g.program.signature(THUNK, [PTR], CONV_C), [
        c.argument(0),
        c.argument(1),
        c.argument(2),
        code,
        c.plus(c.symbol(g.program.symbol(ROWS, SYM_RODATA)), row * ROW_BYTES),
      ]);
    },
    true,
  );
}

function buildThunk(c: PyCode, g: ModuleGlue, t: DefType, kind: number, variant: number): void {
  const self = c.argument(0);
  const given = c.argument(2);
  const code = c.argument(3);
  const row = c.argument(4);
  if (!canCross([...t.params, ...t.results], g.module)) {
    c.raise(
      "PyExc_TypeError",
      "the function has parameters or results that cannot be passed to or from Python",
    );
    c.retNull();
    return;
  }
  const wanted = c.number(t.params.length);
  c.whenRarely(c.op(op.I64_NE, given, wanted), () => c.ret([c.call(arityError(g), [row, wanted, given])]));
  const needsInstance = kind !== SIMPLE_FUNCTION || hasReferences(t.params);
  const vmctx = needsInstance ? instanceOf(c, g, self, variant) : c.null();
  const operands = t.params.length === 0 ? [] : operandsOf(c, g, t, kind, variant, vmctx);
  const signature = g.signatureOf(t);
  if (kind === SIMPLE_FUNCTION) {
    const results = resultsOf(c, g, signature, c.callPtr(code, signature, operands));
    c.ret([boxResults(c, g, results, t.results)]);
    return;
  }
  if (kind === UNLOCKED_FUNCTION) {
    const context = c.run("nogil_enter", vmctx);
    c.needs(context);
    const results = invoke(c, g, vmctx, context, c.op(op.SP), code, signature, operands, () => {
      c.run("nogil_trapped", context);
    });
    c.needsZero(c.run("nogil_leave", context));
    c.ret([boxResults(c, g, results, t.results)]);
    return;
  }
  const context = c.field(vmctx, VMCTX_CONTEXT);
  let results: Value[];
  if (kind === IMPORTED_FUNCTION) {
    const record = c.cell(PTR, c.op(op.PTR_ADD, vmctx, c.op(op.I64_FROM_PTR, code)));
    const foreign = c.field(record, FUNC_FOREIGN);
    results = enter(c, g, vmctx, context, foreign, foreignSignature(g, t), [record, ...operands]);
  } else {
    results = enter(c, g, vmctx, context, code, signature, operands);
  }
  const object = boxResults(c, g, results, t.results);
  releaseHeld(c, context);
  c.ret([object]);
}

/**
 * The arguments as values. Where layouts are known, the thunk that knows none starts again with what is otherwise: here
 * nothing need be kept for that, and there every error can say which argument it is about.
 */
function operandsOf(
  c: PyCode,
  g: ModuleGlue,
  t: DefType,
  kind: number,
  variant: number,
  vmctx: Value,
): Value[] {
  const [self, args, given, code, row] = THUNK.map((_, i) => c.argument(i));
  const objects = t.params.map((_, i) => () => c.pointerAt(args, i));
  const out = c.room(8);
  if (variant === BY_API) {
    return t.params.map((type, i) => {
      const object = objects[i]();
      const fail = () => c.ret([c.call(argumentError(g), [row, c.number(i), object])]);
      return unbox(c, g, new Unboxing(variant, out, vmctx, fail), object, type);
    });
  }
  const otherwise = c.coldBlock();
  const u = new Unboxing(variant, out, vmctx, () => c.jump(otherwise, []), otherwise);
  const operands = t.params.map((type, i) => unbox(c, g, u, objects[i](), type));
  const here = c.current;
  c.seal(otherwise);
  c.switchTo(otherwise);
  if (c.predecessorCount(otherwise) === 0) c.unreachable();
  else c.returnCall(thunk(g, t, kind, BY_API), [self, args, given, code, row]);
  c.switchTo(here);
  return operands;
}

/** The instance whose module object is `self`. */
function instanceOf(c: PyCode, g: Glue, self: Value, variant: number): Value {
  if (variant === BY_API) return c.api("PyModule_GetState", self);
  const offset = c.content(I64, c.symbol(stateOffsetCell(g)));
  return c.content(PTR, c.op(op.PTR_ADD, self, offset));
}

/**
 * Calls `code` in the instance, with an entry record: a trap inside returns null from here with the exception set.
 * Nothing is restored after the call: see runtime/handover.ts.
 */
function enter(
  c: PyCode,
  g: ModuleGlue,
  vmctx: Value,
  context: Value,
  code: Value,
  signature: number,
  operands: readonly Value[],
): Value[] {
  const sp = c.op(op.SP);
  const low = c.field(context, CONTEXT_STACK_LOW);
  const size = c.field(context, CONTEXT_STACK_SIZE);
  // Another thread than the last one: its bounds and limit are not those that the context holds.
  c.whenRarely(c.op(op.I64_GE_U, c.op(op.PTR_SUB, sp, low), size), () => {
    c.needsZero(c.run("stack_enter", context));
  });
  return invoke(c, g, vmctx, context, sp, code, signature, operands, () => {
    c.run("trap_to_exception", context);
    releaseHeld(c, context);
  });
}

/** The call, with the entry record at `sp`; `whereTrapped` is what is done about a trap before null is returned. */
function invoke(
  c: PyCode,
  g: ModuleGlue,
  vmctx: Value,
  context: Value,
  sp: Value,
  code: Value,
  signature: number,
  operands: readonly Value[],
  whereTrapped: () => void,
): Value[] {
  const returned = c.block();
  const trapped = c.coldBlock();
  c.setField(context, CONTEXT_ENTRY_SP, sp);
  c.setField(context, CONTEXT_ENTRY_PC, c.codeAddress(trapped));
  c.op(op.SET_VMCTX, vmctx);
  const call = c.invokePtr(code, signature, operands, returned, trapped);
  c.seal(returned);
  c.seal(trapped);
  c.switchTo(trapped);
  whereTrapped();
  c.retNull();
  c.switchTo(returned);
  return resultsOf(c, g, signature, call);
}

/** Wasm code has been left: drops what was held for references on its stack. */
function releaseHeld(c: PyCode, context: Value): void {
  c.whenRarely(c.isTrue(c.field(context, CONTEXT_REFS_COUNT)), () => {
    c.run("refs_release", context);
  });
}

/**
 * None, the object, or a tuple; null: exception. References are only safe as long as no Python code runs, so they
 * are counted before the rest is boxed.
 */
function boxResults(c: PyCode, g: ModuleGlue, results: readonly Value[], types: readonly ValType[]): Value {
  if (types.length === 0) {
    const none = c.none();
    c.incref(none);
    return none;
  }
  const items: Value[] = results.map((x, i) => {
    switch (typeCode(types[i], g.module)) {
      case EXTERN_CODE:
        return boxExtern(c, c.op(op.PTR_FROM_REF, x));
      case FUNC_CODE: {
        const owner = c.run("owner", x, c.i32(1));
        c.incref(owner);
        return owner;
      }
      default:
        return x;
    }
  });
  const objects = results.map((x, i) => {
    switch (typeCode(types[i], g.module)) {
      case EXTERN_CODE:
        return items[i];
      case FUNC_CODE: {
        const builtin = box(c, g, x, types[i]);
        c.decref(items[i]);
        return builtin;
      }
      default:
        return box(c, g, x, types[i]);
    }
  });
  return objects.length === 1 ? objects[0] : c.tuple(objects);
}
