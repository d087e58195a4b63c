// The back end: one IR function after another becomes code of an image, through the same buffers.

import { unreachable } from "./base/fail.ts";
import type { Progress } from "./base/progress.ts";
import type { Func } from "./ir/func.ts";
import { print } from "./ir/print.ts";
import type { Program } from "./ir/program.ts";
import { verify } from "./ir/verify.ts";
import { check } from "./mach/checker.ts";
import { Code } from "./mach/code.ts";
import { Emitter } from "./mach/emit.ts";
import { Image } from "./mach/image.ts";
import { PcTable } from "./mach/pctable.ts";
import { printCode } from "./mach/print.ts";
import { Allocator } from "./mach/regalloc.ts";
import { Selection } from "./mach/select.ts";
import type { Target } from "./mach/target.ts";
import { verifyCode } from "./mach/verify.ts";
import { Optimizer, QUICK } from "./opt/passes.ts";
import type { Options } from "./options.ts";
import { targetNamed } from "./targets.ts";

/** Stages that can be shown: IR as built, as optimised, machine code with its registers, what was emitted of it. */
export const SHOW_IR = 1;
export const SHOW_OPT = 2;
export const SHOW_CODE = 3;
export const SHOW_ASM = 4;

const STAGES: readonly string[] = ["", "ir", "opt", "code", "asm"];

/** The first one where there is none of the name. */
export function stageNamed(name: string): number {
  return Math.max(SHOW_IR, STAGES.indexOf(name));
}

/** Collects the text of one stage for the wasm functions whose name contains `filter`. */
export class Listing {
  readonly stage: number;
  private readonly filter: string;
  readonly texts: string[];

  constructor(stage: number, filter: string) {
    this.stage = stage;
    this.filter = filter;
    this.texts = [];
  }

  wants(stage: number, name: string): boolean {
    return stage === this.stage && name.includes(this.filter);
  }
}

export class Backend {
  /** What the code goes to. */
  image: Image;
  pcs: PcTable;
  private readonly program: Program;
  readonly target: Target;
  private readonly options: Options;
  private readonly progress: Progress;
  private readonly listing: Listing | null;
  private readonly optimizer: Optimizer;
  private readonly selection: Selection;
  private readonly code: Code;
  private readonly allocator: Allocator;
  private readonly emitter: Emitter;

  constructor(program: Program, options: Options, progress: Progress, listing: Listing | null) {
    this.program = program;
    this.options = options;
    this.progress = progress;
    this.listing = listing;

    this.pcs = new PcTable();
    this.target = targetNamed(options.target).target(options.cpu);
    this.image = new Image(program, this.target.text.filler);
    this.optimizer = new Optimizer();
    this.selection = new Selection(program, this.target);
    this.code = new Code();
    this.allocator = new Allocator();
    this.emitter = new Emitter(this.target, this.image);
  }

  /** From here on code goes to a new image with a new PC table. */
  restart(): void {
    this.image = new Image(this.program, this.target.text.filler);
    this.pcs = new PcTable();
  }

  /** A function of the image that is not the module's. What is not hot is not worth the passes. */
  own(func: Func, isHot: boolean): void {
    this.progress.at(-1, func.name);
    this.optimize(func, -1, isHot ? this.options.level : QUICK);
    this.generate(func, -1);
  }

  /** `index`: the function's number in the wasm module, or -1. */
  optimize(func: Func, index: number, level: number): void {
    if (this.options.verified) verify(func, this.program);
    this.list(SHOW_IR, func, index);
    this.progress.mayGoOn();
    this.optimizer.run(func, this.program, level);
    if (this.options.verified) verify(func, this.program);
    this.list(SHOW_OPT, func, index);
  }

  private list(stage: number, func: Func, index: number): void {
    const { listing } = this;
    if (listing === null || index < 0 || !listing.wants(stage, func.name)) return;
    listing.texts.push(this.printed(stage, func));
  }

  private printed(stage: number, func: Func): string {
    switch (stage) {
      case SHOW_CODE:
        return `${func.name}:\n${printCode(this.code, this.program, this.target)}`;
      case SHOW_ASM:
        return `${func.name}:\n${this.target.lister().last(this.image, this.pcs, func.symbol)}`;
      default:
        return print(func, this.program);
    }
  }

  generate(func: Func, index: number): void {
    const { code, program, target } = this;
    const { convention } = program.signatures[func.signature];
    const registers = target.registers[convention];
    this.progress.mayGoOn();
    this.selection.run(func, code);
    this.verifySelection();
    this.progress.mayGoOn();
    this.allocator.allocate(code, registers);
    if (this.options.verified) check(code, registers);
    this.list(SHOW_CODE, func, index);
    this.emitter.emit(code, func.symbol, convention, index, this.image, this.pcs);
    this.list(SHOW_ASM, func, index);
    this.image.checkSize();
  }

  /** Whether the function generated last looks at the context of its instance for the limit of the stack. */
  get checksStack(): boolean {
    return this.emitter.checksStack;
  }

  private verifySelection(): void {
    const complaints = verifyCode(this.code, this.target);
    if (complaints.length > 0) unreachable(complaints.join("; "));
  }
}
