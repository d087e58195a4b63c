// The ledger of what memories and tables hold, and when garbage is looked for.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../abi/layout.ts";
import { PYTHON_EXCEPTION } from "../../ir/traps.ts";
import { LEAST } from "../../runtime/ledger.ts";
import { LEVELS, MINUS_ONE, Process } from "./process.ts";

describe.each(LEVELS)("the ledger, optimized at level %i", (level) => {
  let p: Process;
  let looked: number;
  /** What looking for garbage does. */
  let onLook: () => void;
  let fails: boolean;
  let collect: bigint;
  beforeEach(() => {
    p = new Process(level);
    looked = 0;
    onLook = () => {};
    fails = false;
    collect = p.object();
    p.setField(layouts.CONTEXT_LEDGER.offset + layouts.LEDGER_COLLECT.offset, collect);
    p.machine.natives.set("PyObject_CallObject", (callable, args) => {
      expect([callable, args, p.counts.get(collect)]).toEqual([collect, 0n, 2]);
      looked++;
      onLook();
      return fails ? 0n : p.object();
    });
  });

  const PAGE = 65536n;
  const word = (at: number) => p.field(layouts.CONTEXT_LEDGER.offset + at);
  const held = () => word(layouts.LEDGER_BYTES.offset);
  const limit = () => word(layouts.LEDGER_LIMIT.offset);
  const made = (pages: bigint) => {
    const record = p.memory();
    expect(p.call("memory_create", record, pages, MINUS_ONE)).toBe(0n);
    return record;
  };
  const least = BigInt(LEAST);
  const most = least / PAGE;

  test("memories count what is committed, when it is and as long", () => {
    const record = made(2n);
    expect(held()).toBe(2n * PAGE);
    expect(p.call("memory_grow", record, 3n)).toBe(2n);
    expect(p.call("memory_extend", record, 0n)).toBe(5n);
    expect(held()).toBe(5n * PAGE);
    expect(p.call("memory_grow", record, 70000n)).toBe(MINUS_ONE);
    expect(held()).toBe(5n * PAGE);
    p.mappable = 0n;
    expect(p.call("memory_create", p.memory(), 1n, MINUS_ONE)).toBe(0xffffffffn);
    expect(held()).toBe(5n * PAGE);
    p.call("memory_destroy", record);
    expect([held(), limit(), looked]).toEqual([0n, least, 0]);
  });

  test("tables count their elements", () => {
    const record = p.table();
    p.call("table_create", record, 0n, 3n, 6n);
    expect(p.call("table_grow", record, 0n, 2n)).toBe(3n);
    expect(p.call("table_grow", record, 0n, 2n)).toBe(MINUS_ONE);
    expect(held()).toBe(40n);
    p.call("table_destroy", record);
    expect(held()).toBe(0n);
  });

  test("wasm code that grows beyond the limit has garbage looked for", () => {
    const garbage = made(most);
    const record = made(0n);
    expect(looked).toBe(0);
    onLook = () => {
      // Wasm code is suspended.
      expect(p.field(layouts.CONTEXT_REFS_COUNT.offset)).toBe(0n);
      p.call("memory_destroy", garbage);
    };
    p.setField(layouts.CONTEXT_REFS_COUNT.offset, 1n);
    expect(p.call("memory_grow", record, 1n)).toBe(0n);
    expect([looked, held(), limit(), p.field(layouts.CONTEXT_REFS_COUNT.offset)]).toEqual([
      1,
      PAGE,
      least,
      1n,
    ]);
    p.setField(layouts.CONTEXT_REFS_COUNT.offset, 0n);
    expect(p.call("memory_grow", record, 1n)).toBe(1n);
    expect(looked).toBe(1);
  });

  test("the limit is twice what was left, and falls with it", () => {
    const first = made(most);
    const second = made(most);
    expect(p.call("memory_grow", second, 1n)).toBe(most);
    expect([looked, limit()]).toEqual([1, 2n * (2n * most + 1n) * PAGE]);
    expect(p.call("memory_grow", second, 2n * most)).toBe(most + 1n);
    expect(looked).toBe(1);
    p.call("memory_destroy", second);
    expect([held(), limit()]).toEqual([least, 2n * least]);
    p.call("memory_destroy", first);
    expect(limit()).toBe(least);
  });

  test("tables that wasm code grows are no different", () => {
    const record = p.table();
    p.call("table_create", record, 0n, 0n, MINUS_ONE);
    p.setField(layouts.CONTEXT_LEDGER.offset + layouts.LEDGER_LIMIT.offset, 15n);
    expect(p.call("table_grow", record, 0n, 2n)).toBe(0n);
    expect([looked, limit()]).toEqual([1, least]);
  });

  test("what is raised meanwhile traps", () => {
    const record = made(most);
    fails = true;
    expect(p.trapCode("memory_grow", record, 1n)).toBe(PYTHON_EXCEPTION);
    expect(p.call("ledger_settle", p.context + BigInt(layouts.CONTEXT_LEDGER.offset))).toBe(0xffffffffn);
    expect(p.counts.get(collect)).toBe(1);
  });

  test("with little stack it is left to the next time", () => {
    const record = made(most);
    p.setField(layouts.CONTEXT_STACK_LOW.offset, p.machine.sp - 1024n);
    p.setField(layouts.CONTEXT_STACK_SIZE.offset, 65536n);
    expect(p.call("memory_grow", record, 1n)).toBe(most);
    expect([looked, limit()]).toEqual([0, least]);
    p.setField(layouts.CONTEXT_STACK_LOW.offset, p.machine.sp - 60000n);
    expect(p.call("memory_grow", record, 0n)).toBe(most + 1n);
    expect(looked).toBe(1);
  });

  test("without anything to call, only the limit rises", () => {
    p.setField(layouts.CONTEXT_LEDGER.offset + layouts.LEDGER_COLLECT.offset, 0n);
    const record = made(most);
    expect(p.call("memory_grow", record, 1n)).toBe(most);
    expect([looked, limit()]).toEqual([0, 2n * (least + PAGE)]);
  });
});
