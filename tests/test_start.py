"""What a cached start costs: no process, few modules of the standard library."""

from __future__ import annotations

import ast
import graphlib
import sys
import zipfile
from pathlib import Path

import platformdirs
import pytest
import wasmpy
from conftest import run_python

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'

# What `import wasmpy` and a cached import may load beyond what the interpreter starts with, in milliseconds of every
# start. Add one only with a measurement (bench/run.py starts).
ALLOWED = {
    "__future__": 0.2,
    "_blake2": 0.2,
    "_bisect": 0.1,
    "copyreg": 0.1,
    "itertools": 0.1,
    "_operator": 0.1,
    "faulthandler": 0.1,
    "resource": 0.2,
}
# And where it is needed to get at the source, or at the home.
ALLOWED_FOR = {
    "zip": {"zipimport", "zlib", "_frozen_importlib_external", "struct", "_struct", "time"},
    "nobody": {"pwd"},
}

WAYS = ["pycache", "site-packages", "dont_write", "zip", "load", "xdg", "cache_dir", "nobody"]

CODE = """
    import os, sys  # site has loaded os in every usual start
    sys.path.insert(0, {place!r})
    sys.dont_write_bytecode = {dont_write}
    before = set(sys.modules)
    def refuse(*arguments):
        raise AssertionError("a process was started")
    events = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.system")
    if {is_second}:
        os.fork = os.posix_spawn = refuse
        sys.addaudithook(lambda event, arguments: refuse() if event in events else None)
    import wasmpy
    if {is_loaded}:
        m = wasmpy.load({file!r})
    else:
        import m
    assert m.add(1, 2) == 3
    needless = {{"wasmpy._foreign", "wasmpy._compiler", "wasmpy._store", "wasmpy._descriptors"}} & set(sys.modules)
    assert not needless or not {is_second}, needless
    print(*sorted(name for name in set(sys.modules) - before if name != "m" and not name.startswith("wasmpy")))
"""


@pytest.mark.parametrize("way", WAYS)
def test_cached_start(tmp_path, way):
    folder = tmp_path / ("site-packages" if way == "site-packages" else "tree")
    folder.mkdir()
    file = folder / "m.wat"
    file.write_text(ADD)
    if way == "zip":
        with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
            archive.write(file, "m.wat")
        folder = tmp_path / "archive.zip"
    (tmp_path / "home").mkdir(mode=0o700)
    variables = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": None, "WASMPY_CACHE_DIR": None}
    variables |= {
        "xdg": {"XDG_CACHE_HOME": str(tmp_path / "xdg")},
        "cache_dir": {"WASMPY_CACHE_DIR": str(tmp_path / "cache")},
        "nobody": {"HOME": None},
    }.get(way, {})
    for is_second in (False, True):
        code = CODE.format(
            place=str(folder),
            file=str(file),
            dont_write=way == "dont_write",
            is_loaded=way in ("load", "xdg", "cache_dir"),
            is_second=is_second,
        )
        done = run_python(code, tmp_path, tmp_path / "unused", options=["-S"], **variables)
    loaded = set(done.stdout.split()) - set(ALLOWED) - ALLOWED_FOR.get(way, set())
    assert not loaded, sorted(loaded)


@pytest.mark.parametrize("home", [None, "", "/home/somebody", "/home/somebody/", "/", "relative", "~", "/a b/ü\n"])
@pytest.mark.parametrize("caches", [None, "", " ", "/caches", "/caches/", " /caches", "relative", "~/caches", "/"])
@pytest.mark.skipif(sys.platform != "linux", reason="platformdirs itself is asked there")
def test_the_user_directory_is_where_platformdirs_has_it(monkeypatch, home, caches):
    from wasmpy import _cache

    for name, value in (("HOME", home), ("XDG_CACHE_HOME", caches)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert _cache.platform_directory() == platformdirs.user_cache_dir("wasmpy", appauthor=False)


def test_nobody_has_no_user_directory(monkeypatch):
    import pwd

    from wasmpy import _cache

    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert _cache.platform_directory() == ""


def test_own_modules_are_no_circle():
    """So that whatever is loaded first, by whatever thread, finds the others complete."""
    package = Path(wasmpy.__file__).parent
    needs = {
        file.stem: {
            name
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.ImportFrom) and node.level == 1
            for name in ([node.module] if node.module else [alias.name for alias in node.names])
        }
        for file in package.glob("*.py")
    }
    assert needs["_store"] >= {"_compiler", "_cache"}
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError
