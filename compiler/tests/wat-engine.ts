// The WebAssembly of the JavaScript engine that runs the tests: an oracle. (The compiler's own types know no
// such thing.)

import type { Command } from "../wat/commands.ts";
import { ScriptParser } from "../wat/wast.ts";

interface Engine {
  validate(bytes: Uint8Array): boolean;
  Module: {
    new (bytes: Uint8Array): object;
    customSections(module: object, name: string): ArrayBuffer[];
  };
  Instance: new (
    module: object,
    imports: object,
  ) => { exports: Record<string, (...args: unknown[]) => unknown> };
}

const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;

export function validate(bytes: Uint8Array): boolean {
  return engine.validate(bytes);
}

/** Why the engine does not take the binary, or "". */
export function complaint(bytes: Uint8Array): string {
  if (engine.validate(bytes)) return "";
  try {
    new engine.Module(bytes);
  } catch (error) {
    return String(error);
  }
  return "";
}

export function instantiate(bytes: Uint8Array): Record<string, (...args: unknown[]) => unknown> {
  return new engine.Instance(new engine.Module(bytes), {}).exports;
}

export function customSection(bytes: Uint8Array, name: string): Uint8Array {
  return new Uint8Array(engine.Module.customSections(new engine.Module(bytes), name)[0]);
}

/** The commands of a script; throws at the first that cannot be read. */
export function parseScript(text: Uint8Array): Command[] {
  const parser = new ScriptParser(text);
  const commands: Command[] = [];
  for (let command = parser.next(); command !== null; command = parser.next()) commands.push(command);
  return commands;
}
