"""What people try who know other packages, or guess: errors say what to do instead. And what instances and modules
tell of themselves."""

from __future__ import annotations

import inspect
import pickle
import pydoc

import pytest
import wasmpy
from conftest import load
from wasmpy import _foreign, _objects

pytestmark = pytest.mark.usefixtures("own_cache")

TEXT = """(module (memory (export "memory") 1) (table (export "table") 2 funcref)
  (func (export "exports") (result i32) (i32.const 7)) (func (export "close") (result i32) (i32.const 8))
  (func (export "add") (param $a i32) (param $b i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (global (export "n") (mut i32) (i32.const 1)) (func (export "no name") (param i32))
  (func $bad (export "bad") unreachable))"""


def owners():
    m = load(TEXT)
    with pytest.raises(wasmpy.Trap) as caught:
        m.bad()
    module = wasmpy.compile(b"(module)")
    return {
        "wasmpy": [wasmpy],
        "Module": [module, wasmpy.Module],
        "Memory": [m.memory, wasmpy.Memory, wasmpy.Memory(1, index="i64")],
        "Table": [m.table, wasmpy.Table],
        "Global": [m.exports["n"], wasmpy.Global],
        "Frame": [caught.value.frames[0]],
    }


def test_names_of_other_packages():
    for owner, things in owners().items():
        for name, advice in _foreign._ADVICE[owner].items():
            for thing in things:
                with pytest.raises(AttributeError) as caught:
                    getattr(thing, name)
                assert str(caught.value).endswith(f"has no attribute {name!r}: {advice}")
                assert (caught.value.name, caught.value.obj) == (name, thing)
                assert not hasattr(thing, name)
                assert name not in dir(thing) or isinstance(thing, type)
        for thing in things:
            with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
                _ = thing.nothing
    for kind, names in _objects._ABSENT.items():
        assert names.split() == list(_foreign._ADVICE[kind])


def test_advice_is_right():
    """What it names is there."""
    m, wanted = load(TEXT), {"function", "offset", "module"}
    frame = owners()["Frame"][0]
    assert wanted <= set(dir(frame))
    assert (frame.module, frame.function, frame.offset) == tuple(frame) == frame
    assert frame.function == "bad"
    assert len(m.memory) == 65536 * m.memory.pages
    assert pickle.loads(pickle.dumps(frame)) == frame
    help_text = pydoc.render_doc(wasmpy.Memory)
    assert "read_str" in help_text
    assert dict(inspect.getmembers(m.memory))["pages"] == 1


CONTENT = (
    r"^a module is a path \(str, os\.PathLike\) or content \(bytes or anything with the buffer protocol\), not {}$"
)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: wasmpy.Module("(module (func))"), FileNotFoundError, r"for text there is wasmpy\.wat\(text\)"),
        (lambda: wasmpy.load("\n ;; text\n(module" + " " * 9999 + ")"), FileNotFoundError, r"wasmpy\.wat"),
        (lambda: wasmpy.load("(module \0)"), FileNotFoundError, r"wasmpy\.wat"),
        (lambda: wasmpy.load("none.wasm"), FileNotFoundError, "No such file"),
        (lambda: wasmpy.load(3), TypeError, CONTENT.format("int")),
        (lambda: wasmpy.load(None), TypeError, CONTENT.format("NoneType")),
        (lambda: wasmpy.load(b"(module)", [print]), TypeError, r"^imports are a mapping .*, not list$"),
        (
            lambda: load('(module (import "env" "log" (func)))', [print]),
            TypeError,
            r"^imports are a mapping \{module: \{name: value\}\}, not list, here \{'env': \{'log': …\}\}$",
        ),
        (lambda: load('(module (import "env" "log" (func)))', print), TypeError, "not builtin_function_or_method"),
        (lambda: wasmpy.Instance(b"(module)"), TypeError, r"is a wasmpy\.Module, not bytes; wasmpy\.load"),
        (lambda: wasmpy.Instance(None, {}), TypeError, r"is a wasmpy\.Module, not NoneType$"),
        (lambda: wasmpy.Module.deserialize("path"), TypeError, r"not str; of a file: open\(path, 'rb'\)\.read\(\)$"),
        (lambda: wasmpy.Module.deserialize(None), TypeError, r"takes the bytes that serialize gave, not NoneType$"),
    ],
)
def test_wrong_arguments(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_python_functions_where_functions_of_webassembly_are_wanted():
    table = wasmpy.Table("funcref", 2)
    cell = wasmpy.Global("funcref", None, mutable=True)
    advice = "; a Python function needs a type: see wasmpy.Func"
    for assign in (
        lambda: table.__setitem__(1, abs),
        lambda: table.grow(1, abs),
        lambda: setattr(cell, "value", abs),
        lambda: load('(module (global (import "m" "g") funcref))', {"m": {"g": abs}}),
    ):
        with pytest.raises((TypeError, wasmpy.LinkError)) as caught:
            assign()
        assert str(caught.value).endswith(f"a function reference must be a WebAssembly function or None{advice}")
    with pytest.raises(TypeError, match=r"^table element 1: .* or None$"):
        table[1] = 5


def test_exports_whose_names_are_taken():
    m = load(TEXT)
    assert (m["exports"](), m["close"](), m.exports["exports"](), wasmpy.exports(m)["close"]()) == (7, 8, 7, 8)
    assert m.exports["add"] is m.add
    for name in ("exports", "close"):
        assert name in m
        assert name in (wasmpy.Instance.__doc__ or "")


def test_what_they_tell_of_themselves(tmp_path):
    m = load(TEXT)
    assert repr(m).endswith(": 8 exports>")
    shown = pydoc.render_doc(m, renderer=pydoc.plaintext)
    for line in ("add(a, b)  (func (param i32 i32) (result i32))", "memory  memory", "n  global", "no name(p0)"):
        assert f"      {line}" in shown
    assert wasmpy.Instance.__doc__.startswith("An instance of a module.")
    plain = load('(module (func (export "f")))')
    assert repr(plain).endswith(": 1 export>")
    assert "  f()  (func)" in plain.__doc__
    path = tmp_path / "m.wat"
    path.write_text(TEXT)
    assert repr(wasmpy.compile(path)).splitlines()[0] == f"<wasmpy.Module {path}: 0 imports, 8 exports>"
    assert repr(wasmpy.load(path)) == f"<wasmpy.Instance of {path}: 8 exports>"
    plain.close()
    assert plain.__doc__ == wasmpy.Instance.__doc__ or "closed" in plain.__doc__
