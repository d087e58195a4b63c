// What the bodies of run-time functions are written with: structured code that knows the image and the
// system.

import { CONTEXT_BREAKER, VMCTX_CONTEXT } from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { PTR } from "../ir/ops.ts";
import { type Program, SYM_DATA, SYM_RODATA } from "../ir/program.ts";
import { DATA, type Image, RODATA } from "../mach/image.ts";
import { Code } from "./code.ts";
import type { System } from "./linux.ts";

/** Symbols that the driver defines: the bounds of the image's code, and the table of mach/pctable.ts. */
export const TEXT_START = "wasmpy_text_start";
export const TEXT_END = "wasmpy_text_end";
export const PC_TABLE = "wasmpy_pc_table";

export class Body extends Code {
  readonly image: Image;
  readonly system: System;

  constructor(program: Program, image: Image, system: System) {
    super(program, image.model);
    this.image = image;
    this.system = system;
  }

  /** What a variable of the process points to. */
  variableOf(name: string): Value {
    return this.constantContent(PTR, this.apiAddress(name));
  }

  // --- data of the image --------------------------------------------------------------------------------

  /** The address of a string of the image, with a zero behind. ASCII. */
  text(text: string): Value {
    const name = `wasmpy_text ${text}`;
    const known = this.program.find(name);
    if (known >= 0) return this.symbol(known);
    const id = this.program.symbol(name, SYM_RODATA);
    const bytes = this.image.sections[RODATA];
    const at = bytes.length;
    for (let i = 0; i < text.length; i++) bytes.u8(text.charCodeAt(i));
    bytes.u8(0);
    this.image.define(id, RODATA, at, text.length + 1);
    return this.symbol(id);
  }

  /** The address of a variable of the image: `size` bytes, 16-byte aligned, zero at first. One per process. */
  global(name: string, size: number): Value {
    const known = this.program.find(name);
    if (known >= 0) return this.symbol(known);
    const id = this.program.symbol(name, SYM_DATA);
    const bytes = this.image.sections[DATA];
    bytes.align(16);
    this.image.define(id, DATA, bytes.length, size);
    bytes.zeros(size);
    return this.symbol(id);
  }

  // --- the instance and its context ---------------------------------------------------------------------

  vmctx(): Value {
    return this.op(op.VMCTX);
  }

  context(): Value {
    return this.constantField(this.vmctx(), VMCTX_CONTEXT);
  }

  /** Lets CPython have what it wants from the running thread. */
  poll(context: Value): void {
    this.op(op.POLL, this.field(context, CONTEXT_BREAKER));
  }
}
