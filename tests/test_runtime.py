"""The run time in a real process: traps, stacks, signals, references. Each test runs in an interpreter of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """
import faulthandler, gc, os, signal, sys, threading
import wasmpy

def trap(call, *args):
    try:
        return call(*args)
    except Exception as e:
        return f"{type(e).__name__}: {e}"

def later(name, seconds=0.3):
    os.system(f"(sleep {seconds}; kill -{name} {os.getpid()}) &")

TEXT = '''(module
 (memory (export "m") 1 4)
 (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
 (func (export "store") (param i32) (i32.store offset=0xfffffff0 (local.get 0) (i32.const 1)))
 (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 1) (local.get 1)))
 (func $deep (export "deep") (param i32) (result i32)
   (if (result i32) (local.get 0)
     (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
     (else (i32.const 0))))
 (func $for_ever (export "for_ever") (result i32) (i32.add (i32.const 1) (call $for_ever)))
 (func (export "loop") (loop $l (br $l))))'''
module = wasmpy.load(TEXT.encode(), {})
"""

OUT_OF_BOUNDS = "Trap: out of bounds memory access"


def run(body: str, *, fails: int = 0) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == fails, done.stderr
    return [*done.stdout.splitlines(), *([done.stderr] if fails else [])]


def test_faults_are_traps_and_the_instance_stays_usable() -> None:
    lines = run("""
        for at in (0, 65532, 65533, -1, 65536):
            print(trap(module.load, at))
        print(trap(module.store, -1), trap(module.fill, 65535, 2), module.load(0))
    """)
    assert lines == ["0", "0", *[OUT_OF_BOUNDS] * 3, f"{OUT_OF_BOUNDS} {OUT_OF_BOUNDS} 0"]


def test_endless_recursion_ends_on_every_stack() -> None:
    lines = run("""
        def work():
            print(trap(module.for_ever), trap(module.load, -1))
        work()
        for size in (1 << 18, 1 << 20, 64 << 20, 1 << 15):
            threading.stack_size(size)
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        print(trap(module.deep, 1000))
    """)
    assert lines[:4] == [f"Trap: call stack exhausted {OUT_OF_BOUNDS}"] * 4
    assert lines[4].count("RecursionError: too little stack left") == 2
    assert lines[5] == "1000"


@pytest.mark.parametrize("call", ["module.loop()", "module.for_ever()", "[module.deep(1) for _ in iter(int, 1)]"])
def test_ctrl_c_stops_what_runs(call: str) -> None:
    # Endless recursion alone may end earlier: it is repeated.
    lines = run(f"""
        later("INT")
        try:
            while True:
                try:
                    {call}
                except wasmpy.Trap:
                    pass
        except KeyboardInterrupt:
            print("interrupted", module.deep(3))
    """)
    assert lines == ["interrupted 3"]


def test_other_signals_and_handlers_set_later() -> None:
    lines = run("""
        def alarm(*_):
            raise TimeoutError
        signal.signal(signal.SIGALRM, alarm)
        signal.signal(signal.SIGINT, signal.default_int_handler)   # displaces ours
        again = wasmpy.load(TEXT.encode(), {})                     # puts it back
        for number in (signal.SIGALRM, signal.SIGINT):
            later(number.name[3:])
            try:
                module.loop()
            except BaseException as e:
                print(type(e).__name__)
    """)
    assert lines == ["TimeoutError", "KeyboardInterrupt"]


CRASH = """
    import ctypes
    print("crash", flush=True)
    ctypes.string_at(8)
"""


@pytest.mark.parametrize("order", ["before", "after", "between", "never"])
def test_faulthandler(order: str) -> None:
    body = f"""
        order = {order!r}
        if order in ("before", "after"):
            faulthandler.enable()
        first = module if order != "before" else wasmpy.load(TEXT.encode(), {{}})
        if order == "between":
            faulthandler.enable()
        second = wasmpy.load(TEXT.replace('"loop"', '"other"').encode(), {{}})
        for _ in range(2):
            for m in (first, second):
                print(trap(m.load, -1), flush=True)
    """
    lines = run(textwrap.dedent(body) + textwrap.dedent(CRASH), fails=-signal.SIGSEGV)
    assert lines[:5] == [OUT_OF_BOUNDS] * 4 + ["crash"]
    assert ("Fatal Python error" in lines[5]) == (order != "never")


def test_after_fork() -> None:
    lines = run("""
        pid = os.fork()
        if pid == 0:
            os._exit(0 if trap(module.load, -1) != 0 and trap(module.for_ever) != 0 else 1)
        print(os.waitpid(pid, 0)[1])
    """)
    assert lines == ["0"]


REFERENCES = """
    class Object:
        alive = 0
        def __init__(self): Object.alive += 1; self.intact = True
        def __del__(self): Object.alive -= 1; self.intact = False
    most = 0
    def use(x):
        global most
        most = max(most, Object.alive)
        assert x.intact
        return 1
    refs = wasmpy.load(b'''(module
     (import "py" "new" (func $new (result externref)))
     (import "py" "use" (func $use (param externref) (result i32)))
     (func (export "many") (param $n i32) (result i32) (local $sum i32)
       (loop $l
         (local.set $sum (i32.add (local.get $sum) (call $use (call $new))))
         (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
       (local.get $sum))
     (func $deep (export "deep") (param $n i32) (result i32) (local $r externref)
       (local.set $r (call $new))
       (if (result i32) (local.get $n)
         (then (i32.add (call $deep (i32.sub (local.get $n) (i32.const 1))) (call $use (local.get $r))))
         (else (i32.const 0)))))''', {"py": {"new": Object, "use": use}})
"""


def test_references_on_the_wasm_stack() -> None:
    lines = run(
        textwrap.dedent(REFERENCES)
        + textwrap.dedent("""
        print(refs.many(20000), Object.alive, most <= 1024)
        print(refs.deep(3000), Object.alive)
    """)
    )
    assert lines == ["20000 0 True", "3000 0"]


def test_an_instance_outlives_the_call_into_it() -> None:
    lines = run("""
        caller = wasmpy.load(b'''(module (type $t (func (result i32))) (table (export "t") 3 funcref)
            (func (export "go") (result i32) (call_indirect (type $t) (i32.const 2))))''', {})
        def callback():
            caller.t[2] = None
            gc.collect()
        callee = wasmpy.load(b'''(module (import "py" "callback" (func $callback)) (memory 1)
            (global $g (mut i32) (i32.const 5))
            (func (export "f") (result i32)
              (i32.store (i32.const 8) (i32.const 77)) (call $callback)
              (i32.add (global.get $g) (i32.load (i32.const 8)))))''', {"py": {"callback": callback}})
        caller.t[2] = callee.f
        del callee
        gc.collect()
        print(caller.go())
    """)
    assert lines == ["82"]
