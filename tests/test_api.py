"""Modules and instances; documentation, types and what is freed."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import weakref

import pytest
import wasmpy
from conftest import NO_COMPILER, environment, load
from samples import GLOBALS, MEMORY

pytestmark = pytest.mark.usefixtures("own_cache")


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

    def test_no_compiler_is_opened_for_what_is_cached(self, cache, tmp_path):
        path = tmp_path / "m.wasm"
        path.write_bytes(wasmpy.wat2wasm(self.TEXT))
        wasmpy.compile(path)
        code = NO_COMPILER + (
            "import sys, wasmpy; module = wasmpy.compile(sys.argv[1]);"
            "print(len(module.imports), len(module.exports), module.custom_sections('note')); repr(module)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={**os.environ, **environment(cache)},
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
                if member.startswith("_") or not hasattr(item, member):  # Names of other packages are not there.
                    continue
                if isinstance(getattr(item, member), (str, int, tuple, type(None))):
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
    assert "1 function of its own" in text
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
