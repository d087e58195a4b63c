"""Differential fuzzing: generated modules run as images in CPython, and in V8; whatever differs is a finding.

    python tests/fuzz/run.py --seeds A:B [--jobs N] [--minutes M] [--state FILE] [--python 3.14]
    python tests/fuzz/run.py --reduce SEED

A seed determines its modules (one to three, linked with each other) and the compiler's settings. Modules are made,
run in V8 and compiled by compiler/fuzz/batch.ts; each process runs the images of a block of seeds. One that dies or
hangs is a finding too. With --state a run that was interrupted goes on where it was, and what it has counted is kept.
Exit status 1 where there are findings, or where an instruction that is lowered was never executed in many modules.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import platformdirs
import wasmpy
from wasmpy import _target

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import interpreters  # noqa: E402
import oracle  # noqa: E402
from interpreters import Interpreter  # noqa: E402

COMPILER = HERE.parent.parent / "compiler"
BLOCK = 256  # seeds of one worker; as in compiler/fuzz/job.ts
CHUNK = 16 * BLOCK  # seeds of one compiler, which is slow until V8 has optimised it
HANG = 60.0
# After so many modules every lowered instruction must have been executed.
ENOUGH = 4000


class Worker:
    """A process that runs images: of another interpreter than this one, if there is one."""

    def __init__(self, interpreter: Interpreter | None) -> None:
        self.command = [sys.executable] if interpreter is None else interpreter.command
        self.environment = dict(os.environ)
        if interpreter is not None:
            places = {str(Path(package.__file__ or "").parent.parent) for package in (wasmpy, platformdirs)}
            self.environment |= {**interpreter.environment, "PYTHONPATH": os.pathsep.join(sorted(places))}
        self.child: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.communicate()
        self.child = None

    def run(self, job: bytes) -> str:
        """What is wrong with the job, or ""."""
        if self.child is None:
            self.child = subprocess.Popen(
                [*self.command, str(HERE / "execute.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self.environment,
            )
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        line = b""
        try:
            self.child.stdin.write(job)
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


class Tally:
    """What a run has seen, as JSON between runs."""

    def __init__(self) -> None:
        self.blocks: list[tuple[int, int]] = []
        self.counts: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.findings: list[tuple[int, str]] = []
        self.coverage: dict[str, list[float]] = {}

    @property
    def modules(self) -> int:
        return self.counts["modules"]

    def add(self, job: dict[str, Any], problem: str) -> None:
        expected = job.get("expected", ())
        for part in job.get("parts", ()):
            self.counts["modules"] += 1
            self.counts["functions"] += part["functions"]
            self.counts["bytes"] += part["size"]
            self.sizes[str(part["size"].bit_length())] += 1
        self.counts["seeds"] += 1
        self.counts[f"scenes of {len(job.get('parts', ()))}"] += 1
        self.counts["calls"] += sum(" = " in line for line in expected)
        self.counts["traps"] += sum(" = trap" in line for line in expected)
        if problem:
            self.findings.append((job["seed"], problem))

    def merge(self, other: Tally) -> None:
        self.blocks += other.blocks
        self.counts += other.counts
        self.sizes += other.sizes
        self.findings += other.findings
        for name, (generated, executed) in other.coverage.items():
            self.cover(name, generated, executed)

    def cover(self, name: str, generated: float, executed: float) -> None:
        counts = self.coverage.setdefault(name, [0, 0])
        counts[0] += generated
        counts[1] += executed

    def load(self, path: Path) -> None:
        for name, value in json.loads(path.read_text()).items():
            setattr(self, name, Counter(value) if name in ("counts", "sizes") else value)

    def store(self, path: Path) -> None:
        new = path.with_suffix(".new")
        new.write_text(json.dumps(vars(self)))
        os.replace(new, path)


class Run:
    """Seeds on their way, by several threads."""

    def __init__(
        self,
        deadline: float,
        compiler: Path,
        *,
        stop_after: int,
        quiet: bool,
        state: Path | None,
        interpreter: Interpreter | None,
    ) -> None:
        self.quiet = quiet
        self.started = self.shown = time.monotonic()
        self.deadline = deadline
        self.compiler = compiler
        self.stop_after = stop_after
        self.state = state
        self.interpreter = interpreter
        self.lock = threading.Lock()
        self.tally = Tally()
        if state is not None and state.exists():
            self.tally.load(state)
        self.before = self.tally.modules

    @property
    def findings(self) -> list[tuple[int, str]]:
        return self.tally.findings

    def over(self) -> bool:
        return time.monotonic() > self.deadline or 0 < self.stop_after <= len(self.findings)

    def chunk(self, seeds: range, directory: str) -> None:
        """One compiler's seeds. Only whole blocks are counted, but for findings, and at the end."""
        node = [oracle.find_node(), "--max-semi-space-size=32", str(self.compiler / "fuzz" / "batch.ts")]
        arguments = [str(seeds.start), str(seeds.stop), directory, ",".join(_target.cpu_features())]
        producer = subprocess.Popen(
            [*node, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if self.quiet else None
        )
        assert producer.stdout is not None
        worker = Worker(self.interpreter)
        block = Tally()
        ended = False
        for line in producer.stdout:
            job = json.loads(line)
            if "coverage" in job:
                for row in job["coverage"]:
                    block.cover(*row)
                block.blocks.append((job["first"], job["last"]))
                self.finish(block)
                block = Tally()
                worker.stop()
                ended = job["last"] == seeds.stop
                continue
            problem = job["error"] if "error" in job else worker.run(line)
            block.add(job, problem)
            if problem and not self.quiet:
                print(f"seed {job['seed']} ({job.get('settings', '')}):\n{problem}", flush=True)
            if (problem and self.stop_after == len(self.findings) + len(block.findings)) or self.over():
                self.finish(block)
                ended = True
                break
        if not ended:
            status = producer.wait()
            block.findings.append((seeds.start, f"the compiler's process ended too early: {status}"))
            self.finish(block)
        producer.kill()
        producer.communicate()
        worker.stop()

    def finish(self, block: Tally) -> None:
        with self.lock:
            self.tally.merge(block)
            if self.state is not None and block.blocks:
                self.tally.store(self.state)
            now = time.monotonic()
            if not self.quiet and now - self.shown > 60:
                self.shown = now
                rate = (self.tally.modules - self.before) / (now - self.started)
                print(f"{self.tally.modules} modules, {rate:.1f} a second, {len(self.findings)} findings", flush=True)

    def jobs(self, chunks: list[range], directory: str) -> None:
        while True:
            with self.lock:
                if not chunks or self.over():
                    return
                seeds = chunks.pop(0)
            self.chunk(seeds, directory)


def chunks_of(seeds: range, jobs: int, done: list[tuple[int, int]]) -> list[range]:
    """Of what is not done. Cuts lie between blocks."""
    size = min(CHUNK, -(-len(seeds) // (jobs * BLOCK)) * BLOCK)
    ended = dict(done)
    chunks: list[range] = []
    at = seeds.start
    while at < seeds.stop:
        next_cut = min(at // BLOCK * BLOCK + BLOCK, seeds.stop)
        if at in ended:
            at = ended[at]
            continue
        if chunks and chunks[-1].stop == at and next_cut - chunks[-1].start <= size:
            chunks[-1] = range(chunks[-1].start, next_cut)
        else:
            chunks.append(range(at, next_cut))
        at = next_cut
    return chunks


def fuzz(
    seeds: range,
    minutes: float,
    jobs: int,
    compiler: Path = COMPILER,
    *,
    stop_after: int = 0,
    quiet: bool = False,
    state: Path | None = None,
    interpreter: Interpreter | None = None,
) -> Run:
    """Runs seeds until they or the minutes are used up, or ``stop_after`` findings are made."""
    deadline = time.monotonic() + minutes * 60
    run = Run(deadline, compiler, stop_after=stop_after, quiet=quiet, state=state, interpreter=interpreter)
    chunks = chunks_of(seeds, jobs, run.tally.blocks)
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
    parser.add_argument("--compiler", type=Path, default=COMPILER, help="another one's folder")
    parser.add_argument("--state", type=Path, help="a file in which a run is kept")
    parser.add_argument("--python", choices=interpreters.VERSIONS, help="another version that runs the images")
    parser.add_argument("--reduce", type=int, metavar="SEED")
    options = parser.parse_args()
    if options.reduce is not None:
        node = [oracle.find_node(), str(options.compiler / "fuzz" / "reduce.ts"), str(options.reduce)]
        execute = [sys.executable, str(HERE / "execute.py")]
        return subprocess.call([*node, ",".join(_target.cpu_features()), *execute])
    first, _, last = options.seeds.partition(":")
    run = fuzz(
        range(int(first), int(last)),
        options.minutes,
        options.jobs,
        options.compiler,
        stop_after=options.stop,
        state=options.state,
        interpreter=interpreters.find()[options.python] if options.python else None,
    )
    seconds = time.monotonic() - run.started
    rate = (run.tally.modules - run.before) / seconds
    complete = report(run.tally)
    print(f"this time: {run.tally.modules - run.before} modules in {seconds:.0f} s, {rate:.1f} a second")
    return 0 if complete and not run.findings else 1


def never_executed(tally: Tally) -> list[str]:
    return sorted(name for name, (_, executed) in tally.coverage.items() if executed == 0)


def report(tally: Tally) -> bool:
    """False if an instruction was not executed that should have been."""
    c = tally.counts
    alone, two, three = (c[f"scenes of {n}"] for n in (1, 2, 3))
    print(
        f"{c['modules']} modules ({alone} alone, {two} pairs, {three} triples), {c['functions']} functions, "
        f"{c['calls']} calls, {c['traps']} of them traps; {len(tally.findings)} findings"
    )
    print(f"bytes of modules: {c['bytes'] / max(1, c['modules']):.0f} on average")
    for bits in sorted(map(int, tally.sizes)):
        share = 100 * tally.sizes[str(bits)] / max(1, c["modules"])
        print(f"  {1 << bits - 1:6} to {(1 << bits) - 1:6}: {share:5.1f} %")
    never = never_executed(tally)
    executed = sorted((count, name) for name, (_, count) in tally.coverage.items() if count > 0)
    print(f"lowered instructions: {len(tally.coverage)}, executed: {len(executed)} (counted in one seed of eight)")
    print(f"times executed, least first: {', '.join(f'{name} {count:.0f}' for count, name in executed)}")
    print(f"never executed: {', '.join(never) or 'none'}")
    return not never or c["modules"] < ENOUGH


if __name__ == "__main__":
    sys.exit(main())
