"""The user's cache stays within its bounds, whoever writes to it, and what is in use stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import wasmpy
from conftest import environment, run_python
from wasmpy import _eviction, _store

HOUR = 3600
DAY = 86400


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setenv("WASMPY_CACHE_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    return tmp_path


def put(directory: Path, name: str, size: int, age: float) -> Path:
    path = directory / name
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def image(directory: Path, number: int, size: int, age: float) -> Path:
    return put(directory, f"m{number}.wasmpy-0-{number}.so", size, age)


def test_by_age(directory, monkeypatch):
    monkeypatch.setenv("WASMPY_CACHE_DAYS", "3")
    kept = [
        image(directory, 1, 10, 2.9 * DAY),
        image(directory, 2, 10, 0),
        put(directory, "notes.so", 10, 9 * DAY),
        put(directory, ".m.wasmpy-1.so.lock", 0, 0),
        put(directory, "m.wasmpy-1.so.1.tmp", 10, 60),
    ]
    image(directory, 3, 10, 3.1 * DAY)
    image(directory, 4, 10, 900 * DAY)
    put(directory, ".m.wasmpy-2.so.lock", 0, 2 * HOUR)
    put(directory, "m.wasmpy-2.so.1.tmp", 10, 2 * HOUR)
    assert _eviction.prune(directory) == 2
    assert {path for path in directory.rglob("*") if path.is_file()} == set(kept)
    monkeypatch.setenv("WASMPY_CACHE_DAYS", "0")
    image(directory, 5, 10, 900 * DAY)
    assert _eviction.prune(directory) == 0


def test_by_size(directory, monkeypatch):
    """The longest unused go first, and nothing that was used a moment ago."""
    monkeypatch.setenv("WASMPY_CACHE_SIZE", "10K")
    for number in range(30):
        image(directory, number, 1024, (number + 1) * HOUR)
    assert _eviction.prune(directory) == 20
    assert sorted(int(path.name[1:].partition(".")[0]) for path in directory.glob("*.so")) == list(range(10))
    for number in range(100, 130):
        image(directory, number, 1024, 30)
    assert _eviction.prune(directory) == 10
    assert len(list(directory.glob("*.so"))) == 30
    monkeypatch.setenv("WASMPY_CACHE_SIZE", "0")
    assert _eviction.prune(directory) == 0


def test_what_is_used_is_not_old(directory):
    module = wasmpy.Module(b'(module (func (export "used")))')
    path = Path(module._build.image)
    for age, is_renewed in ((100 * DAY, True), (HOUR, True), (10, False)):
        os.utime(path, (time.time() - age,) * 2)
        wasmpy.load(b'(module (func (export "used")))')
        assert (time.time() - path.stat().st_mtime < 5) is is_renewed
        assert _eviction.prune(directory) == 0


def test_a_write_looks_now_and_then(directory, monkeypatch):
    """When a sixteenth of the bound was written, or a day has passed."""
    looked = []
    monkeypatch.setattr(_eviction, "prune", looked.append)
    monkeypatch.setenv("WASMPY_CACHE_SIZE", "16M")
    counts = []
    for _ in range(40):
        _eviction.written(directory, 1 << 16)
        counts.append(len(looked))
    assert counts[15] == 0
    assert counts[20] == 1
    assert counts[39] == 2
    journal = directory / ".wasmpy-written"
    journal.write_bytes(_eviction._HEAD.pack(time.time() - 2 * DAY))
    _eviction.written(directory, 1)
    _eviction.written(directory, 1)
    assert len(looked) == 3
    for damaged in (b"", b"xyz", b"\xff" * 8, b"\xff" * 100):
        journal.write_bytes(damaged)
        for _ in range(3):
            _eviction.written(directory, 1)
    journal.unlink()
    journal.mkdir()
    _eviction.written(directory, 1)


@pytest.mark.parametrize(
    ("name", "value"), [("size", "much"), ("size", "-1"), ("size", "1.5G"), ("days", "1.5"), ("days", "²")]
)
def test_settings_that_mean_nothing(directory, monkeypatch, name, value):
    monkeypatch.setenv(f"WASMPY_CACHE_{name.upper()}", value)
    with pytest.raises(ValueError, match=f"WASMPY_CACHE_{name.upper()} is a number"):
        _eviction.prune(directory)


@pytest.mark.parametrize(
    ("value", "size"), [("0", 0), ("500", 500), ("2k", 2048), (" 3M ", 3 << 20), ("1G", 1 << 30), (0, 0), (7, 7)]
)
def test_sizes(monkeypatch, value, size):
    monkeypatch.delenv("WASMPY_CACHE_SIZE", raising=False)
    monkeypatch.setattr(wasmpy.config, "cache_size", value)
    assert _eviction.most_bytes() == size


def test_a_module_whose_image_is_gone(directory):
    """It is compiled again: between finding and opening, and between compiling and instantiating."""
    module = wasmpy.Module(b'(module (func (export "gone") (result i32) (i32.const 7)))')
    os.unlink(module._build.image)
    assert module.instantiate().gone() == 7
    assert Path(module._build.image).exists()


def test_many_processes_at_once(tmp_path):
    """All work, and the cache is as large as it may be."""
    code = """
        import os, sys, time, wasmpy
        from wasmpy import _cache, _eviction
        _eviction.GRACE_SECONDS = 0  # The worst case: what was found is removed before it is opened.
        for number in range(25):
            text = f'(module (func (export "f") (result i32) (i32.const {number % 9 + int(sys.argv[1])})))'
            assert wasmpy.load(text.encode()).f() == number % 9 + int(sys.argv[1])
    """
    code = "\n".join(line[8:] for line in code.splitlines())
    env = {**os.environ, **environment(tmp_path / "cache"), "WASMPY_CACHE_SIZE": "200K"}
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(number * 3)], env=env, stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert errors == [""] * 4
    assert sum(path.stat().st_size for path in (tmp_path / "cache").glob("*.so")) < 500_000


def test_the_bound_holds(tmp_path):
    code = """
        import wasmpy
        from wasmpy import _eviction
        _eviction.GRACE_SECONDS = 0
        for number in range(40):
            wasmpy.load(f'(module (func (export "{number}")))'.encode())
    """
    run_python(code, tmp_path, tmp_path / "cache", WASMPY_CACHE_SIZE="1M")
    sizes = [path.stat().st_size for path in (tmp_path / "cache").glob("*.so")]
    assert len(sizes) < 40
    assert sum(sizes) < 1_300_000


def test_bytes_like_objects(own_cache, tmp_path):
    import array
    import mmap

    import numpy as np

    binary = wasmpy.wat2wasm('(module (func (export "f") (result i32) (i32.const 7)))')
    padded = binary + b"\0\x01\0" * ((-len(binary)) % 4 + 4)
    padded = padded[: len(padded) // 4 * 4]
    (tmp_path / "m.wasm").write_bytes(binary)
    with open(tmp_path / "m.wasm", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        sources = [
            mapped,
            bytearray(binary),
            memoryview(binary),
            array.array("B", binary),
            np.frombuffer(binary, np.uint8),
            np.array([list(binary), list(binary)], np.uint8)[0],
            np.repeat(np.frombuffer(binary, np.uint8), 2)[::2],
        ]
        for source in sources:
            assert wasmpy.load(source).f() == 7
            assert wasmpy.compile(source).exports[0].name == "f"
            assert wasmpy.Module(source).instantiate().f() == 7
            assert wasmpy.validate(source)
    whole = binary + b"\0" + bytes([(-len(binary) - 3) % 4 + 1, 0]) + bytes((-len(binary) - 3) % 4)
    assert wasmpy.load(array.array("I", whole)).f() == 7, "its length is the number of items"
    for wrong in (3, None, [0, 97], object()):
        with pytest.raises(TypeError, match=f"buffer protocol.*, not {type(wrong).__name__}"):
            wasmpy.load(wrong)


def test_text_where_a_path_is_wanted(tmp_path, monkeypatch):
    for text in ("(module)", "  (module\n(func))", ";; text\n(module)", "(module " + " " * 10000 + ")"):
        for function in (wasmpy.load, wasmpy.Module, wasmpy.compile, wasmpy.validate):
            with pytest.raises(FileNotFoundError, match=r"wasmpy\.wat"):
                function(text)
    with pytest.raises(FileNotFoundError) as caught:
        wasmpy.load("none.wat")
    assert "wasmpy.wat" not in str(caught.value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "(module)").write_text("(module)")
    assert wasmpy.validate("(module)")


def test_the_image_is_put_where_it_was_wanted(directory):
    assert _store.make(wasmpy.Module(b"(module)")._build).startswith(str(directory))
