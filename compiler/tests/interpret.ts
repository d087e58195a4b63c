// Runs a Func, for tests. Values are bigints, as in semantics.ts; memory, calls and the frame are the caller's, through
// hooks.

import { numberOf, regionOf, SWAPPED, sizeOf } from "../ir/access.ts";
import { type Block, ENTRY, type Func, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, F32, I32, OPS, VOID } from "../ir/ops.ts";
import { evaluate } from "./semantics.ts";

export class Trap extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`trap ${code}`);
    this.code = code;
  }
}

/** A `resume`: where to. */
export class Resumed extends Error {
  readonly sp: bigint;
  readonly pc: bigint;
  constructor(sp: bigint, pc: bigint) {
    super("resume");
    this.sp = sp;
    this.pc = pc;
  }
}

/** What `return_address` yields. */
const RETURN_ADDRESS = 0x5555n;

/** Where the slots of a running function lie, and its stack pointer and its caller's. */
export interface Frame {
  slots: readonly bigint[];
  sp: bigint;
  callerSp: bigint;
}

/** Left to the caller. Addresses are byte addresses in one flat space unless `read` and `write` say otherwise. */
export interface Hooks {
  vmctx: bigint;
  /** `size` bytes at `at` in the region that `aux` names, little-endian. */
  read(at: bigint, size: number, aux: number): bigint;
  write(at: bigint, x: bigint, size: number, aux: number): void;
  address(symbol: number): bigint;
  /** Calls yield the results. */
  call(symbol: number, args: readonly bigint[]): bigint[];
  callAddress(at: bigint, args: readonly bigint[]): bigint[];
  /** The address that index of memory `number` stands for. */
  memory(number: number, index: bigint): bigint;
  poll(breaker: bigint): void;
  enter(f: Func): Frame;
  leave(frame: Frame): void;
}

/** Hooks over a flat memory: slots from 2^40 on, memory 0 at 2^32, everything else where the address says. */
export class FlatMemory implements Hooks {
  vmctx: bigint;
  readonly bytes: Map<bigint, number>;
  readonly log: string[];

  constructor() {
    this.vmctx = 1n << 44n;
    this.bytes = new Map();
    this.log = [];
  }

  read(at: bigint, size: number, aux: number): bigint {
    let x = 0n;
    for (let i = size - 1; i >= 0; i--) {
      x = (x << 8n) | BigInt(this.bytes.get(this.key(at + BigInt(i), aux)) ?? 0);
    }
    return x;
  }

  write(at: bigint, x: bigint, size: number, aux: number): void {
    for (let i = 0; i < size; i++) {
      this.bytes.set(this.key(at + BigInt(i), aux), Number((x >> BigInt(8 * i)) & 255n));
    }
  }

  private key(at: bigint, aux: number): bigint {
    return at + (BigInt(regionOf(aux) * 65536 + numberOf(aux)) << 64n);
  }

  address(symbol: number): bigint {
    return BigInt(symbol + 1) << 48n;
  }

  call(symbol: number, args: readonly bigint[]): bigint[] {
    this.log.push(`call ${symbol} ${args.join(" ")}`);
    return [];
  }

  callAddress(at: bigint, args: readonly bigint[]): bigint[] {
    return this.call(-1, [at, ...args]);
  }

  memory(number: number, index: bigint): bigint {
    return BigInt(number + 1) * 2n ** 36n + index;
  }

  poll(): void {}

  enter(f: Func): Frame {
    const slots = Array.from({ length: f.slots.length }, (_, i) => (1n << 40n) + BigInt(i) * 4096n);
    return { slots, sp: 0n, callerSp: 0n };
  }

  leave(): void {}
}

const u32 = (x: bigint) => BigInt.asUintN(32, x);
const u64 = (x: bigint) => BigInt.asUintN(64, x);

/**
 * Runs `f` and returns its results. Throws Trap and Resumed; throws an Error after `fuel` instructions. Exceptional
 * edges are not modelled: an invoke goes on normally.
 */
export function interpret(
  f: Func,
  args: readonly bigint[],
  hooks: Hooks = new FlatMemory(),
  fuel = 100_000,
): bigint[] {
  const frame = hooks.enter(f);
  try {
    return run(f, args, hooks, frame, fuel);
  } finally {
    hooks.leave(frame);
  }
}

function run(f: Func, args: readonly bigint[], hooks: Hooks, frame: Frame, fuel: number): bigint[] {
  const value = new Map<number, bigint>();
  const results = new Map<number, bigint[]>();
  const read = (v: Value): bigint => {
    const x = value.get(f.resolve(v));
    if (x === undefined) throw new Error(`${f.name}: v${v} has no value`);
    return x;
  };
  const set = (v: number, x: bigint) => {
    value.set(v, f.type[v] === I32 || f.type[v] === F32 ? u32(x) : u64(x));
  };
  let block: Block = ENTRY;
  args.forEach((x, i) => {
    set(f.param(ENTRY, i), x);
  });
  for (;;) {
    let edge = -1;
    for (let at = f.first.get(block); at >= 0; at = f.next[at]) {
      if (--fuel < 0) throw new Error(`${f.name}: out of fuel`);
      const v = at as Value;
      const code = f.op[v];
      const { name } = OPS[code];
      const operands: bigint[] = [];
      for (let i = 0; i < f.operandCount(v); i++) operands.push(read(f.operand(v, i)));
      const imm64 = (BigInt(f.imm2[v] >>> 0) << 32n) | BigInt(f.imm[v] >>> 0);
      if (ACCESS_SIZE[code] !== 0) {
        access(f, v, name, operands, imm64, hooks, set);
        continue;
      }
      switch (name) {
        case "i32.const":
        case "f32.const":
          set(v, BigInt(f.imm[v]));
          continue;
        case "i64.const":
        case "f64.const":
        case "ptr.const":
          set(v, imm64);
          continue;
        case "symbol":
          set(v, hooks.address(f.imm[v]));
          continue;
        case "slot":
          set(v, frame.slots[f.imm[v]]);
          continue;
        case "sp":
          set(v, frame.sp);
          continue;
        case "caller_sp":
          set(v, frame.callerSp);
          continue;
        case "return_address":
          set(v, RETURN_ADDRESS);
          continue;
        case "code_addr":
          set(v, 0n);
          continue;
        case "vmctx":
          set(v, hooks.vmctx);
          continue;
        case "bounds_check32":
        case "bounds_check64":
          set(v, hooks.memory(numberOf(f.aux[v]), operands[0]));
          continue;
        case "trap_if":
          if (operands[0] !== 0n) throw new Trap(f.imm[v]);
          continue;
        case "poll":
          hooks.poll(operands[0]);
          continue;
        case "set_vmctx":
          hooks.vmctx = operands[0];
          continue;
        case "nop":
          continue;
        case "call":
        case "call_ptr":
        case "invoke":
        case "invoke_ptr": {
          const list = called(f, v, operands, hooks);
          results.set(v, list);
          if (f.type[v] !== VOID) set(v, list[0] ?? 0n);
          if (name.startsWith("invoke")) edge = f.successor(v, 0);
          continue;
        }
        case "return_call":
        case "return_call_ptr":
          return called(f, v, operands, hooks);
        case "proj":
          set(v, results.get(f.resolve(f.a[v] as Value))?.[f.imm[v]] ?? 0n);
          continue;
        case "jump":
          edge = f.successor(v, 0);
          continue;
        case "br_if":
          edge = f.successor(v, operands[0] !== 0n ? 0 : 1);
          continue;
        case "br_table": {
          const last = f.successorCount(v) - 1;
          edge = f.successor(v, operands[0] < BigInt(last) ? Number(operands[0]) : last);
          continue;
        }
        case "return":
          return operands;
        case "trap":
          throw new Trap(f.imm[v]);
        case "resume":
          throw new Resumed(operands[0], operands[1]);
        case "unreachable":
          throw new Error(`${f.name}: ${name}`);
        default:
          set(v, evaluate(code, operands));
      }
    }
    const e = edge as Parameters<Func["target"]>[0];
    const to = f.target(e);
    const passed: bigint[] = [];
    for (let i = 0; i < f.edgeCount.get(e); i++) passed.push(read(f.argument(e, i)));
    passed.forEach((x, i) => {
      set(f.param(to, i), x);
    });
    block = to;
  }
}

function called(f: Func, v: Value, operands: readonly bigint[], hooks: Hooks): bigint[] {
  if (OPS[f.op[v]].name.endsWith("_ptr")) return hooks.callAddress(operands[0], operands.slice(1));
  return hooks.call(f.c[v], operands);
}

function swapBytes(x: bigint, size: number): bigint {
  let out = 0n;
  for (let i = 0; i < size; i++) out = (out << 8n) | ((x >> BigInt(8 * i)) & 255n);
  return out;
}

function access(
  f: Func,
  v: Value,
  name: string,
  operands: readonly bigint[],
  offset: bigint,
  hooks: Hooks,
  set: (v: number, x: bigint) => void,
): void {
  const aux = f.aux[v];
  const size = ACCESS_SIZE[f.op[v]];
  if (sizeOf(aux) !== size) throw new Error(`${f.name}: v${v} has another size than its access`);
  const swap = (x: bigint) => ((aux & SWAPPED) !== 0 ? swapBytes(x, size) : x);
  const address = u64(operands[0] + offset);
  if (f.type[v] === VOID) {
    hooks.write(address, swap(BigInt.asUintN(8 * size, operands[1])), size, aux);
    return;
  }
  const x = swap(hooks.read(address, size, aux));
  set(v, name.endsWith("_s") ? BigInt.asIntN(8 * size, x) : x);
}
