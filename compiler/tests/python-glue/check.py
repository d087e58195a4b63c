"""Everything that crosses the boundary, in one process: usage check.py IMAGE. Prints ok."""

import gc
import inspect
import math
import sys
import threading
import weakref

from load import Instance

IMAGE = sys.argv[1]


def raises(kind, f, *args):
    try:
        f(*args)
    except kind as error:
        return str(error)
    raise SystemExit(f"no {kind.__name__} from {f}{args}")


class Index:
    def __index__(self):
        return 77


class Float:
    def __float__(self):
        return 2.25


class Broken:
    def __index__(self):
        return 1 // 0

    __float__ = __index__


class Boom(BaseException):
    pass


def boom(*args):
    raise Boom


calls = []


def record(*args):
    calls.append(args)
    return args[1] + 1


IMPORTS = {
    "i": record,
    "multi": lambda x: (1, 2.5, x, -3),
    "ref": lambda x: x,
    "fref": lambda f: f,
    "void": lambda: "ignored",
    "f32": lambda: 1,
    "gi": 41,
}

o = object()
base = sys.getrefcount(o)


def unchanged():
    assert sys.getrefcount(o) == base, sys.getrefcount(o) - base


def functions(m):
    add = m["add"]
    assert str(inspect.signature(add)) == "(p0, p1, /)"
    assert m["a.b c"].__name__ == "a.b c"
    assert str(inspect.signature(m["a.b c"])) == "(x, y, /)"
    assert add.__module__ == m.module.__name__ and add.__self__ is m.module
    assert m.kernel["function"](m.indices["add"]) is add
    assert m.kernel["resolve"](add) == (m.kernel["record"](m.indices["add"]), m.kernel["resolve"](add)[1])
    assert m.kernel["resolve"](len) is None
    # Without the package, that is all that can be said.
    assert raises(TypeError, add, 1) == raises(TypeError, m["id32"]) == "wrong number of arguments"
    raises(TypeError, add, 1, 2, 3)
    raises(IndexError, m.kernel["function"], 1000)
    raises(IndexError, m.kernel["function"], -1)
    raises(RuntimeError, m.kernel["initialize"])
    assert m["many"](*range(10), *map(float, range(9)), 100) == -9 + 100 + 8


def numbers(m):
    i32, i64, f32, f64 = m["id32"], m["id64"], m["idf32"], m["idf64"]
    for x in [0, 1, -1, 5, -5, 2**30 - 1, 2**30, -(2**30), 2**31 - 1, -(2**31), True]:
        assert i32(x) == x
    for x in [2**31, 2**32 - 1, 3 * 2**30]:
        assert i32(x) == x - 2**32
    for x in [2**32, -(2**31) - 1, 2**64, -(2**64), 2**31 + 2**40]:
        assert "i32" in raises(OverflowError, i32, x)
    for x in [0, 1, -1, 2**30, -(2**30), 2**31, 2**32, 2**62, 2**63 - 1, -(2**63)]:
        assert i64(x) == x
    for x in [2**63, 2**64 - 1]:
        assert i64(x) == x - 2**64
    for x in [2**64, -(2**63) - 1, 10**40]:
        assert "i64" in raises(OverflowError, i64, x)
    assert i32(Index()) == i64(Index()) == f64(Index()) == 77
    for f in (i32, i64, f32, f64):
        raises(ZeroDivisionError, f, Broken())
        raises(TypeError, f, "1")
        raises(TypeError, f, None)
    raises(TypeError, i32, 1.0)
    raises(TypeError, i64, 1.0)
    for x in [0.0, 1.5, -1.0, math.inf, 1e308, 5, -7, 2**40, True]:
        assert f64(x) == x and type(f64(x)) is float
    assert math.isnan(f64(math.nan)) and math.copysign(1, f64(-0.0)) == -1
    assert f64(Float()) == 2.25 and f64(type("F", (float,), {})(3.5)) == 3.5
    assert f32(1e300) == math.inf and f32(0.1) == 0.10000000149011612 and f32(3) == 3.0
    assert f64(10**400) == f32(10**400) == -f64(-(10**400)) == -f32(-(10**400)) == math.inf


def references(m):
    for _ in range(100):
        assert m["idx"](o) is o
    assert m["idx"](None) is None
    assert m["idf"](m["add"]) is m["add"] and m["idf"](None) is None
    raises(TypeError, m["idf"], len)
    raises(TypeError, m["idf"], lambda: 0)
    results = m["manyres"]()
    assert results[:4] == (1, -2, 1.5, 2.5) and results[4] is None and results[6:] == (6, 7, 8, 9, 10, 11)
    assert results[5] is m["add"]
    unchanged()


def traps(m):
    assert raises(RuntimeError, m["div"], 1, 0) == "integer divide by zero"
    assert raises(RuntimeError, m["div"], -(2**31), -1) == "integer overflow"
    assert m["div"](7, 2) == 3
    assert raises(RuntimeError, m["load"], 3 * 65536) == "out of bounds memory access"
    raises(RuntimeError, m["load"], -1)
    assert raises(RuntimeError, m["rec"], 0) == "call stack exhausted"
    assert m["add"](1, 1) == 2
    seen = []
    m.kernel["configure"](lambda *args: seen.append(args))
    raises(RuntimeError, m["div"], 1, 0)
    m.kernel["configure"](len)  # raises TypeError
    raises(TypeError, m["div"], 1, 0)
    m.kernel["configure"](boom)
    raises(Boom, m["div"], 1, 0)
    m.kernel["configure"](None)
    raises(RuntimeError, m["div"], 1, 0)
    code, pc, sp, stack = seen[0]
    start, table, *_ = m.kernel["code"]()
    words = table.cast("I")
    assert code == 1 and len(words) == 2 + 4 * words[0] + 2 * words[1] and sp > 0 and len(stack) > 0
    assert pc - start in words[2 + 4 * words[0] :][: words[1]]


def memory(m):
    (mem,) = m.memories
    view = memoryview(mem)
    view[0:4] = b"\x01\x02\x03\x04"
    assert m["load"](0) == 0x04030201 and mem._limits() == (1, 3)
    assert mem.grow(1) == 1 and mem._limits() == (2, 3) and mem.grow(5) == -1 and mem.grow(-1) == -1
    assert len(view) == 65536 and len(memoryview(mem)) == mem._size() == 131072
    assert m["load"](65536) == 0
    kind = m.kernel["natives"]()[0]
    for limits in [(-1, -1), (2, 1), (1, -2)]:
        raises(ValueError, kind, *limits)
    raises(MemoryError, kind, 65537, -1)
    assert kind(1, 65537)._limits() == (1, 65537) and kind(1, 65537).grow(65536) == -1
    raises(TypeError, kind, 1)
    raises(TypeError, kind, 1.5, 2)
    assert kind(0, -1)._size() == 0 and len(memoryview(kind(0, 0))) == 0

    class Sub(kind):
        pass

    sub = Sub(1, -1)
    sub.attribute = sub  # a cycle
    gone = weakref.ref(sub)
    del sub
    gc.collect()
    assert gone() is None


def imports(m):
    assert m["calli"](1, 2**62, 1.5, -2.5) == 2**62 + 1 and calls[-1] == (1, 2**62, 1.5, -2.5)
    assert m["callmulti"](o) == (1, 2.5, o, -3)
    assert m["callref"](o) is o and m["callref"](None) is None
    assert m["callfref"](m["add"]) is m["add"] and m["callfref"](None) is None
    assert m["callvoid"]() is None and m["callf32"]() == 1.0
    assert m["void"]() is None and m["void"] is not IMPORTS["void"]
    before = IMPORTS["gi"]._get()
    assert m["gi"]() == before + 1 == IMPORTS["gi"]._get()
    unchanged()


def globals_(m):
    g, gr, gf = m["g"], m["gr"], m["gf"]
    assert g._get() == 7 and g._type() == (2, True)
    g._set(-1)
    assert g._get() == -1 and m.kernel["export_global"](m.indices["g"])._get() == -1
    raises(OverflowError, g._set, 2**64)
    gr._set(o)
    assert sys.getrefcount(o) == base + 1 and gr._get() is o and m["manyres"]()[4] is o
    gr._set(None)
    unchanged()
    raises(TypeError, gf._set, len)
    gf._set(None)
    assert gf._get() is None
    gf._set(m["div"])
    assert m["manyres"]()[5] is m["div"]
    gf._set(m["add"])
    kind = m.kernel["natives"]()[2]
    for code, value, read in [(1, 2**32 - 1, -1), (2, 5, 5), (3, 0.1, 0.10000000149011612), (4, 3, 3.0)]:
        assert kind(code, False, value)._get() == read
    assert kind(6, True, o)._get() is o and kind(7, False, m["add"])._get() is m["add"]
    raises(TypeError, kind(1, False, 1)._set, 2)
    raises(OverflowError, kind, 1, False, 2**32)
    raises(ValueError, kind, 5, False, 1)
    raises(TypeError, kind, 7, False, len)
    unchanged()


def tables(m):
    t, x = m.tables
    assert t._size() == 4 and t._limits() == (4, 10) and t._functions() and not x._functions()
    assert t._get(0) is None and t._get(1) is m["add"]
    assert t._get(2)(1, 2**40, 1.0, 2.0) == 2**40 + 1  # an import
    assert m["indirect"](1, 30, 12) == 42
    assert raises(RuntimeError, m["indirect"], 0, 1, 1) == "uninitialized element"
    assert raises(RuntimeError, m["indirect"], 2, 1, 1) == "indirect call type mismatch"
    assert raises(RuntimeError, m["indirect"], 99, 1, 1) == "undefined element"
    t._set(0, m["div"])
    assert m["indirect"](0, 84, 2) == 42
    t._set(0, None)
    raises(IndexError, t._get, 4)
    raises(IndexError, t._set, -1, None)
    raises(TypeError, t._set, 0, 5)
    assert t.grow(2, m["add"]) == 4 and t._get(5) is m["add"] and t.grow(100, None) == -1
    m["setext"](0, o)
    assert sys.getrefcount(o) == base + 1 and x._get(0) is o and m["getext"](0) is o
    x._set(0, "text")
    unchanged()
    assert m["getext"](0) == "text" and x.grow(3, o) == 2
    assert sys.getrefcount(o) == base + 3
    for i in range(2, 5):
        x._set(i, None)
    unchanged()


def exceptions():
    bad = dict(IMPORTS, i=boom, multi=lambda x: (1, 2), ref=boom, void=boom, f32=lambda: "no", fref=lambda f: len)
    m = Instance(IMAGE, "pkg.m", bad)
    assert m["add"].__module__ == "pkg.m"
    for _ in range(20):
        raises(Boom, m["calli"], 1, 2, 3, 4)
        raises(Boom, m["callref"], o)
        raises(Boom, m["callvoid"])
        raises(Boom, m["void"])
        raises(TypeError, m["callf32"])
        assert "wrong number of results" in raises(TypeError, m["callmulti"], o)
        raises(TypeError, m["callfref"], None)
        bad["multi"] = None
    unchanged()


def links(m):
    """An instance whose imports are exports of another."""
    linked = dict(IMPORTS, i=m["calli"], ref=m["idx"], fref=m["idf"])
    n = Instance(IMAGE, "m", linked)
    assert n["calli"](1, 10, 2.0, 3.0) == 11
    assert n["callref"](o) is o and n["callfref"](n["add"]) is n["add"]
    table = n.tables[0]
    table._set(0, m["add"])
    assert n["indirect"](0, 1, 2) == 3 and table._get(0) is m["add"]
    table._set(0, m["div"])
    raises(RuntimeError, n["indirect"], 0, 1, 0)
    assert n["indirect"](0, 9, 3) == 3
    unchanged()


def threads():
    """Two threads whose entries interleave through callbacks: one enters first and comes back first."""
    entered = [threading.Event(), threading.Event()]
    left = threading.Event()

    def first():
        entered[0].set()
        assert entered[1].wait(10)

    def second():
        assert entered[0].wait(10)
        entered[1].set()
        assert left.wait(10)

    done = []

    def run(m, after):
        m["callvoid"]()
        assert raises(RuntimeError, m["rec"], 0) == "call stack exhausted"
        assert m["add"](1, 2) == 3
        raises(RuntimeError, m["load"], -4)
        after()
        done.append(m)

    instances = [Instance(IMAGE, "m", dict(IMPORTS, void=f)) for f in (first, second)]
    workers = [threading.Thread(target=run, args=args) for args in zip(instances, (left.set, int))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(done) == 2


def nested():
    """Wasm, Python, wasm: traps and exceptions stop at the innermost entry."""
    m = None

    def inner():
        raises(RuntimeError, m["div"], 1, 0)
        assert m["add"](2, 3) == 5
        raises(RuntimeError, m["load"], -4)

    m = Instance(IMAGE, "m", dict(IMPORTS, void=inner))
    for _ in range(10):
        m["callvoid"]()


def lives():
    """Instances are collected, in whatever cycles they are."""
    m = Instance(IMAGE, "m", dict(IMPORTS, ref=lambda x: (m, x)[1]))  # noqa: F821
    n = Instance(IMAGE, "m", dict(IMPORTS, i=m["calli"]))
    m.tables[0]._set(0, n["add"])
    n.tables[0]._set(0, m["add"])
    m.tables[1]._set(0, n.module)
    n["gr"]._set(m.module)
    n["gf"]._set(m["add"])
    assert m["callref"](o) is o
    gone = [weakref.ref(m.module), weakref.ref(n.module), weakref.ref(n["add"])]
    add = m["add"]
    del m, n
    gc.collect()
    assert gone[0]() is not None and add(1, 2) == 3
    del add
    gc.collect()
    assert [r() for r in gone] == [None] * 3, gone
    unchanged()


def main():
    m = Instance(IMAGE, "m", IMPORTS)
    for check in (functions, numbers, references, memory, imports, globals_, tables, traps, links):
        check(m)
    exceptions()
    nested()
    threads()
    lives()
    gone = weakref.ref(m.module)
    del m
    gc.collect()
    assert gone() is None
    unchanged()
    print("ok")


main()
