// A script of the specification's suite as the commands that python/wasmpy/_wast.py runs: JSON, and the modules'
// binaries in one payload. Modules that are rejected carry their diagnostic, and so do commands that cannot be read.
//
//   {"commands": [{"type", "line", "name", "of", "message", "module", "action", "expected"} or
//                 {"type": "unreadable", "line", "error"}, …]}
//   module    null, or {"id", "start", "end" (of its binary in the payload), "exports", "error": null or a diagnostic}
//   exports   [name, kind, types of parameters, types of results, whether plain]; of a global: its type alone
//   action    null, or {"kind": "get" or "invoke", "id", "name", "args": values}
//   value     [type, bits]: as a decimal string, since JSON's numbers do not hold 64 of them; ["v128", four words, what
//             each lane must be, bits of a lane]; ["either", values]; [type] of any reference

import { Bytes } from "./base/bytes.ts";
import { decimal64, I64 } from "./base/int64.ts";
import { jsonArray, jsonObject, jsonString } from "./base/json.ts";
import type { Progress } from "./base/progress.ts";
import { type Diagnostic, diagnosticText } from "./diagnostic.ts";
import { type Complaint, Source } from "./source.ts";
import type { Features } from "./wasm/features.ts";
import { EXT_FUNC, EXT_GLOBAL, type Export, type Module } from "./wasm/module.ts";
import * as t from "./wasm/types.ts";
import { typeText } from "./wasm/typetable.ts";
import * as s from "./wat/commands.ts";
import { ScriptParser } from "./wat/wast.ts";

/** What the runner must know of a type: all references but the first two kinds are one to it. */
function typeName(type: t.ValType): string {
  return jsonString(t.isRef(type) && !isPlainRef(type) ? "ref" : typeText(type));
}

function isPlainRef(type: t.ValType): boolean {
  return type === t.FUNCREF || type === t.EXTERNREF;
}

/** Whether a text can import a function of the type by naming its parameters and results. */
function isPlain(type: t.DefType): boolean {
  const isNamed = (v: t.ValType) => !t.isRef(v) || isPlainRef(v);
  if (!type.final || type.supertype >= 0 || type.groupSize > 1) return false;
  return type.params.every(isNamed) && type.results.every(isNamed);
}

function value(v: s.Value): string {
  const name = jsonString(s.VALUE_NAMES[v.kind]);
  if (v.kind === s.V_EITHER) return jsonArray([name, jsonArray(v.alternatives.map(value))]);
  if (v.kind === s.V_NAN || ((v.kind === s.V_F32 || v.kind === s.V_F64) && v.nans[0] !== s.EXACT)) {
    return jsonArray([name, v.nans[0] === s.CANONICAL ? '"nan:canonical"' : '"nan:arithmetic"']);
  }
  if (v.kind === s.V_V128) {
    return jsonArray([name, numbers([...v.words]), numbers([...v.nans]), `${v.laneBits}`]);
  }
  if (v.any) return jsonArray([name]);
  return jsonArray([name, jsonString(decimal64(new I64(v.words[0], v.words[1])))]);
}

function numbers(all: readonly number[]): string {
  return jsonArray(all.map((x) => `${x}`));
}

function values(all: readonly s.Value[]): string {
  return jsonArray(all.map(value));
}

function actionText(a: s.Action | null): string {
  if (a === null) return "null";
  return jsonObject([
    ...["kind", a.isGet ? '"get"' : '"invoke"'],
    ...["id", jsonString(a.module)],
    ...["name", jsonString(a.name)],
    ...["args", values(a.args)],
  ]);
}

function exported(module: Module, e: Export): string {
  const begin = [jsonString(e.name), `${e.kind}`];
  if (e.kind === EXT_FUNC) {
    const type = module.types[module.funcs[e.index].type];
    const types = [jsonArray(type.params.map(typeName)), jsonArray(type.results.map(typeName))];
    return jsonArray([...begin, ...types, isPlain(type) ? "true" : "false"]);
  }
  const types = e.kind === EXT_GLOBAL ? [typeName(module.globals[e.index].type.type)] : [];
  return jsonArray([...begin, jsonArray(types), "[]", "false"]);
}

/** A failure on the way is not the end: whoever catches it makes it a complaint, and runs the rest. */
export class Script {
  readonly progress: Progress;
  private readonly text: Uint8Array;
  private readonly features: Features;
  private parser: ScriptParser | null;
  private isDone: boolean;
  /** The command whose module is at hand, and that module. */
  private command: s.Command | null;
  private source: Source;
  private readonly commands: Bytes;
  private readonly payload: Bytes;

  constructor(text: Uint8Array, features: Features, progress: Progress) {
    this.progress = progress;
    this.text = text;
    this.features = features;
    this.parser = null;
    this.isDone = false;
    this.command = null;
    this.source = new Source(text, features, progress);
    this.commands = new Bytes();
    this.payload = new Bytes();
    writeAscii('{"commands": [', this.commands);
  }

  /** Reads commands up to the end. May fail, and may be called again then, after `complain`. */
  run(): void {
    while (!this.isDone) {
      if (this.parser === null) this.parser = new ScriptParser(this.text);
      const command = this.parser.next();
      if (command === null) break;
      this.command = command;
      this.source = new Source(this.text, this.features, this.progress);
      if (command.module === null) this.write(command, null, null);
      else this.write(command, this.source.validateOne(command.module), null);
      this.command = null;
    }
    if (!this.isDone) writeAscii("]}", this.commands);
    this.isDone = true;
  }

  /** `run` has failed: because of a module, a command, or a text that has no tokens. */
  complain(complaint: Complaint): void {
    const { command, parser } = this;
    const diagnostic = this.source.diagnose(complaint);
    this.source = new Source(this.text, this.features, this.progress);
    this.command = null;
    if (command !== null) this.write(command, null, diagnostic);
    else if (parser !== null) this.unreadable(parser.skip(), diagnostic);
    else {
      this.unreadable(Math.max(1, diagnostic.line), diagnostic);
      writeAscii("]}", this.commands);
      this.isDone = true;
    }
  }

  /** The commands, in UTF-8. Requires: `run` came to the end. */
  take(): Uint8Array {
    return this.commands.take();
  }

  /** The modules' binaries, one after the other. */
  takePayload(): Uint8Array {
    return this.payload.take();
  }

  private add(text: string): void {
    if (this.commands.data[this.commands.length - 1] !== 0x5b) writeAscii(",\n", this.commands);
    writeAscii(text, this.commands);
  }

  private unreadable(line: number, diagnostic: Diagnostic): void {
    this.add(
      jsonObject([
        ...["type", '"unreadable"'],
        ...["line", `${line}`],
        ...["error", diagnosticText(diagnostic)],
      ]),
    );
  }

  private write(c: s.Command, module: Module | null, diagnostic: Diagnostic | null): void {
    this.add(
      jsonObject([
        ...["type", jsonString(s.COMMAND_NAMES[c.kind])],
        ...["line", `${c.line}`],
        ...["name", jsonString(c.name)],
        ...["of", jsonString(c.of)],
        ...["message", jsonString(c.message)],
        ...["module", c.module === null ? "null" : this.moduleText(c.module.id, module, diagnostic)],
        ...["action", actionText(c.action)],
        ...["expected", values(c.expected)],
      ]),
    );
  }

  private moduleText(id: string, module: Module | null, diagnostic: Diagnostic | null): string {
    const start = this.payload.length;
    if (module !== null) this.payload.bytes(module.bytes);
    const exports = module === null ? [] : module.exports.map((e) => exported(module, e));
    return jsonObject([
      ...["id", jsonString(id)],
      ...["start", `${start}`],
      ...["end", `${this.payload.length}`],
      ...["exports", jsonArray(exports)],
      ...["error", diagnostic === null ? "null" : diagnosticText(diagnostic)],
    ]);
  }
}

function writeAscii(text: string, out: Bytes): void {
  out.reserve(text.length);
  for (let i = 0; i < text.length; i++) out.data[out.length++] = text.charCodeAt(i);
}
