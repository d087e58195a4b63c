// Bounds of stacks, what happens when CPython wants something, and the context given to Python and taken back.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../abi/layout.ts";
import { SYM_FUNC } from "../../ir/program.ts";
import { PYTHON_EXCEPTION, STACK_EXHAUSTED } from "../../ir/traps.ts";
import { verify } from "../../ir/verify.ts";
import { Body } from "../../runtime/body.ts";
import { continued, suspend } from "../../runtime/handover.ts";
import * as os from "../../runtime/linux.ts";
import { Resumed } from "../interpret.ts";
import { LEVELS, MINUS_ONE, Process } from "./process.ts";

describe.each(LEVELS)("stack and breaker, optimized at level %i", (level) => {
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

  /** CPython wants something. The place of the eval breaker is unknown, so what is tested is a byte of the context. */
  const want = () => p.setField(layouts.CONTEXT_ALWAYS.offset, 1n);
  /** Sets what PyErr_CheckSignals does besides answering. */
  const onCheck = (more: () => bigint) => {
    p.machine.natives.set("PyErr_CheckSignals", () => {
      p.setField(layouts.CONTEXT_ALWAYS.offset, 0n);
      return more();
    });
  };

  test("bounds are asked for once per thread, until it ends", () => {
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(p.field(layouts.CONTEXT_STACK_LOW.offset)).toBe(low());
    expect(p.field(layouts.CONTEXT_LIMIT.offset)).toBe(low() + 131072n);
    p.setField(layouts.CONTEXT_STACK_LOW.offset, 0n);
    p.setField(layouts.CONTEXT_STACK_SIZE.offset, 0n);
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(p.field(layouts.CONTEXT_STACK_LOW.offset)).toBe(low());
    expect(asked()).toBe(1);
    p.call("thread_exit", p.context);
    expect(p.field(layouts.CONTEXT_STACK_SIZE.offset)).toBe(0n);
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(asked()).toBe(2);
    p.call("stacks_forget", p.context);
    expect(p.field(layouts.CONTEXT_STACK_SIZE.offset)).toBe(0n);
    expect(p.call("stack_enter", p.context)).toBe(0n);
    expect(asked()).toBe(3);
  });

  test("an answer far down the stack is put off, and other threads run; then it is given where wasm code was entered", () => {
    const { machine: m } = p;
    let [answers, yields] = [0, 0];
    onCheck(() => {
      answers++;
      return 0n;
    });
    m.natives.set("PyEval_SaveThread", () => {
      yields++;
      return 7n;
    });
    expect(p.call("stack_enter", p.context)).toBe(0n);
    p.setField(layouts.CONTEXT_STACK_SIZE.offset, p.field(layouts.CONTEXT_STACK_SIZE.offset) * 1024n);
    want();
    p.call("stack_slow");
    p.call("stack_slow");
    expect([answers, yields, p.field(layouts.CONTEXT_PUT_OFF.offset)]).toEqual([0, 1, 2n]);
    p.setField(layouts.CONTEXT_PUT_OFF.offset, 1024n);
    p.call("stack_slow");
    expect([answers, yields]).toEqual([0, 2]);
    p.setField(layouts.CONTEXT_PUT_OFF.offset, 1n << 20n);
    m.natives.set("syscall", () => 43n); // another thread than the main one
    p.call("stack_slow");
    expect([answers, p.field(layouts.CONTEXT_PUT_OFF.offset)]).toEqual([0, (1n << 20n) + 1n]);
    m.natives.set("syscall", () => 42n);
    expect(() => p.call("stack_slow")).toThrow();
    expect(p.field(layouts.CONTEXT_TRAP_CODE.offset) & 0xffffffffn).toBe(BigInt(STACK_EXHAUSTED));
    expect([answers, p.field(layouts.CONTEXT_PUT_OFF.offset)]).toEqual([0, 0n]);
    p.call("trap_to_exception", p.context);
    expect(answers).toBe(1);
  });

  test("too little stack is a RecursionError at entry, every time", () => {
    p.machine.natives.set("pthread_attr_getstack", (_, l, s) => {
      p.machine.write(l, p.machine.sp - 30_000n);
      p.machine.write(s, 32768n);
      return 0n;
    });
    expect(p.call("stack_enter", p.context)).toBe(0xffffffffn);
    expect(p.raised).toBe("3: too little stack left for WebAssembly code");
    expect(p.field(layouts.CONTEXT_STACK_SIZE.offset)).toBe(0n);
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

  test("CPython gets what it wants, once, and what other threads did to the context is undone", () => {
    p.call("stack_enter", p.context);
    let checks = 0;
    onCheck(() => {
      checks++;
      p.setField(layouts.CONTEXT_ENTRY_SP.offset, 1n);
      p.setField(layouts.CONTEXT_LIMIT.offset, 2n);
      p.setField(layouts.CONTEXT_STACK_SIZE.offset, 3n);
      p.setField(layouts.CONTEXT_BREAKER.offset, 4n);
      return 0n;
    });
    const own = [
      layouts.CONTEXT_ENTRY_SP.offset,
      layouts.CONTEXT_LIMIT.offset,
      layouts.CONTEXT_BREAKER.offset,
    ];
    const before = own.map((field) => p.field(field));
    p.call("stack_slow");
    expect(checks).toBe(0);
    want();
    p.call("stack_slow");
    p.call("stack_slow");
    expect(checks).toBe(1);
    expect(own.map((field) => p.field(field))).toEqual(before);
    expect(p.field(layouts.CONTEXT_TICK.offset)).toBe(0n);
  });

  test("pending calls and the evaluation loop are for what is left; what stays is asked for now and then", () => {
    p.call("stack_enter", p.context);
    const calls: string[] = [];
    const { machine: m } = p;
    let now = 5_000_000_000n;
    m.natives.set("clock_gettime", (clock, time) => {
      expect(clock).toBe(BigInt(os.CLOCK_MONOTONIC_COARSE));
      m.write(time, now / 1_000_000_000n);
      m.write(time + 8n, now % 1_000_000_000n);
      return 0n;
    });
    m.natives.set("PyErr_CheckSignals", () => {
      calls.push("signals");
      return 0n;
    });
    m.natives.set("PyEval_SaveThread", () => {
      calls.push("lock");
      return 7n;
    });
    m.natives.set("Py_MakePendingCalls", () => {
      calls.push("pending");
      return 0n;
    });
    m.natives.set("PyDict_New", () => p.object());
    m.natives.set("PyEval_EvalCode", () => {
      calls.push("loop");
      return p.object();
    });
    p.setField(layouts.CONTEXT_NOTHING.offset, p.object());
    want();
    p.call("stack_slow");
    const all = ["signals", "lock", "pending", "loop"];
    expect(calls).toEqual(all);
    for (let i = 0; i < 200; i++) p.call("stack_slow");
    expect(calls).toEqual(all);
    now += 4_000_000n;
    for (let i = 0; i < 65; i++) p.call("stack_slow");
    expect(calls).toEqual([...all, ...all]);
    for (let i = 0; i < 200; i++) p.call("stack_slow");
    expect(calls).toEqual([...all, ...all]);
    // Of what the loop raises, the frame that did nothing is not shown.
    const error = [p.object(), p.object(), p.object()];
    m.natives.set("PyEval_EvalCode", () => 0n);
    m.natives.set("PyErr_Fetch", (...cells) => {
      cells.forEach((cell, i) => {
        m.write(cell, error[i]);
      });
      return undefined;
    });
    m.natives.set("PyErr_NormalizeException", () => undefined);
    m.addresses.set("_Py_NoneStruct", 0x9999n);
    const traceback: bigint[] = [];
    m.natives.set("PyException_SetTraceback", (value, none) => {
      traceback.push(value, none);
      return 0n;
    });
    m.natives.set("PyErr_Restore", (...three) => {
      traceback.push(...three);
      return undefined;
    });
    now += 4_000_000n;
    p.setField(layouts.CONTEXT_SKIP.offset, 0n);
    expect(() => p.call("stack_slow")).toThrow(Resumed);
    expect(traceback).toEqual([error[1], 0x9999n, error[0], error[1], 0n]);
    expect(error.map((o) => p.counts.get(o))).toEqual([1, 1, 0]);
  });

  test("an exception of a signal handler and an exhausted stack unwind from the caller's place", () => {
    p.call("stack_enter", p.context);
    p.setField(layouts.CONTEXT_ENTRY_PC.offset, 0x7777n);
    const sp = p.machine.sp;
    want();
    onCheck(() => 0xffffffffn);
    expect(() => p.call("stack_slow")).toThrow(Resumed);
    expect(p.field(layouts.CONTEXT_TRAP_CODE.offset) & 255n).toBe(BigInt(PYTHON_EXCEPTION));
    p.setField(layouts.CONTEXT_LIMIT.offset, sp);
    p.call("stack_slow");
    p.setField(layouts.CONTEXT_LIMIT.offset, sp + 1n);
    expect(() => p.call("stack_slow")).toThrow(Resumed);
    expect(p.field(layouts.CONTEXT_TRAP_CODE.offset) & 255n).toBe(BigInt(STACK_EXHAUSTED));
    expect(p.field(layouts.CONTEXT_TRAP_PC.offset)).toBe(0x5555n);
    expect(p.field(layouts.CONTEXT_TRAP_SP.offset)).toBe(sp);
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
      layouts.CONTEXT_ENTRY_SP.offset,
      layouts.CONTEXT_ENTRY_PC.offset,
      layouts.CONTEXT_REFS.offset,
      layouts.CONTEXT_REFS_COUNT.offset,
      layouts.CONTEXT_REFS_CAPACITY.offset,
      layouts.CONTEXT_LIMIT.offset,
      layouts.CONTEXT_BREAKER.offset,
    ];
    own.forEach((field, i) => {
      p.setField(field, BigInt(i + 10));
    });
    p.machine.natives.set("python", () => {
      expect(p.field(layouts.CONTEXT_REFS_COUNT.offset)).toBe(0n);
      for (const field of own) p.setField(field, 99n);
      return undefined;
    });
    p.machine.call(program.find("test_handover"), [p.context]);
    expect(own.map((field) => p.field(field))).toEqual([10n, 11n, 12n, 13n, 14n, 15n, 16n]);
  });
});
