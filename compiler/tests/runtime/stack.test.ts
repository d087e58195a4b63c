// Bounds of stacks, what answers an interrupt, and the context given to Python and taken back.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../ir/layout.ts";
import { SYM_FUNC } from "../../ir/program.ts";
import { PYTHON_EXCEPTION, STACK_EXHAUSTED } from "../../ir/traps.ts";
import { verify } from "../../ir/verify.ts";
import { Body } from "../../runtime/body.ts";
import { continued, suspend } from "../../runtime/handover.ts";
import * as os from "../../runtime/linux.ts";
import { Resumed } from "../interpret.ts";
import { LEVELS, MINUS_ONE, Process } from "./process.ts";

describe.each(LEVELS)("stack and interrupts, optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  let lowest: bigint;
  const low = () => lowest;
  beforeEach(() => {
    const m = p.machine;
    lowest = m.sp - 1_000_000n;
    m.natives.set("pthread_self", () => 5n);
    m.natives.set("pthread_getattr_np", () => 0n);
    m.natives.set("pthread_attr_destroy", () => 0n);
    m.natives.set("pthread_setspecific", () => 0n);
    m.natives.set("pthread_sigmask", () => 0n);
    m.natives.set("syscall", () => 43n);
    m.natives.set("pthread_attr_getstack", (_, l, s) => {
      p.log.push("getstack");
      m.write(l, low());
      m.write(s, 1_048_576n);
      return 0n;
    });
  });

  const asked = () => p.log.filter((x) => x === "getstack").length;

  test("bounds are asked for once per thread, until it ends", () => {
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(p.field(layouts.CONTEXT_STACK_LOW)).toBe(low());
    expect(p.field(layouts.CONTEXT_LIMIT)).toBe(low() + 131072n);
    expect(p.field(layouts.CONTEXT_REAL_LIMIT)).toBe(low() + 131072n);
    p.setField(layouts.CONTEXT_STACK_LOW, 0n);
    p.setField(layouts.CONTEXT_STACK_SIZE, 0n);
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(p.field(layouts.CONTEXT_STACK_LOW)).toBe(low());
    expect(asked()).toBe(1);
    p.call("thread_exit", p.context);
    expect(p.field(layouts.CONTEXT_STACK_SIZE)).toBe(0n);
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(asked()).toBe(2);
    p.call("stacks_forget", p.context);
    expect(p.field(layouts.CONTEXT_STACK_SIZE)).toBe(0n);
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(asked()).toBe(3);
  });

  test("an interrupt far down the stack is put off, then answered where wasm code was entered", () => {
    const { machine: m } = p;
    let answers = 0;
    m.natives.set("PyErr_CheckSignals", () => {
      answers++;
      return 0n;
    });
    expect(p.call("stack_enter", p.context)).toBe(0n);
    p.setField(layouts.CONTEXT_STACK_SIZE, p.field(layouts.CONTEXT_STACK_SIZE) * 1024n);
    p.call("interrupt", p.context);
    p.call("stack_slow");
    expect([answers, p.field(layouts.CONTEXT_PUT_OFF), p.field(layouts.CONTEXT_LIMIT)]).toEqual([
      0,
      1n,
      MINUS_ONE,
    ]);
    p.setField(layouts.CONTEXT_PUT_OFF, 1n << 20n);
    m.natives.set("syscall", () => 43n); // another thread than the main one
    p.call("stack_slow");
    expect([answers, p.field(layouts.CONTEXT_PUT_OFF)]).toEqual([1, 0n]);
    p.call("interrupt", p.context);
    p.setField(layouts.CONTEXT_PUT_OFF, 1n << 20n);
    m.natives.set("syscall", () => 42n);
    expect(() => p.call("stack_slow")).toThrow();
    expect(p.field(layouts.CONTEXT_TRAP_CODE) & 0xffffffffn).toBe(BigInt(STACK_EXHAUSTED));
    expect(answers).toBe(1);
    p.call("trap_to_exception", p.context);
    expect(answers).toBe(2);
  });

  test("a pending interrupt survives a change of threads", () => {
    p.call("interrupt", p.context);
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(p.field(layouts.CONTEXT_LIMIT)).toBe(MINUS_ONE);
    expect(p.field(layouts.CONTEXT_REAL_LIMIT)).toBe(low() + 131072n);
  });

  test("too little stack is a RecursionError at entry, every time", () => {
    p.machine.natives.set("pthread_attr_getstack", (_, l, s) => {
      p.machine.write(l, p.machine.sp - 30_000n);
      p.machine.write(s, 32768n);
      return 0n;
    });
    expect(p.call("stack_enter", p.context)).toBe(0xffffffffn);
    expect(p.raised).toBe("3: too little stack left for WebAssembly code");
    expect(p.field(layouts.CONTEXT_STACK_SIZE)).toBe(0n);
    expect(p.call("stack_enter", p.context)).toBe(0xffffffffn);
  });

  test("a stack that the C library does not know is refused", () => {
    p.machine.natives.set("pthread_getattr_np", () => 12n);
    expect(p.call("stack_enter", p.context)).toBe(0xffffffffn);
  });

  test("main threads: by the resource limit, if there is one", () => {
    const out = p.machine.allocate(16);
    const top = p.machine.sp + 48_576n;
    p.machine.natives.set("pthread_attr_getstack", (_, l, s) => {
      p.machine.write(l, top - 200_000n);
      p.machine.write(s, 200_000n);
      return 0n;
    });
    const measured = () => {
      p.call("stack_measure", out);
      return [p.machine.read(out), p.machine.read(out + 8n)];
    };
    expect(measured()).toEqual([top - 200_000n, 200_000n]); // another thread, musl
    p.machine.natives.set("syscall", () => 42n);
    let limit = 8n << 20n;
    p.machine.natives.set("getrlimit", (_, r) => {
      p.machine.write(r, limit);
      return 0n;
    });
    expect(measured()).toEqual([top - (6n << 20n), 6n << 20n].map((x) => BigInt.asUintN(64, x)));
    limit = MINUS_ONE;
    expect(measured()[1]).toBe(48n << 20n);
    const end = p.machine.allocate(8);
    p.machine.write(end, top - 100n);
    p.machine.addresses.set("__libc_stack_end", end);
    expect(measured()).toEqual([top - 200_000n, 200_000n]);
    p.machine.natives.set("pthread_attr_getstack", (_, l, s) => {
      p.machine.write(l, BigInt.asUintN(64, top - (1n << 40n)));
      p.machine.write(s, 1n << 40n);
      return 0n;
    });
    expect(measured()).toEqual([BigInt.asUintN(64, top - (64n << 20n)), 64n << 20n]);
    limit = 1n << 40n;
    const usable = (1n << 40n) - (2n << 20n);
    expect(measured()).toEqual([BigInt.asUintN(64, top - usable), usable]);
  });

  test("an interrupt is answered once, and what other threads did to the context is undone", () => {
    p.call("stack_enter", p.context);
    p.call("interrupt", p.context);
    let checks = 0;
    p.machine.natives.set("PyErr_CheckSignals", () => {
      checks++;
      expect(p.field(layouts.CONTEXT_LIMIT)).toBe(low() + 131072n);
      p.setField(layouts.CONTEXT_ENTRY_SP, 1n);
      p.setField(layouts.CONTEXT_REAL_LIMIT, 2n);
      p.setField(layouts.CONTEXT_STACK_SIZE, 3n);
      return 0n;
    });
    const sp = p.field(layouts.CONTEXT_ENTRY_SP);
    p.call("stack_slow");
    expect(checks).toBe(1);
    expect(p.field(layouts.CONTEXT_ENTRY_SP)).toBe(sp);
    expect(p.field(layouts.CONTEXT_LIMIT)).toBe(low() + 131072n);
    p.call("stack_slow");
    expect(checks).toBe(1);
    // Asked for again while it is being answered: not lost.
    p.call("interrupt", p.context);
    p.machine.natives.set("PyErr_CheckSignals", () => {
      p.call("interrupt", p.context);
      return 0n;
    });
    p.call("stack_slow");
    expect(p.field(layouts.CONTEXT_LIMIT)).toBe(MINUS_ONE);
  });

  test("Ctrl-C in a thread that cannot answer it lets others run more than once", () => {
    p.call("stack_enter", p.context);
    let yields = 0;
    p.machine.natives.set("PyEval_SaveThread", () => {
      yields++;
      return 7n;
    });
    for (const [thread, times] of [
      [43n, 3],
      [42n, 1], // the main thread
    ] as const) {
      p.machine.natives.set("syscall", () => thread);
      yields = 0;
      p.call("interrupt", p.context);
      p.setField(layouts.CONTEXT_INTERRUPT, 3n);
      for (let i = 0; i < 5; i++) p.call("stack_slow");
      expect(yields).toBe(times);
      expect(p.field(layouts.CONTEXT_LIMIT)).toBe(low() + 131072n);
    }
  });

  test("an exception of a signal handler and an exhausted stack unwind from the caller's place", () => {
    p.call("stack_enter", p.context);
    p.setField(layouts.CONTEXT_ENTRY_PC, 0x7777n);
    const sp = p.machine.sp;
    p.call("interrupt", p.context);
    p.machine.natives.set("PyErr_CheckSignals", () => 0xffffffffn);
    expect(() => p.call("stack_slow")).toThrow(Resumed);
    expect(p.field(layouts.CONTEXT_TRAP_CODE) & 255n).toBe(BigInt(PYTHON_EXCEPTION));
    p.setField(layouts.CONTEXT_REAL_LIMIT, sp);
    p.call("stack_slow");
    p.setField(layouts.CONTEXT_REAL_LIMIT, sp + 1n);
    expect(() => p.call("stack_slow")).toThrow(Resumed);
    expect(p.field(layouts.CONTEXT_TRAP_CODE) & 255n).toBe(BigInt(STACK_EXHAUSTED));
    expect(p.field(layouts.CONTEXT_TRAP_PC)).toBe(0x5555n);
    expect(p.field(layouts.CONTEXT_TRAP_SP)).toBe(sp);
  });

  test("suspend and continued keep what belongs to the thread", () => {
    const { program, image } = p.machine;
    const c = new Body(program, image, os.LINUX_X64);
    const python = program.symbol("python", SYM_FUNC, program.signature([], [], 1));
    c.start(program.symbol("test_handover", SYM_FUNC, program.signature([6], [], 1)));
    const record = suspend(c, c.argument(0));
    c.call(python, []);
    continued(c, c.argument(0), record);
    c.ret([]);
    verify(c.finish(), program);
    p.machine.add(c.func);
    const own = [
      layouts.CONTEXT_ENTRY_SP,
      layouts.CONTEXT_ENTRY_PC,
      layouts.CONTEXT_REFS,
      layouts.CONTEXT_REFS_COUNT,
      layouts.CONTEXT_REFS_CAPACITY,
      layouts.CONTEXT_REAL_LIMIT,
    ];
    own.forEach((field, i) => {
      p.setField(field, BigInt(i + 10));
    });
    p.machine.natives.set("python", () => {
      expect(p.field(layouts.CONTEXT_REFS_COUNT)).toBe(0n);
      for (const field of own) p.setField(field, 99n);
      return undefined;
    });
    p.machine.call(program.find("test_handover"), [p.context]);
    expect(own.map((field) => p.field(field))).toEqual([10n, 11n, 12n, 13n, 14n, 15n]);
    expect(p.field(layouts.CONTEXT_LIMIT)).toBe(15n);
  });
});
