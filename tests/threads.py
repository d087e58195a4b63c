"""Many threads on one instance and on many, for minutes.

python3 tests/threads.py [--seconds N] [--threads N] [--nogil]

With callbacks, traps, growth, exceptions of signal handlers' kind, garbage collection, subinterpreters and forks in
between. Fails if anything is lost, wrong or left hanging; a crash speaks for itself.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import random
import signal
import sys
import threading
import time

import wasmpy

TEXT = """
(module
  (import "host" "call" (func $call (param i32) (result i32)))
  (import "host" "raise" (func $raise (param i32)))
  (memory (export "memory") 1 4000)
  (table $t (export "table") 64 externref)
  (global $g (export "total") (mut i64) (i64.const 0))
  (func (export "bump") (param i32)
    (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1))))
  (func (export "spin") (param i32) (result i32) (local i32)
    (loop $l
      (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get 1) (local.get 0))))
    (local.get 1))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "back") (param i32) (result i32) (local i32 i32)
    (loop $l
      (local.set 2 (i32.add (local.get 2) (call $call (local.get 1))))
      (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get 1) (local.get 0))))
    (local.get 2))
  (func (export "fails") (param i32) (call $raise (local.get 0)))
  (func (export "trap") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
  (func (export "outside") (param i32) (result i32) (i32.load offset=4294967292 (local.get 0)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0))))
  (func (export "keep") (param i32 externref) (result externref)
    (table.set $t (local.get 0) (local.get 1)) (table.get $t (local.get 0)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "fill") (memory.fill (i32.const 4096) (i32.const 7) (i32.const 60000))))
"""

# For --nogil: without what needs the GIL.
IMPORTS = """
  (import "host" "call" (func $call (param i32) (result i32)))
  (import "host" "raise" (func $raise (param i32)))
"""
CALLBACKS = """
  (func $call (param i32) (result i32) (local.get 0))
  (func $raise (param i32) unreachable)
"""


def without_gil(text: str) -> str:
    """The module with functions of its own for what it imports, and its table full of functions."""
    for old, new in [
        (IMPORTS, CALLBACKS),
        ("64 externref", "64 funcref"),
        ("(param i32 externref) (result externref)", "(param i32) (result funcref)"),
        ("(table.set $t (local.get 0) (local.get 1))", "(table.set $t (local.get 0) (ref.func $deep))"),
    ]:
        assert old in text
        text = text.replace(old, new)
    return text


class Stop(Exception):
    """Raised by callbacks."""


def make(module: wasmpy.Module) -> wasmpy.Instance:
    if not module.imports:
        return module.instantiate()

    def back(n: int) -> int:
        if n % 7 == 0:
            gc.collect(0)
        return n

    def fail(n: int) -> None:
        raise Stop(n)

    return module.instantiate({"host": {"call": back, "raise": fail}})


class Work:
    """One thread's: each step is checked, and counted."""

    def __init__(self, number: int, module: wasmpy.Module, shared: wasmpy.Instance) -> None:
        self.number, self.module, self.shared = number, module, shared
        self.random = random.Random(number)
        self.own = make(module)
        self.bumps = 0
        self.steps = [self.bump, self.spin, self.fib, self.back, self.fails, self.trap, self.outside, self.deep,
                      self.keep, self.grow, self.fresh, self.fill]  # fmt: skip

    def step(self) -> None:
        self.random.choice(self.steps)(self.random.choice((self.own, self.shared)))

    def bump(self, m: wasmpy.Instance) -> None:
        for _ in range(50):
            self.shared.bump(4 * self.number)
            self.bumps += 1

    def spin(self, m: wasmpy.Instance) -> None:
        n = self.random.randrange(1, 3_000_000)
        assert m.spin(n) == n

    def fib(self, m: wasmpy.Instance) -> None:
        assert m.fib(18) == 2584

    def back(self, m: wasmpy.Instance) -> None:
        assert m.back(100) == 4950

    def fails(self, m: wasmpy.Instance) -> None:
        raised: object = None
        try:
            m.fails(self.number)
        except Stop as error:
            raised = error.args
        except wasmpy.Trap:
            assert not self.module.imports
            raised = (self.number,)
        assert raised == (self.number,)

    def trap(self, m: wasmpy.Instance) -> None:
        try:
            m.trap(0)
        except ZeroDivisionError:
            pass
        else:
            raise AssertionError("no trap")
        assert m.trap(1) == 1

    def outside(self, m: wasmpy.Instance) -> None:
        try:
            m.outside(0)
        except IndexError:
            pass
        else:
            raise AssertionError("no trap")

    def deep(self, m: wasmpy.Instance) -> None:
        assert m.deep(1000) == 1000
        try:
            m.deep(10**9)
        except RecursionError:
            pass
        else:
            raise AssertionError("no exhaustion")

    def keep(self, m: wasmpy.Instance) -> None:
        if not self.module.imports:
            assert m.keep(self.number)(3) == 3
            return
        thing = [self.number]
        # Another thread may have put its own thing into the shared table's place, were the place not this thread's.
        assert m.keep(self.number, thing) is thing

    def grow(self, m: wasmpy.Instance) -> None:
        before = len(m.memory)
        if m.grow() >= 0:
            assert len(m.memory) > before

    def fresh(self, m: wasmpy.Instance) -> None:
        other = make(self.module)
        other.bump(0)
        assert other.memory[0] == 1
        if len(self.own.memory) > 65536 * 300:
            self.own = other

    def fill(self, m: wasmpy.Instance) -> None:
        m.fill()
        assert m.memory[4096] == 7


CHECKS = """
assert m.back(100) == 4950 and m.fib(15) == 610
try:
    m.trap(0)
except ZeroDivisionError:
    pass
"""
IMPORTING = '{"host": {"call": lambda n: n, "raise": print}}'
INTERPRETER = f"import wasmpy\nm = wasmpy.load({TEXT!r}.encode(), {IMPORTING})\n{CHECKS}"
ALONE = f"import wasmpy\nm = wasmpy.load({without_gil(TEXT)!r}.encode(), nogil=True)\n{CHECKS}"


def run_in_another(nogil: bool) -> None:
    """A subinterpreter comes, works and goes, where they have locks of their own."""
    if sys.version_info < (3, 12):
        return
    sys.path.insert(0, os.path.dirname(__file__))
    from samples import INTERPRETERS

    namespace: dict[str, object] = {}
    exec(INTERPRETERS, namespace)
    namespace["run_in_another"](ALONE if nogil else INTERPRETER)  # type: ignore[operator]


def run_in_child(shared: wasmpy.Instance, nogil: bool) -> None:
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(30, exit=True)
        try:
            ok = shared.fib(15) == 610 and shared.spin(1000) == 1000
        except RuntimeError:  # Another thread was inside.
            ok = nogil
        os._exit(0 if ok else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"the child ended with {status}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--nogil", action="store_true", help="instances that run without the GIL")
    given = parser.parse_args()
    module = wasmpy.wat(without_gil(TEXT), nogil=True) if given.nogil else wasmpy.wat(TEXT)
    shared = make(module)
    end = time.monotonic() + given.seconds
    failures: list[str] = []
    signals = 0

    def count(*_: object) -> None:
        nonlocal signals
        signals += 1

    signal.signal(signal.SIGALRM, count)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    steps = 0

    def work(work: Work) -> None:
        nonlocal steps
        try:
            while time.monotonic() < end and not failures:
                work.step()
                steps += 1
        except BaseException as error:
            failures.append(f"thread {work.number}: {error!r} at line {error.__traceback__.tb_next.tb_lineno}")

    works = [Work(i, module, shared) for i in range(given.threads)]
    threads = [threading.Thread(target=work, args=(w,)) for w in works]
    for thread in threads:
        thread.start()
    others = 0
    while time.monotonic() < end and not failures:
        try:
            run_in_child(shared, given.nogil)
            run_in_another(given.nogil)
            gc.collect()
            others += 1
            # The main thread runs loops too: handlers of signals run in them.
            shared.spin(5_000_000)
        except BaseException as error:
            failures.append(f"main thread: {error!r}")
    for thread in threads:
        thread.join(60)
        if thread.is_alive():
            failures.append(f"{thread.name} hangs")
    signal.setitimer(signal.ITIMER_REAL, 0)
    for w in works:
        found = shared.memory.read_struct("<I", 4 * w.number)[0]
        if found != w.bumps:
            failures.append(f"thread {w.number}: {w.bumps} counted, {found} found")
    print(f"{given.threads} threads: {steps} steps, {others} rounds of the main thread, {signals} signals")
    print("\n".join(failures[:20]) or "nothing lost", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code) if code else sys.exit(0)
