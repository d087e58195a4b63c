"""Compiles what no cache has, once among all processes, and puts the image where it belongs.

Apart from _cache, which finds images that exist: an import whose image is cached loads nothing of this.

An image that no directory takes (read-only, full, no home) or lets be mapped (noexec) lives in memory, in a
memfd until it is opened. The loader knows libraries by their paths as they are spelled, and would give the old one
where ``/proc/self/fd/N`` comes again: so the spelling holds the inode, which is the image's while that is mapped.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from _thread import get_native_id
from _weakref import ref
from io import FileIO
from time import perf_counter, time

from . import _compiler, _image, _opened, _progress
from ._cache import Build, DirectoryError, UnsafeDirectoryError, is_readable, locate, make_directory, user_directory
from ._config import config
from ._errors import UnsupportedError, is_own, tried
from ._lazy import unforked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
else:
    ModuleType = type(sys)

# So many images of one file that other compilers have made, or this for other machines, may lie beside it.
_MOST_OTHERS = 4


def make(build: Build, data: bytes | None = None) -> str:
    """Compiles once and writes the image into the first directory that takes it; else keeps it in memory.

    ``data`` is the image where it is compiled already. Raises what compiling raises, or UnsafeDirectoryError.
    """
    image = _known_in_memory(build.name)
    if image is not None:
        return image
    made = _Made(build, data)
    if not config.get("no_cache"):
        place = _put_somewhere(made)
        if isinstance(place, str):
            return place
        _progress.tell_unkept(place)
    return _in_memory(build.name, made.data())


class _Made:
    """An image that is compiled when somebody asks for its bytes, once."""

    def __init__(self, build: Build, data: bytes | None) -> None:
        self.build = build
        self._data = data

    def data(self) -> bytes:
        """The image. Raises what compiling raises."""
        if self._data is None:
            self._data = _compiled(self.build)
        return self._data


def _put(image: str, made: _Made) -> OSError | None:
    """Puts the image at a path, unless another process has done so. Returns why the directory does not take it."""
    directory = os.path.dirname(image)
    try:
        make_directory(directory)
    except DirectoryError as error:
        return error.with_traceback(None)
    try:
        # Nothing between the lock and its block, where an exception would leave it.
        with _lock(os.path.join(directory, f".{os.path.basename(image)}.lock")) as lock:
            try:
                if not is_readable(image):
                    data = made.data()
                    failure = _write(image, data, made.build)
                    if failure is not None:
                        return failure
                    _prune(directory, made.build, len(data))
            finally:
                _release(lock)
    except _NoLockError as refused:
        return refused.reason
    return None


def install(build: Build) -> str:
    """Puts an image for every CPU beside the source, as installers do. Raises OSError, or what compiling raises."""
    build = build.baseline()
    assert build.beside is not None
    image = os.path.join(build.beside, build.name)
    if not is_readable(image):
        data = _compiled(build)
        make_directory(build.beside)
        error = _write(image, data, build)
        if error is not None:
            raise error
        _prune(build.beside, build, len(data))
    return image


def content(build: Build) -> bytes:
    """The bytes of the image. One in memory that is open has no file any more: it is compiled again."""
    image = locate(build)
    if image in _kept.values() and image not in _waiting:
        return _compiled(build)
    with open(image, "rb") as file:
        return file.read()


def _compiled(build: Build) -> bytes:
    """The image, compiled now."""
    started = perf_counter()
    image = _compiler.compile_image(build.source, build.leaf, build.options, build.filename)
    if config.get("stats") or config.get("log") or "logging" in sys.modules:
        from . import _log

        _log.compiled(build, len(image), perf_counter() - started)
    return image


# No generators: in these a StopIteration of a signal's handler would become a RuntimeError.


def _put_somewhere(made: _Made) -> str | OSError:
    """The image in the first directory that takes it; or why the last one does not."""
    build = made.build
    if build.beside is not None and not build.is_installed and not sys.dont_write_bytecode:
        image = os.path.join(build.beside, build.name)
        if _put(image, made) is None:
            return image
    try:
        image = os.path.join(user_directory(), build.name)
    except UnsafeDirectoryError:
        raise
    except DirectoryError as error:
        return error.with_traceback(None)
    return _put(image, made) or image


def recover(name: str, build: Build, image: str, error: ImportError) -> ModuleType:
    """Opens an image that the loader refused at ``image``: again, in the user's cache, in memory.

    Raises ``error`` where nothing helps, or an ImportError that says what was tried.
    """
    if not _image.refuses_place(error):
        # Cut short by a crash, or removed by another process since.
        tried(os.unlink, image)
        image = build.image = make(build)
        module = _image.open_image(name, image)
        if isinstance(module, ModuleType):
            return module
    # The directory lies on a file system mounted noexec, or garbage holds the address space. Or others have removed
    # it again, to keep the bound of a cache that is too small for them all.
    found = tried(FileIO, image)
    if isinstance(found, OSError):
        data = _compiled(build)
    else:
        with found:
            data = found.readall()
    place = _other_place(build, image, data)
    if place is not None:
        module = _image.open_image(name, place)
        if isinstance(module, ModuleType):
            return module
    place = _known_in_memory(build.name) or _in_memory(build.name, data)
    module = _image.open_image(name, place)
    if isinstance(module, ModuleType):
        return module
    release(_kept.pop(build.name, ""))
    if not _image.refuses_place(error):
        raise error
    import gc

    gc.collect()
    _opened.close_unused(few=True)
    module = _image.open_image(name, image)
    if isinstance(module, ModuleType):
        return module
    raise ImportError(
        "the system maps no more code, neither from a file nor from memory: the address space (ulimit -v) or the "
        "mappings that a process may have (vm.max_map_count) are used up, or executable mappings are forbidden",
        name=name,
        path=image,
    ) from error


def _other_place(build: Build, image: str, data: bytes) -> str | None:
    """The image in the user's cache, if it was elsewhere."""
    try:
        other = os.path.join(user_directory(), build.name)
    except DirectoryError:
        other = image
    if other != image and (is_readable(other) or _put(other, _Made(build, data)) is None):
        return other
    return None


# --- in memory -----------------------------------------------------------------------------------------------

# File name of an image → path to open it by.
_kept: dict[str, str] = {}
# Path of an image that has not been opened yet → its inode.
_waiting: dict[str, int] = {}


def _in_memory(name: str, data: bytes) -> str:
    """Puts an image there; its path. ``name``: of its file."""
    descriptor = tried(os.memfd_create, "wasmpy")
    if isinstance(descriptor, OSError):
        raise _no_place(descriptor)
    try:
        error = _write_all(descriptor, data)
        if error is not None:
            raise _no_place(error)
        inode = os.fstat(descriptor).st_ino
    except BaseException:
        os.close(descriptor)
        raise
    spelling = "".join("./" if bit == "1" else "/" for bit in f"{inode:b}")
    path = f"/proc/self/{spelling}fd/{descriptor}"
    _kept[name], _waiting[path] = path, inode
    return path


def in_memory(file: str) -> str:
    """The path of a copy of an image's file that is in memory. Raises UnsupportedError."""
    place = _known_in_memory(file)
    if place is None:
        with open(file, "rb") as image:
            place = _in_memory(file, image.read())
    return place


def _no_place(error: OSError) -> UnsupportedError:
    return UnsupportedError(f"no place for the compiled module, neither in a directory nor in memory: {error}")


def release(path: str) -> None:
    """Closes the descriptor of an image in memory, once it is open: what is mapped is found again by its path."""
    inode = _waiting.pop(path, 0)
    if _is(path, inode):
        tried(os.close, int(path.rpartition("/")[2]))


def _is(path: str, inode: int) -> bool:
    """Programs that become daemons may have closed the descriptor; then the number may be something else."""
    status = tried(os.stat, path)
    return not isinstance(status, OSError) and status.st_ino == inode


def is_in_memory(build: Build) -> bool:
    """Whether the image need not be compiled, though no directory has it."""
    return _known_in_memory(build.name) is not None


def _known_in_memory(name: str) -> str | None:
    """The path of an image that is in memory."""
    path = _kept.get(name)
    return path if path is not None and (path not in _waiting or _is(path, _waiting[path])) else None


# --- files ---------------------------------------------------------------------------------------------------


# By thread: the lock that it holds or waits for. Weak: it is given back where the last block that has it ends.
_locks: dict[int, ref[FileIO]] = {}


def _leave_locks() -> None:
    """In a forked child: the locks are the parent's, which they must not outlive."""
    for known in list(_locks.values()):
        lock = known()
        if lock is not None:
            tried(lock.close)
    _locks.clear()


os.register_at_fork(after_in_child=_leave_locks)


class _NoLockError(Exception):
    """There can be no lock."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


def _lock(path: str) -> FileIO:
    """The locked file that lies at ``path``: of all processes and threads, one has it, until it is closed. Raises
    _NoLockError.

    By C, at the end of a with block or of the object, however a signal handler's exception leaves either. Who has
    a lock and wants another one (a signal handler, a greenlet) gets the file without, not to wait for itself or for
    a thread that waits for the compiler: then two may compile the same.
    """
    # The system's number: greenlets of one thread have several of Python's.
    thread = get_native_id()
    known = _locks.get(thread)
    other = None if known is None else known()
    is_nested = other is not None and not other.closed
    while True:
        # In one line: an exception of a signal's handler has no place between the block and its end.
        with unforked: file = _opened_lock(path, 0 if is_nested else thread)  # noqa: E701  # fmt: skip
        if isinstance(file, OSError):
            raise _NoLockError(file)
        if is_nested:
            return file
        try:
            error = tried(fcntl.flock, file, fcntl.LOCK_EX)
            if error is None and _is(path, os.fstat(file.fileno()).st_ino):
                return file
        except ValueError as closed:  # In a forked child.
            if not is_own(closed):
                raise
            continue
        except BaseException:
            file.close()
            raise
        if isinstance(error, OSError) and error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            return file  # A file system without locks: then two may compile the same, too.
        file.close()
        if isinstance(error, OSError) and error.errno != errno.EBADF:
            raise _NoLockError(error)
        # Removed by the process that held it, or closed in a forked child.


def _opened_lock(path: str, thread: int) -> FileIO | OSError:
    """The file, known as the thread's, if that is not 0.

    A child that had a descriptor of which it does not know would keep the parent's lock.
    """
    file = tried(FileIO, path, "r+", opener=_open_lock)
    if thread and not isinstance(file, OSError):
        for ended in [ident for ident, lock in list(_locks.items()) if lock() is None]:
            _locks.pop(ended, None)
        _locks[thread] = ref(file)
    return file


def _open_lock(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _release(lock: FileIO) -> None:
    """Removes the file while it is locked: who waits for it sees that it is no more the lock, and takes another."""
    if not lock.closed:  # As _leave_locks does.
        tried(os.unlink, lock.name)
        tried(fcntl.flock, lock, fcntl.LOCK_UN)


def _write(path: str, data: bytes, build: Build) -> OSError | None:
    """Puts ``data`` at ``path`` at once: readers see nothing or all of it. Returns why that cannot be done."""
    temporary = f"{path}.{os.urandom(8).hex()}.tmp"
    mode = _mode(path, build)
    try:
        descriptor = tried(os.open, temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        if isinstance(descriptor, OSError):
            return descriptor
        try:
            error = _write_all(descriptor, data)
        finally:
            os.close(descriptor)
        error = error or tried(os.replace, temporary, path)
        if error is None:
            return None
    except BaseException:
        tried(os.unlink, temporary)
        raise
    tried(os.unlink, temporary)
    return error


def _write_all(descriptor: int, data: bytes) -> OSError | None:
    """Writes to the end. Returns why that cannot be done."""
    view = memoryview(data)
    while view:
        written = tried(os.write, descriptor, view)
        if isinstance(written, OSError):
            return written
        view = view[written:]
    return None


def _mode(path: str, build: Build) -> int:
    """Who may read the source may read the image beside it, as with bytecode."""
    if os.path.dirname(path) != build.beside:
        return 0o600
    status = tried(os.stat, build.filename)
    return 0o600 if isinstance(status, OSError) else status.st_mode & 0o666 | 0o600


def _prune(directory: str, build: Build, size: int) -> None:
    """Removes images of earlier contents of the same file beside it, or what is too much for the user's cache.
    A process that has one open keeps its mapping.

    Other compilers that use this directory do so for theirs; of those that are gone the newest images stay.
    """
    from . import _eviction

    if directory != build.beside:
        return _eviction.written(directory, size)
    others = []
    for entry in _eviction.names(directory):
        if not entry.startswith(f"{build.label}.wasmpy-"):
            continue
        path = os.path.join(directory, entry)
        status = tried(os.stat, path)
        if isinstance(status, OSError):
            continue
        if entry.endswith(".tmp"):
            if status.st_mtime < time() - _eviction.STALE_SECONDS:
                tried(os.unlink, path)
        elif entry.endswith(".so") and not entry.startswith(f"{build.stem}-{build.key}"):
            if entry.startswith(f"{build.stem}-"):
                tried(os.unlink, path)
            else:
                others.append((status.st_mtime, path))
    for _, path in sorted(others)[:-_MOST_OTHERS]:
        tried(os.unlink, path)
