// node reduce.ts SEED CPU-FEATURES EXECUTOR…: shrinks the modules of a failing seed, as long as they are valid and
// images of them differ from V8, and prints them as text with the calls that show it. EXECUTOR is the command of
// tests/fuzz/execute.py. Prunes trees: calls, statements, operands, bodies; a node becomes one of its operands of the
// same type, or zero.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { disassemble } from "../driver.ts";
import { prebuild } from "../prebuilt.ts";
import { WASM_3_0 } from "../wasm/features.ts";
import { sharedTypes } from "./boundary.ts";
import { encode } from "./encode.ts";
import { engine } from "./engine.ts";
import { generate } from "./generate.ts";
import { type Job, job, settingsOf } from "./job.ts";
import { rowOf } from "./rows.ts";
import { Node, type Tree } from "./tree.ts";
import { zero } from "./values.ts";

const [seedText, cpu, command, ...rest] = process.argv.slice(2);
const seed = Number(seedText);
const HANG_MS = 5000;

const directory = mkdtempSync(join(tmpdir(), "reduce-"));
let child: ChildProcess | null = null;
let lines: Interface | null = null;
let files = 0;

/** What is wrong with the job, or "". */
function execute(made: Job): Promise<string> {
  return new Promise((resolve) => {
    if (child === null) {
      child = spawn(command, rest, { stdio: ["pipe", "pipe", "ignore"] });
      lines = createInterface(child.stdout!);
    }
    const current = child;
    const finish = (result: string, over: boolean) => {
      clearTimeout(timer);
      lines!.removeAllListeners("line");
      current.removeAllListeners("exit");
      if (over) {
        current.kill("SIGKILL");
        child = null;
      }
      resolve(result);
    };
    const timer = setTimeout(() => finish("hangs", true), HANG_MS);
    current.once("exit", (code, signal) => finish(`the process died: ${signal ?? code}`, true));
    lines!.once("line", (line) => {
      const answer = JSON.parse(line) as { error?: string; different?: { expected: string; got: string }[] };
      const text = (answer.different ?? [])
        .map((d) => `expected ${d.expected}\n;; got      ${d.got}`)
        .join("\n;; ");
      finish(answer.error ?? text, false);
    });
    current.stdin!.write(`${JSON.stringify(made)}\n`);
  });
}

const settings = settingsOf(seed, cpu.split(","));

prebuild(sharedTypes());
const scene = generate(seed);

/** What is wrong with the scene, or "". */
async function problem(): Promise<string> {
  if (!scene.trees.every((tree) => engine.validate(encode(tree)))) return "";
  const made = job(seed, scene, settings, join(directory, `${files++}`));
  // Workers have a limited number of images.
  if (files % 300 === 0 && child !== null) {
    child.kill("SIGKILL");
    child = null;
  }
  return made.error === undefined ? execute(made) : made.error;
}

const first = await problem();
/** The same kind of failure: its first word. */
const kind = first.split(/[ (:]/)[0];
let tried = 0;

/** Keeps the change that has been made, or takes it back. */
async function keep(undo: () => void): Promise<boolean> {
  tried++;
  let still = "";
  try {
    still = await problem();
  } catch {
    still = "";
  }
  if (still.split(/[ (:]/)[0] === kind && still !== "") return true;
  undo();
  return false;
}

/** Removes runs of items, long ones first. */
async function shorten<T>(list: T[]): Promise<boolean> {
  let changed = false;
  for (let size = list.length; size >= 1; size = size >> 1) {
    for (let at = list.length - size; at >= 0; at -= size) {
      const before = [...list];
      list.splice(at, size);
      const kept = await keep(() => list.splice(0, list.length, ...before));
      changed = kept || changed;
    }
  }
  return changed;
}

function become(node: Node, other: Node): () => void {
  const { row, immediates, kids, bodies, type } = node;
  node.row = other.row;
  node.immediates = other.immediates;
  node.kids = other.kids;
  node.bodies = other.bodies;
  node.type = other.type;
  return () => {
    Object.assign(node, { row, immediates, kids, bodies, type });
  };
}

async function simplify(node: Node): Promise<boolean> {
  let changed = false;
  if (
    node.type >= 0 &&
    (node.kids.length > 0 || node.bodies.length > 0 || node.row === rowOf("global.get"))
  ) {
    if (await keep(become(node, zero(node.type)))) return true;
    for (const kid of node.kids) {
      if (kid.type === node.type && (await keep(become(node, kid)))) return true;
    }
    for (const body of node.bodies) {
      const last = body.at(-1);
      if (
        body.length === 1 &&
        last !== undefined &&
        last.type === node.type &&
        (await keep(become(node, last)))
      )
        return true;
    }
  }
  for (const kid of node.kids) changed = (await simplify(kid)) || changed;
  for (const body of node.bodies) changed = (await list(body)) || changed;
  return changed;
}

async function list(nodes: Node[]): Promise<boolean> {
  let changed = await shorten(nodes);
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i];
    if (node.type < 0 && node.bodies.length > 0) {
      // A block's contents without the block.
      const inner = [...node.kids, ...node.bodies[0]];
      nodes.splice(i, 1, ...inner);
      if (await keep(() => nodes.splice(i, inner.length, node))) changed = true;
    }
  }
  for (const node of [...nodes]) changed = (await simplify(node)) || changed;
  return changed;
}

async function pruneTree(tree: Tree): Promise<boolean> {
  let changed = false;
  if (tree.start >= 0) {
    const { start } = tree;
    tree.start = -1;
    changed = (await keep(() => (tree.start = start))) || changed;
  }
  // Nobody runs it: nothing but a trap is left of it.
  for (const fn of tree.funcs) {
    const { body, locals } = fn;
    if (body.length === 1 && body[0].row === rowOf("unreachable")) continue;
    fn.body = [new Node(rowOf("unreachable"), [], [], -1)];
    fn.locals = [];
    const undo = () => {
      fn.body = body;
      fn.locals = locals;
    };
    if (await keep(undo)) changed = true;
    else changed = (await list(fn.body)) || changed;
  }
  for (const all of [tree.datas, tree.elems, tree.tables, tree.memories])
    changed = (await shorten(all as unknown[])) || changed;
  for (const elem of tree.elems) changed = (await shorten(elem.items)) || changed;
  while (tree.funcs.length > 0 && tree.funcs.at(-1)!.body[0]?.row === rowOf("unreachable")) {
    const last = tree.funcs.pop()!;
    if (!(await keep(() => tree.funcs.push(last)))) break;
    changed = true;
  }
  return changed;
}

if (first === "") console.log(`;; seed ${seed}: nothing differs`);
else {
  for (let changed = true; changed && tried < 20000; ) {
    changed = await shorten(scene.calls);
    changed = (await shorten(scene.trees)) || changed;
    for (const tree of scene.trees) changed = (await pruneTree(tree)) || changed;
  }
  for (const tree of scene.trees) {
    const text = disassemble(encode(tree), WASM_3_0);
    console.log(`;; ${tree.name}\n${new TextDecoder().decode(text.bytes)}`);
  }
  const { level, checked } = settings;
  for (const { instance, name, args } of scene.calls)
    console.log(`;; ${instance}.${name}(${args.join(", ")})`);
  console.log(`;; seed ${seed}, level ${level}, checked ${checked}, cpu ${settings.cpu}; ${tried} tried`);
  console.log(`;; ${await problem()}`);
}
rmSync(directory, { recursive: true });
process.exit(0);
