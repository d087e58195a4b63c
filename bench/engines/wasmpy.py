"""This project."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import measure
import process
import toolchain
import wasmpy
from wasmpy import _compiler, _target

NAME = "wasmpy"


def version() -> str:
    return wasmpy.__version__


def kernel(name: str) -> Callable[[int], tuple[int, float]]:
    return measure.timed(wasmpy.load(toolchain.kernel_wasm(name)).run)


def calls() -> Any:
    sys.path.insert(0, toolchain.SOURCES)
    try:
        return import_module("calls")
    finally:
        sys.path.remove(toolchain.SOURCES)


def callbacks() -> Any:
    source = os.path.join(toolchain.SOURCES, "callbacks.wat")

    def loop(export: str) -> Callable[[Any, int], Any]:
        bound: dict[Any, Any] = {}

        def run(function: Any, n: int) -> Any:
            if function not in bound:
                bound[function] = wasmpy.load(source, {"host": {"i32": function, "f64": function}})[export]
            return bound[function](n)

        return run

    return SimpleNamespace(loop_i32=loop("loop_i32"), loop_f64=loop("loop_f64"))


def memory() -> Any:
    memory = wasmpy.load(os.path.join(toolchain.SOURCES, "memory.wat")).memory
    view = memoryview(memory)
    return SimpleNamespace(
        buffer=lambda: memory,
        expressions={
            "view": ("memoryview(m)", {"m": memory}),
            "byte": ("v[70000]", {"v": view}),
            "read 16": ("r(70000, 16)", {"r": memory.read}),
            "slice 16": ("bytes(v[70000:70016])", {"v": view}),
            "write 16": ("v[70000:70016] = d", {"v": view, "d": bytes(16)}),
            "read 1 MiB": ("r(70000, 1048576)", {"r": memory.read}),
        },
    )


@contextmanager
def compiler() -> Iterator[Callable[[bytes], float]]:
    options = {**_target.options(), "features": "3.0"}

    def run(wasm: bytes) -> float:
        start = time.process_time()
        _compiler.compile_image(wasm, "wasm", options, "bench.wasm")
        return time.process_time() - start

    yield run


def cold(path: str) -> process.Costs:
    code = (
        "import sys; from wasmpy import _compiler, _target;"
        "_compiler.compile_image(open(sys.argv[1], 'rb').read(), 'wasm',"
        "{**_target.options(), 'features': '3.0'}, '')"
    )
    return process.costs([sys.executable, "-I", "-c", code, path])
