// Memories as wholes (spec 3.4.6): size, growth, bulk operations; data segments.

import { NO_VALUE } from "../ir/func.ts";
import * as lower from "../lower/memory.ts";
import { I32 } from "../wasm/types.ts";
import { checkData, dataIndex, memoryAddress, memoryIndex, smaller } from "./immediates.ts";
import type { Walk } from "./walk.ts";

export function size(walk: Walk): void {
  const { out } = walk;
  const memory = memoryIndex(walk);
  walk.push(memoryAddress(walk, memory), out === null ? NO_VALUE : lower.size(out, memory));
}

export function grow(walk: Walk): void {
  const { out } = walk;
  const memory = memoryIndex(walk);
  const pages = walk.pop(memoryAddress(walk, memory));
  walk.push(memoryAddress(walk, memory), out === null ? NO_VALUE : lower.grow(out, memory, pages));
}

export function init(walk: Walk): void {
  const { out } = walk;
  const data = walk.r.u32();
  const memory = memoryIndex(walk);
  checkData(walk, data);
  const n = walk.pop(I32);
  const from = walk.pop(I32);
  const to = walk.pop(memoryAddress(walk, memory));
  if (out !== null) lower.init(out, memory, data | 0, to, from, n);
}

export function dropSegment(walk: Walk): void {
  const { out } = walk;
  const data = dataIndex(walk);
  if (out !== null) lower.dropSegment(out, data);
}

export function copy(walk: Walk): void {
  const { out } = walk;
  const target = memoryIndex(walk);
  const source = memoryIndex(walk);
  const n = walk.pop(smaller(memoryAddress(walk, target), memoryAddress(walk, source)));
  const from = walk.pop(memoryAddress(walk, source));
  const to = walk.pop(memoryAddress(walk, target));
  if (out !== null) lower.copy(out, target, source, to, from, n);
}

export function fill(walk: Walk): void {
  const { out } = walk;
  const memory = memoryIndex(walk);
  const n = walk.pop(memoryAddress(walk, memory));
  const byte = walk.pop(I32);
  const to = walk.pop(memoryAddress(walk, memory));
  if (out !== null) lower.fill(out, memory, to, byte, n);
}
