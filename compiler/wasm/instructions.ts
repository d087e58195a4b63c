// The table of WebAssembly instructions: nothing else lists them. Decoder, validator, text parser and printer,
// binary encoder, default lowering and the coverage test read it; `npm run gen` derives the constants of
// gen/wasm-ops.ts from the order of rows.
//
// A row:  i(name, code, feature, immediates, type rule, lowering)
//   code        the opcode byte, or prefix << 24 | number for prefixed ones (0xFB, 0xFC, 0xFD)
//   immediates  kinds of imm.ts, space-separated: how they are decoded, encoded, parsed and printed
//   type rule   "i32 i32 -> i32", in which `addr0` is the address type of the memory or table immediate;
//               or "@rule": a rule of ir/build that no signature can express
//   lowering    the IR operation the instruction becomes, one for one; "" where ir/build has a function
//               of its own; "?" for what is not lowered yet

import * as f from "./features.ts";

export class Instruction {
  readonly name: string;
  readonly code: number;
  readonly feature: number;
  readonly immediates: readonly string[];
  readonly rule: string;
  readonly lowering: string;

  constructor(
    name: string,
    code: number,
    feature: number,
    immediates: readonly string[],
    rule: string,
    lowering: string,
  ) {
    this.name = name;
    this.code = code;
    this.feature = feature;
    this.immediates = immediates;
    this.rule = rule;
    this.lowering = lowering;
  }
}

function i(
  name: string,
  code: number,
  feature: number,
  immediates: string,
  rule: string,
  lowering: string,
): Instruction {
  return new Instruction(name, code, feature, immediates === "" ? [] : immediates.split(" "), rule, lowering);
}

export const INSTRUCTIONS: readonly Instruction[] = [
  i("unreachable", 0x00, f.MVP, "", "@unreachable", ""),
  i("block", 0x02, f.MVP, "blocktype", "@block", ""),
  i("br_table", 0x0e, f.MVP, "labels label", "@br_table", ""),
  i("local.get", 0x20, f.MVP, "local", "@local.get", ""),
  i("i32.load8_s", 0x2c, f.MVP, "memarg:1", "addr0 -> i32", ""),
  i("i32.const", 0x41, f.MVP, "i32", "-> i32", ""),
  i("i32.add", 0x6a, f.MVP, "", "i32 i32 -> i32", "i32.add"),
];
