"""Images are closed when no module of them is left, and not before."""

from __future__ import annotations

import pytest
from samples import INTERPRETERS

# For what depends less on the version.
some = pytest.mark.parametrize("interpreter", ["3.10", "3.12", "3.15"], indirect=True)

PRELUDE = '''
import gc, os, sys, threading, weakref
import wasmpy
from wasmpy import _opened

first = wasmpy.load(b"(module)")  # its image stays

def text(n):
    return f"""(module
      (import "h" "f" (func $f (param externref) (result externref)))
      (memory (export "memory") 1)
      (table (export "table") 4 funcref) (elem (i32.const 0) func $n)
      (table $e (export "things") 4 externref)
      (global (export "global") (mut i32) (i32.const {n}))
      (func $n (export "n") (result i32) (i32.const {n}))
      (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
      (func (export "call") (param externref) (result externref) (call $f (local.get 0)))
      (func (export "keep") (param externref) (table.set $e (i32.const 0) (local.get 0)))
      (func (export "deep") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (i32.add (i32.const 1) (call 5 (i32.sub (local.get 0) (i32.const 1)))))
          (else (i32.const 0)))))""".encode()

HOST = {"h": {"f": lambda x: x}}

def module(n):
    return wasmpy.compile(text(n))

def is_open(module):
    path = module._build.image
    return any(line.rstrip().endswith(path) for line in open("/proc/self/maps"))

def end():
    for _ in range(3):
        gc.collect()
    _opened.close_unused(few=True)

def traps(load):
    try:
        load(-1)
    except wasmpy.Trap as trap:
        name, function, _ = trap.frames[0]
        return (name, function) == ("wasm", "load")
'''

KEEPERS = {
    "nothing": ("None", "True"),
    "instance": ("m", "kept.n() == 7 and traps(kept.load)"),
    "function": ("m.n", "kept() == 7"),
    "function that traps": ("m.load", "traps(kept)"),
    "module": ("m._module", "kept['n']() == 7"),
    "kernel": ("m.__dict__['__wasm__'].kernel['code']", "kept()[0] > 0"),
    "memory": ("m.memory", "len(kept) == 65536"),
    "view of memory": ("memoryview(m.memory)", "kept[0] == 0"),
    "table": ("m.table", "kept[0]() == 7"),
    "global": ("wasmpy.exports(m)['global']", "kept.value == 7"),
    "exports": ("wasmpy.exports(m)", "kept['n']() == 7"),
    "bound method": ("m.n.__call__", "kept() == 7"),
    "reference in a table": ("filled(wasmpy.Table('funcref', 1), m)", "kept[0]() == 7"),
    "reference in a global": ("wasmpy.Global('funcref', m.n)", "kept.value() == 7"),
    "linked instance": (
        """wasmpy.load(b'(module (import "a" "n" (func $n (result i32))) (func (export "n") (result i32) (call $n)))',
                       {"a": m})""",
        "kept.n() == 7",
    ),
    "called through a table": (
        """wasmpy.load(b'(module (import "a" "table" (table 4 funcref))'
                       b'(func (export "n") (result i32) (call_indirect (result i32) (i32.const 0))))', {"a": m})""",
        "kept.n() == 7",
    ),
    "partial": ("__import__('functools').partial(m.load, 0)", "kept() == 0"),
    "generator": ("calls(m.n)", "next(kept) == 7"),
    "exception": ("caught(m.load)", "kept.__traceback__ is not None and traps(kept.load)"),
}


@pytest.mark.parametrize("keeper", KEEPERS)
def test_open_while_something_is_left(run, keeper):
    kept, use = KEEPERS[keeper]
    code = f"""{PRELUDE}
def filled(table, m):
    table[0] = m.n
    return table
def calls(f):
    while True:
        yield f()
def caught(load):
    try:
        load(-1)
    except wasmpy.Trap as trap:
        trap.load = load
        return trap
a = module(7)
for _ in range(3):  # closed and opened again
    m = a.instantiate(HOST)
    kept = {kept}
    del m
    end()
    assert is_open(a) == (kept is not None), "too early, or kept for nothing"
    assert {use}
    kept = None
    end()
    assert not is_open(a), "too late"
print("fine")
"""
    assert run({}, code) == "fine\n"


def test_many_in_turns(run):
    """Of forty modules some are left at a time; wherever the system puts them, each is found for its traps."""
    code = f"""{PRELUDE}
import random
random.seed(5)
modules = [module(n) for n in range(40)]
left, places = dict(), set()
for step in range(1500):
    n = random.randrange(40)
    if n in left and random.random() < 0.7:
        del left[n]
    else:
        left[n] = modules[n].instantiate(HOST)
        places.add(left[n].__dict__["__wasm__"].kernel["code"]()[0])
    for k in random.sample(sorted(left), min(3, len(left))):
        assert left[k].n() == k and traps(left[k].load) and left[k].load(0) == 0 and left[k].deep(100) == 100
    if step % 7 == 0:
        end()
left.clear()
end()
print(sum(map(is_open, modules)), len(_opened._images) < 10, len(places) < 500)
"""
    assert run({}, code) == "0 True True\n"


@some
def test_at_the_end_of_objects(run):
    """Finalizers call, load, close, and bring instances back."""
    code = f"""{PRELUDE}
log = []
class Last:
    def __init__(self, instance, then):
        self.instance, self.then = instance, then
    def __del__(self):
        log.append(self.instance.n() + (1000 if traps(self.instance.load) else 0))
        self.then(self)
back = []
def load_others(last):
    for n in range(100, 140):
        wasmpy.load(text(n), HOST).n()
    _opened.close_unused(few=True)
def bring_back(last):
    back.append(last.instance)
for n, then in enumerate([lambda last: None, load_others, bring_back, lambda last: end()]):
    m = wasmpy.load(text(n), HOST)
    m.keep(Last(m, then))
    del m
end()
assert sorted(log) == [1000, 1001, 1002, 1003], log
assert back[0].n() == 2 and traps(back[0].load)
end()
assert back[0].n() == 2 and traps(back[0].load)
back.clear()
end()
print(len(_opened._images) < 4)
"""
    assert run({}, code) == "True\n"


@some
def test_threads_that_load_and_let_go(run):
    code = f"""{PRELUDE}
sys.setswitchinterval(1e-5)
modules = [module(n) for n in range(24)]
failures = []
def work(i):
    try:
        for j in range(60):
            n = (i * 7 + j * 5) % 24
            m = modules[n].instantiate(HOST)
            assert m.n() == n and traps(m.load) and m.call(i) == i and m.deep(50) == 50
            del m
            if j % 5 == 0:
                end()
    except BaseException as error:
        failures.append(repr(error))
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
end()
print(failures, sum(map(is_open, modules)))
"""
    assert run({}, code) == "[] 0\n"


def test_interpreters_that_trap_meanwhile(run):
    """Handlers of signals read the lists of all interpreters while images come and go in another."""
    code = f"""{PRELUDE}
import another
if not another.HAS_LOCKS:
    print("fine")
    sys.exit()
mine = '''
import wasmpy, sys, time
def f(x):
    return x
m = wasmpy.load(TEXT, {{"h": {{"f": f}}}})
until = time.monotonic() + 2
while time.monotonic() < until:
    try:
        m.load(-1)
    except wasmpy.Trap:
        pass
    else:
        raise SystemExit("no trap")
'''.replace("TEXT", repr(text(500)))
failures = []
threading.excepthook = lambda a: failures.append(a)
threads = [threading.Thread(target=another.run_in_another, args=(mine,)) for _ in range(2)]
[t.start() for t in threads]
modules = [module(n) for n in range(12)]
rounds = 0
while any(t.is_alive() for t in threads):
    for n, a in enumerate(modules):
        m = a.instantiate(HOST)
        assert m.n() == n and traps(m.load)
        del m
    end()
    rounds += 1
print(failures or "fine", file=sys.stdout)
assert rounds > 3, rounds
"""
    assert run({"another.py": INTERPRETERS}, code) == "fine\n"


@some
def test_processes_and_the_end(run):
    code = f"""{PRELUDE}
import atexit
a = module(3)
m = a.instantiate(HOST)
child = os.fork()
if child == 0:
    assert m.n() == 3
    del m
    end()
    closed = not is_open(a)
    again = a.instantiate(HOST)
    os._exit(10 * closed + again.n() + traps(again.load))
print(os.WEXITSTATUS(os.waitpid(child, 0)[1]), m.n(), traps(m.load))
late = m.n
atexit.register(lambda: print(late(), _opened.close_unused(few=True)))
"""
    assert run({}, code) == "14 3 True\n3 None\n"


@some
def test_reloaded_modules(run):
    """Each new version is an image of its own; of the old ones those are left that are used."""
    code = f"""{PRELUDE}
import importlib
sys.path.insert(0, os.getcwd())
def write(n):
    with open("m.wat", "w") as file:
        file.write(f'(module (func (export "n") (result i32) (i32.const {{n}})))')
write(0)
import m
old = m.n
for n in range(1, 60):
    write(n)
    importlib.reload(m)
    assert m.n() == n
end()
print(old(), m.n(), len(_opened._images) < 6)
"""
    assert run({}, code) == "0 59 True\n"


def test_in_another_interpreter(run):
    """Where CPython 3.13 and 3.14 make the module in the first one and execute it in the other."""
    code = f"""{PRELUDE}
mine = PRELUDE + '''
def check():
    a, b = module(1), module(2)
    kept = a.instantiate(HOST)
    n = kept.n
    end()
    assert is_open(a), "too early"
    other = b.instantiate(HOST)
    assert (n(), n.__name__, other.n()) == (1, "n", 2) and traps(kept.load) and traps(other.load)
    del kept, n, other
    end()
    assert not is_open(b), "too late"
    if sys.version_info >= (3, 12):
        assert not is_open(a), "too late"
check()
'''
import another
if another.HAS_LOCKS:
    another.run_in_another(mine)
print("fine")
"""
    code = f"PRELUDE = {PRELUDE!r}\n{code}"
    assert run({"another.py": INTERPRETERS}, code) == "fine\n"


@some
def test_one_image_by_two_paths(run):
    """By a link: what is closed by one path must not be known by the other any more."""
    code = f"""{PRELUDE}
def body(k):
    functions = "".join(
        f'(func (export "f{{i}}") (param i32) (result i32)'
        f'(i32.load offset={{i}} (i32.mul (i32.const {{i | 1}}) (local.get 0))))' for i in range(k))
    return f"(module (memory 1) {{functions}})"
os.mkdir("a"); os.symlink("a", "b")
with open("a/m1.wat", "w") as file:
    file.write(body(300))
def imported(where):
    sys.path.insert(0, os.path.join(os.getcwd(), where))
    sys.path_importer_cache.clear()
    import m1
    sys.path.pop(0)
    del sys.modules["m1"]
    return m1
modules = [wasmpy.compile(body(k).encode()) for k in (600, 40, 900)]
wrong = 0
for r in range(3):
    one, two = imported("a"), imported("b")
    del one, two
    end()
    for made in modules:
        m = made.instantiate()
        for name in list(m):
            try:
                m[name](-1)
            except wasmpy.Trap as trap:
                wrong += trap.frames[0][:2] != ("wasm", name)
        del m
        end()
    assert imported("b").f7(0) == 0
print(wrong, len(_opened._images) < 4)
"""
    assert run({}, code) == "0 True\n"


@some
def test_interrupted(run):
    """What a signal's handler raises while images are closed loses none of them."""
    code = f"""{PRELUDE}
import signal
class Stop(BaseException):
    pass
def stop(number, frame):
    raise Stop
signal.signal(signal.SIGALRM, stop)
modules = [module(n) for n in range(30)]
stopped = 0
for r in range(60):
    left = [a.instantiate(HOST) for a in modules]
    left[r % 30 :] = []
    gc.collect()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001 + r * 0.00002)
        _opened.close_unused(few=True)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Stop:
        stopped += 1
    assert all(m.n() == n and traps(m.load) for n, m in enumerate(left))
    del left
signal.setitimer(signal.ITIMER_REAL, 0)
end()
print(sum(map(is_open, modules)), len(_opened._images) < 4)
"""
    assert run({}, code) == "0 True\n"
