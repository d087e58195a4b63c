// Tables and element segments, and who owns the references in them.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../abi/layout.ts";
import { PYTHON_EXCEPTION, TABLE_OUT_OF_BOUNDS } from "../../ir/traps.ts";
import { LEVELS, MINUS_ONE, Process } from "./process.ts";

describe.each(LEVELS)("tables, optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  let record: bigint;
  beforeEach(() => {
    record = p.table();
    expect(p.call("table_create", record, 0n, 3n, 6n)).toBe(0n);
  });
  const at = (i: number) => p.machine.read(p.machine.read(record) + BigInt(i) * 8n);
  const count = (o: bigint) => p.counts.get(o);

  test("cells own their objects", () => {
    const [a, b] = [p.object(), p.object()];
    p.call("table_set", record, 1n, a);
    expect([at(1), count(a)]).toEqual([a, 2]);
    p.call("table_set", record, 1n, b);
    expect([at(1), count(a), count(b)]).toEqual([b, 1, 2]);
    p.call("table_set", record, 1n, b);
    expect(count(b)).toBe(2);
    p.call("table_set", record, 1n, 0n);
    expect(count(b)).toBe(1);
    expect(p.trapCode("table_set", record, 3n, a)).toBe(TABLE_OUT_OF_BOUNDS);
    expect(p.trapCode("table_set", record, 0xffffffffn, a)).toBe(TABLE_OUT_OF_BOUNDS);
    expect(count(a)).toBe(1);
  });

  test("get holds", () => {
    const a = p.object();
    p.call("table_set", record, 2n, a);
    expect(p.call("table_get", record, 2n)).toBe(a);
    expect(count(a)).toBe(3);
    expect(p.call("table_get", record, 0n)).toBe(0n);
    expect(p.trapCode("table_get", record, 3n)).toBe(TABLE_OUT_OF_BOUNDS);
    p.call("refs_release", p.context);
    expect(count(a)).toBe(2);
  });

  test("grow, fill, destroy", () => {
    const [a, b] = [p.object(), p.object()];
    expect(p.call("table_grow", record, a, 2n)).toBe(3n);
    expect([at(3), at(4), count(a)]).toEqual([a, a, 3]);
    expect(p.call("table_grow", record, a, 2n)).toBe(MINUS_ONE);
    expect(p.call("table_grow", record, a, 0xffffffffn)).toBe(MINUS_ONE);
    p.failMalloc = true;
    expect(p.call("table_grow", record, a, 1n)).toBe(MINUS_ONE);
    p.failMalloc = false;
    p.call("table_fill", record, 2n, b, 2n);
    expect([at(2), at(3), at(4), count(a), count(b)]).toEqual([b, b, a, 2, 3]);
    expect(p.trapCode("table_fill", record, 4n, b, 2n)).toBe(TABLE_OUT_OF_BOUNDS);
    expect(count(b)).toBe(3);
    p.call("table_destroy", record);
    expect([count(a), count(b)]).toEqual([1, 1]);
    expect(p.machine.read(record)).toBe(0n);
  });

  test("copy within itself, both ways", () => {
    const objects = [p.object(), p.object(), p.object()];
    objects.forEach((o, i) => {
      p.call("table_set", record, BigInt(i), o);
    });
    p.call("table_copy", record, record, 1n, 0n, 2n);
    expect([at(0), at(1), at(2)]).toEqual([objects[0], objects[0], objects[1]]);
    expect(objects.map(count)).toEqual([3, 2, 1]);
    p.call("table_copy", record, record, 0n, 1n, 2n);
    expect([at(0), at(1), at(2)]).toEqual([objects[0], objects[1], objects[1]]);
    expect(p.trapCode("table_copy", record, record, 2n, 0n, 2n)).toBe(TABLE_OUT_OF_BOUNDS);
    expect(p.trapCode("table_copy", record, record, 0n, 2n, 2n)).toBe(TABLE_OUT_OF_BOUNDS);
  });

  test("a finalizer may grow the table that is being filled", () => {
    const [dying, b] = [p.object(), p.object()];
    p.call("table_fill", record, 0n, dying, 2n);
    p.counts.set(dying, 2); // only the table's
    p.onDeath = (o) => {
      expect(o).toBe(dying);
      expect(p.call("table_extend", record, 0n, 3n)).toBe(3n);
    };
    p.call("table_fill", record, 0n, b, 3n);
    expect([at(0), at(1), at(2), at(3)]).toEqual([b, b, b, 0n]);
    expect([count(dying), count(b)]).toEqual([0, 4]);
  });

  test("function records are owned through their instance or callable", () => {
    const funcs = p.table();
    p.call("table_create", funcs, 1n, 2n, MINUS_ONE);
    const cell = (i: number) => p.machine.read(p.machine.read(funcs) + BigInt(i) * 8n);
    const [module, callable] = [p.object(), p.object()];
    const other = p.machine.allocate(64);
    p.machine.write(other + BigInt(layouts.VMCTX_MODULE.offset), module);
    const [f, g] = [p.machine.allocate(40), p.machine.allocate(40)];
    p.machine.write(f + BigInt(layouts.FUNC_VMCTX.offset), other);
    p.machine.write(g + BigInt(layouts.FUNC_OBJECT.offset), callable);
    p.call("table_set", funcs, 0n, f);
    p.call("table_set", funcs, 1n, g);
    expect([cell(0), count(module), count(callable)]).toEqual([f, 2, 2]);
    // Held: by the instance and by the record. The instance that runs is not held.
    p.call("table_get", funcs, 0n);
    p.call("table_get", funcs, 0n);
    p.call("table_get", funcs, 1n);
    expect([count(module), count(callable)]).toEqual([4, 3]);
    p.call("refs_release", p.context);
    expect([count(module), count(callable)]).toEqual([2, 2]);
    p.machine.write(other + BigInt(layouts.VMCTX_MODULE.offset), p.machine.read(p.machine.vmctx + 16n));
    p.call("table_get", funcs, 0n);
    expect(p.field(layouts.CONTEXT_REFS_COUNT.offset)).toBe(0n);
  });

  test("element segments", () => {
    const funcs = p.table();
    p.call("table_create", funcs, 1n, 4n, MINUS_ONE);
    const elem = p.machine.allocate(16);
    p.call("elem_new", elem, 3n);
    const offsets = p.machine.allocate(12);
    const imported = p.machine.allocate(40);
    const callable = p.object();
    p.machine.write(imported + BigInt(layouts.FUNC_OBJECT.offset), callable);
    p.machine.write(p.machine.vmctx + 48n, imported);
    p.machine.write(offsets, 96n, 4);
    p.machine.write(offsets + 4n, BigInt.asUintN(32, ~48n), 4);
    p.machine.write(offsets + 8n, 96n, 4);
    const own = p.machine.vmctx + 96n;
    p.machine.write(own + BigInt(layouts.FUNC_VMCTX.offset), p.machine.vmctx);
    p.call("elem_funcs", elem, offsets);
    p.call("table_init", funcs, elem, 1n, 0n, 2n);
    const cell = (i: number) => p.machine.read(p.machine.read(funcs) + BigInt(i) * 8n);
    expect([cell(0), cell(1), cell(2), cell(3)]).toEqual([0n, own, imported, 0n]);
    expect(count(callable)).toBe(2);
    expect(p.trapCode("table_init", funcs, elem, 0n, 2n, 2n)).toBe(TABLE_OUT_OF_BOUNDS);
    expect(p.trapCode("table_init", funcs, elem, 3n, 0n, 2n)).toBe(TABLE_OUT_OF_BOUNDS);
    const blocks = p.machine.blocks.size;
    p.call("elem_drop", elem);
    p.call("elem_free", elem);
    expect(p.machine.blocks.size).toBe(blocks - 1);
    expect(p.trapCode("table_init", funcs, elem, 0n, 0n, 1n)).toBe(TABLE_OUT_OF_BOUNDS);
    expect(p.trapCode("table_init", funcs, elem, 0n, 0n, 0n)).toBe(-1);
    p.failMalloc = true;
    expect(p.trapCode("elem_new", elem, 3n)).toBe(PYTHON_EXCEPTION);
  });
});
