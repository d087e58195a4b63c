// References: null, functions, the record that a function reference is.

import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import * as trap from "../ir/traps.ts";
import { addressOfCell, pointerCell } from "./instance.ts";
import type { Lowering } from "./lowering.ts";

export function isNull(out: Lowering, reference: Value): Value {
  return out.op(op.REF_IS_NULL, reference);
}

export function trapIfNull(out: Lowering, reference: Value): void {
  out.trapIf(isNull(out, reference), trap.NULL_REFERENCE);
}

export function functionReference(out: Lowering, index: number): Value {
  const offset = out.layout.func[index];
  const record = out.module.funcs[index].imported ? pointerCell(out, offset) : addressOfCell(out, offset);
  return out.op(op.REF_FROM_PTR, record);
}

/** The record that a function reference points to. */
export function recordOf(out: Lowering, reference: Value, nullable: boolean): Value {
  if (nullable) out.trapIf(isNull(out, reference), trap.NULL_FUNCTION);
  return out.op(op.PTR_FROM_REF, reference);
}
