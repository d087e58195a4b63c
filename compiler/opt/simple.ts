// Whether a function can be called with nothing set up: no entry record, no instance, no stack check. The last depends on
// the size of its frame, too, which the caller looks at (chunks.ts).

import * as op from "../gen/ir-ops.ts";
import type { Func } from "../ir/func.ts";
import { CALL, EFFECT, FLAGS, READS, TRAPS, WRITES } from "../ir/ops.ts";

const NEEDS_ENTRY = READS | WRITES | TRAPS | CALL | EFFECT;

/** True for a function that cannot trap, calls nothing, has no loop and does not touch the instance. */
export function isSimple(func: Func): boolean {
  for (let b = 0; b < func.blockCount; b++) {
    for (let v = func.first.get(b); v >= 0; v = func.next[v]) {
      if ((FLAGS[func.op[v]] & NEEDS_ENTRY) !== 0 || func.op[v] === op.SP) return false;
    }
  }
  // No effect but the return, and no poll: what loops there are could only be endless ones without polls.
  return func.slots.length === 0;
}
