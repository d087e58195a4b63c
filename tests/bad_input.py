"""Bad input: mutated and hostile files through the real compiler process, some of them loaded.

    python tests/bad_input.py mutations [--count 200000] [--seed 1] [--first 0]
    python tests/bad_input.py hostile [NAME…] [--scale 1]
    python tests/bad_input.py mutant NUMBER [--seed 1] > file

Prints how many files had which outcome, the worst times, and the most memory that the compiler's process and Python's
needed. Exit status 1 where a process died or hung, where the compiler reported a fault of its own, where validating
and compiling disagreed, or where 2 GiB did not suffice.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MOST_MEMORY = 2 << 30
HANG = 120
# Of the files that are valid, one in so many is compiled, and one in so many loaded.
COMPILED = 3
LOADED = 7


class Hang(Exception):
    pass


def _hang(number: int, frame: object) -> None:
    raise Hang


def peak(pid: int | str = "self") -> int:
    """The most memory that the process has had, in bytes."""
    from hostile.attempt import peak as measured

    return measured(pid)


class Visitor:
    """A process that loads modules (hostile/visit.py)."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.peak = 0

    def visit(self, source: bytes) -> str:
        if self.child is None:
            command = [sys.executable, str(HERE / "hostile" / "visit.py")]
            self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        try:
            self.child.stdin.write(len(source).to_bytes(4, "little") + source)
            self.child.stdin.flush()
            if not select.select([self.child.stdout], [], [], HANG)[0]:
                self.child.kill()
                self.child.wait()
                self.child = None
                return "HANG"
            line = self.child.stdout.readline().decode().strip()
        except OSError:
            line = ""
        if line:
            self.peak = max(self.peak, peak(self.child.pid))
            return line
        status = self.child.wait()
        self.child = None
        return f"DIED with status {status}"

    def stop(self) -> None:
        if self.child is not None:
            assert self.child.stdin is not None
            self.child.stdin.close()
            self.child.wait()
        self.child = None


class Mutations:
    """Runs spoiled files and counts what becomes of them."""

    def __init__(self, seed: int, files: list[tuple[str, bytes]]) -> None:
        from wasmpy import _target

        self.seed = seed
        self.files = files
        self.options: dict[str, object] = {"leaf": "wasm", **_target.options()}
        self.outcomes: Counter[str] = Counter()
        self.worst: list[tuple[float, str]] = []
        self.findings: list[str] = []
        self.peak = 0
        self.visitor = Visitor()

    def ask(self, number: int, what: str, header: dict[str, object], source: bytes) -> dict[str, Any]:
        from wasmpy import WasmError, _compiler

        start = time.perf_counter()
        signal.alarm(HANG)
        try:
            answer, _ = _compiler.request({**header, "do": what}, source)
        except Hang:
            answer = {"error": {"kind": "HANG", "message": ""}}
        except WasmError as error:
            answer = {"error": {"kind": "DIED", "message": str(error)}}
        finally:
            signal.alarm(0)
        self.worst.append((time.perf_counter() - start, f"{what} of {number}, {len(source)} bytes"))
        if len(self.worst) > 1000:
            self.worst = sorted(self.worst, reverse=True)[:10]
        return answer

    def run(self, number: int) -> None:
        from hostile.mutations import mutant

        name, source = mutant(self.files, self.seed, number)
        answer = self.ask(number, "validate", {}, source)
        error = answer.get("error")
        kind = "valid" if error is None else error["kind"]
        self.outcomes[kind] += 1
        if kind in ("DIED", "HANG", "internal"):
            self.findings.append(f"{number} ({name}): {error}")
        if error is not None and number % 50:
            return
        if number % COMPILED and error is None:
            return
        answer = self.ask(number, "compile", {**self.options, "verified": number % 5 == 0}, source)
        compiled = answer.get("error")
        kind = "compiled" if compiled is None else compiled["kind"]
        self.outcomes[f"compile: {kind}"] += 1
        places = [None if e is None else (e["message"], e["at"], e["line"], e["column"]) for e in (error, compiled)]
        agree = kind in ("compiled", "unsupported", "limit") if error is None else places[0] == places[1]
        if kind in ("DIED", "HANG", "internal") or not agree:
            self.findings.append(f"{number} ({name}): valid: {error}, compiled: {compiled}")
        if kind == "compiled" and number % LOADED == 0:
            visited = self.visitor.visit(source)
            self.outcomes[f"load: {visited[:40]}"] += 1
            if visited.startswith(("DIED", "HANG", "InternalError")):
                self.findings.append(f"{number} ({name}): {visited}")

    def report(self, count: int, seconds: float) -> None:
        print(f"{count} files of seed {self.seed} in {seconds:.0f} s; {len(self.files)} files were mutated")
        for outcome, times in sorted(self.outcomes.items()):
            print(f"  {times:8} {outcome}")
        print("worst times:")
        for worst, what in sorted(self.worst, reverse=True)[:5]:
            print(f"  {worst:7.3f} s  {what}")
        rows = [("compiling", peak()), ("loading", self.visitor.peak)]
        print("peak memory:", ", ".join(f"{what} {size >> 20} MiB" for what, size in rows))
        for what, size in rows:
            if size > MOST_MEMORY:
                self.findings.append(f"{what} needed {size >> 20} MiB")
        print(f"{len(self.findings)} findings")
        for finding in self.findings[:20]:
            print(f"  {finding[:2000]}")
        sys.stdout.flush()


def mutations(arguments: argparse.Namespace) -> int:
    from hostile.corpus import corpus

    signal.signal(signal.SIGALRM, _hang)
    directory = os.environ["WASMPY_CACHE_DIR"]
    run = Mutations(arguments.seed, corpus())
    start = time.monotonic()
    for i in range(arguments.count):
        run.run(arguments.first + i)
        if i % 20_000 == 19_999 and i + 1 < arguments.count:
            run.report(i + 1, time.monotonic() - start)
    run.visitor.stop()
    left = [name for name in os.listdir(directory) if not name.endswith((".so", ".wasmpy-written"))]
    if left:
        run.findings.append(f"left in the cache: {left}")
    run.report(arguments.count, time.monotonic() - start)
    return 1 if run.findings else 0


def attempt(source: bytes) -> dict[str, Any]:
    """What came of a source in processes of its own: see hostile/attempt.py. DIED and HANG are faults."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "module")
        file.write_bytes(source)
        command = [sys.executable, str(HERE / "hostile" / "attempt.py"), str(file)]
        environment = {**os.environ, "WASMPY_CACHE_DIR": directory}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
        except subprocess.TimeoutExpired:
            return {"outcome": "HANG", "bytes": len(source)}
        if done.returncode != 0:
            return {"outcome": f"DIED with status {done.returncode}: {done.stderr[-500:]}", "bytes": len(source)}
        result: dict[str, Any] = json.loads(done.stdout)
        expected = ("module", ".wasmpy-written")  # the source, the journal of the cache
        left = [n for n in os.listdir(directory) if not n.endswith(".so") and n not in expected]
        if left:
            result["outcome"] = f"DIED leaving {left}"
        return result


def fault(result: dict[str, Any]) -> str:
    """What must not be, or ""."""
    outcome = result["outcome"]
    if outcome.startswith(("DIED", "HANG")) or "please report" in outcome:
        return str(outcome)
    for process in ("python", "compiler"):
        if result[process] > MOST_MEMORY:
            return f"the {process} process needed {result[process] >> 20} MiB"
    return ""


def hostile(arguments: argparse.Namespace) -> int:
    from hostile.cases import CASES

    head = "validate, compile, load: s; CPU of compiler: s; memory of compiler, Python: MiB"
    print(f"{'case':40} {'size':>9} {'bytes':>9}  {head}")
    faults = 0
    for case in CASES:
        if arguments.names and case.name not in arguments.names:
            continue
        before = 0.0
        for size in sorted({max(1, int(case.size * arguments.scale) // 2), max(1, int(case.size * arguments.scale))}):
            result = attempt(case.make(size))
            times = [result.get(step, 0) for step in ("validate", "compile", "load")]
            cpu = result.get("cpu", sum(times))
            memory = [result.get(process, 0) >> 20 for process in ("compiler", "python")]
            text = " ".join(f"{t:6.2f}" for t in times)
            growth = f"x{cpu / before:4.1f}" if before > 0.5 else ""
            row = f"{case.name:40} {size:9} {result['bytes']:9}  {text}; {cpu:6.2f} {growth:5};"
            what = f"{result['outcome'][:100]} {result.get('place', '')}"
            print(row, f"{memory[0]:5} {memory[1]:5}  {what}", flush=True)
            before = cpu
            if wrong := fault(result):
                faults += 1
                print(f"  FAULT: {wrong}")
    print(f"{faults} faults")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("mutations")
    command.add_argument("--count", type=int, default=200_000)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--first", type=int, default=0)
    command = commands.add_parser("hostile")
    command.add_argument("names", nargs="*")
    command.add_argument("--scale", type=float, default=1)
    command = commands.add_parser("mutant")
    command.add_argument("number", type=int)
    command.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        os.environ["WASMPY_CACHE_DIR"] = directory
        if arguments.command == "mutations":
            return mutations(arguments)
        if arguments.command == "hostile":
            return hostile(arguments)
        from hostile.corpus import corpus
        from hostile.mutations import mutant

        sys.stdout.buffer.write(mutant(corpus(), arguments.seed, arguments.number)[1])
        return 0


if __name__ == "__main__":
    sys.exit(main())
