"""Compiles what no cache has, once among all processes, and puts the image where it belongs.

Apart from _cache, which finds images that exist: an import whose image is cached loads nothing of this.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import time

from . import _compiler
from ._cache import user_directory
from ._config import config


def compiled(source: bytes, leaf: str, options: dict[str, object], filename: str) -> bytes:
    """The image of a source, compiled now."""
    return _compiler.compile_image(source, leaf, options, filename)


@contextmanager
def _locked(directory: str, name: str) -> Iterator[None]:
    """Holds the lock of one image among all processes, so that only one of them compiles it."""
    import fcntl

    path = os.path.join(directory, f".{name}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        # Removed while still held: whoever waits for it finds the image in place.
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        os.close(descriptor)


def compile_into(places: list[str], name: str, leaf: str, compiled: Callable[[], bytes]) -> str:
    """Compiles once and writes the image into the first of ``places`` that takes it."""
    failure: OSError | None = None
    for directory in places:
        try:
            os.makedirs(directory, exist_ok=True)
            with _locked(directory, name):
                image = os.path.join(directory, name)
                if not os.path.exists(image) or config.get("no_cache"):
                    _write(image, compiled())
                    _prune(directory, leaf, name)
                return image
        except OSError as error:
            if isinstance(error, ImportError):
                raise
            failure = error
    if places[-1:] != [user_directory()]:
        return compile_into([user_directory()], name, leaf, compiled)
    assert failure is not None
    raise failure


def _write(path: str, data: bytes) -> None:
    """Puts ``data`` at ``path`` at once: readers see nothing or all of it."""
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        try:
            os.unlink(temporary)
        except FileNotFoundError:
            pass
        raise


def _prune(directory: str, leaf: str, keep: str) -> None:
    """Removes older images of the same module. A process that has one open keeps its mapping."""
    if directory == _user_directory_if_made():
        return
    for entry in os.listdir(directory):
        if entry.startswith(f"{leaf}.wasmpy-") and entry.endswith(".so") and entry != keep:
            try:
                os.unlink(os.path.join(directory, entry))
            except OSError:
                pass


def _user_directory_if_made() -> str | None:
    """The user's cache directory, or None where there is none yet."""
    try:
        return user_directory()
    except OSError:
        return None


def clear(directory: str, *, prune: bool) -> int:
    """Removes images from a cache directory: all, or with ``prune`` those not read for 30 days. Returns how many."""
    removed = 0
    for entry in os.listdir(directory):
        path = os.path.join(directory, entry)
        if ".wasmpy-" not in entry or not entry.endswith(".so"):
            continue
        if prune and os.stat(path).st_atime > time() - 30 * 86400:
            continue
        try:
            os.unlink(path)
            removed += 1
        except OSError:
            pass
    return removed
