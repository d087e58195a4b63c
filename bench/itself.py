"""The compiler compiled by itself against the same compiler in Node: seconds for a module, cold and warm.

    python bench/itself.py [--rounds N] FOLDER MODULE…

FOLDER has compiler.wasm (`node tools/self.ts FOLDER`) and main.cjs (`node tools/bundle.ts FOLDER`). Each round
runs all ways one after the other; printed are medians, of elapsed time and of processor time. Cold: a fresh process;
of Python's is counted what comes after its own start: opening the image, `load`, compiling. Node has all its threads
and its code cache. Warm: the fifth job of a process.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import time
from statistics import median
from types import SimpleNamespace
from typing import Any

JOBS = 5


def own(folder: str, module: str, jobs: int) -> list[tuple[float, float]]:
    """Elapsed and processor time of each job; the first one's with that of opening."""
    import wasmpy

    with open(module, "rb") as file:
        source = file.read()
    path = os.path.join(folder, "compiler.wasm")
    wasmpy.load(path)  # so that it is in the cache, and wasmpy imported
    times = []
    wasm: Any = None
    for _ in range(jobs):
        before, used = time.perf_counter(), time.process_time()
        if wasm is None:
            wasm = SimpleNamespace(**wasmpy.load(path).exports)
            wasm.load()
            wasm.keep()
        wasm.reset()
        array = wasm.new_bytes(len(source))
        at = int.from_bytes(wasm.memory[array : array + 4], "little")
        wasm.memory[at : at + len(source)] = source
        leaf, none = wasm.new_text(1), wasm.new_text(0)
        wasm.memory[leaf + 4 : leaf + 6] = "m".encode("utf-16-le")
        wasm.compile(array, leaf, wasm.features(3, none), 2, 0, 0, 1, 0, 0, 0)
        times.append((time.perf_counter() - before, time.process_time() - used))
    return times


def node(folder: str, module: str, jobs: int) -> list[tuple[float, float]]:
    """The same of the bundle in Node."""
    with open(module, "rb") as file:
        source = file.read()
    environment = {**os.environ, "NODE_COMPILE_CACHE": os.path.join(folder, "node-cache")}
    before = time.perf_counter()
    child = subprocess.Popen(
        ["node", os.path.join(folder, "main.cjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert child.stdin is not None
    assert child.stdout is not None
    times, used = [], 0.0
    for number in range(jobs):
        header = json.dumps({"do": "compile", "leaf": "m", "number": number}).encode()
        child.stdin.write(struct.pack("<II", len(header), len(source)) + header + source)
        child.stdin.flush()
        sizes = struct.unpack("<II", child.stdout.read(8))
        answer = json.loads(child.stdout.read(sizes[0]))
        child.stdout.read(sizes[1])
        assert "error" not in answer, answer
        with open(f"/proc/{child.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        now = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        times.append((time.perf_counter() - before, now - used))
        before, used = time.perf_counter(), now
    child.stdin.close()
    child.wait()
    return times


def run(way: str, folder: str, module: str, jobs: int) -> list[tuple[float, float]]:
    """In a fresh process."""
    command = [sys.executable, __file__, "--way", way, "--jobs", str(jobs), folder, module]
    times: list[tuple[float, float]] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return times


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/itself.py")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--way", choices=("own", "node"), help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("folder")
    parser.add_argument("modules", nargs="+")
    given = parser.parse_args()
    if given.way is not None:
        measure = own if given.way == "own" else node
        print(json.dumps(measure(given.folder, given.modules[0], given.jobs)))
        return
    print(f"{'':24} {'':5} {'own':>15} {'Node':>15}   ratio, elapsed and CPU")
    for module in given.modules:
        cold: dict[str, list[tuple[float, float]]] = {"own": [], "node": []}
        warm: dict[str, list[tuple[float, float]]] = {"own": [], "node": []}
        for _ in range(given.rounds):
            for way in ("own", "node"):
                cold[way].append(run(way, given.folder, module, 1)[0])
                warm[way].append(run(way, given.folder, module, JOBS)[-1])
        for name, times in (("cold", cold), ("warm", warm)):
            a, c = (median(elapsed for elapsed, _ in times[way]) for way in ("own", "node"))
            b, d = (median(used for _, used in times[way]) for way in ("own", "node"))
            size = f"{os.path.basename(module)} {os.path.getsize(module) / 1000:.0f} kB"
            print(f"{size:24} {name:5} {a:7.3f} {b:7.3f} {c:7.3f} {d:7.3f}   {c / a:5.1f} {d / b:5.1f}", flush=True)


if __name__ == "__main__":
    main()
