"""Native code by gcc, from the same C."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import measure
import toolchain

NAME = "gcc -O3"


def version() -> str:
    return toolchain.first_line(toolchain.need("gcc"), "--version")


def kernel(name: str) -> Callable[[int], tuple[int, float]]:
    source = toolchain.kernel_source(name)
    command = [toolchain.need("gcc"), "-O3", *toolchain.NATIVE, source, "-o", "OUT"]
    return measure.timed(ctypes.CDLL(toolchain.built(f"{name}.so", command, source)).run)
