// Instructions of the machine that the run time uses as functions: compiler/self/machine.ts declares them.

import type { Form, Want } from "./values.ts";

export class Instruction {
  readonly wants: readonly Want[];
  readonly form: Form;
  readonly text: string;

  constructor(wants: string, form: Form, text: string) {
    this.wants = wants === "" ? [] : (wants.split(" ") as Want[]);
    this.form = form;
    this.text = text;
  }
}

const INSTRUCTIONS: ReadonlyMap<string, Instruction> = new Map([
  ["load8", new Instruction("ref", "i32", "(i32.load8_u $0)")],
  ["load16", new Instruction("ref", "i32", "(i32.load16_u $0)")],
  ["load32", new Instruction("ref", "i32", "(i32.load $0)")],
  ["store8", new Instruction("ref bits", "void", "(i32.store8 $0 $1)")],
  ["store16", new Instruction("ref bits", "void", "(i32.store16 $0 $1)")],
  ["store32", new Instruction("ref bits", "void", "(i32.store $0 $1)")],
  ["loadDouble", new Instruction("ref", "f64", "(f64.load $0)")],
  ["storeDouble", new Instruction("ref f64", "void", "(f64.store $0 $1)")],
  ["loadFloat", new Instruction("ref", "f64", "(f64.promote_f32 (f32.load $0))")],
  ["storeFloat", new Instruction("ref f64", "void", "(f32.store $0 (f32.demote_f64 $1))")],
  ["copy", new Instruction("ref ref i32", "void", "(memory.copy $0 $1 $2)")],
  ["fill", new Instruction("ref bits i32", "void", "(memory.fill $0 $1 $2)")],
  ["allocate", new Instruction("i32", "i32", "(call $allocate $0)")],
  ["newTyped", new Instruction("i32 i32", "i32", "(call $new_typed $0 $1 (i32.const 0))")],
  ["newArray", new Instruction("i32", "i32", "(call $new_array $0)")],
  ["push", new Instruction("ref cell", "i32", "(call $push $0 $1)")],
  ["sameText", new Instruction("ref ref", "i32", "(call $same_text $0 $1)")],
  ["impossible", new Instruction("i32", "void", "(call $overflow (i32.const 0)) (drop $0)")],
  ["outside", new Instruction("i32", "void", "(call $outside $0)")],
  ["failure", new Instruction("", "ref", "(global.get $failure)")],
  ["forget", new Instruction("", "void", "(global.set $failure (i32.const 0))")],
  ["top", new Instruction("", "i32", "(global.get $top)")],
  ["freeAll", new Instruction("", "void", "(call $free_all)")],
  ["free", new Instruction("i32", "void", "(call $free $0)")],
  ["freeBut", new Instruction("i32 ref", "ref", "(call $free_but $0 $1)")],
  ["elements", new Instruction("ref", "i32", "(i32.load $0)")],
  ["asCell", new Instruction("ref", "i32", "$0")],
  ["asText", new Instruction("ref", "ref", "$0")],
]);

export function instruction(name: string): Instruction | undefined {
  return INSTRUCTIONS.get(name);
}
