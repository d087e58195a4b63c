"""Loads a compiled image as a module: the part of an import that follows compiling."""

from __future__ import annotations

import _imp
from importlib.machinery import ModuleSpec
from types import ModuleType

from . import _cache


def create(name: str, path: str, source: bytes) -> ModuleType:
    """A module object for the source, not yet executed; compiles it if no cache has its image."""
    leaf = name.rpartition(".")[2]
    return open_image(name, _cache.image_beside(path, source, leaf))


def open_image(name: str, image: str) -> ModuleType:
    """The module object of the file ``image``, compiled for the last component of ``name``."""
    from ._link import WasmModule

    module: ModuleType = _imp.create_dynamic(ModuleSpec(name, None, origin=image))
    module.__class__ = WasmModule
    return module


def execute(module: ModuleType) -> None:
    """Runs the image's exec slot, which links the instance and initialises it."""
    _imp.exec_dynamic(module)
