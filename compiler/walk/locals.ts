// The locals of the function at hand: their types, and which of those that have no default hold a value so far
// (spec 3.0, 3.4.1, "init"). A local set inside a block counts as unset again behind the block's end.

import { BitSet, IntColumn } from "../base/columns.ts";
import { isNullable, isRef, type ValType } from "../wasm/types.ts";

function isDefaultable(type: ValType): boolean {
  return !isRef(type) || isNullable(type);
}

export class Locals {
  readonly types: IntColumn;
  /** False: every local has a default or is a parameter, and nothing needs to be tracked. */
  private tracked: boolean;
  private holdsValue: BitSet;
  /** Locals that got their first value on the way, in order. */
  private readonly firsts: IntColumn;

  constructor() {
    this.types = new IntColumn();
    this.tracked = false;
    this.holdsValue = new BitSet(0);
    this.firsts = new IntColumn();
  }

  clear(): void {
    this.types.clear();
    this.firsts.clear();
    this.tracked = false;
  }

  /** To be called when `types` is complete; the first `params` are parameters. */
  declared(params: number): void {
    const { types } = this;
    for (let i = params; i < types.length && !this.tracked; i++) this.tracked = !isDefaultable(types.get(i));
    if (!this.tracked) return;
    this.holdsValue = new BitSet(types.length);
    for (let i = 0; i < types.length; i++) {
      if (i < params || isDefaultable(types.get(i))) this.holdsValue.add(i);
    }
  }

  isSet(local: number): boolean {
    return !this.tracked || this.holdsValue.has(local);
  }

  markSet(local: number): void {
    if (this.isSet(local)) return;
    this.holdsValue.add(local);
    this.firsts.push(local);
  }

  /** How many locals got their first value so far: for `forget`. */
  get changes(): number {
    return this.firsts.length;
  }

  /** Back to when there were so many. */
  forget(changes: number): void {
    while (this.firsts.length > changes) this.holdsValue.remove(this.firsts.pop());
  }
}
