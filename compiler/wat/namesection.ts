// The name section (spec, appendix "Custom Sections"), from the identifiers of the text, so that debuggers and
// tracebacks have names: module, functions, locals.

import { Bytes } from "../base/bytes.ts";
import type { IntColumn } from "../base/columns.ts";
import { CUSTOM_SECTION, type Marked, writeRawSection } from "./assembled.ts";
import type { Symbols } from "./symbols.ts";

const MODULE_NAME = 0;
const FUNCTION_NAMES = 1;
const LOCAL_NAMES = 2;

const SECTION_NAME: readonly number[] = [0x04, 0x6e, 0x61, 0x6d, 0x65]; // "name" with its length

export class NameSection {
  private readonly symbols: Symbols;
  private readonly localNames: Bytes;
  private functions: number; // with named locals

  constructor(symbols: Symbols) {
    this.symbols = symbols;
    this.localNames = new Bytes();
    this.functions = 0;
  }

  /** Notes the locals of function `index`: for each its symbol or -1. Functions come in ascending order. */
  locals(index: number, ids: IntColumn): void {
    if (countNamed(ids) === 0) return;
    this.functions++;
    this.localNames.leb(index);
    this.nameMap(ids, this.localNames);
  }

  /** Appends the section, unless nothing has a name. `module` is a symbol or -1, `funcs` has one per function. */
  write(whole: Marked, module: number, funcs: IntColumn): void {
    const content = new Bytes();
    const part = new Bytes();
    for (const byte of SECTION_NAME) content.u8(byte);
    if (module >= 0) {
      this.name(module, part);
      subsection(MODULE_NAME, part, content);
    }
    if (countNamed(funcs) > 0) {
      part.clear();
      this.nameMap(funcs, part);
      subsection(FUNCTION_NAMES, part, content);
    }
    if (this.functions > 0) {
      part.clear();
      part.leb(this.functions);
      part.bytes(this.localNames.view());
      subsection(LOCAL_NAMES, part, content);
    }
    if (content.length > SECTION_NAME.length) writeRawSection(whole, CUSTOM_SECTION, content);
  }

  private nameMap(ids: IntColumn, out: Bytes): void {
    out.leb(countNamed(ids));
    for (let i = 0; i < ids.length; i++) {
      if (ids.get(i) < 0) continue;
      out.leb(i);
      this.name(ids.get(i), out);
    }
  }

  /** The identifier without its "$". */
  private name(symbol: number, out: Bytes): void {
    const bytes = this.symbols.bytes(symbol);
    out.leb(bytes.length - 1);
    out.bytes(bytes.subarray(1));
  }
}

function countNamed(ids: IntColumn): number {
  let named = 0;
  for (let i = 0; i < ids.length; i++) if (ids.get(i) >= 0) named++;
  return named;
}

function subsection(id: number, part: Bytes, out: Bytes): void {
  out.u8(id);
  out.leb(part.length);
  out.bytes(part.view());
}
