// For tests of the run time: all its functions in an interpreter, and the process they live in, simulated.

import { expect } from "vitest";
import { helper } from "../../abi/helpers.ts";
import * as layouts from "../../abi/layout.ts";
import { LP64 } from "../../abi/model.ts";
import { Program, SYM_FUNC } from "../../ir/program.ts";
import { verify } from "../../ir/verify.ts";
import { Image } from "../../mach/image.ts";
import { FULL, optimize, QUICK } from "../../opt/passes.ts";
import { TEXT_END, TEXT_START } from "../../runtime/body.ts";
import { LEAST } from "../../runtime/ledger.ts";
import * as os from "../../runtime/linux.ts";
import { buildRuntime, FUNCTIONS } from "../../runtime/runtime.ts";
import { Memory, Module } from "../../wasm/module.ts";
import { Limits, MemoryType } from "../../wasm/types.ts";
import { Trap } from "../interpret.ts";
import { Machine } from "./machine.ts";

/** Levels of optimization; -1: the function as it was written. */
export const LEVELS: readonly number[] = [-1, QUICK, FULL];

function moduleWithMemory(): Module {
  const module = new Module(new Uint8Array());
  module.memories.push(new Memory(new MemoryType(new Limits(0, 0, false, 0, 0, false, false)), false));
  return module;
}

/** Builds every function into a Func of its own. */
export function build(machine: Machine, level = -1): void {
  for (const { name } of FUNCTIONS) {
    const { program, image } = machine;
    const wanted = helper(program, name);
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

export const LAYOUT = new layouts.Layout(moduleWithMemory(), new Uint8Array());
export const MINUS_ONE = (1n << 64n) - 1n;

export class Process {
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
  /** Signals that wait, as bits. */
  pending: bigint;

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
    this.pending = 0n;
    this.natives();
    m.addresses.set(TEXT_START, 0x700000n);
    m.addresses.set(TEXT_END, 0x701000n);
    build(m, level);
    this.context = m.allocate(layouts.CONTEXT_BYTES);
    m.vmctx = m.allocate(LAYOUT.bytes + 64);
    m.write(m.vmctx + BigInt(layouts.VMCTX_CONTEXT.offset), this.context);
    m.write(m.vmctx + BigInt(layouts.VMCTX_MODULE.offset), this.object());
    this.setField(layouts.CONTEXT_ENTRY_SP.offset, m.sp);
    this.setField(layouts.CONTEXT_LEDGER.offset + layouts.LEDGER_LIMIT.offset, BigInt(LEAST));
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
    set("PyErr_ExceptionMatches", (kind) => {
      const names = ["", "RuntimeError", "SystemError", "RecursionError", "", "MemoryError"];
      return this.raised === names[Number(kind)] ? 1n : 0n;
    });
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
      ["PyExc_MemoryError", 5n],
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
      const now = this.actions.get(Number(signal)) ?? new Uint8Array(os.SIGACTION.bytes(LP64));
      if (signal === 0n || signal > 64n) return 0xffffffffn;
      const next = set === 0n ? now : range(set, BigInt(os.SIGACTION.bytes(LP64))).slice();
      if (old !== 0n) range(old, BigInt(os.SIGACTION.bytes(LP64))).set(now);
      this.actions.set(Number(signal), next);
      return 0n;
    });
    set("sigpending", (at) => {
      m.write(at, this.pending);
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
      this.pending |= 1n << (signal - 1n);
      return 0n;
    });
  }

  /** A fresh record of a memory or table. */
  record(bytes: number, ledger: number): bigint {
    const record = this.machine.allocate(bytes);
    this.machine.write(record + BigInt(ledger), this.context + BigInt(layouts.CONTEXT_LEDGER.offset));
    return record;
  }

  memory(): bigint {
    return this.record(layouts.MEMORY_RECORD_BYTES, layouts.MEMORY_LEDGER.offset);
  }

  table(): bigint {
    return this.record(layouts.TABLE_RECORD_BYTES, layouts.TABLE_LEDGER.offset);
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
    return this.machine.call(helper(this.machine.program, name), operands)[0] ?? 0n;
  }

  trapCode(name: string, ...operands: bigint[]): number {
    try {
      this.call(name, ...operands);
    } catch (e) {
      if (e instanceof Trap) return e.code;
      throw e;
    }
    return -1;
  }

  handler(signal: number): bigint {
    const action = this.actions.get(signal);
    return action === undefined ? 0n : new DataView(action.buffer).getBigUint64(0, true);
  }

  install(signal: number, handler: bigint, flags = 0, mark = 0): void {
    const action = new Uint8Array(os.SIGACTION.bytes(LP64));
    new DataView(action.buffer).setInt32(os.SIGACTION_MASK.offset(LP64) + 4, mark, true);
    new DataView(action.buffer).setBigUint64(0, handler, true);
    new DataView(action.buffer).setInt32(os.SIGACTION_FLAGS.offset(LP64), flags, true);
    this.actions.set(signal, action);
  }

  /** The address of a new function of the process. */
  foreign(name: string, native: (...x: bigint[]) => bigint | undefined): bigint {
    const { program, natives } = this.machine;
    natives.set(name, native);
    return this.machine.address(program.symbol(name, SYM_FUNC, program.signature([], [], 1)));
  }
}
