// A module's functions in chunks: each is compiled on its own, in this thread or another, and becomes a Fragment.
// How functions are cut into chunks depends on the module alone, so the image does too.

import { Layout } from "./abi/layout.ts";
import { Backend, type Listing } from "./backend.ts";
import { Bytes } from "./base/bytes.ts";
import type { Progress } from "./base/progress.ts";
import { Func } from "./ir/func.ts";
import { Program } from "./ir/program.ts";
import { FlatReader, readFragment, writeBytes, writeFragment } from "./mach/flat.ts";
import { cut, type Fragment } from "./mach/fragment.ts";
import { isSimple } from "./opt/simple.ts";
import type { Options } from "./options.ts";
import { BuildOptions, FunctionBuild } from "./walk/build.ts";
import type { Facts } from "./walk/facts.ts";
import { escapingFunctions } from "./wasm/escape.ts";
import type { Module } from "./wasm/module.ts";

/** A chunk is full when its bodies have so many bytes: enough to hide what a chunk costs, too few to wait for. */
const CHUNK_BYTES = 1 << 16;
/** What a function costs besides the bytes of its body, in bytes. */
const FUNCTION_BYTES = 16;

/** Index of the first function of each chunk, and behind the last one's the number of functions. */
export function chunkBounds(module: Module): number[] {
  const { funcs } = module;
  const bounds: number[] = [];
  let bytes = CHUNK_BYTES;
  for (let i = 0; i < funcs.length; i++) {
    if (funcs[i].imported) continue;
    if (bytes >= CHUNK_BYTES) {
      bounds.push(i);
      bytes = 0;
    }
    bytes += funcs[i].body.end - funcs[i].body.start + FUNCTION_BYTES;
  }
  bounds.push(funcs.length);
  return bounds;
}

/** A compiled chunk. */
export class Chunk {
  readonly fragment: Fragment;
  /** By function of the chunk: 1 if it can be called with nothing set up (opt/simple.ts). */
  readonly simple: Uint8Array;

  constructor(fragment: Fragment, simple: Uint8Array) {
    this.fragment = fragment;
    this.simple = simple;
  }
}

/** The chunk as bytes: its fragment (mach/flat.ts), then `simple`. */
function packChunk(fragment: Fragment, simple: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Bytes(1024);
  writeFragment(fragment, out);
  writeBytes(simple, out);
  return out.take();
}

export function unpackChunk(bytes: Uint8Array): Chunk {
  const reader = new FlatReader(bytes);
  const fragment = readFragment(reader);
  return new Chunk(fragment, reader.bytes());
}

export class ChunkCompiler {
  private readonly module: Module;
  private readonly options: Options;
  private readonly progress: Progress;
  private readonly bounds: readonly number[];
  private readonly build: FunctionBuild;
  private readonly backend: Backend;
  private readonly func: Func;
  /** Symbols that the Program of every ChunkCompiler of the module begins with, as that of the image does. */
  private readonly common: number;

  constructor(module: Module, facts: Facts, options: Options, progress: Progress, listing: Listing | null) {
    this.module = module;
    this.options = options;
    this.progress = progress;
    this.bounds = chunkBounds(module);
    const program = new Program();
    this.build = functionBuild(
      module,
      facts,
      options,
      program,
      new Layout(module, escapingFunctions(module)),
    );
    this.common = program.symbols.length;
    this.backend = new Backend(program, options, progress, listing);
    this.func = new Func();
  }

  /** Bytes for `unpackChunk`: what a thread sends to another. */
  compile(chunk: number): Uint8Array<ArrayBuffer> {
    const { backend, func, module } = this;
    const from = this.bounds[chunk];
    const to = this.bounds[chunk + 1];
    const simple = new Uint8Array(to - from);
    backend.restart();
    for (let i = from; i < to; i++) {
      if (module.funcs[i].imported) continue;
      this.progress.begin(i);
      this.build.build(i, func);
      backend.optimize(func, i, this.options.level);
      backend.generate(func, i);
      // Only now is it known whether what is to be kept makes the frame so large that the stack is checked.
      if (isSimple(func) && !backend.checksStack) simple[i - from] = 1;
    }
    this.progress.at(-1, "");
    return packChunk(cut(backend.image, backend.pcs, this.common), simple);
  }
}

/** On an empty program, to which it adds the module's common symbols. */
export function functionBuild(
  module: Module,
  facts: Facts,
  options: Options,
  program: Program,
  layout: Layout,
): FunctionBuild {
  const buildOptions = new BuildOptions(options.features, options.interrupts, options.checked);
  return new FunctionBuild(module, program, layout, buildOptions, facts);
}
