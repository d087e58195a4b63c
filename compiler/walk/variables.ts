// Parametric and variable instructions (spec 3.4.2 and 3.4.3).

import { NO_VALUE, type Value } from "../ir/func.ts";
import { select as lowerSelect } from "../lower/control.ts";
import * as lower from "../lower/globals.ts";
import { BOT, I32, isRef } from "../wasm/types.ts";
import { typeText } from "../wasm/typetable.ts";
import { globalIndex, valType } from "./immediates.ts";
import type { Walk } from "./walk.ts";

export function drop(walk: Walk): void {
  walk.popAny();
}

/** The operands are numbers or vectors of one type, whatever it is. */
export function select(walk: Walk): void {
  const condition = walk.pop(I32);
  const b = walk.popAny();
  const second = walk.popped;
  const a = walk.popAny();
  const first = walk.popped;
  if (isRef(first) || isRef(second)) walk.error("type mismatch", "select of references needs a type");
  if (first !== second && first !== BOT && second !== BOT) {
    walk.error("type mismatch", `${typeText(first)} and ${typeText(second)}`);
  }
  pushSelected(walk, first === BOT ? second : first, condition, a, b);
}

export function selectTyped(walk: Walk): void {
  const n = walk.r.u32();
  let type = BOT;
  for (let i = 0; i < n; i++) type = valType(walk);
  if (n !== 1) walk.error("invalid result arity", `${n}`);
  const condition = walk.pop(I32);
  const b = walk.pop(type);
  const a = walk.pop(type);
  pushSelected(walk, type, condition, a, b);
}

function pushSelected(walk: Walk, type: number, condition: Value, a: Value, b: Value): void {
  const { out } = walk;
  walk.push(type, out === null ? NO_VALUE : lowerSelect(out, type, condition, a, b));
}

function localIndex(walk: Walk): number {
  const index = walk.r.u32();
  if (index >= walk.locals.types.length) walk.error("unknown local", `${index}`);
  return index | 0;
}

export function localGet(walk: Walk): void {
  const local = localIndex(walk);
  if (!walk.locals.isSet(local)) walk.error("uninitialized local", `${local}`);
  const { out } = walk;
  walk.push(walk.locals.types.get(local), out === null ? NO_VALUE : out.getLocal(local));
}

export function localSet(walk: Walk): void {
  const local = localIndex(walk);
  setLocal(walk, local);
}

export function localTee(walk: Walk): void {
  const local = localIndex(walk);
  walk.push(walk.locals.types.get(local), setLocal(walk, local));
}

function setLocal(walk: Walk, local: number): Value {
  const v = walk.pop(walk.locals.types.get(local));
  walk.locals.markSet(local);
  walk.out?.setLocal(local, v);
  return v;
}

export function globalGet(walk: Walk): void {
  const index = globalIndex(walk);
  const { type } = walk.module.globals[index].type;
  const { out } = walk;
  walk.push(type, out === null ? NO_VALUE : lower.get(out, index));
}

export function globalSet(walk: Walk): void {
  const index = globalIndex(walk);
  const { type, mutable } = walk.module.globals[index].type;
  if (!mutable) walk.error("immutable global", `${index}`);
  const v = walk.pop(type);
  const { out } = walk;
  if (out !== null) lower.set(out, index, v);
}
