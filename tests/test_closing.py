"""Closing instances: memory comes back at once, whatever leads into a closed one is an error, and nothing that may
still be used is freed."""

from __future__ import annotations

import gc

import pytest
import wasmpy
from conftest import load, run_python

pytestmark = pytest.mark.usefixtures("own_cache")

TEXT = """
(module
  (import "e" "f" (func $f (param i32) (result i32)))
  (type $op (func (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (table $own 4 funcref) (elem (table $own) (i32.const 0) func $add $sum $f)
  (table (export "table") 4 funcref) (elem (table 1) (i32.const 0) func $add $sum)
  (table (export "things") 2 externref)
  (global (mut funcref) (ref.func $add))
  (global (export "n") (mut i32) (i32.const 3))
  (global (export "object") (mut externref) (ref.null extern))
  (func $add (export "add") (type $op) (i32.add (local.get 0) (local.get 1)))
  (func $sum (export "sum") (type $op) (i32.store (i32.const 8) (local.get 0))
    (i32.add (i32.load (i32.const 8)) (local.get 1)))
  (func (export "call") (param i32) (result i32) (local $kept i32)
    (i32.store (i32.const 0) (i32.const 40))
    (local.set $kept (call $f (local.get 0)))
    (i32.add (call_indirect $own (type $op) (i32.const 1) (i32.const 1) (i32.const 1))
             (i32.add (local.get $kept) (i32.load (i32.const 0)))))
  (func (export "keep") (param externref) (table.set 2 (i32.const 0) (local.get 0))
    (global.set 2 (local.get 0)))
  (elem declare func $add))
"""
CLOSED = "instance .*is closed"


def made(f=abs):
    return load(TEXT, {"e": {"f": f}})


class Witness:
    pass


def test_attributes_of_a_closed_instance():
    m = made()
    m.close()
    m.close()
    assert isinstance(m, wasmpy.Instance)
    assert repr(m).startswith("<wasmpy.Instance: the instance of <wat ")
    uses = [
        lambda: m.add, lambda: m.n, lambda: m.memory, lambda: m.nothing, lambda: m.exports, lambda: m["add"],
        lambda: setattr(m, "n", 1), lambda: m.__setitem__("n", 1), lambda: "add" in m, lambda: list(m),
        lambda: wasmpy.exports(m), lambda: m.__enter__().add,
        lambda: load('(module (import "m" "add" (func (param i32 i32) (result i32))))', {"m": m}),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(ValueError, match=f"the {CLOSED}"):
            use()
    assert dir(m) == ["close"]
    assert not hasattr(m, "_repr_html_")


def test_with():
    with made() as m:
        assert m.call(-1) == 43
    with pytest.raises(ValueError, match=CLOSED):
        m.call(1)


def test_a_subclass_stays_one():
    class Plugin(wasmpy.Instance):
        def twice(self, x):
            return self.add(x, x)

    m = Plugin(wasmpy.compile(TEXT.encode()), {"e": {"f": abs}})
    assert m.twice(2) == 4
    m.close()
    assert isinstance(m, Plugin)
    with pytest.raises(ValueError, match=CLOSED):
        m.twice(2)


def test_a_subclass_that_is_told_of_its_subclasses():
    told: list[str] = []

    class Plugin(wasmpy.Instance):
        def __init_subclass__(cls, *, name):
            told.append(name)

    class Named(Plugin, name="first"):
        pass

    m = Named(wasmpy.compile(TEXT.encode()), {"e": {"f": abs}})
    m.n = 4
    m.close()
    assert isinstance(m, Named)
    assert told == ["first"]


def test_a_subclass_that_lets_nothing_be_set():
    class Frozen(wasmpy.Instance):
        def __setattr__(self, name, value):
            raise AttributeError(f"{name} is frozen")

    m = Frozen(wasmpy.compile(TEXT.encode()), {"e": {"f": abs}})
    assert m.n == 3
    with pytest.raises(AttributeError, match="n is frozen"):
        m.n = 4
    m.close()
    assert isinstance(m, Frozen)
    with pytest.raises(ValueError, match=CLOSED):
        m.n  # noqa: B018


def test_the_module_behind_a_function_of_an_instance():
    m = wasmpy.Instance(wasmpy.compile(TEXT.encode()), {"e": {"f": abs}})
    with pytest.raises(TypeError, match="part of an Instance: keep the Module"):
        wasmpy.module(m.add.__self__)


def test_instances_that_were_never_linked():
    class Kept(wasmpy.Instance):
        def __init__(self, imports):
            kept.append(self)
            super().__init__(wasmpy.compile(TEXT.encode()), imports)

    kept: list = []
    with pytest.raises(wasmpy.LinkError):
        Kept({})
    assert repr(kept[0]) == "<wasmpy.Instance: not linked>"
    kept[0].close()
    m = Kept({"e": {"f": abs}})
    m.close()
    with pytest.raises(ValueError, match=CLOSED):
        m.__init__({"e": {"f": abs}})
    with pytest.raises(ValueError, match=CLOSED):
        type(made_and_closed())(wasmpy.compile(b"(module)"))


def made_and_closed():
    m = made()
    m.close()
    return m


def test_a_handler_breaks_in(tmp_path, cache):
    """Wherever that is, the instance is as it was, or its functions raise; closing it again does the rest."""
    code = f"""
        import os, sys, wasmpy
        module = wasmpy.compile({TEXT.encode()!r})
        class Stop(Exception):
            pass
        def interrupted(number, function):
            left = [number]
            def local(frame, event, argument):
                if event == "line":
                    left[0] -= 1
                    if left[0] < 0:
                        sys.settrace(None)
                        raise Stop
                return local
            folder = os.path.dirname(wasmpy.__file__)
            sys.settrace(lambda frame, *_: local if frame.f_code.co_filename.startswith(folder) else None)
            try:
                function()
            except Stop:
                return True
            finally:
                sys.settrace(None)
            return False
        def works(function):
            try:
                return function(1, 2) == 3
            except ValueError as error:
                assert "is closed" in str(error)
                return False
        number = 0
        while True:
            m = module.instantiate({{"e": {{"f": abs}}}})
            add = m.add
            if not interrupted(number, m.close):
                break
            if repr(m).endswith("is closed>"):
                assert not works(add), number
            m.close()
            assert not works(add), number
            assert repr(m).endswith("is closed>"), number
            number += 1
        print(number > 10)
    """
    assert run_python(code, tmp_path, cache).stdout == "True\n"


def test_functions_that_are_kept_raise():
    m = made()
    kept = [m.add, m.sum, m.call, m["add"], m.table[1]]
    table = m.table
    for function in kept * 50:  # until the interpreter has specialized the calls
        function(*([1] if function is kept[2] else [1, 2]))
    m.close()
    kept += [table[0], table[1]]
    for function in kept:
        for arguments in ((1, 2), (), ("x",)):
            with pytest.raises(ValueError, match="the function's WebAssembly instance is closed"):
                function(*arguments)
    assert [f.__name__ for f in kept] == ["add", "sum", "call", "add", "sum", "add", "sum"]
    assert kept[0].__text_signature__ == "($module, p0, p1, /)"
    with pytest.raises(TypeError, match="WebAssembly function"):
        wasmpy.Table("funcref", 1)[0] = kept[0]


USER = """
(module
  (type $op (func (param i32 i32) (result i32)))
  (import "m" "sum" (func $sum (type $op)))
  (import "m" "memory" (memory 1))
  (import "m" "table" (table 1 funcref))
  (import "m" "n" (global $n (mut i32)))
  (func (export "sum") (type $op) (call $sum (local.get 0) (local.get 1)))
  (func (export "at") (param i32) (result i32) (call_indirect (type $op) (i32.const 1) (i32.const 2) (local.get 0)))
  (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "n") (result i32) (global.get $n)))
"""


def test_instances_that_import_from_it():
    """Calls raise, by import and by table; memory and globals are theirs too, and stay."""
    m = made()
    other = load(USER, {"m": m})
    assert (other.sum(1, 2), other.at(0), other.n()) == (3, 3, 3)
    m.memory.write_struct("i", 16, 7)
    m.close()
    del m
    gc.collect()
    for call in (lambda: other.sum(1, 2), lambda: other.at(0), lambda: other.at(1)):
        with pytest.raises(ValueError, match=CLOSED) as raised:
            call()
        assert [entry.name for entry in raised.traceback][-1].startswith(("sum", "at"))
    assert (other.peek(16), other.n()) == (7, 3)
    other.close()


def test_what_is_kept_stays():
    m = made()
    view, memory, cell, table = memoryview(m.memory), m.memory, m.exports["n"], m.things
    m.n, view[4], thing = 9, 5, Witness()
    m.keep(thing)
    m.close()
    del m
    gc.collect()
    assert (view[4], memory[4], cell.value, table[0]) == (5, 5, 9, thing)
    memory.grow(1)
    table.grow(1, view)
    cell.value = 10
    with pytest.raises(ValueError, match=r"is closed: it gave out the blocks"):
        memory.temp(b"x")


def test_it_is_freed_at_once():
    """Without the collector: all of its cycles are broken."""
    gc.collect()
    gc.disable()
    try:
        freed = []

        class Last:
            def __del__(self):
                freed.append(1)

        last = Last()
        m = made(lambda x, last=last: x)
        m.keep(last)
        m.things[1] = last
        m.call(1)
        del last
        assert not freed
        m.close()
        assert freed
    finally:
        gc.enable()


def test_what_refers_to_itself_is_left_to_the_collector():
    class Last:
        pass

    def end():
        freed.append(1)

    import weakref

    freed: list[int] = []
    m = made()
    last = Last()
    weakref.finalize(last, end)
    m.keep([last, m.add])  # an object in its table has a function of it
    m.things[1] = m
    m.close()
    del last, m
    gc.collect()
    assert freed


def test_closed_by_a_callback_of_its_own():
    """Running code goes on: with its memory, its table, and what it imports."""

    def f(x):
        if x == 2:
            return m.__class__ is wasmpy.Instance
        functions.append(m.call)
        m.close()
        gc.collect()
        return load("(module (memory 1))") and 1

    functions: list = []
    m = made(f)
    assert m.call(1) == 1 + 2 + 40
    with pytest.raises(ValueError, match=CLOSED):
        functions[0](2)


def test_closed_while_another_thread_is_inside(tmp_path, cache):
    code = f"""
        import gc, threading, wasmpy
        text = {TEXT.encode()!r}
        module = wasmpy.compile(text)
        inside, go = threading.Event(), threading.Event()
        def f(x):
            inside.set()
            go.wait()
            return x
        m = module.instantiate({{"e": {{"f": f}}}})
        results = []
        thread = threading.Thread(target=lambda call: results.append(call(5)), args=(m.call,))
        thread.start()
        inside.wait()
        m.close()
        gc.collect()
        for _ in range(100):
            module.instantiate({{"e": {{"f": abs}}}}).memory[:10] = bytes(10)
        go.set()
        thread.join()
        print(results)
    """
    assert run_python(code, tmp_path, cache).stdout == "[47]\n"


THREADS = """
import gc, sys, threading, wasmpy
sys.setswitchinterval(1e-5)
module = wasmpy.compile(TEXT)
other = wasmpy.compile(USER)
current = [module.instantiate({"e": {"f": abs}})]
failures, counts, stop = [], [0, 0], False
def call():
    while not stop:
        try:
            m = current[0]
            assert m.sum(3, 4) == 7
            assert m.call(1) == 43
            assert m.table[1](1, 2) == 3
            assert other.instantiate({"m": m}).at(1) == 3
            view = memoryview(m.memory)
            view[0]
            counts[0] += 1
        except ValueError as error:
            if "is closed" not in str(error): failures.append(repr(error))
            counts[1] += 1
        except BaseException as error:
            failures.append(repr(error))
threads = [threading.Thread(target=call) for _ in range(6)]
for thread in threads: thread.start()
for i in range(300):
    old, current[0] = current[0], module.instantiate({"e": {"f": abs}})
    old.close()
    if i % 50 == 0: gc.collect()
stop = True
for thread in threads: thread.join()
print(failures, counts[0] > 20)
"""


@pytest.mark.parametrize("interpreter", ["3.10", "3.12", "3.13", "3.15"], indirect=True)
def test_threads(run, interpreter):
    """Who uses an instance that others close gets results, or the error; nothing crashes."""
    assert run({}, f"TEXT, USER = {TEXT.encode()!r}, {USER.encode()!r}\n{THREADS}") == "[] True\n"


def test_closing_in_every_interpreter(run):
    code = f"""
        import gc, wasmpy
        gc.disable()
        class Last:
            def __del__(self): print("freed", end=" ")
        def call(f): return f(1, 2)
        m = wasmpy.load({TEXT.encode()!r}, {{"e": {{"f": abs}}}})
        add = m.add
        for _ in range(100): call(add), call(m.sum)
        m.keep(Last())
        m.close()
        for f in (add,):
            try:
                call(f)
            except ValueError as error:
                print(error, f.__name__, end=" ")
        del add, f
        m = wasmpy.load({TEXT.encode()!r}, {{"e": {{"f": abs}}}})
        m.keep(Last())
        m.close()
        print("end")
        gc.collect()
    """
    expected = "the function's WebAssembly instance is closed add freed end\nfreed "
    assert run({}, code) == expected
