// Runs the rules of simplify.rules (as gen/simplify.ts) and the evaluation of constants over the function once, in
// reverse postorder, so that operands are simple before their users are looked at. What a rule makes is simplified
// at once, in place before the instruction at hand.
// requires: Order
// leaves: constants on the right of commutative operations; every use resolved

import * as op from "../gen/ir-ops.ts";
import { simplify } from "../gen/simplify.ts";
import { type Block, Func, NO_VALUE, type Value } from "../ir/func.ts";
import { COMMUTATIVE, CONST_OF, FLAGS, VOID } from "../ir/ops.ts";
import type { Rewriter } from "../ir/rewriter.ts";
import type { Context, Pass } from "./context.ts";
import { Fold, isNumber } from "./fold.ts";
import { resolveArguments, resolveOperands } from "./resolve.ts";

export class Simplify implements Pass, Rewriter {
  private f: Func;
  private at: Value; // what is being simplified: new instructions stand before it
  private readonly fold: Fold;
  private swapped: boolean; // edges changed their numbers

  constructor() {
    this.f = new Func();
    this.at = NO_VALUE;
    this.swapped = false;
    this.fold = new Fold();
  }

  run(c: Context): void {
    const { order } = c;
    const f = c.func;
    this.f = f;
    this.swapped = false;
    for (let i = 0; i < order.blocks.length; i++) {
      const b = order.blocks.data[i] as Block;
      let next = -1;
      for (let v = f.first.data[b]; v >= 0; v = next) {
        next = f.next[v];
        if (f.op[v] === op.COPY) {
          f.unlink(v as Value);
          continue;
        }
        resolveOperands(f, v as Value);
        this.at = v as Value;
        const by = this.reduce(v as Value);
        if (by === v) continue;
        if (f.type[v] !== VOID) f.replace(v as Value, by);
        f.unlink(v as Value);
      }
      resolveArguments(f, f.terminator(b));
    }
    if (this.swapped) c.flowChanged();
    else c.valuesChanged();
  }

  make(
    code: number,
    type: number,
    a: number,
    b: number,
    c: number,
    imm: number,
    imm2: number,
    aux: number,
  ): Value {
    const { f, at } = this;
    const v = f.makeBefore(at, code, type, a, b, c);
    f.imm[v] = imm;
    f.imm2[v] = imm2;
    f.aux[v] = aux;
    const by = this.reduce(v);
    if (by === v) return v;
    if (type !== VOID) f.replace(v, by);
    f.unlink(v);
    return by;
  }

  /** `v` in its simplest form: itself, perhaps changed in place, or another value. */
  private reduce(v: Value): Value {
    const { f } = this;
    const code = f.op[v];
    const flags = FLAGS[code];
    if ((flags & COMMUTATIVE) !== 0 && isNumber(f.op[f.a[v]]) && !isNumber(f.op[f.b[v]])) {
      const a = f.a[v];
      f.a[v] = f.b[v];
      f.b[v] = a;
    }
    if (this.fold.evaluate(f, v)) {
      f.op[v] = CONST_OF[f.type[v]];
      f.a[v] = -1;
      f.b[v] = -1;
      f.imm[v] = this.fold.lo;
      f.imm2[v] = this.fold.hi;
      f.aux[v] = 0;
      return v;
    }
    if (code === op.BR_IF) {
      this.branch(v);
      return v;
    }
    const by = simplify(f, this, v);
    return by === NO_VALUE ? v : by;
  }

  /** A branch looks through negation and through comparison with zero. */
  private branch(v: Value): void {
    const { f } = this;
    for (;;) {
      const condition = f.a[v];
      if (f.op[condition] === op.I32_EQZ) {
        f.a[v] = f.resolve(f.a[condition] as Value);
        swapEdges(f, v);
        this.swapped = true;
      } else if (f.op[condition] === op.I32_NE && isZero(f, f.resolve(f.b[condition] as Value))) {
        f.a[v] = f.resolve(f.a[condition] as Value);
      } else return;
    }
  }
}

function isZero(f: Func, v: Value): boolean {
  return f.op[v] === op.I32_CONST && f.imm[v] === 0;
}

/** Exchanges the two edges of a br_if. */
function swapEdges(f: Func, v: Value): void {
  const first = f.imm[v];
  for (const column of [f.edgeBlock, f.edgeStart, f.edgeCount]) {
    const x = column.data[first];
    column.data[first] = column.data[first + 1];
    column.data[first + 1] = x;
  }
}
