// The glue as IR: every function of many modules verifies, and data has the layouts that CPython expects.

import { describe, expect, test } from "vitest";
import type { Func } from "../ir/func.ts";
import { functionSymbols, Layout } from "../ir/layout.ts";
import { print } from "../ir/print.ts";
import { Program, SYM_FUNC } from "../ir/program.ts";
import { verify } from "../ir/verify.ts";
import { DATA, Image } from "../obj/image.ts";
import { buildGlue } from "../python/build.ts";
import { docString } from "../python/functions.ts";
import { GlueInput } from "../python/glue.ts";
import { initSuffix, punycode } from "../python/punycode.ts";
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
  module.elems.push(new m.Elem(m.PASSIVE, 0, m.NO_RANGE, w.FUNCREF, new Int32Array(), [], 0));
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
    const input = new GlueInput(leaf, new Uint8Array([123, 125]), functions, flags(escapes), flags(simple), wrap);
    buildGlue(module, layout, this.program, this.image, input).each((func: Func) => {
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
        signature([w.ref(w.FUNC, false), w.ref(w.EXTERN, false), w.ref(0, false), w.ref(1, true)], [w.ref(0, true)]),
        signature([w.ref(w.NOFUNC, true)], [w.ref(w.NOEXTERN, true)]),
      ];
      const built = new Built(moduleOf(types, imports), "m", escapes, simple, wrap);
      expect([...built.texts.keys()].filter((name) => name.startsWith("wasmpy_stub_")).length).toBe(
        escapes === 0 ? 0 : types.length * (imports ? 2 : 1),
      );
    });
  });
});
