"""Instances with nogil=True: what runs beside them, who takes turns, and what they share with nobody."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import threading
import time

import pytest
import wasmpy
from conftest import environment
from samples import INTERPRETERS

TEXT = """
(module
  (memory (export "memory") 1 4000)
  (global $total (export "total") (mut i64) (i64.const 0))
  (table $t (export "table") 4 100 funcref)
  (elem (i32.const 0) $deep)
  (elem declare func $deep)
  (start $begin)
  (func $begin (i32.store (i32.const 1024) (i32.const 42)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "bump") (param i32 i32) (local i32)
    (loop $l
      (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1)))
      (local.set 2 (i32.add (local.get 2) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get 2) (local.get 1)))))
  (func (export "spin") (param i64) (result i64) (local i64)
    (loop $l
      (local.set 1 (i64.add (local.get 1) (i64.const 1)))
      (br_if $l (i64.lt_u (local.get 1) (local.get 0))))
    (local.get 1))
  ;; until Python writes into the memory; says itself that it has begun. Any store may be to what it looks at
  (func (export "wait") (param i32)
    (i32.store (i32.const 512) (i32.const 1))
    (loop $l
      (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1)))
      (br_if $l (i32.eqz (i32.load (i32.const 516))))))
  (func $again (export "again") (call $again))
  (func $cycle (export "cycle") (param i32) (return_call $cycle (i32.add (local.get 0) (i32.const 1))))
  (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 12) (local.get 0)))
  (func (export "outside") (param i32) (result i32) (i32.load offset=4294967292 (local.get 0)))
  (func (export "unreachable") unreachable)
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (i32.const 0))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "put") (param i32) (table.set $t (local.get 0) (ref.func $deep)))
  (func (export "clear") (param i32) (table.set $t (local.get 0) (ref.null func)))
  (func (export "copy") (param i32 i32 i32) (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32) (table.fill $t (i32.const 0) (ref.func $deep) (local.get 0)))
  (func (export "more") (param i32) (result i32) (table.grow $t (ref.func $deep) (local.get 0)))
  (func (export "at") (param i32) (result funcref) (table.get $t (local.get 0)))
  (func (export "call") (param i32 i32) (result i32)
    (call_indirect $t (param i32) (result i32) (local.get 0) (local.get 1)))
  (func (export "pair") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
    (local.get 3) (local.get 2) (local.get 1) (local.get 0)))
"""
SECONDS = 30


@pytest.fixture(scope="module")
def module():
    return wasmpy.wat(TEXT, nogil=True)


@pytest.fixture
def instance(module):
    return module.instantiate()


def started(instance):
    """A thread in the instance, that waits there until `finish`."""
    thread = threading.Thread(target=instance.wait, args=(520,))
    thread.start()
    until(lambda: instance.memory[512])
    return thread


def finish(instance, thread):
    instance.memory[516] = 1
    thread.join(SECONDS)
    assert not thread.is_alive()


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def in_threads(*functions):
    """Runs them all at once; raises what one of them raises."""
    errors = []

    def run(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    for error in errors:
        raise error


class TestOneThread:
    def test_calls(self, instance):
        assert instance.add(1, 2) == 3
        assert instance.spin(1000) == 1000
        assert instance.pair(1, 2, 3.0, 4.0) == (4.0, 3.0, 2, 1)
        assert instance.memory[1024] == 42  # by the start function
        assert instance.total == 0
        instance.total = 7
        assert instance.total == 7

    def test_the_same_as_with_the_gil(self):
        plain = wasmpy.wat(TEXT).instantiate()
        other = wasmpy.wat(TEXT, nogil=True).instantiate()
        for name, arguments in [
            ("add", ()), ("add", ("x", 1)), ("add", (1, 2**33)), ("divide", (0,)), ("deep", (10**9,)),
            ("outside", (5,)),
            ("unreachable", ()), ("call", (1, 50)), ("call", (1, 3)), ("grow", (5000,)), ("grow", (3,)), ("at", (4,)),
            ("copy", (3, 0, 2)),
        ]:  # fmt: skip
            results = []
            for one in (plain, other):
                try:
                    results.append(repr(getattr(one, name)(*arguments)))
                except Exception as error:
                    frames = [(f.function, f.offset) for f in getattr(error, "frames", ())]
                    results.append(re.sub(" at 0x.*", "", repr(error)) + repr(frames))
            assert results[0] == results[1]

    def test_traps_leave_it_usable(self, instance):
        for _ in range(100):
            with pytest.raises(ZeroDivisionError):
                instance.divide(0)
            with pytest.raises(IndexError):
                instance.outside(5)
            with pytest.raises(RecursionError):
                instance.again()
            assert instance.divide(3) == 4

    def test_tracebacks(self, instance):
        with pytest.raises(wasmpy.Trap) as caught:
            instance.divide(0)
        assert [frame.function for frame in caught.value.frames] == ["divide"]

    def test_references_are_counted(self, module):
        instance = module.instantiate()
        owner = instance.add.__self__
        instance.memory.grow(1)
        before = sys.getrefcount(owner)
        instance.fill(4)
        assert sys.getrefcount(owner) == before + 3  # one was there
        assert instance.more(6) == 4
        assert sys.getrefcount(owner) == before + 9
        instance.copy(0, 5, 5)
        instance.clear(0)
        assert sys.getrefcount(owner) == before + 8
        assert instance.at(0) is None
        assert instance.at(3)(5) == 5
        assert instance.table[3](6) == 6
        assert instance.call(7, 3) == 7

    def test_garbage(self, module):
        import weakref

        instance = module.instantiate()
        instance.put(2)
        ended = weakref.ref(instance)
        del instance
        gc.collect()
        assert ended() is None

    def test_growth_is_entered(self, module):
        instance = module.instantiate()
        assert instance.grow(100) == 1
        assert instance.grow(100) == 101
        assert instance.memory.pages == 201
        instance.memory[201 * 65536 - 1] = 1

    @pytest.mark.parametrize("size", [64, 128, 256, 1024])
    def test_small_stacks(self, instance, size):
        before = threading.stack_size(size * 1024)
        try:

            def work():
                for _ in range(10):
                    with pytest.raises(RecursionError):
                        instance.again()
                    if size > 64:
                        assert instance.deep(100) == 100

            in_threads(*[work] * 4)
        finally:
            threading.stack_size(before)

    def test_checked_memory(self):
        text = (
            '(module (memory (export "memory") i64 1 10) (func (export "load") (param i64) (result i32)'
            ' (i32.load (local.get 0))) (func (export "grow") (result i64) (memory.grow (i64.const 1))))'
        )
        instance = wasmpy.wat(text, nogil=True).instantiate()
        with pytest.raises(IndexError):
            instance.load(65536)
        assert instance.grow() == 1
        assert instance.load(65536) == 0


class TestThreads:
    def test_python_runs_beside_it(self, instance):
        thread = started(instance)
        assert sum(range(1000)) == 499500
        finish(instance, thread)

    @pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no list of threads in /proc")
    def test_two_instances_run_at_once(self, module):
        instances = [module.instantiate() for _ in range(2)]
        threads = [started(instance) for instance in instances]
        states = []
        for _ in range(20):
            for thread in threads:
                with open(f"/proc/self/task/{thread.native_id}/stat") as file:
                    states.append(file.read().rpartition(") ")[2][0])
            time.sleep(0.001)
        for instance, thread in zip(instances, threads, strict=True):
            finish(instance, thread)
        # One that waited for the GIL would sleep.
        assert states.count("R") == len(states)

    def test_one_instance_is_entered_by_one_thread(self, instance):
        calls, times, threads = 40, 20_000, 8
        in_threads(*[lambda: [instance.bump(0, times) for _ in range(calls)]] * threads)
        assert instance.memory.read_struct("<I", 0)[0] == calls * times * threads

    def test_the_others_wait(self, instance):
        thread = started(instance)
        results = []
        other = threading.Thread(target=lambda: results.append(instance.divide(4)))
        other.start()
        time.sleep(0.1)
        assert results == []
        finish(instance, thread)
        other.join(SECONDS)
        assert results == [3]

    def test_all_at_once(self, module):
        shared = module.instantiate()

        def work():
            own = module.instantiate()
            for i in range(60):
                for instance in (own, shared):
                    with pytest.raises(ZeroDivisionError):
                        instance.divide(0)
                    with pytest.raises(IndexError):
                        instance.outside(0)
                    with pytest.raises(RecursionError):
                        instance.again()
                    instance.grow(1)
                    instance.put(i % 4)
                    instance.clear((i + 1) % 4)
                    assert instance.at(i % 4) is None or instance.call(9, i % 4) == 9 or instance is shared
                if i % 10 == 0:
                    own = module.instantiate()
                    gc.collect()

        def work_or_null():
            try:
                work()
            except wasmpy.Trap as error:
                if error.code != "uninitialized element":  # Another thread may have cleared that of the shared table.
                    raise

        in_threads(*[work_or_null] * 8)

    def test_python_reads_and_writes_meanwhile(self, instance):
        stop = []

        def compute():
            while not stop:
                instance.bump(0, 10_000)
                instance.grow(1)

        def look():
            for i in range(300):
                instance.memory.write(4096, bytes([i % 256]) * 4096)
                assert len(instance.memory.read(0, 65536)) == 65536
                view = memoryview(instance.memory)
                assert view[len(view) - 1] == 0
                instance.memory.grow(1)
                instance.total = i
            stop.append(True)

        in_threads(compute, look)

    def test_close_meanwhile(self, module):
        instance = module.instantiate()
        wait, memory = instance.wait, instance.memory
        thread = threading.Thread(target=wait, args=(520,))
        thread.start()
        until(lambda: memory[512])
        instance.close()
        gc.collect()
        with pytest.raises(ValueError, match="closed"):
            wait(520)
        memory[516] = 1
        thread.join(SECONDS)
        assert not thread.is_alive()

    def test_an_exception_from_another_thread(self, instance):
        import ctypes

        class Stop(Exception):
            pass

        caught = []

        def run():
            try:
                instance.wait(520)
            except Stop as error:
                caught.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        until(lambda: instance.memory[512])
        set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
        assert set_exception(ctypes.c_ulong(thread.ident), ctypes.py_object(Stop)) == 1
        thread.join(SECONDS)
        instance.memory[516] = 1
        assert not thread.is_alive()
        assert len(caught) == 1
        assert instance.divide(6) == 2


class Alarm(Exception):
    pass


@pytest.fixture
def alarm():
    """Sets a handler of SIGALRM, and an alarm."""
    before = signal.getsignal(signal.SIGALRM)

    def ask(handler, seconds=0.05):
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield ask
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def stop(*_):
    raise Alarm


class TestSignals:
    @pytest.mark.parametrize("name", ["wait", "cycle"])
    @pytest.mark.parametrize("others", [0, 3])
    def test_handlers_that_raise(self, instance, alarm, name, others):
        done = []

        def busy():
            while not done:
                pass

        threads = [threading.Thread(target=busy) for _ in range(others)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(5):
                alarm(stop)
                with pytest.raises(Alarm):
                    instance.wait(520) if name == "wait" else instance.cycle(0)
                assert instance.divide(2) == 6
        finally:
            done.append(True)
            for thread in threads:
                thread.join()

    def test_handlers_that_return(self, instance, alarm):
        seen = []

        def handler(*_):
            seen.append(instance.divide(2))  # in the midst of a call
            instance.bump(0, 5)
            with pytest.raises(RecursionError):
                instance.again()
            instance.memory[516] = 1

        alarm(handler)
        instance.wait(520)
        assert seen == [6]
        assert instance.memory[0] == 5

    def test_while_it_waits_for_another_thread(self, instance, alarm):
        thread = started(instance)
        alarm(stop)
        with pytest.raises(Alarm):
            instance.divide(2)
        finish(instance, thread)
        assert instance.divide(2) == 6

    def test_keyboard_interrupt(self, instance):
        main = threading.main_thread()

        def interrupt():
            until(lambda: instance.memory[512])
            signal.pthread_kill(main.ident, signal.SIGINT)

        other = threading.Thread(target=interrupt)
        other.start()
        with pytest.raises(KeyboardInterrupt) as caught:
            instance.wait(520)
        other.join()
        assert "wait" in [entry.name for entry in caught.traceback]

    def test_no_interrupts(self):
        instance = wasmpy.wat(TEXT, nogil=True, interrupts=False).instantiate()
        assert instance.spin(1000) == 1000


class TestForks:
    def child(self, work):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                signal.alarm(30)
                work()
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0

    def test_nobody_inside(self, instance):
        instance.bump(0, 1)

        def work():
            instance.bump(0, 1)
            assert instance.memory[0] == 2
            in_threads(lambda: instance.bump(0, 1))

        self.child(work)

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_another_thread_inside(self, module, instance):
        thread = started(instance)

        def work():
            for _ in range(3):
                with pytest.raises(RuntimeError, match="when the process was forked"):
                    instance.divide(2)
            assert instance.add(1, 2) == 3
            assert module.instantiate().divide(2) == 6
            instance.close()
            gc.collect()

        self.child(work)
        finish(instance, thread)

    def test_by_a_handler_inside(self, instance, alarm):
        children = []

        def handler(*_):
            pid = os.fork()
            children.append(pid)
            instance.memory[516] = 1

        alarm(handler)
        instance.wait(520)
        if children == [0]:
            status = 1
            try:
                instance.memory[516] = 0
                in_threads(lambda: instance.divide(2))
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(children[0], 0)
        assert os.waitstatus_to_exitcode(status) == 0


class TestAlone:
    """What others cannot have, and what cannot be compiled so."""

    def test_functions_are_imported_as_python_functions(self, instance):
        text = (
            '(module (import "m" "divide" (func $d (param i32) (result i32))) (export "d" (func $d))'
            ' (func (export "run") (param i32) (result i32) (call $d (local.get 0))))'
        )
        other = wasmpy.load(text.encode(), {"m": instance})
        assert other.run(3) == 4
        with pytest.raises(ZeroDivisionError):
            other.run(0)
        in_threads(lambda: [other.run(2) for _ in range(2000)], lambda: [instance.bump(0, 10) for _ in range(2000)])

    def test_of_another_type(self, instance):
        with pytest.raises(wasmpy.LinkError, match=r"the function is \(i32\) -> \(i32\)"):
            wasmpy.load(b'(module (import "m" "divide" (func (param i64))))', {"m": instance})

    @pytest.mark.parametrize(
        "what", ['"memory" (memory 1)', '"table" (table 1 funcref)', '"total" (global (mut i64))']
    )
    def test_nothing_else_is_imported(self, instance, what):
        with pytest.raises(wasmpy.LinkError, match="belongs to an instance with nogil=True"):
            wasmpy.load(f'(module (import "m" {what}))'.encode(), {"m": instance})

    def test_tables(self, instance):
        for value in (None, instance.deep):
            with pytest.raises(TypeError, match="read-only"):
                instance.table[0] = value
            with pytest.raises(TypeError, match="read-only"):
                instance.table.grow(1, value)
        table = wasmpy.Table("funcref", 2)
        with pytest.raises(TypeError, match=r"nogil=True is a Python function"):
            table[0] = instance.deep
        table[0] = wasmpy.Func("(i32) -> i32", instance.deep)
        assert table[0](3) == 3

    def test_functions_are_of_webassembly(self, instance):
        assert isinstance(instance.deep, wasmpy.Func)

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ('(import "env" "f" (func))', "it imports env.f"),
            ('(import "env" "m" (memory 1))', "it imports env.m"),
            ('(import "env" "t" (table 1 funcref))', "it imports env.t"),
            ('(import "env" "g" (global i32))', "it imports env.g"),
            ('(func $f (export "f") (param externref))', "function f takes references"),
            ("(func $f (param funcref)) (elem declare func $f)", "function f takes references"),
            ('(global (export "g") (mut externref) (ref.null extern))', "the exported global g takes references"),
        ],
    )
    def test_refused(self, fields, why):
        with pytest.raises(wasmpy.UnsupportedError, match=f"nogil=True: {why}"):
            wasmpy.wat(f"(module {fields})", nogil=True)

    def test_other_references(self):
        text = '(module (func (param externref)) (func (export "f") (result externref) (ref.null extern)))'
        assert wasmpy.wat(text, nogil=True).instantiate().f() is None


def test_options(tmp_path, monkeypatch):
    (tmp_path / "beside.wat").write_text(TEXT)
    monkeypatch.syspath_prepend(tmp_path)
    wasmpy.bind("beside", nogil=True)
    import beside

    assert beside.divide(3) == 4
    with pytest.raises(wasmpy.LinkError, match="nogil=True"):
        wasmpy.load(b'(module (import "m" "memory" (memory 1)))', {"m": beside})
    assert wasmpy.load(tmp_path / "beside.wat", nogil=True).divide(3) == 4
    assert wasmpy.compile(tmp_path / "beside.wat", nogil=True).instantiate().divide(3) == 4
    again = wasmpy.Module.deserialize(wasmpy.Module(TEXT.encode(), nogil=True).serialize()).instantiate()
    with pytest.raises(TypeError, match="read-only"):
        again.table[0] = None


WORK = f"""
import gc, sys, threading
import wasmpy
module = wasmpy.wat({TEXT!r}, nogil=True)
shared = module.instantiate()
def work():
    own = module.instantiate()
    for i in range(30):
        for m in (own, shared):
            assert m.divide(3) == 4 and m.deep(100) == 100
            for f, kind in (m.divide, ZeroDivisionError), (m.outside, IndexError), (m.deep, RecursionError):
                try:
                    f(10**9 * (f is m.deep))
                except kind:
                    pass
                else:
                    raise AssertionError(f)
            m.grow(1)
            m.put(3)
            m.bump(0, 1000)
    gc.collect()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert shared.memory.read_struct("<I", 0)[0] == 4 * 30 * 1000
"""


class TestVersions:
    """In every CPython."""

    @pytest.fixture
    def run(self, interpreter, tmp_path):
        """run(code): the process that ran it, whose output is kept."""
        return lambda code: interpreter.run("-X", "faulthandler", "-c", code, env=environment(tmp_path), timeout=100)

    def test_threads(self, run):
        done = run(WORK)
        assert (done.returncode, done.stderr) == (0, "")

    def test_signals(self, run):
        code = f"""
import signal, sys, threading, time
import wasmpy
m = wasmpy.wat({TEXT!r}, nogil=True).instantiate()
def stop(*_): raise ValueError
signal.signal(signal.SIGALRM, stop)
done = []
def busy():
    while not done: pass
threads = [threading.Thread(target=busy) for _ in range(2)]
for count in (0, 2):
    for thread in threads[:count]: thread.start()
    for _ in range(10):
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        try:
            m.wait(520)
        except ValueError:
            pass
done.append(1)
for thread in threads: thread.join()
"""
        done = run(code)
        assert (done.returncode, done.stderr) == (0, "")

    def test_the_interpreter_ends_with_a_thread_inside(self, run):
        code = f"""
import threading, time
import wasmpy
m = wasmpy.wat({TEXT!r}, nogil=True).instantiate()
for f, args in ((m.wait, (520,)), (m.divide, (0,)), (m.spin, (10**9,))):
    threading.Thread(target=f, args=args, daemon=True).start()
other = wasmpy.wat({TEXT!r}, nogil=True).instantiate()
threading.Thread(target=other.spin, args=(3 * 10**8,), daemon=True).start()
while not m.memory[512]: time.sleep(0.001)
print("end")
"""
        done = run(code)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "end\n"

    def test_subinterpreters(self, run, interpreter):
        if interpreter.version in ("3.10", "3.11"):
            pytest.skip("no interpreters with locks of their own")
        # First in the main one: 3.12 crashes where modules of the library are first used in another one.
        code = INTERPRETERS + f"\nexec({WORK!r})\nfor _ in range(3): run_in_another({WORK!r})"
        done = run(code)
        assert (done.returncode, done.stderr) == (0, "")
