// DataView, little-endian: on the bytes of a typed array.

import type { f64 } from "../base/numbers.ts";
import { load32, loadDouble, loadFloat, outside, store32, storeDouble, storeFloat } from "./machine.ts";

/** The address of `size` bytes at `at`. */
function place(view: number, at: number, size: number): number {
  if (at < 0 || at > load32(view + 4) - size) outside(0);
  return load32(view) + at;
}

export function viewInt32(view: number, at: number): number {
  return load32(place(view, at, 4));
}

export function setViewInt32(view: number, at: number, x: number): void {
  store32(place(view, at, 4), x);
}

export function viewFloat32(view: number, at: number): f64 {
  return loadFloat(place(view, at, 4));
}

export function setViewFloat32(view: number, at: number, x: f64): void {
  storeFloat(place(view, at, 4), x);
}

export function viewFloat64(view: number, at: number): f64 {
  return loadDouble(place(view, at, 8));
}

export function setViewFloat64(view: number, at: number, x: f64): void {
  storeDouble(place(view, at, 8), x);
}
