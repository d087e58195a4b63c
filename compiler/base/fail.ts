// The only way out of the compiler's core: `fail` throws a Failure, and only the driver catches it.
// A message is a key of ERRORS, so that every wording stands in one table (errors.ts).

import { type ErrorText, kindOf } from "./errors.ts";

export class Failure extends Error {
  /** One of the kinds of errors.ts (MALFORMED, INVALID, …). */
  readonly kind: number;
  /** Byte offset into the source: of the `.wasm`, or of the `.wat` text; -1 when there is none. */
  readonly at: number;
  /** What is wrong here in particular, without the general message; may be empty. */
  readonly detail: string;

  constructor(text: ErrorText, at: number, detail: string) {
    super(text);
    this.kind = kindOf(text);
    this.at = at;
    this.detail = detail;
  }
}

/** Ends the compilation. `at` is a byte offset into the source, or -1. */
export function fail(text: ErrorText, at: number, detail = ""): never {
  throw new Failure(text, at, detail);
}

/** For states that no input can reach; `what` names the broken assumption. */
export function unreachable(what: string): never {
  throw new Failure("internal compiler error", -1, what);
}
