"""Where the real modules come from: packages pinned by version and checksum, through the registries' own clients.

npm/package-lock.json, crates/Cargo.lock, go/go.sum and requirements.txt name them all. What they give is kept in
tests/real/.work.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import oracle  # noqa: E402

WORK = HERE / ".work"


class AbsentError(Exception):
    """A package or a tool cannot be had; the text says why."""


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What the command prints. Raises AbsentError when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=cwd, env={**os.environ, **(env or {})}, check=False, capture_output=True, text=True
        )
    except OSError as error:
        raise AbsentError(f"cannot run {words[0]}: {error}") from None
    if done.returncode != 0:
        raise AbsentError(f"{' '.join(words[:4])} …: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def once(get: Callable[[], _T]) -> Callable[[], _T]:
    """Asks once: what cannot be had the first time cannot be had later either, and asking may take a minute."""
    answers: list[_T] = []
    errors: list[AbsentError] = []

    def ask() -> _T:
        if errors:
            raise errors[0]
        try:
            if not answers:
                answers.append(get())
        except AbsentError as error:
            errors.append(error)
            raise
        return answers[0]

    return ask


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise AbsentError(f"no {name} on the PATH")
    return found


def obtained(name: str, *pins: Path) -> tuple[Path, bool]:
    """The folder of what ``pins`` pin, and whether it has to be filled first; ``ready`` says that it is."""
    digest = hashlib.sha256(b"".join(pin.read_bytes() for pin in pins)).hexdigest()[:12]
    folder = WORK / f"{name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder, not (folder / "ready").exists()


def ready(folder: Path) -> Path:
    (folder / "ready").touch()
    return folder


@once
def node() -> str:
    return oracle.find_node()


@once
def npm() -> Path:
    """The folder node_modules."""
    pins = HERE / "npm" / "package.json", HERE / "npm" / "package-lock.json"
    folder, empty = obtained("npm", *pins)
    if empty:
        for pin in pins:
            shutil.copy(pin, folder)
        cli = Path(node()).parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [node(), cli] if cli.exists() else [tool("npm")]
        patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
        run(*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *patience, cwd=folder)
        ready(folder)
    return folder / "node_modules"


@once
def crates() -> Path:
    """The folder with the sources of all crates."""
    folder, empty = obtained("crates", HERE / "crates" / "Cargo.toml", HERE / "crates" / "Cargo.lock")
    if empty:
        run(tool("cargo"), "vendor", "--locked", "--quiet", folder / "vendor", cwd=HERE / "crates")
        ready(folder)
    return folder / "vendor"


@once
def zig() -> list[str]:
    """The command of Zig, which is a C compiler too."""
    folder, empty = obtained("pypi", HERE / "requirements.txt")
    if empty:
        # The one that this environment was made with has pip.
        python = getattr(sys, "_base_executable", sys.executable)
        run(
            python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
            "--only-binary", ":all:", "--no-deps", "--upgrade", "--target", folder, "-r", HERE / "requirements.txt",
        )  # fmt: skip
        ready(folder)
    return [str(folder / "ziglang" / "zig")]


def built(name: str, *sources: Path) -> tuple[Path, bool]:
    """Where the module is built, and whether it has to be: once for each content of recipes and sources."""
    folder, empty = obtained(f"{name}-wasm", HERE / "recipes.py", *sources)
    return folder / f"{name}.wasm", empty
