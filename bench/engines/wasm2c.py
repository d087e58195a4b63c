"""wabt's wasm2c: WebAssembly to C, and gcc -O2."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable

import measure
import process
import toolchain

NAME = "wasm2c"
RUNTIME = "/usr/share/wabt/wasm2c/wasm-rt-impl.c"


def version() -> str:
    found = toolchain.first_line(toolchain.need("wasm2c"), "--version")
    toolchain.need("gcc")
    if not os.path.exists(RUNTIME):
        raise toolchain.AbsentError(f"wasm2c is there, {RUNTIME} is not")
    return f"{found} (wabt), gcc -O2"


def kernel(name: str) -> Callable[[int], tuple[int, float]]:
    wasm = toolchain.kernel_wasm(name)
    source = toolchain.built(f"{name}.c", [toolchain.need("wasm2c"), "-n", "kernel", wasm, "-o", "OUT"], wasm)
    glue = os.path.join(toolchain.SOURCES, "wasm2c.c")
    runtime = os.path.dirname(RUNTIME)
    command = [
        toolchain.need("gcc"), "-O2", "-march=x86-64-v2", "-fPIC", "-shared", f"-I{runtime}",
        f"-I{os.path.dirname(source)}", f'-DHEADER="{name}.h"', source, glue, RUNTIME, "-lm", "-o", "OUT",
    ]  # fmt: skip
    return measure.timed(ctypes.CDLL(toolchain.built(f"{name}.so", command, source, glue)).bench_run)


def cold(path: str) -> process.Costs:
    """wasm2c and gcc after each other; no linking."""
    source = os.path.join(toolchain.BUILD, f"cold-{os.getpid()}.c")
    header, target = source[:-2] + ".h", source[:-2] + ".o"
    try:
        first = process.costs([toolchain.need("wasm2c"), "-n", "kernel", path, "-o", source])
        include = f"-I{os.path.dirname(RUNTIME)}"
        second = process.costs([toolchain.need("gcc"), "-O2", "-fPIC", "-w", include, "-c", source, "-o", target])
    finally:
        subprocess.call(["rm", "-f", source, header, target], stdout=sys.stderr)
    return process.Costs(first.cpu + second.cpu, first.wall + second.wall, max(first.peak, second.peak))
