// The `aux` word of memory operations: which region, which size, whether it may trap. Accesses to different
// regions never alias, except where a rule below says so.
//
//   bits 0–3    kind of region
//   bits 4–19   number of the memory, table or global (imported ones that could be the same share a number), modulo 2¹⁶
//   bits 20–22  log2 of the access size in bytes
//   bit 23      a fault here is a wasm trap (out of bounds memory access), so it needs a row in the PC table
//   bit 24      the cell never changes while the function runs: the load is as good as pure
//   bit 25      big-endian cell on a little-endian machine, or the other way round
//   bits 26–29  the lane that is loaded or stored

/** A C structure or anything else outside the instance; aliases itself only. */
export const REGION_C = 0;
export const REGION_MEMORY = 1;
export const REGION_TABLE = 2;
export const REGION_GLOBAL = 3;
/** Fields of the instance other than globals. */
export const REGION_VMCTX = 4;
/** The context: entry record, stack limit. */
export const REGION_CONTEXT = 5;
/** Stack slots of the function. */
export const REGION_STACK = 6;
/** Objects of WasmGC. */
export const REGION_HEAP = 7;
export const REGION_NAMES: readonly string[] = [
  "c",
  "memory",
  "table",
  "global",
  "vmctx",
  "context",
  "stack",
  "heap",
];

export const MAY_TRAP = 1 << 23;
export const READONLY = 1 << 24;
export const SWAPPED = 1 << 25;

/** `size` in bytes: 1, 2, 4, 8 or 16. */
export function access(region: number, number: number, size: number, flags: number): number {
  return region | ((number & 0xffff) << 4) | ((31 - Math.clz32(size)) << 20) | flags;
}

export function regionOf(aux: number): number {
  return aux & 15;
}

export function numberOf(aux: number): number {
  return (aux >> 4) & 0xffff;
}

export function sizeOf(aux: number): number {
  return 1 << ((aux >> 20) & 7);
}

export function laneOf(aux: number): number {
  return (aux >> 26) & 15;
}

export function laneBits(lane: number): number {
  return lane << 26;
}
