// What the translated compiler does for those who call it: from bytes to bytes, one job at a time. `reset` frees what
// the job before has made, also what it returned. What fails is a trap; the caller then asks `diagnose`.
//
// A job may be shared by several instances, each in a thread of its own. All of them get the same `options` and `begin`
// with the same source. Then each chunk is compiled by any of them, and one links them all, in their order:
//
//   options(…)
//   for k in range(begin(source)): link(k, compileChunk(k))
//   image = finish()

import { Listing, stageNamed } from "../backend.ts";
import { type Failure, unreachable } from "../base/fail.ts";
import { DONE, Progress, STOP } from "../base/progress.ts";
import { encodeUtf8 } from "../base/utf8.ts";
import { Compilation } from "../compilation.ts";
import type { Diagnostic } from "../diagnostic.ts";
import { DEFAULTS, type Options } from "../options.ts";
import { prebuilt } from "../prebuilt.ts";
import { Script } from "../script.ts";
import { Complaint, Source } from "../source.ts";
import { cpuFeatures } from "../targets.ts";
import { featuresNamed, WASM_1_0, WASM_2_0, WASM_3_0 } from "../wasm/features.ts";
import { requireBinary as requireBinaryIn } from "../wasm/foreign.ts";

/** What the last trap was for. */
declare function failure(): Failure;
/** There is no failure any more. */
declare function forget(): void;
/** Where free memory begins. */
declare function top(): number;
/** Frees everything but what modules made when they were loaded. */
declare function freeAll(): void;
/** Frees what was allocated from the address on. */
declare function free(from: number): void;
/** The same but for these bytes, which move there. */
declare function freeBut(from: number, kept: Uint8Array): Uint8Array;
/** The address of the elements. */
declare function elements(words: Int32Array): number;

const WORDS: Int32Array = new Int32Array(2);

/** The job at hand. */
let chosen: Options | null = null;
let source: Source | null = null;
let compilation: Compilation | null = null;
let reading: Script | null = null;
/** What lies above it in memory is of the chunk that was compiled last. */
let floor = 0;

/** Frees everything: for the next job. */
export function reset(): void {
  chosen = null;
  source = null;
  compilation = null;
  reading = null;
  freeAll();
}

/** `version`: 1, 2 or 3; `without`: names of features of 2.0, with commas. */
export function features(version: number, without: string): number {
  const all = version === 1 ? WASM_1_0 : version === 2 ? WASM_2_0 : WASM_3_0;
  return without === "" ? all : all & ~featuresNamed(without.split(","));
}

/** `names`: of what the CPU has beyond the baseline, with commas. */
export function cpu(names: string): number {
  return cpuFeatures(DEFAULTS.target, names.split(","));
}

function sourceOf(bytes: Uint8Array, allowed: number): Source {
  WORDS[DONE] = 0;
  const begun = new Source(bytes, allowed, new Progress(WORDS));
  source = begun;
  return begun;
}

/** Fails where the bytes are no binary: for files that must be one. */
export function requireBinary(bytes: Uint8Array): void {
  sourceOf(new Uint8Array(0), 0); // as there is none, what is wrong has no line
  requireBinaryIn(bytes);
}

/** How the module of this job is to be compiled: before `begin`, `compile` and `show`. */
export function options(
  leaf: string,
  allowed: number,
  level: number,
  checked: boolean,
  wrap: boolean,
  interrupts: boolean,
  cpu: number,
  verified: boolean,
  nogil: boolean,
): void {
  chosen = {
    leaf,
    features: allowed,
    target: DEFAULTS.target,
    cpu,
    level,
    checked,
    wrap,
    interrupts,
    verified,
    nogil,
  };
}

/** Reads and validates a source. How many chunks there are: none where the module has no functions. */
export function begin(bytes: Uint8Array): number {
  const how = chosen ?? unreachable("no options were given");
  const job = sourceOf(bytes, how.features);
  const module = job.decode();
  const begun = new Compilation(module, job.facts(module), how, job.progress);
  compilation = begun;
  floor = top();
  return begun.chunks;
}

/** A chunk for `link`. Lives until the next one is compiled, and so do bytes that were made since the last one was. */
export function compileChunk(k: number): Uint8Array {
  free(floor);
  return freeBut(floor, compilation!.compiler(null).compile(k));
}

/** The chunks before this one must be linked. */
export function link(k: number, bytes: Uint8Array): void {
  compilation!.link(k, bytes);
  floor = top();
}

/** The extension module, when all chunks are linked. */
export function finish(): Uint8Array {
  return compilation!.finish(source!.lines());
}

/** The extension module, all at once. */
export function compile(bytes: Uint8Array): Uint8Array {
  const chunks = begin(bytes);
  for (let k = 0; k < chunks; k++) link(k, compileChunk(k));
  return finish();
}

/** How many functions the module has of its own, after `begin`. */
export function functions(): number {
  const job = compilation!;
  return job.functionsTo(job.chunks);
}

/** How many functions were begun since the job began, in this instance. */
export function done(): number {
  return WORDS[DONE];
}

/** The address of the word that says so: for other threads, while one is in here. */
export function progress_at(): number {
  return elements(WORDS) + 4 * DONE;
}

/** That of a word for them to set: where it is not 0, the next function fails. Whoever sets it clears it. */
export function stop_at(): number {
  return elements(WORDS) + 4 * STOP;
}

/** Functions at a stage ("ir", "opt", "code", "asm") whose names contain `filter`: text in UTF-8. */
export function show(bytes: Uint8Array, stage: string, filter: string): Uint8Array {
  const chunks = begin(bytes);
  const listing = new Listing(stageNamed(stage), filter);
  const compiler = compilation!.compiler(listing);
  for (let k = 0; k < chunks; k++) link(k, compiler.compile(k));
  finish();
  return encodeUtf8(listing.texts.join("\n"));
}

export function validate(bytes: Uint8Array, allowed: number): void {
  sourceOf(bytes, allowed).validate();
}

/** The binary, validated. */
export function assemble(bytes: Uint8Array, allowed: number): Uint8Array {
  return sourceOf(bytes, allowed).validate().bytes;
}

/** The text, in UTF-8. */
export function disassemble(bytes: Uint8Array, allowed: number): Uint8Array {
  return sourceOf(bytes, allowed).disassemble();
}

/** The description, in UTF-8. */
export function describeModule(bytes: Uint8Array, allowed: number): Uint8Array {
  return sourceOf(bytes, allowed).describe();
}

/** The commands of a script of the test suite: JSON (script.ts). After a failure `resumeScript` goes on. */
export function script(bytes: Uint8Array, allowed: number): Uint8Array {
  const begun = new Script(bytes, allowed, new Progress(WORDS));
  reading = begun;
  begun.run();
  return begun.take();
}

/** What failed is a command or a module of the script: notes it, and reads the rest. May fail again. */
export function resumeScript(): Uint8Array {
  const complaint = complaintAbout(failure(), reading!.progress);
  forget();
  reading!.complain(complaint);
  reading!.run();
  return reading!.take();
}

/** The binaries of the script's modules. */
export function scriptPayload(): Uint8Array {
  return reading!.takePayload();
}

function complaintAbout({ kind, message, detail, at }: Failure, { index, name }: Progress): Complaint {
  return new Complaint(kind, message, detail, at, index, name);
}

/** After a trap that was a failure. */
export function diagnose(): Diagnostic | null {
  return source === null ? null : source.diagnose(complaintAbout(failure(), source.progress));
}

export function kindOf(d: Diagnostic): number {
  return d.kind;
}

export function messageOf(d: Diagnostic): string {
  return d.message;
}

export function detailOf(d: Diagnostic): string {
  return d.detail;
}

export function atOf(d: Diagnostic): number {
  return d.at;
}

export function lineOf(d: Diagnostic): number {
  return d.line;
}

export function columnOf(d: Diagnostic): number {
  return d.column;
}

export function functionOf(d: Diagnostic): string {
  return d.function;
}

/** Once, when the module was loaded: what every job shares. */
export function warm(): void {
  prebuilt(DEFAULTS.target);
}
