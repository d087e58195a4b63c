"""wasmtime-py: Cranelift behind ctypes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import measure
import numpy
import process
import toolchain
import wasmtime

NAME = "wasmtime"


def version() -> str:
    return metadata.version("wasmtime")


def _instance(path: str, imports: Any = ()) -> tuple[Any, Any]:
    store = wasmtime.Store()
    module = wasmtime.Module.from_file(store.engine, path)
    return store, wasmtime.Instance(store, module, [f(store) for f in imports]).exports(store)


def kernel(name: str) -> Callable[[int], tuple[int, float]]:
    store, exports = _instance(toolchain.kernel_wasm(name))
    return measure.timed(partial(exports["run"], store))


def calls() -> Any:
    store, exports = _instance(os.path.join(toolchain.SOURCES, "calls.wat"))
    return SimpleNamespace(**{n: partial(exports[n], store) for n in ("add_i32", "add_i64", "add_f64", "six", "two")})


def callbacks() -> Any:
    source = os.path.join(toolchain.SOURCES, "callbacks.wat")
    i32, f64 = wasmtime.ValType.i32, wasmtime.ValType.f64

    def loop(export: str) -> Callable[[Any, int], Any]:
        bound: dict[Any, Any] = {}

        def run(function: Any, n: int) -> Any:
            if function not in bound:
                # A type belongs to the engine that first uses it: made anew for each store.
                imports = [
                    lambda store, t=t: wasmtime.Func(store, wasmtime.FuncType([t(), t()], [t()]), function)
                    for t in (i32, f64)
                ]
                store, exports = _instance(source, imports)
                bound[function] = partial(exports[export], store)
            return bound[function](n)

        return run

    return SimpleNamespace(loop_i32=loop("loop_i32"), loop_f64=loop("loop_f64"))


def memory() -> Any:
    store, exports = _instance(os.path.join(toolchain.SOURCES, "memory.wat"))
    memory = exports["memory"]
    values = {"m": memory, "s": store}
    array = memory.get_buffer_ptr(store)
    return SimpleNamespace(
        buffer=lambda: memory.get_buffer_ptr(store),
        expressions={
            "view": ("m.get_buffer_ptr(s)", values),
            "byte": ("a[70000]", {"a": array}),
            "read 16": ("m.read(s, 70000, 70016)", values),
            "slice 16": ("bytes(a[70000:70016])", {"a": numpy.frombuffer(array, numpy.uint8)}),
            "write 16": ("m.write(s, d, 70000)", {**values, "d": bytes(16)}),
            "read 1 MiB": ("m.read(s, 70000, 1118576)", values),
        },
    )


@contextmanager
def compiler() -> Iterator[Callable[[bytes], float]]:
    engine = wasmtime.Engine()

    def run(wasm: bytes) -> float:
        start = time.process_time()
        wasmtime.Module(engine, wasm)
        return time.process_time() - start

    yield run


def cold(path: str) -> process.Costs:
    code = "import sys, wasmtime; wasmtime.Module.from_file(wasmtime.Engine(), sys.argv[1])"
    return process.costs([sys.executable, "-I", "-c", code, path])
