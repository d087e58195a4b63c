// The whole way of a module, and the only file that knows every stage: source bytes and options to the bytes of an
// extension module, or a diagnostic. Pure: the same input gives the same bytes. All errors end here.
//
// `compile` does it all at once. Who has threads takes a Job apart: its chunks of functions may be compiled anywhere,
// in any order; the job links them in theirs.

import { Backend, Listing, Progress } from "./backend.ts";
import { INTERNAL, LIMIT } from "./base/errors.ts";
import { Failure, unreachable } from "./base/fail.ts";
import { encodeUtf8 } from "./base/utf8.ts";
import { type Chunk, ChunkCompiler, chunkBounds, functionBuild } from "./chunks.ts";
import type { FunctionBuild } from "./ir/build.ts";
import { escapingFunctions } from "./ir/escape.ts";
import type { Facts } from "./ir/facts.ts";
import { Func } from "./ir/func.ts";
import { helper } from "./ir/helpers.ts";
import { functionNames, functionSymbols, Layout } from "./ir/layout.ts";
import { Program, SYM_IMPORT } from "./ir/program.ts";
import { validateModule } from "./ir/validate.ts";
import { DWARF } from "./isa/x64/regs.ts";
import { writeCallFrames } from "./mach/callframes.ts";
import { link } from "./mach/fragment.ts";
import { type Image, RODATA, TEXT } from "./mach/image.ts";
import { ELF_X64, writeElf } from "./obj/elf.ts";
import { Compiled, Diagnostic, type Options } from "./options.ts";
import { prebuilt } from "./prebuilt.ts";
import { buildGlue } from "./python/build.ts";
import { GlueInput, ModuleGlue } from "./python/glue.ts";
import { describe } from "./python/meta.ts";
import { requireAlone } from "./python/nogil.ts";
import { PC_TABLE, TEXT_END, TEXT_START } from "./runtime/body.ts";
import { LINUX_X64 } from "./runtime/linux.ts";
import { buildRuntimeWithoutLock } from "./runtime/runtime.ts";
import { decode } from "./wasm/decode.ts";
import type { Features } from "./wasm/features.ts";
import { isBinary, refuseForeign, refuseObject } from "./wasm/foreign.ts";
import { checkLimit, MAX_IMAGE_BYTES } from "./wasm/limits.ts";
import type { Module } from "./wasm/module.ts";
import type { Assembled } from "./wat/assembled.ts";
import { Lines } from "./wat/lines.ts";
import { parseModule } from "./wat/parse.ts";
import { printModule } from "./wat/print.ts";
import type { ModuleSource } from "./wat/wast.ts";

export { SHOW_ASM, SHOW_CODE, SHOW_IR, SHOW_OPT } from "./backend.ts";
export { Compiled, Diagnostic, Options } from "./options.ts";

const NO_BYTES = new Uint8Array(0);

/** A source on its way: what was read of it so far, for diagnostics. */
export class Source {
  readonly bytes: Uint8Array;
  readonly features: Features;
  readonly progress: Progress;
  assembled: Assembled | null;
  module: Module | null;

  constructor(bytes: Uint8Array, features: Features) {
    this.bytes = bytes;
    this.features = features;
    this.progress = new Progress();
    this.assembled = null;
    this.module = null;
  }

  /** The binary: assembled, where the source is text. */
  binary(): Uint8Array {
    const { bytes } = this;
    if (isBinary(bytes)) return bytes;
    refuseForeign(bytes);
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

  diagnose({ kind, message, detail, at, index, name }: Complaint): Diagnostic {
    const { assembled, module } = this;
    const isText = this.bytes.length > 0 && this.bytes[0] !== 0;
    const own = index < 0 && at >= 0 && module !== null ? functionAt(module, at) : index;
    const where = own >= 0 && module !== null ? functionNames(module)[own] : name;
    // While the text is read offsets are the text's own; afterwards they are the binary's.
    const inText = isText && at >= 0 ? (assembled === null ? at : assembled.textOf(at)) : -1;
    if (inText < 0) return new Diagnostic(kind, message, detail, at, 0, 0, where);
    const lines = new Lines(this.bytes);
    return new Diagnostic(kind, message, detail, at, lines.line(inText), lines.column(inText), where);
  }
}

/** Index of the function whose body the offset lies in, or -1. */
function functionAt(module: Module, at: number): number {
  return module.funcs.findIndex((f) => !f.imported && f.body.start <= at && at < f.body.end);
}

/** An error, wherever it was caught: data that a thread can send to another. */
export class Complaint {
  readonly kind: number;
  readonly message: string;
  readonly detail: string;
  readonly at: number;
  /** Progress at that time. */
  readonly index: number;
  readonly name: string;

  constructor(kind: number, message: string, detail: string, at: number, index: number, name: string) {
    this.kind = kind;
    this.message = message;
    this.detail = detail;
    this.at = at;
    this.index = index;
    this.name = name;
  }
}

/** `error`: whatever was thrown; besides failures, what the machine that runs the compiler throws. */
function complaint(error: unknown, { index, name }: Progress): Complaint {
  if (error instanceof Failure) {
    return new Complaint(error.kind, error.message, error.detail, error.at, index, name);
  }
  if (isOutOfMemory(error)) return outOfMemory(index, name);
  const text = error instanceof Error ? (error.stack ?? error.message) : "unknown";
  return internal(text, index, name);
}

/** Whether the machine had no room for an array, a string or a map. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof RangeError && !error.message.startsWith("Maximum call stack");
}

function outOfMemory(index: number, name: string): Complaint {
  return new Complaint(LIMIT, "out of memory", "the module is too large or too complex", -1, index, name);
}

function internal(detail: string, index: number, name: string): Complaint {
  return new Complaint(INTERNAL, "internal compiler error", detail, -1, index, name);
}

/** Runs one job on a source; what it reports becomes the diagnostic. */
function attempt(bytes: Uint8Array, features: Features, job: (source: Source) => Uint8Array): Compiled {
  const source = new Source(bytes, features);
  try {
    return new Compiled(job(source), null);
  } catch (error) {
    return new Compiled(NO_BYTES, source.diagnose(complaint(error, source.progress)));
  }
}

/** The extension module for a source, text or binary. */
export function compile(bytes: Uint8Array, options: Options): Compiled {
  const job = new Job(bytes, options, null);
  job.begin();
  return job.run();
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

/** For what was thrown while `text` was read, but for modules. */
export function diagnosticOf(error: unknown, text: Uint8Array): Diagnostic {
  const source = new Source(text, 0);
  return source.diagnose(complaint(error, source.progress));
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

/** Lines of the diagnostic are those of the script. */
export function prepare(script: ModuleSource, features: Features): Prepared {
  let module: Module | null = null;
  const compiled = attempt(script.text, features, (source) => {
    source.assembled = script.assemble(features);
    module = decode(source.assembled.bytes, features);
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
    return encodeUtf8(describe(module, source.lines(), false, false));
  });
}

/** A stage of a module's functions as text, in UTF-8; `filter`: part of the names of those to show. */
export function show(bytes: Uint8Array, options: Options, stage: number, filter: string): Compiled {
  const listing = new Listing(stage, filter);
  const job = new Job(bytes, options, listing);
  job.begin();
  const { diagnostic } = job.run();
  return new Compiled(diagnostic === null ? encodeUtf8(listing.texts.join("\n")) : NO_BYTES, diagnostic);
}

/** What came of a chunk: one of the two. */
export class Outcome {
  readonly chunk: Chunk | null;
  readonly complaint: Complaint | null;

  constructor(chunk: Chunk | null, complaint: Complaint | null) {
    this.chunk = chunk;
    this.complaint = complaint;
  }
}

function attemptChunk(compiler: ChunkCompiler, chunk: number, progress: Progress): Outcome {
  try {
    return new Outcome(compiler.compile(chunk), null);
  } catch (error) {
    return new Outcome(null, complaint(error, progress));
  }
}

/** For chunks of a job that another thread has: `binary`, `facts` and `options` are the job's. */
export class Assistant {
  private readonly progress: Progress;
  private readonly compiler: ChunkCompiler;

  constructor(binary: Uint8Array, facts: Facts, options: Options) {
    this.progress = new Progress();
    const module = decode(binary, options.features);
    this.compiler = new ChunkCompiler(module, facts, options, this.progress, null);
  }

  compile(chunk: number): Outcome {
    return attemptChunk(this.compiler, chunk, this.progress);
  }
}

/**
 * The compilation of one source. After `begin` every chunk is to be compiled, and its outcome handed to `accept`,
 * unless the job has failed.
 */
export class Job {
  private readonly source: Source;
  private readonly options: Options;
  private readonly listing: Listing | null;
  /** From `begin` on. */
  private compilation: Compilation | null;
  private compiler: ChunkCompiler | null;
  private diagnostic: Diagnostic | null;
  /** Outcomes not linked yet, by chunk; those before `linked` are. */
  private readonly outcomes: (Outcome | null)[];
  private linked: number;

  constructor(bytes: Uint8Array, options: Options, listing: Listing | null) {
    this.source = new Source(bytes, options.features);
    this.options = options;
    this.listing = listing;
    this.compilation = null;
    this.compiler = null;
    this.diagnostic = null;
    this.outcomes = [];
    this.linked = 0;
    try {
      this.source.decode();
    } catch (error) {
      this.fail(complaint(error, this.source.progress));
    }
  }

  /** Bytes of function bodies: what there is to compile. */
  get codeBytes(): number {
    const { module } = this.source;
    return module === null ? 0 : module.funcs.reduce((sum, { body }) => sum + body.end - body.start, 0);
  }

  /** Bytes of the largest function body. */
  get largestBody(): number {
    const { module } = this.source;
    return module === null
      ? 0
      : module.funcs.reduce((most, { body }) => Math.max(most, body.end - body.start), 0);
  }

  /** Validates the module. */
  begin(): void {
    const { source } = this;
    const { module } = source;
    if (module === null) return;
    try {
      refuseObject(module);
      const facts = validateModule(module, this.options.features);
      this.compilation = new Compilation(module, facts, this.options, source.progress);
      for (let k = 0; k < this.compilation.chunks; k++) this.outcomes.push(null);
    } catch (error) {
      this.fail(complaint(error, source.progress));
    }
  }

  private fail(c: Complaint): void {
    if (this.diagnostic === null) this.diagnostic = this.source.diagnose(c);
  }

  /** There is a diagnostic: nothing that is still to come changes it. */
  get failed(): boolean {
    return this.diagnostic !== null;
  }

  get chunks(): number {
    return this.outcomes.length;
  }

  /** How many functions the module has of its own. */
  get functions(): number {
    return this.compilation === null ? 0 : this.compilation.functionsTo(this.chunks);
  }

  /** How many of them are linked. */
  get done(): number {
    return this.compilation === null ? 0 : this.compilation.functionsTo(this.linked);
  }

  /** All chunks are linked. */
  get complete(): boolean {
    return this.linked === this.chunks;
  }

  /** Whether the outcome of the chunk is known. */
  has(chunk: number): boolean {
    return chunk < this.linked || this.outcomes[chunk] !== null;
  }

  /** What an Assistant needs. */
  get binary(): Uint8Array {
    return this.started().module.bytes;
  }

  get facts(): Facts {
    return this.started().facts;
  }

  private started(): Compilation {
    return this.compilation ?? unreachable("a job without a module");
  }

  compile(chunk: number): Outcome {
    const { progress } = this.source;
    try {
      if (this.compiler === null) this.compiler = this.started().compiler(this.listing);
      return attemptChunk(this.compiler, chunk, progress);
    } catch (error) {
      return new Outcome(null, complaint(error, progress));
    }
  }

  /** Links what can be linked. The first failing chunk, in the order of chunks, is what the job fails with. */
  accept(chunk: number, outcome: Outcome): void {
    const { outcomes } = this;
    outcomes[chunk] = outcome;
    while (this.linked < outcomes.length && this.diagnostic === null) {
      const next = outcomes[this.linked];
      if (next === null) return;
      this.link(this.linked, next);
      outcomes[this.linked++] = null;
    }
  }

  private link(k: number, { chunk, complaint: failure }: Outcome): void {
    if (failure !== null) this.fail(failure);
    try {
      if (chunk !== null) this.started().link(k, chunk);
    } catch (error) {
      this.fail(complaint(error, this.source.progress));
    }
  }

  /** Ends the job: a thread had not enough memory. */
  abandon(): void {
    this.fail(outOfMemory(-1, ""));
  }

  /** Requires: complete or failed. */
  finish(): Compiled {
    let bytes: Uint8Array = NO_BYTES;
    try {
      if (this.diagnostic === null) bytes = this.started().finish(this.source.lines());
    } catch (error) {
      this.fail(complaint(error, this.source.progress));
    }
    return new Compiled(this.diagnostic === null ? bytes : NO_BYTES, this.diagnostic);
  }

  /** What is left after `begin`, in this thread. */
  run(): Compiled {
    for (let k = 0; k < this.chunks && !this.failed; k++) this.accept(k, this.compile(k));
    return this.finish();
  }
}

/** One module on its way from Module to image. */
export class Compilation {
  readonly module: Module;
  readonly facts: Facts;
  private readonly options: Options;
  private readonly progress: Progress;
  private readonly bounds: readonly number[];
  private readonly program: Program;
  private readonly escaping: Uint8Array;
  private readonly layout: Layout;
  private readonly build: FunctionBuild;
  private readonly backend: Backend;
  private readonly image: Image;
  private readonly simple: Uint8Array;

  constructor(module: Module, facts: Facts, options: Options, progress: Progress) {
    this.module = module;
    this.facts = facts;
    this.options = options;
    this.progress = progress;
    this.bounds = chunkBounds(module);
    this.program = new Program();
    this.escaping = escapingFunctions(module);
    if (options.nogil) requireAlone(module, this.escaping);
    this.layout = new Layout(module, this.escaping);
    this.build = functionBuild(module, facts, options, this.program, this.layout);
    this.backend = new Backend(this.program, options, progress, null);
    this.image = this.backend.image;
    this.image.soname = `${options.leaf}.so`;
    this.simple = new Uint8Array(module.funcs.length);
  }

  get chunks(): number {
    return this.bounds.length - 1;
  }

  /** How many functions there are before the chunk. */
  functionsTo(chunk: number): number {
    return this.bounds[chunk] - this.bounds[0];
  }

  compiler(listing: Listing | null): ChunkCompiler {
    return new ChunkCompiler(this.module, this.facts, this.options, this.progress, listing);
  }

  link(k: number, { fragment, simple }: Chunk): void {
    link(fragment, this.image, this.backend.pcs);
    this.image.checkSize();
    this.simple.set(simple, this.bounds[k]);
  }

  /** Adds what is not the module's own functions. */
  finish(lines: string): Uint8Array {
    const { module, options, program, layout, image, backend, build } = this;
    const sink = (f: Func, isHot: boolean) => backend.own(f, isHot);
    const func = new Func();
    this.progress.at(-1, "wasmpy_init");
    build.init(func);
    sink(func, false);
    this.progress.at(-1, "");
    for (const blob of build.rodata()) {
      const section = image.sections[RODATA];
      section.align(blob.alignment);
      checkLimit(blob.bytes.length, MAX_IMAGE_BYTES, "compiled module too large", -1);
      image.define(blob.symbol, RODATA, section.length, blob.bytes.length);
      section.bytes(blob.bytes);
      image.checkSize();
    }
    const functions = functionSymbols(module, program);
    const meta = encodeUtf8(describe(module, lines, options.checked, options.nogil));
    const input = new GlueInput(
      options.leaf,
      meta,
      functions,
      this.escaping,
      this.simple,
      options.wrap,
      options.checked,
      options.cpu,
      options.nogil,
    );
    const library = prebuilt();
    const glue = new ModuleGlue(module, layout, program, image, input, library);
    buildGlue(glue);
    image.checkSize();
    glue.each(sink);
    if (options.nogil) this.addWithoutLock();
    this.progress.at(-1, "");
    library.link(
      image,
      backend.pcs,
      glue.doors.map((door) => door.code),
    );
    for (const door of glue.doors) door.open(image);
    this.defineBounds();
    this.complete();
    backend.pcs.write(image);
    writeCallFrames(image, backend.pcs, DWARF);
    return writeElf(image, ELF_X64);
  }

  /** What takes the place of functions of the library. To the last two of them the library itself refers. */
  private addWithoutLock(): void {
    const { program, image, backend } = this;
    const always = ["stack_slow", "unwind"].map((name) => helper(program, name));
    buildRuntimeWithoutLock(program, image, LINUX_X64).each(
      (f) => backend.own(f, false),
      (known) => always.includes(known) || image.relocations.some(({ symbol }) => symbol === known),
    );
  }

  /** Nothing of this image is referred to that is not in it; the PC table is yet to come. */
  private complete(): void {
    const { program, image } = this;
    for (const { symbol } of image.relocations) {
      const { name, kind } = program.symbols[symbol];
      const isOwn = kind < SYM_IMPORT && name !== PC_TABLE;
      if (isOwn && !image.definitions.has(symbol)) unreachable(`nobody wrote ${name}`);
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
