// What functions of the run time are interpreted in. Memory is one array; a program's data lies in it, the stack grows
// down from its end, `allocate` gives blocks and checks how they are given back. Calls go to functions that were
// added, or to natives.

import { unreachable } from "../../base/fail.ts";
import type { Func } from "../../ir/func.ts";
import { type Program, SYM_FUNC, SYM_IMPORT, SYM_IMPORT_WEAK } from "../../ir/program.ts";
import { DATA, type Image, RODATA } from "../../mach/image.ts";
import { type Frame, type Hooks, interpret } from "../interpret.ts";

export type Native = (...operands: bigint[]) => bigint | undefined;

const FUNCTIONS_AT = 0x1000n; // 16 bytes each, so that addresses of functions are no data

export class Machine implements Hooks {
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
  onPoll: (breaker: bigint) => void;
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

  callAddress(at: bigint, operands: readonly bigint[]): bigint[] {
    const symbol = Number((at - FUNCTIONS_AT) / 16n);
    if (at < FUNCTIONS_AT || at % 16n !== 0n || symbol >= this.program.symbols.length) {
      throw new Error(`call of ${at}`);
    }
    return this.call(symbol, operands);
  }

  call(symbol: number, operands: readonly bigint[]): bigint[] {
    const func = this.funcs.get(symbol);
    if (func !== undefined) return interpret(func, operands, this, Number.POSITIVE_INFINITY);
    const { name } = this.program.symbols[symbol];
    const native = this.natives.get(name);
    if (native === undefined) throw new Error(`no ${name}`);
    const result = native(...operands);
    return result === undefined ? [] : [result];
  }

  // --- execution ----------------------------------------------------------------------------------------

  memory(): bigint {
    return unreachable("no function of the run time accesses a memory of the module");
  }

  poll(breaker: bigint): void {
    this.onPoll(breaker);
  }

  enter(f: Func): Frame {
    const callerSp = this.sp;
    this.sp -= 16n;
    const slots: bigint[] = [];
    for (let i = 0; i < f.slots.length; i++) {
      this.sp -= BigInt((f.slots.get(i) + 15) & ~15);
      slots.push(this.sp);
      this.bytes.fill(0xcc, Number(this.sp), Number(this.sp) + f.slots.get(i));
    }
    return { slots, sp: this.sp, callerSp };
  }

  leave(frame: Frame): void {
    this.sp = frame.callerSp;
  }
}
