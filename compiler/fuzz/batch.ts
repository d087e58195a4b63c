// node batch.ts FROM TO DIRECTORY [CPU-FEATURES]: writes a job a line for the seeds from FROM up to TO, with its
// image in DIRECTORY, and at last what they covered. Waits for the reader: at most a pipe's worth is in flight.

import { writeSync } from "node:fs";
import { join } from "node:path";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import type { Global } from "./engine.ts";
import { generate } from "./generate.ts";
import { BLOCK, type Job, job, settingsOf } from "./job.ts";
import { observe } from "./observe.ts";
import { LOWERED } from "./rows.ts";
import { encode, Pieces } from "./tree.ts";

/** Of how many modules one is executed once more with counters. */
const SAMPLE = 4;

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
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    return 0;
  }
}

/** What was covered since the last time. */
function coverage(isLast: boolean): object {
  const counts = LOWERED.map((row) => [INSTRUCTIONS[row].name, generated[row], executed[row]]);
  generated.fill(0);
  executed.fill(0);
  return { coverage: counts, isLast };
}

for (let seed = Number(from); seed < Number(to); seed++) {
  let made: Job | { seed: number; error: string };
  try {
    const tree = generate(seed);
    const path = join(directory, `${seed}.so`);
    made = job(seed, tree, encode(tree), settingsOf(seed, cpu.split(",")), path);
    if (seed % SAMPLE === 0) {
      const pieces = new Pieces(tree.globals.length);
      const counted = encode(tree, pieces);
      observe(counted, tree, (exports) => {
        for (const [i, rows] of pieces.rows.entries()) {
          const count = (exports[`p${i}`] as Global).value >>> 0;
          for (const row of rows) {
            generated[row]++;
            executed[row] += count;
          }
        }
      });
    }
  } catch (error) {
    made = { seed, error: `generator: ${error instanceof Error ? error.stack : error}` };
  }
  send(made);
  if ((seed + 1) % BLOCK === 0) send(coverage(false));
}
send(coverage(true));
