// Structures of C: declared member by member with the types that their headers give them, and laid out for every data
// model as a C compiler does it. Records of our own: records.ts.

import { unreachable } from "../base/fail.ts";
import { F64, I32, I64, PTR, VOID } from "../ir/ops.ts";
import { type DataModel, MODELS } from "./model.ts";
import { WORD } from "./records.ts";

/** Types of members. */
export const C_BYTE = 0;
export const C_SHORT = 1;
export const C_INT = 2;
export const C_LONG = 3;
/** size_t, Py_ssize_t, uintptr_t. */
export const C_SIZE = 4;
export const C_POINTER = 5;
export const C_INT64 = 6;
export const C_DOUBLE = 7;

function sizeOf(type: number, model: DataModel): number {
  switch (type) {
    case C_BYTE:
      return 1;
    case C_SHORT:
      return 2;
    case C_INT:
      return 4;
    case C_LONG:
      return model.longBytes;
    case C_SIZE:
    case C_POINTER:
      return model.wordBytes;
    default:
      return 8;
  }
}

function alignmentOf(type: number, model: DataModel): number {
  return type >= C_INT64 ? model.wideAlignment : sizeOf(type, model);
}

function irTypeOf(type: number, model: DataModel): number {
  switch (type) {
    case C_INT:
      return I32;
    case C_LONG:
      return model.longBytes === 8 ? I64 : I32;
    case C_SIZE:
      return WORD;
    case C_POINTER:
      return PTR;
    case C_INT64:
      return I64;
    case C_DOUBLE:
      return F64;
    default:
      return VOID; // bytes and shorts are written, but not read
  }
}

function aligned(offset: number, alignment: number): number {
  return (offset + alignment - 1) & -alignment;
}

export class Member {
  readonly name: string;
  /** C_… */
  readonly type: number;
  /** By number of the data model. */
  private readonly offsets: readonly number[];

  constructor(name: string, type: number, offsets: readonly number[]) {
    this.name = name;
    this.type = type;
    this.offsets = offsets;
  }

  /** Bytes from the beginning of the structure. */
  offset(model: DataModel): number {
    return this.offsets[model.number];
  }

  bytes(model: DataModel): number {
    return sizeOf(this.type, model);
  }

  /** The type of ir/ops.ts that it is read and written as. */
  irType(model: DataModel): number {
    return irTypeOf(this.type, model);
  }

  /** Of a member that is a structure: its own member `inner`. */
  of(inner: Member): Member {
    const offsets = this.offsets.map((offset, k) => offset + inner.offset(MODELS[k]));
    return new Member(`${this.name}.${inner.name}`, inner.type, offsets);
  }
}

/** A structure under declaration: each call adds the next member. */
export class Structure {
  readonly name: string;
  readonly members: Member[];
  /** By number of the data model: the end of what is declared, and the largest alignment in it. */
  private readonly ends: Int32Array;
  private readonly alignments: Int32Array;

  constructor(name: string) {
    this.name = name;
    this.members = [];
    this.ends = new Int32Array(MODELS.length);
    this.alignments = new Int32Array(MODELS.length).fill(1);
  }

  private place(name: string, type: number, bytes: readonly number[], alignments: readonly number[]): Member {
    const offsets: number[] = [];
    for (let k = 0; k < MODELS.length; k++) {
      offsets.push(aligned(this.ends[k], alignments[k]));
      this.ends[k] = offsets[k] + bytes[k];
      if (alignments[k] > this.alignments[k]) this.alignments[k] = alignments[k];
    }
    const member = new Member(name, type, offsets);
    this.members.push(member);
    return member;
  }

  /** A member, or an array of `count`; none at all aligns what follows. */
  member(name: string, type: number, count = 1): Member {
    const bytes = MODELS.map((model) => count * sizeOf(type, model));
    return this.place(
      name,
      type,
      bytes,
      MODELS.map((model) => alignmentOf(type, model)),
    );
  }

  /** A member that is a structure. */
  nested(name: string, inner: Structure): Member {
    const bytes = MODELS.map((model) => inner.bytes(model));
    return this.place(name, C_BYTE, bytes, [...inner.alignments]);
  }

  bytes(model: DataModel): number {
    const k = model.number;
    if (this.ends[k] === 0) unreachable(`${this.name} has no members`);
    return aligned(this.ends[k], this.alignments[k]);
  }
}
