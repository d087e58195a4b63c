"""A short run of leaks.py, and leaks of every kind that it has to find."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import environment

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import leaks  # noqa: E402


def test_nothing_grows(cache: Path) -> None:
    done = subprocess.run(
        [sys.executable, HERE / "leaks.py", "--quick"],
        env={**os.environ, **environment(cache)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


kept: list[object] = []
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
mapped = 0


def _map() -> None:
    """Neighbouring mappings of equal protection would be one."""
    global mapped
    mapped ^= 1
    libc.mmap(None, ctypes.c_size_t(4096), mapped, 0x22, -1, 0)


def _cycle() -> None:
    """Collected: no leak."""
    cycle: list[object] = []
    cycle.append(cycle)


@pytest.mark.parametrize(
    ("leak", "found"),
    [
        (lambda: kept.append(object()), ["blocks"]),
        (lambda: kept.append([]), ["blocks", "objects"]),
        (lambda: libc.malloc(16), ["malloc"]),
        (lambda: ctypes.pythonapi.Py_IncRef(ctypes.py_object(leaks.WITNESS)), ["witnesses"]),
        (lambda: ctypes.pythonapi.Py_IncRef(ctypes.py_object(leaks.nothing)), ["witnesses"]),
        (lambda: kept.append(os.dup(2)), ["descriptors"]),
        (_map, ["maps"]),
        (_cycle, []),
    ],
)
def test_finds(leak: leaks.Callable[[], object], found: list[str]) -> None:
    _, too_much = leaks.measure(leaks.Scenario("", 900, lambda: leaks.each(leak)), 900)
    assert set(found) <= set(too_much)
    assert bool(found) == bool(too_much)
