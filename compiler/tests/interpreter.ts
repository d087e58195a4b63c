// Runs IR functions without a back end: slow, plain, for tests of code that is written as IR. Values are bigint
// (unsigned, of the width of their type). Memory is one array; a program's data lies in it, the stack grows down
// from its end, `allocate` gives blocks and checks how they are given back. Floats are not covered.

import { sizeOf } from "../ir/access.ts";
import { ENTRY, type Func, type Value } from "../ir/func.ts";
import { ACCESS_SIZE, I32, OPS, REF, TYPE_NAMES } from "../ir/ops.ts";
import { type Program, SYM_FUNC, SYM_IMPORT, SYM_IMPORT_WEAK } from "../ir/program.ts";
import { DATA, type Image, RODATA } from "../obj/image.ts";

export class Trapped extends Error {
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

export type Native = (...operands: bigint[]) => bigint | undefined;

const MASK64 = (1n << 64n) - 1n;
const FUNCTIONS_AT = 0x1000n; // 16 bytes each, so that addresses of functions are no data

export class Machine {
  readonly program: Program;
  readonly image: Image;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Imports by name. */
  readonly natives: Map<string, Native>;
  /** Values of variables and other symbols that nobody defines, by name. */
  readonly addresses: Map<string, bigint>;
  readonly blocks: Map<bigint, bigint>; // address → size
  vmctx: bigint;
  sp: bigint;
  /** Called at each poll. */
  onPoll: (context: bigint) => void;
  private readonly funcs: Map<number, Func>;
  private readonly sections: Map<number, bigint>;
  private readonly copied: Map<number, number>;
  private next: bigint;

  constructor(program: Program, image: Image, size = 1 << 22) {
    this.program = program;
    this.image = image;
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    this.natives = new Map();
    this.addresses = new Map();
    this.blocks = new Map();
    this.vmctx = 0n;
    this.sp = BigInt(size) - 4096n;
    this.onPoll = () => {};
    this.funcs = new Map();
    this.sections = new Map([
      [RODATA, 0x10000n],
      [DATA, 0x20000n],
    ]);
    this.copied = new Map([
      [RODATA, 0],
      [DATA, 0],
    ]);
    this.next = 0x40000n;
  }

  add(func: Func): void {
    this.funcs.set(func.symbol, func);
  }

  // --- memory -------------------------------------------------------------------------------------------

  allocate(size: bigint | number): bigint {
    const at = this.next;
    this.next += (BigInt(size) + 31n) & ~15n;
    if (this.next > BigInt(this.bytes.length >> 1)) throw new Error("out of test memory");
    this.bytes.fill(0, Number(at), Number(this.next));
    this.blocks.set(at, BigInt(size));
    return at;
  }

  free(at: bigint): void {
    if (at === 0n) return;
    const size = this.blocks.get(at);
    if (size === undefined) throw new Error(`free of ${at}, which is no block`);
    this.bytes.fill(0xdd, Number(at), Number(at + size));
    this.blocks.delete(at);
  }

  private place(at: bigint, size: number): number {
    if (at < 0x10000n || at + BigInt(size) > BigInt(this.bytes.length)) throw new Error(`fault at ${at}`);
    return Number(at);
  }

  read(at: bigint, size = 8): bigint {
    const place = this.place(at, size);
    let x = 0n;
    for (let i = size - 1; i >= 0; i--) x = (x << 8n) | BigInt(this.bytes[place + i]);
    return x;
  }

  write(at: bigint, x: bigint, size = 8): void {
    const place = this.place(at, size);
    for (let i = 0; i < size; i++) this.bytes[place + i] = Number((x >> BigInt(8 * i)) & 255n);
  }

  text(at: bigint): string {
    let s = "";
    for (let i = at; this.read(i, 1) !== 0n; i++) s += String.fromCharCode(Number(this.read(i, 1)));
    return s;
  }

  // --- symbols ------------------------------------------------------------------------------------------

  address(symbol: number): bigint {
    const s = this.program.symbols[symbol];
    const given = this.addresses.get(s.name);
    if (given !== undefined) return given;
    const definition = this.image.definitions.get(symbol);
    if (definition !== undefined) return this.section(definition.section) + BigInt(definition.offset);
    if (s.kind === SYM_FUNC || s.kind === SYM_IMPORT) return FUNCTIONS_AT + BigInt(symbol) * 16n;
    if (s.kind === SYM_IMPORT_WEAK) return 0n;
    throw new Error(`symbol ${s.name} lies nowhere`);
  }

  /** What was appended to the section since the last time comes to memory. */
  private section(number: number): bigint {
    const start = this.sections.get(number) ?? 0n;
    const from = this.copied.get(number) ?? 0;
    const all = this.image.sections[number].view();
    this.bytes.set(all.subarray(from), Number(start) + from);
    this.copied.set(number, all.length);
    return start;
  }

  named(name: string): bigint {
    return this.address(this.program.find(name));
  }

  callAddress(at: bigint, operands: readonly bigint[]): bigint {
    const symbol = Number((at - FUNCTIONS_AT) / 16n);
    if (at < FUNCTIONS_AT || at % 16n !== 0n || symbol >= this.program.symbols.length) {
      throw new Error(`call of ${at}`);
    }
    return this.call(symbol, operands);
  }

  /** The first result, 0 if there is none. */
  call(symbol: number, operands: readonly bigint[]): bigint {
    const func = this.funcs.get(symbol);
    if (func !== undefined) return this.run(func, operands);
    const { name } = this.program.symbols[symbol];
    const native = this.natives.get(name);
    if (native === undefined) throw new Error(`no ${name}`);
    return native(...operands) ?? 0n;
  }

  // --- execution ----------------------------------------------------------------------------------------

  private run(f: Func, operands: readonly bigint[]): bigint {
    const callerSp = this.sp;
    const values = new Map<number, bigint>();
    this.sp -= 16n;
    const slots: bigint[] = [];
    for (let i = 0; i < f.slots.length; i++) {
      this.sp -= BigInt((f.slots.get(i) + 15) & ~15);
      slots.push(this.sp);
      this.bytes.fill(0xcc, Number(this.sp), Number(this.sp) + f.slots.get(i));
    }
    const frame = new Frame(this, f, values, slots, callerSp);
    operands.forEach((x, i) => {
      values.set(f.param(ENTRY, i), mask(x, f.type[f.param(ENTRY, i)]));
    });
    try {
      return frame.run();
    } finally {
      this.sp = callerSp;
    }
  }
}

function width(type: number): bigint {
  return type === I32 ? 32n : 64n;
}

function mask(x: bigint, type: number): bigint {
  return x & ((1n << width(type)) - 1n);
}

class Frame {
  private readonly m: Machine;
  private readonly f: Func;
  private readonly values: Map<number, bigint>;
  private readonly slots: readonly bigint[];
  private readonly callerSp: bigint;

  constructor(m: Machine, f: Func, values: Map<number, bigint>, slots: readonly bigint[], callerSp: bigint) {
    this.m = m;
    this.f = f;
    this.values = values;
    this.slots = slots;
    this.callerSp = callerSp;
  }

  private value(v: Value): bigint {
    const x = this.values.get(this.f.resolve(v));
    if (x === undefined) throw new Error(`${this.f.name}: value ${v} is not there`);
    return x;
  }

  run(): bigint {
    const { f } = this;
    let v: number = f.first.get(ENTRY);
    for (;;) {
      const { name } = OPS[f.op[v]];
      const x = (i: number) => this.value(f.operand(v as Value, i));
      const all = () => Array.from({ length: f.operandCount(v as Value) }, (_, i) => x(i));
      switch (name) {
        case "return":
          return f.operandCount(v as Value) === 0 ? 0n : x(0);
        case "trap":
          throw new Trapped(f.imm[v]);
        case "unreachable":
          throw new Error(`${f.name}: unreachable`);
        case "resume":
          throw new Resumed(x(0), x(1));
        case "jump":
          v = this.follow(v, 0);
          continue;
        case "br_if":
          v = this.follow(v, x(0) !== 0n ? 0 : 1);
          continue;
        case "invoke":
          this.values.set(v, this.m.call(f.c[v], all()));
          v = this.follow(v, 0);
          continue;
      }
      const result = this.compute(v, name, x, all);
      if (result !== undefined) this.values.set(v, mask(result, f.type[v]));
      v = f.next[v];
    }
  }

  private follow(v: number, edge: number): number {
    const { f } = this;
    const e = f.successor(v as Value, edge);
    const to = f.target(e);
    const args = Array.from({ length: f.paramCount.get(to) }, (_, i) => this.value(f.argument(e, i)));
    args.forEach((x, i) => {
      this.values.set(f.param(to, i), x);
    });
    return f.first.get(to);
  }

  private compute(
    v: number,
    name: string,
    x: (i: number) => bigint,
    all: () => bigint[],
  ): bigint | undefined {
    const { f, m } = this;
    const imm = (BigInt(f.imm2[v]) << 32n) | BigInt(f.imm[v] >>> 0);
    if (ACCESS_SIZE[f.op[v]] !== 0) {
      const at = (x(0) + imm) & MASK64;
      const size = ACCESS_SIZE[f.op[v]];
      if (sizeOf(f.aux[v]) !== size) throw new Error(`${f.name}: access size`);
      if (name.includes(".store")) m.write(at, x(1), size);
      else {
        const loaded = m.read(at, size);
        return name.endsWith("_s") ? BigInt.asIntN(8 * size, loaded) : loaded;
      }
      return undefined;
    }
    switch (name) {
      case "symbol":
        return m.address(f.imm[v]);
      case "slot":
        return this.slots[f.imm[v]];
      case "sp":
        return m.sp;
      case "caller_sp":
        return this.callerSp;
      case "return_address":
        return 0x5555n;
      case "vmctx":
        return m.vmctx;
      case "set_vmctx":
        m.vmctx = x(0);
        return undefined;
      case "poll":
        m.onPoll(x(0));
        return undefined;
      case "trap_if":
        if (x(0) !== 0n) throw new Trapped(f.imm[v]);
        return undefined;
      case "call":
        return m.call(f.c[v], all());
      case "call_ptr": {
        const [code, ...rest] = all();
        return m.callAddress(code, rest);
      }
      case "ref.null":
        return 0n;
      case "ref.is_null":
      case "ptr.eqz":
        return x(0) === 0n ? 1n : 0n;
      case "i32.wrap_i64":
      case "i64.extend_i32_u":
        return x(0);
      case "i64.extend_i32_s":
        return BigInt.asIntN(32, x(0));
    }
    const dot = name.indexOf(".");
    const type = TYPE_NAMES.indexOf(name.slice(0, dot));
    if (type < I32 || type > REF) throw new Error(`${f.name}: ${name}`);
    const what = name.slice(dot + 1);
    if (what === "const") return type === I32 ? BigInt(f.imm[v]) : imm;
    if (what === "select") return x(0) !== 0n ? x(1) : x(2);
    if (what.startsWith("from_")) return x(0);
    const bits = Number(width(type));
    const s = (i: number) => BigInt.asIntN(bits, x(i));
    const count = () => x(1) % BigInt(bits);
    switch (what) {
      case "add":
        return x(0) + x(1);
      case "sub":
        return x(0) - x(1);
      case "mul":
        return x(0) * x(1);
      case "and":
        return x(0) & x(1);
      case "or":
        return x(0) | x(1);
      case "xor":
        return x(0) ^ x(1);
      case "shl":
        return x(0) << count();
      case "shr_u":
        return x(0) >> count();
      case "eqz":
        return x(0) === 0n ? 1n : 0n;
      case "eq":
        return x(0) === x(1) ? 1n : 0n;
      case "ne":
        return x(0) !== x(1) ? 1n : 0n;
      case "lt_u":
        return x(0) < x(1) ? 1n : 0n;
      case "le_u":
        return x(0) <= x(1) ? 1n : 0n;
      case "gt_u":
        return x(0) > x(1) ? 1n : 0n;
      case "ge_u":
        return x(0) >= x(1) ? 1n : 0n;
      case "gt_s":
        return s(0) > s(1) ? 1n : 0n;
      case "ge_s":
        return s(0) >= s(1) ? 1n : 0n;
      case "shr_s":
        return s(0) >> count();
      case "lt_s":
        return s(0) < s(1) ? 1n : 0n;
      case "le_s":
        return s(0) <= s(1) ? 1n : 0n;
      default:
        throw new Error(`${f.name}: ${name}`);
    }
  }
}
