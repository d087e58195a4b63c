// Data models: how a C compiler lays data out for a target.

export class DataModel {
  readonly name: string;
  /** Its place in MODELS. */
  readonly number: number;
  /** Bytes of an address, a size_t, a Py_ssize_t. */
  readonly wordBytes: number;
  /** Bytes of a `long`. */
  readonly longBytes: number;
  /** What numbers of eight bytes are aligned to in structures. */
  readonly wideAlignment: number;
  readonly littleEndian: boolean;

  constructor(
    name: string,
    number: number,
    wordBytes: number,
    longBytes: number,
    wideAlignment: number,
    littleEndian: boolean,
  ) {
    this.name = name;
    this.number = number;
    this.wordBytes = wordBytes;
    this.longBytes = longBytes;
    this.wideAlignment = wideAlignment;
    this.littleEndian = littleEndian;
  }
}

/** 64-bit machines but for Windows. */
export const LP64: DataModel = new DataModel("LP64", 0, 8, 8, 8, true);
export const LP64_BIG: DataModel = new DataModel("LP64, big-endian", 1, 8, 8, 8, false);
/** 64-bit Windows. */
export const LLP64: DataModel = new DataModel("LLP64", 2, 8, 4, 8, true);
/** 32-bit Arm, and 32-bit Windows. */
export const ILP32: DataModel = new DataModel("ILP32", 3, 4, 4, 8, true);
/** 32-bit x86 but for Windows. */
export const ILP32_X86: DataModel = new DataModel("ILP32, wide numbers aligned to 4", 4, 4, 4, 4, true);

export const MODELS: readonly DataModel[] = [LP64, LP64_BIG, LLP64, ILP32, ILP32_X86];
