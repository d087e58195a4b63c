// Runs a module in V8 and writes down all that can be seen, one line per call; tests/fuzz/execute.py does the same
// with an image. A line: results or trap, the state that `obs` tells, a checksum of each memory, the tables, and
// the trace that imported functions left.
//
//   h.t (i32, i64) → i32    adds to the trace
//   h.x (i32) → externref   null, or one of seven objects
//   h.y (externref) → i32   its number

import { crc32 } from "node:zlib";
import { type Exports, engine, type Instance } from "./engine.ts";
import { FUNCREF, I32, type Tree } from "./tree.ts";

/** Messages of V8, by how they begin, and the class of trap they mean. */
const TRAPS: readonly (readonly [string, string])[] = [
  ["unreachable", "unreachable"],
  ["divide by zero", "divide"],
  ["remainder by zero", "divide"],
  ["divide result unrepresentable", "range"],
  ["float unrepresentable in integer range", "range"],
  ["memory access out of bounds", "memory"],
  ["table index is out of bounds", "table"],
  ["table access out of bounds", "table"],
  ["table or segment index out of bounds", "table"],
  ["element segment out of bounds", "table"],
  ["null function or function signature mismatch", "callee"],
  ["dereferencing a null pointer", "null"],
  ["Maximum call stack size exceeded", "stack"],
];

const OBJECTS: readonly (object | null)[] = [null, ...Array.from({ length: 7 }, (_, i) => ({ i }))];

type Exported = (...args: unknown[]) => unknown;

/** What a module imports beyond functions: also for the other side. */
export interface Foreign {
  /** Least and most pages. */
  readonly memories: readonly (readonly [number, number])[];
  /** Kind, least and most entries. */
  readonly tables: readonly (readonly [string, number, number])[];
  /** Type, value, mutable. */
  readonly globals: readonly (readonly [string, string, boolean])[];
}

export function foreignOf(tree: Tree): Foreign {
  const { memories, tables, globals } = tree.foreign;
  return {
    memories: tree.memories.slice(0, memories).map((m) => [m.min, m.max]),
    tables: tree.tables
      .slice(0, tables)
      .map((t) => [t.type === FUNCREF ? "funcref" : "externref", t.min, t.max]),
    globals: tree.globals
      .slice(0, globals)
      .map((g) => [g.type === I32 ? "i32" : "i64", `${g.init[0].immediates[0]}`, g.mutable]),
  };
}

function made(foreign: Foreign): Record<string, unknown> {
  const imports: Record<string, unknown> = {};
  for (const [i, [initial, maximum]] of foreign.memories.entries())
    imports[`m${i}`] = new engine.Memory({ initial, maximum });
  for (const [i, [kind, initial, maximum]] of foreign.tables.entries())
    imports[`t${i}`] = new engine.Table(
      { element: kind === "funcref" ? "anyfunc" : kind, initial, maximum },
      null,
    );
  for (const [i, [value, text, mutable]] of foreign.globals.entries())
    imports[`g${i}`] = new engine.Global({ value, mutable }, value === "i32" ? Number(text) : BigInt(text));
  return imports;
}

class Host {
  trace = 0;
  readonly imports = {
    h: {
      t: (a: number, b: bigint): number => {
        this.trace = ((Math.imul(this.trace, 31) + a) | 0) ^ Number(BigInt.asIntN(32, b));
        return this.trace & 0xffff;
      },
      x: (k: number): object | null => OBJECTS[k & 7],
      y: (x: object | null): number => OBJECTS.indexOf(x),
    },
  };
}

function trapOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const found = TRAPS.find(([begin]) => message.startsWith(begin));
  if (found === undefined) throw error;
  return `trap ${found[1]}`;
}

/** `then` sees the instance at the end, as long as it could be made. */
export function observe(binary: Uint8Array, tree: Tree, then?: (exports: Exports) => void): string[] {
  const host = new Host();
  const imports = { h: { ...host.imports.h, ...made(foreignOf(tree)) } };
  let instance: Instance;
  try {
    const module = new engine.Module(binary);
    instance = new engine.Instance(module, imports);
  } catch (error) {
    if (error instanceof engine.CompileError) throw error;
    return [trapOf(error)];
  }
  const { exports } = instance;
  const names = Object.keys(exports).sort();
  const functions = new Map<unknown, string>();
  for (const name of names) {
    if (typeof exports[name] === "function" && !functions.has(exports[name]))
      functions.set(exports[name], name);
  }
  const show = (value: unknown): string => {
    if (value === null) return "null";
    if (typeof value === "function") return functions.get(value) ?? "?";
    return typeof value === "object" ? `x${OBJECTS.indexOf(value)}` : String(value);
  };
  const shown = (result: unknown): string =>
    result === undefined ? "" : Array.isArray(result) ? result.map(show).join(" ") : show(result);
  const parse = (arg: string): unknown =>
    arg.startsWith("x")
      ? OBJECTS[Number(arg.slice(1))]
      : arg.endsWith("n")
        ? BigInt(arg.slice(0, -1))
        : Number(arg);
  const state = (): string => {
    const parts = [shown((exports.obs as Exported)())];
    for (const name of names) {
      const value = exports[name];
      if (value instanceof engine.Memory)
        parts.push(`${name} ${crc32(new Uint8Array(value.buffer)).toString(16)}`);
      else if (value instanceof engine.Table) {
        const entries = Array.from({ length: value.length }, (_, i) => show(value.get(i)));
        parts.push(`${name} ${entries.join(" ")}`);
      }
    }
    parts.push(`trace ${host.trace >>> 0}`);
    return parts.join("; ");
  };
  const lines = [`start; ${state()}`];
  for (const { name, args } of tree.calls) {
    let result: string;
    try {
      result = shown((exports[name] as Exported)(...args.map(parse)));
    } catch (error) {
      result = trapOf(error);
    }
    lines.push(`${name}(${args.join(", ")}) = ${result}; ${state()}`);
  }
  then?.(exports);
  return lines;
}
