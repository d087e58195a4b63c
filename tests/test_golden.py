"""The calls that golden files hold, in CPython, with code of every kind. compiler/tests/goldenwat.ts has the format;
what the calls give is V8's answer."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import wasmpy
from wasmpy import _target

GOLDEN = Path(__file__).parent.parent / "compiler" / "tests" / "golden"
FILES = sorted(path for folder in ("instructions", "patterns", "found") for path in (GOLDEN / folder).glob("*.wat"))
RUN = re.compile(r"^\s*;;run ([^(]+)\((.*)\) =(?: (.*))?$", re.MULTILINE)

# Options of the compiler in addition to the machine's own.
VARIANTS: dict[str, dict[str, object]] = {
    "full": {},
    "x86-64": {"cpu": ""},
    "x86-64-v2": {"cpu": "sse41,popcnt"},
    "quick": {"level": 0},
    "checked": {"checked": True},
    "checked-quick": {"checked": True, "level": 0},
}


def add(a: int, b: int) -> int:
    return (a + b + 2**31) % 2**32 - 2**31


# What modules may import.
HOST = {"host": {"add": add, "same": lambda x: x}}


def parse(text: str) -> Any:
    if text == "null":
        return None
    if text.startswith('"'):
        return text[1:-1]
    if re.fullmatch(r"-?(0x[0-9a-f]+|\d+)", text):
        return int(text, 0)
    return float(text)


def agrees(found: Any, expected: str, exports: Mapping[str, Any]) -> bool:
    if expected.startswith("&"):
        return found is exports[expected[1:]]
    value = parse(expected)
    if isinstance(value, float):
        if math.isnan(value):
            return isinstance(found, float) and math.isnan(found)
        return isinstance(found, float) and struct.pack("d", found) == struct.pack("d", value)
    return type(found) is type(value) and bool(found == value)


def outcome(function: Any, arguments: list[Any], expected: str, exports: Mapping[str, Any]) -> str:
    """What is wrong with a call, or an empty text."""
    try:
        result = function(*arguments)
    except wasmpy.Trap as trap:
        return "" if expected == f"trap {trap.code}" else f"trap {trap.code}"
    if expected.startswith("trap "):
        return repr(result)
    results = result if isinstance(result, tuple) else () if result is None and expected == "" else (result,)
    wanted = expected.split()
    is_right = len(results) == len(wanted) and all(
        agrees(r, w, exports) for r, w in zip(results, wanted, strict=True)
    )
    return "" if is_right else repr(result)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_calls(path: Path, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**_target.options(), "verified": True, **VARIANTS[variant]}
    monkeypatch.setattr(_target, "options", lambda: dict(options))
    text = path.read_text()
    instance = wasmpy.load(text.encode(), HOST)
    calls = RUN.findall(text)
    assert calls
    wrong = []
    for name, arguments, expected in calls:
        values = [parse(a.strip()) for a in arguments.split(",") if a.strip()]
        found = outcome(instance[name], values, expected, wasmpy.exports(instance))
        if found:
            wrong.append(f"{name}({arguments}) = {found}, not {expected}")
    assert wrong == []
