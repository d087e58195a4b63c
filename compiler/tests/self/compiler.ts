// The translated compiler in V8, with the driver's interface: bytes and options in, bytes or a diagnostic out.

import { Diagnostic } from "../../diagnostic.ts";
import { Compiled } from "../../driver.ts";
import type { Options } from "../../options.ts";
import type { Site } from "../../tools/self/output.ts";
import { Machine, Trapped } from "./instance.ts";

const INTERNAL = 4;

export class TranslatedCompiler {
  private readonly machine: Machine;
  /** Of the job that was shared last. */
  chunks: number;

  constructor(bytes: Uint8Array, sites: readonly Site[]) {
    this.machine = new Machine(bytes, sites);
    this.chunks = 0;
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

  /** For the job that follows. */
  private choose(o: Options): void {
    const truths = [o.checked, o.wrap, o.interrupts, o.verified, o.nogil].map((x) => (x ? 1 : 0));
    const [checked, wrap, interrupts, verified, nogil] = truths;
    const leaf = this.machine.newText(o.leaf);
    this.machine.call(
      "options",
      ...[leaf, o.features, o.level, checked, wrap, interrupts, o.cpu, verified, nogil],
    );
  }

  compile(bytes: Uint8Array, o: Options): Compiled {
    return this.attempt(bytes, (source) => {
      this.choose(o);
      return this.machine.call("compile", source);
    });
  }

  show(bytes: Uint8Array, o: Options, stage: string, filter: string): Compiled {
    return this.attempt(bytes, (source) => {
      const { machine } = this;
      this.choose(o);
      return machine.call("show", source, machine.newText(stage), machine.newText(filter));
    });
  }

  /** The same as `compile`, chunk by chunk, each through an instance that `helpers` has, or this one. */
  compileShared(bytes: Uint8Array, o: Options, helpers: readonly TranslatedCompiler[]): Compiled {
    return this.attempt(bytes, (source) => {
      const { machine } = this;
      this.choose(o);
      const chunks = machine.call("begin", source);
      this.chunks = chunks;
      for (const helper of helpers) helper.begin(bytes, o);
      for (let k = 0; k < chunks; k++) {
        const helper = helpers[k % (helpers.length + 1)];
        const own =
          helper === undefined ? machine.call("compileChunk", k) : machine.newBytes(helper.chunk(k));
        machine.call("link", k, own);
      }
      return machine.call("finish");
    });
  }

  /**
   * Compiles each chunk, and looks at what was in memory before it: the addresses of words that refer to what is freed
   * when the chunk is done.
   */
  dangling(bytes: Uint8Array, o: Options): number[] {
    const { machine } = this;
    const chunks = this.begin(bytes, o);
    const { value: floor } = machine.exports.top;
    const found: number[] = [];
    for (let k = 0; k < chunks; k++) {
      const before = new Int32Array(machine.exports.memory.buffer.slice(0, floor));
      machine.call("compileChunk", k);
      const { buffer } = machine.exports.memory;
      const after = new Int32Array(buffer, 0, before.length);
      for (const [i, word] of after.entries()) {
        if (word !== before[i] && word >= floor && word < buffer.byteLength) found.push(4 * i);
      }
    }
    return found;
  }

  get done(): number {
    return this.machine.call("done");
  }

  /** Sets the word that ends jobs. */
  stop(word: number): void {
    this.machine.view.setInt32(this.machine.call("stop_at"), word, true);
  }

  requireBinary(bytes: Uint8Array): Compiled {
    return this.attempt(bytes, (source) => this.machine.call("requireBinary", source) ?? 0);
  }

  private begin(bytes: Uint8Array, o: Options): number {
    this.machine.reset();
    this.choose(o);
    return this.machine.call("begin", this.machine.newBytes(bytes));
  }

  private chunk(k: number): Uint8Array {
    return this.machine.bytes(this.machine.call("compileChunk", k));
  }

  /** The commands of a script, and its modules. */
  script(text: Uint8Array, features: number): Uint8Array[] {
    const { machine } = this;
    machine.reset();
    let commands = 0;
    for (let isFirst = true; commands === 0; isFirst = false) {
      try {
        commands = isFirst
          ? machine.call("script", machine.newBytes(text), features)
          : machine.call("resumeScript");
      } catch (error) {
        if (!(error instanceof Trapped) || error.failure === 0) throw error;
      }
    }
    return [machine.bytes(commands), machine.bytes(machine.call("scriptPayload"))];
  }

  /** `what`: validate, assemble, disassemble, describeModule. */
  run(what: string, bytes: Uint8Array, features: number): Compiled {
    return this.attempt(bytes, (source) => this.machine.call(what, source, features) ?? 0);
  }
}
