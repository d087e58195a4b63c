// The way in: everything of one module that makes an image a Python extension module. The rest is the same in every
// image: shared.ts.

import { firstOwnRecord, replaceFillRecords, rowCount, writeFunctions } from "./functions.ts";
import type { ModuleGlue } from "./glue.ts";
import { replaceFree } from "./modinit.ts";
import { writeModule } from "./moduledef.ts";
import { writeGlobals, writeShape } from "./state.ts";
import { replaceStartThunk, writeThunkCells } from "./thunks.ts";

/**
 * Writes the data of the glue into its image. `each` of the glue then builds the functions; building one may still add
 * strings to the image.
 */
export function buildGlue(glue: ModuleGlue): void {
  writeFunctions(glue);
  writeThunkCells(glue);
  writeGlobals(glue);
  writeShape(glue, rowCount(glue), firstOwnRecord(glue));
  // Before anything refers to them without their signatures.
  if (glue.input.nogil) {
    replaceStartThunk(glue);
    replaceFillRecords(glue);
    replaceFree(glue);
  }
  writeModule(glue);
}
