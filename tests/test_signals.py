"""Ctrl-C, threads, processes, interpreters, and the end of them all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import environment
from samples import INTERPRETERS

# For what depends less on the version.
some = pytest.mark.parametrize("interpreter", ["3.10", "3.12", "3.15"], indirect=True)

LOOPS = """
(module
  (import "host" "again" (func $again))
  (import "host" "ready" (func $ready))
  (memory (export "memory") 16384)
  (func (export "loop") (call $ready) (loop $l (br $l)))
  (func $deep (export "deep") (call $ready) (loop $l (call $again) (br $l)))
  (func $r (export "tail_free") (call $ready) (loop $l (call $leaf) (br $l)))
  (func $leaf)
  (func (export "fill") (call $ready)
    (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 1073741824)) (br $l)))
  (func (export "copy") (call $ready)
    (loop $l (memory.copy (i32.const 0) (i32.const 65536) (i32.const 1073676288)) (br $l)))
  (table $t 3000000 externref) (table $u 3000000 externref) (table $f funcref (elem $indirect))
  (type $s (func (param i32) (result i32)))
  (func (export "table_fill") (call $ready)
    (loop $l (table.fill $t (i32.const 0) (ref.null extern) (i32.const 3000000)) (br $l)))
  (func (export "table_copy") (call $ready)
    (loop $l (table.copy $t $u (i32.const 0) (i32.const 0) (i32.const 3000000)) (br $l)))
  (func (export "nested") (local $i i32) (call $ready)
    (loop $l
      (local.set $i (i32.const 0))
      (loop $k (br_if $k (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000000000))))
      (br $l)))
  (func (export "tail_calls") (call $ready) (return_call $one))
  (func $one (return_call $two))
  (func $two (return_call $one))
  (func (export "indirect_tail_calls") (call $ready) (drop (call $indirect (i32.const 1))))
  (func $indirect (param i32) (result i32)
    (return_call_indirect $f (type $s) (local.get 0) (i32.const 0)))
  (func $fib (param i64) (result i64)
    (if (result i64) (i64.lt_s (local.get 0) (i64.const 2)) (then (local.get 0))
      (else (i64.add (call $fib (i64.sub (local.get 0) (i64.const 1)))
                     (call $fib (i64.sub (local.get 0) (i64.const 2)))))))
  (func (export "fib_100") (call $ready) (drop (call $fib (i64.const 100))))
  (func $down (param i32)
    (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (loop $l (br $l))))
    (drop (i32.load (i32.const 0))))
  (func (export "far_down") (call $ready) (call $down (i32.const 50000)))
  (func $recur (param i32) (result i32)
    (i32.add (if (result i32) (local.get 0)
      (then (call $recur (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))) (i32.const 1)))
  (func (export "recursions") (call $ready) (loop $l (drop (call $recur (i32.const 50000))) (br $l)))
  (func (export "fine") (result i32) (i32.load8_u offset=1073741823 (i32.const 0))))
"""
STATE = """
(module
  (memory (export "memory") 1)
  (table 4 externref)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "bump") (param i32)
    (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1))))
  (func (export "keep") (param i32 externref) (result externref)
    (table.set (local.get 0) (local.get 1)) (table.get (local.get 0)))
  (func (export "trap") unreachable)
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0)))))
"""


ENDLESS = ["loop", "tail_free", "fill", "copy", "deep", "table_fill", "table_copy", "nested", "tail_calls",
           "indirect_tail_calls", "fib_100", "far_down", "recursions"]  # fmt: skip
# Set up beforehand: a faulthandler; threads that run wasm code, too.
FAULTS = "import faulthandler; faulthandler.enable()"
OTHERS = f"""
        import threading, wasmpy
        def other():
            mine = wasmpy.load({STATE!r}.encode())
            while True:
                mine.fib(15)
        for _ in range(2):
            threading.Thread(target=other, daemon=True).start()
"""


@pytest.mark.parametrize(
    ("export", "before"), [*((e, "") for e in ENDLESS), ("loop", FAULTS), ("loop", OTHERS), ("far_down", OTHERS)]
)
def test_interrupt(cache, export, before):
    """Twice in a row; measured, an answer takes 10 to 60 ms, on a machine with ten times the load it can bear."""
    code = f"""
        {before}
        import wasmpy
        def ready():
            print("ready", flush=True)
        m = wasmpy.load({LOOPS!r}.encode(), {{"host": {{"ready": ready, "again": lambda: None}}}})
        for _ in range(2):
            try:
                m[{export!r}]()
            except KeyboardInterrupt:
                print("interrupted", m.fine() in (0, 1), flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment(cache)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            for _ in range(2):
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                time.sleep(0.1)
                process.send_signal(signal.SIGINT)
                start = time.monotonic()
                assert process.stdout.readline() == "interrupted True\n"
                assert time.monotonic() - start < 5
            assert process.wait(10) == 0
        finally:
            process.kill()


LATER = {
    "signal.signal": """
        signal.signal(signal.SIGALRM, stop)
        alarm()
    """,
    "from signal import signal": """
        install(signal.SIGALRM, stop)
        alarm()
    """,
    "SIGINT ignored": """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, stop)
        alarm()
    """,
    "SIGINT ignored from the beginning": """
        signal.signal(signal.SIGALRM, stop)
        alarm()
    """,
    "SIGINT ignored, another handler there before": """
        alarm()
    """,
    "in a callback": """
        def ready():
            signal.signal(signal.SIGALRM, stop)
            alarm()
    """,
    "asyncio": """
        async def main():
            alarm(signal.SIGINT)
            if sys.version_info >= (3, 11):  # The first one cancels the task, as soon as that lets it.
                alarm(signal.SIGINT, 0.6)
            m.loop()
        def loop():
            try:
                asyncio.run(main())
            except KeyboardInterrupt:
                raise Stop
    """,
    "asyncio, a handler of its own": """
        async def main():
            # Called by the event loop, which does not run meanwhile: the wrong tool, but it does not hang for ever.
            asyncio.get_running_loop().add_signal_handler(signal.SIGALRM, str)
            signal.signal(signal.SIGALRM, stop)
            alarm()
            m.loop()
        loop = lambda: asyncio.run(main())
    """,
}


@some
@pytest.mark.parametrize("later", LATER)
def test_handlers_that_are_installed_later(run, later):
    """They are noticed by loops that run, or that follow."""
    ignored = "signal.signal(signal.SIGINT, signal.SIG_IGN)" if later.endswith("from the beginning") else ""
    before = "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGALRM, stop)"
    code = f"""
        import asyncio, signal, subprocess, sys, os, threading
        from signal import signal as install
        class Stop(Exception):
            pass
        def stop(number, frame):
            raise Stop
        def alarm(number=signal.SIGALRM, after=0.2):
            subprocess.Popen(["sh", "-c", f"sleep {{after}}; kill -{{int(number)}} {{os.getpid()}}"])
        def ready():
            pass
        {ignored or (before if later.endswith("before") else "")}
        import wasmpy
        m = wasmpy.load({LOOPS!r}.encode(), {{"host": {{"ready": lambda: ready(), "again": lambda: None}}}})
        loop = m.loop
        {textwrap.indent(textwrap.dedent(LATER[later]), " " * 8).strip()}
        try:
            loop()
        except Stop:
            print("stopped", m.fine())
    """
    assert run({}, code) == "stopped 0\n"


@some
def test_interrupt_of_who_waits_for_a_thread(run):
    """The thread goes on."""
    code = f"""
        import os, signal, threading, wasmpy
        started, ended = threading.Event(), threading.Event()
        leave = False
        def again():
            if leave:
                raise EOFError
        m = wasmpy.load({LOOPS!r}.encode(), {{"host": {{"ready": started.set, "again": again}}}})
        def work():
            try:
                m.deep()
            except EOFError:
                ended.set()
        def wait():
            os.system(f"(sleep 0.3; kill -INT {{os.getpid()}}) &")
            try:
                ended.wait(20)
            except KeyboardInterrupt:
                print("interrupted", ended.is_set(), flush=True)
        threading.Thread(target=work, daemon=True).start()
        started.wait(20)
        for _ in range(3):
            wait()
        leave = True
        print(ended.wait(20), m.fine(), flush=True)
    """
    assert run({}, code) == "interrupted False\n" * 3 + "True 0\n"


@some
def test_interrupt_in_endless_recursion_through_imports(run):
    code = """
        import signal, threading, os, wasmpy
        text = '(module (import "h" "f" (func $f)) (func (export "g") (call $f)))'
        def f():
            try:
                m.g()
            except RecursionError:
                pass
        m = wasmpy.load(text.encode(), {"h": {"f": f}})
        def forever():
            while True:
                m.g()
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            forever()
        except KeyboardInterrupt:
            print("interrupted")
    """
    assert run({}, code) == "interrupted\n"


@some
def test_threads(run):
    code = f"""
        import sys, threading, wasmpy, gc
        sys.setswitchinterval(1e-5)
        module = wasmpy.compile({STATE!r}.encode())
        one = module.instantiate()
        failures = []
        def work(i):
            try:
                for j in range(300):
                    one.bump(4 * i)
                    assert one.add(i, j) == i + j
                    thing = [i, j]
                    assert one.keep(i % 4, thing) is not None
                    assert one.fib(8) == 21
                    if j % 50 == 0:
                        own = module.instantiate()
                        own.bump(0)
                        assert own.memory[0] == 1
                        try:
                            own.trap()
                        except wasmpy.Trap:
                            pass
                        else:
                            failures.append("no trap")
                    if j % 100 == 0:
                        gc.collect()
            except BaseException as error:
                failures.append(repr(error))
        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        [t.start() for t in threads]; [t.join() for t in threads]
        print(failures, [one.memory.read_struct("<i", 4 * i)[0] for i in range(8)] == [300] * 8)
    """
    assert run({}, code) == "[] True\n"


def test_small_stacks(run):
    code = f"""
        import threading, wasmpy, sys
        module = wasmpy.compile({STATE!r}.encode())
        shared = module.instantiate()
        results = []
        def work(instance):
            for depth in (10, 100, 1000, 10**4, 10**6):
                try:
                    results.append(instance.deep(depth) == depth)
                except RecursionError:
                    results.append(True)
                except BaseException as error:
                    results.append(repr(error))
        for size in (32 if sys.version_info < (3, 14) else 64, 64, 256, 8192):  # 3.14 refuses less
            threading.stack_size(size * 1024)
            threads = [threading.Thread(target=work, args=(shared,)) for _ in range(4)]
            [t.start() for t in threads]; [t.join() for t in threads]
        work(shared)
        print(set(results), len(results))
    """
    assert run({}, code) == "{True} 85\n"


def test_pools(run):
    files = {
        "m.wat": STATE,
        "main.py": """
            import multiprocessing, sys, wasmpy, m
            from m import add
            if __name__ == "__main__":
                for method in sys.argv[1:]:
                    with multiprocessing.get_context(method).Pool(2) as pool:
                        print(method, pool.starmap(add, [(1, 2), (3, 4)]), pool.map(m.fib, range(8)))
        """,
    }
    code = """
        import os, subprocess, sys
        # Run through a loader of its own, an interpreter cannot spawn another.
        words = open("/proc/self/cmdline").read().split("\\0")
        words = words[: words.index("-c")]
        methods = ["fork", "spawn"] if len(words) == 1 else ["fork"]
        print(methods, flush=True)
        done = subprocess.run([*words, "main.py", *methods], timeout=60, check=True)
    """
    lines = "{} [3, 7] [0, 1, 1, 2, 3, 5, 8, 13]\n"
    methods, *printed = run(files, code).splitlines(keepends=True)
    assert printed == [lines.format(method) for method in ("fork", "spawn") if method in methods]


@some
def test_forks_while_wasm_runs(run):
    code = f"""
        import os, wasmpy
        m = wasmpy.load({STATE!r}.encode())
        m.bump(0)
        child = os.fork()
        if child == 0:
            m.bump(0)
            try:
                m.trap()
            except wasmpy.Trap:
                os._exit(m.memory[0])
        print(os.WEXITSTATUS(os.waitpid(child, 0)[1]), m.memory[0])
    """
    assert run({}, code) == "2 1\n"


def test_interpreters(run):
    files = {"m.wat": STATE, "another.py": INTERPRETERS}
    code = """
        import another, sys
        if not another.HAS_LOCKS:
            print("fine")
            sys.exit()
        import wasmpy, m, threading
        m.bump(0)
        code = '''if True:
            import wasmpy, m
            m.bump(0)
            assert m.memory[0] == 1 and m.fib(10) == 55 and m.keep(0, "x") == "x"
            try:
                m.trap()
            except wasmpy.Trap as error:
                assert error.frames
            try:
                m.deep(10**9)
            except RecursionError:
                pass
        '''
        def work():
            another.run_in_another(code)
        work()
        failures = []
        threading.excepthook = lambda a: failures.append(a)
        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]; [t.join() for t in threads]
        assert m.memory[0] == 1 and m.fib(10) == 55, "the first one's"
        print("fine" if not failures else failures)
    """
    assert run(files, code) == "fine\n"


def test_ends(run):
    """The interpreter may go in any order."""
    code = """
        import atexit, wasmpy, m, sys, gc
        from os import write as os_write
        late = m.fib
        class Last:
            def __init__(self, instance, name):
                self.instance, self.fib, self.name = instance, instance.fib, name
            def __del__(self):
                assert self.fib(10) == 55
                os_write(1, (self.name + " ").encode())
        atexit.register(lambda: print("atexit", late.__self__.fib(10), late(3)))
        one = Last(m, "one")
        own = Last(wasmpy.module(m).instantiate(), "own")
        own.instance.keep(0, own)  # a cycle through a table
        cycle = Last(wasmpy.module(m).instantiate(), "cycle")
        cycle.me = cycle
        sys.kept = Last(wasmpy.module(m).instantiate(), "kept")
        m.keep(1, [Last(m, "table")])
        view = memoryview(m.memory)
        del m
        import threading, time
        thread = threading.Thread(target=lambda: [late(20) for _ in range(100)], daemon=True)
        thread.start()
    """
    for end, gone in (("", {"kept"}), ("    thread.join()\n", {"kept", "one", "cycle"})):
        output = run({"m.wat": STATE}, code + end)
        assert "atexit 55 2\n" in output
        # While a daemon thread runs, CPython frees nothing of the program itself.
        assert gone <= set(output.split())


@some
def test_an_interrupt_that_nobody_waits_for(run):
    """Signals during short calls are neither lost nor late."""
    code = """
        import signal, os, wasmpy, m
        got = []
        signal.signal(signal.SIGUSR1, lambda *_: got.append(m.add(1, 2)))
        for _ in range(100):
            os.kill(os.getpid(), signal.SIGUSR1)
            m.fib(5)
        print(len(got) == 100, set(got))
    """
    assert run({"m.wat": STATE}, code) == "True {3}\n"


@some
@pytest.mark.parametrize("leaves", ["ValueError", "a trap", "a trap of memory"])
def test_interrupts_while_an_exception_leaves(run, leaves):
    """What a handler raises while the traceback is made is not lost."""
    code = f"""
        import signal, time, wasmpy
        class Stop(BaseException): pass
        def f():
            raise ValueError
        m = wasmpy.load(b'''(module (import "h" "f" (func $f)) (memory 1)
            (func (export "ValueError") (call $f)) (func (export "a trap") unreachable)
            (func (export "a trap of memory") (drop (i32.load (i32.const -1)))))''', {{"h": {{"f": f}}}})
        go = m[{leaves!r}]
        raised = got = 0
        def stop(number, frame):
            global raised
            raised += 1
            raise Stop
        signal.signal(signal.SIGALRM, stop)
        while raised < 60 and raised - got < 5:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.003)
                end = time.monotonic() + 1
                while time.monotonic() < end:
                    try:
                        go()
                    except (ValueError, RuntimeError):
                        pass
            except Stop:
                got += 1
        print(raised == got)
    """
    assert run({}, code) == "True\n"


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_programs_end_though_a_thread_loops(python, number):
    """Its handler writes and waits, with the lock of the interpreter given away each time."""
    code = f"""
        import os, signal, subprocess, sys, threading, time, wasmpy
        m = wasmpy.load(b'(module (func (export "loop") (loop $l (br $l))))')
        def stop(*_):
            for i in range(20):
                print("stopping", i, flush=True)
            time.sleep(0.01)
            print("bye", flush=True)
            sys.exit(0)
        signal.signal(signal.{number}, stop)
        subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -{{int(signal.{number})}} {{os.getpid()}}"])
        threading.Thread(target=m.loop, daemon=True).start()
        while True:
            time.sleep(1)
    """
    assert python(code).splitlines()[-1] == "bye"
