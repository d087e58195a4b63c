"""Modules that only type hints name. They are imported when somebody reads the hints (``typing.get_type_hints``):
typing and collections.abc would cost 3 ms of every start. Names that only type checkers see could not be found then.
"""

from __future__ import annotations


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
