// Runs a scene in V8 and writes down all that can be seen, one line per instance and per call; tests/fuzz/execute.py
// does the same with images. A line: results or trap, then of each instance the state that `obs` tells, a checksum of
// each memory, the tables; and the trace that imported functions left. The first instance that cannot be made is the
// last one; calls to what is not there are left out.
//
//   h.t (i32, i64) → i32    adds to the trace
//   h.x (i32) → externref   null, or one of seven objects
//   h.y (externref) → i32   its number

import { crc32 } from "node:zlib";
import { type Exports, engine, type Table } from "./engine.ts";
import { FUNCREF, HOST, I32, type Origin, type Scene, type Tree } from "./tree.ts";

/** Messages of V8, by how they begin, and the class of trap they mean. */
const TRAPS: readonly (readonly [string, string])[] = [
  ["unreachable", "unreachable"],
  ["divide by zero", "divide"],
  ["remainder by zero", "divide"],
  ["divide result unrepresentable", "range"],
  ["float unrepresentable in integer range", "range"],
  ["memory access out of bounds", "memory"],
  ["data segment", "memory"],
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

/** What the host gives a module beyond functions: also for the other side. All have names. */
export interface Foreign {
  /** Least and most pages. */
  readonly memories: readonly (readonly [string, number, number])[];
  /** Kind, least and most entries. */
  readonly tables: readonly (readonly [string, string, number, number])[];
  /** Type, value, mutable. */
  readonly globals: readonly (readonly [string, string, string, boolean])[];
}

function named<T extends { readonly origin: Origin | null }>(items: readonly T[]): [string, T][] {
  return items.flatMap((item): [string, T][] =>
    item.origin?.module === HOST ? [[item.origin.name, item]] : [],
  );
}

function kindOf(type: number): string {
  return type === FUNCREF ? "funcref" : "externref";
}

export function foreignOf(tree: Tree): Foreign {
  return {
    memories: named(tree.memories).map(([name, m]) => [name, m.min, m.max]),
    tables: named(tree.tables).map(([name, t]) => [name, kindOf(t.type), t.min, t.max]),
    globals: named(tree.globals).map(([name, g]) => [
      name,
      g.type === I32 ? "i32" : "i64",
      `${g.init[0].immediates[0]}`,
      g.mutable,
    ]),
  };
}

/** Exports whose state is to be seen: memories and tables that no earlier module has. */
export function shownOf(tree: Tree): string[] {
  const own = (name: string, items: readonly { readonly origin: Origin | null }[]) =>
    items.flatMap(({ origin }, i) => (origin === null || origin.module === HOST ? [`${name}${i}`] : []));
  return [...own("m", tree.memories), ...own("t", tree.tables)];
}

function made(foreign: Foreign): Exports {
  const imports: Exports = {};
  for (const [name, initial, maximum] of foreign.memories)
    imports[name] = new engine.Memory({ initial, maximum });
  for (const [name, kind, initial, maximum] of foreign.tables) {
    const element = kind === "funcref" ? "anyfunc" : kind;
    imports[name] = new engine.Table({ element, initial, maximum }, null);
  }
  for (const [name, value, text, mutable] of foreign.globals)
    imports[name] = new engine.Global({ value, mutable }, value === "i32" ? Number(text) : BigInt(text));
  return imports;
}

class Host {
  trace = 0;
  readonly functions = {
    t: (a: number, b: bigint): number => {
      this.trace = ((Math.imul(this.trace, 31) + a) | 0) ^ Number(BigInt.asIntN(32, b));
      return this.trace & 0xffff;
    },
    x: (k: number): object | null => OBJECTS[k & 7],
    y: (x: object | null): number => OBJECTS.indexOf(x),
  };
}

function trapOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const message = text.replace("WebAssembly.Instance(): ", "");
  const found = TRAPS.find(([begin]) => message.startsWith(begin));
  if (found === undefined) throw error;
  return `trap ${found[1]}`;
}

function parse(arg: string): unknown {
  if (arg.startsWith("x")) return OBJECTS[Number(arg.slice(1))];
  return arg.endsWith("n") ? BigInt(arg.slice(0, -1)) : Number(arg);
}

/** The instances that could be made, under the names of their modules. */
class Stage {
  readonly instances = new Map<string, { exports: Exports; shown: readonly string[] }>();
  private readonly host = new Host();
  private readonly functions = new Map<unknown, string>();

  /** What went wrong, or "". */
  enter(tree: Tree, binary: Uint8Array): string {
    const imports: Record<string, Exports> = { [HOST]: { ...this.host.functions, ...made(foreignOf(tree)) } };
    for (const [name, { exports }] of this.instances) imports[name] = exports;
    try {
      const { exports } = new engine.Instance(new engine.Module(binary), imports);
      this.instances.set(tree.name, { exports, shown: shownOf(tree) });
      for (const name of Object.keys(exports).sort()) {
        const value = exports[name];
        if (typeof value === "function" && !this.functions.has(value))
          this.functions.set(value, `${tree.name}.${name}`);
      }
      return "";
    } catch (error) {
      if (error instanceof engine.CompileError) throw error;
      return trapOf(error);
    }
  }

  private show(value: unknown): string {
    if (value === null) return "null";
    if (typeof value === "function") return this.functions.get(value) ?? "?";
    return typeof value === "object" ? `x${OBJECTS.indexOf(value)}` : String(value);
  }

  private shown(result: unknown): string {
    if (result === undefined) return "";
    return Array.isArray(result) ? result.map((x) => this.show(x)).join(" ") : this.show(result);
  }

  state(): string {
    const parts: string[] = [];
    for (const [name, { exports, shown }] of this.instances) {
      parts.push(`${name} ${this.shown((exports.obs as Exported)())}`);
      for (const field of shown) {
        const value = exports[field];
        if (value instanceof engine.Memory)
          parts.push(`${field} ${crc32(new Uint8Array(value.buffer)).toString(16)}`);
        else parts.push(`${field} ${this.entries(value as Table)}`);
      }
    }
    parts.push(`trace ${this.host.trace >>> 0}`);
    return parts.join("; ");
  }

  private entries(table: Table): string {
    const isWide = typeof table.length === "bigint";
    const entries = Array.from({ length: Number(table.length) }, (_, i) =>
      this.show(table.get(isWide ? BigInt(i) : i)),
    );
    return entries.join(" ");
  }

  call(exports: Exports, name: string, args: readonly string[]): string {
    try {
      return this.shown((exports[name] as Exported)(...args.map(parse)));
    } catch (error) {
      return trapOf(error);
    }
  }
}

/** `binaries`: of the scene's modules. `then` sees the exports, in the end, of the instances that could be made. */
export function observe(
  scene: Scene,
  binaries: readonly Uint8Array[],
  then?: (exports: readonly Exports[]) => void,
): string[] {
  const stage = new Stage();
  const lines: string[] = [];
  for (const [i, tree] of scene.trees.entries()) {
    const problem = stage.enter(tree, binaries[i]);
    lines.push(`${tree.name} ${problem === "" ? "starts" : problem}; ${stage.state()}`);
    if (problem !== "") break;
  }
  for (const { instance, name, args } of scene.calls) {
    const found = stage.instances.get(instance);
    if (found === undefined) continue;
    const result = stage.call(found.exports, name, args);
    lines.push(`${instance}.${name}(${args.join(", ")}) = ${result}; ${stage.state()}`);
  }
  then?.([...stage.instances.values()].map(({ exports }) => exports));
  return lines;
}
