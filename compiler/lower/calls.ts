// Calls: of functions of the module, of imported ones, and of those whose record a table or a reference yields. An
// own function is called straight; any other through FUNC_FOREIGN of its record, which changes instances.

import * as at from "../abi/layout.ts";
import { irType } from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import type { u32 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import { access, READONLY, REGION_VMCTX } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { PTR } from "../ir/ops.ts";
import { CONV_WASM } from "../ir/program.ts";
import { fork } from "./control.ts";
import { help, instance, pointerCell, recordField } from "./instance.ts";
import type { Lowering } from "./lowering.ts";

function resultsOf(out: Lowering, call: Value, type: u32): Value[] {
  return out.module.types[type].results.map((result, i) =>
    i === 0 ? call : out.projection(call, i, irType(result)),
  );
}

export function callFunction(out: Lowering, index: number, args: readonly Value[]): Value[] {
  const { type, imported } = out.module.funcs[index];
  if (!imported) return resultsOf(out, out.call(out.symbols[index], args), type);
  const record = pointerCell(out, out.layout.func[index]);
  return resultsOf(
    out,
    out.callPtr(importedCode(out, record), foreignSignature(out, type | 0), [record, ...args]),
    type,
  );
}

export function returnCallFunction(out: Lowering, index: number, args: readonly Value[]): void {
  const { type, imported } = out.module.funcs[index];
  if (!imported) {
    out.returnCall(out.symbols[index], args);
    return;
  }
  const record = pointerCell(out, out.layout.func[index]);
  out.returnCallPtr(importedCode(out, record), foreignSignature(out, type | 0), [record, ...args]);
}

/** What an imported function's record is called through: it was filled in before any code ran. */
function importedCode(out: Lowering, record: Value): Value {
  return out.load(op.PTR_LOAD, record, at.FUNC_FOREIGN.offset, access(REGION_VMCTX, 0, 8, READONLY));
}

/** The signature of FUNC_CODE. */
function bareSignature(out: Lowering, type: number): number {
  const { params, results } = out.module.types[type];
  return out.program.signature(params.map(irType), results.map(irType), CONV_WASM);
}

/** The signature of FUNC_FOREIGN: the record comes first. */
function foreignSignature(out: Lowering, type: number): number {
  const { params, results } = out.module.types[type];
  return out.program.signature([PTR, ...params.map(irType)], results.map(irType), CONV_WASM);
}

/** Whether the record is of this instance: its function can be called straight. */
function isOwn(out: Lowering, record: Value): Value {
  return out.op(op.PTR_EQ, recordField(out, record, at.FUNC_VMCTX), instance(out));
}

/** Calls the function of a record that is known to be there and of the type; `own`: and to be this instance's. */
export function callRecord(
  out: Lowering,
  record: Value,
  type: number,
  own: boolean,
  args: readonly Value[],
): Value[] {
  if (own) return callBare(out, record, type, args);
  const { results } = out.module.types[type];
  const after = out.block();
  const merged = results.map((result) => out.param(after, irType(result)));
  const foreign = fork(out, isOwn(out, record));
  out.func.cold.set(foreign, 1);
  out.jump(after, callBare(out, record, type, args));
  out.switchTo(foreign);
  holdRecord(out, record);
  const far = recordField(out, record, at.FUNC_FOREIGN);
  out.jump(after, resultsOf(out, out.callPtr(far, foreignSignature(out, type | 0), [record, ...args]), type));
  out.seal(after);
  out.switchTo(after);
  return merged;
}

/** The callee may overwrite the cell that kept its instance alive. */
function holdRecord(out: Lowering, record: Value): void {
  help(out, "func_hold", [out.op(op.REF_FROM_PTR, record)]);
}

function callBare(out: Lowering, record: Value, type: number, args: readonly Value[]): Value[] {
  const code = recordField(out, record, at.FUNC_CODE);
  return resultsOf(out, out.callPtr(code, bareSignature(out, type), args), type);
}

export function returnCallRecord(
  out: Lowering,
  record: Value,
  type: number,
  own: boolean,
  args: readonly Value[],
): void {
  const code = (field: Field) => recordField(out, record, field);
  if (own) {
    out.returnCallPtr(code(at.FUNC_CODE), bareSignature(out, type), args);
    return;
  }
  const foreign = fork(out, isOwn(out, record));
  out.func.cold.set(foreign, 1);
  out.returnCallPtr(code(at.FUNC_CODE), bareSignature(out, type), args);
  out.switchTo(foreign);
  holdRecord(out, record);
  out.returnCallPtr(code(at.FUNC_FOREIGN), foreignSignature(out, type | 0), [record, ...args]);
}
