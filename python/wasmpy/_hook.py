"""The import statement: a path hook that lets every directory of ``sys.path`` serve ``.wasm`` and ``.wat``.

The hook stands in front of the stock one and makes the stock FileFinder with the stock loaders and, last,
ours: so the rules of ``.py`` hold (earlier entries win; in one directory an extension module, then Python,
then wasm, then wat, then a namespace directory), and finders that others put in ``sys.meta_path`` keep
working. Zip archives have a finder of their own, at the end of ``sys.meta_path``: what is in them is looked
for when all else has failed.

At the top level no wasm module takes the place of a module that Python or this package relies on: a data file
``json.wasm`` beside a script must not become everybody's ``json``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing
    from collections import abc
    from importlib import machinery
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from . import _cache

    _Method = typing.TypeVar("_Method", bound=abc.Callable[..., object])
else:  # The same; importlib itself would cost 0.4 ms of every start.
    import _frozen_importlib_external as machinery
    from _frozen_importlib import ModuleSpec

    from ._lazy import _cache, abc, typing

    ModuleType = type(sys)

SUFFIXES = [".wasm", ".wat"]

# Top-level names that never stand for a wasm module: those of the standard library, of all platforms, as its modules
# also try each other's; what the interpreter itself looks for; this package and what it imports.
RESERVED = sys.stdlib_module_names | {
    "__main__", "sitecustomize", "usercustomize", "wasmpy", "platformdirs"
}  # fmt: skip


def _unseen(method: _Method) -> _Method:
    """Makes the method a part of the import system for whoever looks at a traceback: the import statement takes such
    frames out, and those of importlib around them, as it does for modules in Python. It knows them by these names."""
    method.__code__ = method.__code__.replace(
        co_filename="<frozen importlib._bootstrap_external>", co_name="_call_with_frames_removed"
    )
    return method


class WasmLoader:
    """The loader of a ``.wasm`` or ``.wat`` file. The import statement makes it by itself; to import a file by hand::

        spec = importlib.util.spec_from_file_location("name", "path/name.wasm", loader=WasmLoader("name", path))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

    ``fullname`` is the name that the module gets, which may be any; ``path`` its file. Its own imports are found as
    if it were imported by that name. The image lies in ``__pycache__`` beside the file, or in the user's cache.
    """

    __module__ = "wasmpy"

    # Whether the image may lie beside the source.
    _beside = True

    def __init__(self, fullname: str, path: str) -> None:
        self.name = fullname
        self.path = path
        self._build: _cache.Build | None = None

    def _source(self) -> _cache.Build:
        from ._cache import Build
        from ._config import options_of

        leaf = self.name.rpartition(".")[2]
        return Build(self.get_data(self.path), leaf, self.path, options_of(self.name), beside=self._beside)

    @_unseen
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Opens the image, compiled if no cache has it. Raises CompileError, LinkError, UnsupportedError, OSError."""
        from . import _image
        from ._errors import without_own_frames

        try:
            self._build = self._source()
            module, resolve = _image.begin(spec.name, self._build)
        except BaseException as error:
            raise without_own_frames(error)  # noqa: B904
        if resolve is not None:
            module.__dict__["__wasm_resolve__"] = resolve
        return module

    @_unseen
    def exec_module(self, module: ModuleType) -> None:
        """Links and initialises the module; anew, if it is reloaded. Raises LinkError, or what its start raises."""
        from . import _image
        from ._errors import without_own_frames

        # None when the module is reloaded: the file may have changed.
        build, self._build = self._build, None
        try:
            _image.load(module, build or self._source())
        except BaseException as error:
            raise without_own_frames(error)  # noqa: B904

    def get_data(self, path: str) -> bytes:
        """The content of a file."""
        with open(path, "rb") as file:
            return file.read()

    def get_filename(self, fullname: str | None = None) -> str:
        """The path of the module's file."""
        return self.path

    def is_package(self, fullname: str | None = None) -> bool:
        """False: no WebAssembly module is a package."""
        return False

    def get_code(self, fullname: str | None = None) -> None:
        """None: there is no bytecode."""
        return None

    def get_source(self, fullname: str | None = None) -> str | None:
        """The text of a ``.wat``; None for binaries. Tracebacks read it."""
        if self.path.endswith(".wat"):
            return self.get_data(self.path).decode("utf-8", "replace")
        return None

    def get_resource_reader(self, fullname: str) -> typing.Any:
        """Resources of a module are the files beside it, as for Python's."""
        from importlib.readers import FileReader

        return FileReader(self)  # type: ignore[arg-type]


class WasmFinder(machinery.FileFinder):
    """The stock finder, whose directories also list their wasm modules."""

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = super().find_spec(fullname, target)
        if fullname in RESERVED and spec is not None and isinstance(spec.loader, WasmLoader):
            return None
        return spec

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        # pkgutil.iter_modules chooses by this attribute what lists a finder's modules. Nothing else tells us in
        # time that somebody has imported pkgutil, and importing it here would cost every start.
        if "pkgutil" in sys.modules:
            _teach_pkgutil(sys.modules["pkgutil"])
        return WasmFinder


def _teach_pkgutil(pkgutil: typing.Any) -> None:
    registry = getattr(getattr(pkgutil, "iter_importer_modules", None), "registry", None)
    if registry is None or WasmFinder in registry or machinery.FileFinder not in registry:
        return

    from ._errors import tried

    def iter_modules(finder: WasmFinder, prefix: str = "") -> abc.Iterator[tuple[str, bool]]:
        known = set()
        for name, is_package in registry[machinery.FileFinder](finder, prefix):
            known.add(name)
            yield name, is_package
        entries = tried(os.listdir, finder.path)
        if isinstance(entries, OSError):
            return
        if os.path.abspath(finder.path) in {os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)}:
            known.update(prefix + leaf for leaf in RESERVED)
        for entry in sorted(entries):
            leaf, suffix = os.path.splitext(entry)
            if suffix in SUFFIXES and "." not in leaf and prefix + leaf not in known:
                known.add(prefix + leaf)
                yield prefix + leaf, False

    pkgutil.iter_importer_modules.register(WasmFinder, iter_modules)


class ZipLoader(WasmLoader):
    """Loader of a file in a zip archive. Its image lies in the user's cache."""

    __module__ = __name__

    _beside = False

    def __init__(self, fullname: str, path: str, archive: typing.Any) -> None:
        super().__init__(fullname, path)
        self._archive = archive

    def get_data(self, path: str) -> bytes:
        data: bytes = self._archive.get_data(path)
        return data

    def get_resource_reader(self, fullname: str) -> typing.Any:
        return self._archive.get_resource_reader(fullname)


class ZipFinder:
    """Finds ``.wasm`` and ``.wat`` in the zip archives of a path."""

    _wasmpy = True

    @staticmethod
    def find_spec(
        fullname: str, path: abc.Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in RESERVED:
            return None
        leaf = fullname.rpartition(".")[2]
        for entry in sys.path if path is None else path:
            archive = sys.path_importer_cache.get(entry)
            if archive is None or not hasattr(archive, "archive") or not hasattr(archive, "get_data"):
                continue
            for suffix in SUFFIXES:
                file = os.path.join(entry, leaf + suffix)
                try:
                    archive.get_data(file)
                except OSError as error:
                    from ._errors import is_own

                    if not is_own(error, "zipimport", type(archive).__module__):
                        raise
                    continue
                spec = ModuleSpec(fullname, ZipLoader(fullname, file, archive), origin=file)  # type: ignore[arg-type]
                spec.has_location = True
                return spec
        return None


def _loaders() -> list[tuple[type, list[str]]]:
    return [
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
        (WasmLoader, SUFFIXES),
    ]


def install() -> None:
    """Puts the hook before the stock one, and the finder for archives behind all others, unless they are there."""
    if not any(getattr(finder, "_wasmpy", False) for finder in sys.meta_path):
        sys.meta_path.append(ZipFinder)
    if any(getattr(hook, "_wasmpy", False) for hook in sys.path_hooks):
        return
    stock_hook = WasmFinder.path_hook(*_loaders())

    def path_hook(path: str) -> machinery.FileFinder:
        return stock_hook(path)  # type: ignore[return-value]

    path_hook._wasmpy = True  # type: ignore[attr-defined]
    position = next(
        (i for i, hook in enumerate(sys.path_hooks) if "FileFinder" in getattr(hook, "__name__", "")),
        len(sys.path_hooks),
    )
    sys.path_hooks.insert(position, path_hook)
    # The standard library's directories, and ours, hold no wasm: to list them again would cost 0.3 ms of every start.
    # Frozen applications have the library where they have everything.
    standard = os.path.dirname(os.__file__)
    kept = (
        () if hasattr(sys, "frozen") else (standard, os.path.join(standard, "lib-dynload"), os.path.dirname(__file__))
    )
    for path in sys.path_importer_cache.keys() - kept:
        sys.path_importer_cache.pop(path, None)
    _teach_importlib()


def _teach_importlib() -> None:
    """Lets ``importlib.util.spec_from_file_location("name", "x.wasm")`` find the loader by the suffix."""
    external: typing.Any = sys.modules["_frozen_importlib_external"]
    stock = getattr(external, "_get_supported_file_loaders", None)
    if stock is not None:
        external._get_supported_file_loaders = lambda: [*stock(), (WasmLoader, SUFFIXES)]
