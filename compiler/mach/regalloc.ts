// Register allocation: linear scan on SSA form. Completes a Code: places of operands, spill slots, moves; code.ts
// says what they mean.
//
//   flow.ts         blocks, edges, frequencies, loops
//   liveness.ts     uses, hints, what instructions take; ranges.ts: live ranges
//   linear-scan.ts  a place for each segment (intervals.ts), asking which registers are free (occupancy.ts)
//   slots.ts        spill slots, given where everything is (assignment.ts)
//   sink.ts         reloads nearer to their uses
//   resolve.ts      places of operands, and moves, put in sequence by moves.ts
//
// Requires: SSA form (a register is defined once, before its uses; parameters by edges), no critical edges, all
// blocks reachable. Time is near linear: sets of blocks × registers exist a fixed-size batch at a time and are read
// by words, conflicts are found in search structures, nothing recurses.

import type { f64 } from "../base/numbers.ts";
import { Assignment } from "./assignment.ts";
import { type Code, FIRST_VREG, RegisterSet, SPILLED } from "./code.ts";
import { Flow } from "./flow.ts";
import { Intervals } from "./intervals.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { LinearScan } from "./linear-scan.ts";
import { Liveness } from "./liveness.ts";
import type { RegisterInfo } from "./registers.ts";
import { Resolution } from "./resolve.ts";
import { Sinking } from "./sink.ts";
import { Slots } from "./slots.ts";

/** How good an allocation is: moves by kind, as they stand and (`…Run`) by 8^(loop depth). */
export class AllocationStats {
  /** Register to slot, slot to register, register to register, constants made again. */
  readonly spills: number;
  readonly reloads: number;
  readonly moves: number;
  readonly remats: number;
  readonly spillsRun: f64;
  readonly reloadsRun: f64;
  readonly movesRun: f64;
  readonly rematsRun: f64;
  /** Spill slots. */
  readonly slots: number;
  /** Physical registers that the function writes. */
  readonly used: RegisterSet;

  constructor(counts: readonly number[], run: Float64Array, slots: number, used: RegisterSet) {
    this.spills = counts[0];
    this.reloads = counts[1];
    this.moves = counts[2];
    this.remats = counts[3];
    this.spillsRun = run[0];
    this.reloadsRun = run[1];
    this.movesRun = run[2];
    this.rematsRun = run[3];
    this.slots = slots;
    this.used = used;
  }
}

/** Allocates function after function, keeping its storage. */
export class Allocator {
  private readonly flow: Flow;
  private readonly live: Liveness;
  private readonly intervals: Intervals;
  private readonly scan: LinearScan;
  private readonly assignment: Assignment;
  private readonly slots: Slots;
  private readonly sinking: Sinking;
  private readonly resolution: Resolution;

  constructor(limits: Limits = LIMITS) {
    this.flow = new Flow();
    this.live = new Liveness(limits);
    this.intervals = new Intervals(this.live);
    this.scan = new LinearScan(this.flow, this.live, this.intervals, limits);
    this.assignment = new Assignment();
    this.slots = new Slots();
    this.sinking = new Sinking(this.flow, this.live, this.assignment);
    this.resolution = new Resolution(this.flow, this.live, this.assignment, this.slots);
  }

  allocate(code: Code, registers: RegisterInfo): AllocationStats {
    const ownSlots = code.slots.length;
    this.flow.prepare(code);
    this.live.compute(code, this.flow, registers);
    this.scan.run(code, registers);
    this.assignment.collect(this.live, this.intervals);
    this.slots.assign(code, this.live, this.assignment, this.scan.spilled);
    this.sinking.run(code, this.scan.spilled);
    this.resolution.run(code, registers, this.scan.storeEarly);
    return this.measure(code, code.slots.length - ownSlots);
  }

  private measure(code: Code, slots: number): AllocationStats {
    const counts = [0, 0, 0, 0];
    const run = new Float64Array(4);
    for (let m = 0; m < code.moveAt.length; m++) {
      let kind = 2;
      if (code.moveRemat.get(m) >= 0) kind = 3;
      else if (code.moveTo.get(m) <= SPILLED) kind = 0;
      else if (code.moveFrom.get(m) <= SPILLED) kind = 1;
      counts[kind]++;
      run[kind] += 8 ** code.loopDepth.get(this.flow.blockOf[code.moveAt.get(m)]);
    }
    let general = 0;
    let float = 0;
    for (let r = 0; r < 32; r++) {
      general |= this.scan.used[r] << r;
      float |= this.scan.used[FIRST_VREG - 32 + r] << r;
    }
    return new AllocationStats(counts, run, slots, new RegisterSet(general, float));
  }
}

/** Allocates one function. */
export function allocate(code: Code, registers: RegisterInfo): AllocationStats {
  return new Allocator().allocate(code, registers);
}
