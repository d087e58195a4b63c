// The libraries of what is the same in every image of a target. This file serves the sources: it compiles a library when
// it is first asked for, so that it can never be older than they are, and without thunks for common types. In the bundle
// stands a file in its place that holds a library as a constant (tools/bundle.ts).

import { Library } from "./mach/library.ts";
import { compileShared } from "./shared.ts";
import type { DefType } from "./wasm/types.ts";

const libraries: Map<string, Library> = new Map();
let common: readonly DefType[] = [];

/** The library of a target of targets.ts. */
export function prebuilt(target: string): Library {
  let library = libraries.get(target);
  if (library === undefined) {
    library = new Library(compileShared(target, common));
    libraries.set(target, library);
  }
  return library;
}

/** From here on libraries have thunks for functions of these types: for compiling many modules that have them. */
export function prebuild(types: readonly DefType[]): void {
  common = types;
  libraries.clear();
}
