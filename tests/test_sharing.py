"""What the rest of a program gets while WebAssembly code runs: its turn, its signals, its exceptions."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from conftest import environment
from samples import INTERPRETERS

some = pytest.mark.parametrize("interpreter", ["3.10", "3.12", "3.13", "3.15"], indirect=True)

# Each runs until the memory's first byte is set, which only another thread can do. It is read by a call: reads of the
# loop itself may be moved out of it. "bare_loop" has no end.
UNTIL = """
(module
  (import "host" "call" (func $call))
  (memory (export "memory") 1024)
  (table $t 1000000 externref)
  (type $s (func (param i32)))
  (table $f funcref (elem $indirect))
  (func $go_on (result i32) (i32.eqz (i32.load8_u (i32.const 0))))
  (func (export "loop") (loop $l (br_if $l (call $go_on))))
  (func (export "bare_loop") (loop $l (br $l)))
  (func $fib (param i32) (result i32)
    (if (result i32) (i32.or (i32.lt_s (local.get 0) (i32.const 2)) (i32.eqz (call $go_on)))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "recursion") (drop (call $fib (i32.const 1000))))
  (func $tail (if (call $go_on) (then (return_call $tail))))
  (func (export "tail_calls") (call $tail))
  (func $indirect (param i32)
    (if (call $go_on) (then (return_call_indirect $f (type $s) (local.get 0) (i32.const 0)))))
  (func (export "indirect_tail_calls") (call $indirect (i32.const 0)))
  (func (export "fill")
    (loop $l (memory.fill (i32.const 8) (i32.const 1) (i32.const 67108000)) (br_if $l (call $go_on))))
  (func (export "table_fill")
    (loop $l (table.fill $t (i32.const 0) (ref.null extern) (i32.const 1000000)) (br_if $l (call $go_on))))
  (func (export "callbacks") (loop $l (call $call) (br_if $l (call $go_on))))
  (func $down (param i32)
    (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))
      (else (loop $l (br_if $l (call $go_on)))))
    (drop (i32.load8_u (i32.const 1))))
  (func (export "far_down") (call $down (i32.const 100000)))
  (func (export "fine") (result i32) (i32.const 1)))
"""
WAYS = ["loop", "recursion", "tail_calls", "indirect_tail_calls", "fill", "table_fill", "callbacks",
        "far_down"]  # fmt: skip
LOADED = f"""
        import wasmpy
        m = wasmpy.load({UNTIL!r}.encode(), {{"host": {{"call": lambda: None}}}})
"""


@pytest.mark.parametrize("checked", [False, True])
def test_other_threads_run(run, checked):
    """If they did not, the loops would not end."""
    code = f"""
        import resource, sys, threading
        if {checked}:
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        {LOADED}
        for way in {WAYS!r}:
            m.memory[0] = 0
            started = threading.Event()
            def stop():
                started.wait()
                m.memory[0] = 1
            thread = threading.Thread(target=stop)
            thread.start()
            started.set()
            m[way]()
            thread.join()
            # The loop in the other thread, a timer in this one.
            m.memory[0] = 0
            thread = threading.Thread(target=m[way])
            thread.start()
            timer = threading.Timer(0.02, m.memory.write, (0, b"1"))
            timer.start()
            thread.join()
            print(way, m.fine())
    """
    assert run({}, code) == "".join(f"{way} 1\n" for way in WAYS)


def test_event_loop(run):
    code = f"""
        import asyncio, threading
        {LOADED}
        async def main(way):
            m.memory[0] = 0
            ticks = 0
            async def tick():
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.005)
                    ticks += 1
            ticking = asyncio.ensure_future(tick())
            try:
                await asyncio.wait_for(asyncio.to_thread(m[way]), 0.2)
            except asyncio.TimeoutError:
                print(way, ticks >= 5, m.memory[0])
            m.memory[0] = 1
        for way in ["loop", "recursion", "fill"]:
            asyncio.run(main(way))
    """
    assert run({}, code) == "loop True 0\nrecursion True 0\nfill True 0\n"


def test_exceptions_that_other_threads_raise(run):
    """PyThreadState_SetAsyncExc: the exception is raised in the loop, and its traceback shows no code of ours."""
    code = f"""
        import ctypes, threading, traceback
        {LOADED}
        class Stop(BaseException): pass
        ident = threading.get_ident()
        raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        def raise_here():
            raise_in(ctypes.c_ulong(ident), ctypes.py_object(Stop))
        for way in ["bare_loop", "recursion", "fill", "callbacks"]:
            threading.Timer(0.05, raise_here).start()
            try:
                m[way]()
            except Stop as error:
                names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
                print(way, "<wasmpy>" in traceback.format_exc(), names[0], m.fine())
        # One of another thread, which waits meanwhile, disturbs nothing.
        done = threading.Event()
        other = threading.Thread(target=done.wait)
        other.start()
        raise_in(ctypes.c_ulong(other.ident), ctypes.py_object(SystemExit))
        threading.Timer(0.1, m.memory.write, (0, b"1")).start()
        m.loop()
        done.set()
        other.join()
        print("done")
    """
    lines = [f"{way} False <module> 1\n" for way in ("bare_loop", "recursion", "fill", "callbacks")]
    assert run({}, code) == "".join(lines) + "done\n"


@some
def test_pending_calls(run):
    code = f"""
        import ctypes, threading
        {LOADED}
        def stop(_):
            m.memory[0] = 1
            return 0
        call = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(stop)
        timer = threading.Timer(0.05, ctypes.pythonapi.Py_AddPendingCall, (call, None))
        timer.start()
        m.loop()
        print("stopped")
    """
    assert run({}, code) == "stopped\n"


def test_a_signal_for_the_main_thread_does_not_disturb_others(run):
    """It waits in a C function that no signal interrupts; loops of other threads go on until it comes back."""
    code = f"""
        import os, signal, threading, time
        {LOADED}
        got = []
        signal.signal(signal.SIGUSR1, lambda *_: got.append(1))
        thread = threading.Thread(target=m.loop)
        thread.start()
        signal.pthread_kill(thread.ident, signal.SIGUSR1)  # only the main thread answers it
        threading.Timer(0.1, m.memory.write, (0, b"1")).start()
        thread.join()
        print(got)
    """
    assert run({}, code) == "[1]\n"


@pytest.mark.parametrize("interpreter", ["3.10", "3.11", "3.12"], indirect=True)
def test_under_a_tracing_function(run):
    """There the place of the eval breaker is not looked for, so that the tracer lives on: loops ask without it."""
    code = f"""
        import os, signal, sys, threading
        traced = []
        def tracer(frame, event, argument):
            traced.append(frame.f_code.co_filename)
        sys.settrace(tracer)
        {LOADED}
        threading.Timer(0.1, m.memory.write, (0, b"1")).start()
        m.loop()
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        m.memory[0] = 0
        try:
            m.recursion()
        except KeyboardInterrupt:
            print("interrupted", sys.gettrace() is tracer)
        sys.settrace(None)
        # The next module looks again.
        n = wasmpy.load({UNTIL!r}.encode(), {{"host": {{"call": lambda: None}}}})
        threading.Timer(0.1, n.memory.write, (0, b"1")).start()
        n.loop()
        print("fine")
    """
    assert run({}, code) == "interrupted True\nfine\n"


def test_threads_that_python_did_not_start(run):
    """Each has a thread state only while it is in Python, where the one before had its own, on the same stack."""
    code = f"""
        import ctypes, threading
        {LOADED}
        libc = ctypes.CDLL(None)
        ends = []
        @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
        def start(_):
            m.memory[0] = 0
            timer = threading.Timer(0.005, m.memory.write, (0, b"1"))
            timer.start()
            m.loop()
            timer.join()
            ends.append(m.fine())
        for _ in range(20):
            thread = ctypes.c_ulong()
            assert libc.pthread_create(ctypes.byref(thread), None, start, None) == 0
            libc.pthread_join(thread, None)
        print(len(ends), set(ends))
    """
    assert run({}, code) == "20 {1}\n"


@some
def test_at_the_end(run):
    """The program ends though daemon threads run wasm code."""
    code = f"""
        import threading, time
        {LOADED}
        for way in ["loop", "recursion", "fill", "callbacks"]:
            threading.Thread(target=m[way], daemon=True).start()
        time.sleep(0.05)
        print("end", flush=True)
    """
    assert run({}, code) == "end\n"


def test_interpreters_with_locks_of_their_own(run):
    code = f"""
        import another, sys, threading
        if not another.HAS_LOCKS:
            print("fine")
            sys.exit()
        code = '''if True:
            import threading, wasmpy
            m = wasmpy.load("until.wat", {{"host": {{"call": lambda: None}}}})
            for way in ("loop", "recursion", "fill"):
                m.memory[0] = 0
                def stop():
                    m.memory[0] = 1
                thread = threading.Thread(target=stop)
                thread.start()
                m[way]()
                thread.join()
        '''
        {LOADED}
        failures = []
        threading.excepthook = failures.append
        threads = [threading.Thread(target=another.run_in_another, args=(code,)) for _ in range(3)]
        [t.start() for t in threads]
        timer = threading.Timer(0.3, m.memory.write, (0, b"1"))
        timer.start()
        m.loop()
        [t.join() for t in threads]
        print(failures or "fine")
    """
    assert run({"another.py": INTERPRETERS, "until.wat": UNTIL}, code) == "fine\n"


def test_threads_that_load_the_first_module_at_once(run):
    """Memory, Table and Global are the same classes for all of them."""
    text = """text = b'(module (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 1)))'"""
    run({}, f"import wasmpy\n{text}\nwasmpy.load(text)")  # Else the compiler would be the first module.
    code = """
        import threading
        import wasmpy
        from wasmpy import _objects
        original, barrier = _objects.classes, threading.Barrier(3)
        def classes(*types):
            barrier.wait(10)
            return original(*types)
        _objects.classes = classes
        made = []
        def first():
            made.append(wasmpy.load(text))
        threads = [threading.Thread(target=first) for _ in range(3)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        for other in made:
            assert isinstance(other.m, wasmpy.Memory)
            wasmpy.load(b'(module (import "o" "m" (memory 1)) (import "o" "g" (global (mut i32))))', {"o": other})
        print(len(made))
    """
    assert run({}, f"{text}\n{textwrap.dedent(code)}") == "3\n"


def test_types_that_are_defined_at_once(run):
    """Two types never have the same number, wherever a thread, a handler or a finalizer breaks in: functions of
    the one would be called as functions of the other."""
    code = """
        import sys
        from wasmpy import _types
        def meta(name):
            return {"types": [f"({name}) -> ()"], "supertypes": {}, "aggregates": {}}
        def hook(frame, event, arg):
            global left
            if frame.f_code.co_name == "define" and event in ("c_call", "c_return"):
                left -= 1
                if left == 0:
                    sys.setprofile(None)
                    inner.extend(_types.define(meta(f"inner {moment}")))
        broken_in = 0
        for moment in range(1, 30):
            left, inner = moment, []
            sys.setprofile(hook)
            outer = _types.define(meta(f"outer {moment}"))
            sys.setprofile(None)
            assert inner != outer, moment
            broken_in += len(inner)
        assert len(set(_types._numbers.values())) == len(_types._numbers)
        print(broken_in > 3)
    """
    assert run({}, code) == "True\n"


@some
def test_many_threads(interpreter, cache):
    """A few seconds of what ``python3 tests/threads.py`` does for minutes."""
    script = Path(__file__).parent / "threads.py"
    # Forks of a process with threads: a warning from 3.12 on.
    done = interpreter.run("-W", "ignore", str(script), "--seconds", "4", env=environment(cache))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nothing lost\n")
