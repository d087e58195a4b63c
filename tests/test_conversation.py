"""The compiler, and the locks of images, when a signal handler breaks in: it raises, it compiles, it forks. And the
places where the compiler may lie."""

from __future__ import annotations

import os
import shutil
import textwrap
from pathlib import Path

import pytest
import wasmpy
from conftest import environment, run_python
from wasmpy import _api, _identity, _traps

PRELUDE = """
import gc, os, random, signal, sys, threading, time
import wasmpy
from wasmpy import _compiler, _machine, _store

class Stop(BaseException):
    pass

def until(condition):
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)

def source(number):
    return f'(module (func (export "f") (result i32) (i32.const {number})))'.encode()

def at_line(number, file, action):
    '''Calls the action before the so-manieth line of a file, as a signal would.'''
    left = [number]
    def local(frame, event, argument):
        if event == "line":
            left[0] -= 1
            if left[0] < 0:
                sys.settrace(None)
                action()
        return local if left[0] >= 0 else None
    sys.settrace(lambda frame, event, argument: local if frame.f_code.co_filename == file else None)
    return left

def stop():
    raise Stop

def is_interrupted(number, file, function):
    left = at_line(number, file, stop)
    try:
        function()
    except Stop:
        pass
    finally:
        sys.settrace(None)
    return left[0] < 0

def compile_slowly(handler):
    '''From now on the compiler does not answer before the handler has run.'''
    assert wasmpy.validate(b"(module)")
    called, call = [], _machine.Machine.call
    def slowly(machine, name, *arguments):
        while name == "begin" and not called:
            time.sleep(0.01)
        return call(machine, name, *arguments)
    def handle(*_):
        called.append(True)
        handler()
    _machine.Machine.call = slowly
    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
"""


@pytest.fixture
def python(tmp_path):
    """python(code): what the code prints after PRELUDE."""

    def run(code: str, **options: str) -> str:
        return run_python(
            PRELUDE + textwrap.dedent(code), tmp_path, tmp_path / "cache", seconds=240, **options
        ).stdout

    return run


# --- it raises -------------------------------------------------------------------------------------------------


def test_interrupted_while_garbage_is_collected(python):
    """Every interrupt comes through, and the end of the program comes soon."""
    code = """
        sys.unraisablehook = lambda unraisable: print("lost:", unraisable.exc_value)
        def handler(*_):
            if on:
                raise Stop
        on = False
        assert wasmpy.validate(b"(module)")
        signal.signal(signal.SIGALRM, handler)
        interrupts = 0
        for _ in range(100):
            try:
                on = True
                signal.setitimer(signal.ITIMER_REAL, 0.0003)
                while True:
                    gc.collect(0)
            except Stop:
                interrupts += 1
            finally:
                on = False
        print(interrupts)
    """
    assert python(code) == "100\n"


@pytest.mark.parametrize("is_warm", [True, False])
def test_interrupted_at_every_line(python, is_warm):
    """Of the compiler's side: no later request is answered by what an interrupted one has left."""
    code = f"""
        number = 0
        while True:
            text = f'(module (func (export "number {{number}}")))'
            if not {is_warm}:
                _compiler._idle.clear()
            if not is_interrupted(number, _compiler.__file__, lambda: wasmpy.wat2wasm(text)):
                break
            assert f"number {{number}}".encode() in wasmpy.wat2wasm(text)
            assert wasmpy.wasm2wat(wasmpy.wat2wasm("(module)")) == "(module)\\n"
            number += 1
        print(number > 15, len(_compiler._idle) <= 4)
    """
    assert python(code) == "True True\n"


def test_interrupted_while_it_holds_the_lock(python):
    """At every line: another process can compile the same afterwards."""
    code = """
        import fcntl
        from wasmpy import _cache
        directory = _cache.user_directory()
        assert wasmpy.validate(b"(module)")
        number = 0
        while True:
            build = _cache.Build(source(number), "m", "m.wat", {"features": "3.0", "wrap": False, "interrupts": True})
            # Other threads, for those of this one do not wait for each other.
            answers = []
            def work():
                answers.append(is_interrupted(number, _store.__file__, lambda: _store.make(build)))
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            for entry in os.scandir(directory):
                if entry.name.endswith(".lock"):
                    with open(entry.path) as file:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(entry.path)
            if answers == [False]:
                break
            number += 1
        print(number > 30, [1 for lock in _store._locks.values() if lock() and not lock().closed])
    """
    assert python(code) == "True []\n"


# --- it compiles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["load", "import"])
def test_a_signal_handler_compiles_the_same(python, tmp_path, how):
    (tmp_path / "m.wat").write_text('(module (func (export "f") (result i32) (i32.const 7)))')
    code = f"""
        sys.path.insert(0, "")
        def work():
            if {how!r} == "load":
                print(wasmpy.load(source(7)).f())
            else:
                print(__import__("m").f())
        compile_slowly(work)
        work()
    """
    assert python(code) == "7\n7\n"
    assert not list(tmp_path.rglob("*.lock"))


def test_a_signal_handler_compiles_what_another_thread_does(python):
    """That thread waits for the compiler, which the interrupted one has; so the handler does not wait for it."""
    code = """
        answers = []
        thread = threading.Thread(target=lambda: answers.append(wasmpy.load(source(2)).f()))
        def handler():
            answers.append(wasmpy.load(source(2)).f())
        compile_slowly(handler)
        threading.Timer(0.1, thread.start).start()
        print(wasmpy.load(source(1)).f())
        thread.join()
        print(answers)
    """
    assert python(code) == "1\n[2, 2]\n"


# --- it forks --------------------------------------------------------------------------------------------------


def test_a_signal_handler_forks(python):
    """Both go on."""
    code = """
        children = []
        compile_slowly(lambda: children.append(os.fork()))
        answer = wasmpy.load(source(7)).f()
        if children == [0]:
            os._exit(0 if answer == 7 and wasmpy.load(source(8)).f() == 8 else 1)
        print(answer, os.waitpid(children[0], 0)[1], wasmpy.load(source(9)).f())
    """
    assert python(code) == "7 0 9\n"


@pytest.mark.parametrize("is_warm", [True, False])
def test_forked_within_a_request(python, is_warm):
    code = f"""
        parent = os.getpid()
        children = []
        def fork():
            children.append(os.fork())
        number = 0
        while True:
            if not {is_warm}:
                _compiler._idle.clear()
            children.clear()
            at_line(number, _compiler.__file__, fork)
            answer = wasmpy.wat2wasm(f'(module (func (export "number {{number}}")))')
            sys.settrace(None)
            ok = f"number {{number}}".encode() in answer and wasmpy.validate(b"(module)")
            if os.getpid() != parent:
                os._exit(0 if ok else 1)
            assert ok, number
            if not children:
                break
            assert os.waitpid(children[0], 0)[1] == 0, number
            number += 2
        print(number > 15)
    """
    assert python(code) == "True\n"


# --- where the compiler lies -----------------------------------------------------------------------------------

VALIDATE = "import wasmpy; print(wasmpy.__file__, wasmpy.validate(b'(module)'))"


def _path(folder: Path) -> str:
    """PYTHONPATH with a folder in front."""
    import platformdirs

    return os.pathsep.join([str(folder), str(Path(platformdirs.__file__).parent.parent)])


@pytest.mark.parametrize("what", ["package", "parent"])
def test_a_package_behind_a_link(tmp_path, what):
    package = Path(wasmpy.__file__).parent
    folder = tmp_path / "linked"
    if what == "package":
        folder.mkdir()
        (folder / "wasmpy").symlink_to(package)
    else:
        folder.symlink_to(package.parent)
    done = run_python(VALIDATE, tmp_path, tmp_path / "cache", PYTHONPATH=_path(folder))
    assert done.stdout == f"{folder}/wasmpy/__init__.py True\n"


@pytest.mark.parametrize("interpreter", ["3.11", "3.13", "3.15"], indirect=True)
def test_paths_that_are_not_text(interpreter, tmp_path):
    """Of the package, and of a module and its image."""
    package = Path(wasmpy.__file__).parent
    folder = tmp_path / os.fsdecode(b"a\xffb")
    try:
        shutil.copytree(package, folder / "wasmpy")
        shutil.copytree(_identity.images(), folder / "wasmpy" / "_compiled", dirs_exist_ok=True)
    except OSError:
        pytest.skip("the file system takes no such name")
    (folder / "seven.wat").write_text('(module (func (export "f") (result i32) (i32.const 7)))')
    code = "import wasmpy, seven; print(ascii(wasmpy.__file__), seven.f(), wasmpy.validate(b'(module)'))"
    for _ in range(2):
        env = {**environment(tmp_path / "cache"), "PYTHONPATH": _path(folder)}
        done = interpreter.run("-c", code, cwd=tmp_path, env=env, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "\\udcff" in done.stdout
        assert done.stdout.endswith(" 7 True\n")


@pytest.mark.parametrize("what", ["nothing", "no image", "garbage"])
def test_a_package_without_its_compiler(tmp_path, what):
    """It is said, and how; what is cached is not looked for, as nobody knows what it was made by."""
    package = tmp_path / "there" / "wasmpy"
    shutil.copytree(Path(wasmpy.__file__).parent, package)
    compiled = package / "_compiled"
    shutil.rmtree(compiled, ignore_errors=True)
    if what != "nothing":
        shutil.copytree(_identity.images(), compiled)
        (compiled / "compiler.so").unlink()
    if what == "garbage":
        (compiled / "compiler.so").write_bytes(b"garbage")
    code = """
        import wasmpy
        try:
            wasmpy.load(b"(module)")
        except wasmpy.UnsupportedError as error:
            print(error)
    """
    done = run_python(code, tmp_path, tmp_path / "cache", PYTHONPATH=_path(tmp_path / "there"))
    assert (
        "contains no compiler" in done.stdout if what == "nothing" else "the compiler cannot be opened" in done.stdout
    )


# --- the traceback of a trap -----------------------------------------------------------------------------------


def test_a_trap_while_linecache_is_imported(python):
    code = """
        module = wasmpy.load(b'(module (func (export "f") unreachable))')
        for name in ("linecache", "tokenize"):
            sys.modules.pop(name, None)
        def trap():
            try:
                module.f()
            except Exception as error:
                print(type(error).__name__, error)
        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name in ("tokenize", "functools") and "linecache" in sys.modules:
                    sys.meta_path.remove(self)
                    trap()
        sys.meta_path.insert(0, Finder())
        trap()
    """
    assert set(python(code).splitlines()) == {"Trap unreachable"}


@pytest.mark.parametrize("where", ["_frame", "get_source"])
@pytest.mark.parametrize("error", [MemoryError, RecursionError, AttributeError, KeyboardInterrupt])
def test_what_is_raised_in_a_traceback(monkeypatch, where, error):
    """Exceptions do not take the place of the trap; what signal handlers raise does."""

    # As the package's own code raises: a signal's handler is told by its frame.
    own = {"__name__": _traps.__name__, "error": error}
    exec("def fail(*_):\n    raise error", own)
    fail = own["fail"]
    module = wasmpy.load(f'(module (func (export "f") unreachable)) (; {where} {error} ;)'.encode())
    if where == "_frame":
        monkeypatch.setattr(_traps, where, fail)
    else:
        monkeypatch.setattr(_api._Text, where, fail)
    with pytest.raises(wasmpy.Trap if issubclass(error, Exception) else error):
        module.f()
