"""Hostile and spoiled files: a diagnostic or a working module, within 2 GiB. All of them: tests/bad_input.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import wasmpy
from bad_input import Mutations, attempt, fault
from hostile.attempt import Everything
from hostile.cases import CASES, Case
from hostile.corpus import corpus

FAST = [case for case in CASES if case.fast]
MUTANTS = 400


@pytest.mark.parametrize("case", FAST, ids=lambda case: case.name)
def test_hostile(case: Case) -> None:
    """In processes of its own, at its full size."""
    result = attempt(case.make(case.size))
    print(result)
    assert fault(result) == ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_in_small(case: Case) -> None:
    """The same shapes, small enough for every run; the compiler's process serves them all."""
    source = case.make(min(case.size, max(case.size // 200, 20)))
    problem: Exception | None = None
    try:
        wasmpy.load(source, Everything())
    except (wasmpy.CompileError, wasmpy.LinkError, wasmpy.UnsupportedError, wasmpy.Trap) as error:
        problem = error
    assert "please report" not in str(problem)


def test_locals_in_memory() -> None:
    """Functions whose locals and blocks are too many for SSA do what they should."""
    size = 4000
    ifs = wasmpy.load(next(case for case in CASES if case.name == "locals_and_many_ifs").make(size))
    assert (ifs.f(0), ifs.f(1)) == (0, size + 1)
    loops = wasmpy.load(next(case for case in CASES if case.name == "locals_and_many_loops").make(size))
    assert loops.f(-1) == size - 1


def test_mutations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMPY_CACHE_DIR", str(tmp_path))
    run = Mutations(2, corpus("1.0"))
    for number in range(MUTANTS):
        run.run(number)
    run.visitor.stop()
    run.report(MUTANTS, 0)
    assert run.findings == []
    assert run.outcomes["malformed"] > run.outcomes["valid"] > MUTANTS // 20
    # Images, V8's code, and the journal of the cache.
    kept = ("node", ".wasmpy-written")
    assert [name for name in os.listdir(tmp_path) if not name.endswith(".so") and name not in kept] == []


def test_compiling_goes_on_after_the_compiler_died(monkeypatch: pytest.MonkeyPatch) -> None:
    """V8 ends the process when its heap is used up: an error like others."""
    from wasmpy import _compiler

    _compiler.stop()
    monkeypatch.setattr(_compiler, "_HEAP", 32)
    many = b"\0asm\x01\0\0\0\x09\x84\x93\x2d\xc0\x96\x0f" + b"\x01\0\0" * 250_000
    with pytest.raises(wasmpy.CompileError, match="out of memory: the module is too large or too complex"):
        wasmpy.compile(many)
    monkeypatch.undo()
    assert wasmpy.wat('(module (func (export "f") (result i32) (i32.const 7)))').instantiate().f() == 7
