// Compiles what is the same in every image: the run time, and the glue but for what belongs to one module. With
// levels and checks of its own, so that all options get the same library.

import { Backend, Progress } from "./backend.ts";
import { Layout } from "./ir/layout.ts";
import { Program } from "./ir/program.ts";
import { cut } from "./mach/fragment.ts";
import { type Packed, pack } from "./mach/library.ts";
import { DATA } from "./obj/image.ts";
import { Options } from "./options.ts";
import { declareShared } from "./python/build.ts";
import { GlueInput, ModuleGlue } from "./python/glue.ts";
import { LINUX_X64 } from "./runtime/linux.ts";
import { buildRuntime } from "./runtime/runtime.ts";
import { WASM_3_0 } from "./wasm/features.ts";
import { Module } from "./wasm/module.ts";

/** For the target's baseline; allocations and IR are verified. */
export function compileShared(): Packed {
  const none = new Uint8Array(0);
  const program = new Program();
  const backend = new Backend(program, new Options("", WASM_3_0, 2, false, 0, true), new Progress(), null);
  const module = new Module(none);
  const input = new GlueInput("", none, new Int32Array(0), none, none, false, false);
  const { image, pcs } = backend;
  const glue = new ModuleGlue(module, new Layout(module, none), program, image, input, null);
  declareShared(glue);
  glue.each((f, isHot) => backend.own(f, isHot));
  buildRuntime(program, image, LINUX_X64).each(
    (f) => backend.own(f, false),
    () => true,
  );
  return pack(cut(image, pcs, 0), image.sections[DATA].view());
}
