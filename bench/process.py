"""What a child process costs."""

from __future__ import annotations

import os
import subprocess
import time


def costs(command: list[str]) -> tuple[float, float]:
    """CPU seconds, of it and of the children it waited for, and wall seconds. Raises when it fails."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, wall
