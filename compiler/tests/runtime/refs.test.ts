// References on the wasm stack: held, swept, released.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../abi/layout.ts";
import { PYTHON_EXCEPTION } from "../../ir/traps.ts";
import { LEVELS, Process } from "./process.ts";

describe.each(LEVELS)("references on the wasm stack, optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  const held = () => p.field(layouts.CONTEXT_REFS_COUNT.offset);

  test("what the stack no longer has is released, the rest stays", () => {
    const m = p.machine;
    m.sp -= 4096n; // frames of wasm code
    m.bytes.fill(0, Number(m.sp), Number(m.sp) + 4096);
    const kept = p.object();
    m.write(m.sp + 8n * 100n, kept);
    p.call("ref_hold", kept);
    p.call("ref_hold", kept);
    expect(held()).toBe(1n);
    const dead: bigint[] = [];
    p.onDeath = (o) => {
      // Python code that runs meanwhile finds an empty list and may use its own.
      expect(held()).toBe(0n);
      dead.push(o);
      const other = p.object();
      p.call("ref_hold", other);
      p.call("refs_release", p.context);
      expect(p.counts.get(other)).toBe(1);
    };
    let last = 0n;
    for (let i = 0; i < 1024; i++) {
      last = p.object();
      p.call("ref_adopt", last);
    }
    expect(held()).toBeLessThan(60n); // the filter may err in favour of a few
    expect(dead.length).toBeGreaterThan(950);
    expect(new Set(dead).size).toBe(dead.length);
    expect(p.counts.get(kept)).toBe(2);
    expect(p.counts.get(last)).toBe(1);
    p.onDeath = () => {};
    p.call("refs_release", p.context);
    expect([held(), p.counts.get(kept), p.counts.get(last)]).toEqual([0n, 1, 0]);
    expect(p.field(layouts.CONTEXT_REFS.offset)).toBe(0n);
  });

  test("more than half alive: the list grows", () => {
    const m = p.machine;
    m.sp -= 8n * 3000n;
    for (let i = 0; i < 2500; i++) {
      const o = p.object();
      m.write(m.sp + BigInt(i) * 8n, o);
      p.call("ref_adopt", o);
    }
    expect(held()).toBe(2500n);
    for (const n of p.counts.values()) expect(n).toBe(1);
  });

  test("without memory the caller gets a MemoryError, and nothing leaks", () => {
    const o = p.object();
    p.failMalloc = true;
    expect(p.trapCode("ref_hold", o)).toBe(PYTHON_EXCEPTION);
    expect([p.raised, p.counts.get(o)]).toEqual(["MemoryError", 1]);
  });

  test("cells", () => {
    const cell = p.machine.allocate(8);
    const [a, b] = [p.object(), p.object()];
    p.call("ref_set", cell, a, 0n);
    p.call("ref_store", cell, b, 0n);
    expect([p.machine.read(cell), p.counts.get(a), p.counts.get(b)]).toEqual([b, 1, 2]);
    p.call("ref_set", cell, 0n, 0n);
    expect(p.counts.get(b)).toBe(1);
  });
});
