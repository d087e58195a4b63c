import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bytes } from "../base/bytes.ts";
import { LIMIT, MALFORMED } from "../base/errors.ts";
import { Failure } from "../base/fail.ts";
import { decode } from "../wasm/decode.ts";
import { type Features, WASM_1_0, WASM_2_0, WASM_3_0 } from "../wasm/features.ts";
import { ACTIVE, DECLARATIVE, type Module, PASSIVE } from "../wasm/module.ts";
import { Reader } from "../wasm/reader.ts";
import { EXTERNREF, F32, FUNC, FUNCREF, heapOf, I32, I64, isNullable, ref } from "../wasm/types.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** A section with its size; nested arrays are flattened, strings are names with their length. */
type Part = number | string | Part[];

function flat(parts: readonly Part[]): number[] {
  return parts.flatMap((part) => {
    if (typeof part === "number") return [part];
    if (typeof part === "string") return [part.length, ...Buffer.from(part, "latin1")];
    return flat(part);
  });
}

function section(id: number, ...content: Part[]): number[] {
  const bytes = flat(content);
  const size = new Bytes();
  size.leb(bytes.length);
  return [id, ...size.take(), ...bytes];
}

function moduleOf(...sections: Part[]): Uint8Array {
  return Uint8Array.from([...HEADER, ...flat(sections)]);
}

function read(features: Features, ...sections: Part[]): Module {
  return decode(moduleOf(...sections), features);
}

function failureOf(bytes: Uint8Array, features: Features): Failure {
  try {
    decode(bytes, features);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it decodes");
}

function refusal(features: Features, ...sections: Part[]): string {
  return failureOf(moduleOf(...sections), features).message;
}

describe("LEB128", () => {
  const reader = (...bytes: number[]) => new Reader(Uint8Array.from(bytes), 0, bytes.length);

  test("32-bit numbers at their bounds", () => {
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).u32()).toBe(0xffffffff);
    expect(reader(0x80, 0x80, 0x80, 0x80, 0x08).u32()).toBe(0x80000000);
    expect(reader(0x80, 0x80, 0x80, 0x80, 0x78).s32()).toBe(-0x80000000);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x07).s32()).toBe(0x7fffffff);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x7f).s32()).toBe(-1);
    expect(reader(0x7f).s32()).toBe(-1);
    expect(reader(0x80, 0x7f).s32()).toBe(-128);
  });

  test("bits beyond the number, and bytes beyond its length", () => {
    expect(() => reader(0xff, 0xff, 0xff, 0xff, 0x1f).u32()).toThrow("integer too large");
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x80, 0).u32()).toThrow("integer representation too long");
    expect(() => reader(0xff, 0xff, 0xff, 0xff, 0x0f).s32()).toThrow("integer too large");
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x70).s32()).toThrow("integer too large");
    expect(() => reader(0x80, 0x80, 0x80).u32()).toThrow("unexpected end");
    const tenth = (last: number) => reader(...new Array(9).fill(0x80), last);
    expect(() => tenth(0x02).u64()).toThrow("integer too large");
    expect(() => tenth(0x01).s64()).toThrow("integer too large");
    expect(() => tenth(0x7e).s64()).toThrow("integer too large");
    expect(() => tenth(0x80).u64()).toThrow("integer representation too long");
    tenth(0x01).u64();
    tenth(0x7f).s64();
  });

  test("a type index is not negative in any encoding", () => {
    expect(reader(0xc0, 0x00).s33()).toBe(64);
    expect(reader(0xc0, 0x7f).s33()).toBe(-1);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).s33()).toBe(0xffffffff);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x7f).s33()).toBe(-1);
  });

  test("what Bytes writes comes back, padded too", () => {
    const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
    fc.assert(
      fc.property(word, word, fc.boolean(), (lo, hi, pad) => {
        const out = new Bytes();
        out.sleb64(lo, hi);
        if (pad) {
          // sign bytes up to the full ten
          const sign = hi < 0 ? 0x7f : 0;
          while (out.length < 10) {
            out.data[out.length - 1] |= 0x80;
            out.u8(sign);
          }
        }
        const r = new Reader(out.take(), 0, out.length);
        r.s64();
        expect([r.lo, r.hi, r.done]).toEqual([lo, hi, true]);
        const unsigned = new Bytes();
        unsigned.leb64(lo, hi);
        const u = new Reader(unsigned.take(), 0, unsigned.length);
        u.u64();
        expect([u.lo | 0, u.hi | 0, u.done]).toEqual([lo, hi, true]);
        const narrow = new Bytes();
        narrow.sleb(lo);
        expect(new Reader(narrow.take(), 0, narrow.length).s32()).toBe(lo);
      }),
    );
  });
});

describe("sections", () => {
  const TYPE = section(1, 1, 0x60, 0, 0);

  test("header", () => {
    expect(failureOf(Uint8Array.of(0, 0x61, 0x73), WASM_3_0).message).toBe("unexpected end");
    expect(failureOf(Uint8Array.of(0, 0x61, 0x73, 0x6e, 1, 0, 0, 0), WASM_3_0).message).toBe(
      "magic header not detected",
    );
    for (const version of [
      [2, 0, 0, 0],
      [13, 0, 0, 0],
      [1, 0, 1, 0],
    ]) {
      expect(failureOf(Uint8Array.of(0, 0x61, 0x73, 0x6d, ...version), WASM_3_0).message).toBe(
        "unknown binary version",
      );
    }
    expect(decode(Uint8Array.from(HEADER), WASM_1_0).types.length).toBe(0);
  });

  test("order and number", () => {
    expect(refusal(WASM_3_0, TYPE, TYPE)).toBe("unexpected content after last section");
    expect(refusal(WASM_3_0, section(3, 0), TYPE)).toBe("unexpected content after last section");
    // tags stand between memories and globals, the data count between elements and code
    read(
      WASM_3_0,
      section(5, 0),
      section(13, 0),
      section(6, 0),
      section(9, 0),
      section(12, 0),
      section(10, 0),
    );
    expect(refusal(WASM_3_0, section(6, 0), section(13, 0))).toBe("unexpected content after last section");
    expect(refusal(WASM_3_0, section(15, 0))).toBe("malformed section id");
    expect(refusal(WASM_2_0, section(14, 0))).toBe("malformed section id");
    expect(refusal(WASM_2_0, section(13, 0))).toBe("malformed section id");
    expect(refusal(WASM_1_0, section(12, 0))).toBe("malformed section id");
  });

  test("sizes", () => {
    expect(refusal(WASM_3_0, [1, 40, 0])).toBe("length out of bounds");
    expect(refusal(WASM_3_0, section(1, 1, 0x60, 0, 0, 0))).toBe("section size mismatch");
    expect(refusal(WASM_3_0, section(1, 1, 0x60), TYPE)).toBe("unexpected end of section or function");
    expect(refusal(WASM_3_0, TYPE, section(3, 1, 0))).toBe(
      "function and code section have inconsistent lengths",
    );
    expect(refusal(WASM_3_0, section(12, 1))).toBe("data count and data section have inconsistent lengths");
  });

  test("custom sections anywhere, their content free, their name not", () => {
    const custom = section(0, "x", 0xff, 0xff);
    const module = read(WASM_3_0, custom, TYPE, custom, section(3, 0), custom);
    expect(module.customs.map((c) => c.name)).toEqual(["x", "x", "x"]);
    expect(refusal(WASM_3_0, section(0, [1, 0x80]))).toBe("malformed UTF-8 encoding");
    expect(refusal(WASM_3_0, section(0))).toBe("unexpected end");
    expect(refusal(WASM_3_0, section(0, [9, 0x41]))).toBe("length out of bounds");
  });

  test("where errors are", () => {
    expect(failureOf(moduleOf(TYPE, section(2, 1, "m", "n", 9)), WASM_3_0).at).toBe(8 + TYPE.length + 7);
  });
});

describe("types", () => {
  test("each version knows its own", () => {
    const withParam = (...type: number[]) => section(1, 1, 0x60, 1, type, 0);
    read(WASM_1_0, withParam(0x7f));
    expect(refusal(WASM_1_0, withParam(0x7b))).toBe("malformed value type");
    expect(refusal(WASM_1_0, withParam(0x70))).toBe("malformed value type");
    read(WASM_2_0, withParam(0x7b));
    read(WASM_2_0, withParam(0x6f));
    expect(refusal(WASM_2_0, withParam(0x6e))).toBe("malformed value type");
    expect(refusal(WASM_2_0, withParam(0x63, 0x70))).toBe("malformed value type");
    const [type] = read(WASM_3_0, withParam(0x64, 0x05)).types;
    expect(type.params).toEqual([ref(5, false)]);
    expect(refusal(WASM_3_0, withParam(0x78))).toBe("malformed value type"); // packed: fields only
    expect(refusal(WASM_2_0, section(1, 1, 0x5f, 0))).toBe("malformed definition type");
  });

  test("recursion groups", () => {
    const group = section(
      1,
      2,
      0x4e,
      2,
      [0x50, 0, 0x5f, 1, 0x63, 1, 0],
      [0x50, 1, 0, 0x5f, 1, 0x63, 0, 0],
      [0x4f, 1, 0, 0x5f, 2, 0x63, 1, 0, 0x77, 1],
    );
    const { types } = read(WASM_3_0, group);
    expect(types.map((t) => [t.groupStart, t.groupSize, t.supertype, t.final])).toEqual([
      [0, 2, -1, false],
      [0, 2, 0, false],
      [2, 1, 0, true],
    ]);
    expect(types[2].fields.map((field) => field.mutable)).toEqual([false, true]);
  });

  test("limits", () => {
    const memory = (...limits: number[]) => read(WASM_3_0, section(5, 1, limits)).memories[0].type.limits;
    expect(memory(1, 2, 3)).toMatchObject({ minLo: 2, hasMax: true, maxLo: 3, is64: false });
    expect(memory(4, 0x80, 0x80, 0x80, 0x80, 0x10)).toMatchObject({ minLo: 0, minHi: 1, is64: true });
    expect(refusal(WASM_3_0, section(5, 1, 16, 0))).toBe("malformed limits flags");
    expect(refusal(WASM_3_0, section(5, 1, 18, 0))).toBe("malformed limits flags");
    expect(refusal(WASM_3_0, section(4, 1, 0x70, 8, 0))).toBe("malformed limits flags");
    expect(refusal(WASM_2_0, section(5, 1, 2, 0))).toBe("malformed limits flags");
    expect(refusal(WASM_2_0, section(5, 1, 4, 0))).toBe("malformed limits flags");
  });
});

describe("segments", () => {
  test("the eight forms of element segments", () => {
    const offset = [0x41, 0, 0x0b];
    const funcs = [2, 7, 8];
    const exprs = [1, 0xd2, 3, 0x0b];
    const { elems } = read(
      WASM_3_0,
      section(
        9,
        8,
        [0, offset, funcs],
        [1, 0, funcs],
        [2, 5, offset, 0, funcs],
        [3, 0, funcs],
        [
          [4, offset, exprs],
          [5, 0x6f, exprs],
          [6, 5, offset, 0x70, exprs],
          [7, 0x70, exprs],
        ],
      ),
    );
    expect(elems.map((e) => e.mode)).toEqual([
      ACTIVE,
      PASSIVE,
      ACTIVE,
      DECLARATIVE,
      ACTIVE,
      PASSIVE,
      ACTIVE,
      DECLARATIVE,
    ]);
    expect(elems.map((e) => e.table)).toEqual([0, 0, 5, 0, 0, 0, 5, 0]);
    expect(elems.map((e) => e.funcs.length)).toEqual([2, 2, 2, 2, 0, 0, 0, 0]);
    expect(elems.map((e) => e.exprs.length)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(elems.slice(4).map((e) => e.type)).toEqual([FUNCREF, EXTERNREF, FUNCREF, FUNCREF]);
    // function indices are never null
    expect([heapOf(elems[0].type), isNullable(elems[0].type)]).toEqual([FUNC, false]);
    expect(refusal(WASM_3_0, section(9, 1, 16))).toBe("malformed element segment kind");
    expect(refusal(WASM_2_0, section(9, 1, 8))).toBe("malformed element segment kind");
    expect(refusal(WASM_3_0, section(9, 1, 1, 1, 0))).toBe("malformed element segment kind");
  });

  test("before bulk memory a segment starts with the index of its table", () => {
    const [elem] = read(WASM_1_0, section(9, 1, [1, [0x41, 0, 0x0b], 0])).elems;
    expect([elem.mode, elem.table]).toEqual([ACTIVE, 1]);
    const [data] = read(WASM_1_0, section(11, 1, [1, [0x41, 0, 0x0b], 0])).datas;
    expect([data.mode, data.memory]).toEqual([ACTIVE, 1]);
  });

  test("initialisers end at their own end", () => {
    const module = read(
      WASM_3_0,
      section(6, 2, [0x7f, 0, 0x02, 0x40, 0x0b, 0x41, 1, 0x0b], [0x7d, 1, 0x43, 0, 0, 0x0b, 0, 0x0b]),
    );
    expect(module.globals.map((g) => g.init.end - g.init.start)).toEqual([6, 6]);
    expect(module.globals[1].type).toMatchObject({ type: F32, mutable: true });
    expect(refusal(WASM_3_0, section(6, 1, 0x7f, 0, 0x41, 1))).toBe("unexpected end");
    expect(refusal(WASM_3_0, section(6, 1, 0x7f, 0, 0xff))).toBe("illegal opcode");
    expect(refusal(WASM_1_0, section(6, 1, 0x7f, 0, 0xd0, 0x70, 0x0b))).toBe("illegal opcode");
  });
});

describe("names", () => {
  const code = [section(1, 1, 0x60, 0, 0), section(3, 2, 0, 0), section(10, 2, [2, 0, 0x0b], [2, 0, 0x0b])];

  test("module, functions, locals", () => {
    const names = section(
      0,
      "name",
      section(0, "m"),
      section(1, 2, 0, "f", 1, "g"),
      section(2, 1, 1, 1, 0, "x"),
    );
    const module = read(WASM_3_0, code, names);
    expect(module.moduleName).toBe("m");
    expect([...module.funcNames]).toEqual([
      [0, "f"],
      [1, "g"],
    ]);
    expect([...(module.localNames.get(1) ?? [])]).toEqual([[0, "x"]]);
  });

  test("what is malformed ends the reading, not the module", () => {
    for (const bad of [section(1, 2, 0, "f", 1, 99), section(1, 1, 0, [1, 0xff]), [1, 0x80], [1, 99, 1]]) {
      const module = read(WASM_3_0, code, section(0, "name", section(0, "m"), bad));
      expect(module.moduleName).toBe("m");
      expect(module.funcs.length).toBe(2);
    }
  });
});

describe("limits of the implementation", () => {
  const kindAndText = (bytes: Uint8Array) => {
    const failure = failureOf(bytes, WASM_3_0);
    return [failure.kind, failure.message];
  };

  test("are errors of their own", () => {
    const many = (n: number, ...item: number[]) => {
      const out = new Bytes();
      out.leb(n);
      for (let i = 0; i < n; i++) for (const b of item) out.u8(b);
      return [...out.take()];
    };
    expect(kindAndText(moduleOf(section(5, many(101, 0, 0))))).toEqual([LIMIT, "too many memories"]);
    expect(kindAndText(moduleOf(section(1, 1, 0x60, many(1001, 0x7f), 0)))).toEqual([
      LIMIT,
      "too many parameters",
    ]);
    expect(kindAndText(moduleOf(section(1, 1, 0x60, 0, many(1001, 0x7f))))).toEqual([
      LIMIT,
      "too many results",
    ]);
    expect(kindAndText(moduleOf(section(1, 1, 0x5f, many(10001, 0x7f, 0))))).toEqual([
      LIMIT,
      "too many fields",
    ]);
    expect(kindAndText(moduleOf(section(0, many(100001, 0x41))))).toEqual([LIMIT, "name too long"]);
  });

  test("a count that nothing can follow allocates nothing", () => {
    for (const id of [1, 2, 4, 5, 6, 7, 9, 11, 13]) {
      const failure = failureOf(moduleOf(section(id, 0xff, 0xff, 0x3f)), WASM_3_0);
      expect([failure.kind, failure.message]).toEqual([MALFORMED, "length out of bounds"]);
    }
  });
});

test("signatures", () => {
  const { types } = read(WASM_2_0, section(1, 1, 0x60, 2, 0x7f, 0x7e, 2, 0x7e, 0x7f));
  expect([types[0].params, types[0].results]).toEqual([
    [I32, I64],
    [I64, I32],
  ]);
});
