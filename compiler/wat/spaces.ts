// The index spaces of one module while it is assembled: which identifier means which index.

import { IntColumn } from "../base/columns.ts";
import { fail } from "../base/fail.ts";
import type { u32 } from "../base/numbers.ts";
import * as word from "../gen/wat-words.ts";
import type { Cursor } from "./cursor.ts";
import { ID } from "./lexer.ts";
import { Scope } from "./symbols.ts";

export class Space {
  readonly scope: Scope;
  /** What messages call its members. */
  readonly noun: string;
  /** Index → symbol of its name for the name section, or -1: its identifier, unless annotated. */
  readonly names: IntColumn;

  constructor(noun: string) {
    this.scope = new Scope();
    this.noun = noun;
    this.names = new IntColumn();
  }

  get count(): number {
    return this.names.length;
  }

  /** Adds a member, named by the identifier at the cursor if one stands there. */
  declare(cursor: Cursor): number {
    if (cursor.kind() !== ID) return this.names.push(-1);
    return this.declareAs(cursor, cursor.at++);
  }

  /** Adds a member named by this token, or without a name for -1. */
  declareAs(cursor: Cursor, token: number): number {
    if (token < 0) return this.names.push(-1);
    const { tokens } = cursor;
    const symbol = tokens.values.get(token);
    if (this.scope.find(symbol) >= 0) {
      fail("duplicate identifier", tokens.starts.get(token), `${this.noun} ${cursor.shownAt(token)}`);
    }
    this.scope.bind(symbol, this.names.length);
    return this.names.push(symbol);
  }

  /** Adds `n` members without names. */
  declareUnnamed(n: number): void {
    this.names.resize(this.names.length + n, -1);
  }

  /** The index written at the cursor. */
  index(cursor: Cursor): u32 {
    return cursor.index(this.scope, this.noun);
  }

  clear(): void {
    this.scope.clear();
    this.names.clear();
  }
}

export class Spaces {
  readonly types: Space;
  readonly funcs: Space;
  readonly tables: Space;
  readonly memories: Space;
  readonly globals: Space;
  readonly tags: Space;
  readonly elems: Space;
  readonly datas: Space;
  /** Of the function at hand. */
  readonly locals: Space;

  constructor() {
    this.types = new Space("type");
    this.funcs = new Space("func");
    this.tables = new Space("table");
    this.memories = new Space("memory");
    this.globals = new Space("global");
    this.tags = new Space("tag");
    this.elems = new Space("elem");
    this.datas = new Space("data");
    this.locals = new Space("local");
  }

  /** The space of what can be imported and exported, by its keyword. */
  named(keyword: number): Space | null {
    switch (keyword) {
      case word.FUNC:
        return this.funcs;
      case word.TABLE:
        return this.tables;
      case word.MEMORY:
        return this.memories;
      case word.GLOBAL:
        return this.globals;
      case word.TAG:
        return this.tags;
      default:
        return null;
    }
  }
}
