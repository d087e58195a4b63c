// Structures, arrays, casts and i31 in the walk (spec 3.0, 3.4.8 – 3.4.11): validation; nothing is lowered yet.

import { fail } from "../base/fail.ts";
import * as w from "../gen/wasm-ops.ts";
import { NO_VALUE } from "../ir/func.ts";
import { checkLimit, MAX_ARRAY_NEW_FIXED } from "../wasm/limits.ts";
import * as t from "../wasm/types.ts";
import {
  COMP_ARRAY,
  COMP_STRUCT,
  type FieldType,
  heapOf,
  I32,
  isNullable,
  isRef,
  ref,
  type ValType,
} from "../wasm/types.ts";
import type { Walk } from "./walk.ts";

/** False: the row is no instruction about objects. */
export function walkAggregate(walk: Walk, row: number): boolean {
  return walkStruct(walk, row) || walkArray(walk, row) || walkCast(walk, row);
}

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
  const index = walk.typeIndex();
  if (walk.module.types[index].kind !== COMP_STRUCT) {
    walk.error("type mismatch", `type ${index} is not a structure`);
  }
  return index;
}

function arrayIndex(walk: Walk): number {
  const index = walk.typeIndex();
  if (walk.module.types[index].kind !== COMP_ARRAY)
    walk.error("type mismatch", `type ${index} is not an array`);
  return index;
}

function structField(walk: Walk, struct: number): FieldType {
  const { fields } = walk.module.types[struct];
  const index = walk.r.u32();
  return index < fields.length ? fields[index] : walk.error("unknown field", `${index}`);
}

function walkStruct(walk: Walk, row: number): boolean {
  switch (row) {
    case w.STRUCT_NEW: {
      const struct = structIndex(walk);
      const { fields } = walk.module.types[struct];
      for (let i = fields.length - 1; i >= 0 && !walk.bottomless; i--) {
        walk.pop(unpacked(fields[i].storage));
      }
      push(walk, ref(struct, false));
      return true;
    }
    case w.STRUCT_NEW_DEFAULT: {
      const struct = structIndex(walk);
      if (!walk.module.types[struct].fields.every((field) => isDefaultable(field.storage))) {
        walk.error("type mismatch", "a field has no default value");
      }
      push(walk, ref(struct, false));
      return true;
    }
    case w.STRUCT_GET:
    case w.STRUCT_GET_S:
    case w.STRUCT_GET_U: {
      const struct = structIndex(walk);
      const field = structField(walk, struct);
      walk.pop(ref(struct, true));
      pushField(walk, field, row !== w.STRUCT_GET);
      return true;
    }
    case w.STRUCT_SET: {
      const struct = structIndex(walk);
      const field = structField(walk, struct);
      if (!field.mutable) walk.error("immutable field");
      walk.pop(unpacked(field.storage));
      walk.pop(ref(struct, true));
      return true;
    }
    default:
      return false;
  }
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

function walkArray(walk: Walk, row: number): boolean {
  const { module, space } = walk;
  switch (row) {
    case w.ARRAY_NEW: {
      const array = arrayIndex(walk);
      walk.pop(I32);
      walk.pop(unpacked(module.types[array].fields[0].storage));
      push(walk, ref(array, false));
      return true;
    }
    case w.ARRAY_NEW_DEFAULT: {
      const array = arrayIndex(walk);
      if (!isDefaultable(module.types[array].fields[0].storage)) {
        walk.error("type mismatch", "the element has no default value");
      }
      walk.pop(I32);
      push(walk, ref(array, false));
      return true;
    }
    case w.ARRAY_NEW_FIXED: {
      const array = arrayIndex(walk);
      const count = walk.r.u32();
      checkLimit(count, MAX_ARRAY_NEW_FIXED, "too many operands of array.new_fixed", walk.at);
      const type = unpacked(module.types[array].fields[0].storage);
      for (let i = 0; i < count && !walk.bottomless; i++) walk.pop(type);
      push(walk, ref(array, false));
      return true;
    }
    case w.ARRAY_NEW_DATA: {
      const array = arrayIndex(walk);
      checkNumeric(walk, module.types[array].fields[0]);
      walk.dataIndex();
      walk.pop(I32);
      walk.pop(I32);
      push(walk, ref(array, false));
      return true;
    }
    case w.ARRAY_NEW_ELEM: {
      const array = arrayIndex(walk);
      const elem = walk.elemIndex();
      walk.expectMatch(module.elems[elem].type, module.types[array].fields[0].storage);
      walk.pop(I32);
      walk.pop(I32);
      push(walk, ref(array, false));
      return true;
    }
    case w.ARRAY_GET:
    case w.ARRAY_GET_S:
    case w.ARRAY_GET_U: {
      const array = arrayIndex(walk);
      walk.pop(I32);
      walk.pop(ref(array, true));
      pushField(walk, module.types[array].fields[0], row !== w.ARRAY_GET);
      return true;
    }
    case w.ARRAY_SET: {
      const array = arrayIndex(walk);
      const element = mutableElement(walk, array);
      walk.pop(unpacked(element.storage));
      walk.pop(I32);
      walk.pop(ref(array, true));
      return true;
    }
    case w.ARRAY_LEN:
      walk.pop(ref(t.ARRAY, true));
      push(walk, I32);
      return true;
    case w.ARRAY_FILL: {
      const array = arrayIndex(walk);
      const element = mutableElement(walk, array);
      walk.pop(I32);
      walk.pop(unpacked(element.storage));
      walk.pop(I32);
      walk.pop(ref(array, true));
      return true;
    }
    case w.ARRAY_COPY: {
      const target = arrayIndex(walk);
      const source = arrayIndex(walk);
      const to = mutableElement(walk, target).storage;
      const from = module.types[source].fields[0].storage;
      if (!space.matches(from, to)) walk.error("array types do not match");
      walk.pop(I32);
      walk.pop(I32);
      walk.pop(ref(source, true));
      walk.pop(I32);
      walk.pop(ref(target, true));
      return true;
    }
    case w.ARRAY_INIT_DATA: {
      const array = arrayIndex(walk);
      checkNumeric(walk, mutableElement(walk, array));
      walk.dataIndex();
      popSegment(walk, array);
      return true;
    }
    case w.ARRAY_INIT_ELEM: {
      const array = arrayIndex(walk);
      const element = mutableElement(walk, array);
      const elem = walk.elemIndex();
      walk.expectMatch(module.elems[elem].type, element.storage);
      popSegment(walk, array);
      return true;
    }
    default:
      return false;
  }
}

/** Array, place in it, place in the segment, count. */
function popSegment(walk: Walk, array: number): void {
  walk.pop(I32);
  walk.pop(I32);
  walk.pop(I32);
  walk.pop(ref(array, true));
}

function walkCast(walk: Walk, row: number): boolean {
  switch (row) {
    case w.REF_EQ:
      walk.pop(ref(t.EQ, true));
      walk.pop(ref(t.EQ, true));
      push(walk, I32);
      return true;
    case w.REF_TEST:
    case w.REF_TEST_NULL: {
      const heap = walk.heapType();
      walk.pop(ref(walk.space.top(heap), true));
      push(walk, I32);
      return true;
    }
    case w.REF_CAST:
    case w.REF_CAST_NULL: {
      const heap = walk.heapType();
      walk.pop(ref(walk.space.top(heap), true));
      push(walk, ref(heap, row === w.REF_CAST_NULL));
      return true;
    }
    case w.BR_ON_CAST:
    case w.BR_ON_CAST_FAIL:
      branchOnCast(walk, row === w.BR_ON_CAST);
      return true;
    case w.ANY_CONVERT_EXTERN:
      walk.pop(ref(t.EXTERN, true));
      push(walk, ref(t.ANY, isNullable(walk.popped)));
      return true;
    case w.EXTERN_CONVERT_ANY:
      walk.pop(ref(t.ANY, true));
      push(walk, ref(t.EXTERN, isNullable(walk.popped)));
      return true;
    case w.REF_I31:
      walk.pop(I32);
      push(walk, ref(t.I31, false));
      return true;
    case w.I31_GET_S:
    case w.I31_GET_U:
      walk.pop(ref(t.I31, true));
      push(walk, I32);
      return true;
    default:
      return false;
  }
}

/** From `first` to its subtype `second`: what the cast yields goes one way, the rest the other. */
function branchOnCast(walk: Walk, onSuccess: boolean): void {
  const { r } = walk;
  const flags = r.u8();
  if (flags > 3) fail("malformed cast flags", r.at - 1);
  const frame = walk.frameOf(r.u32());
  const first = ref(walk.heapType(), (flags & 1) !== 0);
  const second = ref(walk.heapType(), (flags & 2) !== 0);
  walk.expectMatch(second, first);
  walk.pop(first);
  // a null that the cast takes does not go the other way
  const rest = ref(heapOf(first), isNullable(first) && !isNullable(second));
  push(walk, onSuccess ? second : rest);
  walk.checkReferenceLabel(frame);
  push(walk, onSuccess ? rest : second);
}
