// Python's signal handlers, wrapped so that wasm code stops.

import { beforeEach, describe, expect, test } from "vitest";
import { helper } from "../../ir/helpers.ts";
import * as layouts from "../../ir/layout.ts";
import { INTERRUPT_MARK } from "../../runtime/handlers.ts";
import * as os from "../../runtime/linux.ts";
import { LEVELS, MINUS_ONE, Process } from "./process.ts";

describe.each(LEVELS)("signals of Python, optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  let python: bigint;
  const calls: bigint[] = [];
  beforeEach(() => {
    calls.length = 0;
    python = p.foreign("signal_handler", (signal) => {
      // The signal is pending before the interrupt can be seen.
      expect(p.field(layouts.CONTEXT_LIMIT)).not.toBe(MINUS_ONE);
      calls.push(signal);
      return undefined;
    });
  });

  test("wrapped, wherever Python's handler is, and again when displaced", () => {
    p.install(2, python, 0x1000);
    p.install(15, python);
    p.install(17, 0x1230n);
    expect(p.call("watch_interrupts", p.context, 2n)).toBe(0n);
    const ours = p.machine.address(helper(p.machine.program, "on_interrupt"));
    expect([p.handler(2), p.handler(15), p.handler(17), p.handler(1)]).toEqual([ours, ours, 0x1230n, 0n]);
    expect(new DataView((p.actions.get(2) as Uint8Array).buffer).getInt32(136, true)).toBe(0x1004);
    p.call("on_interrupt", 2n, 0n, 0n);
    expect(calls).toEqual([2n]);
    expect(p.field(layouts.CONTEXT_LIMIT)).toBe(MINUS_ONE);
    expect(p.field(layouts.CONTEXT_INTERRUPT)).toBe(1n << 22n); // of SIGINT
    p.setField(layouts.CONTEXT_LIMIT, 0n);
    p.install(2, python);
    p.install(10, python);
    const blocks = p.machine.blocks.size;
    p.call("watch_interrupts", p.context, 2n);
    expect(p.machine.blocks.size).toBe(blocks); // nothing leaks
    expect([p.handler(2), p.handler(10)]).toEqual([ours, ours]);
    p.call("on_interrupt", 10n, 0n, 0n);
    expect(calls).toEqual([2n, 10n]);
    expect(p.field(layouts.CONTEXT_INTERRUPT)).toBe(1n);
  });

  test("ignored or default: left alone", () => {
    p.install(2, 1n);
    expect(p.call("watch_interrupts", p.context, 2n)).toBe(0n);
    expect(p.handler(2)).toBe(1n);
  });

  test("SIGINT ignored: another signal tells Python's handler, and does so for good", () => {
    p.install(2, 1n);
    p.install(15, python);
    const ours = p.machine.address(helper(p.machine.program, "on_interrupt"));
    expect(p.call("watch_interrupts", p.context, 15n)).toBe(0n);
    expect([p.handler(2), p.handler(15)]).toEqual([1n, ours]);
    p.install(10, python);
    expect(p.call("watch_interrupts", p.context, 2n)).toBe(0n);
    expect([p.handler(2), p.handler(10)]).toEqual([1n, ours]);
  });

  test("another image's wrapper is told of our context, and tells Python's handler", () => {
    const registered: bigint[] = [];
    const other = p.foreign("other_wrapper", (signal, node, out) => {
      expect(signal).toBe(0n);
      registered.push(p.machine.read(node + 8n));
      if (out !== 0n) p.machine.write(out, python);
      return undefined;
    });
    p.install(2, other, os.SA_SIGINFO, INTERRUPT_MARK);
    p.install(15, python);
    p.call("watch_interrupts", p.context, 2n);
    expect(registered).toEqual([p.context, p.context]); // for SIGINT, and once more in the loop
    expect(p.handler(2)).toBe(other);
    p.call("on_interrupt", 15n, 0n, 0n);
    expect(calls).toEqual([15n]);
    const out = p.machine.allocate(8);
    const node = p.machine.allocate(16);
    p.machine.write(node + 8n, p.machine.allocate(layouts.CONTEXT_BYTES));
    p.call("on_interrupt", 0n, node, out);
    expect(p.machine.read(out)).toBe(python);
  });
});
