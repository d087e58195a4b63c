// What the functions of one image share: symbols and signatures. IR refers to both by number.

import { TYPE_NAMES, VOID } from "./ops.ts";

/** Calling conventions. What registers they use is the target's to say (isa/<name>/abi.ts). */
export const CONV_WASM = 0;
/** The platform's C convention. */
export const CONV_C = 1;
/** The callee preserves every register but its results: slow paths that must not disturb their caller. */
export const CONV_PRESERVE_ALL = 2;
export const CONV_NAMES: readonly string[] = ["wasm", "c", "preserve_all"];

export class Signature {
  readonly params: readonly number[]; // types of ops.ts
  readonly results: readonly number[];
  readonly convention: number;

  constructor(params: readonly number[], results: readonly number[], convention: number) {
    this.params = params;
    this.results = results;
    this.convention = convention;
  }

  /** The type of a call instruction with this signature: its first result, or VOID. */
  firstResult(): number {
    return this.results.length === 0 ? VOID : this.results[0];
  }
}

/** What a symbol is, and with it where it lives. */
export const SYM_FUNC = 0; // code of this image
export const SYM_RODATA = 1;
export const SYM_DATA = 2; // writable, with relocations
export const SYM_IMPORT = 3; // a function or datum of the process: C API, libc
export const SYM_IMPORT_WEAK = 4; // the same; null where the process does not have it

export class LinkSymbol {
  readonly name: string;
  readonly kind: number;
  /** Signature number of a function that is called by name, else -1. */
  readonly signature: number;

  constructor(name: string, kind: number, signature: number) {
    this.name = name;
    this.kind = kind;
    this.signature = signature;
  }
}

export class Program {
  readonly symbols: LinkSymbol[];
  readonly signatures: Signature[];
  private readonly symbolByName: Map<string, number>;
  private readonly signatureByText: Map<string, number>;

  constructor() {
    this.symbols = [];
    this.signatures = [];
    this.symbolByName = new Map();
    this.signatureByText = new Map();
  }

  /**
   * The number of the symbol `name`, which is made at its first mention. Later mentions must agree with it. What
   * the process provides has names of its own: a wasm function `malloc` is not libc's.
   */
  symbol(name: string, kind: number, signature = -1): number {
    const key = kind >= SYM_IMPORT ? `import ${name}` : name;
    const known = this.symbolByName.get(key);
    if (known !== undefined) return known;
    const id = this.symbols.length;
    this.symbols.push(new LinkSymbol(name, kind, signature));
    this.symbolByName.set(key, id);
    return id;
  }

  /** The number of a symbol made before, of this image or else of the process, or -1. */
  find(name: string): number {
    return this.symbolByName.get(name) ?? this.symbolByName.get(`import ${name}`) ?? -1;
  }

  /** The number of the signature; equal signatures have equal numbers. */
  signature(params: readonly number[], results: readonly number[], convention: number): number {
    const text = signatureText(params, results, convention);
    const known = this.signatureByText.get(text);
    if (known !== undefined) return known;
    const id = this.signatures.length;
    this.signatures.push(new Signature(params, results, convention));
    this.signatureByText.set(text, id);
    return id;
  }
}

/** `c(i32 ptr) -> i64`: the way printer and parser write a signature. */
export function signatureText(
  params: readonly number[],
  results: readonly number[],
  convention: number,
): string {
  const names = (types: readonly number[]) => types.map((t) => TYPE_NAMES[t]).join(" ");
  return `${CONV_NAMES[convention]}(${names(params)}) -> ${results.length === 0 ? "()" : names(results)}`;
}
