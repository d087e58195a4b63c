"""Threads, forks, interpreters, signals while compiling, reloads, and every order of coming to an end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import environment, run_python

# For what depends less on the version.
some = pytest.mark.parametrize("interpreter", ["3.10", "3.12", "3.15"], indirect=True)

STATE = """
(module
  (import "host" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 1 64)
  (table (export "table") 4 64 externref)
  (global (export "n") (mut i32) (i32.const 0))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "bump") (param i32)
    (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1))))
  (func (export "sum") (param i32) (result i64) (local $sum i64)
    (loop $l
      (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_s (call $f (local.get 0)))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get $sum))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "keep") (param i32 externref) (result externref)
    (table.set (local.get 0) (local.get 1)) (table.get (local.get 0)))
  (func (export "trap") unreachable)
  (func (export "fault") (result i32) (i32.load (i32.const -4)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0))))
  (func (export "forever") (param i32) (drop (call $f (local.get 0))) (loop $l (br $l)))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2))))))))
"""
HOST = "def f(n):\n    return n\n"
FILES = {"m.wat": STATE, "host.py": HOST}


@pytest.fixture
def python(tmp_path, cache):
    """python(code, check=…, **environment): runs the code, on this interpreter, beside m.wat and host.py."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)

    def run(code: str, **options) -> subprocess.CompletedProcess[str]:
        return run_python(code, tmp_path, cache, **options)

    return run


# --- threads ---------------------------------------------------------------------------------------------------


@some
@pytest.mark.parametrize("target", ["one instance", "many instances", "linked instances"])
def test_sixteen_threads(run, target):
    """Results are right while others trap, overflow, grow memories, raise from callbacks and collect garbage."""
    code = f"""
        import gc, sys, threading, time, wasmpy
        sys.setswitchinterval(1e-5)
        module = wasmpy.compile("m.wat")
        class Stop(Exception): pass
        def f(n):
            if n % 7 == 0:
                time.sleep(0)
            if n < 0:
                raise Stop
            return n
        imports = {{"host": {{"f": f}}}}
        shared = module.instantiate(imports)
        def instance(i):
            if {target!r} == "one instance":
                return shared
            if {target!r} == "many instances":
                return module.instantiate(imports)
            return module.instantiate({{"host": {{"f": linker.instantiate(imports).f}}}})
        text = b'(module (import "host" "f" (func $f (param i32) (result i32)))'
        text += b' (func (export "f") (param i32) (result i32) (call $f (local.get 0))))'
        linker = wasmpy.compile(text)
        failures = []
        barrier = threading.Barrier(16)
        def work(i):
            try:
                m = instance(i)
                barrier.wait()
                for j in range(60):
                    assert m.add(i, j) == i + j
                    assert m.sum(20) == 210
                    m.bump(4 * i)
                    thing = [i, j]
                    assert m.keep(i % 4, thing) is not None
                    assert m.fib(9) == 34
                    kind, call, arguments = [
                        (wasmpy.Trap, m.trap, ()), (IndexError, m.fault, ()), (Stop, m.sum, (-1,)),
                        (RecursionError, m.deep, (10**9,)),
                    ][(i + j) % (4 if j < 4 else 3)]
                    try:
                        call(*arguments)
                    except kind:
                        pass
                    else:
                        failures.append("nothing raised")
                    if j % 20 == 0:
                        m.grow()
                        gc.collect()
                        m.memory[65532:65536]
                if {target!r} != "one instance":
                    assert m.memory.read_struct("<i", 4 * i)[0] == 60
            except BaseException as error:
                failures.append(repr(error))
                barrier.abort()
        threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
        [t.start() for t in threads]; [t.join() for t in threads]
        if {target!r} == "one instance":
            print([shared.memory.read_struct("<i", 4 * i)[0] for i in range(16)] == [60] * 16, shared.memory.pages)
        print(failures)
    """
    expected = "True 49\n[]\n" if target == "one instance" else "[]\n"
    assert run(FILES, code) == expected


@some
def test_reload_under_threads(run):
    """Who calls has the old instance or the new one, never something between."""
    code = """
        import importlib, sys, threading, wasmpy, m
        sys.setswitchinterval(1e-5)
        failures, stop = [], False
        def work():
            try:
                while not stop:
                    assert m.add(1, 2) == 3
                    assert m["sum"](10) == 55
                    m.n += 1
                    m.memory[0]
            except BaseException as error:
                failures.append(repr(error))
        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        old = m.memory
        for _ in range(20):
            assert importlib.reload(m) is m
        stop = True
        [t.join() for t in threads]
        print(failures, old is not m.memory, old[0])
    """
    assert run(FILES, code) == "[] True 0\n"


# --- processes -------------------------------------------------------------------------------------------------


@some
def test_fork_below_wasm_frames(run):
    """A callback forks: parent and child both return through the frames of WebAssembly."""
    code = """
        import os, wasmpy
        from pathlib import Path
        children = []
        def f(n):
            if n == 5:
                children.append(os.fork())
            return n
        m = wasmpy.load(Path("m.wat").read_bytes(), {"host": {"f": f}})
        total = m.sum(9)
        try:
            m.fault()
        except IndexError:
            total += 1
        if children[0] == 0:
            os._exit(total + wasmpy.load(b'(module (func (export "f") (result i32) (i32.const 1)))').f())
        print(total, os.WEXITSTATUS(os.waitpid(children[0], 0)[1]))
    """
    assert run(FILES, code) == "46 47\n"


@some
def test_fork_beside_wasm_frames(run):
    """Other threads are in the midst of calls, of compiling, of waiting for who compiles. The child has none."""
    code = """
        from pathlib import Path
        import os, sys, threading, time, wasmpy, m, signal
        inside = threading.Event()
        def f(n):
            inside.set()
            time.sleep(0.5)
            return n
        other = wasmpy.load(Path("m.wat").read_bytes(), {"host": {"f": f}})
        new = os.urandom(8).hex()
        texts = [f'(module (func (export "f") (result i32) (i32.const {i})) (; {new} ;))' for i in (1, 2)]
        def compile():
            for text in texts:
                wasmpy.load(text.encode())
        threads = [threading.Thread(target=compile) for _ in range(4)]
        threads.append(threading.Thread(target=other.sum, args=(3,)))
        [t.start() for t in threads]
        inside.wait()
        for i in range(8):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                values = [wasmpy.load(text.encode()).f() for text in texts]
                os._exit(sum(values) + m.add(1, 1) + other.add(1, 1))
            status = os.waitpid(child, 0)[1]
            if status != 7 << 8:
                print(i, status)
            time.sleep(0.02)
        [t.join() for t in threads]
        print("fine")
    """
    assert run(FILES, code) == "fine\n"


@some
@pytest.mark.parametrize("name", ["_prelink", "_store", "_compiler", "_link", "_eviction"])
def test_fork_beside_an_import_of_ours(run, name):
    """Another thread is importing a module of this package, whose lock the child would wait for."""
    code = f"""
        import os, signal, sys, threading, time, wasmpy
        inside = threading.Event()
        class Slow:
            def find_spec(self, name, *more):
                if name == "wasmpy.{name}":
                    inside.set()
                    time.sleep(0.3)
        sys.meta_path.insert(0, Slow())
        text = b'(module (func (export "f") (result i32) (i32.const 7)) (; %d ;))'
        f = lambda: wasmpy.load(text % time.time_ns()).f()
        thread = threading.Thread(target=f)
        thread.start()
        assert inside.wait(20)
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os._exit(f())
        print(os.waitpid(child, 0)[1] >> 8)
        thread.join()
    """
    assert run(FILES, code) == "7\n"


@some
def test_fork_beside_the_opening_of_a_lock(run):
    """The child gets a descriptor of the file that a thread of its parent is about to lock."""
    code = """
        import os, signal, threading, time, wasmpy
        from wasmpy import _store
        inside, open_lock, now = threading.Event(), _store._open_lock, time.time_ns()
        def slow(*arguments):
            descriptor = open_lock(*arguments)
            inside.set()
            time.sleep(0.3)
            return descriptor
        _store._open_lock = slow
        f = lambda: wasmpy.load(b'(module (func (export "f") (result i32) (i32.const 7)) (; %d ;))' % now).f()
        threads = [threading.Thread(target=f) for _ in range(3)]
        [thread.start() for thread in threads]
        assert inside.wait(20)
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os._exit(f())
        print(os.waitpid(child, 0)[1] >> 8)
        [thread.join() for thread in threads]
    """
    assert run(FILES, code) == "7\n"


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("multiprocessing", "fork"),
        ("multiprocessing", "spawn"),
        ("multiprocessing", "forkserver"),
        ("concurrent.futures", "spawn"),
    ],
)
@pytest.mark.usefixtures("python")
def test_pools(tmp_path, method, kind):
    (tmp_path / "main.py").write_text(
        textwrap.dedent(f"""
            import multiprocessing, concurrent.futures, wasmpy, m
            def work(n):
                return m.fib(n), wasmpy.load(b'(module (func (export "f") (result i32) (i32.const 7)))').f()
            if __name__ == "__main__":
                context = multiprocessing.get_context({method!r})
                if {kind!r} == "multiprocessing":
                    with context.Pool(2) as pool:
                        print(pool.starmap(m.add, [(1, 2), (3, 4)]), pool.map(work, range(3)))
                else:
                    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
                        print(list(pool.map(m.add, [1, 3], [2, 4])), list(pool.map(work, range(3))))
        """)
    )
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path,
        env={**os.environ, **environment(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "[3, 7] [(0, 7), (1, 7), (1, 7)]\n", done.stderr


# --- signals while compiling -----------------------------------------------------------------------------------

SLOW = """
import os, signal, sys, threading, time
import wasmpy
from wasmpy import _machine
assert wasmpy.validate(b"(module)")
call, end = _machine.Machine.call, time.monotonic() + 2
def slowly(machine, name, *arguments):
    while name == "begin" and time.monotonic() < end:
        time.sleep(0.01)
    return call(machine, name, *arguments)
_machine.Machine.call = slowly

def after(seconds, function, *arguments):
    timer = threading.Timer(seconds, function, arguments)
    timer.daemon = True
    timer.start()
"""


def test_interrupted_import(python, tmp_path):
    """Leaves no module, no lock; the next one succeeds."""
    code = """
        after(0.3, os.kill, os.getpid(), signal.SIGINT)
        try:
            import m
        except KeyboardInterrupt:
            print("m" in sys.modules, os.path.exists("__pycache__") and os.listdir("__pycache__"))
        import m
        print(m.add(5, 3))
    """
    assert python(SLOW + textwrap.dedent(code)).stdout == "False []\n8\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_killed_while_compiling(python, tmp_path, number):
    """Whoever imports next does not wait for ever."""
    code = f"""
        signal.signal({int(number)}, signal.SIG_DFL) if {int(number)} != signal.SIGKILL else None
        after(0.3, os.kill, os.getpid(), {int(number)})
        import m
    """
    done = python(SLOW + textwrap.dedent(code), check=False)
    assert done.returncode == -number
    assert python("import wasmpy, m; print(m.add(5, 3))").stdout == "8\n"
    assert [name for name in os.listdir(tmp_path / "__pycache__") if ".lock" in name or ".tmp" in name] == []


def test_many_signals_while_compiling(python):
    """A profiler's timer, say: every system call is interrupted, and the handlers run."""
    code = """
        import wasmpy, signal
        count = 0
        def handler(*_):
            global count
            count += 1
        for number, timer in ((signal.SIGALRM, signal.ITIMER_REAL), (signal.SIGPROF, signal.ITIMER_PROF)):
            signal.signal(number, handler)
            signal.setitimer(timer, 0.001, 0.001)
        import m
        body = "(i32.add (i32.const 1)) " * 20000
        big = wasmpy.load(f'(module (func (export "f") (result i32) (i32.const 0) {body}))'.encode())
        for timer in (signal.ITIMER_REAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        print(m.add(5, 3), big.f(), count > 10)
    """
    assert python(code).stdout == "8 20000 True\n"


# --- ends ------------------------------------------------------------------------------------------------------

ENDS = {
    "globals": "one, view = m.fib, memoryview(m.memory)",
    "atexit": "import atexit; atexit.register(lambda: print(m.fib(10), m.add(1, 2)))",
    "atexit before wasmpy": "",
    "late compile": "import atexit; atexit.register(lambda: print(wasmpy.load(b'(module)')))",
    "finalizers of globals": "one = Last(m)",
    "finalizers in modules that go last": "sys.one = builtins.one = Last(m)",
    "a cycle through the module": "m.one = Last(m)",
    "a cycle through a table": "m.keep(0, Last(m)); m.keep(1, m)",
    "a cycle through an import": """
        class Host: pass
        host = Host()
        host.f = lambda n: host.m.add(n, 1)
        host.m = wasmpy.load(Path("m.wat").read_bytes(), {"host": host})
        host.last = Last(host.m)
        m.keep(2, host)
    """,
    "a cycle of two instances": """
        a = wasmpy.load(Path("m.wat").read_bytes(), {"host": {"f": lambda n: n}})
        b = wasmpy.load(b'(module (import "a" "keep" (func (param i32 externref) (result externref))) '
                        b'(table (export "t") 2 externref))', {"a": a})
        a.keep(0, b); b.t[0] = a; b.t[1] = Last(a)
    """,
    "trap kept": """
        try: m.fault()
        except IndexError as error: trap = error
    """,
    "exception through wasm kept": """
        def f(n): raise Stop(n)
        class Stop(Exception): pass
        try: wasmpy.load(Path("m.wat").read_bytes(), {"host": {"f": f}}).sum(3)
        except Stop as error: kept = error
    """,
    "thread local": "import threading; local = threading.local(); local.one = Last(m)",
    "context variable": "import contextvars; v = contextvars.ContextVar('v'); v.set(Last(m))",
    "weakref.finalize": "import weakref; weakref.finalize(m, print, 'finalized')",
    "modules cleared": "one = Last(m); sys.modules.clear()",
    "wasmpy gone": "one = Last(m); [sys.modules.pop(n) for n in list(sys.modules) if n.startswith('wasmpy')]",
    "gc off": "import gc; gc.disable(); m.one = Last(m)",
    "gc frozen": "import gc; m.one = Last(m); gc.freeze()",
    "daemon in short calls": "daemon(lambda: [m.fib(5) for _ in iter(int, 1)])",
    "daemons in many instances": """
        module = wasmpy.module(m)
        for _ in range(4):
            daemon(lambda: [module.instantiate({"host": {"f": abs}}).fib(5) for _ in iter(int, 1)])
    """,
    "daemon in a callback": """
        def f(n):
            time.sleep(100)
        daemon(wasmpy.load(Path("m.wat").read_bytes(), {"host": {"f": f}}).sum, 3)
    """,
    "daemon in a callback that returns at the end": """
        def f(n):
            time.sleep(0.25)
            return n
        for _ in range(4):
            daemon(wasmpy.load(Path("m.wat").read_bytes(), {"host": {"f": f}}).sum, 100)
    """,
    "daemon traps": """
        def work():
            while True:
                try: m.fault()
                except IndexError: pass
        daemon(work)
    """,
    "daemon overflows": """
        def work():
            while True:
                try: m.deep(10**9)
                except RecursionError: pass
        daemon(work)
    """,
    "daemon compiles": """
        def work():
            for i in iter(int, 1):
                wasmpy.load(b'(module (func (export "f") (result i32) (i32.const %d)))' % i)
        daemon(work)
    """,
    "thread outlives main": """
        import threading
        def work():
            time.sleep(0.3)
            print(m.fib(10))
        threading.Thread(target=work).start()
    """,
    "exit in a callback": """
        def f(n): sys.exit(0)
        wasmpy.load(Path("m.wat").read_bytes(), {"host": {"f": f}}).sum(3)
    """,
    "os._exit in a callback": """
        def f(n): os._exit(0)
        wasmpy.load(Path("m.wat").read_bytes(), {"host": {"f": f}}).sum(3)
    """,
    "failing atexit": """
        import atexit
        def fail():
            try: m.fault()
            except IndexError: print("trapped")
        atexit.register(fail)
    """,
    "faulthandler": "import faulthandler; faulthandler.enable(); one = Last(m)",
    "forked child": """
        child = os.fork()
        if child == 0:
            one = Last(m)
            sys.exit(0)
        os.waitpid(child, 0)
    """,
    "generator": """
        def g():
            try: yield m.fib(3)
            finally: assert m.fib(10) == 55
        kept = g(); next(kept)
    """,
}
# What CPython ends without finalizing.
NEVER_FINALIZED = ("gc frozen", "context variable", "finalizers in modules that go last")
END = """
import atexit, builtins, os, sys, threading, time
from pathlib import Path
{early}
import wasmpy, m

class Last:
    def __init__(self, instance):
        self.instance, self.fib, self.me = instance, instance.fib, self
    def __del__(self, write=os.write, Trap=IndexError):
        assert self.fib(10) == 55
        try:
            self.instance.fault()
        except Trap:
            write(1, b"last\\n")

def daemon(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()
    time.sleep(0.05)
"""
EARLY = "atexit.register(lambda: print(sys.modules['m'].fib(10)))"


# How threads end differs between versions most.
VERSIONED = [what for what in ENDS if "daemon" in what] + ["finalizers of globals", "modules cleared", "wasmpy gone"]


@pytest.mark.parametrize(
    ("interpreter", "what"),
    [("3.15", what) for what in ENDS] + [(version, what) for version in ("3.10", "3.12") for what in VERSIONED],
    indirect=["interpreter"],
)
def test_ends(interpreter, cache, tmp_path, what):
    """The interpreter may end in any order: no crash, no hang, no complaint."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    code = END.format(early=EARLY if what == "atexit before wasmpy" else "") + textwrap.dedent(ENDS[what])
    done = interpreter.run("-X", "dev", "-c", code, cwd=tmp_path, env=environment(cache), timeout=60)
    assert done.returncode == 0, (done.returncode, done.stderr)
    complaints = [
        line for line in done.stderr.splitlines() if "DeprecationWarning" not in line and "fork" not in line
    ]
    assert not complaints, done.stderr
    if "Last(" in ENDS[what] and what not in NEVER_FINALIZED:
        assert "last\n" in done.stdout
    expected = {"atexit": "55 3\n", "atexit before wasmpy": "55\n", "thread outlives main": "55\n"}
    assert expected.get(what, "") in done.stdout


@pytest.mark.parametrize("is_daemon", [True, False])
def test_ctrl_c_with_a_thread_in_an_endless_loop(tmp_path, cache, is_daemon):
    """A thread in WebAssembly keeps the interpreter's lock, as C code does, but for signals: Ctrl-C ends it all."""
    (tmp_path / "m.wat").write_text(STATE)
    code = f"""
        import threading, wasmpy
        from pathlib import Path
        def ready(n):
            print("ready", flush=True)
            return n
        m = wasmpy.load(Path("m.wat").read_bytes(), {{"host": {{"f": ready}}}})
        thread = threading.Thread(target=m.forever, args=(1,), daemon={is_daemon})
        thread.start()
        thread.join()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env={**os.environ, **environment(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            if not is_daemon:  # Python waits for threads that are none, until the next one.
                time.sleep(1)
                process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
            assert "KeyboardInterrupt" in errors
        finally:
            process.kill()
