"""Module, Instance, Memory, Table, Global, Func; linking between instances; errors."""

from __future__ import annotations

import gc
import json
import os
import pickle
import struct
import subprocess
import sys
import traceback
import weakref

import pytest
import wasmpy
from conftest import environment


@pytest.fixture(autouse=True)
def _cache(cache, monkeypatch):
    monkeypatch.setenv("WASMPY_CACHE_DIR", str(cache))


def load(text, imports=None):
    return wasmpy.load(text.encode(), imports)


MEMORY = """
(module
  (memory (export "memory") 1 3)
  (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "poke") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (data (i32.const 16) "hello\\00"))
"""


class TestMemory:
    def test_views_share_the_bytes(self):
        m = load(MEMORY)
        view = memoryview(m.memory)
        assert (len(view), view.readonly, len(m.memory), m.memory.pages) == (65536, False, 65536, 1)
        m.poke(5, 200)
        assert view[5] == m.memory[5] == 200
        view[6] = 7
        assert m.peek(6) == 7

    def test_slices_and_helpers(self):
        memory = load(MEMORY).memory
        assert memory[16:21] == b"hello"
        assert memory.read(16, 5) == b"hello"
        assert memory.read_str(16, 5) == memory.read_cstr(16) == "hello"
        memory[0:4] = b"\x01\x00\x00\x00"
        assert memory.read_struct("<i", 0) == (1,)
        memory.write(8, b"ab")
        assert memory[8:10] == b"ab"

    def test_offsets_are_checked(self):
        memory = load(MEMORY).memory
        for key in (-1, 65536, slice(-1, 4), slice(0, 65537)):
            with pytest.raises(IndexError):
                memory[key]
        with pytest.raises(ValueError, match="cannot put 2 bytes into a slice of 3"):
            memory[0:3] = b"ab"
        with pytest.raises(IndexError):
            memory.read(-4, 8)

    def test_errors_name_what_was_given(self):
        memory = load(MEMORY).memory
        for key, text in (
            (65536, "memory offset 65536 is outside: the memory has 65536 bytes"),
            (slice(0, 65537), "memory offset 65537 is outside: the memory has 65536 bytes"),
            (-8, r"memory offset -8 is negative: .*wasmpy.u32\(-8\) is 4294967288"),
            (slice(-8, None), "memory offset -8 is negative"),
        ):
            with pytest.raises(IndexError, match=text):
                memory[key]
        for call, text in (
            (lambda: memory.read(65530, 16), "16 bytes at address 65530 are not all inside: the memory has 65536"),
            (lambda: memory.read(-8, 1), "1 byte at address -8, which is 4294967288 unsigned, is not inside"),
            (lambda: memory.read(-(2**31) - 1, 1), "-2147483649 is no address of 32 bits"),
            (lambda: memory.write(2**32, b"a"), "1 byte at address 4294967296 is not inside"),
            (lambda: memory.write(65535, b"ab"), "2 bytes at address 65535"),
            (lambda: memory.view(65535, 2), "2 bytes at address 65535"),
            (lambda: memory.read_cstr(65536), "1 byte at address 65536"),
            (lambda: memory.read_str(-1, 1), "1 byte at address -1"),
            (lambda: memory.read_struct("i", 65534), "4 bytes at address 65534"),
            (lambda: memory.write_struct("i", 65534, 1), "4 bytes at address 65534"),
        ):
            with pytest.raises(IndexError, match=text):
                call()
        assert memory[65535] == 0
        for call in (lambda: memory.read(0, -1), lambda: memory.view(0, -1), lambda: memory.temp(-1)):
            with pytest.raises(ValueError, match="negative"):
                call()
        memory[:] = bytes([1]) * 65536
        with pytest.raises(IndexError, match="no zero byte from address 7"):
            memory.read_cstr(7)
        with pytest.raises(TypeError, match="write_str"):
            memory.write(0, "text")
        with pytest.raises(TypeError):
            memory.read(1.5, 1)

    def test_writing(self):
        memory = load(MEMORY).memory
        assert memory.write_str(0, "naïve") == 6
        assert memory.read_str(0, 6) == "naïve"
        assert memory.write_cstr(100, "naïve", "latin-1") == 6
        assert memory.read_cstr(100, "latin-1") == "naïve"
        with pytest.raises(ValueError, match="zero inside"):
            memory.write_cstr(0, "a\0b")
        memory.write_struct("bqf", 200, -1, 2**40, 0.5)
        assert memory[200:213] == struct.pack("<bqf", -1, 2**40, 0.5)
        assert memory.read_struct("bqf", 200) == (-1, 2**40, 0.5)
        assert memory.read_struct(">h", 200) == (-256,)
        memory.write(300, memoryview(b"abcdef")[::2])
        memory.write(310, memoryview(struct.pack("2i", 1, 2)).cast("i"))
        memory.write(320, bytearray())
        assert (memory.read(300, 3), memory.read_struct("2i", 310)) == (b"ace", (1, 2))

    def test_typed_views(self):
        m = load(MEMORY)
        view = m.memory.view(32, 4, "I")
        view[1] = 0x01020304
        assert m.peek(36) == 4
        assert (view.format, view.shape, view.nbytes) == ("I", (4,), 16)
        grid = m.memory.view(64, (2, 3), "d")
        grid[1, 2] = 1.5
        assert m.memory.read_struct("d", 64 + 5 * 8) == (1.5,)
        assert m.memory.view(65536, 0, "q").nbytes == 0
        for form in ("", "II", "<i", "x"):
            for count in (0, 1):
                with pytest.raises(ValueError, match="one letter"):
                    m.memory.view(0, count, form)

    def test_what_completion_shows(self):
        def public(thing):
            return sorted(name for name in dir(thing) if not name.startswith("_"))

        assert public(wasmpy.Memory(1)) == [
            "grow", "maximum", "pages", "read", "read_cstr", "read_str", "read_struct", "temp", "view", "write",
            "write_cstr", "write_str", "write_struct",
        ]  # fmt: skip
        assert public(wasmpy.Table("funcref", 1)) == ["element", "grow", "maximum"]
        assert public(wasmpy.Global("i32", 1)) == ["mutable", "type", "value"]

    def test_growth(self):
        m = load(MEMORY)
        before = memoryview(m.memory)
        assert m.memory.grow(1) == 1
        assert (m.size(), m.memory.pages, len(before), len(memoryview(m.memory))) == (2, 2, 65536, 131072)
        m.memory[131071] = 9
        assert m.peek(131071) == 9
        assert m.grow(1) == 2
        assert m.grow(1) == -1
        with pytest.raises(ValueError, match="cannot grow"):
            m.memory.grow(1)

    def test_out_of_bounds_is_a_trap_and_the_instance_lives_on(self):
        m = load(MEMORY)
        for address in (65536, 2**31, 2**32 - 1):
            with pytest.raises(wasmpy.Trap, match="out of bounds memory access") as caught:
                m.peek(address)
            assert isinstance(caught.value, IndexError)
        assert m.peek(16) == ord("h")

    def test_a_view_keeps_the_memory(self):
        m = load(MEMORY)
        view = memoryview(m.memory)
        del m
        gc.collect()
        assert bytes(view[16:21]) == b"hello"

    def test_an_imported_memory(self):
        memory = wasmpy.Memory(1, 2)
        text = (
            '(module (import "m" "memory" (memory 1 2)) (func (export "f") (i32.store (i32.const 0) (i32.const 7))))'
        )
        load(text, {"m": {"memory": memory}}).f()
        assert memory[0] == 7
        with pytest.raises(wasmpy.LinkError, match="below the declared minimum"):
            load(text, {"m": {"memory": wasmpy.Memory(0, 2)}})
        with pytest.raises(wasmpy.LinkError, match="its maximum is missing"):
            load(text, {"m": {"memory": wasmpy.Memory(1)}})

    def test_numpy_sees_it_without_a_copy(self):
        numpy = pytest.importorskip("numpy")
        m = load(MEMORY)
        array = numpy.frombuffer(m.memory, numpy.uint8)
        array[3] = 77
        assert m.peek(3) == 77


class TestBlocks:
    """Memory.temp"""

    BUMP = """
    (module (memory (export "memory") 1 1)
      (global $next (export "next") (mut i32) (i32.const 1024))
      (global $freed (export "freed") (mut i32) (i32.const 0))
      (func (export {give}) (param {parameters}) (result i32)
        (if (i32.gt_u (local.get {size}) (i32.const 60000)) (then (return (i32.const 0))))
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get {size}))))
      (func (export {take}) {taken}
        (global.set $freed (i32.add (global.get $freed) {amount}))))
    """

    @pytest.mark.parametrize(
        ("give", "parameters", "size", "take", "taken", "freed"),
        [
            ("malloc", "i32", 0, "free", "i32", 1024),
            ("alloc", "i32", 0, "dealloc", "i32 i32", 1024 + 5),
            ("__wbindgen_malloc", "i32 i32", 0, "__wbindgen_free", "i32 i32 i32", 1024 + 5 + 16),
            ("cabi_realloc", "i32 i32 i32 i32", 3, "nothing", "i32", 0),
        ],
    )
    def test_allocators(self, give, parameters, size, take, taken, freed):  # noqa: PLR0917
        count = len(taken.split())
        amount = "(local.get 0)"
        for i in range(1, count):
            amount = f"(i32.add {amount} (local.get {i}))"
        text = self.BUMP.format(
            give=f'"{give}"', parameters=parameters, size=size, take=f'"{take}"', taken=f"(param {taken})",
            amount=amount,
        )  # fmt: skip
        m = load(text)
        memory = m.memory
        with memory.temp(b"hello") as (address, length):
            assert (address, length, memory.read(address, length)) == (1024, 5, b"hello")
            assert m.freed == 0
        assert m.freed == freed
        with memory.temp(7) as (address, length):
            assert (address, length) == (1029, 7)
        with pytest.raises(ZeroDivisionError), memory.temp(b""):
            raise ZeroDivisionError
        with pytest.raises(MemoryError, match="60001 bytes"), memory.temp(60001):
            pass

    def test_none(self):
        for memory in (wasmpy.Memory(1), load(MEMORY).memory):
            with pytest.raises(LookupError, match="malloc and free"):
                memory.temp(b"a")
            freed = []
            with memory.temp(b"abc", allocate=lambda size: 100 + size, free=freed.append) as (address, _):
                assert memory.read(103, 3) == b"abc"
            assert freed == [address] == [103]


GLOBALS = """
(module
  (global (export "counter") (mut i32) (i32.const 5))
  (global (export "limit") i64 (i64.const -7))
  (global (export "ratio") (mut f64) (f64.const 0.5))
  (func (export "bump") (global.set 0 (i32.add (global.get 0) (i32.const 1)))))
"""


class TestGlobals:
    def test_values_of_an_instance(self):
        m = load(GLOBALS)
        m.bump()
        assert (m["counter"], m["limit"], m["ratio"]) == (6, -7, 0.5)
        m["counter"] = 40
        m.bump()
        assert m.exports["counter"].value == 41
        with pytest.raises(OverflowError):
            m["counter"] = 2**40

    def test_attributes_of_an_instance(self):
        m = load(GLOBALS)
        m.counter += 1
        m.bump()
        assert m.counter == m["counter"] == 7
        with pytest.raises(AttributeError, match="global 'limit' is immutable"):
            m.limit = 1
        with pytest.raises(AttributeError):
            _ = m.missing
        limit = m.exports["limit"]
        assert (limit.value, limit.type, limit.mutable) == (-7, "i64", False)
        with pytest.raises(TypeError, match="immutable"):
            limit.value = 1
        with pytest.raises(ValueError, match="no global of type 'int'"):
            wasmpy.Global("int", 1)

    def test_attributes_of_an_import(self, run):
        code = """
            import wasmpy, m
            m.counter += 1
            m.bump()
            print(m.counter, m.limit, m["counter"])
            try:
                m.limit = 1
            except AttributeError as error:
                print(error)
        """
        assert run({"m.wat": GLOBALS}, code) == "7 -7 7\nglobal 'limit' is immutable\n"

    def test_linked_globals_are_one_cell(self):
        shared = wasmpy.Global("i32", 1, mutable=True)
        text = """
        (module (global (import "m" "g") (mut i32))
          (func (export "add") (param i32) (global.set 0 (i32.add (global.get 0) (local.get 0)))))
        """
        a = load(text, {"m": {"g": shared}})
        b = load(text, {"m": {"g": shared}})
        a.add(10)
        b.add(100)
        assert shared.value == 111
        with pytest.raises(wasmpy.LinkError, match="a mutable global needs"):
            load(text, {"m": {"g": 1}})


class TestTables:
    TEXT = """
    (module
      (table (export "t") 2 4 funcref)
      (elem (i32.const 0) $one)
      (func $one (export "one") (result i32) (i32.const 1))
      (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
    """

    def test_elements(self):
        m = load(self.TEXT)
        assert len(m.t) == 2
        assert m.t[0] is m.one
        assert m.t[1] is None
        m.t[1] = m.one
        assert m.call(1) == 1
        with pytest.raises(IndexError):
            m.t[2]
        with pytest.raises(TypeError):
            m.t[1] = lambda: 3

    def test_calls_through_it(self):
        m = load(self.TEXT)
        for index, message in ((1, "uninitialized element"), (2, "undefined element")):
            with pytest.raises(wasmpy.Trap, match=message):
                m.call(index)
        m.t[1] = wasmpy.Func("() -> i32", lambda: 12)
        assert m.call(1) == 12
        m.t[1] = wasmpy.Func("() -> i64", lambda: 12)
        with pytest.raises(wasmpy.Trap, match="indirect call type mismatch"):
            m.call(1)

    def test_externref_keeps_identity(self):
        m = load("""
        (module (table (export "t") 1 externref)
          (func (export "put") (param externref) (table.set (i32.const 0) (local.get 0)))
          (func (export "same") (param externref) (result externref) (local.get 0)))
        """)
        marker = object()
        m.put(marker)
        assert m.t[0] is marker
        assert m.same(marker) is marker
        assert m.same(None) is None
        assert wasmpy.Table("externref", 3)[2] is None


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


class TestAddresses64:
    TEXT = """
(module
  (memory (export "memory") i64 1 0x1000000000)
  (table (export "table") i64 1 0x8000000000000000 funcref)
  (func $peek (export "peek") (param i64) (result i32) (i32.load8_u offset=0xffffffff (local.get 0)))
  (func (export "far") (param i64) (result i64) (i64.load offset=0xfffffffffffffff8 (local.get 0)))
  (func (export "poke") (param i64 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "fill") (param i64 i64) (memory.fill (local.get 0) (i32.const 7) (local.get 1)))
  (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))
  (func (export "get") (param i64) (result funcref) (table.get (local.get 0)))
  (func (export "table_grow") (param i64) (result i64) (table.grow (ref.func $peek) (local.get 0)))
  (data (i64.const 8) "hello"))
"""

    def test_memory(self):
        m = load(self.TEXT)
        assert m.memory.read(8, 5) == b"hello"
        m.poke(65535, 9)
        assert m.memory[65535] == 9
        for function, arguments in (
            (m.peek, (0,)),
            (m.peek, (-0xFFFFFFFF,)),  # wraps around to 0: an address is not reduced
            (m.far, (8,)),
            (m.far, (-1,)),
            (m.poke, (65536, 0)),
            (m.poke, (2**32, 0)),
            (m.fill, (65535, 2)),
            (m.fill, (1, -1)),
        ):
            with pytest.raises(wasmpy.Trap, match="out of bounds memory access"):
                function(*arguments)
        assert m.grow(2**40) == m.grow(-1) == -1
        assert m.grow(2) == 1
        m.fill(65536, 3)
        assert m.memory.read(65535, 5) == b"\x09\x07\x07\x07\x00"
        with pytest.raises(IndexError):
            m.memory.read(2**32, 1)

    def test_table(self):
        m = load(self.TEXT)
        assert m.get(0) is None
        for index in (1, 2**32, -1):
            with pytest.raises(wasmpy.Trap, match="out of bounds table access"):
                m.get(index)
        assert m.table_grow(2**40) == m.table_grow(-1) == -1
        assert m.table_grow(1) == 1
        assert m.table[1] is m.get(1) is m.peek

    def test_linking(self):
        m = load(self.TEXT)
        load('(module (memory (import "m" "memory") i64 1) (table (import "m" "table") i64 1 funcref))', {"m": m})
        for field, complaint in (
            ('(memory (import "m" "memory") 1)', "m.memory: memory: its addresses are i64"),
            ('(table (import "m" "table") 1 funcref)', "m.table: table of funcref: its addresses are i64"),
        ):
            with pytest.raises(wasmpy.LinkError, match=complaint):
                load(f"(module {field})", {"m": m})
        with pytest.raises(wasmpy.LinkError, match="i64 memory: its addresses are i32"):
            load('(module (memory (import "m" "memory") i64 1))', {"m": {"memory": wasmpy.Memory(1)}})

    def test_limits(self):
        for least, most in ((65537, None), (0, 65537), (2, 1), (-1, None)):
            with pytest.raises(ValueError, match="invalid limits"):
                wasmpy.Memory(least, most)
        with pytest.raises(MemoryError):
            load("(module (memory i64 65537))")


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


class TestErrors:
    def test_text(self):
        with pytest.raises(wasmpy.CompileError) as caught:
            wasmpy.wat('(module\n  (func (export "f") (result i32)\n    (i64.const 1)))')
        assert "type mismatch" in str(caught.value)
        assert isinstance(caught.value, SyntaxError)
        assert caught.value.lineno in (2, 3)

    def test_binary(self):
        with pytest.raises(wasmpy.CompileError, match="unexpected end") as caught:
            wasmpy.compile(b"\0asm\x01\0\0\0\x01")
        assert caught.value.byte_offset == 9

    def test_all_missing_imports_at_once(self):
        text = (
            '(module (import "a" "f" (func (param i32))) (import "b" "g" (global i64)) (import "a" "m" (memory 1)))'
        )
        with pytest.raises(wasmpy.LinkError) as caught:
            load(text)
        message = str(caught.value)
        assert "a.f: function (i32) -> ()" in message
        assert "b.g: global i64" in message
        assert "a.m: memory" in message
        assert isinstance(caught.value, ImportError)

    def test_imports_of_other_types(self):
        origin = load("""
            (module
              (type $t (func (result i32)))
              (func (export "f") (param i32) (result f64) (f64.const 0))
              (global (export "const") i64 (i64.const 0))
              (global (export "var") (mut (ref null $t)) (ref.null $t))
              (table (export "externs") 1 externref)
              (table (export "typed") 1 (ref null $t)))
        """)
        wanted = {
            '(func (import "m" "f"))': "m.f: function () -> (): the function is (i32) -> (f64)",
            '(func (import "m" "typed"))': "m.typed: function () -> (): Table is not callable",
            '(global (import "m" "const") i32)': "m.const: global i32: it is i64",
            '(global (import "m" "const") (mut i64))': "m.const: mutable global i64: it is i64",
            '(global (import "m" "var") (mut funcref))': (
                "m.var: mutable global funcref: it is mutable (ref null <() -> (i32)>)"
            ),
            '(table (import "m" "externs") 1 funcref)': "m.externs: table of funcref: it is a table of externref",
            '(type $u (func)) (table (import "m" "typed") 1 (ref null $u))': (
                "m.typed: table of (ref null <() -> ()>): it is a table of (ref null <() -> (i32)>)"
            ),
            '(table (import "m" "typed") 1 funcref)': (
                "m.typed: table of funcref: it is a table of (ref null <() -> (i32)>)"
            ),
            '(table (import "m" "const") 1 funcref)': "m.const: table of funcref: Global is not a Table",
            '(memory (import "m" "f") 1)': "m.f: memory: builtin_function_or_method is not a Memory",
        }
        for field, message in wanted.items():
            with pytest.raises(wasmpy.LinkError) as caught:
                load(f"(module {field})", {"m": origin})
            assert str(caught.value) == f"cannot link wasm:\n  incompatible import type for {message}"
            assert caught.value.name == "wasm"

    def test_values_that_do_not_fit_an_imported_global(self):
        for wanted, value, complaint in (
            ("i32", "x", "'str' object cannot be interpreted as an integer"),
            ("(ref func)", None, "None cannot be a non-null (ref func)"),
            ("funcref", len, "a function reference must be a WebAssembly function or None"),
            ("anyref", 1, "only None can be passed as (ref null any)"),
        ):
            with pytest.raises(wasmpy.LinkError) as caught:
                load(f'(module (global (import "m" "g") {wanted}))', {"m": {"g": value}})
            assert str(caught.value).endswith(f": {complaint}")

    def test_unsupported(self):
        with pytest.raises(wasmpy.UnsupportedError, match=r"i8x16\.splat|v128"):
            load('(module (func (export "f") (drop (i8x16.splat (i32.const 1)))))')

    def test_validate(self):
        assert wasmpy.validate(b"\0asm\x01\0\0\0")
        assert not wasmpy.validate(b"\0asm\x01\0\0\0\x01")

    def test_round_trip_of_text(self):
        binary = wasmpy.wat2wasm('(module (func (export "f") (result i32) (i32.const 1)))')
        assert wasmpy.wat2wasm(wasmpy.wasm2wat(binary)) == binary


class TestTraps:
    TEXT = """(module
  (func $inner (param i32) (result i32)
    (i32.div_s (i32.const 1) (local.get 0)))
  (func (export "outer") (param i32) (result i32)
    (i32.add (call $inner (local.get 0)) (i32.const 1)))
  (func $deep (export "deep") (param i32) (result i32)
    (i32.add (call $deep (local.get 0)) (i32.const 1))))
"""

    def test_classes_and_frames(self):
        m = load(self.TEXT)
        with pytest.raises(ZeroDivisionError, match="integer divide by zero") as caught:
            m.outer(0)
        assert isinstance(caught.value, wasmpy.Trap)
        assert [frame[1] for frame in caught.value.frames] == ["inner", "outer"]
        names = [entry.name for entry in caught.traceback]
        assert names[-2:] == ["outer", "inner"]
        assert caught.traceback[-1].lineno + 1 == 3

    def test_endless_recursion(self):
        m = load(self.TEXT)
        for _ in range(3):
            with pytest.raises(RecursionError):
                m.deep(1)
        assert m.outer(1) == 2

    def test_own_frames_are_not_shown(self):
        m = load(self.TEXT)
        with pytest.raises(wasmpy.Trap) as caught:
            m.outer(0)
        assert [entry.name for entry in caught.traceback] == ["test_own_frames_are_not_shown", "outer", "inner"]

    def test_lines_of_text_that_is_in_no_file(self):
        m = load(self.TEXT)
        with pytest.raises(wasmpy.Trap) as caught:
            m.outer(0)
        assert "    (i32.div_s (i32.const 1) (local.get 0)))\n" in "".join(traceback.format_exception(caught.value))

    def test_binaries_show_function_and_offset(self):
        binary = wasmpy.wat2wasm('(module (func $f (export "f") unreachable) (func (result i32) unreachable))')
        with pytest.raises(wasmpy.Trap) as caught:
            wasmpy.load(binary).f()
        ((module, function, offset),) = caught.value.frames
        assert (module, function) == ("wasm", "f")
        assert binary[offset] == 0
        assert caught.traceback[-1].name == f"f (wasm-function[0]:{offset:#x})"

    def test_standard_tracebacks(self, run):
        """Imports, on every CPython: the line of the text; the place in a binary."""
        code = """
            import sys, traceback, wasmpy, zipfile
            with zipfile.ZipFile("z.zip", "w") as z:
                z.write("t.wat", "zipped.wat")
            sys.path.append("z.zip")
            with open("b.wasm", "wb") as file:
                file.write(wasmpy.wat2wasm(open("t.wat").read()))
            import b, t, zipped
            for module in t, zipped, b:
                try:
                    module.outer(0)
                except ZeroDivisionError as error:
                    print("".join(traceback.format_exception(error)), end="")
        """
        out = run({"t.wat": self.TEXT}, code)
        line = "    (i32.div_s (i32.const 1) (local.get 0)))\nwasmpy.Trap: integer divide by zero\n"
        assert out.count('t.wat", line 3, in inner\n' + line) == 1
        assert out.count('zipped.wat", line 3, in inner\n' + line) == 1
        assert 'b.wasm", line 0, in inner (wasm-function[0]:0x' in out
        assert "wasmpy/_" not in out.replace(os.sep, "/")


class TestExceptions:
    def test_they_are_of_wasmpy(self):
        for name in ("WasmError", "CompileError", "LinkError", "UnsupportedError", "Trap"):
            kind = getattr(wasmpy, name)
            assert (kind.__module__, kind.__qualname__) == ("wasmpy", name)

    def test_pickling(self):
        for attempt, attributes in (
            (lambda: wasmpy.wat("(module (func\n(foo)))"), ("lineno", "offset", "text", "end_offset")),
            (lambda: wasmpy.compile(b"\0asm\x01\0\0\0\x01"), ("byte_offset", "filename")),
            (lambda: load('(module (import "a" "b" (func)))'), ("name",)),
            (lambda: load(TestTraps.TEXT).outer(0), ("code", "frames")),
            (lambda: load(TestTraps.TEXT).deep(0), ("code",)),
        ):
            with pytest.raises(wasmpy.WasmError) as caught:
                attempt()
            again = pickle.loads(pickle.dumps(caught.value))
            assert type(again) is type(caught.value)
            assert str(again) == str(caught.value)
            for attribute in attributes:
                assert getattr(again, attribute) == getattr(caught.value, attribute) is not None

    def test_instances_refuse(self):
        m = load(MEMORY)
        for thing in (m, m.memory):
            with pytest.raises(TypeError, match="cannot"):
                pickle.dumps(thing)

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("(module\n  (func é))", (2, 9, 10)),
            ("(module\r(func\r  i32.foo))", (3, 3, 10)),
            ("(module\r\n (func (call $missing)))", (2, 14, 22)),
            ('(module "abc', (1, 9, 13)),
        ],
    )
    def test_carets(self, text, place):
        with pytest.raises(wasmpy.CompileError) as caught:
            wasmpy.wat(text)
        error = caught.value
        assert (error.lineno, error.offset, error.end_offset) == place
        assert error.end_lineno == error.lineno
        assert error.text == text.splitlines()[error.lineno - 1]
        assert error.filename == "<wat>"

    def test_binaries(self):
        binary = wasmpy.wat2wasm("(module (func $bad (result i32) (i32.const 1)))").replace(b"\x41\x01", b"\x01\x01")
        with pytest.raises(wasmpy.CompileError) as caught:
            wasmpy.compile(binary)
        error = caught.value
        assert error.function == "bad"
        assert f"in function bad at byte {error.byte_offset:#x} (<wasm>)" in str(error)

    def test_of_an_import(self, run):
        files = {
            "bad.wat": "(module\n  (func (result i32)))",
            "link.wat": '(module (import "nothing_there" "f" (func)))',
            "start.wat": "(module (func $s unreachable)\n  (start $s))",
        }
        code = """
            import traceback, wasmpy
            for name in "bad", "link", "start":
                try:
                    __import__(name)
                except Exception as error:
                    text = "".join(traceback.format_exception(error))
                    print(type(error).__name__, "_hook" in text, "_image" in text, "_compiler" in text)
                    print(text.splitlines()[-1])
        """
        out = run(files, code).splitlines()
        assert [line for line in out if "True" in line or "False" in line] == [
            "CompileError True False False",
            "LinkError True False False",
            "Trap True False False",
        ]


class TestModules:
    TEXT = """
    (module
      (import "env" "log" (func (param i32 f64)))
      (import "env" "base" (global i64))
      (memory (export "memory") 1 3)
      (table (export "table") 2 externref)
      (global (export "counter") (mut f32) (f32.const 0))
      (func (export "add one") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (@custom "note" "first") (@custom "other" "") (@custom "note" "second"))
    """

    def test_descriptors(self):
        module = wasmpy.wat(self.TEXT)
        assert module.imports == (
            ("env", "log", "function", "(i32, f64) -> ()"),
            ("env", "base", "global", "i64"),
        )
        assert module.imports[0].module == "env"
        assert module.exports == (
            ("memory", "memory", "1 3"),
            ("table", "table", "2 externref"),
            ("counter", "global", "(mut f32)"),
            ("add one", "function", "(i32) -> (i32)"),
        )
        assert module.exports[3].type == "(i32) -> (i32)"
        assert wasmpy.Func(module.exports[3].type, lambda x: x * 2)(21) == 42
        assert "  export add one   function (i32) -> (i32)" in repr(module).splitlines()
        assert wasmpy.wat('(module (memory (export "m") i64 1))').exports == (("m", "memory", "i64 1"),)

    def test_custom_sections(self):
        for module in (wasmpy.wat(self.TEXT), wasmpy.compile(wasmpy.wat2wasm(self.TEXT))):
            assert module.custom_sections("note") == [b"first", b"second"]
            assert module.custom_sections("missing") == []

    def test_no_compiler_is_started_for_what_is_cached(self, cache, tmp_path):
        path = tmp_path / "m.wasm"
        path.write_bytes(wasmpy.wat2wasm(self.TEXT))
        wasmpy.compile(path)
        code = (
            "import sys, wasmpy; module = wasmpy.compile(sys.argv[1]);"
            "print(len(module.imports), len(module.exports), module.custom_sections('note')); repr(module)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={**os.environ, **environment(cache), "WASMPY_NODE": "/nowhere"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == "2 4 [b'first', b'second']\n", done.stderr

    def test_instances(self):
        m = load("""
            (module (func (export "f") (result i32) (i32.const 1)) (func (export "exports")) (func (export "_x"))
              (func (export "a b") (result i32) (i32.const 2)))
        """)
        assert list(m) == ["f", "exports", "_x", "a b"]
        assert ("a b" in m, "c" in m, m["a b"]()) == (True, False, 2)
        assert dir(m) == ["exports", "f"]
        assert m.exports["exports"] is m["exports"]
        assert not hasattr(m, "_x")
        with pytest.raises(KeyError):
            m["missing"]
        with pytest.raises(TypeError, match="export names are strings"):
            m[1]
        with pytest.raises(TypeError, match="only globals can be assigned"):
            m["f"] = 1

    def test_attributes_are_cheap(self):
        # A method __getattr__ or __getattribute__ would cost 20 times as much.
        assert not {"__getattr__", "__getattribute__"} & {n for c in wasmpy.Instance.__mro__[:-1] for n in vars(c)}
        assert "f" in load('(module (func (export "f")))').__dict__

    def test_exports_of_imports_and_instances(self, run):
        code = """
            import wasmpy, m
            exports = wasmpy.exports(m)
            print(list(exports), exports["counter"].value, exports["bump"] is m.bump)
            try:
                wasmpy.exports(wasmpy)
            except TypeError as error:
                print(str(error).endswith("is not a WebAssembly module"))
        """
        assert run({"m.wat": GLOBALS}, code) == "['counter', 'limit', 'ratio', 'bump'] 5 True\nTrue\n"
        m = load(GLOBALS)
        assert wasmpy.exports(m) == m.exports
        assert wasmpy.exports(m)["counter"].type == "i32"

    def test_features(self):
        sign_extension = b'(module (func (export "f") (param i32) (result i32) (i32.extend8_s (local.get 0))))'
        wasmpy.Module(sign_extension, features="2.0")
        with pytest.raises(wasmpy.CompileError):
            wasmpy.Module(sign_extension, features="1.0")
        with pytest.raises(ValueError, match="features are"):
            wasmpy.Module(sign_extension, features="4.0")

    def test_restricted_imports(self, run):
        files = {
            "a.wat": '(module (import "os" "getpid" (func (result i32))))',
            "b.wat": '(module (import "helper" "f" (func)))',
            "c.wat": '(module (import "os" "getpid" (func $f (result i32))) (export "f" (func $f)))',
            "helper.py": "def f(): pass",
        }
        code = """
            import wasmpy
            wasmpy.restrict_imports(["helper", "os"])
            wasmpy.restrict_imports("helper")
            wasmpy.bind("c", {"os": {"getpid": lambda: 7}})
            import b, c
            print(c.f())
            try:
                import a
            except ImportError as error:
                print(str(error).splitlines()[1])
        """
        assert run(files, code) == "7\n  unknown import os.getpid: function () -> (i32)\n"


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


def test_type_checkers_know_the_interface(tmp_path):
    """What users write passes mypy --strict, and mistakes do not."""
    pytest.importorskip("mypy")
    (tmp_path / "good.py").write_text("""
from pathlib import Path

import wasmpy

m = wasmpy.load(Path("m.wasm"), {"env": {"log": print}})
result: int = m["f"](1)
m.f(2)
m.counter = 3
memory: wasmpy.Memory = m.memory
data: bytes = memory[0:4] + memory.read(0, 4)
byte: int = memory[0]
memory[0:4] = bytearray(4)
memory.view(0, (2, 2), "d")
memoryview(memory)
with memory.temp(b"text") as (address, size):
    m["f"](address, size)
with memory.temp(16) as block:
    first: int = block[0]
@wasmpy.pass_caller
def log(instance: wasmpy.Instance, address: int) -> None: ...
log(m, 1)
wasmpy.bind("pkg.m", {"env": {"log": log}}, wrap=True, interrupts=False)
again: bytes = wasmpy.Module.deserialize(wasmpy.wat("", wrap=True, features="2.0").serialize()).serialize()
wide = wasmpy.Memory(1, index="i64")
wasmpy.disable(wasmpy.SIMD | wasmpy.BULK_MEMORY)
wasmpy.config.cpu = "baseline"
names: list[str] = [e.name for e in wasmpy.compile(b"").exports if e.kind == "function"]
table = wasmpy.Table("funcref", 1, 2)
table[0] = wasmpy.Func("() -> i32", lambda: 1)
cell = wasmpy.Global("i32", 1, mutable=True)
cell.value += wasmpy.u32(-1)
try:
    wasmpy.wat("(module)").instantiate({"m": {"t": table, "g": cell}})
except wasmpy.CompileError as error:
    print(error.lineno, error.byte_offset)
except wasmpy.Trap as trap:
    print(trap.code, trap.frames[0][1])
""")
    (tmp_path / "bad.py").write_text("import wasmpy\nwasmpy.no_such_name\nwasmpy.Memory('1')\nwasmpy.u32('x')\n")
    package = os.path.dirname(os.path.dirname(wasmpy.__file__))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "c"), "good.py", "bad.py"],
        cwd=tmp_path,
        env={**os.environ, **({} if "site-packages" in package else {"MYPYPATH": package})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "good.py" not in done.stdout, done.stdout
    assert done.stdout.count("bad.py") == 3, done.stdout


def test_every_public_item_is_documented():
    for name in wasmpy.__all__:
        item = getattr(wasmpy, name)
        if name != "__version__":
            assert (getattr(item, "__doc__", "") or "").strip(), name
        if isinstance(item, type):
            for member in (m for c in item.__mro__ if c.__module__.startswith("wasmpy") for m in vars(c)):
                if member.startswith("_") or isinstance(getattr(item, member), (str, int, tuple, type(None))):
                    continue
                assert getattr(item, member).__doc__, f"{name}.{member}"


def test_inspect(tmp_path, cache):
    (tmp_path / "m.wat").write_text(TestModules.TEXT)

    def inspect(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "wasmpy", "inspect", *arguments, "m.wat"],
            cwd=tmp_path,
            env={**os.environ, **environment(cache)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    text = inspect()
    assert "m.wat: " in text
    assert "1 functions of its own" in text
    assert "compiled: not in any cache" in text
    assert "  import env.log  function (i32, f64) -> ()" in text.replace("    ", "  ").replace("   ", "  ")
    subprocess.run(
        [sys.executable, "-m", "wasmpy", "compile", "m.wat"],
        cwd=tmp_path,
        env={**os.environ, **environment(cache)},
        capture_output=True,
        check=True,
    )
    described = json.loads(inspect("--json"))
    assert described["image_bytes"] == os.path.getsize(tmp_path / described["image"])
    assert {"name": "custom 'note'", "bytes": 5} in described["sections"]
    assert described["exports"][0] == {"name": "memory", "kind": "memory", "type": "1 3"}


def test_instances_are_freed():
    m = load(MEMORY)
    module = weakref.ref(m._module)
    del m
    gc.collect()
    assert module() is None


def test_many_instances_of_one_module():
    compiled = wasmpy.compile(MEMORY.encode())
    instances = [compiled.instantiate() for _ in range(100)]
    for i, instance in enumerate(instances):
        instance.poke(0, i)
    assert [instance.peek(0) for instance in instances] == list(range(100))
