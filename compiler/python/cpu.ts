// What the code of an image needs of the CPU is checked before any of it runs: images travel (shared caches,
// installations, frozen programs), and an instruction that the CPU does not have is the end of the process. This
// code, and all that runs before it, is in the library, which is compiled for plain x86-64.

import { encodeUtf8 } from "../base/utf8.ts";
import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I32, PTR } from "../ir/ops.ts";
import type { Feature } from "../mach/target.ts";
import { SHAPE_CPU, shape } from "../runtime/shape.ts";
import type { Glue } from "./glue.ts";
import type { PyCode } from "./pycode.ts";

const WORDS: readonly number[] = [op.I32_CPUID_A, op.I32_CPUID_B, op.I32_CPUID_C, op.I32_CPUID_D];
/** Leaves that tell the largest ones of their kinds. */
const BASIC = 0;
const EXTENDED = 0x80000000 | 0;
/** The leaves from here on hold the CPU's name, 16 bytes each. */
const NAME = 0x80000002 | 0;
const NAME_LEAVES = 3;
const NAME_BYTES = 16 * NAME_LEAVES;

/** () → 0, or -1: exception. */
export function requireCpu(g: Glue): number {
  const { features } = g;
  const complaints = features.map((f) => complaint(g, f));
  const refuse = refuseCpu(g);
  return g.defineC("wasmpy_require_cpu", [], [I32], (c) => {
    const needed = c.op(op.I32_WRAP_I64, shape(c, SHAPE_CPU));
    const all = features.reduce((bits, f) => bits | f.bit, 0);
    // From all to none, so that what needs nothing asks for nothing.
    c.when(c.op(op.I32_EQZ, c.op(op.I32_AND, needed, c.i32(all))), () => c.ret([c.i32(0)]));
    let known = -1;
    features.forEach((f, i) => {
      const isSame = i > 0 && features[i - 1].leaf === f.leaf && features[i - 1].register === f.register;
      if (!isSame) known = word(c, f.leaf, f.register);
      const bit = c.op(op.I32_AND, c.op(op.I32_SHR_U, known, c.i32(f.shift)), c.i32(1));
      const isMissing = c.op(
        op.I32_AND,
        c.op(op.I32_NE, c.op(op.I32_AND, needed, c.i32(f.bit)), c.i32(0)),
        c.op(op.I32_EQZ, bit),
      );
      c.whenRarely(isMissing, () => {
        const { text, nameAt } = complaints[i];
        c.call(refuse, [c.symbol(text), c.plus(c.symbol(text), nameAt)]);
        c.ret([c.i32(-1)]);
      });
    });
    c.ret([c.i32(0)]);
  });
}

/** A word of cpuid; 0 where the CPU does not have the leaf. */
function word(c: PyCode, leaf: number, register: number): Value {
  const zero = c.i32(0);
  const largest = c.op(op.I32_CPUID_A, c.i32(leaf < 0 ? EXTENDED : BASIC), zero);
  const isThere = c.op(op.I32_GE_U, largest, c.i32(leaf));
  return c.op(op.I32_SELECT, isThere, c.op(WORDS[register], c.i32(leaf), zero), zero);
}

class Complaint {
  readonly text: number;
  /** Where the CPU's name has room. */
  readonly nameAt: number;

  constructor(text: number, nameAt: number) {
    this.text = text;
    this.nameAt = nameAt;
  }
}

function complaint(g: Glue, f: Feature): Complaint {
  const text = encodeUtf8(
    `this WebAssembly was compiled for CPUs of level x86-64-v${f.level}, which have ${f.title}. ` +
      "Compile it on this machine, or with WASMPY_CPU=x86-64 for every CPU. This CPU: ",
  );
  const name = encodeUtf8("unknown");
  const symbol = g.data.variable(`wasmpy_needs_${f.name}`).bytes(text).bytes(name);
  return new Complaint(symbol.zeros(NAME_BYTES + 1 - name.length).end(), text.length);
}

/** (complaint, place in it for the name of the CPU). Sets wasmpy.UnsupportedError; without wasmpy, ImportError. */
function refuseCpu(g: Glue): number {
  return g.defineC("wasmpy_refuse_cpu", [PTR, PTR], [], (c) => {
    const largest = c.op(op.I32_CPUID_A, c.i32(EXTENDED), c.i32(0));
    c.when(c.op(op.I32_GE_U, largest, c.i32(NAME + NAME_LEAVES - 1)), () => {
      for (let i = 0; i < 4 * NAME_LEAVES; i++) {
        const part = c.op(WORDS[i & 3], c.i32(NAME + (i >> 2)), c.i32(0));
        c.setContent(I32, c.plus(c.argument(1), 4 * i), part);
      }
    });
    const errors = c.api("PyImport_ImportModule", c.text("wasmpy._errors"));
    const kind = c.variable(PTR);
    c.set(kind, c.null());
    c.when(c.isThere(errors), () => {
      c.set(kind, c.api("PyObject_GetAttrString", errors, c.text("UnsupportedError")));
      c.decref(errors);
    });
    c.when(c.isNull(c.get(kind)), () => c.api("PyErr_Clear"));
    const importError = c.content(PTR, c.apiAddress("PyExc_ImportError"));
    const chosen = c.op(op.PTR_SELECT, c.isThere(c.get(kind)), c.get(kind), importError);
    c.api("PyErr_SetString", chosen, c.argument(0));
    c.decref(c.get(kind));
    c.ret([]);
  });
}
