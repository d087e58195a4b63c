// Globals: own ones are cells of the instance, imported ones cells that it points to.

import { irType, isFuncRef } from "../abi/layout.ts";
import { access, READONLY, REGION_GLOBAL } from "../ir/access.ts";
import type { Value } from "../ir/func.ts";
import { LOAD_OF, REF, STORE_OF, TYPE_SIZE } from "../ir/ops.ts";
import { addressOfCell, help, instance, pointerCell } from "./instance.ts";
import type { Lowering } from "./lowering.ts";

function addressOf(out: Lowering, index: number): Value {
  const offset = out.layout.global[index];
  return out.module.globals[index].imported ? pointerCell(out, offset) : addressOfCell(out, offset);
}

/**
 * Imported mutable globals may be one and the same, so they share a region. Own immutable ones are written
 * by the instantiation function, so they are not READONLY there, nor in what is inlined into it.
 */
function accessOf(out: Lowering, index: number): number {
  const { type, imported } = out.module.globals[index];
  const shared = imported && type.mutable;
  const flags = imported && !type.mutable ? READONLY : 0;
  return access(REGION_GLOBAL, shared ? 0xffff : index & 0x7fff, TYPE_SIZE[irType(type.type)], flags);
}

export function get(out: Lowering, index: number): Value {
  const { type, imported } = out.module.globals[index];
  const constant = out.constants.get(index);
  if (constant !== undefined) return out.constant(constant.type, constant.lo, constant.hi);
  const ir = irType(type.type);
  const offset = out.layout.global[index];
  const base = imported ? pointerCell(out, offset) : instance(out);
  const v = out.load(LOAD_OF[ir], base, imported ? 0 : offset, accessOf(out, index));
  if (ir !== REF || !type.mutable) return v;
  return help(out, isFuncRef(type.type, out.module) ? "func_hold" : "ref_hold", [v]);
}

export function set(out: Lowering, index: number, v: Value): void {
  const { type, imported } = out.module.globals[index];
  const ir = irType(type.type);
  if (ir === REF) {
    const functions = out.i32(isFuncRef(type.type, out.module) ? 1 : 0);
    help(out, "ref_set", [addressOf(out, index), v, functions]);
    return;
  }
  const offset = out.layout.global[index];
  const base = imported ? pointerCell(out, offset) : instance(out);
  out.store(STORE_OF[ir], base, v, imported ? 0 : offset, accessOf(out, index));
}
