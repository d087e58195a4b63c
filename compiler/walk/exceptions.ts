// Exceptions in the walk (spec 3.0, 3.4.2): validation; nothing is lowered yet.

import { fail } from "../base/fail.ts";
import * as w from "../gen/wasm-ops.ts";
import { CATCH, CATCH_ALL, CATCH_ALL_REF, CATCH_REF } from "../wasm/imm.ts";
import { checkLimit, MAX_CATCHES } from "../wasm/limits.ts";
import { EXN, ref } from "../wasm/types.ts";
import { FRAME_TRY } from "./operands.ts";
import type { Walk } from "./walk.ts";

const CAUGHT = ref(EXN, false);

/** False: the row is no instruction about exceptions. */
export function walkException(walk: Walk, row: number): boolean {
  switch (row) {
    case w.THROW:
      walk.popTypes(walk.module.types[walk.module.tags[walk.tagIndex()].type].params);
      walk.setUnreachable();
      return true;
    case w.THROW_REF:
      walk.pop(ref(EXN, true));
      walk.setUnreachable();
      return true;
    case w.TRY_TABLE:
      tryTable(walk);
      return true;
    default:
      return false;
  }
}

function tryTable(walk: Walk): void {
  const { r } = walk;
  const params = walk.blockParams();
  const count = r.u32();
  checkLimit(count, MAX_CATCHES, "too many catch clauses", walk.at);
  for (let i = 0; i < count; i++) {
    const kind = r.u8();
    if (kind > CATCH_ALL_REF) fail("malformed catch clause", r.at - 1);
    const caught = kind < CATCH_ALL ? walk.module.types[walk.module.tags[walk.tagIndex()].type].params : [];
    const values = kind === CATCH_REF || kind === CATCH_ALL_REF ? [...caught, CAUGHT] : caught;
    const label = walk.labelTypes(walk.frameOf(r.u32()));
    if (!walk.space.listMatches(values, label)) {
      walk.error("type mismatch", `${kind === CATCH ? "catch" : "catch clause"} ${i} does not fit its label`);
    }
  }
  walk.enterBlock(FRAME_TRY, params);
}
