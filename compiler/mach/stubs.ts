// What stands behind a function, on every machine: traps, polls, and the slow path of the stack check, which a function
// begins with.

import { helper } from "../abi/helpers.ts";
import { IntColumn } from "../base/columns.ts";
import type { Program } from "../ir/program.ts";
import { STACK_EXHAUSTED } from "../ir/traps.ts";
import type { Control } from "./control.ts";
import type { Expansion } from "./emit.ts";

/** Kinds of stubs. */
const STUB_TRAP = 0; // argument: trap code
const STUB_POLL = 1; // argument: label to go back to
const STUB_CHECK = 2; // the same
const STUB_LARGE_CHECK = 3; // the same

/** A larger frame is compared with the limit by its size: the limit leaves room for smaller ones. */
const LARGE_FRAME = 1024;

export class Stubs {
  private readonly machine: Expansion;
  private readonly control: Control;
  private program: Program;
  private readonly stubKind: IntColumn;
  private readonly stubLabel: IntColumn;
  private readonly stubArgument: IntColumn;
  private readonly stubLoc: IntColumn;

  constructor(machine: Expansion, control: Control, program: Program) {
    this.machine = machine;
    this.control = control;
    this.program = program;
    this.stubKind = new IntColumn();
    this.stubLabel = new IntColumn();
    this.stubArgument = new IntColumn();
    this.stubLoc = new IntColumn();
  }

  begin(program: Program): void {
    this.program = program;
    this.stubKind.clear();
    this.stubLabel.clear();
    this.stubArgument.clear();
    this.stubLoc.clear();
  }

  /** The label of a stub: a new one, but for the same trap of the same instruction. */
  private stub(kind: number, argument: number, loc: number): number {
    const last = this.stubKind.length - 1;
    if (
      last >= 0 &&
      kind === STUB_TRAP &&
      this.stubKind.get(last) === kind &&
      this.stubArgument.get(last) === argument &&
      this.stubLoc.get(last) === loc
    )
      return this.stubLabel.get(last);
    const label = this.machine.text.newLabel();
    this.stubKind.push(kind);
    this.stubLabel.push(label);
    this.stubArgument.push(argument);
    this.stubLoc.push(loc);
    return label;
  }

  /** The label of the trap of the wasm instruction at `loc`. */
  trapAt(code: number, loc: number): number {
    return this.stub(STUB_TRAP, code, loc);
  }

  /** Goes to the slow path where the frame would reach below the limit, or CPython wants something. */
  checkStack(loc: number): void {
    const { machine } = this;
    const { text, frame } = machine;
    const large = frame.size > LARGE_FRAME;
    const back = text.newLabel();
    const slow = this.stub(large ? STUB_LARGE_CHECK : STUB_CHECK, back, loc);
    machine.loadContext();
    if (large) {
      machine.checkRoom(frame.size, -1, slow);
      machine.loadContext();
    } else machine.checkLimit(slow);
    machine.loadBreaker();
    machine.testBreaker(machine.scratch, slow);
    text.bind(back);
  }

  /** Goes to the slow path where CPython wants something; `breaker`: the register that holds its address. */
  poll(breaker: number, loc: number): void {
    const { text } = this.machine;
    const back = text.newLabel();
    this.machine.testBreaker(breaker, this.stub(STUB_POLL, back, loc));
    text.bind(back);
  }

  /** A trap here. */
  trap(code: number, loc: number): void {
    const { frame } = this.machine;
    this.makeRoom(frame.size, frame.saved.general);
    this.raise(code, loc);
  }

  /** What follows runs in the function's own frame. */
  inFrame(): void {
    const { text, frame } = this.machine;
    text.frame(frame.size, frame.saved.general);
  }

  /** Writes the stubs that were asked for. */
  write(): void {
    const { machine, control } = this;
    const { text, frame } = machine;
    for (let s = 0; s < this.stubKind.length; s++) {
      text.bind(this.stubLabel.get(s));
      const argument = this.stubArgument.get(s);
      const loc = this.stubLoc.get(s);
      switch (this.stubKind.get(s)) {
        case STUB_TRAP:
          this.inFrame();
          this.trap(argument, loc);
          break;
        case STUB_POLL:
          this.inFrame();
          this.callSlow(frame.size, frame.saved.general, loc);
          control.jump(argument, -1);
          break;
        case STUB_CHECK:
          this.callSlow(0, 0, loc);
          control.jump(argument, -1);
          break;
        case STUB_LARGE_CHECK: {
          // the slow path knows nothing of this frame: compare again, with the thread's own limit
          const exhausted = text.newLabel();
          this.callSlow(0, 0, loc);
          machine.loadContext();
          machine.checkRoom(frame.size, argument, exhausted);
          text.bind(exhausted);
          text.frame(0, 0);
          this.makeRoom(0, 0);
          this.raise(STACK_EXHAUSTED, loc);
          break;
        }
      }
    }
  }

  /** Moves the stack pointer where a call needs it, out of a frame of `size` that holds `saved`; by how many bytes. */
  private makeRoom(size: number, saved: number): number {
    const room = this.machine.makeRoom(size);
    if (room > 0) this.machine.text.frame(size + room, saved);
    return room;
  }

  /** The call of no return; what stands behind it keeps its return address inside the function. */
  private raise(code: number, loc: number): void {
    const { machine } = this;
    machine.trapCode(code);
    machine.callSymbol(helper(this.program, "raise"));
    machine.text.callSite(loc);
    machine.stop();
  }

  private callSlow(size: number, saved: number, loc: number): void {
    const { machine } = this;
    const { text } = machine;
    text.frame(size, saved);
    const room = this.makeRoom(size, saved);
    machine.callSymbol(helper(this.program, "stack_slow"));
    text.callSite(loc);
    if (room === 0) return;
    machine.giveBack(room);
    text.frame(size, saved);
  }
}
