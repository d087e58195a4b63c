"""What PyInstaller puts into an application that imports wasmpy: all of the package, and the WebAssembly modules that
the application imports, compiled for every CPU."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

from PyInstaller.config import CONF
from PyInstaller.utils.hooks import collect_data_files, collect_submodules

from wasmpy import _cache, _identity
from wasmpy._cache import Build
from wasmpy._hook import SUFFIXES

hiddenimports = collect_submodules("wasmpy", filter=lambda name: "_pyinstaller" not in name)
datas = collect_data_files("wasmpy")


def hook(hook_api: Any) -> None:
    """Adds the modules of WebAssembly, as they are and compiled."""
    folder = os.path.join(CONF["workpath"], "wasmpy")
    os.makedirs(folder, exist_ok=True)
    compiler = [os.path.join(_identity.images(), name) for name in _identity.FILES]
    hook_api.add_datas([(file, os.path.join("wasmpy", "_compiled")) for file in compiler])
    for name, path in _modules(hook_api.module_graph, hook_api.analysis):
        package = os.path.join(*name.split(".")[:-1], "")
        hook_api.add_datas([(path, package or ".")])
        with open(path, "rb") as file:
            build = Build(file.read(), name.rpartition(".")[2], path)
        for made in (build.baseline(), build.checked().baseline()):
            image = os.path.join(folder, made.name)
            shutil.copyfile(_cache.locate(made), image)
            hook_api.add_datas([(image, os.path.join(package, "__pycache__"))])


def _modules(graph: Any, analysis: Any) -> Iterator[tuple[str, str]]:
    """Names of imported modules, and their files of WebAssembly: missing to PyInstaller, or broken Python."""
    odd = {node.identifier for node in graph.nodes() if type(node).__name__.startswith(("Missing", "Invalid"))}
    for name in sorted(odd | set(analysis.hiddenimports)):
        package, _, leaf = name.rpartition(".")
        node = graph.find_node(package) if package else None
        places = graph.path if not package else getattr(node, "packagepath", None) or []
        files = (os.path.join(place, leaf + suffix) for place in places for suffix in SUFFIXES)
        file = next(filter(os.path.isfile, files), None)
        if file is not None:
            yield name, file
