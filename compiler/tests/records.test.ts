import { describe, expect, it } from "vitest";
import { RECORDS } from "../abi/layout.ts";
import { type DataModel, ILP32, ILP32_X86, LLP64, LP64, LP64_BIG, MODELS } from "../abi/model.ts";
import { C_BYTE, C_DOUBLE, C_INT, C_INT64, C_LONG, C_POINTER, Structure } from "../abi/structures.ts";
import { Bytes } from "../base/bytes.ts";
import * as python from "../python/structures.ts";
import * as linux from "../runtime/linux.ts";

describe("records", () => {
  it("have fields one behind the other, and names that differ", () => {
    for (const record of RECORDS) {
      record.fields.forEach((field, i) => {
        if (i > 0) expect(field.offset).toBe(record.fields[i - 1].offset + record.fields[i - 1].bytes);
        expect(field.offset % 8).toBe(0);
      });
      expect(new Set(record.fields.map((field) => field.name)).size).toBe(record.fields.length);
    }
  });
});

describe("structures", () => {
  it("are laid out as C compilers do it for each data model", () => {
    const s = new Structure("s");
    const members = [C_BYTE, C_LONG, C_INT, C_POINTER, C_BYTE, C_INT64, C_INT, C_DOUBLE].map((type, i) =>
      s.member(`m${i}`, type),
    );
    const places = (model: DataModel) => [...members.map((member) => member.offset(model)), s.bytes(model)];
    expect(places(LP64)).toEqual([0, 8, 16, 24, 32, 40, 48, 56, 64]);
    expect(places(LP64_BIG)).toEqual(places(LP64));
    expect(places(LLP64)).toEqual([0, 4, 8, 16, 24, 32, 40, 48, 56]);
    expect(places(ILP32)).toEqual([0, 4, 8, 12, 16, 24, 32, 40, 48]);
    expect(places(ILP32_X86)).toEqual([0, 4, 8, 12, 16, 20, 28, 32, 40]);
  });

  it("of CPython and Linux have the sizes of their headers", () => {
    const sizes = (s: Structure) => [s.bytes(LP64), s.bytes(ILP32)];
    expect(python.STRUCTURES.map((s) => [s.name, ...sizes(s)])).toEqual([
      ["PyObject", 16, 8],
      ["PyLongObject", 32, 16],
      ["PyFloatObject", 24, 16],
      ["PyMethodDef", 32, 16],
      ["PyModuleDef", 104, 52],
      ["PyModuleDef_Slot", 16, 8],
      ["PySlot", 16, 16],
      ["PyABIInfo", 12, 12],
      ["PyType_Spec", 32, 20],
    ]);
    expect(linux.STRUCTURES.map((s) => [s.name, s.bytes(LP64)])).toEqual([
      ["sigset_t", 128],
      ["struct sigaction", 152],
      ["stack_t", 24],
      ["ucontext_t", 40],
      ["siginfo_t of a fault", 24],
      ["siginfo_t of a signal that was sent", 24],
      ["struct timespec", 16],
      ["struct rlimit", 16],
    ]);
    expect(MODELS.map((model) => model.number)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("bytes", () => {
  it("are written in the order of the target", () => {
    const big = new Bytes(4, true);
    big.u16(0x0102);
    big.u32(0x03040506);
    big.u64(0x0b0c0d0e, 0x0708090a);
    expect([...big.take()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });
});
