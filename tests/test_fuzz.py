"""A short run of the fuzzer with fixed seeds, and the modules that it once found to be compiled wrongly."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import wasmpy

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "compiler" / "tests" / "golden-fuzz"

sys.path.insert(0, str(HERE / "fuzz"))
import run as fuzzer  # noqa: E402


@pytest.mark.parametrize("first", [0, fuzzer.BLOCK], ids=["guarded", "checked"])
def test_agrees_with_v8(first: int) -> None:
    made = fuzzer.fuzz(range(first, first + 40), minutes=1, jobs=1)
    assert made.findings == []
    assert made.modules > 10
    never = [name for name, (generated, _) in made.coverage.items() if generated == 0]
    assert len(never) < 20, never


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.wat")), ids=lambda path: path.stem)
def test_found_once(path: Path) -> None:
    """The file's lines ``;;run f(1, -2) = 3 4`` say what calls give, or ``= trap`` and the message."""
    text = path.read_text()
    instance = wasmpy.load(text.encode())
    runs = re.findall(r"^;;run (\w+)\((.*)\) = (.*)$", text, re.MULTILINE)
    assert runs
    for name, args, expected in runs:
        values = [int(arg, 0) for arg in args.split(",") if arg.strip()]
        if expected.startswith("trap "):
            with pytest.raises(wasmpy.Trap) as caught:
                instance[name](*values)
            assert caught.value.code == expected[5:]
            continue
        result = instance[name](*values)
        results = result if isinstance(result, tuple) else (result,)
        assert [str(r) for r in results] == expected.split(), f"{name}({args})"
