"""The types of everything public can be read at run time, as pydantic and others do, and cost no import of typing."""

from __future__ import annotations

import inspect
import typing

import pytest
import wasmpy
from conftest import run_python


def _public() -> dict[str, object]:
    """All functions, classes and methods that users see: name → object."""
    found: dict[str, object] = {}
    for name in wasmpy.__all__:
        thing = getattr(wasmpy, name)
        if isinstance(thing, type):
            found[name] = thing
            for base in thing.__mro__:
                if base.__module__ != "wasmpy" and not base.__module__.startswith("wasmpy."):
                    continue
                for key, member in vars(base).items():
                    if issubclass(thing, tuple) and not key.startswith("_"):
                        continue  # a field
                    for function in (member, *(getattr(member, part, None) for part in ("fget", "fset", "__func__"))):
                        if inspect.isfunction(function):
                            found[f"{name}.{key}"] = function
        elif inspect.isfunction(thing):
            found[name] = thing
        elif not isinstance(thing, (str, int)):
            found[name] = type(thing)
            for key, member in vars(type(thing)).items():
                for function in (member, getattr(member, "fget", None), getattr(member, "fset", None)):
                    if inspect.isfunction(function):
                        found[f"{name}.{key}"] = function
    return found


PUBLIC = _public()


def test_all_are_looked_at():
    assert len(PUBLIC) > 100
    assert {"load", "Memory.read_str", "Instance.exports", "Trap", "Global.value", "Func.__new__"} <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_type_hints(name):
    thing = PUBLIC[name]
    hints = typing.get_type_hints(thing, include_extras=True)
    if inspect.isfunction(thing):
        parameters = inspect.signature(thing).parameters
        own = thing.__code__.co_filename != "<string>" and thing.__module__ != "collections"  # of named tuples
        unknown = [p for p in parameters if p not in hints and p not in ("self", "cls", "_self", "_cls")]
        assert not unknown or not own


def test_hints_cost_no_import(tmp_path, cache):
    """What a cached import loads must not be more than it needs."""
    (tmp_path / "m.wat").write_text('(module (memory (export "memory") 1) (func (export "f")))')
    run_python("import wasmpy, m", tmp_path, cache)
    tell = "print(sorted({'typing', 'contextlib', 'typing_extensions'} & set(sys.modules)))"
    with_it = run_python(f"import sys, wasmpy, m; m.f(); {tell}", tmp_path, cache)
    assert with_it.stdout == run_python(f"import sys; {tell}", tmp_path, cache).stdout
