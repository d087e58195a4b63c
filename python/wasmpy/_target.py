"""What the machine is, as far as generated code cares. Every option is part of the cache key."""

from __future__ import annotations

import os
import sys

from ._config import config

# Instruction sets beyond x86-64-v2 that the compiler knows to use, by the name in /proc/cpuinfo.
_X86_FEATURES = {"abm": "lzcnt", "bmi1": "bmi1", "bmi2": "bmi2", "avx": "avx"}


def triple() -> str:
    """``x86_64-linux`` and the like. Raises UnsupportedError where the compiler has no target."""
    machine = os.uname().machine
    if sys.platform == "linux" and machine == "x86_64" and sys.maxsize > 2**32:
        return "x86_64-linux"
    from ._errors import UnsupportedError

    raise UnsupportedError(f"wasmpy cannot compile for {sys.platform} on {machine} yet: only for Linux on x86-64")


def cpu_features() -> list[str]:
    """Names of the features beyond the baseline that this CPU has and settings allow."""
    if config.get("cpu") != "host":
        return []
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as file:
            text = file.read(4096)
    except OSError:
        return []
    for line in text.split(b"\n"):
        if line.startswith(b"flags"):
            flags = line.split()
            return [ours for theirs, ours in _X86_FEATURES.items() if theirs.encode() in flags]
    return []


def options() -> dict[str, object]:
    """The compile options that stand for this machine."""
    return {"target": triple(), "cpu": ",".join(cpu_features())}
