// The description of a module that its image carries: the text of a Python literal, which python/wasmpy/_link.py
// evaluates when the image is executed. A dict; behind it, in a line each, pairs (key, further rows), so that nothing
// large is parsed in one piece: that takes a hundred times its memory. Names of functions, which may be most of it, stand
// behind all that, as they are: one by one after a NUL. The keys:
//   types               [text]: structure of each type; {i} stands for type i of another recursion group. Types that
//                       are not the first of their group have their place there only: rec.1
//   supertypes          {index: index}: what is declared
//   aggregates          {index: "struct" or "array"}: what is no function type
//   imports             [(module, name, kind, index)]
//   exports             [(name, kind, index)]
//   functions           {index: type index} of functions that are imported or exported
//   imported_memories   {index: (min, max or -1, i64)}        memories          own ones, the same
//   imported_tables     {index: (text, min, max or -1, i64)}  tables            own ones, the same
//   globals             [(text, mutable)]: texts of value types; {i} as above
//   guarded             whether memory 0 must have the reservation that unchecked accesses need
//   nogil               True if calls run without the lock of the interpreter; else it is not there
//   lines               "offset:line …" for modules that were text: ascending byte offsets

import { functionNames, isGuarded } from "../abi/layout.ts";
import type { u32 } from "../base/numbers.ts";
import { checkLimit, MAX_IMAGE_BYTES } from "../wasm/limits.ts";
import { EXT_FUNC, type Module } from "../wasm/module.ts";
import * as wasm from "../wasm/types.ts";
import { heapText, typeTextWith } from "../wasm/typetable.ts";

/** A Python string literal, all ASCII. */
function quote(text: string): string {
  const out = ['"'];
  let plain = 0; // start of what needs no escape
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 32 && c < 127 && c !== 34 && c !== 92) continue;
    out.push(text.slice(plain, i));
    const point = text.codePointAt(i) ?? 0;
    if (point > 0xffff) {
      out.push(`\\U${hex(point, 8)}`);
      i++;
    } else out.push(c === 34 || c === 92 ? `\\${text[i]}` : `\\u${hex(c, 4)}`);
    plain = i + 1;
  }
  out.push(text.slice(plain), '"');
  return out.join("");
}

function hex(x: u32, digits: number): string {
  return x.toString(16).padStart(digits, "0");
}

/** The text of a type of values or fields; of a reference into the recursion group of this place, its place there. */
function typeText(t: number, groupStart: number, groupSize: number): string {
  const heap = wasm.heapOf(t);
  const isInside = heap >= groupStart && heap < groupStart + groupSize;
  return typeTextWith(t, heap < 0 ? heapText(heap) : isInside ? `rec.${heap - groupStart}` : `{${heap}}`);
}

/** The structure of type `index`, such that equal types of any two modules have equal texts. */
function structure(module: Module, index: number): string {
  const { groupStart, groupSize } = module.types[index];
  const value = (t: number) => typeText(t, groupStart, groupSize);
  const composite = (i: number): string => {
    const t = module.types[i];
    const body =
      t.kind === wasm.COMP_FUNC
        ? `(${t.params.map(value).join(", ")}) -> (${t.results.map(value).join(", ")})`
        : `${t.kind === wasm.COMP_STRUCT ? "struct" : "array"} ${t.fields
            .map((f) => (f.mutable ? `mut ${value(f.storage)}` : value(f.storage)))
            .join(", ")}`;
    if (t.final && t.supertype < 0) return body;
    const above = t.supertype < 0 ? "" : `${value(wasm.ref(t.supertype, false))} `;
    return `${t.final ? "final" : "open"} ${above}${body}`;
  };
  if (groupSize === 1) return composite(index);
  if (index > groupStart) return `rec.${index - groupStart}`;
  const group: string[] = [];
  for (let i = groupStart; i < groupStart + groupSize; i++) group.push(composite(i));
  return `rec.0 of ${group.join("; ")}`;
}

function truth(x: boolean): string {
  return x ? "True" : "False";
}

function limits(l: wasm.Limits): string {
  const words = (lo: number, hi: number) =>
    hi === 0 ? `${lo >>> 0}` : `0x${hex(hi >>> 0, 8)}${hex(lo >>> 0, 8)}`;
  return `${words(l.minLo, l.minHi)}, ${l.hasMax ? words(l.maxLo, l.maxHi) : -1}, ${truth(l.is64)}`;
}

/** Rows of a list or dict that stand in one line. */
const LINE_ROWS = 2000;

/** Collects the keys of the dict. */
class Text {
  private readonly keys: string[];
  private readonly more: string[];

  constructor() {
    this.keys = [];
    this.more = [];
  }

  value(key: string, literal: string): void {
    this.keys.push(`"${key}": ${literal}`);
  }

  private rows(key: string, rows: readonly string[], open: string, close: string): void {
    const literal = (from: number) => `${open}${rows.slice(from, from + LINE_ROWS).join(", ")}${close}`;
    this.value(key, literal(0));
    for (let i = LINE_ROWS; i < rows.length; i += LINE_ROWS) this.more.push(`("${key}", ${literal(i)})`);
  }

  list(key: string, rows: readonly string[]): void {
    this.rows(key, rows, "[", "]");
  }

  /** A list with `row(i)` for each `i` below `count`; ends as soon as no image can hold it. */
  listOf(key: string, count: number, row: (i: number) => string): void {
    const rows: string[] = [];
    let size = 0;
    for (let i = 0; i < count; i++) {
      rows.push(row(i));
      size += rows[i].length;
      checkLimit(size, MAX_IMAGE_BYTES, "compiled module too large", -1);
    }
    this.list(key, rows);
  }

  dict(key: string, rows: readonly string[]): void {
    this.rows(key, rows, "{", "}");
  }

  take(): string {
    return [`{${this.keys.join(", ")}}`, ...this.more].join("\n");
  }
}

/** The text for `module`. `lines`: see above; empty for binaries. `checked`: how the image was compiled. */
export function describe(module: Module, lines: string, checked: boolean, nogil: boolean): string {
  const { types, imports, exports, funcs, memories, tables, globals } = module;
  const text = new Text();
  const memoryRows = (imported: boolean) =>
    memories.flatMap((m, i) => (m.imported === imported ? [`${i}: (${limits(m.type.limits)})`] : []));
  const tableRows = (imported: boolean) =>
    tables.flatMap((t, i) =>
      t.imported === imported
        ? [`${i}: (${quote(typeText(t.type.element, 0, 0))}, ${limits(t.type.limits)})`]
        : [],
    );
  const functionRow = (kind: number, index: u32) =>
    kind === EXT_FUNC ? [`${index}: ${funcs[index].type}`] : [];
  text.listOf("types", types.length, (i) => quote(structure(module, i)));
  text.dict(
    "supertypes",
    types.flatMap((t, i) => (t.supertype < 0 ? [] : [`${i}: ${t.supertype}`])),
  );
  text.dict(
    "aggregates",
    types.flatMap((t, i) =>
      t.kind === wasm.COMP_FUNC ? [] : [`${i}: ${t.kind === wasm.COMP_STRUCT ? '"struct"' : '"array"'}`],
    ),
  );
  text.list(
    "imports",
    imports.map((m) => `(${quote(m.module)}, ${quote(m.name)}, ${m.kind}, ${m.index})`),
  );
  text.list(
    "exports",
    exports.map((e) => `(${quote(e.name)}, ${e.kind}, ${e.index})`),
  );
  const functions = imports.flatMap((e) => functionRow(e.kind, e.index));
  text.dict("functions", functions.concat(exports.flatMap((e) => functionRow(e.kind, e.index))));
  text.dict("imported_memories", memoryRows(true));
  text.dict("imported_tables", tableRows(true));
  text.dict("memories", memoryRows(false));
  text.dict("tables", tableRows(false));
  text.list(
    "globals",
    globals.map(({ type }) => `(${quote(typeText(type.type, 0, 0))}, ${truth(type.mutable)})`),
  );
  text.value("guarded", truth(isGuarded(module, 0, checked)));
  if (nogil) text.value("nogil", truth(nogil));
  text.value("lines", quote(lines));
  return [text.take(), ...functionNames(module)].join("\0");
}
