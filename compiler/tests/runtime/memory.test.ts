// Memories: reservation, growth, and the bulk instructions.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../abi/layout.ts";
import { MEMORY_OUT_OF_BOUNDS } from "../../ir/traps.ts";
import { LEVELS, MINUS_ONE, Process } from "./process.ts";

describe.each(LEVELS)("memories, optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  const PAGE = 65536n;
  let record: bigint;
  let base: bigint;
  beforeEach(() => {
    record = p.memory();
    expect(p.call("memory_create", record, 2n, 5n)).toBe(0n);
    base = p.machine.read(record);
    p.log.length = 0;
  });
  const size = () => p.machine.read(record + 8n);

  test("a guarded one reserves all that 32-bit indices and offsets reach", () => {
    p.call("memory_create", p.memory(), 1n, MINUS_ONE);
    expect(p.log).toEqual([`mmap ${(1n << 33n) + PAGE}`, `mprotect ${PAGE} 3`]);
    p.log.length = 0;
    p.call("memory_destroy", record);
    expect(p.log).toEqual([`munmap ${(1n << 33n) + PAGE}`]);
    expect(size()).toBe(0n);
    p.call("memory_destroy", record);
    expect(p.log.length).toBe(1);
  });

  test("where that is refused, a part of the maximum that leaves as much free", () => {
    p.mappable = 1n << 30n;
    const small = p.memory();
    expect(p.call("memory_create", small, 3n, MINUS_ONE)).toBe(0n);
    expect(p.machine.read(small + 24n)).toBe(1n << 29n);
    expect(p.machine.read(small + 16n)).toBe(1n << 32n);
    expect(p.log.slice(-4)).toEqual([
      `mmap ${1n << 30n}`,
      `munmap ${1n << 30n}`,
      `mmap ${1n << 29n}`,
      `mprotect ${3n * PAGE} 3`,
    ]);
    expect(p.call("memory_extend", small, 8190n)).toBe(MINUS_ONE);
    expect(p.call("memory_create", p.memory(), 0n, 0n)).toBe(0n);
    expect(p.log.at(-2)).toBe(`mmap ${PAGE}`);
  });

  test("what cannot be reserved at all, or more pages than allowed, is a MemoryError", () => {
    p.mappable = 3n * PAGE;
    expect(p.call("memory_create", p.memory(), 3n, MINUS_ONE)).toBe(0n);
    expect(p.call("memory_create", p.memory(), 4n, MINUS_ONE)).toBe(0xffffffffn);
    expect(p.raised).toBe("MemoryError");
    expect(p.call("memory_create", p.memory(), 65537n, MINUS_ONE)).toBe(0xffffffffn);
  });

  test("growth", () => {
    expect(p.call("memory_grow", record, 0n)).toBe(2n);
    expect(p.log).toEqual([]);
    expect(p.call("memory_grow", record, 3n)).toBe(2n);
    expect(p.log).toEqual([`mprotect ${3n * PAGE} 3`]);
    expect(size()).toBe(5n * PAGE);
    expect(p.call("memory_grow", record, 1n)).toBe(MINUS_ONE);
    expect(p.call("memory_grow", record, 0xffffffffn)).toBe(MINUS_ONE);
    expect(size()).toBe(5n * PAGE);
    const big = p.memory();
    p.call("memory_create", big, 0n, MINUS_ONE);
    expect(p.call("memory_extend", big, 65536n)).toBe(MINUS_ONE); // mprotect refuses
    expect(p.machine.read(big + 8n)).toBe(0n);
  });

  test("fill", () => {
    p.call("memory_fill", record, 10n, 0x1abn, 3n);
    expect(p.machine.read(base + 8n)).toBe(0x000000ababab0000n);
    expect(p.trapCode("memory_fill", record, 2n * PAGE, 0n, 0n)).toBe(-1);
    expect(p.trapCode("memory_fill", record, 2n * PAGE - 1n, 9n, 2n)).toBe(MEMORY_OUT_OF_BOUNDS);
    expect(p.trapCode("memory_fill", record, 2n * PAGE + 1n, 0n, 0n)).toBe(MEMORY_OUT_OF_BOUNDS);
    expect(p.trapCode("memory_fill", record, 1n, 0n, 0xffffffffn)).toBe(MEMORY_OUT_OF_BOUNDS);
    expect(p.machine.read(base + 2n * PAGE - 1n, 1)).toBe(0n);
  });

  test("init", () => {
    const segment = p.machine.allocate(8);
    p.machine.write(segment, 0x0807060504030201n);
    p.call("memory_init", record, segment, 8n, 100n, 2n, 3n);
    expect(p.machine.read(base + 99n)).toBe(0x00000005040300n);
    expect(p.trapCode("memory_init", record, segment, 8n, 0n, 6n, 3n)).toBe(MEMORY_OUT_OF_BOUNDS);
    expect(p.trapCode("memory_init", record, segment, 8n, 2n * PAGE - 1n, 0n, 2n)).toBe(MEMORY_OUT_OF_BOUNDS);
    expect(p.trapCode("memory_init", record, segment, 0n, 0n, 0n, 0n)).toBe(-1);
    expect(p.trapCode("memory_init", record, segment, 8n, 0n, 0xffffffffn, 0xffffffffn)).toBe(
      MEMORY_OUT_OF_BOUNDS,
    );
  });

  test("copy overlaps in both directions", () => {
    for (let i = 0n; i < 64n; i++) p.machine.write(base + i, i, 1);
    p.call("memory_copy", record, record, 8n, 4n, 40n);
    expect(p.machine.read(base + 47n, 1)).toBe(43n);
    expect(p.machine.read(base + 8n, 1)).toBe(4n);
    p.call("memory_copy", record, record, 2n, 8n, 20n);
    expect(p.machine.read(base + 2n, 1)).toBe(4n);
    expect(p.trapCode("memory_copy", record, record, 0n, 2n * PAGE - 3n, 4n)).toBe(MEMORY_OUT_OF_BOUNDS);
    expect(p.trapCode("memory_copy", record, record, 2n * PAGE - 3n, 0n, 4n)).toBe(MEMORY_OUT_OF_BOUNDS);
  });

  test("long operations go in chunks, from the end where they must, and poll in between", () => {
    const huge = (50n << 20n) + 5n;
    p.machine.write(record + 8n, 1n << 32n);
    const seen: [bigint, bigint, bigint][] = [];
    const note = (to: bigint, from: bigint, n: bigint) => {
      seen.push([to - base, from - base, n]);
      return to;
    };
    p.machine.natives.set("memmove", note);
    p.machine.natives.set("memset", (to, _, n) => note(to, base, n));
    let polls = 0;
    p.setField(layouts.CONTEXT_BREAKER.offset, 4711n);
    p.machine.onPoll = (breaker) => {
      expect(breaker).toBe(4711n);
      polls++;
    };
    const chunk = 16n << 20n;
    p.call("memory_copy", record, record, 1n, 0n, huge);
    expect(seen).toEqual([
      [1n + huge - chunk, huge - chunk, chunk],
      [1n + huge - 2n * chunk, huge - 2n * chunk, chunk],
      [1n + huge - 3n * chunk, huge - 3n * chunk, chunk],
      [1n, 0n, huge - 3n * chunk],
    ]);
    expect(polls).toBe(3);
    seen.length = 0;
    p.call("memory_copy", record, record, 0n, 1n, huge);
    expect(seen.map((s) => s[0])).toEqual([0n, chunk, 2n * chunk, 3n * chunk]);
    seen.length = 0;
    p.call("memory_fill", record, 3n, 1n, chunk);
    expect(seen).toEqual([[3n, 0n, chunk]]);
    expect(polls).toBe(6);
  });
});
