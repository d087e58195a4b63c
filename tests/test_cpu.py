"""CPUs that have less than others: what is compiled for them, and that an image refuses one that lacks what it needs.

Old CPUs are those of qemu-user: on the PATH, or unpacked by
``python3 tests/debian_root.py .pythons/qemu trixie amd64 qemu-user``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import wasmpy
from conftest import run_python
from wasmpy import _cache, _store, _target

UNPACKED = Path(__file__).resolve().parent.parent / ".pythons" / "qemu" / "usr" / "bin" / "qemu-x86_64"
QEMU = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static") or (UNPACKED.exists() and str(UNPACKED))

MODULE = """
(module
  (func (export "floor") (param f64) (result f64) (f64.floor (local.get 0)))
  (func (export "nearest") (param f32) (result f32) (f32.nearest (local.get 0)))
  (func (export "popcnt") (param i64) (result i64) (i64.popcnt (local.get 0)))
  (func (export "clz") (param i32) (result i32) (i32.clz (local.get 0)))
  (func (export "shl") (param i32 i32) (result i32) (i32.shl (local.get 0) (local.get 1)))
  (memory 1)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
"""
USE = """
import os, sys
import wasmpy
for level in ("x86-64", "x86-64-v2", "x86-64-v3"):
    os.environ["WASMPY_CPU"] = level
    try:
        m = wasmpy.load("m.wat")
    except wasmpy.UnsupportedError as error:
        print(error)
        continue
    try:
        m.load(-1)
    except wasmpy.Trap as trap:
        print(m.floor(-1.5), m.nearest(2.5), m.popcnt(-1), m.clz(1), m.shl(3, 2), trap)
"""
WORKS = "-2.0 2.0 64 31 12 out of bounds memory access"
REFUSES = (
    "this WebAssembly was compiled for CPUs of level x86-64-v{}, which have {}. Compile it on this machine, or with "
    "WASMPY_CPU=x86-64 for every CPU. This CPU: {}"
)
OLD = [REFUSES.format(2, "SSE4.1", "{0}"), REFUSES.format(3, "SSE4.1", "{0}").replace("v3", "v2")]
CPUS = {
    "kvm64": ("Common KVM processor", OLD),
    "qemu64": ("QEMU Virtual CPU version", OLD),
    "core2duo": ("Intel(R) Core(TM)2 Duo CPU", OLD),
    "Nehalem": ("Intel Core i7 9xx (Nehalem", [WORKS, REFUSES.format(3, "BMI1", "{0}")]),
    "Haswell": ("", [WORKS, WORKS]),
}


@pytest.mark.skipif(not QEMU, reason="no qemu-x86_64 found: see the head of this file")
@pytest.mark.skipif("bmi2" not in _target.host_features(), reason="this CPU is not one of level x86-64-v3")
@pytest.mark.parametrize("cpu", CPUS)
def test_images_ask_the_cpu(tmp_path, cache, cpu):
    (tmp_path / "m.wat").write_text(MODULE)
    assert run_python(USE, tmp_path, cache).stdout == f"{WORKS}\n" * 3
    name, newer = CPUS[cpu]
    lines = run_python(USE, tmp_path, cache, before=[str(QEMU), "-cpu", cpu]).stdout.splitlines()
    expected = [WORKS, *newer]
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start.format(name)), (line, start)


@pytest.mark.skipif(not QEMU, reason="no qemu-x86_64 found: see the head of this file")
def test_images_ask_the_cpu_without_wasmpy(tmp_path, cache):
    """Who ships an image by itself: the error is an ImportError then. And it is there each time."""
    (tmp_path / "m.wat").write_text(MODULE)
    run_python("import wasmpy, m", tmp_path, cache, WASMPY_CPU="baseline")
    (image,) = (tmp_path / "__pycache__").glob("m.*.so")
    image.rename(tmp_path / "m.abi3.so")
    code = """
        import sys
        sys.modules["wasmpy"] = None
        for _ in range(2):
            try:
                import m
            except ImportError as error:
                print(type(error).__name__, str(error)[:70])
    """
    done = run_python(code, tmp_path, cache, before=[str(QEMU), "-cpu", "kvm64"])
    assert done.stdout == f"ImportError {REFUSES.format(2, 'SSE4.1', '')[:70]}\n" * 2


@pytest.fixture
def old(monkeypatch):
    """The system says of its CPU what Linux says in a virtual machine of the kind kvm64."""
    known = {"flags": "fpu de pse tsc msr pae cx8 sse sse2 syscall nx lm pni", "model name": "Common KVM processor"}
    monkeypatch.setattr(_target, "_cpuinfo", lambda field: known[field])
    monkeypatch.delenv("WASMPY_CPU", raising=False)


@pytest.mark.usefixtures("old", "own_cache")
def test_what_is_compiled_for_old_ones(monkeypatch):
    assert _target.options()["cpu"] == ""
    below = "below the level x86-64-v2; compiled code uses plain x86-64 only"
    assert _target.describe_cpu() == f"Common KVM processor, {below}"
    m = wasmpy.load(MODULE.encode())
    assert (m.floor(-0.5), m.popcnt(-1)) == (-1.0, 64)
    monkeypatch.setenv("WASMPY_CPU", "baseline")
    with pytest.raises(wasmpy.UnsupportedError, match="this CPU has no sse41, popcnt, which WASMPY_CPU=baseline"):
        wasmpy.load(MODULE.encode())


@pytest.mark.usefixtures("old", "own_cache")
def test_installed_images(monkeypatch, tmp_path):
    """One for a better CPU serves only to say so, where there is no compiler; one for every CPU serves."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "m.wat").write_text(MODULE)

    def build() -> _cache.Build:
        return _cache.Build(MODULE.encode(), "m", str(folder / "m.wat"), beside=True)

    better = _store.install(build())
    assert _cache.find(build()) is None
    # In truth this CPU has what it needs.
    code = """
        import sys
        import wasmpy
        from wasmpy import _identity, _target
        _identity.identity()
        _identity._folder = "/nowhere"  # the compiler cannot be opened
        _target._cpuinfo = lambda field: "fpu sse2"
        sys.path.insert(0, "site-packages")
        import m
        print(m.floor(1.5))
    """
    assert run_python(code, tmp_path, tmp_path / "empty").stdout == "1.0\n"
    with monkeypatch.context() as patch:
        patch.setenv("WASMPY_CPU", "x86-64")
        every = _store.install(build())
    assert _cache.find(build()) == every != better
    monkeypatch.setattr(_target, "host_features", lambda: ["sse41", "popcnt"])
    assert _cache.find(build()) == better
    os.unlink(better)
    assert _cache.find(build()) == every


def test_unknown_level(monkeypatch):
    monkeypatch.setenv("WASMPY_CPU", "x86-64-v9")
    with pytest.raises(ValueError, match="host, x86-64, x86-64-v2, x86-64-v3, baseline, not 'x86-64-v9'"):
        _target.options()
