// How a debugger gets from a frame to its caller, as call frame instructions of DWARF (version 5, 6.4.2), from the PC
// table. One run of instructions describes all of TEXT. It is right in bodies, where calls and faults are, but not
// between the first and the last instruction of a prologue or epilogue.

import { unreachable } from "../base/fail.ts";
import type { Image } from "./image.ts";
import type { PcTable } from "./pctable.ts";
import type { Psabi } from "./target.ts";

const ADVANCE = 0x40; // | delta
const ADVANCE8 = 0x02;
const ADVANCE16 = 0x03;
const ADVANCE32 = 0x04;
const OFFSET = 0x80; // | register; then the distance below the frame's address in words
const RESTORE = 0xc0; // | register: it is as the caller had it
const FRAME_OFFSET = 0x0e; // of the frame's address from the stack pointer: that is behind the return address

const WORD = 8;

/** Appends the instructions to the image. */
export function writeCallFrames(image: Image, pcs: PcTable, { registers, pushed }: Psabi): void {
  const out = image.callFrames;
  let at = 0;
  let frame = 0;
  let saved = 0;
  for (let k = 0; k < pcs.start.length; k++) {
    if (pcs.frame.get(k) === frame && pcs.saved.get(k) === saved) continue;
    const delta = pcs.start.get(k) - at;
    if (delta < 0) unreachable("ranges of code out of order");
    if (delta < 0x40) out.u8(ADVANCE | delta);
    else if (delta < 0x100) {
      out.u8(ADVANCE8);
      out.u8(delta);
    } else if (delta < 0x10000) {
      out.u8(ADVANCE16);
      out.u16(delta);
    } else {
      out.u8(ADVANCE32);
      out.u32(delta);
    }
    at = pcs.start.get(k);
    if (pcs.frame.get(k) !== frame) {
      frame = pcs.frame.get(k);
      out.u8(FRAME_OFFSET);
      out.leb(frame + WORD);
    }
    const was = saved;
    saved = pcs.saved.get(k);
    let place = pushed === 0 ? 1 : 2; // a return address that was pushed is the first word
    for (let r = 0; r < registers.length; r++) {
      const bit = 1 << r;
      if ((saved & bit) !== 0) {
        out.u8(OFFSET | registers[r]);
        out.leb(place++);
      } else if ((was & bit) !== 0) out.u8(RESTORE | registers[r]);
    }
  }
}
