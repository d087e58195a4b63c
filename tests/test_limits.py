"""Where the address space does not suffice: memories with small reservations, images with bounds checks."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap

import pytest
from conftest import environment

MODULE = """
(module
  (memory (export "memory") 1)
  (func (export "load") (param i32) (result i32) (i32.load offset=8 (local.get 0)))
  (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "far") (param i32) (result i32) (i32.load8_u offset=4294967295 (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
"""
USER = """
(module
  (memory (import "m" "memory") 1)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1))))
"""
FULL = 2**33 + 65536


@pytest.fixture
def limited(tmp_path, cache):
    """limited(files, code): runs the code with an address space of 4 GB, returns what it printed."""

    def run(files: dict[str, str], code: str, limit: int | None = 4_000_000_000) -> str:
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(code)],
            cwd=tmp_path,
            env={**environment(cache), "LIMIT": str(limit or resource.RLIM_INFINITY)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


PRELUDE = """
import os, resource
def limit(to):
    resource.setrlimit(resource.RLIMIT_AS, (to, resource.getrlimit(resource.RLIMIT_AS)[1]))
limit(int(os.environ["LIMIT"]))
import wasmpy
def attempt(f, *arguments):
    try:
        return f(*arguments)
    except (wasmpy.Trap, MemoryError, ValueError) as error:
        return type(error).__name__
FULL = 2**33 + 65536
"""


def test_import_falls_back_to_checks(limited):
    code = """
        import m, sys
        assert sys.modules["m"] is m and m.__file__.endswith("m.wat") and m["load"] is m.load
        assert 65536 <= m.memory._reserved() < FULL
        ends = [0, 65524, 65525, 65536, 2**31, 2**32 - 8, 2**32 - 1]
        print(*[attempt(m.load, at) for at in ends], *[attempt(m.far, at) for at in (0, 1, 2**32 - 1)])
        print(m.grow(1), attempt(m.load, 65525), m.grow(40000), len(m.memory))
        m.store(8, 7)
        print(m.load(0))
        import importlib
        assert importlib.reload(m) is m
        print(m.load(0), len(m.memory))
    """
    expected = "0 0 Trap Trap Trap Trap Trap Trap Trap Trap\n1 0 -1 131072\n7\n0 65536\n"
    assert limited({"m.wat": MODULE}, code) == expected


def test_globals_of_a_checked_module(limited):
    text = """(module (memory 1)
        (global (export "g") (mut i32) (i32.const 5)) (func (export "f") (result i32) global.get 0))"""
    code = "import m; m.g += 1; print(m.f(), m.g, m['g'], 'g' in m, sorted(n for n in dir(m) if n[0] != '_'))"
    assert limited({"m.wat": text}, code) == "6 6 6 True ['f', 'g']\n"


def test_one_memory_of_small_reservation_and_many_users(limited):
    code = f"""
        a = wasmpy.load({MODULE!r}.encode())
        users = [wasmpy.load({USER!r}.encode(), {{"m": m}}) for m in (a, {{"memory": wasmpy.Memory(1)}})]
        a.store(4, 77)
        print([u.load(4) for u in users], [attempt(u.load, at) for u in users for at in (65533, 2**32 - 1)])
    """
    assert limited({}, code) == "[77, 0] ['Trap', 'Trap', 'Trap', 'Trap']\n"


def test_guarded_and_checked_over_one_memory(limited):
    """The reservation decides, whoever made it, and whatever was loaded first."""
    code = f"""
        wide = wasmpy.load({MODULE!r}.encode())
        assert wide.memory._reserved() == FULL
        limit(4_000_000_000 + 2 * FULL)  # the interpreter may use more than it has reserved
        limit(int(open("/proc/self/statm").read().split()[0]) * 4096 + 2_000_000_000)
        small = wasmpy.load({MODULE!r}.encode())
        assert small.memory._reserved() < FULL
        limit(resource.RLIM_INFINITY)
        on_wide, on_small = (wasmpy.load({USER!r}.encode(), {{"m": m}}) for m in (wide, small))
        for m, user in ((wide, on_wide), (small, on_small)):
            m.store(4, 77)
            user.store(16, 78)
            print(user.load(4), m.load(8), [attempt(f, at) for f in (m.load, user.load) for at in (65533, 2**32 - 1)])
        assert wasmpy.load({MODULE!r}.encode()).memory._reserved() == FULL
        # A checked image over a memory with all of its index space reserved.
        module = wasmpy.compile({USER!r}.encode())
        module._build = module._build.checked()
        checked = module.instantiate({{"m": wide}})
        print(checked.load(4), attempt(checked.load, 65533), attempt(checked.load, 2**32 - 1))
    """
    assert limited({}, code, None) == "77 78 ['Trap', 'Trap', 'Trap', 'Trap']\n" * 2 + "77 Trap Trap\n"


def test_the_image_itself_refuses(limited):
    """Not Python but the image decides: bound by hand, too."""
    code = f"""
        small = wasmpy.Memory(1)
        assert small._reserved() < FULL
        from wasmpy import _link, _image
        module = wasmpy.compile({USER!r}.encode())
        made = _image.create("wasm", module._build)
        kernels = []
        attach, _link.attach = _link.attach, lambda module, kernel, text: kernels.append(kernel)
        _image.execute(made)
        try:
            kernels[0]["bind"](2, 0, small, small._address())
        except MemoryError as error:
            print(error)
        limit(resource.RLIM_INFINITY)
        wide = wasmpy.Memory(1)
        print(kernels[0]["bind"](2, 0, wide, wide._address()))
    """
    assert limited({}, code) == "unchecked code needs a memory with all of its index space reserved\nNone\n"


def test_garbage_is_collected_first(limited):
    code = f"""
        module = wasmpy.compile({MODULE!r}.encode())
        limit(int(open("/proc/self/statm").read().split()[0]) * 4096 + 10_000_000_000)
        import gc
        gc.disable()
        for i in range(3):
            instance = module.instantiate()
            assert instance.memory._reserved() == FULL, i
            cycle = [instance]
            cycle.append(cycle)
            del instance, cycle
            memory = wasmpy.Memory(1)
            assert memory._reserved() == FULL, i
            cycle = [memory]
            cycle.append(cycle)
            del memory, cycle
        print("fine")
    """
    assert limited({}, code, None) == "fine\n"


def test_when_nothing_helps(limited):
    code = """
        for make in (lambda: wasmpy.Memory(62000), lambda: wasmpy.load(b'(module (memory 62000))')):
            try:
                make()
            except MemoryError as error:
                print(error)
        print(wasmpy.Memory(1).pages, wasmpy.Memory(0).pages, wasmpy.Memory(3, 3)._reserved())
    """
    text = "no address space left for a memory of this size: drop others, or raise the limit (ulimit -v)\n"
    assert limited({}, code) == text * 2 + "1 0 196608\n"


def test_failures_of_start_functions_are_not_retried(limited):
    code = """
        calls = []
        def start():
            calls.append(1)
            raise MemoryError("mine")
        try:
            wasmpy.load(b'(module (import "a" "b" (func $f)) (memory 1) (start $f))', {"a": {"b": start}})
        except MemoryError as error:
            print(error, len(calls))
    """
    assert limited({}, code) == "mine 1\n"


def test_when_no_more_code_can_be_mapped(limited):
    code = """
        import ctypes
        old = wasmpy.load(b'(module (memory (export "memory") 1) (func (export "f") (result i32) i32.const 7))')
        modules = [wasmpy.compile(b'(module (func (export "f") (result i32) i32.const %d))' % i) for i in range(3)]
        mmap = ctypes.CDLL(None).mmap
        mmap.restype = ctypes.c_void_p
        none = ctypes.c_void_p(-1).value
        pages, protection = [], 0
        while (page := mmap(None, 8192, protection, 0x22, -1, 0)) != none:  # Neighbours differ, or they were one.
            pages.append(page)
            protection ^= 1
        descriptors = len(os.listdir("/proc/self/fd"))
        for module in modules:
            try:
                module.instantiate()
            except ImportError as error:
                print(str(error)[:28], "mappings" in str(error))
        print(len(os.listdir("/proc/self/fd")) - descriptors, old.f(), old.memory.grow(1))
        for page in pages:
            ctypes.CDLL(None).munmap(ctypes.c_void_p(page), 8192)
        print([module.instantiate().f() for module in modules])
    """
    assert limited({}, code, None) == "the system maps no more code True\n" * 3 + "0 7 1\n[0, 1, 2]\n"
