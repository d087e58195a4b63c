"""What names cannot do, inside modules and of their files: become code, or break what shows them."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
import wasmpy
from samples import ADD

# --- names inside modules --------------------------------------------------------------------------------------

HOSTILE_NAMES = [
    "",
    " ",
    "\0",
    "a\0b",
    "\n",
    "a\r\n\tb",
    '"',
    "'",
    "\\",
    '\\"',
    '")]}, __import__("os").abort(), [("',
    "\\N{BULLET}",
    "\\x41",
    "{}",
    "{0}",
    "%s",
    "${x}",
    "__class__",
    "__dict__",
    "__wasm__",
    "__getattr__",
    "__del__",
    "__init_subclass__",
    "__import__",
    "_module",
    "exports",
    "mro",
    "self",
    "None",
    "class",
    "a.b",
    "../../x",
    "-e",
    "--eval",
    "x(a=print(1))\n--\n\n",
    "é",
    "\u0065\u0301",
    "\u2028",
    "\ufeff",
    "\uffff",
    "\U0001f600",
    "\U0010ffff",
    "\u202ex",
    "PyInit_wasm",
    "PyModExport_wasm",
    "PyErr_Occurred",
    "malloc",
    "import malloc",
    "wasmpy_raise",
    "wasmpy_pc_table",
    "func[1]",
    "func[2][2]",
    "x" * 5000,
]


def text_string(name: str) -> str:
    """The name as a string of the text format."""
    return '"' + "".join(f"\\{byte:02x}" for byte in name.encode()) + '"'


def test_hostile_names_of_exports():
    rows = "".join(
        f"(func (export {text_string(name)}) (result i32) (i32.const {i}))" for i, name in enumerate(HOSTILE_NAMES)
    )
    m = wasmpy.load(f"(module {rows})".encode())
    assert list(m) == HOSTILE_NAMES
    assert [m[name]() for name in HOSTILE_NAMES] == list(range(len(HOSTILE_NAMES)))
    assert type(m) is wasmpy.Instance
    assert m.__class__ is wasmpy.Instance
    assert isinstance(m.__dict__, dict)


def test_hostile_names_of_globals():
    """Globals make a class of attributes."""
    rows = "".join(
        f"(global (export {text_string(name)}) (mut i32) (i32.const {i}))" for i, name in enumerate(HOSTILE_NAMES)
    )
    m = wasmpy.load(f"(module {rows})".encode())
    assert [m[name] for name in HOSTILE_NAMES] == list(range(len(HOSTILE_NAMES)))
    assert isinstance(m, wasmpy.Instance)
    m.mro = 7
    assert m["mro"] == m.mro == 7
    assert len(m.exports) == len(HOSTILE_NAMES)


def test_hostile_names_of_imports():
    names = HOSTILE_NAMES
    rows = "".join(
        f'(func (export "{i}") (import {text_string(name)} {text_string(names[-1 - i])}) (result i32))'
        for i, name in enumerate(names)
    )
    module = wasmpy.wat(f"(module {rows})")
    assert [(i.module, i.name) for i in module.imports] == list(zip(names, reversed(names), strict=True))
    m = module.instantiate({name: {names[-1 - i]: lambda i=i: i} for i, name in enumerate(names)})
    assert [m[str(i)]() for i in range(len(names))] == list(range(len(names)))
    with pytest.raises(wasmpy.LinkError, match="unknown import") as caught:
        module.instantiate()
    assert str(caught.value).count("unknown import") == len(names)
    assert repr(module)


def leb(n: int) -> bytes:
    return bytes([n & 0x7F | (0x80 if n > 0x7F else 0)]) + (leb(n >> 7) if n > 0x7F else b"")


def vector(*rows: bytes) -> bytes:
    return leb(len(rows)) + b"".join(rows)


def sized(content: bytes) -> bytes:
    return leb(len(content)) + content


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + sized(content)


def with_names(names: dict[int, bytes], locals_of_0: list[bytes] = (), *, count: int | None = None) -> bytes:
    """A binary whose function i takes and gives an i32 (function 1: nothing and an i64) and has this name; "0" … are
    the exports, which give their number."""
    count = len(names) if count is None else count
    types = vector(b"\x60\x01\x7f\x01\x7f", b"\x60\x00\x01\x7e")
    bodies = [sized(b"\0" + (b"\x42" if i == 1 else b"\x41") + leb(i) + b"\x0b") for i in range(count)]
    exports = [sized(str(i).encode()) + b"\0" + leb(i) for i in range(count)]
    function_names = vector(*(leb(i) + sized(name) for i, name in names.items()))
    local_names = vector(leb(0) + vector(*(leb(i) + sized(name) for i, name in enumerate(locals_of_0))))
    return b"\0asm\1\0\0\0" + b"".join(
        [
            section(1, types),
            section(3, vector(*(b"\1" if i == 1 else b"\0" for i in range(count)))),
            section(7, vector(*exports)),
            section(10, vector(*bodies)),
            section(0, sized(b"name") + section(1, function_names) + section(2, local_names)),
        ]
    )


@pytest.mark.parametrize(
    "names",
    [
        [name.encode() for name in HOSTILE_NAMES],
        [b"same"] * 5,
        [b"func[1]", b"", b"func[3]", b"", b"func[1][1]", b"func[1]"],
        [b"a[3]", b"a", b"a[3][3]", b"a", b"a[3]"],
        [b"wasmpy_raise[1]", b"wasmpy_raise", b"wasmpy_raise"],
        [b"\0", b"\xef\xbf\xbd", b"\0"],
    ],
    ids=["hostile", "same", "like unnamed", "like made unique", "like helpers", "nul"],
)
def test_hostile_names_of_functions(names):
    """Two functions never share code, whatever the name section says: their types may differ."""
    m = wasmpy.load(with_names(dict(enumerate(names))))
    for i in range(len(names)):
        assert (m[str(i)]() if i == 1 else m[str(i)](0)) == i


def test_names_that_are_no_names():
    """A name section that is broken is no name section."""
    for names in ({0: b"\xff", 1: b"", 2: b""}, {2**32 - 1: b"x", 0: b"y", 1: b""}):
        m = wasmpy.load(with_names(names, count=3))
        assert (m["0"](0), m["1"](), m["2"](0)) == (0, 1, 2)


def test_signatures_hold_no_code():
    """inspect evaluates what stands behind an equals sign in them."""
    import inspect

    for name in ("a=print(1)", "a, b", "a: int", "$module", "self=os.abort()", "module", "None", "a\n--\n\n", ""):
        m = wasmpy.load(with_names({0: b"f"}, [name.encode()]))
        assert str(inspect.signature(m["0"])) == "(p0, /)"
    assert str(inspect.signature(wasmpy.load(with_names({0: b"f"}, [b"good"]))["0"])) == "(good, /)"


def test_names_in_tools(tmp_path):
    """Debuggers and profilers read the symbols: those of functions are local, all others are ours."""
    from elftools.elf.elffile import ELFFile
    from wasmpy import _cache

    module = wasmpy.compile(with_names(dict(enumerate(name.encode() for name in HOSTILE_NAMES))))
    with open(_cache.locate(module._build), "rb") as file:
        elf = ELFFile(file)
        symbols = list(elf.get_section_by_name(".symtab").iter_symbols())
        exported = {s.name for s in elf.get_section_by_name(".dynsym").iter_symbols() if s["st_shndx"] != "SHN_UNDEF"}
    assert exported == {"PyInit_wasm", "PyModExport_wasm"}
    functions = {s.name for s in symbols if not s.name.startswith(("wasmpy_", "Py"))}
    assert "malloc" in functions
    plain = wasmpy.compile(with_names({0: b"a", 1: b"b"}))
    with open(_cache.locate(plain._build), "rb") as file:
        symbols = list(ELFFile(file).get_section_by_name(".symtab").iter_symbols())
    assert {s.name for s in symbols if not s.name.startswith(("wasmpy_", "Py"))} <= {"", "a", "b"}
    for tool in (["nm", "-a"], ["objdump", "-d"], ["gdb", "-batch", "-ex", "info functions"]):
        if shutil.which(tool[0]):
            image = _cache.locate(module._build)
            done = subprocess.run([*tool, image], capture_output=True, check=False, timeout=60, cwd=tmp_path)
            assert done.returncode == 0, (done.stdout, done.stderr)
    assert os.listdir(tmp_path) == []


# --- names and paths of modules --------------------------------------------------------------------------------

LEAVES = [
    "-e",
    "--eval",
    "--require=x",
    "a b",
    "a\nb",
    "'",
    '"',
    "$(touch planted)",
    "`touch planted`",
    ";touch planted",
    "..m",
    "{}",
    "%s",
    "\x1b[2J",
    "é",
    "\u202em",
    "\U0001f600",
    "\udcff",
    "x" * 200,
    "x" * 251,
    "é" * 120,
]


@pytest.mark.parametrize("is_cached", [True, False])
def test_hostile_module_names(tmp_path, python, is_cached):
    """Each is imported (twice: compiled, and from the cache) or refused with an ImportError."""
    code = f"""
        import importlib, os, sys
        sys.path.insert(0, "tree")
        import wasmpy
        os.mkdir("tree")
        for leaf in {LEAVES!r}:
            if not leaf.startswith("."):
                with open(os.path.join(b"tree", os.fsencode(leaf) + b".wat"), "w") as file:
                    file.write({ADD!r})
        importlib.invalidate_caches()
        for leaf in {LEAVES!r}:
            for _ in range(2):
                try:
                    m = importlib.import_module(leaf)
                except ImportError as error:
                    print(ascii(leaf), type(error).__name__, error)
                except TypeError as error:  # A relative import.
                    assert leaf.startswith("."), error
                else:
                    assert m.add(5, 3) == 8 and m.__name__ == leaf == sys.modules.pop(leaf).__name__
                    assert m.__file__.endswith(leaf + ".wat")
        print(*sorted(map(ascii, os.listdir("tree/__pycache__") if os.path.exists("tree/__pycache__") else [])))
    """
    (*refused, cached) = python(code, WASMPY_NO_CACHE=None if is_cached else "1").split("\n")[:-1]
    assert refused == ["'\\udcff' UnsupportedError no extension module can have the name '\\udcff'"] * 2
    assert cached.count(".so") == (len(LEAVES) - 2 if is_cached else 0)
    assert not list(tmp_path.rglob("planted"))


@pytest.mark.parametrize("leaf", ["../../m", "/tmp/m", "a/b", "a\0b", "", ".", ".."])
def test_names_by_hand(tmp_path, python, leaf):
    """Who makes specs by hand can give names that no file has. They never lead out of the directory."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "m.wat").write_text(ADD)
    code = f"""
        import wasmpy, os
        from importlib.util import spec_from_file_location, module_from_spec
        from wasmpy._hook import WasmLoader
        path = os.path.abspath("tree/m.wat")
        try:
            spec = spec_from_file_location({leaf!r}, path, loader=WasmLoader({leaf!r}, path))
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            assert module.add(5, 3) == 8
        except ImportError as error:
            assert "name" in str(error), error
    """
    python(code)
    outside = [
        path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name not in ("__pycache__", "cache")
    ]
    assert outside == [tmp_path / "tree" / "m.wat"]
    assert all(path.parent == tmp_path / "tree" / "__pycache__" for path in tmp_path.rglob("*.so"))


@pytest.mark.parametrize("path", ["-e.wat", "--eval=1.wat", "a\nb.wat", "\udcff.wat", "$(touch planted).wat"])
def test_hostile_paths_of_files(tmp_path, python, path):
    code = f"""
        import os, subprocess, sys, wasmpy
        path = {path!r}
        with open(path, "w") as file:
            file.write({ADD!r})
        assert wasmpy.load(path).add(5, 3) == 8
        assert wasmpy.validate(path)
        if path.isprintable():
            subprocess.run([sys.executable, "-m", "wasmpy", "inspect", "--", path], check=True, stdout=-1)
        with open(path, "w") as file:
            file.write("(module (func (result i32)))")
        try:
            wasmpy.load(path)
        except wasmpy.CompileError as error:
            assert error.filename == path
        else:
            raise AssertionError
        os.unlink(path)
        print([name for name in os.listdir() if name != "cache"])
    """
    assert python(code).endswith("[]\n")


def test_a_notice_shows_no_control_characters(monkeypatch, capsys):
    import sys

    from wasmpy import _progress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    notice = _progress.Notice("a\x1b]0;title\x07\n\udcff.wat")
    notice.give()
    notice.end()
    assert capsys.readouterr().err == "wasmpy: compiling a\\x1b]0;title\\x07\\n\\udcff.wat ...\n"
