// Branches of a function being written, on every machine: which way falls through, jumps that become returns, jump tables.

import { IntColumn } from "../base/columns.ts";
import { RET } from "../gen/pseudo-ops.ts";
import { type Program, SYM_RODATA } from "../ir/program.ts";
import { Code } from "./code.ts";
import { type Expansion, hasMoves } from "./emit.ts";

/** A jump to a return becomes the return where it restores at most this many bytes of registers. */
const RETURNED_INLINE = 16;

export class Control {
  private readonly machine: Expansion;
  private program: Program;
  private name: string;
  private code: Code;
  private blockLabel: IntColumn;
  private tables: number;

  constructor(machine: Expansion, program: Program) {
    this.machine = machine;
    this.program = program;
    this.name = "";
    this.code = new Code();
    this.blockLabel = new IntColumn();
    this.tables = 0;
  }

  /** Starts a function; `blockLabel`: the label of each block. */
  begin(code: Code, program: Program, name: string, blockLabel: IntColumn): void {
    this.code = code;
    this.program = program;
    this.name = name;
    this.blockLabel = blockLabel;
    this.tables = 0;
  }

  /** The label that an edge leads to. */
  edge(edge: number): number {
    return this.blockLabel.get(this.code.edgeTo.get(edge));
  }

  /** To `label`; `next`: the label of what follows, or -1. */
  jump(label: number, next: number): void {
    if (label === next) return;
    const popped = this.bytesPopped(label);
    if (popped >= 0) this.machine.ret(popped);
    else this.machine.jump(label);
  }

  /** For a block that only returns, in a function that leaves its frame in a few bytes, what it pops; else -1. */
  private bytesPopped(label: number): number {
    const { code } = this;
    const { frame } = this.machine;
    if (label >= code.blockStart.length - 1) return -1;
    const i = code.blockStart.get(label);
    if (code.op[i] !== RET || hasMoves(code, i)) return -1;
    if (frame.saved.float !== 0 || frame.size - frame.local > RETURNED_INLINE) return -1;
    return code.imm2[i] < 0x10000 ? code.imm2[i] : -1;
  }

  /** To `taken` where the condition of instruction `i` holds, else to `other`. */
  twoWay(i: number, cc: number, taken: number, other: number, next: number): void {
    if (taken === other) {
      this.jump(taken, next);
      return;
    }
    if (taken === next) {
      this.machine.branch(i, this.machine.invert(cc), other);
      return;
    }
    // Neither follows: the way back into a loop comes first, being taken more often than the way out.
    if (next >= 0 && other < next && taken > next) {
      this.machine.branch(i, this.machine.invert(cc), other);
      this.jump(taken, next);
      return;
    }
    this.machine.branch(i, cc, taken);
    this.jump(other, next);
  }

  /** Instruction `i`, whose index and temporary are in these registers. */
  jumpTable(i: number, temporary: number, index: number): void {
    const { code, program } = this;
    const { text } = this.machine;
    const cases = code.imm2[i] - 1;
    const otherwise = this.edge(code.imm[i] + cases);
    if (cases === 0) {
      this.jump(otherwise, -1);
      return;
    }
    const table = program.symbol(`wasmpy_table${this.tables++}_${this.name}`, SYM_RODATA);
    text.jumpTable(table);
    for (let k = 0; k < cases; k++) text.addTarget(this.edge(code.imm[i] + k));
    this.machine.tableJump(temporary, index, cases, table, otherwise);
  }
}
