"""Where the compiler is, and what tells it from every other. Part of each cache key, so read at every import."""

from __future__ import annotations

import os
from io import FileIO

_HERE = os.path.dirname(os.path.abspath(__file__))
_BUNDLE = os.path.join(_HERE, "_compiler_bundle")


def entry() -> str:
    """The compiler's main file: the bundle, or the TypeScript sources of an editable install."""
    from ._errors import UnsupportedError, tried

    for file in (os.path.join(_BUNDLE, "main.cjs"), os.path.join(_sources(), "main.ts")):
        if not isinstance(tried(os.stat, file), OSError):
            return file
    raise UnsupportedError("this installation of wasmpy contains no compiler: install it again")


_identity: str | None = None


def identity() -> str:
    """What tells this compiler from every other: part of each cache key."""
    global _identity
    if _identity is None:
        from ._errors import tried

        file = tried(FileIO, os.path.join(_BUNDLE, "identity"))
        if isinstance(file, FileNotFoundError):
            _identity = f"source-{_newest(_sources())}"
        elif isinstance(file, OSError):
            raise file
        else:
            with file:
                _identity = file.read().decode().strip()
    return _identity


def _sources() -> str:
    """Where the TypeScript sources of an editable install are, if it is one; also behind links."""
    package = os.path.realpath(_HERE, strict=True)
    return os.path.join(os.path.dirname(os.path.dirname(package)), "compiler")


def _newest(folder: str) -> int:
    """For editable installs: the newest change among the sources, in nanoseconds."""
    newest = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in ("node_modules", "tests"):
                    newest = max(newest, _newest(entry.path))
            elif entry.name.endswith((".ts", ".rules")):
                newest = max(newest, entry.stat().st_mtime_ns)
    return newest
