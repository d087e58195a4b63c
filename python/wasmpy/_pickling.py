"""How modules that were imported, and their functions, reach other processes: by name.

pickle would do as much for any builtin of any module, but the process that reads it has no finder for WebAssembly
until it imports this package, which a script often does only under ``if __name__ == "__main__"``. So what is pickled
names a function of this file: to find that, pickle imports the package first.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import BuiltinFunctionType, ModuleType
from typing import Any

from ._link import State, state_of


def module(name: str) -> ModuleType:
    """Makes an unpickled module: imports it."""
    return import_module(name)


def function(name: str, export: str) -> Any:
    """Makes an unpickled function: an export of the module ``name``."""
    return state_of(import_module(name)).exports[export]


def reduce_module(pickled: ModuleType) -> tuple[Any, tuple[str]]:
    """What a WebAssembly module tells pickle. Raises TypeError for one that no import statement finds."""
    name = pickled.__name__
    if sys.modules.get(name) is not pickled:
        raise TypeError(f"cannot pickle {pickled!r}: {name!r} is not in sys.modules, where it could be found again")
    return module, (name,)


def reduce_function(pickled: BuiltinFunctionType) -> tuple[Any, tuple[str, str]]:
    """What a function of WebAssembly tells pickle. Raises TypeError if no imported module exports it."""
    owner: Any = pickled.__self__
    state: State = owner.__dict__["__wasm__"]
    name = owner.__name__
    what = f"cannot pickle {pickled!r}"
    if getattr(sys.modules.get(name), "__dict__", {}).get("__wasm__") is not state:
        raise TypeError(
            f"{what}: its instance is not a module that was imported, so it cannot be found again elsewhere. "
            "Pickle the wasmpy.Module, and instantiate that where it arrives"
        )
    for export, value in state.exports.items():
        if value is pickled:
            return function, (name, export)
    raise TypeError(f"{what}: {name} does not export it, so it cannot be found again elsewhere")
