// The glue as IR: every function of many modules verifies, and data has the layouts that CPython expects.

import { describe, expect, test } from "vitest";
import { functionSymbols, Layout } from "../abi/layout.ts";
import type { Func } from "../ir/func.ts";
import { print } from "../ir/print.ts";
import { Program } from "../ir/program.ts";
import { verify } from "../ir/verify.ts";
import { DATA, Image, REL_ABS64 } from "../mach/image.ts";
import { buildGlue } from "../python/build.ts";
import { docString } from "../python/functions.ts";
import { GlueInput, ModuleGlue } from "../python/glue.ts";
import { initSuffix, punycode } from "../python/punycode.ts";
import { declareShared } from "../python/shared.ts";
import * as m from "../wasm/module.ts";
import * as w from "../wasm/types.ts";

const ALL: readonly w.ValType[] = [w.I32, w.I64, w.F32, w.F64, w.FUNCREF, w.EXTERNREF];

function signature(params: readonly w.ValType[], results: readonly w.ValType[]): w.DefType {
  return new w.DefType(w.COMP_FUNC, params, results, [], true, -1, 0, 1);
}

/** A module of the types, with an imported and an own function of each, some of everything else. */
function moduleOf(types: readonly w.DefType[], imports: boolean): m.Module {
  const module = new m.Module(new Uint8Array());
  const limits = new w.Limits(1, 0, false, 0, 0, false, false);
  types.forEach((t, i) => {
    module.types.push(t);
    if (imports) {
      module.imports.push(new m.Import("env", `f${i}`, m.EXT_FUNC, i, 0));
      module.funcs.push(new m.Func(i, m.NO_RANGE, true));
    }
  });
  types.forEach((_, i) => {
    module.exports.push(new m.Export(`call ${i}`, m.EXT_FUNC, module.funcs.length, 0));
    module.funcs.push(new m.Func(i, m.NO_RANGE, false));
  });
  for (const imported of [true, false]) {
    for (const t of [...ALL, w.V128]) {
      if (imported && !imports) continue;
      module.globals.push(new m.Global(new w.GlobalType(t, true), m.NO_RANGE, imported));
    }
  }
  module.memories.push(new m.Memory(new w.MemoryType(limits), false));
  module.tables.push(new m.Table(new w.TableType(w.FUNCREF, limits), m.NO_RANGE, false));
  module.elems.push(new m.Elem(m.PASSIVE, 0, m.NO_RANGE, w.FUNCREF, new Uint32Array(), [], 0));
  return module;
}

class Built {
  readonly program: Program;
  readonly image: Image;
  readonly texts: Map<string, string>;

  constructor(module: m.Module, leaf: string, escapes: number, simple: number, wrap: boolean) {
    this.program = new Program();
    this.image = new Image(this.program);
    this.texts = new Map();
    const flags = (value: number) => new Uint8Array(module.funcs.length).fill(value);
    const layout = new Layout(module, flags(escapes));
    const functions = functionSymbols(module, this.program);
    const input = new GlueInput(
      leaf,
      new Uint8Array([123, 125]),
      functions,
      flags(escapes),
      flags(simple),
      wrap,
      false,
      0,
      false,
      [],
    );
    const glue = new ModuleGlue(module, layout, this.program, this.image, input, null);
    declareShared(glue, []);
    buildGlue(glue);
    glue.each((func: Func) => {
      verify(func, this.program);
      expect(this.texts.has(func.name), func.name).toBe(false);
      this.texts.set(func.name, print(func, this.program));
    });
  }
}

describe.each([true, false])("imports %s", (imports) => {
  describe.each([
    [1, 0, false],
    [1, 1, false],
    [0, 0, true],
  ])("escaping %i, simple %i, wrap %s", (escapes, simple, wrap) => {
    test("every function verifies", () => {
      const types = [
        signature([], []),
        signature(ALL, []),
        signature([], ALL),
        ...ALL.map((t) => signature([t], [t])),
        signature([...ALL, ...ALL, ...ALL], [w.I32, w.I32]),
        signature([w.V128], []),
        signature(
          [w.ref(w.FUNC, false), w.ref(w.EXTERN, false), w.ref(0, false), w.ref(1, true)],
          [w.ref(0, true)],
        ),
        signature([w.ref(w.NOFUNC, true)], [w.ref(w.NOEXTERN, true)]),
      ];
      const built = new Built(moduleOf(types, imports), "m", escapes, simple, wrap);
      expect([...built.texts.keys()].filter((name) => name.startsWith("wasmpy_stub_")).length).toBe(
        escapes === 0 ? 0 : types.length * (imports ? 2 : 1),
      );
    });
  });
});

describe("structures that CPython reads", () => {
  const built = new Built(moduleOf([signature([w.I32], [w.I32])], true), "leaf", 1, 0, false);
  const { image, program } = built;

  /** Offset → name of the symbol that the word there points to; the bytes. */
  function structure(name: string): { view: DataView; pointers: Map<number, string> } {
    const d = image.definitions.get(program.find(name));
    if (d === undefined || d.section !== DATA) throw new Error(`no ${name}`);
    const pointers = new Map<number, string>();
    for (const r of image.relocations) {
      if (r.section !== DATA || r.offset < d.offset || r.offset >= d.offset + d.size) continue;
      expect(r.kind).toBe(REL_ABS64);
      pointers.set(r.offset - d.offset, program.symbols[r.symbol].name);
    }
    const bytes = image.sections[DATA].view();
    return { view: new DataView(bytes.buffer, bytes.byteOffset + d.offset, d.size), pointers };
  }

  test("PyModuleDef", () => {
    const { view, pointers } = structure("wasmpy_module_def");
    expect(view.byteLength).toBe(104);
    expect(view.getInt32(0, true)).toBe(1);
    expect(view.getInt32(56, true)).toBeGreaterThan(0);
    expect([...pointers.keys()]).toEqual([40, 72, 80, 88, 96]);
    expect([72, 80, 88, 96].map((at) => pointers.get(at))).toEqual([
      "wasmpy_slots_3_10",
      "wasmpy_traverse",
      "wasmpy_clear",
      "wasmpy_free",
    ]);
  });

  test("slots, old and new", () => {
    const old = structure("wasmpy_slots_3_12");
    expect([0, 16, 24, 32].map((at) => old.view.getInt32(at, true))).toEqual([2, 3, 2, 0]);
    expect(old.pointers).toEqual(new Map([[8, "wasmpy_exec"]]));
    const { view, pointers } = structure("wasmpy_slots_3_15");
    const ids: number[] = [];
    for (let at = 0; at < view.byteLength; at += 16) ids.push(view.getUint16(at, true));
    expect(ids).toEqual([109, 100, 102, 85, 104, 105, 106, 86, 0]);
    expect(pointers.get(8)).toBe("wasmpy_abi_info");
    expect(pointers.get(3 * 16 + 8)).toBe("wasmpy_exec");
    const size = structure("wasmpy_module_def").view.getInt32(56, true);
    expect(view.getInt32(2 * 16 + 8, true)).toBe(size);
  });

  test("types and methods", () => {
    for (const name of ["MemoryBase", "TableBase", "GlobalBase"]) {
      const { view, pointers } = structure(`wasmpy_${name}_spec`);
      expect(view.byteLength).toBe(32);
      expect(view.getInt32(8, true)).toBeGreaterThanOrEqual(72);
      expect(pointers.get(24)).toBe(`wasmpy_${name}_slots`);
    }
    const kernel = structure("wasmpy_kernel_methods");
    expect(kernel.view.byteLength % 32).toBe(0);
    for (let at = 0; at < kernel.view.byteLength - 32; at += 32) {
      expect(pointersAt(kernel.pointers, at)).toBe(true);
      expect([4, 8, 0x80]).toContain(kernel.view.getInt32(at + 16, true));
    }
    expect(kernel.view.getInt32(kernel.view.byteLength - 32, true)).toBe(0);
  });

  function pointersAt(pointers: Map<number, string>, at: number): boolean {
    return pointers.has(at) && pointers.has(at + 8);
  }

  test("doors", () => {
    expect(image.exported.map((s) => program.symbols[s].name)).toEqual(["PyInit_leaf", "PyModExport_leaf"]);
  });
});

describe("names", () => {
  test.each([
    ["bücher", "bcher-kva"],
    ["größe", "gre-6ka8i"],
    ["日本", "wgv71a"],
    ["ä-ö", "--zfa9c"],
    ["x𝒳y", "xy-xs70a"],
  ])("punycode of %s", (text, code) => expect(punycode(text)).toBe(code));

  test("init functions", () => {
    expect(initSuffix("a_b")).toBe("_a_b");
    expect(initSuffix("a-b")).toBe("_a_b");
    expect(initSuffix("größe")).toBe("U_gre_6ka8i");
  });
});

describe("doc strings", () => {
  const module = moduleOf([signature([w.I32, w.EXTERNREF], [w.F64])], false);
  test.each([
    [["a", "b"], "f($module, a, b, /)"],
    [["a", "a"], "f($module, p0, p1, /)"],
    [["a", "b c"], "f($module, p0, p1, /)"],
    [["a", "if"], "f($module, p0, p1, /)"],
    [["a"], "f($module, p0, p1, /)"],
  ])("parameters %j", (names, text) => {
    module.localNames.set(0, new Map(names.map((name, i) => [i, name])));
    expect(docString(module, 0, "f", 20)).toBe(`${text}\n--\n\n(func (param i32 externref) (result f64))`);
    expect(docString(module, 0, "x.f", 20).startsWith(text)).toBe(true);
  });

  test("long lists", () => {
    const many = (count: number) => Array.from({ length: count }, () => w.I32);
    const text = (params: number, results: number) =>
      docString(moduleOf([signature(many(params), many(results))], false), 0, "f", 20);
    const twenty = `i32${" i32".repeat(19)}`;
    expect(text(20, 21)).toMatch(/^f\(\$module, p0, .* p19, \/\)\n--\n\n/);
    expect(text(20, 21).endsWith(`(func (param ${twenty}) (result ${twenty} …))`)).toBe(true);
    expect(text(21, 1)).toBe(`(func (param ${twenty} …) (result i32))`);
  });
});
