"""What the machine is, as far as generated code cares. Every option is part of the cache key."""

from __future__ import annotations

import os
import sys

from ._config import config, disabled

# Instruction sets beyond x86-64-v2 that the compiler uses, by the name in /proc/cpuinfo: others, which a level may
# have, too, matter neither to an image nor to its key.
_X86_FEATURES = {"abm": "lzcnt", "bmi1": "bmi1", "bmi2": "bmi2"}
# Levels of CPUs, as the x86-64 ABI has them: the baseline and one that has all of these.
_LEVELS: dict[str, list[str]] = {"baseline": [], "x86-64-v2": [], "x86-64-v3": [*_X86_FEATURES.values()]}


def triple() -> str:
    """``x86_64-linux`` and the like. Raises UnsupportedError where the compiler has no target."""
    machine = os.uname().machine
    if sys.platform == "linux" and machine == "x86_64" and sys.maxsize > 2**32:
        return "x86_64-linux"
    from ._errors import UnsupportedError

    raise UnsupportedError(f"wasmpy cannot compile for {sys.platform} on {machine} yet: only for Linux on x86-64")


def cpu_features() -> list[str]:
    """Names of the features beyond the baseline that settings allow: this CPU's, or those of a level."""
    level = config.get("cpu")
    if level != "host":
        if level not in _LEVELS:
            raise ValueError(f"WASMPY_CPU is host, {', '.join(_LEVELS)}, not {level!r}")
        absent = [feature for feature in _LEVELS[level] if feature not in host_features()]
        if absent:
            from ._errors import UnsupportedError

            raise UnsupportedError(f"this CPU has no {', '.join(absent)}, which WASMPY_CPU={level} asks for")
        return _LEVELS[level]
    return host_features()


def host_features() -> list[str]:
    """Names of the features beyond the baseline that this CPU has."""
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
    """The compile options that stand for this machine and the settings."""
    options: dict[str, object] = {"target": triple(), "cpu": ",".join(cpu_features())}
    without = disabled()
    if without:
        options["without"] = without
    return options
