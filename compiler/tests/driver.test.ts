// The driver: the image does not depend on who compiles which chunk and when, nor do diagnostics; errors of any kind
// end as diagnostics that name their place; the pool of threads, and the service around it.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { SHOW_CODE } from "../backend.ts";
import { INTERNAL, INVALID, LIMIT } from "../base/errors.ts";
import { unreachable } from "../base/fail.ts";
import { Assistant, type Compiled, compile, DEFAULTS, Job, Outcome, show } from "../driver.ts";
import { Emitter } from "../mach/emit.ts";
import { bestThreads, Pool } from "../pool.ts";
import { type Answer, answer, type Request } from "../service.ts";
import { Complaint } from "../source.ts";

vi.setConfig({ testTimeout: 120_000 });

const MAIN = join(import.meta.dirname, "..", "main.ts");
const OPTIONS = { ...DEFAULTS, leaf: "m" };

/** Function `i` has constants and a jump table of its own, and constants that others have too. */
function functionText(i: number): string {
  const filler = Array.from(
    { length: 24 },
    (_, k) => `
    (local.set $x (i32.add (i32.mul (local.get $x) (i32.const ${i + k})) (i32.load offset=${4 * k} (local.get $x))))`,
  );
  return `
  (func $f${i} (export "f${i}") (param $x i32) (result i32)
    (local $y f64)
    (local.set $y (f64.add (f64.const ${i % 5}.25) (f64.mul (f64.const 0.5) (f64.convert_i32_s (local.get $x)))))
    (block $a (block $b (block $c (block $d
      (br_table $a $b $c $d (local.get $x))) (local.set $x (i32.const ${i})))
      (local.set $x (i32.trunc_sat_f64_s (local.get $y)))) (local.set $x (call $f${i >> 1} (local.get $x))))
    ${filler.join("")}
    (memory.fill (local.get $x) (i32.const 0) (i32.const 1))
    (local.get $x))`;
}

function source(count: number): Uint8Array {
  const functions = Array.from({ length: count }, (_, i) => functionText(i));
  const text = `(module (memory 1) (data (i32.const 0) "abc")
  (func $simple (export "simple") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  ${functions.join("")})`;
  return new TextEncoder().encode(text);
}

const SOURCE = source(1000);

/** What there is to compare, short enough to be shown. */
function digest(bytes: Uint8Array): string {
  return `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;
}

function summary({ bytes, diagnostic }: Compiled): object {
  return { digest: digest(bytes), diagnostic };
}

function started(bytes: Uint8Array): Job {
  const job = new Job(bytes, OPTIONS, null);
  job.begin();
  return job;
}

/** Emission of these functions ends with `error`, in this thread. */
function failAt(names: readonly string[], error: () => void): void {
  const emit = Emitter.prototype.emit;
  vi.spyOn(Emitter.prototype, "emit").mockImplementation(function (this: Emitter, ...args) {
    if (names.includes(args[4].program.symbols[args[1]].name)) error();
    emit.apply(this, args);
  });
}

afterEach(() => {
  vi.restoreAllMocks();
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "wasmpy-driver-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe("chunks", () => {
  const compiled = compile(SOURCE, OPTIONS);
  const whole = summary(compiled);

  test("there are several", () => {
    expect(compiled.diagnostic).toBeNull();
    expect(started(SOURCE).chunks).toBeGreaterThan(4);
  });

  test("are linked in their order, whatever order they are done in", () => {
    const job = started(SOURCE);
    for (let k = job.chunks - 1; k >= 0; k--) {
      expect(job.complete).toBe(false);
      job.accept(k, job.compile(k));
    }
    expect(job.complete).toBe(true);
    expect(summary(job.finish())).toEqual(whole);
  });

  test("do not depend on what their thread did before", () => {
    const job = started(SOURCE);
    const { binary, facts } = job;
    const assistants = Array.from({ length: 3 }, () => new Assistant(binary.slice(), facts, OPTIONS));
    for (let k = job.chunks - 1; k >= 0; k--) {
      job.accept(k, structuredClone(k % 4 === 3 ? job.compile(k) : assistants[k % 4].compile(k)));
    }
    expect(summary(job.finish())).toEqual(whole);
  });

  test("the first to fail, in their order, is what is reported", () => {
    const failure = (detail: string) =>
      new Outcome(null, new Complaint(INTERNAL, "internal compiler error", detail, -1, 7, ""));
    const job = started(SOURCE);
    job.accept(3, failure("later"));
    expect(job.failed).toBe(false);
    job.accept(1, failure("first"));
    expect(job.failed).toBe(false);
    job.accept(0, job.compile(0));
    expect(job.failed).toBe(true);
    job.accept(2, job.compile(2));
    const { bytes, diagnostic } = job.finish();
    expect(bytes.length).toBe(0);
    expect(diagnostic).toMatchObject({ detail: "first", function: "f6" });
  });

  test("a module without functions has none", () => {
    const empty = new TextEncoder().encode("(module)");
    expect(started(empty).chunks).toBe(0);
    expect(compile(empty, OPTIONS).bytes.length).toBeGreaterThan(0);
  });

  test("are shown in their order", () => {
    const { bytes } = show(SOURCE, OPTIONS, SHOW_CODE, "f1");
    const names = new TextDecoder().decode(bytes).match(/^f\d+:/gm) ?? [];
    expect(names.length).toBeGreaterThan(100);
    expect(names).toEqual(
      [...names].sort((a, b) => Number.parseInt(a.slice(1), 10) - Number.parseInt(b.slice(1), 10)),
    );
  });
});

describe("errors", () => {
  test.each(["f3", "wasmpy_init"])("what is thrown in %s names it", (name) => {
    failAt([name], () => {
      throw new RangeError("Maximum call stack size exceeded");
    });
    const { bytes, diagnostic } = compile(source(5), OPTIONS);
    expect(bytes.length).toBe(0);
    expect(diagnostic).toMatchObject({ kind: INTERNAL, message: "internal compiler error", function: name });
    expect(diagnostic?.detail).toContain("RangeError: Maximum call stack size exceeded");
  });

  test("what is thrown before there are chunks", () => {
    const leaf = {
      toString() {
        throw new TypeError("not what it should be");
      },
    } as unknown as string;
    const { diagnostic } = compile(source(1), { ...DEFAULTS, leaf });
    expect(diagnostic).toMatchObject({ kind: INTERNAL, function: "" });
  });

  test("no room for an array is no fault of the compiler", () => {
    failAt(["f3"], () => {
      throw new RangeError("Array buffer allocation failed");
    });
    expect(compile(source(5), OPTIONS).diagnostic).toMatchObject({ kind: LIMIT, message: "out of memory" });
  });

  test("invalid modules have no chunks", () => {
    const job = started(new TextEncoder().encode("(module (func $a (result i32)))"));
    expect([job.failed, job.chunks]).toEqual([true, 0]);
    expect(job.finish().diagnostic).toMatchObject({ kind: INVALID, function: "a", line: 1 });
  });
});

describe("pool", () => {
  const whole = summary(compile(SOURCE, OPTIONS));

  function pool(file: string, threads: number): Pool {
    const made = new Pool(file, () => threads);
    onTestFinished(() => made.close());
    return made;
  }

  /** A file for workers. */
  function worker(text: string): string {
    const file = join(temporaryFolder(), "worker.mjs");
    writeFileSync(file, text);
    return file;
  }

  test.each([1, 2, 3, 4])("of %i threads makes the same image, again and again", async (threads) => {
    const made = pool(MAIN, threads);
    expect(summary(await made.compile(SOURCE, OPTIONS))).toEqual(whole);
    const small = source(3);
    expect(summary(await made.compile(small, OPTIONS))).toEqual(summary(compile(small, OPTIONS)));
    expect(summary(await made.compile(SOURCE, OPTIONS))).toEqual(whole);
  });

  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

  test("leaves nearly all to a worker that is the only one to get on", async () => {
    // the main thread's first chunk takes until the worker has had them all
    const text = `import { parentPort } from "node:worker_threads"; import { assist } from ${url("../pool.ts")};
      assist(parentPort);`;
    const made = pool(worker(text), 2);
    const compileChunk = Job.prototype.compile;
    let own = 0;
    vi.spyOn(Job.prototype, "compile").mockImplementation(function (this: Job, k) {
      own++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
      return compileChunk.call(this, k);
    });
    expect(summary(await made.compile(SOURCE, OPTIONS))).toEqual(whole);
    expect(own).toBeLessThan(started(SOURCE).chunks);
  });

  test("reports the first failing function, whoever finds it", async () => {
    const names = ["f990", "f420", "f620"];
    const text = `import { parentPort } from "node:worker_threads";
      import { unreachable } from ${url("../base/fail.ts")};
      import { assist } from ${url("../pool.ts")};
      import { Emitter } from ${url("../mach/emit.ts")};
      const { emit } = Emitter.prototype;
      Emitter.prototype.emit = function (...args) {
        if (${JSON.stringify(names)}.includes(args[4].program.symbols[args[1]].name)) unreachable("planted");
        emit.apply(this, args);
      };
      assist(parentPort);`;
    const file = worker(text);
    failAt(names, () => unreachable("planted"));
    const { diagnostic } = compile(SOURCE, OPTIONS);
    expect(diagnostic).toMatchObject({ function: "f420", detail: "planted" });
    for (const threads of [2, 3]) {
      expect((await pool(file, threads).compile(SOURCE, OPTIONS)).diagnostic).toEqual(diagnostic);
    }
  });

  test.each([
    ["end at once", ""],
    ["throw", "throw new Error('on purpose');"],
    [
      "end when asked",
      'import { parentPort } from "node:worker_threads"; parentPort.once("message", () => process.exit(1));',
    ],
    [
      "take a chunk and end",
      `import { parentPort } from "node:worker_threads";
       parentPort.once("message", (task) => { Atomics.add(task.next, 0, 1); process.exit(1); });`,
    ],
  ])("does without workers that %s", async (_, text) => {
    expect(summary(await pool(worker(text), 3).compile(SOURCE, OPTIONS))).toEqual(whole);
  });

  test("reports a worker that was out of memory", async () => {
    const text = `import { parentPort } from "node:worker_threads";
      parentPort.once("message", (task) => {
        Atomics.add(task.next, 0, 1);
        const kept = [];
        for (;;) kept.push(new Array(1000).fill(0).map((_, k) => [k]));
      });`;
    const made = new Pool(worker(text), () => 2, { maxOldGenerationSizeMb: 32 });
    onTestFinished(() => made.close());
    const { bytes, diagnostic } = await made.compile(SOURCE, OPTIONS);
    expect(bytes.length).toBe(0);
    expect(diagnostic).toMatchObject({ kind: LIMIT, message: "out of memory" });
  });

  test("has as many threads as pay", () => {
    expect(bestThreads(100_000, 64, 0)).toBe(1);
    expect(bestThreads(100_000_000, 1, 0)).toBe(1);
    expect(bestThreads(2_000_000, 2, 0)).toBe(1);
    expect(bestThreads(2_000_000, 2, 2)).toBe(2);
    expect(bestThreads(2_000_000, 4, 0)).toBe(2);
    expect(bestThreads(100_000_000, 8, 0)).toBe(8);
  });
});

describe("service", () => {
  function framed(request: Request, payload: Uint8Array): Buffer {
    const header = Buffer.from(JSON.stringify(request));
    const sizes = Buffer.alloc(8);
    sizes.writeUInt32LE(header.length, 0);
    sizes.writeUInt32LE(payload.length, 4);
    return Buffer.concat([sizes, header, payload]);
  }

  function shown({ header, payload }: Answer): object {
    return { header, digest: digest(payload) };
  }

  function answers(output: Buffer): object[] {
    const all: object[] = [];
    for (let at = 0; at < output.length; ) {
      const header = at + 8;
      const payload = header + output.readUInt32LE(at);
      const end = payload + output.readUInt32LE(at + 4);
      const text = output.toString("utf8", header, payload);
      all.push(shown({ header: JSON.parse(text), payload: output.subarray(payload, end) }));
      at = end;
    }
    return all;
  }

  test("answers all requests in their order, also when the input is closed at once", () => {
    const bad = new TextEncoder().encode("(module (func $a (result i32)))");
    const requests: readonly [Request, Uint8Array][] = [
      [{ do: "compile", leaf: "m" }, SOURCE],
      [{ do: "compile", leaf: "m" }, bad],
      [{ do: "validate" }, source(1)],
      [{ do: "nothing" }, new Uint8Array(0)],
      [{ do: "compile", leaf: "n" }, source(2)],
    ];
    const input = Buffer.concat(requests.map(([request, payload]) => framed(request, payload)));
    const { stdout, status } = spawnSync(process.execPath, [MAIN], { input, maxBuffer: 1 << 28 });
    expect(status).toBe(0);
    expect(answers(stdout)).toEqual(requests.map(([request, payload]) => shown(answer(request, payload))));
  });
});

describe("vectors without an instruction on them", () => {
  const text = `(module (func (export "f") (param i32) (result i32) (local v128 v128)
    (loop $again
      (local.set 1 (select (local.get 1) (local.get 2) (local.get 0)))
      (local.set 2 (select (result v128) (local.get 2) (local.get 1) (local.get 0)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (drop (local.get 1))
    (local.get 0)))`;

  test.each([0, 1, 2])("are verified, and leave no code, at level %i", (level) => {
    const options = { ...OPTIONS, level, verified: true };
    expect(compile(Buffer.from(text), options).diagnostic).toBeNull();
  });
});
