// What the parts of the glue share: the module being compiled, its image, and the list of functions to build.
// A function is declared by `define`, at its first mention, and built when `each` reaches it; building one may
// declare others.

import { unreachable } from "../base/fail.ts";
import type { Func } from "../ir/func.ts";
import { irType, type Layout } from "../ir/layout.ts";
import { CONV_C, CONV_WASM, type Program, SYM_FUNC } from "../ir/program.ts";
import type { Image } from "../obj/image.ts";
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
  /** Symbols of own functions by function index (ir/layout.ts, functionSymbols). */
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

  constructor(
    leaf: string,
    meta: Uint8Array,
    functions: Int32Array,
    escaping: Uint8Array,
    simple: Uint8Array,
    wrap: boolean,
    checked: boolean,
  ) {
    this.leaf = leaf;
    this.meta = meta;
    this.functions = functions;
    this.escaping = escaping;
    this.simple = simple;
    this.wrap = wrap;
    this.checked = checked;
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
  readonly module: Module;
  readonly layout: Layout;
  readonly program: Program;
  readonly image: Image;
  readonly input: GlueInput;
  readonly data: ImageData;
  readonly state: State;
  /** Cells to be set when the image is loaded. */
  readonly thunkCells: ThunkCell[];
  private readonly queue: Definition[];
  private readonly known: Map<string, number>;

  constructor(module: Module, layout: Layout, program: Program, image: Image, input: GlueInput) {
    this.module = module;
    this.layout = layout;
    this.program = program;
    this.image = image;
    this.input = input;
    this.data = new ImageData(program, image);
    this.state = new State(module, layout);
    this.thunkCells = [];
    this.queue = [];
    this.known = new Map();
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
    this.queue.push(new Definition(symbol, isHot, build));
    return symbol;
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

  /** The IR signature of functions of a wasm type. */
  signatureOf(t: DefType): number {
    return this.program.signature(t.params.map(irType), t.results.map(irType), CONV_WASM);
  }

  /** A writable word of the image, zero or the address of `initial`: shared by all instances. */
  cell(name: string, initial = -1): number {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const record = this.data.variable(name);
    const symbol = (initial < 0 ? record.word(0) : record.pointer(initial)).end();
    this.known.set(name, symbol);
    return symbol;
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
