// The pseudo-instructions, which every machine's table begins with, in this order: so their numbers (gen/pseudo-ops.ts)
// are the same everywhere. Selection puts them (calls.ts, control.ts), emission writes each as what the machine has for
// it. A row says the operands, in the notation of a machine's table; where it says none, whoever puts it gives them: a
// condition's operands too, on machines that have no flags.

// --- flags of instructions ----------------------------------------------------------------------------------

export const WRITES_FLAGS = 1;
export const READS_FLAGS = 2;
/** Moves its USE into its DEF unchanged: emission drops it when both have one place. */
export const COPIES = 4;
export const TERMINATES = 8;
/** The return address is a site; clobbers what `clobbers` says. */
export const CALLS = 16;
/** `imm` is the first edge. */
export const BRANCHES = 32;
/** Defines a constant: may be repeated instead of moved or spilled. */
export const CONSTANT = 128;

// --- rows ---------------------------------------------------------------------------------------------------

export class PseudoRow {
  readonly name: string;
  readonly operands: string;
  readonly flags: number;

  constructor(name: string, operands: string, flags: number) {
    this.name = name;
    this.operands = operands;
    this.flags = flags;
  }
}

function pseudo(name: string, operands: string, flags = 0): PseudoRow {
  return new PseudoRow(name, operands, flags);
}

export const PSEUDO: readonly PseudoRow[] = [
  /** Defines the parameters that come in registers (DEFs fixed); no code. */
  pseudo("params", ""),
  /** One DEF, one USE, of any class, in registers or slots. */
  pseudo("copy", "", COPIES),
  /** imm = edge. */
  pseudo("jmp", "", TERMINATES | BRANCHES),
  /** imm = edge if the condition imm2 holds, the next edge if not. */
  pseudo("jcc", "", TERMINATES | BRANCHES | READS_FLAGS),
  /** imm = first of imm2 edges, the last being the default; index zero-extended; the DEF is a temporary. */
  pseudo("jump_table", "w:r64, r:r32", TERMINATES | BRANCHES | WRITES_FLAGS),
  /** Calls: results are DEFs, arguments USEs; symbol (or first USE, or address); imm2 = bytes the callee pops. */
  pseudo("call", "", CALLS | WRITES_FLAGS),
  pseudo("call_r", "", CALLS | WRITES_FLAGS),
  pseudo("call_m", "", CALLS | WRITES_FLAGS),
  /** Calls with two edges from imm on: the normal one, the exceptional one. */
  pseudo("invoke", "", CALLS | WRITES_FLAGS | TERMINATES | BRANCHES),
  pseudo("invoke_r", "", CALLS | WRITES_FLAGS | TERMINATES | BRANCHES),
  pseudo("invoke_m", "", CALLS | WRITES_FLAGS | TERMINATES | BRANCHES),
  /** The frame is left first; imm2 = bytes of the callee's stack arguments, stored at OUTGOING; imm = of one's own. */
  pseudo("tail_call", "", TERMINATES | WRITES_FLAGS),
  pseudo("tail_call_r", "", TERMINATES | WRITES_FLAGS),
  /** Results are USEs; imm2 = bytes of one's own stack arguments, which the convention says to pop. */
  pseudo("ret", "", TERMINATES),
  /** imm = trap code; trap_if: under condition imm2. */
  pseudo("trap", "", TERMINATES),
  pseudo("trap_if", "", READS_FLAGS),
  /** Never reached. */
  pseudo("unreachable", "", TERMINATES),
  /** The USE is the address of the breaker. */
  pseudo("poll", "r:rm64", WRITES_FLAGS),
  /** USEs: stack pointer, code address. */
  pseudo("resume", "r:r64, r:r64", TERMINATES),
  pseudo("set_vmctx", "r:r64"),
  /** The stack pointer of the body. */
  pseudo("sp", "w:r64"),
  /** The address of `symbol` + disp; of an import: what its GOT slot holds. */
  pseudo("symbol_addr", "w:r64", CONSTANT),
  /** The address of block `imm` of Code. */
  pseudo("code_addr", "w:r64"),
  /** imm; const64: imm and imm2. Leaves the flags alone where they are live. */
  pseudo("const32", "w:r32", CONSTANT),
  pseudo("const64", "w:r64", CONSTANT),
  /** +0.0 of any width. */
  pseudo("zero_f", "w:f128", CONSTANT),
  /** 0 or 1 by the condition imm2. */
  pseudo("setcc32", "w:r32", READS_FLAGS),
];
