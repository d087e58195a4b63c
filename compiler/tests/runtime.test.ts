// The run time as IR: every function verifies, order and names hold, and most of the logic is run in the
// interpreter against a process that is simulated here.

import { beforeEach, describe, expect, test } from "vitest";
import * as layouts from "../ir/layout.ts";
import { OPS } from "../ir/ops.ts";
import { Program, SYM_DATA, SYM_FUNC, SYM_RODATA } from "../ir/program.ts";
import {
  MEMORY_OUT_OF_BOUNDS,
  PYTHON_EXCEPTION,
  STACK_EXHAUSTED,
  TABLE_OUT_OF_BOUNDS,
  TRAP_MESSAGES,
} from "../ir/traps.ts";
import { verify } from "../ir/verify.ts";
import { Image } from "../obj/image.ts";
import { FULL, optimize, QUICK } from "../opt/passes.ts";
import { Body, PC_TABLE, TEXT_END, TEXT_START } from "../runtime/body.ts";
import { entry } from "../runtime/entries.ts";
import { FAULT_MARK, INTERRUPT_MARK, Mark } from "../runtime/handlers.ts";
import { continued, suspend } from "../runtime/handover.ts";
import * as os from "../runtime/linux.ts";
import { buildRuntime, FUNCTIONS } from "../runtime/runtime.ts";
import {
  SHAPE,
  SHAPE_BYTES,
  SHAPE_SPACES,
  SPACE_BYTES,
  SPACE_COUNT,
  SPACE_POINTERS,
} from "../runtime/shape.ts";
import { EXT_MEMORY, Memory, Module } from "../wasm/module.ts";
import { Limits, MemoryType } from "../wasm/types.ts";
import { Machine, Resumed, Trapped } from "./interpreter.ts";

function moduleWithMemory(): Module {
  const module = new Module(new Uint8Array());
  module.memories.push(new Memory(new MemoryType(new Limits(0, 0, false, 0, 0, false, false)), false));
  return module;
}

/** Builds every function into a Func of its own; `level` -1: as it was written. */
function build(machine: Machine, level = -1): void {
  for (const { name } of FUNCTIONS) {
    const { program, image } = machine;
    const wanted = entry(program, name);
    buildRuntime(program, image, os.LINUX_X64).each(
      (func) => {
        verify(func, program);
        if (level >= 0) {
          optimize(func, program, level);
          verify(func, program);
        }
        machine.add(func);
      },
      (symbol) => symbol === wanted,
    );
  }
}

test("every function verifies", () => {
  const program = new Program();
  const machine = new Machine(program, new Image(program));
  build(machine);
  expect(FUNCTIONS.length).toBeGreaterThan(40);
});

test("callers stand before what they call, and all they call is there", () => {
  const program = new Program();
  const image = new Image(program);
  const place = new Map(FUNCTIONS.map(({ name }, i) => [entry(program, name), i]));
  expect(place.size).toBe(FUNCTIONS.length);
  const outside = new Set([TEXT_START, TEXT_END]);
  buildRuntime(program, image, os.LINUX_X64).each(
    (func) => {
      const at = place.get(func.symbol) ?? -1;
      for (let b = 0; b < func.blockCount; b++) {
        for (let v = func.first.get(b); v >= 0; v = func.next[v]) {
          const { name } = OPS[func.op[v]];
          const symbol =
            name === "symbol" ? func.imm[v] : name === "call" || name === "invoke" ? func.c[v] : -1;
          if (symbol < 0 || program.symbols[symbol].kind !== SYM_FUNC) continue;
          if (outside.has(program.symbols[symbol].name) || symbol === func.symbol) continue;
          expect(place.get(symbol) ?? -1, `${func.name} → ${program.symbols[symbol].name}`).toBeGreaterThan(
            at,
          );
        }
      }
    },
    () => true,
  );
});

test("only what is asked for is written", () => {
  const program = new Program();
  const written: string[] = [];
  const wanted = new Set([entry(program, "memory_grow")]);
  buildRuntime(program, new Image(program), os.LINUX_X64).each(
    (func) => {
      written.push(func.name);
      wanted.add(entry(program, "memory_extend"));
    },
    (symbol) => wanted.has(symbol),
  );
  expect(written).toEqual(["wasmpy_memory_grow", "wasmpy_memory_extend"]);
});

// --- a process ---------------------------------------------------------------------------------------------

const LAYOUT = new layouts.Layout(moduleWithMemory(), new Uint8Array());
const MINUS_ONE = (1n << 64n) - 1n;

class Process {
  readonly machine: Machine;
  readonly counts: Map<bigint, number>; // references of Python objects
  /** What runs when the last reference goes. */
  onDeath: (object: bigint) => void;
  raised: string;
  /** Lengths of memory operations, protections, and so on. */
  readonly log: string[];
  readonly actions: Map<number, Uint8Array>;
  context: bigint;
  mappable: bigint;
  failMalloc: boolean;

  constructor(level: number) {
    const program = new Program();
    const m = new Machine(program, new Image(program));
    this.machine = m;
    this.counts = new Map();
    this.onDeath = () => {};
    this.raised = "";
    this.log = [];
    this.actions = new Map();
    this.mappable = 1n << 40n;
    this.failMalloc = false;
    this.natives();
    m.addresses.set(TEXT_START, 0x700000n);
    m.addresses.set(TEXT_END, 0x701000n);
    build(m, level);
    this.context = m.allocate(layouts.CONTEXT_BYTES);
    m.vmctx = m.allocate(LAYOUT.bytes + 64);
    m.write(m.vmctx + BigInt(layouts.VMCTX_CONTEXT), this.context);
    m.write(m.vmctx + BigInt(layouts.VMCTX_MODULE), this.object());
    this.setField(layouts.CONTEXT_ENTRY_SP, m.sp);
  }

  private natives(): void {
    const { machine: m } = this;
    const range = (at: bigint, n: bigint) => m.bytes.subarray(Number(at), Number(at + n));
    const set = (name: string, native: (...x: bigint[]) => bigint | undefined) => m.natives.set(name, native);
    const allocate = (n: bigint) => (this.failMalloc ? 0n : m.allocate(n));
    set("malloc", allocate);
    set("calloc", (a, b) => allocate(a * b));
    set("free", (p) => {
      m.free(p);
      return undefined;
    });
    set("realloc", (p, n) => {
      const fresh = allocate(n);
      if (fresh === 0n || p === 0n) return fresh;
      const old = m.blocks.get(p) ?? 0n;
      range(fresh, n < old ? n : old).set(range(p, n < old ? n : old).slice());
      m.free(p);
      return fresh;
    });
    const move = (name: string) =>
      set(name, (to, from, n) => {
        this.log.push(`${name} ${n}`);
        range(to, n).set(range(from, n).slice());
        return to;
      });
    move("memcpy");
    move("memmove");
    set("memset", (to, x, n) => {
      this.log.push(`memset ${n}`);
      range(to, n).fill(Number(x & 255n));
      return to;
    });
    set("mmap", (_, n) => {
      this.log.push(`mmap ${n}`);
      return n > this.mappable ? MINUS_ONE : m.allocate(1 << 18);
    });
    set("munmap", (_, n) => {
      this.log.push(`munmap ${n}`);
      return 0n;
    });
    set("mprotect", (_, n, prot) => {
      this.log.push(`mprotect ${n} ${prot}`);
      return n > 1n << 30n ? 0xffffffffn : 0n;
    });
    set("Py_IncRef", (o) => {
      if (o === 0n) return undefined;
      const n = this.counts.get(o) ?? 0;
      if (n < 1) throw new Error(`incref of ${o}, which is dead`);
      this.counts.set(o, n + 1);
      return undefined;
    });
    set("Py_DecRef", (o) => {
      if (o === 0n) return undefined;
      const n = this.counts.get(o) ?? 0;
      if (n < 1) throw new Error(`decref of ${o}, which is dead`);
      this.counts.set(o, n - 1);
      if (n === 1) this.onDeath(o);
      return undefined;
    });
    set("PyErr_NoMemory", () => {
      this.raised = "MemoryError";
      return 0n;
    });
    set("PyErr_SetString", (type, text) => {
      this.raised = `${type}: ${m.text(text)}`;
      return undefined;
    });
    set("PyErr_Occurred", () => (this.raised === "" ? 0n : 1n));
    set("PyErr_Clear", () => {
      this.raised = "";
      return undefined;
    });
    set("PyErr_CheckSignals", () => 0n);
    set("PyEval_SaveThread", () => 7n);
    set("PyEval_RestoreThread", (t) => {
      expect(t).toBe(7n);
      return undefined;
    });
    for (const [name, i] of [
      ["PyExc_RuntimeError", 1n],
      ["PyExc_SystemError", 2n],
      ["PyExc_RecursionError", 3n],
      ["PyExc_BaseException", 4n],
    ] as const) {
      const cell = m.allocate(8);
      m.write(cell, i);
      m.addresses.set(name, cell);
    }
    set("PyBytes_FromStringAndSize", (p, n) => {
      if (this.failMalloc) {
        this.raised = "MemoryError";
        return 0n;
      }
      const o = this.object(n);
      if (p !== 0n) range(o, n).set(range(p, n));
      return o;
    });
    set("PyLong_FromLong", (x) => this.number(x));
    set("PyLong_FromVoidPtr", (x) => this.number(x));
    set("PyTuple_New", (n) => this.object(n * 8n));
    set("PyTuple_SetItem", (t, i, o) => {
      m.write(t + i * 8n, o);
      return 0n;
    });
    set("sigaction", (signal, set, old) => {
      const now = this.actions.get(Number(signal)) ?? new Uint8Array(os.SIGACTION_BYTES);
      if (signal === 0n || signal > 64n) return 0xffffffffn;
      const next = set === 0n ? now : range(set, BigInt(os.SIGACTION_BYTES)).slice();
      if (old !== 0n) range(old, BigInt(os.SIGACTION_BYTES)).set(now);
      this.actions.set(Number(signal), next);
      return 0n;
    });
    let locked = false;
    for (const [name, next] of [
      ["pthread_mutex_lock", true],
      ["pthread_mutex_unlock", false],
    ] as const) {
      set(name, () => {
        expect(locked).toBe(!next);
        locked = next;
        return 0n;
      });
    }
    set("getpid", () => 42n);
    set("raise", (signal) => {
      this.log.push(`raise ${signal}`);
      return 0n;
    });
  }

  /** A Python object with one reference. */
  object(size: bigint | number = 16): bigint {
    const o = this.machine.allocate(size);
    this.counts.set(o, 1);
    return o;
  }

  private number(x: bigint): bigint {
    const o = this.object();
    this.machine.write(o, x);
    return o;
  }

  field(offset: number): bigint {
    return this.machine.read(this.context + BigInt(offset));
  }

  setField(offset: number, x: bigint): void {
    this.machine.write(this.context + BigInt(offset), x);
  }

  call(name: string, ...operands: bigint[]): bigint {
    return this.machine.call(entry(this.machine.program, name), operands);
  }

  trapCode(name: string, ...operands: bigint[]): number {
    try {
      this.call(name, ...operands);
    } catch (e) {
      if (e instanceof Trapped) return e.code;
      throw e;
    }
    return -1;
  }

  handler(signal: number): bigint {
    const action = this.actions.get(signal);
    return action === undefined ? 0n : new DataView(action.buffer).getBigUint64(0, true);
  }

  install(signal: number, handler: bigint, flags = 0, mark = new Mark(0, 0)): void {
    const action = new Uint8Array(os.SIGACTION_BYTES);
    new DataView(action.buffer).setInt32(os.SIGACTION_MASK, mark.lo, true);
    new DataView(action.buffer).setInt32(os.SIGACTION_MASK + 4, mark.hi, true);
    new DataView(action.buffer).setBigUint64(0, handler, true);
    new DataView(action.buffer).setInt32(os.SIGACTION_FLAGS, flags, true);
    this.actions.set(signal, action);
  }

  /** The address of a new function of the process. */
  foreign(name: string, native: (...x: bigint[]) => bigint | undefined): bigint {
    const { program, natives } = this.machine;
    natives.set(name, native);
    return this.machine.address(program.symbol(name, SYM_FUNC, program.signature([], [], 1)));
  }
}

describe.each([-1, QUICK, FULL])("optimized at level %i", (level) => {
  let p: Process;
  beforeEach(() => {
    p = new Process(level);
  });

  describe("memories", () => {
    const PAGE = 65536n;
    let record: bigint;
    let base: bigint;
    beforeEach(() => {
      record = p.machine.allocate(layouts.MEMORY_RECORD_BYTES);
      expect(p.call("memory_create", record, 2n, 5n)).toBe(0n);
      base = p.machine.read(record);
      p.log.length = 0;
    });
    const size = () => p.machine.read(record + 8n);

    test("a guarded one reserves all that 32-bit indices and offsets reach", () => {
      p.call("memory_create", p.machine.allocate(32), 1n, MINUS_ONE);
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
      const small = p.machine.allocate(32);
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
      expect(p.call("memory_create", p.machine.allocate(32), 0n, 0n)).toBe(0n);
      expect(p.log.at(-2)).toBe(`mmap ${PAGE}`);
    });

    test("what cannot be reserved at all, or more pages than allowed, is a MemoryError", () => {
      p.mappable = 3n * PAGE;
      expect(p.call("memory_create", p.machine.allocate(32), 3n, MINUS_ONE)).toBe(0n);
      expect(p.call("memory_create", p.machine.allocate(32), 4n, MINUS_ONE)).toBe(0xffffffffn);
      expect(p.raised).toBe("MemoryError");
      expect(p.call("memory_create", p.machine.allocate(32), 65537n, MINUS_ONE)).toBe(0xffffffffn);
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
      const big = p.machine.allocate(32);
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
      expect(p.trapCode("memory_init", record, segment, 8n, 2n * PAGE - 1n, 0n, 2n)).toBe(
        MEMORY_OUT_OF_BOUNDS,
      );
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
      p.machine.onPoll = (context) => {
        expect(context).toBe(p.context);
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

  describe("tables", () => {
    let record: bigint;
    beforeEach(() => {
      record = p.machine.allocate(layouts.TABLE_RECORD_BYTES);
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
      const funcs = p.machine.allocate(32);
      p.call("table_create", funcs, 1n, 2n, MINUS_ONE);
      const cell = (i: number) => p.machine.read(p.machine.read(funcs) + BigInt(i) * 8n);
      const [module, callable] = [p.object(), p.object()];
      const other = p.machine.allocate(64);
      p.machine.write(other + BigInt(layouts.VMCTX_MODULE), module);
      const [f, g] = [p.machine.allocate(40), p.machine.allocate(40)];
      p.machine.write(f + BigInt(layouts.FUNC_VMCTX), other);
      p.machine.write(g + BigInt(layouts.FUNC_OBJECT), callable);
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
      p.machine.write(other + BigInt(layouts.VMCTX_MODULE), p.machine.read(p.machine.vmctx + 16n));
      p.call("table_get", funcs, 0n);
      expect(p.field(layouts.CONTEXT_REFS_COUNT)).toBe(0n);
    });

    test("element segments", () => {
      const funcs = p.machine.allocate(32);
      p.call("table_create", funcs, 1n, 4n, MINUS_ONE);
      const elem = p.machine.allocate(16);
      p.call("elem_new", elem, 3n);
      const offsets = p.machine.allocate(12);
      const imported = p.machine.allocate(40);
      const callable = p.object();
      p.machine.write(imported + BigInt(layouts.FUNC_OBJECT), callable);
      p.machine.write(p.machine.vmctx + 48n, imported);
      p.machine.write(offsets, 96n, 4);
      p.machine.write(offsets + 4n, BigInt.asUintN(32, ~48n), 4);
      p.machine.write(offsets + 8n, 96n, 4);
      const own = p.machine.vmctx + 96n;
      p.machine.write(own + BigInt(layouts.FUNC_VMCTX), p.machine.vmctx);
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

  describe("references on the wasm stack", () => {
    const held = () => p.field(layouts.CONTEXT_REFS_COUNT);

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
      expect(p.field(layouts.CONTEXT_REFS)).toBe(0n);
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

  describe("stack and interrupts", () => {
    let lowest: bigint;
    const low = () => lowest;
    beforeEach(() => {
      const m = p.machine;
      lowest = m.sp - 1_000_000n;
      m.natives.set("pthread_self", () => 5n);
      m.natives.set("pthread_getattr_np", () => 0n);
      m.natives.set("pthread_attr_destroy", () => 0n);
      m.natives.set("pthread_setspecific", () => 0n);
      m.natives.set("syscall", () => 43n);
      m.natives.set("pthread_attr_getstack", (_, l, s) => {
        p.log.push("getstack");
        m.write(l, low());
        m.write(s, 1_048_576n);
        return 0n;
      });
    });

    test("bounds are asked for once per thread, until it ends", () => {
      expect(p.call("stack_enter", p.context)).toBe(0n);
      expect(p.field(layouts.CONTEXT_STACK_LOW)).toBe(low());
      expect(p.field(layouts.CONTEXT_LIMIT)).toBe(low() + 131072n);
      expect(p.field(layouts.CONTEXT_REAL_LIMIT)).toBe(low() + 131072n);
      p.setField(layouts.CONTEXT_STACK_LOW, 0n);
      p.setField(layouts.CONTEXT_STACK_SIZE, 0n);
      expect(p.call("stack_enter", p.context)).toBe(0n);
      expect(p.field(layouts.CONTEXT_STACK_LOW)).toBe(low());
      expect(p.log).toEqual(["getstack"]);
      p.call("thread_exit", p.context);
      expect(p.field(layouts.CONTEXT_STACK_SIZE)).toBe(0n);
      expect(p.call("stack_enter", p.context)).toBe(0n);
      expect(p.log).toEqual(["getstack", "getstack"]);
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

    test("main threads: capped on glibc, by the resource limit on musl", () => {
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

  describe("traps", () => {
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
      p.setField(layouts.CONTEXT_ENTRY_PC, 0x7777n);
      const entrySp = m.sp;
      m.sp -= 64n;
      for (let i = 0n; i < 8n; i++) m.write(m.sp + 8n * i, 1000n + i);
      const trapSp = m.sp;
      const to = resume("raise", 4n);
      expect([to.sp, to.pc]).toEqual([entrySp, 0x7777n]);
      m.sp = entrySp;
      m.bytes.fill(0xee, Number(trapSp), Number(entrySp)); // Python's frames
      const callable = p.object();
      p.setField(layouts.CONTEXT_RAISE, callable);
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
      expect(p.field(layouts.CONTEXT_TRAP_STACK)).toBe(0n);
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
      p.setField(layouts.CONTEXT_RAISE, p.object());
      p.machine.natives.set("PyObject_CallObject", () => p.object());
      p.machine.natives.set("PyObject_IsInstance", () => 0n);
      resume("raise", 0n);
      p.call("trap_to_exception", p.context);
      expect(p.raised).toBe("1: unreachable");
    });

    test("the exception that the Python side returns is set", () => {
      const [exception, type] = [p.object(), p.object()];
      p.setField(layouts.CONTEXT_RAISE, p.object());
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
      p.setField(layouts.CONTEXT_RAISE, p.object());
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
      expect(p.field(layouts.CONTEXT_TRAP_STACK)).toBe(0n);
      p.call("trap_to_exception", p.context);
      expect(p.raised).toBe("ValueError");
      p.raised = "";
      p.call("trap_to_exception", p.context);
      expect(p.raised.startsWith("2: ")).toBe(true);
    });
  });

  describe("faults", () => {
    const TEXT = 0x700000n;
    const BASE = 0x100000000n;
    let info: bigint;
    let ucontext: bigint;
    beforeEach(() => {
      const m = p.machine;
      // sites 16 (call), 20 and 300 (traps), 301 (call)
      const sites = [16n, 20n, 300n, 301n];
      const infos = [5n, (1n << 31n) | 7n, (1n << 31n) | 9n, 1n];
      const table = m.allocate(8 + 2 * 16 + 8 * 4);
      [2n, 4n, 0n, 16n, 16n, 512n, 8n, 24n, 0n, 1n, ...sites, ...infos].forEach((x, i) => {
        m.write(table + BigInt(4 * i), x, 4);
      });
      m.addresses.set(PC_TABLE, table);
      const memories = SHAPE_SPACES + EXT_MEMORY * SPACE_BYTES;
      const shape = m.allocate(SHAPE_BYTES);
      m.write(shape + BigInt(memories + SPACE_COUNT), 1n, 4);
      m.write(shape + BigInt(memories + SPACE_POINTERS), BigInt(LAYOUT.memory[0]), 4);
      m.addresses.set(SHAPE, shape);
      const record = m.allocate(32);
      m.write(record, BASE);
      m.write(record + 24n, (1n << 33n) + 65536n);
      m.write(m.vmctx + BigInt(LAYOUT.memory[0]), record);
      info = m.allocate(128);
      ucontext = m.sp; // where the kernel puts it
      m.bytes.fill(0, Number(m.sp), Number(m.sp) + 1000);
      m.write(ucontext + BigInt(os.LINUX_X64.vmctx), m.vmctx);
    });

    const faultAt = (pc: bigint, address: bigint, sp = 0x55008n) => {
      p.machine.write(ucontext + BigInt(os.LINUX_X64.pc), pc);
      p.machine.write(ucontext + BigInt(os.LINUX_X64.sp), sp);
      p.machine.write(info + 8n, 1n, 4);
      p.machine.write(info + 16n, address);
    };
    const pc = () => p.machine.read(ucontext + BigInt(os.LINUX_X64.pc));
    const sp = () => p.machine.read(ucontext + BigInt(os.LINUX_X64.sp));
    const caught = (at: bigint, address: bigint) => {
      faultAt(at, address);
      return p.call("catch_fault", info, ucontext);
    };

    test("a trap site inside the reservation goes on in `fault`, on an aligned stack", () => {
      expect(caught(TEXT + 20n, BASE)).toBe(1n);
      expect([pc(), sp()]).toEqual([p.machine.address(entry(p.machine.program, "fault")), 0x54ff8n]);
      expect(p.field(layouts.CONTEXT_TRAP_PC)).toBe(TEXT + 20n);
      expect(p.field(layouts.CONTEXT_TRAP_SP)).toBe(0x55008n);
      faultAt(TEXT + 300n, BASE + (1n << 33n) + 65535n, 0x55010n);
      expect(p.call("catch_fault", info, ucontext)).toBe(1n);
      expect(sp()).toBe(0x55008n);
      p.setField(layouts.CONTEXT_TRAP_SP, p.machine.sp - 64n);
      expect(() => p.call("fault")).toThrow(Resumed);
      expect(p.field(layouts.CONTEXT_TRAP_CODE) & 255n).toBe(BigInt(MEMORY_OUT_OF_BOUNDS));
    });

    test.each([
      ["a call's return address", TEXT + 16n, BASE],
      ["the last site, a call", TEXT + 301n, BASE],
      ["no site", TEXT + 21n, BASE],
      ["before all sites", TEXT, BASE],
      ["behind all sites", TEXT + 400n, BASE],
      ["code of others", TEXT - 1n, BASE],
      ["behind the code", TEXT + 4096n, BASE],
      ["below the memory", TEXT + 20n, BASE - 1n],
      ["behind the memory", TEXT + 20n, BASE + (1n << 33n) + 65536n],
      ["null", TEXT + 20n, 0n],
    ])("not ours: %s", (_, at, address) => {
      expect(caught(at, address)).toBe(0n);
      expect(pc()).toBe(at);
    });

    const deliver = () => p.call("on_fault", 11n, info, ucontext);

    test("installed once, never in a chain with itself", () => {
      expect(p.call("watch_fault", p.context, 11n)).toBe(0n);
      const ours = p.machine.address(entry(p.machine.program, "on_fault"));
      expect(p.handler(11)).toBe(ours);
      p.call("watch_fault", p.context, 11n);
      deliver(); // a fault of nobody: default action
      expect(p.handler(11)).toBe(0n);
    });

    test("a foreign fault goes to the handler before, in its form", () => {
      const calls: bigint[][] = [];
      const old = p.foreign("old_handler", (...x) => {
        calls.push(x);
        return undefined;
      });
      p.install(11, old, os.SA_SIGINFO);
      p.install(7, old);
      p.call("watch_fault", p.context, 11n);
      p.call("watch_fault", p.context, 7n);
      faultAt(5n, 5n);
      deliver();
      p.call("on_fault", 7n, info, ucontext);
      expect(calls).toEqual([[11n, info, ucontext], [7n]]);
      p.install(11, 1n);
      p.call("watch_fault", p.context, 11n);
      deliver(); // ignored
      expect(calls.length).toBe(2);
      expect(p.handler(11)).not.toBe(0n);
    });

    test("who displaced us and chains to us does not make a circle", () => {
      p.call("watch_fault", p.context, 11n);
      const ours = p.handler(11);
      const displacer = p.foreign("displacer", (...x) => {
        p.machine.sp -= 64n; // a frame of its own
        p.log.push("displacer");
        p.machine.callAddress(ours, x);
        p.machine.sp += 64n;
        return undefined;
      });
      p.install(11, displacer, os.SA_SIGINFO);
      p.call("watch_fault", p.context, 11n);
      expect(p.handler(11)).toBe(ours);
      faultAt(5n, 5n);
      deliver();
      expect(p.log.filter((x) => x === "displacer")).toEqual(["displacer"]);
      expect(p.handler(11)).toBe(0n); // the first action was the default
    });

    test("images share one handler", () => {
      const told: bigint[] = [];
      const first = p.foreign("first_image", (signal, node) => {
        expect(signal).toBe(0n);
        told.push(p.machine.read(node + 8n));
        return undefined;
      });
      p.install(11, first, os.SA_SIGINFO, FAULT_MARK);
      p.call("watch_fault", p.context, 11n);
      expect(p.handler(11)).toBe(first);
      expect(told).toEqual([p.context]);
      // The other side: our handler knows the context, which knows another image.
      p.actions.clear();
      expect(p.call("know_image", p.context)).toBe(0n);
      const blocks = p.machine.blocks.size;
      expect(p.call("know_image", p.context)).toBe(0n);
      expect(p.machine.blocks.size).toBe(blocks);
      p.call("watch_fault", p.context, 11n);
      const other = p.foreign("other_image", (_, u) => {
        p.log.push("other");
        p.machine.write(u + BigInt(os.LINUX_X64.pc), 1n);
        return 1n;
      });
      const node = p.machine.allocate(16);
      p.machine.write(node, p.field(layouts.CONTEXT_IMAGES));
      p.machine.write(node + 8n, other);
      p.setField(layouts.CONTEXT_IMAGES, node);
      faultAt(5n, 5n);
      deliver();
      expect([p.log.filter((x) => x === "other").length, pc()]).toEqual([1, 1n]);
      expect(p.handler(11)).not.toBe(0n);
      p.failMalloc = true;
      expect(p.call("know_image", p.context)).toBe(0xffffffffn);
    });

    test("faulthandler's raise passes once, re-armed by each trap; a true crash still dies", () => {
      p.call("watch_fault", p.context, 11n);
      const raise = () => {
        p.machine.write(info + 8n, BigInt.asUintN(32, BigInt(os.SI_TKILL)), 4);
        p.machine.write(info + 16n, 42n, 4);
        deliver();
      };
      for (let i = 0; i < 3; i++) {
        faultAt(TEXT + 20n, BASE);
        raise();
        expect(p.handler(11)).not.toBe(0n);
        faultAt(TEXT + 20n, BASE);
        deliver();
        expect(pc()).not.toBe(TEXT + 20n);
      }
      faultAt(5n, 5n);
      raise();
      expect(p.handler(11)).not.toBe(0n);
      faultAt(5n, 5n);
      deliver();
      expect(p.handler(11)).toBe(0n);
      expect(p.log.filter((x) => x.startsWith("raise"))).toEqual([]);
    });

    test("a handler that raises for ever is not asked for ever", () => {
      const dump = p.foreign("dump", () => {
        p.log.push("dump");
        return undefined;
      });
      p.install(11, dump);
      p.call("watch_fault", p.context, 11n);
      const raise = () => {
        p.machine.write(info + 8n, BigInt.asUintN(32, BigInt(os.SI_TKILL)), 4);
        p.machine.write(info + 16n, 42n, 4);
        deliver();
      };
      for (let i = 0; i < 2; i++) {
        faultAt(5n, 5n);
        deliver();
        raise();
      }
      expect(p.log.filter((x) => x === "dump").length).toBe(2);
      expect(p.handler(11)).toBe(0n);
      expect(p.log.at(-1)).toBe("raise 11");
    });
  });

  describe("signals of Python", () => {
    let python: bigint;
    const calls: bigint[] = [];
    beforeEach(() => {
      calls.length = 0;
      p.call("know_image", p.context);
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
      expect(p.call("watch_interrupts", p.context)).toBe(0n);
      const ours = p.machine.address(entry(p.machine.program, "on_interrupt"));
      expect([p.handler(2), p.handler(15), p.handler(17), p.handler(1)]).toEqual([ours, ours, 0x1230n, 0n]);
      expect(new DataView((p.actions.get(2) as Uint8Array).buffer).getInt32(136, true)).toBe(0x1004);
      p.call("on_interrupt", 2n, 0n, 0n);
      expect(calls).toEqual([2n]);
      expect(p.field(layouts.CONTEXT_LIMIT)).toBe(MINUS_ONE);
      expect(p.field(layouts.CONTEXT_INTERRUPT)).toBe(1n);
      p.setField(layouts.CONTEXT_LIMIT, 0n);
      p.install(2, python);
      p.install(10, python);
      const blocks = p.machine.blocks.size;
      p.call("watch_interrupts", p.context);
      expect(p.machine.blocks.size).toBe(blocks); // nothing leaks
      expect([p.handler(2), p.handler(10)]).toEqual([ours, ours]);
      p.call("on_interrupt", 10n, 0n, 0n);
      expect(calls).toEqual([2n, 10n]);
    });

    test("ignored or default: left alone", () => {
      p.install(2, 1n);
      expect(p.call("watch_interrupts", p.context)).toBe(0n);
      expect(p.handler(2)).toBe(1n);
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
      p.call("watch_interrupts", p.context);
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

  describe("the context", () => {
    const KEY = "wasmpy/context/1";
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
      p.machine.write(context + BigInt(layouts.CONTEXT_RAISE), callable);
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
});

test("data of the image: strings are shared, variables are zero", () => {
  const program = new Program();
  const image = new Image(program);
  const c = new Body(program, image, os.LINUX_X64);
  c.start(program.symbol("test_data", SYM_FUNC, program.signature([], [], 1)));
  c.text("abc");
  const before = image.sections[1].length;
  c.text("abc");
  expect(image.sections[1].length).toBe(before);
  c.global("wasmpy_test_cell", 8);
  expect(program.symbols[program.find("wasmpy_test_cell")].kind).toBe(SYM_DATA);
  expect(program.symbols[program.find("wasmpy_text abc")].kind).toBe(SYM_RODATA);
});
