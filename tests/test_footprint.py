"""What dead instances hold: memory is given back in proportion to what is taken, and at once when they are closed."""

from __future__ import annotations

import textwrap

import pytest
from conftest import run_python

# Each is 100 MB, or 72 MB of a table, in a way of its own; all of it is touched.
WAYS = {
    "a memory that begins large": """
        m = wasmpy.compile(b'(module (memory (export "memory") 1600) (func (export "f") ' + FILL + b'))')
        def one(): m.instantiate().f()
    """,
    "a memory that wasm code grows": """
        m = wasmpy.compile(b'(module (memory 1) (func (export "f") '
                           b'(drop (memory.grow (i32.const 1599))) ' + FILL + b'))')
        def one(): m.instantiate().f()
    """,
    "a memory that Python grows": """
        m = wasmpy.compile(b'(module (memory (export "memory") 1) (func (export "f") ' + FILL + b'))')
        def one():
            made = m.instantiate()
            made.memory.grow(1599)
            made.f()
    """,
    "a table": """
        m = wasmpy.compile(b'(module (table 1 externref) (func (export "f") (drop '
                           b'(table.grow (ref.null extern) (i32.const 9000000)))))')
        def one(): m.instantiate().f()
    """,
    "a start function that traps": """
        m = wasmpy.compile(b'(module (memory 1600) (func $f ' + FILL + b' unreachable) (start $f))')
        def one():
            try: m.instantiate()
            except wasmpy.Trap: pass
    """,
    "a LinkError half way": """
        m = wasmpy.compile(b'(module (import "e" "m" (memory 1600)) (import "e" "f" (func)))')
        def one():
            memory = wasmpy.Memory(1600)
            memory[:] = bytes(len(memory))
            try: m.instantiate({"e": {"m": memory}})
            except wasmpy.LinkError as error: error.me = error, memory
    """,
    "a memory made in Python": """
        m = wasmpy.compile(b'(module (import "e" "m" (memory 1600)) (func (export "f") ' + FILL + b'))')
        def one(): m.instantiate({"e": {"m": wasmpy.Memory(1600)}}).f()
    """,
    "a cycle through a callback": """
        m = wasmpy.compile(b'(module (import "e" "g" (func)) (memory 1600) (func (export "f") ' + FILL + b'))')
        class Host:
            def __init__(self):
                self.made = m.instantiate({"e": self})
                self.made.f()
            def g(self): pass
        one = Host
    """,
    "dead ones that have grown old": """
        m = wasmpy.compile(b'(module (memory (export "memory") 1600) (func (export "f") ' + FILL + b'))')
        def one():
            made = m.instantiate()
            made.f()
            gc.collect(), gc.collect()
    """,
}
# Of this program alone: ru_maxrss also counts what the process was before it, a copy of the one that runs the tests.
PEAK = """
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) >> 10 for line in file if line.startswith("VmHWM"))
"""
MEASURE = """
import gc, wasmpy
FILL = b"(memory.fill (i32.const 0) (i32.const 1) (i32.const 104857600))"
"""
LOOP = """
for _ in range(40):
    one()
print(peak())
"""


@pytest.mark.parametrize("way", WAYS)
def test_forty_large_instances_one_after_the_other(way, tmp_path, cache):
    """The collector counts objects: without counting bytes, all 40 would be there at once."""
    done = run_python(PEAK + MEASURE + textwrap.dedent(WAYS[way]) + LOOP, tmp_path, cache)
    assert int(done.stdout) < 300


def test_many_small_instances(tmp_path, cache):
    """Traps, exceptions and callbacks, and tracebacks that refer to instances."""
    code = """
        import wasmpy
        m = wasmpy.compile(b'''(module (import "e" "f" (func $f (param i32) (result i32)))
            (memory (export "memory") 17) (table 4 funcref) (elem (i32.const 0) $run)
            (func $run (export "run") (param i32) (result i32) (i32.store (i32.const 8) (i32.const 1))
              (i32.div_s (i32.const 8) (call $f (local.get 0)))))''')
        errors = []
        for i in range(10_000):
            def f(n):
                if n % 3 == 1:
                    raise ValueError(made)
                return n % 3
            made = m.instantiate({"e": {"f": f}})
            try:
                assert made.run(i) == 4
            except (wasmpy.Trap, ValueError) as error:
                error.again = error
        print(peak())
    """
    assert int(run_python(PEAK + textwrap.dedent(code), tmp_path, cache).stdout) < 200


@pytest.mark.parametrize("what", ["wasm code", "Python"])
def test_an_exception_of_the_collection_arrives(what, tmp_path, cache):
    """Looking for garbage runs handlers of signals; what they raise is not lost, and nothing else is."""
    code = f"""
        import gc, signal, wasmpy
        class Stop(Exception): pass
        def handler(*_): raise Stop
        signal.signal(signal.SIGUSR1, handler)
        gc.callbacks.append(lambda phase, info: phase == "stop" and signal.raise_signal(signal.SIGUSR1))
        m = wasmpy.load(b'''(module (memory (export "memory") 1)
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))''')
        big = wasmpy.Memory(900)
        try:
            m.grow(900) if {what!r} == "wasm code" else m.memory.grow(900)
        except Stop:
            print("stopped")
        gc.callbacks.clear()
        print(m.memory.pages, m.grow(1), len(m.memory[-0:]) >> 16)
    """
    # gc reports what its callbacks raise, and a handler runs in whatever Python code comes first.
    done = run_python(code, tmp_path, cache)
    assert done.stdout.splitlines()[-1] == "901 901 902"
    assert ("stopped" in done.stdout) != ("Stop" in done.stderr)


def test_finalizers_while_wasm_code_grows(tmp_path, cache):
    """They call into the instance that grows, grow its memory too, and drop references that lie on its stack."""
    code = """
        import gc, wasmpy
        m = wasmpy.load(b'''(module (memory (export "memory") 1) (table $t (export "t") 4 externref)
            (func (export "run") (param i32) (result i32) (local externref)
              (local.set 1 (table.get $t (i32.const 0)))
              (drop (memory.grow (local.get 0)))
              (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 7))
              (table.set $t (i32.const 1) (local.get 1))
              (memory.size))
            (func (export "size") (result i32) (memory.size)))''')
        class Last:
            def __init__(self): self.me = self
            def __del__(self):
                m.t[0] = None
                print(m.size(), m.memory.grow(2))
        gc.collect()
        m.t[0] = ["kept"]
        Last()
        print(m.run(1500), m.t[1], m.memory[-4 + len(m.memory)])
    """
    assert run_python(code, tmp_path, cache).stdout == "1501 1501\n1503 ['kept'] 7\n"


def test_disabled_collector_stays_so(tmp_path, cache):
    code = """
        import gc, wasmpy
        class Last:
            def __init__(self): self.me = self
            def __del__(self): print("last")
        gc.disable()
        Last()
        for _ in range(4):
            wasmpy.Memory(1600)
        kept = [wasmpy.Memory(1600) for _ in range(4)]
        print("done")
        del Last.__del__
    """
    assert run_python(code, tmp_path, cache).stdout == "done\n"
