"""Where the compiler is, and what tells it from every other. Part of each cache key, so read at every import."""

from __future__ import annotations

import os

_HERE = os.path.dirname(os.path.abspath(__file__))
_BUNDLE = os.path.join(_HERE, "_compiler_bundle")
_SOURCES = os.path.join(os.path.dirname(os.path.dirname(_HERE)), "compiler")


def entry() -> str:
    """The compiler's main file: the bundle, or the TypeScript sources of an editable install."""
    from ._errors import UnsupportedError

    for file in (os.path.join(_BUNDLE, "main.cjs"), os.path.join(_SOURCES, "main.ts")):
        if os.path.exists(file):
            return file
    raise UnsupportedError("this installation of wasmpy holds no compiler")


_identity: str | None = None


def identity() -> str:
    """What tells this compiler from every other: part of each cache key."""
    global _identity
    if _identity is None:
        try:
            with open(os.path.join(_BUNDLE, "identity"), "rb", buffering=0) as file:
                _identity = file.read().decode().strip()
        except FileNotFoundError:
            _identity = _source_identity()
    return _identity


def _source_identity() -> str:
    """For editable installs: the newest change among the sources."""
    newest = 0
    for folder, folders, files in os.walk(_SOURCES):
        folders[:] = [f for f in folders if f not in ("node_modules", "tests")]
        for file in files:
            if file.endswith((".ts", ".rules")):
                newest = max(newest, os.stat(os.path.join(folder, file)).st_mtime_ns)
    return f"source-{newest}"
