"""Compiles what no cache has, once among all processes, and puts the image where it belongs.

Apart from _cache, which finds images that exist: an import whose image is cached loads nothing of this.

An image that no directory takes (read-only, full, no home) or lets be mapped (noexec) lives in memory, in a
memfd until it is opened. The loader knows libraries by their paths as they are spelled, and would give the old one
where ``/proc/self/fd/N`` comes again: so the spelling holds the inode, which is the image's while that is mapped.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from time import perf_counter, time
from types import ModuleType
from weakref import WeakValueDictionary

from . import _compiler, _image, _opened
from ._cache import Build, UnsafeDirectoryError, is_readable, locate, user_directory
from ._config import config
from ._errors import UnsupportedError

# Temporary files older than this belong to nobody any more.
_STALE_SECONDS = 3600
# So many images of one file that other compilers have made, or this for other machines, may lie beside it.
_MOST_OTHERS = 4


def make(build: Build, data: bytes | None = None) -> str:
    """Compiles once and writes the image into the first directory that takes it; else keeps it in memory.

    ``data`` is the image where it is compiled already. Raises what compiling raises, or UnsafeDirectoryError.
    """
    image = _known_in_memory(build.name)
    if image is not None:
        return image
    if config.get("no_cache"):
        return _in_memory(build.name, data or _compiled(build))
    for directory in _writable_directories(build):
        image = os.path.join(directory, build.name)
        try:
            os.makedirs(directory, exist_ok=True)
            with _lock(os.path.join(directory, f".{build.name}.lock")) as lock:
                try:
                    if not is_readable(image):
                        data = data or _compiled(build)
                        _write(image, data, build)
                        _prune(directory, build)
                finally:
                    _release(lock)
            return image
        except OSError:
            continue
    return _in_memory(build.name, data or _compiled(build))


def install(build: Build) -> str:
    """Puts an image for every CPU beside the source, as installers do. Raises OSError, or what compiling raises."""
    build = build.baseline()
    assert build.beside is not None
    image = os.path.join(build.beside, build.name)
    if not is_readable(image):
        data = _compiled(build)
        os.makedirs(build.beside, exist_ok=True)
        _write(image, data, build)
        _prune(build.beside, build)
    return image


def content(build: Build) -> bytes:
    """The bytes of the image. One in memory that is open has no file any more: it is compiled again."""
    image = locate(build)
    if image in _kept.values() and image not in _waiting:
        return _compiled(build)
    with open(image, "rb") as file:
        return file.read()


def _compiled(build: Build) -> bytes:
    """The image, compiled now. Raises no OSError."""
    started = perf_counter()
    image = _compiler.compile_image(build.source, build.leaf, build.options, build.filename)
    if config.get("stats") or config.get("log") or "logging" in sys.modules:
        from . import _log

        _log.compiled(build, len(image), perf_counter() - started)
    return image


def _writable_directories(build: Build) -> Iterator[str]:
    if build.beside is not None and not build.is_installed and not sys.dont_write_bytecode:
        yield build.beside
    try:
        yield user_directory()
    except UnsafeDirectoryError:
        raise
    except OSError:
        pass


def recover(name: str, build: Build, image: str, error: ImportError) -> ModuleType:
    """Opens an image that the loader refused at ``image``: again, in the user's cache, in memory.

    Raises ``error`` where nothing helps, or an ImportError that says what was tried.
    """
    if "failed to map segment" not in str(error):
        # Cut short by a crash, or removed by another process since.
        with suppress(OSError):
            os.unlink(image)
        image = build.image = make(build)
        with suppress(ImportError):
            return _image.open_image(name, image)
    # The directory lies on a file system mounted noexec, or garbage holds the address space.
    with open(image, "rb") as file:
        data = file.read()
    for place in _other_places(build, image, data):
        with suppress(ImportError):
            return _image.open_image(name, place)
    release(_kept.pop(build.name, ""))
    if "failed to map segment" not in str(error):
        raise error
    import gc

    gc.collect()
    _opened.close_unused(few=True)
    with suppress(ImportError):
        return _image.open_image(name, image)
    raise ImportError(
        "the system maps no more code, neither from a file nor from memory: the address space (ulimit -v) or the "
        "mappings that a process may have (vm.max_map_count) are used up, or executable mappings are forbidden",
        name=name,
        path=image,
    ) from error


def _other_places(build: Build, image: str, data: bytes) -> Iterator[str]:
    with suppress(OSError):
        other = os.path.join(user_directory(), build.name)
        if not is_readable(other):
            _write(other, data, build)
        if other != image:
            yield other
    yield _known_in_memory(build.name) or _in_memory(build.name, data)


# --- in memory -----------------------------------------------------------------------------------------------

# File name of an image → path to open it by.
_kept: dict[str, str] = {}
# Path of an image that has not been opened yet → its inode.
_waiting: dict[str, int] = {}


def _in_memory(name: str, data: bytes) -> str:
    descriptor = -1
    try:
        descriptor = os.memfd_create("wasmpy")
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        inode = os.fstat(descriptor).st_ino
    except BaseException as error:
        if descriptor >= 0:
            os.close(descriptor)
        if not isinstance(error, OSError):
            raise
        text = f"no place for the compiled module, neither in a directory nor in memory: {error}"
        raise UnsupportedError(text) from None
    spelling = "".join("./" if bit == "1" else "/" for bit in f"{inode:b}")
    path = f"/proc/self/{spelling}fd/{descriptor}"
    _kept[name], _waiting[path] = path, inode
    return path


def release(path: str) -> None:
    """Closes the descriptor of an image in memory, once it is open: what is mapped is found again by its path."""
    inode = _waiting.pop(path, 0)
    with suppress(OSError):
        if _is(path, inode):
            os.close(int(path.rpartition("/")[2]))


def _is(path: str, inode: int) -> bool:
    """Programs that become daemons may have closed the descriptor; then the number may be something else."""
    try:
        return os.stat(path).st_ino == inode
    except OSError:
        return False


def _known_in_memory(name: str) -> str | None:
    """The path of an image that is in memory."""
    path = _kept.get(name)
    return path if path is not None and (path not in _waiting or _is(path, _waiting[path])) else None


# --- files ---------------------------------------------------------------------------------------------------


# By thread: the lock that it holds or waits for.
_locks: WeakValueDictionary[int, FileIO] = WeakValueDictionary()


def _leave_locks() -> None:
    """In a forked child: the locks are the parent's, which they must not outlive."""
    for lock in list(_locks.values()):
        with suppress(OSError):
            lock.close()
    _locks.clear()


os.register_at_fork(after_in_child=_leave_locks)


def _lock(path: str) -> FileIO:
    """The locked file that lies at ``path``: of all processes and threads, one has it, until it is closed.

    By C, at the end of a with block or of the object, however a signal handler's exception leaves either. Who has
    a lock and wants another one (a signal handler, a greenlet) gets the file without, not to wait for itself or for
    a thread that waits for the compiler: then two may compile the same.
    """
    import fcntl

    # The system's number: greenlets of one thread have several of Python's.
    thread = threading.get_native_id()
    other = _locks.get(thread)
    is_nested = other is not None and not other.closed
    while True:
        file = FileIO(path, "r+", opener=_open_lock)
        if is_nested:
            return file
        _locks[thread] = file
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        except (FileNotFoundError, ValueError):
            pass  # Removed by who held it; or closed, in a forked child.
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                return file  # A file system without locks: then two may compile the same, too.
            file.close()
            raise
        except BaseException:
            file.close()
            raise
        file.close()


def _open_lock(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _release(lock: FileIO) -> None:
    """Removes the file while it is locked: who waits for it sees that it is no more the lock, and takes another."""
    import fcntl

    if not lock.closed:  # As _leave_locks does.
        with suppress(OSError):
            os.unlink(lock.name)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_UN)


def _write(path: str, data: bytes, build: Build) -> None:
    """Puts ``data`` at ``path`` at once: readers see nothing or all of it."""
    temporary = f"{path}.{os.urandom(8).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _mode(path, build))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _mode(path: str, build: Build) -> int:
    """Who may read the source may read the image beside it, as with bytecode."""
    if os.path.dirname(path) != build.beside:
        return 0o600
    try:
        return os.stat(build.filename).st_mode & 0o666 | 0o600
    except OSError:
        return 0o600


def _prune(directory: str, build: Build) -> None:
    """Removes images of earlier contents of the same file. A process that has one open keeps its mapping.

    Other compilers that use this directory do so for theirs; of those that are gone the newest images stay.
    """
    if directory != build.beside:
        return
    others = []
    for entry in os.listdir(directory):
        if not entry.startswith(f"{build.label}.wasmpy-"):
            continue
        path = os.path.join(directory, entry)
        with suppress(OSError):
            written = os.stat(path).st_mtime
            if entry.endswith(".tmp"):
                if written < time() - _STALE_SECONDS:
                    os.unlink(path)
            elif entry.endswith(".so") and not entry.startswith(f"{build.stem}-{build.key}"):
                if entry.startswith(f"{build.stem}-"):
                    os.unlink(path)
                else:
                    others.append((written, path))
    for _, path in sorted(others)[:-_MOST_OTHERS]:
        with suppress(OSError):
            os.unlink(path)


def clear(directory: str, *, prune: bool) -> int:
    """Removes images from a cache directory: all, or with ``prune`` those not read for 30 days. Returns how many."""
    removed = 0
    for entry in os.listdir(directory):
        path = os.path.join(directory, entry)
        if ".wasmpy-" not in entry or not entry.endswith((".so", ".tmp")):
            continue
        with suppress(OSError):
            age = time() - os.stat(path).st_atime
            if age > (30 * 86400 if prune else _STALE_SECONDS if entry.endswith(".tmp") else -1):
                os.unlink(path)
                removed += entry.endswith(".so")
    return removed
