// The way in: everything that makes an image a Python extension module.

import type { Layout } from "../ir/layout.ts";
import type { Program } from "../ir/program.ts";
import type { Library } from "../mach/library.ts";
import type { Image } from "../obj/image.ts";
import type { Module } from "../wasm/module.ts";
import { firstOwnRecord, rowCount, writeFunctions } from "./functions.ts";
import { type GlueInput, ModuleGlue } from "./glue.ts";
import { writeGlobals } from "./kernel.ts";
import { declareModule } from "./modinit.ts";
import { writeModule } from "./moduledef.ts";
import { writeShape } from "./state.ts";
import { declareThunks, writeThunkCells } from "./thunks.ts";

/** Declares the functions that are the same in every image. */
export function declareShared(glue: ModuleGlue): void {
  declareModule(glue);
  declareThunks(glue);
}

/**
 * Writes the data of the glue into the image. `each` of the result then builds the functions that the library does
 * not have; building one may still add strings to the image.
 */
export function buildGlue(
  module: Module,
  layout: Layout,
  program: Program,
  image: Image,
  input: GlueInput,
  library: Library | null,
): ModuleGlue {
  const glue = new ModuleGlue(module, layout, program, image, input, library);
  if (library === null) declareShared(glue);
  writeFunctions(glue);
  writeThunkCells(glue);
  writeGlobals(glue);
  writeShape(glue, rowCount(glue), firstOwnRecord(glue));
  writeModule(glue);
  return glue;
}
