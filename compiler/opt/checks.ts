// Expands the bounds checks of memories that are not guarded: code compares index + offset + size with the memory's
// size, and adds the index to the base. What is known of such code is for the other passes to find.
// requires: Order
// leaves: no bounds_check

import { MEMORY_BASE, MEMORY_SIZE } from "../abi/layout.ts";
import type { Field } from "../abi/records.ts";
import * as op from "../gen/ir-ops.ts";
import { access, REGION_VMCTX } from "../ir/access.ts";
import { type Block, Func, NO_VALUE, type Value } from "../ir/func.ts";
import { I32, LOAD_OF, RESULT, TYPE_SIZE } from "../ir/ops.ts";
import { MEMORY_OUT_OF_BOUNDS } from "../ir/traps.ts";
import type { Context, Pass } from "./context.ts";

export class Checks implements Pass {
  private f: Func;

  constructor() {
    this.f = new Func();
  }

  run(c: Context): void {
    const { func: f, order } = c;
    this.f = f;
    let found = false;
    for (let i = 0; i < order.blocks.length; i++) {
      let next = -1;
      for (let v = f.first.data[order.blocks.data[i] as Block]; v >= 0; v = next) {
        next = f.next[v];
        if (f.op[v] !== op.BOUNDS_CHECK) continue;
        this.expand(v as Value);
        found = true;
      }
    }
    if (found) c.valuesChanged();
  }

  private expand(check: Value): void {
    const { f } = this;
    const record = f.a[check] as Value;
    const index = f.b[check] as Value;
    const [lo, hi] = [f.imm[check], f.imm2[check]];
    const available = this.field(check, record, MEMORY_SIZE);
    let wide = index;
    if (f.type[f.resolve(index)] === I32) {
      wide = this.make(check, op.I64_EXTEND_I32_U, index, NO_VALUE);
      const last = this.make(check, op.I64_ADD, wide, this.number(check, lo, hi));
      this.trapIf(check, op.I64_GT_U, last, available);
    } else {
      // index + end may wrap around: compare with what end leaves
      const needed = this.number(check, lo, hi);
      this.trapIf(check, op.I64_LT_U, available, needed);
      const last = this.make(check, op.I64_SUB, available, needed);
      this.trapIf(check, op.I64_GT_U, index, last);
    }
    const base = this.field(check, record, MEMORY_BASE);
    f.op[check] = op.PTR_ADD;
    f.a[check] = base;
    f.b[check] = wide;
    f.imm[check] = 0;
    f.imm2[check] = 0;
  }

  private make(at: Value, code: number, a: Value, b: Value): Value {
    return this.f.makeBefore(at, code, RESULT[code], a, b);
  }

  private number(at: Value, lo: number, hi: number): Value {
    const { f } = this;
    const v = this.make(at, op.I64_CONST, NO_VALUE, NO_VALUE);
    f.imm[v] = lo;
    f.imm2[v] = hi;
    return v;
  }

  private field(at: Value, record: Value, { type, offset }: Field): Value {
    const { f } = this;
    const v = this.make(at, LOAD_OF[type], record, NO_VALUE);
    f.imm[v] = offset;
    f.aux[v] = access(REGION_VMCTX, 0, TYPE_SIZE[type], 0);
    return v;
  }

  private trapIf(at: Value, code: number, a: Value, b: Value): void {
    const { f } = this;
    const v = this.make(at, op.TRAP_IF, this.make(at, code, a, b), NO_VALUE);
    f.imm[v] = MEMORY_OUT_OF_BOUNDS;
  }
}
