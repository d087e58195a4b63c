"""What is said of calls that are wrong: which function, which argument or result, and what to do instead."""

from __future__ import annotations

import inspect
import itertools
import math
from array import array

import pytest
import wasmpy
from conftest import load

pytestmark = pytest.mark.usefixtures("own_cache")

TEXT = """
(module
  (import "env" "log" (func $log (param i32) (result i32)))
  (import "env" "two" (func $two (result i32 f64)))
  (func (export "add") (param $a i32) (param $b i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "mixed") (param f64 i64 externref) (result f64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "funcs") (param funcref (ref null $t)))
  (func (export "none"))
  (func (export "call") (result i32) (call $log (i32.const 3)))
  (func (export "two") (result i32 f64) (call $two))
  (func (export "many") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32
    f64) (result f64) (local.get 21))
  (type $t (func)))
"""


class Broken:
    def __index__(self):
        raise TypeError("mine")

    def __float__(self):
        raise OverflowError("mine")


@pytest.fixture
def answers():
    return {}


@pytest.fixture
def m(answers):
    def log(x):
        return answers["log"]

    return load(TEXT, {"env": {"log": log, "two": lambda: answers["two"]}})


INT = "object cannot be interpreted as an integer"
STRINGS = "; strings lie in memory: see wasmpy.Memory.write_str and temp"
ARRAYS = "; arrays and structures lie in memory: see wasmpy.Memory.write, view and temp"


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "message"),
    [
        ("add", ("text", 1), TypeError, f"add() argument 1 (a: i32): 'str' {INT}{STRINGS}"),
        ("add", (1, array("i")), TypeError, f"add() argument 2 (b: i32): 'array.array' {INT}{ARRAYS}"),
        ("add", (1, b"x"), TypeError, f"add() argument 2 (b: i32): 'bytes' {INT}{ARRAYS}"),
        ("add", (1, [1]), TypeError, f"add() argument 2 (b: i32): 'list' {INT}{ARRAYS}"),
        ("add", (1.5, 1), TypeError, f"add() argument 1 (a: i32): 'float' {INT}; convert it: int(x)"),
        ("add", (None, 1), TypeError, f"add() argument 1 (a: i32): 'NoneType' {INT}"),
        ("add", (1, 2**32), OverflowError, "add() argument 2 (b: i32): int out of range of i32 (-2**31 to 2**32-1)"),
        ("mixed", (1, 2**64, 1), OverflowError, "mixed() argument 2 (i64): int out of range of i64 (-2**63 to "
         "2**64-1)"),
        ("mixed", ("x", 1, 1), TypeError, f"mixed() argument 1 (f64): must be real number, not str{STRINGS}"),
        ("funcs", (len, None), TypeError, "funcs() argument 1 (funcref): a function reference must be a WebAssembly "
         "function or None; a Python function needs a type: see wasmpy.Func"),
        ("many", [*range(20), "x", 1], TypeError, f"many() argument 21 (i32): 'str' {INT}{STRINGS}"),
        ("add", (1,), TypeError, "add() takes exactly 2 arguments: a: i32, b: i32 (1 given)"),
        ("mixed", (), TypeError, "mixed() takes exactly 3 arguments: f64, i64, externref (0 given)"),
        ("f32", (1, 2), TypeError, "f32() takes exactly 1 argument: f32 (2 given)"),
        ("none", (1,), TypeError, "none() takes no arguments (1 given)"),
    ],
)  # fmt: skip
def test_arguments(m, name, arguments, kind, message):
    for _ in range(3):
        with pytest.raises(kind) as caught:
            m[name](*arguments)
        assert str(caught.value) == message
        assert caught.value.__context__ is None


def test_typed_functions(m):
    with pytest.raises(TypeError, match=r"^funcs\(\) argument 2 \(\(ref null \d\)\): the function has another type$"):
        m.funcs(None, m.add)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("log", None, f"returned None, but the result is i32: 'NoneType' {INT}; does it lack a return?"),
        ("log", "x", f"returned 'x', but the result is i32: 'str' {INT}"),
        ("log", (1, 2), f"returned a tuple, but the result is i32: 'tuple' {INT}"),
        ("log", 2**32, "returned 4294967296, but the result is i32: int out of range of i32 (-2**31 to 2**32-1)"),
        ("two", None, "must return 2 values (i32, f64); it returned None"),
        ("two", 5, "must return 2 values (i32, f64); it returned 5"),
        ("two", (1,), "must return 2 values (i32, f64); it returned 1 value"),
        ("two", (1, 2, 3), "must return 2 values (i32, f64); it returned 3 values"),
        ("two", [1, 2, 3], "must return 2 values (i32, f64); it returned 3 values"),
        ("two", [], "must return 2 values (i32, f64); it returned 0 values"),
        ("two", (1, "x"), "returned 'x', but result 2 is f64: must be real number, not str"),
        ("two", "ab", f"returned 'a', but result 1 is i32: 'str' {INT}"),
    ],
)
def test_results_of_imported_functions(m, answers, name, value, message):
    answers[name] = value
    with pytest.raises((TypeError, OverflowError)) as caught:
        m.call() if name == "log" else m.two()
    own = "" if name == "log" else " (m.<locals>.<lambda>)"
    assert str(caught.value).replace("(m.<locals>.log) ", "") == f"the imported function env.{name}{own} {message}"


def test_endless_results(m, answers):
    """No more than one too many is taken."""
    answers["two"] = count = itertools.count()
    with pytest.raises(TypeError, match=r"must return 2 values \(i32, f64\); it returned more than 2$"):
        m.two()
    assert next(count) == 3
    answers["two"] = iter([1, 2])
    assert m.two() == (1, 2.0)
    answers["two"] = (1 // n for n in (1, 2, 0))
    with pytest.raises(ZeroDivisionError):
        m.two()
    answers["two"] = (1 // n for n in (1, 0))
    with pytest.raises(ZeroDivisionError):
        m.two()


def test_exceptions_of_others_stay_as_they_are(m, answers):
    for call in (lambda: m.add(Broken(), 1), lambda: m.mixed(1, Broken(), 1)):
        with pytest.raises(TypeError, match=r"^mine$") as caught:
            call()
        assert caught.traceback[-1].name == "__index__"
    with pytest.raises(OverflowError, match=r"^mine$"):
        m.mixed(Broken(), 1, 1)
    answers["log"] = Broken()
    with pytest.raises(TypeError, match=r"^mine$"):
        m.call()


def test_without_the_module_that_explains(m, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "wasmpy._complaints", None)
    with pytest.raises(TypeError, match=r"^'str' object cannot"):
        m.add("x", 1)
    with pytest.raises(TypeError, match=r"^wrong number of arguments$"):
        m.add(1)


def test_a_context_stays(m):
    try:
        raise KeyError
    except KeyError:
        with pytest.raises(TypeError) as caught:
            m.add("x", 1)
    assert isinstance(caught.value.__context__, KeyError)


def test_large_ints_are_infinite_floats(m):
    for sign in (1, -1):
        assert m.mixed(sign * 10**400, 1, 1) == m.f32(sign * 10**400) == sign * math.inf
        cell = wasmpy.Global("f64", 0.0, mutable=True)
        cell.value = sign * 10**400
        assert cell.value == sign * math.inf
        assert wasmpy.f64_from_bits(wasmpy.f64_bits(sign * 10**400)) == sign * math.inf
        assert wasmpy.f32_from_bits(wasmpy.f32_bits(sign * 10**400)) == sign * math.inf

    class Mine(int):
        def __float__(self):
            raise OverflowError("mine")

    with pytest.raises(OverflowError, match="mine"):
        m.mixed(Mine(3), 1, 1)


def test_types_of_many_parameters():
    params = " ".join(["i32"] * 30)
    text = f"""(module (import "e" "f" (func (param {params}) (result i32)))
        (func (export "g") (param {params}) (result i64) (i64.const 1)))"""
    module = wasmpy.compile(text.encode())
    wanted = f"({', '.join(['i32'] * 30)}) -> "
    assert module.imports[0].type == f"{wanted}(i32)"
    assert module.exports[0].type == f"{wanted}(i64)"
    with pytest.raises(wasmpy.LinkError, match=r"function \(i32, i32, .*\) -> \(i32\): int is not"):
        module.instantiate({"e": {"f": 3}})
    g = module.instantiate({"e": {"f": lambda *arguments: 1}})["g"]
    assert len(inspect.signature(g).parameters) == 30
    assert g(*range(30)) == 1


def test_types_that_are_very_long():
    """A type may mean far more than its bytes say."""
    types = "(type $t0 (func))" + "".join(
        f"(type $t{i} (func (param (ref null $t{i - 1}) (ref null $t{i - 1}))))" for i in range(1, 60)
    )
    module = wasmpy.compile(f'(module {types} (func (export "f") (type $t59)))'.encode())
    assert len(module.exports[0].type) < 50_000
    assert "$" not in module.exports[0].type
    assert "…" in module.exports[0].type
    assert len(repr(module)) < 1000
