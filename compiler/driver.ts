// The whole way of a module, and the only file that knows every stage: source bytes and options to the bytes of an
// extension module, or a diagnostic. Pure: the same input gives the same bytes. All errors end here.

import { INTERNAL } from "./base/errors.ts";
import { Failure, unreachable } from "./base/fail.ts";
import { encodeUtf8 } from "./base/utf8.ts";
import { BuildOptions, FunctionBuild } from "./ir/build.ts";
import { escapingFunctions } from "./ir/escape.ts";
import type { Facts } from "./ir/facts.ts";
import { Func } from "./ir/func.ts";
import { functionNames, Layout } from "./ir/layout.ts";
import { print } from "./ir/print.ts";
import { Program, SYM_FUNC } from "./ir/program.ts";
import { validateModule } from "./ir/validate.ts";
import { verify } from "./ir/verify.ts";
import { X64Expansion } from "./isa/x64/expand.ts";
import { x64Target } from "./isa/x64/target.ts";
import { check } from "./mach/checker.ts";
import { Code } from "./mach/code.ts";
import { Emitter } from "./mach/emit.ts";
import { PcTable } from "./mach/pctable.ts";
import { printCode } from "./mach/print.ts";
import { Allocator } from "./mach/regalloc.ts";
import { Selection } from "./mach/select.ts";
import type { Target } from "./mach/target.ts";
import { verifyCode } from "./mach/verify.ts";
import { ELF_X64, writeElf } from "./obj/elf.ts";
import { Image, RODATA, TEXT } from "./obj/image.ts";
import { Optimizer } from "./opt/passes.ts";
import { isSimple } from "./opt/simple.ts";
import { buildGlue } from "./python/build.ts";
import { GlueInput } from "./python/glue.ts";
import { describe } from "./python/meta.ts";
import { TEXT_END, TEXT_START } from "./runtime/body.ts";
import { LINUX_X64 } from "./runtime/linux.ts";
import { buildRuntime } from "./runtime/runtime.ts";
import { decode } from "./wasm/decode.ts";
import type { Features } from "./wasm/features.ts";
import type { Module } from "./wasm/module.ts";
import type { Assembled } from "./wat/assembled.ts";
import { Lines } from "./wat/lines.ts";
import { parseModule } from "./wat/parse.ts";
import { printModule } from "./wat/print.ts";
import type { ModuleSource } from "./wat/wast.ts";

export class Options {
  /** Last component of the Python module's name: the image's init function is named after it. */
  readonly leaf: string;
  readonly features: Features;
  /** 0: only what is needed; 2: all passes. */
  readonly level: number;
  /** Memories are bounds-checked instead of guarded. */
  readonly checked: boolean;
  /** Bits of the target's features beyond its baseline. */
  readonly cpu: number;
  /** Verify IR and allocations: for tests and fuzzing. */
  readonly verified: boolean;

  constructor(
    leaf: string,
    features: Features,
    level: number,
    checked: boolean,
    cpu: number,
    verified: boolean,
  ) {
    this.leaf = leaf;
    this.features = features;
    this.level = level;
    this.checked = checked;
    this.cpu = cpu;
    this.verified = verified;
  }
}

/** What is wrong with a source. Line and column count from 1 and are 0 for binaries; `at` is a byte offset, or -1. */
export class Diagnostic {
  readonly kind: number; // base/errors.ts
  readonly message: string;
  readonly detail: string;
  readonly at: number;
  readonly line: number;
  readonly column: number;
  /** Name of the function the offset lies in, or "". */
  readonly function: string;

  constructor(
    kind: number,
    message: string,
    detail: string,
    at: number,
    line: number,
    column: number,
    name: string,
  ) {
    this.kind = kind;
    this.message = message;
    this.detail = detail;
    this.at = at;
    this.line = line;
    this.column = column;
    this.function = name;
  }
}

/** Either bytes, or a diagnostic with no bytes. */
export class Compiled {
  readonly bytes: Uint8Array;
  readonly diagnostic: Diagnostic | null;

  constructor(bytes: Uint8Array, diagnostic: Diagnostic | null) {
    this.bytes = bytes;
    this.diagnostic = diagnostic;
  }
}

const NO_BYTES = new Uint8Array(0);

/** A source on its way: what was read of it so far, for diagnostics. */
class Source {
  readonly bytes: Uint8Array;
  readonly features: Features;
  assembled: Assembled | null;
  module: Module | null;

  constructor(bytes: Uint8Array, features: Features) {
    this.bytes = bytes;
    this.features = features;
    this.assembled = null;
    this.module = null;
  }

  /** The binary: assembled, where the source is text. */
  binary(): Uint8Array {
    const { bytes } = this;
    const isBinary = bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
    if (isBinary) return bytes;
    this.assembled = parseModule(bytes, this.features);
    return this.assembled.bytes;
  }

  decode(): Module {
    this.module = decode(this.binary(), this.features);
    return this.module;
  }

  /** "offset:line …" for every marked byte offset of an assembled text. */
  lines(): string {
    if (this.assembled === null) return "";
    const lines = new Lines(this.bytes);
    const pairs: string[] = [];
    let last = 0;
    for (let i = 0; i < this.assembled.offsets.length; i++) {
      const line = lines.line(this.assembled.texts[i]);
      if (line !== last) pairs.push(`${this.assembled.offsets[i]}:${line}`);
      last = line;
    }
    return pairs.join(" ");
  }

  diagnose(failure: Failure): Diagnostic {
    const { kind, at, message, detail } = failure;
    const { assembled, module } = this;
    const isText = this.bytes[0] !== 0;
    const name = at >= 0 && module !== null ? functionAt(module, at) : "";
    // While the text is read offsets are the text's own; afterwards they are the binary's.
    const inText = isText && at >= 0 ? (assembled === null ? at : assembled.textOf(at)) : -1;
    if (inText < 0) return new Diagnostic(kind, message, detail, at, 0, 0, name);
    const lines = new Lines(this.bytes);
    return new Diagnostic(kind, message, detail, at, lines.line(inText), lines.column(inText), name);
  }
}

function functionAt(module: Module, at: number): string {
  const index = module.funcs.findIndex((f) => !f.imported && f.body.start <= at && at < f.body.end);
  return index < 0 ? "" : functionNames(module)[index];
}

/** Runs one job on a source; what it reports becomes the diagnostic. */
function attempt(bytes: Uint8Array, features: Features, job: (source: Source) => Uint8Array): Compiled {
  const source = new Source(bytes, features);
  try {
    return new Compiled(job(source), null);
  } catch (error) {
    if (error instanceof Failure) return new Compiled(NO_BYTES, source.diagnose(error));
    const text = error instanceof Error ? (error.stack ?? error.message) : "unknown";
    return new Compiled(NO_BYTES, new Diagnostic(INTERNAL, "internal compiler error", text, -1, 0, 0, ""));
  }
}

/** The extension module for a source, text or binary. */
export function compile(bytes: Uint8Array, options: Options): Compiled {
  return attempt(bytes, options.features, (source) => {
    const module = source.decode();
    const facts = validateModule(module, options.features);
    return new Compilation(module, facts, options, source.lines(), null).run();
  });
}

/** No bytes; a diagnostic if the source is not a valid module. */
export function validate(bytes: Uint8Array, features: Features): Compiled {
  return attempt(bytes, features, (source) => {
    validateModule(source.decode(), features);
    return NO_BYTES;
  });
}

/** The binary of a text; validated. */
export function assemble(bytes: Uint8Array, features: Features): Compiled {
  return attempt(bytes, features, (source) => {
    const module = source.decode();
    validateModule(module, features);
    return module.bytes;
  });
}

/** The text of a binary, in UTF-8. */
export function disassemble(bytes: Uint8Array, features: Features): Compiled {
  return attempt(bytes, features, (source) => printModule(source.decode(), features));
}

/** A module of a script that was assembled, decoded and validated; or the diagnostic. */
export class Prepared {
  readonly module: Module | null;
  readonly diagnostic: Diagnostic | null;

  constructor(module: Module | null, diagnostic: Diagnostic | null) {
    this.module = module;
    this.diagnostic = diagnostic;
  }
}

/** Offsets in the diagnostic are those of the script. */
export function prepare(script: ModuleSource, features: Features): Prepared {
  let module: Module | null = null;
  const compiled = attempt(NO_BYTES, features, () => {
    module = decode(script.assemble(features).bytes, features);
    validateModule(module, features);
    return NO_BYTES;
  });
  return compiled.diagnostic === null ? new Prepared(module, null) : new Prepared(null, compiled.diagnostic);
}

/** The Python literal of python/meta.ts for a valid module, in UTF-8. */
export function describeModule(bytes: Uint8Array, features: Features): Compiled {
  return attempt(bytes, features, (source) => {
    const module = source.decode();
    validateModule(module, features);
    return encodeUtf8(describe(module, source.lines(), false));
  });
}

/** Stages that can be shown: IR as built, as optimised, machine code as emitted. */
export const SHOW_IR = 1;
export const SHOW_OPT = 2;
export const SHOW_CODE = 3;

/** Collects the text of one stage for the wasm functions whose name contains `filter`. */
class Listing {
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

/** A stage of a module's functions as text, in UTF-8; `filter`: part of the names of those to show. */
export function show(bytes: Uint8Array, options: Options, stage: number, filter: string): Compiled {
  return attempt(bytes, options.features, (source) => {
    const module = source.decode();
    const facts = validateModule(module, options.features);
    const listing = new Listing(stage, filter);
    new Compilation(module, facts, options, "", listing).run();
    return encodeUtf8(listing.texts.join("\n"));
  });
}

/** The back end with its buffers: one IR function after another becomes code of the image. */
class Backend {
  private readonly program: Program;
  private readonly image: Image;
  private readonly pcs: PcTable;
  private readonly target: Target;
  private readonly options: Options;
  private readonly optimizer: Optimizer;
  private readonly selection: Selection;
  private readonly code: Code;
  private readonly allocator: Allocator;
  private readonly emitter: Emitter;
  private readonly listing: Listing | null;

  constructor(program: Program, image: Image, pcs: PcTable, options: Options, listing: Listing | null) {
    this.listing = listing;
    this.program = program;
    this.image = image;
    this.pcs = pcs;
    this.options = options;
    this.target = x64Target(options.cpu);
    this.optimizer = new Optimizer();
    this.selection = new Selection(program, this.target);
    this.code = new Code();
    this.allocator = new Allocator();
    this.emitter = new Emitter(this.target.conventions, new X64Expansion(image));
  }

  optimize(func: Func, index: number): void {
    if (this.options.verified) verify(func, this.program);
    this.list(SHOW_IR, func, index);
    this.optimizer.run(func, this.program, this.options.level);
    if (this.options.verified) verify(func, this.program);
    this.list(SHOW_OPT, func, index);
  }

  private list(stage: number, func: Func, index: number): void {
    const { listing } = this;
    if (listing === null || index < 0 || !listing.wants(stage, func.name)) return;
    if (stage === SHOW_CODE)
      listing.texts.push(`${func.name}:\n${printCode(this.code, this.program, this.target)}`);
    else listing.texts.push(print(func, this.program));
  }

  /** `index`: the function's number in the wasm module, or -1. */
  generate(func: Func, index: number): void {
    const { code, program, target } = this;
    const { convention } = program.signatures[func.signature];
    const registers = target.registers[convention];
    this.selection.run(func, code);
    if (this.options.verified) this.verifySelection();
    this.allocator.allocate(code, registers);
    if (this.options.verified) check(code, registers);
    this.list(SHOW_CODE, func, index);
    this.emitter.emit(code, func.symbol, convention, index, this.image, this.pcs);
  }

  private verifySelection(): void {
    const complaints = verifyCode(this.code, this.target);
    if (complaints.length > 0) unreachable(complaints.join("; "));
  }
}

/** One module on its way from Module to image. */
class Compilation {
  private readonly module: Module;
  private readonly facts: Facts;
  private readonly options: Options;
  private readonly lines: string;
  private readonly program: Program;
  private readonly image: Image;
  private readonly listing: Listing | null;

  constructor(module: Module, facts: Facts, options: Options, lines: string, listing: Listing | null) {
    this.listing = listing;
    this.module = module;
    this.facts = facts;
    this.options = options;
    this.lines = lines;
    this.program = new Program();
    this.image = new Image(this.program);
    this.image.soname = `${options.leaf}.so`;
  }

  run(): Uint8Array {
    const { module, options, program, image } = this;
    const escaping = escapingFunctions(module);
    const layout = new Layout(module, escaping);
    const build = new FunctionBuild(
      module,
      program,
      layout,
      new BuildOptions(options.features, true, options.checked),
      this.facts,
    );
    const pcs = new PcTable();
    const backend = new Backend(program, image, pcs, options, this.listing);
    const func = new Func();

    const functions = new Int32Array(module.funcs.length).fill(-1);
    const simple = new Uint8Array(module.funcs.length);
    for (let i = 0; i < module.funcs.length; i++) {
      if (module.funcs[i].imported) continue;
      build.build(i, func);
      functions[i] = func.symbol;
      backend.optimize(func, i);
      if (isSimple(func)) simple[i] = 1;
      backend.generate(func, i);
    }
    build.init(func);
    backend.optimize(func, -1);
    backend.generate(func, -1);
    for (const blob of build.rodata()) {
      const section = image.sections[RODATA];
      section.align(blob.alignment);
      image.define(blob.symbol, RODATA, section.length, blob.bytes.length);
      section.bytes(blob.bytes);
    }

    const sink = (f: Func) => {
      backend.optimize(f, -1);
      backend.generate(f, -1);
    };
    const meta = encodeUtf8(describe(module, this.lines, options.checked));
    const input = new GlueInput(options.leaf, meta, functions, escaping, simple, false, options.checked);
    buildGlue(module, layout, program, image, input).each(sink);
    this.addRuntime(layout, sink);
    pcs.write(image);
    return writeElf(image, ELF_X64);
  }

  /** Run-time functions, those that anything refers to. */
  private addRuntime(layout: Layout, sink: (f: Func) => void): void {
    const { program, image } = this;
    const used = new Set<number>();
    let seen = 0;
    const isUsed = (symbol: number) => {
      for (; seen < image.relocations.length; seen++) used.add(image.relocations[seen].symbol);
      return used.has(symbol) && !image.definitions.has(symbol);
    };
    const runtime = buildRuntime(program, image, layout, LINUX_X64);
    // A function may refer to one that came before it: until nothing is missing.
    for (let before = -1; before !== image.definitions.size; ) {
      before = image.definitions.size;
      runtime.each(sink, isUsed);
    }
    this.defineBounds();
    for (let s = 0; s < program.symbols.length; s++) {
      if (program.symbols[s].kind === SYM_FUNC && isUsed(s))
        unreachable(`nobody wrote ${program.symbols[s].name}`);
    }
  }

  private defineBounds(): void {
    const { program, image } = this;
    for (const name of [TEXT_START, TEXT_END]) {
      const symbol = program.find(name);
      if (symbol >= 0) image.define(symbol, TEXT, name === TEXT_START ? 0 : image.sections[TEXT].length, 0);
    }
  }
}
