// One module on its way to its image: compiled in chunks, which may be done anywhere and are linked in their order;
// then what belongs to the module as a whole.

import { helper } from "./abi/helpers.ts";
import { functionSymbols, Layout } from "./abi/layout.ts";
import { Backend, type Listing } from "./backend.ts";
import { unreachable } from "./base/fail.ts";
import type { Progress } from "./base/progress.ts";
import { encodeUtf8 } from "./base/utf8.ts";
import { ChunkCompiler, chunkBounds, functionBuild, unpackChunk } from "./chunks.ts";
import { Func } from "./ir/func.ts";
import { Program, SYM_IMPORT } from "./ir/program.ts";
import { writeCallFrames } from "./mach/callframes.ts";
import { link } from "./mach/fragment.ts";
import { type Image, RODATA, TEXT } from "./mach/image.ts";
import { writeElf } from "./obj/elf.ts";
import type { Options } from "./options.ts";
import { prebuilt } from "./prebuilt.ts";
import { buildGlue } from "./python/build.ts";
import { GlueInput, ModuleGlue } from "./python/glue.ts";
import { describe } from "./python/meta.ts";
import { requireAlone } from "./python/nogil.ts";
import { PC_TABLE, TEXT_END, TEXT_START } from "./runtime/body.ts";
import { buildRuntimeWithoutLock } from "./runtime/runtime.ts";
import { type TargetRow, targetNamed } from "./targets.ts";
import type { FunctionBuild } from "./walk/build.ts";
import type { Facts } from "./walk/facts.ts";
import { escapingFunctions } from "./wasm/escape.ts";
import { checkLimit, MAX_IMAGE_BYTES } from "./wasm/limits.ts";
import type { Module } from "./wasm/module.ts";

/** Requires: a valid module, and what its validation told. */
export class Compilation {
  readonly module: Module;
  readonly facts: Facts;
  private readonly options: Options;
  private readonly target: TargetRow;
  private readonly progress: Progress;
  private readonly bounds: readonly number[];
  private readonly program: Program;
  private readonly escaping: Uint8Array;
  private readonly layout: Layout;
  private readonly build: FunctionBuild;
  private readonly backend: Backend;
  private readonly image: Image;
  private readonly simple: Uint8Array;
  /** Chunks that are in the image. */
  private linked: number;

  constructor(module: Module, facts: Facts, options: Options, progress: Progress) {
    this.module = module;
    this.facts = facts;
    this.options = options;
    this.target = targetNamed(options.target);
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
    this.linked = 0;
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

  /** `bytes`: what a ChunkCompiler made of chunk `k`; those before it are linked. */
  link(k: number, bytes: Uint8Array): void {
    if (k !== this.linked) unreachable("chunks are linked in their order");
    this.linked++;
    const { fragment, simple } = unpackChunk(bytes);
    link(fragment, this.image, this.backend.pcs);
    this.image.checkSize();
    this.simple.set(simple, this.bounds[k]);
  }

  /** Adds what is not the module's own functions, when these are linked. `lines`: those of Source. */
  finish(lines: string): Uint8Array {
    if (this.linked < this.chunks) unreachable("a chunk is missing");
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
      this.target.features,
    );
    const library = prebuilt(options.target);
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
    const { psabi } = backend.target;
    writeCallFrames(image, backend.pcs, psabi);
    return writeElf(image, psabi);
  }

  /** What takes the place of functions of the library. To the last two of them the library itself refers. */
  private addWithoutLock(): void {
    const { program, image, backend } = this;
    const always = ["stack_slow", "unwind"].map((name) => helper(program, name));
    buildRuntimeWithoutLock(program, image, this.target.system).each(
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
