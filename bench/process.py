"""What a child process costs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from typing import NamedTuple


class Costs(NamedTuple):
    """CPU seconds of a process and of the children it waited for, wall seconds, and the most memory that one of them
    had, in bytes."""

    cpu: float
    wall: float
    peak: int


def costs(command: list[str], environment: Mapping[str, str] | None = None) -> Costs:
    """Runs the command. Raises RuntimeError when it fails."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with status {child.returncode}")
    return Costs(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024)
