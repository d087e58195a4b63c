// Structures and arrays (spec 3.0, 3.4.8 and 3.4.9): validation; nothing is lowered yet.

import { NO_VALUE } from "../ir/func.ts";
import { checkLimit, MAX_ARRAY_NEW_FIXED } from "../wasm/limits.ts";
import * as t from "../wasm/types.ts";
import {
  COMP_ARRAY,
  COMP_STRUCT,
  type FieldType,
  I32,
  isNullable,
  isRef,
  ref,
  type ValType,
} from "../wasm/types.ts";
import { dataIndex, elemIndex, expectMatch, typeIndex } from "./immediates.ts";
import type { Walk } from "./walk.ts";

/** The type on the stack of what is stored as `storage`. */
function unpacked(storage: ValType): ValType {
  return isPacked(storage) ? I32 : storage;
}

function isPacked(storage: ValType): boolean {
  return storage === t.I8 || storage === t.I16;
}

function isDefaultable(storage: ValType): boolean {
  return !isRef(storage) || isNullable(storage);
}

function push(walk: Walk, type: ValType): void {
  walk.push(type, NO_VALUE);
}

/** A packed field is read by the `_s` and `_u` forms only, any other by the plain one only. */
function pushField(walk: Walk, field: FieldType, extends_: boolean): void {
  if (isPacked(field.storage) !== extends_) {
    walk.error("type mismatch", isPacked(field.storage) ? "the field is packed" : "the field is not packed");
  }
  push(walk, unpacked(field.storage));
}

function structIndex(walk: Walk): number {
  const index = typeIndex(walk);
  if (walk.module.types[index].kind !== COMP_STRUCT) {
    walk.error("type mismatch", `type ${index} is not a structure`);
  }
  return index;
}

function arrayIndex(walk: Walk): number {
  const index = typeIndex(walk);
  if (walk.module.types[index].kind !== COMP_ARRAY)
    walk.error("type mismatch", `type ${index} is not an array`);
  return index;
}

function structField(walk: Walk, struct: number): FieldType {
  const { fields } = walk.module.types[struct];
  const index = walk.r.u32();
  return index < fields.length ? fields[index] : walk.error("unknown field", `${index}`);
}

function mutableElement(walk: Walk, array: number): FieldType {
  const [element] = walk.module.types[array].fields;
  if (!element.mutable) walk.error("immutable array");
  return element;
}

/** Data segments hold numbers and vectors only. */
function checkNumeric(walk: Walk, element: FieldType): void {
  if (isRef(element.storage)) walk.error("array type is not numeric or vector");
}

/** Array, place in it, place in the segment, count. */
function popSegment(walk: Walk, array: number): void {
  walk.pop(I32);
  walk.pop(I32);
  walk.pop(I32);
  walk.pop(ref(array, true));
}

export function structNew(walk: Walk): void {
  const struct = structIndex(walk);
  const { fields } = walk.module.types[struct];
  for (let i = fields.length - 1; i >= 0 && !walk.bottomless; i--) {
    walk.pop(unpacked(fields[i].storage));
  }
  push(walk, ref(struct, false));
}

export function structNewDefault(walk: Walk): void {
  const struct = structIndex(walk);
  if (!walk.module.types[struct].fields.every((field) => isDefaultable(field.storage))) {
    walk.error("type mismatch", "a field has no default value");
  }
  push(walk, ref(struct, false));
}

export function structGet(walk: Walk): void {
  structGetAs(walk, false);
}

export function structGetPacked(walk: Walk): void {
  structGetAs(walk, true);
}

function structGetAs(walk: Walk, isPacked: boolean): void {
  const struct = structIndex(walk);
  const field = structField(walk, struct);
  walk.pop(ref(struct, true));
  pushField(walk, field, isPacked);
}

export function structSet(walk: Walk): void {
  const struct = structIndex(walk);
  const field = structField(walk, struct);
  if (!field.mutable) walk.error("immutable field");
  walk.pop(unpacked(field.storage));
  walk.pop(ref(struct, true));
}

export function arrayNew(walk: Walk): void {
  const { module } = walk;
  const array = arrayIndex(walk);
  walk.pop(I32);
  walk.pop(unpacked(module.types[array].fields[0].storage));
  push(walk, ref(array, false));
}

export function arrayNewDefault(walk: Walk): void {
  const { module } = walk;
  const array = arrayIndex(walk);
  if (!isDefaultable(module.types[array].fields[0].storage)) {
    walk.error("type mismatch", "the element has no default value");
  }
  walk.pop(I32);
  push(walk, ref(array, false));
}

export function arrayNewFixed(walk: Walk): void {
  const { module } = walk;
  const array = arrayIndex(walk);
  const count = walk.r.u32();
  checkLimit(count, MAX_ARRAY_NEW_FIXED, "too many operands of array.new_fixed", walk.at);
  const type = unpacked(module.types[array].fields[0].storage);
  for (let i = 0; i < count && !walk.bottomless; i++) walk.pop(type);
  push(walk, ref(array, false));
}

export function arrayNewData(walk: Walk): void {
  const { module } = walk;
  const array = arrayIndex(walk);
  checkNumeric(walk, module.types[array].fields[0]);
  dataIndex(walk);
  walk.pop(I32);
  walk.pop(I32);
  push(walk, ref(array, false));
}

export function arrayNewElem(walk: Walk): void {
  const { module } = walk;
  const array = arrayIndex(walk);
  const elem = elemIndex(walk);
  expectMatch(walk, module.elems[elem].type, module.types[array].fields[0].storage);
  walk.pop(I32);
  walk.pop(I32);
  push(walk, ref(array, false));
}

export function arrayGet(walk: Walk): void {
  arrayGetAs(walk, false);
}

export function arrayGetPacked(walk: Walk): void {
  arrayGetAs(walk, true);
}

function arrayGetAs(walk: Walk, isPacked: boolean): void {
  const { module } = walk;
  const array = arrayIndex(walk);
  walk.pop(I32);
  walk.pop(ref(array, true));
  pushField(walk, module.types[array].fields[0], isPacked);
}

export function arraySet(walk: Walk): void {
  const array = arrayIndex(walk);
  const element = mutableElement(walk, array);
  walk.pop(unpacked(element.storage));
  walk.pop(I32);
  walk.pop(ref(array, true));
}

export function arrayLen(walk: Walk): void {
  walk.pop(ref(t.ARRAY, true));
  push(walk, I32);
}

export function arrayFill(walk: Walk): void {
  const array = arrayIndex(walk);
  const element = mutableElement(walk, array);
  walk.pop(I32);
  walk.pop(unpacked(element.storage));
  walk.pop(I32);
  walk.pop(ref(array, true));
}

export function arrayCopy(walk: Walk): void {
  const { module } = walk;
  const target = arrayIndex(walk);
  const source = arrayIndex(walk);
  const to = mutableElement(walk, target).storage;
  const from = module.types[source].fields[0].storage;
  if (!walk.space.matches(from, to)) walk.error("array types do not match");
  walk.pop(I32);
  walk.pop(I32);
  walk.pop(ref(source, true));
  walk.pop(I32);
  walk.pop(ref(target, true));
}

export function arrayInitData(walk: Walk): void {
  const array = arrayIndex(walk);
  checkNumeric(walk, mutableElement(walk, array));
  dataIndex(walk);
  popSegment(walk, array);
}

export function arrayInitElem(walk: Walk): void {
  const { module } = walk;
  const array = arrayIndex(walk);
  const element = mutableElement(walk, array);
  const elem = elemIndex(walk);
  expectMatch(walk, module.elems[elem].type, element.storage);
  popSegment(walk, array);
}
