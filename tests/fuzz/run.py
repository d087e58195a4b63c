"""Differential fuzzing: generated modules run as images in CPython, and in V8; whatever differs is a finding.

    python tests/fuzz/run.py --seeds A:B [--minutes M] [--jobs N] [--compiler DIRECTORY]
    python tests/fuzz/run.py --reduce SEED

A seed determines its module and the compiler's settings. Modules are made, run in V8 and compiled by
compiler/fuzz/batch.ts; images stay in the process that opened them, so each process runs a block of them. A process
that dies or hangs is a finding too. Exit status 1 where there are findings.
"""

from __future__ import annotations

import argparse
import json
import select
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from wasmpy import _compiler, _target

HERE = Path(__file__).resolve().parent
COMPILER = HERE.parent.parent / "compiler"
BLOCK = 256  # seeds of one worker; as in compiler/fuzz/job.ts
CHUNK = 4096  # seeds of one compiler, which is slow until V8 has optimised it
HANG = 60.0


class Worker:
    """A process that runs images."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()
        self.child = None

    def run(self, job: dict[str, Any]) -> str:
        """What is wrong with the job, or ""."""
        if self.child is None:
            self.child = subprocess.Popen(
                [sys.executable, str(HERE / "execute.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        line = b""
        try:
            self.child.stdin.write(json.dumps(job).encode() + b"\n")
            self.child.stdin.flush()
            ready, _, _ = select.select([self.child.stdout], [], [], HANG)
            if not ready:
                self.stop()
                return "hangs"
            line = self.child.stdout.readline()
        except BrokenPipeError:
            pass
        if not line:
            status = self.child.wait()
            self.child = None
            return f"the process died: {status}"
        answer = json.loads(line)
        if "error" in answer:
            return str(answer["error"])
        return "\n".join(f"  expected {d['expected']}\n  got      {d['got']}" for d in answer["different"][:3])


class Run:
    """Counters that all jobs share."""

    def __init__(self, deadline: float, compiler: Path, stop_after: int, quiet: bool) -> None:
        self.quiet = quiet
        self.started = self.shown = time.monotonic()
        self.deadline = deadline
        self.compiler = compiler
        self.stop_after = stop_after
        self.lock = threading.Lock()
        self.modules = 0
        self.calls = 0
        self.traps = 0
        self.findings: list[tuple[int, str]] = []
        self.coverage: dict[str, list[float]] = {}

    def over(self) -> bool:
        return time.monotonic() > self.deadline or 0 < self.stop_after <= len(self.findings)

    def chunk(self, seeds: range, directory: str) -> None:
        node = [_compiler.find_node(), str(self.compiler / "fuzz" / "batch.ts")]
        arguments = [str(seeds.start), str(seeds.stop), directory, ",".join(_target.cpu_features())]
        producer = subprocess.Popen(
            [*node, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if self.quiet else None
        )
        assert producer.stdout is not None
        worker = Worker()
        ended = False
        for line in producer.stdout:
            job = json.loads(line)
            if "coverage" in job:
                self.cover(job["coverage"])
                ended = job["isLast"]
                continue
            if job["seed"] % BLOCK == 0:
                worker.stop()
            problem = job["error"] if "error" in job else worker.run(job)
            with self.lock:
                self.modules += 1
                self.calls += len(job.get("calls", ()))
                self.traps += sum("= trap" in e for e in job.get("expected", ()))
                if problem:
                    self.findings.append((job["seed"], problem))
                    if not self.quiet:
                        print(f"seed {job['seed']} ({job.get('settings', '')}):\n{problem}", flush=True)
                self.progress()
            if self.over():
                ended = True
                break
        if not ended:
            with self.lock:
                self.findings.append((seeds.start, "the compiler's process ended too early"))
        producer.kill()
        producer.wait()
        producer.stdout.close()
        worker.stop()

    def progress(self) -> None:
        now = time.monotonic()
        if not self.quiet and now - self.shown > 60:
            self.shown = now
            rate = self.modules / (now - self.started)
            print(f"{self.modules} modules, {rate:.1f} a second, {len(self.findings)} findings", flush=True)

    def cover(self, rows: list[tuple[str, float, float]]) -> None:
        with self.lock:
            for name, generated, executed in rows:
                counts = self.coverage.setdefault(name, [0, 0])
                counts[0] += generated
                counts[1] += executed

    def jobs(self, chunks: list[range], directory: str) -> None:
        while True:
            with self.lock:
                if not chunks or self.over():
                    return
                seeds = chunks.pop(0)
            self.chunk(seeds, directory)


def chunks_of(seeds: range, jobs: int) -> list[range]:
    """All but the first begin with a multiple of BLOCK."""
    size = min(CHUNK, -(-len(seeds) // (jobs * BLOCK)) * BLOCK)
    cuts = [seeds.start, *range((seeds.start // size + 1) * size, seeds.stop, size), seeds.stop]
    return [range(a, b) for a, b in pairwise(cuts)]


def fuzz(
    seeds: range,
    minutes: float,
    jobs: int,
    compiler: Path = COMPILER,
    *,
    stop_after: int = 0,
    quiet: bool = False,
) -> Run:
    """Runs seeds until they or the minutes are used up, or ``stop_after`` findings are made."""
    run = Run(time.monotonic() + minutes * 60, compiler, stop_after, quiet)
    chunks = chunks_of(seeds, jobs)
    with tempfile.TemporaryDirectory() as directory:
        threads = [threading.Thread(target=run.jobs, args=(chunks, directory)) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return run


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="0:1000", help="A:B, B excluded")
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--stop", type=int, default=20, help="after so many findings")
    parser.add_argument("--compiler", type=Path, default=COMPILER)
    parser.add_argument("--reduce", type=int, metavar="SEED")
    options = parser.parse_args()
    if options.reduce is not None:
        node = [_compiler.find_node(), str(options.compiler / "fuzz" / "reduce.ts"), str(options.reduce)]
        execute = [sys.executable, str(HERE / "execute.py")]
        return subprocess.call([*node, ",".join(_target.cpu_features()), *execute])
    first, _, last = options.seeds.partition(":")
    started = time.monotonic()
    run = fuzz(range(int(first), int(last)), options.minutes, options.jobs, options.compiler, stop_after=options.stop)
    seconds = time.monotonic() - started
    print(
        f"{run.modules} modules, {run.calls} calls, {run.traps} traps in {seconds:.0f} s: "
        f"{run.modules / seconds:.1f} modules/s; {len(run.findings)} findings"
    )
    report(run.coverage)
    return 1 if run.findings else 0


def report(coverage: dict[str, list[float]]) -> None:
    """Executions, counted by piece of straight-line code in every fourth module."""
    if not coverage:
        return
    never = sorted(name for name, (generated, _) in coverage.items() if generated == 0)
    idle = sorted(name for name, (generated, executed) in coverage.items() if generated > 0 and executed == 0)
    least = sorted((executed, name) for name, (_, executed) in coverage.items() if executed > 0)[:8]
    print(f"lowered instructions: {len(coverage)}, executed: {len(coverage) - len(never) - len(idle)}")
    print(f"least executed: {', '.join(f'{name} {count:.0f}' for count, name in least)}")
    print(f"never generated: {', '.join(never) or 'none'}")
    print(f"generated, never executed: {', '.join(idle) or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
