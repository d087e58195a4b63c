// The library of what is the same in every image. This file serves the sources: it compiles the library when it is
// first asked for, so that it can never be older than they are, and without thunks for common types. In the bundle
// stands a file in its place that holds the library as a constant (tools/bundle.ts).

import { Library } from "./mach/library.ts";
import { compileShared } from "./shared.ts";
import type { DefType } from "./wasm/types.ts";

let library: Library | null = null;

export function prebuilt(): Library {
  if (library === null) prebuild([]);
  return library!;
}

/** From here on the library has thunks for functions of these types: for who compiles many modules that have them. */
export function prebuild(types: readonly DefType[]): void {
  library = new Library(compileShared(types));
}
