"""Stacks that are short, that change their size, or are others than they were."""

from __future__ import annotations

import pytest

DEEP = """
(module (func $deep (export "deep") (param i32) (result i32)
  (if (result i32) (local.get 0)
    (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
    (else (i32.const 0)))))
"""
# Python code that goes as deep as CPython lets it, which up to 3.13 is a number of calls.
GREEDY = """
class C:
    def __init__(self, depth):
        self.depth = depth
    def __repr__(self):
        return "x" if self.depth == 0 else repr(C(self.depth - 1))
def greedy(*_):
    try:
        repr(C(900))
    except RecursionError:
        pass
"""
# Recursion that at one depth does something of which Python code may come.
AT_DEPTH = """
(module
  (table $t (export "t") 4 externref) (elem $e externref (ref.null extern))
  (global $at (export "at") (mut i32) (i32.const -1)) (global $now (export "now") (mut i32) (i32.const 0))
  (global $g (export "g") (mut externref) (ref.null extern))
  (func $r (export "r") (param i32) (result i32) (local i32)
    (global.set $now (local.get 0))
    (if (i32.eq (local.get 0) (global.get $at)) (then {}))
    (i32.add (i32.const 1) (call $r (i32.add (local.get 0) (i32.const 1))))))
"""
DROPS = {
    "table.set": "(table.set $t (i32.const 0) (ref.null extern))",
    "table.fill": "(table.fill $t (i32.const 0) (ref.null extern) (i32.const 2))",
    "table.copy": "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1))",
    "table.init": "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))",
    "global.set": "(global.set $g (ref.null extern))",
    "a loop": """(loop $l (drop (table.get $t (i32.and (local.get 1) (i32.const 3))))
      (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 100000))))""",
}


@pytest.mark.parametrize("drop", DROPS)
def test_finalizers_get_the_stack_that_they_need(run, drop):
    """However deep the wasm code is that drops the last reference; nothing is lost where it cannot go on."""
    code = f"""{GREEDY}
import gc, wasmpy, weakref
class D:
    __del__ = greedy
m = wasmpy.load({AT_DEPTH.format(DROPS[drop])!r}.encode())
def deep():
    try:
        m.r(0)
    except RecursionError:
        return True
assert deep()
end = m.now
for share in (0.1, 0.3, 0.49, 0.52, 0.7, 0.9, 1):
    for _ in range(3):
        d = D()
        seen = weakref.ref(d)
        m.t[0], m.t[1], m.t[2], m.t[3] = d, None, "a", "b"
        m.g = d
        del d
        m.at = int((end - 2) * share)
        assert deep()
        m.t[0] = m.g = None
        assert seen() is None
print("fine")
"""
    assert run({}, code) == "fine\n"


def test_handlers_of_signals_get_the_stack_that_they_need(run):
    """Near the end of the stack they are put off: until the code comes back, or gives up."""
    spin = "(loop $l (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (global.get $spins))))"
    text = AT_DEPTH.format(spin).replace(
        "(module", '(module (global $spins (export "spins") (mut i32) (i32.const 0))', 1
    )
    code = f"""{GREEDY}
import signal, time, wasmpy
m = wasmpy.load({text!r}.encode())
answers = []
def handler(number, frame):
    answers.append(time.monotonic())
    greedy()
    if stops:
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, handler)
def deep():
    try:
        m.r(0)
    except RecursionError:
        return "exhausted"
    except KeyboardInterrupt:
        return "interrupted"
assert deep() == "exhausted"
end = m.now
for stops in (False, True):
    for share in (0.1, 0.49, 0.52, 0.9, 1):
        m.at, m.spins = int((end - 2) * share), -1
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        # A loop near the end gives up; one before goes on, as long as 2³² rounds take.
        if share < 0.5 and not stops:
            m.spins = 1_000_000_000
        print(stops, share, deep(), len(answers))
        answers.clear()
"""
    expected = [
        *(f"False {share} exhausted 1" for share in (0.1, 0.49, 0.52, 0.9, 1)),
        *(f"True {share} interrupted 1" for share in (0.1, 0.49, 0.52, 0.9, 1)),
    ]
    assert run({}, code).splitlines() == expected


def test_forked_children_forget_the_stacks_of_threads(run):
    code = f"""
import os, threading, wasmpy
m = wasmpy.load({DEEP!r}.encode())
threading.stack_size(64 << 20)
stop, ready = threading.Event(), threading.Barrier(5)
def wait():
    m.deep(10); ready.wait(); stop.wait()
[threading.Thread(target=wait).start() for _ in range(4)]
ready.wait()
pid = os.fork()
if pid == 0:
    threading.stack_size(1 << 20)
    failures = []
    def recurse():
        try:
            m.deep(10**9)
        except RecursionError:
            return
        failures.append(1)
    for i in range(12):
        t = threading.Thread(target=recurse); t.start(); t.join()
    barrier = threading.Barrier(12)
    def together():
        barrier.wait(); recurse(); barrier.wait()
    ts = [threading.Thread(target=together) for _ in range(12)]
    [t.start() for t in ts]; [t.join() for t in ts]
    os._exit(len(failures))
print("child", os.waitpid(pid, 0)[1])
stop.set()
"""
    assert run({}, code) == "child 0\n"


def test_limits_that_are_lowered(run):
    code = f"""
import resource, wasmpy
m = wasmpy.load({DEEP!r}.encode())
print(m.deep(10))
hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
for change in (resource.setrlimit, lambda *given: resource.prlimit(0, *given)):
    change(resource.RLIMIT_STACK, (1 << 20, hard))
    try:
        m.deep(10**9)
    except RecursionError as e:
        print("exhausted")
"""
    assert run({}, code) == "10\nexhausted\nexhausted\n"


def test_threads_that_block_all_signals(run):
    """ "Signals are the main thread's business": but faults are not signals that somebody sends."""
    code = """
import os, signal, threading, wasmpy
m = wasmpy.load(b'(module (memory 1) (func (export "f") (drop (i32.load (i32.const -1)))))')
def block():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
def trap():
    try:
        m.f()
    except wasmpy.Trap as e:
        print(e, flush=True)
def thread(*steps):
    t = threading.Thread(target=lambda: [step() for step in steps])
    t.start()
    t.join()
thread(block, trap)
thread(trap, block, trap)
block()
trap()
thread(trap)
pid = os.fork()
if pid == 0:
    trap()
    thread(trap)
    os._exit(0)
print(os.waitpid(pid, 0)[1], signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    assert run({}, code) == "out of bounds memory access\n" * 7 + "0 True\n"


HELD = """
(module (table $t (export "t") 200000 externref) (global $g (mut externref) (ref.null extern))
  (func $deep (export "deep") (param i32) (local $x externref)
    (local.set $x (table.get $t (local.get 0)))
    (call $deep (i32.add (local.get 0) (i32.const 1)))
    (global.set $g (local.get $x)))
  (func $down (param i32 i32)
    (if (local.get 0)
      (then (call $down (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))
      (else (call $sweep (local.get 1)))))
  (func $sweep (param i32)
    (loop $l
      (drop (table.get $t (i32.and (local.get 0) (i32.const 1023))))
      (global.set $g (table.get $t (i32.and (local.get 0) (i32.const 1023))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "sweep") (param i32 i32) (call $down (local.get 0) (local.get 1)) (global.set $g (ref.null extern))))
"""


def test_references_that_are_held_where_the_stack_ends(run):
    """Each is released, whatever the depth at which the list of them is full."""
    code = f"""
import sys, wasmpy
m = wasmpy.load({HELD!r}.encode())
class X:
    pass
xs = [X() for _ in range(200_000)]
for i, x in enumerate(xs):
    m.t[i] = x
def counts():
    try:
        m.sweep(0, 1)
    except wasmpy.WasmError:
        pass
    return sum(map(sys.getrefcount, xs))
before = counts()
for _ in range(10):
    try:
        m.deep(0)
    except RecursionError:
        pass
    else:
        raise SystemExit("deep enough for all of them")
print(counts() - before)
def fits(depth):
    try:
        m.sweep(depth, 3000)
    except RecursionError:
        return False
    return True
low, high = 1000, 400_000
while high - low > 1:
    middle = (low + high) // 2
    low, high = (middle, high) if fits(middle) else (low, middle)
for depth in [low + more for more in (-1, 1, 3, 7, 10, 13, 14, 18, 25, 40, 100, 1000)]:
    fits(depth)
    left = counts() - before
    if left:
        print(depth - low, left)
"""
    assert run({}, code) == "0\n"
