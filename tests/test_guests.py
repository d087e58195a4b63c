"""Guests that want out: what a loaded module gets, and what comes back from the host."""

from __future__ import annotations

import json
import os
import shutil
import struct
import types
import weakref
from unittest.mock import Mock

import pytest
import wasmpy
from samples import ADD
from wasmpy import _target


def test_load_gives_nothing_that_was_not_passed(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    (tmp_path / "env.py").write_text("raise SystemExit('imported')")
    (tmp_path / "sibling.wat").write_text(ADD)
    (tmp_path / "guest.wat").write_text(ADD)
    monkeypatch.syspath_prepend(str(tmp_path))
    wants = [
        ("os", "system"),
        ("builtins", "exec"),
        ("sys", "exit"),
        ("evil", "f"),
        (".evil", "f"),
        ("..evil", "f"),
        ("env", "f"),
        ("sibling", "add"),
        ("wasmpy", "load"),
        ("capi", "PyRun_SimpleString"),
        ("wasi_snapshot_preview1", "proc_exit"),
        ("wasi_unstable", "proc_exit"),
        ("__main__", "f"),
        ("", ""),
    ]
    rows = "".join(f'(import "{module}" "{name}" (func (param i32)))' for module, name in wants)
    for imports in (None, {}, {"host": os}, {"os": {}, "env": {}}):
        with pytest.raises(wasmpy.LinkError) as caught:
            wasmpy.load(f"(module {rows})".encode(), imports)
        lines = [line.strip() for line in str(caught.value).splitlines() if "unknown import" in line]
        assert lines == [f"unknown import {m}.{n}: function (i32) -> ()" for m, n in wants]
    for file in ("guest.wat", "sibling.wat"):
        (tmp_path / file).write_text(f"(module {rows})")
        with pytest.raises(wasmpy.LinkError):
            wasmpy.load(tmp_path / file)


class Host:
    """What a host may pass as a namespace."""

    def __init__(self) -> None:
        self.secret = "secret"

    def add(self, a: int, b: int) -> int:
        return a + b

    def __wbindgen_throw(self) -> None: ...


@pytest.mark.parametrize(
    "name",
    ["__class__", "__init__", "__new__", "__getattribute__", "__setattr__", "__reduce_ex__", "__dir__", "__sizeof__",
     "__subclasshook__", "__dict__", "__module__", "__init_subclass__"],
)  # fmt: skip
@pytest.mark.parametrize("namespace", [Host(), Host, os, shutil])
def test_what_python_adds_to_a_namespace_is_not_in_it(name, namespace):
    """Who passes an object gives its attributes, not the machinery that Python has put on every object."""
    text = f'(module (import "env" "{name}" (func (param externref) (result externref))))'
    with pytest.raises(wasmpy.LinkError, match="unknown import"):
        wasmpy.load(text.encode(), {"env": namespace})
    assert wasmpy.load(text.encode(), {"env": {name: lambda x: x}})


@pytest.mark.parametrize("name", ["keys", "log"])
def test_functions_called_keys_make_no_mapping_of_a_namespace(name):
    """A module of Python may have one, or answer to any name; so may an object."""
    module = types.ModuleType("env")
    module.keys = module.log = lambda: 42
    answering = types.ModuleType("env")
    answering.__getattr__ = lambda name: lambda: 42
    host = types.SimpleNamespace(keys=lambda: 42, log=lambda: 42)
    text = f'(module (import "env" "{name}" (func (result i32))) (export "f" (func 0)))'
    for namespace in (module, answering, host):
        assert wasmpy.load(text.encode(), {"env": namespace}).f() == 42
    mapping = types.MappingProxyType({name: lambda: 42})
    assert wasmpy.load(text.encode(), {"env": mapping}).f() == 42


class Stop(BaseException):
    pass


@pytest.mark.parametrize("kind", [Stop, SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError])
@pytest.mark.parametrize("where", ["call", "start", "nested", "thread", "many results"])
def test_exceptions_of_callbacks_reach_the_host(kind, where):
    """Unchanged, through any number of guests, and the instances go on."""
    error = kind("mine")

    def fail(*arguments):
        raise error

    text = """
        (module (import "h" "f" (func $f (result i32))) (memory 1)
          (func (export "g") (result i32)
            (i32.store (i32.const 0) (i32.const 1)) (drop (call $f)) (i32.store (i32.const 0) (i32.const 2))
            (i32.const 0))
          (func (export "at") (result i32) (i32.load (i32.const 0))) {})
    """
    plain = text.format("").encode()
    if where == "start":
        with pytest.raises(kind) as caught:
            wasmpy.load(text.format("(func $s (drop (call $f))) (start $s)").encode(), {"h": {"f": fail}})
        assert caught.value is error
        return
    if where == "many results":
        m = wasmpy.load(
            b'(module (import "h" "f" (func $f (result i32 i64))) (func (export "g") (result i64) (drop (call $f))'
            b" (unreachable)))",
            {"h": {"f": lambda: (fail() for _ in range(2))}},
        )
    else:
        m = wasmpy.load(plain, {"h": {"f": fail}})
        if where == "nested":
            for _ in range(20):
                m = wasmpy.load(plain, {"h": {"f": lambda g=m.g: g() + 1}})
    if where == "thread":
        import threading

        seen = []

        def work():
            try:
                m.g()
            except kind as caught:
                seen.append(caught)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert seen == [error]
    else:
        for _ in range(3):
            with pytest.raises(kind) as caught:
                m.g()
            assert caught.value is error
    if where != "many results":
        assert m.at() == 1


def test_results_of_callbacks_are_checked():
    """Whatever a callback gives, the guest gets a number or the host an exception."""

    class Odd:
        def __index__(self):
            return "x"  # noqa: PLE0305

    class Evil:
        def __index__(self):
            raise Stop

    m = None
    for value in (None, "1", 1.5, 2**32, -(2**31) - 1, Odd(), (), (1, 2), [1], object):
        m = wasmpy.load(
            b'(module (import "h" "f" (func $f (result i32))) (func (export "g") (result i32) (call $f)))',
            {"h": {"f": lambda value=value: value}},
        )
        with pytest.raises((TypeError, OverflowError)):
            m.g()
    m = wasmpy.load(
        b'(module (import "h" "f" (func $f (result i32))) (func (export "g") (result i32) (call $f)))',
        {"h": {"f": Evil}},
    )
    with pytest.raises(Stop):
        m.g()


def test_a_callback_may_do_anything_to_the_instance():
    """Grow its memory, change its tables, call it, drop it, drop itself."""
    text = b"""
        (module (import "h" "f" (func $f)) (memory (export "memory") 1 4) (table (export "t") 2 funcref)
          (global (export "n") (mut i32) (i32.const 0))
          (type $v (func))
          (func $set (global.set 0 (i32.add (global.get 0) (i32.const 1))))
          (elem (i32.const 0) func $set)
          (func (export "g") (result i32)
            (i32.store (i32.const 65532) (i32.const 7))
            (call $f)
            (call_indirect (type $v) (i32.const 0))
            (i32.add (i32.load (i32.const 65532)) (i32.load (i32.const 65536)))))
    """
    holder = {}

    def f():
        m = holder["m"]
        m.memory.grow(1)
        m.memory[65536:65540] = (5).to_bytes(4, "little")
        if holder["how"] == "null":
            m.t[0] = None
        elif holder["how"] == "again" and m.n < 3:
            m.n += 1
            m.g()
        elif holder["how"] == "drop":
            holder.clear()
            import gc

            gc.collect()

    for how, expected in (("null", wasmpy.Trap), ("again", 12), ("drop", 12)):
        holder.update(m=wasmpy.load(text, {"h": {"f": f}}), how=how)
        if expected is wasmpy.Trap:
            with pytest.raises(wasmpy.Trap, match="uninitialized element"):
                holder["m"].g()
        else:
            holder["m"].memory.grow(0)
            try:
                assert holder["m"].g() == expected
            except ValueError:
                assert how == "again"


class _Mocked:
    """Says of itself what it is not, and where its memory is."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    __class__ = property(lambda self: self.kind)  # type: ignore[assignment]
    _is64, _text = False, "externref"

    def _limits(self) -> tuple[int, int]:
        return 1, 2

    def _type(self) -> tuple[int, bool]:
        return 6, True

    def _address(self) -> int:
        return 0x1000


@pytest.mark.parametrize(
    ("kind", "arguments", "wanted"),
    [
        ("Memory", (1, 2), "memory 1"),
        ("Table", ("externref", 1), "table 1 externref"),
        ("Global", ("externref", None, True), "global (mut externref)"),
    ],
)
def test_what_only_says_that_it_is_a_native_object(kind, arguments, wanted):
    """Of a proxy the instance could not keep alive what it stands for."""
    real = getattr(wasmpy, kind)
    derived = type(kind, (real,), {})  # has weak references
    thing = derived(*arguments[:2], **({"mutable": True} if len(arguments) > 2 else {}))
    text = f'(module (import "a" "b" ({wanted})))'.encode()
    wasmpy.load(text, {"a": {"b": thing}})
    for foreign in (weakref.proxy(thing), _Mocked(real), Mock(spec=real), real):
        with pytest.raises(wasmpy.LinkError):
            wasmpy.load(text, {"a": {"b": foreign}})
    # Below that the compiled code looks for itself.
    state = wasmpy.load(b"(module (memory 1) (table 1 externref) (global (mut externref) (ref.null extern)))")
    bind = state._module.__wasm__.kernel["bind"]
    for number in (1, 2, 3):
        for foreign in (weakref.proxy(thing), _Mocked(real), None, 5):
            with pytest.raises((TypeError, ValueError)):
                bind(number, 0, foreign, 0x1000)


def test_sources_of_large_items():
    """An array of words has fewer items than bytes: what is left must not be taken for another request."""
    evil = b'(module (func (export "f") (result i32) (i32.const 666)))'
    good = b'(module (func (export "f") (result i32) (i32.const 41)))'
    header = json.dumps({"do": "compile", "leaf": "wasm", **_target.options()}).encode()
    request = struct.pack("<II", len(header), len(evil)) + header + evil
    size = (len(request) + 2) // 3
    data = bytes(size) + request + bytes(3 * size - len(request))
    words = memoryview(data + bytes(-len(data) % 4)).cast("I")
    for call in (wasmpy.wasm2wat, wasmpy.compile, wasmpy.load):
        with pytest.raises(wasmpy.CompileError):
            call(words)
    assert not wasmpy.validate(words)
    assert wasmpy.load(good).f() == 41


def test_values_that_no_global_has():
    for value in (2**40, "text", 1.5):
        with pytest.raises(wasmpy.LinkError):
            wasmpy.load(b'(module (import "a" "b" (global i32)))', {"a": {"b": value}})


def test_initialize_that_is_none():
    m = wasmpy.load(
        b'(module (func (export "_initialize") (param i32)) (func (export "f") (result i32) (i32.const 1)))'
    )
    assert m.f() == 1


def test_paths_and_texts_of_odd_kinds(tmp_path):
    class Path:
        def __fspath__(self) -> bytes:
            return os.fsencode(tmp_path / "m.wat")

    (tmp_path / "m.wat").write_text('(module (func (export "f") unreachable))')
    m = wasmpy.load(Path())
    with pytest.raises(wasmpy.Trap):
        m.f()
    assert wasmpy.Module(Path()).serialize()
    for call in (wasmpy.wat, wasmpy.wat2wasm):
        with pytest.raises(wasmpy.CompileError):
            call("\ud800")


def test_names_that_forge_lines():
    made = wasmpy.compile(rb'(module (func (export "\1b[31mred\nexport fake")))')
    assert repr(made).splitlines()[1:] == ["  export \\x1b[31mred\\nexport fake  function () -> ()"]


def test_descriptions_of_many_tables():
    made = wasmpy.compile(f'(module {"(table 1 funcref)" * 20_000} (export "t" (table 19999)))'.encode())
    assert made.exports == (("t", "table", "1 funcref"),)
