"""A short run of the fuzzer with fixed seeds. What it once found: compiler/tests/golden/found (test_golden.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

sys.path.insert(0, str(HERE / "fuzz"))
import run as fuzzer  # noqa: E402


@pytest.mark.parametrize("first", [0, fuzzer.BLOCK], ids=["guarded", "checked"])
def test_agrees_with_v8(first: int) -> None:
    run = fuzzer.fuzz(range(first, first + 40), minutes=10, jobs=1)
    assert run.findings == []
    assert run.tally.counts["seeds"] == 40
    # In the few scenes that are counted.
    executed = len(run.tally.coverage) - len(fuzzer.never_executed(run.tally))
    assert executed > len(run.tally.coverage) // 2
