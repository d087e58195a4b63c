// Calls out of wasm. An imported function is a record (abi/layout.ts): `foreign` is either the import thunk of the
// signature, which calls the record's Python callable, or the trampoline of the signature, which makes the
// record's instance current and calls its code.

import { FUNC_OBJECT, FUNC_VMCTX, FUNC_CODE as RECORD_CODE, VMCTX_CONTEXT } from "../abi/layout.ts";
import * as op from "../gen/ir-ops.ts";
import { type Block, NO_VALUE, type Value } from "../ir/func.ts";
import { I64, PTR, TYPE_NAMES } from "../ir/ops.ts";
import { PYTHON_EXCEPTION, STACK_EXHAUSTED } from "../ir/traps.ts";
import { continued, hasLittleStack, suspend } from "../runtime/handover.ts";
import type { DefType, ValType } from "../wasm/types.ts";
import { resultError, takeResults } from "./complaints.ts";
import type { Glue, ModuleGlue } from "./glue.ts";
import type { PyCode } from "./pycode.ts";
import { foreignSignature, resultsOf } from "./signatures.ts";
import {
  argumentsKey,
  BY_API,
  box,
  canCross,
  EXTERN_CODE,
  FUNC_CODE,
  typeCode,
  typesKey,
  Unboxing,
  unbox,
} from "./values.ts";

/** PY_VECTORCALL_ARGUMENTS_OFFSET: the callee may use the word before the arguments. */
const ARGUMENTS_OFFSET_HIGH = 0x80000000 | 0;

/** PyObject_Vectorcall, or what 3.10 has instead; set when the image is loaded. */
export function vectorcallCell(g: Glue): number {
  return g.cell("wasmpy_vectorcall");
}

function typeName(type: number): string {
  return TYPE_NAMES[type];
}

/** wasm(record, parameters…) → results: calls code of another instance. */
export function trampoline(g: ModuleGlue, t: DefType): number {
  const signature = g.signatureOf(t);
  const { params, results } = g.program.signatures[signature];
  return g.define(
    `wasmpy_trampoline[${params.map(typeName).join(",")}>${results.map(typeName).join(",")}]`,
    foreignSignature(g, t),
    (c) => {
      const record = c.argument(0);
      const operands = params.map((_, i) => c.argument(i + 1));
      const own = c.op(op.VMCTX);
      const code = c.field(record, RECORD_CODE);
      c.op(op.SET_VMCTX, c.field(record, FUNC_VMCTX));
      const results = resultsOf(c, g, signature, c.callPtr(code, signature, operands));
      c.op(op.SET_VMCTX, own);
      c.ret(results);
    },
    true,
  );
}

/** The bare code of imported function `index`, for references to it: calls the instance's record of it. */
export function importCode(g: ModuleGlue, index: number): number {
  const t = g.module.types[g.module.funcs[index].type];
  const signature = g.signatureOf(t);
  return g.define(
    `wasmpy_import_${index}`,
    signature,
    (c) => {
      const record = c.plus(c.op(op.VMCTX), g.layout.importRecord[index]);
      const operands = g.program.signatures[signature].params.map((_, i) => c.argument(i));
      const call = c.call(importThunk(g, t), [record, ...operands]);
      c.ret(resultsOf(c, g, signature, call));
    },
    true,
  );
}

/** wasm(record, parameters…) → results: calls the record's Python callable. */
export function importThunk(g: ModuleGlue, t: DefType): number {
  const name = `wasmpy_import[${typesKey(t.params)}>${argumentsKey(g, t.results)}]`;
  return g.define(name, foreignSignature(g, t), (c) => new ImportThunk(c, g, t).build(), true);
}

class ImportThunk {
  private readonly c: PyCode;
  private readonly g: ModuleGlue;
  private readonly t: DefType;
  private readonly context: Value;
  /** What the context held for this thread (runtime/handover.ts). */
  private readonly kept: Value;

  constructor(c: PyCode, g: ModuleGlue, t: DefType) {
    this.c = c;
    this.g = g;
    this.t = t;
    this.context = c.field(c.op(op.VMCTX), VMCTX_CONTEXT);
    c.whenRarely(hasLittleStack(c, this.context), () => c.trap(STACK_EXHAUSTED));
    this.kept = suspend(c, this.context);
  }

  build(): void {
    const { c, g, t } = this;
    if (!canCross([...t.params, ...t.results], g.module)) {
      c.raise(
        "PyExc_TypeError",
        "the import has parameters or results that cannot be passed to or from Python",
      );
      this.fail();
      return;
    }
    const object = this.callPython();
    c.whenRarely(c.isNull(object), () => this.fail());
    if (t.results.length === 0) {
      c.decref(object);
      continued(c, this.context, this.kept);
      c.ret([]);
    } else if (t.results.length === 1) {
      this.finish([object], object);
    } else {
      this.finishSeveral(object);
    }
  }

  /** Traps with the exception that is set. */
  private fail(): void {
    continued(this.c, this.context, this.kept);
    this.c.trap(PYTHON_EXCEPTION);
  }

  /** Boxes the parameters and calls; the result is a new reference, or null. */
  private callPython(): Value {
    const { c, g, t } = this;
    const count = t.params.length;
    const cells = c.room(c.model.wordBytes * (count + 1)); // one in front, for the callee
    const boxed: Value[] = [];
    const failed: Block[] = [];
    t.params.forEach((type, i) => {
      const object = box(c, g, c.argument(i + 1), type);
      const next = c.block();
      failed.push(c.coldBlock());
      c.brIf(c.isNull(object), failed[i], [], next, []);
      c.seal(next);
      c.switchTo(next);
      c.setPointerInRoom(cells, i + 1, object);
      boxed.push(object);
    });
    const callable = c.field(c.argument(0), FUNC_OBJECT);
    const vectorcall = c.content(PTR, c.symbol(vectorcallCell(g)));
    const result = c.callC(
      vectorcall,
      [PTR, PTR, I64, PTR],
      [PTR],
      [callable, c.plus(cells, 8), c.i64(count, ARGUMENTS_OFFSET_HIGH), c.null()],
    );
    for (const object of boxed) c.decref(object);
    // Boxing parameter i has failed: those before it are released, last first.
    const here = c.current;
    for (let i = count - 1; i >= 0; i--) {
      c.seal(failed[i]);
      c.switchTo(failed[i]);
      if (i === 0) {
        this.fail();
      } else {
        c.decref(boxed[i - 1]);
        c.jump(failed[i - 1], []);
      }
    }
    c.switchTo(here);
    return result;
  }

  /** Several results: any iterable of the right length. */
  private finishSeveral(object: Value): void {
    const { c, g, t } = this;
    const count = c.number(t.results.length);
    const tuple = c.call(takeResults(g), [c.argument(0), object, count]);
    c.decref(object);
    c.whenRarely(c.isNull(tuple), () => this.fail());
    this.finish(
      t.results.map((_, i) => c.api("PyTuple_GetItem", tuple, c.number(i))),
      tuple,
    );
  }

  /** Returns the values of the objects, which `holder` keeps alive: it is released. */
  private finish(objects: readonly Value[], holder: Value): void {
    const { c, g, t } = this;
    const out = c.room(8);
    const values = objects.map((object, i) => {
      const fail = () => {
        c.call(resultError(g), [c.argument(0), c.number(i), object]);
        c.decref(holder);
        this.fail();
      };
      return unbox(c, g, new Unboxing(BY_API, out, c.op(op.VMCTX), fail), object, t.results[i]);
    });
    // From here on nothing fails but for want of memory. References are counted until the context holds them.
    const owners = values.map((x, i) => this.ownerOf(x, t.results[i]));
    for (const owner of owners) if (owner !== NO_VALUE) c.incref(owner);
    c.decref(holder);
    continued(c, this.context, this.kept);
    values.forEach((x, i) => {
      const owner = owners[i];
      if (owner === NO_VALUE) return;
      if (typeCode(t.results[i], g.module) === EXTERN_CODE) {
        c.run("ref_adopt", x);
      } else {
        c.run("func_hold", x);
        c.decref(owner); // not the last
      }
    });
    c.ret(values);
  }

  private ownerOf(x: Value, type: ValType): Value {
    const { c } = this;
    switch (typeCode(type, this.g.module)) {
      case EXTERN_CODE:
        return c.op(op.PTR_FROM_REF, x);
      case FUNC_CODE:
        return c.run("owner", x, c.i32(1));
      default:
        return NO_VALUE;
    }
  }
}
