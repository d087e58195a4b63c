// Exceptions (spec 3.0, 3.4.2): validation; nothing is lowered yet.

import { fail } from "../base/fail.ts";
import { CATCH, CATCH_ALL, CATCH_ALL_REF, CATCH_REF } from "../wasm/imm.ts";
import { checkLimit, MAX_CATCHES } from "../wasm/limits.ts";
import { EXN, ref } from "../wasm/types.ts";
import { blockParams, enterBlock, frameOf } from "./control.ts";
import { tagIndex } from "./immediates.ts";
import { FRAME_TRY } from "./operands.ts";
import type { Walk } from "./walk.ts";

const CAUGHT = ref(EXN, false);

export function throwTag(walk: Walk): void {
  walk.popTypes(walk.module.types[walk.module.tags[tagIndex(walk)].type].params);
  walk.setUnreachable();
}

export function throwRef(walk: Walk): void {
  walk.pop(ref(EXN, true));
  walk.setUnreachable();
}

export function tryTable(walk: Walk): void {
  const { r } = walk;
  const params = blockParams(walk);
  const count = r.u32();
  checkLimit(count, MAX_CATCHES, "too many catch clauses", walk.at);
  for (let i = 0; i < count; i++) {
    const kind = r.u8();
    if (kind > CATCH_ALL_REF) fail("malformed catch clause", r.at - 1);
    const caught = kind < CATCH_ALL ? walk.module.types[walk.module.tags[tagIndex(walk)].type].params : [];
    const values = kind === CATCH_REF || kind === CATCH_ALL_REF ? [...caught, CAUGHT] : caught;
    const label = walk.labelTypes(frameOf(walk));
    if (!walk.space.listMatches(values, label)) {
      walk.error("type mismatch", `${kind === CATCH ? "catch" : "catch clause"} ${i} does not fit its label`);
    }
  }
  enterBlock(walk, FRAME_TRY, params);
}
