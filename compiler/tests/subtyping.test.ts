// Subtyping of declared types: a check costs the same however deep they are, and however many types are listed.

import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { Bytes } from "../base/bytes.ts";
import { LIMIT } from "../base/errors.ts";
import { validate } from "../driver.ts";
import { WASM_3_0 } from "../wasm/features.ts";
import { TypeSpace } from "../wasm/subtyping.ts";
import { COMP_STRUCT, DefType, FieldType, I32, I64, ref } from "../wasm/types.ts";

// What takes a step for each supertype needs more than a minute for the longest chain.
vi.setConfig({ testTimeout: 15_000 });

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function u(x: number): number[] {
  const out = new Bytes();
  out.leb(x);
  return [...out.view()];
}

function s(x: number): number[] {
  const out = new Bytes();
  out.sleb(x);
  return [...out.view()];
}

function repeat<T>(count: number, item: T): T[] {
  return Array.from({ length: count }, () => item);
}

function vec(items: readonly (readonly number[])[]): number[] {
  return [u(items.length), ...items].flat();
}

function section(id: number, content: readonly number[]): number[][] {
  return [[id, ...u(content.length)], [...content]];
}

function moduleOf(...sections: number[][]): Uint8Array {
  return Uint8Array.from([HEADER, ...sections].flat());
}

function code(body: readonly (readonly number[])[]): number[] {
  const bytes = body.flat();
  return [u(bytes.length + 2), [0], bytes, [END]].flat();
}

function functype(params: readonly number[][], results: readonly number[][]): number[] {
  return [0x60, ...vec(params), ...vec(results)];
}

const END = 0x0b;
const UNREACHABLE = [0];
/** An open structure, a direct subtype of type `above`; without fields unless told. */
const open = (above: number, fields = [0]) => [
  0x50,
  ...(above < 0 ? [0] : [1, ...u(above)]),
  0x5f,
  ...fields,
];
const CHAIN = Array.from({ length: 64 }, (_, i) => open(i - 1));
const TOP = [0x63, ...s(0)];
const BOTTOM = [0x63, ...s(63)];

test("the numbers of types tell what walking from supertype to supertype tells", () => {
  const field = fc.constantFrom([], [new FieldType(I32, true)], [new FieldType(I64, false)]);
  const rows = fc.array(
    fc.record({ above: fc.nat(), isRoot: fc.boolean(), fields: field, ends: fc.nat(3) }),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(rows, (types) => {
      const defs: DefType[] = [];
      for (let start = 0; start < types.length; ) {
        const size = Math.min(1 + types[start].ends, types.length - start);
        for (let i = start; i < start + size; i++) {
          const { above, isRoot, fields } = types[i];
          const supertype = i === 0 || (isRoot && above % 3 === 0) ? -1 : above % i;
          defs.push(new DefType(COMP_STRUCT, [], [], fields, false, supertype, start, size));
        }
        start += size;
      }
      const space = new TypeSpace(defs);
      for (let a = 0; a < defs.length; a++) {
        const above = new Set<number>();
        for (let i = a; i >= 0; i = defs[i].supertype) above.add(space.canon[i]);
        for (let b = 0; b < defs.length; b++) {
          expect(space.indexMatches(a, b)).toBe(above.has(space.canon[b]));
          expect(space.matches(ref(a, false), ref(b, true))).toBe(above.has(space.canon[b]));
        }
      }
    }),
  );
});

/** A type that counts how often its supertype is asked for. */
class Counted extends DefType {
  static asked = 0;

  constructor(above: number, index: number) {
    super(COMP_STRUCT, [], [], [], false, above, index, 1);
    Object.defineProperty(this, "supertype", {
      get: () => {
        Counted.asked++;
        return above;
      },
    });
  }
}

test("lists are compared without a walk over supertypes", () => {
  const space = new TypeSpace(Array.from({ length: 64 }, (_, i) => new Counted(i - 1, i)));
  Counted.asked = 0;
  const low = repeat(1000, ref(63, true));
  expect(space.listMatches(low, repeat(1000, ref(0, true)))).toBe(true);
  expect(space.listMatches(low, [...repeat(999, ref(0, true)), ref(0, false)])).toBe(false);
  expect(space.listMatches(repeat(1000, ref(0, true)), low)).toBe(false);
  expect(Counted.asked).toBe(0);
});

describe("deep types in long lists", () => {
  test("fields whose types stand in a chain that is too long", () => {
    const length = 100_000;
    const wide = open(-1, vec(repeat(10_000, [0x63, ...s(5), 0])));
    const deep = open(0, vec(repeat(10_000, [0x63, ...s(5 + length - 1), 0])));
    const chain = Array.from({ length }, (_, i) => open(i === 0 ? -1 : 4 + i));
    const group = [0x4e, ...vec([wide, ...repeat(4, deep), ...chain])];
    const { diagnostic } = validate(moduleOf(...section(1, vec([group]))), WASM_3_0);
    expect(diagnostic).toMatchObject({ kind: LIMIT, message: "subtyping too deep" });
  });

  test("fields of types, over the longest chain", () => {
    const wide = open(-1, vec(repeat(10_000, [...TOP, 0])));
    const deep = open(64, vec(repeat(10_000, [...BOTTOM, 0])));
    const bytes = moduleOf(...section(1, vec([...CHAIN, wide, ...repeat(50, deep)])));
    expect(validate(bytes, WASM_3_0).diagnostic).toBe(null);
  });

  const types = [
    ...CHAIN,
    functype([], repeat(1000, TOP)), // 64
    functype([], repeat(1000, BOTTOM)), // 65
    functype(repeat(1000, BOTTOM), []), // 66
    functype(repeat(1000, TOP), repeat(1000, BOTTOM)), // 67
  ];

  test.each([
    ["tail calls", [64, 65], repeat(2000, [0x12, 1])],
    ["calls", [64, 67], repeat(2000, [0x10, 1])],
  ])("%s", (_, functions, calls) => {
    const bodies = [code([UNREACHABLE, ...calls, UNREACHABLE]), code([UNREACHABLE])];
    const bytes = moduleOf(
      ...section(1, vec(types)),
      ...section(3, vec(functions.map(u))),
      ...section(10, vec(bodies)),
    );
    expect(validate(bytes, WASM_3_0).diagnostic).toBe(null);
  });

  test("clauses of try_table", () => {
    const handler = [[0x1f, 0x40], vec(repeat(2000, [0, 0, 0])), [END]].flat();
    const body = code([[0x02, ...s(64)], handler, UNREACHABLE, [END], UNREACHABLE]);
    const bytes = moduleOf(
      ...section(1, vec(types)),
      ...section(3, vec([u(64)])),
      ...section(13, vec([[0, ...u(66)]])),
      ...section(10, vec([body])),
    );
    expect(validate(bytes, WASM_3_0).diagnostic).toBe(null);
  });
});

test("operands of a few calls that would fill gigabytes", () => {
  const calls = repeat(400_000, [0x10, 0]);
  const bytes = moduleOf(
    ...section(1, vec([functype([], repeat(1000, [0x7f])), functype([], [])])),
    ...section(3, vec([u(0), u(1)])),
    ...section(10, vec([code([UNREACHABLE]), code([...calls, UNREACHABLE])])),
  );
  expect(validate(bytes, WASM_3_0).diagnostic).toMatchObject({
    kind: LIMIT,
    message: "function too complex",
  });
});
