"""Compiles every kernel to WebAssembly: python3 bench/run.py --build-kernels, or this file with ziglang installed.

The flags are what today's toolchains use where nothing is said: bulk memory, sign extension, saturating
conversions, multiple values, mutable globals, reference types; no SIMD.
"""

from __future__ import annotations

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = [
    "-target", "wasm32-freestanding", "-mcpu=generic", "-O3", "-std=c11", "-Wall", "-Wextra", "-fno-math-errno",
    "-fno-sanitize=all", "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all", "-s",
]  # fmt: skip


def build(name: str) -> None:
    """Compiles ``name``.c to ``name``.wasm beside it."""
    source, target = (os.path.join(HERE, name + suffix) for suffix in (".c", ".wasm"))
    subprocess.check_call([sys.executable, "-m", "ziglang", "cc", *FLAGS, source, "-o", target])


if __name__ == "__main__":
    for file in sorted(os.listdir(HERE)):
        if file.endswith(".c"):
            build(file[:-2])
