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
    # Images, and the journal of the cache.
    assert [name for name in os.listdir(tmp_path) if not name.endswith((".so", ".wasmpy-written"))] == []
