"""Native code by clang, from the same C."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import measure
import toolchain

NAME = "clang -O3"


def version() -> str:
    clang, zig = (toolchain.first_line(*toolchain.ZIG, *what) for what in (("cc", "--version"), ("version",)))
    return f"{clang}, in zig {zig}"


def kernel(name: str) -> Callable[[int], tuple[int, float]]:
    source = toolchain.kernel_source(name)
    flags = [f.replace("-march=x86-64-v2", "-mcpu=x86_64_v2") for f in toolchain.NATIVE]
    command = [*toolchain.ZIG, "cc", "-O3", "-fno-sanitize=all", *flags, source, "-o", "OUT"]
    return measure.timed(ctypes.CDLL(toolchain.built(f"{name}.so", command, source)).run)
