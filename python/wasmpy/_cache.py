"""Where compiled images are kept, and how they get there.

An image's name holds a digest of everything it depends on: source, module name, compiler, options, target and
CPU features. So an entry never goes stale; a file of another content has another name, and what was loaded is
never overwritten. Images of files that the user edits lie in ``__pycache__`` beside them, all others in the
user's cache, a directory that only the user can write. What is installed may have images beside it that
``wasmpy compile`` put there, for every CPU; they serve where there is none for this one.

This file finds images that exist; ``_store`` makes those that do not.
"""

from __future__ import annotations

import os
import stat
import sys
from time import time

from . import _identity, _target
from ._config import config, variable
from ._errors import UnsupportedError, is_own, tried

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ABI = 1
# What was used within these seconds is not removed from the user's cache.
GRACE_SECONDS = 600


def digest(*parts: bytes) -> Any:
    """A hash of the parts, each with its length."""
    try:
        from _blake2 import blake2b  # hashlib would load OpenSSL: 4 ms of every start
    except ImportError as error:
        if not is_own(error, "importlib._bootstrap"):
            raise
        from hashlib import blake2b
    hash = blake2b(digest_size=16)
    for part in parts:
        hash.update(len(part).to_bytes(8, "little"))
        hash.update(part)
    return hash


def _encoded(leaf: str) -> bytes:
    encoded = leaf.encode(errors="replace")
    if "\0" not in leaf and encoded.decode() == leaf:
        return encoded
    raise UnsupportedError(f"no extension module can have the name {leaf!a}")


class Build:
    """An image that is wanted: what it is compiled from and how, its file name, and where it may lie.

    ``beside``: also beside the source. Only the import statement asks for that: an image beside a file that is
    not trusted as code is not to be trusted either. ``options``: of a request to the compiler, besides those that
    stand for the machine.
    """

    __slots__ = (
        "_common",
        "beside",
        "compiler",
        "filename",
        "image",
        "is_checked",
        "is_installed",
        "key",
        "leaf",
        "options",
        "source",
    )

    def __init__(
        self,
        source: bytes,
        leaf: str,
        filename: str,
        options: dict[str, object] | None = None,
        *,
        beside: bool = False,
    ) -> None:
        self.source = source
        self.leaf = leaf
        self.filename = filename
        self.is_checked = False
        # The image's file, once it is known.
        self.image: str | None = None
        # The directory for images beside the source; whether only installers write there.
        self.beside: str | None = None
        self.is_installed = False
        if beside:
            folder, _ = os.path.split(os.path.abspath(filename))
            self.is_installed = _is_installed(folder)
            if sys.pycache_prefix is not None:
                self.beside = os.path.join(sys.pycache_prefix, folder.lstrip(os.sep))
            else:
                self.beside = os.path.join(folder, "__pycache__")
        self._common = digest(source, _encoded(leaf))
        self._set_options({**_target.options(), **(options or {}), **form(source, filename)})

    def _set_options(self, options: dict[str, object]) -> None:
        self.options = options
        text = repr(sorted(options.items())).encode()
        self.compiler: str = digest(_identity.identity().encode(), text, b"%d" % ABI).hexdigest()
        hash = self._common.copy()
        hash.update(self.compiler.encode())
        self.key: str = hash.hexdigest()

    def _copy(self) -> Build:
        other = object.__new__(Build)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        other.image = None
        return other

    def checked(self) -> Build:
        """The same with explicit bounds checks: for memories whose index space is not all reserved."""
        other = self._copy()
        other.is_checked = True
        other.options = {**self.options, "checked": True}
        return other

    def baseline(self, level: str = "") -> Build:
        """The same for CPUs of a level, else of the one that settings choose for images that go to many machines."""
        other = self._copy()
        other._set_options({**self.options, "cpu": _target.shipped_cpu(level)})
        return other

    @property
    def label(self) -> str:
        """What the names of this module's images begin with: its own name, if any directory takes that."""
        if self.leaf.isidentifier() and len(self.leaf) < 60:  # In bytes at most 4 times as many.
            return self.leaf
        return f"module-{digest(_encoded(self.leaf)).hexdigest()}"

    @property
    def name(self) -> str:
        """The name of the image's file."""
        return f"{self.stem}-{self.key}{'-checked' if self.is_checked else ''}.so"

    @property
    def stem(self) -> str:
        """What the names of all images have in common that this compiler makes of this module for this machine."""
        return f"{self.label}.wasmpy-{self.compiler[:8]}"


def form(source: bytes, filename: str) -> dict[str, object]:
    """The option for what the name of a file says about its content, where the content does not say the same."""
    return {"form": "binary"} if filename.endswith(".wasm") and source[:4] != b"\0asm" else {}


def _is_installed(folder: str) -> bool:
    """Whether the directory is the business of installers: site-packages, or of an application of PyInstaller's.

    What pip uninstalls must not leave an image behind: its directory would still import.
    """
    application = getattr(sys, "_MEIPASS", None)
    if application is not None and os.path.commonpath([application, folder]) == application:
        return True
    return not {"site-packages", "dist-packages"}.isdisjoint(folder.split(os.sep))


def find(build: Build) -> str | None:
    """The image file, or None if no cache has it."""
    if config.get("no_cache"):
        return None
    if build.beside is not None and not build.is_installed:
        image = os.path.join(build.beside, build.name)
        if is_readable(image):
            return image
    try:
        image = os.path.join(user_directory(make=False), build.name)
    except DirectoryError:
        pass  # Matters only where something is to be written.
    else:
        if is_readable(image):
            _renew(image)
            return image
    if build.beside is not None and build.is_installed:
        for level in _target.shipped_levels():
            image = os.path.join(build.beside, build.baseline(level).name)
            if is_readable(image):
                return image
    return None


def _renew(image: str) -> None:
    """Says that an image in the user's cache is used: the longest unused go first (_eviction.py)."""
    status = tried(os.stat, image)
    if not isinstance(status, OSError) and time() - status.st_mtime > GRACE_SECONDS / 2:
        tried(os.utime, image)


def is_readable(image: str) -> bool:
    status = tried(os.stat, image)
    is_file = not isinstance(status, OSError) and stat.S_ISREG(status.st_mode)
    return is_file and os.access(image, os.R_OK, effective_ids=True)


def is_cached(build: Build) -> bool:
    """Whether a cache has the image, which then is ``build.image``."""
    if build.image is None:
        build.image = find(build)
        if build.image is not None:
            _tell(build)
    return build.image is not None


def take_installed(build: Build) -> bool:
    """Whether there is an installed image for better CPUs than this, which then is ``build.image``. It says what it
    needs when it is loaded."""
    if build.beside is None or not build.is_installed:
        return False
    image = os.path.join(build.beside, build.baseline().name)
    if is_readable(image):
        build.image = image
    return build.image is not None


def _tell(build: Build) -> None:
    if config.get("stats") or config.get("log"):
        from . import _log

        _log.looked_up(build)


def locate(build: Build) -> str:
    """The image file; compiles when no cache has it."""
    if build.image is None and not is_cached(build):
        from . import _store
        from ._errors import UnsupportedError

        _tell(build)
        try:
            build.image = _store.make(build)
        except UnsupportedError:
            # No compiler here. An image that is for a better CPU says so when it is loaded.
            if build.beside is None or not build.is_installed:
                raise
            image = os.path.join(build.beside, build.baseline().name)
            if not is_readable(image):
                raise
            build.image = image
    assert build.image is not None
    return build.image


_REMEDY = "set WASMPY_CACHE_DIR to a directory of your own, or WASMPY_NO_CACHE=1"
# Whom Linux shows as the owner of what belongs to nobody in this user namespace: of the root directory, often.
_UNKNOWN_USER = 65534


class DirectoryError(OSError):
    """The user has no cache directory, or none that can be used."""


class UnsafeDirectoryError(DirectoryError, PermissionError):
    """The user's cache directory is not the user's alone."""


def user_directory(*, make: bool = True) -> str:
    """The user's own cache directory: mode 0700, owned by the effective user. Made when it is missing.

    Raises UnsafeDirectoryError when it is someone else's, or others may write to it or exchange it; another
    DirectoryError when there is none and none can be made.
    """
    chosen = config.get("cache_dir") or platform_directory()
    if not chosen:
        raise DirectoryError("this user has no home directory; set WASMPY_CACHE_DIR")
    if make:
        make_directory(chosen, 0o700)
    directory = real_path(chosen)
    require_own(directory)
    above = directory
    while above != os.sep:
        above = os.path.dirname(above)
        _require_firm(above, directory)
    return directory


def platform_directory() -> str:
    """The platform's place for our cache; "" if this user has none."""
    if sys.platform == "linux" and not hasattr(sys, "getandroidapilevel"):
        # As platformdirs has it, which would cost 20 ms of every start.
        caches, home = variable("XDG_CACHE_HOME"), variable("HOME")
        if not caches.startswith("/"):
            home = home if home.startswith("/") else _home_on_record()
            caches = f"{home.rstrip('/')}/.cache" if home.startswith("/") else ""
        return caches and os.path.join(caches, "wasmpy")
    from platformdirs import user_cache_dir

    try:
        return user_cache_dir("wasmpy", appauthor=False)
    except RuntimeError:
        return ""


def _home_on_record() -> str:
    """This user's home as the system's files have it; "" if they do not know the user."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError as error:
        if not is_own(error):
            raise
        return ""


def real_path(path: str) -> str:
    """The path without symbolic links: what is checked is what is used. Raises DirectoryError if it is not there."""
    try:
        return os.path.realpath(path, strict=True)
    except OSError as error:
        if not is_own(error, "posixpath"):
            raise
        raise DirectoryError(*error.args) from None


def make_directory(path: str, mode: int = 0o777) -> None:
    """Makes a directory and those above it, unless they are there. Raises DirectoryError.

    ``os.makedirs`` takes what a signal's handler raises for an answer of the system.
    """
    error = tried(os.mkdir, path, mode)
    above = os.path.dirname(path)
    if isinstance(error, FileNotFoundError) and above != path:
        make_directory(above)
        error = tried(os.mkdir, path, mode)
    if error is not None and not _is_directory(path):
        raise DirectoryError(*error.args, path)


def _is_directory(path: str) -> bool:
    status = tried(os.stat, path)
    return not isinstance(status, OSError) and stat.S_ISDIR(status.st_mode)


def require_own(directory: str) -> None:
    """Raises UnsafeDirectoryError if the directory is someone else's or others may write to it, another
    DirectoryError if it is not there."""
    status = _status(directory)
    if status.st_uid != os.geteuid():
        raise UnsafeDirectoryError(
            f"the cache directory {directory} belongs to user {status.st_uid}, not to {os.geteuid()}: {_REMEDY}"
        )
    if status.st_mode & 0o022:
        raise UnsafeDirectoryError(
            f"other users may write to the cache directory {directory}: chmod go-w it, if you know what it holds; "
            f"or {_REMEDY}"
        )


def _status(directory: str) -> os.stat_result:
    status = tried(os.stat, directory)
    if isinstance(status, OSError):
        raise DirectoryError(*status.args, directory)
    return status


def _require_firm(above: str, directory: str) -> None:
    """Raises UnsafeDirectoryError if others could put another directory in the place of one below ``above``."""
    status = _status(above)
    if status.st_uid not in (os.geteuid(), 0, _UNKNOWN_USER):
        raise UnsafeDirectoryError(
            f"the cache directory {directory} lies in one that belongs to user {status.st_uid}, {above}: {_REMEDY}"
        )
    others = 0o002 if status.st_gid == os.getegid() else 0o022
    if status.st_mode & others and not status.st_mode & stat.S_ISVTX:
        raise UnsafeDirectoryError(
            f"the cache directory {directory} lies in one that other users may write to, {above}: {_REMEDY}"
        )
