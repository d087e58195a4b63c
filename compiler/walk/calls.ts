// Calls (spec 3.4.8, "Control Instructions").

import { NO_VALUE, type Value } from "../ir/func.ts";
import * as lower from "../lower/calls.ts";
import { recordOf } from "../lower/references.ts";
import { recordAt } from "../lower/tables.ts";
import { type DefType, FUNCREF, isNullable, ref } from "../wasm/types.ts";
import { expectMatch, funcIndex, funcTypeIndex, tableAddress, tableIndex } from "./immediates.ts";
import type { Walk } from "./walk.ts";

export function call(walk: Walk): void {
  const index = funcIndex(walk);
  const { params, results } = walk.module.types[walk.module.funcs[index].type];
  const args = walk.take(params);
  const { out } = walk;
  walk.pushValues(results, out === null ? [] : lower.callFunction(out, index, args));
}

export function returnCall(walk: Walk): void {
  const index = funcIndex(walk);
  const callee = walk.module.types[walk.module.funcs[index].type];
  const args = walk.take(callee.params);
  checkTailCall(walk, callee);
  const { out } = walk;
  if (out !== null) lower.returnCallFunction(out, index, args);
  walk.setUnreachable();
}

export function callIndirect(walk: Walk): void {
  callInTable(walk, true);
}

export function returnCallIndirect(walk: Walk): void {
  callInTable(walk, false);
}

export function callRef(walk: Walk): void {
  callReference(walk, true);
}

export function returnCallRef(walk: Walk): void {
  callReference(walk, false);
}

function callInTable(walk: Walk, returns: boolean): void {
  const type = funcTypeIndex(walk);
  const table = tableIndex(walk);
  expectMatch(walk, walk.module.tables[table].type.element, FUNCREF);
  const index = walk.pop(tableAddress(walk, table));
  const callee = walk.module.types[type];
  // a subtype would do as well, but only equality is tested so far
  if (!callee.final) walk.miss();
  const args = walk.take(callee.params);
  const { out } = walk;
  const record = out === null ? NO_VALUE : recordAt(out, table, type, index);
  const own = out !== null && out.ownTables[table] === 1;
  callRecord(walk, returns, type, record, own, args);
}

function callReference(walk: Walk, returns: boolean): void {
  const type = funcTypeIndex(walk);
  const reference = walk.pop(ref(type, true));
  const nullable = isNullable(walk.popped);
  const args = walk.take(walk.module.types[type].params);
  const { out } = walk;
  const record = out === null ? NO_VALUE : recordOf(out, reference, nullable);
  callRecord(walk, returns, type, record, false, args);
}

/**
 * Calls the function of a record, which is known to be this instance's where `own` is true; a tail call
 * (`returns` false) leaves this function with its results.
 */
function callRecord(
  walk: Walk,
  returns: boolean,
  type: number,
  record: Value,
  own: boolean,
  args: readonly Value[],
): void {
  const callee = walk.module.types[type];
  const { out } = walk;
  if (returns) {
    walk.pushValues(callee.results, out === null ? [] : lower.callRecord(out, record, type, own, args));
  } else {
    checkTailCall(walk, callee);
    if (out !== null) lower.returnCallRecord(out, record, type, own, args);
    walk.setUnreachable();
  }
}

function checkTailCall(walk: Walk, callee: DefType): void {
  if (!walk.space.listMatches(callee.results, walk.results)) {
    walk.error("type mismatch", "a tail call must have the results of its function");
  }
}
