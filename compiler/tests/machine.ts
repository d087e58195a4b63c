// For tests of emission: Code written by hand with its places, and a linker that makes one blob of an image.

import { CONV_WASM, Program, SYM_FUNC } from "../ir/program.ts";
import { instructionNamed, ROWS, WRITE } from "../isa/x64/insts.ts";
import { x64Target } from "../isa/x64/target.ts";
import { REL_PC32 } from "../isa/x64/text.ts";
import { BASE, Code, DEF, RegisterSet, USE } from "../mach/code.ts";
import { Emitter } from "../mach/emit.ts";
import { DATA, Image, REL_SELF32, RODATA, TEXT } from "../mach/image.ts";
import { PcTable } from "../mach/pctable.ts";

export interface Extra {
  imm?: number;
  imm2?: number;
  /** Address form | scale << 4; its operands are the ones from number `at` on. */
  form?: number;
  at?: number;
  disp?: number;
  symbol?: number;
  clobbers?: RegisterSet;
  loc?: number;
  site?: number;
}

export class Machine {
  readonly program: Program;
  readonly image: Image;
  readonly pcs: PcTable;
  readonly emitter: Emitter;
  code: Code;

  constructor() {
    this.program = new Program();
    this.image = new Image(this.program);
    this.pcs = new PcTable();
    this.emitter = new Emitter(x64Target(0), this.image);
    this.code = new Code();
  }

  symbol(name: string): number {
    return this.program.symbol(name, SYM_FUNC);
  }

  /** Starts a function. */
  begin(...slots: number[]): void {
    this.code = new Code();
    this.code.blockStart.push(0);
    for (const size of slots) this.code.slots.push(size);
  }

  /** Ends a block: the next instruction begins another. */
  block(): void {
    this.code.blockStart.push(this.code.count);
  }

  /** A new edge to `block`; edges of one branch are made in a row. */
  edge(to: number): number {
    this.code.edgeFrom.push(this.code.blockStart.length - 1);
    return this.code.edgeTo.push(to);
  }

  /** Instruction `name` with its registers in the order of Code; the number of DEFs comes from the row. */
  put(name: string, registers: readonly number[] = [], extra: Extra = {}): number {
    const { code } = this;
    const op = instructionNamed(name);
    const i = code.instruction(op);
    const defs = ROWS[op].operands.filter((o) => !o.memory && (o.access & WRITE) !== 0).length;
    registers.forEach((r, k) => {
      code.operand(r, k < defs ? DEF : USE);
    });
    code.imm[i] = extra.imm ?? 0;
    code.imm2[i] = extra.imm2 ?? 0;
    if (extra.form !== undefined) code.address[i] = extra.form | ((extra.at ?? defs) << 8);
    code.disp[i] = extra.disp ?? 0;
    code.symbol[i] = extra.symbol ?? -1;
    code.loc[i] = extra.loc ?? -1;
    code.site[i] = extra.site ?? 0;
    if (extra.clobbers !== undefined) {
      code.clobbers[i] = code.clobberSets.length;
      code.clobberSets.push(extra.clobbers);
    }
    return i;
  }

  /** `register` = [base + disp] and the other way round. */
  load(register: number, base: number, disp: number): void {
    this.put("mov64_m", [register, base], { form: BASE, disp });
  }

  store(base: number, disp: number, register: number): void {
    this.put("mov64_mr", [base, register], { form: BASE, at: 0, disp });
  }

  /** A move of the allocator before the instruction that comes next. */
  move(from: number, to: number, type: number, constant = -1): void {
    const { code } = this;
    code.moveAt.push(code.count);
    code.moveFrom.push(from);
    code.moveTo.push(to);
    code.moveType.push(type);
    code.moveRemat.push(constant);
  }

  end(name: string, convention = CONV_WASM, index = -1): void {
    if (this.code.blockStart.get(this.code.blockStart.length - 1) !== this.code.count) this.block();
    this.emitter.emit(this.code, this.symbol(name), convention, index, this.image, this.pcs);
  }

  /** A convention's callee-saved registers written here, as an instruction that only clobbers. */
  clobber(general: number, float: number): void {
    this.put("params", [], { clobbers: new RegisterSet(general, float) });
  }

  offset(name: string): number {
    return this.image.definitions.get(this.symbol(name))!.offset;
  }

  bytes(name: string): Uint8Array {
    const d = this.image.definitions.get(this.symbol(name))!;
    return this.image.sections[TEXT].take().subarray(d.offset, d.offset + d.size);
  }

  /** All sections one after the other, relocated among themselves. */
  link(): Uint8Array {
    const { sections, relocations, definitions } = this.image;
    const start = [0, 0, 0];
    let size = 0;
    for (const s of [TEXT, RODATA, DATA]) {
      start[s] = size = (size + 15) & -16;
      size += sections[s].length;
    }
    const blob = new Uint8Array(size);
    const view = new DataView(blob.buffer);
    for (const s of [TEXT, RODATA, DATA]) blob.set(sections[s].take(), start[s]);
    for (const r of relocations) {
      const d = definitions.get(r.symbol);
      if (d === undefined) throw new Error(`undefined: ${this.program.symbols[r.symbol].name}`);
      const target = start[d.section] + d.offset + r.addend;
      const at = start[r.section] + r.offset;
      if (r.kind === REL_PC32 || r.kind === REL_SELF32) view.setInt32(at, target - at, true);
      else throw new Error(`relocation ${r.kind} of ${this.program.symbols[r.symbol].name}`);
    }
    return blob;
  }
}
