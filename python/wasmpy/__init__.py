"""WebAssembly modules as Python modules, at native speed.

Importing this package installs a finder: from then on ``import name`` also finds ``name.wasm`` and
``name.wat`` where it would find ``name.py``, and compiles them to native extension modules on first use.
Everything else here is loaded when it is first asked for.
"""

from . import _hook

__version__ = "1.0.0a1"

_PLACES = {
    "CompileError": "_errors",
    "LinkError": "_errors",
    "Trap": "_errors",
    "UnsupportedError": "_errors",
    "WasmError": "_errors",
    "Func": "_api",
    "Global": "_link",
    "Instance": "_api",
    "Memory": "_link",
    "Module": "_api",
    "Table": "_link",
    "bind": "_link",
    "compile": "_api",
    "config": "_config",
    "load": "_api",
    "module": "_api",
    "validate": "_api",
    "wasm2wat": "_api",
    "wat": "_api",
    "wat2wasm": "_api",
}

__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{place}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})


_hook.install()
