"""The baseline of calls: METH_FASTCALL functions in C, limited API of 3.12 or this Python's if older, gcc -O2."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import toolchain

NAME = "C extension"


def version() -> str:
    return f"{toolchain.first_line(toolchain.need('gcc'), '--version')}, -O2, METH_FASTCALL, abi3"


def calls() -> Any:
    # Vectorcall entered the limited API in 3.12; below, the callbacks use the same function unlimited.
    return _module(limited=True)


def callbacks() -> Any:
    return _module(limited=sys.version_info >= (3, 12))


def _module(limited: bool) -> Any:
    source = os.path.join(toolchain.SOURCES, "cext.c")
    api = "0x030C0000" if sys.version_info >= (3, 12) else "0x030A0000"
    command = [toolchain.need("gcc"), "-O2", "-fPIC", "-shared", *([f"-DPy_LIMITED_API={api}"] if limited else [])]
    return toolchain.extension("cext", command, source)


def memory() -> Any:
    """A bytearray: what is possible at all."""
    memory = bytearray(8 << 20)
    view = memoryview(memory)
    return SimpleNamespace(
        buffer=lambda: memory,
        expressions={
            "view": ("memoryview(m)", {"m": memory}),
            "byte": ("v[70000]", {"v": view}),
            "read 16": ("bytes(v[70000:70016])", {"v": view}),
            "slice 16": ("bytes(v[70000:70016])", {"v": view}),
            "write 16": ("v[70000:70016] = d", {"v": view, "d": bytes(16)}),
            "read 1 MiB": ("bytes(v[70000:1118576])", {"v": view}),
        },
    )
