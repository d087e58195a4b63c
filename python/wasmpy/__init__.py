"""WebAssembly modules as Python modules, at native speed.

Importing this package installs a finder: from then on ``import name`` also finds ``name.wasm`` and
``name.wat`` where it would find ``name.py``, and compiles them to native extension modules on first use.
Everything else here is loaded when it is first asked for.
"""

from . import _hook

__version__ = "1.0.0a1"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._api import Func, Instance, Module, compile, exports, load, module, validate, wasm2wat, wat, wat2wasm
    from ._config import (
        ALL,
        BULK_MEMORY,
        MULTI_VALUE,
        MUTABLE_GLOBALS,
        NONE,
        REFERENCE_TYPES,
        SATURATING_FLOAT_TO_INT,
        SIGN_EXTENSION,
        SIMD,
        bind,
        config,
        disable,
        enable,
    )
    from ._descriptors import ExportType, ImportType
    from ._errors import CompileError, LinkError, Trap, UnsupportedError, WasmError
    from ._hook import WasmLoader
    from ._imports import pass_caller, restrict_imports
    from ._objects import Global, Memory, Table
    from ._values import f32_bits, f32_from_bits, f64_bits, f64_from_bits, u32, u64

_FLAGS = (
    "ALL", "BULK_MEMORY", "MULTI_VALUE", "MUTABLE_GLOBALS", "NONE", "REFERENCE_TYPES", "SATURATING_FLOAT_TO_INT",
    "SIGN_EXTENSION", "SIMD",
)  # fmt: skip

_PLACES = {
    **dict.fromkeys((*_FLAGS, "config", "disable", "enable"), "_config"),
    "load_ipython_extension": "_jupyter",
    "unload_ipython_extension": "_jupyter",
    "CompileError": "_errors",
    "LinkError": "_errors",
    "Trap": "_errors",
    "UnsupportedError": "_errors",
    "WasmError": "_errors",
    "WasmLoader": "_hook",
    "ExportType": "_descriptors",
    "ImportType": "_descriptors",
    "Func": "_api",
    "Global": "_link",
    "Instance": "_api",
    "Memory": "_link",
    "Module": "_api",
    "Table": "_link",
    "bind": "_config",
    "compile": "_api",
    "exports": "_api",
    "f32_bits": "_values",
    "f32_from_bits": "_values",
    "f64_bits": "_values",
    "f64_from_bits": "_values",
    "load": "_api",
    "module": "_api",
    "pass_caller": "_imports",
    "restrict_imports": "_imports",
    "u32": "_values",
    "u64": "_values",
    "validate": "_api",
    "wasm2wat": "_api",
    "wat": "_api",
    "wat2wasm": "_api",
}

__all__ = [
    "ALL",
    "BULK_MEMORY",
    "MULTI_VALUE",
    "MUTABLE_GLOBALS",
    "NONE",
    "REFERENCE_TYPES",
    "SATURATING_FLOAT_TO_INT",
    "SIGN_EXTENSION",
    "SIMD",
    "CompileError",
    "ExportType",
    "Func",
    "Global",
    "ImportType",
    "Instance",
    "LinkError",
    "Memory",
    "Module",
    "Table",
    "Trap",
    "UnsupportedError",
    "WasmError",
    "WasmLoader",
    "__version__",
    "bind",
    "compile",
    "config",
    "disable",
    "enable",
    "exports",
    "f32_bits",
    "f32_from_bits",
    "f64_bits",
    "f64_from_bits",
    "load",
    "module",
    "pass_caller",
    "restrict_imports",
    "u32",
    "u64",
    "validate",
    "wasm2wat",
    "wat",
    "wat2wasm",
]

if not TYPE_CHECKING:  # Type checkers shall complain of names that are not there.

    def __getattr__(name: str) -> object:
        place = _PLACES.get(name)
        if place is None and name.startswith("_"):  # As `from . import` asks: in each start.
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if place is None:
            import sys

            from ._foreign import complaint

            raise complaint(__name__, name, f"module {__name__!r}", sys.modules.get(__name__))
        value = getattr(__import__(place, globals(), None, [name], 1), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


_hook.install()
