"""Whatever a signal's handler raises, of any class, arrives as itself and at once, wherever it breaks in: in
look-ups, locks, files, the opening of the compiler, its work, the import of the package. Nothing is
compiled twice."""

from __future__ import annotations

import textwrap

import pytest
from conftest import run_python

PRELUDE = """
import importlib, os, signal, subprocess, sys, time
import wasmpy
from wasmpy import _compiler

class Mine(wasmpy.UnsupportedError):
    pass

class Stop(BaseException):
    pass

KINDS = [
    OSError, TimeoutError, EOFError, BrokenPipeError, BlockingIOError, ChildProcessError, FileNotFoundError,
    FileExistsError, PermissionError, KeyError, ValueError, TypeError, AttributeError, ImportError,
    ModuleNotFoundError, MemoryError, OverflowError, StopIteration, RuntimeError, subprocess.SubprocessError,
    wasmpy.CompileError, wasmpy.LinkError, Mine, Stop,
]

def at_line(number, action):
    '''Calls the action before the so-manieth line of the package, as a signal would.'''
    left = [number]
    def local(frame, event, argument):
        if event == "line":
            left[0] -= 1
            if left[0] < 0:
                places.append(f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}")
                sys.settrace(None)
                action()
        return local if left[0] >= 0 else None
    folder = os.path.dirname(wasmpy.__file__) + os.sep
    def enter(frame, event, argument):
        # A module's __getattr__ is asked by CPython itself, which takes any AttributeError for its answer.
        code = frame.f_code
        return local if code.co_filename.startswith(folder) and code.co_name != "__getattr__" else None
    sys.settrace(enter)
    return left

places = []

def sweep(function, step):
    '''Interrupts the function at every step-th line, each time by another class of exception.'''
    number = 0
    while True:
        error = KINDS[number // step % len(KINDS)]("from the handler")
        def action():
            raise error
        caught = None
        left = at_line(number, action)
        try:
            function(number)
        except BaseException as other:
            caught = other
        finally:
            sys.settrace(None)
        if left[0] >= 0:
            print(number > 100, caught)
            return
        if caught is not error:
            print(f"{error!r} at {places[-1]} became {caught!r}")
        number += step
"""

FUNCTIONS = {
    # The image is cached. With imports of each kind.
    "cached": (
        """
        text = b'(module (import "e" "g" (global i32)) (import "e" "f" (func)) (memory 1) (table 1 funcref))'
        def function(number):
            wasmpy.load(text, {"e": {"g": 3, "f": print}})
        """,
        1,
    ),
    "compiled": (
        """
        def function(number):
            text = f'(module (import "a" "f" (func)) (export "{number}" (func 0)))'
            wasmpy.load(text.encode(), {"a": {"f": print}})
        """,
        7,
    ),
    "started": (
        """
        def function(number):
            _compiler._idle.clear()
            wasmpy.load(f'(module (func (export "{number}")))'.encode())
        """,
        37,
    ),
    "imported": (
        """
        sys.path.insert(0, "")
        def function(number):
            sys.modules.pop("m", None)
            with open("m.wat", "w") as file:
                imported = '(func (import "math" "cos") (param f64) (result f64))'
                file.write(f'(module {imported} (export "{number}" (func 0)))')
            importlib.invalidate_caches()
            import m
        """,
        11,
    ),
    # No directory takes the image: it lives in memory.
    "in memory": (
        """
        os.environ["WASMPY_CACHE_DIR"] = "/dev/null/x"
        def function(number):
            wasmpy.load(f'(module (func (export "{number}")))'.encode())
        """,
        11,
    ),
    "trapped": (
        """
        text = '''(module (func $f (export "f") (param i32)
          (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else unreachable))
          (drop (memory.size)))
          (memory 1))'''
        m = wasmpy.load(text.encode())
        def function(number):
            import linecache
            linecache.clearcache()
            try:
                m.f(5)
            except wasmpy.Trap:
                pass
        """,
        1,
    ),
    # Where there is no memory for the frames, they are left out: of a handler's MemoryError nobody can tell.
    "exception passed on": (
        """
        KINDS.remove(MemoryError)
        class Own(Exception):
            pass
        def fail(*arguments):
            raise Own
        text = '''(module (import "e" "f" (func $f)) (func $g (export "g") (param i32)
          (if (local.get 0) (then (call $g (i32.sub (local.get 0) (i32.const 1)))) (else (call $f)))
          (drop (memory.size)))
          (memory 1))'''
        m = wasmpy.load(text.encode(), {"e": {"f": fail}})
        def function(number):
            try:
                m.g(5)
            except Own:
                pass
        """,
        1,
    ),
}


@pytest.mark.parametrize("what", FUNCTIONS)
def test_at_every_line(tmp_path, what):
    code, step = FUNCTIONS[what]
    code = textwrap.dedent(code) + f"function(-1)\nsweep(function, {step})\n"
    assert run_python(PRELUDE + code, tmp_path, tmp_path / "cache", seconds=300).stdout == "True None\n"


def test_while_the_package_is_imported(tmp_path):
    """The next import is whole."""
    (tmp_path / "m.wat").write_text(
        '(module (memory (export "memory") 1) (func (export "f") (result i32) i32.const 7))'
    )
    code = """
        sys.path.insert(0, "")
        import m
        known = [name for name in sys.modules if name == "m" or name.startswith("wasmpy")]
        def function(number):
            for name in known:
                sys.modules.pop(name, None)
            sys.path_hooks[:] = hooks
            sys.meta_path[:] = finders
            import wasmpy
            import m
        hooks = [hook for hook in sys.path_hooks if not hasattr(hook, "_wasmpy")]
        finders = [finder for finder in sys.meta_path if not hasattr(finder, "_wasmpy")]
        number = 0
        while True:
            error = OSError("from the handler")
            def action():
                raise error
            left, caught = at_line(number, action), None
            try:
                function(number)
            except BaseException as other:
                caught = other
            finally:
                sys.settrace(None)
            import wasmpy
            import m
            assert m.f() == 7 and len(bytes(m.memory)) == 65536, number
            assert any(hasattr(hook, "_wasmpy") for hook in sys.path_hooks), number
            assert any(hasattr(finder, "_wasmpy") for finder in sys.meta_path), number
            if left[0] >= 0:
                break
            assert caught is error, (places[-1], caught)
            number += 17
        print(number > 300)
    """
    assert run_python(PRELUDE + textwrap.dedent(code), tmp_path, tmp_path / "cache", seconds=300).stdout == "True\n"


@pytest.mark.parametrize("kind", ["TimeoutError", "EOFError", "Mine"])
def test_signals(tmp_path, kind):
    """Really sent, with delays from nothing to longer than it takes: within calls of the system, too."""
    code = f"""
        requests, ask = [], _compiler.compile_image
        def counted(*arguments):
            requests.append(arguments)
            return ask(*arguments)
        _compiler.compile_image = counted
        body = "(i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 4)) (local.set 0)" * 40
        functions = f"(func (param i32) {{body}})" * 60
        assert wasmpy.validate(b"(module)")
        def handler(*_):
            raise {kind}("from the handler")
        signal.signal(signal.SIGALRM, handler)
        delay, outcomes = 0.0005, []
        while outcomes.count("done") < 2:
            requests.clear()
            source = f'(module (func (export "{{delay}}")) {{functions}})'
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                started = time.monotonic()
                wasmpy.wat(source)
                signal.setitimer(signal.ITIMER_REAL, 0)
                outcomes.append("done")
            except {kind} as error:
                outcomes.append("raised")
                assert error.args == ("from the handler",), error
                late = time.monotonic() - started - delay
                assert late < 2, (late, delay)
            assert len(requests) <= 1, requests
            delay *= 1.4
        print(outcomes.count("raised") > 5)
    """
    assert run_python(PRELUDE + textwrap.dedent(code), tmp_path, tmp_path / "cache", seconds=300).stdout == "True\n"


@pytest.mark.parametrize("kind", ["KeyError", "AttributeError", "TypeError"])
def test_what_imports_are_asked_for(tmp_path, kind):
    """An answer of a mapping or namespace is no handler's, nor the other way round."""
    code = f"""
        text = b'(module (import "a" "f" (func)))'
        def outcome(imports):
            try:
                wasmpy.load(text, imports)
            except Exception as error:
                return type(error).__name__
        class Mapping(dict):
            def __getitem__(self, name):
                raise KeyError(name)
        class Default(dict):
            def __missing__(self, name):
                raise KeyError(name)
        class Namespace:
            def __getattr__(self, name):
                raise AttributeError(name)
        class Broken:
            @property
            def f(self):
                raise AttributeError("not yet")
        for given in ({{}}, {{"a": {{}}}}, Mapping(), Default(), {{"a": Mapping(f=1)}}, {{"a": Default()}},
                      {{"a": Namespace()}}, {{"a": Broken()}}, {{"a": {{"f": 3}}}}, {{"a": sys}}):
            assert outcome(given) == "LinkError", (given, outcome(given))
        number = 0
        while True:
            error, caught = {kind}("from the handler"), None
            def action():
                raise error
            left = at_line(number, action)
            try:
                wasmpy.load(text, {{"a": {{}}}})
            except Exception as other:
                caught = other
            finally:
                sys.settrace(None)
            if left[0] >= 0:
                break
            assert caught is error, (places[-1], caught)
            number += 1
        print(type(caught).__name__)
    """
    assert run_python(PRELUDE + textwrap.dedent(code), tmp_path, tmp_path / "cache").stdout == "LinkError\n"


def test_failures_of_the_system_make_no_circles(tmp_path):
    """What is returned must not keep the frames that asked for it, with sources, images and locks in them."""
    code = """
        import gc
        gc.disable()
        text = '(module (func (export "{}")))'
        wasmpy.Module(text.format(0).encode())
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        wasmpy.Module(text.format(1).encode())
        os.environ["WASMPY_CACHE_DIR"] = "/dev/null/x"
        wasmpy.Module(text.format(2).encode())
        gc.collect()
        print([thing for thing in gc.garbage if type(thing).__name__ in ("frame", "traceback")])
    """
    assert run_python(PRELUDE + textwrap.dedent(code), tmp_path, tmp_path / "cache").stdout == "[]\n"
