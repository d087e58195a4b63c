"""Finds the CPythons to test on: one for each version that wasmpy serves.

Looks for ``python3.X`` on the PATH, among pyenv's versions, and in ``.pythons`` (which ``python3 dev.py pythons``
fills from Debian packages). ``WASMPY_PYTHONS`` may name further executables, separated by colons.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ROOT / ".pythons"
# Suites of Debian that have CPythons, the newest first.
SUITES = ("sid", "trixie", "bookworm")


@dataclass
class Interpreter:
    """How to start one CPython: the command's first words, and what its environment needs."""

    version: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **keywords: object) -> subprocess.CompletedProcess[str]:
        """Runs it to the end, output captured as text."""
        environment = {**os.environ, **self.environment, **keywords.pop("env", {})}  # type: ignore[dict-item]
        return subprocess.run(
            [*self.command, *arguments], env=environment, capture_output=True, text=True, check=False, **keywords
        )  # type: ignore[call-overload]


def _works(interpreter: Interpreter) -> bool:
    code = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_config_var('Py_GIL_DISABLED'))"
    try:
        words = interpreter.run("-S", "-c", code).stdout.split()
    except OSError:
        return False
    return words[:1] == [interpreter.version] and words[1:] != ["1"]


def find() -> dict[str, Interpreter | None]:
    """Version → an interpreter of it that runs, or None."""
    return {version: _find(version) for version in VERSIONS}


def _find(version: str) -> Interpreter | None:
    candidates = [Interpreter(version, [p]) for p in os.environ.get("WASMPY_PYTHONS", "").split(":") if p]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [Interpreter(version, [str(p)]) for p in sorted(pyenv.glob(f"{version}.*/bin/python3"))]
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        candidates.append(Interpreter(version, [on_path]))
    for root in (PYTHONS / suite for suite in SUITES):
        program = root / f"usr/bin/python{version}"
        if program.exists():
            # Through its own loader: the host's C library may be older.
            loader, library = root / "lib64/ld-linux-x86-64.so.2", root / "usr/lib/x86_64-linux-gnu"
            command = [str(loader), "--library-path", str(library), str(program)]
            candidates.append(Interpreter(version, command, {"PYTHONHOME": str(root / "usr")}))
    return next((c for c in candidates if _works(c)), None)


def fetch(absent: list[str], folder: Path = PYTHONS) -> None:
    """Unpacks what Debian's suites have of these versions, and says what it cannot."""
    from debian_root import Suite

    for suite in SUITES:
        if not absent:
            return
        root = folder / suite
        try:
            debian = Suite(root, suite, "amd64")
            known = debian.packages()
            there = [version for version in absent if f"python{version}-minimal" in known]
            print(f"Debian {suite} has of {', '.join(absent)}: {', '.join(there) or 'none'}", flush=True)
            if there:
                debian.unpack(root, [p for v in there for p in (f"python{v}-minimal", f"libpython{v}-stdlib")])
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"Debian {suite} cannot be had: {error}", flush=True)
        else:
            absent = [version for version in absent if version not in there]
    if absent:
        print(
            f"No Debian suite has CPython {', '.join(absent)}: install them (pyenv install {' '.join(absent)}) or "
            "name them in WASMPY_PYTHONS; the tests skip those that are absent"
        )


if __name__ == "__main__":
    for version, interpreter in find().items():
        print(version, "absent" if interpreter is None else " ".join(interpreter.command))
