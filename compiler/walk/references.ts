// References (spec 3.4.4), and what casts say about them (spec 3.0). Casts are not lowered yet.

import { fail } from "../base/fail.ts";
import { NO_VALUE } from "../ir/func.ts";
import { REF } from "../ir/ops.ts";
import * as lower from "../lower/references.ts";
import { FUNCTION_REFERENCES, has } from "../wasm/features.ts";
import * as t from "../wasm/types.ts";
import { FUNCREF, heapOf, I32, isNullable, ref } from "../wasm/types.ts";
import { checkReferenceLabel, frameOf } from "./control.ts";
import { expectMatch, funcIndex, heapType } from "./immediates.ts";
import type { Walk } from "./walk.ts";

export function nullOf(walk: Walk): void {
  const type = ref(heapType(walk), true);
  const { out } = walk;
  walk.push(type, out === null ? NO_VALUE : out.zero(REF));
}

export function isNull(walk: Walk): void {
  const v = walk.popRef();
  const { out } = walk;
  walk.push(I32, out === null ? NO_VALUE : lower.isNull(out, v));
}

export function func(walk: Walk): void {
  const index = funcIndex(walk);
  if (!walk.isConstant && walk.declared[index] === 0) {
    walk.error("undeclared function reference", `${index}`);
  }
  const typed = has(walk.features, FUNCTION_REFERENCES);
  const type = typed ? ref(walk.module.funcs[index].type, false) : FUNCREF;
  const { out } = walk;
  walk.push(type, out === null ? NO_VALUE : lower.functionReference(out, index));
}

export function asNonNull(walk: Walk): void {
  const v = walk.popRef();
  const { out } = walk;
  if (out !== null) lower.trapIfNull(out, v);
  walk.push(ref(heapOf(walk.popped), false), v);
}

export function eq(walk: Walk): void {
  walk.pop(ref(t.EQ, true));
  walk.pop(ref(t.EQ, true));
  walk.push(I32, NO_VALUE);
}

export function test(walk: Walk): void {
  const heap = heapType(walk);
  walk.pop(ref(walk.space.top(heap), true));
  walk.push(I32, NO_VALUE);
}

export function cast(walk: Walk): void {
  castTo(walk, false);
}

export function castNull(walk: Walk): void {
  castTo(walk, true);
}

function castTo(walk: Walk, nullable: boolean): void {
  const heap = heapType(walk);
  walk.pop(ref(walk.space.top(heap), true));
  walk.push(ref(heap, nullable), NO_VALUE);
}

export function brOnCast(walk: Walk): void {
  branchOnCast(walk, true);
}

export function brOnCastFail(walk: Walk): void {
  branchOnCast(walk, false);
}

export function anyConvertExtern(walk: Walk): void {
  walk.pop(ref(t.EXTERN, true));
  walk.push(ref(t.ANY, isNullable(walk.popped)), NO_VALUE);
}

export function externConvertAny(walk: Walk): void {
  walk.pop(ref(t.ANY, true));
  walk.push(ref(t.EXTERN, isNullable(walk.popped)), NO_VALUE);
}

export function i31(walk: Walk): void {
  walk.pop(I32);
  walk.push(ref(t.I31, false), NO_VALUE);
}

export function i31Get(walk: Walk): void {
  walk.pop(ref(t.I31, true));
  walk.push(I32, NO_VALUE);
}

/** From `first` to its subtype `second`: what the cast yields goes one way, the rest the other. */
function branchOnCast(walk: Walk, onSuccess: boolean): void {
  const { r } = walk;
  const flags = r.u8();
  if (flags > 3) fail("malformed cast flags", r.at - 1);
  const frame = frameOf(walk);
  const first = ref(heapType(walk), (flags & 1) !== 0);
  const second = ref(heapType(walk), (flags & 2) !== 0);
  expectMatch(walk, second, first);
  walk.pop(first);
  // a null that the cast takes does not go the other way
  const rest = ref(heapOf(first), isNullable(first) && !isNullable(second));
  walk.push(onSuccess ? second : rest, NO_VALUE);
  checkReferenceLabel(walk, frame);
  walk.push(onSuccess ? rest : second, NO_VALUE);
}
