// Constants of numeric and vector types (spec 3.4.1).

import { NO_VALUE } from "../ir/func.ts";
import { F32, F64, I32, I64, V128 } from "../wasm/types.ts";
import type { Walk } from "./walk.ts";

export function i32(walk: Walk): void {
  const x = walk.r.s32();
  const { out } = walk;
  walk.push(I32, out === null ? NO_VALUE : out.i32(x));
}

export function i64(walk: Walk): void {
  const { out, r } = walk;
  r.s64();
  walk.push(I64, out === null ? NO_VALUE : out.i64(r.lo, r.hi));
}

export function f32(walk: Walk): void {
  const bits = walk.r.word();
  const { out } = walk;
  walk.push(F32, out === null ? NO_VALUE : out.f32(bits));
}

export function f64(walk: Walk): void {
  const { out, r } = walk;
  const lo = r.word();
  const hi = r.word();
  walk.push(F64, out === null ? NO_VALUE : out.f64(lo, hi));
}

export function v128(walk: Walk): void {
  const { out, r } = walk;
  const [a, b, c, d] = [r.word(), r.word(), r.word(), r.word()];
  walk.push(V128, out === null ? NO_VALUE : out.v128(a, b, c, d));
}
