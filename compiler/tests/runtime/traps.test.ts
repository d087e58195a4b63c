// Traps: from the raising code to the Python exception.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../abi/layout.ts";
import { PYTHON_EXCEPTION, TRAP_MESSAGES } from "../../ir/traps.ts";
import { Resumed } from "../interpret.ts";
import { LEVELS, Process } from "./process.ts";

describe.each(LEVELS)("traps, optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  const resume = (name: string, ...operands: bigint[]): Resumed => {
    try {
      p.call(name, ...operands);
    } catch (e) {
      if (e instanceof Resumed) return e;
      throw e;
    }
    throw new Error("no resume");
  };

  test("raise copies the stack up to the entry record, and the Python side gets it", () => {
    const m = p.machine;
    p.setField(layouts.CONTEXT_ENTRY_PC.offset, 0x7777n);
    const entrySp = m.sp;
    m.sp -= 64n;
    for (let i = 0n; i < 8n; i++) m.write(m.sp + 8n * i, 1000n + i);
    const trapSp = m.sp;
    const to = resume("raise", 4n);
    expect([to.sp, to.pc]).toEqual([entrySp, 0x7777n]);
    m.sp = entrySp;
    m.bytes.fill(0xee, Number(trapSp), Number(entrySp)); // Python's frames
    const callable = p.object();
    p.setField(layouts.CONTEXT_RAISE.offset, callable);
    const seen: bigint[][] = [];
    m.natives.set("PyObject_CallObject", (f, args) => {
      expect(f).toBe(callable);
      const items = [0n, 8n, 16n, 24n].map((i) => m.read(args + i));
      seen.push([...items.slice(0, 3).map((o) => m.read(o)), m.read(items[3]), m.read(items[3] + 56n)]);
      p.raised = "Trap";
      return 0n;
    });
    p.call("trap_to_exception", p.context);
    expect(seen).toEqual([[4n, 0x5555n, trapSp, 1000n, 1007n]]);
    expect([p.raised, p.counts.get(callable)]).toEqual(["Trap", 1]);
    expect(p.field(layouts.CONTEXT_TRAP_STACK.offset)).toBe(0n);
  });

  test("without the Python side, or if it does not raise, there is a RuntimeError in the spec's words", () => {
    TRAP_MESSAGES.forEach((text, code) => {
      if (code === PYTHON_EXCEPTION) return;
      p.raised = "";
      resume("raise", BigInt(code));
      p.call("trap_to_exception", p.context);
      expect(p.raised).toBe(`1: ${text}`);
    });
    p.raised = "";
    p.setField(layouts.CONTEXT_RAISE.offset, p.object());
    p.machine.natives.set("PyObject_CallObject", () => p.object());
    p.machine.natives.set("PyObject_IsInstance", () => 0n);
    resume("raise", 0n);
    p.call("trap_to_exception", p.context);
    expect(p.raised).toBe("1: unreachable");
  });

  test("the exception that the Python side returns is set", () => {
    const [exception, type] = [p.object(), p.object()];
    p.setField(layouts.CONTEXT_RAISE.offset, p.object());
    const { natives } = p.machine;
    natives.set("PyObject_CallObject", () => exception);
    natives.set("PyObject_IsInstance", (o, of) => (o === exception && of === 4n ? 1n : 0n));
    natives.set("PyObject_Type", () => type);
    natives.set("PyErr_SetObject", (t, o) => {
      p.raised = t === type && o === exception ? "it" : "another";
      return undefined;
    });
    resume("raise", 0n);
    p.call("trap_to_exception", p.context);
    expect([p.raised, p.counts.get(exception), p.counts.get(type)]).toEqual(["it", 0, 0]);
  });

  test("no memory for the copy: no frames; none for the call: its own exception", () => {
    p.failMalloc = true;
    resume("raise", 0n);
    expect(p.raised).toBe("");
    p.setField(layouts.CONTEXT_RAISE.offset, p.object());
    p.call("trap_to_exception", p.context);
    expect(p.raised).toBe("MemoryError");
    p.failMalloc = false;
    p.raised = "";
    p.machine.natives.set("PyObject_CallObject", (_, args) => {
      expect(p.machine.blocks.get(p.machine.read(args + 24n))).toBe(0n);
      p.raised = "Trap";
      return 0n;
    });
    p.call("trap_to_exception", p.context);
    expect(p.raised).toBe("Trap");
  });

  test("a Python exception stays what it is; a missing one is a SystemError", () => {
    p.raised = "ValueError";
    resume("raise", BigInt(PYTHON_EXCEPTION));
    p.call("trap_to_exception", p.context);
    expect(p.raised).toBe("ValueError");
    expect(p.field(layouts.CONTEXT_TRAP_STACK.offset)).toBe(0n);
    p.raised = "";
    resume("raise", BigInt(PYTHON_EXCEPTION));
    p.call("trap_to_exception", p.context);
    expect(p.raised.startsWith("2: ")).toBe(true);
  });

  test.each([
    ["with a traceback", true, true],
    ["without one", false, true],
    ["where the Python side fails", true, false],
  ])("a Python exception gets the frames of wasm code, %s", (_, hasOld, works) => {
    const m = p.machine;
    const { natives } = m;
    const none = p.object();
    m.addresses.set("_Py_NoneStruct", none);
    const [type, value, made] = [p.object(), p.object(), p.object()];
    const old = hasOld ? p.object() : 0n;
    const restored: bigint[] = [];
    natives.set("PyErr_Fetch", (t, v, b) => {
      m.write(t, type);
      m.write(v, value);
      m.write(b, old);
      p.raised = "";
      return undefined;
    });
    natives.set("PyErr_Restore", (...given) => {
      restored.push(...given);
      p.raised = "ValueError";
      return undefined;
    });
    natives.set("PyObject_CallObject", (_, args) => {
      expect([p.raised, m.read(m.read(args)), m.read(args + 32n)]).toEqual([
        "",
        BigInt(PYTHON_EXCEPTION),
        old || none,
      ]);
      if (works) return made;
      p.raised = "RecursionError";
      return 0n;
    });
    p.setField(layouts.CONTEXT_RAISE.offset, p.object());
    p.raised = "ValueError";
    resume("raise", BigInt(PYTHON_EXCEPTION));
    p.call("trap_to_exception", p.context);
    expect([p.raised, ...restored]).toEqual(["ValueError", type, value, works ? made : old]);
    if (hasOld) expect(p.counts.get(old)).toBe(works ? 1 : 2); // one is the call's: tuples here keep what is in them
    expect(p.field(layouts.CONTEXT_TRAP_STACK.offset)).toBe(0n);
  });

  test("what a signal's handler raises there takes the place of the exception", () => {
    const m = p.machine;
    m.addresses.set("_Py_NoneStruct", p.object());
    const [older, newer] = [0, 1].map(() => [p.object(), p.object(), p.object()]);
    const restored: bigint[] = [];
    const contexts: bigint[] = [];
    m.natives.set("PyErr_Fetch", (...to) => {
      const from = p.raised === "KeyboardInterrupt" ? newer : older;
      to.forEach((at, i) => {
        m.write(at, from[i]);
      });
      p.raised = "";
      return undefined;
    });
    m.natives.set("PyErr_NormalizeException", () => undefined);
    m.natives.set("PyException_SetContext", (...given) => {
      contexts.push(...given);
      return undefined;
    });
    m.natives.set("PyErr_Restore", (...given) => {
      restored.push(...given);
      return undefined;
    });
    m.natives.set("PyObject_CallObject", () => {
      p.raised = "KeyboardInterrupt";
      return 0n;
    });
    p.setField(layouts.CONTEXT_RAISE.offset, p.object());
    p.raised = "ValueError";
    resume("raise", BigInt(PYTHON_EXCEPTION));
    p.call("trap_to_exception", p.context);
    expect(restored).toEqual(newer);
    expect(contexts).toEqual([newer[1], older[1]]);
    expect(p.counts.get(older[0]) ?? 0).toBe(0);
  });
});
