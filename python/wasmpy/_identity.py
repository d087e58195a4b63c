"""Where the compiler's images are, and what tells this compiler from every other. Part of each cache key, so read at
every import."""

from __future__ import annotations

import os
from io import FileIO

_HERE = os.path.dirname(os.path.abspath(__file__))
# The images of an installed package.
_INSTALLED = os.path.join(_HERE, "_compiled")
# What is in their folder: a name for the compiler, the image with guarded memories and the one with checked bounds,
# where checks stand in the sources.
FILES = ("identity", "compiler.so", "compiler-checked.so", "compiler.sites")
# Folders of the compiler's sources that it does not depend on, or that are made of others.
_OTHERS = ("node_modules", "tests", "fuzz", "gen")

_folder: str | None = None
_identity: str | None = None


def identity() -> str:
    """What tells this compiler from every other. Raises UnsupportedError if there is none, or it is outdated."""
    global _identity
    if _identity is None:
        from ._errors import tried

        file = tried(FileIO, os.path.join(images(), "identity"))
        if isinstance(file, OSError):
            raise file
        with file:
            _identity = file.read().decode().strip()
    return _identity


def images() -> str:
    """The folder of the compiler's images. Raises as ``identity``."""
    global _folder
    if _folder is None:
        from ._errors import tried

        status = tried(os.stat, _INSTALLED)
        _folder = _require_current() if isinstance(status, OSError) else _INSTALLED
    return _folder


# --- editable installs -------------------------------------------------------------------------------------------


def _root() -> str:
    """The checkout of an editable install, if it is one; also behind links."""
    return os.path.dirname(os.path.dirname(os.path.realpath(_HERE, strict=True)))


def _require_current() -> str:
    """The folder of the images that were made of the sources as they are. Raises UnsupportedError."""
    from ._errors import UnsupportedError, tried

    sources, folder = os.path.join(_root(), "compiler"), os.path.join(_root(), "build", "compiler")
    if isinstance(tried(os.stat, os.path.join(sources, "tools", "self.ts")), OSError):
        raise UnsupportedError("this installation of wasmpy contains no compiler: it is not made for this platform")
    record = os.path.join(folder, "sources")
    file = tried(FileIO, record)
    if isinstance(file, OSError):
        raise UnsupportedError(f"the compiler has not been compiled in this checkout: {_remedy(sources)}")
    with file:
        recorded = file.read().decode()
        made = os.stat(file.fileno()).st_mtime_ns
    files = _files(sources, "")
    if max(files.values()) >= made:
        if _digest(sources, sorted(files)) != recorded:
            raise UnsupportedError(f"the compiler's sources have changed since it was compiled: {_remedy(sources)}")
        newest = max(files.values()) + 1
        tried(os.utime, record, ns=(newest, newest))
    return folder


def _remedy(sources: str) -> str:
    return f"cd {sources} && npm ci && npm run self"


def _files(folder: str, prefix: str) -> dict[str, int]:
    """The sources, and the folders that they are in: name → time of the last change, in nanoseconds."""
    found = {prefix: os.stat(folder).st_mtime_ns}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _OTHERS:
                    found.update(_files(entry.path, f"{prefix}{entry.name}/"))
            elif entry.name.endswith((".ts", ".rules")):
                found[prefix + entry.name] = entry.stat().st_mtime_ns
    return found


def _digest(sources: str, names: list[str]) -> str:
    """As compiler/tools/self.ts computes it."""
    from hashlib import sha256

    hash = sha256()
    for name in names:
        if name and not name.endswith("/"):
            with open(os.path.join(sources, name), "rb") as file:
                content = file.read()
            hash.update(f"{name} {len(content)}\n".encode() + content)
    return hash.hexdigest()
