// Threads that compile chunks of large modules beside the main thread. The core knows nothing of them: what a chunk
// becomes does not depend on who compiles it, nor the image on when (mach/fragment.ts).
//
// A shared counter says which chunk is next; the main thread and the workers each take one after another. Workers
// start at the first module that is large enough and stay until the process ends.

import { availableParallelism as processors } from "node:os";
import type { MessagePort, ResourceLimits, Worker } from "node:worker_threads";
import { Assistant, type Compiled, Job, type Options, type Outcome } from "./driver.ts";
import { Facts } from "./walk/facts.ts";

// What a thread costs while its isolate is cold, in bytes of code that a warm one would compile meanwhile. Measured
// (V8 13.6) on a module of 2.3 MB of code, 1.1 s per MB when warm: the first 256 KB take 0.35 s longer, and the engine
// spends 1.6 s in threads of its own on optimising the compiler.
const COLD_BYTES = 300_000;
const WARMING_BYTES = 1_800_000;
/** Where less than this is gained, or a thread would have less than half of so much code, it is not worth its memory. */
const GAIN_BYTES = 50_000;
const PARALLEL_BYTES = 1 << 18;
/** Compiling a function takes up to 3,500 bytes for each of its own: so many of them at a time, in all threads. */
const MOST_BYTES = 1 << 19;
const LEAST_BYTES = 1 << 15;

/**
 * How many threads should compile `bytes` of code on a machine with so many processors; `warm`: how many have compiled
 * much before.
 */
export function bestThreads(bytes: number, processors: number, warm: number): number {
  let best = 1;
  let least = Infinity;
  for (let n = 1; n === 1 || (n <= processors && n * PARALLEL_BYTES <= 2 * bytes); n++) {
    const cold = Math.max(0, n - warm);
    const busiest = bytes / n + (cold > 0 ? COLD_BYTES : 0);
    const time = Math.max(busiest, (bytes + cold * WARMING_BYTES) / processors);
    if (time > least - GAIN_BYTES) continue;
    best = n;
    least = time;
  }
  return best;
}

/** Argument of the compiler's main file, to be a worker. */
export const AS_WORKER = "worker";

/** Where threads come from, loaded when there is need: that takes 4 ms. */
export function threads(): typeof import("node:worker_threads") {
  return process.getBuiltinModule("node:worker_threads");
}

/** From the main thread: help with a job. */
interface Task {
  readonly job: number;
  readonly chunks: number;
  readonly binary: Uint8Array;
  readonly facts: Facts;
  readonly options: Options;
  /** In shared memory: the chunk to be taken next. */
  readonly next: Int32Array;
}

/** To the main thread: what became of a chunk, or, without an outcome, that the worker is done with the job. */
interface Report {
  readonly job: number;
  readonly chunk: number;
  readonly outcome: Outcome | null;
}

/** Serves the main thread: what a worker runs. */
export function assist(port: MessagePort): void {
  port.on("message", (task: Task) => {
    const { job, next } = task;
    const report = (chunk: number, outcome: Outcome | null) => {
      const message: Report = { job, chunk, outcome };
      port.postMessage(message, outcome === null || outcome.bytes === null ? [] : [outcome.bytes.buffer]);
    };
    if (Atomics.load(next, 0) < task.chunks) {
      Object.setPrototypeOf(task.facts, Facts.prototype); // which does not travel
      const assistant = new Assistant(task.binary, task.facts, task.options);
      for (;;) {
        const chunk = Atomics.add(next, 0, 1);
        if (chunk >= task.chunks) break;
        report(chunk, assistant.compile(chunk));
      }
    }
    report(-1, null);
  });
}

/** A job that several threads work at. */
class Shared {
  private readonly job: Job;
  private readonly number: number;
  private readonly next: Int32Array<SharedArrayBuffer>;
  /** Workers that may still report chunks. */
  private readonly helping: Set<Worker>;
  private wake: () => void;
  private readonly progress: (done: number, functions: number) => void;

  constructor(job: Job, number: number, progress: (done: number, functions: number) => void) {
    this.job = job;
    this.number = number;
    this.progress = progress;
    this.next = new Int32Array(new SharedArrayBuffer(4));
    this.helping = new Set();
    this.wake = () => {};
  }

  /** Asks the workers for help. */
  share(workers: Iterable<Worker>, options: Options): void {
    const { binary, facts, chunks } = this.job;
    const copy = new Uint8Array(new SharedArrayBuffer(binary.length));
    copy.set(binary);
    const task: Task = { job: this.number, chunks, binary: copy, facts, options, next: this.next };
    for (const worker of workers) {
      worker.postMessage(task);
      this.helping.add(worker);
    }
  }

  receive(worker: Worker, { job, chunk, outcome }: Report): void {
    if (job !== this.number) return;
    if (outcome === null) this.helping.delete(worker);
    else this.accept(chunk, outcome);
    this.wake();
  }

  /** The worker has ended, with an error or without. */
  lose(worker: Worker, outOfMemory: boolean): void {
    this.helping.delete(worker);
    if (outOfMemory) this.job.abandon();
    this.wake();
  }

  private accept(chunk: number, outcome: Outcome): void {
    this.job.accept(chunk, outcome);
    this.progress(this.job.done, this.job.functions);
    if (this.job.failed || outcome.complaint !== null) Atomics.store(this.next, 0, this.job.chunks);
  }

  /** Takes part, waits for the workers, and makes up for those that were lost. */
  async run(): Promise<Compiled> {
    const { job } = this;
    for (;;) {
      const chunk = Atomics.add(this.next, 0, 1);
      if (chunk >= job.chunks) break;
      this.accept(chunk, job.compile(chunk));
      await new Promise(setImmediate); // lets reports come in
    }
    while (!job.failed && !job.complete && this.helping.size > 0) {
      await new Promise<void>((wake) => {
        this.wake = wake;
      });
    }
    for (let k = 0; k < job.chunks && !job.failed; k++) {
      if (!job.has(k)) job.accept(k, job.compile(k));
    }
    return job.finish();
  }
}

export class Pool {
  /** What the workers run: the compiler's main file. */
  private readonly file: string;
  private readonly threadsFor: (bytes: number, warm: number) => number;
  private readonly limits: ResourceLimits;
  private readonly workers: Set<Worker>;
  /** The main thread has compiled much. */
  private isWarm: boolean;
  private jobs: number;
  private current: Shared | null;

  /** By default as many threads as pay, and as affinity and cgroup allow; in any case no more than memory allows. */
  constructor(
    file: string,
    threadsFor = (bytes: number, warm: number) => bestThreads(bytes, processors(), warm),
    limits: ResourceLimits = {},
  ) {
    this.file = file;
    this.threadsFor = threadsFor;
    this.limits = limits;
    this.workers = new Set();
    this.isWarm = false;
    this.jobs = 0;
    this.current = null;
  }

  /** As the driver's `compile`, one source at a time. `progress` is told how many functions of all are compiled. */
  async compile(
    bytes: Uint8Array,
    options: Options,
    progress: (done: number, functions: number) => void = () => {},
  ): Promise<Compiled> {
    const job = new Job(bytes, options, null);
    const warm = this.workers.size + (this.isWarm ? 1 : 0);
    const most = Math.max(1, Math.floor(MOST_BYTES / Math.max(LEAST_BYTES, job.largestBody)));
    const threads = Math.min(most, this.threadsFor(job.codeBytes, warm));
    if (threads > 1) this.start(threads - 1); // while the module is validated
    job.begin();
    if (job.codeBytes >= PARALLEL_BYTES) this.isWarm = true;
    if (threads === 1 || job.failed || job.chunks < 2) {
      for (let k = 0; k < job.chunks && !job.failed; k++) {
        job.accept(k, job.compile(k));
        progress(job.done, job.functions);
      }
      return job.finish();
    }
    const shared = new Shared(job, this.jobs++, progress);
    shared.share(this.workers, options);
    this.current = shared;
    const compiled = await shared.run();
    this.current = null;
    return compiled;
  }

  /** Starts workers until there are so many, unless the system refuses. */
  private start(count: number): void {
    try {
      const { Worker } = threads();
      const options = { argv: [AS_WORKER], resourceLimits: this.limits };
      while (this.workers.size < count) this.add(new Worker(this.file, options));
    } catch {
      // then those there are, or none, must do
    }
  }

  private add(worker: Worker): void {
    this.workers.add(worker);
    worker.unref();
    worker.on("message", (report: Report) => this.current?.receive(worker, report));
    worker.on("error", (error: NodeJS.ErrnoException) =>
      this.lose(worker, error.code === "ERR_WORKER_OUT_OF_MEMORY"),
    );
    worker.on("exit", () => this.lose(worker, false));
  }

  private lose(worker: Worker, outOfMemory: boolean): void {
    this.workers.delete(worker);
    this.current?.lose(worker, outOfMemory);
  }

  /** Ends the workers. */
  async close(): Promise<void> {
    for (const worker of this.workers) await worker.terminate();
  }
}
