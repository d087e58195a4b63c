// Immediates of instructions: decoded and checked against the index spaces of the module. What was a reserved
// byte before a feature is an index with it.

import { fail } from "../base/fail.ts";
import type { f64, u32 } from "../base/numbers.ts";
import { type Features, has, MEMORY64, MULTI_MEMORY, REFERENCE_TYPES } from "../wasm/features.ts";
import { HAS_MEMORY } from "../wasm/imm.ts";
import type { Module } from "../wasm/module.ts";
import { MEMARG, refuse } from "../wasm/proposals.ts";
import { Reader } from "../wasm/reader.ts";
import type { TypeSpace } from "../wasm/subtyping.ts";
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
import { Operands } from "./operands.ts";
import * as rules from "./rules.ts";

/** Outside constant expressions. */
export const ALL_GLOBALS = -1;

export class Immediates extends Operands {
  readonly module: Module;
  readonly features: Features;
  readonly r: Reader;
  /** In constant expressions: how many globals are visible; else ALL_GLOBALS. */
  visibleGlobals: number;

  constructor(module: Module, features: Features, space: TypeSpace) {
    super(space);
    this.module = module;
    this.features = features;
    this.r = new Reader(module.bytes, 0, 0);
    this.visibleGlobals = ALL_GLOBALS;
  }

  get isConstant(): boolean {
    return this.visibleGlobals !== ALL_GLOBALS;
  }

  expectMatch(actual: ValType, expected: ValType): void {
    if (!this.space.matches(actual, expected)) {
      this.error("type mismatch", `expected ${typeText(expected)}, found ${typeText(actual)}`);
    }
  }

  valType(): ValType {
    const type = readValType(this.r, this.features);
    this.checkType(type);
    return type;
  }

  checkType(type: ValType): void {
    if (isRef(type)) this.checkHeap(heapOf(type));
  }

  private checkHeap(heap: f64): void {
    if (heap >= this.module.types.length) this.error("unknown type", `${heap}`);
  }

  heapType(): number {
    const heap = readHeapType(this.r, this.features);
    this.checkHeap(heap);
    return heap | 0;
  }

  typeIndex(): number {
    const index = this.r.u32();
    if (index >= this.module.types.length) this.error("unknown type", `${index}`);
    return index | 0;
  }

  checkFuncType(index: f64): DefType {
    if (index >= this.module.types.length) this.error("unknown type", `${index}`);
    const type = this.module.types[index];
    if (type.kind !== COMP_FUNC) this.error("type mismatch", `type ${index} is not a function type`);
    return type;
  }

  funcTypeIndex(): number {
    const index = this.r.u32();
    this.checkFuncType(index);
    return index | 0;
  }

  funcIndex(): number {
    const index = this.r.u32();
    if (index >= this.module.funcs.length) this.error("unknown function", `${index}`);
    return index | 0;
  }

  globalIndex(): number {
    const index = this.r.u32();
    const visible = this.isConstant ? this.visibleGlobals : this.module.globals.length;
    if (index >= visible) this.error("unknown global", `${index}`);
    if (this.isConstant && this.module.globals[index].type.mutable) {
      this.error("constant expression required", `global ${index} is mutable`);
    }
    return index | 0;
  }

  /** An index that was a reserved byte before the feature. */
  private indexSince(feature: number): u32 {
    if (has(this.features, feature)) return this.r.u32();
    if (this.r.u8() !== 0) fail("zero byte expected", this.r.at - 1);
    return 0;
  }

  tableIndex(): number {
    const index = this.indexSince(REFERENCE_TYPES);
    if (index >= this.module.tables.length) this.error("unknown table", `${index}`);
    return index | 0;
  }

  memoryIndex(): number {
    const index = this.indexSince(MULTI_MEMORY);
    this.checkMemory(index);
    return index | 0;
  }

  private checkMemory(index: u32): void {
    if (index >= this.module.memories.length) this.error("unknown memory", `${index}`);
  }

  elemIndex(): number {
    const index = this.r.u32();
    this.checkElem(index);
    return index | 0;
  }

  checkElem(index: u32): void {
    if (index >= this.module.elems.length) this.error("unknown elem segment", `${index}`);
  }

  dataIndex(): number {
    const index = this.r.u32();
    this.checkData(index);
    return index | 0;
  }

  /** Segments come behind the code: what is known of their number is the data count section. */
  checkData(index: u32): void {
    if (this.module.dataCount < 0) this.error("data count section required");
    if (index >= this.module.dataCount) this.error("unknown data segment", `${index}`);
  }

  tagIndex(): number {
    const index = this.r.u32();
    if (index >= this.module.tags.length) this.error("unknown tag", `${index}`);
    return index | 0;
  }

  /** Alignment, memory and offset of an access: the memory's index; the offset in `r.lo` and `r.hi`. */
  memarg(row: number): number {
    const { r } = this;
    let flags: u32 = r.u32();
    let memory: u32 = 0;
    if (flags >= 32 && flags < HAS_MEMORY) {
      refuse(MEMARG, 32, this.features, "alignment must not be larger than natural", this.at);
    }
    if (has(this.features, MULTI_MEMORY) && (flags & HAS_MEMORY) !== 0 && flags < 2 * HAS_MEMORY) {
      flags -= HAS_MEMORY;
      memory = r.u32();
    }
    if (flags >= HAS_MEMORY) this.error("malformed memop flags");
    if (has(this.features, MEMORY64)) {
      r.u64();
    } else {
      r.lo = r.u32() | 0;
      r.hi = 0;
    }
    this.checkMemory(memory);
    if (flags > rules.ALIGNMENT[row]) this.error("alignment must not be larger than natural");
    if (r.hi !== 0 && !this.module.memories[memory].type.limits.is64) this.error("offset out of range");
    return memory | 0;
  }

  memoryAddress(memory: number): ValType {
    return addressType(this.module.memories[memory].type.limits);
  }

  tableAddress(table: number): ValType {
    return addressType(this.module.tables[table].type.limits);
  }

  smaller(a: ValType, b: ValType): ValType {
    return a === I64 && b === I64 ? I64 : I32;
  }
}

export function addressType(limits: Limits): ValType {
  return limits.is64 ? I64 : I32;
}
