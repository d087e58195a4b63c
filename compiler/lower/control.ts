// Control of a function beyond what blocks and branches are: forks, loops that can be interrupted, traps.

import * as at from "../abi/layout.ts";
import { irType } from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import { access, READONLY, REGION_CONTEXT } from "../ir/access.ts";
import type { Block, Value } from "../ir/func.ts";
import { SELECT_OF } from "../ir/ops.ts";
import * as trap from "../ir/traps.ts";
import type { ValType } from "../wasm/types.ts";
import { pointerCell } from "./instance.ts";
import type { Lowering } from "./lowering.ts";

export function unreachable(out: Lowering): void {
  out.trap(trap.UNREACHABLE);
}

/** Goes on where the condition is not zero; the block for zero is the result. */
export function fork(out: Lowering, condition: Value): Block {
  const then = out.block();
  const otherwise = out.block();
  out.brIf(condition, then, [], otherwise, []);
  out.seal(then);
  out.seal(otherwise);
  out.switchTo(then);
  return otherwise;
}

export function branchIf(out: Lowering, condition: Value, target: Block, args: readonly Value[]): void {
  const next = out.block();
  out.brIf(condition, target, args, next, []);
  out.seal(next);
  out.switchTo(next);
}

/** At the header of each loop. While a function runs its thread has the same breaker. */
export function poll(out: Lowering): void {
  if (!out.options.interrupts) return;
  const context = pointerCell(out, at.VMCTX_CONTEXT.offset);
  out.op(
    op.POLL,
    out.load(op.PTR_LOAD, context, at.CONTEXT_BREAKER.offset, access(REGION_CONTEXT, 0, 8, READONLY)),
  );
}

export function select(out: Lowering, type: ValType, condition: Value, a: Value, b: Value): Value {
  return out.op(SELECT_OF[irType(type)], condition, a, b);
}
