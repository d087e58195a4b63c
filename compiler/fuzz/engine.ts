// The WebAssembly of V8, as far as the fuzzer uses it. (The compiler's own types know no such thing.)

export type Exports = Record<string, unknown>;

export interface Instance {
  readonly exports: Exports;
}

export interface Memory {
  readonly buffer: ArrayBuffer;
}

export interface Table {
  /** A bigint where addresses are i64. */
  readonly length: number | bigint;
  get(index: number | bigint): unknown;
}

export interface Global {
  readonly value: number;
}

interface Engine {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => Instance;
  Memory: new (limits: object) => Memory;
  Table: new (limits: object, value: null) => Table;
  Global: new (type: object, value: number | bigint) => Global;
  CompileError: new (message: string) => Error;
}

export const engine: Engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;
