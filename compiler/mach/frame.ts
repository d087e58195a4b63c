// Where a function's frame keeps what. From the stack pointer of the body upwards:
//
//   outgoing stack arguments | stack slots | saved float registers | padding | saved general registers | return address
//
// The stack pointer does not move in the body. Sizes are such that it is a multiple of 16 there; at entry it is less than
// one by what the call pushed: the return address, or nothing where that is in a register, which then is one of those that
// are saved. Functions that need none of this have no frame at all (size 0).
//
// Requires: places and moves of the allocation.

import { IntColumn } from "../base/columns.ts";
import { fail } from "../base/fail.ts";
import { CALL, INVOKE, INVOKE_M, RET, SET_VMCTX, TAIL_CALL, TAIL_CALL_R } from "../gen/pseudo-ops.ts";
import { type Code, DEF, OUTGOING, RegisterSet, roleOf } from "./code.ts";

function returnsHere(op: number): boolean {
  return op >= CALL && op <= INVOKE_M;
}

function leavesFor(op: number): boolean {
  return op === TAIL_CALL || op === TAIL_CALL_R;
}

/** Whether the instruction may change the pinned registers. */
export function changesInstance(op: number): boolean {
  return op === SET_VMCTX || (op >= INVOKE && op <= INVOKE_M);
}

/** Frames up to this size need no check in a leaf function: the limit leaves room for them. */
const UNCHECKED = 1024;
/** More than any function within the limits of the language needs. */
const LARGEST = 1 << 28;

/** Bytes of a general register. */
const WORD = 8;

export class Frame {
  private readonly pushed: number;
  private readonly slotOffset: IntColumn;
  /** Registers saved on entry: pushed in order of number, float registers stored from `floatSaves` on. */
  saved: RegisterSet;
  floatSaves: number;
  /** Bytes below the pushed registers. */
  local: number;
  /** Bytes from the stack pointer of the body to the return address. */
  size: number;
  /** Offset of the first incoming stack argument from the stack pointer of the body. */
  incoming: number;
  /** True where the function must compare the stack pointer with the limit. */
  checked: boolean;

  /** `pushed`: bytes that a call pushes. */
  constructor(pushed: number) {
    this.pushed = pushed;
    this.slotOffset = new IntColumn();
    this.saved = new RegisterSet(0, 0);
    this.floatSaves = 0;
    this.local = 0;
    this.size = 0;
    this.incoming = pushed;
    this.checked = false;
  }

  /** Offset of a stack slot from the stack pointer of the body. */
  slot(number: number): number {
    return this.slotOffset.get(number);
  }

  /**
   * `saved`: what the function's convention makes it restore; `pinned`: registers that hold the instance; `checked`:
   * whether it has a stack check at all.
   */
  layout(code: Code, saved: RegisterSet, pinned: RegisterSet, checked: boolean): void {
    let calls = false;
    let leaves = false;
    let at = 0;
    for (let i = 0; i < code.count; i++) {
      const op = code.op[i];
      if (returnsHere(op)) calls = true;
      if (leavesFor(op)) leaves = true;
      // what a callee pops lies there, apart from what stores to OUTGOING say
      if (returnsHere(op) || leavesFor(op)) at = Math.max(at, code.imm2[i]);
      if ((code.address[i] & 15) === OUTGOING) at = Math.max(at, code.disp[i] + 8);
    }
    this.slotOffset.clear();
    for (let k = 0; k < code.slots.length; k++) {
      const size = code.slots.get(k);
      const alignment = size > 8 ? 16 : 8;
      at = (at + alignment - 1) & -alignment;
      this.slotOffset.push(at);
      at += Math.max(size, 8);
      if (at > LARGEST) fail("stack frame too large", -1);
    }
    this.saved = this.registersToSave(code, saved, pinned);
    if (this.saved.float !== 0) at = (at + 15) & -16;
    this.floatSaves = at;
    at += 16 * countBits(this.saved.float);
    const saves = WORD * countBits(this.saved.general);
    at = (at + 7) & -8;
    if ((at !== 0 || saves !== 0 || calls) && ((at + saves + this.pushed) & 15) !== 0) at += WORD;
    this.local = at;
    this.size = at + saves;
    this.incoming = this.size + this.pushed;
    this.checked = checked && (calls || leaves || this.size > UNCHECKED);
  }

  private registersToSave(code: Code, keep: RegisterSet, pinned: RegisterSet): RegisterSet {
    let general = 0;
    let float = 0;
    let resultGeneral = 0;
    let resultFloat = 0;
    for (let i = 0; i < code.count; i++) {
      if (changesInstance(code.op[i])) {
        general |= pinned.general;
        float |= pinned.float;
      }
      if (code.clobbers[i] >= 0) {
        const set = code.clobberSets[code.clobbers[i]];
        general |= set.general;
        float |= set.float;
      }
      const start = code.operandStart[i];
      const returns = code.op[i] === RET;
      for (let k = start; k < start + code.operandCount[i]; k++) {
        const place = code.place.get(k);
        if (place < 0) continue;
        const bit = 1 << (place & 31);
        if (roleOf(code.constraint.get(k)) === DEF) {
          if (place < 32) general |= bit;
          else float |= bit;
        } else if (returns) {
          if (place < 32) resultGeneral |= bit;
          else resultFloat |= bit;
        }
      }
    }
    for (let m = 0; m < code.moveTo.length; m++) {
      const place = code.moveTo.get(m);
      if (place < 0) continue;
      if (place < 32) general |= 1 << place;
      else float |= 1 << (place - 32);
    }
    return new RegisterSet(general & keep.general & ~resultGeneral, float & keep.float & ~resultFloat);
  }
}

function countBits(set: number): number {
  let n = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) n++;
  return n;
}
