// The translated compiler in V8, with the driver's interface: bytes and options in, bytes or a diagnostic out.

import { Compiled, Diagnostic, type Options } from "../../options.ts";
import { Machine, Trapped } from "./instance.ts";
import type { Site } from "./output.ts";

const INTERNAL = 4;

export class TranslatedCompiler {
  private readonly machine: Machine;

  constructor(bytes: Uint8Array, sites: readonly Site[]) {
    this.machine = new Machine(bytes, sites);
  }

  /** Bytes of memory that the last job took. */
  get used(): number {
    return this.machine.exports.top.value;
  }

  private attempt(bytes: Uint8Array, job: (source: number) => number): Compiled {
    const { machine } = this;
    machine.reset();
    try {
      const made = job(machine.newBytes(bytes));
      return new Compiled(made === 0 ? new Uint8Array(0) : machine.bytes(made), null);
    } catch (error) {
      if (!(error instanceof Trapped)) throw error;
      if (error.failure !== 0) return new Compiled(new Uint8Array(0), this.diagnostic());
      return new Compiled(
        new Uint8Array(0),
        new Diagnostic(INTERNAL, "internal compiler error", error.message, -1, 0, 0, ""),
      );
    }
  }

  private diagnostic(): Diagnostic {
    const { machine } = this;
    const d = machine.call("diagnose");
    const text = (name: string): string => machine.text(machine.call(name, d));
    const number = (name: string): number => machine.call(name, d);
    return new Diagnostic(
      number("kindOf"),
      text("messageOf"),
      text("detailOf"),
      number("atOf"),
      number("lineOf"),
      number("columnOf"),
      text("functionOf"),
    );
  }

  compile(bytes: Uint8Array, o: Options): Compiled {
    const truth = (x: boolean): number => (x ? 1 : 0);
    return this.attempt(bytes, (source) =>
      this.machine.call(
        "compile",
        source,
        this.machine.newText(o.leaf),
        ...[
          o.features,
          o.level,
          truth(o.checked),
          truth(o.wrap),
          truth(o.interrupts),
          o.cpu,
          truth(o.verified),
          truth(o.nogil),
        ],
      ),
    );
  }

  /** `what`: validate, assemble, disassemble, describeModule. */
  run(what: string, bytes: Uint8Array, features: number): Compiled {
    return this.attempt(bytes, (source) => this.machine.call(what, source, features) ?? 0);
  }
}
