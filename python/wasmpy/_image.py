"""Loads a compiled image as a module: the part of an import that follows compiling."""

from __future__ import annotations

import _imp

from . import _cache, _opened
from ._errors import UnguardedError, is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from ._imports import Import
else:
    from _frozen_importlib import ModuleSpec  # the same; importlib would cost 0.4 ms of every start


_NO_TEXT = "the loader takes no path that is not text"


def refuses_place(error: ImportError) -> bool:
    """Whether the loader refused an image for where it lies, not for what it is."""
    return any(part in str(error) for part in ("failed to map segment", _NO_TEXT))


def create(name: str, build: _cache.Build) -> ModuleType:
    """A module object for the image, not yet executed; compiles it if no cache has it."""
    image = _cache.locate(build)
    module = open_image(name, image)
    if isinstance(module, ImportError):
        from ._store import recover

        return recover(name, build, image, module)
    return module


def open_image(name: str, image: str) -> ModuleType | ImportError:
    """The module object of the file ``image``, compiled for the last component of ``name``; or the error of the
    loader, if it refuses the file. Raises the image's own ImportError, where that refuses."""
    from ._link import WasmModule

    _opened.close_unused()
    try:
        module: ModuleType = _imp.create_dynamic(ModuleSpec(name, None, origin=image))
    except ImportError as error:
        if error.path is None or not is_own(error):
            raise
        return error.with_traceback(None)
    except UnicodeEncodeError as error:  # From CPython 3.13 on the loader takes no path that is not text.
        if not is_own(error):
            raise
        return ImportError(f"{_NO_TEXT}: {image!r}", path=image)
    module.__dict__["__wasm_image__"] = image
    if image.startswith("/proc/self/"):
        from ._store import release

        release(image)
    module.__class__ = WasmModule
    return module


def execute(module: ModuleType) -> None:
    """Runs the image's exec slot, which links the instance and initialises it.

    Raises UnguardedError if memory 0 needs the image with bounds checks; nothing has been initialised then.
    """
    _imp.exec_dynamic(module)


def instantiate(name: str, build: _cache.Build, prepare: Callable[[ModuleType], object]) -> ModuleType:
    """A new instance as a module that no import statement sees. ``prepare`` completes it before it is executed."""
    module = create(name, build)
    prepare(module)
    try:
        execute(module)
    except UnguardedError:
        module = create(name, build.checked())
        prepare(module)
        execute(module)
    return module


def begin(name: str, build: _cache.Build) -> tuple[ModuleType, Callable[[Import], Any] | None]:
    """The module object that the import statement executes next; and what resolves its imports, if it has begun to.

    The module is compiled if no cache has it, unless it is plain that it cannot be linked. Raises LinkError then.
    """
    resolve = None
    if not _cache.is_cached(build):
        from ._errors import UnsupportedError
        from ._prelink import require_linkable

        try:
            resolve = require_linkable(build, name)
            _cache.locate(build)
        except UnsupportedError as error:  # There is no compiler here.
            if not is_own(error) or not _cache.take_installed(build):
                raise
    return create(name, build), resolve


def load(module: ModuleType, build: _cache.Build) -> None:
    """Executes what the import statement made of ``build``; again, when the module is reloaded."""
    if "__wasm__" not in module.__dict__:
        # What was assigned before: importlib's LazyLoader loads a module when it is read, not when it is written.
        assigned = {name: value for name, value in module.__dict__.items() if not name.startswith("__")}
        try:
            execute(module)
        except UnguardedError:
            build = build.checked()
        else:
            for name, value in assigned.items():
                if isinstance(getattr(type(module), name, None), property):  # an exported global
                    setattr(module, name, value)
            return

    def prepare(made: ModuleType) -> None:
        made.__spec__ = module.__spec__
        made.__file__ = module.__file__

    # The module object stays, as it does when Python is reloaded, and shows the new instance.
    made = instantiate(module.__name__, build, prepare)
    module.__dict__.update({k: v for k, v in made.__dict__.items() if not k.startswith("__")})
    module.__dict__["__wasm__"] = made.__dict__["__wasm__"]
    module.__class__ = made.__class__
