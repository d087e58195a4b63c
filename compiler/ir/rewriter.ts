// What generated simplification rules (gen/simplify.ts) need from the pass that runs them.

import type { Value } from "./func.ts";

export interface Rewriter {
  /**
   * A value for an instruction before the one being simplified: a new one, with its place in the source, or one
   * that is known to be equal. Operands that the operation does not have are -1.
   */
  make(
    op: number,
    type: number,
    a: number,
    b: number,
    c: number,
    imm: number,
    imm2: number,
    aux: number,
  ): Value;
}
