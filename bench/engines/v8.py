"""V8 in Node: one process for all kernels, asked over pipes."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import process
import toolchain

NAME = "V8"
DRIVER = os.path.join(toolchain.SOURCES, "v8.mjs")
OPTIMISING = ["--no-liftoff", "--no-wasm-lazy-compilation"]  # TurboFan for everything, before instantiation


class _Node:
    """One Node process: a line of JSON asks, a line of JSON answers."""

    def __init__(self, *flags: str) -> None:
        self.child = subprocess.Popen(
            [toolchain.node(), *flags, DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(self.stop)

    def ask(self, **question: Any) -> Any:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(json.dumps(question) + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def stop(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait()
        atexit.unregister(self.stop)


_kernels: _Node | None = None


def version() -> str:
    node = toolchain.node()
    return (
        f"{toolchain.first_line(node, '-p', 'process.versions.v8')}, Node {toolchain.first_line(node, '--version')}"
    )


def kernel(name: str) -> Callable[[int], tuple[int, float]]:
    global _kernels
    if _kernels is None:
        _kernels = _Node()
    node = _kernels
    node.ask(do="load", name=name, path=toolchain.kernel_wasm(name))

    def run(n: int) -> tuple[int, float]:
        answer = node.ask(do="run", name=name, n=n)
        return answer["result"], answer["seconds"]

    return run


@contextmanager
def compiler() -> Iterator[Callable[[bytes], float]]:
    node = _Node(*OPTIMISING)
    path = os.path.join(toolchain.BUILD, f"{os.getpid()}.wasm")

    numbers = count()

    def run(wasm: bytes) -> float:
        with open(path, "wb") as file:
            # A custom section that differs: V8 knows modules again by their bytes.
            file.write(wasm + b"\0\6\1n" + next(numbers).to_bytes(4, "little"))
        return float(node.ask(do="compile", path=path)["seconds"])

    try:
        yield run
    finally:
        node.stop()
        os.unlink(path)


def cold(path: str) -> process.Costs:
    return process.costs([toolchain.node(), *OPTIMISING, DRIVER, path])
