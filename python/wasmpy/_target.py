"""What the machine is, as far as generated code cares. Every option is part of the cache key."""

from __future__ import annotations

import os
import sys
from io import FileIO

from ._config import config, disabled

# Instruction sets beyond plain x86-64 that the compiler knows to use, by the name in /proc/cpuinfo.
_X86_FEATURES = {"sse4_1": "sse41", "popcnt": "popcnt", "abm": "lzcnt", "bmi1": "bmi1", "bmi2": "bmi2"}
# What levels of CPUs, as the x86-64 ABI defines them, have of these. The baseline is what images for many machines
# are compiled for: all CPUs since 2009 have it, but not all that virtual machines imitate.
_LEVELS: dict[str, list[str]] = {
    "x86-64": [],
    "x86-64-v2": ["sse41", "popcnt"],
    "x86-64-v3": [*_X86_FEATURES.values()],
}
_LEVELS["baseline"] = _LEVELS["x86-64-v2"]


def triple() -> str:
    """``x86_64-linux`` and the like. Raises UnsupportedError where the compiler has no target."""
    machine = os.uname().machine
    if sys.platform == "linux" and machine == "x86_64" and sys.maxsize > 2**32:
        return "x86_64-linux"
    from ._errors import UnsupportedError

    raise UnsupportedError(f"wasmpy cannot compile for {sys.platform} on {machine} yet: only for Linux on x86-64")


def cpu_features() -> list[str]:
    """Names of the features beyond plain x86-64 that settings allow: this CPU's, or those of a level."""
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
    """Names of the features beyond plain x86-64 that this CPU has, by what the system says. If that is wrong, images
    notice: they ask the CPU itself."""
    flags = _cpuinfo("flags").split()
    return [ours for theirs, ours in _X86_FEATURES.items() if theirs in flags]


def _cpuinfo(field: str) -> str:
    from ._errors import tried

    file = tried(FileIO, "/proc/cpuinfo")
    if isinstance(file, OSError):
        return ""
    with file:
        text = tried(file.read, 4096)
    if isinstance(text, OSError):
        return ""
    for line in text.decode("ascii", "replace").split("\n"):
        if line.startswith(field):
            return line.partition(":")[2].strip()
    return ""


def shipped_cpu(level: str = "") -> str:
    """The option ``cpu`` of images for many machines: of a level, else of the one that settings choose for them."""
    return ",".join(_LEVELS[level or ("x86-64" if config.get("cpu") == "x86-64" else "baseline")])


def shipped_levels() -> list[str]:
    """The levels of such images that serve this CPU, the best one first."""
    host = host_features()
    return [level for level in ("x86-64-v2", "x86-64") if set(_LEVELS[level]) <= set(host)]


def describe_cpu() -> str:
    """The CPU for people: its name, whether it is an old one, what the compiler may use of it."""
    below = "" if "x86-64-v2" in shipped_levels() else ", below the level x86-64-v2"
    used = ", ".join(cpu_features()) or "plain x86-64 only"
    return f"{_cpuinfo('model name') or 'unknown'}{below}; compiled code uses {used}"


def options() -> dict[str, object]:
    """The compile options that stand for this machine and the settings."""
    options: dict[str, object] = {"target": triple(), "cpu": ",".join(cpu_features())}
    without = disabled()
    if without:
        options["without"] = without
    return options
