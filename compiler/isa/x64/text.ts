// What the code of x86-64 is made of besides rows: branches in two forms, relocations, fillers.

import type { Bytes } from "../../base/bytes.ts";
import { REL_OF_MACHINE, RelocationRow } from "../../mach/image.ts";
import { BranchRow, TextRules } from "../../mach/text.ts";

// --- relocations of code: S symbol address, A addend, P place, G address of the symbol's GOT slot -----------

/** 32 bits: S + A - P (call, jump, lea, load of a symbol of this image). */
export const REL_PC32: number = REL_OF_MACHINE;
/** 32 bits: G + A - P (imported symbols). */
export const REL_GOT_PC32: number = REL_OF_MACHINE + 1;

function patchPc32(out: Bytes, place: number, to: number): void {
  out.setU32(place, to - place);
}

export const RELOCATIONS: readonly RelocationRow[] = [
  new RelocationRow("pc32", false, patchPc32),
  new RelocationRow("got_pc32", true, patchPc32),
];

// --- branches: an opcode and a distance of 32 bits, or of 8 --------------------------------------------------

/** Kinds: always, and by the condition that is given. */
export const JUMP = 0;
export const JUMP_IF = 1;

const BRANCHES: readonly BranchRow[] = [
  new BranchRow(5, 2, -128, 127, (out, _, distance, isShort) => {
    out.u8(isShort ? 0xeb : 0xe9);
    if (isShort) out.u8(distance);
    else out.u32(distance);
  }),
  new BranchRow(6, 2, -128, 127, (out, condition, distance, isShort) => {
    if (isShort) {
      out.u8(0x70 | condition);
      out.u8(distance);
    } else {
      out.u8(0x0f);
      out.u8(0x80 | condition);
      out.u32(distance);
    }
  }),
];

/** Instructions that do nothing, of 1 to 9 bytes (Intel SDM volume 2, NOP, table 4-12). */
export const NOPS: readonly Uint8Array[] = [
  Uint8Array.of(0x90),
  Uint8Array.of(0x66, 0x90),
  Uint8Array.of(0x0f, 0x1f, 0x00),
  Uint8Array.of(0x0f, 0x1f, 0x40, 0x00),
  Uint8Array.of(0x0f, 0x1f, 0x44, 0x00, 0x00),
  Uint8Array.of(0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00),
  Uint8Array.of(0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00),
  Uint8Array.of(0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00),
  Uint8Array.of(0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00),
];

const INT3 = 0xcc;

/** A lea ends with the distance. */
function patchLea(out: Bytes, end: number, distance: number): void {
  out.setU32(end - 4, distance);
}

export const TEXT_RULES: TextRules = new TextRules(BRANCHES, patchLea, NOPS, INT3, 8);
