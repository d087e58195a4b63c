"""Where compiled images are kept, and how they get there.

An image's name holds a digest of everything it depends on: source, module name, compiler, options, target and
CPU features. So an entry never goes stale; a file of another content has another name, and what was loaded is
never overwritten. Images of files that the user edits lie in ``__pycache__`` beside them, all others in the
user's cache, a directory that only the user can write.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from . import _target
from ._config import config

ABI = 1


def _digest(*parts: bytes) -> str:
    try:
        from _blake2 import blake2b  # hashlib would load OpenSSL: 4 ms of every start
    except ImportError:
        from hashlib import blake2b
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def key(source: bytes, leaf: str, options: dict[str, object]) -> str:
    """The digest that names the image of ``source`` compiled as module ``leaf`` with ``options``."""
    from ._compiler import identity

    return _digest(source, leaf.encode(), identity().encode(), repr(sorted(options.items())).encode(), b"%d" % ABI)


def image_beside(path: str, source: bytes, leaf: str) -> str:
    """The image file for the import of ``path``; compiles when no cache has it."""
    options = _target.options()
    name = f"{leaf}.wasmpy-{key(source, leaf, options)}.so"
    places = _directories(path)
    if not config.get("no_cache"):
        for directory in places:
            image = os.path.join(directory, name)
            if os.path.exists(image):
                return image
    return _compile_into(places, name, leaf, lambda: _compiled(source, leaf, options, path))


def image_of(source: bytes, leaf: str, filename: str, features: str) -> str:
    """The image file for ``load`` and ``compile``: in the user's cache only."""
    options = {**_target.options(), "features": features}
    name = f"{leaf}.wasmpy-{key(source, leaf, options)}.so"
    directory = user_directory()
    image = os.path.join(directory, name)
    if os.path.exists(image) and not config.get("no_cache"):
        return image
    return _compile_into([directory], name, leaf, lambda: _compiled(source, leaf, options, filename))


def _compiled(source: bytes, leaf: str, options: dict[str, object], filename: str) -> bytes:
    from . import _compiler

    return _compiler.compile_image(source, leaf, options, filename)


def _directories(path: str) -> list[str]:
    """Where an image of ``path`` may lie, best first. The last is the user's cache, made when asked for."""
    if "site-packages" in path or "dist-packages" in path:
        # What pip uninstalls must not leave an image behind: its directory would still import.
        return [user_directory()]
    if sys.pycache_prefix is not None:
        folder = os.path.dirname(os.path.abspath(path))
        return [os.path.join(sys.pycache_prefix, folder.lstrip(os.sep)), user_directory()]
    beside = os.path.join(os.path.dirname(os.path.abspath(path)), "__pycache__")
    return [beside] if not sys.dont_write_bytecode else [beside, user_directory()]


def user_directory() -> str:
    """The user's own cache directory: mode 0700, owned by the effective user. Made when it is missing.

    Raises PermissionError when it is someone else's or others may write to it.
    """
    chosen = config.get("cache_dir")
    if not chosen:
        from platformdirs import user_cache_dir

        chosen = user_cache_dir("wasmpy", appauthor=False)
    directory = os.path.abspath(chosen)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"the cache directory {directory} is not this user's alone; set WASMPY_CACHE_DIR")
    return directory


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


def _compile_into(places: list[str], name: str, leaf: str, compiled: Callable[[], bytes]) -> str:
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
        return _compile_into([user_directory()], name, leaf, compiled)
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
    if directory == user_directory_if_made():
        return
    for entry in os.listdir(directory):
        if entry.startswith(f"{leaf}.wasmpy-") and entry.endswith(".so") and entry != keep:
            try:
                os.unlink(os.path.join(directory, entry))
            except OSError:
                pass


def user_directory_if_made() -> str | None:
    """The user's cache directory, or None where there is none yet."""
    try:
        return user_directory()
    except OSError:
        return None


def clear(directory: str, *, prune: bool) -> int:
    """Removes images from a cache directory: all, or with ``prune`` those not read for 30 days. Returns how many."""
    from time import time

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
