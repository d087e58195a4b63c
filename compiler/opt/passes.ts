// The passes and their order. A row names a pass, the lowest level at which it runs, the analyses it is given, and
// the passes that must have run before it; `checkOrder` holds the table against that when it is loaded. (After Go's
// cmd/compile/internal/ssa/compile.go.)
//
// `Optimizer` keeps the buffers of all passes and serves function after function. `trace` sees the function after
// every pass.

import { unreachable } from "../base/fail.ts";
import type { Func } from "../ir/func.ts";
import type { Program } from "../ir/program.ts";
import { Addresses } from "./addresses.ts";
import { Branches } from "./branches.ts";
import { Checks } from "./checks.ts";
import { Conditions } from "./conditions.ts";
import { ALL, Context, DOMINATORS, LOOPS, ORDER, type Pass } from "./context.ts";
import { DeadCode } from "./dce.ts";
import { CriticalEdges } from "./edges.ts";
import { ValueNumbering } from "./gvn.ts";
import { BlockLayout } from "./layout.ts";
import { LoopInvariants } from "./licm.ts";
import { Loads } from "./loads.ts";
import { Params } from "./params.ts";
import { Simplify } from "./simplify.ts";

/** Only what code generation relies on. */
export const QUICK = 0;
export const FULL = 2;

export class PassRow {
  readonly name: string;
  readonly level: number;
  readonly needs: number;
  readonly after: readonly string[];
  readonly make: () => Pass;

  constructor(name: string, level: number, needs: number, after: readonly string[], make: () => Pass) {
    this.name = name;
    this.level = level;
    this.needs = needs;
    this.after = after;
    this.make = make;
  }
}

export const PASSES: readonly PassRow[] = [
  new PassRow("checks", QUICK, ORDER, [], () => new Checks()),
  new PassRow("params", QUICK, ORDER, ["checks"], () => new Params()),
  new PassRow("simplify", FULL, ORDER, ["params"], () => new Simplify()),
  new PassRow("gvn", FULL, ORDER | DOMINATORS, ["simplify"], () => new ValueNumbering()),
  new PassRow("loads", FULL, ORDER | DOMINATORS | LOOPS, ["gvn"], () => new Loads()),
  new PassRow("conditions", FULL, ORDER | DOMINATORS, ["gvn", "loads"], () => new Conditions()),
  new PassRow("branches", FULL, ORDER, ["conditions"], () => new Branches()),
  new PassRow("params again", FULL, ORDER, ["branches"], () => new Params()),
  new PassRow("simplify again", FULL, ORDER, ["params again"], () => new Simplify()),
  new PassRow("gvn again", FULL, ORDER | DOMINATORS, ["simplify again"], () => new ValueNumbering()),
  new PassRow("conditions again", FULL, ORDER | DOMINATORS, ["gvn again"], () => new Conditions()),
  new PassRow("dce", QUICK, ORDER, ["params"], () => new DeadCode()),
  new PassRow("licm", FULL, ORDER | DOMINATORS | LOOPS, ["gvn", "loads", "dce"], () => new LoopInvariants()),
  new PassRow("branches again", FULL, ORDER, ["licm"], () => new Branches()),
  new PassRow("addresses", FULL, ORDER, ["dce", "licm"], () => new Addresses()),
  new PassRow("dce again", FULL, ORDER, ["licm", "addresses"], () => new DeadCode()),
  new PassRow("split", QUICK, ORDER, ["dce"], () => new CriticalEdges()),
  new PassRow("layout", QUICK, ORDER | LOOPS, ["split"], () => new BlockLayout()),
];

/** Every pass comes after those it names, at every level at which it runs; the layout is last. */
export function checkOrder(rows: readonly PassRow[]): void {
  rows.forEach((row, i) => {
    for (const name of row.after) {
      const earlier = rows.slice(0, i).some((r) => r.name === name && r.level <= row.level);
      if (!earlier) unreachable(`pass ${row.name} must come after ${name}`);
    }
    if ((row.needs & ~ALL) !== 0) unreachable(`pass ${row.name} needs what does not exist`);
  });
  if (rows[rows.length - 1].name !== "layout") unreachable("the layout must be the last pass");
}

checkOrder(PASSES);

export class Optimizer {
  private readonly context: Context;
  private readonly passes: readonly Pass[];

  constructor() {
    this.context = new Context();
    this.passes = PASSES.map((row) => row.make());
  }

  run(
    func: Func,
    program: Program,
    level: number,
    trace: ((pass: string, func: Func) => void) | null = null,
  ): void {
    const c = this.context;
    c.begin(func, program);
    PASSES.forEach((row, i) => {
      if (row.level > level) return;
      c.need(row.needs);
      this.passes[i].run(c);
      if (trace !== null) trace(row.name, func);
    });
  }
}

/** One function, with fresh buffers; a job with many functions keeps an Optimizer. */
export function optimize(func: Func, program: Program, level: number): void {
  new Optimizer().run(func, program, level);
}
