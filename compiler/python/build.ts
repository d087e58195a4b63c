// The way in: everything that makes an image a Python extension module.

import type { Layout } from "../ir/layout.ts";
import type { Program } from "../ir/program.ts";
import type { Image } from "../obj/image.ts";
import type { Module } from "../wasm/module.ts";
import { writeFunctions } from "./functions.ts";
import { Glue, type GlueInput } from "./glue.ts";
import { writeModule } from "./modinit.ts";

/**
 * Writes the data of the glue into the image. `each` of the result then builds its functions; building one may
 * still add strings to the image.
 */
export function buildGlue(
  module: Module,
  layout: Layout,
  program: Program,
  image: Image,
  input: GlueInput,
): Glue {
  const glue = new Glue(module, layout, program, image, input);
  writeFunctions(glue);
  writeModule(glue);
  return glue;
}
