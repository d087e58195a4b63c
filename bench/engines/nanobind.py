"""nanobind: C++ functions."""

from __future__ import annotations

import os
from typing import Any

import nanobind
import toolchain

NAME = "nanobind"


def version() -> str:
    toolchain.need("g++")
    return f"{nanobind.__version__}, g++ -O2"


def calls() -> Any:
    root = os.path.dirname(nanobind.__file__)
    command = [
        toolchain.need("g++"), "-O2", "-std=c++17", "-DNDEBUG", "-fPIC", "-shared", "-fvisibility=hidden",
        "-fno-strict-aliasing", f"-I{root}/include", f"-I{root}/ext/robin_map/include",
    ]  # fmt: skip
    source = os.path.join(toolchain.SOURCES, "nbcalls.cpp")
    return toolchain.extension("nbcalls", command, source, f"{root}/src/nb_combined.cpp")
