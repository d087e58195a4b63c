// The description of a module that its image carries: the text of a Python literal, which python/wasmpy/_link.py
// evaluates when the image is executed. A dict with the keys
//   types               [text]: structure of each type; {i} stands for type i of another recursion group
//   supertypes          {index: index}: what is declared
//   aggregates          {index: "struct" or "array"}: what is no function type
//   imports             [(module, name, kind, index)]
//   exports             [(name, kind, index)]
//   functions           {index: type index} of functions that are imported or exported
//   imported_memories   {index: (min, max or -1, i64)}        memories          own ones, the same
//   imported_tables     {index: (text, min, max or -1, i64)}  tables            own ones, the same
//   globals             [(text, mutable)]: texts of value types; {i} as above
//   names               function names, joined by NUL
//   guarded             whether memory 0 must have the reservation that unchecked accesses need
//   lines               "offset:line …" for modules that were text: ascending byte offsets

import { functionNames, isGuarded } from "../ir/layout.ts";
import { EXT_FUNC, type Module } from "../wasm/module.ts";
import * as wasm from "../wasm/types.ts";
import { heapText, typeTextWith } from "../wasm/typetable.ts";

/** A Python string literal, all ASCII. */
function quote(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const c = text.codePointAt(i) ?? 0;
    if (c > 0xffff) {
      out += `\\U${hex(c, 8)}`;
      i++;
    } else if (c === 34 || c === 92) out += `\\${text[i]}`;
    else if (c >= 32 && c < 127) out += text[i];
    else out += `\\u${hex(c, 4)}`;
  }
  return `${out}"`;
}

function hex(x: number, digits: number): string {
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
  const group: string[] = [];
  for (let i = groupStart; i < groupStart + groupSize; i++) group.push(composite(i));
  return `rec.${index - groupStart} of ${group.join("; ")}`;
}

function truth(x: boolean): string {
  return x ? "True" : "False";
}

function limits(l: wasm.Limits): string {
  const words = (lo: number, hi: number) =>
    hi === 0 ? `${lo >>> 0}` : `0x${hex(hi >>> 0, 8)}${hex(lo >>> 0, 8)}`;
  return `${words(l.minLo, l.minHi)}, ${l.hasMax ? words(l.maxLo, l.maxHi) : -1}, ${truth(l.is64)}`;
}

/** The literal for `module`. `lines`: see above; empty for binaries. `checked`: how the image was compiled. */
export function describe(module: Module, lines: string, checked: boolean): string {
  const dict = (rows: readonly string[]) => `{${rows.join(", ")}}`;
  const list = (rows: readonly string[]) => `[${rows.join(", ")}]`;
  const memories = (imported: boolean) =>
    dict(
      module.memories.flatMap((m, i) =>
        m.imported === imported ? [`${i}: (${limits(m.type.limits)})`] : [],
      ),
    );
  const tables = (imported: boolean) =>
    dict(
      module.tables.flatMap((t, i) =>
        t.imported === imported
          ? [`${i}: (${quote(typeText(t.type.element, 0, 0))}, ${limits(t.type.limits)})`]
          : [],
      ),
    );
  const globals = module.globals.map(
    ({ type }) => `(${quote(typeText(type.type, 0, 0))}, ${truth(type.mutable)})`,
  );
  const supertypes = module.types.flatMap((t, i) => (t.supertype < 0 ? [] : [`${i}: ${t.supertype}`]));
  const aggregates = module.types.flatMap((t, i) =>
    t.kind === wasm.COMP_FUNC ? [] : [`${i}: ${t.kind === wasm.COMP_STRUCT ? '"struct"' : '"array"'}`],
  );
  const functions = [...module.imports, ...module.exports].flatMap((m) =>
    m.kind === EXT_FUNC ? [`${m.index}: ${module.funcs[m.index].type}`] : [],
  );
  return dict([
    `"types": ${list(module.types.map((_, i) => quote(structure(module, i))))}`,
    `"supertypes": ${dict(supertypes)}`,
    `"aggregates": ${dict(aggregates)}`,
    `"imports": ${list(module.imports.map((m) => `(${quote(m.module)}, ${quote(m.name)}, ${m.kind}, ${m.index})`))}`,
    `"exports": ${list(module.exports.map((e) => `(${quote(e.name)}, ${e.kind}, ${e.index})`))}`,
    `"functions": ${dict(functions)}`,
    `"imported_memories": ${memories(true)}`,
    `"imported_tables": ${tables(true)}`,
    `"memories": ${memories(false)}`,
    `"tables": ${tables(false)}`,
    `"globals": ${list(globals)}`,
    `"names": ${quote(functionNames(module).join("\0"))}`,
    `"guarded": ${truth(isGuarded(module, 0, checked))}`,
    `"lines": ${quote(lines)}`,
  ]);
}
