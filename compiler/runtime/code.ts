// A little structure over the builder, for the functions that are written as IR by hand: helpers, thunks, the
// module's initialisation. Conditions and loops take closures; values are ordinary TypeScript variables.

import { helper } from "../abi/helpers.ts";
import type { DataModel } from "../abi/model.ts";
import type { Field } from "../abi/records.ts";
import type { Member } from "../abi/structures.ts";
import type { f64 } from "../base/numbers.ts";
import * as op from "../gen/ir-ops.ts";
import { access, READONLY, REGION_C, REGION_STACK, REGION_VMCTX } from "../ir/access.ts";
import { Builder } from "../ir/builder.ts";
import { Func, type Value } from "../ir/func.ts";
import { I64, LOAD_OF, PTR, STORE_OF, TYPE_SIZE } from "../ir/ops.ts";
import type { Program } from "../ir/program.ts";
import { processSymbol } from "./process.ts";

export class Code extends Builder {
  /** How the C code of the process lays out its data. */
  readonly model: DataModel;

  constructor(program: Program, model: DataModel) {
    super(program, new Func());
    this.model = model;
  }

  /** Starts a function known by its symbol, whose signature stands with the symbol. */
  start(symbol: number): void {
    const s = this.program.symbols[symbol];
    this.begin(s.name, symbol, s.signature);
  }

  // --- calls --------------------------------------------------------------------------------------------

  /** Calls a function of the process. */
  api(name: string, ...operands: Value[]): Value {
    return this.call(processSymbol(this.program, name), operands);
  }

  /** The address of a function or datum of the process. */
  apiAddress(name: string): Value {
    return this.symbol(processSymbol(this.program, name));
  }

  /** Calls a function of the run time. */
  run(name: string, ...operands: Value[]): Value {
    return this.call(helper(this.program, name), operands);
  }

  /** The address of a function of the run time. */
  address(name: string): Value {
    return this.symbol(helper(this.program, name));
  }

  // --- control ------------------------------------------------------------------------------------------

  /** Runs `then` where the condition is not zero. */
  when(condition: Value, then: () => void): void {
    this.choose(condition, then, () => {});
  }

  /** The same, for what hardly ever happens. */
  whenRarely(condition: Value, then: () => void): void {
    const unlikely = this.coldBlock();
    const after = this.block();
    this.brIf(condition, unlikely, [], after, []);
    this.seal(unlikely);
    this.switchTo(unlikely);
    then();
    if (!this.terminated) this.jump(after, []);
    this.seal(after);
    this.switchTo(after);
  }

  choose(condition: Value, then: () => void, otherwise: () => void): void {
    const yes = this.block();
    const no = this.block();
    const after = this.block();
    this.brIf(condition, yes, [], no, []);
    this.seal(yes);
    this.seal(no);
    this.switchTo(yes);
    then();
    if (!this.terminated) this.jump(after, []);
    this.switchTo(no);
    otherwise();
    if (!this.terminated) this.jump(after, []);
    this.seal(after);
    this.switchTo(after);
    if (this.predecessorCount(after) === 0) this.unreachable();
  }

  /** Repeats `body` while `condition` yields non-zero. */
  whileTrue(condition: () => Value, body: () => void): void {
    const head = this.block();
    const inside = this.block();
    const after = this.block();
    this.jump(head, []);
    this.switchTo(head);
    this.brIf(condition(), inside, [], after, []);
    this.seal(inside);
    this.switchTo(inside);
    body();
    if (!this.terminated) this.jump(head, []);
    this.seal(head);
    this.seal(after);
    this.switchTo(after);
  }

  /** Runs `body` with 0, 1, … below `count` (i64). */
  repeat(count: Value, body: (i: Value) => void): void {
    const next = this.variable(I64);
    this.set(next, this.number(0));
    this.whileTrue(
      () => this.op(op.I64_LT_U, this.get(next), count),
      () => {
        const i = this.get(next);
        body(i);
        if (!this.terminated) this.set(next, this.op(op.I64_ADD, i, this.number(1)));
      },
    );
  }

  // --- fields -------------------------------------------------------------------------------------------

  /** `region` and `flags` as in access.ts (READONLY where the cell never changes meanwhile). */
  private loadAt(type: number, address: Value, offset: number, region: number, flags: number): Value {
    return this.load(LOAD_OF[type], address, offset, access(region, 0, TYPE_SIZE[type], flags));
  }

  /** The byte at the address, zero-extended to an i32. */
  byte(address: Value): Value {
    return this.load(op.I32_LOAD8_U, address, 0, access(REGION_C, 0, 1, 0));
  }

  private storeAt(type: number, address: Value, offset: number, x: Value, region: number): void {
    this.store(STORE_OF[type], address, x, offset, access(region, 0, TYPE_SIZE[type], 0));
  }

  /** A field of the record at the address. */
  field(record: Value, field: Field): Value {
    return this.loadAt(field.type, record, field.offset, field.region, 0);
  }

  /** The same of a field that never changes while the function runs. */
  constantField(record: Value, field: Field): Value {
    return this.loadAt(field.type, record, field.offset, field.region, READONLY);
  }

  setField(record: Value, field: Field, x: Value): void {
    this.storeAt(field.type, record, field.offset, x, field.region);
  }

  /** A member of the structure of C at the address. */
  member(structure: Value, member: Member): Value {
    return this.loadAt(member.irType(this.model), structure, member.offset(this.model), REGION_C, 0);
  }

  setMember(structure: Value, member: Member, x: Value): void {
    this.storeAt(member.irType(this.model), structure, member.offset(this.model), x, REGION_C);
  }

  memberInRoom(room: Value, member: Member): Value {
    return this.loadAt(member.irType(this.model), room, member.offset(this.model), REGION_STACK, 0);
  }

  setMemberInRoom(room: Value, member: Member, x: Value): void {
    this.storeAt(member.irType(this.model), room, member.offset(this.model), x, REGION_STACK);
  }

  /** Pointer `i` of an array of C, or of whatever consists of pointers. */
  pointerAt(array: Value, i: number): Value {
    return this.loadAt(PTR, array, i * this.model.wordBytes, REGION_C, 0);
  }

  setPointerAt(array: Value, i: number, x: Value): void {
    this.storeAt(PTR, array, i * this.model.wordBytes, x, REGION_C);
  }

  pointerInRoom(array: Value, i: number): Value {
    return this.loadAt(PTR, array, i * this.model.wordBytes, REGION_STACK, 0);
  }

  setPointerInRoom(array: Value, i: number, x: Value): void {
    this.storeAt(PTR, array, i * this.model.wordBytes, x, REGION_STACK);
  }

  /** The address of a field, of an area the first one's. */
  addressOf(record: Value, field: Field): Value {
    return field.offset === 0 ? record : this.plus(record, field.offset);
  }

  /** What lies at the address: an element of an array, an object's address behind a C variable. */
  content(type: number, address: Value): Value {
    return this.loadAt(type, address, 0, REGION_C, 0);
  }

  /** The same where it never changes while the function runs. */
  constantContent(type: number, address: Value): Value {
    return this.loadAt(type, address, 0, REGION_C, READONLY);
  }

  setContent(type: number, address: Value, x: Value): void {
    this.storeAt(type, address, 0, x, REGION_C);
  }

  /** A cell of the instance that the module's Layout has given its place. */
  cell(type: number, vmctx: Value, offset = 0): Value {
    return this.loadAt(type, vmctx, offset, REGION_VMCTX, 0);
  }

  setCell(type: number, address: Value, x: Value): void {
    this.storeAt(type, address, 0, x, REGION_VMCTX);
  }

  /** The address of so many fresh bytes of this function's frame. */
  room(bytes: number): Value {
    return this.slot(this.func.newSlot(bytes));
  }

  /** What lies at the beginning of such room. */
  inRoom(type: number, room: Value): Value {
    return this.loadAt(type, room, 0, REGION_STACK, 0);
  }

  setInRoom(type: number, room: Value, x: Value): void {
    this.storeAt(type, room, 0, x, REGION_STACK);
  }

  /** A field of a record in such room. */
  fieldInRoom(room: Value, field: Field): Value {
    return this.loadAt(field.type, room, field.offset, REGION_STACK, 0);
  }

  setFieldInRoom(room: Value, field: Field, x: Value): void {
    this.storeAt(field.type, room, field.offset, x, REGION_STACK);
  }

  // --- values -------------------------------------------------------------------------------------------

  /** address + a constant number of bytes. */
  plus(address: Value, bytes: number): Value {
    return this.op(op.PTR_ADD, address, this.number(bytes));
  }

  /** The address of element `i` (i64) of an array of elements of 1 << `shift` bytes. */
  element(base: Value, i: Value, shift: number): Value {
    return this.op(op.PTR_ADD, base, shift === 0 ? i : this.op(op.I64_SHL, i, this.number(shift)));
  }

  /** The i64 `x`, an integer of at most 53 bits. */
  number(x: f64): Value {
    return this.i64(x | 0, Math.floor(x / 0x1_0000_0000) | 0);
  }

  /** i32 to i64, unsigned. */
  widen(x: Value): Value {
    return this.op(op.I64_EXTEND_I32_U, x);
  }

  /** 1 where the i64 is not zero. */
  isTrue(x: Value): Value {
    return this.op(op.I64_NE, x, this.number(0));
  }

  /** The smaller of two unsigned i64. */
  lesser(x: Value, y: Value): Value {
    return this.op(op.I64_SELECT, this.op(op.I64_LT_U, x, y), x, y);
  }

  null(): Value {
    return this.ptr(0, 0);
  }

  isNull(address: Value): Value {
    return this.op(op.PTR_EQZ, address);
  }

  /** 1 where the address is not null. */
  isThere(address: Value): Value {
    return this.op(op.PTR_NE, address, this.null());
  }

  /** 1 if address lies in the `size` bytes (i64) from `low` on. */
  isWithin(address: Value, low: Value, size: Value): Value {
    return this.op(op.I64_LT_U, this.op(op.PTR_SUB, address, low), size);
  }
}
