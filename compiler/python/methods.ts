// Builtins and methods written as IR: a table of names with their C functions.

import * as op from "../gen/ir-ops.ts";
import type { Value } from "../ir/func.ts";
import { I64, PTR } from "../ir/ops.ts";
import type { Glue } from "./glue.ts";
import type { PyCode } from "./pycode.ts";
import {
  METH_FASTCALL,
  METH_NOARGS,
  METH_O,
  METHOD_DEF,
  METHOD_FLAGS,
  METHOD_FUNCTION,
  METHOD_NAME,
} from "./structures.ts";

export class Method {
  readonly name: string;
  /** METH_… */
  readonly flags: number;
  /** Symbol of the C function. */
  readonly code: number;

  constructor(name: string, flags: number, code: number) {
    this.name = name;
    this.flags = flags;
    this.code = code;
  }
}

/** Declares methods whose symbols are `prefix` and the method's name. */
export class MethodList {
  readonly methods: Method[];
  private readonly g: Glue;
  private readonly prefix: string;

  constructor(g: Glue, prefix: string) {
    this.methods = [];
    this.g = g;
    this.prefix = prefix;
  }

  /** A method of exactly `count` positional arguments. */
  add(name: string, count: number, build: (c: PyCode, self: Value, args: readonly Value[]) => void): void {
    if (count > 1) {
      this.addVariadic(name, (c, self, args, given) => {
        c.whenRarely(c.op(op.I64_NE, given, c.number(count)), () => {
          c.raise(
            "PyExc_TypeError",
            `${name}() takes exactly ${count} ${count === 1 ? "argument" : "arguments"}`,
          );
          c.retNull();
        });
        const values: Value[] = [];
        for (let i = 0; i < count; i++) values.push(c.pointerAt(args, i));
        build(c, self, values);
      });
      return;
    }
    const code = this.g.defineC(this.prefix + name, [PTR, PTR], [PTR], (c) =>
      build(c, c.argument(0), count === 0 ? [] : [c.argument(1)]),
    );
    this.methods.push(new Method(name, count === 0 ? METH_NOARGS : METH_O, code));
  }

  /** A method that looks at its array of arguments and their number (i64) itself. */
  addVariadic(name: string, build: (c: PyCode, self: Value, args: Value, given: Value) => void): void {
    const code = this.g.defineC(this.prefix + name, [PTR, PTR, I64], [PTR], (c) =>
      build(c, c.argument(0), c.argument(1), c.argument(2)),
    );
    this.methods.push(new Method(name, METH_FASTCALL, code));
  }

  /** Writes the zero-terminated PyMethodDef array; its symbol. */
  write(name: string): number {
    const names = this.methods.map((m) => this.g.data.text(m.name));
    const table = this.g.data.variable(name);
    this.methods.forEach((m, i) => {
      table
        .point(METHOD_NAME, names[i])
        .point(METHOD_FUNCTION, m.code)
        .put(METHOD_FLAGS, m.flags)
        .next(METHOD_DEF);
    });
    return table.next(METHOD_DEF).end();
  }
}
