// The table of WebAssembly 3.0 instructions: nothing else lists them. Decoder, validator, text parser and printer, binary
// encoder, lowering and the coverage test read it; `npm run gen` derives the constants of gen/wasm-ops.ts from the order
// of rows (the number of a row is its constant), and gen/walk.ts, which calls the functions that rows name.
//
// A row:  i(name, code, feature, immediates, type rule, lowering, constant)
//   name        the keyword of the text format; where one keyword has two encodings, the second row's name has
//               a word more ("select t", "ref.cast null")
//   code        the opcode byte, or prefix << 24 | number for prefixed ones (FB, FC, FD): an int32
//   feature     what brought the instruction
//   immediates  kinds of imm.ts, space-separated, in binary order
//   type rule   a signature, "i32 i32 -> i32", in which `addr0` is the address type of the memory that is the first
//               immediate; or "@file.function": of walk/, which reads immediates, validates, and has code made. A
//               signature may follow, where there is one that says the same
//   lowering    what a signature becomes: an IR operation, one for one; or "@file.function operation": of lower/, which
//               takes the operation and the operands. "" where the function of the type rule sees to it; "?" for what
//               is not lowered yet
//   constant    the feature that allows the instruction in constant expressions; nothing where none does

import type { u32 } from "../base/numbers.ts";
import * as f from "./features.ts";
import { kindNamed, MEMARG, parameterOf } from "./imm.ts";

export class Instruction {
  readonly name: string;
  /** The name without what tells encodings apart. */
  readonly keyword: string;
  readonly code: number;
  readonly feature: number;
  readonly immediates: readonly string[];
  /** The same as constants of imm.ts. */
  readonly kinds: Uint8Array;
  /** Natural alignment of the memarg in bytes; 0 without one. */
  readonly align: number;
  /** Number of lanes of the lane immediate; 0 without one. */
  readonly lanes: number;
  readonly rule: string;
  readonly lowering: string;
  /** The feature that allows it in constant expressions, or -1. */
  readonly constantSince: number;

  constructor(
    name: string,
    code: number,
    feature: number,
    immediates: readonly string[],
    rule: string,
    lowering: string,
    constantSince: number,
  ) {
    this.name = name;
    this.keyword = name.split(" ")[0];
    this.code = code;
    this.feature = feature;
    this.immediates = immediates;
    this.kinds = Uint8Array.from(immediates, kindNamed);
    this.align = 0;
    this.lanes = 0;
    for (const [k, immediate] of immediates.entries()) {
      if (this.kinds[k] === MEMARG) this.align = parameterOf(immediate);
      else this.lanes = parameterOf(immediate);
    }
    this.rule = rule;
    this.lowering = lowering;
    this.constantSince = constantSince;
  }
}

function i(
  name: string,
  code: number,
  feature: number,
  immediates: string,
  rule: string,
  lowering: string,
  constant = -1,
): Instruction {
  const kinds = immediates === "" ? [] : immediates.split(" ");
  return new Instruction(name, code, feature, kinds, rule, lowering, constant);
}

const FB = 0xfb << 24;
const FC = 0xfc << 24;
const FD = 0xfd << 24;

export const INSTRUCTIONS: readonly Instruction[] = [
  // control (spec 5.4.1)
  i("unreachable", 0x00, f.MVP, "", "@control.unreachable", ""),
  i("nop", 0x01, f.MVP, "", "@control.nop ->", ""),
  i("block", 0x02, f.MVP, "blocktype", "@control.block", ""),
  i("loop", 0x03, f.MVP, "blocktype", "@control.loop", ""),
  i("if", 0x04, f.MVP, "blocktype", "@control.ifThen", ""),
  i("else", 0x05, f.MVP, "", "@control.otherwise", ""),
  i("throw", 0x08, f.EXCEPTIONS, "tag", "@exceptions.throwTag", "?"),
  i("throw_ref", 0x0a, f.EXCEPTIONS, "", "@exceptions.throwRef", "?"),
  i("end", 0x0b, f.MVP, "", "@control.end", "", f.MVP),
  i("br", 0x0c, f.MVP, "label", "@control.br", ""),
  i("br_if", 0x0d, f.MVP, "label", "@control.brIf", ""),
  i("br_table", 0x0e, f.MVP, "labels label", "@control.brTable", ""),
  i("return", 0x0f, f.MVP, "", "@control.returns", ""),
  i("call", 0x10, f.MVP, "func", "@calls.call", ""),
  i("call_indirect", 0x11, f.MVP, "type table", "@calls.callIndirect", ""),
  i("return_call", 0x12, f.TAIL_CALL, "func", "@calls.returnCall", ""),
  i("return_call_indirect", 0x13, f.TAIL_CALL, "type table", "@calls.returnCallIndirect", ""),
  i("call_ref", 0x14, f.FUNCTION_REFERENCES, "type", "@calls.callRef", ""),
  i("return_call_ref", 0x15, f.FUNCTION_REFERENCES, "type", "@calls.returnCallRef", ""),
  i("try_table", 0x1f, f.EXCEPTIONS, "blocktype catches", "@exceptions.tryTable", "?"),
  // parametric
  i("drop", 0x1a, f.MVP, "", "@variables.drop", ""),
  i("select", 0x1b, f.MVP, "", "@variables.select", ""),
  i("select t", 0x1c, f.REFERENCE_TYPES, "valtypes", "@variables.selectTyped", ""),
  // variables
  i("local.get", 0x20, f.MVP, "local", "@variables.localGet", ""),
  i("local.set", 0x21, f.MVP, "local", "@variables.localSet", ""),
  i("local.tee", 0x22, f.MVP, "local", "@variables.localTee", ""),
  i("global.get", 0x23, f.MVP, "global", "@variables.globalGet", "", f.MVP),
  i("global.set", 0x24, f.MVP, "global", "@variables.globalSet", ""),
  // tables
  i("table.get", 0x25, f.REFERENCE_TYPES, "table", "@tables.get", ""),
  i("table.set", 0x26, f.REFERENCE_TYPES, "table", "@tables.set", ""),
  // memories
  i("i32.load", 0x28, f.MVP, "memarg:4", "addr0 -> i32", "i32.load"),
  i("i64.load", 0x29, f.MVP, "memarg:8", "addr0 -> i64", "i64.load"),
  i("f32.load", 0x2a, f.MVP, "memarg:4", "addr0 -> f32", "f32.load"),
  i("f64.load", 0x2b, f.MVP, "memarg:8", "addr0 -> f64", "f64.load"),
  i("i32.load8_s", 0x2c, f.MVP, "memarg:1", "addr0 -> i32", "i32.load8_s"),
  i("i32.load8_u", 0x2d, f.MVP, "memarg:1", "addr0 -> i32", "i32.load8_u"),
  i("i32.load16_s", 0x2e, f.MVP, "memarg:2", "addr0 -> i32", "i32.load16_s"),
  i("i32.load16_u", 0x2f, f.MVP, "memarg:2", "addr0 -> i32", "i32.load16_u"),
  i("i64.load8_s", 0x30, f.MVP, "memarg:1", "addr0 -> i64", "i64.load8_s"),
  i("i64.load8_u", 0x31, f.MVP, "memarg:1", "addr0 -> i64", "i64.load8_u"),
  i("i64.load16_s", 0x32, f.MVP, "memarg:2", "addr0 -> i64", "i64.load16_s"),
  i("i64.load16_u", 0x33, f.MVP, "memarg:2", "addr0 -> i64", "i64.load16_u"),
  i("i64.load32_s", 0x34, f.MVP, "memarg:4", "addr0 -> i64", "i64.load32_s"),
  i("i64.load32_u", 0x35, f.MVP, "memarg:4", "addr0 -> i64", "i64.load32_u"),
  i("i32.store", 0x36, f.MVP, "memarg:4", "addr0 i32 ->", "i32.store"),
  i("i64.store", 0x37, f.MVP, "memarg:8", "addr0 i64 ->", "i64.store"),
  i("f32.store", 0x38, f.MVP, "memarg:4", "addr0 f32 ->", "f32.store"),
  i("f64.store", 0x39, f.MVP, "memarg:8", "addr0 f64 ->", "f64.store"),
  i("i32.store8", 0x3a, f.MVP, "memarg:1", "addr0 i32 ->", "i32.store8"),
  i("i32.store16", 0x3b, f.MVP, "memarg:2", "addr0 i32 ->", "i32.store16"),
  i("i64.store8", 0x3c, f.MVP, "memarg:1", "addr0 i64 ->", "i64.store8"),
  i("i64.store16", 0x3d, f.MVP, "memarg:2", "addr0 i64 ->", "i64.store16"),
  i("i64.store32", 0x3e, f.MVP, "memarg:4", "addr0 i64 ->", "i64.store32"),
  i("memory.size", 0x3f, f.MVP, "memory", "@memory.size -> addr0", ""),
  i("memory.grow", 0x40, f.MVP, "memory", "@memory.grow addr0 -> addr0", ""),
  // constants
  i("i32.const", 0x41, f.MVP, "i32", "@constants.i32 -> i32", "", f.MVP),
  i("i64.const", 0x42, f.MVP, "i64", "@constants.i64 -> i64", "", f.MVP),
  i("f32.const", 0x43, f.MVP, "f32", "@constants.f32 -> f32", "", f.MVP),
  i("f64.const", 0x44, f.MVP, "f64", "@constants.f64 -> f64", "", f.MVP),
  // numeric
  i("i32.eqz", 0x45, f.MVP, "", "i32 -> i32", "i32.eqz"),
  i("i32.eq", 0x46, f.MVP, "", "i32 i32 -> i32", "i32.eq"),
  i("i32.ne", 0x47, f.MVP, "", "i32 i32 -> i32", "i32.ne"),
  i("i32.lt_s", 0x48, f.MVP, "", "i32 i32 -> i32", "i32.lt_s"),
  i("i32.lt_u", 0x49, f.MVP, "", "i32 i32 -> i32", "i32.lt_u"),
  i("i32.gt_s", 0x4a, f.MVP, "", "i32 i32 -> i32", "i32.gt_s"),
  i("i32.gt_u", 0x4b, f.MVP, "", "i32 i32 -> i32", "i32.gt_u"),
  i("i32.le_s", 0x4c, f.MVP, "", "i32 i32 -> i32", "i32.le_s"),
  i("i32.le_u", 0x4d, f.MVP, "", "i32 i32 -> i32", "i32.le_u"),
  i("i32.ge_s", 0x4e, f.MVP, "", "i32 i32 -> i32", "i32.ge_s"),
  i("i32.ge_u", 0x4f, f.MVP, "", "i32 i32 -> i32", "i32.ge_u"),
  i("i64.eqz", 0x50, f.MVP, "", "i64 -> i32", "i64.eqz"),
  i("i64.eq", 0x51, f.MVP, "", "i64 i64 -> i32", "i64.eq"),
  i("i64.ne", 0x52, f.MVP, "", "i64 i64 -> i32", "i64.ne"),
  i("i64.lt_s", 0x53, f.MVP, "", "i64 i64 -> i32", "i64.lt_s"),
  i("i64.lt_u", 0x54, f.MVP, "", "i64 i64 -> i32", "i64.lt_u"),
  i("i64.gt_s", 0x55, f.MVP, "", "i64 i64 -> i32", "i64.gt_s"),
  i("i64.gt_u", 0x56, f.MVP, "", "i64 i64 -> i32", "i64.gt_u"),
  i("i64.le_s", 0x57, f.MVP, "", "i64 i64 -> i32", "i64.le_s"),
  i("i64.le_u", 0x58, f.MVP, "", "i64 i64 -> i32", "i64.le_u"),
  i("i64.ge_s", 0x59, f.MVP, "", "i64 i64 -> i32", "i64.ge_s"),
  i("i64.ge_u", 0x5a, f.MVP, "", "i64 i64 -> i32", "i64.ge_u"),
  i("f32.eq", 0x5b, f.MVP, "", "f32 f32 -> i32", "f32.eq"),
  i("f32.ne", 0x5c, f.MVP, "", "f32 f32 -> i32", "f32.ne"),
  i("f32.lt", 0x5d, f.MVP, "", "f32 f32 -> i32", "f32.lt"),
  i("f32.gt", 0x5e, f.MVP, "", "f32 f32 -> i32", "f32.gt"),
  i("f32.le", 0x5f, f.MVP, "", "f32 f32 -> i32", "f32.le"),
  i("f32.ge", 0x60, f.MVP, "", "f32 f32 -> i32", "f32.ge"),
  i("f64.eq", 0x61, f.MVP, "", "f64 f64 -> i32", "f64.eq"),
  i("f64.ne", 0x62, f.MVP, "", "f64 f64 -> i32", "f64.ne"),
  i("f64.lt", 0x63, f.MVP, "", "f64 f64 -> i32", "f64.lt"),
  i("f64.gt", 0x64, f.MVP, "", "f64 f64 -> i32", "f64.gt"),
  i("f64.le", 0x65, f.MVP, "", "f64 f64 -> i32", "f64.le"),
  i("f64.ge", 0x66, f.MVP, "", "f64 f64 -> i32", "f64.ge"),
  i("i32.clz", 0x67, f.MVP, "", "i32 -> i32", "i32.clz"),
  i("i32.ctz", 0x68, f.MVP, "", "i32 -> i32", "i32.ctz"),
  i("i32.popcnt", 0x69, f.MVP, "", "i32 -> i32", "i32.popcnt"),
  i("i32.add", 0x6a, f.MVP, "", "i32 i32 -> i32", "i32.add", f.EXTENDED_CONST),
  i("i32.sub", 0x6b, f.MVP, "", "i32 i32 -> i32", "i32.sub", f.EXTENDED_CONST),
  i("i32.mul", 0x6c, f.MVP, "", "i32 i32 -> i32", "i32.mul", f.EXTENDED_CONST),
  i("i32.div_s", 0x6d, f.MVP, "", "i32 i32 -> i32", "@numbers.divide i32.div_s"),
  i("i32.div_u", 0x6e, f.MVP, "", "i32 i32 -> i32", "@numbers.divide i32.div_u"),
  i("i32.rem_s", 0x6f, f.MVP, "", "i32 i32 -> i32", "@numbers.divide i32.rem_s"),
  i("i32.rem_u", 0x70, f.MVP, "", "i32 i32 -> i32", "@numbers.divide i32.rem_u"),
  i("i32.and", 0x71, f.MVP, "", "i32 i32 -> i32", "i32.and"),
  i("i32.or", 0x72, f.MVP, "", "i32 i32 -> i32", "i32.or"),
  i("i32.xor", 0x73, f.MVP, "", "i32 i32 -> i32", "i32.xor"),
  i("i32.shl", 0x74, f.MVP, "", "i32 i32 -> i32", "i32.shl"),
  i("i32.shr_s", 0x75, f.MVP, "", "i32 i32 -> i32", "i32.shr_s"),
  i("i32.shr_u", 0x76, f.MVP, "", "i32 i32 -> i32", "i32.shr_u"),
  i("i32.rotl", 0x77, f.MVP, "", "i32 i32 -> i32", "i32.rotl"),
  i("i32.rotr", 0x78, f.MVP, "", "i32 i32 -> i32", "i32.rotr"),
  i("i64.clz", 0x79, f.MVP, "", "i64 -> i64", "i64.clz"),
  i("i64.ctz", 0x7a, f.MVP, "", "i64 -> i64", "i64.ctz"),
  i("i64.popcnt", 0x7b, f.MVP, "", "i64 -> i64", "i64.popcnt"),
  i("i64.add", 0x7c, f.MVP, "", "i64 i64 -> i64", "i64.add", f.EXTENDED_CONST),
  i("i64.sub", 0x7d, f.MVP, "", "i64 i64 -> i64", "i64.sub", f.EXTENDED_CONST),
  i("i64.mul", 0x7e, f.MVP, "", "i64 i64 -> i64", "i64.mul", f.EXTENDED_CONST),
  i("i64.div_s", 0x7f, f.MVP, "", "i64 i64 -> i64", "@numbers.divide i64.div_s"),
  i("i64.div_u", 0x80, f.MVP, "", "i64 i64 -> i64", "@numbers.divide i64.div_u"),
  i("i64.rem_s", 0x81, f.MVP, "", "i64 i64 -> i64", "@numbers.divide i64.rem_s"),
  i("i64.rem_u", 0x82, f.MVP, "", "i64 i64 -> i64", "@numbers.divide i64.rem_u"),
  i("i64.and", 0x83, f.MVP, "", "i64 i64 -> i64", "i64.and"),
  i("i64.or", 0x84, f.MVP, "", "i64 i64 -> i64", "i64.or"),
  i("i64.xor", 0x85, f.MVP, "", "i64 i64 -> i64", "i64.xor"),
  i("i64.shl", 0x86, f.MVP, "", "i64 i64 -> i64", "i64.shl"),
  i("i64.shr_s", 0x87, f.MVP, "", "i64 i64 -> i64", "i64.shr_s"),
  i("i64.shr_u", 0x88, f.MVP, "", "i64 i64 -> i64", "i64.shr_u"),
  i("i64.rotl", 0x89, f.MVP, "", "i64 i64 -> i64", "i64.rotl"),
  i("i64.rotr", 0x8a, f.MVP, "", "i64 i64 -> i64", "i64.rotr"),
  i("f32.abs", 0x8b, f.MVP, "", "f32 -> f32", "f32.abs"),
  i("f32.neg", 0x8c, f.MVP, "", "f32 -> f32", "f32.neg"),
  i("f32.ceil", 0x8d, f.MVP, "", "f32 -> f32", "f32.ceil"),
  i("f32.floor", 0x8e, f.MVP, "", "f32 -> f32", "f32.floor"),
  i("f32.trunc", 0x8f, f.MVP, "", "f32 -> f32", "f32.trunc"),
  i("f32.nearest", 0x90, f.MVP, "", "f32 -> f32", "f32.nearest"),
  i("f32.sqrt", 0x91, f.MVP, "", "f32 -> f32", "f32.sqrt"),
  i("f32.add", 0x92, f.MVP, "", "f32 f32 -> f32", "f32.add"),
  i("f32.sub", 0x93, f.MVP, "", "f32 f32 -> f32", "f32.sub"),
  i("f32.mul", 0x94, f.MVP, "", "f32 f32 -> f32", "f32.mul"),
  i("f32.div", 0x95, f.MVP, "", "f32 f32 -> f32", "f32.div"),
  i("f32.min", 0x96, f.MVP, "", "f32 f32 -> f32", "f32.min"),
  i("f32.max", 0x97, f.MVP, "", "f32 f32 -> f32", "f32.max"),
  i("f32.copysign", 0x98, f.MVP, "", "f32 f32 -> f32", "f32.copysign"),
  i("f64.abs", 0x99, f.MVP, "", "f64 -> f64", "f64.abs"),
  i("f64.neg", 0x9a, f.MVP, "", "f64 -> f64", "f64.neg"),
  i("f64.ceil", 0x9b, f.MVP, "", "f64 -> f64", "f64.ceil"),
  i("f64.floor", 0x9c, f.MVP, "", "f64 -> f64", "f64.floor"),
  i("f64.trunc", 0x9d, f.MVP, "", "f64 -> f64", "f64.trunc"),
  i("f64.nearest", 0x9e, f.MVP, "", "f64 -> f64", "f64.nearest"),
  i("f64.sqrt", 0x9f, f.MVP, "", "f64 -> f64", "f64.sqrt"),
  i("f64.add", 0xa0, f.MVP, "", "f64 f64 -> f64", "f64.add"),
  i("f64.sub", 0xa1, f.MVP, "", "f64 f64 -> f64", "f64.sub"),
  i("f64.mul", 0xa2, f.MVP, "", "f64 f64 -> f64", "f64.mul"),
  i("f64.div", 0xa3, f.MVP, "", "f64 f64 -> f64", "f64.div"),
  i("f64.min", 0xa4, f.MVP, "", "f64 f64 -> f64", "f64.min"),
  i("f64.max", 0xa5, f.MVP, "", "f64 f64 -> f64", "f64.max"),
  i("f64.copysign", 0xa6, f.MVP, "", "f64 f64 -> f64", "f64.copysign"),
  i("i32.wrap_i64", 0xa7, f.MVP, "", "i64 -> i32", "i32.wrap_i64"),
  i("i32.trunc_f32_s", 0xa8, f.MVP, "", "f32 -> i32", "@numbers.truncate i32.trunc_f32_s"),
  i("i32.trunc_f32_u", 0xa9, f.MVP, "", "f32 -> i32", "@numbers.truncate i32.trunc_f32_u"),
  i("i32.trunc_f64_s", 0xaa, f.MVP, "", "f64 -> i32", "@numbers.truncate i32.trunc_f64_s"),
  i("i32.trunc_f64_u", 0xab, f.MVP, "", "f64 -> i32", "@numbers.truncate i32.trunc_f64_u"),
  i("i64.extend_i32_s", 0xac, f.MVP, "", "i32 -> i64", "i64.extend_i32_s"),
  i("i64.extend_i32_u", 0xad, f.MVP, "", "i32 -> i64", "i64.extend_i32_u"),
  i("i64.trunc_f32_s", 0xae, f.MVP, "", "f32 -> i64", "@numbers.truncate i64.trunc_f32_s"),
  i("i64.trunc_f32_u", 0xaf, f.MVP, "", "f32 -> i64", "@numbers.truncate i64.trunc_f32_u"),
  i("i64.trunc_f64_s", 0xb0, f.MVP, "", "f64 -> i64", "@numbers.truncate i64.trunc_f64_s"),
  i("i64.trunc_f64_u", 0xb1, f.MVP, "", "f64 -> i64", "@numbers.truncate i64.trunc_f64_u"),
  i("f32.convert_i32_s", 0xb2, f.MVP, "", "i32 -> f32", "f32.convert_i32_s"),
  i("f32.convert_i32_u", 0xb3, f.MVP, "", "i32 -> f32", "f32.convert_i32_u"),
  i("f32.convert_i64_s", 0xb4, f.MVP, "", "i64 -> f32", "f32.convert_i64_s"),
  i("f32.convert_i64_u", 0xb5, f.MVP, "", "i64 -> f32", "f32.convert_i64_u"),
  i("f32.demote_f64", 0xb6, f.MVP, "", "f64 -> f32", "f32.demote_f64"),
  i("f64.convert_i32_s", 0xb7, f.MVP, "", "i32 -> f64", "f64.convert_i32_s"),
  i("f64.convert_i32_u", 0xb8, f.MVP, "", "i32 -> f64", "f64.convert_i32_u"),
  i("f64.convert_i64_s", 0xb9, f.MVP, "", "i64 -> f64", "f64.convert_i64_s"),
  i("f64.convert_i64_u", 0xba, f.MVP, "", "i64 -> f64", "f64.convert_i64_u"),
  i("f64.promote_f32", 0xbb, f.MVP, "", "f32 -> f64", "f64.promote_f32"),
  i("i32.reinterpret_f32", 0xbc, f.MVP, "", "f32 -> i32", "i32.reinterpret_f32"),
  i("i64.reinterpret_f64", 0xbd, f.MVP, "", "f64 -> i64", "i64.reinterpret_f64"),
  i("f32.reinterpret_i32", 0xbe, f.MVP, "", "i32 -> f32", "f32.reinterpret_i32"),
  i("f64.reinterpret_i64", 0xbf, f.MVP, "", "i64 -> f64", "f64.reinterpret_i64"),
  i("i32.extend8_s", 0xc0, f.SIGN_EXTENSION, "", "i32 -> i32", "i32.extend8_s"),
  i("i32.extend16_s", 0xc1, f.SIGN_EXTENSION, "", "i32 -> i32", "i32.extend16_s"),
  i("i64.extend8_s", 0xc2, f.SIGN_EXTENSION, "", "i64 -> i64", "i64.extend8_s"),
  i("i64.extend16_s", 0xc3, f.SIGN_EXTENSION, "", "i64 -> i64", "i64.extend16_s"),
  i("i64.extend32_s", 0xc4, f.SIGN_EXTENSION, "", "i64 -> i64", "i64.extend32_s"),
  // references
  i("ref.null", 0xd0, f.REFERENCE_TYPES, "heaptype", "@references.nullOf", "", f.MVP),
  i("ref.is_null", 0xd1, f.REFERENCE_TYPES, "", "@references.isNull", ""),
  i("ref.func", 0xd2, f.REFERENCE_TYPES, "func", "@references.func", "", f.MVP),
  i("ref.eq", 0xd3, f.GC, "", "@references.eq", "?"),
  i("ref.as_non_null", 0xd4, f.FUNCTION_REFERENCES, "", "@references.asNonNull", ""),
  i("br_on_null", 0xd5, f.FUNCTION_REFERENCES, "label", "@control.brOnNull", ""),
  i("br_on_non_null", 0xd6, f.FUNCTION_REFERENCES, "label", "@control.brOnNonNull", ""),
  // 0xFB: garbage collection
  i("struct.new", FB | 0, f.GC, "type", "@structs.structNew", "?", f.GC),
  i("struct.new_default", FB | 1, f.GC, "type", "@structs.structNewDefault", "?", f.GC),
  i("struct.get", FB | 2, f.GC, "type field", "@structs.structGet", "?"),
  i("struct.get_s", FB | 3, f.GC, "type field", "@structs.structGetPacked", "?"),
  i("struct.get_u", FB | 4, f.GC, "type field", "@structs.structGetPacked", "?"),
  i("struct.set", FB | 5, f.GC, "type field", "@structs.structSet", "?"),
  i("array.new", FB | 6, f.GC, "type", "@structs.arrayNew", "?", f.GC),
  i("array.new_default", FB | 7, f.GC, "type", "@structs.arrayNewDefault", "?", f.GC),
  i("array.new_fixed", FB | 8, f.GC, "type count", "@structs.arrayNewFixed", "?", f.GC),
  i("array.new_data", FB | 9, f.GC, "type data", "@structs.arrayNewData", "?"),
  i("array.new_elem", FB | 10, f.GC, "type elem", "@structs.arrayNewElem", "?"),
  i("array.get", FB | 11, f.GC, "type", "@structs.arrayGet", "?"),
  i("array.get_s", FB | 12, f.GC, "type", "@structs.arrayGetPacked", "?"),
  i("array.get_u", FB | 13, f.GC, "type", "@structs.arrayGetPacked", "?"),
  i("array.set", FB | 14, f.GC, "type", "@structs.arraySet", "?"),
  i("array.len", FB | 15, f.GC, "", "@structs.arrayLen", "?"),
  i("array.fill", FB | 16, f.GC, "type", "@structs.arrayFill", "?"),
  i("array.copy", FB | 17, f.GC, "type type", "@structs.arrayCopy", "?"),
  i("array.init_data", FB | 18, f.GC, "type data", "@structs.arrayInitData", "?"),
  i("array.init_elem", FB | 19, f.GC, "type elem", "@structs.arrayInitElem", "?"),
  i("ref.test", FB | 20, f.GC, "heaptype", "@references.test", "?"),
  i("ref.test null", FB | 21, f.GC, "heaptype", "@references.test", "?"),
  i("ref.cast", FB | 22, f.GC, "heaptype", "@references.cast", "?"),
  i("ref.cast null", FB | 23, f.GC, "heaptype", "@references.castNull", "?"),
  i("br_on_cast", FB | 24, f.GC, "castflags label heaptype heaptype", "@references.brOnCast", "?"),
  i("br_on_cast_fail", FB | 25, f.GC, "castflags label heaptype heaptype", "@references.brOnCastFail", "?"),
  i("any.convert_extern", FB | 26, f.GC, "", "@references.anyConvertExtern", "?", f.GC),
  i("extern.convert_any", FB | 27, f.GC, "", "@references.externConvertAny", "?", f.GC),
  i("ref.i31", FB | 28, f.GC, "", "@references.i31", "?", f.GC),
  i("i31.get_s", FB | 29, f.GC, "", "@references.i31Get", "?"),
  i("i31.get_u", FB | 30, f.GC, "", "@references.i31Get", "?"),
  // 0xFC: saturating truncation, bulk memory, tables
  i("i32.trunc_sat_f32_s", FC | 0, f.SATURATING_TRUNCATION, "", "f32 -> i32", "i32.trunc_sat_f32_s"),
  i("i32.trunc_sat_f32_u", FC | 1, f.SATURATING_TRUNCATION, "", "f32 -> i32", "i32.trunc_sat_f32_u"),
  i("i32.trunc_sat_f64_s", FC | 2, f.SATURATING_TRUNCATION, "", "f64 -> i32", "i32.trunc_sat_f64_s"),
  i("i32.trunc_sat_f64_u", FC | 3, f.SATURATING_TRUNCATION, "", "f64 -> i32", "i32.trunc_sat_f64_u"),
  i("i64.trunc_sat_f32_s", FC | 4, f.SATURATING_TRUNCATION, "", "f32 -> i64", "i64.trunc_sat_f32_s"),
  i("i64.trunc_sat_f32_u", FC | 5, f.SATURATING_TRUNCATION, "", "f32 -> i64", "i64.trunc_sat_f32_u"),
  i("i64.trunc_sat_f64_s", FC | 6, f.SATURATING_TRUNCATION, "", "f64 -> i64", "i64.trunc_sat_f64_s"),
  i("i64.trunc_sat_f64_u", FC | 7, f.SATURATING_TRUNCATION, "", "f64 -> i64", "i64.trunc_sat_f64_u"),
  i("memory.init", FC | 8, f.BULK_MEMORY, "data memory", "@memory.init addr0 i32 i32 ->", ""),
  i("data.drop", FC | 9, f.BULK_MEMORY, "data", "@memory.dropSegment ->", ""),
  i("memory.copy", FC | 10, f.BULK_MEMORY, "memory memory", "@memory.copy", ""),
  i("memory.fill", FC | 11, f.BULK_MEMORY, "memory", "@memory.fill addr0 i32 addr0 ->", ""),
  i("table.init", FC | 12, f.BULK_MEMORY, "elem table", "@tables.init", ""),
  i("elem.drop", FC | 13, f.BULK_MEMORY, "elem", "@tables.dropSegment ->", ""),
  i("table.copy", FC | 14, f.BULK_MEMORY, "table table", "@tables.copy", ""),
  i("table.grow", FC | 15, f.REFERENCE_TYPES, "table", "@tables.grow", ""),
  i("table.size", FC | 16, f.REFERENCE_TYPES, "table", "@tables.size -> addr0", ""),
  i("table.fill", FC | 17, f.REFERENCE_TYPES, "table", "@tables.fill", ""),
  // 0xFD: vectors
  i("v128.load", FD | 0, f.SIMD, "memarg:16", "addr0 -> v128", "?"),
  i("v128.load8x8_s", FD | 1, f.SIMD, "memarg:8", "addr0 -> v128", "?"),
  i("v128.load8x8_u", FD | 2, f.SIMD, "memarg:8", "addr0 -> v128", "?"),
  i("v128.load16x4_s", FD | 3, f.SIMD, "memarg:8", "addr0 -> v128", "?"),
  i("v128.load16x4_u", FD | 4, f.SIMD, "memarg:8", "addr0 -> v128", "?"),
  i("v128.load32x2_s", FD | 5, f.SIMD, "memarg:8", "addr0 -> v128", "?"),
  i("v128.load32x2_u", FD | 6, f.SIMD, "memarg:8", "addr0 -> v128", "?"),
  i("v128.load8_splat", FD | 7, f.SIMD, "memarg:1", "addr0 -> v128", "?"),
  i("v128.load16_splat", FD | 8, f.SIMD, "memarg:2", "addr0 -> v128", "?"),
  i("v128.load32_splat", FD | 9, f.SIMD, "memarg:4", "addr0 -> v128", "?"),
  i("v128.load64_splat", FD | 10, f.SIMD, "memarg:8", "addr0 -> v128", "?"),
  i("v128.store", FD | 11, f.SIMD, "memarg:16", "addr0 v128 ->", "?"),
  i("v128.const", FD | 12, f.SIMD, "v128", "@constants.v128 -> v128", "?", f.MVP),
  i("i8x16.shuffle", FD | 13, f.SIMD, "shuffle", "v128 v128 -> v128", "?"),
  i("i8x16.swizzle", FD | 14, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.splat", FD | 15, f.SIMD, "", "i32 -> v128", "?"),
  i("i16x8.splat", FD | 16, f.SIMD, "", "i32 -> v128", "?"),
  i("i32x4.splat", FD | 17, f.SIMD, "", "i32 -> v128", "?"),
  i("i64x2.splat", FD | 18, f.SIMD, "", "i64 -> v128", "?"),
  i("f32x4.splat", FD | 19, f.SIMD, "", "f32 -> v128", "?"),
  i("f64x2.splat", FD | 20, f.SIMD, "", "f64 -> v128", "?"),
  i("i8x16.extract_lane_s", FD | 21, f.SIMD, "lane:16", "v128 -> i32", "?"),
  i("i8x16.extract_lane_u", FD | 22, f.SIMD, "lane:16", "v128 -> i32", "?"),
  i("i8x16.replace_lane", FD | 23, f.SIMD, "lane:16", "v128 i32 -> v128", "?"),
  i("i16x8.extract_lane_s", FD | 24, f.SIMD, "lane:8", "v128 -> i32", "?"),
  i("i16x8.extract_lane_u", FD | 25, f.SIMD, "lane:8", "v128 -> i32", "?"),
  i("i16x8.replace_lane", FD | 26, f.SIMD, "lane:8", "v128 i32 -> v128", "?"),
  i("i32x4.extract_lane", FD | 27, f.SIMD, "lane:4", "v128 -> i32", "?"),
  i("i32x4.replace_lane", FD | 28, f.SIMD, "lane:4", "v128 i32 -> v128", "?"),
  i("i64x2.extract_lane", FD | 29, f.SIMD, "lane:2", "v128 -> i64", "?"),
  i("i64x2.replace_lane", FD | 30, f.SIMD, "lane:2", "v128 i64 -> v128", "?"),
  i("f32x4.extract_lane", FD | 31, f.SIMD, "lane:4", "v128 -> f32", "?"),
  i("f32x4.replace_lane", FD | 32, f.SIMD, "lane:4", "v128 f32 -> v128", "?"),
  i("f64x2.extract_lane", FD | 33, f.SIMD, "lane:2", "v128 -> f64", "?"),
  i("f64x2.replace_lane", FD | 34, f.SIMD, "lane:2", "v128 f64 -> v128", "?"),
  i("i8x16.eq", FD | 35, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.ne", FD | 36, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.lt_s", FD | 37, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.lt_u", FD | 38, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.gt_s", FD | 39, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.gt_u", FD | 40, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.le_s", FD | 41, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.le_u", FD | 42, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.ge_s", FD | 43, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.ge_u", FD | 44, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.eq", FD | 45, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.ne", FD | 46, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.lt_s", FD | 47, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.lt_u", FD | 48, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.gt_s", FD | 49, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.gt_u", FD | 50, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.le_s", FD | 51, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.le_u", FD | 52, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.ge_s", FD | 53, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.ge_u", FD | 54, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.eq", FD | 55, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.ne", FD | 56, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.lt_s", FD | 57, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.lt_u", FD | 58, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.gt_s", FD | 59, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.gt_u", FD | 60, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.le_s", FD | 61, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.le_u", FD | 62, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.ge_s", FD | 63, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.ge_u", FD | 64, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.eq", FD | 65, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.ne", FD | 66, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.lt", FD | 67, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.gt", FD | 68, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.le", FD | 69, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.ge", FD | 70, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.eq", FD | 71, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.ne", FD | 72, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.lt", FD | 73, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.gt", FD | 74, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.le", FD | 75, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.ge", FD | 76, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("v128.not", FD | 77, f.SIMD, "", "v128 -> v128", "?"),
  i("v128.and", FD | 78, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("v128.andnot", FD | 79, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("v128.or", FD | 80, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("v128.xor", FD | 81, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("v128.bitselect", FD | 82, f.SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("v128.any_true", FD | 83, f.SIMD, "", "v128 -> i32", "?"),
  i("v128.load8_lane", FD | 84, f.SIMD, "memarg:1 lane:16", "addr0 v128 -> v128", "?"),
  i("v128.load16_lane", FD | 85, f.SIMD, "memarg:2 lane:8", "addr0 v128 -> v128", "?"),
  i("v128.load32_lane", FD | 86, f.SIMD, "memarg:4 lane:4", "addr0 v128 -> v128", "?"),
  i("v128.load64_lane", FD | 87, f.SIMD, "memarg:8 lane:2", "addr0 v128 -> v128", "?"),
  i("v128.store8_lane", FD | 88, f.SIMD, "memarg:1 lane:16", "addr0 v128 ->", "?"),
  i("v128.store16_lane", FD | 89, f.SIMD, "memarg:2 lane:8", "addr0 v128 ->", "?"),
  i("v128.store32_lane", FD | 90, f.SIMD, "memarg:4 lane:4", "addr0 v128 ->", "?"),
  i("v128.store64_lane", FD | 91, f.SIMD, "memarg:8 lane:2", "addr0 v128 ->", "?"),
  i("v128.load32_zero", FD | 92, f.SIMD, "memarg:4", "addr0 -> v128", "?"),
  i("v128.load64_zero", FD | 93, f.SIMD, "memarg:8", "addr0 -> v128", "?"),
  i("f32x4.demote_f64x2_zero", FD | 94, f.SIMD, "", "v128 -> v128", "?"),
  i("f64x2.promote_low_f32x4", FD | 95, f.SIMD, "", "v128 -> v128", "?"),
  i("i8x16.abs", FD | 96, f.SIMD, "", "v128 -> v128", "?"),
  i("i8x16.neg", FD | 97, f.SIMD, "", "v128 -> v128", "?"),
  i("i8x16.popcnt", FD | 98, f.SIMD, "", "v128 -> v128", "?"),
  i("i8x16.all_true", FD | 99, f.SIMD, "", "v128 -> i32", "?"),
  i("i8x16.bitmask", FD | 100, f.SIMD, "", "v128 -> i32", "?"),
  i("i8x16.narrow_i16x8_s", FD | 101, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.narrow_i16x8_u", FD | 102, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.ceil", FD | 103, f.SIMD, "", "v128 -> v128", "?"),
  i("f32x4.floor", FD | 104, f.SIMD, "", "v128 -> v128", "?"),
  i("f32x4.trunc", FD | 105, f.SIMD, "", "v128 -> v128", "?"),
  i("f32x4.nearest", FD | 106, f.SIMD, "", "v128 -> v128", "?"),
  i("i8x16.shl", FD | 107, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i8x16.shr_s", FD | 108, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i8x16.shr_u", FD | 109, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i8x16.add", FD | 110, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.add_sat_s", FD | 111, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.add_sat_u", FD | 112, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.sub", FD | 113, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.sub_sat_s", FD | 114, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.sub_sat_u", FD | 115, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.ceil", FD | 116, f.SIMD, "", "v128 -> v128", "?"),
  i("f64x2.floor", FD | 117, f.SIMD, "", "v128 -> v128", "?"),
  i("i8x16.min_s", FD | 118, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.min_u", FD | 119, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.max_s", FD | 120, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i8x16.max_u", FD | 121, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.trunc", FD | 122, f.SIMD, "", "v128 -> v128", "?"),
  i("i8x16.avgr_u", FD | 123, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.extadd_pairwise_i8x16_s", FD | 124, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.extadd_pairwise_i8x16_u", FD | 125, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.extadd_pairwise_i16x8_s", FD | 126, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.extadd_pairwise_i16x8_u", FD | 127, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.abs", FD | 128, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.neg", FD | 129, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.q15mulr_sat_s", FD | 130, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.all_true", FD | 131, f.SIMD, "", "v128 -> i32", "?"),
  i("i16x8.bitmask", FD | 132, f.SIMD, "", "v128 -> i32", "?"),
  i("i16x8.narrow_i32x4_s", FD | 133, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.narrow_i32x4_u", FD | 134, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.extend_low_i8x16_s", FD | 135, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.extend_high_i8x16_s", FD | 136, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.extend_low_i8x16_u", FD | 137, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.extend_high_i8x16_u", FD | 138, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.shl", FD | 139, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i16x8.shr_s", FD | 140, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i16x8.shr_u", FD | 141, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i16x8.add", FD | 142, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.add_sat_s", FD | 143, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.add_sat_u", FD | 144, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.sub", FD | 145, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.sub_sat_s", FD | 146, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.sub_sat_u", FD | 147, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.nearest", FD | 148, f.SIMD, "", "v128 -> v128", "?"),
  i("i16x8.mul", FD | 149, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.min_s", FD | 150, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.min_u", FD | 151, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.max_s", FD | 152, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.max_u", FD | 153, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.avgr_u", FD | 155, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.extmul_low_i8x16_s", FD | 156, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.extmul_high_i8x16_s", FD | 157, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.extmul_low_i8x16_u", FD | 158, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.extmul_high_i8x16_u", FD | 159, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.abs", FD | 160, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.neg", FD | 161, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.all_true", FD | 163, f.SIMD, "", "v128 -> i32", "?"),
  i("i32x4.bitmask", FD | 164, f.SIMD, "", "v128 -> i32", "?"),
  i("i32x4.extend_low_i16x8_s", FD | 167, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.extend_high_i16x8_s", FD | 168, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.extend_low_i16x8_u", FD | 169, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.extend_high_i16x8_u", FD | 170, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.shl", FD | 171, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i32x4.shr_s", FD | 172, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i32x4.shr_u", FD | 173, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i32x4.add", FD | 174, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.sub", FD | 177, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.mul", FD | 181, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.min_s", FD | 182, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.min_u", FD | 183, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.max_s", FD | 184, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.max_u", FD | 185, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.dot_i16x8_s", FD | 186, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.extmul_low_i16x8_s", FD | 188, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.extmul_high_i16x8_s", FD | 189, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.extmul_low_i16x8_u", FD | 190, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.extmul_high_i16x8_u", FD | 191, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.abs", FD | 192, f.SIMD, "", "v128 -> v128", "?"),
  i("i64x2.neg", FD | 193, f.SIMD, "", "v128 -> v128", "?"),
  i("i64x2.all_true", FD | 195, f.SIMD, "", "v128 -> i32", "?"),
  i("i64x2.bitmask", FD | 196, f.SIMD, "", "v128 -> i32", "?"),
  i("i64x2.extend_low_i32x4_s", FD | 199, f.SIMD, "", "v128 -> v128", "?"),
  i("i64x2.extend_high_i32x4_s", FD | 200, f.SIMD, "", "v128 -> v128", "?"),
  i("i64x2.extend_low_i32x4_u", FD | 201, f.SIMD, "", "v128 -> v128", "?"),
  i("i64x2.extend_high_i32x4_u", FD | 202, f.SIMD, "", "v128 -> v128", "?"),
  i("i64x2.shl", FD | 203, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i64x2.shr_s", FD | 204, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i64x2.shr_u", FD | 205, f.SIMD, "", "v128 i32 -> v128", "?"),
  i("i64x2.add", FD | 206, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.sub", FD | 209, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.mul", FD | 213, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.eq", FD | 214, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.ne", FD | 215, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.lt_s", FD | 216, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.gt_s", FD | 217, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.le_s", FD | 218, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.ge_s", FD | 219, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.extmul_low_i32x4_s", FD | 220, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.extmul_high_i32x4_s", FD | 221, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.extmul_low_i32x4_u", FD | 222, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i64x2.extmul_high_i32x4_u", FD | 223, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.abs", FD | 224, f.SIMD, "", "v128 -> v128", "?"),
  i("f32x4.neg", FD | 225, f.SIMD, "", "v128 -> v128", "?"),
  i("f32x4.sqrt", FD | 227, f.SIMD, "", "v128 -> v128", "?"),
  i("f32x4.add", FD | 228, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.sub", FD | 229, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.mul", FD | 230, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.div", FD | 231, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.min", FD | 232, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.max", FD | 233, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.pmin", FD | 234, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.pmax", FD | 235, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.abs", FD | 236, f.SIMD, "", "v128 -> v128", "?"),
  i("f64x2.neg", FD | 237, f.SIMD, "", "v128 -> v128", "?"),
  i("f64x2.sqrt", FD | 239, f.SIMD, "", "v128 -> v128", "?"),
  i("f64x2.add", FD | 240, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.sub", FD | 241, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.mul", FD | 242, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.div", FD | 243, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.min", FD | 244, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.max", FD | 245, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.pmin", FD | 246, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.pmax", FD | 247, f.SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.trunc_sat_f32x4_s", FD | 248, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.trunc_sat_f32x4_u", FD | 249, f.SIMD, "", "v128 -> v128", "?"),
  i("f32x4.convert_i32x4_s", FD | 250, f.SIMD, "", "v128 -> v128", "?"),
  i("f32x4.convert_i32x4_u", FD | 251, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.trunc_sat_f64x2_s_zero", FD | 252, f.SIMD, "", "v128 -> v128", "?"),
  i("i32x4.trunc_sat_f64x2_u_zero", FD | 253, f.SIMD, "", "v128 -> v128", "?"),
  i("f64x2.convert_low_i32x4_s", FD | 254, f.SIMD, "", "v128 -> v128", "?"),
  i("f64x2.convert_low_i32x4_u", FD | 255, f.SIMD, "", "v128 -> v128", "?"),
  // 0xFD: relaxed vectors
  i("i8x16.relaxed_swizzle", FD | 256, f.RELAXED_SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.relaxed_trunc_f32x4_s", FD | 257, f.RELAXED_SIMD, "", "v128 -> v128", "?"),
  i("i32x4.relaxed_trunc_f32x4_u", FD | 258, f.RELAXED_SIMD, "", "v128 -> v128", "?"),
  i("i32x4.relaxed_trunc_f64x2_s_zero", FD | 259, f.RELAXED_SIMD, "", "v128 -> v128", "?"),
  i("i32x4.relaxed_trunc_f64x2_u_zero", FD | 260, f.RELAXED_SIMD, "", "v128 -> v128", "?"),
  i("f32x4.relaxed_madd", FD | 261, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("f32x4.relaxed_nmadd", FD | 262, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("f64x2.relaxed_madd", FD | 263, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("f64x2.relaxed_nmadd", FD | 264, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("i8x16.relaxed_laneselect", FD | 265, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("i16x8.relaxed_laneselect", FD | 266, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("i32x4.relaxed_laneselect", FD | 267, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("i64x2.relaxed_laneselect", FD | 268, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
  i("f32x4.relaxed_min", FD | 269, f.RELAXED_SIMD, "", "v128 v128 -> v128", "?"),
  i("f32x4.relaxed_max", FD | 270, f.RELAXED_SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.relaxed_min", FD | 271, f.RELAXED_SIMD, "", "v128 v128 -> v128", "?"),
  i("f64x2.relaxed_max", FD | 272, f.RELAXED_SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.relaxed_q15mulr_s", FD | 273, f.RELAXED_SIMD, "", "v128 v128 -> v128", "?"),
  i("i16x8.relaxed_dot_i8x16_i7x16_s", FD | 274, f.RELAXED_SIMD, "", "v128 v128 -> v128", "?"),
  i("i32x4.relaxed_dot_i8x16_i7x16_add_s", FD | 275, f.RELAXED_SIMD, "", "v128 v128 v128 -> v128", "?"),
];

/** Longest number behind a prefix, plus one. */
const NUMBERS = 0x120;

function rowsBehind(prefix: number, size: number): Int16Array {
  const rows = new Int16Array(size).fill(-1);
  for (const [row, { code }] of INSTRUCTIONS.entries()) {
    if (code >>> 24 === prefix) rows[code & 0xffffff] = row;
  }
  return rows;
}

/** Opcode byte → row number, or -1. Dense, so that the decoder may index it with any byte. */
export const ROW_OF_BYTE: Int16Array = rowsBehind(0, 256);
const BEHIND_FB = rowsBehind(0xfb, NUMBERS);
const BEHIND_FC = rowsBehind(0xfc, NUMBERS);
const BEHIND_FD = rowsBehind(0xfd, NUMBERS);

export function isPrefix(byte: number): boolean {
  return byte >= 0xfb && byte <= 0xfd;
}

/** The row of the instruction `number` (a uint32) behind the byte `prefix`, or -1. */
export function prefixedRow(prefix: number, number: u32): number {
  if (number >= NUMBERS) return -1;
  switch (prefix) {
    case 0xfb:
      return BEHIND_FB[number];
    case 0xfc:
      return BEHIND_FC[number];
    case 0xfd:
      return BEHIND_FD[number];
    default:
      return -1;
  }
}

const BY_KEYWORD: Map<string, number> = new Map();
for (const [row, { keyword }] of INSTRUCTIONS.entries()) {
  if (!BY_KEYWORD.has(keyword)) BY_KEYWORD.set(keyword, row);
}

/** The first row with this keyword ("select" and not "select t"), or -1. */
export function rowNamed(keyword: string): number {
  return BY_KEYWORD.get(keyword) ?? -1;
}
