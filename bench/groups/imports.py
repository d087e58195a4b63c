"""What an import adds to the start of Python: fresh processes of ``python -I``, interleaved.

"First": no image in any cache, but V8's code cache of the compiler is warm. "Cached": the image is there.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Callable
from typing import Any

import measure
import process
import toolchain

# Relative to sources/: the first example of the README, and a kernel.
MODULES = {"add": "../../examples/first/my_module/wasm_math.wat", "lz77": "../kernels/lz77.wasm"}


def run(report: Any, engines: Any, quick: bool) -> None:
    work = os.path.join(toolchain.BUILD, "imports")
    shutil.rmtree(work, ignore_errors=True)
    competitors = {"python -I -c pass": _python("pass")}
    for name, source in MODULES.items():
        folder = os.path.join(work, name)
        os.makedirs(folder)
        # Two names, so that a first import does not warm the other's file.
        for leaf in (f"{name}_first", f"{name}_cached"):
            suffix = os.path.splitext(source)[1]
            shutil.copy(os.path.join(toolchain.SOURCES, source), os.path.join(folder, leaf + suffix))
        before = f"import sys; sys.path.insert(0, {folder!r}); import wasmpy"
        cached = _python(f"{before}, {name}_cached")
        cached()
        competitors[f"wasmpy: cached import of {name}"] = cached
        competitors[f"wasmpy: first import of {name}"] = _forgetful(folder, _python(f"{before}, {name}_first"))
    competitors["wasmpy: import wasmpy alone"] = _python("import wasmpy")
    competitors.update(_peers(engines))
    results = measure.interleaved(3 if quick else 25, competitors)
    base = results["python -I -c pass"]
    rows = [[name, *_added(values, base, "wall"), *_added(values, base, "cpu")] for name, values in results.items()]
    rows[0][1:] = [w for kind in ("wall", "cpu") for w in _milliseconds([getattr(v, kind) for v in base])]
    head = ["added to python -I -c pass", "least, ms", "median, ms", "CPU least, ms", "CPU median, ms"]
    report.table("Imports in fresh processes", head, rows, ".1f")


def _peers(engines: Any) -> dict[str, Callable[[], process.Costs]]:
    names = {engine.NAME for engine in engines}
    found = {}
    if "wasmtime" in names:
        wat = os.path.join(toolchain.SOURCES, "calls.wat")
        found["wasmtime: import, compile, instantiate add"] = _python(
            "import wasmtime as w; s = w.Store();"
            f"i = w.Instance(s, w.Module.from_file(s.engine, {wat!r}), []); i.exports(s)['add_i32']"
        )
    if "C extension" in names:
        from engines import cext

        folder = os.path.dirname(cext.calls().__file__)
        found["C extension: import"] = _python(f"import sys; sys.path.insert(0, {folder!r}); import cext")
    return found


def _python(code: str) -> Callable[[], process.Costs]:
    return lambda: process.costs([sys.executable, "-I", "-c", code])


def _forgetful(folder: str, start: Callable[[], process.Costs]) -> Callable[[], process.Costs]:
    def once() -> process.Costs:
        cache = os.path.join(folder, "__pycache__")
        for file in os.listdir(cache) if os.path.isdir(cache) else []:
            if "_first." in file:
                os.unlink(os.path.join(cache, file))
        return start()

    return once


def _added(values: Any, base: Any, kind: str) -> list[float]:
    """Of the minima, and of the medians."""
    these, those = ([getattr(costs, kind) for costs in run] for run in (values, base))
    least = min(these) - min(those)
    return [least * 1e3, statistics.median(a - b for a, b in zip(these, those, strict=True)) * 1e3]


def _milliseconds(values: list[float]) -> list[float]:
    return [min(values) * 1e3, statistics.median(values) * 1e3]
