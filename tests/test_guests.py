"""Guests that want out: what a loaded module gets, and what comes back from the host."""

from __future__ import annotations

import os
import shutil

import pytest
import wasmpy
from samples import ADD


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
