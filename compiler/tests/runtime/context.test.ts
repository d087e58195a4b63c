// The context of an interpreter: made once, shared, given back.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../../abi/layout.ts";
import { LEVELS, Process } from "./process.ts";

describe.each(LEVELS)("the context, optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  const KEY = "wasmpy/context/6";
  let dict: Map<string, bigint>;
  let destructor: bigint;
  beforeEach(() => {
    const m = p.machine;
    dict = new Map();
    m.natives.set("PyInterpreterState_Get", () => 1n);
    m.natives.set("PyInterpreterState_GetDict", () => 2n);
    m.natives.set("PyDict_GetItemString", (_, key) => dict.get(m.text(key)) ?? 0n);
    m.natives.set("PyDict_SetItemString", (_, key, value) => {
      m.natives.get("Py_IncRef")?.(value);
      dict.set(m.text(key), value);
      return 0n;
    });
    m.natives.set("PyCapsule_New", (pointer, name, d) => {
      expect(m.text(name)).toBe(KEY);
      destructor = d;
      const capsule = p.object();
      m.write(capsule, pointer);
      return capsule;
    });
    m.natives.set("PyCapsule_GetPointer", (capsule) => m.read(capsule));
    m.natives.set("pthread_key_create", (key) => {
      m.write(key, 77n, 4);
      return 0n;
    });
    m.natives.set("pthread_key_delete", (key) => {
      p.log.push(`delete ${key}`);
      return 0n;
    });
  });

  test("made once, under a versioned key; its end releases what it owns", () => {
    const context = p.call("context");
    expect(p.call("context")).toBe(context);
    expect([...dict.keys()]).toEqual([KEY]);
    const capsule = dict.get(KEY) ?? 0n;
    expect(p.counts.get(capsule)).toBe(1);
    const callable = p.object();
    p.machine.write(context + BigInt(layouts.CONTEXT_RAISE.offset), callable);
    p.machine.callAddress(destructor, [capsule]);
    expect(p.counts.get(callable)).toBe(0);
    expect(p.log).toContain("delete 77");
    expect(p.machine.blocks.has(context)).toBe(true);
  });

  test("failures leave nothing behind", () => {
    p.failMalloc = true;
    expect(p.call("context")).toBe(0n);
    expect(p.raised).toBe("MemoryError");
    p.failMalloc = false;
    const blocks = p.machine.blocks.size;
    p.machine.natives.set("pthread_key_create", () => 11n);
    expect(p.call("context")).toBe(0n);
    expect(p.machine.blocks.size).toBe(blocks);
    p.machine.natives.set("PyInterpreterState_GetDict", () => 0n);
    expect(p.call("context")).toBe(0n);
    expect(p.raised.startsWith("2: ")).toBe(true);
  });
});
