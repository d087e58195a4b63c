"""The import statement: a path hook that lets every directory of ``sys.path`` serve ``.wasm`` and ``.wat``.

The hook stands in front of the stock one and makes the stock FileFinder with the stock loaders and, last,
ours: so the rules of ``.py`` hold (earlier entries win; in one directory an extension module, then Python,
then wasm, then wat, then a namespace directory), and finders that others put in ``sys.meta_path`` keep
working.
"""

from __future__ import annotations

import sys
from importlib import machinery
from types import ModuleType

SUFFIXES = [".wasm", ".wat"]


class WasmLoader:
    """Loader of one ``.wasm`` or ``.wat`` file."""

    def __init__(self, fullname: str, path: str) -> None:
        self.name = fullname
        self.path = path

    def create_module(self, spec: machinery.ModuleSpec) -> ModuleType:
        from . import _image

        return _image.create(spec.name, self.path, self.get_data(self.path))

    def exec_module(self, module: ModuleType) -> None:
        from . import _image

        _image.execute(module)

    def get_data(self, path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    def get_filename(self, fullname: str | None = None) -> str:
        return self.path

    def is_package(self, fullname: str | None = None) -> bool:
        return False

    def get_code(self, fullname: str | None = None) -> None:
        return None

    def get_source(self, fullname: str | None = None) -> str | None:
        """The text of a ``.wat``; None for binaries. Tracebacks read it."""
        if self.path.endswith(".wat"):
            return self.get_data(self.path).decode("utf-8", "replace")
        return None


def _loaders() -> list[tuple[type, list[str]]]:
    return [
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
        (WasmLoader, SUFFIXES),
    ]


def install() -> None:
    """Puts the hook before the stock one; does nothing when it is there."""
    if any(getattr(hook, "_wasmpy", False) for hook in sys.path_hooks):
        return
    stock_hook = machinery.FileFinder.path_hook(*_loaders())

    def path_hook(path: str) -> machinery.FileFinder:
        return stock_hook(path)  # type: ignore[return-value]

    path_hook._wasmpy = True  # type: ignore[attr-defined]
    position = next(
        (i for i, hook in enumerate(sys.path_hooks) if "FileFinder" in getattr(hook, "__name__", "")),
        len(sys.path_hooks),
    )
    sys.path_hooks.insert(position, path_hook)
    sys.path_importer_cache.clear()
