"""Module, Instance, Memory, Table, Global, Func; linking between instances; errors."""

from __future__ import annotations

import gc
import weakref

import pytest
import wasmpy


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
