// Loads, runs and compiles WebAssembly for engines/v8.py. With a file as argument: compiles it and ends.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const kernels = new Map();

/** CPU microseconds of the whole process: V8 compiles in threads. */
function cpu() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU microseconds of this thread, where Node can tell. */
function threadCpu() {
  if (process.threadCpuUsage === undefined) return cpu();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function answer({ do: what, name, path, n }) {
  if (what === "load") {
    kernels.set(name, new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path))).exports.run);
    return {};
  }
  if (what === "compile") {
    const bytes = readFileSync(path);
    const start = cpu();
    new WebAssembly.Module(bytes);
    return { seconds: (cpu() - start) / 1e6 };
  }
  const run = kernels.get(name);
  const start = threadCpu();
  const result = run(n);
  return { result, seconds: (threadCpu() - start) / 1e6 };
}

if (process.argv[2]) {
  new WebAssembly.Module(readFileSync(process.argv[2]));
} else {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
  }
}
