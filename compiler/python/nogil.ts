// Which modules can run without the lock of the interpreter: those that nothing reaches but by the glue of their
// exports. How they do is in runtime/nogil.ts; what of the glue is different in their images, in `replace…` of
// thunks.ts, functions.ts and modinit.ts.

import { fail } from "../base/fail.ts";
import { EXT_GLOBAL, type Module } from "../wasm/module.ts";
import { isRef } from "../wasm/types.ts";

/** Ends for a module that imports something, or that references come into. `escaping`: by function (wasm/escape.ts). */
export function requireAlone(module: Module, escaping: Uint8Array): void {
  for (const { module: from, name, at } of module.imports) {
    refuse(at, `it imports ${from}.${name}, and what is imported would need the GIL`);
  }
  module.funcs.forEach(({ type }, i) => {
    if (escaping[i] === 0 || !module.types[type].params.some(isRef)) return;
    const name = module.funcNames.get(i) ?? `${i}`;
    refuse(-1, `function ${name} takes references, which are counted with the GIL`);
  });
  for (const { kind, index, name, at } of module.exports) {
    if (kind !== EXT_GLOBAL) continue;
    const { type } = module.globals[index];
    if (type.mutable && isRef(type.type)) {
      refuse(at, `the exported global ${name} takes references, which are counted with the GIL`);
    }
  }
}

function refuse(at: number, why: string): never {
  return fail("not possible with nogil=True", at, why);
}
