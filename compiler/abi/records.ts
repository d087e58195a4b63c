// Records of our own, declared field by field: what compiled code, the run time and the Python package share. They are
// the same on every target: a field fills a cell of eight bytes (an address of 32 bits its lower half), in read-only
// tables one of four. Structures that a C compiler lays out are declared in structures.ts.

import { unreachable } from "../base/fail.ts";
import { I32, I64, PTR, REF, VOID } from "../ir/ops.ts";

/** The IR type of sizes, counts and distances, as wide as an address. I64 is for what has 64 bits by nature. */
export const WORD = I64;

/** Bytes of a cell, and the same as a shift. */
export const CELL_BYTES = 8;
export const CELL_SHIFT = 3;
/** The same of a cell in a read-only table, which holds an i32. */
export const SMALL_BYTES = 4;
export const SMALL_SHIFT = 2;

export class Field {
  readonly name: string;
  /** The type of ir/ops.ts that it is read and written as; VOID: an area with fields of its own. */
  readonly type: number;
  /** Bytes from the beginning of the record. */
  readonly offset: number;
  readonly bytes: number;
  /** REGION_… of ir/access.ts. */
  readonly region: number;

  constructor(name: string, type: number, offset: number, bytes: number, region: number) {
    this.name = name;
    this.type = type;
    this.offset = offset;
    this.bytes = bytes;
    this.region = region;
  }

  /** The same cell, of which all bits count, whatever they mean. */
  get asWord(): Field {
    return new Field(this.name, WORD, this.offset, this.bytes, this.region);
  }

  /** In an area: the field of the `i`th of the records that fill it. */
  of(inner: Field, i = 0, recordBytes = 0): Field {
    const offset = this.offset + i * recordBytes + inner.offset;
    if (inner.offset + inner.bytes + i * recordBytes > this.bytes)
      unreachable(`no ${inner.name} in ${this.name}`);
    return new Field(`${this.name}.${inner.name}`, inner.type, offset, inner.bytes, this.region);
  }
}

/** A kind of record under declaration: each call of a method adds the next field. */
export class RecordType {
  readonly name: string;
  readonly fields: Field[];
  private readonly region: number;
  private readonly cell: number;
  private at: number;

  /** `region`: of accesses to it; `cell`: bytes of a field; `at`: where the first one lies. */
  constructor(name: string, region: number, cell: number, at = 0) {
    this.name = name;
    this.fields = [];
    this.region = region;
    this.cell = cell;
    this.at = at;
  }

  private add(name: string, type: number, bytes: number): Field {
    const field = new Field(name, type, this.at, bytes, this.region);
    this.at += bytes;
    this.fields.push(field);
    return field;
  }

  /** A size, a count, a number of a type. */
  word(name: string): Field {
    return this.add(name, WORD, this.cell);
  }

  pointer(name: string): Field {
    return this.add(name, PTR, this.cell);
  }

  /** A reference of wasm (references.ts). */
  reference(name: string): Field {
    return this.add(name, REF, this.cell);
  }

  i32(name: string): Field {
    return this.add(name, I32, this.cell);
  }

  /** What has 64 bits on every target. */
  i64(name: string): Field {
    return this.add(name, I64, CELL_BYTES);
  }

  /** So many bytes with fields of their own. */
  area(name: string, bytes: number): Field {
    return this.add(name, VOID, bytes);
  }

  /** The size of the fields declared so far. */
  get bytes(): number {
    return this.at;
  }
}
