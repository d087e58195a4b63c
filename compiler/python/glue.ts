// What the parts of the glue share: the image, and the list of functions to build. A function is declared by
// `define`, at its first mention, and built when `each` reaches it; building one may declare others. What the
// library has is not built again.
//
// Functions written with a Glue are the same in every image: what they must know of the module they read from its
// shape (runtime/shape.ts). Those that belong to one module are written with a ModuleGlue.

import { irType, type Layout } from "../abi/layout.ts";
import { unreachable } from "../base/fail.ts";
import type { Func } from "../ir/func.ts";
import { CONV_C, CONV_WASM, type Program, SYM_DATA, SYM_FUNC } from "../ir/program.ts";
import type { Image } from "../mach/image.ts";
import type { Library } from "../mach/library.ts";
import type { Feature } from "../mach/target.ts";
import type { Module } from "../wasm/module.ts";
import type { DefType } from "../wasm/types.ts";
import { ImageData } from "./data.ts";
import { PyCode } from "./pycode.ts";
import { State } from "./state.ts";
import type { ThunkCell } from "./thunks.ts";

/** What the driver knows of the module besides its layout. */
export class GlueInput {
  /** Last component of the Python module's name. */
  readonly leaf: string;
  /** The text that `attach` gets, in UTF-8. */
  readonly meta: Uint8Array;
  /** Symbols of own functions by function index (abi/layout.ts, functionSymbols). */
  readonly functions: Int32Array;
  /** By function index: 1 if it can be reached other than by a direct call; as the layout was made. */
  readonly escaping: Uint8Array;
  /**
   * By function index: 1 if the function cannot trap, calls nothing, has no loop and does not touch the instance,
   * and its frame is at most 1 KiB: it is called without an entry record and without an instance.
   */
  readonly simple: Uint8Array;
  /** Integers that do not fit wrap around instead of raising OverflowError. */
  readonly wrap: boolean;
  /** Accesses to memory 0 are checked by code, not by guard pages. */
  readonly checked: boolean;
  /** What the code may use of the CPU: bits of the target's features. */
  readonly cpu: number;
  /** Calls run without the lock of the interpreter (nogil.ts). */
  readonly nogil: boolean;
  /** What the target's CPUs may lack. */
  readonly features: readonly Feature[];

  constructor(
    leaf: string,
    meta: Uint8Array,
    functions: Int32Array,
    escaping: Uint8Array,
    simple: Uint8Array,
    wrap: boolean,
    checked: boolean,
    cpu: number,
    nogil: boolean,
    features: readonly Feature[],
  ) {
    this.leaf = leaf;
    this.meta = meta;
    this.functions = functions;
    this.escaping = escaping;
    this.simple = simple;
    this.wrap = wrap;
    this.checked = checked;
    this.cpu = cpu;
    this.nogil = nogil;
    this.features = features;
  }
}

class Definition {
  readonly symbol: number;
  readonly isHot: boolean;
  readonly build: (c: PyCode) => void;

  constructor(symbol: number, isHot: boolean, build: (c: PyCode) => void) {
    this.symbol = symbol;
    this.isHot = isHot;
    this.build = build;
  }
}

export class Glue {
  readonly program: Program;
  readonly image: Image;
  readonly data: ImageData;
  /** What is linked from it needs no building; null while it is itself being built. */
  private readonly library: Library | null;
  private readonly queue: Definition[];
  private readonly known: Map<string, number>;

  /** What a CPU may lack of what code may use. */
  readonly features: readonly Feature[];

  constructor(program: Program, image: Image, library: Library | null, features: readonly Feature[]) {
    this.features = features;
    this.program = program;
    this.image = image;
    // Strings of the library and of a module meet in one image.
    this.data = new ImageData(program, image, library === null ? "wasmpy_string" : "wasmpy_text");
    this.library = library;
    this.queue = [];
    this.known = new Map();
  }

  private isBuilt(name: string): boolean {
    return this.library === null ? false : this.library.has(name);
  }

  /**
   * The symbol of the function `name`, to be built by `build` unless it was declared before. `isHot`: it runs at
   * every call in or out.
   */
  define(name: string, signature: number, build: (c: PyCode) => void, isHot = false): number {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const symbol = this.program.symbol(name, SYM_FUNC, signature);
    this.known.set(name, symbol);
    if (!this.isBuilt(name)) this.queue.push(new Definition(symbol, isHot, build));
    return symbol;
  }

  /** Declares that `name`, which the library may have too, is built here. */
  replace(
    name: string,
    params: readonly number[],
    results: readonly number[],
    build: (c: PyCode) => void,
  ): void {
    const symbol = this.program.symbol(name, SYM_FUNC, this.program.signature(params, results, CONV_C));
    this.known.set(name, symbol);
    this.queue.push(new Definition(symbol, false, build));
  }

  defineC(
    name: string,
    params: readonly number[],
    results: readonly number[],
    build: (c: PyCode) => void,
    isHot = false,
  ): number {
    return this.define(name, this.program.signature(params, results, CONV_C), build, isHot);
  }

  /** A writable word of the image, zero or the address of `initial`: shared by all instances. */
  cell(name: string, initial = -1): number {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const symbol = this.isBuilt(name) ? this.program.symbol(name, SYM_DATA) : this.newCell(name, initial);
    this.known.set(name, symbol);
    return symbol;
  }

  private newCell(name: string, initial: number): number {
    const record = this.data.variable(name);
    return (initial < 0 ? record.word(0) : record.pointer(initial)).end();
  }

  /** Builds the functions one after another; each Func is valid until `sink` returns. */
  each(sink: (func: Func, isHot: boolean) => void): void {
    const c = new PyCode(this.program, this.data);
    for (let i = 0; i < this.queue.length; i++) {
      const d = this.queue[i];
      c.start(d.symbol);
      d.build(c);
      if (!c.terminated) unreachable(`${this.program.symbols[d.symbol].name} does not end`);
      sink(c.finish(), d.isHot);
    }
  }
}

/** A function that the loader looks for by a name of the module: that of another function. */
export class Door {
  readonly symbol: number;
  readonly code: number;

  constructor(symbol: number, code: number) {
    this.symbol = symbol;
    this.code = code;
  }

  /** The code is in the image. */
  open(image: Image): void {
    const d = image.definitions.get(this.code) ?? unreachable("a door that leads nowhere");
    image.define(this.symbol, d.section, d.offset, d.size);
  }
}

/** The glue of one module. */
export class ModuleGlue extends Glue {
  readonly module: Module;
  readonly layout: Layout;
  readonly input: GlueInput;
  readonly state: State;
  /** Cells to be set when the image is loaded. */
  readonly thunkCells: ThunkCell[];
  readonly doors: Door[];

  constructor(
    module: Module,
    layout: Layout,
    program: Program,
    image: Image,
    input: GlueInput,
    library: Library | null,
  ) {
    super(program, image, library, input.features);
    this.module = module;
    this.layout = layout;
    this.input = input;
    this.state = new State(module, layout);
    this.thunkCells = [];
    this.doors = [];
  }

  /** The IR signature of functions of a wasm type. */
  signatureOf(t: DefType): number {
    return this.program.signature(t.params.map(irType), t.results.map(irType), CONV_WASM);
  }
}
