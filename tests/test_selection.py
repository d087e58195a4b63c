"""Every pure operation and condition of the IR, compiled with operands of all kinds and run on this machine."""

from __future__ import annotations

import ctypes
import json
import mmap
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = Path(__file__).parent.parent / "compiler"

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not sys.platform.startswith("linux"), reason="runs x86-64 code"
)


def cpu_features() -> set[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":")[1].split())
    return set()


def is_nan(bits: int, width: int) -> bool:
    """True for quiet NaNs."""
    quiet = 0x7FC00000 if width == 32 else 0x7FF8000000000000
    return bits & quiet == quiet


def agrees(expected: str, bits: int) -> bool:
    if expected.startswith("nan"):
        return is_nan(bits, int(expected[3:]))
    if expected == "canonical32":
        return bits & 0x7FFFFFFF == 0x7FC00000
    if expected == "canonical64":
        return bits & 0x7FFFFFFFFFFFFFFF == 0x7FF8000000000000
    return bits == int(expected, 16)


@pytest.mark.parametrize("features", [[], ["sse41", "popcnt"], ["sse41", "popcnt", "lzcnt", "bmi1", "bmi2"]])
def test_operations(features: list[str]) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    names = {"lzcnt": "abm", "sse41": "sse4_1"}
    if any(names.get(f, f) not in cpu_features() for f in features):
        pytest.skip("not on this machine")
    subprocess.run([node, "tools/gen.ts"], cwd=COMPILER, check=True)
    made = json.loads(
        subprocess.run(
            [node, "tests/selected.ts", ",".join(features)], cwd=COMPILER, check=True, capture_output=True
        ).stdout
    )
    blob = bytes.fromhex(made["blob"])
    memory = mmap.mmap(-1, len(blob), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(blob)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    word = ctypes.c_uint64
    kind = ctypes.CFUNCTYPE(word, word, word, word)
    functions = {symbol: kind(base + offset) for symbol, offset in made["entries"].items()}
    wrong = []
    for symbol, arguments, expected, what in made["cases"]:
        operands = [int(a, 16) for a in arguments] + [0] * (3 - len(arguments))
        result = functions[str(symbol)](*operands)
        if not agrees(expected, result):
            wrong.append(f"{what}({', '.join(arguments)}) = {expected}, not {result:x}")
    assert len(made["cases"]) > 10_000
    assert wrong == []
