// The functions of the glue that are the same in every image, and so can be compiled before there is a module.

import type { DefType } from "../wasm/types.ts";
import type { ModuleGlue } from "./glue.ts";
import { importThunk, trampoline } from "./imports.ts";
import { declareModule } from "./modinit.ts";
import { declareThunks, declareThunksOf } from "./thunks.ts";

/** Declares them all; `types`: of functions whose thunks are wanted too. */
export function declareShared(glue: ModuleGlue, types: readonly DefType[]): void {
  declareModule(glue);
  declareThunks(glue);
  for (const t of types) {
    declareThunksOf(glue, t);
    importThunk(glue, t);
    trampoline(glue, t);
  }
}
