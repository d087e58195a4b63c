"""Functions, their types, arguments and results."""

from __future__ import annotations

import functools
import gc

import pytest
import wasmpy
from conftest import load

pytestmark = pytest.mark.usefixtures("own_cache")


class TestFunctions:
    def test_results(self):
        m = load("""
        (module
          (func (export "none"))
          (func (export "two") (result i32 f64) (i32.const -1) (f64.const 2.5))
          (func (export "f32") (param f32) (result f32) (local.get 0)))
        """)
        assert m.none() is None
        assert m.two() == (-1, 2.5)
        assert m.f32(0.1) == 0.10000000149011612
        assert m.f32(1) == 1.0
        assert m.f32(1e300) == float("inf")
        with pytest.raises(TypeError):
            m.f32("1")

    def test_callbacks(self):
        seen = []
        text = """
        (module (import "env" "log" (func $log (param i32 f64) (result i64)))
          (func (export "f") (result i64) (call $log (i32.const -3) (f64.const 1.5))))
        """

        def log(a, b):
            seen.append((a, b))
            return 2**63 - 1

        assert load(text, {"env": {"log": log}}).f() == 2**63 - 1
        assert seen == [(-3, 1.5)]

    def test_exceptions_travel_through_wasm(self):
        class Special(BaseException):
            pass

        def fail():
            raise Special

        m = load('(module (import "e" "f" (func $f)) (func (export "g") (call $f)))', {"e": {"f": fail}})
        for _ in range(3):
            with pytest.raises(Special):
                m.g()

    def test_wrong_results_of_callbacks(self):
        text = '(module (import "e" "f" (func $f (result i32 i32))) (func (export "g") (result i32 i32) (call $f)))'
        assert load(text, {"e": {"f": lambda: [1, 2]}}).g() == (1, 2)
        for result in (1, (1,), (1, 2, 3), ("a", 2)):
            with pytest.raises(TypeError):
                load(text, {"e": {"f": lambda result=result: result}}).g()

    def test_links_between_instances_are_native(self):
        exporter = load("""
        (module (memory 1) (global $n (mut i32) (i32.const 0))
          (func (export "next") (result i32)
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (i32.store (i32.const 0) (global.get $n)) (i32.load (i32.const 0)))
          (func (export "trap") (drop (i32.load (i32.const -1)))))
        """)
        importer = load(
            """
        (module (import "x" "next" (func $next (result i32))) (import "x" "trap" (func $trap)) (memory 1)
          (data (i32.const 0) "\\2a")
          (func (export "f") (result i32) (i32.add (call $next) (i32.load8_u (i32.const 0))))
          (func (export "trap") (call $trap)))
        """,
            {"x": exporter},
        )
        assert [importer.f(), importer.f()] == [43, 44]
        with pytest.raises(wasmpy.Trap, match="out of bounds"):
            importer.trap()
        assert importer.f() == 45

    def test_the_exporter_lives_as_long_as_the_importer(self):
        exporter = load('(module (memory 1) (func (export "f") (result i32) (i32.load (i32.const 0))))')
        importer = load('(module (import "x" "f" (func $f (result i32))) (export "f" (func $f)))', {"x": exporter})
        del exporter
        gc.collect()
        assert importer.f() == 0


class TestReferenceTypes:
    """References that are neither funcref nor externref."""

    TEXT = """
(module
  (type $t (sub (func (result i32))))
  (type $below (sub $t (func (result i32))))
  (func $f (export "f") (type $t) (i32.const 7))
  (func (export "below") (type $below) (i32.const 8))
  (func (export "other"))
  (func (export "typed") (param (ref null $t)) (result (ref null $t)) (local.get 0))
  (func (export "call") (param (ref null $t)) (result i32) (call_ref $t (local.get 0)))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "i31") (param (ref i31)))
  (func (export "none") (result nullref nullfuncref nullexternref exnref)
    (ref.null none) (ref.null nofunc) (ref.null noextern) (ref.null exn))
  (global (export "var") (mut (ref null $t)) (ref.null $t))
  (global (export "sure") (mut (ref func)) (ref.func $f))
  (global (export "object") (mut structref) (ref.null struct))
  (table (export "table") 1 3 (ref null $t))
  (table (export "objects") 1 anyref))
"""

    def test_parameters_and_results(self):
        m = load(self.TEXT)
        assert m.typed(m.f) is m.f
        assert m.typed(None) is m.any(None) is None
        assert m.none() == (None, None, None, None)
        assert m.call(m.f) == 7
        with pytest.raises(wasmpy.Trap, match="null function reference"):
            m.call(None)
        with pytest.raises(TypeError, match="another type"):
            m.typed(m.other)
        for function, value in ((m.any, 1), (m.any, m.f), (m.i31, None), (m.i31, 1)):
            with pytest.raises(TypeError, match="only null references of this type"):
                function(value)

    def test_results_of_imports(self):
        text = '(module (import "m" "f" (func $f (result anyref))) (func (export "g") (result anyref) (call $f)))'
        assert load(text, {"m": {"f": lambda: None}}).g() is None
        with pytest.raises(TypeError, match="only null references of this type"):
            load(text, {"m": {"f": lambda: 1}}).g()

    def test_globals(self):
        m = load(self.TEXT)
        m["var"] = m.f
        assert m.var is m.exports["var"].value is m.f
        m["var"] = m.below
        with pytest.raises(TypeError, match=r"the function is \(\) -> \(\), not open \(\) -> \(i32\)"):
            m["var"] = m.other
        with pytest.raises(TypeError, match="None cannot be a non-null"):
            m.exports["sure"].value = None
        with pytest.raises(TypeError, match="only None"):
            m["object"] = m.f
        assert m.var is m.below
        assert m.object is None
        assert "mutable (ref null struct) None" in repr(m.exports["object"])

    def test_tables(self):
        m = load(self.TEXT)
        m.table[0] = m.f
        assert m.table.grow(1, m.below) == 1
        assert list(m.table) == [m.f, m.below]
        for value in (m.other, len, 1):
            with pytest.raises(TypeError):
                m.table[0] = value
            with pytest.raises(TypeError):
                m.table.grow(1, value)
        with pytest.raises(TypeError, match="only None"):
            m.objects[0] = 1

    def test_linking_with_subtypes(self):
        importing = """
            (module
              (type $t (sub (func (result i32))))
              (type $below (sub $t (func (result i32))))
              (import "m" "below" (func $f (type $t)))
              (global (import "m" "sure") (mut (ref func)))
              (global (import "m" "g") funcref)
              (func (export "g") (result i32) (call $f)))
        """
        m = load(self.TEXT)
        sure = load('(module (func $f) (elem declare func $f) (global (export "g") (ref func) (ref.func $f)))')
        assert load(importing, {"m": {**m.exports, "g": sure.exports["g"]}}).g() == 8
        with pytest.raises(wasmpy.LinkError, match="the function is open"):
            load(importing.replace('"below" (func $f (type $t))', '"f" (func $f (type $below))'), {"m": m})


class TestNumbers:
    def test_unsigned(self):
        assert [wasmpy.u32(x) for x in (-1, 0, 5, 2**32 - 1, -(2**31))] == [2**32 - 1, 0, 5, 2**32 - 1, 2**31]
        assert wasmpy.u64(-1) == 2**64 - 1
        for function, value in ((wasmpy.u32, 2**32), (wasmpy.u32, -(2**31) - 1), (wasmpy.u64, 2**64)):
            with pytest.raises(OverflowError):
                function(value)

    def test_bits(self):
        assert wasmpy.f32_bits(1) == 0x3F800000
        assert wasmpy.f32_bits(-1e300) == 0xFF800000
        assert wasmpy.f64_bits(-0.0) == 1 << 63
        assert wasmpy.f64_bits(wasmpy.f64_from_bits(0x7FF8000000000123)) == 0x7FF8000000000123
        assert wasmpy.f32_from_bits(-1) != wasmpy.f32_from_bits(-1)
        assert wasmpy.f32_from_bits(0xBF000000) == -0.5


class TestFunc:
    def test_types(self):
        assert wasmpy.Func("(i32, i64 f32) -> (f64)", lambda *args: sum(args))(1, 2, 0.5) == 3.5
        assert wasmpy.Func("() -> ()", lambda: 1)() is None
        for text in ("i32", "(int) -> i32", "() -> i32) (export"):
            with pytest.raises(ValueError, match="type"):
                wasmpy.Func(text, len)
        with pytest.raises(TypeError, match="not callable"):
            wasmpy.Func("() -> ()", 1)


def test_pure_functions_with_large_frames():
    """They are called without an instance, wherever from; the registers hold what the caller left there."""
    for count in (1, 100, 126, 127, 128, 129, 130, 136, 140, 500):
        values = "".join(f"(i64.mul (local.get 0) (i64.add (local.get 0) (i64.const {i})))" for i in range(count))
        text = f'(module (func (export "f") (param i64) (result i64) {values} {"(i64.rotl)" * (count - 1)}))'
        f = wasmpy.load(text.encode()).f
        expected = f(3)
        assert list(map(f, [3])) == [expected]
        assert sorted([3], key=f) == [3]
        assert functools.partial(f, 3)() == expected
        assert f(*[3]) == expected
        assert [f(x) for x in (3, 3)] == [expected] * 2
    for count in (100, 136, 140, 500, 1000):
        params = "i64 " * count
        gets = " ".join(f"(local.get {i})" for i in reversed(range(count)))
        f = wasmpy.load(f'(module (func (export "f") (param {params}) (result {params}) {gets}))'.encode()).f
        numbers = list(range(count))
        assert list(map(f, *[[n] for n in numbers])) == [tuple(reversed(numbers))]
        assert f(*numbers) == tuple(reversed(numbers))
