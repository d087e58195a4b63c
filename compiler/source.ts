// A source, text or binary, on its way to what is wanted of it. What fails on the way becomes a diagnostic.

import { functionNames } from "./abi/layout.ts";
import type { Progress } from "./base/progress.ts";
import { encodeUtf8 } from "./base/utf8.ts";
import { Diagnostic } from "./diagnostic.ts";
import { describe } from "./python/meta.ts";
import type { Facts } from "./walk/facts.ts";
import { validateModule } from "./walk/validate.ts";
import { decode } from "./wasm/decode.ts";
import type { Features } from "./wasm/features.ts";
import { isBinary, refuseForeign, refuseObject } from "./wasm/foreign.ts";
import type { Module } from "./wasm/module.ts";
import type { Assembled } from "./wat/assembled.ts";
import { Lines } from "./wat/lines.ts";
import { parseModule } from "./wat/parse.ts";
import { printModule } from "./wat/print.ts";
import type { ModuleSource } from "./wat/wast.ts";

/** An error, wherever it was caught: data that a thread can send to another. */
export class Complaint {
  readonly kind: number; // base/errors.ts
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

/** What was read of it so far is there for diagnostics. */
export class Source {
  readonly bytes: Uint8Array;
  readonly features: Features;
  readonly progress: Progress;
  private assembled: Assembled | null;
  /** Once it is decoded. */
  module: Module | null;

  constructor(bytes: Uint8Array, features: Features, progress: Progress) {
    this.bytes = bytes;
    this.features = features;
    this.progress = progress;
    this.assembled = null;
    this.module = null;
  }

  /** The binary: assembled, where the source is text. */
  private binary(): Uint8Array {
    const { bytes } = this;
    if (isBinary(bytes)) return bytes;
    refuseForeign(bytes);
    this.assembled = parseModule(bytes, this.features, this.progress);
    return this.assembled.bytes;
  }

  decode(): Module {
    this.module = decode(this.binary(), this.features);
    return this.module;
  }

  private check(module: Module): Facts {
    return validateModule(module, this.features, this.progress);
  }

  /** What validation tells of the decoded module, which must be one that can be compiled. */
  facts(module: Module): Facts {
    refuseObject(module);
    return this.check(module);
  }

  /** The module, valid. */
  validate(): Module {
    const module = this.decode();
    this.check(module);
    return module;
  }

  /** The same of a module of a script, which the source is: lines of diagnostics are the script's. */
  validateOne(one: ModuleSource): Module {
    this.assembled = one.assemble(this.features);
    this.module = decode(this.assembled.bytes, this.features);
    this.check(this.module);
    return this.module;
  }

  /** The text, in UTF-8. */
  disassemble(): Uint8Array {
    return printModule(this.decode(), this.features);
  }

  /** The Python literal of python/meta.ts for a valid module, in UTF-8. */
  describe(): Uint8Array {
    return encodeUtf8(describe(this.validate(), this.lines(), false, false));
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
