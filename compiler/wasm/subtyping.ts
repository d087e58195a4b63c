// Equality and subtyping of types (spec 3.0, 3.3 "Matching"). Types are equal when their recursion groups are
// (iso-recursive): each group is written as a text in which references into the group are relative and others
// canonical, and equal texts share their first group's numbers.
// Requires: every type index inside the types is in bounds, every supertype earlier (walk/validate.ts sees to it
// before it makes a TypeSpace).

import * as t from "./types.ts";
import {
  COMP_ARRAY,
  COMP_FUNC,
  type DefType,
  type FieldType,
  type HeapType,
  heapOf,
  isNullable,
  isRef,
  type ValType,
} from "./types.ts";

export class TypeSpace {
  readonly defs: readonly DefType[];
  /** Type index → the first type index that is equal to it. */
  readonly canon: Int32Array;
  /** Number of supertypes above each type. */
  readonly depth: Int32Array;
  /**
   * Types numbered such that those below a type follow it: type b is a supertype of a, or a itself, where
   * order[b] ≤ order[a] < end[b]. Equal types have the same numbers.
   */
  private readonly order: Int32Array;
  private readonly end: Int32Array;

  constructor(defs: readonly DefType[]) {
    this.defs = defs;
    this.canon = new Int32Array(defs.length);
    this.depth = new Int32Array(defs.length);
    this.order = new Int32Array(defs.length);
    this.end = new Int32Array(defs.length);
    const groups = new Map<string, number>();
    for (let start = 0; start < defs.length; start += defs[start].groupSize) {
      const size = defs[start].groupSize;
      const members: string[] = [];
      for (let i = start; i < start + size; i++) members.push(this.textOf(defs[i], start));
      const text = members.join("");
      const known = groups.get(text);
      if (known === undefined) groups.set(text, start);
      for (let i = 0; i < size; i++) {
        const { supertype } = defs[start + i];
        this.canon[start + i] = (known ?? start) + i;
        this.depth[start + i] = supertype < 0 ? 0 : this.depth[supertype] + 1;
      }
    }
    this.number();
  }

  private canonicalSupertype(index: number): number {
    const { supertype } = this.defs[index];
    return supertype < 0 ? -1 : this.canon[supertype];
  }

  /** Sets `order` and `end`: in preorder, without recursion, as supertypes come before what is below them. */
  private number(): void {
    const { canon, order, end } = this;
    const count = this.defs.length;
    const sizes = new Int32Array(count); // types at and below each
    for (let i = count - 1; i >= 0; i--) {
      if (canon[i] !== i) continue;
      sizes[i]++;
      const above = this.canonicalSupertype(i);
      if (above >= 0) sizes[above] += sizes[i];
    }
    const next = new Int32Array(count); // below each type: the first number not given yet
    let first = 0;
    for (let i = 0; i < count; i++) {
      const same = canon[i];
      if (same === i) {
        const above = this.canonicalSupertype(i);
        order[i] = above < 0 ? first : next[above];
        end[i] = order[i] + sizes[i];
        next[i] = order[i] + 1;
        if (above < 0) first = end[i];
        else next[above] = end[i];
      } else {
        order[i] = order[same];
        end[i] = end[same];
      }
    }
  }

  private textOf(def: DefType, start: number): string {
    const parent = def.supertype < 0 ? "" : this.indexText(def.supertype, start);
    const head = `${def.final ? "f" : "s"}${parent}`;
    if (def.kind === COMP_FUNC) {
      return `${head}(${this.listText(def.params, start)})${this.listText(def.results, start)};`;
    }
    const fields = def.fields.map(
      (field) => `${field.mutable ? "m" : "c"}${this.valueText(field.storage, start)}`,
    );
    return `${head}${def.kind === COMP_ARRAY ? "[" : "{"}${fields.join()};`;
  }

  private listText(types: readonly ValType[], start: number): string {
    return types.map((type) => this.valueText(type, start)).join();
  }

  private valueText(type: ValType, start: number): string {
    if (!isRef(type) || heapOf(type) < 0) return `${type}`;
    return `${isNullable(type) ? "?" : "!"}${this.indexText(heapOf(type), start)}`;
  }

  private indexText(index: number, start: number): string {
    return index >= start ? `r${index - start}` : `${this.canon[index]}`;
  }

  /** Whether type index `a` is `b` or declared, in one or more steps, as its subtype. */
  indexMatches(a: number, b: number): boolean {
    const place = this.order[a];
    return this.order[b] <= place && place < this.end[b];
  }

  heapMatches(a: HeapType, b: HeapType): boolean {
    if (a === b || a === t.BOT_HEAP) return true;
    if (b >= 0) {
      if (a >= 0) return this.indexMatches(a, b);
      return a === (this.defs[b].kind === COMP_FUNC ? t.NOFUNC : t.NONE);
    }
    switch (b) {
      case t.ANY:
        return this.isEq(a) || a === t.EQ;
      case t.EQ:
        return this.isEq(a);
      case t.FUNC:
        return a === t.NOFUNC || (a >= 0 && this.defs[a].kind === COMP_FUNC);
      case t.EXTERN:
        return a === t.NOEXTERN;
      case t.EXN:
        return a === t.NOEXN;
      case t.I31:
        return a === t.NONE;
      case t.STRUCT:
        return a === t.NONE || (a >= 0 && this.defs[a].kind === t.COMP_STRUCT);
      case t.ARRAY:
        return a === t.NONE || (a >= 0 && this.defs[a].kind === COMP_ARRAY);
      default:
        return false;
    }
  }

  /** Whether `a` is a proper subtype of `eq`. */
  private isEq(a: HeapType): boolean {
    if (a >= 0) return this.defs[a].kind !== COMP_FUNC;
    return a === t.I31 || a === t.STRUCT || a === t.ARRAY || a === t.NONE;
  }

  /** The top of the hierarchy that `heap` belongs to. */
  top(heap: HeapType): HeapType {
    if (heap >= 0) return this.defs[heap].kind === COMP_FUNC ? t.FUNC : t.ANY;
    switch (heap) {
      case t.FUNC:
      case t.NOFUNC:
        return t.FUNC;
      case t.EXTERN:
      case t.NOEXTERN:
        return t.EXTERN;
      case t.EXN:
      case t.NOEXN:
        return t.EXN;
      default:
        return t.ANY;
    }
  }

  /** Whether a value of type `a` may stand where `b` is expected. */
  matches(a: ValType, b: ValType): boolean {
    if (a === b || a === t.BOT) return true;
    if (!isRef(a) || !isRef(b)) return false;
    if (isNullable(a) && !isNullable(b)) return false;
    return this.heapMatches(heapOf(a), heapOf(b));
  }

  equal(a: ValType, b: ValType): boolean {
    return a === b || (this.matches(a, b) && this.matches(b, a));
  }

  listMatches(a: readonly ValType[], b: readonly ValType[]): boolean {
    if (a === b) return true;
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!this.matches(a[i], b[i])) return false;
    return true;
  }

  private fieldMatches(a: FieldType, b: FieldType): boolean {
    if (a.mutable !== b.mutable) return false;
    return a.mutable ? this.equal(a.storage, b.storage) : this.matches(a.storage, b.storage);
  }

  /** Whether the structure of type index `a` allows it to be declared a subtype of `b`. */
  structureMatches(a: number, b: number): boolean {
    const sub = this.defs[a];
    const sup = this.defs[b];
    if (sub.kind !== sup.kind) return false;
    if (sub.kind === COMP_FUNC) {
      return this.listMatches(sup.params, sub.params) && this.listMatches(sub.results, sup.results);
    }
    if (sub.fields.length < sup.fields.length) return false;
    for (let i = 0; i < sup.fields.length; i++) {
      if (!this.fieldMatches(sub.fields[i], sup.fields[i])) return false;
    }
    return true;
  }
}
