"""Bounds of the user's cache: images that have not been used for long are removed, and the longest unused ones when
all together are too large.

The time of an image's last use is its file's time of modification, which ``_cache.find`` renews when it finds an
image and the time is older than some minutes. What was used within the grace stays in any case: a process that has
found it opens it in the next moment. (One that finds it gone nevertheless compiles again: ``_store.recover``.)

Looking through the directory takes a millisecond for a hundred images, so that happens only when much was written
since the last time, or a day has passed. A journal says so: the time of that, in eight bytes, and behind it one byte
for each 64 KiB that was written since, appended by every process that writes.
"""

from __future__ import annotations

import fcntl
import os
from _struct import Struct
from io import FileIO
from stat import S_ISREG
from time import time

from ._cache import GRACE_SECONDS
from ._config import config
from ._errors import tried

_JOURNAL = ".wasmpy-written"
_UNIT = 1 << 16
_HEAD = Struct("<d")
_DAY = 86400
# Temporary files and locks older than this belong to nobody any more.
STALE_SECONDS = 3600
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def most_bytes() -> int:
    """What the images may have together; 0 for no bound. Raises ValueError for a setting that is no size."""
    text = config.get("cache_size")
    size = text.strip().upper()
    number = size.rstrip("KMGT")  # re would cost 4 ms of the first import
    unit = size[len(number) :]
    if unit not in _UNITS or not number.isascii() or not number.isdigit():
        raise ValueError(f"WASMPY_CACHE_SIZE is a number of bytes, with K, M, G or T behind it, not {text!r}")
    return int(number) * _UNITS[unit]


def most_seconds() -> int:
    """How long an image may be unused; 0 for no bound. Raises ValueError for a setting that is no number."""
    text = config.get("cache_days").strip()
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"WASMPY_CACHE_DAYS is a number of days, not {text!r}")
    return int(text) * _DAY


def written(directory: str, size: int) -> None:
    """To be called when so many bytes were written to the user's cache: removes, now and then, what is too much.

    Processes may do so at the same time.
    """
    most = most_bytes()
    journal = tried(FileIO, os.path.join(directory, _JOURNAL), "a+", opener=_private)
    if isinstance(journal, OSError):
        return
    with journal:
        descriptor = journal.fileno()
        status = os.fstat(descriptor)
        if status.st_size < _HEAD.size:
            tried(os.write, descriptor, _HEAD.pack(time()))
        tried(os.write, descriptor, bytes(max(1, size // _UNIT)))
        head = tried(os.pread, descriptor, _HEAD.size, 0)
        if isinstance(head, OSError) or len(head) < _HEAD.size:
            return
        is_much = most and (status.st_size - _HEAD.size) * _UNIT >= most // 16
        if not is_much and abs(time() - _HEAD.unpack(head)[0]) < _DAY:
            return
        if tried(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB) is not None:
            return  # Another process is at it.
        tried(os.ftruncate, descriptor, 0)
        tried(os.write, descriptor, _HEAD.pack(time()))
        prune(directory)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def prune(directory: str) -> int:
    """Removes from the user's cache what is beyond the bounds. Returns how many images that were."""
    most, longest, now = most_bytes(), most_seconds(), time()
    images: list[tuple[float, int, str]] = []
    for path, status in _files(directory):
        name = os.path.basename(path)
        if ".wasmpy-" not in name:
            continue
        if name.endswith(".so"):
            images.append((status.st_mtime, status.st_size, path))
        elif name.endswith((".tmp", ".lock")) and now - status.st_mtime > STALE_SECONDS:
            tried(os.unlink, path)
    total = sum(size for _, size, _ in images)
    removed = 0
    for used, size, path in sorted(images):
        is_old, is_much = longest and now - used > longest, most and total > most
        if now - used < GRACE_SECONDS or not (is_old or is_much):
            break
        now_there = tried(os.stat, path)
        if isinstance(now_there, OSError) or now_there.st_mtime != used:
            continue  # Removed by another process, or used just now.
        if tried(os.unlink, path) is None:
            total -= size
            removed += 1
    return removed


def clear(directory: str) -> int:
    """Removes all images from the user's cache. Returns how many."""
    removed = 0
    for path, status in _files(directory):
        name = os.path.basename(path)
        if ".wasmpy-" not in name:
            continue
        if name.endswith(".so"):
            removed += tried(os.unlink, path) is None
        elif name.endswith(".tmp") and time() - status.st_mtime > STALE_SECONDS:
            tried(os.unlink, path)
    return removed


def _files(directory: str) -> list[tuple[str, os.stat_result]]:
    """The regular files in a directory; none if it cannot be listed."""
    found = []
    for name in names(directory):
        path = os.path.join(directory, name)
        status = tried(os.lstat, path)
        if not isinstance(status, OSError) and S_ISREG(status.st_mode):
            found.append((path, status))
    return found


def names(directory: str) -> list[str]:
    """The names in a directory; none if it cannot be listed."""
    found = tried(os.listdir, directory)
    return [] if isinstance(found, OSError) else found
