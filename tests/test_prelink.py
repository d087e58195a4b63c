"""A module that cannot be linked is not compiled, says the same as if it were, and no import is resolved twice."""

from __future__ import annotations

import random
import sys
import textwrap
from functools import partial

import pytest
import wasmpy
from conftest import run_python
from wasmpy import _compiler, _prelink

TEXT = """
(module
  (type $s (struct (field i32)))
  (rec (type $a (func (param (ref null $b)))) (type $b (array (mut (ref null $a)))))
  (import "m" "function" (func (param i32 f64) (result i64)))
  (import "m" "grouped" (func (type $a)))
  (import "m" "number" (global i32))
  (import "m" "variable" (global (mut f32)))
  (import "m" "reference" (global (ref null $s)))
  (import "m" "memory" (memory 1 2))
  (import "m" "large" (memory i64 1))
  (import "m" "table" (table 2 4 funcref))
  (import "m" "references" (table 1 externref))
  (import "n" "missing" (func))
  (func (export "f") (result i32) (i32.const {})))
"""


@pytest.fixture
def asked(monkeypatch, own_cache):
    """What the compiler is asked for, in order."""
    requests = []
    request = _compiler.request

    def counted(header, *arguments):
        requests.append(header["do"])
        return request(header, *arguments)

    monkeypatch.setattr(_compiler, "request", counted)
    return requests


def fitting():
    return {
        "function": lambda *_: 0,
        "grouped": print,
        "number": 3,
        "variable": wasmpy.Global("f32", 1.0, mutable=True),
        "reference": None,
        "memory": wasmpy.Memory(1, 2),
        "large": wasmpy.Memory(1),
        "table": wasmpy.Table("funcref", 2, 4),
        "references": wasmpy.Table("externref", 1),
    }


def complaint(make):
    try:
        make()
    except wasmpy.LinkError as error:
        return str(error)
    return "none"


def test_it_says_the_same(asked):
    """Whatever is missing or does not fit."""
    binary = wasmpy.wat2wasm(TEXT.format(random.randrange(1 << 30)))
    chance = random.Random(5)
    values = [3, 2**40, 1.5, None, "text", print, sys, *fitting().values(), wasmpy.Global("i32", 3)]
    spaces = [{}, fitting()]
    for _ in range(60):
        space = fitting()
        for name in chance.sample(sorted(space), chance.randrange(1, 6)):
            if chance.random() < 0.3:
                del space[name]
            else:
                space[name] = chance.choice(values)
        spaces.append(space)
    given = [{"m": space, "n": {"missing": print}} if i % 3 == 2 else {"m": space} for i, space in enumerate(spaces)]
    asked.clear()
    early = [complaint(partial(wasmpy.load, binary, imports)) for imports in given]
    assert "compile" not in asked
    module = wasmpy.Module(binary)
    late = [complaint(partial(module.instantiate, imports)) for imports in given]
    assert early == late
    assert len(set(early)) > 40


@pytest.mark.parametrize("is_text", [True, False])
def test_nothing_is_compiled(asked, is_text):
    text = f'(module (import "a" "f" (func (param i32))) (func (export "{is_text} {random.random()}")))'.encode()
    source = text if is_text else wasmpy.wat2wasm(text.decode())
    asked.clear()
    with pytest.raises(wasmpy.LinkError, match=r"a\.f: function \(i32\) -> \(\)"):
        wasmpy.load(source)
    assert "compile" not in asked
    asked.clear()
    wasmpy.load(source, {"a": {"f": print}})
    assert asked == ["assemble", "describe", "compile"][not is_text :]
    asked.clear()
    wasmpy.load(source, {"a": {"f": print}})
    with pytest.raises(wasmpy.LinkError):
        wasmpy.load(source)
    assert asked == []


def test_what_is_not_valid_is_a_compile_error(asked):
    """With imports that are missing, or not."""
    valid = wasmpy.wat2wasm('(module (import "a" "f" (func)) (func (result i32) (i32.const 7)))')
    assert valid.endswith(b"\x41\x07\x0b")
    invalid = valid[:-3] + b"\x42\x07\x0b"
    for imports in ({}, {"a": {"f": print}}):
        with pytest.raises(wasmpy.CompileError, match="type mismatch"):
            wasmpy.load(invalid, imports)
        with pytest.raises(wasmpy.CompileError):
            wasmpy.load(b'(module (import "a" "f" (func)) (func (result i32)))', imports)
    invalid = 0
    for end in range(1, len(valid)):
        early, late = (failure(make, valid[:end]) for make in (wasmpy.load, wasmpy.Module))
        assert early == late or isinstance(early, wasmpy.LinkError)
        invalid += isinstance(early, str)
    assert invalid > 20


def failure(make, source):
    """The text of the CompileError, or the LinkError."""
    try:
        make(source)
    except wasmpy.LinkError as error:
        return error
    except wasmpy.CompileError as error:
        return str(error)
    return None


def test_features_count(asked):
    source = wasmpy.wat2wasm('(module (import "a" "f" (func (param externref))))')
    with pytest.raises((wasmpy.CompileError, wasmpy.UnsupportedError)) as early:
        wasmpy.load(source, features="1.0")
    with pytest.raises(type(early.value)) as late:
        wasmpy.Module(source, features="1.0")
    assert str(early.value) == str(late.value)


def test_imports_that_are_cut_out():
    binary = wasmpy.wat2wasm('(module (import "a" "f" (func (param i32))) (memory 1) (func (export "g")))')
    head = _prelink.imports_of(binary)
    assert head == binary[: len(head)]
    assert wasmpy.Module(head).imports == wasmpy.Module(binary).imports
    custom = b"\0\x03\x01xy"
    assert _prelink.imports_of(binary[:8] + custom + binary[8:]) == head
    assert _prelink.imports_of(wasmpy.wat2wasm("(module (memory 1))")) == b""
    chance = random.Random(1)
    for _ in range(3000):
        damaged = bytearray(binary[: chance.randrange(4, len(binary))])
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert len(_prelink.imports_of(bytes(damaged))) <= len(damaged)


def test_no_import_is_resolved_twice(asked):
    """Not by load, whose mappings may do something at each look-up; nor where the image needs bounds checks."""
    seen = []

    class Counted(dict):
        def __getitem__(self, name):
            seen.append(name)
            return super().__getitem__(name)

    text = f'(module (import "a" "f" (func)) (import "a" "g" (global i32)) (export "{random.random()}" (func 0)))'
    wasmpy.load(text.encode(), Counted(a=Counted(f=print, g=3)))
    assert seen == ["a", "f", "a", "g"]


FILES = {
    "m.wat": """
        (module
          (import "host" "f" (func $f (result i32)))
          (memory (export "memory") 1)
          (global (export "g") (mut i32) (i32.const 4))
          (func (export "call") (result i32) (call $f)))
    """,
    "host.py": """
        import sys, wasmpy
        print("host", "m" in sys.modules)
        import m
        half = m
        @wasmpy.pass_caller
        def f(instance):
            if "reloaded" not in globals():
                assert instance is m is half is sys.modules["m"] is m.call.__self__
            return instance.g + len(dir(instance))
    """,
    "lacking.wat": '(module (import "lib" "f" (func)) (import "later" "f" (func)) (func (export "f")))',
    "lib.py": "def f(): pass",
    "later.py": "print('later')\ndef f(): pass",
    "package/__init__.py": "",
    "package/lacking.wat": '(module (import ".lib" "f" (func)) (import "nowhere.at.all" "f" (func)))',
    "package/lib.py": "",
}
USE = """
    import importlib, sys, wasmpy
    sys.path.insert(0, "")
    from wasmpy import _compiler
    request = _compiler.request
    def counted(header, *arguments):
        print(header["do"])
        return request(header, *arguments)
    _compiler.request = counted
"""


@pytest.fixture
def python(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(content))

    def run(code):
        return run_python(textwrap.dedent(USE) + textwrap.dedent(code), tmp_path, tmp_path / "cache").stdout

    return run


def test_a_circle_with_python(python):
    """Half of the module is there while its imports are resolved, compiled or not; each is imported once."""
    code = """
        import m
        m.g = 30
        print(m.call() > 30, m["g"], m.memory[0], m.__file__.endswith("m.wat"), m.__spec__.origin == m.__file__)
        print(repr(wasmpy.exports(m)["call"]), wasmpy.module(m).exports[0].name, isinstance(m.call, wasmpy.Func))
        print(type(m).__mro__[-4].__name__, sys.modules["m"] is m, [name for name in dir(m) if name[0] != "_"])
        sys.modules["host"].reloaded = True
        print(importlib.reload(m) is m, m.g, m.call() > 4)
    """
    first = python(code).splitlines()
    second = python(code).splitlines()
    assert [line for line in first if line not in ("assemble", "describe", "compile")] == second
    assert first[:4] == ["assemble", "describe", "compile", "host True"]
    assert second[0] == "host True"


@pytest.mark.parametrize(
    ("setting", "is_compiled", "problems"),
    [
        ("", True, []),
        ("import lib", True, []),
        ("import lib; del lib.f", False, ["unknown import lib.f: function () -> ()"]),
        (
            "import lib; lib.f = 3",
            False,
            ["incompatible import type for lib.f: function () -> (): int is not callable"],
        ),
        ("wasmpy.bind('lacking', {'lib': {}})", False, ["unknown import lib.f: function () -> ()"]),
        ("os.unlink('lib.py')", False, ["unknown import lib.f: function () -> ()"]),
        # What is plain only when the Python module has been executed.
        ("open('later.py', 'a').write('\\ndel f')", True, ["unknown import later.f: function () -> ()"]),
        ("wasmpy.restrict_imports(['lib'])", False, ["unknown import later.f: function () -> ()"]),
    ],
)
def test_the_import_statement_compiles_nothing_in_vain(python, setting, is_compiled, problems):
    code = f"""
        import os
        {setting}
        try:
            import lacking
        except wasmpy.LinkError as error:
            print(*(line.strip() for line in str(error).splitlines() if " import " in line and "given" not in line))
        print("lacking" in sys.modules)
    """
    printed = [line for line in python(code).splitlines() if line not in ("assemble", "describe", "later")]
    assert printed == ["compile"] * is_compiled + problems + [str(not problems)]


def test_in_a_package(python):
    code = """
        try:
            import package.lacking
        except wasmpy.LinkError as error:
            print(error)
    """
    printed = python(code).splitlines()
    assert printed[:5] == [
        "assemble",
        "describe",
        "cannot link package.lacking:",
        "  unknown import .lib.f: function () -> ()",
        "  unknown import nowhere.at.all.f: function () -> ()",
    ]


def test_what_bind_gives_is_looked_up_once(python):
    code = """
        class Counted(dict):
            def __getitem__(self, name):
                print("get", name)
                return dict.__getitem__(self, name)
        wasmpy.bind("m", Counted(host=Counted(f=lambda: 1)))
        import m
    """
    assert python(code).splitlines() == ["assemble", "describe", "get host", "get f", "compile"]
    assert python(code).splitlines() == ["get host", "get f"]


def test_images_in_memory_are_linked_once(python):
    code = """
        wasmpy.config.no_cache = True
        import m
        again = importlib.reload(m)
        wasmpy.load("m.wat", {"host": {"f": lambda: 1}})
        wasmpy.load("m.wat", {"host": {"f": lambda: 1}})
    """
    printed = [line for line in python(code).splitlines() if line in ("describe", "compile")]
    assert printed == ["describe", "compile"] * 2, "one of the import statement, one of load"


def test_importlib_by_hand(python):
    code = """
        from importlib.util import LazyLoader, module_from_spec, find_spec
        sys.modules["host"] = type(sys)("host")
        sys.modules["host"].f = lambda: 7
        spec = find_spec("m")
        made = module_from_spec(spec)
        print(type(made).__name__)
        spec.loader.exec_module(made)
        print(made.call(), "m" in sys.modules)
    """
    assert python(code).splitlines() == ["assemble", "describe", "compile", "WasmModule", "7 False"]
    assert python(code).splitlines() == ["WasmModule", "7 False"]
