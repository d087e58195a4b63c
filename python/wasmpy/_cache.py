"""Where compiled images are kept, and how they get there.

An image's name holds a digest of everything it depends on: source, module name, compiler, options, target and
CPU features. So an entry never goes stale; a file of another content has another name, and what was loaded is
never overwritten. Images of files that the user edits lie in ``__pycache__`` beside them, all others in the
user's cache, a directory that only the user can write.
"""

from __future__ import annotations

import os
import sys

from . import _identity, _target
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
    return _digest(
        source, leaf.encode(), _identity.identity().encode(), repr(sorted(options.items())).encode(), b"%d" % ABI
    )


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
    from . import _store

    return _store.compile_into(places, name, leaf, lambda: _store.compiled(source, leaf, options, path))


def image_of(source: bytes, leaf: str, filename: str, features: str) -> str:
    """The image file for ``load`` and ``compile``: in the user's cache only."""
    options = {**_target.options(), "features": features}
    name = f"{leaf}.wasmpy-{key(source, leaf, options)}.so"
    directory = user_directory()
    image = os.path.join(directory, name)
    if os.path.exists(image) and not config.get("no_cache"):
        return image
    from . import _store

    return _store.compile_into([directory], name, leaf, lambda: _store.compiled(source, leaf, options, filename))


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
