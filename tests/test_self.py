"""The compiler compiled by itself: it answers what the compiler that Node runs answers, and makes itself.

What both make of whole suites: ``node tests/self/compare.ts`` in ``compiler/``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import oracle
import pytest
from wasmpy import _compiler, _identity

COMPILER = Path(__file__).resolve().parents[1] / "compiler"
GOLDEN = sorted((COMPILER / "tests" / "golden" / "patterns").glob("*.wat"))
OPTIONS = {"leaf": "m", "target": "x86_64-linux", "cpu": "popcnt,bmi1"}

needs_sources = pytest.mark.skipif(not COMPILER.exists(), reason="the compiler's sources are not here")


def both(header: dict[str, object], source: bytes) -> None:
    assert _compiler.request(header, source) == oracle.request(header, source)


@needs_sources
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_answers_are_those_of_node(path: Path) -> None:
    text = path.read_bytes()
    binary, _ = _compiler.request({"do": "assemble"}, text)[::-1]
    for do in ("assemble", "describe", "disassemble", "validate"):
        both({"do": do}, text)
    for options in ({}, {"checked": True, "wrap": True}, {"level": 0, "interrupts": False, "verified": True}):
        both({"do": "compile", **OPTIONS, **options}, binary)
    for stage in ("ir", "opt", "code", "asm"):
        both({"do": "show", "stage": stage, "filter": "1", **OPTIONS}, text)


@needs_sources
@pytest.mark.parametrize(
    "source",
    [
        b"(module\n  (func (result i32)))",
        b"(module (func) (;",
        b"(module\n\n (func (br 4294967295)))",
        "(module (func $ü (i32.ädd)))".encode(),
        b"\0asm\1\0\0\0\x0a",
        b"\x7fELF",
        b"",
    ],
)
@pytest.mark.parametrize("do", ["validate", "compile", "show", "disassemble"])
def test_diagnostics_are_those_of_node(source: bytes, do: str) -> None:
    both({"do": do}, source)
    both({"do": do, "form": "binary"}, source)
    both({"do": do, "features": "1.0", "without": "simd"}, source)


@needs_sources
def test_scripts_are_those_of_node() -> None:
    script = rb"""
        (module $m (func (export "f") (param i64 f32 v128) (result i32) (i32.const 1)))
        (assert_return (invoke $m "f" (i64.const -1) (f32.const nan:0x200000) (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10
          11 12 13 14 15)) (i32.const 1))
        (assert_invalid (module (func (result i32))) "type mismatch")
        (assert_malformed (module quote "(func (i32.add") "unexpected end")
        (what is this)
        (assert_return (get "\u{1f600}") (f64.const nan:canonical))
        (module binary "\00asm" "\01\00\00\00")
        (register "n" $m)
        (assert_trap (invoke "f
    """
    both({"do": "script"}, script)
    both({"do": "script", "features": "1.0"}, script)
    both({"do": "script"}, b"(module (")


@pytest.mark.skipif(not (COMPILER / "node_modules" / "typescript").exists(), reason="npm ci was not run")
def test_it_makes_itself(tmp_path: Path) -> None:
    """The fixed point: what it makes of its own WebAssembly is what Node makes of it, and what it is itself."""
    command = [oracle.find_node(), str(COMPILER / "tools" / "self.ts"), str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    print(done.stdout, file=sys.stderr)
    binary = (tmp_path / "compiler.wasm").read_bytes()
    for checked, name in enumerate(("compiler.so", "compiler-checked.so")):
        request = {"do": "compile", "leaf": "compiler", "checked": bool(checked), "nogil": True}
        _, image = _compiler.request(request, binary)
        assert image == (tmp_path / name).read_bytes()
        assert image == (Path(_identity.images()) / name).read_bytes()
