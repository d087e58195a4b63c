"""Compile throughput: MB of code section per CPU second.

Warm: the same process again and again, the fastest round. Cold: a new process, its start included.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import Any

import measure
import toolchain
import ziglang
from wasmpy import _descriptors

from groups import taking_part

KERNELS = ["lz77", "json_scan", "nbody"]


def run(report: Any, engines: Any, quick: bool) -> None:
    modules = {name: toolchain.kernel_wasm(name) for name in KERNELS}
    try:
        modules["zig-docs"] = _large()
    except toolchain.AbsentError as error:
        print(f"ABSENT from compile: {error}", flush=True)
    sizes = {name: code_bytes(path) for name, path in modules.items()}
    compilers = [engine for engine in engines if hasattr(engine, "compiler") or hasattr(engine, "cold")]
    warm: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        running = {}
        for name, manager in taking_part(compilers, "compiler").items():
            running[name] = stack.enter_context(manager)
        for module, path in modules.items():
            with open(path, "rb") as file:
                wasm = file.read()
            rounds = (3 if quick else 8) if sizes[module] > 50_000 else (10 if quick else 100)
            competitors = {(n, module): (lambda f=f, wasm=wasm: f(wasm)) for n, f in running.items()}
            warm.update(measure.interleaved(rounds, competitors))
    cold: dict[tuple[str, str], list[float]] = {}
    for module, path in modules.items():
        starters = {}
        for engine in compilers:
            if hasattr(engine, "cold"):
                starters[engine.NAME, module] = lambda engine=engine, path=path: engine.cold(path).cpu
        cold.update(measure.interleaved(2 if quick else 5, starters))
    head = ["", *[f"{name} ({sizes[name] / 1e3:.1f} kB)" for name in modules]]
    for title, results in (("warm", warm), ("cold: process start included", cold)):
        rows = [
            [e.NAME, *[sizes[m] / 1e6 / min(results[e.NAME, m]) for m in modules]]
            for e in compilers
            if (e.NAME, KERNELS[0]) in results
        ]
        report.table(f"Compile throughput, MB of code section per CPU second, {title}", head, rows, ".3f")
    rows = [
        [e.NAME, *[min(cold[e.NAME, m]) * 1e3 for m in modules]] for e in compilers if (e.NAME, KERNELS[0]) in cold
    ]
    report.table("The same, cold, in CPU milliseconds", head, rows, ".0f")


def _large() -> str:
    """A real program: the one in WebAssembly that shows Zig's documentation, from the sources in ziglang."""
    folder = os.path.join(os.path.dirname(ziglang.__file__), "lib", "docs", "wasm")
    root, walk = os.path.join(folder, "main.zig"), os.path.join(folder, "Walk.zig")
    command = [
        *toolchain.ZIG, "build-exe", "-fno-entry", "-OReleaseFast", "-target", "wasm32-freestanding", "-mcpu=generic",
        "-fstrip", "-rdynamic", "--dep", "Walk", f"-Mroot={root}", f"-MWalk={walk}",
    ]  # fmt: skip
    return toolchain.built("docs.wasm", [*command, "-femit-bin=OUT"], root, walk)


def code_bytes(path: str) -> int:
    """The size of the code section."""
    with open(path, "rb") as file:
        data = file.read()
    for name, _, begin, end in _descriptors.sections(data):
        if name == "code":
            return end - begin
    sys.exit(f"{path} has no code section")
