// The registers of x86-64 as mach/ numbers them: 0–15 general, 32–47 float and vector.

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;
export const R11 = 11;
export const R12 = 12;
export const R13 = 13;
export const R14 = 14;
export const R15 = 15;
export const XMM0 = 32;
export const XMM1 = 33;
export const XMM7 = 39;
export const XMM14 = 46;
export const XMM15 = 47;

/** Pinned: the instance, and the base of its memory 0. */
export const VMCTX = R15;
export const MEMORY0 = R14;
/** Never allocated: what emission uses between two instructions. */
export const SCRATCH = R11;
export const FLOAT_SCRATCH = XMM15;

/** DWARF's numbers of the general registers. */
export const DWARF: readonly number[] = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];

const LOW = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];

/** The assembler's name of a register of `width` bits (8, 16, 32, 64; float registers have one name). */
export function registerName(register: number, width: number): string {
  if (register >= XMM0) return `xmm${register - XMM0}`;
  if (register >= R8)
    return `r${register}${width === 64 ? "" : width === 32 ? "d" : width === 16 ? "w" : "b"}`;
  const name = LOW[register];
  if (width === 64) return `r${name}`;
  if (width === 32) return `e${name}`;
  if (width === 16) return name;
  return register < RSP ? `${name.slice(0, 1)}l` : `${name}l`;
}
