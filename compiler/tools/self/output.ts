// The module being written, in the text format: functions, constants in memory, the table of function values, and the
// places of checks. Statements and expressions become folded instructions (expressions.ts).

import type ts from "typescript";

/** Addresses below hold nothing: 0 is null. */
const FIRST_ADDRESS = 1024;

/** How a value is on the stack of the machine. */
export type Rep = "i32" | "i64" | "f64" | "";

export class Refusal extends Error {}

/** What the translator does not know. */
export function refuse(where: string, text: string): never {
  throw new Refusal(`${where}: ${text}`);
}

/** A place where a check may fail: the number that the run time is given, and what is written there. */
export class Site {
  readonly where: string;
  readonly what: string;

  constructor(where: string, what: string) {
    this.where = where;
    this.what = what;
  }
}

class Segment {
  readonly address: number;
  readonly bytes: Uint8Array;

  constructor(address: number, bytes: Uint8Array) {
    this.address = address;
    this.bytes = bytes;
  }
}

export class Output {
  readonly functions: string[];
  readonly exports: string[];
  readonly sites: Site[];
  /** Functions of the table, from index 1 on. */
  private readonly table: string[];
  private readonly segments: Segment[];
  private readonly strings: Map<string, number>;
  private readonly siteNumbers: Map<string, number>;
  private readonly names: Map<ts.Node, string>;
  private readonly used: Set<string>;
  private top: number;

  constructor() {
    this.functions = [];
    this.exports = [];
    this.sites = [new Site("", "")];
    this.table = [];
    this.segments = [];
    this.strings = new Map();
    this.siteNumbers = new Map();
    this.names = new Map();
    this.used = new Set();
    this.top = FIRST_ADDRESS;
  }

  /** Room in memory that the module itself has. */
  room(bytes: number): number {
    const at = (this.top + 7) & ~7;
    this.top = at + bytes;
    return at;
  }

  data(bytes: Uint8Array): number {
    const at = this.room(bytes.length);
    this.segments.push(new Segment(at, bytes));
    return at;
  }

  words(words: readonly number[]): number {
    return this.data(new Uint8Array(Int32Array.from(words).buffer));
  }

  /** The address of a constant text: its length, then units of 16 bits. */
  string(text: string): number {
    const known = this.strings.get(text);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(4 + 2 * text.length);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, text.length, true);
    for (let i = 0; i < text.length; i++) view.setUint16(4 + 2 * i, text.charCodeAt(i), true);
    const at = this.data(bytes);
    this.strings.set(text, at);
    return at;
  }

  /** The number of a check. */
  site(where: string, what: string): number {
    const key = `${where} ${what}`;
    let number = this.siteNumbers.get(key);
    if (number === undefined) {
      number = this.sites.push(new Site(where, what)) - 1;
      this.siteNumbers.set(key, number);
    }
    return number;
  }

  /** The index in the table of a function named so. */
  tabled(name: string): number {
    return this.table.push(name);
  }

  /** The name in the text of what a node declares: the same each time, and no other's. */
  name(node: ts.Node, wish: string): string {
    const known = this.names.get(node);
    if (known !== undefined) return known;
    const name = this.unique(wish);
    this.names.set(node, name);
    return name;
  }

  hasName(node: ts.Node): boolean {
    return this.names.has(node);
  }

  unique(wish: string): string {
    const plain = wish.replace(/[^A-Za-z0-9_./:]/g, "_");
    let name = `$${plain}`;
    for (let k = 2; this.used.has(name); k++) name = `$${plain}:${k}`;
    this.used.add(name);
    return name;
  }

  /** `prelude`: the text for what lies below the run time; FIRST and PAGES in it are replaced. */
  module(prelude: string): string {
    const first = (this.top + 15) & ~15;
    const pages = Math.ceil(first / 65536) + 16;
    const lines = [
      "(module",
      prelude.replaceAll("FIRST", String(first)).replaceAll("PAGES", String(pages)),
      `(table ${this.table.length + 1} funcref)`,
      this.table.length > 0 ? `(elem (i32.const 1) func ${this.table.join(" ")})` : "",
      ...this.exports,
      ...this.segments.map(({ address, bytes }) => `(data (i32.const ${address}) "${escaped(bytes)}")`),
      ...this.functions,
      ")",
    ];
    return `${lines.join("\n")}\n`;
  }
}

function escaped(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (const b of bytes) {
    const plain = b >= 0x20 && b < 0x7f && b !== 0x22 && b !== 0x5c;
    parts.push(plain ? String.fromCharCode(b) : `\\${b.toString(16).padStart(2, "0")}`);
  }
  return parts.join("");
}
