"""Memory, Table and Global: what they are to Python."""

from __future__ import annotations

import gc
import struct

import pytest
import wasmpy
from conftest import load
from samples import GLOBALS, MEMORY

pytestmark = pytest.mark.usefixtures("own_cache")


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
            (lambda: memory.read(-(2**31) - 1, 1), "-2147483649 is not an address of 32 bits"),
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
        for form in ("", "II", ">i", "x"):
            for count in (0, 1):
                with pytest.raises(ValueError, match="a view cannot have the format"):
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
            with pytest.raises(LookupError, match=r"malloc and free|made in Python"):
                memory.temp(b"a")
            freed = []
            with memory.temp(b"abc", allocate=lambda size: 100 + size, free=freed.append) as (address, _):
                assert memory.read(103, 3) == b"abc"
            assert freed == [address] == [103]


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
        with pytest.raises(ValueError, match="a global cannot have the type 'int'"):
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
        with pytest.raises(wasmpy.LinkError, match="memory 0 too large: 65537 pages, the limit is 65536"):
            load("(module (memory i64 65537))")
