// A specification script as the command list that python/wasmpy/_wast.py runs: JSON, with the modules' binaries in
// one payload. Modules that are rejected carry their diagnostic.

import { Bytes } from "./base/bytes.ts";
import { type Diagnostic, diagnosticOf, prepare } from "./driver.ts";
import { describeDiagnostic } from "./service.ts";
import type { Features } from "./wasm/features.ts";
import { EXT_FUNC, EXT_GLOBAL, type Module } from "./wasm/module.ts";
import * as t from "./wasm/types.ts";
import { typeText } from "./wasm/typetable.ts";
import * as s from "./wat/commands.ts";
import { type ModuleSource, ScriptParser } from "./wat/wast.ts";

/** What the runner must know of a type: all references but the first two kinds are one to it. */
function typeName(type: t.ValType): string {
  return t.isRef(type) && !isPlainRef(type) ? "ref" : typeText(type);
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

/** [type, bits]: bits as a decimal string, since JSON numbers do not hold 64 of them. */
function value(v: s.Value): unknown[] {
  const name = s.VALUE_NAMES[v.kind];
  if (v.kind === s.V_EITHER) return [name, v.alternatives.map(value)];
  if (v.kind === s.V_NAN || ((v.kind === s.V_F32 || v.kind === s.V_F64) && v.nans[0] !== s.EXACT)) {
    return [name, v.nans[0] === s.CANONICAL ? "nan:canonical" : "nan:arithmetic"];
  }
  if (v.kind === s.V_V128) return [name, [...v.words], [...v.nans], v.laneBits];
  if (v.any) return [name];
  let bits = 0n;
  for (let i = v.words.length - 1; i >= 0; i--) bits = (bits << 32n) | BigInt(v.words[i] >>> 0);
  return [name, bits.toString()];
}

function action(a: s.Action): object {
  return { kind: a.isGet ? "get" : "invoke", id: a.module, name: a.name, args: a.args.map(value) };
}

/** [name, kind, parameter types, result types, whether plain]; for a global its type alone. */
function exported(module: Module): unknown[] {
  return module.exports.map((e) => {
    if (e.kind === EXT_FUNC) {
      const type = module.types[module.funcs[e.index].type];
      return [e.name, e.kind, type.params.map(typeName), type.results.map(typeName), isPlain(type)];
    }
    const types = e.kind === EXT_GLOBAL ? [typeName(module.globals[e.index].type.type)] : [];
    return [e.name, e.kind, types, [], false];
  });
}

export class ScriptCommands {
  readonly commands: readonly object[];
  readonly payload: Uint8Array;

  constructor(commands: readonly object[], payload: Uint8Array) {
    this.commands = commands;
    this.payload = payload;
  }
}

/** Also commands that cannot be read become commands, which say why. */
export function scriptCommands(text: Uint8Array, features: Features): ScriptCommands {
  const payload = new Bytes();
  const commands: object[] = [];
  const moduleOf = (source: ModuleSource): object => {
    const prepared = prepare(source, features);
    const diagnostic: Diagnostic | null = prepared.diagnostic;
    const start = payload.length;
    if (prepared.module !== null) payload.bytes(prepared.module.bytes);
    return {
      id: source.id,
      start,
      end: payload.length,
      exports: prepared.module === null ? [] : exported(prepared.module),
      error: diagnostic === null ? null : describeDiagnostic(diagnostic),
    };
  };
  const unreadable = (line: number, diagnostic: Diagnostic): object => {
    return { type: "unreadable", line, error: describeDiagnostic(diagnostic) };
  };
  const readable = (c: s.Command): object => ({
    type: s.COMMAND_NAMES[c.kind],
    line: c.line,
    name: c.name,
    of: c.of,
    message: c.message,
    module: c.module === null ? null : moduleOf(c.module),
    action: c.action === null ? null : action(c.action),
    expected: c.expected.map(value),
  });
  let parser: ScriptParser;
  try {
    parser = new ScriptParser(text);
  } catch (error) {
    const diagnostic = diagnosticOf(error, text);
    return new ScriptCommands([unreadable(Math.max(1, diagnostic.line), diagnostic)], payload.take());
  }
  for (;;) {
    try {
      const command = parser.next();
      if (command === null) break;
      commands.push(readable(command));
    } catch (error) {
      commands.push(unreadable(parser.skip(), diagnosticOf(error, text)));
    }
  }
  return new ScriptCommands(commands, payload.take());
}
