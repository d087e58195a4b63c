// Signatures of calls in and out, shared by thunks and imports.

import type { Value } from "../ir/func.ts";
import { PTR } from "../ir/ops.ts";
import { CONV_WASM } from "../ir/program.ts";
import type { DefType } from "../wasm/types.ts";
import type { ModuleGlue } from "./glue.ts";
import type { PyCode } from "./pycode.ts";

/** The signature of `foreign` in the records of functions of this type: the record comes first. */
export function foreignSignature(g: ModuleGlue, t: DefType): number {
  const { params, results } = g.program.signatures[g.signatureOf(t)];
  return g.program.signature([PTR, ...params], results, CONV_WASM);
}

/** All results of a call; must stand right behind it. */
export function resultsOf(c: PyCode, g: ModuleGlue, signature: number, call: Value): Value[] {
  const { results } = g.program.signatures[signature];
  return results.map((type, i) => (i === 0 ? call : c.projection(call, i, type)));
}
