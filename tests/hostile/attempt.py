"""Tries one source in this process and prints, as JSON, what came of it: outcome, seconds, peak memory.

    python attempt.py FILE

The outcome is the class of the exception and its message, or "works". The memory is the peak of this process and of
its compiler process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import wasmpy


def peak(pid: int | str = "self") -> int:
    """The most memory that the process has had, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class Everything(dict[str, Any]):
    """Has whatever a module may ask for by the first letter of its name."""

    def __missing__(self, key: str) -> Any:
        if key == "m":
            return Everything()
        made = {"f": lambda: lambda *a: None, "g": lambda: 1, "t": lambda: wasmpy.Table("funcref", 0)}
        return made[key[0]]()


def children() -> list[int]:
    """The processes that this one started."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


class Watch(threading.Thread):
    """Asks again and again what the compiler's process has used: it may end as soon as it is done."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.memory = 0
        self.cpu = 0.0

    def run(self) -> None:
        while True:
            for child in children():
                self.look(child)
            time.sleep(0.05)

    def look(self, pid: int) -> None:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
            cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            self.memory, self.cpu = max(self.memory, peak(pid)), max(self.cpu, cpu)
        except OSError:
            pass


def attempt(source: bytes) -> dict[str, Any]:
    result: dict[str, Any] = {"bytes": len(source)}
    watch = Watch()
    watch.start()
    steps = {
        "validate": lambda: wasmpy.validate(source),
        "compile": lambda: wasmpy.compile(source),
        "load": lambda: wasmpy.load(source, Everything()),
    }
    outcome = "works"
    for name, step in steps.items():
        start = time.perf_counter()
        try:
            step()
        except Exception as error:
            if not isinstance(error, (wasmpy.WasmError, MemoryError)):
                raise
            outcome = f"{type(error).__name__}: {str(error)[:200]}"
            if isinstance(error, wasmpy.CompileError):
                result["place"] = error.byte_offset if error.lineno is None else f"{error.lineno}:{error.offset}"
        result[name] = round(time.perf_counter() - start, 3)
        if outcome != "works":
            break
    result["outcome"] = outcome
    result["python"] = peak()
    time.sleep(0.1)
    result["compiler"], result["cpu"] = watch.memory, watch.cpu
    # The next one works, whatever became of this one.
    assert wasmpy.load(b'(module (func (export "f") (result i32) (i32.const 7)))').f() == 7
    return result


if __name__ == "__main__":
    print(json.dumps(attempt(Path(sys.argv[1]).read_bytes())))
