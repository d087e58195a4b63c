// The PC table of an image: which code belongs to which function with which frame, and what stands at the
// addresses where a fault, a call or a trap may be. Serves traps, unwinding and line numbers.
//
// Layout of the symbol wasmpy_pc_table (RODATA), all words 32 bits, offsets counted from the start of TEXT:
//   nFunctions, nSites,
//   start[nFunctions], end[…], frame[…], index[…]   ranges of code, sorted, apart from each other; frame: bytes
//                                                   from the stack pointer to the return address; index: wasm
//                                                   function, or all ones. Where calls leave it in a register, a
//                                                   function that calls keeps it in the last word of its frame, and
//                                                   one without a frame has -8 there: the word below the caller's
//   siteOffset[nSites], siteInfo[…]                 sorted, no two alike; info: wasm byte offset + 1 or 0, and
//                                                   FAULT_TRAPS where a memory fault is a trap
// A function has several ranges where its frame differs (stubs that run before the frame exists).

import { IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import { SYM_RODATA } from "../ir/program.ts";
import { type Image, RODATA } from "./image.ts";

export const PC_TABLE_SYMBOL = "wasmpy_pc_table";
/** In a site's info: a fault of this instruction is a trap (out of bounds memory access). */
export const FAULT_TRAPS = 1 << 31;
/** Index of code that is no wasm function. */
export const NO_INDEX = -1;

export class PcTable {
  readonly start: IntColumn;
  readonly end: IntColumn;
  readonly frame: IntColumn;
  readonly index: IntColumn;
  /** General registers, as bits, that lie below the return address in order of number; not written to the table. */
  readonly saved: IntColumn;
  readonly siteOffset: IntColumn;
  readonly siteInfo: IntColumn;

  constructor() {
    this.start = new IntColumn();
    this.end = new IntColumn();
    this.frame = new IntColumn();
    this.index = new IntColumn();
    this.saved = new IntColumn();
    this.siteOffset = new IntColumn();
    this.siteInfo = new IntColumn();
  }

  /** Code from `start` up to `end`, behind all that was added before. */
  addRange(start: number, end: number, frame: number, index: number, saved: number): void {
    if (start === end) return;
    const last = this.start.length - 1;
    if (last >= 0 && start < this.end.get(last)) unreachable("ranges of code out of order");
    this.start.push(start);
    this.end.push(end);
    this.frame.push(frame);
    this.index.push(index);
    this.saved.push(saved);
  }

  addSite(offset: number, info: number): void {
    const last = this.siteOffset.length - 1;
    if (last >= 0 && offset <= this.siteOffset.get(last)) unreachable("sites out of order");
    this.siteOffset.push(offset);
    this.siteInfo.push(info);
  }

  /** Writes the table and defines its symbol. */
  write(image: Image): void {
    const out = image.sections[RODATA];
    out.align(8);
    const at = out.length;
    out.reserve(8 + 16 * this.start.length + 8 * this.siteOffset.length);
    out.u32(this.start.length);
    out.u32(this.siteOffset.length);
    for (const column of [this.start, this.end, this.frame, this.index, this.siteOffset, this.siteInfo]) {
      for (let k = 0; k < column.length; k++) out.u32(column.get(k));
    }
    image.define(image.program.symbol(PC_TABLE_SYMBOL, SYM_RODATA), RODATA, at, out.length - at);
  }
}
