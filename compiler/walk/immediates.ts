// Immediates of instructions: decoded and checked against the index spaces of the module. What was a reserved
// byte before a feature is an index with it.

import { fail } from "../base/fail.ts";
import type { f64, u32 } from "../base/numbers.ts";
import { has, MEMORY64, MULTI_MEMORY, REFERENCE_TYPES } from "../wasm/features.ts";
import { HAS_MEMORY } from "../wasm/imm.ts";
import { MEMARG, refuse } from "../wasm/proposals.ts";
import { readHeapType, readValType } from "../wasm/typereader.ts";
import {
  COMP_FUNC,
  type DefType,
  heapOf,
  I32,
  I64,
  isRef,
  type Limits,
  type ValType,
} from "../wasm/types.ts";
import { typeText } from "../wasm/typetable.ts";
import * as rules from "./rules.ts";
import type { Walk } from "./walk.ts";

export function expectMatch(walk: Walk, actual: ValType, expected: ValType): void {
  if (!walk.space.matches(actual, expected)) {
    walk.error("type mismatch", `expected ${typeText(expected)}, found ${typeText(actual)}`);
  }
}

export function valType(walk: Walk): ValType {
  const type = readValType(walk.r, walk.features);
  checkType(walk, type);
  return type;
}

export function checkType(walk: Walk, type: ValType): void {
  if (isRef(type)) checkHeap(walk, heapOf(type));
}

function checkHeap(walk: Walk, heap: f64): void {
  if (heap >= walk.module.types.length) walk.error("unknown type", `${heap}`);
}

export function heapType(walk: Walk): number {
  const heap = readHeapType(walk.r, walk.features);
  checkHeap(walk, heap);
  return heap | 0;
}

export function typeIndex(walk: Walk): number {
  const index = walk.r.u32();
  if (index >= walk.module.types.length) walk.error("unknown type", `${index}`);
  return index | 0;
}

export function checkFuncType(walk: Walk, index: f64): DefType {
  if (index >= walk.module.types.length) walk.error("unknown type", `${index}`);
  const type = walk.module.types[index];
  if (type.kind !== COMP_FUNC) walk.error("type mismatch", `type ${index} is not a function type`);
  return type;
}

export function funcTypeIndex(walk: Walk): number {
  const index = walk.r.u32();
  checkFuncType(walk, index);
  return index | 0;
}

export function funcIndex(walk: Walk): number {
  const index = walk.r.u32();
  if (index >= walk.module.funcs.length) walk.error("unknown function", `${index}`);
  return index | 0;
}

export function globalIndex(walk: Walk): number {
  const index = walk.r.u32();
  const visible = walk.isConstant ? walk.visibleGlobals : walk.module.globals.length;
  if (index >= visible) walk.error("unknown global", `${index}`);
  if (walk.isConstant && walk.module.globals[index].type.mutable) {
    walk.error("constant expression required", `global ${index} is mutable`);
  }
  return index | 0;
}

/** An index that was a reserved byte before the feature. */
function indexSince(walk: Walk, feature: number): u32 {
  if (has(walk.features, feature)) return walk.r.u32();
  if (walk.r.u8() !== 0) fail("zero byte expected", walk.r.at - 1);
  return 0;
}

export function tableIndex(walk: Walk): number {
  const index = indexSince(walk, REFERENCE_TYPES);
  if (index >= walk.module.tables.length) walk.error("unknown table", `${index}`);
  return index | 0;
}

export function memoryIndex(walk: Walk): number {
  const index = indexSince(walk, MULTI_MEMORY);
  checkMemory(walk, index);
  return index | 0;
}

function checkMemory(walk: Walk, index: u32): void {
  if (index >= walk.module.memories.length) walk.error("unknown memory", `${index}`);
}

export function elemIndex(walk: Walk): number {
  const index = walk.r.u32();
  checkElem(walk, index);
  return index | 0;
}

export function checkElem(walk: Walk, index: u32): void {
  if (index >= walk.module.elems.length) walk.error("unknown elem segment", `${index}`);
}

export function dataIndex(walk: Walk): number {
  const index = walk.r.u32();
  checkData(walk, index);
  return index | 0;
}

/** Segments come behind the code: what is known of their number is the data count section. */
export function checkData(walk: Walk, index: u32): void {
  if (walk.module.dataCount < 0) walk.error("data count section required");
  if (index >= walk.module.dataCount) walk.error("unknown data segment", `${index}`);
}

export function tagIndex(walk: Walk): number {
  const index = walk.r.u32();
  if (index >= walk.module.tags.length) walk.error("unknown tag", `${index}`);
  return index | 0;
}

/** Alignment, memory and offset of an access: the memory's index; the offset in `r.lo` and `r.hi`. */
export function memarg(walk: Walk, row: number): number {
  const { r } = walk;
  let flags: u32 = r.u32();
  let memory: u32 = 0;
  if (flags >= 32 && flags < HAS_MEMORY) {
    refuse(MEMARG, 32, walk.features, "alignment must not be larger than natural", walk.at);
  }
  if (has(walk.features, MULTI_MEMORY) && (flags & HAS_MEMORY) !== 0 && flags < 2 * HAS_MEMORY) {
    flags -= HAS_MEMORY;
    memory = r.u32();
  }
  if (flags >= HAS_MEMORY) walk.error("malformed memop flags");
  if (has(walk.features, MEMORY64)) {
    r.u64();
  } else {
    r.lo = r.u32() | 0;
    r.hi = 0;
  }
  checkMemory(walk, memory);
  if (flags > rules.ALIGNMENT[row]) walk.error("alignment must not be larger than natural");
  if (r.hi !== 0 && !walk.module.memories[memory].type.limits.is64) walk.error("offset out of range");
  return memory | 0;
}

export function memoryAddress(walk: Walk, memory: number): ValType {
  return addressType(walk.module.memories[memory].type.limits);
}

export function tableAddress(walk: Walk, table: number): ValType {
  return addressType(walk.module.tables[table].type.limits);
}

export function smaller(a: ValType, b: ValType): ValType {
  return a === I64 && b === I64 ? I64 : I32;
}

export function addressType(limits: Limits): ValType {
  return limits.is64 ? I64 : I32;
}
