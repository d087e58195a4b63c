// Constants of vectors: a shape and its lanes (spec 3.0, 6.5, "v128.const").

import type { Bytes } from "../base/bytes.ts";
import { fail } from "../base/fail.ts";
import * as word from "../gen/wat-words.ts";
import type { Cursor } from "./cursor.ts";
import { KEYWORD, LPAR, NUMBER, RPAR } from "./lexer.ts";

/** Width of the lanes of a shape in bits; negative for floats; 0 when the keyword is no shape. */
export function laneOf(shape: number): number {
  switch (shape) {
    case word.I8X16:
      return 8;
    case word.I16X8:
      return 16;
    case word.I32X4:
      return 32;
    case word.I64X2:
      return 64;
    case word.F32X4:
      return -32;
    case word.F64X2:
      return -64;
    default:
      return 0;
  }
}

/** A shape and its lanes: 16 bytes. */
export function vectorConstant(cursor: Cursor, out: Bytes): void {
  const lane = cursor.kind() === KEYWORD ? laneOf(cursor.value()) : 0;
  if (lane === 0) cursor.unexpected();
  cursor.at++;
  const bits = Math.abs(lane) | 0;
  for (let i = 0; i < 128; i += bits) {
    const kind = cursor.kind();
    if (kind === RPAR || kind === LPAR) fail("wrong number of lane literals", cursor.start());
    if (lane < 0) cursor.float(bits);
    else cursor.integer(bits);
    const { lo, hi } = cursor.number;
    switch (bits) {
      case 8:
        out.u8(lo);
        break;
      case 16:
        out.u16(lo);
        break;
      case 32:
        out.u32(lo);
        break;
      default:
        out.u64(lo, hi);
    }
  }
  if (cursor.kind() === NUMBER) fail("wrong number of lane literals", cursor.start());
}
