"""Modules that are imported late.

What only type hints name is imported when somebody reads the hints (``typing.get_type_hints``): typing and
collections.abc would cost 3 ms of every start. Names that only type checkers see could not be found then.

Modules of this package are imported where a function first needs them. A fork beside a thread that is importing one
would leave the child with a lock that nobody holds any more, and which it would wait for; so they are there before.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock


class _Module:
    """Stands for a module whose attributes are asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        from importlib import import_module

        return getattr(import_module(self._name), name)


class _Extensions:
    """Stands for typing_extensions, which need not be there: with what is used of it."""

    @property
    def Buffer(self) -> object:
        import collections.abc
        import typing

        return getattr(collections.abc, "Buffer", typing.Any)  # from Python 3.12 on

    @property
    def Self(self) -> object:
        import typing

        return getattr(typing, "Self", typing.Any)  # from Python 3.11 on


abc = _Module("collections.abc")
contextlib = _Module("contextlib")
typing = _Module("typing")
typing_extensions = _Extensions()
_cache = _Module("wasmpy._cache")
_descriptors = _Module("wasmpy._descriptors")
_imports = _Module("wasmpy._imports")


# Whatever an import of a module needs, cached or not.
_LATE = (
    *("copyreg", "errno", "faulthandler", "fcntl", "gc", "resource"),
    *("wasmpy._api", "wasmpy._compiler", "wasmpy._diagnostics", "wasmpy._eviction", "wasmpy._image"),
    *("wasmpy._objects", "wasmpy._opened", "wasmpy._prelink", "wasmpy._signals", "wasmpy._store", "wasmpy._traps"),
)

# Whoever holds it sees no fork begin, but its own.
unforked = RLock()
_is_forking = False


def _before_fork() -> None:
    """Imports what other threads may be importing: that waits for their locks."""
    global _is_forking
    if len(sys._current_frames()) > 1:
        for name in _LATE:
            try:
                __import__(name)
            except ImportError:  # An interpreter with a lock of its own has no faulthandler.
                pass
    unforked.acquire()
    _is_forking = True


def _after_fork() -> None:
    """In parent and child."""
    global _is_forking
    if _is_forking:  # Not if this package was imported by another hook of this fork.
        _is_forking = False
        unforked.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
