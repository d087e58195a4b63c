"""Compiling and instantiating by hand: Module, Instance, Func, compile, load, validate, wat.

A str or path is always a file, bytes are always content (binary or text). Nothing here resolves an import that
the caller did not pass, and no image is read or written beside the source: only in the user's own cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from . import _cache, _compiler, _image
from ._link import WasmModule, lookup, state_of

_Source = str | os.PathLike[str] | bytes | bytearray | memoryview

# The module name that images of `compile` and `load` are compiled for.
_LEAF = "wasm"


def _read(source: _Source) -> tuple[bytes, str]:
    """The content of a source and the file name to report."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), "<wasm>"
    path = os.fspath(source)
    with open(path, "rb") as file:
        return file.read(), path


class Module:
    """A compiled module, not yet instantiated."""

    def __init__(self, source: _Source, *, features: str = "3.0") -> None:
        """Compiles ``source`` as WebAssembly of the version ``features``.

        Raises CompileError, UnsupportedError, or OSError for a file.
        """
        self._source, self.filename = _read(source)
        self._build = _cache.Build(self._source, _LEAF, self.filename, features=features)
        _cache.locate(self._build)

    def instantiate(self, imports: Mapping[str, Any] | None = None) -> Instance:
        """A new instance; as ``Instance(module, imports)``."""
        return Instance(self, imports)

    def __repr__(self) -> str:
        return f"<wasmpy.Module {self.filename}>"


class Instance:
    """An instance of a module. ``exports`` maps names to functions, memories, tables and globals; functions,
    memories, tables and the values of globals are attributes too, and ``instance["any name"]``."""

    def __init__(self, module: Module, imports: Mapping[str, Any] | None = None) -> None:
        """Links and initialises. ``imports`` maps module names to namespaces: mappings, modules, instances.

        Raises LinkError, or what the start function raises.
        """
        given = imports or {}

        def prepare(made: ModuleType) -> None:
            made.__file__ = module.filename
            made.__dict__["__wasm_resolve__"] = lambda wanted: lookup(given[wanted.module], wanted)

        self._module: Any = _image.instantiate(_LEAF, module._build, prepare)
        self.__dict__["__wasm__"] = state_of(self._module)

    @property
    def exports(self) -> Mapping[str, Any]:
        """Export name → function, Memory, Table or Global."""
        return dict(self.__dict__["__wasm__"].exports)

    def __getitem__(self, name: str) -> Any:
        return self._module[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._module[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__["__wasm__"].exports

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__["__wasm__"].exports)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._module, name)

    def __reduce__(self) -> Any:
        raise TypeError("an instance holds native memory and cannot be pickled")

    def __repr__(self) -> str:
        return f"<wasmpy.Instance of {self._module.__file__}>"


class Func:
    """A Python callable with a wasm type: ``Func("(i32) -> i32", f)`` fits where a funcref is wanted.

    Makes the builtin that calls ``f`` with the conversions of an import; parameter and result types are
    i32, i64, f32, f64, externref and funcref.
    """

    def __new__(cls, type: str, function: Any) -> Any:
        params, _, results = type.partition("->")
        text = (
            f'(module (import "f" "f" (func (param {params.strip(" ()")}) (result {results.strip(" ()")}))) '
            '(export "f" (func 0)))'
        )
        if not callable(function):
            raise TypeError(f"{function!r} is not callable")
        return Instance(Module(text.encode()), {"f": {"f": function}})["f"]


def compile(source: _Source) -> Module:
    """Compiles a file (str or path) or content (bytes; text or binary)."""
    return Module(source)


def load(source: _Source, imports: Mapping[str, Any] | None = None) -> Instance:
    """Compiles and instantiates with exactly the imports given."""
    return Instance(Module(source), imports)


def module(imported: ModuleType) -> Module:
    """The Module behind an imported wasm module, for further instances of it."""
    if not isinstance(imported, WasmModule):
        raise TypeError(f"{imported!r} is not a WebAssembly module")
    path = imported.__file__ or ""
    made = Module(imported.__loader__.get_data(path))  # type: ignore[union-attr]
    made.filename = path
    return made


def validate(source: _Source) -> bool:
    """True if the module is valid WebAssembly 3.0. Raises only OSError for a file that cannot be read."""
    content, _ = _read(source)
    answer, _ = _compiler.request({"do": "validate"}, content)
    return "error" not in answer


def wat(text: str) -> Module:
    """Compiles inline WebAssembly text."""
    return Module(text.encode())


def wat2wasm(text: str) -> bytes:
    """Assembles text to a binary. Raises CompileError with line and column."""
    source = text.encode()
    answer, binary = _compiler.request({"do": "assemble"}, source)
    if "error" in answer:
        raise _compiler.diagnostic(answer["error"], "<wat>", source)
    return binary


def wasm2wat(binary: bytes) -> str:
    """The text of a binary. Raises CompileError with the byte offset."""
    answer, text = _compiler.request({"do": "disassemble"}, binary)
    if "error" in answer:
        raise _compiler.diagnostic(answer["error"], "<wasm>", binary)
    return text.decode()
