// Parallel moves into sequences: what is overwritten is read first. Cycles pass through the scratch register of the
// class, or, when one of their moves goes from slot to slot and so needs the scratch register itself, through a slot
// kept for that. (Cf. Rideau, Serpette & Leroy, "Tilting at windmills with Coq", JAR 2008.)

import { grown, IntColumn } from "../base/columns.ts";
import { unreachable } from "../base/fail.ts";
import { type Code, FIRST_VREG, SPILLED } from "./code.ts";
import { classOf, type RegisterInfo, slotSizeOf } from "./registers.ts";

const NONE = -1;

/** `remat`: virtual register to rematerialise, whose instruction is `from`; or -1. */
export class ParallelMoves {
  private readonly from: IntColumn;
  private readonly to: IntColumn;
  private readonly type: IntColumn;
  private readonly remat: IntColumn;
  /** By place (registers, then slots): the move that writes it, and how many read it and have not been made. */
  private writer: Int32Array<ArrayBuffer>;
  private readers: Int32Array<ArrayBuffer>;
  private readonly ready: IntColumn;
  /** Slots for cycles, of 8 and 16 bytes; -1: none yet. */
  private readonly spare: Int32Array<ArrayBuffer>;

  constructor() {
    this.from = new IntColumn();
    this.to = new IntColumn();
    this.type = new IntColumn();
    this.remat = new IntColumn();
    this.writer = new Int32Array(0);
    this.readers = new Int32Array(0);
    this.ready = new IntColumn();
    this.spare = new Int32Array(2);
  }

  /** Before the first group of a function, when its slots are known. */
  prepare(code: Code): void {
    this.spare.fill(NONE);
    const places = FIRST_VREG + code.slots.length + this.spare.length;
    if (this.writer.length < places) {
      this.writer = grown(this.writer, places);
      this.readers = new Int32Array(this.writer.length);
    }
    this.writer.fill(NONE);
    this.readers.fill(0);
    this.start();
  }

  private start(): void {
    this.from.clear();
    this.to.clear();
    this.type.clear();
    this.remat.clear();
    this.ready.clear();
  }

  /** Adds a move to the group. Two moves to one place must be the same. */
  add(from: number, to: number, type: number, remat: number): void {
    if (remat < 0 && from === to) return;
    const target = index(to);
    const known = this.writer[target];
    if (known >= 0) {
      if (this.from.get(known) !== from || this.remat.get(known) !== remat)
        unreachable("two moves to one place");
      return;
    }
    this.writer[target] = this.from.push(from);
    this.to.push(to);
    this.type.push(type);
    this.remat.push(remat);
    if (remat < 0) this.readers[index(from)]++;
  }

  /** Appends the group, in an order that does the same, before instruction `at`; and starts the next group. */
  flush(code: Code, at: number, registers: RegisterInfo): void {
    const { from, to, remat, readers, writer, ready } = this;
    const count = to.length;
    for (let m = 0; m < count; m++) if (readers[index(to.get(m))] === 0) ready.push(m);
    this.drain(code, at, registers);
    for (let m = 0; m < count; m++) {
      if (writer[index(to.get(m))] !== m) continue;
      // what is left are cycles: put what m overwrites aside, for the one move that reads it
      let reader = m;
      let throughSlots = false;
      do {
        if (from.get(reader) <= SPILLED && to.get(reader) <= SPILLED) throughSlots = true;
        reader = writer[index(from.get(reader))];
      } while (to.get(reader) !== to.get(m));
      reader = this.readerOf(m);
      const type = this.type.get(reader);
      const aside = throughSlots ? this.spareSlot(code, type) : registers.scratch[classOf(type)];
      this.emit(code, at, from.get(reader), aside, type, NONE, registers);
      readers[index(from.get(reader))]--;
      from.set(reader, aside);
      readers[index(aside)]++;
      ready.push(m);
      this.drain(code, at, registers);
    }
    for (let m = 0; m < count; m++) {
      writer[index(to.get(m))] = NONE;
      if (remat.get(m) < 0) readers[index(from.get(m))] = 0;
    }
    this.start();
  }

  /** The move of the cycle of m that reads what m writes. */
  private readerOf(m: number): number {
    let reader = m;
    while (this.from.get(reader) !== this.to.get(m)) reader = this.writer[index(this.from.get(reader))];
    return reader;
  }

  private drain(code: Code, at: number, registers: RegisterInfo): void {
    const { from, to, type, remat, readers, writer, ready } = this;
    while (ready.length > 0) {
      const m = ready.pop();
      this.emit(code, at, from.get(m), to.get(m), type.get(m), remat.get(m), registers);
      writer[index(to.get(m))] = NONE;
      if (remat.get(m) >= 0) continue;
      const source = index(from.get(m));
      if (--readers[source] === 0 && writer[source] >= 0) ready.push(writer[source]);
    }
  }

  private spareSlot(code: Code, type: number): number {
    const size = slotSizeOf(type);
    if (this.spare[size >> 4] < 0) this.spare[size >> 4] = code.slots.push(size);
    return SPILLED - this.spare[size >> 4];
  }

  private emit(
    code: Code,
    at: number,
    from: number,
    to: number,
    type: number,
    remat: number,
    registers: RegisterInfo,
  ): void {
    if (to <= SPILLED && (remat >= 0 || from <= SPILLED)) {
      const scratch = registers.scratch[classOf(type)];
      append(code, at, from, scratch, type, remat);
      append(code, at, scratch, to, type, NONE);
    } else {
      append(code, at, from, to, type, remat);
    }
  }
}

function append(code: Code, at: number, from: number, to: number, type: number, remat: number): void {
  code.moveAt.push(at);
  code.moveFrom.push(from);
  code.moveTo.push(to);
  code.moveType.push(type);
  code.moveRemat.push(remat);
}

/** A number for a place: its own for a register, counting on for slots. */
function index(place: number): number {
  return place >= 0 ? place : FIRST_VREG + SPILLED - place;
}
