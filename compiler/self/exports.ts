// What the translated compiler does for those who call it: one job at a time, from bytes to bytes. What fails is a trap;
// the caller then asks `diagnose`, and `reset`s the memory. The parts of a job, without the driver's threads and `try`.

import type { Failure } from "../base/fail.ts";
import { encodeUtf8 } from "../base/utf8.ts";
import { Compilation, Complaint, type Diagnostic, Options, Source } from "../driver.ts";
import { validateModule } from "../ir/validate.ts";
import { prebuilt } from "../prebuilt.ts";
import { describe } from "../python/meta.ts";
import { featuresNamed, WASM_1_0, WASM_2_0, WASM_3_0 } from "../wasm/features.ts";
import { refuseObject } from "../wasm/foreign.ts";
import { printModule } from "../wat/print.ts";

/** What is left of a failure. */
declare function failure(): Failure;

/** The source of the job at hand. */
let source: Source | null = null;

/** `version`: 1, 2 or 3; `without`: names of features of 2.0, with commas. */
export function features(version: number, without: string): number {
  const all = version === 1 ? WASM_1_0 : version === 2 ? WASM_2_0 : WASM_3_0;
  return without === "" ? all : all & ~featuresNamed(without.split(","));
}

function begin(bytes: Uint8Array, allowed: number): Source {
  const begun = new Source(bytes, allowed);
  source = begun;
  return begun;
}

/** The extension module. */
export function compile(
  bytes: Uint8Array,
  leaf: string,
  allowed: number,
  level: number,
  checked: boolean,
  wrap: boolean,
  interrupts: boolean,
  cpu: number,
  verified: boolean,
  nogil: boolean,
): Uint8Array {
  const options = new Options(leaf, allowed, level, checked, wrap, interrupts, cpu, verified, nogil);
  const job = begin(bytes, allowed);
  const module = job.decode();
  refuseObject(module);
  const facts = validateModule(module, allowed);
  const compilation = new Compilation(module, facts, options, job.progress);
  const compiler = compilation.compiler(null);
  for (let k = 0; k < compilation.chunks; k++) compilation.link(k, compiler.compile(k));
  return compilation.finish(job.lines());
}

export function validate(bytes: Uint8Array, allowed: number): void {
  validateModule(begin(bytes, allowed).decode(), allowed);
}

/** The binary, validated. */
export function assemble(bytes: Uint8Array, allowed: number): Uint8Array {
  const module = begin(bytes, allowed).decode();
  validateModule(module, allowed);
  return module.bytes;
}

/** The text, in UTF-8. */
export function disassemble(bytes: Uint8Array, allowed: number): Uint8Array {
  return printModule(begin(bytes, allowed).decode(), allowed);
}

/** The description, in UTF-8. */
export function describeModule(bytes: Uint8Array, allowed: number): Uint8Array {
  const job = begin(bytes, allowed);
  const module = job.decode();
  validateModule(module, allowed);
  return encodeUtf8(describe(module, job.lines(), false, false));
}

/** After a trap that was a failure. */
export function diagnose(): Diagnostic | null {
  if (source === null) return null;
  const { kind, message, detail, at } = failure();
  const { index, name } = source.progress;
  return source.diagnose(new Complaint(kind, message, detail, at, index, name));
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
  prebuilt();
}
