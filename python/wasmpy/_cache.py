"""Where compiled images are kept, and how they get there.

An image's name holds a digest of everything it depends on: source, module name, compiler, options, target and
CPU features. So an entry never goes stale; a file of another content has another name, and what was loaded is
never overwritten. Images of files that the user edits lie in ``__pycache__`` beside them, all others in the
user's cache, a directory that only the user can write.

This file finds images that exist; ``_store`` makes those that do not.
"""

from __future__ import annotations

import os
import sys

from . import _identity, _target
from ._config import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

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


def _encoded(leaf: str) -> bytes:
    try:
        if "\0" not in leaf:
            return leaf.encode()
    except UnicodeEncodeError:
        pass
    from ._errors import UnsupportedError

    raise UnsupportedError(f"no extension module can have the name {leaf!a}")


class Build:
    """An image that is wanted: what it is compiled from and how, its file name, and where it may lie.

    ``beside``: also beside the source. Only the import statement asks for that: an image beside a file that is
    not trusted as code is not to be trusted either.
    """

    __slots__ = ("beside", "filename", "is_checked", "key", "leaf", "options", "source")

    def __init__(self, source: bytes, leaf: str, filename: str, *, features: str = "", beside: bool = False) -> None:
        self.source = source
        self.leaf = leaf
        self.filename = filename
        self.beside = beside
        self.is_checked = False
        self.options = _target.options()
        if features:
            self.options["features"] = features
        options = repr(sorted(self.options.items())).encode()
        self.key = _digest(source, _encoded(leaf), _identity.identity().encode(), options, b"%d" % ABI)

    def checked(self) -> Build:
        """The same with explicit bounds checks: for memories whose index space is not all reserved."""
        other = object.__new__(Build)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        other.is_checked = True
        other.options = {**self.options, "checked": True}
        return other

    @property
    def label(self) -> str:
        """What the names of this module's images begin with: its own name, if any directory takes that."""
        if self.leaf.isidentifier() and len(self.leaf) < 60:  # In bytes at most 4 times as many.
            return self.leaf
        return f"module-{_digest(_encoded(self.leaf))}"

    @property
    def name(self) -> str:
        """The name of the image's file."""
        return f"{self.label}.wasmpy-{self.key}{'-checked' if self.is_checked else ''}.so"

    def directory_beside(self) -> str | None:
        """Where the image of an imported file belongs, None for the user's cache."""
        folder, _ = os.path.split(os.path.abspath(self.filename))
        # What pip uninstalls must not leave an image behind: its directory would still import.
        if not self.beside or not {"site-packages", "dist-packages"}.isdisjoint(folder.split(os.sep)):
            return None
        if sys.pycache_prefix is not None:
            return os.path.join(sys.pycache_prefix, folder.lstrip(os.sep))
        return os.path.join(folder, "__pycache__")


def find(build: Build) -> str | None:
    """The image file, or None if no cache has it."""
    if config.get("no_cache"):
        return None
    for directory in _readable_directories(build):
        image = os.path.join(directory, build.name)
        if os.access(image, os.R_OK):
            return image
    return None


def locate(build: Build) -> str:
    """The image file; compiles when no cache has it."""
    image = find(build)
    if image is None:
        from . import _store

        image = _store.make(build)
    return image


def _readable_directories(build: Build) -> Iterator[str]:
    beside = build.directory_beside()
    if beside is not None:
        yield beside
    try:
        yield user_directory(make=False)
    except OSError:
        pass  # Matters only to who wants to write there.


class UnsafeDirectoryError(PermissionError):
    """The user's cache directory is not the user's alone."""


def user_directory(*, make: bool = True) -> str:
    """The user's own cache directory: mode 0700, owned by the effective user. Made when it is missing.

    Raises UnsafeDirectoryError when it is someone else's or others may write to it, another OSError when there is
    none and none can be made.
    """
    chosen = config.get("cache_dir")
    if not chosen:
        from platformdirs import user_cache_dir

        try:
            chosen = user_cache_dir("wasmpy", appauthor=False)
        except RuntimeError:
            chosen = ""
        if not os.path.isabs(chosen):
            raise FileNotFoundError("this user has no home directory; set WASMPY_CACHE_DIR")
    directory = os.path.abspath(chosen)
    if make:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if status.st_uid != os.geteuid():
        raise UnsafeDirectoryError(
            f"the cache directory {directory} belongs to user {status.st_uid}, not to {os.geteuid()}: "
            "set WASMPY_CACHE_DIR to a directory of your own, or WASMPY_NO_CACHE=1"
        )
    if status.st_mode & 0o022:
        raise UnsafeDirectoryError(
            f"others may write to the cache directory {directory}: chmod go-w it, if you know what it holds; "
            "or set WASMPY_CACHE_DIR to a directory of your own, or WASMPY_NO_CACHE=1"
        )
    return directory
