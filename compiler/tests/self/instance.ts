// A translated module in V8: texts and bytes go in and out through its memory.

import type { Site } from "../../tools/self/output.ts";

interface Memory {
  readonly buffer: ArrayBuffer;
}

interface Global {
  readonly value: number;
}

type Exports = Record<string, (...args: number[]) => number>;

declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
  ) => { exports: Exports & { memory: Memory; failure: Global; site: Global; top: Global } };
};

/** What ended a call: a failure of the program (its address), a check, or a trap of the machine. */
export class Trapped extends Error {
  readonly failure: number;

  constructor(message: string, failure: number) {
    super(message);
    this.failure = failure;
  }
}

export class Machine {
  readonly exports: Exports & { memory: Memory; failure: Global; site: Global; top: Global };
  private readonly sites: readonly Site[];

  constructor(bytes: Uint8Array, sites: readonly Site[]) {
    this.exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    this.sites = sites;
    this.call("load");
    this.exports.keep();
  }

  get view(): DataView {
    return new DataView(this.exports.memory.buffer);
  }

  /** Frees all but what the modules made when they were loaded. */
  reset(): void {
    this.exports.reset();
  }

  call(name: string, ...args: number[]): number {
    try {
      return this.exports[name](...args);
    } catch (error) {
      const failure = this.exports.failure.value;
      if (failure !== 0) throw new Trapped("a failure", failure);
      const number = this.exports.site.value;
      const site =
        number === -1 ? "out of memory" : `${this.sites[number]?.where} ${this.sites[number]?.what}`;
      throw new Trapped(`${number === 0 ? "" : `${site}: `}${(error as Error).stack}`, 0);
    }
  }

  text(address: number): string {
    const { view } = this;
    const n = view.getInt32(address, true);
    const parts: string[] = [];
    for (let i = 0; i < n; i++) parts.push(String.fromCharCode(view.getUint16(address + 4 + 2 * i, true)));
    return parts.join("");
  }

  /** The address of a text that is put into memory. */
  newText(text: string): number {
    const at = this.exports.new_text(text.length);
    const { view } = this;
    for (let i = 0; i < text.length; i++) view.setUint16(at + 4 + 2 * i, text.charCodeAt(i), true);
    return at;
  }

  bytes(address: number): Uint8Array {
    const { view } = this;
    const at = view.getInt32(address, true);
    return new Uint8Array(this.exports.memory.buffer, at, view.getInt32(address + 4, true)).slice();
  }

  newBytes(bytes: Uint8Array): number {
    const at = this.exports.new_bytes(bytes.length);
    new Uint8Array(this.exports.memory.buffer, this.view.getInt32(at, true), bytes.length).set(bytes);
    return at;
  }
}
