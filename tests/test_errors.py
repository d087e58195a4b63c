"""What goes wrong: errors of compilation and linking, traps, exceptions that cross wasm code."""

from __future__ import annotations

import gc
import os
import pickle
import re
import signal
import sys
import traceback

import pytest
import wasmpy
from conftest import load
from samples import MEMORY

pytestmark = pytest.mark.usefixtures("own_cache")


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
            ("funcref", 5, "a function reference must be a WebAssembly function or None"),
            ("funcref", len, "or None; a Python function needs a type: see wasmpy.Func"),
            ("anyref", 1, "only None can be passed as (ref null any)"),
        ):
            with pytest.raises(wasmpy.LinkError) as caught:
                load(f'(module (global (import "m" "g") {wanted}))', {"m": {"g": value}})
            assert str(caught.value).endswith(complaint)

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

    def test_exceptions_of_python_show_wasm_frames(self):
        text = """(module
            (import "env" "call" (func $call))
            (func $inner (call $call))
            (func $outer (export "run") (call $inner))
            (func (export "spin") (loop $l (br $l))))
        """

        class OwnError(BaseException):
            pass

        def fail():
            try:
                {}["key"]
            except KeyError:
                raise OwnError from None

        deep = load(text, {"env": {"call": fail}})

        def again():
            deep.run()

        m = load(text, {"env": {"call": again}})
        handled = ValueError()
        try:
            raise handled
        except ValueError:
            with pytest.raises(OwnError) as caught:
                m.run()
        assert isinstance(caught.value.__context__, KeyError)
        assert caught.value.__context__.__context__ is handled
        names = [entry.name for entry in caught.traceback]
        assert names[1:] == ["outer", "inner", "again", "outer", "inner", "fail"]
        assert [entry.lineno + 1 for entry in caught.traceback][1:3] == [4, 3]
        assert "    (func $inner (call $call))\n" in "".join(traceback.format_tb(caught.value.__traceback__))
        # Failures before any Python code runs: the wrong number of arguments.
        with pytest.raises(TypeError) as caught:
            load(text, {"env": {"call": lambda x: x}}).run()
        assert [entry.name for entry in caught.traceback][1:] == ["outer", "inner"]
        gc.collect()
        count = sys.getrefcount(fail)
        for _ in range(1000):
            with pytest.raises(OwnError):
                deep.run()
        gc.collect()
        assert sys.getrefcount(fail) == count

    def test_exceptions_of_every_python(self, run):
        text = '(module (import "env" "call" (func $call)) (func $run (export "run") (call $call)))'
        code = """
            import sys, wasmpy, traceback
            class Lazy(Exception):  # made when it is looked at: up to 3.11, raising does not
                def __init__(self):
                    raise ValueError
            def fail():
                try:
                    1 / 0
                except ZeroDivisionError:
                    raise Lazy
            sys.modules["env"] = env = type(sys)("env")
            env.call = fail
            wasmpy.bind("m", {"env": env})
            import m
            try:
                try:
                    {}["key"]
                except KeyError:
                    m.run()
            except ValueError as error:
                print(*(frame.name for frame in traceback.extract_tb(error.__traceback__)))
                print(repr(error.__context__), repr(error.__context__.__context__))
        """
        expected = "<module> run fail __init__\nZeroDivisionError('division by zero') KeyError('key')\n"
        assert run({"m.wat": text}, code) == expected

    def test_interrupts_show_where_it_was(self):
        def ring(number, frame):
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, ring)
        try:
            m = load('(module (func $spin (export "spin") (loop $l (br $l))))')
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt) as caught:
                m.spin()
        finally:
            signal.signal(signal.SIGALRM, before)
        assert [entry.name for entry in caught.traceback][-2:] == ["spin", "ring"]

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
        place = re.search(r'b.wasm", line (\d+), in inner \(wasm-function\[0\]:0x([0-9a-f]+)\)', out)
        assert place is not None, out
        assert int(place[1]) == int(place[2], 16)
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
            "CompileError False False False",
            "LinkError False False False",
            "Trap False False False",
        ]
