"""Compiles png.c to png.wasm: python3 build.py

Needs the Zig tool chain, whose C compiler is Clang: ``pip install ziglang==0.17.1``. The result is committed, so
using the example needs none of this.
"""

from __future__ import annotations

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
COMMAND = (
    "python -m ziglang cc -target wasm32-freestanding -O2 -g0 -std=c17 -Wall -Wextra -Werror"
    " -nostdlib -Wl,--no-entry -o png.wasm png.c"
)


def build(output: str = "png.wasm") -> None:
    """Runs COMMAND in this directory with another output file if wanted."""
    command = [output if word == "png.wasm" else word for word in COMMAND.split()]
    subprocess.run([sys.executable, *command[1:]], cwd=HERE, check=True)
    os.chmod(os.path.join(HERE, output), 0o644)  # the linker makes programs


if __name__ == "__main__":
    build()
