// The compiler as Node runs it: jobs from bytes to bytes or a diagnostic. Pure: the same input gives the same bytes.
// All errors end here: the only file that catches them. The translated compiler has self/exports.ts instead.
//
// `compile` does it all at once. Whoever has threads takes a Job apart: its chunks of functions may be compiled
// anywhere, in any order; the job links them in theirs.

import { Listing } from "./backend.ts";
import { INTERNAL, LIMIT } from "./base/errors.ts";
import { Failure, unreachable } from "./base/fail.ts";
import { Progress } from "./base/progress.ts";
import { encodeUtf8 } from "./base/utf8.ts";
import { ChunkCompiler } from "./chunks.ts";
import { Compilation } from "./compilation.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Options } from "./options.ts";
import { Script } from "./script.ts";
import { Complaint, Source } from "./source.ts";
import type { Facts } from "./walk/facts.ts";
import { decode } from "./wasm/decode.ts";
import type { Features } from "./wasm/features.ts";
import { requireBinary as requireBinaryIn } from "./wasm/foreign.ts";
import type { ModuleSource } from "./wat/wast.ts";

export { Diagnostic } from "./diagnostic.ts";
export { DEFAULTS, type Options } from "./options.ts";

const NO_BYTES = new Uint8Array(0);

/** Either bytes, or a diagnostic with no bytes. */
export class Compiled {
  readonly bytes: Uint8Array;
  readonly diagnostic: Diagnostic | null;

  constructor(bytes: Uint8Array, diagnostic: Diagnostic | null) {
    this.bytes = bytes;
    this.diagnostic = diagnostic;
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
  const source = new Source(bytes, features, new Progress(new Int32Array(2)));
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
    source.validate();
    return NO_BYTES;
  });
}

/** The binary of a text; validated. */
export function assemble(bytes: Uint8Array, features: Features): Compiled {
  return attempt(bytes, features, (source) => source.validate().bytes);
}

/** The text of a binary, in UTF-8. */
export function disassemble(bytes: Uint8Array, features: Features): Compiled {
  return attempt(bytes, features, (source) => source.disassemble());
}

/** The Python literal of python/meta.ts for a valid module, in UTF-8. */
export function describeModule(bytes: Uint8Array, features: Features): Compiled {
  return attempt(bytes, features, (source) => source.describe());
}

/** No bytes; a diagnostic if a module of a script is not valid: its lines are those of the script. */
export function validateOne(one: ModuleSource, features: Features): Compiled {
  return attempt(one.text, features, (source) => {
    source.validateOne(one);
    return NO_BYTES;
  });
}

/** No bytes; a diagnostic if the source is no binary: for files that must be one. */
export function requireBinary(bytes: Uint8Array): Compiled {
  return attempt(NO_BYTES, 0, () => {
    requireBinaryIn(bytes);
    return NO_BYTES;
  });
}

/** The diagnostic for what was thrown where no source is known. */
export function diagnosticOf(error: unknown): Diagnostic {
  const source = new Source(NO_BYTES, 0, new Progress(new Int32Array(2)));
  return source.diagnose(complaint(error, source.progress));
}

/** A script as its commands (script.ts). */
export function readScript(text: Uint8Array, features: Features): Script {
  const script = new Script(text, features, new Progress(new Int32Array(2)));
  for (;;) {
    try {
      script.run();
      return script;
    } catch (error) {
      script.complain(complaint(error, script.progress));
    }
  }
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
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly complaint: Complaint | null;

  constructor(bytes: Uint8Array<ArrayBuffer> | null, complaint: Complaint | null) {
    this.bytes = bytes;
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
    this.progress = new Progress(new Int32Array(2));
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
    this.source = new Source(bytes, options.features, new Progress(new Int32Array(2)));
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
      const facts = source.facts(module);
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

  private link(k: number, { bytes, complaint: failure }: Outcome): void {
    if (failure !== null) this.fail(failure);
    try {
      if (bytes !== null) this.started().link(k, bytes);
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
