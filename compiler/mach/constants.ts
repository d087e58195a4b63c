// Constants that instructions load from memory: one copy per image of each bit pattern, in RODATA, aligned to its
// size. Each has a symbol, so that disassemblies name it by its value.

import { SYM_RODATA } from "../ir/program.ts";
import { type Image, RODATA } from "./image.ts";

/** The symbol of the constant of `size` bytes with these words; one of 16 bytes is made of them twice. */
export function constantSymbol(image: Image, size: number, lo: number, hi: number): number {
  const bits = size > 4 ? hexWord(hi) + hexWord(lo) : hexWord(lo);
  const symbol = image.program.symbol(`wasmpy_const${8 * size}_${bits}`, SYM_RODATA);
  if (image.definitions.has(symbol)) return symbol;
  const data = image.sections[RODATA];
  data.align(size);
  const at = data.length;
  for (let k = 0; k < size; k += 8) {
    data.u32(lo);
    if (size > 4) data.u32(hi);
  }
  image.define(symbol, RODATA, at, size);
  return symbol;
}

function hexWord(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
