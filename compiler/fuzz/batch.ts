// node batch.ts FROM TO DIRECTORY [CPU-FEATURES]: writes a job a line for the seeds from FROM up to TO, with its
// images in DIRECTORY, and after each block of seeds what they covered. Waits for the reader: at most a pipe's worth
// is in flight.

import { writeSync } from "node:fs";
import { join } from "node:path";
import { prebuild } from "../prebuilt.ts";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import { sharedTypes } from "./boundary.ts";
import { encode, Pieces } from "./encode.ts";
import type { Global } from "./engine.ts";
import { generate } from "./generate.ts";
import { BLOCK, type Job, job, settingsOf } from "./job.ts";
import { observe } from "./observe.ts";
import { LOWERED } from "./rows.ts";
import type { Scene } from "./tree.ts";

/** One seed of so many is executed once more with counters. */
const SAMPLE = 8;

const [from, to, directory, cpu = ""] = process.argv.slice(2);
const executed = new Float64Array(INSTRUCTIONS.length);
const generated = new Float64Array(INSTRUCTIONS.length);

function send(line: object): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.length; ) at += writeSome(bytes, at);
}

function writeSome(bytes: Uint8Array, at: number): number {
  try {
    return writeSync(1, bytes, at);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPIPE") process.exit(0); // nobody reads any more
    if (code !== "EAGAIN") throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    return 0;
  }
}

/** What was covered since the last time, by the seeds from `first` up to `last`. */
function coverage(first: number, last: number): object {
  const counts = LOWERED.map((row) => [INSTRUCTIONS[row].name, generated[row], executed[row]]);
  generated.fill(0);
  executed.fill(0);
  return { coverage: counts, first, last };
}

function count(scene: Scene): void {
  const pieces = scene.trees.map((tree) => new Pieces(tree.globals.length));
  const binaries = scene.trees.map((tree, i) => encode(tree, pieces[i]));
  observe(scene, binaries, (all) => {
    for (const [k, exports] of all.entries()) {
      for (const [i, rows] of pieces[k].rows.entries()) {
        const times = (exports[`p${i}`] as Global).value >>> 0;
        for (const row of rows) {
          generated[row]++;
          executed[row] += times;
        }
      }
    }
  });
}

prebuild(sharedTypes());
let first = Number(from);
for (let seed = first; seed < Number(to); seed++) {
  let made: Job | { seed: number; error: string };
  try {
    const scene = generate(seed);
    made = job(seed, scene, settingsOf(seed, cpu.split(",")), join(directory, `${seed}`));
    if (seed % SAMPLE === 0) count(scene);
  } catch (error) {
    made = { seed, error: `generator: ${error instanceof Error ? error.stack : error}` };
  }
  send(made);
  if ((seed + 1) % BLOCK === 0 || seed + 1 === Number(to)) {
    send(coverage(first, seed + 1));
    first = seed + 1;
  }
}
