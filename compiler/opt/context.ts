// What a pass sees: the function, its program, and the analyses it asked for. An analysis is computed when a pass
// needs it and no pass since has broken it.

import { Dominators } from "../ir/dominators.ts";
import { Func } from "../ir/func.ts";
import { Order } from "../ir/order.ts";
import { Program } from "../ir/program.ts";
import { Loops } from "./loops.ts";
import { Uses } from "./uses.ts";

// Analyses, as bits.
export const ORDER = 1;
export const DOMINATORS = 2;
export const LOOPS = 4;
export const USES = 8;
/** What depends on blocks and edges. */
export const FLOW: number = ORDER | DOMINATORS | LOOPS;
/** Everything. */
export const ALL: number = FLOW | USES;

export class Context {
  func: Func;
  program: Program;
  readonly order: Order;
  readonly dominators: Dominators;
  readonly loops: Loops;
  readonly uses: Uses;
  private valid: number;

  constructor() {
    this.func = new Func();
    this.program = new Program();
    this.order = new Order();
    this.dominators = new Dominators();
    this.loops = new Loops();
    this.uses = new Uses();
    this.valid = 0;
  }

  begin(func: Func, program: Program): void {
    this.func = func;
    this.program = program;
    this.valid = 0;
  }

  /** Makes the analyses in `bits`, and what they are made from, true. */
  need(bits: number): void {
    const { func, order, dominators } = this;
    if ((bits & ~this.valid) === 0) return;
    if ((this.valid & ORDER) === 0) order.compute(func);
    const withDominators = (bits & (DOMINATORS | LOOPS)) !== 0;
    if (withDominators && (this.valid & DOMINATORS) === 0) dominators.compute(func, order);
    if ((bits & LOOPS) !== 0 && (this.valid & LOOPS) === 0) this.loops.compute(func, order, dominators);
    if ((bits & USES) !== 0 && (this.valid & USES) === 0) this.uses.compute(func, order);
    this.valid |= bits | ORDER | (withDominators ? DOMINATORS : 0);
  }

  /** Blocks or edges changed. */
  flowChanged(): void {
    this.valid = 0;
  }

  /** Instructions changed, blocks and edges did not. */
  valuesChanged(): void {
    this.valid &= ~USES;
  }
}

/** One pass; what it must find and what it leaves stands in passes.ts. It reports changes to the context. */
export interface Pass {
  run(c: Context): void;
}
