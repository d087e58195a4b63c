"""Cython: def functions with C types."""

from __future__ import annotations

import os
import sys
from typing import Any

import Cython
import toolchain

NAME = "Cython"


def version() -> str:
    toolchain.need("gcc")
    return f"{Cython.__version__}, gcc -O2"


def calls() -> Any:
    source = os.path.join(toolchain.SOURCES, "cycalls.pyx")
    command = [sys.executable, "-m", "cython", "-3", "--module-name", "cycalls", source, "-o", "OUT"]
    generated = toolchain.built("cycalls.c", command, source)
    return toolchain.extension("cycalls", [toolchain.need("gcc"), "-O2", "-fPIC", "-shared"], generated)
