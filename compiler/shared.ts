// Compiles what is the same in every image: the run time, and the glue but for what belongs to one module. With
// levels and checks of its own, so that all options get the same library.

import { Layout } from "./abi/layout.ts";
import { Backend } from "./backend.ts";
import { Progress } from "./base/progress.ts";
import { Program } from "./ir/program.ts";
import { cut } from "./mach/fragment.ts";
import { DATA } from "./mach/image.ts";
import { type Packed, pack } from "./mach/library.ts";
import type { Options } from "./options.ts";
import { GlueInput, ModuleGlue } from "./python/glue.ts";
import { declareShared } from "./python/shared.ts";
import { buildRuntime } from "./runtime/runtime.ts";
import { targetNamed } from "./targets.ts";
import { WASM_3_0 } from "./wasm/features.ts";
import { Module } from "./wasm/module.ts";
import { COMP_FUNC, DefType, F64, I32, I64, type ValType } from "./wasm/types.ts";

/** Parameters and results of the functions that are most common at the boundary. */
const COMMON: readonly (readonly [readonly ValType[], readonly ValType[]])[] = [
  [[], []],
  [[], [I32]],
  [[I32], []],
  [[I32], [I32]],
  [[I32, I32], []],
  [[I32, I32], [I32]],
  [[I32, I32, I32], []],
  [[I32, I32, I32], [I32]],
  [[I32, I32, I32, I32], [I32]],
  [[I64], [I64]],
  [[I64, I64], [I64]],
  [[F64], [F64]],
  [[F64, F64], [F64]],
];

/** The types of those functions: their thunks may be compiled in advance too. */
export function commonTypes(): DefType[] {
  return COMMON.map(([params, results]) => new DefType(COMP_FUNC, params, results, [], true, -1, 0, 1));
}

/** With thunks for functions of the types. For the target's baseline; allocations and IR are verified. */
export function compileShared(target: string, types: readonly DefType[]): Packed {
  const { features, system } = targetNamed(target);
  const options: Options = {
    leaf: "",
    features: WASM_3_0,
    target,
    cpu: 0,
    level: 2,
    checked: false,
    wrap: false,
    interrupts: true,
    verified: true,
    nogil: false,
  };
  const none = new Uint8Array(0);
  const program = new Program();
  const backend = new Backend(program, options, new Progress(new Int32Array(2)), null);
  const module = new Module(none);
  const input = new GlueInput("", none, new Int32Array(0), none, none, false, false, 0, false, features);
  const { image, pcs } = backend;
  const glue = new ModuleGlue(module, new Layout(module, none), program, image, input, null);
  declareShared(glue, types);
  glue.each((f, isHot) => backend.own(f, isHot));
  buildRuntime(program, image, system).each(
    (f) => backend.own(f, false),
    () => true,
  );
  return pack(cut(image, pcs, 0), image.sections[DATA].view());
}
