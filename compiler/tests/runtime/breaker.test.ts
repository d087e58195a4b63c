// Where the eval breaker is: found, verified, and forgotten with the thread state.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../abi/layout.ts";
import { LEVELS, Process } from "./process.ts";

const NONE = 0x9999n;

describe.each(LEVELS)("the eval breaker, optimized at level %i", (level) => {
  let p: Process;
  /** The states of the interpreter and of the running thread, and where in them the breaker really is. */
  let interpreter: bigint;
  let thread: bigint;
  let breaker: bigint;
  let requested: bigint;
  /** What sys.gettrace and sys.getprofile return. */
  let tracer: bigint;
  /** What the evaluation loop raises besides requests. */
  let raises: string;
  let evaluations: number;
  let dict: Map<bigint, bigint>;

  const set = (x: number) => {
    p.machine.bytes[Number(breaker)] = x;
  };

  /** A CPython of this version, whose requests show at `at`. */
  const start = (version: number, at: bigint) => {
    p = new Process(level);
    const { machine: m } = p;
    const natives = m.natives;
    if (version !== 0) {
      const cell = m.allocate(8);
      m.write(cell, BigInt(version) << 16n);
      m.addresses.set("Py_Version", cell);
    }
    const isNew = version >= 0x030d;
    interpreter = m.allocate(1024);
    thread = m.allocate(256);
    breaker = (isNew ? thread : interpreter) + at;
    requested = -1n;
    tracer = NONE;
    raises = "";
    evaluations = 0;
    dict = new Map();
    m.addresses.set("_Py_NoneStruct", NONE);
    p.counts.set(NONE, 100);
    natives.set("Py_CompileString", (text, _, start) => {
      expect([m.text(text), start]).toEqual(["0", 258n]);
      return p.object();
    });
    natives.set("PyThreadState_Get", () => thread);
    natives.set("PyInterpreterState_Get", () => interpreter);
    natives.set("PyThreadState_GetDict", () => 5n);
    natives.set("PyDict_GetItemString", (_, key) => dict.get(key) ?? 0n);
    natives.set("PyDict_SetItemString", (_, key, value) => {
      natives.get("Py_IncRef")?.(value);
      dict.set(key, value);
      return 0n;
    });
    natives.set("PyCapsule_New", (pointer, name, destructor) => {
      expect(name).toBe(0n); // a name would be of an image that may be closed
      const capsule = p.object(24);
      m.write(capsule, pointer);
      m.write(capsule + 8n, destructor);
      return capsule;
    });
    natives.set("PyCapsule_GetPointer", (capsule) => m.read(capsule));
    natives.set("PyCapsule_SetContext", (capsule, context) => {
      m.write(capsule + 16n, context);
      return 0n;
    });
    natives.set("PyCapsule_GetContext", (capsule) => m.read(capsule + 16n));
    natives.set("PySys_GetObject", (name) => {
      expect(m.text(name)).toMatch(/^get(trace|profile)$/);
      return 6n;
    });
    natives.set("PyObject_CallObject", () => {
      natives.get("Py_IncRef")?.(tracer);
      return tracer;
    });
    natives.set("PyErr_NewException", () => p.object());
    natives.set("PyErr_ExceptionMatches", (type) => (p.raised === `request ${type}` ? 1n : 0n));
    natives.set("PyThread_get_thread_ident", () => 77n);
    natives.set("PyThreadState_SetAsyncExc", (ident, exception) => {
      expect(ident).toBe(77n);
      expect(isNew).toBe(exception === 0n || requested > 0n);
      requested = exception;
      set(8);
      return 1n;
    });
    natives.set("PyDict_New", () => p.object());
    natives.set("PyEval_EvalCode", () => {
      evaluations++;
      if (raises !== "") {
        p.raised = raises;
        return 0n;
      }
      set(0);
      if (requested > 0n) {
        p.raised = `request ${requested}`;
        requested = 0n;
        return 0n;
      }
      return p.object();
    });
  };
  const find = () => p.call("breaker_find", p.context);
  const place = () => p.field(layouts.CONTEXT_BREAKER_AT.offset);

  test.each([
    [0, 68n],
    [0x030b, 100n],
    [0x030c, 368n],
    [0x030d, 24n],
    [0x030f, 24n],
    [0x0310, 24n],
  ])("of version %i is found, and followed three requests", (version, at) => {
    start(version, at);
    p.setField(layouts.CONTEXT_STACK_SIZE.offset, 1000n);
    expect(find()).toBe(0n);
    expect(place()).toBe(at);
    expect(evaluations).toBe(3);
    expect(p.raised).toBe("");
    expect(p.field(layouts.CONTEXT_STACK_SIZE.offset)).toBe(0n); // the next entry asks again
    expect(find()).toBe(0n);
    expect(evaluations).toBe(3);
  });

  test("what does not follow is not used", () => {
    for (const [version, wrong] of [
      [0x030b, 108n],
      [0x030d, 32n],
    ] as const) {
      start(version, wrong);
      expect(find()).toBe(0n);
      expect([place(), evaluations, p.raised]).toEqual([0n, 16, ""]);
      expect(p.call("breaker", p.context)).toBe(p.context + BigInt(layouts.CONTEXT_ALWAYS.offset));
    }
    // Nor what is not 0 whatever is asked for.
    start(0x030d, 24n);
    p.machine.natives.set("PyEval_EvalCode", () => p.object());
    expect([find(), place()]).toEqual([0n, 0n]);
  });

  test("requests of others meanwhile do not count", () => {
    start(0x030d, 24n);
    set(1);
    let others = 5;
    const evaluate = p.machine.natives.get("PyEval_EvalCode");
    p.machine.natives.set("PyEval_EvalCode", () => {
      const result = evaluate?.();
      if (others-- > 0) set(1);
      return result;
    });
    expect([find(), place()]).toEqual([0n, 24n]);
  });

  test("a tracing function is left alone: the next image looks again", () => {
    start(0x030b, 100n);
    tracer = p.object();
    expect([find(), place(), evaluations]).toEqual([0n, 0n, 0]);
    expect(p.counts.get(tracer)).toBe(1);
    tracer = NONE;
    expect([find(), place()]).toEqual([0n, 100n]);
  });

  test("what a signal's handler raises meanwhile arrives, and no request is left behind", () => {
    for (const version of [0x030b, 0x030d]) {
      start(version, version === 0x030b ? 100n : 24n);
      raises = "KeyboardInterrupt";
      if (version === 0x030b) {
        p.machine.natives.set("PyThreadState_SetAsyncExc", (_, exception) => {
          requested = exception;
          return 1n;
        });
      }
      expect(find()).toBe(0xffffffffn);
      expect([p.raised, requested, place()]).toEqual(["KeyboardInterrupt", 0n, 0n]);
    }
  });

  test("the threads of 3.12 share one, those of 3.13 have their own, until they end", () => {
    start(0x030c, 368n);
    find();
    expect(p.call("breaker", p.context)).toBe(breaker);
    expect(dict.size).toBe(0);

    start(0x030d, 24n);
    const { machine: m } = p;
    const end = m.allocate(8);
    p.setField(layouts.CONTEXT_THREAD_END.offset, end);
    find();
    expect(p.call("breaker", p.context)).toBe(breaker);
    expect(p.call("breaker", p.context)).toBe(breaker);
    const [capsule] = dict.values();
    expect([m.read(capsule), m.read(capsule + 8n), m.read(capsule + 16n)]).toEqual([breaker, end, p.context]);
    expect(p.counts.get(capsule)).toBe(1);
    // Two stacks of this thread, one of another.
    const stack = (i: number, of: bigint) => {
      const at = p.context + BigInt(layouts.CONTEXT_STACKS.offset + 24 * i);
      m.write(at + 8n, 4096n);
      m.write(at + 16n, of);
      return () => m.read(at + 8n);
    };
    const sizes = [stack(0, breaker), stack(1, 1n), stack(7, breaker)];
    p.setField(layouts.CONTEXT_STACK_SIZE.offset, 4096n);
    p.setField(layouts.CONTEXT_BREAKER.offset, 1n);
    p.call("thread_state_end", capsule);
    expect(sizes.map((size) => size())).toEqual([0n, 4096n, 0n]);
    expect(p.field(layouts.CONTEXT_STACK_SIZE.offset)).toBe(4096n);
    p.setField(layouts.CONTEXT_BREAKER.offset, breaker);
    p.call("thread_state_end", capsule);
    expect(p.field(layouts.CONTEXT_STACK_SIZE.offset)).toBe(0n);
  });

  test("a thread whose end would not be noticed tests the byte that is never 0", () => {
    const always = () => p.context + BigInt(layouts.CONTEXT_ALWAYS.offset);
    start(0x030d, 24n);
    find();
    p.machine.natives.set("PyCapsule_New", () => {
      p.raised = "MemoryError";
      return 0n;
    });
    expect([p.call("breaker", p.context), p.raised]).toEqual([always(), ""]);
    start(0x030d, 24n);
    find();
    p.machine.natives.set("PyDict_SetItemString", () => {
      p.raised = "MemoryError";
      return 0xffffffffn;
    });
    expect([p.call("breaker", p.context), p.raised]).toEqual([always(), ""]);
    p.machine.natives.set("PyThreadState_GetDict", () => 0n);
    expect(p.call("breaker", p.context)).toBe(always());
  });

  beforeEach(() => start(0x030d, 24n));
});
